//! `/account/providers/<id>`: linking one's account with one at an identity provider, and unlinking it.

use super::account_factors::rotated;
use super::sign_in_provider::link_failure;
use crate::caller::{BySession, SteppedUp};
use crate::failure::Failure;
use crate::shell::Moment;
use crate::signing_in::{local, with_session};
use crate::state::AppState;
use crate::{provider_host, providers};
use axum::Form;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::{LinkedIdentity, ProviderPurpose};

/// A provider as a row of the account's page.
pub(crate) struct ProviderRow {
    pub(crate) id: String,
    pub(crate) name: String,
    /// What one is called there, where the account is linked.
    pub(crate) called: Option<String>,
    pub(crate) linked: Option<Moment>,
    pub(crate) used: Option<Moment>,
}

/// Where to go afterwards.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Go {
    #[serde(default)]
    return_to: String,
}

/// The providers that are configured, linked or not.
pub(crate) async fn rows(state: &AppState, by: &BySession) -> Result<Vec<ProviderRow>, Failure> {
    let linked = state.store.providers_of(by.user).await?;
    let now_ms = state.now_ms();
    let row = |provider: &std::sync::Arc<oidc::Provider>| {
        let options = provider.options();
        let found = linked.iter().find(|one| one.identity.issuer == options.issuer);
        ProviderRow {
            id: options.id.clone(),
            name: options.name.clone(),
            called: found.map(called),
            linked: found.map(|one| Moment::new(now_ms, one.linked_at.0)),
            used: found.and_then(|one| one.last_used_at).map(|at| Moment::new(now_ms, at.0)),
        }
    };
    Ok(state.config.providers.iter().map(row).collect())
}

/// The providers at which whoever is signed in can prove again who they are.
pub(crate) async fn linked_buttons(
    state: &AppState,
    by: &BySession,
) -> Result<Vec<providers::ProviderButton>, Failure> {
    let rows = rows(state, by).await?.into_iter().filter(|row| row.called.is_some());
    Ok(rows.map(|row| providers::ProviderButton { id: row.id, name: row.name }).collect())
}

/// One of the buttons: `link` or `unlink`.
pub(crate) async fn act(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Path((id, act)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let provider = providers::find(&state, &id)?;
    match act.as_str() {
        "link" => {
            let purpose = ProviderPurpose::Link(by.user, by.session.clone());
            providers::send_there(&state, &by.store, &headers, provider, (purpose, "/account")).await
        }
        "unlink" => {
            let issuer = &provider.options().issuer;
            let taken = by.store.unlink_provider(by.user, issuer, Some(&by.session), false).await;
            let identity = taken.map_err(link_failure)?;
            provider_host::unlink(&state, &by.store, provider, (by.user, &identity.subject)).await?;
            let response = Redirect::to("/account?done=unlinked").into_response();
            with_session(&state, &rotated(&by).await?, response)
        }
        _ => Err(Failure::NotFound),
    }
}

/// Sends whoever is signed in to the provider, to prove again who they are.
pub(crate) async fn step_up(
    State(state): State<AppState>,
    by: BySession,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(form): Form<Go>,
) -> Result<Response, Failure> {
    let provider = providers::find(&state, &id)?;
    let purpose = ProviderPurpose::StepUp(by.user, by.session.clone());
    providers::send_there(&state, &by.store, &headers, provider, (purpose, local(&form.return_to))).await
}

fn called(one: &LinkedIdentity) -> String {
    match one.identity.label.is_empty() {
        true => one.identity.subject.clone(),
        false => one.identity.label.clone(),
    }
}
