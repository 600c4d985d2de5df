//! Highlighting by syntax tree.
//!
//! A text is parsed, and the grammar's query tells the class of its nodes. Code of another language inside it (a script
//! in a page) is a further layer, parsed on its own over its ranges. All layers' captures are sorted and painted in one
//! sweep: what begins later or lies deeper paints over what is around it, and of several patterns for one range the
//! last wins, which is the order the grammars' queries are written for.

use super::grammars::Grammar;
use super::{Budget, Class, HighlightError, Span, push_span};
use std::ops::ControlFlow;
use tree_sitter::{
    Node, ParseOptions, Parser, Point, Query, QueryCursor, QueryCursorOptions, Range, StreamingIterator,
};

/// Layers within layers: a page, its script, a template in that. Deeper ones stay in their surroundings' colour.
const DEPTH_MAX: u8 = 3;
/// Injected texts in one text; each costs a parse.
const N_INJECTIONS_MAX: usize = 4_000;
/// Matches in progress in one query. Hostile nesting would let them grow with the text; beyond it the oldest are dropped and
/// some colours missing.
const MATCH_LIMIT: u32 = 512;
/// Captures per span: most captures are painted over or joined, so more are gathered than spans are allowed.
const CAPTURES_PER_SPAN: usize = 4;

/// Parses and colours a text.
pub(super) fn spans(
    grammar: &'static Grammar,
    text: &str,
    budget: &Budget<'_>,
) -> Result<Vec<Span>, HighlightError> {
    let mut painter = Painter {
        text,
        budget,
        parser: Parser::new(),
        cursor: QueryCursor::new(),
        captures: Vec::new(),
        n_injections: 0,
    };
    painter.cursor.set_match_limit(MATCH_LIMIT);
    painter.layer(grammar, &[], 0)?;
    paint(painter.captures, text, budget)
}

/// A node that a query named.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Capture {
    start: u32,
    end: u32,
    depth: u8,
    pattern: u16,
    /// `None` for a node that is explicitly plain, such as code embedded in a string.
    class: Option<Class>,
}

/// A piece of text in another language.
struct Injection {
    grammar: &'static Grammar,
    ranges: Vec<Range>,
}

struct Painter<'a> {
    text: &'a str,
    budget: &'a Budget<'a>,
    parser: Parser,
    cursor: QueryCursor,
    captures: Vec<Capture>,
    n_injections: usize,
}

