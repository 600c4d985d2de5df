//! The changed lines of one commit: reading those in which something may be, and finding terms in them.

use super::part::Bound;
use super::run::Side;
use crate::matcher::Scratch;
use crate::pattern::{ContentPattern, Scope};
use crate::plan::Plan;
use index::{BlobIdx, BlockIdx, CommitChanges, ReadError, Segment};
use std::ops::{ControlFlow, Range};

/// A match within a line, counted from 0 in the commit's changed lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LineHit {
    pub(super) line: u64,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The text of one commit, and where terms occur in it.
#[derive(Debug, Default)]
pub(super) struct ChangedLines {
    text: Vec<u8>,
    /// Where each run of neighbouring blocks begins in the text, and how many lines are before it.
    runs: Vec<(usize, u64)>,
    is_whole: bool,
    blob: Option<BlobIdx>,
    /// By term, ascending.
    hits: Vec<Vec<LineHit>>,
}

impl ChangedLines {
    /// Reads the blocks in which a term may be and looks for all terms; on one side only where that is asked.
    #[allow(clippy::too_many_arguments, reason = "each is another part of one commit's view")]
    pub(super) fn scan(
        &mut self,
        plan: &Plan,
        bounds: &[Option<Bound>],
        segment: &Segment,
        blob: BlobIdx,
        changes: &CommitChanges,
        scratches: &mut [Scratch],
        side: Option<Side>,
    ) -> Result<(), ReadError> {
        self.load(plan, bounds, segment, blob)?;
        self.hits.clear();
        self.hits.resize_with(plan.terms.len(), Vec::new);
        for (term_idx, term) in plan.terms.iter().enumerate() {
            let is_asked = bounds.get(term_idx).is_some_and(Option::is_some);
            let Some(pattern) = term.history.as_ref().filter(|_| is_asked) else { continue };
            let mut hits = Vec::new();
            match pattern.scope {
                Scope::Line => self.in_lines(pattern, &mut scratches[term_idx], &mut hits),
                Scope::Document => self.across_lines(pattern, &mut scratches[term_idx], changes, &mut hits),
            }
            if let Some(side) = side {
                hits.retain(|hit| side_of(changes, hit.line) == Some(side));
            }
            self.hits[term_idx] = hits;
        }
        Ok(())
    }

    /// What was read is of another repository.
    pub(super) fn forget(&mut self) {
        (self.blob, self.is_whole) = (None, false);
    }

    /// Whether a term occurs in a run of lines.
    pub(super) fn has_hit(&self, term: usize, lines: &Range<u64>) -> bool {
        !self.within(term, lines).is_empty()
    }

    /// Where the terms that are shown occur in a run of lines, ascending and not overlapping.
    pub(super) fn positive_hits(&self, plan: &Plan, lines: &Range<u64>) -> Vec<LineHit> {
        let terms = plan.terms.iter().enumerate().filter(|(_, term)| term.is_positive);
        let mut hits: Vec<LineHit> =
            terms.flat_map(|(term, _)| self.within(term, lines).iter().copied()).collect();
        hits.sort_unstable();
        hits.dedup_by(|next, kept| {
            let overlaps = next.line == kept.line && next.start < kept.end;
            if overlaps {
                kept.end = kept.end.max(next.end);
            }
            overlaps || next == kept
        });
        hits
    }

    /// The whole text of a commit.
    pub(super) fn whole(&mut self, segment: &Segment, blob: BlobIdx) -> Result<&[u8], ReadError> {
        if !self.is_whole || self.blob != Some(blob) {
            self.blob = None;
            self.text.clear();
            self.runs.clear();
            segment.read_blob(blob, &mut self.text)?;
            self.runs.push((0, 0));
            (self.is_whole, self.blob) = (true, Some(blob));
        }
        Ok(&self.text)
    }

    fn within(&self, term: usize, lines: &Range<u64>) -> &[LineHit] {
        let Some(hits) = self.hits.get(term) else { return &[] };
        let start = hits.partition_point(|hit| hit.line < lines.start);
        let end = hits.partition_point(|hit| hit.line < lines.end);
        &hits[start..end]
    }

