//! Counts are git's: for every branch and tag, `count:all` finds the lines and files that `git grep` finds.

use crate::keep::Keep;
use testkit::git::{GitRepo, GitWorld};

/// The same question in both languages: ours, then extended regular expressions (`-E`) for git.
const QUESTIONS: [(&str, &[&str]); 9] = [
    ("case:yes /alpha/", &["alpha"]),
    ("/alpha/", &["-i", "alpha"]),
    ("case:yes /beta_[0-9]+/", &["beta_[0-9]+"]),
    ("case:yes /^gamma/", &["^gamma"]),
    ("case:yes /[0-9]$/", &["[0-9]$"]),
    ("case:yes /(alpha|delta) .*x/", &["(alpha|delta) .*x"]),
    ("case:yes /q/", &["q"]),
    ("case:yes /-> /", &["-> "]),
    ("case:yes /no such words at all/", &["no such words at all"]),
];

const WORDS: [&str; 10] =
    ["alpha", "beta_12", "gamma", "delta x", "Alpha", "-> q", "42", "", "alphabet", "x = \u{e9}t\u{e9};"];

#[test]
fn every_branch_and_tag_counts_as_git_grep_does() {
    let world = GitWorld::new();
    let repo = world.repo("grown");
    grow(&repo);
    let keep = Keep::new();
    keep.index(&world.path());
    let refs = repo.git(&["for-each-ref", "--format=%(refname)"]);
    let refs: Vec<&str> = refs.split_whitespace().collect();
    assert_eq!(refs.len(), 7, "{refs:?}");
    for name in refs {
        for (ours, theirs) in QUESTIONS {
            let asked = format!("rev:{name} type:file count:all {ours}");
            assert_eq!(answer_of(&keep, &asked), git_grep(&repo, name, theirs), "{asked}");
        }
    }
}

/// Five branches that share most of their files and two tags, one annotated; with empty files, a last line without its
/// newline, a line longer than a block, and a binary file.
fn grow(repo: &GitRepo) {
    let mut seed = 7;
    let long_line = format!("alpha {}\n", "y ".repeat(9_000));
    for (branch_idx, branch) in ["main", "next", "topic/a", "topic/b", "old"].iter().enumerate() {
        let files: Vec<(String, Vec<u8>)> = (0..60)
            .map(|file_idx| {
                // Two files in three are the same on every branch.
                let mut own = if file_idx % 3 == 0 { seed + branch_idx as u64 } else { file_idx };
                seed += 1;
                (format!("dir{}/file{file_idx}.txt", file_idx % 7), text(&mut own, (file_idx * 13) as usize))
            })
            .chain([
                ("long.txt".to_owned(), long_line.clone().into_bytes()),
                ("empty".to_owned(), Vec::new()),
                ("tail.c".to_owned(), b"gamma\nalpha without an end".to_vec()),
                ("binary.dat".to_owned(), b"alpha\0beta_12\n".to_vec()),
            ])
            .collect();
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_slice())).collect();
        repo.commit_files(branch, &files);
    }
    repo.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
    repo.git(&["tag", "light", "next"]);
    repo.git(&["tag", "--annotate", "--message", "heavy", "heavy", "old"]);
}

fn text(seed: &mut u64, n_words: usize) -> Vec<u8> {
    let mut text = String::new();
    for _ in 0..n_words {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = (*seed >> 33) as usize;
        text.push_str(WORDS[draw % WORDS.len()]);
        text.push(if draw.is_multiple_of(3) { '\n' } else { ' ' });
    }
    text.into_bytes()
}

fn answer_of(keep: &Keep, query: &str) -> (u64, u64) {
    let ran = keep.run(&["search", "--json", query]);
    let answer: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(answer["stats"]["complete"], true, "{query}");
    let count = |name: &str| answer["stats"][name].as_u64().unwrap();
    (count("lines"), count("files"))
}

fn git_grep(repo: &GitRepo, name: &str, pattern: &[&str]) -> (u64, u64) {
    let (flags, pattern) = pattern.split_at(pattern.len() - 1);
    let arguments = [&["grep", "-I", "--count", "-E"], flags, &["-e"], pattern, &[name, "--"]].concat();
    let output = repo.try_git(&arguments, b"");
    let counts: Vec<u64> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| line.rsplit(':').next().unwrap().parse().unwrap())
        .collect();
    (counts.iter().sum(), counts.len() as u64)
}
