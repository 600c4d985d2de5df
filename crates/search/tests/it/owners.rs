//! Owners against brute force: the rules of each branch, read from its own tree.

use crate::world::{Answer, File, Repo, Tree, World, access};
use proptest::prelude::*;
use proptest::sample::select;
use search::{Limits, Match, Visibility};
use std::collections::BTreeSet;

const PATHS: [&str; 9] = [
    "a.c",
    "src/a.c",
    "src/b.py",
    "src/deep/c.c",
    "docs/a.md",
    "docs/deep/b.md",
    "lib/x.c",
    "lib/OWNERS.md",
    "z",
];

fn rules_file() -> impl Strategy<Value = (String, String)> {
    let github = prop::collection::vec(
        select(vec![
            "* @all",
            "*.c @C-Team",
            "/src/ @org/src x@y.z",
            "docs/* @docs",
            "lib/",
            "src/deep @deep @C-Team",
            "!bad @x",
        ]),
        0..5,
    );
    let gitlab = prop::collection::vec(
        select(vec!["* @all", "[S] @def", "^[T]", "*.c @C-Team", "!/src/deep/**/*", "docs/", "lib/ @lib"]),
        0..6,
    );
    let gerrit = prop::collection::vec(
        select(vec![
            "a@b.c",
            "*",
            "set noparent",
            "per-file *.c=c@d.e",
            "file:/lib/OWNERS",
            "include /src/OWNERS",
        ]),
        0..4,
    );
    prop_oneof![
        github.prop_map(|lines| (".github/CODEOWNERS".to_owned(), lines.join("\n"))),
        gitlab.clone().prop_map(|lines| ("CODEOWNERS".to_owned(), lines.join("\n"))),
        gitlab.prop_map(|lines| (".gitlab/CODEOWNERS".to_owned(), lines.join("\n"))),
        (select(vec!["OWNERS", "src/OWNERS", "lib/OWNERS", "src/deep/OWNERS"]), gerrit)
            .prop_map(|(path, lines)| (path.to_owned(), lines.join("\n"))),
    ]
}

fn tree() -> impl Strategy<Value = Tree> {
    let files = prop::collection::vec(select(PATHS.to_vec()), 1..7);
    (files, prop::collection::vec(rules_file(), 0..4)).prop_map(|(files, rules)| {
        let files =
            files.into_iter().map(|path| (path.as_bytes().to_vec(), File::text(&format!("text {path}\n"))));
        let rules = rules.into_iter().map(|(path, text)| (path.into_bytes(), File::text(&text)));
        files.chain(rules).collect()
    })
}

/// The owners of each file of a branch.
fn brute_force(tree: &Tree) -> Vec<(String, BTreeSet<String>)> {
    let read =
        |path: &str| tree.get(path.as_bytes()).map(|file| String::from_utf8_lossy(file.bytes()).into_owned());
    let owners =
        |path: &[u8]| owners::of_file(path, read).into_iter().flat_map(|(_, rule)| rule.owners).collect();
    tree.keys().map(|path| (String::from_utf8_lossy(path).into_owned(), owners(path))).collect()
}

fn paths(answer: &Answer) -> BTreeSet<String> {
    let path = |found: &Match| match found {
        Match::Path(found) => String::from_utf8_lossy(&found.path).into_owned(),
        Match::Content(found) => String::from_utf8_lossy(&found.path).into_owned(),
        other => panic!("unexpected {other:?}"),
    };
    answer.matches().map(path).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn owners_are_those_of_the_revision(main in tree(), dev in tree()) {
        let branches = vec![("main".to_owned(), main), ("dev".to_owned(), dev)];
        let repo = Repo {
            branches, visibility: Visibility::Public, n_segments: 2, ..Repo::new(1, "r", &[])
        };
        let world = World::new(vec![repo.clone()]);
        let search = |query: &str| world.search_as(&access([1]), query, &Limits::unlimited_display());
        for (branch, tree) in &repo.branches {
            let expected = brute_force(tree);
            for who in ["@C-Team", "c-team", "ORG/src", "X@y.z", "a@b.c", "@all", "def", "nobody"] {
                let owned = expected.iter().filter(|(_, owners)| owners.iter().any(|owner| owners::is_owner(owner, who)));
                let owned: BTreeSet<String> = owned.map(|(path, _)| path.clone()).collect();
                prop_assert_eq!(paths(&search(&format!("rev:{branch} file:has.owner({who}) count:all"))), owned.clone());
                let content = search(&format!("rev:{branch} file:has.owner({who}) content:text count:all"));
                let texts: BTreeSet<String> = owned.into_iter().filter(|path| PATHS.contains(&path.as_str())).collect();
                prop_assert_eq!(paths(&content), texts);
            }
            let unowned = expected.iter().filter(|(_, owners)| owners.is_empty()).map(|(path, _)| path.clone());
            prop_assert_eq!(
                paths(&search(&format!("rev:{branch} -file:has.owner() count:all"))), unowned.collect::<BTreeSet<_>>()
            );
            let answer = search(&format!("rev:{branch} file:. select:file.owners count:all"));
            let found: Vec<String> = answer.matches().map(|found| match found {
                Match::Owner(found) => found.owner.clone(),
                other => panic!("unexpected {other:?}"),
            }).collect();
            let all: BTreeSet<String> = expected.iter().flat_map(|(_, owners)| owners.clone()).collect();
            prop_assert_eq!(found.len(), all.len(), "each once");
            prop_assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), all);
        }
    }
}

#[test]
fn owners_do_not_cross_the_access_set() {
    let files = [("CODEOWNERS", "* @secret\n"), ("a.c", "x\n")];
    let world = World::new(vec![Repo::new(1, "open", &[("a.c", "x\n")]), Repo::new(2, "closed", &files)]);
    let answer = world.search_as(&access([1]), "file:. select:file.owners", &Limits::default());
    assert_eq!(answer.matches().count(), 0);
    let alert = answer.summary.alert.expect("files without owners are told");
    assert!(alert.starts_with("1 file was found, and no rule"), "{alert}");
    let answer = world.search_as(&access([1]), "nowhere select:file.owners", &Limits::default());
    assert_eq!(answer.summary.alert, None, "no files, no owners to miss");
    let answer = world.search_as(&access([1, 2]), "file:. select:file.owners", &Limits::default());
    assert_eq!(answer.matches().count(), 1);
}
