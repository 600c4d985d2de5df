//! Definitions of C and C++ that take more than a row.

use super::{CHILDREN_MAX, Step, field};
use crate::symbols::names::{self, declarator};
use crate::symbols::rules::{Inside, Level, Name};
use crate::symbols::walk::{Place, Walk};
use model::SymbolKind as Kind;
use tree_sitter::Node;

/// Words that an error can make look like the name of a function.
fn is_c_keyword(name: &str) -> bool {
    matches!(
        name,
        "if" | "else"
            | "for"
            | "while"
            | "do"
            | "switch"
            | "case"
            | "return"
            | "sizeof"
            | "goto"
            | "break"
            | "continue"
            | "default"
            | "defined"
            | "__attribute__"
            | "typeof"
            | "__typeof__"
            | "struct"
            | "union"
            | "enum"
            | "const"
            | "static"
            | "void"
            | "int"
            | "char"
            | "long"
            | "unsigned"
            | "extern"
            | "inline"
            | "volatile"
            | "register"
    )
}

pub(crate) fn c_function(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let Some(first) = node.child_by_field_name("declarator") else { return Step::Skip };
    let is_cpp_body = Inside::Body;
    let Some(place) = declarator(first, walk.source) else { return Step::Skip };
    let name = walk.text(&place.name).unwrap_or_default();
    if is_c_keyword(name) {
        return Step::Skip;
    }
    if !has_parameters(first) {
        // `struct name {…}` that an attribute turned into a function; its own rule sees it.
        return Step::Enter;
    }
    Step::Define(Kind::Function, place, Level::Any, is_cpp_body)
}

fn has_parameters(node: Node<'_>) -> bool {
    let mut node = Some(node);
    for _ in 0..16 {
        match node {
            Some(inner) if inner.kind() == "function_declarator" => return true,
            Some(inner) if inner.kind() == "operator_cast" => return false,
            Some(inner) => {
                let count = u32::try_from(inner.named_child_count()).unwrap_or(0);
                let last = count.checked_sub(1).and_then(|at| inner.named_child(at));
                node = inner.child_by_field_name("declarator").or(last);
            }
            None => return false,
        }
    }
    false
}

fn is_declared_elsewhere(walk: &Walk<'_, '_>, node: Node<'_>) -> bool {
    let mut cursor = node.walk();
    node.children(&mut cursor)
        .take(8)
        .any(|child| child.kind() == "storage_class_specifier" && walk.text_of(child) == "extern")
}

/// Variables; not prototypes, not what is declared only. Types within it have their own rules.
pub(crate) fn c_declaration(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    if walk.is_local() || is_declared_elsewhere(walk, node) {
        return Step::Enter;
    }
    let mut cursor = node.walk();
    let declarators: Vec<Node<'_>> =
        node.children_by_field_name("declarator", &mut cursor).take(CHILDREN_MAX).collect();
    for child in declarators {
        if is_prototype(child) {
            continue;
        }
        if let Some(place) = declarator(child, walk.source) {
            let name = walk.text(&place.name).unwrap_or_default();
            if !is_c_keyword(name) {
                walk.push(Kind::Variable, &place, node.byte_range());
            }
        }
    }
    Step::Enter
}

/// Whether a declarator is of a function, not of a pointer to one.
fn is_prototype(node: Node<'_>) -> bool {
    let mut node = node;
    for _ in 0..16 {
        if node.kind() == "function_declarator" {
            let inner = node.child_by_field_name("declarator");
            return inner.is_none_or(|inner| inner.kind() != "parenthesized_declarator");
        }
        match node.child_by_field_name("declarator").or_else(|| node.named_child(0)) {
            Some(inner) if node.kind() != "init_declarator" => node = inner,
            _ => return false,
        }
    }
    false
}

pub(crate) fn c_struct(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    if node.child_by_field_name("body").is_none() {
        return Step::Skip;
    }
    let kind = match node.kind() {
        "union_specifier" => Kind::Union,
        "enum_specifier" => Kind::Enum,
        "class_specifier" => Kind::Class,
        _ => Kind::Struct,
    };
    // The values of an enumeration stand beside it in C.
    let inside = Inside::Members;
    let name = node.child_by_field_name("name");
    if let Some(name) = name {
        let place = declarator(name, walk.source).unwrap_or_else(|| Place::of(name));
        return Step::Define(kind, place, Level::Any, inside);
    }
    // Its members belong to the name that a typedef gives it.
    let typedef = node.parent().filter(|parent| parent.kind() == "type_definition");
    let place = typedef.and_then(|of| declarator(of.child_by_field_name("declarator")?, walk.source));
    let scope = place.and_then(|place| walk.text(&place.name).map(str::to_owned));
    Step::Open { scope: scope.unwrap_or_default(), is_type: true }
}

pub(crate) fn c_field(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let mut cursor = node.walk();
    let declarators: Vec<Node<'_>> =
        node.children_by_field_name("declarator", &mut cursor).take(CHILDREN_MAX).collect();
    for child in declarators.into_iter().filter(|child| !is_prototype(*child)) {
        if let Some(place) = declarator(child, walk.source) {
            walk.push(Kind::Field, &place, node.byte_range());
        }
    }
    Step::Enter
}

pub(crate) fn c_typedef(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let mut cursor = node.walk();
    let declarators: Vec<Node<'_>> =
        node.children_by_field_name("declarator", &mut cursor).take(CHILDREN_MAX).collect();
    for child in declarators {
        if let Some(place) = declarator(child, walk.source) {
            walk.push(Kind::Type, &place, node.byte_range());
        }
    }
    Step::Enter
}

/// A macro with a value. One without is a guard or a switch: it is only tested for.
pub(crate) fn c_macro(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let has_value = node.kind() == "preproc_function_def" || node.child_by_field_name("value").is_some();
    match field(node, "name").filter(|_| has_value) {
        Some(place) => Step::Define(Kind::Macro, place, Level::Any, Inside::Nothing),
        None => Step::Skip,
    }
}

pub(crate) fn cpp_namespace(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let Some(name) = node.child_by_field_name("name") else { return Step::Enter };
    let place = names::find(node, Name::Field("name"), walk.source).unwrap_or_else(|| Place::of(name));
    Step::Define(Kind::Namespace, place, Level::Any, Inside::Namespace)
}
