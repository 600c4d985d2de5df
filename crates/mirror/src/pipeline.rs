//! Reading blobs on many threads and handing them over in order.
//!
//! One coordinator (the caller's thread) gives out blobs, receives them read and decoded, and hands them to the segment
//! writer in order of rank and path. What is in flight is bounded by number and by bytes, so memory does not depend on
//! the repository.

use crate::IndexError;
use crate::definitions::Definitions;
use crate::plan::NewBlob;
use git::{ObjectError, Reader, Repository};
use model::{BlobFlags, Language, SkipReason};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use syntax::{DecodeLimits, Decoded};

/// Most blobs in flight for each reader: enough that none waits while one reads a large blob.
const IN_FLIGHT_PER_READER: usize = 64;
/// Most bytes in flight; a single larger blob passes alone. Twice this (undecoded and decoded) is held at most.
const IN_FLIGHT_BYTES_MAX: u64 = 16 << 20;

/// A blob as it goes into a segment.
#[derive(Debug)]
pub(crate) struct ReadBlob {
    /// Its text, or why there is none.
    pub(crate) content: Result<Text, SkipReason>,
    /// What its bytes say.
    pub(crate) flags: BlobFlags,
    /// Its language.
    pub(crate) language: Language,
    /// Its rank by path and content.
    pub(crate) rank: u8,
    /// What its text defines.
    pub(crate) definitions: Definitions,
}

/// Decoded text: all of a buffer, or the part after a byte order mark.
#[derive(Debug)]
pub(crate) struct Text {
    buffer: Vec<u8>,
    range: Range<usize>,
}

impl Text {
    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.range.clone()]
    }
}

