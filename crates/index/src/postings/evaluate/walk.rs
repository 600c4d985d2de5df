//! Reads every list of a file, in the order of their keys: for those who write them into another file.

use super::{Plan, Postings};
use crate::ReadError;
use crate::file::{FileReader, SectionKind, Whole};
use crate::postings::codec;
use crate::postings::collect::Lists;
use crate::postings::dictionary::{self, Found, Lens};

/// Which lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    Grams,
    Bigrams,
}

/// Where the blocks of a chunk go, by their number in it; [`GONE`] for those that go nowhere.
pub(crate) type BlockMap<'a> = &'a [u16];

/// In a [`BlockMap`]: the block is left out.
pub(crate) const GONE: u16 = u16::MAX;

impl Postings {
    /// Whether the file has lists of bigrams.
    pub(crate) fn has_bigrams(&self) -> bool {
        self.bigrams.is_some()
    }

    /// How many grams there are lists of.
    pub(crate) fn n_grams(&self, file: &FileReader) -> Result<u32, ReadError> {
        dictionary::n_keys(self.grams.get(file)?, SectionKind::Grams.name())
    }

    /// Calls `visit` with every key and how many blocks it is in; `None` for one that is too frequent to have been kept.
    pub(crate) fn for_each_key(
        &self,
        file: &FileReader,
        first_blocks: &[u32],
        keys: Keys,
        visit: &mut dyn FnMut(u32, Option<u64>),
    ) -> Result<(), ReadError> {
        self.for_each_found(file, first_blocks, keys, &mut |key, found| {
            match found {
                Found::Nowhere => {}
                Found::Anywhere => visit(key, None),
                Found::Inline { second, .. } => visit(key, Some(1 + u64::from(second.is_some()))),
                Found::List { n_blocks, .. } => visit(key, Some(n_blocks)),
            }
            Ok(())
        })
    }

    /// How many bytes the lists of the grams take, which stand in a section of this kind.
    pub(crate) fn lists_len(
        &self,
        kind: SectionKind,
        file: &FileReader,
        first_blocks: &[u32],
    ) -> Result<u64, ReadError> {
        let mut len = 0;
        each_found(&self.grams, kind, file, first_blocks, &mut |_, found| {
            len += if let Found::List { len, .. } = found { len } else { 0 };
            Ok(())
        })?;
        Ok(len)
    }

    /// The entries of one chunk as a run has them, lists as they are stored.
    pub(crate) fn chunk_run(
        &self,
        file: &FileReader,
        first_blocks: &[u32],
        keys: Keys,
        chunk: u32,
    ) -> Result<Vec<u8>, ReadError> {
        let mut run = Vec::new();
        let mut few = Vec::new();
        self.for_each_list(file, first_blocks, keys, chunk, &mut |key, list, universe| {
            run.extend(key.to_le_bytes());
            match list {
                List::Few(blocks) => {
                    few.clear();
                    few.extend(blocks.iter().map(|block| *block as u16));
                    run.extend((few.len() as u16).to_le_bytes());
                    codec::encode(&few, universe, &mut run);
                }
                List::Stored { count, bytes } => {
                    run.extend((count as u16).to_le_bytes());
                    run.extend(bytes);
                }
            }
            Ok(())
        })?;
        Ok(run)
    }

