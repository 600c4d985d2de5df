//! Lowering: the tree of a query becomes conditions on documents, each pattern compiled on the way.

use super::{FileCondition, RepoCondition, Term};
use crate::SearchError;
use crate::definers::named_by;
use crate::history::{CommitCondition, HistoryPlan};
use crate::matcher::Matcher;
use crate::pattern::{
    NamePattern, PatternOptions, Syntax, content_pattern, name_pattern, name_pattern_beside,
};
use crate::predicate::RepoHas;
use crate::structural;
use crate::symbol::{SymbolPattern, SymbolPlan};
use crate::tree::Node;
use model::{ByteRange, Language};
use query::{Expr, FilePredicate, Filter, FilterKind, PatternKind, Query, ResultType, Settings, Target};
use std::collections::BTreeSet;

/// How many patterns one query may have: each costs a compilation and, per thread, a cache.
const PATTERNS_MAX: usize = 256;
/// How many structural patterns: each is read by every grammar.
const STRUCTURAL_MAX: usize = 16;
/// How large all automata of a query may be together.
const AUTOMATA_BYTES_MAX: usize = 64 << 20;

/// Gathers what the leaves of a query become.
pub(crate) struct Compiler<'a> {
    settings: &'a Settings,
    /// What structural patterns are compiled for.
    languages: Vec<Language>,
    options: PatternOptions,
    automata_bytes: usize,
    pub(super) terms: Vec<Term>,
    pub(super) files: Vec<FileCondition>,
    pub(super) owners: Vec<Option<String>>,
    pub(crate) repos: Vec<RepoCondition>,
    pub(crate) repo_has: Vec<RepoHas>,
    pub(crate) lists: Vec<BTreeSet<String>>,
    /// Whether what is lowered stands in a context.
    in_context: bool,
    /// Patterns inside predicates, which count too.
    pub(crate) n_inner: usize,
    pub(crate) now_seconds: i64,
    pub(super) history: HistoryPlan,
    pub(super) contributors: Vec<NamePattern>,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(query: &'a Query, now_seconds: i64) -> Self {
        let mut n_patterns = 0;
        query.expr.for_each_leaf(&mut |_, _| n_patterns += 1);
        Compiler {
            settings: &query.settings,
            languages: structural::asked_languages(&query.expr),
            options: PatternOptions::new(query.settings.case_sensitive.value, n_patterns),
            automata_bytes: 0,
            terms: Vec::new(),
            files: Vec::new(),
            owners: Vec::new(),
            repos: Vec::new(),
            repo_has: Vec::new(),
            lists: Vec::new(),
            in_context: false,
            n_inner: 0,
            now_seconds,
            history: HistoryPlan::of(&query.settings),
            contributors: Vec::new(),
        }
    }

    /// Begins with what a context holds, which means the same in every query; gives what to go back to.
    pub(crate) fn enter_context(&mut self) -> (bool, PatternOptions) {
        let outside = (self.in_context, self.options);
        (self.in_context, self.options.case_sensitive) = (true, false);
        outside
    }

    pub(crate) fn leave_context(&mut self, outside: (bool, PatternOptions)) {
        (self.in_context, self.options) = outside;
    }

    pub(crate) fn lower(&mut self, expr: &Expr, is_negated: bool) -> Result<Node, SearchError> {
        Ok(match expr {
            Expr::And { operands, .. } => Node::and(self.lower_all(operands, is_negated)?),
            Expr::Or { operands, .. } => Node::or(self.lower_all(operands, is_negated)?),
            Expr::Not { operand, .. } => Node::not(self.lower(operand, !is_negated)?),
            Expr::Filter(filter) => self.lower_filter(filter, is_negated)?,
            Expr::Pattern(pattern) => self.lower_pattern(pattern, is_negated)?,
        })
    }

    fn lower_all(&mut self, operands: &[Expr], is_negated: bool) -> Result<Vec<Node>, SearchError> {
        operands.iter().map(|operand| self.lower(operand, is_negated)).collect()
    }

    fn lower_filter(&mut self, filter: &Filter, is_negated: bool) -> Result<Node, SearchError> {
        self.count_pattern()?;
        let span: ByteRange = filter.value_span.into();
        match &filter.kind {
            FilterKind::Repo(repo) => {
                let name = self.name(repo.name.as_str(), Syntax::Regex, &span)?;
                let text = repo.name.as_str().to_owned();
                self.repos.push(RepoCondition {
                    text,
                    name,
                    revs: repo.revs.clone(),
                    is_positive: !is_negated,
                    in_context: self.in_context,
                });
                Ok(Node::Repo(self.repos.len() - 1))
            }
            FilterKind::File(regex) => {
                let path = self.name(regex.as_str(), Syntax::Regex, &span)?;
                let text = regex.as_str().to_owned();
                let is_positive = !is_negated && !self.in_context;
                self.files.push(FileCondition { text, path, is_positive });
                Ok(Node::File(self.files.len() - 1))
            }
            FilterKind::Language(name) => match syntax::language_by_name(name) {
                Some(language) => Ok(Node::Language(language)),
                None => Err(SearchError::UnknownLanguage {
                    name: name.chars().take(80).collect(),
                    suggestion: syntax::suggest_language(name),
                    span,
                }),
            },
            FilterKind::Context(context) => self.lower_context(context, filter, is_negated),
            FilterKind::RepoHas(predicate) => {
                let predicate = self.repo_has(predicate, filter)?;
                self.repo_has.push(predicate);
                Ok(Node::RepoHas(self.repo_has.len() - 1))
            }
            FilterKind::FileHas(FilePredicate::Content(regex)) => {
                let term = self.condition(regex.as_str(), &span)?;
                self.terms.push(term);
                Ok(Node::Term(self.terms.len() - 1))
            }
            FilterKind::FileHas(FilePredicate::Owner(who)) => {
                self.owners.push(who.clone());
                Ok(Node::Owner(self.owners.len() - 1))
            }
            FilterKind::FileHas(FilePredicate::Contributor(regex)) => {
                let pattern = self.name(regex.as_str(), Syntax::Regex, &span)?;
                self.contributors.push(pattern);
                Ok(Node::Contributor(self.contributors.len() - 1))
            }
            FilterKind::Author(regex) => {
                let pattern = self.name(regex.as_str(), Syntax::Regex, &span)?;
                Ok(self.commit(CommitCondition::Author(pattern)))
            }
            FilterKind::Committer(regex) => {
                let pattern = self.name(regex.as_str(), Syntax::Regex, &span)?;
                Ok(self.commit(CommitCondition::Committer(pattern)))
            }
            FilterKind::Message(regex) => {
                let pattern = content_pattern(regex.as_str(), Syntax::Regex, self.options, &span)?;
                self.count_automaton(&pattern.matcher, &span)?;
                Ok(self.commit(CommitCondition::Message(pattern, !is_negated)))
            }
            FilterKind::Before(date) => {
                Ok(self.commit(CommitCondition::Before(date.resolve(self.now_seconds))))
            }
            FilterKind::After(date) => {
                Ok(self.commit(CommitCondition::After(date.resolve(self.now_seconds))))
            }
        }
    }

    fn commit(&mut self, condition: CommitCondition) -> Node {
        self.history.conditions.push(condition);
        Node::Commit(self.history.conditions.len() - 1)
    }

    fn lower_pattern(&mut self, pattern: &query::Pattern, is_negated: bool) -> Result<Node, SearchError> {
        self.count_pattern()?;
        let span: ByteRange = pattern.span.into();
        let (text, syntax) = match &pattern.kind {
            PatternKind::Literal(text) => (text.as_str(), Syntax::Literal),
            PatternKind::Regex(regex) => (regex.as_str(), Syntax::Regex),
            PatternKind::Structural(text) => return self.lower_structural(text, &span, is_negated),
        };
        let is_bare = pattern.target == Target::Any;
        let in_content = !is_bare || self.settings.wants(ResultType::File);
        let in_paths = is_bare && self.settings.wants(ResultType::Path);
        let in_repos = is_bare && self.settings.wants(ResultType::Repo);
        let content = in_content.then(|| content_pattern(text, syntax, self.options, &span)).transpose()?;
        if let Some(content) = &content {
            self.count_automaton(&content.matcher, &span)?;
        }
        let in_history = self.history.is_wanted();
        let history = in_history.then(|| content_pattern(text, syntax, self.options, &span)).transpose()?;
        if let Some(history) = &history {
            self.count_automaton(&history.matcher, &span)?;
        }
        let name = match (in_paths || in_repos, &content) {
            (false, _) => None,
            (true, None) => Some(self.name(text, syntax, &span)?),
            (true, Some(content)) => {
                let name = name_pattern_beside(content, text, syntax, self.options, &span)?;
                self.count_automaton(&name.matcher, &span)?;
                Some(name)
            }
        };
        let symbol = match SymbolPlan::of(self.settings)? {
            Some(_) => Some(SymbolPattern::new(text, syntax, self.name(text, syntax, &span)?)),
            None => None,
        };
        let is_positive = !is_negated;
        let defines = if in_content && is_positive { named_by(text, syntax) } else { None };
        let text = text.to_owned();
        self.terms.push(Term {
            text,
            content,
            name,
            in_paths,
            is_positive,
            is_condition: false,
            symbol,
            history,
            defines,
        });
        Ok(Node::Term(self.terms.len() - 1))
    }

    /// A pattern that the content of a document must hold and that is not shown.
    pub(crate) fn condition(&mut self, regex: &str, span: &ByteRange) -> Result<Term, SearchError> {
        let content = content_pattern(regex, Syntax::Regex, self.options, span)?;
        self.count_automaton(&content.matcher, span)?;
        let content = Some(content);
        let text = regex.to_owned();
        Ok(Term {
            text,
            content,
            name: None,
            in_paths: false,
            is_positive: false,
            is_condition: true,
            symbol: None,
            history: None,
            defines: None,
        })
    }

    /// A condition on a name that nothing is shown of.
    pub(crate) fn name_condition(
        &mut self,
        regex: &str,
        span: &ByteRange,
    ) -> Result<NamePattern, SearchError> {
        self.name(regex, Syntax::Regex, span)
    }

    /// A structural pattern is only looked for in content.
    fn lower_structural(
        &mut self,
        text: &str,
        span: &ByteRange,
        is_negated: bool,
    ) -> Result<Node, SearchError> {
        let n_structural = self.terms.iter().filter_map(|term| term.content.as_ref());
        if n_structural.filter(|content| content.is_structural()).count() >= STRUCTURAL_MAX {
            let n_terms = STRUCTURAL_MAX + 1;
            return Err(SearchError::TooManyTerms { n_terms, n_terms_max: STRUCTURAL_MAX });
        }
        if SymbolPlan::of(self.settings)?.is_some() {
            let reason = "syntax trees are searched for in files, not in the names of definitions".to_owned();
            return Err(SearchError::BadPattern { reason, span: span.clone() });
        }
        let in_content = self.settings.wants(ResultType::File);
        let compile = || structural::content_pattern(text, &self.languages, span);
        let content = in_content.then(compile).transpose()?;
        let (text, is_positive) = (text.to_owned(), !is_negated);
        self.terms.push(Term {
            text,
            content,
            name: None,
            in_paths: false,
            is_positive,
            is_condition: false,
            symbol: None,
            history: None,
            defines: None,
        });
        Ok(Node::Term(self.terms.len() - 1))
    }

    pub(crate) fn name(
        &mut self,
        text: &str,
        syntax: Syntax,
        span: &ByteRange,
    ) -> Result<NamePattern, SearchError> {
        let pattern = name_pattern(text, syntax, self.options, span)?;
        self.count_automaton(&pattern.matcher, span)?;
        Ok(pattern)
    }

    fn count_automaton(&mut self, matcher: &Matcher, span: &ByteRange) -> Result<(), SearchError> {
        self.automata_bytes += matcher.size_bytes();
        if self.automata_bytes > AUTOMATA_BYTES_MAX {
            return Err(SearchError::PatternTooLarge { span: span.clone() });
        }
        Ok(())
    }

    pub(crate) fn count_pattern(&self) -> Result<(), SearchError> {
        let n_terms = self.terms.len()
            + self.files.len()
            + self.repos.len()
            + self.history.conditions.len()
            + self.contributors.len()
            + self.n_inner
            + 1;
        if n_terms > PATTERNS_MAX {
            return Err(SearchError::TooManyTerms { n_terms, n_terms_max: PATTERNS_MAX });
        }
        Ok(())
    }
}
