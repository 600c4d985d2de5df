//! `/account/sessions`: where one is signed in, and ending that.

use crate::agents::browser;
use crate::caller::BySession;
use crate::failure::Failure;
use crate::format::{count, time_left};
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use access::SessionId;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::Session;

#[derive(Template)]
#[template(path = "account_sessions.html")]
struct SessionsPage {
    shell: Shell,
    n_sessions: String,
    sessions: Vec<SessionRow>,
    idle: String,
    absolute: String,
    done: Option<&'static str>,
}

/// A session as a row.
pub(crate) struct SessionRow {
    pub(crate) id: String,
    /// Firefox on Linux.
    pub(crate) browser: String,
    /// What the browser called itself.
    pub(crate) agent: String,
    pub(crate) address: String,
    pub(crate) created: Moment,
    pub(crate) used: Moment,
    pub(crate) is_this: bool,
}

impl SessionRow {
    pub(crate) fn new(session: Session, now_ms: i64, this: Option<&SessionId>) -> Self {
        let agent = session.agent.unwrap_or_default();
        SessionRow {
            browser: browser(&agent),
            agent,
            address: session.address.unwrap_or_else(|| "unknown".into()),
            created: Moment::new(now_ms, session.created_at.0),
            used: Moment::new(now_ms, session.last_used_at.0),
            is_this: this == Some(&session.id),
            id: session.id.0,
        }
    }
}

/// What has just been done.
#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    done: String,
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    by: BySession,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let sessions = state.store.sessions_of(by.user).await?;
    let now_ms = state.now_ms();
    let rows = sessions.into_iter().map(|session| SessionRow::new(session, now_ms, Some(&by.session)));
    let sessions: Vec<SessionRow> = rows.collect();
    let limits = state.config.session_limits;
    let page = SessionsPage {
        shell: by.caller.shell("Your sessions", "sessions"),
        n_sessions: count(sessions.len() as u64, "session", "sessions"),
        sessions,
        idle: time_left(limits.idle.as_secs()),
        absolute: time_left(limits.absolute.as_secs()),
        done: (asked.done == "ended").then_some("It has ended."),
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

/// Ends every session but the one in hand.
pub(crate) async fn end_others(State(state): State<AppState>, by: BySession) -> Result<Response, Failure> {
    by.caller.acting(&state).store.revoke_sessions(by.user, Some(&by.session)).await?;
    Ok(Redirect::to("/account/sessions?done=ended").into_response())
}

/// Ends one. SECURITY: one's own only; another person's is as unknown as an invented one.
pub(crate) async fn end_one(
    State(state): State<AppState>,
    by: BySession,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    match by.caller.acting(&state).store.revoke_session(by.user, &SessionId(id)).await? {
        true => Ok(Redirect::to("/account/sessions?done=ended").into_response()),
        false => Err(Failure::NotFound),
    }
}
