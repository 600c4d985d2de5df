//! What leaves is what the ledger says, seen by whoever is at the other end; and behind the air gap nothing does.

use crate::keep::{Keep, Ran};
use crate::serving::Running;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use testkit::git::GitWorld;

/// What came and went on one connection, seen from the other end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    n_came: u64,
    n_went: u64,
    digest: String,
}

/// A server of git's own protocol that notes each byte.
struct Capture {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Capture {
    fn start(base: &std::path::Path) -> Capture {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let (base, noted) = (base.to_owned(), Arc::clone(&seen));
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let (base, noted) = (base.clone(), Arc::clone(&noted));
                std::thread::spawn(move || noted.lock().unwrap().push(serve(stream, &base)));
            }
        });
        Capture { address, seen }
    }

    fn url(&self, name: &str) -> String {
        format!("git://{}/{name}", self.address)
    }

    /// In no order.
    fn seen(&self) -> Vec<Seen> {
        let mut seen = self.seen.lock().unwrap().clone();
        seen.sort();
        seen
    }
}

fn serve(stream: TcpStream, base: &std::path::Path) -> Seen {
    let mut daemon = Command::new("git")
        .args(["daemon", "--inetd", "--export-all"])
        .arg(format!("--base-path={}", base.display()))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .args(["--", base.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, mut output) = (daemon.stdin.take().unwrap(), daemon.stdout.take().unwrap());
    let (mut from, mut to) = (stream.try_clone().unwrap(), stream);
    let coming = std::thread::spawn(move || {
        let mut digest = Sha256::new();
        let n_came = pump(&mut from, &mut |bytes| {
            digest.update(bytes);
            input.write_all(bytes).and_then(|()| input.flush()).is_ok()
        });
        (n_came, digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    });
    let n_went = pump(&mut output, &mut |bytes| to.write_all(bytes).is_ok());
    let _ = to.shutdown(Shutdown::Write);
    let (n_came, digest) = coming.join().unwrap();
    let _ = daemon.wait();
    Seen { n_came, n_went, digest }
}

fn pump(from: &mut impl Read, to: &mut dyn FnMut(&[u8]) -> bool) -> u64 {
    let (mut buffer, mut n_bytes) = ([0; 4096], 0);
    loop {
        match from.read(&mut buffer) {
            Ok(0) | Err(_) => return n_bytes,
            Ok(n) => {
                n_bytes += n as u64;
                if !to(&buffer[..n]) {
                    return n_bytes;
                }
            }
        }
    }
}

fn entries(keep: &Keep) -> Vec<Value> {
    let ran = keep.run(&["egress", "--json", "--limit", "1000"]);
    assert!(matches!(ran.code, 0 | 1), "{ran:?}");
    serde_json::from_str::<Value>(&ran.stdout).unwrap().as_array().unwrap().clone()
}

/// What the ledger says of the same connections.
fn told(entries: &[Value]) -> Vec<Seen> {
    let number = |entry: &Value, key: &str| entry[key].as_u64().unwrap();
    let mut told: Vec<Seen> = entries
        .iter()
        .map(|entry| Seen {
            n_came: number(entry, "sent_bytes"),
            n_went: number(entry, "received_bytes"),
            digest: entry["sha256_of_sent"].as_str().unwrap().to_owned(),
        })
        .collect();
    told.sort();
    told
}

/// Looks again for half a minute at most; whoever calls asserts what was waited for.
fn wait_until(is_so: impl Fn() -> bool) {
    for _ in 0..600 {
        if is_so() {
            return;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
}

fn world() -> GitWorld {
    let world = GitWorld::new();
    world.bare("app.git").commit_files("main", &[("main.rs", b"fn main() {}\n")]);
    world
}

fn verified(keep: &Keep) -> (i32, Value) {
    let Ran { code, stdout, .. } = keep.run(&["verify", "egress", "--json"]);
    (code, serde_json::from_str(&stdout).unwrap())
}

#[test]
fn the_ledger_is_what_the_other_end_saw() {
    let (keep, world) = (Keep::new(), world());
    let capture = Capture::start(&world.path());
    let ran = keep.run(&["up", "--once", &capture.url("app.git")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let entries = entries(&keep);
    // The other end notes a connection once its own program is gone.
    wait_until(|| capture.seen().len() >= entries.len());
    assert_eq!(told(&entries), capture.seen(), "every byte of every connection, and nothing else");
    assert!(entries.len() >= 2, "asking and fetching: {entries:?}");
    for entry in &entries {
        assert_eq!((&entry["purpose"], &entry["outcome"]), (&"git fetch".into(), &"closed".into()));
        assert_eq!(entry["host"], capture.address.ip().to_string());
        assert!(entry["initiator"].as_str().unwrap().ends_with(&capture.url("app.git")), "{entry}");
        assert!(entry["code"].as_str().unwrap().starts_with("crates/git/src/"), "{entry}");
    }
    let (code, report) = verified(&keep);
    assert_eq!((code, &report["intact"], &report["open"]), (0, &true.into(), &0.into()));
    assert_eq!(report["connections"], entries.len());
    assert_eq!(report["checkpoints_that_agree"], 1, "the note beside the database is the newest");
    // A checkpoint that was kept is compared; one of another server is refused; no checkpoint is an error of the call.
    let kept = keep.data().join("kept");
    std::fs::write(&kept, report["checkpoint"].as_str().unwrap()).unwrap();
    keep.must(&["verify", "egress", "--against", kept.to_str().unwrap()]);
    std::fs::write(&kept, "something else").unwrap();
    assert_eq!(keep.run(&["verify", "egress", "--against", kept.to_str().unwrap()]).code, 3);
    assert_eq!(keep.run(&["verify", "egress", "--against", "/nowhere"]).code, 2);
    let table = keep.must(&["egress"]);
    assert!(table.contains("git fetch") && table.contains(&capture.address.to_string()), "{table}");
}

#[test]
fn rules_keep_git_from_hosts() {
    let (keep, world) = (Keep::new(), world());
    let capture = Capture::start(&world.path());
    std::fs::create_dir_all(keep.data()).unwrap();
    std::fs::write(
        keep.data().join("config.toml"),
        "[egress.purposes.git-fetch]\nallow = [\"*.example.org\"]\n",
    )
    .unwrap();
    let ran = keep.run(&["up", "--once", &capture.url("app.git")]);
    assert_ne!(ran.code, 0);
    assert!(
        ran.stderr.contains("the rule of egress for the purpose 'git fetch' does not name it"),
        "{ran:?}"
    );
    assert!(capture.seen().is_empty());
    assert_eq!(entries(&keep)[0]["outcome"], "refused");
    std::fs::write(keep.data().join("config.toml"), "[egress]\nmode = \"shut\"\n").unwrap();
    let ran = keep.run(&["egress"]);
    assert!(ran.code == 2 && ran.stderr.contains("air-gapped"), "{ran:?}");
}

#[test]
fn behind_the_air_gap_everything_local_works_and_nothing_leaves() {
    let (keep, world) = (Keep::new(), world());
    let capture = Capture::start(&world.path());
    keep.index(&world.path().join("app.git"));
    keep.must(&["repo", "add", &capture.url("app.git"), "--name", "remote/app"]);
    let mut command = keep.command();
    let server = Running::of(command.env("SOURCEKEEP_EGRESS_MODE", "air-gapped").args([
        "serve",
        "--listen",
        "127.0.0.1:0",
    ]));
    let (status, _) = server.get("healthz", "none");
    assert_eq!(status, 200);
    // On every thread, and it cannot be undone.
    let threads = std::fs::read_dir(format!("/proc/{}/task", server.id())).unwrap();
    let mut n_threads = 0;
    for thread in threads {
        let Ok(status) = std::fs::read_to_string(thread.unwrap().path().join("status")) else { continue };
        assert!(status.contains("\nSeccomp:\t2\n") && status.contains("\nNoNewPrivs:\t1\n"), "{status}");
        n_threads += 1;
    }
    assert!(n_threads > 1);
    // The worker wants to fetch the remote, and may not.
    let refused = || {
        let all = entries(&keep);
        all.iter().any(|entry| entry["outcome"] == "refused" && entry["purpose"] == "git fetch")
    };
    wait_until(refused);
    assert!(refused(), "{:?}", entries(&keep));
    assert!(capture.seen().is_empty());
    assert!(entries(&keep).iter().all(|entry| entry["outcome"] == "refused"));
    let found = keep.must(&["search", "--json", "fn main"]);
    assert!(found.contains("main.rs"), "{found}");
    drop(server);
    let postgres = keep.data().join("config.toml");
    std::fs::write(&postgres, "[database]\nurl = \"env:DB\"\n").unwrap();
    let mut command = keep.command();
    command
        .env("DB", "postgres://a@192.0.2.1/keep")
        .env("SOURCEKEEP_EGRESS_MODE", "air-gapped")
        .arg("egress");
    let ran = crate::keep::finish(&mut command);
    assert!(ran.code == 2 && ran.stderr.contains("Unix socket"), "{ran:?}");
}
