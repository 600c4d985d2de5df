//! `/exports`: whole answers as files: ask for one, watch it grow, fetch it.

use super::api_exports::{self, file_link};
use crate::caller::Caller;
use crate::failure::Failure;
use crate::format::{count, size, thousands};
use crate::markup::Html;
use crate::paint::query_text;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::{Html as HtmlPage, IntoResponse, Redirect, Response};
use export::ExportView;
use serde::Deserialize;
use store::{ExportId, ExportState};

/// What the address says.
#[derive(Default, Deserialize)]
pub(crate) struct Asked {
    /// A query to begin with.
    #[serde(default)]
    q: String,
}

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    q: String,
    #[serde(default)]
    format: String,
}

#[derive(Template)]
#[template(path = "exports.html")]
struct ExportsPage {
    shell: Shell,
    q: String,
    fault: Option<String>,
    formats: Vec<(&'static str, &'static str)>,
    exports: Vec<ExportRow>,
    /// Whether something is under way, so that the page follows it.
    busy: bool,
    keeps: String,
    largest: String,
}

/// An export as a row.
struct ExportRow {
    id: String,
    query: Html,
    query_text: String,
    query_url: String,
    format: String,
    state: &'static str,
    /// `ready`, `busy` or `error`.
    state_class: &'static str,
    percent: Option<u8>,
    /// How far it is, or what it holds.
    says: String,
    size: String,
    notes: Vec<String>,
    created: Moment,
    expires: Option<String>,
    file: Option<String>,
    can_cancel: bool,
    can_repeat: bool,
}

/// What a person reads for each format.
fn format_says(format: &str) -> &'static str {
    match format {
        "jsonl" => "JSON lines: one result a line, for programs",
        _ => "CSV: one matching line a row, for spreadsheets",
    }
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    render(&state, &caller, asked.q, None).await
}

/// Asks for an export.
pub(crate) async fn submit(
    State(state): State<AppState>,
    caller: Caller,
    Form(wanted): Form<Wanted>,
) -> Result<Response, Failure> {
    let format = if wanted.format.is_empty() { "jsonl" } else { &wanted.format };
    match api_exports::request(&state, &caller, wanted.q.trim(), format).await {
        Ok(_) => Ok(Redirect::to("/exports").into_response()),
        Err(Failure::BadQuery(fault)) => refused(&state, &caller, wanted.q, fault.message.clone()).await,
        Err(Failure::Conflict(message) | Failure::BadRequest(message)) => {
            refused(&state, &caller, wanted.q, message).await
        }
        Err(failure) => Err(failure),
    }
}

/// One of the buttons of a row: `cancel`, `delete` or `again`.
pub(crate) async fn act(
    State(state): State<AppState>,
    caller: Caller,
    Path((id, act)): Path<(String, String)>,
) -> Result<Response, Failure> {
    api_exports::must_write(&caller)?;
    let id = ExportId::parse(&id).ok_or(Failure::NotFound)?;
    match act.as_str() {
        "cancel" => {
            caller.acting(&state).exports.cancel(&caller.actor, &id).await?;
        }
        "delete" => {
            caller.acting(&state).exports.delete(&caller.actor, &id).await?;
        }
        "again" => {
            let export = api_exports::one(&state, &caller, id.as_str()).await?.export;
            let made = api_exports::request(&state, &caller, &export.query, &export.format).await;
            match made {
                // The one it replaces holds what may no longer be read, or nothing.
                Ok(_) => caller.acting(&state).exports.delete(&caller.actor, &id).await?,
                Err(Failure::Conflict(message)) => {
                    return refused(&state, &caller, export.query, message).await;
                }
                Err(failure) => return Err(failure),
            };
        }
        _ => return Err(Failure::NotFound),
    }
    Ok(Redirect::to("/exports").into_response())
}

async fn refused(state: &AppState, caller: &Caller, q: String, message: String) -> Result<Response, Failure> {
    let mut response = render(state, caller, q, Some(message)).await?;
    *response.status_mut() = axum::http::StatusCode::BAD_REQUEST;
    Ok(response)
}

