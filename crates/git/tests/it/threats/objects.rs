//! Objects and packs that lie.

use crate::{
    forged::{self, Entry, Instruction, delta, id},
    support::open,
};
use git::{ObjectError, ObjectKind, OpenOptions, Repository};
use model::ObjectId;
use std::{fs, path::PathBuf};
use testkit::git::{GitRepo, GitWorld};

const LIMIT_BYTES: u64 = 8 << 20;

fn read(repo: &GitRepo, id: ObjectId) -> Result<Vec<u8>, ObjectError> {
    let mut content = Vec::new();
    open(repo.path()).reader().read_blob(id, LIMIT_BYTES, &mut content).map(|()| content)
}

fn packs(repo: &GitRepo, extension: &str) -> PathBuf {
    let files =
        fs::read_dir(repo.git_dir().join("objects/pack")).unwrap().flatten().map(|entry| entry.path());
    files.into_iter().find(|path| path.extension().is_some_and(|e| e == extension)).unwrap()
}

#[test]
fn huge_blobs_are_told_and_not_inflated() {
    // T-blob-huge
    let world = GitWorld::new();
    let repo = world.bare("r.git");
    let zeros = repo.blob(&vec![0; 64 << 20]);
    forged::write_loose(&repo, id(1), "blob", 1 << 40, b"x");
    let check = |id, size_bytes| {
        let reader = open(repo.path()).reader();
        assert_eq!(reader.header(id).unwrap().size_bytes, size_bytes);
        let mut content = Vec::new();
        let error = reader.read_blob(id, LIMIT_BYTES, &mut content).unwrap_err();
        assert_eq!(error, ObjectError::TooLarge { id, size_bytes, limit_bytes: LIMIT_BYTES });
        assert_eq!(content.capacity(), 0);
    };
    check(zeros, 64 << 20);
    check(id(1), 1 << 40);
    repo.set_ref("refs/tags/zeros", zeros);
    repo.git(&["repack", "-a", "-d", "-q"]);
    check(zeros, 64 << 20);
    let reader = open(repo.path()).reader();
    assert!(reader.read_blob(id(1), u64::MAX, &mut Vec::new()).is_err());
}

#[test]
fn loose_objects_that_lie() {
    // T-loose-lying
    let world = GitWorld::new();
    let repo = world.bare("r.git");
    forged::write_loose(&repo, id(1), "blob", 3, b"four");
    forged::write_loose(&repo, id(2), "blob", 10, b"four");
    forged::write_loose(&repo, id(3), "blub", 4, b"four");
    forged::write_loose(&repo, id(4), "tree", 4, b"four");
    forged::write_loose(&repo, id(5), "blob", 2, &vec![b'x'; 1 << 20]);
    forged::write_loose(&repo, id(6), "blob -1\0 blob", 2, b"xx");
    forged::write_loose_bytes(&repo, id(7), b"");
    forged::write_loose_bytes(&repo, id(8), b"not compressed at all");
    forged::write_loose_bytes(&repo, id(9), &[0x78, 0x01]);
    repo.write_raw(&format!("objects/{0}/{1}/x", "0a", &id(10).to_string()[2..]), b"a folder in its place");
    for n in 1..=10 {
        let error = read(&repo, id(n)).unwrap_err();
        let is_told = matches!(
            error,
            ObjectError::Damaged { .. } | ObjectError::WrongKind { .. } | ObjectError::Missing { .. }
        );
        assert!(is_told, "{n}: {error}");
        assert!(!error.to_string().chars().any(char::is_control));
    }
    forged::write_loose(&repo, id(20), "blob", 4, b"four");
    assert_eq!(read(&repo, id(20)).unwrap(), b"four", "the forger makes readable objects too");
}

