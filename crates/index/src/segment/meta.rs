//! META: one record a blob, and the blobs in order of their object ids.
//!
//! Record (40 bytes): `object id 20 · first block u32 · size of the git object u64 · language u32 · flags u16 · skip reason
//! u8 (0: none) · static rank u8`. After the records, the blobs' numbers (u32) ascending by object id.

use crate::bytes::{u32_at, u64_at};
use crate::file::SectionKind;
use crate::{BlobIdx, BlockIdx, ReadError};
use model::{BlobFlags, Language, ObjectId, SkipReason};

/// What is known of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobMeta {
    /// The git object.
    pub oid: ObjectId,
    /// Bytes of the git object.
    pub size: u64,
    /// Bytes of the stored text; 0 where it is empty or was skipped.
    pub text_len: u64,
    /// Its first block; the next blob's where it has none.
    pub first_block: BlockIdx,
    /// How many blocks; 0 for an empty or skipped blob.
    pub n_blocks: u32,
    /// Its language.
    pub language: Language,
    /// What its bytes say.
    pub flags: BlobFlags,
    /// Why it has no text.
    pub skip: Option<SkipReason>,
    /// Static rank, 0 best.
    pub rank: u8,
}

/// A record as it is stored: without what follows from BLOCKS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) oid: ObjectId,
    pub(crate) first_block: u32,
    pub(crate) size: u64,
    pub(crate) language: Language,
    pub(crate) flags: BlobFlags,
    pub(crate) skip: Option<SkipReason>,
    pub(crate) rank: u8,
}

const RECORD_LEN: usize = 40;

/// Bytes of the section for so many blobs.
pub(crate) fn section_len(n_blobs: usize) -> usize {
    n_blobs * (RECORD_LEN + 4)
}

pub(crate) fn write(records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(section_len(records.len()));
    for record in records {
        bytes.extend(record.oid.0);
        bytes.extend(record.first_block.to_le_bytes());
        bytes.extend(record.size.to_le_bytes());
        bytes.extend(record.language.0.to_le_bytes());
        bytes.extend(record.flags.0.to_le_bytes());
        bytes.push(record.skip.map_or(0, |reason| reason as u8));
        bytes.push(record.rank);
    }
    let mut by_oid: Vec<u32> = (0..records.len() as u32).collect();
    by_oid.sort_by_key(|blob| records[*blob as usize].oid);
    by_oid.iter().for_each(|blob| bytes.extend(blob.to_le_bytes()));
    bytes
}

/// The section of a file with so many blobs.
#[derive(Clone, Copy)]
pub(crate) struct Meta<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) n_blobs: u32,
}

impl Meta<'_> {
    pub(crate) fn record(&self, blob: BlobIdx) -> Result<Record, ReadError> {
        if blob.0 >= self.n_blobs {
            let (number, count) = (u64::from(blob.0), u64::from(self.n_blobs));
            return Err(ReadError::OutOfRange { noun: "blob", number, count });
        }
        let at = blob.0 as usize * RECORD_LEN;
        self.parse(at)
            .ok_or(ReadError::Damaged { section: SectionKind::Meta.name(), what: "a record is invalid" })
    }

    /// The first block of a blob, or the number of blocks for the blob past the last.
    #[inline]
    pub(crate) fn first_block(&self, blob: u32, n_blocks: u32) -> u32 {
        if blob >= self.n_blobs {
            return n_blocks;
        }
        u32_at(self.bytes, blob as usize * RECORD_LEN + 20).unwrap_or(n_blocks).min(n_blocks)
    }

    pub(crate) fn find(&self, oid: &ObjectId) -> Result<Option<BlobIdx>, ReadError> {
        let damaged =
            || ReadError::Damaged { section: SectionKind::Meta.name(), what: "the order of ids is invalid" };
        let by_oid = self.n_blobs as usize * RECORD_LEN;
        let (mut low, mut high) = (0, self.n_blobs as usize);
        while low < high {
            let middle = low + (high - low) / 2;
            let blob = u32_at(self.bytes, by_oid + middle * 4).ok_or_else(damaged)?;
            let at = blob as usize * RECORD_LEN;
            let found = self.bytes.get(at..at + 20).ok_or_else(damaged)?;
            match found.cmp(&oid.0) {
                std::cmp::Ordering::Equal if blob < self.n_blobs => return Ok(Some(BlobIdx(blob))),
                std::cmp::Ordering::Equal => return Err(damaged()),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }

    fn parse(&self, at: usize) -> Option<Record> {
        let bytes = self.bytes;
        let skip = match *bytes.get(at + 38)? {
            0 => None,
            code => Some(SkipReason::from_code(code)?),
        };
        Some(Record {
            oid: ObjectId(*bytes.get(at..)?.first_chunk()?),
            first_block: u32_at(bytes, at + 20)?,
            size: u64_at(bytes, at + 24)?,
            language: Language(u32_at(bytes, at + 32)?),
            flags: BlobFlags(u16::from_le_bytes(*bytes.get(at + 36..)?.first_chunk()?)),
            skip,
            rank: *bytes.get(at + 39)?,
        })
    }
}
