//! Passkeys: registering, proving, and every answer that must be refused.

use crate::world::{World, on_both};
use access::{ClientAddress, Passkey, RelyingParty, Role, SecondFactor, SessionId, SessionSecret};
use serde_json::Value;
use std::net::IpAddr;
use store::{
    Begun, ChangeFactorError, Enrolling, FactorProof, FirstStep, PasskeyAnswer, SecondStepError,
    SessionLimits, SessionOrigin, SignInError, User,
};
use testkit::authenticator::Authenticator;

const ORIGIN: &str = "https://code.example.org";

fn party() -> RelyingParty {
    RelyingParty::new(&ORIGIN.parse().unwrap()).unwrap()
}

fn address() -> ClientAddress {
    ClientAddress::from("192.0.2.1".parse::<IpAddr>().unwrap())
}

fn options(begun: &Begun) -> Value {
    serde_json::from_str(&begun.options).unwrap()
}

fn answered(begun: &Begun, answer: String) -> PasskeyAnswer {
    PasskeyAnswer { party: party(), ceremony: begun.id.clone(), answer }
}

fn began() -> (SessionLimits, SessionOrigin) {
    (SessionLimits::default(), SessionOrigin::default())
}

async fn session(world: &World, user: &User) -> (SessionSecret, SessionId) {
    let (secret, session) = world.store.start_session(user.id, SessionLimits::default()).await.unwrap();
    (secret, session.id)
}

async fn register(world: &World, user: &User, seed: u8) -> Authenticator {
    let mut device = Authenticator::new(seed, ORIGIN);
    let (_, session) = session(world, user).await;
    let account = (user.id, &user.name);
    let begun = world.store.begin_passkey(&party(), account, Enrolling::Session(&session)).await.unwrap();
    let answer = answered(&begun, device.create(&options(&begun)));
    world.store.add_passkey(account, &session, &answer, "  key\u{7} ring ").await.unwrap();
    device
}

/// Signs in without a name.
async fn alone(world: &World, device: &mut Authenticator) -> Result<SessionSecret, SignInError> {
    let begun = world.store.ask_any_passkey(&party()).await.unwrap();
    let answer = answered(&begun, device.get(&options(&begun)));
    world.store.sign_in_by_passkey(&answer, address(), began()).await
}

fn is_refused(result: &Result<SessionSecret, SignInError>) -> bool {
    matches!(result, Err(SignInError::Refused))
}

