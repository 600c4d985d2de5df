//! A hub and servers around it, as processes of one machine: registered, listed, published, fetched, carried over by hand;
//! and what is stolen, replayed or rolled back is refused.

use crate::keep::{Keep, Ran, finish};
use crate::serving::Running;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;

const ADVISORIES: &str = r#"{"advisories":[{"id":"GHSA-c3h9-896r-86jm","modified":"2026-05-17T10:00:00Z","summary":"It overflows.","affected":[{"package":{"ecosystem":"crates.io","name":"generator"}}]}]}"#;

/// A hub that serves.
struct Hub {
    keep: Keep,
    server: Running,
    key: String,
    token: String,
}

impl Hub {
    fn start() -> Hub {
        let keep = Keep::new();
        let mut server = Running::of(keep.command().args(["hub", "serve", "--listen", "127.0.0.1:0"]));
        let key = server.line().strip_prefix("The hub's key: ").unwrap().to_owned();
        assert!(server.line().contains("not shown again"));
        let token = server.line();
        Hub { keep, server, key, token }
    }

    fn publish(&self, feed: &str, text: &str) {
        let file = self.keep.data().join("feed.json");
        std::fs::write(&file, text).unwrap();
        self.keep.must(&["hub", "publish", feed, file.to_str().unwrap()]);
    }

    /// An instance that pinned this hub's key.
    fn instance(&self) -> Keep {
        instance(self.server.url(), &self.key)
    }
}

