//! What the operator decides about the server.

use crate::{PingMode, RequestIds, TrustedHeader};
use ipnet::IpNet;
use oidc::Provider;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use store::SessionLimits;
use url::Url;

/// What the operator decides about the server. [`ServerConfig::default`] is right for a server on one's own machine.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The address people use, where a proxy stands in front: its host is accepted, and `https` makes cookies secure.
    pub public_url: Option<Url>,
    /// Further host names under which the server may be asked. Numeric addresses and `localhost` always are; any other
    /// name is refused, because it may be a stranger's name that was made to point here (DNS rebinding).
    pub hosts_allowed: Vec<String>,
    /// Proxies that may say for whom they speak (`X-Forwarded-For`), by the addresses they come from.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether everybody who signs in with a password needs a second factor, whatever is set in the administration.
    pub second_factor_required: bool,
    /// Identity providers that people may sign in at, in the order of their buttons.
    pub providers: Vec<Arc<Provider>>,
    /// The header by which a proxy in front names who signed in there, if one does.
    pub trusted_header: Option<TrustedHeader>,
    /// How long people stay signed in.
    pub session_limits: SessionLimits,
    /// How many searches are under way at once; further ones wait, and so do those of one person beyond half of them. How
    /// many compute at the same moment is the searcher's affair.
    pub n_searches_max: usize,
    /// Whether a person's answers are kept for a few minutes, to be given again.
    pub keeps_answers: bool,
    /// How many results a page of results shows.
    pub n_results_page: usize,
    /// How long a client may take for a request's head, and to ask for something more.
    pub head_timeout: Duration,
    /// How long a connection may stand still, with not a byte in either direction, while something is under way on it: more than
    /// the longest search takes to answer.
    pub stall_timeout: Duration,
    /// How long a request other than a search may take.
    pub request_timeout: Duration,
    /// How long a page of results waits for all of them before it begins to stream: less than a person notices.
    pub page_patience: Duration,
    /// How long colouring a file may take before its text is shown plain.
    pub highlight_time: Duration,
    /// Whether answers tell how long they took. Off where whole answers are compared.
    pub tells_durations: bool,
    /// For how many days the audit log is kept, for its page; for ever where there is none.
    pub audit_keep_days: Option<NonZeroU32>,
    /// What may leave the server, for the page that tells what did.
    pub egress: egress::Policy,
    /// What counts how the server is used.
    pub usage: Arc<telemetry::Usage>,
    /// For how many days that is kept.
    pub usage_keep_days: u32,
    /// Whether weekly pings are made.
    pub pings: PingMode,
    /// How requests get the names by which the log and error pages call them.
    pub request_ids: RequestIds,
    /// How long a stopping server waits for requests under way.
    pub drain_timeout: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        let n_cores = std::thread::available_parallelism().map_or(2, usize::from);
        ServerConfig {
            public_url: None,
            hosts_allowed: Vec::new(),
            trusted_proxies: Vec::new(),
            second_factor_required: false,
            providers: Vec::new(),
            trusted_header: None,
            session_limits: SessionLimits::default(),
            n_searches_max: (16 * n_cores).min(256),
            keeps_answers: true,
            n_results_page: 500,
            head_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(180),
            request_timeout: Duration::from_secs(30),
            page_patience: Duration::from_millis(80),
            highlight_time: Duration::from_millis(250),
            tells_durations: true,
            audit_keep_days: None,
            egress: egress::Policy::default(),
            usage: Arc::new(telemetry::Usage::new(true, false)),
            usage_keep_days: 400,
            pings: PingMode::default(),
            request_ids: RequestIds::default(),
            drain_timeout: Duration::from_secs(10),
        }
    }
}

impl ServerConfig {
    /// Whether the operator named this address as a proxy's.
    pub(crate) fn is_trusted_proxy(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|net| net.contains(&address))
    }

    /// Whether browsers reach the server over TLS, so that cookies must not travel otherwise.
    pub(crate) fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
    }
}
