//! `list_repositories`.

use crate::answer::Answer;
use crate::arguments::{self, ListRepositoriesArguments};
use compat::{Backend, RepositoryOrder, RepositoryQuestion, opaque_id};
use rmcp::model::JsonObject;
use serde_json::json;

/// How many are listed where nothing is said, and at most.
const REPOSITORIES: (usize, usize) = (100, 500);

/// Lists repositories.
pub(crate) async fn list(backend: &dyn Backend, arguments: JsonObject) -> Answer {
    let asked: ListRepositoriesArguments = match arguments::read(arguments) {
        Ok(asked) => asked,
        Err(failure) => return failure,
    };
    let question = RepositoryQuestion {
        first: asked.limit.unwrap_or(REPOSITORIES.0).clamp(1, REPOSITORIES.1),
        after: asked.after,
        query: asked.filter.filter(|filter| !filter.is_empty()),
        names: None,
        cloned: (true, true),
        indexed: (true, true),
        order: RepositoryOrder::Name,
        is_descending: false,
    };
    let page = match backend.repositories(question).await {
        Ok(page) => page,
        Err(error) => return error.into(),
    };
    let noun = if page.n_total == 1 { "repository" } else { "repositories" };
    let mut text = format!("{} of {} {noun}:\n", page.repositories.len(), page.n_total);
    let mut shapes = Vec::new();
    for repository in &page.repositories {
        let branch = repository.default_branch.as_ref().map(|name| name.short().to_owned());
        let state = if repository.is_indexed { "" } else { " (not searchable yet)" };
        let description = match repository.description.as_str() {
            "" => String::new(),
            description => format!(": {}", crate::answer::cut(description, 200)),
        };
        text.push_str(&format!("{}{state}{description}\n", repository.name));
        shapes.push(json!({
            "name": repository.name.as_str(),
            "default_branch": branch,
            "searchable": repository.is_indexed,
            "indexed_at": repository.updated_at,
            "description": repository.description,
        }));
    }
    let last = page.repositories.last().filter(|_| page.has_more);
    let next = last.map(|last| opaque_id("Repository", last.name.as_str()));
    if let Some(next) = &next {
        text.push_str(&format!("Left out: the rest; go on with after {next}\n"));
    }
    Answer::new(text, json!({"repositories": shapes, "total": page.n_total, "next": next}))
}
