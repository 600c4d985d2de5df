//! One posting list within one chunk: an ascending set of numbers below the chunk's number of blocks.
//!
//! How it is stored follows from how many there are (`count`) of how many (`universe`), so nothing else is written down:
//! all of them take no bytes; else Elias–Fano or a bitmap, whichever is smaller.

use super::CHUNK_BLOCKS_MAX;
use crate::bytes::u64_at;

/// How a list is stored, and in how many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Full,
    Bitmap { len: usize },
    EliasFano { n_low_bits: u32, high_len: usize, low_len: usize },
}

fn shape(count: u32, universe: u32) -> Shape {
    if count >= universe {
        return Shape::Full;
    }
    let n_low_bits = universe.checked_div(count).and_then(u32::checked_ilog2).unwrap_or(0);
    let high_len = (count + ((universe - 1) >> n_low_bits)).div_ceil(8) as usize;
    let low_len = (count * n_low_bits).div_ceil(8) as usize;
    let bitmap_len = universe.div_ceil(8) as usize;
    if high_len + low_len < bitmap_len {
        Shape::EliasFano { n_low_bits, high_len, low_len }
    } else {
        Shape::Bitmap { len: bitmap_len }
    }
}

/// How many bytes a list takes. At most 2 KiB.
pub(crate) fn encoded_len(count: u32, universe: u32) -> usize {
    match shape(count, universe) {
        Shape::Full => 0,
        Shape::Bitmap { len } => len,
        Shape::EliasFano { high_len, low_len, .. } => high_len + low_len,
    }
}

/// Appends a list: ascending, without repetition, each below `universe`.
pub(crate) fn encode(blocks: &[u16], universe: u32, bytes: &mut Vec<u8>) {
    let start = bytes.len();
    let count = blocks.len() as u32;
    bytes.resize(start + encoded_len(count, universe), 0);
    let out = &mut bytes[start..];
    match shape(count, universe) {
        Shape::Full => {}
        Shape::Bitmap { .. } => blocks.iter().for_each(|block| out[*block as usize / 8] |= 1 << (block % 8)),
        Shape::EliasFano { n_low_bits, high_len, .. } => {
            let (high, low) = out.split_at_mut(high_len);
            let (mut pending, mut n_pending, mut at) = (0u64, 0, 0);
            for (idx, block) in blocks.iter().enumerate() {
                let position = (*block as usize >> n_low_bits) + idx;
                high[position / 8] |= 1 << (position % 8);
                pending |= (u64::from(*block) & ((1 << n_low_bits) - 1)) << n_pending;
                n_pending += n_low_bits;
                while n_pending >= 8 {
                    low[at] = pending as u8;
                    (pending, n_pending, at) = (pending >> 8, n_pending - 8, at + 1);
                }
            }
            if n_pending > 0 {
                low[at] = pending as u8;
            }
        }
    }
}

/// Adds the list to the set in `words`, which has a bit for every block of the chunk. `None` if the bytes cannot be such a
/// list; the set is then of no use.
pub(crate) fn decode_into(bytes: &[u8], count: u32, universe: u32, words: &mut [u64]) -> Option<()> {
    if count > universe || universe > CHUNK_BLOCKS_MAX || words.len() < universe.div_ceil(64) as usize {
        return None;
    }
    match shape(count, universe) {
        Shape::Full => fill(words, universe),
        Shape::Bitmap { len } => {
            let bytes = bytes.get(..len)?;
            let mut chunks = bytes.chunks_exact(8);
            let mut words = words.iter_mut();
            for (chunk, word) in chunks.by_ref().zip(words.by_ref()) {
                *word |= u64::from_le_bytes(*chunk.first_chunk()?);
            }
            if let (rest @ [_, ..], Some(word)) = (chunks.remainder(), words.next()) {
                *word |= partial_word(rest);
            }
        }
        Shape::EliasFano { n_low_bits, high_len, low_len } => {
            let bytes = bytes.get(..high_len + low_len)?;
            return decode_elias_fano(bytes, high_len, n_low_bits, count, universe, words);
        }
    }
    Some(())
}

