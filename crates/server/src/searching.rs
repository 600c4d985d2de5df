//! Running a search beside the asynchronous edge: on a thread of its own, in one of a bounded number of places, called
//! off when nobody listens any more.

use crate::caller::Caller;
use crate::failure::{Failure, QueryFault};
use crate::state::AppState;
use crate::usage::SearchCount;
use query::Query;
use search::{
    AggregateBy, AggregateError, AggregateLimits, Aggregation, CancelToken, Facets, Limits, Match,
    SearchError, Sink, Stats, Summary,
};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Something a running search tells.
#[derive(Debug)]
pub(crate) enum Event {
    /// The query can be run. Comes before all else, unless everything comes at once.
    Began,
    /// The next results.
    Matches(Vec<Match>),
    /// The counts so far.
    Progress(Stats),
    /// The end.
    Done(Box<Result<Summary, QueryFault>>),
}

/// A search under way. Dropping it calls the search off.
#[derive(Debug)]
pub(crate) struct Running {
    events: mpsc::UnboundedReceiver<Event>,
    cancel: CancelToken,
}

/// Everything a search found.
#[derive(Debug)]
pub(crate) struct Found {
    /// The results.
    pub(crate) matches: Vec<Match>,
    /// The counts, what was left out.
    pub(crate) stats: Stats,
    /// Ways to narrow it.
    pub(crate) facets: Facets,
    /// Something about the query as a whole.
    pub(crate) alert: Option<String>,
}

/// Reads a query that can be run.
pub(crate) fn parse(text: &str) -> Result<Query, QueryFault> {
    parse_as(text, query::PatternType::default())
}

/// Likewise, bare terms read in this way where the query does not say.
pub(crate) fn parse_as(text: &str, default_pattern_type: query::PatternType) -> Result<Query, QueryFault> {
    let options = query::Options { default_pattern_type, ..query::Options::default() };
    let query = query::parse(text, &options).map_err(of_parser)?;
    if let Some(error) = query::unanswerable(&query) {
        return Err(of_parser(error));
    }
    match unknown_language(text, &query) {
        Some(fault) => Err(fault),
        None => Ok(query),
    }
}

/// A language that is none. The engine would say so too, but without the text it cannot mend it.
fn unknown_language(text: &str, query: &Query) -> Option<QueryFault> {
    let mut fault = None;
    query.expr.for_each_leaf(&mut |leaf, _| {
        let query::Leaf::Filter(filter) = leaf else { return };
        let query::FilterKind::Language(name) = &filter.kind else { return };
        if fault.is_some() || syntax::language_by_name(name).is_some() {
            return;
        }
        let suggestion = syntax::suggest_language(name);
        let error = SearchError::UnknownLanguage {
            name: name.chars().take(80).collect(),
            suggestion,
            span: filter.span.start..filter.span.end,
        };
        fault = Some(QueryFault {
            suggestion: suggestion.and_then(|name| {
                let value = if name.contains(' ') { format!("\"{name}\"") } else { name.to_owned() };
                let (before, after) =
                    (text.get(..filter.value_span.start)?, text.get(filter.value_span.end..)?);
                Some(format!("{before}{value}{after}"))
            }),
            ..of_engine(error)
        });
    });
    fault
}

/// Puts what contexts hold in the places of their names, as far as the caller may know it.
pub(crate) async fn expanded(
    state: &AppState,
    caller: &Caller,
    query: Query,
) -> Result<Result<Query, QueryFault>, Failure> {
    caller.notes.add("query", query.to_string());
    Ok(state.store.expand_contexts(&caller.actor, &caller.access, query).await?.map_err(of_parser))
}

/// What the person should know of a query that runs: contradictions, as one text.
pub(crate) fn alert_of(text: &str, query: &Query) -> Option<String> {
    query_alerts(text, query).first().map(|alert| format!("{} {}", sentence(&alert.message), alert.hint))
}

/// What is contradictory in a query, each with how to mend it. `text` is what it was parsed from.
pub fn query_alerts(text: &str, query: &Query) -> Vec<query::Alert> {
    query::alerts(text, query, &|left, right| {
        Some(syntax::language_by_name(left)? == syntax::language_by_name(right)?)
    })
}

/// Starts a search; waits for a place first.
pub(crate) async fn start(
    state: &AppState,
    caller: &Caller,
    query: Query,
    n_display: usize,
) -> Result<Running, Failure> {
    start_with(state, caller, query, Limits { display: n_display, ..Limits::default() }).await
}

