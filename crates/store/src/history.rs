//! Which files are a repository's history at the moment: a manifest of its own, so that publishing code never waits for it.

use crate::database::{Row, Transaction, int, values};
use crate::manifest::{check_files, discard_missing};
use crate::{Fault, FileChecksum, Generation, Maintenance, PublishError, StoredFile};
use access::Timestamp;
use model::RepoId;
use serde_json::{Value, json};

/// What a file of a history holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HistoryFileKind {
    /// Where the refs stand; one file.
    Tips,
    /// A commit table.
    Commits,
    /// The messages of the commit table named before it.
    Messages,
    /// A change table.
    Changes,
    /// The changed lines of the change table named before it.
    Lines,
}

/// A history: published, or to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The state of the refs it was made from, in a form of the publisher's own; at most 64 bytes.
    pub refs_digest: Vec<u8>,
    /// Its files; tables oldest first, each followed by its segment.
    pub files: Vec<(HistoryFileKind, StoredFile)>,
    /// How many commits there are.
    pub n_commits: u64,
    /// Of how many of them the changed lines are there.
    pub n_done: u64,
}

/// A history in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredHistory {
    /// Whose it is.
    pub repo: RepoId,
    /// Its number: 0 before the first, then one more with every publication.
    pub generation: Generation,
    /// It.
    pub history: History,
}

const SELECT: &str = "SELECT repo_id, generation, refs_digest, files, n_commits, n_done FROM histories \
     WHERE repo_id BETWEEN $1 AND $2 ORDER BY repo_id";

impl Maintenance {
    /// The history in force, if something was ever published.
    pub async fn history(&self, repo: RepoId) -> Result<Option<StoredHistory>, Fault> {
        let row = self.store.database().row(SELECT, values![repo, repo]).await?;
        row.as_ref().map(StoredHistory::from_row).transpose()
    }

    /// Every history in force, by repository.
    pub async fn histories(&self) -> Result<Vec<StoredHistory>, Fault> {
        let rows = self.store.database().rows(SELECT, values![RepoId(0), RepoId(u32::MAX)]).await?;
        rows.iter().map(StoredHistory::from_row).collect()
    }

    /// Puts a history in force, in one transaction, provided that `expected` is still the generation in force (0 before the
    /// first). Files that the old one named and the new one does not are recorded as discarded.
    pub async fn publish_history(
        &self,
        repo: RepoId,
        expected: Generation,
        new: &History,
    ) -> Result<Generation, PublishError> {
        check_files(Some(&new.refs_digest), new.files.iter().map(|(_, file)| file))?;
        let mut transaction = self.store.database().begin().await?;
        let generation = publish(&mut transaction, self.store.now(), repo, expected, new).await?;
        transaction.commit().await?;
        Ok(generation)
    }
}

async fn publish(
    transaction: &mut Transaction,
    now: Timestamp,
    repo: RepoId,
    expected: Generation,
    new: &History,
) -> Result<Generation, PublishError> {
    // Where there is no repository of this number any more, nothing is inserted.
    const FIRST: &str = "INSERT INTO histories (repo_id, generation, refs_digest, files, n_commits, n_done) \
         SELECT id, 0, $2, '[]', 0, 0 FROM repositories WHERE id = $1 \
         ON CONFLICT (repo_id) DO NOTHING";
    const SWAP: &str = "UPDATE histories SET generation = generation + 1, refs_digest = $3, files = $4, \
         n_commits = $5, n_done = $6 WHERE repo_id = $1 AND generation = $2 RETURNING generation";
    if expected == Generation(0) {
        transaction.execute(FIRST, values![repo, new.refs_digest.clone()]).await?;
    }
    let old = transaction.row(SELECT, values![repo, repo]).await?;
    let old = old.as_ref().map(StoredHistory::from_row).transpose()?.ok_or(PublishError::Superseded)?;
    let files = Value::Array(new.files.iter().map(to_json).collect()).to_string();
    let swap =
        values![repo, int(expected.0), new.refs_digest.clone(), files, int(new.n_commits), int(new.n_done)];
    let Some(row) = transaction.row(SWAP, swap).await? else { return Err(PublishError::Superseded) };
    let old = old.history.files.into_iter().map(|(_, file)| (file.name, int(file.size_bytes)));
    let kept = new.files.iter().map(|(_, file)| file.name.as_str()).collect();
    discard_missing(transaction, now, repo, old.collect(), &kept).await?;
    Ok(Generation(row.unsigned("generation")?))
}

impl StoredHistory {
    fn from_row(row: &Row) -> Result<Self, Fault> {
        let impossible = || Fault::ImpossibleValue { column: "files" };
        let files: Vec<Value> = serde_json::from_str(&row.text("files")?).map_err(|_| impossible())?;
        let files: Option<Vec<_>> = files.iter().map(of_json).collect();
        Ok(StoredHistory {
            repo: row.repo_id("repo_id")?,
            generation: Generation(row.unsigned("generation")?),
            history: History {
                refs_digest: row.bytes("refs_digest")?,
                files: files.ok_or_else(impossible)?,
                n_commits: row.unsigned("n_commits")?,
                n_done: row.unsigned("n_done")?,
            },
        })
    }
}

const KINDS: [(HistoryFileKind, &str); 5] = [
    (HistoryFileKind::Tips, "tips"),
    (HistoryFileKind::Commits, "commits"),
    (HistoryFileKind::Messages, "messages"),
    (HistoryFileKind::Changes, "changes"),
    (HistoryFileKind::Lines, "lines"),
];

fn to_json((kind, file): &(HistoryFileKind, StoredFile)) -> Value {
    let kind = KINDS.iter().find(|(known, _)| known == kind).map_or("", |(_, word)| *word);
    let checksum: String = file.checksum.0.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({ "kind": kind, "name": file.name, "size": file.size_bytes, "checksum": checksum })
}

fn of_json(value: &Value) -> Option<(HistoryFileKind, StoredFile)> {
    let word = value.get("kind")?.as_str()?;
    let (kind, _) = KINDS.iter().find(|(_, known)| *known == word)?;
    let digits = value.get("checksum")?.as_str()?;
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let checksum: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    let file = StoredFile {
        name: value.get("name")?.as_str()?.to_owned(),
        size_bytes: value.get("size")?.as_u64()?,
        checksum: FileChecksum(checksum?),
    };
    Some((*kind, file))
}
