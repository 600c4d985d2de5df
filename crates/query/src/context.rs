//! Search contexts: what may be saved in one, and putting it in the place of `context:`.
//!
//! A context stands in the tree as one leaf that carries what it holds, so that a query prints as it was typed, and every
//! fault inside of it points at the `context:` that brought it in.

use crate::{ErrorKind, Expr, Filter, FilterKind, Leaf, Options, ParseError, Query, Rev, Settings, Span};
use std::collections::{BTreeMap, BTreeSet};

/// How deep contexts may stand inside contexts.
const DEPTH_MAX: usize = 3;
/// How many contexts one query may take in, those inside of others counted.
const N_CONTEXTS_MAX: usize = 32;
/// The context of everything.
const GLOBAL: &str = "global";

/// `context:NAME`.
#[derive(Clone, Debug, PartialEq)]
pub struct ContextFilter {
    /// As written: `global`, `name` or `@owner/name`.
    pub name: String,
    /// What it holds; `None` until [`Query::expand_contexts`] has put it here. A query is only searched after that.
    pub scope: Option<Box<ContextScope>>,
}

/// What a context holds.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "it is only ever held in a box")]
pub enum ContextScope {
    /// Everything: `context:global`.
    Everything,
    /// What is listed, and what is asked for.
    Saved {
        /// Repositories by name, with the revisions to search; none means the default branch.
        repositories: BTreeMap<String, Vec<Rev>>,
        /// What must hold for a file, and the settings `fork: archived: visibility: rev:` that hold for this part alone;
        /// `None` where the context only lists.
        query: Option<Query>,
    },
}

/// A context as it is saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContextDefinition {
    /// Its query; may be empty.
    pub query: String,
    /// The repositories it lists, each with its revisions as after an `@`.
    pub repositories: Vec<(String, String)>,
}

/// Reads the query of a context: conditions on repositories and files, revisions, and other contexts. Anything else is an
/// error, because it would change what is found in what the context holds.
pub fn parse_context(text: &str) -> Result<Query, ParseError> {
    let query = crate::parse(text, &Options::default())?;
    if let Some(span) = not_in_context(&query) {
        let kind = ErrorKind::NotInContext { what: crate::error::shown(span.of(text)).into() };
        let hint = "keep repo:, rev:, file:, lang:, fork:, archived:, visibility: and context:";
        return Err(ParseError::new(span, kind).with_hint(hint));
    }
    Ok(query)
}

/// Reads a list of revisions as after an `@`; empty for the default branch.
pub fn parse_revisions(text: &str) -> Result<Vec<Rev>, ParseError> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let source = crate::text::Source::plain(text, Span::new(0, text.len())).trimmed();
    crate::revs::read(text, &source)
}

/// Where a query holds something that a context may not.
fn not_in_context(query: &Query) -> Option<Span> {
    let Settings { pattern_type, case_sensitive, count, timeout, types, select, index, .. } = &query.settings;
    let given = [pattern_type.span, case_sensitive.span, count.span, timeout.span, select.span, index.span];
    let settings = given.into_iter().flatten().chain(types.iter().map(|given| given.span));
    let mut first = settings.min();
    query.expr.for_each_leaf(&mut |leaf, _| {
        let span = match leaf {
            Leaf::Pattern(pattern) => Some(pattern.span),
            Leaf::Filter(Filter { span, kind, .. }) => match kind {
                FilterKind::Repo(_)
                | FilterKind::RepoHas(_)
                | FilterKind::File(_)
                | FilterKind::FileHas(_)
                | FilterKind::Language(_)
                | FilterKind::Context(_) => None,
                _ => Some(*span),
            },
        };
        first = match (first, span) {
            (Some(first), Some(span)) => Some(first.min(span)),
            (first, span) => first.or(span),
        };
    });
    first
}

