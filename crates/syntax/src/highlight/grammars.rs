//! The grammars there are, and which languages each serves. Queries are compiled once, when first needed.

use super::scanners;
use super::tree::{Highlights, Injections};
use crate::languages::language_by_name;
use model::Language;
use std::sync::{LazyLock, OnceLock};
use tree_sitter_language::LanguageFn;

/// A grammar with its queries.
pub(crate) struct Grammar {
    /// Names of the languages it serves, as the language table has them.
    languages: &'static [&'static str],
    language_fn: LanguageFn,
    /// The highlighting query, in parts: a grammar that extends another one begins with the other's.
    highlights: &'static [&'static str],
    injections: &'static str,
    /// Whether the grammar's scanner can hold a text; other texts go to the generic lexer.
    holds: fn(&str) -> bool,
    compiled: OnceLock<Compiled>,
}

struct Compiled {
    highlights: Option<Highlights>,
    injections: Option<Injections>,
}

/// The grammar for a language, if there is one.
pub(crate) fn grammar_of(language: Language) -> Option<&'static Grammar> {
    let place = BY_LANGUAGE.binary_search_by_key(&language, |(served, _)| *served).ok()?;
    BY_LANGUAGE.get(place).map(|(_, grammar)| *grammar)
}

/// The grammar for a language by name or alias, as injections name them.
pub(super) fn by_name(name: &str) -> Option<&'static Grammar> {
    language_by_name(name).and_then(grammar_of)
}

/// Every grammar, once.
pub(crate) fn all() -> impl Iterator<Item = &'static Grammar> {
    GRAMMARS.iter()
}

impl Grammar {
    /// The first of its languages, by which people call it.
    pub(crate) fn name(&self) -> &'static str {
        self.languages.first().copied().unwrap_or_default()
    }

    /// Whether it is safe to parse the text.
    pub(crate) fn holds(&self, text: &str) -> bool {
        (self.holds)(text)
    }

    pub(crate) fn tree_sitter(&self) -> tree_sitter::Language {
        tree_sitter::Language::new(self.language_fn)
    }

    pub(super) fn highlights(&'static self) -> Option<&'static Highlights> {
        self.compiled().highlights.as_ref()
    }

    pub(super) fn injections(&'static self) -> Option<&'static Injections> {
        self.compiled().injections.as_ref()
    }

    fn compiled(&self) -> &Compiled {
        self.compiled.get_or_init(|| {
            let language = self.tree_sitter();
            let injections =
                if self.injections.is_empty() { None } else { Injections::new(&language, self.injections) };
            Compiled { highlights: Highlights::new(&language, &self.highlights.join("\n")).ok(), injections }
        })
    }
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

const fn grammar(
    languages: &'static [&'static str],
    language_fn: LanguageFn,
    highlights: &'static [&'static str],
    injections: &'static str,
) -> Grammar {
    guarded(languages, language_fn, highlights, injections, holds_any)
}

const fn guarded(
    languages: &'static [&'static str],
    language_fn: LanguageFn,
    highlights: &'static [&'static str],
    injections: &'static str,
    holds: fn(&str) -> bool,
) -> Grammar {
    Grammar { languages, language_fn, highlights, injections, holds, compiled: OnceLock::new() }
}

fn holds_any(_: &str) -> bool {
    true
}

/// Our additions to the grammars' queries: what they leave out, and what some of them put in an order where the first of
/// several patterns wins.
mod more {
    pub(super) const C: &str = include_str!("queries/c.scm");
    pub(super) const GO: &str = include_str!("queries/go.scm");
    pub(super) const JSON: &str = include_str!("queries/json.scm");
    pub(super) const KOTLIN: &str = include_str!("queries/kotlin.scm");
    pub(super) const RUBY: &str = include_str!("queries/ruby.scm");
    pub(super) const RUST: &str = include_str!("queries/rust.scm");
    pub(super) const TOML: &str = include_str!("queries/toml.scm");
}

