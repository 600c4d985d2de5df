//! Two revisions compared: `/r/<repo>/-/compare/<from>...<to>`, and the same below `/api/v1/repos/`.

use super::api_files::{ChangedFileShape, PersonShape};
use crate::caller::Caller;
use crate::compare_view::{CompareView, N_COMMITS_MAX, Range};
use crate::diff_blocks::{DiffBlocks, DiffPlace};
use crate::diff_view::{self, DiffWanted};
use crate::failure::Failure;
use crate::format::thousands;
use crate::git_access;
use crate::links::{RepoAddress, commit_link, path_link, query_value, repo_link};
use crate::readable::Readable;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use askama::Template;
use axum::Json;
use axum::response::{Html, IntoResponse, Redirect, Response};
use git::Commit;
use model::{ObjectId, RepoName};
use serde::Serialize;
use store::Repository;
use utoipa::ToSchema;

/// Two revisions compared.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CompareShape {
    repo: String,
    /// The commits that the two revisions mean.
    from: String,
    to: String,
    /// Where their histories parted; null where they have nothing in common.
    merge_base: Option<String>,
    /// What `files` are counted from: the merge base of `from...to`, `from` itself of `from..to`.
    base: String,
    /// How many commits `to` has that `from` has not, and the other way round.
    ahead: usize,
    behind: usize,
    /// Those that `to` has more, newest first, at most 250.
    commits: Vec<ComparedCommitShape>,
    files: Vec<ChangedFileShape>,
    /// What is not told, in sentences.
    left_out: Vec<String>,
    url: String,
}

/// A commit of a comparison.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ComparedCommitShape {
    commit: String,
    subject: String,
    author: PersonShape,
    url: String,
}

#[derive(Template)]
#[template(path = "compare.html")]
struct ComparePage {
    shell: Shell,
    repo: String,
    repo_url: String,
    form_url: String,
    from: String,
    to: String,
    refs: Vec<String>,
    found: Option<Compared>,
}

struct Compared {
    says: String,
    base: Option<CommitRow>,
    commits: Vec<CommitRow>,
    rest: Option<String>,
    swapped_url: String,
    json_url: String,
    diff: DiffBlocks,
}

struct CommitRow {
    short: String,
    url: String,
    subject: String,
    author: String,
    moment: Moment,
}

/// The resource of the API.
pub(crate) async fn answer(
    state: &AppState,
    caller: &Caller,
    row: &Repository,
    address: &RepoAddress,
    query: Option<&str>,
) -> Result<Response, Failure> {
    let range = Range::parse(&address.path).ok_or(Failure::NotFound)?;
    let wanted = DiffWanted { colours: None, ..wanted(state, query) };
    let view = look(state, caller, row, range.clone(), wanted).await?;
    let commit = |commit: &Commit| ComparedCommitShape {
        commit: commit.id.to_string(),
        subject: commit.subject().to_owned(),
        author: PersonShape::of(&commit.author),
        url: commit_link(&row.name, commit.id),
    };
    Ok(Json(CompareShape {
        repo: row.name.to_string(),
        from: view.from.to_string(),
        to: view.to.to_string(),
        merge_base: view.merge_base.map(|id| id.to_string()),
        base: view.base.to_string(),
        ahead: view.n_ahead,
        behind: view.n_behind,
        commits: view.commits.iter().map(commit).collect(),
        files: view.diff.files.iter().map(ChangedFileShape::of).collect(),
        left_out: view.diff.left_out,
        url: link(&row.name, &range),
    })
    .into_response())
}

