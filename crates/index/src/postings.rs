//! Posting lists: which blocks hold which gram.
//!
//! [`collect`] finds the grams of a slice of blocks and [`run`] joins the slices of a chunk; [`writer`] joins the chunks
//! into POSTINGS and a dictionary; [`dictionary`] looks a gram up; [`evaluate`] answers a gram query chunk by chunk;
//! [`codec`] is the form of one list within one chunk.

pub(crate) mod codec;
pub(crate) mod collect;
pub(crate) mod dictionary;
pub(crate) mod evaluate;
pub(crate) mod run;
pub(crate) mod writer;

/// Most blocks in a chunk: a bitmap of them is 2 KiB, and a block's number within its chunk fits 14 bits.
pub(crate) const CHUNK_BLOCKS_MAX: u32 = 16_384;
