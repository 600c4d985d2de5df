//! Proving again who one is, and changing the password.

use crate::world::{PASSWORD, World, on_both, user_name};
use access::{ClientAddress, Password, Role, SessionSecret};
use std::net::IpAddr;
use std::time::Duration;
use store::{ChangePasswordError, FRESH_FOR, Session, SessionLimits, SessionOrigin, SignInError, User};

const NEW_PASSWORD: &str = "ochre lantern windmill";

fn home() -> ClientAddress {
    ClientAddress::from("192.0.2.1".parse::<IpAddr>().unwrap())
}

async fn session(world: &World, user: &User) -> (SessionSecret, Session) {
    world.store.start_session(user.id, SessionLimits::default()).await.unwrap()
}

async fn is_valid(world: &World, secret: &SessionSecret) -> bool {
    world.store.actor_by_session(secret).await.unwrap().is_some()
}

on_both! {
    async fn a_proof_gets_stale(world) {
        let ada = world.user("ada", Role::Member).await;
        let (_, session) = session(&world, &ada).await;
        assert!(world.store.is_fresh(&session.id).await.unwrap(), "signing in is one");
        world.pass(FRESH_FOR.as_secs() - 1);
        assert!(world.store.is_fresh(&session.id).await.unwrap());
        world.pass(1);
        assert!(!world.store.is_fresh(&session.id).await.unwrap());
    }

    /// The old secret is worth nothing: whoever holds a copy of it is not lifted with its owner.
    async fn proving_again_rotates_the_secret(world) {
        let ada = world.user("ada", Role::Member).await;
        let (old, begun) = session(&world, &ada).await;
        world.pass(FRESH_FOR.as_secs());
        let proof = Password::new(PASSWORD);
        let new = world.store.step_up_by_password(&old, (ada.id, &ada.name), &proof, home()).await.unwrap();
        assert!(!is_valid(&world, &old).await && is_valid(&world, &new).await);
        assert!(world.store.is_fresh(&begun.id).await.unwrap());
    }

    async fn a_wrong_proof_changes_nothing_and_is_counted(world) {
        let ada = world.user("ada", Role::Member).await;
        let (secret, begun) = session(&world, &ada).await;
        world.pass(FRESH_FOR.as_secs());
        let wrong = Password::new("something else entirely");
        for _ in 0..5 {
            let refused = world.store.step_up_by_password(&secret, (ada.id, &ada.name), &wrong, home()).await;
            assert!(matches!(refused, Err(SignInError::Refused)), "{refused:?}");
        }
        let right = Password::new(PASSWORD);
        let waits = world.store.step_up_by_password(&secret, (ada.id, &ada.name), &right, home()).await;
        assert!(matches!(waits, Err(SignInError::Wait { .. })), "{waits:?}");
        assert!(is_valid(&world, &secret).await && !world.store.is_fresh(&begun.id).await.unwrap());
    }

    /// One's own password does not lift somebody else's session.
    async fn a_proof_is_of_the_sessions_own_account(world) {
        let (ada, eve) = (world.user("ada", Role::Administrator).await, world.user("eve", Role::Member).await);
        let (adas, begun) = session(&world, &ada).await;
        world.pass(FRESH_FOR.as_secs());
        let proof = Password::new(PASSWORD);
        let lifted = world.store.step_up_by_password(&adas, (eve.id, &eve.name), &proof, home()).await;
        assert!(matches!(lifted, Err(SignInError::Refused)));
        assert!(!world.store.is_fresh(&begun.id).await.unwrap());
    }

    async fn a_session_that_is_over_cannot_be_proved(world) {
        let ada = world.user("ada", Role::Member).await;
        let limits = SessionLimits { idle: Duration::from_secs(60), absolute: Duration::from_secs(60) };
        let (secret, begun) = world.store.start_session(ada.id, limits).await.unwrap();
        world.pass(60);
        let proof = Password::new(PASSWORD);
        let lifted = world.store.step_up_by_password(&secret, (ada.id, &ada.name), &proof, home()).await;
        assert!(matches!(lifted, Err(SignInError::Refused)));
        assert_eq!(world.store.proved_at(&begun.id).await.unwrap(), None);
    }

    async fn changing_the_password_ends_the_other_sessions(world) {
        let ada = world.user("ada", Role::Member).await;
        let ((here, _), (elsewhere, _)) = (session(&world, &ada).await, session(&world, &ada).await);
        let before = world.store.epoch().await.unwrap();
        let (present, new) = (Password::new(PASSWORD), Password::new(NEW_PASSWORD));
        let secret = world.store.change_password(&here, &ada.name, (&present, &new), home()).await.unwrap();
        assert!(is_valid(&world, &secret).await);
        assert!(!is_valid(&world, &here).await && !is_valid(&world, &elsewhere).await);
        assert!(world.store.epoch().await.unwrap() > before);
        assert!(world.store.authenticate("ada", &new, home()).await.is_ok());
        assert!(world.store.authenticate("ada", &present, home()).await.is_err());
    }

    async fn changing_the_password_asks_for_the_present_one_and_a_good_one(world) {
        let ada = world.user("ada", Role::Member).await;
        let (secret, _) = session(&world, &ada).await;
        let (present, wrong) = (Password::new(PASSWORD), Password::new("something else entirely"));
        let new = Password::new(NEW_PASSWORD);
        let refused = world.store.change_password(&secret, &ada.name, (&wrong, &new), home()).await;
        assert!(matches!(refused, Err(ChangePasswordError::SignIn(SignInError::Refused))));
        let short = Password::new("fourteen chars");
        let refused = world.store.change_password(&secret, &ada.name, (&present, &short), home()).await;
        assert!(matches!(refused, Err(ChangePasswordError::Password(_))));
        assert!(is_valid(&world, &secret).await);
        assert!(world.store.authenticate("ada", &present, home()).await.is_ok());
    }

    async fn where_a_session_began_is_remembered_within_limits(world) {
        let ada = world.user("ada", Role::Member).await;
        let agent = format!("evil\0\u{1b}[2J{}", "x".repeat(10_000));
        let origin = SessionOrigin { address: Some(home()), agent: Some(agent), ..SessionOrigin::default() };
        world.store.start_session_from(ada.id, SessionLimits::default(), origin).await.unwrap();
        let sessions = world.store.sessions_of(ada.id).await.unwrap();
        let agent = sessions[0].agent.as_deref().unwrap();
        assert_eq!(sessions[0].address.as_deref(), Some("192.0.2.1"));
        assert!(agent.starts_with("evil\u{fffd}\u{fffd}[2Jx") && agent.chars().count() == 200, "{agent}");
    }

    /// A whole network of guessers is slowed down for one account, and its owner is not, where they signed in before.
    async fn guessing_from_everywhere_slows_the_guessers_only(world) {
        let ada = world.user("ada", Role::Member).await;
        let origin = SessionOrigin { address: Some(home()), ..SessionOrigin::default() };
        world.store.start_session_from(ada.id, SessionLimits::default(), origin).await.unwrap();
        let wrong = Password::new("something else entirely");
        for name in ["ada", "nobody"] {
            let mut n_looked_at = 0;
            for number in 0..120u32 {
                let address = ClientAddress::from(IpAddr::from((0xc633_6400 + number).to_be_bytes()));
                match world.store.authenticate(name, &wrong, address).await {
                    Err(SignInError::Refused) => n_looked_at += 1,
                    Err(SignInError::Wait { .. }) => {}
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(n_looked_at, 100, "{name}");
        }
        assert!(world.store.authenticate("ada", &Password::new(PASSWORD), home()).await.is_ok());
        assert!(world.store.user_by_name(&user_name("nobody")).await.unwrap().is_none());
    }
}
