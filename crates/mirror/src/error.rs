//! What can go wrong while a repository is brought up to date.

use model::RepoName;
use std::io;
use std::path::PathBuf;

/// Why a repository could not be brought up to date. Its old index, if it has one, keeps serving.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The server is stopping, or another worker has the job.
    #[error("the work was called off")]
    Cancelled,
    /// The address of the remote is not one that is used here.
    #[error(transparent)]
    Url(#[from] git::UrlError),
    /// The secret for the remote's host cannot be had.
    #[error("the credential for '{host}' cannot be had: {reason}")]
    Credential {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
    /// There is no usable git program.
    #[error(transparent)]
    Program(#[from] git::ProgramError),
    /// Cloning or fetching failed.
    #[error(transparent)]
    Mirror(#[from] git::MirrorError),
    /// The repository cannot be opened.
    #[error(transparent)]
    Open(#[from] git::OpenError),
    /// Its refs cannot be listed.
    #[error(transparent)]
    Refs(#[from] git::RefsError),
    /// Its trees cannot be walked.
    #[error(transparent)]
    Walk(#[from] git::WalkError),
    /// Its commits cannot be walked.
    #[error(transparent)]
    Walked(git::HistoryError),
    /// A commit that was just listed cannot be read.
    #[error("the history cannot be read: {0}; run `git fsck` in the repository and repair it")]
    History(String),
    /// The default branch cannot be read.
    #[error(
        "the default revision of '{name}' cannot be read ({reason}); run `git fsck` in the repository and repair it"
    )]
    DefaultUnreadable {
        /// The repository.
        name: RepoName,
        /// What git says.
        reason: String,
    },
    /// The disk is full, or a quota reached.
    #[error(
        "no space is left for the index below '{}'; the old index keeps serving: free some space, it is tried again by itself",
        path.display()
    )]
    DiskFull {
        /// The folder or file that was written.
        path: PathBuf,
    },
    /// The index cannot be written.
    #[error(transparent)]
    Write(index::WriteError),
    /// A file or folder of the index cannot be handled.
    #[error("cannot write '{}': {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// What was just written cannot be opened.
    #[error("the index that was just written cannot be opened: {0}")]
    Reopen(index::OpenError),
    /// A segment in use turned out to be damaged.
    #[error("a segment of the index is damaged: {0}")]
    Damaged(#[from] index::ReadError),
    /// More text is not indexed than may be.
    #[error("{n_bytes} bytes would have to be indexed, at most {n_bytes_max} may be")]
    OverLimit {
        /// How much there is.
        n_bytes: u64,
        /// How much there may be.
        n_bytes_max: u64,
    },
    /// The thread that did the work ended early.
    #[error("the work ended unexpectedly; the server's log says more")]
    Panicked,
    /// A thread that read the repository ended early.
    #[error("a thread that reads the repository ended early")]
    ReaderGone,
    /// The manifest could not be published.
    #[error(transparent)]
    Publish(#[from] store::PublishError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Fault),
}

impl IndexError {
    /// Wraps what the operating system said of a path; a full disk is told apart.
    pub(crate) fn io(path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        if is_full(&source) { IndexError::DiskFull { path } } else { IndexError::Io { path, source } }
    }
}

impl From<git::HistoryError> for IndexError {
    fn from(error: git::HistoryError) -> Self {
        match error {
            git::HistoryError::Cancelled => IndexError::Cancelled,
            other => IndexError::Walked(other),
        }
    }
}

impl From<index::WriteError> for IndexError {
    fn from(error: index::WriteError) -> Self {
        match error {
            index::WriteError::Io { path, source } if is_full(&source) => IndexError::DiskFull { path },
            other => IndexError::Write(other),
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}
