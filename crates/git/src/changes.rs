//! What differs between the trees of two commits.
//!
//! Folders that both hold are not read, so that a commit costs what it changed and not what the repository holds.

use crate::{
    EntryKind, ObjectError, ObjectKind, Reader, Repository, WalkLimits,
    tree::{self, CheckedEntry},
};
use model::ObjectId;
use std::{
    cmp::Ordering,
    sync::atomic::{self, AtomicBool},
};

/// One path whose file, link or submodule is not the same in both commits. Where a file became a folder, or executable, the
/// path is told twice: gone, and new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// Full path, raw bytes.
    pub path: &'a [u8],
    /// What stands there in the newer commit; `None` where nothing does.
    pub new: Option<(EntryKind, ObjectId)>,
}

/// Why two commits cannot be compared in this way; a walk over both can tell what is in them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangesError {
    /// It was cancelled.
    #[error("the comparison was cancelled")]
    Cancelled,
    /// A commit or a tree cannot be read.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// A tree holds what a walk would leave out.
    #[error("a folder that changed holds an entry that is left out")]
    Refused,
    /// More differs than the caller wants to know.
    #[error("more than {n_changes_max} paths differ")]
    TooMany {
        /// The limit.
        n_changes_max: u64,
    },
}

impl Repository {
    /// Calls `visit` with every path that differs between two commits.
    pub fn changes(
        &self,
        old: ObjectId,
        new: ObjectId,
        n_changes_max: u64,
        cancel: &AtomicBool,
        visit: &mut dyn FnMut(Change<'_>),
    ) -> Result<(), ChangesError> {
        let reader = self.reader();
        let limits = WalkLimits::default();
        let trees = [Some(reader.tree_of_commit(old)?), Some(reader.tree_of_commit(new)?)];
        let mut comparison = Comparison {
            reader: &reader,
            limits,
            cancel,
            visit,
            path: Vec::new(),
            n_left: n_changes_max,
            n_changes_max,
        };
        comparison.folder(trees, 0)
    }
}

struct Comparison<'a> {
    reader: &'a Reader,
    limits: WalkLimits,
    cancel: &'a AtomicBool,
    visit: &'a mut dyn FnMut(Change<'_>),
    path: Vec<u8>,
    n_left: u64,
    n_changes_max: u64,
}

/// A tree's bytes and its entries; nothing where there is no such tree.
type Side = (Vec<u8>, Vec<CheckedEntry>);

impl Comparison<'_> {
    /// Compares what stands at the current path: the old tree and the new one, where there are such.
    fn folder(&mut self, trees: [Option<ObjectId>; 2], depth: usize) -> Result<(), ChangesError> {
        if trees[0] == trees[1] {
            return Ok(());
        }
        if self.cancel.load(atomic::Ordering::Relaxed) {
            return Err(ChangesError::Cancelled);
        }
        if depth > self.limits.depth_max {
            return Err(ChangesError::Refused);
        }
        let [old, new] = trees;
        let ((old_data, old), (new_data, new)) = (self.read(old)?, self.read(new)?);
        let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => {
                    let (a_name, b_name) = (&old_data[a.name.clone()], &new_data[b.name.clone()]);
                    tree::compare(a_name, a.kind, b_name, b.kind).then(a.kind.cmp(&b.kind))
                }
            };
            let before = if order.is_le() { old.next() } else { None };
            let after = if order.is_ge() { new.next() } else { None };
            let name = match (before, after) {
                (_, Some(entry)) => &new_data[entry.name.clone()],
                (Some(entry), None) => &old_data[entry.name.clone()],
                (None, None) => return Ok(()),
            };
            self.entry(name, before, after, depth)?;
        }
    }

    fn entry(
        &mut self,
        name: &[u8],
        before: Option<&CheckedEntry>,
        after: Option<&CheckedEntry>,
        depth: usize,
    ) -> Result<(), ChangesError> {
        if before.map(|entry| entry.id) == after.map(|entry| entry.id) {
            return Ok(());
        }
        let n_parent_bytes = self.path.len();
        if n_parent_bytes > 0 {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name);
        let is_tree = before.or(after).is_some_and(|entry| entry.kind == EntryKind::Tree);
        let outcome = if self.path.len() > self.limits.path_bytes_max {
            Err(ChangesError::Refused)
        } else if is_tree {
            self.folder([before, after].map(|entry| entry.map(|entry| entry.id)), depth + 1)
        } else {
            self.change(after.map(|entry| (entry.kind, entry.id)))
        };
        self.path.truncate(n_parent_bytes);
        outcome
    }

    fn change(&mut self, new: Option<(EntryKind, ObjectId)>) -> Result<(), ChangesError> {
        let n_changes_max = self.n_changes_max;
        self.n_left = self.n_left.checked_sub(1).ok_or(ChangesError::TooMany { n_changes_max })?;
        (self.visit)(Change { path: &self.path, new });
        Ok(())
    }

    fn read(&mut self, tree: Option<ObjectId>) -> Result<Side, ChangesError> {
        let Some(id) = tree else { return Ok(Side::default()) };
        let mut data = Vec::new();
        self.reader.read(id, ObjectKind::Tree, self.limits.tree_bytes_max, &mut data)?;
        let mut is_refused = false;
        let entries = tree::checked_entries(&data, |_, _| is_refused = true);
        if is_refused { Err(ChangesError::Refused) } else { Ok((data, entries)) }
    }
}
