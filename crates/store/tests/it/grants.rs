//! Grants, the first administrator, the epoch.

use crate::world::{on_both, user_name};
use access::{Actor, Role};
use model::{RepoId, UserId};
use store::{Adder, GrantError, NewUser};

on_both! {
    /// What the local operator adds before there is anybody passes to the first administrator, and to nobody else.
    async fn waiting_grants_pass_to_the_first_administrator(world) {
        let early = world.add("early").await;
        let member = world.user("eve", Role::Member).await;
        assert!(!world.access(&member).await.allows(early));
        let first = world.user("ada", Role::Administrator).await;
        let second = world.user("bob", Role::Administrator).await;
        assert!(world.access(&first).await.allows(early));
        assert!(!world.access(&second).await.allows(early), "a role reads no code");
        assert!(!world.access(&member).await.allows(early));
    }

    async fn later_additions_go_to_the_first_administrator_at_once(world) {
        let first = world.user("ada", Role::Administrator).await;
        let second = world.user("bob", Role::Administrator).await;
        let late = world.add("late").await;
        assert!(world.access(&first).await.allows(late));
        assert!(!world.access(&second).await.allows(late));
    }

    async fn a_member_who_becomes_the_first_administrator_takes_over_too(world) {
        let early = world.add("early").await;
        let ada = world.user("ada", Role::Member).await;
        world.store.set_role(ada.id, Role::Administrator).await.unwrap();
        assert!(world.access(&ada).await.allows(early));
    }

    async fn adding_again_restores_the_operators_grant(world) {
        let ada = world.user("ada", Role::Administrator).await;
        let repo = world.add("tool").await;
        world.store.revoke(repo, ada.id).await.unwrap();
        assert!(!world.access(&ada).await.allows(repo));
        assert!(!world.add_as("tool", Adder::LocalOperator).await.is_new);
        assert!(world.access(&ada).await.allows(repo));
        let epoch = world.store.epoch().await.unwrap();
        world.add_as("tool", Adder::LocalOperator).await;
        assert_eq!(world.store.epoch().await.unwrap(), epoch, "nothing changed");
    }

    async fn whoever_adds_reads(world) {
        let (ada, eve) = (world.user("ada", Role::Member).await, world.user("eve", Role::Member).await);
        let repo = world.add_as("tool", Adder::User(ada.id)).await.repository.id;
        assert!(world.access(&ada).await.allows(repo));
        assert!(!world.access(&eve).await.allows(repo));
    }

    /// Another process sees a revocation with its next question.
    async fn grants_and_revocations_hold_at_once_everywhere(world) {
        let eve = world.user("eve", Role::Member).await;
        let repo = world.add("tool").await;
        let elsewhere = world.another_process().await;
        let actor = world.actor(&eve).await;
        let granted_at = elsewhere.grant(repo, eve.id).await.unwrap();
        let set = world.store.access_set(&actor).await.unwrap();
        assert!(set.allows(repo));
        assert_eq!(set.epoch(), granted_at);
        let revoked_at = elsewhere.revoke(repo, eve.id).await.unwrap();
        assert!(revoked_at > granted_at);
        let set = world.store.access_set(&actor).await.unwrap();
        assert!(!set.allows(repo));
        assert_eq!((set.epoch(), world.store.epoch().await.unwrap()), (revoked_at, revoked_at));
    }

    async fn what_changes_nothing_leaves_the_epoch(world) {
        let eve = world.user("eve", Role::Member).await;
        let repo = world.add("tool").await;
        let granted_at = world.store.grant(repo, eve.id).await.unwrap();
        assert_eq!(world.store.grant(repo, eve.id).await.unwrap(), granted_at);
        let revoked_at = world.store.revoke(repo, eve.id).await.unwrap();
        assert_eq!(world.store.revoke(repo, eve.id).await.unwrap(), revoked_at);
    }

    async fn grants_to_or_of_nothing_are_refused(world) {
        let eve = world.user("eve", Role::Member).await;
        let repo = world.add("tool").await;
        for (repo, user) in [(RepoId(999), eve.id), (repo, UserId(999)), (repo, UserId(i64::MIN))] {
            assert!(matches!(world.store.grant(repo, user).await, Err(GrantError::Unknown)));
        }
    }

    async fn who_else_reads_is_known_to_readers(world) {
        let (ada, eve) = (world.user("ada", Role::Member).await, world.user("eve", Role::Member).await);
        let repo = world.add_as("tool", Adder::User(ada.id)).await.repository.id;
        assert_eq!(world.store.granted_users(&world.access(&ada).await, repo).await.unwrap(), [ada.id]);
        assert_eq!(world.store.granted_users(&world.access(&eve).await, repo).await.unwrap(), []);
    }

    async fn the_local_operator_reads_everything(world) {
        let ada = world.user("ada", Role::Member).await;
        world.add("one").await;
        world.add_as("two", Adder::User(ada.id)).await;
        let set = world.store.access_set(&Actor::LOCAL_OPERATOR).await.unwrap();
        assert_eq!(world.visible_names(&set).await, ["one", "two"]);
    }

    /// However many become administrators at the same moment, one is the first.
    async fn of_many_first_administrators_one_takes_over(world) {
        let early = world.add("early").await;
        let other = world.another_process().await;
        let mut makers = Vec::new();
        for number in 0..6 {
            let store = if number % 2 == 0 { world.store.clone() } else { other.clone() };
            let new = NewUser { name: user_name(&format!("ada{number}")), password: None, role: Role::Administrator };
            makers.push(tokio::spawn(async move { store.create_user(new).await.unwrap() }));
        }
        let mut n_readers = 0;
        for maker in makers {
            n_readers += usize::from(world.access(&maker.await.unwrap()).await.allows(early));
        }
        assert_eq!(n_readers, 1);
    }
}
