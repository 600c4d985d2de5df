//! JavaScript and TypeScript.

use super::super::rules::{NONE, Rules, Scope, Where, bind};
use super::super::walk::{Flow, Means, Source, Walk, field};
use super::super::{BindingIdx, BindingKind as Kind, Import};
use tree_sitter::Node;

pub(in super::super) static RULES: Rules = Rules {
    names: &[
        "identifier",
        "type_identifier",
        "shorthand_property_identifier",
        "shorthand_property_identifier_pattern",
    ],
    member_names: &["property_identifier", "private_property_identifier"],
    scopes: &[
        ("function_declaration", Scope::Function),
        ("generator_function_declaration", Scope::Function),
        ("function_expression", Scope::Function),
        ("generator_function", Scope::Function),
        ("arrow_function", Scope::Function),
        ("method_definition", Scope::Function),
        ("function_signature", Scope::Function),
        ("method_signature", Scope::Function),
        ("abstract_method_signature", Scope::Function),
        ("call_signature", Scope::Function),
        ("construct_signature", Scope::Function),
        ("function_type", Scope::Function),
        ("constructor_type", Scope::Function),
        ("class_declaration", Scope::Type),
        ("abstract_class_declaration", Scope::Type),
        ("class", Scope::Type),
        ("interface_declaration", Scope::Type),
        ("enum_declaration", Scope::Type),
        ("type_alias_declaration", Scope::Type),
        ("internal_module", Scope::Module),
        ("module", Scope::Module),
        ("statement_block", Scope::Block),
        ("for_in_statement", Scope::Block),
        ("for_statement", Scope::Block),
        ("catch_clause", Scope::Block),
        ("switch_body", Scope::Block),
        ("index_signature", Scope::Block),
        ("object_type", Scope::Type),
    ],
    binds: &[
        bind("function_declaration", "name", Kind::Function, Where::Here).typed("return_type"),
        bind("generator_function_declaration", "name", Kind::Function, Where::Here).typed("return_type"),
        bind("function_signature", "name", Kind::Function, Where::Here).typed("return_type"),
        bind("function_expression", "name", Kind::Function, Where::Inside),
        bind("class_declaration", "name", Kind::Type, Where::Here),
        bind("abstract_class_declaration", "name", Kind::Type, Where::Here),
        bind("class", "name", Kind::Type, Where::Here),
        bind("interface_declaration", "name", Kind::Type, Where::Here),
        bind("enum_declaration", "name", Kind::Type, Where::Here),
        bind("internal_module", "name", Kind::Module, Where::Here),
        bind("module", "name", Kind::Module, Where::Here),
        bind("method_definition", "name", Kind::Function, Where::Here).typed("return_type"),
        bind("method_signature", "name", Kind::Function, Where::Here).typed("return_type"),
        bind("abstract_method_signature", "name", Kind::Function, Where::Here).typed("return_type"),
        bind("public_field_definition", "name", Kind::Field, Where::Here).typed("type").valued("value"),
        bind("field_definition", "property", Kind::Field, Where::Here).valued("value"),
        bind("property_signature", "name", Kind::Field, Where::Here).typed("type"),
        bind("enum_assignment", "name", Kind::Field, Where::Here),
        bind("enum_body", "name", Kind::Field, Where::Here),
        bind("variable_declarator", "name", Kind::Variable, Where::Here).typed("type").valued("value"),
        bind("required_parameter", "pattern", Kind::Parameter, Where::Here).typed("type").valued("value"),
        bind("optional_parameter", "pattern", Kind::Parameter, Where::Here).typed("type"),
        bind("arrow_function", "parameter", Kind::Parameter, Where::Inside),
        bind("catch_clause", "parameter", Kind::Variable, Where::Inside),
        bind("mapped_type_clause", "name", Kind::Type, Where::Here),
        bind("infer_type", "", Kind::Type, Where::Type),
    ],
    members: &[
        ("member_expression", "object", "property"),
        ("nested_type_identifier", "module", "name"),
        ("nested_identifier", "object", "property"),
    ],
    calls: &[("call_expression", "function")],
    constructs: &[("new_expression", "constructor")],
    passes: &[
        ("parenthesized_expression", ""),
        ("await_expression", ""),
        ("non_null_expression", ""),
        ("satisfies_expression", ""),
        ("instantiation_expression", ""),
        ("type_annotation", ""),
        ("generic_type", "name"),
        ("parenthesized_type", ""),
        ("readonly_type", ""),
        ("type_query", ""),
        ("type_predicate_annotation", ""),
    ],
    this: &["this", "this_type"],
    supers: &["super"],
    heritage: &["class_heritage", "extends_clause", "implements_clause", "extends_type_clause"],
    returns: &["return_statement"],
    not_in_patterns: &["type", "value_default", "right", "key"],
    specials: &[
        ("import_statement", import_statement),
        ("export_statement", export_statement),
        ("variable_declarator", variable_declarator),
        ("assignment_expression", assignment),
        ("for_in_statement", for_in),
        ("formal_parameters", formal_parameters),
        ("required_parameter", parameter_property),
        ("type_parameter", type_parameter),
        ("type_alias_declaration", type_alias),
        ("import_alias", import_alias),
    ],
    ..NONE
};

