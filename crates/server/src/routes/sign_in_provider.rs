//! `/sign-in/provider/<id>`: signing in at an identity provider: there, and back.

use super::sign_in;
use crate::caller::actor_of;
use crate::failure::Failure;
use crate::signing_in::{
    after_first_step, began, end_old_session, local, second_factor_required, with_session,
};
use crate::state::AppState;
use crate::visitor::Visitor;
use crate::{new_accounts, provider_host, providers, session_cookie};
use access::audit::{Act, Entry, Object, Origin, Outcome};
use access::{Actor, SessionId, SessionSecret, Via};
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use model::UserId;
use oidc::{Answer, Kept, Person, Provider, ProviderError};
use secrecy::SecretString;
use serde::Deserialize;
use store::{FRESH_FOR, LinkProviderError, ProviderPurpose, ProviderSignIn, SignInError, Store, User};

/// The button.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Go {
    #[serde(default)]
    return_to: String,
}

/// What the browser brings back. Providers add more, which is not read.
#[derive(Deserialize)]
pub(crate) struct Back {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// Somebody who came back, and with what they had been sent.
struct Returned<'a> {
    provider: &'a Provider,
    person: Person,
    sign_in: ProviderSignIn,
}

/// Sends the browser to the provider.
pub(crate) async fn begin(
    State(state): State<AppState>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(form): Form<Go>,
) -> Result<Response, Failure> {
    let provider = providers::find(&state, &id)?;
    let purpose = (ProviderPurpose::SignIn, local(&form.return_to));
    match providers::send_there(&state, &visitor.store, &headers, provider, purpose).await {
        Err(failure @ Failure::ProviderFailed { .. }) => {
            sign_in::refused(&state, &headers, form.return_to, &failure)
        }
        sent => sent,
    }
}

/// Sends the browser to the provider to sign out there, too.
pub(crate) async fn sign_out(
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let provider = providers::find(&state, &id)?;
    match providers::sign_out_there(&state, &headers, provider).await {
        Err(failure @ Failure::ProviderFailed { .. }) => {
            sign_in::refused(&state, &headers, String::new(), &failure)
        }
        sent => sent,
    }
}

