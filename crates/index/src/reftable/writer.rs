//! Sorts the documents and lays the sections out.

use super::sets::SetsWriter;
use super::{Doc, DocKind, GROUP_LEN, INDEXED_GROUPS_MIN, Revision, paths};
use crate::bytes::put_varint;
use crate::file::{FileKind, FileWriter, Header, SectionKind};
use crate::postings::CHUNK_BLOCKS_MAX;
use crate::postings::collect::{Collector, SLICE_BLOCKS_MAX};
use crate::postings::run::{Place, Run, merge_slices};
use crate::postings::writer::{Frequent, merge_runs};
use crate::{BlobIdx, RevIdx, RevSetIdx, SegmentId, SegmentOrdinal, WriteError};
use model::{DocFlags, Language, ObjectId};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A document to write: one blob at one path, in a set of revisions.
#[derive(Clone, Copy, Debug)]
pub struct NewDoc<'a> {
    /// The path from the repository's root, raw bytes, `/` between components; 1 to 65,536 bytes.
    pub path: &'a [u8],
    /// What stands there.
    pub kind: DocKind,
    /// The git object; stored for submodules only.
    pub oid: ObjectId,
    /// Segment and blob with its text; `None` for a submodule, and only there.
    pub blob: Option<(SegmentOrdinal, BlobIdx)>,
    /// Its language.
    pub language: Language,
    /// What the path says.
    pub flags: DocFlags,
    /// Where it stands there: ascending, not empty.
    pub revisions: &'a [RevIdx],
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefTableInfo {
    /// Where.
    pub path: PathBuf,
    /// The file's size.
    pub size_bytes: u64,
    /// How many documents.
    pub n_docs: u32,
}

/// Writes one ref table. Documents may come in any order.
#[derive(Debug)]
pub struct RefTableWriter {
    file: FileWriter,
    segments: Vec<SegmentId>,
    revisions: Vec<Revision>,
    default: Option<RevIdx>,
    sets: SetsWriter,
    path_bytes: Vec<u8>,
    docs: Vec<(Range<usize>, Doc)>,
}

/// In a record: the document is a submodule, and its blob number counts submodules.
pub(super) const NO_SEGMENT: u16 = u16::MAX;
/// In the header: there is no default revision.
pub(super) const NO_REVISION: u32 = u32::MAX;
/// Bytes of a document's record.
pub(super) const RECORD_LEN: usize = 16;

impl RefTableWriter {
    /// Begins. The file appears at `path` only when [`RefTableWriter::finish`] returns. `segments` gives ordinals their
    /// segment; `default` is the revision searched when none is asked for, `None` in a repository without commits.
    pub fn create(
        path: &Path,
        segments: &[SegmentId],
        revisions: &[Revision],
        default: Option<RevIdx>,
    ) -> Result<Self, WriteError> {
        RefTableWriter::new(|| FileWriter::create(path, FileKind::RefTable), segments, revisions, default)
    }

    /// Begins one that stays in memory.
    pub(super) fn in_memory(
        segments: &[SegmentId],
        revisions: &[Revision],
        default: Option<RevIdx>,
    ) -> Result<Self, WriteError> {
        RefTableWriter::new(|| Ok(FileWriter::in_memory(FileKind::RefTable)), segments, revisions, default)
    }

    fn new(
        file: impl FnOnce() -> Result<FileWriter, WriteError>,
        segments: &[SegmentId],
        revisions: &[Revision],
        default: Option<RevIdx>,
    ) -> Result<Self, WriteError> {
        if default.is_some_and(|default| default.0 as usize >= revisions.len()) {
            return Err(WriteError::Invalid { what: "a default revision that is not in the list" });
        }
        if segments.len() >= NO_SEGMENT as usize {
            return Err(WriteError::TooMany {
                what: "the number of segments",
                limit: u64::from(NO_SEGMENT) - 1,
            });
        }
        Ok(RefTableWriter {
            file: file()?,
            segments: segments.to_vec(),
            revisions: revisions.to_vec(),
            default,
            sets: SetsWriter::default(),
            path_bytes: Vec::new(),
            docs: Vec::new(),
        })
    }

