//! What one search cost, stage by stage: filled in only where somebody asks for an explanation.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A part of the work that is timed by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Which documents may be found at all; grams looked up.
    Admission,
    /// Posting lists decoded and intersected.
    Postings,
    /// Text read and patterns run.
    Verification,
}

/// Counters that the threads of one search share.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    nanoseconds: [AtomicU64; 3],
    /// Chunks whose posting lists were asked.
    pub(crate) n_chunks: AtomicU64,
    /// Blobs that no list ruled out.
    pub(crate) n_candidates: AtomicU64,
    /// Blocks of them to be looked at.
    pub(crate) n_candidate_blocks: AtomicU64,
    /// Bytes of text that patterns were run over.
    pub(crate) n_bytes: AtomicU64,
}

impl Probe {
    /// Does the work, and notes how long it took where somebody asks.
    pub(crate) fn time<T>(probe: Option<&Probe>, stage: Stage, work: impl FnOnce() -> T) -> T {
        let Some(probe) = probe else { return work() };
        let started = Instant::now();
        let done = work();
        let taken = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        probe.nanoseconds[stage as usize].fetch_add(taken, Ordering::Relaxed);
        done
    }

    /// Adds to a counter where somebody asks.
    pub(crate) fn count(probe: Option<&Probe>, counter: impl FnOnce(&Probe) -> &AtomicU64, more: u64) {
        if let Some(probe) = probe {
            counter(probe).fetch_add(more, Ordering::Relaxed);
        }
    }

    /// The time of all threads together.
    pub(crate) fn taken(&self, stage: Stage) -> Duration {
        Duration::from_nanos(self.nanoseconds[stage as usize].load(Ordering::Relaxed))
    }
}
