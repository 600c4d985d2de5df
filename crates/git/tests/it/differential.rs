//! Ours against the system's git: the same files in every revision, the same bytes in every object, the same answers for refs.

use crate::support::{open, walk};
use git::{EntryKind, Head, ResolveError, WalkLimits};
use model::ObjectId;
use proptest::prelude::*;
use std::collections::BTreeMap;
use testkit::git::{GitRepo, GitWorld};

/// `git ls-tree -r` of a commit: path, kind and id, in git's order.
fn ls_tree(repo: &GitRepo, commit: ObjectId) -> Vec<(Vec<u8>, EntryKind, ObjectId)> {
    let output = repo.git_bytes(&["ls-tree", "-r", "-z", "--full-tree", &commit.to_string()], b"");
    let lines = output.split(|byte| *byte == 0).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let tab = line.iter().position(|byte| *byte == b'\t').unwrap();
            let head = std::str::from_utf8(&line[..tab]).unwrap();
            let kind = match &head[..6] {
                "100755" => EntryKind::Executable,
                "120000" => EntryKind::Symlink,
                "160000" => EntryKind::Submodule,
                _ => EntryKind::File,
            };
            (line[tab + 1..].to_vec(), kind, ObjectId::from_hex(&head[head.len() - 40..]).unwrap())
        })
        .collect()
}

/// Walks all commits at once and compares each revision with `git ls-tree`.
fn check_walk(repo: &GitRepo, commits: &[ObjectId]) {
    let (yielded, summary) = walk(&open(repo.path()), commits, &WalkLimits::default());
    assert_eq!((summary.n_refused, summary.unreadable.len(), summary.stopped), (0, 0, false));
    assert!(yielded.is_sorted_by(|a, b| a.0 <= b.0), "paths ascend");
    for (position, commit) in (0..).zip(commits) {
        let ours: Vec<_> = yielded
            .iter()
            .filter(|entry| entry.3.contains(&position))
            .map(|(path, kind, id, _)| (path.clone(), *kind, *id))
            .collect();
        assert_eq!(ours, ls_tree(repo, *commit));
    }
    let mut distinct: Vec<_> = yielded.iter().map(|(path, kind, id, _)| (path, kind, id)).collect();
    distinct.dedup();
    assert_eq!(distinct.len(), yielded.len(), "each distinct entry comes once");
}

/// Every object of the repository, read by `git cat-file --batch` and by us.
fn check_objects(repo: &GitRepo) {
    let reader = open(repo.path()).reader();
    let batch = repo.git_bytes(&["cat-file", "--batch", "--batch-all-objects"], b"");
    let (mut at, mut n_objects, mut content) = (0, 0, Vec::new());
    while at < batch.len() {
        let end = at + batch[at..].iter().position(|byte| *byte == b'\n').unwrap();
        let mut words = std::str::from_utf8(&batch[at..end]).unwrap().split(' ');
        let id = ObjectId::from_hex(words.next().unwrap()).unwrap();
        let (kind, size) = (words.next().unwrap(), words.next().unwrap().parse::<usize>().unwrap());
        let header = reader.header(id).unwrap();
        assert_eq!((header.kind.to_string().as_str(), header.size_bytes), (kind, size as u64));
        if kind == "blob" {
            reader.read_blob(id, u64::MAX, &mut content).unwrap();
            assert_eq!(content, batch[end + 1..end + 1 + size]);
        }
        at = end + 1 + size + 1;
        n_objects += 1;
    }
    assert!(n_objects > 0);
}

/// Every commit's metadata as `git log` tells it.
fn check_commits(repo: &GitRepo) {
    let reader = open(repo.path()).reader();
    let format = "--format=%H%x00%T%x00%P%x00%an%x00%ae%x00%at%x00%ct%x00%s%x00";
    let output = repo.git(&["log", "--all", "-z", "--date-order", format]);
    let fields: Vec<&str> = output.split('\0').collect();
    for commit in fields.chunks_exact(9) {
        let ours = reader.commit(ObjectId::from_hex(commit[0].trim()).unwrap()).unwrap();
        let parents: Vec<String> = ours.parents.iter().map(ToString::to_string).collect();
        assert_eq!((ours.tree.to_string().as_str(), parents.join(" ").as_str()), (commit[1], commit[2]));
        assert_eq!((ours.author.name.as_str(), ours.author.email.as_str()), (commit[3], commit[4]));
        let seconds = (ours.author.seconds.to_string(), ours.committer.seconds.to_string());
        assert_eq!(
            (seconds.0.as_str(), seconds.1.as_str(), ours.subject()),
            (commit[5], commit[6], commit[7])
        );
    }
    assert!(fields.len() >= 9);
}

