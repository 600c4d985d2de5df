//! From the text of a pattern to trees with metavariables.

use super::contexts::{Context, contexts, styles};
use super::document::{Document, Meter, Spelling};
use super::holes::{Holes, Rendered, Style, holds_placeholder};
use super::{Compiled, StructuralError};
use crate::highlight::grammars::Grammar;
use ast_grep_core::matcher::PatternNode;
use ast_grep_core::meta_var::MetaVariable;
use ast_grep_core::{AstGrep, Pattern};
use model::ByteRange;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use tree_sitter::{ParseOptions, Parser};

/// Deepest tree of a pattern: matching recurses by it, at less than 2 KiB of stack a level.
const DEPTH_MAX: usize = 96;
/// Most nodes of a pattern's tree.
const NODES_MAX: usize = 1_500;
/// How many trees one grammar may make of a pattern.
const ALTERNATIVES_MAX: usize = 6;
/// How long compiling may take in all; grammars that were not asked by then do not count. Ordinary patterns take some 5 ms.
const TIME_MAX: Duration = Duration::from_millis(400);
/// How many grammars an error names.
const NAMED_MAX: usize = 4;

/// One tree that a pattern can be.
pub(super) struct Alternative {
    pub(super) pattern: Pattern,
    /// The kind of node that every match is.
    pub(super) root_kind: u16,
    /// How many names it binds.
    pub(super) n_names: usize,
    /// What each match holds, word for word.
    pub(super) exact: Vec<String>,
    /// Likewise, but perhaps in other capitals.
    pub(super) folded: Vec<String>,
    /// Kinds and texts, to tell trees apart.
    shape: String,
}

impl std::fmt::Debug for Alternative {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alternative").field("shape", &self.shape).finish_non_exhaustive()
    }
}

impl Alternative {
    /// What every text with a match holds.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = self.exact.iter().chain(&self.folded).cloned().collect();
        words.sort_unstable();
        words.dedup();
        words
    }
}

/// Compiles a pattern for these grammars; an error where none can read it.
pub(super) fn for_grammars(
    text: &str,
    grammars: &[(&'static str, &'static Grammar)],
) -> Result<Vec<Compiled>, StructuralError> {
    let holes = Holes::read(text)?;
    let deadline = Instant::now() + TIME_MAX;
    let mut compiled = Vec::new();
    let mut refused: Option<StructuralError> = None;
    let mut furthest = 0;
    let mut failed = Vec::new();
    for (name, grammar) in grammars {
        let mut reader = Reader { grammar, deadline, furthest: 0, refused: None, alternatives: Vec::new() };
        reader.read(&holes, name);
        if reader.alternatives.is_empty() {
            furthest = furthest.max(reader.furthest);
            failed.push(*name);
            refused = refused.or(reader.refused);
        } else {
            compiled.push(Compiled { grammar, name, alternatives: reader.alternatives });
        }
    }
    if !compiled.is_empty() {
        return Ok(compiled);
    }
    failed.truncate(NAMED_MAX);
    let start = text.floor_char_boundary(furthest.min(text.len().saturating_sub(1)));
    Err(refused.unwrap_or(StructuralError::Unreadable { languages: failed, span: start..text.len() }))
}

/// Reads one pattern with one grammar.
struct Reader {
    grammar: &'static Grammar,
    deadline: Instant,
    /// The first fault of the reading that came furthest.
    furthest: usize,
    /// Why a tree could not be used.
    refused: Option<StructuralError>,
    alternatives: Vec<Alternative>,
}

impl Reader {
    fn read(&mut self, holes: &Holes<'_>, name: &str) {
        for style in styles(name) {
            for ends_statements in [false, true] {
                let rendered = holes.render(*style, ends_statements);
                for context in contexts(name) {
                    self.read_in(&rendered, *context, *style);
                }
                if !self.alternatives.is_empty() {
                    return;
                }
            }
        }
    }

    fn read_in(&mut self, rendered: &Rendered, (before, after): Context, style: Style) {
        let text = [before, &rendered.text, after].concat();
        let place = before.len()..before.len() + rendered.text.len();
        if !self.grammar.holds(&text) {
            return;
        }
        let Some(tree) = self.parse(&text) else { return };
        let root = tree.root_node();
        if root.has_error() {
            if let Some(fault) = first_fault(root) {
                let in_pattern = fault.clamp(place.start, place.end) - place.start;
                self.furthest = self.furthest.max(rendered.origin(in_pattern));
            }
            return;
        }
        // Some grammars leave a last semicolon beside what it ends.
        let bare = rendered.text.strip_suffix(';').map_or(rendered.text.as_str(), str::trim_end);
        let places = [place.clone(), place.start..place.start + bare.len()];
        let node_at = |place: &ByteRange| {
            let node = root.descendant_for_byte_range(place.start, place.end)?;
            (node.byte_range() == *place && !is_sequence(node)).then_some(node)
        };
        let Some((node, place)) = places.into_iter().find_map(|place| Some((node_at(&place)?, place))) else {
            let around = root.descendant_for_byte_range(place.start, place.end);
            if around.is_some_and(is_sequence) {
                self.refused = Some(StructuralError::Several);
            }
            return;
        };
        if !is_small(node) {
            self.refused = Some(StructuralError::TooComplex);
            return;
        }
        let spelling = Spelling { quotes_holes: style.is_quoted() };
        let document = Document { text, tree: tree.clone(), spelling, meter: Meter::new(0) };
        self.take(document, node.id(), rendered, &place);
    }

