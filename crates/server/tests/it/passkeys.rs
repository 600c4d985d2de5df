//! Passkeys as a browser meets them.

use crate::world::{Answer, Secret, Who, World, run, shared};
use axum::body::Body;
use serde_json::Value;
use testkit::authenticator::Authenticator;

const ORIGIN: &str = "http://localhost:7080";

/// Asks as a page under `localhost` would; browsers have no passkeys for numeric addresses.
async fn ask(world: &World, cookie: &str, target: &str, form: &str) -> Answer {
    let headers = [
        ("host", "localhost:7080"),
        ("accept", "text/html"),
        ("origin", ORIGIN),
        ("content-type", "application/x-www-form-urlencoded"),
        ("cookie", cookie),
    ];
    let method = if form == "GET" { "GET" } else { "POST" };
    world.ask(Who::Stranger, method, target, &headers, Body::from(form.to_owned())).await
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

fn form(begun: &Value, answer: &str) -> String {
    format!("ceremony={}&answer={}", begun["ceremony"].as_str().expect("a name"), encoded(answer))
}

fn cookie_of(answer: &Answer) -> String {
    let mut cookies = answer.headers.get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
    let session = cookies.find(|cookie| cookie.starts_with("sourcekeep=sks_")).expect("a session");
    session.split(';').next().unwrap_or("").to_owned()
}

#[test]
fn a_passkey_is_registered_and_signs_in() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let (_, cookie) = world.credentials(Who::Bob).expect("a cookie");
        let mut device = Authenticator::new(7, ORIGIN);
        let begun = ask(&world, &cookie, "/account/passkeys/begin", "").await;
        assert_eq!(begun.header("cache-control"), "no-store");
        let begun = begun.json();
        let registered = format!("{}&name=laptop", form(&begun, &device.create(&begun["options"])));
        let more = ask(&world, &cookie, "/account/passkeys", &format!("{registered}&user=1")).await;
        assert_eq!(more.status, 400, "a form takes its own fields only");
        let done = ask(&world, &cookie, "/account/passkeys", &registered).await;
        assert!(done.status == 200 && done.text().contains("Recovery codes"), "{}", done.text());
        let rotated = cookie_of(&done);
        assert_ne!(rotated, cookie);
        assert!(ask(&world, &rotated, "/account", "GET").await.text().contains("Passkey: laptop"));
        // Alone.
        assert!(ask(&world, "", "/sign-in", "GET").await.text().contains("Sign in with a passkey"));
        let begun = ask(&world, "", "/sign-in/passkey/begin", "").await.json();
        let proof = form(&begun, &device.get(&begun["options"]));
        let done = ask(&world, "", "/sign-in/passkey", &format!("{proof}&return_to=//evil.example")).await;
        assert_eq!((done.status.as_u16(), done.header("location")), (303, "/"));
        let replayed = ask(&world, "", "/sign-in/passkey", &proof).await;
        assert_eq!(replayed.status, 403);
        assert!(replayed.header("set-cookie").is_empty());
        assert_eq!(ask(&world, &cookie_of(&done), "/", "GET").await.status, 200);
    });
}

#[test]
fn where_browsers_have_none_no_button_is_shown() {
    run(async {
        assert!(!shared().get(Who::Stranger, "/sign-in").await.text().contains("passkey"));
        for target in ["/sign-in/passkey/begin", "/sign-in/second/begin"] {
            assert_eq!(shared().post(Who::Stranger, target, "").await.status, 404, "{target}");
        }
        let page = shared().get(Who::Bob, "/account").await.text();
        assert!(page.contains("public_url") && !page.contains("data-passkey"), "{page}");
    });
}

/// A name in a header is not believed: a page that another name leads to would become the relying party.
#[test]
fn another_host_is_no_relying_party() {
    run(async {
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1:7080"] {
            let origin = format!("http://{host}");
            let headers = [("host", host), ("origin", origin.as_str())];
            let answer =
                shared().ask(Who::Stranger, "POST", "/sign-in/passkey/begin", &headers, Body::empty()).await;
            assert!([404, 421].contains(&answer.status.as_u16()), "{host}: {}", answer.status);
        }
    });
}

/// Where a second factor is demanded, it may be a passkey from the beginning.
#[test]
fn a_demanded_factor_is_enrolled_as_a_passkey() {
    run(async {
        let config = server::ServerConfig { second_factor_required: true, ..server::ServerConfig::default() };
        let world = World::with_config(Secret::DoesNotExist, config).await;
        let password = crate::world::PASSWORD.replace(' ', "+");
        let first = ask(&world, "", "/sign-in", &format!("name=bob&password={password}")).await;
        assert_eq!(first.header("location"), "/sign-in/enrol");
        let cookies = first.headers.get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
        let pending = cookies.into_iter().find(|cookie| cookie.starts_with("sourcekeep-pending=skp_"));
        let pending = pending.and_then(|cookie| cookie.split(';').next()).expect("half a sign-in").to_owned();
        assert!(ask(&world, &pending, "/sign-in/enrol", "GET").await.text().contains("Register a passkey"));
        assert_eq!(ask(&world, "", "/sign-in/enrol/begin", "").await.status, 404, "nobody's");
        let mut device = Authenticator::new(9, ORIGIN);
        let begun = ask(&world, &pending, "/sign-in/enrol/begin", "").await.json();
        // What was made for another page is none.
        let foreign = Authenticator::new(9, "http://evil.localhost:7080").create(&begun["options"]);
        let refused = ask(&world, &pending, "/sign-in/enrol", &form(&begun, &foreign)).await;
        assert_eq!(refused.status, 422);
        let begun = ask(&world, &pending, "/sign-in/enrol/begin", "").await.json();
        let answer = form(&begun, &device.create(&begun["options"]));
        let done = ask(&world, &pending, "/sign-in/enrol", &format!("{answer}&name=key")).await;
        assert!(done.status == 200 && done.text().contains("Recovery codes"), "{}", done.text());
        let session = cookie_of(&done);
        assert!(ask(&world, &session, "/account", "GET").await.text().contains("Passkey: key"));
        assert_eq!(ask(&world, &pending, "/sign-in/enrol/begin", "").await.status, 404, "it is over");
        // The next time it is the second step.
        let first = ask(&world, "", "/sign-in", &format!("name=bob&password={password}")).await;
        assert_eq!(first.header("location"), "/sign-in/second");
    });
}

/// SECURITY: the password alone adds no factor beside the one there is.
#[test]
fn whoever_has_a_factor_enrols_none_with_the_password_alone() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let (_, cookie) = world.credentials(Who::Bob).expect("a cookie");
        let mut device = Authenticator::new(7, ORIGIN);
        let begun = ask(&world, &cookie, "/account/passkeys/begin", "").await.json();
        ask(&world, &cookie, "/account/passkeys", &form(&begun, &device.create(&begun["options"]))).await;
        let password = crate::world::PASSWORD.replace(' ', "+");
        let first = ask(&world, "", "/sign-in", &format!("name=bob&password={password}")).await;
        assert_eq!(first.header("location"), "/sign-in/second");
        let cookies = first.headers.get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
        let pending = cookies.into_iter().find(|cookie| cookie.starts_with("sourcekeep-pending=skp_"));
        let pending = pending.and_then(|cookie| cookie.split(';').next()).expect("half a sign-in").to_owned();
        assert_eq!(ask(&world, &pending, "/sign-in/enrol/begin", "").await.status, 404);
    });
}
