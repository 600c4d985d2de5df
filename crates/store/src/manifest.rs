//! Manifests: which files are a repository's index at the moment.

use crate::Fault;
use crate::database::{Row, Transaction, int, values};
use access::Timestamp;
use model::{ObjectId, RefName, RepoId};
use std::collections::HashSet;

/// Longest checksum and longest digest of refs.
const CHECKSUM_BYTES_MAX: usize = 64;
/// Longest file name.
const FILE_NAME_BYTES_MAX: usize = 128;

/// The number of a repository's manifest: 0 before the first, then one more with every publication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(pub u64);

/// The checksum of a file, in the form its format defines; at most 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileChecksum(pub Vec<u8>);

/// A file of an index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoredFile {
    /// Its name in the repository's index folder: 1 to 128 of `A`–`Z`, `a`–`z`, `0`–`9`, `.`, `_`, `-`, not beginning with `.`.
    pub name: String,
    /// Its length.
    pub size_bytes: u64,
    /// Its checksum.
    pub checksum: FileChecksum,
}

/// What is to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewManifest {
    /// The segments, in the order that the ref table numbers them.
    pub segments: Vec<StoredFile>,
    /// The ref table.
    pub ref_table: StoredFile,
    /// The branch HEAD names, if it names one that exists.
    pub default_branch: Option<RefName>,
    /// The commit of the default branch.
    pub indexed_commit: Option<ObjectId>,
    /// The state of the refs this index was made from, in a form of the publisher's own: equal bytes mean that nothing
    /// changed. At most 64 bytes.
    pub refs_digest: Option<Vec<u8>>,
}

/// What is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Whose index it is.
    pub repo: RepoId,
    /// Its number.
    pub generation: Generation,
    /// The segments, in the order that the ref table numbers them.
    pub segments: Vec<StoredFile>,
    /// The ref table.
    pub ref_table: StoredFile,
    /// The state of the refs this index was made from.
    pub refs_digest: Option<Vec<u8>>,
    /// When it was published.
    pub published_at: Timestamp,
}

/// The outcome of a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The number of the manifest that is now in force.
    pub generation: Generation,
    /// The files that no manifest names any more. They are on record as discarded too: delete them when no search uses
    /// them, then forget them ([`crate::Maintenance::forget_discarded`]).
    pub unreferenced: Vec<String>,
}

/// A manifest could not be published; the old one is in force.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Somebody else published since this one was begun, or the repository was removed.
    #[error(
        "the index of this repository was changed or removed meanwhile: begin again from its present manifest"
    )]
    Superseded,
    /// A file name cannot be stored.
    #[error(
        "'{name}' cannot name an index file: use 1 to 128 of A-Z, a-z, 0-9, '.', '_' and '-', each name once"
    )]
    BadFileName {
        /// The refused name, printable.
        name: String,
    },
    /// A field is longer than the store keeps.
    #[error("the {field} of a manifest is longer than {n_bytes_max} bytes")]
    TooLong {
        /// Which.
        field: &'static str,
        /// The most that is kept.
        n_bytes_max: usize,
    },
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl NewManifest {
    /// The files in the order of their ordinals: the ref table first.
    fn files(&self) -> impl Iterator<Item = &StoredFile> {
        std::iter::once(&self.ref_table).chain(&self.segments)
    }
}

/// Refuses what could not be read again.
pub(crate) fn check(new: &NewManifest) -> Result<(), PublishError> {
    check_files(new.refs_digest.as_ref(), new.files())
}

/// Likewise, for any list of files.
pub(crate) fn check_files<'a>(
    refs_digest: Option<&Vec<u8>>,
    files: impl Iterator<Item = &'a StoredFile>,
) -> Result<(), PublishError> {
    let too_long = |field| PublishError::TooLong { field, n_bytes_max: CHECKSUM_BYTES_MAX };
    if refs_digest.is_some_and(|digest| digest.len() > CHECKSUM_BYTES_MAX) {
        return Err(too_long("refs digest"));
    }
    let mut names = HashSet::new();
    for file in files {
        if !is_file_name(&file.name) || !names.insert(&file.name) {
            let name = file.name.chars().take(FILE_NAME_BYTES_MAX).flat_map(char::escape_default).collect();
            return Err(PublishError::BadFileName { name });
        }
        if file.checksum.0.len() > CHECKSUM_BYTES_MAX {
            return Err(too_long("file checksum"));
        }
    }
    Ok(())
}

fn is_file_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=FILE_NAME_BYTES_MAX).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(allowed)
}