/// The text of a string without its quotation marks.
fn unquoted<'a>(walk: &'a Walk<'_, '_>, node: Node<'_>) -> &'a str {
    walk.text_of(node).trim_matches(['"', '\'', '`'])
}

fn import_statement<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let mut cursor = node.walk();
    let clause = node.named_children(&mut cursor).find(|child| child.kind().starts_with("import_"));
    let source = field(node, "source").or_else(|| clause.and_then(|clause| field(clause, "source")));
    let Some(source) = source else { return Flow::Enter };
    let module = unquoted(walk, source).to_owned();
    walk.module_in(source, &module);
    let whole = |item: Option<&str>| Import {
        module: module.clone(),
        item: item.map(str::to_owned),
        is_reexport: false,
    };
    let Some(clause) = clause else { return Flow::Enter };
    let mut inner = clause.walk();
    for child in clause.named_children(&mut inner) {
        match child.kind() {
            "identifier" if clause.kind() == "import_require_clause" => {
                walk.import(whole(None), Some(child), node);
            }
            "identifier" => {
                walk.import(whole(Some("default")), Some(child), node);
            }
            "namespace_import" => {
                walk.import(whole(None), child.named_child(0), node);
            }
            "named_imports" => {
                let mut names = child.walk();
                for specifier in
                    child.named_children(&mut names).filter(|child| child.kind() == "import_specifier")
                {
                    import_specifier(walk, specifier, &module, false);
                }
            }
            _ => {}
        }
    }
    Flow::Enter
}

/// `name` or `name as alias`, of an import or an export.
fn import_specifier<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>, module: &str, is_reexport: bool) {
    let Some(name) = field(node, "name") else { return };
    let item = unquoted(walk, name).to_owned();
    let bound = field(node, "alias").unwrap_or(name);
    let import = Import { module: module.to_owned(), item: Some(item), is_reexport };
    let binding = walk.import(import, Some(bound), node);
    if let Some(binding) = binding.filter(|_| bound.id() != name.id()) {
        walk.know(name.start_byte(), Means::Bound(binding));
    }
}

fn export_statement<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let mut cursor = node.walk();
    let children: Vec<_> = node.children(&mut cursor).take(64).collect();
    let is_default = children.iter().any(|child| child.kind() == "default");
    let clause = children.iter().find(|child| child.kind() == "export_clause");
    if let Some(source) = field(node, "source") {
        let module = unquoted(walk, source).to_owned();
        walk.module_in(source, &module);
        match (clause, children.iter().find(|child| child.kind() == "namespace_export")) {
            (Some(clause), _) => {
                let mut names = clause.walk();
                for specifier in
                    clause.named_children(&mut names).filter(|child| child.kind() == "export_specifier")
                {
                    import_specifier(walk, specifier, &module, true);
                }
            }
            (None, Some(named)) => {
                walk.import(Import { module, item: None, is_reexport: true }, named.named_child(0), node);
            }
            (None, None) => {
                walk.import(Import { module, item: None, is_reexport: true }, None, node);
            }
        }
        return Flow::Enter;
    }
    if let Some(clause) = clause {
        let mut names = clause.walk();
        for specifier in clause.named_children(&mut names).filter(|child| child.kind() == "export_specifier")
        {
            let (Some(name), Some(alias)) = (field(specifier, "name"), field(specifier, "alias")) else {
                continue;
            };
            walk.bind(alias, specifier, Kind::Alias, Where::Here, Source::Same(name.start_byte()));
        }
    }
    if is_default {
        let named =
            field(node, "value").or_else(|| field(node, "declaration").and_then(|what| field(what, "name")));
        if let Some(at) = named.and_then(|named| walk.principal(named)) {
            walk.default_export(node, at);
        }
    }
    Flow::Enter
}

/// `const x = require("./y")` imports, and so does `const { a } = require("./y")`.
fn variable_declarator<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let Some((pattern, module)) =
        field(node, "name").zip(field(node, "value")).and_then(|(pattern, value)| {
            let is_require = value.kind() == "call_expression"
                && field(value, "function").is_some_and(|callee| walk.text_of(callee) == "require");
            let argument = field(value, "arguments").filter(|_| is_require)?.named_child(0)?;
            (argument.kind() == "string").then(|| (pattern, unquoted(walk, argument).to_owned()))
        })
    else {
        return Flow::Go;
    };
    let import = |item: Option<String>| Import { module: module.clone(), item, is_reexport: false };
    if pattern.kind() == "identifier" {
        walk.import(import(None), Some(pattern), node);
        return Flow::Enter;
    }
    let mut cursor = pattern.walk();
    for child in pattern.named_children(&mut cursor) {
        match child.kind() {
            "shorthand_property_identifier_pattern" => {
                let item = walk.text_of(child).to_owned();
                walk.import(import(Some(item)), Some(child), node);
            }
            "pair_pattern" => {
                let (Some(key), Some(value)) = (field(child, "key"), field(child, "value")) else { continue };
                let item = walk.text_of(key).to_owned();
                if value.kind() == "identifier" {
                    walk.import(import(Some(item)), Some(value), node);
                }
            }
            _ => {}
        }
    }
    Flow::Enter
}

