//! `/admin/usage` and `/api/v1/usage`: what is used, what is slow, what fails; for whoever looks after the server.

use crate::caller::Caller;
use crate::failure::Failure;
use crate::format::{day, duration_us, rfc3339, thousands};
use crate::shell::Shell;
use crate::state::AppState;
use access::Timestamp;
use askama::Template;
use axum::Json;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use serde::{Deserialize, Serialize};
use store::{CountAt, RequestsAt, RequestsOf};
use telemetry::histogram::quantile_us;
use telemetry::{Counter, Route};
use utoipa::ToSchema;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// The size of the pictures, in their own units.
const WIDTH: u64 = 600;
const HEIGHT: u64 = 48;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    days: String,
    /// The number of a kind of request, to see it alone over time.
    route: Option<i64>,
}

/// A choice of how far to look back, and how finely.
#[derive(Clone, Copy)]
struct Span {
    days: &'static str,
    n_days: i64,
    label: &'static str,
    hours_a_part: u32,
    part: &'static str,
}

const SPANS: [Span; 4] = [
    Span { days: "1", n_days: 1, label: "24 hours", hours_a_part: 1, part: "hour" },
    Span { days: "7", n_days: 7, label: "7 days", hours_a_part: 6, part: "six hours" },
    Span { days: "30", n_days: 30, label: "30 days", hours_a_part: 24, part: "day" },
    Span { days: "365", n_days: 365, label: "a year", hours_a_part: 168, part: "week" },
];

#[derive(Template)]
#[template(path = "admin_usage.html")]
struct UsagePage {
    shell: Shell,
    counts: bool,
    keep_days: u32,
    spans: [Span; 4],
    span: Span,
    /// The kind that is shown alone.
    only: Option<String>,
    figures: Vec<Figure>,
    pictures: Vec<Picture>,
    kinds: Vec<KindRow>,
}

/// A number with its name.
struct Figure {
    label: &'static str,
    value: String,
}

/// Bars over time.
struct Picture {
    label: String,
    bars: Vec<Bar>,
    most: String,
}

/// A part of the span.
struct Bar {
    x: u64,
    y: u64,
    width: u64,
    height: u64,
    title: String,
}

/// A kind of request as a row.
struct KindRow {
    number: u16,
    name: String,
    n: String,
    /// Of a hundred.
    width: u64,
    p50: String,
    p95: String,
    p99: String,
    n_refused: u64,
    n_failed: u64,
}

/// How the server was used.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsageShape {
    /// Since when, RFC 3339.
    since: String,
    /// What was counted, by its name in the register.
    counters: std::collections::BTreeMap<&'static str, u64>,
    /// Requests by kind, the most frequent first.
    requests: Vec<RequestsShape>,
}

/// Requests of one kind.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RequestsShape {
    /// The pattern of its address.
    route: String,
    /// How many.
    count: u64,
    /// How many of them were refused (status 400 to 499).
    refused: u64,
    /// How many of them failed by a fault of the server.
    failed: u64,
    /// The time until the answer began that so many of a hundred did not take longer than, in milliseconds.
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
}

/// Tells how the server was used. Numbers of the data-collection register; none is about a person.
#[utoipa::path(get, path = "/api/v1/usage",
    params(("days" = Option<String>, Query, description = "1, 7, 30 or 365; 30 if not given")),
    responses((status = 200, description = "Counters and requests", body = UsageShape)))]