/// The numbers of a list of at most a few, as when two lists are joined into an inline one.
pub(crate) fn decode_few(bytes: &[u8], count: u32, universe: u32) -> Option<Vec<u32>> {
    let mut words = vec![0; universe.div_ceil(64) as usize];
    decode_into(bytes, count, universe, &mut words)?;
    let members = words.iter().enumerate().flat_map(|(idx, word)| {
        (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| idx as u32 * 64 + bit)
    });
    Some(members.collect())
}

fn decode_elias_fano(
    bytes: &[u8],
    high_len: usize,
    n_low_bits: u32,
    count: u32,
    universe: u32,
    words: &mut [u64],
) -> Option<()> {
    // Padded, so that the low bits of every value can be loaded as one word.
    let mut low = [0u8; MAX_LOW_LEN + 8];
    let low_bytes = &bytes[high_len..];
    low.get_mut(..low_bytes.len())?.copy_from_slice(low_bytes);
    let low_mask = (1u64 << n_low_bits) - 1;
    let (mut n_found, mut low_at, mut base) = (0, 0usize, 0u32);
    for chunk in bytes[..high_len].chunks(8) {
        let mut word =
            chunk.first_chunk().map_or_else(|| partial_word(chunk), |bytes| u64::from_le_bytes(*bytes));
        while word != 0 {
            // Position minus how many came before is the high part.
            let high = base + word.trailing_zeros() - n_found;
            let low_value = u64_at(&low, low_at / 8)? >> (low_at % 8) & low_mask;
            let value = high << n_low_bits | low_value as u32;
            if value >= universe {
                return None;
            }
            words[value as usize / 64] |= 1 << (value % 64);
            low_at += n_low_bits as usize;
            n_found += 1;
            word &= word - 1;
        }
        base += 64;
        if n_found > count {
            return None;
        }
    }
    (n_found == count).then_some(())
}

/// Upper bound of the bytes of low bits: Elias–Fano is chosen only where it is smaller than a bitmap.
const MAX_LOW_LEN: usize = CHUNK_BLOCKS_MAX as usize / 8 + 64;

fn partial_word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

fn fill(words: &mut [u64], n_bits: u32) {
    let n_whole = n_bits as usize / 64;
    words[..n_whole].fill(u64::MAX);
    if !n_bits.is_multiple_of(64) {
        words[n_whole] |= u64::MAX >> (64 - n_bits % 64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn lists_come_back(universe in 1u32..=CHUNK_BLOCKS_MAX, share in 0u32..=1000, seed in any::<u64>()) {
            let chosen = |block: &u16| (u64::from(*block) + 1).wrapping_mul(seed | 1).rotate_left(17) % 1000 < u64::from(share);
            let mut blocks: Vec<u16> = (0..universe as u16).filter(chosen).collect();
            if blocks.is_empty() {
                blocks.push((seed % u64::from(universe)) as u16);
            }
            let mut bytes = Vec::new();
            encode(&blocks, universe, &mut bytes);
            prop_assert_eq!(bytes.len(), encoded_len(blocks.len() as u32, universe));
            let decoded = decode_few(&bytes, blocks.len() as u32, universe);
            prop_assert_eq!(decoded, Some(blocks.iter().map(|block| u32::from(*block)).collect()));
        }

        #[test]
        fn altered_lists_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..3000), count in 0u32..20_000, universe in 0u32..20_000) {
            if let Some(blocks) = decode_few(&bytes, count, universe) {
                prop_assert!(blocks.iter().all(|block| *block < universe.next_multiple_of(8)));
                prop_assert_eq!(blocks.len(), blocks.iter().collect::<BTreeSet<_>>().len());
            }
        }
    }
}
