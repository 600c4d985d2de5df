//! Passkeys as browsers speak of them: which server they belong to, and the shapes that go to and fro.

use crate::failure::Failure;
use crate::state::AppState;
use access::RelyingParty;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use model::UserId;
use store::{Begun, FactorProof, PasskeyAnswer};
use url::Url;

/// The server as authenticators know it: by its public address, or as `localhost`. `None` where browsers have no passkeys.
pub(crate) fn relying_party(state: &AppState, headers: &HeaderMap) -> Option<RelyingParty> {
    if let Some(url) = &state.config.public_url {
        return RelyingParty::new(url);
    }
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let url = Url::parse(&format!("http://{host}/")).ok()?;
    // SECURITY: no other name is believed from a header.
    (url.host_str() == Some("localhost")).then(|| RelyingParty::new(&url))?
}

/// Whether an account can prove itself by passkey here.
pub(crate) async fn has_passkey(
    state: &AppState,
    headers: &HeaderMap,
    user: UserId,
) -> Result<bool, Failure> {
    Ok(relying_party(state, headers).is_some() && !state.store.passkeys_of(user).await?.is_empty())
}

/// A proof as a form holds it: a passkey's answer, or what was typed.
pub(crate) fn proof_of(
    state: &AppState,
    headers: &HeaderMap,
    code: &str,
    ceremony: String,
    answer: String,
) -> FactorProof {
    match relying_party(state, headers) {
        Some(party) if !answer.is_empty() => {
            FactorProof::Passkey(Box::new(PasskeyAnswer { party, ceremony, answer }))
        }
        _ => FactorProof::parse(code),
    }
}

/// What a browser is asked for, as JSON: the ceremony's name, and the options as the library wrote them.
pub(crate) fn as_json(begun: Begun) -> Response {
    let body = format!("{{\"ceremony\":\"{}\",\"options\":{}}}", begun.id, begun.options);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, body).into_response()
}
