//! Numbers for byte strings, in the order of their first appearance, with little more memory than the strings take.

use crate::WriteError;
use std::hash::{BuildHasher, RandomState};

/// Strings end to end, and a table of their numbers.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    /// Numbers plus one; 0 is a free place. A power of two long, at most three quarters full.
    table: Vec<u32>,
    hasher: RandomState,
}

impl Interner {
    /// The number of a string.
    pub(crate) fn intern(&mut self, string: &[u8]) -> Result<u32, WriteError> {
        if (self.ends.len() + 1) * 4 > self.table.len() * 3 {
            self.grow();
        }
        let mask = self.table.len() - 1;
        let mut at = self.hasher.hash_one(string) as usize & mask;
        while let Some(number) = self.table[at].checked_sub(1) {
            if self.get(number) == string {
                return Ok(number);
            }
            at = (at + 1) & mask;
        }
        let end = u32::try_from(self.bytes.len() + string.len());
        let end =
            end.map_err(|_| WriteError::TooMany { what: "the length of all names", limit: u32::MAX.into() })?;
        let number = self.ends.len() as u32;
        self.bytes.extend_from_slice(string);
        self.ends.push(end);
        self.table[at] = number + 1;
        Ok(number)
    }

    /// The string of a number; empty if there is none.
    pub(crate) fn get(&self, number: u32) -> &[u8] {
        let at = number as usize;
        let start = if at == 0 { 0 } else { self.ends.get(at - 1).map_or(0, |end| *end as usize) };
        let end = self.ends.get(at).map_or(start, |end| *end as usize);
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// How many strings.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    fn grow(&mut self) {
        let len = (self.table.len() * 2).max(64);
        self.table.clear();
        self.table.resize(len, 0);
        for number in 0..self.ends.len() as u32 {
            let mut at = self.hasher.hash_one(self.get(number)) as usize & (len - 1);
            while self.table[at] != 0 {
                at = (at + 1) & (len - 1);
            }
            self.table[at] = number + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_keep_their_numbers() {
        let mut interner = Interner::default();
        let names: Vec<String> = (0..1000).map(|number| format!("name{number}")).collect();
        for _ in 0..2 {
            for (number, name) in (0..).zip(&names) {
                assert_eq!(interner.intern(name.as_bytes()).expect("room"), number);
            }
        }
        assert_eq!((interner.len(), interner.get(77)), (1000, &b"name77"[..]));
        assert_eq!(interner.get(5000), b"");
    }
}
