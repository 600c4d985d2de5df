//! The documents of a repository, as one walk over all its revisions yields them.

use crate::IndexError;
use crate::refs::Revisions;
use git::{EntryKind, Repository, WalkLimits, WalkSummary};
use index::{DocKind, RevIdx};
use model::ObjectId;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::AtomicBool;

/// Every distinct (path, kind, object) with the revisions that hold it, in path order. Paths lie end to end in one
/// buffer: repositories with a million documents are common once all tags count.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    paths: Vec<u8>,
    documents: Vec<Document>,
    sets: Vec<Box<[RevIdx]>>,
}

/// One document.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    path: Range<usize>,
    /// What stands there.
    pub(crate) kind: DocKind,
    /// The git object.
    pub(crate) oid: ObjectId,
    set: u32,
}

impl Documents {
    /// Walks the trees of all revisions.
    pub(crate) fn walk(
        repository: &Repository,
        revisions: &Revisions,
        cancel: &AtomicBool,
    ) -> Result<(Self, WalkSummary), IndexError> {
        let mut documents = Documents::default();
        let limits = WalkLimits::default();
        let summary = repository.walk(&revisions.commits(), &limits, cancel, &mut |entry| {
            documents.push(entry);
            ControlFlow::Continue(())
        });
        match summary {
            Ok(summary) => Ok((documents, summary)),
            Err(git::WalkError::Cancelled) => Err(IndexError::Cancelled),
        }
    }

    fn push(&mut self, entry: git::WalkEntry<'_>) {
        let kind = match entry.kind {
            EntryKind::File => DocKind::File,
            EntryKind::Executable => DocKind::Executable,
            EntryKind::Symlink => DocKind::Symlink,
            EntryKind::Submodule => DocKind::Submodule,
            EntryKind::Tree => return,
        };
        let set = entry.revisions.id();
        if self.sets.len() <= set as usize {
            self.sets.resize(set as usize + 1, Box::default());
        }
        if self.sets[set as usize].is_empty() {
            self.sets[set as usize] = entry.revisions.iter().map(RevIdx).collect();
        }
        let start = self.paths.len();
        self.paths.extend_from_slice(entry.path);
        self.documents.push(Document { path: start..self.paths.len(), kind, oid: entry.id, set });
    }

    /// All documents, in path order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Document> {
        self.documents.iter()
    }

    /// The path of a document.
    pub(crate) fn path(&self, document: &Document) -> &[u8] {
        &self.paths[document.path.clone()]
    }

    /// The revisions that hold a document, ascending.
    pub(crate) fn revisions(&self, document: &Document) -> &[RevIdx] {
        &self.sets[document.set as usize]
    }
}
