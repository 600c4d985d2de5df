//! Looking for a compiled pattern in one text.

use super::compile::Alternative;
use super::document::{Document, Meter, Spelling};
use super::{Compiled, StructuralPattern};
use ast_grep_core::meta_var::MetaVarEnv;
use ast_grep_core::{AstGrep, Matcher, Node};
use memchr::memmem;
use model::{ByteRange, Language};
use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::ControlFlow;
use tree_sitter::{ParseOptions, Parser};

/// How many nodes are passed between two looks at the clock: some 50 µs.
const WATCHED_NODES: u64 = 1024;

/// How much one call of [`StructuralPattern::find`] may cost.
#[derive(Clone, Copy)]
pub struct StructuralLimits<'a> {
    /// Longest text, in bytes. A tree takes some ten times that much memory.
    pub size_bytes_max: usize,
    /// How many steps matching may take at one node: what is below it, for each hole again. 10⁶ steps take some 50 ms.
    pub n_steps_per_node_max: u64,
    /// How many steps matching may take in the whole text.
    pub n_steps_max: u64,
    /// How many matches are looked for.
    pub n_matches_max: usize,
    /// Asked every fraction of a millisecond; `true` ends the call.
    pub stop: &'a dyn Fn() -> bool,
}

impl Default for StructuralLimits<'_> {
    /// 2 MiB, 2¹⁸ steps a node (some 15 ms), 2²³ in all (half a second), a million matches, never told to stop.
    fn default() -> Self {
        StructuralLimits {
            size_bytes_max: 2 << 20,
            n_steps_per_node_max: 1 << 18,
            n_steps_max: 1 << 23,
            n_matches_max: 1_000_000,
            stop: &|| false,
        }
    }
}

impl std::fmt::Debug for StructuralLimits<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StructuralLimits")
            .field("size_bytes_max", &self.size_bytes_max)
            .finish_non_exhaustive()
    }
}

/// What was found in a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StructuralMatches {
    /// Matches that do not lie in another one, ascending. A range may cross lines.
    pub ranges: Vec<ByteRange>,
    /// How many more matches lie within these.
    pub n_nested: u64,
    /// Whether a limit on steps or matches was hit: there may be more.
    pub is_cut: bool,
}

/// Why a text was not searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StructuralStop {
    /// The caller said stop.
    #[error("structural search was stopped")]
    Stopped,
    /// The text is longer than the limit.
    #[error("the text is over the limit for structural search")]
    TooLarge,
    /// The grammar's scanner cannot hold the text.
    #[error("the text is nested too deeply for its grammar")]
    NotHeld,
}

thread_local! {
    /// One parser a thread: making one costs more than parsing a small file.
    static PARSER: RefCell<Option<Parser>> = const { RefCell::new(None) };
}

impl StructuralPattern {
    /// Finds the pattern in a text of this language. Nothing where no grammar for it read the pattern.
    ///
    /// Recursion is bounded by the depth of the pattern, not of the text: 256 KiB of stack are enough.
    pub fn find(
        &self,
        language: Language,
        text: &str,
        limits: &StructuralLimits<'_>,
    ) -> Result<StructuralMatches, StructuralStop> {
        let Some(compiled) = self.of_language(language) else { return Ok(StructuralMatches::default()) };
        let wanted: Vec<&Alternative> =
            compiled.alternatives.iter().filter(|alternative| alternative.may_be_in(text)).collect();
        if wanted.is_empty() {
            return Ok(StructuralMatches::default());
        }
        if text.len() > limits.size_bytes_max {
            return Err(StructuralStop::TooLarge);
        }
        if !compiled.grammar.holds(text) {
            return Err(StructuralStop::NotHeld);
        }
        let tree = parse(compiled, text, limits)?;
        let n_names = wanted.iter().map(|alternative| alternative.n_names).max().unwrap_or(0);
        let spelling = Spelling { quotes_holes: false };
        let document = Document { text: text.to_owned(), tree, spelling, meter: Meter::new(n_names) };
        walk(&AstGrep::doc(document), &wanted, limits)
    }
}

