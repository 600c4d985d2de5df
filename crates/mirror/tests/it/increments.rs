//! Only what changed is indexed, and answers are those of a repository indexed at once.

use crate::instance::Instance;
use index::Segment;
use model::RepoId;
use std::time::Duration;
use testkit::git::GitWorld;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn a_change_costs_one_small_segment() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    repo.commit_files("main", &[("one.txt", b"alpha beta\n"), ("two.txt", b"gamma delta\n")]);
    repo.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let catalog = instance.index().await;
    assert_eq!(instance.answer(&catalog, "beta").await, ["a one.txt:1"]);
    let first = instance.manifest("a").await;
    assert_eq!(first.segments.len(), 1);

    repo.commit_files("main", &[("one.txt", b"alpha beta\n"), ("two.txt", b"gamma\nbeta epsilon\n")]);
    let catalog = instance.index().await;
    assert_eq!(instance.answer(&catalog, "beta").await, ["a one.txt:1", "a two.txt:2"]);
    assert!(instance.answer(&catalog, "delta").await.is_empty());
    let second = instance.manifest("a").await;
    assert_eq!(second.segments[0], first.segments[0], "the old segment is kept as it is");
    assert_eq!(second.segments.len(), 2);
    let delta = Segment::open(&instance.segment_path("a", 1).await).unwrap();
    assert_eq!(delta.n_blobs(), 1, "only the changed file");
}

