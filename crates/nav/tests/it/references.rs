//! From a name to where it is used.

use crate::world::World;
use nav::{Limits, Reference, ReferenceLimits, Verdict, references};

fn told(one: &Reference) -> String {
    let repo = one.repo.as_ref().map(|repo| format!("@{repo}/")).unwrap_or_default();
    let sure = match one.verdict {
        Verdict::Leads(how) => how.as_str(),
        Verdict::SameName => "same-name",
        Verdict::NotLooked => "not-looked",
    };
    let within = one.within.as_ref().map(|within| format!(" in {}", within.name)).unwrap_or_default();
    format!("{repo}{}:{} {} {sure}{within}", String::from_utf8_lossy(&one.path), one.line, one.kind.as_str())
}

#[track_caller]
fn check(world: &World, path: &str, place: &str, wanted: &ReferenceLimits, expected: &[&str]) {
    let offset = world.at(path, place);
    let answer = references(world, path.as_bytes(), offset, &Limits::default(), wanted).expect("an answer");
    let found: Vec<String> = answer.references.iter().map(told).collect();
    assert_eq!(found, expected, "{place}");
}

const HERE: ReferenceLimits = ReferenceLimits {
    n_references_max: 100,
    n_looked_bytes_max: usize::MAX,
    is_everywhere: false,
    asks_compiler: false,
};

fn world() -> World {
    World::new(&[
        (
            "lib/shelf.ts",
            "export class Shelf {\n  add(x: number) { return x; }\n}\nexport class Other { add() {} }\n",
        ),
        (
            "src/a.ts",
            "import { Shelf } from '../lib/shelf';\n// Shelf is a shelf\nfunction fill(shelf: Shelf) {\n  shelf.add(1);\n  'add';\n}\nclass Full extends Shelf {}\n",
        ),
        (
            "src/b.ts",
            "import { Other } from '../lib/shelf';\nnew Other().add();\nguess.add();\nconst Shelf = 1;\n",
        ),
        ("@web/c.ts", "import { Shelf } from 'lib';\n"),
    ])
}

#[test]
fn uses_that_lead_there_come_first_and_those_that_lead_elsewhere_are_none() {
    let world = world();
    check(
        &world,
        "lib/shelf.ts",
        "|add(x",
        &HERE,
        &[
            "lib/shelf.ts:2 definition scope in Shelf",
            "src/a.ts:4 call receiver in fill",
            "src/b.ts:3 call same-name",
        ],
    );
    check(
        &world,
        "src/a.ts",
        "shelf: |Shelf",
        &HERE,
        &[
            "lib/shelf.ts:1 definition scope",
            "src/a.ts:1 import import",
            "src/a.ts:3 use import in fill",
            "src/a.ts:7 use import in Full",
        ],
    );
}

#[test]
fn other_repositories_are_asked_where_that_is_wanted() {
    let world = world();
    let everywhere = ReferenceLimits { is_everywhere: true, ..HERE };
    let offset = world.at("lib/shelf.ts", "class |Shelf");
    let answer =
        references(&world, b"lib/shelf.ts", offset, &Limits::default(), &everywhere).expect("an answer");
    assert_eq!(
        answer.references.iter().map(told).filter(|one| one.starts_with('@')).collect::<Vec<_>>(),
        ["@web/c.ts:1 use not-looked"]
    );
}

#[test]
fn what_is_local_has_no_uses_elsewhere() {
    check(
        &world(),
        "src/a.ts",
        "|shelf.add",
        &HERE,
        &["src/a.ts:3 definition scope in fill", "src/a.ts:4 use scope in fill"],
    );
}

#[test]
fn limits_are_kept_and_told() {
    let world = world();
    let few = ReferenceLimits { n_references_max: 1, ..HERE };
    let offset = world.at("lib/shelf.ts", "class |Shelf");
    let answer = references(&world, b"lib/shelf.ts", offset, &Limits::default(), &few).expect("an answer");
    assert_eq!((answer.references.len(), answer.is_cut), (1, true));
    let late = ReferenceLimits { n_looked_bytes_max: 0, ..HERE };
    let answer = references(&world, b"lib/shelf.ts", offset, &Limits::default(), &late).expect("an answer");
    assert!(
        answer.references.iter().all(|one| one.verdict == Verdict::NotLooked) && answer.references.len() > 3
    );
}

#[test]
fn each_use_is_looked_at_with_steps_of_its_own() {
    let calls = "  shelf.add(1);\n".repeat(100);
    let text = format!("import {{ Shelf }} from './shelf';\nfunction fill(shelf: Shelf) {{\n{calls}}}\n");
    let world =
        World::new(&[("shelf.ts", "export class Shelf {\n  add(x: number) {}\n}\n"), ("a.ts", &text)]);
    let limits = Limits { n_steps_max: 40, ..Limits::default() };
    let wanted = ReferenceLimits { n_references_max: 1_000, ..HERE };
    let offset = world.at("shelf.ts", "|add(x");
    let answer = references(&world, b"shelf.ts", offset, &limits, &wanted).expect("an answer");
    let n_sure = answer.references.iter().filter(|one| matches!(one.verdict, Verdict::Leads(_))).count();
    assert_eq!((n_sure, answer.references.len()), (101, 101));
    let limits = Limits { n_steps_max: 2, ..limits };
    let answer = references(&world, b"shelf.ts", offset, &limits, &wanted).expect("an answer");
    assert!(answer.references.iter().any(|one| one.verdict == Verdict::NotLooked), "a bound is told");
}

#[test]
fn uses_of_a_declaration_are_uses_of_its_body() {
    let world = World::new(&[
        ("db.h", "int lookup(int key);\n"),
        ("db.c", "#include \"db.h\"\n\nint lookup(int key) {\n    return 0;\n}\n"),
        ("list.c", "#include \"db.h\"\n\nvoid pop(void) {\n    lookup(1);\n}\n"),
        ("apart.c", "static int lookup(int key) { return key; }\nint go(void) { return lookup(2); }\n"),
    ]);
    for (path, place) in
        [("db.c", "int |lookup(int key) {"), ("db.h", "int |lookup("), ("list.c", "|lookup(1)")]
    {
        let wanted = ReferenceLimits {
            n_references_max: 50,
            n_looked_bytes_max: 1 << 20,
            is_everywhere: false,
            asks_compiler: false,
        };
        let found = references(&world, path.as_bytes(), world.at(path, place), &Limits::default(), &wanted);
        let found = found.expect("an answer").references;
        let mut places: Vec<String> = found
            .iter()
            .map(|one| format!("{}:{} {}", String::from_utf8_lossy(&one.path), one.line, one.kind.as_str()))
            .collect();
        places.sort();
        assert_eq!(places, ["db.c:3 definition", "db.h:1 definition", "list.c:4 call"], "{path}");
    }
}
