//! `/search`: the results page.
//!
//! A search that is over within a moment is one ordinary page. A slower one streams: the head of the page goes out at
//! once, results follow as they are found, and the counts close the page (the style sheet has kept their place above).
//! That needs no JavaScript, and closing the page or pressing stop ends the search.

use super::r_blob::N_LINES_WINDOW;
use super::search_view::{FacetGroup, FaultView, Summary, advice, facet_groups, hits};
use crate::caller::Caller;
use crate::failure::{Failure, QueryFault};
use crate::links::search_link;
use crate::markup::Html;
use crate::searching::{self, Event, Running};
use crate::shell::{QueryLink, Shell};
use crate::state::AppState;
use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::{Query, RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use search::Match;
use serde::Deserialize;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;

/// The longest any search runs (`search::Limits::timeout_max`), and a moment to answer.
pub(crate) const LONGEST: Duration = Duration::from_secs(125);

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    q: String,
    /// One of the buttons in the box: `case` or `regexp`.
    toggle: Option<String>,
    /// The search context that was chosen beside the box.
    context: Option<String>,
    /// 1: each result says why it stands where it does.
    #[serde(default)]
    explain: u8,
    /// `json`: what zoekt's clients ask.
    format: Option<String>,
}

#[derive(Template)]
#[template(path = "search.html")]
struct WholePage {
    shell: Shell,
    fault: Option<FaultView>,
    summary: Summary,
    facets: Vec<FacetGroup>,
    advice: Vec<QueryLink>,
    hits: Html,
}

#[derive(Template)]
#[template(path = "search_head.html")]
struct HeadPart {
    shell: Shell,
}

#[derive(Template)]
#[template(path = "search_tail.html")]
struct TailPart {
    shell: Shell,
    fault: Option<FaultView>,
    summary: Summary,
    facets: Vec<FacetGroup>,
    advice: Vec<QueryLink>,
}

/// What a page needs to know of the question.
struct Question {
    text: String,
    query: query::Query,
    shell: Shell,
    /// Whether results say what their scores are made of.
    explain: bool,
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    caller: Caller,
    RawQuery(query_string): RawQuery,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    if asked.format.as_deref() == Some("json") {
        return Ok(super::print::search_json(&state, &caller, &query_string.unwrap_or_default()).await);
    }
    let text = asked.q.trim().to_owned();
    if let Some(which) = &asked.toggle {
        let toggled = crate::paint::toggled(&text, which).unwrap_or(text);
        return Ok(Redirect::to(&search_link(&toggled)).into_response());
    }
    if let Some(name) = &asked.context {
        let name = if name.parse::<store::ContextName>().is_ok() { name } else { "global" };
        return Ok(Redirect::to(&search_link(&crate::paint::with_context(&text, name))).into_response());
    }
    if text.is_empty() {
        return Ok(Redirect::to("/").into_response());
    }
    let mut shell = caller.shell(&title_of(&text), "search");
    shell.query = Some(crate::paint::query_box(&text));
    let query = match searching::parse(&text) {
        Ok(query) => query,
        Err(fault) => return faulty(shell, &text, &fault),
    };
    let query = match searching::expanded(&state, &caller, query).await? {
        Ok(query) => query,
        Err(fault) => return faulty(shell, &text, &fault),
    };
    let mut running = searching::start(&state, &caller, query.clone(), state.config.n_results_page).await?;
    if let Err(fault) = running.begun().await? {
        return faulty(shell, &text, &fault);
    }
    answer(state, caller, Question { text, query, shell, explain: asked.explain == 1 }, running).await
}

/// Waits a moment for everything, then answers whole or streaming.
async fn answer(
    state: AppState,
    caller: Caller,
    question: Question,
    mut running: Running,
) -> Result<Response, Failure> {
    let patience = Instant::now() + state.config.page_patience;
    let mut matches = Vec::new();
    while Instant::now() < patience {
        match tokio::time::timeout_at(patience, running.next()).await {
            Ok(Some(Event::Matches(batch))) => matches.extend(batch),
            Ok(Some(Event::Began | Event::Progress(_))) => {}
            Ok(Some(Event::Done(result))) => return whole(question, &matches, *result),
            Ok(None) => return Err(Failure::internal("a search ended without saying so")),
            Err(_) => break,
        }
    }
    stream(state, caller, question, matches, running)
}

