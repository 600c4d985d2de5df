//! Taking connections: with a limit on how many there are and on how long a client may take to say what it wants, which
//! axum's own loop does not offer.

use crate::in_flight::{Connection, InFlight, Watched};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tower::ServiceExt;

/// Most connections at once: some 20 KiB each, and well below the usual limit of 1,024 open files.
const N_CONNECTIONS_MAX: usize = 512;
/// Most requests at once on one HTTP/2 connection.
const N_STREAMS_MAX: u32 = 64;
/// How long accepting pauses when the process is out of file handles.
const OUT_OF_HANDLES_PAUSE: Duration = Duration::from_millis(200);

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For a request's head.
    pub(crate) head: Duration,
    /// For what is under way when the server stops.
    pub(crate) drain: Duration,
}

/// Serves until `shutdown` is over, then waits for what is under way.
pub(crate) async fn serve(
    in_flight: &InFlight,
    router: Router,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
    limits: Limits,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(N_CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let place = match Arc::clone(&places).acquire_owned().await {
            Ok(place) => place,
            Err(_) => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    if !is_of_connection(&error) {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(OUT_OF_HANDLES_PAUSE).await;
                    }
                    continue;
                }
            },
            () = &mut shutdown => break,
        };
        let heard = Arc::new(Notify::new());
        let client = Client { stream, peer, heard: Arc::clone(&heard) };
        let connection = graceful.watch(connection(in_flight.connect(), router.clone(), client, limits.head));
        tokio::spawn(async move {
            tokio::select! {
                // How a connection ends is the client's affair.
                _ = connection => {}
                () = silence(heard, limits.head) => {}
            }
            drop(place);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(limits.drain, graceful.shutdown()).await;
    Ok(())
}

/// Whoever connected.
struct Client {
    stream: TcpStream,
    peer: SocketAddr,
    /// Told when a request has come.
    heard: Arc<Notify>,
}

/// Over when no request came in time. SECURITY: which version of HTTP is spoken shows in the first 24 bytes, and whoever sends
/// none of them would hold one of few places for ever; the library's own limit begins after them.
async fn silence(heard: Arc<Notify>, head_timeout: Duration) {
    if tokio::time::timeout(head_timeout, heard.notified()).await.is_ok() {
        std::future::pending::<()>().await;
    }
}

/// One connection, HTTP/1 or HTTP/2.
fn connection(
    watched: Arc<Connection>,
    router: Router,
    client: Client,
    head_timeout: Duration,
) -> impl hyper_util::server::graceful::GracefulConnection<Error: Send> + Send + 'static {
    let Client { stream, peer, heard } = client;
    // Answers are whole pages or events that somebody waits for: neither gains from waiting for more.
    let _ = stream.set_nodelay(true);
    let stream = Watched { stream, connection: Arc::clone(&watched) };
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        heard.notify_one();
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(Arc::clone(&watched));
        router.clone().oneshot(request)
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head_timeout);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(N_STREAMS_MAX);
    builder.serve_connection(TokioIo::new(stream), service).into_owned()
}

/// Whether accepting failed for one connection only.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
