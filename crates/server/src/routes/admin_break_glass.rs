//! `/admin/break-glass`: emergency access to a repository, for a reason and a while, in everybody's sight.

use crate::caller::{BySession, SteppedUp};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::searching::sentence;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use model::RepoName;
use std::time::Duration;
use store::{BreakGlass, BreakGlassError, REASON_CHARS_MIN};

/// Hours that the form offers.
const HOURS: [u64; 4] = [1, 2, 4, 8];

#[derive(Template)]
#[template(path = "admin_break_glass.html")]
struct BreakGlassPage {
    shell: Shell,
    active: Vec<Row>,
    past: Vec<Row>,
    hours: [u64; 4],
    n_chars_min: usize,
    repo: String,
    reason: String,
    fault: Option<String>,
}

struct Row {
    id: String,
    name: String,
    repo: String,
    reason: String,
    begun: Moment,
    ends: String,
    ended_by: String,
}

impl Row {
    fn new(one: BreakGlass, now_ms: i64) -> Self {
        Row {
            id: one.id,
            name: one.name.to_string(),
            repo: one.repo.to_string(),
            reason: one.reason,
            begun: Moment::new(now_ms, one.begun_at.0),
            ends: crate::format::rfc3339(one.ends_at.0),
            ended_by: one.ended_by.unwrap_or_else(|| "its time".into()),
        }
    }
}

/// The page.
pub(crate) async fn page(State(state): State<AppState>, by: BySession) -> Result<Response, Failure> {
    render(&state, &by, None).await
}

/// Takes emergency access.
pub(crate) async fn take(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Form(fields): Form<Fields>,
) -> Result<Response, Failure> {
    let fields = fields.only(&["repo", "reason", "hours"], &[])?;
    let hours = fields.one("hours").parse::<u64>().unwrap_or(0).min(1000);
    let taken = match RepoName::new(fields.one("repo")) {
        Ok(repo) => {
            let store = by.caller.acting(&state).store;
            store.break_glass(&repo, fields.one("reason"), Duration::from_secs(hours * 3600)).await
        }
        Err(_) => Err(BreakGlassError::Unknown),
    };
    match taken {
        Ok(_) => Ok(Redirect::to("/admin/break-glass").into_response()),
        Err(BreakGlassError::Fault(fault)) => Err(fault.into()),
        Err(error) => {
            let mut page = render(&state, &by, Some((&fields, error.to_string()))).await?;
            *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(page)
        }
    }
}

/// Ends emergency access, whosever it is.
pub(crate) async fn end(
    State(state): State<AppState>,
    by: BySession,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    match by.caller.acting(&state).store.end_break_glass(&id).await? {
        true => Ok(Redirect::to("/admin/break-glass").into_response()),
        false => Err(Failure::NotFound),
    }
}

async fn render(
    state: &AppState,
    by: &BySession,
    refused: Option<(&Fields, String)>,
) -> Result<Response, Failure> {
    let now_ms = state.now_ms();
    let rows = |list: Vec<BreakGlass>| list.into_iter().map(|one| Row::new(one, now_ms)).collect();
    let field = |name| refused.as_ref().map_or(String::new(), |(fields, _)| fields.one(name).to_owned());
    let page = BreakGlassPage {
        shell: by.caller.shell("Emergency access", "break-glass"),
        active: rows(state.store.active_break_glass().await?),
        past: rows(state.store.past_break_glass().await?),
        hours: HOURS,
        n_chars_min: REASON_CHARS_MIN,
        repo: field("repo"),
        reason: field("reason"),
        fault: refused.as_ref().map(|(_, fault)| sentence(fault)),
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}
