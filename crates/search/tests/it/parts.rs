//! Who may read some paths of a repository sees it as if there were no others.

use crate::differential::{query, repo};
use crate::world::{Answer, Repo, World, access_to_parts};
use model::{PathRule, PathRules, RepoId};
use proptest::prelude::*;
use proptest::sample::select;
use search::{Limits, PathFilter};
use std::collections::BTreeMap;
use std::time::Duration;

fn rules() -> impl Strategy<Value = PathRules> {
    let globs =
        vec!["**", "foo/", "-foo/", "src/", "-src/**", "*.c", "-*.c", "-*.py", "bar", "/x/*", "-/bar/*"];
    let list = prop::collection::vec(select(globs), 0..5);
    let list = list.prop_map(|globs| globs.into_iter().map(PathRule::parse).collect());
    prop::collection::vec(list, 1..3).prop_map(PathRules::new)
}

/// The same with files of one language alone. A text that stands at several paths is parsed once, as the language of one of
/// them: where that one is hidden and the others are of another language, its definitions, which decide how it is ranked,
/// are not what they would be without it. Nothing else of a text depends on where else it stands.
fn in_one_language(mut repo: Repo) -> Repo {
    for (_, tree) in &mut repo.branches {
        let renamed = std::mem::take(tree).into_iter().map(|(mut path, file)| {
            path.truncate(path.iter().rposition(|byte| *byte == b'.').unwrap_or(path.len()));
            path.extend_from_slice(b".c");
            (path, file)
        });
        tree.extend(renamed);
    }
    repo
}

/// The repository as it would be without what the rules deny.
fn without(repo: &Repo, rules: &PathRules) -> Repo {
    let filter = PathFilter::new(rules);
    let mut repo = repo.clone();
    for (_, tree) in &mut repo.branches {
        tree.retain(|path, _| filter.allows(path));
    }
    repo
}

/// All that was found and told; in no order, for that follows the segments, which were written for all readers.
fn told(answer: &Answer) -> String {
    let mut found: Vec<String> = answer.matches().map(|found| format!("{found:?}")).collect();
    found.sort();
    let stats = search::Stats { duration: Duration::ZERO, ..answer.stats().clone() };
    format!("{found:#?}\n{stats:#?}\n{:#?}\n{:?}", answer.facets(), answer.summary.alert)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_part_is_all_there_is(
        repos in (repo(1), repo(2)).prop_map(|(a, b)| vec![in_one_language(a), in_one_language(b)]),
        lists in (rules(), rules()),
        queries in prop::collection::vec(query(), 8),
    ) {
        let lists = BTreeMap::from([(1, lists.0), (2, lists.1)]);
        let parts: Vec<Repo> = repos.iter().map(|repo| without(repo, &lists[&repo.id])).collect();
        let world = World::new(repos);
        let part = World::new(parts);
        let access = access_to_parts(&lists);
        let limits = Limits { display: 1000, ..Limits::default() };
        for query in &queries {
            let seen = told(&world.search_as(&access, query, &limits));
            let expected = told(&part.search_as(&part.everyone(), query, &limits));
            prop_assert_eq!(seen, expected, "{}", query);
        }
    }
}

#[test]
fn views_follow_what_is_published() {
    let lists = BTreeMap::from([(1, PathRules::new([vec![PathRule::allow("src/")]]))]);
    let access = access_to_parts(&lists);
    let world = World::new(vec![Repo::new(1, "tool", &[("src/a.c", "one\n"), ("keys/a.pem", "one\n")])]);
    let lines = || world.search_as(&access, "one count:all", &Limits::default()).lines();
    assert_eq!(lines(), ["tool:src/a.c:1:one"]);
    world.publish(&Repo::new(1, "tool", &[("src/b.c", "one\n"), ("keys/b.pem", "one\n")]));
    assert_eq!(lines(), ["tool:src/b.c:1:one"]);
}

#[test]
fn other_interfaces_see_the_same_part() {
    let lists = BTreeMap::from([(1, PathRules::new([vec![PathRule::allow("src/")]]))]);
    let access = access_to_parts(&lists);
    let world = World::new(vec![Repo::new(1, "tool", &[("src/a.c", "one\n"), ("keys/a.pem", "one\n")])]);
    let snapshot = world.catalog.snapshot();
    let index = snapshot.repo(&access, "tool").unwrap();
    assert_eq!((index.id, index.ref_table.n_docs()), (RepoId(1), 1));
    assert_eq!(snapshot.repos(&access).next().unwrap().ref_table.n_docs(), 1);
    let symbols = world.search_as(&access, "type:path pem", &Limits::default());
    assert_eq!(symbols.matches().count(), 0);
    let asked =
        search::SkippedFilesAsked { repo: "tool", rev: None, reason: None, after: None, n_files_max: 9 };
    assert!(snapshot.skipped_files(&access, asked).unwrap().unwrap().files.is_empty());
}

/// The whole is still the whole for those who may read it.
#[test]
fn a_view_does_not_take_the_place_of_the_whole() {
    let lists = BTreeMap::from([(1, PathRules::new([vec![PathRule::allow("src/")]]))]);
    let world = World::new(vec![Repo::new(1, "tool", &[("src/a.c", "one\n"), ("keys/a.pem", "one\n")])]);
    for _ in 0..2 {
        let part = world.search_as(&access_to_parts(&lists), "one count:all", &Limits::default());
        assert_eq!(part.lines().len(), 1);
        assert_eq!(world.search("one count:all").lines().len(), 2);
    }
}
