//! Segments: the blobs of one repository, in compressed blocks of lines, with the grams of each block.
//!
//! [`writer`] cuts blobs into blocks and chunks and hands slices of them to [`pool`], where [`slice`] compresses and
//! collects; [`serializer`] lays the sections out; [`reader`] maps them back, through [`meta`] and [`blocks`]; `Prepared` in
//! [`candidates`] answers gram queries; [`merge`](merge::merge) joins segments into one.

mod blocks;
mod candidates;
mod lz4;
mod merge;
mod meta;
mod pool;
mod reader;
mod serializer;
mod slice;
mod writer;

pub use candidates::{Granularity, Prepared};
pub use merge::{MergeError, MergePart, Merged, merge};
pub use meta::BlobMeta;
pub use reader::{Chunk, Segment};
pub use serializer::SegmentInfo;
pub use writer::{Content, NewBlob, SegmentWriter, WriterOptions};

/// How the text of a segment's blocks is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Codec {
    /// As it is: about twice as fast to search exhaustively, three times as large.
    Raw,
    /// LZ4, each block on its own; as it is where that is not smaller.
    #[default]
    Lz4,
}

impl Codec {
    fn code(self) -> u32 {
        match self {
            Codec::Raw => 0,
            Codec::Lz4 => 1,
        }
    }

    fn from_code(code: u32) -> Option<Codec> {
        match code {
            0 => Some(Codec::Raw),
            1 => Some(Codec::Lz4),
            _ => None,
        }
    }
}