impl Painter<'_> {
    /// Parses the text within `ranges` (everywhere if there are none) and gathers its captures and those of the layers
    /// within it.
    fn layer(
        &mut self,
        grammar: &'static Grammar,
        ranges: &[Range],
        depth: u8,
    ) -> Result<(), HighlightError> {
        // A grammar whose query does not compile colours nothing; a test proves that there is none.
        let Some(highlights) = grammar.highlights() else { return Ok(()) };
        if self.parser.set_language(&grammar.tree_sitter()).is_err()
            || self.parser.set_included_ranges(ranges).is_err()
        {
            return Ok(());
        }
        let tree = self.parse()?;
        self.gather(highlights, tree.root_node(), depth)?;
        if depth + 1 < DEPTH_MAX
            && let Some(query) = grammar.injections()
        {
            for injection in self.injections(query, tree.root_node(), ranges)? {
                self.layer(injection.grammar, &injection.ranges, depth + 1)?;
            }
        }
        Ok(())
    }

    fn parse(&mut self) -> Result<tree_sitter::Tree, HighlightError> {
        let bytes = self.text.as_bytes();
        let mut stopped = None;
        let mut progress = |_: &tree_sitter::ParseState| stop_at(self.budget, &mut stopped);
        let options = ParseOptions::new().progress_callback(&mut progress);
        let mut read = |offset: usize, _| bytes.get(offset..).unwrap_or_default();
        let tree = self.parser.parse_with_options(&mut read, None, Some(options));
        if tree.is_none() {
            // Else the next layer would resume this parse.
            self.parser.reset();
        }
        tree.ok_or(stopped.unwrap_or(HighlightError::OutOfTime))
    }

    fn gather(
        &mut self,
        query: &'static Highlights,
        root: Node<'_>,
        depth: u8,
    ) -> Result<(), HighlightError> {
        let n_captures_max = self.budget.limits.n_spans_max.saturating_mul(CAPTURES_PER_SPAN);
        let mut stopped = None;
        let mut progress = |_: &tree_sitter::QueryCursorState| stop_at(self.budget, &mut stopped);
        let options = QueryCursorOptions::new().progress_callback(&mut progress);
        let mut matches = self.cursor.matches_with_options(&query.query, root, self.text.as_bytes(), options);
        while let Some(found) = matches.next() {
            for capture in found.captures() {
                let Some(class) = query.classes.get(capture.index as usize).copied().flatten() else {
                    continue;
                };
                let range = capture.node.byte_range();
                self.captures.push(Capture {
                    start: range.start as u32,
                    end: range.end as u32,
                    depth,
                    pattern: found.pattern_index as u16,
                    class: class.class(),
                });
            }
            if self.captures.len() > n_captures_max {
                return Err(HighlightError::TooManySpans { limit: self.budget.limits.n_spans_max });
            }
        }
        drop(matches);
        stopped.map_or(Ok(()), Err)
    }

    /// Finds the pieces in other languages. Pieces of one combined pattern (the text around a template's code) are one
    /// document.
    fn injections(
        &mut self,
        query: &'static Injections,
        root: Node<'_>,
        within: &[Range],
    ) -> Result<Vec<Injection>, HighlightError> {
        let mut found: Vec<Injection> = Vec::new();
        let mut combined: Vec<Option<(&'static Grammar, Vec<Range>)>> = Vec::new();
        combined.resize_with(query.query.pattern_count(), || None);
        let mut stopped = None;
        let mut progress = |_: &tree_sitter::QueryCursorState| stop_at(self.budget, &mut stopped);
        let options = QueryCursorOptions::new().progress_callback(&mut progress);
        let mut matches = self.cursor.matches_with_options(&query.query, root, self.text.as_bytes(), options);
        while let Some(one) = matches.next() {
            if self.n_injections >= N_INJECTIONS_MAX {
                break;
            }
            let nodes: Vec<Node<'_>> = one.nodes_for_capture_index(query.content).collect();
            let named = query.language.and_then(|index| one.nodes_for_capture_index(index).next());
            let named = named.and_then(|node| self.text.get(node.byte_range()));
            let setting = query.settings.get(one.pattern_index);
            let grammar = setting
                .and_then(|setting| setting.language)
                .or_else(|| named.and_then(super::grammars::by_name));
            let grammar = grammar.filter(|grammar| grammar.holds(self.text));
            let (Some(setting), Some(grammar)) = (setting, grammar) else { continue };
            let ranges = content_ranges(&nodes, setting.include_children, within);
            if ranges.is_empty() {
                continue;
            }
            self.n_injections += 1;
            match combined.get_mut(one.pattern_index) {
                Some(Some((_, all))) if setting.combined => all.extend(ranges),
                Some(slot) if setting.combined => *slot = Some((grammar, ranges)),
                _ => found.push(Injection { grammar, ranges }),
            }
        }
        drop(matches);
        if let Some(error) = stopped {
            return Err(error);
        }
        found.extend(combined.into_iter().flatten().map(|(grammar, mut ranges)| {
            ranges.sort_unstable_by_key(|range| range.start_byte);
            Injection { grammar, ranges }
        }));
        Ok(found)
    }
}

/// A compiled highlighting query.
pub(super) struct Highlights {
    query: Query,
    /// What each capture index paints; `None` for captures that only serve predicates.
    classes: Vec<Option<Paint>>,
}

/// What a capture paints: a class, or explicitly nothing.
#[derive(Clone, Copy)]
enum Paint {
    As(Class),
    Plain,
}

