//! Whether anything moves on a connection. One of few places is held by each, so none is held by silence.

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Version;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// How long a connection may be silent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Before the first request, and between two.
    pub(crate) idle: Duration,
    /// With one under way, and not a byte in either direction.
    pub(crate) stalled: Duration,
}

/// What happened on a connection, and when: in milliseconds since it was taken.
#[derive(Debug)]
pub(crate) struct Pulse {
    taken: Instant,
    /// The last byte in either direction.
    moved: AtomicU64,
    /// The end of the last request, or the last byte that was written.
    busy: AtomicU64,
    n_under_way: AtomicUsize,
    n_asked: AtomicUsize,
    is_multiplexed: AtomicBool,
}

impl Default for Pulse {
    fn default() -> Self {
        Pulse {
            taken: Instant::now(),
            moved: AtomicU64::default(),
            busy: AtomicU64::default(),
            n_under_way: AtomicUsize::default(),
            n_asked: AtomicUsize::default(),
            is_multiplexed: AtomicBool::default(),
        }
    }
}

impl Pulse {
    fn now(&self) -> u64 {
        u64::try_from(self.taken.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Bytes came. They make no idle connection busy: a head can be sent a byte at a time.
    pub(crate) fn read(&self) {
        self.moved.store(self.now(), Ordering::Relaxed);
    }

    /// Bytes went.
    pub(crate) fn written(&self) {
        let now = self.now();
        self.moved.store(now, Ordering::Relaxed);
        self.busy.store(now, Ordering::Relaxed);
    }

    /// A request came; it is under way until what this returns is dropped.
    pub(crate) fn begin(self: &Arc<Self>, version: Version) -> UnderWay {
        self.is_multiplexed.store(version == Version::HTTP_2, Ordering::Relaxed);
        self.n_asked.fetch_add(1, Ordering::Relaxed);
        self.n_under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(self))
    }

    /// For how long it may stay silent from now on; `None` when it was silent for too long.
    fn left(&self, patience: Patience) -> Option<Duration> {
        let (since, allowed) = if self.n_asked.load(Ordering::Relaxed) == 0 {
            // SECURITY: which version of HTTP is spoken shows in the first 24 bytes, and a head of HTTP/2 may come in many
            // frames; the library waits for the end of both without a limit.
            (0, patience.idle)
        } else if self.n_under_way.load(Ordering::Relaxed) == 0 && self.is_multiplexed.load(Ordering::Relaxed)
        {
            // Of HTTP/1 the library itself waits no longer for the next head, and it knows whether the last answer was taken.
            (self.busy.load(Ordering::Relaxed), patience.idle)
        } else {
            (self.moved.load(Ordering::Relaxed), patience.stalled)
        };
        let silent = Duration::from_millis(self.now().saturating_sub(since));
        allowed.checked_sub(silent).filter(|left| !left.is_zero())
    }

    /// Over when the connection was silent for too long.
    pub(crate) async fn stopped(&self, patience: Patience) {
        while let Some(left) = self.left(patience) {
            // What is under way may be over long before it has stalled.
            tokio::time::sleep(left.min(patience.idle)).await;
        }
    }
}

/// A request that is under way.
#[derive(Debug)]
pub(crate) struct UnderWay(Arc<Pulse>);

impl UnderWay {
    /// Keeps it so until the answer's body is over.
    pub(crate) fn hold(self, response: Response) -> Response {
        response.map(|body| Body::new(Held { body, _under_way: self }))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.busy.store(self.0.now(), Ordering::Relaxed);
        self.0.n_under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body, and the note that it is not over.
struct Held {
    body: Body,
    _under_way: UnderWay,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
