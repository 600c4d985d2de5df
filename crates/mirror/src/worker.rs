//! The worker: takes jobs from the queue and does them, several at a time, until it is told to stop.

use crate::board::{Board, Phase, Task};
use crate::describe::note_description;
use crate::gate::Gate;
use crate::job::{self, Payload};
use crate::open::{DamagedIndex, open_catalog, pending};
use crate::overlay::{OverlayOptions, Overlays};
use crate::process::{self, Prepared};
use crate::sweep::{SweepError, forget_discarded, sweep_leftovers};
use crate::tidy::FAN_IN;
use crate::{DataDir, IndexError};
use access::Clock;
use git::{GitProgram, GitProgramOptions, Mirror, RemoteUrl, Schemes, Secret};
use model::{RepoId, RepoName};
use search::{Catalog, Damage, DamagedPart, PendingState};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{ClaimRequest, ClaimedJob, Fault, Manifest, RepoStatus, Repository, Source, Store, WorkerId};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// For how long a job belongs to a worker that says nothing.
pub(crate) const LEASE: Duration = Duration::from_secs(60);
/// How often a worker says that it is alive.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often a job's progress is looked at, to be stored for those who cannot see the board.
const STATUS_TICK: Duration = Duration::from_secs(1);
/// How often the queue is looked at when nobody rings: other processes put jobs there.
const QUEUE_POLL: Duration = Duration::from_secs(1);
/// Fetches from one host at the same time.
const N_PER_HOST_MAX: u32 = 2;
/// Text that all running jobs index at once, beyond one job: see `gate`.
const GATE_BYTES: u64 = 256 << 20;

/// Finds the secret for a remote's host, if there is one.
pub type CredentialSource = Arc<dyn Fn(&str) -> Result<Option<Secret>, String> + Send + Sync>;

/// What a worker works with.
#[derive(Clone)]
pub struct WorkerOptions {
    /// Rows, manifests, jobs.
    pub store: Store,
    /// Files. The caller holds its lock.
    pub data: DataDir,
    /// Where searches look.
    pub catalog: Arc<Catalog>,
    /// Where progress is shown.
    pub board: Board,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// How the git program is found; it is looked for when the first remote is fetched.
    pub git: GitProgramOptions,
    /// Transports that may be used.
    pub schemes: Schemes,
    /// Secrets for remotes.
    pub credentials: CredentialSource,
    /// Threads of one job.
    pub n_threads: usize,
    /// Jobs at the same time.
    pub n_jobs: usize,
    /// Largest file whose content is indexed, in bytes.
    pub file_bytes_max: u64,
    /// Between looks at local repositories.
    pub local_poll: Duration,
    /// Fewest and most seconds between fetches of one remote.
    pub fetch_seconds: (u32, u32),
}

/// The worker. Cloning shares it.
#[derive(Clone)]
pub struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) options: WorkerOptions,
    id: WorkerId,
}

/// What all jobs share.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) data: DataDir,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) gate: Gate,
    pub(crate) schemes: Schemes,
    pub(crate) n_threads: usize,
    pub(crate) file_bytes_max: u64,
    credentials: CredentialSource,
    git: GitProgramOptions,
    mirror: Mutex<Option<Mirror>>,
    /// Whether a slice of a history is being built.
    pub(crate) has_history_job: AtomicBool,
    /// Repositories the catalog knows.
    pub(crate) known: Mutex<HashSet<RepoId>>,
    /// Repositories whose segments are to be looked at: see `tidy`.
    untidy: Mutex<BTreeSet<RepoId>>,
    /// Who publishes for a repository holds its turn.
    turns: Mutex<HashMap<RepoId, Arc<tokio::sync::Mutex<()>>>>,
}

/// What was found at the start.
#[derive(Debug, Default)]
pub struct StartReport {
    /// Indexes that are damaged; their rebuilding is queued.
    pub damaged: Vec<DamagedIndex>,
    /// Leftover files and folders that were deleted.
    pub n_swept: usize,
}

/// Why a worker cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Leftovers cannot be swept.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Fault),
}

/// A job that failed.
#[derive(Debug)]
pub struct Failure {
    /// The repository.
    pub name: RepoName,
    /// Why.
    pub error: IndexError,
}

/// Queues repositories to be brought up to date now.
pub async fn queue(store: &Store, repositories: &[Repository]) -> Result<(), Fault> {
    store.jobs().enqueue_all(repositories.iter().map(job::soon).collect()).await.map(drop)
}

