//! Trees that are too deep, too wide, repeated, broken, or lead to the wrong things.

use crate::{
    forged,
    support::{NOT_CANCELLED, open, paths, walk},
};
use git::{EntryKind, EntryRefusal, ObjectError, WalkError, WalkLimits};
use model::ObjectId;
use std::{ops::ControlFlow, sync::atomic::AtomicBool};
use testkit::git::{GitRepo, GitWorld};

fn commit_root(repo: &GitRepo, entries: &[(&str, &[u8], ObjectId)]) -> ObjectId {
    repo.commit_tree(repo.tree(entries), &[], "x")
}

/// What a walk of one commit with default limits refuses, by path.
fn refusals(
    repo: &GitRepo,
    commit: ObjectId,
    limits: &WalkLimits,
) -> (Vec<String>, Vec<(String, EntryRefusal)>) {
    let (yielded, summary) = walk(&open(repo.path()), &[commit], limits);
    assert_eq!(summary.n_entries as usize, yielded.len());
    let refused = summary.refused.into_iter().map(|refused| (refused.path, refused.reason)).collect();
    (paths(&yielded), refused)
}

#[test]
fn null_ids_and_wrong_types() {
    // T-tree-null-id T-tree-wrong-types
    let world = GitWorld::new();
    let repo = world.bare("r.git");
    let blob = repo.blob(b"x\n");
    let folder = repo.tree(&[("100644", b"f", blob)]);
    let missing = ObjectId([5; 20]);
    let commit = commit_root(
        &repo,
        &[
            ("100644", b"a", ObjectId::NULL),
            ("100644", b"b", folder),
            ("100644", b"c", missing),
            ("40000", b"d", blob),
            ("40000", b"e", missing),
            ("100644", b"z", blob),
        ],
    );
    let (yielded, refused) = refusals(&repo, commit, &WalkLimits::default());
    assert_eq!(yielded, ["b", "c", "z"]);
    let expected =
        [("a", EntryRefusal::NullId), ("d", EntryRefusal::TreeDamaged), ("e", EntryRefusal::TreeMissing)];
    assert_eq!(refused, expected.map(|(path, reason)| (path.to_owned(), reason)));
    let reader = open(repo.path()).reader();
    let read = |id| reader.read_blob(id, 1000, &mut Vec::new());
    assert!(matches!(read(folder), Err(ObjectError::WrongKind { .. })));
    assert_eq!(read(missing), Err(ObjectError::Missing { id: missing }));
}

#[test]
fn a_truncated_tree() {
    // T-tree-truncated
    let world = GitWorld::new();
    let repo = world.bare("r.git");
    let blob = repo.blob(b"x\n");
    let whole = testkit::git::tree_bytes(&[("100644", b"a", blob), ("100644", b"b", blob)]);
    let commit = repo.commit_tree(repo.object("tree", &whole[..whole.len() - 5]), &[], "x");
    let (yielded, refused) = refusals(&repo, commit, &WalkLimits::default());
    assert_eq!(
        (yielded.as_slice(), refused.len(), refused[0].1),
        (["a".to_owned()].as_slice(), 1, EntryRefusal::Malformed)
    );
}

#[test]
fn a_name_of_70000_bytes() {
    // T-tree-name-70000
    let world = GitWorld::new();
    let repo = world.bare("r.git");
    let blob = repo.blob(b"x\n");
    let long = vec![b'n'; 70_000];
    let commit =
        commit_root(&repo, &[("100644", b"a", blob), ("100644", &long, blob), ("100644", b"z", blob)]);
    let (yielded, refused) = refusals(&repo, commit, &WalkLimits::default());
    assert_eq!(yielded, ["a", "z"]);
    assert_eq!((refused[0].1, refused[0].0.len()), (EntryRefusal::PathTooLong, 200));
}

