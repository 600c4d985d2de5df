//! The page of a graph: a picture, and the same as a list.

use super::graph::{Drawn, GraphWanted, N_CHAIN_MAX, N_STEPS, to_text};
use super::{how_told, place_of};
use crate::caller::Caller;
use crate::failure::Failure;
use crate::links::{RepoAddress, line_link, path_link, percent, with_query};
use crate::navigation::{Place, Spot, ask, url_of};
use crate::picture::{self, Picture};
use crate::routes::r::{Crumb, RefGroup, Tool, crumbs, ref_groups, rev_shown, tools};
use crate::routes::r_blob::{N_LINES_WINDOW, box_for};
use crate::shell::Shell;
use crate::state::AppState;
use crate::wire::lossy;
use askama::Template;
use axum::response::{Html as HtmlPage, IntoResponse, Response};
use model::RepoName;
use nav::{Found, How, Node};
use store::Repository;

#[derive(Template)]
#[template(path = "graph.html")]
struct GraphPage {
    shell: Shell,
    crumbs: Vec<Crumb>,
    rev_shown: String,
    refs: Vec<RefGroup>,
    path_shown: String,
    permalink: Option<String>,
    raw: Option<String>,
    tools: Vec<Tool>,
    /// What was asked about; empty where no name stands there.
    name: String,
    /// Where it is defined, where that is in another repository.
    elsewhere: Option<(String, String)>,
    here: String,
    at: Spot,
    kind: &'static str,
    direction: &'static str,
    depth: usize,
    depths: Vec<usize>,
    to: String,
    is_chain: bool,
    choices: Vec<Choice>,
    says: Vec<String>,
    picture: Picture,
    label: String,
    boxes: Vec<DrawnBox>,
    lines: Vec<DrawnLine>,
    steps: Vec<Step>,
    back_url: String,
    json_url: String,
}

/// A function that was perhaps meant.
struct Choice {
    name: String,
    place: String,
    url: String,
}

/// A box of the picture.
struct DrawnBox {
    at: picture::PictureBox,
    class: &'static str,
    title: String,
    url: String,
}

/// A line of the picture.
struct DrawnLine {
    path: String,
    class: &'static str,
}

/// What is so many steps away, in the list.
struct Step {
    title: String,
    rows: Vec<ListRow>,
}

/// A node in the list.
struct ListRow {
    name: String,
    url: String,
    place: String,
    /// The graph around it.
    graph_url: Option<String>,
    /// What leads from it, and how sure that is.
    leads: Vec<Lead>,
}

/// An edge in the list.
struct Lead {
    name: String,
    line: u64,
    url: String,
    how: &'static str,
}

/// The page: a picture, and the same as a list. Complete without a script.
pub(crate) async fn page(
    state: AppState,
    caller: Caller,
    row: Repository,
    address: RepoAddress,
    query: Option<&str>,
) -> Result<Response, Failure> {
    let (place, wanted) = (Place::read(query)?, GraphWanted::read(query)?);
    let (path, asked) = (address.path.clone(), wanted.clone());
    let drawn = ask(&state, &caller, &row, &address, move |view| {
        let at = place.spot(view, &path)?;
        Ok((at, Drawn::look(view, &path, at, &asked)?))
    });
    let (at, drawn) = drawn.await?;
    let page = GraphPage::new(&state, &caller, &row, &address, at, &wanted, &drawn);
    Ok(HtmlPage(page.render().map_err(Failure::internal)?).into_response())
}

