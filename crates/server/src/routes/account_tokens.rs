//! `/account/tokens`: one's own API tokens, made, listed and revoked.

use crate::caller::{BySession, Caller, SteppedUp};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::searching::sentence;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use access::{RepoScope, Scope, Timestamp, TokenId, Verb, Verbs};
use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use model::{RepoId, RepoName};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::time::Duration;
use store::{CreateTokenError, NewToken, TokenInfo};

/// How long a token may live, in days, as the form offers it.
pub(crate) const LIVES: [u16; 5] = [1, 7, 30, 90, 365];
/// The life that is chosen where nobody chooses.
const LIFE_DEFAULT: u16 = 30;

#[derive(Template)]
#[template(path = "account_tokens.html")]
struct TokensPage {
    shell: Shell,
    tokens: Vec<TokenRow>,
    lives: [u16; 5],
    life: u16,
    may_administer: bool,
    made: Option<Made>,
    done: Option<&'static str>,
    fault: Option<String>,
    kept: Kept,
}

/// A token that was just made: shown this once.
pub(crate) struct Made {
    pub(crate) secret: String,
    pub(crate) label: String,
}

/// What stood in a form that was refused.
#[derive(Default)]
struct Kept {
    label: String,
    repos: String,
    addresses: String,
}

/// A token as a row.
pub(crate) struct TokenRow {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) verbs: String,
    pub(crate) repos: String,
    pub(crate) addresses: String,
    pub(crate) state: &'static str,
    pub(crate) is_valid: bool,
    pub(crate) expires: Option<Moment>,
    pub(crate) used: Option<Moment>,
}

impl TokenRow {
    pub(crate) fn new(token: TokenInfo, now: Timestamp) -> Self {
        let state = match () {
            () if token.revoked_at.is_some() => "revoked",
            () if token.scope.is_expired(now) => "expired",
            () => "valid",
        };
        let repos = match &token.scope.repos {
            RepoScope::All => "all".to_owned(),
            RepoScope::Only(repos) => crate::format::count(repos.len() as u64, "repository", "repositories"),
        };
        let networks: Vec<String> = token.scope.addresses.iter().map(ToString::to_string).collect();
        TokenRow {
            id: token.id.0,
            label: if token.label.is_empty() { "unnamed".into() } else { token.label },
            verbs: token.scope.verbs.to_string().replace(',', ", "),
            repos,
            addresses: if networks.is_empty() { "anywhere".into() } else { networks.join(", ") },
            state,
            is_valid: state == "valid",
            expires: token.scope.expires_at.map(|at| Moment::new(now.0, at.0)),
            used: token.last_used_at.map(|at| Moment::new(now.0, at.0)),
        }
    }
}

/// What has just been done.
#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    done: String,
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    by: BySession,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let done = (asked.done == "revoked").then_some("The token is revoked: it is refused from now on.");
    render(&state, &by, None, done, None, Kept::default()).await
}

/// Makes a token. SECURITY: only in a browser, freshly proved; so neither a stolen cookie nor a token makes tokens.
pub(crate) async fn create(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Form(fields): Form<Fields>,
) -> Result<Response, Failure> {
    let fields = fields.only(&["label", "days", "repos", "addresses"], &["verb"])?;
    let made = match scope_of(&state, &by.caller, &fields).await? {
        Ok(scope) => make(&state, &by, fields.one("label"), scope).await?,
        Err(fault) => Err(fault),
    };
    match made {
        Ok(made) => render(&state, &by, Some(made), None, None, Kept::default()).await,
        Err(fault) => {
            let field = |name| fields.one(name).to_owned();
            let kept = Kept { label: field("label"), repos: field("repos"), addresses: field("addresses") };
            let mut page = render(&state, &by, None, None, Some(sentence(&fault)), kept).await?;
            *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(page)
        }
    }
}

/// Revokes a token. SECURITY: one's own only; another person's is as unknown as an invented one.
pub(crate) async fn revoke(
    State(state): State<AppState>,
    by: BySession,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let state = by.caller.acting(&state);
    match state.store.revoke_token(by.user, &TokenId(id.replace('\0', ""))).await? {
        true => Ok(Redirect::to("/account/tokens?done=revoked").into_response()),
        false => Err(Failure::NotFound),
    }
}

async fn make(
    state: &AppState,
    by: &BySession,
    label: &str,
    scope: Scope,
) -> Result<Result<Made, String>, Failure> {
    let new = NewToken { user: by.user, label: label.to_owned(), scope };
    match by.caller.acting(state).store.create_token(new).await {
        Ok((token, info)) => Ok(Ok(Made { secret: token.reveal().to_owned(), label: info.label })),
        Err(CreateTokenError::Fault(fault)) => Err(fault.into()),
        Err(refusal) => Ok(Err(refusal.to_string())),
    }
}

/// The scope that a form asks for, or what is wrong with it.
pub(crate) async fn scope_of(
    state: &AppState,
    caller: &Caller,
    fields: &Fields,
) -> Result<Result<Scope, String>, Failure> {
    let verbs = match fields.all("verb").map(str::parse::<Verb>).collect::<Result<Vec<_>, _>>() {
        Ok(verbs) if verbs.is_empty() => return Ok(Err("choose what the token may be used for".into())),
        Ok(verbs) => Verbs::of(verbs),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let days = fields.one("days").parse::<u16>().ok().filter(|days| LIVES.contains(days));
    let Some(days) = days else { return Ok(Err("choose how long the token lives".into())) };
    let mut repos = BTreeSet::new();
    for name in fields.words("repos") {
        // SECURITY: looked up among what the caller may read: one answer for what is not there and what they may not see.
        match repo_of(state, caller, name).await? {
            Some(repo) => drop(repos.insert(repo)),
            None => return Ok(Err("one of the repositories is not there, or you may not read it".into())),
        }
    }
    let addresses = fields
        .words("addresses")
        .into_iter()
        .map(|text| text.parse().or_else(|_| text.parse::<std::net::IpAddr>().map(access::Network::from)));
    let Ok(addresses) = addresses.collect::<Result<Vec<access::Network>, _>>() else {
        return Ok(Err("write networks as 192.0.2.0/24 or 2001:db8::/32, one on a line".into()));
    };
    Ok(Ok(Scope {
        repos: if repos.is_empty() { RepoScope::All } else { RepoScope::Only(repos) },
        verbs,
        expires_at: Some(Timestamp(state.now_ms()).plus(Duration::from_secs(u64::from(days) * 86_400))),
        addresses,
    }))
}

async fn repo_of(state: &AppState, caller: &Caller, name: &str) -> Result<Option<RepoId>, Failure> {
    let Ok(name) = RepoName::new(name) else { return Ok(None) };
    Ok(state.store.repository_by_name(&caller.access, &name).await?.map(|row| row.id))
}

async fn render(
    state: &AppState,
    by: &BySession,
    made: Option<Made>,
    done: Option<&'static str>,
    fault: Option<String>,
    kept: Kept,
) -> Result<Response, Failure> {
    let now = Timestamp(state.now_ms());
    let tokens = state.store.tokens_of(by.user).await?;
    let page = TokensPage {
        shell: by.caller.shell("Your tokens", "tokens"),
        tokens: tokens.into_iter().map(|token| TokenRow::new(token, now)).collect(),
        lives: LIVES,
        life: LIFE_DEFAULT,
        may_administer: !by.caller.shell("", "").admin_pages.is_empty(),
        made,
        done,
        fault,
        kept,
    };
    let page = Html(page.render().map_err(Failure::internal)?);
    Ok(([(axum::http::header::CACHE_CONTROL, "no-store")], page).into_response())
}
