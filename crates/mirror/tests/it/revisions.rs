//! Commits that no branch or tag leads to are searched like those that one does.

use crate::instance::Instance;
use mirror::{OverlayOptions, Overlays};
use model::{AccessSet, Epoch, ObjectId};
use search::Catalog;
use std::fs;
use std::sync::Arc;
use testkit::git::{GitRepo, GitWorld};

/// A history of five commits on main, of which `n` is called `word<n>` in `file.txt`; and a branch.
fn history(repo: &GitRepo) -> Vec<ObjectId> {
    let commits = (0..5).map(|n| {
        let text = format!("common\nword{n}\n");
        repo.commit_files("main", &[("file.txt", text.as_bytes()), ("same.txt", b"common same\n")])
    });
    let commits = commits.collect();
    repo.commit_files("side", &[("side.txt", b"common side\n")]);
    repo.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
    commits
}

fn overlays(instance: &Instance) -> Vec<String> {
    let folders = fs::read_dir(instance.data.overlays()).into_iter().flatten().flatten();
    let files = folders.flat_map(|folder| fs::read_dir(folder.path()).unwrap().flatten());
    let mut names: Vec<String> = files.map(|file| file.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn n_with(names: &[String], ending: &str) -> usize {
    names.iter().filter(|name| name.ends_with(ending)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn any_commit_is_searched() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    let commits = history(&repo);
    repo.git(&["update-ref", "refs/remotes/origin/next", &commits[3].to_string()]);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let catalog = instance.index().await;
    let old = commits[1].to_string();
    for rev in [&old[..], &old[..9], "main~3", "HEAD~~~", "HEAD^^^1"] {
        let found = instance.answer(&catalog, &format!("rev:{rev} common")).await;
        assert_eq!(found, ["a file.txt:1", "a same.txt:1"], "{rev}");
        assert_eq!(instance.answer(&catalog, &format!("rev:{rev} word1")).await, ["a file.txt:2"], "{rev}");
        assert!(instance.answer(&catalog, &format!("rev:{rev} word4")).await.is_empty(), "{rev}");
    }
    let check = async |query: &str, expected: &[&str]| {
        assert_eq!(instance.answer(&catalog, query).await, expected, "{query}");
    };
    check(&format!("repo:a@{old}:side common -file:same"), &["a file.txt:1", "a side.txt:1"]).await;
    check("rev:origin/next word3", &["a file.txt:2"]).await;
    check("rev:refs/remotes/origin/next word3", &["a file.txt:2"]).await;
    check("rev:*refs/remotes/* word3", &["a file.txt:2"]).await;
    check("rev:*refs/remotes/origin/*:*refs/heads/* word3 OR word4", &["a file.txt:2", "a file.txt:2"]).await;
    check("rev:main~9 common", &[]).await;
    check("rev:0123456789abcdef0123456789abcdef01234567 common", &[]).await;
    check("index:only rev:main~3 word1", &[]).await;
    check("rev:main word4", &["a file.txt:2"]).await;
    // The first commit's date is 1,700,000,000, each later one is a minute younger.
    check("rev:at.time(@1700000130) word2", &["a file.txt:2"]).await;
    check("rev:at.time(@1700000120,main) word2", &["a file.txt:2"]).await;
    check("rev:at.time(@1800000000) word4", &["a file.txt:2"]).await;
    check("rev:at.time(@1600000000) common", &[]).await;
    let left = overlays(&instance);
    assert_eq!(n_with(&left, ".segment"), 3, "each text is indexed once: {left:?}");
    assert!(!left.iter().any(|name| name.starts_with("making-")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn overlays_outlive_the_process_and_pushes() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    history(&repo);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let catalog = instance.index().await;
    assert_eq!(instance.answer(&catalog, "rev:main~2 word2").await, ["a file.txt:2"]);
    let before = overlays(&instance);
    let (_, _, catalog) = instance.start().await;
    assert_eq!(instance.answer(&catalog, "rev:main~2 word2").await, ["a file.txt:2"]);
    assert_eq!(overlays(&instance), before, "nothing is made twice");
    repo.commit_files("main", &[("file.txt", b"common\nword5\n")]);
    let catalog = instance.index().await;
    assert_eq!(instance.answer(&catalog, "rev:main~3 word2").await, ["a file.txt:2"]);
    let after = overlays(&instance);
    assert_eq!((n_with(&before, ".segment"), n_with(&after, ".segment")), (1, 1), "text is shared");
    // A damaged file is as good as none.
    for name in after.iter().filter(|name| name.ends_with(".refs")) {
        let folder = instance.data.overlays().join(instance.row("a").await.id.0.to_string());
        fs::write(folder.join(name), "no ref table").unwrap();
    }
    let (_, _, catalog) = instance.start().await;
    assert_eq!(instance.answer(&catalog, "rev:main~3 word2").await, ["a file.txt:2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_least_recently_used_goes_first() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    history(&repo);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    instance.index().await;
    let with_budget = async |disk_bytes_max: u64, text_bytes_max: u64| {
        let catalog = Catalog::new();
        mirror::open_catalog(&instance.store, &instance.data, &catalog).await.unwrap();
        let options = OverlayOptions { disk_bytes_max, text_bytes_max, ..OverlayOptions::new(1 << 20, 1) };
        catalog.set_revision_source(Arc::new(Overlays::new(&instance.data, options)));
        catalog
    };
    let catalog = with_budget(1, 1 << 20).await;
    for rev in ["main~1", "main~2", "main~3"] {
        assert_eq!(instance.answer(&catalog, &format!("rev:{rev} common file:file")).await, ["a file.txt:1"]);
        let left = overlays(&instance);
        assert_eq!((n_with(&left, ".refs"), n_with(&left, ".segment")), (1, 1), "{left:?}");
    }
    // What is too large is refused, and the rest of the answer stands.
    let catalog = with_budget(1 << 30, 3).await;
    let summary = instance.summary(&catalog, "rev:main~1:main common").await;
    assert!(!summary.stats.complete);
    assert_eq!(summary.stats.skipped[0].reason, search::SkippedReason::RevisionUncovered);
    assert!(summary.stats.skipped[0].message.contains("not indexed"), "{:?}", summary.stats.skipped);
    assert_eq!(summary.stats.files, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn revisions_of_some_repositories_are_told_and_those_of_hidden_ones_are_not() {
    let world = GitWorld::new();
    history(&world.repo("a"));
    world.repo("b").commit_files("main", &[("b.txt", b"common\n")]);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let catalog = instance.index().await;
    let alert = async |query: &str| instance.summary(&catalog, query).await.alert;
    let told = alert("rev:main~3 common").await;
    assert_eq!(told.as_deref(), Some("The revision 'main~3' is in 1 of 2 searched repositories."));
    assert_eq!(alert("rev:main common").await, None);
    let none = Some("No searched repository has a revision of this name.");
    assert_eq!(alert("rev:nowhere common").await.as_deref(), none);
    // Somebody who may read nothing is told nothing, whatever there is.
    #[allow(clippy::disallowed_methods, reason = "the rights of nobody in particular")]
    let access = AccessSet::assemble([].into_iter().collect(), Default::default(), Epoch(1), None);
    for query in ["rev:main~3 common", "rev:nowhere common"] {
        let summary = instance.summary_for(&catalog, &access, query);
        assert_eq!((summary.alert, summary.stats.files), (None, 0), "{query}");
    }
    assert!(overlays(&instance).iter().filter(|name| name.ends_with(".refs")).count() == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn remotes_have_old_commits_too() {
    let world = GitWorld::new();
    let upstream = world.bare("up/stream.git");
    let commits = history(&upstream);
    let instance = Instance::new().await;
    instance.try_add(&format!("file://{}", upstream.path().display())).await.unwrap();
    let catalog = instance.index().await;
    let found = instance.answer(&catalog, &format!("rev:{} word0", commits[0])).await;
    assert_eq!(found.len(), 1, "{found:?}");
}
