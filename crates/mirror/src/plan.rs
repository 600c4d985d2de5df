//! What is to be done for a repository: which segments stay, which blobs are new.

use crate::IndexError;
use crate::documents::Documents;
use index::{BlobIdx, DocKind, Segment, SegmentOrdinal};
use model::{BlobFlags, Language, ObjectId, SkipReason};
use std::collections::HashMap;
use std::sync::Arc;

/// So many segments of about one size are written anew as one (size-tiered merging).
const FAN_IN: usize = 8;
/// Sizes of text whose ratio is below this are "about one size".
const TIER_RATIO: u64 = 8;
/// Everything smaller than this is one tier: the smallest segments cost their header more than their text.
const TIER_FLOOR_BYTES: u64 = 1 << 20;
/// Segments with less dead text than this are not worth writing anew for it.
const DEAD_BYTES_MIN: u64 = 4 << 20;

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
    /// Segments that stay, in the order of their ordinals.
    pub(crate) kept: Vec<Arc<Segment>>,
    /// Blobs found in them.
    pub(crate) places: HashMap<ObjectId, Place>,
    /// Blobs to index, in order of (rank, path).
    pub(crate) new: Vec<NewBlob<'a>>,
}

impl<'a> Plan<'a> {
    /// Makes the plan. `existing` are the segments in force, in the order of their ordinals; none to build from nothing.
    pub(crate) fn new(
        documents: &'a Documents,
        existing: &[Arc<Segment>],
        file_bytes_max: u64,
    ) -> Result<Self, IndexError> {
        let best = best_paths(documents);
        let kept = segments_to_keep(&best, existing, file_bytes_max)?;
        let mut places = HashMap::new();
        let mut new = Vec::new();
        for (oid, (rank, path)) in best {
            match find(&kept, &oid, file_bytes_max)? {
                Some(place) => {
                    places.insert(oid, place);
                }
                None => new.push(NewBlob { oid, path, rank, size_bytes: 0 }),
            }
        }
        new.sort_unstable_by(|a, b| (a.rank, a.path, a.oid).cmp(&(b.rank, b.path, b.oid)));
        Ok(Plan { kept, places, new })
    }
}

/// By blob, the best (rank, path) of the documents that hold it.
type BestPaths<'a> = HashMap<ObjectId, (u8, &'a [u8])>;

fn best_paths(documents: &Documents) -> BestPaths<'_> {
    let mut best: BestPaths<'_> = HashMap::new();
    for document in documents.iter().filter(|document| document.kind != DocKind::Submodule) {
        let path = documents.path(document);
        let candidate = (path_rank(path), path);
        best.entry(document.oid).and_modify(|held| *held = (*held).min(candidate)).or_insert(candidate);
    }
    best
}

fn path_rank(path: &[u8]) -> u8 {
    syntax::static_rank(path, syntax::doc_flags(path), BlobFlags::default())
}

/// Finds a blob in segments. One that could not be read before, or that was too large under another limit, counts as
/// not found: it is tried again.
fn find(segments: &[Arc<Segment>], oid: &ObjectId, file_bytes_max: u64) -> Result<Option<Place>, IndexError> {
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

/// What decides whether a segment stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Weight {
    live_bytes: u64,
    text_bytes: u64,
}

fn segments_to_keep(
    best: &BestPaths<'_>,
    existing: &[Arc<Segment>],
    file_bytes_max: u64,
) -> Result<Vec<Arc<Segment>>, IndexError> {
    let mut live_bytes = vec![0u64; existing.len()];
    for oid in best.keys() {
        if let Some(place) = find(existing, oid, file_bytes_max)? {
            let ordinal = usize::from(place.segment.0);
            live_bytes[ordinal] += existing[ordinal].blob(place.blob)?.text_len.max(1);
        }
    }
    let weights: Vec<Weight> = live_bytes
        .into_iter()
        .zip(existing)
        .map(|(live_bytes, segment)| Weight { live_bytes, text_bytes: segment.text_bytes() })
        .collect();
    let stays = stays(&weights);
    // What an older build wrote without definitions is written anew.
    let is_of_age = |segment: &Segment| segment.symbols().is_ok_and(|symbols| symbols.is_some());
    Ok(existing
        .iter()
        .zip(stays)
        .filter(|(segment, stays)| *stays && is_of_age(segment))
        .map(|(segment, _)| Arc::clone(segment))
        .collect())
}

/// Which segments stay: those that hold nothing live go, those that are mostly dead are written anew, and so are all of a
/// size when there would be [`FAN_IN`] of them. What goes up by a tier may fill that tier: then it goes too.
fn stays(weights: &[Weight]) -> Vec<bool> {
    let is_worn = |weight: &Weight| {
        let dead = weight.text_bytes.saturating_sub(weight.live_bytes);
        weight.live_bytes == 0 || (dead >= DEAD_BYTES_MIN && dead > weight.live_bytes)
    };
    let mut stays: Vec<bool> = weights.iter().map(|weight| !is_worn(weight)).collect();
    let highest = weights.iter().map(|weight| tier(weight.live_bytes)).max().unwrap_or(0);
    for level in 0..=highest {
        let members: Vec<usize> =
            (0..weights.len()).filter(|idx| stays[*idx] && tier(weights[*idx].live_bytes) == level).collect();
        // The delta that is about to be written joins the lowest tier.
        let n_joining = usize::from(level == 0);
        if members.len() + n_joining >= FAN_IN {
            members.into_iter().for_each(|idx| stays[idx] = false);
        }
    }
    stays
}

fn tier(live_bytes: u64) -> u32 {
    (live_bytes / TIER_FLOOR_BYTES).checked_ilog(TIER_RATIO).map_or(0, |log| log + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(weights: &[(u64, u64)], expected: &str) {
        let weights: Vec<Weight> = weights
            .iter()
            .map(|(live_bytes, text_bytes)| Weight { live_bytes: *live_bytes, text_bytes: *text_bytes })
            .collect();
        let shown: String = stays(&weights).into_iter().map(|stays| if stays { 'k' } else { '-' }).collect();
        assert_eq!(shown, expected);
    }

    const MIB: u64 = 1 << 20;

    #[test]
    fn small_ones_are_merged_eight_at_a_time() {
        check(&[(1000, 1000); 6], "kkkkkk");
        check(&[(1000, 1000); 7], "-------");
        check(&[(100 * MIB, 100 * MIB), (9, 9), (9, 9)], "kkk");
        let mut many = vec![(100 * MIB, 100 * MIB)];
        many.extend([(9, 9); 7]);
        check(&many, "k-------");
        check(&[(5 * MIB, 5 * MIB); 8], "--------");
        check(&[(5 * MIB, 5 * MIB); 7], "kkkkkkk");
    }

    #[test]
    fn dead_ones_go() {
        check(&[(0, 10 * MIB), (5, 5)], "-k");
        check(&[(40 * MIB, 100 * MIB)], "-");
        check(&[(60 * MIB, 100 * MIB)], "k");
        check(&[(1, MIB)], "k");
    }

    #[test]
    fn tiers_grow_by_eight() {
        assert_eq!([0, MIB - 1, MIB, 8 * MIB - 1, 8 * MIB, 64 * MIB].map(tier), [0, 0, 1, 1, 2, 3]);
    }
}
