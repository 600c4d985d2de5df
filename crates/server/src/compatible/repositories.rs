//! Repositories as the compatible interfaces tell them.

use super::pages::facts_of;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::format::rfc3339;
use crate::state::AppState;
use compat::{External, RepositoryData};
use search::Snapshot;
use store::{ListRepositories, RepoStatus, Repository, Source};

/// How many rows are read at once.
const N_PAGE: u32 = 1000;

/// Every repository the caller may read, by name.
pub(crate) async fn all(state: &AppState, caller: &Caller) -> Result<Vec<Repository>, Failure> {
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let page =
            state.store.repositories(&caller.access, &ListRepositories { after, limit: N_PAGE }).await?;
        rows.extend(page.repositories);
        after = match page.next {
            Some(next) => Some(next),
            None => return Ok(rows),
        };
    }
}

/// What the schema tells of a row.
pub(super) fn data_of(row: &Repository, caller: &Caller, snapshot: &Snapshot) -> RepositoryData {
    let facts = facts_of(snapshot, &caller.access, &row.name);
    let is_indexed = snapshot.repo(&caller.access, row.name.as_str()).is_some();
    RepositoryData {
        name: row.name.clone(),
        description: facts.description,
        created_at: rfc3339(row.added_at.0),
        updated_at: row.indexed_at.map(|moment| rfc3339(moment.0)),
        external: external_of(row),
        default_branch: row.default_branch.clone(),
        is_fork: row.fork,
        is_archived: row.archived,
        is_private: row.visibility == store::Visibility::Private,
        is_indexed,
        is_cloned: is_indexed || !matches!(row.status, RepoStatus::Pending | RepoStatus::Cloning),
        metadata: facts.metadata,
        topics: facts.topics,
    }
}

/// Where a repository comes from. A folder of the server's machine is told without its path.
fn external_of(row: &Repository) -> External {
    let url = match &row.source {
        Source::Local(_) => None,
        Source::Remote(_) => url::Url::parse(&row.source.to_string()).ok(),
    };
    let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or("");
    let service_type = match host {
        "github.com" => "github",
        "gitlab.com" => "gitlab",
        "bitbucket.org" => "bitbucketCloud",
        _ => "other",
    };
    let service_id = if host.is_empty() { String::new() } else { format!("https://{host}/") };
    let page = url.filter(|url| matches!(url.scheme(), "https" | "http"));
    External {
        service_type,
        service_id,
        url: page.map(|url| url.as_str().trim_end_matches(".git").to_owned()),
    }
}
