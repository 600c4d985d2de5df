//! Answers for a repository at any commit, from the indexes that were uploaded for commits near it.
//!
//! SECURITY: every answer takes the caller's `AccessSet`, and asks [`Sources::may_read`] for the path of every document it
//! speaks of: what the caller may not read is in no list, in no count and in no documentation.

mod places;

use crate::information::SymbolInfo;
use crate::nearest::{DISTANCE_MAX, Nearest, nearest};
use crate::range::Span;
use crate::reader::{Document, Index, Occurrence, SymbolNo};
use crate::{LineMap, LookupError};
use model::{AccessSet, ObjectId, RepoId};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub use places::{Place, Places};

/// Indexes that are kept open; an open one is a mapping and a few kilobytes.
const OPEN_MAX: usize = 64;

/// An index that was uploaded and taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its random id, which is its file's name.
    pub id: String,
    /// The repository.
    pub repo: RepoId,
    /// The commit it was made of.
    pub commit: ObjectId,
    /// The folder that its paths are below, without slashes at its ends; empty for the whole repository.
    pub root: String,
    /// The indexer's name.
    pub indexer: String,
}

/// What answers need beside the indexes: the caller provides it from git and from the caller's path rules.
pub trait Sources {
    /// The parents of a commit; none where it cannot be read.
    fn parents(&self, repo: RepoId, commit: ObjectId) -> Vec<ObjectId>;

    /// The text of a file at a commit, as it is shown; `None` where there is none.
    fn text(&self, repo: RepoId, commit: ObjectId, path: &str) -> Option<Arc<str>>;

    /// Where the lines of a file at `old` are at `new`; `None` where it is not at both.
    fn lines(&self, repo: RepoId, path: &str, old: ObjectId, new: ObjectId) -> Option<LineMap>;

    /// Whether the caller may read a path of a repository that they may read some of.
    fn may_read(&self, repo: RepoId, path: &str) -> bool;
}

/// Where something is asked about: lines from 0, columns in bytes of UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot<'a> {
    /// The repository.
    pub repo: RepoId,
    /// The commit whose text is looked at.
    pub commit: ObjectId,
    /// The file.
    pub path: &'a str,
    /// The line.
    pub line: u32,
    /// The byte of the line.
    pub column: u32,
}

/// What stands at a spot, precisely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The repository and the commit that were asked about: places in this repository are told at this commit.
    pub repo: RepoId,
    /// See `repo`.
    pub commit: ObjectId,
    /// The occurrence, columns in bytes of UTF-8.
    pub span: Span,
    /// `SymbolRole` bits of SCIP.
    pub roles: u32,
    /// The symbols that stand exactly here; at least one.
    pub symbols: Vec<HitSymbol>,
    /// The indexes that speak for this commit, the one that answered first.
    pub current: Vec<Upload>,
    /// Commits between the one asked about and the one the index was made of.
    pub distance: u32,
    /// Whether that one lies before the one asked about.
    pub is_before: bool,
}

/// A symbol of the index that answered (`Hit::current[0]`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HitSymbol {
    /// Its number there.
    pub no: SymbolNo,
    /// Its name.
    pub name: String,
}

/// What is said of a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// The symbol's name.
    pub symbol: String,
    /// What the indexer says.
    pub info: SymbolInfo,
}

/// Keeps indexes open, and answers.
#[derive(Debug)]
pub struct Precise {
    folder: PathBuf,
    /// The one asked last at the end.
    open: Mutex<Vec<(String, Arc<Index>)>>,
}

