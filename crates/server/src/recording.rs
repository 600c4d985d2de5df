//! Who acts, for the audit log; and every read of code by request, written down before it is answered.
//!
//! SECURITY: the layer stands at the doors, so that no handler can forget it. What the handlers themselves change they record
//! in the transaction of the change, through [`Caller::acting`] or [`crate::visitor::Visitor`].

use crate::caller::Caller;
use crate::failure::Failure;
use crate::in_flight;
use crate::request_id::RequestId;
use crate::state::AppState;
use crate::usage::AnsweredFor;
use crate::visitor::client_address;
use access::Capability;
use access::audit::{Act, Entry, Object, Origin, Outcome};
use axum::extract::Request;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model::RepoName;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use store::BreakGlass;
use url::form_urlencoded;

/// Most details of one request: a GraphQL document may ask for many files.
const N_NOTES_MAX: usize = 50;

/// What a handler adds to the entry of its request: a query that stands in a body, say.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Noted>>);

#[derive(Default)]
struct Noted {
    details: Vec<(&'static str, String)>,
    opened: Vec<RepoName>,
}

impl Notes {
    /// Adds a detail. Counts until the answer begins.
    pub(crate) fn add(&self, key: &'static str, value: impl Into<String>) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.details.len() < N_NOTES_MAX {
            notes.details.push((key, value.into()));
        }
    }

    /// Says that a repository was opened. Counts until the answer begins.
    pub(crate) fn open(&self, repo: &RepoName) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.opened.len() < N_NOTES_MAX && !notes.opened.contains(repo) {
            notes.opened.push(repo.clone());
        }
    }

    fn opened(&self) -> Vec<RepoName> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).opened.clone()
    }
}

/// Lets a caller through a door: the request is answered when its entry is safe, and its connection knows for whom.
pub(crate) async fn admit(state: &AppState, mut caller: Caller, request: Request, next: Next) -> Response {
    let answered_for = AnsweredFor(caller.actor.user_id());
    let mut answering = in_flight::begin(&request, &caller);
    // SECURITY: between reading somebody's rights and noting the answer a revocation may have been settled. Nothing was
    // answered under them yet: they are read again.
    while let Some(overtaken) = answering.take_if(|_| state.in_flight.is_overtaken(&caller)) {
        overtaken.forget();
        if let Err(failure) = caller.read_rights(state).await {
            return failure.into_response();
        }
        answering = in_flight::begin(&request, &caller);
    }
    let mut response = recorded(state, caller, request, next).await;
    response.extensions_mut().insert(answered_for);
    if model::leaks("epoch-in-header")
        && let Ok(epoch) = state.store.epoch().await
    {
        response.headers_mut().insert("etag", epoch.0.into());
    }
    match answering {
        Some(answering) => answering.hold(response),
        None => response,
    }
}

async fn recorded(state: &AppState, mut caller: Caller, mut request: Request, next: Next) -> Response {
    caller.origin = origin_of(state, &caller, &request);
    if caller.actor.can(Capability::BreakGlass) && caller.is_by_session() {
        match state.store.active_break_glass().await {
            Ok(active) => caller.emergencies = active.iter().map(sentence_of).collect(),
            Err(fault) => return Failure::from(fault).into_response(),
        }
    }
    let reading = Reading::of(request.method(), request.uri());
    let store = state.store.by(caller.origin.clone());
    let notes = caller.notes.clone();
    request.extensions_mut().insert(caller);
    let Some(reading) = reading else { return next.run(request).await };
    if reading.is_known_before() {
        // The search and the log's disk at the same time.
        let read = match store.begin_read(reading.entry(Outcome::Done, &notes)).await {
            Ok(read) => read,
            Err(fault) => return Failure::internal(fault).into_response(),
        };
        let response = next.run(request).await;
        let ready = Instant::now();
        let recorded = read.settled().await;
        state.metrics.recorded(ready.elapsed());
        return if_recorded(response, recorded);
    }
    let response = next.run(request).await;
    let ready = Instant::now();
    let outcome = outcome_of(response.status());
    let opened = match outcome {
        Outcome::Done => notes.opened(),
        _ => Vec::new(),
    };
    let recorded = store.record_read_of(reading.entry(outcome, &notes), opened).await;
    state.metrics.recorded(ready.elapsed());
    if_recorded(response, recorded)
}

/// Writes down that somebody was turned away at a door they may not go through.
pub(crate) async fn deny(state: &AppState, caller: &Caller, request: Request, why: &'static str) -> Response {
    let origin = origin_of(state, caller, &request);
    let entry = Entry::new(Act::Denied, Object::named("address", request.uri().path()));
    let entry = entry.detail("method", request.method()).refused(why);
    match state.store.by(origin).record_read(entry).await {
        Ok(()) => Failure::NotAllowed(why).into_response(),
        Err(fault) => Failure::internal(fault).into_response(),
    }
}

/// Who acts, from where, in which request.
fn origin_of(state: &AppState, caller: &Caller, request: &Request) -> Origin {
    let address = client_address(request.extensions(), request.headers(), &state.config);
    let id = request.extensions().get::<RequestId>().map(|id| id.0.as_str());
    Origin::of(&caller.actor).from_request(Some(address), id)
}

fn sentence_of(emergency: &BreakGlass) -> String {
    let BreakGlass { name, repo, reason, ends_at, .. } = emergency;
    format!(
        "Emergency access: {name} reads {repo} until {}. Reason: {reason}",
        crate::format::rfc3339(ends_at.0)
    )
}

