//! The history of a file, a folder or the whole repository: `/r/<repo>[@rev]/-/log/<path>`, `/-/commits`, and the same below
//! `/api/v1/repos/`.

use super::api_files::PersonShape;
use super::r::{Crumb, Notice, RefGroup, Tool, crumbs, not_there, page_for, ref_groups, rev_shown, tools};
use crate::caller::Caller;
use crate::failure::Failure;
use crate::format::count;
use crate::git_access;
use crate::links::{RepoAddress, commit_link, path_link, percent, repo_link};
use crate::log_view::{self, LogRow, LogView, LogWanted, change_word};
use crate::readable::Readable;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use crate::wire::lossy;
use askama::Template;
use axum::Json;
use axum::response::{Html, IntoResponse, Response};
use git::EntryKind;
use model::RepoName;
use serde::Serialize;
use store::Repository;
use utoipa::ToSchema;

/// A page of the history of a path.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogShape {
    repo: String,
    /// Where it begins.
    commit: String,
    /// Empty for the whole repository.
    path: String,
    commits: Vec<LoggedCommitShape>,
    /// What to send as `cursor` for the next page; null on the last one.
    next: Option<String>,
    /// What is not told, in sentences.
    left_out: Vec<String>,
}

/// A commit of a history.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LoggedCommitShape {
    commit: String,
    parents: Vec<String>,
    subject: String,
    author: PersonShape,
    committer: PersonShape,
    /// The path at this commit: files are followed through renames.
    path: String,
    /// The path before, where it was another one.
    old_path: Option<String>,
    /// `added`, `modified`, `deleted` or `renamed`; null in the history of the whole repository.
    change: Option<&'static str>,
    /// Changed files at this path, and their lines; null where they were not counted.
    files: Option<usize>,
    added: Option<usize>,
    removed: Option<usize>,
    url: String,
}

#[derive(Template)]
#[template(path = "log.html")]
struct LogPage {
    shell: Shell,
    crumbs: Vec<Crumb>,
    rev_shown: String,
    refs: Vec<RefGroup>,
    path_shown: String,
    tools: Vec<Tool>,
    permalink: Option<String>,
    raw: Option<String>,
    state: Option<Notice>,
    title: String,
    here: String,
    json_url: String,
    wanted: LogWanted,
    is_narrowed: bool,
    rows: Vec<RowView>,
    first_url: Option<String>,
    next_url: Option<String>,
    left_out: Vec<String>,
}

struct RowView {
    subject: String,
    url: String,
    short: String,
    author: String,
    moment: Moment,
    /// Where the path stands at this commit.
    there: Option<String>,
    renamed_from: Option<String>,
    change: &'static str,
    files: String,
    added: Option<usize>,
    removed: usize,
    is_part: bool,
}

