//! Definitions of Go, Java, C#, Kotlin, Swift, Scala, Haskell, OCaml and Zig that take more than a row.

use super::{CHILDREN_MAX, Step, define, field, has_token};
use crate::symbols::names::{self, child_of};
use crate::symbols::rules::{Inside, Level};
use crate::symbols::walk::{Place, Walk};
use model::{ByteRange, SymbolKind as Kind};
use tree_sitter::Node;

/// A package is in nearly every file: only one with a body is worth a name.
pub(crate) fn scala_package(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let body = node.child_by_field_name("body");
    let name = node.child_by_field_name("name").filter(|_| body.is_some());
    match name {
        Some(name) => {
            define(Kind::Namespace, Some(names::qualified(name, walk.source)), Level::Any, Inside::Namespace)
        }
        None => Step::Enter,
    }
}

pub(crate) fn go_method(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let Some(mut place) = field(node, "name") else { return Step::Enter };
    if let Some(receiver) = node.child_by_field_name("receiver") {
        place.scope = receiver_type(walk, receiver);
    }
    place.is_member = true;
    define(Kind::Method, Some(place), Level::Any, Inside::Body)
}

/// `Server` of `(s *Server[T])`.
fn receiver_type(walk: &Walk<'_, '_>, receiver: Node<'_>) -> ByteRange {
    let range = receiver.byte_range();
    let text = walk.text_of(receiver);
    let end = text.find('[').unwrap_or(text.len());
    let text = text[..end].trim_end_matches([')', ' ', ',', '\t', '\n']);
    let start = text.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
    range.start + start.min(text.len())..range.start + text.len()
}

pub(crate) fn go_type(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let kind = match node.child_by_field_name("type").map(|of| of.kind()) {
        Some("struct_type") => Kind::Struct,
        Some("interface_type") => Kind::Interface,
        _ => Kind::Type,
    };
    define(kind, field(node, "name"), Level::Any, Inside::Members)
}

pub(crate) fn java_field(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let is_constant = node.kind() == "constant_declaration" || {
        let modifiers = child_of(node, &["modifiers"]).map_or("", |modifiers| walk.text_of(modifiers));
        modifiers.contains("static") && modifiers.contains("final")
    };
    let kind = if is_constant { Kind::Constant } else { Kind::Field };
    let mut cursor = node.walk();
    let variables: Vec<Node<'_>> =
        node.children_by_field_name("declarator", &mut cursor).take(CHILDREN_MAX).collect();
    for place in variables.into_iter().filter_map(|variable| field(variable, "name")) {
        walk.push(kind, &place, node.byte_range());
    }
    Step::Enter
}

pub(crate) fn c_sharp_field(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let is_event = node.kind() == "event_field_declaration";
    let mut cursor = node.walk();
    let is_constant = node
        .children(&mut cursor)
        .take(16)
        .any(|child| child.kind() == "modifier" && walk.text_of(child) == "const");
    let kind = match (is_event, is_constant) {
        (true, _) => Kind::Event,
        (_, true) => Kind::Constant,
        _ => Kind::Field,
    };
    let Some(declaration) = child_of(node, &["variable_declaration"]) else { return Step::Enter };
    let mut cursor = declaration.walk();
    let variables: Vec<Node<'_>> = declaration.named_children(&mut cursor).take(CHILDREN_MAX).collect();
    for variable in variables.into_iter().filter(|child| child.kind() == "variable_declarator") {
        if let Some(place) = field(variable, "name") {
            walk.push(kind, &place, node.byte_range());
        }
    }
    Step::Enter
}

pub(crate) fn kotlin_class(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let kind = if has_token(node, "interface") {
        Kind::Interface
    } else if child_of(node, &["enum_class_body"]).is_some() {
        Kind::Enum
    } else {
        Kind::Class
    };
    define(kind, field(node, "name"), Level::Any, Inside::Members)
}

pub(crate) fn kotlin_companion(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    match field(node, "name") {
        Some(place) => Step::Define(Kind::Object, place, Level::Any, Inside::Members),
        None => Step::Open { scope: "Companion".to_owned(), is_type: true },
    }
}

