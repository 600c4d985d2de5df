//! What a caller decides about parsing.

use crate::PatternType;

/// How to read a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How bare terms are read where the query has no `patterntype:`.
    pub default_pattern_type: PatternType,
    /// What is too much.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Options { default_pattern_type: PatternType::Keyword, limits: Limits::DEFAULT }
    }
}

/// What is too much. Past each limit there is a typed error, never a cut query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest text. Saved queries that list repositories by name have been seen with 20 kB.
    pub bytes_max: usize,
    /// Deepest nesting of groups and negations, and deepest nesting inside a regular expression. It bounds every
    /// recursion over a tree.
    pub depth_max: usize,
    /// Most terms and filters in one query.
    pub terms_max: usize,
    /// Most states, by a rough upper estimate, that all regular expressions of one query may compile to.
    pub regex_states_max: usize,
    /// Most Unicode classes (`\w`, `\pL`, …) in all regular expressions of one query: each is hundreds of ranges.
    pub regex_classes_max: usize,
}

impl Limits {
    /// The limits of the product.
    pub const DEFAULT: Limits = Limits {
        bytes_max: 64 * 1024,
        depth_max: 64,
        terms_max: 2_000,
        regex_states_max: 200_000,
        regex_classes_max: 250,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Limits::DEFAULT
    }
}
