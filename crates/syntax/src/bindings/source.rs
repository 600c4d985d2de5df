//! Where the values of expressions come from, what types are written, which names patterns bind.

use super::BindingIdx;
use super::walk::{Means, PATTERN_NAMES_MAX, Source, Walk, field, field_or_first};
use tree_sitter::Node;

/// How far an expression, a type or a pattern is followed to the name it stands on.
const STEPS_MAX: usize = 64;
/// What holds a value of the type it is written with, and is left out of the way of members.
const WRAPPERS: &[&str] = &[
    "Promise",
    "Readonly",
    "Partial",
    "Required",
    "NonNullable",
    "Optional",
    "Annotated",
    "Final",
    "ClassVar",
    "Awaitable",
    "Coroutine",
    "Option",
    "Box",
    "Arc",
    "Rc",
    "Result",
    "Ref",
    "RefCell",
    "Mutex",
];

impl<'t> Walk<'_, 't> {
    pub(super) fn note_member(&mut self, node: Node<'t>, object: &str, member: &str) {
        let Some(member) = field(node, member) else { return };
        let Some(at) = self.principal(member) else { return };
        let source = match object {
            "" => node.named_child(0).filter(|child| child.id() != member.id()),
            name => field(node, name),
        };
        let source = source.map_or(Source::Unknown, |object| self.value_source(object));
        self.know(at, Means::Member(source));
    }

    /// What a function gives, where nothing is written of it.
    pub(super) fn give_back(&mut self, value: Node<'t>) {
        let Some(function) = self.function() else { return };
        let source = self.value_source(value);
        if let Some(placed) = self.placed.get_mut(function.0 as usize)
            && placed.source == Source::Unknown
        {
            placed.source = source;
        }
    }

    pub(super) fn note_heritage(&mut self, node: Node<'t>, owner: BindingIdx) {
        let mut left = vec![node];
        let mut found = Vec::new();
        for _ in 0..STEPS_MAX {
            let Some(node) = left.pop() else { break };
            let mut cursor = node.walk();
            let children: Vec<_> = node.named_children(&mut cursor).take(STEPS_MAX).collect();
            for child in children {
                if !self.rules.heritage.contains(&child.kind()) {
                    continue;
                }
                let mut inner = child.walk();
                for name in child.named_children(&mut inner).take(STEPS_MAX) {
                    if self.rules.heritage.contains(&name.kind()) {
                        continue;
                    }
                    let source = match self.type_source(name) {
                        Source::Unknown => self.value_source(name),
                        source => source,
                    };
                    if let Source::Instance(at) | Source::Same(at) | Source::Call(at) = source {
                        found.push(at);
                    }
                }
                left.push(child);
            }
        }
        if let Some(placed) = self.placed.get_mut(owner.0 as usize) {
            placed.supertypes.extend(found);
        }
    }

    /// Whether a pattern only says how its one name is declared.
    pub(super) fn is_declarator(&self, node: Node<'_>) -> bool {
        node.kind().ends_with("declarator")
    }

    /// The names that a pattern binds.
    pub(super) fn pattern(&self, pattern: Node<'t>) -> Vec<Node<'t>> {
        let mut names = Vec::new();
        let mut left = vec![pattern];
        let mut n_steps = 0;
        while let Some(node) = left.pop() {
            n_steps += 1;
            if n_steps > PATTERN_NAMES_MAX * 4 || names.len() >= PATTERN_NAMES_MAX {
                break;
            }
            let row = self.table.row(node);
            if let Some(row) = row.filter(|row| row.is_name) {
                let is_pattern = !row.is_member_name
                    || node.kind().contains("shorthand")
                    || node.id() == pattern.id()
                    || node.kind() == "field_identifier";
                let is_upper = || self.text_of(node).starts_with(|c: char| c.is_uppercase());
                if is_pattern && !(self.rules.upper_is_no_pattern && node.id() != pattern.id() && is_upper())
                {
                    names.push(node);
                }
                continue;
            }
            if row.is_some_and(|row| row.member.is_some() || row.call.is_some()) {
                continue;
            }
            let first = left.len();
            let mut cursor = node.walk();
            if cursor.goto_first_child() {
                loop {
                    let skips =
                        cursor.field_name().is_some_and(|name| self.rules.not_in_patterns.contains(&name));
                    let child = cursor.node();
                    if !skips
                        && (child.is_named() || self.is_name(child))
                        && child.kind() != "type_annotation"
                    {
                        left.push(child);
                    }
                    if left.len() > PATTERN_NAMES_MAX * 4 || !cursor.goto_next_sibling() {
                        break;
                    }
                }
            }
            left[first..].reverse();
        }
        names
    }

    /// Where the name that an expression or a type stands on begins.
    pub(super) fn principal(&self, node: Node<'t>) -> Option<usize> {
        match self.value_source(node) {
            Source::Same(at) | Source::Instance(at) => Some(at),
            _ => None,
        }
    }

    /// Where the value of an expression comes from.
    pub(super) fn value_source(&self, node: Node<'t>) -> Source {
        let mut node = node;
        for _ in 0..STEPS_MAX {
            if self.rules.this.contains(&node.kind()) {
                return self.this();
            }
            if self.rules.supers.contains(&node.kind()) {
                return self.supertype();
            }
            if let Some(source) = self.rules.value.and_then(|value| value(self, node)) {
                return source;
            }
            let Some(row) = self.table.row(node) else { return Source::Unknown };
            if row.is_name {
                return Source::Same(node.start_byte());
            }
            if let Some((_, member)) = row.member {
                match field(node, member) {
                    Some(member) => node = member,
                    None => return Source::Unknown,
                }
                continue;
            }
            if let Some(callee) = row.call {
                let Some(callee) = field(node, callee) else { return Source::Unknown };
                if self.rules.calls_construct && self.text_of(callee) == "super" {
                    return self.supertype();
                }
                return self.principal(callee).map_or(Source::Unknown, Source::Call);
            }
            if let Some(made) = row.construct {
                return field_or_first(node, made).map_or(Source::Unknown, |made| self.type_source(made));
            }
            match row.pass.and_then(|pass| field_or_first(node, pass)) {
                Some(next) => node = next,
                None => return Source::Unknown,
            }
        }
        Source::Unknown
    }

    pub(super) fn supertype(&self) -> Source {
        match self.this() {
            Source::This(owner) => Source::Super(owner),
            _ => Source::Unknown,
        }
    }

    /// The type that is written.
    pub(super) fn type_source(&self, node: Node<'t>) -> Source {
        let mut node = node;
        for _ in 0..STEPS_MAX {
            let kind = node.kind();
            if matches!(kind, "union_type" | "binary_operator" | "intersection_type") {
                let mut cursor = node.walk();
                let parts: Vec<_> = node.named_children(&mut cursor).take(8).collect();
                let mut sources = parts.into_iter().map(|part| self.plain_type(part));
                return sources.find(|source| *source != Source::Unknown).unwrap_or(Source::Unknown);
            }
            let Some(row) = self.table.row(node) else { return Source::Unknown };
            if row.is_name {
                return match self.text_of(node) {
                    "Self" | "this" => self.this(),
                    "None" | "null" | "undefined" => Source::Unknown,
                    _ => Source::Instance(node.start_byte()),
                };
            }
            if self.rules.this.contains(&kind) {
                return self.this();
            }
            if let Some((_, member)) = row.member {
                match field(node, member) {
                    Some(member) => node = member,
                    None => return Source::Unknown,
                }
                continue;
            }
            match row.pass.and_then(|pass| field_or_first(node, pass)) {
                Some(inner) if WRAPPERS.contains(&self.text_of(inner)) => match argument_of(node, inner) {
                    Some(argument) => node = argument,
                    None => node = inner,
                },
                Some(inner) => node = inner,
                None => return Source::Unknown,
            }
        }
        Source::Unknown
    }

    /// Likewise, of a part of a union: no unions in it.
    pub(super) fn plain_type(&self, node: Node<'t>) -> Source {
        let mut node = node;
        for _ in 0..STEPS_MAX {
            let Some(row) = self.table.row(node) else { return Source::Unknown };
            if row.is_name {
                return match self.text_of(node) {
                    "None" | "null" | "undefined" => Source::Unknown,
                    _ => Source::Instance(node.start_byte()),
                };
            }
            let next = match row.member {
                Some((_, member)) => field(node, member),
                None => row.pass.and_then(|pass| field_or_first(node, pass)),
            };
            match next {
                Some(next) => node = next,
                None => return Source::Unknown,
            }
        }
        Source::Unknown
    }
}

/// The first type argument that stands behind a name.
fn argument_of<'t>(node: Node<'t>, name: Node<'t>) -> Option<Node<'t>> {
    let mut cursor = node.walk();
    let behind = node.named_children(&mut cursor).find(|child| child.start_byte() >= name.end_byte())?;
    match behind.kind() {
        "type_arguments" | "type_parameter" => behind.named_child(0),
        _ => Some(behind),
    }
}
