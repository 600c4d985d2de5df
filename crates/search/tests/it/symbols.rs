//! Definitions as results: the engine against brute force, and what is shown of them.

use crate::world::{File, Repo, World, access, definitions, language};
use model::SymbolKind;
use proptest::prelude::*;
use proptest::sample::select;
use query::{Expr, FilterKind, PatternKind, Query};
use regex_automata::meta::Regex;
use regex_automata::util::syntax as regex_syntax_config;
use search::{Limits, Match, SkippedReason, SymbolMatch};
use std::collections::BTreeSet;

const C: &str = "#define READ_SIZE 4096\nstruct file_reader {\n\tint read_pos;\n\tint size;\n};\n\
    static int file_read(struct file_reader *r)\n{\n\tint local = 1;\n\treturn local;\n}\n\
    enum state { OPEN, CLOSED };\nint readers[4];\n";
const PY: &str = "MAX_READ = 1\n\nclass Reader:\n    size = 2\n    def read(self):\n        local = 1\n\n    \
    def close(self):\n        pass\n\ndef read(path):\n    return Reader()\n";

fn world() -> World {
    World::new(vec![
        Repo::new(
            1,
            "alpha",
            &[("src/file.c", C), ("lib/reader.py", PY), ("test/reader.py", PY), ("a.txt", "read")],
        ),
        Repo::new(
            2,
            "beta",
            &[("x/file.c", C), ("y/deep/er/other.c", "int read(void)\n{\n\treturn 0;\n}\n")],
        ),
    ])
}

fn symbols(world: &World, query: &str) -> Vec<SymbolMatch> {
    let answer = world.search(query);
    let found = answer.matches().filter_map(|found| match found {
        Match::Symbol(found) => Some(found.clone()),
        _ => None,
    });
    found.collect()
}

fn shown(world: &World, query: &str) -> Vec<String> {
    let show = |found: &SymbolMatch| {
        let path = String::from_utf8_lossy(&found.path).into_owned();
        format!(
            "{}:{path}:{} {} [{}] {}",
            found.repo, found.line, found.symbol_kind, found.container, found.name
        )
    };
    symbols(world, query).iter().map(show).collect()
}

#[test]
fn a_definition_is_shown_with_its_line_and_place() {
    let world = world();
    assert_eq!(
        shown(&world, "type:symbol case:yes file_read lang:c repo:alpha"),
        ["alpha:src/file.c:6 function [] file_read", "alpha:src/file.c:2 struct [] file_reader"]
    );
    let found = symbols(&world, "type:symbol file_read repo:beta count:1");
    let [found] = &found[..] else { panic!("{found:?}") };
    assert_eq!(found.text, "static int file_read(struct file_reader *r)");
    assert_eq!(&found.text[found.name_range.clone()], "file_read");
    assert_eq!(found.ranges.first(), Some(&(0..9)));
}

#[test]
fn exact_names_come_first_and_tests_last() {
    let world = world();
    let found = shown(&world, "type:symbol read");
    assert_eq!(
        found[..4],
        [
            "alpha:lib/reader.py:5 method [Reader] read",
            "alpha:lib/reader.py:11 function [] read",
            "beta:y/deep/er/other.c:1 function [] read",
            "alpha:test/reader.py:5 method [Reader] read",
        ]
    );
    assert!(!found.iter().any(|line| line.contains("local")));
}

#[test]
fn what_defines_a_name_comes_before_what_uses_it() {
    let uses: Vec<(String, String)> = (0..400)
        .map(|n| (format!("a/use{n:03}.c"), format!("int caller{n}(void) {{ return my_alloc(1); }}\n")))
        .collect();
    let mut files: Vec<(&str, &str)> =
        uses.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    files.push(("z/deep/down/alloc.c", "int my_alloc(int n)\n{\n\treturn n;\n}\n"));
    files.push(("test/fake_alloc.c", "int my_alloc(int n)\n{\n\treturn 0;\n}\n"));
    let world = World::new(vec![Repo::new(1, "alpha", &files)]);
    for query in
        ["my_alloc", "my_alloc patterntype:literal", "MY_ALLOC", "my_alloc lang:c", "my_alloc return"]
    {
        let answer = world.search(query);
        let paths: Vec<String> =
            answer.lines().iter().map(|line| line.split(':').nth(1).unwrap_or("").to_owned()).collect();
        assert_eq!(paths.first().map(String::as_str), Some("z/deep/down/alloc.c"), "{query}");
        let second = paths.iter().find(|path| *path != "z/deep/down/alloc.c");
        assert_eq!(second.map(String::as_str), Some("test/fake_alloc.c"), "{query}");
    }
    let all = world.search("my_alloc count:all");
    assert_eq!((all.stats().files, all.stats().lines), (402, 402));
}

