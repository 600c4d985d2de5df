//! Random pushes: what increments lead to is what building from nothing does, and what git itself finds.

use crate::instance::Instance;
use index::{DocKind, RevSetIdx};
use model::ObjectId;
use search::Catalog;
use std::collections::{BTreeMap, BTreeSet};
use testkit::git::{GitRepo, GitWorld};

/// Numbers that are the same for the same seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        // Constants of Knuth's MMIX generator.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

type Files = BTreeMap<String, String>;

const WORDS: [&str; 5] = ["alpha", "beta", "gamma", "delta", "epsilon"];
const PATHS: [&str; 8] =
    ["a.c", "b.c", "dir/a.c", "dir/b.py", "dir/sub/x", "dir.d/y", "z", "dir/sub2/deep/w.rs"];

fn text(numbers: &mut Numbers) -> String {
    let n_lines = 1 + numbers.below(4);
    (0..n_lines).map(|_| format!("{} {}\n", WORDS[numbers.below(5)], numbers.below(20))).collect()
}

/// A push: commits to a branch, a new branch or tag, a branch deleted or forced back.
struct Pusher<'a> {
    repo: &'a GitRepo,
    numbers: Numbers,
    branches: BTreeMap<String, (Files, Vec<ObjectId>)>,
}

impl Pusher<'_> {
    fn push(&mut self) {
        let names: Vec<String> = self.branches.keys().cloned().collect();
        let branch = names[self.numbers.below(names.len())].clone();
        match self.numbers.below(10) {
            0 if branch != "main" => {
                self.repo.git(&["update-ref", "-d", &format!("refs/heads/{branch}")]);
                self.branches.remove(&branch);
            }
            1 => {
                let name = format!("b{}", self.numbers.below(4));
                let (files, commits) = self.branches[&branch].clone();
                self.repo.set_ref(&format!("refs/heads/{name}"), commits[commits.len() - 1]);
                self.branches.insert(name, (files, commits));
            }
            2 => {
                let commits = &self.branches[&branch].1;
                let commit = commits[self.numbers.below(commits.len())];
                self.repo.set_ref(&format!("refs/tags/t{}", self.numbers.below(4)), commit);
            }
            3 => {
                let commits = self.branches[&branch].1.clone();
                let back = 1 + self.numbers.below(commits.len());
                self.repo.set_ref(&format!("refs/heads/{branch}"), commits[back - 1]);
                if let Some((_, commits)) = self.branches.get_mut(&branch) {
                    commits.truncate(back);
                }
                self.commit(&branch);
            }
            _ => self.commit(&branch),
        }
    }

    fn commit(&mut self, branch: &str) {
        let mut files = self.branches.get(branch).map(|(files, _)| files.clone()).unwrap_or_default();
        for _ in 0..=self.numbers.below(2) {
            let path = PATHS[self.numbers.below(PATHS.len())].to_owned();
            match self.numbers.below(4) {
                0 => drop(files.remove(&path)),
                1 => {
                    // A rename: the blob stays.
                    let from = PATHS[self.numbers.below(PATHS.len())];
                    if let Some(text) = files.remove(from) {
                        files.insert(path, text);
                    }
                }
                _ => drop(files.insert(path, text(&mut self.numbers))),
            }
        }
        let mode = |path: &str| if path.len().is_multiple_of(3) { "100755" } else { "100644" };
        let entries: Vec<(&str, &str, ObjectId)> = files
            .iter()
            .map(|(path, text)| (mode(path), path.as_str(), self.repo.blob(text.as_bytes())))
            .collect();
        let commit = self.repo.commit_entries(branch, &entries);
        let (held, commits) = self.branches.entry(branch.to_owned()).or_default();
        *held = files;
        commits.push(commit);
    }
}

/// Everything that a ref table says, without the numbers that may differ.
type Said = BTreeSet<(Vec<u8>, DocKind, ObjectId, u32, u8, Vec<String>)>;

async fn said(instance: &Instance, catalog: &Catalog) -> Said {
    let access = instance.store.access_set(&access::Actor::LOCAL_OPERATOR).await.unwrap();
    let index = catalog.snapshot().repo(&access, "a").unwrap();
    index.ref_table.verify().unwrap();
    index.segments.iter().for_each(|segment| segment.verify().unwrap());
    let table = &index.ref_table;
    let names = |set: RevSetIdx| {
        let revisions = table.set_revisions(set).unwrap();
        let refs = revisions.iter().flat_map(|revision| {
            let revision = &table.revisions()[revision.0 as usize];
            revision.refs.iter().map(move |name| format!("{} {name}", revision.commit))
        });
        let mut names: Vec<String> = refs.collect();
        names.sort();
        names
    };
    let mut said = Said::new();
    table
        .for_each_doc(&mut |_, path, doc| {
            let oid = match doc.blob {
                Some((segment, blob)) => index.segments[usize::from(segment.0)].blob(blob).unwrap().oid,
                None => doc.submodule.unwrap(),
            };
            let refs = names(doc.revisions);
            assert!(!refs.is_empty());
            let is_new = said.insert((path.to_vec(), doc.kind, oid, doc.language.0, doc.flags.0, refs));
            assert!(is_new, "a document stands twice");
            true
        })
        .unwrap();
    said
}

fn git_grep(repo: &GitRepo, word: &str, revision: &str) -> Vec<String> {
    let output = repo.try_git(&["grep", "-n", "-F", "-i", word, revision], b"").stdout;
    let output = String::from_utf8(output).unwrap();
    let mut found: Vec<String> = output
        .lines()
        .map(|line| {
            let line = &line[revision.len() + 1..];
            let mut parts = line.splitn(3, ':');
            format!("a {}:{}", parts.next().unwrap(), parts.next().unwrap())
        })
        .collect();
    found.sort();
    found
}

async fn check_seed(seed: u64, n_pushes: usize) {
    let world = GitWorld::new();
    let repo = world.repo("a");
    let mut pusher = Pusher { repo: &repo, numbers: Numbers(seed), branches: BTreeMap::new() };
    pusher.commit("main");
    let (one_by_one, at_once) = (Instance::new().await, Instance::new().await);
    one_by_one.add(&world.path()).await;
    at_once.add(&world.path()).await;
    for push in 0..n_pushes {
        for _ in 0..=pusher.numbers.below(2) {
            pusher.push();
        }
        let catalog = one_by_one.index().await;
        let rows = at_once.store.maintenance().repositories().await.unwrap();
        mirror::queue_rebuild(&at_once.store, &rows).await.unwrap();
        let round = at_once.round().await;
        assert!(round.failures.is_empty(), "{:?}", round.failures);
        let (increments, anew) = (said(&one_by_one, &catalog).await, said(&at_once, &round.catalog).await);
        assert_eq!(increments, anew, "seed {seed}, push {push}");
        let refs = repo.git(&["for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags"]);
        for name in refs.lines() {
            let word = WORDS[pusher.numbers.below(5)];
            let found = one_by_one.answer(&catalog, &format!("rev:{name} type:file {word}")).await;
            assert_eq!(found, git_grep(&repo, word, name), "seed {seed}, push {push}, {word} in {name}");
        }
        assert!(one_by_one.manifest("a").await.segments.len() < 9, "segments are joined");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_lead_to_what_building_anew_does() {
    for seed in [1, 2, 3] {
        check_seed(seed, 14).await;
    }
}
