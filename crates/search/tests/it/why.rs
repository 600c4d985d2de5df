//! Why a file is, or is not, found: the answer is that of a search, condition by condition.

use crate::differential::{query, repo};
use crate::world::{File, Repo, SEARCHER, World, access};
use model::RepoName;
use proptest::prelude::*;
use search::{CancelToken, Limits, Match, Why, WhyAsked, WhySuggestion, WhyWhat};

struct Question<'a> {
    repo: &'a str,
    path: &'a str,
    rev: Option<&'a str>,
    query: &'a str,
}

fn ask_as(world: &World, readable: &[u32], question: &Question<'_>, limits: &Limits) -> Why {
    let query = crate::world::parse(question.query).expect("a query");
    let repo = RepoName::new(question.repo).expect("a name");
    let asked = WhyAsked {
        repo: &repo,
        path: question.path.as_bytes(),
        rev: question.rev,
        query: (!question.query.is_empty()).then_some(&query),
    };
    let access = access(readable.iter().copied());
    SEARCHER.why_not(&world.catalog.snapshot(), &access, asked, limits, &CancelToken::new()).expect("runs")
}

fn ask(world: &World, repo: &str, path: &str, rev: Option<&str>, query: &str) -> Why {
    ask_as(world, &[1, 2], &Question { repo, path, rev, query }, &Limits::default())
}

fn world() -> World {
    let text = "int main(void) {\n  return needle + Needle;\n}\n";
    let mut app =
        Repo::new(1, "github.com/o/app", &[("src/main.c", text), ("README", "app\n"), ("docs/x.md", "x\n")]);
    app.branches[0].1.insert(b"logo.png".to_vec(), File::Binary(vec![0, 1]));
    app.branches[0].1.insert(b"link".to_vec(), File::Link("README".into()));
    let mut dev = app.branches[0].1.clone();
    dev.insert(b"only/dev.c".to_vec(), File::text("needle\n"));
    app.branches.push(("dev".to_owned(), dev));
    let mut fork = Repo::new(2, "fork/app", &[("f.c", "needle\n")]);
    fork.is_fork = true;
    World::new(vec![app, fork])
}

/// The last step that says no.
fn no(why: &Why) -> (WhyWhat, &str) {
    let step = why.steps.iter().rfind(|step| step.holds == Some(false)).expect("a step that says no");
    (step.what, &step.text)
}

#[test]
fn forbidden_and_unknown_are_one_answer() {
    let world = world();
    let limits = Limits::default();
    let forbidden = Question { repo: "github.com/o/app", path: "README", rev: None, query: "app" };
    let unknown = Question { repo: "github.com/o/bpp", ..forbidden };
    let (one, other) = (ask_as(&world, &[2], &forbidden, &limits), ask_as(&world, &[2], &unknown, &limits));
    assert_eq!(one.steps[0].text, other.steps[0].text);
    assert_eq!((one.steps.len(), one.is_found, one.is_missing), (1, false, false));
    // What is suggested may be read.
    assert_eq!(one.steps[0].suggestions, [WhySuggestion::Repo(RepoName::new("fork/app").expect("a name"))]);
    assert_eq!(other.steps[0].suggestions, []);
}

#[test]
fn the_index_is_told_step_by_step() {
    let world = world();
    let why = |path, rev| ask(&world, "github.com/o/app", path, rev, "");
    assert!(why("src/main.c", None).is_found);
    let text = why("src/main.c", None).steps[1].text.clone();
    assert!(text.starts_with("main is indexed, at commit 0101"), "{text}");
    assert_eq!(no(&why("logo.png", None)), (WhyWhat::Content, "It is not text: found by its path only."));
    assert!(no(&why("link", None)).1.contains("symbolic link"));
    let elsewhere = why("only/dev.c", None);
    assert_eq!(no(&elsewhere).0, WhyWhat::Path);
    assert!(elsewhere.steps.last().expect("a step").suggestions.contains(&WhySuggestion::Rev("dev".into())));
    assert!(why("only/dev.c", Some("dev")).is_found);
    let in_case = why("SRC/Main.c", None);
    let suggestions = &in_case.steps.last().expect("a step").suggestions;
    assert_eq!(suggestions, &[WhySuggestion::Path(b"src/main.c".to_vec())]);
    assert!(no(&why("src", None)).1.contains("folder"));
    let moved = why("lib/main.c", None);
    assert!(
        moved
            .steps
            .last()
            .expect("a step")
            .suggestions
            .contains(&WhySuggestion::Path(b"src/main.c".to_vec()))
    );
    let other = why("README", Some("de"));
    assert_eq!(no(&other).0, WhyWhat::Revision);
    assert_eq!(other.steps.last().expect("a step").suggestions, [WhySuggestion::Rev("dev".into())]);
}

