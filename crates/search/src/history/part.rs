//! One part of a history as one query sees it: which of its commits may match, decided by grams and people.

use super::plan::{CommitCondition, HistoryPlan, matches_person};
use super::run::HistoryRun;
use super::{ChangePart, CommitPart};
use crate::matcher::Scratch;
use crate::pattern::{ContentPattern, Scope};
use crate::plan::Plan;
use crate::tree::Node;
use index::{BlobIdx, BlockBitmap, BlockIdx, ChunkIdx, CommitIdx, Granularity, ReadError, Segment};
use std::collections::HashMap;

/// A table, and the segment beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Commits,
    Changes,
}

/// Where a pattern may occur in a segment.
#[derive(Debug)]
pub(super) struct Bound {
    /// Blocks of the segment; `None` for all.
    pub(super) blocks: Option<BlockBitmap>,
    /// Blobs of the segment; `None` for all.
    blobs: Option<BlockBitmap>,
}

/// A part, prepared.
#[derive(Debug)]
pub(super) struct PartRun {
    pub(super) kind: Kind,
    pub(super) place: usize,
    /// The commits to look at, the newest first.
    pub(super) numbers: Vec<u32>,
    /// By term.
    pub(super) terms: Vec<Option<Bound>>,
    /// Which paths each `file:` matches, of a change table.
    pub(super) files: Vec<BlockBitmap>,
}

/// The people of a commit table that a condition matches, by condition.
pub(super) type People = HashMap<usize, BlockBitmap>;

impl Bound {
    /// Looks a pattern's grams up.
    pub(super) fn of(pattern: &ContentPattern, segment: &Segment) -> Result<Bound, ReadError> {
        let granularity = match pattern.scope {
            Scope::Line => Granularity::Block,
            Scope::Document => Granularity::Blob,
        };
        let prepared = segment.prepare(&pattern.grams, granularity)?;
        if prepared.is_anything() {
            return Ok(Bound { blocks: None, blobs: None });
        }
        let mut blocks = BlockBitmap::empty(segment.n_blocks());
        let mut blobs = BlockBitmap::empty(segment.n_blobs());
        for chunk in 0..segment.n_chunks() {
            if prepared.is_nothing() {
                break;
            }
            let first = segment.chunk(ChunkIdx(chunk))?.first_block.0;
            for block in prepared.candidates(ChunkIdx(chunk), None)?.iter() {
                blocks.insert(first + block);
                blobs.insert(segment.blob_of_block(BlockIdx(first + block))?.0);
            }
        }
        Ok(Bound { blocks: Some(blocks), blobs: Some(blobs) })
    }

    /// Whether the pattern may occur in a blob.
    pub(super) fn admits(&self, blob: BlobIdx) -> bool {
        self.blobs.as_ref().is_none_or(|blobs| blobs.contains(blob.0))
    }
}

impl PartRun {
    /// Prepares a commit table and its messages.
    pub(super) fn of_commits(
        plan: &Plan,
        run: &HistoryRun<'_>,
        place: usize,
        part: &CommitPart,
    ) -> Result<PartRun, ReadError> {
        let terms = bounds(plan, &run.node, &part.messages)?;
        let end = part.table.range().end;
        let numbers = numbers(run, part.table.range(), end, &terms, part.messages.n_blobs());
        Ok(PartRun { kind: Kind::Commits, place, numbers, terms, files: Vec::new() })
    }

    /// Prepares a change table and its lines.
    pub(super) fn of_changes(
        plan: &Plan,
        run: &HistoryRun<'_>,
        place: usize,
        part: &ChangePart,
    ) -> Result<PartRun, ReadError> {
        let terms = bounds(plan, &run.node, &part.lines)?;
        let end = part.table.range().end;
        let numbers = numbers(run, part.table.range(), end, &terms, part.lines.n_blobs());
        let files = if numbers.is_empty() { Vec::new() } else { paths(plan, part)? };
        Ok(PartRun { kind: Kind::Changes, place, numbers, terms, files })
    }
}

