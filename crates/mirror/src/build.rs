//! Building the index of one repository: from refs to files on disk, not yet published.

use crate::board::{Phase, Task};
use crate::documents::Documents;
use crate::plan::{NewBlob, Place, Plan};
use crate::refs::Revisions;
use crate::{IndexError, pipeline};
use git::{Repository, WalkSummary};
use index::{
    Codec, Content, NewDoc, RefTable, RefTableWriter, Segment, SegmentId, SegmentOrdinal, SegmentWriter,
    WriterOptions,
};
use model::{DocFlags, ObjectId, RepoName};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use store::{FileChecksum, StoredFile};

/// Most text of one segment, and most blobs: far from the format's limits, and what is merged at once stays moderate.
const SEGMENT_TEXT_BYTES_MAX: u64 = 4 << 30;
const SEGMENT_BLOBS_MAX: usize = 4_000_000;

/// How indexes are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BuildOptions {
    /// Threads that read from git, and as many that build.
    pub(crate) n_threads: usize,
    /// Largest file whose content is indexed.
    pub(crate) file_bytes_max: u64,
}

impl BuildOptions {
    /// Names what decides the content of an index beside the refs: another recipe means indexing again.
    pub(crate) fn recipe(&self) -> String {
        // The last number counts our own changes to what is put into an index.
        format!("format {} file {} content 2", index::FORMAT_VERSION, self.file_bytes_max)
    }
}

/// An index on disk, complete and open, that no manifest names yet. Dropped without [`Built::keep`], its new files go.
#[derive(Debug)]
pub(crate) struct Built {
    /// All segments, in the order of their ordinals, with how the manifest names them.
    pub(crate) segments: Vec<(StoredFile, Arc<Segment>)>,
    /// The ref table, with how the manifest names it.
    pub(crate) ref_table: (StoredFile, Arc<RefTable>),
    /// What the walk left out, in words, if it matters.
    pub(crate) incomplete: Option<String>,
    new_files: NewFiles,
}

impl Built {
    /// The manifest names the files now: they stay.
    pub(crate) fn keep(&mut self) {
        self.new_files.0.clear();
    }
}

/// Files that are deleted unless they were published.
#[derive(Debug, Default)]
struct NewFiles(Vec<PathBuf>);

impl Drop for NewFiles {
    fn drop(&mut self) {
        for path in &self.0 {
            if let Err(error) = std::fs::remove_file(path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), %error, "an unpublished index file stays until the next start");
            }
        }
    }
}

/// What is built from.
pub(crate) struct BuildInput<'a> {
    /// The repository's name, for messages.
    pub(crate) name: &'a RepoName,
    /// The repository.
    pub(crate) repository: &'a Repository,
    /// Its revisions.
    pub(crate) revisions: Revisions,
    /// The segments in force with how the manifest names them, in the order of their ordinals.
    pub(crate) existing: Vec<(StoredFile, Arc<Segment>)>,
    /// The folder of the index.
    pub(crate) folder: &'a Path,
    /// How.
    pub(crate) options: BuildOptions,
    /// Where progress is shown.
    pub(crate) task: &'a Task,
    /// Set when the work is to stop.
    pub(crate) cancel: &'a AtomicBool,
}

