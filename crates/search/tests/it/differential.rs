//! Generated worlds and generated queries: counts, lines and documents must be those of brute force.

use crate::oracle::{self, Expected, Key};
use crate::world::{Answer, File, Repo, Tree, World};
use proptest::prelude::*;
use proptest::sample::select;
use search::{About, Limits, Match, Visibility};
use std::collections::BTreeSet;

pub(crate) const WORDS: [&str; 14] = [
    "foo",
    "Foo",
    "bar",
    "foobar",
    "fo",
    "o",
    "kmalloc",
    "KMALLOC",
    "\u{212A}malloc",
    "mi\u{17F}\u{17F}",
    "miss",
    "é",
    "日本",
    "x",
];

fn line() -> impl Strategy<Value = String> {
    let separator = select(vec![" ", "", "(", ".", "\t"]);
    prop::collection::vec((select(WORDS.to_vec()), separator), 0..5)
        .prop_map(|parts| parts.into_iter().flat_map(|(word, separator)| [word, separator]).collect())
}

fn text() -> impl Strategy<Value = String> {
    let line_end = prop_oneof![8 => Just("\n"), 1 => Just("\r\n")];
    // Repetition makes texts of several blocks, and lines longer than a block.
    let part =
        (line(), prop_oneof![12 => Just(1usize), 1 => Just(300), 1 => Just(900)], line_end, any::<bool>());
    (prop::collection::vec(part, 0..8), any::<bool>()).prop_map(|(parts, ends_in_newline)| {
        let mut text = String::new();
        for (line, n_times, line_end, on_one_line) in parts {
            let between = if on_one_line && n_times > 1 { "" } else { line_end };
            for _ in 0..n_times {
                text.push_str(&line);
                text.push_str(between);
            }
            text.push_str(line_end);
        }
        if !ends_in_newline {
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
        }
        text
    })
}

fn file() -> impl Strategy<Value = File> {
    prop_oneof![
        10 => text().prop_map(File::Text),
        1 => select(WORDS.to_vec()).prop_map(|word| File::Link(word.to_owned())),
        1 => prop::collection::vec(any::<u8>(), 0..5).prop_map(File::Binary),
    ]
}

pub(crate) fn path() -> impl Strategy<Value = Vec<u8>> {
    let part = select(vec!["foo", "bar", "src", "Kmalloc", "é", "x"]);
    (prop::collection::vec(part, 1..4), select(vec![".c", ".py", ".txt", ""]))
        .prop_map(|(parts, extension)| format!("{}{extension}", parts.join("/")).into_bytes())
}

pub(crate) fn repo(id: u32) -> impl Strategy<Value = Repo> {
    let file = prop::collection::vec((path(), any::<prop::sample::Index>(), 1u8..8), 1..10);
    let contents = prop::collection::vec(file_pool(), 1..6);
    (select(vec!["foo", "bar/foo", "kmalloc", "z"]), file, contents, 1usize..3, any::<bool>()).prop_map(
        move |(name, files, contents, n_segments, is_fork)| {
            // Each file stands in the branches of its mask, so that blobs and paths are shared between them.
            let branch = |bit: u8| -> Tree {
                let chosen = files.iter().filter(|(_, _, mask)| mask & (1 << bit) != 0);
                chosen.map(|(path, idx, _)| (path.clone(), idx.get(&contents).clone())).collect()
            };
            Repo {
                id,
                name: format!("{name}-{id}"),
                branches: vec![
                    ("main".to_owned(), branch(0)),
                    ("dev".to_owned(), branch(1)),
                    ("old".to_owned(), branch(2)),
                ],
                // Of several ages, the clock at 0.
                commit_seconds: [-200, -20, -2000].map(|days| days * 86_400 * i64::from(id)).to_vec(),
                visibility: Visibility::Public,
                is_fork: is_fork && id == 2,
                is_archived: false,
                about: about(id),
                n_segments,
            }
        },
    )
}

