//! Writes the frame: to a temporary name, synced, renamed when whole; or into memory.

use super::{FileKind, HEADER_LEN, Header, PAGE_BITS, SectionKind, TRAILER_LEN};
use crate::{FORMAT_VERSION, WriteError};
use std::fs::{self, File};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file being written. Dropped before [`FileWriter::finish`], it removes what it wrote.
#[derive(Debug)]
pub struct FileWriter {
    path: PathBuf,
    temporary: PathBuf,
    kind: FileKind,
    file: Option<Sink>,
    len: u64,
    entries: Vec<Entry>,
    open: Option<OpenSection>,
    sums: Vec<u32>,
    hot_offset: Option<u64>,
}

/// Where the bytes go.
#[derive(Debug)]
enum Sink {
    File(BufWriter<File>),
    Memory(Vec<u8>),
}

#[derive(Debug)]
struct Entry {
    kind: SectionKind,
    page_bits: u32,
    offset: u64,
    len: u64,
    crc: u32,
    first_sum: u32,
}

#[derive(Debug)]
struct OpenSection {
    entry: Entry,
    hasher: crc32fast::Hasher,
    page_len: usize,
}

impl FileWriter {
    /// Begins a file that gets its name at `path` when it is finished.
    pub fn create(path: &Path, kind: FileKind) -> Result<Self, WriteError> {
        let name = path.file_name().ok_or(WriteError::Invalid { what: "to a path without a file name" })?;
        let mut temporary_name = name.to_os_string();
        temporary_name.push(".tmp");
        let temporary = path.with_file_name(temporary_name);
        let io_error = |source| WriteError::Io { path: temporary.clone(), source };
        let mut file = BufWriter::with_capacity(1 << 18, File::create(&temporary).map_err(io_error)?);
        file.write_all(&[0; HEADER_LEN]).map_err(io_error)?;
        Ok(FileWriter::new(path, temporary, kind, Sink::File(file)))
    }

    /// Begins one that stays in memory.
    pub fn in_memory(kind: FileKind) -> Self {
        FileWriter::new(Path::new(""), PathBuf::new(), kind, Sink::Memory(vec![0; HEADER_LEN]))
    }

    fn new(path: &Path, temporary: PathBuf, kind: FileKind, sink: Sink) -> Self {
        FileWriter {
            path: path.to_path_buf(),
            temporary,
            kind,
            file: Some(sink),
            len: HEADER_LEN as u64,
            entries: Vec::new(),
            open: None,
            sums: Vec::new(),
            hot_offset: None,
        }
    }

    /// Where the file will appear.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Turns an error of the operating system into one that names the file.
    pub fn io_error(&self, source: std::io::Error) -> WriteError {
        WriteError::Io { path: self.temporary.clone(), source }
    }

    /// Begins a large section whose pages are checksummed one by one.
    pub fn begin_paged(&mut self, kind: SectionKind) -> Result<(), WriteError> {
        self.begin(kind, PAGE_BITS)
    }

