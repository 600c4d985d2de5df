//! The commits that changed a path, newest first.
//!
//! Which ones is decided as by `git log -- <path>` (its history simplification: where a merge has a parent with the same
//! content, only that one is followed), in its order. A file is followed through renames, on every line of history for
//! itself, where git's `--follow` knows one path at a time.

use crate::path_at::{PathAt, Stand, Steps};
use crate::{Commit, EntryKind, FileChangeKind, IsOver, LookupError, ObjectError, Reader};
use model::ObjectId;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

/// Commits that are looked at for one answer: more than the longest public histories have.
const COMMITS_MAX: usize = 2_000_000;
/// How often two whole trees are compared to find where a file came from: a file that is renamed to and fro ends here.
const RENAMES_MAX: usize = 64;
/// Files that are compared to find out.
const RENAMED_FILES_MAX: usize = 20_000;
/// Commits read between two looks at the clock.
const OVER_STEP: usize = 64;

/// What is asked.
#[derive(Clone, Debug)]
pub struct LogAsked<'a> {
    /// Where history begins.
    pub tip: ObjectId,
    /// The path; empty for all commits.
    pub path: &'a [u8],
    /// Whether a file is followed through renames.
    pub follows: bool,
    /// Which commits count.
    pub filter: LogFilter,
    /// How many are passed over.
    pub n_skipped: usize,
    /// How many are told at most.
    pub n_max: usize,
}

/// Which commits count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Those whose author's name or address contains this, in lower case.
    pub author: Option<String>,
    /// Those written at this second or later.
    pub since: Option<i64>,
    /// Those written before this second.
    pub until: Option<i64>,
}

/// A commit that changed the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// It.
    pub commit: Commit,
    /// The path at this commit.
    pub path: Vec<u8>,
    /// The path before, where it was another one.
    pub old_path: Option<Vec<u8>>,
    /// What it did to the path, against its first parent; `None` of the log of all commits.
    pub change: Option<FileChangeKind>,
    /// What stood there in the first parent.
    pub old: Option<(EntryKind, ObjectId)>,
    /// What stands there.
    pub new: Option<(EntryKind, ObjectId)>,
}

/// A part of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The commits, newest first.
    pub entries: Vec<LogEntry>,
    /// Whether there are more.
    pub has_more: bool,
    /// Whether it was called off, or there were more commits than are looked at: what is older was not seen.
    pub is_cut: bool,
    /// Whether the search for renames ended before history did.
    pub has_unfollowed: bool,
    /// How many commits cannot be read.
    pub n_unreadable: u64,
}

/// Why there is no log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Its first commit cannot be read.
    #[error("the log cannot begin: {source}")]
    Start {
        /// What is wrong with it.
        #[from]
        source: ObjectError,
    },
}

impl LogFilter {
    /// Whether a commit counts.
    pub fn admits(&self, commit: &Commit) -> bool {
        let author = &commit.author;
        let by = |part: &String| {
            author.name.to_lowercase().contains(part) || author.email.to_lowercase().contains(part)
        };
        self.author.as_ref().is_none_or(by)
            && self.since.is_none_or(|since| author.seconds >= since)
            && self.until.is_none_or(|until| author.seconds < until)
    }

    fn is_empty(&self) -> bool {
        *self == LogFilter::default()
    }
}

impl Reader {
    /// The commits that changed a path. `is_over` is asked from time to time.
    pub fn log(&self, asked: &LogAsked<'_>, is_over: &IsOver<'_>) -> Result<Log, LogError> {
        let mut walk = LogWalk::new(self, asked);
        walk.push(asked.tip, 0)?;
        let mut n_found = 0usize;
        let mut n_steps = 0usize;
        while let Some(item) = walk.queue.pop() {
            n_steps += 1;
            if n_steps > COMMITS_MAX || (n_steps % OVER_STEP == 1 && is_over()) {
                walk.found.is_cut = true;
                break;
            }
            let Some(shown) = walk.visit(&item, is_over) else { continue };
            // What is passed over is read only where a filter needs it.
            let is_passed = n_found < asked.n_skipped;
            if is_passed && asked.filter.is_empty() {
                n_found += 1;
                continue;
            }
            let Ok(commit) = self.commit(item.id) else {
                walk.found.n_unreadable += 1;
                continue;
            };
            if !asked.filter.admits(&commit) {
                continue;
            }
            n_found += 1;
            if is_passed {
                continue;
            }
            if walk.found.entries.len() == asked.n_max {
                walk.found.has_more = true;
                break;
            }
            let path = walk.paths[item.path].path.clone();
            let Shown { old_path, change, old, new } = shown;
            walk.found.entries.push(LogEntry { commit, path, old_path, change, old, new });
        }
        Ok(walk.found)
    }
}

/// A commit that waits to be looked at.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    seconds: i64,
    /// Of the same second the one that was met first.
    order: Reverse<u64>,
    id: ObjectId,
    tree: ObjectId,
    parents: Vec<ObjectId>,
    path: usize,
}

/// What a commit did to the path.
struct Shown {
    old_path: Option<Vec<u8>>,
    change: Option<FileChangeKind>,
    old: Option<Stand>,
    new: Option<Stand>,
}

/// A path that the file has or had.
struct PathKnown {
    path: Vec<u8>,
    at: PathAt,
}

