//! Cuts blobs into blocks, slices and chunks, and puts the finished pieces in order.

use super::Codec;
use super::blocks::{BLOB_SAMPLE_RATE, BlocksBuilder};
use super::meta::Record;
use super::pool::{Done, Job, Pool};
use super::serializer::{self, SegmentInfo, Spill};
use super::slice::{ChunkGrams, Slice, SliceDone};
use crate::file::{FileKind, FileWriter, SectionKind};
use crate::postings::CHUNK_BLOCKS_MAX;
use crate::symbols::NewSymbols;
use crate::symbols::writer::SymbolsWriter;
use crate::{BlobIdx, WriteError};
use model::{BlobFlags, Language, ObjectId, SkipReason};
use std::collections::BTreeMap;
use std::path::Path;

/// A block is cut at the last newline within this many bytes.
const BLOCK_LEN: usize = 4096;
/// Text in one piece of work: large enough to share out, small enough that a dozen of them are little memory.
const SLICE_TEXT_LEN: usize = 8 << 20;
const SLICE_BLOCKS: usize = 2048;
/// Most blocks of one blob (nearly): larger blobs get larger blocks, so that every blob fits a slice.
const BLOB_BLOCKS: usize = 1900;
/// Longest text of one blob. Callers skip blobs long before.
pub(crate) const TEXT_LEN_MAX: usize = 1 << 30;

/// How to write a segment.
#[derive(Clone, Copy, Debug)]
pub struct WriterOptions {
    /// How text is stored.
    pub codec: Codec,
    /// Threads that work beside the caller's, started once there are some 8 MB of text; 0: the caller's does everything.
    /// Each takes up to 64 MB for its table and some 40 MB for its work.
    pub threads: usize,
}

/// One blob to write. Give blobs in static-rank order, best first: results come in that order.
#[derive(Clone, Debug)]
pub struct NewBlob<'a> {
    /// The git object.
    pub oid: ObjectId,
    /// The bytes of the git object (not of the decoded text).
    pub size: u64,
    /// Its text, or why there is none.
    pub content: Content<'a>,
    /// What its bytes say.
    pub flags: BlobFlags,
    /// Static rank, 0 best.
    pub rank: u8,
    /// Its language, by its first path.
    pub language: Language,
    /// What it defines.
    pub symbols: NewSymbols<'a>,
}

/// The text of a blob.
#[derive(Clone, Debug)]
pub enum Content<'a> {
    /// Decoded text: UTF-8 (other bytes are stored and searched as they are), at most 1 GiB.
    Text(&'a [u8]),
    /// Not searchable.
    Skipped(SkipReason),
}

/// Writes one segment. Blobs get the numbers 0, 1, 2 … in the order they are added.
pub struct SegmentWriter {
    file: FileWriter,
    codec: Codec,
    pool: Pool,
    records: Vec<Record>,
    hasher: blake3::Hasher,
    slice: Slice,
    n_slices: usize,
    /// Blocks of all blobs so far.
    n_blocks: u32,
    text_bytes: u64,
    /// First block and first blob of each chunk begun.
    chunks: Vec<(u32, u32)>,
    blob_samples: Vec<u32>,
    assembly: Assembly,
    symbols: SymbolsWriter,
}