    /// Turns the node of this number into an alternative.
    fn take(&mut self, document: Document, node_id: usize, rendered: &Rendered, place: &ByteRange) {
        document.meter.allow(u64::MAX);
        let root = AstGrep::doc(document);
        let found =
            root.root().dfs().filter(|node| node.node_id() == node_id && node.range() == *place).last();
        let Some(node) = found else { return };
        let pattern = Pattern::from(node);
        let mut gathered = Gathered::default();
        gathered.take(&pattern.node);
        if let Some(word) = gathered.with_hole {
            let start = rendered.text.find(&word).map_or(0, |at| rendered.origin(at));
            let end = rendered.text.find(&word).map_or(start, |at| rendered.origin(at + word.len()));
            self.refused = Some(StructuralError::HoleInWord { span: start..end.max(start) });
            return;
        }
        let (PatternNode::Internal { kind_id, .. } | PatternNode::Terminal { kind_id, .. }) = &pattern.node
        else {
            self.refused = Some(StructuralError::Everything);
            return;
        };
        let alternative = Alternative {
            root_kind: *kind_id,
            n_names: gathered.n_names,
            exact: sorted(gathered.exact),
            folded: sorted(gathered.folded),
            shape: gathered.shape,
            pattern,
        };
        let is_new = self.alternatives.iter().all(|known| known.shape != alternative.shape);
        if is_new && self.alternatives.len() < ALTERNATIVES_MAX {
            self.alternatives.push(alternative);
        }
    }

    fn parse(&self, text: &str) -> Option<tree_sitter::Tree> {
        let mut parser = Parser::new();
        parser.set_language(&self.grammar.tree_sitter()).ok()?;
        let mut progress = |_: &tree_sitter::ParseState| {
            if Instant::now() >= self.deadline { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let options = ParseOptions::new().progress_callback(&mut progress);
        let bytes = text.as_bytes();
        parser.parse_with_options(
            &mut |offset, _| bytes.get(offset..).unwrap_or_default(),
            None,
            Some(options),
        )
    }
}

fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort_unstable();
    words.dedup();
    words
}

/// Where the first node stands that is an error or was put in to mend one.
fn first_fault(root: tree_sitter::Node<'_>) -> Option<usize> {
    let mut cursor = root.walk();
    loop {
        let node = cursor.node();
        if node.is_error() || node.is_missing() {
            return Some(node.start_byte());
        }
        if node.has_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return None;
            }
        }
    }
}

/// Whether a node is only the run of statements in a block, without the block's own marks: no single thing to look for.
fn is_sequence(node: tree_sitter::Node<'_>) -> bool {
    let is_run = node.parent().is_none()
        || matches!(node.kind(), "statement_list" | "statements" | "body_statement" | "declarations");
    is_run || (node.kind() == "block" && node.child(0).is_some_and(|first| first.is_named()))
}

/// Whether matching may recurse over the tree.
fn is_small(node: tree_sitter::Node<'_>) -> bool {
    let mut cursor = node.walk();
    let (mut depth, mut n_nodes) = (1, 1);
    loop {
        if cursor.goto_first_child() {
            depth += 1;
        } else {
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return true;
                }
                depth -= 1;
            }
        }
        n_nodes += 1;
        if depth > DEPTH_MAX || n_nodes > NODES_MAX {
            return false;
        }
    }
}

/// What a tree with metavariables says.
#[derive(Default)]
struct Gathered {
    exact: Vec<String>,
    folded: Vec<String>,
    n_names: usize,
    with_hole: Option<String>,
    shape: String,
}

impl Gathered {
    fn take(&mut self, node: &PatternNode) {
        match node {
            PatternNode::MetaVar { meta_var } => {
                self.n_names += usize::from(matches!(
                    meta_var,
                    MetaVariable::Capture(..) | MetaVariable::MultiCapture(_)
                ));
                self.shape.push_str(&format!("{meta_var:?} "));
            }
            PatternNode::Terminal { text, is_named, kind_id } => {
                self.shape.push_str(&format!("{kind_id}:{text:?} "));
                if holds_placeholder(text) {
                    self.with_hole.get_or_insert_with(|| text.clone());
                }
                // Of what has no name only the kind is compared: words are written so, give or take capitals; marks
                // may be put in by the grammar where the text has none.
                if *is_named && !text.trim().is_empty() {
                    self.exact.push(text.clone());
                } else if text.len() > 1 && text.chars().all(|c| c.is_ascii_alphabetic()) {
                    self.folded.push(text.clone());
                }
            }
            PatternNode::Internal { kind_id, children } => {
                self.shape.push_str(&format!("({kind_id} "));
                let mut follows_many = false;
                for child in children {
                    // `ast-grep-core` passes over marks and words that follow an ellipsis: they need not be there.
                    let is_passed_over = follows_many && child.is_trivial();
                    let is_many = matches!(
                        child,
                        PatternNode::MetaVar {
                            meta_var: MetaVariable::Multiple | MetaVariable::MultiCapture(_)
                        }
                    );
                    follows_many = is_many || is_passed_over;
                    if is_passed_over {
                        self.shape.push('~');
                    } else {
                        self.take(child);
                    }
                }
                self.shape.push(')');
            }
        }
    }
}
