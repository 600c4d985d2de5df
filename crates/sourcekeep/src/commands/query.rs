//! `sourcekeep query …`

use super::search::{Prepared, Search, prepare, refuse_search};
use crate::app::App;
use crate::cli::QueryCommand;
use crate::failure::Outcome;
use crate::table;
use crate::terminal::{self, STRONG, harmless};
use search::{CancelToken, Explanation, PatternPlan};
use serde_json::{Value, json};
use std::time::Duration;

/// How many grams of one pattern are printed for people.
const GRAMS_SHOWN: usize = 12;
/// How many segments are printed for people.
const SEGMENTS_SHOWN: usize = 10;

pub(super) async fn run(app: &App, command: QueryCommand) -> anyhow::Result<Outcome> {
    let QueryCommand::Explain(args) = command;
    let (_opened, search) = match prepare(app, args).await? {
        Prepared::Ready(ready) => *ready,
        Prepared::Refused(outcome) => return Ok(outcome),
    };
    tokio::task::spawn_blocking(move || explain(&search)).await?
}

fn explain(search: &Search) -> anyhow::Result<Outcome> {
    let Search { searcher, snapshot, access, query, limits, .. } = search;
    match searcher.explain(snapshot, access, query, limits, &CancelToken::new()) {
        Ok(told) if search.json => terminal::print_json(&shape(search, &told)),
        Ok(told) => print(search, &told),
        Err(error) => {
            refuse_search(&search.text, &error);
            return Ok(Outcome::Usage);
        }
    }
    Ok(Outcome::Done)
}

fn print(search: &Search, told: &Explanation) {
    heading("Query");
    block(&search.query.to_string());
    heading("Tree");
    block(&::query::explain(&search.query));
    heading("Plan, cheapest first");
    block(&told.tree);
    for pattern in &told.patterns {
        heading(&format!("Pattern {}", harmless(&pattern.text)));
        print_pattern(pattern);
    }
    heading("Segments");
    print_segments(told);
    heading("Work");
    print_work(told);
    heading("Time");
    let rows: Vec<Vec<String>> =
        told.stages.iter().map(|stage| vec![format!("  {}", stage.stage), time(stage.duration)]).collect();
    table::print(&["  STAGE", "TIME"], &rows);
}

fn heading(text: &str) {
    terminal::print_line(format_args!("{STRONG}{text}{STRONG:#}"));
}

fn block(text: &str) {
    text.lines().for_each(|line| terminal::print_line(format_args!("  {}", harmless(line))));
}

fn print_pattern(pattern: &PatternPlan) {
    let places = match (pattern.in_content, pattern.in_paths) {
        (true, true) => "content and paths",
        (true, false) => "content",
        (false, true) => "paths",
        (false, false) => "names of repositories",
    };
    let sign = if pattern.is_positive { "must occur" } else { "must not occur" };
    let extent = if pattern.crosses_lines { "; a match may cross lines" } else { "" };
    block(&format!("{sign} in {places}{extent}"));
    if !pattern.in_content {
        return;
    }
    block(&format!("grams: {}", shortened(&pattern.gram_query)));
    block(&format!("at most {} satisfy them", terminal::counted(pattern.n_blocks_max, "block", "blocks")));
    let rows: Vec<Vec<String>> = pattern
        .grams
        .iter()
        .take(GRAMS_SHOWN)
        .map(|gram| {
            let n_blocks = gram.n_blocks.map_or("nearly all: no list".to_owned(), terminal::count);
            vec![format!("  {}", gram.gram), n_blocks]
        })
        .collect();
    if !rows.is_empty() {
        table::print(&["  GRAM", "BLOCKS"], &rows);
    }
    let n_more = pattern.grams.len().saturating_sub(GRAMS_SHOWN);
    if n_more > 0 {
        block(&format!("and {n_more} more; --json has them"));
    }
}

