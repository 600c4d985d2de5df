//! A name for every request: in the log beside what is said of it, in the answer's head, and on error pages, so that who met
//! an error and who reads the log can speak of the same one.

use crate::state::AppState;
use access::{Randomness as _, SystemRandomness};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use std::fmt::Write as _;
use tracing::Instrument as _;

/// How requests get their names.
#[derive(Clone, Debug, Default)]
pub enum RequestIds {
    /// Drawn: they tell nothing, neither of how many there were nor of when.
    #[default]
    Random,
    /// Always this one: for tests that compare whole answers.
    Fixed(&'static str),
}

/// The name of the request in hand.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestId(pub(crate) String);

/// The header that carries it.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

impl RequestIds {
    fn next(&self) -> String {
        match self {
            RequestIds::Fixed(id) => (*id).to_owned(),
            RequestIds::Random => {
                let mut bytes = [0u8; 8];
                // Without randomness nothing else works either; a request without a name still gets its answer.
                let _ = SystemRandomness.fill(&mut bytes);
                bytes.iter().fold(String::with_capacity(16), |mut text, byte| {
                    let _ = write!(text, "{byte:02x}");
                    text
                })
            }
        }
    }
}

/// Names the request. What callers send as a name is not taken: it would stand in the log as if it were ours.
pub(crate) async fn mark(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let id = state.config.request_ids.next();
    // As severe as anything that is logged within, so that no filter leaves the name out.
    let span = tracing::error_span!("request", id = %id);
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::try_from(id) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
