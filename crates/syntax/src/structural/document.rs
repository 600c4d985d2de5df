//! A parsed text as `ast-grep-core` walks it, with every step metered.
//!
//! Its matcher has no limits of its own: an ellipsis before a nested pattern matches that pattern twice, so that nesting
//! doubles the work; and comparing what one name stands for in two places recurses as deep as the text. Here children
//! run out when the meter does, which unwinds any match at once, and nodes far below the one in question count as leaves,
//! which are compared as text.

use super::holes::{Hole, PAIRED};
use ast_grep_core::matcher::PatternBuilder;
use ast_grep_core::meta_var::MetaVariable;
use ast_grep_core::source::{Edit, SgNode};
use ast_grep_core::{Doc, Language, Pattern, PatternError, Position};
use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

/// How deep below the node in question trees are compared node by node; below that, as text. A level costs less than 1 KiB
/// of stack.
const COMPARED_DEPTH_MAX: u16 = 128;

/// How much of a text counts as one step where it is compared.
const STEP_BYTES: usize = 64;

/// The language as `ast-grep-core` asks for it: how holes look in a pattern.
#[derive(Clone, Debug)]
pub(super) struct Spelling {
    /// Whether holes may stand in double quotes.
    pub(super) quotes_holes: bool,
}

impl Language for Spelling {
    fn extract_meta_var(&self, source: &str) -> Option<MetaVariable> {
        let key = source.strip_suffix(PAIRED).unwrap_or(source);
        let quoted = || key.strip_prefix('"')?.strip_suffix('"').filter(|_| self.quotes_holes);
        let statement = source.strip_suffix(';').map(str::trim_end);
        let hole = Hole::of_placeholder(quoted().or(statement).unwrap_or(source))?;
        Some(match hole {
            Hole::Many { name: None } => MetaVariable::Multiple,
            Hole::Many { name: Some(name) } => MetaVariable::MultiCapture(name),
            // A semicolon makes a statement of one node; of many, it only helped the grammar.
            Hole::One { .. } if statement.is_some() => return None,
            Hole::One { name: None, is_named } => MetaVariable::Dropped(is_named),
            Hole::One { name: Some(name), is_named } => MetaVariable::Capture(name, is_named),
        })
    }

    fn kind_to_id(&self, _kind: &str) -> u16 {
        0
    }

    fn field_to_id(&self, _field: &str) -> Option<u16> {
        None
    }

    fn build_pattern(&self, _builder: &PatternBuilder<'_>) -> Result<Pattern, PatternError> {
        Err(PatternError::Parse("patterns are made from nodes here".to_owned()))
    }
}

/// Counts steps.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter {
    n_left: Cell<u64>,
    n_used: Cell<u64>,
    /// What a step among children costs: the names a step may copy.
    step_cost: u64,
}

impl Meter {
    pub(super) fn new(n_names: usize) -> Self {
        Meter { step_cost: 1 + n_names as u64 / 4, ..Meter::default() }
    }

    /// Allows so many steps from now on.
    pub(super) fn allow(&self, n_steps: u64) {
        self.n_left.set(n_steps);
    }

    /// Whether the last allowance was used up: what was found with it does not count.
    pub(super) fn is_exhausted(&self) -> bool {
        self.n_left.get() == 0
    }

    /// All steps so far.
    pub(super) fn n_used(&self) -> u64 {
        self.n_used.get()
    }

    fn spend(&self, n_steps: u64) {
        self.n_left.set(self.n_left.get().saturating_sub(n_steps));
        self.n_used.set(self.n_used.get() + n_steps);
    }
}

/// A text and its tree.
#[derive(Clone)]
pub(super) struct Document {
    pub(super) text: String,
    pub(super) tree: tree_sitter::Tree,
    pub(super) spelling: Spelling,
    pub(super) meter: Meter,
}

impl Doc for Document {
    type Source = String;
    type Lang = Spelling;
    type Node<'r> = Metered<'r>;

    fn get_lang(&self) -> &Spelling {
        &self.spelling
    }

    fn get_source(&self) -> &String {
        &self.text
    }

    fn do_edit(&mut self, _edit: &Edit<String>) -> Result<(), String> {
        Err("texts are only read here".to_owned())
    }