pub(crate) async fn answer(
    State(state): State<AppState>,
    _caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<UsageShape>, Failure> {
    let span = asked.span();
    let since = since(span, state.now_ms());
    let counts = state.store.usage_counters(since, span.hours_a_part).await?;
    let requests = by_frequency(state.store.usage_by_route(since).await?);
    let sum = |counter: Counter| (counter.entry().name, sum_of(&counts, counter));
    let ms = |of: &RequestsOf, share| quantile_us(&of.buckets, share).unwrap_or(0) as f64 / 1000.0;
    let shape = |of: &RequestsOf| RequestsShape {
        route: of.route.name(),
        count: n_of(of),
        refused: of.n_refused,
        failed: of.n_failed,
        p50_ms: ms(of, 0.5),
        p95_ms: ms(of, 0.95),
        p99_ms: ms(of, 0.99),
    };
    Ok(Json(UsageShape {
        since: rfc3339(since.0),
        counters: Counter::ALL.into_iter().map(sum).collect(),
        requests: requests.iter().map(shape).collect(),
    }))
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let span = asked.span();
    let only = asked.route.and_then(Route::numbered);
    let now_ms = state.now_ms();
    let since = since(span, now_ms);
    let requests = by_frequency(state.store.usage_by_route(since).await?);
    let over_time = state.store.usage_over_time(since, span.hours_a_part, only).await?;
    let counts = state.store.usage_counters(since, span.hours_a_part).await?;
    let parts = Parts::new(span, since, now_ms);
    let mut pictures = parts.of_requests(&over_time);
    if only.is_none() {
        pictures.push(parts.of_counter(&counts, Counter::SearchesEmpty, "Searches without results"));
    }
    let page = UsagePage {
        shell: caller.shell("Usage", "usage"),
        counts: state.config.usage.counts(),
        keep_days: state.config.usage_keep_days,
        spans: SPANS,
        span,
        only: only.map(Route::name),
        figures: figures(&requests, &counts),
        pictures,
        kinds: kind_rows(&requests),
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

impl Asked {
    fn span(&self) -> Span {
        SPANS.into_iter().find(|span| span.days == self.days).unwrap_or(SPANS[2])
    }
}

/// When the first part begins.
fn since(span: Span, now_ms: i64) -> Timestamp {
    let part_ms = i64::from(span.hours_a_part) * HOUR_MS;
    Timestamp((now_ms - span.n_days * DAY_MS).div_euclid(part_ms) * part_ms)
}

fn n_of(of: &RequestsOf) -> u64 {
    of.n_well + of.n_refused + of.n_failed
}

fn by_frequency(mut requests: Vec<RequestsOf>) -> Vec<RequestsOf> {
    requests.sort_by_key(|of| std::cmp::Reverse(n_of(of)));
    requests
}

fn sum_of(counts: &[CountAt], counter: Counter) -> u64 {
    counts.iter().filter(|count| count.counter == counter).map(|count| count.n).sum()
}

fn figures(requests: &[RequestsOf], counts: &[CountAt]) -> Vec<Figure> {
    let searches = sum_of(counts, Counter::Searches);
    let of_searches = |counter| match searches {
        0 => "–".to_owned(),
        searches => format!("{:.1} %", sum_of(counts, counter) as f64 * 100.0 / searches as f64),
    };
    vec![
        Figure { label: "Requests", value: thousands(requests.iter().map(n_of).sum()) },
        Figure { label: "Searches", value: thousands(searches) },
        Figure { label: "found nothing", value: of_searches(Counter::SearchesEmpty) },
        Figure { label: "were cut short", value: of_searches(Counter::SearchesCut) },
        Figure { label: "Files read", value: thousands(sum_of(counts, Counter::FilesRead)) },
        Figure {
            label: "Faults of the server",
            value: thousands(requests.iter().map(|of| of.n_failed).sum()),
        },
    ]
}

fn kind_rows(requests: &[RequestsOf]) -> Vec<KindRow> {
    let most = requests.first().map_or(1, n_of).max(1);
    let time = |of: &RequestsOf, share| quantile_us(&of.buckets, share).map(duration_us).unwrap_or_default();
    let row = |of: &RequestsOf| KindRow {
        number: of.route.entry().number,
        name: of.route.name(),
        n: thousands(n_of(of)),
        width: (u128::from(n_of(of)) * 100 / u128::from(most)) as u64,
        p50: time(of, 0.5),
        p95: time(of, 0.95),
        p99: time(of, 0.99),
        n_refused: of.n_refused,
        n_failed: of.n_failed,
    };
    requests.iter().map(row).collect()
}

/// The parts of a span as places in a picture.
struct Parts {
    span: Span,
    first_ms: i64,
    n: u64,
}

impl Parts {
    fn new(span: Span, since: Timestamp, now_ms: i64) -> Self {
        let part_ms = i64::from(span.hours_a_part) * HOUR_MS;
        let n = u64::try_from((now_ms - since.0).div_euclid(part_ms) + 1).unwrap_or(1).max(1);
        Parts { span, first_ms: since.0, n }
    }

    /// How many, and how slow.
    fn of_requests(&self, parts: &[RequestsAt]) -> Vec<Picture> {
        let many = parts.iter().map(|part| (part.at, part.n, format!("{} requests", thousands(part.n))));
        let slow = parts.iter().map(|part| {
            let p95 = quantile_us(&part.buckets, 0.95).unwrap_or(0);
            (part.at, p95, format!("95 of 100 within {}", duration_us(p95)))
        });
        vec![
            self.picture("Requests", many.collect(), thousands),
            self.picture("The time that 95 of 100 answers began within", slow.collect(), duration_us),
        ]
    }

    fn of_counter(&self, counts: &[CountAt], counter: Counter, label: &str) -> Picture {
        let of = counts.iter().filter(|count| count.counter == counter);
        let values = of.map(|count| (count.at, count.n, thousands(count.n)));
        self.picture(label, values.collect(), thousands)
    }

    fn picture(&self, label: &str, values: Vec<(Timestamp, u64, String)>, say: fn(u64) -> String) -> Picture {
        let most = values.iter().map(|(_, value, _)| *value).max().unwrap_or(0);
        let part_ms = i64::from(self.span.hours_a_part) * HOUR_MS;
        let step = WIDTH / self.n.max(1);
        let bar = |(at, value, says): (Timestamp, u64, String)| {
            let place = u64::try_from((at.0 - self.first_ms).div_euclid(part_ms)).unwrap_or(0);
            let height = (u128::from(value) * u128::from(HEIGHT) / u128::from(most.max(1))) as u64;
            let height = if value == 0 { 0 } else { height.max(2) };
            let when = match self.span.hours_a_part {
                ..24 => rfc3339(at.0),
                _ => day(at.0),
            };
            Bar {
                x: place * step,
                y: HEIGHT - height,
                width: step.saturating_sub(1).max(1),
                height,
                title: format!("{when}: {says}"),
            }
        };
        Picture {
            label: format!("{label}, by the {}", self.span.part),
            bars: values.into_iter().map(bar).collect(),
            most: say(most),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_where_their_time_is() {
        let now = 20_000 * DAY_MS + 5 * HOUR_MS;
        let span = SPANS[0];
        let since = since(span, now);
        assert_eq!(since.0, now - DAY_MS);
        let parts = Parts::new(span, since, now);
        let at = |hours: i64, n| RequestsAt {
            at: Timestamp(since.0 + hours * HOUR_MS),
            n,
            n_failed: 0,
            buckets: vec![(1, n)],
        };
        let pictures = parts.of_requests(&[at(0, 1), at(24, 1_000)]);
        let bars = &pictures[0].bars;
        assert_eq!((bars[0].x, bars[0].height, bars[0].y), (0, 2, 46));
        assert_eq!((bars[1].x, bars[1].height, bars[1].y), (24 * 24, 48, 0));
        assert!(bars.iter().all(|bar| bar.x + bar.width <= WIDTH));
        assert_eq!(pictures[0].most, "1,000");
    }
}
