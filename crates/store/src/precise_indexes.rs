//! Precise indexes: uploads of SCIP, how far each has come, and the packages that each defines.
//!
//! SECURITY: every look-up takes the caller's `AccessSet`. What an index holds of a part of a repository is no business of
//! this module: whoever tells of an index as a whole makes sure that the caller may read the whole repository.

use crate::audit_objects;
use crate::database::{Row, Transaction, int_list, values};
use crate::jobs::{NewJob, enqueue_in};
use crate::{Fault, Store, Timestamp};
use access::audit::{Act, Entry, Object};
use model::{AccessSet, ObjectId, RepoId, RepoName, UserId};
use std::fmt;

/// The kind of the jobs that take an index in.
pub const PRECISE_JOB_KIND: &str = "precise";
/// People wait for searches, not for this.
const JOB_PRIORITY: i32 = -50;
/// Longest folder.
const ROOT_BYTES_MAX: usize = 4096;
/// Longest name or version of an indexer.
const INDEXER_BYTES_MAX: usize = 200;
/// Most indexes of one list.
const N_LISTED_MAX: i64 = 1_000;
/// Most indexes that are asked about one package.
const N_DEFINING_MAX: i64 = 100;

/// The number of an index: random, so that it tells nothing of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PreciseId(pub u64);

impl PreciseId {
    /// Takes a number as it stands in an address.
    pub fn parse(text: &str) -> Option<Self> {
        let is_number = (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().ok().map(PreciseId)).flatten()
    }
}

impl fmt::Display for PreciseId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// How far an upload has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PreciseState {
    /// It is being sent.
    Receiving,
    /// It waits to be taken in.
    Queued,
    /// It is being taken in.
    Processing,
    /// It answers.
    Ready,
    /// It could not be taken in; the error says why.
    Failed,
}

impl PreciseState {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            PreciseState::Receiving => "receiving",
            PreciseState::Queued => "queued",
            PreciseState::Processing => "processing",
            PreciseState::Ready => "ready",
            PreciseState::Failed => "failed",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        use PreciseState::{Failed, Processing, Queued, Ready, Receiving};
        [Receiving, Queued, Processing, Ready, Failed].into_iter().find(|state| state.as_str() == word)
    }
}

/// An upload that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPrecise {
    /// Of which repository.
    pub repo: RepoId,
    /// Made of which commit. It need not be known yet.
    pub commit: ObjectId,
    /// The folder that its paths are below, without slashes at its ends; empty for the whole repository.
    pub root: String,
    /// Who made it, as far as the upload says.
    pub indexer: String,
    /// Likewise.
    pub indexer_version: String,
    /// In how many parts it comes.
    pub n_parts: u32,
    /// Who sends it.
    pub uploaded_by: Option<UserId>,
}

/// What an index holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PreciseCounts {
    /// What was sent, in bytes, as it was sent.
    pub upload_bytes: u64,
    /// The file that answers, in bytes.
    pub size_bytes: u64,
    /// Documents.
    pub n_documents: u64,
    /// Symbols.
    pub n_symbols: u64,
    /// Occurrences.
    pub n_occurrences: u64,
    /// Occurrences that were left out.
    pub n_left_out: u64,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreciseIndex {
    /// Its number.
    pub id: PreciseId,
    /// Of which repository.
    pub repo: RepoId,
    /// Made of which commit.
    pub commit: ObjectId,
    /// The folder that its paths are below; empty for the whole repository.
    pub root: String,
    /// Who made it; empty where that is not known.
    pub indexer: String,
    /// Likewise.
    pub indexer_version: String,
    /// How far it is.
    pub state: PreciseState,
    /// In how many parts it comes.
    pub n_parts: u32,
    /// What it holds.
    pub counts: PreciseCounts,
    /// Why it failed, or why it is being tried again.
    pub error: Option<String>,
    /// Who sent it, by the name they have now; `None` where the account is gone.
    pub uploaded_by: Option<String>,
    /// When it began to be sent.
    pub created_at: Timestamp,
    /// When it was ready or failed.
    pub finished_at: Option<Timestamp>,
}

