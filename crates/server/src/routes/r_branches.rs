//! Branches and tags, the newest first: `/r/<repo>/-/branches`, and the same below `/api/v1/repos/`.

use super::r::{Crumb, Tool, tools};
use crate::caller::Caller;
use crate::failure::Failure;
use crate::format::{count, thousands};
use crate::git_access;
use crate::links::{RepoAddress, commit_link, query_number, query_value, repo_link, short_unless_odd};
use crate::readable::Readable;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use askama::Template;
use axum::Json;
use axum::response::{Html, IntoResponse, Response};
use model::{ObjectId, RefName};
use serde::Serialize;
use store::Repository;
use utoipa::ToSchema;

/// How many are told at once.
const N_PAGE: usize = 50;
/// How many commits are looked at to tell how far one branch is from the default one. With [`N_PAGE`] the work of one page
/// is bounded by 100,000 commits.
const N_COMMITS_MAX: usize = 2_000;
/// Longest filter.
const FILTER_CHARS_MAX: usize = 200;

/// Branches or tags.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BranchesShape {
    repo: String,
    /// How many there are, whatever page is asked for.
    total: usize,
    branches: Vec<BranchShape>,
    /// What to send as `from` for the next page; null on the last one.
    next: Option<usize>,
}

/// A branch or a tag.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BranchShape {
    /// The full name.
    name: String,
    commit: String,
    /// Seconds since 1970.
    commit_time: i64,
    is_default: bool,
    /// How many commits it has that the default branch has not; null where that was not counted to its end.
    ahead: Option<usize>,
    /// Likewise, the other way round.
    behind: Option<usize>,
    url: String,
}

#[derive(Template)]
#[template(path = "branches.html")]
struct BranchesPage {
    shell: Shell,
    crumbs: Vec<Crumb>,
    rev_shown: String,
    refs: Vec<super::r::RefGroup>,
    path_shown: String,
    tools: Vec<Tool>,
    permalink: Option<String>,
    raw: Option<String>,
    here: String,
    asked: Asked,
    says: String,
    rows: Vec<BranchRow>,
    before_url: Option<String>,
    next_url: Option<String>,
}

/// A row of the page.
struct BranchRow {
    name: String,
    url: String,
    short: String,
    commit_url: Option<String>,
    moment: Moment,
    is_default: bool,
    distance: String,
    compare_url: Option<String>,
}

/// What is asked.
#[derive(Clone, Debug)]
struct Asked {
    filter: String,
    is_tags: bool,
    from: usize,
}

/// A branch or a tag that was found.
struct Found {
    name: RefName,
    commit: ObjectId,
    seconds: i64,
    is_default: bool,
    /// Ahead and behind, where they were counted.
    distance: Option<(usize, usize)>,
}