/// Likewise, under limits of the caller's choice.
pub(crate) async fn start_with(
    state: &AppState,
    caller: &Caller,
    query: Query,
    limits: Limits,
) -> Result<Running, Failure> {
    run(state, caller, query, limits, None).await
}

/// Searches for what is shown all at once: nobody is woken before everything is there.
pub(crate) async fn find(
    state: &AppState,
    caller: &Caller,
    query: Query,
    limits: Limits,
) -> Result<Result<Found, QueryFault>, Failure> {
    run(state, caller, query, limits, Some(Vec::new())).await?.collect().await
}

/// With `gathered`, matches are told with the end.
async fn run(
    state: &AppState,
    caller: &Caller,
    query: Query,
    limits: Limits,
    gathered: Option<Vec<Match>>,
) -> Result<Running, Failure> {
    let query = expanded(state, caller, query).await?.map_err(|fault| Failure::BadQuery(Box::new(fault)))?;
    let place = state
        .search_places
        .enter(caller.actor.user_id().map(|user| user.0))
        .await
        .map_err(Failure::internal)?;
    // The channel has no limit of its own: the display limits bound what goes through it (10,000 results of 1,000
    // bytes at most), and so a slow reader holds memory for its own answer, never a place.
    let (sender, events) = mpsc::unbounded_channel();
    let cancel = CancelToken::new();
    let count = SearchCount::of(state, caller);
    let limits = limits_of(state, caller, limits);
    let (state, token) = (state.clone(), cancel.clone());
    let (snapshot, access) = (state.catalog.snapshot(), caller.access.clone());
    tokio::task::spawn_blocking(move || {
        let tells_progress = state.config.tells_durations && gathered.is_none();
        let mut sink = ChannelSink { sender, tells_progress, gathered };
        let (searcher, kept) = (&state.searcher, &state.kept_answers);
        let mut result = kept.search(searcher, &snapshot, &access, &query, &limits, &token, &mut sink);
        if let (Ok(summary), false) = (&mut result, state.config.tells_durations) {
            summary.stats.duration = Duration::ZERO;
        }
        if let Ok(summary) = &result {
            state.metrics.searched(&summary.stats);
            count.searched(&summary.stats);
            have_rebuilt(state.store.clone(), summary.damaged.clone());
        }
        sink.tell_gathered();
        let _ = sink.sender.send(Event::Done(Box::new(result.map_err(of_engine))));
        drop(place);
    });
    Ok(Running { events, cancel })
}

/// Counts everything a query finds; called off when nobody waits any more.
pub(crate) async fn aggregate(
    state: &AppState,
    caller: &Caller,
    query: Query,
    by: AggregateBy,
    aggregate_limits: AggregateLimits,
) -> Result<Result<Aggregation, QueryFault>, Failure> {
    let query = match expanded(state, caller, query).await? {
        Ok(query) => query,
        Err(fault) => return Ok(Err(fault)),
    };
    let place = state
        .search_places
        .enter(caller.actor.user_id().map(|user| user.0))
        .await
        .map_err(Failure::internal)?;
    let called_off = CalledOff(CancelToken::new());
    let (searcher, token) = (Arc::clone(&state.searcher), called_off.0.clone());
    let (snapshot, access) = (state.catalog.snapshot(), caller.access.clone());
    let limits = limits_of(state, caller, Limits::default());
    let counting = tokio::task::spawn_blocking(move || {
        let _place = place;
        searcher.aggregate(&snapshot, &access, &query, &by, aggregate_limits, &limits, &token)
    });
    let mut counted = counting.await.map_err(Failure::internal)?;
    if let (Ok(found), false) = (&mut counted, state.config.tells_durations) {
        found.summary.stats.duration = Duration::ZERO;
    }
    if let Ok(found) = &counted {
        state.metrics.searched(&found.summary.stats);
        SearchCount::of(state, caller).searched(&found.summary.stats);
        have_rebuilt(state.store.clone(), found.summary.damaged.clone());
    }
    Ok(counted.map_err(|error| match error {
        AggregateError::Search(error) => of_engine(error),
        error => QueryFault {
            code: "cannot-aggregate".into(),
            message: sentence(&error.to_string()),
            span: None,
            hint: None,
            suggestion: None,
        },
    }))
}

/// Limits under which a caller searches: people share the processors evenly, whatever their number of searches.
pub(crate) fn limits_of(state: &AppState, caller: &Caller, limits: Limits) -> Limits {
    let person = caller.actor.user_id().map_or(0, |user| user.0.unsigned_abs());
    Limits { now_seconds: state.now_ms().div_euclid(1000), person, ..limits }
}

