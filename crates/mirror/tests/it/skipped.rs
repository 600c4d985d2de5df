//! The files that are not searched: every one is listed once, whatever the length of the pages.

use crate::instance::Instance;
use access::Actor;
use search::{SkippedFilesAsked, SkippedReason};
use testkit::git::GitWorld;

#[tokio::test(flavor = "multi_thread")]
async fn every_skipped_file_is_listed_once_with_its_reason() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    let text = repo.blob(b"alpha\n");
    let binary = repo.blob(b"alpha\0\x01");
    let large = repo.blob("alpha is long\n".repeat(200_000).as_bytes());
    let link = repo.blob(b"b.txt");
    let other = repo.commit_tree(repo.tree(&[]), &[], "elsewhere");
    repo.commit_entries(
        "main",
        &[
            ("100644", "a.bin", binary),
            ("100644", "b.txt", text),
            ("100644", "c/large.txt", large),
            ("120000", "d.link", link),
            ("160000", "e.module", other),
            ("100644", "f.bin", binary),
        ],
    );
    repo.commit_entries("older", &[("100644", "z.bin", binary)]);
    repo.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let catalog = instance.index().await;
    let access = instance.store.access_set(&Actor::LOCAL_OPERATOR).await.unwrap();
    let snapshot = catalog.snapshot();
    let list = |rev: Option<&str>, reason: Option<SkippedReason>, n_files_max: usize| {
        let (mut all, mut after) = (Vec::new(), None::<Vec<u8>>);
        loop {
            let asked = SkippedFilesAsked { repo: "a", rev, reason, after: after.as_deref(), n_files_max };
            let found = snapshot.skipped_files(&access, asked).unwrap().expect("a revision");
            assert_eq!(found.counts.values().sum::<u64>(), if rev.is_some() { 1 } else { 5 });
            assert!(found.files.len() <= n_files_max);
            all.extend(
                found
                    .files
                    .iter()
                    .map(|file| format!("{} {}", file.reason.as_str(), String::from_utf8_lossy(&file.path))),
            );
            match found.has_more {
                true => after = Some(found.files.last().expect("a file").path.clone()),
                false => return all,
            }
        }
    };
    let expected = [
        "file-binary a.bin",
        "file-too-large c/large.txt",
        "file-symlink d.link",
        "submodule e.module",
        "file-binary f.bin",
    ];
    for n_files_max in [1, 2, 3, 5, 100] {
        assert_eq!(list(None, None, n_files_max), expected, "{n_files_max}");
        let binaries = list(None, Some(SkippedReason::FileBinary), n_files_max);
        assert_eq!(binaries, [expected[0], expected[4]], "{n_files_max}");
        assert_eq!(list(Some("older"), None, n_files_max), ["file-binary z.bin"]);
    }
    // What a search counts are these.
    let summary = instance.summary(&catalog, "alpha count:all").await;
    let told: Vec<(&str, u64)> =
        summary.stats.skipped.iter().map(|one| (one.reason.as_str(), one.count)).collect();
    assert_eq!(told, [("file-too-large", 1), ("file-binary", 2), ("file-symlink", 1), ("submodule", 1)],);
    let unknown = |repo, rev| SkippedFilesAsked { repo, rev, reason: None, after: None, n_files_max: 1 };
    assert_eq!(snapshot.skipped_files(&access, unknown("b", None)).unwrap(), None);
    assert_eq!(snapshot.skipped_files(&access, unknown("a", Some("nothing"))).unwrap(), None);
}