#[test]
fn delta_bombs() {
    // T-delta-bomb
    let world = GitWorld::new();
    let repo = world.bare("r.git");
    let base = vec![b'x'; 0x10000];
    let explode: Vec<Instruction> = (0..0x4000).map(|_| Instruction::Copy(0, 0x10000)).collect();
    let entries = [
        (id(1), Entry::Whole(3, base)),
        (id(2), Entry::RefDelta(id(1), delta(0x10000, 0x4000_0000, &explode))),
        (id(3), Entry::RefDelta(id(2), delta(0x4000_0000, 1, &[Instruction::Copy(0, 1)]))),
        (id(4), Entry::RefDelta(id(1), delta(0x10000, 1 << 60, &explode))),
        (id(5), Entry::RefDelta(id(4), delta(1 << 60, 1, &[Instruction::Copy(0, 1)]))),
        (id(6), Entry::Lying(3, 1 << 62, b"x".to_vec())),
        (id(7), Entry::RefDelta(id(1), delta(0x10000, 2, &[Instruction::Insert(b"ok".to_vec())]))),
    ];
    forged::write_pack(&repo, &entries);
    for (n, is_expected) in
        [(2, "more than the limit"), (4, "more than the limit"), (6, "more than the limit"), (3, ""), (5, "")]
    {
        let error = read(&repo, id(n)).unwrap_err().to_string();
        assert!(error.contains(is_expected), "{n}: {error}");
    }
    // Nor where the caller sets no limit: the memory of one object has its own.
    let options = OpenOptions { object_memory_bytes_max: 64 << 20, ..OpenOptions::default() };
    let reader = Repository::open(repo.path(), &options).unwrap().reader();
    for n in 2..=6 {
        let error = reader.read_blob(id(n), u64::MAX, &mut Vec::new()).unwrap_err();
        assert!(matches!(error, ObjectError::Damaged { .. }), "{n}: {error}");
    }
    assert_eq!(read(&repo, id(7)).unwrap(), b"ok", "the forger makes readable deltas too");
}

#[test]
fn delta_cycles() {
    // T-delta-cycle
    let world = GitWorld::new();
    let repo = world.bare("r.git");
    let same = || delta(4, 4, &[Instruction::Copy(0, 4)]);
    let entries = [
        (id(1), Entry::RefDelta(id(2), same())),
        (id(2), Entry::RefDelta(id(1), same())),
        (id(3), Entry::RefDelta(id(3), same())),
        (id(4), Entry::RefDelta(id(3), same())),
    ];
    forged::write_pack(&repo, &entries);
    for n in 1..=4 {
        assert!(matches!(read(&repo, id(n)), Err(ObjectError::Damaged { .. })), "{n}");
    }
}

#[test]
fn deltas_of_nonsense() {
    // T-delta-nonsense
    let world = GitWorld::new();
    let repo = world.bare("r.git");
    let insert = || Instruction::Insert(b"abcd".to_vec());
    let entries = [
        (id(0x10), Entry::Whole(3, b"base".to_vec())),
        (id(1), Entry::RefDelta(id(0x10), delta(4, 8, &[Instruction::Copy(0, 8)]))),
        (id(2), Entry::RefDelta(id(0x10), delta(4, 8, &[Instruction::Copy(u32::MAX, 8)]))),
        (id(3), Entry::RefDelta(id(0x10), delta(5, 4, &[insert()]))),
        (id(4), Entry::RefDelta(id(0x10), delta(4, 3, &[insert()]))),
        (id(5), Entry::RefDelta(id(0x10), delta(4, 9, &[insert()]))),
        (id(6), Entry::RefDelta(id(0x10), Vec::new())),
        (id(7), Entry::RefDelta(id(0x77), delta(4, 4, &[insert()]))),
        (id(8), Entry::RefDelta(id(0x10), vec![4, 4, 0])),
        (id(9), Entry::RefDelta(id(0x10), vec![4, 4, 0x7f, b'x'])),
        (id(10), Entry::RefDelta(id(0x10), vec![0xff; 40])),
        (id(11), Entry::Whole(0, b"type 0".to_vec())),
        (id(12), Entry::Whole(5, b"type 5".to_vec())),
        (id(13), Entry::Lying(3, 3, b"four".to_vec())),
        (id(14), Entry::Lying(3, 5, b"four".to_vec())),
    ];
    forged::write_pack(&repo, &entries);
    for n in 1..=14 {
        let outcome = read(&repo, id(n));
        assert!(matches!(outcome, Err(ObjectError::Damaged { .. })), "{n}: {outcome:?}");
    }
    assert_eq!(read(&repo, id(0x10)).unwrap(), b"base");
}

/// A repository with one pack of a few deltas, and its blobs.
fn packed(world: &GitWorld, name: &str) -> (GitRepo, Vec<ObjectId>) {
    let repo = world.bare(name);
    let text: String = (0..400).map(|n| format!("line {n}\n")).collect();
    let blobs: Vec<ObjectId> = (0..12)
        .map(|n| {
            let content = text.replace("line 7\n", &format!("line seven {n}\n"));
            repo.commit_files("main", &[("a", content.as_bytes()), ("b", format!("{n}").as_bytes())]);
            repo.blob(content.as_bytes())
        })
        .collect();
    repo.git(&["repack", "-a", "-d", "-q", "-f"]);
    repo.git(&["prune-packed"]);
    // Otherwise they are read-only, and a user who is not root could not damage them.
    for extension in ["pack", "idx"] {
        let file = packs(&repo, extension);
        let content = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        fs::write(&file, content).unwrap();
    }
    (repo, blobs)
}

