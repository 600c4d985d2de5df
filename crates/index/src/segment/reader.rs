//! Reads a segment. Opening looks at the first and the last pages; everything else is checked when it is first touched.

use super::Codec;
use super::blocks::Blocks;
use super::meta::{self, BlobMeta, Meta};
use super::writer::TEXT_LEN_MAX;
use crate::file::{FileKind, FileReader, Paged, SectionKind, Whole};
use crate::postings::evaluate::{Plan, Postings};
use crate::symbols::{self, SymbolTable};
use crate::{BlobIdx, BlockBitmap, BlockIdx, ChunkIdx, OpenError, RawText, ReadError, SegmentId};
use model::ObjectId;
use ngram::GramQuery;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// An open segment. Cheap to open, safe to share between threads; reading it takes no locks.
///
/// A raw sidecar may be attached and detached at any time; whoever reads through it holds on to it.
#[derive(Debug)]
pub struct Segment {
    file: FileReader,
    codec: Codec,
    content: Paged,
    postings: Postings,
    meta: Whole,
    blocks: Whole,
    parsed_blocks: OnceLock<Result<Blocks, ReadError>>,
    raw: RwLock<Option<Arc<RawText>>>,
    /// Absent in files of builds that knew no definitions.
    symbols: Option<symbols::reader::Sections>,
}

/// A run of neighbouring blobs with at most 16,384 blocks: the unit of evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Its first block.
    pub first_block: BlockIdx,
    /// How many blocks.
    pub n_blocks: u32,
    /// Its first blob.
    pub first_blob: BlobIdx,
    /// How many blobs, those without blocks included.
    pub n_blobs: u32,
}

impl Segment {
    /// Maps a segment and checks its frame: header, section table, lengths.
    pub fn open(path: &Path) -> Result<Segment, OpenError> {
        let damaged = |what| OpenError::Damaged { path: path.to_path_buf(), what };
        let file = FileReader::open(path, FileKind::Segment)?;
        let [n_blobs, n_blocks, n_chunks, codec, ..] = file.header().numbers;
        let codec = Codec::from_code(codec).ok_or_else(|| damaged("its codec is unknown"))?;
        let content = file.paged(SectionKind::Content).ok_or_else(|| damaged("it has no CONTENT"))?;
        let postings = Postings::open(&file).ok_or_else(|| damaged("it has no GRAMS or no POSTINGS"))?;
        let meta = file.whole(SectionKind::Meta).ok_or_else(|| damaged("it has no META"))?;
        let blocks = file.whole(SectionKind::Blocks).ok_or_else(|| damaged("it has no BLOCKS"))?;
        if meta.len() != meta::section_len(n_blobs as usize) {
            return Err(damaged("META has another length than there are blobs"));
        }
        // A block takes a byte and more in BLOCKS, a chunk eight.
        let len = blocks.len() as u64;
        if n_chunks == 0 || len < u64::from(n_chunks) * 8 || len < u64::from(n_blocks) / 2 {
            return Err(damaged("BLOCKS is too short for its blocks"));
        }
        let symbols = symbols::reader::Sections::open(&file);
        Ok(Segment {
            file,
            codec,
            content,
            postings,
            meta,
            blocks,
            parsed_blocks: OnceLock::new(),
            raw: RwLock::default(),
            symbols,
        })
    }

    /// Its identity: what it holds.
    pub fn id(&self) -> SegmentId {
        SegmentId(self.file.header().id)
    }

    /// How many blobs.
    pub fn n_blobs(&self) -> u32 {
        self.file.header().numbers[0]
    }

    /// How many blocks.
    pub fn n_blocks(&self) -> u32 {
        self.file.header().numbers[1]
    }

    /// How many chunks; at least one.
    pub fn n_chunks(&self) -> u32 {
        self.file.header().numbers[2]
    }

    /// Bytes of text.
    pub fn text_bytes(&self) -> u64 {
        let [.., low, high] = self.file.header().numbers;
        u64::from(high) << 32 | u64::from(low)
    }

    /// The file's size.
    pub fn size_bytes(&self) -> u64 {
        self.file.bytes().len() as u64
    }

    /// The name and the length of every section of the file.
    pub fn section_lens(&self) -> Vec<(&'static str, u64)> {
        self.file.section_lens().map(|(number, len)| (SectionKind::name_of(number), len)).collect()
    }

