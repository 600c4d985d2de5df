//! `/admin/users/<name>`: one account, as administrators see and change it.

use super::account_factors::keep_nowhere;
use super::account_sessions::SessionRow;
use super::account_tokens::TokenRow;
use super::admin_access_user::{IdentityRow, identities};
use super::admin_permissions::{Listed, Said, acknowledged};
use super::admin_user_providers::{self, AccountThere};
use super::admin_users::{LINK_VALID_FOR, LinkView, UserRow, role_of};
use crate::caller::{BySession, SteppedUp};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::providers::{self, ProviderButton};
use crate::searching::sentence;
use crate::shell::Shell;
use crate::state::AppState;
use access::{AccountId, HostId, SessionId, Timestamp, TokenId, UserName};
use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use store::{Address, ChangeUserError, ConfirmAddressError, LinkError, User};

#[derive(Template)]
#[template(path = "admin_user.html")]
struct UserPage {
    shell: Shell,
    user: UserRow,
    is_shut: bool,
    is_self: bool,
    has_password: bool,
    has_link: bool,
    /// Their accounts at identity providers.
    there: Vec<AccountThere>,
    /// Where an account may be linked.
    providers: Vec<ProviderButton>,
    sessions: Vec<SessionRow>,
    tokens: Vec<TokenRow>,
    identities: Vec<IdentityRow>,
    addresses: Vec<String>,
    /// Code hosts that an account can be linked at.
    hosts: Vec<(String, String)>,
    said: Option<Said>,
    link: Option<LinkView>,
    fault: Option<String>,
    typed: Option<Fields>,
}

impl UserPage {
    /// What was typed in a field of a form that was refused.
    fn typed(&self, field: &str) -> &str {
        self.typed.as_ref().map_or("", |typed| typed.one(field))
    }
}

/// What is said besides of what was just done.
#[derive(Default)]
struct Shown {
    said: Option<Said>,
    link: Option<LinkView>,
    fault: Option<String>,
    /// What was typed and could not be done: it stays in the form.
    typed: Option<Fields>,
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    by: BySession,
    Path(name): Path<String>,
    Query(listed): Query<Listed>,
) -> Result<Response, Failure> {
    let user = find(&state, &name).await?;
    render(&state, &by, &user, Shown { said: listed.said(), ..Shown::default() }).await
}

/// One of the buttons.
pub(crate) async fn act(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Path((name, act)): Path<(String, String)>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Result<Response, Failure> {
    let user = find(&state, &name).await?;
    let expected = fields_of(&act)?;
    let fields = fields.only(expected, &[])?;
    if expected.iter().any(|name| *name != "login" && !fields.has(name)) {
        return Err(Failure::BadRequest("The form is not of the expected form.".into()));
    }
    let here = format!("/admin/users/{}", user.name);
    let store = &by.store;
    match act.as_str() {
        "role" => store.set_role(user.id, role_of(fields.one("role"))?).await.map_err(refusal)?,
        "shut" => {
            store.set_disabled(user.id, true).await.map_err(refusal)?;
            return acknowledged(&state, &here, "revoked").await;
        }
        "open" => store.set_disabled(user.id, false).await.map_err(refusal)?,
        "reset-factors" => store.reset_factors(user.id).await.map_err(refusal)?,
        "end-sessions" => drop(store.revoke_sessions(user.id, None).await?),
        "end-session" => {
            found(store.revoke_session(user.id, &SessionId(fields.one("session").to_owned())).await?)?;
        }
        "revoke-token" => {
            found(store.revoke_token(user.id, &TokenId(fields.one("token").to_owned())).await?)?;
        }
        "link-identity" | "unlink-identity" | "confirm-address" => {
            let said = identify(&by, &user, &act, &fields).await?;
            return linked(&state, &by, &user, fields, (said, &format!("{here}#identities"))).await;
        }
        "link-provider" | "unlink-provider" => {
            let said = admin_user_providers::act(&state, &by, &user, &act, &fields).await?;
            return linked(&state, &by, &user, fields, (said, &format!("{here}#providers"))).await;
        }
        "revoke-link" => drop(store.revoke_account_link(user.id).await.map_err(refusal)?),
        "link" => {
            let secret = store.create_account_link(user.id, LINK_VALID_FOR).await.map_err(refusal)?;
            let link = LinkView::new(&state, &headers, &user.name, &secret);
            return render(&state, &by, &user, Shown { link: Some(link), ..Shown::default() }).await;
        }
        _ => return Err(Failure::NotFound),
    }
    Ok(Redirect::to(&here).into_response())
}

/// The fields of an act's form: no other is taken.
fn fields_of(act: &str) -> Result<&'static [&'static str], Failure> {
    Ok(match act {
        "role" => &["role"],
        "end-session" => &["session"],
        "revoke-token" => &["token"],
        "link-identity" => &["host", "account", "login"],
        "unlink-identity" => &["host"],
        "confirm-address" => &["address"],
        "link-provider" => &["provider", "subject"],
        "unlink-provider" => &["issuer"],
        "shut" | "open" | "reset-factors" | "end-sessions" | "revoke-link" | "link" => &[],
        _ => return Err(Failure::NotFound),
    })
}

