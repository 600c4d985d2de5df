//! The grammars there are for definitions, and which languages each serves.

use super::rules::{self, Rule, Rules};
use crate::highlight::scanners;
use crate::languages::language_by_name;
use model::Language;
use std::sync::{LazyLock, OnceLock};
use tree_sitter_language::LanguageFn;

/// A grammar with its rules.
pub(super) struct Grammar {
    /// Names of the languages it serves, as the language table has them.
    languages: &'static [&'static str],
    language_fn: LanguageFn,
    rules: Rules,
    /// What joins a container and a name.
    pub(super) separator: &'static str,
    /// Whether a method is joined to its class by `#`.
    pub(super) methods_by_hash: bool,
    /// Whether macros are to be expected, and texts read in pieces.
    pub(super) is_c_family: bool,
    /// Whether several clauses of one name in a row are one definition.
    pub(super) joins_clauses: bool,
    /// Longest text that defines anything: longer ones are data, or made by programs.
    pub(super) size_bytes_max: usize,
    /// Whether the grammar's scanner can hold a text.
    pub(super) holds: fn(&str) -> bool,
    table: OnceLock<Vec<Rule>>,
}

impl Grammar {
    pub(super) fn tree_sitter(&self) -> tree_sitter::Language {
        tree_sitter::Language::new(self.language_fn)
    }

    /// The rules by the numbers of the nodes.
    pub(super) fn table(&self) -> &[Rule] {
        self.table.get_or_init(|| {
            let language = self.tree_sitter();
            let rule = |id: usize| {
                let id = u16::try_from(id).ok()?;
                let kind = language.node_kind_for_id(id).filter(|_| language.node_kind_is_named(id))?;
                self.rules.iter().find(|(name, _)| *name == kind).map(|(_, rule)| *rule)
            };
            (0..language.node_kind_count()).map(|id| rule(id).unwrap_or(Rule::Enter)).collect()
        })
    }
}

/// The grammar for a language, if there is one.
pub(super) fn grammar_of(language: Language) -> Option<&'static Grammar> {
    let place = BY_LANGUAGE.binary_search_by_key(&language, |(served, _)| *served).ok()?;
    BY_LANGUAGE.get(place).map(|(_, grammar)| *grammar)
}

/// Every language that a grammar serves.
pub(super) fn all_languages() -> Vec<Language> {
    BY_LANGUAGE.iter().map(|(language, _)| *language).collect()
}

/// Every grammar by each language it serves, sorted.
static BY_LANGUAGE: LazyLock<Vec<(Language, &'static Grammar)>> = LazyLock::new(|| {
    let serves = |grammar: &'static Grammar| {
        grammar.languages.iter().filter_map(move |name| Some((language_by_name(name)?, grammar)))
    };
    let mut all: Vec<_> = GRAMMARS.iter().flat_map(serves).collect();
    all.sort_unstable_by_key(|(language, _)| *language);
    all
});

fn grammar(
    languages: &'static [&'static str],
    language_fn: LanguageFn,
    separator: &'static str,
    rules: Rules,
) -> Grammar {
    Grammar {
        languages,
        language_fn,
        rules,
        separator,
        methods_by_hash: false,
        is_c_family: false,
        joins_clauses: false,
        size_bytes_max: usize::MAX,
        holds: holds_any,
        table: OnceLock::new(),
    }
}

/// Long texts in languages of data are dumps: their keys are nobody's definitions.
const DATA_BYTES_MAX: usize = 256 << 10;

fn holds_any(_: &str) -> bool {
    true
}

