//! From a proof to a session: what every way of signing in has in common.

use crate::failure::Failure;
use crate::links::{is_local_path, percent};
use crate::session_cookie;
use crate::state::AppState;
use crate::visitor::Visitor;
use access::{ClientAddress, PendingSecret, SessionSecret};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use store::{Enrolling, FirstStep, SessionLimits, SessionOrigin, User};

/// Goes on after the right password: to a session, to the second factor, or to enrolling one. SECURITY: always a fresh
/// secret; a session that the browser carried before ends, so that none can be fixed on somebody.
pub(crate) async fn go_on(
    state: &AppState,
    visitor: &Visitor,
    headers: &HeaderMap,
    user: &User,
    target: &str,
) -> Result<Response, Failure> {
    end_old_session(state, visitor, headers).await?;
    let is_required = second_factor_required(state).await?;
    let (limits, origin) = began(state, headers, visitor.address);
    match visitor.store.begin_sign_in(user, is_required, limits, origin).await? {
        FirstStep::SignedIn(secret) => with_session(state, &secret, Redirect::to(target).into_response()),
        FirstStep::SecondFactor(pending) => second_step(state, &pending, "/sign-in/second", target),
        FirstStep::Enrolment(pending) => {
            visitor.store.draw_totp(user.id, Enrolling::Pending(&pending)).await?;
            second_step(state, &pending, "/sign-in/enrol", target)
        }
    }
}

/// Gives the browser a session's secret with an answer; what stood for half a sign-in is taken back.
pub(crate) fn with_session(
    state: &AppState,
    secret: &SessionSecret,
    mut response: Response,
) -> Result<Response, Failure> {
    let (lasts, is_https) = (state.config.session_limits.absolute, state.config.is_https());
    append_cookie(&mut response, session_cookie::give(secret, is_https, lasts))?;
    append_cookie(&mut response, session_cookie::take_back_pending(is_https))?;
    Ok(response)
}

/// Ends the session that the browser carried until now.
pub(crate) async fn end_old_session(
    state: &AppState,
    visitor: &Visitor,
    headers: &HeaderMap,
) -> Result<(), Failure> {
    if let Some(old) = session_cookie::read(headers, state.config.is_https()) {
        visitor.store.end_session(&old).await?;
    }
    Ok(())
}

/// How long a session that begins now lasts, and where it begins.
pub(crate) fn began(
    state: &AppState,
    headers: &HeaderMap,
    address: ClientAddress,
) -> (SessionLimits, SessionOrigin) {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let origin = SessionOrigin { address: Some(address), agent: agent.map(str::to_owned) };
    (state.config.session_limits, origin)
}

/// Whether everybody who signs in with a password needs a second factor.
pub(crate) async fn second_factor_required(state: &AppState) -> Result<bool, Failure> {
    Ok(state.config.second_factor_required || state.store.second_factor_required().await?)
}

/// The way back, where it leads to a page of ours; the front page otherwise.
pub(crate) fn local(target: &str) -> &str {
    if is_local_path(target) { target } else { "/" }
}

fn second_step(
    state: &AppState,
    pending: &PendingSecret,
    page: &str,
    target: &str,
) -> Result<Response, Failure> {
    let encoded = percent::encode(target.as_bytes());
    let mut response = match target {
        "/" => Redirect::to(page).into_response(),
        _ => Redirect::to(&format!("{page}?return_to={encoded}")).into_response(),
    };
    let is_https = state.config.is_https();
    append_cookie(&mut response, session_cookie::give_pending(pending, is_https))?;
    // The session from before has ended; its cookie goes with it.
    append_cookie(&mut response, Some(session_cookie::take_back(is_https)))?;
    Ok(response)
}

fn append_cookie(response: &mut Response, cookie: Option<HeaderValue>) -> Result<(), Failure> {
    let cookie = cookie.ok_or_else(|| Failure::internal("a secret does not fit a header"))?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(())
}
