//! What nothing refers to is deleted, and nothing else.

use crate::instance::Instance;
use model::RepoId;
use std::fs;
use testkit::git::GitWorld;

#[tokio::test(flavor = "multi_thread")]
async fn leftovers_of_killed_runs_are_swept() {
    let world = GitWorld::new();
    world.repo("a").commit_files("main", &[("one.txt", b"alpha\n")]);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    instance.index().await;
    let folder = instance.data.index(instance.row("a").await.id);
    fs::write(folder.join("0123.segment"), "half written").unwrap();
    fs::write(folder.join(".tmp-x"), "half written").unwrap();
    let gone = RepoId(4711);
    fs::create_dir_all(instance.data.index(gone)).unwrap();
    fs::write(instance.data.index(gone).join("x.segment"), "").unwrap();
    fs::create_dir_all(instance.data.mirror(gone)).unwrap();
    let not_ours = instance.data.index_root().join("notes");
    fs::write(&not_ours, "mine").unwrap();

    let round = instance.round().await;
    assert_eq!(round.report.n_swept, 4);
    let n_named = 2 + instance.n_history_files("a").await;
    assert_eq!(fs::read_dir(&folder).unwrap().count(), n_named, "the segment, the ref table, the history");
    assert!(!instance.data.index(gone).exists() && !instance.data.mirror(gone).exists());
    assert!(not_ours.exists());
    assert_eq!(instance.answer(&round.catalog, "alpha").await, ["a one.txt:1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_repository_leaves_no_files() {
    let world = GitWorld::new();
    world.repo("a").commit_files("main", &[("one.txt", b"alpha\n")]);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    instance.index().await;
    let row = instance.row("a").await;
    assert!(instance.data.index(row.id).is_dir());
    instance.store.remove_repository(row.id).await.unwrap();
    let round = instance.round().await;
    assert!(!instance.data.index(row.id).exists());
    assert!(instance.answer(&round.catalog, "alpha").await.is_empty());
    assert_eq!(world.repo("b").git(&["rev-parse", "--is-bare-repository"]), "false");
    assert!(world.path().join("a").is_dir(), "the repository itself is untouched");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_database_sweeps_nothing() {
    let world = GitWorld::new();
    world.repo("a").commit_files("main", &[("one.txt", b"alpha\n")]);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    instance.index().await;
    let other = Instance::new().await;
    let mut options = other.options();
    options.data = instance.data.clone();
    match mirror::Worker::start(options).await {
        Err(error) => assert!(error.to_string().contains("belongs to another database"), "{error}"),
        Ok(_) => panic!("it started"),
    }
    assert!(instance.segment_path("a", 0).await.exists());
}
