//! `/api/v1/search`: the same search as JSON, or as a stream of events.

use crate::caller::Caller;
use crate::failure::Failure;
use crate::searching::{self, Event, Running};
use crate::state::AppState;
use crate::wire::{MatchShape, SearchAnswer, StatsShape, filters};
use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// What is asked.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// The query.
    q: String,
    /// How many results are shown where the query has no `count:`; 500 if not given, 10,000 at most.
    limit: Option<usize>,
    /// 1: each result says what its score is made of.
    #[serde(default)]
    explain: u8,
}

/// Most results that may be asked for: what the engine shows at most.
const LIMIT_MAX: usize = 10_000;

/// Searches. `Accept: text/event-stream` asks for events: `matches`, `progress`, `filters`, `alert`, `done`.
#[utoipa::path(get, path = "/api/v1/search", params(Asked), responses(
    (status = 200, description = "What was found", body = SearchAnswer),
    (status = 400, description = "The query cannot be run", body = crate::failure::Problem),
    (status = 401, description = "Not signed in", body = crate::failure::Problem)))]
pub(crate) async fn search(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let refuse = |fault| Failure::BadQuery(Box::new(fault));
    let query = searching::parse(&asked.q).map_err(refuse)?;
    let alert = searching::alert_of(&asked.q, &query);
    let n_display = asked.limit.unwrap_or(search::Limits::DISPLAY_DEFAULT).clamp(1, LIMIT_MAX);
    if wants_events(&headers) {
        let running = searching::start(&state, &caller, query, n_display).await?;
        return Ok(events(state, caller, alert, running, asked.explain == 1));
    }
    let limits = search::Limits { display: n_display, ..search::Limits::default() };
    let found = searching::find(&state, &caller, query, limits).await?.map_err(refuse)?;
    let answer = SearchAnswer {
        query: asked.q,
        matches: found.matches.iter().map(|found| MatchShape::explained(found, asked.explain == 1)).collect(),
        stats: StatsShape::of(&found.stats),
        filters: filters(&found.facets),
        alert: alert.or(found.alert),
    };
    Ok(Json(answer).into_response())
}

fn wants_events(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/event-stream"))
}

fn events(
    state: AppState,
    mut caller: Caller,
    alert: Option<String>,
    mut running: Running,
    explain: bool,
) -> Response {
    let (sender, receiver) = mpsc::channel::<Result<sse::Event, Infallible>>(8);
    tokio::spawn(async move {
        loop {
            let event = tokio::select! {
                event = running.next() => event,
                () = sender.closed() => return,
            };
            let Some(event) = event else { return };
            let is_last = matches!(event, Event::Done(_));
            // SECURITY: every piece is sent under the permissions of this moment or not at all.
            if !caller.still_may(&state).await {
                return;
            }
            for event in shapes(event, alert.as_deref(), explain) {
                if sender.send(Ok(event)).await.is_err() {
                    return;
                }
            }
            if is_last {
                return;
            }
        }
    });
    Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::default()).into_response()
}

/// The events one happening of a search is told by.
fn shapes(event: Event, alert: Option<&str>, explain: bool) -> Vec<sse::Event> {
    match event {
        Event::Matches(batch) => {
            let shape = |found| MatchShape::explained(found, explain);
            let matches: Vec<MatchShape> = batch.iter().map(shape).collect();
            vec![named("matches", &matches)]
        }
        Event::Began => Vec::new(),
        Event::Progress(stats) => vec![named("progress", &StatsShape::of(&stats))],
        Event::Done(result) => match *result {
            Ok(summary) => {
                let mut events = vec![named("filters", &filters(&summary.facets))];
                if let Some(alert) = alert.map(str::to_owned).or(summary.alert) {
                    events.push(named("alert", &AlertShape { message: alert }));
                }
                events.push(named("done", &StatsShape::of(&summary.stats)));
                events
            }
            Err(fault) => vec![named("error", &fault)],
        },
    }
}

/// The content of an `alert` event.
#[derive(Serialize)]
struct AlertShape {
    message: String,
}

fn named(name: &str, content: &impl Serialize) -> sse::Event {
    let event = sse::Event::default().event(name);
    match event.json_data(content) {
        Ok(event) => event,
        Err(error) => {
            tracing::error!(%error, "an event cannot be written as JSON");
            sse::Event::default().event("error")
        }
    }
}
