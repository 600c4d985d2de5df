//! Joins the runs of all chunks into POSTINGS and a dictionary.
//!
//! A list of more than two blocks is a chunk directory followed by the list of each chunk that has any. The directory is
//! the number of such chunks, then for each its distance from the one before (left out where all chunks have some) and its
//! number of blocks. A file of one chunk has no directories.

use super::codec;
use super::dictionary::{DictionaryWriter, Found, INLINE_MAX};
use super::run::{Run, RunReader};
use crate::WriteError;
use crate::bytes::put_varint;
use crate::file::FileWriter;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;

/// Read-ahead of all spilled runs together.
const READ_AHEAD_BYTES: usize = 32 << 20;

/// Where a key is too frequent to be kept: in this many blocks or more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frequent(pub(crate) u64);

/// Appends the lists of all runs to the open section of `file` and returns the dictionary.
pub(crate) fn merge_runs(
    runs: Vec<Run>,
    spill: Option<&File>,
    first_blocks: &[u32],
    frequent: Frequent,
    file: &mut FileWriter,
) -> Result<Vec<u8>, WriteError> {
    let buffer_len = READ_AHEAD_BYTES / runs.len().max(1);
    let n_chunks = runs.len();
    let mut readers: Vec<_> = runs.into_iter().map(|run| RunReader::new(run, spill, buffer_len)).collect();
    let mut heap = BinaryHeap::new();
    for (chunk, reader) in readers.iter_mut().enumerate() {
        let key = reader.key().map_err(|source| file.io_error(source))?;
        heap.extend(key.map(|key| Reverse((key, chunk))));
    }
    let mut list = ListBuilder::new(n_chunks, first_blocks, frequent);
    let mut dictionary = DictionaryWriter::default();
    while let Some(Reverse((key, chunk))) = heap.pop() {
        let reader = &mut readers[chunk];
        let entry = reader.entry().map_err(|source| file.io_error(source))?;
        list.add(chunk, entry.count, entry.universe, entry.list);
        let next = reader.key().map_err(|source| file.io_error(source))?;
        heap.extend(next.map(|key| Reverse((key, chunk))));
        if heap.peek().is_none_or(|Reverse((next_key, _))| *next_key != key) {
            let list_at = file.section_len();
            dictionary.add(key, list.finish(list_at, file)?, list_at);
        }
    }
    Ok(dictionary.finish())
}

/// Puts together the list of one key.
struct ListBuilder<'a> {
    n_chunks: usize,
    first_blocks: &'a [u32],
    frequent: Frequent,
    parts: Vec<Part>,
    lists: Vec<u8>,
    n_blocks: u64,
}

struct Part {
    chunk: usize,
    count: u32,
    universe: u32,
    list_at: usize,
}

impl<'a> ListBuilder<'a> {
    fn new(n_chunks: usize, first_blocks: &'a [u32], frequent: Frequent) -> Self {
        ListBuilder { n_chunks, first_blocks, frequent, parts: Vec::new(), lists: Vec::new(), n_blocks: 0 }
    }

    fn add(&mut self, chunk: usize, count: u32, universe: u32, list: &[u8]) {
        self.parts.push(Part { chunk, count, universe, list_at: self.lists.len() });
        self.lists.extend_from_slice(list);
        self.n_blocks += u64::from(count);
    }

    fn finish(&mut self, offset: u64, file: &mut FileWriter) -> Result<Found, WriteError> {
        let n_blocks = self.n_blocks;
        let found = if n_blocks >= self.frequent.0 {
            Found::Anywhere
        } else if n_blocks <= INLINE_MAX {
            let mut blocks = self.parts.iter().flat_map(|part| self.blocks_of(part));
            Found::Inline { first: blocks.next().unwrap_or(0), second: blocks.next() }
        } else if self.n_chunks == 1 {
            file.write(&self.lists)?;
            Found::List { n_blocks, offset, len: 0 }
        } else {
            let directory = self.directory();
            file.write(&directory)?;
            file.write(&self.lists)?;
            Found::List { n_blocks, offset, len: (directory.len() + self.lists.len()) as u64 }
        };
        self.parts.clear();
        self.lists.clear();
        self.n_blocks = 0;
        Ok(found)
    }

    fn directory(&self) -> Vec<u8> {
        let mut directory = Vec::new();
        put_varint(&mut directory, self.parts.len() as u64);
        let mut next_chunk = 0;
        for part in &self.parts {
            if self.parts.len() < self.n_chunks {
                put_varint(&mut directory, (part.chunk - next_chunk) as u64);
                next_chunk = part.chunk + 1;
            }
            put_varint(&mut directory, part.count.into());
        }
        directory
    }

    fn blocks_of(&self, part: &Part) -> Vec<u32> {
        let list = &self.lists[part.list_at..];
        let blocks = codec::decode_few(list, part.count, part.universe).unwrap_or_default();
        blocks.into_iter().map(|block| self.first_blocks[part.chunk] + block).collect()
    }
}
