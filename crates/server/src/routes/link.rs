//! `/link/<secret>`: an invitation or a reset link: its owner sets a password, and signs in with it.

use crate::caller::{actor_of, theme_of};
use crate::failure::Failure;
use crate::providers::{self, ProviderButton};
use crate::routes::account_factors::keep_nowhere;
use crate::searching::sentence;
use crate::shell::Shell;
use crate::signing_in::go_on;
use crate::state::AppState;
use crate::visitor::Visitor;
use access::{LinkSecret, Password};
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use store::{AccountLink, LinkKind, ProviderPurpose, UseLinkError};

#[derive(Template)]
#[template(path = "link.html")]
struct LinkPage {
    shell: Shell,
    action: String,
    name: String,
    is_invitation: bool,
    n_chars_min: usize,
    providers: Vec<ProviderButton>,
    providers_at: String,
    providers_verb: &'static str,
    return_to: &'static str,
    fault: Option<String>,
}

/// The form. SECURITY: whose password it is, and what they may, is the link's affair, not the form's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    password: String,
    again: String,
    /// For programs that keep passwords. Not taken from the form.
    #[serde(default, rename = "username")]
    _username: String,
}

/// The page, as long as the link is valid. Afterwards it is an address like any other that leads nowhere.
pub(crate) async fn page(
    State(state): State<AppState>,
    Path(secret): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let (secret, link) = find(&state, &secret, &headers).await?;
    render(&state, &headers, &secret, &link, None)
}

/// The form. What is wrong with it leaves the link valid.
pub(crate) async fn submit(
    State(state): State<AppState>,
    visitor: Visitor,
    Path(secret): Path<String>,
    headers: HeaderMap,
    Form(form): Form<NewPassword>,
) -> Result<Response, Failure> {
    let (secret, link) = find(&state, &secret, &headers).await?;
    let fault = if form.password == form.again {
        match visitor.store.use_account_link(&secret, &Password::new(form.password)).await {
            // The second factor, where there is one, is asked for as after any password.
            Ok(user) => return go_on(&state, &visitor, &headers, &user, "/").await,
            Err(UseLinkError::Invalid) => return Err(Failure::NotFound),
            Err(UseLinkError::Fault(fault)) => return Err(fault.into()),
            Err(UseLinkError::Password(refusal)) => refusal.to_string(),
        }
    } else {
        "the two passwords are not the same".to_owned()
    };
    let page = render(&state, &headers, &secret, &link, Some(sentence(&fault)))?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// Accepts an invitation at an identity provider, in place of setting a password.
pub(crate) async fn at_provider(
    State(state): State<AppState>,
    visitor: Visitor,
    Path((secret, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let provider = providers::find(&state, &id)?;
    let (secret, link) = find(&state, &secret, &headers).await?;
    if link.kind != LinkKind::Invitation {
        return Err(Failure::NotFound);
    }
    let purpose = (ProviderPurpose::Accept(secret), "/");
    providers::send_there(&state, &visitor.store, &headers, provider, purpose).await
}

/// The link, for its owner. Whoever is signed in as somebody else is asked to sign out first: a link that was slipped to them
/// would otherwise change who they are without their noticing.
async fn find(
    state: &AppState,
    secret: &str,
    headers: &HeaderMap,
) -> Result<(LinkSecret, AccountLink), Failure> {
    let secret = LinkSecret::parse(secret).map_err(|_| Failure::NotFound)?;
    let link = state.store.account_link(&secret).await?.ok_or(Failure::NotFound)?;
    let actor = actor_of(headers, None, state).await?;
    match actor.and_then(|actor| actor.user_id()) {
        Some(user) if user != link.user.id => {
            Err(Failure::NotAllowed("This link is for another account. Sign out, and open it again."))
        }
        _ => Ok((secret, link)),
    }
}

fn render(
    state: &AppState,
    headers: &HeaderMap,
    secret: &LinkSecret,
    link: &AccountLink,
    fault: Option<String>,
) -> Result<Response, Failure> {
    let page = LinkPage {
        shell: Shell {
            title: "Your password · Sourcekeep".into(),
            theme: theme_of(headers),
            ..Shell::default()
        },
        action: format!("/link/{}", secret.reveal()),
        name: link.user.name.to_string(),
        is_invitation: link.kind == LinkKind::Invitation,
        n_chars_min: link.second_factor.n_password_chars_min(),
        // A reset link is for a lost password, and links nothing.
        providers: if link.kind == LinkKind::Invitation { providers::buttons(state) } else { Vec::new() },
        providers_at: format!("/link/{}/provider", secret.reveal()),
        providers_verb: "Accept with",
        return_to: "/",
        fault,
    };
    let mut response = Html(page.render().map_err(Failure::internal)?).into_response();
    keep_nowhere(&mut response);
    Ok(response)
}
