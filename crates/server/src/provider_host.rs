//! A code host that is an identity provider: whoever signs in there proves their account there, too.

use crate::state::AppState;
use access::{AccountId, HostId};
use model::UserId;
use oidc::{Person, Provider};
use store::{Fault, LinkError, Store};
use url::Url;

/// Kinds of code hosts whose subjects are the immutable ids of accounts.
const KINDS: [&str; 2] = ["gitlab", "gitea"];

/// The code host that a provider is, where the configuration says so. SECURITY: only a host at the issuer's own address, of a
/// kind whose subjects are its accounts' ids: another's subjects would be taken for ids of accounts there.
pub(crate) async fn host_of(state: &AppState, provider: &Provider) -> Result<Option<HostId>, Fault> {
    let Some(named) = &provider.options().code_host else { return Ok(None) };
    let hosts = state.store.code_hosts().await?;
    let Some(host) = hosts.into_iter().find(|host| host.id.0 == *named || host.name == *named) else {
        tracing::warn!(provider = provider.options().id, "the code host of this provider is not connected");
        return Ok(None);
    };
    let origin = |text: &str| Url::parse(text).ok().map(|url| url.origin());
    let is_same = origin(&host.url).is_some() && origin(&host.url) == origin(&provider.options().issuer);
    if !is_same || !KINDS.contains(&host.kind.as_str()) {
        tracing::warn!(
            provider = provider.options().id,
            host = host.name,
            "this provider is not that code host"
        );
        return Ok(None);
    }
    Ok(Some(host.id))
}

/// Links a person's account at the code host, so that its permissions reach them. That it is another person's already is
/// no reason to turn anybody away.
pub(crate) async fn link(
    state: &AppState,
    store: &Store,
    provider: &Provider,
    (user, person): (UserId, &Person),
) -> Result<(), Fault> {
    let Some(host) = host_of(state, provider).await? else { return Ok(()) };
    let Some(account) = AccountId::new(person.subject.as_str()) else { return Ok(()) };
    let known = store.identities_of(user).await?;
    if known.iter().any(|identity| identity.host == host && identity.account == account) {
        return Ok(());
    }
    match store.link_identity(&host, &account, user, &person.label()).await {
        Ok(()) => Ok(()),
        Err(LinkError::Fault(fault)) => Err(fault),
        Err(error) => {
            tracing::warn!(%error, "an account of a code host was not linked by signing in");
            Ok(())
        }
    }
}

/// Takes that away again, where it is the account that the provider proved.
pub(crate) async fn unlink(
    state: &AppState,
    store: &Store,
    provider: &Provider,
    (user, subject): (UserId, &str),
) -> Result<(), Fault> {
    let Some(host) = host_of(state, provider).await? else { return Ok(()) };
    let known = store.identities_of(user).await?;
    if known.iter().any(|identity| identity.host == host && identity.account.as_str() == subject) {
        store.unlink_identity(&host, user).await?;
    }
    Ok(())
}
