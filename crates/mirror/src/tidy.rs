//! Keeping segments few: which are joined, and the ref table that names the result.
//!
//! A push writes one small segment and never waits for more. Afterwards, in the background, segments of about one size are
//! joined by copying ([`index::merge`]), and what no document names any more goes. The manifest in force is replaced only by
//! one that says the same; a push that comes meanwhile goes first, and the joined segment is put in its place after it.

use crate::IndexError;
use crate::build::{NewFiles, hash_file, new_path, stored_file};
use crate::increment::segment_of;
use index::{
    BlobIdx, BlockBitmap, MergeError, MergePart, Merged, RefTable, RefTableWriter, RevSetIdx, Segment,
    SegmentId, SegmentOrdinal, merge,
};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{FileChecksum, StoredFile};

/// So many segments of about one size are joined into one (size-tiered merging).
pub(crate) const FAN_IN: usize = 8;
/// Sizes of text whose ratio is below this are "about one size".
const TIER_RATIO: u64 = 8;
/// Everything smaller than this is one tier: the smallest segments cost their header more than their text.
const TIER_FLOOR_BYTES: u64 = 1 << 20;
/// Segments with less dead text than this are not worth writing anew for it.
const DEAD_BYTES_MIN: u64 = 4 << 20;
/// More text than this is not put into one segment.
const JOINED_BYTES_MAX: u64 = 8 << 30;

/// A published index, opened.
pub(crate) struct Opened {
    pub(crate) files: Vec<StoredFile>,
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) table: Arc<RefTable>,
}

/// Where the blobs of a segment went; `None` for a dead one.
type Went = Vec<Option<BlobIdx>>;

/// A segment made of others.
struct NewSegment {
    file: StoredFile,
    segment: Arc<Segment>,
    /// By the file name of what was joined.
    went: HashMap<String, Went>,
}

/// What became of a segment that the ref table in force names.
enum Moved<'a> {
    /// Nothing of it lives.
    Gone,
    /// It has this ordinal now.
    Kept(SegmentOrdinal),
    /// Its blobs are in the segment of this ordinal now.
    Joined(SegmentOrdinal, &'a Went),
}

/// What joining segments came to, not yet named by any ref table.
pub(crate) struct Joined {
    /// The files that go: joined, or without anything that lives.
    gone: Vec<StoredFile>,
    new: Option<NewSegment>,
    pub(crate) new_files: NewFiles,
}

/// An index that says the same as the one it replaces.
pub(crate) struct Tidied {
    pub(crate) segments: Vec<(StoredFile, Arc<Segment>)>,
    pub(crate) ref_table: (StoredFile, Arc<RefTable>),
    pub(crate) new_files: NewFiles,
}

/// Joins what is to be joined. `None` where everything is as it should be.
pub(crate) fn join(
    opened: &Opened,
    folder: &Path,
    cancel: &AtomicBool,
) -> Result<Option<Joined>, IndexError> {
    let live = live_blobs(&opened.table, &opened.segments)?;
    let mut weights = Vec::with_capacity(live.len());
    for (segment, live) in opened.segments.iter().zip(&live) {
        weights.push(weight(segment, live)?);
    }
    let goes = goes(&weights);
    let going: Vec<usize> = (0..goes.len()).filter(|idx| goes[*idx]).collect();
    if going.is_empty() {
        return Ok(None);
    }
    let gone = going.iter().map(|idx| opened.files[*idx].clone()).collect();
    let mut new_files = NewFiles::default();
    let living: Vec<usize> = going.into_iter().filter(|idx| weights[*idx].n_live > 0).collect();
    if living.is_empty() {
        return Ok(Some(Joined { gone, new: None, new_files }));
    }
    let parts: Vec<MergePart<'_>> =
        living.iter().map(|idx| MergePart { segment: &opened.segments[*idx], live: &live[*idx] }).collect();
    let path = new_path(folder, "segment");
    new_files.push(path.clone());
    let Merged { info, blobs, .. } = merge(&path, &parts, &|| cancel.load(Ordering::Relaxed))?;
    let segment = Arc::new(Segment::open(&path).map_err(IndexError::Reopen)?);
    let file = stored_file(&path, info.size_bytes, FileChecksum(segment.id().0.to_vec()));
    let went = living.iter().map(|idx| opened.files[*idx].name.clone()).zip(blobs).collect();
    Ok(Some(Joined { gone, new: Some(NewSegment { file, segment, went }), new_files }))
}

