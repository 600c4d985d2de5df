//! Joins segments into one: what lives is copied, nothing is read from git, and no text is tokenised again.
//!
//! A chunk whose blobs all live, and that is large, is copied as it is: frames, records, posting lists. The living blobs of
//! the others are put into new chunks, in the order of their rank: their frames are copied, and their posting lists are
//! decoded, renumbered and encoded again, without the dead. Only bigrams are sometimes looked for in the text: small
//! segments do not keep them, and what was too frequent to be kept in one part may be worth keeping in the whole.

use super::blocks::{BLOB_SAMPLE_RATE, BlocksBuilder};
use super::meta::Record;
use super::serializer::{self, BIGRAM_BLOCKS_MIN, ChunkRuns, FREQUENT_DIVISOR, SegmentInfo, Spill};
use super::writer::push_sum;
use super::{Codec, Segment};
use crate::file::{FileKind, FileWriter, SectionKind};
use crate::postings::CHUNK_BLOCKS_MAX;
use crate::postings::collect::{Lists, lists_of_pairs};
use crate::postings::evaluate::{GONE, Keys};
use crate::postings::run::join;
use crate::symbols::copy::SymbolSource;
use crate::symbols::writer::SymbolsWriter;
use crate::{BlobIdx, BlockBitmap, BlockIdx, ChunkIdx, ReadError, WriteError};
use ngram::{Bigram, for_each_window};
use std::collections::BTreeMap;
use std::path::Path;

/// A chunk of so many blocks is copied as it is; smaller ones are joined, so that merging keeps their number small.
const WHOLE_BLOCKS_MIN: u32 = CHUNK_BLOCKS_MAX / 2;

/// A segment to merge.
#[derive(Clone, Copy, Debug)]
pub struct MergePart<'a> {
    /// It.
    pub segment: &'a Segment,
    /// Which of its blobs live.
    pub live: &'a BlockBitmap,
}

/// A segment that was made of others.
#[derive(Clone, Debug)]
pub struct Merged {
    /// What was written.
    pub info: SegmentInfo,
    /// By part and blob, where the blob went; `None` for a dead one.
    pub blobs: Vec<Vec<Option<BlobIdx>>>,
    /// How many chunks were copied as they are.
    pub n_whole_chunks: usize,
}

/// Why segments were not merged. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A part is damaged.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The new segment cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The caller said to stop.
    #[error("the merge was called off")]
    CalledOff,
}

/// Writes the living blobs of the parts as one segment. They must have one codec. The new file appears at `path` when this
/// returns; its posting lists are those that indexing the same blobs in the same order would yield.
pub fn merge(
    path: &Path,
    parts: &[MergePart<'_>],
    is_called_off: &dyn Fn() -> bool,
) -> Result<Merged, MergeError> {
    let codec = parts.first().map_or(Codec::default(), |part| part.segment.codec());
    if parts.iter().any(|part| part.segment.codec() != codec) {
        return Err(WriteError::Invalid { what: "segments of several codecs as one" }.into());
    }
    let chunks = plan(parts)?;
    let n_blocks = chunks.iter().map(|chunk| u64::from(chunk.n_blocks)).sum::<u64>();
    let too_many = |_| WriteError::TooMany { what: "the number of blocks", limit: u32::MAX.into() };
    let n_blocks = u32::try_from(n_blocks).map_err(too_many)?;
    let bigrams = BigramPlan::new(parts, n_blocks)?;
    let mut file = FileWriter::create(path, FileKind::Segment)?;
    file.begin_paged(SectionKind::Content)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&codec.code().to_le_bytes());
    let mut output = Output {
        parts,
        file,
        hasher,
        records: Vec::new(),
        blocks: BlocksBuilder::default(),
        n_blocks: 0,
        blobs: parts.iter().map(|part| vec![None; part.segment.n_blobs() as usize]).collect(),
        symbols: SymbolsWriter::new()?,
        symbol_sources: parts.iter().map(|part| SymbolSource::new(part.segment)).collect::<Result<_, _>>()?,
    };
    let mut spill = Spill::default();
    let mut runs: BTreeMap<usize, ChunkRuns> = BTreeMap::new();
    for (number, chunk) in chunks.iter().enumerate() {
        if is_called_off() {
            return Err(MergeError::CalledOff);
        }
        output.take(chunk)?;
        let sources = chunk.sources(parts)?;
        let grams = gram_run(parts, chunk, &sources)?;
        let bigrams = bigrams.run(parts, chunk, &sources)?;
        runs.insert(number, spill.keep(grams, bigrams, chunk.n_blocks, &output.file)?);
    }
    let n_whole_chunks = chunks.iter().filter(|chunk| chunk.whole.is_some()).count();
    let Output { file, hasher, records, blocks, blobs, symbols, .. } = output;
    let id = hasher.finalize();
    let new = serializer::Parts { file, codec, id, records, blocks, chunks: runs, spill, symbols };
    let info = serializer::finish(new)?;
    Ok(Merged { info, blobs, n_whole_chunks })
}

