//! Building the index of one repository: from refs to files on disk, not yet published.

use crate::board::{Phase, Task};
use crate::documents::Documents;
use crate::increment::{self, Increment};
use crate::plan::{NewBlob, Place, Plan};
use crate::refs::Revisions;
use crate::{IndexError, pipeline};
use git::{Repository, WalkSummary};
use index::{
    Codec, Content, RefTable, RefTableWriter, Segment, SegmentId, SegmentOrdinal, SegmentWriter,
    WriterOptions,
};
use model::{ObjectId, RepoName};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;
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
        self.new_files.keep();
    }
}

/// Files that are deleted unless they were published.
#[derive(Debug, Default)]
pub(crate) struct NewFiles(Vec<PathBuf>);

impl NewFiles {
    /// Adds a file that is about to be written.
    pub(crate) fn push(&mut self, path: PathBuf) {
        self.0.push(path);
    }

    /// They stay.
    pub(crate) fn keep(&mut self) {
        self.0.clear();
    }
}

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
    /// How many of them, at the end, are left out where no blob is in them that the others lack.
    pub(crate) n_optional: usize,
    /// The ref table of those segments, where what it says may be taken over: same recipe, nothing left out.
    pub(crate) previous: Option<Arc<RefTable>>,
    /// The folder of the index.
    pub(crate) folder: &'a Path,
    /// How.
    pub(crate) options: BuildOptions,
    /// Where progress is shown, if somebody watches.
    pub(crate) task: Option<&'a Task>,
    /// Set when the work is to stop.
    pub(crate) cancel: &'a AtomicBool,
}

/// What the documents are taken from.
enum Documented<'a> {
    Walked(Documents),
    Changed(Increment<'a>),
}

/// Walks, reads and writes. Takes from minutes (Linux: half a minute) to milliseconds; blocks.
///
/// `admit` is called with the bytes of content to be read before they are; it may wait until there is room for so much, or
/// refuse.
pub(crate) fn build(
    mut input: BuildInput<'_>,
    admit: impl FnOnce(u64) -> Result<(), IndexError>,
) -> Result<Built, IndexError> {
    let started = Instant::now();
    create_folder(input.folder)?;
    input.phase(Phase::Walking);
    let previous = input.previous.take();
    read_commit_times(&mut input, previous.as_deref());
    let existing: Vec<Arc<Segment>> = input.existing.iter().map(|(_, segment)| Arc::clone(segment)).collect();
    let (documented, incomplete) = document(&input, previous.as_deref(), &existing)?;
    let walked = Instant::now();
    let Plan { mut places, mut new } = match &documented {
        Documented::Walked(documents) => Plan::new(documents, &existing, input.options.file_bytes_max)?,
        Documented::Changed(increment) => increment.blobs(input.options.file_bytes_max)?,
    };
    pipeline::measure(input.repository, &mut new, input.options.n_threads, input.cancel);
    let n_bytes = new.iter().map(|blob| readable_bytes(blob, &input.options)).sum();
    admit(n_bytes)?;
    input.phase(Phase::Indexing);
    input.task.inspect(|task| task.expect(new.len() as u64, n_bytes));

    let mut new_files = NewFiles::default();
    let mut segments = leave_out_unused(&mut input, &mut places);
    for part in parts(&new, &input.options) {
        let ordinal = SegmentOrdinal(u16::try_from(segments.len()).map_err(|_| too_many_segments())?);
        segments.push(write_segment(&input, part, ordinal, &mut places, &mut new_files)?);
    }
    let indexed = Instant::now();
    input.phase(Phase::Publishing);
    let ref_table = write_ref_table(&input, &documented, &segments, &places, &mut new_files)?;
    tracing::debug!(
        repo = %input.name,
        is_increment = matches!(documented, Documented::Changed(_)),
        walk_ms = (walked - started).as_millis() as u64,
        index_ms = (indexed - walked).as_millis() as u64,
        table_ms = indexed.elapsed().as_millis() as u64,
        n_new_blobs = new.len(),
        "an index was built"
    );
    Ok(Built { segments, ref_table, incomplete, new_files })
}

/// The segments that the new ref table names, of those that were there before.
fn leave_out_unused(
    input: &mut BuildInput<'_>,
    places: &mut HashMap<ObjectId, Place>,
) -> Vec<(StoredFile, Arc<Segment>)> {
    let mut segments = std::mem::take(&mut input.existing);
    let n_needed = segments.len().saturating_sub(input.n_optional);
    let optional = segments.split_off(n_needed);
    for (ordinal, one) in (n_needed as u16..).map(SegmentOrdinal).zip(optional) {
        let now = SegmentOrdinal(segments.len() as u16);
        let mut is_used = false;
        for place in places.values_mut().filter(|place| place.segment == ordinal) {
            place.segment = now;
            is_used = true;
        }
        if is_used {
            segments.push(one);
        }
    }
    segments
}

