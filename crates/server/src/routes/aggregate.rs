//! `/aggregate` and `/api/v1/aggregate`: everything a query finds, counted by repository, path, language, author or group.

use super::search_view::{FaultView, Summary};
use crate::caller::Caller;
use crate::failure::Failure;
use crate::format::{count, thousands};
use crate::links::{percent::encode, search_link};
use crate::paint::with_filter;
use crate::searching;
use crate::shell::Shell;
use crate::state::AppState;
use crate::wire::AggregationShape;
use askama::Template;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html as HtmlPage, IntoResponse, Response};
use search::{AggregateBy, AggregateLimits, Aggregation};
use serde::Deserialize;

/// Most groups that may be asked for.
const GROUPS_MAX: usize = 10_000;
/// Deepest directory that is counted by.
const DEPTH_MAX: usize = 32;

/// What is asked.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// The query. Its `count:` does not count: everything is counted.
    #[serde(default)]
    q: String,
    /// `repo` (the default), `path`, `lang`, `author` or `capture_group`.
    #[serde(default)]
    by: String,
    /// For `capture_group`: the number or name of the group; 1 if not given.
    #[serde(default)]
    group: String,
    /// For `path`: how many directories; 1 if not given.
    #[serde(default)]
    depth: String,
    /// How many groups are told one by one; 50 if not given, 10,000 at most.
    #[serde(default)]
    limit: String,
}

/// What is counted by: the word of the API, what a person reads, what one value is.
const KINDS: [(&str, &str); 5] = [
    ("repo", "Repository"),
    ("path", "Directory"),
    ("lang", "Language"),
    ("author", "Author"),
    ("capture_group", "Group of the pattern"),
];

/// What was asked, understood.
struct Question {
    word: &'static str,
    by: AggregateBy,
    limits: AggregateLimits,
    depth: usize,
}

impl Asked {
    fn understood(&self) -> Result<Question, Failure> {
        let word = if self.by.is_empty() { "repo" } else { &self.by };
        let known = KINDS.iter().find(|(known, _)| *known == word);
        let (word, _) = *known.ok_or_else(|| {
            Failure::BadRequest("by must be repo, path, lang, author or capture_group.".into())
        })?;
        let depth = number(&self.depth, 1, DEPTH_MAX, "depth")?;
        let limits = AggregateLimits::default();
        let n_groups_max = number(&self.limit, limits.n_groups_max, GROUPS_MAX, "limit")?;
        let group = if self.group.is_empty() { "1".to_owned() } else { self.group.clone() };
        let by = match word {
            "path" => AggregateBy::Path { depth },
            "lang" => AggregateBy::Language,
            "author" => AggregateBy::Author,
            "capture_group" => AggregateBy::CaptureGroup { group },
            _ => AggregateBy::Repo,
        };
        Ok(Question { word, by, limits: AggregateLimits { n_groups_max, ..limits }, depth })
    }
}

fn number(text: &str, default: usize, most: usize, name: &str) -> Result<usize, Failure> {
    match text.parse::<usize>() {
        _ if text.is_empty() => Ok(default),
        Ok(number) if number >= 1 => Ok(number.min(most)),
        _ => Err(Failure::BadRequest(format!("{name} must be a number from 1."))),
    }
}

/// Counts everything a query finds.
#[utoipa::path(get, path = "/api/v1/aggregate", params(Asked), responses(
    (status = 200, description = "The counts", body = AggregationShape),
    (status = 400, description = "The query cannot be run, or not be counted so", body = crate::failure::Problem)))]
