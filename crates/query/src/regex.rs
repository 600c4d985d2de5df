//! Regular expressions inside queries: checked when the query is read, with errors that point into its text.

use crate::text::Source;
use crate::{ErrorKind, Limits, ParseError, Span};
use regex_syntax::ast::{self, Ast};
use regex_syntax::hir::translate::TranslatorBuilder;
use regex_syntax::hir::{self, Class, Hir, HirKind};
use std::fmt;

/// The text of a regular expression that [`parse`](crate::parse) has checked: its syntax, its size, and that it needs
/// neither back-references nor look-around.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Regex {
    text: String,
}

/// What `^` and `$` of a [`Regex`] stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Anchors {
    /// The ends of each line: for content.
    Lines,
    /// The ends of the whole: for repository names, paths, authors.
    Whole,
}

/// Why a [`Regex`] could not be turned into its high-level form. Not expected of one that `parse` has checked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("regular expression '{text}' cannot be translated")]
pub struct TranslateError {
    /// The expression.
    pub text: String,
    /// What regex-syntax says.
    pub source: Box<regex_syntax::Error>,
}

impl Regex {
    /// Checks an expression that stands alone, against limits for itself. Spans of errors are offsets into `text`.
    pub fn new(text: &str, limits: &Limits) -> Result<Self, ParseError> {
        let source = Source::plain(text, Span::new(0, text.len()));
        RegexBudget::new(limits).check(&source)
    }

    /// The expression that matches exactly this text.
    pub fn escaped(text: &str) -> Self {
        Regex { text: regex_syntax::escape(text) }
    }

    /// The expression as text, in the syntax of `regex-syntax`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The high-level form, under the flags with which [`parse`](crate::parse) checked it: Unicode, bytes that are not
    /// UTF-8 allowed by `(?-u:…)`, `.` without `\n`. The one way to lower a query's expression, so that grams and
    /// matching agree.
    pub fn hir(&self, case_sensitive: bool, anchors: Anchors) -> Result<Hir, TranslateError> {
        let fault = |source| TranslateError { text: self.text.clone(), source: Box::new(source) };
        let ast = parse_ast(&self.text).map_err(|error| fault(regex_syntax::Error::Parse(*error)))?;
        let hir = translate(&self.text, &ast, case_sensitive, anchors);
        hir.map_err(|error| fault(regex_syntax::Error::Translate(error)))
    }
}

impl fmt::Display for Regex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// Deepest nesting inside one expression: it bounds every recursion over a syntax tree. A constant, so that
/// [`Regex::hir`] accepts all that was accepted before.
const NEST_LIMIT: u32 = 64;

fn parse_ast(text: &str) -> Result<Ast, Box<ast::Error>> {
    ast::parse::ParserBuilder::new().nest_limit(NEST_LIMIT).build().parse(text).map_err(Box::new)
}

fn translate(text: &str, ast: &Ast, case_sensitive: bool, anchors: Anchors) -> Result<Hir, hir::Error> {
    TranslatorBuilder::new()
        .utf8(false)
        .case_insensitive(!case_sensitive)
        .multi_line(anchors == Anchors::Lines)
        .build()
        .translate(text, ast)
}

/// What all regular expressions of one query may still cost.
pub(crate) struct RegexBudget {
    states: usize,
    classes: usize,
    limits: Limits,
}

impl RegexBudget {
    pub(crate) fn new(limits: &Limits) -> Self {
        RegexBudget { states: limits.regex_states_max, classes: limits.regex_classes_max, limits: *limits }
    }

    /// Checks an expression and takes its cost from the budget. `\/` becomes `/`, so that an expression has one
    /// spelling however it was delimited.
    pub(crate) fn check(&mut self, source: &Source) -> Result<Regex, ParseError> {
        let ast = parse_ast(&source.text).map_err(|error| syntax_error(source, &error))?;
        // Before translation: a class is small as syntax and hundreds of ranges afterwards.
        let n_classes = ast::visit(&ast, ClassCounter { n_classes: 0 }).unwrap_or(usize::MAX);
        let Some(classes_left) = self.classes.checked_sub(n_classes) else {
            let classes_max = self.limits.regex_classes_max;
            let reason =
                format!("all expressions of a query together may hold {classes_max} Unicode classes");
            return Err(ParseError::new(source.whole(), ErrorKind::RegexTooLarge { reason }));
        };
        // Case-insensitive is the larger of the two forms.
        let hir = translate(&source.text, &ast, false, Anchors::Lines)
            .map_err(|error| error_at(source, error.span(), error.kind().to_string()))?;
        let Some(states_left) = usize::try_from(n_states(&hir)).ok().and_then(|n| self.states.checked_sub(n))
        else {
            let reason = "repetitions multiply it beyond what can be matched in bounded memory".to_string();
            return Err(ParseError::new(source.whole(), ErrorKind::RegexTooLarge { reason })
                .with_hint("use smaller bounds, or `*` and `+` instead of counts"));
        };
        (self.classes, self.states) = (classes_left, states_left);
        Ok(Regex { text: without_escaped_slashes(&source.text) })
    }

