//! Python.

use super::super::rules::{NONE, Rules, Scope, Where, bind};
use super::super::walk::{Flow, Means, Source, Walk, field};
use super::super::{BindingKind as Kind, Import};
use tree_sitter::Node;

pub(in super::super) static RULES: Rules = Rules {
    names: &["identifier"],
    scopes: &[
        ("function_definition", Scope::Function),
        ("lambda", Scope::Function),
        ("class_definition", Scope::Type),
        ("list_comprehension", Scope::Function),
        ("set_comprehension", Scope::Function),
        ("dictionary_comprehension", Scope::Function),
        ("generator_expression", Scope::Function),
    ],
    binds: &[
        bind("function_definition", "name", Kind::Function, Where::Function).typed("return_type"),
        bind("class_definition", "name", Kind::Type, Where::Function),
        bind("assignment", "left", Kind::Variable, Where::Function).typed("type").valued("right"),
        bind("named_expression", "name", Kind::Variable, Where::Function).valued("value"),
        bind("for_statement", "left", Kind::Variable, Where::Function),
        bind("for_in_clause", "left", Kind::Variable, Where::Function),
        bind("except_clause", "alias", Kind::Variable, Where::Function).typed("value"),
        bind("type_alias_statement", "left", Kind::Type, Where::Function),
    ],
    members: &[("attribute", "object", "attribute")],
    calls: &[("call", "function")],
    passes: &[
        ("parenthesized_expression", ""),
        ("await", ""),
        ("type", ""),
        ("subscript", "value"),
        ("generic_type", ""),
        ("as_pattern_target", ""),
    ],
    heritage: &["argument_list"],
    returns: &["return_statement"],
    not_in_patterns: &["type", "value", "right", "key"],
    rebinds: true,
    calls_construct: true,
    specials: &[
        ("import_statement", import_statement),
        ("import_from_statement", import_from),
        ("future_import_statement", skip),
        ("parameters", parameters),
        ("lambda_parameters", parameters),
        ("assignment", assignment),
        ("as_pattern", as_pattern),
        ("global_statement", outer),
        ("nonlocal_statement", outer),
        ("call", keyword_arguments),
        ("class_definition", class),
        ("case_pattern", skip_into),
    ],
    ..NONE
};

fn skip<'t>(_: &mut Walk<'_, 't>, _: Node<'t>) -> Flow {
    Flow::Skip
}

fn skip_into<'t>(_: &mut Walk<'_, 't>, _: Node<'t>) -> Flow {
    Flow::Enter
}

/// `import a.b` binds `a`, `import a.b as c` binds `c`.
fn import_statement<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let mut cursor = node.walk();
    let parts: Vec<_> = node.children_by_field_name("name", &mut cursor).take(256).collect();
    for part in parts {
        if part.kind() == "aliased_import" {
            let (Some(name), Some(alias)) = (field(part, "name"), field(part, "alias")) else { continue };
            let module = walk.text_of(name).to_owned();
            let binding = walk.import(Import { module, item: None, is_reexport: false }, Some(alias), part);
            if let (Some(binding), Some(last)) = (binding, last_name(name)) {
                walk.know(last.start_byte(), Means::Bound(binding));
            }
            continue;
        }
        // `import a.b` binds `a`, and `a.b` is the module wherever it is written.
        let Some(first) = part.named_child(0) else { continue };
        let module = walk.text_of(first).to_owned();
        walk.import(Import { module, item: None, is_reexport: false }, Some(first), part);
        let mut inner = part.walk();
        let names: Vec<_> = part.named_children(&mut inner).take(64).collect();
        for pair in names.windows(2) {
            walk.know(pair[1].start_byte(), Means::Member(Source::Same(pair[0].start_byte())));
        }
    }
    Flow::Enter
}

fn last_name(dotted: Node<'_>) -> Option<Node<'_>> {
    dotted.named_child(dotted.named_child_count().checked_sub(1)? as u32)
}

fn import_from<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let Some(from) = field(node, "module_name") else { return Flow::Enter };
    let module: String = walk.text_of(from).chars().filter(|c| !c.is_whitespace()).collect();
    let mut cursor = node.walk();
    let parts: Vec<_> = node.children_by_field_name("name", &mut cursor).take(1024).collect();
    let mut children = node.walk();
    if node.named_children(&mut children).any(|child| child.kind() == "wildcard_import") {
        walk.import(Import { module: module.clone(), item: None, is_reexport: false }, None, node);
    }
    for part in parts {
        let (name, bound) = match part.kind() {
            "aliased_import" => {
                let (Some(name), Some(alias)) = (field(part, "name"), field(part, "alias")) else { continue };
                (name, alias)
            }
            _ => (part, part.named_child(0).unwrap_or(part)),
        };
        let item = walk.text_of(name).to_owned();
        let import = Import { module: module.clone(), item: Some(item), is_reexport: false };
        let binding = walk.import(import, Some(bound), part);
        if let (Some(binding), Some(last)) = (binding, last_name(name))
            && last.id() != bound.id()
        {
            walk.know(last.start_byte(), Means::Bound(binding));
        }
    }
    // What stands in the module's own name is the module.
    let dotted = if from.kind() == "relative_import" { last_child(from) } else { Some(from) };
    if let Some(dotted) = dotted.filter(|node| node.kind() == "dotted_name") {
        module_name(walk, dotted, &module);
    }
    Flow::Enter
}

