//! The worker: takes in one index at a time, publishes it, and clears away what is over.

use crate::retention::{Lineage, leaving};
use crate::uploads::{Shared, Uploads, is_full, make_private, remove_file};
use flate2::bufread::MultiGzDecoder;
use precise::{IngestError, Stop, Summary};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use store::{
    ClaimRequest, ClaimedJob, Fault, LeaseError, Outcome, PRECISE_JOB_KIND, PreciseCounts, PreciseId,
    PreciseIndex, PrecisePackage, WorkerId,
};
use tokio_util::sync::CancellationToken;

/// For how long a job belongs to a worker that says nothing.
const LEASE: Duration = Duration::from_secs(60);
/// How often a worker says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often the queue is looked at when nobody rings.
const QUEUE_POLL: Duration = Duration::from_secs(5);
/// How often old indexes and leftover files are looked for.
const SWEEP: Duration = Duration::from_secs(3600);
/// Branches and tags of one repository that are looked at. Beyond, everything is kept.
const N_REFS_MAX: usize = 10_000;

/// Takes indexes in. Cloning shares it.
#[derive(Clone)]
pub struct UploadWorker {
    shared: Arc<Shared>,
    id: WorkerId,
}

/// How a try ended.
enum Ended {
    /// Ready, failed for good, or no longer wanted.
    Over,
    /// The worker is told to stop, or somebody else has the job.
    Stopped,
    /// Something here failed that may be mended: it is tried again.
    Again(String),
}

impl UploadWorker {
    /// A worker for these uploads.
    pub fn new(uploads: &Uploads) -> Self {
        UploadWorker { shared: Arc::clone(&uploads.shared), id: WorkerId::draw() }
    }

