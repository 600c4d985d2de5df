//! The one-time setup link.

use crate::world::{PASSWORD, on_both, user_name};
use access::{Password, Role, SetupSecret, SystemRandomness};
use std::time::Duration;
use store::{ConsumeSetupError, CreateSetupError};

const HOUR: Duration = Duration::from_secs(3600);

on_both! {
    async fn it_makes_the_first_administrator_once(world) {
        let early = world.add("early").await;
        let link = world.store.create_setup_link(HOUR).await.unwrap();
        assert!(world.store.setup_link_is_valid(&link).await.unwrap());
        let password = Password::new(PASSWORD);
        let ada = world.store.consume_setup_link(&link, user_name("ada"), &password).await.unwrap();
        assert_eq!(ada.role, Role::Administrator);
        assert!(world.access(&ada).await.allows(early));
        assert!(world.store.has_administrator().await.unwrap());
        assert!(!world.store.setup_link_is_valid(&link).await.unwrap());
        let again = world.store.consume_setup_link(&link, user_name("eve"), &password).await;
        assert!(matches!(again, Err(ConsumeSetupError::Invalid)));
        assert!(matches!(world.store.create_setup_link(HOUR).await, Err(CreateSetupError::AdministratorExists)));
    }

    async fn a_new_link_ends_the_old_one(world) {
        let old = world.store.create_setup_link(HOUR).await.unwrap();
        let new = world.store.create_setup_link(HOUR).await.unwrap();
        assert!(!world.store.setup_link_is_valid(&old).await.unwrap());
        assert!(world.store.setup_link_is_valid(&new).await.unwrap());
        let invented = SetupSecret::mint(&SystemRandomness).unwrap();
        assert!(!world.store.setup_link_is_valid(&invented).await.unwrap());
    }

    async fn it_ends_with_time(world) {
        let link = world.store.create_setup_link(HOUR).await.unwrap();
        world.pass(3600);
        assert!(!world.store.setup_link_is_valid(&link).await.unwrap());
        let late = world.store.consume_setup_link(&link, user_name("ada"), &Password::new(PASSWORD)).await;
        assert!(matches!(late, Err(ConsumeSetupError::Invalid)));
        assert!(!world.store.has_administrator().await.unwrap());
    }

    async fn a_refused_password_or_name_does_not_use_it_up(world) {
        world.user("taken", Role::Member).await;
        let link = world.store.create_setup_link(HOUR).await.unwrap();
        let short = world.store.consume_setup_link(&link, user_name("ada"), &Password::new("short")).await;
        assert!(matches!(short, Err(ConsumeSetupError::Password(_))));
        let taken = world.store.consume_setup_link(&link, user_name("taken"), &Password::new(PASSWORD)).await;
        assert!(matches!(taken, Err(ConsumeSetupError::NameTaken { .. })));
        let good = world.store.consume_setup_link(&link, user_name("ada"), &Password::new(PASSWORD)).await;
        assert!(good.is_ok());
    }

    /// An administrator made on the command line ends the link as well.
    async fn another_way_to_the_first_administrator_ends_it(world) {
        let link = world.store.create_setup_link(HOUR).await.unwrap();
        world.user("ada", Role::Administrator).await;
        let late = world.store.consume_setup_link(&link, user_name("eve"), &Password::new(PASSWORD)).await;
        assert!(matches!(late, Err(ConsumeSetupError::Invalid)));
    }

    async fn of_many_at_once_one_wins(world) {
        let link = world.store.create_setup_link(HOUR).await.unwrap();
        let other = world.another_process().await;
        let mut users = Vec::new();
        for number in 0..6 {
            let store = if number % 2 == 0 { world.store.clone() } else { other.clone() };
            let link = SetupSecret::parse(link.reveal()).unwrap();
            users.push(tokio::spawn(async move {
                let name = user_name(&format!("ada{number}"));
                store.consume_setup_link(&link, name, &Password::new(PASSWORD)).await
            }));
        }
        let mut n_made = 0;
        for user in users {
            match user.await.unwrap() {
                Ok(_) => n_made += 1,
                Err(error) => assert!(matches!(error, ConsumeSetupError::Invalid), "{error:?}"),
            }
        }
        assert_eq!(n_made, 1);
        assert_eq!(world.store.users(None, 10).await.unwrap().len(), 1);
    }
}