/// The text around PHP's code is one page; the grammar's own query also asks for languages there is no grammar for.
const PHP_INJECTIONS: &str = r#"
((text) @injection.content (#set! injection.language "html") (#set! injection.combined))
"#;

static GRAMMARS: [Grammar; 23] = [
    grammar(
        &["Shell", "Alpine Abuild", "Gentoo Ebuild", "Gentoo Eclass", "OpenRC runscript"],
        tree_sitter_bash::LANGUAGE,
        &[tree_sitter_bash::HIGHLIGHT_QUERY],
        "",
    ),
    grammar(
        &["C", "Unified Parallel C", "OpenCL", "X BitMap", "X PixMap"],
        tree_sitter_c::LANGUAGE,
        &[tree_sitter_c::HIGHLIGHT_QUERY, more::C],
        "",
    ),
    grammar(
        &["C++", "Cuda"],
        tree_sitter_cpp::LANGUAGE,
        &[tree_sitter_c::HIGHLIGHT_QUERY, more::C, tree_sitter_cpp::HIGHLIGHT_QUERY],
        "",
    ),
    grammar(&["C#"], tree_sitter_c_sharp::LANGUAGE, &[tree_sitter_c_sharp::HIGHLIGHTS_QUERY], ""),
    grammar(&["CSS", "PostCSS"], tree_sitter_css::LANGUAGE, &[tree_sitter_css::HIGHLIGHTS_QUERY], ""),
    grammar(&["Go"], tree_sitter_go::LANGUAGE, &[tree_sitter_go::HIGHLIGHTS_QUERY, more::GO], ""),
    grammar(
        &["HTML", "Vue", "Svelte", "HTML+ECR", "HTML+EEX", "HTML+ERB", "HTML+Razor", "Ecmarkup", "Astro"],
        tree_sitter_html::LANGUAGE,
        &[tree_sitter_html::HIGHLIGHTS_QUERY],
        tree_sitter_html::INJECTIONS_QUERY,
    ),
    grammar(&["Java"], tree_sitter_java::LANGUAGE, &[tree_sitter_java::HIGHLIGHTS_QUERY], ""),
    grammar(
        &["JavaScript", "JSON5", "Ecere Projects"],
        tree_sitter_javascript::LANGUAGE,
        &[tree_sitter_javascript::HIGHLIGHT_QUERY, tree_sitter_javascript::JSX_HIGHLIGHT_QUERY],
        "",
    ),
    grammar(
        &["JSON", "JSON with Comments", "Jupyter Notebook", "OASv2-json", "OASv3-json"],
        tree_sitter_json::LANGUAGE,
        &[tree_sitter_json::HIGHLIGHTS_QUERY, more::JSON],
        "",
    ),
    grammar(&["Lua", "Luau"], tree_sitter_lua::LANGUAGE, &[tree_sitter_lua::HIGHLIGHTS_QUERY], ""),
    grammar(
        &["PHP", "Hack", "HTML+PHP"],
        tree_sitter_php::LANGUAGE_PHP,
        &[tree_sitter_php::HIGHLIGHTS_QUERY],
        PHP_INJECTIONS,
    ),
    guarded(
        &["Python", "Starlark", "Snakemake", "Easybuild"],
        tree_sitter_python::LANGUAGE,
        &[tree_sitter_python::HIGHLIGHTS_QUERY],
        "",
        scanners::python_holds,
    ),
    guarded(
        &["Ruby"],
        tree_sitter_ruby::LANGUAGE,
        &[tree_sitter_ruby::HIGHLIGHTS_QUERY, more::RUBY],
        "",
        scanners::ruby_holds,
    ),
    grammar(
        &["Rust"],
        tree_sitter_rust::LANGUAGE,
        &[tree_sitter_rust::HIGHLIGHTS_QUERY, more::RUST],
        tree_sitter_rust::INJECTIONS_QUERY,
    ),
    grammar(&["TOML"], tree_sitter_toml_ng::LANGUAGE, &[more::TOML], ""),
    grammar(
        &["TypeScript", "Glimmer TS"],
        tree_sitter_typescript::LANGUAGE_TYPESCRIPT,
        &[tree_sitter_javascript::HIGHLIGHT_QUERY, tree_sitter_typescript::HIGHLIGHTS_QUERY],
        "",
    ),
    grammar(
        &["TSX"],
        tree_sitter_typescript::LANGUAGE_TSX,
        &[
            tree_sitter_javascript::HIGHLIGHT_QUERY,
            tree_sitter_javascript::JSX_HIGHLIGHT_QUERY,
            tree_sitter_typescript::HIGHLIGHTS_QUERY,
        ],
        "",
    ),
    grammar(&["Elixir"], tree_sitter_elixir::LANGUAGE, &[tree_sitter_elixir::HIGHLIGHTS_QUERY], ""),
    grammar(&["Kotlin", "Gradle Kotlin DSL"], tree_sitter_kotlin_ng::LANGUAGE, &[more::KOTLIN], ""),
    grammar(&["OCaml"], tree_sitter_ocaml::LANGUAGE_OCAML, &[tree_sitter_ocaml::HIGHLIGHTS_QUERY], ""),
    grammar(&["Swift"], tree_sitter_swift::LANGUAGE, &[tree_sitter_swift::HIGHLIGHTS_QUERY], ""),
    grammar(&["Zig"], tree_sitter_zig::LANGUAGE, &[tree_sitter_zig::HIGHLIGHTS_QUERY], ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_grammar_loads_and_its_queries_compile() {
        for grammar in &GRAMMARS {
            let language = grammar.tree_sitter();
            let mut parser = tree_sitter::Parser::new();
            parser.set_language(&language).expect("a grammar of a supported version");
            if let Err(error) = Highlights::new(&language, &grammar.highlights.join("\n")) {
                panic!("{:?}: {error}", grammar.languages);
            }
            assert!(
                grammar.injections.is_empty() || grammar.injections().is_some(),
                "{:?}",
                grammar.languages
            );
        }
    }

    #[test]
    fn every_language_served_is_known_and_served_once() {
        let n_names: usize = GRAMMARS.iter().map(|grammar| grammar.languages.len()).sum();
        for name in GRAMMARS.iter().flat_map(|grammar| grammar.languages) {
            assert!(language_by_name(name).is_some(), "{name}");
        }
        assert_eq!(BY_LANGUAGE.len(), n_names);
        assert!(BY_LANGUAGE.is_sorted_by(|left, right| left.0 < right.0));
    }
}
