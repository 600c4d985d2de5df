//! One caller's view of a repository at a commit, as `nav` asks it: files from git, names from the index.

use crate::browse::Content;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::readable::{KnownFolders, Readable};
use crate::routes::complete::escape_regex;
use crate::searching::limits_of;
use crate::state::AppState;
use git::EntryKind;
use model::{ObjectId, RefName};
use nav::{Code, CodeError, Defined, Description, Entry, File, Found, NavError, UsedIn, Uses};
use search::{CancelToken, Limits, Match, Sink, SkippedReason, Snapshot, Watch};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use store::Repository;
use syntax::{DecodeLimits, Decoded};

/// Largest file that is taken apart.
pub(super) const FILE_BYTES_MAX: u64 = 2 << 20;
/// How many definitions of one name are asked of the index.
const N_DEFINED_MAX: usize = 100;
/// In how many files it is looked where a name stands at a commit that is not indexed.
const N_MOVED_FILES_MAX: usize = 40;
/// Longest name that is looked for, in bytes.
const NAME_BYTES_MAX: usize = 200;
/// How long one look into the index may take.
const SEARCH_TIME_MAX: Duration = Duration::from_secs(3);

/// One caller's view of one repository at one commit.
pub(crate) struct View<'r> {
    pub(super) state: AppState,
    pub(super) caller: Caller,
    pub(super) readable: &'r Readable,
    pub(super) row: Repository,
    pub(crate) commit: ObjectId,
    rev: Option<String>,
    watch: &'r Watch,
    snapshot: Snapshot,
    folders: RefCell<HashMap<Vec<u8>, Vec<Entry>>>,
    known_folders: RefCell<KnownFolders>,
    /// The precise indexes of the repository, and what was read for their sake.
    pub(super) precise: super::precise::Known,
    /// How many lines with a word are asked for.
    pub(crate) n_uses_max: usize,
}

impl<'r> View<'r> {
    pub(crate) fn new(
        state: &AppState,
        caller: &Caller,
        readable: &'r Readable,
        row: &Repository,
        commit: ObjectId,
        rev: Option<String>,
        watch: &'r Watch,
    ) -> Self {
        View {
            state: state.clone(),
            caller: caller.clone(),
            readable,
            row: row.clone(),
            commit,
            rev,
            watch,
            snapshot: state.catalog.snapshot(),
            folders: RefCell::default(),
            known_folders: RefCell::default(),
            precise: super::precise::Known::default(),
            n_uses_max: 500,
        }
    }

    /// What is shown of a definition; of one in another repository the line as the index has it.
    pub(crate) fn describe(&self, found: &Found) -> Result<Description, NavError> {
        if found.repo.is_some() {
            return Ok(Description::default());
        }
        let Some(file) = self.file(&found.path)? else { return Ok(Description::default()) };
        let Some(start) = file.offset(found.line as usize, found.in_line.start) else {
            return Ok(Description::default());
        };
        if found.in_line.is_empty() {
            return Ok(Description { signature: crate::wire::lossy(&found.path), ..Description::default() });
        }
        Ok(nav::describe(&file, start))
    }

    fn check(&self) -> Result<(), CodeError> {
        if self.is_over() { Err(CodeError::CalledOff) } else { Ok(()) }
    }

    /// The filters that choose this repository, at the revision that is looked at where that is indexed.
    fn here(&self) -> String {
        let repo = escape_regex(self.row.name.as_str());
        match self.indexed() {
            Indexed::Ref(rev) => format!("repo:^{repo}$ rev:{rev} fork:yes archived:yes"),
            Indexed::Default | Indexed::Elsewhere => format!("repo:^{repo}$ fork:yes archived:yes"),
        }
    }

    /// What of the index is at the commit that is looked at.
    fn indexed(&self) -> Indexed {
        let Some(index) = self.snapshot.repo(&self.caller.access, self.row.name.as_str()) else {
            return Indexed::Elsewhere;
        };
        let revisions = index.ref_table.revisions();
        let here = revisions.iter().filter(|revision| revision.commit == self.commit);
        let names: Vec<&RefName> = here.flat_map(|revision| &revision.refs).collect();
        let asked = self.rev.as_deref();
        let is_asked = |name: &&&RefName| asked == Some(name.short()) || asked == Some(name.as_str());
        let default = index.ref_table.default_revision().and_then(|idx| revisions.get(idx.0 as usize));
        if default.is_some_and(|default| default.commit == self.commit) {
            return Indexed::Default;
        }
        let is_plain = |name: &&RefName| !name.as_str().contains(['"', ' ', ':', '@']);
        match names.iter().find(is_asked).or(names.first()).copied().filter(is_plain) {
            Some(name) => Indexed::Ref(name.as_str().to_owned()),
            None => Indexed::Elsewhere,
        }
    }

