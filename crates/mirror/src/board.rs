//! The progress board: what is being mirrored and indexed right now, for pages and the terminal.

use model::{AccessSet, RepoId, RepoName};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// What is being done for a repository at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// The refs are being looked at: most of the time nothing changed.
    Checking = 5,
    /// The first copy of a remote repository is on its way.
    Cloning = 0,
    /// News of a remote repository is on its way.
    Fetching = 1,
    /// The trees of all heads and tags are being read.
    Walking = 2,
    /// New blobs are being read and indexed.
    Indexing = 3,
    /// The new index is being made visible.
    Publishing = 4,
    /// Its commits and their changes are being read, in the background.
    History = 6,
}

impl Phase {
    /// The word shown for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Checking => "checking",
            Phase::Cloning => "cloning",
            Phase::Fetching => "fetching",
            Phase::Walking => "walking",
            Phase::Indexing => "indexing",
            Phase::Publishing => "publishing",
            Phase::History => "history",
        }
    }

    /// Whether somebody waits for it: what is done in the background makes room.
    pub(crate) fn is_work(self) -> bool {
        matches!(self, Phase::Cloning | Phase::Walking | Phase::Indexing | Phase::Publishing)
    }

    fn from_code(code: u8) -> Self {
        match code {
            0 => Phase::Cloning,
            1 => Phase::Fetching,
            2 => Phase::Walking,
            3 => Phase::Indexing,
            4 => Phase::Publishing,
            6 => Phase::History,
            _ => Phase::Checking,
        }
    }
}

/// How far the work on one repository has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The repository.
    pub repo: RepoId,
    /// Its name.
    pub name: RepoName,
    /// What is being done.
    pub phase: Phase,
    /// Blobs indexed so far; 0 before [`Phase::Indexing`]. Commits, of a history.
    pub files_done: u64,
    /// Blobs to index; 0 while unknown.
    pub files_total: u64,
    /// Bytes of content read so far. While cloning or fetching: bytes received, where git tells.
    pub bytes_done: u64,
    /// Bytes of content to read; 0 while unknown.
    pub bytes_total: u64,
    /// Since the phase began.
    pub phase_elapsed: Duration,
    /// Since the work on the repository began.
    pub elapsed: Duration,
}

impl Progress {
    /// Bytes per second in this phase; 0 where nothing can be said yet.
    pub fn bytes_per_second(&self) -> u64 {
        let seconds = self.phase_elapsed.as_secs_f64();
        if seconds > 0.0 { (self.bytes_done as f64 / seconds) as u64 } else { 0 }
    }

    /// How much is done, from 0 to 1, where the end is known.
    pub fn fraction(&self) -> Option<f64> {
        match (self.bytes_total, self.files_total) {
            (0, 0) => None,
            (0, files) => Some(self.files_done as f64 / files as f64),
            (bytes, _) => Some((self.bytes_done as f64 / bytes as f64).min(1.0)),
        }
    }

    /// How long the phase will still take at the rate so far.
    pub fn time_left(&self) -> Option<Duration> {
        let rate = self.bytes_per_second();
        let left = self.bytes_total.checked_sub(self.bytes_done)?;
        (rate > 0 && self.bytes_total > 0).then(|| Duration::from_secs_f64(left as f64 / rate as f64))
    }
}

/// Sums over everything since the board was made: for the process's own terminal and its metrics, never for a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProgressTotals {
    /// Repositories finished, unchanged ones included.
    pub repos_done: u64,
    /// Repositories that failed.
    pub repos_failed: u64,
    /// Blobs indexed.
    pub files: u64,
    /// Bytes of content indexed.
    pub bytes: u64,
}

/// The board: shared by the worker that writes it and everybody who reads it. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Board {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// A repository's history is worked on beside the rest.
    tasks: Mutex<BTreeMap<(RepoId, bool), Arc<Entry>>>,
    repos_done: AtomicU64,
    repos_failed: AtomicU64,
    files: AtomicU64,
    bytes: AtomicU64,
    raw_bytes: AtomicU64,
    raw_bytes_max: AtomicU64,
}

#[derive(Debug)]
struct Entry {
    repo: RepoId,
    name: RepoName,
    phase: AtomicU8,
    files_done: AtomicU64,
    files_total: AtomicU64,
    bytes_done: AtomicU64,
    bytes_total: AtomicU64,
    started: Instant,
    phase_started: Mutex<Instant>,
}

impl Board {
    /// An empty board.
    pub fn new() -> Self {
        Board::default()
    }

    /// Notes what raw sidecars take and may take.
    pub(crate) fn set_raw_bytes(&self, bytes: u64, bytes_max: u64) {
        self.shared.raw_bytes.store(bytes, Ordering::Relaxed);
        self.shared.raw_bytes_max.store(bytes_max, Ordering::Relaxed);
    }

    /// Bytes that raw sidecars take, and may take. A sum over all repositories: for administrators only.
    pub fn raw_bytes(&self) -> (u64, u64) {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (load(&self.shared.raw_bytes), load(&self.shared.raw_bytes_max))
    }

    /// How far one repository has come, if work on it is under way and the caller may know of it.
    pub fn of(&self, access: &AccessSet, repo: RepoId) -> Option<Progress> {
        // SECURITY: names and progress are metadata of the repository; how many files it has is that of all of it.
        if !may_watch(access, repo) {
            return None;
        }
        let tasks = locked(&self.shared.tasks);
        let entry = tasks.get(&(repo, false)).or_else(|| tasks.get(&(repo, true)));
        entry.map(|entry| entry.progress())
    }

