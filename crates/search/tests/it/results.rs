//! What results look like: kinds, order, limits, facets, and what is said of what was left out.

use crate::world::{Answer, File, Kept, Repo, SEARCHER, World, access};
use search::{CancelToken, Limits, Match, PendingRepo, PendingState, Searcher, Sink, SkippedReason, Stats};
use std::ops::ControlFlow;
use std::time::Duration;

fn world() -> World {
    let mut app = Repo::new(
        1,
        "github.com/o/app",
        &[
            ("src/parse_config.c", "int parse_config(void);\nint x = Parse_Config;\n"),
            ("src/main.c", "#include <stdio.h>\nint main(void) { return parse_config(); }\n"),
            ("tools/gen.py", "def reparse_configs(): pass\n"),
            ("README", "app\n"),
        ],
    );
    app.branches[0].1.insert(b"logo.png".to_vec(), File::Binary(vec![0, 1]));
    let mut dev = app.branches[0].1.clone();
    dev.insert(b"src/new.c".to_vec(), File::text("int parse_config_new;\n"));
    app.branches.push(("dev".to_owned(), dev));
    let mut fork = Repo::new(2, "fork/app", &[("f.c", "int parse_config;\n")]);
    fork.is_fork = true;
    let mut archived = Repo::new(3, "old/app", &[("o.c", "int parse_config;\n")]);
    archived.is_archived = true;
    World::new(vec![app, fork, archived])
}

fn check(query: &str, expected: &[&str]) -> Answer {
    let answer = world().search(query);
    assert_eq!(answer.lines(), expected, "{query}");
    answer
}

fn reasons(answer: &Answer) -> Vec<(SkippedReason, Option<&str>)> {
    let skipped = answer.stats().skipped.iter();
    skipped.map(|skipped| (skipped.reason, skipped.suggested_query.as_deref())).collect()
}

#[test]
fn words_in_exact_case_and_file_names_come_first() {
    let answer = check(
        "parse_config",
        &[
            "github.com/o/app:src/parse_config.c:1:int parse_config(void);",
            "github.com/o/app:src/parse_config.c:2:int x = Parse_Config;",
            "github.com/o/app:src/main.c:2:int main(void) { return parse_config(); }",
            "github.com/o/app:tools/gen.py:1:def reparse_configs(): pass",
        ],
    );
    let stats = answer.stats();
    assert_eq!((stats.matches, stats.lines, stats.files, stats.repos), (4, 4, 3, 1));
    let Some(Match::Content(first)) = answer.matches().next() else { panic!("content first") };
    assert_eq!(first.path_ranges.as_slice(), std::slice::from_ref(&(4..16)));
    assert_eq!(first.lines[0].ranges.as_slice(), std::slice::from_ref(&(4..16)));
}

#[test]
fn kinds_of_results() {
    check("repo:o/app", &["github.com/o/app"]);
    check("app type:repo", &["github.com/o/app"]);
    check("gen", &["github.com/o/app:tools/gen.py"]);
    check("main type:path", &["github.com/o/app:src/main.c"]);
    check("main type:file", &["github.com/o/app:src/main.c:2:int main(void) { return parse_config(); }"]);
    check("lang:python", &["github.com/o/app:tools/gen.py"]);
    check("file:^src/ NOT stdio", &["github.com/o/app:src/parse_config.c"]);
    check(
        "stdio OR reparse",
        &[
            "github.com/o/app:src/main.c:1:#include <stdio.h>",
            "github.com/o/app:tools/gen.py:1:def reparse_configs(): pass",
        ],
    );
    check("logo", &["github.com/o/app:logo.png"]);
    check("app", &["github.com/o/app", "github.com/o/app:README:1:app"]);
}

#[test]
fn selections() {
    check("parse_config select:repo", &["github.com/o/app"]);
    check("stdio select:file", &["github.com/o/app:src/main.c"]);
    check("return select:file.path", &["github.com/o/app:src/main.c"]);
    check(
        "file:. select:file.directory",
        &["github.com/o/app:src/", "github.com/o/app:tools/", "github.com/o/app:/"],
    );
}

#[test]
fn revisions() {
    check("parse_config_new", &[]);
    check("parse_config_new rev:dev", &["github.com/o/app:src/new.c:1:int parse_config_new;"]);
    check("parse_config_new repo:o/app@dev", &["github.com/o/app:src/new.c:1:int parse_config_new;"]);
    check("parse_config_new rev:*refs/heads/*", &["github.com/o/app:src/new.c:1:int parse_config_new;"]);
    check("parse_config_new rev:02020202", &["github.com/o/app:src/new.c:1:int parse_config_new;"]);
    let answer = check("stdio rev:main:dev", &["github.com/o/app:src/main.c:1:#include <stdio.h>"]);
    let Some(Match::Content(found)) = answer.matches().next() else { panic!("content") };
    let refs: Vec<_> = found.refs.iter().map(|name| name.short()).collect();
    assert_eq!(refs, ["main", "dev"]);
    assert!(check("stdio rev:nothing", &[]).summary.alert.is_some());
}

