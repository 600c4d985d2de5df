//! What calls what, what extends what.

use crate::world::{World, told};
use nav::{Code, Limits, callees, enclosing, member_in, subtypes_in, supertypes};

fn world() -> World {
    World::new(&[
        (
            "a.py",
            "from b import helper\n\nclass Base:\n    def run(self):\n        helper()\n        self.stop()\n        helper()\n        missing()\n\n    def stop(self):\n        pass\n",
        ),
        (
            "b.py",
            "from a import Base\n\ndef helper():\n    pass\n\nclass Fast(Base):\n    def run(self):\n        pass\n",
        ),
    ])
}

#[test]
fn a_function_calls_each_thing_once() {
    let calls = callees(&world(), b"a.py", 4, 8, &Limits::default()).expect("calls");
    let shown: Vec<String> = calls
        .iter()
        .map(|call| {
            format!("{} {} {}", call.line, call.name, call.found.first().map(told).unwrap_or_default())
        })
        .collect();
    assert_eq!(shown, ["5 helper import b.py:3:5", "6 stop receiver a.py:10:9", "8 missing "]);
}

#[test]
fn types_know_what_is_above_and_below_them() {
    let world = world();
    let above = supertypes(&world, b"b.py", 6, 6, &Limits::default()).expect("types");
    assert_eq!(above.iter().map(told).collect::<Vec<_>>(), ["receiver a.py:3:7"]);
    let uses = world.uses("Base", false).expect("uses");
    let below: Vec<_> = uses
        .files
        .iter()
        .flat_map(|used| subtypes_in(&world, used, &above[0], &Limits::default()).expect("types"))
        .collect();
    assert_eq!(
        below.iter().map(|(found, within)| format!("{} {}", told(found), within.name)).collect::<Vec<_>>(),
        ["receiver b.py:6:7 Fast"]
    );
    let member = member_in(&world, &below[0].0, "run").expect("no error").expect("a member");
    assert_eq!(told(&member), "receiver b.py:7:9");
}

#[test]
fn what_is_around_is_named_with_its_type() {
    let world = world();
    let file = world.file(b"a.py").expect("no error").expect("a file");
    let around = enclosing(&file, world.at("a.py", "|helper()")).expect("a function");
    assert_eq!((around.name.as_str(), around.line, around.is_type), ("Base.run", 4, false));
    assert_eq!(enclosing(&file, 0), None);
}
