//! Code hosts as administrators see them, and their webhooks as anybody can send them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use crate::world::{Answer, Secret, Who, World, run};
use axum::body::Body;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::time::Duration;
use store::{CodeHost, NewCodeHost};

const TOKEN: &str = "glpat-a-token-that-nobody-may-see";

async fn world() -> World {
    let world = World::new(Secret::DoesNotExist).await;
    // Nobody has proved lately who they are.
    world.clock.advance(Duration::from_secs(3600));
    world
}

/// Ada's cookie after she proved again who she is.
pub(crate) async fn fresh(world: &World) -> String {
    let form = format!("password={}", crate::world::PASSWORD.replace(' ', "+"));
    let answer = world.post(Who::Ada, "/step-up", &form).await;
    answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned()
}

pub(crate) async fn post(world: &World, cookie: &str, target: &str, form: &str) -> Answer {
    let headers = [
        ("accept", "text/html"),
        ("origin", "http://127.0.0.1:7080"),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("cookie", cookie),
    ];
    world.ask(Who::Stranger, "POST", target, &headers, Body::from(form.to_owned())).await
}

pub(crate) async fn get(world: &World, cookie: &str, target: &str) -> Answer {
    let headers = [("accept", "text/html"), ("cookie", cookie)];
    world.ask(Who::Stranger, "GET", target, &headers, Body::empty()).await
}

async fn connected(world: &World, kind: &str) -> CodeHost {
    let new = NewCodeHost {
        kind: kind.into(),
        name: format!("our {kind}"),
        url: "https://git.example.org".into(),
        settings: "{}".into(),
        bound: store::BOUND_DEFAULT,
        token: Some(TOKEN.into()),
    };
    world.store.add_code_host(new).await.unwrap()
}

#[test]
fn connecting_is_for_administrators_who_proved_who_they_are() {
    run(async {
        let world = world().await;
        let form = format!("kind=gitlab&name=ours&url=https://git.example.org&token={TOKEN}");
        for who in [Who::Bob, Who::BobsToken, Who::Stranger] {
            for target in ["/admin/hosts", "/admin/hosts/new", "/admin/hosts/nonsense"] {
                let status = world.get(who, target).await.status;
                assert!([302, 303, 401, 403].contains(&status.as_u16()), "{who:?} {target}: {status}");
            }
            world.post(who, "/admin/hosts", &form).await;
        }
        assert!(world.store.code_hosts().await.unwrap().is_empty());
        let empty = world.get(Who::Ada, "/admin/hosts").await;
        assert!(empty.status == 200 && empty.text().contains("No code host yet"));
        assert!(world.get(Who::Ada, "/admin/hosts/new").await.header("location").starts_with("/step-up"));
        world.post(Who::Ada, "/admin/hosts", &form).await;
        assert!(world.store.code_hosts().await.unwrap().is_empty(), "not without a proof");
        let cookie = fresh(&world).await;
        assert_eq!(get(&world, &cookie, "/admin/hosts/new").await.status, 200);
        let added = post(&world, &cookie, "/admin/hosts", &form).await;
        assert_eq!(added.status, 303, "{}", added.text());
        let page = get(&world, &cookie, added.header("location")).await;
        assert!(page.status == 200 && page.text().contains("https://git.example.org"));
        assert!(!page.text().contains(TOKEN), "it is never shown again");
        assert!(get(&world, &cookie, "/admin/hosts").await.text().contains("ours"));
    });
}

#[test]
fn mistakes_are_told_and_the_token_is_not_repeated() {
    run(async {
        let world = world().await;
        let cookie = fresh(&world).await;
        for (form, says) in [
            ("kind=svn&url=https://h&token=x", "no kind of code host"),
            ("kind=gitlab&url=nonsense&token=x", "cannot be read"),
            ("kind=gitlab&url=http://169.254.169.254&token=x", "metadata"),
            ("kind=gitlab&url=https://127.0.0.1&token=x", "this machine itself"),
            ("kind=gitlab&url=https://2130706433&token=x", "this machine itself"),
            ("kind=gitlab&url=https://u:p@h&token=x", "no user name"),
            ("kind=gitlab&url=https://h", "needs a token"),
            ("kind=bitbucket-cloud&url=https://bitbucket.org&token=x", "workspace"),
            ("kind=gitlab&url=https://h&token=x&networks=nonsense", "no network"),
            ("kind=gitlab&url=https://h&token=x&exclude_patterns=(", "regular expression"),
            ("kind=gitlab&url=https://h&token=x&bound_minutes=0", "between a minute"),
        ] {
            let form = form.replace("token=x", &format!("token={TOKEN}"));
            let answer = post(&world, &cookie, "/admin/hosts", &form).await;
            assert_eq!(answer.status, 400, "{form}");
            assert!(answer.text().contains(says), "{form}: {}", answer.text());
            assert!(!answer.text().contains(TOKEN));
        }
        let more = format!("kind=gitlab&url=https://h&token={TOKEN}&id=mine");
        assert!(post(&world, &cookie, "/admin/hosts", &more).await.status.is_client_error());
        assert!(world.store.code_hosts().await.unwrap().is_empty());
    });
}

