//! `/admin/audit`: the audit log, filtered and paged, and written out.

use crate::caller::Caller;
use crate::export_rows::{harmless, write};
use crate::failure::Failure;
use crate::format::rfc3339;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use access::Timestamp;
use access::audit::{Act, Outcome, Record};
use askama::Template;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use std::num::NonZeroU32;
use store::{AuditFilter, Store};
use url::form_urlencoded;

/// Entries on a page.
const N_PAGE: u32 = 100;
/// Entries read at a time when the log is written out.
const N_STEP: u32 = 1000;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    actor: String,
    act: String,
    object: String,
    outcome: String,
    from: String,
    to: String,
    before: Option<i64>,
    format: String,
}

#[derive(Template)]
#[template(path = "admin_audit.html")]
struct AuditPage {
    shell: Shell,
    asked: Asked,
    kinds: Vec<&'static str>,
    outcomes: [&'static str; 3],
    entries: Vec<EntryRow>,
    older: Option<String>,
    csv: String,
    jsonl: String,
    fault: Option<&'static str>,
    /// How long entries are kept, and which are gone.
    kept: String,
}

/// An entry as a row.
struct EntryRow {
    seq: i64,
    at: Moment,
    actor: String,
    via: String,
    act: String,
    object_kind: String,
    object: String,
    outcome: String,
    is_bad: bool,
    reason: String,
    address: String,
    request_id: String,
    details: Vec<(String, String)>,
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let (filter, fault) = match filter_of(&asked) {
        Ok(filter) => (filter, None),
        Err(fault) => (AuditFilter::default(), Some(fault)),
    };
    let entries = match fault {
        None => state.store.audit_entries(&filter, asked.before, N_PAGE).await?,
        Some(_) => Vec::new(),
    };
    let older = (entries.len() == N_PAGE as usize).then(|| entries.last().map(|entry| entry.seq)).flatten();
    let now_ms = state.now_ms();
    let mut kinds: Vec<&str> = Act::ALL.iter().map(|act| act.as_str()).collect();
    kinds.sort_unstable();
    let page = AuditPage {
        shell: caller.shell("Audit log", "audit"),
        older: older.map(|seq| link("/admin/audit", &asked, Some(("before", &seq.to_string())))),
        csv: link("/admin/audit/file", &asked, Some(("format", "csv"))),
        jsonl: link("/admin/audit/file", &asked, Some(("format", "jsonl"))),
        kinds,
        outcomes: Outcome::ALL.map(Outcome::as_str),
        entries: entries.into_iter().map(|entry| EntryRow::new(entry, now_ms)).collect(),
        asked,
        fault,
        kept: kept(&state).await?,
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

/// How long entries are kept, and which are gone, in a sentence.
async fn kept(state: &AppState) -> Result<String, Failure> {
    let kept = match state.config.audit_keep_days.map(NonZeroU32::get) {
        None => "Entries are kept for ever".to_owned(),
        Some(1) => "Entries are kept for a day".to_owned(),
        Some(days) => format!("Entries are kept for {days} days"),
    };
    Ok(match state.store.audit_front().await? {
        None => format!("{kept}; none was removed."),
        Some(front) => {
            let day = crate::format::day(front.before.0);
            format!("{kept}; those up to number {}, from before {day}, were removed.", front.seq)
        }
    })
}

/// The entries that were asked for as a file, the newest first, to the beginning of the log.
pub(crate) async fn file(
    State(state): State<AppState>,
    _caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let filter = filter_of(&asked).map_err(|fault| Failure::BadRequest(fault.into()))?;
    let format = match asked.format.as_str() {
        "csv" => Format::Csv,
        "jsonl" => Format::JsonLines,
        _ => return Err(Failure::BadRequest("Write format=csv or format=jsonl.".into())),
    };
    let (kind, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"audit.csv\""),
        Format::JsonLines => ("application/x-ndjson", "attachment; filename=\"audit.jsonl\""),
    };
    let body = Body::from_stream(pieces(state.store.clone(), filter, format));
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], body).into_response())
}

#[derive(Clone, Copy)]
enum Format {
    Csv,
    JsonLines,
}

/// The log, a piece after the other, as fast as it is taken.
fn pieces(
    store: Store,
    filter: AuditFilter,
    format: Format,
) -> impl tokio_stream::Stream<Item = Result<Vec<u8>, store::Fault>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        let mut before = None;
        let mut head = match format {
            Format::Csv => Some(csv_head()),
            Format::JsonLines => None,
        };
        loop {
            let entries = match store.audit_entries(&filter, before, N_STEP).await {
                Ok(entries) => entries,
                Err(fault) => {
                    let _ = sender.send(Err(fault)).await;
                    return;
                }
            };
            before = entries.last().map(|entry| entry.seq);
            let is_last = entries.len() < N_STEP as usize;
            let mut piece = head.take().unwrap_or_default();
            entries.iter().for_each(|entry| format.write(entry, &mut piece));
            // Whoever went away wants no more.
            if sender.send(Ok(piece)).await.is_err() || is_last {
                return;
            }
        }
    });
    tokio_stream::wrappers::ReceiverStream::new(receiver)
}

