//! Hostile names and requests: everything a page shows was written by somebody else.

use crate::world::{Secret, Who, World, run, shared};
use axum::body::Body;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// What must never stand in a page as it is.
const LIVE: [&str; 3] = ["<script>alert", "<img src=x", "onerror=alert(1)>"];

#[test]
fn names_of_files_and_commits_are_text() {
    run(async {
        for target in ["/r/odd", "/search?q=repo:odd+needle", "/search?q=repo:odd+type:path+e"] {
            let page = shared().get(Who::Bob, target).await;
            assert_eq!(page.status, 200, "{target}");
            for live in LIVE {
                assert!(!page.text().contains(live), "{target} holds {live}: {}", page.text());
            }
        }
    });
}

/// Threats X: script in branch, tag and author names and in messages.
#[test]
fn names_of_refs_and_people_are_text() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let repo = world.code().repo("refs");
        let tree = repo.tree(&[("100644", b"a.txt", repo.blob(b"needle of refs\n"))]);
        let person = "<script>alert(4)</script> \"onerror=alert(1)> <a@example.org> 1767225600 +0000";
        let message = "<img src=x onerror=alert(1)>\n\n</pre><script>alert(5)</script>\n";
        let commit = format!("tree {tree}\nauthor {person}\ncommitter {person}\n\n{message}");
        let commit = repo.object("commit", commit.as_bytes());
        let hostile = "\"><script>alert(6)<";
        for name in ["refs/heads/main", &format!("refs/heads/{hostile}"), &format!("refs/tags/{hostile}")] {
            repo.write_raw(name, format!("{commit}\n").as_bytes());
        }
        world.take_up("refs").await;
        let encoded = "%22%3E%3Cscript%3Ealert(6)%3C";
        for target in [
            "/r/refs".to_owned(),
            format!("/r/refs@{encoded}"),
            format!("/r/refs@{encoded}/-/blob/a.txt"),
            format!("/r/refs@{encoded}/-/tree/"),
            format!("/r/refs/-/commit/{commit}"),
            "/r/refs/-/skipped".to_owned(),
            "/repos".to_owned(),
            "/search?q=repo:refs+needle".to_owned(),
            format!("/search?q=repo:refs+rev:%22{encoded}%22+needle"),
            "/search?q=repo:refs+type:commit+alert".to_owned(),
            "/search?q=repo:refs+type:diff+needle".to_owned(),
            "/aggregate?q=repo:refs+type:commit+alert&by=author".to_owned(),
            "/why?repo=refs&path=a.txt".to_owned(),
        ] {
            let page = world.get(Who::Bob, &target).await;
            for live in LIVE {
                assert!(!page.text().contains(live), "{target} holds {live}: {}", page.text());
            }
        }
        // They were there to be shown.
        let shown = world.get(Who::Bob, &format!("/r/refs/-/commit/{commit}")).await.text();
        assert!(shown.contains("alert(4)") && shown.contains("onerror"), "{shown}");
        assert!(world.get(Who::Bob, "/r/refs").await.text().contains("alert(6)"));
    });
}

#[test]
fn every_hostile_name_can_be_opened() {
    run(async {
        let page = shared().get(Who::Bob, "/r/odd").await.text();
        let table = page.split("<table class=\"dir\">").nth(1).expect("a list");
        let table = table.split("</table>").next().expect("its end");
        let links: Vec<&str> =
            table.split("href=\"/r/odd").skip(1).map(|part| part.split('"').next().unwrap_or("")).collect();
        assert_eq!(links.len(), 6, "{links:?}");
        for link in links {
            let file = shared().get(Who::Bob, &format!("/r/odd{link}")).await;
            assert_eq!(file.status, 200, "{link}");
            assert!(file.text().contains("needle with a hostile name"), "{link}");
            for live in LIVE {
                assert!(!file.text().contains(live), "{link} holds {live}");
            }
            let raw = shared().get(Who::Bob, &format!("/r/odd{}", link.replace("/blob/", "/raw/"))).await;
            assert_eq!(raw.status, 200, "{link}");
            assert_eq!(raw.text(), "needle with a hostile name\n");
        }
    });
}

#[test]
fn what_is_typed_comes_back_as_text() {
    run(async {
        let script = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
        for target in [
            format!("/search?q={script}"),
            format!("/search?q=fiel:{script}"),
            format!("/repos?filter={script}&sort={script}"),
            format!("/sign-in?return_to=/{script}"),
            format!("/r/{script}"),
            format!("/r/app@{script}"),
            format!("/r/app/-/blob/{script}"),
            format!("/{script}"),
        ] {
            for who in [Who::Ada, Who::Stranger] {
                let page = shared().get(who, &target).await.text();
                assert!(!page.contains("<script>alert"), "{target}: {page}");
            }
        }
    });
}

#[test]
fn strange_paths_are_not_found() {
    run(async {
        for path in [
            "/r/",
            "/r/app/-/nothing/x",
            "/r/app/-/blob/../../etc/passwd",
            "/r/app/-/blob/%2e%2e/%2e%2e/etc/passwd",
            "/r/app/-/blob?path=../../../etc/passwd",
            "/r/app/-/blob/.git/config",
            "/r/app/-/blob/%00",
            "/r/app/-/raw?path=/etc/passwd",
            "/r/..%2f..%2fetc",
            "/r/app%00",
            "/api/v1/repos/../../etc",
            "/assets/x/..%2f..%2fsrc%2flib.rs",
            "/setup/",
        ] {
            let answer = shared().get(Who::Ada, path).await;
            assert!([404, 303].contains(&answer.status.as_u16()), "{path}: {}", answer.status);
            assert!(!answer.text().contains("root:"), "{path}");
        }
    });
}