    fn load(
        &mut self,
        plan: &Plan,
        bounds: &[Option<Bound>],
        segment: &Segment,
        blob: BlobIdx,
    ) -> Result<(), ReadError> {
        let asked =
            || plan.terms.iter().zip(bounds).filter_map(|(term, bound)| Some((term, bound.as_ref()?)));
        let is_whole = asked().any(|(term, bound)| {
            bound.blocks.is_none() || term.history.as_ref().is_some_and(|p| p.scope == Scope::Document)
        });
        if is_whole {
            return self.whole(segment, blob).map(drop);
        }
        (self.is_whole, self.blob) = (false, Some(blob));
        self.text.clear();
        self.runs.clear();
        let meta = segment.blob(blob)?;
        let wants = |block: u32| {
            asked().any(|(_, bound)| bound.blocks.as_ref().is_some_and(|blocks| blocks.contains(block)))
        };
        let mut block = meta.first_block.0;
        let end = block + meta.n_blocks;
        while block < end {
            let run_end = (block..end).find(|block| !wants(*block)).unwrap_or(end);
            if run_end > block {
                self.runs.push((self.text.len(), segment.lines_before(BlockIdx(block))?));
                segment.read_blocks(BlockIdx(block), run_end - block, &mut self.text)?;
            }
            block = run_end + 1;
        }
        Ok(())
    }

    /// A pattern that holds no newline.
    fn in_lines(&self, pattern: &ContentPattern, scratch: &mut Scratch, hits: &mut Vec<LineHit>) {
        for (run_idx, (start, lines_before)) in self.runs.iter().enumerate() {
            let end = self.runs.get(run_idx + 1).map_or(self.text.len(), |(start, _)| *start);
            let text = &self.text[*start..end];
            let (mut line, mut counted_to) = (*lines_before, 0);
            pattern.matcher.for_each(scratch, text, |hit_start, hit_end| {
                if crate::lines::is_in_a_line(text, hit_start) {
                    line += memchr::memchr_iter(b'\n', &text[counted_to..hit_start]).count() as u64;
                    counted_to = hit_start;
                    let line_start = memchr::memrchr(b'\n', &text[..hit_start]).map_or(0, |at| at + 1);
                    hits.push(LineHit { line, start: hit_start - line_start, end: hit_end - line_start });
                }
                ControlFlow::Continue(())
            });
        }
    }

    /// A pattern that may cross lines: within each run of added or of removed lines, never from one into another.
    fn across_lines(
        &self,
        pattern: &ContentPattern,
        scratch: &mut Scratch,
        changes: &CommitChanges,
        hits: &mut Vec<LineHit>,
    ) {
        let mut ends = memchr::memchr_iter(b'\n', &self.text).map(|at| at + 1);
        let (mut line, mut start) = (0, 0);
        for n_lines in changes.hunks.iter().flat_map(|hunk| [hunk.n_old, hunk.n_new]) {
            let mut starts = vec![start];
            for _ in 0..n_lines {
                let Some(end) = ends.next() else { break };
                starts.push(end);
            }
            let end = starts.last().copied().unwrap_or(start);
            let text = &self.text[start..end];
            pattern.matcher.for_each(scratch, text, |hit_start, hit_end| {
                if crate::lines::is_in_a_line(text, hit_start) {
                    split(&starts, line, start + hit_start, start + hit_end, hits);
                }
                ControlFlow::Continue(())
            });
            line += n_lines;
            start = end;
        }
    }
}

/// Cuts a match at the ends of lines. `starts` are the offsets of lines, the first of which is number `first`.
fn split(starts: &[usize], first: u64, from: usize, to: usize, hits: &mut Vec<LineHit>) {
    let mut idx = starts.partition_point(|start| *start <= from).saturating_sub(1);
    let mut from = from;
    loop {
        let line_start = starts[idx];
        let line_end = starts.get(idx + 1).copied().unwrap_or(to.max(line_start));
        let end = to.min(line_end.saturating_sub(1).max(from));
        hits.push(LineHit { line: first + idx as u64, start: from - line_start, end: end - line_start });
        // A match that ends with a newline does not touch the line after it.
        if to <= line_end || idx + 2 >= starts.len() {
            return;
        }
        idx += 1;
        from = line_end;
    }
}

/// Whether a line is an added or a removed one.
pub(super) fn side_of(changes: &CommitChanges, line: u64) -> Option<Side> {
    let place = changes.hunks.partition_point(|hunk| hunk.first_line <= line).checked_sub(1)?;
    // Hunks without lines share their first line with the next one, which the search above prefers.
    let hunk = changes.hunks.get(place)?;
    let within = line - hunk.first_line;
    match within {
        _ if within < hunk.n_old => Some(Side::Removed),
        _ if within < hunk.n_old + hunk.n_new => Some(Side::Added),
        _ => None,
    }
}
