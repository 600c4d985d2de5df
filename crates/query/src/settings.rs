//! What holds for a whole query: how to read it, what kind of results to give, how many and how long.

use crate::{Date, Span, Spanned};
use std::time::Duration;

/// A setting: its value, and where the query says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Setting<T> {
    /// The value in force.
    pub value: T,
    /// The filter that gave it; `None` where it is the default.
    pub span: Option<Span>,
}

impl<T> Setting<T> {
    /// A value that the query gives.
    pub fn given(value: T, span: Span) -> Self {
        Setting { value, span: Some(span) }
    }

    /// A value that holds because the query says nothing.
    pub fn default_of(value: T) -> Self {
        Setting { value, span: None }
    }
}

/// The resolved settings of a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// `patterntype:`: how bare terms were read. Every [`Pattern`](crate::Pattern) already carries the outcome.
    pub pattern_type: Setting<PatternType>,
    /// `case:yes`: upper and lower case differ, in patterns and in `repo:` and `file:` alike.
    pub case_sensitive: Setting<bool>,
    /// `count:`.
    pub count: Setting<Count>,
    /// `timeout:`; none means: the server's own. Never zero.
    pub timeout: Setting<Option<Duration>>,
    /// `type:`, in the order given, without repetitions. Empty means file, path and repository: see [`Settings::wants`].
    pub types: Vec<Spanned<ResultType>>,
    /// `select:`; none means: results as they are.
    pub select: Setting<Option<Select>>,
    /// `fork:`, by default forks are left out.
    pub fork: Setting<Inclusion>,
    /// `archived:`, by default archived repositories are left out.
    pub archived: Setting<Inclusion>,
    /// `visibility:`.
    pub visibility: Setting<Visibility>,
    /// `index:`.
    pub index: Setting<IndexUse>,
    /// `rev:`, the list of all given; empty means: the default branch of each repository (or what `repo:…@…` says).
    pub revs: Vec<Rev>,
}

impl Settings {
    /// Whether results of this kind are asked for: by `type:`, or as one of the defaults file, path and repository.
    pub fn wants(&self, result_type: ResultType) -> bool {
        if self.types.is_empty() {
            return matches!(result_type, ResultType::File | ResultType::Path | ResultType::Repo);
        }
        self.types.iter().any(|given| given.value == result_type)
    }

    pub(crate) fn erase_spans(&mut self) {
        self.pattern_type.span = None;
        self.case_sensitive.span = None;
        self.count.span = None;
        self.timeout.span = None;
        self.select.span = None;
        self.fork.span = None;
        self.archived.span = None;
        self.visibility.span = None;
        self.index.span = None;
        self.types.iter_mut().for_each(|given| given.span = Span::default());
        self.revs.iter_mut().for_each(|rev| rev.span = Span::default());
    }
}

/// `patterntype:`: how bare terms are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PatternType {
    /// Space is AND, quotes make a phrase, slashes a regular expression.
    #[default]
    Keyword,
    /// The whole is one literal.
    Literal,
    /// The whole is one literal, but `/…/` is a regular expression.
    Standard,
    /// Each word is a regular expression, a space is `.*?`.
    Regexp,
    /// The whole is one syntax-tree pattern.
    Structural,
}

impl PatternType {
    /// All of them, in the order of the documentation.
    pub const ALL: [PatternType; 5] = [
        PatternType::Keyword,
        PatternType::Literal,
        PatternType::Standard,
        PatternType::Regexp,
        PatternType::Structural,
    ];

    /// The word that stands in queries.
    pub fn as_str(self) -> &'static str {
        match self {
            PatternType::Keyword => "keyword",
            PatternType::Literal => "literal",
            PatternType::Standard => "standard",
            PatternType::Regexp => "regexp",
            PatternType::Structural => "structural",
        }
    }
}

/// `count:`: how many results are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Count {
    /// Nothing said: enough for the page (500 unless the caller says otherwise).
    #[default]
    Page,
    /// At most this many; at least 1.
    AtMost(u64),
    /// `count:all`: exhaustive and exact.
    All,
}

/// `type:`: a kind of result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResultType {
    /// Lines of files.
    File,
    /// Paths of files.
    Path,
    /// Repositories by name.
    Repo,
    /// Symbols.
    Symbol,
    /// Commits by message.
    Commit,
    /// Changed lines.
    Diff,
}

impl ResultType {
    /// All of them, in the order of the documentation.
    pub const ALL: [ResultType; 6] = [
        ResultType::File,
        ResultType::Path,
        ResultType::Repo,
        ResultType::Symbol,
        ResultType::Commit,
        ResultType::Diff,
    ];

