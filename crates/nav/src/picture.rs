//! What calls what and what extends what, some steps far: nodes and edges within limits, and chains of calls between two
//! functions.

use crate::code::{Code, CodeError, File, Limits};
use crate::definition::{Found, How, NavError};
use crate::graph::{self, Enclosing};
use crate::references::{ReferenceKind, ReferenceLimits, Verdict, references};
use model::ByteRange;
use std::collections::{HashMap, VecDeque};

/// In how many files types below another are looked for.
const N_SUBTYPE_FILES_MAX: usize = 40;

/// A function, a type, or the top level of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name, behind those of the types it belongs to; empty for the top level of a file.
    pub name: String,
    /// The file.
    pub path: Vec<u8>,
    /// The line of its name, counted from 1; of the top level the line of the first call.
    pub line: u64,
    /// The name within that line, in bytes; empty for the top level.
    pub in_line: ByteRange,
    /// How many steps it is from where the question began: negative for callers and types above, positive for callees and types
    /// below. In a chain between two functions, how many from the first.
    pub step: i32,
    /// Whether what is beside it was looked for.
    pub is_expanded: bool,
}

/// Something calls or extends something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The caller, or the type below: an index into the nodes.
    pub from: usize,
    /// What is called, or the type above.
    pub to: usize,
    /// Where `from` does it first: the line, counted from 1; 0 where only the file is known.
    pub line: u64,
    /// How sure it is.
    pub how: How,
}

/// Nodes and edges.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// The nodes; the first is what was asked about.
    pub nodes: Vec<Node>,
    /// The edges, each pair once.
    pub edges: Vec<Edge>,
    /// How many neighbours of shown nodes are not shown, because of the limits.
    pub n_left_out: usize,
    /// Whether a limit of a question cut off what was not even counted.
    pub is_cut: bool,
}

/// Which relation, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toward {
    /// What calls it.
    Callers,
    /// What it calls.
    Callees,
    /// What it extends.
    Above,
    /// What extends it.
    Below,
}

impl Toward {
    fn is_backwards(self) -> bool {
        matches!(self, Toward::Callers | Toward::Above)
    }
}

/// What a graph may cost. No time: the same question has the same answer.
#[derive(Clone, Copy, Debug)]
pub struct GraphLimits {
    /// How many steps are gone.
    pub n_steps_max: usize,
    /// How many nodes there may be.
    pub n_nodes_max: usize,
    /// How many neighbours of one node are shown, each way.
    pub n_beside_max: usize,
    /// In how much text, in bytes, callers of one function are looked for.
    pub n_looked_bytes_max: usize,
    /// How many functions are looked at for a chain between two.
    pub n_explored_max: usize,
}

impl Default for GraphLimits {
    fn default() -> Self {
        GraphLimits {
            n_steps_max: 2,
            n_nodes_max: 60,
            n_beside_max: 12,
            n_looked_bytes_max: 400 << 10,
            n_explored_max: 200,
        }
    }
}

/// What is around a definition, some steps each of the ways. Nothing where no definition begins there.
pub fn around(
    code: &dyn Code,
    root: &Found,
    ways: &[Toward],
    limits: &GraphLimits,
) -> Result<Graph, NavError> {
    let mut builder = Builder::new(code, limits);
    let Some(start) = builder.root(root, 0)? else { return Ok(Graph::default()) };
    for way in ways {
        builder.grow(start, *way)?;
    }
    Ok(builder.graph)
}

/// The shortest chains of calls from one function to another. Only the two, without edges, where none was found.
pub fn between(code: &dyn Code, from: &Found, to: &Found, limits: &GraphLimits) -> Result<Graph, NavError> {
    let wide = GraphLimits { n_nodes_max: limits.n_explored_max, n_beside_max: usize::MAX, ..*limits };
    let mut builder = Builder::new(code, &wide);
    let (Some(first), Some(last)) = (builder.root(from, 0)?, builder.root(to, 0)?) else {
        return Ok(Graph::default());
    };
    if first != last {
        builder.meet(first, last)?;
    }
    Ok(shortest(builder.graph, first, last, limits.n_nodes_max))
}

/// A neighbour of a node.
struct Near {
    node: Node,
    line: u64,
    how: How,
}

