//! A proxy that names people in a header: whom it is believed from, and whom it is not.

use crate::world::{Answer, PASSWORD, Secret, World, run};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use http_body_util::BodyExt as _;
use server::{ServerConfig, TrustedHeader};
use std::net::SocketAddr;
use store::{AuditFilter, ProviderIdentity};
use tower::ServiceExt as _;

const PROXY: &str = "10.0.0.1:40000";
const STRANGER: &str = "192.0.2.9:40000";

async fn world(issuer: Option<&str>, has_second_factor: bool) -> World {
    let networks = vec!["10.0.0.1/32".parse().expect("a network")];
    let header = TrustedHeader::new("X-Signed-In", networks, issuer.map(str::to_owned), has_second_factor);
    // X-Forwarded-For of anybody is believed here, and must make no difference.
    let trusted_proxies = vec!["192.0.2.0/24".parse().expect("a network")];
    let trusted_header = Some(header.expect("a header"));
    let config = ServerConfig { trusted_header, trusted_proxies, ..ServerConfig::default() };
    World::with_config(Secret::DoesNotExist, config).await
}

async fn ask(world: &World, peer: Option<&str>, target: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request =
        Request::builder().uri(target).header("host", "127.0.0.1:7080").header("accept", "text/html");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::empty()).expect("a request");
    if let Some(peer) = peer {
        request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().expect("an address")));
    }
    let response = world.server.router().oneshot(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a whole body").to_bytes().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// The session that an answer gives.
fn session(answer: &Answer) -> Option<String> {
    let mut cookies = answer.headers.get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
    let given = cookies.find(|cookie| cookie.starts_with("sourcekeep=sks_"))?;
    given.split(';').next().map(str::to_owned)
}

async fn signed_in(world: &World, name: &str) -> String {
    let answer = ask(world, Some(PROXY), "/sign-in?return_to=/repos", &[("x-signed-in", name)]).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/repos"), "{}", answer.text());
    session(&answer).expect("a session")
}

#[test]
fn whoever_the_proxy_names_is_signed_in() {
    run(async {
        let world = world(None, false).await;
        let cookie = signed_in(&world, "Bob").await;
        let headers = [("x-signed-in", "Bob"), ("cookie", cookie.as_str())];
        let page = ask(&world, Some(PROXY), "/repos", &headers).await;
        assert!(page.text().contains("Signed in as <strong>bob</strong>"));
        let log = world.store.audit_entries(&AuditFilter::default(), None, 50).await.expect("a log");
        assert!(log.iter().any(|entry| format!("{entry:?}").contains("proxy")));
    });
}

/// Threat A, header spoofing: from anybody but the proxy the header is nothing, whatever else the request says.
#[test]
fn nobody_but_the_proxy_names_anybody() {
    run(async {
        let world = world(None, true).await;
        for peer in [Some(STRANGER), Some("10.0.0.2:1"), Some("[::ffff:10.0.0.2]:1"), None] {
            for extra in
                [("x-forwarded-for", "10.0.0.1"), ("forwarded", "for=10.0.0.1"), ("x-real-ip", "10.0.0.1")]
            {
                let answer = ask(&world, peer, "/sign-in", &[("x-signed-in", "ada"), extra]).await;
                assert_eq!(answer.status, 200, "{peer:?}: the page for signing in");
                assert!(session(&answer).is_none() && !answer.text().contains("ada"), "{peer:?}");
                assert_eq!(ask(&world, peer, "/repos", &[("x-signed-in", "ada"), extra]).await.status, 303);
            }
        }
        let log = world.store.audit_entries(&AuditFilter::default(), None, 50).await.expect("a log");
        assert!(
            !log.iter()
                .any(|entry| entry.act == "session.sign-in" && entry.actor == "ada" && entry.via != "none")
        );
        // The same address by its other spelling is the proxy.
        let mapped = ask(&world, Some("[::ffff:10.0.0.1]:1"), "/sign-in", &[("x-signed-in", "bob")]).await;
        assert!(session(&mapped).is_some());
    });
}

/// Threat A, header spoofing: a client's own copy that a proxy passes on, in whatever spelling, makes the request nobody's.
#[test]
fn several_names_are_refused() {
    run(async {
        let world = world(None, true).await;
        for headers in [
            &[("x-signed-in", "bob"), ("x-signed-in", "ada")][..],
            &[("x-signed-in", "bob"), ("X-SIGNED-IN", "bob")],
            &[("x-signed-in", "bob"), ("x_signed_in", "ada")],
            &[("x_signed_in", "ada")],
            &[("x-signed_in", "ada")],
            &[("x-signed-in", "bob, ada")],
            &[("x-signed-in", "")],
            &[("x-signed-in", " ")],
        ] {
            let answer = ask(&world, Some(PROXY), "/sign-in", headers).await;
            assert_eq!(answer.status, 400, "{headers:?}");
            assert!(session(&answer).is_none());
        }
        for name in ["nobody", "../ada", "ada bob", "аda", "*"] {
            let answer = ask(&world, Some(PROXY), "/sign-in", &[("x-signed-in", name)]).await;
            assert_eq!(answer.status, 403, "{name}");
            assert!(session(&answer).is_none());
        }
        world.store.set_disabled(world.bob().id, true).await.expect("a store");
        assert_eq!(ask(&world, Some(PROXY), "/sign-in", &[("x-signed-in", "bob")]).await.status, 403);
    });
}

/// A session is good for as long as the proxy says the same: it ends with another name, with none, and from elsewhere.
#[test]
fn the_session_ends_when_the_name_changes() {
    run(async {
        for (peer, name) in [(PROXY, Some("ada")), (PROXY, None), (STRANGER, Some("bob")), (STRANGER, None)] {
            let world = world(None, true).await;
            let cookie = signed_in(&world, "bob").await;
            let same = [("x-signed-in", "bob"), ("cookie", cookie.as_str())];
            assert_eq!(ask(&world, Some(PROXY), "/repos", &same).await.status, 200);
            let mut other = vec![("cookie", cookie.as_str())];
            other.extend(name.map(|name| ("x-signed-in", name)));
            assert_eq!(ask(&world, Some(peer), "/repos", &other).await.status, 303, "{peer} {name:?}");
            assert_eq!(ask(&world, Some(PROXY), "/repos", &same).await.status, 303, "it is over for good");
        }
        // A session that began otherwise ends when the proxy names somebody else.
        let world = world(None, true).await;
        let (_, cookie) = world.credentials(crate::world::Who::Bob).expect("a cookie");
        let own = [("x-signed-in", "bob"), ("cookie", cookie.as_str())];
        assert_eq!(ask(&world, Some(PROXY), "/repos", &own).await.status, 200);
        let other = [("x-signed-in", "ada"), ("cookie", cookie.as_str())];
        assert_eq!(ask(&world, Some(PROXY), "/repos", &other).await.status, 303);
        assert_eq!(ask(&world, Some(PROXY), "/repos", &own).await.status, 303);
    });
}

/// No program signs in by the header: behind every door but the page's it is a token that counts.
#[test]
fn the_header_alone_opens_no_door() {
    run(async {
        let world = world(None, true).await;
        for target in ["/repos", "/api/v1/repos", "/.api/graphql", "/admin/users", "/metrics"] {
            let status = ask(&world, Some(PROXY), target, &[("x-signed-in", "ada")]).await.status.as_u16();
            assert!([303, 401, 405].contains(&status), "{target}: {status}");
        }
    });
}

#[test]
fn the_second_factor_is_asked_for_where_the_proxy_does_not_answer_for_it() {
    run(async {
        for has_second_factor in [false, true] {
            let world = world(None, has_second_factor).await;
            crate::second_factors::Browser::with_app(&world, "bob").await;
            let answer = ask(&world, Some(PROXY), "/sign-in", &[("x-signed-in", "bob")]).await;
            assert_eq!(session(&answer).is_some(), has_second_factor);
            assert_eq!(answer.header("location"), if has_second_factor { "/" } else { "/sign-in/second" });
        }
    });
}

/// An id that stays instead of a name that may be given to another person.
#[test]
fn the_name_may_be_a_subject_of_an_issuer() {
    run(async {
        let world = world(Some("proxy"), true).await;
        let identity =
            ProviderIdentity { issuer: "proxy".into(), subject: "u-17".into(), label: String::new() };
        world.store.link_provider(world.bob().id, &identity).await.expect("a link");
        signed_in(&world, "u-17").await;
        assert_eq!(ask(&world, Some(PROXY), "/sign-in", &[("x-signed-in", "bob")]).await.status, 403);
    });
}

#[test]
fn whoever_signed_out_stays_out_until_they_say_so() {
    run(async {
        let world = world(None, true).await;
        let page = ask(&world, Some(PROXY), "/sign-in?signed_out=1", &[("x-signed-in", "bob")]).await;
        assert!(page.status == 200 && page.text().contains("Continue as bob"), "{}", page.text());
        assert!(session(&page).is_none() && !page.text().contains(PASSWORD));
    });
}
