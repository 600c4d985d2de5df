//! One walk over a syntax tree, by the rules of its grammar. No recursion: hostile nesting is as deep as the text is long.

use super::grammars::Grammar;
use super::names;
use super::rules::{Inside, Level, Name, Rule, Special};
use super::{Collector, SymbolError, special};
use model::{ByteRange, SymbolKind};
use std::cell::RefCell;
use std::ops::ControlFlow;
use tree_sitter::{Node, ParseOptions, Parser, Tree};

/// Parsing is called off after so many looks at the clock, each a hundred steps of the parser, for a text of no length…
const LOOKS_BASE: usize = 2_000;
/// …and one more for so many bytes. Ordinary code takes one for some 100.
const BYTES_PER_LOOK: usize = 16;
/// How deep definitions are looked for.
const DEPTH_MAX: usize = 1_000;

thread_local! {
    /// A parser keeps the memory of its last parse.
    static PARSER: RefCell<Parser> = RefCell::new(Parser::new());
}

/// Parses `source`, which stands at `offset` of the collector's text, and gathers its definitions.
///
/// `source` is as long as that part of the text and may differ in what was blanked out; names are taken from the text.
pub(super) fn read(
    grammar: &'static Grammar,
    found: &mut Collector<'_>,
    source: &[u8],
    offset: usize,
) -> Result<(), SymbolError> {
    let tree = parse(grammar, source, &mut || found.check())?;
    let table = grammar.table();
    let mut walk = Walk { grammar, found, source, offset, frames: Vec::new(), in_function: 0, in_error: 0 };
    let mut cursor = tree.walk();
    let (mut depth, mut n_steps) = (0_usize, 0_usize);
    loop {
        n_steps += 1;
        if n_steps.is_multiple_of(8192) {
            walk.found.check()?;
        }
        let node = cursor.node();
        let rule = table.get(usize::from(node.kind_id())).copied().unwrap_or(Rule::Enter);
        let goes_in = walk.visit(node, rule, depth);
        if goes_in && depth < DEPTH_MAX && cursor.goto_first_child() {
            depth += 1;
            continue;
        }
        walk.leave(depth);
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return Ok(());
            }
            depth -= 1;
            walk.leave(depth);
        }
    }
}

/// Parses a text within a number of steps that its length gives, asking `check` now and then whether to go on.
pub(super) fn parse(
    grammar: &'static Grammar,
    source: &[u8],
    check: &mut dyn FnMut() -> Result<(), SymbolError>,
) -> Result<Tree, SymbolError> {
    let mut n_looks = LOOKS_BASE + source.len() / BYTES_PER_LOOK;
    let mut stopped = None;
    let mut progress = |_: &tree_sitter::ParseState| {
        n_looks = n_looks.saturating_sub(1);
        let outcome = if n_looks == 0 { Err(SymbolError::OutOfTime) } else { check() };
        match outcome {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                stopped = Some(error);
                ControlFlow::Break(())
            }
        }
    };
    let options = ParseOptions::new().progress_callback(&mut progress);
    let mut read = |at: usize, _| source.get(at..).unwrap_or_default();
    let tree = PARSER.with_borrow_mut(|parser| {
        parser.set_language(&grammar.tree_sitter()).ok()?;
        let tree = parser.parse_with_options(&mut read, None, Some(options));
        // Else the next text would resume this parse, or find its memory.
        parser.reset();
        tree
    });
    tree.ok_or(stopped.unwrap_or(SymbolError::OutOfTime))
}

/// What is open around the node in question.
struct Frame {
    depth: usize,
    container: u32,
    /// Whether functions in it are methods.
    is_type: bool,
    is_function: bool,
    is_error: bool,
    /// Whether it was opened by a clause that holds for the rest of what is around it.
    is_rest: bool,
}

/// The state of one walk.
pub(super) struct Walk<'w, 'a> {
    grammar: &'static Grammar,
    found: &'w mut Collector<'a>,
    pub(super) source: &'w [u8],
    offset: usize,
    frames: Vec<Frame>,
    in_function: usize,
    in_error: usize,
}

impl Walk<'_, '_> {
    /// Applies a rule. Tells whether to go into the node.
    fn visit(&mut self, node: Node<'_>, rule: Rule, depth: usize) -> bool {
        if node.is_error() && depth > 0 {
            // What looks like a variable there may be a local one that lost its function.
            self.open(depth, self.container(), false, false, true);
            return true;
        }
        match rule {
            Rule::Enter => true,
            Rule::Skip => false,
            Rule::Def(kind, name, level, inside) => self.define(node, kind, name, level, inside, depth),
            Rule::Scope(name) => {
                let place = self.name_of(node, name);
                self.open_named(depth, place, true, false);
                true
            }
            Rule::Special(special) => self.special(node, special, depth),
        }
    }

    fn special(&mut self, node: Node<'_>, special: Special, depth: usize) -> bool {
        match special(self, node) {
            special::Step::Skip => false,
            special::Step::Enter => true,
            special::Step::Define(kind, place, level, inside) => {
                self.define_at(node, kind, place, level, inside, depth)
            }
            special::Step::Rest(place) => {
                let Some(around) = depth.checked_sub(1) else { return true };
                // What another such clause opened ends here.
                while self.frames.last().is_some_and(|frame| frame.is_rest) {
                    self.frames.pop();
                }
                self.push(SymbolKind::Namespace, &place, node.byte_range());
                self.open_named(around, Some(place), false, false);
                if let Some(frame) = self.frames.last_mut() {
                    frame.is_rest = true;
                }
                false
            }
            special::Step::Open { scope, is_type } => {
                let container = self.found.container(self.container(), &scope, self.grammar.separator);
                self.open(depth, container, is_type, false, false);
                true
            }
        }
    }

