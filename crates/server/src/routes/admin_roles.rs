//! `/admin/roles`: who looks after what, and custom roles.

use crate::caller::{BySession, SteppedUp};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::searching::sentence;
use crate::shell::Shell;
use crate::state::AppState;
use access::{Capabilities, Capability, Role, UserName};
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use store::{ChangeUserError, RoleChoice, RoleError, RoleName};

#[derive(Template)]
#[template(path = "admin_roles.html")]
struct RolesPage {
    shell: Shell,
    holders: Vec<HolderRow>,
    roles: Vec<RoleRow>,
    /// Every role that can be given, by the word of the form.
    choices: Vec<String>,
    capabilities: Vec<(&'static str, &'static str)>,
    fault: Option<String>,
}

/// Somebody who has a role.
struct HolderRow {
    name: String,
    role: String,
    may: String,
    is_disabled: bool,
    is_this: bool,
}

/// A role.
struct RoleRow {
    name: String,
    says: String,
    may: String,
    n_users: u64,
    is_custom: bool,
}

/// The page.
pub(crate) async fn page(State(state): State<AppState>, by: BySession) -> Result<Response, Failure> {
    render(&state, &by, None).await
}

/// Makes a custom role, or changes it.
pub(crate) async fn save(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Form(fields): Form<Fields>,
) -> Result<Response, Failure> {
    let fields = fields.only(&["name", "description"], &["may"])?;
    let capabilities = fields.all("may").map(str::parse::<Capability>).collect::<Result<Vec<_>, _>>();
    let capabilities = match capabilities {
        Ok(capabilities) => Capabilities::of(capabilities),
        Err(error) => return refuse(&state, &by, &error.to_string()).await,
    };
    let store = by.caller.acting(&state).store;
    let saved = match RoleName::new(fields.one("name")) {
        Ok(name) => store.save_role(&name, fields.one("description"), capabilities).await,
        Err(error) => Err(error),
    };
    answer(&state, &by, saved).await
}

/// Gives somebody a role.
pub(crate) async fn assign(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Form(fields): Form<Fields>,
) -> Result<Response, Failure> {
    let fields = fields.only(&["account", "role"], &[])?;
    let user = match UserName::new(fields.one("account")) {
        Ok(name) => state.store.user_by_name(&name).await?,
        Err(_) => None,
    };
    let Some(user) = user else { return refuse(&state, &by, "there is no account of this name").await };
    let choice = match fields.one("role") {
        "member" => RoleChoice::BuiltIn(Role::Member),
        "administrator" => RoleChoice::BuiltIn(Role::Administrator),
        "auditor" => RoleChoice::BuiltIn(Role::Auditor),
        name => match RoleName::new(name) {
            Ok(name) => RoleChoice::Named(name),
            Err(_) => return refuse(&state, &by, "there is no role of this name").await,
        },
    };
    match by.caller.acting(&state).store.set_role(user.id, choice).await {
        Ok(()) => Ok(Redirect::to("/admin/roles").into_response()),
        Err(ChangeUserError::Fault(fault)) => Err(fault.into()),
        Err(error) => refuse(&state, &by, &error.to_string()).await,
    }
}

/// Removes a custom role that nobody has.
pub(crate) async fn remove(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Path(name): Path<String>,
) -> Result<Response, Failure> {
    let name = RoleName::new(&name).map_err(|_| Failure::NotFound)?;
    match by.caller.acting(&state).store.remove_role(&name).await {
        Err(RoleError::Unknown) => Err(Failure::NotFound),
        removed => answer(&state, &by, removed).await,
    }
}

async fn answer(
    state: &AppState,
    by: &BySession,
    outcome: Result<(), RoleError>,
) -> Result<Response, Failure> {
    match outcome {
        Ok(()) => Ok(Redirect::to("/admin/roles").into_response()),
        Err(RoleError::Fault(fault)) => Err(fault.into()),
        Err(error) => refuse(state, by, &error.to_string()).await,
    }
}

async fn refuse(state: &AppState, by: &BySession, fault: &str) -> Result<Response, Failure> {
    let mut page = render(state, by, Some(sentence(fault))).await?;
    *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(page)
}

async fn render(state: &AppState, by: &BySession, fault: Option<String>) -> Result<Response, Failure> {
    let holders = state.store.role_holders().await?;
    let custom = state.store.custom_roles().await?;
    let built_in = [
        (Role::Member, "Uses the server."),
        (Role::Auditor, "Examines how the others behave, and reads no code, whatever was granted."),
        (Role::Administrator, "Looks after the server. Reads the code that was granted, like everyone."),
    ];
    let mut roles: Vec<RoleRow> = built_in
        .into_iter()
        .map(|(role, says)| RoleRow {
            name: role.as_str().into(),
            says: says.into(),
            may: spoken(role.capabilities()),
            n_users: holders.iter().filter(|holder| holder.role == role).count() as u64,
            is_custom: false,
        })
        .collect();
    roles.extend(custom.into_iter().map(|role| RoleRow {
        name: role.name.as_str().to_owned(),
        says: role.description,
        may: spoken(role.capabilities),
        n_users: role.n_users,
        is_custom: true,
    }));
    let page = RolesPage {
        shell: by.caller.shell("Roles", "roles"),
        holders: holders
            .into_iter()
            .map(|holder| HolderRow {
                name: holder.name.to_string(),
                role: holder.role_name,
                may: spoken(holder.role.capabilities()),
                is_disabled: holder.is_disabled,
                is_this: holder.user == by.user,
            })
            .collect(),
        choices: roles.iter().map(|role| role.name.clone()).collect(),
        roles,
        capabilities: Capability::ALL.iter().map(|one| (one.as_str(), one.says())).collect(),
        fault,
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

fn spoken(capabilities: Capabilities) -> String {
    match capabilities {
        Capabilities::NONE => "nothing beyond using the server".into(),
        Capabilities::ALL => "everything".into(),
        some => some.iter().map(Capability::says).collect::<Vec<_>>().join("; "),
    }
}
