//! Reads, written down in batches: as many as wait are one transaction.
//!
//! A request for code is answered when its entry is safe. One commit takes about as long as the disk takes to sync, however
//! many entries it holds; so whoever comes while one is under way shares the next.

use crate::audit;
use crate::database::Database;
use crate::{Fault, Store};
use access::audit::{Entry, Record};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Entries of one transaction; what more there is waits for the next.
const N_BATCH_MAX: usize = 256;
/// Entries that wait at once; whoever comes then waits to wait.
const N_WAITING_MAX: usize = 1024;

/// Where reads are handed in.
pub(crate) struct ReadLog {
    sender: mpsc::Sender<Waiting>,
}

/// An entry and who waits for it.
struct Waiting {
    record: Record,
    done: oneshot::Sender<Result<(), Arc<Fault>>>,
}

impl ReadLog {
    /// Starts the writer; it ends when the log is dropped.
    pub(crate) fn start(database: Database) -> Self {
        let (sender, receiver) = mpsc::channel(N_WAITING_MAX);
        tokio::spawn(write(database, receiver));
        ReadLog { sender }
    }
}

impl Store {
    /// Puts a read into the log and returns when it is safe there: what was read must not be shown before.
    pub async fn record_read(&self, entry: Entry) -> Result<(), Fault> {
        let record = Record::new(self.now(), &self.origin, &entry);
        let (done, is_done) = oneshot::channel();
        let stopped = || Fault::Unrecorded { source: Arc::new(Fault::Stopped) };
        self.inner.reads.sender.send(Waiting { record, done }).await.map_err(|_| stopped())?;
        let written = is_done.await.map_err(|_| stopped())?;
        written.map_err(|source| Fault::Unrecorded { source })
    }
}

async fn write(database: Database, mut receiver: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::new();
    while receiver.recv_many(&mut batch, N_BATCH_MAX).await > 0 {
        let (records, waiting): (Vec<_>, Vec<_>) = batch.drain(..).map(|one| (one.record, one.done)).unzip();
        let written = write_batch(&database, records).await.map_err(Arc::new);
        if let Err(fault) = &written {
            tracing::error!(error = %fault, "reads cannot be written to the audit log, so they are refused");
        }
        for done in waiting {
            // Whoever hung up does not wait any more.
            let _ = done.send(written.clone());
        }
    }
}

async fn write_batch(database: &Database, records: Vec<Record>) -> Result<(), Fault> {
    let mut transaction = database.begin().await?;
    audit::append(&mut transaction, records).await?;
    transaction.commit().await
}
