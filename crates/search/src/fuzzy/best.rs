//! The score of the best alignment and nothing else: two rows instead of a matrix, each only as long as an alignment may reach.

use super::{
    AT_COMPONENT, AT_HUMP, AT_WORD, GAP_ON, GAP_START, IN_LAST, IN_RUN, MATCH, NONE, Part, SAME_CASE,
    is_inner, weight_at,
};
use std::ops::Range;

/// What the first byte of a part is worth at most: it begins the last component.
const FIRST_MAX: i32 = MATCH + SAME_CASE + 2 * (AT_COMPONENT + IN_LAST);
/// What another one is worth at most. The place that begins the last component is worth more to it, and then less by more to the first.
const OTHER_MAX: i32 = MATCH + SAME_CASE + AT_WORD + IN_LAST;
/// What a small letter is worth at most that follows a letter or a digit: in a run nothing divides the two; a hump has another case.
const LETTER_MAX: i32 = MATCH + SAME_CASE + IN_RUN;

const _: () = assert!(LETTER_MAX >= MATCH + AT_HUMP + IN_LAST && LETTER_MAX > OTHER_MAX + GAP_START);

/// The reusable memory of a score.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// For each byte of the part, between which places of the candidate it may stand.
    ranges: Vec<Range<usize>>,
    before: Vec<i32>,
    own: Vec<i32>,
}

impl Part {
    /// No score of an alignment is higher.
    pub(super) fn alignment_max(&self) -> i32 {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric();
        let rest = self.bytes.windows(2).map(|pair| match is_word(pair[0]) && pair[1].is_ascii_lowercase() {
            true => LETTER_MAX,
            false => OTHER_MAX,
        });
        FIRST_MAX + rest.sum::<i32>()
    }

    /// The score of the best alignment with a candidate that it is a subsequence of: as [`Part::align`], of which it needs a fraction.
    pub(super) fn best(&self, candidate: &[u8], last_start: usize, rows: &mut Rows) -> Option<i32> {
        self.reach(candidate, &mut rows.ranges)?;
        let n = candidate.len();
        rows.before.resize(n.max(rows.before.len()), NONE);
        rows.own.resize(n.max(rows.own.len()), NONE);
        let mut best = NONE;
        for (row, byte) in self.bytes.iter().enumerate() {
            let range = rows.ranges[row].clone();
            let from = if row == 0 { range.start } else { rows.ranges[row - 1].start + 1 };
            let next = rows.ranges.get(row + 1).map_or(range.end, |next| next.end);
            let mut gapped = NONE;
            best = NONE;
            for at in from..range.end {
                let after_gap = gapped;
                if row > 0 {
                    gapped = (gapped + GAP_ON).max(rows.before[at - 1] + GAP_START);
                }
                rows.own[at] = NONE;
                if at < range.start || !self.is_same(*byte, candidate[at]) {
                    continue;
                }
                let bonus = weight_at(candidate, at, last_start);
                let worth = MATCH + SAME_CASE * i32::from(*byte == candidate[at]);
                let score = match row {
                    0 => worth + bonus * 2,
                    _ => {
                        let in_run = rows.before[at - 1] + worth + bonus.max(IN_RUN);
                        let scattered = if is_inner(*byte) { NONE } else { after_gap + worth + bonus };
                        in_run.max(scattered).max(NONE)
                    }
                };
                rows.own[at] = score;
                best = best.max(score);
            }
            // What the next row reads beyond this one's places.
            rows.own[range.end..next.max(range.end)].fill(NONE);
            std::mem::swap(&mut rows.before, &mut rows.own);
        }
        (best > NONE / 2).then_some(best)
    }

    /// Between which places each byte may stand: from both ends as near as can be.
    fn reach(&self, candidate: &[u8], ranges: &mut Vec<Range<usize>>) -> Option<()> {
        ranges.clear();
        let mut from = 0;
        for byte in &self.bytes {
            let at = from + candidate[from..].iter().position(|other| self.is_same(*byte, *other))?;
            ranges.push(at..at + 1);
            from = at + 1;
        }
        let mut end = candidate.len();
        for (byte, range) in self.bytes.iter().zip(ranges.iter_mut()).rev() {
            let at = candidate[..end].iter().rposition(|other| self.is_same(*byte, *other))?;
            range.end = at + 1;
            end = at;
        }
        Some(())
    }
}
