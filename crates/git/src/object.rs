//! Reading objects, one reader per thread.

use crate::{Commit, commit};
use gix::prelude::{Find as _, Header as _};
use model::ObjectId;
use std::{cell::RefCell, fmt, panic::AssertUnwindSafe};

/// Largest commit or tag that is read. Real ones have kilobytes; a merge of 100,000 parents has 5 MB.
const COMMIT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Longest chain of annotated tags that is followed. git itself makes chains of one.
const TAG_CHAIN_MAX: usize = 32;

/// The tree without entries. git knows it without its being stored, so commits of nothing may refer to what is not there.
const EMPTY_TREE: ObjectId = ObjectId([
    0x4b, 0x82, 0x5d, 0xc6, 0x42, 0xcb, 0x6e, 0xb9, 0xa0, 0x60, 0xe5, 0x4b, 0xf8, 0xd6, 0x92, 0x88, 0xfb,
    0xee, 0x49, 0x04,
]);

/// The kind of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// A file's content.
    Blob,
    /// A folder.
    Tree,
    /// A commit.
    Commit,
    /// An annotated tag.
    Tag,
}

/// Kind and size of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectHeader {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// Why an object cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// It is not there.
    #[error("object {id} is missing")]
    Missing {
        /// The object.
        id: ObjectId,
    },
    /// It is there, but larger than the caller's limit. Nothing was inflated.
    #[error("object {id} has {size_bytes} bytes, more than the limit of {limit_bytes}")]
    TooLarge {
        /// The object.
        id: ObjectId,
        /// Its size.
        size_bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// It is of another kind.
    #[error("object {id} is a {kind}, not a {expected}")]
    WrongKind {
        /// The object.
        id: ObjectId,
        /// What it is.
        kind: ObjectKind,
        /// What was asked for.
        expected: ObjectKind,
    },
    /// It is damaged, or decoding it passes the memory limit.
    #[error("object {id} cannot be read: {reason}")]
    Damaged {
        /// The object.
        id: ObjectId,
        /// What the library says, cut to 300 characters.
        reason: String,
    },
}

/// Reads objects of one repository. One per thread (`Send`, not `Sync`); a clone is cheap and starts with empty caches.
#[derive(Clone)]
pub struct Reader {
    repository: gix::Repository,
    /// Trees and commits are read here, so that a walk does not allocate for each.
    scratch: RefCell<Vec<u8>>,
}

impl Reader {
    pub(crate) fn new(repository: gix::Repository) -> Self {
        Reader { repository, scratch: RefCell::new(Vec::new()) }
    }

    /// Kind and size, without inflating the content.
    pub fn header(&self, id: ObjectId) -> Result<ObjectHeader, ObjectError> {
        if id == EMPTY_TREE {
            return Ok(ObjectHeader { kind: ObjectKind::Tree, size_bytes: 0 });
        }
        let found = shielded(|| self.repository.objects.try_header(&library_id(id)))
            .map_err(|panicked| ObjectError::Damaged { id, reason: panicked.to_owned() })?;
        match found {
            Ok(Some(header)) => Ok(ObjectHeader { kind: header.kind().into(), size_bytes: header.size() }),
            Ok(None) => Err(ObjectError::Missing { id }),
            Err(error) => Err(ObjectError::Damaged { id, reason: describe(&error) }),
        }
    }

    /// Replaces `content` with the blob's bytes, if it has at most `size_bytes_max` of them. After an error the content is
    /// unspecified.
    pub fn read_blob(
        &self,
        id: ObjectId,
        size_bytes_max: u64,
        content: &mut Vec<u8>,
    ) -> Result<(), ObjectError> {
        self.read(id, ObjectKind::Blob, size_bytes_max, content)
    }

    /// A commit's metadata.
    pub fn commit(&self, id: ObjectId) -> Result<Commit, ObjectError> {
        let mut scratch = self.scratch.borrow_mut();
        self.read(id, ObjectKind::Commit, COMMIT_BYTES_MAX, &mut scratch)?;
        commit::parse(id, &scratch)
            .ok_or_else(|| ObjectError::Damaged { id, reason: "it names no tree".to_owned() })
    }

