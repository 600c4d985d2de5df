//! What files were gathered into, in JSON: directories and owners.

use super::lossy;
use crate::links;
use search::{DirectoryMatch, OwnerMatch};
use serde::Serialize;
use utoipa::ToSchema;

/// A directory that holds found files.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DirectoryShape {
    repo: String,
    /// 40 hexadecimal digits.
    commit: String,
    refs: Vec<String>,
    /// Without a final slash; empty for the root.
    path: String,
    score: f64,
    url: String,
}

/// Somebody who owns found files.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnerShape {
    /// As the rules write it: `@team/name`, `@name`, an address.
    owner: String,
    /// The repository of the first found file.
    repo: String,
    score: f64,
    url: String,
}

impl DirectoryShape {
    pub(super) fn of(found: &DirectoryMatch) -> Self {
        let rev = links::match_rev(&found.refs, found.commit);
        DirectoryShape {
            repo: found.repo.to_string(),
            commit: found.commit.to_string(),
            refs: found.refs.iter().map(ToString::to_string).collect(),
            path: lossy(&found.path),
            score: found.score,
            url: links::path_link(&found.repo, rev.as_deref(), "tree", &found.path),
        }
    }
}

impl OwnerShape {
    pub(super) fn of(found: &OwnerMatch) -> Self {
        let query = format!("file:has.owner({})", found.owner);
        OwnerShape {
            owner: found.owner.clone(),
            repo: found.repo.to_string(),
            score: found.score,
            url: links::search_link(&query),
        }
    }
}
