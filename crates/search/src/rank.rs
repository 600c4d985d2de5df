//! How good a result is, part by part: an exact definition before a word before exact case before the file's name before
//! the rank of the path before how young it is.
//!
//! Signals come from the document alone. Nothing is normalised by the corpus, so that nothing hidden can move a score.

use crate::plan::Plan;
use crate::recency;
use crate::scan::{Signals, word_signal};
use crate::{RepoIndex, RepoMatch};
use model::{ByteRange, SymbolKind};

/// Each weight outweighs all that follow it together.
const DEFINITION: f64 = 16.0;
const WORD: f64 = 8.0;
const EXACT_CASE: f64 = 4.0;
const FILE_NAME: f64 = 2.0;
/// A class of documents (tests, vendored, generated code) is worth as much as this.
const RANK: f64 = 1.0;
/// Half of what a class is worth: age moves no document into another class, and each of its four steps outweighs four folders.
const RECENCY: f64 = RANK / 16.0;

/// What a score is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScoreParts {
    /// The name of a definition is what the query names, or the document defines it.
    pub definition: f64,
    /// Matches are whole words.
    pub word: f64,
    /// Matches are in the case of the query.
    pub exact_case: f64,
    /// The file's own name matches.
    pub file_name: f64,
    /// What is defined: a function or a type is worth more than a field.
    pub kind: f64,
    /// What the path and the content say of the document: tests, vendored and generated code, and deep paths are worth less.
    pub document: f64,
    /// How young the searched commit is that holds the document: within a month, a year, three years, ten years, older.
    pub recency: f64,
}

impl ScoreParts {
    /// The score.
    pub fn total(&self) -> f64 {
        self.definition
            + self.word
            + self.exact_case
            + self.file_name
            + self.kind
            + self.document
            + self.recency
    }

    /// The parts that are not nothing, each with the words that tell it.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let parts = [
            ("definition", self.definition),
            ("word", self.word),
            ("exact case", self.exact_case),
            ("file name", self.file_name),
            ("kind", self.kind),
            ("document", self.document),
            ("recency", self.recency),
        ];
        parts.into_iter().filter(|(_, value)| *value != 0.0)
    }
}

/// The parts of a document's score; below 32 together. `recency` is from 0 to 1.
pub(crate) fn document(
    signals: Signals,
    path: &[u8],
    path_ranges: &[ByteRange],
    static_rank: u8,
    recency: f64,
) -> ScoreParts {
    let name_start = memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1);
    let in_name = path_ranges.iter().any(|range| range.start >= name_start);
    let word_in_name = path_ranges.iter().map(|range| word_signal(path, range.start, range.end));
    let word = word_in_name.fold(signals.word, f64::max);
    ScoreParts {
        definition: DEFINITION * signals.definition,
        word: WORD * word,
        exact_case: EXACT_CASE * signals.exact_case,
        file_name: if in_name { FILE_NAME } else { 0.0 },
        kind: 0.0,
        document: document_part(static_rank),
        recency: RECENCY * recency,
    }
}

fn document_part(static_rank: u8) -> f64 {
    RANK * (1.0 - f64::from(static_rank) / 256.0)
}

/// The parts of a definition's score.
pub(crate) fn symbol(
    plan: &Plan,
    name: &[u8],
    ranges: &[ByteRange],
    kind: SymbolKind,
    path: &[u8],
    static_rank: u8,
    recency: f64,
) -> ScoreParts {
    let exactness = name_signal(plan, name);
    let word = ranges.iter().map(|range| part_signal(name, range)).fold(0.0, f64::max);
    let is_exact_case = plan.terms.iter().filter(|term| term.is_positive).any(|term| {
        let literal = term.symbol.as_ref().and_then(|pattern| pattern.literal.as_ref());
        literal.is_some_and(|literal| memchr::memmem::find(name, literal.as_bytes()).is_some())
    });
    let name_start = memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1);
    let stem = path[name_start..].split(|byte| *byte == b'.').next().unwrap_or_default();
    ScoreParts {
        definition: DEFINITION * exactness.floor(),
        word: WORD * word,
        exact_case: if is_exact_case { EXACT_CASE } else { 0.0 },
        file_name: if stem.len() > 2 && stem.eq_ignore_ascii_case(name) { FILE_NAME / 2.0 } else { 0.0 },
        kind: kind_part(kind),
        document: 2.0 * document_part(static_rank),
        recency: RECENCY * recency,
    }
}

