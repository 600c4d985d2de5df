//! Aggregations: the counts are those of an exhaustive listing, added up by hand.

use crate::differential::{content_pattern, query, repo};
use crate::world::{File, Repo, SEARCHER, World, access};
use proptest::prelude::*;
use regex_automata::meta::Regex;
use search::{
    AggregateBy, AggregateCounts, AggregateError, AggregateLimits, Aggregation, CancelToken, Limits, Match,
};
use std::collections::BTreeMap;

fn aggregate(
    world: &World,
    text: &str,
    by: &AggregateBy,
    limits: AggregateLimits,
) -> Result<Aggregation, AggregateError> {
    let query = crate::world::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let everyone = access(world.repos.iter().map(|repo| repo.id));
    let snapshot = world.catalog.snapshot();
    SEARCHER.aggregate(&snapshot, &everyone, &query, by, limits, &Limits::default(), &CancelToken::new())
}

type Sums = BTreeMap<String, (u64, u64, u64)>;

fn sums(found: &Aggregation) -> Sums {
    let sum = |counts: AggregateCounts| (counts.count, counts.lines, counts.results);
    found.groups.iter().map(|group| (group.value.clone(), sum(group.counts))).collect()
}

/// Adds up an exhaustive listing.
fn by_hand(world: &World, text: &str, value: impl Fn(&Match) -> String) -> Sums {
    let everyone = access(world.repos.iter().map(|repo| repo.id));
    let answer = world.search_as(&everyone, text, &Limits::unlimited_display());
    let mut sums = Sums::new();
    for found in answer.matches() {
        let sum = sums.entry(value(found)).or_default();
        let (count, lines) = match found {
            Match::Content(found) => (found.n_matches, found.n_lines),
            _ => (1, 0),
        };
        (sum.0, sum.1, sum.2) = (sum.0 + count, sum.1 + lines, sum.2 + 1);
    }
    sums
}

fn path(found: &Match) -> Option<&[u8]> {
    match found {
        Match::Content(found) => Some(&found.path),
        Match::Path(found) => Some(&found.path),
        _ => None,
    }
}

fn check(world: &World, text: &str) -> Result<(), TestCaseError> {
    let repo = |found: &Match| match found {
        Match::Content(found) => found.repo.to_string(),
        Match::Path(found) => found.repo.to_string(),
        Match::Repo(found) => found.repo.to_string(),
        other => panic!("unexpected {other:?}"),
    };
    let language = |found: &Match| {
        let language = match found {
            Match::Content(found) => found.language,
            Match::Path(found) => found.language,
            _ => return String::new(),
        };
        syntax::language_name(language).unwrap_or_default().to_owned()
    };
    let folder = |depth: usize| {
        move |found: &Match| {
            let Some(path) = path(found) else { return String::new() };
            let path = String::from_utf8_lossy(path).into_owned();
            let parts: Vec<&str> = path.split('/').collect();
            if parts.len() <= depth { path } else { format!("{}/", parts[..depth].join("/")) }
        }
    };
    let limits = AggregateLimits { n_groups_max: usize::MAX, ..AggregateLimits::default() };
    for (by, expected) in [
        (AggregateBy::Repo, by_hand(world, text, repo)),
        (AggregateBy::Language, by_hand(world, text, language)),
        (AggregateBy::Path { depth: 1 }, by_hand(world, text, folder(1))),
        (AggregateBy::Path { depth: 2 }, by_hand(world, text, folder(2))),
    ] {
        let found = aggregate(world, text, &by, limits).expect("runs");
        prop_assert_eq!(&sums(&found), &expected, "{} {:?}", text, by);
        prop_assert!(found.groups.is_sorted_by_key(|group| std::cmp::Reverse(group.counts.count)));
        let top = aggregate(world, text, &by, AggregateLimits { n_groups_max: 1, ..limits }).expect("runs");
        prop_assert_eq!(top.groups.len() as u64 + top.n_rest_values, expected.len() as u64);
        let told: u64 = top.groups.iter().map(|group| group.counts.count).sum();
        prop_assert_eq!(told + top.rest.count, found.total.count);
    }
    Ok(())
}

