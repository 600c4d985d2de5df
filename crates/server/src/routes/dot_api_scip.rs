//! `/.api/scip/upload`: what `src code-intel upload` sends, whole or in parts. `/.api/lsif/upload` says that LSIF is not taken.

use super::api_precise::{must_upload, new_upload, not_taken, receive, text_of};
use crate::browse;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::links::RepoAddress;
use crate::state::AppState;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use model::RepoName;
use store::{NewPrecise, PreciseId, PreciseIndex, Repository};

/// Asked first by some releases, by `HEAD`: whether SCIP is taken.
pub(crate) async fn probe(method: Method) -> Response {
    match method {
        Method::HEAD => StatusCode::OK.into_response(),
        _ => (StatusCode::METHOD_NOT_ALLOWED, "Send an index by POST.\n").into_response(),
    }
}

/// LSIF is not taken.
pub(crate) async fn lsif() -> Response {
    let says = "LSIF is not taken here: make a SCIP index (scip-typescript, scip-python, scip-go, …) and upload that.\n";
    (StatusCode::NOT_IMPLEMENTED, says).into_response()
}

/// A whole upload (202 and its number), the beginning of one in parts (likewise), a part of it or its end (204).
pub(crate) async fn upload(State(state): State<AppState>, caller: Caller, uri: Uri, body: Body) -> Response {
    match take(&state, &caller, &uri, body).await {
        Ok(response) => response,
        // These clients show the body as it is.
        Err(Failure::Internal(error)) => Failure::Internal(error).into_response(),
        Err(failure) => (failure.status(), format!("{}\n", failure.detail())).into_response(),
    }
}

async fn take(state: &AppState, caller: &Caller, uri: &Uri, body: Body) -> Result<Response, Failure> {
    let is_said = |key| text_of(uri, key).is_some_and(|value| value == "true" || value == "1");
    if let Some(id) = text_of(uri, "uploadId") {
        let upload = begun(state, caller, &id).await?;
        let acting = caller.acting(state);
        if is_said("done") {
            acting.uploads.done(&upload).await.map_err(not_taken)?;
        } else {
            let index = text_of(uri, "index").and_then(|index| index.parse().ok());
            let index = index.ok_or_else(|| Failure::BadRequest("index= must be a number.".into()))?;
            let part = receive(&acting, Some(&upload), body).await?;
            acting.uploads.place(&upload, index, part).await.map_err(not_taken)?;
        }
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let row = repository(state, caller, text_of(uri, "repository")).await?;
    must_upload(state, caller, &row).await?;
    let new = new_upload(caller, row.id, |key| match key {
        "indexer" => text_of(uri, "indexerName"),
        "version" => text_of(uri, "indexerVersion"),
        key => text_of(uri, key),
    })?;
    let acting = caller.acting(state);
    let id = if is_said("multiPart") {
        let n_parts = text_of(uri, "numParts").and_then(|parts| parts.parse().ok());
        let n_parts = n_parts.ok_or_else(|| Failure::BadRequest("numParts= must be a number.".into()))?;
        acting.uploads.begin(NewPrecise { n_parts, ..new }).await.map_err(not_taken)?
    } else {
        let part = receive(&acting, None, body).await?;
        acting.uploads.whole(new, part).await.map_err(not_taken)?
    };
    let answer = Json(serde_json::json!({ "id": id.to_string() }));
    Ok((StatusCode::ACCEPTED, answer).into_response())
}

/// The repository of a name, if there is one and the caller may read it.
async fn repository(state: &AppState, caller: &Caller, name: Option<String>) -> Result<Repository, Failure> {
    let repo = name.and_then(|name| RepoName::new(name).ok()).ok_or(Failure::NotFound)?;
    let address = RepoAddress { repo, rev: None, page: String::new(), path: Vec::new() };
    browse::row(state, caller, &address).await
}

/// An upload that began, of a repository that the caller may read and upload to.
async fn begun(state: &AppState, caller: &Caller, id: &str) -> Result<PreciseIndex, Failure> {
    let id = PreciseId::parse(id).ok_or(Failure::NotFound)?;
    let upload = state.store.precise_index(&caller.access, id).await?.ok_or(Failure::NotFound)?;
    let row = state.store.repository(&caller.access, upload.repo).await?.ok_or(Failure::NotFound)?;
    must_upload(state, caller, &row).await?;
    Ok(upload)
}