    fn define(
        &mut self,
        node: Node<'_>,
        kind: SymbolKind,
        name: Name,
        level: Level,
        inside: Inside,
        depth: usize,
    ) -> bool {
        match self.name_of(node, name) {
            Some(place) => self.define_at(node, kind, place, level, inside, depth),
            None => inside != Inside::Nothing,
        }
    }

    fn define_at(
        &mut self,
        node: Node<'_>,
        kind: SymbolKind,
        place: Place,
        level: Level,
        inside: Inside,
        depth: usize,
    ) -> bool {
        if level == Level::NotLocal && (self.in_function > 0 || self.in_error > 0) {
            return inside != Inside::Nothing;
        }
        let kind = self.kind_here(kind, &place);
        self.push(kind, &place, node.byte_range());
        match inside {
            Inside::Nothing => return false,
            Inside::Enter => {}
            Inside::Members => self.open_named(depth, Some(place), true, false),
            Inside::Namespace => self.open_named(depth, Some(place), false, false),
            Inside::Body => self.open_named(depth, Some(place), false, true),
        }
        true
    }

    /// Functions of a type are its methods.
    fn kind_here(&self, kind: SymbolKind, place: &Place) -> SymbolKind {
        let in_type =
            self.frames.iter().rev().find(|frame| !frame.is_error).is_some_and(|frame| frame.is_type);
        match kind {
            SymbolKind::Function if in_type || place.is_member => SymbolKind::Method,
            SymbolKind::Variable if in_type => SymbolKind::Field,
            other => other,
        }
    }

    /// Adds a definition within what is open.
    pub(super) fn push(&mut self, kind: SymbolKind, place: &Place, extent: ByteRange) {
        let mut container = self.container();
        if let Some(scope) = self.text(&place.scope).map(str::to_owned).filter(|scope| !scope.is_empty()) {
            container = self.found.container(container, &scope, self.grammar.separator);
        }
        let [name, extent] =
            [&place.name, &extent].map(|range| range.start + self.offset..range.end + self.offset);
        if self.grammar.joins_clauses
            && let Some(last) = self.found.symbols.last_mut()
            && last.container == container
            && last.kind == kind
            && self.found.text.get(last.name.clone()) == self.found.text.get(name.clone())
        {
            // Another clause of the same function.
            last.extent.end = last.extent.end.max(extent.end);
            return;
        }
        self.found.push(kind, name, extent, container);
    }

    /// Adds a definition within a container that is written nowhere in one piece.
    pub(super) fn push_in(&mut self, kind: SymbolKind, place: &Place, extent: ByteRange, scope: &str) {
        let container = self.found.container(self.container(), scope, self.grammar.separator);
        let [name, extent] =
            [&place.name, &extent].map(|range| range.start + self.offset..range.end + self.offset);
        self.found.push(kind, name, extent, container);
    }

    /// The text of a range of the source.
    pub(super) fn text(&self, range: &ByteRange) -> Option<&str> {
        self.found.text.get(range.start + self.offset..range.end + self.offset)
    }

    /// The text of a node, empty if it is not on character borders.
    pub(super) fn text_of(&self, node: Node<'_>) -> &str {
        self.text(&node.byte_range()).unwrap_or_default()
    }

    /// Whether a function is around.
    pub(super) fn is_local(&self) -> bool {
        self.in_function > 0 || self.in_error > 0
    }

    /// How many named things are around.
    pub(super) fn n_open(&self) -> usize {
        self.frames.len()
    }

    fn name_of(&self, node: Node<'_>, name: Name) -> Option<Place> {
        names::find(node, name, self.source)
    }

    fn container(&self) -> u32 {
        self.frames.last().map_or(0, |frame| frame.container)
    }

    fn open_named(&mut self, depth: usize, place: Option<Place>, is_type: bool, is_function: bool) {
        let mut container = self.container();
        if let Some(place) = place {
            for part in [&place.scope, &place.name] {
                if let Some(name) = self.text(part).map(str::to_owned) {
                    container = self.found.container(container, &name, self.grammar.separator);
                }
            }
        }
        self.open(depth, container, is_type, is_function, false);
    }

    fn open(&mut self, depth: usize, container: u32, is_type: bool, is_function: bool, is_error: bool) {
        self.in_function += usize::from(is_function);
        self.in_error += usize::from(is_error);
        self.frames.push(Frame { depth, container, is_type, is_function, is_error, is_rest: false });
    }

    /// Closes what was opened at a node of this depth.
    fn leave(&mut self, depth: usize) {
        while self.frames.last().is_some_and(|frame| frame.depth >= depth) {
            if let Some(frame) = self.frames.pop() {
                self.in_function -= usize::from(frame.is_function);
                self.in_error -= usize::from(frame.is_error);
            }
        }
    }
}

/// Where a name stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) name: ByteRange,
    /// What is written before it: `Outer::` of `Outer::inner`, without the separator; empty if nothing is.
    pub(super) scope: ByteRange,
    /// Whether the scope is a type.
    pub(super) is_member: bool,
}

impl Place {
    pub(super) fn of(node: Node<'_>) -> Place {
        Place { name: node.byte_range(), ..Place::default() }
    }
}
