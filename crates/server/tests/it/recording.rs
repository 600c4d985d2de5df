//! The audit log over HTTP: what changes something leaves an entry, what shows code leaves one before it is shown, and the
//! log's own page cannot be made to lie.

use crate::world::{Answer, Secret, Who, World, run, shared};
use access::audit::Record;
use axum::body::Body;
use server::{Door, Server};
use store::AuditFilter;

/// Routes that take POST and change nothing: programs ask by it, or a proof is looked at.
const ASKING: [&str; 6] =
    ["/api/search", "/api/list", "/mcp", "/.api/graphql", "//.api/graphql", "/api/v1/permissions/check"];

async fn entries(world: &World) -> Vec<Record> {
    world.store.audit_entries(&AuditFilter::default(), None, 1000).await.expect("a store")
}

async fn last_seq(world: &World) -> i64 {
    entries(world).await.first().map_or(0, |entry| entry.seq)
}

async fn since(world: &World, seq: i64) -> Vec<Record> {
    entries(world).await.into_iter().filter(|entry| entry.seq > seq).collect()
}

async fn json(world: &World, method: &str, target: &str, body: &str) -> Answer {
    let headers = [
        ("accept", "application/json"),
        ("content-type", "application/json"),
        ("origin", "http://127.0.0.1:7080"),
    ];
    world.ask(Who::Ada, method, target, &headers, Body::from(body.to_owned())).await
}

