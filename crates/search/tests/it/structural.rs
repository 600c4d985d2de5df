//! Structural search: what grams leave out, syntax trees do not find either; languages, counts, errors and time limits.

use crate::world::{Answer, Repo, World, access, language};
use proptest::prelude::*;
use proptest::sample::select;
use search::{Limits, Match, SearchError, SkippedReason};
use std::collections::BTreeMap;
use syntax::{StructuralLimits, StructuralPattern};

const C_PIECES: [&str; 10] = [
    "if (p == NULL) { return -1; }",
    "if (p->q == NULL) {\n  kfree(p);\n  return 0;\n}",
    "if (a == b) { c(); }",
    "kfree(kfree(x));",
    "x = x + 1;",
    "/* if (p == NULL) { } kfree(a) */",
    "s = \"kfree(b)\";",
    "IF (p == NULL) { }",
    "foo(1, bar(2), 3);",
    "return foo(a);",
];

const PY_PIECES: [&str; 6] = [
    "def f(self, a):\n    return kfree(a)\n",
    "kfree(b)\n",
    "x = x + 1\n",
    "# kfree(c)\n",
    "if a:\n    foo(1, bar(2), 3)\n",
    "foo(a)\n",
];

const PATTERNS: [&str; 14] = [
    "if ($A == NULL) { $$$ }",
    "kfree($X)",
    "kfree(:[x])",
    "$X = $X + $Y",
    "foo($$$)",
    "foo(...)",
    "foo($A, $$$)",
    "foo($$$, 3)",
    "return $X;",
    "return $X",
    "def $F(self, $$$): $$$",
    "$F($A)",
    "if ($$$) { $$$; return $R; }",
    "nowhere($$$)",
];

fn c_file() -> impl Strategy<Value = String> {
    prop::collection::vec(select(C_PIECES.to_vec()), 0..6)
        .prop_map(|pieces| format!("int f(void)\n{{\n{}\n}}\n", pieces.join("\n")))
}

fn py_file() -> impl Strategy<Value = String> {
    prop::collection::vec(select(PY_PIECES.to_vec()), 0..6).prop_map(|pieces| pieces.concat())
}

fn files() -> impl Strategy<Value = Vec<(String, String)>> {
    // The same text stands at several paths, in two languages and in none.
    let file = (prop_oneof![c_file(), py_file()], select(vec!["c", "py", "txt"]));
    prop::collection::vec(file, 1..8).prop_map(|files| {
        files
            .into_iter()
            .enumerate()
            .map(|(idx, (text, end))| (format!("d/f{}.{end}", idx % 5), text))
            .collect()
    })
}

/// Path to counts of matches and lines.
type Counts = BTreeMap<String, (u64, u64)>;

fn brute_force(files: &[(String, String)], pattern: &str) -> Counts {
    let Ok(compiled) = StructuralPattern::compile(pattern, &[]) else { return Counts::new() };
    let mut counts = Counts::new();
    let last: BTreeMap<&String, &String> = files.iter().map(|(path, text)| (path, text)).collect();
    for (path, text) in last {
        let language = language(path.as_bytes());
        let found = compiled.find(language, text, &StructuralLimits::default()).expect("small texts");
        let n_matches = found.ranges.len() as u64 + found.n_nested;
        let mut lines: Vec<usize> = Vec::new();
        for range in &found.ranges {
            let first = text[..range.start].matches('\n').count();
            lines.extend(first..=first + text[range.clone()].trim_end_matches('\n').matches('\n').count());
        }
        lines.dedup();
        if n_matches > 0 {
            counts.insert(path.clone(), (n_matches, lines.len() as u64));
        }
    }
    counts
}

fn counts(answer: &Answer) -> Counts {
    let content = |found: &Match| match found {
        Match::Content(found) => {
            assert_eq!(found.lines.len() as u64, found.n_lines);
            (String::from_utf8_lossy(&found.path).into_owned(), (found.n_matches, found.n_lines))
        }
        other => panic!("unexpected {other:?}"),
    };
    answer.matches().map(content).collect()
}

fn world(files: &[(String, String)]) -> World {
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    World::new(vec![Repo { n_segments: 2, ..Repo::new(1, "r", &files) }])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_leaves_out_nothing(files in files()) {
        let world = world(&files);
        for pattern in PATTERNS {
            let query = format!("patterntype:structural count:all {pattern}");
            let answer = world.search_as(&access([1]), &query, &Limits::unlimited_display());
            let expected = brute_force(&files, pattern);
            let (n_matches, n_lines) =
                expected.values().fold((0, 0), |sum, (matches, lines)| (sum.0 + matches, sum.1 + lines));
            prop_assert_eq!(counts(&answer), expected, "{}", pattern);
            prop_assert_eq!((answer.stats().matches, answer.stats().lines), (n_matches, n_lines));
            prop_assert!(answer.stats().complete);
        }
    }
}