#[test]
fn a_truncated_pack() {
    // T-pack-truncated
    let world = GitWorld::new();
    let repo = world.bare("r.git");
    let noise = |n: u64| -> Vec<u8> {
        (0..4000u64).flat_map(|i| (i + n * 4001).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()).collect()
    };
    let contents: Vec<Vec<u8>> = (0..6).map(noise).collect();
    let entries: Vec<_> =
        (0..6).map(|n| (id(n), Entry::Whole(3, contents[usize::from(n)].clone()))).collect();
    forged::write_pack(&repo, &entries);
    let pack = packs(&repo, "pack");
    let whole = fs::read(&pack).unwrap();
    fs::write(&pack, &whole[..whole.len() / 2]).unwrap();
    let outcomes: Vec<_> = (0..6).map(|n| read(&repo, id(n))).collect();
    assert_eq!(outcomes[0].as_ref().unwrap(), &contents[0]);
    assert_eq!(outcomes[1].as_ref().unwrap(), &contents[1]);
    for outcome in &outcomes[4..] {
        assert!(matches!(outcome, Err(ObjectError::Damaged { .. })), "{outcome:?}");
    }
}

#[test]
fn flipped_packs_and_indices() {
    // T-pack-flipped
    let world = GitWorld::new();
    let (repo, blobs) = packed(&world, "r.git");
    let mut n_errors = 0;
    for extension in ["pack", "idx"] {
        let file = packs(&repo, extension);
        let whole = fs::read(&file).unwrap();
        let n_steps = whole.len().min(60);
        for step in 0..n_steps {
            let mut damaged = whole.clone();
            let at = step * whole.len() / n_steps;
            damaged[at] ^= 1 << (step % 8);
            fs::write(&file, &damaged).unwrap();
            n_errors += blobs.iter().filter(|id| read(&repo, **id).is_err()).count();
        }
        for n_bytes in [0, 1, 11, 12, 31, 40, 1032] {
            fs::write(&file, &whole[..n_bytes.min(whole.len())]).unwrap();
            n_errors += blobs.iter().filter(|id| read(&repo, **id).is_err()).count();
        }
        fs::write(&file, &whole).unwrap();
    }
    assert!(n_errors > 0);
    assert!(blobs.iter().all(|id| read(&repo, *id).is_ok()), "repaired, they are read again");
}

#[test]
fn a_commit_of_many_parents() {
    // T-commit-100000-parents
    let world = GitWorld::new();
    let repo = world.bare("r.git");
    let tree = repo.tree(&[]);
    let commit = repo.commit_tree(tree, &vec![id(1); 100_000], "x");
    let read = open(repo.path()).reader().commit(commit).unwrap();
    assert_eq!((read.parents.len(), read.subject()), (1000, "x"));
}

#[test]
fn odd_commits() {
    // T-commit-odd
    let world = GitWorld::new();
    let repo = world.bare("r.git");
    let tree = repo.tree(&[("100644", b"a", repo.blob(b"x"))]);
    let write = |text: &str| repo.object("commit", text.replace("TREE", &tree.to_string()).as_bytes());
    let reader = open(repo.path()).reader();
    for text in [
        "tree TREE\n\n",
        "tree TREE",
        "tree TREE\nauthor <script>alert(1)</script> <a@b> 9223372036854775808 +0000\n\nx",
        "tree TREE\nauthor a\0b <\0> 1 +0000\n\n\0\0",
        "tree TREE\nauthor A <a@b> -1 -9999\ncommitter\n\n",
        "tree TREE\nparent x\nparent\nencoding \u{1b}\n\nx",
    ] {
        let commit = write(text);
        assert_eq!(reader.commit(commit).unwrap().tree, tree, "{text}");
        assert!(reader.entry_at(commit, b"a").unwrap().is_some(), "{text}");
    }
    for text in
        ["", "\n", "author A <a@b> 1 +0000\n\nx", "tree 1234\n\n", "parent TREE\ntree\n\n", "tree \n\nTREE"]
    {
        let commit = write(text);
        assert!(matches!(reader.commit(commit), Err(ObjectError::Damaged { .. })), "{text}");
        assert!(reader.entry_at(commit, b"a").is_err(), "{text}");
    }
    let blob = repo.blob(b"x");
    let expected = ObjectError::WrongKind { id: blob, kind: ObjectKind::Blob, expected: ObjectKind::Commit };
    assert_eq!(reader.commit(blob), Err(expected));
}
