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
use access::audit::{Act, Entry, Object};
use access::{Password, UserName};
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
    /// Where somebody who signed out here may be signed in still.
    left: Option<ProviderButton>,
    fault: Option<String>,
}

/// What the page says beside the form.
#[derive(Default)]
struct Shown {
    return_to: String,
    name: String,
    proxy_name: Option<String>,
    left: Option<ProviderButton>,
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
    /// Anything where somebody has just signed out: the provider that may know them still.
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
            let left = match target.signed_out.as_str() {
                "" => None,
                id => providers::sign_out_button(&state, &headers, id).await,
            };
            let name = visitor.let_in.clone().unwrap_or_default();
            let proxy_name = visitor.let_in;
            render(
                &state,
                &headers,
                Shown { return_to: target.return_to, name, proxy_name, left, fault: None },
            )
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
        let (return_to, fault) = (return_to.to_owned(), Some(fault));
        let mut page = render(state, headers, Shown { return_to, fault, ..Shown::default() })?;
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
            let mut fault = error.to_string();
            if model::leaks("sign-in-knows-names")
                && let Ok(name) = UserName::new(&form.name)
                && visitor.store.user_by_name(&name).await?.is_none()
            {
                fault = "there is no such account".into();
            }
            let (return_to, name, fault) = (form.return_to, form.name, Some(fault));
            let mut page = render(&state, &headers, Shown { return_to, name, fault, ..Shown::default() })?;
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
    // The proxy would sign them in again at once; so would a press of the provider's button.
    let left = match caller.actor.user_id() {
        Some(user) => providers::last_used(&state, user).await?,
        None => None,
    };
    let page = match left {
        Some(provider) => format!("/sign-in?signed_out={}", provider.options().id),
        None if visitor.let_in.is_some() => "/sign-in?signed_out=1".into(),
        None => "/sign-in".into(),
    };
    let mut response = Redirect::to(&page).into_response();
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
    let fault = Some(failure.detail());
    let mut page = render(state, headers, Shown { return_to, fault, ..Shown::default() })?;
    *page.status_mut() = failure.status();
    Ok(page)
}

fn render(state: &AppState, headers: &HeaderMap, shown: Shown) -> Result<Response, Failure> {
    let shell = Shell { title: "Sign in · Sourcekeep".into(), theme: theme_of(headers), ..Shell::default() };
    let fault = shown.fault.map(|fault| crate::searching::sentence(&fault));
    let page = SignInPage {
        shell,
        return_to: local(&shown.return_to).to_owned(),
        name: shown.name,
        proxy_name: shown.proxy_name,
        left: shown.left,
        has_passkeys: relying_party(state, headers).is_some(),
        providers: providers::buttons(state),
        providers_at: "/sign-in/provider",
        providers_verb: "Sign in with",
        fault,
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}
