//! Dictionaries: from a key to its posting list.
//!
//! Keys ascend in leaves of 64, each a sequence of variable-length integers that is read from its start; an index of
//! leaves (16 bytes each) is searched by halving. A look-up reads 32 entries on average; with the list's chunk directory it
//! took 0.5–5 µs on Linux 6.1 in 20 chunks, on a busy machine. A key takes 2–5 bytes with its inline blocks, so that a
//! small repository pays little. At Linux's size halving takes a dozen steps: a radix top above the leaf index would save
//! those and is left out.
//!
//! Section: `n_keys u32 · n_leaves u32 · leaf index · leaves`. Leaf index entry: `first key u32 · offset of the leaf
//! among the leaves u32 · offset of its first list in POSTINGS u64`. Entry: `key − key before (0 for the leaf's first) ·
//! number of blocks`, then for 1 or 2 blocks the first block and the distance to the second, and for more, where the
//! segment has several chunks, the bytes of its list. A number of blocks of 0 says that the key is too frequent to have
//! been kept: it may be anywhere.

use super::codec;
use crate::ReadError;
use crate::bytes::{Cursor, put_varint, u32_at, u64_at};
use std::cell::Cell;

/// Keys per leaf.
const LEAF_KEYS: usize = 64;
const LEAF_ENTRY_LEN: usize = 16;
/// For so many counts of blocks, from 0 on, the length of a list is worked out once.
const KNOWN_LENS: usize = 32;
/// Most blocks that are named in the dictionary itself.
pub(crate) const INLINE_MAX: u64 = 2;

/// What a dictionary knows of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No block holds it.
    Nowhere,
    /// It is too frequent to have been kept.
    Anywhere,
    /// One or two blocks hold it.
    Inline { first: u32, second: Option<u32> },
    /// Its list lies at this offset of POSTINGS. `len` is 0 where it follows from the count.
    List { n_blocks: u64, offset: u64, len: u64 },
}

/// Builds a dictionary; keys must ascend.
#[derive(Debug, Default)]
pub(crate) struct DictionaryWriter {
    leaf_index: Vec<u8>,
    leaves: Vec<u8>,
    n_keys: u32,
    last_key: u32,
}

impl DictionaryWriter {
    /// Adds a key. `list_at` is where in POSTINGS its list lies, or would lie; lists follow one another without gaps.
    pub(crate) fn add(&mut self, key: u32, found: Found, list_at: u64) {
        if (self.n_keys as usize).is_multiple_of(LEAF_KEYS) {
            self.leaf_index.extend(key.to_le_bytes());
            self.leaf_index.extend((self.leaves.len() as u32).to_le_bytes());
            self.leaf_index.extend(list_at.to_le_bytes());
            self.last_key = key;
        }
        put_varint(&mut self.leaves, u64::from(key - self.last_key));
        match found {
            Found::Nowhere | Found::Anywhere => put_varint(&mut self.leaves, 0),
            Found::Inline { first, second: None } => {
                put_varint(&mut self.leaves, 1);
                put_varint(&mut self.leaves, first.into());
            }
            Found::Inline { first, second: Some(second) } => {
                put_varint(&mut self.leaves, 2);
                put_varint(&mut self.leaves, first.into());
                put_varint(&mut self.leaves, u64::from(second - first));
            }
            Found::List { n_blocks, len, .. } => {
                put_varint(&mut self.leaves, n_blocks);
                if len > 0 {
                    put_varint(&mut self.leaves, len);
                }
            }
        }
        self.n_keys += 1;
        self.last_key = key;
    }

    /// The section's bytes.
    pub(crate) fn finish(self) -> Vec<u8> {
        let n_leaves = (self.leaf_index.len() / LEAF_ENTRY_LEN) as u32;
        let mut bytes = Vec::with_capacity(8 + self.leaf_index.len() + self.leaves.len());
        bytes.extend(self.n_keys.to_le_bytes());
        bytes.extend(n_leaves.to_le_bytes());
        bytes.extend(self.leaf_index);
        bytes.extend(self.leaves);
        bytes
    }
}

/// How many bytes a list takes, from how many blocks it has: in a segment of one chunk no lengths are written down. A leaf
/// of a small file has a few different counts, over and over, so that each is worked out once for all look-ups of a query.
#[derive(Debug)]
pub(crate) struct Lens {
    n_blocks: u32,
    /// By count; one more than the length, 0 where it was not asked for yet.
    known: [Cell<u64>; KNOWN_LENS],
}

impl Lens {
    /// For lists in a chunk of so many blocks, which is all there is.
    pub(crate) fn new(n_blocks: u32) -> Lens {
        Lens { n_blocks, known: [const { Cell::new(0) }; KNOWN_LENS] }
    }

    /// The bytes of a list of so many blocks.
    #[inline]
    pub(crate) fn of(&self, count: u64) -> u64 {
        let Some(known) = self.known.get(count as usize) else { return self.work_out(count) };
        if known.get() == 0 {
            known.set(self.work_out(count) + 1);
        }
        known.get() - 1
    }

    fn work_out(&self, count: u64) -> u64 {
        codec::encoded_len(count.min(u64::from(self.n_blocks)) as u32, self.n_blocks) as u64
    }
}

