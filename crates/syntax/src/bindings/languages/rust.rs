//! Rust.

use super::super::rules::{NONE, Rules, Scope, Where, bind};
use super::super::walk::{Flow, Means, Source, Walk, field};
use super::super::{BindingKind as Kind, Import};
use tree_sitter::Node;

/// How deep `use` lists are within each other.
const USE_DEPTH_MAX: usize = 16;

pub(in super::super) static RULES: Rules = Rules {
    names: &["identifier", "type_identifier", "shorthand_field_identifier"],
    member_names: &["field_identifier"],
    scopes: &[
        ("function_item", Scope::Function),
        ("function_signature_item", Scope::Function),
        ("closure_expression", Scope::Function),
        ("struct_item", Scope::Type),
        ("union_item", Scope::Type),
        ("enum_item", Scope::Type),
        ("trait_item", Scope::Type),
        ("impl_item", Scope::Type),
        ("mod_item", Scope::Module),
        ("block", Scope::Block),
        ("if_expression", Scope::Block),
        ("while_expression", Scope::Block),
        ("for_expression", Scope::Block),
        ("match_arm", Scope::Block),
    ],
    binds: &[
        bind("function_item", "name", Kind::Function, Where::Here).typed("return_type"),
        bind("function_signature_item", "name", Kind::Function, Where::Here).typed("return_type"),
        bind("struct_item", "name", Kind::Type, Where::Here),
        bind("union_item", "name", Kind::Type, Where::Here),
        bind("enum_item", "name", Kind::Type, Where::Here),
        bind("trait_item", "name", Kind::Type, Where::Here),
        bind("type_item", "name", Kind::Type, Where::Here).typed("type"),
        bind("associated_type", "name", Kind::Type, Where::Here),
        bind("enum_variant", "name", Kind::Field, Where::Here),
        bind("field_declaration", "name", Kind::Field, Where::Here).typed("type"),
        bind("mod_item", "name", Kind::Module, Where::Here),
        bind("const_item", "name", Kind::Variable, Where::Here).typed("type"),
        bind("static_item", "name", Kind::Variable, Where::Here).typed("type"),
        bind("macro_definition", "name", Kind::Macro, Where::Here),
        bind("type_parameter", "name", Kind::Type, Where::Here),
        bind("const_parameter", "name", Kind::Variable, Where::Here),
        bind("let_declaration", "pattern", Kind::Variable, Where::After).typed("type").valued("value"),
        bind("let_condition", "pattern", Kind::Variable, Where::After).valued("value"),
        bind("parameter", "pattern", Kind::Parameter, Where::Here).typed("type"),
        bind("for_expression", "pattern", Kind::Variable, Where::Inside),
        bind("match_arm", "pattern", Kind::Variable, Where::Inside),
    ],
    members: &[
        ("field_expression", "value", "field"),
        ("scoped_identifier", "path", "name"),
        ("scoped_type_identifier", "path", "name"),
    ],
    calls: &[("call_expression", "function"), ("macro_invocation", "macro")],
    constructs: &[("struct_expression", "name")],
    passes: &[
        ("parenthesized_expression", ""),
        ("reference_expression", "value"),
        ("try_expression", ""),
        ("await_expression", ""),
        ("generic_function", "function"),
        ("reference_type", "type"),
        ("generic_type", "type"),
        ("generic_type_with_turbofish", "type"),
        ("dynamic_type", "trait"),
        ("abstract_type", "trait"),
        ("pointer_type", "type"),
        ("type_cast_expression", "type"),
    ],
    this: &["self"],
    heritage: &["trait_bounds"],
    not_in_patterns: &["type", "value", "condition", "name"],
    upper_is_no_pattern: true,
    specials: &[
        ("use_declaration", use_declaration),
        ("impl_item", implementation),
        ("closure_parameters", closure_parameters),
        ("struct_expression", struct_expression),
        ("token_tree", token_tree),
        ("mod_item", mod_item),
        ("field_pattern", field_pattern),
    ],
    ..NONE
};

/// `mod name;` is the module in another file.
fn mod_item<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    if field(node, "body").is_some() {
        return Flow::Go;
    }
    if let Some(name) = field(node, "name") {
        let module = format!("self::{}", walk.text_of(name));
        walk.import(Import { module, item: None, is_reexport: false }, Some(name), node);
    }
    Flow::Enter
}

fn use_declaration<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    if let Some(argument) = field(node, "argument") {
        use_tree(walk, argument, String::new(), 0);
    }
    Flow::Enter
}

