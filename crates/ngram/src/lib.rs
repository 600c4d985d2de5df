//! One definition of a gram, shared by writing and asking.
//!
//! Layer 0. The index writer asks [`for_each_window`] for the grams of a text; the search engine asks
//! [`GramQuery::from_hir`] and [`GramQuery::literal`] which grams a match must hold. Both fold with [`fold_into`], so they cannot disagree:
//! the property test in `tests/it` holds that **every line that matches satisfies its query**.
//!
//! Invariants: this crate knows no files and no postings; nothing here panics on any input; every query it makes has at
//! most [`LEAVES_MAX`] leaves, whatever the pattern.

mod fold;
mod fold_table;
mod gram;
mod lower;
mod query;

pub use fold::{fold_char, fold_into};
pub use gram::{Bigram, Gram, Window, for_each_window};
pub use lower::may_match_newline;
pub use query::{GramQuery, LEAVES_MAX};
