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

#[test]
fn exponential_patterns_run_in_linear_time() {
    let world = world();
    for pattern in
        ["/(a+)+$/", "/(a|a)*$/", "/(a|aa)+$/", "/(.*)*b$/", "/(x+x+)+y/", "/^(([a-z])+.)+[A-Z]([a-z])+$/"]
    {
        assert!(run(&world, &format!("{pattern} count:all case:yes")).is_ok(), "{pattern}");
    }
}

#[test]
fn explosions_are_refused() {
    let world = world();
    for pattern in ["/a{1000}{1000}/", "/\\pL{1000}\\w{1000}/", "/((a{100}){100}){100}/"] {
        let error = run(&world, pattern).expect_err(pattern);
        assert!(error.contains("large"), "{pattern}: {error}");
    }
}

#[test]
fn large_queries_are_answered_or_refused() {
    let world = world();
    let alternatives = (0..10_000).map(|n| format!("w{n}")).collect::<Vec<_>>().join("|");
    let terms = (0..5_000).map(|n| format!("t{n}")).collect::<Vec<_>>().join(" OR ");
    for text in [
        "a".repeat(100_000),
        format!("/{}/", "ab".repeat(25_000)),
        format!("/{alternatives}/"),
        terms,
        "(".repeat(10_000) + "a" + &")".repeat(10_000),
        "NOT ".repeat(10_000) + "a",
        "/[^a]{0,200}/".to_owned(),
        "/(?:)/".to_owned(),
        "/\\pL\\pM*|\\w[\\w\\d]*|./".to_owned(),
        "a count:99999999999999999999".to_owned(),
        "a count:0".to_owned(),
        "a timeout:1ns".to_owned(),
        "\0".to_owned(),
    ] {
        let _ = run(&world, &text);
    }
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
    assert!(
        matches!(fault("a type:symbol"), (SearchError::NotEvaluated { .. }, place) if place == "type:symbol")
    );
    assert!(matches!(fault("a author:b type:commit"), (SearchError::NotEvaluated { .. }, _)));
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
