//! Saved search contexts: whose they are, who may know of them, what they show to whom.

use crate::world::{World, on_both};
use access::{Actor, Role};
use store::{Adder, Context, ContextContent, ContextError, ContextName, ContextRepository, User};

fn name(text: &str) -> ContextName {
    text.parse().unwrap()
}

fn query(text: &str, is_public: bool) -> ContextContent {
    ContextContent { query: text.into(), is_public, ..ContextContent::default() }
}

fn listing(names: &[&str], is_public: bool) -> ContextContent {
    let repository =
        |name: &&str| ContextRepository { name: crate::world::repo_name(name), revisions: String::new() };
    ContextContent {
        repositories: names.iter().map(repository).collect(),
        is_public,
        ..ContextContent::default()
    }
}

/// An account's side of the store.
struct Side<'w> {
    world: &'w World,
    actor: Actor,
}

impl Side<'_> {
    async fn create(&self, text: &str, content: ContextContent) -> Result<(), ContextError> {
        let access = self.world.store.access_set(&self.actor).await.unwrap();
        self.world.store.create_context(&self.actor, &access, &name(text), &content).await
    }

    async fn change(&self, text: &str, content: ContextContent) -> Result<(), ContextError> {
        let access = self.world.store.access_set(&self.actor).await.unwrap();
        self.world.store.change_context(&self.actor, &access, &name(text), &content).await
    }

    async fn get(&self, text: &str) -> Option<Context> {
        let access = self.world.store.access_set(&self.actor).await.unwrap();
        self.world.store.context(&self.actor, &access, &name(text)).await.unwrap()
    }

    async fn names(&self) -> Vec<String> {
        let access = self.world.store.access_set(&self.actor).await.unwrap();
        let page = self.world.store.contexts(&self.actor, &access, None, 100).await.unwrap();
        page.contexts.iter().map(|context| context.name.to_string()).collect()
    }

    /// The repositories that a context shows.
    async fn listed(&self, text: &str) -> Vec<String> {
        let context = self.get(text).await.unwrap();
        context.repositories.iter().map(|repository| repository.name.to_string()).collect()
    }
}

async fn side<'w>(world: &'w World, user: &User) -> Side<'w> {
    Side { world, actor: world.actor(user).await }
}

