//! Log, blame and ancestry against git's own, on histories with branches and merges.

use crate::support::open;
use git::{Blame, BlameAsked, BlameLimits, FileChangeKind, Log, LogAsked, LogFilter, Reader};
use model::ObjectId;
use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use testkit::git::{GitRepo, GitWorld};

/// A generator of small numbers (a linear congruential one, as in Knuth's MMIX).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

/// Commits of two files whose lines are different and always in the same order, so that there is one right answer
/// whichever way texts are compared. Returns how many commits there are; `main` is the last one.
fn grow(repo: &GitRepo, seed: u64, n_commits: usize) {
    let mut dice = Dice(seed);
    let mut states: Vec<[BTreeSet<usize>; 2]> = Vec::new();
    let mut stream = String::new();
    for n in 0..n_commits {
        let back = |dice: &mut Dice| n - 1 - dice.below(n.min(5));
        let parents: Vec<usize> = match n {
            0 => Vec::new(),
            _ if dice.below(4) == 0 => vec![back(&mut dice), back(&mut dice)],
            _ => vec![back(&mut dice)],
        };
        let mut state = parents.first().map_or_else(Default::default, |parent| states[*parent].clone());
        if let [_, other] = parents[..] {
            for (lines, theirs) in state.iter_mut().zip(&states[other]) {
                // What a merge takes over is not always all of it, and sometimes one side wins.
                match dice.below(3) {
                    0 => *lines = theirs.clone(),
                    1 => lines.extend(theirs),
                    _ => {}
                }
            }
        }
        if parents.len() != 2 || dice.below(3) == 0 {
            let lines = &mut state[dice.below(2)];
            lines.extend((0..1 + dice.below(6)).map(|_| dice.below(100_000)));
            let gone: Vec<usize> = lines.iter().copied().filter(|line| line % 7 == n % 9).take(3).collect();
            lines.retain(|line| !gone.contains(line));
        }
        let seconds = 1_700_000_000 + 60 * n;
        let _ = write!(stream, "commit refs/heads/b{n}\nmark :{}\n", n + 1);
        let author = ["Ada <ada@example.org>", "Grace <grace@example.org>"][n % 2];
        let _ = write!(
            stream,
            "author {author} {seconds} +0000\ncommitter {author} {seconds} +0000\ndata 2\nc\n"
        );
        for (idx, parent) in parents.iter().enumerate() {
            let _ = writeln!(stream, "{} :{}", if idx == 0 { "from" } else { "merge" }, parent + 1);
        }
        for (path, lines) in ["d/a.txt", "d/e/b.txt"].iter().zip(&state) {
            let text: String = lines.iter().map(|line| format!("line {line}\n")).collect();
            let _ = write!(stream, "M 644 inline {path}\ndata {}\n{text}\n", text.len());
        }
        states.push(state);
    }
    let _ = write!(stream, "reset refs/heads/main\nfrom :{n_commits}\n");
    repo.git_bytes(&["fast-import", "--quiet"], stream.as_bytes());
}

fn asked(tip: ObjectId, path: &str) -> LogAsked<'_> {
    LogAsked {
        tip,
        path: path.as_bytes(),
        follows: false,
        filter: LogFilter::default(),
        n_skipped: 0,
        n_max: usize::MAX,
    }
}

fn ids(log: &Log) -> Vec<String> {
    log.entries.iter().map(|entry| entry.commit.id.to_string()).collect()
}

