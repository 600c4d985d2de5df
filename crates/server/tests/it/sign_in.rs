//! Signing in and out, the setup link, and everything that tries to get around them.

use crate::world::{PASSWORD, Secret, Who, World, run, shared};
use access::SetupSecret;
use axum::body::Body;
use server::ServerConfig;
use std::time::Duration;

fn form(name: &str, password: &str, return_to: &str) -> String {
    let encode = |text: &str| text.replace('%', "%25").replace(' ', "%20").replace('&', "%26");
    format!("name={}&password={}&return_to={}", encode(name), encode(password), encode(return_to))
}

#[test]
fn the_right_password_gives_a_session() {
    run(async {
        let world = World::new(Secret::Exists).await;
        let answer = world.post(Who::Stranger, "/sign-in", &form("ada", PASSWORD, "/repos")).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/repos"));
        let cookie = answer.header("set-cookie");
        assert!(cookie.starts_with("sourcekeep=sks_"), "{cookie}");
        for attribute in ["Path=/", "HttpOnly", "SameSite=Lax", "Max-Age="] {
            assert!(cookie.contains(attribute), "{attribute}");
        }
        let pair = cookie.split(';').next().unwrap_or("");
        let headers = [("cookie", pair), ("accept", "text/html")];
        assert_eq!(world.ask(Who::Stranger, "GET", "/", &headers, Body::empty()).await.status, 200);
    });
}

#[test]
fn over_tls_the_cookie_is_bound_to_this_host() {
    run(async {
        let public_url = Some(url::Url::parse("https://code.example.org/").expect("a URL"));
        let world =
            World::with_config(Secret::Exists, ServerConfig { public_url, ..ServerConfig::default() }).await;
        let answer = world.post(Who::Stranger, "/sign-in", &form("ada", PASSWORD, "")).await;
        let cookie = answer.header("set-cookie");
        assert!(cookie.starts_with("__Host-sourcekeep=") && cookie.contains("; Secure"), "{cookie}");
    });
}

#[test]
fn wrong_names_and_wrong_passwords_look_the_same() {
    run(async {
        let world = World::new(Secret::Exists).await;
        let wrong_password = world.post(Who::Stranger, "/sign-in", &form("ada", "not this one", "/")).await;
        let wrong_name = world.post(Who::Stranger, "/sign-in", &form("eve", "not this one", "/")).await;
        assert_eq!(wrong_password.status, 403);
        assert_eq!(wrong_password.text().replace("ada", "eve"), wrong_name.text());
        assert!(wrong_password.header("set-cookie").is_empty());
        assert!(!wrong_password.text().contains("not this one"), "a password is never sent back");
    });
}

#[test]
fn guessing_is_slowed_down() {
    run(async {
        let world = World::new(Secret::Exists).await;
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(world.post(Who::Stranger, "/sign-in", &form("ada", "a guess", "/")).await);
        }
        let last = statuses.last().expect("an answer");
        assert_eq!(last.status, 429);
        let page = String::from_utf8_lossy(&last.body);
        assert!(page.contains("href=\"/sign-in\"") && !page.contains("href=\"/\">Go to"), "{page}");
        let seconds: u64 = last.header("retry-after").parse().expect("seconds");
        world.clock.advance(Duration::from_secs(seconds + 1));
        let right = world.post(Who::Stranger, "/sign-in", &form("ada", PASSWORD, "/")).await;
        assert_eq!(right.status, 303, "who waited may try again");
    });
}

#[test]
fn the_way_back_leads_nowhere_else() {
    run(async {
        let world = World::new(Secret::Exists).await;
        for target in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/%0d%0aX: y",
        ] {
            let answer = world.post(Who::Stranger, "/sign-in", &form("ada", PASSWORD, target)).await;
            let location = answer.header("location");
            assert!(location == "/" || location.starts_with("/%"), "{target}: {location}");
            let target = target.replace('%', "%25").replace('&', "%26");
            let page = shared()
                .get(
                    Who::Ada,
                    &format!("/sign-in?return_to={}", target.replace('\\', "%5C").replace(' ', "%20")),
                )
                .await;
            let location = page.header("location");
            assert!(location == "/" || location.starts_with("/%"), "{target}: {location}");
        }
        let answer = shared().get(Who::Stranger, "/search?q=a%20b&x=1").await;
        assert_eq!(answer.header("location"), "/sign-in?return_to=/search%3Fq%3Da%2520b%26x%3D1");
    });
}

#[test]
fn forms_of_other_sites_are_refused() {
    run(async {
        let world = World::new(Secret::Exists).await;
        let body = form("ada", PASSWORD, "/");
        for headers in [
            &[("accept", "text/html")][..],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[("origin", "http://127.0.0.1:7080"), ("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
        ] {
            let mut headers = headers.to_vec();
            headers.push(("content-type", "application/x-www-form-urlencoded"));
            for (target, who) in [("/sign-in", Who::Stranger), ("/sign-out", Who::Ada)] {
                let answer = world.ask(who, "POST", target, &headers, Body::from(body.clone())).await;
                assert_eq!(answer.status, 403, "{target} {headers:?}");
                assert!(answer.header("set-cookie").is_empty());
            }
        }
    });
}

#[test]
fn signing_out_ends_the_session() {
    run(async {
        let world = World::new(Secret::Exists).await;
        assert_eq!(world.get(Who::Ada, "/").await.status, 200);
        let answer = world.post(Who::Ada, "/sign-out", "").await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/sign-in"));
        assert!(answer.header("set-cookie").contains("Max-Age=0"));
        assert_eq!(world.get(Who::Ada, "/").await.status, 303, "the secret is worth nothing any more");
        assert_eq!(world.get(Who::Bob, "/").await.status, 200);
    });
}

#[test]
fn signing_in_again_changes_the_secret() {
    run(async {
        let world = World::new(Secret::Exists).await;
        let answer = world.post(Who::Ada, "/sign-in", &form("ada", PASSWORD, "/")).await;
        assert_eq!(answer.status, 303);
        assert_eq!(world.get(Who::Ada, "/").await.status, 303, "the session from before ended");
    });
}

#[test]
fn the_setup_link_works_once() {
    run(async {
        let world = World::without_people(Secret::DoesNotExist, ServerConfig::default()).await;
        let link = world.store.create_setup_link(Duration::from_secs(3600)).await.expect("a link");
        let page = format!("/setup/{}", link.reveal());
        assert_eq!(world.get(Who::Stranger, &page).await.status, 200);
        let submit = |password: &str, again: &str| {
            format!("name=Root&password={}&again={}", password.replace(' ', "+"), again.replace(' ', "+"))
        };
        let short = world.post(Who::Stranger, &page, &submit("short", "short")).await;
        assert_eq!(short.status, 422);
        assert!(short.text().contains("too short"), "{}", short.text());
        let different = world.post(Who::Stranger, &page, &submit(PASSWORD, "something else here")).await;
        assert!(different.text().contains("not the same"));
        let done = world.post(Who::Stranger, &page, &submit(PASSWORD, PASSWORD)).await;
        assert_eq!((done.status.as_u16(), done.header("location")), (303, "/"));
        assert!(done.header("set-cookie").starts_with("sourcekeep=sks_"));
        let after = world.get(Who::Stranger, &page).await;
        assert_eq!(after.status, 404);
        let other = SetupSecret::mint(&access::SystemRandomness).expect("a secret");
        let unknown = world.get(Who::Stranger, &format!("/setup/{}", other.reveal())).await;
        assert_eq!(unknown.text(), after.text(), "used and unknown look the same");
    });
}
