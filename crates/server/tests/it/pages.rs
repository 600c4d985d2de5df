//! The pages: complete without JavaScript, small, framed by the right headers.

use crate::world::{Secret, Who, World, run, shared};
use axum::body::Body;
use server::ServerConfig;
use std::io::Read;

const PAGES: [&str; 8] = [
    "/",
    "/repos",
    "/search?q=needle",
    "/search?q=%22unclosed",
    "/r/app",
    "/r/app/-/tree/src",
    "/r/app/-/blob/src/main.rs",
    "/r/app/-/blob/many.txt",
];

#[test]
fn every_answer_has_its_security_headers() {
    run(async {
        for target in
            PAGES.iter().chain(&["/sign-in", "/nothing", "/assets/x/app.js", "/api/v1/repos", "/healthz"])
        {
            let answer = shared().get(Who::Ada, target).await;
            let policy = answer.header("content-security-policy");
            assert!(
                policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
                "{target}"
            );
            assert!(!policy.contains("unsafe"), "{target}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{target}");
            assert_eq!(answer.header("referrer-policy"), "same-origin", "{target}");
            assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{target}");
            assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{target}");
            assert!(answer.header("access-control-allow-origin").is_empty(), "{target}");
            let keeps = answer.header("cache-control");
            assert!(keeps.contains("no-cache") || keeps.contains("no-store"), "{target}: {keeps}");
        }
    });
}

#[test]
fn no_page_holds_a_script_a_style_or_another_host() {
    run(async {
        for target in PAGES.iter().chain(&["/sign-in", "/nothing"]) {
            let page = shared().get(Who::Ada, target).await.text().to_lowercase();
            for forbidden in
                [" onclick=", " onload=", " style=", "<style", "javascript:", "http://", "https://"]
            {
                let excepted = page.replace("sourcekeep repo add https://example.org/some/repo.git", "");
                assert!(!excepted.contains(forbidden), "{target} holds {forbidden}");
            }
            for script in page.split("<script").skip(1) {
                assert!(script.starts_with(" type=\"module\" src=\"/assets/"), "{target}: {script:.80}");
            }
        }
    });
}

#[test]
fn pages_are_small() {
    run(async {
        let mut n_assets = 0;
        for name in [
            "app.css",
            "app.js",
            "small.js",
            "keys.js",
            "query.js",
            "code.js",
            "live.js",
            "icons.svg",
            "logo.svg",
        ] {
            let headers = [("accept-encoding", "gzip")];
            let asset = shared()
                .ask(Who::Stranger, "GET", &format!("/assets/x/{name}"), &headers, Body::empty())
                .await;
            assert_eq!(asset.status, 200, "{name}");
            n_assets += asset.body.len();
        }
        for target in PAGES {
            let headers = [("accept-encoding", "gzip"), ("accept", "text/html")];
            let page = shared().ask(Who::Ada, "GET", target, &headers, Body::empty()).await;
            assert_eq!(page.header("content-encoding"), "gzip", "{target}");
            let size = page.body.len() + n_assets;
            // Code and results do not count; what holds them does. `many.txt` is nearly all code.
            assert!(size < 100_000, "{target}: {size} bytes compressed");
        }
    });
}

#[test]
fn assets_are_kept_under_their_digest() {
    run(async {
        let page = shared().get(Who::Ada, "/").await.text();
        let link = page.split("href=\"").find(|part| part.contains("app.css")).expect("a style sheet");
        let link = link.split('"').next().expect("its address");
        let asset = shared().get(Who::Stranger, link).await;
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(shared().get(Who::Stranger, "/assets/x/none.css").await.status, 404);
        assert_eq!(shared().get(Who::Stranger, "/assets/x/%2e%2e%2fCargo.toml").await.status, 404);
    });
}

#[test]
fn only_names_of_ours_are_answered() {
    run(async {
        for (host, status) in [
            ("127.0.0.1:7080", 200),
            ("localhost:7080", 200),
            ("evil.example", 421),
            ("127.0.0.1.evil.example", 421),
        ] {
            let headers = [("host", host), ("accept", "text/html")];
            let answer = shared().ask(Who::Ada, "GET", "/repos", &headers, Body::empty()).await;
            assert_eq!(answer.status, status, "{host}");
            assert_eq!(answer.text().contains("/r/app"), status == 200, "{host}");
        }
        let config = ServerConfig { hosts_allowed: vec!["keep".into()], ..ServerConfig::default() };
        let world = World::with_config(Secret::DoesNotExist, config).await;
        let headers = [("host", "keep:7080")];
        assert_eq!(world.ask(Who::Stranger, "GET", "/healthz", &headers, Body::empty()).await.status, 200);
    });
}

#[test]
fn the_home_page_leads_on() {
    run(async {
        let page = shared().get(Who::Ada, "/").await.text();
        for expected in ["name=\"q\"", "/r/app", "/r/vault", "/search?q=TODO", "3 repositories"] {
            assert!(page.contains(expected), "{expected}");
        }
        let empty = World::without_people(Secret::DoesNotExist, ServerConfig::default()).await;
        drop(empty);
    });
}

#[test]
fn the_repository_list_sorts_and_filters() {
    run(async {
        let names = |page: &str| -> Vec<String> {
            let links = page.split("class=\"mono name\" href=\"/r/").skip(1);
            links.map(|part| part.split('"').next().unwrap_or("").to_owned()).collect()
        };
        let of = async |target: &str| names(&shared().get(Who::Ada, target).await.text());
        assert_eq!(of("/repos").await, ["app", "odd", "vault"]);
        assert_eq!(of("/repos?sort=-name").await, ["vault", "odd", "app"]);
        assert_eq!(of("/repos?filter=AUL").await, ["vault"]);
        assert_eq!(of("/repos?filter=%3Cscript%3E").await, [""; 0]);
        assert_eq!(of("/repos?page=99999999999").await, [""; 0]);
    });
}

#[test]
fn a_chosen_theme_is_rendered() {
    run(async {
        for (cookie, expected) in [
            ("theme=dark", " data-theme=\"dark\""),
            ("theme=light", " data-theme=\"light\""),
            ("theme=\"><x", "<html lang=\"en\">"),
        ] {
            let headers = [("cookie", cookie), ("accept", "text/html")];
            let page = shared().ask(Who::Stranger, "GET", "/sign-in", &headers, Body::empty()).await.text();
            assert!(page.contains(expected), "{cookie}");
        }
    });
}

#[test]
fn streams_of_pages_can_be_compressed() {
    run(async {
        let headers = [("accept-encoding", "gzip"), ("accept", "text/html")];
        let page = shared().ask(Who::Ada, "GET", "/search?q=needle", &headers, Body::empty()).await;
        assert_eq!(page.header("content-encoding"), "gzip");
        assert!(page.body.bytes().take(2).map(Result::unwrap).eq([0x1f, 0x8b]));
    });
}
