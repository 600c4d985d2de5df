//! What a search answers with.

use crate::ScoreParts;
use model::{ByteRange, Language, ObjectId, RefName, RepoId, RepoName, SymbolKind};
use std::ops::ControlFlow;
use std::time::Duration;

/// Receives results while the search runs, on the thread that called [`crate::Searcher::search`].
pub trait Sink {
    /// The query can be run: told once, before all else. What cannot be run is refused without it.
    fn began(&mut self) {}

    /// Takes the next results, best first. `Break` ends the search; the summary then covers what was found so far.
    fn matches(&mut self, batch: Vec<Match>) -> ControlFlow<()>;

    /// Takes the counts so far, from time to time. They only grow.
    fn progress(&mut self, stats: &Stats) {
        let _ = stats;
    }
}

/// One result.
#[derive(Clone, Debug, PartialEq)]
pub enum Match {
    /// A document whose content matches.
    Content(ContentMatch),
    /// A document that matches by its path or by filters alone.
    Path(PathMatch),
    /// A repository.
    Repo(RepoMatch),
    /// A definition.
    Symbol(SymbolMatch),
    /// A commit, by its message or by who made it and when.
    Commit(CommitMatch),
    /// A file's change in a commit.
    Diff(DiffMatch),
    /// A directory, by `select:file.directory`.
    Directory(DirectoryMatch),
    /// A person or team that owns found files, by `select:file.owners`.
    Owner(OwnerMatch),
}

impl Match {
    /// How good it is: higher is better, comparable within one answer.
    pub fn score(&self) -> f64 {
        match self {
            Match::Content(found) => found.score,
            Match::Path(found) => found.score,
            Match::Repo(found) => found.score,
            Match::Symbol(found) => found.score,
            Match::Commit(found) => found.score,
            Match::Diff(found) => found.score,
            Match::Directory(found) => found.score,
            Match::Owner(found) => found.score,
        }
    }

    /// What its score is made of, where it is made of parts.
    pub fn score_parts(&self) -> Option<&ScoreParts> {
        match self {
            Match::Content(found) => Some(&found.score_parts),
            Match::Path(found) => Some(&found.score_parts),
            Match::Symbol(found) => Some(&found.score_parts),
            _ => None,
        }
    }

    /// How much of the page it takes: its lines where it has any, otherwise one.
    pub fn n_shown(&self) -> usize {
        match self {
            Match::Content(found) => found.lines.len().max(1),
            Match::Diff(found) => {
                found.hunks.iter().map(|hunk| hunk.n_matching_lines()).sum::<usize>().max(1)
            }
            _ => 1,
        }
    }
}

/// A document whose content matches.
#[derive(Clone, Debug, PartialEq)]
pub struct ContentMatch {
    /// The repository, for the caller's own look-ups; never shown to a person.
    pub repo_id: RepoId,
    /// The repository's name.
    pub repo: RepoName,
    /// The commit of the first of the selected revisions that hold this document (the default one, where it does).
    pub commit: ObjectId,
    /// The refs of all selected revisions that hold this very document.
    pub refs: Vec<RefName>,
    /// The path, raw bytes as git stores them.
    pub path: Vec<u8>,
    /// Where the query's terms occur in the path.
    pub path_ranges: Vec<ByteRange>,
    /// The language of the document.
    pub language: Language,
    /// The git blob.
    pub blob: ObjectId,
    /// Higher is better; comparable within one answer.
    pub score: f64,
    /// What the score is made of.
    pub score_parts: ScoreParts,
    /// The matching lines, ascending, at most [`crate::Limits::lines_per_file`].
    pub lines: Vec<LineMatch>,
    /// How many lines match in all.
    pub n_lines: u64,
    /// How many occurrences there are in all.
    pub n_matches: u64,
}

/// A line that holds at least one match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineMatch {
    /// Counted from 1.
    pub number: u64,
    /// The line without its end (`\n` or `\r\n`), or a piece of it around the first match.
    pub text: String,
    /// Half-open byte offsets in `text`, ascending, not overlapping, on character boundaries.
    pub ranges: Vec<ByteRange>,
    /// Whether `text` is only a piece of the line.
    pub is_cut: bool,
    /// Whether its last match goes on in the next line.
    pub goes_on: bool,
}

