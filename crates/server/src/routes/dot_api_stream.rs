//! `/.api/search/stream`: Sourcegraph's streaming search.

use crate::caller::Caller;
use crate::compatible::{Pages, Texts, facts_of};
use crate::failure::{Failure, QueryFault};
use crate::searching::{self, Event, Running};
use crate::state::AppState;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use compat::sourcegraph::{
    self, Alert, Counted, Encoder, MatchEvent, ProgressEvent, RESULTS_MAX, Shaper, StreamRequest,
};
use query::Select;
use search::{Limits, Match, Stats, Summary};
use serde::Serialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// How often counts are told while nothing else is.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
/// How many lines of one file are looked for: these clients show all that `display` lets them.
const LINES_PER_FILE: usize = 500;

/// Searches.
pub(crate) async fn stream(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query_string): RawQuery,
) -> Response {
    let accept = headers.get(header::ACCEPT_ENCODING).and_then(|accept| accept.to_str().ok());
    let encoder = Encoder::for_accept_encoding(accept.unwrap_or(""));
    let (sender, receiver) = mpsc::channel(8);
    let (status, first) = match StreamRequest::parse(&query_string.unwrap_or_default()) {
        Ok(request) => (StatusCode::OK, start(&state, &caller, request).await),
        Err(bad) => (StatusCode::BAD_REQUEST, First::Failed(bad.to_string())),
    };
    let content_encoding = encoder.content_encoding();
    tokio::spawn(async move {
        let out = Out { sender, encoder: Some(encoder) };
        // A reader that went away wants to hear nothing.
        let _ = Stream { state, caller, out }.run(first).await;
    });
    let mut response = Body::from_stream(ReceiverStream::new(receiver)).into_response();
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-cache"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), header::HeaderValue::from_static("no"));
    if let Some(coding) = content_encoding {
        headers.insert(header::CONTENT_ENCODING, header::HeaderValue::from_static(coding));
        headers.insert(header::VARY, header::HeaderValue::from_static("accept-encoding"));
    }
    response
}

/// What a stream begins with.
enum First {
    /// A search under way.
    Running(Box<Search>),
    /// A query that is none, or that this interface cannot answer.
    Refused(Alert),
    /// A request that is none.
    Failed(String),
}

struct Search {
    request: Arc<StreamRequest>,
    running: Running,
    texts: Arc<Texts>,
    alert: Option<Alert>,
    counted: Counted,
    stats: Stats,
}

async fn start(state: &AppState, caller: &Caller, request: StreamRequest) -> First {
    let query = match searching::parse_as(&request.query, request.pattern_type) {
        Ok(query) => query,
        Err(fault) => return First::Refused(alert_of(fault)),
    };
    if query.settings.select.value == Some(Select::FileOwners) {
        let why = "select:file.owners gives people, which this interface cannot carry; ask /api/v1/search.";
        return First::Refused(Alert::new("Not served here", why));
    }
    let alert = searching::alert_of(&request.query, &query).map(|text| Alert::new("About this query", text));
    let limits = Limits { display: RESULTS_MAX, lines_per_file: LINES_PER_FILE, ..Limits::default() };
    match searching::start_with(state, caller, query, limits).await {
        Ok(running) => First::Running(Box::new(Search {
            request: Arc::new(request),
            running,
            texts: Arc::new(Texts::new(state, caller)),
            alert,
            counted: Counted::default(),
            stats: Stats::default(),
        })),
        // A search context that is not there, or not for the caller.
        Err(Failure::BadQuery(fault)) => First::Refused(alert_of(*fault)),
        Err(failure) => {
            tracing::error!(?failure, "a search could not be started");
            First::Failed("The search could not be started.".into())
        }
    }
}

/// What is wrong with a query, as an alert with the query mended.
pub(crate) fn alert_of(fault: QueryFault) -> Alert {
    let hint = fault.hint.map(|hint| format!(" {}", searching::sentence(&hint))).unwrap_or_default();
    let description = format!("{}{hint}", fault.message);
    let alert = Alert::new("Unable To Process Query", description).proposing(fault.suggestion);
    Alert { kind: Some(fault.code), ..alert }
}

/// The reader is gone, or may not read on.
struct Gone;

struct Out {
    sender: mpsc::Sender<Result<Bytes, Infallible>>,
    encoder: Option<Encoder>,
}

impl Out {
    async fn event(&mut self, name: &str, content: &impl Serialize) -> Result<(), Gone> {
        let frame = sourcegraph::event(name, content).map_err(|error| {
            tracing::error!(%error, "an event cannot be written as JSON");
            Gone
        })?;
        self.frame(frame).await
    }

