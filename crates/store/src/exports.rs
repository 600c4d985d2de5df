//! Exports: what was asked for, how far each has come, and whose code its file holds.
//!
//! SECURITY: every look-up takes the owner's account. What an owner may see of their own export also depends on the
//! repositories it holds; whoever serves exports asks [`Store::export_repos_held`] before anything of the file is told.

use crate::database::{Row, Value, int, int_list, values};
use crate::maintenance::storable_message;
use crate::{Fault, Store, Timestamp};
use access::audit::{Act, Entry, Object};
use access::{RepoScope, TokenId};
use model::{AccessSet, RepoId, UserId};
use std::fmt;

/// Longest query, as the parser takes it.
const QUERY_BYTES_MAX: usize = 64 * 1024;
const FORMAT_BYTES_MAX: usize = 20;
const SKIPPED_BYTES_MAX: usize = 64 * 1024;

/// The public name of an export: random, so that it tells nothing of other people's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExportId(String);

impl ExportId {
    /// Takes a name as it stands in an address. `None` where it cannot be one: it is also the name of a file.
    pub fn parse(text: &str) -> Option<Self> {
        let is_name = (8..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_name.then(|| ExportId(text.to_owned()))
    }

    /// The name as text: letters and digits only.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExportId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An export to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewExport {
    /// Whose rights it has, and who may fetch it.
    pub user: UserId,
    /// What the credential it was asked with narrows those rights to.
    pub scope: RepoScope,
    /// The query as it was written; at most 64 KiB.
    pub query: String,
    /// The word of the format.
    pub format: String,
}

/// How far an export has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExportState {
    /// It waits.
    Queued,
    /// It is being written.
    Running,
    /// Its file is whole.
    Done,
    /// It cannot be made; the error says why.
    Failed,
    /// Its owner called it off.
    Cancelled,
}

impl ExportState {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            ExportState::Queued => "queued",
            ExportState::Running => "running",
            ExportState::Done => "done",
            ExportState::Failed => "failed",
            ExportState::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more happens to it.
    pub fn is_over(self) -> bool {
        matches!(self, ExportState::Done | ExportState::Failed | ExportState::Cancelled)
    }

    fn parse(word: &str) -> Option<Self> {
        use ExportState::{Cancelled, Done, Failed, Queued, Running};
        [Queued, Running, Done, Failed, Cancelled].into_iter().find(|state| state.as_str() == word)
    }
}

/// An export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Its name.
    pub id: ExportId,
    /// Whose it is.
    pub user: UserId,
    /// What its owner's rights are narrowed to.
    pub scope: RepoScope,
    /// The query as it was written.
    pub query: String,
    /// The word of the format.
    pub format: String,
    /// How far it has come.
    pub state: ExportState,
    /// How many repositories it goes through; unknown before it has begun.
    pub n_repos_total: Option<u64>,
    /// What is safely written.
    pub progress: ExportProgress,
    /// Why it failed, or why it is being tried again.
    pub error: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
}

/// What is safely written of an export: a restart goes on from here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportProgress {
    /// How many repositories are done with.
    pub n_repos_done: u64,
    /// How many results are written.
    pub n_results: u64,
    /// How many matching lines they hold.
    pub n_lines: u64,
    /// The length of the file up to here.
    pub size_bytes: u64,
    /// Whether a repository could no longer be read when its turn came.
    pub rights_changed: bool,
    /// What was left out, as JSON of whoever writes exports.
    pub skipped: String,
}

/// A repository of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportRepo {
    /// Its place in the order, from 0.
    pub position: u64,
    /// The repository. It may be gone.
    pub repo: RepoId,
}

/// What an account's exports take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportUse {
    /// How many there are.
    pub n_exports: u64,
    /// How many of them wait or run.
    pub n_unfinished: u64,
    /// How many bytes their files have.
    pub size_bytes: u64,
}

/// An export could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateExportError {
    /// The account has as many as it may have.
    #[error("you have {n_exports} exports already, as many as are kept for one account: delete one first")]
    TooMany {
        /// How many.
        n_exports: u64,
    },
    /// Too many of the account's exports wait or run.
    #[error("{n_unfinished} of your exports are still being made: wait for one of them, or cancel it")]
    TooManyUnfinished {
        /// How many.
        n_unfinished: u64,
    },
    /// The account's exports are too large together.
    #[error(
        "your exports take {size_bytes} bytes already, as much as is kept for one account: delete one first"
    )]
    TooLarge {
        /// How many bytes.
        size_bytes: u64,
    },
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Every column of an export, for statements to begin with.
macro_rules! select_exports {
    ($rest:literal) => {
        concat!(
            "SELECT id, user_id, scope_repos, query, format, state, n_repos_total, n_repos_done, n_results, n_lines, \
             size_bytes, rights_changed, skipped, error, created_at, finished_at FROM exports ",
            $rest
        )
    };
}

