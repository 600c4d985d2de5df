//! `/admin/service-accounts`: accounts that programs use, and their tokens.

use super::account_tokens::{LIVES, Made, TokenRow, scope_of};
use crate::caller::{BySession, SteppedUp};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::searching::sentence;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use access::{Timestamp, TokenId, UserName};
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use store::{ChangeUserError, CreateTokenError, CreateUserError, NewToken, ServiceAccount};

#[derive(Template)]
#[template(path = "admin_service.html")]
struct ServicePage {
    shell: Shell,
    accounts: Vec<AccountRow>,
    lives: [u16; 5],
    made: Option<Made>,
    fault: Option<String>,
}

/// A service account with its tokens.
struct AccountRow {
    name: String,
    owner: String,
    is_disabled: bool,
    created: Moment,
    base: String,
    tokens: Vec<TokenRow>,
}

/// The page.
pub(crate) async fn page(State(state): State<AppState>, by: BySession) -> Result<Response, Failure> {
    render(&state, &by, None, None).await
}

/// Makes a service account.
pub(crate) async fn create(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Form(fields): Form<Fields>,
) -> Result<Response, Failure> {
    let fields = fields.only(&["name"], &[])?;
    let name = match UserName::new(fields.one("name")) {
        Ok(name) => name,
        Err(error) => return refuse(&state, &by, &error.to_string()).await,
    };
    match by.caller.acting(&state).store.create_service_account(&name).await {
        Ok(_) => Ok(Redirect::to("/admin/service-accounts").into_response()),
        Err(CreateUserError::Fault(fault)) => Err(fault.into()),
        Err(error) => refuse(&state, &by, &error.to_string()).await,
    }
}

/// Does something with a service account: `token` makes one, `disable` and `enable` shut and open it.
pub(crate) async fn act(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Path((name, act)): Path<(String, String)>,
    Form(fields): Form<Fields>,
) -> Result<Response, Failure> {
    let account = find(&state, &name).await?;
    match act.as_str() {
        "token" => make_token(&state, &by, &account, fields).await,
        "disable" | "enable" => {
            fields.only(&[], &[])?;
            let store = by.caller.acting(&state).store;
            match store.set_disabled(account.id, act == "disable").await {
                Ok(()) => Ok(Redirect::to("/admin/service-accounts").into_response()),
                Err(ChangeUserError::Fault(fault)) => Err(fault.into()),
                Err(error) => refuse(&state, &by, &error.to_string()).await,
            }
        }
        _ => Err(Failure::NotFound),
    }
}

/// Revokes a token of a service account.
pub(crate) async fn revoke(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Path((name, id)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let account = find(&state, &name).await?;
    let id = TokenId(id.replace('\0', ""));
    match by.caller.acting(&state).store.revoke_token(account.id, &id).await? {
        true => Ok(Redirect::to("/admin/service-accounts").into_response()),
        false => Err(Failure::NotFound),
    }
}

/// SECURITY: service accounts only; a person's account is as unknown here as an invented one.
async fn find(state: &AppState, name: &str) -> Result<ServiceAccount, Failure> {
    let name = UserName::new(name).map_err(|_| Failure::NotFound)?;
    state.store.service_account(&name).await?.ok_or(Failure::NotFound)
}

async fn make_token(
    state: &AppState,
    by: &BySession,
    account: &ServiceAccount,
    fields: Fields,
) -> Result<Response, Failure> {
    let fields = fields.only(&["label", "days", "repos", "addresses"], &["verb"])?;
    let scope = match scope_of(state, &by.caller, &fields).await? {
        Ok(scope) => scope,
        Err(fault) => return refuse(state, by, &fault).await,
    };
    let new = NewToken { user: account.id, label: fields.one("label").to_owned(), scope };
    match by.caller.acting(state).store.create_token(new).await {
        Ok((token, info)) => {
            let label = format!("{} {}", account.name, info.label);
            render(state, by, Some(Made { secret: token.reveal().to_owned(), label }), None).await
        }
        Err(CreateTokenError::Fault(fault)) => Err(fault.into()),
        Err(refusal) => refuse(state, by, &refusal.to_string()).await,
    }
}

async fn refuse(state: &AppState, by: &BySession, fault: &str) -> Result<Response, Failure> {
    let mut page = render(state, by, None, Some(sentence(fault))).await?;
    *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(page)
}

async fn render(
    state: &AppState,
    by: &BySession,
    made: Option<Made>,
    fault: Option<String>,
) -> Result<Response, Failure> {
    let now = Timestamp(state.now_ms());
    let mut accounts = Vec::new();
    for account in state.store.service_accounts().await? {
        let tokens = state.store.tokens_of(account.id).await?;
        accounts.push(AccountRow {
            base: format!("/admin/service-accounts/{}/tokens", account.name),
            name: account.name.to_string(),
            owner: account.owner.unwrap_or_else(|| "nobody".into()),
            is_disabled: account.disabled_at.is_some(),
            created: Moment::new(now.0, account.created_at.0),
            tokens: tokens.into_iter().map(|token| TokenRow::new(token, now)).collect(),
        });
    }
    let shell = by.caller.shell("Service accounts", "service-accounts");
    let page =
        Html(ServicePage { shell, accounts, lives: LIVES, made, fault }.render().map_err(Failure::internal)?);
    Ok(([(header::CACHE_CONTROL, "no-store")], page).into_response())
}