impl Precise {
    /// Answers from the indexes in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Precise {
        Precise { folder: folder.into(), open: Mutex::default() }
    }

    /// The folder of the indexes.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of an upload.
    pub fn path_of(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.precise"))
    }

    /// An index, opened unless it is open.
    pub fn index(&self, id: &str) -> Result<Arc<Index>, LookupError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = open.iter().position(|(known, _)| known == id) {
            let entry = open.remove(at);
            let index = Arc::clone(&entry.1);
            open.push(entry);
            return Ok(index);
        }
        drop(open);
        let index = Arc::new(Index::open(&self.path_of(id))?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= OPEN_MAX {
            open.remove(0);
        }
        open.push((id.to_owned(), Arc::clone(&index)));
        Ok(index)
    }

    /// Closes an index whose file is about to go.
    pub fn forget(&self, id: &str) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|(known, _)| known != id);
    }

    /// The uploads that speak for a commit: of each indexer and root the nearest one, at most [`DISTANCE_MAX`] commits away,
    /// with how far it is. Nearest first.
    pub fn current(
        &self,
        sources: &dyn Sources,
        uploads: &[Upload],
        repo: RepoId,
        commit: ObjectId,
    ) -> Vec<(Upload, Nearest)> {
        let mut groups: Vec<Vec<&Upload>> = Vec::new();
        for upload in uploads.iter().filter(|upload| upload.repo == repo) {
            let is_alike = |group: &&mut Vec<&Upload>| {
                group.iter().any(|other| other.root == upload.root && other.indexer == upload.indexer)
            };
            match groups.iter_mut().find(is_alike) {
                Some(group) => group.push(upload),
                None => groups.push(vec![upload]),
            }
        }
        let mut known = HashMap::new();
        let mut parents = |id: ObjectId| -> Vec<ObjectId> {
            known.entry(id).or_insert_with(|| sources.parents(repo, id)).clone()
        };
        let mut current = Vec::new();
        for group in groups {
            let commits: Vec<ObjectId> = group.iter().map(|upload| upload.commit).collect();
            let found = nearest(commit, &commits, &mut parents, DISTANCE_MAX);
            let upload =
                found.and_then(|found| Some((group.iter().find(|at| at.commit == found.commit)?, found)));
            current.extend(upload.map(|(upload, found)| ((*upload).clone(), found)));
        }
        current.sort_by_key(|(_, found)| found.distance);
        current
    }

    /// What stands at a spot. `None` where no index knows: there is none near, the line was changed since, the file is not
    /// indexed, or nothing is named there. `uploads` are those of the repository that are ready, newest first.
    pub fn lookup(
        &self,
        access: &AccessSet,
        sources: &dyn Sources,
        uploads: &[Upload],
        spot: Spot<'_>,
    ) -> Result<Option<Hit>, LookupError> {
        if !access.allows(spot.repo) {
            return Ok(None);
        }
        let current = self.current(sources, uploads, spot.repo, spot.commit);
        self.lookup_in(access, sources, &current, spot)
    }

    /// Likewise, where it is known which uploads speak for the commit ([`Precise::current`]).
    pub fn lookup_in(
        &self,
        access: &AccessSet,
        sources: &dyn Sources,
        current: &[(Upload, Nearest)],
        spot: Spot<'_>,
    ) -> Result<Option<Hit>, LookupError> {
        if !access.allows(spot.repo) || !sources.may_read(spot.repo, spot.path) {
            return Ok(None);
        }
        let Some(text) = sources.text(spot.repo, spot.commit, spot.path) else { return Ok(None) };
        let Some(line) = line_of(&text, spot.line) else { return Ok(None) };
        for (idx, (upload, near)) in current.iter().enumerate() {
            let Some(path) = below(&upload.root, spot.path) else { continue };
            let index = self.index(&upload.id)?;
            let documents = index.documents_at(path)?;
            if documents.is_empty() {
                continue;
            }
            let Some(lines) = lines_between(sources, upload, spot.path, spot.commit) else { continue };
            let Some(old_line) = lines.to_old(spot.line) else { continue };
            for document in &documents {
                let found = at(&index, document, line, old_line, spot)?;
                if found.is_empty() {
                    continue;
                }
                let mut hit = Hit {
                    repo: spot.repo,
                    commit: spot.commit,
                    span: found[0].span,
                    roles: found[0].roles,
                    symbols: Vec::new(),
                    current: current.iter().map(|(upload, _)| upload.clone()).collect(),
                    distance: near.distance,
                    is_before: near.is_before,
                };
                hit.current.swap(0, idx);
                for occurrence in found {
                    let name = index.name(occurrence.symbol)?;
                    hit.symbols.push(HitSymbol { no: occurrence.symbol, name });
                }
                return Ok(Some(hit));
            }
        }
        Ok(None)
    }

    /// What is said of what stands there: of its first symbol of which something is said.
    pub fn hover(
        &self,
        access: &AccessSet,
        sources: &dyn Sources,
        hit: &Hit,
    ) -> Result<Option<Hover>, LookupError> {
        for symbol in &hit.symbols {
            for (upload, no) in self.numbers(hit, symbol)? {
                if let Some(info) = self.info(access, sources, upload, no)? {
                    return Ok(Some(Hover { symbol: symbol.name.clone(), info }));
                }
            }
        }
        Ok(None)
    }

    /// What an index says of a symbol, where the caller may read the document that says it.
    pub fn info(
        &self,
        access: &AccessSet,
        sources: &dyn Sources,
        upload: &Upload,
        symbol: SymbolNo,
    ) -> Result<Option<SymbolInfo>, LookupError> {
        if !access.allows(upload.repo) {
            return Ok(None);
        }
        let index = self.index(&upload.id)?;
        let Some((info, document)) = index.info(symbol)? else { return Ok(None) };
        let document = index.document(document)?;
        let is_readable =
            document.path.is_empty() || sources.may_read(upload.repo, &joined(&upload.root, &document.path));
        Ok(is_readable.then_some(info))
    }

    /// The symbol in each index that speaks for the commit; a local one is in its own alone.
    fn numbers<'a>(
        &self,
        hit: &'a Hit,
        symbol: &HitSymbol,
    ) -> Result<Vec<(&'a Upload, SymbolNo)>, LookupError> {
        let mut found: Vec<(&Upload, SymbolNo)> = Vec::new();
        for (idx, upload) in hit.current.iter().enumerate() {
            match symbol.no {
                no if idx == 0 => found.push((upload, no)),
                SymbolNo::Local(..) => {}
                SymbolNo::Global(_) => {
                    let no = self.index(&upload.id)?.find(&symbol.name)?;
                    found.extend(no.map(|no| (upload, SymbolNo::Global(no))));
                }
            }
        }
        Ok(found)
    }
}

