//! Fuzzy matching: whether what somebody typed is a subsequence of a name or a path, and how good a match that is.
//!
//! The best alignment is found, not the first one: dynamic programming with affine gaps (Gotoh's variant of the
//! Smith-Waterman alignment), after a scan that throws out what is no match at all. A match is worth more in a run, at the
//! start of a word, of a component of the path or of a hump of camelCase, and in the last component than in folders.
//! Lower case matches any case; with a capital in it, what was typed is matched as it stands (smart case, ASCII).

mod best;

use best::Rows;
use index::Letters;
use memchr::{memchr, memchr2};
use model::ByteRange;

/// Longest text that is matched, in bytes; the rest is not looked at.
const NEEDLE_BYTES_MAX: usize = 64;
/// Most parts, divided by spaces.
const N_PARTS_MAX: usize = 8;
/// Of longer candidates the end is matched, in bytes: there the file's name stands.
const CANDIDATE_BYTES_MAX: usize = 512;

const MATCH: i32 = 16;
const GAP_START: i32 = -3;
const GAP_ON: i32 = -1;
const AT_COMPONENT: i32 = 10;
const AT_WORD: i32 = 8;
const AT_HUMP: i32 = 7;
const IN_RUN: i32 = 9;
const SAME_CASE: i32 = 1;
const IN_LAST: i32 = 3;
const LAST_BEGINS: i32 = 24;
const LAST_STEM: i32 = 24;
const LAST_WHOLE: i32 = 16;
/// No alignment ends here. Far from overflowing when gaps are taken off.
const NONE: i32 = i32::MIN / 2;

/// What somebody typed, made ready to be matched.
#[derive(Clone, Debug)]
pub struct Needle {
    parts: Vec<Part>,
    /// What the alignments of all parts score at most.
    alignments_max: i32,
}

/// What stands between two spaces: all parts must match, in any order.
#[derive(Clone, Debug)]
struct Part {
    bytes: Vec<u8>,
    is_exact_case: bool,
}

/// The reusable memory of a match. After the first candidates nothing is allocated.
#[derive(Debug, Default)]
pub struct FuzzyScratch {
    bonuses: Vec<i32>,
    /// By byte of the part, then of the candidate: the best score of an alignment that ends there.
    ends: Vec<i32>,
    rows: Rows,
}

impl Needle {
    /// Takes what was typed apart. Of more than 64 bytes, or eight parts, the rest is left out.
    pub fn new(typed: &str) -> Self {
        let typed = &typed[..typed.floor_char_boundary(NEEDLE_BYTES_MAX)];
        let part = |text: &str| Part {
            bytes: text.as_bytes().to_vec(),
            is_exact_case: text.bytes().any(|byte| byte.is_ascii_uppercase()),
        };
        let parts: Vec<Part> = typed.split_whitespace().take(N_PARTS_MAX).map(part).collect();
        let alignments_max = parts.iter().map(Part::alignment_max).sum();
        Needle { parts, alignments_max }
    }

    /// Whether nothing was typed. It matches nothing.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The longest part: what an index is asked for.
    pub(crate) fn longest(&self) -> &[u8] {
        self.parts.iter().map(|part| part.bytes.as_slice()).max_by_key(|part| part.len()).unwrap_or_default()
    }

    /// What no match can lack.
    pub(crate) fn letters(&self) -> Letters {
        self.parts.iter().fold(Letters::default(), |letters, part| letters.with(Letters::of(&part.bytes)))
    }

    /// How well a candidate matches; more is better. `None` where it does not.
    pub fn score(&self, candidate: &[u8], scratch: &mut FuzzyScratch) -> Option<i32> {
        self.score_where(candidate, scratch, |_| true)
    }

