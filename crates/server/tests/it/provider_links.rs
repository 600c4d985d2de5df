//! Accounts at an identity provider that are somebody's here: linking, unlinking, and what they are good for.

use crate::at_provider::{At, everybody, there};
use crate::second_factors::Browser;
use crate::world::{PASSWORD, Who, run};
use access::{Role, UserName};
use axum::body::Body;
use server::ServerConfig;
use std::time::Duration;
use store::{LinkProviderError, NewCodeHost};
use testkit::identity_provider::{BadIdp, CLIENT_ID, StubIdentity};

#[test]
fn an_account_is_linked_and_then_signs_in_there() {
    run(async {
        let at = At::new().await;
        at.stub.sign_in(StubIdentity::with_address("17", "bobby", "bob@example.org", true));
        let mut bob = Browser::new(&at.world);
        bob.password("bob", "/").await;
        assert!(bob.get("/account").await.text().contains("Not linked"));
        let before = bob.cookie("sourcekeep").expect("a session").to_owned();
        let linked = at.there_and_back(&mut bob, "/account/providers/stub/link", "").await;
        assert_eq!((linked.status.as_u16(), linked.header("location")), (303, "/account?done=linked"));
        assert_ne!(
            bob.cookie("sourcekeep"),
            Some(before.as_str()),
            "the session goes on under another secret"
        );
        assert!(bob.get("/account").await.text().contains("Linked with bobby"));
        let mut browser = Browser::new(&at.world);
        assert!(browser.get("/sign-in").await.text().contains("Sign in with Stub"));
        let done = at.sign_in(&mut browser).await;
        assert_eq!((done.status.as_u16(), done.header("location")), (303, "/repos"));
        assert!(browser.cookie("sourcekeep-provider").is_none(), "used up");
        assert!(browser.get("/repos").await.text().contains("Signed in as <strong>bob</strong>"));
        let log = at.log().await;
        for part in ["user.identity.link", "provider stub", at.stub.issuer()] {
            assert!(log.contains(part), "{part}: {log}");
        }
    });
}

#[test]
fn the_last_way_in_stays() {
    run(async {
        let at = At::with(everybody, ServerConfig::default()).await;
        at.stub.sign_in(StubIdentity::new("30"));
        let mut carol = Browser::new(&at.world);
        at.sign_in(&mut carol).await;
        at.there_and_back(&mut carol, "/step-up/provider/stub", "").await;
        let refused = carol.post("/account/providers/stub/unlink", "").await;
        assert!(refused.status == 409 && refused.text().contains("last way"), "{}", refused.text());
        assert!(carol.get("/account").await.text().contains("Your account has none"));
        // Who has a password may; their other sessions end.
        at.link(at.world.bob(), "17").await;
        let mut bob = Browser::new(&at.world);
        bob.password("bob", "/").await;
        let other = at.world.get(Who::Bob, "/").await;
        assert_eq!(other.status, 200);
        assert_eq!(
            bob.post("/account/providers/stub/unlink", "").await.header("location"),
            "/account?done=unlinked"
        );
        assert_eq!(at.world.get(Who::Bob, "/").await.status, 303);
        assert_eq!(
            bob.post("/account/providers/stub/unlink", "").await.status,
            404,
            "there is none any more"
        );
        at.stub.sign_in(StubIdentity::new("17"));
        let mut browser = Browser::new(&at.world);
        at.sign_in(&mut browser).await;
        assert!(!browser.get("/").await.text().contains("<strong>bob</strong>"));
    });
}

#[test]
fn an_account_there_is_one_persons_here() {
    run(async {
        let at = At::new().await;
        at.link(at.world.bob(), "17").await;
        at.stub.sign_in(StubIdentity::new("17"));
        let mut ada = Browser::new(&at.world);
        ada.password("ada", "/").await;
        let taken = at.there_and_back(&mut ada, "/account/providers/stub/link", "").await;
        assert!(taken.status == 409 && taken.text().contains("another person"), "{}", taken.text());
        let again = at.world.store.link_provider(at.world.bob().id, &at.identity("18")).await;
        assert!(matches!(again, Err(LinkProviderError::HasAnother)));
        // Begun by one, ended in another's session: nothing is linked.
        at.stub.sign_in(StubIdentity::new("50"));
        let sent = ada.post("/account/providers/stub/link", "").await;
        let mut bob = Browser::new(&at.world);
        bob.password("bob", "/").await;
        let held = ada.cookie("sourcekeep-provider").expect("held").to_owned();
        bob.cookies.push(("sourcekeep-provider".into(), held));
        assert_eq!(bob.get(&at.visit(&sent)).await.status, 403);
        assert_eq!(at.world.store.providers_of(at.world.bob().id).await.expect("a store").len(), 1);
    });
}

