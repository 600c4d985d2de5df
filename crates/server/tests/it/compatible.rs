//! The compatible interfaces, asked as their clients ask: each file of `testdata/compat` is one request, and what it is
//! answered is kept beside it. `{token}` stands for the caller's token.

use crate::world::{Answer, Secret, Who, World, run, shared};
use axum::body::Body;
use std::path::{Path, PathBuf};

/// A request as it goes over the wire.
struct Recorded {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

fn recorded() -> Vec<(String, Recorded)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/compat");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("requests").map(|entry| entry.expect("a request").path()).collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        (name, Recorded::parse(&std::fs::read_to_string(path).expect("a request")))
    };
    paths.iter().map(read).collect()
}

impl Recorded {
    fn parse(text: &str) -> Recorded {
        let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end(), ""));
        let mut lines = head.lines();
        let mut first = lines.next().expect("a request line").split(' ');
        let (method, target) = (first.next().expect("a method"), first.next().expect("a target"));
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{line}"));
            (name.to_ascii_lowercase(), value.to_owned())
        };
        Recorded {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: lines.map(header).collect(),
            body: body.trim_end_matches('\n').to_owned(),
        }
    }

    async fn send(&self, world: &World, token: &str) -> Answer {
        let with_token = |text: &str| text.replace("{token}", token);
        let headers: Vec<(&str, String)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), with_token(value))).collect();
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let body = Body::from(self.body.clone());
        world.ask(Who::Stranger, &self.method, &with_token(&self.target), &headers, body).await
    }
}

fn token_of(world: &World, who: Who) -> String {
    let (_, value) = world.credentials(who).expect("a token");
    value.strip_prefix("Bearer ").expect("a token").to_owned()
}

/// An answer without what differs between any two: times, and scores, which are another test's.
fn normal(answer: &Answer) -> String {
    let text = format!("{}\n{}\n\n{}", answer.status.as_u16(), answer.header("content-type"), answer.text());
    // The size of an index and the kinds of its sections are another test's too.
    let mut text = text.replace("\"HasSymbols\":true", "\"HasSymbols\":false");
    let fields = ["durationMs", "elapsedMilliseconds", "Duration", "Score", "IndexBytes"];
    for field in fields {
        let key = format!("\"{field}\":");
        let mut from = 0;
        while let Some(at) = text[from..].find(&key) {
            let start = from + at + key.len();
            let len = text[start..].find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(0);
            text.replace_range(start..start + len, "0");
            from = start;
        }
    }
    text
}

#[test]
fn clients_get_what_they_expect() {
    run(async {
        let world = shared();
        let token = token_of(&world, Who::BobsToken);
        for (name, request) in recorded() {
            let answer = request.send(&world, &token).await;
            insta::with_settings!({ snapshot_path => "snapshots/compat", prepend_module_to_snapshot => false }, {
                insta::assert_snapshot!(name, normal(&answer));
            });
        }
    });
}

#[test]
fn what_the_caller_may_not_read_changes_no_answer() {
    run(async {
        let with = World::new(Secret::Exists).await;
        let without = World::new(Secret::DoesNotExist).await;
        let tokens = (token_of(&with, Who::BobsToken), token_of(&without, Who::BobsToken));
        for (name, request) in recorded() {
            let one = request.send(&with, &tokens.0).await;
            let other = request.send(&without, &tokens.1).await;
            assert_eq!(normal(&one), normal(&other), "{name}");
            assert!(!one.text().contains("vault") || request.body.contains("vault"), "{name}");
            assert!(!one.text().contains("Zanzibar"), "{name}");
        }
    });
}

#[test]
fn only_tokens_open_these_doors() {
    run(async {
        let world = shared();
        let (_, cookie) = world.credentials(Who::Ada).expect("a cookie");
        let good = token_of(&world, Who::BobsToken);
        let sudo = format!("token-sudo user=\"ada\",token=\"{good}\"");
        for (name, request) in recorded() {
            if !request.target.contains(".api/")
                && request.target != "/mcp"
                && !request.target.starts_with("/api/")
            {
                continue;
            }
            for authorization in ["", "token sk_wrong", "Bearer", "Basic YTpi", sudo.as_str()] {
                let mut headers: Vec<(&str, &str)> = vec![("cookie", cookie.as_str())];
                if !authorization.is_empty() {
                    headers.push(("authorization", authorization));
                }
                let target = request.target.replace("&token={token}", "");
                let body = Body::from(request.body.clone());
                let answer = world.ask(Who::Stranger, &request.method, &target, &headers, body).await;
                assert_eq!(answer.status, 401, "{name} {authorization}");
                assert!(answer.text().contains("Invalid access token."), "{name}: {}", answer.text());
            }
        }
    });
}

#[test]
fn frames_of_the_stream_are_strict() {
    run(async {
        let world = shared();
        let headers = world.credentials(Who::BobsToken).expect("a token");
        let headers = [("authorization", headers.1.as_str())];
        for query in
            ["needle", "needle+count:all", "repo:odd+e", "nowhere_at_all", "fiel:x", "author:ada", "(", ""]
        {
            for more in ["", "&cm=t", "&cm=t&cl=0", "&display=1", "&display=0&cm=t", "&max-line-len=3&cm=t"] {
                let target = format!("/.api/search/stream?q={query}{more}");
                let answer = world.ask(Who::Stranger, "GET", &target, &headers, Body::empty()).await;
                let text = String::from_utf8(answer.body).expect("UTF-8");
                let frames: Vec<&str> = text.split_terminator("\n\n").collect();
                for frame in &frames {
                    let lines: Vec<&str> = frame.split('\n').collect();
                    assert_eq!(lines.len(), 2, "{target}: {frame}");
                    let name = lines[0].strip_prefix("event: ").expect("a name");
                    assert!(["filters", "matches", "progress", "alert", "error", "done"].contains(&name));
                    let json = lines[1].strip_prefix("data: ").expect("data");
                    serde_json::from_str::<serde_json::Value>(json).expect("JSON");
                }
                assert_eq!(frames.last(), Some(&"event: done\ndata: {}"), "{target}");
                assert!(text.ends_with("\n\n") && !text.contains('\r'), "{target}");
            }
        }
    });
}

