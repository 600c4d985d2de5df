//! What is around a function or type, some steps far, and chains of calls between two functions.

use super::PlaceShape;
use crate::failure::Failure;
use crate::links::{line_link, query_number, query_value};
use crate::navigation::{Spot, View, described};
use crate::routes::r_blob::N_LINES_WINDOW;
use crate::wire::lossy;
use model::{ObjectId, RepoName};
use nav::{Code, Found, Graph, GraphLimits, How, NavError, Node, Toward, named_at};
use serde::Serialize;
use utoipa::ToSchema;

/// How many steps are gone where nothing is said, and at most.
pub(super) const N_STEPS: (usize, usize) = (2, 6);
/// How many nodes are shown where nothing is said, and at most.
const N_NODES: (usize, usize) = (60, 200);
/// How long a chain of calls may be.
pub(super) const N_CHAIN_MAX: usize = 10;
/// Longest name of another function, in bytes.
const TO_BYTES_MAX: usize = 1_000;
/// How many functions of one name are offered.
const N_CHOICES_MAX: usize = 50;

/// Which relation is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Calls,
    Types,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct GraphWanted {
    /// Nothing where the definition decides.
    pub(super) kind: Option<Kind>,
    pub(super) is_incoming: bool,
    pub(super) is_outgoing: bool,
    pub(super) depth: usize,
    pub(super) n_nodes_max: usize,
    /// The function at the other end of a chain.
    pub(super) to: Option<String>,
}

impl GraphWanted {
    pub(super) fn read(query: Option<&str>) -> Result<Self, Failure> {
        let text = |key| query_value(query, key).map(|value| lossy(&value).trim().to_owned());
        let wrong = |key: &str, words: &str| Failure::BadRequest(format!("`{key}` is one of {words}."));
        let kind = match text("kind").as_deref() {
            None | Some("") => None,
            Some("calls") => Some(Kind::Calls),
            Some("types") => Some(Kind::Types),
            Some(_) => return Err(wrong("kind", "calls, types")),
        };
        let (is_incoming, is_outgoing) = match text("direction").as_deref() {
            None | Some("" | "both") => (true, true),
            Some("incoming") => (true, false),
            Some("outgoing") => (false, true),
            Some(_) => return Err(wrong("direction", "both, incoming, outgoing")),
        };
        let to = text("to").filter(|to| !to.is_empty());
        if to.as_ref().is_some_and(|to| to.len() > TO_BYTES_MAX) {
            return Err(Failure::BadRequest(format!("`to` has at most {TO_BYTES_MAX} bytes.")));
        }
        Ok(GraphWanted {
            kind,
            is_incoming,
            is_outgoing,
            depth: query_number(query, "depth").unwrap_or(N_STEPS.0).clamp(1, N_STEPS.1),
            n_nodes_max: query_number(query, "nodes").unwrap_or(N_NODES.0).clamp(2, N_NODES.1),
            to,
        })
    }

    pub(super) fn limits(&self) -> GraphLimits {
        let n_steps_max = if self.to.is_some() { N_CHAIN_MAX } else { self.depth };
        GraphLimits { n_steps_max, n_nodes_max: self.n_nodes_max, ..GraphLimits::default() }
    }
}

/// What was found.
#[derive(Default)]
pub(super) struct Drawn {
    /// What was asked about, and where it is defined; none where nothing of this repository is.
    pub(super) name: Option<String>,
    pub(super) target: Option<Found>,
    pub(super) is_types: bool,
    pub(super) graph: Graph,
    /// The functions that the other end may be, where it is not one.
    pub(super) choices: Vec<(String, Found)>,
    /// Whether another end was asked for.
    pub(super) is_chain: bool,
}

impl Drawn {
    pub(super) fn look(
        view: &View<'_>,
        path: &[u8],
        at: Spot,
        wanted: &GraphWanted,
    ) -> Result<Self, NavError> {
        let found = described(view, path, at)?.definitions;
        let mut drawn =
            Drawn { name: found.name, target: found.found.into_iter().next(), ..Drawn::default() };
        let Some(target) = drawn.target.clone().filter(|target| target.repo.is_none()) else {
            return Ok(drawn);
        };
        let Some(named) = named_at(view, &target.path, target.line, target.in_line.start)? else {
            return Ok(drawn);
        };
        drawn.name = Some(named.name);
        drawn.is_types = match wanted.kind {
            Some(kind) => kind == Kind::Types,
            None => named.is_type && wanted.to.is_none(),
        };
        if let Some(to) = &wanted.to {
            (drawn.is_chain, drawn.is_types) = (true, false);
            drawn.choices = others(view, to)?;
            if let [(_, other)] = drawn.choices.as_slice() {
                drawn.graph = nav::between(view, &target, other, &wanted.limits())?;
                drawn.choices.clear();
            }
            return Ok(drawn);
        }
        let ways = match drawn.is_types {
            true => [(wanted.is_outgoing, Toward::Above), (wanted.is_incoming, Toward::Below)],
            false => [(wanted.is_incoming, Toward::Callers), (wanted.is_outgoing, Toward::Callees)],
        };
        let ways: Vec<Toward> =
            ways.into_iter().filter(|(is_wanted, _)| *is_wanted).map(|(_, way)| way).collect();
        drawn.graph = nav::around(view, &target, &ways, &wanted.limits())?;
        Ok(drawn)
    }
}

