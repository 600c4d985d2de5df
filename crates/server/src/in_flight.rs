//! Answers under way, by connection, so that a revocation can wait until none of them shows any more what it took away.
//!
//! A connection remembers on whose behalf something was begun on it, until all of that has been handed to the operating
//! system. When rights change, each of those callers is looked at again ([`Caller::still_may`]); where one lost something,
//! the connection is cut: not a byte of what is still held for it, in whichever buffer, goes out.

use crate::caller::Caller;
use crate::pulse::Pulse;
use crate::state::AppState;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{Method, Version};
use axum::response::Response;
use futures_util::task::AtomicWaker;
use hyper::body::{Frame, SizeHint};
use model::Epoch;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

/// How often the epoch is looked at. Other processes raise it, too.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// After so many looks a process tells that it still serves: every two seconds.
const LOOKS_PER_SIGN: u32 = 100;
/// Callers that one connection remembers; a proxy's may carry many.
const N_CALLERS_MAX: usize = 1024;

/// The connections of a server.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    connections: Mutex<Vec<Weak<Connection>>>,
    /// The newest epoch that [`InFlight::settle`] was begun for.
    settling: AtomicU64,
}

/// One connection.
#[derive(Default)]
pub(crate) struct Connection {
    is_cut: AtomicBool,
    waker: AtomicWaker,
    begun: Mutex<Begun>,
}

/// What is under way on a connection.
#[derive(Default)]
struct Begun {
    /// One for each caller and epoch.
    callers: Vec<Begin>,
    /// The number of the next of them.
    next: u64,
    /// Answers that are not over.
    n_answers: usize,
    /// Of HTTP/2: what was handed over may wait for the other side, beyond what a flush tells.
    is_multiplexed: bool,
}

struct Begin {
    number: u64,
    caller: Caller,
    n_answers: usize,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Connection")
    }
}

impl InFlight {
    /// A connection that was just taken.
    pub(crate) fn connect(&self) -> Arc<Connection> {
        let connection = Arc::new(Connection::default());
        let mut connections = lock(&self.connections);
        connections.retain(|known| known.strong_count() > 0);
        connections.push(Arc::downgrade(&connection));
        connection
    }

    /// Whether rights changed since this caller's were read, so that nobody will look again at what begins with them now.
    pub(crate) fn is_overtaken(&self, caller: &Caller) -> bool {
        caller.access.epoch().0 < self.settling.load(Ordering::SeqCst)
    }

    /// Looks again at everybody on whose behalf something was begun under rights older than `epoch`, and cuts the
    /// connections of those who lost something. When this returns nothing older is under way.
    pub(crate) async fn settle(&self, state: &AppState, epoch: Epoch) {
        // Before any connection is looked at: what begins after its connection was finds this.
        self.settling.fetch_max(epoch.0, Ordering::SeqCst);
        let connections: Vec<_> = lock(&self.connections).iter().filter_map(Weak::upgrade).collect();
        for connection in connections {
            for (number, mut caller) in connection.begun_before(epoch) {
                if caller.still_may(state).await {
                    connection.look_again(number, caller);
                } else {
                    connection.cut();
                    break;
                }
            }
        }
    }
}

/// Tells that this process is about to serve, so that whoever revokes from now on waits for it.
pub(crate) async fn announce(state: &AppState) -> Result<store::ServingProcess, store::Fault> {
    let process = store::ServingProcess::new();
    state.store.tell_settled(&process, state.store.epoch().await?).await?;
    Ok(process)
}

/// Keeps what is under way in step with everybody's rights until `stop`, and tells the store, for whoever revokes in whichever
/// process to wait for.
pub(crate) async fn follow(state: AppState, process: store::ServingProcess, stop: CancellationToken) {
    let (mut told, mut n_looks, mut n_failed) = (None, 0, 0);
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let Ok(epoch) = state.store.epoch().await else { continue };
        n_looks += 1;
        if told != Some(epoch) {
            state.in_flight.settle(&state, epoch).await;
        } else if n_looks < LOOKS_PER_SIGN {
            continue;
        }
        match state.store.tell_settled(&process, epoch).await {
            Ok(()) => (told, n_looks, n_failed) = (Some(epoch), 0, 0),
            Err(fault) => {
                // As often as it is told otherwise: a disk that is full is not to be filled with this.
                if n_failed % LOOKS_PER_SIGN == 0 {
                    tracing::warn!(error = %fault, "it was not told that rights are settled");
                }
                n_failed += 1;
            }
        }
    }
    if let Err(fault) = state.store.tell_gone(&process).await {
        tracing::warn!(error = %fault, "it was not told that this process is gone");
    }
}