/// Reads all blobs and calls `take` with each, in order of the rank that its path *and content* give it, then of path.
/// `take` gets the position in `blobs`.
pub(crate) fn read_in_order(
    repository: &Repository,
    blobs: &[NewBlob<'_>],
    n_readers: usize,
    file_bytes_max: u64,
    cancel: &AtomicBool,
    mut take: impl FnMut(usize, ReadBlob) -> Result<(), IndexError>,
) -> Result<(), IndexError> {
    let n_readers = n_readers.clamp(1, blobs.len().div_ceil(8).max(1));
    std::thread::scope(|scope| {
        let (job_sender, jobs) = crossbeam_channel::unbounded::<(usize, usize, u8)>();
        let (result_sender, results) = crossbeam_channel::unbounded();
        for _ in 0..n_readers {
            let (jobs, result_sender) = (jobs.clone(), result_sender.clone());
            let reader = repository.reader();
            scope.spawn(move || {
                for (position, idx, rank) in jobs {
                    let read = read(&reader, &blobs[idx], rank, file_bytes_max);
                    if result_sender.send((position, read)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(result_sender);
        let window = Window { job_sender, results, n_max: n_readers * IN_FLIGHT_PER_READER };
        window.run(blobs, cancel, &mut take)
    })
}

/// Asks git for the sizes of all blobs; one whose size it cannot tell keeps 0 and fails when it is read.
pub(crate) fn measure(
    repository: &Repository,
    blobs: &mut [NewBlob<'_>],
    n_readers: usize,
    cancel: &AtomicBool,
) {
    let n_each = blobs.len().div_ceil(n_readers.max(1)).max(1);
    std::thread::scope(|scope| {
        for part in blobs.chunks_mut(n_each) {
            let reader = repository.reader();
            scope.spawn(move || {
                for blob in part.iter_mut().take_while(|_| !cancel.load(Ordering::Relaxed)) {
                    blob.size_bytes = reader.header(blob.oid).map_or(0, |header| header.size_bytes);
                }
            });
        }
    });
}

/// The coordinator's ends of the channels: (position in the batch, blob, rank of the batch) out, (position in the batch, what was read) in.
struct Window {
    job_sender: crossbeam_channel::Sender<(usize, usize, u8)>,
    results: crossbeam_channel::Receiver<(usize, ReadBlob)>,
    n_max: usize,
}

impl Window {
    /// Goes through the ranks from the best on. A blob whose content turns out to rank lower than its path promised
    /// (generated, minified) is dropped and read once more when its rank comes: they are few, and keeping them would
    /// need memory without bound.
    fn run(
        &self,
        blobs: &[NewBlob<'_>],
        cancel: &AtomicBool,
        take: &mut dyn FnMut(usize, ReadBlob) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let mut by_rank: BTreeMap<u8, Vec<usize>> = BTreeMap::new();
        for (idx, blob) in blobs.iter().enumerate() {
            by_rank.entry(blob.rank).or_default().push(idx);
        }
        while let Some((rank, mut batch)) = by_rank.pop_first() {
            batch.sort_unstable_by_key(|idx| (blobs[*idx].path, *idx));
            self.run_batch(blobs, (rank, &batch), cancel, &mut |idx, read| match read.rank > rank {
                true => {
                    by_rank.entry(read.rank).or_default().push(idx);
                    Ok(())
                }
                false => take(idx, read),
            })?;
        }
        Ok(())
    }

    fn run_batch(
        &self,
        blobs: &[NewBlob<'_>],
        (rank, batch): (u8, &[usize]),
        cancel: &AtomicBool,
        take: &mut dyn FnMut(usize, ReadBlob) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let mut early: BTreeMap<usize, ReadBlob> = BTreeMap::new();
        let (mut n_given, mut n_taken, mut bytes) = (0, 0, 0u64);
        while n_taken < batch.len() {
            if cancel.load(Ordering::Relaxed) {
                return Err(IndexError::Cancelled);
            }
            while let Some(idx) = batch.get(n_given) {
                let n_in_flight = n_given - n_taken;
                let size_bytes = blobs[*idx].size_bytes;
                if n_in_flight > 0 && (n_in_flight >= self.n_max || bytes + size_bytes > IN_FLIGHT_BYTES_MAX)
                {
                    break;
                }
                self.job_sender.send((n_given, *idx, rank)).map_err(|_| IndexError::ReaderGone)?;
                bytes += size_bytes;
                n_given += 1;
            }
            let (position, read) = self.results.recv().map_err(|_| IndexError::ReaderGone)?;
            early.insert(position, read);
            while let Some(read) = early.remove(&n_taken) {
                let idx = batch[n_taken];
                bytes -= blobs[idx].size_bytes;
                n_taken += 1;
                take(idx, read)?;
            }
        }
        Ok(())
    }
}

/// Reads, decodes and classifies one blob. Never fails: what goes wrong is the reason to leave the content out.
fn read(reader: &Reader, blob: &NewBlob<'_>, rank_now: u8, file_bytes_max: u64) -> ReadBlob {
    // A panic in a parser costs one blob, not the repository.
    let read =
        std::panic::catch_unwind(AssertUnwindSafe(|| try_read(reader, blob, rank_now, file_bytes_max)));
    read.unwrap_or(Err(SkipReason::Unreadable)).unwrap_or_else(|reason| ReadBlob {
        content: Err(reason),
        flags: BlobFlags::default(),
        language: syntax::language_by_path(blob.path).best(),
        rank: blob.rank,
        definitions: Definitions::default(),
    })
}

fn try_read(
    reader: &Reader,
    blob: &NewBlob<'_>,
    rank_now: u8,
    file_bytes_max: u64,
) -> Result<ReadBlob, SkipReason> {
    let mut buffer = Vec::new();
    match reader.read_blob(blob.oid, file_bytes_max, &mut buffer) {
        Ok(()) => {}
        Err(ObjectError::TooLarge { .. }) => return Err(SkipReason::TooLarge),
        Err(error) => {
            tracing::warn!(%error, "a blob is left out of the index");
            return Err(SkipReason::Unreadable);
        }
    }
    let limits = DecodeLimits { size_bytes_max: usize::try_from(file_bytes_max).unwrap_or(usize::MAX) };
    let (utf8, flags) = match syntax::decode(&buffer, &limits) {
        Decoded::Skipped(reason) => return Err(reason),
        Decoded::Text { utf8, flags, .. } => (utf8, flags),
    };
    let (range, owned) = match utf8 {
        Cow::Borrowed(text) => {
            let start = text.as_ptr().addr() - buffer.as_ptr().addr();
            (start..start + text.len(), None)
        }
        Cow::Owned(text) => (0..text.len(), Some(text.into_bytes())),
    };
    let text = Text { buffer: owned.unwrap_or(buffer), range };
    let head = text.bytes();
    let language = syntax::detect_language(blob.path, &head[..head.len().min(syntax::HEAD_BYTES)]);
    let rank = syntax::static_rank(blob.path, syntax::doc_flags(blob.path), flags).max(blob.rank);
    // A blob of a lower rank than its path promised is read once more: then it is parsed.
    let definitions =
        if rank > rank_now { Definitions::default() } else { Definitions::of(language, text.bytes()) };
    Ok(ReadBlob { content: Ok(text), flags, language, rank, definitions })
}
