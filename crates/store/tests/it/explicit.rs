//! Permissions stated here, for people with an account and without.

use crate::world::{on_both, user_name};
use access::Role;
use std::collections::BTreeSet;
use store::{Address, ConfirmAddressError, GrantError, Who};

fn named(name: &str) -> Who {
    Who::Name(user_name(name))
}

fn addressed(text: &str) -> Who {
    Who::Address(Address::new(text).unwrap())
}

on_both! {
    async fn a_list_of_readers_replaces_the_one_before(world) {
        let (ada, eve) = (world.user("ada", Role::Member).await, world.user("eve", Role::Member).await);
        let repo = world.add("tool").await;
        let replaced = world.store.set_repository_users(repo, &BTreeSet::from([named("ada")])).await.unwrap();
        assert_eq!((replaced.users, replaced.pending), (vec![ada.id], vec![]));
        let replaced = world.store.set_repository_users(repo, &BTreeSet::from([named("eve")])).await.unwrap();
        assert_eq!(replaced.users, [eve.id]);
        assert!(!world.access(&ada).await.allows(repo) && world.access(&eve).await.allows(repo));
        let unknown = world.store.set_repository_users(model::RepoId(999), &BTreeSet::new()).await;
        assert!(matches!(unknown, Err(GrantError::Unknown)));
    }

    async fn what_waits_for_somebody_is_theirs_when_they_come(world) {
        let repo = world.add("tool").await;
        let people = BTreeSet::from([named("ada"), addressed("Eve@example.org")]);
        let replaced = world.store.set_repository_users(repo, &people).await.unwrap();
        assert_eq!(replaced.pending.len(), 2);
        assert_eq!(world.store.pending_users(repo).await.unwrap(), [addressed("eve@example.org"), named("ada")]);
        let ada = world.user("ada", Role::Member).await;
        assert!(world.access(&ada).await.allows(repo));
        let eve = world.user("eve", Role::Member).await;
        assert!(!world.access(&eve).await.allows(repo), "a name is no address");
        world.store.confirm_address(eve.id, &Address::new("eve@example.org").unwrap()).await.unwrap();
        assert!(world.access(&eve).await.allows(repo));
        assert!(world.store.pending_users(repo).await.unwrap().is_empty());
    }

    async fn an_address_is_one_accounts(world) {
        let (ada, eve) = (world.user("ada", Role::Member).await, world.user("eve", Role::Member).await);
        let address = Address::new("ada@example.org").unwrap();
        world.store.confirm_address(ada.id, &address).await.unwrap();
        world.store.confirm_address(ada.id, &address).await.unwrap();
        let taken = world.store.confirm_address(eve.id, &address).await;
        assert!(matches!(taken, Err(ConfirmAddressError::Taken)));
        assert_eq!(world.store.addresses_of(ada.id).await.unwrap(), [address]);
    }

    async fn a_list_without_somebody_takes_back_what_waited(world) {
        let repo = world.add("tool").await;
        world.store.set_repository_users(repo, &BTreeSet::from([named("ada")])).await.unwrap();
        world.store.set_repository_users(repo, &BTreeSet::new()).await.unwrap();
        let ada = world.user("ada", Role::Member).await;
        assert!(!world.access(&ada).await.allows(repo));
    }
}