#[test]
fn a_compressed_stream_and_a_compressed_question() {
    run(async {
        let world = shared();
        let token = format!("token {}", token_of(&world, Who::BobsToken));
        let headers = [("authorization", token.as_str()), ("accept-encoding", "gzip")];
        let target = "/.api/search/stream?q=needle&cm=t";
        let answer = world.ask(Who::Stranger, "GET", target, &headers, Body::empty()).await;
        assert_eq!(answer.header("content-encoding"), "gzip");
        let text = compat::gunzip(&answer.body, 1 << 20).expect("gzip");
        assert!(text.ends_with(b"event: done\ndata: {}\n\n"));
        let zipped = compat::gzip(br#"{"query":"{currentUser{username}}","variables":null}"#).expect("gzip");
        let headers = [
            ("authorization", token.as_str()),
            ("content-encoding", "gzip"),
            ("content-type", "application/json"),
        ];
        let answer = world.ask(Who::Stranger, "POST", "/.api/graphql", &headers, Body::from(zipped)).await;
        assert_eq!(answer.text(), r#"{"data":{"currentUser":{"username":"bob"}}}"#);
    });
}

#[test]
fn hostile_documents_are_refused() {
    run(async {
        let world = shared();
        let token = format!("token {}", token_of(&world, Who::BobsToken));
        let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
        let nested = format!(
            "{{repository(name:\"app\"){}{}}}",
            "{commit(rev:\"main\"){repository".repeat(40),
            "{name}".to_owned() + &"}}".repeat(40)
        );
        let aliases: String = (0..700).map(|n| format!("a{n}:currentUser{{username}}")).collect();
        let searches: String =
            (0..50).map(|n| format!("s{n}:search(query:\"needle\"){{results{{matchCount}}}}")).collect();
        let fragments = "query{...a} fragment a on Query{...b} fragment b on Query{...a}".to_owned();
        for document in [
            nested,
            format!("{{{aliases}}}"),
            format!("{{{searches}}}"),
            fragments,
            "{".repeat(5000),
            "{a".repeat(200_000),
            format!("{{a(b:{}", "[".repeat(400_000)),
        ] {
            let body = serde_json::json!({ "query": document }).to_string();
            let answer = world.ask(Who::Stranger, "POST", "/.api/graphql", &headers, Body::from(body)).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let errors = answer.json()["errors"].as_array().map_or(0, Vec::len);
            assert!(errors > 0, "{}", answer.text());
        }
        for body in ["", "[]", "{", "{\"query\":7}"] {
            let answer = world.ask(Who::Stranger, "POST", "/.api/graphql", &headers, Body::from(body)).await;
            assert_eq!(answer.status, 400, "{body}");
        }
        let large = "x".repeat(2 << 20);
        for target in ["/.api/graphql", "/api/search", "/api/list", "/mcp"] {
            let answer = world.ask(Who::Stranger, "POST", target, &headers, Body::from(large.clone())).await;
            assert!(answer.status.is_client_error(), "{target}: {}", answer.status);
        }
    });
}

#[test]
fn pages_of_other_sites_cannot_use_the_agents_door() {
    run(async {
        let world = shared();
        let token = format!("Bearer {}", token_of(&world, Who::BobsToken));
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
        let ask = async |origin: &str| {
            let headers = [
                ("authorization", token.as_str()),
                ("content-type", "application/json"),
                ("accept", "application/json, text/event-stream"),
                ("origin", origin),
            ];
            world.ask(Who::Stranger, "POST", "/mcp", &headers, Body::from(body)).await.status.as_u16()
        };
        assert_eq!(ask("https://evil.example").await, 403);
        assert_eq!(ask("null").await, 403);
        assert_eq!(ask("http://127.0.0.1:7080").await, 200);
    });
}

#[test]
fn the_addresses_of_other_servers_lead_to_our_pages() {
    run(async {
        for (theirs, ours) in [
            ("/github.com/o/n@v1/-/blob/a%20b/c.rs?L3:1-4:2", "/r/github.com/o/n@v1/-/blob/a%20b/c.rs#L3"),
            ("/app/-/blob/src/main.rs?L12", "/r/app/-/blob/src/main.rs#L12"),
            ("/app/-/tree/src", "/r/app/-/tree/src"),
            ("/app/-/commit/0123", "/r/app/-/commit/0123"),
        ] {
            let answer = shared().get(Who::Stranger, theirs).await;
            assert_eq!((answer.status.as_u16(), answer.header("location")), (303, ours), "{theirs}");
        }
        for other in ["//evil.example/-/blob/x", "/-/blob/x", "/app/-/settings", "/a@b@c/-/blob/\r\nx"] {
            let answer = shared().get(Who::Stranger, &other.replace("\r\n", "%0d%0a")).await;
            assert!(!answer.header("location").starts_with("//"), "{other}");
        }
    });
}
