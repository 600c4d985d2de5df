//! The worker: writes one export at a time, repository by repository, recording what is safely in the file.

use crate::exports::{Exports, JOB_KIND, Shared};
use crate::rows::{RowLimits, Rows, RowsEnd, write_rows};
use crate::skipped::{self, LeftOut};
use access::{Actor, Caller, Scope, SessionId, Verbs, Via};
use model::{AccessSet, RepoId};
use search::{CancelToken, SearchError};
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use store::{
    ClaimRequest, ClaimedJob, Export, ExportId, ExportProgress, ExportRepo, ExportState, Fault, LeaseError,
    Outcome, WorkerId,
};
use tokio_util::sync::CancellationToken;

/// For how long a job belongs to a worker that says nothing.
const LEASE: Duration = Duration::from_secs(60);
/// How often a worker says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often it is asked whether the export is still wanted and its owner still may read what is being read.
const LOOK: Duration = Duration::from_millis(500);
/// How often the queue is looked at when nobody rings.
const QUEUE_POLL: Duration = Duration::from_secs(5);
/// How often old exports and leftover files are looked for.
const SWEEP: Duration = Duration::from_secs(3600);
/// Longest time between two records of what is written.
const RECORD_EVERY: Duration = Duration::from_secs(1);
/// How many repositories are read from the plan at once.
const PLAN_PAGE: u32 = 500;
const BUFFER_BYTES: usize = 256 << 10;

/// Writes exports. Cloning shares it.
#[derive(Clone)]
pub struct ExportWorker {
    shared: Arc<Shared>,
    id: WorkerId,
}

/// Why an export is not finished now.
#[derive(Debug, thiserror::Error)]
enum JobFault {
    #[error("the query cannot be run any more: {0}")]
    Query(String),
    #[error("the account is disabled")]
    NoOwner,
    #[error("{0}")]
    Search(#[from] SearchError),
    #[error("the file cannot be written: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] Fault),
    #[error("the search ended in a panic")]
    Panicked,
}

/// How a try ended that did not fail.
enum Ended {
    /// Done, or no longer wanted.
    Over,
    /// The worker is told to stop, or somebody else has the job.
    Stopped,
}

impl ExportWorker {
    /// A worker for these exports.
    pub fn new(exports: &Exports) -> Self {
        ExportWorker { shared: Arc::clone(&exports.shared), id: WorkerId::draw() }
    }

    /// Works until `stop`: exports as they come, one at a time, and a sweep from time to time. An export under way is
    /// given back to the queue, and goes on where it was.
    pub async fn run(&self, stop: &CancellationToken) {
        let mut next_sweep = Instant::now();
        while !stop.is_cancelled() {
            if Instant::now() >= next_sweep {
                next_sweep = Instant::now() + SWEEP;
                if let Err(error) = self.sweep().await {
                    tracing::warn!(%error, "old exports cannot be swept; trying again");
                }
            }
            match self.do_next(stop).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "the queue of exports cannot be read; trying again"),
            }
            tokio::select! {
                _ = tokio::time::timeout(QUEUE_POLL, self.shared.bell.notified()) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Writes every export that is due.
    pub async fn drain(&self, stop: &CancellationToken) -> Result<(), Fault> {
        while !stop.is_cancelled() && self.do_next(stop).await? {}
        Ok(())
    }

    /// Deletes exports that are too old, and files that belong to none.
    pub async fn sweep(&self) -> Result<(), Fault> {
        let options = &self.shared.options;
        let before = options.clock.now().minus(options.limits.keep_for);
        options.store.maintenance().forget_exports(before).await?;
        let known = options.store.maintenance().export_ids().await?;
        let Ok(entries) = std::fs::read_dir(&options.folder) else { return Ok(()) };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let id = name.to_str().and_then(|name| name.split('.').next());
            if !id.is_some_and(|id| known.iter().any(|known| known.as_str() == id)) {
                self.shared.remove_file(&entry.path());
            }
        }
        Ok(())
    }

