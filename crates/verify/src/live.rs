//! The server, asked as anybody asks it.

use egress::{Client, Destination, Egress, Limits, Purpose, Reach, SendError};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use ipnet::IpNet;
use regex_automata::meta::Regex;
use secrecy::{ExposeSecret as _, SecretString};
use std::net::IpAddr;
use std::sync::LazyLock;
use std::time::Duration;
use url::{Host, Url};

/// Headers that say nothing of what was asked: the moment, the number of the request, and a length that counts the time taken.
const PASSING_HEADERS: [&str; 4] = ["date", "x-request-id", "content-length", "server-timing"];

/// How long something took is told in answers; it is no answer.
static TIMES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)"(?:[a-z]*duration[a-z_]*|elapsed[a-z_]*|wait)":\s*[0-9]+|\b[0-9]+(?:\.[0-9]+)? ?(?:ms|s)\b"#,
    )
    .ok()
});

/// A server, by its address.
#[derive(Clone)]
pub struct LiveServer {
    client: Client,
    base: Url,
}

/// The server cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum LiveServerError {
    /// Its address.
    #[error("the server's address cannot be used: {source}")]
    Address {
        /// Why.
        #[from]
        source: egress::DestinationError,
    },
    /// The client.
    #[error(transparent)]
    Client(#[from] egress::ClientError),
    /// It does not answer.
    #[error(
        "no server answers at {server}: start it with `sourcekeep serve`, or name its address with --url ({source})"
    )]
    Silent {
        /// Where.
        server: String,
        /// What happened.
        source: SendError,
    },
    /// Something answers that is not well.
    #[error("the server at {server} is not well: it answered {status}")]
    Unwell {
        /// Where.
        server: String,
        /// The status of its health check.
        status: u16,
    },
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    /// JSON; empty for none.
    pub(crate) body: String,
}

/// What is answered, without what differs each time.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Question {
    pub(crate) fn get(target: impl Into<String>) -> Self {
        Question { method: Method::GET, target: target.into(), body: String::new() }
    }

    pub(crate) fn json(method: Method, target: impl Into<String>, body: &serde_json::Value) -> Self {
        Question { method, target: target.into(), body: body.to_string() }
    }

    /// The route, without what it was asked about.
    pub(crate) fn route(&self) -> String {
        let path = self.target.split('?').next().unwrap_or_default();
        format!("{} {path}", self.method)
    }
}

impl LiveServer {
    /// The server at this address; nothing is asked yet.
    pub fn new(egress: &Egress, base: &Url) -> Result<Self, LiveServerError> {
        let own = match base.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            _ => None,
        };
        let loopback = [
            IpNet::from(IpAddr::from([127, 0, 0, 1])),
            IpNet::from(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1u16])),
        ];
        let networks = loopback.into_iter().chain(own.map(IpNet::from)).collect();
        let destination = Destination::new(Purpose::OwnServer, base.as_str(), networks, Reach::OwnOrigin)?;
        // A redirect is an answer like any other, and is compared.
        let limits = Limits {
            n_redirects_max: 0,
            body_bytes_max: 64 << 20,
            time_max: Duration::from_secs(120),
            ..Limits::default()
        };
        Ok(LiveServer { client: egress.client(destination, limits)?, base: base.clone() })
    }

    /// Its address.
    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Whether it is on this machine, asked over loopback.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.base.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
    }

    /// Makes sure that it answers and is well.
    pub async fn check(&self) -> Result<(), LiveServerError> {
        let asked = self.ask(&Question::get("/healthz"), None).await;
        let answer =
            asked.map_err(|source| LiveServerError::Silent { server: self.address().to_owned(), source })?;
        match answer.status {
            StatusCode::OK => Ok(()),
            status => {
                Err(LiveServerError::Unwell { server: self.address().to_owned(), status: status.as_u16() })
            }
        }
    }

    /// Asks it with a token, or as nobody.
    pub(crate) async fn ask(
        &self,
        question: &Question,
        token: Option<&SecretString>,
    ) -> Result<Answer, SendError> {
        let address = format!("{}{}", self.address(), question.target);
        let mut request = Request::new(question.body.clone().into_bytes());
        *request.method_mut() = question.method.clone();
        *request.uri_mut() = address.parse().map_err(|_| SendError::NoHost)?;
        let headers = request.headers_mut();
        let accepted = if question.target == "/mcp" { "application/json, text/event-stream" } else { "*/*" };
        headers.insert(http::header::ACCEPT, HeaderValue::from_static(accepted));
        if !question.body.is_empty() {
            headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(token) = token {
            let bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
            let mut bearer = bearer.map_err(|_| SendError::NoHost)?;
            bearer.set_sensitive(true);
            headers.insert(http::header::AUTHORIZATION, bearer);
        }
        let answer = self.client.send(request).await?;
        let (parts, body) = answer.into_parts();
        let header =
            |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), value.as_bytes().to_vec());
        let number = parts.headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        let body = without_times(&replaced_as_is(&body, number, "(number)"));
        let lasting = parts.headers.iter().filter(|(name, _)| !PASSING_HEADERS.contains(&name.as_str()));
        let mut headers: Vec<_> = lasting.map(header).collect();
        headers.sort();
        Ok(Answer { status: parts.status, headers, body })
    }
}

