//! Lexemes to tree: precedence, groups, scope. Values are read by `values`, terms joined by `terms`.

use crate::lexer::{FilterLexeme, Lexeme, LexemeKind, as_literal, lex};
use crate::regex::RegexBudget;
use crate::terms::{self, Operand, Term};
use crate::text::{Source, mended, removed};
use crate::values::Value;
use crate::{ErrorKind, Expr, Filter, FilterId, FilterKind, Options, ParseError, PatternType, Query};
use crate::{Setting, Settings, Span, Spanned, scan, values};

/// Reads a text into a query, or says what is wrong with it: the first fault, with its place, a hint and, where one can be guessed, the
/// mended query. Time is linear in the text (but for logarithms), and what is returned keeps the limits.
pub fn parse(text: &str, options: &Options) -> Result<Query, ParseError> {
    let bytes_max = options.limits.bytes_max;
    if text.len() > bytes_max {
        let kind = ErrorKind::TooLong { bytes: text.len(), bytes_max };
        return Err(ParseError::new(Span::new(0, text.len()), kind).with_hint("ask several shorter queries"));
    }
    let pattern_type_filters = scan::pattern_type_filters(text);
    let pattern_type = values::pattern_type(text, &pattern_type_filters, options.default_pattern_type)?;
    let mode = pattern_type.value;
    let mut parser = Parser {
        text,
        options,
        mode,
        lexemes: lex(text, mode, &pattern_type_filters),
        next: 0,
        n_leaves: 0,
        budget: RegexBudget::new(&options.limits),
        settings: Settings { pattern_type, ..Settings::default() },
        placed: Vec::new(),
    };
    let expr = parser.disjunction(0)?.unwrap_or_else(Expr::everything);
    if let Some(lexeme) = parser.peek() {
        // The lexer makes a fault of every `)` without its `(`, so nothing can be left over.
        let span = lexeme.span;
        return Err(ParseError::new(span, ErrorKind::UnbalancedParen { paren: ')' }));
    }
    let query = Query { expr, settings: parser.settings };
    revisions_once(text, &query)?;
    Ok(query)
}

/// Revisions come from `rev:` or from the `@` of `repo:`, not from both.
fn revisions_once(text: &str, query: &Query) -> Result<(), ParseError> {
    let Some(rev) = query.settings.revs.first() else { return Ok(()) };
    let mut fault = None;
    query.expr.for_each_leaf(&mut |leaf, _| {
        if let crate::Leaf::Filter(Filter { kind: FilterKind::Repo(repo), value_span, .. }) = leaf
            && let Some(first) = repo.revs.first()
            && fault.is_none()
        {
            let at = Span::new(first.span.start.saturating_sub(1), value_span.end);
            let kind = ErrorKind::RevisionsTwice { other: rev.span };
            let error = ParseError::new(at, kind).with_hint("keep one of the two");
            let quoted = value_span.of(text).starts_with(['"', '\'']);
            fault = Some(if quoted { error } else { error.with_suggestion(mended(text, &[(at, "")])) });
        }
    });
    fault.map_or(Ok(()), Err)
}

struct Parser<'a> {
    text: &'a str,
    options: &'a Options,
    mode: PatternType,
    lexemes: Vec<Lexeme>,
    next: usize,
    n_leaves: usize,
    budget: RegexBudget,
    settings: Settings,
    /// Every setting read so far: which, where, and inside how many groups.
    placed: Vec<(FilterId, Span, usize)>,
}

/// What one operand turned out to be.
enum Unit {
    Expr {
        expr: Expr,
        is_group: bool,
    },
    Term(Term),
    /// A setting, or a group of nothing but settings.
    Setting,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Lexeme> {
        self.lexemes.get(self.next)
    }

    fn peek_kind(&self) -> Option<&LexemeKind> {
        self.peek().map(|lexeme| &lexeme.kind)
    }

    /// Operands joined by OR, up to the end of the group. `None` where it holds nothing but settings. `depth` counts
    /// the groups around it.
    fn disjunction(&mut self, depth: usize) -> Result<Option<Expr>, ParseError> {
        let n_placed = self.placed.len();
        let mut branches = Vec::new();
        let mut or = None;
        loop {
            let branch = self.conjunction(depth)?;
            let goes_on = matches!(self.peek_kind(), Some(LexemeKind::Or));
            if branch.is_empty() && (goes_on || or.is_some()) {
                let (operator, side) = match (or, goes_on) {
                    (Some(or), _) => (or, "after"),
                    (None, _) => (self.next, "before"),
                };
                return Err(self.missing_operand(operator, side));
            }
            branches.push(branch);
            if !goes_on {
                break;
            }
            or = Some(self.next);
            self.next += 1;
        }
        if or.is_some() {
            // At the outermost level a setting can only mean the whole query, wherever it stands.
            let level = if depth == 0 { 1 } else { depth };
            self.refuse_settings(n_placed, level, "an OR")?;
        }
        let hoisted = if depth == 0 { terms::hoist(&mut branches) } else { Vec::new() };
        let branches: Vec<Expr> = branches
            .into_iter()
            .filter(|branch| !branch.is_empty())
            .map(|branch| Expr::and(branch.into_iter().map(|operand| operand.expr).collect()))
            .collect();
        if branches.is_empty() {
            return Ok(None);
        }
        let (before, after): (Vec<_>, Vec<_>) = hoisted.into_iter().partition(|(leads, _)| *leads);
        let mut all: Vec<Expr> = before.into_iter().map(|(_, expr)| expr).collect();
        all.push(Expr::or(branches));
        all.extend(after.into_iter().map(|(_, expr)| expr));
        Ok(Some(Expr::and(all)))
    }

