//! `/admin/groups`: groups of accounts, who is in them, and what they were granted.

use super::admin_permissions::{
    Listed, N_ROWS, Said, access_link, acknowledged, encoded, group_named, repo_named, user_named,
};
use crate::caller::{BySession, SteppedUp};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::searching::sentence;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use access::UserName;
use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use model::RepoName;
use serde::Deserialize;
use store::{Group, GroupError, GroupName};

#[derive(Template)]
#[template(path = "admin_groups.html")]
struct GroupsPage {
    shell: Shell,
    groups: Vec<GroupRow>,
    filter: String,
    next: Option<String>,
    said: Option<Said>,
    fault: Option<String>,
    name: String,
    description: String,
}

/// A group as a row.
struct GroupRow {
    name: String,
    url: String,
    description: String,
    n_members: u64,
    n_repos: u64,
}

#[derive(Template)]
#[template(path = "admin_group.html")]
struct GroupPage {
    shell: Shell,
    group: GroupRow,
    members: Vec<(String, String, Moment)>,
    members_filter: String,
    next_members: Option<String>,
    repos: Vec<(String, String, Moment)>,
    repos_filter: String,
    next_repos: Option<String>,
    said: Option<Said>,
    fault: Option<String>,
}

/// What the address of a group's page says: two lists, each with its part.
#[derive(Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    members: String,
    #[serde(default)]
    members_after: String,
    #[serde(default)]
    repos: String,
    #[serde(default)]
    repos_after: String,
    #[serde(default)]
    done: String,
}

impl GroupRow {
    fn new(group: Group) -> Self {
        GroupRow {
            url: format!("/admin/groups/{}", group.name),
            name: group.name.to_string(),
            description: group.description,
            n_members: group.n_members,
            n_repos: group.n_repos,
        }
    }
}

/// The page of all groups.
pub(crate) async fn page(
    State(state): State<AppState>,
    by: BySession,
    Query(listed): Query<Listed>,
) -> Result<Response, Failure> {
    render(&state, &by, &listed, None).await
}

