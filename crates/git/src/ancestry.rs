//! How two commits are related: what each has that the other has not, and where they parted.
//!
//! Both are painted downwards by date, as `git merge-base` does, until nothing is left that only one of them reaches.

use crate::{IsOver, ObjectError, Reader};
use model::ObjectId;
use std::collections::{BinaryHeap, HashMap};

const ONE: u8 = 1;
const OTHER: u8 = 2;
/// Reached from a common one: neither news nor a merge base any more.
const STALE: u8 = 4;
const LISTED: u8 = 8;

/// How two commits are related.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ancestry {
    /// The best common ancestor, of several the one that was committed last; `None` where they share none.
    pub merge_base: Option<ObjectId>,
    /// What the first commit reaches and the second does not, newest first.
    pub only_one: Vec<ObjectId>,
    /// What the second commit reaches and the first does not, newest first.
    pub only_other: Vec<ObjectId>,
    /// Whether it ended before it was sure: then all of it is what was known by then.
    pub is_cut: bool,
}

/// Why two commits cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AncestryError {
    /// One of them cannot be read.
    #[error("the histories cannot be compared: {source}")]
    Start {
        /// What is wrong with it.
        #[from]
        source: ObjectError,
    },
}

struct Painted {
    flags: u8,
    seconds: i64,
    parents: Vec<ObjectId>,
}

struct Painter<'a> {
    reader: &'a Reader,
    painted: HashMap<ObjectId, Painted>,
    queue: BinaryHeap<(i64, ObjectId)>,
    /// How many in the queue are reached from one of them only, and how old the oldest commit is that ever was.
    n_fresh: usize,
    oldest_seconds: i64,
    bases: Vec<ObjectId>,
}

impl Reader {
    /// Compares the histories of two commits; looks at `n_commits_max` commits at most. Commits that cannot be read end a
    /// history.
    pub fn ancestry(
        &self,
        one: ObjectId,
        other: ObjectId,
        n_commits_max: usize,
        is_over: &IsOver<'_>,
    ) -> Result<Ancestry, AncestryError> {
        let mut painter = Painter {
            reader: self,
            painted: HashMap::new(),
            queue: BinaryHeap::new(),
            n_fresh: 0,
            oldest_seconds: i64::MAX,
            bases: Vec::new(),
        };
        painter.paint(one, ONE)?;
        painter.paint(other, OTHER)?;
        let is_cut = painter.run(n_commits_max, is_over);
        Ok(painter.told(is_cut))
    }
}

impl Painter<'_> {
    fn paint(&mut self, id: ObjectId, flags: u8) -> Result<(), ObjectError> {
        let painted = match self.painted.entry(id) {
            std::collections::hash_map::Entry::Occupied(entry) => {
                let painted = entry.into_mut();
                if painted.flags & flags == flags {
                    return Ok(());
                }
                if is_fresh(painted.flags) && painted.flags & LISTED != 0 {
                    self.n_fresh -= 1;
                }
                painted
            }
            std::collections::hash_map::Entry::Vacant(entry) => {
                let step = self.reader.step(id)?;
                entry.insert(Painted { flags: 0, seconds: step.seconds, parents: step.parents })
            }
        };
        let was_listed = painted.flags & LISTED != 0;
        painted.flags |= flags | LISTED;
        if is_fresh(painted.flags) {
            self.n_fresh += 1;
            self.oldest_seconds = self.oldest_seconds.min(painted.seconds);
        }
        if !was_listed {
            self.queue.push((painted.seconds, id));
        }
        Ok(())
    }

    /// Whether it ended before it was sure.
    fn run(&mut self, n_commits_max: usize, is_over: &IsOver<'_>) -> bool {
        let mut n_steps = 0usize;
        // Once all that waits is shared, what was taken for news may still turn out to be shared, by clocks that were
        // wrong: until what waits is older than all of it.
        while let Some((seconds, _)) = self.queue.peek()
            && (self.n_fresh > 0 || *seconds >= self.oldest_seconds)
        {
            let Some((_, id)) = self.queue.pop() else { break };
            n_steps += 1;
            if n_steps > n_commits_max || (n_steps.is_multiple_of(64) && is_over()) {
                return true;
            }
            let Some(painted) = self.painted.get_mut(&id) else { continue };
            if is_fresh(painted.flags) {
                self.n_fresh -= 1;
            }
            painted.flags &= !LISTED;
            let mut flags = painted.flags & (ONE | OTHER | STALE);
            let parents = painted.parents.clone();
            if flags == ONE | OTHER {
                if !self.bases.contains(&id) {
                    self.bases.push(id);
                }
                flags |= STALE;
            }
            for parent in parents {
                // A parent that is not here ends this line.
                self.paint(parent, flags).ok();
            }
        }
        false
    }

    fn told(self, is_cut: bool) -> Ancestry {
        let only = |flag: u8| {
            let of = |(id, painted): (&ObjectId, &Painted)| {
                (painted.flags & (ONE | OTHER) == flag).then_some((painted.seconds, *id))
            };
            let mut commits: Vec<_> = self.painted.iter().filter_map(of).collect();
            commits.sort_unstable_by(|a, b| b.cmp(a));
            commits.into_iter().map(|(_, id)| id).collect()
        };
        let is_base = |id: &&ObjectId| self.painted.get(id).is_some_and(|painted| painted.flags & STALE == 0);
        Ancestry {
            merge_base: self.bases.iter().find(is_base).copied(),
            only_one: only(ONE),
            only_other: only(OTHER),
            is_cut,
        }
    }
}

fn is_fresh(flags: u8) -> bool {
    flags & STALE == 0 && flags & (ONE | OTHER) != ONE | OTHER
}