/// A document that matches by its path or by filters alone.
#[derive(Clone, Debug, PartialEq)]
pub struct PathMatch {
    /// The repository, for the caller's own look-ups; never shown to a person.
    pub repo_id: RepoId,
    /// The repository's name.
    pub repo: RepoName,
    /// The commit of the first of the selected revisions that hold this document.
    pub commit: ObjectId,
    /// The refs of all selected revisions that hold this very document.
    pub refs: Vec<RefName>,
    /// The path, raw bytes as git stores them.
    pub path: Vec<u8>,
    /// Where the query's terms occur in the path: half-open byte offsets, ascending, not overlapping.
    pub ranges: Vec<ByteRange>,
    /// The language of the document.
    pub language: Language,
    /// The git blob.
    pub blob: ObjectId,
    /// Higher is better; comparable within one answer.
    pub score: f64,
    /// What the score is made of.
    pub score_parts: ScoreParts,
    /// What a commit did to the file, where it was selected from changes. A deleted one stands in `commit`: the commit before.
    pub change: Option<FileChange>,
}

/// A repository that matches by its name or by filters alone.
#[derive(Clone, Debug, PartialEq)]
pub struct RepoMatch {
    /// The repository, for the caller's own look-ups; never shown to a person.
    pub repo_id: RepoId,
    /// The repository's name.
    pub repo: RepoName,
    /// Where the query's terms occur in the name: half-open byte offsets, ascending, not overlapping.
    pub ranges: Vec<ByteRange>,
    /// Higher is better; comparable within one answer.
    pub score: f64,
}

/// A definition.
#[derive(Clone, Debug, PartialEq)]
pub struct SymbolMatch {
    /// The repository, for the caller's own look-ups; never shown to a person.
    pub repo_id: RepoId,
    /// The repository's name.
    pub repo: RepoName,
    /// The commit of the first of the selected revisions that hold this document.
    pub commit: ObjectId,
    /// The refs of all selected revisions that hold this very document.
    pub refs: Vec<RefName>,
    /// The path, raw bytes as git stores them.
    pub path: Vec<u8>,
    /// The language of the document.
    pub language: Language,
    /// The git blob.
    pub blob: ObjectId,
    /// Higher is better; comparable within one answer.
    pub score: f64,
    /// What the score is made of.
    pub score_parts: ScoreParts,
    /// The name that is defined, without what holds it.
    pub name: String,
    /// Where the query's terms occur in the name: half-open byte offsets, ascending, not overlapping.
    pub ranges: Vec<ByteRange>,
    /// What is defined.
    pub symbol_kind: SymbolKind,
    /// What holds it, outermost first, joined as its language joins names (`Outer::Inner`, `pkg.Type`); empty at the top.
    pub container: String,
    /// The line of the name, counted from 1.
    pub line: u64,
    /// The name within that line: half-open byte offsets.
    pub name_range: ByteRange,
    /// The line without its end, or a piece of it around the name.
    pub text: String,
}

/// Who made a commit, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name as git stores it, what is not UTF-8 replaced.
    pub name: String,
    /// The address likewise.
    pub email: String,
    /// Seconds since 1970 (UTC).
    pub seconds: i64,
    /// The offset of the clock it was written by, in minutes east of UTC.
    pub offset_minutes: i32,
}

/// A commit.
#[derive(Clone, Debug, PartialEq)]
pub struct CommitMatch {
    /// The repository, for the caller's own look-ups; never shown to a person.
    pub repo_id: RepoId,
    /// The repository's name.
    pub repo: RepoName,
    /// The commit.
    pub commit: ObjectId,
    /// The refs that the query selected and that reach it.
    pub refs: Vec<RefName>,
    /// Who wrote it.
    pub author: Person,
    /// Who recorded it.
    pub committer: Person,
    /// The whole message, what is not UTF-8 replaced, or its beginning.
    pub message: String,
    /// Whether `message` is only the beginning.
    pub is_message_cut: bool,
    /// Where the query's terms occur in `message`: half-open byte offsets, ascending, not overlapping.
    pub ranges: Vec<ByteRange>,
    /// Higher is better; comparable within one answer.
    pub score: f64,
}

/// A file's change in a commit, against the commit's first parent.
#[derive(Clone, Debug, PartialEq)]
pub struct DiffMatch {
    /// The commit, with its message; its `ranges` are empty unless the message matches too.
    pub of: CommitMatch,
    /// The path after the commit, or, of a deleted file, before it.
    pub path: Vec<u8>,
    /// The path before the commit where it was another one.
    pub old_path: Option<Vec<u8>>,
    /// What happened to the file.
    pub change: FileChange,
    /// The commit that it is compared with; none for a commit without parents.
    pub before: Option<ObjectId>,
    /// The language of the document.
    pub language: Language,
    /// The hunks that hold matches.
    pub hunks: Vec<HunkMatch>,
    /// How many lines match in all, shown or not.
    pub n_lines: u64,
    /// Higher is better; comparable within one answer.
    pub score: f64,
}

