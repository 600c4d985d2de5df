//! The uploaded commit nearest to the one that is asked about.

use model::ObjectId;
use std::collections::{HashMap, HashSet};

/// How far an index may be from the commit that is asked about.
pub const DISTANCE_MAX: u32 = 100;
/// Commits looked at from one end; merges make them more than the distance.
const COMMITS_MAX: usize = 4_000;

/// A commit that has an index, and how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// The commit.
    pub commit: ObjectId,
    /// Steps from child to parent in between, 0 for the same commit.
    pub distance: u32,
    /// Whether it lies before the asked one: an ancestor.
    pub is_before: bool,
}

/// Which of `uploaded` is nearest to `asked`: the same commit, else an ancestor or a descendant at most `distance_max` steps
/// away. Of two at the same distance the ancestor wins, then the one named first. `parents` reads a commit's parents.
pub fn nearest(
    asked: ObjectId,
    uploaded: &[ObjectId],
    parents: &mut dyn FnMut(ObjectId) -> Vec<ObjectId>,
    distance_max: u32,
) -> Option<Nearest> {
    if uploaded.contains(&asked) {
        return Some(Nearest { commit: asked, distance: 0, is_before: false });
    }
    let wanted: HashSet<ObjectId> = uploaded.iter().copied().collect();
    let mut known = HashMap::new();
    let mut parents_of =
        |id: ObjectId| -> Vec<ObjectId> { known.entry(id).or_insert_with(|| parents(id)).clone() };
    let mut best: Option<Nearest> = None;
    let back = walk(asked, &wanted, distance_max, &mut parents_of);
    if let Some((commit, distance)) = back {
        best = Some(Nearest { commit, distance, is_before: true });
    }
    let target: HashSet<ObjectId> = [asked].into();
    for commit in uploaded {
        let nearer = best.map_or(distance_max, |best| best.distance.saturating_sub(1));
        if nearer == 0 {
            break;
        }
        if let Some((_, distance)) = walk(*commit, &target, nearer, &mut parents_of) {
            best = Some(Nearest { commit: *commit, distance, is_before: false });
        }
    }
    best
}

/// Breadth first from a commit to the nearest of the targets.
fn walk(
    from: ObjectId,
    targets: &HashSet<ObjectId>,
    distance_max: u32,
    parents: &mut dyn FnMut(ObjectId) -> Vec<ObjectId>,
) -> Option<(ObjectId, u32)> {
    let mut seen: HashSet<ObjectId> = [from].into();
    let mut layer = vec![from];
    for distance in 1..=distance_max {
        let mut next = Vec::new();
        for commit in layer {
            for parent in parents(commit) {
                if targets.contains(&parent) {
                    return Some((parent, distance));
                }
                if seen.len() < COMMITS_MAX && seen.insert(parent) {
                    next.push(parent);
                }
            }
        }
        if next.is_empty() {
            return None;
        }
        layer = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> ObjectId {
        ObjectId([number; 20])
    }

    #[test]
    fn the_nearest_in_either_direction() {
        // 1 ← 2 ← 3 ← 5 (merge of 3 and 4), 2 ← 4, 5 ← 6
        let mut parents = |commit: ObjectId| match commit.0[0] {
            2 => vec![id(1)],
            3 | 4 => vec![id(2)],
            5 => vec![id(3), id(4)],
            6 => vec![id(5)],
            _ => Vec::new(),
        };
        let mut check = |asked: u8, uploaded: &[u8], most: u32, expected: Option<(u8, u32)>| {
            let uploaded: Vec<_> = uploaded.iter().copied().map(id).collect();
            let found = nearest(id(asked), &uploaded, &mut parents, most);
            assert_eq!(found.map(|near| (near.commit.0[0], near.distance)), expected, "{asked} {uploaded:?}");
        };
        check(3, &[1, 3], 100, Some((3, 0)));
        check(3, &[1, 5], 100, Some((5, 1)));
        check(3, &[2, 5], 100, Some((2, 1)));
        check(4, &[3], 100, None);
        check(1, &[6], 100, Some((6, 4)));
        check(1, &[6], 3, None);
        check(6, &[4], 100, Some((4, 2)));
        check(6, &[], 100, None);
    }
}
