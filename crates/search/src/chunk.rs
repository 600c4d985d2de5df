//! From grams to candidate blobs, one chunk at a time.

use crate::plan::Plan;
use crate::repo_run::RepoRun;
use crate::tree::Node;
use index::{BlobIdx, BlockBitmap, BlockIdx, Chunk, ChunkIdx, ReadError, Segment, SegmentOrdinal};
use std::ops::Range;

/// The first batch of a chunk, in blocks; each next one is twice as large, so that first results come early.
const FIRST_BATCH_BLOCKS: u64 = 128;
/// The largest batch: some 4 MiB of text, 2 to 5 ms; where a page is enough a quarter, as what is searched beyond the page is
/// for nothing.
const BATCH_BLOCKS_MAX: u64 = 1024;
const PAGE_BATCH_BLOCKS_MAX: u64 = 256;

/// The candidates of one chunk: blobs that no posting list and no path rules out, and per term the blocks to look at.
#[derive(Debug)]
pub(crate) struct Candidates {
    pub(crate) segment: SegmentOrdinal,
    pub(crate) chunk: Chunk,
    /// Ascending, which is the order of static rank.
    pub(crate) blobs: Vec<Candidate>,
    /// By term, counted from the chunk's first block; `None` for a term that is not looked for in content.
    pub(crate) term_blocks: Vec<Option<BlockBitmap>>,
}

impl Candidates {
    /// Cuts the candidates into batches of rising size; those of a page are smaller.
    pub(crate) fn batches(&self, is_exhaustive: bool) -> Vec<Range<usize>> {
        let largest = if is_exhaustive { BATCH_BLOCKS_MAX } else { PAGE_BATCH_BLOCKS_MAX };
        let mut ranges = Vec::new();
        let (mut start, mut n_blocks, mut n_blocks_max) = (0, 0, FIRST_BATCH_BLOCKS);
        for (idx, candidate) in self.blobs.iter().enumerate() {
            // A blob without blocks costs something too.
            n_blocks += u64::from(candidate.n_blocks).max(1);
            if n_blocks >= n_blocks_max {
                ranges.push(start..idx + 1);
                (start, n_blocks, n_blocks_max) = (idx + 1, 0, (n_blocks_max * 2).min(largest));
            }
        }
        if start < self.blobs.len() {
            ranges.push(start..self.blobs.len());
        }
        ranges
    }
}

/// A blob to verify.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) blob: BlobIdx,
    /// How many blocks will be read at most.
    pub(crate) n_blocks: u32,
}

/// The part of a chunk that is still in question; `None` = all of it.
#[derive(Clone, Debug, Default)]
struct Within {
    blobs: Option<BlockBitmap>,
    blocks: Option<BlockBitmap>,
}

impl Within {
    fn is_empty(&self) -> bool {
        self.blobs.as_ref().is_some_and(BlockBitmap::is_empty)
    }
}

/// Finds the candidates of a chunk, but for those that were looked at first.
pub(crate) fn candidates(
    plan: &Plan,
    run: &RepoRun<'_>,
    segment: SegmentOrdinal,
    chunk: ChunkIdx,
) -> Result<Candidates, ReadError> {
    candidates_of(plan, run, segment, chunk, false)
}

/// Finds those candidates of a chunk that are to be looked at first, or all others.
pub(crate) fn candidates_of(
    plan: &Plan,
    run: &RepoRun<'_>,
    segment: SegmentOrdinal,
    chunk: ChunkIdx,
    only_early: bool,
) -> Result<Candidates, ReadError> {
    let segment_idx = usize::from(segment.0);
    let reader = &*run.repo.segments[segment_idx];
    let extent = reader.chunk(chunk)?;
    let mut narrowing = Narrowing {
        run,
        ordinal: segment,
        segment: reader,
        chunk,
        extent,
        term_blocks: plan.terms.iter().map(|_| None).collect(),
        or_depth: 0,
        is_partial: false,
        only_early,
    };
    let mut within = narrowing.admitted()?;
    if !within.is_empty()
        && let Some(blobs) = narrowing.upper_bound(&run.node, &within)?
    {
        within = narrowing.within(blobs)?;
    }
    if !within.is_empty() {
        narrowing.complete(&within)?;
    }
    let blobs = narrowing.candidates(&within)?;
    Ok(Candidates { segment, chunk: extent, blobs, term_blocks: narrowing.term_blocks })
}

