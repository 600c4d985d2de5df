//! The names that may be those of results, found group by group.

use super::SymbolScratches;
use crate::batch::Context;
use crate::plan::Plan;
use crate::rank;
use crate::tree::Node;
use index::{NameGroup, NameGroupIdx, ReadError, SymbolIdx, SymbolTable};
use std::ops::Range;

/// How many groups of names are looked at before it is asked whether there is more than a page.
const GROUPS_AT_ONCE: usize = 1 << 10;

/// Names that may be those of results.
#[derive(Default)]
pub(super) struct Names {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    pub(super) list: Vec<Named>,
    pub(super) definitions: Vec<SymbolIdx>,
}

/// A name with how good a match it is, and where it is defined.
pub(super) struct Named {
    pub(super) at: u32,
    pub(super) signal: f64,
    pub(super) definitions: Range<usize>,
}

impl Names {
    /// The names of some groups that the tree may hold for. `None` where the search was called off meanwhile.
    pub(super) fn matching(
        context: &Context<'_>,
        table: &SymbolTable<'_>,
        node: &Node,
        scratches: &mut SymbolScratches,
        groups: &[NameGroupIdx],
    ) -> Result<Option<Names>, ReadError> {
        let plan = context.plan;
        let mut terms = term_verdicts(node);
        let mut names = Names::default();
        let mut group_names = NameGroup::default();
        let mut matching: Vec<Option<usize>> = Vec::new();
        for (at, group) in groups.iter().enumerate() {
            if at.is_multiple_of(64) && context.watch.stop().is_some() {
                return Ok(None);
            }
            table.read_names(*group, &mut group_names)?;
            for term in &mut terms {
                scratches.holds_in_group(plan, term.term, &group_names, &mut term.verdicts);
            }
            matching.clear();
            for (at, (_, name)) in group_names.iter().enumerate() {
                let verdict_of = |term: &TermVerdicts| term.verdicts.get(at).copied().flatten();
                let is_out = terms.iter().any(|term| term.is_required && verdict_of(term) == Some(false));
                let matches = !is_out && {
                    let verdict = node.eval::<std::convert::Infallible>(&mut |leaf| {
                        let Node::Term(number) = leaf else { return Ok(None) };
                        Ok(terms.iter().find(|term| term.term == *number).and_then(verdict_of))
                    });
                    !matches!(verdict, Ok(Some(false)))
                };
                matching.push(matches.then(|| names.add(name, rank::name_signal(plan, name))));
            }
            let n_names = matching.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
            group_names.for_each_definition(n_names, &mut |at, symbol| {
                if let Some(name) = matching[at] {
                    names.define(name, symbol);
                }
            })?;
        }
        Ok(Some(names))
    }

    fn add(&mut self, name: &[u8], signal: f64) -> usize {
        let at = self.list.len();
        self.bytes.extend_from_slice(name);
        self.ends.push(self.bytes.len());
        self.list.push(Named { at: at as u32, signal, definitions: 0..0 });
        at
    }

    /// Adds a definition of the last name that has one, or of a later one.
    fn define(&mut self, name: usize, symbol: SymbolIdx) {
        let at = self.definitions.len();
        self.definitions.push(symbol);
        let definitions = &mut self.list[name].definitions;
        if definitions.end == 0 {
            definitions.start = at;
        }
        definitions.end = at + 1;
    }

    pub(super) fn name(&self, at: u32) -> &[u8] {
        let at = at as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start..self.ends[at]]
    }
}

/// Groups in the order in which they are looked at: where a page is enough, those first whose names begin with what is
/// looked for, then some from everywhere between A and Z at a time.
pub(super) fn rounds(
    plan: &Plan,
    table: &SymbolTable<'_>,
    groups: Vec<NameGroupIdx>,
) -> Result<Vec<Vec<NameGroupIdx>>, ReadError> {
    if plan.is_exhaustive || groups.len() <= GROUPS_AT_ONCE {
        return Ok(vec![groups]);
    }
    let mut firsts = Vec::new();
    for term in plan.terms.iter().filter(|term| term.is_positive) {
        let literal = term.symbol.as_ref().and_then(|pattern| pattern.literal.as_ref());
        if let Some(literal) = literal {
            firsts.push(table.groups_with_prefix(literal.as_bytes())?);
        }
    }
    let (mut first, others): (Vec<_>, Vec<_>) =
        groups.into_iter().partition(|group| firsts.iter().any(|range| range.contains(&group.0)));
    let n_rounds = others.len().div_ceil(GROUPS_AT_ONCE).max(1);
    let mut rounds = vec![Vec::new(); n_rounds];
    others.into_iter().enumerate().for_each(|(at, group)| rounds[at % n_rounds].push(group));
    first.append(&mut rounds[0]);
    rounds[0] = first;
    Ok(rounds)
}

/// What a term of the tree says of each name of the current group.
struct TermVerdicts {
    term: usize,
    /// Whether nothing is found where it does not hold.
    is_required: bool,
    verdicts: Vec<Option<bool>>,
}

fn term_verdicts(node: &Node) -> Vec<TermVerdicts> {
    let is_required = |term: usize| match node {
        Node::Term(only) => *only == term,
        Node::And(inner) => inner.iter().any(|node| matches!(node, Node::Term(own) if *own == term)),
        _ => false,
    };
    let mut terms: Vec<TermVerdicts> = Vec::new();
    node.each_leaf(false, &mut |leaf, _| {
        if let Node::Term(term) = leaf
            && terms.iter().all(|known| known.term != *term)
        {
            terms.push(TermVerdicts { term: *term, is_required: is_required(*term), verdicts: Vec::new() });
        }
    });
    terms
}
