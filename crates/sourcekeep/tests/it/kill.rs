//! kill -9 at any moment: the next run gives the answers of a clean one.

use crate::keep::Keep;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};
use testkit::git::GitWorld;

/// Kills at moments spread over a whole run; more would only take longer.
const N_KILLS: u32 = 8;

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
    let folders = std::fs::read_dir(keep.data().join("index")).unwrap();
    folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
}