/// Walks, reads and writes. Takes from minutes (Linux: half a minute) to milliseconds; blocks.
///
/// `admit` is called with the bytes of content to be read before they are, and may wait until there is room for so much.
pub(crate) fn build(mut input: BuildInput<'_>, admit: impl FnOnce(u64)) -> Result<Built, IndexError> {
    create_folder(input.folder)?;
    input.task.phase(Phase::Walking);
    read_commit_times(&mut input);
    let (documents, summary) = Documents::walk(input.repository, &input.revisions, input.cancel)?;
    let incomplete = check_walk(input.name, &input.revisions, &summary)?;
    let segments: Vec<Arc<Segment>> = input.existing.iter().map(|(_, segment)| Arc::clone(segment)).collect();
    let mut plan = Plan::new(&documents, &segments, input.options.file_bytes_max)?;
    pipeline::measure(input.repository, &mut plan.new, input.options.n_threads, input.cancel);
    let n_bytes = plan.new.iter().map(|blob| readable_bytes(blob, &input.options)).sum();
    admit(n_bytes);
    input.task.phase(Phase::Indexing);
    input.task.expect(plan.new.len() as u64, n_bytes);

    let mut new_files = NewFiles::default();
    let mut segments = kept_files(&plan, &input.existing);
    let mut places = std::mem::take(&mut plan.places);
    for part in parts(&plan.new, &input.options) {
        let ordinal = SegmentOrdinal(u16::try_from(segments.len()).map_err(|_| too_many_segments())?);
        segments.push(write_segment(&input, part, ordinal, &mut places, &mut new_files)?);
    }
    input.task.phase(Phase::Publishing);
    let ref_table = write_ref_table(&input, &documents, &segments, &places, &mut new_files)?;
    Ok(Built { segments, ref_table, incomplete, new_files })
}

fn create_folder(folder: &Path) -> Result<(), IndexError> {
    std::fs::create_dir_all(folder).map_err(|source| IndexError::io(folder, source))
}

fn readable_bytes(blob: &NewBlob<'_>, options: &BuildOptions) -> u64 {
    if blob.size_bytes > options.file_bytes_max { 0 } else { blob.size_bytes }
}

/// Commit times order revisions for people; a commit that cannot be read has none and is told by the walk.
fn read_commit_times(input: &mut BuildInput<'_>) {
    let reader = input.repository.reader();
    for revision in &mut input.revisions.revisions {
        revision.commit_time = reader.commit(revision.commit).map_or(0, |commit| commit.committer.seconds);
    }
}

/// A default revision that cannot be read fails the work, so that the old index keeps serving. Anything less is told
/// beside the new index.
fn check_walk(
    name: &RepoName,
    revisions: &Revisions,
    summary: &WalkSummary,
) -> Result<Option<String>, IndexError> {
    let default = revisions.default.map(|default| default.0);
    if let Some((_, error)) = summary.unreadable.iter().find(|(position, _)| Some(*position) == default) {
        return Err(IndexError::DefaultUnreadable { name: name.clone(), reason: error.to_string() });
    }
    let mut faults = Vec::new();
    if let Some((_, error)) = summary.unreadable.first() {
        faults.push(format!("{} revisions cannot be read ({error})", summary.unreadable.len()));
    }
    if summary.is_truncated() {
        faults.push("it has more files than are indexed".to_string());
    }
    if let Some(first) = summary.refused.first() {
        let reason = first.reason.as_str();
        faults.push(format!(
            "{} tree entries are left out (first '{}': {reason})",
            summary.n_refused, first.path
        ));
    }
    Ok((!faults.is_empty()).then(|| faults.join("; ")))
}

fn too_many_segments() -> IndexError {
    IndexError::Write(index::WriteError::TooMany {
        what: "the number of segments",
        limit: u64::from(u16::MAX),
    })
}

fn kept_files(plan: &Plan<'_>, existing: &[(StoredFile, Arc<Segment>)]) -> Vec<(StoredFile, Arc<Segment>)> {
    let stays = |segment: &Arc<Segment>| plan.kept.iter().any(|kept| Arc::ptr_eq(kept, segment));
    existing.iter().filter(|(_, segment)| stays(segment)).cloned().collect()
}

/// Cuts the new blobs into what goes into one segment each; nearly always one part.
fn parts<'b, 'p>(new: &'b [NewBlob<'p>], options: &BuildOptions) -> Vec<&'b [NewBlob<'p>]> {
    let mut parts = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (idx, blob) in new.iter().enumerate() {
        let more = readable_bytes(blob, options);
        if idx > start && (bytes + more > SEGMENT_TEXT_BYTES_MAX || idx - start >= SEGMENT_BLOBS_MAX) {
            parts.push(&new[start..idx]);
            (start, bytes) = (idx, 0);
        }
        bytes += more;
    }
    if start < new.len() {
        parts.push(&new[start..]);
    }
    parts
}

