//! Go.

use super::super::rules::{NONE, Rules, Scope, Where, bind};
use super::super::walk::{Flow, Means, Source, Walk, field};
use super::super::{BindingKind as Kind, Import};
use tree_sitter::Node;

pub(in super::super) static RULES: Rules = Rules {
    names: &["identifier", "type_identifier", "package_identifier"],
    member_names: &["field_identifier"],
    scopes: &[
        ("function_declaration", Scope::Function),
        ("method_declaration", Scope::Function),
        ("func_literal", Scope::Function),
        ("type_spec", Scope::Type),
        ("block", Scope::Block),
        ("if_statement", Scope::Block),
        ("for_statement", Scope::Block),
        ("expression_switch_statement", Scope::Block),
        ("type_switch_statement", Scope::Block),
        ("expression_case", Scope::Block),
        ("type_case", Scope::Block),
        ("default_case", Scope::Block),
        ("communication_case", Scope::Block),
    ],
    binds: &[
        bind("function_declaration", "name", Kind::Function, Where::Here).typed("result"),
        bind("type_spec", "name", Kind::Type, Where::Here),
        bind("type_alias", "name", Kind::Type, Where::Here).typed("type"),
        bind("type_parameter_declaration", "name", Kind::Type, Where::Here),
        bind("field_declaration", "name", Kind::Field, Where::Here).typed("type"),
        bind("method_elem", "name", Kind::Function, Where::Here).typed("result"),
        bind("const_spec", "name", Kind::Variable, Where::After).typed("type").valued("value"),
        bind("var_spec", "name", Kind::Variable, Where::After).typed("type").valued("value"),
        bind("parameter_declaration", "name", Kind::Parameter, Where::Here).typed("type"),
        bind("variadic_parameter_declaration", "name", Kind::Parameter, Where::Here).typed("type"),
        bind("type_switch_statement", "alias", Kind::Variable, Where::Inside),
    ],
    members: &[("selector_expression", "operand", "field"), ("qualified_type", "package", "name")],
    calls: &[("call_expression", "function")],
    constructs: &[("composite_literal", "type")],
    passes: &[
        ("parenthesized_expression", ""),
        ("unary_expression", "operand"),
        ("pointer_type", ""),
        ("generic_type", "type"),
        ("parenthesized_type", ""),
        ("parameter_list", ""),
        ("parameter_declaration", "type"),
        ("expression_list", ""),
        ("index_expression", "operand"),
        ("type_assertion_expression", "type"),
    ],
    specials: &[
        ("import_spec", import_spec),
        ("method_declaration", method),
        ("short_var_declaration", short_variables),
        ("range_clause", range),
        ("receive_statement", range),
        ("composite_literal", literal),
        ("field_declaration", embedded),
        ("package_clause", package),
    ],
    ..NONE
};

fn package<'t>(_: &mut Walk<'_, 't>, _: Node<'t>) -> Flow {
    Flow::Skip
}

/// The name of a package is the last part of its path, unless another one is given.
fn import_spec<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let Some(path) = field(node, "path") else { return Flow::Skip };
    let module = walk.text_of(path).trim_matches(['"', '`']).to_owned();
    let import = Import { module: module.clone(), item: None, is_reexport: false };
    match field(node, "name") {
        Some(name) if name.kind() == "package_identifier" => {
            walk.import(import, Some(name), node);
            walk.module_in(path, &module);
            Flow::Enter
        }
        Some(name) if name.kind() == "dot" => {
            walk.import(import, None, node);
            walk.module_in(path, &module);
            Flow::Skip
        }
        _ => {
            walk.import_as_last_part(import, path, node);
            Flow::Skip
        }
    }
}

/// A method belongs to the type of its receiver.
fn method<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let receiver = field(node, "receiver").map_or(Source::Unknown, |receiver| walk.type_source(receiver));
    let gives = field(node, "result").map_or(Source::Unknown, |result| walk.type_source(result));
    if let Some(name) = field(node, "name")
        && let Some(binding) = walk.bind_member(name, node, Kind::Function, receiver, gives)
    {
        walk.own(node, binding);
    }
    Flow::Go
}

/// `a, b := f()` binds what is not bound in the same block.
fn short_variables<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let (Some(left), Some(right)) = (field(node, "left"), field(node, "right")) else { return Flow::Go };
    let names = walk.pattern(left);
    for (place, name) in names.iter().enumerate() {
        let value = right.named_child(place as u32).filter(|_| right.named_child_count() == names.len());
        let source = match value {
            Some(value) => walk.value_source(value),
            None if place == 0 => walk.value_source(right),
            None => Source::Unknown,
        };
        walk.bind_unless_here(*name, node, Where::After, source);
    }
    Flow::Go
}

fn range<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let mut cursor = node.walk();
    let binds = node.children(&mut cursor).any(|child| child.kind() == ":=");
    if let Some(left) = field(node, "left").filter(|_| binds) {
        for name in walk.pattern(left) {
            walk.bind(name, node, Kind::Variable, Where::After, Source::Unknown);
        }
    }
    Flow::Go
}

/// The keys of a literal of a struct are its fields.
fn literal<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let source = field(node, "type").map_or(Source::Unknown, |written| walk.type_source(written));
    let is_struct = field(node, "type").is_some_and(|written| {
        matches!(written.kind(), "type_identifier" | "qualified_type" | "generic_type")
    });
    if let Some(body) = field(node, "body").filter(|_| is_struct) {
        let mut cursor = body.walk();
        let keys: Vec<_> =
            body.named_children(&mut cursor).filter_map(|element| field(element, "key")).take(512).collect();
        for key in keys.into_iter().filter_map(|key| key.named_child(0)) {
            walk.know(key.start_byte(), Means::Member(source));
        }
    }
    Flow::Go
}

/// A field without a name is a type whose members are the struct's too.
fn embedded<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    if field(node, "name").is_none()
        && let Some(written) = field(node, "type")
        && let (Source::Instance(at), Source::This(owner)) = (walk.type_source(written), walk.this())
    {
        walk.extends(owner, at);
    }
    Flow::Go
}