async fn render(
    state: &AppState,
    caller: &Caller,
    q: String,
    fault: Option<String>,
) -> Result<Response, Failure> {
    let now_ms = state.now_ms();
    let views = state.exports.list(&caller.actor, &caller.access).await?;
    let limits = state.exports.limits();
    let page = ExportsPage {
        shell: caller.shell("Exports", "exports"),
        q,
        fault,
        formats: state.exports.formats().map(|format| (format, format_says(format))).collect(),
        busy: views.iter().any(|view| !view.export.state.is_over()),
        exports: views.iter().map(|view| ExportRow::of(view, now_ms)).collect(),
        keeps: count(limits.keep_for.as_secs() / (24 * 3600), "day", "days"),
        largest: size(limits.file_bytes_max),
    };
    Ok(HtmlPage(page.render().map_err(Failure::internal)?).into_response())
}

impl ExportRow {
    fn of(view: &ExportView, now_ms: i64) -> Self {
        let ExportView { export, .. } = view;
        let progress = &export.progress;
        let is_done = export.state == ExportState::Done;
        let (state, state_class) = match export.state {
            _ if view.is_withheld => ("withheld", "error"),
            ExportState::Queued => ("waiting", "busy"),
            ExportState::Running => ("running", "busy"),
            ExportState::Done if view.is_complete => ("complete", "ready"),
            ExportState::Done => ("done, not complete", "ready"),
            ExportState::Failed => ("failed", "error"),
            ExportState::Cancelled => ("cancelled", ""),
        };
        let percent = export
            .n_repos_total
            .filter(|total| *total > 0)
            .map(|total| u8::try_from(progress.n_repos_done.min(total) * 100 / total).unwrap_or(100));
        ExportRow {
            id: export.id.to_string(),
            query: query_text(&export.query),
            query_text: export.query.clone(),
            query_url: crate::links::search_link(&export.query),
            format: export.format.clone(),
            state,
            state_class,
            percent,
            says: says(view),
            size: if view.is_withheld { String::new() } else { size(progress.size_bytes) },
            notes: notes(view),
            created: Moment::new(now_ms, export.created_at.0),
            expires: view.expires_at.map(|at| in_days(now_ms, at.0)),
            file: (is_done && !view.is_withheld).then(|| file_link(&export.id)),
            can_cancel: !export.state.is_over(),
            can_repeat: view.is_withheld
                || matches!(export.state, ExportState::Failed | ExportState::Cancelled),
        }
    }
}

fn says(view: &ExportView) -> String {
    let export = &view.export;
    if view.is_withheld {
        return String::new();
    }
    let results = count(export.progress.n_results, "result", "results");
    match (export.state, export.n_repos_total) {
        (ExportState::Queued, None) => "waits for its turn".into(),
        (ExportState::Running | ExportState::Queued, Some(total)) => format!(
            "{results}, {} of {} done",
            thousands(export.progress.n_repos_done),
            count(total, "repository", "repositories")
        ),
        (ExportState::Cancelled | ExportState::Failed, _) => String::new(),
        _ if export.progress.n_lines > 0 => {
            format!("{results}, {}", count(export.progress.n_lines, "line", "lines"))
        }
        _ => results,
    }
}

fn notes(view: &ExportView) -> Vec<String> {
    let mut notes = Vec::new();
    if view.is_withheld {
        notes.push(
            "Your rights changed since: the file holds something you may no longer read. Export again."
                .to_owned(),
        );
        return notes;
    }
    if view.export.progress.rights_changed {
        notes.push(
            "Your rights changed while it was made: what you could no longer read is not in it.".into(),
        );
    }
    notes.extend(view.export.error.iter().map(|error| crate::searching::sentence(error)));
    notes.extend(view.left_out.iter().map(|left_out| format!("Left out: {}.", left_out.words())));
    notes
}

fn in_days(now_ms: i64, then_ms: i64) -> String {
    let hours = (then_ms - now_ms).max(0) / 3_600_000;
    match hours {
        0 => "within the hour".into(),
        1..48 => format!("in {hours} h"),
        _ => format!("in {} d", hours / 24),
    }
}
