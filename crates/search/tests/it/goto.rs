//! Going to anything: what is found, where, and by whom.

use crate::world::{Repo, World, access, access_to_parts};
use model::{AccessSet, PathRule, PathRules};
use search::{Goto, GotoAsked, Needle};
use std::collections::BTreeMap;

const C: &str = "struct frame_pool {\n\tint size;\n};\n\nint frame_take(void)\n{\n\treturn 0;\n}\n";

fn world() -> World {
    World::new(vec![
        Repo::new(
            1,
            "alpha",
            &[("src/frame.c", C), ("src/frame_pool/main.c", "int main(void) { return 0; }\n")],
        ),
        Repo::new(
            2,
            "beta",
            &[("frame.c", "int frame_give(void)\n{\n\treturn 0;\n}\n"), ("keys/frame.pem", "x\n")],
        ),
        Repo::new(3, "frames", &[("README.md", "frames\n")]),
    ])
}

fn goto(world: &World, access: &AccessSet, typed: &str, repo: Option<&str>) -> Goto {
    let needle = Needle::new(typed);
    let asked = GotoAsked {
        needle: &needle,
        repo,
        rev: None,
        repos: true,
        files: true,
        symbols: true,
        n_max: 10,
        n_names_max: usize::MAX,
    };
    world.catalog.snapshot().goto(access, asked)
}

fn told(goto: &Goto) -> Vec<String> {
    let repos = goto.repos.iter().map(|found| found.item.name.to_string());
    let path = |file: &search::GotoFile| format!("{}:{}", file.repo, String::from_utf8_lossy(&file.path));
    let files = goto.files.iter().map(|found| path(&found.item));
    let symbols = goto
        .symbols
        .iter()
        .map(|found| format!("{} {}:{}", found.item.name, path(&found.item.file), found.item.line));
    repos.chain(files).chain(symbols).collect()
}

#[test]
fn what_is_being_read_comes_first() {
    let (world, everyone) = (world(), access([1, 2, 3]));
    let found = goto(&world, &everyone, "frame", Some("beta"));
    let told = told(&found);
    assert_eq!(told[0], "frames");
    assert_eq!(&told[1..3], ["beta:frame.c", "beta:keys/frame.pem"]);
    assert!(told.contains(&"frame_give beta:frame.c:1".to_owned()), "{told:?}");
    assert!(told.contains(&"frame_take alpha:src/frame.c:5".to_owned()), "{told:?}");
    assert!(!found.is_cut);
    let found = goto(&world, &everyone, "ftk", None);
    assert_eq!(found.symbols[0].item.name, "frame_take");
    assert_eq!(found.symbols[0].ranges, [0..1, 6..7, 8..9]);
    assert!(goto(&world, &everyone, "", None).files.is_empty());
}

#[test]
fn what_may_not_be_read_is_not_there() {
    let world = world();
    let without = World::new(vec![Repo::new(2, "beta", &[("keys/frame.pem", "x\n")])]);
    let rules = BTreeMap::from([(2, PathRules::new([vec![PathRule::allow("keys/")]]))]);
    for typed in ["frame", "f", "give", "pem", "main", "size", "alpha", "frames"] {
        for repo in [None, Some("alpha"), Some("beta")] {
            let seen = told(&goto(&world, &access_to_parts(&rules), typed, repo));
            assert_eq!(seen, told(&goto(&without, &access([2]), typed, repo)), "{typed}");
        }
    }
}

#[test]
fn when_time_is_up_it_says_so() {
    let files: Vec<(String, &str)> = (0..5_000).map(|number| (format!("f/{number}.txt"), "x")).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let world = World::new(vec![Repo::new(1, "many", &files)]);
    let needle = Needle::new("txt");
    let asked = GotoAsked {
        needle: &needle,
        repo: None,
        rev: None,
        repos: false,
        files: true,
        symbols: true,
        n_max: 1_000,
        n_names_max: 4_000,
    };
    let found = world.catalog.snapshot().goto(&access([1]), asked);
    assert!(found.is_cut);
    assert_eq!(found.files.len(), 100);
}

#[test]
fn definitions_whose_letters_are_scattered_are_found_as_if_each_was_looked_at() {
    let words = ["alloc", "Free", "page", "node", "tcp", "v4", "rcv", "queue", "é", "x_9"];
    let name = |number: usize| {
        format!("{}_{}{}{number}", words[number % 10], words[number / 10 % 10], words[number / 7 % 10])
    };
    let names: Vec<String> = (0..900).map(name).collect();
    let text: String = names.iter().map(|name| format!("def {name}():\n    pass\n\n")).collect();
    let world = World::new(vec![Repo::new(1, "many", &[("many.py", text.as_str())])]);
    for typed in ["tpv1", "aq7", "FnQ", "noe33", "ée9", "x9xp", "zzz", "pge_tp12"] {
        let (needle, mut scratch) = (Needle::new(typed), search::FuzzyScratch::default());
        let mut scores: Vec<i32> =
            names.iter().filter_map(|name| needle.score(name.as_bytes(), &mut scratch)).collect();
        scores.sort_unstable_by_key(|score| std::cmp::Reverse(*score));
        scores.truncate(10);
        let found = goto(&world, &access([1]), typed, None);
        let found: Vec<i32> = found.symbols.iter().map(|found| found.score).collect();
        assert_eq!(found, scores, "{typed}");
    }
}
