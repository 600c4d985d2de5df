//! The durable queue: what is to be done for repositories, surviving the death of whoever does it.

use crate::database::{Transaction, values};
use crate::jobs_claim::{self, Claim};
use crate::jobs_lease::{self, End};
use crate::{Fault, Store, Timestamp};
use model::RepoId;
use std::time::Duration;

/// How often a transaction that met another one is tried again.
const N_CONFLICTS_MAX: u32 = 16;
/// How often a job may fail before it is given up.
const N_FAILURES_MAX: u32 = 10;
const KIND_BYTES_MAX: usize = 64;
const KEY_BYTES_MAX: usize = 200;
const HOST_BYTES_MAX: usize = 255;
const PAYLOAD_BYTES_MAX: usize = 64 * 1024;

/// Identifies a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub i64);

/// Identifies a process that works on jobs; drawn anew by every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WorkerId(pub(crate) String);

impl WorkerId {
    /// Draws a new one.
    pub fn draw() -> Self {
        WorkerId(uuid::Uuid::new_v4().to_string())
    }
}

/// A job to put into the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// What is to be done, such as `index`; at most 64 bytes.
    pub kind: String,
    /// For which repository. No two jobs of one repository run at the same time; its jobs go when it goes.
    pub repo: Option<RepoId>,
    /// What the doer needs to know; at most 64 KiB as text.
    pub payload: serde_json::Value,
    /// Higher runs earlier.
    pub priority: i32,
    /// No two jobs of one key wait at the same time: the second is the first. At most 200 bytes.
    pub dedupe_key: Option<String>,
    /// The host it will talk to, for the limit per host. At most 255 bytes.
    pub host: Option<String>,
    /// Not before this moment; `None` for at once.
    pub run_after: Option<Timestamp>,
}

/// A job that waits now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// Its id.
    pub id: JobId,
    /// Whether this call made it; otherwise one of the same key waited already, and it now has the higher of both
    /// priorities and the earlier of both moments.
    pub is_new: bool,
}

/// What a worker asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRequest {
    /// Who asks.
    pub worker: WorkerId,
    /// Which kinds it can do.
    pub kinds: Vec<String>,
    /// For how long the job is its own unless it beats.
    pub lease: Duration,
    /// How many jobs of one host may run at the same time, over all workers.
    pub n_per_host_max: u32,
}

/// A job that is the worker's own until `lease_until`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedJob {
    /// Its id.
    pub id: JobId,
    /// What is to be done.
    pub kind: String,
    /// For which repository.
    pub repo: Option<RepoId>,
    /// What the doer needs to know.
    pub payload: serde_json::Value,
    /// How often it was tried and failed before.
    pub n_failures: u32,
    /// When the lease ends unless [`Jobs::heartbeat`] moves it.
    pub lease_until: Timestamp,
    pub(crate) worker: WorkerId,
    /// Tells this claim from an earlier one of the same worker.
    pub(crate) n_claims: i64,
}

/// What became of a job that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It waits and is tried again.
    Retry {
        /// Not before this moment.
        at: Timestamp,
    },
    /// It is kept as failed and not tried again.
    GaveUp,
}

/// How many jobs there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// Waiting.
    pub n_queued: u64,
    /// Being done.
    pub n_running: u64,
    /// Given up.
    pub n_failed: u64,
}

/// The worker no longer has the job.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The lease ended and somebody else may have the job, or the job's repository was removed: stop working on it.
    #[error("the lease on this job is lost: stop, another worker does it")]
    Lost,
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// The queue. SECURITY: not for request handlers; payloads and errors may tell of any repository.
#[derive(Clone, Debug)]
pub struct Jobs {
    pub(crate) store: Store,
}

impl Store {
    /// The queue.
    pub fn jobs(&self) -> Jobs {
        Jobs { store: self.clone() }
    }
}

impl Jobs {
    /// Puts a job into the queue and wakes a waiting worker of this process.
    pub async fn enqueue(&self, new: NewJob) -> Result<Enqueued, Fault> {
        let mut enqueued = self.enqueue_all(vec![new]).await?;
        Ok(enqueued.remove(0))
    }

