//! A stub of each remote code host: one world of people, repositories and rights, told by the interface that each kind
//! documents, with bad days to order. It counts every call.

mod atlassian;
mod azure;
mod forges;
mod github;
mod world;

pub use world::{HostWorld, StubPerson, StubRepository, Visibility};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The token that every stub knows; another is refused.
pub const TOKEN: &str = "stub-token-of-the-administrator";

/// Which interface a stub speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StubKind {
    /// GitHub's GraphQL and the little of REST that is needed.
    GitHub,
    /// GitLab, version 4.
    GitLab,
    /// Gitea and Forgejo, version 1.
    Gitea,
    /// Bitbucket Cloud, version 2.0; the workspace is `acme`.
    BitbucketCloud,
    /// Bitbucket Data Center, version 1.0.
    BitbucketServer,
    /// Gerrit.
    Gerrit,
    /// Azure DevOps, 7.1.
    AzureDevOps,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadDay {
    /// Nothing.
    #[default]
    None,
    /// Lists lead back to their first page.
    PageLoop,
    /// Status 200 with a page instead of data, after so many good answers.
    HtmlAfter(u64),
    /// Status 500, after so many good answers.
    FailAfter(u64),
    /// JSON that ends in its middle, after so many good answers.
    HalfAfter(u64),
    /// Too many requests, after so many good answers; the clock of the host is so many seconds ahead.
    LimitedAfter(u64, i64),
    /// "Not modified" to everything.
    NotModified,
    /// "Not modified" to whoever shows any tag at all, whosever it is.
    TagsOfOthers,
    /// Lists are empty, with status 200.
    Empty,
    /// The next page is on another host.
    Elsewhere,
    /// The token is refused.
    Refused,
}

/// A stub that serves on loopback until it is dropped.
pub struct StubHost {
    kind: StubKind,
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    server: tokio::task::JoinHandle<()>,
}

struct Shared {
    kind: StubKind,
    base: String,
    world: HostWorld,
    bad: BadDay,
    n_good: u64,
    calls: BTreeMap<String, u64>,
}

/// A request, taken apart.
struct Asked<'a> {
    path: &'a str,
    query: BTreeMap<String, String>,
    headers: &'a HeaderMap,
    body: &'a [u8],
    base: &'a str,
    is_loop: bool,
    is_elsewhere: bool,
}

/// An answer before it is written.
struct Told {
    /// The name of the endpoint, for the count.
    endpoint: &'static str,
    json: Value,
    headers: Vec<(&'static str, String)>,
    /// What stands before the JSON.
    prefix: &'static str,
}

impl StubHost {
    /// Serves a world.
    pub async fn start(kind: StubKind, world: HostWorld) -> Self {
        let listener = match tokio::net::TcpListener::bind("127.0.0.1:0").await {
            Ok(listener) => listener,
            Err(error) => panic!("cannot serve on loopback: {error}"),
        };
        let address = match listener.local_addr() {
            Ok(address) => address,
            Err(error) => panic!("the listener has no address: {error}"),
        };
        let base = format!("http://{address}");
        let (bad, calls) = (BadDay::None, BTreeMap::new());
        let shared = Arc::new(Mutex::new(Shared { kind, base, world, bad, n_good: 0, calls }));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                panic!("the stub stopped: {error}");
            }
        });
        StubHost { kind, address, shared, server }
    }

    /// Where it is, as an administrator would enter it.
    pub fn url(&self) -> String {
        match self.kind {
            StubKind::AzureDevOps => format!("http://{}/acme", self.address),
            _ => format!("http://{}", self.address),
        }
    }

    /// Changes the world.
    pub fn change(&self, change: impl FnOnce(&mut HostWorld)) {
        let mut shared = self.lock();
        change(&mut shared.world);
        shared.world.index();
    }

    /// Orders a bad day from now on.
    pub fn order(&self, bad: BadDay) {
        let mut shared = self.lock();
        (shared.bad, shared.n_good) = (bad, 0);
    }

    /// How often each endpoint was called, and begins anew.
    pub fn take_calls(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut self.lock().calls)
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StubHost {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Told {
    fn new(endpoint: &'static str, json: Value) -> Self {
        Told { endpoint, json, headers: Vec::new(), prefix: "" }
    }
}

impl Asked<'_> {
    fn number(&self, name: &str, default: usize) -> usize {
        self.query.get(name).and_then(|value| value.parse().ok()).unwrap_or(default)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The address of this request with one parameter changed.
    fn url_with(&self, name: &str, value: &str) -> String {
        let mut query = self.query.clone();
        query.insert(name.to_owned(), value.to_owned());
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&query).finish();
        let base = if self.is_elsewhere { "http://127.0.0.2:9" } else { self.base };
        format!("{base}{}?{query}", self.path)
    }
}

/// A slice of a list by number of page, from 1 on; and the number of the next one.
fn page_of<T>(items: &[T], page: usize, size: usize, is_loop: bool) -> (&[T], Option<usize>) {
    let from = (page.saturating_sub(1) * size).min(items.len());
    let to = (from + size).min(items.len());
    let next = (to < items.len()).then_some(page + 1);
    (&items[from..to], next.map(|next| if is_loop { 1 } else { next }))
}

