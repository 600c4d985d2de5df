//! REVISION_SETS: the sets of revisions, each written once however many documents share it.
//!
//! `end of each set's bytes (u32 × n) · sets`. A set is runs of neighbouring revisions: `revisions skipped since the last
//! run · length of the run − 1`, variable-length integers. Branches that agree about a file are often neighbours, so a
//! set over thousands of revisions is a few bytes.

use crate::bytes::{Cursor, put_varint, u32_at};
use crate::file::SectionKind;
use crate::{ReadError, RevIdx, RevSetIdx, WriteError};
use std::collections::HashMap;
use std::ops::Range;

const NAME: &str = "REVISION_SETS";

/// Gives equal sets one number.
#[derive(Debug, Default)]
pub(super) struct SetsWriter {
    numbers: HashMap<Vec<u8>, u32>,
    sets: Vec<u8>,
    ends: Vec<u32>,
}

impl SetsWriter {
    /// The number of a set of revisions: ascending, not empty, each below `n_revisions`.
    pub(super) fn intern(
        &mut self,
        revisions: impl IntoIterator<Item = RevIdx>,
        n_revisions: usize,
    ) -> Result<u32, WriteError> {
        let invalid =
            WriteError::Invalid { what: "a document whose revisions are empty, unknown or do not ascend" };
        let Some(key) = encode(revisions, n_revisions) else { return Err(invalid) };
        if let Some(number) = self.numbers.get(&key) {
            return Ok(*number);
        }
        let number = self.ends.len() as u32;
        self.sets.extend_from_slice(&key);
        let end = u32::try_from(self.sets.len())
            .map_err(|_| WriteError::TooMany { what: "the sets of revisions", limit: u32::MAX.into() })?;
        self.ends.push(end);
        self.numbers.insert(key, number);
        Ok(number)
    }

    pub(super) fn len(&self) -> u32 {
        self.ends.len() as u32
    }

    pub(super) fn finish(self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.ends.iter().flat_map(|end| end.to_le_bytes()).collect();
        bytes.extend(self.sets);
        bytes
    }
}

/// `None` for an invalid set.
fn encode(revisions: impl IntoIterator<Item = RevIdx>, n_revisions: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut put = |run: &Range<u32>, before: u32| {
        put_varint(&mut bytes, u64::from(run.start - before));
        put_varint(&mut bytes, u64::from(run.end - run.start - 1));
    };
    let (mut run, mut before) = (0..0, 0);
    for revision in revisions {
        if revision.0 as usize >= n_revisions || (revision.0 < run.end && !run.is_empty()) {
            return None;
        }
        if revision.0 == run.end && !run.is_empty() {
            run.end += 1;
            continue;
        }
        if !run.is_empty() {
            put(&run, before);
            before = run.end;
        }
        run = revision.0..revision.0 + 1;
    }
    if run.is_empty() {
        return None;
    }
    put(&run, before);
    Some(bytes)
}

/// Which sets hold at least one of the wanted revisions: made once per search, then one look per document.
#[derive(Clone, Debug)]
pub struct RevFilter {
    admitted: Vec<bool>,
}

impl RevFilter {
    /// Whether the set holds a wanted revision.
    #[inline]
    pub fn admits(&self, set: RevSetIdx) -> bool {
        self.admitted.get(set.0 as usize).copied().unwrap_or(false)
    }
}

/// The section of a file with so many sets.
#[derive(Clone, Copy)]
pub(super) struct Sets<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) n_sets: u32,
}

impl Sets<'_> {
    /// Calls `visit` with each run of revisions, ascending, until it says `false`.
    pub(super) fn for_each_run(
        &self,
        set: RevSetIdx,
        mut visit: impl FnMut(Range<u32>) -> bool,
    ) -> Result<(), ReadError> {
        let damaged = |what| ReadError::Damaged { section: SectionKind::RevisionSets.name(), what };
        if set.0 >= self.n_sets {
            let (number, count) = (set.0.into(), self.n_sets.into());
            return Err(ReadError::OutOfRange { noun: "set of revisions", number, count });
        }
        let at = set.0 as usize;
        let bound = |idx: usize| u32_at(self.bytes, idx * 4).map(|bound| bound as usize);
        let start = if at == 0 { Some(0) } else { bound(at - 1) };
        let sets = self.bytes.get(self.n_sets as usize * 4..);
        let range = start.zip(bound(at)).map(|(start, end)| start..end);
        let own = sets.zip(range).and_then(|(sets, range)| sets.get(range));
        let mut cursor = Cursor::new(own.ok_or_else(|| damaged("a set lies outside"))?, NAME);
        let mut next = 0u32;
        while !cursor.is_at_end() {
            let first = next.checked_add(cursor.varint32()?);
            let end = first.and_then(|first| first.checked_add(1));
            let len = cursor.varint32()?;
            let end = end.and_then(|end| end.checked_add(len));
            let (Some(first), Some(end)) = (first, end) else {
                return Err(damaged("a run is impossibly long"));
            };
            if !visit(first..end) {
                return Ok(());
            }
            next = end;
        }
        Ok(())
    }

    pub(super) fn contains(&self, set: RevSetIdx, revision: RevIdx) -> Result<bool, ReadError> {
        let mut found = false;
        self.for_each_run(set, |run| {
            found = run.contains(&revision.0);
            !found && run.end <= revision.0
        })?;
        Ok(found)
    }

    /// `revisions` in any order.
    pub(super) fn filter(&self, revisions: &[RevIdx]) -> Result<RevFilter, ReadError> {
        let mut wanted: Vec<u32> = revisions.iter().map(|revision| revision.0).collect();
        wanted.sort_unstable();
        let mut admitted = Vec::with_capacity(self.n_sets.min(1 << 20) as usize);
        for set in 0..self.n_sets {
            let mut found = false;
            self.for_each_run(RevSetIdx(set), |run| {
                let next = wanted.partition_point(|revision| *revision < run.start);
                found = wanted.get(next).is_some_and(|revision| *revision < run.end);
                !found
            })?;
            admitted.push(found);
        }
        Ok(RevFilter { admitted })
    }
}
