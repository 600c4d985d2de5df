//! Mentions of symbols, sorted by symbol outside of memory: runs that fit are sorted and put aside, then merged.

use crate::side::Side;
use crate::{IngestError, Stop};
use index::frame::put_varint;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// What one document says of one symbol.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mention {
    pub(crate) symbol: Vec<u8>,
    pub(crate) document: u32,
    /// Encoded by `document`, decoded by `symbols`.
    pub(crate) payload: Vec<u8>,
}

/// Takes mentions in any order.
pub(crate) struct Sorter {
    folder: PathBuf,
    bytes_max: usize,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    runs: Vec<Side>,
}

#[derive(Clone, Copy)]
struct Entry {
    at: u32,
    symbol_len: u32,
    payload_len: u32,
    document: u32,
}

impl Sorter {
    pub(crate) fn new(folder: &Path, bytes_max: usize) -> Sorter {
        let bytes_max = bytes_max.clamp(1, 1 << 30);
        Sorter {
            folder: folder.to_path_buf(),
            bytes_max,
            bytes: Vec::new(),
            entries: Vec::new(),
            runs: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, symbol: &[u8], document: u32, payload: &[u8]) -> io::Result<()> {
        let at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(symbol);
        self.bytes.extend_from_slice(payload);
        let (symbol_len, payload_len) = (symbol.len() as u32, payload.len() as u32);
        self.entries.push(Entry { at, symbol_len, payload_len, document });
        let n_bytes = self.bytes.len() + self.entries.len() * size_of::<Entry>();
        if n_bytes >= self.bytes_max { self.put_aside() } else { Ok(()) }
    }

    fn put_aside(&mut self) -> io::Result<()> {
        let bytes = &self.bytes;
        let symbol = |entry: &Entry| &bytes[entry.at as usize..][..entry.symbol_len as usize];
        self.entries.sort_unstable_by(|a, b| symbol(a).cmp(symbol(b)).then(a.document.cmp(&b.document)));
        let mut run = Side::new(&self.folder)?;
        let mut head = Vec::new();
        for entry in &self.entries {
            head.clear();
            put_varint(&mut head, u64::from(entry.symbol_len));
            put_varint(&mut head, u64::from(entry.payload_len));
            put_varint(&mut head, u64::from(entry.document));
            run.write(&head)?;
            run.write(&bytes[entry.at as usize..][..(entry.symbol_len + entry.payload_len) as usize])?;
        }
        self.runs.push(run);
        self.bytes.clear();
        self.entries.clear();
        Ok(())
    }

    /// Gives all mentions in the order of symbol and document.
    pub(crate) fn merge(
        mut self,
        stop: &Stop<'_>,
        take: &mut dyn FnMut(&Mention) -> Result<(), IngestError>,
    ) -> Result<(), IngestError> {
        self.put_aside()?;
        self.bytes = Vec::new();
        self.entries = Vec::new();
        let mut runs = Vec::new();
        let mut heap = BinaryHeap::new();
        for (idx, run) in self.runs.into_iter().enumerate() {
            let mut run = BufReader::with_capacity(1 << 16, run.into_file()?);
            if let Some(mention) = next(&mut run)? {
                heap.push(Reverse((mention, idx)));
            }
            runs.push(run);
        }
        let mut n_taken = 0u32;
        while let Some(Reverse((mention, idx))) = heap.pop() {
            n_taken = n_taken.wrapping_add(1);
            if n_taken.is_multiple_of(1 << 14) {
                stop.check()?;
            }
            take(&mention)?;
            if let Some(run) = runs.get_mut(idx)
                && let Some(next) = next(run)?
            {
                heap.push(Reverse((next, idx)));
            }
        }
        Ok(())
    }
}

fn next(run: &mut BufReader<File>) -> io::Result<Option<Mention>> {
    let Some(symbol_len) = varint(run)? else { return Ok(None) };
    let ended = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let payload_len = varint(run)?.ok_or_else(ended)?;
    let document = varint(run)?.ok_or_else(ended)?;
    let mut mention =
        Mention { symbol: vec![0; symbol_len as usize], document, payload: vec![0; payload_len as usize] };
    run.read_exact(&mut mention.symbol)?;
    run.read_exact(&mut mention.payload)?;
    Ok(Some(mention))
}

/// A number; `None` at the end of the run.
fn varint(run: &mut BufReader<File>) -> io::Result<Option<u32>> {
    let (mut value, mut byte) = (0, [0]);
    for shift in (0..35).step_by(7) {
        if run.read(&mut byte)? == 0 {
            return Ok(None);
        }
        value |= u32::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            return Ok(Some(value));
        }
    }
    Err(io::Error::from(io::ErrorKind::InvalidData))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn runs_are_merged_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        for bytes_max in [1, 60, 1 << 20] {
            let mut sorter = Sorter::new(folder.path(), bytes_max);
            let mut expected = Vec::new();
            for number in 0..200u32 {
                let symbol = format!("s{}", number * 7919 % 31);
                let payload = number.to_le_bytes().to_vec();
                sorter.push(symbol.as_bytes(), number, &payload).expect("it has room");
                expected.push(Mention { symbol: symbol.into_bytes(), document: number, payload });
            }
            expected.sort();
            let mut taken = Vec::new();
            let cancel = AtomicBool::new(false);
            let stop = Stop { cancel: &cancel, deadline: None };
            sorter
                .merge(&stop, &mut |mention| {
                    taken.push(mention.clone());
                    Ok(())
                })
                .expect("it merges");
            assert_eq!(taken, expected);
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 0);
    }
}
