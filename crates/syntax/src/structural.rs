//! Structural search: patterns that are code with holes, looked for in syntax trees.
//!
//! A pattern is read by each grammar that can read it, in the places of a program where it can stand, and becomes a tree
//! with metavariables; `ast-grep-core` tells whether a node is like it. Everything around that is here: parsing within a
//! deadline, walking without recursion, a bound on every step ([`StructuralLimits`]). A text that a grammar's scanner cannot
//! hold is not parsed, as in highlighting.

mod compile;
mod contexts;
mod document;
mod find;
mod holes;

use crate::highlight::grammars::{self, Grammar};
use crate::languages::{language_by_name, language_name};
use compile::Alternative;
use model::{ByteRange, Language};
use std::collections::BTreeSet;

pub use find::{StructuralLimits, StructuralMatches, StructuralStop};

/// Longest pattern, in bytes. Each grammar reads it several times.
const PATTERN_BYTES_MAX: usize = 4096;

/// A structural pattern, compiled for every language that can read it.
#[derive(Debug)]
pub struct StructuralPattern {
    compiled: Vec<Compiled>,
}

/// A pattern as one grammar reads it.
struct Compiled {
    grammar: &'static Grammar,
    /// The grammar's name: that of the first of its languages.
    name: &'static str,
    /// In each of the places where it can stand, where that makes another tree.
    alternatives: Vec<Alternative>,
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct(self.name).field("alternatives", &self.alternatives).finish()
    }
}

/// What every text with a match holds: one of these lists, and of that list every word. A word is compared in exact case
/// unless its language takes keywords in any.
pub type Literals = BTreeSet<Vec<String>>;

/// Why a pattern cannot be compiled. Spans are byte offsets into the pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StructuralError {
    /// It is longer than any pattern may be.
    #[error("the structural pattern has {size_bytes} bytes; at most {size_bytes_max} can be compiled")]
    TooLong {
        /// Its length.
        size_bytes: usize,
        /// The limit.
        size_bytes_max: usize,
    },
    /// It has more holes than can be bound.
    #[error("the structural pattern has {n_holes} holes; at most {n_holes_max} can be bound")]
    TooManyHoles {
        /// How many there are.
        n_holes: usize,
        /// The limit.
        n_holes_max: usize,
    },
    /// Its tree has more nodes, or more levels, than can be matched in bounded time.
    #[error(
        "the structural pattern is too large or too deeply nested to be matched; search for a part of it"
    )]
    TooComplex,
    /// There are only holes.
    #[error("the structural pattern is only holes, which every file matches; add some code to it")]
    Everything,
    /// A hole says something that syntax trees cannot answer.
    #[error("this hole {what}")]
    BadHole {
        /// What is wrong with it.
        what: &'static str,
        /// Where it stands.
        span: ByteRange,
    },
    /// A hole is only a part of a word, a string or a comment.
    #[error("a hole must stand for whole nodes, not for a part of a word, a string or a comment")]
    HoleInWord {
        /// The word.
        span: ByteRange,
    },
    /// It is several statements or expressions in a row.
    #[error(
        "the pattern is several statements or expressions in a row; put braces around them, or search for one"
    )]
    Several,
    /// No grammar there is, or none of those asked for, can read it.
    #[error("{} cannot read the pattern from here on", .languages.join(", "))]
    Unreadable {
        /// The grammars that were tried, by name; at most four.
        languages: Vec<&'static str>,
        /// From the first fault to the end, as the grammar that came furthest sees it.
        span: ByteRange,
    },
    /// The languages asked for have no grammar.
    #[error("structural search has no grammar for {language}")]
    NoGrammar {
        /// The first of them.
        language: &'static str,
    },
}

impl StructuralError {
    /// Where in the pattern the fault is, if it is at one place.
    pub fn span(&self) -> Option<ByteRange> {
        match self {
            StructuralError::BadHole { span, .. }
            | StructuralError::HoleInWord { span }
            | StructuralError::Unreadable { span, .. } => Some(span.clone()),
            _ => None,
        }
    }
}

impl StructuralPattern {
    /// Compiles a pattern for these languages, or for all there are where none is named. It succeeds where one of them can
    /// read it.
    pub fn compile(text: &str, languages: &[Language]) -> Result<StructuralPattern, StructuralError> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(StructuralError::TooLong {
                size_bytes: text.len(),
                size_bytes_max: PATTERN_BYTES_MAX,
            });
        }
        let trimmed = text.trim_start();
        let offset = text.len() - trimmed.len();
        let compiled = compile::for_grammars(trimmed.trim_end(), &chosen(languages)?);
        compiled.map(|compiled| StructuralPattern { compiled }).map_err(|error| error.shifted(offset))
    }

    /// Whether texts in this language are searched.
    pub fn reads(&self, language: Language) -> bool {
        self.of_language(language).is_some()
    }

    /// The grammars that read it, by name, in the order of the alphabet.
    pub fn languages(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.compiled.iter().map(|compiled| compiled.name).collect();
        names.sort_unstable_by_key(|name| name.to_ascii_lowercase());
        names
    }

    /// What every text with a match holds.
    pub fn literals(&self) -> Literals {
        self.compiled.iter().flat_map(|compiled| &compiled.alternatives).map(Alternative::words).collect()
    }

    fn of_language(&self, language: Language) -> Option<&Compiled> {
        let grammar = grammars::grammar_of(language)?;
        self.compiled.iter().find(|compiled| std::ptr::eq(compiled.grammar, grammar))
    }
}

impl StructuralError {
    fn shifted(mut self, by: usize) -> Self {
        if let StructuralError::BadHole { span, .. }
        | StructuralError::HoleInWord { span }
        | StructuralError::Unreadable { span, .. } = &mut self
        {
            *span = span.start + by..span.end + by;
        }
        self
    }
}

/// The grammars for these languages, each once, with its name.
fn chosen(languages: &[Language]) -> Result<Vec<(&'static str, &'static Grammar)>, StructuralError> {
    if languages.is_empty() {
        return Ok(grammars::all().map(|grammar| (grammar.name(), grammar)).collect());
    }
    let mut found: Vec<(&'static str, &'static Grammar)> = Vec::new();
    for grammar in languages.iter().filter_map(|language| grammars::grammar_of(*language)) {
        if !found.iter().any(|(_, known)| std::ptr::eq(*known, grammar)) {
            found.push((grammar.name(), grammar));
        }
    }
    match (found.is_empty(), languages.first()) {
        (true, Some(language)) => {
            Err(StructuralError::NoGrammar { language: language_name(*language).unwrap_or("it") })
        }
        _ => Ok(found),
    }
}

/// The languages structural search has grammars for, by name.
pub fn structural_languages() -> Vec<&'static str> {
    let mut names: Vec<_> =
        grammars::all().map(Grammar::name).filter(|name| language_by_name(name).is_some()).collect();
    names.sort_unstable_by_key(|name| name.to_ascii_lowercase());
    names
}
