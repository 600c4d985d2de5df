//! The raw sidecar: the text of some blobs of one segment as it is, mapped, so that exhaustive work reads memory instead
//! of decompressing.
//!
//! It is a cache on one node: no manifest names it, nothing is lost with it, and whoever finds it missing or damaged
//! goes on without. So it is written without fsync, and it is read whole, checksums compared, before it is used.
//!
//! Layout, little-endian: header of 64 bytes (`magic 8 · segment id 16 · blobs u32 · checksum of the starts u32 · bytes of
//! text u64 · checksum of the text u32 · zeros 16 · checksum of the header u32`), then for each blob and once more at the end
//! where its text starts (u64), then the text, one blob after another in the order of the segment. A blob that is not
//! held starts where the next one does.

use crate::bytes::{u32_at, u64_at};
use crate::map::MappedFile;
use crate::{BlobIdx, OpenError, Segment, SegmentId, WriteError};
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const MAGIC: [u8; 8] = *b"SKRAW\0\0\x01";
const HEADER_LEN: usize = 64;

/// The text of some blobs of a segment, mapped. Checked when it was opened.
#[derive(Debug)]
pub struct RawText {
    map: MappedFile,
    segment: SegmentId,
    n_blobs: u32,
    text_at: usize,
}

/// Why no raw sidecar was written. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
pub enum WriteRawError {
    /// The operating system refused.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The segment cannot be read.
    #[error(transparent)]
    Read(#[from] crate::ReadError),
    /// `go_on` said no.
    #[error("the work was called off")]
    CalledOff,
}

impl RawText {
    /// Writes the text of those blobs of `segment` that `wants` names: temporary file, rename. `go_on` is asked once a
    /// blob; it may also wait, so that the work stays in the background.
    pub fn write(
        path: &Path,
        segment: &Segment,
        wants: &dyn Fn(BlobIdx) -> bool,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<(), WriteRawError> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        let written = write(&temporary, segment, wants, go_on);
        let named = written.and_then(|()| {
            fs::rename(&temporary, path).map_err(|source| io_error(path, source)).map_err(Into::into)
        });
        if named.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        named
    }

    /// Maps a sidecar of `segment` and compares all it says: reads every byte, at memory speed where the file is in the page
    /// cache, and so brings it there.
    pub fn open(path: &Path, segment: &Segment) -> Result<RawText, OpenError> {
        let open = || MappedFile::map(&File::open(path)?);
        let map = open().map_err(|source| OpenError::Io { path: path.to_path_buf(), source })?;
        let n_blobs = segment.n_blobs();
        let text_at = text_at(n_blobs);
        let raw = RawText { map, segment: segment.id(), n_blobs, text_at };
        match raw.fault(segment) {
            None => Ok(raw),
            Some(what) => Err(OpenError::Damaged { path: path.to_path_buf(), what }),
        }
    }

    /// The segment it belongs to.
    pub fn segment(&self) -> SegmentId {
        self.segment
    }

    /// What it takes, in memory once it was read and on disk, in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.map.bytes().len() as u64
    }

    /// The text of a blob; `None` where it is not held. The text of neighbours lies side by side.
    #[inline]
    pub fn text(&self, blob: BlobIdx) -> Option<&[u8]> {
        let (start, end) = (self.start(blob.0)?, self.start(blob.0 + 1)?);
        let text = self.map.bytes().get(self.text_at..)?.get(start..end)?;
        (!text.is_empty()).then_some(text)
    }

    fn start(&self, blob: u32) -> Option<usize> {
        u64_at(self.map.bytes(), HEADER_LEN + blob as usize * 8).map(|start| start as usize)
    }

    /// What does not fit, if anything.
    fn fault(&self, segment: &Segment) -> Option<&'static str> {
        let bytes = self.map.bytes();
        let Some(header) = bytes.get(..HEADER_LEN) else { return Some("the header ends early") };
        if !header.starts_with(&MAGIC) || u32_at(header, 60) != Some(crc32fast::hash(&header[..60])) {
            return Some("the header's checksum does not match");
        }
        if header[8..24] != self.segment.0 || u32_at(header, 24) != Some(self.n_blobs) {
            return Some("it belongs to another segment");
        }
        let (Some(starts), Some(text)) = (bytes.get(HEADER_LEN..self.text_at), bytes.get(self.text_at..))
        else {
            return Some("it ends early");
        };
        if u64_at(header, 32) != Some(text.len() as u64) || self.start(self.n_blobs) != Some(text.len()) {
            return Some("it has another length than when it was written");
        }
        if u32_at(header, 28) != Some(crc32fast::hash(starts))
            || u32_at(header, 40) != Some(crc32fast::hash(text))
        {
            return Some("a checksum does not match");
        }
        let fits = |blob: u32| {
            let (Some(start), Some(end)) = (self.start(blob), self.start(blob + 1)) else { return false };
            let Ok(meta) = segment.blob(BlobIdx(blob)) else { return false };
            start == end || (start < end && (end - start) as u64 == meta.text_len)
        };
        (!(0..self.n_blobs).all(fits)).then_some("a text has another length than its blob")
    }
}

fn text_at(n_blobs: u32) -> usize {
    HEADER_LEN + (n_blobs as usize + 1) * 8
}

fn write(
    path: &Path,
    segment: &Segment,
    wants: &dyn Fn(BlobIdx) -> bool,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<(), WriteRawError> {
    let failed = |source| io_error(path, source);
    let mut file = BufWriter::with_capacity(1 << 18, File::create(path).map_err(failed)?);
    file.seek(SeekFrom::Start(text_at(segment.n_blobs()) as u64)).map_err(failed)?;
    let mut starts = Vec::with_capacity((segment.n_blobs() as usize + 1) * 8);
    let mut hasher = crc32fast::Hasher::new();
    let mut len = 0u64;
    let mut text = Vec::new();
    for blob in (0..segment.n_blobs()).map(BlobIdx) {
        starts.extend(len.to_le_bytes());
        if !go_on() {
            return Err(WriteRawError::CalledOff);
        }
        if wants(blob) {
            text.clear();
            segment.read_blob(blob, &mut text)?;
            hasher.update(&text);
            file.write_all(&text).map_err(failed)?;
            len += text.len() as u64;
        }
    }
    starts.extend(len.to_le_bytes());
    let mut header = [0; HEADER_LEN];
    header[..8].copy_from_slice(&MAGIC);
    header[8..24].copy_from_slice(&segment.id().0);
    header[24..28].copy_from_slice(&segment.n_blobs().to_le_bytes());
    header[28..32].copy_from_slice(&crc32fast::hash(&starts).to_le_bytes());
    header[32..40].copy_from_slice(&len.to_le_bytes());
    header[40..44].copy_from_slice(&hasher.finalize().to_le_bytes());
    let crc = crc32fast::hash(&header[..60]);
    header[60..].copy_from_slice(&crc.to_le_bytes());
    let mut finish = || {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header)?;
        file.write_all(&starts)?;
        file.flush()
    };
    finish().map_err(failed)?;
    Ok(())
}

fn io_error(path: &Path, source: io::Error) -> WriteError {
    WriteError::Io { path: path.to_path_buf(), source }
}
