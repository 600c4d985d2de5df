//! `/mcp`: the Model Context Protocol.

use crate::caller::Caller;
use crate::compatible::CallerBackend;
use crate::failure::Failure;
use crate::same_origin;
use crate::state::AppState;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Answers a request of the protocol under the caller's rights.
pub(crate) async fn mcp(
    State(state): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Failure> {
    // The protocol asks for it: a page of another site must not talk to a server on this machine, token or not.
    if request.headers().contains_key(header::ORIGIN) {
        same_origin::check(request.uri(), request.headers())?;
    }
    let (mut parts, body) = request.into_parts();
    // Nothing behind this needs the token again.
    parts.headers.remove(header::AUTHORIZATION);
    parts.extensions.clear();
    let service = state.mcp.clone();
    let backend = Arc::new(CallerBackend { state, caller });
    parts.extensions.insert(mcp::Caller { backend: backend.clone(), names: backend });
    let response = service.handle(Request::from_parts(parts, body)).await;
    Ok(response.map(Body::new).into_response())
}
