//! What may be typed next.

use crate::lexer::{FilterLexeme, Form, LexemeKind, lex};
use crate::table::ValueKind;
use crate::{ErrorKind, FILTERS, FilterInfo, PatternType, Span, scan, values};

/// What is expected at the cursor, and what is known to fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// What is being typed.
    pub expected: Expected,
    /// The bytes that an accepted candidate replaces: from the beginning of the word or value to the cursor.
    pub replace: Span,
    /// Candidates from the language itself. For values that only the server knows (repositories, languages, revisions) it adds its own.
    pub candidates: Vec<Candidate>,
}

/// What is being typed at the cursor.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// A word that may become a filter's name, an operator or a term.
    Word {
        /// What stands before the cursor, without a `-`.
        prefix: String,
        /// Whether a `-` stands before it.
        negated: bool,
    },
    /// The value of a filter.
    Value {
        /// Which filter.
        filter: &'static FilterInfo,
        /// What of the value stands before the cursor, without an opening quote. Of a list (`rev:a:b`, `repo:x@a:b`) it is the last entry's part.
        prefix: String,
        /// Whether it is a revision: the value of `rev:`, or what follows the `@` of `repo:`.
        revision: bool,
    },
    /// Nothing to be completed: inside quotes or a regular expression.
    Nothing,
}

/// A text that fits at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What is inserted in place of [`Completion::replace`].
    pub insert: String,
    /// One line about it.
    pub doc: &'static str,
}

/// Says what may be typed at a byte offset of a text (moved down to a character boundary, and to the end of the text if
/// it lies past it). Only what stands before the cursor is looked at.
pub fn complete(text: &str, cursor: usize, default_pattern_type: PatternType) -> Completion {
    let mut cursor = cursor.min(text.len());
    while !text.is_char_boundary(cursor) {
        cursor -= 1;
    }
    let before = &text[..cursor];
    let filters = scan::pattern_type_filters(before);
    let mode = values::pattern_type(before, &filters, default_pattern_type)
        .map_or(default_pattern_type, |setting| setting.value);
    let last = lex(before, mode, &filters).into_iter().rev().find(|lexeme| !is_open_group(&lexeme.kind));
    let here = last.filter(|lexeme| lexeme.span.end == cursor);
    match here.map(|lexeme| (lexeme.kind, lexeme.span)) {
        Some((LexemeKind::Filter(filter), _)) => value(before, filter),
        Some((LexemeKind::Term(Form::Quoted(_) | Form::Slashed), _)) => nothing(cursor),
        Some((LexemeKind::Term(Form::Bare), span)) if mode != PatternType::Keyword => {
            // Neighbouring words are one term here; what is being typed is the last of them.
            let start =
                span.of(before).rfind(char::is_whitespace).map_or(span.start, |at| span.start + at + 1);
            word(before, if before.is_char_boundary(start) { start } else { span.start })
        }
        Some((LexemeKind::Term(Form::Bare) | LexemeKind::And | LexemeKind::Or | LexemeKind::Not, span)) => {
            word(before, span.start)
        }
        Some((LexemeKind::Minus, span)) => word(before, span.end),
        Some((LexemeKind::Fault(error), span)) => fault(before, &error.kind, span),
        _ => word(before, cursor),
    }
}

/// A group that is still open at the cursor is a fault of the whole text, not of what is being typed.
fn is_open_group(kind: &LexemeKind) -> bool {
    matches!(kind, LexemeKind::Fault(error) if matches!(error.kind, ErrorKind::UnbalancedParen { paren: '(' })
        && error.span.len() == 1)
}

fn nothing(cursor: usize) -> Completion {
    Completion { expected: Expected::Nothing, replace: Span::empty(cursor), candidates: Vec::new() }
}

/// What is broken up to the cursor may only be unfinished.
fn fault(before: &str, error: &ErrorKind, span: Span) -> Completion {
    match scan::known_filter(before, span.start) {
        Some((info, start)) if !matches!(error, ErrorKind::TextAfterQuote) => {
            let form = match before[start..].chars().next() {
                Some(quote @ ('"' | '\'')) => Form::Quoted(quote),
                _ => Form::Bare,
            };
            let lexeme = FilterLexeme {
                info,
                name: Span::new(span.start, start),
                value: Span::new(start, before.len()),
                form,
            };
            value(before, lexeme)
        }
        _ if matches!(error, ErrorKind::UnknownFilter { .. }) => word(before, span.start),
        _ => nothing(before.len()),
    }
}

fn word(before: &str, start: usize) -> Completion {
    let negated = before[..start].ends_with('-');
    let prefix = before[start..].to_string();
    let typed = prefix.to_ascii_lowercase();
    let fits = |filter: &&FilterInfo| !negated || filter.negatable;
    let by_name = |filter: &&FilterInfo| filter.names().any(|name| name.starts_with(&typed));
    let mut candidates: Vec<Candidate> = FILTERS
        .iter()
        .filter(fits)
        .filter(by_name)
        .map(|filter| Candidate { insert: format!("{}:", filter.name), doc: filter.doc })
        .collect();
    if !negated && !typed.is_empty() {
        let operators = [
            ("AND", "both sides match"),
            ("OR", "one of the sides matches"),
            ("NOT", "what follows does not match"),
        ];
        let typed = operators.into_iter().filter(|(name, _)| name.to_ascii_lowercase().starts_with(&typed));
        candidates.extend(typed.map(|(name, doc)| Candidate { insert: format!("{name} "), doc }));
    }
    Completion {
        expected: Expected::Word { prefix, negated },
        replace: Span::new(start, before.len()),
        candidates,
    }
}

fn value(before: &str, filter: FilterLexeme) -> Completion {
    let is_quoted = matches!(filter.form, Form::Quoted(_));
    let closed = is_quoted && scan::is_boundary(before, filter.value.end) && filter.value.len() > 1 && {
        let quote = filter.value.of(before).chars().next().unwrap_or('"');
        scan::quoted(before, filter.value.start, quote) == Some(filter.value.end)
    };
    if closed || filter.form == Form::Slashed {
        return nothing(before.len());
    }
    let value = filter.value.of(before);
    let start = filter.value.start + usize::from(is_quoted);
    let revs = match filter.info.kind {
        ValueKind::Revision => Some(start),
        ValueKind::Repository => values::unescaped_at(value).map(|at| filter.value.start + at + 1),
        _ => None,
    };
    let entry = |from: usize| before[from..].rfind(':').map_or(from, |at| from + at + 1);
    let from = revs.map_or(start, entry);
    let prefix = before[from..].to_string();
    let typed = prefix.to_ascii_lowercase();
    let mut candidates = Vec::new();
    if revs.is_none() {
        let values = filter.info.values.iter().filter(|value| value.value.starts_with(&typed));
        candidates.extend(values.map(|value| Candidate { insert: value.value.to_string(), doc: value.doc }));
        let predicates = filter.info.predicates.iter().filter(|predicate| predicate.name.starts_with(&typed));
        let named = predicates.filter(|_| !typed.is_empty());
        candidates.extend(
            named.map(|predicate| Candidate { insert: format!("{}(", predicate.name), doc: predicate.doc }),
        );
    }
    Completion {
        expected: Expected::Value { filter: filter.info, prefix, revision: revs.is_some() },
        replace: Span::new(from, before.len()),
        candidates,
    }
}
