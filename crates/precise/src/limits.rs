//! What is refused or cut, and how a running ingest is stopped.

use crate::IngestError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Most bytes of a path.
pub(crate) const PATH_BYTES_MAX: usize = 4096;
/// Most bytes of a symbol's name.
pub(crate) const SYMBOL_BYTES_MAX: usize = 8192;
/// Most bytes of one occurrence on the wire, its diagnostics included.
pub(crate) const OCCURRENCE_BYTES_MAX: u64 = 256 << 10;
/// Most bytes of what is said of one symbol, on the wire.
pub(crate) const INFORMATION_BYTES_MAX: u64 = 512 << 10;
/// Documentation of a symbol is cut to this.
pub(crate) const DOCUMENTATION_BYTES_MAX: usize = 32 << 10;
/// Relationships of a symbol that are kept.
pub(crate) const RELATIONSHIPS_MAX: usize = 4096;
/// Most bytes of what is said of the indexer.
pub(crate) const METADATA_BYTES_MAX: u64 = 1 << 20;
/// Packages that are listed.
pub(crate) const PACKAGES_MAX: usize = 1 << 16;

/// What one index may have at most. Memory is bounded by them: see ADR 265.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IngestLimits {
    /// Bytes of the index, uncompressed.
    pub input_bytes_max: u64,
    /// Bytes of one document on the wire.
    pub document_bytes_max: u64,
    /// Documents.
    pub n_documents_max: u32,
    /// Occurrences in one document, and relationships.
    pub n_document_occurrences_max: u32,
    /// Occurrences in all.
    pub n_occurrences_max: u64,
    /// Pairs of a document and a symbol that it names.
    pub n_mentions_max: u32,
    /// Bytes of mentions that are sorted in memory before they are put aside on disk.
    pub sort_bytes: usize,
}

impl Default for IngestLimits {
    fn default() -> Self {
        IngestLimits {
            input_bytes_max: 8 << 30,
            document_bytes_max: 128 << 20,
            n_documents_max: 1_000_000,
            n_document_occurrences_max: 1_000_000,
            n_occurrences_max: 64_000_000,
            n_mentions_max: 32_000_000,
            sort_bytes: 48 << 20,
        }
    }
}

/// Stops an ingest: called off, or out of time.
#[derive(Clone, Copy, Debug)]
pub struct Stop<'a> {
    /// Set by whoever calls it off.
    pub cancel: &'a AtomicBool,
    /// When it must be done.
    pub deadline: Option<Instant>,
}

impl Stop<'_> {
    pub(crate) fn check(&self) -> Result<(), IngestError> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(IngestError::Cancelled);
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(IngestError::OutOfTime),
            _ => Ok(()),
        }
    }
}
