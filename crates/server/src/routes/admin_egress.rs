//! `/admin/egress`: what left this server, when, to whom, for whom, and which code asked for it.

use crate::caller::Caller;
use crate::export_rows::{harmless, write};
use crate::failure::Failure;
use crate::format::{day, rfc3339, size, thousands};
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use access::Timestamp;
use askama::Template;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use egress::{Mode, Purpose};
use serde::Deserialize;
use serde_json::json;
use store::{EgressDay, EgressEntry, EgressFilter, EgressSum, Store};
use url::form_urlencoded;

/// Entries on a page.
const N_PAGE: usize = 100;
/// Entries read at a time when the ledger is written out.
const N_STEP: usize = 1000;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// The height of the picture, and of its shortest bar.
const BAR_HEIGHT: u64 = 40;
const BAR_HEIGHT_MIN: u64 = 2;

/// What is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    days: String,
    purpose: String,
    host: String,
    before: Option<i64>,
    format: String,
}

/// A choice of how far to look back.
struct Span {
    days: &'static str,
    label: &'static str,
}

const SPANS: [Span; 4] = [
    Span { days: "1", label: "24 hours" },
    Span { days: "7", label: "7 days" },
    Span { days: "30", label: "30 days" },
    Span { days: "365", label: "a year" },
];
const SPAN_DEFAULT: &str = "30";

#[derive(Template)]
#[template(path = "admin_egress.html")]
struct EgressPage {
    shell: Shell,
    asked: Asked,
    spans: [Span; 4],
    mode: Mode,
    /// What the mode means, in a sentence.
    meaning: &'static str,
    /// Rules, one line each.
    rules: Vec<String>,
    purposes: Vec<&'static str>,
    total: Total,
    bars: Vec<Bar>,
    picture_label: String,
    sums: Vec<SumRow>,
    entries: Vec<EntryRow>,
    older: Option<String>,
    csv: String,
    jsonl: String,
    checkpoint: Option<String>,
    key: Option<String>,
}

/// Everything within the span.
#[derive(Default)]
struct Total {
    n_opened: String,
    n_sent: String,
    n_received: String,
    n_refused: String,
}

/// A day in the picture.
struct Bar {
    x: usize,
    y: u64,
    height: u64,
    title: String,
}

/// A place that was connected to.
struct SumRow {
    purpose: String,
    host: String,
    port: u16,
    n_opened: String,
    n_refused: u64,
    n_sent: String,
    n_received: String,
    /// Of a hundred.
    width: u64,
    last: Moment,
    url: String,
}