struct Narrowing<'a, 's> {
    run: &'a RepoRun<'s>,
    ordinal: SegmentOrdinal,
    segment: &'s Segment,
    chunk: ChunkIdx,
    extent: Chunk,
    term_blocks: Vec<Option<BlockBitmap>>,
    /// How many disjunctions stand above the node in question.
    or_depth: u32,
    /// Whether the node in question is only asked about what its own branch of a disjunction left.
    is_partial: bool,
    /// Whether only the blobs that are looked at first are asked about.
    only_early: bool,
}

impl Narrowing<'_, '_> {
    /// SECURITY: what admission leaves of this chunk. Posting lists are only asked about these blocks.
    fn admitted(&self) -> Result<Within, ReadError> {
        let set = &self.run.admission.segments[usize::from(self.ordinal.0)];
        let early = self.run.definers.early(self.ordinal).filter(|_| self.only_early);
        if set.is_all() && early.is_none() {
            return Ok(Within::default());
        }
        let mut blobs = BlockBitmap::empty(self.extent.n_blobs);
        for blob in 0..self.extent.n_blobs {
            let number = self.extent.first_blob.0 + blob;
            let is_asked = early.is_none_or(|early| early.contains(number));
            if is_asked && set.contains(BlobIdx(number)) {
                blobs.insert(blob);
            }
        }
        self.within(blobs)
    }

    fn within(&self, blobs: BlockBitmap) -> Result<Within, ReadError> {
        let mut blocks = BlockBitmap::empty(self.extent.n_blocks);
        for blob in blobs.iter() {
            blocks.insert_range(self.blocks_of(blob)?);
        }
        Ok(Within { blobs: Some(blobs), blocks: Some(blocks) })
    }

    /// The blocks of a blob, both counted from the chunk's first.
    fn blocks_of(&self, blob: u32) -> Result<Range<u32>, ReadError> {
        let blocks = self.segment.blocks_of_blob(BlobIdx(self.extent.first_blob.0 + blob))?;
        let first = blocks.start.saturating_sub(self.extent.first_block.0);
        Ok(if blocks.is_empty() { 0..0 } else { first..first + blocks.len() as u32 })
    }

    /// The blobs that may satisfy the node, out of those in question; `None` where that is all of them.
    fn upper_bound(&mut self, node: &Node, within: &Within) -> Result<Option<BlockBitmap>, ReadError> {
        match node {
            Node::Const(false) => Ok(Some(BlockBitmap::empty(self.extent.n_blobs))),
            Node::Term(term) => self.term_bound(*term, within),
            Node::And(inner) => {
                let mut ordered: Vec<&Node> = inner.iter().collect();
                ordered.sort_by_key(|node| self.estimate(node));
                let mut within = within.clone();
                let was_partial = self.is_partial;
                for (node_idx, node) in ordered.iter().enumerate() {
                    if let Some(blobs) = self.upper_bound(node, &within)? {
                        if blobs.is_empty() || node_idx + 1 == ordered.len() {
                            self.is_partial = was_partial;
                            return Ok(Some(blobs));
                        }
                        within = self.within(blobs)?;
                        self.is_partial |= self.or_depth > 0;
                    }
                }
                self.is_partial = was_partial;
                Ok(within.blobs)
            }
            Node::Or(inner) => {
                let mut union = BlockBitmap::empty(self.extent.n_blobs);
                let mut is_bounded = true;
                self.or_depth += 1;
                for node in inner {
                    match self.upper_bound(node, within)? {
                        Some(blobs) => union.or(&blobs),
                        None => is_bounded = false,
                    }
                }
                self.or_depth -= 1;
                Ok(is_bounded.then_some(union))
            }
            _ => Ok(None),
        }
    }

