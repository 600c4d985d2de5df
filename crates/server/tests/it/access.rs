//! What is answered to strangers, and what one may not know of. Who may come in where: `matrix`.

use crate::world::{Answer, Secret, Who, World, run, shared};
use axum::body::Body;
use server::{Door, RouteInfo, Server};

/// An address that exists for each pattern.
pub(crate) fn example(route: &RouteInfo) -> String {
    match route.path {
        "/assets/{digest}/{name}" => "/assets/x/app.css".into(),
        "/sign-in/provider/{id}" => "/sign-in/provider/nothing".into(),
        "/sign-in/provider/{id}/back" => "/sign-in/provider/nothing/back?state=x&code=x".into(),
        "/sign-in/provider/{id}/sign-out" => "/sign-in/provider/nothing/sign-out".into(),
        "/link/{secret}/provider/{id}" => "/link/ski_wrong/provider/nothing".into(),
        "/account/providers/{id}/{act}" => "/account/providers/nothing/unlink".into(),
        "/step-up/provider/{id}" => "/step-up/provider/nothing".into(),
        "/link/{secret}" => "/link/ski_wrong".into(),
        "/admin/users/{name}" => "/admin/users/bob".into(),
        "/admin/users/{name}/{act}" => "/admin/users/bob/nothing".into(),
        "/setup/{secret}" => "/setup/skl_wrong".into(),
        "/r/{*address}" => "/r/app".into(),
        "/api/v1/repos/{*address}" => "/api/v1/repos/app".into(),
        "/account/passkeys/{id}/{act}" => "/account/passkeys/0123456789abcdef/remove".into(),
        "/account/sessions/{id}/end" => "/account/sessions/0123456789abcdef/end".into(),
        "/account/tokens/{id}/revoke" => "/account/tokens/0123456789abcdef/revoke".into(),
        "/admin/groups/{name}" => "/admin/groups/nothing".into(),
        "/admin/access/{name}" => "/admin/access/bob".into(),
        "/admin/rules" => "/admin/rules?repo=app".into(),
        "/admin/audit/file" => "/admin/audit/file?format=csv".into(),
        "/admin/egress/file" => "/admin/egress/file?format=csv".into(),
        "/admin/roles/{name}/remove" => "/admin/roles/nothing/remove".into(),
        "/admin/service-accounts/{name}/{act}" => "/admin/service-accounts/nothing/disable".into(),
        "/admin/service-accounts/{name}/tokens/{id}/revoke" => {
            "/admin/service-accounts/nothing/tokens/0123456789abcdef/revoke".into()
        }
        "/admin/reviews/{id}" => "/admin/reviews/0123456789abcdef".into(),
        "/admin/reviews/{id}/file" => "/admin/reviews/0123456789abcdef/file".into(),
        "/admin/break-glass/{id}/end" => "/admin/break-glass/0123456789abcdef/end".into(),
        "/exports/{id}/{act}" => "/exports/0123456789abcdef/cancel".into(),
        "/api/v1/exports/{id}" => "/api/v1/exports/0123456789abcdef".into(),
        "/api/v1/exports/{id}/cancel" => "/api/v1/exports/0123456789abcdef/cancel".into(),
        "/api/v1/exports/{id}/file" => "/api/v1/exports/0123456789abcdef/file".into(),
        "/admin/hosts/{id}" => "/admin/hosts/nothing".into(),
        "/admin/hosts/{id}/{act}" => "/admin/hosts/nothing/test".into(),
        "/hooks/{id}" => "/hooks/nothing".into(),
        "/aggregate" => "/aggregate?q=needle".into(),
        "/api/v1/aggregate" => "/api/v1/aggregate?q=needle".into(),
        "/why" => "/why?repo=app&path=README.md".into(),
        "/api/v1/contexts/{*name}" => "/api/v1/contexts/nothing".into(),
        "/search" => "/search?q=needle".into(),
        "/api/v1/search" => "/api/v1/search?q=needle".into(),
        "/print" => "/print?r=app&f=README.md&format=raw".into(),
        "/.api/search/stream" | "//.api/search/stream" => format!("{}?q=needle", route.path),
        path => {
            assert!(!path.contains('{'), "{path}: give the new route an example");
            path.into()
        }
    }
}

