//! What a stream tells beside results: progress, filters, alerts.

use search::{Facet, Facets, Severity, Skipped, SkippedReason, Stats};
use serde::Serialize;

/// How many results are looked for where the query has no `count:`.
pub const RESULTS_MAX: usize = 10_000;

/// `progress`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProgressEvent {
    done: bool,
    repositories_count: u64,
    match_count: u64,
    duration_ms: u64,
    skipped: Vec<SkippedShape>,
}

#[derive(Clone, Debug, Serialize)]
struct SkippedShape {
    reason: &'static str,
    title: String,
    message: String,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggested: Option<SuggestedShape>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SuggestedShape {
    title: String,
    query_expression: String,
}

impl ProgressEvent {
    /// The counts so far. `n_other` are results that are no occurrences in content: paths, repositories and the like.
    pub fn of(stats: &Stats, n_other: u64, done: bool) -> Self {
        ProgressEvent {
            done,
            repositories_count: stats.repos,
            match_count: stats.matches + n_other,
            duration_ms: u64::try_from(stats.duration.as_millis()).unwrap_or(u64::MAX),
            skipped: stats.skipped.iter().map(SkippedShape::of).collect(),
        }
    }

    /// Adds that results were found and not sent, because the client asked for no more.
    pub fn with_display_limit(mut self, display: usize) -> Self {
        self.skipped.push(SkippedShape {
            reason: "display",
            title: "display limit hit".into(),
            message: format!(
                "{display} {} sent, as was asked for with display={display}.",
                if display == 1 { "result is" } else { "results are" }
            ),
            severity: "info",
            suggested: None,
        });
        self
    }
}

impl SkippedShape {
    fn of(skipped: &Skipped) -> Self {
        let reason = match skipped.reason {
            SkippedReason::DisplayLimit => "shard-match-limit",
            SkippedReason::Timeout | SkippedReason::Cancelled => "shard-timeout",
            SkippedReason::RepoDamaged => "backend-missing",
            SkippedReason::RepoFailed => "repository-missing",
            SkippedReason::RepoCloning | SkippedReason::RepoIndexing => "repository-cloning",
            SkippedReason::ExcludedFork => "repository-fork",
            SkippedReason::ExcludedArchived => "excluded-archive",
            other => other.as_str(),
        };
        let suggested = skipped.suggested_query.as_ref().map(|query| SuggestedShape {
            title: "search for all of it".into(),
            query_expression: query.clone(),
        });
        SkippedShape {
            reason,
            title: skipped.title.clone(),
            message: skipped.message.clone(),
            severity: if skipped.severity == Severity::Warning { "warn" } else { "info" },
            suggested,
        }
    }
}

/// An entry of `filters`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterEvent {
    value: String,
    label: String,
    count: u64,
    exhaustive: bool,
    /// What older clients read for `exhaustive`.
    limit_hit: bool,
    kind: &'static str,
}

/// The content of `filters`.
pub fn filters(facets: &Facets, is_complete: bool) -> Vec<FilterEvent> {
    let of = |kind: &'static str, facets: &[Facet]| -> Vec<FilterEvent> {
        let shape = |facet: &Facet| FilterEvent {
            value: facet.filter.clone(),
            label: facet.value.clone(),
            count: facet.n_files,
            exhaustive: is_complete,
            limit_hit: !is_complete,
            kind,
        };
        facets.iter().map(shape).collect()
    };
    let mut all = of("repo", &facets.repos);
    all.extend(of("lang", &facets.languages));
    all.extend(of("file", &facets.paths));
    all
}

/// `alert`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// A few words.
    pub title: String,
    /// A sentence or two.
    pub description: String,
    /// The kind, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Queries that mend it.
    pub proposed_queries: Vec<ProposedQuery>,
}

/// A query that mends what an alert tells of.
#[derive(Clone, Debug, Serialize)]
pub struct ProposedQuery {
    /// What it does.
    pub description: String,
    /// The query.
    pub query: String,
}

impl Alert {
    /// Something about a query as a whole.
    pub fn new(title: &str, description: impl Into<String>) -> Self {
        Alert {
            title: title.to_owned(),
            description: description.into(),
            kind: None,
            proposed_queries: Vec::new(),
        }
    }

    /// With a query that mends it, if there is one.
    pub fn proposing(mut self, query: Option<String>) -> Self {
        let description = "as was probably meant".to_owned();
        self.proposed_queries.extend(query.map(|query| ProposedQuery { description, query }));
        self
    }
}
