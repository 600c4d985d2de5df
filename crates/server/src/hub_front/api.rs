//! What programs ask a hub: challenges, registrations, pings, feeds, and the files of its pages.

use super::{HubState, broken};
use crate::assets::{DIGEST, find};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hub::{CountError, Refusal, TakeError, digest_of};
use telemetry::PING_BYTES_MAX;
use tlog::Signed;

/// Feeds may be kept by whoever stands between for five minutes.
const KEEP_FEED: &str = "public, max-age=300";

/// `GET /hub/v1/challenge`
pub(super) async fn challenge(State(state): State<HubState>) -> Response {
    match state.desk.challenge().await {
        Ok(Signed(note)) => text(StatusCode::OK, note),
        Err(error) => broken(error),
    }
}

/// `POST /hub/v1/registration`: the statement in, the receipt out.
pub(super) async fn register(State(state): State<HubState>, body: Bytes) -> Response {
    let Ok(note) = String::from_utf8(body.to_vec()) else {
        return text(StatusCode::BAD_REQUEST, format!("{}\n", Refusal::Malformed));
    };
    match state.desk.take(&Signed(note)).await {
        Ok(Signed(receipt)) => text(StatusCode::OK, receipt),
        Err(TakeError::Refused(refusal)) => text(status_of(refusal), format!("{refusal}\n")),
        Err(TakeError::Fault(fault)) => broken(fault),
    }
}

fn status_of(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::NotTheServer | Refusal::NotTheHub => StatusCode::FORBIDDEN,
        Refusal::NotFresh | Refusal::Replayed | Refusal::NameTaken => StatusCode::CONFLICT,
        Refusal::Unknown => StatusCode::NOT_FOUND,
        // No status of the client's: it may come back.
        Refusal::Full => StatusCode::INSUFFICIENT_STORAGE,
        Refusal::Malformed | Refusal::NotForThis => StatusCode::BAD_REQUEST,
    }
}

/// `POST /hub/v1/ping`: counted, and nothing else of it kept. SECURITY: only as `application/json`, which no page of another
/// site can make its visitors' browsers send.
pub(super) async fn ping(State(state): State<HubState>, headers: HeaderMap, body: Bytes) -> Response {
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != "application/json") {
        return text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "a ping is sent as application/json\n".to_owned());
    }
    if body.len() > PING_BYTES_MAX {
        return text(StatusCode::PAYLOAD_TOO_LARGE, format!("a ping has at most {PING_BYTES_MAX} bytes\n"));
    }
    match state.desk.count(&body).await {
        Ok(()) => text(StatusCode::ACCEPTED, "counted\n".to_owned()),
        Err(CountError::Refused(refusal)) => text(StatusCode::BAD_REQUEST, format!("{refusal}\n")),
        Err(CountError::Fault(fault)) => broken(fault),
    }
}

/// `GET /feeds/v1/{file}`: a feed, its note, or all of them in one file; the same bytes for everybody.
pub(super) async fn feed(
    State(state): State<HubState>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Response {
    let published = match state.published.now(&state.desk).await {
        Ok(published) => published,
        Err(fault) => return broken(fault),
    };
    if file == "feeds.bundle" {
        return constant(published.bundle.clone(), "application/octet-stream", &headers);
    }
    for feed in &published.feeds {
        if file == feed.kind.file() {
            return constant(feed.body.clone(), "application/json", &headers);
        }
        if file == feed.kind.note_file() {
            return constant(feed.note.clone(), "text/plain; charset=utf-8", &headers);
        }
    }
    text(StatusCode::NOT_FOUND, "this hub does not publish that\n".to_owned())
}

/// Bytes under a strong tag.
fn constant(bytes: Bytes, media_type: &'static str, asked: &HeaderMap) -> Response {
    let tag: String = digest_of(&bytes)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    let is_known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => bytes.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(KEEP_FEED));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// `GET /assets/…`
pub(super) async fn asset(Path((digest, name)): Path<(String, String)>) -> Response {
    let Some((file, media_type)) = find(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let keep = if digest == *DIGEST { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = file.data.into_owned().into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    response
}

fn text(status: StatusCode, body: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body).into_response()
}
