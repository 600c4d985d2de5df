//! `/admin/outbox`: the weekly pings, as the exact bytes they are, and what becomes of them.

use crate::caller::{Caller, SteppedUp};
use crate::failure::Failure;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use crate::usage::PingMode;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::{DecidePingError, PingId, PingState, StoredPing};
use telemetry::{Field, Ping};

#[derive(Template)]
#[template(path = "admin_outbox.html")]
struct OutboxPage {
    shell: Shell,
    mode: &'static str,
    is_off: bool,
    meaning: &'static str,
    destination: Option<String>,
    /// Who approved pings of this schema, and when.
    approval: Option<(String, Moment)>,
    bits: String,
    checkpoint: Option<String>,
    pings: Vec<PingRow>,
}

/// A ping.
struct PingRow {
    id: i64,
    week: String,
    state: &'static str,
    is_bad: bool,
    /// Whether it can be approved, and denied.
    may_approve: bool,
    may_deny: bool,
    decided: Option<(String, Moment)>,
    sent: Option<(String, Moment)>,
    receipt: String,
    error: String,
    made: Moment,
    n_bytes: usize,
    digest: String,
    /// The very bytes; they are ASCII.
    bytes: String,
    values: Vec<Value>,
}

/// A number in it.
struct Value {
    name: &'static str,
    what: &'static str,
    value: u32,
}

/// The page.
pub(crate) async fn page(State(state): State<AppState>, caller: Caller) -> Result<Response, Failure> {
    let pings = state.store.pings().await?;
    let (now_ms, mode) = (state.now_ms(), &state.config.pings);
    let destination = mode.destination().map(str::to_owned);
    let approval = match &destination {
        Some(destination) => state.store.ping_approval(destination).await?,
        None => None,
    };
    let page = OutboxPage {
        shell: caller.shell("Outbox", "outbox"),
        is_off: *mode == PingMode::Off,
        mode: mode.as_str(),
        meaning: mode.meaning(),
        approval: approval.map(|(who, at)| (who, Moment::new(now_ms, at.0))),
        bits: format!("{:.0}", telemetry::bits_max().ceil()),
        checkpoint: state.store.egress_checkpoint().await?.map(|note| note.0),
        pings: pings.iter().map(|ping| PingRow::new(ping, destination.is_some(), now_ms)).collect(),
        destination,
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

impl PingRow {
    fn new(ping: &StoredPing, is_on: bool, now_ms: i64) -> Self {
        let value = |(field, value): (Field, u32)| {
            let entry = field.entry();
            Value { name: entry.name, what: entry.what, value }
        };
        let is_known = is_on && ping.schema == telemetry::SCHEMA;
        let moment = |at: access::Timestamp| Moment::new(now_ms, at.0);
        let state = ping.state;
        let open = matches!(state, PingState::Local | PingState::Waiting | PingState::Failed);
        PingRow {
            id: ping.id.0,
            is_bad: state == PingState::Failed,
            may_approve: is_known && (open || state == PingState::Denied),
            may_deny: is_known && (open || state == PingState::Approved),
            decided: ping.decided_by.clone().zip(ping.decided_at.map(moment)),
            sent: ping.destination.clone().zip(ping.sent_at.map(moment)),
            receipt: ping.reply.as_ref().map(receipt).unwrap_or_default(),
            error: ping.error.clone().unwrap_or_default(),
            week: ping.week.to_string(),
            state: ping.state.as_str(),
            made: Moment::new(now_ms, ping.made_at.0),
            n_bytes: ping.bytes.len(),
            digest: ping.digest().iter().map(|byte| format!("{byte:02x}")).collect(),
            bytes: String::from_utf8_lossy(&ping.bytes).into_owned(),
            // One of an older schema is shown as its bytes alone.
            values: Ping::from_bytes(&ping.bytes)
                .map(|read| read.values().map(value).collect())
                .unwrap_or_default(),
        }
    }
}

/// What was answered, on one line.
fn receipt((status, reply): &(u16, Vec<u8>)) -> String {
    let text = access::audit::AuditText::new(String::from_utf8_lossy(reply).trim());
    format!("{status} {}", text.as_str())
}

/// What an administrator decides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    decision: String,
    /// The number of the ping.
    #[serde(default)]
    ping: i64,
    /// The SHA-256 of the bytes that were shown, in hexadecimal digits.
    #[serde(default)]
    seen: String,
}

/// Decides about a ping, or takes back the approval of later ones. Nothing in a ping can be changed.
pub(crate) async fn submit(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Form(decision): Form<Decision>,
) -> Result<Response, Failure> {
    let Some(destination) = state.config.pings.destination() else {
        return Err(Failure::Conflict("Pings are not on: nothing is sent. See pings.mode.".into()));
    };
    let ping = PingId(decision.ping);
    match decision.decision.as_str() {
        "approve" => {
            let seen = digest_of(&decision.seen)
                .ok_or_else(|| Failure::BadRequest("seen is the SHA-256 of the bytes shown.".into()))?;
            by.store.approve_ping(ping, seen, destination).await.map_err(failure)?;
        }
        "deny" => by.store.deny_ping(ping).await.map_err(failure)?,
        "withdraw" => by.store.withdraw_ping_approval(destination).await?,
        _ => return Err(Failure::BadRequest("decision is approve, deny or withdraw.".into())),
    }
    Ok(Redirect::to("/admin/outbox").into_response())
}

fn digest_of(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    let mut digest = [0; 32];
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(digest)
}

fn failure(error: DecidePingError) -> Failure {
    match error {
        DecidePingError::Unknown => Failure::NotFound,
        DecidePingError::Fault(fault) => fault.into(),
        error => Failure::Conflict(crate::searching::sentence(&error.to_string())),
    }
}