/// What a commit did to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileChange {
    /// It was not there before.
    Added,
    /// Its content changed.
    Modified,
    /// It is gone.
    Deleted,
    /// It has another path.
    Renamed,
}

impl FileChange {
    /// The word that stands in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            FileChange::Added => "added",
            FileChange::Modified => "modified",
            FileChange::Deleted => "deleted",
            FileChange::Renamed => "renamed",
        }
    }
}

/// A piece of a diff that holds matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HunkMatch {
    /// `@@ -1,2 +1,3 @@`, with what git writes behind it.
    pub header: String,
    /// Its lines, each with its `+`, `-` or space before it, without its end.
    pub lines: Vec<String>,
    /// The matches: line (counted from 0), and half-open byte offsets in it, the sign before it counted.
    pub ranges: Vec<(u32, ByteRange)>,
}

impl HunkMatch {
    /// How many of its lines hold a match.
    pub fn n_matching_lines(&self) -> usize {
        let mut lines: Vec<u32> = self.ranges.iter().map(|(line, _)| *line).collect();
        lines.dedup();
        lines.len()
    }
}

/// A directory that holds found files.
#[derive(Clone, Debug, PartialEq)]
pub struct DirectoryMatch {
    /// The repository, for the caller's own look-ups; never shown to a person.
    pub repo_id: RepoId,
    /// The repository's name.
    pub repo: RepoName,
    /// The commit of the first of the selected revisions that hold the first found file.
    pub commit: ObjectId,
    /// The refs of all selected revisions that hold that file.
    pub refs: Vec<RefName>,
    /// The path without a final slash; empty for the root.
    pub path: Vec<u8>,
    /// Higher is better; comparable within one answer.
    pub score: f64,
}

/// Somebody who owns found files.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnerMatch {
    /// As the rules write it: `@team/name`, `@name`, an address.
    pub owner: String,
    /// The repository of the first found file it owns.
    pub repo_id: RepoId,
    /// Its name.
    pub repo: RepoName,
    /// Higher is better; comparable within one answer.
    pub score: f64,
}

/// What was found, shown or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Occurrences in content, as `rg --count-matches` counts them.
    pub matches: u64,
    /// Matching lines of content, as `rg -c` counts them.
    pub lines: u64,
    /// Documents with a result, by content or by path.
    pub files: u64,
    /// Repositories with a result.
    pub repos: u64,
    /// How long the search has run.
    pub duration: Duration,
    /// Whether everything the query asks for was looked at. Binary files and repositories that the query excludes do
    /// not make an answer incomplete; a limit, a timeout, a repository that is not ready, a file too large do.
    pub complete: bool,
    /// What was left out and why, graver things first.
    pub skipped: Vec<Skipped>,
}

/// Something that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The kind, for programs.
    pub reason: SkippedReason,
    /// A few words.
    pub title: String,
    /// A sentence.
    pub message: String,
    /// Whether it makes the answer incomplete.
    pub severity: Severity,
    /// How many files or repositories it is about; 0 where it is about the search as a whole.
    pub count: u64,
    /// A query that lifts it, where one does.
    pub suggested_query: Option<String>,
}

/// How much a [`Skipped`] entry matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Results may be missing.
    Warning,
    /// Nothing that the query asks for is missing.
    Info,
}

impl Severity {
    /// The word that stands in answers: `warn`, `info`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Warning => "warn",
            Severity::Info => "info",
        }
    }
}

/// Why something was left out. The order is the order of [`Stats::skipped`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SkippedReason {
    /// The page is full.
    DisplayLimit,
    /// More different results were found than are told apart: there are at least as many as are counted.
    CountLimit,
    /// The time is up.
    Timeout,
    /// The caller stopped the search.
    Cancelled,
    /// The index of a repository could not be read; it is being rebuilt.
    RepoDamaged,
    /// The history of a repository could not be read; it is being rebuilt.
    HistoryDamaged,
    /// A revision that no branch or tag leads to could not be made searchable.
    RevisionUncovered,
    /// A repository could not be fetched or indexed.
    RepoFailed,
    /// A repository is being fetched for the first time.
    RepoCloning,
    /// A repository is being indexed for the first time.
    RepoIndexing,
    /// The history of a repository is not read yet.
    HistoryMissing,
    /// The history of a repository is read in part, the newest commits first.
    HistoryUnfinished,
    /// The newest commits of a repository are being read.
    HistoryBehind,
    /// Files are larger than the limit.
    FileTooLarge,
    /// git could not produce files.
    FileUnreadable,
    /// The syntax trees of files were not, or not wholly, searched.
    FileUnparsed,
    /// Definitions in files are not all known.
    SymbolsMissing,
    /// A commit changed more files than are read of one.
    ChangesLeftOut,
    /// Changed files are larger than the limits for comparing.
    ChangeTooLarge,
    /// git could not produce changed files.
    ChangeUnreadable,
    /// Files are not text.
    FileBinary,
    /// Changed files are not text.
    ChangeBinary,
    /// Links: their text is the name of another file, and is not searched as content.
    FileSymlink,
    /// Submodules: their files stand in another repository.
    Submodule,
    /// Forks are left out unless `fork:yes`.
    ExcludedFork,
    /// Archived repositories are left out unless `archived:yes`.
    ExcludedArchived,
}