    /// Works until `stop`: uploads as they come, one at a time, and a sweep from time to time.
    pub async fn run(&self, stop: &CancellationToken) {
        let mut next_sweep = Instant::now();
        while !stop.is_cancelled() {
            if Instant::now() >= next_sweep {
                next_sweep = Instant::now() + SWEEP;
                if let Err(error) = self.sweep().await {
                    tracing::warn!(%error, "old precise indexes cannot be swept; trying again");
                }
            }
            match self.do_next(stop).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "the queue of uploads cannot be read; trying again"),
            }
            tokio::select! {
                _ = tokio::time::timeout(QUEUE_POLL, self.shared.bell.notified()) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Takes in every upload that is due.
    pub async fn drain(&self, stop: &CancellationToken) -> Result<(), Fault> {
        while !stop.is_cancelled() && self.do_next(stop).await? {}
        Ok(())
    }

    async fn do_next(&self, stop: &CancellationToken) -> Result<bool, Fault> {
        let request = ClaimRequest {
            worker: self.id.clone(),
            kinds: vec![PRECISE_JOB_KIND.to_owned()],
            lease: LEASE,
            n_per_host_max: 1,
        };
        let Some(job) = self.shared.options.store.jobs().claim(&request).await? else { return Ok(false) };
        self.do_job(&job, stop).await;
        Ok(true)
    }

    async fn do_job(&self, job: &ClaimedJob, stop: &CancellationToken) {
        let (jobs, maintenance) = (self.shared.options.store.jobs(), self.shared.options.store.maintenance());
        let id = job.payload.get("index").and_then(|id| id.as_str()).and_then(PreciseId::parse);
        let Some(id) = id else { return log(jobs.complete(job).await) };
        let ended = self.take_in(id, job, stop).await;
        match ended.unwrap_or_else(|fault| Ended::Again(fault.to_string())) {
            Ended::Over => log(jobs.complete(job).await),
            Ended::Stopped => {
                log(maintenance.delay_precise(id, None).await.map_err(LeaseError::Fault));
                log(jobs.release(job).await);
            }
            Ended::Again(message) => {
                tracing::warn!(index = %id, %message, "a precise index could not be taken in; trying again");
                log(maintenance.delay_precise(id, Some(&message)).await.map_err(LeaseError::Fault));
                match jobs.fail(job, &message).await {
                    Ok(Outcome::GaveUp) => log(self.fail(id, &message).await.map_err(LeaseError::Fault)),
                    other => log(other.map(drop)),
                }
            }
        }
    }

    async fn fail(&self, id: PreciseId, message: &str) -> Result<(), Fault> {
        self.shared.options.store.maintenance().fail_precise(id, message).await?;
        self.shared.remove_files(id);
        Ok(())
    }

    async fn take_in(
        &self,
        id: PreciseId,
        job: &ClaimedJob,
        stop: &CancellationToken,
    ) -> Result<Ended, Fault> {
        let maintenance = self.shared.options.store.maintenance();
        let Some(upload) = maintenance.precise(id).await? else {
            self.shared.remove_files(id);
            return Ok(Ended::Over);
        };
        if !maintenance.begin_precise(id).await? {
            return Ok(Ended::Over);
        }
        match self.read(&upload, job, stop).await {
            Ok(summary) => self.publish(&upload, &summary).await.map(|()| Ended::Over),
            Err(IngestError::Cancelled) => Ok(Ended::Stopped),
            Err(error) if may_pass(&error) => Ok(Ended::Again(told(&error))),
            Err(error) => {
                self.fail(id, &told(&error)).await?;
                Ok(Ended::Over)
            }
        }
    }

    /// Reads the upload on a thread of its own, and says meanwhile that it is being worked on.
    async fn read(
        &self,
        upload: &PreciseIndex,
        job: &ClaimedJob,
        stop: &CancellationToken,
    ) -> Result<Summary, IngestError> {
        let cancel = Arc::new(AtomicBool::new(false));
        let mut reading = tokio::task::spawn_blocking({
            let (shared, upload, cancel) = (Arc::clone(&self.shared), upload.clone(), Arc::clone(&cancel));
            move || ingest(&shared, &upload, &cancel)
        });
        let mut beat = tokio::time::interval(HEARTBEAT);
        loop {
            tokio::select! {
                outcome = &mut reading => return outcome.unwrap_or(Err(IngestError::Fault)),
                () = stop.cancelled(), if !cancel.load(Ordering::Relaxed) => {
                    cancel.store(true, Ordering::Relaxed);
                }
                _ = beat.tick() => {
                    let jobs = self.shared.options.store.jobs();
                    if let Err(LeaseError::Lost) = jobs.heartbeat(job, LEASE).await {
                        cancel.store(true, Ordering::Relaxed);
                    }
                }
            }
        }
    }

    async fn publish(&self, upload: &PreciseIndex, summary: &Summary) -> Result<(), Fault> {
        let said = |own: &str, sent: &str| if own.is_empty() { sent.to_owned() } else { own.to_owned() };
        let indexer = said(&summary.indexer, &upload.indexer);
        let version = said(&summary.indexer_version, &upload.indexer_version);
        let counts = PreciseCounts {
            upload_bytes: upload.counts.upload_bytes,
            size_bytes: summary.size_bytes,
            n_documents: summary.n_documents,
            n_symbols: summary.n_symbols,
            n_occurrences: summary.n_occurrences,
            n_left_out: summary.n_left_out,
        };
        let package = |used: &precise::PackageUse| PrecisePackage {
            manager: used.package.manager.clone(),
            name: used.package.name.clone(),
            version: used.package.version.clone(),
            n_defined: used.n_defined,
        };
        let mut packages: Vec<_> = summary.packages.iter().map(package).collect();
        packages.sort_by_key(|package| package.n_defined == 0);
        let maintenance = self.shared.options.store.maintenance();
        let published =
            maintenance.publish_precise(upload.id, (&indexer, &version), &counts, &packages).await?;
        match published {
            Some(older) => older.into_iter().for_each(|old| self.shared.remove_files(old)),
            // Somebody removed it meanwhile.
            None => self.shared.remove_files(upload.id),
        }
        self.shared.remove_parts(upload.id);
        tracing::info!(index = %upload.id, documents = counts.n_documents, "a precise index is ready");
        Ok(())
    }

    /// Clears away: uploads that never were whole, failures that were shown long enough, indexes that the rules of retention do
    /// not keep, and files that no row names.
    pub async fn sweep(&self) -> Result<(), Fault> {
        let options = &self.shared.options;
        let (maintenance, now, limits) = (options.store.maintenance(), options.clock.now(), &options.limits);
        maintenance.fail_unsent_precise(now.minus(limits.receive_for)).await?;
        maintenance.forget_failed_precise(now.minus(limits.show_failed_for)).await?;
        self.retire().await?;
        let known: HashSet<PreciseId> = maintenance.precise_ids().await?.into_iter().collect();
        let incoming = self.shared.incoming();
        for folder in [&options.folder, &incoming] {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let id = name.to_str().and_then(|name| name.split('.').next()).and_then(PreciseId::parse);
                let is_left = match id {
                    Some(id) => !known.contains(&id),
                    // Being received or written; as old as that it is what a killed process left.
                    None => is_older(&entry, limits.receive_for),
                };
                match is_left {
                    true if folder == &incoming => self.shared.waiting.remove(&entry),
                    true => drop(remove_file(&entry.path())),
                    false => {}
                }
            }
        }
        Ok(())
    }