impl SegmentWriter {
    /// Begins. The file appears at `path` only when [`SegmentWriter::finish`] returns; dropping the writer leaves nothing.
    pub fn create(path: &Path, options: WriterOptions) -> Result<Self, WriteError> {
        let mut file = FileWriter::create(path, FileKind::Segment)?;
        file.begin_paged(SectionKind::Content)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&options.codec.code().to_le_bytes());
        Ok(SegmentWriter {
            file,
            codec: options.codec,
            pool: Pool::new(options.codec, options.threads),
            records: Vec::new(),
            hasher,
            slice: Slice { number: 0, text: Vec::new(), block_ends: Vec::new() },
            n_slices: 0,
            n_blocks: 0,
            text_bytes: 0,
            chunks: vec![(0, 0)],
            blob_samples: Vec::new(),
            assembly: Assembly::default(),
            symbols: SymbolsWriter::new()?,
        })
    }

    /// Adds a blob and tells its number. Adding the same object twice stores it twice.
    pub fn add(&mut self, blob: NewBlob<'_>) -> Result<BlobIdx, WriteError> {
        let number = u32::try_from(self.records.len())
            .map_err(|_| WriteError::TooMany { what: "the number of blobs", limit: u32::MAX.into() })?;
        let (text, skip) = match blob.content {
            Content::Text(text) => (text, None),
            Content::Skipped(reason) => (&[][..], Some(reason)),
        };
        if text.len() > TEXT_LEN_MAX {
            return Err(WriteError::TooMany { what: "the text of a blob", limit: TEXT_LEN_MAX as u64 });
        }
        let block_ends = cut(text);
        self.make_room(text.len(), block_ends.len(), number)?;
        self.records.push(Record {
            oid: blob.oid,
            first_block: self.n_blocks,
            size: blob.size,
            language: blob.language,
            flags: blob.flags,
            skip,
            rank: blob.rank,
        });
        self.hasher.update(&blob.oid.0);
        self.symbols.add(blob.symbols, text.len())?;
        let too_many = || WriteError::TooMany { what: "the number of blocks", limit: u32::MAX.into() };
        let next_block = self.n_blocks.checked_add(block_ends.len() as u32).ok_or_else(too_many)?;
        let n_samples = (next_block as usize).div_ceil(BLOB_SAMPLE_RATE);
        self.blob_samples.resize(n_samples, number);
        let base = self.slice.text.len();
        self.slice.text.extend_from_slice(text);
        self.slice.block_ends.extend(block_ends.iter().map(|end| (base + end) as u32));
        self.n_blocks = next_block;
        self.text_bytes += text.len() as u64;
        Ok(BlobIdx(number))
    }

    /// How many bytes of text were added.
    pub fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// Writes the rest, syncs, and gives the file its name.
    pub fn finish(mut self) -> Result<SegmentInfo, WriteError> {
        self.pool.finish_alone();
        self.end_slice()?;
        self.assembly.end_chunk(self.n_slices);
        loop {
            self.submit_whole_chunks()?;
            match self.pool.wait()? {
                Some(done) => self.take(done)?,
                None if self.assembly.whole_chunks.is_empty() => break,
                None => {}
            }
        }
        // The threads' tables are not needed any more.
        drop(self.pool);
        let Assembly { mut blocks, chunks_done, spill, .. } = self.assembly;
        blocks.chunks = self.chunks;
        blocks.blob_samples = self.blob_samples;
        serializer::finish(serializer::Parts {
            file: self.file,
            codec: self.codec,
            id: self.hasher.finalize(),
            records: self.records,
            blocks,
            chunks: chunks_done,
            spill,
            symbols: self.symbols,
        })
    }

    /// Ends slice or chunk where the next blob does not fit.
    fn make_room(&mut self, text_len: usize, n_blocks: usize, blob: u32) -> Result<(), WriteError> {
        let first_block = self.chunks.last().map_or(0, |(first_block, _)| *first_block);
        let ends_chunk = (self.n_blocks - first_block) as usize + n_blocks > CHUNK_BLOCKS_MAX as usize;
        let slice = &self.slice;
        let ends_slice = ends_chunk
            || slice.block_ends.len() + n_blocks > SLICE_BLOCKS
            || slice.text.len() + text_len > SLICE_TEXT_LEN;
        if ends_slice && !slice.block_ends.is_empty() {
            self.end_slice()?;
        }
        if ends_chunk {
            self.assembly.end_chunk(self.n_slices);
            self.chunks.push((self.n_blocks, blob));
            self.submit_whole_chunks()?;
        }
        Ok(())
    }

    fn end_slice(&mut self) -> Result<(), WriteError> {
        if self.slice.block_ends.is_empty() {
            return Ok(());
        }
        let next = Slice { number: self.n_slices + 1, text: Vec::new(), block_ends: Vec::new() };
        let slice = std::mem::replace(&mut self.slice, next);
        self.n_slices += 1;
        self.submit(Job::Slice(slice))?;
        self.submit_whole_chunks()
    }

    fn submit(&mut self, job: Job) -> Result<(), WriteError> {
        for done in self.pool.submit(job)? {
            self.take(done)?;
        }
        Ok(())
    }

    fn submit_whole_chunks(&mut self) -> Result<(), WriteError> {
        while let Some(chunk) = self.assembly.whole_chunks.pop() {
            self.submit(Job::Chunk(chunk))?;
        }
        Ok(())
    }

    fn take(&mut self, done: Done) -> Result<(), WriteError> {
        match done {
            Done::Slice(slice) => self.assembly.take_slice(slice, &mut self.file),
            Done::Chunk(chunk) => {
                let spill = &mut self.assembly.spill;
                let place = spill.keep(chunk.grams, chunk.bigrams, chunk.n_blocks, &self.file)?;
                self.assembly.chunks_done.insert(chunk.number, place);
                Ok(())
            }
        }
    }
}

impl std::fmt::Debug for SegmentWriter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (n_blobs, text_bytes) = (self.records.len(), self.text_bytes);
        formatter
            .debug_struct("SegmentWriter")
            .field("n_blobs", &n_blobs)
            .field("text_bytes", &text_bytes)
            .finish()
    }
}

