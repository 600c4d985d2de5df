//! Definitions that take more than a row in a table to recognise.

use super::names::{self, child_of, declarator};
use super::rules::{Inside, Level, Name};
use super::walk::{Place, Walk};
use model::{ByteRange, SymbolKind as Kind};
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

/// A package is in nearly every file: only one with a body is worth a name.
pub(super) fn scala_package(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let body = node.child_by_field_name("body");
    let name = node.child_by_field_name("name").filter(|_| body.is_some());
    match name {
        Some(name) => {
            define(Kind::Namespace, Some(names::qualified(name, walk.source)), Level::Any, Inside::Namespace)
        }
        None => Step::Enter,
    }
}

/// A class of a selector; pseudo-classes are the language's.
pub(super) fn css_class(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let is_class = node.parent().is_some_and(|parent| parent.kind() == "class_selector");
    let name = child_of(node, &["identifier"]).filter(|_| is_class);
    define(Kind::Class, name.map(Place::of), Level::Any, Inside::Nothing)
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

fn is_function_value(value: Option<Node<'_>>) -> bool {
    value.is_some_and(|value| {
        matches!(value.kind(), "arrow_function" | "function_expression" | "function" | "generator_function")
    })
}

pub(super) fn javascript_variable(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
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
pub(super) fn javascript_assignment(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
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
pub(super) fn javascript_pair(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    if !is_function_value(node.child_by_field_name("value")) || walk.is_local() {
        return Step::Enter;
    }
    let key = node.child_by_field_name("key").filter(|key| key.kind() == "property_identifier");
    define(Kind::Method, key.map(Place::of), Level::Any, Inside::Body)
}

pub(super) fn go_method(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
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

pub(super) fn go_type(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let kind = match node.child_by_field_name("type").map(|of| of.kind()) {
        Some("struct_type") => Kind::Struct,
        Some("interface_type") => Kind::Interface,
        _ => Kind::Type,
    };
    define(kind, field(node, "name"), Level::Any, Inside::Members)
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

pub(super) fn java_field(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
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

pub(super) fn c_sharp_field(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
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

pub(super) fn ruby_assignment(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    match node.child_by_field_name("left") {
        Some(left) if left.kind() == "constant" => {
            define(Kind::Constant, Some(Place::of(left)), Level::NotLocal, Inside::Enter)
        }
        _ => Step::Enter,
    }
}

/// `attr_accessor :name` and its kin.
pub(super) fn ruby_call(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
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

pub(super) fn php_property(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let variable = node.child_by_field_name("name");
    let name = variable.and_then(|variable| child_of(variable, &["name"]));
    define(Kind::Property, name.map(Place::of), Level::Any, Inside::Nothing)
}

/// Only a constructor's promoted parameters are properties.
pub(super) fn php_parameters(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
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

pub(super) fn kotlin_class(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let kind = if has_token(node, "interface") {
        Kind::Interface
    } else if child_of(node, &["enum_class_body"]).is_some() {
        Kind::Enum
    } else {
        Kind::Class
    };
    define(kind, field(node, "name"), Level::Any, Inside::Members)
}

pub(super) fn kotlin_companion(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    match field(node, "name") {
        Some(place) => Step::Define(Kind::Object, place, Level::Any, Inside::Members),
        None => Step::Open { scope: "Companion".to_owned(), is_type: true },
    }
}

pub(super) fn kotlin_property(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let name =
        child_of(node, &["variable_declaration"]).and_then(|variable| child_of(variable, &["identifier"]));
    define(Kind::Variable, name.map(Place::of), Level::NotLocal, Inside::Body)
}

/// `class Point(val x: Int)`.
pub(super) fn kotlin_parameter(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    if has_token(node, "val") || has_token(node, "var") {
        let name = child_of(node, &["identifier"]);
        return define(Kind::Property, name.map(Place::of), Level::Any, Inside::Nothing);
    }
    Step::Skip
}

pub(super) fn swift_class(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
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

pub(super) fn swift_property(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let pattern = node.child_by_field_name("name");
    let name = pattern.and_then(|pattern| {
        pattern.child_by_field_name("bound_identifier").or_else(|| child_of(pattern, &["simple_identifier"]))
    });
    define(Kind::Variable, name.map(Place::of), Level::NotLocal, Inside::Body)
}

pub(super) fn lua_function(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let Some(name) = node.child_by_field_name("name") else { return Step::Enter };
    let mut place = names::qualified(name, walk.source);
    place.is_member = name.kind() == "method_index_expression";
    define(Kind::Function, Some(place), Level::Any, Inside::Body)
}

/// `name = value` outside functions, and functions given names that way anywhere.
pub(super) fn lua_assignment(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
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

pub(super) fn elixir_call(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
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

/// A constructor of a data type. Patterns and types look the same; only those right below a type count.
pub(super) fn haskell_constructor(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let is_constructor = node.parent().is_some_and(|parent| parent.kind() == "data_constructor");
    let name = node.child_by_field_name("name").filter(|_| is_constructor);
    define(Kind::EnumMember, name.map(Place::of), Level::Any, Inside::Enter)
}

/// Signatures define the methods of a class; elsewhere the function itself follows.
pub(super) fn haskell_signature(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let is_method = node.parent().is_some_and(|parent| parent.kind() == "class_declarations");
    let name = node.child_by_field_name("name").filter(|_| is_method);
    match name {
        Some(name) => define(Kind::Method, Some(Place::of(name)), Level::Any, Inside::Nothing),
        None => Step::Skip,
    }
}

pub(super) fn ocaml_let(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let name = node.child_by_field_name("pattern").or_else(|| child_of(node, &["value_name"]));
    let Some(name) = name.filter(|name| name.kind() == "value_name") else { return Step::Enter };
    let is_function = child_of(node, &["parameter"]).is_some()
        || node
            .child_by_field_name("body")
            .is_some_and(|body| matches!(body.kind(), "fun_expression" | "function_expression"));
    let kind = if is_function { Kind::Function } else { Kind::Variable };
    Step::Define(kind, Place::of(name), Level::NotLocal, Inside::Body)
}

pub(super) fn zig_variable(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
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

pub(super) fn zig_field(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let name = node.child_by_field_name("name").filter(|name| name.kind() == "identifier");
    let name = name.or_else(|| child_of(node, &["identifier"]));
    define(Kind::Field, name.map(Place::of), Level::Any, Inside::Nothing)
}

/// `resource "aws_instance" "web" {…}` defines `web` in `resource.aws_instance`.
pub(super) fn hcl_block(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
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
pub(super) fn hcl_attribute(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
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
pub(super) fn json_pair(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
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
pub(super) fn css_declaration(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let name = child_of(node, &["property_name"]);
    let name = name.filter(|name| walk.text_of(*name).starts_with("--"));
    match name {
        Some(name) => define(Kind::Variable, Some(Place::of(name)), Level::Any, Inside::Nothing),
        None => Step::Skip,
    }
}

/// `id="name"`.
pub(super) fn html_attribute(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
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

pub(super) fn c_function(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
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
pub(super) fn c_declaration(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
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

pub(super) fn c_struct(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
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

pub(super) fn c_field(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
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

pub(super) fn c_typedef(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
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
pub(super) fn c_macro(_: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let has_value = node.kind() == "preproc_function_def" || node.child_by_field_name("value").is_some();
    match field(node, "name").filter(|_| has_value) {
        Some(place) => Step::Define(Kind::Macro, place, Level::Any, Inside::Nothing),
        None => Step::Skip,
    }
}

pub(super) fn cpp_namespace(walk: &mut Walk<'_, '_>, node: Node<'_>) -> Step {
    let Some(name) = node.child_by_field_name("name") else { return Step::Enter };
    let place = names::find(node, Name::Field("name"), walk.source).unwrap_or_else(|| Place::of(name));
    Step::Define(Kind::Namespace, place, Level::Any, Inside::Namespace)
}
