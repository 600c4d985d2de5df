//! What is known of a file's text: its encoding, its language, how much it matters, and how it is coloured.
//!
//! Layer 1. Everything that knows a programming language is here, all of tree-sitter behind it. In reading order:
//! [`decode`] turns a blob's bytes into UTF-8 or says why it cannot; [`detect_language`], [`language_by_path`] and
//! [`document_language`] say which language it is in; [`doc_flags`] and [`static_rank`] say how much a reader is likely to
//! care; [`highlight`] gives the colours of a page and [`lines`] cuts them into lines; [`symbols`] finds the definitions,
//! [`bindings`] what the names in a text mean, and [`StructuralPattern`] code by its shape.
//!
//! Invariants: nothing here does I/O or keeps global state but the highlighting queries, which are compiled once on
//! first use; every answer depends on the arguments alone; all input is hostile, so each function is linear in its
//! input or has a limit, and none panics.

mod bindings;
mod decode;
mod detect;
mod doc_flags;
mod highlight;
mod languages;
mod lines;
mod structural;
mod symbols;

pub use bindings::{
    Binding, BindingIdx, BindingKind, BindingLimits, Bindings, Import, Meaning, Name, NameIdx, Origin,
    bindings, has_scopes,
};
pub use decode::{DecodeLimits, Decoded, decode};
pub use detect::{HEAD_BYTES, PathLanguage, detect_language, document_language, language_by_path};
pub use doc_flags::{doc_flags, static_rank};
pub use highlight::{Class, HighlightError, HighlightLimits, Span, has_highlighter, highlight};
pub use languages::{
    LanguageInfo, LanguageKind, language_by_name, language_info, language_name, languages, suggest_language,
};
pub use lines::{HighlightedLine, lines};
pub use structural::{
    Literals, StructuralError, StructuralLimits, StructuralMatches, StructuralPattern, StructuralStop,
    structural_languages,
};
pub use symbols::{Symbol, SymbolError, SymbolLimits, Symbols, has_symbols, symbol_separator, symbols};