    /// Likewise, of those candidates alone for which `is_wanted` says that it is worth while. It is told a score that theirs does not
    /// pass, which costs a fraction of theirs: who looks for the best asks whether that would be among them.
    pub(crate) fn score_where(
        &self,
        candidate: &[u8],
        scratch: &mut FuzzyScratch,
        is_wanted: impl FnOnce(i32) -> bool,
    ) -> Option<i32> {
        let (_, candidate) = end_of(candidate);
        if self.is_empty() || !self.parts.iter().all(|part| part.is_in(candidate)) {
            return None;
        }
        let last = last_component(candidate);
        let of_last: i32 = self.parts.iter().map(|part| part.of_last(last)).sum();
        if !is_wanted(of_last + self.alignments_max) {
            return None;
        }
        let last_start = candidate.len() - last.len();
        let best = |part: &Part| part.best(candidate, last_start, &mut scratch.rows);
        Some(self.parts.iter().map(best).sum::<Option<i32>>()? + of_last)
    }

    /// The bytes that make the best match: ascending, apart from each other, whole characters. Empty where it does not match.
    pub fn ranges(&self, candidate: &[u8], scratch: &mut FuzzyScratch) -> Vec<ByteRange> {
        let (offset, candidate) = end_of(candidate);
        if !self.parts.iter().all(|part| part.is_in(candidate)) {
            return Vec::new();
        }
        scratch.weigh(candidate);
        let mut places: Vec<usize> = Vec::new();
        for part in &self.parts {
            if part.align(candidate, scratch).is_some() {
                part.trace(candidate.len(), scratch, &mut places);
            }
        }
        places.sort_unstable();
        places.dedup();
        let mut ranges: Vec<ByteRange> = Vec::new();
        for place in places {
            let place = place + offset;
            match ranges.last_mut() {
                Some(range) if range.end == place => range.end += 1,
                _ => ranges.push(place..place + 1),
            }
        }
        ranges
    }
}

impl Part {
    fn is_same(&self, own: u8, other: u8) -> bool {
        own == other || (!self.is_exact_case && own.eq_ignore_ascii_case(&other))
    }

    /// Whether it is a subsequence: the scan that most candidates end at.
    fn is_in(&self, candidate: &[u8]) -> bool {
        let mut rest = candidate;
        for byte in &self.bytes {
            let at = match byte.is_ascii_alphabetic() && !self.is_exact_case {
                true => memchr2(byte.to_ascii_lowercase(), byte.to_ascii_uppercase(), rest),
                false => memchr(*byte, rest),
            };
            let Some(at) = at else { return false };
            rest = &rest[at + 1..];
        }
        true
    }

    /// The score of the best alignment; what leads to it stays in `scratch.ends`.
    fn align(&self, candidate: &[u8], scratch: &mut FuzzyScratch) -> Option<i32> {
        let n = candidate.len();
        scratch.ends.clear();
        scratch.ends.resize(self.bytes.len() * n, NONE);
        // No alignment begins before the first byte that is found.
        let start = candidate.iter().position(|byte| self.is_same(self.bytes[0], *byte))?;
        for (row, byte) in self.bytes.iter().enumerate() {
            let (before, own) = scratch.ends.split_at_mut(row * n);
            let before = &before[row.saturating_sub(1) * n..];
            let mut gapped = NONE;
            for at in start + row..n {
                let after_gap = gapped;
                if row > 0 && at > 0 {
                    gapped = (gapped + GAP_ON).max(before[at - 1] + GAP_START);
                }
                if !self.is_same(*byte, candidate[at]) {
                    continue;
                }
                let bonus = scratch.bonuses[at];
                let worth = MATCH + SAME_CASE * i32::from(*byte == candidate[at]);
                own[at] = match row {
                    0 => worth + bonus * 2,
                    _ => {
                        let in_run = before[at - 1] + worth + bonus.max(IN_RUN);
                        // A character's further bytes belong to it.
                        let scattered = if is_inner(*byte) { NONE } else { after_gap + worth + bonus };
                        in_run.max(scattered).max(NONE)
                    }
                };
            }
        }
        let score = scratch.ends[(self.bytes.len() - 1) * n..].iter().copied().max()?;
        (score > NONE / 2).then_some(score)
    }