fn whole(
    question: Question,
    matches: &[Match],
    result: Result<search::Summary, QueryFault>,
) -> Result<Response, Failure> {
    let tail = tail(&question, matches.len(), result);
    let page = WholePage {
        shell: question.shell,
        fault: tail.fault,
        summary: tail.summary,
        facets: tail.facets,
        advice: tail.advice,
        hits: hits(matches, N_LINES_WINDOW, question.explain)?,
    };
    let status = if page.fault.is_some() { 400 } else { 200 };
    html(page.render().map_err(Failure::internal)?, status)
}

/// A query that cannot be run: the same page, nothing below the box but what is wrong.
fn faulty(shell: Shell, text: &str, fault: &QueryFault) -> Result<Response, Failure> {
    let page = WholePage {
        shell,
        fault: Some(FaultView::of(text, fault)),
        summary: Summary::default(),
        facets: Vec::new(),
        advice: Vec::new(),
        hits: Html::default(),
    };
    html(page.render().map_err(Failure::internal)?, 400)
}

fn stream(
    state: AppState,
    mut caller: Caller,
    question: Question,
    matches: Vec<Match>,
    mut running: Running,
) -> Result<Response, Failure> {
    let head = HeadPart { shell: question.shell.clone() }.render().map_err(Failure::internal)?;
    let (sender, receiver) = mpsc::channel::<Result<Bytes, Infallible>>(8);
    tokio::spawn(async move {
        let mut n_shown = matches.len();
        let first = format!("{head}{}", hits(&matches, N_LINES_WINDOW, question.explain).unwrap_or_default());
        let mut piece = Some(first);
        loop {
            if let Some(piece) = piece.take()
                && (!caller.still_may(&state).await || sender.send(Ok(Bytes::from(piece))).await.is_err())
            {
                return;
            }
            let event = tokio::select! {
                event = running.next() => event,
                () = sender.closed() => return,
            };
            match event {
                Some(Event::Matches(batch)) => {
                    n_shown += batch.len();
                    piece = hits(&batch, N_LINES_WINDOW, question.explain).ok().map(|html| html.to_string());
                }
                Some(Event::Began | Event::Progress(_)) => {}
                Some(Event::Done(result)) => {
                    let tail = tail(&question, n_shown, *result).render().unwrap_or_default();
                    if caller.still_may(&state).await {
                        let _ = sender.send(Ok(Bytes::from(tail))).await;
                    }
                    return;
                }
                None => return,
            }
        }
    });
    let body = Body::from_stream(ReceiverStream::new(receiver));
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response())
}

fn tail(question: &Question, n_shown: usize, result: Result<search::Summary, QueryFault>) -> TailPart {
    let text = &question.text;
    let shell = question.shell.clone();
    match result {
        Ok(summary) => TailPart {
            shell,
            fault: None,
            facets: facet_groups(text, &summary.facets),
            advice: if n_shown == 0 { advice(text, &question.query) } else { Vec::new() },
            summary: Summary::of(text, &question.query, &summary.stats, summary.alert, n_shown),
        },
        Err(fault) => TailPart {
            shell,
            fault: Some(FaultView::of(text, &fault)),
            summary: Summary::default(),
            facets: Vec::new(),
            advice: Vec::new(),
        },
    }
}

fn html(page: String, status: u16) -> Result<Response, Failure> {
    let mut response = axum::response::Html(page).into_response();
    *response.status_mut() = axum::http::StatusCode::from_u16(status).map_err(Failure::internal)?;
    Ok(response)
}

/// The query as the title of a tab, cut.
fn title_of(text: &str) -> String {
    let mut title: String = text.chars().take(80).collect();
    if title.len() < text.len() {
        title.push('…');
    }
    title
}