#[test]
fn nothing_is_answered_to_strangers_but_open_doors() {
    run(async {
        let is_closed = |route: &&RouteInfo| !matches!(route.door, Door::Open | Door::Signed);
        for route in Server::routes().iter().filter(is_closed) {
            let method = route.methods[0];
            let own = [("origin", "http://127.0.0.1:7080")];
            let page = [("accept", "text/html"), own[0]];
            let as_person = shared().ask(Who::Stranger, method, &example(route), &page, Body::empty()).await;
            let as_program = shared().ask(Who::Stranger, method, &example(route), &own, Body::empty()).await;
            assert_eq!(as_program.status, 401, "{}", route.path);
            if route.door == Door::Token {
                assert_eq!(as_person.status, 401, "{}", route.path);
                assert!(as_program.text().contains("Invalid access token."), "{}", route.path);
                continue;
            }
            assert_eq!(as_program.header("content-type"), "application/problem+json", "{}", route.path);
            if !route.path.starts_with("/api/") {
                assert_eq!(as_person.status, 303, "{}", route.path);
                assert!(as_person.header("location").starts_with("/sign-in"), "{}", route.path);
                assert!(as_person.body.is_empty(), "{}", route.path);
            }
        }
    });
}

#[test]
fn a_wrong_token_is_nobody_even_with_a_good_cookie() {
    run(async {
        let (_, cookie) = shared().credentials(Who::Ada).expect("a cookie");
        for authorization in ["Bearer sk_wrong", "Bearer", "Basic YTpi", "", "Bearer \u{7f}"] {
            let Ok(value) = axum::http::HeaderValue::from_str(authorization) else { continue };
            let headers = [("cookie", cookie.as_str()), ("authorization", value.to_str().unwrap_or(""))];
            let answer = shared().ask(Who::Stranger, "GET", "/api/v1/status", &headers, Body::empty()).await;
            assert_eq!(answer.status, 401, "{authorization}");
        }
    });
}

/// Everything but what differs between any two answers to the same question: how long a search took.
fn comparable(answer: &Answer) -> (u16, String, String) {
    let mut headers: Vec<String> =
        answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    headers.sort();
    let mut text = answer.text();
    for (before, after) in [("\"duration_us\":", ","), ("</strong> · ", "</p>")] {
        if let Some(start) = text.find(before).map(|at| at + before.len())
            && let Some(len) = text[start..].find(after)
        {
            text.replace_range(start..start + len, "…");
        }
    }
    headers.retain(|line| !line.starts_with("content-length"));
    (answer.status.as_u16(), headers.join("\n"), text)
}

#[test]
fn what_bob_may_not_read_does_not_exist() {
    run(async {
        let with = World::new(Secret::Exists).await;
        let without = World::new(Secret::DoesNotExist).await;
        for target in [
            "/",
            "/repos",
            "/repos?filter=v",
            "/search?q=needle",
            "/search?q=needle+count:all",
            "/search?q=Zanzibar",
            "/search?q=repo:vault",
            "/search?q=type:repo+v",
            "/search?q=needle+lang:zig",
            "/r/vault",
            "/r/vault/-/blob/secret.txt",
            "/r/vault@main/-/tree/x",
            "/r/vault/-/raw/secret.txt",
            "/api/v1/repos",
            "/api/v1/repos?name=vault",
            "/api/v1/repos?limit=2",
            "/api/v1/repos/vault",
            "/api/v1/repos/vault/-/refs",
            "/api/v1/repos/vault/-/file/secret.txt",
            "/api/v1/repos/vault/-/owners/secret.txt",
            "/api/v1/search?q=needle+count:all",
            "/api/v1/search?q=repo:vault+Zanzibar",
            "/api/v1/complete?q=repo:v",
            "/api/v1/complete?q=rev:m",
            "/api/v1/complete?q=lang:zi",
            "/api/v1/goto?q=v",
            "/goto?q=v",
            "/api/v1/status",
            "/aggregate?q=needle&by=lang",
            "/why?repo=vault&path=secret.txt&q=needle",
            "/api/v1/repos/vault/-/why/secret.txt",
            "/exports",
            "/api/v1/exports",
            "/account/access",
            "/account/access?filter=v",
            "/account/access?after=odd",
        ] {
            for accept in ["text/html", "application/json"] {
                let headers = [("accept", accept)];
                let one = with.ask(Who::Bob, "GET", target, &headers, Body::empty()).await;
                let other = without.ask(Who::Bob, "GET", target, &headers, Body::empty()).await;
                assert_eq!(comparable(&one), comparable(&other), "{target}");
            }
        }
    });
}

