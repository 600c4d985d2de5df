//! Groups and path rules.

use crate::world::on_both;
use access::Role;
use model::{PathRule, PathRules};
use store::{GroupError, GroupName, PathRulesError, RulesFor};

fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

fn rules(texts: &[&str]) -> Vec<PathRule> {
    texts.iter().map(|text| PathRule::parse(text)).collect()
}

on_both! {
    async fn members_read_what_their_groups_were_granted(world) {
        let (ada, eve) = (world.user("ada", Role::Member).await, world.user("eve", Role::Member).await);
        let repo = world.add("tool").await;
        let store = &world.store;
        store.create_group(&group("kernel"), "who works on it").await.unwrap();
        assert!(matches!(store.create_group(&group("kernel"), "").await, Err(GroupError::NameTaken { .. })));
        assert!(store.add_member(&group("kernel"), ada.id).await.unwrap());
        assert!(store.grant_to_group(&group("kernel"), repo).await.unwrap());
        assert!(world.access(&ada).await.allows(repo) && !world.access(&eve).await.allows(repo));
        let epoch = store.epoch().await.unwrap();
        assert!(!store.add_member(&group("kernel"), ada.id).await.unwrap());
        assert_eq!(store.epoch().await.unwrap(), epoch, "nothing changed");
        let known = store.groups().await.unwrap();
        assert_eq!((known[0].n_members, known[0].n_repos), (1, 1));
        assert_eq!(store.members(&group("kernel")).await.unwrap()[0].0, ada.id);
        assert_eq!(store.repos_of_group(&group("kernel")).await.unwrap()[0].0, repo);
        assert!(store.remove_member(&group("kernel"), ada.id).await.unwrap());
        assert!(!world.access(&ada).await.allows(repo));
        store.add_member(&group("kernel"), eve.id).await.unwrap();
        assert!(world.access(&eve).await.allows(repo));
        assert!(store.remove_group(&group("kernel")).await.unwrap());
        assert!(!world.access(&eve).await.allows(repo));
        assert!(matches!(store.add_member(&group("kernel"), ada.id).await, Err(GroupError::Unknown)));
    }

    async fn the_nearest_list_of_path_rules_counts(world) {
        let (ada, eve) = (world.user("ada", Role::Member).await, world.user("eve", Role::Member).await);
        let repo = world.add("tool").await;
        let store = &world.store;
        for user in [&ada, &eve] {
            store.grant(repo, user.id).await.unwrap();
        }
        assert!(world.access(&ada).await.path_rules(repo).is_none());
        store.set_path_rules(repo, &RulesFor::Everyone, Some(&rules(&["docs/**"]))).await.unwrap();
        for name in ["one", "two"] {
            store.create_group(&group(name), "").await.unwrap();
            store.add_member(&group(name), ada.id).await.unwrap();
        }
        store.set_path_rules(repo, &RulesFor::Group(group("one")), Some(&rules(&["src/**"]))).await.unwrap();
        store.set_path_rules(repo, &RulesFor::Group(group("two")), Some(&rules(&["**", "-*.pem"]))).await.unwrap();
        let expected = PathRules::new([rules(&["src/**"]), rules(&["**", "-*.pem"])]);
        assert_eq!(**world.access(&ada).await.path_rules(repo).unwrap(), expected);
        let of_all = PathRules::new([rules(&["docs/**"])]);
        assert_eq!(**world.access(&eve).await.path_rules(repo).unwrap(), of_all);
        store.set_path_rules(repo, &RulesFor::User(ada.id), Some(&rules(&["a"]))).await.unwrap();
        assert_eq!(**world.access(&ada).await.path_rules(repo).unwrap(), PathRules::new([rules(&["a"])]));
        assert_eq!(store.path_rules(repo).await.unwrap().len(), 4);
        let epoch = store.epoch().await.unwrap();
        assert!(!store.set_path_rules(repo, &RulesFor::User(ada.id), Some(&rules(&["a"]))).await.unwrap());
        assert_eq!(store.epoch().await.unwrap(), epoch, "nothing changed");
        assert!(store.set_path_rules(repo, &RulesFor::User(ada.id), None).await.unwrap());
        assert_eq!(**world.access(&ada).await.path_rules(repo).unwrap(), expected);
    }

    async fn bad_path_rules_are_refused(world) {
        let repo = world.add("tool").await;
        let everyone = RulesFor::Everyone;
        let many = vec![PathRule::allow("a"); 1001];
        let refused = world.store.set_path_rules(repo, &everyone, Some(&many)).await;
        assert!(matches!(refused, Err(PathRulesError::TooMany { .. })));
        let refused = world.store.set_path_rules(repo, &everyone, Some(&rules(&["a", "-"]))).await;
        assert!(matches!(refused, Err(PathRulesError::BadRule { number: 2, .. })));
        let nobody = RulesFor::Group(group("nobody"));
        let refused = world.store.set_path_rules(repo, &nobody, Some(&rules(&["a"]))).await;
        assert!(matches!(refused, Err(PathRulesError::Unknown)));
        let nobody = RulesFor::User(model::UserId(999));
        let refused = world.store.set_path_rules(repo, &nobody, Some(&rules(&["a"]))).await;
        assert!(matches!(refused, Err(PathRulesError::Unknown)));
    }
}
