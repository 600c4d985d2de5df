//! Deliveries: signed over their exact bytes, unambiguous, fresh, and told apart.

use crate::world::NOON;
use access::Timestamp;
use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hosts::HostKind;
use hosts::webhook::{About, Delivery, HookRefusal, read};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;

const SECRET: &[u8] = b"a secret of some length";
const PUSH: &[u8] =
    br#"{"ref":"refs/heads/main","repository":{"id":1001,"full_name":"org/one"},"project_id":1001}"#;
const SIGNED_KINDS: [(HostKind, &str); 4] = [
    (HostKind::GitHub, "x-hub-signature-256"),
    (HostKind::Gitea, "x-hub-signature-256"),
    (HostKind::BitbucketCloud, "x-hub-signature"),
    (HostKind::BitbucketServer, "x-hub-signature"),
];

fn mac(secret: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(bytes);
    mac.finalize().into_bytes().to_vec()
}

fn hex(secret: &[u8], bytes: &[u8]) -> String {
    mac(secret, bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn receive(kind: HostKind, pairs: &[(&str, &str)], body: &[u8]) -> Result<Delivery, HookRefusal> {
    read(kind, &headers(pairs), body, SECRET, NOON)
}

fn signed(body: &[u8]) -> String {
    format!("sha256={}", hex(SECRET, body))
}

#[test]
fn a_signed_delivery_names_what_to_ask_for() {
    for (kind, name) in SIGNED_KINDS {
        let event = if kind == HostKind::GitHub { "x-github-event" } else { "x-gitea-event" };
        let key = if kind == HostKind::BitbucketCloud { "repo:push" } else { "repo:refs_changed" };
        let pairs = [(name, &*signed(PUSH)), (event, "push"), ("x-event-key", key)];
        let delivery = receive(kind, &pairs, PUSH).unwrap();
        // Bitbucket Cloud names repositories by UUID.
        let expected =
            if kind == HostKind::BitbucketCloud { About::Host } else { About::Pushed("1001".into()) };
        assert_eq!(delivery.about, expected, "{kind}");
    }
    let body = br#"{"repository":{"uuid":"{u}"}}"#;
    let pairs = [("x-hub-signature", &*signed(body)), ("x-event-key", "repo:push")];
    assert_eq!(receive(HostKind::BitbucketCloud, &pairs, body).unwrap().about, About::Pushed("{u}".into()));
    let body = br#"{"action":"added","member":{},"repository":{"id":7}}"#;
    let pairs = [("x-hub-signature-256", &*signed(body)), ("x-github-event", "member")];
    assert_eq!(receive(HostKind::GitHub, &pairs, body).unwrap().about, About::Repository("7".into()));
    let pairs = [("x-hub-signature-256", &*signed(b"{}")), ("x-github-event", "organization")];
    assert_eq!(receive(HostKind::GitHub, &pairs, b"{}").unwrap().about, About::Host);
    let pairs = [("x-hub-signature-256", &*signed(b"{}")), ("x-github-event", "ping")];
    assert_eq!(receive(HostKind::GitHub, &pairs, b"{}").unwrap().about, About::Nothing);
}

/// S-webhook-unsigned
#[test]
fn unsigned_deliveries_are_refused() {
    for (kind, name) in SIGNED_KINDS {
        assert_eq!(receive(kind, &[], PUSH), Err(HookRefusal::Unsigned), "{kind}");
        let digits = hex(SECRET, PUSH);
        let sha1 = format!("sha1={}", &digits[..40]);
        let upper = format!("sha256={}", digits.to_uppercase());
        for value in ["", "sha256=", &sha1, &upper, "sha256=zz", &format!("{digits} ")] {
            let outcome = receive(kind, &[(name, value)], PUSH);
            // Gitea's older header has the bare digits.
            assert_eq!(outcome, Err(HookRefusal::BadSignature), "{kind}: {value}");
        }
        let empty = format!("sha256={}", hex(b"", PUSH));
        let outcome = read(kind, &headers(&[(name, &empty)]), PUSH, b"", NOON);
        assert_eq!(outcome, Err(HookRefusal::BadSignature), "{kind}: an empty secret");
    }
    assert_eq!(receive(HostKind::GitLab, &[], PUSH), Err(HookRefusal::Unsigned));
    assert_eq!(
        receive(HostKind::GitHub, &[("x-hub-signature", &signed(PUSH))], PUSH),
        Err(HookRefusal::Unsigned)
    );
    assert_eq!(
        receive(HostKind::Gerrit, &[("x-hub-signature", &signed(PUSH))], PUSH),
        Err(HookRefusal::Unsupported)
    );
}

/// S-webhook-tampered
#[test]
fn a_signature_is_over_the_exact_bytes() {
    for (kind, name) in SIGNED_KINDS {
        let value = signed(PUSH);
        for body in [&PUSH[1..], &[PUSH, b" "].concat(), &[PUSH, b"\n"].concat(), &PUSH.to_ascii_uppercase()]
        {
            assert_eq!(receive(kind, &[(name, &value)], body), Err(HookRefusal::BadSignature), "{kind}");
        }
        let other = format!("sha256={}", hex(b"another", PUSH));
        assert_eq!(receive(kind, &[(name, &other)], PUSH), Err(HookRefusal::BadSignature), "{kind}");
    }
    assert_eq!(
        receive(HostKind::GitLab, &[("x-gitlab-token", "guess")], PUSH),
        Err(HookRefusal::BadSignature)
    );
    assert!(receive(HostKind::GitLab, &[("x-gitlab-token", "a secret of some length")], PUSH).is_ok());
}

/// S-webhook-ambiguous
#[test]
fn two_signatures_are_none() {
    for (kind, name) in SIGNED_KINDS {
        let (good, bad) = (signed(PUSH), format!("sha256={}", "0".repeat(64)));
        for pair in [[&good, &good], [&good, &bad], [&bad, &good]] {
            let outcome = receive(kind, &[(name, pair[0]), (name, pair[1])], PUSH);
            assert_eq!(outcome, Err(HookRefusal::Ambiguous), "{kind}");
        }
    }
    let pairs = [("x-gitea-signature", &*"0".repeat(64)), ("x-hub-signature-256", &signed(PUSH))];
    assert_eq!(
        receive(HostKind::Gitea, &pairs, PUSH),
        Err(HookRefusal::BadSignature),
        "all of them must fit"
    );
    let token = ("x-gitlab-token", "a secret of some length");
    assert_eq!(receive(HostKind::GitLab, &[token, token], PUSH), Err(HookRefusal::Ambiguous));
    let mut pairs = standard(NOON, PUSH);
    pairs.push(("x-gitlab-token".into(), "a secret of some length".into()));
    assert_eq!(receive_standard(&pairs, PUSH), Err(HookRefusal::Ambiguous));
}

/// S-webhook-replay
#[test]
fn the_same_delivery_under_another_id_is_the_same() {
    let value = signed(PUSH);
    let deliver = |id: &str| {
        let pairs = [("x-hub-signature-256", &*value), ("x-github-event", "push"), ("x-github-delivery", id)];
        receive(HostKind::GitHub, &pairs, PUSH).unwrap().id
    };
    assert_eq!(
        deliver("11111111-1111-4111-8111-111111111111"),
        deliver("22222222-2222-4222-8222-222222222222")
    );
    let other = br#"{"ref":"refs/heads/dev","repository":{"id":1001}}"#;
    let pairs = [("x-hub-signature-256", &*signed(other)), ("x-github-event", "push")];
    assert_ne!(receive(HostKind::GitHub, &pairs, other).unwrap().id, deliver("x"));
}

fn standard(at: Timestamp, body: &[u8]) -> Vec<(String, String)> {
    let time = (at.0 / 1000).to_string();
    let signed = [b"msg_1.", time.as_bytes(), b".", body].concat();
    let signature = base64::engine::general_purpose::STANDARD.encode(mac(SECRET, &signed));
    [
        ("webhook-id", "msg_1".to_owned()),
        ("webhook-timestamp", time),
        ("webhook-signature", format!("v1,{signature}")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

fn receive_standard(pairs: &[(String, String)], body: &[u8]) -> Result<Delivery, HookRefusal> {
    let pairs: Vec<(&str, &str)> =
        pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    receive(HostKind::GitLab, &pairs, body)
}

/// S-webhook-stale
#[test]
fn a_signed_time_must_be_near() {
    assert!(receive_standard(&standard(NOON, PUSH), PUSH).is_ok());
    for minutes in [-10, 10] {
        let at = Timestamp(NOON.0 + minutes * 60_000);
        assert_eq!(receive_standard(&standard(at, PUSH), PUSH), Err(HookRefusal::Stale), "{minutes}");
    }
    let old = Timestamp(NOON.0 - 3_600_000);
    let mut pairs = standard(old, PUSH);
    pairs[1].1 = (NOON.0 / 1000).to_string();
    assert_eq!(receive_standard(&pairs, PUSH), Err(HookRefusal::BadSignature), "the time is signed");
    let mut pairs = standard(NOON, PUSH);
    pairs[0].1 = "msg_2".into();
    assert_eq!(receive_standard(&pairs, PUSH), Err(HookRefusal::BadSignature), "the id is signed");
}
