//! The work on one slice, done by any thread: compress its blocks, count their newlines, collect their grams.

use super::{Codec, lz4};
use crate::WriteError;
use crate::postings::collect::{Collector, Lists, SliceGrams};
use crate::postings::run::merge_slices;
use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};

/// A run of neighbouring blocks of one chunk.
#[derive(Debug)]
pub(crate) struct Slice {
    /// Number of this slice in its segment.
    pub(crate) number: usize,
    pub(crate) text: Vec<u8>,
    /// Where each block ends in `text`.
    pub(crate) block_ends: Vec<u32>,
}

/// What became of a slice.
#[derive(Debug)]
pub(crate) struct SliceDone {
    pub(crate) number: usize,
    /// The frames of its blocks, one after the other.
    pub(crate) frames: Vec<u8>,
    pub(crate) blocks: Vec<BlockDone>,
    pub(crate) grams: SliceGrams,
}

/// One block, as lengths.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockDone {
    pub(crate) text_len: u32,
    pub(crate) frame_len: u32,
    pub(crate) n_newlines: u32,
}

/// The slices of one chunk, each with the number of its first block within the chunk.
#[derive(Debug)]
pub(crate) struct ChunkGrams {
    pub(crate) number: usize,
    pub(crate) n_blocks: u32,
    pub(crate) grams: Vec<(u32, Lists)>,
    pub(crate) bigrams: Vec<(u32, Lists)>,
}

/// A chunk's lists, encoded.
#[derive(Debug)]
pub(crate) struct ChunkDone {
    pub(crate) number: usize,
    pub(crate) n_blocks: u32,
    pub(crate) grams: Vec<u8>,
    pub(crate) bigrams: Vec<u8>,
}

/// What a thread keeps between pieces of work.
#[derive(Default)]
pub(crate) struct Worker {
    collector: Collector,
    compressor: lz4::Compressor,
    /// The library's, for the rare block that is too long for ours.
    long_compressor: CompressTable,
}

impl Worker {
    pub(crate) fn slice(&mut self, slice: Slice, codec: Codec) -> Result<SliceDone, WriteError> {
        let mut frames = Vec::with_capacity(slice.text.len() / 2);
        let mut blocks = Vec::with_capacity(slice.block_ends.len());
        let mut start = 0;
        for end in &slice.block_ends {
            let text = &slice.text[start..*end as usize];
            let frame_start = frames.len();
            self.compress(text, codec, &mut frames)?;
            blocks.push(BlockDone {
                text_len: text.len() as u32,
                frame_len: (frames.len() - frame_start) as u32,
                n_newlines: memchr::memchr_iter(b'\n', text).count() as u32,
            });
            start = *end as usize;
        }
        let grams = self.collector.collect(&slice.text, &slice.block_ends);
        Ok(SliceDone { number: slice.number, frames, blocks, grams })
    }

    pub(crate) fn chunk(&mut self, chunk: ChunkGrams) -> ChunkDone {
        ChunkDone {
            number: chunk.number,
            n_blocks: chunk.n_blocks,
            grams: merge_slices(&chunk.grams, chunk.n_blocks),
            bigrams: merge_slices(&chunk.bigrams, chunk.n_blocks),
        }
    }

    /// Appends the frame of a block. A frame as long as its text is the text itself.
    fn compress(&mut self, text: &[u8], codec: Codec, frames: &mut Vec<u8>) -> Result<(), WriteError> {
        let start = frames.len();
        if codec == Codec::Lz4 && text.len() <= lz4::TEXT_LEN_MAX {
            self.compressor.compress(text, frames);
            if frames.len() - start < text.len() {
                return Ok(());
            }
            frames.truncate(start);
        } else if codec == Codec::Lz4 {
            frames.resize(start + get_maximum_output_size(text.len()), 0);
            let packed = compress_into_with_table(text, &mut frames[start..], &mut self.long_compressor);
            let len =
                packed.map_err(|_| WriteError::Invalid { what: "a block that cannot be compressed" })?;
            if len < text.len() {
                frames.truncate(start + len);
                return Ok(());
            }
            frames.truncate(start);
        }
        frames.extend_from_slice(text);
        Ok(())
    }
}
