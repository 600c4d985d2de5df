//! Deliveries of webhooks: whose they are, and what they are about.
//!
//! A delivery is believed as far as its signature reaches, and it is used for one thing only: to know what to ask the host
//! for now rather than later. What it says of repositories and rights is not read.
//!
//! Schemes, as documented: GitHub `X-Hub-Signature-256: sha256=…` (HMAC-SHA-256 over the body), id `X-GitHub-Delivery`; Gitea
//! and Forgejo the same header, and `X-Gitea-Signature` with the bare digits, id `X-Gitea-Delivery`; Bitbucket (both)
//! `X-Hub-Signature: sha256=…`, id `X-Request-UUID` or `X-Request-Id`; GitLab the secret itself in `X-Gitlab-Token`, id
//! `X-Gitlab-Event-UUID`, or where its signing token is used the Standard Webhooks headers (`webhook-id`,
//! `webhook-timestamp`, `webhook-signature: v1,…`).

use crate::HostKind;
use access::Timestamp;
use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use subtle::ConstantTimeEq as _;

/// The largest delivery that is read: GitHub's own limit.
pub const BODY_BYTES_MAX: usize = 25 << 20;
/// How far a delivery's own time may be from ours (Standard Webhooks).
pub const SKEW_MAX: Duration = Duration::from_secs(5 * 60);
/// How long deliveries are remembered. Hosts deliver again what failed for three days at most.
pub const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 3600);

/// Why a delivery is refused. All are one answer to the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HookRefusal {
    /// No signature, or one in a form that this kind does not use.
    #[error("it is not signed")]
    Unsigned,
    /// More than one signature, so that two readers could read two things.
    #[error("it has more than one signature")]
    Ambiguous,
    /// The signature is not of these bytes and this secret.
    #[error("its signature is wrong")]
    BadSignature,
    /// Its time is too far from ours.
    #[error("its time is too far from ours")]
    Stale,
    /// This kind signs nothing.
    #[error("this kind of code host signs no webhooks")]
    Unsupported,
    /// The body is not what it should be.
    #[error("its body cannot be read")]
    BadBody,
}

/// A delivery that is the host's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What tells it from every other one. Where it came signed, it is taken from what is signed, so that nobody can send
    /// the same again under another name.
    pub id: String,
    /// What to ask the host for.
    pub about: About,
}

/// What a delivery is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// New commits in a repository, by its identifier.
    Pushed(String),
    /// A repository, or who may read it, by its identifier.
    Repository(String),
    /// Anything else: repositories and rights of the whole host.
    Host,
    /// Nothing: the host only tries whether it is heard.
    Nothing,
}

/// Checks a delivery's signature over its exact bytes, and finds out what it is about.
pub fn read(
    kind: HostKind,
    headers: &HeaderMap,
    body: &[u8],
    secret: &[u8],
    now: Timestamp,
) -> Result<Delivery, HookRefusal> {
    let signed = match kind {
        HostKind::GitHub => hub_signature(headers, "x-hub-signature-256", body, secret)?,
        HostKind::Gitea => gitea_signature(headers, body, secret)?,
        HostKind::BitbucketCloud | HostKind::BitbucketServer => {
            hub_signature(headers, "x-hub-signature", body, secret)?
        }
        HostKind::GitLab => gitlab_signature(headers, body, secret, now)?,
        _ => return Err(HookRefusal::Unsupported),
    };
    let about = about(kind, headers, body)?;
    Ok(Delivery { id: signed, about })
}

/// The one value of a header; two are two truths.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, HookRefusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(HookRefusal::Unsigned),
        (Some(value), None) => value.to_str().map_err(|_| HookRefusal::BadSignature),
        (Some(_), Some(_)) => Err(HookRefusal::Ambiguous),
    }
}

fn mac_of(secret: &[u8], parts: &[&[u8]]) -> Result<[u8; 32], HookRefusal> {
    // A key of any length is one; an empty one signs nothing.
    let mac = Hmac::<Sha256>::new_from_slice(secret).ok().filter(|_| !secret.is_empty());
    let mut mac = mac.ok_or(HookRefusal::BadSignature)?;
    parts.iter().for_each(|part| mac.update(part));
    Ok(mac.finalize().into_bytes().into())
}

fn check_hex(digits: &str, expected: &[u8; 32]) -> Result<(), HookRefusal> {
    let is_hex = digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let expected: String = expected.iter().map(|byte| format!("{byte:02x}")).collect();
    match is_hex && bool::from(digits.as_bytes().ct_eq(expected.as_bytes())) {
        true => Ok(()),
        false => Err(HookRefusal::BadSignature),
    }
}

fn hub_signature(headers: &HeaderMap, name: &str, body: &[u8], secret: &[u8]) -> Result<String, HookRefusal> {
    let value = single(headers, name)?;
    let digits = value.strip_prefix("sha256=").ok_or(HookRefusal::BadSignature)?;
    check_hex(digits, &mac_of(secret, &[body])?)?;
    // The id that hosts send beside is not signed: whoever saw a delivery could send it again under another id. The bytes
    // are, and they hold what tells deliveries apart (commits before and after, times).
    Ok(digest(body))
}