/// Puts finished slices in order, and into their chunks.
#[derive(Debug, Default)]
struct Assembly {
    /// Slices that came before their turn.
    early: BTreeMap<usize, SliceDone>,
    n_slices_taken: usize,
    blocks: BlocksBuilder,
    /// Where each chunk ends, as a number of slices.
    chunk_ends: Vec<usize>,
    /// The slices taken of the chunk under way.
    chunk: Option<ChunkGrams>,
    n_chunks_taken: usize,
    whole_chunks: Vec<ChunkGrams>,
    chunks_done: BTreeMap<usize, serializer::ChunkRuns>,
    spill: Spill,
}

impl Assembly {
    fn take_slice(&mut self, slice: SliceDone, file: &mut FileWriter) -> Result<(), WriteError> {
        self.early.insert(slice.number, slice);
        while let Some(slice) = self.early.remove(&self.n_slices_taken) {
            file.write(&slice.frames)?;
            self.take_next_slice(slice);
            self.n_slices_taken += 1;
            self.complete_chunks();
        }
        Ok(())
    }

    fn take_next_slice(&mut self, slice: SliceDone) {
        let number = self.n_chunks_taken;
        let chunk = self.chunk.get_or_insert(ChunkGrams {
            number,
            n_blocks: 0,
            grams: Vec::new(),
            bigrams: Vec::new(),
        });
        chunk.grams.push((chunk.n_blocks, slice.grams.grams));
        chunk.bigrams.push((chunk.n_blocks, slice.grams.bigrams));
        chunk.n_blocks += slice.blocks.len() as u32;
        for block in &slice.blocks {
            push_sum(&mut self.blocks.starts, block.text_len);
            push_sum(&mut self.blocks.newlines, block.n_newlines);
            push_sum(&mut self.blocks.frames, block.frame_len);
        }
    }

    /// Says that the chunk under way ends after so many slices of the segment.
    fn end_chunk(&mut self, n_slices: usize) {
        self.chunk_ends.push(n_slices);
        self.complete_chunks();
    }

    fn complete_chunks(&mut self) {
        while self.chunk_ends.get(self.n_chunks_taken).is_some_and(|end| *end <= self.n_slices_taken) {
            let number = self.n_chunks_taken;
            let empty = || ChunkGrams { number, n_blocks: 0, grams: Vec::new(), bigrams: Vec::new() };
            self.whole_chunks.push(self.chunk.take().unwrap_or_else(empty));
            self.n_chunks_taken += 1;
        }
    }
}

/// Appends the last sum plus `len`; the first sum is 0.
pub(super) fn push_sum(sums: &mut Vec<u64>, len: u32) {
    if sums.is_empty() {
        sums.push(0);
    }
    let last = sums.last().copied().unwrap_or(0);
    sums.push(last + u64::from(len));
}

/// Where the blocks of a text end. Each is cut after the last newline within the block length; a line that is longer is a
/// block of its own. Large texts get longer blocks, so that there are never many more than [`BLOB_BLOCKS`]: any two
/// neighbours are longer than the block length together.
fn cut(text: &[u8]) -> Vec<usize> {
    let block_len = BLOCK_LEN.max(text.len() / (BLOB_BLOCKS / 2));
    let mut ends = Vec::with_capacity(text.len() / block_len + 1);
    let mut start = 0;
    while start < text.len() {
        let reach = text.len().min(start + block_len);
        let end = if reach == text.len() {
            reach
        } else {
            let within = memchr::memrchr(b'\n', &text[start..reach]).map(|at| start + at + 1);
            let after = || memchr::memchr(b'\n', &text[reach..]).map_or(text.len(), |at| reach + at + 1);
            within.unwrap_or_else(after)
        };
        ends.push(end);
        start = end;
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_end_at_newlines() {
        let line = |len: usize| [vec![b'x'; len - 1], vec![b'\n']].concat();
        let check = |lines: &[usize], expected: &[usize]| {
            let text: Vec<u8> = lines.iter().flat_map(|len| line(*len)).collect();
            assert_eq!(cut(&text), expected, "{lines:?}");
        };
        check(&[], &[]);
        check(&[1], &[1]);
        check(&[4096], &[4096]);
        check(&[4000, 100], &[4000, 4100]);
        check(&[100, 9000, 100], &[100, 9100, 9200]);
        assert_eq!(cut(&[b'x'; 5000]), [5000]);
    }

    #[test]
    fn large_texts_have_few_blocks() {
        for line_len in [1, 2, 50, 20_000, 60_000] {
            let text: Vec<u8> =
                (0..64usize << 20).map(|at| if at % line_len == 0 { b'\n' } else { b'x' }).collect();
            let ends = cut(&text);
            assert!(ends.len() <= SLICE_BLOCKS, "{line_len}: {}", ends.len());
            assert_eq!(ends.last(), Some(&text.len()));
        }
    }
}
