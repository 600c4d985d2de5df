//! Reads the frame. Opening touches the header and the footer; a section's checksum is compared when it is first read,
//! a page's when it is first touched.

use super::{ENTRY_LEN, FileKind, HEADER_LEN, Header, N_SECTIONS_MAX, PAGE_BITS, SectionKind, TRAILER_LEN};
use crate::bytes::{u32_at, u64_at};
use crate::map::MappedFile;
use crate::{FORMAT_VERSION, OpenError, ReadError};
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// An open file of ours with its section table.
#[derive(Debug)]
pub struct FileReader {
    map: MappedFile,
    header: Header,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    kind: u32,
    page_bits: u32,
    range: Range<usize>,
    crc: u32,
    first_sum: u32,
}

/// A section under one checksum, compared once.
#[derive(Debug)]
pub struct Whole {
    name: &'static str,
    range: Range<usize>,
    crc: u32,
    is_sound: OnceLock<bool>,
}

/// A section of pages, each compared when it is first touched.
#[derive(Debug)]
pub struct Paged {
    name: &'static str,
    range: Range<usize>,
    sums: Range<usize>,
    /// One bit a page: its checksum has been compared and was right.
    checked: Vec<AtomicU64>,
}

impl FileReader {
    /// Maps a file and checks its header and its table of sections.
    pub fn open(path: &Path, kind: FileKind) -> Result<FileReader, OpenError> {
        let io_error = |source| OpenError::Io { path: path.to_path_buf(), source };
        let damaged = |what| OpenError::Damaged { path: path.to_path_buf(), what };
        let file = File::open(path).map_err(io_error)?;
        let metadata = file.metadata().map_err(io_error)?;
        if !metadata.is_file() {
            return Err(OpenError::NotOurs { path: path.to_path_buf(), expected: kind.noun() });
        }
        if metadata.len() < (HEADER_LEN + TRAILER_LEN) as u64 {
            return Err(damaged("it is shorter than a header"));
        }
        FileReader::of_map(MappedFile::map(&file).map_err(io_error)?, kind, path)
    }

    /// Of bytes that were written in memory; `path` is what they were derived from, for errors to name.
    pub fn of_bytes(bytes: &[u8], kind: FileKind, path: &Path) -> Result<FileReader, OpenError> {
        let io_error = |source| OpenError::Io { path: path.to_path_buf(), source };
        FileReader::of_map(MappedFile::in_memory(bytes).map_err(io_error)?, kind, path)
    }

    fn of_map(map: MappedFile, kind: FileKind, path: &Path) -> Result<FileReader, OpenError> {
        let header = read_header(map.bytes(), kind, path)?;
        let entries = read_footer(map.bytes(), kind)
            .map_err(|what| OpenError::Damaged { path: path.to_path_buf(), what })?;
        Ok(FileReader { map, header, entries })
    }

    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        self.map.bytes()
    }

    /// What its header says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The number and the length of every section, in the order of the file.
    pub fn section_lens(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.entries.iter().map(|entry| (entry.kind, entry.range.len() as u64))
    }

    /// The section of this kind under one checksum, if the file has it.
    pub fn whole(&self, kind: SectionKind) -> Option<Whole> {
        let entry = self.entries.iter().find(|entry| entry.kind == kind as u32 && entry.page_bits == 0)?;
        Some(Whole {
            name: kind.name(),
            range: entry.range.clone(),
            crc: entry.crc,
            is_sound: OnceLock::new(),
        })
    }

    /// The paged section of this kind, if the file has it and its checksums.
    pub fn paged(&self, kind: SectionKind) -> Option<Paged> {
        let entry =
            self.entries.iter().find(|entry| entry.kind == kind as u32 && entry.page_bits == PAGE_BITS)?;
        let all_sums = self.entries.iter().find(|entry| entry.kind == SectionKind::Sums as u32)?;
        let n_pages = entry.range.len().div_ceil(1 << PAGE_BITS);
        let start = all_sums.range.start + entry.first_sum as usize * 4;
        let sums = start..start + n_pages * 4;
        if sums.end > all_sums.range.end {
            return None;
        }
        let checked = (0..n_pages.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        Some(Paged { name: kind.name(), range: entry.range.clone(), sums, checked })
    }
}

impl Whole {
    /// The section's bytes, if they are what was written.
    #[inline]
    pub fn get<'a>(&self, file: &'a FileReader) -> Result<&'a [u8], ReadError> {
        let damaged = ReadError::Damaged { section: self.name, what: "its checksum does not match" };
        let bytes = file.bytes().get(self.range.clone()).ok_or_else(|| damaged.clone())?;
        let is_sound = *self.is_sound.get_or_init(|| crc32fast::hash(bytes) == self.crc);
        if is_sound { Ok(bytes) } else { Err(damaged) }
    }

    /// Its bytes.
    #[allow(clippy::len_without_is_empty, reason = "an empty section is no case of its own")]
    pub fn len(&self) -> usize {
        self.range.len()
    }
}

