//! `/account`: one's own account: the password and what stands beside it.

use crate::caller::BySession;
use crate::failure::Failure;
use crate::searching::sentence;
use crate::shell::{Moment, Shell};
use crate::signing_in::{second_factor_required, with_session};
use crate::state::AppState;
use access::{Password, SecondFactor};
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::{ChangePasswordError, SignInError};

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    shell: Shell,
    name: String,
    n_chars_min: usize,
    /// Since when there is an authenticator app.
    totp: Option<Moment>,
    n_codes: u64,
    has_factor: bool,
    is_required: bool,
    done: Option<&'static str>,
    fault: Option<String>,
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
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let done = match asked.done.as_str() {
        "password" => Some("The password is changed. Every other session has ended."),
        "totp" => Some("The authenticator app is asked for from now on."),
        "totp-removed" => Some("The authenticator app is removed."),
        _ => None,
    };
    render(&state, &by, done, None).await
}

/// Changes the password. The present one is asked for, so that no other proof is needed.
pub(crate) async fn change_password(
    State(state): State<AppState>,
    by: BySession,
    Form(form): Form<ChangePassword>,
) -> Result<Response, Failure> {
    if form.password != form.again {
        return refused(&state, &by, "the two new passwords are not the same").await;
    }
    let (present, new) = (Password::new(form.present), Password::new(form.password));
    let changed = by.store.change_password(&by.secret, &by.name, (&present, &new), by.address).await;
    match changed {
        Ok(secret) => with_session(&state, &secret, Redirect::to("/account?done=password").into_response()),
        Err(ChangePasswordError::SignIn(SignInError::Wait { retry_after })) => {
            Err(Failure::TooMany(retry_after))
        }
        Err(ChangePasswordError::SignIn(SignInError::Refused)) => {
            refused(&state, &by, "the present password is not right").await
        }
        Err(ChangePasswordError::Password(refusal)) => refused(&state, &by, &refusal.to_string()).await,
        Err(ChangePasswordError::SignIn(SignInError::Fault(fault)) | ChangePasswordError::Fault(fault)) => {
            Err(fault.into())
        }
    }
}

async fn refused(state: &AppState, by: &BySession, why: &str) -> Result<Response, Failure> {
    let mut page = render(state, by, None, Some(sentence(why))).await?;
    *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(page)
}

async fn render(
    state: &AppState,
    by: &BySession,
    done: Option<&'static str>,
    fault: Option<String>,
) -> Result<Response, Failure> {
    let second_factor = state.store.second_factor(by.user).await?;
    let enrolled_at = state.store.totp_enrolled_at(by.user).await?;
    let page = AccountPage {
        shell: by.caller.shell("Your account", "account"),
        name: by.name.to_string(),
        n_chars_min: second_factor.n_password_chars_min(),
        totp: enrolled_at.map(|at| Moment::new(state.now_ms(), at.0)),
        n_codes: state.store.n_recovery_codes(by.user).await?,
        has_factor: second_factor == SecondFactor::Enrolled,
        is_required: second_factor_required(state).await?,
        done,
        fault,
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}