pub(crate) fn kotlin_property(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let name =
        child_of(node, &["variable_declaration"]).and_then(|variable| child_of(variable, &["identifier"]));
    define(Kind::Variable, name.map(Place::of), Level::NotLocal, Inside::Body)
}

/// `class Point(val x: Int)`.
pub(crate) fn kotlin_parameter(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    if has_token(node, "val") || has_token(node, "var") {
        let name = child_of(node, &["identifier"]);
        return define(Kind::Property, name.map(Place::of), Level::Any, Inside::Nothing);
    }
    Step::Skip
}

pub(crate) fn swift_class(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let keyword = node.child_by_field_name("declaration_kind").map_or("", |of| walk.text_of(of));
    let kind = match keyword {
        "struct" => Kind::Struct,
        "enum" => Kind::Enum,
        "extension" => {
            let scope = node.child_by_field_name("name").map_or("", |of| walk.text_of(of)).to_owned();
            return Step::Open { scope, is_type: true };
        }
        _ => Kind::Class,
    };
    define(kind, field(node, "name"), Level::Any, Inside::Members)
}

pub(crate) fn swift_property(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let pattern = node.child_by_field_name("name");
    let name = pattern.and_then(|pattern| {
        pattern.child_by_field_name("bound_identifier").or_else(|| child_of(pattern, &["simple_identifier"]))
    });
    define(Kind::Variable, name.map(Place::of), Level::NotLocal, Inside::Body)
}

/// A constructor of a data type. Patterns and types look the same; only those right below a type count.
pub(crate) fn haskell_constructor(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let is_constructor = node.parent().is_some_and(|parent| parent.kind() == "data_constructor");
    let name = node.child_by_field_name("name").filter(|_| is_constructor);
    define(Kind::EnumMember, name.map(Place::of), Level::Any, Inside::Enter)
}

/// Signatures define the methods of a class; elsewhere the function itself follows.
pub(crate) fn haskell_signature(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let is_method = node.parent().is_some_and(|parent| parent.kind() == "class_declarations");
    let name = node.child_by_field_name("name").filter(|_| is_method);
    match name {
        Some(name) => define(Kind::Method, Some(Place::of(name)), Level::Any, Inside::Nothing),
        None => Step::Skip,
    }
}

pub(crate) fn ocaml_let(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let name = node.child_by_field_name("pattern").or_else(|| child_of(node, &["value_name"]));
    let Some(name) = name.filter(|name| name.kind() == "value_name") else { return Step::Enter };
    let is_function = child_of(node, &["parameter"]).is_some()
        || node
            .child_by_field_name("body")
            .is_some_and(|body| matches!(body.kind(), "fun_expression" | "function_expression"));
    let kind = if is_function { Kind::Function } else { Kind::Variable };
    Step::Define(kind, Place::of(name), Level::NotLocal, Inside::Body)
}

pub(crate) fn zig_variable(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let name = child_of(node, &["identifier"]).map(Place::of);
    let type_kinds = [
        "struct_declaration",
        "enum_declaration",
        "union_declaration",
        "opaque_declaration",
        "error_set_declaration",
    ];
    if let Some(value) = child_of(node, &type_kinds) {
        let kind = match value.kind() {
            "enum_declaration" | "error_set_declaration" => Kind::Enum,
            "union_declaration" => Kind::Union,
            _ => Kind::Struct,
        };
        return define(kind, name, Level::Any, Inside::Members);
    }
    let kind = if walk.text_of(node).contains("const ") { Kind::Constant } else { Kind::Variable };
    define(kind, name, Level::NotLocal, Inside::Body)
}

pub(crate) fn zig_field(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let name = node.child_by_field_name("name").filter(|name| name.kind() == "identifier");
    let name = name.or_else(|| child_of(node, &["identifier"]));
    define(Kind::Field, name.map(Place::of), Level::Any, Inside::Nothing)
}