/// Something different of each.
pub(crate) fn about(id: u32) -> About {
    let metadata = [("team".to_owned(), Some(format!("t{id}"))), (format!("key{id}"), None)];
    About {
        description: if id == 3 { String::new() } else { format!("Foo number {id}") },
        topics: vec!["shared".to_owned(), format!("topic-{id}")],
        metadata: metadata.into_iter().collect(),
    }
}

fn file_pool() -> impl Strategy<Value = File> {
    file()
}

fn term() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => select(WORDS.to_vec()).prop_map(str::to_owned),
        2 => select(vec!["\"foo bar\"", "\"foo(\"", "content:foo", "content:/o+b/", "\"fo o\"", "\"r\\nfoo\""])
            .prop_map(str::to_owned),
        3 => select(vec![
            "/fo+/", "/^foo/", "/bar$/", "/\\bfoo\\b/", "/f.*r/", "/\\s/", "/[^a]oo/", "/(foo|bar)/", "/x*/", "/^$/",
            "/k[mM]al+oc/", "/o\\nf/", "/(?s)foo.bar/", "/[a-f]{2,3}/", "/\\S+é/", "/miss/", "/(?-i)Foo/", "/\\W\\w/",
            "/\\Afoo/", "/r\\z/",
        ]).prop_map(str::to_owned),
    ]
}

fn filter() -> impl Strategy<Value = String> {
    select(vec![
        "file:foo",
        "-file:foo",
        "file:\\.c$",
        "lang:c",
        "-lang:c",
        "lang:python",
        "repo:foo",
        "-repo:bar",
        "file:^src/",
        "file:é",
        "repo:kmalloc|bar",
        "file:.",
    ])
    .prop_map(str::to_owned)
}

fn predicate() -> impl Strategy<Value = String> {
    let predicate = select(vec![
        "repo:has.path(foo)",
        "repo:has.path(^src/.*\\.c$)",
        "repo:has.path(nothing)",
        "repo:has.content(foo)",
        "repo:has.content(^\\s*bar$)",
        "repo:has.content(k[mM]al+oc)",
        "repo:has.content(o\\nf)",
        "repo:has.content(.)",
        "repo:has.content(nothing at all)",
        "repo:has.file(path:\\.c$ content:foo)",
        "repo:has.file(path:x content:\"foo bar\")",
        "repo:has.file(content:miss)",
        "repo:has.file(path:Kmalloc)",
        "repo:has.description(foo)",
        "repo:has.description(2$)",
        "repo:has.topic(shared)",
        "repo:has.topic(topic-1)",
        "repo:has.meta(team)",
        "repo:has.meta(team:t2)",
        "repo:has.meta(key3)",
        "context:foos",
        "context:forks",
        "context:all",
        "context:sources",
        "context:dev",
        "context:listed",
        "context:at",
        "context:both",
        "context:nested",
        "context:private",
        "file:has.content(foo)",
        "file:has.content(^bar$)",
        "file:has.content([^a]oo)",
        "file:has.content(foo\\nf)",
    ]);
    (predicate, any::<bool>()).prop_map(|(text, negated)| match negated {
        true => format!("NOT ({text})"),
        false => text.to_owned(),
    })
}

fn expr() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![4 => term(), 2 => filter(), 2 => predicate()];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" AND "))),
            2 => prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" OR "))),
            1 => inner.prop_map(|part| format!("NOT ({part})")),
        ]
    })
}

/// A line-bound regular expression with two groups.
pub(crate) fn content_pattern() -> impl Strategy<Value = String> {
    select(vec![
        "(f)(o+)",
        "(foo|bar)()",
        "(\\w+) (\\w*)",
        "^(\\S*)(.?)",
        "(.)(.)$",
        "(x*)(y?)",
        "k([mM]al+)(oc)",
        "(\\s)(o?)",
        "(o)|(r)",
        "(é)(日)?",
        "([^a])(oo)",
        "(\\bfoo\\b)()",
        "(.*)()",
    ])
    .prop_map(str::to_owned)
}

