//! Opening published indexes.

use crate::DataDir;
use crate::build::hash_file;
use crate::describe::said_of;
use index::{OpenError, ReadError, RefTable, Segment};
use model::{RepoId, RepoName};
use search::{Catalog, DamagedPart, PendingRepo, PendingState, RepoIndex};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{Manifest, RepoStatus, Repository, Store, StoredFile};

/// How often a manifest is read again because its files went away in between: each time another one was published.
const N_RACES_MAX: u32 = 5;

/// A published index whose files are not what the manifest says.
#[derive(Debug, thiserror::Error)]
#[error("the {} of '{name}' is damaged: {fault}; it is rebuilt from git", said(*part))]
pub struct DamagedIndex {
    /// The repository, for those who queue its rebuilding.
    pub repo: RepoId,
    /// Its name.
    pub name: RepoName,
    /// What of it is damaged. With a damaged history, code is searched all the same.
    pub part: DamagedPart,
    /// What is wrong.
    pub fault: IndexFault,
}

/// What is wrong with a file of an index.
#[derive(Debug, thiserror::Error)]
pub enum IndexFault {
    /// It cannot be opened, or its frame is damaged.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is shorter or longer than what was published.
    #[error("'{}' has {actual_bytes} bytes and not the {expected_bytes} that were published", path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// Its size.
        actual_bytes: u64,
        /// The size it had.
        expected_bytes: u64,
    },
    /// It is another file than was published.
    #[error("'{}' is not the file that was published", path.display())]
    Identity {
        /// The file.
        path: PathBuf,
    },
    /// Its content is damaged.
    #[error("'{}': {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        source: ReadError,
    },
    /// It cannot be read.
    #[error("'{}' cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

fn said(part: DamagedPart) -> &'static str {
    match part {
        DamagedPart::Index => "index",
        DamagedPart::History => "history",
    }
}

impl IndexFault {
    /// Whether the file is simply not there.
    fn is_missing(&self) -> bool {
        match self {
            IndexFault::Io { source, .. } | IndexFault::Open(OpenError::Io { source, .. }) => {
                source.kind() == io::ErrorKind::NotFound
            }
            _ => false,
        }
    }
}

/// Opens every published index into a catalog; repositories without one are noted as pending. Works beside a running
/// server: files that are replaced meanwhile are looked up again. Damaged indexes are left out and returned.
pub async fn open_catalog(
    store: &Store,
    data: &DataDir,
    catalog: &Catalog,
) -> Result<Vec<DamagedIndex>, store::Fault> {
    let mut rows: HashMap<RepoId, Repository> =
        store.maintenance().repositories().await?.into_iter().map(|row| (row.id, row)).collect();
    let mut opened: Vec<RepoIndex> = Vec::new();
    let mut damaged = Vec::new();
    for manifest in store.maintenance().manifests().await? {
        let Some(row) = rows.remove(&manifest.repo) else { continue };
        match open_settled(store, data, &row, manifest).await? {
            Some(Ok(index)) => opened.push(index),
            Some(Err(fault)) => {
                catalog.set_pending(pending(&row, PendingState::Indexing));
                damaged.push(DamagedIndex { repo: row.id, name: row.name, part: DamagedPart::Index, fault });
            }
            None => {}
        }
    }
    for stored in store.maintenance().histories().await? {
        if let Some(index) = opened.iter_mut().find(|index| index.id == stored.repo) {
            match crate::history::open_history(data, &stored) {
                Ok(history) => index.history = Some(Arc::new(history)),
                Err(fault) => {
                    let (repo, name) = (index.id, index.name.clone());
                    damaged.push(DamagedIndex { repo, name, part: DamagedPart::History, fault });
                }
            }
        }
    }
    catalog.publish_all(opened);
    for row in rows.values() {
        let state = match row.status {
            RepoStatus::Error => PendingState::Failed,
            RepoStatus::Pending | RepoStatus::Cloning if matches!(row.source, store::Source::Remote(_)) => {
                PendingState::Cloning
            }
            _ => PendingState::Indexing,
        };
        catalog.set_pending(pending(row, state));
    }
    Ok(damaged)
}

/// Opens one index, reading the manifest again while its files are replaced under us. `None` where the repository went.
async fn open_settled(
    store: &Store,
    data: &DataDir,
    row: &Repository,
    mut manifest: Manifest,
) -> Result<Option<Result<RepoIndex, IndexFault>>, store::Fault> {
    for _ in 0..N_RACES_MAX {
        let outcome = open_index(data, row, &manifest);
        match &outcome {
            Err(fault) if fault.is_missing() => {}
            _ => return Ok(Some(outcome)),
        }
        let Some(present) = store.maintenance().manifest(row.id).await? else { return Ok(None) };
        if present.generation == manifest.generation {
            return Ok(Some(outcome));
        }
        manifest = present;
    }
    Ok(Some(open_index(data, row, &manifest)))
}

