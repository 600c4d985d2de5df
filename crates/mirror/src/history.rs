//! The history of repositories, built in the background.
//!
//! A job of its own kind, below all others in priority, one at a time in a process: first all commits and messages, then
//! changed lines, newest first, in slices of some seconds, each of which is published and found at once. Whoever is killed
//! has lost one slice. [`build`] does the work, [`write`] and [`merge`] the files, [`files`] opens them.

mod build;
mod files;
mod merge;
mod write;

pub use files::verify;
pub(crate) use files::{names, open_history};

use crate::board::{Phase, Task};
use crate::worker::{HEARTBEAT, LEASE, log_lost, ticker};
use crate::{IndexError, Worker, job};
use build::Step;
use model::RepoId;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{ClaimedJob, Repository, StoredHistory};
use tokio_util::sync::CancellationToken;

impl Worker {
    /// Queues the history of a repository where it lags behind the published index.
    pub(crate) async fn queue_history(&self, repo: RepoId) {
        let lags = async {
            let maintenance = self.options.store.maintenance();
            let Some(manifest) = maintenance.manifest(repo).await? else { return Ok(false) };
            let history = maintenance.history(repo).await?;
            Ok::<_, store::Fault>(history.is_none_or(|stored| !is_up_to_date(&stored, &manifest)))
        };
        let outcome = match lags.await {
            Ok(false) => Ok(()),
            Ok(true) => self.options.store.jobs().enqueue(job::history(repo)).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, "the history of a repository could not be queued");
        }
    }

    /// Does one slice of a history and queues the next.
    pub(crate) async fn do_history(&self, job: ClaimedJob, stop: &CancellationToken) {
        let jobs = self.options.store.jobs();
        let repo = job::history_repo(&job);
        let row = match repo {
            Some(repo) => self.options.store.maintenance().repository(repo).await,
            None => Ok(None),
        };
        let outcome = match row {
            Ok(Some(row)) => self.history_slice(&row, &job, stop).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error.into()),
        };
        match outcome {
            Ok(()) => {
                log_lost(jobs.complete(&job).await);
                if let Some(repo) = repo {
                    self.queue_history(repo).await;
                }
            }
            Err(IndexError::Cancelled) => log_lost(jobs.release(&job).await),
            Err(error) => {
                tracing::warn!(%error, "a history could not be built further; it is tried again");
                log_lost(jobs.fail(&job, &error.to_string()).await.map(drop));
            }
        }
    }

    async fn history_slice(
        &self,
        row: &Repository,
        job: &ClaimedJob,
        stop: &CancellationToken,
    ) -> Result<(), IndexError> {
        let stored = self.options.store.maintenance().history(row.id).await?;
        let task = self.options.board.begin(row.id, row.name.clone(), Phase::History);
        let Some(mut built) = self.blocking_slice(row, stored.clone(), task, job, stop).await? else {
            return Ok(());
        };
        let expected = stored.map(|stored| stored.generation).unwrap_or_default();
        let published =
            self.options.store.maintenance().publish_history(row.id, expected, &built.history).await;
        match published {
            Ok(_) => built.new_files.keep(),
            Err(error @ store::PublishError::Fault(_)) => {
                // It may have been published all the same, so the files stay; if not, the next start sweeps them.
                built.new_files.keep();
                return Err(error.into());
            }
            Err(error) => return Err(error.into()),
        }
        self.shared.catalog.set_history(row.id, built.opened);
        Ok(())
    }

    /// Runs the work on a thread of its own, beating the lease meanwhile.
    async fn blocking_slice(
        &self,
        row: &Repository,
        stored: Option<StoredHistory>,
        task: Task,
        job: &ClaimedJob,
        stop: &CancellationToken,
    ) -> Result<Option<build::Built>, IndexError> {
        let cancel = Arc::new(AtomicBool::new(false));
        let (shared, row, flag) = (Arc::clone(&self.shared), row.clone(), Arc::clone(&cancel));
        let is_rebuild = job::is_rebuild(job);
        let is_busy = self.options.board.for_operator().iter().any(|one| one.phase.is_work());
        let mut blocking = tokio::task::spawn_blocking(move || {
            let n_threads = if is_busy { 1 } else { shared.n_threads };
            let step = Step {
                shared: &shared,
                row: &row,
                stored: stored.as_ref(),
                is_rebuild,
                task: &task,
                cancel: &flag,
                n_threads,
            };
            step.run()
        });
        let mut heartbeat = ticker(HEARTBEAT);
        loop {
            tokio::select! {
                done = &mut blocking => return done.unwrap_or(Err(IndexError::Panicked)),
                () = stop.cancelled(), if !cancel.load(Ordering::Relaxed) => cancel.store(true, Ordering::Relaxed),
                _ = heartbeat.tick() => {
                    if let Err(store::LeaseError::Lost) = self.options.store.jobs().heartbeat(job, LEASE).await {
                        cancel.store(true, Ordering::Relaxed);
                    }
                }
            }
        }
    }
}

/// Whether a history holds everything that the published index's refs reach.
fn is_up_to_date(stored: &StoredHistory, manifest: &store::Manifest) -> bool {
    let refs = manifest.refs_digest.as_deref();
    stored.history.n_done >= stored.history.n_commits
        && refs.is_some_and(|refs| stored.history.refs_digest.starts_with(refs))
}
