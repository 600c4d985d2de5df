//! `/account`: one's own account: the password and what stands beside it.

use super::sign_in::{Peer, client, with_session};
use crate::caller::BySession;
use crate::failure::Failure;
use crate::searching::sentence;
use crate::shell::Shell;
use crate::state::AppState;
use access::Password;
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
        _ => None,
    };
    render(&state, &by, done, None).await
}

/// Changes the password. The present one is asked for, so that no other proof is needed.
pub(crate) async fn change_password(
    State(state): State<AppState>,
    by: BySession,
    peer: Peer,
    Form(form): Form<ChangePassword>,
) -> Result<Response, Failure> {
    if form.password != form.again {
        return refused(&state, &by, "the two new passwords are not the same").await;
    }
    let (present, new) = (Password::new(form.present), Password::new(form.password));
    let changed = by
        .caller
        .acting(&state)
        .store
        .change_password(&by.secret, &by.name, (&present, &new), client(peer))
        .await;
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
    let page = AccountPage {
        shell: by.caller.shell("Your account", "account"),
        name: by.name.to_string(),
        n_chars_min: second_factor.n_password_chars_min(),
        done,
        fault,
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}
