//! Counts over history, and files selected from it, are those of git's own log.

use crate::history::{git_changes, odd_history};
use crate::instance::Instance;
use access::Actor;
use search::{
    AggregateBy, AggregateCounts, AggregateLimits, CancelToken, Catalog, FileChange, Limits, Match,
    PathMatch, Searcher, Sink,
};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use testkit::git::{GitRepo, GitWorld};

type Sums = BTreeMap<String, (u64, u64)>;

/// Results and lines by value, and what narrows to each.
async fn counted(
    instance: &Instance,
    catalog: &Catalog,
    text: &str,
    by: &AggregateBy,
) -> (Sums, BTreeMap<String, Option<String>>) {
    let access = instance.store.access_set(&Actor::LOCAL_OPERATOR).await.unwrap();
    let query = query::parse(text, &query::Options::default()).unwrap();
    let (searcher, limits) = (Searcher::new(2).unwrap(), Limits::default());
    let (snapshot, groups) = (catalog.snapshot(), AggregateLimits::default());
    let found = searcher
        .aggregate(&snapshot, &access, &query, by, groups, &limits, &CancelToken::new())
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    assert!(found.summary.stats.complete, "{text}: {:?}", found.summary.stats.skipped);
    assert_eq!((found.rest, found.hit_value_limit), (AggregateCounts::default(), false));
    assert!(found.groups.iter().all(|group| group.counts.count == group.counts.results));
    let sums =
        found.groups.iter().map(|group| (group.value.clone(), (group.counts.results, group.counts.lines)));
    let filters = found.groups.iter().map(|group| (group.value.clone(), group.filter.clone()));
    (sums.collect(), filters.collect())
}

/// The author of every commit that the revisions reach.
fn authors(repo: &GitRepo, revisions: &[&str]) -> BTreeMap<String, String> {
    let arguments = [&["log", "--encoding=UTF-8", "--format=%H %an <%ae>"], revisions].concat();
    let log = repo.git(&arguments);
    log.lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(id, author)| (id.into(), author.into()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_and_changes_by_author_are_those_of_git_log() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    odd_history(&repo);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let catalog = instance.index().await;
    for (revs, revisions) in [("", ["main"]), ("rev:*refs/heads/*", ["--branches"])] {
        let mut expected = Sums::new();
        authors(&repo, &revisions)
            .into_values()
            .for_each(|author| expected.entry(author).or_default().0 += 1);
        assert!(expected.len() >= 3, "{expected:?}");
        let (sums, filters) =
            counted(&instance, &catalog, &format!("type:commit {revs}"), &AggregateBy::Author).await;
        assert_eq!(sums, expected, "{revs}");
        // What is offered to narrow to one author narrows to no other.
        for (author, filter) in filters {
            let filter = filter.unwrap_or_else(|| panic!("{author} can be asked for"));
            let text = format!("type:commit {revs} {filter}");
            let (narrowed, _) = counted(&instance, &catalog, &text, &AggregateBy::Author).await;
            assert_eq!(narrowed, [(author.clone(), expected[&author])].into(), "{text}");
        }
    }
    let by_commit = authors(&repo, &["main"]);
    for (word, select, side) in [("beta", "", None), ("x", "select:commit.diff.removed", Some('-'))] {
        let changes = git_changes(&repo, word, side);
        let (mut by_author, mut by_folder, mut by_repo) = (Sums::new(), Sums::new(), Sums::new());
        for ((commit, path), n_lines) in changes {
            let folder = format!("{}/", path.split('/').next().unwrap());
            for (sums, value) in [
                (&mut by_author, by_commit[&commit].clone()),
                (&mut by_folder, folder),
                (&mut by_repo, "a".to_owned()),
            ] {
                let sum = sums.entry(value).or_default();
                *sum = (sum.0 + 1, sum.1 + n_lines);
            }
        }
        let text = format!("type:diff {select} content:\"{word}\"");
        for (by, expected) in [
            (AggregateBy::Author, by_author),
            (AggregateBy::Path { depth: 1 }, by_folder),
            (AggregateBy::Repo, by_repo),
        ] {
            assert!(!expected.is_empty());
            assert_eq!(counted(&instance, &catalog, &text, &by).await.0, expected, "{text} by {by:?}");
        }
    }
}

#[derive(Default)]
struct Files(Vec<PathMatch>);

impl Sink for Files {
    fn matches(&mut self, batch: Vec<Match>) -> ControlFlow<()> {
        for found in batch {
            let Match::Path(found) = found else { panic!("{found:?}") };
            self.0.push(found);
        }
        ControlFlow::Continue(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_selected_from_changes_stand_in_the_commit_they_are_shown_in() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    odd_history(&repo);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let catalog = instance.index().await;
    let access = instance.store.access_set(&Actor::LOCAL_OPERATOR).await.unwrap();
    for text in
        ["type:diff select:file rev:*refs/heads/* count:all", "type:diff beta select:file.path count:all"]
    {
        let query = query::parse(text, &query::Options::default()).unwrap();
        let mut files = Files::default();
        let searcher = Searcher::new(2).unwrap();
        let limits = Limits::unlimited_display();
        searcher
            .search(&catalog.snapshot(), &access, &query, &limits, &CancelToken::new(), &mut files)
            .unwrap();
        let is_deleted = |found: &&PathMatch| found.change == Some(FileChange::Deleted);
        assert!(files.0.iter().any(|found| is_deleted(&found)), "{text}");
        assert!(files.0.iter().any(|found| !is_deleted(&found)), "{text}");
        for found in &files.0 {
            let place = format!("{}:{}", found.commit, String::from_utf8_lossy(&found.path));
            assert_eq!(repo.git(&["cat-file", "-t", &place]).trim(), "blob", "{place}");
        }
        // What is said to be deleted was deleted from just there.
        let log = repo.git(&[
            "log",
            "--branches",
            "-M",
            "--diff-merges=first-parent",
            "--diff-filter=D",
            "--name-only",
            "--format=%P",
        ]);
        let mut parent = "";
        let mut deleted = Vec::new();
        for line in log.lines().filter(|line| !line.is_empty()) {
            match line.split(' ').next() {
                Some(id) if id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => parent = id,
                _ => deleted.push((parent.to_owned(), line.to_owned())),
            }
        }
        for found in files.0.iter().filter(is_deleted) {
            let told = (found.commit.to_string(), String::from_utf8_lossy(&found.path).into_owned());
            assert!(deleted.contains(&told), "{told:?}");
        }
    }
}