async fn answer(
    State(shared): State<Arc<Mutex<Shared>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let shared = &mut *shared;
    let bad = shared.bad;
    let query =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let asked = Asked {
        path: uri.path(),
        query,
        headers: &headers,
        body: &body,
        base: &shared.base,
        is_loop: bad == BadDay::PageLoop,
        is_elsewhere: bad == BadDay::Elsewhere,
    };
    if bad == BadDay::Refused || !knows_token(shared.kind, &asked) {
        return plain(StatusCode::UNAUTHORIZED, "application/json", "{\"message\":\"Bad credentials\"}");
    }
    let has_tag = headers.contains_key("if-none-match");
    if bad == BadDay::NotModified || bad == BadDay::TagsOfOthers && has_tag {
        return plain(StatusCode::NOT_MODIFIED, "application/json", "");
    }
    shared.n_good += 1;
    if let Some(response) = broken(bad, shared.n_good) {
        return response;
    }
    let empty = HostWorld::default();
    let world = if bad == BadDay::Empty { &empty } else { &shared.world };
    let told = match shared.kind {
        StubKind::GitHub => github::answer(world, &asked),
        StubKind::GitLab => forges::gitlab(world, &asked),
        StubKind::Gitea => forges::gitea(world, &asked),
        StubKind::BitbucketCloud => atlassian::cloud(world, &asked),
        StubKind::BitbucketServer => atlassian::server(world, &asked),
        StubKind::Gerrit => forges::gerrit(world, &asked),
        StubKind::AzureDevOps => azure::answer(world, &asked),
    };
    let Some(told) = told else {
        return plain(StatusCode::NOT_FOUND, "application/json", "{\"message\":\"Not Found\"}");
    };
    *shared.calls.entry(format!("{method} {}", told.endpoint)).or_default() += 1;
    let mut text = format!("{}{}", told.prefix, told.json);
    if matches!(bad, BadDay::HalfAfter(n) if shared.n_good > n) {
        let half = text.len() / 2;
        text.truncate(text.floor_char_boundary(half));
    }
    write(told.headers, text, &headers)
}

fn write(extra: Vec<(&'static str, String)>, text: String, headers: &HeaderMap) -> Response<Body> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    if headers.get("if-none-match").is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return plain(StatusCode::NOT_MODIFIED, "application/json", "");
    }
    let mut response = plain(StatusCode::OK, "application/json; charset=utf-8", text);
    let pairs = extra.into_iter().chain([("etag", tag)]);
    for (name, value) in pairs {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn broken(bad: BadDay, n_asked: u64) -> Option<Response<Body>> {
    match bad {
        BadDay::HtmlAfter(n) if n_asked > n => {
            Some(plain(StatusCode::OK, "text/html", "<!doctype html><title>Sign in</title>"))
        }
        BadDay::FailAfter(n) if n_asked > n => {
            Some(plain(StatusCode::INTERNAL_SERVER_ERROR, "application/json", "{\"message\":\"500\"}"))
        }
        BadDay::LimitedAfter(n, skew) if n_asked > n => {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            let now = now.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0)) + skew;
            let mut response = plain(StatusCode::FORBIDDEN, "application/json", "{\"message\":\"limit\"}");
            let pairs =
                [("x-ratelimit-remaining", "0".to_owned()), ("x-ratelimit-reset", (now + 30).to_string())];
            for (name, value) in pairs.into_iter().chain([("date", http_date(now))]) {
                if let Ok(value) = value.parse() {
                    response.headers_mut().insert(name, value);
                }
            }
            Some(response)
        }
        _ => None,
    }
}

fn plain(status: StatusCode, content_type: &str, body: impl Into<Body>) -> Response<Body> {
    let response = Response::builder().status(status).header("content-type", content_type);
    response.body(body.into()).unwrap_or_else(|error| panic!("no answer can be built: {error}"))
}

/// Seconds since 1970 as HTTP writes them (the algorithm of H. Hinnant, "chrono-compatible low-level date algorithms").
fn http_date(seconds: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let z = days + 719_468;
    let (era, doe) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    let name = |names: &[&'static str], idx: i64| names[usize::try_from(idx).unwrap_or(0) % names.len()];
    format!(
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} GMT",
        name(&DAYS, days.rem_euclid(7)),
        name(&MONTHS, month - 1),
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

fn knows_token(kind: StubKind, asked: &Asked<'_>) -> bool {
    let authorization = asked.header("authorization").unwrap_or_default();
    match kind {
        StubKind::GitLab => asked.header("private-token") == Some(TOKEN),
        StubKind::Gitea => authorization == format!("token {TOKEN}"),
        StubKind::Gerrit | StubKind::AzureDevOps => authorization.starts_with("Basic "),
        _ => authorization == format!("Bearer {TOKEN}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(1_709_164_800), "Thu, 29 Feb 2024 00:00:00 GMT");
    }

    #[test]
    fn pages() {
        let items = [1, 2, 3, 4, 5];
        assert_eq!(page_of(&items, 1, 2, false), (&items[..2], Some(2)));
        assert_eq!(page_of(&items, 3, 2, false), (&items[4..], None));
        assert_eq!(page_of(&items, 2, 2, true), (&items[2..4], Some(1)));
    }
}
