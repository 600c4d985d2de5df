//! Deleting what nothing refers to.
//!
//! Only the holder of the data directory's lock sweeps, so no file can be on its way to being published meanwhile. A file
//! that a manifest names is never deleted: the names are read after the files were listed, and names are never reused.

use crate::DataDir;
use crate::overlay::WORKSHOP_PREFIX;
use model::RepoId;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use store::{DiscardedWhat, Store, Timestamp};

/// Discarded files deleted between two looks at the clock of a running server.
const DISCARDED_BATCH: u32 = 1000;

/// The setting that names the database, and the file that names the data directory: they must agree.
const INSTANCE_KEY: &str = "instance_id";
const INSTANCE_FILE: &str = "instance";

/// Why leftovers could not be swept.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The data directory was made with another database. Sweeping would delete what belongs to that one.
    #[error(
        "the data directory '{data}' belongs to another database; set database.url to the one it was made with, or choose another data directory"
    )]
    OtherDatabase {
        /// The data directory.
        data: String,
    },
    /// A file or folder cannot be listed, read or written.
    #[error("cannot tidy '{path}': {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Fault),
}

fn io_error(path: &Path, source: io::Error) -> SweepError {
    SweepError::Io { path: path.display().to_string(), source }
}

/// Deletes everything below `index/` and `mirrors/` that no row refers to: leftovers of killed runs, and what was removed
/// while no server ran. For the start of a process that holds the lock. Returns how many files and folders went.
pub(crate) async fn sweep_leftovers(store: &Store, data: &DataDir) -> Result<usize, SweepError> {
    check_instance(store, data).await?;
    // Listed before the manifests are read: what is published in between is on the newer list.
    let listed = list(&data.index_root())?;
    let mirrors = list(&data.mirrors())?;
    let rows: HashSet<RepoId> =
        store.maintenance().repositories().await?.into_iter().map(|row| row.id).collect();
    let manifests = store.maintenance().manifests().await?;
    let histories = store.maintenance().histories().await?;
    let mut named: HashMap<RepoId, HashSet<&str>> = manifests
        .iter()
        .map(|manifest| {
            let files = manifest.segments.iter().chain([&manifest.ref_table]);
            (manifest.repo, files.map(|file| file.name.as_str()).collect())
        })
        .collect();
    for stored in &histories {
        named.entry(stored.repo).or_default().extend(crate::history::names(stored));
    }
    let mut n_deleted = 0;
    for name in listed {
        let Ok(repo) = name.parse().map(RepoId) else { continue };
        let folder = data.index(repo);
        if !rows.contains(&repo) {
            n_deleted += usize::from(delete_folder(&folder));
            continue;
        }
        if !folder.is_dir() {
            // Whatever it is, no index can be written as long as it is in the way.
            n_deleted += usize::from(delete_file(&folder));
            continue;
        }
        let keep = named.get(&repo);
        let leftovers =
            list(&folder)?.into_iter().filter(|name| keep.is_none_or(|keep| !keep.contains(name.as_str())));
        n_deleted += leftovers.filter(|name| delete_file(&folder.join(name))).count();
    }
    n_deleted += sweep_overlays(data, &rows)?;
    for name in mirrors {
        let repo = name.strip_suffix(".git").and_then(|stem| stem.parse().ok()).map(RepoId);
        if let Some(repo) = repo.filter(|repo| !rows.contains(repo)) {
            n_deleted += usize::from(delete_folder(&data.mirror(repo)));
        }
    }
    n_deleted +=
        git::Mirror::remove_leftovers(&data.mirrors()).map_err(|source| io_error(&data.mirrors(), source))?;
    forget_discarded(store, data, Timestamp(i64::MAX)).await?;
    store.maintenance().forget_what_is_over().await?;
    Ok(n_deleted)
}

/// Deletes the overlays of repositories that are gone, and what was being made when a process died.
fn sweep_overlays(data: &DataDir, rows: &HashSet<RepoId>) -> Result<usize, SweepError> {
    let mut n_deleted = 0;
    for name in list(&data.overlays())? {
        let Ok(repo) = name.parse().map(RepoId) else { continue };
        let folder = data.overlays().join(&name);
        if !rows.contains(&repo) {
            n_deleted += usize::from(delete_folder(&folder));
            continue;
        }
        let unfinished = list(&folder)?.into_iter().filter(|name| name.starts_with(WORKSHOP_PREFIX));
        n_deleted += unfinished.filter(|name| delete_folder(&folder.join(name))).count();
    }
    Ok(n_deleted)
}

/// Deletes what was discarded before `before`. A search that still uses a file has it mapped and keeps it so; the delay
/// is for other processes that have read a manifest and are about to open its files.
pub(crate) async fn forget_discarded(
    store: &Store,
    data: &DataDir,
    before: Timestamp,
) -> Result<usize, SweepError> {
    let maintenance = store.maintenance();
    let mut n_deleted = 0;
    loop {
        let discarded = maintenance.discarded(DISCARDED_BATCH).await?;
        let due: Vec<_> = discarded.into_iter().filter(|one| one.discarded_at <= before).collect();
        if due.is_empty() {
            return Ok(n_deleted);
        }
        let mut gone = Vec::new();
        for one in &due {
            let is_gone = match &one.what {
                DiscardedWhat::IndexFile { name, .. } => delete_file(&data.index(one.repo).join(name)),
                DiscardedWhat::Repository => {
                    let overlays = data.overlays().join(one.repo.0.to_string());
                    delete_folder(&data.index(one.repo))
                        & delete_folder(&data.mirror(one.repo))
                        & delete_folder(&overlays)
                }
            };
            if is_gone {
                gone.push(one.id);
            }
        }
        n_deleted += gone.len();
        maintenance.forget_discarded(&gone).await?;
        if gone.len() < due.len() {
            // Something cannot be deleted; it was logged, and the next round tries again.
            return Ok(n_deleted);
        }
    }
}

async fn check_instance(store: &Store, data: &DataDir) -> Result<(), SweepError> {
    let fresh = uuid::Uuid::new_v4().to_string();
    let expected = store.setting_or_insert(INSTANCE_KEY, &fresh).await?;
    let path = data.root().join(INSTANCE_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) if text.trim() == expected => Ok(()),
        Ok(_) => Err(SweepError::OtherDatabase { data: data.root().display().to_string() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            std::fs::write(&path, format!("{expected}\n")).map_err(|source| io_error(&path, source))
        }
        Err(error) => Err(io_error(&path, error)),
    }
}

/// The names in a folder; none where there is no folder. Names that are not UTF-8 are not ours and left alone.
fn list(folder: &Path) -> Result<Vec<String>, SweepError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io_error(folder, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| io_error(folder, source))?;
        names.extend(entry.file_name().into_string());
    }
    Ok(names)
}

/// Deletes a file; whether it is gone now.
fn delete_file(path: &Path) -> bool {
    is_gone(path, std::fs::remove_file(path))
}

/// Deletes a folder with everything in it; whether it is gone now.
fn delete_folder(path: &Path) -> bool {
    is_gone(path, std::fs::remove_dir_all(path))
}

fn is_gone(path: &Path, outcome: io::Result<()>) -> bool {
    match outcome {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a leftover cannot be deleted");
            false
        }
    }
}
