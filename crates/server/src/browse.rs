//! From an address to what stands there: repository row, revision, entry. Shared by pages and the API.
//!
//! SECURITY: every way in begins with [`row`], which asks the store under the caller's `AccessSet`.

use crate::caller::Caller;
use crate::failure::Failure;
use crate::links::RepoAddress;
use crate::state::AppState;
use git::EntryKind;
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
    if row.is_none() && (model::leaks("forbidden-is-403") || model::leaks("not-found-names-it")) {
        let all = state.store.access_set(&access::Actor::LOCAL_OPERATOR).await?;
        if let Some(row) = state.store.repository_by_name(&all, &address.repo).await? {
            return Err(match model::leaks("forbidden-is-403") {
                true => Failure::NotAllowed("You may not read this repository."),
                false => Failure::BadRequest(format!("There is no {} for you.", row.name)),
            });
        }
    }
    let row = row.ok_or(Failure::NotFound)?;
    caller.notes.open(&row.name);
    Ok(row)
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