fn found(is_found: bool) -> Result<(), Failure> {
    if is_found { Ok(()) } else { Err(Failure::NotFound) }
}

/// Back to the page; or the page, with what was wrong.
async fn linked(
    state: &AppState,
    by: &BySession,
    user: &User,
    typed: Fields,
    (said, place): (Result<(), String>, &str),
) -> Result<Response, Failure> {
    let Err(fault) = said else { return acknowledged(state, place, "changed").await };
    let shown = Shown { fault: Some(sentence(&fault)), typed: Some(typed), ..Shown::default() };
    let mut page = render(state, by, user, shown).await?;
    *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(page)
}

/// Says which account at a code host, or which address, is theirs. The words say what is wrong.
async fn identify(
    by: &BySession,
    user: &User,
    act: &str,
    fields: &Fields,
) -> Result<Result<(), String>, Failure> {
    let host = HostId(fields.one("host").to_owned());
    let said = match act {
        "unlink-identity" => {
            found(by.store.unlink_identity(&host, user.id).await?)?;
            return Ok(Ok(()));
        }
        "confirm-address" => match Address::new(fields.one("address")) {
            Ok(address) => match by.store.confirm_address(user.id, &address).await {
                Err(ConfirmAddressError::Fault(fault)) => return Err(fault.into()),
                confirmed => confirmed.map_err(|error| error.to_string()),
            },
            Err(error) => Err(error.to_string()),
        },
        _ => match AccountId::new(fields.one("account")) {
            Some(account) => {
                match by.store.link_identity(&host, &account, user.id, fields.one("login")).await {
                    Err(LinkError::Fault(fault)) => return Err(fault.into()),
                    linked => linked.map_err(|error| error.to_string()),
                }
            }
            None => Err("write the account's identifier there, a number mostly".into()),
        },
    };
    Ok(said)
}

async fn find(state: &AppState, name: &str) -> Result<User, Failure> {
    let name = UserName::new(name).map_err(|_| Failure::NotFound)?;
    state.store.user_by_name(&name).await?.ok_or(Failure::NotFound)
}

fn refusal(error: ChangeUserError) -> Failure {
    match error {
        ChangeUserError::Fault(fault) => fault.into(),
        ChangeUserError::Unknown => Failure::NotFound,
        error => Failure::Conflict(sentence(&error.to_string())),
    }
}

async fn render(state: &AppState, by: &BySession, user: &User, shown: Shown) -> Result<Response, Failure> {
    let one = state.store.user_overview(&user.name).await?.ok_or(Failure::NotFound)?;
    let now_ms = state.now_ms();
    let sessions = state.store.sessions_of(user.id).await?;
    let tokens = state.store.tokens_of(user.id).await?;
    let hosts = state.store.code_hosts().await?;
    let page = UserPage {
        shell: by.caller.shell(user.name.as_str(), "admin-users"),
        is_shut: one.user.disabled_at.is_some(),
        is_self: user.id == by.user,
        has_password: one.has_password,
        has_link: one.link.is_some(),
        there: admin_user_providers::rows(state, user.id).await?,
        providers: providers::buttons(state),
        user: UserRow::new(one, now_ms),
        sessions: sessions.into_iter().map(|one| SessionRow::new(one, now_ms, Some(&by.session))).collect(),
        tokens: tokens.into_iter().map(|token| TokenRow::new(token, Timestamp(now_ms))).collect(),
        identities: identities(state, user.id, true).await?,
        addresses: state.store.addresses_of(user.id).await?.iter().map(ToString::to_string).collect(),
        hosts: hosts.into_iter().map(|host| (host.id.0, host.name)).collect(),
        said: shown.said,
        link: shown.link,
        fault: shown.fault,
        typed: shown.typed,
    };
    let mut response = Html(page.render().map_err(Failure::internal)?).into_response();
    if page.link.is_some() {
        keep_nowhere(&mut response);
    }
    Ok(response)
}
