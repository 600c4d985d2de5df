//! The query set: one file of named queries by class, each with the same question in the other tools' words.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::Path;

/// A file of `bench/queries`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuerySet {
    /// The queries, in the order of the report.
    #[serde(rename = "query")]
    pub(crate) queries: Vec<Query>,
}

/// One question.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    /// rare, medium, frequent, …
    pub(crate) class: String,
    /// The question in our query language.
    pub(crate) text: String,
    /// The same for `rg`, where it can be asked.
    pub(crate) rg: Option<Vec<String>>,
    /// The same for `git grep`.
    pub(crate) git: Option<Vec<String>>,
    /// The same for `csearch`.
    pub(crate) csearch: Option<Vec<String>>,
}

/// Reads a query set.
pub(crate) fn load(path: &Path) -> Result<QuerySet> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the query set {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} is not a query set", path.display()))
}
