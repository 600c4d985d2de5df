//! `/account/passkeys`: registering passkeys, naming and removing them.

use super::account_factors::{CodesPage, refusal, rotated};
use crate::caller::SteppedUp;
use crate::failure::Failure;
use crate::passkeys::{as_json, relying_party};
use crate::signing_in::{second_factor_required, with_session};
use crate::state::AppState;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::{Enrolling, PasskeyAnswer};

/// What the browser made, and what it is called.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPasskey {
    ceremony: String,
    answer: String,
    #[serde(default)]
    name: String,
}

/// Another name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    #[serde(default)]
    name: String,
}

/// Asks the browser to make one.
pub(crate) async fn begin(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let party = relying_party(&state, &headers).ok_or(Failure::NotFound)?;
    let begun = by
        .store
        .begin_passkey(&party, by.account(), Enrolling::Session(&by.session))
        .await
        .map_err(refusal)?;
    Ok(as_json(begun))
}

/// Registers it. The session goes on under another secret; recovery codes are shown this once.
pub(crate) async fn add(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    headers: HeaderMap,
    Form(form): Form<NewPasskey>,
) -> Result<Response, Failure> {
    let party = relying_party(&state, &headers).ok_or(Failure::NotFound)?;
    let answer = PasskeyAnswer { party, ceremony: form.ceremony, answer: form.answer };
    let added = by.store.add_passkey(by.account(), &by.session, &answer, &form.name).await;
    let codes = added.map_err(refusal)?;
    let go_on = "/account?done=passkey";
    let response = match codes.is_empty() {
        true => Redirect::to(go_on).into_response(),
        false => {
            let shell = by.caller.shell("Recovery codes", "account");
            CodesPage::new(shell, &codes, go_on.into()).answer()?
        }
    };
    with_session(&state, &rotated(&by).await?, response)
}

/// One of the buttons: `rename` or `remove`.
pub(crate) async fn act(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Path((id, act)): Path<(String, String)>,
    Form(form): Form<Named>,
) -> Result<Response, Failure> {
    match act.as_str() {
        "rename" => match by.store.rename_passkey(by.user, &id, &form.name).await? {
            true => Ok(Redirect::to("/account").into_response()),
            false => Err(Failure::NotFound),
        },
        "remove" => {
            let is_required = second_factor_required(&state).await?;
            by.store.remove_passkey(by.account(), &id, is_required).await.map_err(refusal)?;
            let response = Redirect::to("/account?done=passkey-removed").into_response();
            with_session(&state, &rotated(&by).await?, response)
        }
        _ => Err(Failure::NotFound),
    }
}