/// Queues repositories to be indexed from nothing, files and history; what they have serves until then.
pub async fn queue_rebuild(store: &Store, repositories: &[Repository]) -> Result<(), Fault> {
    let jobs =
        repositories.iter().flat_map(|row| [job::rebuild(row.id, &row.source), job::history_rebuild(row.id)]);
    store.jobs().enqueue_all(jobs.collect()).await.map(drop)
}

/// Queues the rebuilding of what is damaged of a repository, and says so of it where it answers nothing until then.
async fn rebuild(store: &Store, repo: RepoId, part: DamagedPart, message: &str) -> Result<(), Fault> {
    let maintenance = store.maintenance();
    let Some(row) = maintenance.repository(repo).await? else { return Ok(()) };
    let job = match part {
        DamagedPart::Index => {
            maintenance.set_error(repo, message).await?;
            job::rebuild(repo, &row.source)
        }
        DamagedPart::History => job::history_rebuild(repo),
    };
    store.jobs().enqueue(job).await.map(drop)
}

/// Queues the rebuilding of what a search found damaged, and tells it of the repositories. For whoever searches.
pub async fn report_damage(store: &Store, damaged: &[Damage]) -> Result<(), Fault> {
    for damage in damaged {
        let (part, error) = (damage.part, &damage.error);
        tracing::error!(repo = damage.repo_id.0, ?part, %error, "a search met damage; it is rebuilt from git");
        let message = format!("the index is damaged and being rebuilt: {error}");
        rebuild(store, damage.repo_id, part, &message).await?;
    }
    Ok(())
}

impl Worker {
    /// Starts: takes back the jobs of killed processes, sweeps leftovers, opens every index into the catalog, and queues the
    /// rebuilding of damaged ones. The caller holds the data directory's lock.
    pub async fn start(options: WorkerOptions) -> Result<(Self, StartReport), StartError> {
        let id = WorkerId::draw();
        options.store.jobs().release_others(&id).await?;
        let n_swept = sweep_leftovers(&options.store, &options.data).await?;
        let overlays = OverlayOptions::new(options.file_bytes_max, options.n_threads.max(1));
        options.catalog.set_revision_source(Arc::new(Overlays::new(&options.data, overlays)));
        let damaged = open_catalog(&options.store, &options.data, &options.catalog).await?;
        let maintenance = options.store.maintenance();
        for one in &damaged {
            rebuild(&options.store, one.repo, one.part, &one.to_string()).await?;
        }
        let manifests = maintenance.manifests().await?;
        let many = manifests.iter().filter(|manifest| manifest.segments.len() >= FAN_IN);
        let untidy = many.map(|manifest| manifest.repo).collect();
        let known = maintenance.repositories().await?.into_iter().map(|row| row.id).collect();
        let shared = Shared {
            store: options.store.clone(),
            data: options.data.clone(),
            catalog: Arc::clone(&options.catalog),
            gate: Gate::new(GATE_BYTES),
            schemes: options.schemes,
            n_threads: options.n_threads.max(1),
            file_bytes_max: options.file_bytes_max,
            credentials: Arc::clone(&options.credentials),
            git: options.git.clone(),
            mirror: Mutex::new(None),
            has_history_job: AtomicBool::new(false),
            known: Mutex::new(known),
            untidy: Mutex::new(untidy),
            turns: Mutex::default(),
        };
        Ok((Worker { shared: Arc::new(shared), options, id }, StartReport { damaged, n_swept }))
    }

    /// Works until `stop` is cancelled: jobs as they come, local repositories as they change, remotes by schedule, discarded
    /// files as they age. Jobs that run at the end are given back to the queue.
    pub async fn run(&self, stop: &CancellationToken) {
        let (first_look, looked) = oneshot::channel();
        let tend = async {
            tokio::join!(self.watch_repositories(stop, first_look), self.delete_discarded(stop));
        };
        let work = async {
            let _ = looked.await;
            // Without `until_empty` the queue's faults are waited out inside.
            let _ = self.work(stop, false).await;
        };
        tokio::join!(work, tend);
    }

    /// Does all jobs that are due, and returns those that failed.
    pub async fn drain(&self, stop: &CancellationToken) -> Result<Vec<Failure>, Fault> {
        let failures = self.work(stop, true).await?;
        let outcome = forget_discarded(&self.shared.store, &self.shared.data, self.options.clock.now()).await;
        if let Err(error) = outcome {
            tracing::warn!(%error, "discarded files stay until the next start");
        }
        Ok(failures)
    }

