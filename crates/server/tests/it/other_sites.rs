//! What pages of other sites and caches between can make of a signed-in browser, over every route of the table: nothing.

use crate::access::example;
use crate::matrix::body;
use crate::world::{Secret, Who, World, run, shared};
use axum::body::Body;
use server::{Door, RouteInfo, Server};

/// What another site's page can make a browser send, and what it would send if it could.
const SPELLINGS: [&[(&str, &str)]; 16] = [
    &[],
    &[("origin", "null")],
    &[("origin", "")],
    &[("origin", "https://evil.example")],
    &[("origin", "http://127.0.0.1")],
    &[("origin", "http://127.0.0.1:70800")],
    &[("origin", "http://127.0.0.1:7080.evil.example")],
    &[("origin", "http://evil.example/http://127.0.0.1:7080")],
    &[("origin", "http://127.0.0.1:7080@evil.example")],
    &[("origin", "http://127.0.0.1:7080"), ("sec-fetch-site", "cross-site")],
    &[("origin", "http://127.0.0.1:7080"), ("sec-fetch-site", "same-site")],
    &[("sec-fetch-site", "none")],
    &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
    &[("referer", "http://127.0.0.1:7080/account")],
    &[("x-requested-with", "XMLHttpRequest")],
    &[("x-http-method-override", "GET"), ("origin", "https://evil.example")],
];

/// Bodies that a form of another site can send without asking first.
const SIMPLE: [&str; 3] = ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"];

fn changing(route: &RouteInfo) -> impl Iterator<Item = &'static str> {
    route.methods.iter().copied().filter(|method| *method != "GET")
}

/// Threats X: CSRF in every spelling, login CSRF.
#[test]
fn no_route_takes_what_another_site_sends() {
    run(async {
        let world = World::new(Secret::Exists).await;
        world.get(Who::Ada, "/").await;
        let before = world.contents().await;
        let (_, cookie) = world.credentials(Who::Ada).expect("a cookie");
        for route in Server::routes() {
            for method in changing(&route) {
                for spelling in SPELLINGS {
                    for content_type in SIMPLE {
                        let mut headers = vec![("accept", "text/html"), ("content-type", content_type)];
                        headers.extend(spelling);
                        headers.push(("cookie", &cookie));
                        let sent = Body::from(body(&route, method).1);
                        let answer = world.ask(Who::Stranger, method, &example(&route), &headers, sent).await;
                        let refused = match route.door {
                            // There no cookie counts, or nothing but a signature.
                            Door::Token => 401,
                            Door::Signed => 404,
                            _ => 403,
                        };
                        assert_eq!(answer.status.as_u16(), refused, "{method} {} {headers:?}", route.path);
                        assert!(answer.header("set-cookie").is_empty(), "{method} {}", route.path);
                    }
                }
            }
        }
        assert_eq!(world.contents().await, before, "something was changed");
        assert_eq!(world.get(Who::Ada, "/").await.status, 200, "she is still signed in");
    });
}

/// Threats X: CORS reflection. No route says of any origin that it may read the answer.
#[test]
fn no_route_lets_another_site_read() {
    run(async {
        for route in Server::routes() {
            for origin in ["https://evil.example", "null", "http://127.0.0.1:7080.evil.example"] {
                for method in ["GET", "OPTIONS"] {
                    let headers = [
                        ("origin", origin),
                        ("access-control-request-method", "POST"),
                        ("access-control-request-headers", "authorization"),
                        ("access-control-request-private-network", "true"),
                    ];
                    let answer =
                        shared().ask(Who::Ada, method, &example(&route), &headers, Body::empty()).await;
                    let allowing = answer.headers.keys().find(|name| {
                        name.as_str().starts_with("access-control-") || *name == "timing-allow-origin"
                    });
                    assert_eq!(allowing, None, "{method} {}", route.path);
                    assert_eq!(
                        answer.header("cross-origin-resource-policy"),
                        "same-origin",
                        "{}",
                        route.path
                    );
                }
            }
        }
    });
}

/// Threats X: cache deception. Whatever an address is made to look like, no cache between may keep what is somebody's.
#[test]
fn no_cache_keeps_what_is_somebodys() {
    run(async {
        let decorations = [
            "",
            "/x.css",
            ";x.css",
            "%2fx.css",
            ".css",
            "%3fx.css",
            "%00.css",
            "/..%2fassets/x/app.css",
            "?x.css",
            "//app.js",
        ];
        for route in Server::routes().iter().filter(|route| route.methods.contains(&"GET")) {
            for decoration in decorations {
                let address = format!("{}{decoration}", example(route));
                let answer = shared().get(Who::Ada, &address).await;
                let keeps = answer.header("cache-control");
                let is_asset = route.path.starts_with("/assets/") && answer.status == 200;
                assert!(
                    keeps.contains("private") || keeps.contains("no-store") || is_asset,
                    "{address}: {} {keeps}",
                    answer.status
                );
                assert!(!keeps.contains("public") || is_asset, "{address}: {keeps}");
                assert_ne!(answer.status, 500, "{address}");
            }
        }
    });
}

/// Threats X: clickjacking and sniffing, on every route and for everybody, refusals included.
#[test]
fn no_answer_may_be_framed_or_sniffed() {
    run(async {
        for route in Server::routes() {
            for method in route.methods {
                for who in [Who::Stranger, Who::Bob, Who::Ada] {
                    let headers = [("accept", "text/html"), ("origin", "https://evil.example")];
                    let answer = shared().ask(who, method, &example(&route), &headers, Body::empty()).await;
                    let policy = answer.header("content-security-policy");
                    let is_closed =
                        policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'");
                    assert!(is_closed, "{method} {}: {policy}", route.path);
                    assert_eq!(answer.header("x-frame-options"), "DENY", "{method} {}", route.path);
                    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{method} {}", route.path);
                }
            }
        }
    });
}