fn lines_of(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn blame(reader: &Reader, tip: ObjectId, path: &str, ignored: &HashSet<ObjectId>) -> Blame {
    blame_within(reader, tip, path, ignored, BlameLimits::default())
}

fn blame_within(
    reader: &Reader,
    tip: ObjectId,
    path: &str,
    ignored: &HashSet<ObjectId>,
    limits: BlameLimits,
) -> Blame {
    let asked = BlameAsked { tip, path: path.as_bytes(), size_bytes_max: 1 << 20, ignored, limits };
    reader.blame(&asked, &|bytes| Some(bytes.to_vec()), &|| false).unwrap()
}

/// As `git blame --porcelain` begins the lines: commit, line there, line here.
fn told(blame: &Blame) -> Vec<String> {
    let of = |run: &git::BlameRun| {
        let (commit, there, first) = (run.commit, run.line_there, run.lines.start);
        run.lines
            .clone()
            .map(move |n| format!("{commit} {} {}", there + n - first + 1, n + 1))
            .collect::<Vec<_>>()
    };
    blame.runs.iter().flat_map(of).collect()
}

fn blamed_by_git(repo: &GitRepo, more: &[&str], path: &str) -> Vec<String> {
    let text = repo.git(&[&["blame", "--porcelain"], more, &["main", "--", path]].concat());
    let is_head = |line: &&str| line.len() > 41 && line.as_bytes()[..40].iter().all(u8::is_ascii_hexdigit);
    let cut = |line: &str| line.split(' ').take(3).collect::<Vec<_>>().join(" ");
    let mut lines: Vec<String> = text.lines().filter(is_head).map(cut).collect();
    lines.sort_by_key(|line| line.rsplit(' ').next().and_then(|n| n.parse::<usize>().ok()));
    lines
}

#[test]
fn log_and_blame_are_gits() {
    for seed in 1..=6 {
        let world = GitWorld::new();
        let repo = world.repo("a");
        grow(&repo, seed, 80);
        let repository = open(repo.path());
        let reader = repository.reader();
        let tip = repository.resolve("main").unwrap().commit;
        for path in ["d/a.txt", "d/e/b.txt", "d/e", "d", "", "nothing/here"] {
            let log = reader.log(&asked(tip, path), &|| false).unwrap();
            let mut arguments = vec!["log", "--format=%H", "main"];
            if !path.is_empty() {
                arguments.extend(["--", path]);
            }
            assert_eq!(ids(&log), lines_of(&repo.git(&arguments)), "seed {seed}, {path}");
            // Page by page it is the same.
            let mut paged = Vec::new();
            loop {
                let page = LogAsked { n_skipped: paged.len(), n_max: 7, ..asked(tip, path) };
                let page = reader.log(&page, &|| false).unwrap();
                paged.extend(ids(&page));
                if !page.has_more {
                    break;
                }
            }
            assert_eq!(paged, ids(&log));
        }
        for path in ["d/a.txt", "d/e/b.txt"] {
            let blame = blame(&reader, tip, path, &HashSet::new());
            assert_eq!(told(&blame), blamed_by_git(&repo, &[], path), "seed {seed}, {path}");
        }
    }
}

#[test]
fn ancestry_is_gits() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    grow(&repo, 11, 60);
    let repository = open(repo.path());
    let reader = repository.reader();
    let at = |n: usize| repository.resolve(&format!("b{n}")).unwrap().commit;
    for (one, other) in [(59, 40), (40, 59), (57, 58), (30, 30), (0, 59), (50, 45), (22, 51)] {
        let found = reader.ancestry(at(one), at(other), usize::MAX, &|| false).unwrap();
        let (a, b) = (at(one).to_string(), at(other).to_string());
        let bases = lines_of(&repo.git(&["merge-base", "--all", &a, &b]));
        let base = found.merge_base.map(|base| base.to_string()).unwrap();
        assert!(bases.contains(&base), "{one} {other}: {base} is not of {bases:?}");
        let listed = |from: &str, to: &str| {
            lines_of(&repo.git(&["rev-list", "--date-order", &format!("{from}..{to}")]))
        };
        let shown = |ids: &[ObjectId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(shown(&found.only_one), listed(&b, &a), "{one} {other}");
        assert_eq!(shown(&found.only_other), listed(&a, &b), "{one} {other}");
        assert!(!found.is_cut);
    }
    let cut = reader.ancestry(at(0), at(59), 3, &|| false).unwrap();
    assert!(cut.is_cut);
    assert!(reader.ancestry(at(0), ObjectId::NULL, 3, &|| false).is_err());
}

#[test]
fn a_file_is_followed_through_renames() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    let text = |extra: &str| (0..20).map(|n| format!("line {n}\n")).collect::<String>() + extra;
    repo.commit_files("main", &[("old name.txt", text("").as_bytes()), ("other", b"1\n")]);
    repo.commit_files("main", &[("old name.txt", text("second\n").as_bytes()), ("other", b"2\n")]);
    repo.commit_files("main", &[("new.txt", text("second\nthird\n").as_bytes()), ("other", b"2\n")]);
    let tip = repo.commit_files("main", &[("new.txt", text("second\nthird\nfourth\n").as_bytes())]);
    let reader = open(repo.path()).reader();
    let all = LogAsked { follows: true, ..asked(tip, "new.txt") };
    let log = reader.log(&all, &|| false).unwrap();
    assert_eq!(ids(&log), lines_of(&repo.git(&["log", "--follow", "--format=%H", "main", "--", "new.txt"])));
    let told_of: Vec<_> =
        log.entries.iter().map(|entry| (entry.change.unwrap(), entry.old_path.is_some())).collect();
    use FileChangeKind::{Added, Modified, Renamed};
    assert_eq!(told_of, [(Modified, false), (Renamed, true), (Modified, false), (Added, false)]);
    assert_eq!(log.entries[3].path, b"old name.txt");
    assert_eq!(reader.log(&asked(tip, "new.txt"), &|| false).unwrap().entries.len(), 2, "not followed");
    let found = blame(&reader, tip, "new.txt", &HashSet::new());
    assert_eq!(told(&found), blamed_by_git(&repo, &[], "new.txt"));
    assert_eq!(found.paths, [b"new.txt".to_vec(), b"old name.txt".to_vec()]);
}

