//! `/`: the box, the repositories by freshness, and a short tour of the language on the reader's own code.

use super::api_repos;
use super::repos::RepoRow;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::format::count;
use crate::paint::{query_box, query_link};
use crate::shell::{QueryBox, QueryLink, Shell};
use crate::state::AppState;
use askama::Template;
use axum::extract::State;
use axum::response::Html;
use std::cmp::Reverse;

/// How many repositories the page names.
const N_REPOS_SHOWN: usize = 12;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    shell: Shell,
    query: QueryBox,
    repos: Vec<RepoRow>,
    n_repos: String,
    tour: Vec<QueryLink>,
}

/// The page.
pub(crate) async fn page(State(state): State<AppState>, caller: Caller) -> Result<Html<String>, Failure> {
    let mut repos = api_repos::all(&state, &caller).await?;
    // What is being worked on first, then the freshest.
    repos.sort_by_key(|repo| (repo.progress.is_none(), Reverse(repo.indexed_at_ms)));
    let now_ms = state.now_ms();
    let freshest = repos.iter().find(|repo| repo.indexed_at_ms.is_some()).map(|repo| repo.name.as_str());
    let mut shell = caller.shell("Search", "home");
    shell.query = None;
    let page = HomePage {
        shell,
        query: QueryBox { big: true, focus: true, ..query_box("") },
        n_repos: match repos.len() {
            n if n > N_REPOS_SHOWN => format!("all {}", count(n as u64, "repository", "repositories")),
            n => count(n as u64, "repository", "repositories"),
        },
        tour: tour(freshest),
        repos: repos.iter().take(N_REPOS_SHOWN).map(|repo| RepoRow::of(repo, now_ms)).collect(),
    };
    Ok(Html(page.render().map_err(Failure::internal)?))
}

/// Queries that show the language, each runnable as it stands.
fn tour(freshest: Option<&str>) -> Vec<QueryLink> {
    let mut tour = vec![
        query_link("TODO", "a word, anywhere: in a line or in a path"),
        query_link("\"not implemented\"", "exactly this, spaces included"),
        query_link("/fn \\w+_test\\(/ OR /def test_\\w+\\(/", "regular expressions, one or the other"),
        query_link("file:(^|/)README type:path", "files by their path"),
        query_link("password -file:test lang:Python", "not in tests, in one language"),
        query_link("deprecated count:all", "find and count every one"),
    ];
    if let Some(name) = freshest {
        let filter = format!("repo:^{}$", super::complete::escape_regex(name));
        tour.insert(1, query_link(&format!("{filter} error"), "in one repository"));
        tour.push(query_link(&format!("{filter} rev:*refs/* FIXME"), "on all of its branches and tags"));
    }
    tour
}
