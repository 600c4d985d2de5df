//! Definitions that take more than a row in a table to recognise: what several languages share, and below it by language.

mod c;
mod data;
mod script;
mod typed;

pub(super) use c::{c_declaration, c_field, c_function, c_macro, c_struct, c_typedef, cpp_namespace};
pub(super) use data::{css_class, css_declaration, hcl_attribute, hcl_block, html_attribute, json_pair};
pub(super) use script::{
    elixir_call, javascript_assignment, javascript_pair, javascript_variable, lua_assignment, lua_function,
    php_parameters, php_property, ruby_assignment, ruby_call,
};
pub(super) use typed::{
    c_sharp_field, go_method, go_type, haskell_constructor, haskell_signature, java_field, kotlin_class,
    kotlin_companion, kotlin_parameter, kotlin_property, ocaml_let, scala_package, swift_class,
    swift_property, zig_field, zig_variable,
};

use super::names;
use super::rules::{Inside, Level};
use super::walk::{Place, Walk};
use model::SymbolKind as Kind;
use tree_sitter::Node;

/// How many children of one node are looked at: `var a, b, c, …`.
const CHILDREN_MAX: usize = 4_000;

/// What is to be done at a node.
pub(super) enum Step {
    /// It is dealt with.
    Skip,
    /// It is nothing; its children are visited.
    Enter,
    /// It defines something.
    Define(Kind, Place, Level, Inside),
    /// It defines a namespace that holds what follows.
    Rest(Place),
    /// It defines nothing; what it holds belongs to this.
    Open { scope: String, is_type: bool },
}

fn field(node: Node<'_>, name: &str) -> Option<Place> {
    node.child_by_field_name(name).map(Place::of)
}

fn define(kind: Kind, place: Option<Place>, level: Level, inside: Inside) -> Step {
    place.map_or(Step::Enter, |place| Step::Define(kind, place, level, inside))
}

fn has_token(node: Node<'_>, token: &str) -> bool {
    let mut cursor = node.walk();
    node.children(&mut cursor).take(64).any(|child| child.kind() == token)
}

/// Adds one definition for each child in a field.
fn each(walk: &mut Walk<'_, '_>, node: Node<'_>, in_field: &str, kind: Kind) {
    let mut cursor = node.walk();
    let names: Vec<Node<'_>> =
        node.children_by_field_name(in_field, &mut cursor).take(CHILDREN_MAX).collect();
    for name in names.into_iter().filter(|name| name.is_named()) {
        if walk.text_of(name) != "_" {
            walk.push(kind, &Place::of(name), node.byte_range());
        }
    }
}

/// `MAX_SIZE` says that it is constant.
fn is_upper(name: &str) -> bool {
    name.bytes().any(|byte| byte.is_ascii_uppercase()) && !name.bytes().any(|byte| byte.is_ascii_lowercase())
}

fn variable_kind(name: &str) -> Kind {
    if is_upper(name) { Kind::Constant } else { Kind::Variable }
}

pub(super) fn local(_: &mut Walk<'_, '_>, _: Node<'_>) -> Step {
    Step::Enter
}

pub(super) fn whole(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let kind = if node.kind() == "keyframes_name" { Kind::Function } else { Kind::Key };
    walk.push(kind, &Place::of(node), node.byte_range());
    Step::Skip
}

/// A namespace that holds the rest of the file, or has a body.
pub(super) fn rest_of_file(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let Some(name) = node.child_by_field_name("name") else { return Step::Enter };
    let place = names::qualified(name, walk.source);
    match node.child_by_field_name("body") {
        Some(_) => define(Kind::Namespace, Some(place), Level::Any, Inside::Namespace),
        None => Step::Rest(place),
    }
}

pub(super) fn assignment(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    match node.child_by_field_name("left") {
        Some(left) if left.kind() == "identifier" => {
            let kind = variable_kind(walk.text_of(left));
            define(kind, Some(Place::of(left)), Level::NotLocal, Inside::Nothing)
        }
        _ => Step::Enter,
    }
}

/// What is in a function without a name is local to it.
pub(super) fn anonymous(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    // An empty place opens a frame that names nothing.
    let start = node.start_byte();
    Step::Define(Kind::Function, Place { name: start..start, ..Place::default() }, Level::Any, Inside::Body)
}

pub(super) fn enum_body(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    each(walk, node, "name", Kind::EnumMember);
    let mut cursor = node.walk();
    let assigned: Vec<Node<'_>> = node
        .named_children(&mut cursor)
        .take(CHILDREN_MAX)
        .filter(|child| child.kind() == "enum_assignment")
        .collect();
    for child in assigned {
        if let Some(place) = field(child, "name") {
            walk.push(Kind::EnumMember, &place, child.byte_range());
        }
    }
    Step::Skip
}

pub(super) fn each_name_field(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    each(walk, node, "name", Kind::Field);
    Step::Enter
}

pub(super) fn each_name_enum_member(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    each(walk, node, "name", Kind::EnumMember);
    Step::Skip
}

pub(super) fn each_name_constant(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    if !walk.is_local() {
        each(walk, node, "name", Kind::Constant);
    }
    Step::Enter
}

pub(super) fn each_name_variable(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    if !walk.is_local() {
        each(walk, node, "name", Kind::Variable);
    }
    Step::Enter
}