struct LogWalk<'a> {
    reader: &'a Reader,
    follows: bool,
    paths: Vec<PathKnown>,
    queue: BinaryHeap<Waiting>,
    seen: HashSet<(ObjectId, usize)>,
    steps: Steps,
    n_met: u64,
    n_renames_left: usize,
    found: Log,
}

impl<'a> LogWalk<'a> {
    fn new(reader: &'a Reader, asked: &LogAsked<'_>) -> Self {
        let first = PathKnown { path: asked.path.to_vec(), at: PathAt::new(asked.path) };
        LogWalk {
            reader,
            follows: asked.follows,
            paths: vec![first],
            queue: BinaryHeap::new(),
            seen: HashSet::new(),
            steps: Steps::default(),
            n_met: 0,
            n_renames_left: RENAMES_MAX,
            found: Log::default(),
        }
    }

    fn push(&mut self, id: ObjectId, path: usize) -> Result<(), ObjectError> {
        if !self.seen.insert((id, path)) {
            return Ok(());
        }
        let step = self.steps.get(self.reader, id)?;
        self.n_met += 1;
        self.queue.push(Waiting {
            seconds: step.seconds,
            order: Reverse(self.n_met),
            id,
            tree: step.tree,
            parents: step.parents.clone(),
            path,
        });
        Ok(())
    }

    fn follow(&mut self, id: ObjectId, path: usize) {
        if self.push(id, path).is_err() {
            self.found.n_unreadable += 1;
        }
    }

    fn at(&mut self, path: usize, tree: ObjectId) -> Result<Option<Stand>, LookupError> {
        self.paths[path].at.find(self.reader, tree)
    }

    /// Puts the parents that matter into the queue; tells what the commit did, where it did something.
    fn visit(&mut self, item: &Waiting, is_over: &IsOver<'_>) -> Option<Shown> {
        if self.paths[item.path].path.is_empty() {
            item.parents.iter().for_each(|parent| self.follow(*parent, item.path));
            return Some(Shown { old_path: None, change: None, old: None, new: None });
        }
        let new = self.at(item.path, item.tree).unwrap_or_else(|_| {
            self.found.n_unreadable += 1;
            None
        });
        let mut before = Vec::with_capacity(item.parents.len());
        for parent in &item.parents {
            let Ok(tree) = self.steps.get(self.reader, *parent).map(|step| step.tree) else {
                self.found.n_unreadable += 1;
                continue;
            };
            let old = self.at(item.path, tree).unwrap_or(None);
            if old == new {
                self.follow(*parent, item.path);
                return None;
            }
            before.push((*parent, tree, old));
        }
        if before.is_empty() && new.is_none() {
            return None;
        }
        let mut shown = Shown {
            old_path: None,
            change: Some(change_kind(before.first().and_then(|(.., old)| *old), new)),
            old: before.first().and_then(|(.., old)| *old),
            new,
        };
        let is_new = before.iter().all(|(.., old)| old.is_none());
        for (idx, (parent, tree, _)) in before.iter().enumerate() {
            let mut path = item.path;
            if is_new
                && self.follows
                && let Some((from, old)) = self.came_from(item, *tree, new, is_over)
            {
                path = from;
                if idx == 0 {
                    shown.old_path = Some(self.paths[from].path.clone());
                    shown.change = Some(FileChangeKind::Renamed);
                    shown.old = old;
                }
            }
            self.follow(*parent, path);
        }
        Some(shown)
    }

    /// Where a file that is new in a commit stood in a tree before it.
    fn came_from(
        &mut self,
        item: &Waiting,
        old_tree: ObjectId,
        new: Option<Stand>,
        is_over: &IsOver<'_>,
    ) -> Option<(usize, Option<Stand>)> {
        if !matches!(new, Some((EntryKind::File | EntryKind::Executable, _))) {
            return None;
        }
        let Some(n_left) = self.n_renames_left.checked_sub(1) else {
            self.found.has_unfollowed = true;
            return None;
        };
        self.n_renames_left = n_left;
        let path = &self.paths[item.path].path;
        let (from, old) = self.reader.renamed_from(old_tree, item.tree, path, is_over)?;
        let known = self.paths.iter().position(|known| known.path == from);
        let idx = known.unwrap_or_else(|| {
            self.paths.push(PathKnown { at: PathAt::new(&from), path: from });
            self.paths.len() - 1
        });
        Some((idx, old))
    }
}

impl Reader {
    /// The path that a file of the tree `new` had in the tree `old`, and what stood there, where it was renamed between them.
    pub(crate) fn renamed_from(
        &self,
        old: ObjectId,
        new: ObjectId,
        path: &[u8],
        is_over: &IsOver<'_>,
    ) -> Option<(Vec<u8>, Option<Stand>)> {
        let changed = self.changed_files(Some(old), Some(new), RENAMED_FILES_MAX, is_over).ok()?;
        let file = changed.files.into_iter().find(|file| file.path == path)?;
        file.old_path.map(|from| (from, file.old))
    }
}

fn change_kind(old: Option<Stand>, new: Option<Stand>) -> FileChangeKind {
    match (old, new) {
        (None, _) => FileChangeKind::Added,
        (_, None) => FileChangeKind::Deleted,
        _ => FileChangeKind::Modified,
    }
}
