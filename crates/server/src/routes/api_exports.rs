//! `/api/v1/exports`: whole answers as files, made in the background.

use crate::caller::Caller;
use crate::download::{self, Download};
use crate::export_rows::media_type;
use crate::failure::Failure;
use crate::format::rfc3339;
use crate::searching;
use crate::state::AppState;
use access::Verb;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use export::{ExportView, FileError, RequestError};
use search::{Limits, Searcher};
use serde::{Deserialize, Serialize};
use store::{CreateExportError, Export, ExportId};
use utoipa::ToSchema;

/// An export to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// The query. Its `count:` and `timeout:` do not count: an export is exhaustive.
    query: String,
    /// `jsonl` (the default) or `csv`.
    #[serde(default = "jsonl")]
    format: String,
}

fn jsonl() -> String {
    "jsonl".to_owned()
}

/// The caller's exports.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExportList {
    exports: Vec<ExportShape>,
}

/// An export.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExportShape {
    id: String,
    query: String,
    format: String,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    state: &'static str,
    /// Repositories gone through so far, and in all; null before it began.
    repos_done: u64,
    repos_total: Option<u64>,
    /// What the file holds so far.
    results: u64,
    lines: u64,
    size_bytes: u64,
    /// Whether it is done and nothing that the query asks for is missing.
    complete: bool,
    /// Whether a repository could no longer be read when its turn came; it is not in the file.
    rights_changed: bool,
    /// Whether the file holds something you may no longer read: then it is not handed out, and its counts are 0.
    withheld: bool,
    /// What was left out.
    skipped: Vec<LeftOutShape>,
    error: Option<String>,
    created_at: String,
    finished_at: Option<String>,
    /// When the file will be deleted.
    expires_at: Option<String>,
    /// Where the file is, once it is done.
    file: Option<String>,
}

/// Something an export left out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeftOutShape {
    reason: String,
    count: u64,
    message: String,
    /// `warn` where results may be missing, otherwise `info`.
    severity: &'static str,
}

impl ExportShape {
    pub(crate) fn of(view: &ExportView) -> Self {
        let ExportView { export, left_out, .. } = view;
        let can_be_fetched = export.state == store::ExportState::Done && !view.is_withheld;
        let skipped = left_out.iter().map(|one| LeftOutShape {
            reason: one.reason.clone(),
            count: one.count,
            message: one.words(),
            severity: if one.is_grave { "warn" } else { "info" },
        });
        ExportShape {
            id: export.id.to_string(),
            query: export.query.clone(),
            format: export.format.clone(),
            state: export.state.as_str(),
            repos_done: export.progress.n_repos_done,
            repos_total: export.n_repos_total,
            results: export.progress.n_results,
            lines: export.progress.n_lines,
            size_bytes: export.progress.size_bytes,
            complete: view.is_complete,
            rights_changed: export.progress.rights_changed,
            withheld: view.is_withheld,
            skipped: skipped.collect(),
            error: export.error.clone(),
            created_at: rfc3339(export.created_at.0),
            finished_at: export.finished_at.map(|moment| rfc3339(moment.0)),
            expires_at: view.expires_at.map(|moment| rfc3339(moment.0)),
            file: can_be_fetched.then(|| file_link(&export.id)),
        }
    }
}

/// Where the file of an export is.
pub(crate) fn file_link(id: &ExportId) -> String {
    format!("/api/v1/exports/{id}/file")
}

/// The caller's exports, the newest first.
#[utoipa::path(get, path = "/api/v1/exports",
    responses((status = 200, description = "The caller's exports", body = ExportList)))]
pub(crate) async fn list(State(state): State<AppState>, caller: Caller) -> Result<Json<ExportList>, Failure> {
    let views = state.exports.list(&caller.actor, &caller.access).await?;
    Ok(Json(ExportList { exports: views.iter().map(ExportShape::of).collect() }))
}

/// Asks for an export.
#[utoipa::path(post, path = "/api/v1/exports", request_body = Wanted, responses(
    (status = 201, description = "It waits for its turn", body = ExportShape),
    (status = 400, description = "The query cannot be run, or there is no such format", body = crate::failure::Problem),
    (status = 409, description = "You have as many as you may have", body = crate::failure::Problem)))]
pub(crate) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(wanted): Json<Wanted>,
) -> Result<Response, Failure> {
    let export = request(&state, &caller, &wanted.query, &wanted.format).await?;
    let shape = ExportShape::of(&one(&state, &caller, export.id.as_str()).await?);
    let mut response = (StatusCode::CREATED, Json(shape)).into_response();
    let place = HeaderValue::try_from(format!("/api/v1/exports/{}", export.id)).map_err(Failure::internal)?;
    response.headers_mut().insert(header::LOCATION, place);
    Ok(response)
}

