//! How good a document is: word boundary before exact case before file name before static rank.
//!
//! Signals come from the document alone. Nothing is normalised by the corpus, so that nothing hidden can move a score.

use crate::scan::{Signals, word_signal};
use crate::{RepoIndex, RepoMatch};
use model::ByteRange;

/// Each weight outweighs all that follow it together.
const WORD: f64 = 8.0;
const EXACT_CASE: f64 = 4.0;
const FILE_NAME: f64 = 2.0;

/// The score of a document: higher is better, at most 15.
pub(crate) fn score(signals: Signals, path: &[u8], path_ranges: &[ByteRange], static_rank: u8) -> f64 {
    let name_start = memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1);
    let in_name = path_ranges.iter().any(|range| range.start >= name_start);
    let word_in_name = path_ranges.iter().map(|range| word_signal(path, range.start, range.end));
    let word = word_in_name.fold(signals.word, f64::max);
    let rank = 1.0 - f64::from(static_rank) / 256.0;
    WORD * word + EXACT_CASE * signals.exact_case + if in_name { FILE_NAME } else { 0.0 } + rank
}

/// A repository found by its name.
pub(crate) fn repo_match(repo: &RepoIndex, ranges: Vec<ByteRange>) -> RepoMatch {
    let score = repo_score(repo.name.as_str(), &ranges);
    RepoMatch { repo_id: repo.id, repo: repo.name.clone(), ranges, score }
}

/// The score of a repository found by its name.
fn repo_score(name: &str, ranges: &[ByteRange]) -> f64 {
    let word = ranges.iter().map(|range| word_signal(name.as_bytes(), range.start, range.end));
    WORD * word.fold(0.0, f64::max) + FILE_NAME
}