/// Writes the ref table that names the joined segment, for the index that is in force by now. `None` where that one names what
/// was left out, or no longer names what was joined: then it was all for nothing.
pub(crate) fn rename(opened: &Opened, joined: Joined, folder: &Path) -> Result<Option<Tidied>, IndexError> {
    let Joined { gone, new, mut new_files } = joined;
    if !gone.iter().all(|file| opened.files.contains(file)) {
        return Ok(None);
    }
    let live = live_blobs(&opened.table, &opened.segments)?;
    let is_kept = |file: &StoredFile| !gone.contains(file);
    let n_kept = opened.files.iter().filter(|file| is_kept(file)).count() as u16;
    let mut segments: Vec<(StoredFile, Arc<Segment>)> = Vec::new();
    let mut moved: Vec<Moved<'_>> = Vec::new();
    for ((file, segment), live) in opened.files.iter().zip(&opened.segments).zip(&live) {
        if is_kept(file) {
            moved.push(Moved::Kept(SegmentOrdinal(segments.len() as u16)));
            segments.push((file.clone(), Arc::clone(segment)));
            continue;
        }
        let went = new.as_ref().and_then(|new| new.went.get(&file.name));
        let is_lost =
            |blob: u32| went.is_none_or(|went| went.get(blob as usize).copied().flatten().is_none());
        if live.iter().any(is_lost) {
            return Ok(None);
        }
        // The new segment comes last.
        moved.push(went.map_or(Moved::Gone, |went| Moved::Joined(SegmentOrdinal(n_kept), went)));
    }
    segments.extend(new.as_ref().map(|new| (new.file.clone(), Arc::clone(&new.segment))));
    let place = |(segment, blob): (SegmentOrdinal, BlobIdx)| match moved.get(usize::from(segment.0))? {
        Moved::Gone => None,
        Moved::Kept(ordinal) => Some((*ordinal, blob)),
        Moved::Joined(ordinal, went) => Some((*ordinal, went.get(blob.0 as usize).copied().flatten()?)),
    };
    let path = new_path(folder, "refs");
    let ids: Vec<SegmentId> = segments.iter().map(|(_, segment)| segment.id()).collect();
    new_files.push(path.clone());
    let size_bytes = copy_table(&opened.table, &path, &ids, &place)?;
    let checksum = hash_file(&path).map_err(|source| IndexError::io(&path, source))?;
    let table = Arc::new(RefTable::open(&path).map_err(IndexError::Reopen)?);
    Ok(Some(Tidied { segments, ref_table: (stored_file(&path, size_bytes, checksum), table), new_files }))
}

/// Writes a ref table again, with blobs at other places.
fn copy_table(
    table: &RefTable,
    path: &Path,
    ids: &[SegmentId],
    place: &dyn Fn((SegmentOrdinal, BlobIdx)) -> Option<(SegmentOrdinal, BlobIdx)>,
) -> Result<u64, IndexError> {
    let mut writer = RefTableWriter::create(path, ids, table.revisions(), table.default_revision())?;
    let mut sets = Vec::with_capacity(table.n_sets() as usize);
    for set in 0..table.n_sets() {
        sets.push(writer.intern(table.set_revisions(RevSetIdx(set))?)?);
    }
    let mut outcome = Ok(());
    table.for_each_doc(&mut |_, path, doc| {
        let revisions = sets.get(doc.revisions.0 as usize).copied().unwrap_or(doc.revisions);
        outcome = writer.add_doc(path, index::Doc { blob: doc.blob.and_then(place), revisions, ..*doc });
        outcome.is_ok()
    })?;
    outcome?;
    Ok(writer.finish()?.size_bytes)
}

/// By segment, the blobs that a document names.
pub(crate) fn live_blobs(
    table: &RefTable,
    segments: &[Arc<Segment>],
) -> Result<Vec<BlockBitmap>, IndexError> {
    let mut live: Vec<BlockBitmap> =
        segments.iter().map(|segment| BlockBitmap::empty(segment.n_blobs())).collect();
    let mut outcome = Ok(());
    table.for_each_doc(&mut |_, _, doc| {
        if let Some((segment, blob)) = doc.blob {
            match live.get_mut(usize::from(segment.0)) {
                Some(live) => live.insert(blob.0),
                None => outcome = segment_of(segments, segment).map(drop),
            }
        }
        outcome.is_ok()
    })?;
    outcome?;
    Ok(live)
}

/// What decides whether a segment stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Weight {
    n_live: u32,
    live_bytes: u64,
    text_bytes: u64,
}