    async fn do_next(&self, stop: &CancellationToken) -> Result<bool, Fault> {
        let request = ClaimRequest {
            worker: self.id.clone(),
            kinds: vec![JOB_KIND.to_owned()],
            lease: LEASE,
            n_per_host_max: 1,
        };
        let Some(job) = self.shared.options.store.jobs().claim(&request).await? else { return Ok(false) };
        self.do_job(&job, stop).await;
        Ok(true)
    }

    async fn do_job(&self, job: &ClaimedJob, stop: &CancellationToken) {
        let (jobs, maintenance) = (self.shared.options.store.jobs(), self.shared.options.store.maintenance());
        let id = job.payload.get("export").and_then(|id| id.as_str()).and_then(ExportId::parse);
        let Some(id) = id else { return log(jobs.complete(job).await) };
        let outcome = self.write(&id, job, stop).await;
        self.shared.live.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        match outcome {
            Ok(Ended::Over) => log(jobs.complete(job).await),
            Ok(Ended::Stopped) => {
                log(maintenance.delay_export(&id, None).await.map_err(LeaseError::Fault));
                log(jobs.release(job).await);
            }
            Err(error @ (JobFault::Io(_) | JobFault::Store(_) | JobFault::Panicked)) => {
                tracing::warn!(export = %id, %error, "an export could not be written; trying again");
                let message = error.to_string();
                log(maintenance.delay_export(&id, Some(&message)).await.map_err(LeaseError::Fault));
                match jobs.fail(job, &message).await {
                    Ok(Outcome::GaveUp) => self.finish(&id, ExportState::Failed, Some(&message)).await,
                    other => log(other.map(drop)),
                }
            }
            Err(error) => {
                self.finish(&id, ExportState::Failed, Some(&error.to_string())).await;
                log(jobs.complete(job).await);
            }
        }
    }

    async fn finish(&self, id: &ExportId, state: ExportState, error: Option<&str>) {
        let finished = self.shared.options.store.maintenance().finish_export(id, state, error).await;
        log(finished.map(drop).map_err(LeaseError::Fault));
    }

    /// Writes an export from where it stands to its end.
    async fn write(
        &self,
        id: &ExportId,
        job: &ClaimedJob,
        stop: &CancellationToken,
    ) -> Result<Ended, JobFault> {
        let maintenance = self.shared.options.store.maintenance();
        let Some(export) = maintenance.export(id).await? else { return Ok(Ended::Over) };
        if export.state.is_over() {
            self.remove_unless_done(&export);
            return Ok(Ended::Over);
        }
        let mut rights = Rights { shared: &self.shared, export: &export, known: None };
        let access = rights.now().await?.ok_or(JobFault::NoOwner)?;
        if !maintenance.begin_export(id, &access).await? {
            return Ok(Ended::Over);
        }
        let query = query::parse(&export.query, &query::Options::default())
            .map_err(|error| JobFault::Query(error.to_string()))?;
        // As the contexts are now: they may have changed since the export was asked for.
        let query = rights.expanded(query).await?.ok_or(JobFault::NoOwner)?;
        let query = query.map_err(|error| JobFault::Query(error.to_string()))?;
        let mut writing = Writing::open(&self.shared, &export, query)?;
        while let Some(repos) = writing.next_repos().await? {
            for repo in repos {
                if stop.is_cancelled() {
                    writing.record().await?;
                    return Ok(Ended::Stopped);
                }
                match writing.repo(&mut rights, repo, job, stop).await? {
                    Step::Next => {}
                    Step::Full => return writing.finish().await,
                    Step::Stopped => {
                        writing.record().await?;
                        return Ok(Ended::Stopped);
                    }
                    Step::Unwanted => {
                        self.remove_unless_done(&export);
                        return Ok(Ended::Over);
                    }
                }
            }
        }
        writing.finish().await
    }

    fn remove_unless_done(&self, export: &Export) {
        if export.state != ExportState::Done {
            self.shared.remove_file(&self.shared.path_of(export));
        }
    }
}

/// What the owner may read, kept as long as nothing changed for anybody and nothing of it is over.
struct Rights<'a> {
    shared: &'a Shared,
    export: &'a Export,
    known: Option<AccessSet>,
}

