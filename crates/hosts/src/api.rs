//! Requests to a host's interface: credential, conditional requests, limits of requests, and what errors mean.

use crate::HostError;
use crate::connector::{Cursor, Page};
use access::{Clock, Timestamp};
use egress::Client;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, ETAG, IF_NONE_MATCH, LINK, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// Answers that are kept to be confirmed by the host, per credential, in bytes.
const KEPT_BYTES_MAX: usize = 32 << 20;
/// The longest that a host may make us wait at a time.
const WAIT_MAX: Duration = Duration::from_secs(60 * 60);

/// A host's interface under one credential.
pub(crate) struct Api {
    client: Client,
    base: Url,
    headers: HeaderMap,
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
    n_calls: AtomicU64,
}

/// An answer with what it was to.
pub(crate) struct Answer {
    what: &'static str,
    /// The bytes of its body.
    pub(crate) body: Vec<u8>,
    /// Its headers.
    pub(crate) headers: HeaderMap,
}

/// As whom a request is made, where a host lets administrators act for others: the header and its value.
pub(crate) type ActingAs = (HeaderName, String);

/// What was asked for, and for which account.
type Key = (String, Option<String>);

/// The answer's tag, its body and its headers.
type Known = (HeaderValue, Vec<u8>, HeaderMap);

/// SECURITY: belongs to one credential, and each answer to the account it was asked for: what was shown to one is never
/// taken for what would be shown to another.
#[derive(Default)]
struct Kept {
    answers: HashMap<Key, Known>,
    n_bytes: usize,
}

/// A credential, as it is sent.
pub(crate) enum Credential {
    /// `Authorization: Bearer …`
    Bearer(String),
    /// `Authorization: Basic …`
    Basic(String, String),
    /// A header of the host's own.
    Header(HeaderName, String),
}

impl Api {
    /// The interface below this address, which is within the client's destination.
    pub(crate) fn new(
        client: Client,
        base: Url,
        credential: Option<&Credential>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HostError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(credential) = credential {
            let (name, value) = credential.to_header().ok_or(HostError::Unauthorized)?;
            headers.insert(name, value);
        }
        let (kept, n_calls) = (Mutex::default(), AtomicU64::new(0));
        Ok(Api { client, base, headers, clock, kept, n_calls })
    }

    /// How many requests were sent.
    pub(crate) fn n_calls(&self) -> u64 {
        self.n_calls.load(Ordering::Relaxed)
    }

    /// The address of a path below the base, which has no slash at its end.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// Asks for what is at an absolute address. A known answer is confirmed rather than sent again.
    pub(crate) async fn get(
        &self,
        what: &'static str,
        url: &str,
        acting_as: Option<&ActingAs>,
    ) -> Result<Answer, HostError> {
        let key = (url.to_owned(), acting_as.map(|(_, account)| account.clone()));
        let known = self.kept.lock().unwrap_or_else(PoisonError::into_inner).answers.get(&key).cloned();
        let mut request = self.request(what, http::Method::GET, url, acting_as, Vec::new())?;
        if let Some((etag, ..)) = &known {
            request.headers_mut().insert(IF_NONE_MATCH, etag.clone());
        }
        let response = self.send(request).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            let (_, body, headers) = known.ok_or(HostError::NotModified)?;
            return Ok(Answer { what, body, headers });
        }
        let answer = self.judge(what, response)?;
        self.keep(key, &answer);
        Ok(answer)
    }

    /// Sends JSON.
    pub(crate) async fn post(
        &self,
        what: &'static str,
        url: &str,
        body: &serde_json::Value,
    ) -> Result<Answer, HostError> {
        let mut request = self.request(what, http::Method::POST, url, None, body.to_string().into_bytes())?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let response = self.send(request).await?;
        self.judge(what, response)
    }

    fn request(
        &self,
        what: &'static str,
        method: http::Method,
        url: &str,
        acting_as: Option<&ActingAs>,
        body: Vec<u8>,
    ) -> Result<Request<Vec<u8>>, HostError> {
        let shape = |reason: &str| HostError::Shape { what, reason: reason.to_owned() };
        let mut request = Request::builder().method(method).uri(url).body(body);
        let request = request.as_mut().map_err(|_| shape("it leads to an address that is none"))?;
        let mut request = std::mem::take(request);
        request.headers_mut().extend(self.headers.clone());
        if let Some((name, account)) = acting_as {
            let value = HeaderValue::from_str(account).map_err(|_| shape("an account has a bad name"))?;
            request.headers_mut().insert(name.clone(), value);
        }
        Ok(request)
    }

    async fn send(&self, request: Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, HostError> {
        self.n_calls.fetch_add(1, Ordering::Relaxed);
        Ok(self.client.send(request).await?)
    }

    fn judge(&self, what: &'static str, response: http::Response<Vec<u8>>) -> Result<Answer, HostError> {
        let (parts, body) = response.into_parts();
        let limited = parts.status == StatusCode::TOO_MANY_REQUESTS
            || parts.status == StatusCode::FORBIDDEN && is_limited(&parts.headers)
            || parts.status == StatusCode::SERVICE_UNAVAILABLE && parts.headers.contains_key(RETRY_AFTER);
        if limited {
            let wait = wait_of(&parts.headers, self.clock.now());
            return Err(HostError::RateLimited { until: self.clock.now().plus(wait) });
        }
        match parts.status.as_u16() {
            200..=299 => {}
            401 => return Err(HostError::Unauthorized),
            403 => return Err(HostError::Forbidden { what }),
            404 | 410 => return Err(HostError::NotFound { what }),
            status => return Err(HostError::Status { status, what }),
        }
        let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !content_type.is_some_and(|value| value.contains("json")) {
            return Err(HostError::NotJson { what });
        }
        Ok(Answer { what, body, headers: parts.headers })
    }

    fn keep(&self, key: Key, answer: &Answer) {
        let Some(etag) = answer.headers.get(ETAG).cloned() else { return };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, body, _)) = kept.answers.remove(&key) {
            kept.n_bytes -= body.len();
        }
        if kept.n_bytes + answer.body.len() <= KEPT_BYTES_MAX {
            kept.n_bytes += answer.body.len();
            kept.answers.insert(key, (etag, answer.body.clone(), answer.headers.clone()));
        }
    }
}