/// How well a name is what the query names: 1 where it is that, in any case; less where it only begins so, or holds it.
pub(crate) fn name_signal(plan: &Plan, name: &[u8]) -> f64 {
    let mut best: f64 = 0.0;
    for term in plan.terms.iter().filter(|term| term.is_positive) {
        let Some(literal) = term.symbol.as_ref().and_then(|pattern| pattern.literal.as_ref()) else {
            continue;
        };
        let literal = literal.as_bytes();
        let begins = name.len() >= literal.len() && name[..literal.len()].eq_ignore_ascii_case(literal);
        let signal = match begins {
            true if name == literal => 1.0,
            // Another case of it is the same name to most.
            true if name.len() == literal.len() => 1.0,
            true => 0.5,
            false => 0.0,
        };
        // Shorter names are nearer to what was typed.
        let nearness = literal.len() as f64 / (name.len().max(1) as f64 * 4.0);
        best = best.max(if signal < 1.0 { signal + nearness.min(0.25) } else { signal });
    }
    best
}

/// How whole the matched part of a name is: 1 where it is all of it or a part between borders (`_`, a change of case), less
/// with each end that is within a word.
fn part_signal(name: &[u8], range: &ByteRange) -> f64 {
    let is_border = |at: usize| {
        let (Some(before), Some(after)) = (at.checked_sub(1).and_then(|at| name.get(at)), name.get(at))
        else {
            return true;
        };
        !before.is_ascii_alphanumeric()
            || !after.is_ascii_alphanumeric()
            || (before.is_ascii_lowercase() && after.is_ascii_uppercase())
            || before.is_ascii_digit() != after.is_ascii_digit()
    };
    let whole = f64::from(u8::from(is_border(range.start)) + u8::from(is_border(range.end))) / 2.0;
    // Of two names that hold the word, the one with less else is better.
    let share = range.len() as f64 / name.len().max(1) as f64;
    0.75 * whole + 0.25 * share
}

/// What people look for when they type a name.
fn kind_part(kind: SymbolKind) -> f64 {
    match kind {
        SymbolKind::Function
        | SymbolKind::Method
        | SymbolKind::Constructor
        | SymbolKind::Class
        | SymbolKind::Struct
        | SymbolKind::Interface
        | SymbolKind::Trait
        | SymbolKind::Enum
        | SymbolKind::Union => 1.5,
        SymbolKind::Type
        | SymbolKind::Macro
        | SymbolKind::Module
        | SymbolKind::Namespace
        | SymbolKind::Object => 1.25,
        SymbolKind::Constant | SymbolKind::Variable => 1.0,
        SymbolKind::EnumMember | SymbolKind::Property | SymbolKind::Field => 0.5,
        _ => 0.25,
    }
}

/// A repository found by its name.
pub(crate) fn repo_match(repo: &RepoIndex, ranges: Vec<ByteRange>, now_seconds: i64) -> RepoMatch {
    let score = repo_score(repo.name.as_str(), &ranges) + RECENCY * recency::repo_signal(repo, now_seconds);
    RepoMatch { repo_id: repo.id, repo: repo.name.clone(), ranges, score }
}

/// The score of a repository found by its name, but for its age.
fn repo_score(name: &str, ranges: &[ByteRange]) -> f64 {
    let word = ranges.iter().map(|range| word_signal(name.as_bytes(), range.start, range.end));
    WORD * word.fold(0.0, f64::max) + FILE_NAME
}