/// `this.x = …`, `exports.x = …`, `Type.prototype.m = …` and `object.m = function …` define members.
fn assignment<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let (Some(left), Some(right)) = (field(node, "left"), field(node, "right")) else { return Flow::Go };
    if left.kind() != "member_expression" {
        return Flow::Go;
    }
    let (Some(object), Some(property)) = (field(left, "object"), field(left, "property")) else {
        return Flow::Go;
    };
    let is_function =
        matches!(right.kind(), "function_expression" | "arrow_function" | "generator_function" | "class");
    let kind = if is_function { Kind::Function } else { Kind::Field };
    let value = walk.value_source(right);
    let binding = match (object.kind(), walk.text_of(object)) {
        ("this", _) => {
            let of = walk.this();
            walk.bind_member(property, node, kind, of, value)
        }
        (_, "exports" | "module.exports") => {
            let kind = if is_function { Kind::Function } else { Kind::Variable };
            Some(walk.bind(property, node, kind, Where::Function, value))
        }
        (_, "module") if walk.text_of(property) == "exports" => {
            if let Some(at) = walk.principal(right) {
                walk.default_export(node, at);
            }
            None
        }
        ("member_expression", text) if text.ends_with(".prototype") => {
            let of = field(object, "object")
                .and_then(|object| walk.principal(object))
                .map_or(Source::Unknown, Source::Same);
            walk.bind_member(property, node, kind, of, value)
        }
        ("identifier", _) if is_function => {
            walk.bind_member(property, node, kind, Source::Same(object.start_byte()), value)
        }
        _ => None,
    };
    if let Some(binding) = binding.filter(|_| is_function) {
        walk.own(right, binding);
    }
    Flow::Go
}

/// `for (const x of xs)` binds, `for (x of xs)` does not.
fn for_in<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    if field(node, "kind").is_some()
        && let Some(left) = field(node, "left")
    {
        for name in walk.pattern(left) {
            walk.bind(name, node, Kind::Variable, Where::Here, Source::Unknown);
        }
    }
    Flow::Go
}

/// Parameters of JavaScript, which have no nodes of their own.
fn formal_parameters<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let mut cursor = node.walk();
    let parameters: Vec<_> = node.named_children(&mut cursor).take(256).collect();
    for parameter in parameters {
        if matches!(
            parameter.kind(),
            "identifier" | "object_pattern" | "array_pattern" | "assignment_pattern" | "rest_pattern"
        ) {
            for name in walk.pattern(parameter) {
                walk.bind(name, parameter, Kind::Parameter, Where::Here, Source::Unknown);
            }
        }
    }
    Flow::Go
}

/// `constructor(private name: Type)` defines a member as well.
fn parameter_property<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let mut cursor = node.walk();
    let is_property =
        node.children(&mut cursor).any(|child| matches!(child.kind(), "accessibility_modifier" | "readonly"));
    let Some(name) = field(node, "pattern").filter(|_| is_property) else { return Flow::Go };
    let source = field(node, "type").map_or(Source::Unknown, |written| walk.type_source(written));
    let binding = walk.bind(name, node, Kind::Parameter, Where::Here, source);
    walk.also_member(binding, source);
    Flow::Enter
}

/// `T extends A` has what `A` has.
fn type_parameter<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let Some(name) = field(node, "name") else { return Flow::Go };
    let binding = walk.bind(name, node, Kind::Type, Where::Here, Source::Unknown);
    if let Some(bound) = field(node, "constraint").and_then(|constraint| constraint.named_child(0)) {
        extend_by(walk, binding, bound);
    }
    Flow::Enter
}

/// `type A = B & { c: D }` has what `B` has, and `c`.
fn type_alias<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let (Some(name), Some(value)) = (field(node, "name"), field(node, "value")) else { return Flow::Go };
    let binding = walk.bind(name, node, Kind::Type, Where::Here, Source::Unknown);
    walk.own(node, binding);
    extend_by(walk, binding, value);
    Flow::Go
}

/// A type has what the parts of another one have.
fn extend_by<'t>(walk: &mut Walk<'_, 't>, binding: BindingIdx, value: Node<'t>) {
    let mut left = vec![value];
    for _ in 0..32 {
        let Some(part) = left.pop() else { break };
        match part.kind() {
            "union_type" | "intersection_type" | "parenthesized_type" => {
                let mut cursor = part.walk();
                let parts: Vec<_> = part.named_children(&mut cursor).take(16).collect();
                left.extend(parts.into_iter().rev());
            }
            "object_type" => walk.own(part, binding),
            _ => {
                if let Source::Instance(at) = walk.type_source(part) {
                    walk.extends(binding, at);
                }
            }
        }
    }
}

fn import_alias<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    if let (Some(name), Some(target)) = (node.named_child(0), node.named_child(1))
        && let Some(at) = walk.principal(target)
    {
        walk.bind(name, node, Kind::Alias, Where::Here, Source::Same(at));
    }
    Flow::Enter
}
