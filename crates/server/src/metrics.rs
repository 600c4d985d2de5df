//! What the server counts of itself, for Prometheus.
//!
//! One recorder per server, never the process's global one: tests run many servers side by side.

use crate::state::AppState;
use crate::usage::{AnsweredFor, Asked};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, SharedString};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};
use search::Stats;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Upper bounds of the latency buckets, in seconds: from a rare word (a millisecond) to the longest time limit.
const SECONDS: [f64; 17] = [
    0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 20.0, 120.0,
];

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// The server's counters. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Metrics {
    recorder: Arc<PrometheusRecorder>,
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds = Matcher::Suffix("_seconds".into());
        let builder = PrometheusBuilder::new().set_buckets_for_metric(seconds, &SECONDS);
        let builder = builder.unwrap_or_else(|_| PrometheusBuilder::new());
        Metrics { recorder: Arc::new(builder.build_recorder()) }
    }
}

impl Metrics {
    /// Counts a request. The route is the table's pattern, never what the caller sent: its values are few.
    fn requested(&self, route: &str, method: &str, status: u16, seconds: f64) {
        let labels = [("route", route.to_owned()), ("method", method.to_owned())];
        self.histogram("sourcekeep_http_request_seconds", &labels).record(seconds);
        let [route, method] = labels;
        let labels = [route, method, ("status", status.to_string())];
        self.counter("sourcekeep_http_requests_total", &labels).increment(1);
    }

    /// Counts a search.
    pub(crate) fn searched(&self, stats: &Stats) {
        let complete = [("complete", stats.complete.to_string())];
        self.counter("sourcekeep_searches_total", &complete).increment(1);
        self.histogram("sourcekeep_search_seconds", &complete).record(stats.duration.as_secs_f64());
    }

    /// Counts how long it took to recognise a caller and to read their rights.
    pub(crate) fn admitted(&self, took: Duration) {
        self.histogram("sourcekeep_door_seconds", &[]).record(took.as_secs_f64());
    }

    /// Counts how long an answer that was ready waited until its entry in the audit log was safe.
    pub(crate) fn recorded(&self, waited: Duration) {
        self.histogram("sourcekeep_audit_wait_seconds", &[]).record(waited.as_secs_f64());
    }

    /// Sets a value that is looked at when somebody asks.
    pub(crate) fn set(&self, name: &'static str, value: f64) {
        self.gauge(name).set(value);
    }

    /// Everything, in Prometheus's text format.
    pub(crate) fn render(&self) -> String {
        self.recorder.handle().render()
    }

    fn counter(&self, name: &'static str, labels: &[(&'static str, String)]) -> Counter {
        self.recorder.register_counter(&key(name, labels), &METADATA)
    }

    fn histogram(&self, name: &'static str, labels: &[(&'static str, String)]) -> Histogram {
        self.recorder.register_histogram(&key(name, labels), &METADATA)
    }

    fn gauge(&self, name: &'static str) -> Gauge {
        self.recorder.register_gauge(&key(name, &[]), &METADATA)
    }
}

/// Counts every request and how long its answer took to begin.
pub(crate) async fn observe(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let method = match request.method().as_str() {
        method @ ("GET" | "HEAD" | "POST") => method.to_owned(),
        _ => "other".to_owned(),
    };
    let asked = Asked::of(route.as_deref(), request.uri().path(), request.headers());
    let response = next.run(request).await;
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    let person = response.extensions().get::<AnsweredFor>().and_then(|answered| answered.0);
    asked.answered(&state.config.usage, status, took, person);
    state.metrics.requested(route.as_deref().unwrap_or("none"), &method, status, took.as_secs_f64());
    response
}

fn key(name: &'static str, labels: &[(&'static str, String)]) -> Key {
    let labels: Vec<Label> =
        labels.iter().map(|(name, value)| Label::new(*name, SharedString::from(value.clone()))).collect();
    Key::from_parts(name, labels)
}
