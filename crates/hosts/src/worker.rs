//! The worker: compares hosts as they become due or as somebody asks, as durable jobs.

use crate::sync::{SyncError, SyncManner, SyncReport, sync};
use crate::{
    Connector, HostKind, HostSettings, OpenHostError, SettingsError, Surroundings, UnknownKind, open,
};
use access::{HostId, Timestamp};
use git::Secret;
use model::RepoId;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use store::{ClaimRequest, ClaimedJob, CodeHost, Fault, LeaseError, NewJob, Repository, Store, WorkerId};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const KIND: &str = "host-sync";
const LEASE: Duration = Duration::from_secs(60);
const HEARTBEAT: Duration = Duration::from_secs(15);
const QUEUE_POLL: Duration = Duration::from_secs(1);
/// How often hosts without a waiting job are looked for.
const SCHEDULE_TICK: Duration = Duration::from_secs(30);
/// Hosts that are compared at the same time.
const N_JOBS: usize = 4;
/// What somebody waits for runs before what is due by schedule.
const PRIORITY_SOON: i32 = 10;
/// Fewest and most time between two comparings of one host.
const INTERVAL_MIN: Duration = Duration::from_secs(45);
const INTERVAL_MAX: Duration = Duration::from_secs(8 * 60 * 60);
/// The first wait after a failure; each further one doubles it.
const BACKOFF_FIRST: Duration = Duration::from_secs(30);

/// Asks for repositories to be fetched and indexed.
pub type QueueRepositories =
    Arc<dyn Fn(Vec<Repository>) -> Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>> + Send + Sync>;

/// The tokens of code hosts by the name of their machine, for git.
#[derive(Clone, Default)]
pub struct CredentialBook(Arc<RwLock<HashMap<String, Secret>>>);

/// What the worker works with.
#[derive(Clone)]
pub struct SyncOptions {
    /// Hosts, repositories, statements, jobs.
    pub store: Store,
    /// The way out and the time.
    pub around: Surroundings,
    /// What happens to new repositories.
    pub queue: QueueRepositories,
    /// Where the tokens for git are kept.
    pub credentials: CredentialBook,
}

/// Compares hosts. Cloning shares it.
#[derive(Clone)]
pub struct SyncWorker {
    options: SyncOptions,
    id: WorkerId,
    connectors: Arc<Mutex<HashMap<HostId, Kept>>>,
}

/// A connector, and what it was made from. It is kept for the answers that it knows.
type Kept = ([u8; 32], Arc<dyn Connector>);

