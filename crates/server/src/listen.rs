//! Taking connections: with a limit on how many there are and on how long a client may take to say what it wants, which
//! axum's own loop does not offer.

use crate::in_flight::{Connection, InFlight, Watched};
use crate::pulse::{Patience, Pulse};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Most connections at once: some 20 KiB each, and well below the usual limit of 1,024 open files.
const N_CONNECTIONS_MAX: u32 = 512;
/// Most requests at once on one HTTP/2 connection.
const N_STREAMS_MAX: u32 = 64;
/// How long accepting pauses when the process is out of file handles.
const OUT_OF_HANDLES_PAUSE: Duration = Duration::from_millis(200);

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For what a client has to say or to take.
    pub(crate) patience: Patience,
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
    let places = Arc::new(Semaphore::new(N_CONNECTIONS_MAX as usize));
    let stop = CancellationToken::new();
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
        let (watched, router, stop) = (in_flight.connect(), router.clone(), stop.clone());
        tokio::spawn(async move {
            converse(watched, router, stream, peer, limits.patience, stop).await;
            drop(place);
        });
    }
    drop(listener);
    stop.cancel();
    // Each place comes back when its connection is over.
    let _ = tokio::time::timeout(limits.drain, places.acquire_many(N_CONNECTIONS_MAX)).await;
    Ok(())
}

/// One connection, HTTP/1 or HTTP/2, until its client ends it, it was silent for too long, or the server stops.
async fn converse(
    watched: Arc<Connection>,
    router: Router,
    stream: TcpStream,
    peer: SocketAddr,
    patience: Patience,
    stop: CancellationToken,
) {
    // Answers are whole pages or events that somebody waits for: neither gains from waiting for more.
    let _ = stream.set_nodelay(true);
    let pulse = Arc::<Pulse>::default();
    let stream = Watched { stream, connection: Arc::clone(&watched), pulse: Arc::clone(&pulse) };
    let asked = Arc::clone(&pulse);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let under_way = asked.begin(request.version());
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(Arc::clone(&watched));
        let answer = router.clone().oneshot(request);
        async move { answer.await.map(|response| under_way.hold(response)) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(patience.idle);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(N_STREAMS_MAX);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // How a connection ends is the client's affair.
        _ = connection.as_mut() => {}
        () = pulse.stopped(patience) => {
            // A request that is on its way is told that it was not taken, and who is slow takes what is left.
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(patience.idle, connection).await;
        }
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// Whether accepting failed for one connection only.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
