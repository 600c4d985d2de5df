//! Reads a ref table. Opening reads the frame, the revisions and the list of segments.

use super::paths::Paths;
use super::sets::{RevFilter, Sets};
use super::writer::{NO_REVISION, NO_SEGMENT, RECORD_LEN, first_groups};
use super::{Doc, DocKind, GROUP_LEN, Revision};
use crate::bytes::{Cursor, u32_at};
use crate::file::{FileKind, FileReader, SectionKind, Whole};
use crate::postings::evaluate::Postings;
use crate::{
    BlobIdx, BlockBitmap, DocIdx, GroupIdx, OpenError, ReadError, RevIdx, RevSetIdx, SegmentId,
    SegmentOrdinal,
};
use model::{DocFlags, Language, ObjectId, RefName};
use ngram::GramQuery;
use std::path::Path;

/// An open ref table. Cheap to open, safe to share between threads; reading it takes no locks.
#[derive(Debug)]
pub struct RefTable {
    file: FileReader,
    /// `None` in small tables, whose paths are read through.
    postings: Option<Postings>,
    first_groups: Vec<u32>,
    sets: Whole,
    paths: Whole,
    docs: Whole,
    segments: Vec<SegmentId>,
    revisions: Vec<Revision>,
}

/// Sees one document after the other with its path; `false` ends it.
pub(super) type Visit<'a> = &'a mut dyn FnMut(DocIdx, &[u8], &Doc) -> bool;

impl RefTable {
    /// Maps a ref table, checks its frame and reads its revisions.
    pub fn open(path: &Path) -> Result<RefTable, OpenError> {
        RefTable::of_file(FileReader::open(path, FileKind::RefTable)?, path)
    }

    pub(super) fn of_file(file: FileReader, path: &Path) -> Result<RefTable, OpenError> {
        let damaged = |what| OpenError::Damaged { path: path.to_path_buf(), what };
        let [n_docs, n_segments, n_revisions, _, default, _] = file.header().numbers;
        let section = |kind| file.whole(kind).ok_or_else(|| damaged("a section is missing"));
        let (sets, paths) = (section(SectionKind::RevisionSets)?, section(SectionKind::Paths)?);
        let docs = section(SectionKind::Docs)?;
        let (segments, revisions) = (section(SectionKind::Segments)?, section(SectionKind::Revisions)?);
        let n_groups = n_docs.div_ceil(GROUP_LEN as u32);
        if docs.len() < n_docs as usize * (RECORD_LEN + 4) || paths.len() < n_groups as usize * 4 {
            return Err(damaged("it is too short for its documents"));
        }
        if segments.len() != n_segments as usize * 16 || (default != NO_REVISION && default >= n_revisions) {
            return Err(damaged("segments or revisions are not what the header says"));
        }
        let unreadable = |_| damaged("segments or revisions cannot be read");
        let segments = segments.get(&file).map_err(unreadable)?;
        let segments = segments.chunks_exact(16).filter_map(|id| id.first_chunk()).map(|id| SegmentId(*id));
        let segments = segments.collect();
        let revisions =
            revisions.get(&file).and_then(|bytes| read_revisions(bytes, n_revisions)).map_err(unreadable)?;
        let postings = Postings::open(&file);
        Ok(RefTable {
            postings,
            first_groups: first_groups(n_groups),
            sets,
            paths,
            docs,
            segments,
            revisions,
            file,
        })
    }

    /// The segments by ordinal.
    pub fn segments(&self) -> &[SegmentId] {
        &self.segments
    }

    /// All revisions, by [`RevIdx`].
    pub fn revisions(&self) -> &[Revision] {
        &self.revisions
    }

    /// The revision searched when none is asked for.
    pub fn default_revision(&self) -> Option<RevIdx> {
        let default = self.file.header().numbers[4];
        (default != NO_REVISION).then_some(RevIdx(default))
    }

    /// How many documents, over all revisions.
    pub fn n_docs(&self) -> u32 {
        self.file.header().numbers[0]
    }

    /// How many groups of documents.
    pub fn n_groups(&self) -> u32 {
        self.n_docs().div_ceil(GROUP_LEN as u32)
    }

    /// How many different sets of revisions.
    pub fn n_sets(&self) -> u32 {
        self.file.header().numbers[3]
    }

    /// The file's size.
    pub fn size_bytes(&self) -> u64 {
        self.file.bytes().len() as u64
    }

    /// One document, in constant time.
    pub fn doc(&self, doc: DocIdx) -> Result<Doc, ReadError> {
        if doc.0 >= self.n_docs() {
            let (number, count) = (doc.0.into(), self.n_docs().into());
            return Err(ReadError::OutOfRange { noun: "document", number, count });
        }
        self.record(self.docs.get(&self.file)?, doc).ok_or_else(|| docs_damaged("a record is invalid"))
    }