impl Query {
    /// The contexts that the query names and that are not expanded, in lower case; without `global`.
    pub fn context_names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.expr.for_each_leaf(&mut |leaf, _| {
            if let Leaf::Filter(Filter { kind: FilterKind::Context(context), .. }) = leaf
                && context.scope.is_none()
                && !context.name.eq_ignore_ascii_case(GLOBAL)
            {
                names.insert(context.name.to_ascii_lowercase());
            }
        });
        names
    }

    /// Whether a context stands anywhere in it that is not expanded.
    pub fn has_open_contexts(&self) -> bool {
        let mut is_open = false;
        self.expr.for_each_leaf(&mut |leaf, _| {
            if let Leaf::Filter(Filter { kind: FilterKind::Context(context), .. }) = leaf {
                is_open |= context.scope.is_none();
            }
        });
        is_open
    }

    /// Puts what contexts hold in their places. `resolve` gives the definition of a context by its name in lower case, and
    /// `None` for one that is not there or not for the caller: both are one error. The spans of everything that comes in
    /// are those of the `context:` that named it.
    pub fn expand_contexts(
        self,
        resolve: &dyn Fn(&str) -> Option<ContextDefinition>,
    ) -> Result<Query, ParseError> {
        let mut expander = Expander { resolve, n_contexts: 0 };
        let Query { expr, settings } = self;
        Ok(Query { expr: expander.expr(expr, &[])?, settings })
    }
}

struct Expander<'a> {
    resolve: &'a dyn Fn(&str) -> Option<ContextDefinition>,
    n_contexts: usize,
}

