//! Every text that matches a pattern satisfies the pattern's gram query, for generated patterns and for texts made from
//! them.

use ngram::{GramQuery, for_each_window, may_match_newline};
use proptest::prelude::*;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use std::collections::HashSet;

/// Pieces that patterns and texts are both made of: letters that fold across the ASCII border, letters that look as if
/// they did, multi-byte characters, and plain ones.
const ATOMS: &[&str] = &[
    "a",
    "b",
    "K",
    "k",
    "\u{212a}",
    "s",
    "S",
    "\u{17f}",
    "ß",
    "ẞ",
    "ss",
    "İ",
    "ı",
    "i",
    "Σ",
    "ς",
    "σ",
    "é",
    "É",
    "日",
    "本",
    "_",
    "0",
    "7",
    " ",
    "foo",
    "Bar",
    "\u{1f980}",
    "ǅ",
    "ǆ",
];

fn atom() -> impl Strategy<Value = String> {
    prop::sample::select(ATOMS).prop_map(str::to_string)
}

fn pattern() -> impl Strategy<Value = String> {
    let class = prop::sample::select(&[
        "[a-c]",
        "[0-9]",
        "[K-s]",
        "[^k]",
        ".",
        r"\w",
        r"\d",
        "[σςx]",
        "[日a]",
        r"\b",
        "^",
        "$",
        r"\PL",
        "[a&&b]",
        r"\n",
        r"\s",
        r"(?-u:\xc3)",
        r"(?-u:[\x80-\xff])",
        r"(?-u:[a-f])",
    ]);
    let leaf = prop_oneof![3 => atom(), 1 => class.prop_map(str::to_string)];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            4 => prop::collection::vec(inner.clone(), 1..5).prop_map(|parts| parts.concat()),
            2 => prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("(?:{})", parts.join("|"))),
            1 => inner.clone().prop_map(|part| format!("(?i:{part})")),
            1 => (inner, prop::sample::select(&["*", "+", "?", "{2}", "{1,3}", "{5,}", "{0}", "*?"]))
                .prop_map(|(part, times)| format!("(?:{part}){times}")),
        ]
    })
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    const BYTES: &[&[u8]] = &[b"\xff", b"\xc3", b"\xe2\x84", b"\xa9", b"\n", b"\r\n"];
    let bytes = prop::sample::select(BYTES);
    let piece = prop_oneof![12 => atom().prop_map(String::into_bytes), 1 => bytes.prop_map(<[u8]>::to_vec)];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn satisfies(query: &GramQuery, text: &[u8]) -> bool {
    let (mut grams, mut bigrams) = (HashSet::new(), HashSet::new());
    for_each_window(text, &mut Vec::new(), |window| {
        grams.extend(window.gram());
        bigrams.extend(window.bigram());
    });
    query.holds(&|gram| grams.contains(&gram), &|bigram| bigrams.contains(&bigram))
}

/// Checks a pattern on a text as a whole, and line by line where the pattern cannot match a newline.
fn check(pattern: &str, text: &[u8]) -> Result<(), TestCaseError> {
    let config = syntax::Config::new().utf8(false);
    let Ok(hir) = syntax::parse_with(pattern, &config) else { return Ok(()) };
    let query = GramQuery::from_hir(&hir);
    let regex = Regex::builder()
        .configure(Regex::config().utf8_empty(false))
        .build_from_hir(&hir)
        .expect("small patterns compile");
    prop_assert!(
        !regex.is_match(text) || satisfies(&query, text),
        "{pattern} on {:?}: {query:?}",
        text.escape_ascii()
    );
    if !may_match_newline(&hir) {
        for found in regex.find_iter(text) {
            prop_assert!(!text[found.range()].contains(&b'\n'), "{pattern} matched a newline");
            let start = text[..found.start()].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let end = text[found.end()..]
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(text.len(), |at| found.end() + at);
            prop_assert!(
                satisfies(&query, &text[start..end]),
                "{pattern} on line {:?}",
                text[start..end].escape_ascii()
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn matches_satisfy_their_query(pattern in pattern(), text in text()) {
        check(&pattern, &text)?;
        check(&format!("(?i){pattern}"), &text)?;
    }

    #[test]
    fn literals_satisfy_their_query(before in text(), literal in text(), after in text()) {
        let text = [&before[..], &literal, &after].concat();
        prop_assert!(satisfies(&GramQuery::literal(&literal), &text));
    }

    #[test]
    fn any_bytes_lower_and_fold(pattern in ".{0,40}", text in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&pattern, &text)?;
    }
}

#[test]
fn kelvin_long_s_and_sharp_s() {
    for (pattern, text) in
        [("(?i)kelvin", "0 \u{212a}elvin"), ("(?i)straſe", "STRASE"), ("(?i)groẞ", "groß"), ("ſtr", "ſtr")]
    {
        check(pattern, text.as_bytes()).expect("a match satisfies its query");
        assert!(satisfies(
            &GramQuery::literal(pattern.trim_start_matches("(?i)").as_bytes()),
            text.as_bytes()
        ));
    }
}