    /// Adds a document.
    pub fn add(&mut self, doc: NewDoc<'_>) -> Result<(), WriteError> {
        let revisions = self.intern(doc.revisions.iter().copied())?;
        let NewDoc { path, kind, blob, language, flags, .. } = doc;
        let submodule = (kind == DocKind::Submodule).then_some(doc.oid);
        self.add_doc(path, Doc { kind, blob, submodule, language, flags, revisions })
    }

    /// The number of a set of revisions, for [`RefTableWriter::add_doc`]: ascending, not empty.
    pub fn intern(&mut self, revisions: impl IntoIterator<Item = RevIdx>) -> Result<RevSetIdx, WriteError> {
        self.sets.intern(revisions, self.revisions.len()).map(RevSetIdx)
    }

    /// Adds a document whose set of revisions is interned: what thousands of documents share is written down once.
    pub fn add_doc(&mut self, path: &[u8], doc: Doc) -> Result<(), WriteError> {
        if path.is_empty() || path.len() > paths::PATH_LEN_MAX {
            return Err(WriteError::Invalid {
                what: "a document whose path is empty or longer than 65,536 bytes",
            });
        }
        let is_submodule = doc.kind == DocKind::Submodule;
        if doc.blob.is_none() != is_submodule || doc.submodule.is_some() != is_submodule {
            return Err(WriteError::Invalid { what: "a submodule with a blob, or anything else without" });
        }
        if doc.blob.is_some_and(|(segment, _)| segment.0 as usize >= self.segments.len()) {
            return Err(WriteError::Invalid { what: "a document of a segment that is not in the list" });
        }
        if doc.revisions.0 >= self.sets.len() {
            return Err(WriteError::Invalid { what: "a document of a set that was not interned" });
        }
        if self.docs.len() >= u32::MAX as usize {
            return Err(WriteError::TooMany { what: "the number of documents", limit: u32::MAX.into() });
        }
        let start = self.path_bytes.len();
        self.path_bytes.extend_from_slice(path);
        self.docs.push((start..self.path_bytes.len(), doc));
        Ok(())
    }

    /// Sorts, writes, syncs, and gives the file its name.
    pub fn finish(self) -> Result<RefTableInfo, WriteError> {
        let (file, header) = self.write()?;
        let path = file.path().to_path_buf();
        let size_bytes = file.finish(&header)?;
        Ok(RefTableInfo { path, size_bytes, n_docs: header.numbers[0] })
    }

    /// Sorts and writes one that stays in memory.
    pub(super) fn finish_in_memory(self) -> Result<Vec<u8>, WriteError> {
        let (file, header) = self.write()?;
        file.finish_in_memory(&header)
    }

    fn write(mut self) -> Result<(FileWriter, Header), WriteError> {
        let path_bytes = std::mem::take(&mut self.path_bytes);
        let mut docs = std::mem::take(&mut self.docs);
        docs.sort_by(|(left, left_doc), (right, right_doc)| {
            let paths = path_bytes[left.clone()].cmp(&path_bytes[right.clone()]);
            paths.then(left_doc.blob.cmp(&right_doc.blob)).then(left_doc.revisions.cmp(&right_doc.revisions))
        });
        let paths = || docs.iter().map(|(range, _)| &path_bytes[range.clone()]);
        let n_docs = docs.len() as u32;
        let n_groups = docs.len().div_ceil(GROUP_LEN);
        let mut file = self.file;
        file.begin_paged(SectionKind::Postings)?;
        let grams =
            if n_groups >= INDEXED_GROUPS_MIN { Some(index_groups(paths(), &mut file)?) } else { None };
        file.end()?;
        file.begin_hot()?;
        grams.map(|grams| file.section(SectionKind::Grams, &grams)).transpose()?;
        let segments: Vec<u8> = self.segments.iter().flat_map(|segment| segment.0).collect();
        file.section(SectionKind::Segments, &segments)?;
        file.section(SectionKind::Revisions, &revision_bytes(&self.revisions))?;
        let n_sets = self.sets.len();
        file.section(SectionKind::RevisionSets, &self.sets.finish())?;
        file.section(SectionKind::Paths, &paths::write(paths())?)?;
        file.section(SectionKind::Docs, &doc_bytes(&docs))?;
        let numbers = [
            n_docs,
            self.segments.len() as u32,
            self.revisions.len() as u32,
            n_sets,
            self.default.map_or(NO_REVISION, |revision| revision.0),
            0,
        ];
        let id = blake3::hash(&segments);
        let id = std::array::from_fn(|idx| id.as_bytes()[idx]);
        Ok((file, Header { id, numbers }))
    }
}

