//! kill -9 at any moment: the next run gives the answers of a clean one.

use crate::keep::{Keep, finish};
use crate::serving::Running;
use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use testkit::git::GitWorld;

/// Kills at moments spread over a whole run; more would only take longer.
const N_KILLS: u32 = 8;
/// A run may end before this test notices what it was to be killed at. Then it is run again, on a copy of where it began.
const N_TRIES: u32 = 20;
/// More commits than these are published without their changes first: the history is built in two steps.
const N_COMMITS: u32 = 1100;
/// So many pushes leave so many small segments that they are joined.
const N_PUSHES: usize = 8;

fn world() -> GitWorld {
    let world = GitWorld::new();
    for name in ["a", "b", "c"] {
        let repo = world.repo(name);
        for revision in 0..3 {
            let files: Vec<(String, String)> = (0..120)
                .map(|idx| {
                    let lines = (0..60)
                        .map(|line| format!("line {line} of {name} {idx} at {}\n", revision * (idx % 3)));
                    (format!("dir{}/file{idx}.txt", idx % 7), lines.collect())
                })
                .collect();
            let listed: Vec<(&str, &[u8])> =
                files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
            repo.commit_files("main", &listed);
            repo.git(&["tag", &format!("v{revision}"), "main"]);
        }
        repo.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
    }
    world
}

/// Every answer that distinguishes one index from another.
fn answers(keep: &Keep) -> Vec<BTreeSet<String>> {
    ["line count:all", "\"of b 17\" count:all", "rev:v1 \"3 of c\" count:all", "type:path file1 count:all"]
        .iter()
        .map(|query| keep.must(&["search", query]).lines().map(str::to_string).collect())
        .collect()
}

#[test]
fn a_killed_run_loses_nothing() {
    let world = world();
    let clean = Keep::new();
    let started = Instant::now();
    clean.index(&world.path());
    let whole_run = started.elapsed();
    let expected = answers(&clean);
    assert!(expected.iter().all(|answer| !answer.is_empty()));

    let killed = Keep::new();
    let mut n_killed = 0;
    for round in 0..N_KILLS {
        n_killed +=
            u32::from(kill_after(&killed, &world.path(), whole_run * (2 * round + 1) / (2 * N_KILLS)));
    }
    assert!(n_killed > 0, "no run was killed");
    killed.index(&world.path());
    assert_eq!(answers(&killed), expected);
    assert!(!killed.must(&["index", "verify"]).contains("damaged"));
    assert_eq!(n_files(&killed), n_files(&clean), "nothing is left over");
}

/// Starts a run and kills it; whether it was still running.
fn kill_after(keep: &Keep, path: &Path, delay: Duration) -> bool {
    let mut child = keep.command().args(["up", "--once"]).arg(path).spawn().unwrap();
    // The moment is the input of this test: each must be survived, none is waited for.
    #[allow(clippy::disallowed_methods, reason = "the moment of the kill is what is varied")]
    std::thread::sleep(delay);
    let was_running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    was_running
}

fn n_files(keep: &Keep) -> usize {
    index_files(keep).len()
}