    /// Operands joined by AND or white space, up to an OR or the end of the group.
    fn conjunction(&mut self, depth: usize) -> Result<Vec<Operand>, ParseError> {
        let mut joiner = terms::Joiner::new(self.mode);
        let mut and = None;
        let mut is_first = true;
        loop {
            match self.peek_kind() {
                None | Some(LexemeKind::Close | LexemeKind::Or) => break,
                Some(LexemeKind::And) if is_first || and.is_some() => {
                    return Err(self.missing_operand(self.next, "before"));
                }
                Some(LexemeKind::And) => {
                    and = Some(self.next);
                    self.next += 1;
                    continue;
                }
                _ => {}
            }
            let by_and = and.take().is_some();
            is_first = false;
            match self.unit(depth)? {
                Unit::Term(term) => joiner.term(self.text, term, by_and)?,
                Unit::Expr { expr, is_group } => joiner.expr(Operand { expr, is_group, by_and })?,
                Unit::Setting => joiner.setting(by_and),
            }
        }
        match and {
            Some(and) => Err(self.missing_operand(and, "after")),
            None => joiner.finish(),
        }
    }

    /// One operand, with its negations.
    fn unit(&mut self, depth: usize) -> Result<Unit, ParseError> {
        let Some(lexeme) = self.lexemes.get(self.next) else {
            // Callers look first; an operator without an operand is their error.
            return Ok(Unit::Setting);
        };
        let span = lexeme.span;
        match &lexeme.kind {
            LexemeKind::Fault(error) => Err((**error).clone()),
            LexemeKind::Not | LexemeKind::Minus => self.negation(depth, span),
            LexemeKind::Open => self.group(depth, span),
            LexemeKind::Filter(filter) => {
                let filter = *filter;
                self.next += 1;
                self.leaf(span)?;
                self.filter(filter, span, depth)
            }
            LexemeKind::Term(form) => {
                let form = *form;
                self.next += 1;
                self.leaf(span)?;
                Term::read(self.text, span, form, self.mode, &mut self.budget).map(Unit::Term)
            }
            LexemeKind::And | LexemeKind::Or | LexemeKind::Close => {
                Err(self.missing_operand(self.next, "before"))
            }
        }
    }

    fn leaf(&mut self, span: Span) -> Result<(), ParseError> {
        self.n_leaves += 1;
        let terms_max = self.options.limits.terms_max;
        if self.n_leaves > terms_max {
            return Err(ParseError::new(span, ErrorKind::TooManyTerms { terms_max })
                .with_hint("ask several shorter queries, or use one regular expression with alternatives"));
        }
        Ok(())
    }

    fn deeper(&self, depth: usize, span: Span) -> Result<usize, ParseError> {
        let depth_max = self.options.limits.depth_max;
        if depth >= depth_max {
            return Err(ParseError::new(span, ErrorKind::TooDeep { depth_max }));
        }
        Ok(depth + 1)
    }

    fn negation(&mut self, depth: usize, span: Span) -> Result<Unit, ParseError> {
        let operator = self.next;
        self.next += 1;
        let below = self.deeper(depth, span)?;
        let n_placed = self.placed.len();
        match self.peek_kind() {
            None | Some(LexemeKind::And | LexemeKind::Or | LexemeKind::Close) => {
                return Err(self.missing_operand(operator, "after"));
            }
            Some(LexemeKind::Filter(filter)) if !filter.info.negatable => {
                let (name, whole) = (filter.info.name, self.lexemes[self.next].span);
                let mend = match filter.info.id {
                    FilterId::Rev => "leave revisions out with rev:*!glob or rev:^rev".to_string(),
                    _ => format!("remove the negation, or the {name}: filter"),
                };
                return Err(ParseError::new(span.to(whole), ErrorKind::NotNegatable { filter: name })
                    .with_hint(mend)
                    .with_suggestion(mended(self.text, &[(Span::new(span.start, whole.start), "")])));
            }
            _ => {}
        }
        let unit = self.unit(below)?;
        self.refuse_settings(n_placed, 0, "a NOT")?;
        match unit {
            Unit::Setting => Err(self.missing_operand(operator, "after")),
            Unit::Expr { expr, is_group } => {
                let whole = span.to(expr.span());
                Ok(Unit::Expr { expr: Expr::not(expr, whole), is_group })
            }
            Unit::Term(term) => {
                let pattern = Expr::Pattern(terms::single(term));
                let whole = span.to(pattern.span());
                Ok(Unit::Expr { expr: Expr::not(pattern, whole), is_group: false })
            }
        }
    }

