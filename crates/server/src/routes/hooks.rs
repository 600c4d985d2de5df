//! `/hooks/{id}`: webhooks of code hosts.

use crate::failure::Failure;
use crate::state::AppState;
use crate::visitor::Visitor;
use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use hosts::Received;
use hosts::webhook::BODY_BYTES_MAX;

/// Takes a delivery. SECURITY: an unknown address and a wrong signature are one answer; what is too large is refused before
/// it is read, and nothing is read for an address that nobody has.
pub(crate) async fn receive(
    State(state): State<AppState>,
    visitor: Visitor,
    Path(id): Path<String>,
    request: Request,
) -> Result<StatusCode, Failure> {
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if declared.is_some_and(|text| text.parse::<usize>().map_or(true, |n_bytes| n_bytes > BODY_BYTES_MAX)) {
        return Err(too_large());
    }
    let host = state.hosts_worker.host_of_hook(&id).await.map_err(Failure::internal)?;
    let host = host.ok_or(Failure::NotFound)?;
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| too_large())?;
    let store = visitor.store;
    let received = state.hosts_worker.receive(&store, &host, &parts.headers, &body).await;
    match received.map_err(Failure::internal)? {
        Received::Taken => Ok(StatusCode::ACCEPTED),
        Received::Known => Ok(StatusCode::OK),
        Received::Refused(_) => Err(Failure::NotFound),
    }
}

fn too_large() -> Failure {
    Failure::BadRequest("A delivery has at most 25 MB.".into())
}
