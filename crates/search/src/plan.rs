//! A query made ready to run: every pattern compiled once, before any repository is looked at.

mod compiler;

pub(crate) use compiler::Compiler;

use crate::history::HistoryPlan;
use crate::pattern::{ContentPattern, NamePattern};
use crate::predicate::RepoHas;
use crate::scope::{Trait, is_in_contexts};
use crate::structural;
use crate::symbol::{SymbolPattern, SymbolPlan};
use crate::tree::Node;
use crate::{Limits, RepoIndex, SearchError, Visibility};
use query::{Count, Inclusion, Query, ResultType, Rev, Select, Settings};
use std::collections::BTreeSet;
use std::time::Duration;

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
