//! What is younger comes first among what is equally good, by steps of age, and nothing hidden has a say.

use crate::world::{Answer, File, Repo, World, access};
use search::{Limits, Match, ScoreParts};

const NOW: i64 = 1_700_000_000;
const DAY: i64 = 24 * 60 * 60;

fn repo(id: u32, name: &str, age_days: i64, files: &[(&str, &str)]) -> Repo {
    Repo { commit_seconds: vec![NOW - age_days * DAY], ..Repo::new(id, name, files) }
}

fn search(world: &World, query: &str) -> Answer {
    let everyone = access(world.repos.iter().map(|repo| repo.id));
    world.search_as(&everyone, query, &Limits { now_seconds: NOW, ..Limits::default() })
}

fn parts(answer: &Answer) -> Vec<ScoreParts> {
    answer.matches().filter_map(Match::score_parts).copied().collect()
}

const DEFINES: &str = "int needle(void) { return 1; }\n";

#[test]
fn the_younger_of_equals_comes_first() {
    let world = World::new(vec![
        repo(1, "a-given-up", 4000, &[("x.c", DEFINES)]),
        repo(2, "b-resting", 900, &[("x.c", DEFINES)]),
        repo(3, "c-alive", 3, &[("x.c", DEFINES)]),
        repo(4, "d-alive-too", 20, &[("x.c", DEFINES)]),
    ]);
    let answer = search(&world, "needle type:file");
    let repos: Vec<String> =
        answer.lines().iter().filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect();
    assert_eq!(repos, ["c-alive", "d-alive-too", "b-resting", "a-given-up"], "steps, not seconds");
    let parts = parts(&answer);
    assert_eq!(parts.iter().map(|parts| parts.recency * 64.0).collect::<Vec<_>>(), [4.0, 4.0, 2.0, 0.0]);
    assert!(parts.iter().all(|part| ScoreParts { recency: 0.0, ..*part } == parts[3]), "{parts:?}");
    let named: Vec<&str> = parts[0].named().map(|(name, _)| name).collect();
    assert_eq!(named.last(), Some(&"recency"));
    assert_eq!(search(&world, "type:repo -").lines(), ["c-alive", "d-alive-too", "b-resting", "a-given-up"]);
    assert_eq!(
        search(&world, "type:symbol needle").lines(),
        [
            "c-alive:x.c:1:needle",
            "d-alive-too:x.c:1:needle",
            "b-resting:x.c:1:needle",
            "a-given-up:x.c:1:needle"
        ]
    );
}

#[test]
fn age_is_less_than_what_else_is_known() {
    let world = World::new(vec![
        repo(1, "old", 9000, &[("src/x.c", "int f(needle);\n")]),
        repo(2, "young", 1, &[("tests/x.c", "int f(needle);\n"), ("src/y.c", "int f(needles);\n")]),
    ]);
    assert_eq!(
        search(&world, "needle").lines(),
        [
            "old:src/x.c:1:int f(needle);",
            "young:tests/x.c:1:int f(needle);",
            "young:src/y.c:1:int f(needles);"
        ]
    );
}

#[test]
fn the_youngest_searched_revision_counts() {
    let file = |text: &str| File::text(text);
    let mut repo = Repo::new(1, "r", &[("both.c", "needle\n"), ("old.c", "needle\n")]);
    repo.branches.push((
        "new".to_owned(),
        [(b"both.c".to_vec(), file("needle\n")), (b"new.c".to_vec(), file("needle\n"))].into(),
    ));
    repo.commit_seconds = vec![NOW - 2000 * DAY, NOW - DAY];
    let world = World::new(vec![repo]);
    let answer = search(&world, "needle type:file rev:*refs/heads/*");
    assert_eq!(answer.lines(), ["r:both.c:1:needle", "r:new.c:1:needle", "r:old.c:1:needle"]);
    assert_eq!(parts(&answer).iter().map(|part| part.recency * 64.0).collect::<Vec<_>>(), [4.0, 4.0, 1.0]);
    let answer = search(&world, "needle type:file");
    assert_eq!(parts(&answer).iter().map(|part| part.recency * 64.0).collect::<Vec<_>>(), [1.0, 1.0]);
}

/// More documents than are ranked together must not hide younger ones behind a name.
#[test]
fn the_first_page_is_not_filled_by_what_was_given_up() {
    let paths: Vec<String> = (0..600).map(|number| format!("{number}.c")).collect();
    let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "needle\n")).collect();
    let world =
        World::new(vec![repo(1, "a-old", 8000, &files), repo(2, "b-young", 2, &[("x.c", "needle\n")])]);
    assert_eq!(search(&world, "needle type:file").lines()[0], "b-young:x.c:1:needle");
}

#[test]
fn without_a_clock_and_from_the_future_nothing_is_young() {
    let world = World::new(vec![
        repo(1, "a-old", 8000, &[("x.c", "needle\n")]),
        repo(2, "b-young", 2, &[("x.c", "needle\n")]),
        repo(3, "c-lies", -900, &[("x.c", "needle\n")]),
    ]);
    let lines = search(&world, "needle type:file").lines();
    assert_eq!(lines, ["b-young:x.c:1:needle", "a-old:x.c:1:needle", "c-lies:x.c:1:needle"]);
    let answer = world.search("needle type:file");
    assert_eq!(answer.lines(), ["a-old:x.c:1:needle", "b-young:x.c:1:needle", "c-lies:x.c:1:needle"]);
    assert!(parts(&answer).iter().all(|parts| parts.recency == 0.0));
}

#[test]
fn hidden_repositories_move_nothing() {
    let seen = || vec![repo(1, "a", 700, &[("x.c", DEFINES)]), repo(2, "b", 100, &[("x.c", DEFINES)])];
    let alone = World::new(seen());
    let mut with_hidden = seen();
    with_hidden.insert(1, repo(9, "aa", 1, &[("x.c", DEFINES)]));
    let together = World::new(with_hidden);
    let limits = Limits { now_seconds: NOW, ..Limits::default() };
    for query in ["needle", "type:symbol needle", "type:repo a", "needle select:file"] {
        let [alone, together] =
            [&alone, &together].map(|world| world.search_as(&access([1, 2]), query, &limits));
        assert_eq!(alone.batches, together.batches, "{query}");
    }
}