fn gitea_signature(headers: &HeaderMap, body: &[u8], secret: &[u8]) -> Result<String, HookRefusal> {
    let names = ["x-hub-signature-256", "x-gitea-signature", "x-forgejo-signature"];
    let present: Vec<&str> = names.into_iter().filter(|name| headers.contains_key(*name)).collect();
    let expected = mac_of(secret, &[body])?;
    // It sends the same signature under several names; all of them must be it.
    for name in &present {
        let value = single(headers, name)?;
        check_hex(value.strip_prefix("sha256=").unwrap_or(value), &expected)?;
    }
    match present.is_empty() {
        true => Err(HookRefusal::Unsigned),
        false => Ok(digest(body)),
    }
}

fn gitlab_signature(
    headers: &HeaderMap,
    body: &[u8],
    secret: &[u8],
    now: Timestamp,
) -> Result<String, HookRefusal> {
    match (headers.contains_key("webhook-signature"), headers.contains_key("x-gitlab-token")) {
        (true, true) => Err(HookRefusal::Ambiguous),
        (true, false) => standard_signature(headers, body, secret, now),
        (false, _) => {
            let token = single(headers, "x-gitlab-token")?;
            // Of equal length whatever is sent: digests are compared.
            let (sent, known) = (Sha256::digest(token.as_bytes()), Sha256::digest(secret));
            match !secret.is_empty() && bool::from(sent.as_slice().ct_eq(known.as_slice())) {
                true => Ok(digest(body)),
                false => Err(HookRefusal::BadSignature),
            }
        }
    }
}

/// Standard Webhooks: `id.timestamp.body`, so that the id and the time are signed as well.
fn standard_signature(
    headers: &HeaderMap,
    body: &[u8],
    secret: &[u8],
    now: Timestamp,
) -> Result<String, HookRefusal> {
    let (id, time) = (single(headers, "webhook-id")?, single(headers, "webhook-timestamp")?);
    let value = single(headers, "webhook-signature")?;
    let seconds: i64 = time.parse().map_err(|_| HookRefusal::BadSignature)?;
    let mac = mac_of(secret, &[id.as_bytes(), b".", time.as_bytes(), b".", body])?;
    let expected = base64::engine::general_purpose::STANDARD.encode(mac);
    // Several may be listed while keys are changed; one that fits is enough.
    let signatures = value.split(' ').filter_map(|part| part.strip_prefix("v1,")).take(8);
    let fits =
        signatures.fold(false, |fits, one| bool::from(one.as_bytes().ct_eq(expected.as_bytes())) | fits);
    if !fits {
        return Err(HookRefusal::BadSignature);
    }
    let skew_ms = now.0.saturating_sub(seconds.saturating_mul(1000)).unsigned_abs();
    match skew_ms > u64::try_from(SKEW_MAX.as_millis()).unwrap_or(u64::MAX) {
        true => Err(HookRefusal::Stale),
        false => Ok(digest(id.as_bytes())),
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    repository: Option<Named>,
    project: Option<Named>,
    project_id: Option<u64>,
    object_kind: Option<String>,
    event_name: Option<String>,
    zen: Option<serde::de::IgnoredAny>,
    test: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    id: Option<serde_json::Value>,
    uuid: Option<String>,
}

impl Named {
    fn number(&self) -> Option<String> {
        self.id.as_ref()?.as_u64().map(|id| id.to_string())
    }
}

fn about(kind: HostKind, headers: &HeaderMap, body: &[u8]) -> Result<About, HookRefusal> {
    let parsed: Body = serde_json::from_slice(body).map_err(|_| HookRefusal::BadBody)?;
    let event = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (event, id) = match kind {
        HostKind::GitHub => (event("x-github-event"), parsed.repository.as_ref().and_then(Named::number)),
        HostKind::Gitea => (event("x-gitea-event"), parsed.repository.as_ref().and_then(Named::number)),
        HostKind::GitLab => {
            let kind = parsed.object_kind.as_deref().or(parsed.event_name.as_deref()).unwrap_or_default();
            let id = parsed.project.as_ref().and_then(Named::number);
            (kind, id.or(parsed.project_id.map(|id| id.to_string())))
        }
        HostKind::BitbucketCloud => {
            (event("x-event-key"), parsed.repository.as_ref().and_then(|named| named.uuid.clone()))
        }
        _ => (event("x-event-key"), parsed.repository.as_ref().and_then(Named::number)),
    };
    Ok(match (event, id) {
        ("ping" | "diagnostics:ping", _) => About::Nothing,
        _ if parsed.zen.is_some() || parsed.test == Some(true) => About::Nothing,
        (
            "push" | "create" | "delete" | "tag_push" | "repo:push" | "repo:refs_changed"
            | "repository_update",
            Some(id),
        ) => About::Pushed(id),
        (_, Some(id)) => About::Repository(id),
        (_, None) => About::Host,
    })
}
