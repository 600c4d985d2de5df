//! The grammars there are, and which languages each serves. Queries are compiled once, when first needed.

use super::tree::{Highlights, Injections};
use crate::languages::language_by_name;
use model::Language;
use std::sync::{LazyLock, OnceLock};
use tree_sitter_language::LanguageFn;

/// A grammar with its queries.
pub(super) struct Grammar {
    /// Names of the languages it serves, as the language table has them.
    languages: &'static [&'static str],
    language_fn: LanguageFn,
    /// The highlighting query, in parts: a grammar that extends another one begins with the other's.
    highlights: &'static [&'static str],
    injections: &'static str,
    compiled: OnceLock<Compiled>,
}

struct Compiled {
    highlights: Option<Highlights>,
    injections: Option<Injections>,
}

/// The grammar for a language, if there is one.
pub(super) fn grammar_of(language: Language) -> Option<&'static Grammar> {
    let place = BY_LANGUAGE.binary_search_by_key(&language, |(served, _)| *served).ok()?;
    BY_LANGUAGE.get(place).map(|(_, grammar)| *grammar)
}

/// The grammar for a language by name or alias, as injections name them.
pub(super) fn by_name(name: &str) -> Option<&'static Grammar> {
    language_by_name(name).and_then(grammar_of)
}

impl Grammar {
    pub(super) fn tree_sitter(&self) -> tree_sitter::Language {
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
    Grammar { languages, language_fn, highlights, injections, compiled: OnceLock::new() }
}

/// The text around PHP's code is one page; the grammar's own query also asks for languages there is no grammar for.
const PHP_INJECTIONS: &str = r#"
((text) @injection.content (#set! injection.language "html") (#set! injection.combined))
"#;

static GRAMMARS: [Grammar; 19] = [
    grammar(
        &["Shell", "Alpine Abuild", "Gentoo Ebuild", "Gentoo Eclass", "OpenRC runscript"],
        tree_sitter_bash::LANGUAGE,
        &[tree_sitter_bash::HIGHLIGHT_QUERY],
        "",
    ),
    grammar(
        &["C", "Unified Parallel C", "OpenCL", "X BitMap", "X PixMap"],
        tree_sitter_c::LANGUAGE,
        &[tree_sitter_c::HIGHLIGHT_QUERY],
        "",
    ),
    grammar(
        &["C++", "Cuda"],
        tree_sitter_cpp::LANGUAGE,
        &[tree_sitter_c::HIGHLIGHT_QUERY, tree_sitter_cpp::HIGHLIGHT_QUERY],
        "",
    ),
    grammar(&["C#"], tree_sitter_c_sharp::LANGUAGE, &[tree_sitter_c_sharp::HIGHLIGHTS_QUERY], ""),
    grammar(&["CSS", "PostCSS"], tree_sitter_css::LANGUAGE, &[tree_sitter_css::HIGHLIGHTS_QUERY], ""),
    grammar(&["Go"], tree_sitter_go::LANGUAGE, &[tree_sitter_go::HIGHLIGHTS_QUERY], ""),
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
        &[tree_sitter_json::HIGHLIGHTS_QUERY],
        "",
    ),
    grammar(&["Lua", "Luau"], tree_sitter_lua::LANGUAGE, &[tree_sitter_lua::HIGHLIGHTS_QUERY], ""),
    grammar(
        &["PHP", "Hack", "HTML+PHP"],
        tree_sitter_php::LANGUAGE_PHP,
        &[tree_sitter_php::HIGHLIGHTS_QUERY],
        PHP_INJECTIONS,
    ),
    grammar(
        &["Python", "Starlark", "Snakemake", "Easybuild"],
        tree_sitter_python::LANGUAGE,
        &[tree_sitter_python::HIGHLIGHTS_QUERY],
        "",
    ),
    grammar(&["Ruby"], tree_sitter_ruby::LANGUAGE, &[tree_sitter_ruby::HIGHLIGHTS_QUERY], ""),
    grammar(
        &["Rust"],
        tree_sitter_rust::LANGUAGE,
        &[tree_sitter_rust::HIGHLIGHTS_QUERY],
        tree_sitter_rust::INJECTIONS_QUERY,
    ),
    grammar(&["TOML"], tree_sitter_toml_ng::LANGUAGE, &[tree_sitter_toml_ng::HIGHLIGHTS_QUERY], ""),
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
    grammar(
        &["YAML", "MiniYAML", "OASv2-yaml", "OASv3-yaml"],
        tree_sitter_yaml::LANGUAGE,
        &[tree_sitter_yaml::HIGHLIGHTS_QUERY],
        "",
    ),
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
