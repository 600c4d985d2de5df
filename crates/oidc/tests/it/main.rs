//! A provider on good and bad days: what it says is believed, or refused in words; never by chance.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use access::{Clock as _, ManualClock, SystemRandomness, Timestamp};
use egress::Egress;
use oidc::{
    Answer, Begun, Kept, NewAccounts, OptionsError, Person, Provider, ProviderError, ProviderOptions,
    SecondFactorTrust, TokenFault,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use testkit::identity_provider::{BadIdp, CLIENT_ID, CLIENT_SECRET, StubIdentity, StubProvider};
use url::Url;

const REDIRECT: &str = "http://127.0.0.1:7080/sign-in/provider/stub/back";

struct World {
    stub: StubProvider,
    clock: Arc<ManualClock>,
    provider: Provider,
}

impl World {
    async fn new() -> World {
        World::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut ProviderOptions)) -> World {
        let clock = Arc::new(ManualClock::at(Timestamp(1_767_225_600_000)));
        let stub_clock = Arc::clone(&clock);
        let stub = StubProvider::start(Arc::new(move || stub_clock.now().0 / 1000)).await;
        let mut options = options(stub.issuer());
        change(&mut options);
        let provider = Provider::new(options, &Egress::unrecorded(), clock.clone()).unwrap();
        World { stub, clock, provider }
    }

    async fn begin(&self) -> Begun {
        self.provider.begin(REDIRECT, false, &SystemRandomness).await.unwrap()
    }

    /// A whole sign-in of somebody.
    async fn sign_in(&self) -> Result<Person, ProviderError> {
        let begun = self.provider.begin(REDIRECT, false, &SystemRandomness).await?;
        let answer = read(&self.stub.visit(begun.address.as_str()));
        self.provider.finish(&answer, &begun.kept).await
    }

    /// The same on a bad day that begins after discovery.
    async fn on(&self, bad: BadIdp) -> Result<Person, ProviderError> {
        let begun = self.begin().await;
        self.stub.order(bad);
        let answer = read(&self.stub.visit(begun.address.as_str()));
        self.provider.finish(&answer, &begun.kept).await
    }
}

fn options(issuer: &str) -> ProviderOptions {
    ProviderOptions {
        id: "stub".into(),
        name: "Stub".into(),
        issuer: issuer.into(),
        client_id: CLIENT_ID.into(),
        client_secret: Some(Arc::new(|| Ok(SecretString::from(CLIENT_SECRET)))),
        scopes: vec!["email".into()],
        networks: vec!["127.0.0.0/8".parse().unwrap()],
        second_factor: SecondFactorTrust::Never,
        new_accounts: NewAccounts::Nobody,
        code_host: None,
    }
}

/// What a browser brings back.
fn read(back: &str) -> Answer {
    assert!(back.starts_with(REDIRECT), "{back}");
    let url = Url::parse(back).unwrap();
    let find =
        |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    Answer { code: find("code").map(SecretString::from), error: find("error"), issuer: find("iss") }
}

