//! Graphs of calls and types, and chains between two functions.

use crate::world::World;
use nav::{Graph, GraphLimits, Limits, Toward, around, between, definitions};

fn world() -> World {
    World::new(&[
        (
            "app.py",
            "from store import save, load\n\ndef main():\n    serve()\n\ndef serve():\n    save()\n    load()\n    again()\n\ndef again():\n    serve()\n",
        ),
        (
            "store.py",
            "from disk import write\n\ndef save():\n    write()\n\ndef load():\n    write()\n\nsave()\n",
        ),
        ("disk.py", "def write():\n    pass\n\ndef alone():\n    pass\n"),
        (
            "types.py",
            "class Base:\n    pass\n\nclass Middle(Base):\n    pass\n\nclass Low(Middle):\n    pass\n\nclass Other(Base):\n    pass\n",
        ),
    ])
}

fn at(world: &World, path: &str, place: &str) -> nav::Found {
    let offset = world.at(path, place);
    let found = definitions(world, path.as_bytes(), offset, &Limits::default()).expect("an answer").found;
    found.into_iter().next().expect("a definition")
}

fn name(graph: &Graph, idx: usize) -> String {
    let node = &graph.nodes[idx];
    match node.name.as_str() {
        "" => String::from_utf8_lossy(&node.path).into_owned(),
        name => name.to_owned(),
    }
}

fn nodes(graph: &Graph) -> Vec<String> {
    (0..graph.nodes.len()).map(|idx| format!("{} {}", graph.nodes[idx].step, name(graph, idx))).collect()
}

fn edges(graph: &Graph) -> Vec<String> {
    let told = |edge: &nav::Edge| {
        format!("{} -> {} {}:{}", name(graph, edge.from), name(graph, edge.to), edge.how.as_str(), edge.line)
    };
    graph.edges.iter().map(told).collect()
}

#[test]
fn calls_are_followed_both_ways() {
    let world = world();
    let root = at(&world, "app.py", "def |serve");
    let graph = around(&world, &root, &[Toward::Callers, Toward::Callees], &GraphLimits::default());
    let graph = graph.expect("a graph");
    assert_eq!(nodes(&graph), ["0 serve", "-1 main", "-1 again", "1 save", "1 load", "2 write"]);
    assert_eq!(
        edges(&graph),
        [
            "main -> serve scope:4",
            "again -> serve scope:12",
            "serve -> again scope:9",
            "serve -> save import:7",
            "serve -> load import:8",
            "save -> write import:4",
            "load -> write import:7",
        ]
    );
    assert_eq!((graph.n_left_out, graph.is_cut), (0, false));
}

/// A compiler's word goes before what trees show: a call leads where it says, and what it says leads elsewhere is no call.
#[test]
fn a_compiler_is_asked_first() {
    let mut world = World::new(&[
        ("a.py", "def run(x):\n    x.close()\n    x.open()\n    helper()\n\ndef helper():\n    pass\n"),
        ("b.py", "class File:\n    def close(self):\n        pass\n\n    def open(self):\n        pass\n"),
        ("c.py", "class Door:\n    def close(self):\n        pass\n\nclass Gate(Door):\n    pass\n"),
    ]);
    let precise = |found: nav::Found| nav::Found { how: nav::How::Precise, ..found };
    let close = precise(at(&world, "b.py", "def |close"));
    let file = precise(at(&world, "b.py", "class |File"));
    let (call, open) = (world.at("a.py", "x.|close"), world.at("a.py", "x.|open"));
    world.compiled.push(("a.py", call, vec![close.clone()]));
    world.compiled.push(("a.py", open, Vec::new()));
    let gate = world.at("c.py", "Gate(|Door");
    world.compiled.push(("c.py", gate, vec![file.clone()]));
    let one = GraphLimits { n_steps_max: 1, ..GraphLimits::default() };
    let graph = around(&world, &at(&world, "a.py", "def |run"), &[Toward::Callees], &one).expect("a graph");
    let told = ["run -> File.close precise:2", "run -> helper scope:4"];
    assert_eq!(edges(&graph), told, "what is known to be elsewhere is none");
    let graph = around(&world, &close, &[Toward::Callers], &one).expect("a graph");
    assert_eq!(edges(&graph), ["run -> File.close precise:2"]);
    let door = at(&world, "c.py", "def |close");
    assert!(edges(&around(&world, &door, &[Toward::Callers], &one).expect("a graph")).is_empty());
    let graph = around(&world, &at(&world, "c.py", "class |Gate"), &[Toward::Above], &one).expect("a graph");
    assert_eq!(edges(&graph), ["Gate -> File precise:5"]);
    let graph = around(&world, &at(&world, "c.py", "class |Door"), &[Toward::Below], &one).expect("a graph");
    assert!(edges(&graph).is_empty());
}