/// A blob of a part.
#[derive(Clone, Copy, Debug)]
struct Place {
    part: usize,
    chunk: ChunkIdx,
    blob: BlobIdx,
}

/// A chunk to be written.
#[derive(Debug, Default)]
struct NewChunk {
    /// Its blobs, in order.
    blobs: Vec<Place>,
    n_blocks: u32,
    /// The part and the chunk that it is a copy of.
    whole: Option<(usize, ChunkIdx)>,
}

/// Which chunks are written: at least one.
fn plan(parts: &[MergePart<'_>]) -> Result<Vec<NewChunk>, ReadError> {
    let (mut chunks, mut loose) = (Vec::new(), Vec::new());
    for (part_idx, part) in parts.iter().enumerate() {
        for chunk_idx in (0..part.segment.n_chunks()).map(ChunkIdx) {
            let extent = part.segment.chunk(chunk_idx)?;
            let all = extent.first_blob.0..extent.first_blob.0 + extent.n_blobs;
            let is_whole =
                extent.n_blocks >= WHOLE_BLOCKS_MIN && all.clone().all(|blob| part.live.contains(blob));
            let places = all.filter(|blob| part.live.contains(*blob)).map(|blob| Place {
                part: part_idx,
                chunk: chunk_idx,
                blob: BlobIdx(blob),
            });
            if is_whole {
                let whole = Some((part_idx, chunk_idx));
                chunks.push(NewChunk { blobs: places.collect(), n_blocks: extent.n_blocks, whole });
                continue;
            }
            for place in places {
                let meta = part.segment.blob(place.blob)?;
                loose.push((meta.rank, meta.n_blocks, place));
            }
        }
    }
    // Stable: blobs of one rank stay in the order of the parts.
    loose.sort_by_key(|(rank, ..)| *rank);
    let mut open = NewChunk::default();
    for (_, n_blocks, place) in loose {
        if open.n_blocks + n_blocks > CHUNK_BLOCKS_MAX {
            chunks.push(std::mem::take(&mut open));
        }
        open.n_blocks += n_blocks;
        open.blobs.push(place);
    }
    if !open.blobs.is_empty() || chunks.is_empty() {
        chunks.push(open);
    }
    Ok(chunks)
}

/// By chunk of a part, where its blocks go within the new chunk.
type Sources = BTreeMap<(usize, ChunkIdx), Vec<u16>>;

impl NewChunk {
    fn sources(&self, parts: &[MergePart<'_>]) -> Result<Sources, ReadError> {
        let mut sources = Sources::new();
        let mut next = 0u16;
        for place in &self.blobs {
            let segment = parts[place.part].segment;
            let extent = segment.chunk(place.chunk)?;
            let map = sources
                .entry((place.part, place.chunk))
                .or_insert_with(|| vec![GONE; extent.n_blocks as usize]);
            let meta = segment.blob(place.blob)?;
            let first = meta.first_block.0.saturating_sub(extent.first_block.0);
            for block in first..first + meta.n_blocks {
                if let Some(slot) = map.get_mut(block as usize) {
                    *slot = next;
                }
                next += 1;
            }
        }
        Ok(sources)
    }
}

/// What has been written so far, but for the posting lists.
struct Output<'a> {
    parts: &'a [MergePart<'a>],
    file: FileWriter,
    hasher: blake3::Hasher,
    records: Vec<Record>,
    blocks: BlocksBuilder,
    n_blocks: u32,
    blobs: Vec<Vec<Option<BlobIdx>>>,
    symbols: SymbolsWriter,
    /// By part.
    symbol_sources: Vec<SymbolSource<'a>>,
}