fn fault(result: Result<Person, ProviderError>) -> TokenFault {
    match result {
        Err(ProviderError::Token { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn somebody_comes_back_as_their_subject() {
    let world = World::new().await;
    world.stub.sign_in(StubIdentity::with_address("17", "ada", "Ada@Example.org", true));
    let person = world.sign_in().await.unwrap();
    assert_eq!((person.subject.as_str(), person.name.as_deref()), ("17", Some("ada")));
    assert_eq!(person.verified_address.as_deref(), Some("ada@example.org"));
    assert!(!person.has_second_factor);
    assert_eq!(person.proved_at, Some(world.clock.now().minus(Duration::from_secs(3600))));
    let asked = world.stub.asked();
    assert_eq!((asked["response_type"].as_str(), asked["scope"].as_str()), ("code", "openid email"));
    assert_eq!((asked["code_challenge_method"].as_str(), asked["redirect_uri"].as_str()), ("S256", REDIRECT));
    assert!(asked["state"].len() >= 43 && asked["nonce"].len() >= 43 && !asked.contains_key("prompt"));
}

#[tokio::test]
async fn a_fresh_proof_is_asked_for_and_told() {
    let world = World::new().await;
    let begun = world.provider.begin(REDIRECT, true, &SystemRandomness).await.unwrap();
    let answer = read(&world.stub.visit(begun.address.as_str()));
    let asked = world.stub.asked();
    assert_eq!((asked["prompt"].as_str(), asked["max_age"].as_str()), ("login", "0"));
    let person = world.provider.finish(&answer, &begun.kept).await.unwrap();
    assert_eq!(person.proved_at, Some(world.clock.now()));
}

#[tokio::test]
async fn es256_is_believed_like_rs256() {
    let world = World::new().await;
    world.stub.rotate(7);
    assert_eq!(world.sign_in().await.unwrap().subject, "0");
}

/// Threat A: a token that says it needs no signature.
#[tokio::test]
async fn a_token_without_a_signature_is_nobody() {
    let world = World::new().await;
    assert_eq!(fault(world.on(BadIdp::AlgNone).await), TokenFault::Signature);
}

/// Threat A: what everybody may know is no secret to verify with; nor is the client's own.
#[tokio::test]
async fn a_shared_secret_signs_nothing() {
    let world = World::new().await;
    assert_eq!(fault(world.on(BadIdp::HmacWithPublicKey).await), TokenFault::Signature);
    assert_eq!(fault(world.on(BadIdp::HmacWithSecret).await), TokenFault::Signature);
}

#[tokio::test]
async fn a_forged_signature_is_nobody() {
    let world = World::new().await;
    assert_eq!(fault(world.on(BadIdp::ForgedSignature).await), TokenFault::Signature);
}

/// Threat A: wrong audience, and a party of another name.
#[tokio::test]
async fn a_token_for_another_client_is_nobody() {
    let world = World::new().await;
    for aud in [json!("another"), json!(["another"]), json!([CLIENT_ID, "another"]), json!([]), json!(null)] {
        let refused = world.on(BadIdp::Claim("aud", aud.clone())).await;
        assert_eq!(fault(refused), TokenFault::Audience, "{aud}");
    }
    assert_eq!(fault(world.on(BadIdp::Claim("azp", json!("another"))).await), TokenFault::Audience);
    world.on(BadIdp::Claim("azp", json!(CLIENT_ID))).await.unwrap();
}

#[tokio::test]
async fn a_token_of_another_issuer_is_nobody() {
    let world = World::new().await;
    let prefix = format!("{}.evil.example", world.stub.issuer());
    for issuer in [json!("https://login.evil.example"), json!(prefix), json!(""), json!(null)] {
        let refused = world.on(BadIdp::Claim("iss", issuer.clone())).await;
        assert!(
            matches!(refused, Err(ProviderError::Token { .. } | ProviderError::Malformed { .. })),
            "{issuer}: {refused:?}"
        );
    }
}

/// Threat A: OIDC without nonce.
#[tokio::test]
async fn a_token_of_another_sign_in_is_nobody() {
    let world = World::new().await;
    for nonce in [json!("another"), json!(""), json!(null)] {
        assert_eq!(fault(world.on(BadIdp::Claim("nonce", nonce)).await), TokenFault::Nonce);
    }
}

#[tokio::test]
async fn a_token_of_another_time_is_nobody() {
    let world = World::new().await;
    let now = world.clock.now().0 / 1000;
    for (claim, at) in [("exp", now - 61), ("exp", 0), ("iat", now + 3600), ("iat", now - 3600), ("iat", 0)] {
        assert_eq!(fault(world.on(BadIdp::Claim(claim, json!(at))).await), TokenFault::Time, "{claim} {at}");
    }
    // Clocks differ by a little.
    world.on(BadIdp::Claim("exp", json!(now - 30))).await.unwrap();
    world.on(BadIdp::Claim("iat", json!(now + 30))).await.unwrap();
}

#[tokio::test]
async fn a_token_about_nobody_is_nobody() {
    let world = World::new().await;
    for sub in
        [json!(""), json!(" "), json!("a\nb"), json!("ä"), json!("x".repeat(256)), json!(null), json!(7)]
    {
        let refused = world.on(BadIdp::Claim("sub", sub.clone())).await;
        assert!(
            matches!(refused, Err(ProviderError::Token { .. } | ProviderError::Malformed { .. })),
            "{sub}: {refused:?}"
        );
    }
}

/// Threat A: an address counts where the provider verified it, and its domain is the whole of it.
#[tokio::test]
async fn only_verified_addresses_are_addresses() {
    let domains = NewAccounts::Domains(vec!["example.org".into()]);
    let world = World::with(|options| options.new_accounts = domains).await;
    for (address, is_verified, expected) in [
        ("ada@example.org", true, true),
        ("ada@EXAMPLE.org", true, true),
        ("ada@example.org", false, false),
        ("ada@example.org.evil.example", true, false),
        ("ada@evil.example@example.org", true, false),
        ("ada@evil-example.org", true, false),
        ("ada@sub.example.org", true, false),
    ] {
        world.stub.sign_in(StubIdentity::with_address("17", "ada", address, is_verified));
        let person = world.sign_in().await.unwrap();
        assert_eq!(world.provider.admits(&person), expected, "{address}");
    }
    world.stub.sign_in(StubIdentity { subject: "17".into(), claims: json!({ "email": "ada@example.org" }) });
    assert!(!world.provider.admits(&world.sign_in().await.unwrap()), "nobody says that it is verified");
}

#[tokio::test]
async fn second_factors_count_as_the_operator_says() {
    for (trust, claims, expected) in [
        (SecondFactorTrust::Never, json!({ "amr": ["mfa"] }), false),
        (SecondFactorTrust::Always, json!({}), true),
        (SecondFactorTrust::Stated(vec!["mfa".into()]), json!({ "amr": ["pwd", "mfa"] }), true),
        (SecondFactorTrust::Stated(vec!["mfa".into()]), json!({ "amr": ["pwd"] }), false),
        (SecondFactorTrust::Stated(vec!["mfa".into()]), json!({}), false),
        (SecondFactorTrust::Stated(vec!["phr".into()]), json!({ "acr": "phr" }), true),
        (SecondFactorTrust::Stated(vec!["phr".into()]), json!({ "acr": "phrh" }), false),
    ] {
        let world = World::with(|options| options.second_factor = trust).await;
        world.stub.sign_in(StubIdentity { subject: "17".into(), claims: claims.clone() });
        assert_eq!(world.sign_in().await.unwrap().has_second_factor, expected, "{claims}");
    }
}

/// Threat A, mix-up (RFC 9207): the code of one provider is never shown to another.
#[tokio::test]
async fn an_answer_of_another_provider_is_refused_before_its_code_is_used() {
    let world = World::new().await;
    for bad in [BadIdp::AnswerOfAnother, BadIdp::AnswerOfNobody] {
        let refused = world.on(bad.clone()).await;
        assert!(matches!(refused, Err(ProviderError::MixedUp { .. })), "{bad:?}: {refused:?}");
    }
    assert!(!world.stub.take_calls().contains_key("/token"));
}

/// Threat A: OIDC without PKCE: a code that somebody else was given is worth nothing in this browser, nor twice.
#[tokio::test]
async fn a_code_is_good_for_who_asked_and_once() {
    let world = World::new().await;
    let (mine, theirs) = (world.begin().await, world.begin().await);
    let stolen = read(&world.stub.visit(theirs.address.as_str()));
    let refused = world.provider.finish(&stolen, &mine.kept).await;
    assert!(matches!(refused, Err(ProviderError::CodeRefused { .. })), "{refused:?}");
    let begun = world.begin().await;
    let answer = read(&world.stub.visit(begun.address.as_str()));
    world.provider.finish(&answer, &begun.kept).await.unwrap();
    let again = world.provider.finish(&answer, &begun.kept).await;
    assert!(matches!(again, Err(ProviderError::CodeRefused { .. })), "{again:?}");
}

#[tokio::test]
async fn whoever_is_turned_back_there_reads_why() {
    let world = World::new().await;
    let refused = world.on(BadIdp::Declined).await.unwrap_err();
    assert_eq!(refused.to_string(), "Stub did not let you in (access denied); try again");
    let begun = world.begin().await;
    for (error, shown) in
        [("<script>alert(1)</script>", "an error without a name"), ("", "an error without a name")]
    {
        let issuer = Some(world.stub.issuer().to_owned());
        let answer = Answer { error: Some(error.into()), issuer, ..Answer::default() };
        let refused = world.provider.finish(&answer, &begun.kept).await.unwrap_err();
        assert!(refused.to_string().contains(shown) && !refused.to_string().contains('<'), "{refused}");
    }
}

#[tokio::test]
async fn an_answer_without_a_code_is_one() {
    let world = World::new().await;
    let begun = world.begin().await;
    let issuer = Some(world.stub.issuer().to_owned());
    for code in [None, Some(SecretString::from("")), Some(SecretString::from("x".repeat(10_000)))] {
        let answer = Answer { code, issuer: issuer.clone(), error: None };
        let refused = world.provider.finish(&answer, &begun.kept).await;
        assert!(matches!(refused, Err(ProviderError::NoCode { .. })), "{refused:?}");
    }
    let refused = world.on(BadIdp::CodeRefused).await;
    assert!(matches!(refused, Err(ProviderError::CodeRefused { .. })), "{refused:?}");
}

/// Keys are rotated by their owners: the new one is asked for, once; tokens of strangers do not make us ask again and again.
#[tokio::test]
async fn an_unknown_key_is_asked_for_once_a_minute() {
    let world = World::new().await;
    world.sign_in().await.unwrap();
    world.stub.rotate(7);
    world.sign_in().await.unwrap();
    assert_eq!(world.stub.take_calls()["/keys"], 2, "at first, and for the new key");
    for _ in 0..5 {
        assert_eq!(fault(world.on(BadIdp::ForeignKey).await), TokenFault::Signature);
    }
    assert!(!world.stub.take_calls().contains_key("/keys"));
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(fault(world.on(BadIdp::ForeignKey).await), TokenFault::Signature);
    assert_eq!(world.stub.take_calls()["/keys"], 1);
    world.stub.order(BadIdp::None);
    world.sign_in().await.unwrap();
}

/// A withdrawn key counts for an hour at most.
#[tokio::test]
async fn what_is_known_is_asked_for_again_after_an_hour() {
    let world = World::new().await;
    world.sign_in().await.unwrap();
    world.sign_in().await.unwrap();
    assert_eq!(world.stub.take_calls()["/.well-known/openid-configuration"], 1);
    world.clock.advance(Duration::from_secs(3600));
    world.sign_in().await.unwrap();
    assert_eq!(world.stub.take_calls()["/.well-known/openid-configuration"], 1);
}

#[tokio::test]
async fn a_provider_that_is_down_is_an_outage_in_words() {
    for (bad, words) in [
        (BadIdp::Status(500), "status 500"),
        (BadIdp::Status(404), "metadata that cannot be used"),
        (BadIdp::Html, "metadata that cannot be used"),
        (BadIdp::Oversized, "more than 1048576 bytes"),
        (BadIdp::OtherIssuer, "another issuer"),
        (BadIdp::NoS256, "PKCE"),
        (BadIdp::ScriptEndpoint, "cannot be used"),
        (BadIdp::KeysInward, "not encrypted"),
    ] {
        let world = World::new().await;
        world.stub.order(bad.clone());
        let refused = world.sign_in().await.unwrap_err();
        assert!(refused.is_outage() && refused.to_string().contains(words), "{bad:?}: {refused}");
        assert!(refused.to_string().starts_with("Stub "), "{refused}");
        // Whoever comes at the same moment hears the same, and the provider is left alone.
        let n_calls = world.stub.take_calls().values().sum::<u64>();
        assert_eq!(world.sign_in().await.unwrap_err(), refused);
        assert!(n_calls >= 1 && world.stub.take_calls().is_empty());
        world.stub.order(BadIdp::None);
        world.clock.advance(Duration::from_secs(5));
        world.sign_in().await.unwrap();
    }
}

#[tokio::test]
async fn what_cannot_be_a_token_is_refused() {
    for bad in [BadIdp::Html, BadIdp::Oversized, BadIdp::Status(500), BadIdp::Status(302)] {
        let world = World::new().await;
        let refused = world.on(bad.clone()).await.unwrap_err();
        assert!(refused.is_outage(), "{bad:?}: {refused}");
    }
}

#[tokio::test]
async fn addresses_only_the_user_info_tells_are_asked_for() {
    let world =
        World::with(|options| options.new_accounts = NewAccounts::Domains(vec!["example.org".into()])).await;
    world.stub.sign_in(StubIdentity::new("17"));
    assert_eq!(world.sign_in().await.unwrap().verified_address, None);
    assert_eq!(world.stub.take_calls()["/userinfo"], 1);
}

#[test]
fn options_are_checked_before_anything_is_asked() {
    let clock = || Arc::new(ManualClock::at(Timestamp(0)));
    let refused = |change: fn(&mut ProviderOptions)| {
        let mut options = options("https://login.example.org");
        change(&mut options);
        Provider::new(options, &Egress::unrecorded(), clock()).unwrap_err()
    };
    assert!(matches!(refused(|o| o.id = "A/B".into()), OptionsError::BadId { .. }));
    assert!(matches!(refused(|o| o.id = String::new()), OptionsError::BadId { .. }));
    assert!(matches!(refused(|o| o.name = " ".into()), OptionsError::BadName { .. }));
    assert!(matches!(refused(|o| o.client_id = String::new()), OptionsError::NoClientId { .. }));
    assert!(matches!(
        refused(|o| o.issuer = "http://login.example.org".into()),
        OptionsError::Unencrypted { .. }
    ));
    for issuer in
        ["login.example.org", "ftp://login.example.org", "https://u:p@login.example.org", "https://a/?b"]
    {
        let mut options = options("https://login.example.org");
        options.issuer = issuer.into();
        let refused = Provider::new(options, &Egress::unrecorded(), clock()).unwrap_err();
        assert!(matches!(refused, OptionsError::BadIssuer { .. }), "{issuer}: {refused}");
    }
    let shown =
        format!("{:?}", Provider::new(options("https://login.example.org"), &Egress::unrecorded(), clock()));
    assert!(!shown.contains(CLIENT_SECRET));
}

/// Nothing that is kept or told holds a secret in the open.
#[tokio::test]
async fn what_is_sent_to_the_browser_holds_no_verifier() {
    let world = World::new().await;
    let Begun { address, kept: Kept { verifier, .. }, .. } = world.begin().await;
    assert!(
        !address.as_str().contains(verifier.expose_secret()) && !address.as_str().contains(CLIENT_SECRET)
    );
}
