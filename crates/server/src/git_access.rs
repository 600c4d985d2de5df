//! Repositories opened for reading, kept open for the next page.
//!
//! SECURITY: what opens a repository takes its row, and rows come from the store by name and `AccessSet`: nobody gets
//! here with the number or the path of a repository.

use crate::failure::Failure;
use crate::readable::Readable;
use crate::searching::CalledOff;
use mirror::DataDir;
use model::{AccessSet, RepoId};
use search::{CancelToken, PathFilter, Watch};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::{Repository, Source};
use tokio::sync::Semaphore;

/// How many repositories stay open. Each holds a few mapped pack indexes.
const N_OPEN_MAX: usize = 64;
/// How many pages read objects at once: each may inflate a large object.
const N_READING_MAX: usize = 8;

/// Repositories opened for reading.
pub(crate) struct GitAccess {
    data_dir: DataDir,
    options: git::OpenOptions,
    open: Mutex<HashMap<RepoId, (PathBuf, git::Repository)>>,
    places: Arc<Semaphore>,
}

impl GitAccess {
    pub(crate) fn new(data_dir: DataDir, options: git::OpenOptions) -> Self {
        let places = Arc::new(Semaphore::new(N_READING_MAX));
        GitAccess { data_dir, options, open: Mutex::default(), places }
    }

    /// Where a repository's objects are.
    fn path_of(&self, row: &Repository) -> PathBuf {
        match &row.source {
            Source::Local(path) => path.clone(),
            Source::Remote(_) => self.data_dir.mirror(row.id),
        }
    }

    /// Opens a repository. Blocks.
    fn open(&self, row: &Repository) -> Result<git::Repository, Failure> {
        let path = self.path_of(row);
        let kept = |open: &HashMap<RepoId, (PathBuf, git::Repository)>| {
            open.get(&row.id).filter(|(at, _)| *at == path).map(|(_, repository)| repository.clone())
        };
        if let Some(repository) = kept(&self.open.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(repository);
        }
        let repository = git::Repository::open(&path, &self.options).map_err(Failure::internal)?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= N_OPEN_MAX {
            // Which ones go does not matter much: opening again costs a millisecond.
            open.clear();
        }
        open.insert(row.id, (path, repository.clone()));
        Ok(repository)
    }
}

/// Likewise as [`read`], for work of many pieces: it is told when it is over, at the latest after `time_max`. It is over, too, when the
/// returned future is dropped, which is what happens when the browser goes away.
pub(crate) async fn read_watched<T: Send + 'static>(
    state: &crate::state::AppState,
    access: &AccessSet,
    row: &Repository,
    time_max: Duration,
    work: impl FnOnce(&Readable, &Watch) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let called_off = CalledOff(CancelToken::new());
    let watch = Watch::new(called_off.0.clone(), Instant::now().checked_add(time_max));
    read(state, access, row, move |repository| work(repository, &watch)).await
}

/// Likewise, for work that is bounded by what it reads, not by time: it is over before its end only when nobody waits for it any more.
pub(crate) async fn read_while_wanted<T: Send + 'static>(
    state: &crate::state::AppState,
    access: &AccessSet,
    row: &Repository,
    work: impl FnOnce(&Readable, &Watch) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    // No clock goes so far: there is no such moment.
    read_watched(state, access, row, Duration::MAX, work).await
}

/// Another repository, for work that is under way and holds a place already. Blocks.
pub(crate) fn open_another(
    state: &crate::state::AppState,
    access: &AccessSet,
    row: &Repository,
) -> Result<Readable, Failure> {
    // SECURITY: likewise, the row was found under this access set, and the rules of paths come with it.
    let filter = access.path_rules(row.id).map(|rules| PathFilter::new(rules));
    Ok(Readable::new(state.git.open(row)?, filter))
}

/// Reads from a repository what the caller may read of it, on a thread that may block.
pub(crate) async fn read<T: Send + 'static>(
    state: &crate::state::AppState,
    access: &AccessSet,
    row: &Repository,
    work: impl FnOnce(&Readable) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let place = Arc::clone(&state.git.places).acquire_owned().await.map_err(Failure::internal)?;
    // SECURITY: the row was found under this access set; rules of paths come with it.
    let rules = access.path_rules(row.id).filter(|_| !model::leaks("path-rules-in-git"));
    let filter = rules.map(|rules| PathFilter::new(rules));
    let (state, row) = (state.clone(), row.clone());
    let reading = tokio::task::spawn_blocking(move || {
        let _place = place;
        work(&Readable::new(state.git.open(&row)?, filter))
    });
    reading.await.map_err(Failure::internal)?
}