#[test]
fn a_kind_that_is_none_is_refused() {
    let world = world();
    for query in [
        "type:symbol select:symbol.klass read",
        "select:symbol.klass read",
        "type:file select:symbol.klass read",
    ] {
        let Err(error) = world.try_search(&access([1, 2]), query, &Limits::default()) else {
            panic!("{query}")
        };
        assert_eq!(error.kind(), "unknown-symbol-kind", "{query}");
        let span = error.span().expect("it stands somewhere");
        assert!(query[span].contains("klass"), "{query}");
        assert!(error.hint().is_some_and(|hint| hint.contains("class")), "{query}");
    }
}

/// So many names that they are found by their grams, and looked at in several rounds.
fn many_names() -> World {
    let files: Vec<(String, String)> = (0..40)
        .map(|file| {
            let name = |number: u32| match number % 4 {
                0 => format!("n{file}_{number}_probe_probe"),
                1 => format!("n{file}_{number}_problem_robes"),
                2 => format!("probe_{file}_{number}"),
                _ => format!("n{file}_{number}_quiet"),
            };
            let text: String = (0..1_000).map(|number| format!("int {};\n", name(number))).collect();
            (format!("{}/{file}.c", if file < 10 { "src" } else { "lib" }), text)
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&path[..], &text[..])).collect();
    World::new(vec![Repo::new(1, "many", &files), Repo::new(2, "one", &[("a.c", "int probe;\n")])])
}

#[test]
fn many_names_are_found_by_their_grams() {
    let world = many_names();
    let all = world.search("type:symbol probe count:all");
    assert_eq!((all.stats().lines, all.stats().files), (20_001, 41));
    let in_src = world.search("type:symbol probe file:^src/ count:all");
    assert_eq!((in_src.stats().lines, in_src.stats().files), (5_000, 10));
    let not = world.search("type:symbol probe NOT _probe_probe count:all");
    assert_eq!((not.stats().lines, not.stats().files), (10_001, 41));
    // A page: fewer, of the same, the name itself first, those that begin so next, and no file counted twice.
    let access = access([1, 2]);
    for (query, n_files) in
        [("type:symbol repo:many probe", 40), ("type:symbol repo:many probe file:^src/", 10)]
    {
        let page = world.search_as(&access, query, &Limits { display: 50, ..Limits::default() });
        assert!(page.stats().lines >= 50 && !page.stats().complete, "{query}");
        assert!(page.stats().files <= n_files, "{query}");
        for found in page.matches() {
            let Match::Symbol(found) = found else { panic!("unexpected {found:?}") };
            assert!(found.name.starts_with("probe_"), "{query}: {}", found.name);
        }
    }
    let page = world.search_as(&access, "type:symbol robe", &Limits { display: 10, ..Limits::default() });
    assert!(page.stats().lines >= 10 && !page.stats().complete);
}

#[test]
fn separators_ask_the_qualified_name() {
    let world = world();
    let expected =
        ["alpha:lib/reader.py:5 method [Reader] read", "alpha:test/reader.py:5 method [Reader] read"];
    for query in ["Reader.read case:yes", r"/^reader\.r.*d$/", r"/^Reader\.read$/"] {
        assert_eq!(shown(&world, &format!("type:symbol {query}")), expected, "{query}");
    }
    assert_eq!(shown(&world, "type:symbol file_reader.size repo:beta").len(), 1);
    assert!(shown(&world, "type:symbol Nothing.read").is_empty());
}

#[test]
fn kinds_are_selected_and_results_converted() {
    let world = world();
    assert_eq!(
        shown(&world, "select:symbol.struct repo:alpha reader"),
        ["alpha:src/file.c:2 struct [] file_reader"]
    );
    assert_eq!(shown(&world, "select:symbol.class reader").len(), 2);
    assert_eq!(shown(&world, "type:symbol select:symbol.enum-member open repo:alpha").len(), 1);
    let answer = world.search("type:symbol read select:repo");
    let repos: Vec<String> = answer.lines();
    assert_eq!(repos, ["alpha", "beta"]);
    let answer = world.search("type:symbol read select:file repo:alpha count:all");
    assert_eq!(answer.lines(), ["alpha:lib/reader.py", "alpha:test/reader.py", "alpha:src/file.c"]);
    assert!(world.search("type:file select:symbol read").matches().next().is_none());
}

#[test]
fn symbols_stand_beside_other_results() {
    let world = world();
    let answer = world.search("type:symbol type:path reader repo:alpha count:all");
    let n_symbols = answer.matches().filter(|found| matches!(found, Match::Symbol(_))).count();
    let n_paths = answer.matches().filter(|found| matches!(found, Match::Path(_))).count();
    assert_eq!((n_symbols, n_paths), (4, 2), "{answer:?}");
}