/// What an address does not do is said with a page or a problem, before anybody is asked who they are.
#[test]
fn a_wrong_method_is_answered_alike() {
    run(async {
        for route in Server::routes() {
            if ["/api/search", "/api/list", "/mcp"].contains(&route.path) {
                continue; // In the words of their clients.
            }
            for method in ["GET", "POST", "DELETE"].into_iter().filter(|one| !route.methods.contains(one)) {
                for accept in ["text/html", "application/json"] {
                    let headers = [("accept", accept)];
                    let place = example_of(&route);
                    let ask = async |who| shared().ask(who, method, &place, &headers, Body::empty()).await;
                    let answer = ask(Who::Stranger).await;
                    assert_eq!(answer.status, 405, "{method} {}", route.path);
                    assert!(answer.text().contains("Not asked for in this way"), "{method} {}", route.path);
                    let allowed: Vec<&str> = answer.header("allow").split(',').collect();
                    assert!(
                        route.methods.iter().all(|one| allowed.contains(one)),
                        "{}: {allowed:?}",
                        route.path
                    );
                    for who in [Who::Bob, Who::BobsToken, Who::Ada] {
                        assert_eq!(
                            comparable(&ask(who).await),
                            comparable(&answer),
                            "{method} {}",
                            route.path
                        );
                    }
                }
            }
        }
    });
}

/// An example without what `?` begins: the same address whatever is asked of it.
fn example_of(route: &RouteInfo) -> String {
    example(route).split('?').next().unwrap_or_default().to_owned()
}

#[test]
fn forbidden_and_unknown_are_one_answer() {
    run(async {
        for (forbidden, unknown) in [
            ("/r/vault", "/r/nothing"),
            ("/r/vault/-/blob/secret.txt", "/r/app/-/blob/nothing.txt"),
            ("/r/vault@main/-/raw/secret.txt", "/r/app@nothing/-/raw/x"),
            ("/api/v1/repos/vault", "/api/v1/repos/nothing"),
            ("/api/v1/repos/vault/-/tree/", "/api/v1/repos/nothing/-/tree/"),
            ("/r/vault/-/blob/secret.txt", "/nothing/at/all"),
        ] {
            for accept in ["text/html", "application/json"] {
                let headers = [("accept", accept)];
                let one = shared().ask(Who::Bob, "GET", forbidden, &headers, Body::empty()).await;
                let other = shared().ask(Who::Bob, "GET", unknown, &headers, Body::empty()).await;
                assert_eq!(one.status, 404, "{forbidden}");
                assert_eq!(comparable(&one), comparable(&other), "{forbidden} {unknown}");
            }
        }
    });
}

#[test]
fn a_revoked_grant_ends_reading_at_once() {
    run(async {
        let world = World::new(Secret::Exists).await;
        assert_eq!(world.api(Who::Bob, "/api/v1/repos/app").await.status, 200);
        let all = world.store.access_set(&access::Actor::LOCAL_OPERATOR).await.expect("an access set");
        let name = model::RepoName::new("app").expect("a name");
        let app = world.store.repository_by_name(&all, &name).await.expect("a store").expect("app");
        world.store.revoke(app.id, world.bob().id).await.expect("revoked");
        assert_eq!(world.api(Who::Bob, "/api/v1/repos/app").await.status, 404);
        let found = world.api(Who::BobsToken, "/api/v1/search?q=needle+repo:app").await.json();
        assert_eq!(found["matches"].as_array().map(Vec::len), Some(0));
    });
}
