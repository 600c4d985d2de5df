//! Who wrote the commits of the default branch, of all of it or of a path: `/r/<repo>/-/contributors[/<path>]`, and the same below `/api/v1/repos/`.

use super::r::{Crumb, Notice, Tool, crumbs, tools};
use crate::browse::Content;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::format::{count, thousands};
use crate::git_access;
use crate::links::{RepoAddress, path_link, percent, query_value, with_query};
use crate::log_view::seconds_of;
use crate::readable::Readable;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use crate::wire::lossy;
use askama::Template;
use axum::Json;
use axum::response::{Html, IntoResponse, Response};
use git::{EntryKind, Mailmap};
use search::{Contributions, Contributor};
use serde::Serialize;
use std::collections::HashMap;
use store::Repository;
use utoipa::ToSchema;

/// How many people are told.
const N_PEOPLE_MAX: usize = 500;
/// Largest `.mailmap` that is read, in bytes.
const MAILMAP_BYTES_MAX: u64 = 1 << 20;

/// Who wrote the commits of the default branch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ContributorsShape {
    repo: String,
    /// Empty for the whole repository.
    path: String,
    /// Commits of all of them; merges are not counted.
    commits: u64,
    /// How many people there are in all.
    total: usize,
    people: Vec<ContributorShape>,
    /// What is not told, in sentences.
    left_out: Vec<String>,
}

/// Somebody who wrote commits, as `.mailmap` has it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ContributorShape {
    name: String,
    email: String,
    commits: u32,
    /// RFC 3339.
    first: String,
    /// RFC 3339.
    last: String,
}

#[derive(Template)]
#[template(path = "contributors.html")]
struct ContributorsPage {
    shell: Shell,
    crumbs: Vec<Crumb>,
    rev_shown: String,
    refs: Vec<super::r::RefGroup>,
    path_shown: String,
    tools: Vec<Tool>,
    permalink: Option<String>,
    raw: Option<String>,
    state: Option<Notice>,
    here: String,
    since: String,
    says: String,
    left_out: Vec<String>,
    rows: Vec<PersonRow>,
}

/// A row of the page.
struct PersonRow {
    name: String,
    email: String,
    commits: String,
    /// In hundredths of the most that anybody wrote.
    width: u32,
    last: Moment,
    url: String,
}

/// People, and what is said of them.
struct People {
    people: Vec<Contributor>,
    total: usize,
    n_commits: u64,
    left_out: Vec<String>,
    /// Whether what they wrote is a file, and not a folder.
    is_file: bool,
}

