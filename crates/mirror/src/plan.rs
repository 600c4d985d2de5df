//! What is to be done for a repository: which blobs are new, and where the others are.

use crate::IndexError;
use crate::documents::Documents;
use index::{BlobIdx, DocKind, Segment, SegmentOrdinal};
use model::{BlobFlags, Language, ObjectId, SkipReason};
use std::collections::HashMap;
use std::sync::Arc;

/// Where a blob's text is, or will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The segment.
    pub(crate) segment: SegmentOrdinal,
    /// The blob in it.
    pub(crate) blob: BlobIdx,
    /// Its language, as it was detected.
    pub(crate) language: Language,
}

/// A blob to read from git and index.
#[derive(Clone, Debug)]
pub(crate) struct NewBlob<'a> {
    /// The git object.
    pub(crate) oid: ObjectId,
    /// The best of the paths it stands at.
    pub(crate) path: &'a [u8],
    /// The rank that path gives it.
    pub(crate) rank: u8,
    /// Its size, where git tells it.
    pub(crate) size_bytes: u64,
}

/// The plan.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    /// Blobs found in segments.
    pub(crate) places: HashMap<ObjectId, Place>,
    /// Blobs to index, in order of (rank, path).
    pub(crate) new: Vec<NewBlob<'a>>,
}

impl<'a> Plan<'a> {
    /// Makes the plan for what a walk found. `segments` are those in force, in the order of their ordinals; none to build from
    /// nothing.
    pub(crate) fn new(
        documents: &'a Documents,
        segments: &[Arc<Segment>],
        file_bytes_max: u64,
    ) -> Result<Self, IndexError> {
        let mut best: HashMap<ObjectId, (u8, &'a [u8])> = HashMap::new();
        for document in documents.iter().filter(|document| document.kind != DocKind::Submodule) {
            let path = documents.path(document);
            let candidate = (path_rank(path), path);
            best.entry(document.oid).and_modify(|held| *held = (*held).min(candidate)).or_insert(candidate);
        }
        Plan::of_blobs(best, segments, file_bytes_max)
    }

    /// Makes the plan for blobs, each with the best (rank, path) it stands at.
    pub(crate) fn of_blobs(
        best: impl IntoIterator<Item = (ObjectId, (u8, &'a [u8]))>,
        segments: &[Arc<Segment>],
        file_bytes_max: u64,
    ) -> Result<Self, IndexError> {
        let (mut places, mut new) = (HashMap::new(), Vec::new());
        for (oid, (rank, path)) in best {
            match find(segments, &oid, file_bytes_max)? {
                Some(place) => {
                    places.insert(oid, place);
                }
                None => new.push(NewBlob { oid, path, rank, size_bytes: 0 }),
            }
        }
        new.sort_unstable_by(|a, b| (a.rank, a.path, a.oid).cmp(&(b.rank, b.path, b.oid)));
        Ok(Plan { places, new })
    }
}

/// The rank that a path alone gives.
pub(crate) fn path_rank(path: &[u8]) -> u8 {
    syntax::static_rank(path, syntax::doc_flags(path), BlobFlags::default())
}

/// Finds a blob in segments. One that could not be read before, or that was too large under another limit, counts as
/// not found: it is tried again.
pub(crate) fn find(
    segments: &[Arc<Segment>],
    oid: &ObjectId,
    file_bytes_max: u64,
) -> Result<Option<Place>, IndexError> {
    for (ordinal, segment) in (0u16..).zip(segments) {
        let Some(blob) = segment.find(oid)? else { continue };
        let meta = segment.blob(blob)?;
        let is_final = match meta.skip {
            Some(SkipReason::Unreadable) => false,
            Some(SkipReason::TooLarge) => meta.size > file_bytes_max,
            Some(SkipReason::Binary) | None => true,
        };
        if is_final {
            let segment = SegmentOrdinal(ordinal);
            return Ok(Some(Place { segment, blob, language: meta.language }));
        }
    }
    Ok(None)
}
