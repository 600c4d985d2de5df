//! `/admin/users/<name>`: one account, as administrators see and change it.

use super::account_factors::keep_nowhere;
use super::account_sessions::SessionRow;
use super::admin_users::{LINK_VALID_FOR, LinkView, UserRow, role_of};
use crate::caller::{BySession, SteppedUp};
use crate::failure::Failure;
use crate::searching::sentence;
use crate::shell::Shell;
use crate::state::AppState;
use access::{SessionId, UserName};
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::{ChangeUserError, User};

#[derive(Template)]
#[template(path = "admin_user.html")]
struct UserPage {
    shell: Shell,
    user: UserRow,
    is_shut: bool,
    is_self: bool,
    has_password: bool,
    has_link: bool,
    sessions: Vec<SessionRow>,
    link: Option<LinkView>,
}

/// The forms of the page: each act has its own fields, and no other.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    session: Option<String>,
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    by: BySession,
    Path(name): Path<String>,
) -> Result<Response, Failure> {
    let user = find(&state, &name).await?;
    render(&state, &by, &user, None).await
}

/// One of the buttons.
pub(crate) async fn act(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Path((name, act)): Path<(String, String)>,
    headers: HeaderMap,
    Form(change): Form<Change>,
) -> Result<Response, Failure> {
    let user = find(&state, &name).await?;
    match (act.as_str(), change.role, change.session) {
        ("role", Some(role), None) => by.store.set_role(user.id, role_of(&role)?).await.map_err(refusal)?,
        ("shut", None, None) => by.store.set_disabled(user.id, true).await.map_err(refusal)?,
        ("open", None, None) => by.store.set_disabled(user.id, false).await.map_err(refusal)?,
        ("reset-factors", None, None) => by.store.reset_factors(user.id).await.map_err(refusal)?,
        ("end-sessions", None, None) => drop(by.store.revoke_sessions(user.id, None).await?),
        ("end-session", None, Some(session)) => {
            let ended = by.store.revoke_session(user.id, &SessionId(session)).await?;
            if !ended {
                return Err(Failure::NotFound);
            }
        }
        ("revoke-link", None, None) => drop(by.store.revoke_account_link(user.id).await.map_err(refusal)?),
        ("link", None, None) => {
            let secret = by.store.create_account_link(user.id, LINK_VALID_FOR).await.map_err(refusal)?;
            let link = LinkView::new(&state, &headers, &user.name, &secret);
            return render(&state, &by, &user, Some(link)).await;
        }
        (
            "role" | "shut" | "open" | "reset-factors" | "end-sessions" | "end-session" | "revoke-link"
            | "link",
            ..,
        ) => {
            return Err(Failure::BadRequest("The form is not of the expected form.".into()));
        }
        _ => return Err(Failure::NotFound),
    }
    Ok(Redirect::to(&format!("/admin/users/{}", user.name)).into_response())
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

async fn render(
    state: &AppState,
    by: &BySession,
    user: &User,
    link: Option<LinkView>,
) -> Result<Response, Failure> {
    let one = state.store.user_overview(&user.name).await?.ok_or(Failure::NotFound)?;
    let now_ms = state.now_ms();
    let sessions = state.store.sessions_of(user.id).await?;
    let page = UserPage {
        shell: by.caller.shell(user.name.as_str(), "admin-users"),
        is_shut: one.user.disabled_at.is_some(),
        is_self: user.id == by.user,
        has_password: one.has_password,
        has_link: one.link.is_some(),
        user: UserRow::new(one, now_ms),
        sessions: sessions.into_iter().map(|one| SessionRow::new(one, now_ms, Some(&by.session))).collect(),
        link,
    };
    let mut response = Html(page.render().map_err(Failure::internal)?).into_response();
    if page.link.is_some() {
        keep_nowhere(&mut response);
    }
    Ok(response)
}
