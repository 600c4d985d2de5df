//! Commits and changes are found as git finds them.

use crate::instance::Instance;
use access::Actor;
use model::ObjectId;
use search::{CancelToken, Catalog, Limits, Match, Searcher, Sink, Summary};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use testkit::git::{GitRepo, GitWorld};

/// 2026-01-01, what relative dates are counted from.
const NOW: i64 = 1_767_225_600;

#[derive(Default)]
struct Found {
    order: Vec<String>,
    commits: BTreeSet<String>,
    /// Matching lines by commit and path.
    changes: BTreeMap<(String, String), u64>,
}

impl Sink for Found {
    fn matches(&mut self, batch: Vec<Match>) -> ControlFlow<()> {
        for found in batch {
            match found {
                Match::Commit(found) => {
                    self.order.push(found.commit.to_string());
                    assert!(self.commits.insert(found.commit.to_string()), "{} twice", found.commit);
                }
                Match::Diff(found) => {
                    let path = String::from_utf8_lossy(&found.path).into_owned();
                    let key = (found.of.commit.to_string(), path);
                    assert!(self.changes.insert(key, found.n_lines).is_none());
                }
                other => panic!("{other:?}"),
            }
        }
        ControlFlow::Continue(())
    }
}

async fn ask(instance: &Instance, catalog: &Catalog, text: &str) -> (Found, Summary) {
    let access = instance.store.access_set(&Actor::LOCAL_OPERATOR).await.unwrap();
    let query = query::parse(text, &query::Options::default()).unwrap();
    let limits = Limits { now_seconds: NOW, ..Limits::unlimited_display() };
    let mut found = Found::default();
    let searcher = Searcher::new(2).unwrap();
    let summary = searcher
        .search(&catalog.snapshot(), &access, &query, &limits, &CancelToken::new(), &mut found)
        .unwrap();
    (found, summary)
}

/// A history with merges, renames, deletions, branches, odd dates, old encodings and people without names.
pub(crate) fn odd_history(repo: &GitRepo) {
    let mut seed = 7u64;
    let mut draw = move |n: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % n
    };
    let words = ["alpha", "beta", "gamma", "delta(", "Beta", "x = 1;", "naïve", "return x", "fix #12"];
    let mut heads: Vec<(ObjectId, Vec<(String, String)>)> = Vec::new();
    for n in 0..70u64 {
        let (mut parents, mut files) = match heads.is_empty() {
            true => (Vec::new(), Vec::new()),
            false => {
                let (head, files) = &heads[draw(heads.len() as u64) as usize];
                (vec![*head], files.clone())
            }
        };
        if n % 7 == 3 && heads.len() > 1 {
            let (other, _) = heads[draw(heads.len() as u64) as usize];
            if !parents.contains(&other) {
                parents.push(other);
            }
        }
        for _ in 0..=draw(2) {
            let line = |n: u64| format!("{} {n}\n", words[n as usize % words.len()]);
            match draw(5) {
                0 if !files.is_empty() => {
                    files.remove(draw(files.len() as u64) as usize);
                }
                1 if !files.is_empty() => {
                    let at = draw(files.len() as u64) as usize;
                    files[at].0 = format!("moved/f{n}.rs");
                }
                2 | 3 if !files.is_empty() => {
                    let at = draw(files.len() as u64) as usize;
                    files[at].1.push_str(&line(draw(1000)));
                }
                _ => {
                    let lines: String = (0..8).map(|_| line(draw(1000))).collect();
                    files.push((format!("d{}/f{n}.c", n % 3), lines));
                }
            }
        }
        files.sort();
        files.dedup_by(|a, b| a.0 == b.0);
        let mut by_folder: BTreeMap<&str, Vec<(&str, ObjectId)>> = BTreeMap::new();
        for (path, text) in &files {
            let (folder, name) = path.split_once('/').unwrap();
            by_folder.entry(folder).or_default().push((name, repo.blob(text.as_bytes())));
        }
        let folders: Vec<(&str, ObjectId)> = by_folder
            .iter()
            .map(|(folder, files)| {
                let entries: Vec<(&str, &[u8], ObjectId)> =
                    files.iter().map(|(name, id)| ("100644", name.as_bytes(), *id)).collect();
                (*folder, repo.tree(&entries))
            })
            .collect();
        let entries: Vec<(&str, &[u8], ObjectId)> =
            folders.iter().map(|(name, id)| ("40000", name.as_bytes(), *id)).collect();
        let tree = repo.tree(&entries);
        let seconds = 1_600_000_000 + n * 3_600 - draw(3) * 10_000;
        let author = ["Ada Example <ada@example.org>", "B\u{f6}b <bob@example.org>", "<nobody@example.org>"]
            [draw(3) as usize];
        let word = words[draw(words.len() as u64) as usize];
        let mut commit = format!("tree {tree}\n");
        parents.iter().for_each(|parent| commit.push_str(&format!("parent {parent}\n")));
        commit.push_str(&format!("author {author} {} +0130\n", seconds - 500));
        commit.push_str(&format!("committer C O Mitter <c@example.org> {seconds} -0700\n"));
        let mut bytes = commit.into_bytes();
        match n % 9 {
            4 => bytes.extend(b"encoding ISO-8859-1\n\nna\xefve subject\n\nbody\n"),
            5 => bytes.extend(b"\n"),
            _ => bytes.extend(format!("\n{word} subject {n}\n\nbody of {word}\n").as_bytes()),
        }
        let id = repo.object("commit", &bytes);
        match heads.iter_mut().find(|(head, _)| Some(head) == parents.first()) {
            Some(head) if draw(4) > 0 => *head = (id, files),
            _ => heads.push((id, files)),
        }
    }
    for (n, (head, _)) in heads.iter().enumerate() {
        repo.set_ref(&format!("refs/heads/{}", if n == 0 { "main".into() } else { format!("b{n}") }), *head);
    }
}