impl Rights<'_> {
    /// SECURITY: what the owner may read at this moment; `None` where the account is gone or disabled.
    async fn now(&mut self) -> Result<Option<AccessSet>, Fault> {
        let store = &self.shared.options.store;
        let epoch = store.epoch().await?;
        let now = self.shared.options.clock.now();
        if let Some(access) = &self.known
            && access.epoch() == epoch
            && access.ends_at_ms().is_none_or(|ends_at| ends_at > now.0)
        {
            return Ok(Some(access.clone()));
        }
        let Some(actor) = self.actor().await? else { return Ok(None) };
        let access = store.access_set(&actor).await?;
        self.known = Some(access.clone());
        Ok(Some(access))
    }

    /// The owner, with the rights that the export was asked for with; `None` where the account is gone or disabled.
    async fn actor(&self) -> Result<Option<Actor>, Fault> {
        let store = &self.shared.options.store;
        let user = store.user(self.export.user).await?.filter(|user| user.disabled_at.is_none());
        let Some(user) = user else { return Ok(None) };
        let via = Via::Session(SessionId("export".to_owned()));
        let caller = Caller::User { id: user.id, name: user.name, role: user.role, via };
        let scope = Scope { repos: self.export.scope.clone(), verbs: Verbs::READ, ..Scope::FULL };
        Ok(Some(Actor { caller, scope }))
    }

    /// The query with what its contexts hold for the owner.
    async fn expanded(
        &mut self,
        query: query::Query,
    ) -> Result<Option<Result<query::Query, query::ParseError>>, Fault> {
        let (Some(access), Some(actor)) = (self.now().await?, self.actor().await?) else { return Ok(None) };
        Ok(Some(self.shared.options.store.expand_contexts(&actor, &access, query).await?))
    }

    async fn allow(&mut self, repo: RepoId) -> Result<Option<AccessSet>, Fault> {
        Ok(self.now().await?.filter(|access| access.allows(repo)).map(|access| access.only(repo)))
    }
}

/// How it goes on after a repository.
enum Step {
    Next,
    /// The file is as large as it may be.
    Full,
    /// The worker is told to stop, or lost the job.
    Stopped,
    /// Nobody wants the export any more.
    Unwanted,
}

/// Why a search under way is called off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CalledOff {
    Stopped,
    Unwanted,
    NoRights,
}

/// An export being written.
struct Writing<'a> {
    shared: &'a Arc<Shared>,
    export: &'a Export,
    query: Arc<query::Query>,
    format: Arc<dyn crate::RowFormat>,
    file: Option<BufWriter<File>>,
    /// What is in the file, recorded or not.
    progress: ExportProgress,
    left_out: Vec<LeftOut>,
    /// Positions of repositories that came into the file since the last record.
    held: Vec<u64>,
    n_unrecorded: usize,
    recorded_at: Instant,
}

impl<'a> Writing<'a> {
    /// Opens the file and cuts it to what is recorded.
    fn open(shared: &'a Arc<Shared>, export: &'a Export, query: query::Query) -> Result<Self, JobFault> {
        let format = shared
            .format_of(export)
            .ok_or_else(|| JobFault::Query(format!("the format {} is unknown", export.format)))?;
        let mut progress = export.progress.clone();
        let file = open_private(&shared.options.folder, &shared.path_of(export))?;
        file.set_len(progress.size_bytes)?;
        let mut file = BufWriter::with_capacity(BUFFER_BYTES, file);
        file.seek(SeekFrom::Start(progress.size_bytes))?;
        if progress.size_bytes == 0 {
            let header = format.header();
            file.write_all(&header)?;
            progress.size_bytes = header.len() as u64;
        }
        let left_out = skipped::parse(&progress.skipped);
        Ok(Writing {
            shared,
            export,
            query: Arc::new(query),
            format,
            file: Some(file),
            progress,
            left_out,
            held: Vec::new(),
            n_unrecorded: 0,
            recorded_at: Instant::now(),
        })
    }

