//! `/repos`: the repositories, what became of each, and how far the work has come.

use super::api_repos::{self, RepoState};
use crate::caller::Caller;
use crate::failure::Failure;
use crate::format::{count, thousands};
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use serde::Deserialize;

/// How many repositories a page shows.
const N_PAGE: usize = 200;

/// What the form sends.
#[derive(Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    filter: String,
    #[serde(default)]
    sort: String,
    #[serde(default)]
    page: usize,
}

#[derive(Template)]
#[template(path = "repos.html")]
struct ReposPage {
    shell: Shell,
    filter: String,
    n_repos: String,
    columns: Vec<Column>,
    repos: Vec<RepoRow>,
    next: Option<String>,
}

/// A column that sorts.
struct Column {
    title: &'static str,
    class: &'static str,
    url: String,
    /// `ascending` or `descending` where the table is sorted by it.
    sort: Option<&'static str>,
}

/// A repository as a row.
pub(crate) struct RepoRow {
    pub(crate) name: String,
    pub(crate) description: String,
    /// Each with the search for all that carry it.
    pub(crate) topics: Vec<(String, String)>,
    pub(crate) url: String,
    pub(crate) state: &'static str,
    /// `ready`, `busy` or `error`.
    pub(crate) state_class: &'static str,
    pub(crate) percent: Option<u8>,
    pub(crate) left: String,
    pub(crate) error: Option<String>,
    pub(crate) n_refs: String,
    pub(crate) default_branch: String,
    pub(crate) commit: Option<CommitLink>,
    pub(crate) indexed_at: Option<Moment>,
    /// How far its history was read, while it is not all of it.
    pub(crate) history: Option<String>,
}

/// A commit, short and whole.
pub(crate) struct CommitLink {
    pub(crate) id: String,
    pub(crate) short: String,
    pub(crate) url: String,
}

/// The orders a table can have: word in the address, title, style.
const COLUMNS: [(&str, &str, &str); 5] = [
    ("name", "Name", ""),
    ("status", "Status", ""),
    ("refs", "Branches and tags", "num wide"),
    ("branch", "Default branch", "wide"),
    ("age", "Indexed", ""),
];

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Html<String>, Failure> {
    let wanted = asked.filter.trim().to_lowercase();
    let mut repos = api_repos::all(&state, &caller).await?;
    repos.retain(|repo| repo.name.to_lowercase().contains(&wanted));
    sort(&mut repos, &asked.sort);
    let n_repos = repos.len();
    let now_ms = state.now_ms();
    let first = asked.page.min(n_repos).saturating_mul(N_PAGE);
    let rows = repos.iter().skip(first).take(N_PAGE).map(|repo| RepoRow::of(repo, now_ms)).collect();
    let more = first.saturating_add(N_PAGE) < n_repos;
    let page = ReposPage {
        shell: caller.shell("Repositories", "repos"),
        n_repos: count(n_repos as u64, "repository", "repositories"),
        columns: COLUMNS.map(|column| Column::of(column, &asked)).into(),
        repos: rows,
        next: more.then(|| address(&asked.filter, &asked.sort, asked.page + 1)),
        filter: asked.filter,
    };
    Ok(Html(page.render().map_err(Failure::internal)?))
}

impl Column {
    fn of((word, title, class): (&'static str, &'static str, &'static str), asked: &Asked) -> Self {
        let (now, descending) = direction(&asked.sort);
        let is_sorted = now == word || (now.is_empty() && word == "name");
        let next = if is_sorted && !descending { format!("-{word}") } else { word.to_owned() };
        let sort = is_sorted.then_some(if descending { "descending" } else { "ascending" });
        Column { title, class, url: address(&asked.filter, &next, 0), sort }
    }
}

fn direction(sort: &str) -> (&str, bool) {
    sort.strip_prefix('-').map_or((sort, false), |sort| (sort, true))
}

fn sort(repos: &mut [RepoState], by: &str) {
    let (by, descending) = direction(by);
    match by {
        "status" => repos.sort_by_key(|repo| repo.status),
        "refs" => repos.sort_by_key(|repo| repo.refs),
        "branch" => repos.sort_by(|a, b| a.default_branch.cmp(&b.default_branch)),
        "age" => repos.sort_by_key(|repo| std::cmp::Reverse(repo.indexed_at_ms)),
        _ => {}
    }
    if descending {
        repos.reverse();
    }
}

fn address(filter: &str, sort: &str, page: usize) -> String {
    let filter = crate::links::percent::encode(filter.as_bytes());
    let sort = crate::links::percent::encode(sort.as_bytes());
    match page {
        0 => format!("/repos?filter={filter}&sort={sort}"),
        page => format!("/repos?filter={filter}&sort={sort}&page={page}"),
    }
}

/// The search for the repositories that carry a topic.
pub(crate) fn topic_link(topic: &str) -> String {
    crate::links::search_link(&format!("repo:has.topic({topic}) type:repo"))
}

impl RepoRow {
    pub(crate) fn of(repo: &RepoState, now_ms: i64) -> Self {
        let (state, state_class) = match (&repo.progress, repo.status) {
            (Some(progress), _) => (progress.phase, "busy"),
            (None, "cloning" | "indexing") => ("waiting", "busy"),
            (None, "error") => ("error", "error"),
            (None, status) => (status, "ready"),
        };
        let commit = repo.indexed_commit.as_ref().map(|id| CommitLink {
            short: id.chars().take(10).collect(),
            url: format!("{}@{id}", repo.url),
            id: id.clone(),
        });
        RepoRow {
            name: repo.name.clone(),
            description: repo.description.clone(),
            topics: repo.topics.iter().map(|topic| (topic.clone(), topic_link(topic))).collect(),
            url: repo.url.clone(),
            state,
            state_class,
            percent: repo.progress.as_ref().and_then(|progress| progress.percent),
            left: repo.progress.as_ref().map_or(String::new(), |progress| progress.left.clone()),
            error: repo.error.clone(),
            n_refs: thousands(repo.refs as u64),
            default_branch: repo.default_branch.clone().unwrap_or_default(),
            commit,
            history: repo.history.as_ref().filter(|history| history.changes < history.commits).map(
                |history| {
                    let (n_done, n_all) =
                        (thousands(history.changes.into()), thousands(history.commits.into()));
                    let noun = if history.commits == 1 { "commit" } else { "commits" };
                    format!("history: {n_done} of {n_all} {noun}")
                },
            ),
            indexed_at: repo.indexed_at_ms.map(|then_ms| Moment::new(now_ms, then_ms)),
        }
    }
}