#[test]
fn a_file_that_is_renamed_to_and_fro_comes_to_an_end() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    let mut stream = String::new();
    for n in 0..200 {
        let (from, to) = if n % 2 == 0 { ("b", "a") } else { ("a", "b") };
        let _ = write!(
            stream,
            "commit refs/heads/main\ncommitter A <a@x> {} +0000\ndata 2\nc\n",
            1_700_000_000 + n
        );
        match n {
            0 => stream.push_str("M 644 inline a\ndata 4\nx\ny\n\n"),
            _ => stream.push_str(&format!("R {from} {to}\n")),
        }
    }
    repo.git_bytes(&["fast-import", "--quiet"], stream.as_bytes());
    let repository = open(repo.path());
    let tip = repository.resolve("main").unwrap().commit;
    let reader = repository.reader();
    let log = reader.log(&LogAsked { follows: true, ..asked(tip, "b") }, &|| false).unwrap();
    assert!(log.has_unfollowed && log.entries.len() > 60, "{} entries", log.entries.len());
    let found = blame(&reader, tip, "b", &HashSet::new());
    assert_eq!((found.n_lines, found.paths.len()), (2, 2));
}

#[test]
fn commits_that_are_looked_through_do_not_count() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    repo.commit_files("main", &[("a.c", b"int a;\nint b;\n")]);
    let indented = repo.commit_files("main", &[("a.c", b"  int a;\n  int b;\n")]);
    let tip = repo.commit_files("main", &[("a.c", b"  int a;\n  int b;\nint c;\n")]);
    let reader = open(repo.path()).reader();
    let id = indented.to_string();
    let found = blame(&reader, tip, "a.c", &HashSet::from([indented]));
    assert_eq!(told(&found), blamed_by_git(&repo, &["--ignore-rev", &id], "a.c"));
    assert!(found.runs[0].is_through);
    assert!(told(&blame(&reader, tip, "a.c", &HashSet::new()))[0].starts_with(&id));
}

#[test]
fn filters_and_calling_off() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    grow(&repo, 3, 80);
    let repository = open(repo.path());
    let reader = repository.reader();
    let tip = repository.resolve("main").unwrap().commit;
    let filtered = |filter: LogFilter| {
        ids(&reader.log(&LogAsked { filter, ..asked(tip, "d/a.txt") }, &|| false).unwrap())
    };
    let by_git = |more: &[&str]| {
        lines_of(&repo.git(&[&["log", "--format=%H"], more, &["main", "--", "d/a.txt"]].concat()))
    };
    let by_author = filtered(LogFilter { author: Some("grace".into()), ..LogFilter::default() });
    assert_eq!(by_author, by_git(&["--author=Grace"]));
    assert!(!by_author.is_empty());
    let since = filtered(LogFilter { since: Some(1_700_002_401), ..LogFilter::default() });
    assert_eq!(since, by_git(&["--since=1700002401"]));
    let cut = reader.log(&asked(tip, ""), &|| true).unwrap();
    assert!(cut.is_cut && cut.entries.is_empty());
    assert!(blame(&reader, tip, "d/a.txt", &HashSet::new()).runs.iter().all(|run| !run.is_unsure));
    assert!(reader.log(&asked(ObjectId::NULL, ""), &|| false).is_err());
}

#[test]
fn blame_ends_where_its_work_does_and_says_so_alike_each_time() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    grow(&repo, 3, 80);
    let repository = open(repo.path());
    let (reader, none) = (repository.reader(), HashSet::new());
    let tip = repository.resolve("main").unwrap().commit;
    let whole = blame(&reader, tip, "d/a.txt", &none);
    assert!(!whole.is_cut && whole.runs.iter().all(|run| !run.is_unsure));
    for (n_commits_max, n_compared_bytes_max) in [(5, u64::MAX), (usize::MAX, 300), (0, 0)] {
        let limits = BlameLimits { n_commits_max, n_compared_bytes_max };
        let cut = blame_within(&reader, tip, "d/a.txt", &none, limits);
        assert!(cut.is_cut && cut.runs.iter().any(|run| run.is_unsure), "{limits:?}");
        assert_eq!(cut.runs.iter().map(|run| run.lines.len()).sum::<usize>(), whole.n_lines);
        // What is said to be sure is what is found in the end.
        let known: HashSet<String> = told(&whole).into_iter().collect();
        let sure =
            Blame { runs: cut.runs.iter().filter(|run| !run.is_unsure).cloned().collect(), ..cut.clone() };
        assert!(told(&sure).iter().all(|line| known.contains(line)), "{limits:?}");
        for _ in 0..20 {
            assert_eq!(blame_within(&repository.reader(), tip, "d/a.txt", &none, limits), cut, "{limits:?}");
        }
    }
}
