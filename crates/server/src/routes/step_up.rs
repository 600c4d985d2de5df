//! `/step-up`: whoever is signed in proves again who they are, before a sensitive act.

use super::sign_in::{Peer, client, local, with_session};
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
use store::SignInError;

#[derive(Template)]
#[template(path = "step_up.html")]
struct StepUpPage {
    shell: Shell,
    name: String,
    return_to: String,
    fault: Option<String>,
}

/// Where to go afterwards.
#[derive(Deserialize)]
pub(crate) struct Target {
    #[serde(default)]
    return_to: String,
}

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proof {
    password: String,
    #[serde(default)]
    return_to: String,
}

/// The page.
pub(crate) async fn page(by: BySession, Query(target): Query<Target>) -> Result<Response, Failure> {
    render(&by, &target.return_to, None)
}

/// The form. The session goes on under another secret.
pub(crate) async fn submit(
    State(state): State<AppState>,
    by: BySession,
    peer: Peer,
    Form(form): Form<Proof>,
) -> Result<Response, Failure> {
    let password = Password::new(form.password);
    let account = (by.user, &by.name);
    match by
        .caller
        .acting(&state)
        .store
        .step_up_by_password(&by.secret, account, &password, client(peer))
        .await
    {
        Ok(secret) => with_session(&state, &secret, Redirect::to(local(&form.return_to)).into_response()),
        Err(SignInError::Wait { retry_after }) => Err(Failure::TooMany(retry_after)),
        Err(SignInError::Fault(fault)) => Err(fault.into()),
        Err(SignInError::Refused) => {
            let mut page = render(&by, &form.return_to, Some("the password is not right"))?;
            *page.status_mut() = StatusCode::FORBIDDEN;
            Ok(page)
        }
    }
}

fn render(by: &BySession, return_to: &str, fault: Option<&str>) -> Result<Response, Failure> {
    let page = StepUpPage {
        shell: by.caller.shell("Prove again who you are", "account"),
        name: by.name.to_string(),
        return_to: local(return_to).to_owned(),
        fault: fault.map(sentence),
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}
