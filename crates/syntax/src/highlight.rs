//! The colours of code: by syntax tree where there is a grammar, by a generic lexer where there is none.

pub(crate) mod grammars;
mod lexer;
pub(crate) mod scanners;
mod tree;

use model::{ByteRange, Language};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What a piece of code is, as far as its colour goes: a closed set, so that a style sheet can name them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    /// A comment or documentation.
    Comment,
    /// A string, character or regular expression literal.
    String,
    /// An escape sequence or interpolation mark within a string.
    Escape,
    /// A number.
    Number,
    /// A built-in or named constant: `true`, `NULL`, `MAX_LEN`.
    Constant,
    /// A reserved word.
    Keyword,
    /// An operator.
    Operator,
    /// A mark of prose and data: a list's dash, a key's colon. Brackets and commas of code stay plain.
    Punctuation,
    /// A function or method, where defined or called.
    Function,
    /// A macro or preprocessor directive.
    Macro,
    /// A type, class or interface.
    Type,
    /// A variable worth a colour: built-in or parameter.
    Variable,
    /// A field, property or key.
    Property,
    /// An attribute, annotation or decorator.
    Attribute,
    /// A markup element's name.
    Tag,
    /// A label, symbol or anchor.
    Label,
    /// A module, namespace or package.
    Module,
    /// A heading in prose.
    Heading,
    /// A link or address in prose.
    Link,
    /// Emphasised prose.
    Emphasis,
    /// Strongly emphasised prose.
    Strong,
    /// A line that was added, in a patch.
    Inserted,
    /// A line that was removed, in a patch.
    Deleted,
}

impl Class {
    /// Every class, in order.
    pub const ALL: [Class; 23] = [
        Class::Comment,
        Class::String,
        Class::Escape,
        Class::Number,
        Class::Constant,
        Class::Keyword,
        Class::Operator,
        Class::Punctuation,
        Class::Function,
        Class::Macro,
        Class::Type,
        Class::Variable,
        Class::Property,
        Class::Attribute,
        Class::Tag,
        Class::Label,
        Class::Module,
        Class::Heading,
        Class::Link,
        Class::Emphasis,
        Class::Strong,
        Class::Inserted,
        Class::Deleted,
    ];

    /// The class's name: lower-case ASCII letters, fit for a style sheet.
    pub fn name(self) -> &'static str {
        match self {
            Class::Comment => "comment",
            Class::String => "string",
            Class::Escape => "escape",
            Class::Number => "number",
            Class::Constant => "constant",
            Class::Keyword => "keyword",
            Class::Operator => "operator",
            Class::Punctuation => "punctuation",
            Class::Function => "function",
            Class::Macro => "macro",
            Class::Type => "type",
            Class::Variable => "variable",
            Class::Property => "property",
            Class::Attribute => "attribute",
            Class::Tag => "tag",
            Class::Label => "label",
            Class::Module => "module",
            Class::Heading => "heading",
            Class::Link => "link",
            Class::Emphasis => "emphasis",
            Class::Strong => "strong",
            Class::Inserted => "inserted",
            Class::Deleted => "deleted",
        }
    }
}

/// A coloured range of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The bytes: never empty, on character borders, inside the text.
    pub range: ByteRange,
    /// Their colour.
    pub class: Class,
}

/// How much one call of [`highlight`] may cost. What is over a limit is an error, never a partial answer.
#[derive(Clone, Copy, Debug)]
pub struct HighlightLimits<'a> {
    /// Longest text, in bytes.
    pub size_bytes_max: usize,
    /// Most spans.
    pub n_spans_max: usize,
    /// When to give up, if the time is bounded.
    pub deadline: Option<Instant>,
    /// Set by another thread when nobody waits for the answer any more.
    pub cancel: Option<&'a AtomicBool>,
}

impl Default for HighlightLimits<'_> {
    /// 1 MiB, 400,000 spans, no deadline: the caller should set one.
    fn default() -> Self {
        HighlightLimits { size_bytes_max: 1 << 20, n_spans_max: 400_000, deadline: None, cancel: None }
    }
}

/// Why a text has no colours. All of them leave the text itself readable: show it plain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HighlightError {
    /// The text is longer than the limit.
    #[error("text of {size_bytes} bytes is over the highlighting limit of {limit_bytes}")]
    TooLarge {
        /// The text's length.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// The deadline passed.
    #[error("highlighting took longer than its time limit")]
    OutOfTime,
    /// The caller cancelled.
    #[error("highlighting was cancelled")]
    Cancelled,
    /// There would be more spans than the limit.
    #[error("text has more than {limit} coloured spans")]
    TooManySpans {
        /// The limit.
        limit: usize,
    },
    /// Neither a grammar nor the generic lexer knows the language.
    #[error("no highlighter for language {}", language.0)]
    Unsupported {
        /// The language asked for.
        language: Language,
    },
}

/// Whether [`highlight`] knows the language.
pub fn has_highlighter(language: Language) -> bool {
    grammars::grammar_of(language).is_some() || lexer::rules_of(language).is_some()
}

/// Colours a text: spans in order, not overlapping, adjacent ones of the same class joined.
///
/// Languages with a grammar are parsed; others that the generic lexer knows are lexed, and so are texts that would be
/// too much for their grammar's scanner. It gives up with a typed reason at
/// the first limit it meets. Memory is bounded by a multiple of the text's length.
pub fn highlight(
    language: Language,
    text: &str,
    limits: &HighlightLimits<'_>,
) -> Result<Vec<Span>, HighlightError> {
    if text.len() > limits.size_bytes_max {
        return Err(HighlightError::TooLarge { size_bytes: text.len(), limit_bytes: limits.size_bytes_max });
    }
    let budget = Budget::new(limits);
    budget.check()?;
    let grammar = grammars::grammar_of(language).filter(|grammar| grammar.holds(text));
    let painted = if let Some(grammar) = grammar {
        tree::spans(grammar, text, &budget)?
    } else if let Some(rules) = lexer::rules_of(language) {
        lexer::spans(rules, text, &budget)?
    } else {
        return Err(HighlightError::Unsupported { language });
    };
    debug_assert!(painted.is_sorted_by(|left, right| left.range.end <= right.range.start));
    Ok(painted)
}

/// The limits of one call while it runs.
struct Budget<'a> {
    limits: &'a HighlightLimits<'a>,
}

impl<'a> Budget<'a> {
    fn new(limits: &'a HighlightLimits<'a>) -> Self {
        Budget { limits }
    }

    /// Whether there is time left and somebody still waits.
    fn check(&self) -> Result<(), HighlightError> {
        if self.limits.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
            return Err(HighlightError::Cancelled);
        }
        if self.limits.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(HighlightError::OutOfTime);
        }
        Ok(())
    }

    /// Whether one more span may be added.
    fn check_n_spans(&self, n_spans: usize) -> Result<(), HighlightError> {
        let limit = self.limits.n_spans_max;
        if n_spans > limit { Err(HighlightError::TooManySpans { limit }) } else { Ok(()) }
    }
}

/// Adds a span, joining it to the last where they touch and agree.
fn push_span(spans: &mut Vec<Span>, range: ByteRange, class: Class) {
    if range.is_empty() {
        return;
    }
    match spans.last_mut() {
        Some(last) if last.range.end == range.start && last.class == class => last.range.end = range.end,
        _ => spans.push(Span { range, class }),
    }
}
