//! A set of blocks of one chunk.

/// A set of numbers below a fixed length: blocks of a chunk, counted from the chunk's first block (or groups of a ref
/// table). At most 2 KiB for a chunk. Sets that are combined must have the same length; bits past the shorter one count
/// as absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockBitmap {
    words: Vec<u64>,
    n_bits: u32,
}

impl BlockBitmap {
    /// The empty set of numbers below `n_bits`.
    pub fn empty(n_bits: u32) -> Self {
        BlockBitmap { words: vec![0; n_bits.div_ceil(64) as usize], n_bits }
    }

    /// The set of all numbers below `n_bits`.
    pub fn full(n_bits: u32) -> Self {
        let mut bitmap = BlockBitmap { words: vec![u64::MAX; n_bits.div_ceil(64) as usize], n_bits };
        bitmap.trim();
        bitmap
    }

    /// The length: all numbers in the set are below it.
    pub fn n_bits(&self) -> u32 {
        self.n_bits
    }

    /// Adds a number; one at or past the length is ignored.
    pub fn insert(&mut self, bit: u32) {
        if bit < self.n_bits {
            self.words[bit as usize / 64] |= 1 << (bit % 64);
        }
    }

    /// Adds every number of a range, cut to the length.
    pub fn insert_range(&mut self, range: std::ops::Range<u32>) {
        let (start, end) = (range.start, range.end.min(self.n_bits));
        if start >= end {
            return;
        }
        let (first, last) = (start as usize / 64, (end - 1) as usize / 64);
        let head = u64::MAX << (start % 64);
        let tail = u64::MAX >> (63 - (end - 1) % 64);
        if first == last {
            self.words[first] |= head & tail;
            return;
        }
        self.words[first] |= head;
        self.words[first + 1..last].fill(u64::MAX);
        self.words[last] |= tail;
    }

    /// Takes a number out.
    pub fn remove(&mut self, bit: u32) {
        if bit < self.n_bits {
            self.words[bit as usize / 64] &= !(1 << (bit % 64));
        }
    }

    /// Whether the number is in the set.
    pub fn contains(&self, bit: u32) -> bool {
        bit < self.n_bits && self.words[bit as usize / 64] >> (bit % 64) & 1 == 1
    }

    /// Whether any number of the range is in the set.
    pub fn intersects_range(&self, range: std::ops::Range<u32>) -> bool {
        self.first_at_or_after(range.start).is_some_and(|bit| bit < range.end)
    }

    /// The smallest member at or after `start`.
    pub fn first_at_or_after(&self, start: u32) -> Option<u32> {
        if start >= self.n_bits {
            return None;
        }
        let first = start as usize / 64;
        let head = self.words[first] & (u64::MAX << (start % 64));
        if head != 0 {
            return Some(first as u32 * 64 + head.trailing_zeros());
        }
        let later = self.words[first + 1..].iter().position(|word| *word != 0)? + first + 1;
        Some(later as u32 * 64 + self.words[later].trailing_zeros())
    }

    /// How many numbers are in the set.
    pub fn count(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The members, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(word_idx, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| word_idx as u32 * 64 + rest.trailing_zeros());
                rest &= rest.wrapping_sub(1);
                bit
            })
        })
    }

    /// Keeps what is in both.
    pub fn and(&mut self, other: &BlockBitmap) {
        let n_common = self.words.len().min(other.words.len());
        self.words.iter_mut().zip(&other.words).for_each(|(word, theirs)| *word &= theirs);
        self.words[n_common..].fill(0);
    }

    /// Adds what is in the other.
    pub fn or(&mut self, other: &BlockBitmap) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, theirs)| *word |= theirs);
        self.trim();
    }

    /// Takes out what is in the other.
    pub fn and_not(&mut self, other: &BlockBitmap) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, theirs)| *word &= !theirs);
    }

    /// Empties the set.
    pub fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Puts every number below the length into the set.
    pub fn fill(&mut self) {
        self.words.fill(u64::MAX);
        self.trim();
    }

    pub(crate) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    /// Clears the bits past the length in the last word.
    fn trim(&mut self) {
        let n_used = self.n_bits % 64;
        if let (Some(last), true) = (self.words.last_mut(), n_used != 0) {
            *last &= u64::MAX >> (64 - n_used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_members() {
        for (start, end) in [(0, 0), (0, 1), (3, 64), (63, 65), (60, 200), (0, 130), (129, 400)] {
            let mut bitmap = BlockBitmap::empty(130);
            bitmap.insert_range(start..end);
            let expected: Vec<u32> = (start..end.min(130)).collect();
            assert_eq!(bitmap.iter().collect::<Vec<_>>(), expected, "{start}..{end}");
            assert_eq!(bitmap.count() as usize, expected.len());
            assert_eq!(bitmap.first_at_or_after(0), expected.first().copied());
            assert_eq!(bitmap.is_empty(), expected.is_empty());
        }
        assert_eq!(BlockBitmap::full(130).count(), 130);
        assert_eq!(BlockBitmap::full(0).first_at_or_after(0), None);
    }

    #[test]
    fn sets_combine() {
        let of = |members: &[u32]| {
            let mut bitmap = BlockBitmap::empty(100);
            members.iter().for_each(|bit| bitmap.insert(*bit));
            bitmap
        };
        let (left, right) = (of(&[1, 64, 99, 100]), of(&[1, 2, 99]));
        let combined = |combine: fn(&mut BlockBitmap, &BlockBitmap)| {
            let mut bitmap = left.clone();
            combine(&mut bitmap, &right);
            bitmap.iter().collect::<Vec<_>>()
        };
        assert_eq!(combined(BlockBitmap::and), [1, 99]);
        assert_eq!(combined(BlockBitmap::or), [1, 2, 64, 99]);
        assert_eq!(combined(BlockBitmap::and_not), [64]);
        assert!(left.intersects_range(60..65) && !left.intersects_range(65..99));
    }
}
