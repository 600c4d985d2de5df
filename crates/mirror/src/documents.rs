//! The documents of a repository, as one walk over all its revisions yields them.

use crate::IndexError;
use crate::increment::doc_kind;
use crate::refs::Revisions;
use git::{Repository, WalkLimits, WalkSummary};
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
    /// By the walk's number of the set, as runs of neighbours.
    sets: Vec<Box<[Range<u32>]>>,
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
        let Some(kind) = doc_kind(entry.kind) else { return };
        let set = entry.revisions.id();
        if self.sets.len() <= set as usize {
            self.sets.resize(set as usize + 1, Box::default());
        }
        if self.sets[set as usize].is_empty() {
            self.sets[set as usize] = runs(entry.revisions.iter());
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

    /// How many different sets of revisions there are.
    pub(crate) fn n_sets(&self) -> usize {
        self.sets.len()
    }

    /// The revisions that hold a document, as the number of their set and ascending.
    pub(crate) fn revisions(&self, document: &Document) -> (usize, impl Iterator<Item = RevIdx> + '_) {
        let set = document.set as usize;
        (set, self.sets[set].iter().cloned().flatten().map(RevIdx))
    }
}

fn runs(revisions: impl Iterator<Item = u32>) -> Box<[Range<u32>]> {
    let mut runs: Vec<Range<u32>> = Vec::new();
    for revision in revisions {
        match runs.last_mut() {
            Some(run) if run.end == revision => run.end += 1,
            _ => runs.push(revision..revision + 1),
        }
    }
    runs.into()
}