    /// Writes the path of a document to `path`, whose old content is lost.
    pub fn path(&self, doc: DocIdx, path: &mut Vec<u8>) -> Result<(), ReadError> {
        let mut group = self.paths()?.group(GroupIdx(doc.0 / GROUP_LEN as u32))?;
        for _ in 0..=doc.0 % GROUP_LEN as u32 {
            if !group.next_into(path)? {
                let (number, count) = (doc.0.into(), self.n_docs().into());
                return Err(ReadError::OutOfRange { noun: "document", number, count });
            }
        }
        Ok(())
    }

    /// Whether the set holds the revision.
    pub fn set_contains(&self, set: RevSetIdx, revision: RevIdx) -> Result<bool, ReadError> {
        self.sets()?.contains(set, revision)
    }

    /// The revisions of a set, ascending.
    pub fn set_revisions(&self, set: RevSetIdx) -> Result<Vec<RevIdx>, ReadError> {
        let n_revisions = self.revisions.len() as u32;
        let mut revisions = Vec::new();
        self.sets()?.for_each_run(set, |run| {
            revisions.extend((run.start.min(n_revisions)..run.end.min(n_revisions)).map(RevIdx));
            true
        })?;
        Ok(revisions)
    }

    /// Which sets hold any of these revisions: made once per search, so that a document is tested in constant time.
    pub fn rev_filter(&self, revisions: &[RevIdx]) -> Result<RevFilter, ReadError> {
        self.sets()?.filter(revisions)
    }

    /// The groups that may hold a path that satisfies the query, ascending.
    pub fn candidate_groups(&self, query: &GramQuery) -> Result<Vec<GroupIdx>, ReadError> {
        let mut groups = Vec::new();
        let Some(postings) = &self.postings else {
            let n_groups = if *query == GramQuery::None { 0 } else { self.n_groups() };
            return Ok((0..n_groups).map(GroupIdx).collect());
        };
        let plan = postings.prepare(&self.file, &self.first_groups, query)?;
        for (chunk, bounds) in self.first_groups.windows(2).enumerate() {
            let mut set = BlockBitmap::full(bounds[1] - bounds[0]);
            plan.restrict(chunk as u32, &mut set, None)?;
            groups.extend(set.iter().map(|group| GroupIdx(bounds[0] + group)));
        }
        Ok(groups)
    }

    /// Calls `visit` with every document of a group, in path order, until it says `false`. Returns whether it never did.
    pub fn for_each_in_group(&self, group: GroupIdx, visit: Visit<'_>) -> Result<bool, ReadError> {
        let mut paths = self.paths()?.group(group)?;
        let docs = self.docs.get(&self.file)?;
        let mut path = Vec::new();
        let mut doc_idx = DocIdx(group.0 * GROUP_LEN as u32);
        while paths.next_into(&mut path)? {
            let doc = self.record(docs, doc_idx).ok_or_else(|| docs_damaged("a record is invalid"))?;
            if !visit(doc_idx, &path, &doc) {
                return Ok(false);
            }
            doc_idx.0 += 1;
        }
        Ok(true)
    }

    /// Appends the paths of a group to `text`, a newline behind each, to be searched in one go; and where each ends, before
    /// its newline, to `ends`. The first is that of [`RefTable::first_doc`].
    pub fn read_paths(
        &self,
        group: GroupIdx,
        text: &mut Vec<u8>,
        ends: &mut Vec<usize>,
    ) -> Result<(), ReadError> {
        self.paths()?.group(group)?.append_to(text, ends)
    }

    /// The first document of a group.
    pub fn first_doc(group: GroupIdx) -> DocIdx {
        DocIdx(group.0.saturating_mul(GROUP_LEN as u32))
    }

    /// Calls `visit` with every document, in path order, until it says `false`.
    pub fn for_each_doc(&self, visit: Visit<'_>) -> Result<(), ReadError> {
        for group in 0..self.n_groups() {
            if !self.for_each_in_group(GroupIdx(group), visit)? {
                break;
            }
        }
        Ok(())
    }

    /// Calls `visit` with every document of every group that may hold a path that satisfies the query, in path order, until
    /// it says `false`.
    pub fn for_each_candidate(&self, query: &GramQuery, visit: Visit<'_>) -> Result<(), ReadError> {
        for group in self.candidate_groups(query)? {
            if !self.for_each_in_group(group, visit)? {
                break;
            }
        }
        Ok(())
    }

    /// The document at exactly this path in a revision.
    pub fn find(&self, path: &[u8], revision: RevIdx) -> Result<Option<DocIdx>, ReadError> {
        let mut found = Ok(None);
        self.for_each_from(path, &mut |doc_idx, doc_path, doc| {
            if doc_path != path {
                return false;
            }
            found = self.set_contains(doc.revisions, revision).map(|holds| holds.then_some(doc_idx));
            matches!(found, Ok(None))
        })?;
        found
    }