fn if_recorded(response: Response, recorded: Result<(), store::Fault>) -> Response {
    match recorded {
        Ok(()) => response,
        Err(fault) => Failure::internal(fault).into_response(),
    }
}

fn outcome_of(status: StatusCode) -> Outcome {
    match status.as_u16() {
        401 | 403 | 404 => Outcome::Refused,
        400.. => Outcome::Failed,
        _ => Outcome::Done,
    }
}

/// What is read by a request.
struct Reading {
    act: Act,
    path: String,
    query: Option<String>,
}

impl Reading {
    /// What a request reads; `None` for what shows nobody's code or what is recorded as a change.
    fn of(method: &Method, uri: &Uri) -> Option<Self> {
        let act = act_of(method, uri.path())?;
        // SECURITY: of the query string only the search; other clients send tokens there.
        let mut pairs = form_urlencoded::parse(uri.query().unwrap_or("").as_bytes());
        let query = pairs.find(|(key, _)| key == "q").map(|(_, value)| value.into_owned());
        Some(Reading { act, path: uri.path().to_owned(), query })
    }

    /// Whether all there is to say is known before the handler runs: how a search ends does not change that it was asked.
    fn is_known_before(&self) -> bool {
        self.act == Act::Search && self.query.is_some()
    }

    fn entry(&self, outcome: Outcome, notes: &Notes) -> Entry {
        let mut entry = Entry::new(self.act, Object::named("address", &self.path)).outcome(outcome);
        if let Some(query) = &self.query {
            entry = entry.detail("query", query);
        }
        let notes = notes.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.details.iter().fold(entry, |entry, (key, value)| entry.detail(key, value))
    }
}

/// The kind of reading behind an address. An address nobody thought of is recorded as asking.
fn act_of(method: &Method, path: &str) -> Option<Act> {
    let is_get = matches!(*method, Method::GET | Method::HEAD);
    let path = path.strip_prefix('/').unwrap_or(path);
    let (first, rest) =
        path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
    match (first, rest) {
        // POST by which programs search and read; nothing is changed by them.
        ("mcp", _) => Some(Act::Ask),
        (".api", "search/stream") | ("api", "search" | "list") => Some(Act::Search),
        (".api", _) => Some(Act::Ask),
        _ if !is_get => None,
        ("account" | "sign-out" | "step-up" | "contexts" | "tokens", _) => None,
        ("api", "v1/openapi.json" | "v1/status") => None,
        ("exports", "") => None,
        ("search" | "aggregate" | "why", _) => Some(Act::Search),
        ("api", "v1/search" | "v1/aggregate" | "v1/complete") => Some(Act::Search),
        ("print", _) => Some(Act::ReadRaw),
        ("repos" | "", _) | ("api", "v1/repos") => Some(Act::ListRepositories),
        ("r", address) => Some(act_of_address(address)),
        ("api", other) => match other.strip_prefix("v1/") {
            Some(other) if other.starts_with("repos/") => Some(act_of_address(other)),
            Some(other) if other.starts_with("contexts") || other == "exports" => None,
            Some(other) if other.ends_with("/file") => Some(Act::ReadExport),
            Some(other) if other.starts_with("exports/") => None,
            _ => Some(Act::Ask),
        },
        ("admin", "audit" | "audit/file" | "egress" | "egress/file") => Some(Act::ReadAudit),
        ("admin" | "metrics", _) => Some(Act::ReadAdministration),
        _ => Some(Act::Ask),
    }
}

/// The kind of page of a repository: `<name>@<rev>/-/<kind>/<path>`.
fn act_of_address(address: &str) -> Act {
    let kind = address.split_once("/-/").map_or("", |(_, kind)| kind);
    match kind.split('/').next().unwrap_or("") {
        "raw" | "download" | "archive" => Act::ReadRaw,
        "commit" | "commits" | "log" | "compare" | "blame" | "branches" | "contributors" => Act::ReadHistory,
        _ => Act::ReadFile,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_code_is_recorded() {
        let check = |method: Method, path: &str, expected: Option<Act>| {
            assert_eq!(act_of(&method, path), expected, "{method} {path}");
        };
        check(Method::GET, "/search", Some(Act::Search));
        check(Method::GET, "//.api/search/stream", Some(Act::Search));
        check(Method::POST, "//.api/graphql", Some(Act::Ask));
        check(Method::POST, "/api/search", Some(Act::Search));
        check(Method::GET, "/api/v1/search", Some(Act::Search));
        check(Method::GET, "/r/a/b/-/blob/c", Some(Act::ReadFile));
        check(Method::GET, "/r/a/b/-/raw/c", Some(Act::ReadRaw));
        check(Method::GET, "/api/v1/repos/a/-/commit/1", Some(Act::ReadHistory));
        check(Method::GET, "/api/v1/exports/x/file", Some(Act::ReadExport));
        check(Method::GET, "/something/new", Some(Act::Ask));
        check(Method::POST, "/contexts", None);
        check(Method::GET, "/account/sessions", None);
    }

    #[test]
    fn no_token_of_an_address_is_kept() {
        let uri: Uri = "/print?token=sk_secret&q=x&r=a".parse().unwrap();
        let reading = Reading::of(&Method::GET, &uri).unwrap();
        let entry = format!("{:?}", reading.entry(Outcome::Done, &Notes::default()));
        assert!(!entry.contains("sk_secret"), "{entry}");
    }
}