pub(crate) fn query() -> impl Strategy<Value = String> {
    let settings = prop::collection::vec(
        select(vec![
            "case:yes",
            "type:file",
            "type:path",
            "type:repo",
            "rev:dev",
            "rev:main:old",
            "rev:*refs/heads/*",
            "fork:yes",
            "",
            "",
            "",
        ]),
        0..2,
    );
    (expr(), settings).prop_map(|(expr, settings)| format!("{expr} {} count:all", settings.join(" ")))
}

fn found(answer: &Answer, repos: &[Repo]) -> Expected {
    let mut found =
        Expected { n_lines: answer.stats().lines, n_matches: answer.stats().matches, ..Expected::default() };
    let key = |repo: &model::RepoName, path: &[u8], blob: model::ObjectId, refs: &[model::RefName]| -> Key {
        let repo = repos.iter().find(|known| known.name == repo.as_str()).expect("a known repository");
        let branches: BTreeSet<String> = refs.iter().map(|name| name.short().to_owned()).collect();
        let in_order = repo.branches.iter().filter(|(name, _)| branches.contains(name));
        let branches: Vec<String> = in_order.map(|(name, _)| name.clone()).collect();
        let tree = &repo.branches.iter().find(|(name, _)| *name == branches[0]).expect("a known branch").1;
        assert_eq!(tree[path].oid(), blob);
        (repo.name.clone(), path.to_vec(), tree[path].clone(), branches)
    };
    for result in answer.matches() {
        match result {
            Match::Content(content) => {
                let key = key(&content.repo, &content.path, content.blob, &content.refs);
                assert_eq!(content.n_lines, content.lines.len() as u64);
                let lines = content.lines.iter();
                let lines = lines.map(|line| (line.number, line.text.clone(), line.ranges.clone())).collect();
                assert!(found.content.insert(key, lines).is_none(), "a document twice");
            }
            Match::Path(path) => {
                let key = key(&path.repo, &path.path, path.blob, &path.refs);
                assert!(found.paths.insert(key), "a path twice");
            }
            Match::Repo(repo) => {
                assert!(found.repos.insert(repo.repo.to_string()), "a repository twice");
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    found
}

/// Searches, and compares with brute force.
pub(crate) fn check(world: &World, text: &str) -> Result<(), TestCaseError> {
    let Ok(query) = crate::world::parse(text) else { return Ok(()) };
    let answer = world.search_as(&world.everyone(), text, &Limits::unlimited_display());
    let expected = oracle::answer(&world.repos.iter().collect::<Vec<_>>(), &query);
    let found = found(&answer, &world.repos);
    prop_assert_eq!(&found.repos, &expected.repos, "{}", text);
    prop_assert_eq!(&found.paths, &expected.paths, "{}", text);
    prop_assert_eq!(&found.content, &expected.content, "{}", text);
    prop_assert_eq!((found.n_lines, found.n_matches), (expected.n_lines, expected.n_matches), "{}", text);
    let stats = answer.stats();
    let n_files = (expected.content.len() + expected.paths.len()) as u64;
    prop_assert_eq!((stats.files, stats.complete), (n_files, true), "{}", text);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_is_brute_force(
        repos in (repo(1), repo(2), repo(3)).prop_map(|(a, b, c)| vec![a, b, c]),
        queries in prop::collection::vec(query(), 12),
        n_skipped in 2u32..9,
    ) {
        let world = World::unsketched(repos);
        for query in &queries {
            check(&world, query)?;
        }
        // With text read from the raw sidecar, of most blobs, and with sketches nothing is different.
        world.attach_raw(n_skipped);
        world.sketch();
        for query in &queries {
            check(&world, query)?;
        }
    }
}

/// A predicate or context that is refused would be compared with nothing.
#[test]
fn everything_generated_is_a_query() {
    for text in
        ["context:nested", "NOT (context:nested)", "context:at foo", "NOT (file:has.content(foo\\nf))"]
    {
        assert!(crate::world::parse(text).is_ok(), "{text}");
    }
}