/// Calls a search off when whoever waits for it goes away.
pub(crate) struct CalledOff(pub(crate) CancelToken);

impl Drop for CalledOff {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// A damaged index is rebuilt by the worker; the answer already says that it is incomplete.
fn have_rebuilt(store: store::Store, damaged: Vec<search::Damage>) {
    if damaged.is_empty() {
        return;
    }
    tokio::runtime::Handle::current().spawn(async move {
        if let Err(error) = mirror::report_damage(&store, &damaged).await {
            tracing::error!(%error, "the rebuilding of a damaged index could not be queued");
        }
    });
}

impl Running {
    /// Waits until it is known whether the query can be run, however long that takes: what an answer's status says must not
    /// depend on how busy the server is.
    pub(crate) async fn begun(&mut self) -> Result<Result<(), QueryFault>, Failure> {
        match self.next().await {
            Some(Event::Began) => Ok(Ok(())),
            Some(Event::Done(result)) => match *result {
                Err(fault) => Ok(Err(fault)),
                Ok(_) => Err(Failure::internal("a search ended before it began")),
            },
            _ => Err(Failure::internal("a search told something before it began")),
        }
    }

    /// The next event; `None` after the last.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Whether nothing can follow any more.
    pub(crate) fn is_over(&self) -> bool {
        self.events.is_closed() && self.events.is_empty()
    }

    /// Waits for everything.
    async fn collect(mut self) -> Result<Result<Found, QueryFault>, Failure> {
        let mut matches = Vec::new();
        while let Some(event) = self.next().await {
            match event {
                Event::Matches(batch) => matches.extend(batch),
                Event::Began | Event::Progress(_) => {}
                Event::Done(result) => return Ok(result.map(|summary| Found::new(matches, summary))),
            }
        }
        Err(Failure::internal("a search ended without saying so"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Found {
    pub(crate) fn new(matches: Vec<Match>, summary: Summary) -> Self {
        Found { matches, stats: summary.stats, facets: summary.facets, alert: summary.alert }
    }
}

struct ChannelSink {
    sender: mpsc::UnboundedSender<Event>,
    /// Whether to tell how it goes meanwhile.
    tells_progress: bool,
    /// What was found and waits for the end, where it does.
    gathered: Option<Vec<Match>>,
}

impl ChannelSink {
    fn tell_gathered(&mut self) {
        if let Some(gathered) = self.gathered.take() {
            let _ = self.send(Event::Matches(gathered));
        }
    }

    fn send(&self, event: Event) -> ControlFlow<()> {
        match self.sender.send(event) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

impl Sink for ChannelSink {
    fn began(&mut self) {
        if self.gathered.is_none() {
            let _ = self.send(Event::Began);
        }
    }

    fn matches(&mut self, batch: Vec<Match>) -> ControlFlow<()> {
        match &mut self.gathered {
            None => self.send(Event::Matches(batch)),
            Some(_) if self.sender.is_closed() => ControlFlow::Break(()),
            Some(gathered) => {
                gathered.extend(batch);
                ControlFlow::Continue(())
            }
        }
    }

    fn progress(&mut self, stats: &Stats) {
        if self.tells_progress {
            let _ = self.send(Event::Progress(stats.clone()));
        }
    }
}

pub(crate) fn of_parser(error: query::ParseError) -> QueryFault {
    QueryFault {
        code: error.kind.code().to_owned(),
        message: sentence(&error.kind.to_string()),
        span: Some([error.span.start, error.span.end]),
        hint: error.hint,
        suggestion: error.suggestion,
    }
}

pub(crate) fn of_engine(error: SearchError) -> QueryFault {
    QueryFault {
        code: error.kind().to_owned(),
        span: error.span().map(|span| [span.start, span.end]),
        message: sentence(&error.to_string()),
        hint: error.hint(),
        suggestion: None,
    }
}

/// A message of a library (lower case, no full stop) as a sentence on a page.
pub(crate) fn sentence(message: &str) -> String {
    let full_stop = if message.ends_with(['.', '?', '!']) { "" } else { "." };
    // A filter is written small wherever it stands.
    if message.split(' ').next().is_some_and(|word| word.contains(':')) {
        return format!("{message}{full_stop}");
    }
    let mut chars = message.chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}{full_stop}", chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_become_sentences() {
        assert_eq!(sentence("the query is empty"), "The query is empty.");
        assert_eq!(sentence("Really?"), "Really?");
        assert_eq!(sentence("author: is not known"), "author: is not known.");
        assert_eq!(sentence(""), ".");
    }
}
