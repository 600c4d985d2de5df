//! Text to lexemes: where words, filters, operators and groups begin and end under a pattern type.
//!
//! Total: every text has lexemes, what is broken becomes a [`LexemeKind::Fault`]. Parser, colours and completion all
//! stand on these, so they cannot disagree. Time is linear in the text, but for logarithms.

use crate::error::shown;
use crate::nesting::Nesting;
use crate::scan::{self, Closed};
use crate::table::ValueKind;
use crate::text::{mended, nearest, quoted};
use crate::{ErrorKind, FILTERS, FilterId, FilterInfo, ParseError, PatternType, Span};

/// A piece of the text. Between two of them there is at most white space.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lexeme {
    pub(crate) span: Span,
    pub(crate) kind: LexemeKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LexemeKind {
    /// A `(` that groups.
    Open,
    /// A `)` that ends a group.
    Close,
    And,
    Or,
    Not,
    /// `-` before a filter, a term or a group.
    Minus,
    Filter(FilterLexeme),
    Term(Form),
    /// What is broken, and why.
    Fault(Box<ParseError>),
}

/// A filter: its name with the colon, and its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FilterLexeme {
    pub(crate) info: &'static FilterInfo,
    pub(crate) name: Span,
    pub(crate) value: Span,
    pub(crate) form: Form,
}

/// How a term or a value is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Bare,
    /// Between two of these quotes.
    Quoted(char),
    /// Between slashes.
    Slashed,
}

impl Form {
    /// The bytes between the delimiters.
    pub(crate) fn inside(self, span: Span) -> Span {
        match self {
            Form::Bare => span,
            Form::Quoted(_) | Form::Slashed => Span::new(span.start + 1, span.end - 1),
        }
    }
}

/// All lexemes of a text, under a pattern type. `pattern_type_filters` are the places at which `patterntype:` is a filter.
pub(crate) fn lex(text: &str, mode: PatternType, pattern_type_filters: &[Span]) -> Vec<Lexeme> {
    let nesting = Nesting::of(text, mode);
    let lexer = Lexer {
        text,
        mode,
        pattern_type_filters,
        nesting,
        out: Vec::new(),
        open: Vec::new(),
        n_operators: 0,
        has_fault: false,
    };
    lexer.run()
}

/// A literal text as it may be written under a pattern type without being taken for anything else.
pub(crate) fn as_literal(text: &str, mode: PatternType) -> String {
    match mode {
        PatternType::Keyword | PatternType::Regexp => quoted(text),
        _ => format!("content:{}", quoted(text)),
    }
}

struct Lexer<'a> {
    text: &'a str,
    mode: PatternType,
    pattern_type_filters: &'a [Span],
    nesting: Nesting,
    out: Vec<Lexeme>,
    /// Indexes into `out` of the groups that are not closed yet.
    open: Vec<usize>,
    n_operators: usize,
    has_fault: bool,
}