static GRAMMARS: LazyLock<[Grammar; 26]> = LazyLock::new(|| {
    [
        grammar(&["Rust"], tree_sitter_rust::LANGUAGE, "::", rules::RUST),
        Grammar {
            holds: scanners::python_holds,
            ..grammar(&["Python", "Starlark"], tree_sitter_python::LANGUAGE, ".", rules::PYTHON)
        },
        grammar(&["JavaScript"], tree_sitter_javascript::LANGUAGE, ".", rules::JAVASCRIPT),
        grammar(&["TypeScript"], tree_sitter_typescript::LANGUAGE_TYPESCRIPT, ".", rules::JAVASCRIPT),
        grammar(&["TSX"], tree_sitter_typescript::LANGUAGE_TSX, ".", rules::JAVASCRIPT),
        grammar(&["Go"], tree_sitter_go::LANGUAGE, ".", rules::GO),
        grammar(&["Java"], tree_sitter_java::LANGUAGE, ".", rules::JAVA),
        Grammar { is_c_family: true, ..grammar(&["C", "OpenCL"], tree_sitter_c::LANGUAGE, ".", rules::C) },
        Grammar { is_c_family: true, ..grammar(&["C++", "Cuda"], tree_sitter_cpp::LANGUAGE, "::", rules::C) },
        grammar(&["C#"], tree_sitter_c_sharp::LANGUAGE, ".", rules::C_SHARP),
        Grammar {
            methods_by_hash: true,
            holds: scanners::ruby_holds,
            ..grammar(&["Ruby"], tree_sitter_ruby::LANGUAGE, "::", rules::RUBY)
        },
        grammar(&["PHP", "Hack"], tree_sitter_php::LANGUAGE_PHP, "::", rules::PHP),
        grammar(
            &["Shell", "Alpine Abuild", "Gentoo Ebuild", "Gentoo Eclass", "OpenRC runscript"],
            tree_sitter_bash::LANGUAGE,
            "::",
            rules::BASH,
        ),
        Grammar {
            size_bytes_max: 1 << 20,
            ..grammar(&["CSS", "PostCSS"], tree_sitter_css::LANGUAGE, ".", rules::CSS)
        },
        Grammar {
            size_bytes_max: 1 << 20,
            ..grammar(&["HTML", "Vue", "Svelte"], tree_sitter_html::LANGUAGE, ".", rules::HTML)
        },
        grammar(&["Scala"], tree_sitter_scala::LANGUAGE, ".", rules::SCALA),
        Grammar {
            joins_clauses: true,
            ..grammar(&["Haskell"], tree_sitter_haskell::LANGUAGE, ".", rules::HASKELL)
        },
        grammar(&["OCaml"], tree_sitter_ocaml::LANGUAGE_OCAML, ".", rules::OCAML),
        grammar(&["Kotlin", "Gradle Kotlin DSL"], tree_sitter_kotlin_ng::LANGUAGE, ".", rules::KOTLIN),
        grammar(&["Swift"], tree_sitter_swift::LANGUAGE, ".", rules::SWIFT),
        grammar(&["Lua", "Luau"], tree_sitter_lua::LANGUAGE, ".", rules::LUA),
        Grammar {
            joins_clauses: true,
            ..grammar(&["Elixir"], tree_sitter_elixir::LANGUAGE, ".", rules::ELIXIR)
        },
        grammar(&["Zig"], tree_sitter_zig::LANGUAGE, ".", rules::ZIG),
        grammar(&["HCL"], tree_sitter_hcl::LANGUAGE, ".", rules::HCL),
        Grammar {
            size_bytes_max: DATA_BYTES_MAX,
            ..grammar(&["TOML"], tree_sitter_toml_ng::LANGUAGE, ".", rules::TOML)
        },
        Grammar {
            size_bytes_max: DATA_BYTES_MAX,
            ..grammar(&["JSON", "JSON with Comments"], tree_sitter_json::LANGUAGE, ".", rules::JSON)
        },
    ]
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_served_is_known_and_served_once() {
        for name in GRAMMARS.iter().flat_map(|grammar| grammar.languages) {
            assert!(language_by_name(name).is_some(), "{name}");
        }
        let n_names: usize = GRAMMARS.iter().map(|grammar| grammar.languages.len()).sum();
        assert_eq!(BY_LANGUAGE.len(), n_names);
        assert!(BY_LANGUAGE.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn every_rule_names_a_node_of_its_grammar() {
        for grammar in GRAMMARS.iter() {
            let language = grammar.tree_sitter();
            for (kind, _) in grammar.rules {
                let is_known = language.id_for_node_kind(kind, true) != 0;
                // Rules shared by two grammars name what only one of them has.
                let is_shared = grammar.rules.as_ptr() == rules::JAVASCRIPT.as_ptr()
                    || grammar.rules.as_ptr() == rules::C.as_ptr();
                assert!(is_known || is_shared, "{:?}: {kind}", grammar.languages);
            }
        }
    }
}