/// A connection, or a refusal, as a row.
struct EntryRow {
    seq: i64,
    at: Moment,
    purpose: String,
    host: String,
    port: u16,
    address: String,
    initiator: String,
    code: String,
    reason: String,
    sent: String,
    received: String,
    state: &'static str,
    is_bad: bool,
    took: String,
    digest: String,
    /// What was said, word by word.
    body: Option<String>,
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let asked = asked.checked();
    let (store, now_ms) = (&state.store, state.now_ms());
    let since = asked.since(now_ms);
    let entries = store.egress_entries(&filter_of(&asked), N_PAGE).await?;
    let older = (entries.len() == N_PAGE).then(|| entries.last().map(|entry| entry.seq)).flatten();
    let (sums, days) = (store.egress_sums(since).await?, store.egress_days(since).await?);
    let n_days = asked.n_days();
    let policy = &state.config.egress;
    let page = EgressPage {
        shell: caller.shell("What leaves", "egress"),
        spans: SPANS,
        mode: policy.mode,
        meaning: meaning_of(policy.mode),
        rules: policy.rules.iter().map(|(purpose, rule)| rule_in_words(*purpose, rule)).collect(),
        purposes: Purpose::ALL.iter().map(|purpose| purpose.as_str()).collect(),
        total: Total::of(&sums),
        bars: bars(&days, since.0 / DAY_MS, n_days),
        picture_label: format!("Bytes sent on each of {n_days} days"),
        sums: sum_rows(&sums, &asked, now_ms),
        older: older.map(|seq| link("/admin/egress", &asked, &[("before", &seq.to_string())])),
        csv: link("/admin/egress/file", &asked, &[("format", "csv")]),
        jsonl: link("/admin/egress/file", &asked, &[("format", "jsonl")]),
        entries: entries.into_iter().map(|entry| EntryRow::new(entry, now_ms)).collect(),
        checkpoint: store.egress_checkpoint().await?.map(|note| note.0),
        key: store.egress_verifying_key().await?.map(|key| key.to_text()),
        asked,
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

impl Asked {
    /// With a span that there is.
    fn checked(self) -> Self {
        let known = SPANS.iter().any(|span| span.days == self.days);
        let days = if known { self.days } else { SPAN_DEFAULT.to_owned() };
        Asked { days, purpose: self.purpose.trim().to_owned(), host: self.host.trim().to_owned(), ..self }
    }

    fn n_days(&self) -> i64 {
        self.days.parse().unwrap_or(1)
    }

    /// Since when: whole days, today included.
    fn since(&self, now_ms: i64) -> Timestamp {
        match self.n_days() {
            1 => Timestamp(now_ms - DAY_MS),
            days => Timestamp((now_ms.div_euclid(DAY_MS) + 1 - days) * DAY_MS),
        }
    }
}

fn filter_of(asked: &Asked) -> EgressFilter {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    EgressFilter { purpose: given(&asked.purpose), host: given(&asked.host), before: asked.before }
}

fn meaning_of(mode: Mode) -> &'static str {
    match mode {
        Mode::Open => {
            "Connections go wherever an administrator configured something to go, and nowhere else."
        }
        Mode::CodeHosts => "Only code hosts, git remotes and identity providers are connected to.",
        Mode::AirGapped => {
            "Nothing is connected to: the kernel refuses it, to everything this server starts, too."
        }
    }
}

fn rule_in_words(purpose: Purpose, rule: &egress::Rule) -> String {
    let list = |patterns: &[egress::HostPattern]| {
        patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    match (rule.allow.is_empty(), rule.deny.is_empty()) {
        (true, true) => format!("{purpose}: any host"),
        (true, false) => format!("{purpose}: any host but {}", list(&rule.deny)),
        (false, true) => format!("{purpose}: only {}", list(&rule.allow)),
        (false, false) => format!("{purpose}: only {}, but not {}", list(&rule.allow), list(&rule.deny)),
    }
}

impl Total {
    fn of(sums: &[EgressSum]) -> Total {
        let all = |of: fn(&EgressSum) -> u64| sums.iter().map(of).sum::<u64>();
        Total {
            n_opened: thousands(all(|sum| sum.n_opened)),
            n_sent: size(all(|sum| sum.n_sent)),
            n_received: size(all(|sum| sum.n_received)),
            n_refused: thousands(all(|sum| sum.n_refused)),
        }
    }
}

/// One bar for each day, as high as its bytes; the highest fills the picture.
fn bars(days: &[EgressDay], first: i64, n_days: i64) -> Vec<Bar> {
    let most = days.iter().map(|day| day.n_sent).max().unwrap_or(0).max(1);
    let width = 600 / usize::try_from(n_days.max(1)).unwrap_or(1).max(1);
    let bar = |one: &EgressDay| {
        let height = (u128::from(one.n_sent) * u128::from(BAR_HEIGHT) / u128::from(most)) as u64;
        let height = height.clamp(BAR_HEIGHT_MIN, BAR_HEIGHT);
        Bar {
            x: usize::try_from(one.day - first).unwrap_or(0) * width,
            y: BAR_HEIGHT - height,
            height,
            title: format!(
                "{}: {} sent, {} received, {}",
                day(one.day * DAY_MS),
                size(one.n_sent),
                size(one.n_received),
                crate::format::count(one.n_opened, "connection", "connections")
            ),
        }
    };
    days.iter().map(bar).collect()
}

fn sum_rows(sums: &[EgressSum], asked: &Asked, now_ms: i64) -> Vec<SumRow> {
    let most = sums.iter().map(|sum| sum.n_sent).max().unwrap_or(0).max(1);
    let row = |sum: &EgressSum| {
        let there = Asked {
            days: asked.days.clone(),
            purpose: sum.purpose.clone(),
            host: sum.host.clone(),
            ..Asked::default()
        };
        SumRow {
            n_opened: thousands(sum.n_opened),
            n_refused: sum.n_refused,
            n_sent: size(sum.n_sent),
            n_received: size(sum.n_received),
            width: (u128::from(sum.n_sent) * 100 / u128::from(most)) as u64,
            last: Moment::new(now_ms, sum.last_at.0),
            url: format!("{}#entries", link("/admin/egress", &there, &[])),
            purpose: sum.purpose.clone(),
            host: sum.host.clone(),
            port: sum.port,
        }
    };
    sums.iter().map(row).collect()
}

impl EntryRow {
    fn new(entry: EgressEntry, now_ms: i64) -> Self {
        let (state, is_bad) = match (&entry.reason, &entry.end) {
            (Some(_), _) => ("refused", true),
            (None, None) if entry.body.is_some() => ("said", false),
            (None, None) => ("open", false),
            (None, Some(end)) => match end.outcome.as_str() {
                "closed" => ("closed", false),
                "failed" => ("failed", true),
                _ => ("interrupted", true),
            },
        };
        let end = entry.end.as_ref();
        EntryRow {
            seq: entry.seq,
            at: Moment::new(now_ms, entry.at.0),
            purpose: entry.purpose,
            host: entry.host,
            port: entry.port,
            address: entry.address.map(|address| address.to_string()).unwrap_or_default(),
            initiator: entry.initiator,
            code: entry.code,
            reason: entry.reason.unwrap_or_default(),
            sent: end.map(|end| size(end.n_sent)).unwrap_or_default(),
            received: end.map(|end| size(end.n_received)).unwrap_or_default(),
            took: end.map(|end| took(end.at.0 - entry.at.0)).unwrap_or_default(),
            digest: end.map(|end| hex(&end.digest)).unwrap_or_default(),
            body: entry.body.map(|body| String::from_utf8_lossy(&body).into_owned()),
            state,
            is_bad,
        }
    }
}

/// How long a connection was open. A clock that was set back makes it nothing.
fn took(ms: i64) -> String {
    crate::format::duration_us(u64::try_from(ms).unwrap_or(0).saturating_mul(1000))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn link(path: &str, asked: &Asked, more: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let pairs = [("days", &asked.days), ("purpose", &asked.purpose), ("host", &asked.host)];
    query.extend_pairs(pairs.into_iter().filter(|(_, value)| !value.is_empty()));
    query.extend_pairs(more);
    format!("{path}?{}", query.finish())
}

/// The entries that were asked for as a file, the newest first, to the beginning of the ledger.
pub(crate) async fn file(
    State(state): State<AppState>,
    _caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let (is_csv, kind, name) = match asked.format.as_str() {
        "csv" => (true, "text/csv; charset=utf-8", "attachment; filename=\"egress.csv\""),
        "jsonl" => (false, "application/x-ndjson", "attachment; filename=\"egress.jsonl\""),
        _ => return Err(Failure::BadRequest("Write format=csv or format=jsonl.".into())),
    };
    let filter = filter_of(&asked.checked());
    let body = Body::from_stream(pieces(state.store.clone(), filter, is_csv));
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], body).into_response())
}

