//! The change table: which files a commit changed, and where its changed lines stand.
//!
//! The lines themselves are the commit's blob in the segment beside the table: for each hunk the removed ones, then the
//! added ones, each with a newline, without signs, context or headers. So patterns meet content and nothing else, and
//! this table tells of a line which file, hunk and side it belongs to.
//!
//! CHANGES, per commit, in variable-length integers: `files left out · files`, per file `path · what happened + 8 × state ·
//! [path before, of a renamed one] · hunks`, per hunk `lines since the last hunk's end (old) · old lines · the same (new) ·
//! new lines · heading + 1 (0: none)`. CHANGE_STARTS: where each commit begins (u32), and the end. CHANGED_PATHS: a language
//! (u32) for each path, then the paths.

use super::strings::{self, Strings};
use super::{damaged, id_of, section, too_many};
use crate::bytes::{Cursor, put_varint, u32_at};
use crate::file::{FileKind, FileReader, FileWriter, Header, SectionKind, Whole};
use crate::{CommitIdx, OpenError, ReadError, SegmentId, WriteError};
use model::Language;
use std::ops::Range;
use std::path::Path;

/// What happened to a file. The numbers are stored: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ChangeKind {
    /// It was not there before.
    Added = 0,
    /// Its content, kind or mode changed.
    Modified = 1,
    /// It is gone.
    Deleted = 2,
    /// It has another path.
    Renamed = 3,
}

/// What is known of a file's changed lines. The numbers are stored: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ChangeState {
    /// They are all there.
    Lines = 0,
    /// It is not text.
    Binary = 1,
    /// They are more than the limits.
    TooLarge = 2,
    /// git could not produce a side of it.
    Unreadable = 3,
}

/// A file's change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    /// Its path after the commit (before it, of a deleted file), for [`ChangeTable::path`].
    pub path: u32,
    /// Its path before, where it was another one.
    pub old_path: Option<u32>,
    /// What happened.
    pub kind: ChangeKind,
    /// What is known of its lines.
    pub state: ChangeState,
    /// Its hunks in [`CommitChanges::hunks`].
    pub hunks: Range<usize>,
    /// Its lines in the commit's text, counted from 0.
    pub lines: Range<u64>,
}

/// A run of changed lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangedHunk {
    /// Its first line in the commit's text, counted from 0.
    pub first_line: u64,
    /// The first line before the commit, counted from 1; of a pure addition, the line it stands after.
    pub old_start: u64,
    /// How many lines it removes.
    pub n_old: u64,
    /// The first line after the commit, counted from 1; of a pure removal, the line it stands after.
    pub new_start: u64,
    /// How many lines it adds.
    pub n_new: u64,
    /// The heading it stands under, for [`ChangeTable::heading`].
    pub heading: Option<u32>,
}

/// What one commit changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitChanges {
    /// The files, in the order of their paths.
    pub files: Vec<ChangedFile>,
    /// The hunks of all files.
    pub hunks: Vec<ChangedHunk>,
    /// How many changed files are not listed because there are so many.
    pub n_files_left_out: u64,
}

/// Gathers changes and writes their table.
#[derive(Debug)]
pub struct ChangeTableWriter {
    first: CommitIdx,
    starts: Vec<u32>,
    stream: Vec<u8>,
    paths: strings::Builder,
    languages: Vec<Language>,
    headings: strings::Builder,
}

/// An open change table.
#[derive(Debug)]
pub struct ChangeTable {
    file: FileReader,
    starts: Whole,
    stream: Whole,
    paths: Whole,
    headings: Whole,
}

impl ChangeTableWriter {
    /// Begins with the commit of this number.
    pub fn new(first: CommitIdx) -> Self {
        ChangeTableWriter {
            first,
            starts: vec![0],
            stream: Vec::new(),
            paths: strings::Builder::default(),
            languages: Vec::new(),
            headings: strings::Builder::default(),
        }
    }

    /// The same, beginning with another commit: for those who learn only in the end where they began. Before the first
    /// [`ChangeTableWriter::add`].
    pub fn starting_at(self, first: CommitIdx) -> Self {
        ChangeTableWriter { first, ..self }
    }

    /// The number of a path. `language` is asked when the path is new.
    pub fn path(&mut self, path: &[u8], language: impl FnOnce() -> Language) -> Result<u32, WriteError> {
        let number = self.paths.intern(path)?;
        if self.languages.len() < self.paths.len() as usize {
            self.languages.push(language());
        }
        Ok(number)
    }