impl SkippedReason {
    /// The word that stands in answers, such as `display-limit`.
    pub fn as_str(self) -> &'static str {
        match self {
            SkippedReason::DisplayLimit => "display-limit",
            SkippedReason::CountLimit => "count-limit",
            SkippedReason::Timeout => "timeout",
            SkippedReason::Cancelled => "cancelled",
            SkippedReason::RepoDamaged => "repository-damaged",
            SkippedReason::HistoryDamaged => "history-damaged",
            SkippedReason::RevisionUncovered => "revision-uncovered",
            SkippedReason::RepoFailed => "repository-failed",
            SkippedReason::RepoCloning => "repository-cloning",
            SkippedReason::RepoIndexing => "repository-indexing",
            SkippedReason::HistoryMissing => "history-missing",
            SkippedReason::HistoryUnfinished => "history-unfinished",
            SkippedReason::HistoryBehind => "history-behind",
            SkippedReason::FileTooLarge => "file-too-large",
            SkippedReason::FileUnreadable => "file-unreadable",
            SkippedReason::FileUnparsed => "file-unparsed",
            SkippedReason::SymbolsMissing => "symbols-missing",
            SkippedReason::ChangesLeftOut => "changes-left-out",
            SkippedReason::ChangeTooLarge => "change-too-large",
            SkippedReason::ChangeUnreadable => "change-unreadable",
            SkippedReason::FileBinary => "file-binary",
            SkippedReason::ChangeBinary => "change-binary",
            SkippedReason::FileSymlink => "file-symlink",
            SkippedReason::Submodule => "submodule",
            SkippedReason::ExcludedFork => "excluded-fork",
            SkippedReason::ExcludedArchived => "excluded-archived",
        }
    }

    /// Whether results may be missing.
    pub fn severity(self) -> Severity {
        match self {
            SkippedReason::FileBinary
            | SkippedReason::ChangeBinary
            | SkippedReason::FileSymlink
            | SkippedReason::Submodule
            | SkippedReason::ExcludedFork
            | SkippedReason::ExcludedArchived => Severity::Info,
            _ => Severity::Warning,
        }
    }
}

/// One way to narrow the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    /// What a person reads: a repository name, a language name, a directory with its final slash.
    pub value: String,
    /// The filter that narrows to it, ready to be appended to the query.
    pub filter: String,
    /// How many of the found documents it holds.
    pub n_files: u64,
}

/// Ways to narrow the answer, from what was found; most files first, then by value. At most
/// [`Facets::PER_KIND_MAX`] of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// By repository.
    pub repos: Vec<Facet>,
    /// By language.
    pub languages: Vec<Facet>,
    /// By top directory.
    pub paths: Vec<Facet>,
}

impl Facets {
    /// How many facets of one kind are told: more would not be read.
    pub const PER_KIND_MAX: usize = 50;
}

/// How a search ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// The final counts.
    pub stats: Stats,
    /// Ways to narrow the answer.
    pub facets: Facets,
    /// Something the person should know where nothing could be found for a reason outside the patterns.
    pub alert: Option<String>,
    /// Repositories whose index could not be read: for the log and for the crate that rebuilds them, not for the answer.
    pub damaged: Vec<Damage>,
}

/// A repository whose index could not be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Damage {
    /// The repository.
    pub repo_id: RepoId,
    /// What of it has to be built anew.
    pub part: DamagedPart,
    /// The first thing that was wrong.
    pub error: index::ReadError,
}

/// What of a repository is damaged: each is built anew by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DamagedPart {
    /// The index of its files.
    Index,
    /// Its commits and their changes.
    History,
}

/// A value as it stands after the colon of a filter: quoted where it holds a space or a quote.
pub(crate) fn quoted(value: &str) -> String {
    if value.chars().any(|c| c.is_whitespace() || matches!(c, '"' | '\'' | '(' | ')')) {
        return format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    }
    value.to_owned()
}
