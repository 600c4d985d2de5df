//! What one search may cost, and how it is called off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What one search may show and cost. A limit that was hit is told in [`crate::Stats::skipped`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many results are shown where the query has no `count:`: a matching line, a path and a repository each count
    /// as one. The search stops there.
    pub display: usize,
    /// The most that may be shown whatever `count:` asks for. `count:all` still counts everything exactly.
    pub display_max: usize,
    /// How many lines of one file are shown; [`crate::ContentMatch::n_lines`] tells how many there are.
    pub lines_per_file: usize,
    /// How many bytes of one line are shown; a longer line is cut around its first match and says so.
    pub line_bytes: usize,
    /// How long the search may run where the query has no `timeout:`.
    pub timeout: Duration,
    /// The longest `timeout:` that is honoured.
    pub timeout_max: Duration,
    /// Who searches, as any number other than 0: people share the processors evenly, whatever their number of searches.
    /// 0 where nobody is known; each such search counts as somebody.
    pub person: u64,
    /// Whether nobody waits for the answer: then it comes after searches that somebody waits for.
    pub is_background: bool,
    /// What the clock says, in seconds since 1970 (UTC): what relative dates of the query are counted from.
    pub now_seconds: i64,
}

impl Limits {
    /// The displayed page where nothing else is said, as the query language documents it.
    pub const DISPLAY_DEFAULT: usize = 500;

    /// Limits that a program at the other end of a pipe wants: everything is shown, lines are whole up to 1 MiB.
    pub fn unlimited_display() -> Self {
        Limits {
            display_max: usize::MAX,
            lines_per_file: usize::MAX,
            line_bytes: 1 << 20,
            ..Limits::default()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            display: Limits::DISPLAY_DEFAULT,
            display_max: 10_000,
            lines_per_file: 100,
            line_bytes: 1_000,
            timeout: Duration::from_secs(20),
            timeout_max: Duration::from_secs(120),
            person: 0,
            is_background: false,
            now_seconds: 0,
        }
    }
}

/// Calls a search off from another thread: shared by clones, cannot be taken back.
#[derive(Clone, Debug, Default)]
pub struct CancelToken {
    is_cancelled: Arc<AtomicBool>,
}

impl CancelToken {
    /// A token that nobody has used yet.
    pub fn new() -> Self {
        CancelToken::default()
    }

    /// Asks every search that holds this token to stop; they do within a few milliseconds.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether [`CancelToken::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }
}

/// Why work stops before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The token was used.
    Cancelled,
    /// The deadline has passed.
    TimedOut,
}

/// A token and a deadline, asked together by every loop: of one search, or of other work that somebody waits for.
#[derive(Clone, Debug)]
pub struct Watch {
    token: CancelToken,
    deadline: Option<Instant>,
}

impl Watch {
    /// Without a deadline, the token alone says when to stop.
    pub fn new(token: CancelToken, deadline: Option<Instant>) -> Self {
        Watch { token, deadline }
    }

    pub(crate) fn token(&self) -> &CancelToken {
        &self.token
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether to stop now. Costs a load and a clock reading (some 30 ns): asked per unit of some 100 µs of work.
    pub fn stop(&self) -> Option<Stop> {
        if self.token.is_cancelled() {
            return Some(Stop::Cancelled);
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Some(Stop::TimedOut),
            _ => None,
        }
    }
}
