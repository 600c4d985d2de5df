//! What no route knows. Addresses of pages as other code search servers write them lead to ours: clients make them from
//! a repository's name and a path.

use crate::failure::Failure;
use crate::links::is_local_path;
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Redirect, Response};

/// Answers what no route knows.
pub(crate) async fn unknown(method: Method, uri: Uri) -> Response {
    match our_page(&uri).filter(|_| method == Method::GET) {
        Some(page) => Redirect::to(&page).into_response(),
        None => Failure::NotFound.into_response(),
    }
}

/// A known address, asked for by a method that it does not have: the same for everybody, signed in or not.
pub(crate) async fn wrong_method() -> Failure {
    Failure::WrongMethod
}

/// `/<repository>[@<revision>]/-/blob/<path>?L12:5-12:9` on those servers. SECURITY: made from the address alone, so that
/// it tells nothing of what is there.
fn our_page(uri: &Uri) -> Option<String> {
    let (repo, rest) = uri.path().strip_prefix('/')?.split_once("/-/")?;
    let page = rest.split('/').next()?;
    if repo.is_empty() || repo.starts_with('/') || !matches!(page, "blob" | "tree" | "commit" | "raw") {
        return None;
    }
    let line = uri.query().and_then(|query| query.split('&').find_map(line_of)).filter(|_| page == "blob");
    let line = line.map(|line| format!("#L{line}")).unwrap_or_default();
    Some(format!("/r/{repo}/-/{rest}{line}")).filter(|page| is_local_path(page))
}

/// The first line of `L12`, `L12:5-12:9`, `L12-20`.
fn line_of(text: &str) -> Option<u32> {
    let digits = text.strip_prefix('L')?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}
