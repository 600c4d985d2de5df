//! Definitions of languages without declared types: JavaScript, Ruby, PHP, Lua, Elixir.

use super::{CHILDREN_MAX, Step, define, is_upper};
use crate::symbols::names::{self, child_of};
use crate::symbols::rules::{Inside, Level};
use crate::symbols::walk::{Place, Walk};
use model::SymbolKind as Kind;
use tree_sitter::Node;

fn is_function_value(value: Option<Node<'_>>) -> bool {
    value.is_some_and(|value| {
        matches!(value.kind(), "arrow_function" | "function_expression" | "function" | "generator_function")
    })
}

pub(crate) fn javascript_variable(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let Some(name) = node.child_by_field_name("name").filter(|name| name.kind() == "identifier") else {
        return Step::Enter;
    };
    let value = node.child_by_field_name("value");
    if value.is_some_and(|value| walk.text_of(value).starts_with("require(")) {
        return Step::Skip;
    }
    if is_function_value(value) {
        return define(Kind::Function, Some(Place::of(name)), Level::Any, Inside::Body);
    }
    let is_constant = is_upper(walk.text_of(name)) && !walk.is_local();
    let kind = if is_constant { Kind::Constant } else { Kind::Variable };
    define(kind, Some(Place::of(name)), Level::NotLocal, Inside::Enter)
}

/// `app.handle = function () {…}`, `exports.parse = …`, `Router.prototype.use = …`.
pub(crate) fn javascript_assignment(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let (left, right) = (node.child_by_field_name("left"), node.child_by_field_name("right"));
    let Some(left) = left.filter(|left| left.kind() == "member_expression") else { return Step::Enter };
    let Some(property) = left.child_by_field_name("property") else { return Step::Enter };
    let object = left.child_by_field_name("object");
    let is_export = object.is_some_and(|object| matches!(walk.text_of(object), "exports" | "module.exports"));
    let is_function = is_function_value(right);
    if !(is_function || (is_export && !walk.is_local())) {
        return Step::Enter;
    }
    let mut place = Place::of(property);
    if let Some(object) = object.filter(|object| !is_export && object.kind() != "this") {
        let range = object.byte_range();
        let text = walk.text_of(object);
        if text.len() <= 60 && !text.contains(['(', '[', '\n']) {
            let len = text.strip_suffix(".prototype").unwrap_or(text).len();
            place.scope = range.start..range.start + len;
            place.is_member = true;
        }
    }
    let kind = if is_function { Kind::Function } else { Kind::Variable };
    define(kind, Some(place), Level::Any, if is_function { Inside::Body } else { Inside::Enter })
}

/// A function in an object: `{ handle: function () {…} }`.
pub(crate) fn javascript_pair(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    if !is_function_value(node.child_by_field_name("value")) || walk.is_local() {
        return Step::Enter;
    }
    let key = node.child_by_field_name("key").filter(|key| key.kind() == "property_identifier");
    define(Kind::Method, key.map(Place::of), Level::Any, Inside::Body)
}

pub(crate) fn ruby_assignment(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    match node.child_by_field_name("left") {
        Some(left) if left.kind() == "constant" => {
            define(Kind::Constant, Some(Place::of(left)), Level::NotLocal, Inside::Enter)
        }
        _ => Step::Enter,
    }
}

/// `attr_accessor :name` and its kin.
pub(crate) fn ruby_call(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let Some(method) = node.child_by_field_name("method").filter(|_| !walk.is_local()) else {
        return Step::Enter;
    };
    let defines = matches!(walk.text_of(method), "attr_accessor" | "attr_reader" | "attr_writer");
    let Some(arguments) = node.child_by_field_name("arguments").filter(|_| defines) else {
        return Step::Enter;
    };
    let mut cursor = arguments.walk();
    let names: Vec<Node<'_>> = arguments.named_children(&mut cursor).take(64).collect();
    for name in names.into_iter().filter(|name| name.kind() == "simple_symbol") {
        let range = name.byte_range();
        let place = Place { name: range.start + 1..range.end, ..Place::default() };
        walk.push(Kind::Property, &place, node.byte_range());
    }
    Step::Skip
}

pub(crate) fn php_property(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let variable = node.child_by_field_name("name");
    let name = variable.and_then(|variable| child_of(variable, &["name"]));
    define(Kind::Property, name.map(Place::of), Level::Any, Inside::Nothing)
}

/// Only a constructor's promoted parameters are properties.
pub(crate) fn php_parameters(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let mut cursor = node.walk();
    let promoted: Vec<Node<'_>> = node
        .named_children(&mut cursor)
        .take(CHILDREN_MAX)
        .filter(|child| child.kind() == "property_promotion_parameter")
        .collect();
    for child in promoted {
        let variable = child.child_by_field_name("name");
        if let Some(name) = variable.and_then(|variable| child_of(variable, &["name"])) {
            walk.push(Kind::Property, &Place::of(name), child.byte_range());
        }
    }
    Step::Skip
}

pub(crate) fn lua_function(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let Some(name) = node.child_by_field_name("name") else { return Step::Enter };
    let mut place = names::qualified(name, walk.source);
    place.is_member = name.kind() == "method_index_expression";
    define(Kind::Function, Some(place), Level::Any, Inside::Body)
}

/// `name = value` outside functions, and functions given names that way anywhere.
pub(crate) fn lua_assignment(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let first = |kind: &str| child_of(node, &[kind]).and_then(|list| list.named_child(0));
    let (Some(name), value) = (first("variable_list"), first("expression_list")) else { return Step::Enter };
    let is_function = value.is_some_and(|value| value.kind() == "function_definition");
    if name.kind() != "identifier" && !is_function {
        return Step::Enter;
    }
    let place = names::qualified(name, walk.source);
    match is_function {
        true => define(Kind::Function, Some(place), Level::Any, Inside::Body),
        false => define(Kind::Variable, Some(place), Level::NotLocal, Inside::Enter),
    }
}

pub(crate) fn elixir_call(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let target = node.child_by_field_name("target").filter(|target| target.kind() == "identifier");
    let word = target.map_or("", |target| walk.text_of(target));
    let (kind, inside) = match word {
        "defmodule" => (Kind::Module, Inside::Namespace),
        "defprotocol" => (Kind::Interface, Inside::Namespace),
        "defimpl" => (Kind::Module, Inside::Namespace),
        "def" | "defp" | "defdelegate" | "defguard" | "defguardp" | "defn" | "defnp" => {
            (Kind::Function, Inside::Body)
        }
        "defmacro" | "defmacrop" => (Kind::Macro, Inside::Body),
        _ => return Step::Enter,
    };
    let argument = child_of(node, &["arguments"]).and_then(|arguments| arguments.named_child(0));
    let Some(mut name) = argument else { return Step::Enter };
    for _ in 0..4 {
        name = match name.kind() {
            "binary_operator" => match name.child_by_field_name("left") {
                Some(left) => left,
                None => break,
            },
            "call" => match name.child_by_field_name("target") {
                Some(target) => target,
                None => break,
            },
            _ => break,
        };
    }
    match name.kind() {
        "alias" => define(kind, Some(names::qualified(name, walk.source)), Level::Any, inside),
        "identifier" => define(kind, Some(Place::of(name)), Level::Any, inside),
        _ => Step::Enter,
    }
}