    /// The lists of one chunk, without those of unwanted keys, their blocks put where the map says.
    pub(crate) fn mapped_lists(
        &self,
        file: &FileReader,
        first_blocks: &[u32],
        keys: Keys,
        chunk: u32,
        (map, is_wanted): (BlockMap<'_>, &dyn Fn(u32) -> bool),
    ) -> Result<Lists, ReadError> {
        let mut lists = Lists::default();
        let mut words = Vec::new();
        self.for_each_list(file, first_blocks, keys, chunk, &mut |key, list, universe| {
            if !is_wanted(key) {
                return Ok(());
            }
            let n_before = lists.blocks.len();
            let mut put = |block: usize| {
                lists.blocks.extend(map.get(block).copied().filter(|target| *target != GONE));
            };
            match list {
                List::Few(blocks) => blocks.iter().for_each(|block| put(*block as usize)),
                List::Stored { count, bytes } => {
                    words.clear();
                    words.resize(universe.div_ceil(64) as usize, 0u64);
                    let damaged = ReadError::Damaged { section: "POSTINGS", what: "a list is invalid" };
                    codec::decode_into(bytes, count, universe, &mut words).ok_or(damaged)?;
                    for (idx, word) in words.iter().enumerate() {
                        let mut word = *word;
                        while word != 0 {
                            put(idx * 64 + word.trailing_zeros() as usize);
                            word &= word - 1;
                        }
                    }
                }
            }
            if lists.blocks.len() > n_before {
                lists.keys.push(key);
                lists.ends.push(lists.blocks.len() as u32);
            }
            Ok(())
        })?;
        Ok(lists)
    }

    /// Calls `visit` with every key that is in the chunk, its list, and the number of the chunk's blocks. Keys that are too
    /// frequent are left out.
    fn for_each_list(
        &self,
        file: &FileReader,
        first_blocks: &[u32],
        keys: Keys,
        chunk: u32,
        visit: &mut dyn FnMut(u32, List<'_>, u32) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let plan = Plan { file, postings: self, first_blocks, root: super::Node::None };
        let out = || ReadError::OutOfRange {
            noun: "chunk",
            number: chunk.into(),
            count: first_blocks.len().saturating_sub(1) as u64,
        };
        let universe = plan.universe(chunk).ok_or_else(out)?;
        let first_block = first_blocks[chunk as usize];
        let is_single = first_blocks.len() == 2;
        let stored = |count: u32, offset: u64| {
            let count = count.min(universe);
            let end = offset.saturating_add(codec::encoded_len(count, universe) as u64);
            Ok::<_, ReadError>(List::Stored { count, bytes: self.lists.get(file, offset..end)? })
        };
        let mut few = Vec::new();
        self.for_each_found(file, first_blocks, keys, &mut |key, found| match found {
            Found::Nowhere | Found::Anywhere => Ok(()),
            Found::Inline { first, second } => {
                few.clear();
                let blocks = [Some(first), second].into_iter().flatten();
                few.extend(
                    blocks.filter_map(|block| block.checked_sub(first_block)).filter(|b| *b < universe),
                );
                if few.is_empty() { Ok(()) } else { visit(key, List::Few(&few), universe) }
            }
            Found::List { n_blocks, offset, .. } if is_single => {
                visit(key, stored(n_blocks.min(u64::from(u32::MAX)) as u32, offset)?, universe)
            }
            Found::List { offset, len, .. } => {
                let parts = plan.read_directory(offset, len)?;
                match parts.binary_search_by_key(&chunk, |part| part.chunk) {
                    Ok(at) => visit(key, stored(parts[at].count, parts[at].offset)?, universe),
                    Err(_) => Ok(()),
                }
            }
        })
    }

    fn for_each_found(
        &self,
        file: &FileReader,
        first_blocks: &[u32],
        keys: Keys,
        visit: &mut dyn FnMut(u32, Found) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let (section, kind) = match keys {
            Keys::Grams => (Some(&self.grams), SectionKind::Grams),
            Keys::Bigrams => (self.bigrams.as_ref(), SectionKind::Bigrams),
        };
        let Some(section) = section else { return Ok(()) };
        each_found(section, kind, file, first_blocks, visit)
    }
}

fn each_found(
    dictionary: &Whole,
    kind: SectionKind,
    file: &FileReader,
    first_blocks: &[u32],
    visit: &mut dyn FnMut(u32, Found) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let n_blocks = first_blocks.last().copied().unwrap_or(0);
    let lens = (first_blocks.len() == 2).then(|| Lens::new(n_blocks));
    dictionary::for_each(dictionary.get(file)?, kind.name(), lens.as_ref(), visit)
}

/// A key's blocks in one chunk, counted from the chunk's first.
enum List<'a> {
    Few(&'a [u32]),
    Stored { count: u32, bytes: &'a [u8] },
}
