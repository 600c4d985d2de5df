//! The jobs that keep repositories in step.

use model::RepoId;
use serde::{Deserialize, Serialize};
use store::{ClaimedJob, NewJob, Repository, Source, Timestamp};

/// Bring a repository and its index up to date.
pub(crate) const KIND: &str = "index";

/// The other kind: build the next slice of a repository's history.
pub(crate) const HISTORY_KIND: &str = "history";

/// What somebody waits for runs before what is due by schedule.
const PRIORITY_SOON: i32 = 10;
const PRIORITY_SCHEDULED: i32 = 0;
const PRIORITY_HISTORY: i32 = -10;
/// A damaged index answers nothing until it is rebuilt.
const PRIORITY_REBUILD: i32 = 20;

/// What a job says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Payload {
    /// Build from git alone, whatever segments there are.
    pub(crate) rebuild: bool,
    /// The time between fetches as of now, in seconds; 0 where none was chosen yet.
    pub(crate) fetch_seconds: u32,
}

impl Payload {
    pub(crate) fn of(value: &serde_json::Value) -> Self {
        serde_json::from_value(value.clone()).unwrap_or_default()
    }
}

/// A job for a repository that somebody waits for.
pub(crate) fn soon(repository: &Repository) -> NewJob {
    new_job(repository.id, &repository.source, Payload::default(), PRIORITY_SOON, None)
}

/// A job that builds an index from nothing.
pub(crate) fn rebuild(repo: RepoId, source: &Source) -> NewJob {
    new_job(repo, source, Payload { rebuild: true, ..Payload::default() }, PRIORITY_REBUILD, None)
}

/// A job that is due later.
pub(crate) fn scheduled(repository: &Repository, fetch_seconds: u32, at: Option<Timestamp>) -> NewJob {
    let payload = Payload { rebuild: false, fetch_seconds };
    new_job(repository.id, &repository.source, payload, PRIORITY_SCHEDULED, at)
}

/// A slice of a history. It names its repository in the payload alone, so that it may run beside the repository's other jobs.
pub(crate) fn history(repo: RepoId) -> NewJob {
    new_history(repo, false)
}

/// The first slice of a history that is built from nothing, whatever there is of it.
pub(crate) fn history_rebuild(repo: RepoId) -> NewJob {
    new_history(repo, true)
}

/// Whether a slice is the first of a history that is built from nothing.
pub(crate) fn is_rebuild(job: &ClaimedJob) -> bool {
    Payload::of(&job.payload).rebuild
}

fn new_history(repo: RepoId, rebuild: bool) -> NewJob {
    let key = if rebuild { "history-rebuild" } else { "history" };
    NewJob {
        kind: HISTORY_KIND.to_string(),
        repo: None,
        payload: serde_json::json!({ "repo": repo.0, "rebuild": rebuild }),
        priority: PRIORITY_HISTORY,
        dedupe_key: Some(format!("{key}:{}", repo.0)),
        host: None,
        run_after: None,
    }
}

/// The repository of a slice.
pub(crate) fn history_repo(job: &ClaimedJob) -> Option<RepoId> {
    job.payload.get("repo")?.as_u64()?.try_into().ok().map(RepoId)
}

fn new_job(
    repo: RepoId,
    source: &Source,
    payload: Payload,
    priority: i32,
    run_after: Option<Timestamp>,
) -> NewJob {
    let kind_of_key = if payload.rebuild { "rebuild" } else { "index" };
    NewJob {
        kind: KIND.to_string(),
        repo: Some(repo),
        payload: serde_json::json!({ "rebuild": payload.rebuild, "fetch_seconds": payload.fetch_seconds }),
        priority,
        dedupe_key: Some(format!("{kind_of_key}:{}", repo.0)),
        host: host_of(source),
        run_after,
    }
}

fn host_of(source: &Source) -> Option<String> {
    match source {
        Source::Local(_) => None,
        Source::Remote(url) => {
            let host = git::RemoteUrl::parse(url, crate::ALL_SCHEMES).ok()?.host().to_string();
            (!host.is_empty()).then_some(host)
        }
    }
}
