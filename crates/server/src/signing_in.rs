//! From a proof to a session: what every way of signing in has in common.

use crate::failure::Failure;
use crate::links::{is_local_path, percent};
use crate::providers::onward;
use crate::session_cookie;
use crate::state::AppState;
use crate::visitor::Visitor;
use access::{PendingSecret, SessionSecret};
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
    let (limits, origin) = began(state, headers, visitor);
    let step = visitor.store.begin_sign_in(user, is_required, limits, origin).await?;
    after_first_step(state, visitor, headers, user, step, (target, false)).await
}

/// Goes on after the first step. Where that was `elsewhere`, on another site, the second step is gone to from a page of ours:
/// its cookie comes with nothing that another site began.
pub(crate) async fn after_first_step(
    state: &AppState,
    visitor: &Visitor,
    headers: &HeaderMap,
    user: &User,
    step: FirstStep,
    (target, elsewhere): (&str, bool),
) -> Result<Response, Failure> {
    let (pending, page) = match step {
        FirstStep::SignedIn(secret) => {
            return with_session(state, &secret, Redirect::to(target).into_response());
        }
        FirstStep::SecondFactor(pending) => (pending, "/sign-in/second"),
        FirstStep::Enrolment(pending) => {
            visitor.store.draw_totp(user.id, Enrolling::Pending(&pending)).await?;
            (pending, "/sign-in/enrol")
        }
    };
    let encoded = percent::encode(target.as_bytes());
    let place = match target {
        "/" => page.to_owned(),
        _ => format!("{page}?return_to={encoded}"),
    };
    let response = match elsewhere {
        true => onward(headers, "the second step", &place)?,
        false => Redirect::to(&place).into_response(),
    };
    second_step(state, &pending, response)
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
    visitor: &Visitor,
) -> (SessionLimits, SessionOrigin) {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let origin = SessionOrigin {
        address: Some(visitor.address),
        agent: agent.map(str::to_owned),
        // Whoever came through a proxy that names people is signed in for as long as it names them.
        proxy_name: visitor.let_in.clone(),
        ..SessionOrigin::default()
    };
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
    mut response: Response,
) -> Result<Response, Failure> {
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
