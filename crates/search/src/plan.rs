//! A query made ready to run: every pattern compiled once, before any repository is looked at.

use crate::definers::named_by;
use crate::history::{CommitCondition, HistoryPlan};
use crate::matcher::Matcher;
use crate::pattern::{ContentPattern, NamePattern, PatternOptions, Syntax, content_pattern, name_pattern};
use crate::predicate::RepoHas;
use crate::scope::{Trait, is_in_contexts};
use crate::structural;
use crate::symbol::{SymbolPattern, SymbolPlan};
use crate::tree::Node;
use crate::{Limits, RepoIndex, SearchError, Visibility};
use model::{ByteRange, Language};
use query::{
    Count, Expr, FilePredicate, Filter, FilterKind, Inclusion, PatternKind, Query, ResultType, Rev, Select,
    Settings, Target,
};
use std::collections::BTreeSet;
use std::time::Duration;

/// How many patterns one query may have: each costs a compilation and, per thread, a cache.
const PATTERNS_MAX: usize = 256;
/// How many structural patterns: each is read by every grammar.
const STRUCTURAL_MAX: usize = 16;
/// How large all automata of a query may be together.
const AUTOMATA_BYTES_MAX: usize = 64 << 20;

/// A query ready to run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) root: Node,
    pub(crate) terms: Vec<Term>,
    pub(crate) files: Vec<FileCondition>,
    /// Who is asked for by `file:has.owner(…)`; `None` for anybody.
    pub(crate) owners: Vec<Option<String>>,
    pub(crate) repos: Vec<RepoCondition>,
    pub(crate) repo_has: Vec<RepoHas>,
    /// The names of the repositories that contexts list.
    pub(crate) lists: Vec<BTreeSet<String>>,
    /// Whether what contexts hold is asked for.
    pub(crate) has_contexts: bool,
    pub(crate) settings: Settings,
    pub(crate) selection: Selection,
    /// How many results are shown.
    pub(crate) display: usize,
    /// Whether the search goes on when the page is full.
    pub(crate) is_exhaustive: bool,
    pub(crate) timeout: Duration,
    /// Whether a repository's name alone can be a result.
    pub(crate) wants_repo_names: bool,
    /// Whether documents can be results.
    pub(crate) wants_documents: bool,
    /// Whether any pattern is looked for in syntax trees.
    pub(crate) is_structural: bool,
    /// Whether the query as a whole says in which languages.
    pub(crate) names_languages: bool,
    /// Whether definitions can be results, and which.
    pub(crate) symbols: Option<SymbolPlan>,
    /// What is asked of commits.
    pub(crate) history: HistoryPlan,
    /// `file:has.contributor(…)`.
    pub(crate) contributors: Vec<NamePattern>,
}

/// A pattern, compiled for everything it is looked for in.
#[derive(Debug)]
pub(crate) struct Term {
    /// As it was read from the query, for explanations.
    pub(crate) text: String,
    /// Absent where content does not count (`type:path`).
    pub(crate) content: Option<ContentPattern>,
    /// Absent where names do not count (`content:`, `type:file`).
    pub(crate) name: Option<NamePattern>,
    /// Whether paths count.
    pub(crate) in_paths: bool,
    /// Whether it stands under an even number of negations: what it finds is shown. Never so for a condition.
    pub(crate) is_positive: bool,
    /// Whether it is `file:has.content(…)`: a condition on the document, whatever kind of result is asked for.
    pub(crate) is_condition: bool,
    /// The same pattern for names of definitions, where those can be results.
    pub(crate) symbol: Option<SymbolPattern>,
    /// The pattern for messages and changed lines, where commits are asked for.
    pub(crate) history: Option<ContentPattern>,
    /// The name that it names, where what defines it is to come first.
    pub(crate) defines: Option<String>,
}

/// `repo:RE@rev:rev`.
#[derive(Debug)]
pub(crate) struct RepoCondition {
    /// As it was read from the query, for explanations.
    pub(crate) text: String,
    pub(crate) name: NamePattern,
    pub(crate) revs: Vec<Rev>,
    pub(crate) is_positive: bool,
    /// Whether a context asks it: then nothing of it is shown, and revisions that the query itself gives come before its.
    pub(crate) in_context: bool,
}

/// `file:RE`.
#[derive(Debug)]
pub(crate) struct FileCondition {
    /// As it was read from the query, for explanations.
    pub(crate) text: String,
    pub(crate) path: NamePattern,
    pub(crate) is_positive: bool,
}