/// A graph that grows.
struct Builder<'c> {
    code: &'c dyn Code,
    limits: GraphLimits,
    question: Limits,
    graph: Graph,
    known: HashMap<(Vec<u8>, u64, usize), usize>,
    joined: HashMap<(usize, usize), usize>,
}

impl<'c> Builder<'c> {
    fn new(code: &'c dyn Code, limits: &GraphLimits) -> Self {
        Builder {
            code,
            limits: *limits,
            question: Limits::default(),
            graph: Graph::default(),
            known: HashMap::new(),
            joined: HashMap::new(),
        }
    }

    /// Enters what is defined at a place.
    fn root(&mut self, found: &Found, step: i32) -> Result<Option<usize>, CodeError> {
        if found.repo.is_some() {
            return Ok(None);
        }
        let Some(node) = self.node_of(found, step)? else { return Ok(None) };
        Ok(Some(self.enter(node)))
    }

    fn node_of(&self, found: &Found, step: i32) -> Result<Option<Node>, CodeError> {
        let told = graph::named_at(self.code, &found.path, found.line, found.in_line.start)?;
        Ok(told.map(|told| node(found.path.clone(), told, step)))
    }

    fn enter(&mut self, node: Node) -> usize {
        let key = key(&node);
        if let Some(idx) = self.known.get(&key) {
            return *idx;
        }
        let idx = self.graph.nodes.len();
        self.known.insert(key, idx);
        self.graph.nodes.push(node);
        idx
    }

    /// Puts a neighbour in, if there is room for it; tells which node is new.
    fn join(&mut self, of: usize, near: Near, way: Toward) -> Option<usize> {
        let known = self.known.get(&key(&near.node)).copied();
        if known.is_none() && self.graph.nodes.len() >= self.limits.n_nodes_max {
            self.graph.n_left_out += 1;
            return None;
        }
        let idx = self.enter(near.node);
        let (from, to) = match way {
            Toward::Callers | Toward::Below => (idx, of),
            Toward::Callees | Toward::Above => (of, idx),
        };
        match self.joined.get(&(from, to)).and_then(|edge| self.graph.edges.get_mut(*edge)) {
            Some(edge) => edge.how = edge.how.min(near.how),
            None => {
                self.joined.insert((from, to), self.graph.edges.len());
                self.graph.edges.push(Edge { from, to, line: near.line, how: near.how });
            }
        }
        known.is_none().then_some(idx)
    }

    /// Goes one way from a node, step by step.
    fn grow(&mut self, start: usize, way: Toward) -> Result<(), NavError> {
        let mut queue = VecDeque::from([(start, 0)]);
        while let Some((idx, n_steps)) = queue.pop_front() {
            if n_steps >= self.limits.n_steps_max {
                continue;
            }
            let near = self.near(idx, way)?;
            self.graph.n_left_out += near.len().saturating_sub(self.limits.n_beside_max);
            for near in near.into_iter().take(self.limits.n_beside_max) {
                if let Some(new) = self.join(idx, near, way) {
                    queue.push_back((new, n_steps + 1));
                }
            }
        }
        Ok(())
    }

    /// Goes from both ends, from the one with less to look at, until the ways meet.
    fn meet(&mut self, first: usize, last: usize) -> Result<(), NavError> {
        let mut sides = [(vec![first], Toward::Callees), (vec![last], Toward::Callers)];
        let mut seen: [Vec<usize>; 2] = [vec![first], vec![last]];
        for _ in 0..self.limits.n_steps_max {
            // Callees are read from one file; for callers an index is asked and many files are read.
            let cost = [sides[0].0.len(), sides[1].0.len().saturating_mul(4)];
            let side = match (sides[0].0.is_empty(), sides[1].0.is_empty()) {
                (true, true) => return Ok(()),
                (true, false) => 1,
                (false, true) => 0,
                _ => usize::from(cost[1] < cost[0]),
            };
            let (frontier, way) = (std::mem::take(&mut sides[side].0), sides[side].1);
            let mut has_met = false;
            for idx in frontier {
                for near in self.near(idx, way)? {
                    let at = self.known.get(&key(&near.node)).copied();
                    let is_new = self.join(idx, near, way);
                    let Some(at) = at.or(is_new) else { continue };
                    has_met |= seen[1 - side].contains(&at);
                    if !seen[side].contains(&at) {
                        seen[side].push(at);
                        sides[side].0.push(at);
                    }
                }
            }
            if has_met {
                return Ok(());
            }
        }
        self.graph.is_cut = true;
        Ok(())
    }

