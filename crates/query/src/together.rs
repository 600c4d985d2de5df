//! What the parts of a query do not mean together, though each is well by itself.

use crate::{
    ContextScope, ErrorKind, Expr, FilterKind, Leaf, ParseError, Query, ResultType, Rev, RevKind, Span,
    Spanned,
};

/// Finds what cannot be asked in the company of the rest: the first such place in the text. Whoever searches refuses the query
/// with it: nothing is silently ignored. For a query whose contexts are expanded it looks into them too.
pub fn unanswerable(query: &Query) -> Option<ParseError> {
    let settings = &query.settings;
    if settings.wants(ResultType::Commit) || settings.wants(ResultType::Diff) {
        return None;
    }
    let mut excluded: Vec<(Span, String)> = Vec::new();
    excluded.extend(settings.revs.iter().filter_map(|rev| Some((rev.span, excludes(&rev.kind)?.to_owned()))));
    in_expr(&query.expr, &mut excluded);
    let (span, name) = excluded.into_iter().min()?;
    let rev = crate::error::shown(&name).into_boxed_str();
    let fault = ParseError::new(span, ErrorKind::NoCommitsToExclude { rev })
        .with_hint("search commits with type:commit, or changes with type:diff, or remove it");
    if !settings.types.is_empty() || settings.select.span.is_some() {
        return Some(fault);
    }
    let mut mended = query.clone();
    mended.settings.types.push(Spanned { value: ResultType::Diff, span: Span::default() });
    Some(fault.with_suggestion(mended.to_string()))
}

/// What is left out by a revision, if it leaves commits out: of files there is nothing to leave out by it.
fn excludes(kind: &RevKind) -> Option<&str> {
    match kind {
        RevKind::Exclude(name) => Some(name),
        RevKind::Name(_) | RevKind::Glob(_) | RevKind::ExcludeGlob(_) | RevKind::AtTime { .. } => None,
    }
}

/// Gathers what is left out inside an expression. What stands in a context has the place where the context is named.
fn in_expr(expr: &Expr, excluded: &mut Vec<(Span, String)>) {
    expr.for_each_leaf(&mut |leaf, _| {
        let Leaf::Filter(filter) = leaf else { return };
        let mut add =
            |rev: &Rev| excluded.extend(excludes(&rev.kind).map(|name| (rev.span, name.to_owned())));
        match &filter.kind {
            FilterKind::Repo(repo) => repo.revs.iter().for_each(add),
            FilterKind::Context(context) => {
                if let Some(ContextScope::Saved { repositories, query }) = context.scope.as_deref() {
                    let asked = query.iter().flat_map(|query| &query.settings.revs);
                    repositories.values().flatten().chain(asked).for_each(&mut add);
                    query.iter().for_each(|query| in_expr(&query.expr, excluded));
                }
            }
            _ => {}
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ContextDefinition, Options, parse};

    #[test]
    fn a_context_may_leave_commits_out_where_commits_are_asked_for() {
        let resolve = |name: &str| {
            let repositories = vec![("lib".to_owned(), "main:^v2".to_owned())];
            match name {
                "asked" => {
                    Some(ContextDefinition { query: "repo:a rev:main:^v1".into(), ..Default::default() })
                }
                "listed" => Some(ContextDefinition { repositories, ..Default::default() }),
                _ => None,
            }
        };
        let place = |text: &str| {
            let query = parse(text, &Options::default()).expect(text).expand_contexts(&resolve).expect(text);
            unanswerable(&query).map(|fault| (fault.span.of(text).to_owned(), fault.kind))
        };
        for (name, rev) in [("asked", "v1"), ("listed", "v2")] {
            let kind = ErrorKind::NoCommitsToExclude { rev: rev.into() };
            assert_eq!(place(&format!("x context:{name}")), Some((format!("context:{name}"), kind)));
            assert_eq!(place(&format!("x context:{name} type:commit")), None);
        }
    }
}
