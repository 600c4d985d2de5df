//! `verify permissions`: against a live server with code hosts of every kind, and against one that lies.

use crate::keep::{Keep, finish};
use crate::serving::Running;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use testkit::code_host::{BadDay, HostWorld, StubHost, StubKind, TOKEN, Visibility};
use testkit::git::GitWorld;
use testkit::gitolite::GitoliteServer;
use verify::permissions::coverage;

const STUBS: [(&str, StubKind); 7] = [
    ("github", StubKind::GitHub),
    ("gitlab", StubKind::GitLab),
    ("gitea", StubKind::Gitea),
    ("bitbucket-cloud", StubKind::BitbucketCloud),
    ("bitbucket-data-center", StubKind::BitbucketServer),
    ("gerrit", StubKind::Gerrit),
    ("azure-devops", StubKind::AzureDevOps),
];

fn account_at(kind: &str, number: u64) -> String {
    match kind {
        "bitbucket-cloud" => format!("{{00000000-0000-4000-8000-{number:012}}}"),
        "azure-devops" => format!("10000000-0000-4000-8000-{number:012}"),
        _ => number.to_string(),
    }
}

fn people(keep: &Keep) {
    for (name, role) in [("ada", "--admin"), ("alice", ""), ("bob", ""), ("carol", "")] {
        let line = format!(
            "printf 'violet tram humming {name}' | \"$@\" user create {name} {role} --password-stdin"
        );
        assert_eq!(finish(&mut keep.shell(&line)).code, 0);
    }
}

/// The report, and how the command ended.
fn prove(keep: &Keep, url: &str, people: &str) -> (i32, Value) {
    let ran = keep.run(&["verify", "permissions", "--json", "--url", url, "--people", people]);
    let report = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    (ran.code, report)
}

/// By id: how each claim came out, and what was found.
fn claims(report: &Value) -> BTreeMap<String, (String, Value)> {
    let parts = report["parts"].as_array().unwrap().iter();
    let checks = parts.flat_map(|part| part["checks"].as_array().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    checks.map(|check| (text(&check["id"]), (text(&check["verdict"]), check["findings"].clone()))).collect()
}

#[test]
fn every_route_is_asked_or_excused() {
    let forgotten: Vec<_> = server::Server::routes()
        .iter()
        .map(|route| route.path)
        .filter(|path| coverage(path).is_none())
        .collect();
    assert!(forgotten.is_empty(), "say in verify's doors.rs what the proof does with {forgotten:?}");
}

#[test]
fn permissions_are_proved_with_code_hosts_of_every_kind() {
    let keep = Keep::new();
    people(&keep);
    let folder = GitWorld::new();
    folder.bare("team/one.git").commit_files("main", &[("one.txt", b"alpha\n")]);
    let lite = GitoliteServer::new("repo one\n    RW = alice\n    R = bob\nrepo deep/two\n    R = alice\n");
    keep.must(&["host", "add", "directory", folder.path().to_str().unwrap(), "--name", "folder"]);
    keep.must(&["host", "add", "gitolite", lite.home().to_str().unwrap(), "--name", "lite"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let token = keep.data().join("stub-token");
    std::fs::write(&token, TOKEN).unwrap();
    let token = format!("file:{}", token.display());
    let stubs: Vec<StubHost> = STUBS
        .iter()
        .map(|(kind, stub)| {
            let readers: &[(&str, &[u64])] =
                &[("org/one", &[1, 2]), ("org/two", &[2]), ("org/none", &[]), ("org/open", &[])];
            let mut world = HostWorld::of(&["alice", "bob", "carol"], readers);
            world.repository("org/open").visibility = Visibility::Public;
            let stub = runtime.block_on(StubHost::start(*stub, world));
            let url = stub.url();
            let mut command = vec![
                "host",
                "add",
                kind,
                &url,
                "--token",
                &token,
                "--network",
                "127.0.0.0/8",
                "--name",
                kind,
            ];
            match *kind {
                "gerrit" => command.extend(["--account", "admin"]),
                "bitbucket-cloud" => command.extend(["--workspace", "acme"]),
                _ => {}
            }
            keep.must(&command);
            stub
        })
        .collect();
    for (kind, _) in STUBS {
        for (name, number) in [("alice", 1), ("bob", 2), ("carol", 3)] {
            keep.must(&["host", "link", kind, name, &account_at(kind, number), "--login", name]);
        }
    }
    // Whoever links learns what to write where a host has no list to choose from.
    let ran = keep.run(&["host", "accounts", "lite"]);
    assert!(ran.stderr.contains("identifier is the user's name in gitolite's rules"), "{ran:?}");
    for name in ["alice", "bob"] {
        let ran = keep.run(&["host", "link", "lite", name, name, "--login", name]);
        assert!(ran.stderr.contains("Linked"), "{ran:?}");
    }
    let server = Running::start(&keep, &["serve"]);
    let (code, report) = prove(&keep, server.url(), "10");
    let open: Vec<_> = claims(&report).into_iter().filter(|(_, (verdict, _))| verdict != "held").collect();
    assert!(open.is_empty() && code == 0, "{open:#?}");
    assert_eq!(report["verdict"], "held");
    let hosts = claims(&report).keys().filter(|id| id.ends_with(".compared")).count();
    assert_eq!(hosts, 2 + STUBS.len());
    // It was about something: alice sees what she may at each host.
    let seen = keep.must(&["access", "what", "alice"]);
    let n_ones = seen.lines().filter(|line| line.contains("org/one") || line.contains("org-one")).count();
    assert_eq!(n_ones, STUBS.len(), "{seen}");
    assert!(!seen.contains("org/two") && !seen.contains("org/none"), "{seen}");
    assert!(seen.contains("lite/deep/two") && seen.contains("stated by code host lite"), "{seen}");

    // A host that cannot be asked leaves its claims open, and the command says so.
    stubs[1].order(BadDay::Refused);
    let ran = keep.run(&[
        "verify",
        "permissions",
        "--url",
        server.url(),
        "--people",
        "2",
        "--report",
        "report.html",
    ]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(
        ran.stdout.contains("not proven  gitlab (gitlab) was compared") && ran.stdout.contains("0 failed"),
        "{}",
        ran.stdout
    );
    let page = std::fs::read_to_string(keep.data().parent().unwrap().join("report.html")).unwrap();
    assert!(page.contains("Permissions: <span class=\"verdict not-proven\">") && !page.contains("<script"));

    // Nothing is left behind but accounts that are shut, and the log knows of it.
    assert!(!keep.must(&["repo", "list"]).contains("sourcekeep-verification"));
    let shut = keep.must(&["user", "list"]);
    assert_eq!(
        shut.lines().filter(|line| line.starts_with("verify-") && line.contains("disabled")).count(),
        3,
        "{shut}"
    );
    assert!(!keep.data().join("verify").exists());
    keep.must(&["verify", "audit"]);
}

#[test]
fn without_a_server_nothing_is_proved() {
    let keep = Keep::new();
    people(&keep);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = keep.run(&["verify", "permissions", "--url", &format!("http://{free}")]);
    assert_eq!(ran.code, 3);
    assert!(
        ran.stderr.contains("no server answers") && ran.stderr.contains("sourcekeep serve"),
        "{}",
        ran.stderr
    );
    assert_eq!(keep.run(&["verify", "permissions", "--url", "nowhere"]).code, 2);
    let ran = keep.run(&["verify", "permissions", "--report", "no/such/folder/report.html"]);
    assert!(
        ran.code == 3 && ran.stderr.contains("cannot write the report"),
        "before anything is asked: {ran:?}"
    );
}

/// What a server could get wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    /// Answers are kept by address alone.
    CacheWithoutUser,
    /// Answers are kept for ever, for whom they were made.
    CacheForEver,
    /// What is there and may not be seen is forbidden rather than not found.
    Forbidden,
}

/// Passes everything on to a server, and lies.
fn lie(server: &str, lie: Lie) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = server.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let kept: Arc<Mutex<HashMap<String, Vec<u8>>>> = Arc::default();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(stream), server, kept) = (stream, server.clone(), Arc::clone(&kept)) else { continue };
            std::thread::spawn(move || pass_on(stream, &server, &kept, lie));
        }
    });
    url
}

