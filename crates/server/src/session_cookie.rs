//! The cookie that holds a session's secret.
//!
//! Over TLS it has the `__Host-` prefix: browsers then keep it to this very host, path and scheme, and no neighbour
//! domain can plant one. On plain HTTP (a loopback server) browsers refuse that prefix, so it has a plain name.

use access::{BrowserSecret, PendingSecret, SessionSecret};
use axum::http::{HeaderMap, HeaderValue, header};
use std::time::Duration;
use store::PROVIDER_SIGN_IN_VALID_FOR;

const NAME_HTTPS: &str = "__Host-sourcekeep";
const NAME_HTTP: &str = "sourcekeep";
const PENDING_NAME_HTTPS: &str = "__Host-sourcekeep-pending";
const PENDING_NAME_HTTP: &str = "sourcekeep-pending";
const BROWSER_NAME_HTTPS: &str = "__Host-sourcekeep-provider";
const BROWSER_NAME_HTTP: &str = "sourcekeep-provider";
/// As long as the second step may take (`store`).
const PENDING_SECONDS: u64 = 10 * 60;
/// The session's secret of a request, if it carries a well-formed one. Several cookies of the name are as good as none:
/// one of them was planted.
pub(crate) fn read(headers: &HeaderMap, is_https: bool) -> Option<SessionSecret> {
    let mut found = values(headers, name(is_https));
    let secret = found.next()?;
    if found.next().is_some() {
        return None;
    }
    SessionSecret::parse(secret).ok()
}

/// The header that gives a browser its session, for as long as it can last.
pub(crate) fn give(secret: &SessionSecret, is_https: bool, lasts: Duration) -> Option<HeaderValue> {
    let secure = if is_https { "; Secure" } else { "" };
    let text = format!(
        "{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}",
        name(is_https),
        secret.reveal(),
        lasts.as_secs()
    );
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The header that takes it back.
pub(crate) fn take_back(is_https: bool) -> HeaderValue {
    match is_https {
        true => {
            HeaderValue::from_static("__Host-sourcekeep=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure")
        }
        false => HeaderValue::from_static("sourcekeep=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"),
    }
}

/// The secret of a sign-in that is half done, under the same rules.
pub(crate) fn read_pending(headers: &HeaderMap, is_https: bool) -> Option<PendingSecret> {
    let mut found = values(headers, pending_name(is_https));
    let secret = found.next()?;
    if found.next().is_some() {
        return None;
    }
    PendingSecret::parse(secret).ok()
}

/// The header that gives a browser what it needs for the second step; nothing of another site's making sends it along.
pub(crate) fn give_pending(secret: &PendingSecret, is_https: bool) -> Option<HeaderValue> {
    pending_header(secret.reveal(), PENDING_SECONDS, is_https)
}

/// The header that takes it back.
pub(crate) fn take_back_pending(is_https: bool) -> Option<HeaderValue> {
    pending_header("", 0, is_https)
}

/// What the browser holds while its owner is at an identity provider, under the same rules.
pub(crate) fn read_browser(headers: &HeaderMap, is_https: bool) -> Option<BrowserSecret> {
    let mut found = values(headers, browser_name(is_https));
    let secret = found.next()?;
    if found.next().is_some() {
        return None;
    }
    BrowserSecret::parse(secret).ok()
}

/// The header that gives it. The browser comes back from another site, so `SameSite=Lax` it is: sent with an address that is
/// gone to, not with a form or an image of theirs.
pub(crate) fn give_browser(secret: &BrowserSecret, is_https: bool) -> Option<HeaderValue> {
    browser_header(secret.reveal(), PROVIDER_SIGN_IN_VALID_FOR.as_secs(), is_https)
}

/// The header that takes it back.
pub(crate) fn take_back_browser(is_https: bool) -> Option<HeaderValue> {
    browser_header("", 0, is_https)
}

fn browser_header(secret: &str, seconds: u64, is_https: bool) -> Option<HeaderValue> {
    let secure = if is_https { "; Secure" } else { "" };
    let name = browser_name(is_https);
    let text = format!("{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn browser_name(is_https: bool) -> &'static str {
    if is_https { BROWSER_NAME_HTTPS } else { BROWSER_NAME_HTTP }
}

fn pending_header(secret: &str, seconds: u64, is_https: bool) -> Option<HeaderValue> {
    let secure = if is_https { "; Secure" } else { "" };
    let name = pending_name(is_https);
    let text = format!("{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn pending_name(is_https: bool) -> &'static str {
    if is_https { PENDING_NAME_HTTPS } else { PENDING_NAME_HTTP }
}

/// The values of every cookie of a name.
pub(crate) fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(key, _)| *key == name).map(|(_, value)| value)
}

fn name(is_https: bool) -> &'static str {
    if is_https { NAME_HTTPS } else { NAME_HTTP }
}

#[cfg(test)]
mod tests {
    use super::*;
    use access::SystemRandomness;

    fn headers(cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        headers
    }

    #[test]
    fn a_session_is_read_as_it_was_given() {
        let secret = SessionSecret::mint(&SystemRandomness).unwrap();
        for is_https in [true, false] {
            let given = give(&secret, is_https, Duration::from_secs(60)).unwrap();
            let text = given.to_str().unwrap();
            assert!(text.contains("HttpOnly") && text.contains("SameSite=Lax"));
            assert_eq!(text.contains("Secure"), is_https);
            let pair = text.split(';').next().unwrap();
            let read = read(&headers(&format!("theme=dark; {pair}")), is_https).unwrap();
            assert_eq!(read.digest(), secret.digest());
        }
    }

    #[test]
    fn planted_and_broken_cookies_are_no_session() {
        let secret = SessionSecret::mint(&SystemRandomness).unwrap();
        let pair = format!("sourcekeep={}", secret.reveal());
        assert!(read(&headers(&format!("{pair}; {pair}")), false).is_none());
        assert!(read(&headers(&pair), true).is_none(), "the plain name is not read over TLS");
        for broken in ["", "sourcekeep", "sourcekeep=", "sourcekeep=sks_x", "a=b=c;;;=;"] {
            assert!(read(&headers(broken), false).is_none(), "{broken}");
        }
    }
}