#[test]
fn counts_and_facets_are_those_of_definitions() {
    let world = world();
    let answer = world.search("type:symbol read count:all");
    let stats = answer.stats();
    assert_eq!((stats.complete, stats.matches, stats.lines), (true, 19, 19));
    assert_eq!((stats.files, stats.repos), (5, 2));
    let languages: Vec<_> =
        answer.facets().languages.iter().map(|facet| (facet.value.as_str(), facet.n_files)).collect();
    assert_eq!(languages, [("C", 3), ("Python", 2)]);
    let few = world.search("type:symbol read count:3");
    assert_eq!(few.matches().count(), 3);
    assert!(few.stats().skipped.iter().any(|skipped| skipped.reason == SkippedReason::DisplayLimit));
}

#[test]
fn forbidden_repositories_say_nothing() {
    let (world, alone) = (world(), World::new(vec![world().repos.swap_remove(0)]));
    for query in
        ["type:symbol read", "type:symbol read count:all", "select:symbol.function f", "type:symbol nothing"]
    {
        let seen = world.search_as(&access([1]), query, &Limits::default());
        let expected = alone.search_as(&access([1]), query, &Limits::default());
        assert_eq!(seen.batches, expected.batches, "{query}");
        assert_eq!(seen.stats().matches, expected.stats().matches);
        assert_eq!(seen.facets(), expected.facets());
    }
}

#[test]
fn files_whose_definitions_are_missing_are_told() {
    let long = format!("class Long:\n    pass\n{}", "x = 1\n".repeat(400_000));
    let world = World::new(vec![Repo::new(1, "alpha", &[("long.py", &long), ("short.py", PY)])]);
    let answer = world.search("type:symbol read");
    let told = answer.stats().skipped.iter().find(|skipped| skipped.reason == SkippedReason::SymbolsMissing);
    assert_eq!(told.map(|told| told.count), Some(1));
    let answer = world.search("type:symbol read file:short");
    assert!(answer.stats().complete);
}

/// Repository, path, name, kind, container, line.
type Key = (String, Vec<u8>, String, SymbolKind, String, u64);

fn regex(pattern: &PatternKind, case_sensitive: bool) -> Regex {
    let text = match pattern {
        PatternKind::Literal(text) => regex_syntax::escape(text),
        PatternKind::Regex(regex) => regex.as_str().to_owned(),
        PatternKind::Structural(_) => unreachable!("not generated"),
    };
    build(&text, case_sensitive)
}

fn build(text: &str, case_sensitive: bool) -> Regex {
    let config = regex_syntax_config::Config::new().case_insensitive(!case_sensitive);
    Regex::builder().syntax(config).build(text).expect("the query was parsed")
}

fn is_qualified(pattern: &PatternKind) -> bool {
    match pattern {
        PatternKind::Literal(text) => {
            ["::", ".", "#"].iter().any(|separator| text.find(separator).is_some_and(|at| at > 0))
        }
        PatternKind::Regex(regex) => {
            ["::", r"\.", "#"].iter().any(|separator| regex.as_str().contains(separator))
        }
        PatternKind::Structural(_) => false,
    }
}

struct Asked<'a> {
    path: &'a [u8],
    text: &'a str,
    name: &'a str,
    qualified: &'a str,
    case_sensitive: bool,
}

fn holds(expr: &Expr, asked: &Asked<'_>) -> bool {
    match expr {
        Expr::And { operands, .. } => operands.iter().all(|operand| holds(operand, asked)),
        Expr::Or { operands, .. } => operands.iter().any(|operand| holds(operand, asked)),
        Expr::Not { operand, .. } => !holds(operand, asked),
        Expr::Filter(filter) => match &filter.kind {
            FilterKind::File(regex) => build(regex.as_str(), asked.case_sensitive).is_match(asked.path),
            FilterKind::Language(name) => syntax::language_by_name(name) == Some(language(asked.path)),
            FilterKind::FileHas(query::FilePredicate::Content(regex)) => {
                build(regex.as_str(), asked.case_sensitive).is_match(asked.text)
            }
            other => panic!("not generated: {other:?}"),
        },
        Expr::Pattern(pattern) => {
            let haystack = if is_qualified(&pattern.kind) { asked.qualified } else { asked.name };
            regex(&pattern.kind, asked.case_sensitive).is_match(haystack)
        }
    }
}