impl Paged {
    /// Bytes of the section, counted from its start, if they are what was written.
    #[inline]
    pub fn get<'a>(&self, file: &'a FileReader, range: Range<u64>) -> Result<&'a [u8], ReadError> {
        let out = || ReadError::Damaged { section: self.name, what: "a reference points past its end" };
        let len = self.range.len() as u64;
        if range.start > range.end || range.end > len {
            return Err(out());
        }
        if range.start == range.end {
            return Ok(&[]);
        }
        let (start, end) = (range.start as usize, range.end as usize);
        for page in start >> PAGE_BITS..=(end - 1) >> PAGE_BITS {
            let word = self.checked.get(page / 64).ok_or_else(out)?;
            if word.load(Ordering::Relaxed) >> (page % 64) & 1 == 0 {
                self.check(file.bytes(), page)?;
                word.fetch_or(1 << (page % 64), Ordering::Relaxed);
            }
        }
        file.bytes().get(self.range.start + start..self.range.start + end).ok_or_else(out)
    }

    /// Its bytes.
    #[allow(clippy::len_without_is_empty, reason = "an empty section is no case of its own")]
    pub fn len(&self) -> u64 {
        self.range.len() as u64
    }

    /// Compares the checksums of all pages, also of those compared before.
    pub fn verify(&self, file: &FileReader) -> Result<(), ReadError> {
        (0..self.range.len().div_ceil(1 << PAGE_BITS)).try_for_each(|page| self.check(file.bytes(), page))
    }

    #[cold]
    fn check(&self, file: &[u8], page: usize) -> Result<(), ReadError> {
        let start = self.range.start + (page << PAGE_BITS);
        let end = (start + (1 << PAGE_BITS)).min(self.range.end);
        let expected = u32_at(file, self.sums.start + page * 4);
        if file.get(start..end).map(crc32fast::hash) == expected && expected.is_some() {
            return Ok(());
        }
        Err(ReadError::Damaged { section: self.name, what: "a page's checksum does not match" })
    }
}

fn read_header(file: &[u8], kind: FileKind, path: &Path) -> Result<Header, OpenError> {
    let damaged = |what| OpenError::Damaged { path: path.to_path_buf(), what };
    if !file.starts_with(&kind.magic()) {
        return Err(OpenError::NotOurs { path: path.to_path_buf(), expected: kind.noun() });
    }
    let number = |at| u32_at(file, at).ok_or_else(|| damaged("the header ends early"));
    let (version, features) = (number(8)?, number(12)?);
    if version != FORMAT_VERSION || features != 0 {
        return Err(OpenError::Unsupported { path: path.to_path_buf(), version, features });
    }
    if file.get(..60).map(crc32fast::hash) != Some(number(60)?) {
        return Err(damaged("the header's checksum does not match"));
    }
    let id = file
        .get(16..)
        .and_then(|bytes| bytes.first_chunk())
        .ok_or_else(|| damaged("the header ends early"))?;
    let mut numbers = [0; 6];
    for (idx, slot) in numbers.iter_mut().enumerate() {
        *slot = number(32 + idx * 4)?;
    }
    Ok(Header { id: *id, numbers })
}

fn read_footer(file: &[u8], kind: FileKind) -> Result<Vec<Entry>, &'static str> {
    let trailer_at = file.len() - TRAILER_LEN;
    let early = "the footer ends early";
    let trailer = &file[trailer_at..];
    if !trailer.ends_with(&kind.magic()) {
        return Err("it has no trailer, it may have been cut off");
    }
    if u64_at(trailer, 8) != Some(file.len() as u64) {
        return Err("it has another length than when it was written");
    }
    let n_entries = u32_at(trailer, 16).ok_or(early)? as usize;
    let table_at = trailer_at.checked_sub(n_entries.min(N_SECTIONS_MAX + 1) * ENTRY_LEN).ok_or(early)?;
    if n_entries > N_SECTIONS_MAX || table_at < HEADER_LEN {
        return Err("it has too many sections");
    }
    let summed = file.get(table_at..trailer_at + 20).ok_or(early)?;
    if u32_at(trailer, 20) != Some(crc32fast::hash(summed)) {
        return Err("the footer's checksum does not match");
    }
    let entry = |idx: usize| {
        let at = table_at + idx * ENTRY_LEN;
        let (offset, len) = (u64_at(file, at + 8)?, u64_at(file, at + 16)?);
        let end = offset.checked_add(len).filter(|end| *end <= table_at as u64)?;
        (offset >= HEADER_LEN as u64).then_some(())?;
        Some(Entry {
            kind: u32_at(file, at)?,
            page_bits: u32_at(file, at + 4)?,
            range: offset as usize..end as usize,
            crc: u32_at(file, at + 24)?,
            first_sum: u32_at(file, at + 28)?,
        })
    };
    (0..n_entries).map(entry).collect::<Option<_>>().ok_or("a section lies outside the file")
}
