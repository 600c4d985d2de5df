//! Ascending sequences in Elias–Fano form with constant-time access: where blocks start, in text and in the file.
//!
//! `n` values up to `universe` take about `n·(2 + log₂(universe/n))` bits: the low `l` bits of each are stored as they
//! are, the high part of value number `i` as a one bit at position `high + i` (Vigna, "Quasi-succinct indices", 2013).
//! The position of every 64th one is kept, so that access reads a word or two.

use crate::ReadError;
use crate::bytes::{Cursor, u32_at, u64_at};

/// Every how many values a position is sampled: half a bit a value, two words scanned on average.
const SAMPLE_RATE: usize = 64;

/// Appends the sequence, which must not descend, to `bytes`: n, universe, l, high words, low words, samples; a multiple of
/// eight bytes.
pub(crate) fn write(values: &[u64], bytes: &mut Vec<u8>) {
    let n = values.len() as u64;
    let universe = values.last().copied().unwrap_or(0);
    let n_low_bits = low_bits(n, universe);
    let mut high = vec![0u64; high_words(n, universe, n_low_bits)];
    let mut low = vec![0u64; low_words(n, n_low_bits)];
    let mut samples = Vec::with_capacity(values.len() / SAMPLE_RATE + 1);
    for (idx, value) in values.iter().enumerate() {
        let position = (value >> n_low_bits) as usize + idx;
        high[position / 64] |= 1 << (position % 64);
        if idx % SAMPLE_RATE == 0 {
            samples.push(position as u32);
        }
        if n_low_bits == 0 {
            continue;
        }
        let (at, low_value) = (idx * n_low_bits as usize, value & low_mask(n_low_bits));
        low[at / 64] |= low_value << (at % 64);
        if at % 64 + n_low_bits as usize > 64 {
            low[at / 64 + 1] |= low_value >> (64 - at % 64);
        }
    }
    bytes.extend(n.to_le_bytes());
    bytes.extend(universe.to_le_bytes());
    high.iter().chain(&low).for_each(|word| bytes.extend(word.to_le_bytes()));
    samples.iter().for_each(|sample| bytes.extend(sample.to_le_bytes()));
    bytes.resize(bytes.len().next_multiple_of(8), 0);
}

/// Where a sequence lies within its section; made once, after which access is two or three loads.
#[derive(Clone, Debug)]
pub(crate) struct EliasFano {
    section: &'static str,
    n: usize,
    universe: u64,
    n_low_bits: u32,
    high: std::ops::Range<usize>,
    low_at: usize,
    samples_at: usize,
}

impl EliasFano {
    /// Finds the sequence that begins at `at` in `bytes`, and where it ends.
    pub(crate) fn parse(
        bytes: &[u8],
        at: usize,
        section: &'static str,
    ) -> Result<(EliasFano, usize), ReadError> {
        let damaged = |what| ReadError::Damaged { section, what };
        let mut cursor = Cursor::new(bytes.get(at..).ok_or_else(|| damaged("it ends early"))?, section);
        let (n, universe) = (cursor.u64()?, cursor.u64()?);
        if n > u64::from(u32::MAX) || universe >> 56 != 0 {
            return Err(damaged("a sequence is impossibly long"));
        }
        let n_low_bits = low_bits(n, universe);
        let high_at = at + 16;
        let low_at = high_at + high_words(n, universe, n_low_bits) * 8;
        let samples_at = low_at + low_words(n, n_low_bits) * 8;
        let end = (samples_at + (n as usize).div_ceil(SAMPLE_RATE) * 4).next_multiple_of(8);
        if end > bytes.len() {
            return Err(damaged("a sequence ends early"));
        }
        let parsed = EliasFano {
            section,
            n: n as usize,
            universe,
            n_low_bits,
            high: high_at..low_at,
            low_at,
            samples_at,
        };
        Ok((parsed, end))
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.n
    }

    /// The last value, as the sequence says.
    pub(crate) fn universe(&self) -> u64 {
        self.universe
    }

    /// Value number `idx`; `bytes` are those it was parsed from.
    pub(crate) fn get(&self, bytes: &[u8], idx: usize) -> Result<u64, ReadError> {
        self.access(bytes, idx)
            .ok_or(ReadError::Damaged { section: self.section, what: "a sequence is inconsistent" })
    }

