//! What cannot be read cannot be noticed.

use crate::world::{Answer, Repo, World, access};
use search::{Limits, PendingRepo, PendingState, Stats};
use std::time::Duration;

fn visible() -> Vec<Repo> {
    let mut tool = Repo::new(
        4,
        "group/tool",
        &[("src/main.c", "int main(void)\n{ return secret; }\n"), ("a.py", "x\n")],
    );
    tool.branches.push(("dev".to_owned(), tool.branches[0].1.clone()));
    vec![
        tool,
        Repo::new(9, "lib", &[("lib.c", "int secret;\nint other;\n"), ("docs/a.md", "secret words\n")]),
    ]
}

/// Hidden repositories before, between and after the visible ones, by name and by id, with matches of every query.
fn hidden() -> Vec<Repo> {
    let files: Vec<(String, String)> =
        (0..40).map(|n| (format!("hidden/{n}.c"), "int secret; int main\n".repeat(50))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let mut fork = Repo::new(6, "group/zz-fork", &files);
    fork.is_fork = true;
    let mut archived = Repo::new(7, "lib-archived", &files);
    archived.is_archived = true;
    let mut about = search::About { description: "hidden".to_owned(), ..search::About::default() };
    about.topics.push("hidden".to_owned());
    about.metadata.insert("hidden".to_owned(), None);
    fork.about = about.clone();
    archived.about = about;
    vec![Repo::new(1, "aaa/secret", &files), Repo::new(5, "group/secret", &files), fork, archived]
}

const QUERIES: [&str; 34] = [
    "secret",
    "secret count:all",
    "secret count:1",
    "int",
    "/int|x/ count:all",
    "main OR words",
    "file:\\.c$",
    "lang:c",
    "repo:group",
    "repo:secret",
    "secret type:repo",
    "secret rev:dev",
    "rev:nothing secret",
    "secret select:repo",
    "NOT secret",
    "hidden",
    "repo:has.path(hidden)",
    "repo:has.content(secret)",
    "-repo:has.content(secret)",
    "repo:has.file(path:\\.c$ content:main) int",
    "repo:has.content(nothing) secret",
    "repo:has.description(hidden)",
    "-repo:has.topic(hidden) secret",
    "repo:has.meta(hidden) secret",
    "file:has.content(main) secret",
    "(repo:has.path(lib) OR repo:has.topic(hidden)) int rev:dev",
    "int select:file.directory",
    "context:listed",
    "context:listed secret",
    "context:foos",
    "context:all secret count:all",
    "context:public",
    "NOT (context:listed) int",
    "context:private OR context:public int",
];

fn traces(world: &World, ids: &[u32]) -> Vec<(Answer, Stats)> {
    let access = access(ids.iter().copied());
    let limits = Limits { display: 3, ..Limits::default() };
    QUERIES
        .iter()
        .map(|query| {
            let answer = world.search_as(&access, query, &limits);
            let stats = Stats { duration: Duration::ZERO, ..answer.stats().clone() };
            (answer, stats)
        })
        .collect()
}

#[test]
fn hidden_repositories_leave_no_trace() {
    let with_hidden = World::new(visible().into_iter().chain(hidden()).collect());
    let hidden_pending = model::RepoName::new("bbb/secret").expect("a valid name");
    with_hidden.catalog.set_pending(PendingRepo {
        id: model::RepoId(77),
        name: hidden_pending,
        state: PendingState::Cloning,
    });
    let without = World::new(visible());
    let ids = [4, 9];
    for ((query, with_hidden), without) in
        QUERIES.iter().zip(traces(&with_hidden, &ids)).zip(traces(&without, &ids))
    {
        let told = |(answer, stats): &(Answer, Stats)| {
            format!("{:#?}\n{stats:#?}\n{:#?}\n{:?}", answer.batches, answer.facets(), answer.summary.alert)
        };
        assert_eq!(told(&with_hidden), told(&without), "{query}");
    }
}

#[test]
fn nobody_sees_nothing() {
    let world = World::new(visible());
    for query in QUERIES {
        let answer = world.search_as(&access([]), query, &Limits::default());
        assert_eq!(answer.matches().count(), 0, "{query}");
        assert_eq!((answer.stats().files, answer.stats().repos), (0, 0), "{query}");
        assert!(answer.stats().skipped.is_empty(), "{query}");
    }
}

#[test]
fn a_forbidden_repository_is_an_unknown_one() {
    let world = World::new(visible());
    let snapshot = world.catalog.snapshot();
    assert!(snapshot.repo(&access([4]), "group/tool").is_some());
    assert!(snapshot.repo(&access([9]), "group/tool").is_none());
    assert!(snapshot.repo(&access([4, 9]), "group/unknown").is_none());
    assert_eq!(snapshot.repos(&access([9])).count(), 1);
}