/// The functions that a text means: a place (`path:line:column`), a name, or a name behind that of its type.
fn others(view: &View<'_>, to: &str) -> Result<Vec<(String, Found)>, NavError> {
    let mut parts = to.rsplitn(3, ':');
    let numbers =
        (parts.next().and_then(|text| text.parse().ok()), parts.next().and_then(|text| text.parse().ok()));
    if let ((Some(column), Some(line)), Some(path)) = (numbers, parts.next()) {
        return at_place(view, path, line, column);
    }
    let is_part = |c: char| c == '.' || c == ':' || c == '#';
    let (owner, name) = match to.rfind(is_part) {
        Some(at) => (to[..at].trim_end_matches(is_part), &to[at + 1..]),
        None => ("", to),
    };
    let mut choices: Vec<(String, Found)> = Vec::new();
    for defined in view.defined(name)? {
        let place = Found {
            commit: None,
            repo: None,
            path: defined.path,
            line: defined.line,
            in_line: defined.in_line,
            kind: Some(defined.kind),
            how: How::Name,
        };
        let Some(named) = named_at(view, &place.path, place.line, place.in_line.start)? else { continue };
        let is_owned = owner.is_empty() || defined.container.ends_with(owner);
        if is_owned && !named.is_type && choices.len() < N_CHOICES_MAX {
            choices.push((named.name, place));
        }
    }
    Ok(choices)
}

fn at_place(view: &View<'_>, path: &str, line: u64, column: usize) -> Result<Vec<(String, Found)>, NavError> {
    let named = named_at(view, path.as_bytes(), line, column)?;
    Ok(named
        .map(|named| {
            let place = Found {
                commit: None,
                repo: None,
                path: path.as_bytes().to_vec(),
                line,
                in_line: named.in_line,
                kind: None,
                how: How::Name,
            };
            (named.name, place)
        })
        .into_iter()
        .collect())
}

/// A graph of calls or types.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GraphShape {
    commit: String,
    /// The function or type that was asked about; null where there is none.
    name: Option<String>,
    definition: Option<PlaceShape>,
    /// `calls`, `types` or `chain`.
    kind: &'static str,
    nodes: Vec<NodeShape>,
    edges: Vec<EdgeShape>,
    /// Functions that `to` may mean, where it means more than one.
    choices: Vec<ChoiceShape>,
    /// How many neighbours of shown nodes are not shown.
    left_out: usize,
    /// Whether a limit cut off what was not even counted.
    cut: bool,
}

/// A function or type.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NodeShape {
    /// The name; empty for the top level of a file.
    name: String,
    path: String,
    /// Counted from 1.
    line: u64,
    /// How many steps from what was asked about: callers and types above are negative; in a chain, steps from its beginning.
    step: i32,
    url: String,
}

/// Something calls or extends something.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EdgeShape {
    /// The caller, or the type that extends: an index into the nodes.
    from: usize,
    /// What is called or extended.
    to: usize,
    /// Where it does so first, counted from 1.
    line: u64,
    /// `precise`, `scope`, `import`, `receiver` or `name`.
    how: &'static str,
}

/// A function that was perhaps meant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChoiceShape {
    name: String,
    /// As `to` takes it.
    to: String,
}

impl GraphShape {
    pub(super) fn of(drawn: &Drawn, repo: &RepoName, rev: Option<&str>, commit: ObjectId) -> Self {
        let node = |node: &Node| NodeShape {
            name: node.name.clone(),
            path: lossy(&node.path),
            line: node.line,
            step: node.step,
            url: line_link(repo, rev, &node.path, node.line as usize, N_LINES_WINDOW),
        };
        let edge = |edge: &nav::Edge| EdgeShape {
            from: edge.from,
            to: edge.to,
            line: edge.line,
            how: edge.how.as_str(),
        };
        let choice = |(name, place): &(String, Found)| ChoiceShape { name: name.clone(), to: to_text(place) };
        GraphShape {
            commit: commit.to_string(),
            name: drawn.name.clone(),
            definition: drawn.target.as_ref().map(|found| PlaceShape::of(found, repo, rev)),
            kind: match (drawn.is_chain, drawn.is_types) {
                (true, _) => "chain",
                (_, true) => "types",
                _ => "calls",
            },
            nodes: drawn.graph.nodes.iter().map(node).collect(),
            edges: drawn.graph.edges.iter().map(edge).collect(),
            choices: drawn.choices.iter().map(choice).collect(),
            left_out: drawn.graph.n_left_out,
            cut: drawn.graph.is_cut,
        }
    }
}

/// A place as `to` takes it.
pub(super) fn to_text(place: &Found) -> String {
    format!("{}:{}:{}", lossy(&place.path), place.line, place.in_line.start)
}