    /// The number of a heading.
    pub fn heading(&mut self, heading: &[u8]) -> Result<u32, WriteError> {
        self.headings.intern(heading)
    }

    /// Adds the commit of the next number. Where lines begin in its text follows from the hunks; what the ranges of the
    /// files say of it is not looked at.
    pub fn add(&mut self, changes: &CommitChanges) -> Result<(), WriteError> {
        let out = &mut self.stream;
        put_varint(out, changes.n_files_left_out);
        put_varint(out, changes.files.len() as u64);
        for file in &changes.files {
            put_varint(out, file.path.into());
            put_varint(out, u64::from(file.kind as u8) + 8 * u64::from(file.state as u8));
            if file.kind == ChangeKind::Renamed {
                put_varint(out, file.old_path.unwrap_or(file.path).into());
            }
            let hunks = changes.hunks.get(file.hunks.clone()).unwrap_or_default();
            put_varint(out, hunks.len() as u64);
            let (mut old, mut new) = (0, 0);
            for hunk in hunks {
                put_varint(out, hunk.old_start.saturating_sub(old));
                put_varint(out, hunk.n_old);
                put_varint(out, hunk.new_start.saturating_sub(new));
                put_varint(out, hunk.n_new);
                put_varint(out, hunk.heading.map_or(0, |heading| u64::from(heading) + 1));
                (old, new) = (hunk.old_start, hunk.new_start);
            }
        }
        self.starts.push(u32::try_from(self.stream.len()).map_err(|_| too_many("the changes of a table"))?);
        Ok(())
    }

    /// How many bytes of memory it holds, roughly.
    pub fn size_bytes(&self) -> usize {
        self.stream.len() + self.starts.len() * 4
    }

    /// Writes the table, syncs it and gives it its name. Returns its size.
    pub fn finish(self, path: &Path) -> Result<u64, WriteError> {
        let starts: Vec<u8> = self.starts.iter().flat_map(|start| start.to_le_bytes()).collect();
        let mut paths: Vec<u8> =
            self.languages.iter().flat_map(|language| language.0.to_le_bytes()).collect();
        paths.extend(self.paths.finish());
        let headings = self.headings.finish();
        let mut file = FileWriter::create(path, FileKind::Changes)?;
        file.begin_hot()?;
        file.section(SectionKind::Changes, &self.stream)?;
        file.section(SectionKind::ChangeStarts, &starts)?;
        file.section(SectionKind::ChangedPaths, &paths)?;
        file.section(SectionKind::Headings, &headings)?;
        let id = id_of(&[&self.first.0.to_le_bytes(), &self.stream, &paths, &headings]);
        let len = (self.starts.len() - 1) as u32;
        let numbers = [self.first.0, len, self.paths.len(), self.headings.len(), 0, 0];
        file.finish(&Header { id, numbers })
    }
}

impl ChangeTable {
    /// Maps a table and checks its frame.
    pub fn open(path: &Path) -> Result<ChangeTable, OpenError> {
        let file = FileReader::open(path, FileKind::Changes)?;
        let starts = section(&file, SectionKind::ChangeStarts, path)?;
        let stream = section(&file, SectionKind::Changes, path)?;
        let paths = section(&file, SectionKind::ChangedPaths, path)?;
        let headings = section(&file, SectionKind::Headings, path)?;
        let [first, len, n_paths, ..] = file.header().numbers;
        let fits = starts.len() as u64 == (u64::from(len) + 1) * 4
            && paths.len() as u64 >= u64::from(n_paths) * 4
            && first.checked_add(len).is_some();
        match fits {
            true => Ok(ChangeTable { file, starts, stream, paths, headings }),
            false => {
                Err(OpenError::Damaged { path: path.to_path_buf(), what: "CHANGE_STARTS has another length" })
            }
        }
    }

    /// Its identity: what it holds.
    pub fn id(&self) -> SegmentId {
        SegmentId(self.file.header().id)
    }

    /// The numbers of its commits.
    pub fn range(&self) -> Range<u32> {
        let [first, len, ..] = self.file.header().numbers;
        first..first + len
    }

    /// The file's size.
    pub fn size_bytes(&self) -> u64 {
        self.file.bytes().len() as u64
    }

    /// How many distinct paths there are.
    pub fn n_paths(&self) -> u32 {
        self.file.header().numbers[2]
    }

