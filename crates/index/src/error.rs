//! What can go wrong: one error per operation. A damaged file is always an error of one of these types.

use std::io;
use std::path::PathBuf;

/// Why a segment or a ref table could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operating system refused.
    #[error("cannot open '{}': {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is something else.
    #[error("'{}' is not a {expected}: remove it and index the repository again", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What was expected there: `segment` or `ref table`.
        expected: &'static str,
    },
    /// The file was written by a later version of the program.
    #[error("'{}' has format version {version} with features {features:#x}; this program reads version {}: update it, or remove the file and index again", path.display(), crate::FORMAT_VERSION)]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The version it says.
        version: u32,
        /// The feature bits it says.
        features: u32,
    },
    /// The file is truncated or altered.
    #[error("'{}' is damaged ({what}): remove it and index the repository again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        what: &'static str,
    },
}

/// Why something could not be read from an open segment or ref table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The bytes are not what was written.
    #[error("section {section} is damaged ({what}): index the repository again")]
    Damaged {
        /// The section the bytes belong to.
        section: &'static str,
        /// What does not fit.
        what: &'static str,
    },
    /// The caller asked for a number the file does not have.
    #[error("there is no {noun} {number}: the file has {count}")]
    OutOfRange {
        /// What was asked for: `blob`, `block`, `document`, …
        noun: &'static str,
        /// The number asked for.
        number: u64,
        /// How many there are.
        count: u64,
    },
}

/// Why a segment or a ref table could not be written. Nothing is left behind at the target path.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The operating system refused.
    #[error("cannot write '{}': {source}", path.display())]
    Io {
        /// The file being written.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The input is beyond what the format can number.
    #[error("{what} is beyond the format's limit of {limit}: split the input")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The largest amount.
        limit: u64,
    },
    /// The caller gave something contradictory.
    #[error("cannot write {what}")]
    Invalid {
        /// What is wrong.
        what: &'static str,
    },
    /// A worker thread ended early; the input was not indexed.
    #[error("an indexing thread ended early")]
    WorkerGone,
}