    /// Claims jobs and does them, until `stop`, or until none is due where that is wanted.
    async fn work(&self, stop: &CancellationToken, until_empty: bool) -> Result<Vec<Failure>, Fault> {
        let mut running: JoinSet<Option<Failure>> = JoinSet::new();
        let mut tidying: JoinSet<()> = JoinSet::new();
        let mut failures = Vec::new();
        let mut outcome = Ok(());
        let jobs = self.options.store.jobs();
        while !stop.is_cancelled() && outcome.is_ok() {
            if let Err(error) = self.fill(&mut running, stop).await {
                tracing::error!(%error, "the job queue cannot be read; trying again");
                outcome = if until_empty { Err(error) } else { Ok(()) };
            }
            self.tidy_next(&mut tidying, stop);
            if until_empty && running.is_empty() && tidying.is_empty() {
                break;
            }
            let is_full = running.len() >= self.n_places();
            tokio::select! {
                Some(done) = running.join_next() => collect(done, until_empty, &mut failures),
                Some(_) = tidying.join_next() => {}
                () = jobs.wait(QUEUE_POLL), if !is_full => {}
                () = stop.cancelled() => {}
            }
        }
        while let Some(done) = running.join_next().await {
            collect(done, until_empty, &mut failures);
        }
        tidying.join_all().await;
        outcome.map(|()| failures)
    }

    /// Claims as many jobs as may run at the same time.
    async fn fill(
        &self,
        running: &mut JoinSet<Option<Failure>>,
        stop: &CancellationToken,
    ) -> Result<(), Fault> {
        while running.len() < self.n_places() {
            let Some(job) = self.claim(job::KIND).await? else { break };
            let (worker, stop) = (self.clone(), stop.clone());
            running.spawn(async move { worker.do_job(job, &stop).await });
        }
        // One history at a time, beside the other jobs and never instead of one.
        if !self.shared.has_history_job.load(Ordering::Acquire)
            && let Some(job) = self.claim(job::HISTORY_KIND).await?
        {
            self.shared.has_history_job.store(true, Ordering::Release);
            let (worker, stop) = (self.clone(), stop.clone());
            running.spawn(async move {
                worker.do_history(job, &stop).await;
                worker.shared.has_history_job.store(false, Ordering::Release);
                None
            });
        }
        Ok(())
    }

    /// Joins the segments of one repository at a time, beside the jobs.
    fn tidy_next(&self, tidying: &mut JoinSet<()>, stop: &CancellationToken) {
        if !tidying.is_empty() {
            return;
        }
        let Some(repo) = self.shared.next_untidy() else { return };
        let (shared, stop) = (Arc::clone(&self.shared), stop.clone());
        tidying.spawn(async move {
            let cancel = Arc::new(AtomicBool::new(false));
            let work = process::tidy(&shared, repo, &cancel);
            tokio::pin!(work);
            let outcome = loop {
                tokio::select! {
                    outcome = &mut work => break outcome,
                    () = stop.cancelled(), if !cancel.load(Ordering::Relaxed) => cancel.store(true, Ordering::Relaxed),
                }
            };
            match outcome {
                Ok(()) | Err(IndexError::Cancelled) => {}
                // The next push tries again; until then there are more segments than need be.
                Err(error) => tracing::warn!(repo = repo.0, %error, "segments could not be joined"),
            }
        });
    }

    /// How many jobs may run now, a history not counted.
    fn n_places(&self) -> usize {
        self.options.n_jobs.max(1) + usize::from(self.shared.has_history_job.load(Ordering::Acquire))
    }

    async fn claim(&self, kind: &str) -> Result<Option<ClaimedJob>, Fault> {
        let request = ClaimRequest {
            worker: self.id.clone(),
            kinds: vec![kind.to_string()],
            lease: LEASE,
            n_per_host_max: N_PER_HOST_MAX,
        };
        self.options.store.jobs().claim(&request).await
    }

