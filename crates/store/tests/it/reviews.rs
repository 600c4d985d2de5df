//! Access reviews.

use crate::world::{on_both, repo_name, user_name};
use access::audit::{Act, Entry, Object, Origin};
use access::{AccountId, HostId, Reader, Role};
use std::time::Duration;
use store::{BOUND_DEFAULT, GroupName, ReviewError, ReviewScope};

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

on_both! {
    async fn every_grant_is_certified_or_revoked(world) {
        let ada = world.user("ada", Role::Administrator).await;
        let (bob, eve) = (world.user("bob", Role::Member).await, world.user("eve", Role::Auditor).await);
        let (one, two) = (world.add("one").await, world.add("two").await);
        let all = ReviewScope::default();
        let by_eve = world.store.by(Origin::proved(eve.id, &user_name("eve"), "session"));
        // The first administrator was granted what was added before anybody else.
        world.store.revoke(one, ada.id).await.unwrap();
        world.store.revoke(two, ada.id).await.unwrap();
        assert!(matches!(by_eve.start_review("x", &all, WEEK).await, Err(ReviewError::Nothing)));
        world.store.grant(one, bob.id).await.unwrap();
        world.store.grant(two, bob.id).await.unwrap();
        world.store.grant(two, eve.id).await.unwrap();
        let group = GroupName::new("docs").unwrap();
        world.store.create_group(&group, "").await.unwrap();
        world.store.grant_to_group(&group, one).await.unwrap();
        let by_bob = world.store.by(Origin::proved(bob.id, &bob.name, "session"));
        by_bob.record_read(Entry::new(Act::ReadFile, Object::named("address", "/r/one"))).await.unwrap();

        let id = by_eve.start_review("Spring", &all, WEEK).await.unwrap();
        let (review, items) = world.store.review(&id).await.unwrap().unwrap();
        assert_eq!((review.n_items, review.n_open, review.started_by.as_str()), (4, 4, "eve"));
        let shown: Vec<_> = items
            .iter()
            .map(|item| (item.repo.as_str(), item.kind.as_str(), item.subject.as_str(), item.read_at.is_some()))
            .collect();
        assert_eq!(shown, [
            ("one", "account", "bob", true),
            ("two", "account", "bob", true),
            ("two", "account", "eve", false),
            ("one", "group", "docs", false),
        ]);
        assert!(matches!(by_eve.close_review(&id).await, Err(ReviewError::Open { n_open: 4 })));
        // What is one's own is for somebody else to certify.
        assert!(matches!(by_eve.decide_review(&id, 3, true).await, Err(ReviewError::Own)));
        by_eve.decide_review(&id, 3, false).await.unwrap();
        by_eve.decide_review(&id, 1, true).await.unwrap();
        assert!(world.access(&bob).await.allows(two));
        let epoch = world.store.epoch().await.unwrap();
        by_eve.decide_review(&id, 2, false).await.unwrap();
        assert!(world.store.epoch().await.unwrap() > epoch);
        assert!(world.access(&bob).await.allows(one) && !world.access(&bob).await.allows(two));
        by_eve.decide_review(&id, 4, false).await.unwrap();
        assert!(world.store.repos_of_group(&group).await.unwrap().is_empty());
        // Decided is decided, invented is unknown, closed is closed.
        for item in [1, 9, -1] {
            assert!(matches!(by_eve.decide_review(&id, item, false).await, Err(ReviewError::Unknown)));
        }
        assert!(matches!(by_eve.decide_review("invented", 1, true).await, Err(ReviewError::Unknown)));
        by_eve.close_review(&id).await.unwrap();
        assert!(matches!(by_eve.close_review(&id).await, Err(ReviewError::Unknown)));
        let (review, items) = world.store.review(&id).await.unwrap().unwrap();
        assert_eq!((review.closed_by.as_deref(), review.n_open), (Some("eve"), 0));
        assert_eq!(items[0].decision.as_ref().map(|(is_certified, by, _)| (*is_certified, by.as_str())), Some((true, "eve")));
        let narrow = ReviewScope { repos: "on".into(), subject: "bob".into(), ..all };
        let id = by_eve.start_review("Narrow", &narrow, WEEK).await.unwrap();
        assert_eq!(world.store.review(&id).await.unwrap().unwrap().0.n_items, 1);
    }

    /// What a code host states is in a review that asks for it: marked, not taken back here.
    async fn statements_of_hosts_are_reviewed(world) {
        let (bob, eve) = (world.user("bob", Role::Member).await, world.user("eve", Role::Auditor).await);
        let (one, two) = (world.add("one").await, world.add("two").await);
        let host = HostId("h1".into());
        let account = |id: &str| AccountId::new(id).unwrap();
        world.store.set_permission_source(&host, BOUND_DEFAULT).await.unwrap();
        world.store.link_identity(&host, &account("77"), bob.id, "bobby").await.unwrap();
        let both = [one, two].into_iter().collect();
        world.store.apply_account_repositories(&host, &Reader::Account(account("77")), &both, world.now()).await.unwrap();
        world.store.apply_account_repositories(&host, &Reader::Everyone, &both, world.now()).await.unwrap();
        let by_eve = world.store.by(Origin::proved(eve.id, &user_name("eve"), "session"));
        let without = ReviewScope { subject: "bob".into(), ..ReviewScope::default() };
        assert!(matches!(by_eve.start_review("x", &without, WEEK).await, Err(ReviewError::Nothing)));
        let with = ReviewScope { with_hosts: true, ..without };
        let id = by_eve.start_review("Hosts", &with, WEEK).await.unwrap();
        let (_, items) = world.store.review(&id).await.unwrap().unwrap();
        let shown: Vec<_> = items
            .iter()
            .map(|item| (item.repo.as_str(), item.kind.as_str(), item.subject.as_str(), item.host.clone()))
            .collect();
        let there = Some(("h1".to_owned(), "bobby (77)".to_owned()));
        assert_eq!(shown, [("one", "host", "bob", there.clone()), ("two", "host", "bob", there)]);
        assert_eq!(items[0].granted_at, world.now());
        let epoch = world.store.epoch().await.unwrap();
        by_eve.decide_review(&id, 1, false).await.unwrap();
        by_eve.decide_review(&id, 2, true).await.unwrap();
        assert_eq!(world.store.epoch().await.unwrap(), epoch, "nobody's rights changed");
        assert!(world.access(&bob).await.allows(one), "it is the host's to take back");
        by_eve.close_review(&id).await.unwrap();
        let narrow = ReviewScope { repos: "tw".into(), ..with.clone() };
        let id = by_eve.start_review("Narrow", &narrow, WEEK).await.unwrap();
        assert_eq!(world.store.review(&id).await.unwrap().unwrap().0.n_items, 1);
        world.pass(16 * 60);
        assert!(matches!(by_eve.start_review("Old", &with, WEEK).await, Err(ReviewError::Nothing)), "too old to count");
    }

    /// A review tells of each right whether it is used: of this account and this repository, to the hour.
    async fn a_review_tells_which_rights_are_used(world) {
        let ada = world.user("ada", Role::Administrator).await;
        let (bob, cyn) = (world.user("bob", Role::Member).await, world.user("cyn", Role::Member).await);
        let (one, two) = (world.add("one").await, world.add("two").await);
        for repo in [one, two] {
            world.store.revoke(repo, ada.id).await.unwrap();
            world.store.grant(repo, bob.id).await.unwrap();
        }
        let group = GroupName::new("docs").unwrap();
        world.store.create_group(&group, "").await.unwrap();
        world.store.grant_to_group(&group, one).await.unwrap();
        world.store.add_member(&group, cyn.id).await.unwrap();
        let opens = async |user: &store::User, names: &[&str]| {
            let by = world.store.by(Origin::proved(user.id, &user.name, "session"));
            let entry = Entry::new(Act::ReadFile, Object::named("address", "/r/x"));
            by.record_read_of(entry, names.iter().map(|name| repo_name(name)).collect()).await.unwrap();
        };
        let used = async |title: &str| {
            let id = world.store.start_review(title, &ReviewScope::default(), WEEK).await.unwrap();
            let (_, items) = world.store.review(&id).await.unwrap().unwrap();
            let told = |item: store::ReviewItem| (format!("{} {}", item.subject, item.repo), item.opened_at);
            items.into_iter().map(told).collect::<Vec<_>>()
        };
        let expected = |bob_one, bob_two, docs_one| {
            vec![("bob one".to_owned(), bob_one), ("bob two".to_owned(), bob_two), ("docs one".to_owned(), docs_one)]
        };
        // Nobody opened anything, whatever they read elsewhere; a name that is no repository's is nothing.
        opens(&bob, &[]).await;
        opens(&bob, &["none"]).await;
        assert_eq!(used("Before").await, expected(None, None, None));
        let first = world.now();
        opens(&bob, &["one"]).await;
        world.pass(59 * 60);
        opens(&bob, &["one"]).await;
        assert_eq!(used("Within the hour").await, expected(Some(first), None, None));
        world.pass(60);
        opens(&bob, &["one"]).await;
        opens(&cyn, &["two", "one"]).await;
        let later = Some(world.now());
        assert_eq!(used("After it").await, expected(later, None, later));
        let readers = world.store.readers_of(one).await.unwrap();
        let told: Vec<_> = readers.iter().map(|one| (one.name.as_str(), one.last_opened_at)).collect();
        assert_eq!(told, [("bob", later), ("cyn", later)]);
        assert_eq!(world.store.readers_of(two).await.unwrap()[0].last_opened_at, None, "bob did not open two");
        // What took the name of a repository that is gone was never opened.
        world.store.remove_repository(one).await.unwrap();
        let again = world.add("one").await;
        world.store.revoke(again, ada.id).await.unwrap();
        world.store.grant(again, bob.id).await.unwrap();
        assert_eq!(used("Anew").await, expected(None, None, None)[..2]);
    }
}