/// The ledger, a piece after the other, as fast as it is taken.
fn pieces(
    store: Store,
    mut filter: EgressFilter,
    is_csv: bool,
) -> impl tokio_stream::Stream<Item = Result<Vec<u8>, store::Fault>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        let mut head = Vec::new();
        if is_csv {
            write(&COLUMNS.map(str::to_owned), &mut head);
        }
        loop {
            let entries = match store.egress_entries(&filter, N_STEP).await {
                Ok(entries) => entries,
                Err(fault) => {
                    let _ = sender.send(Err(fault)).await;
                    return;
                }
            };
            let is_last = entries.len() < N_STEP;
            filter.before = entries.last().map(|entry| entry.seq);
            let mut piece = std::mem::take(&mut head);
            entries.iter().for_each(|entry| write_entry(entry, is_csv, &mut piece));
            // Whoever went away wants no more.
            if sender.send(Ok(piece)).await.is_err() || is_last {
                return;
            }
        }
    });
    tokio_stream::wrappers::ReceiverStream::new(receiver)
}

const COLUMNS: [&str; 15] = [
    "entry",
    "opened",
    "closed",
    "outcome",
    "purpose",
    "host",
    "port",
    "address",
    "initiator",
    "code",
    "sent_bytes",
    "received_bytes",
    "sha256_of_sent",
    "reason",
    "said",
];