pub(crate) fn pending(row: &Repository, state: PendingState) -> PendingRepo {
    PendingRepo { id: row.id, name: row.name.clone(), state }
}

/// Opens the files of one manifest.
pub(crate) fn open_index(
    data: &DataDir,
    row: &Repository,
    manifest: &Manifest,
) -> Result<RepoIndex, IndexFault> {
    let folder = data.index(row.id);
    let segments = open_segments(&folder, manifest)?;
    let ref_table = open_ref_table(&folder, &manifest.ref_table)?;
    let ids = segments.iter().map(|segment| segment.id());
    if !ids.eq(ref_table.segments().iter().copied()) {
        return Err(IndexFault::Identity { path: folder.join(&manifest.ref_table.name) });
    }
    Ok(repo_index(data, row, Arc::new(ref_table), segments))
}

/// Puts opened files and what the row says together.
pub(crate) fn repo_index(
    data: &DataDir,
    row: &Repository,
    ref_table: Arc<RefTable>,
    segments: Vec<Arc<Segment>>,
) -> RepoIndex {
    let said = said_of(row);
    RepoIndex {
        objects: objects_of(data, row),
        id: row.id,
        name: row.name.clone(),
        visibility: said.visibility,
        is_fork: said.is_fork,
        is_archived: said.is_archived,
        about: Arc::new(said.about),
        ref_table,
        segments,
        history: None,
    }
}

/// Where a repository's objects are.
pub(crate) fn objects_of(data: &DataDir, row: &Repository) -> PathBuf {
    match &row.source {
        store::Source::Local(path) => path.clone(),
        store::Source::Remote(_) => data.mirror(row.id),
    }
}

/// Opens the segments of one manifest, in the order of their ordinals.
pub(crate) fn open_segments(folder: &Path, manifest: &Manifest) -> Result<Vec<Arc<Segment>>, IndexFault> {
    manifest
        .segments
        .iter()
        .map(|file| {
            let path = checked_path(folder, file)?;
            let segment = Segment::open(&path)?;
            match segment.id().0[..] == file.checksum.0[..] {
                true => Ok(Arc::new(segment)),
                false => Err(IndexFault::Identity { path }),
            }
        })
        .collect()
}

fn open_ref_table(folder: &Path, file: &StoredFile) -> Result<RefTable, IndexFault> {
    Ok(RefTable::open(&checked_path(folder, file)?)?)
}

pub(crate) fn checked_path(folder: &Path, file: &StoredFile) -> Result<PathBuf, IndexFault> {
    let path = folder.join(&file.name);
    match std::fs::metadata(&path) {
        Err(source) => Err(IndexFault::Io { path, source }),
        Ok(metadata) if metadata.len() != file.size_bytes => {
            Err(IndexFault::Size { path, actual_bytes: metadata.len(), expected_bytes: file.size_bytes })
        }
        Ok(_) => Ok(path),
    }
}

/// Reads every byte of an index and compares every checksum. Returns the faults; reads as long as the index is large.
pub fn verify_index(data: &DataDir, manifest: &Manifest) -> Vec<IndexFault> {
    let folder = data.index(manifest.repo);
    let mut faults = Vec::new();
    for file in &manifest.segments {
        if let Err(fault) = verify_segment(&folder, file) {
            faults.push(fault);
        }
    }
    if let Err(fault) = verify_ref_table(&folder, &manifest.ref_table) {
        faults.push(fault);
    }
    faults
}

fn verify_segment(folder: &Path, file: &StoredFile) -> Result<(), IndexFault> {
    let path = checked_path(folder, file)?;
    let segment = Segment::open(&path)?;
    if segment.id().0[..] != file.checksum.0[..] {
        return Err(IndexFault::Identity { path });
    }
    segment.verify().map_err(|source| IndexFault::Content { path, source })
}

fn verify_ref_table(folder: &Path, file: &StoredFile) -> Result<(), IndexFault> {
    let path = checked_path(folder, file)?;
    let table = RefTable::open(&path)?;
    let checksum = hash_file(&path).map_err(|source| IndexFault::Io { path: path.clone(), source })?;
    if checksum != file.checksum {
        return Err(IndexFault::Identity { path });
    }
    table.verify().map_err(|source| IndexFault::Content { path, source })
}
