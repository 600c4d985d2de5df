//! Terms to patterns: what a word means under each pattern type, which neighbours are one pattern, and which filters
//! around an OR belong to both of its sides.

use crate::lexer::Form;
use crate::regex::RegexBudget;
use crate::text::{Source, mended, quoted};
use crate::{ErrorKind, Expr, ParseError, Pattern, PatternKind, PatternType, Regex, Span, Target};

/// A term as it was read, before it grows together with its neighbours.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    span: Span,
    form: Form,
    kind: PatternKind,
}

impl Term {
    /// Reads a word, a phrase or a regular expression.
    pub(crate) fn read(
        text: &str,
        span: Span,
        form: Form,
        mode: PatternType,
        budget: &mut RegexBudget,
    ) -> Result<Term, ParseError> {
        let kind =
            kind_of(text, span, form, mode, budget).map_err(|error| with_literal(error, text, span, form))?;
        Ok(Term { span, form, kind })
    }
}

/// Reads the value of `content:`.
pub(crate) fn content(
    text: &str,
    span: Span,
    value: Span,
    form: Form,
    mode: PatternType,
    budget: &mut RegexBudget,
) -> Result<Pattern, ParseError> {
    let kind =
        kind_of(text, value, form, mode, budget).map_err(|error| with_literal(error, text, value, form))?;
    // Where everything is a structural pattern, quotes only delimit.
    let kind = match kind {
        PatternKind::Literal(text) if mode == PatternType::Structural => PatternKind::Structural(text),
        kind => kind,
    };
    Ok(Pattern { span, target: Target::Content, kind })
}

fn kind_of(
    text: &str,
    span: Span,
    form: Form,
    mode: PatternType,
    budget: &mut RegexBudget,
) -> Result<PatternKind, ParseError> {
    let inside = Source::plain(text, form.inside(span));
    if inside.text.is_empty() {
        return Err(ParseError::new(span, ErrorKind::EmptyPattern)
            .with_hint("write what to search for, or remove it"));
    }
    match (form, mode) {
        (Form::Quoted(quote), _) => Ok(PatternKind::Literal(inside.unquoted(quote).text)),
        (Form::Slashed, _) => budget.check(&inside.unslashed()).map(PatternKind::Regex),
        (Form::Bare, PatternType::Regexp) => budget.check(&inside).map(PatternKind::Regex),
        (Form::Bare, PatternType::Structural) => Ok(PatternKind::Structural(inside.text)),
        (Form::Bare, _) => Ok(PatternKind::Literal(inside.text)),
    }
}

/// A bad regular expression is mended as the literal that was perhaps meant.
fn with_literal(mut error: ParseError, text: &str, span: Span, form: Form) -> ParseError {
    let regex = matches!(
        error.kind,
        ErrorKind::BadRegex { .. } | ErrorKind::UnsupportedRegex { .. } | ErrorKind::RegexTooLarge { .. }
    );
    if regex {
        let literal = quoted(form.inside(span).of(text));
        let hint = format!("to search for the text as it stands, write {}", crate::error::shown(&literal));
        error.hint.get_or_insert(hint);
        error.suggestion = Some(mended(text, &[(span, &literal)]));
    }
    error
}

/// The pattern of a term that stands alone.
pub(crate) fn single(term: Term) -> Pattern {
    Pattern { span: term.span, target: Target::Any, kind: term.kind }
}

/// One operand of a conjunction.
#[derive(Clone, Debug)]
pub(crate) struct Operand {
    pub(crate) expr: Expr,
    /// Whether it stood in parentheses.
    pub(crate) is_group: bool,
    /// Whether the word AND stood before it.
    pub(crate) by_and: bool,
}

impl Operand {
    /// Whether it is a filter or a negated one, without parentheses.
    fn is_bare_filter(&self) -> bool {
        let is_filter = match &self.expr {
            Expr::Not { operand, .. } => matches!(**operand, Expr::Filter(_)),
            expr => matches!(expr, Expr::Filter(_)),
        };
        is_filter && !self.is_group
    }
}

/// Collects the operands of a conjunction and lets neighbouring terms grow together where the pattern type says so:
/// under `regexp` with `.*?` between them, under `literal`, `standard` and `structural` as one text. Filters between
/// them do not part them; AND, NOT and parentheses do.
pub(crate) struct Joiner {
    mode: PatternType,
    operands: Vec<Operand>,
    /// The terms that are still growing together, and where in `operands` their pattern will stand.
    run: Vec<Term>,
    run_at: usize,
    run_by_and: bool,
    /// Whether an AND before a setting parts the run from what follows.
    parted: bool,
}

impl Joiner {
    pub(crate) fn new(mode: PatternType) -> Self {
        Joiner { mode, operands: Vec::new(), run: Vec::new(), run_at: 0, run_by_and: false, parted: false }
    }

