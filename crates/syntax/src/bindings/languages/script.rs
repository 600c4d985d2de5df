//! Ruby, Lua, shells: languages that bind by assigning.

use super::super::BindingKind as Kind;
use super::super::rules::{NONE, Rules, Scope, Where, bind};
use super::super::walk::{Flow, Means, Source, Walk, field};
use tree_sitter::Node;

pub(in super::super) static RUBY: Rules = Rules {
    names: &["identifier", "constant", "instance_variable", "class_variable", "global_variable"],
    scopes: &[
        ("class", Scope::Type),
        ("module", Scope::Type),
        ("singleton_class", Scope::Type),
        ("method", Scope::Function),
        ("singleton_method", Scope::Function),
        ("lambda", Scope::Function),
        ("block", Scope::Block),
        ("do_block", Scope::Block),
    ],
    binds: &[
        bind("class", "name", Kind::Type, Where::Here),
        bind("module", "name", Kind::Type, Where::Here),
        bind("method", "name", Kind::Function, Where::Here),
        bind("singleton_method", "name", Kind::Function, Where::Here),
        bind("assignment", "left", Kind::Variable, Where::Here).valued("right"),
        bind("optional_parameter", "name", Kind::Parameter, Where::Here),
        bind("keyword_parameter", "name", Kind::Parameter, Where::Here),
        bind("splat_parameter", "name", Kind::Parameter, Where::Here),
        bind("hash_splat_parameter", "name", Kind::Parameter, Where::Here),
        bind("block_parameter", "name", Kind::Parameter, Where::Here),
        bind("exception_variable", "", Kind::Variable, Where::Here),
        bind("for", "pattern", Kind::Variable, Where::Here),
    ],
    members: &[("scope_resolution", "scope", "name")],
    passes: &[("parenthesized_statements", ""), ("superclass", "")],
    this: &["self"],
    heritage: &["superclass"],
    rebinds: true,
    members_in_scope: true,
    value: Some(called),
    specials: &[
        ("call", call),
        ("method_parameters", parameters),
        ("block_parameters", parameters),
        ("lambda_parameters", parameters),
        ("assignment", instance_variable),
    ],
    ..NONE
};

/// `a.b`: a member; `A.new`: an instance.
fn call<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let Some(method) = field(node, "method") else { return Flow::Go };
    walk.is_called(method.start_byte());
    if let Some(receiver) = field(node, "receiver") {
        let source = walk.value_source(receiver);
        walk.know(method.start_byte(), Means::Member(source));
    }
    Flow::Go
}

/// What a call gives: `A.new` an instance of `A`.
fn called<'t>(walk: &Walk<'_, 't>, node: Node<'t>) -> Option<Source> {
    let method = field(node, "method").filter(|_| node.kind() == "call")?;
    match field(node, "receiver") {
        Some(of) if walk.text_of(method) == "new" => {
            Some(walk.principal(of).map_or(Source::Unknown, Source::Instance))
        }
        _ => Some(Source::Call(method.start_byte())),
    }
}

fn parameters<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let mut cursor = node.walk();
    let plain: Vec<_> = node
        .named_children(&mut cursor)
        .filter(|part| matches!(part.kind(), "identifier" | "destructured_parameter"))
        .take(64)
        .collect();
    for part in plain {
        for name in walk.pattern(part) {
            walk.bind(name, part, Kind::Parameter, Where::Here, Source::Unknown);
        }
    }
    Flow::Go
}

/// `@x = …` belongs to the class around.
fn instance_variable<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let Some(left) = field(node, "left").filter(|left| left.kind().ends_with("_variable")) else {
        return Flow::Go;
    };
    let value = field(node, "right").map_or(Source::Unknown, |value| walk.value_source(value));
    walk.bind_in_type(left, node, value);
    Flow::Enter
}

pub(in super::super) static LUA: Rules = Rules {
    names: &["identifier"],
    scopes: &[
        ("function_declaration", Scope::Function),
        ("function_definition", Scope::Function),
        ("block", Scope::Block),
        ("for_statement", Scope::Block),
        ("do_statement", Scope::Block),
    ],
    binds: &[
        bind("function_declaration", "name", Kind::Function, Where::Here),
        bind("parameters", "name", Kind::Parameter, Where::Here),
        bind("for_numeric_clause", "name", Kind::Variable, Where::Here),
    ],
    members: &[("dot_index_expression", "table", "field"), ("method_index_expression", "table", "method")],
    calls: &[("function_call", "name")],
    passes: &[("parenthesized_expression", "")],
    rebinds: true,
    specials: &[
        ("variable_declaration", local_variables),
        ("assignment_statement", assigned),
        ("for_generic_clause", loop_variables),
        ("function_declaration", table_function),
    ],
    ..NONE
};

fn bind_list<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>, whole: Node<'t>, place: Where) {
    let mut cursor = node.walk();
    let list = node.named_children(&mut cursor).find(|child| child.kind() == "variable_list");
    for name in list.map(|list| walk.pattern(list)).unwrap_or_default() {
        walk.bind(name, whole, Kind::Variable, place, Source::Unknown);
    }
}

fn local_variables<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let mut cursor = node.walk();
    let inner = node.named_children(&mut cursor).find(|child| child.kind() == "assignment_statement");
    bind_list(walk, inner.unwrap_or(node), node, Where::Here);
    Flow::Go
}

/// What is assigned and bound nowhere is global.
fn assigned<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    if walk.scope() == 0 {
        bind_list(walk, node, node, Where::Here);
    }
    Flow::Go
}

fn loop_variables<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    bind_list(walk, node, node, Where::Here);
    Flow::Go
}

/// `function table.name() … end` is a member of the table.
fn table_function<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let Some(name) = field(node, "name").filter(|name| name.kind().ends_with("_index_expression")) else {
        return Flow::Go;
    };
    let member = field(name, "field").or_else(|| field(name, "method"));
    if let (Some(table), Some(member)) =
        (field(name, "table").and_then(|table| walk.principal(table)), member)
        && let Some(binding) =
            walk.bind_member(member, node, Kind::Function, Source::Same(table), Source::Unknown)
    {
        walk.own(node, binding);
    }
    Flow::Go
}

pub(in super::super) static SHELL: Rules = Rules {
    names: &["variable_name"],
    scopes: &[("function_definition", Scope::Block)],
    binds: &[
        bind("function_definition", "name", Kind::Function, Where::Here),
        bind("variable_assignment", "name", Kind::Variable, Where::Here),
        bind("for_statement", "variable", Kind::Variable, Where::Here),
    ],
    rebinds: true,
    specials: &[("command_name", command), ("function_definition", function)],
    ..NONE
};

/// The words of commands are names: functions are called like programs.
fn command<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let Some(word) = node.named_child(0).filter(|word| word.kind() == "word") else { return Flow::Go };
    walk.meet_word(word);
    walk.is_called(word.start_byte());
    Flow::Skip
}

fn function<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    if let Some(name) = field(node, "name") {
        let binding = walk.bind(name, node, Kind::Function, Where::Here, Source::Unknown);
        walk.own(node, binding);
        walk.meet_word(name);
    }
    Flow::Enter
}