impl Answer {
    /// What the JSON says.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, HostError> {
        self.parse_from(&self.body)
    }

    /// What the JSON says behind a prefix (`)]}'`) that keeps browsers from taking it for a script.
    pub(crate) fn parse_after_prefix<T: DeserializeOwned>(&self, prefix: &[u8]) -> Result<T, HostError> {
        let body = self.body.strip_prefix(prefix);
        self.parse_from(body.ok_or(HostError::NotJson { what: self.what })?)
    }

    fn parse_from<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, HostError> {
        let parsed = serde_json::from_slice(body);
        parsed.map_err(|error| HostError::Shape { what: self.what, reason: reason_of(&error) })
    }

    /// A page of these, whose next one the `Link` header names (RFC 8288).
    pub(crate) fn linked<T>(&self, items: Vec<T>, total: Option<&str>) -> Page<T> {
        let total = total.and_then(|name| self.headers.get(name)?.to_str().ok()?.parse().ok());
        Page { items, next: next_link(&self.headers), total }
    }

    /// An error about the form of this answer.
    pub(crate) fn shape(&self, reason: impl Into<String>) -> HostError {
        HostError::Shape { what: self.what, reason: reason.into() }
    }
}

impl Credential {
    fn to_header(&self) -> Option<(HeaderName, HeaderValue)> {
        use base64::Engine as _;
        let (name, text) = match self {
            Credential::Bearer(token) => (AUTHORIZATION, format!("Bearer {token}")),
            Credential::Basic(user, password) => {
                let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
                (AUTHORIZATION, format!("Basic {pair}"))
            }
            Credential::Header(name, token) => (name.clone(), token.clone()),
        };
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    }
}

/// Encodes a text for one segment of a path or one value of a query.
pub(crate) fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// What is wrong with JSON, without repeating any of it.
fn reason_of(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Data => "a field is missing or of another type",
        _ => "it is no JSON",
    };
    format!("{kind} (line {}, column {})", error.line(), error.column())
}

fn is_limited(headers: &HeaderMap) -> bool {
    let remaining = number(headers, "x-ratelimit-remaining").or(number(headers, "ratelimit-remaining"));
    headers.contains_key(RETRY_AFTER) || remaining == Some(0)
}

fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// How long to wait. Moments are compared with the host's own clock (`Date`), so that it need not agree with ours.
fn wait_of(headers: &HeaderMap, now: Timestamp) -> Duration {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let moment = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|at| at.timestamp().as_second());
    let their_now = text(DATE).and_then(moment).unwrap_or(now.0.div_euclid(1000));
    let after = text(RETRY_AFTER)
        .and_then(|text| text.trim().parse::<i64>().ok().or_else(|| Some(moment(text)? - their_now)));
    let reset = || number(headers, "x-ratelimit-reset").or(number(headers, "ratelimit-reset"));
    let seconds = after.or_else(|| Some(reset()? - their_now)).unwrap_or(60);
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0).max(1)).min(WAIT_MAX)
}

/// The address of the next page. SECURITY: egress refuses it where it is of another origin.
fn next_link(headers: &HeaderMap) -> Option<Cursor> {
    let links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    links.flat_map(|value| value.split(",")).find_map(|link| {
        let (target, parameters) = link.split_once(';')?;
        let is_next =
            parameters.split(';').any(|parameter| matches!(parameter.trim(), "rel=\"next\"" | "rel=next"));
        let target = target.trim().strip_prefix('<')?.strip_suffix('>')?;
        is_next.then(|| target.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn the_next_page_is_found() {
        let link = "<https://h/a?page=1>; rel=\"prev\", <https://h/a?page=3>; rel=\"next\"";
        assert_eq!(next_link(&headers(&[("link", link)])).as_deref(), Some("https://h/a?page=3"));
        for none in ["", "<https://h/>; rel=\"last\"", "https://h/; rel=\"next\"", "<>"] {
            assert_eq!(next_link(&headers(&[("link", none)])), None, "{none}");
        }
    }

    #[test]
    fn waiting_follows_their_clock() {
        let check = |pairs: &[(&'static str, &'static str)], seconds: u64| {
            assert_eq!(wait_of(&headers(pairs), Timestamp(0)), Duration::from_secs(seconds), "{pairs:?}");
        };
        check(&[("retry-after", "30")], 30);
        check(&[("retry-after", "-5")], 1);
        check(&[("retry-after", "99999999999")], 3600);
        check(&[], 60);
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        check(&[date, ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")], 30);
        check(&[date, ("x-ratelimit-reset", "784111787")], 10);
        check(&[date, ("ratelimit-reset", "784111777")], 1);
        check(&[("x-ratelimit-reset", "20")], 20);
    }

    #[test]
    fn texts_are_encoded() {
        assert_eq!(encode("a/b c?&#%+é"), "a%2Fb%20c%3F%26%23%25%2B%C3%A9");
    }
}