/// The occurrences that stand exactly where the narrowest one does, with spans in bytes of the line that was asked about.
fn at(
    index: &Index,
    document: &Document,
    line: &str,
    old_line: u32,
    spot: Spot<'_>,
) -> Result<Vec<Occurrence>, LookupError> {
    let Some(column) = document.columns.from_bytes(line, spot.column) else { return Ok(Vec::new()) };
    let found = index.occurrences_at(document, old_line, column)?;
    // What spans lines is the whole of something, not its name.
    let mut found: Vec<Occurrence> =
        found.into_iter().filter(|at| at.span.start_line == at.span.end_line).collect();
    let Some(narrowest) = found.first().map(|at| at.span) else { return Ok(found) };
    found.retain(|at| at.span == narrowest);
    let to_bytes = |column| document.columns.to_bytes(line, column);
    let ends = (to_bytes(narrowest.start_column), to_bytes(narrowest.end_column));
    let (Some(start_column), Some(end_column)) = ends else { return Ok(Vec::new()) };
    for at in &mut found {
        at.span = Span { start_line: spot.line, start_column, end_line: spot.line, end_column };
    }
    Ok(found)
}

fn lines_between(sources: &dyn Sources, upload: &Upload, path: &str, commit: ObjectId) -> Option<LineMap> {
    if upload.commit == commit {
        return Some(LineMap::same());
    }
    sources.lines(upload.repo, path, upload.commit, commit)
}

/// A line of a text without its end.
fn line_of(text: &str, line: u32) -> Option<&str> {
    text.split('\n').nth(line as usize).map(|line| line.strip_suffix('\r').unwrap_or(line))
}

/// What is left of a path below a root.
fn below<'a>(root: &str, path: &'a str) -> Option<&'a str> {
    if root.is_empty() { Some(path) } else { path.strip_prefix(root)?.strip_prefix('/') }
}

fn joined(root: &str, path: &str) -> String {
    if root.is_empty() { path.to_owned() } else { format!("{root}/{path}") }
}