    fn term_bound(&mut self, term: usize, within: &Within) -> Result<Option<BlockBitmap>, ReadError> {
        let mut blobs = match &self.run.prepared[usize::from(self.ordinal.0)][term] {
            Some(prepared) if prepared.is_anything() => return Ok(None),
            Some(prepared) => {
                let blocks = prepared.candidates(self.chunk, within.blocks.as_ref())?;
                let blobs = self.blobs_of(&blocks)?;
                // Where another branch of a disjunction finds a document, the term is still shown in it: then
                // `complete` looks it up again.
                self.term_blocks[term] = (!self.is_partial).then_some(blocks);
                blobs
            }
            None => BlockBitmap::empty(self.extent.n_blobs),
        };
        if let Some(path_blobs) = self.run.path_blobs(term, self.ordinal) {
            let (first, end) = (self.extent.first_blob.0, self.extent.first_blob.0 + self.extent.n_blobs);
            let mut next = first;
            while let Some(blob) = path_blobs.first_at_or_after(next).filter(|blob| *blob < end) {
                if within.blobs.as_ref().is_none_or(|admitted| admitted.contains(blob - first)) {
                    blobs.insert(blob - first);
                }
                next = blob + 1;
            }
        }
        Ok(Some(blobs))
    }

    fn blobs_of(&self, blocks: &BlockBitmap) -> Result<BlockBitmap, ReadError> {
        let mut blobs = BlockBitmap::empty(self.extent.n_blobs);
        let mut next = 0;
        while let Some(block) = blocks.first_at_or_after(next) {
            let blob = self.segment.blob_of_block(BlockIdx(self.extent.first_block.0 + block))?;
            let blob = blob.0.saturating_sub(self.extent.first_blob.0);
            blobs.insert(blob);
            next = self.blocks_of(blob)?.end.max(block + 1);
        }
        Ok(blobs)
    }

    /// Roughly how many blocks a node leaves: what to ask first.
    fn estimate(&self, node: &Node) -> u64 {
        match node {
            Node::Term(term) => match &self.run.prepared[usize::from(self.ordinal.0)][*term] {
                Some(prepared) if !prepared.is_anything() => prepared.n_blocks_max(),
                Some(_) => u64::MAX,
                None => 0,
            },
            Node::And(inner) => inner.iter().map(|node| self.estimate(node)).min().unwrap_or(0),
            Node::Or(inner) => inner.iter().fold(0, |sum: u64, node| sum.saturating_add(self.estimate(node))),
            _ => u64::MAX,
        }
    }

    /// Looks up the blocks of terms that did not narrow the whole: those in one branch of a disjunction, under a
    /// negation, without grams.
    fn complete(&mut self, within: &Within) -> Result<(), ReadError> {
        for term in &self.run.content_terms {
            if self.term_blocks[*term].is_none()
                && let Some(prepared) = &self.run.prepared[usize::from(self.ordinal.0)][*term]
            {
                let blocks = prepared.candidates(self.chunk, within.blocks.as_ref())?;
                self.term_blocks[*term] = Some(blocks);
            }
        }
        Ok(())
    }

    fn candidates(&self, within: &Within) -> Result<Vec<Candidate>, ReadError> {
        let mut candidates = Vec::new();
        let done = self.run.definers.early(self.ordinal).filter(|_| !self.only_early);
        let mut push = |blob: u32| -> Result<(), ReadError> {
            if done.is_some_and(|done| done.contains(self.extent.first_blob.0 + blob)) {
                return Ok(());
            }
            let blocks = self.blocks_of(blob)?;
            let n_blocks = self.term_blocks.iter().flatten().map(|term| count_in(term, blocks.clone())).max();
            let n_blocks = n_blocks.unwrap_or(0);
            candidates.push(Candidate { blob: BlobIdx(self.extent.first_blob.0 + blob), n_blocks });
            Ok(())
        };
        match &within.blobs {
            Some(blobs) => blobs.iter().try_for_each(&mut push)?,
            None => (0..self.extent.n_blobs).try_for_each(&mut push)?,
        }
        Ok(candidates)
    }
}

/// How many members a range has.
fn count_in(blocks: &BlockBitmap, range: Range<u32>) -> u32 {
    let mut n_blocks = 0;
    let mut next = range.start;
    while let Some(block) = blocks.first_at_or_after(next).filter(|block| *block < range.end) {
        n_blocks += 1;
        next = block + 1;
    }
    n_blocks
}