fn small() -> World {
    World::new(vec![Repo::new(
        1,
        "r",
        &[
            ("a.c", "int f(void)\n{\n  if (p == NULL) {\n    return kfree(p);\n  }\n  return 0;\n}\n"),
            ("b.c", "int g(void)\n{\n  kfree(kfree(q));\n  todo();\n}\n"),
            ("c.py", "kfree(r)\n"),
            ("d.txt", "kfree(s)\n"),
        ],
    )])
}

#[test]
fn matches_over_lines_are_shown_line_by_line() {
    let world = small();
    let answer = world.search("patterntype:structural if ($A == NULL) { $$$ }");
    assert_eq!(answer.lines(), ["r:a.c:3:  if (p == NULL) {", "r:a.c:4:    return kfree(p);", "r:a.c:5:  }"]);
    let Some(Match::Content(found)) = answer.matches().next() else { panic!("a match") };
    assert_eq!(found.lines[0].ranges.first(), Some(&(2..18)));
    assert_eq!((answer.stats().matches, answer.stats().lines, answer.stats().files), (1, 3, 1));
}

#[test]
fn it_joins_with_the_rest_of_the_language() {
    let world = small();
    let paths = |query: &str| {
        let mut lines: Vec<_> = world.search(query).lines();
        lines.sort();
        lines
    };
    assert_eq!(
        paths("patterntype:structural kfree($X)"),
        ["r:a.c:4:    return kfree(p);", "r:b.c:3:  kfree(kfree(q));", "r:c.py:1:kfree(r)"]
    );
    assert_eq!(paths("patterntype:structural lang:python kfree($X)"), ["r:c.py:1:kfree(r)"]);
    assert_eq!(paths("patterntype:structural -lang:python file:b kfree($X)"), ["r:b.c:3:  kfree(kfree(q));"]);
    assert_eq!(
        paths("patterntype:structural kfree($X) AND todo()"),
        ["r:b.c:3:  kfree(kfree(q));", "r:b.c:4:  todo();"]
    );
    assert_eq!(
        paths("patterntype:structural lang:c kfree($X) AND NOT todo()"),
        ["r:a.c:4:    return kfree(p);"]
    );
    assert_eq!(paths("patterntype:structural lang:c NOT kfree($X)"), [""; 0]);
    assert_eq!(paths("patterntype:structural (lang:c OR lang:python) todo() OR kfree(r)").len(), 2);
    let nested = world.search("patterntype:structural file:b kfree($X)");
    assert_eq!((nested.stats().matches, nested.stats().lines), (2, 1));
}

#[test]
fn it_says_in_which_languages_it_looked() {
    let world = small();
    let alert =
        world.search("patterntype:structural def $F(self, $$$): $$$").summary.alert.expect("an alert");
    assert!(alert.contains("Python"), "{alert}");
    assert_eq!(world.search("patterntype:structural lang:c kfree($X)").summary.alert, None);
}

#[test]
fn errors_point_into_the_query() {
    let world = small();
    let check = |query: &str, at: &str, reason: &str| {
        let error = world.try_search(&access([1]), query, &Limits::default()).expect_err(query);
        let SearchError::BadStructuralPattern { span, .. } = &error else { panic!("{query}: {error}") };
        assert_eq!(&query[span.clone()], at, "{query}");
        assert!(error.to_string().contains(reason), "{error}");
    };
    check("patterntype:structural foo(:[x~a+])", ":[x~a+]", "regular expression");
    check("patterntype:structural lang:c foo($A, \"b $C\")", "b $C", "whole nodes");
    check("patterntype:structural $A", "$A", "only holes");
    check("patterntype:structural lang:yaml foo($A)", "foo($A)", "no grammar for YAML");
    check("lang:c patterntype:structural if ($A == NULL) }", "}", "C cannot read");
    let deep = format!("patterntype:structural lang:javascript {}a{}", "[".repeat(1_000), "]".repeat(1_000));
    check(&deep, deep.split_once("javascript ").expect("a pattern").1, "too deeply nested");
    let large = format!("patterntype:structural {}", "f($A);".repeat(8_000));
    check(&large, large.split_once(' ').expect("a pattern").1, "at most 4096");
}

#[test]
fn a_time_limit_says_what_it_covered() {
    let world = small();
    let answer = world.search("patterntype:structural timeout:1ns kfree($X)");
    let skipped = &answer.stats().skipped;
    let timeout = skipped.iter().find(|skipped| skipped.reason == SkippedReason::Timeout).expect("a reason");
    assert!(timeout.message.contains("candidate files"), "{}", timeout.message);
}
