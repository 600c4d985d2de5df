//! Who is asking, by token alone.
//!
//! SECURITY: no cookie counts here. So no page of another site can ask in somebody's name, and these routes need no
//! defence against forged forms; `?token=` and `Basic` are taken nowhere else.

use crate::caller::Caller;
use crate::failure::Failure;
use crate::state::AppState;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use compat::{Credential, sourcegraph};
use std::net::IpAddr;

/// The caller that a token in any of the accepted forms names.
pub(crate) async fn caller_by_token(
    state: &AppState,
    uri: &Uri,
    headers: &HeaderMap,
    address: Option<IpAddr>,
) -> Result<Caller, Failure> {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let first = sent.next();
    if sent.next().is_some() {
        return Err(Failure::NotSignedIn);
    }
    let authorization = first.map(|value| value.to_str().unwrap_or(""));
    let Credential::Token(token) = Credential::read(authorization, uri.query().unwrap_or("")) else {
        return Err(Failure::NotSignedIn);
    };
    let mut bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| Failure::NotSignedIn)?;
    bearer.set_sensitive(true);
    // In the one form that the rest of the server knows: streams recognise their caller by it again.
    let mut normal = HeaderMap::new();
    normal.insert(header::AUTHORIZATION, bearer);
    crate::routes::caller_of(state, &normal, address).await
}

/// How those who may not come in are told: text, as these clients expect it, and for a stream as an event too.
pub(crate) fn refusal(failure: Failure, uri: &Uri) -> Response {
    let (status, message) = match &failure {
        Failure::NotSignedIn => (StatusCode::UNAUTHORIZED, "Invalid access token."),
        Failure::NotAllowed(why) => (StatusCode::FORBIDDEN, *why),
        _ => return failure.into_response(),
    };
    let mut response = if uri.path().ends_with("/.api/search/stream") {
        let error = sourcegraph::event("error", &serde_json::json!({ "message": message }));
        let done = sourcegraph::event("done", &serde_json::json!({}));
        let body = [error, done].into_iter().flatten().flatten().collect::<Vec<u8>>();
        ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
    } else {
        format!("{message}\n").into_response()
    };
    *response.status_mut() = status;
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