/// Which paths of a change table each `file:` of the plan matches.
pub(super) fn paths(plan: &Plan, part: &ChangePart) -> Result<Vec<BlockBitmap>, ReadError> {
    let mut files = Vec::with_capacity(plan.files.len());
    for file in &plan.files {
        let mut scratch = Scratch::default();
        let mut paths = BlockBitmap::empty(part.table.n_paths());
        for path in 0..part.table.n_paths() {
            if file.path.matcher.is_match(&mut scratch, part.table.path(path)?) {
                paths.insert(path);
            }
        }
        files.push(paths);
    }
    Ok(files)
}

/// The people of a commit table that each condition on people matches.
pub(super) fn people(plan: &HistoryPlan, part: &CommitPart) -> Result<People, ReadError> {
    let mut by_condition = People::new();
    for (condition_idx, condition) in plan.conditions.iter().enumerate() {
        let (CommitCondition::Author(pattern) | CommitCondition::Committer(pattern)) = condition else {
            continue;
        };
        let mut scratch = Scratch::default();
        let mut people = BlockBitmap::empty(part.table.n_people());
        for person in 0..part.table.n_people() {
            if matches_person(&pattern.matcher, &mut scratch, part.table.person(person)?) {
                people.insert(person);
            }
        }
        by_condition.insert(condition_idx, people);
    }
    Ok(by_condition)
}

/// Where each term of the tree may occur.
fn bounds(plan: &Plan, node: &Node, segment: &Segment) -> Result<Vec<Option<Bound>>, ReadError> {
    let mut is_asked = vec![false; plan.terms.len()];
    node.each_leaf(false, &mut |leaf, _| {
        if let Node::Term(term) = leaf {
            is_asked[*term] = true;
        }
    });
    let bound = |(term, is_asked): (&crate::plan::Term, bool)| {
        let pattern = term.history.as_ref().filter(|_| is_asked);
        pattern.map(|pattern| Bound::of(pattern, segment)).transpose()
    };
    plan.terms.iter().zip(is_asked).map(bound).collect()
}

/// The commits of a part that the terms do not rule out, the newest first.
fn numbers(
    run: &HistoryRun<'_>,
    range: std::ops::Range<u32>,
    end: u32,
    terms: &[Option<Bound>],
    n_blobs: u32,
) -> Vec<u32> {
    let is_in_scope = |number: &u32| run.scope.commits.contains(*number);
    match upper_bound(&run.node, terms, n_blobs) {
        Some(blobs) => blobs.iter().map(|blob| end - 1 - blob).filter(is_in_scope).collect(),
        None => range.rev().filter(is_in_scope).collect(),
    }
}

/// The blobs that may satisfy the tree; `None` where that is all of them.
fn upper_bound(node: &Node, terms: &[Option<Bound>], n_blobs: u32) -> Option<BlockBitmap> {
    match node {
        Node::Const(false) => Some(BlockBitmap::empty(n_blobs)),
        Node::Term(term) => terms[*term].as_ref().and_then(|bound| bound.blobs.clone()),
        Node::And(inner) => {
            inner.iter().filter_map(|node| upper_bound(node, terms, n_blobs)).reduce(|mut all, other| {
                all.and(&other);
                all
            })
        }
        Node::Or(inner) => {
            let mut union = BlockBitmap::empty(n_blobs);
            for node in inner {
                union.or(&upper_bound(node, terms, n_blobs)?);
            }
            Some(union)
        }
        _ => None,
    }
}

impl HistoryRun<'_> {
    /// The number of a commit in the segment of a part.
    pub(super) fn blob_of(&self, part: &PartRun, commit: CommitIdx) -> Option<(&Segment, BlobIdx)> {
        match part.kind {
            Kind::Commits => {
                let part = self.history.commit_parts().get(part.place)?;
                Some((&part.messages, part.blob_of(commit)))
            }
            Kind::Changes => {
                let part = self.history.change_parts().get(part.place)?;
                Some((&part.lines, part.blob_of(commit)))
            }
        }
    }
}
