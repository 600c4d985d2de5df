//! `/admin/outbox`: the weekly pings, as the exact bytes they are.

use crate::caller::Caller;
use crate::failure::Failure;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use crate::usage::PingMode;
use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use store::StoredPing;
use telemetry::{Field, Ping};

#[derive(Template)]
#[template(path = "admin_outbox.html")]
struct OutboxPage {
    shell: Shell,
    is_off: bool,
    bits: String,
    checkpoint: Option<String>,
    pings: Vec<PingRow>,
}

/// A ping.
struct PingRow {
    week: String,
    state: &'static str,
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
    let now_ms = state.now_ms();
    let page = OutboxPage {
        shell: caller.shell("Outbox", "outbox"),
        is_off: state.config.pings == PingMode::Off,
        bits: format!("{:.0}", telemetry::bits_max().ceil()),
        checkpoint: state.store.egress_checkpoint().await?.map(|note| note.0),
        pings: pings.iter().map(|ping| PingRow::new(ping, now_ms)).collect(),
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

impl PingRow {
    fn new(ping: &StoredPing, now_ms: i64) -> Self {
        let value = |(field, value): (Field, u32)| {
            let entry = field.entry();
            Value { name: entry.name, what: entry.what, value }
        };
        PingRow {
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
