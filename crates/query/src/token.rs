//! Colours: what each byte of a text is.

use crate::lexer::{FilterLexeme, Form, Lexeme, LexemeKind, lex};
use crate::table::ValueKind;
use crate::{FilterId, PatternType, Span, predicates, scan, text::Source, values};

/// A piece of the text and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its bytes; never empty.
    pub span: Span,
    /// What they are.
    pub kind: TokenKind,
}

/// What a [`Token`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// White space between tokens.
    Space,
    /// The name of a filter, with its colon.
    FilterName,
    /// The value of a filter, as far as it is no regular expression.
    FilterValue,
    /// `-` before a filter or a term.
    Negation,
    /// `AND`, `OR`, `NOT`.
    Operator,
    /// A parenthesis that groups.
    Paren,
    /// A quoted phrase, quotes included.
    Quoted,
    /// Characters of a regular expression that stand for themselves, and the slashes around it.
    Regex,
    /// Characters of a regular expression with a meaning of their own.
    RegexMeta,
    /// A plain term.
    Literal,
    /// What is at fault.
    Error,
}

impl TokenKind {
    /// The word for style sheets: `filter-name`, `regex-meta`, ….
    pub fn as_str(self) -> &'static str {
        match self {
            TokenKind::Space => "space",
            TokenKind::FilterName => "filter-name",
            TokenKind::FilterValue => "filter-value",
            TokenKind::Negation => "negation",
            TokenKind::Operator => "operator",
            TokenKind::Paren => "paren",
            TokenKind::Quoted => "quoted",
            TokenKind::Regex => "regex",
            TokenKind::RegexMeta => "regex-meta",
            TokenKind::Literal => "literal",
            TokenKind::Error => "error",
        }
    }
}

/// Longest text that is coloured; a longer one is one error. Queries end far before it.
const BYTES_MAX: usize = 1 << 20;

/// Cuts any text into tokens that cover it exactly and in order, whether it is a query or not.
pub fn tokenize(text: &str, default_pattern_type: PatternType) -> Vec<Token> {
    let mut painter = Painter { text, tokens: Vec::new(), mode: default_pattern_type };
    if text.len() > BYTES_MAX {
        painter.paint(Span::new(0, text.len()), TokenKind::Error);
        return painter.tokens;
    }
    let filters = scan::pattern_type_filters(text);
    let mode = values::pattern_type(text, &filters, default_pattern_type);
    painter.mode = mode.map_or(default_pattern_type, |setting| setting.value);
    let mut at = 0;
    for lexeme in lex(text, painter.mode, &filters) {
        painter.paint(Span::new(at, lexeme.span.start), TokenKind::Space);
        at = lexeme.span.end;
        painter.lexeme(&lexeme);
    }
    painter.paint(Span::new(at, text.len()), TokenKind::Space);
    painter.tokens
}

struct Painter<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    mode: PatternType,
}

impl Painter<'_> {
    /// Adds a token, growing the last one where it is of the same kind. Parentheses stay one each.
    fn paint(&mut self, span: Span, kind: TokenKind) {
        if span.is_empty() {
            return;
        }
        match self.tokens.last_mut() {
            Some(last) if last.kind == kind && kind != TokenKind::Paren && last.span.end == span.start => {
                last.span.end = span.end;
            }
            _ => self.tokens.push(Token { span, kind }),
        }
    }

    fn lexeme(&mut self, lexeme: &Lexeme) {
        match &lexeme.kind {
            LexemeKind::Open | LexemeKind::Close => self.paint(lexeme.span, TokenKind::Paren),
            LexemeKind::And | LexemeKind::Or | LexemeKind::Not => {
                self.paint(lexeme.span, TokenKind::Operator)
            }
            LexemeKind::Minus => self.paint(lexeme.span, TokenKind::Negation),
            LexemeKind::Fault(error) => self.fault(lexeme.span, error.span),
            LexemeKind::Term(form) => self.term(lexeme.span, *form),
            LexemeKind::Filter(filter) => self.filter(filter),
        }
    }

    /// The bytes at fault are an error; what of the broken piece stands around them is plain.
    fn fault(&mut self, whole: Span, fault: Span) {
        let start = fault.start.clamp(whole.start, whole.end);
        let end = fault.end.clamp(start, whole.end);
        let (start, end) = if start == end { (whole.start, whole.end) } else { (start, end) };
        self.paint(Span::new(whole.start, start), TokenKind::Literal);
        self.paint(Span::new(start, end), TokenKind::Error);
        self.paint(Span::new(end, whole.end), TokenKind::Literal);
    }

    fn term(&mut self, span: Span, form: Form) {
        match form {
            Form::Quoted(_) => self.paint(span, TokenKind::Quoted),
            Form::Slashed => self.regex(span),
            Form::Bare if self.mode == PatternType::Regexp => self.regex(span),
            Form::Bare => self.paint(span, TokenKind::Literal),
        }
    }

    fn filter(&mut self, filter: &FilterLexeme) {
        self.paint(filter.name, TokenKind::FilterName);
        match (filter.form, filter.info.kind) {
            _ if filter.info.id == FilterId::Content => self.term(filter.value, filter.form),
            (Form::Quoted(_), _) => self.paint(filter.value, TokenKind::Quoted),
            (_, kind) if kind.is_regex() && !self.is_predicate(filter) => {
                self.regex_and_revs(filter.value, kind)
            }
            _ => self.paint(filter.value, TokenKind::FilterValue),
        }
    }

    fn is_predicate(&self, filter: &FilterLexeme) -> bool {
        predicates::call(filter.info, &Source::plain(self.text, filter.value)).is_some()
    }

    fn regex_and_revs(&mut self, value: Span, kind: ValueKind) {
        let at = match kind {
            ValueKind::Repository => values::unescaped_at(value.of(self.text)),
            _ => None,
        };
        let revs = at.map_or(value.end, |at| value.start + at);
        self.regex(Span::new(value.start, revs));
        self.paint(Span::new(revs, value.end), TokenKind::FilterValue);
    }

    /// Tells characters with a meaning of their own from those that stand for themselves.
    fn regex(&mut self, span: Span) {
        let mut chars = span.of(self.text).char_indices();
        while let Some((offset, c)) = chars.next() {
            let start = span.start + offset;
            match c {
                '\\' => {
                    let len = chars.next().map_or(0, |(_, next)| next.len_utf8());
                    self.paint(Span::new(start, start + 1 + len), TokenKind::RegexMeta);
                }
                '.' | '^' | '$' | '|' | '?' | '*' | '+' | '(' | ')' | '[' | ']' | '{' | '}' => {
                    self.paint(Span::new(start, start + 1), TokenKind::RegexMeta);
                }
                c => self.paint(Span::new(start, start + c.len_utf8()), TokenKind::Regex),
            }
        }
    }
}
