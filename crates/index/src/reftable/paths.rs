//! PATHS: the documents' paths, ascending, front-coded in groups.
//!
//! `end of each group's bytes (u32 × n_groups) · groups`. A group has up to 16 paths, each as `bytes shared with the one
//! before · bytes of its own · those bytes`; the first of a group shares none.

use super::GROUP_LEN;
use crate::bytes::{Cursor, put_varint, u32_at};
use crate::{GroupIdx, ReadError, WriteError};

const NAME: &str = "PATHS";
/// Longest path. git itself stops at 4,096 on most systems.
pub(super) const PATH_LEN_MAX: usize = 1 << 16;

/// The section of ascending paths.
pub(super) fn write<'a>(paths: impl ExactSizeIterator<Item = &'a [u8]>) -> Result<Vec<u8>, WriteError> {
    let n_groups = paths.len().div_ceil(GROUP_LEN);
    let (mut ends, mut groups) = (Vec::with_capacity(n_groups), Vec::new());
    let mut before: &[u8] = &[];
    let n_paths = paths.len();
    for (idx, path) in paths.enumerate() {
        let n_shared = if idx % GROUP_LEN == 0 {
            0
        } else {
            path.iter().zip(before).take_while(|(left, right)| left == right).count()
        };
        put_varint(&mut groups, n_shared as u64);
        put_varint(&mut groups, (path.len() - n_shared) as u64);
        groups.extend_from_slice(&path[n_shared..]);
        before = path;
        if idx % GROUP_LEN == GROUP_LEN - 1 || idx + 1 == n_paths {
            let end = u32::try_from(groups.len()).map_err(|_| WriteError::TooMany {
                what: "the length of all paths",
                limit: u32::MAX.into(),
            })?;
            ends.push(end);
        }
    }
    let mut bytes: Vec<u8> = ends.iter().flat_map(|end: &u32| end.to_le_bytes()).collect();
    bytes.extend(groups);
    Ok(bytes)
}

/// The section of a file with so many documents.
#[derive(Clone, Copy)]
pub(super) struct Paths<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) n_docs: u32,
}

impl<'a> Paths<'a> {
    pub(super) fn n_groups(&self) -> u32 {
        self.n_docs.div_ceil(GROUP_LEN as u32)
    }

    /// Reads the paths of a group one by one.
    pub(super) fn group(&self, group: GroupIdx) -> Result<GroupPaths<'a>, ReadError> {
        let n_groups = self.n_groups();
        if group.0 >= n_groups {
            let (number, count) = (group.0.into(), n_groups.into());
            return Err(ReadError::OutOfRange { noun: "group of documents", number, count });
        }
        let at = group.0 as usize;
        let bound = |idx: usize| u32_at(self.bytes, idx * 4).map(|bound| bound as usize);
        let start = if at == 0 { Some(0) } else { bound(at - 1) };
        let groups = self.bytes.get(n_groups as usize * 4..);
        let range = start.zip(bound(at)).map(|(start, end)| start..end);
        let own = groups.zip(range).and_then(|(groups, range)| groups.get(range)).ok_or_else(lies_outside)?;
        let first_doc = group.0 * GROUP_LEN as u32;
        let n_left = (self.n_docs - first_doc).min(GROUP_LEN as u32);
        Ok(GroupPaths { cursor: Cursor::new(own, NAME), n_left })
    }

    /// The first path of a group, which is stored whole.
    pub(super) fn first(&self, group: GroupIdx) -> Result<&'a [u8], ReadError> {
        let mut cursor = self.group(group)?.cursor;
        let _shared = cursor.varint32()?;
        let len = cursor.varint32()?;
        cursor.take(len as usize)
    }

    /// The last group whose first path is below `path`: where documents at or after `path` may begin.
    pub(super) fn group_before(&self, path: &[u8]) -> Result<GroupIdx, ReadError> {
        let (mut low, mut high) = (0, self.n_groups());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.first(GroupIdx(middle))? < path {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(GroupIdx(low.saturating_sub(1)))
    }
}

/// Reads the paths of one group, each into the buffer that holds the one before.
#[derive(Debug)]
pub(super) struct GroupPaths<'a> {
    cursor: Cursor<'a>,
    n_left: u32,
}

impl GroupPaths<'_> {
    /// Appends all paths to `text`, a newline behind each, and where each ends to `ends`.
    pub(super) fn append_to(mut self, text: &mut Vec<u8>, ends: &mut Vec<usize>) -> Result<(), ReadError> {
        let mut before = text.len()..text.len();
        for _ in 0..self.n_left {
            let (n_shared, n_own) = self.lengths(before.len())?;
            let start = text.len();
            text.extend_from_within(before.start..before.start + n_shared);
            text.extend_from_slice(self.cursor.take(n_own)?);
            before = start..text.len();
            ends.push(text.len());
            text.push(b'\n');
        }
        Ok(())
    }

    /// How many bytes of the path before, of which there are `n_before`, and how many of its own.
    #[inline]
    fn lengths(&mut self, n_before: usize) -> Result<(usize, usize), ReadError> {
        let n_shared = self.cursor.varint32()? as usize;
        let n_own = self.cursor.varint32()? as usize;
        if n_shared > n_before || n_shared + n_own > PATH_LEN_MAX {
            return Err(ReadError::Damaged { section: NAME, what: "a path is impossibly long" });
        }
        Ok((n_shared, n_own))
    }

    /// Turns the path before into the next; `false` at the end. The buffer must be as the last call left it, and its
    /// content is of no account at the first.
    pub(super) fn next_into(&mut self, path: &mut Vec<u8>) -> Result<bool, ReadError> {
        if self.n_left == 0 {
            return Ok(false);
        }
        self.n_left -= 1;
        let (n_shared, n_own) = self.lengths(path.len())?;
        path.truncate(n_shared);
        path.extend_from_slice(self.cursor.take(n_own)?);
        Ok(true)
    }
}

fn lies_outside() -> ReadError {
    ReadError::Damaged { section: NAME, what: "a group lies outside" }
}
