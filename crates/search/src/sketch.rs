//! Which repositories cannot hold what a query asks for, 64 at a time.
//!
//! A repository's **sketch** is a set of bits: every gram of its texts and paths, in all its revisions, sets the two that
//! it hashes to (a Bloom filter). Sketches of one size stand side by side, each in a column of its own, so that one word tells which of 64
//! repositories may hold a gram (the bit-sliced signatures of BitFunnel, Goodwin et al., 2017).
//!
//! A sketch is a function of its repository alone. It may say that a gram is there which is not, never the opposite.

use crate::RepoIndex;
use index::ReadError;
use ngram::GramQuery;
use std::sync::Arc;

/// A sketch has at least so many bits for ten grams: at 28, one gram in five that is not there seems to be, and a word has
/// several.
const BITS_PER_TEN_GRAMS: usize = 28;
/// The bits of the smallest sketch.
const BITS_MIN: usize = 1 << 10;
/// The bits of the largest, 32 KiB. A repository that needs more is not sketched: so much text holds most grams that are
/// asked for, and looking into its index costs little beside searching it.
const BITS_MAX: usize = 1 << 18;
/// Grams are told apart whenever so many have come together.
const KEYS_AT_ONCE: usize = 1 << 20;

/// The bits of one repository.
#[derive(Debug)]
pub(crate) struct Sketch {
    bits: Vec<u64>,
    n_bits: usize,
}

/// The sketches of a catalog. Cheap to clone; what is changed in a clone leaves the other as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sketches {
    groups: Vec<Arc<Group>>,
}

/// Up to 64 sketches of one size: a word for each of their bits. Without words where there is none.
#[derive(Clone, Debug, Default)]
struct Group {
    rows: Vec<u64>,
}

/// Where a repository's sketch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) group: u32,
    column: u8,
}

impl Slot {
    /// The repository in a word of its group.
    pub(crate) fn bit(self) -> u64 {
        1 << self.column
    }
}

impl Sketch {
    /// Reads the grams of a repository. `None` where there are too many of them.
    pub(crate) fn of(repo: &RepoIndex) -> Result<Option<Sketch>, ReadError> {
        let n_keys_max = BITS_MAX * 10 / BITS_PER_TEN_GRAMS;
        for segment in &repo.segments {
            if segment.n_grams()? as usize > n_keys_max {
                return Ok(None);
            }
        }
        let mut keys: Vec<u32> = Vec::new();
        for segment in &repo.segments {
            segment.for_each_gram(&mut |key| keys.push(key))?;
            settle(&mut keys);
        }
        let mut scratch = Vec::new();
        repo.ref_table.for_each_doc(&mut |_, path, _| {
            let mut add = |window: ngram::Window| keys.extend(window.gram().map(ngram::Gram::key));
            ngram::for_each_window(path, &mut scratch, &mut add);
            if keys.len() >= KEYS_AT_ONCE {
                settle(&mut keys);
            }
            keys.len() < KEYS_AT_ONCE
        })?;
        settle(&mut keys);
        Ok(Sketch::of_keys(&keys))
    }

    /// A sketch of different grams.
    fn of_keys(keys: &[u32]) -> Option<Sketch> {
        let n_bits = n_bits_for(keys.len())?;
        let mut bits = vec![0; n_bits.div_ceil(64)];
        for at in keys.iter().flat_map(|key| places_of(*key, n_bits)) {
            bits[at / 64] |= 1 << (at % 64);
        }
        Some(Sketch { bits, n_bits })
    }

    fn has(&self, at: usize) -> bool {
        self.bits[at / 64] >> (at % 64) & 1 == 1
    }
}

fn settle(keys: &mut Vec<u32>) {
    keys.sort_unstable();
    keys.dedup();
}