fn instance(url: &str, key: &str) -> Keep {
    let keep = Keep::new();
    std::fs::create_dir_all(keep.data()).unwrap();
    let config = format!("[hub]\nurl = \"{url}\"\nkey = \"{key}\"\nnetworks = [\"127.0.0.0/8\"]\n");
    std::fs::write(keep.data().join("config.toml"), config).unwrap();
    keep
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// What would be sent, and its digest.
fn preview(keep: &Keep, arguments: &[&str]) -> (String, String) {
    let ran = keep.run(&[&["registration", "--json"], arguments].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let shown = json(&ran);
    (shown["body"].as_str().unwrap().to_owned(), shown["sha256"].as_str().unwrap().to_owned())
}

fn post(hub: &Hub, path: &str, content_type: &str, body: &str) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = format!("{}{path}", hub.server.url());
    let mut response = agent.post(url).content_type(content_type).send(body).unwrap();
    (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
}

fn numbers(keep: &Keep) -> Vec<(String, i64)> {
    let ran = keep.run(&["feed", "show", "--json"]);
    assert!(matches!(ran.code, 0 | 1), "{ran:?}");
    let feeds = json(&ran);
    let of = |feed: &Value| (feed["feed"].as_str().unwrap().to_owned(), feed["sequence"].as_i64().unwrap());
    feeds.as_array().unwrap().iter().map(of).collect()
}

#[test]
fn a_server_makes_itself_known_and_is_forgotten() {
    let hub = Hub::start();
    let keep = hub.instance();
    let words = ["preview", "--name", "Code of the Example Works", "--contact", "ops@example.org"];
    let (body, digest) = preview(&keep, &words);
    assert!(body.contains("\nname: Code of the Example Works\ncontact: ops@example.org\n"), "{body}");
    assert_eq!(hub.keep.run(&["hub", "servers"]).code, 1, "a preview registers nothing");
    // Another digest than the one shown sends nothing.
    let other = digest.chars().rev().collect::<String>();
    assert_eq!(keep.run(&["registration", "send", "--approve", &other]).code, 2);
    keep.must(&["registration", "send", "--approve", &digest]);
    assert_eq!(keep.run(&["registration", "send", "--approve", &digest]).code, 2, "it is sent once");

    let (status, page) = hub.server.get("servers", &hub.token);
    assert!(status == 200 && page.contains("Code of the Example Works") && page.contains("ops@example.org"));
    for token in ["", "skh_0", "none"] {
        let (status, page) = hub.server.get("servers", token);
        assert!(status == 401 && !page.contains("Example"), "{page}");
    }
    // The receipt is kept, the connections are in the ledger, and the id is the one that the server tells.
    let sent = json(&keep.run(&["registration", "show", "--json"]));
    assert_eq!((&sent[0]["state"], &sent[0]["body"]), (&"taken".into(), &body.clone().into()));
    let receipt = sent[0]["answer"].as_str().unwrap().to_owned();
    assert!(receipt.starts_with("sourcekeep-hub-receipt-v1\n") && receipt.contains(&digest), "{receipt}");
    let left = json(&keep.run(&["egress", "--json"]));
    let left = left.as_array().unwrap();
    assert!(left.len() == 2 && left.iter().all(|entry| entry["purpose"] == "registration"), "{left:?}");
    let server = Running::start(&keep, &["serve"]);
    let (status, told) = server.get(".well-known/sourcekeep", "none");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((status, told.as_object().unwrap().len()), (200, 3), "{told}");
    assert!(receipt.contains(told["key_id"].as_str().unwrap()), "{told}");
    assert!(body.contains(told["public_key"].as_str().unwrap()));
    drop(server);

    // What was sent once is worth nothing to whoever saw it.
    let (status, said) = post(&hub, "hub/v1/registration", "text/plain", &body);
    assert!(status == 409 && said.contains("used before"), "{status} {said}");
    let changed = body.replace("Example Works", "Evil Works");
    let (status, said) = post(&hub, "hub/v1/registration", "text/plain", &changed);
    assert!(status == 403 && said.contains("not signed by the key"), "{status} {said}");
    let (status, _) = post(&hub, "hub/v1/registration", "text/plain", &"x".repeat(16 << 10));
    assert_eq!(status, 413);
    // Another server cannot have the name.
    let thief = hub.instance();
    let (_, digest) = preview(&thief, &["preview", "--name", "code of the example works"]);
    let ran = thief.run(&["registration", "send", "--approve", &digest]);
    assert!(ran.code == 3 && ran.stderr.contains("another server has this name"), "{ran:?}");
    // Nor can what is for one hub be used at another.
    let elsewhere = Hub::start();
    let (body, digest) = preview(&keep, &["preview", "--name", "Renamed"]);
    let (status, said) = post(&elsewhere, "hub/v1/registration", "text/plain", &body);
    assert!(status == 403 && said.contains("not signed by this hub"), "{status} {said}");
    keep.must(&["registration", "send", "--approve", &digest]);
    let listed = json(&hub.keep.run(&["hub", "servers", "--json"]));
    assert_eq!((&listed[0]["name"], &listed[0]["contact"]), (&"Renamed".into(), &Value::Null));
    // Forgotten, and not to be brought back by what was sent before.
    let (_, digest) = preview(&keep, &["withdraw"]);
    keep.must(&["registration", "send", "--approve", &digest]);
    assert_eq!(post(&hub, "hub/v1/registration", "text/plain", &body).0, 409);
    assert_eq!(hub.keep.run(&["hub", "servers"]).code, 1);
}

#[test]
fn feeds_are_fetched_or_carried_over_and_never_go_back() {
    let hub = Hub::start();
    let keep = hub.instance();
    assert_eq!(keep.run(&["feed", "update"]).code, 1, "nothing is published");
    hub.publish("advisories", ADVISORIES);
    let first = keep.run(&["feed", "update", "--json"]);
    assert_eq!((first.code, &json(&first)[0]["new"]), (0, &true.into()), "{first:?}");
    let before = hub.keep.copy();
    let bundle = |of: &Keep, name: &str| -> PathBuf {
        let path = of.data().join(name);
        of.must(&["hub", "bundle", "--out", path.to_str().unwrap()]);
        path
    };
    let older = bundle(&before, "older.bundle");
    let digest = "0".repeat(64);
    hub.publish("advisories", r#"{"advisories":[]}"#);
    hub.publish("releases", &format!(r#"{{"releases":[{{"version":"99.0.0","date":"2026-11-24","sha256":"{digest}","severity":"critical"}}]}}"#));
    let second = keep.run(&["feed", "update"]);
    assert!(second.stdout.contains("mends faults up to critical"), "{second:?}");
    assert_eq!(numbers(&keep), [("advisories".into(), 2), ("releases".into(), 1)]);
    let left = json(&keep.run(&["egress", "--json"])).to_string();
    assert!(
        left.contains("\"advisory feed\"")
            && left.contains("\"update check\"")
            && left.contains("\"rule feed\"")
    );

    // What the hub said before, said again: by hand, and by whoever has the hub's files of then.
    let back = keep.run(&["feed", "import", older.to_str().unwrap()]);
    assert!(back.code == 3 && back.stderr.contains("the advisories go back"), "{back:?}");
    let past = Running::of(before.command().args(["hub", "serve", "--listen", "127.0.0.1:0"]));
    let config = keep.data().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace(hub.server.url(), past.url())).unwrap();
    let back = keep.run(&["feed", "update"]);
    assert!(back.code == 3 && back.stderr.contains("the advisories go back"), "{back:?}");
    // Another hub, with another key.
    let other = Hub::start();
    other.publish("advisories", ADVISORIES);
    std::fs::write(&config, text.replace(hub.server.url(), other.server.url())).unwrap();
    let foreign = keep.run(&["feed", "update"]);
    assert!(foreign.code == 3 && foreign.stderr.contains("not signed by the hub's key"), "{foreign:?}");
    assert_eq!(numbers(&keep), [("advisories".into(), 2), ("releases".into(), 1)], "what was taken stays");

    // Behind the air gap nothing is asked, and the bundle is taken.
    let newest = bundle(&hub.keep, "newest.bundle");
    let apart = hub.instance();
    let shut = |arguments: &[&str]| {
        finish(apart.command().env("SOURCEKEEP_EGRESS_MODE", "air-gapped").args(arguments))
    };
    for arguments in [&["feed", "update"][..], &["registration", "preview", "--name", "Apart"]] {
        let refused = shut(arguments);
        assert!(refused.code == 3 && refused.stderr.contains("air-gapped"), "{refused:?}");
    }
    let mut changed = std::fs::read(&newest).unwrap();
    let at = changed.len() - 10;
    changed[at] ^= 1;
    let bent = apart.data().join("bent.bundle");
    std::fs::write(&bent, changed).unwrap();
    let refused = shut(&["feed", "import", bent.to_str().unwrap()]);
    assert!(refused.code == 3 && refused.stderr.contains("not the one that was signed"), "{refused:?}");
    assert_eq!(shut(&["feed", "import", newest.to_str().unwrap()]).code, 0);
    assert_eq!(numbers(&apart), [("advisories".into(), 2), ("releases".into(), 1)]);
    assert_eq!(shut(&["feed", "import", "/nowhere"]).code, 2);
}

#[test]
fn pings_are_counted_and_shown_together() {
    let hub = Hub::start();
    let week = week_now();
    let ping = |people: u32| format!(r#"{{"fields":{{"people":{people}}},"schema":1,"week":"{week}"}}"#);
    for n in 1..=5 {
        let (status, page) = hub.server.get("aggregates", "none");
        assert!(status == 200 && !page.contains(&week), "{n}: {page}");
        let (status, said) = post(&hub, "hub/v1/ping", "application/json", &ping(n));
        assert_eq!(status, 202, "{said}");
    }
    let (_, page) = hub.server.get("aggregates", "none");
    assert!(page.contains("people") && page.contains(&week) && page.contains("3.0"), "{page}");
    assert_eq!(post(&hub, "hub/v1/ping", "text/plain", &ping(1)).0, 415, "a page of another site cannot");
    for bad in ["", "{}", r#"{"fields":{"people":1},"schema":1,"week":"2001-W01"}"#, &"x".repeat(5_000)] {
        assert!(matches!(post(&hub, "hub/v1/ping", "application/json", bad).0, 400 | 413), "{bad}");
    }
    // Nothing of who asked is in the hub's files.
    let database = std::fs::read(hub.keep.data().join("sourcekeep.db")).unwrap();
    let log = std::fs::read(hub.keep.data().join("sourcekeep.db-wal")).unwrap_or_default();
    let holds = |needle: &[u8]| {
        [&database, &log].iter().any(|file| file.windows(needle.len()).any(|part| part == needle))
    };
    assert!(holds(week.as_bytes()) && !holds(b"127.0.0.1"));
}

/// The week in which this runs, by the system's own calendar.
fn week_now() -> String {
    let date = std::process::Command::new("date").args(["-u", "+%G-W%V"]).output().unwrap();
    String::from_utf8(date.stdout).unwrap().trim().to_owned()
}

#[test]
fn two_servers_ask_in_the_same_bytes() {
    let key = tlog::SigningKey::new("hub.example/hub", &[1; 32]).unwrap().verifying_key().to_text();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut asked, mut buffer) = (Vec::new(), [0; 4096]);
            while !asked.ends_with(b"\r\n\r\n") {
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(n) => asked.extend_from_slice(&buffer[..n]),
                }
            }
            let _ =
                stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            if send.send(asked).is_err() {
                return;
            }
        }
    });
    let mut heard = Vec::new();
    for name in ["one", "two"] {
        let keep = instance(&format!("http://{address}/"), &key);
        // They differ in what they are.
        let world = testkit::git::GitWorld::new();
        world.repo(name).commit_files("main", &[("a.txt", name.as_bytes())]);
        keep.index(&world.path());
        assert_eq!(keep.run(&["feed", "update"]).code, 1);
        assert_eq!(keep.run(&["registration", "preview", "--name", name]).code, 3);
        heard.push(receive.iter().take(4).collect::<Vec<Vec<u8>>>());
    }
    assert_eq!(heard[0], heard[1]);
    let text = String::from_utf8(heard[0].concat()).unwrap();
    for path in ["advisories.json.note", "releases.json.note", "rules.json.note", "hub/v1/challenge"] {
        assert!(text.contains(path), "{text}");
    }
    assert!(!text.contains(env!("CARGO_PKG_VERSION")) && !text.to_lowercase().contains("cookie"), "{text}");
}

#[test]
fn nothing_is_asked_without_a_hub() {
    let keep = Keep::new();
    for arguments in [
        &["feed", "update"][..],
        &["feed", "show"],
        &["registration", "preview", "--name", "a"],
        &["registration", "withdraw"],
    ] {
        let ran = keep.run(arguments);
        assert!(ran.code == 2 && ran.stderr.contains("no hub is configured"), "{ran:?}");
    }
    assert_eq!(keep.run(&["egress"]).code, 1, "nothing left");
    std::fs::write(keep.data().join("config.toml"), "[hub]\nurl = \"https://hub.example\"\n").unwrap();
    let ran = keep.run(&["feed", "update"]);
    assert!(ran.code == 2 && ran.stderr.contains("sourcekeep hub key"), "{ran:?}");
}
