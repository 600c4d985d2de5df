//! A hub's HTTP: registrations and pings come in, feeds go out as files, and there are three pages.
//!
//! A server of its own, with none of the routes of the others: a hub has no accounts and no code. Everything is open but the
//! list of servers, which the administrator's token opens. Addresses are counted in memory for a minute and never kept.

mod api;
mod pages;
mod published;
mod turnstile;

use crate::in_flight::InFlight;
use crate::pulse::Patience;
use crate::visitor::client_address;
use crate::{ServeError, ServerConfig, headers, listen};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hub::Desk;
use published::Published;
use std::future::Future;
use std::sync::Arc;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;
use turnstile::Turnstile;

/// Most bytes of a request's body: a registration, with room.
const BODY_BYTES_MAX: usize = 8 << 10;
/// Questions of one address a minute: pages and files.
const N_READS_MAX: u32 = 600;
/// Likewise registrations, pings, and tries to open the list of servers.
const N_WRITES_MAX: u32 = 60;

/// Every address of a hub: what its tests go through.
pub const HUB_ROUTES: [(&str, &str); 9] = [
    ("GET", "/"),
    ("GET", "/healthz"),
    ("GET", "/aggregates"),
    ("GET", "/servers"),
    ("GET", "/assets/{digest}/{name}"),
    ("GET", "/feeds/v1/{file}"),
    ("GET", "/hub/v1/challenge"),
    ("POST", "/hub/v1/registration"),
    ("POST", "/hub/v1/ping"),
];

/// The web server of a hub, ready to listen.
#[derive(Clone)]
pub struct HubFront {
    state: HubState,
}

/// What its handlers share.
#[derive(Clone)]
struct HubState {
    desk: Desk,
    config: Arc<ServerConfig>,
    published: Arc<Published>,
    reads: Arc<Turnstile>,
    writes: Arc<Turnstile>,
}

impl HubFront {
    /// Puts it together. Of the configuration only proxies and times matter.
    pub fn new(config: ServerConfig, desk: Desk) -> Self {
        let state = HubState {
            desk,
            config: Arc::new(config),
            published: Arc::default(),
            reads: Arc::new(Turnstile::new(N_READS_MAX)),
            writes: Arc::new(Turnstile::new(N_WRITES_MAX)),
        };
        HubFront { state }
    }

    /// Every route with every layer around it.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/", get(pages::index))
            .route("/healthz", get(async || "ok\n"))
            .route("/aggregates", get(pages::aggregates))
            .route("/servers", get(pages::servers))
            .route("/assets/{digest}/{name}", get(api::asset))
            .route("/feeds/v1/{file}", get(api::feed))
            .route("/hub/v1/challenge", get(api::challenge))
            .route("/hub/v1/registration", post(api::register))
            .route("/hub/v1/ping", post(api::ping))
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .layer(from_fn_with_state(self.state.clone(), limit))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn(headers::secure))
            .with_state(self.state.clone())
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
        let in_flight = InFlight::default();
        let served = listen::serve(&in_flight, self.router(), listener, shutdown, limits).await;
        served.map_err(|source| ServeError::Listener { source })
    }
}

/// Too many questions of one address are answered with 429.
async fn limit(State(state): State<HubState>, request: Request, next: Next) -> Response {
    let address = client_address(request.extensions(), request.headers(), &state.config);
    let is_read = request.method().is_safe() && request.uri().path() != "/servers";
    let turnstile = if is_read { &state.reads } else { &state.writes };
    match turnstile.admits(address) {
        true => next.run(request).await,
        false => {
            (StatusCode::TOO_MANY_REQUESTS, "too many questions; come back in a minute\n").into_response()
        }
    }
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler of the hub panicked");
    failed()
}

/// Something here is wrong.
fn failed() -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, "the hub failed; its log says more\n").into_response()
}

/// Logs what is wrong here, and says that something is.
fn broken(error: impl std::fmt::Display) -> Response {
    tracing::error!(%error, "the hub failed");
    failed()
}