impl Paint {
    fn class(self) -> Option<Class> {
        match self {
            Paint::As(class) => Some(class),
            Paint::Plain => None,
        }
    }
}

impl Highlights {
    /// Compiles a query; the error is a mistake in the query, not in any input.
    pub(super) fn new(
        language: &tree_sitter::Language,
        source: &str,
    ) -> Result<Self, tree_sitter::QueryError> {
        let query = Query::new(language, source)?;
        let classes = query.capture_names().iter().map(|name| paint_of(name)).collect();
        Ok(Highlights { query, classes })
    }
}

/// A compiled query for pieces in other languages.
pub(super) struct Injections {
    query: Query,
    content: u32,
    language: Option<u32>,
    settings: Vec<InjectionSetting>,
}

struct InjectionSetting {
    language: Option<&'static Grammar>,
    combined: bool,
    include_children: bool,
}

impl Injections {
    /// Compiles a query; `None` if it is mistaken or captures no content.
    pub(super) fn new(language: &tree_sitter::Language, source: &str) -> Option<Self> {
        let query = Query::new(language, source).ok()?;
        let content = query.capture_index_for_name("injection.content")?;
        let settings = (0..query.pattern_count()).map(|pattern| {
            let properties = query.property_settings(pattern);
            let has = |key: &str| properties.iter().any(|property| &*property.key == key);
            let language = properties.iter().find(|property| &*property.key == "injection.language");
            InjectionSetting {
                language: language
                    .and_then(|property| property.value.as_deref())
                    .and_then(super::grammars::by_name),
                combined: has("injection.combined"),
                include_children: has("injection.include-children"),
            }
        });
        let settings = settings.collect();
        Some(Injections {
            content,
            language: query.capture_index_for_name("injection.language"),
            settings,
            query,
        })
    }
}

/// The class of a capture name, by its first words.
fn paint_of(name: &str) -> Option<Paint> {
    let mut words = name.split('.');
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let class = match (first, second) {
        ("comment", _) => Class::Comment,
        ("string", "escape") | ("escape", _) => Class::Escape,
        ("string", "special") if name.ends_with("key") => Class::Property,
        ("string", "special") if name.ends_with("symbol") => Class::Constant,
        ("string" | "character", _) => Class::String,
        ("number" | "float", _) => Class::Number,
        ("constant" | "boolean", _) => Class::Constant,
        ("function" | "method", "macro") => Class::Macro,
        ("function" | "method" | "constructor", _) => {
            if first == "constructor" {
                Class::Type
            } else {
                Class::Function
            }
        }
        ("type", _) => Class::Type,
        ("keyword", "operator") => Class::Keyword,
        ("preproc" | "import" | "charset" | "media" | "supports" | "keyframes", _) => Class::Keyword,
        ("keyword" | "conditional" | "repeat" | "include" | "exception" | "storageclass", _) => {
            Class::Keyword
        }
        ("operator", _) => Class::Operator,
        ("punctuation", "special") => Class::Escape,
        // Brackets and commas in a colour of their own would double a page's weight and help no reader.
        ("punctuation" | "delimiter", _) => return Some(Paint::Plain),
        ("variable", "builtin" | "parameter") | ("parameter", _) => Class::Variable,
        ("variable", "member") | ("property" | "field", _) => Class::Property,
        ("attribute" | "annotation" | "decorator", _) => Class::Attribute,
        ("tag", "attribute") => Class::Attribute,
        ("tag", _) => Class::Tag,
        ("label" | "symbol", _) => Class::Label,
        ("module" | "namespace", _) => Class::Module,
        ("text" | "markup", second) => return markup_paint(second, name),
        ("variable" | "embedded" | "none", _) => return Some(Paint::Plain),
        _ => return None,
    };
    Some(Paint::As(class))
}

