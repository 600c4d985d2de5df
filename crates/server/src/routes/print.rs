//! `/print?r=&f=&b=` and `/search?format=json`: the addresses of zoekt's page that programs use.

use super::r_raw;
use crate::browse;
use crate::caller::Caller;
use crate::compatible::zoekt as compatible;
use crate::compatible::{Pages, Texts};
use crate::failure::Failure;
use crate::links::{RepoAddress, path_link};
use crate::state::AppState;
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use compat::zoekt::{Kind, StatsShape, WebAnswer, WebMatch, WebRepo, WebRequest};
use compat::{Links, Text};
use model::RepoName;
use search::Match;
use url::form_urlencoded;

/// Whether an address is one that zoekt's clients ask.
pub(crate) fn is_for_programs(uri: &Uri) -> bool {
    match uri.path() {
        "/print" => true,
        "/search" => value(uri.query().unwrap_or(""), "format").as_deref() == Some("json"),
        _ => false,
    }
}

fn value(query_string: &str, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query_string.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// A file: as it is with `format=raw`, otherwise its page.
pub(crate) async fn print(
    State(state): State<AppState>,
    caller: Caller,
    RawQuery(query_string): RawQuery,
) -> Response {
    let query_string = query_string.unwrap_or_default();
    let get = |name: &str| value(&query_string, name).unwrap_or_default();
    // SECURITY: one answer for what is not there and what the caller may not see.
    let nothing = || teapot("no such repository or file");
    let Ok(repo) = RepoName::new(get("r")) else { return nothing() };
    let rev = Some(get("b")).filter(|branch| !branch.is_empty());
    let path = get("f").into_bytes();
    if get("format") != "raw" {
        return Redirect::to(&path_link(&repo, rev.as_deref(), "blob", &path)).into_response();
    }
    let address = RepoAddress { repo, rev, page: "raw".into(), path };
    let found = match browse::row(&state, &caller, &address).await {
        Ok(row) => r_raw::raw(&state, &caller, &row, address, None).await,
        Err(failure) => Err(failure),
    };
    match found {
        Ok(response) => response,
        Err(Failure::NotFound) => nothing(),
        Err(failure) => failure.into_response(),
    }
}

/// What zoekt's page shows, as JSON.
pub(crate) async fn search_json(state: &AppState, caller: &Caller, query_string: &str) -> Response {
    let request = match WebRequest::parse(query_string) {
        Ok(request) => request,
        Err(message) => return teapot(&message),
    };
    match answer(state, caller, request).await {
        Ok(answer) => Json(answer).into_response(),
        Err(failure) => teapot(&failure.message()),
    }
}

async fn answer(
    state: &AppState,
    caller: &Caller,
    request: WebRequest,
) -> Result<WebAnswer, compatible::ZoektFailure> {
    let asked = compat::zoekt::parse(&request.query)?;
    if asked.is_about_repos || asked.kind == Kind::Repo {
        let entries = compatible::list(state, caller, &request.query).await?;
        let repos = entries.into_iter().take(request.num).map(WebRepo::of).collect();
        return Ok(WebAnswer::repos(&request, repos));
    }
    let display = compatible::display_of(Some(request.num), None);
    let found = compatible::run(state, caller, asked, display, None).await?;
    let texts = Texts::new(state, caller);
    let prefix = compatible::public_prefix(state);
    let shaping = tokio::task::spawn_blocking(move || {
        let mut matches = Vec::new();
        for found in found.matches.iter().take(request.num) {
            match found {
                Match::Content(found) => {
                    let text = texts.get(&found.repo, found.blob).map(Text::new);
                    let text = text.unwrap_or_else(|| Text::of_lines(&found.lines));
                    let page = Pages.file(&found.repo, &found.refs, found.commit, &found.path);
                    matches.push(WebMatch::content(&request, found, &text, format!("{prefix}{page}")));
                }
                Match::Path(found) => {
                    let page = Pages.file(&found.repo, &found.refs, found.commit, &found.path);
                    matches.push(WebMatch::path(found, format!("{prefix}{page}")));
                }
                _ => {}
            }
        }
        let duration = u64::try_from(found.stats.duration.as_nanos()).unwrap_or(u64::MAX);
        WebAnswer::results(&request, StatsShape::of(&found.stats), duration, matches)
    });
    Ok(shaping.await.map_err(Failure::internal)?)
}

/// zoekt answers whatever is wrong in this way.
fn teapot(message: &str) -> Response {
    (StatusCode::IM_A_TEAPOT, format!("{message}\n")).into_response()
}
