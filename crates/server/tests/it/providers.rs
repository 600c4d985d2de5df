//! Signing in at an identity provider, as a browser meets it, and what must not get around it.

use crate::at_provider::{At, HERE, NOW, everybody, options, start, there};
use crate::second_factors::{Browser, code};
use crate::world::{Who, run};
use access::{ManualClock, UserName};
use axum::body::Body;
use egress::Egress;
use oidc::{NewAccounts, Provider, ProviderOptions, SecondFactorTrust};
use server::ServerConfig;
use std::sync::Arc;
use std::time::Duration;
use testkit::identity_provider::{BadIdp, StubIdentity};

/// Threat A: accounts are linked by issuer and subject; what somebody calls themselves, or is reached at, is nobody's account.
#[test]
fn names_and_addresses_lead_to_nobodys_account() {
    run(async {
        let at = At::with(everybody, ServerConfig::default()).await;
        at.link(at.world.bob(), "17").await;
        for (subject, name, address) in [
            ("99", "bob", "bob@example.org"),
            ("98", "ada", "ada@example.org"),
            ("bob", "bob", "x@y"),
            ("017", "bob", "x@z"),
        ] {
            at.stub.sign_in(StubIdentity::with_address(subject, name, address, true));
            let mut browser = Browser::new(&at.world);
            at.sign_in(&mut browser).await;
            let page = browser.get("/repos").await.text();
            assert!(page.contains(&format!("Signed in as <strong>{name}-")), "{subject}");
            assert!(!page.contains("href=\"/r/app\""), "nothing of bob's");
        }
    });
}

/// Threat A, enumeration: whoever is unknown and whoever is shut out are told the same.
#[test]
fn nobody_and_a_shut_account_are_one_answer() {
    run(async {
        for change in [|_: &mut ProviderOptions| {}, everybody] {
            let at = At::with(change, ServerConfig::default()).await;
            at.link(at.world.bob(), "17").await;
            at.world.store.set_disabled(at.world.bob().id, true).await.expect("a store");
            let mut browser = Browser::new(&at.world);
            at.stub.sign_in(StubIdentity::new("17"));
            let shut = at.sign_in(&mut browser).await;
            assert_eq!(shut.status, 403);
            assert!(browser.cookie("sourcekeep").is_none());
            if at
                .world
                .store
                .user_by_name(&UserName::new("user").expect("a name"))
                .await
                .expect("a store")
                .is_none()
            {
                at.stub.sign_in(StubIdentity::new("18"));
                let mut browser = Browser::new(&at.world);
                let unknown = at.sign_in(&mut browser).await;
                if unknown.status == 403 {
                    assert_eq!(unknown.body, shut.body);
                }
            }
        }
    });
}

#[test]
fn new_people_get_an_account_where_their_verified_domain_may() {
    run(async {
        let domains = |options: &mut ProviderOptions| {
            options.new_accounts = NewAccounts::Domains(vec!["example.org".into()]);
        };
        let at = At::with(domains, ServerConfig::default()).await;
        for (address, is_verified) in [("carol@evil.example", true), ("carol@example.org", false)] {
            at.stub.sign_in(StubIdentity::with_address("20", "carol", address, is_verified));
            assert_eq!(at.sign_in(&mut Browser::new(&at.world)).await.status, 403, "{address}");
        }
        at.stub.sign_in(StubIdentity::with_address("20", "Carol Example", "carol@example.org", true));
        let mut browser = Browser::new(&at.world);
        assert_eq!(at.sign_in(&mut browser).await.status, 303);
        assert!(browser.get("/").await.text().contains("<strong>carol-example</strong>"));
        assert_eq!(browser.get("/admin/users").await.status, 403, "a member");
        // The second time it is the same account, whatever it is called by now.
        at.stub.sign_in(StubIdentity::with_address("20", "caroline", "c@evil.example", false));
        let mut again = Browser::new(&at.world);
        at.sign_in(&mut again).await;
        assert!(again.get("/").await.text().contains("<strong>carol-example</strong>"));
    });
}

