//! The arguments of tools.

use crate::answer::Answer;
use model::RepoName;
use rmcp::model::JsonObject;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads the arguments of a tool; what cannot be read is said with the name of the tool's argument.
pub(crate) fn read<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, Answer> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| Answer::failure(format!("These arguments cannot be read: {error}.")))
}

/// Reads a repository's name. A wrong one is answered like an unknown one.
pub(crate) fn repository(name: &str) -> Result<RepoName, Answer> {
    RepoName::new(name).map_err(|_| unknown_repository(name))
}

pub(crate) fn unknown_repository(name: &str) -> Answer {
    let name: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
    Answer::failure(format!(
        "There is no repository '{name}' here, or you may not read it. list_repositories tells the names."
    ))
}

#[derive(Deserialize)]
pub(crate) struct SearchArguments {
    pub(crate) query: String,
    pub(crate) limit: Option<usize>,
}

#[derive(Deserialize)]
pub(crate) struct SymbolsArguments {
    pub(crate) name: String,
    pub(crate) repository: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) limit: Option<usize>,
}

#[derive(Deserialize)]
pub(crate) struct ReadFileArguments {
    pub(crate) repository: String,
    pub(crate) path: String,
    pub(crate) revision: Option<String>,
    pub(crate) start_line: Option<usize>,
    pub(crate) end_line: Option<usize>,
}

#[derive(Deserialize)]
pub(crate) struct ListFilesArguments {
    pub(crate) repository: String,
    pub(crate) path: Option<String>,
    pub(crate) revision: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct ListRepositoriesArguments {
    pub(crate) filter: Option<String>,
    pub(crate) after: Option<String>,
    pub(crate) limit: Option<usize>,
}

#[derive(Deserialize)]
pub(crate) struct NameArguments {
    pub(crate) repository: String,
    pub(crate) path: String,
    pub(crate) revision: Option<String>,
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) line: Option<usize>,
    pub(crate) limit: Option<usize>,
    pub(crate) everywhere: Option<bool>,
    pub(crate) direction: Option<String>,
    pub(crate) depth: Option<usize>,
    pub(crate) to: Option<String>,
}
