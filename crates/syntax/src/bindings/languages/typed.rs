//! Java, C#, Kotlin, Scala, Swift, PHP, Zig: languages that say the types of most things.

use super::super::rules::{NONE, Rules, Scope, Where, bind};
use super::super::walk::{Flow, Source, Walk, field};
use super::super::{BindingKind as Kind, Import};
use tree_sitter::Node;

pub(in super::super) static JAVA: Rules = Rules {
    names: &["identifier", "type_identifier"],
    scopes: &[
        ("class_declaration", Scope::Type),
        ("record_declaration", Scope::Type),
        ("interface_declaration", Scope::Type),
        ("annotation_type_declaration", Scope::Type),
        ("enum_declaration", Scope::Type),
        ("method_declaration", Scope::Function),
        ("constructor_declaration", Scope::Function),
        ("lambda_expression", Scope::Function),
        ("block", Scope::Block),
        ("for_statement", Scope::Block),
        ("enhanced_for_statement", Scope::Block),
        ("catch_clause", Scope::Block),
        ("try_with_resources_statement", Scope::Block),
        ("switch_block_statement_group", Scope::Block),
    ],
    binds: &[
        bind("class_declaration", "name", Kind::Type, Where::Here),
        bind("record_declaration", "name", Kind::Type, Where::Here),
        bind("interface_declaration", "name", Kind::Type, Where::Here),
        bind("annotation_type_declaration", "name", Kind::Type, Where::Here),
        bind("enum_declaration", "name", Kind::Type, Where::Here),
        bind("enum_constant", "name", Kind::Field, Where::Here),
        bind("type_parameter", "", Kind::Type, Where::Here),
        bind("method_declaration", "name", Kind::Function, Where::Here).typed("type"),
        bind("constructor_declaration", "name", Kind::Function, Where::Here),
        bind("formal_parameter", "name", Kind::Parameter, Where::Here).typed("type"),
        bind("catch_formal_parameter", "name", Kind::Variable, Where::Here),
        bind("enhanced_for_statement", "name", Kind::Variable, Where::Inside).typed("type"),
        bind("resource", "name", Kind::Variable, Where::After).typed("type"),
        bind("lambda_expression", "parameters", Kind::Parameter, Where::Inside),
        bind("instanceof_expression", "name", Kind::Variable, Where::Here).typed("right"),
    ],
    members: &[
        ("field_access", "object", "field"),
        ("scoped_identifier", "scope", "name"),
        ("method_invocation", "object", "name"),
    ],
    constructs: &[("object_creation_expression", "type")],
    passes: &[
        ("parenthesized_expression", ""),
        ("cast_expression", "type"),
        ("generic_type", ""),
        ("annotated_type", ""),
    ],
    this: &["this"],
    supers: &["super"],
    heritage: &["superclass", "super_interfaces", "extends_interfaces", "type_list"],
    not_in_patterns: &["type", "value", "dimensions"],
    members_in_scope: true,
    specials: &[
        ("import_declaration", import_declaration),
        ("package_declaration", skip),
        ("local_variable_declaration", variables),
        ("field_declaration", variables),
        ("constant_declaration", variables),
        ("method_invocation", invocation),
    ],
    ..NONE
};

fn skip<'t>(_: &mut Walk<'_, 't>, _: Node<'t>) -> Flow {
    Flow::Skip
}

/// `import a.b.C;` brings `C` of the package `a.b`.
fn import_declaration<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let mut cursor = node.walk();
    let parts: Vec<_> = node.named_children(&mut cursor).collect();
    let Some(path) = parts.iter().find(|part| part.kind() == "scoped_identifier") else { return Flow::Skip };
    let is_wildcard = parts.iter().any(|part| part.kind() == "asterisk");
    let whole = walk.text_of(*path).to_owned();
    match (field(*path, "name"), whole.rsplit_once('.')) {
        (Some(name), Some((module, item))) if !is_wildcard => {
            let import =
                Import { module: module.to_owned(), item: Some(item.to_owned()), is_reexport: false };
            walk.import(import, Some(name), node);
        }
        _ => {
            walk.import(Import { module: whole, item: None, is_reexport: false }, None, node);
        }
    }
    Flow::Enter
}

/// `Type a = …, b = …;`
fn variables<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let written = field(node, "type").map_or(Source::Unknown, |written| walk.type_source(written));
    let is_inferred = field(node, "type").is_some_and(|written| walk.text_of(written) == "var");
    let mut cursor = node.walk();
    let declarators: Vec<_> = node.children_by_field_name("declarator", &mut cursor).take(256).collect();
    for declarator in declarators {
        let source = match field(declarator, "value") {
            Some(value) if is_inferred => walk.value_source(value),
            _ => written,
        };
        if let Some(name) = field(declarator, "name") {
            walk.bind(name, node, Kind::Variable, Where::Here, source);
        }
    }
    Flow::Go
}

