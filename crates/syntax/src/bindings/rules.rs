//! How the nodes of a grammar open scopes, bind names and name members.

use super::BindingKind;
use super::walk::{Flow, Source, Walk};
use tree_sitter::Node;

/// A rule of its own for a node. `Flow::Go` leaves the node to the table.
pub(super) type Special = for<'t> fn(&mut Walk<'_, 't>, Node<'t>) -> Flow;

/// A rule of its own for where a value comes from.
pub(super) type ValueRule = for<'t> fn(&Walk<'_, 't>, Node<'t>) -> Option<Source>;

/// What a node opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The whole text, or a module in it.
    Module,
    /// The members of a type.
    Type,
    /// A function: parameters and body.
    Function,
    /// A block.
    Block,
}

/// Where a name is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// In the scope around the node, from the beginning: what is hoisted.
    Here,
    /// In the scope around the node, once the node has ended.
    After,
    /// In the function, type or module around the node, from the beginning.
    Function,
    /// In the scope that the node opens.
    Inside,
    /// In the type or module around the node.
    Type,
    /// Outside of the types around the node: structs of C within structs are no members.
    Outer,
    /// In the scope around the node, from this byte on.
    From(usize),
}

/// A node that binds names.
#[derive(Clone, Copy)]
pub(super) struct Bind {
    pub(super) node: &'static str,
    /// The field that holds the name or a pattern of names; empty for the first child that is a name.
    pub(super) name: &'static str,
    pub(super) kind: BindingKind,
    pub(super) place: Where,
    /// The field that holds the type, of a function what it gives; empty for none.
    pub(super) type_field: &'static str,
    /// The field that holds the value; empty for none.
    pub(super) value_field: &'static str,
}

/// A binding without type and value.
pub(super) const fn bind(node: &'static str, name: &'static str, kind: BindingKind, place: Where) -> Bind {
    Bind { node, name, kind, place, type_field: "", value_field: "" }
}

impl Bind {
    /// With a type.
    pub(super) const fn typed(self, type_field: &'static str) -> Bind {
        Bind { type_field, ..self }
    }

    /// With a value.
    pub(super) const fn valued(self, value_field: &'static str) -> Bind {
        Bind { value_field, ..self }
    }
}

/// The rules of a grammar.
pub(super) struct Rules {
    /// The leaves that are names.
    pub(super) names: &'static [&'static str],
    /// Those of them that can only name a member.
    pub(super) member_names: &'static [&'static str],
    pub(super) scopes: &'static [(&'static str, Scope)],
    pub(super) binds: &'static [Bind],
    /// Member access: node, field of the object, field of the member.
    pub(super) members: &'static [(&'static str, &'static str, &'static str)],
    /// Calls: node, field of what is called.
    pub(super) calls: &'static [(&'static str, &'static str)],
    /// Expressions that make an instance: node, field of the type (empty: the first child).
    pub(super) constructs: &'static [(&'static str, &'static str)],
    /// Expressions and types that are what a field of theirs is (empty: the first child).
    pub(super) passes: &'static [(&'static str, &'static str)],
    /// What names the instance a method works on.
    pub(super) this: &'static [&'static str],
    /// What names its supertype.
    pub(super) supers: &'static [&'static str],
    /// The nodes below a type's that name what it extends.
    pub(super) heritage: &'static [&'static str],
    /// Nodes that give back the value of a function.
    pub(super) returns: &'static [&'static str],
    /// Parts of patterns that bind nothing, by field.
    pub(super) not_in_patterns: &'static [&'static str],
    /// Whether members of a type are in scope in its functions without a receiver.
    pub(super) members_in_scope: bool,
    /// Whether calling a type makes an instance of it.
    pub(super) calls_construct: bool,
    /// Whether a name that is bound again in its function stays what it was.
    pub(super) rebinds: bool,
    /// Names in patterns bind only if they begin in lower case.
    pub(super) upper_is_no_pattern: bool,
    pub(super) value: Option<ValueRule>,
    /// What is read of the text before its tree is walked.
    pub(super) before: Option<for<'w, 'a, 't> fn(&'w mut Walk<'a, 't>)>,
    /// Nodes with rules of their own.
    pub(super) specials: &'static [(&'static str, Special)],
}

/// Nothing.
pub(super) const NONE: Rules = Rules {
    names: &["identifier"],
    member_names: &[],
    scopes: &[],
    binds: &[],
    members: &[],
    calls: &[],
    constructs: &[],
    passes: &[],
    this: &[],
    supers: &[],
    heritage: &[],
    returns: &[],
    not_in_patterns: &["type", "value", "right", "default_value", "key"],
    members_in_scope: false,
    calls_construct: false,
    rebinds: false,
    upper_is_no_pattern: false,
    value: None,
    before: None,
    specials: &[],
};