    /// How text is stored.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Attaches the raw sidecar, or takes it away. One of another segment is refused: `false`.
    pub fn set_raw(&self, raw: Option<Arc<RawText>>) -> bool {
        if raw.as_ref().is_some_and(|raw| raw.segment() != self.id()) {
            return false;
        }
        *self.raw.write().unwrap_or_else(PoisonError::into_inner) = raw;
        true
    }

    /// The raw sidecar, where one is attached at this moment.
    pub fn raw(&self) -> Option<Arc<RawText>> {
        self.raw.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The blocks of a blob: empty for an empty or skipped one.
    #[inline]
    pub fn blocks_of_blob(&self, blob: BlobIdx) -> Result<Range<u32>, ReadError> {
        if blob.0 >= self.n_blobs() {
            return Err(out_of_range("blob", blob.0, self.n_blobs()));
        }
        let meta = self.meta()?;
        let (start, end) =
            (meta.first_block(blob.0, self.n_blocks()), meta.first_block(blob.0 + 1, self.n_blocks()));
        if start > end {
            let what = "blocks do not ascend with their blobs";
            return Err(ReadError::Damaged { section: SectionKind::Meta.name(), what });
        }
        Ok(start..end)
    }

    /// Where the text of a block begins in the text of its blob, whose first block is `first`.
    #[inline]
    pub fn offset_in_blob(&self, block: BlockIdx, first: BlockIdx) -> Result<u64, ReadError> {
        Ok(self.start(block.0)?.saturating_sub(self.start(first.0)?))
    }

    /// What is known of a blob.
    pub fn blob(&self, blob: BlobIdx) -> Result<BlobMeta, ReadError> {
        let meta = self.meta()?;
        let record = meta.record(blob)?;
        let next_block = meta.first_block(blob.0 + 1, self.n_blocks());
        let n_blocks = next_block.checked_sub(record.first_block).ok_or(ReadError::Damaged {
            section: SectionKind::Meta.name(),
            what: "blocks do not ascend with their blobs",
        })?;
        let text_len = if n_blocks == 0 {
            0
        } else {
            self.start(next_block)?.saturating_sub(self.start(record.first_block)?)
        };
        Ok(BlobMeta {
            oid: record.oid,
            size: record.size,
            text_len,
            first_block: BlockIdx(record.first_block),
            n_blocks,
            language: record.language,
            flags: record.flags,
            skip: record.skip,
            rank: record.rank,
        })
    }

    /// The blob of a git object.
    pub fn find(&self, oid: &ObjectId) -> Result<Option<BlobIdx>, ReadError> {
        self.meta()?.find(oid)
    }

    /// One chunk.
    pub fn chunk(&self, chunk: ChunkIdx) -> Result<Chunk, ReadError> {
        let blocks = self.parsed_blocks()?;
        let at = chunk.0 as usize;
        let bounds = |firsts: &[u32]| Some((*firsts.get(at)?, firsts.get(at + 1)? - firsts[at]));
        match (bounds(&blocks.first_blocks), bounds(&blocks.first_blobs)) {
            (Some((first_block, n_blocks)), Some((first_blob, n_blobs))) => Ok(Chunk {
                first_block: BlockIdx(first_block),
                n_blocks,
                first_blob: BlobIdx(first_blob),
                n_blobs,
            }),
            _ => Err(out_of_range("chunk", chunk.0, self.n_chunks())),
        }
    }

    /// The blob a block belongs to.
    pub fn blob_of_block(&self, block: BlockIdx) -> Result<BlobIdx, ReadError> {
        if block.0 >= self.n_blocks() {
            return Err(out_of_range("block", block.0, self.n_blocks()));
        }
        let (meta, n_blocks) = (self.meta()?, self.n_blocks());
        let (mut low, mut high) =
            self.parsed_blocks()?.blob_bounds(self.blocks.get(&self.file)?, block.0, self.n_blobs())?;
        // The last blob that begins at or before the block; blobs without blocks begin where the next one does.
        while low < high {
            let middle = high - (high - low) / 2;
            if meta.first_block(middle, n_blocks) <= block.0 {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        Ok(BlobIdx(low))
    }

    /// How many newlines its blob has before this block: the number of the block's first line, less one.
    pub fn lines_before(&self, block: BlockIdx) -> Result<u64, ReadError> {
        let first_block = self.first_block_of(block)?;
        Ok(self.newlines(block.0)?.saturating_sub(self.newlines(first_block)?))
    }

    /// How many newlines the blob has.
    pub fn newlines_of_blob(&self, blob: BlobIdx) -> Result<u64, ReadError> {
        let meta = self.blob(blob)?;
        let end = self.newlines(meta.first_block.0 + meta.n_blocks)?;
        Ok(end.saturating_sub(self.newlines(meta.first_block.0)?))
    }

    /// Where the block's text lies in its blob's text.
    pub fn block_range(&self, block: BlockIdx) -> Result<Range<u64>, ReadError> {
        let base = self.start(self.first_block_of(block)?)?;
        let range = self.text_range(block)?;
        Ok(range.start.saturating_sub(base)..range.end.saturating_sub(base))
    }

    /// The text of one block: mapped memory where it is stored as it is, else decompressed into `scratch`, whose old
    /// content is lost.
    pub fn block<'a>(&'a self, block: BlockIdx, scratch: &'a mut Vec<u8>) -> Result<&'a [u8], ReadError> {
        let (frame, text_len) = self.frame(block)?;
        if frame.len() == text_len {
            return Ok(frame);
        }
        scratch.resize(text_len, 0);
        decompress(frame, scratch)?;
        Ok(scratch)
    }

    /// Appends the text of neighbouring blocks to `text`.
    pub fn read_blocks(&self, first: BlockIdx, n_blocks: u32, text: &mut Vec<u8>) -> Result<(), ReadError> {
        let end = first.0.saturating_add(n_blocks);
        if end > self.n_blocks() {
            return Err(out_of_range("block", end.saturating_sub(1), self.n_blocks()));
        }
        let mut from = self.bounds(first.0)?;
        for block in first.0..end {
            let to = self.bounds(block + 1)?;
            let (frame, text_len) = self.frame_between(from, to)?;
            if frame.len() == text_len {
                text.extend_from_slice(frame);
            } else {
                let start = text.len();
                text.resize(start + text_len, 0);
                decompress(frame, &mut text[start..])?;
            }
            from = to;
        }
        Ok(())
    }

    /// Appends the text of a blob to `text`; nothing for a skipped one.
    pub fn read_blob(&self, blob: BlobIdx, text: &mut Vec<u8>) -> Result<(), ReadError> {
        let meta = self.blob(blob)?;
        self.read_blocks(meta.first_block, meta.n_blocks, text)
    }

    /// Puts into a set of blocks of a chunk all blocks of every blob of which one is there.
    pub fn spread_to_blobs(&self, chunk: ChunkIdx, blocks: &mut BlockBitmap) -> Result<(), ReadError> {
        let Chunk { first_block, n_blocks, first_blob, n_blobs } = self.chunk(chunk)?;
        let (meta, n_blocks_all) = (self.meta()?, self.n_blocks());
        let blobs_end = first_blob.0 + n_blobs;
        let mut at = 0;
        while let Some(found) = blocks.first_at_or_after(at) {
            let blob = self.blob_of_block(BlockIdx(first_block.0 + found))?;
            let start = meta.first_block(blob.0, n_blocks_all).saturating_sub(first_block.0);
            let end = if blob.0 + 1 < blobs_end {
                meta.first_block(blob.0 + 1, n_blocks_all).saturating_sub(first_block.0)
            } else {
                n_blocks
            };
            blocks.insert_range(start..end);
            at = end.max(found + 1);
        }
        Ok(())
    }

    /// The definitions of its blobs; `None` where the file was written by a build that knew none.
    pub fn symbols(&self) -> Result<Option<SymbolTable<'_>>, ReadError> {
        self.symbols.as_ref().map(|sections| sections.table(&self.file, self.n_blobs())).transpose()
    }

    /// Reads everything: compares all checksums and decompresses all text.
    pub fn verify(&self) -> Result<(), ReadError> {
        self.meta()?;
        self.parsed_blocks()?;
        self.content.verify(&self.file)?;
        self.postings.verify(&self.file)?;
        self.symbols.as_ref().map(|symbols| symbols.verify(&self.file, self.n_blobs())).transpose()?;
        let mut scratch = Vec::new();
        for block in 0..self.n_blocks() {
            self.block(BlockIdx(block), &mut scratch)?;
        }
        (0..self.n_blobs()).try_for_each(|blob| self.blob(BlobIdx(blob)).map(drop))
    }

    /// The lists of the file, the file, and where its chunks begin: what they are read with.
    pub(crate) fn lists(&self) -> Result<(&Postings, &FileReader, &[u32]), ReadError> {
        Ok((&self.postings, &self.file, &self.parsed_blocks()?.first_blocks))
    }

    pub(crate) fn plan(&self, query: &GramQuery) -> Result<Plan<'_>, ReadError> {
        self.postings.prepare(&self.file, &self.parsed_blocks()?.first_blocks, query)
    }

    fn meta(&self) -> Result<Meta<'_>, ReadError> {
        Ok(Meta { bytes: self.meta.get(&self.file)?, n_blobs: self.n_blobs() })
    }

