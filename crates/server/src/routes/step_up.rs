//! `/step-up`: whoever is signed in proves again who they are, before a sensitive act.

use super::sign_in::Target;
use crate::caller::BySession;
use crate::failure::Failure;
use crate::searching::sentence;
use crate::shell::Shell;
use crate::signing_in::{local, with_session};
use crate::state::AppState;
use access::{Password, SecondFactor, SessionSecret};
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::{FactorProof, SignInError};

#[derive(Template)]
#[template(path = "step_up.html")]
struct StepUpPage {
    shell: Shell,
    name: String,
    return_to: String,
    has_factor: bool,
    fault: Option<String>,
}

/// The form: one of the two.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proof {
    #[serde(default)]
    password: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    return_to: String,
}

/// The page.
pub(crate) async fn page(by: BySession, Query(target): Query<Target>) -> Result<Response, Failure> {
    render(&by, &target.return_to, None).await
}

/// The form. The session goes on under another secret.
pub(crate) async fn submit(
    State(state): State<AppState>,
    by: BySession,
    Form(form): Form<Proof>,
) -> Result<Response, Failure> {
    match prove(&by, &form).await {
        Ok(secret) => with_session(&state, &secret, Redirect::to(local(&form.return_to)).into_response()),
        Err(SignInError::Wait { retry_after }) => Err(Failure::TooMany(retry_after)),
        Err(SignInError::Fault(fault)) => Err(fault.into()),
        Err(SignInError::Refused) => {
            let page = render(&by, &form.return_to, Some("that is not right, or was used before")).await?;
            Ok((StatusCode::FORBIDDEN, page).into_response())
        }
    }
}

/// The second factor where the account has one, the password otherwise.
async fn prove(by: &BySession, form: &Proof) -> Result<SessionSecret, SignInError> {
    match by.store.second_factor(by.user).await? {
        SecondFactor::Enrolled => {
            let proof = FactorProof::parse(&form.code);
            by.store.step_up_by_factor(&by.secret, by.account(), &proof, by.address).await
        }
        SecondFactor::None => {
            let password = Password::new(form.password.as_str());
            by.store.step_up_by_password(&by.secret, by.account(), &password, by.address).await
        }
    }
}

async fn render(by: &BySession, return_to: &str, fault: Option<&str>) -> Result<Response, Failure> {
    let page = StepUpPage {
        shell: by.caller.shell("Prove again who you are", "account"),
        name: by.name.to_string(),
        return_to: local(return_to).to_owned(),
        has_factor: by.store.second_factor(by.user).await? == SecondFactor::Enrolled,
        fault: fault.map(sentence),
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}
