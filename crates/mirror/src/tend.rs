//! What a running worker does beside its jobs: watching local repositories, keeping the catalog in step with rows that other
//! processes add and remove, deleting discarded files.

use crate::Worker;
use crate::describe::said_of;
use crate::job;
use crate::open::pending;
use crate::poll::Poller;
use crate::sweep::forget_discarded;
use model::RepoId;
use search::PendingState;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::{Duration, Instant};
use store::{Fault, Repository, Source};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// How long a discarded file is kept for processes that are about to open it.
const DISCARD_DELAY: Duration = Duration::from_secs(60);
/// How often discarded files are looked for.
const DISCARD_TICK: Duration = Duration::from_secs(60);
/// Looking at all local repositories takes at most one part in so many of the time.
const POLL_SHARE: u32 = 20;

impl Worker {
    /// Queues local repositories that changed, and keeps the catalog in step with rows other processes add and remove.
    ///
    /// `first_look` is called after the first look, which queues every local repository: jobs that are done only then are
    /// those that others had queued for the same repositories, not second ones.
    pub(crate) async fn watch_repositories(&self, stop: &CancellationToken, first_look: oneshot::Sender<()>) {
        let mut first_look = Some(first_look);
        let mut poller = Poller::default();
        loop {
            let mut pause = self.options.local_poll;
            match self.look_around(poller).await {
                Ok((returned, looked)) => {
                    poller = returned;
                    // The first look finds out where everything lies; it says nothing of the next ones.
                    if first_look.is_none() {
                        pause = pause.max(looked * POLL_SHARE);
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "repositories cannot be watched; trying again");
                    poller = Poller::default();
                }
            }
            if let Some(first_look) = first_look.take() {
                // Nobody waits any more where the worker has stopped.
                let _ = first_look.send(());
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Looks once; tells how long looking at the repositories took, without what had to be waited for.
    async fn look_around(&self, mut poller: Poller) -> Result<(Poller, Duration), Fault> {
        let rows = self.options.store.maintenance().repositories().await?;
        self.reconcile(&rows);
        let local = |row: &Repository| match &row.source {
            Source::Local(path) => Some((row.id, path.clone())),
            Source::Remote(_) => None,
        };
        let locals: Vec<(RepoId, PathBuf)> = rows.iter().filter_map(local).collect();
        let look = move || {
            let started = Instant::now();
            let changed: HashSet<RepoId> = poller.changed(&locals).into_iter().collect();
            (poller, changed, started.elapsed())
        };
        let Ok((poller, changed, looked)) = tokio::task::spawn_blocking(look).await else {
            return Ok((Poller::default(), Duration::ZERO));
        };
        let rows: Vec<_> = rows.iter().filter(|row| changed.contains(&row.id)).collect();
        let jobs = rows.into_iter().map(|row| job::scheduled(row, 0, None));
        self.options.store.jobs().enqueue_all(jobs.collect()).await?;
        Ok((poller, looked))
    }

    /// Tells the catalog of rows that came and went, and of what is said of the others.
    fn reconcile(&self, rows: &[Repository]) {
        let present: HashSet<RepoId> = rows.iter().map(|row| row.id).collect();
        let mut known = self.shared.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|repo| {
            let stays = present.contains(repo);
            if !stays {
                self.options.catalog.remove(*repo);
            }
            stays
        });
        for row in rows.iter().filter(|row| known.insert(row.id)) {
            let state = match row.source {
                Source::Local(_) => PendingState::Indexing,
                Source::Remote(_) => PendingState::Cloning,
            };
            self.options.catalog.set_pending(pending(row, state));
        }
        self.options.catalog.describe(rows.iter().map(|row| (row.id, &row.name, said_of(row))));
    }

    pub(crate) async fn delete_discarded(&self, stop: &CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(DISCARD_TICK) => {}
                () = stop.cancelled() => return,
            }
            let before = self.options.clock.now().minus(DISCARD_DELAY);
            if let Err(error) = forget_discarded(&self.shared.store, &self.shared.data, before).await {
                tracing::warn!(%error, "discarded files cannot be deleted; trying again");
            }
        }
    }
}
