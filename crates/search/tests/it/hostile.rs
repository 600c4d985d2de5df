//! Bad input: a typed error or an answer, in bounded time and memory.

use crate::world::{Kept, Repo, SEARCHER, World, access};
use query::Options;
use search::{CancelToken, Limits, SearchError, SkippedReason};
use std::time::Duration;

fn world() -> World {
    let lines = "a".repeat(3000) + "!\n" + &"ab ".repeat(2000) + "\nx\n";
    World::new(vec![Repo::new(1, "r", &[("a.txt", &lines), ("b.txt", ""), ("c.txt", "\n\n\n")])])
}

/// Parses and searches; an error of either is an answer too.
fn run(world: &World, text: &str) -> Result<u64, String> {
    let query = query::parse(text, &Options::default()).map_err(|error| error.to_string())?;
    let mut kept = Kept::default();
    let (snapshot, access) = (world.catalog.snapshot(), access([1]));
    let summary =
        SEARCHER.search(&snapshot, &access, &query, &Limits::default(), &CancelToken::new(), &mut kept);
    summary.map(|summary| summary.stats.lines).map_err(|error| error.to_string())
}

/// What a case says must come of it.
enum Outcome {
    Answered,
    Refused,
    Either,
}

/// Runs a case of `testdata/threats/queries.toml`.
fn threat(id: &str) {
    let cases: toml::Table = include_str!("../../testdata/threats/queries.toml").parse().expect("a table");
    let case = cases["case"].as_array().expect("cases").iter().find(|case| case["id"].as_str() == Some(id));
    let case = case.unwrap_or_else(|| panic!("no case {id}"));
    let says: Vec<&str> = case
        .get("says")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|word| word.as_str())
        .collect();
    let outcome = match case["outcome"].as_str() {
        Some("answered") => Outcome::Answered,
        Some("refused") => Outcome::Refused,
        Some("either") => Outcome::Either,
        other => panic!("{id}: no outcome {other:?}"),
    };
    let world = world();
    for input in case["inputs"].as_array().expect("inputs") {
        let part = |name: &str| input.get(name).and_then(toml::Value::as_str).unwrap_or_default();
        let times = input.get("times").and_then(toml::Value::as_integer).unwrap_or(1);
        let body: String = (0..times).map(|n| part("unit").replace("{n}", &n.to_string())).collect();
        let text = format!("{}{body}{}", part("head"), part("tail"));
        let shown: String = text.chars().take(60).collect();
        match (run(&world, &text), &outcome) {
            (Ok(_), Outcome::Answered | Outcome::Either) => {}
            (Ok(n_lines), Outcome::Refused) => panic!("{id}: {shown} found {n_lines} lines"),
            (Err(error), Outcome::Answered) => panic!("{id}: {shown}: {error}"),
            (Err(error), _) => {
                let error: String = error.chars().take(300).collect();
                assert!(says.iter().any(|word| error.contains(word)), "{id}: {shown}: {error}");
            }
        }
    }
}

#[test]
fn exponential_patterns_run_in_linear_time() {
    threat("Q-nested-quantifiers");
}

#[test]
fn explosions_are_refused() {
    threat("Q-counting-bomb");
}

#[test]
fn long_patterns_are_answered_or_refused() {
    threat("Q-long-pattern");
    threat("Q-many-alternatives");
}

#[test]
fn deep_queries_are_refused() {
    threat("Q-depth");
}

#[test]
fn class_explosions_are_answered_or_refused() {
    threat("Q-class-explosion");
}

#[test]
fn everything_can_be_asked_for() {
    threat("Q-everything");
}

#[test]
fn boolean_trees_are_bounded() {
    threat("Q-boolean-tree");
}

#[test]
fn counts_and_timeouts_are_checked() {
    threat("Q-count");
    threat("Q-huge-count");
    threat("Q-timeout");
}

#[test]
fn bytes_that_are_no_text_are_safe() {
    threat("Q-bytes");
}

#[test]
fn faults_point_into_the_query() {
    let world = world();
    let fault = |text: &str| {
        let error = world.try_search(&access([1]), text, &Limits::default()).expect_err(text);
        let span = error.span().expect("a place");
        (error, text[span].to_owned())
    };
    assert!(
        matches!(fault("a lang:klingon"), (SearchError::UnknownLanguage { .. }, place) if place == "klingon")
    );
    let hint = |text: &str| fault(text).0.hint().unwrap_or_default();
    assert_eq!(hint("a lang:pyhton"), "did you mean lang:Python?");
    assert!(hint("a lang:klingon").contains(r"file:\.klingon$"), "{}", hint("a lang:klingon"));
    assert!(hint("a lang:.klingon").ends_with(r"file:\.klingon$"));
    assert!(hint("a lang:k.l+").ends_with("lang:\"objective-c\""), "no ending of a file");
    assert!(matches!(fault("a rev:^b"), (SearchError::Unanswerable { .. }, place) if place == "^b"));
}

#[test]
fn a_cancelled_search_says_so() {
    let world = world();
    let query = query::parse("a count:all", &Options::default()).expect("a query");
    let cancel = CancelToken::new();
    cancel.cancel();
    let (snapshot, access) = (world.catalog.snapshot(), access([1]));
    let mut kept = Kept::default();
    let summary = SEARCHER.search(&snapshot, &access, &query, &Limits::default(), &cancel, &mut kept);
    let stats = summary.expect("a summary").stats;
    assert!(!stats.complete);
    assert_eq!(stats.skipped[0].reason, SkippedReason::Cancelled);
}

#[test]
fn a_search_out_of_time_says_so_and_how_to_go_on() {
    let world = world();
    let limits = Limits { timeout: Duration::ZERO, ..Limits::default() };
    let answer = world.search_as(&access([1]), "a", &limits);
    assert!(!answer.stats().complete);
    assert_eq!(answer.stats().skipped[0].reason, SkippedReason::Timeout);
    let longer = Limits { timeout: Duration::from_nanos(1), ..Limits::default() };
    let answer = world.search_as(&access([1]), "a", &longer);
    let suggestion = answer.stats().skipped[0].suggested_query.clone().expect("a longer timeout");
    assert!(suggestion.contains("timeout:"), "{suggestion}");
}
