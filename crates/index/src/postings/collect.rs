//! Finds which grams stand in which blocks of a slice: a run of neighbouring blocks, some megabytes of text.
//!
//! One table with an entry per possible gram holds both the number given to the gram and the last block it was seen in,
//! so that each byte of text costs one load. What was seen is turned round by counting, not by sorting.

use ngram::{Bigram, Gram, Window, for_each_window};

/// The grams of a slice, ascending, each with its blocks, ascending, counted from the slice's first block.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lists {
    pub(crate) keys: Vec<u32>,
    /// Where each key's blocks end in `blocks`.
    pub(crate) ends: Vec<u32>,
    pub(crate) blocks: Vec<u16>,
}

/// What one slice holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SliceGrams {
    pub(crate) grams: Lists,
    pub(crate) bigrams: Lists,
}

/// Tables that are kept from slice to slice.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    grams: Table,
    bigrams: Table,
    scratch: Vec<u8>,
}

/// Slices with less text than this are sorted: touching the table's pages would cost more.
const TABLE_TEXT_MIN: usize = 64 << 10;
/// Most blocks in a slice: block numbers take 12 bits of an entry, and 0 is taken.
pub(crate) const SLICE_BLOCKS_MAX: usize = (1 << BLOCK_BITS) - 1;
const BLOCK_BITS: u32 = 12;
/// Most different grams in a slice that goes through the table. Source code has a tenth of it.
const TABLE_KEYS_MAX: usize = 1 << (32 - BLOCK_BITS);

impl Collector {
    /// Collects the grams of `text`, cut into blocks that end at `block_ends`.
    pub(crate) fn collect(&mut self, text: &[u8], block_ends: &[u32]) -> SliceGrams {
        debug_assert!(block_ends.len() <= SLICE_BLOCKS_MAX);
        if text.len() < TABLE_TEXT_MIN {
            return self.collect_by_sorting(text, block_ends);
        }
        match self.collect_by_table(text, block_ends) {
            Some(grams) => grams,
            None => self.collect_by_sorting(text, block_ends),
        }
    }

    /// `None` where the slice has more different grams than the table can number.
    fn collect_by_table(&mut self, text: &[u8], block_ends: &[u32]) -> Option<SliceGrams> {
        self.grams.begin(Gram::N_KEYS);
        self.bigrams.begin(Bigram::N_KEYS);
        let mut start = 0;
        for (block, end) in block_ends.iter().enumerate() {
            let stamp = block as u32 + 1;
            let (grams, bigrams) = (&mut self.grams, &mut self.bigrams);
            for_each_window(&text[start..*end as usize], &mut self.scratch, |window| {
                if grams.is_new(window.key(), stamp) {
                    note(window, stamp, grams, bigrams);
                }
            });
            self.grams.end_block();
            self.bigrams.end_block();
            start = *end as usize;
        }
        let grams = self.grams.turn_round(|key| Window::from_key(key).gram().is_some());
        let bigrams = self.bigrams.turn_round(|_| true);
        Some(SliceGrams { grams: grams?, bigrams: bigrams? })
    }

    fn collect_by_sorting(&mut self, text: &[u8], block_ends: &[u32]) -> SliceGrams {
        let mut seen = vec![0u64; Gram::N_KEYS / 64];
        let (mut grams, mut bigrams, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        let mut start = 0;
        for (block, end) in block_ends.iter().enumerate() {
            for_each_window(&text[start..*end as usize], &mut self.scratch, |window| {
                let (word, bit) = (&mut seen[window.key() as usize / 64], 1 << (window.key() % 64));
                if *word & bit == 0 {
                    *word |= bit;
                    keys.push(window);
                }
            });
            let pair = |key: u32| u64::from(key) << 32 | block as u64;
            grams.extend(keys.iter().filter_map(|window| window.gram()).map(|gram| pair(gram.key())));
            bigrams.extend(keys.iter().filter_map(|window| window.bigram()).map(|bigram| pair(bigram.key())));
            keys.drain(..).for_each(|window| seen[window.key() as usize / 64] = 0);
            start = *end as usize;
        }
        SliceGrams { grams: lists_of_pairs(grams), bigrams: lists_of_pairs(bigrams) }
    }
}

/// Takes a window that is new to its block: about one byte in four, so this is kept out of the loop over bytes.
#[inline(never)]
fn note(window: Window, stamp: u32, grams: &mut Table, bigrams: &mut Table) {
    grams.push(window.key(), stamp);
    if let Some(bigram) = window.bigram()
        && bigrams.is_new(bigram.key(), stamp)
    {
        bigrams.push(bigram.key(), stamp);
    }
}

/// Lists of pairs of a key (the upper 32 bits) and a block.
pub(crate) fn lists_of_pairs(mut pairs: Vec<u64>) -> Lists {
    pairs.sort_unstable();
    pairs.dedup();
    let mut lists = Lists::default();
    for pair in pairs {
        let key = (pair >> 32) as u32;
        lists.blocks.push(pair as u16);
        match lists.ends.last_mut() {
            Some(end) if lists.keys.last() == Some(&key) => *end += 1,
            _ => {
                lists.keys.push(key);
                lists.ends.push(lists.blocks.len() as u32);
            }
        }
    }
    lists
}

/// Numbers keys in the order they turn up and notes them block by block.
#[derive(Debug, Default)]
struct Table {
    /// By key: the key's number above [`BLOCK_BITS`] bits, and 1 + the last block it was seen in; 0 = never seen.
    entries: Vec<u32>,
    /// The keys by number.
    keys: Vec<u32>,
    /// How many blocks hold the key, by number.
    counts: Vec<u32>,
    /// The numbers of the keys of all blocks, block after block.
    seen: Vec<u32>,
    block_ends: Vec<u32>,
    has_overflowed: bool,
}

impl Table {
    fn begin(&mut self, n_keys: usize) {
        if self.entries.is_empty() {
            self.entries = vec![0; n_keys];
        }
        self.counts.clear();
        self.seen.clear();
        self.block_ends.clear();
        self.has_overflowed = false;
    }

