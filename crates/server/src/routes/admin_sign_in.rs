//! `/admin/sign-in`: how people sign in, as administrators decide it.

use crate::caller::{BySession, SteppedUp};
use crate::failure::Failure;
use crate::format::time_left;
use crate::shell::Shell;
use crate::state::AppState;
use access::SecondFactor;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "admin_sign_in.html")]
struct PolicyPage {
    shell: Shell,
    is_required: bool,
    /// The configuration says so, whatever is chosen here.
    is_configured: bool,
    /// Whether whoever looks has a second factor: who has none would shut themselves out.
    has_factor: bool,
    /// Whether there is an identity provider at all.
    has_providers: bool,
    password_beside: bool,
    idle: String,
    absolute: String,
}

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Policy {
    /// `yes` or nothing.
    #[serde(default)]
    second_factor_required: String,
    /// `no` or nothing.
    #[serde(default)]
    password_beside_provider: String,
}

/// The page.
pub(crate) async fn page(State(state): State<AppState>, by: BySession) -> Result<Response, Failure> {
    let limits = state.config.session_limits;
    let page = PolicyPage {
        shell: by.caller.shell("Signing in", "admin-sign-in"),
        is_required: state.store.second_factor_required().await?,
        is_configured: state.config.second_factor_required,
        has_factor: state.store.second_factor(by.user).await? == SecondFactor::Enrolled,
        has_providers: !state.config.providers.is_empty(),
        password_beside: state.store.password_beside_provider().await?,
        idle: time_left(limits.idle.as_secs()),
        absolute: time_left(limits.absolute.as_secs()),
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

/// Decides.
pub(crate) async fn submit(
    SteppedUp(by): SteppedUp,
    Form(policy): Form<Policy>,
) -> Result<Response, Failure> {
    let is_required = policy.second_factor_required == "yes";
    if is_required && by.store.second_factor(by.user).await? == SecondFactor::None {
        return Err(Failure::Conflict("Set up a second factor of your own first.".into()));
    }
    by.store.require_second_factor(is_required).await?;
    let beside = policy.password_beside_provider != "no";
    if beside != by.store.password_beside_provider().await? {
        by.store.set_password_beside_provider(beside).await?;
    }
    Ok(Redirect::to("/admin/sign-in").into_response())
}