    fn parsed_blocks(&self) -> Result<&Blocks, ReadError> {
        let parse = || {
            let bytes = self.blocks.get(&self.file)?;
            let blocks = Blocks::parse(bytes, self.n_chunks(), self.n_blocks(), self.n_blobs())?;
            let damaged = |what| ReadError::Damaged { section: SectionKind::Blocks.name(), what };
            if blocks.frames.universe() > self.content.len() {
                return Err(damaged("frames lie past the end of CONTENT"));
            }
            if blocks.starts.universe() != self.text_bytes() {
                return Err(damaged("blocks and header disagree about the text"));
            }
            Ok(blocks)
        };
        self.parsed_blocks.get_or_init(parse).as_ref().map_err(Clone::clone)
    }

    fn first_block_of(&self, block: BlockIdx) -> Result<u32, ReadError> {
        let blob = self.blob_of_block(block)?;
        Ok(self.meta()?.first_block(blob.0, self.n_blocks()))
    }

    fn start(&self, block: u32) -> Result<u64, ReadError> {
        self.parsed_blocks()?.starts.get(self.blocks.get(&self.file)?, block as usize)
    }

    pub(crate) fn newlines(&self, block: u32) -> Result<u64, ReadError> {
        self.parsed_blocks()?.newlines.get(self.blocks.get(&self.file)?, block as usize)
    }

