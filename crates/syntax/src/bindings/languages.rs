//! The rules of each language, by the numbers of its grammar's nodes.

mod c;
mod go;
mod javascript;
mod python;
mod rust;
mod script;
mod typed;

use super::rules::{Bind, NONE, Rules, Scope, Special};
use crate::languages::language_by_name;
use crate::symbols::grammar_language;
use model::Language;
use std::collections::HashMap;
use std::sync::LazyLock;
use tree_sitter::Node;

/// What is done at a node.
#[derive(Clone, Default)]
pub(super) struct Row {
    pub(super) is_name: bool,
    pub(super) is_member_name: bool,
    pub(super) special: Option<Special>,
    pub(super) scope: Option<Scope>,
    pub(super) binds: Vec<&'static Bind>,
    pub(super) member: Option<(&'static str, &'static str)>,
    pub(super) call: Option<&'static str>,
    pub(super) construct: Option<&'static str>,
    pub(super) pass: Option<&'static str>,
    pub(super) returns: bool,
}

/// The rules of a grammar by the numbers of its nodes.
pub(super) struct Table {
    pub(super) rules: &'static Rules,
    rows: Vec<Option<Box<Row>>>,
}

impl Table {
    /// What is done at a node; none where it is only entered.
    pub(super) fn row(&self, node: Node<'_>) -> Option<&Row> {
        self.rows.get(usize::from(node.kind_id()))?.as_deref()
    }
}

/// The rules of a language, if it has any of its own.
pub(super) fn rules_of(language: Language) -> Option<&'static Rules> {
    BY_LANGUAGE.get(&language).copied()
}

/// Whether a language has rules.
pub(super) fn has_rules(language: Language) -> bool {
    BY_LANGUAGE.contains_key(&language)
}

/// The table of a language with a grammar.
pub(super) fn table_of(language: Language) -> Option<&'static Table> {
    TABLES.get(&language)
}

static LANGUAGES: &[(&[&str], &Rules)] = &[
    (&["JavaScript", "TypeScript", "TSX"], &javascript::RULES),
    (&["Python", "Starlark"], &python::RULES),
    (&["Go"], &go::RULES),
    (&["Rust"], &rust::RULES),
    (&["C", "C++", "Cuda", "OpenCL"], &c::RULES),
    (&["Java"], &typed::JAVA),
    (&["C#"], &typed::C_SHARP),
    (&["PHP", "Hack"], &typed::PHP),
    (&["Kotlin", "Gradle Kotlin DSL"], &typed::KOTLIN),
    (&["Scala"], &typed::SCALA),
    (&["Swift"], &typed::SWIFT),
    (&["Zig"], &typed::ZIG),
    (&["Ruby"], &script::RUBY),
    (&["Lua", "Luau"], &script::LUA),
    (&["Shell", "Alpine Abuild", "Gentoo Ebuild", "Gentoo Eclass", "OpenRC runscript"], &script::SHELL),
];

static BY_LANGUAGE: LazyLock<HashMap<Language, &'static Rules>> = LazyLock::new(|| {
    let each = LANGUAGES.iter().flat_map(|(names, rules)| names.iter().map(move |name| (name, *rules)));
    each.filter_map(|(name, rules)| Some((language_by_name(name)?, rules))).collect()
});

static TABLES: LazyLock<HashMap<Language, Table>> = LazyLock::new(|| {
    let grammars = crate::symbols::grammar_languages();
    grammars.into_iter().filter_map(|language| Some((language, table(language)?))).collect()
});

fn table(language: Language) -> Option<Table> {
    let grammar = grammar_language(language)?;
    let rules = rules_of(language).unwrap_or(&PLAIN);
    let is_plain = std::ptr::eq(rules, &PLAIN);
    let rows = (0..grammar.node_kind_count()).map(|id| {
        let id = u16::try_from(id).ok()?;
        let kind = grammar.node_kind_for_id(id)?;
        if !grammar.node_kind_is_named(id) && !rules.this.contains(&kind) {
            return None;
        }
        let row = row(rules, kind, is_plain);
        let says = row.is_name
            || row.special.is_some()
            || row.scope.is_some()
            || !row.binds.is_empty()
            || row.member.is_some()
            || row.call.is_some()
            || row.construct.is_some()
            || row.pass.is_some()
            || row.returns;
        says.then(|| Box::new(row))
    });
    let rows = rows.collect();
    Some(Table { rules, rows })
}

