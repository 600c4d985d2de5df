//! `/sign-in` and `/sign-out`.

use crate::caller::{Caller, actor_of, theme_of};
use crate::failure::Failure;
use crate::links::is_local_path;
use crate::recording::Visitor;
use crate::session_cookie;
use crate::shell::Shell;
use crate::state::AppState;
use access::{ClientAddress, Password, SessionSecret};
use askama::Template;
use axum::Form;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use store::{SessionOrigin, SignInError, User};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    shell: Shell,
    return_to: String,
    name: String,
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
pub(crate) struct SignIn {
    name: String,
    password: String,
    #[serde(default)]
    return_to: String,
}

/// The address a request came from. In-process callers have none and count as this machine.
pub(crate) type Peer = Option<axum::Extension<ConnectInfo<SocketAddr>>>;

/// The page. Whoever is signed in already goes on.
pub(crate) async fn page(
    State(state): State<AppState>,
    headers: HeaderMap,
    Query(target): Query<Target>,
) -> Result<Response, Failure> {
    if actor_of(&headers, &state).await?.is_some() {
        return Ok(Redirect::to(local(&target.return_to)).into_response());
    }
    render(&headers, target.return_to, String::new(), None)
}

/// The form.
pub(crate) async fn submit(
    State(state): State<AppState>,
    visitor: Visitor,
    peer: Peer,
    headers: HeaderMap,
    Form(form): Form<SignIn>,
) -> Result<Response, Failure> {
    let state = visitor.acting(&state);
    let password = Password::new(form.password);
    let address = client(peer);
    match state.store.authenticate(form.name.trim(), &password, address).await {
        Ok(user) => signed_in(&state, &headers, address, &user, local(&form.return_to)).await,
        Err(SignInError::Fault(fault)) => Err(fault.into()),
        Err(error @ SignInError::Refused) => {
            let mut page = render(&headers, form.return_to, form.name, Some(error.to_string()))?;
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
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let state = caller.acting(&state);
    let is_https = state.config.is_https();
    if let Some(secret) = session_cookie::read(&headers, is_https) {
        state.store.end_session(&secret).await?;
    }
    let mut response = Redirect::to("/sign-in").into_response();
    response.headers_mut().insert(header::SET_COOKIE, session_cookie::take_back(is_https));
    response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\""));
    Ok(response)
}

/// Begins a session for somebody who has just proved who they are, and sends them on. SECURITY: always a fresh secret; a
/// session that the browser carried before ends, so that none can be fixed on somebody.
pub(crate) async fn signed_in(
    state: &AppState,
    headers: &HeaderMap,
    address: ClientAddress,
    user: &User,
    target: &str,
) -> Result<Response, Failure> {
    let is_https = state.config.is_https();
    if let Some(old) = session_cookie::read(headers, is_https) {
        state.store.end_session(&old).await?;
    }
    let limits = state.config.session_limits;
    let (secret, _) = state.store.start_session_from(user.id, limits, origin(headers, address)).await?;
    with_session(state, &secret, Redirect::to(target).into_response())
}

/// Gives the browser a session's secret with an answer.
pub(crate) fn with_session(
    state: &AppState,
    secret: &SessionSecret,
    mut response: Response,
) -> Result<Response, Failure> {
    let lasts = state.config.session_limits.absolute;
    let cookie = session_cookie::give(secret, state.config.is_https(), lasts)
        .ok_or_else(|| Failure::internal("a session's secret does not fit a header"))?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Where a session begins.
pub(crate) fn origin(headers: &HeaderMap, address: ClientAddress) -> SessionOrigin {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    SessionOrigin { address: Some(address), agent: agent.map(str::to_owned) }
}

/// The address to blame for failures.
pub(crate) fn client(peer: Peer) -> ClientAddress {
    let address = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.0.ip());
    ClientAddress::from(address)
}

/// The way back, where it leads to a page of ours; the front page otherwise.
pub(crate) fn local(target: &str) -> &str {
    if is_local_path(target) { target } else { "/" }
}

fn render(
    headers: &HeaderMap,
    return_to: String,
    name: String,
    fault: Option<String>,
) -> Result<Response, Failure> {
    let shell = Shell { title: "Sign in · Sourcekeep".into(), theme: theme_of(headers), ..Shell::default() };
    let fault = fault.map(|fault| crate::searching::sentence(&fault));
    let page = SignInPage { shell, return_to: local(&return_to).to_owned(), name, fault };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}