fn print_segments(told: &Explanation) {
    block(&format!(
        "{} of {} searched, {}",
        terminal::count(told.n_repos_searched as u64),
        terminal::counted(told.n_repos_visible as u64, "repository", "repositories"),
        terminal::counted(told.n_segments as u64, "segment", "segments"),
    ));
    let row = |segment: &search::SegmentUse| {
        vec![
            format!("  {} #{}", segment.repo, segment.ordinal),
            terminal::size(segment.text_bytes),
            terminal::size(segment.size_bytes),
            terminal::count(segment.n_blobs.into()),
            terminal::count(segment.n_blocks.into()),
            terminal::count(segment.n_chunks.into()),
        ]
    };
    let rows: Vec<Vec<String>> = told.segments.iter().take(SEGMENTS_SHOWN).map(row).collect();
    if !rows.is_empty() {
        table::print(&["  SEGMENT", "TEXT", "SIZE", "BLOBS", "BLOCKS", "CHUNKS"], &rows);
    }
    let n_more = told.n_segments.saturating_sub(SEGMENTS_SHOWN);
    if n_more > 0 {
        block(&format!("and {} smaller", terminal::count(n_more as u64)));
    }
}

fn print_work(told: &Explanation) {
    let stats = &told.summary.stats;
    let n_blocks: u64 = told.segments.iter().map(|segment| u64::from(segment.n_blocks)).sum();
    let rows = [
        (
            "chunks asked",
            format!("{} of {}", terminal::count(told.n_chunks_asked), terminal::count(told.n_chunks)),
        ),
        ("candidate blobs", terminal::count(told.n_candidates)),
        (
            "candidate blocks",
            format!("{} of {}", terminal::count(told.n_candidate_blocks), terminal::count(n_blocks)),
        ),
        ("text verified", terminal::size(told.n_bytes_verified)),
        ("matching lines", terminal::count(stats.lines)),
        ("files", terminal::count(stats.files)),
        ("complete", if stats.complete { "yes" } else { "no" }.to_owned()),
    ];
    let rows: Vec<Vec<String>> = rows.map(|(what, value)| vec![format!("  {what}"), value]).to_vec();
    table::print(&["  WHAT", "HOW MUCH"], &rows);
    for skipped in &stats.skipped {
        block(&format!("{}: {}", skipped.severity.as_str(), skipped.message));
    }
}

fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 300;
    if text.chars().count() <= CHARS_MAX {
        return text.to_owned();
    }
    format!("{} …", text.chars().take(CHARS_MAX).collect::<String>())
}

fn time(duration: Duration) -> String {
    format!("{:.3} ms", duration.as_secs_f64() * 1e3)
}

fn shape(search: &Search, told: &Explanation) -> Value {
    let pattern = |pattern: &PatternPlan| {
        json!({
            "text": pattern.text,
            "positive": pattern.is_positive,
            "content": pattern.in_content,
            "paths": pattern.in_paths,
            "crosses_lines": pattern.crosses_lines,
            "gram_query": pattern.gram_query,
            "blocks_max": pattern.n_blocks_max,
            "grams": pattern.grams.iter().map(|gram| json!({"gram": gram.gram, "blocks": gram.n_blocks})).collect::<Vec<_>>(),
        })
    };
    let segment = |segment: &search::SegmentUse| {
        json!({
            "repo": segment.repo.as_str(),
            "ordinal": segment.ordinal,
            "text_bytes": segment.text_bytes,
            "size_bytes": segment.size_bytes,
            "blobs": segment.n_blobs,
            "blocks": segment.n_blocks,
            "chunks": segment.n_chunks,
        })
    };
    let stages = told.stages.iter().map(|stage| {
        (stage.stage.to_owned(), json!(u64::try_from(stage.duration.as_nanos()).unwrap_or(u64::MAX)))
    });
    let stats = &told.summary.stats;
    json!({
        "query": search.query.to_string(),
        "tree": ::query::explain(&search.query),
        "plan": told.tree,
        "patterns": told.patterns.iter().map(pattern).collect::<Vec<_>>(),
        "repos": {"visible": told.n_repos_visible, "searched": told.n_repos_searched},
        "segments": told.segments.iter().map(segment).collect::<Vec<_>>(),
        "segment_count": told.n_segments,
        "chunks": told.n_chunks,
        "chunks_asked": told.n_chunks_asked,
        "candidate_blobs": told.n_candidates,
        "candidate_blocks": told.n_candidate_blocks,
        "bytes_verified": told.n_bytes_verified,
        "nanoseconds": stages.collect::<serde_json::Map<_, _>>(),
        "matches": stats.matches,
        "lines": stats.lines,
        "files": stats.files,
        "complete": stats.complete,
    })
}