    /// The word that stands in queries.
    pub fn as_str(self) -> &'static str {
        match self {
            ResultType::File => "file",
            ResultType::Path => "path",
            ResultType::Repo => "repo",
            ResultType::Symbol => "symbol",
            ResultType::Commit => "commit",
            ResultType::Diff => "diff",
        }
    }
}

/// `select:`: what results are turned into, without repetitions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Select {
    /// The repositories of the results.
    Repo,
    /// The files of the results.
    File,
    /// The paths of the results.
    FilePath,
    /// The directories of the results.
    FileDirectory,
    /// The owners of the files of the results.
    FileOwners,
    /// Only matches of content.
    Content,
    /// Symbols, of all kinds or of one (`symbol.function`).
    Symbol(Option<String>),
    /// The commits of the results.
    Commit,
    /// Only added lines of diffs.
    CommitDiffAdded,
    /// Only removed lines of diffs.
    CommitDiffRemoved,
}

impl Select {
    /// The word that stands in queries.
    pub fn text(&self) -> String {
        let word = match self {
            Select::Repo => "repo",
            Select::File => "file",
            Select::FilePath => "file.path",
            Select::FileDirectory => "file.directory",
            Select::FileOwners => "file.owners",
            Select::Content => "content",
            Select::Symbol(None) => "symbol",
            Select::Symbol(Some(kind)) => return format!("symbol.{kind}"),
            Select::Commit => "commit",
            Select::CommitDiffAdded => "commit.diff.added",
            Select::CommitDiffRemoved => "commit.diff.removed",
        };
        word.to_string()
    }
}

/// `fork:`, `archived:`: what to do with repositories that are such.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Inclusion {
    /// `yes`: search them too.
    Yes,
    /// `no`: leave them out.
    #[default]
    No,
    /// `only`: search nothing else.
    Only,
}

impl Inclusion {
    /// Whether a repository that is (`true`) or is not (`false`) such a one is searched.
    pub fn admits(self, is_such: bool) -> bool {
        match self {
            Inclusion::Yes => true,
            Inclusion::No => !is_such,
            Inclusion::Only => is_such,
        }
    }

    /// The word that stands in queries.
    pub fn as_str(self) -> &'static str {
        match self {
            Inclusion::Yes => "yes",
            Inclusion::No => "no",
            Inclusion::Only => "only",
        }
    }
}

/// `visibility:`: which repositories, by who may see them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// All.
    #[default]
    Any,
    /// Those that everybody may read.
    Public,
    /// Those that only some may read.
    Private,
}

impl Visibility {
    /// The word that stands in queries.
    pub fn as_str(self) -> &'static str {
        match self {
            Visibility::Any => "any",
            Visibility::Public => "public",
            Visibility::Private => "private",
        }
    }
}

/// `index:`: whether revisions that are not indexed are searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IndexUse {
    /// `yes`: the index where there is one, the objects otherwise.
    #[default]
    Yes,
    /// `no`: never the index.
    No,
    /// `only`: nothing but the index.
    Only,
}

impl IndexUse {
    /// The word that stands in queries.
    pub fn as_str(self) -> &'static str {
        match self {
            IndexUse::Yes => "yes",
            IndexUse::No => "no",
            IndexUse::Only => "only",
        }
    }
}

/// One entry of a list of revisions, after `rev:` or after the `@` of `repo:`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rev {
    /// Where the entry stands.
    pub span: Span,
    /// What it selects.
    pub kind: RevKind,
}

/// What an entry of a list of revisions selects. Names hold no white space and no control character and never begin
/// with `-`.
#[derive(Clone, Debug, PartialEq)]
pub enum RevKind {
    /// A branch, a tag, a full ref name, or (the beginning of) a commit id; `HEAD` is the default branch. Steps through
    /// history may follow: `HEAD~3`, `v1.0^2`.
    Name(String),
    /// `*refs/heads/*`: every ref whose full name matches; see [`glob_matches`](crate::glob_matches).
    Glob(String),
    /// `*!refs/heads/tmp-*`: none of the refs whose full name matches, out of those that the globs select.
    ExcludeGlob(String),
    /// `^rev`: leaves out the commits reachable from it (in commit and diff search).
    Exclude(String),
    /// `at.time(T)`, `at.time(T, base)`: the last commit of `base` (the default branch where none is given) at that time.
    AtTime {
        /// When.
        time: Date,
        /// On which branch.
        base: Option<String>,
    },
}
