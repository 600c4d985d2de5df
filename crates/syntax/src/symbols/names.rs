//! Where the name of a definition stands in its node.

use super::rules::Name;
use super::walk::Place;
use model::ByteRange;
use tree_sitter::Node;

/// Declarators within declarators: `*(*f[3])(int)` and far worse. Deeper ones are no code that a person wrote.
const DECLARATORS_MAX: usize = 64;

/// Finds the name of a node.
pub(super) fn find(node: Node<'_>, name: Name, source: &[u8]) -> Option<Place> {
    match name {
        Name::Field(field) => node.child_by_field_name(field).map(|found| qualified(found, source)),
        Name::Child(kinds) => child_of(node, kinds).map(|found| qualified(found, source)),
    }
}

/// The first child of one of these kinds.
pub(super) fn child_of<'t>(node: Node<'t>, kinds: &[&str]) -> Option<Node<'t>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).take(DECLARATORS_MAX).find(|child| kinds.contains(&child.kind()))
}

/// A name that may be written with its scope before it, or in quotes.
pub(super) fn qualified(node: Node<'_>, source: &[u8]) -> Place {
    let range = node.byte_range();
    let Some(text) = source.get(range.clone()) else { return Place::of(node) };
    if let [quote @ (b'"' | b'\'' | b'`'), .., last] = text
        && quote == last
        && text.len() > 2
    {
        return Place { name: range.start + 1..range.end - 1, ..Place::default() };
    }
    // Type arguments belong to no name: `Map<K, V>`.
    let generic = text.iter().position(|byte| matches!(byte, b'<' | b'[' | b'(')).filter(|at| *at > 0);
    let is_plain = !text.starts_with(b"operator");
    let text = generic
        .filter(|_| is_plain && !text.contains(&b'>') || text.ends_with(b">"))
        .map_or(text, |at| &text[..at]);
    let text = text.trim_ascii_end();
    let end = range.start + text.len();
    let last_separator = text.iter().rposition(|byte| matches!(byte, b':' | b'.' | b'\\'));
    match last_separator.filter(|at| at + 1 < text.len() && *at > 0) {
        Some(at) => {
            let scope = text[..at].strip_suffix(b":").unwrap_or(&text[..at]);
            let name_start =
                text[at + 1..].iter().take_while(|byte| byte.is_ascii_whitespace()).count() + at + 1;
            Place {
                name: range.start + name_start..end,
                scope: range.start..range.start + scope.len(),
                is_member: false,
            }
        }
        None => Place { name: range.start..end, ..Place::default() },
    }
}

/// The name within a declarator of the C family.
pub(super) fn declarator(node: Node<'_>, source: &[u8]) -> Option<Place> {
    let mut node = node;
    for _ in 0..DECLARATORS_MAX {
        node = match node.kind() {
            "identifier"
            | "field_identifier"
            | "type_identifier"
            | "primitive_type"
            | "operator_name"
            | "destructor_name"
            | "namespace_identifier" => return Some(Place::of(node)),
            "qualified_identifier" => return scoped(node, source),
            "template_function" | "template_method" | "template_type" => node.child_by_field_name("name")?,
            "operator_cast" => return None,
            _ => match node.child_by_field_name("declarator") {
                Some(inner) => inner,
                // A pair of parentheses, or a reference.
                None => last_named(node)?,
            },
        };
    }
    None
}

fn last_named(node: Node<'_>) -> Option<Node<'_>> {
    let n_children = u32::try_from(node.named_child_count()).ok()?;
    node.named_child(n_children.checked_sub(1)?)
}

/// `Outer::Inner::name` of C++.
fn scoped(node: Node<'_>, source: &[u8]) -> Option<Place> {
    let mut inner = node;
    for _ in 0..DECLARATORS_MAX {
        match inner.kind() {
            "qualified_identifier" | "template_function" | "template_method" | "template_type" => {
                inner = inner.child_by_field_name("name")?;
            }
            "dependent_name" => inner = last_named(inner)?,
            _ => {
                let scope = scope_before(source, node.start_byte()..inner.start_byte());
                let is_member = !scope.is_empty();
                return Some(Place { name: inner.byte_range(), scope, is_member });
            }
        }
    }
    None
}

/// What stands before a name, without the `::` between them.
fn scope_before(source: &[u8], range: ByteRange) -> ByteRange {
    let text = source.get(range.clone()).unwrap_or_default();
    let text = text.trim_ascii_end();
    let text = text.strip_suffix(b"template").unwrap_or(text).trim_ascii_end();
    let text = text.strip_suffix(b"::").unwrap_or(text);
    range.start..range.start + text.len()
}