/// Folders of folders: `n_levels` levels, `n_repeats` times each, around the entries of `innermost`.
fn bomb(
    repo: &GitRepo,
    n_levels: usize,
    n_repeats: usize,
    innermost: &[(&str, &str, &str, ObjectId)],
) -> ObjectId {
    let mut writer = repo.tree_writer();
    let mut tree = writer.write(innermost);
    for _ in 0..n_levels {
        let names: Vec<String> = (0..n_repeats).map(|n| format!("d{n}")).collect();
        let entries: Vec<_> = names.iter().map(|name| ("040000", "tree", name.as_str(), tree)).collect();
        tree = writer.write(&entries);
    }
    tree
}

#[test]
fn a_bomb_of_repeated_trees() {
    // T-tree-bomb
    let world = GitWorld::new();
    let repo = world.bare("r.git");
    let blob = repo.blob(b"x\n");
    let bomb = bomb(&repo, 10, 10, &[("100644", "blob", "f", blob)]);
    let commit =
        commit_root(&repo, &[("100644", b"a", blob), ("40000", b"bomb", bomb), ("100644", b"z", blob)]);
    let limits = WalkLimits { n_repeated_entries_max: 5000, ..WalkLimits::default() };
    let (yielded, refused) = refusals(&repo, commit, &limits);
    assert!((1000..8000).contains(&yielded.len()), "{}", yielded.len());
    assert_eq!((yielded.first().unwrap().as_str(), yielded.last().unwrap().as_str()), ("a", "z"));
    assert!(refused.iter().all(|(_, reason)| *reason == EntryRefusal::Repeated));
    // Many revisions of it at once are no worse.
    let commits: Vec<_> = (0u8..20)
        .map(|n| {
            let own = repo.blob(&[n]);
            commit_root(&repo, &[("40000", b"bomb", bomb), ("100644", b"own", own)])
        })
        .collect();
    let (yielded, _) = walk(&open(repo.path()), &commits, &limits);
    assert!(yielded.len() < 8000 && yielded.iter().filter(|entry| entry.0 == b"own").count() == 20);
}

#[test]
fn a_bomb_of_folders_without_a_file() {
    // T-tree-empty-bomb
    let world = GitWorld::new();
    let repo = world.bare("r.git");
    let blob = repo.blob(b"x\n");
    let bomb = bomb(&repo, 30, 2, &[]);
    let commit = commit_root(&repo, &[("40000", b"bomb", bomb), ("100644", b"z", blob)]);
    let limits = WalkLimits { n_repeated_entries_max: 5000, ..WalkLimits::default() };
    let (yielded, refused) = refusals(&repo, commit, &limits);
    assert_eq!(yielded, ["z"]);
    assert!(!refused.is_empty());
}

#[test]
fn two_thousand_levels() {
    // T-tree-2000-levels
    let world = GitWorld::new();
    let repo = world.bare("r.git");
    let blob = repo.blob(b"x\n");
    let deep = bomb(&repo, 2000, 1, &[("100644", "blob", "f", blob)]);
    let commit = commit_root(&repo, &[("40000", b"deep", deep), ("100644", b"z", blob)]);
    let other = commit_root(&repo, &[("40000", b"deep", deep), ("100644", b"y", blob)]);
    let (yielded, refused) = refusals(&repo, commit, &WalkLimits::default());
    assert_eq!(
        (yielded.as_slice(), refused.len(), refused[0].1),
        (["z".to_owned()].as_slice(), 1, EntryRefusal::TooDeep)
    );
    assert_eq!(paths(&walk(&open(repo.path()), &[commit, other], &WalkLimits::default()).0), ["y", "z"]);
    let path = ["deep", &vec!["d0"; 2000].join("/"), "f"].join("/");
    assert_eq!(open(repo.path()).reader().entry_at(commit, path.as_bytes()), Ok(None));
}

