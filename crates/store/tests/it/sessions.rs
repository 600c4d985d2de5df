//! Sessions.

use crate::world::on_both;
use access::{Caller, Role, Scope, SessionSecret, SystemRandomness, Via};
use std::time::Duration;
use store::{NewToken, SessionLimits};

const LIMITS: SessionLimits =
    SessionLimits { idle: Duration::from_secs(600), absolute: Duration::from_secs(1500) };

on_both! {
    async fn a_session_is_its_users(world) {
        let ada = world.user("ada", Role::Administrator).await;
        let (secret, session) = world.store.start_session(ada.id, LIMITS).await.unwrap();
        let actor = world.store.actor_by_session(&secret).await.unwrap().unwrap();
        let via = Via::Session(session.id.clone());
        assert_eq!(actor.caller, Caller::User { id: ada.id, name: ada.name, role: ada.role, via });
        assert_eq!(actor.scope, Scope::FULL);
        assert_eq!(world.store.sessions_of(ada.id).await.unwrap(), [session]);
        let invented = SessionSecret::mint(&SystemRandomness).unwrap();
        assert_eq!(world.store.actor_by_session(&invented).await.unwrap(), None);
    }

    async fn a_credential_is_looked_up_with_the_epoch_of_its_moment(world) {
        let ada = world.user("ada", Role::Member).await;
        let (session, _) = world.store.start_session(ada.id, LIMITS).await.unwrap();
        let new = NewToken { user: ada.id, label: String::new(), scope: Scope::FULL };
        let (token, _) = world.store.create_token(new).await.unwrap();
        let repo = world.add("tool").await;
        world.store.grant(repo, ada.id).await.unwrap();
        let elsewhere = world.another_process().await;
        for by_session in [true, false] {
            let recognize = async || match by_session {
                true => world.store.recognize_session(&session).await.unwrap().unwrap(),
                false => world.store.recognize_token(&token).await.unwrap().unwrap(),
            };
            let before = recognize().await;
            assert_eq!(before.epoch, world.store.epoch().await.unwrap());
            assert!(world.store.access_set_of(&before).await.unwrap().allows(repo));
            // What another process took away is gone with the next look-up, whatever is remembered here.
            let epoch = elsewhere.revoke(repo, ada.id).await.unwrap();
            let after = recognize().await;
            assert_eq!((after.actor.clone(), after.epoch), (before.actor, epoch));
            let access = world.store.access_set_of(&after).await.unwrap();
            assert!(!access.allows(repo) && access.epoch() == epoch);
            elsewhere.grant(repo, ada.id).await.unwrap();
        }
    }

    async fn it_ends_when_not_used(world) {
        let ada = world.user("ada", Role::Member).await;
        let (secret, _) = world.store.start_session(ada.id, LIMITS).await.unwrap();
        world.pass(599);
        assert!(world.store.actor_by_session(&secret).await.unwrap().is_some(), "and this is a use");
        world.pass(599);
        assert!(world.store.actor_by_session(&secret).await.unwrap().is_some());
        world.pass(600);
        assert_eq!(world.store.actor_by_session(&secret).await.unwrap(), None);
        assert_eq!(world.store.rotate_session(&secret).await.unwrap().map(drop), None);
        assert_eq!(world.store.sessions_of(ada.id).await.unwrap(), []);
    }

    async fn it_ends_even_if_used(world) {
        let ada = world.user("ada", Role::Member).await;
        let (secret, _) = world.store.start_session(ada.id, LIMITS).await.unwrap();
        for _ in 0..4 {
            world.pass(300);
            assert!(world.store.actor_by_session(&secret).await.unwrap().is_some());
        }
        world.pass(300);
        assert_eq!(world.store.actor_by_session(&secret).await.unwrap(), None);
    }

    async fn rotating_leaves_one_secret(world) {
        let ada = world.user("ada", Role::Member).await;
        let (old, session) = world.store.start_session(ada.id, LIMITS).await.unwrap();
        let new = world.store.rotate_session(&old).await.unwrap().unwrap();
        assert_eq!(world.store.actor_by_session(&old).await.unwrap(), None);
        let actor = world.store.actor_by_session(&new).await.unwrap().unwrap();
        assert!(matches!(actor.caller, Caller::User { via: Via::Session(id), .. } if id == session.id));
        assert!(world.store.rotate_session(&old).await.unwrap().is_none());
    }

    async fn ending_and_revoking_hold_at_once(world) {
        let (ada, eve) = (world.user("ada", Role::Member).await, world.user("eve", Role::Member).await);
        let elsewhere = world.another_process().await;
        let mut sessions = Vec::new();
        for _ in 0..4 {
            sessions.push(world.store.start_session(ada.id, LIMITS).await.unwrap());
        }
        let epoch = world.store.epoch().await.unwrap();
        assert!(world.store.end_session(&sessions[0].0).await.unwrap());
        assert!(!world.store.end_session(&sessions[0].0).await.unwrap());
        assert!(!world.store.revoke_session(eve.id, &sessions[1].1.id).await.unwrap(), "it is not hers");
        assert!(world.store.revoke_session(ada.id, &sessions[1].1.id).await.unwrap());
        assert_eq!(world.store.revoke_sessions(ada.id, Some(&sessions[3].1.id)).await.unwrap(), 1);
        assert_eq!(world.store.epoch().await.unwrap().0, epoch.0 + 3);
        for (secret, _) in &sessions[..3] {
            assert_eq!(elsewhere.actor_by_session(secret).await.unwrap(), None);
        }
        assert!(elsewhere.actor_by_session(&sessions[3].0).await.unwrap().is_some());
        assert_eq!(world.store.revoke_sessions(ada.id, None).await.unwrap(), 1);
    }

    async fn an_account_has_at_most_fifty(world) {
        let ada = world.user("ada", Role::Member).await;
        let (first, _) = world.store.start_session(ada.id, LIMITS).await.unwrap();
        for _ in 0..50 {
            world.clock.advance(Duration::from_millis(1));
            world.store.start_session(ada.id, LIMITS).await.unwrap();
        }
        assert_eq!(world.store.sessions_of(ada.id).await.unwrap().len(), 50);
        assert_eq!(world.store.actor_by_session(&first).await.unwrap(), None);
    }

    async fn endless_limits_are_no_overflow(world) {
        let ada = world.user("ada", Role::Member).await;
        let endless = SessionLimits { idle: Duration::MAX, absolute: Duration::MAX };
        let (secret, _) = world.store.start_session(ada.id, endless).await.unwrap();
        world.pass(1_000_000);
        assert!(world.store.actor_by_session(&secret).await.unwrap().is_some());
        world.pass(61);
        assert!(world.store.actor_by_session(&secret).await.unwrap().is_some());
    }

    async fn what_is_over_is_forgotten(world) {
        let ada = world.user("ada", Role::Member).await;
        let scope = Scope { expires_at: Some(world.now().plus(Duration::from_secs(60))), ..Scope::FULL };
        world.store.create_token(NewToken { user: ada.id, label: String::new(), scope }).await.unwrap();
        let (kept, _) = world.store.start_session(ada.id, SessionLimits::default()).await.unwrap();
        world.store.start_session(ada.id, LIMITS).await.unwrap();
        world.pass(1500);
        world.store.maintenance().forget_what_is_over().await.unwrap();
        assert!(world.store.actor_by_session(&kept).await.unwrap().is_some());
        assert_eq!(world.store.tokens_of(ada.id).await.unwrap().len(), 1, "told for a year");
        world.pass(366 * 24 * 60 * 60);
        world.store.maintenance().forget_what_is_over().await.unwrap();
        assert_eq!(world.store.tokens_of(ada.id).await.unwrap(), []);
    }

    async fn credentials_of_one_kind_do_not_pass_for_another(world) {
        let ada = world.user("ada", Role::Member).await;
        let (session, _) = world.store.start_session(ada.id, LIMITS).await.unwrap();
        let new = NewToken { user: ada.id, label: String::new(), scope: Scope::FULL };
        let (token, _) = world.store.create_token(new).await.unwrap();
        assert!(access::Token::parse(session.reveal()).is_err());
        assert!(SessionSecret::parse(token.reveal()).is_err());
    }
}
