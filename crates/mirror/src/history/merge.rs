//! Keeping the number of parts small: neighbours become one.
//!
//! Every push adds a small part. Where there are more than a few, the two neighbours that are smallest together are copied
//! into one, text by text, without asking git again; parts of a fair size are left alone.

use super::write::{self, Part, Texts};
use crate::IndexError;
use crate::build::NewFiles;
use index::{ChangeTableWriter, CommitChanges, CommitIdx, CommitTableWriter, NewCommit, Signature};
use model::ObjectId;
use search::{ChangePart, CommitPart};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Parts that are not merged for their number.
const N_PARTS: usize = 8;
/// Text of two parts that are merged, at most: some seconds of work.
const TEXT_BYTES_MAX: u64 = 48 << 20;
/// Likewise commits.
const COMMITS_MAX: usize = 1 << 17;

/// Merges neighbours of a list of commit tables.
pub(super) fn commits(
    folder: &Path,
    parts: &mut Vec<Part<CommitPart>>,
    new_files: &mut NewFiles,
    cancel: &AtomicBool,
) -> Result<(), IndexError> {
    while let Some(place) = smallest_pair(parts, |part| (part.table.range(), part.messages.text_bytes())) {
        let merged = {
            let (older, newer) = (&parts[place].part, &parts[place + 1].part);
            let mut table = CommitTableWriter::new(CommitIdx(older.table.range().start));
            for part in [older, newer] {
                copy_commits(part, &mut table)?;
            }
            let mut texts = Texts::create(folder, 1)?;
            for part in [newer, older] {
                copy_texts(&part.messages, &mut texts, cancel)?;
            }
            write::commits(folder, table, texts, new_files)?
        };
        parts.splice(place..place + 2, [merged]);
    }
    Ok(())
}

/// Merges neighbours of a list of change tables.
pub(super) fn changes(
    folder: &Path,
    parts: &mut Vec<Part<ChangePart>>,
    new_files: &mut NewFiles,
    cancel: &AtomicBool,
) -> Result<(), IndexError> {
    while let Some(place) = smallest_pair(parts, |part| (part.table.range(), part.lines.text_bytes())) {
        let merged = {
            let (older, newer) = (&parts[place].part, &parts[place + 1].part);
            let mut table = ChangeTableWriter::new(CommitIdx(older.table.range().start));
            for part in [older, newer] {
                copy_changes(part, &mut table)?;
            }
            let mut texts = Texts::create(folder, 1)?;
            for part in [newer, older] {
                copy_texts(&part.lines, &mut texts, cancel)?;
            }
            write::changes(folder, table, texts, new_files)?
        };
        parts.splice(place..place + 2, [merged]);
    }
    Ok(())
}

/// The place of the two neighbours to merge, if any are to be.
fn smallest_pair<P>(parts: &[Part<P>], measure: impl Fn(&P) -> (std::ops::Range<u32>, u64)) -> Option<usize> {
    if parts.len() <= N_PARTS {
        return None;
    }
    let pairs = parts.windows(2).enumerate().filter_map(|(place, pair)| {
        let [(older, older_bytes), (newer, newer_bytes)] = [measure(&pair[0].part), measure(&pair[1].part)];
        let bytes = older_bytes + newer_bytes;
        let fits =
            older.end == newer.start && bytes <= TEXT_BYTES_MAX && older.len() + newer.len() <= COMMITS_MAX;
        fits.then_some((bytes, place))
    });
    pairs.min().map(|(_, place)| place)
}

fn copy_commits(part: &CommitPart, into: &mut CommitTableWriter) -> Result<(), IndexError> {
    let mut parents = Vec::new();
    let mut n_lacking = part.table.n_lacking();
    for number in part.table.range() {
        let row = part.table.row(CommitIdx(number))?;
        parents.clear();
        part.table.parents(CommitIdx(number), &mut |parent| parents.push(parent))?;
        let signature = |person, seconds, offset_minutes| {
            let (name, email) = part.table.person(person)?;
            Ok::<_, index::ReadError>(Signature { name, email, seconds, offset_minutes })
        };
        into.add(&NewCommit {
            id: row.id,
            parents: &parents,
            // Which ones lacked a parent is not told apart, only how many.
            lacks_parents: n_lacking > 0,
            author: signature(row.author, row.author_seconds, row.offset_minutes.0)?,
            committer: signature(row.committer, row.committer_seconds, row.offset_minutes.1)?,
        })?;
        n_lacking = n_lacking.saturating_sub(1);
    }
    Ok(())
}

fn copy_changes(part: &ChangePart, into: &mut ChangeTableWriter) -> Result<(), IndexError> {
    let mut changes = CommitChanges::default();
    for number in part.table.range() {
        part.table.changes(CommitIdx(number), &mut changes)?;
        for file in &mut changes.files {
            let language = part.table.language(file.path)?;
            file.path = into.path(part.table.path(file.path)?, || language)?;
            if let Some(old) = file.old_path {
                let language = part.table.language(old)?;
                file.old_path = Some(into.path(part.table.path(old)?, || language)?);
            }
        }
        for hunk in &mut changes.hunks {
            if let Some(heading) = hunk.heading {
                hunk.heading = Some(into.heading(part.table.heading(heading)?)?);
            }
        }
        into.add(&changes)?;
    }
    Ok(())
}

fn copy_texts(from: &index::Segment, into: &mut Texts, cancel: &AtomicBool) -> Result<(), IndexError> {
    let mut text = Vec::new();
    for blob in 0..from.n_blobs() {
        if blob.is_multiple_of(256) && cancel.load(Ordering::Relaxed) {
            return Err(IndexError::Cancelled);
        }
        let blob = index::BlobIdx(blob);
        text.clear();
        from.read_blob(blob, &mut text)?;
        let oid: ObjectId = from.blob(blob)?.oid;
        into.add(oid, &text)?;
    }
    Ok(())
}
