//! Who reads a repository and why, and what somebody reads, a page at a time.

use crate::world::{on_both, user_name};
use access::audit::Origin;
use access::{AccountId, HostId, Reader, Role};
use model::{PathRule, RepoSet};
use std::time::Duration;
use store::{
    AccessReason, Address, BOUND_DEFAULT, Given, GrantError, GroupError, GroupName, PathRulesError, RulesFor,
    Who,
};

fn reasons(reasons: &[AccessReason]) -> String {
    let word = |reason: &AccessReason| match reason {
        AccessReason::Granted { .. } => "granted".to_owned(),
        AccessReason::Group { group, .. } => format!("group {group}"),
        AccessReason::Unrestricted => "open".into(),
        AccessReason::Emergency { .. } => "emergency".into(),
        AccessReason::Stated(stated) if stated.is_believed => format!("{} says", stated.name),
        AccessReason::Stated(stated) => format!("{} said", stated.name),
    };
    reasons.iter().map(word).collect::<Vec<_>>().join(", ")
}

on_both! {
    async fn an_audience_tells_every_reason(world) {
        let ada = world.user("ada", Role::Administrator).await;
        let (bob, cyn) = (world.user("bob", Role::Member).await, world.user("cyn", Role::Member).await);
        let (dan, eve) = (world.user("dan", Role::Auditor).await, world.user("eve", Role::Member).await);
        let one = world.add("one").await;
        world.store.revoke(one, ada.id).await.unwrap();
        let team = GroupName::new("team").unwrap();
        world.store.create_group(&team, "").await.unwrap();
        world.store.add_member(&team, cyn.id).await.unwrap();
        world.store.grant_to_group(&team, one).await.unwrap();
        world.store.grant(one, bob.id).await.unwrap();
        world.store.grant(one, dan.id).await.unwrap();
        let by_ada = world.store.by(Origin::proved(ada.id, &user_name("ada"), "session"));
        let name = model::RepoName::new("one").unwrap();
        by_ada.break_glass(&name, "the pager rang twice", Duration::from_secs(3600)).await.unwrap();
        let host = HostId("h1".into());
        world.store.set_permission_source(&host, BOUND_DEFAULT).await.unwrap();
        let account = AccountId::new("77").unwrap();
        world.store.link_identity(&host, &account, eve.id, "eve").await.unwrap();
        let set: RepoSet = [one].into_iter().collect();
        world.store.apply_account_repositories(&host, &Reader::Account(account), &set, world.now()).await.unwrap();
        let rules = [PathRule::parse("src/")];
        world.store.set_path_rules(one, &RulesFor::Group(team), Some(&rules)).await.unwrap();

        let all = world.store.audience(one, "", None, 10).await.unwrap();
        let shown: Vec<_> = all.readers.iter()
            .map(|one| (one.name.as_str(), reasons(&one.reasons), one.reads(), one.has_path_rules)).collect();
        assert_eq!(shown, [
            ("ada", "emergency".to_owned(), true, false),
            ("bob", "granted".to_owned(), true, false),
            ("cyn", "group team".to_owned(), true, true),
            ("dan", "granted".to_owned(), false, false),
            ("eve", "h1 says".to_owned(), true, false),
        ]);
        for reader in &all.readers {
            let user = world.store.user(reader.user).await.unwrap().unwrap();
            assert_eq!(world.access(&user).await.allows(one), reader.reads(), "{}", reader.name);
        }
        // Page by page it is the same.
        let mut paged = Vec::new();
        let mut after = None;
        loop {
            let page = world.store.audience(one, "", after.as_ref(), 2).await.unwrap();
            paged.extend(page.readers);
            match page.next { Some(next) => after = Some(next), None => break }
        }
        assert_eq!(paged, all.readers);
        assert_eq!(world.store.audience(one, "Y", None, 2).await.unwrap().readers.len(), 1);

        world.pass(16 * 60);
        let old = world.store.audience(one, "eve", None, 2).await.unwrap().readers;
        assert_eq!((reasons(&old[0].reasons), old[0].reads()), ("h1 said".to_owned(), false));
        let AccessReason::Stated(stated) = &old[0].reasons[0] else { panic!("{old:?}") };
        assert!(stated.is_too_old(world.now()));
        let (readable, goes_on) = world.store.readable_page(eve.id, "ON", None, 5).await.unwrap();
        assert_eq!((readable.len(), goes_on, reasons(&readable[0].reasons)), (1, false, "h1 said".to_owned()));
        assert!(world.store.stated_for_everyone(one).await.unwrap().is_empty());
        world.store.apply_account_repositories(&host, &Reader::Everyone, &set, world.now()).await.unwrap();
        assert!(world.store.stated_for_everyone(one).await.unwrap()[0].is_believed);
    }

    async fn what_somebody_reads_comes_in_pages(world) {
        let bob = world.user("bob", Role::Member).await;
        for name in ["aa", "b_b", "cc", "dd"] {
            let repo = world.add(name).await;
            if name != "cc" {
                world.store.grant(repo, bob.id).await.unwrap();
            }
        }
        let (page, goes_on) = world.store.readable_page(bob.id, "", None, 2).await.unwrap();
        assert_eq!((page.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), goes_on), (vec!["aa", "b_b"], true));
        let (page, goes_on) = world.store.readable_page(bob.id, "", Some(&page[1].name), 2).await.unwrap();
        assert_eq!((page.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), goes_on), (vec!["dd"], false));
        assert_eq!(world.store.readable_page(bob.id, "_", None, 2).await.unwrap().0.len(), 1);
        let shared = world.store.repo_sharing("", None, 10).await.unwrap();
        assert_eq!(shared.iter().map(|one| one.n_accounts).collect::<Vec<_>>(), [1, 1, 0, 1]);
    }

    async fn people_without_an_account_wait(world) {
        let one = world.add("one").await;
        let who = Who::parse("new@example.org").unwrap();
        assert_eq!(world.store.grant_to(one, &who).await.unwrap(), Given::Waits);
        assert_eq!(world.store.pending_users(one).await.unwrap(), std::slice::from_ref(&who));
        assert!(world.store.forget_pending(one, &who).await.unwrap());
        assert!(!world.store.forget_pending(one, &who).await.unwrap());
        world.store.grant_to(one, &who).await.unwrap();
        let bob = world.user("bob", Role::Member).await;
        world.store.confirm_address(bob.id, &Address::new("new@example.org").unwrap()).await.unwrap();
        assert!(world.access(&bob).await.allows(one));
        assert_eq!(world.store.grant_to(one, &Who::parse("bob").unwrap()).await.unwrap(), Given::Granted);
        assert!(Who::parse("").is_err() && Who::parse("a@").is_err());
    }

    /// A role reads no code, and lets nobody in unseen: where there is somebody else to ask, nobody grants themselves.
    async fn nobody_lets_themselves_in(world) {
        let ada = world.user("ada", Role::Administrator).await;
        let one = world.add("one").await;
        world.store.revoke(one, ada.id).await.unwrap();
        let by_ada = world.store.by(Origin::proved(ada.id, &ada.name, "session"));
        by_ada.grant(one, ada.id).await.unwrap();
        assert!(world.access(&ada).await.allows(one), "there is nobody else");
        world.store.revoke(one, ada.id).await.unwrap();
        let eve = world.user("eve", Role::Administrator).await;
        let team = GroupName::new("team").unwrap();
        world.store.create_group(&team, "").await.unwrap();
        assert!(matches!(by_ada.grant(one, ada.id).await, Err(GrantError::Own)));
        assert!(matches!(by_ada.grant_to(one, &Who::Name(ada.name.clone())).await, Err(GrantError::Own)));
        assert!(matches!(by_ada.add_member(&team, ada.id).await, Err(GroupError::Own)));
        world.store.add_member(&team, ada.id).await.unwrap();
        assert!(matches!(by_ada.grant_to_group(&team, one).await, Err(GroupError::Own)));
        for whom in [RulesFor::User(ada.id), RulesFor::Group(team.clone()), RulesFor::Everyone] {
            let changed = by_ada.set_path_rules(one, &whom, Some(&[PathRule::parse("**")])).await;
            assert!(matches!(changed, Err(PathRulesError::Own)), "{whom:?}");
        }
        assert!(!world.access(&ada).await.allows(one));
        by_ada.set_path_rules(one, &RulesFor::User(eve.id), Some(&[PathRule::parse("**")])).await.unwrap();
        by_ada.grant(one, eve.id).await.unwrap();
        world.store.set_disabled(eve.id, true).await.unwrap();
        by_ada.grant(one, ada.id).await.unwrap();
    }

    async fn groups_are_renamed_and_paged(world) {
        let bob = world.user("bob", Role::Member).await;
        let one = world.add("one").await;
        let name = |text: &str| GroupName::new(text).unwrap();
        for group in ["alpha", "beta", "gamma"] {
            world.store.create_group(&name(group), "People of the house").await.unwrap();
        }
        world.store.add_member(&name("beta"), bob.id).await.unwrap();
        world.store.grant_to_group(&name("beta"), one).await.unwrap();
        world.store.change_group_name(&name("beta"), &name("delta"), "Others").await.unwrap();
        assert!(world.access(&bob).await.allows(one), "who is in it and what it reads stays");
        let group = world.store.group(&name("delta")).await.unwrap().unwrap();
        assert_eq!((group.description.as_str(), group.n_members, group.n_repos), ("Others", 1, 1));
        assert_eq!(world.store.group(&name("beta")).await.unwrap(), None);
        let taken = world.store.change_group_name(&name("delta"), &name("alpha"), "").await;
        assert!(matches!(taken, Err(GroupError::NameTaken { .. })));
        let gone = world.store.change_group_name(&name("beta"), &name("beta"), "").await;
        assert!(matches!(gone, Err(GroupError::Unknown)));
        let page = world.store.groups_page("", Some(&name("alpha")), 1).await.unwrap();
        assert_eq!(page[0].name, name("delta"));
        assert_eq!(world.store.groups_page("HOUSE", None, 9).await.unwrap().len(), 2);
        assert_eq!(world.store.members_page(&name("delta"), "b", None, 9).await.unwrap().len(), 1);
        assert_eq!(world.store.repos_of_group_page(&name("delta"), "x", None, 9).await.unwrap(), []);
        assert_eq!(world.store.groups_of(bob.id).await.unwrap(), [name("delta")]);
    }
}