    /// Whether the index answers for another commit than the one that is looked at: lines of files that changed since are not
    /// where it says.
    fn is_moved(&self) -> bool {
        self.indexed() == Indexed::Elsewhere
    }

    fn elsewhere(&self) -> String {
        format!("-repo:^{}$", escape_regex(self.row.name.as_str()))
    }

    /// Runs a search of our own making, under the caller's rights.
    fn search(&self, text: &str, n_display: usize) -> Result<Collected, CodeError> {
        self.check()?;
        let unreadable = |what: &str, source: Box<dyn std::error::Error + Send + Sync>| {
            CodeError::Unreadable { what: what.to_owned(), source }
        };
        // A name that is none in the language of queries is nowhere in the index either.
        let Ok(query) = query::parse(text, &query::Options::default()) else {
            return Ok(Collected::default());
        };
        let limits = Limits { display: n_display, timeout: SEARCH_TIME_MAX, ..Limits::default() };
        let limits = limits_of(&self.state, &self.caller, limits);
        let mut sink = Collected::default();
        let token = CancelToken::new();
        // SECURITY: the caller's own access set chooses what is searched.
        let summary = self
            .state
            .searcher
            .search(&self.snapshot, &self.caller.access, &query, &limits, &token, &mut sink)
            .map_err(|fault| unreadable("the index", fault.to_string().into()))?;
        sink.n_lines = summary.stats.lines;
        // What was never meant to be searched (binary files, say) cuts nothing off.
        sink.is_cut = summary.stats.skipped.iter().any(|skipped| {
            matches!(
                skipped.reason,
                SkippedReason::DisplayLimit
                    | SkippedReason::CountLimit
                    | SkippedReason::Timeout
                    | SkippedReason::Cancelled
                    | SkippedReason::RepoDamaged
            )
        });
        Ok(sink)
    }

    fn symbols(&self, filters: &str, name: &str, is_here: bool) -> Result<Vec<Defined>, CodeError> {
        if !is_searchable(name) {
            return Ok(Vec::new());
        }
        let query = format!("{filters} type:symbol case:yes patterntype:regexp ^{}$", escape_regex(name));
        let found = self.search(&query, N_DEFINED_MAX)?;
        let symbol = |one: Match| match one {
            Match::Symbol(symbol) => Some(Defined {
                repo: (!is_here).then_some(symbol.repo),
                path: symbol.path,
                language: symbol.language,
                kind: symbol.symbol_kind,
                container: symbol.container,
                line: symbol.line,
                in_line: symbol.name_range,
            }),
            _ => None,
        };
        let found = found.matches.into_iter().filter_map(symbol).collect();
        if is_here && self.is_moved() { self.moved_symbols(found, name) } else { Ok(found) }
    }

    /// Definitions of another commit where they stand at this one; those of files that do not define the name here are left out.
    fn moved_symbols(&self, found: Vec<Defined>, name: &str) -> Result<Vec<Defined>, CodeError> {
        let mut there = Vec::new();
        let mut paths = HashSet::new();
        for symbol in found {
            if paths.len() >= N_MOVED_FILES_MAX || !paths.insert(symbol.path.clone()) {
                continue;
            }
            let Some(file) = self.file(&symbol.path)? else { continue };
            let defines = |binding: &syntax::Binding| binding.is_top && file.name_of(binding) == name;
            for (_, binding) in file.bindings.all().filter(|(_, binding)| defines(binding)) {
                let line = file.line_of(binding.name.start);
                let start = file.line(line).map_or(0, |range| range.start);
                let in_line = binding.name.start - start..binding.name.end.saturating_sub(start);
                there.push(Defined { line: line as u64, in_line, ..symbol.clone() });
            }
        }
        Ok(there)
    }

    /// Where a word stands in a file at this commit, which another one has, too.
    fn moved_use(&self, used: UsedIn, word: &str) -> Result<Option<UsedIn>, CodeError> {
        let Some(file) = self.file(&used.path)? else { return Ok(None) };
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let lines = file.text.lines().zip(1..).filter_map(|(line, number)| {
            let found = line.match_indices(word).filter(|(at, _)| {
                !is_part(line[..*at].chars().next_back()) && !is_part(line[at + word.len()..].chars().next())
            });
            let ranges: Vec<_> = found.map(|(at, _)| at..at + word.len()).collect();
            (!ranges.is_empty()).then(|| (number, ranges, line.to_owned()))
        });
        Ok(Some(UsedIn { lines: lines.collect(), ..used }))
    }

    /// What stands at a path; none where there is nothing for the caller.
    fn entry(&self, path: &[u8]) -> Result<Option<crate::browse::Spot>, CodeError> {
        self.check()?;
        match self.readable.at_known(self.commit, path, &mut self.known_folders.borrow_mut()) {
            Ok(spot) => Ok(Some(spot)),
            Err(Failure::NotFound) => Ok(None),
            Err(failure) => Err(CodeError::Unreadable {
                what: crate::wire::lossy(path),
                source: format!("{failure:?}").into(),
            }),
        }
    }
}

