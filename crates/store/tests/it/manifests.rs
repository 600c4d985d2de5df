//! Publishing manifests.

use crate::world::{file, manifest, on_both};
use model::{ObjectId, RefName, RepoId};
use store::{
    DiscardedWhat, FileChecksum, Generation, NewManifest, PublishError, Published, RepoStatus, StoredFile,
};

on_both! {
    async fn what_is_published_is_read_again(world) {
        let repo = world.add("tool").await;
        let maintenance = world.store.maintenance();
        assert_eq!(maintenance.manifest(repo).await.unwrap(), None);
        maintenance.set_error(repo, "an earlier one").await.unwrap();
        let new = NewManifest {
            default_branch: Some(RefName::new("refs/heads/main").unwrap()),
            indexed_commit: Some(ObjectId([7; 20])),
            refs_digest: Some(vec![0, 255, 3]),
            ..manifest("refs-1", &["b", "a", "c"])
        };
        let published = maintenance.publish_manifest(repo, Generation(0), new.clone()).await.unwrap();
        assert_eq!(published, Published { generation: Generation(1), unreferenced: vec![] });
        let read = maintenance.manifest(repo).await.unwrap().unwrap();
        assert_eq!((read.repo, read.generation, read.published_at), (repo, Generation(1), world.now()));
        assert_eq!((&read.segments, &read.ref_table, &read.refs_digest), (&new.segments, &new.ref_table, &new.refs_digest));
        let row = maintenance.repository(repo).await.unwrap().unwrap();
        assert_eq!((row.status, row.error, row.indexed_at), (RepoStatus::Ready, None, Some(world.now())));
        assert_eq!((row.default_branch, row.indexed_commit), (new.default_branch, new.indexed_commit));
    }

    async fn files_no_longer_named_are_told_and_recorded(world) {
        let repo = world.add("tool").await;
        let maintenance = world.store.maintenance();
        let publish = |generation, new| maintenance.publish_manifest(repo, Generation(generation), new);
        publish(0, manifest("r1", &["s1", "s2"])).await.unwrap();
        let second = publish(1, manifest("r2", &["s2", "s3"])).await.unwrap();
        assert_eq!(second.unreferenced, ["r1", "s1"]);
        // A name that comes back is no longer to be deleted.
        publish(2, manifest("r3", &["s1"])).await.unwrap();
        let names: Vec<_> = maintenance.discarded(10).await.unwrap().into_iter().map(|record| record.what).collect();
        let expected = ["r1", "r2", "s2", "s3"].map(|name| DiscardedWhat::IndexFile { name: name.into(), size_bytes: 2 });
        assert_eq!(names, expected);
        assert_eq!(maintenance.discarded(1).await.unwrap().len(), 1);
    }

    async fn a_publication_from_an_old_generation_is_refused(world) {
        let repo = world.add("tool").await;
        let maintenance = world.store.maintenance();
        maintenance.publish_manifest(repo, Generation(0), manifest("r1", &["s1"])).await.unwrap();
        for stale in [0, 2, u64::MAX] {
            let refused = maintenance.publish_manifest(repo, Generation(stale), manifest("r2", &["s2"])).await;
            assert!(matches!(refused, Err(PublishError::Superseded)), "{stale}");
        }
        let read = maintenance.manifest(repo).await.unwrap().unwrap();
        assert_eq!((read.generation, read.ref_table), (Generation(1), file("r1")));
        let unknown = maintenance.publish_manifest(RepoId(999), Generation(0), manifest("r", &[])).await;
        assert!(matches!(unknown, Err(PublishError::Superseded)));
    }

    async fn of_many_at_once_one_wins(world) {
        let repo = world.add("tool").await;
        let other = world.another_process().await;
        let mut publishers = Vec::new();
        for number in 0..8 {
            let maintenance = if number % 2 == 0 { world.store.maintenance() } else { other.maintenance() };
            publishers.push(tokio::spawn(async move {
                let new = manifest(&format!("r-{number}"), &["s"]);
                maintenance.publish_manifest(repo, Generation(0), new).await
            }));
        }
        let mut winners = Vec::new();
        for (number, publisher) in publishers.into_iter().enumerate() {
            match publisher.await.unwrap() {
                Ok(published) => winners.push((number, published.generation)),
                Err(error) => assert!(matches!(error, PublishError::Superseded), "{error:?}"),
            }
        }
        let [(winner, generation)] = winners[..] else { panic!("{winners:?}") };
        let read = other.maintenance().manifest(repo).await.unwrap().unwrap();
        assert_eq!((read.generation, read.ref_table.name), (generation, format!("r-{winner}")));
    }

    async fn all_manifests_are_read_in_order(world) {
        let maintenance = world.store.maintenance();
        let mut repos = Vec::new();
        for name in ["a", "b", "c"] {
            repos.push(world.add(name).await);
        }
        for repo in [repos[2], repos[0]] {
            maintenance.publish_manifest(repo, Generation(0), manifest("r", &["s1", "s2"])).await.unwrap();
        }
        let all = maintenance.manifests().await.unwrap();
        assert_eq!(all.iter().map(|manifest| manifest.repo).collect::<Vec<_>>(), [repos[0], repos[2]]);
        for read in all {
            assert_eq!(read.segments, [file("s1"), file("s2")]);
            assert_eq!(maintenance.manifest(read.repo).await.unwrap(), Some(read));
        }
    }

    async fn what_could_leave_the_folder_is_refused(world) {
        let repo = world.add("tool").await;
        let maintenance = world.store.maintenance();
        let long = "x".repeat(129);
        for name in ["", ".", "..", "../x", "/etc/passwd", "a/b", "a\\b", "a\0", "a\n", ".hidden", "é", &long] {
            let refused = maintenance.publish_manifest(repo, Generation(0), manifest("r", &[name])).await;
            assert!(matches!(refused, Err(PublishError::BadFileName { .. })), "{name:?}");
        }
        for twice in [manifest("r", &["r"]), manifest("r", &["s", "s"])] {
            let refused = maintenance.publish_manifest(repo, Generation(0), twice).await;
            assert!(matches!(refused, Err(PublishError::BadFileName { .. })));
        }
        let checksum = FileChecksum(vec![0; 65]);
        let long = NewManifest { ref_table: StoredFile { checksum, ..file("r") }, ..manifest("r", &[]) };
        let refused = maintenance.publish_manifest(repo, Generation(0), long).await;
        assert!(matches!(refused, Err(PublishError::TooLong { .. })));
        let long = NewManifest { refs_digest: Some(vec![0; 65]), ..manifest("r", &[]) };
        let refused = maintenance.publish_manifest(repo, Generation(0), long).await;
        assert!(matches!(refused, Err(PublishError::TooLong { .. })));
        assert_eq!(maintenance.manifest(repo).await.unwrap(), None);
    }
}