    /// Puts many jobs into the queue in one transaction.
    pub async fn enqueue_all(&self, new: Vec<NewJob>) -> Result<Vec<Enqueued>, Fault> {
        for job in &new {
            check(job)?;
        }
        let mut transaction = self.store.database().begin().await?;
        let mut enqueued = Vec::with_capacity(new.len());
        for job in &new {
            enqueued.push(enqueue_in(&mut transaction, self.store.now(), job).await?);
        }
        transaction.commit().await?;
        self.ring(enqueued.len());
        Ok(enqueued)
    }

    /// Takes the next job: due, of an asked kind, highest priority first, then the longest waiting. Jobs whose lease has
    /// ended are due again.
    pub async fn claim(&self, request: &ClaimRequest) -> Result<Option<ClaimedJob>, Fault> {
        for _ in 0..N_CONFLICTS_MAX {
            match jobs_claim::claim(&self.store, request).await {
                Err(fault) if fault.is_conflict() => {}
                Ok(Claim::LostRace) => {}
                Ok(Claim::Job(job)) => return Ok(Some(*job)),
                Ok(Claim::Nothing) => return Ok(None),
                Err(fault) => return Err(fault),
            }
        }
        // Others take jobs faster than we can; they are being done, that is what counts.
        Ok(None)
    }

    /// Prolongs a lease from now on. Returns the new end.
    pub async fn heartbeat(&self, job: &ClaimedJob, lease: Duration) -> Result<Timestamp, LeaseError> {
        const BEAT: &str = "UPDATE jobs SET lease_until = $4 \
             WHERE id = $1 AND state = 'running' AND worker = $2 AND n_claims = $3";
        let lease_until = self.store.now().plus(lease);
        let values = values![job.id.0, &job.worker.0, job.n_claims, lease_until];
        match self.store.database().execute(BEAT, values).await? {
            0 => Err(LeaseError::Lost),
            _ => Ok(lease_until),
        }
    }

    /// Done: the job leaves the queue.
    pub async fn complete(&self, job: &ClaimedJob) -> Result<(), LeaseError> {
        const FORGET_FAILED: &str = "DELETE FROM jobs WHERE state = 'failed' AND dedupe_key = $1";
        let mut transaction = self.store.database().begin().await?;
        let done = jobs_lease::take_back(&mut transaction, job).await?;
        if let Some(key) = done.dedupe_key {
            transaction.execute(FORGET_FAILED, values![key]).await?;
        }
        transaction.commit().await?;
        self.ring(1);
        Ok(())
    }

    /// Failed: tried again later, 5 s, 10 s, 20 s … up to an hour (± a quarter), and given up after the tenth failure. The
    /// message is cut to 2,000 characters.
    pub async fn fail(&self, job: &ClaimedJob, message: &str) -> Result<Outcome, LeaseError> {
        let at = self.store.now().plus(jobs_lease::backoff(job.n_failures, self.store.randomness())?);
        let n_failures = job.n_failures.saturating_add(1);
        let end = match n_failures >= N_FAILURES_MAX {
            true => End::GiveUp,
            false => End::Retry { at },
        };
        self.end(job, end, i64::from(n_failures), Some(message)).await
    }

    /// Failed for good: kept as failed, not tried again.
    pub async fn give_up(&self, job: &ClaimedJob, message: &str) -> Result<(), LeaseError> {
        let n_failures = i64::from(job.n_failures) + 1;
        self.end(job, End::GiveUp, n_failures, Some(message)).await.map(drop)
    }

    /// Not done and not failed, because the worker is told to stop: the job waits again, at once.
    pub async fn release(&self, job: &ClaimedJob) -> Result<(), LeaseError> {
        let end = End::Retry { at: self.store.now() };
        self.end(job, end, i64::from(job.n_failures), None).await.map(drop)
    }

    /// Gives back every job that another worker holds: for the start of a process that knows it is the only one, because
    /// it holds the data directory's lock. Returns how many.
    pub async fn release_others(&self, worker: &WorkerId) -> Result<u64, Fault> {
        let mut n_tries = 0;
        loop {
            n_tries += 1;
            match jobs_lease::give_back_others(&self.store, worker).await {
                Err(fault) if fault.is_conflict() && n_tries < N_CONFLICTS_MAX => {}
                given_back => return given_back,
            }
        }
    }

