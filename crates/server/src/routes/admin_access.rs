//! `/admin/access`: who can see a repository and why, and changing it there.

use super::admin_permissions::{
    Listed, N_ROWS, ReasonView, Said, access_link, acknowledged, encoded, group_named, reads_word,
    repo_named, user_named,
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
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use model::RepoName;
use store::{AccessReason, Fault, Given, GrantError, GroupError, RepoReader, RepoSharing, SharedRepo, Who};

#[derive(Template)]
#[template(path = "admin_access.html")]
struct AccessPage {
    shell: Shell,
    repos: Vec<SharingRow>,
    filter: String,
    next: Option<String>,
}

/// A repository as a row.
struct SharingRow {
    name: String,
    url: String,
    host: String,
    unrestricted: bool,
    n_accounts: u64,
    n_groups: u64,
    n_pending: u64,
    n_rules: u64,
}

#[derive(Template)]
#[template(path = "admin_access_repo.html")]
struct RepoPage {
    shell: Shell,
    name: String,
    rules_url: String,
    unrestricted: bool,
    /// What code hosts state about everyone.
    everyone: Vec<ReasonView>,
    groups: Vec<(String, u64, Moment)>,
    readers: Vec<ReaderRow>,
    waiting: Vec<String>,
    filter: String,
    next: Option<String>,
    said: Option<Said>,
    fault: Option<String>,
    who: String,
}

/// Somebody who may read it.
struct ReaderRow {
    name: String,
    url: String,
    /// `shut`, `auditor`, or nothing.
    remark: &'static str,
    reads: &'static str,
    class: &'static str,
    reasons: Vec<ReasonView>,
    is_granted: bool,
    last_opened: Option<Moment>,
    last_read: Option<Moment>,
}

impl SharingRow {
    fn new(one: RepoSharing) -> Self {
        SharingRow {
            url: access_link(&one.repo.name),
            name: one.repo.name.to_string(),
            host: one.host.unwrap_or_default(),
            unrestricted: one.repo.unrestricted,
            n_accounts: one.n_accounts,
            n_groups: one.n_groups,
            n_pending: one.n_pending,
            n_rules: one.n_rules,
        }
    }
}

impl ReaderRow {
    fn new(reader: RepoReader, now_ms: i64) -> Self {
        let (reads, class) = reads_word(reader.reads(), reader.has_path_rules);
        ReaderRow {
            url: format!("/admin/access/{}", reader.name),
            name: reader.name.to_string(),
            remark: match (reader.is_disabled, reader.is_auditor) {
                (true, _) => "the account is shut",
                (false, true) => "auditors read no code",
                (false, false) => "",
            },
            reads,
            class,
            is_granted: reader.reasons.iter().any(|reason| matches!(reason, AccessReason::Granted { .. })),
            reasons: ReasonView::all(&reader.reasons, now_ms),
            last_opened: reader.last_opened_at.map(|at| Moment::new(now_ms, at.0)),
            last_read: reader.last_read_at.map(|at| Moment::new(now_ms, at.0)),
        }
    }
}

/// The page: all repositories, or one where the address names it.
pub(crate) async fn page(
    State(state): State<AppState>,
    by: BySession,
    Query(listed): Query<Listed>,
) -> Result<Response, Failure> {
    if !listed.repo.is_empty() {
        let repo = repo_named(&state, &listed.repo).await?;
        return render_repo(&state, &by, repo, &listed, None).await;
    }
    let after = RepoName::new(&listed.after).ok();
    let mut repos = state.store.repo_sharing(&listed.filter, after.as_ref(), N_ROWS + 1).await?;
    let goes_on = repos.len() > N_ROWS;
    repos.truncate(N_ROWS);
    let last = repos.last().filter(|_| goes_on);
    let page = AccessPage {
        shell: by.caller.shell("Who sees what", "access"),
        next: last.map(|last| listed.next("/admin/access", last.repo.name.as_str())),
        repos: repos.into_iter().map(SharingRow::new).collect(),
        filter: listed.filter.clone(),
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

/// One of the buttons of a repository's page.
pub(crate) async fn act(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Form(fields): Form<Fields>,
) -> Result<Response, Failure> {
    let fields = fields.only(&["repo", "act", "who", "group"], &[])?;
    let repo = repo_named(&state, fields.one("repo")).await?;
    match change(&state, &by, &repo, &fields).await {
        Ok(done) => acknowledged(&state, &access_link(&repo.name), done).await,
        Err(Refusal::Failure(failure)) => Err(failure),
        Err(Refusal::Words(fault)) => {
            let refused = Some((fields.one("who").to_owned(), fault));
            let mut page = render_repo(&state, &by, repo, &Listed::default(), refused).await?;
            *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(page)
        }
    }
}

/// Why a form does nothing: for the page itself, or instead of it.
enum Refusal {
    Words(String),
    Failure(Failure),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Refusal::Failure(fault.into())
    }
}

impl From<GrantError> for Refusal {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::Fault(fault) => fault.into(),
            error => Refusal::Words(sentence(&error.to_string())),
        }
    }
}