/// A method called without a receiver is one of the types around.
fn invocation<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let Some(name) = field(node, "name") else { return Flow::Go };
    walk.is_called(name.start_byte());
    if field(node, "object").is_none() { Flow::Enter } else { Flow::Go }
}

pub(in super::super) static C_SHARP: Rules = Rules {
    names: &["identifier"],
    scopes: &[
        ("class_declaration", Scope::Type),
        ("record_declaration", Scope::Type),
        ("struct_declaration", Scope::Type),
        ("interface_declaration", Scope::Type),
        ("enum_declaration", Scope::Type),
        ("namespace_declaration", Scope::Module),
        ("method_declaration", Scope::Function),
        ("constructor_declaration", Scope::Function),
        ("local_function_statement", Scope::Function),
        ("lambda_expression", Scope::Function),
        ("anonymous_method_expression", Scope::Function),
        ("block", Scope::Block),
        ("for_statement", Scope::Block),
        ("foreach_statement", Scope::Block),
        ("using_statement", Scope::Block),
        ("catch_clause", Scope::Block),
        ("switch_section", Scope::Block),
    ],
    binds: &[
        bind("class_declaration", "name", Kind::Type, Where::Here),
        bind("record_declaration", "name", Kind::Type, Where::Here),
        bind("struct_declaration", "name", Kind::Type, Where::Here),
        bind("interface_declaration", "name", Kind::Type, Where::Here),
        bind("enum_declaration", "name", Kind::Type, Where::Here),
        bind("enum_member_declaration", "name", Kind::Field, Where::Here),
        bind("type_parameter", "name", Kind::Type, Where::Here),
        bind("method_declaration", "name", Kind::Function, Where::Here).typed("returns"),
        bind("local_function_statement", "name", Kind::Function, Where::Here).typed("type"),
        bind("constructor_declaration", "name", Kind::Function, Where::Here),
        bind("property_declaration", "name", Kind::Field, Where::Here).typed("type"),
        bind("parameter", "name", Kind::Parameter, Where::Here).typed("type"),
        bind("implicit_parameter", "", Kind::Parameter, Where::Here),
        bind("foreach_statement", "left", Kind::Variable, Where::Inside).typed("type"),
        bind("catch_declaration", "name", Kind::Variable, Where::Here).typed("type"),
        bind("declaration_expression", "name", Kind::Variable, Where::Here).typed("type"),
        bind("declaration_pattern", "name", Kind::Variable, Where::Here).typed("type"),
        bind("var_pattern", "name", Kind::Variable, Where::Here),
    ],
    members: &[
        ("member_access_expression", "expression", "name"),
        ("member_binding_expression", "none", "name"),
        ("qualified_name", "qualifier", "name"),
    ],
    calls: &[("invocation_expression", "function")],
    constructs: &[("object_creation_expression", "type")],
    passes: &[
        ("parenthesized_expression", ""),
        ("await_expression", ""),
        ("generic_name", ""),
        ("nullable_type", "type"),
        ("cast_expression", "type"),
    ],
    this: &["this"],
    supers: &["base"],
    heritage: &["base_list"],
    members_in_scope: true,
    specials: &[("variable_declaration", c_sharp_variables), ("using_directive", skip)],
    ..NONE
};

fn c_sharp_variables<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let written = field(node, "type").map_or(Source::Unknown, |written| walk.type_source(written));
    let is_inferred = field(node, "type").is_some_and(|written| walk.text_of(written) == "var");
    let mut cursor = node.walk();
    let declarators: Vec<_> = node
        .named_children(&mut cursor)
        .filter(|child| child.kind() == "variable_declarator")
        .take(256)
        .collect();
    for declarator in declarators {
        let value = declarator.named_child(1).filter(|_| is_inferred);
        let source = value.map_or(written, |value| walk.value_source(value));
        if let Some(name) = field(declarator, "name") {
            walk.bind(name, node, Kind::Variable, Where::Here, source);
        }
    }
    Flow::Go
}