    pub(crate) fn term(&mut self, text: &str, term: Term, by_and: bool) -> Result<(), ParseError> {
        let parted = std::mem::take(&mut self.parted) || by_and;
        let grows = !parted && self.run.last().is_some_and(|last| grows(self.mode, last, &term));
        if !grows {
            self.end_run()?;
            (self.run_at, self.run_by_and) = (self.operands.len(), by_and);
        } else if self.mode != PatternType::Regexp
            && let Some(last) = self.run.last_mut()
        {
            join_texts(text, last, term);
            return Ok(());
        }
        self.run.push(term);
        Ok(())
    }

    pub(crate) fn expr(&mut self, operand: Operand) -> Result<(), ParseError> {
        if !operand.is_bare_filter() || operand.by_and {
            self.end_run()?;
        }
        self.operands.push(operand);
        Ok(())
    }

    pub(crate) fn setting(&mut self, by_and: bool) {
        self.parted |= by_and;
    }

    pub(crate) fn finish(mut self) -> Result<Vec<Operand>, ParseError> {
        self.end_run()?;
        Ok(self.operands)
    }

    fn end_run(&mut self) -> Result<(), ParseError> {
        let run = std::mem::take(&mut self.run);
        let Some(span) = run.iter().map(|term| term.span).reduce(Span::to) else { return Ok(()) };
        let kind = match <[Term; 1]>::try_from(run) {
            Ok([term]) => term.kind,
            Err(run) => joined_regex(&run, span)?,
        };
        let expr = Expr::Pattern(Pattern { span, target: Target::Any, kind });
        self.operands.insert(self.run_at, Operand { expr, is_group: false, by_and: self.run_by_and });
        Ok(())
    }
}

fn grows(mode: PatternType, last: &Term, term: &Term) -> bool {
    match mode {
        PatternType::Keyword => false,
        PatternType::Regexp => true,
        _ => last.form == Form::Bare && term.form == Form::Bare,
    }
}

/// Two pieces of one literal text, with what stands between them if that is only white space, otherwise one space.
fn join_texts(text: &str, last: &mut Term, term: Term) {
    let between = Span::new(last.span.end, term.span.start).of(text);
    let between = if between.trim().is_empty() { between } else { " " };
    if let (
        PatternKind::Literal(first) | PatternKind::Structural(first),
        PatternKind::Literal(second) | PatternKind::Structural(second),
    ) = (&mut last.kind, term.kind)
    {
        first.push_str(between);
        first.push_str(&second);
    }
    last.span = last.span.to(term.span);
}

fn joined_regex(run: &[Term], span: Span) -> Result<PatternKind, ParseError> {
    let part = |term: &Term| match &term.kind {
        PatternKind::Literal(text) | PatternKind::Structural(text) => Regex::escaped(text).to_string(),
        PatternKind::Regex(regex) => regex.to_string(),
    };
    let parts: Vec<String> = run.iter().map(|term| format!("(?:{})", part(term))).collect();
    // Each part was checked; together they may still not fit, where a part comments out what follows it (`(?x)#`).
    let joined = parts.join(".*?");
    let joined = Source::plain(&joined, Span::new(0, joined.len()));
    let checked = RegexBudget::check_joined(&joined);
    checked.map(PatternKind::Regex).map_err(|error| {
        let hint = "join the words into one regular expression between slashes";
        ParseError { span, ..error }.with_hint(hint)
    })
}

/// Takes out of the first and last of several alternatives the filters that stand before the first pattern and after
/// the last one: `repo:a x OR y file:b` asks for `x` or `y` in `repo:a file:b`, as people expect from elsewhere. Nothing is
/// taken where a filter stands anywhere else in them, or where only filters would be left; then each filter belongs to its own
/// alternative. Each comes with whether it stood before.
pub(crate) fn hoist(branches: &mut [Vec<Operand>]) -> Vec<(bool, Expr)> {
    let [first, .., last] = branches else { return Vec::new() };
    let n_leading = first.iter().take_while(|operand| operand.is_bare_filter()).count();
    let n_trailing = last.iter().rev().take_while(|operand| operand.is_bare_filter()).count();
    // AND binds tighter than OR where somebody wrote it.
    let by_and = first.iter().take(n_leading + 1).any(|operand| operand.by_and)
        || last.iter().rev().take(n_trailing).any(|operand| operand.by_and);
    let n_hoisted = n_leading + n_trailing;
    let only_filters = first.len() == n_leading || last.len() == n_trailing;
    let n_filters: usize =
        branches.iter().flatten().map(|operand| usize::from(holds_filter(&operand.expr))).sum();
    if n_hoisted == 0 || by_and || only_filters || n_filters != n_hoisted {
        return Vec::new();
    }
    let mut hoisted = Vec::with_capacity(n_hoisted);
    if let Some(first) = branches.first_mut() {
        hoisted.extend(first.drain(..n_leading).map(|operand| (true, operand.expr)));
    }
    if let Some(last) = branches.last_mut() {
        let n_kept = last.len() - n_trailing;
        hoisted.extend(last.drain(n_kept..).map(|operand| (false, operand.expr)));
    }
    hoisted
}

fn holds_filter(expr: &Expr) -> bool {
    let mut found = false;
    expr.for_each_leaf(&mut |leaf, _| found |= matches!(leaf, crate::Leaf::Filter(_)));
    found
}