    /// What is beside a node, each neighbour once.
    fn near(&mut self, idx: usize, way: Toward) -> Result<Vec<Near>, NavError> {
        let Some(of) = self.graph.nodes.get_mut(idx) else { return Ok(Vec::new()) };
        of.is_expanded = true;
        let of = of.clone();
        let step = if way.is_backwards() { of.step - 1 } else { of.step + 1 };
        if of.in_line.is_empty() {
            return Ok(Vec::new());
        }
        match way {
            Toward::Callees => self.callees(&of, step),
            Toward::Callers => self.callers(&of, step),
            Toward::Above => self.above(&of, step),
            Toward::Below => self.below(&of, step),
        }
    }

    fn callees(&mut self, of: &Node, step: i32) -> Result<Vec<Near>, NavError> {
        let calls = graph::callees(self.code, &of.path, of.line, of.in_line.start, &self.question)?;
        let mut near = Vec::new();
        for call in calls {
            // Of several places with the same name none is more likely than the others.
            let leads = match call.found.as_slice() {
                [first, rest @ ..] if first.how != How::Name || rest.is_empty() => first,
                _ => continue,
            };
            if leads.repo.is_some() {
                continue;
            }
            if let Some(node) = self.node_of(leads, step)? {
                near.push(Near { node, line: call.line, how: leads.how });
            }
        }
        Ok(near)
    }

    fn callers(&mut self, of: &Node, step: i32) -> Result<Vec<Near>, NavError> {
        let Some(offset) = self.offset(of)? else { return Ok(Vec::new()) };
        let wanted = ReferenceLimits {
            n_references_max: 500,
            n_looked_bytes_max: self.limits.n_looked_bytes_max,
            is_everywhere: false,
            asks_compiler: true,
        };
        let found = references(self.code, &of.path, offset, &self.question, &wanted)?;
        self.graph.is_cut |= found.is_cut;
        let mut near: Vec<Near> = Vec::new();
        for one in found.references {
            let Verdict::Leads(how) = one.verdict else { continue };
            if one.kind != ReferenceKind::Call || one.repo.is_some() {
                continue;
            }
            let node = match one.within {
                Some(within) => node(one.path, within, step),
                None => Node {
                    name: String::new(),
                    path: one.path,
                    line: one.line,
                    in_line: 0..0,
                    step,
                    is_expanded: false,
                },
            };
            if !near.iter().any(|other| key(&other.node) == key(&node)) {
                near.push(Near { node, line: one.line, how });
            }
        }
        Ok(near)
    }

    fn above(&mut self, of: &Node, step: i32) -> Result<Vec<Near>, NavError> {
        let found = graph::supertypes(self.code, &of.path, of.line, of.in_line.start, &self.question)?;
        let mut near = Vec::new();
        for one in found.into_iter().filter(|one| one.repo.is_none()) {
            if let Some(node) = self.node_of(&one, step)? {
                near.push(Near { node, line: of.line, how: one.how });
            }
        }
        Ok(near)
    }

    fn below(&mut self, of: &Node, step: i32) -> Result<Vec<Near>, NavError> {
        let Some(offset) = self.offset(of)? else { return Ok(Vec::new()) };
        let Some(file) = self.code.file(&of.path)? else { return Ok(Vec::new()) };
        let end = file.line(of.line as usize).map_or(offset, |line| line.start + of.in_line.end);
        let name = file.slice(&(offset..end)).to_owned();
        let target = Found {
            commit: None,
            repo: None,
            path: of.path.clone(),
            line: of.line,
            in_line: of.in_line.clone(),
            kind: None,
            how: How::Scope,
        };
        let uses = self.code.uses(&name, false)?;
        self.graph.is_cut |= uses.is_cut || uses.files.len() > N_SUBTYPE_FILES_MAX;
        let mut near: Vec<Near> = Vec::new();
        for used in uses.files.iter().take(N_SUBTYPE_FILES_MAX) {
            for (found, told) in graph::subtypes_in(self.code, used, &target, &self.question)? {
                let line = told.line;
                near.push(Near { node: node(found.path, told, step), line, how: found.how });
            }
        }
        Ok(near)
    }

    fn offset(&self, of: &Node) -> Result<Option<usize>, CodeError> {
        let file = self.code.file(&of.path)?;
        Ok(file.and_then(|file: std::sync::Arc<File>| file.offset(of.line as usize, of.in_line.start)))
    }
}