/// A host could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum SyncHostError {
    /// There is no such host.
    #[error("there is no such code host")]
    Unknown,
    /// Its kind is one of a later version.
    #[error(transparent)]
    Kind(#[from] UnknownKind),
    /// Its settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Its connector.
    #[error(transparent)]
    Open(#[from] OpenHostError),
    /// The comparing.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Fault),
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Payload {
    host: String,
    accept_loss: bool,
    n_failures: u32,
}

/// Asks for a host to be compared now. `accept_loss`: even where its list lacks most of what was there.
pub async fn request_sync(store: &Store, host: &HostId, accept_loss: bool) -> Result<(), Fault> {
    let payload = Payload { host: host.0.clone(), accept_loss, n_failures: 0 };
    let mut job = job(&payload, None, PRIORITY_SOON);
    if accept_loss {
        job.dedupe_key = Some(format!("{KIND}-accept:{host}"));
    }
    store.jobs().enqueue(job).await.map(drop)
}

fn job(payload: &Payload, run_after: Option<Timestamp>, priority: i32) -> NewJob {
    NewJob {
        kind: KIND.to_owned(),
        repo: None,
        payload: serde_json::to_value(payload).unwrap_or_default(),
        priority,
        dedupe_key: Some(format!("{KIND}:{}", payload.host)),
        host: Some(format!("code-host:{}", payload.host)),
        run_after,
    }
}

impl CredentialBook {
    /// The credential for a machine.
    pub fn get(&self, machine: &str) -> Option<Secret> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(machine).cloned()
    }

    fn put(&self, host: &CodeHost, settings: &HostSettings, token: &SecretString) {
        let Ok(url) = url::Url::parse(&host.url) else { return };
        let Some(machine) = url.host_str() else { return };
        // Hosts take any name beside a token, but those where the token is an account's password.
        let user = settings.account.as_deref().unwrap_or("x-access-token");
        if let Ok(secret) = Secret::new(user, token.expose_secret()) {
            let mut book = self.0.write().unwrap_or_else(PoisonError::into_inner);
            book.insert(machine.to_owned(), secret);
        }
    }
}

impl SyncWorker {
    /// A worker that has done nothing yet.
    pub fn new(options: SyncOptions) -> Self {
        SyncWorker { options, id: WorkerId::draw(), connectors: Arc::default() }
    }

    /// Works until `stop` is cancelled. What runs then is given back to the queue.
    pub async fn run(&self, stop: &CancellationToken) {
        tokio::join!(self.schedule(stop), self.work(stop));
    }

    /// Does what is due, and returns when nothing is.
    pub async fn drain(&self, stop: &CancellationToken) -> Result<(), Fault> {
        while let Some(job) = self.claim().await? {
            self.do_job(job, stop).await;
        }
        Ok(())
    }

    /// Compares a host now, in this task, beside whatever the schedule does.
    pub async fn sync_now(&self, id: &HostId, accepts_loss: bool) -> Result<SyncReport, SyncHostError> {
        self.sync_by(id, SyncManner { accepts_loss, keeps_pages: false }).await
    }

    async fn sync_by(&self, id: &HostId, manner: SyncManner) -> Result<SyncReport, SyncHostError> {
        let store = &self.options.store;
        let host = store.code_host(id).await?.ok_or(SyncHostError::Unknown)?;
        let done = self.sync_host(&host, manner).await;
        if let Err(error) = &done {
            store.note_host_error(id, &error.to_string()).await?;
        }
        done
    }

    /// The connector of a host; the same one as long as its address, settings and token are the same.
    pub async fn connector(&self, host: &CodeHost) -> Result<Arc<dyn Connector>, SyncHostError> {
        let kind: HostKind = host.kind.parse()?;
        let settings = HostSettings::from_json(&host.settings)?;
        let token = self.options.store.code_host_token(&host.id).await?;
        let token =
            token.map(|token| SecretString::from(String::from_utf8_lossy(token.expose()).into_owned()));
        let secret = token.as_ref().map_or("", |token| token.expose_secret());
        let mut hasher = Sha256::new();
        for part in [host.kind.as_str(), &host.url, &host.settings, secret] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let fingerprint: [u8; 32] = hasher.finalize().into();
        let kept = self.connectors.lock().unwrap_or_else(PoisonError::into_inner).get(&host.id).cloned();
        if let Some((known, connector)) = kept
            && known == fingerprint
        {
            return Ok(connector);
        }
        let connector: Arc<dyn Connector> =
            open(kind, &host.url, &settings, token.as_ref(), &self.options.around)?.into();
        if let Some(token) = &token {
            self.options.credentials.put(host, &settings, token);
        }
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        connectors.insert(host.id.clone(), (fingerprint, Arc::clone(&connector)));
        Ok(connector)
    }

    /// Asks for repositories to be fetched and indexed.
    pub(crate) async fn queue(&self, repositories: Vec<Repository>) -> Result<(), Fault> {
        (self.options.queue)(repositories).await
    }

    pub(crate) fn store(&self) -> &Store {
        &self.options.store
    }

    async fn sync_host(&self, host: &CodeHost, manner: SyncManner) -> Result<SyncReport, SyncHostError> {
        let connector = self.connector(host).await?;
        let (store, clock) = (&self.options.store, &*self.options.around.clock);
        let outcome = sync(store, host, &*connector, clock, manner).await;
        // What was added is here even where the rest failed.
        let waiting = self.unindexed(host).await?;
        self.queue(waiting).await?;
        Ok(outcome?)
    }

    /// The host's repositories that nothing was done for yet.
    async fn unindexed(&self, host: &CodeHost) -> Result<Vec<Repository>, Fault> {
        let known = self.options.store.host_repositories(&host.id).await?;
        let theirs: std::collections::HashSet<RepoId> = known.iter().filter_map(|known| known.repo).collect();
        let all = self.options.store.maintenance().repositories().await?;
        let is_new = |row: &Repository| row.status == store::RepoStatus::Pending && theirs.contains(&row.id);
        Ok(all.into_iter().filter(is_new).collect())
    }

    /// Sees to it that every host has a job: where one was lost, and for hosts that are new.
    async fn schedule(&self, stop: &CancellationToken) {
        loop {
            if let Err(error) = self.schedule_all().await {
                tracing::error!(%error, "code hosts cannot be scheduled; trying again");
            }
            tokio::select! {
                () = tokio::time::sleep(SCHEDULE_TICK) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn schedule_all(&self) -> Result<(), Fault> {
        for host in self.options.store.code_hosts().await? {
            // So that git has its token after a restart, before anything is compared.
            if let Err(error) = self.connector(&host).await {
                tracing::warn!(host = host.name, %error, "a code host cannot be used");
            }
            let due = host.begun_at.map_or(self.now(), |begun| begun.plus(interval(&host)));
            let after_error = host.error_at.map(|at| at.plus(INTERVAL_MAX.min(interval(&host))));
            let payload = Payload { host: host.id.0.clone(), ..Payload::default() };
            let run_after = Some(after_error.map_or(due, |after| after.max(due)));
            self.options.store.jobs().enqueue(job(&payload, run_after, 0)).await?;
        }
        Ok(())
    }

    async fn work(&self, stop: &CancellationToken) {
        let mut running: JoinSet<()> = JoinSet::new();
        while !stop.is_cancelled() {
            while running.len() < N_JOBS {
                match self.claim().await {
                    Ok(Some(job)) => {
                        let (worker, stop) = (self.clone(), stop.clone());
                        running.spawn(async move { worker.do_job(job, &stop).await });
                    }
                    Ok(None) => break,
                    Err(error) => {
                        tracing::error!(%error, "the job queue cannot be read; trying again");
                        break;
                    }
                }
            }
            tokio::select! {
                Some(_) = running.join_next() => {}
                () = tokio::time::sleep(QUEUE_POLL) => {}
                () = stop.cancelled() => {}
            }
        }
        while running.join_next().await.is_some() {}
    }

    async fn claim(&self) -> Result<Option<ClaimedJob>, Fault> {
        let request = ClaimRequest {
            worker: self.id.clone(),
            kinds: vec![KIND.to_owned()],
            lease: LEASE,
            n_per_host_max: 1,
        };
        self.options.store.jobs().claim(&request).await
    }

    async fn do_job(&self, job: ClaimedJob, stop: &CancellationToken) {
        let payload: Payload = serde_json::from_value(job.payload.clone()).unwrap_or_default();
        let id = HostId(payload.host.clone());
        let jobs = self.options.store.jobs();
        let outcome = {
            let manner = SyncManner { accepts_loss: payload.accept_loss, keeps_pages: true };
            let work = self.sync_by(&id, manner);
            tokio::pin!(work);
            loop {
                tokio::select! {
                    outcome = &mut work => break Some(outcome),
                    () = tokio::time::sleep(HEARTBEAT) => {
                        if let Err(LeaseError::Lost) = jobs.heartbeat(&job, LEASE).await {
                            return;
                        }
                    }
                    () = stop.cancelled() => break None,
                }
            }
        };
        let ended = match &outcome {
            None => jobs.release(&job).await,
            Some(_) => jobs.complete(&job).await,
        };
        if let Err(error) = ended {
            tracing::warn!(%error, "a code host's job could not be ended");
        }
        if let Some(outcome) = outcome
            && let Err(error) = self.plan_next(&id, payload.n_failures, outcome).await
        {
            tracing::error!(%error, "a code host's next job could not be planned");
        }
    }

    async fn plan_next(
        &self,
        id: &HostId,
        n_failures: u32,
        outcome: Result<SyncReport, SyncHostError>,
    ) -> Result<(), Fault> {
        let Some(host) = self.options.store.code_host(id).await? else { return Ok(()) };
        let interval = interval(&host);
        let mut next = Payload { host: id.0.clone(), ..Payload::default() };
        let run_after = match outcome {
            Ok(_) => host.begun_at.unwrap_or(self.now()).plus(interval).max(self.now().plus(INTERVAL_MIN)),
            Err(error) => {
                tracing::warn!(host = host.name, %error, "a code host could not be compared");
                next.n_failures = n_failures.saturating_add(1);
                let wait = BACKOFF_FIRST.saturating_mul(1 << n_failures.min(16)).min(interval);
                let retry_at = match &error {
                    SyncHostError::Sync(error) => error.retry_at(),
                    _ => None,
                };
                retry_at.unwrap_or(self.now().plus(wait))
            }
        };
        self.options.store.jobs().enqueue(job(&next, Some(run_after), 0)).await.map(drop)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.options.around.clock.now()
    }
}

/// Time between two comparings: twice within the bound, so that one may fail.
fn interval(host: &CodeHost) -> Duration {
    (host.bound / 2).clamp(INTERVAL_MIN, INTERVAL_MAX)
}