    fn root_node(&self) -> Metered<'_> {
        Metered { node: self.tree.root_node(), meter: &self.meter, depth: 0 }
    }

    fn get_node_text<'a>(&'a self, node: &Metered<'a>) -> Cow<'a, str> {
        let text = self.text.get(node.node.byte_range()).unwrap_or_default();
        self.meter.spend((text.len() / STEP_BYTES) as u64);
        Cow::Borrowed(text)
    }
}

/// A node that knows how far below the one in question it lies.
#[derive(Clone)]
pub(super) struct Metered<'r> {
    pub(super) node: tree_sitter::Node<'r>,
    meter: &'r Meter,
    depth: u16,
}

impl<'r> Metered<'r> {
    fn with(&self, node: tree_sitter::Node<'r>) -> Self {
        Metered { node, meter: self.meter, depth: self.depth.saturating_add(1) }
    }
}

impl<'r> SgNode<'r> for Metered<'r> {
    fn parent(&self) -> Option<Self> {
        self.node.parent().map(|parent| Metered { node: parent, meter: self.meter, depth: 0 })
    }

    fn children(&self) -> impl ExactSizeIterator<Item = Self> {
        let mut cursor = self.node.walk();
        let has_children = cursor.goto_first_child();
        let n_left = if has_children { self.node.child_count() as usize } else { 0 };
        Children { cursor, n_left, of: self.clone() }
    }

    fn kind(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.node.kind())
    }

    fn kind_id(&self) -> u16 {
        self.node.kind_id()
    }

    fn node_id(&self) -> usize {
        self.node.id()
    }

    fn range(&self) -> Range<usize> {
        self.node.byte_range()
    }

    fn start_pos(&self) -> Position {
        let point = self.node.start_position();
        Position::new(point.row, point.column, self.node.start_byte())
    }

    fn end_pos(&self) -> Position {
        let point = self.node.end_position();
        Position::new(point.row, point.column, self.node.end_byte())
    }

    /// Every node in order, itself first, each as the one in question.
    fn dfs(&self) -> impl Iterator<Item = Self> {
        Preorder { cursor: self.node.walk(), meter: self.meter, is_begun: false }
    }

    fn is_named(&self) -> bool {
        self.node.is_named()
    }

    fn is_named_leaf(&self) -> bool {
        self.depth >= COMPARED_DEPTH_MAX || self.node.named_child_count() == 0
    }

    fn is_leaf(&self) -> bool {
        self.node.child_count() == 0
    }

    fn is_missing(&self) -> bool {
        self.node.is_missing()
    }

    fn is_error(&self) -> bool {
        self.node.is_error()
    }

    fn is_extra(&self) -> bool {
        self.node.is_extra()
    }

    fn field(&self, name: &str) -> Option<Self> {
        self.node.child_by_field_name(name).map(|node| self.with(node))
    }

    fn field_children(&self, field_id: Option<u16>) -> impl Iterator<Item = Self> {
        field_id.and_then(|id| self.child_by_field_id(id)).into_iter()
    }

    fn child_by_field_id(&self, field_id: u16) -> Option<Self> {
        self.node.child_by_field_id(field_id).map(|node| self.with(node))
    }
}

struct Children<'r> {
    cursor: tree_sitter::TreeCursor<'r>,
    n_left: usize,
    of: Metered<'r>,
}

impl<'r> Iterator for Children<'r> {
    type Item = Metered<'r>;

    fn next(&mut self) -> Option<Metered<'r>> {
        if self.n_left == 0 || self.of.meter.is_exhausted() {
            return None;
        }
        self.of.meter.spend(self.of.meter.step_cost);
        let child = self.of.with(self.cursor.node());
        self.n_left -= 1;
        if !self.cursor.goto_next_sibling() {
            self.n_left = 0;
        }
        Some(child)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.n_left, Some(self.n_left))
    }
}

impl ExactSizeIterator for Children<'_> {}

struct Preorder<'r> {
    cursor: tree_sitter::TreeCursor<'r>,
    meter: &'r Meter,
    is_begun: bool,
}

impl<'r> Iterator for Preorder<'r> {
    type Item = Metered<'r>;

    fn next(&mut self) -> Option<Metered<'r>> {
        if self.is_begun && !self.cursor.goto_first_child() {
            while !self.cursor.goto_next_sibling() {
                if !self.cursor.goto_parent() {
                    return None;
                }
            }
        }
        self.is_begun = true;
        Some(Metered { node: self.cursor.node(), meter: self.meter, depth: 0 })
    }
}
