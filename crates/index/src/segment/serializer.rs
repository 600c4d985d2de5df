//! Lays out what comes after CONTENT: postings, dictionaries, blocks, metadata.

use super::Codec;
use super::blocks::BlocksBuilder;
use super::meta::{self, Record};
use crate::file::{FileWriter, Header, SectionKind};
use crate::postings::run::{Place, Run};
use crate::postings::writer::{Frequent, merge_runs};
use crate::symbols::writer::SymbolsWriter;
use crate::{SegmentId, WriteError};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Where.
    pub path: PathBuf,
    /// Its identity.
    pub id: SegmentId,
    /// The file's size.
    pub size_bytes: u64,
    /// How many blobs.
    pub n_blobs: u32,
    /// How many blocks.
    pub n_blocks: u32,
    /// Bytes of text in it.
    pub text_bytes: u64,
}

/// Segments of fewer blocks have no BIGRAMS: a few blocks are scanned in less time than a look-up is worth, and nearly all
/// bigrams would be too frequent to keep.
pub(crate) const BIGRAM_BLOCKS_MIN: u32 = 64;
/// A bigram in this share of the blocks or more (one in five) is not kept.
pub(crate) const FREQUENT_DIVISOR: u64 = 5;
/// Runs up to this size together stay in memory.
const SPILL_BYTES_MIN: usize = 32 << 20;

/// The encoded lists of one chunk.
#[derive(Debug)]
pub(crate) struct ChunkRuns {
    grams: Run,
    bigrams: Run,
}

/// Keeps the runs of finished chunks: the first in memory, the rest in a file without a name.
#[derive(Debug, Default)]
pub(crate) struct Spill {
    file: Option<File>,
    len: u64,
    n_in_memory: usize,
}

impl Spill {
    pub(crate) fn keep(
        &mut self,
        grams: Vec<u8>,
        bigrams: Vec<u8>,
        n_blocks: u32,
        file: &FileWriter,
    ) -> Result<ChunkRuns, WriteError> {
        let [grams, bigrams] = [grams, bigrams].map(|bytes| self.keep_one(bytes, file));
        let run = |place| Run { universe: n_blocks, place };
        Ok(ChunkRuns { grams: run(grams?), bigrams: run(bigrams?) })
    }

    fn keep_one(&mut self, bytes: Vec<u8>, file: &FileWriter) -> Result<Place, WriteError> {
        if self.n_in_memory + bytes.len() <= SPILL_BYTES_MIN {
            self.n_in_memory += bytes.len();
            return Ok(Place::Memory(bytes));
        }
        let spill = match &mut self.file {
            Some(spill) => spill,
            none => none.insert(create_unnamed(file)?),
        };
        spill.write_all(&bytes).map_err(|source| file.io_error(source))?;
        let start = self.len;
        self.len += bytes.len() as u64;
        Ok(Place::Spilled(start..self.len))
    }
}

/// Creates a file beside the segment and takes its name away at once: whatever happens, nothing is left behind.
fn create_unnamed(file: &FileWriter) -> Result<File, WriteError> {
    let path = file.path().with_extension("spill.tmp");
    let create = || {
        let spill = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
        fs::remove_file(&path)?;
        Ok(spill)
    };
    create().map_err(|source| WriteError::Io { path: path.clone(), source })
}

/// All there is once every slice and chunk is done. CONTENT is written.
pub(crate) struct Parts {
    pub(crate) file: FileWriter,
    pub(crate) codec: Codec,
    pub(crate) id: blake3::Hash,
    pub(crate) records: Vec<Record>,
    pub(crate) blocks: BlocksBuilder,
    pub(crate) chunks: BTreeMap<usize, ChunkRuns>,
    pub(crate) spill: Spill,
    pub(crate) symbols: SymbolsWriter,
}

pub(crate) fn finish(parts: Parts) -> Result<SegmentInfo, WriteError> {
    let Parts { mut file, codec, id, records, mut blocks, chunks, spill, symbols } = parts;
    [&mut blocks.starts, &mut blocks.newlines, &mut blocks.frames]
        .into_iter()
        .filter(|sums| sums.is_empty())
        .for_each(|sums| sums.push(0));
    let n_blocks = (blocks.starts.len() - 1) as u32;
    let n_chunks = chunks.len() as u32;
    let text_bytes = blocks.starts.last().copied().unwrap_or(0);
    let first_blocks: Vec<u32> = blocks.chunks.iter().map(|(first_block, _)| *first_block).collect();
    let (grams, bigrams): (Vec<Run>, Vec<Run>) =
        chunks.into_values().map(|runs| (runs.grams, runs.bigrams)).unzip();
    file.begin_paged(SectionKind::Postings)?;
    let spill = spill.file.as_ref();
    let grams = merge_runs(grams, spill, &first_blocks, Frequent(u64::MAX), &mut file)?;
    let frequent = Frequent(u64::from(n_blocks).div_ceil(FREQUENT_DIVISOR));
    let has_bigrams = n_blocks >= BIGRAM_BLOCKS_MIN;
    let bigrams =
        has_bigrams.then(|| merge_runs(bigrams, spill, &first_blocks, frequent, &mut file)).transpose()?;
    let symbols = symbols.sort(&mut file)?;
    file.end()?;
    let symbols = symbols.write(&mut file)?;
    file.begin_hot()?;
    file.section(SectionKind::Grams, &grams)?;
    bigrams.map(|bigrams| file.section(SectionKind::Bigrams, &bigrams)).transpose()?;
    symbols.write(&mut file)?;
    let n_blobs = records.len() as u32;
    file.section(SectionKind::Blocks, &blocks.finish(n_blobs))?;
    file.section(SectionKind::Meta, &meta::write(&records))?;
    let id = SegmentId(std::array::from_fn(|idx| id.as_bytes()[idx]));
    let numbers = [n_blobs, n_blocks, n_chunks, codec.code(), text_bytes as u32, (text_bytes >> 32) as u32];
    let path = file.path().to_path_buf();
    let size_bytes = file.finish(&Header { id: id.0, numbers })?;
    Ok(SegmentInfo { path, id, size_bytes, n_blobs, n_blocks, text_bytes })
}