impl From<GroupError> for Refusal {
    fn from(error: GroupError) -> Self {
        match error {
            GroupError::Fault(fault) => fault.into(),
            error => Refusal::Words(sentence(&error.to_string())),
        }
    }
}

/// What a form asks for, and the word for it.
async fn change(
    state: &AppState,
    by: &BySession,
    repo: &SharedRepo,
    fields: &Fields,
) -> Result<&'static str, Refusal> {
    let (store, repo) = (&by.store, repo.repo);
    let group =
        || group_named(fields.one("group")).map_err(|_| Refusal::Words("There is no such group.".into()));
    let who = || Who::parse(fields.one("who")).map_err(|error| Refusal::Words(sentence(&error)));
    match fields.one("act") {
        "grant" => Ok(match store.grant_to(repo, &who()?).await? {
            Given::Granted => "granted",
            Given::Waits => "waits",
        }),
        "revoke" => {
            let user = user_named(state, fields.one("who")).await.map_err(Refusal::Failure)?;
            store.revoke(repo, user.id).await?;
            Ok("revoked")
        }
        "forget" => {
            store.forget_pending(repo, &who()?).await?;
            Ok("revoked")
        }
        "grant-group" => {
            store.grant_to_group(&group()?, repo).await.map(|_| "granted").map_err(Refusal::from)
        }
        "revoke-group" => {
            store.revoke_from_group(&group()?, repo).await.map(|_| "revoked").map_err(Refusal::from)
        }
        "open" => store.set_unrestricted(repo, true).await.map(|_| "opened").map_err(Refusal::from),
        "close" => store.set_unrestricted(repo, false).await.map(|_| "revoked").map_err(Refusal::from),
        _ => Err(Refusal::Failure(Failure::NotFound)),
    }
}

async fn render_repo(
    state: &AppState,
    by: &BySession,
    repo: SharedRepo,
    listed: &Listed,
    refused: Option<(String, String)>,
) -> Result<Response, Failure> {
    let now_ms = state.now_ms();
    by.caller.notes.add("repository", repo.name.to_string());
    let after = UserName::new(&listed.after).ok();
    let audience = state.store.audience(repo.repo, &listed.filter, after.as_ref(), N_ROWS).await?;
    let everyone = state.store.stated_for_everyone(repo.repo).await?;
    let groups = state.store.groups_of_repo(repo.repo).await?;
    let (who, fault) = refused.unzip();
    let here = Listed { repo: repo.name.to_string(), filter: listed.filter.clone(), ..Listed::default() };
    let page = RepoPage {
        shell: by.caller.shell(&format!("Who can see {}", repo.name), "access"),
        rules_url: format!("/admin/rules?repo={}", encoded(repo.name.as_str())),
        name: repo.name.to_string(),
        unrestricted: repo.unrestricted,
        everyone: ReasonView::all(
            &everyone.into_iter().map(AccessReason::Stated).collect::<Vec<_>>(),
            now_ms,
        ),
        groups: groups
            .into_iter()
            .map(|(group, n_members, at)| (group.to_string(), n_members, Moment::new(now_ms, at.0)))
            .collect(),
        next: audience.next.map(|last| here.next("/admin/access", last.as_str())),
        readers: audience.readers.into_iter().map(|reader| ReaderRow::new(reader, now_ms)).collect(),
        waiting: state.store.pending_users(repo.repo).await?.iter().map(Who::to_string).collect(),
        filter: listed.filter.clone(),
        said: listed.said(),
        fault,
        who: who.unwrap_or_default(),
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}
