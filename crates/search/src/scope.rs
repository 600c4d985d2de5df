//! Search contexts, lowered: what a `context:` holds as a part of the tree.
//!
//! SECURITY: a context is only ever another condition. It is asked of the repositories that the caller may read, like
//! every other, and adds none to them.

use crate::pattern::Syntax;
use crate::plan::{Compiler, RepoCondition};
use crate::tree::Node;
use crate::{RepoIndex, SearchError, Visibility};
use model::ByteRange;
use query::{ContextFilter, ContextScope, Expr, Filter, FilterKind, Inclusion, Query, Rev};
use std::collections::{BTreeMap, BTreeSet};

/// A trait of a repository that a context asks about; for a whole query the settings do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trait {
    Fork(Inclusion),
    Archived(Inclusion),
    Visibility(query::Visibility),
}

impl Trait {
    /// Whether a repository has it.
    pub(crate) fn holds(self, repo: &RepoIndex) -> bool {
        match self {
            Trait::Fork(inclusion) => inclusion.admits(repo.is_fork),
            Trait::Archived(inclusion) => inclusion.admits(repo.is_archived),
            Trait::Visibility(query::Visibility::Any) => true,
            Trait::Visibility(query::Visibility::Public) => repo.visibility == Visibility::Public,
            Trait::Visibility(query::Visibility::Private) => repo.visibility == Visibility::Private,
        }
    }

    /// As a query has it.
    pub(crate) fn text(self) -> String {
        match self {
            Trait::Fork(inclusion) => format!("fork:{}", inclusion.as_str()),
            Trait::Archived(inclusion) => format!("archived:{}", inclusion.as_str()),
            Trait::Visibility(visibility) => format!("visibility:{}", visibility.as_str()),
        }
    }
}

/// Whether an expression asks for what saved contexts hold. It recurses as deep as the tree.
pub(crate) fn is_in_contexts(expr: &Expr) -> bool {
    match expr {
        Expr::And { operands, .. } | Expr::Or { operands, .. } => operands.iter().any(is_in_contexts),
        Expr::Not { .. } => false,
        Expr::Filter(Filter { kind: FilterKind::Context(context), .. }) => {
            matches!(context.scope.as_deref(), Some(ContextScope::Saved { .. }))
        }
        _ => false,
    }
}

