//! The version of a file before or after the one that is shown: `/r/<repo>[@rev]/-/version/<path>?to=before`, which leads there.
//!
//! Which one it is, is found out when somebody wants to go, not for every page: it means a walk over the history.

use crate::caller::Caller;
use crate::failure::Failure;
use crate::git_access;
use crate::links::{RepoAddress, path_link, query_value, with_query};
use crate::readable::Readable;
use crate::state::AppState;
use axum::response::{IntoResponse, Redirect, Response};
use git::{LogAsked, LogEntry, LogFilter};
use model::ObjectId;
use search::Watch;
use store::Repository;

/// How many versions after the one that is shown are looked through.
const N_VERSIONS_MAX: usize = 10_000;

/// The addresses of both, for who may know the history.
pub(crate) struct Versions {
    pub(crate) before: String,
    pub(crate) after: String,
}

impl Versions {
    pub(crate) fn of(caller: &Caller, row: &Repository, address: &RepoAddress) -> Option<Self> {
        if caller.access.path_rules(row.id).is_some() {
            return None;
        }
        let url = path_link(&address.repo, address.rev.as_deref(), "version", &address.path);
        Some(Versions { before: with_query(&url, "to=before"), after: with_query(&url, "to=after") })
    }
}

/// Leads to the version; to the same one where there is none before or after it.
pub(crate) async fn go(
    state: AppState,
    caller: Caller,
    row: Repository,
    address: RepoAddress,
    query: Option<&str>,
) -> Result<Response, Failure> {
    let is_before = match query_value(query, "to").as_deref() {
        Some(b"before") => true,
        Some(b"after") => false,
        _ => return Err(Failure::NotFound),
    };
    let (asked, asked_row) = (address.clone(), row.clone());
    let read = move |repository: &Readable, watch: &Watch| match is_before {
        true => before(repository, &asked_row, &asked, watch),
        false => after(repository, &asked_row, &asked, watch),
    };
    let found =
        git_access::read_watched(&state, &caller.access, &row, crate::diff_view::TIME_MAX, read).await?;
    let url = match found {
        Some((commit, path)) => path_link(&address.repo, Some(&commit.to_string()), "blob", &path),
        None => path_link(&address.repo, address.rev.as_deref(), "blob", &address.path),
    };
    Ok(Redirect::to(&url).into_response())
}

type Version = Option<(ObjectId, Vec<u8>)>;

fn before(
    repository: &Readable,
    row: &Repository,
    address: &RepoAddress,
    watch: &Watch,
) -> Result<Version, Failure> {
    let tip = shown(repository, row, address)?;
    let log = versions(repository, tip, &address.path, 2, watch)?;
    Ok(log.into_iter().nth(1).map(|entry| (entry.commit.id, entry.path)))
}

fn after(
    repository: &Readable,
    row: &Repository,
    address: &RepoAddress,
    watch: &Watch,
) -> Result<Version, Failure> {
    let here = shown(repository, row, address)?;
    let Some(now) = versions(repository, here, &address.path, 1, watch)?.into_iter().next() else {
        return Ok(None);
    };
    let Some(tip) = repository.commit_of(row, None)? else { return Ok(None) };
    let newer = versions(repository, tip, &address.path, N_VERSIONS_MAX, watch)?;
    let at = newer.iter().position(|entry| entry.commit.id == now.commit.id);
    let next = at.and_then(|at| at.checked_sub(1)).and_then(|at| newer.into_iter().nth(at));
    Ok(next.map(|entry| (entry.commit.id, entry.path)))
}

/// The commit that is shown. SECURITY: versions are history, which a reader of a part may not know.
fn shown(repository: &Readable, row: &Repository, address: &RepoAddress) -> Result<ObjectId, Failure> {
    repository.whole()?;
    Ok(repository.locate(row, address)?.ok_or(Failure::NotFound)?.commit)
}

/// The commits at which the file changed and was still there, the newest first.
fn versions(
    repository: &Readable,
    tip: ObjectId,
    path: &[u8],
    n_max: usize,
    watch: &Watch,
) -> Result<Vec<LogEntry>, Failure> {
    let asked = LogAsked { tip, path, follows: true, filter: LogFilter::default(), n_skipped: 0, n_max };
    let reader = repository.whole()?.reader();
    let log = reader.log(&asked, &|| watch.stop().is_some()).map_err(|_| Failure::NotFound)?;
    Ok(log.entries.into_iter().filter(|entry| entry.new.is_some()).collect())
}
