//! `/api/v1/repos/<repository>[@<revision>][/-/<resource>/<path>]`: a repository, its refs, its folders, its files.

use super::api_repos::RepoState;
use super::{r_blame, r_branches, r_compare, r_contributors, r_log, r_raw, r_skipped};
use crate::browse::{self, Content, SHOWN_BYTES_MAX, kind_word};
use crate::caller::Caller;
use crate::commit_view::CommitView;
use crate::diff_view::{self, DiffWanted, FileView, HunkView};
use crate::failure::Failure;
use crate::git_access;
use crate::links::{RepoAddress, path_link};
use crate::owning::{OwnersShape, RollShape};
use crate::readable::Readable;
use crate::state::AppState;
use crate::wire::lossy;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use git::EntryKind;
use serde::Serialize;
use store::Repository;
use syntax::{DecodeLimits, Decoded};
use utoipa::ToSchema;

/// The refs of a repository that are indexed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefList {
    refs: Vec<RefShape>,
}

/// A branch or tag.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefShape {
    /// The full name.
    name: String,
    commit: String,
    /// Seconds since 1970.
    commit_time: i64,
}

/// A folder.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TreeShape {
    repo: String,
    commit: String,
    path: String,
    entries: Vec<EntryShape>,
    /// Entries that are not shown, and why.
    refused: Vec<String>,
}

/// An entry of a folder.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntryShape {
    /// Bytes that are not UTF-8 are replaced; `url` is exact.
    name: String,
    /// `file`, `executable`, `symlink`, `tree` or `submodule`.
    kind: &'static str,
    object: String,
    url: String,
}

/// A file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FileShape {
    repo: String,
    commit: String,
    path: String,
    kind: &'static str,
    object: String,
    size_bytes: Option<u64>,
    language: Option<&'static str>,
    /// What it was decoded from.
    encoding: Option<&'static str>,
    lines: Option<usize>,
    /// The text; null where there is none, and then `skipped` says why.
    text: Option<String>,
    /// `binary`, `too-large` or `unreadable`.
    skipped: Option<&'static str>,
    url: String,
}

/// A commit and what it changed, against its first parent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommitShape {
    repo: String,
    commit: String,
    tree: String,
    /// At most 1,000.
    parents: Vec<String>,
    author: PersonShape,
    committer: PersonShape,
    message: String,
    files: Vec<ChangedFileShape>,
    /// What is not told, in sentences.
    left_out: Vec<String>,
    url: String,
}

/// Who, and when.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PersonShape {
    name: String,
    email: String,
    /// RFC 3339, in the offset it was written with.
    date: String,
}

/// A changed file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangedFileShape {
    path: String,
    old_path: Option<String>,
    /// `added`, `modified`, `deleted` or `renamed`.
    change: &'static str,
    added: usize,
    removed: usize,
    /// Why lines are missing, where some are.
    skipped: Option<&'static str>,
    hunks: Vec<ChangedHunkShape>,
}

/// A run of lines, unchanged ones around changed ones.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangedHunkShape {
    header: String,
    /// Each with its `+`, `-` or space.
    lines: Vec<String>,
}

/// A repository (no resource), `refs`, `branches?kind=tags&q=&from=`, `contributors[/<path>]?since=`, `tree/<path>`, `file/<path>`, `owners` (everybody), `owners/<path>`, `raw/<path>`, `skipped?reason=&cursor=&limit=`, `blame/<path>`, `compare/<from>...<to>?w=1&file=<path>`, `log/<path>?author=&since=&until=&cursor=&limit=`, `commits` (the log of all of it), `commits/<commit>` (an id, the beginning of one, or a name), or what a name means: `definition/<path>?line=&column=` (the column in bytes from 0), `hover/…`, `references/…&limit=&everywhere=1`, `implementations/…`, `callees/…`, `hierarchy/…`, `graph/…&kind=&direction=&depth=&nodes=&to=`, and `outline/<path>`; and `precise`, the precise indexes, at `@<revision>` or the default branch.
#[utoipa::path(get, path = "/api/v1/repos/{address}",
    params(("address" = String, Path, description = "`<repository>[@<revision>][/-/refs | /-/branches | /-/contributors[/<path>] | /-/tree/<path> | /-/file/<path> | /-/owners[/<path>] | /-/raw/<path> | /-/skipped | /-/blame/<path> | /-/compare/<from>...<to> | /-/log/<path> | /-/commits[/<commit>]]`")),
    responses(
        (status = 200, description = "A file; the other resources answer with their own shapes", body = FileShape),
        (status = 404, description = "Not there, or not for the caller", body = crate::failure::Problem)))]
