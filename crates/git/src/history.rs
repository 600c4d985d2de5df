//! The commits that refs reach.

use crate::{Reader, Repository};
use model::ObjectId;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

/// Why a walk over commits ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// It was called off.
    #[error("the walk over the commits was called off")]
    Cancelled,
    /// There are more commits than can be numbered.
    #[error("the repository has more commits than the {n_commits_max} that can be numbered")]
    TooMany {
        /// How many there may be.
        n_commits_max: u32,
    },
}

/// A commit of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedCommit {
    /// Its id.
    pub id: ObjectId,
    /// Its parents, the first 1,000.
    pub parents: Vec<ObjectId>,
}

/// What [`Repository::history`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedHistory {
    /// The commits, every one after its parents; of two that do not descend from each other the one recorded earlier
    /// comes first. Backwards it is the order of `git log --date-order`.
    pub commits: Vec<ListedCommit>,
    /// How many commits are named by refs or commits and cannot be read.
    pub n_unreadable: u64,
}

/// Most commits of one history.
const COMMITS_MAX: u32 = u32::MAX / 4;
/// Commits read between two looks at the cancellation.
const CANCEL_STEP: usize = 256;

impl Repository {
    /// Lists the commits that are reached from `tips` and that are not `known`, with what is known counted as the end of
    /// history. Grafts and replacements are not followed. Reads every commit once.
    pub fn history(
        &self,
        tips: &[ObjectId],
        known: &dyn Fn(&ObjectId) -> bool,
        cancel: &AtomicBool,
    ) -> Result<ListedHistory, HistoryError> {
        let graph = Graph::read(&self.reader(), tips, known, cancel)?;
        Ok(graph.sorted())
    }
}

#[derive(Debug, Default)]
struct Graph {
    numbers: HashMap<ObjectId, u32>,
    commits: Vec<ListedCommit>,
    seconds: Vec<i64>,
    n_unreadable: u64,
}

impl Graph {
    fn read(
        reader: &Reader,
        tips: &[ObjectId],
        known: &dyn Fn(&ObjectId) -> bool,
        cancel: &AtomicBool,
    ) -> Result<Graph, HistoryError> {
        let mut graph = Graph::default();
        let mut unreadable: HashSet<ObjectId> = HashSet::new();
        let mut pending: Vec<ObjectId> = tips.iter().rev().copied().collect();
        let mut n_steps = 0usize;
        while let Some(id) = pending.pop() {
            n_steps += 1;
            if n_steps.is_multiple_of(CANCEL_STEP) && cancel.load(Ordering::Relaxed) {
                return Err(HistoryError::Cancelled);
            }
            if graph.numbers.contains_key(&id) || unreadable.contains(&id) || known(&id) {
                continue;
            }
            let Ok(commit) = reader.commit(id) else {
                unreadable.insert(id);
                continue;
            };
            let number = graph.commits.len() as u32;
            if number >= COMMITS_MAX {
                return Err(HistoryError::TooMany { n_commits_max: COMMITS_MAX });
            }
            pending.extend(commit.parents.iter().rev());
            graph.numbers.insert(id, number);
            graph.seconds.push(commit.committer.seconds);
            graph.commits.push(ListedCommit { id, parents: commit.parents });
        }
        graph.n_unreadable = unreadable.len() as u64;
        Ok(graph)
    }

    /// Takes away, again and again, the youngest commit whose children are all gone (Kahn's algorithm).
    fn sorted(mut self) -> ListedHistory {
        let mut n_children = vec![0u32; self.commits.len()];
        for commit in &self.commits {
            for parent in commit.parents.iter().filter_map(|id| self.numbers.get(id)) {
                n_children[*parent as usize] += 1;
            }
        }
        // Of the same second, what was met first is younger.
        let key = |number: u32| (self.seconds[number as usize], std::cmp::Reverse(number));
        let free = (0..n_children.len() as u32).filter(|number| n_children[*number as usize] == 0);
        let mut free: BinaryHeap<_> = free.map(key).collect();
        let mut order = Vec::with_capacity(self.commits.len());
        while let Some((_, std::cmp::Reverse(number))) = free.pop() {
            order.push(number);
            for parent in self.commits[number as usize].parents.iter().filter_map(|id| self.numbers.get(id)) {
                n_children[*parent as usize] -= 1;
                if n_children[*parent as usize] == 0 {
                    free.push(key(*parent));
                }
            }
        }
        // What is left descends from itself, which only objects with forged ids can: it is as good as missing.
        let n_unreadable = self.n_unreadable + (self.commits.len() - order.len()) as u64;
        let take = |number: u32| {
            let empty = ListedCommit { id: ObjectId::NULL, parents: Vec::new() };
            std::mem::replace(&mut self.commits[number as usize], empty)
        };
        ListedHistory { commits: order.into_iter().rev().map(take).collect(), n_unreadable }
    }
}
