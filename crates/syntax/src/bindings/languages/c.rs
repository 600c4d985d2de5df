//! C and C++.

use super::super::BindingKind as Kind;
use super::super::rules::{NONE, Rules, Scope, Where, bind};
use super::super::walk::{Flow, Source, Walk, field};
use tree_sitter::Node;

pub(in super::super) static RULES: Rules = Rules {
    names: &["identifier", "type_identifier", "namespace_identifier"],
    member_names: &["field_identifier"],
    scopes: &[
        ("function_definition", Scope::Function),
        ("function_declarator", Scope::Function),
        ("lambda_expression", Scope::Function),
        ("preproc_function_def", Scope::Function),
        ("struct_specifier", Scope::Type),
        ("union_specifier", Scope::Type),
        ("class_specifier", Scope::Type),
        ("namespace_definition", Scope::Module),
        ("compound_statement", Scope::Block),
        ("for_statement", Scope::Block),
        ("for_range_loop", Scope::Block),
        ("if_statement", Scope::Block),
        ("while_statement", Scope::Block),
        ("catch_clause", Scope::Block),
        ("template_declaration", Scope::Block),
    ],
    binds: &[
        bind("field_declaration", "declarator", Kind::Field, Where::Here).typed("type"),
        bind("enumerator", "name", Kind::Variable, Where::Outer),
        bind("parameter_declaration", "declarator", Kind::Parameter, Where::Here).typed("type"),
        bind("optional_parameter_declaration", "declarator", Kind::Parameter, Where::Here).typed("type"),
        bind("type_definition", "declarator", Kind::Type, Where::Here).typed("type"),
        bind("alias_declaration", "name", Kind::Type, Where::Here).typed("type"),
        bind("preproc_def", "name", Kind::Macro, Where::Here),
        bind("preproc_function_def", "name", Kind::Macro, Where::Here),
        bind("namespace_definition", "name", Kind::Module, Where::Here),
        bind("type_parameter_declaration", "", Kind::Type, Where::Here),
        bind("for_range_loop", "declarator", Kind::Variable, Where::Inside).typed("type"),
    ],
    members: &[("field_expression", "argument", "field"), ("qualified_identifier", "scope", "name")],
    calls: &[("call_expression", "function")],
    constructs: &[("new_expression", "type"), ("compound_literal_expression", "type")],
    passes: &[
        ("parenthesized_expression", ""),
        ("pointer_expression", "argument"),
        ("subscript_expression", "argument"),
        ("cast_expression", "type"),
        ("type_descriptor", "type"),
        ("template_type", "name"),
        ("template_function", "name"),
        ("struct_specifier", "name"),
        ("union_specifier", "name"),
        ("class_specifier", "name"),
        ("enum_specifier", "name"),
        ("placeholder_type_specifier", ""),
    ],
    this: &["this"],
    heritage: &["base_class_clause"],
    not_in_patterns: &["parameters", "size", "value", "type", "arguments", "body", "scope"],
    members_in_scope: true,
    before: Some(includes),
    specials: &[
        ("function_definition", function),
        ("declaration", declaration),
        ("struct_specifier", shape),
        ("union_specifier", shape),
        ("class_specifier", shape),
        ("enum_specifier", enumeration),
    ],
    ..NONE
};

/// The declarator of a function within those of what it gives.
fn function_declarator(node: Node<'_>) -> Option<Node<'_>> {
    let mut node = field(node, "declarator")?;
    for _ in 0..32 {
        if node.kind() == "function_declarator" {
            return Some(node);
        }
        node = field(node, "declarator").or_else(|| node.named_child(0))?;
    }
    None
}

/// Binds a function that is declared or defined.
fn bind_function<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>, declarator: Node<'t>) {
    let gives = field(node, "type").map_or(Source::Unknown, |written| walk.type_source(written));
    let Some(named) = field(declarator, "declarator") else { return };
    let binding = if named.kind() == "qualified_identifier" {
        let of = field(named, "scope").and_then(|scope| walk.principal(scope));
        let name = walk.principal(named).and_then(|at| last_name(named, at));
        match (of, name) {
            (Some(of), Some(name)) => {
                walk.bind_member(name, node, Kind::Function, Source::Instance(of), gives)
            }
            _ => None,
        }
    } else {
        let name = walk.pattern(named).into_iter().next();
        name.map(|name| walk.bind(name, node, Kind::Function, Where::Here, gives))
    };
    if let Some(binding) = binding {
        walk.own(node, binding);
        walk.own(declarator, binding);
    }
}

/// The name in a qualified one that begins at a byte.
fn last_name(node: Node<'_>, at: usize) -> Option<Node<'_>> {
    let mut node = node;
    for _ in 0..16 {
        node = field(node, "name")?;
        if node.start_byte() == at && node.named_child_count() == 0 {
            return Some(node);
        }
    }
    None
}

fn function<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    if let Some(declarator) = function_declarator(node) {
        bind_function(walk, node, declarator);
        // Its parameters are the body's.
        walk.keep_open(declarator);
    }
    Flow::Go
}

fn declaration<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let source = field(node, "type").map_or(Source::Unknown, |written| walk.type_source(written));
    let mut cursor = node.walk();
    let declarators: Vec<_> = node.children_by_field_name("declarator", &mut cursor).take(256).collect();
    for declarator in declarators {
        let inner = if declarator.kind() == "init_declarator" {
            field(declarator, "declarator")
        } else {
            Some(declarator)
        };
        let Some(inner) = inner else { continue };
        if inner.kind() == "function_declarator" {
            bind_function(walk, node, inner);
            continue;
        }
        let source = match field(declarator, "value") {
            Some(value) if source == Source::Unknown => walk.value_source(value),
            _ => source,
        };
        for name in walk.pattern(inner) {
            walk.bind(name, node, Kind::Variable, Where::From(name.start_byte()), source);
        }
    }
    Flow::Go
}

/// A struct that has a body is defined here; without one it is only named.
fn shape<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    if field(node, "body").is_some() {
        if let Some(name) = field(node, "name") {
            let binding = walk.bind(name, node, Kind::Type, Where::Outer, Source::Unknown);
            walk.own(node, binding);
        }
        return Flow::Go;
    }
    Flow::Enter
}

fn enumeration<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    if field(node, "body").is_some()
        && let Some(name) = field(node, "name")
    {
        walk.bind(name, node, Kind::Type, Where::Outer, Source::Unknown);
    }
    Flow::Enter
}

/// `#include` lines, which the parser does not see: they may stand within anything.
fn includes(walk: &mut Walk<'_, '_>) {
    let mut start = 0;
    for line in walk.text.split_inclusive('\n') {
        let directive = line.trim_start().strip_prefix('#').map(str::trim_start);
        let path = directive.and_then(|rest| rest.strip_prefix("include")).map(str::trim_start);
        let path = path.filter(|path| path.starts_with(['"', '<']));
        if let Some(path) = path
            && let Some(len) = path[1..].find(['"', '>'])
        {
            let at = start + (line.len() - path.len());
            walk.include(&path[1..=len], at..at + len + 2);
        }
        start += line.len();
    }
}