    /// Of a commit what a walk needs.
    pub(crate) fn step(&self, id: ObjectId) -> Result<commit::Step, ObjectError> {
        let mut scratch = self.scratch.borrow_mut();
        self.read(id, ObjectKind::Commit, COMMIT_BYTES_MAX, &mut scratch)?;
        commit::step(&scratch)
            .ok_or_else(|| ObjectError::Damaged { id, reason: "it names no tree".to_owned() })
    }

    /// Follows annotated tags from `id` to what they lead to, and tells its kind.
    pub(crate) fn peel(&self, id: ObjectId) -> Result<(ObjectId, ObjectKind), ObjectError> {
        let mut current = id;
        for _ in 0..TAG_CHAIN_MAX {
            let header = self.header(current)?;
            if header.kind != ObjectKind::Tag {
                return Ok((current, header.kind));
            }
            let mut scratch = self.scratch.borrow_mut();
            self.read(current, ObjectKind::Tag, COMMIT_BYTES_MAX, &mut scratch)?;
            current = commit::tag_target(&scratch).ok_or_else(|| ObjectError::Damaged {
                id: current,
                reason: "it names no object".to_owned(),
            })?;
        }
        Err(ObjectError::Damaged {
            id,
            reason: format!("it begins a chain of more than {TAG_CHAIN_MAX} tags"),
        })
    }

    /// Reads an object of a known kind after looking at its header.
    pub(crate) fn read(
        &self,
        id: ObjectId,
        expected: ObjectKind,
        size_bytes_max: u64,
        content: &mut Vec<u8>,
    ) -> Result<(), ObjectError> {
        let header = self.header(id)?;
        if header.kind != expected {
            return Err(ObjectError::WrongKind { id, kind: header.kind, expected });
        }
        if header.size_bytes > size_bytes_max {
            let size_bytes = header.size_bytes;
            return Err(ObjectError::TooLarge { id, size_bytes, limit_bytes: size_bytes_max });
        }
        if id == EMPTY_TREE {
            content.clear();
            return Ok(());
        }
        let found = shielded(|| {
            let data = self.repository.objects.try_find(&library_id(id), content);
            data.map(|data| data.map(|data| (data.kind, data.data.len())))
        })
        .map_err(|panicked| ObjectError::Damaged { id, reason: panicked.to_owned() })?;
        match found {
            Ok(Some((kind, n_bytes))) if kind == expected.into() && n_bytes as u64 == header.size_bytes => {
                content.truncate(n_bytes);
                Ok(())
            }
            Ok(Some(_)) => {
                Err(ObjectError::Damaged { id, reason: "its header tells another size or kind".to_owned() })
            }
            Ok(None) => Err(ObjectError::Missing { id }),
            Err(error) => Err(ObjectError::Damaged { id, reason: describe(&error) }),
        }
    }

    pub(crate) fn library(&self) -> &gix::Repository {
        &self.repository
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            ObjectKind::Blob => "blob",
            ObjectKind::Tree => "tree",
            ObjectKind::Commit => "commit",
            ObjectKind::Tag => "tag",
        })
    }
}

impl From<gix::objs::Kind> for ObjectKind {
    fn from(kind: gix::objs::Kind) -> Self {
        match kind {
            gix::objs::Kind::Blob => ObjectKind::Blob,
            gix::objs::Kind::Tree => ObjectKind::Tree,
            gix::objs::Kind::Commit => ObjectKind::Commit,
            gix::objs::Kind::Tag => ObjectKind::Tag,
        }
    }
}

impl From<ObjectKind> for gix::objs::Kind {
    fn from(kind: ObjectKind) -> Self {
        match kind {
            ObjectKind::Blob => gix::objs::Kind::Blob,
            ObjectKind::Tree => gix::objs::Kind::Tree,
            ObjectKind::Commit => gix::objs::Kind::Commit,
            ObjectKind::Tag => gix::objs::Kind::Tag,
        }
    }
}

pub(crate) fn library_id(id: ObjectId) -> gix::ObjectId {
    gix::ObjectId::Sha1(id.0)
}

/// Calls the library so that a panic in it, brought about by a crafted pack, is an error of one object like any other.
pub(crate) fn shielded<T>(call: impl FnOnce() -> T) -> Result<T, &'static str> {
    std::panic::catch_unwind(AssertUnwindSafe(call)).map_err(|_| "the library gave up on it")
}

/// The library's error with its causes, in one line that is safe to print.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause.filter(|_| text.len() < 300) {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text.chars().take(300).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