    #[inline(always)]
    fn is_new(&self, key: u32, stamp: u32) -> bool {
        self.entries[key as usize] & ((1 << BLOCK_BITS) - 1) != stamp
    }

    #[inline(always)]
    fn push(&mut self, key: u32, stamp: u32) {
        let entry = &mut self.entries[key as usize];
        if *entry == 0 {
            if self.keys.len() == TABLE_KEYS_MAX {
                self.has_overflowed = true;
                return;
            }
            *entry = (self.keys.len() as u32) << BLOCK_BITS;
            self.keys.push(key);
            self.counts.push(0);
        }
        let number = *entry >> BLOCK_BITS;
        *entry = number << BLOCK_BITS | stamp;
        self.counts[number as usize] += 1;
        self.seen.push(number);
    }

    fn end_block(&mut self) {
        self.block_ends.push(self.seen.len() as u32);
    }

    /// Turns blocks of keys into keys of blocks, and makes the table ready for the next slice. Keys that are not wanted
    /// are left out.
    fn turn_round(&mut self, is_wanted: impl Fn(u32) -> bool) -> Option<Lists> {
        let mut order: Vec<u64> =
            self.keys.iter().enumerate().map(|(number, key)| u64::from(*key) << 32 | number as u64).collect();
        self.keys.drain(..).for_each(|key| self.entries[key as usize] = 0);
        if self.has_overflowed {
            return None;
        }
        order.sort_unstable();
        let mut lists = Lists::default();
        let mut n_blocks = 0;
        // From here on `counts` holds where each number's next block goes; unwanted keys share a spot past the end.
        for key_and_number in order {
            let (key, number) = ((key_and_number >> 32) as u32, key_and_number as u32 as usize);
            if is_wanted(key) {
                let start = n_blocks;
                n_blocks += self.counts[number];
                self.counts[number] = start;
                lists.keys.push(key);
                lists.ends.push(n_blocks);
            } else {
                self.counts[number] = u32::MAX;
            }
        }
        lists.blocks = vec![0; n_blocks as usize];
        let mut start = 0;
        for (block, end) in self.block_ends.iter().enumerate() {
            for number in &self.seen[start..*end as usize] {
                let next = &mut self.counts[*number as usize];
                if *next != u32::MAX {
                    lists.blocks[*next as usize] = block as u16;
                    *next += 1;
                }
            }
            start = *end as usize;
        }
        Some(lists)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Cuts a text after every third newline.
    fn cut(text: &[u8]) -> Vec<u32> {
        let newlines =
            text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at as u32 + 1);
        let mut ends: Vec<u32> = newlines.skip(2).step_by(3).collect();
        if ends.last() != Some(&(text.len() as u32)) {
            ends.push(text.len() as u32);
        }
        ends
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn table_and_sorting_agree(lines in prop::collection::vec("[a-eA-E_ é\u{212a}\r]{0,12}", 1..60)) {
            let text = lines.join("\n");
            let (text, ends) = (text.as_bytes(), cut(text.as_bytes()));
            let mut collector = Collector::default();
            let sorted = collector.collect_by_sorting(text, &ends);
            for _ in 0..2 {
                let by_table = collector.collect_by_table(text, &ends);
                prop_assert_eq!(by_table.as_ref(), Some(&sorted));
            }
        }
    }

    #[test]
    fn too_many_different_grams_are_sorted_instead() {
        let text: Vec<u8> = (0..1u32 << 20)
            .flat_map(|n| [128 | n as u8, 128 | (n >> 7) as u8, 128 | (n >> 14) as u8])
            .collect();
        let mut collector = Collector::default();
        let ends = [text.len() as u32 / 2, text.len() as u32];
        assert_eq!(collector.collect_by_table(&text, &ends), None);
        let grams = collector.collect(&text, &ends);
        assert!(grams.grams.keys.len() > TABLE_KEYS_MAX);
        let small = b"hello\nworld\n";
        let expected = Collector::default().collect_by_sorting(small, &[6, 12]);
        assert_eq!(collector.collect_by_table(small, &[6, 12]), Some(expected), "the table was left clean");
    }
}