fn brute_force(repos: &[Repo], query: &Query, kind: Option<SymbolKind>) -> BTreeSet<Key> {
    let mut found = BTreeSet::new();
    for repo in repos {
        for (path, file) in &repo.branches[0].1 {
            let File::Text(text) = file else { continue };
            let known = definitions(language(path), text);
            for symbol in &known.symbols {
                let name = &text[symbol.name.clone()];
                let container = known.containers[symbol.container as usize].clone();
                let separator = syntax::symbol_separator(language(path), symbol.kind);
                let qualified = match container.is_empty() {
                    true => name.to_owned(),
                    false => format!("{container}{separator}{name}"),
                };
                let asked = Asked {
                    path,
                    text,
                    name,
                    qualified: &qualified,
                    case_sensitive: query.settings.case_sensitive.value,
                };
                if kind.is_none_or(|kind| kind == symbol.kind) && holds(&query.expr, &asked) {
                    let key = (
                        repo.name.clone(),
                        path.clone(),
                        name.to_owned(),
                        symbol.kind,
                        container,
                        symbol.line,
                    );
                    found.insert(key);
                }
            }
        }
    }
    found
}

fn source() -> impl Strategy<Value = (String, String)> {
    let name = || {
        select(vec!["read", "Read", "read_file", "kmalloc", "a", "ab", "Reader", "max_size", "x1", "écrire"])
    };
    let item = (name(), name(), 0usize..5).prop_map(|(name, member, shape)| match shape {
        0 => (format!("int {name}(void)\n{{\n\tint local;\n}}\n"), format!("def {name}():\n    local = 1\n")),
        1 => (
            format!("struct {name} {{\n\tint {member};\n}};\n"),
            format!("class {name}:\n    def {member}(self):\n        pass\n"),
        ),
        2 => (format!("#define {name} 1\n"), format!("{name} = 1\n")),
        3 => (format!("enum {name} {{ {member} }};\n"), format!("class {name}:\n    {member} = 1\n")),
        _ => (format!("/* {name} */\n"), format!("# {member}\n")),
    });
    prop::collection::vec(item, 0..8).prop_map(|items| items.into_iter().unzip())
}

fn repo(id: u32) -> impl Strategy<Value = Repo> {
    let path = select(vec!["a", "src/read", "test/deep/b", "read/file"]);
    prop::collection::vec((path, source(), any::<bool>()), 1..5).prop_map(move |files| {
        let mut repo = Repo::new(id, &format!("repo-{id}"), &[]);
        for (path, (c, py), is_c) in files {
            let (extension, text) = if is_c { ("c", c) } else { ("py", py) };
            repo.branches[0].1.insert(format!("{path}.{extension}").into_bytes(), File::text(&text));
        }
        repo.n_segments = 1 + id as usize % 2;
        repo
    })
}

fn expr() -> impl Strategy<Value = String> {
    let leaf = select(vec![
        "read",
        "Read",
        "file",
        "kmalloc",
        "a",
        "x1",
        "/^re/",
        "/d$/",
        "/^read$/",
        "/[a-z]_/",
        "Reader.read",
        "ab.a",
        r"/er\.re/",
        "écrire",
        "file:src",
        "lang:c",
        "lang:python",
        "-file:test",
        "-read",
        "file:has.content(kmalloc)",
        "nothing",
        "/./",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(3, 8, 2, |inner| {
        (inner.clone(), select(vec!["AND", "OR", ""]), inner, any::<bool>()).prop_map(
            |(a, operator, b, negated)| {
                let both = format!("({a} {operator} {b})");
                if negated { format!("NOT {both}") } else { both }
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn definitions_are_found_as_by_brute_force(
        repos in (repo(1), repo(2)).prop_map(|(a, b)| vec![a, b]),
        queries in prop::collection::vec((expr(), select(vec!["", "case:yes"]), select(vec!["", "select:symbol.function", "select:symbol.field"])), 12),
    ) {
        let world = World::new(repos);
        for (expr, case, selection) in &queries {
            let text = format!("type:symbol {expr} {case} {selection} count:all");
            let query = query::parse(&text, &query::Options::default()).expect("a query");
            let kind = selection.strip_prefix("select:symbol.").and_then(SymbolKind::from_word);
            let expected = brute_force(&world.repos, &query, kind);
            let answer = world.search(&text);
            let found: Vec<Key> = answer.matches().map(|found| match found {
                Match::Symbol(found) => (
                    found.repo.to_string(), found.path.clone(), found.name.clone(), found.symbol_kind,
                    found.container.clone(), found.line,
                ),
                other => panic!("unexpected {other:?}"),
            }).collect();
            prop_assert_eq!(answer.stats().matches as usize, found.len(), "{}", &text);
            let n_found = found.len();
            let found: BTreeSet<Key> = found.into_iter().collect();
            prop_assert_eq!(&found, &expected, "{}", &text);
            // Two clauses of one name on one line would be one key.
            prop_assert!(n_found >= found.len());
        }
    }
}