/// Requests of Ada's that change something, in an order in which each succeeds: pattern, method, address, body.
const CHANGES: [(&str, &str, &str, &str); 17] = [
    ("/account/tokens", "POST", "/account/tokens", "label=x&verb=read&days=7"),
    ("/admin/roles", "POST", "/admin/roles", "name=support&description=x&may=read_audit"),
    ("/admin/roles/assign", "POST", "/admin/roles/assign", "account=bob&role=support"),
    ("/admin/roles/assign", "POST", "/admin/roles/assign", "account=bob&role=member"),
    ("/admin/roles/{name}/remove", "POST", "/admin/roles/support/remove", ""),
    ("/admin/service-accounts", "POST", "/admin/service-accounts", "name=builder"),
    (
        "/admin/service-accounts/{name}/{act}",
        "POST",
        "/admin/service-accounts/builder/token",
        "label=ci&verb=read&days=1&repos=app&addresses=192.0.2.0/24",
    ),
    ("/admin/service-accounts/{name}/{act}", "POST", "/admin/service-accounts/builder/disable", ""),
    ("/admin/break-glass", "POST", "/admin/break-glass", "repo=app&reason=a+reason+long+enough&hours=1"),
    ("/admin/reviews", "POST", "/admin/reviews", "title=Spring&repos=&subject=&days=7"),
    ("/contexts", "POST", "/contexts", "name=mine&query=repo%3Aapp&action=save"),
    ("/exports", "POST", "/exports", "q=needle&format=csv"),
    ("/api/v1/contexts", "POST", "/api/v1/contexts", r#"{"name":"@ada/other","query":"repo:app"}"#),
    ("/api/v1/exports", "POST", "/api/v1/exports", r#"{"query":"needle","format":"csv"}"#),
    ("/api/v1/repos/{*address}", "PATCH", "/api/v1/repos/app", r#"{"description":"x"}"#),
    ("/account/sessions", "POST", "/account/sessions", ""),
    ("/sign-out", "POST", "/sign-out", ""),
];

#[test]
fn what_changes_something_leaves_an_entry_of_whoever_did_it() {
    run(async {
        let world = World::new(Secret::Exists).await;
        for (pattern, method, target, body) in CHANGES {
            assert!(Server::routes().iter().any(|route| route.path == pattern), "{pattern} is no route");
            let before = last_seq(&world).await;
            let answer = match body.starts_with('{') {
                true => json(&world, method, target, body).await,
                false => world.post(Who::Ada, target, body).await,
            };
            let status = answer.status.as_u16();
            if status == 422 || status == 400 {
                // The form of this page has other fields now; its own tests know them.
                assert!(
                    pattern == "/contexts" || pattern.starts_with("/api/v1/contexts"),
                    "{target}: {}",
                    answer.text()
                );
                continue;
            }
            assert!((200..400).contains(&status), "{method} {target}: {status} {}", answer.text());
            let new = since(&world, before).await;
            // Ending sessions where there is no other one changes nothing.
            if pattern != "/account/sessions" {
                let own = new.iter().find(|entry| entry.actor == "ada" && entry.outcome == "done");
                let own = own.unwrap_or_else(|| panic!("{method} {target} left no entry: {new:?}"));
                assert_eq!(
                    (own.via.as_str(), own.request_id.as_deref()),
                    ("session", Some(crate::world::REQUEST_ID))
                );
                assert!(own.address.is_some(), "{own:?}");
            }
        }
        assert!(world.store.verify_audit().await.expect("a store").is_intact());
    });
}

/// Whatever a route is sent, when it answers that it did something, somebody's entry says so; the routes that programs ask by
/// POST are the only exception, and those are recorded as reads.
#[test]
fn no_route_acts_without_an_entry() {
    run(async {
        for route in Server::routes() {
            for method in route.methods.iter().filter(|method| **method != "GET") {
                if ASKING.contains(&route.path) || route.door == Door::Open {
                    continue;
                }
                let world = World::new(Secret::Exists).await;
                let before = last_seq(&world).await;
                let answer = world
                    .ask(
                        Who::Ada,
                        method,
                        &crate::access::example(&route),
                        &[
                            ("accept", "text/html"),
                            ("origin", "http://127.0.0.1:7080"),
                            ("content-type", "application/x-www-form-urlencoded"),
                        ],
                        Body::empty(),
                    )
                    .await;
                let did = (200..400).contains(&answer.status.as_u16());
                let new = since(&world, before).await;
                let by_ada = new.iter().any(|entry| entry.actor == "ada");
                // There is no other session and no such export; a seed counts when it is confirmed, which is recorded.
                let harmless =
                    ["/account/sessions", "/account/totp/draw", "/exports/{id}/{act}"].contains(&route.path);
                assert!(!did || by_ada || harmless, "{method} {}: {} {new:?}", route.path, answer.status);
            }
        }
    });
}

#[test]
fn what_shows_code_leaves_an_entry_before_it_is_shown() {
    run(async {
        let world = World::new(Secret::Exists).await;
        for (target, act, outcome) in [
            ("/search?q=needle", "code.search", "done"),
            ("/api/v1/search?q=needle", "code.search", "done"),
            ("/r/app/-/blob/README.md", "code.file", "done"),
            ("/r/app/-/raw/README.md", "code.raw", "done"),
            ("/r/vault/-/blob/secret.txt", "code.file", "refused"),
            ("/r/nothing/-/blob/x", "code.file", "refused"),
            ("/api/v1/repos", "code.repositories", "done"),
            ("/.api/search/stream?q=needle", "code.search", "done"),
        ] {
            let before = last_seq(&world).await;
            let who = if target.starts_with("/.api") { Who::BobsToken } else { Who::Bob };
            world.get(who, target).await;
            let new = since(&world, before).await;
            let [entry] = &new[..] else { panic!("{target}: {new:?}") };
            assert_eq!(
                (entry.actor.as_str(), entry.act.as_str(), entry.outcome.as_str()),
                ("bob", act, outcome),
                "{target}"
            );
        }
        let entry = &entries(&world).await[0];
        assert_eq!(entry.details().next(), Some(("query", "needle")));
        assert_eq!(entry.via, "token");
    });
}

/// A store whose log cannot be written any more shows nothing and does nothing.
#[test]
fn without_the_log_nothing_is_shown() {
    run(async {
        let world = World::new(Secret::Exists).await;
        assert_eq!(world.get(Who::Bob, "/r/app/-/raw/README.md").await.status, 200);
        world.break_audit_log().await;
        for target in [
            "/search?q=needle",
            "/api/v1/search?q=needle",
            "/r/app/-/raw/README.md",
            "/r/app/-/blob/README.md",
        ] {
            let answer = world.get(Who::Bob, target).await;
            assert_eq!(answer.status, 500, "{target}");
            assert!(!answer.text().contains("needle"), "{target}");
        }
        let answer = world.post(Who::Ada, "/account/tokens", "label=x&verb=read&days=7").await;
        assert_eq!(answer.status, 500);
        assert!(!answer.text().contains("sk_"));
        let answer = world
            .post(Who::Stranger, "/sign-in", &format!("name=bob&password={}", crate::world::PASSWORD))
            .await;
        assert_eq!(answer.status, 500);
        assert_eq!(answer.header("set-cookie"), "");
    });
}

/// Threats A: audit entries injected. Threats X: formulas, escapes, script.
#[test]
fn the_log_cannot_be_made_to_lie() {
    run(async {
        let world = World::new(Secret::Exists).await;
        let nasty = "=cmd|' /C calc'!A1%0A2026-01-01 ada did it%E2%80%AE%1B[2J<script>alert(1)</script>";
        world.post(Who::Stranger, "/sign-in", &format!("name={nasty}&password=x")).await;
        let page = world.get(Who::Ada, "/admin/audit?act=session").await;
        assert_eq!(page.status, 200);
        assert!(!page.text().contains("<script>alert") && !page.text().contains('\u{202e}'));
        assert!(!page.text().contains('\u{1b}'));
        assert!(page.text().contains("\\u{a}2026-01-01 ada did it\\u{202e}"), "{}", page.text());
        let csv = world.get(Who::Ada, "/admin/audit/file?format=csv&act=session").await.text();
        let line = csv.lines().find(|line| line.contains("calc")).expect("the entry");
        assert!(line.contains("'=cmd|") && line.contains("\\u{1b}"), "{line}");
        let lines = world.get(Who::Ada, "/admin/audit/file?format=jsonl&act=session").await.text();
        for line in lines.lines() {
            let entry: serde_json::Value = serde_json::from_str(line).expect("JSON");
            assert!(entry["time"].as_str().is_some_and(|time| time.starts_with("2026-01-01T")), "{entry}");
        }
        // Who looked at the log stands in the log.
        assert!(entries(&world).await.iter().any(|entry| entry.act == "audit.read" && entry.actor == "ada"));
    });
}

#[test]
fn the_page_filters_and_pages() {
    run(async {
        let world = World::new(Secret::Exists).await;
        for n in 0..120 {
            world.get(Who::Bob, &format!("/search?q=needle{n}")).await;
        }
        let page = world.get(Who::Ada, "/admin/audit?actor=bob&act=code.search").await.text();
        assert_eq!(page.matches("<tr id=\"e").count(), 100);
        let older = page
            .split("class=\"button\" href=\"")
            .nth(1)
            .expect("a link")
            .split('"')
            .next()
            .expect("its end");
        let page = world.get(Who::Ada, &older.replace("&#38;", "&")).await.text();
        assert_eq!(page.matches("<tr id=\"e").count(), 20);
        let none = world.get(Who::Ada, "/admin/audit?actor=nobody").await.text();
        assert!(none.contains("No entry"));
        let day = world.get(Who::Ada, "/admin/audit?from=2026-01-02").await.text();
        assert!(day.contains("No entry"));
        let wrong = world.get(Who::Ada, "/admin/audit?from=yesterday").await.text();
        assert!(wrong.contains("Write a day as"), "{wrong}");
    });
}

/// Threats A: mass assignment. A field that a form does not have refuses it.
#[test]
fn fields_nobody_asked_for_refuse_the_form() {
    run(async {
        let world = shared();
        for (target, form) in [
            ("/account/tokens", "label=x&verb=read&days=7&user=1"),
            ("/account/tokens", "label=x&verb=read&days=7&days=365"),
            ("/account/tokens", "label=x&verb=root&days=7"),
            ("/account/tokens", "label=x&verb=read&days=99999"),
            ("/account/tokens", "label=x&verb=read&days=7&addresses=everywhere"),
            ("/admin/roles", "name=x&may=read_audit&role=administrator"),
            ("/admin/roles/assign", "account=bob&role=custom:x:manage_users"),
            ("/admin/service-accounts", "name=x&role=administrator"),
            ("/admin/break-glass", "repo=app&reason=a+reason+long+enough&hours=1&user=2"),
        ] {
            let answer = world.post(Who::Ada, target, form).await;
            assert!(matches!(answer.status.as_u16(), 400 | 422), "{target} {form}: {}", answer.status);
            assert!(!answer.text().contains("class=\"secret\""), "{target}");
        }
    });
}

/// Threats A: ids of other people in every route. What is another's answers as what was invented: the same bytes.
#[test]
fn ids_of_other_people_are_unknown() {
    run(async {
        let world = World::new(Secret::Exists).await;
        world.post(Who::Ada, "/account/tokens", "label=x&verb=read&days=7").await;
        json(&world, "POST", "/api/v1/exports", r#"{"query":"needle","format":"csv"}"#).await;
        let id_of = async |act: &str| {
            let entries = entries(&world).await;
            let entry = entries.iter().find(|entry| entry.act == act).unwrap_or_else(|| panic!("no {act}"));
            entry.object_id.clone().expect("an id")
        };
        let (token, export) = (id_of("token.create").await, id_of("export.create").await);
        let session = entries(&world).await.iter().find_map(|entry| entry.via_id.clone()).expect("a session");
        for (method, pattern, id) in [
            ("POST", "/account/tokens/{id}/revoke", &token),
            ("POST", "/account/sessions/{id}/end", &session),
            ("GET", "/api/v1/exports/{id}", &export),
            ("GET", "/api/v1/exports/{id}/file", &export),
            ("DELETE", "/api/v1/exports/{id}", &export),
            ("POST", "/api/v1/exports/{id}/cancel", &export),
            ("POST", "/exports/{id}/cancel", &export),
        ] {
            let own = [("origin", "http://127.0.0.1:7080"), ("accept", "application/json")];
            let theirs = world.ask(Who::Bob, method, &pattern.replace("{id}", id), &own, Body::empty()).await;
            let invented = pattern.replace("{id}", "0123456789abcdef");
            let invented = world.ask(Who::Bob, method, &invented, &own, Body::empty()).await;
            // The page answers every such form by going back to the list.
            let status = if pattern.starts_with("/exports") { 303 } else { 404 };
            assert_eq!(theirs.status, status, "{pattern}: {}", theirs.text());
            assert_eq!((theirs.status, &theirs.body), (invented.status, &invented.body), "{pattern}");
        }
        // They are as they were.
        assert_eq!(world.api(Who::Ada, &format!("/api/v1/exports/{export}")).await.status, 200);
    });
}

/// What opens a repository, by whichever door, shows that the right to it is used; what searches or is refused does not.
#[test]
fn opening_a_repository_is_noted_of_who_opened_it() {
    run(async {
        let world = World::new(Secret::Exists).await;
        let app = world.repo("app").await;
        let opened = async || {
            let readers = world.store.readers_of(app).await.expect("a store");
            readers.into_iter().find(|one| one.user == world.bob().id).expect("bob").last_opened_at
        };
        world.get(Who::Bob, "/search?q=needle").await;
        world.get(Who::Bob, "/repos").await;
        world.get(Who::Bob, "/r/vault").await;
        world.get(Who::Bob, "/r/app/-/blob/is/not/there").await;
        world.get(Who::Ada, "/r/app").await;
        assert_eq!(opened().await, None);
        let accept = ("accept", "application/json, text/event-stream");
        let json = |body: &'static str| (body, vec![accept, ("content-type", "application/json")]);
        let nothing = || ("", Vec::new());
        let graphql = json(r#"{"query":"{repository(name:\"app\"){commit(rev:\"HEAD\"){oid}}}"}"#);
        let mcp = json(
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_file","arguments":{"repository":"app","path":"README.md"}}}"#,
        );
        for (method, target, (body, headers)) in [
            ("GET", "/r/app/-/blob/README.md", nothing()),
            ("GET", "/r/app@HEAD/-/raw/README.md", nothing()),
            ("GET", "/r/%61pp/-/log/README.md", nothing()),
            ("GET", "/api/v1/repos/app/-/file/README.md", nothing()),
            ("POST", "/.api/graphql", graphql),
            ("POST", "/mcp", mcp),
        ] {
            world.clock.advance(std::time::Duration::from_secs(3600));
            let who = if method == "GET" { Who::Bob } else { Who::BobsToken };
            let answer = world.ask(who, method, target, &headers, Body::from(body)).await;
            assert_eq!(answer.status, 200, "{target}: {}", answer.text());
            assert_eq!(
                opened().await,
                Some(access::Clock::now(&*world.clock)),
                "{target}: {}",
                answer.text()
            );
        }
        let secret = world.repo("vault").await;
        let readers = world.store.readers_of(secret).await.expect("a store");
        assert!(readers.iter().all(|one| one.last_opened_at.is_none()), "{readers:?}");
    });
}
