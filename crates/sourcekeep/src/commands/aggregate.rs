//! `sourcekeep aggregate`: everything a query finds, counted.

use crate::app::App;
use crate::cli::{AggregateArgs, AggregateWhat};
use crate::failure::{Outcome, UsageError};
use crate::terminal::{self, LINE_NUMBER, PATH, count, counted, harmless};
use search::{AggregateBy, AggregateLimits, Aggregation, CancelToken, Catalog, Limits, Searcher};
use std::time::Duration;

/// The widest bar.
const BAR_CHARS: u64 = 30;
/// Longest value that is printed whole.
const VALUE_CHARS: usize = 100;

pub(super) async fn run(app: &App, args: AggregateArgs) -> anyhow::Result<Outcome> {
    let text = args.query.join(" ");
    let query = match query::parse(&text, &query::Options::default()) {
        Ok(query) => query,
        Err(error) => return Ok(super::search::refuse(&text, &error)),
    };
    let opened = app.open().await?;
    let access = opened.access_set(args.user.as_deref()).await?;
    let query = match opened.expand_contexts(args.user.as_deref(), query).await? {
        Ok(query) => query,
        Err(error) => return Ok(super::search::refuse(&text, &error)),
    };
    let catalog = Catalog::new();
    mirror::open_catalog(&opened.store, &opened.data, &catalog).await?;
    let searcher = Searcher::new(opened.config.n_search_threads())?;
    let timeout_max = Duration::from_secs(u64::from(opened.config.search.timeout_seconds_max));
    let now_seconds = access::Clock::now(&access::SystemClock).0.div_euclid(1000);
    let limits = Limits { timeout: timeout_max, timeout_max, now_seconds, ..Limits::default() };
    let (word, by) = asked(&args);
    let aggregate_limits = AggregateLimits { n_groups_max: args.limit.max(1), ..AggregateLimits::default() };
    let snapshot = catalog.snapshot();
    let alerts = server::query_alerts(&text, &query);
    let counting = tokio::task::spawn_blocking(move || {
        let cancel = CancelToken::new();
        searcher.aggregate(&snapshot, &access, &query, &by, aggregate_limits, &limits, &cancel)
    });
    let found = counting.await?.map_err(|error| UsageError::new(error.to_string()))?;
    mirror::report_damage(&opened.store, &found.summary.damaged).await?;
    match app.common.json {
        true => terminal::print_json(&server::aggregation_json(&text, word, &found)),
        false => print(&found),
    }
    if !app.common.quiet {
        super::search::tell(&alerts, &found.summary);
    }
    Ok(if found.total.results > 0 { Outcome::Done } else { Outcome::NothingFound })
}

fn asked(args: &AggregateArgs) -> (&'static str, AggregateBy) {
    match args.by {
        AggregateWhat::Repo => ("repo", AggregateBy::Repo),
        AggregateWhat::Path => ("path", AggregateBy::Path { depth: args.depth.max(1) }),
        AggregateWhat::Lang => ("lang", AggregateBy::Language),
        AggregateWhat::Author => ("author", AggregateBy::Author),
        AggregateWhat::CaptureGroup => {
            ("capture_group", AggregateBy::CaptureGroup { group: args.group.clone() })
        }
    }
}

fn print(found: &Aggregation) {
    let largest = found.groups.first().map_or(1, |group| group.counts.count.max(1));
    for group in &found.groups {
        let bar = "\u{2587}".repeat((group.counts.count * BAR_CHARS / largest).max(1) as usize);
        let value: String = group.value.chars().take(VALUE_CHARS).collect();
        let value = if value.is_empty() { "(none)".to_owned() } else { harmless(&value).into_owned() };
        terminal::print_line(format_args!(
            "{LINE_NUMBER}{:>12}{LINE_NUMBER:#}  {bar:<30}  {PATH}{value}{PATH:#}",
            count(group.counts.count)
        ));
    }
    if found.n_rest_values > 0 {
        let least = if found.hit_value_limit { "at least " } else { "" };
        let says = counted(found.n_rest_values, "more value", "more values");
        terminal::print_line(format_args!("{:>12}  {:<30}  ({least}{says})", count(found.rest.count), ""));
    }
    terminal::print_line(format_args!("{:>12}  {:<30}  in all", count(found.total.count), ""));
}