impl GraphPage {
    fn new(
        state: &AppState,
        caller: &Caller,
        row: &Repository,
        address: &RepoAddress,
        at: Spot,
        wanted: &GraphWanted,
        drawn: &Drawn,
    ) -> Self {
        let rev = address.rev.as_deref();
        let view = Shown { row, rev, drawn };
        let name = drawn.name.clone().unwrap_or_default();
        let what = match drawn.is_types {
            true => "types",
            false => "calls",
        };
        let title = if name.is_empty() { "Graph".to_owned() } else { format!("{name} · {what}") };
        let here = path_link(&address.repo, rev, "graph", &address.path);
        let texts: Vec<(String, String)> =
            drawn.graph.nodes.iter().map(|node| (name_of(node), place_shown(node))).collect();
        let picture = picture::draw(&drawn.graph, &texts);
        let mut shell = caller.shell(&title, "repos");
        shell.query = Some(box_for(row, address));
        let elsewhere = drawn.target.as_ref().filter(|target| target.repo.is_some());
        let api = format!("/api/v1/repos{}", here.trim_start_matches("/r"));
        GraphPage {
            shell,
            crumbs: crumbs(address),
            rev_shown: rev_shown(row, address),
            refs: ref_groups(state, caller, row, address),
            path_shown: lossy(&address.path),
            permalink: None,
            raw: None,
            tools: tools(caller, row, address, true),
            elsewhere: elsewhere.map(|target| (place_of(target), url_of(&row.name, rev, target))),
            at,
            kind: what,
            direction: match (wanted.is_incoming, wanted.is_outgoing) {
                (true, false) => "incoming",
                (false, true) => "outgoing",
                _ => "both",
            },
            depth: wanted.depth,
            depths: (1..=N_STEPS.1).collect(),
            to: wanted.to.clone().unwrap_or_default(),
            is_chain: drawn.is_chain,
            choices: view.choices(&here, at),
            says: view.says(wanted),
            label: if drawn.is_chain {
                format!("Chains of calls from {name}")
            } else {
                format!("{title} around it")
            },
            boxes: view.boxes(&picture),
            lines: view.lines(&picture),
            steps: view.steps(),
            picture,
            back_url: line_link(&address.repo, rev, &address.path, at.line, N_LINES_WINDOW),
            json_url: with_query(&api, &format!("line={}&column={}", at.line, at.column)),
            here,
            name,
        }
    }
}

/// The address of the graph around the name at a place.
pub(super) fn link(repo: &RepoName, rev: Option<&str>, path: &[u8], at: Spot) -> String {
    let page = path_link(repo, rev, "graph", path);
    with_query(&page, &format!("line={}&column={}", at.line, at.column))
}

/// A graph on its way into the page.
struct Shown<'s> {
    row: &'s Repository,
    rev: Option<&'s str>,
    drawn: &'s Drawn,
}

