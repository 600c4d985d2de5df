//! Strings that are held once: `count u32 · count + 1 offsets u32 · bytes`.

use crate::bytes::u32_at;
use crate::file::SectionKind;
use crate::{ReadError, WriteError};
use std::collections::HashMap;

/// Gives each distinct string a number.
#[derive(Debug, Default)]
pub(super) struct Builder {
    numbers: HashMap<Vec<u8>, u32>,
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

impl Builder {
    pub(super) fn intern(&mut self, text: &[u8]) -> Result<u32, WriteError> {
        if let Some(number) = self.numbers.get(text) {
            return Ok(*number);
        }
        let too_many = || super::too_many("the text of names");
        let number = u32::try_from(self.ends.len()).map_err(|_| too_many())?;
        self.bytes.extend_from_slice(text);
        self.ends.push(u32::try_from(self.bytes.len()).map_err(|_| too_many())?);
        self.numbers.insert(text.to_vec(), number);
        Ok(number)
    }

    pub(super) fn len(&self) -> u32 {
        self.ends.len() as u32
    }

    pub(super) fn finish(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes.len() + self.ends.len() * 4 + 8);
        out.extend(self.len().to_le_bytes());
        out.extend(0u32.to_le_bytes());
        self.ends.iter().for_each(|end| out.extend(end.to_le_bytes()));
        out.extend(&self.bytes);
        out
    }
}

/// The strings of a section's bytes.
#[derive(Clone, Copy)]
pub(super) struct Strings<'a> {
    bytes: &'a [u8],
    kind: SectionKind,
}

impl<'a> Strings<'a> {
    pub(super) fn new(bytes: &'a [u8], kind: SectionKind) -> Self {
        Strings { bytes, kind }
    }

    pub(super) fn len(self) -> u32 {
        u32_at(self.bytes, 0).unwrap_or(0)
    }

    pub(super) fn get(self, number: u32) -> Result<&'a [u8], ReadError> {
        let damaged = || super::damaged(self.kind, "a string lies outside");
        if number >= self.len() {
            return Err(damaged());
        }
        let at = 4 + number as usize * 4;
        let texts = 8 + self.len() as usize * 4;
        let (start, end) =
            (u32_at(self.bytes, at).ok_or_else(damaged)?, u32_at(self.bytes, at + 4).ok_or_else(damaged)?);
        let texts = self.bytes.get(texts..).ok_or_else(damaged)?;
        texts.get(start as usize..end as usize).ok_or_else(damaged)
    }
}
