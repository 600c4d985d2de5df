//! One step of a history: the commits that are new, or the changed lines of the next slice.

use super::files::open_history;
use super::merge;
use super::write::{self, Part, Texts};
use crate::IndexError;
use crate::board::Task;
use crate::build::NewFiles;
use crate::process::open_options;
use crate::refs::Revisions;
use crate::worker::Shared;
use git::{ChangedFile, FileChangeKind, FileDiff, Person, Reader};
use index::{
    ChangeKind, ChangeState, ChangeTableWriter, ChangedHunk, CommitChanges, CommitIdx, CommitTableWriter,
    NewCommit, Signature, TipsWriter,
};
use model::{Language, ObjectId};
use search::{ChangePart, CommitPart, History};
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use store::{Repository, StoredHistory};

/// Names what decides the content of a history beside refs and limits: counts our own changes to it.
const RECIPE: &str = "history 2";
/// Commits of one commit table: their messages are held in memory while it is written.
const TABLE_COMMITS: usize = 1 << 16;
/// How long changed lines are gathered before they are published.
const SLICE: Duration = Duration::from_secs(10);
/// How much text one slice gathers at most.
const SLICE_TEXT_BYTES: u64 = 64 << 20;
/// How many commits.
const SLICE_COMMITS: usize = 1 << 16;
/// Commits that each thread compares between two looks at the clock.
const COMMITS_AT_ONCE: usize = 16;
/// Largest side of a file that is compared.
const SIDE_BYTES_MAX: u64 = 1 << 20;
/// Most changed lines of one commit, in bytes: the import of a whole tree is no change that anybody looks for line by line.
const COMMIT_BYTES_MAX: usize = 4 << 20;
/// Most files of one commit.
const COMMIT_FILES_MAX: usize = 20_000;

/// What a step works with.
pub(super) struct Step<'a> {
    pub(super) shared: &'a Shared,
    pub(super) row: &'a Repository,
    pub(super) stored: Option<&'a StoredHistory>,
    /// Whether what is stored is not to be built upon.
    pub(super) is_rebuild: bool,
    pub(super) task: &'a Task,
    pub(super) cancel: &'a AtomicBool,
    pub(super) n_threads: usize,
}

/// What a step made: files on disk, open, that no manifest names yet.
pub(super) struct Built {
    pub(super) history: store::History,
    pub(super) opened: Arc<History>,
    pub(super) new_files: NewFiles,
}

/// The parts of a history, ascending.
#[derive(Clone, Default)]
struct Parts {
    commits: Vec<Part<CommitPart>>,
    changes: Vec<Part<ChangePart>>,
}

