//! `/.api/…`: what `src` asks beside searching.

use crate::caller::Caller;
use crate::compatible::CallerBackend;
use crate::failure::Failure;
use crate::state::AppState;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Most bytes of a request, compressed or not: queries are 64 KiB at most.
pub(crate) const BODY_BYTES_MAX: usize = 512 << 10;

/// `/.api/src-cli/version`: the release of `src` that this interface is that of.
pub(crate) async fn src_cli_version() -> Json<serde_json::Value> {
    Json(serde_json::json!({ "version": "6.0.0" }))
}

/// `/.api/graphql`: the operation's name, which clients write behind the `?`, is for logs of theirs and ignored.
pub(crate) async fn graphql(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let body = match headers.get(header::CONTENT_ENCODING).map(|coding| coding.as_bytes()) {
        Some(b"gzip" | b"x-gzip") => match compat::gunzip(&body, BODY_BYTES_MAX) {
            Ok(body) => body.into(),
            Err(error) => return Ok(bad_request(&error.to_string())),
        },
        _ => body,
    };
    match graphql::execute(Arc::new(CallerBackend { state, caller }), &body).await {
        Ok(answer) => Ok(([(header::CONTENT_TYPE, "application/json")], answer).into_response()),
        Err(error @ graphql::RequestError::NotARequest { .. }) => Ok(bad_request(&error.to_string())),
        Err(error) => Err(Failure::internal(error)),
    }
}

/// A request that is none. Clients print the body.
fn bad_request(message: &str) -> Response {
    let body = Json(serde_json::json!({ "errors": [{ "message": message }] }));
    (StatusCode::BAD_REQUEST, body).into_response()
}