/// Looks a key up in a dictionary section. `lens` tells the bytes of a list from its number of blocks, where the
/// segment has one chunk; `None` where lengths are written down.
pub(crate) fn find(
    section: &[u8],
    name: &'static str,
    key: u32,
    lens: Option<&Lens>,
) -> Result<Found, ReadError> {
    let damaged = |what| ReadError::Damaged { section: name, what };
    let early = || damaged("it ends early");
    let n_keys = u32_at(section, 0).ok_or_else(early)? as usize;
    let n_leaves = u32_at(section, 4).ok_or_else(early)? as usize;
    if n_leaves != n_keys.div_ceil(LEAF_KEYS) {
        return Err(damaged("its leaves are not what its keys need"));
    }
    let leaf_index = section.get(8..8 + n_leaves * LEAF_ENTRY_LEN).ok_or_else(early)?;
    let first_key = |leaf: usize| u32_at(leaf_index, leaf * LEAF_ENTRY_LEN).unwrap_or(u32::MAX);
    let Some(leaf) = partition_point(n_leaves, |leaf| first_key(leaf) <= key).checked_sub(1) else {
        return Ok(Found::Nowhere);
    };
    let leaf_at = u32_at(leaf_index, leaf * LEAF_ENTRY_LEN + 4).ok_or_else(early)? as usize;
    let mut offset = u64_at(leaf_index, leaf * LEAF_ENTRY_LEN + 8).ok_or_else(early)?;
    let leaves = &section[8 + n_leaves * LEAF_ENTRY_LEN..];
    let mut cursor = Cursor::new(leaves.get(leaf_at..).ok_or_else(early)?, name);
    let mut at_key = u64::from(first_key(leaf));
    for _ in 0..LEAF_KEYS.min(n_keys - leaf * LEAF_KEYS) {
        at_key += cursor.varint()?;
        if at_key > u64::from(key) {
            break;
        }
        let found = read_entry(&mut cursor, offset, lens)?;
        if at_key == u64::from(key) {
            return Ok(found);
        }
        if let Found::List { len, .. } = found {
            offset = offset.saturating_add(len);
        }
    }
    Ok(Found::Nowhere)
}

/// How many keys a dictionary section has.
pub(crate) fn n_keys(section: &[u8], name: &'static str) -> Result<u32, ReadError> {
    u32_at(section, 0).ok_or(ReadError::Damaged { section: name, what: "it ends early" })
}

/// Calls `visit` with every key of a dictionary section, ascending.
pub(crate) fn for_each(
    section: &[u8],
    name: &'static str,
    lens: Option<&Lens>,
    visit: &mut dyn FnMut(u32, Found) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let early = || ReadError::Damaged { section: name, what: "it ends early" };
    let n_keys = u32_at(section, 0).ok_or_else(early)? as usize;
    let n_leaves = n_keys.div_ceil(LEAF_KEYS);
    let leaf_index = section.get(8..8 + n_leaves * LEAF_ENTRY_LEN).ok_or_else(early)?;
    let leaves = &section[8 + n_leaves * LEAF_ENTRY_LEN..];
    for (leaf, entry) in leaf_index.chunks_exact(LEAF_ENTRY_LEN).enumerate() {
        let mut key = u64::from(u32_at(entry, 0).ok_or_else(early)?);
        let leaf_at = u32_at(entry, 4).ok_or_else(early)? as usize;
        let mut offset = u64_at(entry, 8).ok_or_else(early)?;
        let mut cursor = Cursor::new(leaves.get(leaf_at..).ok_or_else(early)?, name);
        for _ in 0..LEAF_KEYS.min(n_keys - leaf * LEAF_KEYS) {
            key = key.saturating_add(cursor.varint()?);
            let found = read_entry(&mut cursor, offset, lens)?;
            let too_large = |_| ReadError::Damaged { section: name, what: "a key is longer than 32 bits" };
            visit(u32::try_from(key).map_err(too_large)?, found)?;
            if let Found::List { len, .. } = found {
                offset = offset.saturating_add(len);
            }
        }
    }
    Ok(())
}

#[inline]
fn read_entry(cursor: &mut Cursor<'_>, offset: u64, lens: Option<&Lens>) -> Result<Found, ReadError> {
    let n_blocks = cursor.varint()?;
    Ok(match n_blocks {
        0 => Found::Anywhere,
        1 => Found::Inline { first: cursor.varint32()?, second: None },
        2 => {
            let first = cursor.varint32()?;
            Found::Inline { first, second: Some(first.saturating_add(cursor.varint32()?)) }
        }
        _ => {
            let len = match lens {
                Some(lens) => lens.of(n_blocks),
                None => cursor.varint()?,
            };
            Found::List { n_blocks, offset, len }
        }
    })
}

/// The first of `n` for which the condition no longer holds.
fn partition_point(n: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_found_and_others_are_not() {
        let mut writer = DictionaryWriter::default();
        let mut offset = 0;
        let entry = |idx: u32, offset| match idx % 4 {
            0 => Found::Inline { first: idx, second: None },
            1 => Found::Inline { first: idx, second: Some(idx * 3) },
            2 => Found::Anywhere,
            _ => Found::List { n_blocks: u64::from(idx), offset, len: u64::from(idx) + 5 },
        };
        let mut expected = Vec::new();
        for idx in 0..1000 {
            let found = entry(idx, offset);
            writer.add(100 + idx * idx, found, offset);
            expected.push((100 + idx * idx, found));
            if let Found::List { len, .. } = found {
                offset += len;
            }
        }
        let bytes = writer.finish();
        for (key, found) in expected {
            assert_eq!(find(&bytes, "TEST", key, None), Ok(found));
            assert_eq!(find(&bytes, "TEST", key + 2, None), Ok(Found::Nowhere), "{key}");
        }
        assert_eq!(find(&bytes, "TEST", 0, None), Ok(Found::Nowhere));
        assert_eq!(find(&DictionaryWriter::default().finish(), "TEST", 7, None), Ok(Found::Nowhere));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..300), key in any::<u32>()) {
            let mut section = [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].to_vec();
            section.extend(bytes);
            let _ = find(&section, "TEST", key, None);
        }
    }
}