    /// Everything under way that the caller may know of, ascending by id.
    pub fn visible(&self, access: &AccessSet) -> Vec<Progress> {
        // SECURITY: as in `of`.
        self.for_operator().into_iter().filter(|progress| may_watch(access, progress.repo)).collect()
    }

    /// Everything under way: only for the terminal of the process that owns the data directory.
    pub fn for_operator(&self) -> Vec<Progress> {
        locked(&self.shared.tasks).values().map(|entry| entry.progress()).collect()
    }

    /// The sums so far: only for the terminal and the metrics of the process that owns the data directory.
    pub fn totals(&self) -> ProgressTotals {
        ProgressTotals {
            repos_done: self.shared.repos_done.load(Ordering::Relaxed),
            repos_failed: self.shared.repos_failed.load(Ordering::Relaxed),
            files: self.shared.files.load(Ordering::Relaxed),
            bytes: self.shared.bytes.load(Ordering::Relaxed),
        }
    }

    /// Puts a repository on the board; it leaves when the task is dropped.
    pub fn begin(&self, repo: RepoId, name: RepoName, phase: Phase) -> Task {
        let now = Instant::now();
        let entry = Arc::new(Entry {
            repo,
            name,
            phase: AtomicU8::new(phase as u8),
            files_done: AtomicU64::new(0),
            files_total: AtomicU64::new(0),
            bytes_done: AtomicU64::new(0),
            bytes_total: AtomicU64::new(0),
            started: now,
            phase_started: Mutex::new(now),
        });
        locked(&self.shared.tasks).insert((repo, phase == Phase::History), Arc::clone(&entry));
        Task { board: self.clone(), entry, succeeded: false }
    }
}

/// The work on one repository, as it is shown on the board.
#[derive(Debug)]
pub struct Task {
    board: Board,
    entry: Arc<Entry>,
    succeeded: bool,
}

impl Task {
    /// Begins the next phase: counts start from nothing.
    pub fn phase(&self, phase: Phase) {
        for counter in
            [&self.entry.files_done, &self.entry.files_total, &self.entry.bytes_done, &self.entry.bytes_total]
        {
            counter.store(0, Ordering::Relaxed);
        }
        *locked(&self.entry.phase_started) = Instant::now();
        self.entry.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Says how much there is to do in this phase.
    pub fn expect(&self, files: u64, bytes: u64) {
        self.entry.files_total.store(files, Ordering::Relaxed);
        self.entry.bytes_total.store(bytes, Ordering::Relaxed);
    }

    /// Counts one blob as indexed.
    pub fn file(&self, bytes: u64) {
        self.entry.files_done.fetch_add(1, Ordering::Relaxed);
        self.entry.bytes_done.fetch_add(bytes, Ordering::Relaxed);
        self.board.shared.files.fetch_add(1, Ordering::Relaxed);
        self.board.shared.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Sets what has been received of a clone or fetch, as far as git tells: objects and bytes.
    pub fn received(&self, objects_done: u64, objects_total: u64, bytes: u64) {
        self.entry.files_done.store(objects_done, Ordering::Relaxed);
        self.entry.files_total.store(objects_total, Ordering::Relaxed);
        self.entry.bytes_done.store(bytes, Ordering::Relaxed);
    }

    /// Sets how many commits of a history are done, of how many.
    pub(crate) fn told(&self, n_done: u64, n_commits: u64) {
        self.entry.files_done.store(n_done, Ordering::Relaxed);
        self.entry.files_total.store(n_commits, Ordering::Relaxed);
    }

    /// Takes the repository off the board as finished.
    pub fn succeed(mut self) {
        self.succeeded = true;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let is_history = self.entry.phase.load(Ordering::Relaxed) == Phase::History as u8;
        locked(&self.board.shared.tasks).remove(&(self.entry.repo, is_history));
        if is_history {
            return;
        }
        let counter = match self.succeeded {
            true => &self.board.shared.repos_done,
            false => &self.board.shared.repos_failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Entry {
    fn progress(&self) -> Progress {
        Progress {
            repo: self.repo,
            name: self.name.clone(),
            phase: Phase::from_code(self.phase.load(Ordering::Relaxed)),
            files_done: self.files_done.load(Ordering::Relaxed),
            files_total: self.files_total.load(Ordering::Relaxed),
            bytes_done: self.bytes_done.load(Ordering::Relaxed),
            bytes_total: self.bytes_total.load(Ordering::Relaxed),
            phase_elapsed: locked(&self.phase_started).elapsed(),
            elapsed: self.started.elapsed(),
        }
    }
}

/// Whether a caller may know how far a repository has come: where they may read all of it.
fn may_watch(access: &AccessSet, repo: RepoId) -> bool {
    access.allows(repo) && access.path_rules(repo).is_none()
}

/// The data behind the board's locks is plain counters, whole at any moment: a panic elsewhere does not spoil it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_come_and_go() {
        let board = Board::new();
        let task = board.begin(RepoId(3), RepoName::new("a/b").unwrap(), Phase::Walking);
        task.phase(Phase::Indexing);
        task.expect(10, 1000);
        task.file(250);
        let shown = board.for_operator();
        assert_eq!(
            (shown[0].phase, shown[0].files_done, shown[0].fraction()),
            (Phase::Indexing, 1, Some(0.25))
        );
        task.succeed();
        assert!(board.for_operator().is_empty());
        drop(board.begin(RepoId(4), RepoName::new("c").unwrap(), Phase::Cloning));
        assert_eq!(board.totals(), ProgressTotals { repos_done: 1, repos_failed: 1, files: 1, bytes: 250 });
    }
}
