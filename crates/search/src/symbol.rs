//! Definitions as results: patterns on names, finding by name or by blob, and what is shown.
//!
//! A definition is found where the whole tree holds for it: patterns are asked of its name (of its qualified name where the
//! pattern is written with a separator, `Outer::inner`), filters of the document it stands in. Where grams of the names
//! narrow the names down, [`find`] goes from names to definitions; otherwise it goes through the definitions of the admitted
//! blobs.

pub(crate) mod find;
mod names;
pub(crate) mod show;

use crate::SearchError;
use crate::matcher::{Matcher, Scratch};
use crate::pattern::{NamePattern, Syntax};
use crate::plan::Plan;
use crate::tree::Node;
use index::NameGroup;
use model::SymbolKind;
use ngram::GramQuery;
use query::{ResultType, Select, Settings};
use std::ops::ControlFlow;

/// A pattern on the names of definitions.
#[derive(Debug)]
pub(crate) struct SymbolPattern {
    pub(crate) matcher: Matcher,
    /// What a matching name must hold; for a qualified pattern, its last part.
    pub(crate) grams: GramQuery,
    /// Whether the pattern is written with a separator, and is asked of the qualified name.
    pub(crate) is_qualified: bool,
    /// The literal that the pattern is, if it is one: tells exact names from others.
    pub(crate) literal: Option<String>,
}

impl SymbolPattern {
    /// Makes one of a pattern that is compiled for names.
    pub(crate) fn new(text: &str, syntax: Syntax, compiled: NamePattern) -> Self {
        let literal = crate::pattern::as_literal(text, syntax);
        let is_qualified = match literal {
            Some(literal) => literal_separator(literal).is_some(),
            None => ["::", r"\.", "#"].iter().any(|separator| text.contains(separator)),
        };
        let grams = match (is_qualified, literal) {
            (false, _) => compiled.grams,
            // What follows the last separator is a part of the name alone.
            (true, Some(literal)) => match literal_separator(literal) {
                Some(at) => GramQuery::literal(&literal.as_bytes()[at..]),
                None => GramQuery::All,
            },
            (true, None) => GramQuery::All,
        };
        let name = literal.map(|literal| match literal_separator(literal).filter(|_| is_qualified) {
            Some(at) => literal[at..].to_owned(),
            None => literal.to_owned(),
        });
        SymbolPattern { matcher: compiled.matcher, grams, is_qualified, literal: name }
    }
}

/// Where the last part of a qualified name begins, if it is one: `Outer::inner`, `pkg.Func`, `Class#method`.
fn literal_separator(literal: &str) -> Option<usize> {
    let at = literal.rfind(['.', '#', '\\']).map(|at| at + 1);
    let at = at.max(literal.rfind("::").map(|at| at + 2));
    at.filter(|at| *at > 1)
}

/// What a query asks of definitions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SymbolPlan {
    /// `select:symbol.KIND`.
    pub(crate) kind: Option<SymbolKind>,
}

impl SymbolPlan {
    /// What is asked of definitions: by `type:symbol`, or by `select:symbol` where no type is given.
    pub(crate) fn of(settings: &Settings) -> Result<Option<SymbolPlan>, SearchError> {
        let selected = match &settings.select.value {
            Some(Select::Symbol(kind)) => Some(kind.as_deref()),
            _ => None,
        };
        let unknown = |word: &str| SearchError::UnknownSymbolKind {
            name: word.chars().take(80).collect(),
            span: settings.select.span.map(Into::into),
        };
        let kind = selected.flatten();
        let kind = kind.map(|word| SymbolKind::from_word(word).ok_or_else(|| unknown(word))).transpose()?;
        let is_typed = settings.types.iter().any(|given| given.value == ResultType::Symbol);
        let is_wanted = is_typed || (selected.is_some() && settings.types.is_empty());
        Ok(is_wanted.then_some(SymbolPlan { kind }))
    }
}

/// What the name of every definition found must hold.
pub(crate) fn name_grams(plan: &Plan, node: &Node) -> GramQuery {
    match node {
        Node::Const(false) => GramQuery::None,
        Node::Term(term) => {
            plan.terms[*term].symbol.as_ref().map_or(GramQuery::All, |pattern| pattern.grams.clone())
        }
        Node::And(inner) => GramQuery::and(inner.iter().map(|node| name_grams(plan, node))),
        Node::Or(inner) => GramQuery::or(inner.iter().map(|node| name_grams(plan, node))),
        _ => GramQuery::All,
    }
}

/// The reusable memory of the patterns on names.
#[derive(Debug)]
pub(crate) struct SymbolScratches {
    terms: Vec<Scratch>,
    pub(crate) name: Vec<u8>,
    pub(crate) qualified: Vec<u8>,
    pub(crate) path: Vec<u8>,
}

impl SymbolScratches {
    pub(crate) fn new(plan: &Plan) -> Self {
        SymbolScratches {
            terms: plan.terms.iter().map(|_| Scratch::default()).collect(),
            name: Vec::new(),
            qualified: Vec::new(),
            path: Vec::new(),
        }
    }

    /// Whether a pattern matches a name. `None` where it has to be asked of the qualified name, and that is not known.
    fn holds(&mut self, plan: &Plan, term: usize, name: &[u8], qualified: Option<&[u8]>) -> Option<bool> {
        let pattern = plan.terms[term].symbol.as_ref()?;
        let asked = if pattern.is_qualified { qualified? } else { name };
        Some(pattern.matcher.is_match(&mut self.terms[term], asked))
    }

    /// What a pattern says of each name of a group, as [`SymbolScratches::holds`] of one without its qualified name.
    pub(crate) fn holds_in_group(
        &mut self,
        plan: &Plan,
        term: usize,
        group: &NameGroup<'_>,
        verdicts: &mut Vec<Option<bool>>,
    ) {
        verdicts.clear();
        let pattern = plan.terms[term].symbol.as_ref();
        let Some(pattern) = pattern.filter(|pattern| pattern.matcher.is_literal_without(b'\n')) else {
            verdicts.extend(group.iter().map(|(_, name)| self.holds(plan, term, name, None)));
            return;
        };
        if pattern.is_qualified {
            verdicts.resize(group.len(), None);
            return;
        }
        // No occurrence reaches from one name into another.
        verdicts.resize(group.len(), Some(false));
        let mut names = group.ends().iter().zip(verdicts);
        let mut found_end = 0;
        pattern.matcher.for_each(&mut self.terms[term], group.text(), |start, _| {
            if start >= found_end
                && let Some((end, verdict)) = names.find(|(end, _)| start < **end)
            {
                found_end = *end;
                *verdict = Some(true);
            }
            ControlFlow::Continue(())
        });
    }

    /// Where patterns occur in a name: half-open byte offsets, ascending, not overlapping.
    pub(crate) fn ranges(&mut self, plan: &Plan, name: &[u8], qualified: &[u8]) -> Vec<model::ByteRange> {
        let mut ranges = Vec::new();
        let n_before = qualified.len() - name.len();
        for (term, scratch) in plan.terms.iter().zip(&mut self.terms).filter(|(term, _)| term.is_positive) {
            let Some(pattern) = &term.symbol else { continue };
            let asked = if pattern.is_qualified { qualified } else { name };
            let n_before = if pattern.is_qualified { n_before } else { 0 };
            let found = pattern.matcher.ranges(scratch, asked).into_iter();
            ranges.extend(
                found.map(|range| range.start.saturating_sub(n_before)..range.end.saturating_sub(n_before)),
            );
        }
        crate::batch::shown_ranges(ranges)
    }
}
