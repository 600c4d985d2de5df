//! A ref table that holds some of another one's documents, in memory.

use super::reader::RefTable;
use super::writer::RefTableWriter;
use crate::file::{FileKind, FileReader};
use crate::{OpenError, ReadError, RevSetIdx, WriteError};
use std::path::Path;

/// A ref table could not be filtered.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// The other one is damaged.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// There is no memory for it.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// What was written cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl RefTable {
    /// The same segments and revisions with those documents alone whose paths `keep` says yes to. It takes memory for their
    /// paths and records, some 40 bytes each, and the time to read all paths once.
    pub fn filtered(&self, keep: &mut dyn FnMut(&[u8]) -> bool) -> Result<RefTable, FilterError> {
        let mut writer =
            RefTableWriter::in_memory(self.segments(), self.revisions(), self.default_revision())?;
        let mut sets: Vec<Option<RevSetIdx>> = vec![None; self.n_sets() as usize];
        let mut fault = None;
        self.for_each_doc(&mut |_, path, doc| {
            if !keep(path) {
                return true;
            }
            let copied = self
                .copied_set(&mut sets, doc.revisions, &mut writer)
                .and_then(|revisions| Ok(writer.add_doc(path, super::Doc { revisions, ..*doc })?));
            fault = copied.err();
            fault.is_none()
        })?;
        if let Some(fault) = fault {
            return Err(fault);
        }
        let bytes = writer.finish_in_memory()?;
        let path = Path::new("(some paths of a ref table)");
        Ok(RefTable::of_file(FileReader::of_bytes(&bytes, FileKind::RefTable, path)?, path)?)
    }

    fn copied_set(
        &self,
        sets: &mut [Option<RevSetIdx>],
        set: RevSetIdx,
        writer: &mut RefTableWriter,
    ) -> Result<RevSetIdx, FilterError> {
        let known = sets.get_mut(set.0 as usize);
        if let Some(Some(copied)) = known {
            return Ok(*copied);
        }
        let copied = writer.intern(self.set_revisions(set)?)?;
        if let Some(known) = known {
            *known = Some(copied);
        }
        Ok(copied)
    }
}