/// A package that an index names something of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrecisePackage {
    /// Who gives out its name: `npm`, `pip`, ….
    pub manager: String,
    /// Its name.
    pub name: String,
    /// Its version; empty where it has none.
    pub version: String,
    /// How many of its symbols are defined there; 0 where it is used only.
    pub n_defined: u64,
}

/// An upload could not begin.
#[derive(Debug, thiserror::Error)]
pub enum CreatePreciseError {
    /// Too many of the repository's uploads are on their way.
    #[error("{n_unfinished} uploads of this repository are still on their way: wait for one of them")]
    TooMany {
        /// How many.
        n_unfinished: u64,
    },
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Every column of an index, for statements to begin with.
macro_rules! select_precise {
    ($rest:literal) => {
        concat!(
            "SELECT precise_indexes.id AS id, repo_id, commit_id, root, indexer, indexer_version, state, n_parts, \
             upload_bytes, size_bytes, n_documents, n_symbols, n_occurrences, n_left_out, error, \
             users.name AS user_name, precise_indexes.created_at AS created_at, finished_at \
             FROM precise_indexes LEFT JOIN users ON users.id = uploaded_by ",
            $rest
        )
    };
}
pub(crate) use select_precise;

/// Ready indexes with a package ($1 its manager, $2 its name) in the repositories $3, the newest first, at most $4.
macro_rules! select_packages {
    ($rest:literal) => {
        concat!(
            "SELECT precise_indexes.id AS id, repo_id, commit_id, root, indexer, indexer_version, \
             state, n_parts, upload_bytes, size_bytes, n_documents, n_symbols, n_occurrences, n_left_out, \
             precise_indexes.error AS error, NULL AS user_name, precise_indexes.created_at AS created_at, finished_at, \
             precise_packages.version AS version, repositories.name AS repo_name \
             FROM precise_packages JOIN precise_indexes ON precise_indexes.id = index_id \
             JOIN repositories ON repositories.id = repo_id \
             WHERE precise_packages.name = $2 AND manager = $1 AND state = 'ready' AND repo_id IN {ints:$3} ",
            $rest,
            " ORDER BY precise_indexes.created_at DESC, precise_indexes.id LIMIT $4"
        )
    };
}

impl Store {
    /// Notes an upload that begins, unless too many of the repository are on their way. SECURITY: the caller makes sure that
    /// whoever asks may read the repository and upload.
    pub async fn create_precise(
        &self,
        new: NewPrecise,
        n_unfinished_max: u64,
    ) -> Result<PreciseId, CreatePreciseError> {
        const LOCK: &str = "UPDATE repositories SET name = name WHERE id = $1";
        const UNFINISHED: &str = "SELECT COUNT(*) AS n FROM precise_indexes \
             WHERE repo_id = $1 AND state IN ('receiving', 'queued', 'processing')";
        const INSERT: &str = "INSERT INTO precise_indexes (id, repo_id, commit_id, root, indexer, indexer_version, \
             state, n_parts, uploaded_by, created_at, changed_at) \
             VALUES ($1, $2, $3, $4, $5, $6, 'receiving', $7, $8, $9, $9)";
        Fault::check_storable("root of an index", &new.root, ROOT_BYTES_MAX)?;
        Fault::check_storable("indexer of an index", &new.indexer, INDEXER_BYTES_MAX)?;
        Fault::check_storable("version of an indexer", &new.indexer_version, INDEXER_BYTES_MAX)?;
        let id = self.draw_precise_id()?;
        let mut transaction = self.database().begin().await?;
        // The repository's row is the lock under which its uploads are counted.
        transaction.execute(LOCK, values![new.repo]).await?;
        let row = transaction.row(UNFINISHED, values![new.repo]).await?;
        let n_unfinished = row.map_or(Ok(0), |row| row.unsigned("n"))?;
        if n_unfinished >= n_unfinished_max {
            return Err(CreatePreciseError::TooMany { n_unfinished });
        }
        let columns = values![
            id.0 as i64,
            new.repo,
            new.commit.0.to_vec(),
            &new.root,
            &new.indexer,
            &new.indexer_version,
            i64::from(new.n_parts),
            new.uploaded_by.map(|user| user.0),
            self.now()
        ];
        transaction.execute(INSERT, columns).await?;
        let entry =
            Entry::new(Act::UploadPrecise, audit_objects::repository(&mut transaction, new.repo).await?);
        let entry = entry.detail("index", id).detail("commit", new.commit).detail("root", &new.root);
        self.record_in(&mut transaction, entry.detail("indexer", &new.indexer)).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// The upload is whole: it waits to be taken in, by a job that is made in the same transaction. False where it was not
    /// being sent.
    pub async fn queue_precise(&self, id: PreciseId, upload_bytes: u64) -> Result<bool, Fault> {
        const QUEUE: &str = "UPDATE precise_indexes SET state = 'queued', upload_bytes = $2, changed_at = $3 \
             WHERE id = $1 AND state = 'receiving'";
        let mut transaction = self.database().begin().await?;
        let columns = values![id.0 as i64, crate::database::int(upload_bytes), self.now()];
        if transaction.execute(QUEUE, columns).await? == 0 {
            return Ok(false);
        }
        let job = NewJob {
            kind: PRECISE_JOB_KIND.to_owned(),
            // No repository: mirroring it need not wait for this. Its row goes with the repository, and then so does the job.
            repo: None,
            payload: serde_json::json!({ "index": id.to_string() }),
            priority: JOB_PRIORITY,
            dedupe_key: Some(format!("precise:{id}")),
            host: None,
            run_after: None,
        };
        enqueue_in(&mut transaction, self.now(), &job).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// The indexes of a repository, the newest first, at most a thousand.
    pub async fn precise_indexes(
        &self,
        access: &AccessSet,
        repo: RepoId,
    ) -> Result<Vec<PreciseIndex>, Fault> {
        const LIST: &str = select_precise!(
            "WHERE repo_id = $1 ORDER BY precise_indexes.created_at DESC, precise_indexes.id LIMIT $2"
        );
        if !access.allows(repo) {
            return Ok(Vec::new());
        }
        let rows = self.database().rows(LIST, values![repo, N_LISTED_MAX]).await?;
        rows.iter().map(PreciseIndex::from_row).collect()
    }

    /// Those of them that answer, the newest first.
    pub async fn precise_ready(&self, access: &AccessSet, repo: RepoId) -> Result<Vec<PreciseIndex>, Fault> {
        const LIST: &str = select_precise!(
            "WHERE repo_id = $1 AND state = 'ready' \
             ORDER BY precise_indexes.created_at DESC, precise_indexes.id LIMIT $2"
        );
        if !access.allows(repo) {
            return Ok(Vec::new());
        }
        let rows = self.database().rows(LIST, values![repo, N_LISTED_MAX]).await?;
        rows.iter().map(PreciseIndex::from_row).collect()
    }

    /// An index of a repository that the caller may read.
    pub async fn precise_index(
        &self,
        access: &AccessSet,
        id: PreciseId,
    ) -> Result<Option<PreciseIndex>, Fault> {
        const FIND: &str = select_precise!("WHERE precise_indexes.id = $1");
        let row = self.database().row(FIND, values![id.0 as i64]).await?;
        let index = row.as_ref().map(PreciseIndex::from_row).transpose()?;
        Ok(index.filter(|index| access.allows(index.repo)))
    }

    /// The ready indexes that define something of a package, in repositories that the caller may read, the newest first:
    /// each with the version, and the name of its repository.
    pub async fn precise_defining(
        &self,
        access: &AccessSet,
        manager: &str,
        package: &str,
    ) -> Result<Vec<(PreciseIndex, String, RepoName)>, Fault> {
        const FIND: &str = select_packages!("AND n_defined > 0");
        self.precise_of_package(FIND, access, manager, package).await
    }

    /// The ready indexes that name something of a package, to define or to use it, in repositories that the caller may read:
    /// of each repository, root and indexer the newest index, if that one does.
    pub async fn precise_naming(
        &self,
        access: &AccessSet,
        manager: &str,
        package: &str,
    ) -> Result<Vec<(PreciseIndex, String, RepoName)>, Fault> {
        const FIND: &str = select_packages!(
            "AND NOT EXISTS (SELECT 1 FROM precise_indexes AS later WHERE later.repo_id = precise_indexes.repo_id \
             AND later.root = precise_indexes.root AND later.indexer = precise_indexes.indexer \
             AND later.state = 'ready' AND (later.created_at > precise_indexes.created_at \
             OR (later.created_at = precise_indexes.created_at AND later.id < precise_indexes.id)))"
        );
        self.precise_of_package(FIND, access, manager, package).await
    }

    async fn precise_of_package(
        &self,
        find: &'static str,
        access: &AccessSet,
        manager: &str,
        package: &str,
    ) -> Result<Vec<(PreciseIndex, String, RepoName)>, Fault> {
        // SECURITY: before the limit, so that what the caller may not read takes nobody's place.
        let allowed = match model::leaks("precise-elsewhere") {
            true => int_list(1..10_000),
            false => int_list(access.repos().map(|repo| i64::from(repo.0))),
        };
        let rows = self.database().rows(find, values![manager, package, allowed, N_DEFINING_MAX]).await?;
        let one = |row: &Row| {
            let name = RepoName::new(row.text("repo_name")?);
            let name = name.map_err(|_| Fault::ImpossibleValue { column: "name" })?;
            Ok((PreciseIndex::from_row(row)?, row.text("version")?, name))
        };
        rows.iter().map(one).collect()
    }

    /// Removes an index of a repository. False where there is none. Its files are the caller's to delete.
    pub async fn remove_precise(&self, repo: RepoId, id: PreciseId) -> Result<bool, Fault> {
        let mut transaction = self.database().begin().await?;
        if !remove_in(&mut transaction, Some(repo), id).await? {
            return Ok(false);
        }
        let entry = Entry::new(Act::RemovePrecise, audit_objects::repository(&mut transaction, repo).await?);
        self.record_in(&mut transaction, entry.detail("index", id)).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Writes down that somebody was refused an upload.
    pub async fn refuse_precise(&self, repo: RepoId, name: &RepoName, why: &str) -> Result<(), Fault> {
        let object = Object::new("repository", i64::from(repo.0), name.as_str());
        self.record_read(Entry::new(Act::UploadPrecise, object).refused(why)).await
    }

    /// A random number that every client can read as one of 63 bits.
    fn draw_precise_id(&self) -> Result<PreciseId, Fault> {
        let mut bytes = [0; 8];
        self.randomness().fill(&mut bytes).map_err(Fault::from)?;
        Ok(PreciseId((u64::from_le_bytes(bytes) >> 1).max(1)))
    }
}

pub(crate) async fn remove_in(
    transaction: &mut Transaction,
    repo: Option<RepoId>,
    id: PreciseId,
) -> Result<bool, Fault> {
    let n_removed = match repo {
        Some(repo) => {
            let sql = "DELETE FROM precise_indexes WHERE id = $1 AND repo_id = $2";
            transaction.execute(sql, values![id.0 as i64, repo]).await?
        }
        None => {
            transaction.execute("DELETE FROM precise_indexes WHERE id = $1", values![id.0 as i64]).await?
        }
    };
    Ok(n_removed > 0)
}

impl PreciseIndex {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Fault> {
        let impossible = |column| Fault::ImpossibleValue { column };
        let commit = <[u8; 20]>::try_from(row.bytes("commit_id")?).map_err(|_| impossible("commit_id"))?;
        Ok(PreciseIndex {
            id: PreciseId(row.unsigned("id")?),
            repo: row.repo_id("repo_id")?,
            commit: ObjectId(commit),
            root: row.text("root")?,
            indexer: row.text("indexer")?,
            indexer_version: row.text("indexer_version")?,
            state: PreciseState::parse(&row.text("state")?).ok_or_else(|| impossible("state"))?,
            n_parts: u32::try_from(row.int("n_parts")?).map_err(|_| impossible("n_parts"))?,
            counts: PreciseCounts {
                upload_bytes: row.unsigned("upload_bytes")?,
                size_bytes: row.unsigned("size_bytes")?,
                n_documents: row.unsigned("n_documents")?,
                n_symbols: row.unsigned("n_symbols")?,
                n_occurrences: row.unsigned("n_occurrences")?,
                n_left_out: row.unsigned("n_left_out")?,
            },
            error: row.maybe_text("error")?,
            uploaded_by: row.maybe_text("user_name")?,
            created_at: row.time("created_at")?,
            finished_at: row.maybe_time("finished_at")?,
        })
    }
}