/// The page.
pub(crate) async fn page(
    state: AppState,
    caller: Caller,
    row: Repository,
    address: RepoAddress,
    query: Option<&str>,
) -> Result<Response, Failure> {
    let asked = Asked::read(query);
    let (found, total) = find(&state, &caller, &row, &asked).await?;
    let mut shell = caller.shell(&format!("Branches and tags · {}", row.name), "repos");
    shell.query = Some(super::r_blob::box_for(&row, &address));
    // SECURITY: who reads a part is told of refs, as the picker does, and of no history.
    let is_whole = caller.access.path_rules(row.id).is_none();
    let here = format!("{}/-/branches", repo_link(&address.repo, None));
    let turn = |from: usize| asked.url(&here, from);
    let page = BranchesPage {
        shell,
        crumbs: vec![Crumb { name: row.name.to_string(), url: Some(repo_link(&row.name, None)) }],
        rev_shown: super::r::rev_shown(&row, &address),
        refs: Vec::new(),
        path_shown: String::new(),
        tools: tools(&caller, &row, &RepoAddress { page: "branches".into(), ..address.clone() }, false),
        permalink: None,
        raw: None,
        says: match asked.is_tags {
            true => count(total as u64, "tag", "tags"),
            false => count(total as u64, "branch", "branches"),
        },
        before_url: (asked.from > 0).then(|| turn(asked.from.saturating_sub(N_PAGE))),
        next_url: (asked.from + found.len() < total).then(|| turn(asked.from + N_PAGE)),
        rows: found.iter().map(|found| found.row(&row, is_whole, state.now_ms())).collect(),
        here,
        asked,
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

/// The same for programs.
pub(crate) async fn answer(
    state: &AppState,
    caller: &Caller,
    row: &Repository,
    query: Option<&str>,
) -> Result<Response, Failure> {
    let asked = Asked::read(query);
    let (found, total) = find(state, caller, row, &asked).await?;
    let next = asked.from + found.len();
    let shape = |found: &Found| BranchShape {
        name: found.name.to_string(),
        commit: found.commit.to_string(),
        commit_time: found.seconds,
        is_default: found.is_default,
        ahead: found.distance.map(|distance| distance.0),
        behind: found.distance.map(|distance| distance.1),
        url: repo_link(&row.name, Some(&short_unless_odd(&found.name))),
    };
    Ok(Json(BranchesShape {
        repo: row.name.to_string(),
        total,
        branches: found.iter().map(shape).collect(),
        next: (next < total && !found.is_empty()).then_some(next),
    })
    .into_response())
}

impl Asked {
    fn read(query: Option<&str>) -> Self {
        let text = |key| {
            let value = query_value(query, key).unwrap_or_default();
            String::from_utf8_lossy(&value).trim().chars().take(FILTER_CHARS_MAX).collect::<String>()
        };
        Asked {
            filter: text("q"),
            is_tags: text("kind") == "tags",
            from: query_number(query, "from").unwrap_or(0),
        }
    }

    /// The address of another page of the same.
    fn url(&self, here: &str, from: usize) -> String {
        let filter =
            crate::links::percent::encode(self.filter.as_bytes()).replace('+', "%2B").replace('&', "%26");
        let kind = if self.is_tags { "tags" } else { "branches" };
        format!("{here}?kind={kind}&q={filter}&from={from}")
    }
}

impl Found {
    fn row(&self, repository: &Repository, is_whole: bool, now_ms: i64) -> BranchRow {
        let rev = short_unless_odd(&self.name);
        let distance = match self.distance {
            Some((0, 0)) => "even".to_owned(),
            Some((ahead, behind)) => {
                format!("{} ahead, {} behind", thousands(ahead as u64), thousands(behind as u64))
            }
            None if self.is_default || !is_whole || self.name.as_str().starts_with("refs/tags/") => {
                String::new()
            }
            None => "far apart".to_owned(),
        };
        let base = repository.default_branch.as_ref().filter(|_| is_whole && !self.is_default);
        BranchRow {
            name: self.name.short().to_owned(),
            url: repo_link(&repository.name, Some(&rev)),
            short: self.commit.to_string().chars().take(10).collect(),
            commit_url: is_whole.then(|| commit_link(&repository.name, self.commit)),
            moment: Moment::new(now_ms, self.seconds.saturating_mul(1_000)),
            is_default: self.is_default,
            distance,
            compare_url: base.map(|base| {
                let encode = |rev: &str| crate::links::percent::encode(rev.as_bytes());
                let range = format!("{}...{}", encode(&short_unless_odd(base)), encode(&rev));
                format!("{}/-/compare/{range}", repo_link(&repository.name, None))
            }),
        }
    }
}

/// A page of them, and how many there are.
async fn find(
    state: &AppState,
    caller: &Caller,
    row: &Repository,
    asked: &Asked,
) -> Result<(Vec<Found>, usize), Failure> {
    let index = state.catalog.snapshot().repo(&caller.access, row.name.as_str());
    let prefix = if asked.is_tags { "refs/tags/" } else { "refs/heads/" };
    let filter = asked.filter.to_lowercase();
    let mut found = Vec::new();
    for revision in index.iter().flat_map(|index| index.ref_table.revisions()) {
        let is_asked = |name: &&RefName| {
            name.as_str().starts_with(prefix) && name.short().to_lowercase().contains(&filter)
        };
        found.extend(revision.refs.iter().filter(is_asked).map(|name| Found {
            name: name.clone(),
            commit: revision.commit,
            seconds: revision.commit_time,
            is_default: row.default_branch.as_ref() == Some(name),
            distance: None,
        }));
    }
    found.sort_by(|a, b| (!a.is_default, -a.seconds, &a.name).cmp(&(!b.is_default, -b.seconds, &b.name)));
    let total = found.len();
    let mut found: Vec<Found> = found.into_iter().skip(asked.from).take(N_PAGE).collect();
    if asked.is_tags || caller.access.path_rules(row.id).is_some() {
        return Ok((found, total));
    }
    let asked_row = row.clone();
    let measured = git_access::read(state, &caller.access, row, move |repository| {
        measure(repository, &asked_row, &mut found)?;
        Ok(found)
    });
    Ok((measured.await?, total))
}

/// Counts how far each is from the default branch.
fn measure(repository: &Readable, row: &Repository, found: &mut [Found]) -> Result<(), Failure> {
    let Some(base) = repository.commit_of(row, None)? else { return Ok(()) };
    let reader = repository.whole()?.reader();
    for found in found.iter_mut().filter(|found| !found.is_default) {
        let related = reader.ancestry(base, found.commit, N_COMMITS_MAX, &|| false).ok();
        let related = related.filter(|related| !related.is_cut);
        found.distance = related.map(|related| (related.only_other.len(), related.only_one.len()));
    }
    Ok(())
}