    /// Appends to the section begun last.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), WriteError> {
        self.put(bytes)?;
        let open = self.open.as_mut().ok_or(WriteError::Invalid { what: "outside a section" })?;
        open.entry.len += bytes.len() as u64;
        while open.entry.page_bits != 0 && open.page_len + bytes.len() >= 1 << PAGE_BITS {
            let (page, rest) = bytes.split_at((1 << PAGE_BITS) - open.page_len);
            open.hasher.update(page);
            self.sums.push(std::mem::take(&mut open.hasher).finalize());
            open.page_len = 0;
            bytes = rest;
        }
        open.hasher.update(bytes);
        open.page_len += bytes.len();
        Ok(())
    }

    /// Bytes written to the section begun last.
    pub fn section_len(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.entry.len)
    }

    /// Ends the section begun last.
    pub fn end(&mut self) -> Result<(), WriteError> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        if open.entry.page_bits == 0 {
            open.entry.crc = open.hasher.finalize();
        } else if open.page_len > 0 {
            self.sums.push(open.hasher.finalize());
        }
        self.entries.push(open.entry);
        let n_padding = self.len.next_multiple_of(8) - self.len;
        self.put(&[0; 8][..n_padding as usize])
    }

    /// From here on everything is hot. The checksums of the paged sections come first.
    pub fn begin_hot(&mut self) -> Result<(), WriteError> {
        self.hot_offset = Some(self.len);
        let sums: Vec<u8> = self.sums.iter().flat_map(|sum| sum.to_le_bytes()).collect();
        self.section(SectionKind::Sums, &sums)
    }

    /// Writes one section under one checksum.
    pub fn section(&mut self, kind: SectionKind, bytes: &[u8]) -> Result<(), WriteError> {
        self.begin(kind, 0)?;
        self.write(bytes)?;
        self.end()
    }

    /// Writes footer and header, syncs, and gives the file its name. Returns its size.
    pub fn finish(mut self, header: &Header) -> Result<u64, WriteError> {
        let footer = self.footer();
        self.put(&footer)?;
        let header = header_bytes(self.kind, header);
        let temporary = self.temporary.clone();
        let io_error = |source| WriteError::Io { path: temporary.clone(), source };
        let Some(Sink::File(writer)) = self.file.as_mut() else {
            return Err(WriteError::Invalid { what: "twice, or to a file from memory" });
        };
        writer.seek(SeekFrom::Start(0)).map_err(io_error)?;
        writer.write_all(&header).map_err(io_error)?;
        writer.flush().map_err(io_error)?;
        writer.get_ref().sync_all().map_err(io_error)?;
        fs::rename(&self.temporary, &self.path).map_err(io_error)?;
        self.file = None;
        sync_parent(&self.path)?;
        Ok(self.len)
    }

    /// As [`FileWriter::finish`], of one in memory. Returns its bytes.
    pub fn finish_in_memory(mut self, header: &Header) -> Result<Vec<u8>, WriteError> {
        let footer = self.footer();
        self.put(&footer)?;
        let Some(Sink::Memory(mut bytes)) = self.file.take() else {
            return Err(WriteError::Invalid { what: "to memory what is a file" });
        };
        bytes[..HEADER_LEN].copy_from_slice(&header_bytes(self.kind, header));
        Ok(bytes)
    }

    fn begin(&mut self, kind: SectionKind, page_bits: u32) -> Result<(), WriteError> {
        self.end()?;
        let first_sum = self.sums.len() as u32;
        let entry = Entry { kind, page_bits, offset: self.len, len: 0, crc: 0, first_sum };
        self.open = Some(OpenSection { entry, hasher: crc32fast::Hasher::new(), page_len: 0 });
        Ok(())
    }

    fn footer(&self) -> Vec<u8> {
        let mut footer = Vec::new();
        for entry in &self.entries {
            footer.extend((entry.kind as u32).to_le_bytes());
            footer.extend(entry.page_bits.to_le_bytes());
            footer.extend(entry.offset.to_le_bytes());
            footer.extend(entry.len.to_le_bytes());
            footer.extend(entry.crc.to_le_bytes());
            footer.extend(entry.first_sum.to_le_bytes());
        }
        let file_len = self.len + (footer.len() + TRAILER_LEN) as u64;
        footer.extend(self.hot_offset.unwrap_or(self.len).to_le_bytes());
        footer.extend(file_len.to_le_bytes());
        footer.extend((self.entries.len() as u32).to_le_bytes());
        footer.extend(crc32fast::hash(&footer).to_le_bytes());
        footer.extend(self.kind.magic());
        footer
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.len += bytes.len() as u64;
        let temporary = &self.temporary;
        match self.file.as_mut() {
            Some(Sink::File(writer)) => {
                writer.write_all(bytes).map_err(|source| WriteError::Io { path: temporary.clone(), source })
            }
            Some(Sink::Memory(memory)) => {
                memory.extend_from_slice(bytes);
                Ok(())
            }
            None => Err(WriteError::Invalid { what: "after the end" }),
        }
    }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        if let Some(Sink::File(_)) = self.file.take() {
            // Nothing can be done about a failure here; a left-over temporary file is replaced by the next attempt.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

fn header_bytes(kind: FileKind, header: &Header) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_LEN);
    bytes.extend(kind.magic());
    bytes.extend(FORMAT_VERSION.to_le_bytes());
    bytes.extend(0u32.to_le_bytes());
    bytes.extend(header.id);
    header.numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
    bytes.extend(0u32.to_le_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// Makes the rename itself durable.
fn sync_parent(path: &Path) -> Result<(), WriteError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let sync = || File::open(parent)?.sync_all();
    sync().map_err(|source| WriteError::Io { path: parent.to_path_buf(), source })
}
