//! The files of a repository that are not searched, each with its reason: `/r/<repo>[@rev]/-/skipped` and
//! `/api/v1/repos/<repo>[@rev]/-/skipped`.

use crate::caller::Caller;
use crate::failure::Failure;
use crate::format::{self, thousands};
use crate::links::{RepoAddress, path_link, query_value};
use crate::shell::Shell;
use crate::state::AppState;
use crate::wire::lossy;
use askama::Template;
use axum::Json;
use axum::response::{Html, IntoResponse, Response};
use model::RepoName;
use search::{SkippedFile, SkippedFiles, SkippedFilesAsked, SkippedReason};
use serde::Serialize;
use store::Repository;
use utoipa::ToSchema;

/// How many files a page holds where nothing is said, and at most.
const N_PAGE: usize = 200;
const N_PAGE_MAX: usize = 1_000;

/// A page of files that are not, or not wholly, searched.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SkippedFileList {
    repo: String,
    commit: String,
    /// How many there are in this revision, by reason.
    counts: Vec<SkippedCountShape>,
    files: Vec<SkippedFileShape>,
    /// What to send as `cursor` for the next page; null on the last one.
    next: Option<String>,
}

/// How many files there are of one reason.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SkippedCountShape {
    reason: &'static str,
    count: u64,
}

/// A file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SkippedFileShape {
    /// Bytes that are not UTF-8 are replaced; `url` is exact.
    path: String,
    /// As in `stats.skipped` of a search.
    reason: &'static str,
    message: &'static str,
    /// Null for a submodule.
    size_bytes: Option<u64>,
    language: Option<&'static str>,
    url: String,
}

#[derive(Template)]
#[template(path = "skipped.html")]
struct SkippedPage {
    shell: Shell,
    repo: String,
    repo_url: String,
    rev: String,
    n_files: String,
    kinds: Vec<KindView>,
    /// Which of them are on the page.
    shows: String,
    /// Whether they all have the reason that was asked for.
    one_reason: bool,
    files: Vec<FileView>,
    next: Option<String>,
    json_url: String,
    /// Whether only a part is asked for.
    is_narrowed: bool,
    all_url: String,
}

struct KindView {
    says: &'static str,
    n_files: String,
    url: String,
    on: bool,
}

struct FileView {
    path: String,
    url: String,
    why_url: String,
    says: &'static str,
    size: String,
}

/// What a request asks for.
struct Asked {
    reason: Option<SkippedReason>,
    after: Option<Vec<u8>>,
    limit: usize,
}

/// The resource of the API.
pub(crate) async fn answer(
    state: &AppState,
    caller: &Caller,
    address: &RepoAddress,
    query: Option<&str>,
) -> Result<Response, Failure> {
    let asked = Asked::read(query)?;
    let found = look(state, caller, address, &asked).await?;
    let file = |file: &SkippedFile| SkippedFileShape {
        path: lossy(&file.path),
        reason: file.reason.as_str(),
        message: file.reason.of_file(),
        size_bytes: file.size_bytes,
        language: syntax::language_name(file.language),
        url: path_link(&address.repo, address.rev.as_deref(), "blob", &file.path),
    };
    let count = |(reason, count): (&SkippedReason, &u64)| SkippedCountShape {
        reason: reason.as_str(),
        count: *count,
    };
    Ok(Json(SkippedFileList {
        repo: address.repo.to_string(),
        commit: found.commit.to_string(),
        counts: found.counts.iter().map(count).collect(),
        files: found.files.iter().map(file).collect(),
        next: next_cursor(&found),
    })
    .into_response())
}

