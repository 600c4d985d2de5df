//! What the indexing worker needs to know of every repository, whoever may read it.
//!
//! SECURITY: nothing here takes an `AccessSet`. The worker, the janitor and the local command line hold a
//! [`Maintenance`]; a request handler must not.

use crate::database::{Row, int, int_list, values};
use crate::repository::select_repositories;
use crate::{
    Fault, Generation, Manifest, NewManifest, Progress, PublishError, Published, RepoStatus, Repository,
    Source, Store, Timestamp, Visibility,
};
use crate::{manifest, repositories};
use model::{RepoId, RepoName};
use std::time::Duration;

/// The view of the store that sees all repositories. See the module's warning.
#[derive(Clone, Debug)]
pub struct Maintenance {
    pub(crate) store: Store,
}

/// Something on disk that nothing refers to any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discarded {
    /// The number of this record; give it to [`Maintenance::forget_discarded`] when the thing is gone.
    pub id: i64,
    /// Whose it was. The repository may be gone.
    pub repo: RepoId,
    /// What it is.
    pub what: DiscardedWhat,
    /// Since when.
    pub discarded_at: Timestamp,
}

/// What a [`Discarded`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiscardedWhat {
    /// One file in the repository's index folder.
    IndexFile {
        /// Its name.
        name: String,
        /// Its length.
        size_bytes: u64,
    },
    /// The repository itself was removed: its whole index folder, and its mirror if it had one.
    Repository,
}

impl Store {
    /// The worker's view. SECURITY: see [`Maintenance`].
    pub fn maintenance(&self) -> Maintenance {
        Maintenance { store: self.clone() }
    }
}

impl Maintenance {
    /// Every repository, by id.
    pub async fn repositories(&self) -> Result<Vec<Repository>, Fault> {
        let rows = self.store.database().rows(select_repositories!("ORDER BY id"), values![]).await?;
        rows.iter().map(Repository::from_row).collect()
    }

    /// The repository of this number.
    pub async fn repository(&self, repo: RepoId) -> Result<Option<Repository>, Fault> {
        repositories::by_id(&self.store, repo).await
    }

    /// The repository of this name.
    pub async fn repository_by_name(&self, name: &RepoName) -> Result<Option<Repository>, Fault> {
        repositories::by_name(&self.store, name).await
    }

    /// The repository with this source.
    pub async fn repository_by_source(&self, source: &Source) -> Result<Option<Repository>, Fault> {
        let Some((kind, text)) = source.to_columns() else { return Ok(None) };
        let sql = select_repositories!("WHERE source_kind = $1 AND source = $2");
        let row = self.store.database().row(sql, values![kind, text]).await?;
        row.as_ref().map(Repository::from_row).transpose()
    }

    /// Records how far a repository has come, and clears its error unless the status is [`RepoStatus::Error`]. False if it
    /// is gone.
    pub async fn set_status(
        &self,
        repo: RepoId,
        status: RepoStatus,
        progress: Option<Progress>,
    ) -> Result<bool, Fault> {
        const SET: &str = "UPDATE repositories SET status = $2, progress_done = $3, progress_total = $4, \
             error = CASE WHEN $2 = 'error' THEN error ELSE NULL END WHERE id = $1";
        let done = progress.map(|progress| int(progress.done));
        let total = progress.map(|progress| int(progress.total));
        Ok(self.store.database().execute(SET, values![repo, status.as_str(), done, total]).await? > 0)
    }

    /// Records that the last attempt failed. The message is cut to 2,000 characters. False if the repository is gone.
    pub async fn set_error(&self, repo: RepoId, message: &str) -> Result<bool, Fault> {
        const SET: &str = "UPDATE repositories SET status = 'error', progress_done = NULL, progress_total = NULL, \
             error = $2 WHERE id = $1";
        Ok(self.store.database().execute(SET, values![repo, storable_message(message)]).await? > 0)
    }