/// What of the index is at a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Indexed {
    /// What is searched when no revision is asked for.
    Default,
    /// This ref, by its full name.
    Ref(String),
    /// Nothing: the index knows other commits.
    Elsewhere,
}

/// Whether the index can be asked for a name as one word.
fn is_searchable(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.contains(char::is_whitespace)
        && !name.contains(['"', '/', '\\'])
}

/// What a search found.
#[derive(Default)]
struct Collected {
    matches: Vec<Match>,
    n_lines: u64,
    is_cut: bool,
}

impl Sink for Collected {
    fn matches(&mut self, batch: Vec<Match>) -> ControlFlow<()> {
        self.matches.extend(batch);
        ControlFlow::Continue(())
    }
}

impl Code for View<'_> {
    fn file(&self, path: &[u8]) -> Result<Option<Arc<File>>, CodeError> {
        let Some(spot) = self.entry(path)? else { return Ok(None) };
        if !matches!(spot.kind, EntryKind::File | EntryKind::Executable) {
            return Ok(None);
        }
        let key = (spot.id, path.to_vec());
        if let Some(file) = self.state.kept_files.get(&key) {
            return Ok(Some(file));
        }
        let Content::Bytes(bytes) = self.readable.content(spot.id, FILE_BYTES_MAX) else { return Ok(None) };
        let limits = DecodeLimits { size_bytes_max: FILE_BYTES_MAX as usize };
        let Decoded::Text { utf8, .. } = syntax::decode(&bytes, &limits) else { return Ok(None) };
        let file = Arc::new(File::new(path.to_vec(), utf8.into_owned(), None));
        self.state.kept_files.put(key, &file);
        Ok(Some(file))
    }

    fn is_file(&self, path: &[u8]) -> Result<bool, CodeError> {
        let kind = self.entry(path)?.map(|spot| spot.kind);
        Ok(matches!(kind, Some(EntryKind::File | EntryKind::Executable)))
    }

    fn folder(&self, path: &[u8]) -> Result<Vec<Entry>, CodeError> {
        if let Some(known) = self.folders.borrow().get(path) {
            return Ok(known.clone());
        }
        let spot = self.entry(path)?.filter(|spot| spot.kind == EntryKind::Tree);
        let entries = match spot.map(|spot| self.readable.list(&spot, path)) {
            Some(Ok(listing)) => listing
                .entries
                .into_iter()
                .map(|entry| Entry { name: entry.name, is_folder: entry.kind == EntryKind::Tree })
                .collect(),
            _ => Vec::new(),
        };
        self.folders.borrow_mut().insert(path.to_vec(), entries.clone());
        Ok(entries)
    }

    fn defined(&self, name: &str) -> Result<Vec<Defined>, CodeError> {
        self.symbols(&self.here(), name, true)
    }

    fn defined_elsewhere(&self, name: &str) -> Result<Vec<Defined>, CodeError> {
        self.symbols(&self.elsewhere(), name, false)
    }

    fn is_over(&self) -> bool {
        self.watch.stop().is_some()
    }

    fn leads(&self, path: &[u8], line: u64, column: usize) -> Result<Option<Vec<Found>>, CodeError> {
        self.check()?;
        Ok(super::precise::leads(self, path, super::Spot { line: line as usize, column }))
    }

    fn uses(&self, word: &str, is_elsewhere: bool) -> Result<Uses, CodeError> {
        if !is_searchable(word) {
            return Ok(Uses::default());
        }
        let is_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        let before = if is_word(word.chars().next()) { r"\b" } else { "" };
        let after = if is_word(word.chars().next_back()) { r"\b" } else { "" };
        let filters = if is_elsewhere { self.elsewhere() } else { self.here() };
        let query =
            format!("{filters} type:file case:yes patterntype:regexp {before}{}{after}", escape_regex(word));
        let found = self.search(&query, self.n_uses_max)?;
        let mut files = Vec::new();
        for one in found.matches {
            let Match::Content(file) = one else { continue };
            let lines = file.lines.into_iter().filter(|line| !line.is_cut);
            files.push(UsedIn {
                repo: is_elsewhere.then_some(file.repo),
                path: file.path,
                lines: lines.map(|line| (line.number, line.ranges, line.text)).collect(),
            });
        }
        let mut uses = Uses { files, n_lines: found.n_lines, is_cut: found.is_cut };
        if !is_elsewhere && self.is_moved() {
            uses.is_cut |= uses.files.len() > N_MOVED_FILES_MAX;
            let files = std::mem::take(&mut uses.files).into_iter().take(N_MOVED_FILES_MAX);
            for used in files {
                uses.files.extend(self.moved_use(used, word)?);
            }
            uses.n_lines = uses.files.iter().map(|file| file.lines.len() as u64).sum();
        }
        Ok(uses)
    }
}
