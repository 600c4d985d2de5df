//! `/api/search` and `/api/list`: zoekt-webserver's JSON interface.

use crate::caller::Caller;
use crate::compatible::zoekt::{self, ZoektFailure};
use crate::state::AppState;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use compat::zoekt::{ListAnswer, ListRequest, SearchRequest};

/// Most bytes of a request: lists of repositories by number may be long.
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;

/// `/api/search`.
pub(crate) async fn search(State(state): State<AppState>, caller: Caller, body: Bytes) -> Response {
    let request = match SearchRequest::parse(&body) {
        Ok(request) => request,
        Err(error) => return refused(StatusCode::BAD_REQUEST, error.to_string()),
    };
    match zoekt::search(&state, &caller, request).await {
        Ok(answer) => ([(header::CONTENT_TYPE, "application/json")], answer).into_response(),
        Err(failure) => failed(failure),
    }
}

/// `/api/list`.
pub(crate) async fn list(State(state): State<AppState>, caller: Caller, body: Bytes) -> Response {
    let request = match ListRequest::parse(&body) {
        Ok(request) => request,
        Err(error) => return refused(StatusCode::BAD_REQUEST, error.to_string()),
    };
    match zoekt::list(&state, &caller, &request.query).await {
        Ok(entries) => Json(ListAnswer::new(entries, request.wants_map)).into_response(),
        Err(failure) => failed(failure),
    }
}

/// What other methods than POST are told.
pub(crate) async fn only_post() -> Response {
    refused(StatusCode::METHOD_NOT_ALLOWED, "Only POST is supported".into())
}

fn failed(failure: ZoektFailure) -> Response {
    let status = match &failure {
        ZoektFailure::Query(_) => StatusCode::BAD_REQUEST,
        ZoektFailure::Other(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    refused(status, failure.message())
}

fn refused(status: StatusCode, message: String) -> Response {
    (status, Json(serde_json::json!({ "Error": message }))).into_response()
}