/// Grammars without rules: their leaves that look like names are.
static PLAIN: Rules = NONE;

fn row(rules: &'static Rules, kind: &str, is_plain: bool) -> Row {
    let find = |table: &'static [(&'static str, &'static str)]| {
        table.iter().find(|(node, _)| *node == kind).map(|(_, field)| *field)
    };
    let scope = rules.scopes.iter().find(|(node, _)| *node == kind).map(|(_, scope)| *scope);
    let is_member_name = rules.member_names.contains(&kind);
    let looks_like_a_name = || {
        kind.ends_with("identifier")
            || kind.ends_with("_name")
            || matches!(kind, "constant" | "name" | "word" | "variable_name" | "bare_key" | "variable")
    };
    Row {
        is_name: is_member_name || rules.names.contains(&kind) || (is_plain && looks_like_a_name()),
        is_member_name,
        special: rules.specials.iter().find(|(node, _)| *node == kind).map(|(_, special)| *special),
        scope,
        binds: rules.binds.iter().filter(|bind| bind.node == kind).collect(),
        member: rules
            .members
            .iter()
            .find(|(node, ..)| *node == kind)
            .map(|(_, object, member)| (*object, *member)),
        call: find(rules.calls),
        construct: find(rules.constructs),
        pass: find(rules.passes),
        returns: rules.returns.contains(&kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rules that two grammars share name what only one of them has.
    fn grammars_of(rules: &'static Rules) -> Vec<tree_sitter::Language> {
        let served =
            LANGUAGES.iter().filter(|(_, of)| std::ptr::eq(*of, rules)).flat_map(|(names, _)| names.iter());
        served.filter_map(|name| grammar_language(language_by_name(name)?)).collect()
    }

    #[test]
    fn every_rule_names_what_its_grammar_has() {
        for (names, rules) in LANGUAGES {
            let grammars = grammars_of(rules);
            assert!(!grammars.is_empty(), "{names:?}");
            let has_node = |kind: &str| {
                grammars.iter().any(|grammar| {
                    grammar.id_for_node_kind(kind, true) != 0 || grammar.id_for_node_kind(kind, false) != 0
                })
            };
            let has_field = |field: &str| {
                matches!(field, "" | "none")
                    || grammars.iter().any(|grammar| grammar.field_id_for_name(field).is_some())
            };
            let nodes = (rules.names.iter().chain(rules.member_names).copied())
                .chain(rules.scopes.iter().map(|(kind, _)| *kind))
                .chain(rules.binds.iter().map(|bind| bind.node))
                .chain(rules.members.iter().map(|(kind, ..)| *kind))
                .chain(
                    [rules.calls, rules.constructs, rules.passes]
                        .into_iter()
                        .flatten()
                        .map(|(kind, _)| *kind),
                )
                .chain(
                    rules.this.iter().chain(rules.supers).chain(rules.heritage).chain(rules.returns).copied(),
                )
                .chain(rules.specials.iter().map(|(kind, _)| *kind));
            let lost: Vec<_> = nodes.filter(|kind| !has_node(kind)).collect();
            assert!(lost.is_empty(), "{names:?} has no nodes {lost:?}");
            let fields = (rules.binds.iter().flat_map(|bind| [bind.name, bind.type_field, bind.value_field]))
                .chain(rules.members.iter().flat_map(|(_, object, member)| [*object, *member]))
                .chain(
                    [rules.calls, rules.constructs, rules.passes]
                        .into_iter()
                        .flatten()
                        .map(|(_, field)| *field),
                );
            let lost: Vec<_> = fields.filter(|field| !has_field(field)).collect();
            assert!(lost.is_empty(), "{names:?} has no fields {lost:?}");
        }
    }
}