    /// A path.
    pub fn path(&self, path: u32) -> Result<&[u8], ReadError> {
        let bytes = self.paths.get(&self.file)?;
        let names = bytes.get(self.n_paths() as usize * 4..);
        let names = names.ok_or_else(|| damaged(SectionKind::ChangedPaths, "it ends early"))?;
        Strings::new(names, SectionKind::ChangedPaths).get(path)
    }

    /// The language of a path.
    pub fn language(&self, path: u32) -> Result<Language, ReadError> {
        let bytes = self.paths.get(&self.file)?;
        let code = (path < self.n_paths()).then(|| u32_at(bytes, path as usize * 4)).flatten();
        code.map(Language).ok_or_else(|| damaged(SectionKind::ChangedPaths, "a path lies outside"))
    }

    /// A heading.
    pub fn heading(&self, heading: u32) -> Result<&[u8], ReadError> {
        Strings::new(self.headings.get(&self.file)?, SectionKind::Headings).get(heading)
    }

    /// What a commit changed.
    pub fn changes(&self, commit: CommitIdx, into: &mut CommitChanges) -> Result<(), ReadError> {
        let wrong = |what| damaged(SectionKind::Changes, what);
        into.files.clear();
        into.hunks.clear();
        let mut cursor = Cursor::new(self.record(commit)?, SectionKind::Changes.name());
        into.n_files_left_out = cursor.varint()?;
        let n_files = cursor.varint()?;
        let mut line = 0u64;
        for _ in 0..n_files {
            let path = cursor.varint32()?;
            let code = cursor.varint()?;
            let kind = match code & 7 {
                0 => ChangeKind::Added,
                1 => ChangeKind::Modified,
                2 => ChangeKind::Deleted,
                3 => ChangeKind::Renamed,
                _ => return Err(wrong("what happened to a file is unknown")),
            };
            let state = match code >> 3 {
                0 => ChangeState::Lines,
                1 => ChangeState::Binary,
                2 => ChangeState::TooLarge,
                3 => ChangeState::Unreadable,
                _ => return Err(wrong("the state of a file is unknown")),
            };
            let old_path = (kind == ChangeKind::Renamed).then(|| cursor.varint32()).transpose()?;
            let (first_hunk, first_line) = (into.hunks.len(), line);
            let (mut old, mut new) = (0u64, 0u64);
            for _ in 0..cursor.varint()? {
                let old_start = old.saturating_add(cursor.varint()?);
                let n_old = cursor.varint()?;
                let new_start = new.saturating_add(cursor.varint()?);
                let n_new = cursor.varint()?;
                let heading = cursor.varint32()?.checked_sub(1);
                into.hunks.push(ChangedHunk {
                    first_line: line,
                    old_start,
                    n_old,
                    new_start,
                    n_new,
                    heading,
                });
                line = line.saturating_add(n_old).saturating_add(n_new);
                (old, new) = (old_start, new_start);
            }
            let hunks = first_hunk..into.hunks.len();
            into.files.push(ChangedFile { path, old_path, kind, state, hunks, lines: first_line..line });
        }
        Ok(())
    }

    /// Reads everything and compares all checksums.
    pub fn verify(&self) -> Result<(), ReadError> {
        let mut changes = CommitChanges::default();
        for number in self.range() {
            self.changes(CommitIdx(number), &mut changes)?;
            for file in &changes.files {
                self.path(file.path)?;
            }
            changes
                .hunks
                .iter()
                .filter_map(|hunk| hunk.heading)
                .try_for_each(|h| self.heading(h).map(drop))?;
        }
        Ok(())
    }

    fn record(&self, commit: CommitIdx) -> Result<&[u8], ReadError> {
        let range = self.range();
        if !range.contains(&commit.0) {
            let (number, count) = (commit.0.into(), range.len() as u64);
            return Err(ReadError::OutOfRange { noun: "commit", number, count });
        }
        let starts = self.starts.get(&self.file)?;
        let at = (commit.0 - range.start) as usize * 4;
        let bounds = u32_at(starts, at).zip(u32_at(starts, at + 4));
        let record = bounds.map(|(start, end)| start as usize..end as usize);
        let stream = self.stream.get(&self.file)?;
        record
            .and_then(|record| stream.get(record))
            .ok_or_else(|| damaged(SectionKind::ChangeStarts, "a commit lies outside"))
    }
}
