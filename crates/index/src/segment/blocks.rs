//! BLOCKS: where each block's text starts, how many newlines come before it, where its frame lies, which blob it is of.
//!
//! `chunk table · blob samples · padding to 8 · three sequences`. The chunk table has, for each chunk and once more at the
//! end, `first block u32 · first blob u32`. The samples are the blob (u32) of every 64th block. The sequences are
//! Elias–Fano over n_blocks + 1 values each: starts in the text of all blobs put together, newlines before the block in
//! that text, starts of frames in CONTENT.

use crate::ReadError;
use crate::bytes::u32_at;
use crate::elias_fano::{self, EliasFano};
use crate::file::SectionKind;

/// Every how many blocks the blob is written down.
pub(crate) const BLOB_SAMPLE_RATE: usize = 64;

const NAME: &str = "BLOCKS";

/// What the writer gathers for the section.
#[derive(Debug, Default)]
pub(crate) struct BlocksBuilder {
    /// First block and first blob of each chunk.
    pub(crate) chunks: Vec<(u32, u32)>,
    /// The blob of every [`BLOB_SAMPLE_RATE`]th block.
    pub(crate) blob_samples: Vec<u32>,
    /// One value more than there are blocks, beginning with 0.
    pub(crate) starts: Vec<u64>,
    pub(crate) newlines: Vec<u64>,
    pub(crate) frames: Vec<u64>,
}

impl BlocksBuilder {
    pub(crate) fn finish(&self, n_blobs: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let end = ((self.starts.len() - 1) as u32, n_blobs);
        for (first_block, first_blob) in self.chunks.iter().chain([&end]) {
            bytes.extend(first_block.to_le_bytes());
            bytes.extend(first_blob.to_le_bytes());
        }
        self.blob_samples.iter().for_each(|blob| bytes.extend(blob.to_le_bytes()));
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        [&self.starts, &self.newlines, &self.frames]
            .iter()
            .for_each(|values| elias_fano::write(values, &mut bytes));
        bytes
    }
}

/// The section, taken apart once.
#[derive(Debug)]
pub(crate) struct Blocks {
    /// Every chunk's first block, then the number of blocks.
    pub(crate) first_blocks: Vec<u32>,
    /// Every chunk's first blob, then the number of blobs.
    pub(crate) first_blobs: Vec<u32>,
    samples_at: usize,
    pub(crate) starts: EliasFano,
    pub(crate) newlines: EliasFano,
    pub(crate) frames: EliasFano,
}

impl Blocks {
    pub(crate) fn parse(
        bytes: &[u8],
        n_chunks: u32,
        n_blocks: u32,
        n_blobs: u32,
    ) -> Result<Blocks, ReadError> {
        let damaged = |what| ReadError::Damaged { section: SectionKind::Blocks.name(), what };
        let n_bounds = n_chunks as usize + 1;
        let column = |at: usize| {
            let numbers =
                (0..n_bounds).map(|chunk| u32_at(bytes, chunk * 8 + at)).collect::<Option<Vec<u32>>>();
            let numbers = numbers.ok_or_else(|| damaged("the chunk table ends early"))?;
            if numbers.is_sorted() { Ok(numbers) } else { Err(damaged("the chunk table does not ascend")) }
        };
        let (first_blocks, first_blobs) = (column(0)?, column(4)?);
        let covers = |numbers: &[u32], n: u32| numbers.first() == Some(&0) && numbers.last() == Some(&n);
        let is_small =
            first_blocks.windows(2).all(|pair| pair[1] - pair[0] <= crate::postings::CHUNK_BLOCKS_MAX);
        if !covers(&first_blocks, n_blocks) || !covers(&first_blobs, n_blobs) || !is_small {
            return Err(damaged("the chunk table does not cover the blocks"));
        }
        let samples_at = n_bounds * 8;
        let sequences_at =
            (samples_at + (n_blocks as usize).div_ceil(BLOB_SAMPLE_RATE) * 4).next_multiple_of(8);
        let (starts, at) = EliasFano::parse(bytes, sequences_at, NAME)?;
        let (newlines, at) = EliasFano::parse(bytes, at, NAME)?;
        let (frames, _) = EliasFano::parse(bytes, at, NAME)?;
        let is_whole = |sequence: &EliasFano| sequence.len() == n_blocks as usize + 1;
        if ![&starts, &newlines, &frames].iter().all(|sequence| is_whole(sequence)) {
            return Err(damaged("a sequence has another length than there are blocks"));
        }
        Ok(Blocks { first_blocks, first_blobs, samples_at, starts, newlines, frames })
    }

    /// The blob of the sampled block at or before `block`, and that of the next sample.
    pub(crate) fn blob_bounds(
        &self,
        bytes: &[u8],
        block: u32,
        n_blobs: u32,
    ) -> Result<(u32, u32), ReadError> {
        let damaged = ReadError::Damaged { section: NAME, what: "the blob samples end early" };
        let at = block as usize / BLOB_SAMPLE_RATE;
        let low = u32_at(bytes, self.samples_at + at * 4).ok_or(damaged)?;
        let n_samples = (self.first_blocks.last().copied().unwrap_or(0) as usize).div_ceil(BLOB_SAMPLE_RATE);
        let high = if at + 1 < n_samples {
            u32_at(bytes, self.samples_at + (at + 1) * 4).unwrap_or(n_blobs)
        } else {
            n_blobs.saturating_sub(1)
        };
        Ok((low, high.min(n_blobs.saturating_sub(1))))
    }
}
