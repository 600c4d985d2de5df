//! The query language: text to tree, tree to text, and what a page needs to colour, complete and mend what is typed.
//!
//! Layer 0. The way of a query: [`parse`] reads the text under [`Options`] into a [`Query`] (a boolean [`Expr`] plus
//! [`Settings`]), or says in a [`ParseError`] which bytes are at fault and offers a mended text; [`alerts`] finds
//! contradictions; [`unanswerable`] finds what cannot be asked together; the search engine lowers the tree.
//! [`tokenize`] colours, [`complete`] completes, both for any text. [`FILTERS`] is the one table that parser,
//! completion, errors and documentation are made of.
//!
//! Invariants: it never looks at an index, a database or a clock (dates are resolved later, with the clock passed in);
//! it never panics and takes bounded time and stack for any text; a broken text is an error, never silently a search
//! for the broken text.

mod ast;
mod context;
mod settings;
mod span;

mod error;
mod options;
mod table;

mod lexer;
mod nesting;
mod scan;
mod text;

mod date;
mod duration;
mod parser;
mod predicates;
mod regex;
mod revs;
mod terms;
mod values;

mod alerts;
mod complete;
mod contradictions;
mod explain;
mod print;
mod together;
mod token;

pub use alerts::{Alert, SameLanguage, alerts};
pub use ast::{
    Expr, FilePredicate, Filter, FilterKind, Leaf, Pattern, PatternKind, Query, RepoFilter, RepoPredicate,
    Target,
};
pub use complete::{Candidate, Completion, Expected, complete};
pub use context::{ContextDefinition, ContextFilter, ContextScope, parse_context, parse_revisions};
pub use date::Date;
pub use error::{ErrorKind, ParseError};
pub use explain::explain;
pub use options::{Limits, Options};
pub use parser::parse;
pub use regex::{Anchors, Regex, TranslateError};
pub use revs::glob_matches;
pub use settings::{
    Count, Inclusion, IndexUse, PatternType, ResultType, Rev, RevKind, Select, Setting, Settings, Visibility,
};
pub use span::{Span, Spanned};
pub use table::{
    FILTERS, FilterId, FilterInfo, PredicateInfo, ValueInfo, ValueKind, filter_table_markdown,
    predicate_table_markdown,
};
pub use together::unanswerable;
pub use token::{Token, TokenKind, tokenize};
