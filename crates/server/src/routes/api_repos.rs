//! `/api/v1/repos`: the repositories the caller may read, and how far each has come.

use crate::browse;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::format::{rfc3339, time_left};
use crate::links::RepoAddress;
use crate::links::query_value;
use crate::state::AppState;
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::Uri;
use mirror::{Phase, Progress};
use model::RepoName;
use search::Snapshot;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use store::{
    AboutChange, ChangeAboutError, ListRepositories, RepoCursor, RepoStatus, Repository, Source, Visibility,
};
use utoipa::ToSchema;

/// How many repositories a page holds where nothing is said.
const N_PAGE: u32 = 100;
/// How many it holds at most.
const N_PAGE_MAX: u32 = 1000;
/// How many names may be asked for at once.
const N_NAMES_MAX: usize = 50;

/// A page of repositories.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RepoList {
    pub(crate) repos: Vec<RepoState>,
    /// What to send as `cursor` for the next page; null on the last one.
    pub(crate) next: Option<String>,
}

/// A repository and how far it has come.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct RepoState {
    pub(crate) name: String,
    /// A sentence about it; empty where nobody wrote one.
    pub(crate) description: String,
    /// Its topics.
    pub(crate) topics: Vec<String>,
    /// Its keys; the value is empty where a key has none.
    pub(crate) metadata: BTreeMap<String, String>,
    /// `public` or `private`, as its host says.
    pub(crate) visibility: &'static str,
    pub(crate) fork: bool,
    pub(crate) archived: bool,
    /// The short name of the branch HEAD names.
    pub(crate) default_branch: Option<String>,
    /// How many branches and tags are indexed.
    pub(crate) refs: usize,
    /// `ready`, `indexing`, `cloning` or `error`.
    pub(crate) status: &'static str,
    /// How far the present work has come.
    pub(crate) progress: Option<ProgressShape>,
    /// How far its history was read; null before the first commits were.
    pub(crate) history: Option<HistoryShape>,
    /// 40 hexadecimal digits.
    pub(crate) indexed_commit: Option<String>,
    /// RFC 3339, UTC.
    pub(crate) indexed_at: Option<String>,
    /// Why the last attempt failed; an index from before still serves.
    pub(crate) error: Option<String>,
    /// The path of its page on this server.
    pub(crate) url: String,
    #[serde(skip)]
    pub(crate) indexed_at_ms: Option<i64>,
}

/// How far a history was read: messages come first, then changes, the newest commits first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct HistoryShape {
    /// How many commits branches and tags reach, or reached.
    pub(crate) commits: u32,
    /// Of how many of them changed lines can be searched.
    pub(crate) changes: u32,
}

/// How far some work has come.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ProgressShape {
    /// `cloning`, `fetching`, `walking`, `indexing` or `publishing`.
    pub(crate) phase: &'static str,
    /// From 0 to 100, once the end is known.
    pub(crate) percent: Option<u8>,
    files_done: u64,
    files_total: u64,
    bytes_done: u64,
    bytes_total: u64,
    bytes_per_second: u64,
    /// How long it will still take, for people; empty while unknown.
    pub(crate) left: String,
}

/// Lists repositories by name. `cursor` continues a list, `limit` sets the page's length, `name` (repeatable) asks for some
/// of them only.
#[utoipa::path(get, path = "/api/v1/repos", params(
    ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ("limit" = Option<u32>, Query, description = "1 to 1,000; 100 if not given"),
    ("name" = Option<Vec<String>>, Query, description = "only these repositories, at most 50")),
    responses((status = 200, description = "A page of repositories", body = RepoList)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<RepoList>, Failure> {
    let query = query.as_deref();
    let names = names(query);
    if !names.is_empty() {
        return Ok(Json(RepoList { repos: some(&state, &caller, &names).await?, next: None }));
    }
    let after = match text(query, "cursor") {
        Some(cursor) => Some(read_cursor(&cursor)?),
        None => None,
    };
    let limit = match text(query, "limit") {
        Some(limit) => limit.parse().map_err(|_| Failure::BadRequest("limit must be a number.".into()))?,
        None => N_PAGE,
    };
    let list = ListRepositories { after, limit: limit.clamp(1, N_PAGE_MAX) };
    let page = state.store.repositories(&caller.access, &list).await?;
    let snapshot = state.catalog.snapshot();
    let repos = page.repositories.iter().map(|row| RepoState::of(row, &state, &caller, &snapshot)).collect();
    Ok(Json(RepoList { repos, next: page.next.map(|next| write_cursor(&next)) }))
}

/// What to say of a repository; what is not sent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RepoChange {
    /// A sentence; null gives way to what the source says.
    #[serde(deserialize_with = "sent")]
    description: Option<Option<String>>,
    /// All of its topics.
    topics: Option<Vec<String>>,
    /// Keys to set, with their values (empty for none); null takes a key away.
    metadata: BTreeMap<String, Option<String>>,
    /// `public` or `private`.
    visibility: Option<String>,
    fork: Option<bool>,
    archived: Option<bool>,
}