impl Lexer<'_> {
    fn run(mut self) -> Vec<Lexeme> {
        let mut at = 0;
        loop {
            at = scan::skip_space(self.text, at);
            if at >= self.text.len() {
                break;
            }
            let next = self.lexeme(at);
            debug_assert!(next > at, "a lexeme covers something");
            at = next.max(at + 1);
        }
        self.mark_open_groups();
        self.out
    }

    /// Reads one lexeme at `at` (two, where a `-` stands before something); returns where it ends.
    fn lexeme(&mut self, at: usize) -> usize {
        let rest = &self.text[at..];
        match rest.chars().next() {
            Some('(') => self.opening(at),
            Some(')') => self.closing(at),
            Some('-') if self.negates(at) => self.push(Span::new(at, at + 1), LexemeKind::Minus),
            Some('"') if self.has_quotes() => self.quoted_term(at),
            Some('/') if self.has_slashes() => self.slashed_or_word(at),
            _ => match scan::operator(self.text, at) {
                Some((kind, end)) => {
                    self.n_operators += 1;
                    self.push(Span::new(at, end), kind)
                }
                None => self.filter(at).unwrap_or_else(|| self.word(at)),
            },
        }
    }

    fn has_quotes(&self) -> bool {
        matches!(self.mode, PatternType::Keyword | PatternType::Regexp)
    }

    fn has_slashes(&self) -> bool {
        matches!(self.mode, PatternType::Keyword | PatternType::Regexp | PatternType::Standard)
    }

    /// Whether the whole run of words is one text.
    fn is_whole(&self) -> bool {
        matches!(self.mode, PatternType::Literal | PatternType::Standard | PatternType::Structural)
    }

    fn push(&mut self, span: Span, kind: LexemeKind) -> usize {
        self.out.push(Lexeme { span, kind });
        span.end
    }

    fn fault(&mut self, span: Span, error: ParseError) -> usize {
        self.has_fault = true;
        self.push(span, LexemeKind::Fault(Box::new(error)))
    }

    /// Adds the mended query to the first fault of a text. Only that one is told, and a copy of the text for each of
    /// many faults would take time and memory by its square.
    fn mend(&self, error: ParseError, changes: &[(Span, &str)]) -> ParseError {
        if self.has_fault { error } else { error.with_suggestion(mended(self.text, changes)) }
    }

    /// White space at the end of the text: what is missing is added in its place.
    fn tail(&self) -> Span {
        Span::new(self.text.trim_end().len(), self.text.len())
    }

    // --- groups ---

    fn opening(&mut self, at: usize) -> usize {
        let closed_around_operator = self.nesting.close_of(at).map(|close| self.nesting.splits(at, close));
        let groups = match (self.mode, closed_around_operator) {
            (PatternType::Keyword, _) => true,
            (_, Some(around_operator)) => around_operator,
            // Without a counterpart it is text, or an error of the word.
            (_, None) => false,
        };
        if !groups {
            return self.word(at);
        }
        self.open.push(self.out.len());
        self.push(Span::new(at, at + 1), LexemeKind::Open)
    }

    fn closing(&mut self, at: usize) -> usize {
        let span = Span::new(at, at + 1);
        if self.open.pop().is_some() {
            return self.push(span, LexemeKind::Close);
        }
        if self.mode == PatternType::Keyword || (self.is_whole() && self.nesting.is_structured()) {
            let error = self.mend(self.unopened(at), &[(span, "")]);
            return self.fault(span, error);
        }
        self.word(at)
    }

    fn unopened(&self, at: usize) -> ParseError {
        ParseError::new(Span::new(at, at + 1), ErrorKind::UnbalancedParen { paren: ')' })
            .with_hint("open it with '(', or put the text into quotes to search for it")
    }

    /// The outermost open group is told before all faults inside it, so that only its error needs a mended query.
    fn mark_open_groups(&mut self) {
        let mut suggestion = Some(format!("{}{}", self.text.trim_end(), ")".repeat(self.open.len())));
        for idx in std::mem::take(&mut self.open) {
            let mut error = self.unclosed(self.out[idx].span.start);
            error.suggestion = suggestion.take();
            self.out[idx].kind = LexemeKind::Fault(Box::new(error));
        }
    }

    fn unclosed(&self, at: usize) -> ParseError {
        ParseError::new(Span::new(at, at + 1), ErrorKind::UnbalancedParen { paren: '(' })
            .with_hint("close it with ')', or put the text into quotes to search for it")
    }

    // --- negation ---

    /// Whether the `-` at `at` negates what follows.
    fn negates(&self, at: usize) -> bool {
        let next = at + 1;
        if self.known_filter(next).is_some() {
            return true;
        }
        if scan::operator(self.text, next).is_some() {
            return false;
        }
        match self.text[next..].chars().next() {
            None => false,
            Some(c) if c.is_whitespace() => false,
            // Arrows, options and operators of programs are text.
            Some('-' | '>' | '=' | ')' | ',' | ';' | '|') => false,
            Some('(') if self.is_whole() => {
                self.nesting.close_of(next).is_some_and(|close| self.nesting.splits(next, close))
            }
            Some('/') if self.mode == PatternType::Standard => scan::slashed(self.text, next).is_some(),
            Some(_) => !self.is_whole(),
        }
    }

    // --- terms ---

    fn quoted_term(&mut self, at: usize) -> usize {
        match self.closed_quote(at, '"') {
            Ok(end) => self.push(Span::new(at, end), LexemeKind::Term(Form::Quoted('"'))),
            Err((end, error)) => self.fault(Span::new(at, end), *error),
        }
    }

    /// The end of what is quoted from `at`, or how far it is broken and why.
    fn closed_quote(&self, at: usize, quote: char) -> Result<usize, (usize, Box<ParseError>)> {
        let Some(end) = scan::quoted(self.text, at, quote) else {
            let kind = ErrorKind::UnbalancedQuote { quote };
            let error = ParseError::new(Span::new(at, self.text.len()), kind).with_hint(format!(
                "close it with {quote}; inside quotes write \\{quote} for the quote and \\\\ for a backslash at the end"
            ));
            let escape = if self.text.trim_end().ends_with('\\') { "\\" } else { "" };
            let error = self.mend(error, &[(self.tail(), &format!("{escape}{quote}"))]);
            return Err((self.text.len(), Box::new(error)));
        };
        if scan::is_boundary(self.text, end) {
            return Ok(end);
        }
        // Where no group is open, a `)` belongs to the text.
        let word_end = match self.open.is_empty() {
            true => self.text[end..].find(char::is_whitespace).map_or(self.text.len(), |at| end + at),
            false => scan::to_boundary(self.text, end),
        };
        let word = Span::new(at, word_end);
        let literal = as_literal(word.of(self.text), PatternType::Keyword);
        let error = ParseError::new(Span::new(end, word_end), ErrorKind::TextAfterQuote)
            .with_hint("put a space after the quote, or quote the whole and write \\\" for quotes inside it");
        Err((word_end, Box::new(self.mend(error, &[(word, &literal)]))))
    }

    fn slashed_or_word(&mut self, at: usize) -> usize {
        match scan::slashed(self.text, at) {
            Some(end) => self.push(Span::new(at, end), LexemeKind::Term(Form::Slashed)),
            None => self.word(at),
        }
    }

    fn word(&mut self, at: usize) -> usize {
        match self.word_end(at, at) {
            Ok(end) => self.push_word(Span::new(at, end)),
            Err((end, error)) => self.fault(Span::new(at, end), *error),
        }
    }

    /// The end of the word at `at`, or how far it is broken and why. `mend_from` is where the part begins that a
    /// suggestion puts into quotes.
    fn word_end(&self, at: usize, mend_from: usize) -> Result<usize, (usize, Box<ParseError>)> {
        let in_group = !self.open.is_empty();
        let (end, closed) = match self.mode {
            PatternType::Keyword => scan::keyword_word(self.text, at, in_group, &self.nesting),
            PatternType::Regexp => (scan::regexp_word(self.text, at, in_group, &self.nesting), Closed::Well),
            _ => scan::literal_word(self.text, at, in_group, &self.nesting),
        };
        if matches!(closed, Closed::Well) {
            return Ok(end);
        }
        let (place, literal) = self.literal(Span::new(mend_from, end), Span::new(at, end));
        let as_text = (place, literal.as_str());
        let at_mark = |offset: usize, kind| ParseError::new(Span::new(offset, offset + 1), kind);
        let error = match closed {
            Closed::Ambiguous(paren) => {
                let error = at_mark(paren, ErrorKind::AmbiguousParen).with_hint(
                    "put a space before it to group, or put the text into quotes to search for it",
                );
                self.mend(error, &[(Span::empty(paren), " ")])
            }
            Closed::Quote(quote) => {
                let error = at_mark(quote, ErrorKind::UnbalancedQuote { quote: '"' })
                    .with_hint("close it, or put the whole into quotes and write \\\" for the quote");
                self.mend(error, &[as_text])
            }
            Closed::Paren(paren) if self.text[paren..].starts_with(')') => {
                let closes_group = self.n_operators > 0 && paren + 1 == end;
                let without = (Span::new(paren, paren + 1), "");
                self.mend(self.unopened(paren), &[if closes_group { without } else { as_text }])
            }
            Closed::Paren(paren) => self.mend(self.unclosed(paren), &[as_text]),
            Closed::Well => return Ok(end),
        };
        Err((end, Box::new(error)))
    }

    /// A word in its place as a literal: all of the place where the word is all of it, otherwise behind a filter's
    /// name.
    fn literal(&self, place: Span, word: Span) -> (Span, String) {
        let literal = match place == word {
            true => as_literal(word.of(self.text), self.mode),
            false => {
                format!("{}{}", Span::new(place.start, word.start).of(self.text), quoted(word.of(self.text)))
            }
        };
        (place, literal)
    }

    /// Under the pattern types that take the whole as one text, neighbours grow together.
    fn push_word(&mut self, word: Span) -> usize {
        if self.is_whole()
            && let Some(Lexeme { span, kind: LexemeKind::Term(Form::Bare) }) = self.out.last_mut()
            && Span::new(span.end, word.start).of(self.text).trim().is_empty()
        {
            span.end = word.end;
            return word.end;
        }
        self.push(word, LexemeKind::Term(Form::Bare))
    }

    // --- filters ---

    fn known_filter(&self, at: usize) -> Option<(&'static FilterInfo, usize)> {
        let (info, colon) = scan::known_filter(self.text, at)?;
        let here = info.id != FilterId::PatternType || self.pattern_type_filter(at).is_some();
        here.then_some((info, colon))
    }

    fn pattern_type_filter(&self, at: usize) -> Option<Span> {
        let idx = self.pattern_type_filters.binary_search_by_key(&at, |filter| filter.start).ok()?;
        self.pattern_type_filters.get(idx).copied()
    }

    /// Reads a filter, known or not; `None` where the text at `at` is none.
    fn filter(&mut self, at: usize) -> Option<usize> {
        if let Some((info, value)) = self.known_filter(at) {
            return Some(self.filter_value(info, Span::new(at, value)));
        }
        let name = scan::unknown_filter(self.text, at)?;
        // `patterntype:` where it is text because of what surrounds it.
        if FilterInfo::find(name.of(self.text)).is_some() {
            return None;
        }
        let word = Span::new(at, scan::to_boundary(self.text, at));
        let near = nearest(name.of(self.text), FILTERS.iter().flat_map(FilterInfo::names));
        let kind = ErrorKind::UnknownFilter { name: shown(name.of(self.text)), nearest: near };
        let literal = as_literal(word.of(self.text), self.mode);
        let as_text = format!("to search for the text, write {}", shown(&literal));
        let error = match near {
            Some(near) => {
                let error =
                    ParseError::new(name, kind).with_hint(format!("did you mean {near}:? Or {as_text}"));
                self.mend(error, &[(name, near)])
            }
            None => self.mend(ParseError::new(name, kind).with_hint(as_text), &[(word, &literal)]),
        };
        Some(self.fault(word, error))
    }

    fn filter_value(&mut self, info: &'static FilterInfo, name: Span) -> usize {
        let start = name.end;
        let (form, end) = match self.value_end(info, name) {
            Ok(found) => found,
            Err((end, error)) => return self.fault(Span::new(name.start, end), *error),
        };
        if end == start {
            let error = self.empty_value(info, name);
            return self.fault(name, error);
        }
        let value = Span::new(start, end);
        self.push(Span::new(name.start, end), LexemeKind::Filter(FilterLexeme { info, name, value, form }))
    }

    /// How a value is delimited and where it ends, or how far it is broken and why.
    fn value_end(&self, info: &FilterInfo, name: Span) -> Result<(Form, usize), (usize, Box<ParseError>)> {
        let start = name.end;
        let first = self.text[start..].chars().next();
        if let Some(quote @ ('"' | '\'')) = first {
            return self.closed_quote(start, quote).map(|end| (Form::Quoted(quote), end));
        }
        if scan::is_boundary(self.text, start) {
            return Ok((Form::Bare, start));
        }
        match info.kind {
            ValueKind::Pattern => {
                let slashed = first == Some('/') && self.has_slashes();
                if let Some(end) = slashed.then(|| scan::slashed(self.text, start)).flatten() {
                    return Ok((Form::Slashed, end));
                }
                self.word_end(start, name.start).map(|end| (Form::Bare, end))
            }
            _ if info.id == FilterId::PatternType => {
                Ok((Form::Bare, self.pattern_type_filter(name.start).map_or(start, |filter| filter.end)))
            }
            kind => match scan::bare_value(self.text, start, !self.open.is_empty(), kind) {
                (end, None) => Ok((Form::Bare, end)),
                (end, Some(paren)) => {
                    let error = self.mend(self.unclosed(paren), &[(self.tail(), ")")]);
                    Err((end, Box::new(error)))
                }
            },
        }
    }

    fn empty_value(&self, info: &'static FilterInfo, name: Span) -> ParseError {
        let kind = ErrorKind::EmptyValue { filter: info.name };
        let next = scan::skip_space(self.text, name.end);
        let error = ParseError::new(name, kind);
        let literal = as_literal(name.of(self.text), self.mode);
        if next < self.text.len() && next > name.end && !self.text[next..].starts_with(')') {
            let hint = format!("no space may stand after the colon; to search for the text, write {literal}");
            return self.mend(error.with_hint(hint), &[(Span::new(name.end, next), "")]);
        }
        let hint = format!("expected: {}; to search for the text, write {literal}", info.value);
        self.mend(error.with_hint(hint), &[(name, &literal)])
    }
}
