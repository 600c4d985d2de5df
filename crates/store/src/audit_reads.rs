//! Reads, written down in batches: as many as wait are one transaction.
//!
//! A request for code is answered when its entry is safe. One commit takes about as long as the disk takes to sync, however
//! many entries it holds; so entries wait for the first request among them that is ready to be answered. What a lone request
//! hands in is written at once, beside its work.

use crate::audit;
use crate::database::Database;
use crate::repo_reads::{self, Due, Opened, RepoReads};
use crate::{Fault, Store};
use access::audit::{Entry, Record};
use model::RepoName;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};

/// Entries of one transaction; what more there is waits for the next.
const N_BATCH_MAX: usize = 256;
/// Entries that wait at once; whoever comes then waits to wait.
const N_WAITING_MAX: usize = 1024;
/// An entry waits no longer than this for an answer that is ready: what was asked stands in the log while it is worked on.
const LATEST: Duration = Duration::from_millis(50);

/// Where reads are handed in.
pub(crate) struct ReadLog {
    sender: mpsc::Sender<Waiting>,
    wanted: Arc<Wanted>,
}

/// Whether entries should be written now.
#[derive(Default)]
struct Wanted {
    now: Notify,
    /// Requests that have handed an entry in and are not answered yet.
    n_under_way: AtomicUsize,
}

/// An entry and who waits for it.
struct Waiting {
    record: Record,
    opened: Option<Opened>,
    is_taken: Arc<AtomicBool>,
    done: oneshot::Sender<Result<(), Arc<Fault>>>,
}

/// A read that was handed in and that may not be safe in the log yet: what was read must not be shown before it
/// [has settled](RecordedRead::settled).
#[must_use = "what was read must not be shown before its entry is safe"]
pub struct RecordedRead {
    done: oneshot::Receiver<Result<(), Arc<Fault>>>,
    is_taken: Arc<AtomicBool>,
    wanted: Arc<Wanted>,
}

impl ReadLog {
    /// Starts the writer; it ends when the log is dropped.
    pub(crate) fn start(database: Database) -> Self {
        let (sender, receiver) = mpsc::channel(N_WAITING_MAX);
        let wanted = Arc::<Wanted>::default();
        tokio::spawn(write(database, receiver, Arc::clone(&wanted)));
        ReadLog { sender, wanted }
    }

    async fn hand_in(&self, record: Record, opened: Option<Opened>) -> Result<RecordedRead, Fault> {
        let (done, is_done) = oneshot::channel();
        let is_taken = Arc::<AtomicBool>::default();
        let is_alone = self.wanted.n_under_way.fetch_add(1, Ordering::Relaxed) == 0;
        let read =
            RecordedRead { done: is_done, is_taken: Arc::clone(&is_taken), wanted: Arc::clone(&self.wanted) };
        self.sender.send(Waiting { record, opened, is_taken, done }).await.map_err(|_| stopped())?;
        if is_alone {
            self.wanted.now.notify_one();
        }
        Ok(read)
    }
}

impl RecordedRead {
    /// Returns when the entry is safe in the log.
    pub async fn settled(mut self) -> Result<(), Fault> {
        if !self.is_taken.load(Ordering::Acquire) {
            self.wanted.now.notify_one();
        }
        let written = (&mut self.done).await.map_err(|_| stopped())?;
        written.map_err(|source| Fault::Unrecorded { source })
    }
}

impl Drop for RecordedRead {
    fn drop(&mut self) {
        self.wanted.n_under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Store {
    /// Hands a read in for the log. It is written with those of others, at the latest when somebody waits for it.
    pub async fn begin_read(&self, entry: Entry) -> Result<RecordedRead, Fault> {
        self.inner.reads.hand_in(Record::new(self.now(), &self.origin, &entry), None).await
    }

    /// Puts a read into the log and returns when it is safe there: what was read must not be shown before.
    pub async fn record_read(&self, entry: Entry) -> Result<(), Fault> {
        self.begin_read(entry).await?.settled().await
    }

    /// The same of a read that opened repositories, whose rights to them it shows to be used.
    pub async fn record_read_of(&self, entry: Entry, repos: Vec<RepoName>) -> Result<(), Fault> {
        let record = Record::new(self.now(), &self.origin, &entry);
        let opened = Opened::by(&record, repos);
        self.inner.reads.hand_in(record, opened).await?.settled().await
    }
}

fn stopped() -> Fault {
    Fault::Unrecorded { source: Arc::new(Fault::Stopped) }
}

async fn write(database: Database, mut receiver: mpsc::Receiver<Waiting>, wanted: Arc<Wanted>) {
    let mut reads = RepoReads::default();
    while let Some(first) = receiver.recv().await {
        // Over in either way, it is written.
        let _ = tokio::time::timeout(LATEST, wanted.now.notified()).await;
        let mut batch = vec![first];
        while batch.len() < N_BATCH_MAX
            && let Ok(next) = receiver.try_recv()
        {
            batch.push(next);
        }
        batch.iter().for_each(|waiting| waiting.is_taken.store(true, Ordering::Release));
        let due = reads.due(batch.iter_mut().filter_map(|one| one.opened.take()));
        let (records, waiting): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|one| (one.record, one.done)).unzip();
        let written = write_batch(&database, records, &due).await.map_err(Arc::new);
        if let Err(fault) = &written {
            tracing::error!(error = %fault, "reads cannot be written to the audit log, so they are refused");
        }
        if written.is_ok() {
            reads.written(due);
        }
        for done in waiting {
            // Whoever hung up does not wait any more.
            let _ = done.send(written.clone());
        }
    }
}

async fn write_batch(database: &Database, records: Vec<Record>, due: &Due) -> Result<(), Fault> {
    let mut transaction = database.begin().await?;
    // Before the log's lock is taken, which comes last everywhere.
    repo_reads::write(&mut transaction, due).await?;
    audit::append(&mut transaction, records).await?;
    transaction.commit().await
}