    /// Does one job and tells the queue how it went.
    async fn do_job(&self, job: ClaimedJob, stop: &CancellationToken) -> Option<Failure> {
        let jobs = self.options.store.jobs();
        let row = match self.row_of(&job).await {
            Ok(Some(row)) => row,
            Ok(None) => {
                log_lost(jobs.complete(&job).await);
                return None;
            }
            Err(error) => {
                log_lost(jobs.fail(&job, &error.to_string()).await.map(drop));
                return None;
            }
        };
        let outcome = self.bring_up_to_date(&row, &job, stop).await;
        match outcome {
            Ok(has_changed) => {
                log_lost(jobs.complete(&job).await);
                self.queue_history(row.id).await;
                self.schedule_next(&row, Payload::of(&job.payload), has_changed).await;
                None
            }
            Err(IndexError::Cancelled) => {
                log_lost(jobs.release(&job).await);
                None
            }
            // Removed while it was worked on: nobody waits for it.
            Err(IndexError::Publish(_)) if matches!(self.row_of(&job).await, Ok(None)) => None,
            Err(error) => {
                tracing::warn!(repo = %row.name, %error, "a repository could not be brought up to date");
                let message = error.to_string();
                self.note_failure(&row, &message).await;
                match jobs.fail(&job, &message).await {
                    // Given up by the queue, not by us: causes such as a full disk go away by themselves.
                    Ok(store::Outcome::GaveUp) => self.schedule(&row, self.options.fetch_seconds.1).await,
                    outcome => log_lost(outcome.map(drop)),
                }
                Some(Failure { name: row.name, error })
            }
        }
    }

    async fn row_of(&self, job: &ClaimedJob) -> Result<Option<Repository>, Fault> {
        match job.repo {
            Some(repo) => self.options.store.maintenance().repository(repo).await,
            None => Ok(None),
        }
    }

    async fn note_failure(&self, row: &Repository, message: &str) {
        self.options.catalog.set_pending(pending(row, PendingState::Failed));
        if let Err(error) = self.options.store.maintenance().set_error(row.id, message).await {
            tracing::error!(%error, "a failure could not be recorded");
        }
    }

    /// Whether anything was new.
    async fn bring_up_to_date(
        &self,
        row: &Repository,
        job: &ClaimedJob,
        stop: &CancellationToken,
    ) -> Result<bool, IndexError> {
        let _turn = self.shared.turn_of(row.id).lock_owned().await;
        let manifest = self.options.store.maintenance().manifest(row.id).await?;
        let task = self.options.board.begin(row.id, row.name.clone(), Phase::Checking);
        let payload = Payload::of(&job.payload);
        let (task, prepared) = self.prepare(row, manifest.clone(), payload, task, job, stop).await?;
        note_description(&self.options.store, row).await?;
        let has_changed = match prepared {
            Prepared::Unchanged => {
                let has_gaps = row.error.as_ref().is_some_and(|error| error.starts_with(process::GAPS));
                if row.status != RepoStatus::Ready && !has_gaps {
                    self.options.store.maintenance().set_status(row.id, RepoStatus::Ready, None).await?;
                }
                false
            }
            Prepared::Built { built, revisions } => {
                process::publish(&self.shared, row, manifest.as_ref(), built, &revisions).await?;
                self.shared.note_untidy(row.id);
                true
            }
        };
        task.succeed();
        Ok(has_changed)
    }

    /// Runs the blocking half on its own thread, beating the lease and storing progress meanwhile.
    async fn prepare(
        &self,
        row: &Repository,
        manifest: Option<Manifest>,
        payload: Payload,
        task: Task,
        job: &ClaimedJob,
        stop: &CancellationToken,
    ) -> Result<(Task, Prepared), IndexError> {
        let cancel = Arc::new(AtomicBool::new(false));
        let (shared, owned_row, flag) = (Arc::clone(&self.shared), row.clone(), Arc::clone(&cancel));
        let mut blocking = tokio::task::spawn_blocking(move || {
            process::prepare(&shared, &owned_row, manifest.as_ref(), payload, &task, &flag)
                .map(|prepared| (task, prepared))
        });
        let mut heartbeat = ticker(HEARTBEAT);
        let mut status = ticker(STATUS_TICK);
        let mut told = None;
        loop {
            tokio::select! {
                done = &mut blocking => return done.unwrap_or(Err(IndexError::Panicked)),
                () = stop.cancelled(), if !cancel.load(Ordering::Relaxed) => cancel.store(true, Ordering::Relaxed),
                _ = heartbeat.tick() => {
                    if let Err(error) = self.options.store.jobs().heartbeat(job, LEASE).await {
                        tracing::warn!(repo = %row.name, %error, "a heartbeat failed");
                        if matches!(error, store::LeaseError::Lost) {
                            cancel.store(true, Ordering::Relaxed);
                        }
                    }
                }
                _ = status.tick() => self.tell_status(row, &mut told).await,
            }
        }
    }