impl Alternative {
    /// Whether the text holds every word that a match holds in exact case.
    fn may_be_in(&self, text: &str) -> bool {
        self.exact.iter().all(|word| memmem::find(text.as_bytes(), word.as_bytes()).is_some())
    }
}

fn parse(
    compiled: &Compiled,
    text: &str,
    limits: &StructuralLimits<'_>,
) -> Result<tree_sitter::Tree, StructuralStop> {
    PARSER.with_borrow_mut(|slot| {
        let parser = slot.get_or_insert_with(Parser::new);
        parser.reset();
        parser.set_language(&compiled.grammar.tree_sitter()).map_err(|_| StructuralStop::NotHeld)?;
        let mut progress = |_: &tree_sitter::ParseState| {
            if (limits.stop)() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let options = ParseOptions::new().progress_callback(&mut progress);
        let bytes = text.as_bytes();
        let mut read = |offset: usize, _| bytes.get(offset..).unwrap_or_default();
        parser.parse_with_options(&mut read, None, Some(options)).ok_or(StructuralStop::Stopped)
    })
}

fn walk(
    root: &AstGrep<Document>,
    wanted: &[&Alternative],
    limits: &StructuralLimits<'_>,
) -> Result<StructuralMatches, StructuralStop> {
    let mut found = StructuralMatches::default();
    let mut last: Option<ByteRange> = None;
    let mut n_nodes = 0_u64;
    let top = root.root();
    for node in top.dfs() {
        n_nodes += 1;
        if n_nodes.is_multiple_of(WATCHED_NODES) && (limits.stop)() {
            return Err(StructuralStop::Stopped);
        }
        let kind = node.kind_id();
        for alternative in wanted.iter().filter(|alternative| alternative.root_kind == kind) {
            if node.get_doc().meter.n_used() >= limits.n_steps_max
                || found.n_all() >= limits.n_matches_max as u64
            {
                found.is_cut = true;
                return Ok(found);
            }
            match attempt(alternative, &node, limits) {
                Attempt::Found(range) if last.as_ref() != Some(&range) => {
                    found.add(range.clone());
                    last = Some(range);
                    break;
                }
                Attempt::Found(_) | Attempt::NoMatch => {}
                Attempt::GaveUp => {
                    found.is_cut = true;
                    if (limits.stop)() {
                        return Err(StructuralStop::Stopped);
                    }
                }
            }
        }
    }
    Ok(found)
}

enum Attempt {
    Found(ByteRange),
    NoMatch,
    GaveUp,
}

fn attempt(alternative: &Alternative, node: &Node<'_, Document>, limits: &StructuralLimits<'_>) -> Attempt {
    let meter = &node.get_doc().meter;
    meter.allow(limits.n_steps_per_node_max.max(1));
    let mut env = Cow::Owned(MetaVarEnv::new());
    let is_match = alternative.pattern.match_node_with_env(node.clone(), &mut env).is_some();
    if meter.is_exhausted() {
        return Attempt::GaveUp;
    }
    if !is_match {
        return Attempt::NoMatch;
    }
    // What follows the last thing the pattern names (an else branch, a semicolon) does not belong to the match.
    let len = alternative.pattern.get_match_len(node.clone());
    let whole = node.range();
    match len.map(|len| whole.start..(whole.start + len).min(whole.end)) {
        Some(range) if !meter.is_exhausted() && range.start < range.end => Attempt::Found(range),
        _ => Attempt::Found(whole),
    }
}

impl StructuralMatches {
    fn n_all(&self) -> u64 {
        self.ranges.len() as u64 + self.n_nested
    }

    /// Takes the next match in the order of their starts.
    fn add(&mut self, range: ByteRange) {
        match self.ranges.last_mut() {
            Some(outer) if range.start < outer.end => {
                self.n_nested += 1;
                // A match that cuts across another's end cannot be, but for one that was cut at its last goal.
                outer.end = outer.end.max(range.end);
            }
            _ => self.ranges.push(range),
        }
    }
}
