//! A definition in JSON.

use super::{ScorePartShape, lossy};
use crate::links;
use search::SymbolMatch;
use serde::Serialize;
use utoipa::ToSchema;

/// A definition.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SymbolShape {
    repo: String,
    /// 40 hexadecimal digits.
    commit: String,
    refs: Vec<String>,
    path: String,
    language: Option<&'static str>,
    score: f64,
    /// What the score is made of, where `explain=1` asks for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) score_parts: Vec<ScorePartShape>,
    name: String,
    /// Half-open byte offsets in `name`.
    ranges: Vec<[usize; 2]>,
    /// `function`, `class`, … as `select:symbol.KIND` names them.
    symbol_kind: &'static str,
    /// What holds it; empty at the top.
    container: String,
    /// From 1.
    line: u64,
    /// The line, or a piece of it.
    text: String,
    /// The name within `text`.
    name_range: [usize; 2],
    url: String,
}

impl SymbolShape {
    pub(super) fn of(found: &SymbolMatch) -> Self {
        let file = links::match_link(&found.repo, &found.refs, found.commit, &found.path);
        SymbolShape {
            repo: found.repo.to_string(),
            commit: found.commit.to_string(),
            refs: found.refs.iter().map(ToString::to_string).collect(),
            path: lossy(&found.path),
            language: syntax::language_name(found.language),
            score: found.score,
            score_parts: Vec::new(),
            name: found.name.clone(),
            ranges: super::pairs(&found.ranges),
            symbol_kind: found.symbol_kind.as_str(),
            container: found.container.clone(),
            line: found.line,
            text: found.text.clone(),
            name_range: [found.name_range.start, found.name_range.end],
            url: format!("{file}#L{}", found.line),
        }
    }
}
