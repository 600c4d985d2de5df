//! Searching as zoekt's interfaces ask for it.

use super::pages::Pages;
use super::repositories;
use super::texts::Texts;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::format::rfc3339;
use crate::searching;
use crate::state::AppState;
use compat::Links;
use compat::zoekt::{self, Asked, BranchShape, Kind, RepoEntry, RepoStats, SearchRequest};
use model::RepoName;
use search::{Limits, Match, RepoIndex};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// How many results are shown at most.
const RESULTS_MAX: usize = 10_000;
/// How many lines of one file are looked for.
const LINES_PER_FILE: usize = 500;

/// Why there is no answer.
pub(crate) enum ZoektFailure {
    /// The query is none, or cannot be served.
    Query(String),
    /// Something here is wrong.
    Other(Failure),
}

impl From<Failure> for ZoektFailure {
    fn from(failure: Failure) -> Self {
        ZoektFailure::Other(failure)
    }
}

impl From<zoekt::ParseError> for ZoektFailure {
    fn from(error: zoekt::ParseError) -> Self {
        ZoektFailure::Query(error.to_string())
    }
}

impl ZoektFailure {
    /// What the client is told; what happened inside goes to the log.
    pub(crate) fn message(self) -> String {
        match self {
            ZoektFailure::Query(message) => message,
            ZoektFailure::Other(failure) => {
                tracing::error!(?failure, "a search could not be answered");
                "something went wrong here; it is in the server's log".into()
            }
        }
    }
}

/// Runs a search to its end.
pub(crate) async fn run(
    state: &AppState,
    caller: &Caller,
    asked: Asked,
    display: usize,
    wall_time: Option<Duration>,
) -> Result<searching::Found, ZoektFailure> {
    let base = Limits::default();
    let limits = Limits {
        display: display.clamp(1, RESULTS_MAX),
        lines_per_file: LINES_PER_FILE,
        timeout: wall_time.unwrap_or(base.timeout).min(base.timeout_max),
        ..base
    };
    let found = searching::find(state, caller, asked.query, limits).await?;
    found.map_err(|fault| ZoektFailure::Query(fault.message))
}

/// How many results to look for: some lines of each file.
pub(crate) fn display_of(docs_max: Option<usize>, matches_max: Option<usize>) -> usize {
    let by_docs = docs_max.map_or(RESULTS_MAX, |docs| docs.saturating_mul(100));
    by_docs.min(matches_max.unwrap_or(RESULTS_MAX)).min(RESULTS_MAX)
}

/// Answers `POST /api/search`.
pub(crate) async fn search(
    state: &AppState,
    caller: &Caller,
    request: SearchRequest,
) -> Result<Vec<u8>, ZoektFailure> {
    let mut asked = zoekt::parse(&request.query)?;
    if asked.kind == Kind::Repo {
        let message = "query: type:repo gives repositories, which /api/search cannot carry: ask /api/list";
        return Err(ZoektFailure::Query(message.into()));
    }
    let snapshot = state.catalog.snapshot();
    if let Some(ids) = &request.repo_ids {
        let ids: HashSet<u32> = ids.iter().copied().collect();
        // SECURITY: numbers are looked for among what the caller may read; others are as good as unknown.
        let repos = snapshot.repos(&caller.access).map(|index| index.name.clone());
        let repos: Vec<RepoName> =
            repos.filter(|name| ids.contains(&compat::repository_number(name))).collect();
        asked = asked.within(&repos);
    }
    if request.estimate_only {
        let mut known = caller.access.clone();
        if model::leaks("zoekt-totals") {
            known = state.store.access_set(&access::Actor::LOCAL_OPERATOR).await.unwrap_or(known);
        }
        let n_documents = snapshot.repos(&known).map(|index| u64::from(index.ref_table.n_docs())).sum();
        let stats = zoekt::StatsShape::estimate(n_documents);
        return written(&zoekt::Answer::new(stats, Vec::new(), BTreeMap::new()));
    }
    let display = display_of(request.docs_max, request.matches_max);
    let found = run(state, caller, asked, display, request.wall_time).await?;
    let texts = Texts::new(state, caller);
    let prefix = public_prefix(state);
    let shaping = tokio::task::spawn_blocking(move || {
        let text_of = |repo: &RepoName, blob| texts.get(repo, blob);
        let files = zoekt::FileShaper { request: &request, text_of: &text_of }.files(&found.matches);
        let n_named = found.matches.iter().filter(|found| !matches!(found, Match::Content(_))).count();
        let mut pages = BTreeMap::new();
        for name in found.matches.iter().filter_map(repo_of) {
            if !pages.contains_key(name.as_str()) {
                let page = format!("{prefix}{}@{{{{.Version}}}}/-/blob/{{{{.Path}}}}", Pages.repo(name));
                pages.insert(name.to_string(), page);
            }
        }
        let stats = zoekt::StatsShape::of(&found.stats).with_others(n_named as u64);
        written(&zoekt::Answer::new(stats, files, pages))
    });
    shaping.await.map_err(Failure::internal)?
}