impl Expander<'_> {
    /// `around` are the contexts that the expression stands in, the outermost first. It recurses as deep as the tree.
    fn expr(&mut self, expr: Expr, around: &[String]) -> Result<Expr, ParseError> {
        Ok(match expr {
            Expr::And { operands, span } => Expr::And { operands: self.all(operands, around)?, span },
            Expr::Or { operands, span } => Expr::Or { operands: self.all(operands, around)?, span },
            Expr::Not { operand, span } => {
                Expr::Not { operand: Box::new(self.expr(*operand, around)?), span }
            }
            Expr::Filter(Filter { span, value_span, kind: FilterKind::Context(mut context) }) => {
                if context.scope.is_none() {
                    context.scope = Some(Box::new(self.scope(&context.name, span, value_span, around)?));
                }
                Expr::Filter(Filter { span, value_span, kind: FilterKind::Context(context) })
            }
            other => other,
        })
    }

    fn all(&mut self, operands: Vec<Expr>, around: &[String]) -> Result<Vec<Expr>, ParseError> {
        operands.into_iter().map(|operand| self.expr(operand, around)).collect()
    }

    fn scope(
        &mut self,
        name: &str,
        span: Span,
        value_span: Span,
        around: &[String],
    ) -> Result<ContextScope, ParseError> {
        if name.eq_ignore_ascii_case(GLOBAL) {
            return Ok(ContextScope::Everything);
        }
        self.n_contexts += 1;
        let name = name.to_ascii_lowercase();
        if around.len() >= DEPTH_MAX || self.n_contexts > N_CONTEXTS_MAX || around.contains(&name) {
            let kind = ErrorKind::TooManyContexts { depth_max: DEPTH_MAX, n_max: N_CONTEXTS_MAX };
            return Err(ParseError::new(span, kind));
        }
        let definition = (self.resolve)(&name).ok_or_else(|| {
            let within = around.last().map(|name| name.as_str().into());
            let kind = ErrorKind::UnknownContext { name: crate::error::shown(&name).into(), within };
            ParseError::new(value_span, kind)
                .with_hint("it may have been removed or renamed; the page Contexts lists those you may use")
        })?;
        let broken = |error: ParseError| {
            let reason = error.to_string().into();
            ParseError::new(span, ErrorKind::BrokenContext { name: name.as_str().into(), reason })
        };
        let mut repositories = BTreeMap::new();
        for (repository, revisions) in &definition.repositories {
            let mut revs = parse_revisions(revisions).map_err(broken)?;
            revs.iter_mut().for_each(|rev| rev.span = span);
            repositories.insert(repository.clone(), revs);
        }
        let query = match definition.query.trim() {
            "" => None,
            text => {
                let Query { mut expr, mut settings } = parse_context(text).map_err(broken)?;
                expr.set_spans(span);
                settings.revs.iter_mut().for_each(|rev| rev.span = span);
                let within: Vec<String> = around.iter().cloned().chain([name.clone()]).collect();
                Some(Query { expr: self.expr(expr, &within)?, settings })
            }
        };
        Ok(ContextScope::Saved { repositories, query })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(query: &str) -> ContextDefinition {
        ContextDefinition { query: query.to_owned(), ..ContextDefinition::default() }
    }

    fn resolve(name: &str) -> Option<ContextDefinition> {
        match name {
            "backend" => Some(definition("repo:^b -repo:has.topic(old) lang:go")),
            "outer" => Some(definition("context:backend OR repo:x")),
            "loop" => Some(definition("context:loop")),
            "dangling" => Some(definition("context:@somebody/gone")),
            "broken" => Some(definition("foo")),
            "deep1" => Some(definition("context:deep2")),
            "deep2" => Some(definition("context:deep3")),
            "deep3" => Some(definition("context:backend")),
            "listed" => Some(ContextDefinition {
                query: String::new(),
                repositories: vec![("a".into(), String::new()), ("b".into(), "dev:v1".into())],
            }),
            _ => None,
        }
    }

    fn expand(text: &str) -> Result<Query, ParseError> {
        crate::parse(text, &Options::default()).expect(text).expand_contexts(&resolve)
    }

    #[test]
    fn what_is_expanded_prints_as_it_was_typed() {
        for text in ["context:backend retry", "context:Outer a OR b", "(context:listed a) OR context:global"]
        {
            let query = crate::parse(text, &Options::default()).expect(text);
            let expanded = expand(text).expect(text);
            assert!(query.has_open_contexts() && !expanded.has_open_contexts(), "{text}");
            assert_eq!(expanded.to_string(), query.to_string());
        }
    }

    #[test]
    fn faults_point_at_the_context() {
        let check = |text: &str, place: &str, code: &str| {
            let error = expand(text).expect_err(text);
            assert_eq!((error.span.of(text), error.kind.code()), (place, code), "{text}: {error}");
        };
        check("a context:nothing b", "nothing", "unknown-context");
        check("a context:dangling", "context:dangling", "unknown-context");
        check("context:loop", "context:loop", "too-many-contexts");
        check("context:deep1", "context:deep1", "too-many-contexts");
        check("context:broken", "context:broken", "broken-context");
        let many = vec!["context:backend"; 40].join(" ");
        assert_eq!(expand(&many).expect_err("too many").kind.code(), "too-many-contexts");
    }

    #[test]
    fn a_context_holds_conditions_alone() {
        for good in
            ["repo:a", "(repo:a@dev OR repo:has.path(x)) fork:yes", "-file:x lang:go", "rev:dev", "context:a"]
        {
            assert!(parse_context(good).is_ok(), "{good}");
        }
        let check = |text: &str, place: &str| {
            let error = parse_context(text).expect_err(text);
            assert_eq!((error.span.of(text), error.kind.code()), (place, "not-in-context"), "{text}");
        };
        check("repo:a foo", "foo");
        check("repo:a count:5", "count:5");
        check("type:file repo:a content:x", "type:file");
        check("author:ada", "author:ada");
    }

    #[test]
    fn lists_carry_revisions() {
        let Ok(Query { expr: Expr::Filter(Filter { kind: FilterKind::Context(context), .. }), .. }) =
            expand("context:listed")
        else {
            panic!("one context")
        };
        let Some(ContextScope::Saved { repositories, query: None }) = context.scope.as_deref() else {
            panic!("a list")
        };
        let n_revs: Vec<usize> = repositories.values().map(Vec::len).collect();
        assert_eq!(n_revs, [0, 2]);
    }
}
