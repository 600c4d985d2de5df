//! `definition`, `references`, `outline` and `call_graph`: what the names in a file mean.

use crate::answer::{Answer, TEXT_BYTES_MAX, cut};
use crate::arguments::{self, NameArguments};
use compat::{Backend, BackendError};
use model::RepoName;
use rmcp::model::JsonObject;
use serde_json::Value;
use std::future::Future;
use std::pin::Pin;

/// How many references are told where nothing is said, and at most.
const N_REFERENCES: (usize, usize) = (50, 500);
/// How much of one line of code is shown, in bytes.
const LINE_BYTES_MAX: usize = 300;

/// An answer on its way: what the interface for programs says, or nothing where there is no such file for the caller.
pub type NamesAnswer<'a> = Pin<Box<dyn Future<Output = Result<Option<Value>, BackendError>> + Send + 'a>>;

/// What names mean, for one caller: the same answers that the interface for programs gives.
pub trait Names: Send + Sync + 'static {
    /// Answers a question about a file.
    fn ask(&self, question: NameQuestion) -> NamesAnswer<'_>;
}

/// A question about a name in a file, or about the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameQuestion {
    /// The resource of the interface for programs: `definition`, `references`, `outline` or `graph`.
    pub resource: &'static str,
    /// The repository.
    pub repo: RepoName,
    /// The revision; the default branch where there is none.
    pub revision: Option<String>,
    /// The file.
    pub path: String,
    /// What else the resource is told, as names and values of a query string.
    pub parameters: Vec<(&'static str, String)>,
}

/// Where the name is defined.
pub(crate) async fn definition(backend: &dyn Backend, names: &dyn Names, arguments: JsonObject) -> Answer {
    match about_name(backend, names, "definition", arguments).await {
        Ok((asked, found)) => {
            let places = list(&found, "definitions").iter().map(place).collect::<Vec<_>>();
            let head =
                format!("`{}` is defined in {} place{}", asked.name, places.len(), plural(places.len()));
            told(head, places, found)
        }
        Err(failure) => failure,
    }
}

/// Where what the name means is used.
pub(crate) async fn references(backend: &dyn Backend, names: &dyn Names, arguments: JsonObject) -> Answer {
    match about_name(backend, names, "references", arguments).await {
        Ok((asked, found)) => {
            let line = |one: &Value| {
                let within = one["within"].as_str().map(|within| format!(" in {within}")).unwrap_or_default();
                let code = cut(text(one, "text").trim(), LINE_BYTES_MAX);
                format!("{} ({}){within}\t{code}", place(one), text(one, "kind"))
            };
            let lines: Vec<String> = list(&found, "references").iter().map(line).collect();
            let more = match found["cut"].as_bool() {
                Some(true) => {
                    format!("; the name stands in at least {} lines, not all are told", found["lines"])
                }
                _ => String::new(),
            };
            told(
                format!("{} use{} of `{}`{more}", lines.len(), plural(lines.len()), asked.name),
                lines,
                found,
            )
        }
        Err(failure) => failure,
    }
}

/// Who calls a function and what it calls, or what a type extends and what extends it.
pub(crate) async fn call_graph(backend: &dyn Backend, names: &dyn Names, arguments: JsonObject) -> Answer {
    match about_name(backend, names, "graph", arguments).await {
        Ok((asked, found)) => {
            let nodes = list(&found, "nodes");
            let name = |idx: &Value| {
                let node = idx.as_u64().and_then(|idx| nodes.get(idx as usize));
                node.map(|node| match text(node, "name") {
                    "" => format!("top level of {}", text(node, "path")),
                    name => format!("{name} ({}:{})", text(node, "path"), node["line"]),
                })
                .unwrap_or_default()
            };
            let verb = if text(&found, "kind") == "types" { "extends" } else { "calls" };
            let line = |edge: &Value| {
                let (from, to) = (name(&edge["from"]), name(&edge["to"]));
                format!("{from} {verb} {to} in line {}, {}", edge["line"], text(edge, "how"))
            };
            let mut lines: Vec<String> = list(&found, "edges").iter().map(line).collect();
            lines.extend(
                list(&found, "choices")
                    .iter()
                    .map(|one| format!("`to` may be {}: pass to=\"{}\"", text(one, "name"), text(one, "to"))),
            );
            let left = match found["left_out"].as_u64() {
                Some(n @ 1..) => format!(", {n} more beside them left out"),
                _ => String::new(),
            };
            told(format!("{} around `{}`{left}", text(&found, "kind"), asked.name), lines, found)
        }
        Err(failure) => failure,
    }
}