/// Branches and tags with their commits, as `git for-each-ref` peels them.
fn check_refs(repo: &GitRepo) {
    let output = repo.git(&[
        "for-each-ref",
        "--format=%(refname) %(objectname) %(*objectname)",
        "refs/heads",
        "refs/tags",
    ]);
    let theirs: Vec<(String, String)> = output
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let commit = if words[2].is_empty() { words[1] } else { words[2] };
            (words[0].to_owned(), commit.to_owned())
        })
        .collect();
    let refs = open(repo.path()).refs().unwrap();
    let ours: Vec<_> = refs.refs.iter().map(|r| (r.name.to_string(), r.commit.to_string())).collect();
    assert_eq!((ours, refs.n_skipped), (theirs, 0));
}

fn rich_repository(world: &GitWorld) -> GitRepo {
    let repo = world.bare("rich.git");
    let long: String = (0..3000).map(|n| format!("line {n}\n")).collect();
    for n in 0..12 {
        let text = long.replace("line 7\n", &format!("line seven {n}\n"));
        let link = repo.blob(b"../outside");
        let text = repo.blob(text.as_bytes());
        let (tiny, empty) = (repo.blob(format!("{n}").as_bytes()), repo.blob(b""));
        let number = format!("many/{n}/x");
        repo.commit_entries(
            if n % 3 == 0 { "main" } else { "dev/next" },
            &[
                ("100644", "a", tiny),
                ("100644", "a.c", empty),
                ("100644", "b/a", text),
                ("100755", "b/run", tiny),
                ("120000", "b/link", link),
                ("160000", "module", ObjectId([9; 20])),
                ("100644", "ünï cödé\nnewline", tiny),
                ("100644", &number, tiny),
            ],
        );
    }
    repo.git(&["tag", "light", "main"]);
    repo.git(&["tag", "-a", "-m", "one", "annotated", "dev/next"]);
    repo.git(&["tag", "-a", "-m", "of a tag", "nested", "annotated"]);
    repo
}

#[test]
fn a_rich_repository_loose_and_packed() {
    let world = GitWorld::new();
    let repo = rich_repository(&world);
    let check_all = || {
        let refs = open(repo.path()).refs().unwrap();
        check_walk(&repo, &refs.refs.iter().map(|r| r.commit).collect::<Vec<_>>());
        check_objects(&repo);
        check_commits(&repo);
        check_refs(&repo);
    };
    check_all();
    repo.git(&["repack", "-a", "-d", "-q", "-f", "--depth=50"]);
    repo.git(&["pack-refs", "--all"]);
    check_all();
    repo.git(&["multi-pack-index", "write"]);
    repo.git(&["commit-graph", "write", "--reachable"]);
    check_all();
}

#[test]
fn what_comes_after_opening_is_found() {
    let world = GitWorld::new();
    let repo = rich_repository(&world);
    let repository = open(repo.path());
    let reader = repository.reader();
    let before = repository.resolve("main").unwrap().commit;
    for n in 0..60 {
        let commit = repo.commit_files("main", &[("a", format!("{n}").as_bytes())]);
        // Every round adds a pack, and one in ten replaces them all.
        repo.git(&["repack", "-d", "-q", if n % 10 == 9 { "-a" } else { "--no-write-bitmap-index" }]);
        assert_eq!(repository.resolve("main").unwrap().commit, commit);
        assert!(reader.entry_at(commit, b"a").unwrap().is_some() && reader.commit(before).is_ok());
    }
}

#[test]
fn lookups_and_listings() {
    let world = GitWorld::new();
    let repo = rich_repository(&world);
    let repository = open(repo.path());
    let reader = repository.reader();
    let commit = repository.resolve("main").unwrap().commit;
    for (path, _, id) in ls_tree(&repo, commit) {
        let entry = reader.entry_at(commit, &path).unwrap().unwrap();
        assert_eq!((entry.id, path.ends_with(&entry.name)), (id, true));
    }
    let root = reader.entry_at(commit, b"").unwrap().unwrap();
    let names: Vec<_> =
        reader.list_tree(root.id).unwrap().entries.into_iter().map(|entry| entry.name).collect();
    let theirs = repo.git_bytes(&["ls-tree", "-z", "--name-only", &commit.to_string()], b"");
    let theirs: Vec<_> = theirs.split(|byte| *byte == 0).filter(|name| !name.is_empty()).collect();
    assert_eq!(names, theirs);
    for path in ["x", "a/b", "b/", "/a", "b//a", "../a", "b/../a", ".", "b/.", ".git", "b/a/", "module/x"] {
        assert_eq!(reader.entry_at(commit, path.as_bytes()), Ok(None), "{path}");
    }
}