fn pass_on(mut from: TcpStream, server: &str, kept: &Mutex<HashMap<String, Vec<u8>>>, lie: Lie) {
    let request = request_of(&mut from);
    let text = String::from_utf8_lossy(&request).into_owned();
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return };
    let line = head.lines().next().unwrap_or_default().to_owned();
    let token =
        head.lines().find(|line| line.to_ascii_lowercase().starts_with("authorization:")).unwrap_or_default();
    let key = match lie {
        Lie::CacheForEver => format!("{line} {token}"),
        _ => line.clone(),
    };
    let known = kept.lock().unwrap().get(&key).cloned();
    let mut answer = match &known {
        Some(known) if lie != Lie::Forbidden => known.clone(),
        _ => ask(server, &request),
    };
    let is_ok = answer.starts_with(b"HTTP/1.1 200");
    if line.starts_with("GET /api/v1/repos/") && is_ok && !token.is_empty() {
        kept.lock().unwrap().insert(key, answer.clone());
    }
    if lie == Lie::Forbidden && known.is_some() && answer.starts_with(b"HTTP/1.1 404 Not Found") {
        answer.splice(..22, *b"HTTP/1.1 403 Forbidden");
    }
    let _ = from.write_all(&answer);
}

/// One request, to be answered with the end of the connection.
fn request_of(from: &mut TcpStream) -> Vec<u8> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some(end) = text.find("\r\n\r\n") {
            let length =
                text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            if bytes.len() >= end + 4 + length.unwrap_or(0) {
                let close = b"\r\nConnection: close".iter().copied();
                bytes.splice(end..end, close);
                return bytes;
            }
        }
        match from.read(&mut piece) {
            Ok(0) | Err(_) => return Vec::new(),
            Ok(n) => bytes.extend_from_slice(&piece[..n]),
        }
    }
}

fn ask(server: &str, request: &[u8]) -> Vec<u8> {
    let mut to = TcpStream::connect(server).unwrap();
    to.write_all(request).unwrap();
    let mut answer = Vec::new();
    to.read_to_end(&mut answer).unwrap();
    answer
}

/// A proof that finds nothing proves nothing, unless it finds what is there.
#[test]
fn a_server_that_lies_is_found_out() {
    let keep = Keep::new();
    people(&keep);
    let server = Running::start(&keep, &["serve"]);
    for (told, found) in [
        (Lie::CacheWithoutUser, &["planted.stranger", "planted.tokens", "planted.revoked"][..]),
        (Lie::CacheForEver, &["planted.revoked", "planted.old", "planted.shut"]),
        (Lie::Forbidden, &["planted.stranger", "planted.revoked"]),
    ] {
        let (code, report) = prove(&keep, &lie(server.url(), told), "0");
        let claims = claims(&report);
        assert_eq!((code, report["verdict"].as_str()), (3, Some("failed")), "{told:?}");
        for id in found {
            assert_eq!(claims[*id].0, "failed", "{told:?}, {id}: {claims:#?}");
        }
        assert_eq!(claims["planted.reader"].0, "held", "{told:?}");
    }
}