    fn access(&self, bytes: &[u8], idx: usize) -> Option<u64> {
        if idx >= self.n {
            return None;
        }
        let sample = u32_at(bytes, self.samples_at + idx / SAMPLE_RATE * 4)? as usize;
        let high = bytes.get(self.high.clone())?;
        let mut word_idx = sample / 64;
        let mut word = u64_at(high, word_idx * 8)? & (u64::MAX << (sample % 64));
        let mut n_before = (idx % SAMPLE_RATE) as u32;
        let bit = loop {
            match select(word, n_before) {
                Ok(bit) => break bit,
                Err(n_ones) => n_before -= n_ones,
            }
            word_idx += 1;
            word = u64_at(high, word_idx * 8)?;
        };
        let position = word_idx * 64 + bit as usize;
        let high_value = position.checked_sub(idx)? as u64;
        Some(high_value << self.n_low_bits | self.low(bytes, idx)?)
    }

    fn low(&self, bytes: &[u8], idx: usize) -> Option<u64> {
        let n_low_bits = self.n_low_bits as usize;
        if n_low_bits == 0 {
            return Some(0);
        }
        let at = idx * n_low_bits;
        let word_at = self.low_at + at / 64 * 8;
        let mut value = u64_at(bytes, word_at)? >> (at % 64);
        if at % 64 + n_low_bits > 64 {
            value |= u64_at(bytes, word_at + 8)? << (64 - at % 64);
        }
        Some(value & low_mask(self.n_low_bits))
    }
}

fn low_bits(n: u64, universe: u64) -> u32 {
    universe.checked_div(n).and_then(u64::checked_ilog2).unwrap_or(0)
}

fn low_mask(n_low_bits: u32) -> u64 {
    (1 << n_low_bits) - 1
}

fn high_words(n: u64, universe: u64, n_low_bits: u32) -> usize {
    if n == 0 { 0 } else { (n + (universe >> n_low_bits)).div_ceil(64) as usize }
}

fn low_words(n: u64, n_low_bits: u32) -> usize {
    (n * u64::from(n_low_bits)).div_ceil(64) as usize
}

/// Where the one bit with this rank is, counted from 0; `Err` with their number where there are not so many (Vigna,
/// "Broadword implementation of rank/select queries", 2008, algorithm 2).
#[inline]
fn select(word: u64, rank: u32) -> Result<u32, u32> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let pairs = word - ((word >> 1) & 0x5555_5555_5555_5555);
    let nibbles = (pairs & 0x3333_3333_3333_3333) + ((pairs >> 2) & 0x3333_3333_3333_3333);
    let bytes = (nibbles + (nibbles >> 4)) & 0x0F0F_0F0F_0F0F_0F0F;
    // Byte `i` is how many ones there are in the first `i + 1` bytes.
    let sums = bytes.wrapping_mul(ONES);
    let n_ones = (sums >> 56) as u32;
    if n_ones <= rank {
        return Err(n_ones);
    }
    let is_before = (((u64::from(rank) * ONES) | HIGH_BITS) - sums) & HIGH_BITS;
    let first_bit = ((is_before >> 7).wrapping_mul(ONES) >> 56) as u32 * 8;
    let n_before = ((sums << 8) >> first_bit) as u32 & 0xFF;
    let mut byte = word >> first_bit;
    for _ in n_before..rank {
        byte &= byte - 1;
    }
    Ok(first_bit + byte.trailing_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(values: &[u64]) {
        let mut bytes = vec![7; 8];
        write(values, &mut bytes);
        let (sequence, end) = EliasFano::parse(&bytes, 8, "TEST").expect("it was written");
        assert_eq!((sequence.len(), end), (values.len(), bytes.len()));
        for (idx, value) in values.iter().enumerate() {
            assert_eq!(sequence.get(&bytes, idx), Ok(*value), "{idx}");
        }
        assert!(sequence.get(&bytes, values.len()).is_err());
        for len in 0..bytes.len() {
            if let Ok((sequence, _)) = EliasFano::parse(&bytes[..len], 8, "TEST") {
                (0..values.len()).for_each(|idx| drop(sequence.get(&bytes[..len], idx)));
            }
        }
    }

    #[test]
    fn sequences_come_back() {
        check(&[]);
        check(&[0]);
        check(&[0, 0, 0]);
        check(&[1 << 55]);
        check(&(0..500).collect::<Vec<_>>());
        check(&(0..300).map(|n| n * n * 977).collect::<Vec<_>>());
        check(&(0..300).map(|n| n / 100 * 1_000_000_007).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn one_bits_are_found_by_rank(word in any::<u64>(), mask in any::<u64>(), sparse in any::<bool>()) {
            let word = if sparse { word & mask & mask.rotate_left(13) } else { word | mask };
            let ones: Vec<u32> = (0..64).filter(|bit| word >> bit & 1 == 1).collect();
            for rank in 0..65_u32 {
                let expected = ones.get(rank as usize).copied().ok_or(ones.len() as u32);
                prop_assert_eq!(select(word, rank), expected);
            }
        }
    }
}
