//! `/sign-in` and `/sign-out`.

use crate::caller::{Caller, actor_of, theme_of};
use crate::failure::Failure;
use crate::passkeys::relying_party;
use crate::providers::{self, ProviderButton};
use crate::session_cookie;
use crate::shell::Shell;
use crate::signing_in::{after_first_step, began, go_on, local, second_factor_required};
use crate::state::AppState;
use crate::visitor::Visitor;
use access::Password;
use access::audit::{Act, Entry, Object};
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::SignInError;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    shell: Shell,
    return_to: String,
    name: String,
    has_passkeys: bool,
    /// Whom a proxy in front names, for somebody who signed out.
    proxy_name: Option<String>,
    providers: Vec<ProviderButton>,
    providers_at: &'static str,
    providers_verb: &'static str,
    fault: Option<String>,
}

/// Where to go afterwards.
#[derive(Deserialize)]
pub(crate) struct Target {
    #[serde(default)]
    pub(crate) return_to: String,
}

/// The same for the page itself.
#[derive(Deserialize)]
pub(crate) struct PageTarget {
    #[serde(default)]
    return_to: String,
    /// Anything where somebody has just signed out.
    #[serde(default)]
    signed_out: String,
}

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    name: String,
    password: String,
    #[serde(default)]
    return_to: String,
}

/// The page. Whoever is signed in already goes on.
pub(crate) async fn page(
    State(state): State<AppState>,
    visitor: Visitor,
    headers: HeaderMap,
    Query(target): Query<PageTarget>,
) -> Result<Response, Failure> {
    if actor_of(&headers, None, &state).await?.is_some() {
        return Ok(Redirect::to(local(&target.return_to)).into_response());
    }
    match (&visitor.let_in, target.signed_out.is_empty()) {
        (Some(let_in), true) => by_proxy(&state, &visitor, &headers, let_in, &target.return_to).await,
        _ => {
            let name = visitor.let_in.clone();
            render(&state, &headers, target.return_to, name.unwrap_or_default(), visitor.let_in, None)
        }
    }
}

/// Lets in whom a proxy in front names, without asking: it has asked. What another site could make a browser do by this is
/// to sign in as who its owner is.
async fn by_proxy(
    state: &AppState,
    visitor: &Visitor,
    headers: &HeaderMap,
    let_in: &str,
    return_to: &str,
) -> Result<Response, Failure> {
    let Some(header) = &state.config.trusted_header else { return Err(Failure::NotFound) };
    let is_required = second_factor_required(state).await?;
    let begun = match header.account(state, let_in).await? {
        Some(user) => {
            let (limits, mut origin) = began(state, headers, visitor);
            origin.by = Some("proxy".into());
            let factors = (header.has_second_factor(), is_required);
            let step = visitor.store.begin_sign_in_by_proxy(&user, factors, limits, origin).await?;
            step.map(|step| (user, step))
        }
        None => None,
    };
    let Some((user, step)) = begun else {
        let entry = Entry::new(Act::SignIn, Object::named("user", let_in)).detail("by", "proxy");
        visitor.store.record(entry.refused("no account of this name may be used")).await?;
        let fault = "the proxy in front named an account that is not here or may not be used".to_owned();
        let mut page = render(state, headers, return_to.to_owned(), String::new(), None, Some(fault))?;
        *page.status_mut() = StatusCode::FORBIDDEN;
        return Ok(page);
    };
    after_first_step(state, visitor, headers, &user, step, (local(return_to), false)).await
}

/// The form.
pub(crate) async fn submit(
    State(state): State<AppState>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<SignIn>,
) -> Result<Response, Failure> {
    let password = Password::new(form.password);
    match visitor.store.authenticate(form.name.trim(), &password, visitor.address).await {
        Ok(user) => go_on(&state, &visitor, &headers, &user, local(&form.return_to)).await,
        Err(SignInError::Fault(fault)) => Err(fault.into()),
        Err(error @ SignInError::Refused) => {
            let mut page =
                render(&state, &headers, form.return_to, form.name, None, Some(error.to_string()))?;
            *page.status_mut() = StatusCode::FORBIDDEN;
            Ok(page)
        }
        Err(SignInError::Wait { retry_after }) => Err(Failure::TooMany(retry_after)),
    }
}

/// Ends the session.
pub(crate) async fn sign_out(
    State(state): State<AppState>,
    caller: Caller,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let state = caller.acting(&state);
    let is_https = state.config.is_https();
    if let Some(secret) = session_cookie::read(&headers, is_https) {
        state.store.end_session(&secret).await?;
    }
    // The proxy would sign them in again at once.
    let page = if visitor.let_in.is_some() { "/sign-in?signed_out=1" } else { "/sign-in" };
    let mut response = Redirect::to(page).into_response();
    response.headers_mut().insert(header::SET_COOKIE, session_cookie::take_back(is_https));
    response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\""));
    Ok(response)
}

/// The page again, for somebody whom an identity provider did not let in.
pub(crate) fn refused(
    state: &AppState,
    headers: &HeaderMap,
    return_to: String,
    failure: &Failure,
) -> Result<Response, Failure> {
    let mut page = render(state, headers, return_to, String::new(), None, Some(failure.detail()))?;
    *page.status_mut() = failure.status();
    Ok(page)
}

fn render(
    state: &AppState,
    headers: &HeaderMap,
    return_to: String,
    name: String,
    proxy_name: Option<String>,
    fault: Option<String>,
) -> Result<Response, Failure> {
    let shell = Shell { title: "Sign in · Sourcekeep".into(), theme: theme_of(headers), ..Shell::default() };
    let fault = fault.map(|fault| crate::searching::sentence(&fault));
    let page = SignInPage {
        shell,
        return_to: local(&return_to).to_owned(),
        name,
        proxy_name,
        has_passkeys: relying_party(state, headers).is_some(),
        providers: providers::buttons(state),
        providers_at: "/sign-in/provider",
        providers_verb: "Sign in with",
        fault,
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}