on_both! {
    async fn private_ones_are_their_owners(world) {
        let (ada, eve) = (world.user("ada", Role::Member).await, world.user("eve", Role::Administrator).await);
        let (ada, eve) = (side(&world, &ada).await, side(&world, &eve).await);
        ada.create("@ada/mine", query("repo:a", false)).await.unwrap();
        ada.create("@ada/shown", query("repo:b", true)).await.unwrap();
        assert_eq!(ada.names().await, ["@ada/mine", "@ada/shown"]);
        assert_eq!(eve.names().await, ["@ada/shown"]);
        assert_eq!(eve.get("@ada/mine").await, None);
        assert!(!eve.get("@ada/shown").await.unwrap().is_editable);
        // Private and unknown are one answer, also when one tries to change them.
        for unknown in ["@ada/mine", "@ada/nothing", "@nobody/x"] {
            let changed = eve.change(unknown, query("repo:x", false)).await.unwrap_err();
            assert!(matches!(&changed, ContextError::Unknown { .. }), "{changed}");
            let deleted = world.store.delete_context(&eve.actor, &name(unknown)).await.unwrap_err();
            assert!(matches!(deleted, ContextError::Unknown { .. }), "{deleted}");
            let made = eve.create(unknown, query("repo:x", false)).await.unwrap_err();
            assert!(matches!(made, ContextError::NotYours { .. }), "{made}");
        }
        let changed = eve.change("@ada/shown", query("repo:x", false)).await.unwrap_err();
        assert!(matches!(changed, ContextError::NotYours { .. }), "{changed}");
        ada.change("@ada/shown", query("repo:c", false)).await.unwrap();
        assert_eq!(eve.names().await, [""; 0]);
        world.store.delete_context(&ada.actor, &name("@ada/mine")).await.unwrap();
        assert_eq!(ada.names().await, ["@ada/shown"]);
    }

    async fn those_of_the_instance_are_made_by_administrators(world) {
        let (ada, eve) = (world.user("ada", Role::Administrator).await, world.user("eve", Role::Member).await);
        let (ada, eve) = (side(&world, &ada).await, side(&world, &eve).await);
        ada.create("backend", query("repo:b", false)).await.unwrap();
        eve.create("@eve/backend", query("repo:e", false)).await.unwrap();
        assert_eq!(eve.names().await, ["backend", "@eve/backend"]);
        assert!(eve.get("backend").await.unwrap().is_public);
        let refused = eve.change("backend", query("repo:x", true)).await.unwrap_err();
        assert!(matches!(refused, ContextError::NotYours { .. }));
        let refused = eve.create("front", query("repo:x", true)).await.unwrap_err();
        assert!(matches!(refused, ContextError::NotYours { .. }));
        let taken = ada.create("backend", query("repo:x", true)).await.unwrap_err();
        assert!(matches!(taken, ContextError::NameTaken { .. }));
        let taken = eve.create("@eve/backend", query("repo:x", true)).await.unwrap_err();
        assert!(matches!(taken, ContextError::NameTaken { .. }));
    }

    /// What the caller may not read is not shown, cannot be listed, and stays when they change the rest.
    async fn lists_show_what_the_caller_may_read(world) {
        let (ada, eve) = (world.user("ada", Role::Member).await, world.user("eve", Role::Member).await);
        world.add_as("common", Adder::User(ada.id)).await;
        let secret = world.add_as("secret", Adder::User(ada.id)).await.repository.id;
        let common = world.store.maintenance().repository_by_name(&crate::world::repo_name("common")).await.unwrap();
        world.store.grant(common.unwrap().id, eve.id).await.unwrap();
        let (ada_user, ada) = (ada.id, side(&world, &ada).await);
        let eve = side(&world, &eve).await;
        ada.create("@ada/both", listing(&["secret", "common"], true)).await.unwrap();
        assert_eq!(ada.listed("@ada/both").await, ["common", "secret"]);
        assert_eq!(eve.listed("@ada/both").await, ["common"]);
        for unknown in ["secret", "nothing"] {
            let refused = eve.create("@eve/x", listing(&[unknown], false)).await.unwrap_err();
            let expected = format!("there is no repository '{unknown}', or none that you may read");
            assert_eq!(refused.to_string(), expected);
        }
        assert_eq!(eve.get("@eve/x").await, None, "nothing is left of what was refused");
        // The owner loses a repository, changes the list, and has it again.
        world.store.revoke(secret, ada_user).await.unwrap();
        assert_eq!(ada.listed("@ada/both").await, ["common"]);
        ada.change("@ada/both", ContextContent { query: "lang:c".into(), ..listing(&[], true) }).await.unwrap();
        assert_eq!(ada.listed("@ada/both").await, [""; 0]);
        world.store.grant(secret, ada_user).await.unwrap();
        assert_eq!(ada.listed("@ada/both").await, ["secret"]);
        world.store.remove_repository(secret).await.unwrap();
        assert_eq!(ada.listed("@ada/both").await, [""; 0]);
    }

    async fn limits(world) {
        let ada = world.user("ada", Role::Member).await;
        let ada = side(&world, &ada).await;
        let refused = ada.create("@ada/x", query("  ", true)).await.unwrap_err();
        assert!(matches!(refused, ContextError::Empty));
        let refused = ada.create("@ada/x", query(&"x".repeat(10_001), true)).await.unwrap_err();
        assert!(matches!(refused, ContextError::BadText { what: "query", .. }));
        let refused = ada.create("@ada/x", query("a\0b", true)).await.unwrap_err();
        assert!(matches!(refused, ContextError::BadText { what: "query", .. }));
        for number in 0..200 {
            ada.create(&format!("@ada/c{number:03}"), query("repo:x", false)).await.unwrap();
        }
        let refused = ada.create("@ada/one-more", query("repo:x", false)).await.unwrap_err();
        assert!(matches!(refused, ContextError::TooMany { .. }));
        let access = world.store.access_set(&ada.actor).await.unwrap();
        let first = world.store.contexts(&ada.actor, &access, None, 150).await.unwrap();
        assert!(first.goes_on);
        let last = &first.contexts.last().unwrap().name;
        let second = world.store.contexts(&ada.actor, &access, Some(last), 150).await.unwrap();
        assert_eq!((second.contexts.len(), second.goes_on), (50, false));
        assert_eq!(second.contexts[0].name.to_string(), "@ada/c150");
    }

    async fn the_local_operator_sees_and_changes_all(world) {
        let ada = world.user("ada", Role::Member).await;
        let ada = side(&world, &ada).await;
        ada.create("@ada/mine", query("repo:a", false)).await.unwrap();
        let operator = Side { world: &world, actor: Actor::LOCAL_OPERATOR };
        assert_eq!(operator.names().await, ["@ada/mine"]);
        operator.create("@ada/second", query("repo:b", false)).await.unwrap();
        let unknown = operator.create("@nobody/x", query("repo:b", false)).await.unwrap_err();
        assert!(matches!(unknown, ContextError::Unknown { .. }));
        operator.change("@ada/mine", query("repo:c", true)).await.unwrap();
        assert_eq!(ada.get("@ada/mine").await.unwrap().query, "repo:c");
        assert_eq!(ada.names().await, ["@ada/mine", "@ada/second"]);
    }
}
