//! What the nodes of each grammar define.

use super::special::{self, Step};
use super::walk::Walk;
use model::SymbolKind as Kind;
use tree_sitter::Node;

/// A rule of its own for a kind of node.
pub(super) type Special = for<'t> fn(&mut Walk<'_, '_>, Node<'t>) -> Step;

/// What is done at a node.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    /// Nothing; its children are visited.
    Enter,
    /// Nothing, and there is nothing in it.
    Skip,
    /// It defines something.
    Def(Kind, Name, Level, Inside),
    /// It defines nothing; what it holds belongs to the type it names.
    Scope(Name),
    /// See there.
    Special(Special),
}

/// How a name is found.
#[derive(Clone, Copy)]
pub(super) enum Name {
    /// It is a field.
    Field(&'static str),
    /// It is the first child of these kinds.
    Child(&'static [&'static str]),
}

/// Where something counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// Everywhere.
    Any,
    /// Not within a function: a local variable is no symbol.
    NotLocal,
}

/// What is within a definition.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    /// Nothing that is looked at.
    Nothing,
    /// Definitions that do not belong to it.
    Enter,
    /// Members of a type.
    Members,
    /// Members of a namespace or module.
    Namespace,
    /// Code: functions and types may be in it, variables are local.
    Body,
}

/// The rules of a grammar, by the names of its nodes. What is not named is entered.
pub(super) type Rules = &'static [(&'static str, Rule)];

use Inside::{Body, Enter, Members, Namespace, Nothing};
use Level::{Any, NotLocal};
use Rule::{Def, Scope, Skip};

const NAME: Name = Name::Field("name");

const fn special(rule: Special) -> Rule {
    Rule::Special(rule)
}

pub(super) static RUST: Rules = &[
    ("function_item", Def(Kind::Function, NAME, Any, Body)),
    ("function_signature_item", Def(Kind::Function, NAME, Any, Nothing)),
    ("struct_item", Def(Kind::Struct, NAME, Any, Members)),
    ("union_item", Def(Kind::Union, NAME, Any, Members)),
    ("enum_item", Def(Kind::Enum, NAME, Any, Members)),
    ("enum_variant", Def(Kind::EnumMember, NAME, Any, Members)),
    ("field_declaration", Def(Kind::Field, NAME, Any, Nothing)),
    ("trait_item", Def(Kind::Trait, NAME, Any, Members)),
    ("impl_item", Scope(Name::Field("type"))),
    ("mod_item", Def(Kind::Module, NAME, Any, Namespace)),
    ("type_item", Def(Kind::Type, NAME, Any, Nothing)),
    ("associated_type", Def(Kind::Type, NAME, Any, Nothing)),
    ("const_item", Def(Kind::Constant, NAME, NotLocal, Nothing)),
    ("static_item", Def(Kind::Variable, NAME, NotLocal, Nothing)),
    ("macro_definition", Def(Kind::Macro, NAME, Any, Nothing)),
    ("use_declaration", Skip),
    ("parameters", Skip),
];

pub(super) static PYTHON: Rules = &[
    ("function_definition", Def(Kind::Function, NAME, Any, Body)),
    ("class_definition", Def(Kind::Class, NAME, Any, Members)),
    ("assignment", special(special::assignment)),
    ("type_alias_statement", Def(Kind::Type, Name::Field("left"), NotLocal, Nothing)),
    ("parameters", Skip),
    ("import_statement", Skip),
    ("import_from_statement", Skip),
    ("argument_list", Skip),
];

pub(super) static JAVASCRIPT: Rules = &[
    ("function_declaration", Def(Kind::Function, NAME, Any, Body)),
    ("generator_function_declaration", Def(Kind::Function, NAME, Any, Body)),
    ("function_signature", Def(Kind::Function, NAME, Any, Nothing)),
    ("function_expression", special(special::anonymous)),
    ("generator_function", special(special::anonymous)),
    ("arrow_function", special(special::anonymous)),
    ("class_declaration", Def(Kind::Class, NAME, Any, Members)),
    ("abstract_class_declaration", Def(Kind::Class, NAME, Any, Members)),
    ("class", Def(Kind::Class, NAME, Any, Members)),
    ("interface_declaration", Def(Kind::Interface, NAME, Any, Members)),
    ("enum_declaration", Def(Kind::Enum, NAME, Any, Members)),
    ("enum_body", special(special::enum_body)),
    ("type_alias_declaration", Def(Kind::Type, NAME, Any, Nothing)),
    ("internal_module", Def(Kind::Namespace, NAME, Any, Namespace)),
    ("module", Def(Kind::Namespace, NAME, Any, Namespace)),
    ("method_definition", Def(Kind::Method, NAME, Any, Body)),
    ("method_signature", Def(Kind::Method, NAME, Any, Nothing)),
    ("abstract_method_signature", Def(Kind::Method, NAME, Any, Nothing)),
    ("field_definition", Def(Kind::Field, Name::Field("property"), Any, Enter)),
    ("public_field_definition", Def(Kind::Field, NAME, Any, Enter)),
    ("property_signature", Def(Kind::Property, NAME, Any, Nothing)),
    ("variable_declarator", special(special::javascript_variable)),
    ("assignment_expression", special(special::javascript_assignment)),
    ("pair", special(special::javascript_pair)),
    ("import_statement", Skip),
    ("formal_parameters", Skip),
];

