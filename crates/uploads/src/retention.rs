//! Which indexes stay: those that a branch or a tag needs, and those that are young.

use access::Timestamp;
use model::ObjectId;
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;
use store::PreciseIndex;

/// Commits of one branch that are looked at for the indexes on it.
const N_COMMITS_MAX: usize = 20_000;
/// Commits that are looked at for one repository. Beyond, everything is kept: nothing is removed on half a knowledge.
const N_STEPS_MAX: usize = 500_000;

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// Indexes that are younger stay, whatever they are of.
    pub young_for: Duration,
    /// So many indexes of each indexer and root stay on each branch: those nearest to its head.
    pub n_per_branch: usize,
}

impl Default for Keeping {
    fn default() -> Self {
        Keeping { young_for: Duration::from_secs(30 * 24 * 3600), n_per_branch: 2 }
    }
}

/// The branches and tags of a repository, and how its commits hang together.
pub struct Lineage<'a> {
    /// The heads of its branches.
    pub branches: Vec<ObjectId>,
    /// The commits of its tags.
    pub tags: HashSet<ObjectId>,
    /// The parents of a commit.
    pub parents: &'a dyn Fn(ObjectId) -> Vec<ObjectId>,
}

/// Those of one repository's indexes that go: old ones that no tag is on, and that are not among the nearest to the head of
/// any branch.
pub fn leaving<'i>(
    indexes: &'i [PreciseIndex],
    lineage: &Lineage<'_>,
    keeping: &Keeping,
    now: Timestamp,
) -> Vec<&'i PreciseIndex> {
    let oldest = now.minus(keeping.young_for);
    let is_old = |index: &&PreciseIndex| index.created_at < oldest && !lineage.tags.contains(&index.commit);
    let old: Vec<&PreciseIndex> = indexes.iter().filter(is_old).collect();
    if old.is_empty() {
        return old;
    }
    match on_branches(indexes, lineage, keeping.n_per_branch) {
        Some(kept) => old.into_iter().filter(|index| !kept.contains(&index.id)).collect(),
        None => Vec::new(),
    }
}

/// `None` where there is too much to look at.
fn on_branches(
    indexes: &[PreciseIndex],
    lineage: &Lineage<'_>,
    n_per_branch: usize,
) -> Option<HashSet<store::PreciseId>> {
    let mut at: HashMap<ObjectId, Vec<&PreciseIndex>> = HashMap::new();
    for index in indexes {
        at.entry(index.commit).or_default().push(index);
    }
    let n_kinds = indexes.iter().map(kind).collect::<HashSet<_>>().len();
    let mut kept = HashSet::new();
    let mut n_steps = 0;
    for head in lineage.branches.iter().collect::<HashSet<_>>() {
        let mut n_of: HashMap<(&str, &str), usize> = HashMap::new();
        let (mut seen, mut queue) = (HashSet::from([*head]), VecDeque::from([*head]));
        while let Some(commit) = queue.pop_front() {
            n_steps += 1;
            if n_steps > N_STEPS_MAX {
                return None;
            }
            for index in at.get(&commit).into_iter().flatten() {
                let n = n_of.entry(kind(index)).or_default();
                if *n < n_per_branch {
                    *n += 1;
                    kept.insert(index.id);
                }
            }
            let is_full = n_of.len() == n_kinds && n_of.values().all(|n| *n >= n_per_branch);
            if is_full || seen.len() >= N_COMMITS_MAX {
                break;
            }
            queue.extend((lineage.parents)(commit).into_iter().filter(|parent| seen.insert(*parent)));
        }
    }
    Some(kept)
}

fn kind(index: &PreciseIndex) -> (&str, &str) {
    (&index.indexer, &index.root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::RepoId;
    use store::{PreciseCounts, PreciseId, PreciseState};

    const DAY_MS: i64 = 24 * 3600 * 1000;

    fn commit(number: u8) -> ObjectId {
        ObjectId([number; 20])
    }

    fn index(id: u64, of: u8, root: &str, day: i64) -> PreciseIndex {
        PreciseIndex {
            id: PreciseId(id),
            repo: RepoId(1),
            commit: commit(of),
            root: root.into(),
            indexer: "scip-x".into(),
            indexer_version: String::new(),
            state: PreciseState::Ready,
            n_parts: 1,
            counts: PreciseCounts::default(),
            error: None,
            uploaded_by: None,
            created_at: Timestamp(day * DAY_MS),
            finished_at: None,
        }
    }

    /// Commits 1 ← 2 ← … ← 9 are the branch; 50 hangs on 4 and belongs to no branch.
    fn left(indexes: &[PreciseIndex], tags: &[u8], branches: &[u8], day: i64) -> Vec<u64> {
        let parents = |id: ObjectId| match id.0[0] {
            1 => vec![],
            50 => vec![commit(4)],
            number => vec![commit(number - 1)],
        };
        let lineage = Lineage {
            branches: branches.iter().copied().map(commit).collect(),
            tags: tags.iter().copied().map(commit).collect(),
            parents: &parents,
        };
        let leaving = leaving(indexes, &lineage, &Keeping::default(), Timestamp(day * DAY_MS));
        leaving.iter().map(|index| index.id.0).collect()
    }

    #[test]
    fn the_nearest_of_each_root_stay() {
        let indexes: Vec<_> = (2..=6)
            .map(|of| index(u64::from(of), of, "", 0))
            .chain([index(20, 2, "web", 0), index(50, 50, "", 0)])
            .collect();
        assert_eq!(left(&indexes, &[], &[9], 40), [2, 3, 4, 50]);
        assert_eq!(left(&indexes, &[3, 50], &[9], 40), [2, 4], "tags keep theirs");
        assert_eq!(left(&indexes, &[], &[9, 3], 40), [4, 50], "every branch has its own");
        assert!(left(&indexes, &[], &[9], 20).is_empty(), "young ones stay");
        assert_eq!(left(&indexes, &[], &[], 40).len(), indexes.len(), "without a branch all go");
    }
}
