//! Second factors: one-time codes, recovery codes, and the two steps of signing in.

use crate::world::{PASSWORD, World, on_both};
use access::{ClientAddress, Password, PendingSecret, RecoveryCode, Role, SecondFactor, SessionSecret};
use access::{TotpCode, TotpSeed, TotpStep};
use std::net::IpAddr;
use store::{
    ChangeFactorError, Enrolling, Enrolment, FactorProof, FirstStep, SecondStepError, SessionLimits,
    SessionOrigin, SignInError, Store, User,
};

const SHORT_PASSWORD: &str = "vtram9hu";

fn from(address: &str) -> ClientAddress {
    ClientAddress::from(address.parse::<IpAddr>().unwrap())
}

fn home() -> ClientAddress {
    from("192.0.2.1")
}

fn code(world: &World, seed: &TotpSeed) -> String {
    seed.code(TotpStep::of(world.now())).to_string()
}

fn wrong_code(world: &World, seed: &TotpSeed) -> String {
    let near: Vec<String> =
        (-2..=2).map(|n| seed.code(TotpStep(TotpStep::of(world.now()).0 + n)).to_string()).collect();
    (481_516..).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).unwrap()
}

/// Enrols an app for an account. Its first code is used up by that; time goes on past it.
async fn enrol(world: &World, user: &User) -> (TotpSeed, Vec<RecoveryCode>) {
    let (_, session) = world.store.start_session(user.id, SessionLimits::default()).await.unwrap();
    let seed = world.store.draw_totp(user.id, Enrolling::Session(&session.id)).await.unwrap();
    let first = TotpCode::parse(&code(world, &seed)).unwrap();
    let codes = world.store.confirm_totp((user.id, &user.name), &session.id, &first).await.unwrap();
    world.pass(60);
    (seed, codes)
}

async fn first_step(store: &Store, user: &User, is_required: bool) -> FirstStep {
    store.begin_sign_in(user, is_required, SessionLimits::default(), SessionOrigin::default()).await.unwrap()
}

async fn pending(store: &Store, user: &User) -> PendingSecret {
    match first_step(store, user, false).await {
        FirstStep::SecondFactor(pending) => pending,
        other => panic!("{other:?}"),
    }
}

async fn second_step(
    store: &Store,
    pending: &PendingSecret,
    proof: &str,
    address: ClientAddress,
) -> Result<SessionSecret, SecondStepError> {
    let began = (SessionLimits::default(), SessionOrigin::default());
    store.finish_sign_in(pending, &FactorProof::parse(proof), address, began).await
}

async fn is_valid(world: &World, secret: &SessionSecret) -> bool {
    world.store.actor_by_session(secret).await.unwrap().is_some()
}