/// Makes a group.
pub(crate) async fn create(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Form(fields): Form<Fields>,
) -> Result<Response, Failure> {
    let fields = fields.only(&["name", "description"], &[])?;
    let made = match GroupName::new(fields.one("name")) {
        Ok(name) => match by.store.create_group(&name, fields.one("description")).await {
            Ok(()) => return Ok(Redirect::to(&format!("/admin/groups/{name}")).into_response()),
            Err(GroupError::Fault(fault)) => return Err(fault.into()),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    };
    let mut page = render(&state, &by, &Listed::default(), Some((&fields, made))).await?;
    *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(page)
}

/// One group.
pub(crate) async fn one(
    State(state): State<AppState>,
    by: BySession,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    render_one(&state, &by, &group_named(&name)?, &asked, None).await
}

/// One of the buttons of a group.
pub(crate) async fn act(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Path(name): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Failure> {
    let group = group_named(&name)?;
    let fields = fields.only(&["act", "account", "repo", "name", "description"], &[])?;
    match change(&state, &by, &group, &fields).await {
        Ok((url, done)) => acknowledged(&state, &url, done).await,
        Err(GroupError::Fault(fault)) => Err(fault.into()),
        Err(error) => {
            let fault = match (&error, fields.one("act")) {
                (GroupError::Unknown, "add") => "There is no account of this name.".to_owned(),
                (GroupError::Unknown, "grant") => "There is no repository of this name.".to_owned(),
                (GroupError::Unknown, _) => return Err(Failure::NotFound),
                (error, _) => sentence(&error.to_string()),
            };
            let mut page = render_one(&state, &by, &group, &Asked::default(), Some(fault)).await?;
            *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(page)
        }
    }
}

/// What a form asks for, and where to go then with which word.
async fn change(
    state: &AppState,
    by: &BySession,
    group: &GroupName,
    fields: &Fields,
) -> Result<(String, &'static str), GroupError> {
    let here = format!("/admin/groups/{group}");
    let store = &by.store;
    let unknown = |_| GroupError::Unknown;
    match fields.one("act") {
        "rename" => {
            let name = GroupName::new(fields.one("name"))?;
            store.change_group_name(group, &name, fields.one("description")).await?;
            return Ok((format!("/admin/groups/{name}"), "saved"));
        }
        "remove" => {
            return match store.remove_group(group).await? {
                true => Ok(("/admin/groups".into(), "revoked")),
                false => Err(GroupError::Unknown),
            };
        }
        "add" | "drop" => {
            let user = user_named(state, fields.one("account")).await.map_err(unknown)?;
            return match fields.one("act") {
                "add" => store.add_member(group, user.id).await.map(|_| (here, "granted")),
                _ => store.remove_member(group, user.id).await.map(|_| (here, "revoked")),
            };
        }
        "grant" | "revoke" => {
            let repo = repo_named(state, fields.one("repo")).await.map_err(unknown)?;
            return match fields.one("act") {
                "grant" => store.grant_to_group(group, repo.repo).await.map(|_| (here, "granted")),
                _ => store.revoke_from_group(group, repo.repo).await.map(|_| (here, "revoked")),
            };
        }
        _ => {}
    }
    Err(GroupError::Unknown)
}

async fn render(
    state: &AppState,
    by: &BySession,
    listed: &Listed,
    refused: Option<(&Fields, String)>,
) -> Result<Response, Failure> {
    let after = GroupName::new(&listed.after).ok();
    let mut groups = state.store.groups_page(&listed.filter, after.as_ref(), N_ROWS + 1).await?;
    let goes_on = groups.len() > N_ROWS;
    groups.truncate(N_ROWS);
    let last = groups.last().filter(|_| goes_on);
    let field = |name| refused.as_ref().map_or(String::new(), |(fields, _)| fields.one(name).to_owned());
    let page = GroupsPage {
        shell: by.caller.shell("Groups", "groups"),
        next: last.map(|last| listed.next("/admin/groups", last.name.as_str())),
        groups: groups.into_iter().map(GroupRow::new).collect(),
        filter: listed.filter.clone(),
        said: listed.said(),
        name: field("name"),
        description: field("description"),
        fault: refused.as_ref().map(|(_, fault)| sentence(fault)),
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

async fn render_one(
    state: &AppState,
    by: &BySession,
    name: &GroupName,
    asked: &Asked,
    fault: Option<String>,
) -> Result<Response, Failure> {
    let group = GroupRow::new(state.store.group(name).await?.ok_or(Failure::NotFound)?);
    let now_ms = state.now_ms();
    let after = UserName::new(&asked.members_after).ok();
    let mut members = state.store.members_page(name, &asked.members, after.as_ref(), N_ROWS + 1).await?;
    let more_members = members.len() > N_ROWS;
    members.truncate(N_ROWS);
    let after = RepoName::new(&asked.repos_after).ok();
    let mut repos = state.store.repos_of_group_page(name, &asked.repos, after.as_ref(), N_ROWS + 1).await?;
    let more_repos = repos.len() > N_ROWS;
    repos.truncate(N_ROWS);
    let next = |list: &str, part: &str, last: String| {
        format!("{}?{list}={}&{list}_after={}#{list}", group.url, encoded(part), encoded(&last))
    };
    let last_member = members.last().filter(|_| more_members).map(|(name, _)| name.to_string());
    let last_repo = repos.last().filter(|_| more_repos).map(|(name, _)| name.to_string());
    let listed = Listed { done: asked.done.clone(), ..Listed::default() };
    let page = GroupPage {
        shell: by.caller.shell(&group.name, "groups"),
        next_members: last_member.map(|last| next("members", &asked.members, last)),
        next_repos: last_repo.map(|last| next("repos", &asked.repos, last)),
        members: members
            .into_iter()
            .map(|(name, at)| (name.to_string(), format!("/admin/access/{name}"), Moment::new(now_ms, at.0)))
            .collect(),
        members_filter: asked.members.clone(),
        repos: repos
            .into_iter()
            .map(|(name, at)| (name.to_string(), access_link(&name), Moment::new(now_ms, at.0)))
            .collect(),
        repos_filter: asked.repos.clone(),
        group,
        said: listed.said(),
        fault,
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}
