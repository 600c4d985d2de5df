//! Opening a published history.

use crate::DataDir;
use crate::open::{IndexFault, checked_path};
use index::{ChangeTable, CommitTable, Segment, SegmentId, Tips};
use search::{ChangePart, CommitPart, History};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{HistoryFileKind, StoredFile, StoredHistory};

/// The names of a history's files.
pub(crate) fn names(stored: &StoredHistory) -> impl Iterator<Item = &str> {
    stored.history.files.iter().map(|(_, file)| file.name.as_str())
}

/// Opens the files of a published history.
pub(crate) fn open_history(data: &DataDir, stored: &StoredHistory) -> Result<History, IndexFault> {
    let folder = data.index(stored.repo);
    let (mut tips, mut commits, mut changes) = (None, Vec::new(), Vec::new());
    let mut files = stored.history.files.iter();
    while let Some((kind, file)) = files.next() {
        match kind {
            HistoryFileKind::Tips => {
                let (table, path) = open(&folder, file, Tips::open)?;
                check(table.id(), file, path)?;
                tips = Some(table);
            }
            HistoryFileKind::Commits => {
                let (table, path) = open(&folder, file, CommitTable::open)?;
                check(table.id(), file, path)?;
                let messages = segment(&folder, files.next(), HistoryFileKind::Messages)?;
                commits.push(Arc::new(CommitPart { table, messages }));
            }
            HistoryFileKind::Changes => {
                let (table, path) = open(&folder, file, ChangeTable::open)?;
                check(table.id(), file, path)?;
                let lines = segment(&folder, files.next(), HistoryFileKind::Lines)?;
                changes.push(Arc::new(ChangePart::new(table, lines)));
            }
            HistoryFileKind::Messages | HistoryFileKind::Lines => {
                return Err(IndexFault::Identity { path: folder.join(&file.name) });
            }
        }
    }
    let tips = tips.ok_or_else(|| IndexFault::Identity { path: folder.clone() })?;
    History::new(tips, commits, changes).map_err(|source| IndexFault::Content { path: folder, source })
}

/// Reads every byte of a published history and compares every checksum. Returns the faults.
pub fn verify(data: &DataDir, stored: &StoredHistory) -> Vec<IndexFault> {
    let history = match open_history(data, stored) {
        Ok(history) => history,
        Err(fault) => return vec![fault],
    };
    let folder = data.index(stored.repo);
    let commits = history.commit_parts().iter().map(|part| part.table.verify().and(part.messages.verify()));
    let changes = history.change_parts().iter().map(|part| part.table.verify().and(part.lines.verify()));
    commits
        .chain(changes)
        .filter_map(Result::err)
        .map(|source| IndexFault::Content { path: folder.clone(), source })
        .collect()
}

fn open<T>(
    folder: &Path,
    file: &StoredFile,
    open: impl FnOnce(&Path) -> Result<T, index::OpenError>,
) -> Result<(T, PathBuf), IndexFault> {
    let path = checked_path(folder, file)?;
    Ok((open(&path)?, path))
}

fn segment(
    folder: &Path,
    next: Option<&(HistoryFileKind, StoredFile)>,
    expected: HistoryFileKind,
) -> Result<Segment, IndexFault> {
    match next {
        Some((kind, file)) if *kind == expected => {
            let (segment, path) = open(folder, file, Segment::open)?;
            check(segment.id(), file, path)?;
            Ok(segment)
        }
        _ => Err(IndexFault::Identity { path: folder.to_path_buf() }),
    }
}

fn check(id: SegmentId, file: &StoredFile, path: PathBuf) -> Result<(), IndexFault> {
    match id.0[..] == file.checksum.0[..] {
        true => Ok(()),
        false => Err(IndexFault::Identity { path }),
    }
}
