//! Writing the files of a history: a table and the segment beside it.

use crate::IndexError;
use crate::build::{NewFiles, new_path, stored_file};
use index::{
    ChangeTable, ChangeTableWriter, Codec, CommitTable, CommitTableWriter, Content, NewBlob, Segment,
    SegmentInfo, SegmentWriter, Tips, TipsWriter, WriterOptions,
};
use model::{BlobFlags, Language, ObjectId};
use search::{ChangePart, CommitPart};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{FileChecksum, HistoryFileKind, StoredFile};

/// A part on disk, open, with how the manifest names its two files.
pub(super) struct Part<P> {
    pub(super) files: [(HistoryFileKind, StoredFile); 2],
    pub(super) part: Arc<P>,
}

impl<P> Clone for Part<P> {
    fn clone(&self) -> Self {
        Part { files: self.files.clone(), part: Arc::clone(&self.part) }
    }
}

/// A segment of texts, of commits from the newest down.
pub(super) struct Texts {
    path: PathBuf,
    writer: SegmentWriter,
}

impl Texts {
    pub(super) fn create(folder: &Path, n_threads: usize) -> Result<Self, IndexError> {
        let path = new_path(folder, "segment");
        let options = WriterOptions { codec: Codec::Lz4, threads: n_threads };
        Ok(Texts { writer: SegmentWriter::create(&path, options)?, path })
    }

    pub(super) fn add(&mut self, commit: ObjectId, text: &[u8]) -> Result<(), IndexError> {
        self.writer.add(NewBlob {
            oid: commit,
            size: text.len() as u64,
            content: Content::Text(text),
            flags: BlobFlags::default(),
            rank: 0,
            language: Language::UNKNOWN,
            symbols: index::NewSymbols::default(),
        })?;
        Ok(())
    }

    pub(super) fn text_bytes(&self) -> u64 {
        self.writer.text_bytes()
    }

    fn finish(
        self,
        kind: HistoryFileKind,
        new_files: &mut NewFiles,
    ) -> Result<((HistoryFileKind, StoredFile), Segment), IndexError> {
        new_files.push(self.path.clone());
        let info: SegmentInfo = self.writer.finish()?;
        let segment = Segment::open(&self.path).map_err(IndexError::Reopen)?;
        let checksum = FileChecksum(segment.id().0.to_vec());
        Ok(((kind, stored_file(&self.path, info.size_bytes, checksum)), segment))
    }
}

/// Writes a commit table beside its messages.
pub(super) fn commits(
    folder: &Path,
    table: CommitTableWriter,
    messages: Texts,
    new_files: &mut NewFiles,
) -> Result<Part<CommitPart>, IndexError> {
    let path = new_path(folder, "commits");
    new_files.push(path.clone());
    let size_bytes = table.finish(&path)?;
    let table = CommitTable::open(&path).map_err(IndexError::Reopen)?;
    let file = stored_file(&path, size_bytes, FileChecksum(table.id().0.to_vec()));
    let (messages_file, messages) = messages.finish(HistoryFileKind::Messages, new_files)?;
    let files = [(HistoryFileKind::Commits, file), messages_file];
    Ok(Part { files, part: Arc::new(CommitPart { table, messages }) })
}

/// Writes a change table beside its lines.
pub(super) fn changes(
    folder: &Path,
    table: ChangeTableWriter,
    lines: Texts,
    new_files: &mut NewFiles,
) -> Result<Part<ChangePart>, IndexError> {
    let path = new_path(folder, "changes");
    new_files.push(path.clone());
    let size_bytes = table.finish(&path)?;
    let table = ChangeTable::open(&path).map_err(IndexError::Reopen)?;
    let file = stored_file(&path, size_bytes, FileChecksum(table.id().0.to_vec()));
    let (lines_file, lines) = lines.finish(HistoryFileKind::Lines, new_files)?;
    let files = [(HistoryFileKind::Changes, file), lines_file];
    Ok(Part { files, part: Arc::new(ChangePart::new(table, lines)) })
}

/// Writes where the refs stand.
pub(super) fn tips(
    folder: &Path,
    tips: TipsWriter,
    default: Option<u32>,
    n_commits: u32,
    new_files: &mut NewFiles,
) -> Result<((HistoryFileKind, StoredFile), Tips), IndexError> {
    let path = new_path(folder, "tips");
    new_files.push(path.clone());
    let size_bytes = tips.finish(&path, default, n_commits)?;
    let opened = Tips::open(&path).map_err(IndexError::Reopen)?;
    let file = stored_file(&path, size_bytes, FileChecksum(opened.id().0.to_vec()));
    Ok(((HistoryFileKind::Tips, file), opened))
}