    /// Every document whose text is this blob, in path order.
    pub fn docs_of_blob(&self, segment: SegmentOrdinal, blob: BlobIdx) -> Result<Vec<DocIdx>, ReadError> {
        let bytes = self.docs.get(&self.file)?;
        let n_docs = self.n_docs() as usize;
        let by_blob = n_docs * RECORD_LEN;
        let at = |idx: usize| -> Result<(u16, u32, DocIdx), ReadError> {
            let doc = u32_at(bytes, by_blob + idx * 4).filter(|doc| (*doc as usize) < n_docs);
            let doc = doc.ok_or_else(|| docs_damaged("the order by blob is invalid"))?;
            let at = doc as usize * RECORD_LEN;
            let number = |at| u32_at(bytes, at).ok_or_else(|| docs_damaged("it ends early"));
            Ok((number(at + 4)? as u16, number(at)?, DocIdx(doc)))
        };
        let (mut low, mut high) = (0, n_docs);
        while low < high {
            let middle = low + (high - low) / 2;
            let (found_segment, found_blob, _) = at(middle)?;
            if (found_segment, found_blob) < (segment.0, blob.0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let mut docs = Vec::new();
        for idx in low..n_docs {
            let (found_segment, found_blob, doc) = at(idx)?;
            if (found_segment, found_blob) != (segment.0, blob.0) {
                break;
            }
            docs.push(doc);
        }
        Ok(docs)
    }

    /// Reads everything and compares all checksums.
    pub fn verify(&self) -> Result<(), ReadError> {
        self.postings.as_ref().map(|postings| postings.verify(&self.file)).transpose()?;
        (0..self.n_sets()).try_for_each(|set| self.set_revisions(RevSetIdx(set)).map(drop))?;
        let mut checked = Ok(());
        for group in 0..self.n_groups() {
            self.for_each_in_group(GroupIdx(group), &mut |_, _, doc| {
                checked = self.check(doc);
                checked.is_ok()
            })?;
        }
        checked
    }

    /// Calls `visit` with every document whose path is `path` or comes after it, in path order, until it says `false`.
    pub(super) fn for_each_from(&self, path: &[u8], visit: Visit<'_>) -> Result<(), ReadError> {
        let first = self.paths()?.group_before(path)?;
        for group in first.0..self.n_groups() {
            let goes_on = self.for_each_in_group(GroupIdx(group), &mut |doc_idx, doc_path, doc| {
                doc_path < path || visit(doc_idx, doc_path, doc)
            })?;
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    fn check(&self, doc: &Doc) -> Result<(), ReadError> {
        let is_known = doc.blob.is_none_or(|(segment, _)| (segment.0 as usize) < self.segments.len());
        if is_known && doc.revisions.0 < self.n_sets() {
            Ok(())
        } else {
            Err(docs_damaged("a record is invalid"))
        }
    }

    fn record(&self, bytes: &[u8], doc: DocIdx) -> Option<Doc> {
        let record: &[u8; RECORD_LEN] = bytes.get(doc.0 as usize * RECORD_LEN..)?.first_chunk()?;
        let blob = u32_at(record, 0)?;
        let segment = u16::from_le_bytes([record[4], record[5]]);
        let kind = DocKind::from_code(record[7])?;
        let submodule = if segment == NO_SEGMENT {
            let at = self.n_docs() as usize * (RECORD_LEN + 4) + blob as usize * 20;
            Some(ObjectId(*bytes.get(at..)?.first_chunk()?))
        } else {
            None
        };
        Some(Doc {
            kind,
            blob: submodule.is_none().then_some((SegmentOrdinal(segment), BlobIdx(blob))),
            submodule,
            language: Language(u32_at(record, 8)?),
            flags: DocFlags(record[6]),
            revisions: RevSetIdx(u32_at(record, 12)?),
        })
    }

    fn paths(&self) -> Result<Paths<'_>, ReadError> {
        Ok(Paths { bytes: self.paths.get(&self.file)?, n_docs: self.n_docs() })
    }

    fn sets(&self) -> Result<Sets<'_>, ReadError> {
        Ok(Sets { bytes: self.sets.get(&self.file)?, n_sets: self.n_sets() })
    }
}

fn read_revisions(bytes: &[u8], n_revisions: u32) -> Result<Vec<Revision>, ReadError> {
    let damaged = |what| ReadError::Damaged { section: SectionKind::Revisions.name(), what };
    let mut cursor = Cursor::new(bytes, SectionKind::Revisions.name());
    let mut revisions = Vec::new();
    for _ in 0..n_revisions {
        let commit = cursor.take(20)?;
        let commit = ObjectId(*commit.first_chunk().ok_or_else(|| damaged("it ends early"))?);
        let commit_time = cursor.u64()? as i64;
        let n_refs = cursor.varint32()?;
        let mut refs = Vec::new();
        for _ in 0..n_refs {
            let len = cursor.varint32()?;
            let name = std::str::from_utf8(cursor.take(len as usize)?).ok();
            let name = name.and_then(|name| RefName::new(name).ok());
            refs.push(name.ok_or_else(|| damaged("a ref's name is invalid"))?);
        }
        revisions.push(Revision { refs, commit, commit_time });
    }
    Ok(revisions)
}

fn docs_damaged(what: &'static str) -> ReadError {
    ReadError::Damaged { section: SectionKind::Docs.name(), what }
}
