//! Tables of a repository's history: its commits, what they changed, and where its refs stand.
//!
//! Commits are numbered so that a parent's number is smaller than its children's; otherwise older ones come first. Each
//! table covers a run of numbers, so that news are a small table beside the old ones. Beside a [`CommitTable`] stands a
//! segment whose blobs are the messages, beside a [`ChangeTable`] one whose blobs are the added and removed lines, both
//! newest first: commit `n` of a table of `len` is blob `len - 1 - n`.
//!
//! All sections lie under one checksum each, compared at the first touch. [`strings`] is part of all of them.

mod changes;
mod commits;
mod strings;
mod tips;

pub use changes::{
    ChangeKind, ChangeState, ChangeTable, ChangeTableWriter, ChangedFile, ChangedHunk, CommitChanges,
};
pub use commits::{CommitRow, CommitTable, CommitTableWriter, NewCommit, Signature};
pub use tips::{Tip, Tips, TipsWriter};

use crate::file::{FileReader, SectionKind, Whole};
use crate::{OpenError, ReadError, WriteError};
use std::path::Path;

/// The section, or the error that says that it is missing.
fn section(file: &FileReader, kind: SectionKind, path: &Path) -> Result<Whole, OpenError> {
    let missing = || OpenError::Damaged { path: path.to_path_buf(), what: "a section is missing" };
    file.whole(kind).ok_or_else(missing)
}

fn damaged(kind: SectionKind, what: &'static str) -> ReadError {
    ReadError::Damaged { section: kind.name(), what }
}

fn too_many(what: &'static str) -> WriteError {
    WriteError::TooMany { what, limit: u32::MAX.into() }
}

/// The name of a table: what it holds.
fn id_of(parts: &[&[u8]]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    parts.iter().for_each(|part| {
        hasher.update(part);
    });
    hasher.finalize().as_bytes().first_chunk().copied().unwrap_or_default()
}
