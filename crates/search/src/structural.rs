//! Structural patterns as a third kind of content pattern: compiled for the languages in question, narrowed down by the
//! grams of their words, verified in syntax trees.

use crate::SearchError;
use crate::batch::Context;
use crate::chunk::Candidates;
use crate::limits::Watch;
use crate::lines::Hit;
use crate::matcher::Matcher;
use crate::pattern::{ContentPattern, Scope};
use crate::plan::Plan;
use crate::repo_run::RepoRun;
use index::{BlobIdx, ReadError};
use model::{ByteRange, Language};
use ngram::GramQuery;
use query::{Expr, FilterKind};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use syntax::{StructuralError, StructuralLimits, StructuralPattern, StructuralStop};

/// How many languages an alert names; the rest are a number.
const NAMED_LANGUAGES: usize = 12;

/// Compiles a structural pattern. `span` is where it stands in the query, for the error.
pub(crate) fn content_pattern(
    text: &str,
    languages: &[Language],
    span: &ByteRange,
) -> Result<ContentPattern, SearchError> {
    let pattern = StructuralPattern::compile(text, languages).map_err(|error| refused(error, text, span))?;
    // A text must hold every word of one reading of the pattern: case does not matter to grams.
    let readings = pattern.literals();
    let grams = GramQuery::or(
        readings
            .iter()
            .map(|words| GramQuery::and(words.iter().map(|word| GramQuery::literal(word.as_bytes())))),
    );
    let matcher = Matcher::Tree(Box::new(pattern));
    Ok(ContentPattern { matcher, scope: Scope::Document, grams, exact_case: None })
}

fn refused(error: StructuralError, text: &str, span: &ByteRange) -> SearchError {
    // Only where the pattern stands in the query as it is does a place in it mean a place there.
    let is_as_written = span.len() == text.len();
    let inner = error.span().filter(|_| is_as_written);
    let span = inner.map_or(span.clone(), |inner| span.start + inner.start..span.start + inner.end);
    let hint = match &error {
        StructuralError::NoGrammar { .. } => {
            Some(format!("it knows {}", syntax::structural_languages().join(", ")))
        }
        StructuralError::Unreadable { .. } => {
            Some("a pattern is whole code: $NAME stands for one node, $$$ for any number of them".to_owned())
        }
        _ => None,
    };
    SearchError::BadStructuralPattern { reason: error.to_string(), hint, span }
}

/// The languages that a query as a whole asks for: those of a `lang:` filter, or of an OR of nothing but them, that stands
/// for all of it. Empty where it does not say.
pub(crate) fn asked_languages(expr: &Expr) -> Vec<Language> {
    let operands = match expr {
        Expr::And { operands, .. } => operands.as_slice(),
        other => std::slice::from_ref(other),
    };
    operands.iter().find_map(only_languages).unwrap_or_default()
}

fn only_languages(expr: &Expr) -> Option<Vec<Language>> {
    match expr {
        Expr::Filter(filter) => match &filter.kind {
            FilterKind::Language(name) => syntax::language_by_name(name).map(|language| vec![language]),
            _ => None,
        },
        Expr::Or { operands, .. } => {
            let all: Option<Vec<Vec<Language>>> = operands.iter().map(only_languages).collect();
            all.map(|languages| languages.concat())
        }
        _ => None,
    }
}

/// The languages of a blob's documents, each once: a tree is of one language. Only asked where the plan is structural.
pub(crate) fn languages_of_blob(
    run: &RepoRun<'_>,
    candidates: &Candidates,
    blob: BlobIdx,
) -> Result<Vec<Language>, ReadError> {
    let table = &run.repo.ref_table;
    let mut languages = Vec::new();
    for doc_idx in table.docs_of_blob(candidates.segment, blob)? {
        let doc = table.doc(doc_idx)?;
        if run.revisions.admits(doc.revisions) {
            languages.push(doc.language);
        }
    }
    languages.sort_unstable();
    languages.dedup();
    Ok(languages)
}

/// What was found in one text.
#[derive(Debug, Default)]
pub(crate) struct Trees {
    /// How many matches lie within others.
    pub(crate) n_nested: u64,
    /// Whether the text, or a part of it, was not searched: too large or too complex.
    pub(crate) is_cut: bool,
    /// Whether the search was called off meanwhile.
    pub(crate) is_called_off: bool,
}