/// The page.
pub(crate) async fn page(
    state: AppState,
    caller: Caller,
    row: Repository,
    address: RepoAddress,
    query: Option<&str>,
) -> Result<Response, Failure> {
    let (since, since_seconds) = since_of(query)?;
    let people = find(&state, &caller, &row, &address, since_seconds).await?;
    let path_shown = lossy(&address.path);
    let of =
        if path_shown.is_empty() { row.name.to_string() } else { format!("{path_shown} · {}", row.name) };
    let mut shell = caller.shell(&format!("Contributors · {of}"), "repos");
    shell.query = Some(super::r_blob::box_for(&row, &address));
    let mut page = ContributorsPage {
        shell,
        crumbs: crumbs_of(&address),
        rev_shown: super::r::rev_shown(&row, &address),
        refs: Vec::new(),
        path_shown,
        tools: tools(&caller, &row, &address, people.as_ref().is_some_and(|people| people.is_file)),
        permalink: None,
        raw: None,
        state: None,
        here: path_link(&address.repo, address.rev.as_deref(), "contributors", &address.path),
        since,
        says: String::new(),
        left_out: Vec::new(),
        rows: Vec::new(),
    };
    match people {
        None => page.state = Some(not_read()),
        Some(people) => page.fill(people, &address, state.now_ms()),
    }
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

/// The same for programs.
pub(crate) async fn answer(
    state: &AppState,
    caller: &Caller,
    row: &Repository,
    address: &RepoAddress,
    query: Option<&str>,
) -> Result<Response, Failure> {
    let (_, since_seconds) = since_of(query)?;
    let people = find(state, caller, row, address, since_seconds).await?;
    let people = people.unwrap_or_else(|| People {
        people: Vec::new(),
        total: 0,
        n_commits: 0,
        left_out: vec![not_read().detail],
        is_file: false,
    });
    let rfc3339 = |seconds: i64| crate::format::rfc3339(seconds.saturating_mul(1_000));
    let shape = |one: &Contributor| ContributorShape {
        name: one.name.clone(),
        email: one.email.clone(),
        commits: one.n_commits,
        first: rfc3339(one.first_seconds),
        last: rfc3339(one.last_seconds),
    };
    Ok(Json(ContributorsShape {
        repo: row.name.to_string(),
        path: lossy(&address.path),
        commits: people.n_commits,
        total: people.total,
        people: people.people.iter().map(shape).collect(),
        left_out: people.left_out,
    })
    .into_response())
}

impl ContributorsPage {
    fn fill(&mut self, people: People, address: &RepoAddress, now_ms: i64) {
        self.says = format!(
            "{} by {}; merges are not counted",
            count(people.n_commits, "commit", "commits"),
            count(people.total as u64, "person", "people")
        );
        let history = super::r_log::link(&address.repo, address.rev.as_deref(), &address.path);
        let most = people.people.first().map_or(1, |one| one.n_commits.max(1));
        let person = |one: &Contributor| {
            let author = percent::encode(one.email.as_bytes()).replace('+', "%2B").replace('&', "%26");
            PersonRow {
                name: one.name.chars().take(100).collect(),
                email: one.email.chars().take(200).collect(),
                commits: thousands(one.n_commits.into()),
                width: (u64::from(one.n_commits) * 100).div_ceil(u64::from(most)) as u32,
                last: Moment::new(now_ms, one.last_seconds.saturating_mul(1_000)),
                url: with_query(&history, &format!("author={author}")),
            }
        };
        self.rows = people.people.iter().map(person).collect();
        self.left_out = people.left_out;
    }
}

/// The path as links, the last of them too: this page is about what stands there.
fn crumbs_of(address: &RepoAddress) -> Vec<Crumb> {
    let mut crumbs = crumbs(address);
    if let Some(last) = crumbs.last_mut() {
        last.url = Some(path_link(&address.repo, address.rev.as_deref(), "tree", &address.path));
    }
    crumbs
}

fn not_read() -> Notice {
    Notice {
        title: "Not read yet".into(),
        detail: "The history of this repository is not read yet. Look again in a moment.".into(),
    }
}

/// The day since which commits count, as it was written and as a second.
fn since_of(query: Option<&str>) -> Result<(String, i64), Failure> {
    let written = query_value(query, "since").unwrap_or_default();
    let written = String::from_utf8_lossy(&written).trim().to_owned();
    if written.is_empty() {
        return Ok((written, i64::MIN));
    }
    let seconds = seconds_of(&written);
    let seconds = seconds.ok_or_else(|| Failure::BadRequest("A day is written like 2026-11-22.".into()))?;
    Ok((written, seconds))
}

/// Who they are; `None` where the history is not read yet.
async fn find(
    state: &AppState,
    caller: &Caller,
    row: &Repository,
    address: &RepoAddress,
    since: i64,
) -> Result<Option<People>, Failure> {
    let (reading, access, asked) = (state.clone(), caller.access.clone(), row.clone());
    let address = address.clone();
    git_access::read(state, &caller.access, row, move |repository| {
        // SECURITY: who wrote what is history, which a reader of a part may not know.
        repository.whole()?;
        let spot = repository.locate(&asked, &address)?;
        let is_file = spot.is_some_and(|spot| !matches!(spot.kind, EntryKind::Tree | EntryKind::Submodule));
        let (snapshot, name) = (reading.catalog.snapshot(), asked.name.as_str());
        let found = snapshot.contributors(&access, name, &address.path, since).map_err(Failure::internal)?;
        Ok(found.map(|found| People { is_file, ..People::of(found, &mailmap(repository, &asked)) }))
    })
    .await
}

fn mailmap(repository: &Readable, row: &Repository) -> Mailmap {
    let spot = repository
        .commit_of(row, None)
        .ok()
        .flatten()
        .and_then(|commit| repository.at(commit, b".mailmap").ok());
    match spot.map(|spot| repository.content(spot.id, MAILMAP_BYTES_MAX)) {
        Some(Content::Bytes(bytes)) => Mailmap::parse(&bytes),
        _ => Mailmap::default(),
    }
}

impl People {
    fn of(found: Contributions, mailmap: &Mailmap) -> Self {
        let Contributions { people: found, n_untold } = found;
        let n_commits = found.iter().map(|one| u64::from(one.n_commits)).sum();
        let mut by_email = HashMap::<String, Contributor>::new();
        for one in found {
            let (name, email) = mailmap.resolve(&one.name, &one.email);
            // Who has no address is told apart by the name. The name of most commits stays: it comes first.
            let key = if email.is_empty() { name.clone() } else { email.to_lowercase() };
            match by_email.get_mut(&key) {
                None => drop(by_email.insert(key, Contributor { name, email, ..one })),
                Some(known) => {
                    known.n_commits += one.n_commits;
                    known.first_seconds = known.first_seconds.min(one.first_seconds);
                    known.last_seconds = known.last_seconds.max(one.last_seconds);
                }
            }
        }
        let mut people: Vec<Contributor> = by_email.into_values().collect();
        people.sort_by_cached_key(|one| {
            (std::cmp::Reverse(one.n_commits), one.name.clone(), one.email.clone())
        });
        let total = people.len();
        people.truncate(N_PEOPLE_MAX);
        let mut left_out = match total - people.len() {
            0 => Vec::new(),
            n => vec![format!("{} who wrote less are not listed.", count(n as u64, "person", "people"))],
        };
        if n_untold > 0 {
            let n = count(n_untold.into(), "commit is", "commits are");
            left_out.push(format!("{n} not counted: what they changed is not known here (yet)."));
        }
        People { people, total, n_commits, left_out, is_file: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_counted_once() {
        let one = |name: &str, email: &str, n_commits, seconds| Contributor {
            name: name.into(),
            email: email.into(),
            n_commits,
            first_seconds: seconds,
            last_seconds: seconds,
        };
        let found = vec![one("Ada", "ada@new", 5, 10), one("bob", "b@x", 4, 5), one("ada", "ADA@old", 2, 3)];
        let found = Contributions { people: found, n_untold: 1 };
        let people = People::of(found, &Mailmap::parse(b"Ada <ada@new> <ada@old>\n"));
        assert_eq!((people.total, people.n_commits), (2, 11));
        assert_eq!(people.left_out, ["1 commit is not counted: what they changed is not known here (yet)."]);
        let ada = &people.people[0];
        assert_eq!(
            (ada.name.as_str(), ada.n_commits, ada.first_seconds, ada.last_seconds),
            ("Ada", 7, 3, 10)
        );
    }
}
