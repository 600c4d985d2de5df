//! Why a file is, or is not, found, in JSON.

use crate::links::{path_link, repo_link, search_link};
use model::RepoName;
use search::{Why, WhySuggestion};
use serde::Serialize;
use utoipa::ToSchema;

/// Why a file is, or is not, found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WhyShape {
    /// Whether it is in the index and, where a query is given, among what the query shows.
    found: bool,
    /// What was looked at, in order.
    steps: Vec<WhyStepShape>,
}

/// One step.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WhyStepShape {
    /// `repository`, `index`, `revision`, `path`, `content`, `setting`, `condition` or `page`.
    pub(crate) what: &'static str,
    /// Whether it holds; null where it is only told.
    pub(crate) holds: Option<bool>,
    /// How deep in the query's tree.
    pub(crate) depth: u8,
    pub(crate) message: String,
    pub(crate) suggestions: Vec<WhySuggestionShape>,
}

/// What might have been meant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WhySuggestionShape {
    /// `repo`, `rev`, `path` or `query`.
    pub(crate) kind: &'static str,
    pub(crate) value: String,
    pub(crate) url: String,
}

impl WhyShape {
    pub(crate) fn of(why: &Why, repo: &RepoName, rev: Option<&str>, path: &[u8]) -> Self {
        let step = |step: &search::WhyStep| WhyStepShape {
            what: step.what.as_str(),
            holds: step.holds,
            depth: step.depth,
            message: step.text.clone(),
            suggestions: step
                .suggestions
                .iter()
                .map(|one| WhySuggestionShape::of(one, repo, rev, path))
                .collect(),
        };
        WhyShape { found: why.is_found, steps: why.steps.iter().map(step).collect() }
    }
}

impl WhySuggestionShape {
    pub(crate) fn of(suggestion: &WhySuggestion, repo: &RepoName, rev: Option<&str>, path: &[u8]) -> Self {
        let (kind, value, url) = match suggestion {
            WhySuggestion::Repo(name) => ("repo", name.to_string(), repo_link(name, None)),
            WhySuggestion::Rev(other) => ("rev", other.clone(), path_link(repo, Some(other), "blob", path)),
            WhySuggestion::Path(other) => ("path", super::lossy(other), path_link(repo, rev, "blob", other)),
            WhySuggestion::Query(query) => ("query", query.clone(), search_link(query)),
        };
        WhySuggestionShape { kind, value, url }
    }
}

/// Writes the answer as the API does, for front ends other than HTTP.
pub fn why_json(why: &Why, repo: &RepoName, rev: Option<&str>, path: &[u8]) -> serde_json::Value {
    serde_json::to_value(WhyShape::of(why, repo, rev, path)).unwrap_or_default()
}