/// Takes the browser back.
pub(crate) async fn back(
    State(state): State<AppState>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    Query(back): Query<Back>,
) -> Result<Response, Failure> {
    let provider = providers::find(&state, &id)?;
    let begun = take(&state, &visitor, &headers, (&id, back.state)).await?;
    let Some(sign_in) = begun else {
        let detail =
            "This sign-in took too long, was begun in another browser, or is over. Begin again.".into();
        let failure = Failure::ProviderFailed { detail, is_outage: false };
        return sign_in::refused(&state, &headers, String::new(), &failure);
    };
    let (redirect, nonce, verifier) =
        (sign_in.redirect.clone(), sign_in.nonce.clone(), sign_in.verifier.clone());
    let answer = Answer { code: back.code.map(SecretString::from), error: back.error, issuer: back.iss };
    let finished = provider.finish(&answer, &Kept { redirect, nonce, verifier }).await;
    let person = match finished {
        Ok(person) => person,
        Err(error) => return refused(&state, &visitor, &headers, (provider, sign_in), error).await,
    };
    let returned = Returned { provider, person, sign_in };
    let mut response = match &returned.sign_in.purpose {
        ProviderPurpose::SignIn | ProviderPurpose::Accept(_) => {
            sign_in_by(&state, &visitor, &headers, &returned).await?
        }
        ProviderPurpose::Link(user, session) => {
            link(&state, &visitor, &headers, &returned, (*user, session)).await?
        }
        ProviderPurpose::StepUp(user, session) => {
            step_up(&state, &visitor, &headers, &returned, (*user, session)).await?
        }
    };
    if let Some(cookie) = session_cookie::take_back_browser(state.config.is_https()) {
        response.headers_mut().append(axum::http::header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// What was kept for this browser and this answer; used up.
async fn take(
    state: &AppState,
    visitor: &Visitor,
    headers: &HeaderMap,
    (id, sent): (&str, String),
) -> Result<Option<ProviderSignIn>, Failure> {
    let Some(browser) = session_cookie::read_browser(headers, state.config.is_https()) else {
        return Ok(None);
    };
    Ok(visitor.store.take_provider_sign_in(id, &SecretString::from(sent), &browser).await?)
}

/// Writes down that the provider let nobody in, and says why.
async fn refused(
    state: &AppState,
    visitor: &Visitor,
    headers: &HeaderMap,
    (provider, sign_in): (&Provider, ProviderSignIn),
    error: ProviderError,
) -> Result<Response, Failure> {
    let entry = Entry::new(Act::SignIn, Object::named("provider", &provider.options().id));
    let entry = match error.is_outage() {
        true => entry.outcome(Outcome::Failed).detail("why", error.word()),
        false => entry.refused(error.word()),
    };
    visitor.store.record(entry).await?;
    let failure = providers::failure_of(error);
    match sign_in.purpose {
        ProviderPurpose::SignIn | ProviderPurpose::Accept(_) => {
            sign_in::refused(state, headers, sign_in.return_to, &failure)
        }
        _ => Err(failure),
    }
}

/// Lets in whoever the account at the provider belongs to here.
async fn sign_in_by(
    state: &AppState,
    visitor: &Visitor,
    headers: &HeaderMap,
    returned: &Returned<'_>,
) -> Result<Response, Failure> {
    let Returned { provider, person, sign_in } = returned;
    let identity = providers::identity_of(provider, person);
    if let ProviderPurpose::Accept(invitation) = &sign_in.purpose {
        visitor.store.accept_at_provider(invitation, &identity).await.map_err(link_failure)?;
    }
    end_old_session(state, visitor, headers).await?;
    let is_required = second_factor_required(state).await?;
    let begin = || async {
        let (limits, mut origin) = began(state, headers, visitor);
        origin.by = Some(format!("provider {}", provider.options().id));
        // Where it does not say when they proved who they are, they did not do so now.
        origin.proved_at = Some(person.proved_at.unwrap_or_default());
        let factors = (person.has_second_factor, is_required);
        visitor.store.begin_sign_in_at_provider(&identity, factors, limits, origin).await
    };
    let mut found = begin().await?;
    if found.is_none() && new_accounts::make(visitor, provider, person, &identity).await? {
        found = begin().await?;
    }
    let Some((user, step)) = found else {
        return nobody(state, visitor, headers, returned).await;
    };
    host_identity(state, visitor, returned, &user).await?;
    after_first_step(state, visitor, headers, &user, step, (local(&sign_in.return_to), true)).await
}

async fn host_identity(
    state: &AppState,
    visitor: &Visitor,
    returned: &Returned<'_>,
    user: &User,
) -> Result<(), Failure> {
    let origin = visitor.store.origin().as_who(Origin::proved(user.id, &user.name, "oidc"));
    let store = visitor.store.by(origin);
    Ok(provider_host::link(state, &store, returned.provider, (user.id, &returned.person)).await?)
}

/// SECURITY: the same for somebody nobody knows and for somebody who is shut out.
async fn nobody(
    state: &AppState,
    visitor: &Visitor,
    headers: &HeaderMap,
    returned: &Returned<'_>,
) -> Result<Response, Failure> {
    let options = returned.provider.options();
    let entry = Entry::new(Act::SignIn, Object::named("provider", &options.id));
    let entry =
        entry.refused("nobody here has this account there").detail("subject", &returned.person.subject);
    visitor.store.record(entry.detail("called", returned.person.label())).await?;
    let detail = format!(
        "{} let you in, but no account here that may be used is linked with yours there. If you have one, sign in as \
         you do otherwise and link it on your account's page; if not, ask whoever runs this server to invite you.",
        options.name
    );
    let failure = Failure::ProviderFailed { detail, is_outage: false };
    sign_in::refused(state, headers, returned.sign_in.return_to.clone(), &failure)
}

/// Links the account at the provider with the one that is signed in.
async fn link(
    state: &AppState,
    visitor: &Visitor,
    headers: &HeaderMap,
    returned: &Returned<'_>,
    holder: (UserId, &SessionId),
) -> Result<Response, Failure> {
    let (secret, store) = same_session(state, visitor, headers, holder).await?;
    let identity = providers::identity_of(returned.provider, &returned.person);
    store.link_provider(holder.0, &identity).await.map_err(link_failure)?;
    provider_host::link(state, &store, returned.provider, (holder.0, &returned.person)).await?;
    let secret = store.rotate_session(&secret).await?.ok_or(Failure::NotSignedIn)?;
    with_session(state, &secret, Redirect::to("/account?done=linked").into_response())
}

/// Takes a fresh sign-in at the provider as a proof.
async fn step_up(
    state: &AppState,
    visitor: &Visitor,
    headers: &HeaderMap,
    returned: &Returned<'_>,
    holder: (UserId, &SessionId),
) -> Result<Response, Failure> {
    let (secret, store) = same_session(state, visitor, headers, holder).await?;
    let now = access::Timestamp(state.now_ms());
    // SECURITY: it was asked by `max_age`, so that it has to say (OpenID Connect Core 1.0, 3.1.2.1). One that says nothing may
    // have let in whoever sat down at a browser that somebody else had left signed in.
    let Some(proved_at) = returned.person.proved_at else {
        return Err(Failure::NotAllowed(
            "The provider does not say when you signed in there (auth_time), so this proves nothing. Use a password, a \
             passkey or an authenticator app of this server; whoever runs it can send you a link to set a password.",
        ));
    };
    if now.since(proved_at) >= FRESH_FOR {
        return Err(Failure::NotAllowed("The provider did not ask who you are. Sign in there again."));
    }
    let identity = providers::identity_of(returned.provider, &returned.person);
    match store.step_up_at_provider(&secret, holder.0, &identity).await {
        Ok(secret) => {
            with_session(state, &secret, Redirect::to(local(&returned.sign_in.return_to)).into_response())
        }
        Err(SignInError::Fault(fault)) => Err(fault.into()),
        Err(_) => Err(Failure::NotAllowed("That is not your account at the provider. Nothing was done.")),
    }
}

/// The session that is in this browser, if it is the one in which this was begun; and the store, acting for its owner.
async fn same_session(
    state: &AppState,
    visitor: &Visitor,
    headers: &HeaderMap,
    (user, session): (UserId, &SessionId),
) -> Result<(SessionSecret, Store), Failure> {
    const OTHER: Failure = Failure::NotAllowed(
        "The session in which this was begun is over, or is another person's. Begin again.",
    );
    let secret = session_cookie::read(headers, state.config.is_https()).ok_or(OTHER)?;
    let actor = actor_of(headers, None, state).await?.ok_or(OTHER)?;
    let Actor { caller: access::Caller::User { id, via: Via::Session(this), .. }, .. } = &actor else {
        return Err(OTHER);
    };
    if *id != user || this != session {
        return Err(OTHER);
    }
    Ok((secret, visitor.store.by(visitor.store.origin().as_who(Origin::of(&actor)))))
}

pub(crate) fn link_failure(error: LinkProviderError) -> Failure {
    match error {
        LinkProviderError::Fault(fault) => fault.into(),
        LinkProviderError::Unknown => Failure::NotFound,
        error => Failure::Conflict(crate::searching::sentence(&error.to_string())),
    }
}