/// Notes on the request's connection that its answer is this caller's, until what this returns is dropped. Answers about
/// one's own account show no repository; they are let out when they end the very session they were asked with. So are the
/// answers to acts of the administration, which may take a right of whoever does them: they show no code, and names that
/// the role shows.
pub(crate) fn begin(request: &Request, caller: &Caller) -> Option<Answering> {
    let path = request.uri().path();
    let is_act = request.method() == Method::POST && path.starts_with("/admin/");
    if is_act || path == "/sign-out" || path == "/account" || path.starts_with("/account/") {
        return None;
    }
    let connection = request.extensions().get::<Arc<Connection>>()?;
    let is_multiplexed = request.version() == Version::HTTP_2;
    Some(connection.begin(caller, is_multiplexed))
}

impl Connection {
    fn begin(self: &Arc<Self>, caller: &Caller, is_multiplexed: bool) -> Answering {
        let mut begun = lock(&self.begun);
        begun.n_answers += 1;
        begun.is_multiplexed |= is_multiplexed;
        let number = match begun.callers.iter_mut().find(|known| known.caller.has_rights_of(caller)) {
            Some(known) => {
                known.n_answers += 1;
                known.number
            }
            None => {
                if begun.callers.len() >= N_CALLERS_MAX {
                    begun.callers.retain(|known| known.n_answers > 0);
                }
                begun.next += 1;
                let number = begun.next;
                begun.callers.push(Begin { number, caller: caller.clone(), n_answers: 1 });
                number
            }
        };
        Answering { connection: Arc::clone(self), number }
    }

    fn begun_before(&self, epoch: Epoch) -> Vec<(u64, Caller)> {
        let begun = lock(&self.begun);
        let is_older = |begin: &&Begin| begin.caller.access.epoch() < epoch;
        begun.callers.iter().filter(is_older).map(|begin| (begin.number, begin.caller.clone())).collect()
    }

    fn look_again(&self, number: u64, caller: Caller) {
        let mut begun = lock(&self.begun);
        if let Some(known) = begun.callers.iter_mut().find(|known| known.number == number) {
            known.caller = caller;
        }
    }

    /// From now on nothing is read from it and nothing written to it.
    fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        self.waker.wake();
    }

    fn check(&self, context: &Context<'_>) -> io::Result<()> {
        self.waker.register(context.waker());
        match self.is_cut.load(Ordering::SeqCst) {
            true => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "rights were taken away")),
            false => Ok(()),
        }
    }

    /// Everything that was handed over is with the operating system.
    fn flushed(&self) {
        let mut begun = lock(&self.begun);
        if begun.n_answers == 0 && !begun.is_multiplexed {
            begun.callers.clear();
        }
    }
}

/// An answer that is not over.
#[derive(Debug)]
pub(crate) struct Answering {
    connection: Arc<Connection>,
    number: u64,
}

impl Answering {
    /// Takes it back: nothing was answered.
    pub(crate) fn forget(self) {
        let mut begun = lock(&self.connection.begun);
        begun.callers.retain(|known| known.number != self.number || known.n_answers > 1);
    }

    /// Keeps it until the answer's body is over.
    pub(crate) fn hold(self, response: Response) -> Response {
        response.map(|body| Body::new(Held { body, _answering: self }))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut begun = lock(&self.connection.begun);
        begun.n_answers -= 1;
        if let Some(known) = begun.callers.iter_mut().find(|known| known.number == self.number) {
            known.n_answers -= 1;
        }
    }
}

/// A body, and the note that it is not over.
struct Held {
    body: Body,
    _answering: Answering,
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

/// A connection's bytes.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    pub(crate) stream: S,
    pub(crate) connection: Arc<Connection>,
    pub(crate) pulse: Arc<Pulse>,
}

impl<S> Watched<S> {
    fn told(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.pulse.written();
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.connection.check(context)?;
        let n_before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > n_before {
            self.pulse.read();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.connection.check(context)?;
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.told(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.check(context)?;
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if let Poll::Ready(Ok(())) = &flushed {
            self.connection.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.connection.check(context)?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.told(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
