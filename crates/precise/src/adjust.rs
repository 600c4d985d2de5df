//! Carries lines from one version of a file to another.

use std::ops::Range;

/// A run of differing lines between two versions of a file, counted from 0; either side may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// The lines of the older version.
    pub old: Range<u32>,
    /// The lines of the newer one.
    pub new: Range<u32>,
}

/// Where lines of one version of a file are in another. A line that was changed in between is nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineMap {
    /// Ascending, not overlapping.
    hunks: Vec<Hunk>,
}

impl LineMap {
    /// Of the same text on both sides.
    pub fn same() -> LineMap {
        LineMap::default()
    }

    /// Of two versions that differ in these hunks, ascending.
    pub fn new(hunks: Vec<Hunk>) -> LineMap {
        LineMap { hunks }
    }

    /// Where a line of the old version is in the new one.
    pub fn to_new(&self, line: u32) -> Option<u32> {
        carry(&self.hunks, line, |hunk| (&hunk.old, &hunk.new))
    }

    /// Where a line of the new version is in the old one.
    pub fn to_old(&self, line: u32) -> Option<u32> {
        carry(&self.hunks, line, |hunk| (&hunk.new, &hunk.old))
    }
}

fn carry(hunks: &[Hunk], line: u32, sides: fn(&Hunk) -> (&Range<u32>, &Range<u32>)) -> Option<u32> {
    let n_before = hunks.partition_point(|hunk| sides(hunk).0.end <= line);
    if hunks.get(n_before).is_some_and(|hunk| sides(hunk).0.contains(&line)) {
        return None;
    }
    let Some(last) = n_before.checked_sub(1).and_then(|idx| hunks.get(idx)) else { return Some(line) };
    let (from, to) = sides(last);
    line.checked_sub(from.end)?.checked_add(to.end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Two versions made of kept lines, removed and added ones, with what became of each.
    fn build(steps: &[u8]) -> (Vec<Hunk>, Vec<Option<u32>>, Vec<Option<u32>>) {
        let (mut hunks, mut to_new, mut to_old) = (Vec::<Hunk>::new(), Vec::new(), Vec::new());
        let mut is_open = false;
        for step in steps {
            let (old, new) = (to_new.len() as u32, to_old.len() as u32);
            match step {
                0 | 1 => {
                    to_new.push(Some(new));
                    to_old.push(Some(old));
                    is_open = false;
                    continue;
                }
                2 => to_new.push(None),
                _ => to_old.push(None),
            }
            if !is_open {
                hunks.push(Hunk { old: old..old, new: new..new });
                is_open = true;
            }
            if let Some(hunk) = hunks.last_mut() {
                *hunk = Hunk {
                    old: hunk.old.start..to_new.len() as u32,
                    new: hunk.new.start..to_old.len() as u32,
                };
            }
        }
        (hunks, to_new, to_old)
    }

    proptest! {
        #[test]
        fn lines_are_where_they_went(steps in proptest::collection::vec(0u8..4, 0..60)) {
            let (hunks, to_new, to_old) = build(&steps);
            let map = LineMap::new(hunks);
            for (line, expected) in to_new.iter().enumerate() {
                prop_assert_eq!(map.to_new(line as u32), *expected);
            }
            for (line, expected) in to_old.iter().enumerate() {
                prop_assert_eq!(map.to_old(line as u32), *expected);
            }
        }
    }
}