pub(in super::super) static PHP: Rules = Rules {
    names: &["name", "variable_name"],
    scopes: &[
        ("class_declaration", Scope::Type),
        ("interface_declaration", Scope::Type),
        ("trait_declaration", Scope::Type),
        ("enum_declaration", Scope::Type),
        ("anonymous_class", Scope::Type),
        ("function_definition", Scope::Function),
        ("method_declaration", Scope::Function),
        ("anonymous_function", Scope::Function),
        ("arrow_function", Scope::Function),
    ],
    binds: &[
        bind("class_declaration", "name", Kind::Type, Where::Here),
        bind("interface_declaration", "name", Kind::Type, Where::Here),
        bind("trait_declaration", "name", Kind::Type, Where::Here),
        bind("enum_declaration", "name", Kind::Type, Where::Here),
        bind("enum_case", "name", Kind::Field, Where::Here),
        bind("const_element", "", Kind::Variable, Where::Here),
        bind("function_definition", "name", Kind::Function, Where::Here).typed("return_type"),
        bind("method_declaration", "name", Kind::Function, Where::Here).typed("return_type"),
        bind("property_element", "name", Kind::Field, Where::Here),
        bind("simple_parameter", "name", Kind::Parameter, Where::Here).typed("type"),
        bind("variadic_parameter", "name", Kind::Parameter, Where::Here).typed("type"),
        bind("property_promotion_parameter", "name", Kind::Parameter, Where::Here).typed("type"),
        bind("assignment_expression", "left", Kind::Variable, Where::Function).valued("right"),
        bind("static_variable_declaration", "name", Kind::Variable, Where::Function),
        bind("catch_clause", "name", Kind::Variable, Where::Function),
    ],
    members: &[
        ("member_access_expression", "object", "name"),
        ("member_call_expression", "object", "name"),
        ("nullsafe_member_access_expression", "object", "name"),
        ("nullsafe_member_call_expression", "object", "name"),
        ("scoped_call_expression", "scope", "name"),
        ("scoped_property_access_expression", "scope", "name"),
    ],
    calls: &[("function_call_expression", "function")],
    constructs: &[("object_creation_expression", "")],
    passes: &[
        ("parenthesized_expression", ""),
        ("named_type", ""),
        ("optional_type", ""),
        ("relative_scope", ""),
    ],
    heritage: &["base_clause", "class_interface_clause"],
    not_in_patterns: &["type", "right", "key", "value"],
    rebinds: true,
    ..NONE
};

pub(in super::super) static KOTLIN: Rules = Rules {
    names: &["identifier"],
    scopes: &[
        ("class_declaration", Scope::Type),
        ("object_declaration", Scope::Type),
        ("companion_object", Scope::Type),
        ("function_declaration", Scope::Function),
        ("lambda_literal", Scope::Function),
        ("anonymous_function", Scope::Function),
        ("block", Scope::Block),
        ("for_statement", Scope::Block),
        ("catch_block", Scope::Block),
    ],
    binds: &[
        bind("class_declaration", "name", Kind::Type, Where::Here),
        bind("object_declaration", "name", Kind::Type, Where::Here),
        bind("function_declaration", "name", Kind::Function, Where::Here),
        bind("variable_declaration", "", Kind::Variable, Where::Here),
        bind("class_parameter", "", Kind::Field, Where::Here),
        bind("parameter", "", Kind::Parameter, Where::Here),
        bind("catch_block", "", Kind::Variable, Where::Inside),
        bind("enum_entry", "", Kind::Field, Where::Here),
        bind("type_alias", "type", Kind::Type, Where::Here),
    ],
    passes: &[("parenthesized_expression", ""), ("user_type", ""), ("nullable_type", "")],
    this: &["this_expression"],
    supers: &["super_expression"],
    heritage: &["delegation_specifiers", "delegation_specifier", "constructor_invocation"],
    members_in_scope: true,
    specials: &[("navigation_expression", navigation), ("import", skip), ("package_header", skip)],
    ..NONE
};

/// `a.b`, whose parts have no names of their own.
fn navigation<'t>(walk: &mut Walk<'_, 't>, node: Node<'t>) -> Flow {
    let n_children = node.named_child_count();
    if let (Some(object), Some(member)) =
        (node.named_child(0), node.named_child(n_children.saturating_sub(1) as u32))
        && n_children > 1
        && member.kind() == "identifier"
    {
        let source = walk.value_source(object);
        walk.know(member.start_byte(), super::super::walk::Means::Member(source));
    }
    Flow::Go
}