#[test]
fn linking_asks_for_a_fresh_proof_and_a_session() {
    run(async {
        let at = At::new().await;
        for act in ["link", "unlink"] {
            let path = format!("/account/providers/stub/{act}");
            assert_eq!(at.world.post(Who::BobsToken, &path, "").await.status, 403, "{act}");
            let headers =
                [("origin", "https://evil.example"), ("content-type", "application/x-www-form-urlencoded")];
            let foreign = at.world.ask(Who::Bob, "POST", &path, &headers, Body::empty()).await;
            assert_eq!(foreign.status, 403, "{act}");
        }
        let mut bob = Browser::new(&at.world);
        bob.password("bob", "/").await;
        at.pass(600);
        for act in ["link", "unlink"] {
            let answer = bob.post(&format!("/account/providers/stub/{act}"), "").await;
            assert!(answer.header("location").starts_with("/step-up"), "{act}");
        }
        assert_eq!(at.world.post(Who::Stranger, "/sign-in/provider/nothing", "").await.status, 404);
    });
}

/// A password that is right is like a wrong one where the account is linked and the rule says so; to the byte.
#[test]
fn passwords_can_be_switched_off_for_linked_accounts() {
    run(async {
        let at = At::new().await;
        at.link(at.world.bob(), "17").await;
        let (mut ada, _, _) = Browser::with_app(&at.world, "ada").await;
        at.clock.advance(Duration::from_secs(60));
        let done = ada.post("/admin/sign-in", "password_beside_provider=no").await;
        assert_eq!(done.status, 303, "{}", done.text());
        let right = Browser::new(&at.world).password("bob", "/").await;
        let wrong = Browser::new(&at.world).post("/sign-in", "name=bob&password=wrong").await;
        assert_eq!((right.status, &right.body), (wrong.status, &wrong.body));
        assert!(
            Browser::new(&at.world)
                .password("ada", "/")
                .await
                .header("location")
                .starts_with("/sign-in/second")
        );
        at.stub.sign_in(StubIdentity::new("17"));
        assert_eq!(at.sign_in(&mut Browser::new(&at.world)).await.status, 303);
        // The way back in that whoever runs the server hands out.
        let valid_for = Duration::from_secs(3600);
        let link = at.world.store.create_account_link(at.world.bob().id, valid_for).await.expect("a link");
        let form = format!("password={0}&again={0}", PASSWORD.replace(' ', "+"));
        let set = Browser::new(&at.world).post(&format!("/link/{}", link.reveal()), &form).await;
        assert_eq!(set.header("location"), "/");
        ada.post("/admin/sign-in", "").await;
        assert_eq!(Browser::new(&at.world).password("bob", "/").await.header("location"), "/");
    });
}

#[test]
fn an_invitation_is_accepted_there() {
    run(async {
        let at = At::new().await;
        let (name, valid_for) = (UserName::new("dora").expect("a name"), Duration::from_secs(3600));
        let (dora, link) = at.world.store.invite(name, Role::Member, valid_for).await.expect("a link");
        at.stub.sign_in(StubIdentity::new("60"));
        let page = format!("/link/{}", link.reveal());
        let mut browser = Browser::new(&at.world);
        assert!(browser.get(&page).await.text().contains("Accept with Stub"));
        let done = at.there_and_back(&mut browser, &format!("{page}/provider/stub"), "").await;
        assert_eq!((done.status.as_u16(), done.header("location")), (303, "/"));
        assert!(browser.get("/").await.text().contains("<strong>dora</strong>"));
        assert_eq!(Browser::new(&at.world).get(&page).await.status, 404, "used up");
        assert_eq!(at.world.store.providers_of(dora.id).await.expect("a store").len(), 1);
        // A reset link is for a password: it links nothing.
        let reset = at.world.store.create_account_link(at.world.bob().id, valid_for).await.expect("a link");
        let page = format!("/link/{}", reset.reveal());
        assert!(!Browser::new(&at.world).get(&page).await.text().contains("Accept with"));
        assert_eq!(Browser::new(&at.world).post(&format!("{page}/provider/stub"), "").await.status, 404);
    });
}

