//! One group of names, and where each of them is defined.

use super::NAME_BYTES_MAX;
use crate::bytes::Cursor;
use crate::file::SectionKind;
use crate::{NameIdx, ReadError, SymbolIdx};
use std::ops::Range;

const NAME: &str = SectionKind::Symbols.name();

/// The names of a group, in order. Where they are defined is read when it is asked for: of most names nobody asks.
#[derive(Clone, Debug, Default)]
pub struct NameGroup<'a> {
    first: u32,
    /// The names, a newline behind each.
    names: Vec<u8>,
    /// Where each ends, before the newline.
    ends: Vec<usize>,
    /// What follows the names.
    definitions: Option<Cursor<'a>>,
    n_definitions_max: u32,
}

impl<'a> NameGroup<'a> {
    /// How many names.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none: nothing was read yet.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The names with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (NameIdx, &[u8])> {
        let mut start = 0;
        (self.first..).zip(&self.ends).map(move |(number, end)| {
            let name = &self.names[start..*end];
            start = end + 1;
            (NameIdx(number), name)
        })
    }

    /// All names in one, a newline behind each, to be searched in one go.
    pub fn text(&self) -> &[u8] {
        &self.names
    }

    /// Where each name ends in [`NameGroup::text`].
    pub fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// Calls `visit` with every definition of the first `n_names` names, by the name's place in the group; those of one name
    /// ascend.
    pub fn for_each_definition(
        &self,
        n_names: usize,
        visit: &mut dyn FnMut(usize, SymbolIdx),
    ) -> Result<(), ReadError> {
        let Some(mut cursor) = self.definitions.clone() else { return Ok(()) };
        let unknown = ReadError::Damaged { section: NAME, what: "a name refers to no definition" };
        let mut first = 0;
        for at in 0..n_names.min(self.ends.len()) {
            let n_definitions = cursor.varint32()?;
            if n_definitions > self.n_definitions_max {
                let what = "a name has more definitions than there are";
                return Err(ReadError::Damaged { section: NAME, what });
            }
            let mut last = first;
            for number in 0..n_definitions {
                last = match number {
                    0 => cursor.step(first)?,
                    _ => last.checked_add(cursor.varint32()?).ok_or_else(|| unknown.clone())?,
                };
                if last >= self.n_definitions_max {
                    return Err(unknown);
                }
                if number == 0 {
                    first = last;
                }
                visit(at, SymbolIdx(last));
            }
        }
        Ok(())
    }

    /// Reads the names with these numbers.
    pub(super) fn read(
        &mut self,
        mut cursor: Cursor<'a>,
        numbers: Range<u32>,
        n_definitions_max: u32,
    ) -> Result<(), ReadError> {
        self.first = numbers.start;
        self.n_definitions_max = n_definitions_max;
        self.names.clear();
        self.ends.clear();
        self.definitions = None;
        let (mut start, mut n_before) = (0, 0);
        for _ in numbers {
            let (n_shared, n_own) = lengths(&mut cursor, n_before)?;
            let before = start..start + n_shared;
            start = self.names.len();
            self.names.extend_from_within(before);
            self.names.extend_from_slice(cursor.take(n_own)?);
            self.ends.push(self.names.len());
            n_before = n_shared + n_own;
            self.names.push(b'\n');
        }
        self.definitions = Some(cursor);
        Ok(())
    }
}

/// Makes a name the one that follows it.
pub(super) fn next_name(cursor: &mut Cursor<'_>, name: &mut Vec<u8>) -> Result<(), ReadError> {
    let (n_shared, n_own) = lengths(cursor, name.len())?;
    name.truncate(n_shared);
    name.extend_from_slice(cursor.take(n_own)?);
    Ok(())
}

/// How many bytes of the name before, of which there are `n_before`, and how many of its own.
#[inline]
fn lengths(cursor: &mut Cursor<'_>, n_before: usize) -> Result<(usize, usize), ReadError> {
    let (n_shared, n_own) = (cursor.varint32()? as usize, cursor.varint32()? as usize);
    if n_shared > n_before || n_shared + n_own > NAME_BYTES_MAX {
        return Err(ReadError::Damaged { section: NAME, what: "a name is impossibly long" });
    }
    Ok((n_shared, n_own))
}
