//! Forms are taken from our own pages only.
//!
//! SECURITY: this is the defence against cross-site request forgery, login forgery included, beside `SameSite=Lax`: every
//! browser sends `Origin` with every POST, and `Sec-Fetch-Site` on trustworthy origins. Both must say that the form is
//! ours, and one of them must be there. No token in the page is needed, so pages hold no secret that compression could leak.

use crate::failure::Failure;
use axum::http::{HeaderMap, Uri, header};

/// Whether a state-changing request came from a page of this server.
pub(crate) fn check(uri: &Uri, headers: &HeaderMap) -> Result<(), Failure> {
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    if site.is_some_and(|site| site != b"same-origin") {
        return Err(Failure::ForeignOrigin);
    }
    let origin = match headers.get(header::ORIGIN).map(|origin| origin.to_str()) {
        None if site.is_some() => return Ok(()),
        Some(Ok(origin)) => origin,
        _ => return Err(Failure::ForeignOrigin),
    };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let ours = uri.authority().map(|authority| authority.as_str()).or(host);
    // The scheme is not compared: behind a proxy that ends TLS the server does not see it, and a page on the same host
    // and port under another scheme is stopped by the browser's own rules.
    let authority = origin.strip_prefix("https://").or(origin.strip_prefix("http://"));
    match (authority, ours) {
        (Some(theirs), Some(ours)) if theirs.eq_ignore_ascii_case(ours) => Ok(()),
        _ => Err(Failure::ForeignOrigin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn is_ours(pairs: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:7080"));
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        check(&Uri::from_static("/sign-in"), &headers).is_ok()
    }

    #[test]
    fn our_own_pages() {
        assert!(is_ours(&[("origin", "http://127.0.0.1:7080")]));
        assert!(is_ours(&[("origin", "http://127.0.0.1:7080"), ("sec-fetch-site", "same-origin")]));
        assert!(is_ours(&[("sec-fetch-site", "same-origin")]));
    }

    #[test]
    fn everybody_else() {
        for pairs in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "http://127.0.0.1")],
            &[("origin", "http://127.0.0.1:7081")],
            &[("origin", "http://127.0.0.1:7080.evil")],
            &[("origin", "ftp://127.0.0.1:7080")],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:7080")],
            &[("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:7080")],
        ] {
            assert!(!is_ours(pairs), "{pairs:?}");
        }
    }
}