#[test]
fn a_host_is_changed_and_removed() {
    run(async {
        let world = world().await;
        let host = connected(&world, "gitlab").await;
        let cookie = fresh(&world).await;
        let at = |act: &str| format!("/admin/hosts/{}/{act}", host.id);
        world.store.note_host_error(&host.id, "the <b>token</b> is refused").await.unwrap();
        let page = get(&world, &cookie, &format!("/admin/hosts/{}", host.id)).await.text();
        assert!(page.contains("&#60;b&#62;") || page.contains("&lt;b&gt;"), "{page}");
        let form = "name=renamed&bound_minutes=30&exclude_forks=yes&networks=10.0.0.0/8&exclude_names=a/*";
        assert_eq!(post(&world, &cookie, &at("change"), form).await.status, 200);
        let changed = world.store.code_host(&host.id).await.unwrap().unwrap();
        assert_eq!((changed.name.as_str(), changed.bound.as_secs()), ("renamed", 1800));
        assert!(changed.settings.contains("forks") && changed.settings.contains("10.0.0.0/8"));
        assert_eq!(post(&world, &cookie, &at("change"), "name=x&bound_minutes=no").await.status, 400);
        assert!(
            post(&world, &cookie, &at("change"), "name=x&kind=git&hook_id=y").await.status.is_client_error()
        );
        assert_eq!(post(&world, &cookie, &at("link"), "user=bob&account_id=7").await.status, 200);
        let refused = post(&world, &cookie, &at("link"), "user=nobody&account_id=8&login=eight").await;
        assert_eq!(refused.status, 400);
        let page = refused.text();
        for typed in ["value=\"nobody\"", "value=\"8\"", "value=\"eight\""] {
            assert!(page.contains(typed), "{typed} is lost: {page}");
        }
        assert_eq!(world.store.identities_at(&host.id).await.unwrap().len(), 1);
        assert_eq!(post(&world, &cookie, &at("unlink"), "user=bob").await.status, 200);
        assert!(world.store.identities_at(&host.id).await.unwrap().is_empty());
        assert_eq!(post(&world, &cookie, &at("sync"), "").await.status, 200);
        let secret = post(&world, &cookie, &at("secret"), "").await.text();
        assert!(secret.contains(&hook_secret(&world, &host).await));
        assert_eq!(post(&world, &cookie, &at("nonsense"), "").await.status, 404);
        assert_eq!(get(&world, &cookie, &at("remove")).await.status, 303, "nothing is done by looking");
        assert_eq!(post(&world, &cookie, &at("remove"), "confirm=ours").await.status, 400);
        assert_eq!(post(&world, &cookie, &at("remove"), "confirm=renamed").await.status, 303);
        assert_eq!(get(&world, &cookie, &format!("/admin/hosts/{}", host.id)).await.status, 404);
    });
}

async fn hook_secret(world: &World, host: &CodeHost) -> String {
    let secret = world.store.code_host_hook_secret(&host.id).await.unwrap().unwrap();
    String::from_utf8(secret.expose().to_vec()).unwrap()
}

async fn deliver(world: &World, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    world.ask(Who::Stranger, "POST", path, headers, Body::from(body.to_owned())).await
}

/// S-webhook-unsigned, S-webhook-tampered, S-webhook-ambiguous, S-webhook-replay at the server's own door.
#[test]
fn webhooks_are_taken_once_and_only_from_the_host() {
    run(async {
        let world = world().await;
        let host = connected(&world, "github").await;
        let path = format!("/hooks/{}", host.hook_id);
        let body: &[u8] = br#"{"repository":{"id":1}}"#;
        let mut mac = Hmac::<Sha256>::new_from_slice(hook_secret(&world, &host).await.as_bytes()).unwrap();
        mac.update(body);
        let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let signature = format!("sha256={hex}");
        let good =
            [("x-hub-signature-256", &*signature), ("x-github-event", "push"), ("x-github-delivery", "1")];
        let unknown = deliver(&world, "/hooks/00000000000000000000000000000000", &good, body).await;
        assert_eq!(unknown.status, 404);
        let wrong = format!("sha256={}", "0".repeat(64));
        for headers in [
            &[][..],
            &[("x-hub-signature-256", &*wrong)],
            &[("x-hub-signature-256", &*signature), ("x-hub-signature-256", &*signature)],
        ] {
            let refused = deliver(&world, &path, headers, body).await;
            assert_eq!(
                (refused.status, &refused.body),
                (unknown.status, &unknown.body),
                "one answer for all"
            );
        }
        assert_eq!(deliver(&world, &path, &good, &[body, b" "].concat()).await.status, 404);
        let n_before = world.store.jobs().counts().await.unwrap().n_queued;
        assert_eq!(deliver(&world, &path, &good, body).await.status, 202);
        assert_eq!(world.store.jobs().counts().await.unwrap().n_queued, n_before + 1, "asked sooner");
        let again =
            [("x-hub-signature-256", &*signature), ("x-github-event", "push"), ("x-github-delivery", "2")];
        assert_eq!(deliver(&world, &path, &again, body).await.status, 200, "known, whatever it is called");
        let filter = store::AuditFilter { act: "host.webhook".into(), ..Default::default() };
        let entries = world.store.audit_entries(&filter, None, 100).await.unwrap();
        assert_eq!(entries.iter().filter(|entry| entry.outcome == "done").count(), 1);
        assert_eq!(entries.iter().filter(|entry| entry.outcome == "refused").count(), 5);
    });
}

/// S-webhook-large
#[test]
fn what_is_too_large_is_refused_before_it_is_read() {
    run(async {
        let world = world().await;
        let host = connected(&world, "github").await;
        let path = format!("/hooks/{}", host.hook_id);
        let refused = async |headers: &[(&str, &str)], body: &[u8]| {
            let answer = deliver(&world, &path, headers, body).await;
            assert!(answer.status == 400 && answer.text().contains("25 MB"), "{}", answer.text());
        };
        refused(&[("content-length", "26214401")], b"{}").await;
        refused(&[], &vec![b' '; (25 << 20) + 1]).await;
        assert!(deliver(&world, &path, &[("content-length", "-1")], b"{}").await.status.is_client_error());
    });
}