/// Threat A: OIDC without state: an answer is heard once, within ten minutes, in the browser that was sent, from the provider
/// it was sent to.
#[test]
fn an_answer_is_heard_once_and_where_it_was_asked_for() {
    run(async {
        let at = At::new().await;
        at.link(at.world.bob(), "17").await;
        at.stub.sign_in(StubIdentity::new("17"));
        let begin = || async {
            let mut browser = Browser::new(&at.world);
            let sent = browser.post("/sign-in/provider/stub", "").await;
            (browser, at.visit(&sent))
        };
        // Login CSRF: somebody else's answer in a browser that was sent nowhere, or elsewhere.
        let (_, answer) = begin().await;
        let (mut victim, _) = begin().await;
        for browser in [&mut Browser::new(&at.world), &mut victim] {
            assert_eq!(browser.get(&answer).await.status, 403);
            assert!(browser.cookie("sourcekeep").is_none());
        }
        // Another state, none, and two.
        let (mut browser, answer) = begin().await;
        let (other, _) = answer.split_once("state=").expect("a state");
        for wrong in
            [format!("{other}state=wrong&code=code-1"), format!("{other}code=code-1"), other.to_owned()]
        {
            assert_eq!(browser.get(&wrong).await.status, 403, "{wrong}");
        }
        assert_eq!(browser.get(&format!("{answer}&state=x")).await.status, 400);
        assert_eq!(browser.get(&answer).await.status, 303, "none of these used it up");
        // Twice.
        let session = browser.cookie("sourcekeep").expect("a session").to_owned();
        assert_eq!(browser.get(&answer).await.status, 403, "replayed");
        assert_eq!(browser.cookie("sourcekeep"), Some(session.as_str()));
        // Late.
        let (mut browser, answer) = begin().await;
        at.pass(600);
        assert_eq!(browser.get(&answer).await.status, 403);
        assert!(browser.cookie("sourcekeep").is_none());
        // Two cookies: one of them was planted.
        let (mut browser, answer) = begin().await;
        let planted = browser.cookies.iter().find(|(name, _)| name == "sourcekeep-provider").cloned();
        browser.cookies.extend(planted);
        assert_eq!(browser.get(&answer).await.status, 403);
    });
}

/// Threat A, mix-up: what one provider answers is not taken for another's.
#[test]
fn an_answer_of_one_provider_is_not_anothers() {
    run(async {
        let clock = Arc::new(ManualClock::at(NOW));
        let evil = start(&clock).await;
        let provider =
            Provider::new(options("evil", &evil), &Egress::unrecorded(), clock).expect("a provider");
        let config = ServerConfig { providers: vec![Arc::new(provider)], ..ServerConfig::default() };
        let at = At::with(|_| {}, config).await;
        at.link(at.world.bob(), "17").await;
        for stub in [&at.stub, &evil] {
            stub.sign_in(StubIdentity::new("17"));
        }
        // Its subject is another person, whatever its number.
        let mut browser = Browser::new(&at.world);
        let sent = browser.post("/sign-in/provider/evil", "").await;
        let back = evil.visit(there(&sent));
        assert_eq!(browser.get(back.strip_prefix(HERE).expect("ours")).await.status, 403);
        // An answer that was asked for there, brought to the other's address.
        let mut browser = Browser::new(&at.world);
        let sent = browser.post("/sign-in/provider/stub", "").await;
        let moved = at.visit(&sent).replace("/stub/", "/evil/");
        assert_eq!(browser.get(&moved).await.status, 403);
        assert!(evil.take_calls().get("/token").is_none_or(|n| *n == 1), "no code went to the wrong one");
        // One that says it comes from elsewhere.
        at.stub.order(BadIdp::AnswerOfAnother);
        let mut browser = Browser::new(&at.world);
        assert_eq!(at.sign_in(&mut browser).await.status, 403);
        assert!(browser.cookie("sourcekeep").is_none());
    });
}

/// Threat A: every token that is not one ends as a page, with nobody signed in and an entry in the log.
#[test]
fn tokens_that_are_none_sign_nobody_in() {
    run(async {
        let at = At::with(everybody, ServerConfig::default()).await;
        at.link(at.world.bob(), "17").await;
        at.stub.sign_in(StubIdentity::new("17"));
        for bad in [
            BadIdp::AlgNone,
            BadIdp::HmacWithPublicKey,
            BadIdp::HmacWithSecret,
            BadIdp::ForgedSignature,
            BadIdp::ForeignKey,
            BadIdp::Claim("aud", "another".into()),
            BadIdp::Claim("azp", "another".into()),
            BadIdp::Claim("iss", "https://login.evil.example".into()),
            BadIdp::Claim("nonce", "another".into()),
            BadIdp::Claim("nonce", serde_json::Value::Null),
            BadIdp::Claim("exp", 1.into()),
            BadIdp::Claim("iat", 1.into()),
            BadIdp::CodeRefused,
            BadIdp::Declined,
        ] {
            at.stub.order(BadIdp::None);
            let mut browser = Browser::new(&at.world);
            let sent = browser.post("/sign-in/provider/stub", "").await;
            at.stub.order(bad.clone());
            let refused = browser.get(&at.visit(&sent)).await;
            assert_eq!(refused.status, 403, "{bad:?}");
            assert!(refused.text().contains("role=\"alert\""), "{bad:?}");
            assert!(browser.cookie("sourcekeep").is_none(), "{bad:?}");
        }
        assert!(at.log().await.matches("outcome: \"refused\"").count() >= 14, "each stands in the log");
    });
}

