//! What can go wrong: one error per operation.

use std::io;

/// Why an index was not taken in. Nothing of it is left behind.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The upload cannot be read, or what is written cannot be written.
    #[error("cannot take in the index: {source}")]
    Io {
        /// What the operating system said.
        #[from]
        source: io::Error,
    },
    /// The file of the index cannot be written.
    #[error("cannot take in the index: {source}")]
    Write {
        /// Why not.
        #[from]
        source: index::WriteError,
    },
    /// The bytes are not SCIP, or end too early.
    #[error(
        "this is not a whole SCIP index (byte {at}: {what}): upload the file that the indexer wrote, unaltered"
    )]
    Malformed {
        /// Where in the uncompressed index.
        at: u64,
        /// What does not fit.
        what: String,
    },
    /// There are no documents in it.
    #[error(
        "the index has no documents: run the indexer in the repository's directory and look at what it says"
    )]
    Empty,
    /// A document is not inside the repository.
    #[error(
        "document '{path}' is not a path inside the repository: run the indexer at the repository's root, or upload with root="
    )]
    OutsideRepository {
        /// Its path, as given, cut.
        path: String,
    },
    /// Something is too large, or there is too much of it.
    #[error(
        "the index has more than {limit} {what}: index parts of the repository, and upload each with its root="
    )]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How much there may be.
        limit: u64,
    },
    /// It was called off.
    #[error("taking in the index was called off")]
    Cancelled,
    /// It took too long.
    #[error(
        "taking in the index took too long: upload it again when the server has less to do, or index parts of the repository"
    )]
    OutOfTime,
    /// A fault of ours.
    #[error("taking in the index met a fault of the program: report it with the indexer's name and version")]
    Fault,
}

/// Why an open index could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The file is damaged.
    #[error("a precise index is damaged ({source}): upload it again")]
    Damaged {
        /// What does not fit.
        #[from]
        source: index::ReadError,
    },
    /// The file is not there or not ours.
    #[error("a precise index cannot be opened ({what}): upload it again")]
    Open {
        /// Why not.
        what: String,
    },
}

impl IngestError {
    pub(crate) fn malformed(at: u64, what: impl Into<String>) -> Self {
        IngestError::Malformed { at, what: what.into() }
    }
}