#[tokio::test(flavor = "multi_thread")]
async fn unchanged_refs_cost_nothing() {
    let world = GitWorld::new();
    world.repo("a").commit_files("main", &[("one.txt", b"alpha\n")]);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    instance.index().await;
    let before = instance.manifest("a").await;
    let catalog = instance.index().await;
    assert_eq!(instance.manifest("a").await, before);
    assert_eq!(instance.answer(&catalog, "alpha").await, ["a one.txt:1"]);
    assert_eq!(instance.board.totals().files, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_pushes_are_merged_and_lose_nothing() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    let instance = Instance::new().await;
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for push in 0..20 {
        files.push((format!("file{push}.txt"), format!("common word{push}\n").into_bytes()));
        let listed: Vec<(&str, &[u8])> =
            files.iter().map(|(path, text)| (path.as_str(), &text[..])).collect();
        repo.commit_files("main", &listed);
        if push == 0 {
            instance.add(&world.path()).await;
        }
        instance.index().await;
        assert!(instance.manifest("a").await.segments.len() < 9, "segments are merged");
    }
    let catalog = instance.index().await;
    assert_eq!(instance.answer(&catalog, "common").await.len(), 20);
    assert_eq!(instance.answer(&catalog, "word7").await, ["a file7.txt:1"]);
    let row = instance.row("a").await;
    let n_files = std::fs::read_dir(instance.data.index(row.id)).unwrap().count();
    let n_named = instance.manifest("a").await.segments.len() + 1 + instance.n_history_files("a").await;
    assert_eq!(n_files, n_named, "nothing is left over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_reads_only_the_folders_it_changed() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    repo.commit_files("main", &[("kept/one.txt", b"alpha\n"), ("touched/two.txt", b"alpha\n")]);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    instance.index().await;
    repo.commit_files("main", &[("kept/one.txt", b"alpha\n"), ("touched/two.txt", b"alpha beta\n")]);
    // Whoever reads this folder now finds nothing, and would say so.
    let tree = repo.git(&["rev-parse", "main:kept"]);
    std::fs::remove_file(repo.git_dir().join("objects").join(&tree[..2]).join(&tree[2..])).unwrap();
    let catalog = instance.index().await;
    assert_eq!(instance.answer(&catalog, "alpha").await, ["a kept/one.txt:1", "a touched/two.txt:1"]);
    assert_eq!(instance.row("a").await.error, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_are_joined_while_pushes_come() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    repo.commit_files("main", &[("0.txt", b"alpha\n")]);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let (worker, _, catalog) = instance.start().await;
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { worker.run(&stop).await }
    });
    let mut files: Vec<(String, Vec<u8>)> = vec![("0.txt".into(), b"alpha\n".to_vec())];
    for push in 1..14 {
        // Every third file goes again, so that joined segments lose blobs meanwhile.
        if push % 3 == 0 {
            files.remove(0);
        }
        files.push((format!("{push}.txt"), format!("alpha {push}\n").into_bytes()));
        let listed: Vec<(&str, &[u8])> =
            files.iter().map(|(path, text)| (path.as_str(), &text[..])).collect();
        repo.commit_files("main", &listed);
        until_answer(&instance, &catalog, &format!("alpha {push}"), 1).await;
    }
    until_answer(&instance, &catalog, "alpha", files.len()).await;
    while instance.manifest("a").await.segments.len() >= 8 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    until_answer(&instance, &catalog, "alpha", files.len()).await;
    stop.cancel();
    running.await.unwrap();
    let (_, report, catalog) = instance.start().await;
    assert!(report.damaged.is_empty(), "{:?}", report.damaged);
    assert_eq!(instance.answer(&catalog, "alpha").await.len(), files.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_branches_leave_no_answers() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    repo.commit_files("main", &[("one.txt", b"alpha\n")]);
    repo.commit_files("side", &[("two.txt", b"alpha side\n")]);
    repo.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let catalog = instance.index().await;
    assert_eq!(instance.answer(&catalog, "alpha rev:side").await, ["a two.txt:1"]);
    repo.git(&["branch", "-D", "side"]);
    let catalog = instance.index().await;
    assert!(instance.answer(&catalog, "alpha rev:side").await.is_empty());
    assert_eq!(instance.answer(&catalog, "alpha").await, ["a one.txt:1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_repository_is_ready_and_grows() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let catalog = instance.index().await;
    assert!(instance.answer(&catalog, "alpha").await.is_empty());
    assert_eq!(instance.row("a").await.status, store::RepoStatus::Ready);
    repo.commit_files("main", &[("one.txt", b"alpha\n")]);
    let catalog = instance.index().await;
    assert_eq!(instance.answer(&catalog, "alpha").await, ["a one.txt:1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_worker_sees_local_changes() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    repo.commit_files("main", &[("one.txt", b"alpha\n")]);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let (worker, _, catalog) = instance.start().await;
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { worker.run(&stop).await }
    });
    until_answer(&instance, &catalog, "alpha", 1).await;
    repo.commit_files("main", &[("one.txt", b"alpha\n"), ("two.txt", b"alpha again\n")]);
    until_answer(&instance, &catalog, "alpha", 2).await;
    // A repository that another process adds is picked up, too.
    world.repo("b").commit_files("main", &[("three.txt", b"alpha there\n")]);
    instance.add(&world.path().join("b")).await;
    until_answer(&instance, &catalog, "alpha", 3).await;
    // One that another process removes is gone.
    assert!(instance.store.remove_repository(instance.row("a").await.id).await.unwrap());
    until_answer(&instance, &catalog, "alpha", 1).await;
    stop.cancel();
    running.await.unwrap();
}

/// Waits for a condition, as long as it takes; the test runner ends what never comes.
async fn until_answer(instance: &Instance, catalog: &search::Catalog, query: &str, n_expected: usize) {
    while instance.answer(catalog, query).await.len() != n_expected {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn remotes_are_mirrored_and_fetched() {
    let world = GitWorld::new();
    let upstream = world.bare("up/stream.git");
    upstream.commit_files("main", &[("one.txt", b"alpha\n")]);
    upstream.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
    let instance = Instance::new().await;
    let url = format!("file://{}", upstream.path().display());
    let added = instance.try_add(&url).await.unwrap();
    let name = added.added[0].repository.name.to_string();
    let catalog = instance.index().await;
    assert_eq!(instance.answer(&catalog, "alpha").await, [format!("{name} one.txt:1")]);
    upstream.commit_files("main", &[("two.txt", b"alpha beta\n")]);
    let catalog = instance.index().await;
    assert_eq!(instance.answer(&catalog, "alpha").await, [format!("{name} two.txt:1")]);
    assert_eq!(instance.store.jobs().counts().await.unwrap().n_queued, 1, "the next fetch is scheduled");
    assert!(instance.data.mirror(RepoId(added.added[0].repository.id.0)).is_dir());
}