#[test]
fn a_provider_that_is_down_is_told_in_words_and_keeps_nobody_else_out() {
    run(async {
        let at = At::new().await;
        for bad in
            [BadIdp::Status(503), BadIdp::Html, BadIdp::Oversized, BadIdp::KeysInward, BadIdp::ScriptEndpoint]
        {
            at.pass(5);
            at.stub.order(bad.clone());
            let page = Browser::new(&at.world).post("/sign-in/provider/stub", "return_to=/repos").await;
            assert_eq!(page.status, 502, "{bad:?}");
            let text = page.text();
            assert!(text.contains("Stub ") && text.contains("name=\"password\""), "{bad:?}: {text}");
            assert!(!text.contains("javascript:") && page.header("refresh").is_empty());
        }
        at.pass(5);
        at.stub.order(BadIdp::Silent);
        let mut waiting = Browser::new(&at.world);
        let mut other = Browser::new(&at.world);
        tokio::select! {
            biased;
            _ = waiting.post("/sign-in/provider/stub", "") => panic!("nobody answers there"),
            done = other.password("bob", "/") => assert_eq!(done.header("location"), "/"),
        }
    });
}

/// Threat X, open redirects.
#[test]
fn nobody_is_sent_elsewhere_afterwards() {
    run(async {
        let at = At::new().await;
        at.link(at.world.bob(), "17").await;
        at.stub.sign_in(StubIdentity::new("17"));
        for target in ["//evil.example", "/%5Cevil.example", "%2F%2Fevil.example", "https:%2F%2Fevil.example"]
        {
            let mut browser = Browser::new(&at.world);
            let form = format!("return_to={target}");
            let done = at.there_and_back(&mut browser, "/sign-in/provider/stub", &form).await;
            assert_eq!(done.header("location"), "/", "{target}");
        }
    });
}

/// Threat A, fixation.
#[test]
fn nothing_from_before_is_a_session_afterwards() {
    run(async {
        let at = At::new().await;
        at.link(at.world.bob(), "17").await;
        at.stub.sign_in(StubIdentity::new("17"));
        let mut attacker = Browser::new(&at.world);
        attacker.password("ada", "/").await;
        let planted = attacker.cookie("sourcekeep").expect("a session").to_owned();
        let mut victim = Browser::new(&at.world);
        victim.cookies.push(("sourcekeep".into(), planted.clone()));
        let held = {
            let sent = victim.post("/sign-in/provider/stub", "").await;
            let held = victim.cookie("sourcekeep-provider").expect("held").to_owned();
            victim.get(&at.visit(&sent)).await;
            held
        };
        let session = victim.cookie("sourcekeep").expect("a session");
        assert!(session != planted && session != held);
        assert_eq!(attacker.get("/").await.status, 303, "the planted session ended");
        let mut thief = Browser::new(&at.world);
        thief.cookies.push(("sourcekeep".into(), held));
        assert_eq!(thief.get("/").await.status, 303);
    });
}

#[test]
fn the_second_factor_is_asked_for_where_the_provider_does_not_answer_for_it() {
    run(async {
        for (trust, claims, second) in [
            (SecondFactorTrust::Never, serde_json::json!({ "amr": ["mfa"] }), true),
            (SecondFactorTrust::Always, serde_json::json!({}), false),
            (SecondFactorTrust::Stated(vec!["mfa".into()]), serde_json::json!({ "amr": ["mfa"] }), false),
            (SecondFactorTrust::Stated(vec!["mfa".into()]), serde_json::json!({ "amr": ["pwd"] }), true),
        ] {
            let at = At::with(|options| options.second_factor = trust, ServerConfig::default()).await;
            let (_, seed, _) = Browser::with_app(&at.world, "bob").await;
            at.clock.advance(Duration::from_secs(60));
            at.link(at.world.bob(), "17").await;
            at.stub.sign_in(StubIdentity { subject: "17".into(), claims: claims.clone() });
            let mut browser = Browser::new(&at.world);
            let answer = at.sign_in(&mut browser).await;
            assert_eq!(browser.cookie("sourcekeep").is_none(), second, "{claims}");
            if second {
                // From a page of ours: its cookie comes with nothing that another site began.
                assert_eq!(
                    (answer.status.as_u16(), there(&answer)),
                    (200, "/sign-in/second?return_to=/repos")
                );
                let form = format!("code={}&return_to=/repos", code(&at.world, &seed));
                assert_eq!(browser.post("/sign-in/second", &form).await.header("location"), "/repos");
            }
            assert_eq!(browser.get("/repos").await.status, 200);
        }
        let config = ServerConfig { second_factor_required: true, ..ServerConfig::default() };
        let at = At::with(everybody, config).await;
        let mut browser = Browser::new(&at.world);
        assert_eq!(there(&at.sign_in(&mut browser).await), "/sign-in/enrol?return_to=/repos");
        assert_eq!(browser.get("/repos").await.status, 303);
        assert_eq!(browser.get("/sign-in/enrol").await.status, 200);
    });
}

