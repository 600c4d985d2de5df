//! No room: the old index keeps serving and its job is tried again, and what cannot be recorded is neither shown nor done.
//! And no file handles: what is there keeps being served.

use crate::keep::{Keep, finish};
use crate::serving::Running;
use serde_json::Value;
use testkit::git::GitWorld;

/// Text that does not compress: hexadecimal digits of a linear congruential generator.
fn noise(n_lines: usize) -> String {
    let mut state = 42u64;
    let mut text = String::new();
    for _ in 0..n_lines {
        for _ in 0..4 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(&format!("{state:016x}"));
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_old_index_serves_until_there_is_room() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    repo.commit_files("main", &[("one.txt", b"alpha\n")]);
    let keep = Keep::new();
    keep.index(&world.path());
    let row_folder = keep.data().join("index/1");
    let count_files = || std::fs::read_dir(&row_folder).unwrap().count();
    let n_files = count_files();
    repo.commit_files("main", &[("one.txt", b"alpha again\n"), ("noise.txt", noise(60_000).as_bytes())]);
    // Files end at 1.5 MiB, as they do where a quota is reached: the database has room, the new segment needs more.
    let path = world.path();
    let line = format!("trap '' XFSZ; ulimit -f 3072; exec \"$@\" up --once '{}'", path.display());
    let ran = finish(&mut keep.shell(&line));
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("no space is left for the index"), "{}", ran.stderr);
    assert_eq!(keep.run(&["search", "alpha"]).stdout, "a/one.txt:1:alpha\n");
    assert!(keep.must(&["repo", "status", "a"]).contains("the old index keeps serving"));
    assert_eq!(count_files(), n_files, "nothing half written is left");
    keep.index(&world.path());
    assert_eq!(keep.must(&["search", "alpha"]), "a/one.txt:1:alpha again\n");
}

/// A server under a limit of the shell's, with ada's token for everything; she reads `a`.
fn serving(keep: &Keep, limit: &str) -> (Running, String) {
    let world = GitWorld::new();
    world.repo("a").commit_files("main", &[("one.txt", b"alpha and only alpha\n")]);
    let create = "printf 'violet tram humming\\n' | \"$@\" user create ada --admin --password-stdin";
    assert_eq!(finish(&mut keep.shell(create)).code, 0);
    keep.index(&world.path());
    let create = ["token", "create", "--user", "ada", "--verbs", "read,write", "--quiet"];
    let token = keep.must(&create).trim().to_owned();
    let line = format!("{limit}; exec \"$@\" serve --listen 127.0.0.1:0");
    (Running::of(&mut keep.shell(&line)), token)
}

/// Threats S: full disk. The audit log cannot grow any more: nothing is shown, nothing is done, and what was shown before is
/// in the log.
#[test]
fn what_the_disk_has_no_room_to_record_is_not_shown() {
    let keep = Keep::new();
    // Files end at 3 MiB, the database's log of changes among them.
    let (server, token) = serving(&keep, "trap '' XFSZ; ulimit -f 6144");
    let mut n_shown = 0;
    let refused = loop {
        let (status, body) = server.get(&format!("api/v1/search?q=alpha+{n_shown}+OR+alpha"), &token);
        if status != 200 {
            break (status, body);
        }
        assert!(body.contains("only alpha"), "{body}");
        n_shown += 1;
        assert!(n_shown < 20_000, "the disk does not fill up");
    };
    assert_eq!(refused.0, 500);
    assert!(!refused.1.contains("only alpha"), "{}", refused.1);
    assert!(n_shown > 0);
    let wanted = r#"{"query":"alpha","format":"csv"}"#;
    let (status, body) = server.post("api/v1/exports", &token, wanted);
    assert_eq!(status, 500, "{body}");
    drop(server);
    let report: Value = serde_json::from_str(&keep.must(&["verify", "audit", "--json"])).unwrap();
    assert_eq!(report["intact"], true, "{report}");
    assert!(report["entries"].as_u64().unwrap() >= n_shown, "{report}, and {n_shown} were shown");
    // There is room again.
    let server = Running::start(&keep, &["serve"]);
    assert_eq!(server.get("api/v1/search?q=alpha", &token).0, 200);
    assert!(server.get("api/v1/exports", &token).1.contains("[]"), "none was made");
}

/// Threats S: no file handles. Connections that cannot be taken wait; when there are handles again, all is as it was.
#[test]
#[allow(clippy::disallowed_methods, reason = "a client of the server under test")]
fn without_file_handles_nothing_ends() {
    let keep = Keep::new();
    let (server, token) = serving(&keep, "ulimit -n 64");
    assert_eq!(server.get("api/v1/search?q=alpha", &token).0, 200);
    let address = server.address();
    let held: Vec<_> = (0..100).map_while(|_| std::net::TcpStream::connect(&address).ok()).collect();
    assert!(held.len() > 64, "more than the server has handles for");
    drop(held);
    let (status, body) = server.get("api/v1/search?q=alpha", &token);
    assert!(status == 200 && body.contains("only alpha"), "{status} {body}");
}
