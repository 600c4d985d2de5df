//! Ref tables: which blob stands at which path in which revision.
//!
//! One file per repository and generation, replaced as a whole at each push. A **document** is one blob at one path, with
//! the set of revisions in which it stands there; documents are sorted by path, 16 to a group, and groups are to the path
//! gram index what blocks are to a segment's. [`writer`] writes it, [`reader`] maps it, [`tree`] lists folders;
//! [`paths`] and [`sets`] are two of its sections.

mod filtered;
mod paths;
mod reader;
mod sets;
mod tree;
mod writer;

pub use filtered::FilterError;
pub use reader::RefTable;
pub use sets::RevFilter;
pub use tree::Child;
pub use writer::{NewDoc, RefTableInfo, RefTableWriter};
pub(crate) use writer::{first_groups, index_groups};

use crate::{BlobIdx, RevSetIdx, SegmentOrdinal};
use model::{DocFlags, Language, ObjectId, RefName};

/// Documents in a group: a path is found by halving over groups, then read from the start of its group. Larger groups make
/// smaller files and coarser path candidates.
const GROUP_LEN: usize = 16;
/// With fewer groups than this there is no path gram index: reading all of so few paths takes microseconds.
const INDEXED_GROUPS_MIN: usize = 8;

/// One commit that refs point to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The full names of the refs that point to it.
    pub refs: Vec<RefName>,
    /// The commit.
    pub commit: ObjectId,
    /// Committer time, seconds since 1970.
    pub commit_time: i64,
}

/// What stands at a path, from the tree entry's mode. The numbers are stored: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum DocKind {
    /// A file.
    File = 0,
    /// An executable file.
    Executable = 1,
    /// A symbolic link; its text is the target's name.
    Symlink = 2,
    /// A submodule: a commit of another repository; it has no blob here.
    Submodule = 3,
}

impl DocKind {
    fn from_code(code: u8) -> Option<DocKind> {
        match code {
            0 => Some(DocKind::File),
            1 => Some(DocKind::Executable),
            2 => Some(DocKind::Symlink),
            3 => Some(DocKind::Submodule),
            _ => None,
        }
    }
}

/// One document, without its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doc {
    /// What stands there.
    pub kind: DocKind,
    /// Segment and blob; `None` for a submodule.
    pub blob: Option<(SegmentOrdinal, BlobIdx)>,
    /// The commit of a submodule; a blob's id is known to its segment.
    pub submodule: Option<ObjectId>,
    /// Its language.
    pub language: Language,
    /// What the path says.
    pub flags: DocFlags,
    /// In which revisions it stands there.
    pub revisions: RevSetIdx,
}
