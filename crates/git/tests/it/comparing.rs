//! Comparing two trees stops soon after it is told to, wherever it is.

use crate::support::open;
use git::FileChangeKind;
use std::cell::Cell;
use testkit::git::GitWorld;

/// Folders of files that are moved and changed, so that all there is to do is done: reading folders, reading files, comparing
/// them.
fn moved(folder: &str, extra: &str) -> Vec<(String, Vec<u8>)> {
    let text = |n: usize| (0..40).map(|line| format!("line {line} of {n}\n")).collect::<String>() + extra;
    (0..30).map(|n| (format!("{folder}{}/{n}.txt", n % 6), text(n).into_bytes())).collect()
}

#[test]
fn it_is_called_off_between_folders_and_between_files() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    let commit = |files: &[(String, Vec<u8>)]| {
        let files: Vec<(&str, &[u8])> = files.iter().map(|(path, text)| (path.as_str(), &text[..])).collect();
        repo.commit_files("main", &files)
    };
    let (old, new) = (commit(&moved("old", "")), commit(&moved("new", "more\n")));
    let reader = open(repo.path()).reader();
    let tree = |id| Some(reader.commit(id).unwrap().tree);
    let n_asked = Cell::new(0u32);
    let compare = |n_before: u32| {
        n_asked.set(0);
        let is_over = || {
            n_asked.set(n_asked.get() + 1);
            n_asked.get() > n_before
        };
        reader.changed_files(tree(old), tree(new), 1000, &is_over).unwrap()
    };
    let whole = compare(u32::MAX);
    let n_all = n_asked.get();
    assert!(!whole.is_called_off);
    assert!(whole.files.iter().all(|file| file.kind == FileChangeKind::Renamed), "{:?}", whole.files);
    assert!(n_all > 13 + 60, "asked for every folder and every file: {n_all}");
    for n_before in 0..n_all {
        let found = compare(n_before);
        assert!(found.is_called_off, "called off after {n_before} of {n_all} looks");
        assert!(n_asked.get() <= n_before + 80, "{n_before}: no more is read: {}", n_asked.get());
        assert!(found.files.len() <= 60);
    }
    assert_eq!(compare(n_all), whole);
    assert_eq!(compare(0).files, []);
}

#[test]
fn one_path_is_compared_alone() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    let old =
        repo.commit_files("main", &[("a", b"1"), ("gone/x", b"1"), ("same/x", b"1"), ("turns/x", b"1")]);
    let new = repo.commit_files("main", &[("a/b", b"1"), ("new/x", b"2"), ("same/x", b"1"), ("turns", b"1")]);
    let reader = open(repo.path()).reader();
    let tree = |id| Some(reader.commit(id).unwrap().tree);
    let at = |path: &str| {
        let file = reader.changed_at(tree(old), tree(new), path.as_bytes()).unwrap()?;
        assert_eq!((file.path, file.old_path), (path.as_bytes().to_vec(), None));
        Some(file.kind)
    };
    for path in ["a/b", "new/x", "turns"] {
        assert_eq!(at(path), Some(FileChangeKind::Added), "{path}");
    }
    for path in ["a", "gone/x", "turns/x"] {
        assert_eq!(at(path), Some(FileChangeKind::Deleted), "{path}");
    }
    for path in ["", "/", "gone", "gone/", "new", "same", "same/x", "a/b/c", "a/", "ne", "new/x/", "/new/x"] {
        assert_eq!(at(path), None, "{path:?}");
    }
    assert_eq!(reader.changed_at(None, tree(new), b"same/x").unwrap().unwrap().kind, FileChangeKind::Added);
}