#[test]
fn what_is_left_out_is_told() {
    let answer = world().search("parse_config");
    assert!(answer.stats().complete);
    assert_eq!(
        reasons(&answer),
        [
            (SkippedReason::FileBinary, None),
            (SkippedReason::ExcludedFork, Some("fork:yes parse_config")),
            (SkippedReason::ExcludedArchived, Some("archived:yes parse_config")),
        ]
    );
    assert_eq!(world().search("parse_config fork:yes archived:only").stats().files, 1);
    assert_eq!(world().search("parse_config fork:only").stats().files, 1);
    assert_eq!(world().search("parse_config fork:yes").stats().files, 4);
}

#[test]
fn pending_repositories_are_told() {
    let world = world();
    let name = model::RepoName::new("new/repo").expect("a name");
    let pending = PendingRepo { id: model::RepoId(9), name, state: PendingState::Cloning };
    world.catalog.set_pending(pending);
    let everyone = access([1, 2, 3, 9]);
    let asked = world.search_as(&everyone, "stdio fork:yes archived:yes", &Limits::default());
    assert!(!asked.stats().complete);
    assert_eq!(reasons(&asked)[0].0, SkippedReason::RepoCloning);
    let not_asked = world.search_as(&everyone, "stdio repo:o/app fork:yes archived:yes", &Limits::default());
    assert!(not_asked.stats().complete);
}

#[test]
fn limits_are_told_with_the_query_that_lifts_them() {
    let world = world();
    let limits = Limits { display: 2, ..Limits::default() };
    let answer = world.search_as(&access([1]), "parse_config", &limits);
    assert_eq!(answer.lines().len(), 2);
    assert_eq!(reasons(&answer)[0], (SkippedReason::DisplayLimit, Some("count:all parse_config")));
    assert!(!answer.stats().complete);
    let answer = world.search_as(&access([1]), "parse_config count:1", &Limits::default());
    assert_eq!(answer.lines().len(), 1);
    assert_eq!(reasons(&answer)[0], (SkippedReason::DisplayLimit, Some("count:all parse_config")));
    assert!(answer.stats().skipped[0].message.starts_with("The page holds 1 result;"));
    let capped = Limits { display_max: 2, ..Limits::default() };
    let answer = world.search_as(&access([1]), "parse_config count:all", &capped);
    assert_eq!((answer.lines().len(), answer.stats().lines, answer.stats().complete), (2, 4, true));
    let per_file = Limits { lines_per_file: 1, ..Limits::default() };
    let answer = world.search_as(&access([1]), "parse_config", &per_file);
    let Some(Match::Content(first)) = answer.matches().next() else { panic!("content first") };
    assert_eq!((first.lines.len(), first.n_lines), (1, 2));
}

#[test]
fn facets_are_of_what_was_found() {
    let answer = world().search("parse_config");
    let told = |facets: &[search::Facet]| -> Vec<String> {
        facets.iter().map(|facet| format!("{} {} {}", facet.n_files, facet.value, facet.filter)).collect()
    };
    assert_eq!(told(&answer.facets().repos), [r"3 github.com/o/app repo:^github\.com/o/app$"]);
    assert_eq!(told(&answer.facets().languages), ["2 C lang:C", "1 Python lang:Python"]);
    assert_eq!(told(&answer.facets().paths), ["2 src/ file:^src/", "1 tools/ file:^tools/"]);
}

#[test]
fn long_lines_are_cut_and_say_so() {
    let long = format!("{}needle{}\n", "é".repeat(5000), "x".repeat(5000));
    let world = World::new(vec![Repo::new(1, "r", &[("a.txt", &long)])]);
    let answer = world.search("needle");
    let Some(Match::Content(found)) = answer.matches().next() else { panic!("content") };
    let line = &found.lines[0];
    assert!(line.is_cut && line.text.len() <= 1000);
    assert_eq!(&line.text[line.ranges[0].clone()], "needle");
}

#[test]
fn running_searches_keep_their_snapshot() {
    let world = world();
    let before = world.catalog.snapshot();
    world.catalog.remove(model::RepoId(1));
    assert!(before.repo(&access([1]), "github.com/o/app").is_some());
    assert!(world.catalog.snapshot().repo(&access([1]), "github.com/o/app").is_none());
}