    /// Stores how far a job has come, for the pages of other processes and the next start.
    async fn tell_status(&self, row: &Repository, told: &mut Option<(RepoStatus, u64)>) {
        let is_this = |one: &crate::Progress| one.repo == row.id && one.phase != Phase::History;
        let Some(progress) = self.options.board.for_operator().into_iter().find(is_this) else {
            return;
        };
        let status = match progress.phase {
            Phase::Checking | Phase::Fetching | Phase::History => return,
            Phase::Cloning => RepoStatus::Cloning,
            Phase::Walking | Phase::Indexing | Phase::Publishing => RepoStatus::Indexing,
        };
        let now = (status, progress.files_done);
        if *told == Some(now) {
            return;
        }
        *told = Some(now);
        let stored = store::Progress { done: progress.files_done, total: progress.files_total };
        if let Err(error) = self.options.store.maintenance().set_status(row.id, status, Some(stored)).await {
            tracing::warn!(repo = %row.name, %error, "progress could not be stored");
        }
    }

    /// A remote is fetched again after a while: sooner where something was new, later where nothing was.
    async fn schedule_next(&self, row: &Repository, payload: Payload, has_changed: bool) {
        if !matches!(row.source, Source::Remote(_)) {
            return;
        }
        self.schedule(
            row,
            next_fetch_seconds(payload.fetch_seconds, has_changed, self.options.fetch_seconds),
        )
        .await;
    }

    async fn schedule(&self, row: &Repository, seconds: u32) {
        let at = self.options.clock.now().plus(Duration::from_secs(u64::from(seconds)));
        let job = job::scheduled(row, seconds, Some(at));
        if let Err(error) = self.options.store.jobs().enqueue(job).await {
            tracing::error!(repo = %row.name, %error, "the next attempt could not be scheduled");
        }
    }
}

impl Shared {
    /// The catalog knows this repository now.
    pub(crate) fn note_known(&self, repo: RepoId) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(repo);
    }

    /// The segments of this repository are to be looked at.
    fn note_untidy(&self, repo: RepoId) {
        self.untidy.lock().unwrap_or_else(PoisonError::into_inner).insert(repo);
    }

    fn next_untidy(&self) -> Option<RepoId> {
        self.untidy.lock().unwrap_or_else(PoisonError::into_inner).pop_first()
    }

    /// What is held while something is published for a repository.
    pub(crate) fn turn_of(&self, repo: RepoId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // Turns that nobody holds or waits for are made anew when they are wanted.
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(repo).or_default())
    }

    /// The git program, looked for at the first call that succeeds.
    pub(crate) fn git_mirror(&self) -> Result<Mirror, IndexError> {
        let mut mirror = self.mirror.lock().unwrap_or_else(PoisonError::into_inner);
        match &*mirror {
            Some(found) => Ok(found.clone()),
            None => {
                let found = Mirror::new(GitProgram::find(self.git.clone())?);
                Ok(mirror.insert(found).clone())
            }
        }
    }

    /// The secret for a remote.
    pub(crate) fn credential(&self, url: &RemoteUrl) -> Result<Option<Secret>, IndexError> {
        (self.credentials)(url.host())
            .map_err(|reason| IndexError::Credential { host: url.host().to_string(), reason })
    }
}

pub(crate) fn ticker(period: Duration) -> tokio::time::Interval {
    let mut ticker = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker
}

fn collect(done: Result<Option<Failure>, tokio::task::JoinError>, wanted: bool, failures: &mut Vec<Failure>) {
    match done {
        Ok(failure) if wanted => failures.extend(failure),
        Ok(_) => {}
        Err(error) => {
            tracing::error!(%error, "a job ended unexpectedly; it is tried again when its lease ends")
        }
    }
}

pub(crate) fn log_lost(outcome: Result<(), store::LeaseError>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "the end of a job could not be recorded");
    }
}

/// Half the time where something was new, half as much again where nothing was, within the bounds.
fn next_fetch_seconds(present: u32, has_changed: bool, (min, max): (u32, u32)) -> u32 {
    let next = match (present, has_changed) {
        (0, _) => min,
        (present, true) => present / 2,
        (present, false) => present.saturating_add(present / 2 + 1),
    };
    next.clamp(min, max.max(min))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetches_follow_the_pace_of_the_remote() {
        let next = |present, has_changed| next_fetch_seconds(present, has_changed, (60, 21_600));
        assert_eq!(next(0, false), 60);
        assert_eq!(next(60, false), 91);
        assert_eq!(next(20_000, false), 21_600);
        assert_eq!(next(91, true), 60);
        assert_eq!(next(1000, true), 500);
    }
}