impl Step<'_> {
    /// Blocks for some seconds, when all commits are new for a minute per million. `None` where there is nothing to do.
    pub(super) fn run(&self) -> Result<Option<Built>, IndexError> {
        let path = crate::open::objects_of(&self.shared.data, self.row);
        let repository = git::Repository::open(&path, &open_options())?;
        let revisions = Revisions::new(&repository.refs()?, &self.shared.build_options().recipe());
        let refs_digest = [&revisions.digest[..], &self.recipe(&repository)].concat();
        let folder = self.shared.data.index(self.row.id);
        std::fs::create_dir_all(&folder).map_err(|source| IndexError::io(&folder, source))?;
        let known = if self.is_rebuild { None } else { self.known(&refs_digest) };
        let mut new_files = NewFiles::default();
        let (mut parts, is_current) = match known {
            Some((history, parts)) => {
                let is_current = self.stored.is_some_and(|stored| stored.history.refs_digest == refs_digest);
                if !is_current {
                    let parts =
                        self.add_commits(&repository, &revisions, Some(&history), parts, &mut new_files)?;
                    (parts, false)
                } else if history.gaps().is_empty() {
                    return Ok(None);
                } else {
                    (parts, true)
                }
            }
            None => {
                let nothing = Parts::default();
                (self.add_commits(&repository, &revisions, None, nothing, &mut new_files)?, false)
            }
        };
        let n_commits = parts.commits.last().map_or(0, |part| part.part.table.range().end);
        self.tell(&parts, n_commits);
        // The first news are the commits alone, so that they are found at once; a push brings its lines along.
        if is_current || !parts.changes.is_empty() || n_commits < 1000 {
            self.add_changes(&repository, &mut parts, n_commits, &mut new_files)?;
        }
        merge::commits(&folder, &mut parts.commits, &mut new_files, self.cancel)?;
        merge::changes(&folder, &mut parts.changes, &mut new_files, self.cancel)?;
        self.finish(&revisions, parts, refs_digest, new_files).map(Some)
    }

    /// Eight bytes that change where a history has to be built from nothing: our own recipe, and where a shallow clone ends.
    fn recipe(&self, repository: &git::Repository) -> [u8; 8] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(RECIPE.as_bytes());
        if let Ok(shallow) = std::fs::read(repository.common_dir().join("shallow")) {
            hasher.update(&shallow);
        }
        hasher.finalize().as_bytes().first_chunk().copied().unwrap_or_default()
    }

    /// What is published, if it can be built upon.
    fn known(&self, refs_digest: &[u8]) -> Option<(History, Parts)> {
        let stored = self.stored?;
        let recipe = |digest: &[u8]| digest.len().checked_sub(8).map(|at| digest[at..].to_vec());
        if recipe(&stored.history.refs_digest) != recipe(refs_digest) {
            return None;
        }
        let history = match open_history(&self.shared.data, stored) {
            Ok(history) => history,
            Err(fault) => {
                tracing::warn!(repo = %self.row.name, %fault, "the history is damaged and built from nothing");
                return None;
            }
        };
        let mut files =
            stored.history.files.iter().filter(|(kind, _)| *kind != store::HistoryFileKind::Tips).cloned();
        let mut parts = Parts::default();
        for part in history.commit_parts() {
            parts.commits.push(Part { files: [files.next()?, files.next()?], part: Arc::clone(part) });
        }
        for part in history.change_parts() {
            parts.changes.push(Part { files: [files.next()?, files.next()?], part: Arc::clone(part) });
        }
        Some((history, parts))
    }

    /// Adds the commits that the refs reach and the history lacks.
    fn add_commits(
        &self,
        repository: &git::Repository,
        revisions: &Revisions,
        history: Option<&History>,
        mut parts: Parts,
        new_files: &mut NewFiles,
    ) -> Result<Parts, IndexError> {
        let find = |id: &ObjectId| history.and_then(|history| history.find(id).ok().flatten());
        let listed = repository.history(&revisions.commits(), &|id| find(id).is_some(), self.cancel)?;
        if listed.n_unreadable > 0 {
            let n_unreadable = listed.n_unreadable;
            tracing::debug!(repo = %self.row.name, n_unreadable, "commits are missing from the repository");
        }
        let folder = self.shared.data.index(self.row.id);
        let reader = repository.reader();
        let mut numbers: HashMap<ObjectId, CommitIdx> = HashMap::new();
        let mut next = history.map_or(0, History::n_commits);
        for batch in listed.commits.chunks(TABLE_COMMITS) {
            let mut table = CommitTableWriter::new(CommitIdx(next));
            let mut messages = Vec::with_capacity(batch.len());
            for (idx, listed) in batch.iter().enumerate() {
                if idx.is_multiple_of(256) && self.cancel.load(Ordering::Relaxed) {
                    return Err(IndexError::Cancelled);
                }
                let commit =
                    reader.commit(listed.id).map_err(|error| IndexError::History(error.to_string()))?;
                let number = |id: &ObjectId| numbers.get(id).copied().or_else(|| find(id));
                let parents: Vec<CommitIdx> = listed.parents.iter().filter_map(number).collect();
                table.add(&NewCommit {
                    id: listed.id,
                    parents: &parents,
                    lacks_parents: parents.len() < listed.parents.len(),
                    author: signature(&commit.author),
                    committer: signature(&commit.committer),
                })?;
                numbers.insert(listed.id, CommitIdx(next));
                messages.push(commit.message);
                next += 1;
            }
            let mut texts = Texts::create(&folder, self.n_threads)?;
            for (listed, message) in batch.iter().zip(&messages).rev() {
                texts.add(listed.id, message.as_bytes())?;
            }
            parts.commits.push(write::commits(&folder, table, texts, new_files)?);
        }
        Ok(parts)
    }

    /// Adds the changed lines of the next commits that lack them, the newest first.
    fn add_changes(
        &self,
        repository: &git::Repository,
        parts: &mut Parts,
        n_commits: u32,
        new_files: &mut NewFiles,
    ) -> Result<(), IndexError> {
        let done: Vec<Range<u32>> = parts.changes.iter().map(|part| part.part.table.range()).collect();
        let Some(gap) = last_gap(&done, n_commits) else { return Ok(()) };
        let folder = self.shared.data.index(self.row.id);
        let mut slice = Slice::begin(&folder, self.n_threads)?;
        let mut readers: Vec<Reader> = (0..self.n_threads.max(1)).map(|_| repository.reader()).collect();
        let started = Instant::now();
        let mut next = gap.end;
        let n_done: u64 = done.iter().map(|range| range.len() as u64).sum();
        while next > gap.start
            && started.elapsed() < SLICE
            && slice.texts.text_bytes() < SLICE_TEXT_BYTES
            && slice.changes.len() < SLICE_COMMITS
        {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(IndexError::Cancelled);
            }
            let first = next.saturating_sub((COMMITS_AT_ONCE * readers.len()) as u32).max(gap.start);
            let todo: Vec<(CommitIdx, ObjectId, Option<ObjectId>)> = (first..next)
                .rev()
                .map(|number| ends_of(&parts.commits, number))
                .collect::<Result<_, _>>()?;
            for ((_, id, _), diff) in todo.iter().zip(compare(&mut readers, &todo)?) {
                slice.add(*id, diff)?;
            }
            next = first;
            self.task.told(n_done + slice.changes.len() as u64, u64::from(n_commits));
        }
        let part = slice.finish(&folder, CommitIdx(next), new_files)?;
        let place = parts.changes.partition_point(|part| part.part.table.range().end <= next);
        parts.changes.insert(place, part);
        Ok(())
    }

    fn finish(
        &self,
        revisions: &Revisions,
        parts: Parts,
        refs_digest: Vec<u8>,
        mut new_files: NewFiles,
    ) -> Result<Built, IndexError> {
        let n_commits = parts.commits.last().map_or(0, |part| part.part.table.range().end);
        let mut tips = TipsWriter::default();
        let (mut n_tips, mut default) = (0, None);
        for (revision_idx, revision) in revisions.revisions.iter().enumerate() {
            let Some(number) = find(&parts.commits, &revision.commit)? else { continue };
            for name in &revision.refs {
                let is_default = revisions.default.is_some_and(|first| first.0 as usize == revision_idx);
                default = default.or(is_default.then_some(n_tips));
                tips.add(name, number)?;
                n_tips += 1;
            }
        }
        let folder = self.shared.data.index(self.row.id);
        let (tips_file, tips) = write::tips(&folder, tips, default, n_commits, &mut new_files)?;
        let files = parts.commits.iter().flat_map(|part| part.files.clone());
        let files = files.chain(parts.changes.iter().flat_map(|part| part.files.clone()));
        let n_done = parts.changes.iter().map(|part| part.part.table.range().len() as u64).sum();
        let history = store::History {
            refs_digest,
            files: std::iter::once(tips_file).chain(files).collect(),
            n_commits: n_commits.into(),
            n_done,
        };
        let commits = parts.commits.into_iter().map(|part| part.part).collect();
        let changes = parts.changes.into_iter().map(|part| part.part).collect();
        let opened = Arc::new(History::new(tips, commits, changes)?);
        Ok(Built { history, opened, new_files })
    }

    fn tell(&self, parts: &Parts, n_commits: u32) {
        let n_done = parts.changes.iter().map(|part| part.part.table.range().len() as u64).sum();
        self.task.told(n_done, n_commits.into());
    }
}