/// File names are never used twice, so no reader can ever meet another content under a name it knows.
fn new_path(folder: &Path, extension: &str) -> PathBuf {
    folder.join(format!("{}.{extension}", uuid::Uuid::now_v7().simple()))
}

fn write_segment(
    input: &BuildInput<'_>,
    blobs: &[NewBlob<'_>],
    ordinal: SegmentOrdinal,
    places: &mut HashMap<ObjectId, Place>,
    new_files: &mut NewFiles,
) -> Result<(StoredFile, Arc<Segment>), IndexError> {
    let path = new_path(input.folder, "segment");
    let threads = input.options.n_threads;
    let mut writer = SegmentWriter::create(&path, WriterOptions { codec: Codec::Lz4, threads })?;
    let take = |idx: usize, read: pipeline::ReadBlob| {
        let blob = &blobs[idx];
        let content = match &read.content {
            Ok(text) => Content::Text(text.bytes()),
            Err(reason) => Content::Skipped(*reason),
        };
        let text = read.content.as_ref().map_or(&[][..], |text| text.bytes());
        let blob_idx = read.definitions.with(text, |symbols| {
            writer.add(index::NewBlob {
                oid: blob.oid,
                size: blob.size_bytes,
                content,
                flags: read.flags,
                rank: read.rank,
                language: read.language,
                symbols,
            })
        })?;
        let place = Place { segment: ordinal, blob: blob_idx, language: read.language };
        places.insert(blob.oid, place);
        input.task.file(readable_bytes(blob, &input.options));
        Ok(())
    };
    let options = &input.options;
    pipeline::read_in_order(
        input.repository,
        blobs,
        options.n_threads,
        options.file_bytes_max,
        input.cancel,
        take,
    )?;
    new_files.0.push(path.clone());
    let info = writer.finish()?;
    let segment = Arc::new(Segment::open(&path).map_err(IndexError::Reopen)?);
    let file = stored_file(&path, info.size_bytes, FileChecksum(segment.id().0.to_vec()));
    Ok((file, segment))
}

fn write_ref_table(
    input: &BuildInput<'_>,
    documents: &Documents,
    segments: &[(StoredFile, Arc<Segment>)],
    places: &HashMap<ObjectId, Place>,
    new_files: &mut NewFiles,
) -> Result<(StoredFile, Arc<RefTable>), IndexError> {
    let path = new_path(input.folder, "refs");
    let ids: Vec<SegmentId> = segments.iter().map(|(_, segment)| segment.id()).collect();
    let revisions = &input.revisions;
    let mut writer = RefTableWriter::create(&path, &ids, &revisions.revisions, revisions.default)?;
    for document in documents.iter() {
        let document_path = documents.path(document);
        let place = places.get(&document.oid).filter(|_| document.kind != index::DocKind::Submodule);
        let mut flags = syntax::doc_flags(document_path);
        if document.kind == index::DocKind::Symlink {
            flags = flags.with(DocFlags::SYMLINK);
        }
        let language = match place {
            Some(place) => syntax::document_language(document_path, place.language),
            None => model::Language::UNKNOWN,
        };
        writer.add(NewDoc {
            path: document_path,
            kind: document.kind,
            oid: document.oid,
            blob: place.map(|place| (place.segment, place.blob)),
            language,
            flags,
            revisions: documents.revisions(document),
        })?;
    }
    new_files.0.push(path.clone());
    let info = writer.finish()?;
    let checksum = hash_file(&path).map_err(|source| IndexError::io(&path, source))?;
    let table = Arc::new(RefTable::open(&path).map_err(IndexError::Reopen)?);
    Ok((stored_file(&path, info.size_bytes, checksum), table))
}

fn stored_file(path: &Path, size_bytes: u64, checksum: FileChecksum) -> StoredFile {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    StoredFile { name, size_bytes, checksum }
}

/// The BLAKE3 of a file.
pub(crate) fn hash_file(path: &Path) -> std::io::Result<FileChecksum> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(path)?)?;
    Ok(FileChecksum(hasher.finalize().as_bytes().to_vec()))
}
