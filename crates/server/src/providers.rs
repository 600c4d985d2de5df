//! Identity providers as this server offers them: which there are, and how a browser is sent there and recognised again.

use crate::caller::theme_of;
use crate::failure::Failure;
use crate::routes::account_factors::keep_nowhere;
use crate::session_cookie;
use crate::shell::Shell;
use crate::state::AppState;
use access::BrowserSecret;
use askama::Template;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use model::UserId;
use oidc::{Person, Provider, ProviderError};
use std::sync::Arc;
use store::{ProviderIdentity, ProviderPurpose, ProviderSignIn, Store};
use url::{Host, Url};

/// A page that sends the browser on by itself.
#[derive(Template)]
#[template(path = "onward.html")]
struct OnwardPage {
    shell: Shell,
    place: String,
    address: String,
}

/// A provider as a button.
#[derive(Clone, Debug)]
pub(crate) struct ProviderButton {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// The providers that people may sign in at, in the order of the configuration.
pub(crate) fn buttons(state: &AppState) -> Vec<ProviderButton> {
    let button = |provider: &Arc<Provider>| ProviderButton {
        id: provider.options().id.clone(),
        name: provider.options().name.clone(),
    };
    state.config.providers.iter().map(button).collect()
}

/// The provider of this id.
pub(crate) fn find<'a>(state: &'a AppState, id: &str) -> Result<&'a Arc<Provider>, Failure> {
    let found = state.config.providers.iter().find(|provider| provider.options().id == id);
    found.ok_or(Failure::NotFound)
}

/// Sends a browser to a provider and keeps what its answer will be recognised by.
///
/// The answer is a page that goes on by itself, and no redirect: browsers hold redirects after a form to `form-action 'self'`,
/// and that rule stays.
pub(crate) async fn send_there(
    state: &AppState,
    store: &Store,
    headers: &HeaderMap,
    provider: &Provider,
    (purpose, return_to): (ProviderPurpose, &str),
) -> Result<Response, Failure> {
    let id = &provider.options().id;
    let base = here(state, headers)?;
    let redirect = format!("{base}/sign-in/provider/{id}/back");
    let anew = matches!(purpose, ProviderPurpose::StepUp(..));
    let begun = provider.begin(&redirect, anew, store.randomness()).await.map_err(failure_of)?;
    // Always a fresh one, so that none can be planted beforehand.
    let browser = BrowserSecret::mint(store.randomness()).map_err(Failure::internal)?;
    let sign_in = ProviderSignIn {
        purpose,
        return_to: return_to.to_owned(),
        redirect: begun.kept.redirect,
        nonce: begun.kept.nonce,
        verifier: begun.kept.verifier,
    };
    store.keep_provider_sign_in(id, &begun.state, &browser, &sign_in).await?;
    let mut response = onward(headers, &provider.options().name, begun.address.as_str())?;
    let cookie = session_cookie::give_browser(&browser, state.config.is_https());
    let cookie = cookie.ok_or_else(|| Failure::internal("a secret does not fit a header"))?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// A page that sends the browser on by itself, without JavaScript.
pub(crate) fn onward(headers: &HeaderMap, place: &str, address: &str) -> Result<Response, Failure> {
    let page = OnwardPage {
        shell: Shell {
            title: format!("{place} · Sourcekeep"), theme: theme_of(headers), ..Shell::default()
        },
        place: place.to_owned(),
        address: address.to_owned(),
    };
    let mut response = Html(page.render().map_err(Failure::internal)?).into_response();
    let refresh = HeaderValue::try_from(format!("0; url={address}")).map_err(Failure::internal)?;
    response.headers_mut().insert(header::REFRESH, refresh);
    keep_nowhere(&mut response);
    Ok(response)
}

/// The provider that knows somebody who signs out in this browser: the one at which they signed in last.
pub(crate) async fn last_used(state: &AppState, user: UserId) -> Result<Option<&Arc<Provider>>, Failure> {
    let linked = state.store.providers_of(user).await?;
    let used = linked.iter().filter(|one| one.last_used_at.is_some()).max_by_key(|one| one.last_used_at);
    let is_it =
        |provider: &&Arc<Provider>| used.is_some_and(|one| one.identity.issuer == provider.options().issuer);
    Ok(state.config.providers.iter().find(is_it))
}

/// The button by which somebody who signed out here does so at a provider, too; `None` where the provider has no place for
/// that, or does not answer.
pub(crate) async fn sign_out_button(
    state: &AppState,
    headers: &HeaderMap,
    id: &str,
) -> Option<ProviderButton> {
    let provider = find(state, id).ok()?;
    let back = signed_out_at(state, headers).ok()?;
    provider.sign_out(&back).await.ok().flatten()?;
    Some(ProviderButton { id: id.to_owned(), name: provider.options().name.clone() })
}

/// Sends a browser to a provider to sign out there. SECURITY: the address is what the provider published, the way back one of
/// ours; nothing of the request is in either.
pub(crate) async fn sign_out_there(
    state: &AppState,
    headers: &HeaderMap,
    provider: &Provider,
) -> Result<Response, Failure> {
    let back = signed_out_at(state, headers)?;
    let address = provider.sign_out(&back).await.map_err(failure_of)?.ok_or(Failure::NotFound)?;
    onward(headers, &provider.options().name, address.as_str())
}

/// Where a provider sends browsers back to that signed out there.
fn signed_out_at(state: &AppState, headers: &HeaderMap) -> Result<String, Failure> {
    Ok(format!("{}/sign-in", here(state, headers)?))
}

/// Who came back, as the store knows them.
pub(crate) fn identity_of(provider: &Provider, person: &Person) -> ProviderIdentity {
    ProviderIdentity {
        issuer: provider.options().issuer.clone(),
        subject: person.subject.clone(),
        label: person.label(),
    }
}

/// What went wrong at a provider, for a page.
pub(crate) fn failure_of(error: ProviderError) -> Failure {
    if error.is_outage() {
        tracing::warn!(%error, "an identity provider failed");
    }
    Failure::ProviderFailed {
        detail: crate::searching::sentence(&error.to_string()),
        is_outage: error.is_outage(),
    }
}

fn here(state: &AppState, headers: &HeaderMap) -> Result<String, Failure> {
    own_address(state, headers).ok_or_else(|| {
        Failure::Conflict(
            "This server needs its public address in the configuration (public_url) first.".into(),
        )
    })
}

/// The server's own address, without a slash at its end: the public one, else this machine's. SECURITY: no other name is
/// believed from a header.
fn own_address(state: &AppState, headers: &HeaderMap) -> Option<String> {
    if let Some(url) = &state.config.public_url {
        return Some(url.as_str().trim_end_matches('/').to_owned());
    }
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let url = Url::parse(&format!("http://{host}/")).ok()?;
    let is_this_machine = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    is_this_machine.then(|| url.as_str().trim_end_matches('/').to_owned())
}