    fn text_range(&self, block: BlockIdx) -> Result<Range<u64>, ReadError> {
        if block.0 >= self.n_blocks() {
            return Err(out_of_range("block", block.0, self.n_blocks()));
        }
        Ok(self.start(block.0)?..self.start(block.0 + 1)?)
    }

    /// The stored bytes of a block, and how long its text is.
    pub(crate) fn frame(&self, block: BlockIdx) -> Result<(&[u8], usize), ReadError> {
        if block.0 >= self.n_blocks() {
            return Err(out_of_range("block", block.0, self.n_blocks()));
        }
        self.frame_between(self.bounds(block.0)?, self.bounds(block.0 + 1)?)
    }

    /// Where a block begins in the text and in CONTENT.
    fn bounds(&self, block: u32) -> Result<Bounds, ReadError> {
        let (blocks, bytes) = (self.parsed_blocks()?, self.blocks.get(&self.file)?);
        let text = blocks.starts.get(bytes, block as usize)?;
        Ok(Bounds { text, frame: blocks.frames.get(bytes, block as usize)? })
    }

    fn frame_between(&self, from: Bounds, to: Bounds) -> Result<(&[u8], usize), ReadError> {
        let frame = self.content.get(&self.file, from.frame..to.frame)?;
        let text_len = to.text.checked_sub(from.text).unwrap_or(u64::MAX);
        // LZ4 cannot make more than 255 bytes of one.
        if text_len > (frame.len() as u64 * 255 + 64).min(TEXT_LEN_MAX as u64) {
            return Err(content_damaged("a frame is too short for its text"));
        }
        Ok((frame, text_len as usize))
    }
}

/// Where a block begins.
#[derive(Clone, Copy)]
struct Bounds {
    text: u64,
    frame: u64,
}

fn decompress(frame: &[u8], text: &mut [u8]) -> Result<(), ReadError> {
    match lz4_flex::block::decompress_into(frame, text) {
        Ok(len) if len == text.len() => Ok(()),
        _ => Err(content_damaged("a frame does not hold its text")),
    }
}

fn content_damaged(what: &'static str) -> ReadError {
    ReadError::Damaged { section: SectionKind::Content.name(), what }
}

fn out_of_range(noun: &'static str, number: u32, count: u32) -> ReadError {
    ReadError::OutOfRange { noun, number: number.into(), count: count.into() }
}