/// The page. Without a range it asks for one; what the form sends is led to its address.
pub(crate) async fn page(
    state: AppState,
    caller: Caller,
    row: Repository,
    address: RepoAddress,
    query: Option<&str>,
) -> Result<Response, Failure> {
    let text = |key| query_value(query, key).and_then(|value| String::from_utf8(value).ok());
    if caller.access.path_rules(row.id).is_some() && !model::leaks("path-rules-in-git") {
        return Err(Failure::NotFound);
    }
    if let (true, Some(to)) = (address.path.is_empty(), text("to")) {
        let range = Range { from: text("from").unwrap_or_default(), to, from_merge_base: true };
        let is_range = Range::parse(range.text().as_bytes()).is_some();
        return if is_range {
            Ok(Redirect::to(&link(&row.name, &range)).into_response())
        } else {
            Err(Failure::NotFound)
        };
    }
    let range = match address.path.is_empty() {
        true => None,
        false => Some(Range::parse(&address.path).ok_or(Failure::NotFound)?),
    };
    let mut page = frame(&state, &caller, &row, range.as_ref());
    if let Some(range) = range {
        let wanted = wanted(&state, query);
        let view = look(&state, &caller, &row, range.clone(), wanted.clone()).await?;
        let is_split = text("view").is_some_and(|view| view == "split");
        page.found = Some(Compared::of(&view, &range, &row.name, &wanted, is_split, state.now_ms()));
    }
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

/// What a request wants of a difference.
pub(crate) fn wanted(state: &AppState, query: Option<&str>) -> DiffWanted {
    DiffWanted {
        ignores_spaces: query_value(query, "w").is_some_and(|value| value == b"1"),
        only: query_value(query, "file").filter(|path| !path.is_empty()),
        colours: Some(state.config.highlight_time),
    }
}

async fn look(
    state: &AppState,
    caller: &Caller,
    row: &Repository,
    range: Range,
    wanted: DiffWanted,
) -> Result<CompareView, Failure> {
    let asked_row = row.clone();
    let read = move |repository: &Readable, watch: &search::Watch| {
        CompareView::read(repository, &asked_row, &range, &wanted, watch)
    };
    git_access::read_watched(state, &caller.access, row, diff_view::TIME_MAX, read).await
}

/// The address of a comparison.
pub(crate) fn link(repo: &RepoName, range: &Range) -> String {
    path_link(repo, None, "compare", range.text().as_bytes())
}

fn frame(state: &AppState, caller: &Caller, row: &Repository, range: Option<&Range>) -> ComparePage {
    let title = range.map_or("Compare".to_owned(), |range| format!("Compare {}", range.text()));
    let mut shell = caller.shell(&format!("{title} · {}", row.name), "repos");
    shell.query = Some(crate::paint::query_box(&format!(
        "repo:^{}$ ",
        super::complete::escape_regex(row.name.as_str())
    )));
    let index = state.catalog.snapshot().repo(&caller.access, row.name.as_str());
    let mut refs: Vec<String> = index
        .iter()
        .flat_map(|index| index.ref_table.revisions())
        .flat_map(|revision| revision.refs.iter().map(crate::links::short_unless_odd))
        .take(200)
        .collect();
    refs.sort();
    refs.dedup();
    let default = row.default_branch.as_ref().map_or(String::new(), |name| name.short().to_owned());
    ComparePage {
        shell,
        repo: row.name.to_string(),
        repo_url: repo_link(&row.name, None),
        form_url: format!("{}/-/compare", repo_link(&row.name, None)),
        from: range.map_or(default, |range| range.from.clone()),
        to: range.map_or(String::new(), |range| range.to.clone()),
        refs,
        found: None,
    }
}

impl Compared {
    fn of(
        view: &CompareView,
        range: &Range,
        repo: &RepoName,
        wanted: &DiffWanted,
        is_split: bool,
        now_ms: i64,
    ) -> Self {
        let here = link(repo, range);
        let swapped = Range { from: range.to.clone(), to: range.from.clone(), ..range.clone() };
        let place = DiffPlace {
            repo,
            here: &here,
            is_split,
            ignores_spaces: wanted.ignores_spaces,
            only: wanted.only.as_deref(),
            old: Some(view.base),
            new: view.to,
        };
        let count = |n: usize, word: &str| {
            format!("{} {}", thousands(n as u64), if n == 1 { word.to_owned() } else { format!("{word}s") })
        };
        let n_rest = view.n_ahead.saturating_sub(view.commits.len());
        let base = view.merge_base.map(|id| CommitRow {
            short: short(id),
            url: commit_link(repo, id),
            subject: String::new(),
            author: String::new(),
            moment: Moment::new(now_ms, now_ms),
        });
        Compared {
            says: format!(
                "{} ahead, {} behind",
                count(view.n_ahead, "commit"),
                thousands(view.n_behind as u64)
            ),
            base,
            commits: view.commits.iter().map(|commit| CommitRow::of(commit, repo, now_ms)).collect(),
            rest: (n_rest > 0).then(|| {
                format!(
                    "{} more are not listed: a comparison lists {N_COMMITS_MAX}.",
                    thousands(n_rest as u64)
                )
            }),
            swapped_url: link(repo, &swapped),
            json_url: here.replacen("/r/", "/api/v1/repos/", 1),
            diff: DiffBlocks::of(&view.diff, &place),
        }
    }
}

fn short(id: ObjectId) -> String {
    id.to_string().chars().take(10).collect()
}

impl CommitRow {
    fn of(commit: &Commit, repo: &RepoName, now_ms: i64) -> Self {
        let subject: String = commit.subject().chars().take(200).collect();
        CommitRow {
            short: short(commit.id),
            url: commit_link(repo, commit.id),
            subject: if subject.is_empty() { "(no message)".into() } else { subject },
            author: commit.author.name.chars().take(100).collect(),
            moment: Moment::new(now_ms, commit.author.seconds.saturating_mul(1000)),
        }
    }
}
