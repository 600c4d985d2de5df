//! Names in data and markup: HCL, JSON, CSS, HTML.

use super::{Step, define};
use crate::symbols::names::{self, child_of};
use crate::symbols::rules::{Inside, Level};
use crate::symbols::walk::{Place, Walk};
use model::SymbolKind as Kind;
use tree_sitter::Node;

/// A class of a selector; pseudo-classes are the language's.
pub(crate) fn css_class(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let is_class = node.parent().is_some_and(|parent| parent.kind() == "class_selector");
    let name = child_of(node, &["identifier"]).filter(|_| is_class);
    define(Kind::Class, name.map(Place::of), Level::Any, Inside::Nothing)
}

/// `resource "aws_instance" "web" {…}` defines `web` in `resource.aws_instance`.
pub(crate) fn hcl_block(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let mut cursor = node.walk();
    let labels: Vec<Node<'_>> = node
        .named_children(&mut cursor)
        .take_while(|child| matches!(child.kind(), "identifier" | "string_lit"))
        .take(8)
        .collect();
    let (Some(first), Some(last)) = (labels.first(), labels.last()) else { return Step::Enter };
    if walk.n_open() > 0 {
        return Step::Skip;
    }
    let keyword = walk.text_of(*first);
    if keyword == "locals" {
        return Step::Open { scope: "local".to_owned(), is_type: false };
    }
    let kind = match keyword {
        "variable" => Kind::Variable,
        "output" => Kind::Property,
        "module" => Kind::Module,
        _ => Kind::Object,
    };
    let mut place = names::qualified(*last, walk.source);
    if labels.len() > 1 {
        // Labels are in quotes: the container is put together without them.
        let parts: Vec<&str> =
            labels[..labels.len() - 1].iter().map(|label| walk.text_of(*label).trim_matches('"')).collect();
        let scope = parts.join(".");
        walk.push_in(kind, &place, node.byte_range(), &scope);
        return Step::Skip;
    }
    place.is_member = false;
    Step::Define(kind, place, Level::Any, Inside::Nothing)
}

/// Attributes of `locals` are names for others to use; no other attribute is.
pub(crate) fn hcl_attribute(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let name = child_of(node, &["identifier"]).filter(|_| walk.n_open() == 1);
    match name {
        Some(name) => define(Kind::Variable, Some(Place::of(name)), Level::Any, Inside::Nothing),
        None if walk.n_open() == 0 => {
            let name = child_of(node, &["identifier"]);
            define(Kind::Key, name.map(Place::of), Level::Any, Inside::Nothing)
        }
        None => Step::Skip,
    }
}

/// Keys of the first two levels.
pub(crate) fn json_pair(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    const LEVELS: usize = 2;
    if walk.n_open() >= LEVELS {
        return Step::Skip;
    }
    let Some(key) = node.child_by_field_name("key").filter(|key| key.kind() == "string") else {
        return Step::Skip;
    };
    let range = key.byte_range();
    if range.len() < 3 {
        return Step::Enter;
    }
    let place = Place { name: range.start + 1..range.end - 1, ..Place::default() };
    define(Kind::Key, Some(place), Level::Any, Inside::Namespace)
}

/// `--name: value`.
pub(crate) fn css_declaration(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let name = child_of(node, &["property_name"]);
    let name = name.filter(|name| walk.text_of(*name).starts_with("--"));
    match name {
        Some(name) => define(Kind::Variable, Some(Place::of(name)), Level::Any, Inside::Nothing),
        None => Step::Skip,
    }
}

/// `id="name"`.
pub(crate) fn html_attribute(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let name = child_of(node, &["attribute_name"]).map_or("", |name| walk.text_of(name));
    if !name.eq_ignore_ascii_case("id") {
        return Step::Skip;
    }
    let quoted =
        child_of(node, &["quoted_attribute_value"]).and_then(|quoted| child_of(quoted, &["attribute_value"]));
    let value = quoted.or_else(|| child_of(node, &["attribute_value"]));
    let value = value.filter(|value| !walk.text_of(*value).contains(['{', '<', '$', '%']));
    define(Kind::Key, value.map(Place::of), Level::Any, Inside::Nothing)
}