/// A part of a `use`, behind the path that stands before it.
fn use_tree<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>, before: String, depth: usize) {
    if depth > USE_DEPTH_MAX {
        return;
    }
    let path_of = |walk: &Walk<'_, 't>, node: Node<'_>| {
        let text: String = walk.text_of(node).chars().filter(|c| !c.is_whitespace()).collect();
        if before.is_empty() { text } else { format!("{before}::{text}") }
    };
    match node.kind() {
        "identifier" | "crate" | "self" | "super" | "scoped_identifier" => {
            let path = path_of(walk, node);
            let name = if node.kind() == "scoped_identifier" { field(node, "name") } else { Some(node) };
            use_one(walk, node, &path, name);
        }
        "use_as_clause" => {
            let (Some(path), Some(alias)) = (field(node, "path"), field(node, "alias")) else { return };
            let written = path_of(walk, path);
            let name = if path.kind() == "scoped_identifier" { field(path, "name") } else { Some(path) };
            let binding = use_one(walk, node, &written, Some(alias));
            if let (Some(binding), Some(name)) = (binding, name) {
                walk.know(name.start_byte(), Means::Bound(binding));
            }
        }
        "use_wildcard" => {
            if let Some(path) = node.named_child(0) {
                let module = path_of(walk, path);
                walk.import(Import { module, item: None, is_reexport: false }, None, node);
            }
        }
        "scoped_use_list" => {
            let path = field(node, "path").map(|path| path_of(walk, path)).unwrap_or(before.clone());
            if let Some(list) = field(node, "list") {
                use_tree(walk, list, path, depth + 1);
            }
        }
        "use_list" => {
            let mut cursor = node.walk();
            let parts: Vec<_> = node.named_children(&mut cursor).take(512).collect();
            for part in parts {
                use_tree(walk, part, before.clone(), depth + 1);
            }
        }
        _ => {}
    }
}

fn use_one<'t>(
    walk: &mut Walk<'_, 't>,
    node: Node<'t>,
    path: &str,
    name: Option<Node<'t>>,
) -> Option<super::super::BindingIdx> {
    let (module, item) = match path.rsplit_once("::") {
        Some((module, "self")) => (module.to_owned(), None),
        Some((module, item)) => (module.to_owned(), Some(item.to_owned())),
        None => (path.to_owned(), None),
    };
    let name = name.filter(|name| matches!(name.kind(), "identifier" | "self"))?;
    let name = if name.kind() == "self" { path_before(node)? } else { name };
    walk.import(Import { module, item, is_reexport: false }, Some(name), node)
}

/// `a::{self}` binds the last name before the list.
fn path_before(node: Node<'_>) -> Option<Node<'_>> {
    let path = field(node.parent()?.parent()?, "path")?;
    if path.kind() == "scoped_identifier" { field(path, "name") } else { Some(path) }
}

/// What is in `impl Type` belongs to the type; a trait that it implements is what it extends.
fn implementation<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let of = field(node, "type").map_or(Source::Unknown, |written| walk.type_source(written));
    if let Source::Instance(at) = of {
        walk.own_by_name(node, at);
        if let Some(Source::Instance(trait_at)) = field(node, "trait").map(|named| walk.type_source(named)) {
            walk.implements(at, trait_at);
        }
    }
    Flow::Go
}

/// `|a, b|` binds what is not written as `parameter`.
fn closure_parameters<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let mut cursor = node.walk();
    let parts: Vec<_> =
        node.named_children(&mut cursor).filter(|part| part.kind() != "parameter").take(64).collect();
    for part in parts {
        for name in walk.pattern(part) {
            walk.bind(name, part, Kind::Parameter, Where::Here, Source::Unknown);
        }
    }
    Flow::Go
}

fn struct_expression<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let source = field(node, "name").map_or(Source::Unknown, |written| walk.type_source(written));
    if let Some(body) = field(node, "body") {
        let mut cursor = body.walk();
        let keys: Vec<_> =
            body.named_children(&mut cursor).filter_map(|part| field(part, "field")).take(512).collect();
        for key in keys {
            walk.know(key.start_byte(), Means::Member(source));
        }
    }
    Flow::Go
}

fn field_pattern<'t>(_: &mut Walk<'_, 't>, _: Node<'t>) -> Flow {
    Flow::Go
}

/// In the arguments of a macro nothing is parsed; what stands behind a dot is a member all the same.
fn token_tree<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let mut cursor = node.walk();
    let tokens: Vec<_> = node.children(&mut cursor).take(2_000).collect();
    for pair in tokens.windows(3) {
        if pair[2].kind() != "identifier" {
            continue;
        }
        let source = match (pair[0].kind(), pair[1].kind()) {
            ("self", ".") => walk.this(),
            ("identifier", "." | "::") => Source::Same(pair[0].start_byte()),
            (_, ".") => Source::Unknown,
            _ => continue,
        };
        walk.know(pair[2].start_byte(), Means::Member(source));
    }
    Flow::Go
}