#[test]
fn a_million_entries() {
    // T-tree-million-entries
    let world = GitWorld::new();
    let repo = world.bare("r.git");
    let blob = repo.blob(b"x\n");
    let names: Vec<String> = (0..1_000_000).map(|n| format!("f{n:07}")).collect();
    let entries: Vec<(&str, &[u8], ObjectId)> =
        names.iter().map(|name| ("100644", name.as_bytes(), blob)).collect();
    let commit = commit_root(&repo, &entries);
    let repository = open(repo.path());
    let count = |limits: &WalkLimits| {
        repository.walk(&[commit], limits, &NOT_CANCELLED, &mut |_| ControlFlow::Continue(())).unwrap()
    };
    let whole = count(&WalkLimits::default());
    assert_eq!((whole.n_entries, whole.n_refused, whole.is_truncated()), (1_000_000, 0, false));
    let part = count(&WalkLimits { n_entries_max: 1000, ..WalkLimits::default() });
    assert_eq!((part.n_entries, part.n_refused, part.is_truncated()), (1000, 1, true));
    let none = count(&WalkLimits { tree_bytes_max: 1000, ..WalkLimits::default() });
    assert_eq!((none.n_entries, none.refused[0].reason), (0, EntryRefusal::TreeTooLarge));
}

#[test]
fn symbolic_links_are_names() {
    // T-symlinks
    let world = GitWorld::new();
    let repo = world.bare("r.git");
    let targets: [&[u8]; 4] = [b"/etc/passwd", b"../../other", b"loop", b"/dev/zero"];
    let ids = targets.map(|target| repo.blob(target));
    let names: [&[u8]; 4] = [b"a", b"b", b"loop", b"zero"];
    let entries: Vec<_> = names.iter().zip(ids).map(|(name, id)| ("120000", *name, id)).collect();
    let commit = commit_root(&repo, &entries);
    let repository = open(repo.path());
    let (yielded, _) = walk(&repository, &[commit], &WalkLimits::default());
    let reader = repository.reader();
    for ((_, kind, id, _), target) in yielded.iter().zip(targets) {
        let mut content = Vec::new();
        reader.read_blob(*id, 1000, &mut content).unwrap();
        assert_eq!((*kind, content.as_slice()), (EntryKind::Symlink, target));
    }
    assert_eq!(reader.entry_at(commit, b"a/passwd"), Ok(None));
}

#[test]
fn unreadable_revisions_are_told_and_the_others_walked() {
    let world = GitWorld::new();
    let repo = world.bare("r.git");
    let blob = repo.blob(b"x\n");
    let good = commit_root(&repo, &[("100644", b"a", blob)]);
    let of_blob = repo.commit_tree(blob, &[], "x");
    let of_nothing = repo.commit_tree(forged::id(3), &[], "x");
    let (yielded, summary) = walk(
        &open(repo.path()),
        &[blob, good, of_blob, forged::id(4), of_nothing, good],
        &WalkLimits::default(),
    );
    assert_eq!((yielded.len(), yielded[0].3.as_slice()), (1, [1, 5].as_slice()));
    assert_eq!(summary.unreadable.iter().map(|(position, _)| *position).collect::<Vec<_>>(), [0, 2, 3, 4]);
}

#[test]
fn a_walk_ends_when_it_is_told_to() {
    let world = GitWorld::new();
    let repo = world.bare("r.git");
    let blob = repo.blob(b"x\n");
    let commit = commit_root(&repo, &[("100644", b"a", blob), ("100644", b"b", blob)]);
    let repository = open(repo.path());
    let limits = WalkLimits::default();
    let summary =
        repository.walk(&[commit], &limits, &NOT_CANCELLED, &mut |_| ControlFlow::Break(())).unwrap();
    assert_eq!((summary.n_entries, summary.stopped), (1, true));
    let cancelled =
        repository.walk(&[commit], &limits, &AtomicBool::new(true), &mut |_| ControlFlow::Continue(()));
    assert_eq!(cancelled, Err(WalkError::Cancelled));
    let nothing = repository.walk(&[], &limits, &NOT_CANCELLED, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(nothing.n_entries, 0);
}