fn git_commits(repo: &GitRepo, arguments: &[&str]) -> BTreeSet<String> {
    let arguments = [&["log", "--format=%H", "--encoding=UTF-8"], arguments].concat();
    repo.git(&arguments).lines().map(str::to_owned).collect()
}

/// Matching lines by commit and path, as git's own diffs have them.
pub(crate) fn git_changes(repo: &GitRepo, word: &str, side: Option<char>) -> BTreeMap<(String, String), u64> {
    let log = repo.git_bytes(
        &[
            "-c",
            "core.quotePath=false",
            "log",
            "-p",
            "-U0",
            "-M",
            "--diff-merges=first-parent",
            "--diff-algorithm=histogram",
            "--format=commit %H",
            "main",
        ],
        b"",
    );
    let log = String::from_utf8_lossy(&log).into_owned();
    let (mut commit, mut old, mut path, mut in_hunks) = (String::new(), String::new(), String::new(), false);
    let mut changes = BTreeMap::new();
    for line in log.lines() {
        if let Some(id) = line.strip_prefix("commit ") {
            (commit, in_hunks) = (id.to_owned(), false);
        } else if line.starts_with("diff --git ") {
            in_hunks = false;
        } else if line.starts_with("@@ ") {
            in_hunks = true;
        } else if let Some(text) = line.strip_prefix("--- ").filter(|_| !in_hunks) {
            old = text.trim_start_matches("a/").to_owned();
        } else if let Some(text) = line.strip_prefix("+++ ").filter(|_| !in_hunks) {
            path = if text == "/dev/null" { old.clone() } else { text.trim_start_matches("b/").to_owned() };
        } else if in_hunks && line.starts_with(['+', '-']) {
            let is_side = side.is_none_or(|side| line.starts_with(side));
            if is_side && line[1..].to_lowercase().contains(word) {
                *changes.entry((commit.clone(), path.clone())).or_default() += 1;
            }
        }
    }
    changes
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_are_those_of_git_log() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    odd_history(&repo);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let catalog = instance.index().await;
    let checks: &[(&str, &[&str])] = &[
        ("", &["main"]),
        ("rev:*refs/heads/*", &["--branches"]),
        ("beta", &["main", "-i", "--grep=beta"]),
        ("case:yes Beta rev:*refs/heads/*", &["--branches", "--grep=Beta"]),
        (
            "\"delta(\" subject rev:*refs/heads/*",
            &["--branches", "-F", "-i", "--all-match", "--grep=delta(", "--grep=subject"],
        ),
        ("/alpha|gamma/ rev:*refs/heads/*", &["--branches", "-i", "-E", "--grep=alpha|gamma"]),
        ("NOT beta rev:*refs/heads/*", &["--branches", "-i", "--invert-grep", "--grep=beta"]),
        ("naïve rev:*refs/heads/*", &["--branches", "-i", "--grep=naïve"]),
        ("author:ada rev:*refs/heads/*", &["--branches", "-i", "--author=ada"]),
        ("author:\"<nobody\" rev:*refs/heads/*", &["--branches", "--author=<nobody"]),
        ("-author:example.org rev:*refs/heads/*", &["--branches", "--author=nothing like it"]),
        ("committer:mitter", &["main", "-i", "--committer=mitter"]),
        ("message:body author:ada", &["main", "-i", "--grep=body", "--author=ada", "--all-match"]),
        ("rev:main:^b1", &["main", "^b1"]),
        ("rev:b1:^main", &["b1", "^main"]),
        ("rev:b1:b2:^main", &["b1", "b2", "^main"]),
    ];
    for (text, arguments) in checks {
        let (found, summary) = ask(&instance, &catalog, &format!("type:commit {text} count:all")).await;
        assert_eq!(found.commits, git_commits(&repo, arguments), "{text}");
        assert_eq!(summary.stats.files, found.commits.len() as u64, "{text}");
        assert!(summary.stats.complete, "{text}: {:?}", summary.stats.skipped);
    }
    // git's own --since and --until stop at the first commit out of order; the dates themselves are compared here.
    let dates = repo.git(&["log", "--branches", "--format=%H %ct"]);
    let dates: Vec<(&str, i64)> = dates
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(id, at)| (id, at.parse().unwrap()))
        .collect();
    for at in [1_600_050_000, 1_600_100_000, 1_600_120_000] {
        let text = format!("type:commit rev:*refs/heads/* after:@{at} count:all");
        let after =
            dates.iter().filter(|(_, seconds)| *seconds > at).map(|(id, _)| (*id).to_owned()).collect();
        assert_eq!(ask(&instance, &catalog, &text).await.0.commits, after);
        let text = format!("type:commit rev:*refs/heads/* before:@{at} count:all");
        let before =
            dates.iter().filter(|(_, seconds)| *seconds < at).map(|(id, _)| (*id).to_owned()).collect();
        assert_eq!(ask(&instance, &catalog, &text).await.0.commits, before);
    }
    // Every commit comes before its parents.
    let (found, _) = ask(&instance, &catalog, "type:commit rev:*refs/heads/* count:all").await;
    let place: BTreeMap<&str, usize> =
        found.order.iter().enumerate().map(|(n, id)| (id.as_str(), n)).collect();
    for line in repo.git(&["log", "--branches", "--format=%H %P"]).lines() {
        let (child, parents) = line.split_once(' ').unwrap();
        assert!(parents.split_whitespace().all(|parent| place[parent] > place[child]), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_those_of_git_log() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    odd_history(&repo);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let catalog = instance.index().await;
    for word in ["beta", "delta(", "naïve", "x = 1;", "return x", "fix #12", "a"] {
        for (select, side) in
            [("", None), ("select:commit.diff.added", Some('+')), ("select:commit.diff.removed", Some('-'))]
        {
            let text = format!("type:diff {select} content:\"{word}\" count:all");
            let (found, summary) = ask(&instance, &catalog, &text).await;
            let expected = git_changes(&repo, word, side);
            assert_eq!(found.changes, expected, "{text}");
            assert_eq!(summary.stats.lines, expected.values().sum::<u64>(), "{text}");
        }
        // What changes how often a text occurs, changes a line that holds it.
        let pickaxe = git_commits(&repo, &["main", "-m", "--first-parent", &format!("-S{word}")]);
        let found =
            ask(&instance, &catalog, &format!("type:diff case:yes content:\"{word}\" count:all")).await.0;
        let found: BTreeSet<String> = found.changes.into_keys().map(|(commit, _)| commit).collect();
        assert!(pickaxe.is_subset(&found), "{word}: {:?}", pickaxe.difference(&found));
    }
    let commits =
        |found: &Found| found.changes.keys().map(|(commit, _)| commit.clone()).collect::<BTreeSet<_>>();
    let (by_path, _) = ask(&instance, &catalog, "type:diff file:^d1/ beta -gamma count:all").await;
    assert!(by_path.changes.keys().all(|(_, path)| path.starts_with("d1/") || path.starts_with("moved/")));
    let (all, _) = ask(&instance, &catalog, "type:diff beta count:all").await;
    let (converted, _) = ask(&instance, &catalog, "type:diff beta select:commit count:all").await;
    assert_eq!(converted.commits, commits(&all));
    let (two, _) = ask(&instance, &catalog, "type:diff /beta [0-9]+\\n/ count:all").await;
    assert!(!two.changes.is_empty() && commits(&two).is_subset(&commits(&all)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_refs_no_longer_reach_is_not_found() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    let first = repo.commit_files("main", &[("a.txt", b"alpha\n")]);
    let second = repo.commit_files("main", &[("a.txt", b"alpha\nsecret\n")]);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let catalog = instance.index().await;
    let has = |found: &Found, id: ObjectId| {
        found.changes.keys().any(|(commit, _)| *commit == id.to_string())
            || found.commits.contains(&id.to_string())
    };
    assert!(has(&ask(&instance, &catalog, "type:diff secret").await.0, second));
    repo.set_ref("refs/heads/main", first);
    for push in 0..12 {
        repo.commit_files("main", &[("a.txt", format!("alpha\nword{push}\n").as_bytes())]);
        instance.index().await;
    }
    let catalog = instance.index().await;
    assert!(!has(&ask(&instance, &catalog, "type:diff secret count:all").await.0, second));
    for push in 0..12 {
        let (found, _) = ask(&instance, &catalog, &format!("type:diff content:word{push} count:all")).await;
        assert!(!found.changes.is_empty(), "push {push}");
    }
    // Small parts were joined on the way, and what they replaced is gone.
    let stored = instance.store.maintenance().history(instance.row("a").await.id).await.unwrap().unwrap();
    assert!(stored.history.files.len() <= 1 + 2 * 9 + 2 * 9, "{}", stored.history.files.len());
    assert!(mirror::verify_history(&instance.data, &stored).is_empty());
    assert_eq!((stored.history.n_commits, stored.history.n_done), (14, 14));
    // A start from what is on disk answers the same.
    let round = instance.round().await;
    assert!(has(&ask(&instance, &round.catalog, "type:commit count:all").await.0, first));
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_histories_are_bounded() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    let empty = repo.tree(&[]);
    let head = |lines: &str| format!("tree {empty}\n{lines}");
    let plain = repo
        .object("commit", head("author A <a@x> 1 +0000\ncommitter A <a@x> 1 +0000\n\nplain\n").as_bytes());
    // 20,000 parents, all the same; no author; dates beyond all calendars; NUL and script in a name.
    let parents = format!("parent {plain}\n").repeat(20_000);
    let many = repo.object(
        "commit",
        head(&format!("{parents}author <> 99999999999999999999 +9999\n\nmany parents\n")).as_bytes(),
    );
    let far = repo.object(
        "commit",
        head(&format!("parent {many}\nauthor <script>\0x <a@x> 9223372036854775807 +0000\ncommitter B <b@x> -9223372036854775808 +0000\n\nfar dates\n")).as_bytes(),
    );
    let missing = "0123456789012345678901234567890123456789";
    let orphan =
        repo.object("commit", head(&format!("parent {missing}\nparent {far}\n\norphan\n")).as_bytes());
    let lines: Vec<u8> = (0..400_000).flat_map(|n: u32| format!("{}\n", n % 7).into_bytes()).collect();
    let large = repo.blob(&lines);
    let tree = repo.tree(&[("100644", b"large.txt", large), ("100644", b"zero.bin", repo.blob(b"\0\0\0"))]);
    let last = repo.object(
        "commit",
        format!("tree {tree}\nparent {orphan}\nauthor A <a@x> 5 +0000\ncommitter A <a@x> 5 +0000\n\nlarge\n")
            .as_bytes(),
    );
    repo.set_ref("refs/heads/main", last);
    // Grafts and replacements are not followed.
    repo.write_raw("info/grafts", format!("{plain} {last}\n").as_bytes());
    repo.set_ref(&format!("refs/replace/{plain}"), last);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let catalog = instance.index().await;
    let (found, _) = ask(&instance, &catalog, "type:commit count:all").await;
    assert_eq!(found.commits.len(), 5);
    let (found, _) = ask(&instance, &catalog, "type:diff file:large count:all").await;
    assert_eq!(found.changes.len(), 1);
    let (found, _) = ask(&instance, &catalog, "type:commit script count:all").await;
    assert!(found.commits.is_empty(), "a name is not a message");
    let (found, _) = ask(&instance, &catalog, "type:commit author:script count:all").await;
    assert_eq!(found.commits.into_iter().collect::<Vec<_>>(), [far.to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_without_lines_are_counted_by_reason() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    let large = "alpha in a large file\n".repeat(60_000);
    let mut files: Vec<(&str, &[u8])> =
        vec![("small.txt", b"alpha\n"), ("one.bin", b"alpha\0\x01\x02"), ("two.bin", b"\0")];
    repo.commit_files("main", &files);
    files.extend([("large.txt", large.as_bytes()), ("other.txt", &b"beta\n"[..])]);
    repo.commit_files("main", &files);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let catalog = instance.index().await;
    let check = async |query: &str, n_changes: usize, expected: &[(&str, u64)]| {
        let (found, summary) = ask(&instance, &catalog, query).await;
        assert_eq!(found.changes.len(), n_changes, "{query}");
        let told: Vec<(&str, u64)> =
            summary.stats.skipped.iter().map(|one| (one.reason.as_str(), one.count)).collect();
        assert_eq!(told, expected, "{query}");
    };
    check("type:diff alpha count:all", 1, &[("change-too-large", 1), ("change-binary", 2)]).await;
    check("type:diff alpha", 1, &[("change-too-large", 1), ("change-binary", 2)]).await;
    check("type:diff alpha file:txt$ count:all", 1, &[("change-too-large", 1)]).await;
    check("type:diff alpha file:^one count:all", 0, &[("change-binary", 1)]).await;
    check("type:diff alpha author:nobody count:all", 0, &[]).await;
    // Without a word to look for nothing is missing: the changes themselves are found.
    check("type:diff file:bin$ count:all", 2, &[]).await;
    check("type:diff (alpha OR file:bin$) count:all", 3, &[("change-too-large", 1)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_of_what_is_selected() {
    let world = GitWorld::new();
    let owners: (&str, &[u8]) = ("CODEOWNERS", b"*.rs @team @Other\n*.txt @other\n");
    let code: (&str, &[u8]) = ("src/main.rs", b"fn alpha_main() {}\nfn alpha_other() {}\n");
    for name in ["a", "b", "c"] {
        let repo = world.repo(name);
        let mut files = vec![owners, code, ("src/x.txt", b"alpha\n"), ("y.txt", b"alpha\nalpha\n")];
        repo.commit_files("main", &files);
        repo.git(&["tag", "first", "main"]);
        files[2] = ("src/x.txt", b"alpha again\n");
        repo.commit_files("main", &files);
        repo.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
    }
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let catalog = instance.index().await;
    let check = async |query: &str, n_selected: u64, n_files: u64| {
        let stats = instance.summary(&catalog, query).await.stats;
        assert_eq!((stats.matches, stats.lines, stats.files), (n_selected, 0, n_files), "{query}");
        assert!(stats.complete, "{query}: {:?}", stats.skipped);
    };
    check("alpha select:repo count:all", 3, 9).await;
    check("type:symbol alpha select:repo count:all", 3, 3).await;
    check("type:diff alpha select:repo count:all", 3, 12).await;
    check("alpha select:file count:all", 9, 9).await;
    check("alpha select:file.path count:all", 9, 9).await;
    check("alpha rev:* select:file.path count:all", 9, 12).await;
    check("alpha rev:* select:file count:all", 12, 12).await;
    check("alpha select:file.directory count:all", 6, 9).await;
    check("alpha select:file.owners count:all", 2, 9).await;
    check("alpha repo:^a$ file:txt$ select:file.owners count:all", 1, 2).await;
    check("type:symbol alpha select:file.owners count:all", 2, 3).await;
    check("type:symbol alpha select:file.directory count:all", 3, 3).await;
    check("type:diff alpha select:file count:all", 9, 12).await;
    check("type:diff alpha select:file.directory count:all", 6, 12).await;
    check("type:diff alpha select:commit count:all", 6, 6).await;
    // The counts are of everything, however little is shown.
    check("alpha select:file.directory count:all timeout:20s", 6, 9).await;
    let symbols = instance.summary(&catalog, "select:symbol.function alpha count:all").await.stats;
    assert_eq!((symbols.matches, symbols.files), (6, 3));
    for (query, says) in [
        ("type:diff alpha select:file.owners", "commits and changes have no owners"),
        ("type:commit change select:file", "type:diff with select:file"),
    ] {
        let alert = instance.summary(&catalog, query).await.alert.expect(query);
        assert!(alert.contains(says), "{query}: {alert}");
    }
}
