//! What the engine does not evaluate yet, by the table of filters.

use crate::print::{file_predicate, filter_id, repo_predicate};
use crate::{
    ErrorKind, Expr, FilterId, FilterKind, Leaf, ParseError, Query, ResultType, RevKind, Settings, Span,
};

/// Lists what a query asks that is understood but not searched for yet, with its place, in the order of the text. Empty
/// for a query that can be searched whole. An evaluator refuses the query with these: nothing is silently ignored.
pub fn unevaluated(query: &Query) -> Vec<ParseError> {
    let mut found = Vec::new();
    settings(query, &mut found);
    leaves(&query.expr, &query.settings, &mut found);
    found.sort_by_key(|error: &ParseError| error.span);
    found
}

fn not_yet(span: Span, what: impl Into<String>) -> ParseError {
    ParseError::new(span, ErrorKind::NotEvaluatedYet { what: what.into() })
        .with_hint("remove it to search for the rest")
}

fn settings(query: &Query, found: &mut Vec<ParseError>) {
    let settings = &query.settings;
    let mut check = |id: FilterId, value: &str, span: Span| {
        let info = id.info();
        let listed = info.values.iter().find(|known| known.value == value);
        if !info.evaluated || listed.is_some_and(|known| !known.evaluated) {
            found.push(not_yet(span, format!("{}:{value}", info.name)));
        }
    };
    for given in &settings.types {
        check(FilterId::Type, given.value.as_str(), given.span);
    }
    if let Some(select) = &settings.select.value {
        let text = select.text();
        let word = if text.starts_with("symbol.") { "symbol" } else { &text };
        check(FilterId::Select, word, settings.select.span.unwrap_or_default());
    }
    if let Some(span) = settings.index.span {
        check(FilterId::Index, settings.index.value.as_str(), span);
    }
    for rev in &settings.revs {
        found.extend(revision(&rev.kind, rev.span, settings));
    }
}

/// `^rev` says what commits to leave out; of files there is nothing to leave out by it.
fn revision(kind: &RevKind, span: Span, settings: &Settings) -> Option<ParseError> {
    let asks_commits = settings.wants(ResultType::Commit) || settings.wants(ResultType::Diff);
    match kind {
        RevKind::Name(_) | RevKind::Glob(_) | RevKind::ExcludeGlob(_) | RevKind::AtTime { .. } => None,
        RevKind::Exclude(_) if asks_commits => None,
        RevKind::Exclude(name) => Some(
            ParseError::new(
                span,
                ErrorKind::NotEvaluatedYet {
                    what: format!("rev:^{} without type:commit or type:diff", crate::error::shown(name)),
                },
            )
            .with_hint("add type:commit or type:diff"),
        ),
    }
}

fn leaves(expr: &Expr, settings: &Settings, found: &mut Vec<ParseError>) {
    expr.for_each_leaf(&mut |leaf, _| match leaf {
        Leaf::Pattern(_) => {}
        Leaf::Filter(filter) => {
            let info = filter_id(filter).info();
            let called = match &filter.kind {
                FilterKind::RepoHas(predicate) => Some(repo_predicate(predicate)),
                FilterKind::FileHas(predicate) => Some(file_predicate(predicate)),
                _ => None,
            };
            if let Some(called) = called {
                let name = called.split('(').next().unwrap_or_default();
                let listed = info.predicates.iter().find(|known| known.name == name);
                if listed.is_none_or(|known| !known.evaluated) {
                    found.push(not_yet(filter.span, format!("{}:{name}(…)", info.name)));
                }
            } else if !info.evaluated {
                found.push(not_yet(filter.span, format!("{}:", info.name)));
            }
            if let FilterKind::Repo(repo) = &filter.kind {
                found.extend(repo.revs.iter().filter_map(|rev| revision(&rev.kind, rev.span, settings)));
            }
        }
    });
}