impl Shown<'_> {
    fn code_url(&self, path: &[u8], line: u64) -> String {
        line_link(&self.row.name, self.rev, path, line as usize, N_LINES_WINDOW)
    }

    fn graph_url(&self, node: &Node) -> Option<String> {
        if node.in_line.is_empty() {
            return None;
        }
        let kind = if self.drawn.is_types { "types" } else { "calls" };
        let page = path_link(&self.row.name, self.rev, "graph", &node.path);
        Some(with_query(&page, &format!("line={}&column={}&kind={kind}", node.line, node.in_line.start)))
    }

    fn choices(&self, here: &str, at: Spot) -> Vec<Choice> {
        let choice = |(name, place): &(String, Found)| {
            let to = percent::encode(to_text(place).as_bytes());
            Choice {
                name: name.clone(),
                place: place_of(place),
                url: with_query(here, &format!("line={}&column={}&to={to}", at.line, at.column)),
            }
        };
        self.drawn.choices.iter().map(choice).collect()
    }

    fn boxes(&self, picture: &Picture) -> Vec<DrawnBox> {
        let last = if self.drawn.is_chain { self.drawn.graph.nodes.len().saturating_sub(1) } else { 0 };
        let nodes = self.drawn.graph.nodes.iter().zip(&picture.boxes).enumerate();
        nodes
            .map(|(idx, (node, at))| DrawnBox {
                at: at.clone(),
                class: match idx {
                    0 => "node root",
                    _ if idx == last => "node root",
                    _ if node.in_line.is_empty() => "node file",
                    _ => "node",
                },
                title: format!("{} · {}:{}", name_of(node), lossy(&node.path), node.line),
                url: self.code_url(&node.path, node.line),
            })
            .collect()
    }

    fn lines(&self, picture: &Picture) -> Vec<DrawnLine> {
        let edges = self.drawn.graph.edges.iter().zip(&picture.lines);
        edges
            .map(|(edge, path)| DrawnLine {
                path: path.clone(),
                class: if edge.how == How::Name { "edge guess" } else { "edge" },
            })
            .collect()
    }

    fn says(&self, wanted: &GraphWanted) -> Vec<String> {
        let graph = &self.drawn.graph;
        let mut says = Vec::new();
        if self.drawn.is_chain && graph.edges.is_empty() && self.drawn.choices.is_empty() {
            match graph.nodes.len() {
                0 => says
                    .push("Nothing of that name that you may read is defined in this repository.".to_owned()),
                1 => says.push("Both are the same function.".to_owned()),
                _ => {
                    says.push(format!("No chain of at most {N_CHAIN_MAX} calls leads from one to the other."))
                }
            }
        }
        if graph.n_left_out > 0 {
            let n_left = graph.n_left_out;
            let are = if n_left == 1 { "1 more is" } else { &format!("{n_left} more are") };
            says.push(format!(
                "{are} beside these and not shown: the picture holds {} names, and {} beside one.",
                wanted.n_nodes_max,
                wanted.limits().n_beside_max
            ));
        }
        if graph.is_cut {
            says.push("Not every use was looked at: there may be more.".to_owned());
        }
        if graph.edges.iter().any(|edge| edge.how == How::Name) {
            says.push(
                "Dashed lines are by name: nothing else has that name, and nothing else leads there."
                    .to_owned(),
            );
        }
        says
    }

    fn steps(&self) -> Vec<Step> {
        let graph = &self.drawn.graph;
        let mut order: Vec<i32> = graph.nodes.iter().map(|node| node.step).collect();
        order.sort_unstable();
        order.dedup();
        let of = |step: i32| {
            let nodes = graph.nodes.iter().enumerate().filter(move |(_, node)| node.step == step);
            nodes.map(|(idx, node)| self.list_row(idx, node)).collect()
        };
        order.into_iter().map(|step| Step { title: self.step_title(step), rows: of(step) }).collect()
    }

    fn step_title(&self, step: i32) -> String {
        if self.drawn.is_chain {
            return match step {
                0 => "From".to_owned(),
                step => format!("After {}", counted(step.unsigned_abs(), "call")),
            };
        }
        let (above, below) = match self.drawn.is_types {
            true => ("Types above", "Types below"),
            false => ("Callers", "Called"),
        };
        match step {
            0 => "Asked about".to_owned(),
            step if step < 0 => format!("{above}, {} away", counted(step.unsigned_abs(), "step")),
            step => format!("{below}, {} away", counted(step.unsigned_abs(), "step")),
        }
    }

    fn list_row(&self, idx: usize, node: &Node) -> ListRow {
        let graph = &self.drawn.graph;
        let edges = graph.edges.iter().filter(|edge| edge.from == idx);
        let leads = edges.filter_map(|edge| {
            let to = graph.nodes.get(edge.to)?;
            Some(Lead {
                name: name_of(to),
                line: edge.line,
                url: self.code_url(&node.path, edge.line),
                how: how_told(edge.how),
            })
        });
        ListRow {
            name: name_of(node),
            url: self.code_url(&node.path, node.line),
            place: format!("{}:{}", lossy(&node.path), node.line),
            graph_url: self.graph_url(node),
            leads: leads.collect(),
        }
    }
}

fn counted(n: u32, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// A node's name; the file's where it is the top level of one.
fn name_of(node: &Node) -> String {
    match node.name.is_empty() {
        true => format!(
            "top level of {}",
            lossy(node.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default())
        ),
        false => node.name.clone(),
    }
}

fn place_shown(node: &Node) -> String {
    format!("{}:{}", lossy(&node.path), node.line)
}