    /// Goes back from the best end to where each byte stands.
    fn trace(&self, n: usize, scratch: &FuzzyScratch, places: &mut Vec<usize>) {
        let row_of = |row: usize| &scratch.ends[row * n..(row + 1) * n];
        let mut row = self.bytes.len() - 1;
        let best = |row: &[i32]| row.iter().copied().enumerate().max_by_key(|(at, score)| (*score, *at));
        let Some((mut at, _)) = best(row_of(row)) else { return };
        places.push(at);
        while row > 0 {
            let before = &row_of(row - 1)[..at];
            let after_gap = |from: usize| before[from] + GAP_START + GAP_ON * (at - from - 2) as i32;
            let scattered = (0..at.saturating_sub(1)).max_by_key(|from| (after_gap(*from), *from));
            let bonus = scratch.bonuses[at];
            let in_run = before[at - 1] + (IN_RUN - bonus).max(0);
            let goes_on = is_inner(self.bytes[row]) || scattered.is_none_or(|from| after_gap(from) <= in_run);
            at = if goes_on { at - 1 } else { scattered.unwrap_or(at - 1) };
            places.push(at);
            row -= 1;
        }
    }

    /// What it is worth that the last component begins with it, or is it.
    fn of_last(&self, last: &[u8]) -> i32 {
        let begins = last.len() >= self.bytes.len()
            && self.bytes.iter().zip(last).all(|(own, other)| self.is_same(*own, *other));
        if !begins {
            return 0;
        }
        let rest = &last[self.bytes.len()..];
        let stem = if rest.is_empty() || rest[0] == b'.' { LAST_STEM } else { 0 };
        LAST_BEGINS + stem + if rest.is_empty() { LAST_WHOLE } else { 0 }
    }
}

impl FuzzyScratch {
    /// What a match at each byte is worth beside the match.
    fn weigh(&mut self, candidate: &[u8]) {
        let last_start = candidate.len() - last_component(candidate).len();
        self.bonuses.clear();
        self.bonuses.extend((0..candidate.len()).map(|at| weight_at(candidate, at, last_start)));
    }
}

/// What a match at a byte is worth beside the match, where the last component begins at `last_start`.
fn weight_at(candidate: &[u8], at: usize, last_start: usize) -> i32 {
    let before = at.checked_sub(1).map_or(b'/', |before| candidate[before]);
    let own = match (before, candidate[at]) {
        (b'/', _) => AT_COMPONENT,
        (b'_' | b'-' | b'.' | b' ' | b':' | b'@', _) => AT_WORD,
        (small, big) if big.is_ascii_uppercase() && !small.is_ascii_uppercase() => AT_HUMP,
        (other, digit) if digit.is_ascii_digit() && !other.is_ascii_digit() => AT_HUMP,
        _ => 0,
    };
    own + if at >= last_start { IN_LAST } else { 0 }
}