    async fn next_repos(&self) -> Result<Option<Vec<ExportRepo>>, Fault> {
        let maintenance = self.shared.options.store.maintenance();
        let from = self.progress.n_repos_done;
        let repos = maintenance.export_repos(&self.export.id, from, PLAN_PAGE).await?;
        Ok((!repos.is_empty()).then_some(repos))
    }

    /// Writes what one repository holds.
    async fn repo(
        &mut self,
        rights: &mut Rights<'_>,
        repo: ExportRepo,
        job: &ClaimedJob,
        stop: &CancellationToken,
    ) -> Result<Step, JobFault> {
        let before = self.progress.clone();
        let mut step = Step::Next;
        match rights.allow(repo.repo).await? {
            None => self.progress.rights_changed = true,
            Some(access) => {
                let (end, called_off) = self.search(rights, access, repo.repo, job, stop).await?;
                match called_off {
                    Some(CalledOff::Stopped) => {
                        self.cut_to(&before)?;
                        return Ok(Step::Stopped);
                    }
                    Some(CalledOff::Unwanted) => return Ok(Step::Unwanted),
                    // SECURITY: asked again, because rights may have ended while it was read.
                    _ if rights.allow(repo.repo).await?.is_none() => {
                        self.cut_to(&before)?;
                        self.progress.rights_changed = true;
                    }
                    _ => step = self.take(end, repo)?,
                }
            }
        }
        self.progress.n_repos_done = repo.position + 1;
        self.n_unrecorded += 1;
        let is_due = self.n_unrecorded >= self.shared.options.limits.record_every_repos
            || self.recorded_at.elapsed() >= RECORD_EVERY;
        if is_due && !self.record().await? {
            return Ok(Step::Unwanted);
        }
        Ok(step)
    }

    /// Counts what came into the file.
    fn take(&mut self, end: RowsEnd, repo: ExportRepo) -> Result<Step, JobFault> {
        if let Some(fault) = end.fault {
            return Err(fault.into());
        }
        if end.rows.n_results > 0 {
            self.held.push(repo.position);
        }
        self.progress.n_results += end.rows.n_results;
        self.progress.n_lines += end.rows.n_lines;
        self.progress.size_bytes += end.rows.n_bytes;
        if end.hit_size_limit {
            skipped::add_size_limit(&mut self.left_out);
            return Ok(Step::Full);
        }
        skipped::add_all(&mut self.left_out, &end.summary.stats.skipped);
        Ok(Step::Next)
    }

    /// Searches one repository on a thread of its own, and watches meanwhile.
    async fn search(
        &mut self,
        rights: &mut Rights<'_>,
        access: AccessSet,
        repo: RepoId,
        job: &ClaimedJob,
        stop: &CancellationToken,
    ) -> Result<(RowsEnd, Option<CalledOff>), JobFault> {
        let cancel = CancelToken::new();
        let live = Arc::new(LiveRows::default());
        let (shared, query, format) =
            (Arc::clone(self.shared), Arc::clone(&self.query), Arc::clone(&self.format));
        let (token, told) = (cancel.clone(), Arc::clone(&live));
        let bytes_max = shared.options.limits.file_bytes_max.saturating_sub(self.progress.size_bytes);
        let mut file = self.file.take().ok_or_else(|| io::Error::other("the file is not open"))?;
        let mut searching = tokio::task::spawn_blocking(move || {
            let snapshot = shared.options.catalog.snapshot();
            let searcher = &shared.options.searcher;
            let end = write_rows(
                searcher,
                &snapshot,
                &access,
                &query,
                RowLimits { bytes_max },
                &token,
                &*format,
                &mut file,
                &mut |rows| told.set(rows),
            );
            (file, end)
        });
        let mut called_off = None;
        let mut look = tokio::time::interval_at(tokio::time::Instant::now() + LOOK, LOOK);
        let mut beaten_at = Instant::now();
        loop {
            tokio::select! {
                done = &mut searching => {
                    let (file, end) = done.map_err(|_| JobFault::Panicked)?;
                    self.file = Some(file);
                    return Ok((end?, called_off));
                }
                () = stop.cancelled(), if called_off.is_none() => called_off = Some(CalledOff::Stopped),
                _ = look.tick() => {
                    self.tell(live.get());
                    if beaten_at.elapsed() >= HEARTBEAT {
                        beaten_at = Instant::now();
                        let beat = self.shared.options.store.jobs().heartbeat(job, LEASE).await;
                        if matches!(beat, Err(LeaseError::Lost)) {
                            called_off = Some(CalledOff::Stopped);
                        }
                    }
                    if called_off.is_none() {
                        called_off = self.called_off(rights, repo).await?;
                    }
                }
            }
            if called_off.is_some() {
                cancel.cancel();
            }
        }
    }