on_both! {
    async fn without_a_second_factor_the_password_is_enough(world) {
        let ada = world.user("ada", Role::Member).await;
        let FirstStep::SignedIn(secret) = first_step(&world.store, &ada, false).await else { panic!() };
        assert!(is_valid(&world, &secret).await);
    }

    async fn with_one_it_is_asked_for(world) {
        let ada = world.user("ada", Role::Member).await;
        let (seed, _) = enrol(&world, &ada).await;
        assert_eq!(world.store.second_factor(ada.id).await.unwrap(), SecondFactor::Enrolled);
        let pending = pending(&world.store, &ada).await;
        let known = world.store.pending_sign_in(&pending).await.unwrap().unwrap();
        assert_eq!((known.user.id, known.second_factor), (ada.id, SecondFactor::Enrolled));
        let secret = second_step(&world.store, &pending, &code(&world, &seed), home()).await.unwrap();
        assert!(is_valid(&world, &secret).await);
        assert_eq!(world.store.pending_sign_in(&pending).await.unwrap(), None, "it is over");
        let again = second_step(&world.store, &pending, &code(&world, &seed), home()).await;
        assert!(matches!(again, Err(SecondStepError::Over)), "{again:?}");
    }

    /// What stands between the two steps is no session, whatever it is shown as.
    async fn half_a_sign_in_opens_nothing(world) {
        let ada = world.user("ada", Role::Member).await;
        enrol(&world, &ada).await;
        let pending = pending(&world.store, &ada).await;
        assert!(SessionSecret::parse(pending.reveal()).is_err());
        let as_session = pending.reveal().replace("skp_", "sks_");
        assert!(SessionSecret::parse(&as_session).is_err(), "its checksum tells");
    }

    async fn a_seed_counts_when_it_is_confirmed(world) {
        let ada = world.user("ada", Role::Member).await;
        let (_, session) = world.store.start_session(ada.id, SessionLimits::default()).await.unwrap();
        let seed = world.store.draw_totp(ada.id, Enrolling::Session(&session.id)).await.unwrap();
        assert_eq!(world.store.second_factor(ada.id).await.unwrap(), SecondFactor::None);
        let wrong = TotpCode::parse(&wrong_code(&world, &seed)).unwrap();
        let refused = world.store.confirm_totp((ada.id, &ada.name), &session.id, &wrong).await;
        assert!(matches!(refused, Err(ChangeFactorError::WrongCode)));
        let drawn = world.store.drawn_totp(ada.id, Enrolling::Session(&session.id)).await.unwrap().unwrap();
        assert_eq!(drawn.expose(), seed.expose(), "the same is shown again");
        world.pass(15 * 60);
        let late = TotpCode::parse(&code(&world, &seed)).unwrap();
        let refused = world.store.confirm_totp((ada.id, &ada.name), &session.id, &late).await;
        assert!(matches!(refused, Err(ChangeFactorError::NothingDrawn)));
        assert_eq!(world.store.second_factor(ada.id).await.unwrap(), SecondFactor::None);
    }

    /// A seed is seen and confirmed by whom it was drawn for only.
    async fn a_seed_is_not_shown_to_somebody_else_who_enrols(world) {
        let ada = world.user("ada", Role::Member).await;
        let (_, one) = world.store.start_session(ada.id, SessionLimits::default()).await.unwrap();
        let (_, other) = world.store.start_session(ada.id, SessionLimits::default()).await.unwrap();
        let seed = world.store.draw_totp(ada.id, Enrolling::Session(&one.id)).await.unwrap();
        assert!(world.store.drawn_totp(ada.id, Enrolling::Session(&other.id)).await.unwrap().is_none());
        let right = TotpCode::parse(&code(&world, &seed)).unwrap();
        let refused = world.store.confirm_totp((ada.id, &ada.name), &other.id, &right).await;
        assert!(matches!(refused, Err(ChangeFactorError::NothingDrawn)), "{refused:?}");
    }

    async fn seeds_are_sealed(world) {
        let ada = world.user("ada", Role::Member).await;
        let (seed, _) = enrol(&world, &ada).await;
        let (_, session) = world.store.start_session(ada.id, SessionLimits::default()).await.unwrap();
        let candidate = world.store.draw_totp(ada.id, Enrolling::Session(&session.id)).await.unwrap();
        for entry in std::fs::read_dir(world.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            for seed in [&seed, &candidate] {
                let is_there = bytes.windows(20).any(|window| window == seed.expose());
                assert!(!is_there, "{}", path.display());
            }
        }
        let key = world.store.rotate_key().await.unwrap();
        let resealed = world.store.reseal_step().await.unwrap();
        assert!(resealed.n_left == 0 && resealed.n_done >= 2, "{resealed:?} {key}");
        let pending = pending(&world.store, &ada).await;
        assert!(second_step(&world.store, &pending, &code(&world, &seed), home()).await.is_ok());
    }

    /// Threat A, TOTP replay: a code counts once, for signing in and for stepping up alike.
    async fn totp_codes_are_not_taken_twice(world) {
        let ada = world.user("ada", Role::Member).await;
        let (seed, _) = enrol(&world, &ada).await;
        let seen = code(&world, &seed);
        let first = pending(&world.store, &ada).await;
        let secret = second_step(&world.store, &first, &seen, home()).await.unwrap();
        let second = pending(&world.store, &ada).await;
        let replayed = second_step(&world.store, &second, &seen, from("198.51.100.7")).await;
        assert!(matches!(replayed, Err(SecondStepError::Refused)), "{replayed:?}");
        let account = (ada.id, &ada.name);
        let session = access::SessionId("any".into());
        let proof = FactorProof::parse(&seen);
        let stepped = world.store.step_up_by_factor((&secret, &session), account, &proof, home()).await;
        assert!(matches!(stepped, Err(SignInError::Refused)), "a second way in takes it no more");
        world.pass(30);
        let proof = FactorProof::parse(&code(&world, &seed));
        let renewed = world.store.step_up_by_factor((&secret, &session), account, &proof, home()).await.unwrap();
        assert!(!is_valid(&world, &secret).await && is_valid(&world, &renewed).await);
        // One from the tolerance, after a later one was taken.
        let earlier = seed.code(TotpStep(TotpStep::of(world.now()).0 - 1)).to_string();
        let third = pending(&world.store, &ada).await;
        let replayed = second_step(&world.store, &third, &earlier, home()).await;
        assert!(matches!(replayed, Err(SecondStepError::Refused)));
    }

    /// Threats S, clock jumps: where the clock goes back, what was used up stays used up.
    async fn a_clock_that_goes_back_gives_nothing_back(world) {
        let ada = world.user("ada", Role::Member).await;
        let (seed, codes) = enrol(&world, &ada).await;
        let (seen, used_at) = (code(&world, &seed), world.now());
        let first = pending(&world.store, &ada).await;
        second_step(&world.store, &first, &seen, home()).await.unwrap();
        let first = pending(&world.store, &ada).await;
        let recovery = codes[0].reveal().to_string();
        second_step(&world.store, &first, &recovery, home()).await.unwrap();
        for seconds in [1, 30, 3600, 10 * 365 * 86_400] {
            world.clock.set(used_at.minus(std::time::Duration::from_secs(seconds)));
            for proof in [&seen, &recovery] {
                let again = pending(&world.store, &ada).await;
                let replayed = second_step(&world.store, &again, proof, home()).await;
                assert!(matches!(replayed, Err(SecondStepError::Refused | SecondStepError::Wait { .. })), "{seconds}");
            }
        }
        // Nor is anything lost for good.
        world.clock.set(used_at);
        world.pass(4000);
        let again = pending(&world.store, &ada).await;
        second_step(&world.store, &again, &code(&world, &seed), home()).await.unwrap();
    }

    /// Threat A, TOTP replay in parallel, over two processes: one is let in.
    async fn one_totp_code_lets_one_in_however_many_race(world) {
        let ada = world.user("ada", Role::Member).await;
        let (seed, _) = enrol(&world, &ada).await;
        let other = world.another_process().await;
        for round in 0..4 {
            let seen = code(&world, &seed);
            let mut racing = Vec::new();
            for number in 0..8u8 {
                let store = if number % 2 == 0 { world.store.clone() } else { other.clone() };
                let (pending, seen) = (pending(&store, &ada).await, seen.clone());
                racing.push(tokio::spawn(async move {
                    let address = ClientAddress::from(IpAddr::from([192, 0, 2, number]));
                    second_step(&store, &pending, &seen, address).await
                }));
            }
            let mut n_in = 0;
            for sign_in in racing {
                match sign_in.await.unwrap() {
                    Ok(_) => n_in += 1,
                    Err(SecondStepError::Refused | SecondStepError::Wait { .. }) => {}
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(n_in, 1, "round {round}");
            world.pass(3600);
        }
    }

    /// Threat A, recovery codes raced: one is let in, and the code is gone.
    async fn one_recovery_code_lets_one_in_however_many_race(world) {
        let ada = world.user("ada", Role::Member).await;
        let (_, codes) = enrol(&world, &ada).await;
        let other = world.another_process().await;
        assert_eq!(codes.len(), 10);
        for (round, code) in (1..).zip(&codes[..3]) {
            let mut racing = Vec::new();
            for number in 0..8u8 {
                let store = if number % 2 == 0 { world.store.clone() } else { other.clone() };
                let (pending, code) = (pending(&store, &ada).await, code.reveal().to_string());
                racing.push(tokio::spawn(async move {
                    let address = ClientAddress::from(IpAddr::from([192, 0, 2, number]));
                    second_step(&store, &pending, &code, address).await
                }));
            }
            let mut n_in = 0;
            for sign_in in racing {
                n_in += usize::from(sign_in.await.unwrap().is_ok());
            }
            assert_eq!(n_in, 1);
            assert_eq!(world.store.n_recovery_codes(ada.id).await.unwrap(), 10 - round);
            world.pass(3600);
        }
    }

    async fn recovery_codes_are_of_one_account_and_one_drawing(world) {
        let (ada, eve) = (world.user("ada", Role::Member).await, world.user("eve", Role::Member).await);
        let ((_, old), (_, eves)) = (enrol(&world, &ada).await, enrol(&world, &eve).await);
        let new = world.store.draw_recovery_codes((ada.id, &ada.name)).await.unwrap();
        for refused in [&eves[0], &old[0]] {
            let pending = pending(&world.store, &ada).await;
            let refused = second_step(&world.store, &pending, &refused.reveal(), home()).await;
            assert!(matches!(refused, Err(SecondStepError::Refused)));
        }
        let pending = pending(&world.store, &ada).await;
        assert!(second_step(&world.store, &pending, &new[0].reveal(), home()).await.is_ok());
        assert_eq!(world.store.n_recovery_codes(ada.id).await.unwrap(), 9);
    }

    /// Five attempts with one password, then it is asked again; and an attacker who knows the password gets slower.
    async fn guessing_codes_gets_slower_and_slower(world) {
        let ada = world.user("ada", Role::Member).await;
        let (seed, _) = enrol(&world, &ada).await;
        let wrong = wrong_code(&world, &seed);
        let one = pending(&world.store, &ada).await;
        for _ in 0..5 {
            let refused = second_step(&world.store, &one, &wrong, home()).await;
            assert!(matches!(refused, Err(SecondStepError::Refused)), "{refused:?}");
        }
        let over = second_step(&world.store, &one, &code(&world, &seed), home()).await;
        assert!(matches!(over, Err(SecondStepError::Over)), "{over:?}");
        let two = pending(&world.store, &ada).await;
        let waits = second_step(&world.store, &two, &code(&world, &seed), home()).await;
        assert!(matches!(waits, Err(SecondStepError::Wait { .. })), "{waits:?}");
        // The right password does not forget what failed at the second step.
        world.store.authenticate("ada", &Password::new(PASSWORD), home()).await.unwrap();
        let waits = second_step(&world.store, &two, &code(&world, &seed), home()).await;
        assert!(matches!(waits, Err(SecondStepError::Wait { .. })), "{waits:?}");
        world.pass(60);
        assert!(second_step(&world.store, &two, &code(&world, &seed), home()).await.is_ok());
    }

    /// Threat A, brute force from many addresses and lock-out as a weapon: whoever has the password and a thousand addresses
    /// gets ten codes looked at, and the owner comes in where they always do.
    async fn codes_are_not_guessed_from_everywhere_and_the_owner_gets_in(world) {
        let ada = world.user("ada", Role::Member).await;
        let (seed, _) = enrol(&world, &ada).await;
        let origin = SessionOrigin { address: Some(home()), ..SessionOrigin::default() };
        world.store.start_session_from(ada.id, SessionLimits::default(), origin).await.unwrap();
        let wrong = wrong_code(&world, &seed);
        let mut n_looked_at = 0;
        for number in 0..30u8 {
            let pending = pending(&world.store, &ada).await;
            let address = ClientAddress::from(IpAddr::from([198, 51, 100, number]));
            match second_step(&world.store, &pending, &wrong, address).await {
                Err(SecondStepError::Refused) => n_looked_at += 1,
                Err(SecondStepError::Wait { .. }) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(n_looked_at, 10);
        let pending = pending(&world.store, &ada).await;
        assert!(second_step(&world.store, &pending, &code(&world, &seed), home()).await.is_ok());
    }

    async fn a_half_done_sign_in_ends_by_itself_and_with_the_account(world) {
        let ada = world.user("ada", Role::Member).await;
        let (seed, _) = enrol(&world, &ada).await;
        let slow = pending(&world.store, &ada).await;
        world.pass(10 * 60);
        let over = second_step(&world.store, &slow, &code(&world, &seed), home()).await;
        assert!(matches!(over, Err(SecondStepError::Over)));
        let shut = pending(&world.store, &ada).await;
        world.store.set_disabled(ada.id, true).await.unwrap();
        let over = second_step(&world.store, &shut, &code(&world, &seed), home()).await;
        assert!(matches!(over, Err(SecondStepError::Over)));
    }

    async fn where_a_factor_is_required_it_is_enrolled_first(world) {
        let ada = world.user("ada", Role::Member).await;
        let FirstStep::Enrolment(pending) = first_step(&world.store, &ada, true).await else { panic!() };
        let seed = world.store.draw_totp(ada.id, Enrolling::Pending(&pending)).await.unwrap();
        let began = || (SessionLimits::default(), SessionOrigin::default());
        let wrong = TotpCode::parse(&wrong_code(&world, &seed)).unwrap();
        let refused = world.store.finish_enrolment(&pending, &Enrolment::Totp(wrong), began()).await;
        assert!(matches!(refused, Err(SecondStepError::Enrolment(ChangeFactorError::WrongCode))));
        let right = TotpCode::parse(&code(&world, &seed)).unwrap();
        let (secret, codes) = world.store.finish_enrolment(&pending, &Enrolment::Totp(right), began()).await.unwrap();
        assert!(is_valid(&world, &secret).await && codes.len() == 10);
        assert_eq!(world.store.pending_sign_in(&pending).await.unwrap(), None);
        // The code that confirmed it signs nobody in.
        let FirstStep::SecondFactor(next) = first_step(&world.store, &ada, true).await else { panic!() };
        let replayed = second_step(&world.store, &next, &code(&world, &seed), home()).await;
        assert!(matches!(replayed, Err(SecondStepError::Refused)));
    }

    /// Whoever knows the password and was led to enrolment before the owner enrolled, cannot put a factor in its place.
    async fn an_enrolment_that_was_overtaken_is_over(world) {
        let ada = world.user("ada", Role::Member).await;
        let FirstStep::Enrolment(evil) = first_step(&world.store, &ada, true).await else { panic!() };
        let (seed, _) = enrol(&world, &ada).await;
        let planted = world.store.draw_totp(ada.id, Enrolling::Pending(&evil)).await.unwrap();
        let right = TotpCode::parse(&code(&world, &planted)).unwrap();
        let began = (SessionLimits::default(), SessionOrigin::default());
        let refused = world.store.finish_enrolment(&evil, &Enrolment::Totp(right), began).await;
        assert!(matches!(refused, Err(SecondStepError::Over)), "{refused:?}");
        let pending = pending(&world.store, &ada).await;
        assert!(second_step(&world.store, &pending, &code(&world, &seed), home()).await.is_ok());
    }

    async fn requiring_a_factor_ends_the_sessions_of_those_without(world) {
        let (ada, eve) = (world.user("ada", Role::Member).await, world.user("eve", Role::Member).await);
        enrol(&world, &ada).await;
        let (adas, _) = world.store.start_session(ada.id, SessionLimits::default()).await.unwrap();
        let (eves, _) = world.store.start_session(eve.id, SessionLimits::default()).await.unwrap();
        let before = world.store.epoch().await.unwrap();
        assert!(!world.store.second_factor_required().await.unwrap());
        world.store.require_second_factor(true).await.unwrap();
        assert!(world.store.second_factor_required().await.unwrap());
        assert!(is_valid(&world, &adas).await && !is_valid(&world, &eves).await);
        assert!(world.store.epoch().await.unwrap() > before);
        world.store.require_second_factor(false).await.unwrap();
        assert!(!world.store.second_factor_required().await.unwrap());
    }

    /// A short password is accepted beside a factor, and keeps the factor in its place.
    async fn the_password_may_be_shorter_beside_a_factor(world) {
        let ada = world.user("ada", Role::Member).await;
        let short = Password::new(SHORT_PASSWORD);
        assert!(world.store.set_password(ada.id, &short).await.is_err());
        enrol(&world, &ada).await;
        world.store.set_password(ada.id, &short).await.unwrap();
        let refused = world.store.remove_totp((ada.id, &ada.name), false).await;
        assert!(matches!(refused, Err(ChangeFactorError::PasswordNeedsIt)));
        assert_eq!(world.store.second_factor(ada.id).await.unwrap(), SecondFactor::Enrolled);
        world.store.set_password(ada.id, &Password::new(PASSWORD)).await.unwrap();
        let refused = world.store.remove_totp((ada.id, &ada.name), true).await;
        assert!(matches!(refused, Err(ChangeFactorError::Required)));
        world.store.remove_totp((ada.id, &ada.name), false).await.unwrap();
        assert_eq!(world.store.second_factor(ada.id).await.unwrap(), SecondFactor::None);
        assert_eq!(world.store.n_recovery_codes(ada.id).await.unwrap(), 0);
        assert!(world.store.remove_totp((ada.id, &ada.name), false).await.is_err());
    }

    /// An administrator takes lost factors away; a password that cannot stand alone goes with them.
    async fn reset_factors_leave_no_short_password_alone(world) {
        let (ada, eve) = (world.user("ada", Role::Member).await, world.user("eve", Role::Member).await);
        for user in [&ada, &eve] {
            enrol(&world, user).await;
        }
        let short = Password::new(SHORT_PASSWORD);
        world.store.set_password(eve.id, &short).await.unwrap();
        let (session, _) = world.store.start_session(ada.id, SessionLimits::default()).await.unwrap();
        let half = pending(&world.store, &ada).await;
        world.store.reset_factors(ada.id).await.unwrap();
        world.store.reset_factors(eve.id).await.unwrap();
        assert!(!is_valid(&world, &session).await);
        assert_eq!(world.store.pending_sign_in(&half).await.unwrap(), None);
        assert_eq!(world.store.second_factor(ada.id).await.unwrap(), SecondFactor::None);
        assert!(world.store.authenticate("ada", &Password::new(PASSWORD), home()).await.is_ok());
        assert!(world.store.authenticate("eve", &short, home()).await.is_err());
    }

    async fn the_log_says_what_became_of_factors(world) {
        let ada = world.user("ada", Role::Member).await;
        let (seed, codes) = enrol(&world, &ada).await;
        let half = pending(&world.store, &ada).await;
        let wrong = wrong_code(&world, &seed);
        second_step(&world.store, &half, &wrong, home()).await.unwrap_err();
        second_step(&world.store, &half, &codes[0].reveal(), home()).await.unwrap();
        world.store.reset_factors(ada.id).await.unwrap();
        let log = world.store.audit_entries(&store::AuditFilter::default(), None, 100).await.unwrap();
        let acts: Vec<(&str, &str)> =
            log.iter().rev().map(|entry| (entry.act.as_str(), entry.outcome.as_str())).collect();
        for act in [
            ("user.factor.add", "done"),
            ("user.recovery.draw", "done"),
            ("session.sign-in", "refused"),
            ("user.recovery.use", "done"),
            ("session.sign-in", "done"),
            ("user.factor.remove", "done"),
        ] {
            assert!(acts.contains(&act), "{act:?} in {acts:?}");
        }
        let text = format!("{log:?}");
        for secret in [&*wrong, &codes[0].reveal(), &seed.key_text().replace(' ', "")] {
            assert!(!text.contains(secret));
        }
    }

    async fn nonsense_is_counted_like_a_wrong_code(world) {
        let ada = world.user("ada", Role::Member).await;
        enrol(&world, &ada).await;
        let half = pending(&world.store, &ada).await;
        for proof in ["", "12345", "a\0b", &"9".repeat(10_000), "000000000000"] {
            let refused = second_step(&world.store, &half, proof, home()).await;
            assert!(matches!(refused, Err(SecondStepError::Refused)), "{refused:?}");
        }
        let over = second_step(&world.store, &half, "123456", home()).await;
        assert!(matches!(over, Err(SecondStepError::Over)));
    }
}
