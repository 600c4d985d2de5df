//! `/admin/access/<name>`: what somebody can see and why; `/account/access`: the same of oneself.

use super::admin_permissions::{Listed, N_ROWS, ReasonView, access_link, encoded, reads_word, user_named};
use crate::caller::BySession;
use crate::failure::Failure;
use crate::links::repo_link;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use access::{Actor, Capability, Role};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Response};
use model::{RepoName, UserId};
use store::{AccessReason, ReadableRepo};

#[derive(Template)]
#[template(path = "admin_access_user.html")]
struct UserPage {
    shell: Shell,
    name: String,
    /// Where the account is looked after, for those who may.
    account_url: Option<String>,
    /// `The account is shut`, `Auditors read no code`, or nothing.
    remark: &'static str,
    groups: Vec<String>,
    identities: Vec<IdentityRow>,
    repos: Vec<RepoRow>,
    filter: String,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "account_access.html")]
struct OwnPage {
    shell: Shell,
    remark: &'static str,
    groups: Vec<String>,
    identities: Vec<IdentityRow>,
    repos: Vec<RepoRow>,
    n_repos: u64,
    filter: String,
    next: Option<String>,
}

/// An account at a code host.
pub(crate) struct IdentityRow {
    pub(crate) host: String,
    pub(crate) host_id: String,
    pub(crate) login: String,
    pub(crate) account: String,
    pub(crate) linked: Moment,
}

/// A repository and why.
struct RepoRow {
    name: String,
    url: String,
    reads: &'static str,
    class: &'static str,
    /// The person, where rules leave them some paths: what exactly.
    rules_url: Option<String>,
    reasons: Vec<ReasonView>,
}

/// The page about somebody.
pub(crate) async fn page(
    State(state): State<AppState>,
    by: BySession,
    Path(name): Path<String>,
    Query(listed): Query<Listed>,
) -> Result<Response, Failure> {
    let user = user_named(&state, &name).await?;
    by.caller.notes.add("account", user.name.to_string());
    let now_ms = state.now_ms();
    let after = RepoName::new(&listed.after).ok();
    let (repos, goes_on) = state.store.readable_page(user.id, &listed.filter, after.as_ref(), N_ROWS).await?;
    let can_read = user.disabled_at.is_none() && user.role != Role::Auditor;
    let base = format!("/admin/access/{}", user.name);
    let last = repos.last().filter(|_| goes_on).map(|last| last.name.to_string());
    let row = |one: ReadableRepo| {
        let reads = can_read && one.reasons.iter().any(AccessReason::counts);
        let (reads, class) = reads_word(reads, one.has_path_rules);
        let rules = format!("/admin/rules?repo={}&as={}", encoded(one.name.as_str()), user.name);
        RepoRow {
            url: access_link(&one.name),
            name: one.name.to_string(),
            reads,
            class,
            rules_url: one.has_path_rules.then_some(rules),
            reasons: ReasonView::all(&one.reasons, now_ms),
        }
    };
    let page = UserPage {
        shell: by.caller.shell(&format!("What {} can see", user.name), "access"),
        account_url: by.caller.actor.is_administrator().then(|| format!("/admin/users/{}", user.name)),
        remark: remark(user.disabled_at.is_some(), user.role),
        groups: state.store.groups_of(user.id).await?.iter().map(ToString::to_string).collect(),
        identities: identities(&state, user.id, by.caller.actor.can(Capability::ManageHosts)).await?,
        next: last.map(|last| listed.next(&base, &last)),
        repos: repos.into_iter().map(row).collect(),
        filter: listed.filter.clone(),
        name: user.name.to_string(),
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

/// The page about oneself. SECURITY: only what the caller's set holds, and only reasons that count.
pub(crate) async fn own(
    State(state): State<AppState>,
    by: BySession,
    Query(listed): Query<Listed>,
) -> Result<Response, Failure> {
    let now_ms = state.now_ms();
    let after = RepoName::new(&listed.after).ok();
    let access = &by.caller.access;
    let (repos, goes_on) =
        state.store.readable_within(access, by.user, &listed.filter, after.as_ref(), N_ROWS).await?;
    let last = repos.last().filter(|_| goes_on).map(|last| last.name.to_string());
    let row = |one: ReadableRepo| {
        let (reads, class) = reads_word(true, one.has_path_rules);
        let reasons = one.reasons.iter().map(|reason| ReasonView::own(reason, now_ms)).collect();
        RepoRow {
            url: repo_link(&one.name, None),
            name: one.name.to_string(),
            reads,
            class,
            rules_url: None,
            reasons,
        }
    };
    let page = OwnPage {
        shell: by.caller.shell("What you can see", "own-access"),
        remark: remark(false, role_of(&by.caller.actor)),
        groups: state.store.groups_of(by.user).await?.iter().map(ToString::to_string).collect(),
        identities: identities(&state, by.user, false).await?,
        n_repos: access.n_repos(),
        next: last.map(|last| listed.next("/account/access", &last)),
        repos: repos.into_iter().map(row).collect(),
        filter: listed.filter.clone(),
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

fn role_of(actor: &Actor) -> Role {
    match &actor.caller {
        access::Caller::User { role, .. } => *role,
        access::Caller::LocalOperator => Role::Administrator,
    }
}

fn remark(is_shut: bool, role: Role) -> &'static str {
    match (is_shut, role) {
        (true, _) => "The account is shut: nothing of this counts.",
        (false, Role::Auditor) => "Auditors read no code, whatever was granted.",
        (false, _) => "",
    }
}

/// Somebody's accounts at code hosts; with where these are looked after.
pub(crate) async fn identities(
    state: &AppState,
    user: UserId,
    with_links: bool,
) -> Result<Vec<IdentityRow>, Failure> {
    let hosts = state.store.code_hosts().await?;
    let now_ms = state.now_ms();
    let row = |one: store::Identity| {
        let known = hosts.iter().find(|host| host.id == one.host);
        IdentityRow {
            host: known.map_or_else(|| one.host.to_string(), |host| host.name.clone()),
            host_id: if with_links { one.host.to_string() } else { String::new() },
            login: one.login,
            account: one.account.as_str().to_owned(),
            linked: Moment::new(now_ms, one.linked_at.0),
        }
    };
    Ok(state.store.identities_of(user).await?.into_iter().map(row).collect())
}
