//! `/account`: one's own account: the password and what stands beside it.

use super::account_providers::{self, ProviderRow};
use crate::caller::BySession;
use crate::failure::Failure;
use crate::passkeys::relying_party;
use crate::searching::sentence;
use crate::shell::{Moment, Shell};
use crate::signing_in::{second_factor_required, with_session};
use crate::state::AppState;
use access::{Password, SecondFactor};
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::{ChangePasswordError, PasskeyInfo, SignInError};

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    shell: Shell,
    name: String,
    n_chars_min: usize,
    /// Since when there is an authenticator app.
    totp: Option<Moment>,
    n_codes: u64,
    passkeys: Vec<PasskeyRow>,
    /// Whether browsers make passkeys for the address in hand.
    can_have_passkeys: bool,
    has_factor: bool,
    has_password: bool,
    providers: Vec<ProviderRow>,
    is_required: bool,
    /// Whether how they use the server is counted.
    is_counted: bool,
    done: Option<&'static str>,
    fault: Option<String>,
}

/// A passkey as a row.
struct PasskeyRow {
    id: String,
    name: String,
    created: Moment,
    used: Option<Moment>,
}

/// What has just been done.
#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    done: String,
}

/// The form for another password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePassword {
    present: String,
    password: String,
    again: String,
    /// For programs that keep passwords: which account this is. Not taken from the form.
    #[serde(default, rename = "username")]
    _username: String,
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    by: BySession,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let done = match asked.done.as_str() {
        "password" => Some("The password is changed. Every other session has ended."),
        "passkey" => Some("The passkey is registered."),
        "passkey-removed" => Some("The passkey is removed."),
        "linked" => Some("The identity provider is linked: you can sign in there from now on."),
        "unlinked" => Some("The identity provider is unlinked. Every other session has ended."),
        "totp" => Some("The authenticator app is asked for from now on."),
        "not-counted" => {
            Some("You are not counted from now on. What was counted of you for the next ping is deleted.")
        }
        "counted" => Some("You are counted from now on."),
        "totp-removed" => Some("The authenticator app is removed."),
        _ => None,
    };
    render(&state, &headers, &by, done, None).await
}

/// Changes the password. The present one is asked for, so that no other proof is needed.
pub(crate) async fn change_password(
    State(state): State<AppState>,
    by: BySession,
    headers: HeaderMap,
    Form(form): Form<ChangePassword>,
) -> Result<Response, Failure> {
    if form.password != form.again {
        return refused(&state, &headers, &by, "the two new passwords are not the same").await;
    }
    let (present, new) = (Password::new(form.present), Password::new(form.password));
    let changed = by.store.change_password(&by.secret, &by.name, (&present, &new), by.address).await;
    match changed {
        Ok(secret) => with_session(&state, &secret, Redirect::to("/account?done=password").into_response()),
        Err(ChangePasswordError::SignIn(SignInError::Wait { retry_after })) => {
            Err(Failure::TooMany(retry_after))
        }
        Err(ChangePasswordError::SignIn(SignInError::Refused)) => {
            refused(&state, &headers, &by, "the present password is not right").await
        }
        Err(ChangePasswordError::Password(refusal)) => {
            refused(&state, &headers, &by, &refusal.to_string()).await
        }
        Err(ChangePasswordError::SignIn(SignInError::Fault(fault)) | ChangePasswordError::Fault(fault)) => {
            Err(fault.into())
        }
    }
}

async fn refused(
    state: &AppState,
    headers: &HeaderMap,
    by: &BySession,
    why: &str,
) -> Result<Response, Failure> {
    let mut page = render(state, headers, by, None, Some(sentence(why))).await?;
    *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(page)
}

async fn render(
    state: &AppState,
    headers: &HeaderMap,
    by: &BySession,
    done: Option<&'static str>,
    fault: Option<String>,
) -> Result<Response, Failure> {
    let second_factor = state.store.second_factor(by.user).await?;
    let now_ms = state.now_ms();
    let row = |one: PasskeyInfo| PasskeyRow {
        id: one.id,
        name: one.name,
        created: Moment::new(now_ms, one.created_at.0),
        used: one.last_used_at.map(|at| Moment::new(now_ms, at.0)),
    };
    let enrolled_at = state.store.totp_enrolled_at(by.user).await?;
    let page = AccountPage {
        shell: by.caller.shell("Your account", "account"),
        name: by.name.to_string(),
        n_chars_min: second_factor.n_password_chars_min(),
        totp: enrolled_at.map(|at| Moment::new(now_ms, at.0)),
        passkeys: state.store.passkeys_of(by.user).await?.into_iter().map(row).collect(),
        can_have_passkeys: relying_party(state, headers).is_some(),
        n_codes: state.store.n_recovery_codes(by.user).await?,
        has_factor: second_factor == SecondFactor::Enrolled,
        has_password: state.store.ways_in(by.user).await?.has_password,
        providers: account_providers::rows(state, by).await?,
        is_required: second_factor_required(state).await?,
        is_counted: !state.store.opted_out_of_usage().await?.contains(&by.user.0),
        done,
        fault,
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}