fn write_entry(entry: &EgressEntry, is_csv: bool, out: &mut Vec<u8>) {
    let end = entry.end.as_ref();
    let outcome = match (&entry.reason, end) {
        (Some(_), _) => "refused",
        (None, Some(end)) => &end.outcome,
        (None, None) if entry.body.is_some() => "said",
        (None, None) => "open",
    };
    let address = entry.address.map(|address| address.to_string());
    let digest = end.map(|end| hex(&end.digest));
    let said = entry.body.as_ref().map(|body| String::from_utf8_lossy(body).into_owned());
    if is_csv {
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let cells = [
            entry.seq.to_string(),
            rfc3339(entry.at.0),
            end.map(|end| rfc3339(end.at.0)).unwrap_or_default(),
            outcome.to_owned(),
            entry.purpose.clone(),
            entry.host.clone(),
            entry.port.to_string(),
            address.unwrap_or_default(),
            entry.initiator.clone(),
            entry.code.clone(),
            number(end.map(|end| end.n_sent)),
            number(end.map(|end| end.n_received)),
            digest.unwrap_or_default(),
            entry.reason.clone().unwrap_or_default(),
            said.unwrap_or_default(),
        ];
        return write(&cells.map(|cell| harmless(&cell)), out);
    }
    let line = json!({
        "entry": entry.seq, "opened": rfc3339(entry.at.0), "closed": end.map(|end| rfc3339(end.at.0)),
        "outcome": outcome, "purpose": entry.purpose, "host": entry.host, "port": entry.port, "address": address,
        "initiator": entry.initiator, "code": entry.code, "sent_bytes": end.map(|end| end.n_sent),
        "received_bytes": end.map(|end| end.n_received), "sha256_of_sent": digest, "reason": entry.reason, "said": said,
    });
    out.extend(line.to_string().as_bytes());
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_whole_days() {
        let noon = 20_000 * DAY_MS + DAY_MS / 2;
        let since = |days: &str| Asked { days: days.into(), ..Asked::default() }.checked().since(noon).0;
        assert_eq!(since("1"), noon - DAY_MS);
        assert_eq!(since("7"), 19_994 * DAY_MS);
        assert_eq!(since("x"), 19_971 * DAY_MS);
    }

    #[test]
    fn the_busiest_day_fills_the_picture() {
        let day = |day, n_sent| EgressDay { day, n_opened: 1, n_sent, n_received: 0 };
        let bars = bars(&[day(100, 1), day(129, u64::MAX)], 100, 30);
        assert_eq!((bars[0].x, bars[0].height, bars[0].y), (0, 2, 38));
        assert_eq!((bars[1].x, bars[1].height, bars[1].y), (580, 40, 0));
    }
}
