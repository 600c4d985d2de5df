//! Answers at other commits, of other packages, and for those who may read a part.

use crate::made::{Taken, document, information, occurrence, scip_index};
use model::{AccessSet, Epoch, ObjectId, RepoId};
use precise::{Hunk, IngestLimits, LineMap, Precise, Sources, Spot, Upload};
use scip::types;
use std::collections::BTreeMap;
use std::sync::Arc;

const REPO: RepoId = RepoId(1);
const OLD: ObjectId = ObjectId([1; 20]);
const NEW: ObjectId = ObjectId([2; 20]);

/// Two commits: in the new one a line stands before everything in `a.ts`, and its third line was changed.
struct World {
    hidden: &'static str,
}

const OLD_A: &str = "export function f() {}\nf(); é f()\nf();\n";
const NEW_A: &str = "// new\nexport function f() {}\nf(); é f()\n f();\n";
const B: &str = "f();\nclass C {}\n";

impl Sources for World {
    fn parents(&self, _: RepoId, commit: ObjectId) -> Vec<ObjectId> {
        if commit == NEW { vec![OLD] } else { Vec::new() }
    }

    fn text(&self, _: RepoId, commit: ObjectId, path: &str) -> Option<Arc<str>> {
        match path {
            "p/a.ts" if commit == NEW => Some(NEW_A.into()),
            "p/a.ts" => Some(OLD_A.into()),
            "p/b.ts" => Some(B.into()),
            _ => None,
        }
    }

    fn lines(&self, _: RepoId, path: &str, old: ObjectId, new: ObjectId) -> Option<LineMap> {
        let hunks = vec![Hunk { old: 0..0, new: 0..1 }, Hunk { old: 2..3, new: 3..4 }];
        match (path, old == OLD && new == NEW) {
            ("p/a.ts", true) => Some(LineMap::new(hunks)),
            _ => Some(LineMap::same()),
        }
    }

    fn may_read(&self, _: RepoId, path: &str) -> bool {
        path != self.hidden
    }
}

fn of(repos: &[u32]) -> AccessSet {
    access(repos.iter().copied())
}

#[allow(clippy::disallowed_methods, reason = "tests play every caller")]
fn access(ids: impl IntoIterator<Item = u32>) -> AccessSet {
    AccessSet::assemble(ids.into_iter().map(RepoId).collect(), BTreeMap::new(), Epoch(1), None)
}

fn taken() -> Taken {
    let f = "s npm p 1 `a.ts`/f().";
    let mut a = document(
        "a.ts",
        vec![
            occurrence(&[0, 16, 17], f, 1),
            occurrence(&[1, 0, 1], f, 0),
            occurrence(&[1, 7, 8], f, 0),
            occurrence(&[2, 0, 1], f, 0),
        ],
    );
    a.position_encoding =
        protobuf::EnumOrUnknown::new(types::PositionEncoding::UTF16CodeUnitOffsetFromLineStart);
    a.symbols.push(information(f, "does f"));
    let mut b =
        document("b.ts", vec![occurrence(&[0, 0, 1], f, 0), occurrence(&[1, 6, 7], "s npm p 1 C#", 1)]);
    let mut class = information("s npm p 1 C#", "a class");
    class.relationships.push(types::Relationship {
        symbol: f.into(),
        is_implementation: true,
        ..Default::default()
    });
    b.symbols.push(class);
    let taken = Taken::new();
    taken.take("u", &scip_index(vec![a, b]), &IngestLimits::default());
    taken
}

fn upload(repo: u32) -> Upload {
    Upload { id: "u".into(), repo: RepoId(repo), commit: OLD, root: "p".into(), indexer: "x".into() }
}

fn spot(commit: ObjectId, line: u32, column: u32) -> Spot<'static> {
    Spot { repo: REPO, commit, path: "p/a.ts", line, column }
}