/// The resource of the API.
pub(crate) async fn answer(
    state: &AppState,
    caller: &Caller,
    row: &Repository,
    address: RepoAddress,
    query: Option<&str>,
) -> Result<Response, Failure> {
    let wanted = LogWanted::read(query)?;
    let view = look(state, caller, row, &address, wanted).await?.ok_or(Failure::NotFound)?;
    Ok(Json(LogShape {
        repo: row.name.to_string(),
        commit: view.tip.to_string(),
        path: lossy(&address.path),
        commits: view.rows.iter().map(|shown| LoggedCommitShape::of(shown, &row.name)).collect(),
        next: view.next,
        left_out: view.left_out,
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
    let wanted = LogWanted::read(query)?;
    let view = look(&state, &caller, &row, &address, wanted.clone()).await?;
    let mut page = frame(&state, &caller, &row, &address, wanted);
    match view {
        None => page.state = Some(not_there(&row)),
        Some(view) => {
            let is_file =
                view.kind.is_some_and(|kind| !matches!(kind, EntryKind::Tree | EntryKind::Submodule));
            page.tools = tools(&caller, &row, &address, is_file);
            page.fill(view, &address, state.now_ms());
        }
    }
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

async fn look(
    state: &AppState,
    caller: &Caller,
    row: &Repository,
    address: &RepoAddress,
    wanted: LogWanted,
) -> Result<Option<LogView>, Failure> {
    let (asked, asked_row) = (address.clone(), row.clone());
    let read = move |repository: &Readable, watch: &search::Watch| {
        LogView::read(repository, &asked_row, &asked, &wanted, watch)
    };
    git_access::read_watched(state, &caller.access, row, log_view::TIME_MAX, read).await
}

/// The address of the history of a path.
pub(crate) fn link(repo: &RepoName, rev: Option<&str>, path: &[u8]) -> String {
    match path.is_empty() {
        true => format!("{}/-/commits", repo_link(repo, rev)),
        false => path_link(repo, rev, "log", path),
    }
}

fn frame(
    state: &AppState,
    caller: &Caller,
    row: &Repository,
    address: &RepoAddress,
    wanted: LogWanted,
) -> LogPage {
    let path_shown = lossy(&address.path);
    let what = if path_shown.is_empty() { row.name.to_string() } else { path_shown.clone() };
    let mut shell = caller.shell(&format!("History of {what} · {}", row.name), "repos");
    shell.query = Some(super::r_blob::box_for(row, address));
    let here = link(&address.repo, address.rev.as_deref(), &address.path);
    LogPage {
        shell,
        crumbs: crumbs(address),
        rev_shown: rev_shown(row, address),
        refs: ref_groups(state, caller, row, address),
        tools: Vec::new(),
        permalink: None,
        raw: None,
        state: None,
        title: if path_shown.is_empty() { "Commits".to_owned() } else { format!("History of {path_shown}") },
        path_shown,
        json_url: here.replacen("/r/", "/api/v1/repos/", 1),
        here,
        is_narrowed: wanted.is_filtered(),
        wanted,
        rows: Vec::new(),
        first_url: None,
        next_url: None,
        left_out: Vec::new(),
    }
}

impl LogPage {
    fn fill(&mut self, view: LogView, address: &RepoAddress, now_ms: i64) {
        let with = |cursor: Option<&str>| {
            let wanted = &self.wanted;
            let pairs = [
                ("author", wanted.author.as_str()),
                ("since", &wanted.since),
                ("until", &wanted.until),
                ("cursor", cursor.unwrap_or_default()),
            ];
            let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
            let pairs: Vec<_> = pairs.map(|(key, value)| format!("{key}={}", parameter(value))).collect();
            let joint = if self.here.contains('?') { "&" } else { "?" };
            if pairs.is_empty() {
                self.here.clone()
            } else {
                format!("{}{joint}{}", self.here, pairs.join("&"))
            }
        };
        self.next_url = view.next.as_deref().map(|next| with(Some(next)));
        self.first_url = self.wanted.cursor.is_some().then(|| with(None));
        let tip = view.tip.to_string();
        self.permalink = Some(link(&address.repo, Some(&tip), &address.path));
        if let Some(crumb) = self.crumbs.last_mut() {
            // The last step leads back to what this is the history of.
            let page = page_for(view.kind.unwrap_or(EntryKind::Tree));
            crumb.url =
                view.kind.map(|_| path_link(&address.repo, address.rev.as_deref(), page, &address.path));
        }
        self.rows = view.rows.iter().map(|row| RowView::of(row, &address.repo, now_ms)).collect();
        self.left_out = view.left_out;
    }
}

fn parameter(value: &str) -> String {
    percent::encode(value.as_bytes()).replace('+', "%2B").replace('&', "%26")
}

impl RowView {
    fn of(row: &LogRow, repo: &RepoName, now_ms: i64) -> Self {
        let (entry, commit) = (&row.entry, &row.entry.commit);
        let id = commit.id.to_string();
        let subject: String = commit.subject().chars().take(200).collect();
        let kind = entry.new.map(|(kind, _)| kind);
        let there = match entry.change {
            None => Some(repo_link(repo, Some(&id))),
            Some(_) => kind.map(|kind| path_link(repo, Some(&id), page_for(kind), &entry.path)),
        };
        let counted = row.counted;
        let is_single = counted.is_none_or(|counted| counted.n_files == 1 && entry.change.is_some());
        RowView {
            subject: if subject.is_empty() { "(no message)".into() } else { subject },
            url: commit_link(repo, commit.id),
            short: id.chars().take(10).collect(),
            author: commit.author.name.chars().take(100).collect(),
            moment: Moment::new(now_ms, commit.author.seconds.saturating_mul(1000)),
            there,
            renamed_from: entry.old_path.as_deref().map(lossy),
            change: match entry.change.map(change_word) {
                None | Some("modified" | "renamed") => "",
                Some(word) => word,
            },
            files: match counted {
                Some(counted) if !is_single => count(counted.n_files as u64, "file", "files"),
                _ => String::new(),
            },
            added: counted.map(|counted| counted.n_added),
            removed: counted.map_or(0, |counted| counted.n_removed),
            is_part: counted.is_some_and(|counted| counted.is_part),
        }
    }
}

impl LoggedCommitShape {
    fn of(row: &LogRow, repo: &RepoName) -> Self {
        let (entry, commit) = (&row.entry, &row.entry.commit);
        LoggedCommitShape {
            commit: commit.id.to_string(),
            parents: commit.parents.iter().map(ToString::to_string).collect(),
            subject: commit.subject().to_owned(),
            author: PersonShape::of(&commit.author),
            committer: PersonShape::of(&commit.committer),
            path: lossy(&entry.path),
            old_path: entry.old_path.as_deref().map(lossy),
            change: entry.change.map(change_word),
            files: row.counted.map(|counted| counted.n_files),
            added: row.counted.map(|counted| counted.n_added),
            removed: row.counted.map(|counted| counted.n_removed),
            url: commit_link(repo, commit.id),
        }
    }
}