/// Tells null from what was not sent.
fn sent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Changes what is said of a repository. Searches follow at once; nothing is indexed again.
#[utoipa::path(patch, path = "/api/v1/repos/{address}", request_body = RepoChange,
    params(("address" = String, Path, description = "`<repository>`")),
    responses((status = 200, description = "The repository", body = RepoState),
        (status = 404, description = "Not there, or not for the caller", body = crate::failure::Problem)))]
pub(crate) async fn describe(
    State(state): State<AppState>,
    caller: Caller,
    uri: Uri,
    Json(change): Json<RepoChange>,
) -> Result<Json<RepoState>, Failure> {
    let rest = uri.path().strip_prefix("/api/v1/repos/").unwrap_or("");
    let address = RepoAddress::parse(rest, uri.query()).ok_or(Failure::NotFound)?;
    // SECURITY: first whether the caller may know of it, then whether they may change it.
    let row = browse::row(&state, &caller, &address).await?;
    if !address.page.is_empty() {
        return Err(Failure::NotFound);
    }
    if !caller.actor.can(access::Capability::ManageRepositories) {
        return Err(Failure::NotAllowed("Your role does not allow changing what is said of a repository."));
    }
    let changed = caller.acting(&state).store.change_about(row.id, &change.into_change()?).await;
    let row = changed.map_err(|error| match error {
        ChangeAboutError::Unknown => Failure::NotFound,
        ChangeAboutError::Fault(fault) => fault.into(),
        other => Failure::BadRequest(crate::searching::sentence(&other.to_string())),
    })?;
    state.catalog.describe([(row.id, &row.name, mirror::said_of(&row))]);
    tracing::info!(repo = %row.name, user = caller.actor.name(), "what is said of a repository was changed");
    Ok(Json(RepoState::of(&row, &state, &caller, &state.catalog.snapshot())))
}

impl RepoChange {
    fn into_change(self) -> Result<AboutChange, Failure> {
        let visibility = match self.visibility.as_deref() {
            None => None,
            Some("public") => Some(Visibility::Public),
            Some("private") => Some(Visibility::Private),
            Some(_) => return Err(Failure::BadRequest("visibility is public or private.".into())),
        };
        let RepoChange { description, topics, metadata, fork, archived, .. } = self;
        Ok(AboutChange { description, topics, metadata, visibility, fork, archived })
    }
}

/// Every repository the caller may read, in order of name.
pub(crate) async fn all(state: &AppState, caller: &Caller) -> Result<Vec<RepoState>, Failure> {
    let snapshot = state.catalog.snapshot();
    let mut repos = Vec::new();
    let mut after = None;
    loop {
        let list = ListRepositories { after, limit: N_PAGE_MAX };
        let page = state.store.repositories(&caller.access, &list).await?;
        repos.extend(page.repositories.iter().map(|row| RepoState::of(row, state, caller, &snapshot)));
        after = match page.next {
            Some(next) => Some(next),
            None => return Ok(repos),
        };
    }
}

async fn some(state: &AppState, caller: &Caller, names: &[RepoName]) -> Result<Vec<RepoState>, Failure> {
    let snapshot = state.catalog.snapshot();
    let mut repos = Vec::new();
    for name in names {
        if let Some(row) = state.store.repository_by_name(&caller.access, name).await? {
            repos.push(RepoState::of(&row, state, caller, &snapshot));
        }
    }
    Ok(repos)
}