#[test]
fn places_are_carried_to_the_commit_that_is_asked() {
    let taken = taken();
    let precise = Precise::new(taken.folder.path());
    let (access, world) = (of(&[1]), World { hidden: "" });
    let look =
        |line, column| precise.lookup(&access, &world, &[upload(1)], spot(NEW, line, column)).expect("ok");
    // The second f of its line stands behind a character of two bytes.
    let hit = look(2, 8).expect("it is known");
    assert_eq!((hit.span.start(), hit.span.end(), hit.distance), ((2, 8), (2, 9), 1));
    assert_eq!(hit.symbols[0].package().expect("it has one").name, "p");
    assert!(look(3, 1).is_none(), "the line was changed");
    assert!(look(0, 0).is_none(), "the line is new");
    assert!(look(9, 0).is_none(), "there is no such line");

    let definitions = precise.definitions(&access, &world, &hit).expect("ok").places;
    assert_eq!((definitions.len(), definitions[0].span.start(), definitions[0].commit), (1, (1, 16), NEW));
    let hover = precise.hover(&access, &world, &hit).expect("ok").expect("it is documented");
    assert_eq!(hover.info.documentation, ["does f"]);
    let implementations = precise.implementations(&access, &world, &hit).expect("ok").places;
    assert_eq!((implementations.len(), &*implementations[0].path), (1, "p/b.ts"));

    let first = precise.references(&access, &world, &hit, 0, 2).expect("ok");
    let starts: Vec<_> = first.places.iter().map(|place| place.span.start()).collect();
    assert_eq!((starts, first.n_total, first.next), (vec![(2, 0), (2, 8)], 4, Some(2)));
    let rest = precise.references(&access, &world, &hit, 2, 2).expect("ok");
    assert_eq!((rest.places.len(), rest.n_changed, rest.next), (1, 1, None));
    assert_eq!(rest.places[0].path, "p/b.ts");
}

#[test]
fn what_may_not_be_read_is_not_there() {
    let taken = taken();
    let precise = Precise::new(taken.folder.path());
    let (access, uploads) = (of(&[1]), [upload(1)]);
    let whole = World { hidden: "" };
    assert!(precise.lookup(&of(&[]), &whole, &uploads, spot(OLD, 1, 0)).expect("ok").is_none());
    let hit = precise.lookup(&access, &whole, &uploads, spot(OLD, 1, 0)).expect("ok").expect("it is known");
    let nobody = of(&[2]);
    assert_eq!(precise.references(&nobody, &whole, &hit, 0, 9).expect("ok"), precise::Places::default());
    assert!(precise.hover(&nobody, &whole, &hit).expect("ok").is_none());
    let hides_b = World { hidden: "p/b.ts" };
    assert!(precise.implementations(&access, &hides_b, &hit).expect("ok").places.is_empty());
    let hides_a = World { hidden: "p/a.ts" };
    assert!(precise.lookup(&access, &hides_a, &uploads, spot(OLD, 1, 0)).expect("ok").is_none());
    assert!(precise.definitions(&access, &hides_a, &hit).expect("ok").places.is_empty());
    assert!(precise.hover(&access, &hides_a, &hit).expect("ok").is_none());
}

#[test]
fn other_repositories_define_it() {
    let taken = taken();
    let precise = Precise::new(taken.folder.path());
    let (access, world) = (of(&[1, 5]), World { hidden: "" });
    let candidates = [(upload(5), "1".to_owned())];
    let find = |access: &AccessSet, symbol: &str| {
        precise.definitions_elsewhere(access, &world, symbol, &candidates).expect("ok")
    };
    let same = find(&access, "s npm p 1 `a.ts`/f().");
    assert_eq!(
        (same.len(), same[0].repo, same[0].commit, &same[0].other_version),
        (1, RepoId(5), OLD, &None)
    );
    let other = find(&access, "s npm p 9 `a.ts`/f().");
    assert_eq!(other[0].other_version.as_deref(), Some("1"));
    assert!(find(&access, "s npm p 1 `a.ts`/g().").is_empty());
    assert!(find(&of(&[1]), "s npm p 1 `a.ts`/f().").is_empty(), "the repository may not be read");
    let uses = |access: &AccessSet, world: &World, limit| {
        let symbol = "s npm p 9 `a.ts`/f().";
        precise.references_elsewhere(access, world, symbol, &candidates, limit).expect("ok")
    };
    let all = uses(&access, &world, 99);
    assert!(all.places.len() > 1 && all.n_total == all.places.len() as u64 && all.next.is_none());
    assert!(all.places.iter().all(|place| (place.repo, place.commit) == (RepoId(5), OLD)));
    assert_eq!(uses(&access, &world, 1).next, Some(1), "there are more");
    assert_eq!(uses(&of(&[1]), &world, 99), precise::Places::default());
    let hides_b = World { hidden: "p/b.ts" };
    assert!(uses(&access, &hides_b, 99).n_total < all.n_total, "what is hidden is not counted");
}