on_both! {
    async fn a_passkey_is_a_second_factor_and_signs_in_alone(world) {
        let ada = world.user("ada", Role::Member).await;
        let mut device = register(&world, &ada, 7).await;
        assert_eq!(world.store.second_factor(ada.id).await.unwrap(), SecondFactor::Enrolled);
        let known = world.store.passkeys_of(ada.id).await.unwrap();
        assert_eq!((known.len(), known[0].name.as_str(), known[0].last_used_at), (1, "key ring", None));
        assert_eq!(world.store.n_recovery_codes(ada.id).await.unwrap(), 10);
        let first = world.store.begin_sign_in(&ada, false, SessionLimits::default(), SessionOrigin::default());
        let FirstStep::SecondFactor(pending) = first.await.unwrap() else { panic!() };
        let asked = world.store.ask_passkey(&party(), ada.id, Enrolling::Pending(&pending)).await.unwrap().unwrap();
        let proof = FactorProof::Passkey(Box::new(answered(&asked, device.get(&options(&asked)))));
        let secret = world.store.finish_sign_in(&pending, &proof, address(), began()).await.unwrap();
        assert!(world.store.actor_by_session(&secret).await.unwrap().is_some());
        let secret = alone(&world, &mut device).await.unwrap();
        assert_eq!(world.store.actor_by_session(&secret).await.unwrap().unwrap().user_id(), Some(ada.id));
        assert_eq!(world.store.passkeys_of(ada.id).await.unwrap()[0].last_used_at, Some(world.now()));
    }

    async fn it_steps_up_the_session_that_was_asked(world) {
        let ada = world.user("ada", Role::Member).await;
        let mut device = register(&world, &ada, 7).await;
        let ((secret, id), (other, other_id)) = (session(&world, &ada).await, session(&world, &ada).await);
        let asked = world.store.ask_passkey(&party(), ada.id, Enrolling::Session(&id)).await.unwrap().unwrap();
        let proof = FactorProof::Passkey(Box::new(answered(&asked, device.get(&options(&asked)))));
        let account = (ada.id, &ada.name);
        let elsewhere = world.store.step_up_by_factor((&other, &other_id), account, &proof, address()).await;
        assert!(matches!(elsewhere, Err(SignInError::Refused)));
        assert!(world.store.step_up_by_factor((&secret, &id), account, &proof, address()).await.is_ok());
        let again = world.store.step_up_by_factor((&secret, &id), account, &proof, address()).await;
        assert!(matches!(again, Err(SignInError::Refused)));
    }

    /// Threat A, passkeys with a wrong origin.
    async fn an_answer_from_another_origin_is_refused(world) {
        let ada = world.user("ada", Role::Member).await;
        let mut device = register(&world, &ada, 7).await;
        for origin in ["https://evil.example", "https://code.example.org.evil.example", "http://code.example.org",
            "https://code.example.org:8443", "https://sub.code.example.org", "null", ""] {
            device.origin = origin.into();
            assert!(is_refused(&alone(&world, &mut device).await), "{origin}");
            let (_, session) = session(&world, &ada).await;
            let account = (ada.id, &ada.name);
            let begun = world.store.begin_passkey(&party(), account, Enrolling::Session(&session)).await.unwrap();
            let mut planted = Authenticator::new(9, origin);
            let answer = answered(&begun, planted.create(&options(&begun)));
            let refused = world.store.add_passkey(account, &session, &answer, "x").await;
            assert!(matches!(refused, Err(ChangeFactorError::WrongPasskey)), "{origin}: {refused:?}");
            world.pass(3600);
        }
    }

    /// Threat A, passkeys replayed: a challenge counts once, even when it was answered wrongly or in parallel.
    async fn an_answer_counts_once(world) {
        let ada = world.user("ada", Role::Member).await;
        let mut device = register(&world, &ada, 7).await;
        let begun = world.store.ask_any_passkey(&party()).await.unwrap();
        let seen = device.get(&options(&begun));
        let other = world.another_process().await;
        let mut racing = Vec::new();
        for number in 0..4 {
            let store = if number % 2 == 0 { world.store.clone() } else { other.clone() };
            let answer = answered(&begun, seen.clone());
            racing.push(tokio::spawn(async move { store.sign_in_by_passkey(&answer, address(), began()).await }));
        }
        let mut n_in = 0;
        for one in racing {
            n_in += usize::from(one.await.unwrap().is_ok());
        }
        assert_eq!(n_in, 1);
        // Under another challenge the old answer does not fit.
        let next = world.store.ask_any_passkey(&party()).await.unwrap();
        let replayed = world.store.sign_in_by_passkey(&answered(&next, seen), address(), began()).await;
        assert!(is_refused(&replayed));
        let late = world.store.sign_in_by_passkey(&answered(&next, device.get(&options(&next))), address(), began()).await;
        assert!(is_refused(&late), "the challenge was used up by the wrong answer");
        let slow = world.store.ask_any_passkey(&party()).await.unwrap();
        let answer = answered(&slow, device.get(&options(&slow)));
        world.pass(5 * 60);
        assert!(is_refused(&world.store.sign_in_by_passkey(&answer, address(), began()).await));
    }

    /// Threat A, passkeys with their counter rolled back: a copy of the key is in use.
    async fn a_counter_that_went_back_is_refused(world) {
        let ada = world.user("ada", Role::Member).await;
        let mut device = register(&world, &ada, 7).await;
        let mut copy = device.clone();
        device.counter = 40;
        assert!(alone(&world, &mut device).await.is_ok());
        copy.counter = 40;
        assert!(is_refused(&alone(&world, &mut copy).await), "the same again");
        copy.counter = 3;
        assert!(is_refused(&alone(&world, &mut copy).await));
        copy.counter = 0;
        assert!(is_refused(&alone(&world, &mut copy).await));
        assert!(alone(&world, &mut device).await.is_ok());
    }

    async fn nobody_who_was_not_verified_comes_in(world) {
        let ada = world.user("ada", Role::Member).await;
        let mut device = register(&world, &ada, 7).await;
        device.verifies = false;
        assert!(is_refused(&alone(&world, &mut device).await));
        device.verifies = true;
        assert!(alone(&world, &mut device).await.is_ok());
    }

    async fn a_passkey_is_its_accounts(world) {
        let (ada, eve) = (world.user("ada", Role::Member).await, world.user("eve", Role::Member).await);
        register(&world, &ada, 7).await;
        let mut eves = register(&world, &eve, 9).await;
        // Eve's passkey as Ada's second factor.
        let first = world.store.begin_sign_in(&ada, false, SessionLimits::default(), SessionOrigin::default());
        let FirstStep::SecondFactor(pending) = first.await.unwrap() else { panic!() };
        let asked = world.store.ask_passkey(&party(), ada.id, Enrolling::Pending(&pending)).await.unwrap().unwrap();
        let proof = FactorProof::Passkey(Box::new(answered(&asked, eves.get(&options(&asked)))));
        let refused = world.store.finish_sign_in(&pending, &proof, address(), began()).await;
        assert!(matches!(refused, Err(SecondStepError::Refused)), "{refused:?}");
        // The same credential once more, for another account.
        let (_, session) = session(&world, &ada).await;
        let begun = world.store.begin_passkey(&party(), (ada.id, &ada.name), Enrolling::Session(&session)).await.unwrap();
        let answer = answered(&begun, eves.create(&options(&begun)));
        let refused = world.store.add_passkey((ada.id, &ada.name), &session, &answer, "x").await;
        assert!(matches!(refused, Err(ChangeFactorError::WrongPasskey)));
        // Another's passkey by its id.
        let id = &world.store.passkeys_of(eve.id).await.unwrap()[0].id;
        assert!(!world.store.rename_passkey(ada.id, id, "mine").await.unwrap());
        let removed = world.store.remove_passkey((ada.id, &ada.name), id, false).await;
        assert!(matches!(removed, Err(ChangeFactorError::Unknown)));
    }

    async fn who_is_shut_or_unknown_is_refused(world) {
        let ada = world.user("ada", Role::Member).await;
        let mut device = register(&world, &ada, 7).await;
        let mut stranger = Authenticator::new(11, ORIGIN);
        assert!(is_refused(&alone(&world, &mut stranger).await));
        world.store.set_disabled(ada.id, true).await.unwrap();
        assert!(is_refused(&alone(&world, &mut device).await));
        let begun = world.store.ask_any_passkey(&party()).await.unwrap();
        for nonsense in ["", "{}", "null"] {
            let answer = answered(&begun, nonsense.into());
            assert!(is_refused(&world.store.sign_in_by_passkey(&answer, address(), began()).await));
        }
    }

    async fn passkeys_are_named_and_removed_where_enough_is_left(world) {
        let ada = world.user("ada", Role::Member).await;
        let mut device = register(&world, &ada, 7).await;
        let id = world.store.passkeys_of(ada.id).await.unwrap()[0].id.clone();
        assert!(world.store.rename_passkey(ada.id, &id, &"é".repeat(500)).await.unwrap());
        assert_eq!(world.store.passkeys_of(ada.id).await.unwrap()[0].name.chars().count(), 60);
        let account = (ada.id, &ada.name);
        let refused = world.store.remove_passkey(account, &id, true).await;
        assert!(matches!(refused, Err(ChangeFactorError::Required)));
        world.store.remove_passkey(account, &id, false).await.unwrap();
        assert_eq!(world.store.second_factor(ada.id).await.unwrap(), SecondFactor::None);
        assert!(is_refused(&alone(&world, &mut device).await));
        let mut again = register(&world, &ada, 8).await;
        world.store.reset_factors(ada.id).await.unwrap();
        assert!(is_refused(&alone(&world, &mut again).await));
        assert!(Passkey::credential_id_in("{}").is_none());
    }
}