impl Answer {
    /// The answer as it would be if something else of the same length had been asked about.
    pub(crate) fn about(mut self, asked: &str, other: &str) -> Self {
        self.body = replaced(&self.body, asked, other);
        for (_, value) in &mut self.headers {
            *value = replaced(value, asked, other);
        }
        self
    }

    /// Whether a text stands anywhere in it.
    pub(crate) fn tells(&self, text: &str) -> bool {
        let holds = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        holds(&self.body) || self.headers.iter().any(|(_, value)| holds(value))
    }

    /// In what it differs from another, without telling what it says.
    pub(crate) fn difference(&self, other: &Answer) -> Option<String> {
        if self.status != other.status {
            return Some(format!("status {} instead of {}", self.status.as_u16(), other.status.as_u16()));
        }
        if self.headers != other.headers {
            let differing = self.headers.iter().filter(|header| !other.headers.contains(header));
            let missing = other.headers.iter().filter(|header| !self.headers.contains(header));
            let mut names: Vec<&str> = differing.chain(missing).map(|(name, _)| name.as_str()).collect();
            names.dedup();
            return Some(format!("other headers: {}", names.join(", ")));
        }
        let first = self.body.iter().zip(&other.body).take_while(|(a, b)| a == b).count();
        (self.body != other.body).then(|| {
            format!(
                "another body: {} bytes instead of {}, from byte {first} on",
                self.body.len(),
                other.body.len()
            )
        })
    }
}

fn without_times(body: &[u8]) -> Vec<u8> {
    let Some(times) = &*TIMES else { return body.to_vec() };
    let (mut out, mut end) = (Vec::with_capacity(body.len()), 0);
    for found in times.find_iter(body) {
        out.extend_from_slice(&body[end..found.start()]);
        out.extend_from_slice(b"(time)");
        end = found.end();
    }
    out.extend_from_slice(&body[end..]);
    out
}

/// Replaces a text as it is, and as it stands in addresses: in their query, and in their path.
fn replaced(bytes: &[u8], asked: &str, other: &str) -> Vec<u8> {
    let in_path = |text: &str| in_address(text).replace("%2F", "/");
    let out = replaced_as_is(bytes, asked, other);
    let out = replaced_as_is(&out, &in_address(asked), &in_address(other));
    replaced_as_is(&out, &in_path(asked), &in_path(other))
}

fn replaced_as_is(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    if from.is_empty() {
        return bytes.to_vec();
    }
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        if bytes[at..].starts_with(from.as_bytes()) {
            out.extend_from_slice(to.as_bytes());
            at += from.len();
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}

/// A text as it is written in the query of an address.
pub(crate) fn in_address(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer { status: StatusCode::OK, headers: Vec::new(), body: without_times(body.as_bytes()) }
    }

    #[test]
    fn times_are_no_difference_and_everything_else_is() {
        let one = answer(r#"{"duration_us": 12, "n": 3} 3 matches · 0.4 ms"#);
        assert_eq!(one.difference(&answer(r#"{"duration_us": 7, "n": 3} 3 matches · 12 ms"#)), None);
        assert!(one.difference(&answer(r#"{"duration_us": 7, "n": 4} 3 matches · 12 ms"#)).is_some());
        assert_eq!(answer("no 'a.s/c'").body, b"no 'a.s/c'", "a name");
        let other = Answer { headers: vec![("etag".to_owned(), b"x".to_vec())], ..one.clone() };
        assert_eq!(one.difference(&other).as_deref(), Some("other headers: etag"));
        let other = Answer { status: StatusCode::FORBIDDEN, ..one.clone() };
        assert_eq!(other.difference(&one).as_deref(), Some("status 403 instead of 200"));
    }

    #[test]
    fn names_are_replaced_as_they_are_and_in_addresses() {
        let one = answer("no a/b+c /r/a/b%2Bc?q=a%2Fb%2Bc").about("a/b+c", "x/y+z");
        assert_eq!(one.body, b"no x/y+z /r/x/y%2Bz?q=x%2Fy%2Bz");
        assert!(one.tells("x/y+z") && !one.tells("a/b"));
    }
}
