//! Gram queries asked of a segment, chunk by chunk.

use super::Segment;
use crate::postings::evaluate::{Keys, Plan};
use crate::{BlockBitmap, ChunkIdx, ReadError};
use ngram::GramQuery;

/// Within what all grams of a conjunction must occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granularity {
    /// One block: for patterns that cannot match a newline ([`ngram::may_match_newline`]).
    Block,
    /// One blob: for patterns that can. Candidates are whole blobs then.
    Blob,
}

/// A gram query looked up in one segment: ask it chunk by chunk, from any thread.
#[derive(Debug)]
pub struct Prepared<'a> {
    segment: &'a Segment,
    plan: Plan<'a>,
    granularity: Granularity,
}

impl Segment {
    /// Looks a query's grams up, once for all chunks.
    pub fn prepare(&self, query: &GramQuery, granularity: Granularity) -> Result<Prepared<'_>, ReadError> {
        Ok(Prepared { segment: self, plan: self.plan(query)?, granularity })
    }

    /// How many different grams its text has.
    pub fn n_grams(&self) -> Result<u32, ReadError> {
        let (postings, file, _) = self.lists()?;
        postings.n_grams(file)
    }

    /// Calls `visit` with the key ([`ngram::Gram::key`]) of every gram of its text, ascending.
    pub fn for_each_gram(&self, visit: &mut dyn FnMut(u32)) -> Result<(), ReadError> {
        let (postings, file, first_blocks) = self.lists()?;
        postings.for_each_key(file, first_blocks, Keys::Grams, &mut |key, _| visit(key))
    }
}

impl Prepared<'_> {
    /// Whether no block at all can match: the segment may be skipped.
    pub fn is_nothing(&self) -> bool {
        self.plan.is_nothing()
    }

    /// Whether the index cannot narrow anything down: every admitted block is a candidate.
    pub fn is_anything(&self) -> bool {
        self.plan.is_anything()
    }

    /// An upper bound of the blocks in the whole segment that hold what the query asks for (of those that do if it is
    /// asked of blobs: their blobs have more).
    pub fn n_blocks_max(&self) -> u64 {
        self.plan.n_blocks_max()
    }

    /// The candidates among a chunk's blocks, counted from the chunk's first block. Only admitted ones; `None` admits all.
    pub fn candidates(
        &self,
        chunk: ChunkIdx,
        admitted: Option<&BlockBitmap>,
    ) -> Result<BlockBitmap, ReadError> {
        let n_blocks = self.segment.chunk(chunk)?.n_blocks;
        let mut set = match admitted {
            Some(admitted) => {
                let mut set = BlockBitmap::empty(n_blocks);
                set.or(admitted);
                set
            }
            None => BlockBitmap::full(n_blocks),
        };
        let spread = |set: &mut BlockBitmap| self.segment.spread_to_blobs(chunk, set);
        match self.granularity {
            Granularity::Block => self.plan.restrict(chunk.0, &mut set, None)?,
            Granularity::Blob => self.plan.restrict(chunk.0, &mut set, Some(&spread))?,
        }
        Ok(set)
    }
}
