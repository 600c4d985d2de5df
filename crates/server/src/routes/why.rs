//! "Why is this file not found?": `/why`, and `/api/v1/repos/<repo>[@rev]/-/why/<path>?q=`.

use super::search_view::FaultView;
use crate::caller::Caller;
use crate::failure::{Failure, QueryFault};
use crate::git_access;
use crate::links::{RepoAddress, path_link, search_link};
use crate::markup::Html;
use crate::searching;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use crate::wire::{WhyShape, WhySuggestionShape, lossy};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{Html as HtmlPage, IntoResponse, Response};
use model::RepoName;
use search::{CancelToken, Limits, Why, WhyAsked, WhyStep, WhyWhat};
use serde::Deserialize;
use std::sync::Arc;

/// What the form sends.
#[derive(Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    repo: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    rev: String,
    #[serde(default)]
    q: String,
}

#[derive(Template)]
#[template(path = "why.html")]
struct WhyPage {
    shell: Shell,
    repo: String,
    path: String,
    rev: String,
    q: String,
    fault: Option<FaultView>,
    verdict: Option<Verdict>,
    steps: Vec<StepView>,
    file_url: String,
    search_url: String,
    /// The page of all files that are not searched, where the repository is indexed.
    skipped_url: String,
}

/// The answer in a line.
struct Verdict {
    found: bool,
    says: Html,
}

/// One step.
struct StepView {
    class: &'static str,
    mark: &'static str,
    /// What a screen reader hears for the mark.
    says: &'static str,
    depth: u8,
    text: Html,
    suggestions: Vec<WhySuggestionShape>,
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let mut page = WhyPage {
        shell: caller.shell("Why is this file not found?", "search"),
        repo: asked.repo.trim().to_owned(),
        path: asked.path.trim().trim_matches('/').to_owned(),
        rev: asked.rev.trim().to_owned(),
        q: asked.q.trim().to_owned(),
        fault: None,
        verdict: None,
        steps: Vec::new(),
        file_url: String::new(),
        search_url: search_link(asked.q.trim()),
        skipped_url: String::new(),
    };
    if page.repo.is_empty() || page.path.is_empty() {
        return page.respond();
    }
    let name = RepoName::new(page.repo.clone())
        .map_err(|_| Failure::BadRequest("This cannot be the name of a repository.".into()))?;
    let rev = (!page.rev.is_empty()).then(|| page.rev.clone());
    let address = RepoAddress { repo: name, rev, page: "why".into(), path: page.path.clone().into_bytes() };
    match why(&state, &caller, &address, &page.q).await? {
        Ok(why) => page.fill(&address, &why),
        Err(fault) => page.fault = Some(FaultView::of(&page.q, &fault)),
    }
    page.respond()
}

/// The resource of the API.
pub(crate) async fn answer(
    state: &AppState,
    caller: &Caller,
    address: &RepoAddress,
    q: &str,
) -> Result<Response, Failure> {
    let why = why(state, caller, address, q).await?.map_err(|fault| Failure::BadQuery(Box::new(fault)))?;
    Ok(axum::Json(WhyShape::of(&why, &address.repo, address.rev.as_deref(), &address.path)).into_response())
}