/// Looks for a pattern in a part of a text.
pub(crate) fn find(
    pattern: &StructuralPattern,
    language: Language,
    text: &[u8],
    part: Range<usize>,
    n_hits_max: usize,
    watch: &Watch,
    hits: &mut Vec<Hit>,
) -> Trees {
    // Stored text is UTF-8; were it damaged, it is not searched.
    let start = part.start;
    let Ok(text) = std::str::from_utf8(&text[part]) else {
        return Trees { is_cut: true, ..Trees::default() };
    };
    let stop = || watch.stop().is_some();
    let default = StructuralLimits::default();
    let limits =
        StructuralLimits { n_matches_max: n_hits_max.min(default.n_matches_max), stop: &stop, ..default };
    match pattern.find(language, text, &limits) {
        Ok(found) => {
            hits.extend(found.ranges.iter().map(|range| (start + range.start, start + range.end)));
            let is_enough = hits.len() >= n_hits_max;
            Trees { n_nested: found.n_nested, is_cut: found.is_cut && !is_enough, is_called_off: false }
        }
        Err(StructuralStop::Stopped) => Trees { is_called_off: true, ..Trees::default() },
        Err(StructuralStop::TooLarge | StructuralStop::NotHeld) => Trees { is_cut: true, ..Trees::default() },
    }
}

/// How far a structural search has come.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    n_candidates: AtomicU64,
    n_searched: AtomicU64,
    /// Chunks whose candidates are not known yet.
    n_unknown: AtomicU64,
}

impl Coverage {
    /// Notes chunks that will be looked at.
    pub(crate) fn expect(&self, n_chunks: u64) {
        self.n_unknown.fetch_add(n_chunks, Ordering::Relaxed);
    }

    /// Notes the candidates of one of them.
    pub(crate) fn found(&self, n_candidates: u64) {
        self.n_candidates.fetch_add(n_candidates, Ordering::Relaxed);
        // A chunk is expected before it is looked at, on whatever thread.
        let _ = self.n_unknown.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
    }

    /// Notes a candidate that was searched.
    pub(crate) fn searched(&self) {
        self.n_searched.fetch_add(1, Ordering::Relaxed);
    }

    /// What was covered, as a sentence.
    pub(crate) fn say(&self, are_all_repos_known: bool) -> String {
        let n_candidates = self.n_candidates.load(Ordering::Relaxed);
        let is_all = are_all_repos_known && self.n_unknown.load(Ordering::Relaxed) == 0;
        let least = if is_all { "" } else { "at least " };
        let n_searched = grouped(self.n_searched.load(Ordering::Relaxed).min(n_candidates));
        format!("It searched {n_searched} of {least}{} candidate files.", grouped(n_candidates))
    }
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Context<'_> {
    /// What a structural search covered when it was called off; `None` for any other search.
    pub(crate) fn say_coverage(&self, are_all_repos_known: bool) -> Option<String> {
        self.plan.is_structural.then(|| self.coverage.say(are_all_repos_known))
    }
}

/// Which languages a pattern was read in, where the query does not say.
pub(crate) fn alert(plan: &Plan) -> Option<String> {
    if !plan.is_structural || plan.names_languages {
        return None;
    }
    let mut languages: Vec<&str> = Vec::new();
    for content in plan.terms.iter().filter_map(|term| term.content.as_ref()) {
        if let Matcher::Tree(pattern) = &content.matcher {
            languages.extend(pattern.languages());
        }
    }
    languages.sort_unstable();
    languages.dedup();
    let listed = crate::words::listed(&languages, NAMED_LANGUAGES);
    Some(format!("The pattern was looked for in {listed}. Add lang: to choose one."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_says_whether_it_is_exact() {
        let coverage = Coverage::default();
        coverage.expect(2);
        coverage.found(3_310);
        (0..1_204).for_each(|_| coverage.searched());
        assert_eq!(coverage.say(true), "It searched 1,204 of at least 3,310 candidate files.");
        coverage.found(0);
        assert_eq!(coverage.say(true), "It searched 1,204 of 3,310 candidate files.");
        assert_eq!(coverage.say(false), "It searched 1,204 of at least 3,310 candidate files.");
    }

    #[test]
    fn languages_are_those_that_hold_for_the_whole_query() {
        let asked = |text: &str| {
            let query = query::parse(text, &query::Options::default()).expect("a query");
            let names = asked_languages(&query.expr).into_iter().filter_map(syntax::language_name);
            names.collect::<Vec<_>>()
        };
        assert_eq!(asked("lang:c foo"), ["C"]);
        assert_eq!(asked("(lang:c OR lang:go) foo"), ["C", "Go"]);
        assert_eq!(asked("foo (lang:c OR bar)"), [""; 0]);
        assert_eq!(asked("foo -lang:c"), [""; 0]);
    }
}
