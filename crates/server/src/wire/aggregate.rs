//! Counts of everything a query finds, in JSON.

use super::StatsShape;
use crate::links::search_link;
use crate::paint::with_filter;
use search::{AggregateCounts, Aggregation};
use serde::Serialize;
use utoipa::ToSchema;

/// The counts of everything a query finds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AggregationShape {
    query: String,
    /// `repo`, `path`, `lang`, `author` or `capture_group`.
    by: &'static str,
    /// The largest groups, largest first.
    groups: Vec<GroupShape>,
    /// Everything that is in none of them.
    rest: CountsShape,
    /// How many values that is; at least so many where `limit_hit`.
    rest_values: u64,
    /// Everything.
    total: CountsShape,
    /// Whether there were more different values than are told apart; each that is told is still exact.
    limit_hit: bool,
    stats: StatsShape,
}

/// One value.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupShape {
    /// Empty where results have none: no language, a group that took no part.
    value: String,
    #[serde(flatten)]
    counts: CountsShape,
    /// What narrows the query to it, where a filter can.
    filter: Option<String>,
    /// The search for it.
    url: Option<String>,
}

/// How much there is of something.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CountsShape {
    /// Occurrences in content, and one for each result that is no content.
    count: u64,
    /// Matching lines.
    lines: u64,
    /// Results: files, or whatever the query finds.
    results: u64,
}

impl CountsShape {
    fn of(counts: AggregateCounts) -> Self {
        CountsShape { count: counts.count, lines: counts.lines, results: counts.results }
    }
}

impl AggregationShape {
    pub(crate) fn of(query: &str, by: &'static str, found: &Aggregation) -> Self {
        let group = |group: &search::AggregateGroup| GroupShape {
            value: group.value.clone(),
            counts: CountsShape::of(group.counts),
            url: group.filter.as_deref().map(|filter| search_link(&with_filter(query, filter))),
            filter: group.filter.clone(),
        };
        AggregationShape {
            query: query.to_owned(),
            by,
            groups: found.groups.iter().map(group).collect(),
            rest: CountsShape::of(found.rest),
            rest_values: found.n_rest_values,
            total: CountsShape::of(found.total),
            limit_hit: found.hit_value_limit,
            stats: StatsShape::of(&found.summary.stats),
        }
    }
}

/// Writes an aggregation as the API answers it, for front ends other than HTTP.
pub fn aggregation_json(query: &str, by: &'static str, found: &Aggregation) -> serde_json::Value {
    serde_json::to_value(AggregationShape::of(query, by, found)).unwrap_or_default()
}
