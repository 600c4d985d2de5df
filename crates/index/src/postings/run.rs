//! Runs: the encoded lists of one chunk in key order, in memory or spilled to a temporary file until all chunks are there.
//!
//! An entry is the key (4 bytes), how many blocks (2 bytes), and the list as [`super::codec`] encodes it.

use super::codec;
use super::collect::Lists;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Joins the lists of a chunk's slices, given with the number of their first block within the chunk, in order.
pub(crate) fn merge_slices(slices: &[(u32, Lists)], universe: u32) -> Vec<u8> {
    let mut run = Vec::new();
    let mut at = vec![0usize; slices.len()];
    let mut blocks: Vec<u16> = Vec::new();
    let next_key = |at: &[usize]| {
        slices.iter().zip(at).filter_map(|((_, lists), at)| lists.keys.get(*at).copied()).min()
    };
    while let Some(key) = next_key(&at) {
        blocks.clear();
        for ((first_block, lists), at) in slices.iter().zip(&mut at) {
            if lists.keys.get(*at) == Some(&key) {
                let start = if *at == 0 { 0 } else { lists.ends[*at - 1] };
                let found = &lists.blocks[start as usize..lists.ends[*at] as usize];
                blocks.extend(found.iter().map(|block| *first_block as u16 + block));
                *at += 1;
            }
        }
        run.extend(key.to_le_bytes());
        run.extend((blocks.len() as u16).to_le_bytes());
        codec::encode(&blocks, universe, &mut run);
    }
    run
}

/// Joins lists whose blocks are numbered within the chunk already, in any order. Keys in `full`, ascending and in none of the
/// lists, are said to be in every block.
pub(crate) fn join(lists: &[Lists], full: &[u32], universe: u32) -> Vec<u8> {
    let mut run = Vec::new();
    if universe == 0 {
        return run;
    }
    let mut at = vec![0usize; lists.len()];
    let firsts =
        lists.iter().enumerate().filter_map(|(idx, lists)| Some(Reverse((*lists.keys.first()?, idx))));
    let mut heap: BinaryHeap<Reverse<(u32, usize)>> = firsts.collect();
    let mut full = full.iter().copied().peekable();
    let mut put_full = |run: &mut Vec<u8>, below: Option<u32>| {
        while let Some(key) = full.next_if(|key| below.is_none_or(|below| *key < below)) {
            run.extend(key.to_le_bytes());
            run.extend((universe as u16).to_le_bytes());
        }
    };
    let mut blocks: Vec<u16> = Vec::new();
    while let Some(Reverse((key, idx))) = heap.pop() {
        let (lists, at) = (&lists[idx], &mut at[idx]);
        let start = if *at == 0 { 0 } else { lists.ends[*at - 1] };
        blocks.extend(&lists.blocks[start as usize..lists.ends[*at] as usize]);
        *at += 1;
        heap.extend(lists.keys.get(*at).map(|next| Reverse((*next, idx))));
        if heap.peek().is_none_or(|Reverse((next, _))| *next != key) {
            put_full(&mut run, Some(key));
            blocks.sort_unstable();
            run.extend(key.to_le_bytes());
            run.extend((blocks.len() as u16).to_le_bytes());
            codec::encode(&blocks, universe, &mut run);
            blocks.clear();
        }
    }
    put_full(&mut run, None);
    run
}

/// A run and the number of blocks of its chunk.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) universe: u32,
    pub(crate) place: Place,
}

/// Where a run is.
#[derive(Debug)]
pub(crate) enum Place {
    Memory(Vec<u8>),
    Spilled(Range<u64>),
}

/// Reads a run from its beginning.
#[derive(Debug)]
pub(crate) struct RunReader<'a> {
    universe: u32,
    spill: Option<&'a File>,
    /// What of the file is not in the buffer yet.
    unread: Range<u64>,
    buffer: Vec<u8>,
    at: usize,
    buffer_len: usize,
}

/// One entry of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunEntry<'a> {
    pub(crate) count: u32,
    pub(crate) universe: u32,
    pub(crate) list: &'a [u8],
}

/// Bytes of key and count.
const ENTRY_HEAD: usize = 6;
/// Longest entry: a whole bitmap.
const ENTRY_MAX: usize = ENTRY_HEAD + super::CHUNK_BLOCKS_MAX as usize / 8;

impl<'a> RunReader<'a> {
    /// `buffer_len` is what may be read ahead.
    pub(crate) fn new(run: Run, spill: Option<&'a File>, buffer_len: usize) -> Self {
        let (buffer, unread) = match run.place {
            Place::Memory(bytes) => (bytes, 0..0),
            Place::Spilled(range) => (Vec::new(), range),
        };
        let buffer_len = buffer_len.max(2 * ENTRY_MAX);
        RunReader { universe: run.universe, spill, unread, buffer, at: 0, buffer_len }
    }

    /// The key of the entry that comes next, `None` at the end.
    pub(crate) fn key(&mut self) -> io::Result<Option<u32>> {
        if self.buffer.len() - self.at < ENTRY_MAX && !self.unread.is_empty() {
            self.refill()?;
        }
        Ok(crate::bytes::u32_at(&self.buffer, self.at))
    }

    /// Takes the entry whose key was just told.
    pub(crate) fn entry(&mut self) -> io::Result<RunEntry<'_>> {
        let short = || io::Error::new(io::ErrorKind::UnexpectedEof, "the spilled postings are cut short");
        let head = self.buffer.get(self.at..self.at + ENTRY_HEAD).ok_or_else(short)?;
        let count = u32::from(u16::from_le_bytes([head[4], head[5]]));
        let start = self.at + ENTRY_HEAD;
        let end = start + codec::encoded_len(count, self.universe);
        self.at = end;
        let list = self.buffer.get(start..end).ok_or_else(short)?;
        Ok(RunEntry { count, universe: self.universe, list })
    }

    fn refill(&mut self) -> io::Result<()> {
        let Some(spill) = self.spill else { return Ok(()) };
        self.buffer.drain(..self.at);
        self.at = 0;
        let n_kept = self.buffer.len();
        let n_more = (self.buffer_len - n_kept).min((self.unread.end - self.unread.start) as usize);
        self.buffer.resize(n_kept + n_more, 0);
        spill.read_exact_at(&mut self.buffer[n_kept..], self.unread.start)?;
        self.unread.start += n_more as u64;
        Ok(())
    }
}