/// Asks the engine, then, where the index has no such file, git.
async fn why(
    state: &AppState,
    caller: &Caller,
    address: &RepoAddress,
    q: &str,
) -> Result<Result<Why, QueryFault>, Failure> {
    let query = match q.is_empty() {
        true => None,
        false => match searching::parse(q) {
            Ok(query) => Some(query),
            Err(fault) => return Ok(Err(fault)),
        },
    };
    let query = match query {
        Some(query) => match searching::expanded(state, caller, query).await? {
            Ok(query) => Some(query),
            Err(fault) => return Ok(Err(fault)),
        },
        None => None,
    };
    let place = state
        .search_places
        .enter(caller.actor.user_id().map(|user| user.0))
        .await
        .map_err(Failure::internal)?;
    let (searcher, snapshot, access) =
        (Arc::clone(&state.searcher), state.catalog.snapshot(), caller.access.clone());
    let limits = Limits { display: state.config.n_results_page, ..Limits::default() };
    let limits = searching::limits_of(state, caller, limits);
    let called_off = searching::CalledOff(CancelToken::new());
    let token = called_off.0.clone();
    let asked = address.clone();
    let asking = tokio::task::spawn_blocking(move || {
        let _place = place;
        let asked = WhyAsked {
            repo: &asked.repo,
            path: &asked.path,
            rev: asked.rev.as_deref(),
            query: query.as_ref(),
        };
        searcher.why_not(&snapshot, &access, asked, &limits, &token)
    });
    let mut why = match asking.await.map_err(Failure::internal)? {
        Ok(why) => why,
        Err(error) => return Ok(Err(searching::of_engine(error))),
    };
    // SECURITY: the row comes under the caller's rights; without it nothing more is said.
    let row = state.store.repository_by_name(&caller.access, &address.repo).await?;
    let Some(row) = row else { return Ok(Ok(why)) };
    let told = |what, holds, text| WhyStep { what, holds, depth: 0, text, suggestions: Vec::new() };
    let indexed = row.indexed_at.map(|at| Moment::new(state.now_ms(), at.0).ago);
    if let Some(ago) = indexed {
        let at = why.steps.len().min(1);
        let text = format!("It was last indexed {ago}.");
        why.steps.insert(at, told(WhyWhat::Index, None, text));
    }
    if let Some(error) = &row.error {
        let at = why.steps.len().min(2);
        let text = format!("The last attempt said: {}", searching::sentence(error));
        why.steps.insert(at, told(WhyWhat::Index, None, text));
    }
    if why.is_missing {
        let asked = address.clone();
        let looked = git_access::read(state, &caller.access, &row, move |repository| {
            Ok(mirror::why_in_git(repository.whole()?, asked.rev.as_deref(), &asked.path))
        });
        match looked.await {
            Ok(step) => why.steps.push(step),
            Err(_) => why.steps.push(told(WhyWhat::Index, None, "git cannot be asked just now.".into())),
        }
    }
    Ok(Ok(why))
}

impl WhyPage {
    fn fill(&mut self, address: &RepoAddress, why: &Why) {
        let rev = address.rev.as_deref();
        self.file_url = path_link(&address.repo, rev, "blob", &address.path);
        let is_indexed =
            why.steps.iter().any(|step| step.what == WhyWhat::Revision && step.holds == Some(true));
        if is_indexed {
            self.skipped_url = super::r_skipped::link(&address.repo, rev);
        }
        let first_no = why.steps.iter().find(|step| step.holds == Some(false));
        let says = match (why.is_found, self.q.is_empty(), first_no) {
            (true, true, _) => "This file is in the index.".to_owned(),
            (true, false, _) => "The query finds this file.".to_owned(),
            (false, _, Some(step)) => step.text.clone(),
            (false, _, None) => "This file is not found.".to_owned(),
        };
        self.verdict = Some(Verdict { found: why.is_found, says: Html::with_code(&says) });
        self.steps = why.steps.iter().map(|step| StepView::of(step, address)).collect();
    }

    fn respond(&self) -> Result<Response, Failure> {
        Ok(HtmlPage(self.render().map_err(Failure::internal)?).into_response())
    }
}

impl StepView {
    fn of(step: &WhyStep, address: &RepoAddress) -> Self {
        let (class, mark, says) = match step.holds {
            Some(true) => ("yes", "✓", "yes: "),
            Some(false) => ("no", "✗", "no: "),
            None => ("note", "·", ""),
        };
        let suggestion =
            |one| WhySuggestionShape::of(one, &address.repo, address.rev.as_deref(), &address.path);
        StepView {
            class,
            mark,
            says,
            depth: step.depth.min(6),
            text: Html::with_code(&step.text),
            suggestions: step.suggestions.iter().map(suggestion).collect(),
        }
    }
}

/// The address of the page for a query, for the empty state of results.
pub(crate) fn link_for_query(q: &str) -> String {
    search_link(q).replacen("/search", "/why", 1)
}

/// The address of the page for a file.
pub(crate) fn link_for_file(address: &RepoAddress) -> String {
    let encode = |text: &str| crate::links::percent::encode(text.as_bytes());
    let rev = address.rev.as_deref().map_or(String::new(), |rev| format!("&rev={}", encode(rev)));
    format!("/why?repo={}&path={}{rev}", encode(address.repo.as_str()), encode(&lossy(&address.path)))
}