/// Where the code host is the provider, its account is proved by signing in: by its immutable id, at that host alone.
#[test]
fn the_permissions_of_a_code_host_reach_whoever_signs_in_there() {
    run(async {
        let at = At::with(|options| options.code_host = Some("forge".into()), ServerConfig::default()).await;
        let host = |name: &str, kind: &str, url: &str| NewCodeHost {
            kind: kind.into(),
            name: name.into(),
            url: url.into(),
            settings: "{}".into(),
            bound: Duration::from_secs(900),
            token: None,
        };
        let forge = host("forge", "gitlab", &format!("{}/", at.stub.issuer()));
        let forge = at.world.store.add_code_host(forge).await.expect("a host");
        at.link(at.world.bob(), "17").await;
        at.stub.sign_in(StubIdentity::with_address("17", "bobby", "b@x", true));
        at.sign_in(&mut Browser::new(&at.world)).await;
        let known = at.world.store.identities_of(at.world.bob().id).await.expect("a store");
        assert_eq!(known.len(), 1);
        assert_eq!((&known[0].host, known[0].account.as_str()), (&forge.id, "17"));
        let mut bob = Browser::new(&at.world);
        bob.password("bob", "/").await;
        bob.post("/account/providers/stub/unlink", "").await;
        assert!(at.world.store.identities_of(at.world.bob().id).await.expect("a store").is_empty());
        // SECURITY: another provider's subjects are not ids of accounts at a host elsewhere, nor of one of another kind.
        for (kind, url) in [("gitlab", "http://127.0.0.1:9"), ("github", at.stub.issuer())] {
            let at =
                At::with(|options| options.code_host = Some("other".into()), ServerConfig::default()).await;
            let url = if kind == "github" { at.stub.issuer() } else { url };
            at.world.store.add_code_host(host("other", kind, url)).await.expect("a host");
            at.link(at.world.bob(), "17").await;
            at.stub.sign_in(StubIdentity::new("17"));
            assert_eq!(at.sign_in(&mut Browser::new(&at.world)).await.status, 303);
            assert!(
                at.world.store.identities_of(at.world.bob().id).await.expect("a store").is_empty(),
                "{kind}"
            );
        }
    });
}

/// Whoever looks after accounts sees, makes and takes away what providers' accounts are whose.
#[test]
fn administrators_link_by_the_identifier_and_unlink() {
    run(async {
        let at = At::new().await;
        at.stub.sign_in(StubIdentity::with_address("17", "bobby", "bob@example.org", true));
        let here = "/admin/users/bob";
        let said =
            async |act: &str, form: &str| at.world.post(Who::Ada, &format!("{here}/{act}"), form).await;
        let page = at.world.get(Who::Ada, here).await.text();
        assert!(page.contains("<option value=\"stub\">Stub</option>"), "{page}");
        // What nobody is called, a provider there is not, and somebody else's account link nothing.
        for subject in ["", "+", "%C3%A9", &"7".repeat(256)] {
            let refused = said("link-provider", &format!("provider=stub&subject={subject}")).await;
            assert_eq!(refused.status, 422, "{subject}");
        }
        assert_eq!(said("link-provider", "provider=none&subject=17").await.status, 404);
        let ada = at.world.store.user_by_name(&UserName::new("ada").expect("a name")).await;
        at.link(&ada.expect("an answer").expect("an account"), "1").await;
        let taken = said("link-provider", "provider=stub&subject=1").await;
        assert_eq!(taken.status, 422);
        assert!(taken.text().contains("belongs to another person"), "{}", taken.text());
        assert!(at.world.store.providers_of(at.world.bob().id).await.expect("a list").is_empty());
        // By its identifier, it lets its holder in.
        assert_eq!(said("link-provider", "provider=stub&subject=+17+").await.status, 303);
        let mut bob = Browser::new(&at.world);
        at.sign_in(&mut bob).await;
        assert_eq!(bob.get("/account").await.status, 200);
        let page = at.world.get(Who::Ada, here).await.text();
        assert!(page.contains("bobby, <span class=\"mono wrap-any\">17</span>, linked"), "{page}");
        // Taken away, it ends what began by it, though another way in there is none.
        let issuer: String = url::form_urlencoded::byte_serialize(at.stub.issuer().as_bytes()).collect();
        assert_eq!(said("unlink-provider", &format!("issuer={issuer}")).await.status, 303);
        assert_eq!(bob.get("/account").await.status, 303);
        assert_eq!(at.sign_in(&mut bob).await.status, 403);
        assert_eq!(said("unlink-provider", &format!("issuer={issuer}")).await.status, 404);
        let log = at.log().await;
        for act in ["user.identity.link", "user.identity.unlink"] {
            let is_it = |line: &&str| line.contains(act) && line.contains("subject=17");
            let line = log.lines().find(is_it).unwrap_or_else(|| panic!("{act} in {log}"));
            assert!(line.contains("actor: \"ada\"") && line.contains("object: \"bob\""), "{line}");
        }
    });
}