    /// Records what the host says of a repository.
    pub async fn set_traits(
        &self,
        repo: RepoId,
        visibility: Visibility,
        fork: bool,
        archived: bool,
    ) -> Result<bool, Fault> {
        const SET: &str = "UPDATE repositories SET visibility = $2, fork = $3, archived = $4 WHERE id = $1";
        let values = values![repo, visibility.as_stored(), fork, archived];
        Ok(self.store.database().execute(SET, values).await? > 0)
    }

    /// The manifest in force, if something was ever published.
    pub async fn manifest(&self, repo: RepoId) -> Result<Option<Manifest>, Fault> {
        let mut snapshot = self.store.database().snapshot().await?;
        Ok(manifest::read(&mut snapshot, Some(repo)).await?.pop())
    }

    /// Every manifest in force, by repository: what a server opens at its start.
    pub async fn manifests(&self) -> Result<Vec<Manifest>, Fault> {
        let mut snapshot = self.store.database().snapshot().await?;
        manifest::read(&mut snapshot, None).await
    }

    /// Puts a new manifest in force and sets the repository to [`RepoStatus::Ready`], in one transaction, provided that
    /// `expected` is still the generation in force (0 before the first). Files that the old one named and the new one does
    /// not are recorded as discarded.
    pub async fn publish_manifest(
        &self,
        repo: RepoId,
        expected: Generation,
        new: NewManifest,
    ) -> Result<Published, PublishError> {
        manifest::check(&new)?;
        let mut transaction = self.store.database().begin().await?;
        let published = manifest::publish(&mut transaction, self.store.now(), repo, expected, &new).await?;
        transaction.commit().await?;
        Ok(published)
    }

    /// Forgets what is over: sessions and setup links that ended, failed jobs after a month, and tokens a year after they
    /// were revoked or expired. For once a day.
    pub async fn forget_what_is_over(&self) -> Result<(), Fault> {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let now = self.store.now();
        let statements = [
            ("DELETE FROM sessions WHERE ends_at <= $1", now),
            ("DELETE FROM setup_link WHERE expires_at <= $1", now),
            ("DELETE FROM jobs WHERE state = 'failed' AND changed_at < $1", now.minus(30 * DAY)),
            ("DELETE FROM job_hosts WHERE claimed_at < $1", now.minus(30 * DAY)),
            ("DELETE FROM tokens WHERE revoked_at < $1 OR expires_at < $1", now.minus(365 * DAY)),
        ];
        for (sql, before) in statements {
            self.store.database().execute(sql, values![before]).await?;
        }
        Ok(())
    }

    /// What can be deleted, oldest first, at most `limit`.
    pub async fn discarded(&self, limit: u32) -> Result<Vec<Discarded>, Fault> {
        const OLDEST: &str =
            "SELECT id, repo_id, name, size_bytes, discarded_at FROM discarded ORDER BY id LIMIT $1";
        let rows = self.store.database().rows(OLDEST, values![i64::from(limit)]).await?;
        rows.iter().map(Discarded::from_row).collect()
    }

    /// Forgets records of discarded things after they were deleted.
    pub async fn forget_discarded(&self, ids: &[i64]) -> Result<(), Fault> {
        let ids = int_list(ids.iter().copied());
        let sql = "DELETE FROM discarded WHERE id IN {ints:$1}";
        self.store.database().execute(sql, values![ids]).await.map(drop)
    }
}

impl Discarded {
    fn from_row(row: &Row) -> Result<Self, Fault> {
        let size_bytes = row.unsigned("size_bytes")?;
        let file = row.maybe_text("name")?.map(|name| DiscardedWhat::IndexFile { name, size_bytes });
        Ok(Discarded {
            id: row.int("id")?,
            repo: row.repo_id("repo_id")?,
            what: file.unwrap_or(DiscardedWhat::Repository),
            discarded_at: row.time("discarded_at")?,
        })
    }
}

/// Cuts a message to what is kept, without NUL characters.
pub(crate) fn storable_message(message: &str) -> String {
    const N_CHARS_MAX: usize = 2000;
    message.chars().filter(|c| *c != '\0').take(N_CHARS_MAX).collect()
}