impl Store {
    /// Notes a new export, within what one account may have: `most`, of which an equal number may be unfinished as
    /// `most.n_unfinished` says.
    pub async fn create_export(&self, new: NewExport, most: ExportUse) -> Result<Export, CreateExportError> {
        const LOCK: &str = "UPDATE users SET created_at = created_at WHERE id = $1";
        const INSERT: &str = "INSERT INTO exports (id, user_id, scope_repos, query, format, state, created_at, changed_at) \
             VALUES ($1, $2, $3, $4, $5, 'queued', $6, $6)";
        Fault::check_storable("query of an export", &new.query, QUERY_BYTES_MAX)?;
        Fault::check_storable("format of an export", &new.format, FORMAT_BYTES_MAX)?;
        // Drawn like the public names of tokens.
        let id = ExportId(TokenId::draw(self.randomness()).map_err(Fault::from)?.0);
        let now = self.now();
        let mut transaction = self.database().begin().await?;
        // The account's row is the lock under which its exports are counted.
        transaction.execute(LOCK, values![new.user]).await?;
        let row = transaction.row(USE, values![new.user]).await?;
        let present = row.as_ref().map_or(Ok(ExportUse::default()), ExportUse::from_row)?;
        present.check(&most)?;
        let scope = scope_as_stored(&new.scope);
        let columns = values![id.as_str(), new.user, scope, &new.query, &new.format, now];
        transaction.execute(INSERT, columns).await?;
        let entry = Entry::new(Act::CreateExport, Object::new("export", id.as_str(), ""));
        let entry = entry.detail("query", &new.query).detail("format", &new.format);
        self.record_in(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(Export {
            id,
            user: new.user,
            scope: new.scope,
            query: new.query,
            format: new.format,
            state: ExportState::Queued,
            n_repos_total: None,
            progress: ExportProgress { skipped: "[]".to_owned(), ..ExportProgress::default() },
            error: None,
            created_at: now,
            finished_at: None,
        })
    }

    /// The account's exports, the newest first.
    pub async fn exports_of(&self, user: UserId) -> Result<Vec<Export>, Fault> {
        let mut sql = select_exports!("WHERE user_id = $1 ORDER BY created_at DESC, id");
        if model::leaks("export-list") {
            sql = select_exports!("WHERE $1 > 0 ORDER BY created_at DESC, id");
        }
        let rows = self.database().rows(sql, values![user]).await?;
        rows.iter().map(Export::from_row).collect()
    }

    /// One of the account's exports.
    pub async fn export_of(&self, user: UserId, id: &ExportId) -> Result<Option<Export>, Fault> {
        let mut sql = select_exports!("WHERE user_id = $1 AND id = $2");
        if model::leaks("export-of-others") {
            sql = select_exports!("WHERE $1 > 0 AND id = $2");
        }
        let row = self.database().row(sql, values![user, id.as_str()]).await?;
        row.as_ref().map(Export::from_row).transpose()
    }

    /// The repositories of which the file holds something.
    pub async fn export_repos_held(&self, id: &ExportId) -> Result<Vec<RepoId>, Fault> {
        let sql = "SELECT repo_id FROM export_repos WHERE export_id = $1 AND held = 1 ORDER BY position";
        let rows = self.database().rows(sql, values![id.as_str()]).await?;
        rows.iter().map(|row| row.repo_id("repo_id")).collect()
    }

    /// Calls an export off that is not over. False where there is none.
    pub async fn cancel_export(&self, user: UserId, id: &ExportId) -> Result<bool, Fault> {
        const CANCEL: &str = "UPDATE exports SET state = 'cancelled', changed_at = $3, finished_at = $3 \
             WHERE user_id = $1 AND id = $2 AND state IN ('queued', 'running')";
        let values = values![user, id.as_str(), self.now()];
        self.change_export(CANCEL, values, id, Act::CancelExport).await
    }

    /// Forgets an export. False where there is none. Its file is the caller's to delete.
    pub async fn delete_export(&self, user: UserId, id: &ExportId) -> Result<bool, Fault> {
        let sql = "DELETE FROM exports WHERE user_id = $1 AND id = $2";
        self.change_export(sql, values![user, id.as_str()], id, Act::RemoveExport).await
    }

    async fn change_export(
        &self,
        sql: &'static str,
        values: Vec<Value>,
        id: &ExportId,
        act: Act,
    ) -> Result<bool, Fault> {
        let mut transaction = self.database().begin().await?;
        if transaction.execute(sql, values).await? == 0 {
            return Ok(false);
        }
        self.record_in(&mut transaction, Entry::new(act, Object::new("export", id.as_str(), ""))).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// For whoever writes exports. SECURITY: not for request handlers.
impl crate::Maintenance {
    /// An export, whosever it is.
    pub async fn export(&self, id: &ExportId) -> Result<Option<Export>, Fault> {
        let sql = select_exports!("WHERE id = $1");
        let row = self.store.database().row(sql, values![id.as_str()]).await?;
        row.as_ref().map(Export::from_row).transpose()
    }

    /// Begins an export, or goes on with it: the repositories its owner may read are put in order, unless they were
    /// before. False where it is over or gone.
    pub async fn begin_export(&self, id: &ExportId, access: &AccessSet) -> Result<bool, Fault> {
        const RUN: &str = "UPDATE exports SET state = 'running', error = NULL, changed_at = $2 \
             WHERE id = $1 AND state IN ('queued', 'running') RETURNING n_repos_total";
        const PLAN: &str = "INSERT INTO export_repos (export_id, position, repo_id) \
             SELECT $1, ROW_NUMBER() OVER (ORDER BY name) - 1, id FROM repositories WHERE id IN {ints:$2}";
        const COUNT: &str = "UPDATE exports SET n_repos_total = \
             (SELECT COUNT(*) FROM export_repos WHERE export_id = $1) WHERE id = $1";
        let mut transaction = self.store.database().begin().await?;
        let row = transaction.row(RUN, values![id.as_str(), self.store.now()]).await?;
        let Some(row) = row else { return Ok(false) };
        if row.maybe_int("n_repos_total")?.is_none() {
            let repos = int_list(access.repos().map(|repo| i64::from(repo.0)));
            transaction.execute(PLAN, values![id.as_str(), repos]).await?;
            transaction.execute(COUNT, values![id.as_str()]).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// The repositories that are still to be gone through, in order, at most `limit`.
    pub async fn export_repos(&self, id: &ExportId, from: u64, limit: u32) -> Result<Vec<ExportRepo>, Fault> {
        const NEXT: &str = "SELECT position, repo_id FROM export_repos WHERE export_id = $1 AND position >= $2 \
             ORDER BY position LIMIT $3";
        let values = values![id.as_str(), int(from), i64::from(limit)];
        let rows = self.store.database().rows(NEXT, values).await?;
        let repo =
            |row: &Row| Ok(ExportRepo { position: row.unsigned("position")?, repo: row.repo_id("repo_id")? });
        rows.iter().map(repo).collect()
    }

    /// Records what is safely in the file, and which further repositories it holds now. False where the export was
    /// called off or deleted meanwhile.
    pub async fn record_export(
        &self,
        id: &ExportId,
        progress: &ExportProgress,
        held: &[u64],
    ) -> Result<bool, Fault> {
        const RECORD: &str = "UPDATE exports SET n_repos_done = $2, n_results = $3, n_lines = $4, size_bytes = $5, \
             rights_changed = $6, skipped = $7, changed_at = $8 WHERE id = $1 AND state = 'running'";
        const HELD: &str = "UPDATE export_repos SET held = 1 WHERE export_id = $1 AND position IN {ints:$2}";
        Fault::check_storable("skipped of an export", &progress.skipped, SKIPPED_BYTES_MAX)?;
        let columns = values![
            id.as_str(),
            int(progress.n_repos_done),
            int(progress.n_results),
            int(progress.n_lines),
            int(progress.size_bytes),
            progress.rights_changed,
            &progress.skipped,
            self.store.now()
        ];
        let mut transaction = self.store.database().begin().await?;
        if transaction.execute(RECORD, columns).await? == 0 {
            return Ok(false);
        }
        if !held.is_empty() {
            let positions = int_list(held.iter().map(|position| int(*position)));
            transaction.execute(HELD, values![id.as_str(), positions]).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Ends a running export. False where it was over or gone already.
    pub async fn finish_export(
        &self,
        id: &ExportId,
        state: ExportState,
        error: Option<&str>,
    ) -> Result<bool, Fault> {
        const FINISH: &str = "UPDATE exports SET state = $2, error = $3, changed_at = $4, finished_at = $4 \
             WHERE id = $1 AND state IN ('queued', 'running')";
        let values = values![id.as_str(), state.as_str(), error.map(storable_message), self.store.now()];
        Ok(self.store.database().execute(FINISH, values).await? > 0)
    }

    /// Says why an export waits for another try.
    pub async fn delay_export(&self, id: &ExportId, error: Option<&str>) -> Result<(), Fault> {
        const DELAY: &str = "UPDATE exports SET state = 'queued', error = $2, changed_at = $3 \
             WHERE id = $1 AND state = 'running'";
        let values = values![id.as_str(), error.map(storable_message), self.store.now()];
        self.store.database().execute(DELAY, values).await.map(drop)
    }

    /// Forgets exports that were over before this moment. Returns how many.
    pub async fn forget_exports(&self, before: Timestamp) -> Result<u64, Fault> {
        let sql = "DELETE FROM exports WHERE finished_at < $1";
        self.store.database().execute(sql, values![before]).await
    }

    /// The names of all exports: files of others are leftovers.
    pub async fn export_ids(&self) -> Result<Vec<ExportId>, Fault> {
        let rows = self.store.database().rows("SELECT id FROM exports", values![]).await?;
        rows.iter().map(|row| row.text("id").map(ExportId)).collect()
    }
}

const USE: &str = "SELECT COUNT(*) AS n_exports, \
     CAST(COALESCE(SUM(CASE WHEN finished_at IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT) AS n_unfinished, \
     CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS size_bytes FROM exports WHERE user_id = $1";

impl ExportUse {
    fn from_row(row: &Row) -> Result<Self, Fault> {
        Ok(ExportUse {
            n_exports: row.unsigned("n_exports")?,
            n_unfinished: row.unsigned("n_unfinished")?,
            size_bytes: row.unsigned("size_bytes")?,
        })
    }

    /// Whether there is room for one more.
    fn check(&self, most: &ExportUse) -> Result<(), CreateExportError> {
        if self.n_unfinished >= most.n_unfinished {
            return Err(CreateExportError::TooManyUnfinished { n_unfinished: self.n_unfinished });
        }
        if self.n_exports >= most.n_exports {
            return Err(CreateExportError::TooMany { n_exports: self.n_exports });
        }
        if self.size_bytes >= most.size_bytes {
            return Err(CreateExportError::TooLarge { size_bytes: self.size_bytes });
        }
        Ok(())
    }
}

impl Export {
    fn from_row(row: &Row) -> Result<Self, Fault> {
        let state = ExportState::parse(&row.text("state")?);
        let total = row.maybe_int("n_repos_total")?.map(|_| row.unsigned("n_repos_total")).transpose()?;
        Ok(Export {
            id: ExportId(row.text("id")?),
            user: row.user_id("user_id")?,
            scope: scope_from_stored(row.maybe_text("scope_repos")?)?,
            query: row.text("query")?,
            format: row.text("format")?,
            state: state.ok_or(Fault::ImpossibleValue { column: "state" })?,
            n_repos_total: total,
            progress: ExportProgress {
                n_repos_done: row.unsigned("n_repos_done")?,
                n_results: row.unsigned("n_results")?,
                n_lines: row.unsigned("n_lines")?,
                size_bytes: row.unsigned("size_bytes")?,
                rights_changed: row.flag("rights_changed")?,
                skipped: row.text("skipped")?,
            },
            error: row.maybe_text("error")?,
            created_at: row.time("created_at")?,
            finished_at: row.maybe_time("finished_at")?,
        })
    }
}

fn scope_as_stored(scope: &RepoScope) -> Option<String> {
    match scope {
        RepoScope::All => None,
        RepoScope::Only(repos) => Some(int_list(repos.iter().map(|repo| i64::from(repo.0)))),
    }
}

fn scope_from_stored(stored: Option<String>) -> Result<RepoScope, Fault> {
    let Some(text) = stored else { return Ok(RepoScope::All) };
    let ids: Vec<u32> =
        serde_json::from_str(&text).map_err(|_| Fault::ImpossibleValue { column: "scope_repos" })?;
    Ok(RepoScope::Only(ids.into_iter().map(RepoId).collect()))
}