/// The page.
pub(crate) async fn page(
    state: AppState,
    caller: Caller,
    row: Repository,
    address: RepoAddress,
    query: Option<&str>,
) -> Result<Response, Failure> {
    let asked = Asked::read(query)?;
    let found = look(&state, &caller, &address, &asked).await?;
    let rev = address.rev.as_deref();
    let here = link(&address.repo, rev);
    let with_reason = |reason: SkippedReason| format!("{here}?reason={}", reason.as_str());
    let kind = |(reason, count): (&SkippedReason, &u64)| KindView {
        says: reason.of_file(),
        n_files: thousands(*count),
        url: with_reason(*reason),
        on: asked.reason == Some(*reason),
    };
    let file = |file: &SkippedFile| {
        let there = RepoAddress { path: file.path.clone(), ..address.clone() };
        FileView {
            path: lossy(&file.path),
            url: path_link(&address.repo, rev, "blob", &file.path),
            why_url: super::why::link_for_file(&there),
            says: file.reason.of_file(),
            size: file.size_bytes.map_or(String::new(), format::size),
        }
    };
    let narrowed = asked.reason.map_or(String::new(), |reason| format!("reason={}", reason.as_str()));
    let joint = if narrowed.is_empty() { "" } else { "&" };
    let next = next_cursor(&found).map(|next| format!("{here}?cursor={next}{joint}{narrowed}"));
    let same = asked
        .after
        .as_deref()
        .map_or(narrowed.clone(), |after| format!("cursor={}{joint}{narrowed}", hex(after)));
    let json = here.replacen("/r/", "/api/v1/repos/", 1);
    let page = SkippedPage {
        shell: caller.shell(&format!("Files that are not searched · {}", row.name), "repos"),
        repo: row.name.to_string(),
        repo_url: crate::links::repo_link(&address.repo, rev),
        rev: super::r::rev_shown(&row, &address),
        n_files: format::count(found.counts.values().sum(), "file", "files"),
        kinds: found.counts.iter().map(kind).collect(),
        shows: shows(&found, &asked),
        one_reason: asked.reason.is_some(),
        files: found.files.iter().map(file).collect(),
        next,
        json_url: if same.is_empty() { json } else { format!("{json}?{same}") },
        is_narrowed: asked.reason.is_some() || asked.after.is_some(),
        all_url: here,
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

/// Which files are on the page, in a sentence.
fn shows(found: &SkippedFiles, asked: &Asked) -> String {
    let n_all = match asked.reason {
        Some(reason) => found.counts.get(&reason).copied().unwrap_or(0),
        None => found.counts.values().sum(),
    };
    let all = format::count(n_all, "file", "files");
    let n_shown = thousands(found.files.len() as u64);
    match (&asked.after, found.has_more) {
        (None, false) if n_all == 1 => format!("{all}."),
        (None, false) => format!("{all}, in the order of the paths."),
        (None, true) => format!("The first {n_shown} of {all}, in the order of the paths."),
        (Some(after), true) => format!("{n_shown} of {all}, those after '{}'.", lossy(after)),
        (Some(after), false) => format!("The last {n_shown} of {all}, those after '{}'.", lossy(after)),
    }
}

/// The address of the page.
pub(crate) fn link(repo: &RepoName, rev: Option<&str>) -> String {
    format!("{}/-/skipped", crate::links::repo_link(repo, rev))
}

/// Asks the index. A revision that is not indexed is not found, like an unknown repository.
async fn look(
    state: &AppState,
    caller: &Caller,
    address: &RepoAddress,
    asked: &Asked,
) -> Result<SkippedFiles, Failure> {
    if !address.path.is_empty() {
        return Err(Failure::NotFound);
    }
    let (snapshot, access) = (state.catalog.snapshot(), caller.access.clone());
    let (repo, rev) = (address.repo.clone(), address.rev.clone());
    let (reason, after, n_files_max) = (asked.reason, asked.after.clone(), asked.limit);
    let looking = tokio::task::spawn_blocking(move || {
        let asked = SkippedFilesAsked {
            repo: repo.as_str(),
            rev: rev.as_deref(),
            reason,
            after: after.as_deref(),
            n_files_max,
        };
        snapshot.skipped_files(&access, asked)
    });
    looking.await.map_err(Failure::internal)?.map_err(Failure::internal)?.ok_or(Failure::NotFound)
}

impl Asked {
    fn read(query: Option<&str>) -> Result<Asked, Failure> {
        let text = |key| {
            let value = query_value(query, key).and_then(|value| String::from_utf8(value).ok());
            value.filter(|value| !value.is_empty())
        };
        let reason = match text("reason") {
            None => None,
            Some(word) => {
                let known = SkippedReason::OF_FILES.into_iter().find(|reason| reason.as_str() == word);
                Some(known.ok_or_else(|| {
                    let words = SkippedReason::OF_FILES.map(SkippedReason::as_str).join(", ");
                    Failure::BadRequest(format!("reason must be one of {words}."))
                })?)
            }
        };
        let after = match text("cursor") {
            None => None,
            Some(cursor) => Some(from_hex(&cursor).ok_or_else(|| {
                Failure::BadRequest("cursor must be what a page before said as next.".into())
            })?),
        };
        let limit = match text("limit") {
            None => N_PAGE,
            Some(limit) => {
                limit.parse().map_err(|_| Failure::BadRequest("limit must be a number.".into()))?
            }
        };
        Ok(Asked { reason, after, limit: limit.clamp(1, N_PAGE_MAX) })
    }
}

/// The last path, in hexadecimal: paths are bytes.
fn next_cursor(found: &SkippedFiles) -> Option<String> {
    let last = found.files.last().filter(|_| found.has_more)?;
    Some(hex(&last.path))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
        _ => None,
    };
    text.as_bytes().chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_or_refused() {
        let asked = Asked::read(Some("reason=file-binary&cursor=612f62&limit=5000")).expect("a request");
        assert_eq!(asked.reason, Some(SkippedReason::FileBinary));
        assert_eq!((asked.after.as_deref(), asked.limit), (Some(&b"a/b"[..]), N_PAGE_MAX));
        for wrong in ["reason=timeout", "reason=x", "cursor=6", "cursor=zz", "cursor=%2b1", "limit=-1"] {
            assert!(Asked::read(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
