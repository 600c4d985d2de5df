//! From an address to what stands there: repository row, revision, entry. Shared by pages and the API.
//!
//! SECURITY: every way in begins with [`row`], which asks the store under the caller's `AccessSet`.

use crate::caller::Caller;
use crate::failure::Failure;
use crate::links::RepoAddress;
use crate::state::AppState;
use git::{EntryKind, ObjectError, ObjectKind, Reader};
use model::ObjectId;
use store::Repository;

/// Largest file that is shown in pages or as JSON.
pub(crate) const SHOWN_BYTES_MAX: u64 = 32 << 20;

/// What stands at a path.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    /// The commit that was looked at.
    pub(crate) commit: ObjectId,
    /// What stands there.
    pub(crate) kind: EntryKind,
    /// Its object.
    pub(crate) id: ObjectId,
}

/// A file's bytes, or why there are none.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// All of them.
    Bytes(Vec<u8>),
    /// Too many; how many there are.
    TooLarge(u64),
    /// They cannot be had.
    Unreadable,
}

/// The repository of an address, if there is one and the caller may read it.
pub(crate) async fn row(
    state: &AppState,
    caller: &Caller,
    address: &RepoAddress,
) -> Result<Repository, Failure> {
    let row = state.store.repository_by_name(&caller.access, &address.repo).await?;
    row.ok_or(Failure::NotFound)
}

/// What stands at an address. `None` where the repository has no commit yet; not found where there is no such revision or
/// path. Blocks.
pub(crate) fn locate(
    repository: &git::Repository,
    row: &Repository,
    address: &RepoAddress,
) -> Result<Option<Spot>, Failure> {
    let Some(commit) = commit_of(repository, row, address.rev.as_deref())? else { return Ok(None) };
    let reader = repository.reader();
    if address.path.is_empty() {
        let tree = reader.commit(commit).map_err(Failure::internal)?.tree;
        return Ok(Some(Spot { commit, kind: EntryKind::Tree, id: tree }));
    }
    match reader.entry_at(commit, &address.path) {
        Ok(Some(entry)) => Ok(Some(Spot { commit, kind: entry.kind, id: entry.id })),
        Ok(None) => Err(Failure::NotFound),
        Err(error) => Err(Failure::internal(error)),
    }
}

/// The commit a revision means; the default branch where none is given.
fn commit_of(
    repository: &git::Repository,
    row: &Repository,
    rev: Option<&str>,
) -> Result<Option<ObjectId>, Failure> {
    if let Some(rev) = rev {
        return repository.resolve(rev).map(|found| Some(found.commit)).map_err(|_| Failure::NotFound);
    }
    if let Ok(found) = repository.resolve("HEAD") {
        return Ok(Some(found.commit));
    }
    let default = row.default_branch.as_ref().map(|name| repository.resolve(name.as_str()));
    Ok(default.and_then(Result::ok).map(|found| found.commit))
}

/// The bytes of a file. Blocks.
pub(crate) fn content(reader: &Reader, id: ObjectId, size_bytes_max: u64) -> Content {
    let mut bytes = Vec::new();
    match reader.read_blob(id, size_bytes_max, &mut bytes) {
        Ok(()) => Content::Bytes(bytes),
        Err(ObjectError::TooLarge { size_bytes, .. }) => Content::TooLarge(size_bytes),
        Err(error) => {
            tracing::warn!(%error, "a blob cannot be read");
            Content::Unreadable
        }
    }
}

/// The size of a file, where it can be had. Blocks.
pub(crate) fn size_of(reader: &Reader, kind: EntryKind, id: ObjectId) -> Option<u64> {
    if matches!(kind, EntryKind::Tree | EntryKind::Submodule) {
        return None;
    }
    let header = reader.header(id).ok()?;
    (header.kind == ObjectKind::Blob).then_some(header.size_bytes)
}

/// The word of the API for a kind of entry.
pub(crate) fn kind_word(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "file",
        EntryKind::Executable => "executable",
        EntryKind::Symlink => "symlink",
        EntryKind::Tree => "tree",
        EntryKind::Submodule => "submodule",
    }
}
