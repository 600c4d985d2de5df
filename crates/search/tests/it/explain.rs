//! Explanations: what they count is what happened, and a hidden repository is not in them.

use crate::world::{Repo, SEARCHER, World, access};
use query::Options;
use search::{CancelToken, Explanation, Limits};
use std::time::Duration;

fn world() -> World {
    let large = "alpha beta\n".repeat(2000) + "needle in alpha\n";
    World::new(vec![
        Repo::new(1, "visible", &[("a.txt", &large), ("b.c", "no such thing\n"), ("c.c", "a needle\n")]),
        Repo::new(2, "hidden", &[("a.txt", "needle needle\n"), ("d.c", "needle\n")]),
    ])
}

fn explain(world: &World, text: &str, repos: &[u32]) -> Explanation {
    let query = query::parse(text, &Options::default()).expect("a query");
    let (snapshot, access) = (world.catalog.snapshot(), access(repos.iter().copied()));
    SEARCHER
        .explain(&snapshot, &access, &query, &Limits::default(), &CancelToken::new())
        .expect("an explanation")
}

#[test]
fn costs_are_those_of_the_search() {
    let world = world();
    let told = explain(&world, "needle count:all", &[1]);
    assert_eq!(told.summary.stats.lines, 2);
    assert_eq!((told.n_repos_visible, told.n_repos_searched, told.n_segments), (1, 1, 1));
    let pattern = &told.patterns[0];
    assert_eq!((pattern.text.as_str(), pattern.is_positive, pattern.crosses_lines), ("needle", true, false));
    assert_eq!(pattern.gram_query, "\"dle\" \"edl\" \"eed\" \"nee\"");
    // One block of the large file, and the small one.
    assert!(pattern.grams.iter().all(|gram| gram.n_blocks == Some(2)), "{:?}", pattern.grams);
    assert_eq!((told.n_candidates, told.n_candidate_blocks), (2, 2));
    assert!(told.n_bytes_verified < 10_000, "only candidate blocks are read: {}", told.n_bytes_verified);
    let stages: Vec<&str> = told.stages.iter().map(|stage| stage.stage).collect();
    assert_eq!(stages, ["plan", "admission", "postings", "verification", "total"]);
}

#[test]
fn the_tree_says_what_is_asked() {
    let told = explain(&world(), "needle (lang:c OR -file:txt) -\"no such\"", &[1]);
    let lines: Vec<&str> = told.tree.lines().map(str::trim).collect();
    for line in ["all of", "any of", "lang C", "not", "file txt", "pattern needle", "pattern no such"] {
        assert!(lines.contains(&line), "{line}: {}", told.tree);
    }
    assert!(!told.patterns[1].is_positive);
}

#[test]
fn what_the_index_cannot_help_with_is_said() {
    let told = explain(&world(), "/n.{0,9}e/ count:all", &[1]);
    assert_eq!(told.patterns[0].gram_query, "anything");
    assert!(told.patterns[0].grams.is_empty());
    let told = explain(&world(), "\"a\nb\"", &[1]);
    assert!(told.patterns[0].crosses_lines);
}

#[test]
fn hidden_repositories_change_nothing() {
    let everything = world();
    let alone = World::new(vec![everything.repos[0].clone()]);
    for text in ["needle count:all", "repo:hidden needle", "file:d.c", "nowhere", "type:repo hid"] {
        let told = |world: &World| {
            let mut told = explain(world, text, &[1]);
            told.stages.iter_mut().for_each(|stage| stage.duration = Duration::ZERO);
            told.summary.stats.duration = Duration::ZERO;
            format!("{told:?}")
        };
        assert_eq!(told(&everything), told(&alone), "{text}");
    }
}