    fn group(&mut self, depth: usize, open: Span) -> Result<Unit, ParseError> {
        self.next += 1;
        let below = self.deeper(depth, open)?;
        if let Some(Lexeme { kind: LexemeKind::Close, span }) = self.peek() {
            let whole = open.to(*span);
            let literal = as_literal(whole.of(self.text), self.mode);
            return Err(ParseError::new(whole, ErrorKind::EmptyGroup)
                .with_hint(format!("to search for the text, write {literal}"))
                .with_suggestion(mended(self.text, &[(whole, &literal)])));
        }
        let inside = self.disjunction(below)?;
        // The lexer makes a fault of a `(` without its `)`, so that here stands the `)`.
        self.next += 1;
        Ok(inside.map_or(Unit::Setting, |expr| Unit::Expr { expr, is_group: true }))
    }

    fn filter(&mut self, lexeme: FilterLexeme, span: Span, depth: usize) -> Result<Unit, ParseError> {
        if lexeme.info.id == FilterId::Content {
            let form = lexeme.form;
            let pattern = terms::content(self.text, span, lexeme.value, form, self.mode, &mut self.budget)?;
            return Ok(Unit::Expr { expr: Expr::Pattern(pattern), is_group: false });
        }
        let inside = Source::plain(self.text, lexeme.form.inside(lexeme.value));
        let source = match lexeme.form {
            crate::lexer::Form::Quoted(quote) => inside.unquoted(quote),
            _ => inside,
        };
        let value = values::read(self.text, lexeme, span, &source, &mut self.budget)?;
        if let Value::Filter(kind) = value {
            let filter = Filter { span, value_span: lexeme.value, kind };
            return Ok(Unit::Expr { expr: Expr::Filter(filter), is_group: false });
        }
        self.placed.push((lexeme.info.id, span, depth));
        self.set(value, span, lexeme.info.id)?;
        Ok(Unit::Setting)
    }

    fn set(&mut self, value: Value, span: Span, id: FilterId) -> Result<(), ParseError> {
        let (text, settings) = (self.text, &mut self.settings);
        let mut once = Once { text, span, id };
        match value {
            Value::Filter(_) | Value::PatternType => Ok(()),
            Value::Type(value) => {
                if settings.types.iter().all(|given| given.value != value) {
                    settings.types.push(Spanned::new(value, span));
                }
                Ok(())
            }
            Value::Revs(revs) => {
                settings.revs.extend(revs);
                Ok(())
            }
            Value::Case(value) => once.set(&mut settings.case_sensitive, value),
            Value::Count(value) => once.set(&mut settings.count, value),
            Value::Timeout(value) => once.set(&mut settings.timeout, Some(value)),
            Value::Select(value) => once.set(&mut settings.select, Some(value)),
            Value::Fork(value) => once.set(&mut settings.fork, value),
            Value::Archived(value) => once.set(&mut settings.archived, value),
            Value::Visibility(value) => once.set(&mut settings.visibility, value),
            Value::Index(value) => once.set(&mut settings.index, value),
        }
    }

    /// Refuses the settings read since there were `n_placed` of them that stand inside at least `depth` groups.
    fn refuse_settings(&self, n_placed: usize, depth: usize, inside: &'static str) -> Result<(), ParseError> {
        let fault = self.placed.iter().skip(n_placed).find(|placed| placed.2 >= depth);
        let Some((id, span, _)) = fault else { return Ok(()) };
        let suggestion = format!("{} {}", span.of(self.text), removed(self.text, *span));
        Err(ParseError::new(*span, ErrorKind::Misplaced { filter: id.name(), inside })
            .with_hint("write it outside of the parentheses")
            .with_suggestion(suggestion))
    }

    fn missing_operand(&self, operator: usize, side: &'static str) -> ParseError {
        let span = self.lexemes.get(operator).map_or(Span::empty(self.text.len()), |lexeme| lexeme.span);
        let word = span.of(self.text);
        let literal = as_literal(word, self.mode);
        let kind = ErrorKind::MissingOperand { operator: word.to_string(), side };
        ParseError::new(span, kind)
            .with_hint(format!("to search for the word, write {literal}"))
            .with_suggestion(mended(self.text, &[(span, &literal)]))
    }
}

/// Sets what may have only one value.
struct Once<'a> {
    text: &'a str,
    span: Span,
    id: FilterId,
}

impl Once<'_> {
    fn set<T: PartialEq>(&mut self, setting: &mut Setting<T>, value: T) -> Result<(), ParseError> {
        match setting.span {
            Some(first) if setting.value != value => Err(conflict(self.text, self.id, first, self.span)),
            Some(_) => Ok(()),
            None => {
                *setting = Setting::given(value, self.span);
                Ok(())
            }
        }
    }
}

/// The error for a second, different value; the mended query keeps the later one.
pub(crate) fn conflict(text: &str, id: FilterId, first: Span, second: Span) -> ParseError {
    ParseError::new(second, ErrorKind::Conflict { filter: id.name(), first })
        .with_hint("keep one of the two")
        .with_suggestion(removed(text, first))
}