/// What results are turned into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    AsFound,
    Repo,
    File,
    FilePath,
    Directory,
    Owners,
    Content,
    Symbol,
    Commit,
    CommitAdded,
    CommitRemoved,
}

impl Plan {
    /// Checks and compiles a query.
    pub(crate) fn new(query: &Query, limits: &Limits) -> Result<Plan, SearchError> {
        if let Some(fault) = query::unanswerable(query) {
            return Err(SearchError::Unanswerable { source: Box::new(fault) });
        }
        let mut settings = query.settings.clone();
        if query.expr.is_everything() && !narrows(&settings) {
            return Err(SearchError::Empty);
        }
        let mut compiler = Compiler::new(query, limits.now_seconds);
        let has_contexts = is_in_contexts(&query.expr);
        let root = match has_contexts {
            true => compiler.lower_with_defaults(&query.expr, &take_defaults(&mut settings), false)?,
            false => compiler.lower(&query.expr, false)?,
        };
        let Compiler { terms, files, owners, repos, repo_has, lists, history, contributors, .. } = compiler;
        let (display, is_exhaustive) = match settings.count.value {
            Count::Page => (limits.display.min(limits.display_max), false),
            Count::AtMost(count) => {
                (usize::try_from(count).unwrap_or(usize::MAX).min(limits.display_max), false)
            }
            Count::All => (limits.display_max, true),
        };
        let timeout = settings.timeout.value.unwrap_or(limits.timeout).min(limits.timeout_max);
        let asks_documents = asks_documents(&root, &terms);
        let lists_repos = terms.is_empty() && !asks_documents;
        let document_types = settings.types.iter().any(|given| given.value != ResultType::Repo);
        let symbols = SymbolPlan::of(&settings)?;
        // `select:symbol` alone says what kind of result is meant.
        let only_symbols = symbols.is_some() && settings.types.is_empty();
        Ok(Plan {
            wants_repo_names: settings.wants(ResultType::Repo) && !asks_documents && !only_symbols,
            wants_documents: !only_symbols
                && (settings.wants(ResultType::File) || settings.wants(ResultType::Path))
                && (!lists_repos || document_types),
            selection: selection(&settings),
            is_structural: terms
                .iter()
                .any(|term| term.content.as_ref().is_some_and(ContentPattern::is_structural)),
            names_languages: !structural::asked_languages(&query.expr).is_empty(),
            symbols,
            root,
            terms,
            files,
            owners,
            repos,
            repo_has,
            lists,
            has_contexts,
            settings,
            display,
            is_exhaustive,
            timeout,
            history,
            contributors,
        })
    }

    /// Whether repositories themselves can be shown.
    pub(crate) fn names_repos(&self) -> bool {
        self.wants_repo_names && matches!(self.selection, Selection::AsFound | Selection::Repo)
    }

    /// Whether the settings alone leave this repository out.
    pub(crate) fn excludes(&self, repo: &RepoIndex) -> bool {
        let visible = match self.settings.visibility.value {
            query::Visibility::Any => true,
            query::Visibility::Public => repo.visibility == Visibility::Public,
            query::Visibility::Private => repo.visibility == Visibility::Private,
        };
        !visible || self.excludes_fork(repo) || self.excludes_archived(repo)
    }

    /// Whether `fork:` leaves this repository out.
    pub(crate) fn excludes_fork(&self, repo: &RepoIndex) -> bool {
        !self.settings.fork.value.admits(repo.is_fork)
    }

    /// Whether `archived:` leaves this repository out.
    pub(crate) fn excludes_archived(&self, repo: &RepoIndex) -> bool {
        !self.settings.archived.value.admits(repo.is_archived)
    }

    /// Whether other revisions than the default ones are asked for.
    pub(crate) fn asks_revisions(&self) -> bool {
        !self.settings.revs.is_empty() || self.repos.iter().any(|condition| !condition.revs.is_empty())
    }

    /// A plan that asks whether some document satisfies `root`, of whose patterns nothing is shown.
    pub(crate) fn asking(root: Node, terms: Vec<Term>, files: Vec<FileCondition>) -> Plan {
        Plan {
            root,
            terms,
            files,
            owners: Vec::new(),
            repos: Vec::new(),
            repo_has: Vec::new(),
            lists: Vec::new(),
            has_contexts: false,
            settings: Settings::default(),
            selection: Selection::File,
            display: 0,
            is_exhaustive: false,
            timeout: Duration::ZERO,
            wants_repo_names: false,
            wants_documents: true,
            is_structural: false,
            names_languages: false,
            symbols: None,
            history: HistoryPlan::default(),
            contributors: Vec::new(),
        }
    }