fn node(path: Vec<u8>, told: Enclosing, step: i32) -> Node {
    Node { name: told.name, path, line: told.line, in_line: told.in_line, step, is_expanded: false }
}

/// What tells nodes apart. The top level of a file is one node, whatever its line.
fn key(node: &Node) -> (Vec<u8>, u64, usize) {
    match node.in_line.is_empty() {
        true => (node.path.clone(), 0, 0),
        false => (node.path.clone(), node.line, node.in_line.start),
    }
}

/// What of a graph lies on the shortest chains between two of its nodes, at most so many nodes: whole chains first.
fn shortest(graph: Graph, first: usize, last: usize, n_nodes_max: usize) -> Graph {
    let ahead = distances(&graph, first, |edge| (edge.from, edge.to));
    let behind = distances(&graph, last, |edge| (edge.to, edge.from));
    let Some(length) = ahead.get(last).copied().flatten() else {
        let ends = [first, last].map(|idx| graph.nodes.get(idx).cloned());
        let n_ends = if first == last { 1 } else { 2 };
        let nodes = ends.into_iter().take(n_ends).flatten().collect();
        let is_cut = graph.is_cut || graph.n_left_out > 0;
        return Graph { nodes, edges: Vec::new(), n_left_out: 0, is_cut };
    };
    let is_on = |idx: usize| match (ahead.get(idx), behind.get(idx)) {
        (Some(Some(ahead)), Some(Some(behind))) => ahead + behind == length,
        _ => false,
    };
    let mut chosen: Vec<usize> = (0..graph.nodes.len()).filter(|idx| is_on(*idx)).collect();
    let n_on = chosen.len();
    // Those of one whole chain stay, then as many as there is room for.
    let chain = one_chain(&graph, first, last, &behind);
    chosen.sort_by_key(|idx| (!chain.contains(idx), *idx));
    chosen.truncate(n_nodes_max.max(chain.len()));
    chosen.sort_by_key(|idx| (ahead.get(*idx).copied().flatten(), *idx));
    let places: HashMap<usize, usize> = chosen.iter().enumerate().map(|(at, idx)| (*idx, at)).collect();
    let nodes = chosen.iter().filter_map(|idx| {
        let step = ahead.get(*idx).copied().flatten()? as i32;
        Some(Node { step, ..graph.nodes.get(*idx)?.clone() })
    });
    let edges = graph.edges.iter().filter_map(|edge| {
        let (from, to) = (*places.get(&edge.from)?, *places.get(&edge.to)?);
        let is_step = ahead[edge.from].is_some_and(|at| ahead[edge.to] == Some(at + 1));
        is_step.then(|| Edge { from, to, ..edge.clone() })
    });
    Graph {
        nodes: nodes.collect(),
        edges: edges.collect(),
        n_left_out: n_on - places.len(),
        is_cut: graph.is_cut || graph.n_left_out > 0,
    }
}

fn one_chain(graph: &Graph, first: usize, last: usize, behind: &[Option<usize>]) -> Vec<usize> {
    let mut chain = vec![first];
    let mut at = first;
    while at != last {
        let left = behind.get(at).copied().flatten();
        let next = graph.edges.iter().filter(|edge| edge.from == at).find(|edge| {
            let then = behind.get(edge.to).copied().flatten();
            matches!((left, then), (Some(left), Some(then)) if then + 1 == left)
        });
        let Some(edge) = next else { break };
        at = edge.to;
        chain.push(at);
    }
    chain
}

/// How many steps each node is from one.
fn distances(graph: &Graph, start: usize, ends: fn(&Edge) -> (usize, usize)) -> Vec<Option<usize>> {
    let mut beside = vec![Vec::new(); graph.nodes.len()];
    for edge in &graph.edges {
        let (from, to) = ends(edge);
        if let Some(beside) = beside.get_mut(from) {
            beside.push(to);
        }
    }
    let mut far = vec![None; graph.nodes.len()];
    let mut queue = VecDeque::from([(start, 0)]);
    while let Some((idx, n_steps)) = queue.pop_front() {
        match far.get_mut(idx) {
            Some(known @ None) => *known = Some(n_steps),
            _ => continue,
        }
        queue.extend(beside[idx].iter().map(|next| (*next, n_steps + 1)));
    }
    far
}