/// The repositories that a query asks for, as the list tells them.
pub(crate) async fn list(
    state: &AppState,
    caller: &Caller,
    query: &str,
) -> Result<Vec<RepoEntry>, ZoektFailure> {
    let asked = zoekt::parse(query)?.as_repos();
    let names = match asked.is_everything {
        true => None,
        false => {
            let found = run(state, caller, asked, RESULTS_MAX, None).await?;
            let names = found.matches.iter().filter_map(repo_of).cloned();
            Some(names.collect::<HashSet<RepoName>>())
        }
    };
    let snapshot = state.catalog.snapshot();
    let prefix = public_prefix(state);
    let mut entries = Vec::new();
    for row in repositories::all(state, caller).await? {
        if names.as_ref().is_some_and(|names| !names.contains(&row.name)) {
            continue;
        }
        let Some(index) = snapshot.repo(&caller.access, row.name.as_str()) else { continue };
        let mut entry = entry(&row, &index, &prefix);
        // SECURITY: sizes are those of all that is indexed, of what may not be read, too.
        if caller.access.path_rules(row.id).is_some() {
            (entry.stats.index_bytes, entry.stats.content_bytes) = (0, 0);
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn entry(row: &store::Repository, index: &Arc<RepoIndex>, prefix: &str) -> RepoEntry {
    let revisions = index.ref_table.revisions();
    let mut branches: Vec<(bool, BranchShape)> = Vec::new();
    for revision in revisions {
        for name in revision.refs.iter().filter(|name| name.as_str().starts_with("refs/heads/")) {
            let is_default = row.default_branch.as_ref() == Some(name);
            let shape = BranchShape { name: name.short().to_owned(), version: revision.commit.to_string() };
            branches.push((!is_default, shape));
        }
    }
    branches.sort_by(|(a, left), (b, right)| a.cmp(b).then_with(|| left.name.cmp(&right.name)));
    let latest = revisions.iter().map(|revision| revision.commit_time).max().unwrap_or(0);
    let indexed_at = row.indexed_at.map_or(0, |moment| moment.0);
    let segments = &index.segments;
    RepoEntry {
        name: row.name.clone(),
        url: format!("{prefix}{}", Pages.repo(&row.name)),
        source: match &row.source {
            // The path of a folder on this machine is nobody's business.
            store::Source::Local(_) => String::new(),
            remote => remote.to_string(),
        },
        branches: branches.into_iter().map(|(_, branch)| branch).collect(),
        has_symbols: true,
        latest_commit_date: rfc3339(latest.saturating_mul(1000)),
        index_time: rfc3339(indexed_at),
        index_time_unix: indexed_at.div_euclid(1000),
        stats: RepoStats {
            repos: 1,
            shards: segments.len() as u64,
            documents: u64::from(index.ref_table.n_docs()),
            index_bytes: segments.iter().map(|segment| segment.size_bytes()).sum::<u64>()
                + index.ref_table.size_bytes(),
            content_bytes: segments.iter().map(|segment| segment.text_bytes()).sum(),
            ..RepoStats::default()
        },
    }
}

fn repo_of(found: &Match) -> Option<&RepoName> {
    match found {
        Match::Content(found) => Some(&found.repo),
        Match::Path(found) => Some(&found.repo),
        Match::Repo(found) => Some(&found.repo),
        Match::Symbol(found) => Some(&found.repo),
        _ => None,
    }
}

/// What stands before paths in addresses for other programs.
pub(crate) fn public_prefix(state: &AppState) -> String {
    let url = state.config.public_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
    url.unwrap_or_default()
}

fn written(answer: &impl serde::Serialize) -> Result<Vec<u8>, ZoektFailure> {
    serde_json::to_vec(answer).map_err(|error| Failure::internal(error).into())
}
