//! From a name to its definition.

use crate::world::{World, told};
use nav::{Limits, definitions, describe};

#[track_caller]
fn check(world: &World, path: &str, place: &str, expected: &[&str]) {
    let answer =
        definitions(world, path.as_bytes(), world.at(path, place), &Limits::default()).expect("an answer");
    let found: Vec<String> = answer.found.iter().map(told).collect();
    assert_eq!(found, expected, "{place}");
    assert!(!answer.is_cut);
}

#[test]
fn typescript_follows_imports_types_and_packages() {
    let world = World::new(&[
        ("package.json", r#"{ "name": "root" }"#),
        (
            "tsconfig.json",
            "{ // settings\n \"compilerOptions\": { \"paths\": { \"@lib/*\": [\"lib/*\"], }, } }",
        ),
        (
            "lib/shelf.ts",
            "export class Base {\n  count(): number { return 1; }\n}\nexport class Shelf extends Base {\n  items: Item[];\n  add(item: Item): Shelf { return this; }\n}\nexport interface Item { size: number }\n",
        ),
        (
            "lib/index.ts",
            "export * from './shelf';\nexport { Shelf as Rack } from './shelf.js';\nconst hidden = 1;\nexport default hidden;\n",
        ),
        ("packages/tools/package.json", r#"{ "name": "@org/tools", "main": "dist/index.js" }"#),
        ("packages/tools/src/index.ts", "export function hammer(nail: string) {}\n"),
        (
            "src/app.ts",
            "import one, { Rack, type Item } from '../lib';\nimport { Shelf } from '@lib/shelf';\nimport { hammer } from '@org/tools';\nconst rack = new Rack();\nrack.add(one).add(two).count();\nfunction work(shelf: Shelf) { for (const item of shelf.items) hammer(item); }\nunknown.nowhere();\nunknown.add();\n",
        ),
    ]);
    check(&world, "src/app.ts", "new |Rack()", &["import lib/shelf.ts:4:14"]);
    check(&world, "src/app.ts", "rack.|add(one)", &["receiver lib/shelf.ts:6:3"]);
    check(&world, "src/app.ts", "add(one).|add(two)", &["receiver lib/shelf.ts:6:3"]);
    check(&world, "src/app.ts", ".|count()", &["receiver lib/shelf.ts:2:3"]);
    check(&world, "src/app.ts", "shelf.|items", &["receiver lib/shelf.ts:5:3"]);
    check(&world, "src/app.ts", "import |one", &["import lib/index.ts:3:7"]);
    check(&world, "src/app.ts", "add(|one)", &["import lib/index.ts:3:7"]);
    check(&world, "src/app.ts", "type |Item", &["import lib/shelf.ts:8:18"]);
    check(&world, "src/app.ts", "|hammer(item)", &["import packages/tools/src/index.ts:1:17"]);
    check(&world, "src/app.ts", "hammer(|item)", &["scope src/app.ts:6:42"]);
    check(&world, "src/app.ts", "from |'../lib'", &["import lib/index.ts:1:1"]);
    check(&world, "src/app.ts", "unknown.|nowhere", &[]);
    check(&world, "src/app.ts", "unknown.|add", &["name lib/shelf.ts:6:3"]);
}

#[test]
fn python_follows_packages_classes_and_keyword_arguments() {
    let world = World::new(&[
        ("src/shop/__init__.py", "from .models import Cart as Basket\nfrom .models import *\n"),
        (
            "src/shop/models.py",
            "class Thing:\n    def price(self):\n        return 1\n\nclass Cart(Thing):\n    def __init__(self, owner, limit=3):\n        self.owner = owner\n\n    @classmethod\n    def create(cls):\n        return cls(owner=None)\n\n    def add(self, thing: Thing) -> 'Cart':\n        self.price()\n        return self\n",
        ),
        ("src/shop/util/__init__.py", ""),
        ("src/shop/util/text.py", "def clean(value): return value\n"),
        (
            "src/main.py",
            "import shop\nfrom shop import Basket, Thing, util\nfrom shop.util.text import clean as tidy\n\ncart = Basket(owner=tidy('x'), limit=2)\ncart.add(Thing()).add(None)\nshop.Cart.create().owner\n",
        ),
    ]);
    check(&world, "src/main.py", "|Basket(owner", &["import src/shop/models.py:5:7"]);
    check(&world, "src/main.py", "|owner=tidy", &["receiver src/shop/models.py:6:24"]);
    check(&world, "src/main.py", "|tidy('x')", &["import src/shop/util/text.py:1:5"]);
    check(&world, "src/main.py", "cart.|add(", &["receiver src/shop/models.py:13:9"]);
    check(&world, "src/main.py", "shop.|Cart", &["import src/shop/models.py:5:7"]);
    check(&world, "src/main.py", "Cart.|create", &["receiver src/shop/models.py:10:9"]);
    check(&world, "src/main.py", "create().|owner", &["receiver src/shop/models.py:7:14"]);
    check(&world, "src/main.py", "Thing, |util", &["import src/shop/util/__init__.py:1:1"]);
    check(&world, "src/shop/models.py", "self.|price()", &["receiver src/shop/models.py:2:9"]);
    check(&world, "src/shop/models.py", "return |cls(", &["scope src/shop/models.py:10:16"]);
}

#[test]
fn go_knows_packages_methods_of_other_files_and_embedded_types() {
    let world = World::new(&[
        ("go.mod", "module example.com/app\n\ngo 1.22\n"),
        (
            "store/store.go",
            "package store\n\ntype Base struct{ size int }\ntype Store struct {\n\tBase\n\tpath string\n}\n\nfunc Open(path string) (*Store, error) { return &Store{path: path}, nil }\n",
        ),
        (
            "store/load.go",
            "package store\n\nfunc (s *Store) Load() error { return check(s.path) }\nfunc check(p string) error { return nil }\n",
        ),
        (
            "main.go",
            "package main\n\nimport \"example.com/app/store\"\n\nfunc main() {\n\ts, err := store.Open(\"x\")\n\ts.Load()\n\ts.size = 1\n\t_ = err\n}\n",
        ),
    ]);
    check(&world, "main.go", "store.|Open", &["import store/store.go:9:6"]);
    check(&world, "main.go", "s.|Load", &["receiver store/load.go:3:17"]);
    check(&world, "main.go", "s.|size", &["receiver store/store.go:3:19"]);
    check(&world, "store/load.go", "|check(s.path)", &["scope store/load.go:4:6"]);
    check(&world, "store/load.go", "s.|path", &["receiver store/store.go:6:2"]);
    check(&world, "main.go", "|\"example.com/app/store\"", &["import store:1:1"]);
}

#[test]
fn rust_follows_crates_modules_and_impl_blocks() {
    let world = World::new(&[
        ("crates/model/Cargo.toml", ""),
        ("crates/model/src/lib.rs", "mod shelf;\npub use shelf::Shelf;\n"),
        (
            "crates/model/src/shelf.rs",
            "pub struct Shelf { pub first: Item }\npub struct Item { pub size: u8 }\nimpl Shelf {\n    pub fn new(first: Item) -> Self { Shelf { first } }\n    fn grow(&mut self) -> &Item { &self.first }\n}\n",
        ),
        ("crates/app/Cargo.toml", ""),
        (
            "crates/app/src/main.rs",
            "mod tools;\nuse model::Shelf;\nfn main() {\n    let shelf = Shelf::new(tools::item());\n    shelf.grow().size;\n    shelf.first;\n}\n",
        ),
        ("crates/app/src/tools.rs", "pub fn item() -> model::Item { helper() }\nfn helper() {}\n"),
    ]);
    check(&world, "crates/app/src/main.rs", "= |Shelf::new", &["import crates/model/src/shelf.rs:1:12"]);
    check(&world, "crates/app/src/main.rs", "Shelf::|new", &["receiver crates/model/src/shelf.rs:4:12"]);
    check(&world, "crates/app/src/main.rs", "tools::|item", &["import crates/app/src/tools.rs:1:8"]);
    check(&world, "crates/app/src/main.rs", "shelf.|grow", &["receiver crates/model/src/shelf.rs:5:8"]);
    check(&world, "crates/app/src/main.rs", "grow().|size", &["receiver crates/model/src/shelf.rs:2:23"]);
    check(&world, "crates/app/src/tools.rs", "|helper()", &["scope crates/app/src/tools.rs:2:4"]);
}

#[test]
fn c_finds_members_headers_and_functions_of_other_files() {
    let world = World::new(&[
        (
            "include/list.h",
            "struct list { struct list *next; int value; };\nint list_len(struct list *l);\n#define LIST_MAX 3\n",
        ),
        (
            "lib/list.c",
            "#include \"list.h\"\nint list_len(struct list *l)\n{\n\treturn l->next ? l->value : LIST_MAX;\n}\n",
        ),
        (
            "app/main.c",
            "#include <list.h>\nint main(void) { struct list l; return list_len(&l) + l.value + other(); }\n",
        ),
        ("app/other.c", "int other(void) { return 1; }\n"),
    ]);
    check(&world, "lib/list.c", "|l->next", &["scope lib/list.c:2:27"]);
    check(&world, "lib/list.c", "(struct |list *l", &["import include/list.h:1:8"]);
    check(&world, "lib/list.c", "l->|next", &["receiver include/list.h:1:28"]);
    check(&world, "app/main.c", "l.|value", &["receiver include/list.h:1:38"]);
    check(&world, "app/main.c", "|other()", &["name app/other.c:1:5"]);
    check(&world, "lib/list.c", "|LIST_MAX", &["import include/list.h:3:9"]);
    check(&world, "app/main.c", "|<list.h>", &["import include/list.h:1:1"]);
}

#[test]
fn what_nothing_leads_to_is_told_by_name_and_says_so() {
    let world = World::new(&[
        ("a/use.py", "import lost\nlost.compute()\n"),
        ("a/near.py", "def compute(): pass\n"),
        ("b/far.py", "def compute(): pass\n"),
        ("b/far.js", "function compute() {}\n"),
        ("@other/lib.py", "def compute(): pass\ndef only_there(): pass\n"),
        ("c/use.py", "from gone import only_there\nonly_there()\n"),
    ]);
    check(&world, "a/use.py", "lost.|compute", &["name a/near.py:1:5", "name b/far.py:1:5"]);
    check(&world, "c/use.py", "\n|only_there", &["name @other/lib.py:2:5", "scope c/use.py:1:18"]);
}

#[test]
fn circles_end() {
    let world = World::new(&[
        ("a.py", "from b import thing\nclass A(B): pass\nclass B(A): pass\nx = x\nx.y\nA().nothing\n"),
        ("b.py", "from a import thing\nfrom a import *\n"),
    ]);
    check(&world, "a.py", "import |thing", &["scope a.py:1:15"]);
    check(&world, "a.py", "A().|nothing", &[]);
    check(&world, "a.py", "x.|y", &[]);
}

#[test]
fn a_budget_that_was_used_up_is_told() {
    let world = World::new(&[("a.py", "from b import thing\nthing\n"), ("b.py", "def thing(): pass\n")]);
    let limits = Limits { n_files_max: 0, ..Limits::default() };
    let answer = definitions(&world, b"a.py", world.at("a.py", "import |thing"), &limits).expect("an answer");
    assert!(answer.is_cut);
    let limits = Limits { n_steps_max: 1, ..Limits::default() };
    assert!(
        definitions(&world, b"a.py", world.at("a.py", "import |thing"), &limits).expect("an answer").is_cut
    );
    let mut over = World::new(&[("a.py", "def thing(): pass\nthing\n")]);
    over.is_over = true;
    let offset = over.at("a.py", "\n|thing");
    assert!(definitions(&over, b"a.py", offset, &Limits::default()).expect("an answer").is_cut, "called off");
    assert!(definitions(&world, b"none.py", 0, &Limits::default()).is_err());
}

#[test]
fn declarations_and_what_is_written_about_them_are_shown() {
    let files = [
        (
            "a.ts",
            "/**\n * Adds.\n * Twice.\n */\nexport async function add(\n  one: number,\n): Promise<number> {\n  return 1;\n}\nconst make = (x: number) => x;\n",
        ),
        (
            "a.py",
            "@wraps\ndef add(one, two=3) -> int:\n    \"\"\"Adds.\n\n    Twice.\n    \"\"\"\n    return 1\nLIMIT = 3\n",
        ),
        (
            "a.rs",
            "/// Adds.\n#[inline]\npub fn add<T>(one: T) -> T\nwhere\n    T: Copy,\n{\n    one\n}\nstruct S {\n    /// How big.\n    size: u8,\n}\n",
        ),
        ("a.c", "/* Adds. */\nstatic int add(int one,\n\t       int two)\n{\n\treturn 1;\n}\n"),
    ];
    let world = World::new(&files);
    let shown = |path: &str, place: &str| {
        let file = nav::Code::file(&world, path.as_bytes()).expect("no error").expect("a file");
        let shown = describe(&file, world.at(path, place));
        (shown.signature, shown.documentation)
    };
    let pair = |signature: &str, documentation: &str| (signature.to_owned(), documentation.to_owned());
    assert_eq!(
        shown("a.ts", "function |add"),
        pair("export async function add(\n  one: number,\n): Promise<number>", "Adds.\nTwice.")
    );
    assert_eq!(shown("a.ts", "|make"), pair("const make = (x: number)", ""));
    assert_eq!(shown("a.py", "def |add"), pair("def add(one, two=3) -> int", "Adds.\n\nTwice."));
    assert_eq!(shown("a.py", "|LIMIT"), pair("LIMIT = 3", ""));
    assert_eq!(shown("a.rs", "fn |add"), pair("pub fn add<T>(one: T) -> T\nwhere\n    T: Copy,", "Adds."));
    assert_eq!(shown("a.rs", "|size"), pair("size: u8", "How big."));
    assert_eq!(shown("a.c", "int |add"), pair("static int add(int one,\nint two)", "Adds."));
}

#[test]
fn a_declaration_in_a_header_leads_to_the_body() {
    let world = World::new(&[
        ("src/db.h", "typedef struct object object;\nobject *lookup(int key);\nint count(void);\n"),
        (
            "src/db.c",
            "#include \"db.h\"\n\nobject *lookup(int key) {\n    return 0;\n}\n\nint count(void) {\n    return 1;\n}\n",
        ),
        ("src/list.c", "#include \"db.h\"\n\nvoid pop(void) {\n    lookup(count());\n}\n"),
        ("tools/db.c", "int count(void) {\n    return 2;\n}\n"),
        ("src/box.hpp", "class Box {\n    int open(int key);\n};\n"),
        ("src/box.cpp", "#include \"box.hpp\"\n\nint Box::open(int key) {\n    return key;\n}\n"),
        ("src/other.cpp", "class Other { int open(int key) { return 0; } };\n"),
    ]);
    let at = |path: &str, place: &str| {
        let found = definitions(&world, path.as_bytes(), world.at(path, place), &Limits::default());
        found.expect("an answer").found.iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(at("src/list.c", "|lookup("), ["import src/db.c:3:9", "import src/db.h:2:9"]);
    // Two programs have one of that name: the nearer one first.
    assert_eq!(
        at("src/list.c", "|count("),
        ["import src/db.c:7:5", "import tools/db.c:1:5", "import src/db.h:3:5"]
    );
    // From the declaration itself, and for members.
    assert_eq!(at("src/db.h", "|lookup("), ["scope src/db.c:3:9", "scope src/db.h:2:9"]);
    assert_eq!(at("src/box.hpp", "|open("), ["scope src/box.cpp:3:10", "scope src/box.hpp:2:9"]);
}
