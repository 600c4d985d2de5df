//! Many small repositories of which most cannot match: passing over them changes nothing but the work.

use crate::differential::{self, WORDS};
use crate::world::{Answer, File, Repo, SEARCHER, Tree, World, access};
use proptest::prelude::*;
use proptest::sample::select;
use search::{Limits, PendingRepo, PendingState, Visibility};
use std::time::Duration;

/// More than stand in one group of sketches.
const N_REPOS: u32 = 70;

/// A word or two in each file, so that most repositories hold few of the words that are asked for.
fn file() -> impl Strategy<Value = File> {
    let words = || prop::collection::vec(select(WORDS.to_vec()), 0..3);
    prop_oneof![
        12 => (words(), select(vec![" ", "(", "\n", ""])).prop_map(|(words, between)| File::Text(words.join(between))),
        1 => select(WORDS.to_vec()).prop_map(|word| File::Link(word.to_owned())),
        1 => prop::collection::vec(any::<u8>(), 0..5).prop_map(File::Binary),
    ]
}

fn tree() -> impl Strategy<Value = Tree> {
    prop::collection::btree_map(differential::path(), file(), 0..3)
}

fn repo(id: u32) -> impl Strategy<Value = Repo> {
    let name = select(vec!["foo", "bar/foo", "kmalloc", "z"]);
    (name, tree(), tree(), tree(), 1usize..3, any::<bool>()).prop_map(
        move |(name, main, dev, old, n_segments, is_fork)| {
            let branches = [("main", main), ("dev", dev), ("old", old)];
            Repo {
                id,
                name: format!("{name}-{id}"),
                branches: branches.into_iter().map(|(name, tree)| (name.to_owned(), tree)).collect(),
                visibility: Visibility::Public,
                is_fork: is_fork && id % 7 == 2,
                is_archived: false,
                about: differential::about(id),
                n_segments,
                commit_seconds: Vec::new(),
            }
        },
    )
}

fn repos() -> impl Strategy<Value = Vec<Repo>> {
    (1..=N_REPOS).map(repo).collect::<Vec<_>>()
}

/// Everything that a search said, but for how long it took.
fn said(answer: Answer) -> String {
    let Answer { batches, mut told, mut summary } = answer;
    told.iter_mut().chain([&mut summary.stats]).for_each(|stats| stats.duration = Duration::ZERO);
    format!("{batches:#?}\n{told:#?}\n{summary:#?}")
}

fn a_page_of(display: usize) -> Limits {
    Limits { display, ..Limits::default() }
}

/// The same catalog without sketches and with them says the same, whoever asks, however much is shown.
fn compare(
    plain: &World,
    sketched: &World,
    text: &str,
    some: &model::AccessSet,
) -> Result<(), TestCaseError> {
    if crate::world::parse(text).is_err() {
        return Ok(());
    }
    let first_page = text.replace("count:all", "");
    for access in [&plain.everyone(), some] {
        for (text, limits) in [
            (text, Limits::unlimited_display()),
            (&first_page, a_page_of(2)),
            (&first_page, Limits::default()),
        ] {
            let ask = |world: &World| world.try_search(access, text, &limits).map(said);
            let (expected, found) = (ask(plain), ask(sketched));
            prop_assert_eq!(expected.is_ok(), found.is_ok(), "{}", text);
            if let (Ok(expected), Ok(found)) = (expected, found) {
                prop_assert_eq!(expected, found, "{}", text);
            }
        }
    }
    Ok(())
}

/// What sketches decide: words, paths, and both, in every place of a tree.
const QUERIES: [&str; 38] = [
    "kmalloc count:all",
    "case:yes KMALLOC count:all",
    "nowhere_at_all count:all",
    "foobar OR miss count:all",
    "foobar AND kmalloc count:all",
    "foobar NOT kmalloc count:all",
    "NOT kmalloc count:all",
    "(NOT foobar) OR miss count:all",
    "/k[mM]al+oc|mis+/ count:all",
    "/[^a]oo/ count:all",
    "/a.*r/ content:kmalloc count:all",
    "日本 count:all",
    "type:path kmalloc count:all",
    "type:path file:src foo count:all",
    "type:file kmalloc count:all",
    "type:repo kmalloc count:all",
    "file:Kmalloc count:all",
    "file:Kmalloc foobar count:all",
    "(file:src foobar) OR (lang:c miss) count:all",
    "lang:python kmalloc count:all",
    "-file:\\.c$ kmalloc count:all",
    "file:has.content(kmalloc) count:all",
    "NOT (file:has.content(kmalloc)) foobar count:all",
    "repo:foo kmalloc count:all",
    "(repo:foo kmalloc) OR (repo:z miss) count:all",
    "select:repo kmalloc count:all",
    "kmalloc rev:dev count:all",
    "NOT (context:all) kmalloc count:all",
    "NOT (context:forks) kmalloc count:all",
    "context:all kmalloc count:all",
    "repo:has.content(kmalloc) foobar count:all",
    "-repo:has.content(kmalloc) foobar count:all",
    "repo:has.file(path:src content:miss) count:all",
    "repo:has.path(Kmalloc) lang:c foo count:all",
    "repo:has.topic(topic-1) kmalloc count:all",
    "repo:has.content(nowhere) kmalloc count:all",
    "repo:has.content(kmalloc) rev:dev foo count:all",
    "patterntype:structural lang:c foobar(kmalloc) count:all",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn passing_over_repositories_changes_nothing(
        repos in repos(),
        queries in prop::collection::vec(differential::query(), 12),
        hidden in prop::collection::btree_set(1..=N_REPOS, 1..40),
    ) {
        let (plain, sketched) = (World::unsketched(repos.clone()), World::new(repos));
        let some = access((1..=N_REPOS).filter(|id| !hidden.contains(id)));
        for text in queries.iter().map(String::as_str).chain(QUERIES) {
            compare(&plain, &sketched, text, &some)?;
        }
        for text in &queries {
            differential::check(&sketched, text)?;
        }
    }
}