#[test]
fn the_top_level_of_a_file_calls_too() {
    let world = world();
    let root = at(&world, "store.py", "def |save");
    let limits = GraphLimits { n_steps_max: 1, ..GraphLimits::default() };
    let graph = around(&world, &root, &[Toward::Callers], &limits).expect("a graph");
    assert_eq!(nodes(&graph), ["0 save", "-1 store.py", "-1 serve"]);
    assert_eq!((graph.nodes[1].line, graph.nodes[1].in_line.clone()), (9, 0..0));
}

#[test]
fn types_are_followed_both_ways() {
    let world = world();
    let root = at(&world, "types.py", "class |Middle");
    let graph = around(&world, &root, &[Toward::Above, Toward::Below], &GraphLimits::default());
    let graph = graph.expect("a graph");
    assert_eq!(nodes(&graph), ["0 Middle", "-1 Base", "1 Low"]);
    assert_eq!(edges(&graph), ["Middle -> Base receiver:4", "Low -> Middle receiver:7"]);
}

#[test]
fn what_a_limit_leaves_out_is_counted() {
    let world = world();
    let root = at(&world, "app.py", "def |serve");
    let limits = GraphLimits { n_nodes_max: 3, ..GraphLimits::default() };
    let graph = around(&world, &root, &[Toward::Callees], &limits).expect("a graph");
    assert_eq!(nodes(&graph), ["0 serve", "1 save", "1 load"]);
    // `again`, and `write` once for each of the two that call it.
    assert_eq!(graph.n_left_out, 3);
    let limits = GraphLimits { n_beside_max: 1, n_steps_max: 1, ..GraphLimits::default() };
    let graph = around(&world, &root, &[Toward::Callees], &limits).expect("a graph");
    assert_eq!((nodes(&graph).len(), graph.n_left_out), (2, 2));
}

#[test]
fn the_shortest_chains_between_two_functions_are_found() {
    let world = world();
    let (from, to) = (at(&world, "app.py", "def |main"), at(&world, "disk.py", "def |write"));
    let limits = GraphLimits { n_steps_max: 8, ..GraphLimits::default() };
    let graph = between(&world, &from, &to, &limits).expect("a graph");
    assert_eq!(nodes(&graph), ["0 main", "1 serve", "2 save", "2 load", "3 write"]);
    assert_eq!(graph.edges.len(), 5);
    // Room for one chain only.
    let narrow = GraphLimits { n_nodes_max: 4, ..limits };
    let graph = between(&world, &from, &to, &narrow).expect("a graph");
    assert_eq!(nodes(&graph), ["0 main", "1 serve", "2 save", "3 write"]);
    assert_eq!(graph.n_left_out, 1);
    // Nothing leads back, and too few steps lead nowhere.
    let graph = between(&world, &to, &from, &limits).expect("a graph");
    assert_eq!((nodes(&graph).len(), graph.edges.len(), graph.is_cut), (2, 0, false));
    let short = GraphLimits { n_steps_max: 1, ..limits };
    let graph = between(&world, &from, &to, &short).expect("a graph");
    assert_eq!((graph.edges.len(), graph.is_cut), (0, true));
}

#[test]
fn a_graph_of_nothing_is_empty() {
    let world = world();
    let nowhere = nav::Found { line: 400, ..at(&world, "app.py", "def |main") };
    let graph = around(&world, &nowhere, &[Toward::Callees], &GraphLimits::default()).expect("a graph");
    assert!(graph.nodes.is_empty());
    let alone = at(&world, "disk.py", "def |alone");
    let graph = between(&world, &alone, &alone, &GraphLimits::default()).expect("a graph");
    assert_eq!(nodes(&graph), ["0 alone"]);
}
