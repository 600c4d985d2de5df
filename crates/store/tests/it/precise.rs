//! Precise indexes from the first byte to their end.

use crate::world::{World, on_both};
use access::Role;
use model::{ObjectId, RepoId};
use std::time::Duration;
use store::{
    ClaimRequest, CreatePreciseError, NewPrecise, PRECISE_JOB_KIND, PreciseCounts, PreciseId, PrecisePackage,
    PreciseState, WorkerId,
};

fn new(repo: RepoId, commit: u8) -> NewPrecise {
    NewPrecise {
        repo,
        commit: ObjectId([commit; 20]),
        root: "packages/né".to_owned(),
        indexer: String::new(),
        indexer_version: String::new(),
        n_parts: 2,
        uploaded_by: None,
    }
}

fn package(name: &str, n_defined: u64) -> PrecisePackage {
    PrecisePackage { manager: "npm".into(), name: name.into(), version: "1.0.0".into(), n_defined }
}

/// Takes an upload to where it answers; returns those it took the place of.
async fn ready(world: &World, repo: RepoId, commit: u8, name: &str) -> (PreciseId, Vec<PreciseId>) {
    let id = world.store.create_precise(new(repo, commit), 9).await.unwrap();
    assert!(world.store.queue_precise(id, 77).await.unwrap());
    let keeper = world.store.maintenance();
    assert!(keeper.begin_precise(id).await.unwrap());
    let counts = PreciseCounts { n_documents: 3, size_bytes: 1 << 40, ..PreciseCounts::default() };
    let packages = [package(name, 5), package("only-used", 0)];
    let older = keeper.publish_precise(id, ("scip-x", "2"), &counts, &packages).await.unwrap();
    (id, older.expect("it was there"))
}

on_both! {
    async fn an_upload_becomes_an_index(world) {
        let repo = world.add("a").await;
        let ada = world.user("ada", Role::Member).await;
        let access = world.full_access().await;
        let asked = NewPrecise { uploaded_by: Some(ada.id), ..new(repo, 1) };
        let id = world.store.create_precise(asked, 1).await.unwrap();
        let refused = world.store.create_precise(new(repo, 2), 1).await;
        assert!(matches!(refused, Err(CreatePreciseError::TooMany { n_unfinished: 1 })), "{refused:?}");
        let row = world.store.precise_index(&access, id).await.unwrap().unwrap();
        assert_eq!((row.state, row.n_parts, row.root.as_str()), (PreciseState::Receiving, 2, "packages/né"));
        assert_eq!((row.commit, row.uploaded_by.as_deref()), (ObjectId([1; 20]), Some("ada")));
        assert!(world.store.queue_precise(id, 77).await.unwrap());
        assert!(!world.store.queue_precise(id, 77).await.unwrap(), "once");
        let request = ClaimRequest {
            worker: WorkerId::draw(),
            kinds: vec![PRECISE_JOB_KIND.to_owned()],
            lease: Duration::from_secs(60),
            n_per_host_max: 1,
        };
        let job = world.store.jobs().claim(&request).await.unwrap().unwrap();
        assert_eq!(job.payload["index"], id.to_string());
        let keeper = world.store.maintenance();
        assert!(keeper.begin_precise(id).await.unwrap());
        keeper.delay_precise(id, Some("the disk is full")).await.unwrap();
        let row = world.store.precise_index(&access, id).await.unwrap().unwrap();
        assert_eq!((row.state, row.error.as_deref()), (PreciseState::Queued, Some("the disk is full")));
        keeper.fail_precise(id, "it is damaged\0").await.unwrap();
        assert!(!keeper.begin_precise(id).await.unwrap(), "it is over");
        let row = world.store.precise_index(&access, id).await.unwrap().unwrap();
        assert_eq!((row.state, row.error.as_deref()), (PreciseState::Failed, Some("it is damaged")));
        assert!(world.store.precise_ready(&access, repo).await.unwrap().is_empty());
        world.pass(100);
        assert_eq!(keeper.forget_failed_precise(world.now()).await.unwrap(), 1);
    }

    async fn the_same_again_takes_the_place(world) {
        let (repo, other) = (world.add("a").await, world.add("b").await);
        let (first, older) = ready(&world, repo, 1, "lib").await;
        assert!(older.is_empty());
        ready(&world, other, 1, "lib").await;
        ready(&world, repo, 2, "lib").await;
        world.pass(5);
        let (_, older) = ready(&world, repo, 1, "lib").await;
        assert_eq!(older, [first], "of the same repository, commit, root and indexer");
        let access = world.full_access().await;
        let rows = world.store.precise_ready(&access, repo).await.unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].indexer.as_str(), rows[0].counts.size_bytes), ("scip-x", 1 << 40));
        let found = world.store.precise_defining(&access, "npm", "lib").await.unwrap();
        assert_eq!(found.len(), 3);
        assert_eq!((found[0].1.as_str(), found[0].2.as_str()), ("1.0.0", "a"));
        assert!(world.store.precise_defining(&access, "npm", "only-used").await.unwrap().is_empty());
        let using = world.store.precise_naming(&access, "npm", "only-used").await.unwrap();
        let told: Vec<_> = using.iter().map(|(index, _, name)| (name.as_str(), index.commit.0[0])).collect();
        assert_eq!(told, [("a", 1), ("b", 1)], "the newest of each repository");
        assert!(world.store.precise_naming(&access.only(other), "npm", "only-used").await.unwrap().len() == 1);
        // SECURITY: by whom who may read the other one only.
        let part = access.only(other);
        assert!(world.store.precise_ready(&part, repo).await.unwrap().is_empty());
        assert_eq!(world.store.precise_index(&part, rows[0].id).await.unwrap(), None);
        assert_eq!(world.store.precise_defining(&part, "npm", "lib").await.unwrap().len(), 1);
        assert!(!world.store.remove_precise(other, rows[0].id).await.unwrap(), "of another repository");
        assert!(world.store.remove_precise(repo, rows[0].id).await.unwrap());
        assert!(world.store.maintenance().retire_precise(&rows[1]).await.unwrap());
        assert_eq!(world.store.precise_defining(&access, "npm", "lib").await.unwrap().len(), 1);
    }

    async fn as_many_as_there_may_be_whatever_comes_at_once(world) {
        let repo = world.add("a").await;
        let mut beginning = tokio::task::JoinSet::new();
        for commit in 0..12 {
            let store = world.store.clone();
            beginning.spawn(async move { store.create_precise(new(repo, commit), 3).await });
        }
        let ended = beginning.join_all().await;
        assert_eq!(ended.iter().filter(|one| one.is_ok()).count(), 3);
        assert!(ended.iter().all(|one| matches!(one, Ok(_) | Err(CreatePreciseError::TooMany { n_unfinished: 3 }))));
        let access = world.full_access().await;
        assert_eq!(world.store.precise_indexes(&access, repo).await.unwrap().len(), 3);
    }

    async fn what_was_never_whole_fails(world) {
        let repo = world.add("a").await;
        let id = world.store.create_precise(new(repo, 1), 9).await.unwrap();
        let keeper = world.store.maintenance();
        assert_eq!(keeper.fail_unsent_precise(world.now()).await.unwrap(), 0, "it has just begun");
        world.pass(100);
        assert_eq!(keeper.fail_unsent_precise(world.now()).await.unwrap(), 1);
        let row = keeper.precise(id).await.unwrap().unwrap();
        assert!(row.error.is_some_and(|error| error.contains("cut off")));
        assert_eq!(keeper.precise_ids().await.unwrap(), [id]);
    }
}
