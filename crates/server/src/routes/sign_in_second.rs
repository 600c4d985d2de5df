//! `/sign-in/second` and `/sign-in/enrol`: the second step of signing in.

use super::account_factors::{CodesPage, QrView};
use super::sign_in::Target;
use crate::caller::theme_of;
use crate::failure::Failure;
use crate::passkeys::{as_json, has_passkey, proof_of, relying_party};
use crate::searching::sentence;
use crate::session_cookie;
use crate::shell::Shell;
use crate::signing_in::{began, end_old_session, local, with_session};
use crate::state::AppState;
use crate::visitor::Visitor;
use access::{PendingSecret, SecondFactor, TotpCode};
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::{ChangeFactorError, Enrolling, Enrolment, PasskeyAnswer, Pending, SecondStepError};

#[derive(Template)]
#[template(path = "sign_in_second.html")]
struct SecondPage {
    shell: Shell,
    name: String,
    return_to: String,
    has_passkey: bool,
    fault: Option<String>,
}

#[derive(Template)]
#[template(path = "sign_in_enrol.html")]
struct EnrolPage {
    shell: Shell,
    name: String,
    return_to: String,
    qr: QrView,
    /// Whether browsers make passkeys for the address in hand.
    can_have_passkeys: bool,
    fault: Option<String>,
}

/// The form of both: a code, or a passkey's answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Code {
    #[serde(default)]
    code: String,
    #[serde(default)]
    ceremony: String,
    #[serde(default)]
    answer: String,
    /// What a new passkey is called.
    #[serde(default)]
    name: String,
    #[serde(default)]
    return_to: String,
}

/// The second factor's page.
pub(crate) async fn page(
    State(state): State<AppState>,
    headers: HeaderMap,
    Query(target): Query<Target>,
) -> Result<Response, Failure> {
    match half(&state, &headers).await? {
        Some((_, known)) => render(&state, &headers, &known, &target.return_to, None).await,
        None => Ok(Redirect::to("/sign-in").into_response()),
    }
}

/// The second factor.
pub(crate) async fn submit(
    State(state): State<AppState>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<Code>,
) -> Result<Response, Failure> {
    let Some((pending, known)) = half(&state, &headers).await? else {
        return Ok(Redirect::to("/sign-in").into_response());
    };
    let proof = proof_of(&state, &headers, &form.code, form.ceremony, form.answer);
    let began = began(&state, &headers, &visitor);
    match visitor.store.finish_sign_in(&pending, &proof, visitor.address, began).await {
        Ok(secret) => {
            end_old_session(&state, &visitor, &headers).await?;
            with_session(&state, &secret, Redirect::to(local(&form.return_to)).into_response())
        }
        Err(error) => {
            let fault = fault_of(error)?;
            let page = render(&state, &headers, &known, &form.return_to, Some(&fault)).await?;
            Ok((StatusCode::FORBIDDEN, page).into_response())
        }
    }
}