pub(crate) async fn resource(
    State(state): State<AppState>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Failure> {
    let rest = uri.path().strip_prefix("/api/v1/repos/").unwrap_or("");
    let address = RepoAddress::parse(rest, uri.query()).ok_or(Failure::NotFound)?;
    if address.page == "why" {
        // An unknown repository is an answer here, the same as a forbidden one.
        let q = crate::links::query_value(uri.query(), "q").unwrap_or_default();
        return super::why::answer(&state, &caller, &address, &String::from_utf8_lossy(&q)).await;
    }
    let row = browse::row(&state, &caller, &address).await?;
    match address.page.as_str() {
        "" => Ok(Json(RepoState::of(&row, &state, &caller, &state.catalog.snapshot())).into_response()),
        "refs" => Ok(Json(refs(&state, &caller, &row)).into_response()),
        "tree" => {
            let asked = row.clone();
            let tree = git_access::read(&state, &caller.access, &row, move |repository| {
                tree(repository, &asked, &address)
            });
            Ok(Json(tree.await?).into_response())
        }
        "file" => {
            let asked = row.clone();
            let file = git_access::read(&state, &caller.access, &row, move |repository| {
                file(repository, &asked, &address)
            });
            Ok(Json(file.await?).into_response())
        }
        "owners" => {
            let asked = row.clone();
            let read = move |repository: &Readable| {
                let spot = repository.locate(&asked, &address)?.ok_or(Failure::NotFound)?;
                Ok(match address.path.is_empty() {
                    true => Json(RollShape::of(repository, spot.commit, &address)).into_response(),
                    false => Json(OwnersShape::of(repository, spot.commit, &address)).into_response(),
                })
            };
            git_access::read(&state, &caller.access, &row, read).await
        }
        "precise" if address.path.is_empty() => super::api_precise::list(&state, &caller, &row).await,
        "definition" | "references" | "implementations" | "hover" | "outline" | "callees" | "hierarchy"
        | "graph" => super::r_nav::answer(&state, &caller, &row, address, uri.query()).await,
        "skipped" => r_skipped::answer(&state, &caller, &address, uri.query()).await,
        "raw" => r_raw::raw(&state, &caller, &row, address, uri.query()).await,
        "compare" => r_compare::answer(&state, &caller, &row, &address, uri.query()).await,
        "branches" if address.path.is_empty() => r_branches::answer(&state, &caller, &row, uri.query()).await,
        "contributors" => r_contributors::answer(&state, &caller, &row, &address, uri.query()).await,
        "blame" => r_blame::answer(&state, &caller, &row, address).await,
        "log" => r_log::answer(&state, &caller, &row, address, uri.query()).await,
        "commits" if address.path.is_empty() => {
            r_log::answer(&state, &caller, &row, address, uri.query()).await
        }
        "commits" => Ok(Json(commit(&state, &caller, &row, &address, uri.query()).await?).into_response()),
        _ => Err(Failure::NotFound),
    }
}

fn refs(state: &AppState, caller: &Caller, row: &Repository) -> RefList {
    let index = state.catalog.snapshot().repo(&caller.access, row.name.as_str());
    let mut refs = Vec::new();
    for revision in index.iter().flat_map(|index| index.ref_table.revisions()) {
        refs.extend(revision.refs.iter().map(|name| RefShape {
            name: name.to_string(),
            commit: revision.commit.to_string(),
            commit_time: revision.commit_time,
        }));
    }
    refs.sort_by(|a, b| a.name.cmp(&b.name));
    RefList { refs }
}

fn tree(repository: &Readable, row: &Repository, address: &RepoAddress) -> Result<TreeShape, Failure> {
    let spot = repository.locate(row, address)?.ok_or(Failure::NotFound)?;
    if spot.kind != EntryKind::Tree {
        return Err(Failure::NotFound);
    }
    let listing = repository.list(&spot, &address.path)?;
    let entry = |entry: &git::TreeEntry| {
        let path = super::r::joined(&address.path, &entry.name);
        EntryShape {
            name: lossy(&entry.name),
            kind: kind_word(entry.kind),
            object: repository.shown_id(entry.kind, entry.id),
            url: path_link(&address.repo, address.rev.as_deref(), super::r::page_for(entry.kind), &path),
        }
    };
    Ok(TreeShape {
        repo: address.repo.to_string(),
        commit: spot.commit.to_string(),
        path: lossy(&address.path),
        entries: listing.entries.iter().map(entry).collect(),
        refused: listing.refused.iter().map(|(name, why)| format!("{name}: {}", why.as_str())).collect(),
    })
}

fn file(repository: &Readable, row: &Repository, address: &RepoAddress) -> Result<FileShape, Failure> {
    let spot = repository.locate(row, address)?.ok_or(Failure::NotFound)?;
    if matches!(spot.kind, EntryKind::Tree | EntryKind::Submodule) {
        return Err(Failure::NotFound);
    }
    let mut shape = FileShape {
        repo: address.repo.to_string(),
        commit: spot.commit.to_string(),
        path: lossy(&address.path),
        kind: kind_word(spot.kind),
        object: spot.id.to_string(),
        size_bytes: repository.size_of(spot.kind, spot.id),
        language: None,
        encoding: None,
        lines: None,
        text: None,
        skipped: None,
        url: path_link(&address.repo, address.rev.as_deref(), "blob", &address.path),
    };
    match repository.content(spot.id, SHOWN_BYTES_MAX) {
        Content::Bytes(bytes) => shape.fill(&bytes, &address.path),
        Content::TooLarge(_) => shape.skipped = Some("too-large"),
        Content::Unreadable => shape.skipped = Some("unreadable"),
    }
    Ok(shape)
}

impl FileShape {
    fn fill(&mut self, bytes: &[u8], path: &[u8]) {
        let limits = DecodeLimits { size_bytes_max: SHOWN_BYTES_MAX as usize };
        match syntax::decode(bytes, &limits) {
            Decoded::Skipped(reason) => self.skipped = Some(reason.as_str()),
            Decoded::Text { utf8, encoding, .. } => {
                let head = &utf8.as_bytes()[..utf8.len().min(syntax::HEAD_BYTES)];
                self.language = syntax::language_name(syntax::detect_language(path, head));
                self.encoding = Some(encoding);
                self.lines = Some(model::LineIndex::new(utf8.as_bytes()).n_lines());
                self.text = Some(utf8.into_owned());
            }
        }
    }
}

async fn commit(
    state: &AppState,
    caller: &Caller,
    row: &Repository,
    address: &RepoAddress,
    query: Option<&str>,
) -> Result<CommitShape, Failure> {
    let asked = address.path.clone();
    let wanted = DiffWanted { colours: None, ..r_compare::wanted(state, query) };
    let read = move |repository: &Readable, watch: &search::Watch| {
        CommitView::read(repository.whole()?, &asked, &wanted, watch)
    };
    let view = git_access::read_watched(state, &caller.access, row, diff_view::TIME_MAX, read).await?;
    let commit = &view.commit;
    Ok(CommitShape {
        repo: row.name.to_string(),
        commit: commit.id.to_string(),
        tree: commit.tree.to_string(),
        parents: commit.parents.iter().map(ToString::to_string).collect(),
        author: PersonShape::of(&commit.author),
        committer: PersonShape::of(&commit.committer),
        message: commit.message.clone(),
        url: crate::links::commit_link(&row.name, commit.id),
        files: view.diff.files.iter().map(ChangedFileShape::of).collect(),
        left_out: view.diff.left_out,
    })
}

impl PersonShape {
    pub(crate) fn of(person: &git::Person) -> Self {
        PersonShape {
            name: person.name.clone(),
            email: person.email.clone(),
            date: crate::format::rfc3339_at(person.seconds, person.offset_seconds / 60),
        }
    }
}

impl ChangedFileShape {
    pub(crate) fn of(file: &FileView) -> Self {
        let hunk = |hunk: &HunkView| ChangedHunkShape {
            header: hunk.header.clone(),
            lines: hunk.lines.iter().map(|line| format!("{}{}", line.sign(), line.text)).collect(),
        };
        ChangedFileShape {
            path: lossy(&file.path),
            old_path: file.old_path.as_deref().map(lossy),
            change: file.change,
            added: file.n_added,
            removed: file.n_removed,
            skipped: file.says,
            hunks: file.hunks.iter().map(hunk).collect(),
        }
    }
}