pub(crate) async fn answer(
    State(state): State<AppState>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<AggregationShape>, Failure> {
    let question = asked.understood()?;
    let refuse = |fault| Failure::BadQuery(Box::new(fault));
    let query = searching::parse(&asked.q).map_err(refuse)?;
    let found = searching::aggregate(&state, &caller, query, question.by, question.limits).await?;
    Ok(Json(AggregationShape::of(&asked.q, question.word, &found.map_err(refuse)?)))
}

#[derive(Template)]
#[template(path = "aggregate.html")]
struct AggregatePage {
    shell: Shell,
    q: String,
    search_url: String,
    kinds: Vec<KindView>,
    is_group: bool,
    group: String,
    is_path: bool,
    depth: usize,
    fault: Option<FaultView>,
    trouble: Option<String>,
    summary: Option<Summary>,
    total: String,
    column: &'static str,
    bars: Vec<Bar>,
    rest: Option<Bar>,
    limit_hit: bool,
}

struct KindView {
    word: &'static str,
    title: &'static str,
    on: bool,
}

/// One row: a value and how much there is of it.
struct Bar {
    value: String,
    url: Option<String>,
    deeper: Option<String>,
    count: String,
    lines: String,
    results: String,
    /// Out of a thousand, the largest having all of them.
    width: u64,
    share: String,
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let question = asked.understood()?;
    let q = asked.q.trim().to_owned();
    let mut page = AggregatePage::empty(&caller, &asked, &question, &q);
    if q.is_empty() {
        return page.respond(StatusCode::OK);
    }
    let outcome = match searching::parse(&q) {
        Ok(query) => {
            let asked = query.clone();
            let counted = searching::aggregate(&state, &caller, asked, question.by.clone(), question.limits);
            counted.await?.map(|found| (query, found))
        }
        Err(fault) => Err(fault),
    };
    match outcome {
        Ok((query, found)) => {
            page.fill(&q, &query, &question, &found);
            page.respond(StatusCode::OK)
        }
        Err(fault) if fault.code == "cannot-aggregate" => {
            page.trouble = Some(fault.message);
            page.respond(StatusCode::BAD_REQUEST)
        }
        Err(fault) => {
            page.fault = Some(FaultView::of(&q, &fault));
            page.respond(StatusCode::BAD_REQUEST)
        }
    }
}

impl AggregatePage {
    fn empty(caller: &Caller, asked: &Asked, question: &Question, q: &str) -> Self {
        let mut shell = caller.shell("Counts", "search");
        shell.query = Some(crate::paint::query_box(q));
        let kind =
            |(word, title): (&'static str, &'static str)| KindView { word, title, on: word == question.word };
        let column = KINDS.iter().find(|(word, _)| *word == question.word).map_or("", |(_, title)| title);
        AggregatePage {
            shell,
            search_url: search_link(q),
            q: q.to_owned(),
            kinds: KINDS.map(kind).into(),
            is_group: question.word == "capture_group",
            group: if asked.group.is_empty() { "1".into() } else { asked.group.clone() },
            is_path: question.word == "path",
            depth: question.depth,
            fault: None,
            trouble: None,
            summary: None,
            total: String::new(),
            column,
            bars: Vec::new(),
            rest: None,
            limit_hit: false,
        }
    }

    fn fill(&mut self, q: &str, query: &query::Query, question: &Question, found: &Aggregation) {
        let n_results = usize::try_from(found.total.results).unwrap_or(usize::MAX);
        self.summary =
            Some(Summary::of(q, query, &found.summary.stats, found.summary.alert.clone(), n_results));
        self.total = count(found.total.count, "occurrence", "occurrences");
        self.limit_hit = found.hit_value_limit;
        let largest = found.groups.first().map_or(1, |group| group.counts.count.max(1));
        let all = found.total.count.max(1);
        let bar = |value: String, counts: search::AggregateCounts| Bar {
            value,
            url: None,
            deeper: None,
            count: thousands(counts.count),
            lines: thousands(counts.lines),
            results: thousands(counts.results),
            width: (counts.count.min(largest) * 1000 / largest).max(4),
            share: format!("{:.1} %", counts.count as f64 * 100.0 / all as f64),
        };
        for group in &found.groups {
            let value = match (group.value.as_str(), question.word) {
                ("", "lang") => "(no language)".into(),
                ("", "capture_group") => "(nothing)".into(),
                ("", _) => "(none)".into(),
                (value, _) => value.to_owned(),
            };
            let narrowed = group.filter.as_deref().map(|filter| with_filter(q, filter));
            let is_folder = self.is_path && group.value.ends_with('/') && question.depth < DEPTH_MAX;
            self.bars.push(Bar {
                deeper: narrowed.as_deref().filter(|_| is_folder).map(|narrowed| {
                    let q = encode(narrowed.as_bytes());
                    format!("/aggregate?q={q}&by=path&depth={}", question.depth + 1)
                }),
                url: narrowed.as_deref().map(search_link),
                ..bar(value, group.counts)
            });
        }
        if found.rest.results > 0 || found.n_rest_values > 0 {
            let least = if found.hit_value_limit { "at least " } else { "" };
            let says = format!("{least}{} more", count(found.n_rest_values, "value", "values"));
            self.rest = Some(bar(says, found.rest));
        }
    }

    fn respond(&self, status: StatusCode) -> Result<Response, Failure> {
        Ok((status, HtmlPage(self.render().map_err(Failure::internal)?)).into_response())
    }
}