    /// Whether the owners of documents have to be known.
    pub(crate) fn reads_owners(&self) -> bool {
        !self.owners.is_empty() || self.selection == Selection::Owners
    }

    /// Whether anything is asked that holds or does not hold for whole repositories.
    pub(crate) fn has_repo_conditions(&self) -> bool {
        !self.repos.is_empty() || !self.repo_has.is_empty() || self.has_contexts || !self.lists.is_empty()
    }

    /// Whether something is asked of a repository that takes reading its index: then even its name is found only when
    /// the search comes to it.
    pub(crate) fn reads_for_repos(&self) -> bool {
        self.repo_has.iter().any(|predicate| predicate.is_costly())
    }

    /// Whether something is asked of changed files that only changes tell.
    pub(crate) fn asks_files(&self) -> bool {
        let mut asks = false;
        self.root.each_leaf(false, &mut |leaf, _| asks |= matches!(leaf, Node::File(_) | Node::Language(_)));
        asks
    }

    /// Whether the content of documents has to be looked at.
    pub(crate) fn reads_content(&self) -> bool {
        self.terms.iter().any(|term| term.content.is_some())
    }
}

/// Takes what holds by default out of the settings, for the tree to say it where it applies.
fn take_defaults(settings: &mut Settings) -> Vec<Trait> {
    let mut defaults = Vec::new();
    if settings.fork.span.is_none() {
        defaults.push(Trait::Fork(std::mem::replace(&mut settings.fork.value, Inclusion::Yes)));
    }
    if settings.archived.span.is_none() {
        defaults.push(Trait::Archived(std::mem::replace(&mut settings.archived.value, Inclusion::Yes)));
    }
    defaults
}

/// Whether a query without any condition still says what it wants.
fn narrows(settings: &Settings) -> bool {
    !settings.types.is_empty()
        || settings.fork.span.is_some()
        || settings.archived.span.is_some()
        || settings.visibility.span.is_some()
        || settings.select.value.is_some()
        || !settings.revs.is_empty()
}

fn selection(settings: &Settings) -> Selection {
    match settings.select.value {
        Some(Select::Repo) => Selection::Repo,
        Some(Select::File) => Selection::File,
        Some(Select::FilePath) => Selection::FilePath,
        Some(Select::FileDirectory) => Selection::Directory,
        Some(Select::FileOwners) => Selection::Owners,
        Some(Select::Content) => Selection::Content,
        Some(Select::Symbol(_)) => Selection::Symbol,
        Some(Select::Commit) => Selection::Commit,
        Some(Select::CommitDiffAdded) => Selection::CommitAdded,
        Some(Select::CommitDiffRemoved) => Selection::CommitRemoved,
        _ => Selection::AsFound,
    }
}

/// Whether a leaf asks something that only a document can answer.
fn asks_documents(root: &Node, terms: &[Term]) -> bool {
    let mut asks = terms.iter().any(|term| term.name.is_none());
    root.each_leaf(false, &mut |leaf, _| {
        asks |= matches!(
            leaf,
            Node::File(_) | Node::Language(_) | Node::Owner(_) | Node::Commit(_) | Node::Contributor(_)
        )
    });
    asks
}

pub(crate) struct Compiler<'a> {
    settings: &'a Settings,
    /// What structural patterns are compiled for.
    languages: Vec<Language>,
    options: PatternOptions,
    automata_bytes: usize,
    terms: Vec<Term>,
    files: Vec<FileCondition>,
    owners: Vec<Option<String>>,
    pub(crate) repos: Vec<RepoCondition>,
    pub(crate) repo_has: Vec<RepoHas>,
    pub(crate) lists: Vec<BTreeSet<String>>,
    /// Whether what is lowered stands in a context.
    in_context: bool,
    /// Patterns inside predicates, which count too.
    pub(crate) n_inner: usize,
    pub(crate) now_seconds: i64,
    history: HistoryPlan,
    contributors: Vec<NamePattern>,
}

impl<'a> Compiler<'a> {
    fn new(query: &'a Query, now_seconds: i64) -> Self {
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
        let name = (in_paths || in_repos).then(|| self.name(text, syntax, &span)).transpose()?;
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