    /// Checks the syntax of an expression whose parts were paid for already.
    pub(crate) fn check_joined(source: &Source) -> Result<Regex, ParseError> {
        let ast = parse_ast(&source.text).map_err(|error| syntax_error(source, &error))?;
        translate(&source.text, &ast, false, Anchors::Lines)
            .map_err(|error| error_at(source, error.span(), error.kind().to_string()))?;
        Ok(Regex { text: source.text.clone() })
    }
}

fn without_escaped_slashes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('/') => out.push('/'),
                next => {
                    out.push(c);
                    out.extend(next);
                }
            },
            _ => out.push(c),
        }
    }
    out
}

fn syntax_error(source: &Source, error: &ast::Error) -> ParseError {
    use ast::ErrorKind as Kind;
    let construct = match error.kind() {
        Kind::UnsupportedBackreference => "back-references",
        Kind::UnsupportedLookAround => "look-ahead and look-behind",
        Kind::NestLimitExceeded(limit) => {
            let reason = format!("groups are nested more than {limit} deep");
            return ParseError::new(source.whole(), ErrorKind::RegexTooLarge { reason });
        }
        other => return error_at(source, error.span(), other.to_string()),
    };
    let span = span_of(source, error.span());
    ParseError::new(span, ErrorKind::UnsupportedRegex { construct }).with_hint(
        "matching takes linear time here, which rules them out; combine terms with AND and NOT instead",
    )
}

fn error_at(source: &Source, span: &ast::Span, message: String) -> ParseError {
    ParseError::new(span_of(source, span), ErrorKind::BadRegex { message })
}

fn span_of(source: &Source, span: &ast::Span) -> Span {
    source.span(span.start.offset, span.end.offset)
}

struct ClassCounter {
    n_classes: usize,
}

impl ast::Visitor for ClassCounter {
    type Output = usize;
    type Err = std::convert::Infallible;

    fn finish(self) -> Result<usize, Self::Err> {
        Ok(self.n_classes)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), Self::Err> {
        if matches!(ast, Ast::ClassUnicode(_) | Ast::ClassPerl(_)) {
            self.n_classes += 1;
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ast::ClassSetItem) -> Result<(), Self::Err> {
        let bracketed = matches!(item, ast::ClassSetItem::Bracketed(set) if set.negated);
        if matches!(item, ast::ClassSetItem::Unicode(_) | ast::ClassSetItem::Perl(_)) || bracketed {
            self.n_classes += 1;
        }
        Ok(())
    }
}

/// A rough upper estimate of how many automaton states an expression compiles to. It recurses as deep as the
/// expression nests, which is bounded by [`NEST_LIMIT`].
fn n_states(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(Class::Unicode(class)) => class.ranges().len() as u64,
        HirKind::Class(Class::Bytes(_)) => 1,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(repetition.min).max(1);
            n_states(&repetition.sub).saturating_add(1).saturating_mul(u64::from(times))
        }
        HirKind::Capture(capture) => n_states(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(n_states).fold(1, |sum, n| sum.saturating_add(n).saturating_add(1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<String, (String, &str)> {
        match Regex::new(text, &Limits::DEFAULT) {
            Ok(regex) => Ok(regex.text),
            Err(error) => Err((error.to_string(), error.span.of(text))),
        }
    }

    #[test]
    fn good_ones() {
        for good in [r"a+", r"(?i)x", r"\pL\s", r"[^)]", r"(a+)+$", r"(?-u:\xFF)", "", "a|", r"\<int\>"] {
            assert_eq!(check(good), Ok(good.to_string()));
        }
        assert_eq!(check(r"a\/b\\/"), Ok(r"a/b\\/".to_string()));
    }

    #[test]
    fn faults_point_at_the_character() {
        let looks = "look-ahead and look-behind are not supported in regular expressions".to_string();
        assert_eq!(check("a(?=b)"), Err((looks.clone(), "(?=")));
        assert_eq!(check("a(?<!b)"), Err((looks, "(?<!")));
        let backs = "back-references are not supported in regular expressions".to_string();
        assert_eq!(check(r"(a)\1"), Err((backs, r"\1")));
        assert_eq!(check("é(b"), Err(("bad regular expression: unclosed group".to_string(), "(")));
        assert!(check("a{1000}{1000}").is_err_and(|(message, _)| message.contains("too large")));
        assert!(check(&"(".repeat(10_000)).is_err());
        assert!(check(&r"\pL".repeat(10_000)).is_err_and(|(message, _)| message.contains("Unicode classes")));
    }

    #[test]
    fn ten_thousand_alternatives_are_fine() {
        let text = (0..10_000).map(|n| format!("w{n}")).collect::<Vec<_>>().join("|");
        assert!(Regex::new(&text, &Limits::DEFAULT).is_ok());
    }

    #[test]
    fn anchors_and_case_are_the_callers() {
        let regex = Regex::new("^k", &Limits::DEFAULT).expect("it is one");
        let shown =
            |case, anchors| regex.hir(case, anchors).map(|hir| hir.to_string()).expect("it was checked");
        assert_eq!(shown(true, Anchors::Lines), "(?:(?m:^)k)");
        assert_eq!(shown(true, Anchors::Whole), r"(?:\Ak)");
        assert!(shown(false, Anchors::Lines).contains('K'));
    }
}