pub(super) static GO: Rules = &[
    ("package_clause", Def(Kind::Package, Name::Child(&["package_identifier"]), Any, Nothing)),
    ("function_declaration", Def(Kind::Function, NAME, Any, Body)),
    ("method_declaration", special(special::go_method)),
    ("type_spec", special(special::go_type)),
    ("type_alias", Def(Kind::Type, NAME, Any, Enter)),
    ("method_elem", Def(Kind::Method, NAME, Any, Nothing)),
    ("field_declaration", special(special::each_name_field)),
    ("const_spec", special(special::each_name_constant)),
    ("var_spec", special(special::each_name_variable)),
    ("import_declaration", Skip),
    ("parameter_list", Skip),
];

pub(super) static JAVA: Rules = &[
    ("package_declaration", Skip),
    ("import_declaration", Skip),
    ("class_declaration", Def(Kind::Class, NAME, Any, Members)),
    ("record_declaration", Def(Kind::Class, NAME, Any, Members)),
    ("interface_declaration", Def(Kind::Interface, NAME, Any, Members)),
    ("annotation_type_declaration", Def(Kind::Interface, NAME, Any, Members)),
    ("enum_declaration", Def(Kind::Enum, NAME, Any, Members)),
    ("enum_constant", Def(Kind::EnumMember, NAME, Any, Members)),
    ("method_declaration", Def(Kind::Method, NAME, Any, Body)),
    ("annotation_type_element_declaration", Def(Kind::Method, NAME, Any, Nothing)),
    ("constructor_declaration", Def(Kind::Constructor, NAME, Any, Body)),
    ("compact_constructor_declaration", Def(Kind::Constructor, NAME, Any, Body)),
    ("module_declaration", Def(Kind::Module, NAME, Any, Nothing)),
    ("local_variable_declaration", special(special::local)),
    ("constant_declaration", special(special::java_field)),
    ("field_declaration", special(special::java_field)),
    ("formal_parameters", Skip),
];

pub(super) static C: Rules = &[
    ("function_definition", special(special::c_function)),
    ("declaration", special(special::c_declaration)),
    ("struct_specifier", special(special::c_struct)),
    ("union_specifier", special(special::c_struct)),
    ("class_specifier", special(special::c_struct)),
    ("enum_specifier", special(special::c_struct)),
    ("enumerator", Def(Kind::EnumMember, NAME, Any, Nothing)),
    ("field_declaration", special(special::c_field)),
    ("type_definition", special(special::c_typedef)),
    ("alias_declaration", Def(Kind::Type, NAME, NotLocal, Nothing)),
    ("concept_definition", Def(Kind::Type, NAME, Any, Nothing)),
    ("namespace_definition", special(special::cpp_namespace)),
    ("preproc_def", special(special::c_macro)),
    ("preproc_function_def", special(special::c_macro)),
    ("expression_statement", Skip),
    ("compound_statement", Skip),
    ("parameter_list", Skip),
    ("preproc_include", Skip),
    ("initializer_list", Skip),
];

pub(super) static C_SHARP: Rules = &[
    ("namespace_declaration", Def(Kind::Namespace, NAME, Any, Namespace)),
    ("file_scoped_namespace_declaration", special(special::rest_of_file)),
    ("class_declaration", Def(Kind::Class, NAME, Any, Members)),
    ("record_declaration", Def(Kind::Class, NAME, Any, Members)),
    ("struct_declaration", Def(Kind::Struct, NAME, Any, Members)),
    ("interface_declaration", Def(Kind::Interface, NAME, Any, Members)),
    ("enum_declaration", Def(Kind::Enum, NAME, Any, Members)),
    ("enum_member_declaration", Def(Kind::EnumMember, NAME, Any, Nothing)),
    ("delegate_declaration", Def(Kind::Type, NAME, Any, Nothing)),
    ("method_declaration", Def(Kind::Method, NAME, Any, Body)),
    ("local_function_statement", Def(Kind::Function, NAME, Any, Body)),
    ("constructor_declaration", Def(Kind::Constructor, NAME, Any, Body)),
    ("destructor_declaration", Def(Kind::Method, NAME, Any, Body)),
    ("property_declaration", Def(Kind::Property, NAME, Any, Body)),
    ("event_declaration", Def(Kind::Event, NAME, Any, Nothing)),
    ("event_field_declaration", special(special::c_sharp_field)),
    ("field_declaration", special(special::c_sharp_field)),
    ("using_directive", Skip),
    ("parameter_list", Skip),
];