pub(in super::super) static SCALA: Rules = Rules {
    names: &["identifier", "type_identifier"],
    scopes: &[
        ("class_definition", Scope::Type),
        ("trait_definition", Scope::Type),
        ("object_definition", Scope::Type),
        ("enum_definition", Scope::Type),
        ("function_definition", Scope::Function),
        ("function_declaration", Scope::Function),
        ("lambda_expression", Scope::Function),
        ("block", Scope::Block),
        ("indented_block", Scope::Block),
        ("case_clause", Scope::Block),
        ("for_expression", Scope::Block),
    ],
    binds: &[
        bind("class_definition", "name", Kind::Type, Where::Here),
        bind("trait_definition", "name", Kind::Type, Where::Here),
        bind("object_definition", "name", Kind::Type, Where::Here),
        bind("enum_definition", "name", Kind::Type, Where::Here),
        bind("type_definition", "name", Kind::Type, Where::Here),
        bind("function_definition", "name", Kind::Function, Where::Here).typed("return_type"),
        bind("function_declaration", "name", Kind::Function, Where::Here).typed("return_type"),
        bind("val_definition", "pattern", Kind::Variable, Where::Here).typed("type").valued("value"),
        bind("var_definition", "pattern", Kind::Variable, Where::Here).typed("type").valued("value"),
        bind("class_parameter", "name", Kind::Field, Where::Here).typed("type"),
        bind("parameter", "name", Kind::Parameter, Where::Here).typed("type"),
        bind("binding", "name", Kind::Parameter, Where::Here).typed("type"),
        bind("case_clause", "pattern", Kind::Variable, Where::Inside),
    ],
    members: &[("field_expression", "value", "field")],
    calls: &[("call_expression", "function")],
    constructs: &[("instance_expression", "")],
    passes: &[("parenthesized_expression", ""), ("generic_type", "type"), ("generic_function", "function")],
    heritage: &["extends_clause"],
    members_in_scope: true,
    upper_is_no_pattern: true,
    specials: &[("import_declaration", skip), ("package_clause", package)],
    ..NONE
};

fn package<'t>(_: &mut Walk<'_, 't>, _: Node<'t>) -> Flow {
    Flow::Go
}

pub(in super::super) static SWIFT: Rules = Rules {
    names: &["simple_identifier", "type_identifier"],
    scopes: &[
        ("class_declaration", Scope::Type),
        ("protocol_declaration", Scope::Type),
        ("function_declaration", Scope::Function),
        ("protocol_function_declaration", Scope::Function),
        ("init_declaration", Scope::Function),
        ("lambda_literal", Scope::Function),
        ("statements", Scope::Block),
        ("for_statement", Scope::Block),
        ("if_statement", Scope::Block),
    ],
    binds: &[
        bind("class_declaration", "name", Kind::Type, Where::Here),
        bind("protocol_declaration", "name", Kind::Type, Where::Here),
        bind("function_declaration", "name", Kind::Function, Where::Here),
        bind("protocol_function_declaration", "name", Kind::Function, Where::Here),
        bind("property_declaration", "name", Kind::Variable, Where::Here).valued("value"),
        bind("enum_entry", "name", Kind::Field, Where::Here),
        bind("parameter", "name", Kind::Parameter, Where::Here).typed("type"),
        bind("lambda_parameter", "name", Kind::Parameter, Where::Here).typed("type"),
        bind("for_statement", "item", Kind::Variable, Where::Inside),
        bind("if_statement", "bound_identifier", Kind::Variable, Where::Inside),
        bind("guard_statement", "bound_identifier", Kind::Variable, Where::Here),
        bind("typealias_declaration", "name", Kind::Type, Where::Here),
    ],
    members: &[("navigation_expression", "target", "suffix"), ("navigation_suffix", "none", "suffix")],
    passes: &[("user_type", ""), ("optional_type", ""), ("call_expression", "")],
    this: &["self_expression"],
    supers: &["super_expression"],
    heritage: &["inheritance_specifier"],
    members_in_scope: true,
    specials: &[("import_declaration", skip)],
    ..NONE
};

pub(in super::super) static ZIG: Rules = Rules {
    names: &["identifier"],
    scopes: &[
        ("function_declaration", Scope::Function),
        ("struct_declaration", Scope::Type),
        ("union_declaration", Scope::Type),
        ("enum_declaration", Scope::Type),
        ("block", Scope::Block),
        ("for_statement", Scope::Block),
        ("if_statement", Scope::Block),
        ("while_statement", Scope::Block),
    ],
    binds: &[
        bind("function_declaration", "name", Kind::Function, Where::Here),
        bind("variable_declaration", "", Kind::Variable, Where::Here).typed("type"),
        bind("container_field", "name", Kind::Field, Where::Here).typed("type"),
        bind("parameter", "name", Kind::Parameter, Where::Here).typed("type"),
        bind("payload", "", Kind::Variable, Where::Here),
    ],
    members: &[("field_expression", "object", "member")],
    calls: &[("call_expression", "function")],
    members_in_scope: true,
    ..NONE
};