/// Somebody who is known at the provider for long is not somebody who has just proved who they are.
#[test]
fn sensitive_acts_want_a_fresh_sign_in_there() {
    run(async {
        let at = At::with(everybody, ServerConfig::default()).await;
        at.stub.sign_in(StubIdentity::new("30"));
        let mut browser = Browser::new(&at.world);
        at.sign_in(&mut browser).await;
        let sent = browser.post("/account/totp/draw", "").await;
        assert!(sent.header("location").starts_with("/step-up"), "the provider let them in an hour ago");
        let page = browser.get("/step-up").await.text();
        assert!(page.contains("Sign in again with Stub") && !page.contains("name=\"password\""), "{page}");
        // Somebody else there is no proof, and nothing is done.
        at.stub.sign_in(StubIdentity::new("31"));
        let other = at.there_and_back(&mut browser, "/step-up/provider/stub", "return_to=/account").await;
        assert_eq!(other.status, 403);
        assert!(browser.post("/account/totp/draw", "").await.header("location").starts_with("/step-up"));
        // Nor is an old sign-in, which the provider was asked not to use.
        at.stub.sign_in(StubIdentity::new("30"));
        at.stub.order(BadIdp::Claim("auth_time", (NOW.0 / 1000 - 3600).into()));
        let old = at.there_and_back(&mut browser, "/step-up/provider/stub", "return_to=/account").await;
        assert_eq!(old.status, 403);
        at.stub.order(BadIdp::None);
        let before = browser.cookie("sourcekeep").expect("a session").to_owned();
        let proved = at.there_and_back(&mut browser, "/step-up/provider/stub", "return_to=/account").await;
        assert_eq!(proved.header("location"), "/account");
        assert_eq!(at.stub.asked()["prompt"], "login");
        assert_ne!(browser.cookie("sourcekeep"), Some(before.as_str()));
        assert_eq!(browser.post("/account/totp/draw", "").await.header("location"), "/account/totp");
    });
}

/// A provider that was asked by `max_age` and does not say when somebody signed in there has proved nothing about now.
#[test]
fn a_provider_that_does_not_say_when_proves_nothing_fresh() {
    run(async {
        let at = At::with(everybody, ServerConfig::default()).await;
        at.stub.sign_in(StubIdentity::new("30"));
        at.stub.order(BadIdp::Claim("auth_time", serde_json::Value::Null));
        let mut browser = Browser::new(&at.world);
        assert_eq!(at.sign_in(&mut browser).await.header("location"), "/repos", "they are signed in");
        let sent = browser.post("/account/totp/draw", "").await;
        assert!(sent.header("location").starts_with("/step-up"), "that was no fresh proof");
        let before = browser.cookie("sourcekeep").expect("a session").to_owned();
        let back = at.there_and_back(&mut browser, "/step-up/provider/stub", "return_to=/account").await;
        assert!(back.status == 403 && back.text().contains("does not say when"), "{}", back.text());
        assert_eq!(at.stub.asked()["max_age"], "0");
        assert_eq!(browser.cookie("sourcekeep"), Some(before.as_str()), "and nothing is renewed");
        assert!(browser.post("/account/totp/draw", "").await.header("location").starts_with("/step-up"));
    });
}

/// Over TLS nothing but this very host sets or reads what the browser holds, and people come back to the public address.
#[test]
fn over_tls_the_cookie_is_this_hosts_alone() {
    run(async {
        let public_url = Some(url::Url::parse("https://code.example.org/").expect("an address"));
        let at = At::with(|_| {}, ServerConfig { public_url, ..ServerConfig::default() }).await;
        let headers = [
            ("host", "code.example.org"),
            ("origin", "https://code.example.org"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let sent =
            at.world.ask(Who::Stranger, "POST", "/sign-in/provider/stub", &headers, Body::empty()).await;
        let cookie = sent.header("set-cookie");
        assert!(cookie.starts_with("__Host-sourcekeep-provider=skb_"), "{cookie}");
        for part in ["; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax", "; Max-Age=600"] {
            assert!(cookie.contains(part), "{part}: {cookie}");
        }
        assert_eq!(sent.header("cache-control"), "no-store");
        at.stub.visit(there(&sent));
        assert_eq!(at.stub.asked()["redirect_uri"], "https://code.example.org/sign-in/provider/stub/back");
    });
}
