//! When each account last opened something of each repository: what a review asks of a right is whether it is used.
//!
//! It is written with the entry of the audit log that tells of the reading, in one transaction. What a search shows of many
//! repositories opens none of them.

use crate::database::{Transaction, values};
use crate::{Fault, Timestamp};
use access::audit::Record;
use model::{RepoId, RepoName, UserId};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// How exactly it is kept: a write for each page would be one too many.
const RESOLUTION: Duration = Duration::from_secs(60 * 60);
/// Readings that are remembered as written, of some 100 bytes each.
const N_KNOWN_MAX: usize = 20_000;

/// What is to be written: always in the same order, so that no two processes wait for each other.
pub(crate) type Due = BTreeMap<(UserId, RepoName), Timestamp>;

/// Repositories that somebody opened.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    user: UserId,
    repos: Vec<RepoName>,
    at: Timestamp,
}

impl Opened {
    /// By whoever the entry is of; nobody without an account opens anything.
    pub(crate) fn by(record: &Record, repos: Vec<RepoName>) -> Option<Self> {
        let user = record.actor_id.map(UserId).filter(|_| !repos.is_empty())?;
        Some(Opened { user, repos, at: record.at })
    }
}

/// What was written lately, by the one who writes it.
#[derive(Debug, Default)]
pub(crate) struct RepoReads {
    known: HashMap<(UserId, RepoName), Timestamp>,
}

impl RepoReads {
    /// What of this is to be written.
    pub(crate) fn due(&self, opened: impl Iterator<Item = Opened>) -> Due {
        let mut due = Due::new();
        for one in opened {
            for repo in one.repos {
                let key = (one.user, repo);
                if self.known.get(&key).is_none_or(|known| one.at.since(*known) >= RESOLUTION) {
                    due.insert(key, one.at);
                }
            }
        }
        due
    }

    /// It was written.
    pub(crate) fn written(&mut self, due: Due) {
        if self.known.len() + due.len() > N_KNOWN_MAX {
            self.known.clear();
        }
        self.known.extend(due);
    }
}

/// Writes it. Names that no repository has any more are passed over.
pub(crate) async fn write(transaction: &mut Transaction, due: &Due) -> Result<(), Fault> {
    const WRITE: &str = "INSERT INTO repo_reads (user_id, repo_id, read_at) \
         SELECT users.id, repositories.id, $3 FROM users, repositories \
         WHERE users.id = $1 AND repositories.name = $2 {key_share} \
         ON CONFLICT (user_id, repo_id) DO UPDATE SET read_at = excluded.read_at";
    for ((user, repo), at) in due {
        transaction.execute(WRITE, values![*user, repo.as_str(), *at]).await?;
    }
    Ok(())
}

/// When an account last opened a repository.
pub(crate) async fn last_opened(
    transaction: &mut Transaction,
    user: UserId,
    repo: RepoId,
) -> Result<Option<Timestamp>, Fault> {
    const LAST: &str = "SELECT read_at FROM repo_reads WHERE user_id = $1 AND repo_id = $2";
    transaction.row(LAST, values![user, repo]).await?.map(|row| row.time("read_at")).transpose()
}

/// When any member of a group did.
pub(crate) async fn last_opened_in_group(
    transaction: &mut Transaction,
    group: i64,
    repo: RepoId,
) -> Result<Option<Timestamp>, Fault> {
    const LAST: &str = "SELECT read_at FROM repo_reads JOIN group_members ON group_members.user_id = repo_reads.user_id \
         WHERE group_id = $1 AND repo_id = $2 ORDER BY read_at DESC LIMIT 1";
    transaction.row(LAST, values![group, repo]).await?.map(|row| row.time("read_at")).transpose()
}