#[test]
fn each_condition_is_answered() {
    let world = world();
    let texts = |query: &str| -> Vec<String> {
        let why = ask(&world, "github.com/o/app", "src/main.c", None, query);
        let conditions = why.steps.iter().filter(|step| step.what == WhyWhat::Condition);
        conditions.map(|step| format!("{:?} {} {}", step.holds, step.depth, step.text)).collect()
    };
    assert_eq!(
        texts("lang:python needle absent -file:src"),
        [
            "Some(false) 0 `lang:python`: no, this file is C.",
            "Some(true) 0 `needle`: occurs 2 times.",
            "Some(false) 0 `absent`: occurs 0 times.",
            "Some(false) 0 This must not hold, and it does.",
            "Some(true) 1 `file:src`: yes.",
        ]
    );
    assert_eq!(
        texts("NEEDLE case:yes"),
        ["Some(false) 0 `NEEDLE`: occurs 0 times; with case ignored 2 times."]
    );
    assert_eq!(
        texts("absent OR (needle AND main)"),
        [
            "Some(true) 0 One of these must hold.",
            "Some(false) 1 `absent`: occurs 0 times.",
            "Some(true) 1 All of these must hold.",
            "Some(true) 2 `needle`: occurs 2 times.",
            "Some(true) 2 `main`: occurs once.",
        ]
    );
}

#[test]
fn defaults_that_leave_it_out_are_told_with_what_lifts_them() {
    let world = world();
    let why = ask(&world, "fork/app", "f.c", None, "needle");
    assert_eq!(no(&why).0, WhyWhat::Setting);
    assert_eq!(
        why.steps.last().expect("a step").suggestions,
        [WhySuggestion::Query("fork:yes needle".into())]
    );
    assert!(ask(&world, "fork/app", "f.c", None, "needle fork:yes").is_found);
    let other_rev = ask(&world, "github.com/o/app", "only/dev.c", Some("dev"), "needle");
    assert_eq!(no(&other_rev).0, WhyWhat::Setting);
    let suggested = &other_rev.steps.last().expect("a step").suggestions;
    assert_eq!(suggested, &[WhySuggestion::Query("rev:dev needle".into())]);
    assert!(no(&ask(&world, "github.com/o/app", "src/main.c", None, "app type:repo")).1.contains("type:"));
}

#[test]
fn what_contexts_hold_is_not_left_out_by_default() {
    let mut fork = Repo::new(1, "foo-1", &[("f.c", "needle\n")]);
    fork.is_fork = true;
    let mut other = Repo::new(2, "z-2", &[("z.c", "needle\n")]);
    other.is_fork = true;
    let world = World::new(vec![fork, other]);
    assert!(ask(&world, "foo-1", "f.c", None, "(context:forks OR needle) count:all").is_found);
    assert!(ask(&world, "foo-1", "f.c", None, "context:forks needle").is_found);
    // The fork that no context holds is left out, and what lifts that is said.
    let why = ask(&world, "z-2", "z.c", None, "(context:forks OR needle) count:all");
    assert!(!why.is_found);
    assert_eq!(no(&why).0, WhyWhat::Setting);
    let suggested = &why.steps.last().expect("a step").suggestions;
    assert_eq!(suggested, &[WhySuggestion::Query("count:all fork:yes context:forks OR needle".into())]);
    // A setting that is given holds for contexts, too.
    assert!(!ask(&world, "foo-1", "f.c", None, "(context:forks OR needle) fork:no").is_found);
}

#[test]
fn a_full_page_is_told() {
    let files: Vec<(String, String)> =
        (0..40).map(|n| (format!("{n:02}.c"), "needle\n".to_owned())).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let world = World::new(vec![Repo::new(1, "many", &files)]);
    let limits = Limits { display: 3, ..Limits::default() };
    let found: Vec<bool> = files
        .iter()
        .map(|(path, _)| {
            let question = Question { repo: "many", path, rev: None, query: "needle" };
            let why = ask_as(&world, &[1], &question, &limits);
            let page = why.steps.iter().find(|step| step.what == WhyWhat::Page).expect("the page's step");
            assert_eq!(page.holds, Some(why.is_found));
            assert!(why.is_found || page.text.contains("full before (3 results)"), "{}", page.text);
            why.is_found
        })
        .collect();
    assert_eq!(found.iter().filter(|found| **found).count(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_answer_is_that_of_the_search(
        repos in (repo(1), repo(2)).prop_map(|(a, b)| vec![a, b]),
        queries in prop::collection::vec(query(), 4),
    ) {
        let world = World::new(repos);
        let limits = Limits::unlimited_display();
        for text in queries.iter().filter(|text| crate::world::parse(text).is_ok()) {
            let answer = world.search_as(&access([1, 2]), text, &limits);
            let found: Vec<(String, Vec<u8>)> = answer
                .matches()
                .filter_map(|found| match found {
                    Match::Content(found) => Some((found.repo.to_string(), found.path.clone())),
                    Match::Path(found) => Some((found.repo.to_string(), found.path.clone())),
                    _ => None,
                })
                .collect();
            for repo in &world.repos {
                for (path, _) in repo.branches[0].1.iter().take(3) {
                    let path = String::from_utf8(path.clone()).expect("text");
                    let question = Question { repo: &repo.name, path: &path, rev: None, query: text };
                    let why = ask_as(&world, &[1, 2], &question, &limits);
                    let expected = found.contains(&(repo.name.clone(), path.clone().into_bytes()));
                    prop_assert_eq!(why.is_found, expected, "{} {} {}\n{:#?}", text, repo.name, path, why.steps);
                }
            }
        }
    }
}
