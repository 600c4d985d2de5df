//! `sourcekeep egress`: what left this server, as a list.

use crate::app::App;
use crate::cli::EgressArgs;
use crate::failure::Outcome;
use crate::{table, terminal};
use serde_json::{Value, json};
use store::{EgressEntry, EgressFilter};

pub(super) async fn run(app: &App, args: EgressArgs) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let mut filter = EgressFilter { purpose: args.purpose, host: args.host, before: None };
    let mut entries = Vec::new();
    // The store gives so many at a time.
    while entries.len() < args.limit {
        let some = opened.store.egress_entries(&filter, args.limit - entries.len()).await?;
        filter.before = some.last().map(|entry| entry.seq);
        if some.is_empty() {
            break;
        }
        entries.extend(some);
    }
    match app.common.json {
        true => terminal::print_json(&entries.iter().map(shape).collect::<Value>()),
        false => {
            let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
            table::print(&["WHEN", "TO", "FOR", "BY", "SENT", "RECEIVED", "HOW"], &rows);
        }
    }
    Ok(if entries.is_empty() { Outcome::NothingFound } else { Outcome::Done })
}

fn outcome(entry: &EgressEntry) -> &str {
    match (&entry.reason, &entry.end) {
        (Some(_), _) => "refused",
        (None, Some(end)) => &end.outcome,
        (None, None) if entry.body.is_some() => "said",
        (None, None) => "open",
    }
}

fn row(entry: &EgressEntry) -> Vec<String> {
    let end = entry.end.as_ref();
    let size = |n_bytes: Option<u64>| n_bytes.map(terminal::size).unwrap_or_default();
    vec![
        server::moment(entry.at.0),
        format!("{}:{}", entry.host, entry.port),
        entry.purpose.clone(),
        entry.initiator.clone(),
        size(end.map(|end| end.n_sent)),
        size(end.map(|end| end.n_received)),
        outcome(entry).to_owned(),
    ]
}

fn shape(entry: &EgressEntry) -> Value {
    let end = entry.end.as_ref();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    json!({
        "entry": entry.seq, "opened_ms": entry.at.0, "closed_ms": end.map(|end| end.at.0), "outcome": outcome(entry),
        "purpose": entry.purpose, "host": entry.host, "port": entry.port,
        "address": entry.address.map(|address| address.to_string()), "initiator": entry.initiator, "code": entry.code,
        "sent_bytes": end.map(|end| end.n_sent), "received_bytes": end.map(|end| end.n_received),
        "sha256_of_sent": end.map(|end| hex(&end.digest)), "reason": entry.reason,
        "said": entry.body.as_ref().map(|body| String::from_utf8_lossy(body)),
    })
}