/// What a group held in every match of a line-bound pattern, line by line over every file of the default branches.
fn groups_by_hand(repos: &[Repo], pattern: &str, group: usize) -> BTreeMap<String, u64> {
    let config = regex_automata::util::syntax::Config::new().case_insensitive(true).multi_line(true);
    let regex = Regex::builder().syntax(config).build(pattern).expect("a pattern");
    let mut counts = BTreeMap::new();
    for repo in repos.iter().filter(|repo| !repo.is_fork) {
        for file in repo.branches[0].1.values() {
            let File::Text(text) = file else { continue };
            for line in text.split_inclusive('\n') {
                let bare = line.strip_suffix('\n').unwrap_or(line);
                for captures in regex.captures_iter(bare) {
                    let whole = captures.get_match().expect("a match");
                    // A match of nothing, or of the carriage return before the line's end, has no text of its own.
                    let shown = bare.strip_suffix('\r').unwrap_or(bare);
                    let is_told = !whole.range().is_empty() && whole.start() < shown.len();
                    let text = captures.get_group(group).filter(|_| is_told);
                    let end = shown.len();
                    let value = text.map_or("", |group| &bare[group.start.min(end)..group.end.min(end)]);
                    *counts.entry(value.to_owned()).or_default() += 1;
                }
            }
        }
    }
    counts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counts_are_those_of_the_whole_listing(
        repos in (repo(1), repo(2), repo(3)).prop_map(|(a, b, c)| vec![a, b, c]),
        queries in prop::collection::vec(query(), 6),
    ) {
        let world = World::new(repos);
        for text in &queries {
            if crate::world::parse(text).is_ok() {
                check(&world, text)?;
            }
        }
    }

    #[test]
    fn groups_are_those_of_every_match(
        repos in (repo(1), repo(2)).prop_map(|(a, b)| vec![a, b]),
        pattern in content_pattern(),
        group in 0usize..3,
    ) {
        let world = World::new(repos);
        let by = AggregateBy::CaptureGroup { group: group.to_string() };
        let limits = AggregateLimits { n_groups_max: usize::MAX, ..AggregateLimits::default() };
        let text = format!("type:file content:/{pattern}/");
        let found = aggregate(&world, &text, &by, limits).expect("runs");
        let found: BTreeMap<String, u64> =
            found.groups.into_iter().map(|group| (group.value, group.counts.count)).collect();
        prop_assert_eq!(found, groups_by_hand(&world.repos, &pattern, group), "{}", text);
    }
}

fn small() -> World {
    let text = "log.info(a)\nlog.warn(b) log.info(c)\nlog.error(d)\n";
    World::new(vec![
        Repo::new(
            1,
            "one",
            &[("src/a.c", text), ("src/deep/b.c", "log.info(x)\n"), ("README", "log.info\n")],
        ),
        Repo::new(2, "two", &[("src/a.py", "log.info(y)\n")]),
    ])
}

#[test]
fn each_value_narrows_the_query_to_its_own_count() {
    let world = small();
    for by in [
        AggregateBy::Repo,
        AggregateBy::Language,
        AggregateBy::Path { depth: 1 },
        AggregateBy::Path { depth: 2 },
    ] {
        let found = aggregate(&world, "log.info", &by, AggregateLimits::default()).expect("runs");
        for group in found.groups.iter().filter(|group| !group.value.is_empty()) {
            let filter = group.filter.as_ref().expect("a filter");
            let narrowed = world.search(&format!("log.info {filter} count:all"));
            assert_eq!(narrowed.stats().matches, group.counts.count, "{filter}");
            assert_eq!(narrowed.stats().files, group.counts.results, "{filter}");
        }
    }
}

#[test]
fn a_group_has_a_number_or_a_name() {
    let world = small();
    let count = |group: &str| {
        let by = AggregateBy::CaptureGroup { group: group.into() };
        aggregate(&world, r"/log\.(?P<level>\w+)\(/", &by, AggregateLimits::default())
            .map(|found| sums(&found))
    };
    let expected: Sums = [("info", (4, 4, 3)), ("warn", (1, 1, 1)), ("error", (1, 1, 1))]
        .map(|(value, sum)| (value.to_owned(), sum))
        .into();
    assert_eq!(count("1").expect("counts"), expected);
    assert_eq!(count("level").expect("counts"), expected);
    assert_eq!(count("2"), Err(AggregateError::NoGroup { group: "2".into(), n_groups: 1 }));
    assert!(matches!(count("other"), Err(AggregateError::NoGroup { .. })));
}

#[test]
fn what_cannot_be_counted_is_said() {
    let world = small();
    let group = AggregateBy::CaptureGroup { group: "1".into() };
    let fault = |text: &str, by: &AggregateBy| aggregate(&world, text, by, AggregateLimits::default()).err();
    assert_eq!(fault("/(a)/ /(b)/", &group), Some(AggregateError::OnePattern { n_patterns: 2 }));
    assert!(matches!(fault("log", &group), Some(AggregateError::OnePattern { .. })));
    assert_eq!(fault(r"/(a)\nb/", &group), Some(AggregateError::CrossesLines));
    assert_eq!(fault("log", &AggregateBy::Author), Some(AggregateError::NoAuthors));
}

#[test]
fn values_beyond_the_limit_are_counted_together() {
    let world = small();
    let by = AggregateBy::CaptureGroup { group: "0".into() };
    let limits = AggregateLimits { n_values_max: 1, ..AggregateLimits::default() };
    let found = aggregate(&world, r"/log\.\w+/", &by, limits).expect("runs");
    assert!(found.hit_value_limit && found.groups.len() == 1);
    let told: u64 = found.groups.iter().map(|group| group.counts.count).sum();
    assert_eq!((told + found.rest.count, found.total.count), (7, 7));
}
