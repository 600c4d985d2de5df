//! The HTTP client: one function through which every exchange goes, redirects followed and checked by us.

use crate::destination::origin_of;
use crate::resolve::{Checked, Resolve, SystemResolver};
use crate::{Destination, SendError, body};
use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderValue, LOCATION, USER_AGENT};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use url::Url;

/// How long connecting may take, TLS included.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
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
    resolver: Arc<dyn Resolve>,
}

/// A client for one destination. Cloning shares it and its connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    destination: Arc<Destination>,
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

impl Egress {
    /// A door that finds addresses with this resolver.
    pub fn new(resolver: Arc<dyn Resolve>) -> Self {
        Egress { resolver }
    }

    /// A client for a destination.
    #[allow(clippy::disallowed_methods, reason = "this crate is the door out")]
    pub fn client(&self, destination: Destination, limits: Limits) -> Result<Client, ClientError> {
        let destination = Arc::new(destination);
        let resolver =
            Checked { resolver: Arc::clone(&self.resolver), destination: Arc::clone(&destination) };
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_gzip()
            .dns_resolver(Arc::new(resolver))
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .http1_max_headers(N_HEADERS_MAX)
            .http2_max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX))
            .build()
            .map_err(|error| ClientError { reason: error.to_string() })?;
        let turns = Arc::new(Semaphore::new(limits.n_at_once_max.clamp(1, Semaphore::MAX_PERMITS)));
        Ok(Client { http, destination, limits, turns })
    }
}

impl Default for Egress {
    /// With the operating system's resolver.
    fn default() -> Self {
        Egress::new(Arc::new(SystemResolver))
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
        let origin = origin_of(url);
        let n_sent = body.len();
        let mut sent = headers.clone();
        sent.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        sent.entry(USER_AGENT).or_insert(HeaderValue::from_static("Sourcekeep"));
        let request = self.http.request(method.clone(), url.clone()).headers(sent).body(body);
        let answer = tokio::time::timeout(self.limits.silence_max, request.send()).await;
        let answer = answer.map_err(|_| SendError::TimedOut {
            origin: origin.clone(),
            seconds: self.limits.silence_max.as_secs(),
        })?;
        let answer = answer.map_err(|error| SendError::from_transport(error, &origin))?;
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