fn word(id: u32, word: &str) -> Repo {
    Repo::new(id, &format!("r{id:03}"), &[("a.c", word)])
}

/// How many chunks are asked for candidates.
fn n_asked(world: &World, text: &str) -> u64 {
    let query = crate::world::parse(text).expect("a query");
    let (limits, cancel) = (Limits::default(), search::CancelToken::new());
    let told = SEARCHER.explain(&world.catalog.snapshot(), &world.everyone(), &query, &limits, &cancel);
    told.expect("it is explained").n_chunks_asked
}

#[test]
fn repositories_that_cannot_match_are_not_taken_up() {
    let words = ["vmalloc(size)", "kfree(pointer)", "return -EINVAL;", "kmalloc_array(a, b)"];
    let repos = (1..=100).map(|id| word(id, words[if id == 50 { 3 } else { id as usize % 3 }]));
    let world = World::unsketched(repos.collect());
    assert_eq!(n_asked(&world, "kmalloc_array"), 100);
    world.sketch();
    for (text, expected) in [
        ("kmalloc_array", 1),
        ("kmalloc_array OR kfree", 34),
        ("/kmalloc_a.*y|nowhere/", 1),
        ("kmalloc_array NOT kfree", 1),
        ("NOT kmalloc_array count:all", 100),
        ("file:nowhere kfree", 0),
        ("lang:c kmalloc_array", 1),
        ("/[a-z]+_/ count:all", 100),
    ] {
        let n_asked = n_asked(&world, text);
        // Bits may coincide, but seldom those of all grams of a word.
        assert!((expected..=expected + 4).contains(&n_asked), "{text}: {n_asked}");
    }
}

/// A repository that is indexed again is found by what it holds now, and its column goes to another.
#[test]
fn sketches_follow_the_catalog() {
    let world = World::new((1..=130).map(|id| word(id, "vmalloc here")).collect());
    let lines = |text: &str| world.search(text).lines();
    assert_eq!(lines("kmalloc"), [""; 0]);
    world.publish(&word(7, "kmalloc here"));
    assert_eq!(lines("kmalloc"), ["r007:a.c:1:kmalloc here"]);
    world.sketch();
    assert_eq!(lines("kmalloc"), ["r007:a.c:1:kmalloc here"]);
    for id in 8..100 {
        world.publish(&word(id, "kfree here"));
        if id % 3 == 0 {
            world.sketch();
        }
    }
    world.catalog.remove(model::RepoId(7));
    assert_eq!(lines("kmalloc"), [""; 0]);
    assert_eq!(lines("kfree count:all").len(), 92);
    world.publish(&word(7, "kmalloc again"));
    world.sketch();
    assert_eq!(lines("kmalloc"), ["r007:a.c:1:kmalloc again"]);
    assert_eq!(lines("vmalloc count:all").len(), 130 - 93);
}

/// A snapshot that was taken before goes on to find what it held.
#[test]
fn older_snapshots_keep_their_sketches() {
    let world = World::new(vec![word(1, "kmalloc"), word(2, "vmalloc")]);
    let before = world.catalog.snapshot();
    world.publish(&word(1, "kfree"));
    world.publish(&word(3, "kmalloc"));
    world.sketch();
    assert!(!before.is_same(&world.catalog.snapshot()));
    let query = crate::world::parse("kmalloc").expect("a query");
    let mut kept = crate::world::Kept::default();
    let (limits, cancel) = (Limits::default(), search::CancelToken::new());
    let everyone = access([1, 2, 3]);
    SEARCHER.search(&before, &everyone, &query, &limits, &cancel, &mut kept).expect("it is answered");
    assert_eq!(kept.batches.iter().flatten().count(), 1);
    // Making sketches is no change of what is found.
    let now = world.catalog.snapshot();
    world.sketch();
    assert!(now.is_same(&world.catalog.snapshot()));
}

/// Nothing is sketched of what may not be read, and what is pending is no matter.
#[test]
fn only_what_may_be_read_is_sketched() {
    let world = World::unsketched(vec![word(1, "kmalloc"), word(2, "kmalloc")]);
    world.catalog.set_pending(PendingRepo {
        id: model::RepoId(3),
        name: model::RepoName::new("r003").expect("a name"),
        state: PendingState::Cloning,
    });
    let mut n_asked = 0;
    let mut count = || {
        n_asked += 1;
        true
    };
    world.catalog.sketch(&access([2, 3]), &mut count);
    world.catalog.sketch(&access([2, 3]), &mut count);
    assert_eq!(n_asked, 1, "one repository, once");
    assert_eq!(world.search("kmalloc").lines().len(), 2);
    assert_eq!(world.search("kfree").lines().len(), 0);
}