/// Where the chunks of so many groups begin, and then the number of groups.
pub(crate) fn first_groups(n_groups: u32) -> Vec<u32> {
    (0..n_groups.div_ceil(CHUNK_BLOCKS_MAX)).map(|chunk| chunk * CHUNK_BLOCKS_MAX).chain([n_groups]).collect()
}

/// Writes the posting lists of the grams of paths, or of other names, over groups of 16 and returns the dictionary.
pub(crate) fn index_groups<'a>(
    paths: impl ExactSizeIterator<Item = &'a [u8]>,
    file: &mut FileWriter,
) -> Result<Vec<u8>, WriteError> {
    let n_groups = paths.len().div_ceil(GROUP_LEN) as u32;
    let mut collector = Collector::default();
    let (mut slices, mut runs) = (Vec::new(), Vec::new());
    let (mut text, mut ends) = (Vec::new(), Vec::new());
    let n_paths = paths.len();
    let mut group_in_chunk = 0;
    for (idx, path) in paths.enumerate() {
        text.extend_from_slice(path);
        text.push(b'\n');
        let is_last = idx + 1 == n_paths;
        if idx % GROUP_LEN != GROUP_LEN - 1 && !is_last {
            continue;
        }
        ends.push(text.len() as u32);
        let in_chunk = group_in_chunk + ends.len() as u32;
        if is_last || in_chunk == CHUNK_BLOCKS_MAX || ends.len() == SLICE_BLOCKS_MAX || text.len() > 8 << 20 {
            slices.push((group_in_chunk, collector.collect(&text, &ends).grams));
            group_in_chunk = in_chunk;
            text.clear();
            ends.clear();
        }
        if is_last || in_chunk == CHUNK_BLOCKS_MAX {
            let place = Place::Memory(merge_slices(&slices, group_in_chunk));
            runs.push(Run { universe: group_in_chunk, place });
            slices.clear();
            group_in_chunk = 0;
        }
    }
    merge_runs(runs, None, &first_groups(n_groups), Frequent(u64::MAX), file)
}

/// REVISIONS: per revision `commit 20 · time i64 · number of refs · per ref its length and name`.
fn revision_bytes(revisions: &[Revision]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for revision in revisions {
        bytes.extend(revision.commit.0);
        bytes.extend(revision.commit_time.to_le_bytes());
        put_varint(&mut bytes, revision.refs.len() as u64);
        for name in &revision.refs {
            put_varint(&mut bytes, name.as_str().len() as u64);
            bytes.extend(name.as_str().as_bytes());
        }
    }
    bytes
}

/// DOCS: a record per document (`blob u32 · segment u16 · flags u8 · kind u8 · language u32 · set of revisions u32`), the
/// documents' numbers (u32) ascending by segment and blob, the commits of the submodules.
fn doc_bytes(docs: &[(Range<usize>, Doc)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(docs.len() * (RECORD_LEN + 4));
    let mut submodules = Vec::new();
    for (_, doc) in docs {
        let (segment, blob) = match doc.blob {
            Some((segment, blob)) => (segment.0, blob.0),
            None => (NO_SEGMENT, submodules.len() as u32),
        };
        submodules.extend(doc.submodule);
        bytes.extend(blob.to_le_bytes());
        bytes.extend(segment.to_le_bytes());
        bytes.push(doc.flags.0);
        bytes.push(doc.kind as u8);
        bytes.extend(doc.language.0.to_le_bytes());
        bytes.extend(doc.revisions.0.to_le_bytes());
    }
    let mut by_blob: Vec<u32> = (0..docs.len() as u32).collect();
    // Submodules come last, in the order of their records, as their stored segment and blob numbers have it.
    by_blob.sort_by_key(|doc| {
        let blob = docs[*doc as usize].1.blob;
        (blob.is_none(), blob, *doc)
    });
    by_blob.iter().for_each(|doc| bytes.extend(doc.to_le_bytes()));
    submodules.iter().for_each(|commit| bytes.extend(commit.0));
    bytes
}
