//! The accounts at identity providers that are somebody's, as administrators see, link and unlink them.

use crate::caller::BySession;
use crate::failure::Failure;
use crate::fields::Fields;
use crate::provider_host;
use crate::shell::Moment;
use crate::state::AppState;
use model::UserId;
use oidc::Provider;
use std::sync::Arc;
use store::{LinkProviderError, ProviderIdentity, User};

/// An account there, as a row.
pub(crate) struct AccountThere {
    /// What the configuration calls the provider; what it calls itself where it is not configured any more.
    pub(crate) provider: String,
    pub(crate) is_configured: bool,
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) label: String,
    pub(crate) linked: Moment,
    pub(crate) used: Option<Moment>,
}

/// Somebody's accounts there.
pub(crate) async fn rows(state: &AppState, user: UserId) -> Result<Vec<AccountThere>, Failure> {
    let now_ms = state.now_ms();
    let row = |one: store::LinkedIdentity| {
        let known = of_issuer(state, &one.identity.issuer);
        AccountThere {
            provider: known.map_or_else(|| one.identity.issuer.clone(), |known| known.options().name.clone()),
            is_configured: known.is_some(),
            issuer: one.identity.issuer,
            subject: one.identity.subject,
            label: one.identity.label,
            linked: Moment::new(now_ms, one.linked_at.0),
            used: one.last_used_at.map(|at| Moment::new(now_ms, at.0)),
        }
    };
    Ok(state.store.providers_of(user).await?.into_iter().map(row).collect())
}

/// Links or unlinks one. The words say what is wrong.
pub(crate) async fn act(
    state: &AppState,
    by: &BySession,
    user: &User,
    act: &str,
    fields: &Fields,
) -> Result<Result<(), String>, Failure> {
    let done = match act {
        "link-provider" => link(state, by, user, fields).await,
        _ => unlink(state, by, user, fields.one("issuer")).await,
    };
    match done {
        Ok(()) => Ok(Ok(())),
        Err(LinkProviderError::Fault(fault)) => Err(fault.into()),
        Err(LinkProviderError::Unknown) => Err(Failure::NotFound),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// SECURITY: by the identifier that the provider never gives to anybody else, as its administration tells it; no name and no
/// address is looked up.
async fn link(
    state: &AppState,
    by: &BySession,
    user: &User,
    fields: &Fields,
) -> Result<(), LinkProviderError> {
    let id = fields.one("provider");
    let provider = state.config.providers.iter().find(|provider| provider.options().id == id);
    let issuer = provider.ok_or(LinkProviderError::Unknown)?.options().issuer.clone();
    let subject = fields.one("subject").trim().to_owned();
    if !oidc::is_subject(&subject) {
        return Err(LinkProviderError::BadSubject);
    }
    by.store.link_provider(user.id, &ProviderIdentity { issuer, subject, label: String::new() }).await
}

/// Whoever looks after accounts may take away the last way into somebody else's, and not into their own.
async fn unlink(
    state: &AppState,
    by: &BySession,
    user: &User,
    issuer: &str,
) -> Result<(), LinkProviderError> {
    let is_own = user.id == by.user;
    let identity = by.store.unlink_provider(user.id, issuer, is_own.then_some(&by.session), !is_own).await?;
    if let Some(provider) = of_issuer(state, issuer) {
        provider_host::unlink(state, &by.store, provider, (user.id, &identity.subject)).await?;
    }
    Ok(())
}

fn of_issuer<'a>(state: &'a AppState, issuer: &str) -> Option<&'a Arc<Provider>> {
    state.config.providers.iter().find(|provider| provider.options().issuer == issuer)
}