fn weight(segment: &Segment, live: &BlockBitmap) -> Result<Weight, IndexError> {
    let n_live = live.count();
    if n_live == segment.n_blobs() {
        return Ok(Weight { n_live, live_bytes: segment.text_bytes(), text_bytes: segment.text_bytes() });
    }
    let mut live_bytes = 0;
    for blob in live.iter() {
        live_bytes += segment.blob(BlobIdx(blob))?.text_len;
    }
    Ok(Weight { n_live, live_bytes, text_bytes: segment.text_bytes() })
}

/// Which segments go: those that hold nothing live, those that are mostly dead, and all of a size when there are
/// [`FAN_IN`] of them. What they become counts in the tier it rises to.
fn goes(weights: &[Weight]) -> Vec<bool> {
    let is_worn = |weight: &Weight| {
        let dead = weight.text_bytes.saturating_sub(weight.live_bytes);
        weight.n_live == 0 || (dead >= DEAD_BYTES_MIN && dead > weight.live_bytes)
    };
    let mut goes: Vec<bool> = weights.iter().map(is_worn).collect();
    let highest = weights.iter().map(|weight| tier(weight.live_bytes)).max().unwrap_or(0);
    for level in 0..=highest {
        let stays = |goes: &[bool], idx: &usize| !goes[*idx] && tier(weights[*idx].live_bytes) == level;
        let members: Vec<usize> = (0..weights.len()).filter(|idx| stays(&goes, idx)).collect();
        let joined: Vec<&Weight> = weights
            .iter()
            .zip(&goes)
            .filter(|(weight, goes)| **goes && weight.n_live > 0)
            .map(|(one, _)| one)
            .collect();
        let joined_bytes: u64 = joined.iter().map(|weight| weight.live_bytes).sum();
        let n_joined = usize::from(!joined.is_empty() && tier(joined_bytes) == level);
        let all_bytes = joined_bytes + members.iter().map(|idx| weights[*idx].live_bytes).sum::<u64>();
        if members.len() + n_joined >= FAN_IN && all_bytes <= JOINED_BYTES_MAX {
            members.into_iter().for_each(|idx| goes[idx] = true);
        }
    }
    goes
}

fn tier(live_bytes: u64) -> u32 {
    (live_bytes / TIER_FLOOR_BYTES).checked_ilog(TIER_RATIO).map_or(0, |log| log + 1)
}

impl From<MergeError> for IndexError {
    fn from(error: MergeError) -> Self {
        match error {
            MergeError::Read(error) => error.into(),
            MergeError::Write(error) => error.into(),
            MergeError::CalledOff => IndexError::Cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(weights: &[(u64, u64)], expected: &str) {
        let weight = |(live_bytes, text_bytes): &(u64, u64)| Weight {
            n_live: u32::from(*live_bytes > 0),
            live_bytes: *live_bytes,
            text_bytes: *text_bytes,
        };
        let weights: Vec<Weight> = weights.iter().map(weight).collect();
        let shown: String = goes(&weights).into_iter().map(|goes| if goes { '-' } else { 'k' }).collect();
        assert_eq!(shown, expected);
    }

    const MIB: u64 = 1 << 20;

    #[test]
    fn small_ones_are_merged_eight_at_a_time() {
        check(&[(1000, 1000); 7], "kkkkkkk");
        check(&[(1000, 1000); 8], "--------");
        check(&[(100 * MIB, 100 * MIB), (9, 9), (9, 9)], "kkk");
        let mut many = vec![(100 * MIB, 100 * MIB)];
        many.extend([(9, 9); 8]);
        check(&many, "k--------");
        check(&[(5 * MIB, 5 * MIB); 8], "--------");
        check(&[(5 * MIB, 5 * MIB); 7], "kkkkkkk");
    }

    #[test]
    fn what_rises_a_tier_may_fill_it() {
        let mut many = vec![(5 * MIB, 5 * MIB); 7];
        many.extend([(MIB / 2, MIB / 2); 8]);
        check(&many, "---------------");
        let mut few = vec![(5 * MIB, 5 * MIB); 6];
        few.extend([(MIB / 2, MIB / 2); 8]);
        check(&few, "kkkkkk--------");
    }

    #[test]
    fn dead_ones_go() {
        check(&[(0, 10 * MIB), (5, 5)], "-k");
        check(&[(40 * MIB, 100 * MIB)], "-");
        check(&[(60 * MIB, 100 * MIB)], "k");
        check(&[(1, MIB)], "k");
    }

    #[test]
    fn no_segment_grows_without_end() {
        check(&[(2 << 30, 2 << 30); 8], "kkkkkkkk");
    }

    #[test]
    fn tiers_grow_by_eight() {
        assert_eq!([0, MIB - 1, MIB, 8 * MIB - 1, 8 * MIB, 64 * MIB].map(tier), [0, 0, 1, 1, 2, 3]);
    }
}
