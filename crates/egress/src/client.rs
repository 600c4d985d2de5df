//! The HTTP client: one function through which every exchange goes, redirects followed and checked by us.

use crate::connection::{ConnectError, Recorded, Traveller, Way};
use crate::destination::origin_of;
use crate::ledger::{Ledger, place};
use crate::policy::Policy;
use crate::resolve::{Resolve, SystemResolver};
use crate::{Destination, SendError, body};
use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderValue, LOCATION, USER_AGENT};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::client::legacy::{self};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Semaphore;
use url::Url;

/// Header lines of one answer; the largest code hosts send about 40.
const N_HEADERS_MAX: usize = 128;
/// How long a connection is kept for the next request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// What one exchange may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of headers.
    pub header_bytes_max: usize,
    /// Bytes of a body, both as sent and as unpacked.
    pub body_bytes_max: usize,
    /// The whole exchange with all redirects.
    pub time_max: Duration,
    /// Between two pieces of an answer.
    pub silence_max: Duration,
    /// Redirects that are followed; with 0 a redirect is an answer.
    pub n_redirects_max: usize,
    /// Exchanges of one client at the same time; more wait.
    pub n_at_once_max: usize,
}

impl Default for Limits {
    /// 64 KiB of headers, 16 MiB, a minute in all, 20 s of silence, 5 redirects, 8 at once.
    fn default() -> Self {
        Limits {
            header_bytes_max: 64 << 10,
            body_bytes_max: 16 << 20,
            time_max: Duration::from_secs(60),
            silence_max: Duration::from_secs(20),
            n_redirects_max: 5,
            n_at_once_max: 8,
        }
    }
}

/// The door out. Cloning shares it.
#[derive(Clone)]
pub struct Egress {
    pub(crate) way: Arc<Way>,
}

/// A client for one destination. Cloning shares it and its connections.
#[derive(Clone)]
pub struct Client {
    http: legacy::Client<HttpsConnector<Connector>, Full<Bytes>>,
    destination: Arc<Destination>,
    way: Arc<Way>,
    who: Traveller,
    limits: Limits,
    turns: Arc<Semaphore>,
}

/// A client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the machine's TLS certificates cannot be used: {reason}")]
pub struct ClientError {
    /// What was said.
    pub reason: String,
}

/// Opens the connections of one client.
#[derive(Clone)]
struct Connector {
    way: Arc<Way>,
    destination: Arc<Destination>,
    who: Traveller,
}

impl Egress {
    /// The door of a server: what the policy lets out goes out, and each connection is written down first.
    pub fn new(resolver: Arc<dyn Resolve>, policy: Policy, ledger: Arc<dyn Ledger>) -> Self {
        Egress { way: Arc::new(Way::new(resolver, policy, Some(ledger))) }
    }

    /// A door without a ledger, with the operating system's resolver: for programs that have no server's database, such as
    /// the bridge for editors, and for tests. `cargo xtask tidy` knows who may.
    pub fn unrecorded() -> Self {
        Egress::unrecorded_with(Arc::new(SystemResolver))
    }

    /// Likewise, with a resolver of one's own.
    pub fn unrecorded_with(resolver: Arc<dyn Resolve>) -> Self {
        Egress { way: Arc::new(Way::new(resolver, Policy::default(), None)) }
    }

    /// What may leave.
    pub fn policy(&self) -> &Policy {
        &self.way.policy
    }

    /// Waits until the end of every connection that is over is written down. Connections that are kept for later requests end
    /// with their clients.
    pub async fn settled(&self) {
        self.way.settled().await;
    }

    /// A client for a destination. The ledger names the caller's place in the code for all of its connections.
    #[track_caller]
    #[allow(clippy::disallowed_methods, reason = "this crate is the door out")]
    pub fn client(&self, destination: Destination, limits: Limits) -> Result<Client, ClientError> {
        let code = place(Location::caller());
        let destination = Arc::new(destination);
        let who = Traveller { initiator: destination.initiator.clone(), code };
        let way = Arc::clone(&self.way);
        let connector =
            Connector { way: Arc::clone(&way), destination: Arc::clone(&destination), who: who.clone() };
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls()?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(connector);
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http1_max_headers(N_HEADERS_MAX)
            .http2_max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX))
            .build(https);
        let turns = Arc::new(Semaphore::new(limits.n_at_once_max.clamp(1, Semaphore::MAX_PERMITS)));
        Ok(Client { http, destination, way, who, limits, turns })
    }
}

/// What this machine trusts.
fn tls() -> Result<rustls::ClientConfig, ClientError> {
    let failed = |error: rustls::Error| ClientError { reason: error.to_string() };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_platform_verifier()
        .map_err(failed)?;
    Ok(config.with_no_client_auth())
}

impl tower_service::Service<Uri> for Connector {
    type Response = Conversation;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Conversation, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let Connector { way, destination, who } = self.clone();
        Box::pin(async move {
            let host = uri.host().unwrap_or_default();
            let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
            Ok(Conversation(TokioIo::new(way.connect(&destination, &who, host, port).await?)))
        })
    }
}

/// A connection as the HTTP library takes it.
struct Conversation(TokioIo<Recorded>);

impl Connection for Conversation {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for Conversation {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(context, buffer)
    }
}

impl hyper::rt::Write for Conversation {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write_vectored(context, slices)
    }
}

