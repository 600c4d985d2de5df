//! The answer of `POST /api/search`.

use super::files::FileShape;
use search::{SkippedReason, Stats};
use serde::Serialize;
use std::collections::BTreeMap;

/// `{"Result": …}`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Answer {
    result: ResultShape,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResultShape {
    #[serde(flatten)]
    stats: StatsShape,
    files: Vec<FileShape>,
    #[serde(rename = "RepoURLs")]
    repo_urls: BTreeMap<String, String>,
    line_fragments: BTreeMap<String, String>,
}

/// The numbers of an answer. What has no counterpart in this engine is 0.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StatsShape {
    content_bytes_loaded: u64,
    index_bytes_loaded: u64,
    crashes: u64,
    /// Nanoseconds.
    duration: u64,
    file_count: u64,
    shard_files_considered: u64,
    files_considered: u64,
    files_loaded: u64,
    files_skipped: u64,
    shards_scanned: u64,
    shards_skipped: u64,
    shards_skipped_filter: u64,
    match_count: u64,
    ngram_matches: u64,
    ngram_lookups: u64,
    wait: u64,
    match_tree_construction: u64,
    match_tree_search: u64,
    regexps_considered: u64,
    flush_reason: u8,
}

impl StatsShape {
    /// The counts of a search.
    pub fn of(stats: &Stats) -> Self {
        let damaged = stats.skipped.iter().filter(|skipped| skipped.reason == SkippedReason::RepoDamaged);
        StatsShape {
            crashes: damaged.count() as u64,
            duration: u64::try_from(stats.duration.as_nanos()).unwrap_or(u64::MAX),
            file_count: stats.files,
            files_considered: stats.files,
            files_loaded: stats.files,
            // What a limit left out; a client takes anything but 0 for "there is more".
            files_skipped: u64::from(!stats.complete),
            shards_scanned: stats.repos,
            match_count: stats.matches,
            ..StatsShape::default()
        }
    }

    /// How many documents a search would have to look at.
    pub fn estimate(n_documents: u64) -> Self {
        StatsShape { shard_files_considered: n_documents, ..StatsShape::default() }
    }

    /// With the number of matches that are no occurrences in content.
    pub fn with_others(mut self, n_other: u64) -> Self {
        self.match_count += n_other;
        self
    }
}

impl Answer {
    /// Puts an answer together. `pages` are templates of addresses of files, by repository.
    pub fn new(stats: StatsShape, files: Vec<FileShape>, pages: BTreeMap<String, String>) -> Self {
        let line_fragments =
            pages.keys().map(|repo| (repo.clone(), "#L{{.LineNumber}}".to_owned())).collect();
        Answer { result: ResultShape { stats, files, repo_urls: pages, line_fragments } }
    }
}
