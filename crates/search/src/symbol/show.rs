//! A found definition, and the result it becomes when it is shown.

use crate::lines::{self, Cut};
use crate::rank::ScoreParts;
use crate::repo_run::RepoRun;
use crate::{LineMatch, Match, SymbolMatch};
use index::{BlobMeta, BlockIdx, Doc, ReadError, Segment, SegmentOrdinal};
use model::{ByteRange, SymbolKind};
use std::sync::Arc;

/// A definition that may be shown.
#[derive(Debug)]
pub(crate) struct FoundSymbol<'s> {
    pub(crate) run: Arc<RepoRun<'s>>,
    pub(crate) doc: Doc,
    pub(crate) path: Vec<u8>,
    pub(crate) segment: SegmentOrdinal,
    pub(crate) meta: BlobMeta,
    pub(crate) kind: SymbolKind,
    pub(crate) name: String,
    pub(crate) container: String,
    /// In the text of the blob.
    pub(crate) name_start: u64,
    pub(crate) ranges: Vec<ByteRange>,
    pub(crate) parts: ScoreParts,
}

impl FoundSymbol<'_> {
    /// Reads the line it stands on and makes the result.
    pub(crate) fn into_match(self, line_bytes: usize) -> Result<Match, ReadError> {
        let repo = self.run.repo;
        let (commit, refs) = self.run.revisions.describe(&repo.ref_table, self.doc.revisions)?;
        let name = self.name_start..self.name_start + self.name.len() as u64;
        let line = match repo.segments.get(usize::from(self.segment.0)) {
            Some(segment) => line_of(segment, &self.meta, name, line_bytes)?,
            None => None,
        };
        let (number, text, name_range) = match line {
            Some(line) => (line.number, line.text, line.ranges.first().cloned().unwrap_or(0..0)),
            None => (1, String::new(), 0..0),
        };
        Ok(Match::Symbol(SymbolMatch {
            repo_id: repo.id,
            repo: repo.name.clone(),
            commit,
            refs,
            path: self.path,
            language: self.doc.language,
            blob: self.meta.oid,
            score: self.parts.total(),
            score_parts: self.parts,
            name: self.name,
            ranges: self.ranges,
            symbol_kind: self.kind,
            container: self.container,
            line: number,
            name_range,
            text,
        }))
    }
}

/// The line around a range of a blob's text.
pub(crate) fn line_of(
    segment: &Segment,
    meta: &BlobMeta,
    range: std::ops::Range<u64>,
    line_bytes: usize,
) -> Result<Option<LineMatch>, ReadError> {
    let (mut low, mut high) = (meta.first_block.0, meta.first_block.0 + meta.n_blocks);
    if low == high {
        return Ok(None);
    }
    // The last block that begins at or before the range.
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if segment.block_range(BlockIdx(middle))?.start <= range.start {
            low = middle;
        } else {
            high = middle;
        }
    }
    let block = BlockIdx(low);
    let block_start = segment.block_range(block)?.start;
    let mut scratch = Vec::new();
    let text = segment.block(block, &mut scratch)?;
    let in_block = |offset: u64| {
        usize::try_from(offset.saturating_sub(block_start)).unwrap_or(usize::MAX).min(text.len())
    };
    let hit = (in_block(range.start), in_block(range.end));
    let lines_before = segment.lines_before(block)?;
    let cut = Cut { n_lines_max: 1, line_bytes };
    let number_at =
        |offset: usize| lines_before + memchr::memchr_iter(b'\n', &text[..offset]).count() as u64 + 1;
    Ok(lines::collect(text, &[hit], cut, number_at).into_iter().next())
}