impl RepoState {
    pub(crate) fn of(row: &Repository, state: &AppState, caller: &Caller, snapshot: &Snapshot) -> Self {
        // A history is read in the background: the repository is as ready as before.
        let progress = state.board.of(&caller.access, row.id).filter(|one| one.phase != Phase::History);
        let index = snapshot.repo(&caller.access, row.name.as_str());
        let history = index.as_ref().and_then(|index| index.history.as_ref());
        let history =
            history.map(|history| HistoryShape { commits: history.n_commits(), changes: history.n_done() });
        let refs = index.map_or(0, |index| {
            let revisions = index.ref_table.revisions().iter();
            revisions.flat_map(|revision| &revision.refs).filter(|name| name.as_str() != "HEAD").count()
        });
        RepoState {
            name: row.name.to_string(),
            description: row.about.description.clone(),
            topics: row.about.topics.clone(),
            metadata: row.about.metadata.clone(),
            visibility: match row.visibility {
                Visibility::Public => "public",
                Visibility::Private => "private",
            },
            fork: row.fork,
            archived: row.archived,
            default_branch: row.default_branch.as_ref().map(|name| name.short().to_owned()),
            refs,
            status: status_of(row, progress.as_ref()),
            progress: progress.as_ref().map(ProgressShape::of),
            history,
            indexed_commit: row.indexed_commit.map(|commit| commit.to_string()),
            indexed_at: row.indexed_at.map(|moment| rfc3339(moment.0)),
            error: row.error.clone(),
            url: crate::links::repo_link(&row.name, None),
            indexed_at_ms: row.indexed_at.map(|moment| moment.0),
        }
    }
}

/// What is being done wins over what was last written down; a repository nobody has looked at yet waits for its first step.
fn status_of(row: &Repository, progress: Option<&Progress>) -> &'static str {
    match progress.map(|progress| progress.phase) {
        Some(Phase::Cloning) => return "cloning",
        Some(Phase::Walking | Phase::Indexing | Phase::Publishing) => return "indexing",
        Some(Phase::Fetching | Phase::Checking | Phase::History) | None => {}
    }
    match (row.status, &row.source) {
        (RepoStatus::Pending, Source::Remote(_)) => "cloning",
        (RepoStatus::Pending, Source::Local(_)) => "indexing",
        (status, _) => status.as_str(),
    }
}

impl ProgressShape {
    pub(crate) fn of(progress: &Progress) -> Self {
        ProgressShape {
            phase: progress.phase.as_str(),
            percent: progress.fraction().map(|fraction| (fraction.clamp(0.0, 1.0) * 100.0) as u8),
            files_done: progress.files_done,
            files_total: progress.files_total,
            bytes_done: progress.bytes_done,
            bytes_total: progress.bytes_total,
            bytes_per_second: progress.bytes_per_second(),
            left: progress
                .time_left()
                .map_or(String::new(), |left| format!("{} left", time_left(left.as_secs()))),
        }
    }
}

/// A cursor holds the last name the caller saw, in hexadecimal so that nobody takes it for anything else.
pub(crate) fn write_cursor(cursor: &RepoCursor) -> String {
    cursor.0.as_str().bytes().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn read_cursor(text: &str) -> Result<RepoCursor, Failure> {
    let refused = || Failure::BadRequest("cursor must be what a page before said as next.".into());
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
    let name = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(refused)?;
    RepoName::new(name).map(RepoCursor).map_err(|_| refused())
}

fn names(query: Option<&str>) -> Vec<RepoName> {
    let pairs = query.unwrap_or("").split('&').filter(|pair| pair.starts_with("name="));
    let values = pairs.filter_map(|pair| query_value(Some(pair), "name"));
    let names = values.filter_map(|value| RepoName::new(String::from_utf8(value).ok()?).ok());
    names.take(N_NAMES_MAX).collect()
}

fn text(query: Option<&str>, key: &str) -> Option<String> {
    query_value(query, key).and_then(|value| String::from_utf8(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors() {
        let cursor = RepoCursor(RepoName::new("github.com/o/é").unwrap());
        assert_eq!(read_cursor(&write_cursor(&cursor)).unwrap(), cursor);
        for bad in ["", "0", "zz", "2f2f", "ff", "+1"] {
            assert!(read_cursor(bad).is_err(), "{bad}");
        }
    }
}