/// Nobody but administrators links anybody, and a fresh proof is asked for.
#[test]
fn who_does_not_look_after_accounts_links_nobody() {
    run(async {
        let at = At::new().await;
        let form = "provider=stub&subject=17";
        for who in [Who::Bob, Who::Stranger] {
            let answer = at.world.post(who, "/admin/users/bob/link-provider", form).await;
            assert!([303, 403].contains(&answer.status.as_u16()), "{}", answer.status);
        }
        at.pass(3600);
        let stale = at.world.post(Who::Ada, "/admin/users/bob/link-provider", form).await;
        assert!(stale.header("location").starts_with("/step-up"), "{}", stale.text());
        assert!(at.world.store.providers_of(at.world.bob().id).await.expect("a list").is_empty());
    });
}

/// Signing out here ends the session here, at once; the provider is left where its owner says so, and they come back here.
#[test]
fn who_signs_out_may_sign_out_at_the_provider_too() {
    run(async {
        let at = At::new().await;
        at.link(at.world.bob(), "17").await;
        at.stub.sign_in(StubIdentity::new("17"));
        let mut bob = Browser::new(&at.world);
        at.sign_in(&mut bob).await;
        let out = bob.post("/sign-out", "").await;
        assert_eq!(out.header("location"), "/sign-in?signed_out=stub");
        assert_eq!(bob.get("/account").await.status, 303, "the session is over whatever comes next");
        let page = bob.get("/sign-in?signed_out=stub").await.text();
        assert!(page.contains("action=\"/sign-in/provider/stub/sign-out\""), "{page}");
        let sent = bob.post("/sign-in/provider/stub/sign-out", "").await;
        let expected = format!(
            "{}/sign-out?realm=corp&client_id={CLIENT_ID}&post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A7080%2Fsign-in",
            at.stub.issuer()
        );
        assert_eq!(there(&sent), expected);
        // Whoever has not signed in there is told nothing of it.
        let mut ada = Browser::new(&at.world);
        ada.password("ada", "/").await;
        assert_eq!(ada.post("/sign-out", "").await.header("location"), "/sign-in");
    });
}

/// Threat X, open redirects: a browser is sent where the provider published, if that is a place for browsers, and nowhere that
/// a request names.
#[test]
fn signing_out_leads_to_no_place_but_the_providers() {
    run(async {
        for place in [
            "javascript:alert(1)",
            "http://login.evil.example/out",
            "//login.evil.example",
            "data:text/html,x",
            "",
            "ftp://login.evil.example/",
        ] {
            let at = At::new().await;
            at.stub.order(BadIdp::SignOutAt(place));
            let mut browser = Browser::new(&at.world);
            let page = browser.get("/sign-in?signed_out=stub").await;
            assert_eq!(page.status, 200);
            assert!(!page.text().contains("/sign-out\""), "{place}: {}", page.text());
            assert_eq!(browser.post("/sign-in/provider/stub/sign-out", "").await.status, 404, "{place}");
            // Signing in goes on.
            assert_eq!(browser.post("/sign-in/provider/stub", "").await.status, 200, "{place}");
        }
        let at = At::new().await;
        at.stub.order(BadIdp::SignOutAt("https://login.example.org/out"));
        let mut browser = Browser::new(&at.world);
        let evil = "post_logout_redirect_uri=https://evil.example&return_to=//evil.example&signed_out=https://evil.example";
        let sent = browser.post(&format!("/sign-in/provider/stub/sign-out?{evil}"), "").await;
        assert!(there(&sent).starts_with("https://login.example.org/out?client_id="), "{}", there(&sent));
        assert!(!sent.text().contains("evil"), "{}", sent.text());
        for id in ["https://evil.example", "//evil.example", "nothing", "1"] {
            let page = browser.get(&format!("/sign-in?signed_out={id}")).await.text();
            assert!(!page.contains("evil") && !page.contains("sign-out"), "{page}");
        }
        // A provider that is down keeps nobody from the page.
        let at = At::new().await;
        at.stub.order(BadIdp::Status(503));
        let mut browser = Browser::new(&at.world);
        assert_eq!(browser.get("/sign-in?signed_out=stub").await.status, 200);
        assert_eq!(browser.post("/sign-in/provider/stub/sign-out", "").await.status, 502);
    });
}
