//! Accounts and settings.

use crate::world::{PASSWORD, on_both, user_name};
use access::{Password, Role, Scope};
use model::UserId;
use store::{ChangeUserError, CreateTokenError, CreateUserError, NewToken, NewUser, SessionLimits};

on_both! {
    async fn accounts_are_found_and_listed(world) {
        let bob = world.user("bob", Role::Member).await;
        let ada = world.user("ada", Role::Administrator).await;
        assert_eq!(world.store.user(ada.id).await.unwrap().as_ref(), Some(&ada));
        assert_eq!(world.store.user_by_name(&user_name("BOB")).await.unwrap().as_ref(), Some(&bob));
        assert_eq!(world.store.user(UserId(999)).await.unwrap(), None);
        assert_eq!(world.store.users(None, 10).await.unwrap(), [ada.clone(), bob.clone()]);
        assert_eq!(world.store.users(None, 1).await.unwrap(), std::slice::from_ref(&ada));
        assert_eq!(world.store.users(Some(&ada.name), 10).await.unwrap(), [bob]);
    }

    async fn names_are_unique_and_passwords_good(world) {
        world.user("ada", Role::Member).await;
        let new = NewUser { name: user_name("Ada"), password: None, role: Role::Member };
        assert!(matches!(world.store.create_user(new).await, Err(CreateUserError::NameTaken { .. })));
        let password = Some(Password::new("password"));
        let new = NewUser { name: user_name("eve"), password, role: Role::Member };
        assert!(matches!(world.store.create_user(new).await, Err(CreateUserError::Password(_))));
        assert_eq!(world.store.user_by_name(&user_name("eve")).await.unwrap(), None);
    }

    async fn the_last_administrator_stays(world) {
        let ada = world.user("ada", Role::Administrator).await;
        let demoted = world.store.set_role(ada.id, Role::Member).await;
        assert!(matches!(demoted, Err(ChangeUserError::LastAdministrator { .. })));
        let shut = world.store.set_disabled(ada.id, true).await;
        assert!(matches!(shut, Err(ChangeUserError::LastAdministrator { .. })));
        assert_eq!(world.store.user(ada.id).await.unwrap().unwrap(), ada, "nothing changed");
        let bob = world.user("bob", Role::Administrator).await;
        world.store.set_role(ada.id, Role::Member).await.unwrap();
        let shut = world.store.set_disabled(bob.id, true).await;
        assert!(matches!(shut, Err(ChangeUserError::LastAdministrator { .. })));
    }

    async fn changes_to_nobody_are_refused(world) {
        let nobody = UserId(999);
        let good = Password::new(PASSWORD);
        assert!(matches!(world.store.set_role(nobody, Role::Member).await, Err(ChangeUserError::Unknown)));
        assert!(matches!(world.store.set_disabled(nobody, true).await, Err(ChangeUserError::Unknown)));
        assert!(matches!(world.store.set_password(nobody, &good).await, Err(ChangeUserError::Unknown)));
    }

    /// Shutting an account ends what it is doing and what its programs are doing.
    async fn a_shut_account_is_shut(world) {
        let eve = world.user("eve", Role::Member).await;
        let (session, _) = world.store.start_session(eve.id, SessionLimits::default()).await.unwrap();
        let new = NewToken { user: eve.id, label: String::new(), scope: Scope::FULL };
        let (token, _) = world.store.create_token(new.clone()).await.unwrap();
        let before = world.store.epoch().await.unwrap();
        world.store.set_disabled(eve.id, true).await.unwrap();
        assert!(world.store.epoch().await.unwrap() > before);
        assert_eq!(world.store.actor_by_session(&session).await.unwrap(), None);
        assert_eq!(world.store.actor_by_token(&token).await.unwrap(), None);
        assert!(matches!(world.store.create_token(new).await, Err(CreateTokenError::UnknownUser)));
        let (begun_while_shut, _) = world.store.start_session(eve.id, SessionLimits::default()).await.unwrap();
        world.store.set_disabled(eve.id, false).await.unwrap();
        assert_eq!(world.store.actor_by_session(&begun_while_shut).await.unwrap(), None);
        assert_eq!(world.store.actor_by_session(&session).await.unwrap(), None, "sessions do not come back");
        assert!(world.store.actor_by_token(&token).await.unwrap().is_some());
    }

    async fn a_new_password_ends_every_session(world) {
        let eve = world.user("eve", Role::Member).await;
        let (session, _) = world.store.start_session(eve.id, SessionLimits::default()).await.unwrap();
        let refused = world.store.set_password(eve.id, &Password::new("short")).await;
        assert!(matches!(refused, Err(ChangeUserError::Password(_))));
        assert!(world.store.actor_by_session(&session).await.unwrap().is_some());
        world.store.set_password(eve.id, &Password::new("another tram humming")).await.unwrap();
        assert_eq!(world.store.actor_by_session(&session).await.unwrap(), None);
    }

    async fn settings(world) {
        assert_eq!(world.store.setting("name").await.unwrap(), None);
        world.store.set_setting("name", "one").await.unwrap();
        world.store.set_setting("name", "two").await.unwrap();
        assert_eq!(world.store.setting("name").await.unwrap().as_deref(), Some("two"));
        assert_eq!(world.store.setting_or_insert("name", "three").await.unwrap(), "two");
        assert_eq!(world.store.setting_or_insert("id", "four").await.unwrap(), "four");
        assert!(world.store.set_setting("name", "a\0b").await.is_err());
        assert!(world.store.set_setting(&"x".repeat(201), "").await.is_err());
    }
}