/// Finds out what stands where, by comparing with the published table where that will do, else by walking all trees.
fn document<'a>(
    input: &BuildInput<'_>,
    previous: Option<&'a RefTable>,
    existing: &'a [Arc<Segment>],
) -> Result<(Documented<'a>, Option<String>), IndexError> {
    if let Some(previous) = previous
        && !increment::has_unreadable(previous, existing)?
        && let Some(increment) =
            Increment::plan(input.repository, &input.revisions, previous, existing, input.cancel)?
    {
        return Ok((Documented::Changed(increment), None));
    }
    let (documents, summary) = Documents::walk(input.repository, &input.revisions, input.cancel)?;
    let incomplete = check_walk(input.name, &input.revisions, &summary)?;
    Ok((Documented::Walked(documents), incomplete))
}

impl BuildInput<'_> {
    fn phase(&self, phase: Phase) {
        if let Some(task) = self.task {
            task.phase(phase);
        }
    }
}

fn create_folder(folder: &Path) -> Result<(), IndexError> {
    std::fs::create_dir_all(folder).map_err(|source| IndexError::io(folder, source))
}

fn readable_bytes(blob: &NewBlob<'_>, options: &BuildOptions) -> u64 {
    if blob.size_bytes > options.file_bytes_max { 0 } else { blob.size_bytes }
}

/// Commit times order revisions; a commit that cannot be read has none and is told by the walk.
fn read_commit_times(input: &mut BuildInput<'_>, previous: Option<&RefTable>) {
    let known: HashMap<ObjectId, i64> = previous
        .map(|table| table.revisions().iter().map(|one| (one.commit, one.commit_time)).collect())
        .unwrap_or_default();
    let reader = input.repository.reader();
    for revision in &mut input.revisions.revisions {
        revision.commit_time = match known.get(&revision.commit) {
            Some(time) => *time,
            None => reader.commit(revision.commit).map_or(0, |commit| commit.committer.seconds),
        };
    }
    input.revisions.order();
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
pub(crate) fn new_path(folder: &Path, extension: &str) -> PathBuf {
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
        input.task.inspect(|task| task.file(readable_bytes(blob, &input.options)));
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
    documented: &Documented<'_>,
    segments: &[(StoredFile, Arc<Segment>)],
    places: &HashMap<ObjectId, Place>,
    new_files: &mut NewFiles,
) -> Result<(StoredFile, Arc<RefTable>), IndexError> {
    let path = new_path(input.folder, "refs");
    let ids: Vec<SegmentId> = segments.iter().map(|(_, segment)| segment.id()).collect();
    let revisions = &input.revisions;
    let mut writer = RefTableWriter::create(&path, &ids, &revisions.revisions, revisions.default)?;
    match documented {
        Documented::Walked(documents) => write_documents(documents, &mut writer, places)?,
        Documented::Changed(increment) => increment.write(&mut writer, places)?,
    }
    new_files.0.push(path.clone());
    let info = writer.finish()?;
    let checksum = hash_file(&path).map_err(|source| IndexError::io(&path, source))?;
    let table = Arc::new(RefTable::open(&path).map_err(IndexError::Reopen)?);
    Ok((stored_file(&path, info.size_bytes, checksum), table))
}

fn write_documents(
    documents: &Documents,
    writer: &mut RefTableWriter,
    places: &HashMap<ObjectId, Place>,
) -> Result<(), IndexError> {
    // Many documents share a set: each is written down once, however many revisions are in it.
    let mut sets = vec![None; documents.n_sets()];
    for document in documents.iter() {
        let (set, revisions) = documents.revisions(document);
        let revisions = match sets[set] {
            Some(known) => known,
            None => *sets[set].insert(writer.intern(revisions)?),
        };
        let path = documents.path(document);
        let place = places.get(&document.oid);
        writer.add_doc(path, increment::new_doc(path, document.kind, document.oid, place, revisions))?;
    }
    Ok(())
}

pub(crate) fn stored_file(path: &Path, size_bytes: u64, checksum: FileChecksum) -> StoredFile {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    StoredFile { name, size_bytes, checksum }
}

/// The BLAKE3 of a file.
pub(crate) fn hash_file(path: &Path) -> std::io::Result<FileChecksum> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(path)?)?;
    Ok(FileChecksum(hasher.finalize().as_bytes().to_vec()))
}