fn signature(person: &Person) -> Signature<'_> {
    Signature {
        name: &person.name,
        email: &person.email,
        seconds: person.seconds,
        offset_minutes: (person.offset_seconds / 60) as i16,
    }
}

/// The newest run of commits that is not done.
fn last_gap(done: &[Range<u32>], n_commits: u32) -> Option<Range<u32>> {
    let mut end = n_commits;
    for range in done.iter().rev() {
        if range.end < end {
            return Some(range.end..end);
        }
        end = range.start;
    }
    (end > 0).then_some(0..end)
}

fn find(parts: &[Part<CommitPart>], id: &ObjectId) -> Result<Option<CommitIdx>, IndexError> {
    for part in parts.iter().rev() {
        if let Some(found) = part.part.table.find(id)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn id_of(parts: &[Part<CommitPart>], number: CommitIdx) -> Result<ObjectId, IndexError> {
    let place = parts.partition_point(|part| part.part.table.range().end <= number.0);
    let lost = || index::ReadError::Damaged { section: "history", what: "a commit is in no table" };
    Ok(parts.get(place).ok_or_else(lost)?.part.table.row(number)?.id)
}

/// A commit and its first parent.
fn ends_of(
    parts: &[Part<CommitPart>],
    number: u32,
) -> Result<(CommitIdx, ObjectId, Option<ObjectId>), IndexError> {
    let number = CommitIdx(number);
    let id = id_of(parts, number)?;
    let place = parts.partition_point(|part| part.part.table.range().end <= number.0);
    let mut first = None;
    if let Some(part) = parts.get(place) {
        part.part.table.parents(number, &mut |parent| first = first.or(Some(parent)))?;
    }
    Ok((number, id, first.map(|parent| id_of(parts, parent)).transpose()?))
}

/// What a commit changed, as git says it.
#[derive(Default)]
struct CommitDiff {
    files: Vec<(ChangedFile, FileDiff)>,
    n_left_out: u64,
}

/// Compares commits with their first parents, on as many threads as there are readers; the answers are in order.
fn compare(
    readers: &mut [Reader],
    todo: &[(CommitIdx, ObjectId, Option<ObjectId>)],
) -> Result<Vec<CommitDiff>, IndexError> {
    let n_threads = readers.len();
    if n_threads == 1 {
        return Ok(todo.iter().map(|(_, id, parent)| diff_of(&readers[0], *id, *parent)).collect());
    }
    let mut answers: Vec<Option<CommitDiff>> = todo.iter().map(|_| None).collect();
    std::thread::scope(|scope| {
        let handles: Vec<_> = readers
            .iter_mut()
            .enumerate()
            .map(|(thread_idx, reader)| {
                scope.spawn(move || {
                    let mine = todo.iter().enumerate().skip(thread_idx).step_by(n_threads);
                    mine.map(|(idx, (_, id, parent))| (idx, diff_of(reader, *id, *parent)))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        for handle in handles {
            for (idx, diff) in handle.join().map_err(|_| IndexError::ReaderGone)? {
                answers[idx] = Some(diff);
            }
        }
        Ok(answers.into_iter().map(Option::unwrap_or_default).collect())
    })
}

fn diff_of(reader: &Reader, id: ObjectId, parent: Option<ObjectId>) -> CommitDiff {
    let tree = |id: ObjectId| reader.commit(id).ok().map(|commit| commit.tree);
    let Some(new) = tree(id) else { return CommitDiff::default() };
    let old = parent.and_then(tree);
    let Ok(changed) = reader.changed_files(old, Some(new), COMMIT_FILES_MAX, &|| false) else {
        return CommitDiff { files: Vec::new(), n_left_out: 1 };
    };
    let mut n_bytes_left = COMMIT_BYTES_MAX;
    let n_left_out = changed.n_left_out + changed.n_unreadable;
    let mut files = Vec::with_capacity(changed.files.len());
    for file in changed.files {
        let diff = match n_bytes_left {
            0 => FileDiff::TooLarge,
            _ => reader.diff(&file, SIDE_BYTES_MAX, &to_text),
        };
        let diff = match diff {
            FileDiff::Text(text) if text.changed_bytes() > n_bytes_left => {
                n_bytes_left = 0;
                FileDiff::TooLarge
            }
            other => other,
        };
        if let FileDiff::Text(text) = &diff {
            n_bytes_left -= text.changed_bytes().min(n_bytes_left);
        }
        files.push((file, diff));
    }
    CommitDiff { files, n_left_out }
}

/// The text of a file, as it is indexed elsewhere.
pub(super) fn to_text(bytes: &[u8]) -> Option<Vec<u8>> {
    let limits = syntax::DecodeLimits { size_bytes_max: SIDE_BYTES_MAX as usize };
    match syntax::decode(bytes, &limits) {
        syntax::Decoded::Text { utf8, .. } => Some(utf8.into_owned().into_bytes()),
        syntax::Decoded::Skipped(_) => None,
    }
}

/// A change table under construction: from the newest commit down.
struct Slice {
    table: ChangeTableWriter,
    texts: Texts,
    changes: Vec<CommitChanges>,
    text: Vec<u8>,
}

impl Slice {
    fn begin(folder: &Path, n_threads: usize) -> Result<Self, IndexError> {
        Ok(Slice {
            table: ChangeTableWriter::new(CommitIdx(0)),
            texts: Texts::create(folder, n_threads)?,
            changes: Vec::new(),
            text: Vec::new(),
        })
    }

    fn add(&mut self, id: ObjectId, diff: CommitDiff) -> Result<(), IndexError> {
        self.text.clear();
        let mut changes = CommitChanges { n_files_left_out: diff.n_left_out, ..CommitChanges::default() };
        for (file, diff) in &diff.files {
            let first_hunk = changes.hunks.len();
            let state = match diff {
                FileDiff::Text(text) => {
                    self.add_hunks(text, &mut changes)?;
                    ChangeState::Lines
                }
                FileDiff::Binary => ChangeState::Binary,
                FileDiff::TooLarge => ChangeState::TooLarge,
                FileDiff::Unreadable => ChangeState::Unreadable,
            };
            let mut number = |path: &[u8]| self.table.path(path, || language_of(path));
            changes.files.push(index::ChangedFile {
                path: number(&file.path)?,
                old_path: file.old_path.as_deref().map(number).transpose()?,
                kind: match file.kind {
                    FileChangeKind::Added => ChangeKind::Added,
                    FileChangeKind::Modified => ChangeKind::Modified,
                    FileChangeKind::Deleted => ChangeKind::Deleted,
                    FileChangeKind::Renamed => ChangeKind::Renamed,
                },
                state,
                hunks: first_hunk..changes.hunks.len(),
                lines: 0..0,
            });
        }
        self.texts.add(id, &self.text)?;
        self.changes.push(changes);
        Ok(())
    }

    fn add_hunks(&mut self, diff: &git::TextDiff, changes: &mut CommitChanges) -> Result<(), IndexError> {
        for (hunk, heading) in diff.hunks.iter().zip(diff.headings()) {
            let heading = heading.map(|heading| self.table.heading(heading)).transpose()?;
            // As git numbers them: an empty side stands at the line before.
            let start = |lines: &Range<usize>| (lines.start + usize::from(!lines.is_empty())) as u64;
            changes.hunks.push(ChangedHunk {
                first_line: 0,
                old_start: start(&hunk.old),
                n_old: hunk.old.len() as u64,
                new_start: start(&hunk.new),
                n_new: hunk.new.len() as u64,
                heading,
            });
            for lines in [diff.old.range(hunk.old.clone()), diff.new.range(hunk.new.clone())] {
                self.text.extend_from_slice(lines);
                if !lines.is_empty() && !lines.ends_with(b"\n") {
                    self.text.push(b'\n');
                }
            }
        }
        Ok(())
    }

    fn finish(
        self,
        folder: &Path,
        first: CommitIdx,
        new_files: &mut NewFiles,
    ) -> Result<Part<ChangePart>, IndexError> {
        let mut table = self.table.starting_at(first);
        for changes in self.changes.iter().rev() {
            table.add(changes)?;
        }
        write::changes(folder, table, self.texts, new_files)
    }
}

/// The language that a path alone tells.
fn language_of(path: &[u8]) -> Language {
    syntax::detect_language(path, b"")
}