pub(super) static RUBY: Rules = &[
    ("module", Def(Kind::Module, NAME, Any, Members)),
    ("class", Def(Kind::Class, NAME, Any, Members)),
    ("singleton_class", Rule::Enter),
    ("method", Def(Kind::Function, NAME, Any, Body)),
    ("singleton_method", Def(Kind::Function, NAME, Any, Body)),
    ("alias", Def(Kind::Function, NAME, Any, Nothing)),
    ("assignment", special(special::ruby_assignment)),
    ("call", special(special::ruby_call)),
    ("method_parameters", Skip),
];

pub(super) static PHP: Rules = &[
    ("namespace_definition", special(special::rest_of_file)),
    ("function_definition", Def(Kind::Function, NAME, Any, Body)),
    ("class_declaration", Def(Kind::Class, NAME, Any, Members)),
    ("interface_declaration", Def(Kind::Interface, NAME, Any, Members)),
    ("trait_declaration", Def(Kind::Trait, NAME, Any, Members)),
    ("enum_declaration", Def(Kind::Enum, NAME, Any, Members)),
    ("enum_case", Def(Kind::EnumMember, NAME, Any, Nothing)),
    ("method_declaration", Def(Kind::Method, NAME, Any, Body)),
    ("const_element", Def(Kind::Constant, Name::Child(&["name"]), Any, Nothing)),
    ("property_element", special(special::php_property)),
    ("namespace_use_declaration", Skip),
    ("formal_parameters", special(special::php_parameters)),
];

pub(super) static SCALA: Rules = &[
    ("package_clause", special(special::scala_package)),
    ("package_object", Def(Kind::Module, NAME, Any, Members)),
    ("class_definition", Def(Kind::Class, NAME, Any, Members)),
    ("object_definition", Def(Kind::Object, NAME, Any, Members)),
    ("trait_definition", Def(Kind::Trait, NAME, Any, Members)),
    ("enum_definition", Def(Kind::Enum, NAME, Any, Members)),
    ("simple_enum_case", Def(Kind::EnumMember, NAME, Any, Nothing)),
    ("full_enum_case", Def(Kind::EnumMember, NAME, Any, Nothing)),
    ("function_definition", Def(Kind::Function, NAME, Any, Body)),
    ("function_declaration", Def(Kind::Function, NAME, Any, Nothing)),
    ("given_definition", Def(Kind::Variable, NAME, NotLocal, Body)),
    ("type_definition", Def(Kind::Type, NAME, Any, Nothing)),
    ("val_definition", Def(Kind::Variable, Name::Field("pattern"), NotLocal, Body)),
    ("var_definition", Def(Kind::Variable, Name::Field("pattern"), NotLocal, Body)),
    ("val_declaration", Def(Kind::Variable, NAME, NotLocal, Nothing)),
    ("var_declaration", Def(Kind::Variable, NAME, NotLocal, Nothing)),
    ("import_declaration", Skip),
];

pub(super) static KOTLIN: Rules = &[
    ("class_declaration", special(special::kotlin_class)),
    ("object_declaration", Def(Kind::Object, NAME, Any, Members)),
    ("companion_object", special(special::kotlin_companion)),
    ("enum_entry", Def(Kind::EnumMember, Name::Child(&["identifier"]), Any, Members)),
    ("function_declaration", Def(Kind::Function, NAME, Any, Body)),
    ("type_alias", Def(Kind::Type, Name::Field("type"), Any, Nothing)),
    ("property_declaration", special(special::kotlin_property)),
    ("class_parameter", special(special::kotlin_parameter)),
    ("import", Skip),
    ("function_value_parameters", Skip),
];

pub(super) static SWIFT: Rules = &[
    ("class_declaration", special(special::swift_class)),
    ("protocol_declaration", Def(Kind::Interface, NAME, Any, Members)),
    ("function_declaration", Def(Kind::Function, NAME, Any, Body)),
    ("protocol_function_declaration", Def(Kind::Method, NAME, Any, Nothing)),
    ("init_declaration", Def(Kind::Constructor, NAME, Any, Body)),
    ("enum_entry", special(special::each_name_enum_member)),
    ("typealias_declaration", Def(Kind::Type, NAME, Any, Nothing)),
    ("associatedtype_declaration", Def(Kind::Type, NAME, Any, Nothing)),
    ("property_declaration", special(special::swift_property)),
    ("protocol_property_declaration", special(special::swift_property)),
    ("import_declaration", Skip),
];