impl Output<'_> {
    /// Copies records and frames of a chunk's blobs.
    fn take(&mut self, chunk: &NewChunk) -> Result<(), MergeError> {
        self.blocks.chunks.push((self.n_blocks, self.records.len() as u32));
        for place in &chunk.blobs {
            let segment = self.parts[place.part].segment;
            let meta = segment.blob(place.blob)?;
            let number = self.records.len() as u32;
            self.blobs[place.part][place.blob.0 as usize] = Some(BlobIdx(number));
            self.hasher.update(&meta.oid.0);
            self.records.push(Record {
                oid: meta.oid,
                first_block: self.n_blocks,
                size: meta.size,
                language: meta.language,
                flags: meta.flags,
                skip: meta.skip,
                rank: meta.rank,
            });
            self.symbol_sources[place.part].copy(place.blob, meta.text_len, &mut self.symbols)?;
            for block in meta.first_block.0..meta.first_block.0 + meta.n_blocks {
                self.block(segment, block)?;
            }
            let n_samples = (self.n_blocks as usize).div_ceil(BLOB_SAMPLE_RATE);
            self.blocks.blob_samples.resize(n_samples, number);
        }
        Ok(())
    }

    fn block(&mut self, segment: &Segment, block: u32) -> Result<(), MergeError> {
        let (frame, text_len) = segment.frame(BlockIdx(block))?;
        let n_newlines = segment.newlines(block + 1)?.saturating_sub(segment.newlines(block)?);
        self.file.write(frame)?;
        push_sum(&mut self.blocks.starts, text_len as u32);
        push_sum(&mut self.blocks.newlines, n_newlines as u32);
        push_sum(&mut self.blocks.frames, frame.len() as u32);
        self.n_blocks += 1;
        Ok(())
    }
}

