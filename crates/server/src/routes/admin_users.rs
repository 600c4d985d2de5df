//! `/admin/users`: the accounts, and inviting people.

use super::account_factors::keep_nowhere;
use crate::caller::{BySession, SteppedUp};
use crate::failure::Failure;
use crate::links::percent;
use crate::searching::sentence;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use access::{LinkSecret, Role, SecondFactor, UserName};
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use std::time::Duration;
use store::{AccountState, CreateUserError, LinkKind, UserFilter, UserOverview};

/// Accounts on a page.
const N_PAGE: u32 = 100;
/// How long an invitation or a reset link works.
pub(crate) const LINK_VALID_FOR: Duration = Duration::from_secs(3 * 24 * 60 * 60);

#[derive(Template)]
#[template(path = "admin_users.html")]
struct UsersPage {
    shell: Shell,
    users: Vec<UserRow>,
    filter: String,
    /// What else the list is narrowed to, by the words of the form.
    state: String,
    role: String,
    factor: String,
    /// Every role there is.
    roles: Vec<String>,
    is_filtered: bool,
    next: Option<String>,
    form: InviteForm,
    fault: Option<String>,
    link: Option<LinkView>,
}

/// An account as a row.
pub(crate) struct UserRow {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) role: &'static str,
    pub(crate) state: &'static str,
    /// `ready`, `busy` or `error`.
    pub(crate) state_class: &'static str,
    pub(crate) second_factor: bool,
    pub(crate) last_used: Option<Moment>,
    pub(crate) created: Moment,
}

/// A link to hand to somebody.
pub(crate) struct LinkView {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) days: u64,
}

/// What the address says.
#[derive(Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    filter: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    factor: String,
    #[serde(default)]
    after: String,
}

impl Asked {
    /// What the store is asked for; a word that the form does not offer narrows nothing.
    fn filter(&self) -> UserFilter {
        UserFilter {
            part: self.filter.clone(),
            state: match self.state.as_str() {
                "active" => Some(AccountState::Active),
                "invited" => Some(AccountState::Invited),
                "shut" => Some(AccountState::Shut),
                _ => None,
            },
            role: (!self.role.is_empty()).then(|| self.role.clone()),
            has_factor: match self.factor.as_str() {
                "yes" => Some(true),
                "no" => Some(false),
                _ => None,
            },
        }
    }

    fn next(&self, last: &str) -> String {
        let [filter, state, role, factor] = [&self.filter, &self.state, &self.role, &self.factor]
            .map(|text| percent::encode(text.as_bytes()));
        format!("/admin/users?filter={filter}&state={state}&role={role}&factor={factor}&after={last}")
    }
}

/// The form.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InviteForm {
    name: String,
    #[serde(default)]
    role: String,
}

impl UserRow {
    pub(crate) fn new(one: UserOverview, now_ms: i64) -> Self {
        let (state, state_class) = match (one.user.disabled_at, one.has_password, one.link) {
            (Some(_), ..) => ("shut", "error"),
            (None, false, Some((LinkKind::Invitation, _))) => ("invited", "busy"),
            (None, true, Some((LinkKind::Reset, _))) => ("reset link open", "busy"),
            (None, true, _) => ("active", "ready"),
            (None, false, _) => ("no password", "busy"),
        };
        UserRow {
            url: format!("/admin/users/{}", one.user.name),
            name: one.user.name.to_string(),
            role: role_word(one.user.role),
            state,
            state_class,
            second_factor: one.second_factor == SecondFactor::Enrolled,
            last_used: one.last_used_at.map(|at| Moment::new(now_ms, at.0)),
            created: Moment::new(now_ms, one.user.created_at.0),
        }
    }
}

impl LinkView {
    /// The whole address: under the public one, or the one that the administrator sees.
    pub(crate) fn new(state: &AppState, headers: &HeaderMap, name: &UserName, secret: &LinkSecret) -> Self {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        let base = match &state.config.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{host}"),
        };
        let days = LINK_VALID_FOR.as_secs() / (24 * 60 * 60);
        LinkView { name: name.to_string(), url: format!("{base}/link/{}", secret.reveal()), days }
    }
}

pub(crate) fn role_word(role: Role) -> &'static str {
    role.as_str()
}

/// The role that a form names; member where it names none.
pub(crate) fn role_of(word: &str) -> Result<Role, Failure> {
    match word {
        "" | "member" => Ok(Role::Member),
        "administrator" => Ok(Role::Administrator),
        _ => Err(Failure::BadRequest("There is no such role.".into())),
    }
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    by: BySession,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    render(&state, &by, asked, InviteForm::default(), None, None).await
}

/// Invites somebody. The link is shown this once.
pub(crate) async fn invite(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    headers: HeaderMap,
    Form(form): Form<InviteForm>,
) -> Result<Response, Failure> {
    let role = role_of(&form.role)?;
    let fault = match UserName::new(form.name.trim()) {
        Err(error) => error.to_string(),
        Ok(name) => match by.store.invite(name, role, LINK_VALID_FOR).await {
            Ok((user, secret)) => {
                let link = LinkView::new(&state, &headers, &user.name, &secret);
                let empty = InviteForm::default();
                return render(&state, &by, Asked::default(), empty, None, Some(link)).await;
            }
            Err(CreateUserError::Fault(fault)) => return Err(fault.into()),
            Err(error) => error.to_string(),
        },
    };
    let page = render(&state, &by, Asked::default(), form, Some(sentence(&fault)), None).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn render(
    state: &AppState,
    by: &BySession,
    asked: Asked,
    form: InviteForm,
    fault: Option<String>,
    link: Option<LinkView>,
) -> Result<Response, Failure> {
    let after = UserName::new(&asked.after).ok();
    let found = state.store.user_overviews(&asked.filter(), after.as_ref(), N_PAGE).await?;
    let is_last = found.len() < N_PAGE as usize;
    let now_ms = state.now_ms();
    let users: Vec<UserRow> = found.into_iter().map(|one| UserRow::new(one, now_ms)).collect();
    let built_in = ["member", "administrator", "auditor"].map(str::to_owned);
    let custom = state.store.custom_roles().await?;
    let next = users.last().filter(|_| !is_last);
    let page = UsersPage {
        shell: by.caller.shell("Users", "admin-users"),
        next: next.map(|last| asked.next(&last.name)),
        users,
        is_filtered: asked.filter() != UserFilter::default(),
        roles: built_in.into_iter().chain(custom.iter().map(|role| role.name.as_str().to_owned())).collect(),
        filter: asked.filter,
        state: asked.state,
        role: asked.role,
        factor: asked.factor,
        form,
        fault,
        link,
    };
    let mut response = Html(page.render().map_err(Failure::internal)?).into_response();
    if page.link.is_some() {
        keep_nowhere(&mut response);
    }
    Ok(response)
}