    async fn retire(&self) -> Result<(), Fault> {
        let options = &self.shared.options;
        let maintenance = options.store.maintenance();
        let all = maintenance.all_precise().await?;
        for of_one in all.chunk_by(|a, b| a.repo == b.repo) {
            let Some(row) = maintenance.repository(of_one[0].repo).await? else { continue };
            let (open, keeping, now) =
                (Arc::clone(&options.open), options.limits.keeping, options.clock.now());
            let of_one = of_one.to_vec();
            let looking = tokio::task::spawn_blocking(move || {
                let repository = open(&row)?;
                let refs = repository.refs().ok().filter(|refs| refs.refs.len() <= N_REFS_MAX)?;
                let reader = repository.reader();
                let parents = |id| reader.commit(id).map(|commit| commit.parents).unwrap_or_default();
                let is_tag = |one: &&git::Ref| one.name.as_str().starts_with("refs/tags/");
                let lineage = Lineage {
                    branches: refs.refs.iter().filter(|one| !is_tag(one)).map(|one| one.commit).collect(),
                    tags: refs.refs.iter().filter(is_tag).map(|one| one.commit).collect(),
                    parents: &parents,
                };
                Some(leaving(&of_one, &lineage, &keeping, now).into_iter().cloned().collect::<Vec<_>>())
            });
            for index in looking.await.ok().flatten().unwrap_or_default() {
                if maintenance.retire_precise(&index).await? {
                    self.shared.remove_files(index.id);
                }
            }
        }
        Ok(())
    }
}

/// Whether it may go better another time: nothing is wrong with the index.
fn may_pass(error: &IngestError) -> bool {
    match error {
        IngestError::Io { source } => !is_damaged(source),
        IngestError::Write { .. } => true,
        _ => false,
    }
}

/// Whether it is the compressed stream that is broken, and not the machine.
fn is_damaged(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

fn told(error: &IngestError) -> String {
    match error {
        IngestError::Io { source } if is_full(source) => {
            "the server's disk is full: it is tried again when there is room".into()
        }
        IngestError::Io { source } if is_damaged(source) => {
            "the upload is not whole (its compression ends early or is damaged): upload the index again"
                .into()
        }
        other => other.to_string(),
    }
}

fn ingest(shared: &Shared, upload: &PreciseIndex, cancel: &AtomicBool) -> Result<Summary, IngestError> {
    make_private(&shared.options.folder)?;
    let parts = (0..upload.n_parts).map(|index| shared.part(upload.id, index)).collect();
    let mut sent = BufReader::with_capacity(1 << 20, Parts { left: parts, open: None });
    let is_compressed = sent.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    let mut input: Box<dyn Read + Send> = match is_compressed {
        true => Box::new(MultiGzDecoder::new(sent)),
        false => Box::new(sent),
    };
    let limits = &shared.options.limits;
    let stop = Stop { cancel, deadline: Instant::now().checked_add(limits.ingest_for) };
    let target = shared.precise.path_of(&upload.id.to_string());
    precise::ingest(&mut input, &target, uuid::Uuid::new_v4().into_bytes(), &limits.ingest, stop)
}

/// The parts of an upload, one after the other.
struct Parts {
    left: std::collections::VecDeque<PathBuf>,
    open: Option<File>,
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(file) = &mut self.open {
                match file.read(buffer)? {
                    0 => self.open = None,
                    n_bytes => return Ok(n_bytes),
                }
            }
            match self.left.pop_front() {
                Some(path) => self.open = Some(File::open(path)?),
                None => return Ok(0),
            }
        }
    }
}

fn is_older(entry: &std::fs::DirEntry, age: Duration) -> bool {
    let Ok(about) = entry.metadata() else { return false };
    about.is_file() && about.modified().ok().and_then(|at| at.elapsed().ok()).is_some_and(|old| old > age)
}

fn log(outcome: Result<(), LeaseError>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "a job of a precise index cannot be recorded");
    }
}