fn gram_run(parts: &[MergePart<'_>], chunk: &NewChunk, sources: &Sources) -> Result<Vec<u8>, ReadError> {
    if let Some((part, chunk)) = chunk.whole {
        let (postings, file, first_blocks) = parts[part].segment.lists()?;
        return postings.chunk_run(file, first_blocks, Keys::Grams, chunk.0);
    }
    let lists = sources.iter().map(|((part, source), map)| {
        let (postings, file, first_blocks) = parts[*part].segment.lists()?;
        postings.mapped_lists(file, first_blocks, Keys::Grams, source.0, (map, &|_| true))
    });
    Ok(join(&lists.collect::<Result<Vec<_>, ReadError>>()?, &[], chunk.n_blocks))
}

/// What is known of bigrams before the text is looked at.
struct BigramPlan {
    /// Whether the new segment keeps any.
    are_kept: bool,
    /// Those that are too frequent in the whole, whatever the text says; ascending.
    frequent: Vec<u32>,
    is_frequent: BlockBitmap,
    /// By part, those that its lists do not tell and its text has to.
    untold: Vec<Option<BlockBitmap>>,
}

impl BigramPlan {
    fn new(parts: &[MergePart<'_>], n_blocks: u32) -> Result<Self, ReadError> {
        let n_keys = Bigram::N_KEYS as u32;
        let mut plan = BigramPlan {
            are_kept: n_blocks >= BIGRAM_BLOCKS_MIN,
            frequent: Vec::new(),
            is_frequent: BlockBitmap::empty(n_keys),
            untold: Vec::new(),
        };
        if !plan.are_kept {
            return Ok(plan);
        }
        let mut n_blocks_min = vec![0u64; Bigram::N_KEYS];
        for part in parts {
            let (postings, file, first_blocks) = part.segment.lists()?;
            if !postings.has_bigrams() {
                plan.untold.push(Some(BlockBitmap::full(n_keys)));
                continue;
            }
            let n_dead = dead_blocks(part)?;
            let n_frequent = u64::from(part.segment.n_blocks()).div_ceil(FREQUENT_DIVISOR);
            let mut untold = BlockBitmap::empty(n_keys);
            postings.for_each_key(file, first_blocks, Keys::Bigrams, &mut |key, count| {
                if count.is_none() && key < n_keys {
                    untold.insert(key);
                }
                if let Some(min) = n_blocks_min.get_mut(key as usize) {
                    *min += count.unwrap_or(n_frequent).saturating_sub(n_dead);
                }
            })?;
            plan.untold.push(Some(untold));
        }
        let threshold = u64::from(n_blocks).div_ceil(FREQUENT_DIVISOR);
        let keys = (0..n_keys).filter(|key| n_blocks_min[*key as usize] >= threshold);
        plan.frequent = keys.collect();
        plan.frequent.iter().for_each(|key| plan.is_frequent.insert(*key));
        for untold in &mut plan.untold {
            if let Some(keys) = untold {
                keys.and_not(&plan.is_frequent);
            }
            *untold = untold.take().filter(|keys| !keys.is_empty());
        }
        Ok(plan)
    }

    fn run(
        &self,
        parts: &[MergePart<'_>],
        chunk: &NewChunk,
        sources: &Sources,
    ) -> Result<Vec<u8>, ReadError> {
        if !self.are_kept {
            return Ok(Vec::new());
        }
        let mut lists = Vec::new();
        for ((part, source), map) in sources {
            let segment = parts[*part].segment;
            let (postings, file, first_blocks) = segment.lists()?;
            let is_wanted = |key: u32| !self.is_frequent.contains(key);
            lists.push(postings.mapped_lists(
                file,
                first_blocks,
                Keys::Bigrams,
                source.0,
                (map, &is_wanted),
            )?);
            if let Some(untold) = self.untold.get(*part).and_then(Option::as_ref) {
                lists.push(bigrams_of_text(segment, *source, map, untold)?);
            }
        }
        Ok(join(&lists, &self.frequent, chunk.n_blocks))
    }
}

fn dead_blocks(part: &MergePart<'_>) -> Result<u64, ReadError> {
    let dead = (0..part.segment.n_blobs()).filter(|blob| !part.live.contains(*blob));
    dead.map(|blob| Ok(u64::from(part.segment.blob(BlobIdx(blob))?.n_blocks))).sum()
}

/// Which of these bigrams stand in which blocks of a chunk, by the blocks' text.
fn bigrams_of_text(
    segment: &Segment,
    chunk: ChunkIdx,
    map: &[u16],
    wanted: &BlockBitmap,
) -> Result<Lists, ReadError> {
    let first_block = segment.chunk(chunk)?.first_block.0;
    let (mut text, mut scratch, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
    let mut unseen = wanted.clone();
    for (block, target) in (first_block..).zip(map).filter(|(_, target)| **target != GONE) {
        text.clear();
        segment.read_blocks(BlockIdx(block), 1, &mut text)?;
        let n_before = pairs.len();
        for_each_window(&text, &mut scratch, |window| {
            if let Some(key) = window.bigram().map(Bigram::key).filter(|key| unseen.contains(*key)) {
                unseen.remove(key);
                pairs.push(u64::from(key) << 32 | u64::from(*target));
            }
        });
        pairs[n_before..].iter().for_each(|pair| unseen.insert((pair >> 32) as u32));
    }
    Ok(lists_of_pairs(pairs))
}