fn last_child(node: Node<'_>) -> Option<Node<'_>> {
    node.named_child(node.named_child_count().checked_sub(1)? as u32)
}

/// The last part of a module's name means the module.
fn module_name<'t>(walk: &mut Walk<'_, 't>, dotted: Node<'t>, module: &str) {
    if let Some(last) = last_name(dotted) {
        walk.module_at(last, Import { module: module.to_owned(), item: None, is_reexport: false });
    }
}

fn parameters<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let mut cursor = node.walk();
    let parameters: Vec<_> = node.named_children(&mut cursor).take(512).collect();
    let of_method = walk.is_method();
    for (place, parameter) in parameters.into_iter().enumerate() {
        let source = match field(parameter, "type") {
            Some(written) => walk.type_source(written),
            None if place == 0 && of_method && parameter.kind() == "identifier" => walk.this(),
            None => field(parameter, "value").map_or(Source::Unknown, |value| walk.value_source(value)),
        };
        for name in walk.pattern(parameter) {
            walk.bind(name, parameter, Kind::Parameter, Where::Here, source);
        }
    }
    Flow::Go
}

/// `self.x = …` defines a member; `x: Type = …` has a type.
fn assignment<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let Some(left) = field(node, "left").filter(|left| left.kind() == "attribute") else { return Flow::Go };
    let (Some(object), Some(attribute)) = (field(left, "object"), field(left, "attribute")) else {
        return Flow::Go;
    };
    let value = match (field(node, "type"), field(node, "right")) {
        (Some(written), _) => walk.type_source(written),
        (None, Some(value)) => walk.value_source(value),
        (None, None) => Source::Unknown,
    };
    if walk.is_instance(object) {
        let of = walk.this();
        walk.bind_member(attribute, node, Kind::Field, of, value);
    }
    Flow::Enter
}

/// `with a as b`, `except A as b`, `case A as b`.
fn as_pattern<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let Some(alias) = field(node, "alias") else { return Flow::Go };
    let source = match node.named_child(0).map(|value| walk.value_source(value)) {
        // What is caught is an instance of the type that is named.
        Some(Source::Same(at)) => Source::Instance(at),
        other => other.unwrap_or(Source::Unknown),
    };
    for name in walk.pattern(alias) {
        walk.bind(name, node, Kind::Variable, Where::Function, source);
    }
    Flow::Enter
}

fn outer<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let mut cursor = node.walk();
    let names: Vec<_> = node.named_children(&mut cursor).take(256).collect();
    for name in names {
        walk.bind_outside(name, node.kind() == "global_statement");
    }
    Flow::Enter
}

/// `f(x=1)`: `x` is the parameter.
fn keyword_arguments<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let callee = field(node, "function").and_then(|callee| walk.principal(callee));
    let arguments = field(node, "arguments").filter(|arguments| arguments.kind() == "argument_list");
    if let Some(arguments) = arguments {
        let mut cursor = arguments.walk();
        let given: Vec<_> = arguments.named_children(&mut cursor).take(512).collect();
        for name in given
            .into_iter()
            .filter(|one| one.kind() == "keyword_argument")
            .filter_map(|one| field(one, "name"))
        {
            match callee {
                Some(callee) => walk.argument(name, callee),
                None => walk.know(name.start_byte(), Means::Member(Source::Unknown)),
            }
        }
    }
    Flow::Go
}

/// `class A(B, metaclass=M)`: only what is not given by name is extended.
fn class<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    if let Some(bases) = field(node, "superclasses") {
        let mut cursor = bases.walk();
        let given: Vec<_> = bases.named_children(&mut cursor).take(512).collect();
        for name in given
            .into_iter()
            .filter(|one| one.kind() == "keyword_argument")
            .filter_map(|one| field(one, "name"))
        {
            walk.know(name.start_byte(), Means::Member(Source::Unknown));
        }
    }
    Flow::Go
}