/// What a search prints, sorted: which of two equally good results comes first is not what is asked here.
fn lines_of(keep: &Keep, query: &str) -> String {
    let printed = keep.must(&["search", query]);
    let mut lines: Vec<&str> = printed.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

fn n_segments(keep: &Keep) -> usize {
    let status: serde_json::Value = serde_json::from_str(&keep.must(&["index", "status", "--json"])).unwrap();
    status["repos"][0]["segments"].as_u64().unwrap() as usize
}

fn index_files(keep: &Keep) -> HashSet<PathBuf> {
    let Ok(folders) = std::fs::read_dir(keep.data().join("index")) else { return HashSet::new() };
    let files = folders.filter_map(|folder| std::fs::read_dir(folder.unwrap().path()).ok());
    files.flatten().map(|file| file.unwrap().path()).collect()
}

/// A repository with a long history of small changes, made in one go.
fn long_history(world: &GitWorld) {
    let mut stream = String::new();
    for number in 0..N_COMMITS {
        let message = format!("change {number}: {}", if number.is_multiple_of(3) { "fix" } else { "add" });
        let text = format!("alpha {number}\nbeta {}\n", number / 5);
        stream.push_str(&format!(
            "commit refs/heads/main\ncommitter Ada <ada@example.org> {} +0000\ndata {}\n{message}\n\
             M 100644 inline file{}.txt\ndata {}\n{text}\n",
            1_700_000_000 + number,
            message.len(),
            number % 7,
            text.len(),
        ));
    }
    world.repo("long").git_bytes(&["fast-import", "--quiet"], stream.as_bytes());
}

/// Kills a run on a copy of `from` when it has begun its file number `n_new` of the index. `None` where there is no such file.
fn killed_at_file(from: &Keep, path: &Path, n_new: usize) -> Option<Keep> {
    for _ in 0..N_TRIES {
        let keep = from.copy();
        let mut seen = index_files(&keep);
        let n_before = seen.len();
        let mut child = keep.command().args(["up", "--once"]).arg(path).spawn().unwrap();
        loop {
            let has_ended = child.try_wait().unwrap().is_some();
            seen.extend(index_files(&keep));
            if seen.len() >= n_before + n_new {
                child.kill().unwrap();
                if child.wait().unwrap().code().is_none() {
                    return Some(keep);
                }
                break;
            }
            if has_ended {
                return None;
            }
        }
    }
    panic!("no run was killed in time at file {n_new}");
}

/// Kills runs at every file they write from number `first` on; whoever goes on afterwards must come to the same as `clean`. Returns how many were
/// killed.
fn survives_at_every_file(
    from: &Keep,
    clean: &Keep,
    path: &Path,
    first: usize,
    answers: impl Fn(&Keep) -> Vec<String>,
) -> usize {
    let expected = answers(clean);
    assert!(expected.iter().all(|answer| !answer.is_empty()), "{expected:?}");
    for n_new in first.. {
        let Some(killed) = killed_at_file(from, path, n_new) else { return n_new - first };
        killed.index(path);
        assert_eq!(answers(&killed), expected, "killed at file {n_new}");
        assert!(!killed.must(&["index", "verify"]).contains("damaged"), "killed at file {n_new}");
        assert_eq!(n_files(&killed), n_files(clean), "something is left over of a kill at file {n_new}");
    }
    unreachable!("a run writes so many files")
}

#[test]
fn a_history_that_was_killed_anywhere_is_built_as_if_nothing_had_been() {
    let world = GitWorld::new();
    long_history(&world);
    let (nothing, clean) = (Keep::new(), Keep::new());
    std::fs::create_dir(nothing.data()).unwrap();
    clean.index(&world.path());
    let n_killed = survives_at_every_file(&nothing, &clean, &world.path(), 3, |keep| {
        ["type:commit fix count:all", "type:diff \"beta 17\" count:all"]
            .iter()
            .map(|query| lines_of(keep, query))
            .collect()
    });
    // After the index (a segment and its refs) come the commits in three files, and their changes in three more.
    assert!(n_killed >= 6, "{n_killed} were killed");
}

#[test]
fn segments_whose_joining_was_killed_anywhere_are_joined() {
    let world = GitWorld::new();
    let repo = world.repo("pushed");
    let before = Keep::new();
    for push in 0..N_PUSHES {
        if push > 0 {
            before.index(&world.path());
        }
        let (path, text) = (format!("file{push}.txt"), format!("needle {push}\nand more\n"));
        repo.commit_files("main", &[(path.as_str(), text.as_bytes())]);
        repo.git(&["tag", &format!("v{push}"), "main"]);
    }
    let clean = before.copy();
    clean.index(&world.path());
    assert!(n_segments(&before) >= N_PUSHES - 1 && n_segments(&clean) == 1, "the last push joins them");
    let n_killed = survives_at_every_file(&before, &clean, &world.path(), 1, |keep| {
        let queries = ["rev:* needle count:all", "rev:v3 more count:all"];
        let mut answers: Vec<String> = queries.iter().map(|query| lines_of(keep, query)).collect();
        answers.push(n_segments(keep).to_string());
        answers
    });
    // What the push writes (a segment and its refs), and what joining does (the same).
    assert!(n_killed >= 4, "{n_killed} were killed");
}

/// Kills a server that writes an export when its file is so long, starts it again, and returns the file.
fn export_killed_at(keep: &Keep, token: &str, sizes: &[u64]) -> Vec<u8> {
    let mut server = Running::start(keep, &["serve"]);
    let (status, made) = server.post("api/v1/exports", token, "{\"query\": \"line\", \"format\": \"jsonl\"}");
    assert_eq!(status, 201, "{made}");
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let id = made["id"].as_str().unwrap().to_owned();
    let path = keep.data().join("exports").join(format!("{id}.jsonl"));
    let size = || std::fs::metadata(&path).map_or(0, |file| file.len());
    for at in sizes {
        while size() < *at {
            assert!(!server.get(&format!("api/v1/exports/{id}"), token).1.contains("\"failed\""));
        }
        server.kill();
        server = Running::start(keep, &["serve"]);
    }
    loop {
        let (status, export) = server.get(&format!("api/v1/exports/{id}"), token);
        assert_eq!(status, 200, "{export}");
        let export: serde_json::Value = serde_json::from_str(&export).unwrap();
        match export["state"].as_str().unwrap() {
            "queued" | "running" => {}
            state => {
                assert_eq!((state, export["complete"].as_bool()), ("done", Some(true)), "{export}");
                break;
            }
        }
    }
    let (status, file) = server.get(&format!("api/v1/exports/{id}/file"), token);
    assert_eq!(status, 200);
    file.into_bytes()
}

#[test]
fn an_export_whose_server_was_killed_is_the_file_of_one_that_was_not() {
    let world = world();
    let keep = Keep::new();
    keep.index(&world.path());
    let create = "printf 'violet tram humming' | \"$@\" user create ada --admin --password-stdin";
    assert_eq!(finish(&mut keep.shell(create)).code, 0);
    let token = keep
        .must(&["token", "create", "--user", "ada", "--verbs", "read,write", "--quiet"])
        .trim()
        .to_string();
    let whole = export_killed_at(&keep, &token, &[]);
    let lines = whole.split(|byte| *byte == b'\n').count();
    assert!(lines > 300, "{lines}");
    let size = whole.len() as u64;
    let killed = export_killed_at(&keep, &token, &[1, size / 3, size * 2 / 3]);
    assert!(killed == whole, "{} bytes instead of {size}", killed.len());
}