/// One export.
#[utoipa::path(get, path = "/api/v1/exports/{id}", params(("id" = String, Path)), responses(
    (status = 200, description = "The export", body = ExportShape),
    (status = 404, description = "Not there, or not yours", body = crate::failure::Problem)))]
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ExportShape>, Failure> {
    Ok(Json(ExportShape::of(&one(&state, &caller, &id).await?)))
}

/// Calls an export off; its file goes.
#[utoipa::path(post, path = "/api/v1/exports/{id}/cancel", params(("id" = String, Path)), responses(
    (status = 200, description = "The export", body = ExportShape),
    (status = 404, description = "Not there, or not yours", body = crate::failure::Problem)))]
pub(crate) async fn cancel(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ExportShape>, Failure> {
    must_write(&caller)?;
    let export = one(&state, &caller, &id).await?.export;
    caller.acting(&state).exports.cancel(&caller.actor, &export.id).await?;
    Ok(Json(ExportShape::of(&one(&state, &caller, &id).await?)))
}

/// Deletes an export and its file.
#[utoipa::path(delete, path = "/api/v1/exports/{id}", params(("id" = String, Path)), responses(
    (status = 204, description = "It is gone"),
    (status = 404, description = "Not there, or not yours", body = crate::failure::Problem)))]
pub(crate) async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    must_write(&caller)?;
    let id = ExportId::parse(&id).ok_or(Failure::NotFound)?;
    match caller.acting(&state).exports.delete(&caller.actor, &id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Failure::NotFound),
    }
}

/// The file of an export that is done. `Range` is honoured, so that a broken download goes on.
#[utoipa::path(get, path = "/api/v1/exports/{id}/file", params(("id" = String, Path)), responses(
    (status = 200, description = "The whole file"),
    (status = 206, description = "The part that was asked for"),
    (status = 404, description = "Not there, or not yours", body = crate::failure::Problem),
    (status = 409, description = "Not done yet, or it holds what you may no longer read", body = crate::failure::Problem)))]
pub(crate) async fn file(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let id = ExportId::parse(&id).ok_or(Failure::NotFound)?;
    let opened =
        state.exports.open(&caller.actor, &caller.access, &id).await.map_err(|error| match error {
            FileError::NotFound => Failure::NotFound,
            FileError::NotDone { .. } | FileError::Withheld => {
                Failure::Conflict(searching::sentence(&error.to_string()))
            }
            FileError::Io { .. } | FileError::Store(_) => Failure::internal(error),
        })?;
    let export = &opened.export;
    let download = Download {
        size_bytes: opened.size_bytes,
        tag: format!("{}-{}", export.id, opened.size_bytes),
        name: format!("sourcekeep-{}.{}", export.id, export.format),
        media_type: media_type(&export.format),
        file: opened.file,
    };
    download::send(state, caller, &headers, download)
}

/// Asks for an export, for page and API.
pub(crate) async fn request(
    state: &AppState,
    caller: &Caller,
    query: &str,
    format: &str,
) -> Result<Export, Failure> {
    must_write(caller)?;
    let refuse = |fault| Failure::BadQuery(Box::new(fault));
    let parsed = searching::parse(query).map_err(refuse)?;
    let parsed = searching::expanded(state, caller, parsed).await?.map_err(refuse)?;
    Searcher::check(&parsed, &Limits::default()).map_err(|error| refuse(searching::of_engine(error)))?;
    caller.acting(state).exports.create(&caller.actor, query, format).await.map_err(|error| match error {
        RequestError::Store(fault) | RequestError::Create(CreateExportError::Fault(fault)) => fault.into(),
        RequestError::Create(_) => Failure::Conflict(searching::sentence(&error.to_string())),
        RequestError::NoAccount | RequestError::UnknownFormat { .. } => {
            Failure::BadRequest(searching::sentence(&error.to_string()))
        }
    })
}

/// One of the caller's exports.
pub(crate) async fn one(state: &AppState, caller: &Caller, id: &str) -> Result<ExportView, Failure> {
    let id = ExportId::parse(id).ok_or(Failure::NotFound)?;
    state.exports.get(&caller.actor, &caller.access, &id).await?.ok_or(Failure::NotFound)
}

/// Exports take room on the server: a token that may only read makes none.
pub(crate) fn must_write(caller: &Caller) -> Result<(), Failure> {
    match caller.actor.may(Verb::Write) {
        true => Ok(()),
        false => {
            Err(Failure::NotAllowed("This token allows reading only; exports need one that allows writing."))
        }
    }
}