/// Replaces the manifest in force. The first statement is both the comparison and the lock.
pub(crate) async fn publish(
    transaction: &mut Transaction,
    now: Timestamp,
    repo: RepoId,
    expected: Generation,
    new: &NewManifest,
) -> Result<Published, PublishError> {
    const SWAP: &str = "UPDATE repositories SET generation = generation + 1, default_branch = $3, \
         indexed_commit = $4, indexed_at = $5, refs_digest = $6, status = 'ready', progress_done = NULL, \
         progress_total = NULL, error = NULL WHERE id = $1 AND generation = $2 RETURNING generation";
    let branch = new.default_branch.as_ref().map(RefName::as_str);
    let commit = new.indexed_commit.map(|commit| commit.0.to_vec());
    let swap = values![repo, int(expected.0), branch, commit, now, new.refs_digest.clone()];
    let Some(row) = transaction.row(SWAP, swap).await? else { return Err(PublishError::Superseded) };
    let generation = Generation(row.unsigned("generation")?);
    let unreferenced = replace_files(transaction, now, repo, new).await?;
    Ok(Published { generation, unreferenced })
}

/// Returns the names that no manifest holds any more; they are on record as discarded.
async fn replace_files(
    transaction: &mut Transaction,
    now: Timestamp,
    repo: RepoId,
    new: &NewManifest,
) -> Result<Vec<String>, Fault> {
    const INSERT: &str = "INSERT INTO manifest_files (repo_id, ordinal, name, size_bytes, checksum) \
         VALUES ($1, $2, $3, $4, $5)";
    const KEEP: &str = "DELETE FROM discarded WHERE repo_id = $1 AND name = $2";
    let sql = "SELECT name, size_bytes FROM manifest_files WHERE repo_id = $1 ORDER BY ordinal";
    let old = transaction.rows(sql, values![repo]).await?;
    transaction.execute("DELETE FROM manifest_files WHERE repo_id = $1", values![repo]).await?;
    let mut names = HashSet::new();
    for (ordinal, file) in (0i64..).zip(new.files()) {
        let columns = values![repo, ordinal, &file.name, int(file.size_bytes), file.checksum.0.clone()];
        transaction.execute(INSERT, columns).await?;
        transaction.execute(KEEP, values![repo, &file.name]).await?;
        names.insert(file.name.as_str());
    }
    let old: Result<Vec<_>, Fault> =
        old.iter().map(|row| Ok((row.text("name")?, row.int("size_bytes")?))).collect();
    discard_missing(transaction, now, repo, old?, &names).await
}

/// Records the files that are named no more as discarded, and returns their names.
pub(crate) async fn discard_missing(
    transaction: &mut Transaction,
    now: Timestamp,
    repo: RepoId,
    old: Vec<(String, i64)>,
    kept: &HashSet<&str>,
) -> Result<Vec<String>, Fault> {
    const DISCARD: &str =
        "INSERT INTO discarded (repo_id, name, size_bytes, discarded_at) VALUES ($1, $2, $3, $4)";
    let mut unreferenced = Vec::new();
    for (name, size_bytes) in old {
        if !kept.contains(name.as_str()) {
            transaction.execute(DISCARD, values![repo, &name, size_bytes, now]).await?;
            unreferenced.push(name);
        }
    }
    Ok(unreferenced)
}

/// Reads the manifests in force, by repository: one repository's, or all.
pub(crate) async fn read(snapshot: &mut Transaction, repo: Option<RepoId>) -> Result<Vec<Manifest>, Fault> {
    const READ: &str = "SELECT repo_id, generation, refs_digest, indexed_at, ordinal, manifest_files.name AS name, \
         size_bytes, checksum FROM manifest_files JOIN repositories ON repositories.id = manifest_files.repo_id \
         WHERE repo_id BETWEEN $1 AND $2 ORDER BY repo_id, ordinal";
    let mut manifests: Vec<Manifest> = Vec::new();
    let (first, last) = (repo.unwrap_or(RepoId(0)), repo.unwrap_or(RepoId(u32::MAX)));
    for row in &snapshot.rows(READ, values![first, last]).await? {
        let file = StoredFile::from_row(row)?;
        match manifests.last_mut().filter(|_| row.int("ordinal").is_ok_and(|ordinal| ordinal > 0)) {
            Some(manifest) => manifest.segments.push(file),
            None => manifests.push(Manifest {
                repo: row.repo_id("repo_id")?,
                generation: Generation(row.unsigned("generation")?),
                segments: Vec::new(),
                ref_table: file,
                refs_digest: row.maybe_bytes("refs_digest")?,
                published_at: row.time("indexed_at")?,
            }),
        }
    }
    Ok(manifests)
}

impl StoredFile {
    fn from_row(row: &Row) -> Result<Self, Fault> {
        Ok(StoredFile {
            name: row.text("name")?,
            size_bytes: row.unsigned("size_bytes")?,
            checksum: FileChecksum(row.bytes("checksum")?),
        })
    }
}