#[test]
fn revisions_as_people_write_them() {
    let world = GitWorld::new();
    let repo = rich_repository(&world);
    repo.git(&["branch", "light", "dev/next"]);
    let repository = open(repo.path());
    let rev_parse = |text: &str| repo.git(&["rev-parse", "--verify", &format!("{text}^{{commit}}")]);
    let main = rev_parse("main");
    for text in [
        "main",
        "refs/heads/main",
        "dev/next",
        "annotated",
        "nested",
        "refs/tags/light",
        "HEAD",
        &main,
        &main[..12],
        "main~1",
        "HEAD^",
        "main~0^0",
        "refs/heads/main~1^1",
    ] {
        assert_eq!(repository.resolve(text).unwrap().commit.to_string(), rev_parse(text), "{text}");
    }
    let both = repository.resolve("light").unwrap();
    assert_eq!(both.ref_name.unwrap().as_str(), "refs/heads/light", "a branch goes before a tag");
    let blob = repo.git(&["rev-parse", "main:a"]);
    for text in [
        &blob,
        &blob[..20],
        "0000000",
        "main~100000",
        "main^9",
        "main~x",
        "main~4294967296",
        "main:a",
        "main^{tree}",
        ":/Change",
        "refs/heads",
    ] {
        assert!(matches!(repository.resolve(text), Err(ResolveError::NotFound { .. })), "{text}");
    }
    let head = repository.refs().unwrap().head;
    assert!(matches!(head, Head::Branch { name, commit: Some(_) } if name.as_str() == "refs/heads/main"));
    repo.git(&["update-ref", "--no-deref", "HEAD", "refs/tags/nested^{commit}"]);
    assert!(
        matches!(repository.refs().unwrap().head, Head::Detached { commit } if commit.to_string() == rev_parse("nested"))
    );
    repo.git(&["symbolic-ref", "HEAD", "refs/heads/unborn"]);
    assert!(matches!(repository.refs().unwrap().head, Head::Branch { commit: None, .. }));
}

#[test]
fn a_prefix_of_several_commits_is_ambiguous() {
    let world = GitWorld::new();
    let repo = world.bare("r.git");
    let tree = repo.tree(&[]);
    let mut seen: BTreeMap<String, ObjectId> = BTreeMap::new();
    // Of a few hundred commits two share four digits.
    let (first, second) = (0..5000)
        .find_map(|n| {
            let commit = repo.commit_tree(tree, &[], &n.to_string());
            seen.insert(commit.to_string()[..4].to_owned(), commit).map(|earlier| (earlier, commit))
        })
        .unwrap();
    let repository = open(repo.path());
    let prefix = &first.to_string()[..4];
    assert_eq!(repository.resolve(prefix), Err(ResolveError::Ambiguous { revision: prefix.to_owned() }));
    for commit in [first, second] {
        assert_eq!(repository.resolve(&commit.to_string()[..16]).unwrap().commit, commit);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Random branches over few names, so that files and folders meet under one name and trees repeat.
    #[test]
    fn random_branches(branches in proptest::collection::vec(
        proptest::collection::btree_map("[ab][.]?[ab]?", (0u8..4, proptest::option::of("[ab]/[ab]")), 0..6), 1..6)
    ) {
        let world = GitWorld::new();
        let repo = world.bare("random.git");
        let commits: Vec<ObjectId> = branches
            .iter()
            .enumerate()
            .map(|(n, files)| {
                let files: Vec<(String, [u8; 1])> = files
                    .iter()
                    .map(|(name, (content, rest))| match rest {
                        Some(rest) => (format!("{name}/{rest}"), [*content]),
                        None => (name.clone(), [*content]),
                    })
                    .collect();
                let files: Vec<(&str, &[u8])> =
                    files.iter().map(|(path, content)| (path.as_str(), content.as_slice())).collect();
                repo.commit_files(&format!("branch-{n}"), &files)
            })
            .collect();
        check_walk(&repo, &commits);
    }
}