/// Asks for one of the passkeys of whoever has given the password.
pub(crate) async fn begin(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, Failure> {
    let party = relying_party(&state, &headers).ok_or(Failure::NotFound)?;
    let (pending, known) = half(&state, &headers).await?.ok_or(Failure::NotFound)?;
    let begun = state.store.ask_passkey(&party, known.user.id, Enrolling::Pending(&pending)).await?;
    Ok(as_json(begun.ok_or(Failure::NotFound)?))
}

/// The page where a second factor has to be enrolled before anything else.
pub(crate) async fn enrol_page(
    State(state): State<AppState>,
    headers: HeaderMap,
    Query(target): Query<Target>,
) -> Result<Response, Failure> {
    match half(&state, &headers).await? {
        Some(half) if half.1.second_factor == SecondFactor::None => {
            render_enrol(&state, &headers, &half, &target.return_to, None).await
        }
        _ => Ok(Redirect::to("/sign-in").into_response()),
    }
}

/// Asks the browser of whoever must enrol a factor to make a passkey.
pub(crate) async fn enrol_begin(
    State(state): State<AppState>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let party = relying_party(&state, &headers).ok_or(Failure::NotFound)?;
    let (pending, known) = half(&state, &headers).await?.ok_or(Failure::NotFound)?;
    // SECURITY: whoever has a factor shows that; the password alone adds no other.
    if known.second_factor == SecondFactor::Enrolled {
        return Err(Failure::NotFound);
    }
    let account = (known.user.id, &known.user.name);
    let begun = visitor.store.begin_passkey(&party, account, Enrolling::Pending(&pending)).await;
    Ok(as_json(begun.map_err(super::account_factors::refusal)?))
}

/// Confirms it and lets its owner in, with recovery codes that are shown this once.
pub(crate) async fn enrol(
    State(state): State<AppState>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<Code>,
) -> Result<Response, Failure> {
    let Some(half) = half(&state, &headers).await? else {
        return Ok(Redirect::to("/sign-in").into_response());
    };
    let began = began(&state, &headers, &visitor);
    let party = relying_party(&state, &headers);
    let enrolment = match (TotpCode::parse(&form.code), party) {
        (_, Some(party)) if !form.answer.is_empty() => {
            let answer = PasskeyAnswer { party, ceremony: form.ceremony, answer: form.answer };
            Some(Enrolment::Passkey(Box::new(answer), form.name))
        }
        (code, _) => code.map(Enrolment::Totp),
    };
    let finished = match enrolment {
        Some(enrolment) => visitor.store.finish_enrolment(&half.0, &enrolment, began).await,
        None => Err(SecondStepError::Enrolment(ChangeFactorError::WrongCode)),
    };
    match finished {
        Ok((secret, codes)) => {
            end_old_session(&state, &visitor, &headers).await?;
            let shell = Shell { title: "Recovery codes · Sourcekeep".into(), ..shell(&headers) };
            let page = CodesPage::new(shell, &codes, local(&form.return_to).to_owned());
            with_session(&state, &secret, page.answer()?)
        }
        Err(error) => {
            let fault = fault_of(error)?;
            let page = render_enrol(&state, &headers, &half, &form.return_to, Some(&fault)).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// The sign-in that is half done in this browser.
async fn half(state: &AppState, headers: &HeaderMap) -> Result<Option<(PendingSecret, Pending)>, Failure> {
    let pending = session_cookie::read_pending(headers, state.config.is_https());
    let Some(pending) = pending else { return Ok(None) };
    Ok(state.store.pending_sign_in(&pending).await?.map(|known| (pending, known)))
}

fn fault_of(error: SecondStepError) -> Result<String, Failure> {
    match error {
        SecondStepError::Wait { retry_after } => Err(Failure::TooMany(retry_after)),
        SecondStepError::Fault(fault) => Err(fault.into()),
        error => Ok(sentence(&error.to_string())),
    }
}

fn shell(headers: &HeaderMap) -> Shell {
    Shell { title: "Sign in · Sourcekeep".into(), theme: theme_of(headers), ..Shell::default() }
}

async fn render(
    state: &AppState,
    headers: &HeaderMap,
    known: &Pending,
    return_to: &str,
    fault: Option<&str>,
) -> Result<Response, Failure> {
    let page = SecondPage {
        shell: shell(headers),
        name: known.user.name.to_string(),
        return_to: local(return_to).to_owned(),
        has_passkey: has_passkey(state, headers, known.user.id).await?,
        fault: fault.map(str::to_owned),
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

async fn render_enrol(
    state: &AppState,
    headers: &HeaderMap,
    (pending, known): &(PendingSecret, Pending),
    return_to: &str,
    fault: Option<&str>,
) -> Result<Response, Failure> {
    let drawn = state.store.drawn_totp(known.user.id, Enrolling::Pending(pending)).await?;
    // It was drawn when the password was given, for longer than this half of a sign-in lasts.
    let Some(seed) = drawn else { return Ok(Redirect::to("/sign-in").into_response()) };
    let page = EnrolPage {
        shell: shell(headers),
        name: known.user.name.to_string(),
        return_to: local(return_to).to_owned(),
        qr: QrView::new(&seed, &known.user.name)?,
        can_have_passkeys: relying_party(state, headers).is_some(),
        fault: fault.map(str::to_owned),
    };
    let mut response = Html(page.render().map_err(Failure::internal)?).into_response();
    super::account_factors::keep_nowhere(&mut response);
    Ok(response)
}
