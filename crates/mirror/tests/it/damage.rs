//! Damaged files: told, isolated, rebuilt from git.

use crate::instance::Instance;
use std::fs;
use testkit::git::GitWorld;

async fn two_repositories(world: &GitWorld) -> Instance {
    for name in ["a", "b"] {
        let text = format!("alpha in {name}\n").repeat(200);
        world.repo(name).commit_files("main", &[("one.txt", text.as_bytes()), ("two.txt", b"beta\n")]);
    }
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    instance.index().await;
    instance
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_segment_is_rebuilt_and_others_are_unaffected() {
    let world = GitWorld::new();
    let instance = two_repositories(&world).await;
    let path = instance.segment_path("a", 0).await;
    let length = fs::metadata(&path).unwrap().len();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length / 2).unwrap();

    let (worker, report, catalog) = instance.start().await;
    assert_eq!(report.damaged.len(), 1);
    assert_eq!(report.damaged[0].name.as_str(), "a");
    assert_eq!(instance.answer(&catalog, "beta").await, ["b two.txt:1"], "the other one answers at once");
    assert_eq!(instance.row("a").await.status, store::RepoStatus::Error);
    assert!(instance.row("a").await.error.unwrap().contains("damaged"));

    let failures = worker.drain(&tokio_util::sync::CancellationToken::new()).await.unwrap();
    assert!(failures.is_empty(), "{failures:?}");
    assert_eq!(instance.answer(&catalog, "beta").await, ["a two.txt:1", "b two.txt:1"]);
    assert_eq!(instance.row("a").await.error, None);
    assert!(mirror::verify_index(&instance.data, &instance.manifest("a").await).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_and_swapped_files_are_rebuilt() {
    let world = GitWorld::new();
    let instance = two_repositories(&world).await;
    fs::remove_file(instance.segment_path("a", 0).await).unwrap();
    let b = instance.row("b").await;
    let table = instance.data.index(b.id).join(&instance.manifest("b").await.ref_table.name);
    let length = fs::metadata(&table).unwrap().len() as usize;
    fs::write(&table, vec![0; length]).unwrap();
    let round = instance.round().await;
    assert_eq!(round.report.damaged.len(), 2);
    assert!(round.failures.is_empty(), "{:?}", round.failures);
    assert_eq!(instance.answer(&round.catalog, "beta").await, ["a two.txt:1", "b two.txt:1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_is_found_or_means_nothing() {
    let world = GitWorld::new();
    let instance = two_repositories(&world).await;
    let manifest = instance.manifest("a").await;
    let folder = instance.data.index(manifest.repo);
    let mut n_found = 0;
    for file in manifest.segments.iter().chain([&manifest.ref_table]) {
        let path = folder.join(&file.name);
        let sound = fs::read(&path).unwrap();
        for at in (0..sound.len()).step_by(sound.len() / 40 + 1) {
            let mut bytes = sound.clone();
            bytes[at] ^= 0x40;
            fs::write(&path, &bytes).unwrap();
            match mirror::verify_index(&instance.data, &manifest).len() {
                // The few bytes that align sections are nobody's.
                0 => assert_eq!(sound[at], 0, "byte {at} of {}", sound.len()),
                _ => n_found += 1,
            }
        }
        fs::write(&path, &sound).unwrap();
    }
    assert!(n_found > 60, "{n_found} of about 80 were found");
    assert!(mirror::verify_index(&instance.data, &manifest).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_goes_away_keeps_its_index() {
    let world = GitWorld::new();
    let instance = two_repositories(&world).await;
    fs::rename(world.path().join("a"), world.path().join("elsewhere")).unwrap();
    let rows = instance.store.maintenance().repositories().await.unwrap();
    mirror::queue(&instance.store, &rows).await.unwrap();
    let round = instance.round().await;
    assert_eq!(round.failures.len(), 1);
    assert_eq!(instance.answer(&round.catalog, "beta").await, ["a two.txt:1", "b two.txt:1"]);
    let row = instance.row("a").await;
    assert!(row.error.unwrap().contains("does not exist"));
    assert_eq!(instance.store.jobs().counts().await.unwrap().n_queued, 1, "it is tried again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_cannot_be_written_keeps_the_old_one() {
    let world = GitWorld::new();
    let instance = two_repositories(&world).await;
    world.repo("c").commit_files("main", &[("three.txt", b"beta\n")]);
    instance.add(&world.path()).await;
    let (worker, _, _) = instance.start().await;
    // Where its folder should be is a file: nothing can be written there, whoever tries.
    let folder = instance.data.index(instance.row("c").await.id);
    fs::write(&folder, "").unwrap();
    let failures = worker.drain(&tokio_util::sync::CancellationToken::new()).await.unwrap();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].name.as_str(), "c");
    let catalog = instance.index().await;
    assert_eq!(instance.answer(&catalog, "beta").await, ["a two.txt:1", "b two.txt:1", "c three.txt:1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_objects_are_told_and_read_when_they_are_back() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    repo.commit_files("main", &[("one.txt", b"alpha\n"), ("two.txt", b"alpha two\n")]);
    let blob = repo.git(&["rev-parse", "main:two.txt"]);
    let object = repo.git_dir().join("objects").join(&blob[..2]).join(&blob[2..]);
    let bytes = fs::read(&object).unwrap();
    fs::remove_file(&object).unwrap();
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let catalog = instance.index().await;
    assert_eq!(instance.answer(&catalog, "alpha").await, ["a one.txt:1"]);
    fs::write(&object, bytes).unwrap();
    let head = repo.git(&["rev-parse", "main"]);
    repo.git(&["update-ref", "refs/tags/again", &head]);
    let catalog = instance.index().await;
    assert_eq!(instance.answer(&catalog, "alpha").await, ["a one.txt:1", "a two.txt:1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_default_branch_keeps_the_old_index() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    repo.commit_files("main", &[("one.txt", b"alpha\n")]);
    repo.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    instance.index().await;
    let commit = repo.commit_files("main", &[("two.txt", b"alpha two\n")]);
    let tree = repo.git(&["rev-parse", &format!("{commit}^{{tree}}")]);
    fs::remove_file(repo.git_dir().join("objects").join(&tree[..2]).join(&tree[2..])).unwrap();
    let rows = instance.store.maintenance().repositories().await.unwrap();
    mirror::queue(&instance.store, &rows).await.unwrap();
    let round = instance.round().await;
    assert_eq!(round.failures.len(), 1);
    assert!(round.failures[0].error.to_string().contains("git fsck"), "{}", round.failures[0].error);
    assert_eq!(instance.answer(&round.catalog, "alpha").await, ["a one.txt:1"]);
}

/// The files of a's history with this ending.
fn history_files(instance: &Instance, repo: model::RepoId, ending: &str) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(instance.data.index(repo)).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_history_is_rebuilt_and_the_index_of_files_stays() {
    let world = GitWorld::new();
    let instance = two_repositories(&world).await;
    let a = instance.row("a").await;
    let manifest = instance.manifest("a").await;
    for damage in ["a byte", "the end"] {
        let [changes] = &history_files(&instance, a.id, "changes")[..] else { panic!("one slice") };
        let whole = fs::read(changes).unwrap();
        let stored = instance.store.maintenance().history(a.id).await.unwrap().unwrap();
        let mut places = 0..whole.len();
        loop {
            let mut bytes = whole.clone();
            match damage {
                "a byte" => bytes[places.next().expect("a byte of the content")] ^= 0x5a,
                _ => bytes.truncate(whole.len() / 2),
            }
            fs::write(changes, bytes).unwrap();
            // A flipped byte of the frame is met when the file is opened, one of the content when it is read.
            let faults = mirror::verify_history(&instance.data, &stored);
            if damage != "a byte" || matches!(faults[..], [mirror::IndexFault::Content { .. }, ..]) {
                break;
            }
        }
        let (worker, report, catalog) = instance.start().await;
        assert_eq!(instance.answer(&catalog, "beta").await, ["a two.txt:1", "b two.txt:1"], "{damage}");
        let summary = instance.summary(&catalog, "type:diff beta count:all").await;
        let told: Vec<&str> = summary.stats.skipped.iter().map(|skipped| skipped.reason.as_str()).collect();
        if damage == "a byte" {
            assert!(report.damaged.is_empty(), "{:?}", report.damaged);
            assert_eq!(told, ["history-damaged"]);
            let parts: Vec<_> = summary.damaged.iter().map(|one| (one.repo_id, one.part)).collect();
            assert_eq!(parts, [(a.id, search::DamagedPart::History)]);
            mirror::report_damage(&instance.store, &summary.damaged).await.unwrap();
        } else {
            assert_eq!(report.damaged.len(), 1);
            assert!(report.damaged[0].to_string().starts_with("the history of 'a' is damaged"));
            assert_eq!(told, ["history-missing"]);
        }
        assert_eq!(instance.row("a").await.error, None, "its files are searched as before");
        assert!(worker.drain(&tokio_util::sync::CancellationToken::new()).await.unwrap().is_empty());
        let summary = instance.summary(&catalog, "type:diff beta count:all").await;
        assert_eq!((summary.stats.matches, summary.stats.complete), (2, true), "{damage}");
        let stored = instance.store.maintenance().history(a.id).await.unwrap().unwrap();
        assert!(mirror::verify_history(&instance.data, &stored).is_empty(), "{damage}");
        assert_eq!(instance.manifest("a").await.generation, manifest.generation, "{damage}");
    }
}
