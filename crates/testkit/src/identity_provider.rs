//! A stub of an identity provider (OpenID Connect Core 1.0), on loopback: it signs real tokens with RS256 or ES256, holds
//! browsers to PKCE, and can be told each bad day. It counts every call.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, Uri, header};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use openidconnect::core::{CoreJwsSigningAlgorithm, CoreRsaPrivateSigningKey};
use openidconnect::{JsonWebKeyId, PrivateSigningKey as _};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use url::{Url, form_urlencoded};

/// What the stub calls the server under test.
pub const CLIENT_ID: &str = "sourcekeep";
/// What the server proves that with.
pub const CLIENT_SECRET: &str = "stub-secret-of-the-client";

const RSA_PEM: &str = include_str!("../testdata/rsa-of-the-stub-provider.pem");
const RSA_KID: &str = "rsa-1";
const SCRIPT: &str = "javascript:alert(1)";

/// Tells the time, in seconds since 1970, by which tokens are made.
pub type StubClock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Somebody the provider knows: who is signed in there in the browser that comes next.
#[derive(Clone, Debug)]
pub struct StubIdentity {
    /// Their subject.
    pub subject: String,
    /// More claims of the token, as they stand there.
    pub claims: Value,
}

/// What goes wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BadIdp {
    /// Nothing.
    #[default]
    None,
    /// Tokens say `alg: none` and have no signature.
    AlgNone,
    /// Tokens are HMACs with the published RSA key as the secret.
    HmacWithPublicKey,
    /// Tokens are HMACs with the client's secret.
    HmacWithSecret,
    /// Tokens are signed by somebody else under the published key's id.
    ForgedSignature,
    /// Tokens are signed by somebody else with a key that is not published.
    ForeignKey,
    /// A claim has another value; `null` takes it away.
    Claim(&'static str, Value),
    /// Everything is answered with this status.
    Status(u16),
    /// A page in place of JSON, with status 200.
    Html,
    /// Four megabytes in place of JSON.
    Oversized,
    /// Nothing at all is answered.
    Silent,
    /// The token endpoint alone never answers.
    SilentTokens,
    /// The metadata names another issuer.
    OtherIssuer,
    /// The metadata offers no S256.
    NoS256,
    /// The metadata sends browsers to a script.
    ScriptEndpoint,
    /// The metadata names this as the place to sign out.
    SignOutAt(&'static str),
    /// The metadata keeps the keys at a machine's metadata service.
    KeysInward,
    /// Codes are refused.
    CodeRefused,
    /// The answer names another issuer.
    AnswerOfAnother,
    /// The answer names no issuer, although the metadata says that it does.
    AnswerOfNobody,
    /// The person presses "no".
    Declined,
}

/// A stub that serves on loopback until it is dropped.
pub struct StubProvider {
    issuer: String,
    shared: Arc<Mutex<Shared>>,
    server: tokio::task::JoinHandle<()>,
}

struct Shared {
    issuer: String,
    clock: StubClock,
    identity: StubIdentity,
    bad: BadIdp,
    /// Codes that were given, each good for once.
    codes: BTreeMap<String, Given>,
    n_codes: u64,
    /// Signs with ES256 from now on, with the key of this number.
    elliptic: Option<u8>,
    calls: BTreeMap<String, u64>,
    asked: BTreeMap<String, String>,
}

/// What a code is bound to.
#[derive(Clone)]
struct Given {
    challenge: String,
    nonce: String,
    redirect: String,
    identity: StubIdentity,
    auth_time: i64,
}

impl StubIdentity {
    /// Somebody with this subject and nothing else.
    pub fn new(subject: &str) -> Self {
        StubIdentity { subject: subject.to_owned(), claims: json!({}) }
    }

    /// Somebody with an address, verified or not.
    pub fn with_address(subject: &str, name: &str, address: &str, is_verified: bool) -> Self {
        let claims = json!({ "preferred_username": name, "email": address, "email_verified": is_verified });
        StubIdentity { subject: subject.to_owned(), claims }
    }
}

impl StubProvider {
    /// Serves, by this clock.
    pub async fn start(clock: StubClock) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        Self::serve(listener, clock)
    }

    /// The same on a listener of one's own.
    pub fn serve(listener: tokio::net::TcpListener, clock: StubClock) -> Self {
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Mutex::new(Shared {
            issuer: issuer.clone(),
            clock,
            identity: StubIdentity::new("0"),
            bad: BadIdp::None,
            codes: BTreeMap::new(),
            n_codes: 0,
            elliptic: None,
            calls: BTreeMap::new(),
            asked: BTreeMap::new(),
        }));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        StubProvider { issuer, shared, server }
    }

    /// What it calls itself.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whoever comes next is this one.
    pub fn sign_in(&self, identity: StubIdentity) {
        self.lock().identity = identity;
    }

    /// Orders a bad day from now on.
    pub fn order(&self, bad: BadIdp) {
        self.lock().bad = bad;
    }

    /// Signs with another key from now on: ES256, one key for each number. The RSA key is not published any more.
    pub fn rotate(&self, number: u8) {
        self.lock().elliptic = Some(number.max(1));
    }

    /// How often each address was called, and begins anew.
    pub fn take_calls(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut self.lock().calls)
    }

    /// What the last browser was sent here with.
    pub fn asked(&self) -> BTreeMap<String, String> {
        self.lock().asked.clone()
    }

    /// Does what a browser does that is sent here: returns where it is sent back to.
    pub fn visit(&self, address: &str) -> String {
        let url = Url::parse(address).expect("an address");
        assert!(address.starts_with(&format!("{}/authorize?", self.issuer)), "sent elsewhere: {address}");
        self.lock().authorize(&url)
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StubProvider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn authorize(&mut self, url: &Url) -> String {
        let asked: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let get = |name: &str| asked.get(name).cloned().unwrap_or_default();
        self.asked.clone_from(&asked);
        let mut back = Url::parse(&get("redirect_uri")).expect("an address to come back to");
        let is_bound = get("code_challenge_method") == "S256" && get("code_challenge").len() == 43;
        let is_ours = get("client_id") == CLIENT_ID && get("response_type") == "code";
        let mut answer = vec![("state", get("state"))];
        if !is_ours || !is_bound || !get("scope").split(' ').any(|scope| scope == "openid") {
            answer.push(("error", "invalid_request".into()));
        } else if self.bad == BadIdp::Declined {
            answer.push(("error", "access_denied".into()));
        } else {
            self.n_codes += 1;
            let code = format!("code-{}", self.n_codes);
            let now = (self.clock)();
            let auth_time = if asked.contains_key("max_age") { now } else { now - 3600 };
            let given = Given {
                challenge: get("code_challenge"),
                nonce: get("nonce"),
                redirect: get("redirect_uri"),
                identity: self.identity.clone(),
                auth_time,
            };
            self.codes.insert(code.clone(), given);
            answer.push(("code", code));
        }
        match self.bad {
            BadIdp::AnswerOfAnother => answer.push(("iss", "https://login.evil.example".into())),
            BadIdp::AnswerOfNobody => {}
            _ => answer.push(("iss", self.issuer.clone())),
        }
        back.query_pairs_mut().extend_pairs(answer);
        back.into()
    }

    fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        let mut metadata = json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "userinfo_endpoint": at("/userinfo"),
            "jwks_uri": at("/keys"),
            "end_session_endpoint": at("/sign-out?realm=corp"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
        });
        match self.bad {
            BadIdp::OtherIssuer => metadata["issuer"] = "https://login.evil.example".into(),
            BadIdp::NoS256 => metadata["code_challenge_methods_supported"] = json!(["plain"]),
            BadIdp::ScriptEndpoint => metadata["authorization_endpoint"] = SCRIPT.into(),
            BadIdp::SignOutAt(place) => metadata["end_session_endpoint"] = place.into(),
            BadIdp::KeysInward => metadata["jwks_uri"] = "http://169.254.169.254/keys".into(),
            _ => {}
        }
        metadata
    }

    fn keys(&self) -> Value {
        match self.elliptic {
            Some(number) => json!({ "keys": [elliptic_jwk(number)] }),
            None => json!({ "keys": [rsa_jwk(), elliptic_jwk(1)] }),
        }
    }

    fn token(&mut self, headers: &HeaderMap, body: &[u8]) -> Response<Body> {
        let form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
        let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let refuse = |word: &str| reply(400, json!({ "error": word }));
        let proof = format!("{CLIENT_ID}:{CLIENT_SECRET}");
        let proof = format!("Basic {}", BASE64_STANDARD.encode(proof));
        let is_known =
            headers.get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes() == proof.as_bytes());
        if !is_known {
            return refuse("invalid_client");
        }
        let Some(given) = self.codes.remove(get("code")) else { return refuse("invalid_grant") };
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(get("code_verifier").as_bytes()));
        let is_bound = challenge == given.challenge && get("redirect_uri") == given.redirect;
        if !is_bound || get("grant_type") != "authorization_code" || self.bad == BadIdp::CodeRefused {
            return refuse("invalid_grant");
        }
        let token = self.id_token(&given);
        let token = json!({ "access_token": "stub-access", "token_type": "Bearer", "id_token": token });
        reply(200, token)
    }

    fn id_token(&self, given: &Given) -> String {
        let now = (self.clock)();
        let mut claims = json!({
            "iss": self.issuer, "sub": given.identity.subject, "aud": CLIENT_ID, "nonce": given.nonce,
            "exp": now + 300, "iat": now, "auth_time": given.auth_time,
        });
        let mut put = |name: &str, value: &Value| match value {
            Value::Null => drop(claims.as_object_mut().expect("claims").remove(name)),
            value => claims[name] = value.clone(),
        };
        for (name, value) in given.identity.claims.as_object().into_iter().flatten() {
            put(name, value);
        }
        if let BadIdp::Claim(name, value) = &self.bad {
            put(name, value);
        }
        let (alg, kid) = match (&self.bad, self.elliptic) {
            (BadIdp::AlgNone, _) => ("none", None),
            (BadIdp::HmacWithPublicKey | BadIdp::HmacWithSecret, _) => ("HS256", Some(RSA_KID.to_owned())),
            (BadIdp::ForeignKey, _) => ("ES256", Some("ec-99".to_owned())),
            (BadIdp::ForgedSignature, _) => ("ES256", Some("ec-1".to_owned())),
            (_, Some(number)) => ("ES256", Some(format!("ec-{number}"))),
            (_, None) => ("RS256", Some(RSA_KID.to_owned())),
        };
        let header = json!({ "alg": alg, "typ": "JWT", "kid": kid });
        let signed = format!("{}.{}", encoded(&header), encoded(&claims));
        let signature = match (&self.bad, self.elliptic) {
            (BadIdp::AlgNone, _) => Vec::new(),
            (BadIdp::HmacWithPublicKey, _) => {
                hmac_of(rsa_jwk()["n"].as_str().unwrap_or("").as_bytes(), &signed)
            }
            (BadIdp::HmacWithSecret, _) => hmac_of(CLIENT_SECRET.as_bytes(), &signed),
            (BadIdp::ForeignKey | BadIdp::ForgedSignature, _) => elliptic_signature(99, &signed),
            (_, Some(number)) => elliptic_signature(number, &signed),
            (_, None) => rsa()
                .sign(&CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, signed.as_bytes())
                .expect("a signature"),
        };
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

async fn answer(
    State(shared): State<Arc<Mutex<Shared>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let bad = {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        *shared.calls.entry(uri.path().to_owned()).or_default() += 1;
        shared.bad.clone()
    };
    if bad == BadIdp::Silent || bad == BadIdp::SilentTokens && uri.path() == "/token" {
        std::future::pending::<()>().await;
    }
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    match bad {
        BadIdp::Status(status) => return reply(status, json!({ "error": "server_error" })),
        BadIdp::Html => return whole(200, "text/html", "<html>Maintenance</html>".into()),
        BadIdp::Oversized => return whole(200, "application/json", vec![b' '; 4 << 20]),
        _ => {}
    }
    match uri.path() {
        "/.well-known/openid-configuration" => reply(200, shared.metadata()),
        "/keys" => reply(200, shared.keys()),
        "/token" => shared.token(&headers, &body),
        "/userinfo" => {
            let mut info = shared.identity.claims.clone();
            info["sub"] = shared.identity.subject.clone().into();
            reply(200, info)
        }
        "/authorize" => {
            let url = Url::parse(&format!("{}{uri}", shared.issuer)).expect("an address");
            let back = shared.authorize(&url);
            let mut response = whole(303, "text/plain", Vec::new());
            response.headers_mut().insert(header::LOCATION, back.parse().expect("a header"));
            response
        }
        _ => reply(404, json!({})),
    }
}

fn reply(status: u16, json: Value) -> Response<Body> {
    whole(status, "application/json", json.to_string().into_bytes())
}

fn whole(status: u16, content_type: &'static str, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}

fn encoded(json: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(json.to_string())
}

fn rsa() -> CoreRsaPrivateSigningKey {
    let kid = Some(JsonWebKeyId::new(RSA_KID.to_owned()));
    CoreRsaPrivateSigningKey::from_pem(RSA_PEM, kid).expect("a key")
}

fn rsa_jwk() -> Value {
    serde_json::to_value(rsa().as_verification_key()).expect("a key")
}

fn elliptic(number: u8) -> SigningKey {
    SigningKey::from_slice(&[number.max(1); 32]).expect("a key")
}

fn elliptic_jwk(number: u8) -> Value {
    let point = elliptic(number).verifying_key().to_sec1_bytes();
    json!({
        "kty": "EC", "crv": "P-256", "use": "sig", "kid": format!("ec-{number}"),
        "x": BASE64_URL_SAFE_NO_PAD.encode(&point[1..33]), "y": BASE64_URL_SAFE_NO_PAD.encode(&point[33..]),
    })
}

fn elliptic_signature(number: u8, text: &str) -> Vec<u8> {
    let signature: Signature = elliptic(number).sign(text.as_bytes());
    signature.to_bytes().to_vec()
}

fn hmac_of(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