/// Threats X: path tricks on every repository route.
#[test]
fn no_route_of_a_repository_leads_out_of_it() {
    run(async {
        let tricks = [
            "../../etc/passwd",
            "..%2f..%2f..%2fetc%2fpasswd",
            "%2e%2e/%2e%2e/etc/passwd",
            "%252e%252e%252fetc%252fpasswd",
            "..%5c..%5cetc%5cpasswd",
            "..%c0%af..%c0%afetc/passwd",
            "/etc/passwd",
            "%2fetc%2fpasswd",
            ".git/config",
            ".GIT/config",
            "src/../../vault/secret.txt",
            "./README.md",
            "src//main.rs",
            "README.md%00.png",
            "README.md%0d%0aSet-Cookie:x=y",
            "src/lib/deep.c/../../../../../../etc/passwd",
            "a\u{202e}b",
        ];
        let tricks = tricks.map(|trick| trick.replace('\u{202e}', "%E2%80%AE"));
        for base in ["/r/app", "/r/app@main", "/api/v1/repos/app", "/r/..%2fapp"] {
            for kind in [
                "blob",
                "tree",
                "raw",
                "file",
                "commit",
                "skipped",
                "owners",
                "why",
                "log",
                "blame",
                "compare",
                "references",
                "version",
                "branches",
                "contributors",
                "definition",
                "hover",
                "outline",
                "callees",
                "hierarchy",
                "graph",
                "nothing",
            ] {
                for trick in &tricks {
                    let by_query = (kind == "blob").then(|| format!("{base}/-/{kind}?path={trick}"));
                    for target in by_query.into_iter().chain([format!("{base}/-/{kind}/{trick}")]) {
                        let answer = shared().get(Who::Bob, &target).await;
                        let text = answer.text();
                        assert!(!answer.status.is_server_error(), "{target}: {}", answer.status);
                        assert!(!text.contains("root:") && !text.contains("[core]"), "{target}: {text}");
                        assert!(!text.contains("Zanzibar"), "{target}: {text}");
                        assert!(answer.header("set-cookie").is_empty(), "{target}");
                    }
                }
            }
        }
    });
}

#[test]
fn oversized_requests_are_refused() {
    run(async {
        let long = "a".repeat(100_000);
        let form = format!("name={long}&password=x");
        assert_eq!(shared().post(Who::Stranger, "/sign-in", &form).await.status, 400);
        let long = "a".repeat(60_000);
        let query = shared().api(Who::Ada, &format!("/api/v1/search?q={long}%22")).await;
        assert_eq!(query.status, 400);
        assert_eq!(shared().api(Who::Ada, &format!("/r/{long}")).await.status, 404);
    });
}

#[test]
fn forms_that_are_none_are_refused() {
    run(async {
        let origin = ("origin", "http://127.0.0.1:7080");
        for (content_type, body) in [
            ("application/json", "{\"name\":\"ada\"}"),
            ("application/x-www-form-urlencoded", "name=ada"),
            ("application/x-www-form-urlencoded", "\u{0}\u{1}"),
            ("multipart/form-data", "--"),
        ] {
            let headers = [origin, ("content-type", content_type), ("accept", "text/html")];
            let answer = shared().ask(Who::Stranger, "POST", "/sign-in", &headers, Body::from(body)).await;
            assert_eq!(answer.status, 400, "{content_type}");
        }
    });
}

/// threats.md, Q: 1,000 identical streams, then disconnect.
#[test]
fn a_thousand_identical_streams_dropped_at_once_leave_no_work() {
    run(async {
        let world = World::new(Secret::Exists).await;
        let world = Arc::new(world);
        let mut streams = JoinSet::new();
        for _ in 0..1_000 {
            let world = Arc::clone(&world);
            streams.spawn(async move {
                let events = [("accept", "text/event-stream")];
                let answer = world
                    .ask(Who::Ada, "GET", "/api/v1/search?q=count:all+/./", &events, Body::empty())
                    .await;
                assert_eq!(answer.status, 200);
            });
        }
        // Half of them hang up when the answer begins, the others while they wait for their turn.
        for _ in 0..500 {
            streams.join_next().await.expect("a stream").expect("it was answered");
        }
        streams.shutdown().await;
        let searcher = Arc::clone(&world.searcher);
        // One whose thread was only just started may still come, to find that nobody wants it.
        let is_calm = tokio::task::spawn_blocking(move || {
            let started = Instant::now();
            while searcher.n_searches() > 0 && started.elapsed() < Duration::from_secs(300) {
                searcher.wait_for_calm(Duration::from_secs(1));
            }
            searcher.n_searches() == 0
        });
        assert!(is_calm.await.expect("it does not panic"), "searches that nobody reads");
        assert_eq!(world.api(Who::Ada, "/api/v1/search?q=needle").await.status, 200);
    });
}