/// The size of a sketch of so many grams: few different sizes, so that groups are full.
fn n_bits_for(n_grams: usize) -> Option<usize> {
    let n_bits_min = n_grams.checked_mul(BITS_PER_TEN_GRAMS)?.div_ceil(10);
    let mut n_bits = BITS_MIN;
    while n_bits < BITS_MAX {
        for n_bits in [n_bits, n_bits / 2 * 3] {
            if n_bits_min <= n_bits {
                return Some(n_bits);
            }
        }
        n_bits *= 2;
    }
    (n_bits_min <= n_bits).then_some(n_bits)
}

/// The bits of a gram.
#[inline]
fn places_of(key: u32, n_bits: usize) -> [usize; 2] {
    let mixed = (u64::from(key) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let place = |half: u64| (((half & 0xffff_ffff) * n_bits as u64) >> 32) as usize;
    [place(mixed >> 32), place(mixed ^ (mixed >> 29))]
}

impl Sketches {
    /// Puts a sketch into a column that is free. `used` holds for each group the columns that are taken, and is kept up to
    /// date.
    pub(crate) fn insert(&mut self, sketch: &Sketch, used: &mut Vec<u64>) -> Slot {
        used.resize(self.groups.len(), 0);
        let has_room =
            |(group, used): (&Arc<Group>, &u64)| group.rows.len() == sketch.n_bits && *used != u64::MAX;
        let at = self.groups.iter().zip(used.iter()).position(has_room);
        let at = at.or_else(|| used.iter().position(|used| *used == 0)).unwrap_or_else(|| {
            self.groups.push(Arc::default());
            used.push(0);
            self.groups.len() - 1
        });
        let column = used[at].trailing_ones() as u8;
        let bit = 1 << column;
        used[at] |= bit;
        let group = Arc::make_mut(&mut self.groups[at]);
        if group.rows.len() != sketch.n_bits {
            group.rows = vec![0; sketch.n_bits];
        }
        for (row, word) in group.rows.iter_mut().enumerate() {
            *word = *word & !bit | if sketch.has(row) { bit } else { 0 };
        }
        Slot { group: at as u32, column }
    }

    /// Lets go of groups in which nothing stands.
    pub(crate) fn tidy(&mut self, used: &[u64]) {
        for (group, used) in self.groups.iter_mut().zip(used) {
            if *used == 0 && !group.rows.is_empty() {
                *group = Arc::default();
            }
        }
    }

    /// How many groups there are.
    pub(crate) fn n_groups(&self) -> usize {
        self.groups.len()
    }

    /// How many bytes they take.
    #[cfg(test)]
    pub(crate) fn n_bytes(&self) -> usize {
        self.groups.iter().map(|group| group.rows.len() * size_of::<u64>()).sum()
    }

    /// Those of a group's repositories that may have a text or a path that satisfies the query. Nothing is said of others
    /// than those of `asked`.
    pub(crate) fn holding(&self, group: u32, query: &GramQuery, asked: u64) -> u64 {
        match self.groups.get(group as usize).map(|group| &group.rows[..]) {
            Some(rows) if !rows.is_empty() => holding(rows, query, asked),
            _ => asked,
        }
    }
}

fn holding(rows: &[u64], query: &GramQuery, asked: u64) -> u64 {
    match query {
        GramQuery::All => asked,
        GramQuery::None => 0,
        GramQuery::Gram(gram) => {
            let [first, second] = places_of(gram.key(), rows.len());
            asked & rows[first] & rows[second]
        }
        // There are few of them, and a text has most.
        GramQuery::Bigram(_) => asked,
        GramQuery::And(members) => members.iter().fold(asked, |left, member| match left {
            0 => 0,
            left => holding(rows, member, left),
        }),
        GramQuery::Or(members) => members.iter().fold(0, |found, member| match asked & !found {
            0 => found,
            left => found | holding(rows, member, left),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys_of(text: &str) -> Vec<u32> {
        let mut keys = Vec::new();
        ngram::for_each_window(text.as_bytes(), &mut Vec::new(), |window| {
            keys.extend(window.gram().map(ngram::Gram::key));
        });
        settle(&mut keys);
        keys
    }

    #[test]
    fn sizes_are_few_and_large_enough() {
        assert_eq!(n_bits_for(0), Some(1024));
        assert_eq!(n_bits_for(365), Some(1024));
        assert_eq!(n_bits_for(366), Some(1536));
        assert_eq!(n_bits_for(7_841), Some(24_576));
        assert_eq!(n_bits_for(93_622), Some(262_144));
        assert_eq!(n_bits_for(93_629), None);
        assert_eq!(n_bits_for(usize::MAX), None);
        for key in [0, 1, 0x00ff_ffff] {
            assert!(places_of(key, 1536).iter().all(|place| *place < 1536));
        }
    }

    #[test]
    fn columns_are_used_again_and_clones_stay_as_they_are() {
        let sketch = |text: &str| Sketch::of_keys(&keys_of(text)).expect("few grams");
        let (mut sketches, mut used) = (Sketches::default(), Vec::new());
        let slots: Vec<Slot> = (0..65).map(|_| sketches.insert(&sketch("kmalloc"), &mut used)).collect();
        assert_eq!((slots[63].group, slots[64].group, sketches.n_groups()), (0, 1, 2));
        let before = sketches.clone();
        used[0] &= !slots[7].bit();
        let slot = sketches.insert(&sketch("vmalloc"), &mut used);
        assert_eq!(slot, slots[7]);
        let query = GramQuery::literal(b"kmalloc");
        assert_eq!(sketches.holding(0, &query, u64::MAX), !slot.bit());
        assert_eq!(before.holding(0, &query, u64::MAX), u64::MAX);
        sketches.tidy(&[u64::MAX, 0]);
        let n_bytes = sketches.n_bytes();
        assert_eq!(n_bytes, 1024 * 8);
        // An empty group takes sketches of any size.
        used[1] = 0;
        let large = sketch(&(0..2000).map(|number| format!("{number} ")).collect::<String>());
        assert_eq!(sketches.insert(&large, &mut used).group, 1);
        assert!(sketches.n_bytes() > n_bytes);
    }

    /// That few absent grams seem to be there is what sketches are for.
    #[test]
    fn few_grams_seem_to_be_there() {
        for n_grams in [300, 5_000, 90_000] {
            let keys: Vec<u32> = (0..n_grams).map(|number| 0x61_0000 + number * 5).collect();
            let sketch = Sketch::of_keys(&keys).expect("not too many");
            let seems = |key: &u32| places_of(*key, sketch.n_bits).iter().all(|at| sketch.has(*at));
            assert!(keys.iter().all(seems));
            let n_seeming = (0..10_000).map(|number| 0x61_0001 + number * 5).filter(seems).count();
            assert!(n_seeming < 2_600, "{n_seeming} of 10,000 beside {n_grams}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_there_is_never_denied(
            texts in prop::collection::vec("[a-eA-E \u{212A}é]{0,60}", 1..100),
            patterns in prop::collection::vec("[a-e]{1,4}(\\|[a-e]{2,4}|\\.\\*[a-e]{3}|\\[ab\\][a-e]c|\\(abc\\|e\\)d)?", 1..8),
        ) {
            let (mut sketches, mut used) = (Sketches::default(), Vec::new());
            let sketches_of: Vec<(Slot, Vec<u32>)> = texts.iter().map(|text| {
                let keys = keys_of(text);
                (sketches.insert(&Sketch::of_keys(&keys).expect("few grams"), &mut used), keys)
            }).collect();
            for pattern in &patterns {
                let hir = regex_syntax::parse(pattern).expect("a valid pattern");
                let query = GramQuery::from_hir(&hir);
                for (slot, keys) in &sketches_of {
                    let has = |gram: ngram::Gram| keys.binary_search(&gram.key()).is_ok();
                    if query.holds(&has, &|_| true) {
                        prop_assert_eq!(sketches.holding(slot.group, &query, slot.bit()), slot.bit(), "{}", pattern);
                    }
                    prop_assert_eq!(sketches.holding(slot.group, &query, 0), 0, "nobody asked");
                }
            }
        }
    }
}
