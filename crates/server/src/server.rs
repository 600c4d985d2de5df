//! The server: its layers, and how it starts and stops.

use crate::pulse::Patience;
use crate::routes::RouteInfo;
use crate::state::AppState;
use crate::{Deps, ServerConfig, failure, headers, host, in_flight, listen, routes, trusted_header};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use std::future::Future;
use std::io;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate as _};

/// Most bytes of a request's body: the largest form is a sign-in.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The web server, ready to listen.
#[derive(Clone)]
pub struct Server {
    state: AppState,
}

/// Why a server stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The database failed before anything was served.
    #[error(transparent)]
    Store(#[from] store::Fault),
    /// The listener failed.
    #[error("the listener failed: {source}")]
    Listener {
        /// What the operating system said.
        source: io::Error,
    },
}

impl Server {
    /// Puts a server together. Nothing listens yet.
    pub fn new(config: ServerConfig, deps: Deps) -> Self {
        Server { state: AppState::new(config, deps) }
    }

    /// Every route there is: what the tests of who may come in go through.
    pub fn routes() -> Vec<RouteInfo> {
        routes::list()
    }

    /// Every route with every layer around it.
    pub fn router(&self) -> Router {
        // Exports are sent as they are, so that a part of one means the same each time.
        let compressible = DefaultPredicate::new()
            .and(NotForContentType::new("application/x-ndjson"))
            .and(NotForContentType::new("text/csv"));
        routes::router(self.state.clone())
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .layer(CatchPanicLayer::custom(failure::panicked))
            .layer(from_fn_with_state(self.state.clone(), trusted_header::guard))
            .layer(from_fn_with_state(self.state.clone(), host::check))
            .layer(from_fn_with_state(self.state.clone(), failure::render))
            .layer(CompressionLayer::new().compress_when(compressible))
            .layer(from_fn(headers::secure))
            .layer(from_fn_with_state(self.state.clone(), crate::metrics::observe))
            .layer(from_fn_with_state(self.state.clone(), crate::request_id::mark))
    }

    /// Serves until `shutdown` is over, then lets requests under way finish, as long as the configuration says.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        let config = &self.state.config;
        let patience = Patience { idle: config.head_timeout, stalled: config.stall_timeout };
        let limits = listen::Limits { patience, drain: config.drain_timeout };
        let stop = CancellationToken::new();
        let process = in_flight::announce(&self.state).await?;
        let following = in_flight::follow(self.state.clone(), process, stop.clone());
        let serving = async {
            let _stop = stop.drop_guard();
            listen::serve(&self.state.in_flight, self.router(), listener, shutdown, limits).await
        };
        let (served, ()) = tokio::join!(serving, following);
        served.map_err(|source| ServeError::Listener { source })
    }
}