    async fn called_off(&self, rights: &mut Rights<'_>, repo: RepoId) -> Result<Option<CalledOff>, Fault> {
        let maintenance = self.shared.options.store.maintenance();
        let export = maintenance.export(&self.export.id).await?;
        if export.is_none_or(|export| export.state.is_over()) {
            return Ok(Some(CalledOff::Unwanted));
        }
        Ok(rights.allow(repo).await?.is_none().then_some(CalledOff::NoRights))
    }

    /// Shows what is written of the repository under way.
    fn tell(&self, rows: Rows) {
        let rows = Rows {
            n_results: self.progress.n_results + rows.n_results,
            n_lines: self.progress.n_lines + rows.n_lines,
            n_bytes: self.progress.size_bytes + rows.n_bytes,
        };
        let mut live = self.shared.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.insert(self.export.id.clone(), rows);
    }

    /// Takes what was written last out of the file.
    fn cut_to(&mut self, before: &ExportProgress) -> io::Result<()> {
        self.progress = before.clone();
        if let Some(file) = &mut self.file {
            file.flush()?;
            file.get_mut().set_len(before.size_bytes)?;
            file.seek(SeekFrom::Start(before.size_bytes))?;
        }
        Ok(())
    }

    /// Makes the file durable, then says so in the database. False where the export is no longer wanted.
    async fn record(&mut self) -> Result<bool, JobFault> {
        if let Some(file) = &mut self.file {
            file.flush()?;
            file.get_ref().sync_data()?;
        }
        self.progress.skipped = skipped::to_text(&self.left_out);
        let held = std::mem::take(&mut self.held);
        let maintenance = self.shared.options.store.maintenance();
        let is_wanted = maintenance.record_export(&self.export.id, &self.progress, &held).await?;
        (self.n_unrecorded, self.recorded_at) = (0, Instant::now());
        Ok(is_wanted)
    }

    async fn finish(&mut self) -> Result<Ended, JobFault> {
        if self.record().await? {
            let maintenance = self.shared.options.store.maintenance();
            maintenance.finish_export(&self.export.id, ExportState::Done, None).await?;
        } else {
            self.shared.remove_file(&self.shared.path_of(self.export));
        }
        Ok(Ended::Over)
    }
}

/// What the searching thread has written so far.
#[derive(Debug, Default)]
struct LiveRows {
    n_results: AtomicU64,
    n_lines: AtomicU64,
    n_bytes: AtomicU64,
}

impl LiveRows {
    fn set(&self, rows: Rows) {
        self.n_results.store(rows.n_results, Ordering::Relaxed);
        self.n_lines.store(rows.n_lines, Ordering::Relaxed);
        self.n_bytes.store(rows.n_bytes, Ordering::Relaxed);
    }

    fn get(&self) -> Rows {
        Rows {
            n_results: self.n_results.load(Ordering::Relaxed),
            n_lines: self.n_lines.load(Ordering::Relaxed),
            n_bytes: self.n_bytes.load(Ordering::Relaxed),
        }
    }
}

/// SECURITY: the file holds code; nobody but the server's own account may read it.
fn open_private(folder: &Path, path: &Path) -> io::Result<File> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn log(outcome: Result<(), LeaseError>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "the end of an export could not be recorded");
    }
}
