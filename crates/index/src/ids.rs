//! Numbers inside one file, each its own type, and the identity of a segment.

use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($raw:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $raw);
    };
}

number! {
    /// The number of a blob in its segment, from 0 in the order of writing (best static rank first).
    BlobIdx(u32)
}
number! {
    /// The number of a block in its segment.
    BlockIdx(u32)
}
number! {
    /// The number of a chunk in its segment.
    ChunkIdx(u32)
}
number! {
    /// The number of a commit in its repository's history: a parent's is smaller than its children's.
    CommitIdx(u32)
}
number! {
    /// The number of a document in its ref table, in byte order of the paths.
    DocIdx(u32)
}
number! {
    /// The number of a group of neighbouring documents, the unit of the path gram index.
    GroupIdx(u32)
}
number! {
    /// The number of a name among the different names a segment's definitions have, in their order.
    NameIdx(u32)
}
number! {
    /// The number of a group of neighbouring names, the unit of the index of their grams.
    NameGroupIdx(u32)
}
number! {
    /// The number of a definition in its segment: blob by blob, each blob's in the order of its text.
    SymbolIdx(u32)
}
number! {
    /// The number of a revision in its ref table.
    RevIdx(u32)
}
number! {
    /// The number of an interned set of revisions in its ref table.
    RevSetIdx(u32)
}
number! {
    /// The number of a segment in its ref table's list of segments.
    SegmentOrdinal(u16)
}

/// Names a segment by what it holds: the first 16 bytes of the BLAKE3 of its blobs' ids, in order, and its codec.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SegmentId(pub [u8; 16]);

impl fmt::Display for SegmentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for SegmentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
