//! Memory-mapped files: the only unsafe code of the workspace.

use memmap2::{Mmap, MmapMut};
use std::fs::File;
use std::io;

/// A whole file, mapped read-only.
#[derive(Debug)]
pub(crate) struct MappedFile {
    map: Mmap,
}

impl MappedFile {
    /// Maps a file that is never changed or truncated again: segments and ref tables are written under a temporary name,
    /// renamed once, and from then on only unlinked, which leaves the mapping whole.
    #[allow(unsafe_code, reason = "mapping a file is unsafe by nature; this is the one place")]
    pub(crate) fn map(file: &File) -> io::Result<MappedFile> {
        // SAFETY: the data directory belongs to this program, which holds its lock and never writes to a published file.
        // Should somebody else truncate one, reading it ends the process (SIGBUS); altered bytes are caught by checksums
        // and by checked reads, because nothing is ever derived from mapped bytes without a bounds check.
        let map = unsafe { Mmap::map(file)? };
        Ok(MappedFile { map })
    }

    /// Memory of its own with these bytes, read as if they were a file's.
    pub(crate) fn in_memory(bytes: &[u8]) -> io::Result<MappedFile> {
        let mut map = MmapMut::map_anon(bytes.len())?;
        map.copy_from_slice(bytes);
        Ok(MappedFile { map: map.make_read_only()? })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }
}