fn markup_paint(second: &str, name: &str) -> Option<Paint> {
    let class = match second {
        "title" | "heading" => Class::Heading,
        "uri" | "reference" | "link" => Class::Link,
        "emphasis" | "italic" => Class::Emphasis,
        "strong" | "bold" => Class::Strong,
        "literal" | "raw" => Class::String,
        "list" | "quote" => Class::Punctuation,
        _ if name.ends_with("none") => return Some(Paint::Plain),
        _ => return None,
    };
    Some(Paint::As(class))
}

/// Remembers why a running parse or query is told to stop.
fn stop_at(budget: &Budget<'_>, stopped: &mut Option<HighlightError>) -> ControlFlow<()> {
    match budget.check() {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            *stopped = Some(error);
            ControlFlow::Break(())
        }
    }
}

/// The ranges of nodes, without their children unless these are asked for, cut to the layer they lie in.
fn content_ranges(nodes: &[Node<'_>], include_children: bool, within: &[Range]) -> Vec<Range> {
    let mut ranges = Vec::new();
    for node in nodes {
        let mut start = (node.start_byte(), node.start_position());
        if !include_children {
            let mut cursor = node.walk();
            for child in node.children(&mut cursor) {
                push_range(&mut ranges, start, (child.start_byte(), child.start_position()), within);
                start = (child.end_byte(), child.end_position());
            }
        }
        push_range(&mut ranges, start, (node.end_byte(), node.end_position()), within);
    }
    ranges
}

fn push_range(ranges: &mut Vec<Range>, start: (usize, Point), end: (usize, Point), within: &[Range]) {
    // Inside a layer of several ranges only whole pieces are taken: one that is cut has holes that are not its own.
    let is_inside = |outer: &Range| outer.start_byte <= start.0 && end.0 <= outer.end_byte;
    let follows = ranges.last().is_none_or(|last| last.end_byte <= start.0);
    if start.0 < end.0 && follows && (within.is_empty() || within.iter().any(is_inside)) {
        ranges.push(Range { start_byte: start.0, end_byte: end.0, start_point: start.1, end_point: end.1 });
    }
}

/// Paints the captures over the text: one sweep with a stack of what is open.
fn paint(mut captures: Vec<Capture>, text: &str, budget: &Budget<'_>) -> Result<Vec<Span>, HighlightError> {
    budget.check()?;
    captures.sort_unstable_by_key(|capture| {
        (capture.start, std::cmp::Reverse(capture.end), capture.depth, capture.pattern)
    });
    let mut spans = Vec::new();
    let mut open: Vec<(usize, Option<Class>)> = Vec::new();
    let mut painted = 0;
    for (idx, capture) in captures.iter().enumerate() {
        let (start, end) = (capture.start as usize, (capture.end as usize).min(text.len()));
        let next_is_same =
            captures.get(idx + 1).is_some_and(|next| (next.start, next.end) == (capture.start, capture.end));
        if start >= end || next_is_same {
            continue;
        }
        painted = close(&mut open, &mut spans, painted, start);
        open.push((end, capture.class));
        budget.check_n_spans(spans.len())?;
    }
    close(&mut open, &mut spans, painted, text.len());
    budget.check_n_spans(spans.len())?;
    spans.retain_mut(|span| {
        // Grammars cut between characters; should one not, its span is dropped rather than the page broken.
        text.is_char_boundary(span.range.start) && text.is_char_boundary(span.range.end)
    });
    Ok(spans)
}

/// Paints what is open from `painted` up to `until` and closes what ends there.
fn close(
    open: &mut Vec<(usize, Option<Class>)>,
    spans: &mut Vec<Span>,
    mut painted: usize,
    until: usize,
) -> usize {
    while let Some((end, class)) = open.last().copied() {
        let stop = end.min(until);
        if painted < stop {
            if let Some(class) = class {
                push_span(spans, painted..stop, class);
            }
            painted = stop;
        }
        if end > until {
            break;
        }
        open.pop();
    }
    until.max(painted)
}