pub(super) static BASH: Rules = &[
    ("function_definition", Def(Kind::Function, NAME, Any, Body)),
    ("variable_assignment", Def(Kind::Variable, NAME, NotLocal, Nothing)),
    ("command", Skip),
    ("command_substitution", Skip),
];

pub(super) static LUA: Rules = &[
    ("function_declaration", special(special::lua_function)),
    ("assignment_statement", special(special::lua_assignment)),
    ("parameters", Skip),
];

pub(super) static ELIXIR: Rules = &[("call", special(special::elixir_call))];

pub(super) static HASKELL: Rules = &[
    ("header", Def(Kind::Module, Name::Child(&["module"]), Any, Nothing)),
    ("imports", Skip),
    ("data_type", Def(Kind::Type, NAME, Any, Enter)),
    ("newtype", Def(Kind::Type, NAME, Any, Enter)),
    ("type_synonym", Def(Kind::Type, NAME, Any, Nothing)),
    ("type_family", Def(Kind::Type, NAME, Any, Nothing)),
    ("class", Def(Kind::Trait, NAME, Any, Members)),
    ("instance", Scope(NAME)),
    ("prefix", special(special::haskell_constructor)),
    ("record", special(special::haskell_constructor)),
    ("newtype_constructor", Def(Kind::EnumMember, NAME, Any, Enter)),
    ("gadt_constructor", Def(Kind::EnumMember, NAME, Any, Nothing)),
    ("field", Def(Kind::Field, NAME, NotLocal, Nothing)),
    ("function", Def(Kind::Function, NAME, NotLocal, Nothing)),
    ("bind", Def(Kind::Function, NAME, NotLocal, Nothing)),
    ("signature", special(special::haskell_signature)),
    ("foreign_import", Rule::Enter),
];

pub(super) static OCAML: Rules = &[
    ("value_definition", Rule::Enter),
    ("let_binding", special(special::ocaml_let)),
    ("external", Def(Kind::Function, Name::Child(&["value_name"]), Any, Nothing)),
    ("value_specification", Def(Kind::Function, Name::Child(&["value_name"]), Any, Nothing)),
    ("type_binding", Def(Kind::Type, NAME, Any, Members)),
    ("constructor_declaration", Def(Kind::EnumMember, Name::Child(&["constructor_name"]), Any, Nothing)),
    ("field_declaration", Def(Kind::Field, Name::Child(&["field_name"]), Any, Nothing)),
    ("module_binding", Def(Kind::Module, Name::Child(&["module_name"]), Any, Namespace)),
    ("module_type_definition", Def(Kind::Interface, Name::Child(&["module_type_name"]), Any, Namespace)),
    ("class_binding", Def(Kind::Class, Name::Child(&["class_name"]), Any, Members)),
    ("class_type_binding", Def(Kind::Interface, Name::Child(&["class_type_name"]), Any, Members)),
    ("method_definition", Def(Kind::Method, Name::Child(&["method_name"]), Any, Nothing)),
    (
        "instance_variable_definition",
        Def(Kind::Field, Name::Child(&["instance_variable_name"]), Any, Nothing),
    ),
];

pub(super) static ZIG: Rules = &[
    ("function_declaration", Def(Kind::Function, NAME, Any, Body)),
    ("variable_declaration", special(special::zig_variable)),
    ("container_field", special(special::zig_field)),
    ("parameters", Skip),
];

pub(super) static HCL: Rules = &[
    ("block", special(special::hcl_block)),
    ("attribute", special(special::hcl_attribute)),
    ("expression", Skip),
];

pub(super) static TOML: Rules = &[
    ("table", Def(Kind::Object, Name::Child(&["bare_key", "dotted_key", "quoted_key"]), Any, Members)),
    (
        "table_array_element",
        Def(Kind::Array, Name::Child(&["bare_key", "dotted_key", "quoted_key"]), Any, Members),
    ),
    ("pair", Def(Kind::Key, Name::Child(&["bare_key", "dotted_key", "quoted_key"]), Any, Nothing)),
];

pub(super) static JSON: Rules = &[("pair", special(special::json_pair)), ("array", Skip)];

pub(super) static CSS: Rules = &[
    ("class_name", special(special::css_class)),
    ("id_name", special(special::whole)),
    ("keyframes_name", special(special::whole)),
    ("declaration", special(special::css_declaration)),
];

pub(super) static HTML: Rules =
    &[("attribute", special(special::html_attribute)), ("script_element", Skip), ("style_element", Skip)];
