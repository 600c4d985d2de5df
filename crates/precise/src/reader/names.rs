//! Names of symbols: from a name to its number and back. They are sorted and stand in blocks, each name without what it shares
//! with the one before.

use super::{Index, SymbolNo, damaged};
use crate::LookupError;
use crate::symbols::BLOCK_LEN;
use index::frame::{Cursor, SectionKind, u64_at};

impl Index {
    /// The number of a symbol that documents share.
    pub fn find(&self, name: &str) -> Result<Option<u32>, LookupError> {
        let (mut low, mut high) = (0, self.n_symbols.div_ceil(BLOCK_LEN));
        while low < high {
            let middle = low + (high - low) / 2;
            let mut first = self.name_block(middle)?;
            if first.next_name()?.is_none_or(|first| first <= name.as_bytes()) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let Some(block) = low.checked_sub(1) else { return Ok(None) };
        let mut names = self.name_block(block)?;
        let mut number = block * BLOCK_LEN;
        while let Some(found) = names.next_name()? {
            if found == name.as_bytes() {
                return Ok(Some(number));
            }
            number += 1;
        }
        Ok(None)
    }

    /// A symbol's name.
    pub fn name(&self, symbol: SymbolNo) -> Result<String, LookupError> {
        match symbol {
            SymbolNo::Local(document, number) => Ok(self.local(document, number)?.0),
            SymbolNo::Global(number) => {
                let outside = || damaged(SectionKind::SymbolNames, "there is no symbol of this number");
                let mut names = self.name_block(number / BLOCK_LEN)?;
                for _ in 0..number % BLOCK_LEN {
                    names.next_name()?;
                }
                let name = names.next_name()?.ok_or_else(outside)?.to_vec();
                String::from_utf8(name).map_err(|_| outside())
            }
        }
    }

    fn name_block(&self, block: u32) -> Result<NameBlock<'_>, LookupError> {
        let at = u64::from(block) * 8;
        let from = u64_at(self.blocks.get(&self.file, at..at + 8)?, 0).unwrap_or(u64::MAX);
        let n_blocks = self.n_symbols.div_ceil(BLOCK_LEN);
        let end = if block + 1 < n_blocks {
            u64_at(self.blocks.get(&self.file, at + 8..at + 16)?, 0).unwrap_or(0)
        } else {
            self.names.len()
        };
        let bytes = self.names.get(&self.file, from..end)?;
        let cursor = Cursor::new(bytes, SectionKind::SymbolNames.name());
        Ok(NameBlock { cursor, name: Vec::new(), is_first: true })
    }
}

struct NameBlock<'a> {
    cursor: Cursor<'a>,
    name: Vec<u8>,
    is_first: bool,
}

impl NameBlock<'_> {
    fn next_name(&mut self) -> Result<Option<&[u8]>, LookupError> {
        if self.cursor.is_at_end() {
            return Ok(None);
        }
        let common = if self.is_first { 0 } else { self.cursor.varint32()? as usize };
        self.is_first = false;
        if common > self.name.len() {
            return Err(damaged(SectionKind::SymbolNames, "a name shares more than there is"));
        }
        let len = self.cursor.varint32()? as usize;
        self.name.truncate(common);
        self.name.extend_from_slice(self.cursor.take(len)?);
        Ok(Some(&self.name))
    }
}