impl Client {
    /// Where it leads.
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Sends a request to an absolute address and reads the whole answer. Redirects of GET and HEAD are followed; other
    /// methods are never repeated elsewhere. An answer of any status is an answer.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, SendError> {
        let origin = origin_of(self.destination.base());
        let Ok(_turn) = self.turns.acquire().await else {
            return Err(SendError::Transport { origin, reason: "the server is stopping".to_owned() });
        };
        let timed_out = SendError::TimedOut { origin, seconds: self.limits.time_max.as_secs() };
        tokio::time::timeout(self.limits.time_max, self.follow(request)).await.unwrap_or(Err(timed_out))
    }

    async fn follow(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, SendError> {
        let (parts, mut body) = request.into_parts();
        let mut url = Url::parse(&parts.uri.to_string()).map_err(|_| SendError::NoHost)?;
        let mut headers = parts.headers;
        let first_origin = origin_of(&url);
        for _ in 0..=self.limits.n_redirects_max {
            let response = self.exchange(&parts.method, &url, &headers, std::mem::take(&mut body)).await?;
            if !is_redirect(response.status()) || self.limits.n_redirects_max == 0 {
                return Ok(response);
            }
            let next = next_address(&parts.method, &url, response.headers())
                .ok_or_else(|| SendError::BadRedirect { origin: origin_of(&url) })?;
            headers = headers_for(&next, &url, headers);
            url = next;
        }
        Err(SendError::TooManyRedirects { origin: first_origin, n_max: self.limits.n_redirects_max })
    }

    /// One request and its answer: the only place where anything leaves.
    async fn exchange(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: Vec<u8>,
    ) -> Result<Response<Vec<u8>>, SendError> {
        self.destination.check(url)?;
        self.way.say(&self.destination, &self.who, url, &body).await?;
        let origin = origin_of(url);
        let n_sent = body.len();
        let mut sent = headers.clone();
        sent.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        sent.entry(USER_AGENT).or_insert(HeaderValue::from_static("Sourcekeep"));
        sent.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        let mut request =
            Request::builder().method(method.clone()).uri(url.as_str()).body(Full::from(body)).map_err(
                |error| SendError::BadRequest { origin: origin.clone(), reason: error.to_string() },
            )?;
        *request.headers_mut() = sent;
        let answer = tokio::time::timeout(self.limits.silence_max, self.http.request(request)).await;
        let answer = answer.map_err(|_| SendError::TimedOut {
            origin: origin.clone(),
            seconds: self.limits.silence_max.as_secs(),
        })?;
        let answer = answer.map_err(|error| SendError::from_transport(&error, &origin))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        self.check_headers(&headers, &origin)?;
        let (bytes, n_received) = body::read(answer, &origin, &self.limits).await?;
        tracing::debug!(
            purpose = self.destination.purpose().as_str(), origin, %method, n_sent, n_received,
            status = status.as_u16(), "exchange"
        );
        let mut response = Response::new(bytes);
        (*response.status_mut(), *response.headers_mut()) = (status, headers);
        Ok(response)
    }

    fn check_headers(&self, headers: &HeaderMap, origin: &str) -> Result<(), SendError> {
        let n_bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        if n_bytes > self.limits.header_bytes_max {
            let n_bytes_max = self.limits.header_bytes_max;
            return Err(SendError::HeadersTooLarge { origin: origin.to_owned(), n_bytes_max });
        }
        Ok(())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Client({:?})", self.destination)
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Egress")
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where a redirect leads: one address, after a request that can be repeated.
fn next_address(method: &Method, url: &Url, headers: &HeaderMap) -> Option<Url> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let mut locations = headers.get_all(LOCATION).iter();
    let (Some(location), None) = (locations.next(), locations.next()) else { return None };
    let next = url.join(location.to_str().ok()?).ok()?;
    // A downgrade would show the next request to everybody between.
    let downgrades = url.scheme() == "https" && next.scheme() != "https";
    (!downgrades).then_some(next)
}

/// SECURITY: whatever the caller said, to identify itself or otherwise, was said to one origin alone.
fn headers_for(next: &Url, url: &Url, headers: HeaderMap) -> HeaderMap {
    if next.origin() == url.origin() {
        return headers;
    }
    let harmless = [ACCEPT, USER_AGENT];
    harmless.into_iter().filter_map(|name| headers.get(&name).cloned().map(|value| (name, value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::HeaderName;

    /// S-redirect-credentials
    #[test]
    fn nothing_the_caller_said_goes_to_another_origin() {
        let said: HeaderMap =
            ["accept", "authorization", "cookie", "private-token", "x-api-key", "user-agent"]
                .map(|name| (HeaderName::from_static(name), HeaderValue::from_static("value")))
                .into_iter()
                .collect();
        let url = |text: &str| Url::parse(text).unwrap();
        let here = url("https://git.example.org/a");
        for (there, n_headers) in [
            ("https://git.example.org/b", 6),
            ("https://git.example.org:443/b", 6),
            ("https://git.example.org:444/b", 2),
            ("https://git.example.org.evil.example/b", 2),
            ("https://example.org/", 2),
            ("http://git.example.org/a", 2),
        ] {
            assert_eq!(headers_for(&url(there), &here, said.clone()).len(), n_headers, "{there}");
        }
    }
}