#[test]
fn an_empty_query_is_refused() {
    let world = world();
    let limits = Limits::default();
    assert!(matches!(world.try_search(&access([1]), "", &limits), Err(search::SearchError::Empty)));
    assert!(matches!(world.try_search(&access([1]), "  ", &limits), Err(search::SearchError::Empty)));
}

#[test]
fn answers_do_not_depend_on_threads() {
    let line = "alpha beta gamma\n";
    let text = |n: usize| format!("{}needle {n}\n{}", line.repeat(n % 400), line.repeat(n % 7));
    let texts: Vec<(String, String)> = (0..600).map(|n| (format!("d{}/{n}.c", n % 9), text(n))).collect();
    let files: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let world = World::new(vec![Repo::new(1, "one", &files), Repo::new(2, "two", &files[..300])]);
    let (single, many) = (Searcher::new(1).expect("a thread"), Searcher::new(4).expect("threads"));
    for query in
        ["needle", "/a+ b/", "needle count:all", "gamma count:700", "alpha NOT needle", "/eta/ OR needle"]
    {
        let run = |searcher: &Searcher| {
            let query = query::parse(query, &query::Options::default()).expect("a query");
            let (snapshot, access, mut kept) = (world.catalog.snapshot(), access([1, 2]), Kept::default());
            let limits = Limits { display_max: 1000, ..Limits::default() };
            let summary = searcher
                .search(&snapshot, &access, &query, &limits, &CancelToken::new(), &mut kept)
                .expect("runs");
            let stats = Stats { duration: Duration::ZERO, ..summary.stats };
            (kept.batches, stats, summary.facets)
        };
        assert!(run(&single) == run(&many), "{query}");
    }
}

#[test]
fn a_sink_that_has_enough_ends_the_search() {
    struct Once(usize);
    impl Sink for Once {
        fn matches(&mut self, batch: Vec<Match>) -> ControlFlow<()> {
            self.0 += batch.len();
            ControlFlow::Break(())
        }
    }
    let query = query::parse("parse_config count:all", &query::Options::default()).expect("a query");
    let (world, mut sink) = (world(), Once(0));
    let (snapshot, access) = (world.catalog.snapshot(), access([1]));
    let summary =
        SEARCHER.search(&snapshot, &access, &query, &Limits::default(), &CancelToken::new(), &mut sink);
    let stats = summary.expect("a summary").stats;
    assert!(sink.0 > 0);
    assert_eq!((stats.complete, stats.skipped[0].reason), (false, SkippedReason::Cancelled));
}

/// Whoever asks outside of a context does not get forks and archived repositories; whoever asks for one gets what it
/// holds, those included.
#[test]
fn contexts() {
    let fork = |id, name: &str| Repo { is_fork: true, ..Repo::new(id, name, &[("a.c", "int foo;\n")]) };
    let mut foo = Repo::new(1, "foo-1", &[("a.c", "int foo;\n")]);
    foo.branches.push(("dev".to_owned(), [(b"d.c".to_vec(), File::text("int foo;\n"))].into()));
    let private =
        Repo { visibility: search::Visibility::Private, ..Repo::new(5, "own", &[("a.c", "foo\n")]) };
    let world = World::new(vec![foo, fork(2, "foo-2"), fork(3, "z-3"), fork(4, "lib"), private]);
    let check = |query: &str, expected: &[&str]| {
        let mut lines = world.search(query).lines();
        lines.sort_unstable();
        assert_eq!(lines, expected, "{query}");
    };
    check("foo type:file", &["foo-1:a.c:1:int foo;", "own:a.c:1:foo"]);
    check("context:global foo type:file", &["foo-1:a.c:1:int foo;", "own:a.c:1:foo"]);
    check("context:foos type:repo", &["foo-1"]);
    check("context:forks type:repo", &["foo-2"]);
    check("context:listed type:repo", &["foo-1", "foo-2", "lib", "z-3"]);
    check("context:listed fork:no type:repo", &["foo-1"]);
    check("context:listed fork:only type:repo", &["foo-2", "lib", "z-3"]);
    check("(context:forks OR repo:z) type:repo", &["foo-2"]);
    check("(context:forks OR repo:o) type:repo", &["foo-1", "foo-2", "own"]);
    check("context:nested select:repo", &["foo-2"]);
    check("context:private type:repo", &["own"]);
    check("context:private foo type:file", &["own:a.c:1:foo"]);
    check("context:dev foo type:file", &["foo-1:d.c:1:int foo;"]);
    check("context:dev rev:main foo type:file", &["foo-1:a.c:1:int foo;"]);
    check("context:at foo type:file", &["foo-1:d.c:1:int foo;"]);
    check("context:both type:repo", &["foo-2"]);
    let answer = world.search("context:listed context:private foo");
    assert_eq!(
        answer.summary.alert.as_deref(),
        Some("No repository matches the repo: filters and the search context.")
    );
}