/// Whether it is a byte within a character (UTF-8, RFC 3629).
fn is_inner(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

fn end_of(candidate: &[u8]) -> (usize, &[u8]) {
    let mut start = candidate.len().saturating_sub(CANDIDATE_BYTES_MAX);
    while candidate.get(start).is_some_and(|byte| start > 0 && is_inner(*byte)) {
        start += 1;
    }
    (start, &candidate[start..])
}

fn last_component(candidate: &[u8]) -> &[u8] {
    memchr::memrchr(b'/', candidate).map_or(candidate, |at| &candidate[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::Range;

    fn score(typed: &str, candidate: &str) -> Option<i32> {
        Needle::new(typed).score(candidate.as_bytes(), &mut FuzzyScratch::default())
    }

    fn better(typed: &str, good: &str, bad: &str) {
        let (good_score, bad_score) = (score(typed, good), score(typed, bad));
        assert!(good_score > bad_score, "{typed}: {good} {good_score:?}, {bad} {bad_score:?}");
        assert!(bad_score.is_some(), "{typed}: {bad}");
    }

    #[test]
    fn what_people_mean_comes_first() {
        better("main", "src/main.rs", "src/domain.rs");
        better("main", "src/main.rs", "main/src/x.rs");
        better("main.rs", "src/main.rs", "src/main.rst");
        better("sched", "kernel/sched.c", "kernel/sched/core.c");
        better("fb", "foo_bar", "fooba");
        better("fb", "fooBar", "foobar");
        better("kc", "kernel/core.c", "kerncel.h");
        better("abc", "xabcx", "xaxbxcx");
        better("sc", "src/sc.rs", "src/c.rs");
        better("README", "README", "docs/READABLE_MEMO");
        better("core sched", "kernel/sched/core.c", "kernel/sched/corex.c");
    }

    #[test]
    fn capitals_ask_for_capitals() {
        assert!(score("foo", "FOO").is_some() && score("Foo", "foo").is_none());
        better("foo", "foo", "FOO");
        assert_eq!(score("", "foo"), None);
        assert_eq!(score("  ", "foo"), None);
        assert_eq!(score("fooo", "foo"), None);
    }

    #[test]
    fn matched_places_ascend_and_really_match() {
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        let letters = ["a", "b", "A", "B", "/", "_", ".", "é", "ö", "1"];
        let mut scratch = FuzzyScratch::default();
        let mut n_matches = 0;
        for _ in 0..20_000 {
            let text = |len: u64, next: &mut dyn FnMut(u64) -> u64| -> String {
                (0..len).map(|_| letters[next(letters.len() as u64) as usize]).collect()
            };
            let n_typed = next(4) + 1;
            let typed = text(n_typed, &mut next);
            let n_candidate = next(24);
            let candidate = text(n_candidate, &mut next);
            let needle = Needle::new(&typed);
            let ranges = needle.ranges(candidate.as_bytes(), &mut scratch);
            if needle.score(candidate.as_bytes(), &mut scratch).is_none() {
                continue;
            }
            n_matches += 1;
            let whole = |part: &Part, scratch: &mut FuzzyScratch| {
                scratch.weigh(candidate.as_bytes());
                let aligned = part.align(candidate.as_bytes(), scratch).expect("it matches");
                assert!(aligned <= part.alignment_max(), "{typed} {candidate} {aligned}");
                aligned + part.of_last(last_component(candidate.as_bytes()))
            };
            let whole: i32 = needle.parts.iter().map(|part| whole(part, &mut scratch)).sum();
            assert_eq!(needle.score(candidate.as_bytes(), &mut scratch), Some(whole), "{typed} {candidate}");
            assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start), "{typed} {candidate}");
            let marked: String = ranges.iter().map(|range| &candidate[range.clone()]).collect();
            let is_same = match typed.bytes().any(|byte| byte.is_ascii_uppercase()) {
                true => marked == typed,
                false => marked.eq_ignore_ascii_case(&typed),
            };
            assert!(is_same, "{typed} {candidate} {marked}");
        }
        assert!(n_matches > 1_000, "{n_matches}");
    }

    #[test]
    fn of_every_alignment_the_best_one_counts() {
        let mut scratch = FuzzyScratch::default();
        let ranges = |typed: &str, candidate: &str, scratch: &mut FuzzyScratch| {
            Needle::new(typed).ranges(candidate.as_bytes(), scratch)
        };
        assert_eq!(ranges("core", "c/o/r/core.c", &mut scratch), vec![Range { start: 6, end: 10 }]);
        assert_eq!(ranges("fb", "foobazFooBar", &mut scratch).first().map(|range| range.start), Some(0));
        let long = format!("{}/core.c", "x/".repeat(2_000));
        assert_eq!(ranges("core", &long, &mut scratch), vec![Range { start: 4_001, end: 4_005 }]);
        assert!(ranges("nothing", "core.c", &mut scratch).is_empty());
    }

    #[test]
    fn hostile_text_is_matched_in_bounds() {
        let mut scratch = FuzzyScratch::default();
        let typed = "é".repeat(10_000);
        let needle = Needle::new(&typed);
        assert!(needle.score("é".repeat(4_000).as_bytes(), &mut scratch).is_some());
        assert!(needle.score(&[0xc3; 4_000], &mut scratch).is_none());
        assert!(Needle::new("a b c d e f g h i j k").score(b"abcdefgh", &mut scratch).is_some());
        assert!(scratch.ends.capacity() <= 2 * NEEDLE_BYTES_MAX * CANDIDATE_BYTES_MAX);
    }
}
