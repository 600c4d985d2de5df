//! `/sign-in/passkey`: signing in by a passkey alone.

use crate::failure::Failure;
use crate::passkeys::{as_json, relying_party};
use crate::signing_in::{began, end_old_session, local, with_session};
use crate::state::AppState;
use crate::visitor::Visitor;
use axum::Form;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::{PasskeyAnswer, SignInError};

/// The browser's answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    ceremony: String,
    answer: String,
    #[serde(default)]
    return_to: String,
}

/// Asks for any passkey of this server.
pub(crate) async fn begin(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, Failure> {
    let party = relying_party(&state, &headers).ok_or(Failure::NotFound)?;
    Ok(as_json(state.store.ask_any_passkey(&party).await?))
}

/// Lets its owner in.
pub(crate) async fn submit(
    State(state): State<AppState>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<Answer>,
) -> Result<Response, Failure> {
    let party = relying_party(&state, &headers).ok_or(Failure::NotFound)?;
    let answer = PasskeyAnswer { party, ceremony: form.ceremony, answer: form.answer };
    let began = began(&state, &headers, &visitor);
    match visitor.store.sign_in_by_passkey(&answer, visitor.address, began).await {
        Ok(secret) => {
            end_old_session(&state, &visitor, &headers).await?;
            with_session(&state, &secret, Redirect::to(local(&form.return_to)).into_response())
        }
        Err(SignInError::Refused) => {
            Err(Failure::NotAllowed("This passkey was not accepted. Sign in with your name and password."))
        }
        Err(SignInError::Wait { retry_after }) => Err(Failure::TooMany(retry_after)),
        Err(SignInError::Fault(fault)) => Err(fault.into()),
    }
}