const COLUMNS: [&str; 16] = [
    "entry",
    "time",
    "actor_kind",
    "actor_id",
    "actor",
    "via",
    "via_id",
    "act",
    "object_kind",
    "object_id",
    "object",
    "outcome",
    "reason",
    "address",
    "request",
    "details",
];

fn csv_head() -> Vec<u8> {
    let mut head = Vec::new();
    write(&COLUMNS.map(str::to_owned), &mut head);
    head
}

impl Format {
    fn write(self, entry: &Record, out: &mut Vec<u8>) {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        match self {
            Format::Csv => {
                let cells = [
                    entry.seq.to_string(),
                    rfc3339(entry.at.0),
                    entry.actor_kind.clone(),
                    entry.actor_id.map_or(String::new(), |id| id.to_string()),
                    entry.actor.clone(),
                    entry.via.clone(),
                    text(&entry.via_id),
                    entry.act.clone(),
                    entry.object_kind.clone(),
                    text(&entry.object_id),
                    entry.object.clone(),
                    entry.outcome.clone(),
                    text(&entry.reason),
                    text(&entry.address),
                    text(&entry.request_id),
                    entry.details.replace('\n', "; "),
                ];
                write(&cells.map(|cell| harmless(&cell)), out);
            }
            Format::JsonLines => {
                let details: serde_json::Map<String, serde_json::Value> =
                    entry.details().map(|(key, value)| (key.to_owned(), value.into())).collect();
                let line = json!({
                    "entry": entry.seq, "time": rfc3339(entry.at.0),
                    "actor": { "kind": entry.actor_kind, "id": entry.actor_id, "name": entry.actor },
                    "via": { "kind": entry.via, "id": entry.via_id }, "act": entry.act,
                    "object": { "kind": entry.object_kind, "id": entry.object_id, "name": entry.object },
                    "outcome": entry.outcome, "reason": entry.reason, "address": entry.address,
                    "request": entry.request_id, "details": details,
                });
                out.extend(line.to_string().as_bytes());
                out.push(b'\n');
            }
        }
    }
}

impl EntryRow {
    fn new(entry: Record, now_ms: i64) -> Self {
        let details = entry.details().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        EntryRow {
            seq: entry.seq,
            at: Moment::new(now_ms, entry.at.0),
            actor: if entry.actor.is_empty() { entry.actor_kind } else { entry.actor },
            via: entry.via,
            act: entry.act,
            object_kind: entry.object_kind,
            object: entry.object,
            is_bad: entry.outcome != Outcome::Done.as_str(),
            outcome: entry.outcome,
            reason: entry.reason.unwrap_or_default(),
            address: entry.address.unwrap_or_default(),
            request_id: entry.request_id.unwrap_or_default(),
            details,
        }
    }
}

fn filter_of(asked: &Asked) -> Result<AuditFilter, &'static str> {
    let day = |text: &str, plus: i64| match text {
        "" => Ok(None),
        text => {
            day_of(text).map(|day| Some(Timestamp((day + plus) * DAY_MS))).ok_or("Write a day as 2026-03-31.")
        }
    };
    Ok(AuditFilter {
        actor: asked.actor.trim().to_owned(),
        act: asked.act.trim().to_owned(),
        object: asked.object.trim().to_owned(),
        outcome: asked.outcome.trim().to_owned(),
        from: day(asked.from.trim(), 0)?,
        to: day(asked.to.trim(), 1)?,
    })
}

/// Days since 1970-01-01 of a day of the Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms").
fn day_of(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-').map(|part| {
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<i64>().ok()).flatten()
    });
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468)
}

fn link(path: &str, asked: &Asked, more: Option<(&str, &str)>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let pairs = [
        ("actor", &asked.actor),
        ("act", &asked.act),
        ("object", &asked.object),
        ("outcome", &asked.outcome),
        ("from", &asked.from),
        ("to", &asked.to),
    ];
    query.extend_pairs(pairs.into_iter().filter(|(_, value)| !value.is_empty()));
    if let Some((key, value)) = more {
        query.append_pair(key, value);
    }
    format!("{path}?{}", query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days() {
        assert_eq!(day_of("1970-01-01"), Some(0));
        assert_eq!(day_of("2000-03-01"), Some(11_017));
        assert_eq!(day_of("2026-01-01"), Some(20_454));
        for wrong in ["", "2026", "2026-13-01", "2026-01-00", "-1-1-1", "2026-1-+1", "99999-01-01"] {
            assert_eq!(day_of(wrong), None, "{wrong}");
        }
    }
}