    /// Waits until a job may be due: one was put into the queue by this process, or `poll` has passed.
    pub async fn wait(&self, poll: Duration) {
        // Which of the two it was does not matter: the caller looks into the queue.
        let _ = tokio::time::timeout(poll, self.store.inner.job_bell.notified()).await;
    }

    /// How many jobs there are.
    pub async fn counts(&self) -> Result<JobCounts, Fault> {
        let rows = self
            .store
            .database()
            .rows("SELECT state, COUNT(*) AS n FROM jobs GROUP BY state", values![])
            .await?;
        let mut counts = JobCounts::default();
        for row in &rows {
            let n_jobs = row.unsigned("n")?;
            match row.text("state")?.as_str() {
                "queued" => counts.n_queued = n_jobs,
                "running" => counts.n_running = n_jobs,
                _ => counts.n_failed = n_jobs,
            }
        }
        Ok(counts)
    }

    /// Forgets failed jobs that were last tried before this moment. Returns how many.
    pub async fn forget_failed(&self, before: Timestamp) -> Result<u64, Fault> {
        let sql = "DELETE FROM jobs WHERE state = 'failed' AND changed_at < $1";
        self.store.database().execute(sql, values![before]).await
    }
}

impl Jobs {
    /// Wakes as many waiting workers as there are jobs. Nobody waiting: the next who does is woken at once.
    fn ring(&self, n_jobs: usize) {
        const N_WORKERS_MAX: usize = 64;
        for _ in 0..n_jobs.min(N_WORKERS_MAX) {
            self.store.inner.job_bell.notify_one();
        }
    }

    async fn end(
        &self,
        job: &ClaimedJob,
        end: End,
        n_failures: i64,
        message: Option<&str>,
    ) -> Result<Outcome, LeaseError> {
        let mut n_tries = 0;
        loop {
            n_tries += 1;
            match jobs_lease::end(&self.store, job, end, n_failures, message).await {
                Err(LeaseError::Fault(fault)) if fault.is_conflict() && n_tries < N_CONFLICTS_MAX => {}
                ended => {
                    self.ring(1);
                    return ended;
                }
            }
        }
    }
}

fn check(job: &NewJob) -> Result<(), Fault> {
    Fault::check_storable("kind of a job", &job.kind, KIND_BYTES_MAX)?;
    Fault::check_storable("key of a job", job.dedupe_key.as_deref().unwrap_or(""), KEY_BYTES_MAX)?;
    Fault::check_storable("host of a job", job.host.as_deref().unwrap_or(""), HOST_BYTES_MAX)?;
    Fault::check_storable("payload of a job", &job.payload.to_string(), PAYLOAD_BYTES_MAX)
}

/// Adds to a job of the same key that waits, or puts a new one into the queue. Between the two another transaction may
/// do either; then it is tried again.
pub(crate) async fn enqueue_in(
    transaction: &mut Transaction,
    now: Timestamp,
    new: &NewJob,
) -> Result<Enqueued, Fault> {
    const JOIN: &str = "UPDATE jobs SET priority = CASE WHEN priority < $2 THEN $2 ELSE priority END, \
         run_after = CASE WHEN run_after > $3 THEN $3 ELSE run_after END, changed_at = $4 \
         WHERE state = 'queued' AND dedupe_key = $1 RETURNING id";
    const INSERT: &str = "INSERT INTO jobs \
         (kind, repo_id, payload, priority, dedupe_key, host, run_after, created_at, changed_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT DO NOTHING RETURNING id";
    let run_after = new.run_after.unwrap_or(now);
    let priority = i64::from(new.priority);
    for _ in 0..N_CONFLICTS_MAX {
        if let Some(key) = &new.dedupe_key {
            let joined = transaction.row(JOIN, values![key, priority, run_after, now]).await?;
            if let Some(row) = joined {
                return Ok(Enqueued { id: JobId(row.int("id")?), is_new: false });
            }
        }
        let columns = values![
            &new.kind,
            new.repo,
            new.payload.to_string(),
            priority,
            new.dedupe_key.clone(),
            new.host.clone(),
            run_after,
            now
        ];
        if let Some(row) = transaction.row(INSERT, columns).await? {
            return Ok(Enqueued { id: JobId(row.int("id")?), is_new: true });
        }
    }
    Err(Fault::Busy { source: "a job of the same key comes and goes".into() })
}
