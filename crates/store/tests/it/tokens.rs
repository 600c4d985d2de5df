//! API tokens.

use crate::world::on_both;
use access::{Caller, RepoScope, Role, Scope, SystemRandomness, Token, Verb, Verbs, Via};
use model::{RepoId, UserId};
use std::time::Duration;
use store::{Adder, CreateTokenError, NewToken};

fn new_token(user: UserId, scope: Scope) -> NewToken {
    NewToken { user, label: "laptop".into(), scope }
}

on_both! {
    async fn a_token_is_its_users_within_its_scope(world) {
        let ada = world.user("ada", Role::Administrator).await;
        let scope = Scope {
            repos: RepoScope::Only([RepoId(1), RepoId(7)].into()),
            verbs: Verbs::of([Verb::Read, Verb::Admin]),
            expires_at: Some(world.now().plus(Duration::from_secs(60))),
            addresses: vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
        };
        let (token, info) = world.store.create_token(new_token(ada.id, scope.clone())).await.unwrap();
        let actor = world.store.actor_by_token(&token).await.unwrap().unwrap();
        let via = Via::Token(info.id.clone());
        assert_eq!(actor.caller, Caller::User { id: ada.id, name: ada.name, role: ada.role, via });
        assert_eq!(actor.scope, scope);
        let [listed] = &world.store.tokens_of(ada.id).await.unwrap()[..] else { panic!() };
        assert_eq!((&listed.id, &listed.scope, listed.label.as_str()), (&info.id, &scope, "laptop"));
        let invented = Token::mint(&SystemRandomness).unwrap();
        assert_eq!(world.store.actor_by_token(&invented).await.unwrap(), None);
    }

    async fn scopes_survive_storage(world) {
        let ada = world.user("ada", Role::Member).await;
        let none = RepoScope::Only([].into());
        let some = RepoScope::Only([RepoId(0), RepoId(u32::MAX)].into());
        for repos in [RepoScope::All, none, some] {
            for verbs in [Verbs::ALL, Verbs::READ, Verbs::of([])] {
                let scope = Scope { repos: repos.clone(), verbs, ..Scope::FULL };
                let (token, _) = world.store.create_token(new_token(ada.id, scope.clone())).await.unwrap();
                assert_eq!(world.store.actor_by_token(&token).await.unwrap().unwrap().scope, scope);
            }
        }
    }

    async fn a_scope_narrows_what_is_read(world) {
        let ada = world.user("ada", Role::Member).await;
        let mine = world.add_as("mine", Adder::User(ada.id)).await.repository.id;
        let also = world.add_as("also", Adder::User(ada.id)).await.repository.id;
        let hidden = world.add("hidden").await;
        let repos = RepoScope::Only([mine, hidden].into());
        let (token, _) = world.store.create_token(new_token(ada.id, Scope { repos, ..Scope::FULL })).await.unwrap();
        let actor = world.store.actor_by_token(&token).await.unwrap().unwrap();
        let set = world.store.access_set(&actor).await.unwrap();
        assert_eq!(set.repos().collect::<Vec<_>>(), [mine]);
        assert!(!set.allows(also));
    }

    async fn revoking_holds_at_once_everywhere(world) {
        let (ada, eve) = (world.user("ada", Role::Member).await, world.user("eve", Role::Member).await);
        let elsewhere = world.another_process().await;
        let (token, info) = elsewhere.create_token(new_token(ada.id, Scope::FULL)).await.unwrap();
        assert!(world.store.actor_by_token(&token).await.unwrap().is_some(), "made by another process");
        let epoch = world.store.epoch().await.unwrap();
        assert!(!elsewhere.revoke_token(eve.id, &info.id).await.unwrap(), "it is not hers");
        assert_eq!(world.store.epoch().await.unwrap(), epoch);
        assert!(elsewhere.revoke_token(ada.id, &info.id).await.unwrap());
        assert!(!elsewhere.revoke_token(ada.id, &info.id).await.unwrap());
        assert_eq!(world.store.actor_by_token(&token).await.unwrap(), None);
        assert_eq!(world.store.epoch().await.unwrap().0, epoch.0 + 1);
        assert_eq!(world.store.tokens_of(ada.id).await.unwrap()[0].revoked_at, Some(world.now()));
    }

    async fn it_expires(world) {
        let ada = world.user("ada", Role::Member).await;
        let expires_at = Some(world.now().plus(Duration::from_secs(60)));
        let scope = Scope { expires_at, ..Scope::FULL };
        let (token, _) = world.store.create_token(new_token(ada.id, scope)).await.unwrap();
        world.pass(59);
        assert!(world.store.actor_by_token(&token).await.unwrap().is_some());
        world.pass(1);
        assert_eq!(world.store.actor_by_token(&token).await.unwrap(), None);
    }

    async fn the_last_use_is_known_to_the_minute(world) {
        let ada = world.user("ada", Role::Member).await;
        let (token, _) = world.store.create_token(new_token(ada.id, Scope::FULL)).await.unwrap();
        let first_use = world.now();
        for (seconds, expected) in [(0, 0), (59, 0), (1, 60)] {
            world.pass(seconds);
            world.store.actor_by_token(&token).await.unwrap().unwrap();
            let last_used_at = world.store.tokens_of(ada.id).await.unwrap()[0].last_used_at;
            assert_eq!(last_used_at, Some(first_use.plus(Duration::from_secs(expected))));
        }
    }

    async fn nonsense_is_refused(world) {
        let ada = world.user("ada", Role::Member).await;
        let create = async |new| world.store.create_token(new).await.map(drop).unwrap_err();
        let label = |label: String| NewToken { label, ..new_token(ada.id, Scope::FULL) };
        assert!(matches!(create(label("x".repeat(101))).await, CreateTokenError::BadLabel));
        assert!(matches!(create(label("a\u{1b}[31m".into())).await, CreateTokenError::BadLabel));
        let past = Scope { expires_at: Some(world.now()), ..Scope::FULL };
        assert!(matches!(create(new_token(ada.id, past)).await, CreateTokenError::Expired));
        let many = Scope { repos: RepoScope::Only((0..1001).map(RepoId).collect()), ..Scope::FULL };
        assert!(matches!(create(new_token(ada.id, many)).await, CreateTokenError::TooManyRepositories { .. }));
        assert!(matches!(create(new_token(UserId(999), Scope::FULL)).await, CreateTokenError::UnknownUser));
    }
}