impl Compiler<'_> {
    /// Lowers a query with saved contexts in it. What a query leaves out by default (forks, archived repositories) a
    /// context may hold, so that the defaults only apply to what no context speaks about.
    pub(crate) fn lower_with_defaults(
        &mut self,
        expr: &Expr,
        defaults: &[Trait],
        is_negated: bool,
    ) -> Result<Node, SearchError> {
        match expr {
            Expr::And { operands, .. } if is_in_contexts(expr) => {
                let lowered = operands.iter().map(|operand| match is_in_contexts(operand) {
                    true => self.lower_with_defaults(operand, defaults, is_negated),
                    false => self.lower(operand, is_negated),
                });
                Ok(Node::and(lowered.collect::<Result<Vec<_>, _>>()?))
            }
            Expr::Or { operands, .. } if is_in_contexts(expr) => {
                let lowered =
                    operands.iter().map(|operand| self.lower_with_defaults(operand, defaults, is_negated));
                Ok(Node::or(lowered.collect::<Result<Vec<_>, _>>()?))
            }
            Expr::Filter(_) if is_in_contexts(expr) => self.lower(expr, is_negated),
            other => {
                let lowered = self.lower(other, is_negated)?;
                let defaults = defaults.iter().map(|default| Node::Trait(*default));
                Ok(Node::and(defaults.chain([lowered]).collect::<Vec<_>>()))
            }
        }
    }

    /// Lowers `context:`.
    pub(crate) fn lower_context(
        &mut self,
        context: &ContextFilter,
        filter: &Filter,
        is_negated: bool,
    ) -> Result<Node, SearchError> {
        let (repositories, query) = match context.scope.as_deref() {
            // Whoever searches has expanded the contexts; where that was forgotten, nothing is silently ignored.
            None => {
                let name = context.name.chars().take(80).collect::<String>().into();
                let kind = query::ErrorKind::UnknownContext { name, within: None };
                let source = Box::new(query::ParseError::new(filter.span, kind));
                return Err(SearchError::Unanswerable { source });
            }
            Some(ContextScope::Everything) => return Ok(Node::Const(true)),
            Some(ContextScope::Saved { repositories, query }) => (repositories, query),
        };
        let outside = self.enter_context();
        let listed = self.lower_list(repositories, filter, is_negated);
        let asked = match query {
            Some(query) => self.lower_part(query, filter, is_negated),
            None => Ok(Node::Const(false)),
        };
        self.leave_context(outside);
        Ok(Node::or([listed?, asked?]))
    }

    /// The repositories that a context lists.
    fn lower_list(
        &mut self,
        repositories: &BTreeMap<String, Vec<Rev>>,
        filter: &Filter,
        is_negated: bool,
    ) -> Result<Node, SearchError> {
        if repositories.is_empty() {
            return Ok(Node::Const(false));
        }
        let mut by_revisions: Vec<(&[Rev], Vec<&str>)> = Vec::new();
        for (name, revs) in repositories.iter().filter(|(_, revs)| !revs.is_empty()) {
            match by_revisions.iter_mut().find(|(known, _)| *known == revs.as_slice()) {
                Some((_, names)) => names.push(name),
                None => by_revisions.push((revs, vec![name])),
            }
        }
        for (revs, names) in by_revisions {
            let names: Vec<String> = names.into_iter().map(regex_syntax::escape).collect();
            self.revisions_of(&format!("^(?:{})$", names.join("|")), revs, filter, is_negated)?;
        }
        let names: BTreeSet<String> = repositories.keys().cloned().collect();
        self.lists.push(names);
        Ok(Node::Listed(self.lists.len() - 1))
    }

    /// Says which revisions are searched in the repositories of these names, without asking for any repository.
    fn revisions_of(
        &mut self,
        names: &str,
        revs: &[Rev],
        filter: &Filter,
        is_negated: bool,
    ) -> Result<(), SearchError> {
        let span: ByteRange = filter.value_span.into();
        self.count_pattern()?;
        let name = self.name(names, Syntax::Regex, &span)?;
        let (text, revs) = (names.to_owned(), revs.to_vec());
        self.repos.push(RepoCondition { text, name, revs, is_positive: !is_negated, in_context: true });
        Ok(())
    }

    /// What a context asks for, with its own settings.
    fn lower_part(&mut self, part: &Query, filter: &Filter, is_negated: bool) -> Result<Node, SearchError> {
        let first = self.repos.len();
        let settings = &part.settings;
        let (fork, archived) = (Trait::Fork(settings.fork.value), Trait::Archived(settings.archived.value));
        let traits = [(fork, settings.fork.span), (archived, settings.archived.span)];
        let (said, defaults): (Vec<_>, Vec<_>) = traits.into_iter().partition(|(_, span)| span.is_some());
        let defaults: Vec<Trait> = defaults.into_iter().map(|(default, _)| default).collect();
        let mut nodes = vec![self.lower_with_defaults(&part.expr, &defaults, is_negated)?];
        if !settings.revs.is_empty() {
            let mut own = self.repos[first..].iter_mut().filter(|repo| repo.is_positive).peekable();
            match own.peek() {
                Some(_) => own.for_each(|repo| repo.revs = settings.revs.clone()),
                None => self.revisions_of("", &settings.revs, filter, is_negated)?,
            }
        }
        nodes.push(Node::Trait(Trait::Visibility(settings.visibility.value)));
        nodes.extend(said.into_iter().map(|(said, _)| Node::Trait(said)));
        Ok(Node::and(nodes))
    }
}