    async fn frame(&mut self, frame: Vec<u8>) -> Result<(), Gone> {
        let encoder = self.encoder.as_mut().ok_or(Gone)?;
        let bytes = encoder.encode(frame).map_err(|_| Gone)?;
        self.sender.send(Ok(bytes.into())).await.map_err(|_| Gone)
    }

    /// `done`, which is always last.
    async fn done(mut self) -> Result<(), Gone> {
        self.event("done", &serde_json::json!({})).await?;
        let rest = self.encoder.take().map(Encoder::finish).transpose().map_err(|_| Gone)?;
        match rest.filter(|rest| !rest.is_empty()) {
            Some(rest) => self.sender.send(Ok(rest.into())).await.map_err(|_| Gone),
            None => Ok(()),
        }
    }
}

struct Stream {
    state: AppState,
    caller: Caller,
    out: Out,
}

impl Stream {
    async fn run(mut self, first: First) -> Result<(), Gone> {
        match first {
            First::Running(search) => self.drive(*search).await?,
            First::Refused(alert) => {
                self.out.event("progress", &ProgressEvent::of(&Stats::default(), 0, true)).await?;
                self.out.event("alert", &alert).await?;
            }
            First::Failed(message) => {
                self.out.event("error", &serde_json::json!({ "message": message })).await?;
            }
        }
        self.out.done().await
    }

    async fn drive(&mut self, mut search: Search) -> Result<(), Gone> {
        let mut ticks = tokio::time::interval(PROGRESS_EVERY);
        ticks.tick().await;
        loop {
            let event = tokio::select! {
                event = search.running.next() => event,
                _ = ticks.tick() => None,
                () = self.out.sender.closed() => return Err(Gone),
            };
            // SECURITY: every piece is sent under the permissions of this moment or not at all.
            if !self.caller.still_may(&self.state).await {
                let message = "What may be read has changed; search again.";
                return self.out.event("error", &serde_json::json!({ "message": message })).await;
            }
            match event {
                Some(Event::Began) => {}
                Some(Event::Matches(batch)) => self.matches(&mut search, batch).await?,
                Some(Event::Progress(stats)) => search.stats = stats,
                Some(Event::Done(ended)) => return self.end(search, *ended).await,
                None if search.running.is_over() => {
                    let message = "The search ended without saying so.";
                    return self.out.event("error", &serde_json::json!({ "message": message })).await;
                }
                None => {
                    let progress = ProgressEvent::of(&search.stats, search.counted.n_other, false);
                    self.out.event("progress", &progress).await?;
                }
            }
        }
    }

    async fn matches(&mut self, search: &mut Search, batch: Vec<Match>) -> Result<(), Gone> {
        let (request, texts) = (Arc::clone(&search.request), Arc::clone(&search.texts));
        let (access, mut counted) = (self.caller.access.clone(), search.counted);
        let shaping = tokio::task::spawn_blocking(move || -> Option<(Vec<Vec<u8>>, Counted)> {
            let shaper = Shaper {
                request: &request,
                links: &Pages,
                text_of: &|found| texts.get(&found.repo, found.blob),
                about: &|name| facts_of(&texts.snapshot, &access, name),
                date: &|person| crate::format::rfc3339_at(person.seconds, person.offset_minutes),
            };
            let shaped: Vec<MatchEvent> = shaper.shape(&batch, &mut counted);
            Some((sourcegraph::matches_events(&shaped).ok()?, counted))
        });
        let (frames, counted) = shaping.await.ok().flatten().ok_or(Gone)?;
        search.counted = counted;
        for frame in frames {
            self.out.frame(frame).await?;
        }
        Ok(())
    }

    async fn end(&mut self, search: Search, ended: Result<Summary, QueryFault>) -> Result<(), Gone> {
        let summary = match ended {
            Ok(summary) => summary,
            Err(fault) => {
                self.out.event("progress", &ProgressEvent::of(&search.stats, 0, true)).await?;
                return self.out.event("alert", &alert_of(fault)).await;
            }
        };
        let filters = sourcegraph::filters(&summary.facets, summary.stats.complete);
        self.out.event("filters", &filters).await?;
        let mut progress = ProgressEvent::of(&summary.stats, search.counted.n_other, true);
        if let Some(display) = search.request.display.filter(|_| search.counted.hit_display) {
            progress = progress.with_display_limit(display);
        }
        self.out.event("progress", &progress).await?;
        let alert = search.alert.or_else(|| summary.alert.map(|text| Alert::new("Nothing to search", text)));
        match alert {
            Some(alert) => self.out.event("alert", &alert).await,
            None => Ok(()),
        }
    }
}