/// What a file defines.
pub(crate) async fn outline(backend: &dyn Backend, names: &dyn Names, arguments: JsonObject) -> Answer {
    let asked: NameArguments = match arguments::read(arguments) {
        Ok(asked) => asked,
        Err(failure) => return failure,
    };
    match ask(backend, names, "outline", &asked, Vec::new()).await {
        Ok(found) => {
            let line = |one: &Value| {
                let owner = one["container"].as_str().map(|owner| format!("{owner} · ")).unwrap_or_default();
                format!(
                    "{:>6}-{}\t{} {owner}{}",
                    one["line"],
                    one["end_line"],
                    text(one, "kind"),
                    text(one, "name")
                )
            };
            let lines: Vec<String> = list(&found, "symbols").iter().map(line).collect();
            told(format!("{} defines {} name{}", asked.path, lines.len(), plural(lines.len())), lines, found)
        }
        Err(failure) => failure,
    }
}

async fn about_name(
    backend: &dyn Backend,
    names: &dyn Names,
    resource: &'static str,
    arguments: JsonObject,
) -> Result<(NameArguments, Value), Answer> {
    let asked: NameArguments = arguments::read(arguments)?;
    if asked.name.is_empty() {
        return Err(Answer::failure("`name` is missing: the name as it stands in the file."));
    }
    let mut parameters = vec![("name", asked.name.clone())];
    parameters.extend(asked.line.map(|line| ("line", line.to_string())));
    parameters
        .extend(asked.everywhere.filter(|everywhere| *everywhere).map(|_| ("everywhere", "1".to_owned())));
    parameters.extend(asked.direction.clone().map(|direction| ("direction", direction)));
    parameters.extend(asked.depth.map(|depth| ("depth", depth.to_string())));
    parameters.extend(asked.to.clone().map(|to| ("to", to)));
    let limit = asked.limit.unwrap_or(N_REFERENCES.0).clamp(1, N_REFERENCES.1);
    parameters.push(("limit", limit.to_string()));
    let found = ask(backend, names, resource, &asked, parameters).await?;
    if found["name"].is_null() {
        let line = asked.line.map(|line| format!("line {line} of ")).unwrap_or_default();
        let name: String = asked.name.chars().take(100).collect();
        return Err(Answer::failure(format!(
            "{line}'{}' has no name '{name}' that code is made of. read_file shows its lines; comments and strings \
             hold no names. Without `line` its first occurrence in the file is taken.",
            cut(&asked.path, 200)
        )));
    }
    Ok((asked, found))
}

async fn ask(
    backend: &dyn Backend,
    names: &dyn Names,
    resource: &'static str,
    asked: &NameArguments,
    parameters: Vec<(&'static str, String)>,
) -> Result<Value, Answer> {
    let repo = arguments::repository(&asked.repository)?;
    // SECURITY: the backend answers alike for repositories that are not there and those that are not for this caller.
    if backend.repository(repo.clone()).await?.is_none() {
        return Err(arguments::unknown_repository(&asked.repository));
    }
    let path = asked.path.trim_matches('/').to_owned();
    let question = NameQuestion { resource, repo, revision: asked.revision.clone(), path, parameters };
    names.ask(question).await?.ok_or_else(|| {
        Answer::failure(format!(
            "There is no text file '{}' in {} at that revision. list_files shows what a folder holds.",
            cut(&asked.path, 200),
            asked.repository
        ))
    })
}

fn told(head: String, lines: Vec<String>, structured: Value) -> Answer {
    let mut shown = format!("{head}\n");
    let n_lines = lines.len();
    let mut n_shown = 0;
    for line in lines {
        if shown.len() + line.len() > TEXT_BYTES_MAX {
            break;
        }
        shown.push_str(&line);
        shown.push('\n');
        n_shown += 1;
    }
    if n_shown < n_lines {
        shown.push_str(&format!("Left out: {} further lines\n", n_lines - n_shown));
    }
    Answer::new(shown, structured)
}

fn place(one: &Value) -> String {
    format!("{} {}:{}, {}", text(one, "repo"), text(one, "path"), one["line"], text(one, "how"))
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}
