//! The segment file and the ref table: writers, readers, posting lists.
//!
//! Layer 1. A **segment** holds the blobs of one repository: their text in compressed blocks of about 4 KiB, and which
//! block holds which gram. A **ref table** says which blob stands at which path in which revision. Both are immutable
//! files written once (temporary file, fsync, rename) and memory-mapped afterwards. `docs/format/segment-v1.md` is the
//! format; this crate is its only reader and writer. The **history** of a repository adds tables of commits, of changes and of
//! tips; messages and changed lines are segments like any other.
//!
//! Invariants: input is never trusted: a truncated or altered file is an [`OpenError`] or a [`ReadError`], never a panic;
//! opening touches the first and the last pages only; nothing here parses queries or knows who is asking (the `search`
//! crate hands in bitmaps of what the caller may see).

mod bitmap;
mod bytes;
mod elias_fano;
mod error;
mod file;
mod history;
mod ids;
mod map;
mod postings;
mod raw;
mod reftable;
mod segment;
mod symbols;

/// The frame of every file of ours, for crates that have formats of their own: header, checksummed sections, footer, and the
/// numbers in them.
pub mod frame {
    pub use crate::bytes::{Cursor, put_step, put_varint, u32_at, u64_at};
    pub use crate::file::{FileKind, FileReader, FileWriter, Header, Paged, SectionKind, Whole};
}

/// The version of both file formats that this crate writes and reads.
pub const FORMAT_VERSION: u32 = 1;

pub use bitmap::BlockBitmap;
pub use error::{OpenError, ReadError, WriteError};
pub use history::{
    ChangeKind, ChangeState, ChangeTable, ChangeTableWriter, ChangedFile, ChangedHunk, CommitChanges,
    CommitRow, CommitTable, CommitTableWriter, NewCommit, Signature, Tip, Tips, TipsWriter,
};
pub use ids::{
    BlobIdx, BlockIdx, ChunkIdx, CommitIdx, DocIdx, GroupIdx, NameGroupIdx, NameIdx, RevIdx, RevSetIdx,
    SegmentId, SegmentOrdinal, SymbolIdx,
};
pub use raw::{RawText, WriteRawError};
pub use reftable::{
    Child, Doc, DocKind, FilterError, NewDoc, RefTable, RefTableInfo, RefTableWriter, RevFilter, Revision,
};
pub use segment::{
    BlobMeta, Chunk, Codec, Content, Granularity, MergeError, MergePart, Merged, NewBlob, Prepared, Segment,
    SegmentInfo, SegmentWriter, WriterOptions, merge,
};
pub use symbols::{Definition, Letters, NameGroup, NewSymbol, NewSymbols, SymbolTable};
