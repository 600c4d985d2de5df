//! `/step-up`: whoever is signed in proves again who they are, before a sensitive act.

use super::account_providers::linked_buttons;
use super::sign_in::Target;
use crate::caller::BySession;
use crate::failure::Failure;
use crate::passkeys::{as_json, has_passkey, proof_of, relying_party};
use crate::providers::ProviderButton;
use crate::searching::sentence;
use crate::shell::Shell;
use crate::signing_in::{local, with_session};
use crate::state::AppState;
use access::{Password, SecondFactor, SessionSecret};
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::{Enrolling, SignInError};

#[derive(Template)]
#[template(path = "step_up.html")]
struct StepUpPage {
    shell: Shell,
    name: String,
    return_to: String,
    has_factor: bool,
    has_passkey: bool,
    has_password: bool,
    providers: Vec<ProviderButton>,
    providers_at: &'static str,
    providers_verb: &'static str,
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
    ceremony: String,
    #[serde(default)]
    answer: String,
    #[serde(default)]
    return_to: String,
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    by: BySession,
    headers: HeaderMap,
    Query(target): Query<Target>,
) -> Result<Response, Failure> {
    render(&state, &headers, &by, &target.return_to, None).await
}

/// Asks for one of the passkeys of whoever is signed in.
pub(crate) async fn begin(
    State(state): State<AppState>,
    by: BySession,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let party = relying_party(&state, &headers).ok_or(Failure::NotFound)?;
    let begun = by.store.ask_passkey(&party, by.user, Enrolling::Session(&by.session)).await?;
    Ok(as_json(begun.ok_or(Failure::NotFound)?))
}

/// The form. The session goes on under another secret.
pub(crate) async fn submit(
    State(state): State<AppState>,
    by: BySession,
    headers: HeaderMap,
    Form(form): Form<Proof>,
) -> Result<Response, Failure> {
    let return_to = form.return_to.clone();
    match prove(&state, &headers, &by, form).await {
        Ok(secret) => with_session(&state, &secret, Redirect::to(local(&return_to)).into_response()),
        Err(SignInError::Wait { retry_after }) => Err(Failure::TooMany(retry_after)),
        Err(SignInError::Fault(fault)) => Err(fault.into()),
        Err(SignInError::Refused) => {
            let fault = Some("that is not right, or was used before");
            let page = render(&state, &headers, &by, &return_to, fault).await?;
            Ok((StatusCode::FORBIDDEN, page).into_response())
        }
    }
}

/// The second factor where the account has one, the password otherwise.
async fn prove(
    state: &AppState,
    headers: &HeaderMap,
    by: &BySession,
    form: Proof,
) -> Result<SessionSecret, SignInError> {
    match by.store.second_factor(by.user).await? {
        SecondFactor::Enrolled => {
            let proof = proof_of(state, headers, &form.code, form.ceremony, form.answer);
            by.store.step_up_by_factor((&by.secret, &by.session), by.account(), &proof, by.address).await
        }
        SecondFactor::None => {
            let password = Password::new(form.password.as_str());
            by.store.step_up_by_password(&by.secret, by.account(), &password, by.address).await
        }
    }
}

async fn render(
    state: &AppState,
    headers: &HeaderMap,
    by: &BySession,
    return_to: &str,
    fault: Option<&str>,
) -> Result<Response, Failure> {
    let has_factor = by.store.second_factor(by.user).await? == SecondFactor::Enrolled;
    let providers = linked_buttons(state, by).await?;
    let ways = by.store.ways_in(by.user).await?;
    let is_shut = ways.n_providers > 0 && !by.store.password_beside_provider().await?;
    let page = StepUpPage {
        shell: by.caller.shell("Prove again who you are", "account"),
        name: by.name.to_string(),
        return_to: local(return_to).to_owned(),
        has_passkey: has_passkey(state, headers, by.user).await?,
        has_factor,
        has_password: ways.has_password && !is_shut,
        // Beside a second factor nothing else is a fresh proof.
        providers: if has_factor { Vec::new() } else { providers },
        providers_at: "/step-up/provider",
        providers_verb: "Sign in again with",
        fault: fault.map(sentence),
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}
