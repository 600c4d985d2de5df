//! Adding, listing, finding and removing repositories.

use crate::world::{local, manifest, on_both, repo_name};
use access::Role;
use model::RepoId;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use store::{
    AddRepositoryError, Adder, DiscardedWhat, Generation, ListRepositories, NewRepository, Progress,
    PublishError, RepoStatus, Source, Visibility,
};

on_both! {
    async fn a_source_is_added_once(world) {
        let first = world.add_as("tool", Adder::LocalOperator).await;
        assert!(first.is_new);
        let renamed = NewRepository { names: vec![repo_name("other")], ..local("tool") };
        let again = world.store.add_repository(renamed, Adder::LocalOperator).await.unwrap();
        assert!(!again.is_new);
        assert_eq!(again.repository, first.repository);
        assert_eq!(world.visible_names(&world.full_access().await).await, ["tool"]);
    }

    async fn what_is_added_is_read_again(world) {
        let url = "https://example.org/group/tool.git";
        let new = NewRepository {
            names: vec![repo_name("example.org/group/tool")],
            source: Source::Remote(url.into()),
            visibility: Visibility::Public,
            unrestricted: true,
            fork: true,
            archived: true,
        };
        let added = world.store.add_repository(new.clone(), Adder::LocalOperator).await.unwrap().repository;
        assert_eq!((added.name.as_str(), &added.source), ("example.org/group/tool", &new.source));
        assert_eq!((added.visibility, added.unrestricted, added.fork, added.archived), (Visibility::Public, true, true, true));
        assert_eq!((added.status, added.progress, &added.error), (RepoStatus::Pending, None, &None));
        assert_eq!(added.added_at, world.now());
        let maintenance = world.store.maintenance();
        assert_eq!(maintenance.repository(added.id).await.unwrap().as_ref(), Some(&added));
        assert_eq!(maintenance.repository_by_source(&new.source).await.unwrap().as_ref(), Some(&added));
        assert_eq!(maintenance.repository_by_name(&added.name).await.unwrap().as_ref(), Some(&added));
        assert_eq!(maintenance.repositories().await.unwrap(), [added]);
    }

    async fn the_first_free_name_is_taken(world) {
        world.add("tool").await;
        let second = NewRepository {
            names: ["tool", "group/tool", "src/group/tool"].map(repo_name).into(),
            ..local("group/tool")
        };
        let second = world.store.add_repository(second, Adder::LocalOperator).await.unwrap();
        assert_eq!(second.repository.name.as_str(), "group/tool");
        let third = NewRepository { names: vec![repo_name("tool")], ..local("third") };
        let refused = world.store.add_repository(third, Adder::LocalOperator).await.unwrap_err();
        assert!(matches!(refused, AddRepositoryError::NameTaken { name } if name == "tool"));
        let nameless = NewRepository { names: vec![], ..local("fourth") };
        let refused = world.store.add_repository(nameless, Adder::LocalOperator).await.unwrap_err();
        assert!(matches!(refused, AddRepositoryError::NoName));
    }

    async fn one_bad_source_among_many_fails_alone(world) {
        let bad = [
            Source::Local(PathBuf::from("relative/path")),
            Source::Local(PathBuf::from(OsStr::from_bytes(b"/src/\xff"))),
            Source::Remote(format!("https://example.org/{}", "x".repeat(5000))),
            Source::Remote("https://example.org/\0".into()),
        ];
        let mut all: Vec<_> = bad.into_iter().map(|source| NewRepository { source, ..local("bad") }).collect();
        all.push(local("good"));
        let outcomes = world.store.add_repositories(all, Adder::LocalOperator).await.unwrap();
        assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, false, false, false, true]);
        assert_eq!(world.visible_names(&world.full_access().await).await, ["good"]);
    }

    /// What the caller may not read is as if it were not there: names, paging, cursors.
    async fn lists_know_only_the_callers_own(world) {
        let member = world.user("ada", Role::Member).await;
        for number in 0..7 {
            world.add(&format!("hidden-{number}")).await;
            world.add_as(&format!("mine-{number}"), Adder::User(member.id)).await;
        }
        let access = world.access(&member).await;
        let mut list = ListRepositories { after: None, limit: 3 };
        let mut pages = Vec::new();
        loop {
            let page = world.store.repositories(&access, &list).await.unwrap();
            pages.push(page.repositories.iter().map(|repository| repository.name.to_string()).collect::<Vec<_>>());
            match page.next {
                Some(next) => list.after = Some(next),
                None => break,
            }
        }
        assert_eq!(pages, [vec!["mine-0", "mine-1", "mine-2"], vec!["mine-3", "mine-4", "mine-5"], vec!["mine-6"]]);
    }

    async fn a_full_last_page_has_no_next(world) {
        for name in ["b", "a"] {
            world.add(name).await;
        }
        let list = ListRepositories { after: None, limit: 2 };
        let page = world.store.repositories(&world.full_access().await, &list).await.unwrap();
        assert_eq!((page.repositories.len(), page.next), (2, None));
        let none = ListRepositories { after: None, limit: 0 };
        let page = world.store.repositories(&world.full_access().await, &none).await.unwrap();
        assert_eq!(page.repositories.len(), 1, "a page of nothing would never end");
    }

    /// Bytes decide the order, on every database and in every locale.
    async fn names_are_ordered_by_bytes(world) {
        for name in ["b", "B", "a/z", "a", "a-b", "é", "Z"] {
            world.add(name).await;
        }
        assert_eq!(world.visible_names(&world.full_access().await).await, ["B", "Z", "a", "a-b", "a/z", "b", "é"]);
    }

    async fn forbidden_and_unknown_are_the_same(world) {
        let member = world.user("ada", Role::Member).await;
        let hidden = world.add("hidden").await;
        let access = world.access(&member).await;
        for name in ["hidden", "nothing"] {
            assert_eq!(world.store.repository_by_name(&access, &repo_name(name)).await.unwrap(), None);
        }
        for id in [hidden, RepoId(999), RepoId(u32::MAX)] {
            assert_eq!(world.store.repository(&access, id).await.unwrap(), None);
        }
    }

    /// Naming the source of somebody else's repository is no way in, and does not tell whether it is there by name either.
    async fn a_member_cannot_add_what_is_hidden_from_them(world) {
        let (ada, eve) = (world.user("ada", Role::Member).await, world.user("eve", Role::Member).await);
        let repo = world.add_as("tool", Adder::User(ada.id)).await.repository.id;
        let refused = world.store.add_repository(local("tool"), Adder::User(eve.id)).await.unwrap_err();
        assert!(matches!(refused, AddRepositoryError::Refused));
        assert!(!world.access(&eve).await.allows(repo));
        assert!(!world.store.add_repository(local("tool"), Adder::User(ada.id)).await.unwrap().is_new);
        world.store.set_unrestricted(repo, true).await.unwrap();
        assert!(!world.store.add_repository(local("tool"), Adder::User(eve.id)).await.unwrap().is_new);
    }

    async fn unrestricted_repositories_are_everybodys(world) {
        let eve = world.user("eve", Role::Member).await;
        let repo = world.add("tool").await;
        let before = world.store.epoch().await.unwrap();
        assert!(world.store.set_unrestricted(repo, true).await.unwrap());
        assert!(world.access(&eve).await.allows(repo));
        assert!(world.store.set_unrestricted(repo, false).await.unwrap());
        assert!(!world.access(&eve).await.allows(repo));
        let after = world.store.epoch().await.unwrap();
        assert_eq!(after.0, before.0 + 2);
        assert!(world.store.set_unrestricted(repo, false).await.unwrap());
        assert_eq!(world.store.epoch().await.unwrap(), after, "nothing changed");
        assert!(!world.store.set_unrestricted(RepoId(999), true).await.unwrap());
    }

    async fn status_progress_and_errors(world) {
        let repo = world.add("tool").await;
        let maintenance = world.store.maintenance();
        let progress = Some(Progress { done: 3, total: 10 });
        assert!(maintenance.set_status(repo, RepoStatus::Cloning, progress).await.unwrap());
        let read = maintenance.repository(repo).await.unwrap().unwrap();
        assert_eq!((read.status, read.progress, read.error), (RepoStatus::Cloning, progress, None));
        assert!(maintenance.set_error(repo, &format!("no\0 route{}", "!".repeat(9000))).await.unwrap());
        let read = maintenance.repository(repo).await.unwrap().unwrap();
        assert_eq!((read.status, read.progress), (RepoStatus::Error, None));
        let message = read.error.unwrap();
        assert!(message.starts_with("no route!!!") && message.len() == 2000, "{message}");
        maintenance.set_status(repo, RepoStatus::Indexing, None).await.unwrap();
        assert_eq!(maintenance.repository(repo).await.unwrap().unwrap().error, None);
        maintenance.set_traits(repo, Visibility::Public, true, true).await.unwrap();
        let read = maintenance.repository(repo).await.unwrap().unwrap();
        assert_eq!((read.visibility, read.fork, read.archived), (Visibility::Public, true, true));
        assert!(!maintenance.set_status(RepoId(999), RepoStatus::Ready, None).await.unwrap());
        assert!(!maintenance.set_error(RepoId(999), "x").await.unwrap());
    }

    async fn removing_leaves_work_for_the_janitor_and_nothing_else(world) {
        let (gone, stays) = (world.add("gone").await, world.add("stays").await);
        let maintenance = world.store.maintenance();
        for repo in [gone, stays] {
            maintenance.publish_manifest(repo, Generation(0), manifest("r1", &["s1"])).await.unwrap();
            maintenance.publish_manifest(repo, Generation(1), manifest("r2", &["s1"])).await.unwrap();
        }
        let before = world.store.epoch().await.unwrap();
        assert!(world.store.remove_repository(gone).await.unwrap());
        assert!(!world.store.remove_repository(gone).await.unwrap());
        assert_eq!(world.store.epoch().await.unwrap().0, before.0 + 1);
        assert_eq!(world.visible_names(&world.full_access().await).await, ["stays"]);
        assert_eq!(maintenance.manifest(gone).await.unwrap(), None);
        let discarded = maintenance.discarded(10).await.unwrap();
        let file = DiscardedWhat::IndexFile { name: "r1".into(), size_bytes: 2 };
        assert_eq!(
            discarded.iter().map(|record| (record.repo, record.what.clone())).collect::<Vec<_>>(),
            [(stays, file), (gone, DiscardedWhat::Repository)]
        );
        let late = maintenance.publish_manifest(gone, Generation(2), manifest("r3", &[])).await;
        assert!(matches!(late, Err(PublishError::Superseded)));
        maintenance.forget_discarded(&discarded.iter().map(|record| record.id).collect::<Vec<_>>()).await.unwrap();
        assert_eq!(maintenance.discarded(10).await.unwrap(), []);
    }

    /// A number names a folder on disk and stands in access sets: what comes later must never be taken for what was.
    async fn numbers_are_not_reused(world) {
        let first = world.add("tool").await;
        world.store.remove_repository(first).await.unwrap();
        let second = world.add("tool").await;
        assert_ne!(first, second);
    }
}
