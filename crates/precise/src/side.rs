//! Files beside the one that is written: they have no name, so that nothing stays behind however the process ends.

use crate::IngestError;
use index::frame::{FileWriter, SectionKind};
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Bytes on their way into a section.
pub(crate) struct Side {
    file: BufWriter<File>,
    len: u64,
}

impl Side {
    pub(crate) fn new(folder: &Path) -> io::Result<Side> {
        Ok(Side { file: BufWriter::with_capacity(1 << 16, tempfile::tempfile_in(folder)?), len: 0 })
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.len += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    /// The file, to be read from its beginning.
    pub(crate) fn into_file(self) -> io::Result<File> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }

    /// Makes a section of it.
    pub(crate) fn into_section(self, writer: &mut FileWriter, kind: SectionKind) -> Result<(), IngestError> {
        let mut file = self.into_file()?;
        writer.begin_paged(kind)?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let n_read = file.read(&mut buffer)?;
            if n_read == 0 {
                return Ok(writer.end()?);
            }
            writer.write(&buffer[..n_read])?;
        }
    }
}
