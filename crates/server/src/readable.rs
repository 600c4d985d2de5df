//! A repository opened for one caller: of its objects only those at paths that they may read.
//!
//! SECURITY: where path rules leave only some paths readable, everything that git would tell of the whole (commits, their
//! messages and changes) is not found, folders without a readable file are not there, and no identifier of a folder is
//! given, for it is made of all that is in it.

use crate::browse::{Content, Spot};
use crate::failure::Failure;
use crate::links::RepoAddress;
use crate::routes::r::joined;
use git::{Commit, EntryKind, Listing, ObjectError, ObjectKind, Reader};
use model::ObjectId;
use search::PathFilter;
use std::cell::OnceCell;
use std::collections::HashMap;
use store::Repository;

/// How many folders are read, for one page, to find out whether there is a readable file below. What was not looked at by
/// then is not shown.
const N_FOLDERS_MAX: usize = 20_000;

/// Folders of one repository that were read lately, by what they hold. A question about names looks hundreds of paths up, and in
/// large folders each look-up takes them apart again.
///
/// SECURITY: they hold what no rule was applied to; only [`Readable::at_known`] looks into them, and applies the caller's.
#[derive(Default)]
pub(crate) struct KnownFolders {
    root: Option<(ObjectId, ObjectId)>,
    folders: HashMap<ObjectId, HashMap<Vec<u8>, (EntryKind, ObjectId)>>,
}

impl KnownFolders {
    fn root(&mut self, reader: &Reader, commit: ObjectId) -> Result<ObjectId, Failure> {
        if let Some((known, root)) = self.root
            && known == commit
        {
            return Ok(root);
        }
        let root = reader.commit(commit).map_err(Failure::internal)?.tree;
        self.root = Some((commit, root));
        Ok(root)
    }

    fn entry(
        &mut self,
        reader: &Reader,
        folder: ObjectId,
        name: &[u8],
    ) -> Result<Option<(EntryKind, ObjectId)>, Failure> {
        if let Some(known) = self.folders.get(&folder) {
            return Ok(known.get(name).copied());
        }
        let mut entries = HashMap::new();
        for entry in reader.list_tree(folder).map_err(Failure::internal)?.entries {
            // Of duplicates the first counts, as in every look-up.
            entries.entry(entry.name).or_insert((entry.kind, entry.id));
        }
        let found = entries.get(name).copied();
        self.folders.insert(folder, entries);
        Ok(found)
    }
}

/// A repository as one caller may read it.
pub(crate) struct Readable {
    repository: git::Repository,
    /// Made once: it takes longer than most of what is asked of it, and keeps what it inflated for the next question.
    reader: OnceCell<Reader>,
    filter: Option<PathFilter>,
}

impl Readable {
    pub(crate) fn new(repository: git::Repository, filter: Option<PathFilter>) -> Self {
        Readable { repository, reader: OnceCell::new(), filter }
    }

    fn reader(&self) -> &Reader {
        self.reader.get_or_init(|| self.repository.reader())
    }

    /// All of it, for what cannot be told of a part; not found where the caller may read some paths only.
    pub(crate) fn whole(&self) -> Result<&git::Repository, Failure> {
        if self.filter.is_none() { Ok(&self.repository) } else { Err(Failure::NotFound) }
    }

    /// What stands at an address. `None` where the repository has no commit yet; not found where there is no such revision
    /// or path, or none that the caller may read.
    pub(crate) fn locate(&self, row: &Repository, address: &RepoAddress) -> Result<Option<Spot>, Failure> {
        let Some(commit) = self.commit_of(row, address.rev.as_deref())? else { return Ok(None) };
        self.at(commit, &address.path).map(Some)
    }

    /// What stands at a path of a commit.
    pub(crate) fn at(&self, commit: ObjectId, path: &[u8]) -> Result<Spot, Failure> {
        let reader = self.reader();
        if path.is_empty() {
            let tree = reader.commit(commit).map_err(Failure::internal)?.tree;
            return Ok(Spot { commit, kind: EntryKind::Tree, id: tree });
        }
        let entry = reader.entry_at(commit, path).map_err(Failure::internal)?.ok_or(Failure::NotFound)?;
        if self.may_see(reader, entry.kind, entry.id, path, &mut N_FOLDERS_MAX.clone()) {
            return Ok(Spot { commit, kind: entry.kind, id: entry.id });
        }
        Err(Failure::NotFound)
    }

    /// The same as [`Readable::at`], by folders that are known already where they are.
    pub(crate) fn at_known(
        &self,
        commit: ObjectId,
        path: &[u8],
        known: &mut KnownFolders,
    ) -> Result<Spot, Failure> {
        let reader = self.reader();
        let mut at = (EntryKind::Tree, known.root(reader, commit)?);
        for name in path.split(|byte| *byte == b'/').filter(|_| !path.is_empty()) {
            let is_folder = at.0 == EntryKind::Tree;
            let found = if is_folder { known.entry(reader, at.1, name)? } else { None };
            at = found.ok_or(Failure::NotFound)?;
        }
        if path.is_empty() || self.may_see(reader, at.0, at.1, path, &mut N_FOLDERS_MAX.clone()) {
            return Ok(Spot { commit, kind: at.0, id: at.1 });
        }
        Err(Failure::NotFound)
    }

    /// What is in the folder at a path.
    pub(crate) fn list(&self, folder: &Spot, path: &[u8]) -> Result<Listing, Failure> {
        let reader = self.reader();
        let mut listing = reader.list_tree(folder.id).map_err(Failure::internal)?;
        if let Some(filter) = self.filter.as_ref().filter(|_| !model::leaks("folder-without-rules")) {
            let mut n_left = N_FOLDERS_MAX;
            listing.entries.retain(|entry| {
                self.may_see(reader, entry.kind, entry.id, &joined(path, &entry.name), &mut n_left)
            });
            listing.refused.retain(|(name, _)| filter.allows(&joined(path, name.as_bytes())));
        }
        Ok(listing)
    }

    /// The paths of all files of the default branch that the caller may read, at most `n_max`; and whether there are more.
    pub(crate) fn files(&self, row: &Repository, n_max: usize) -> Result<(Vec<Vec<u8>>, bool), Failure> {
        let mut files = Vec::new();
        let Some(commit) = self.commit_of(row, None)? else { return Ok((files, false)) };
        let reader = self.reader();
        let root = reader.commit(commit).map_err(Failure::internal)?.tree;
        let mut folders = vec![(root, Vec::new())];
        let mut n_left = N_FOLDERS_MAX;
        while let Some((id, path)) = folders.pop() {
            let Some(left) = n_left.checked_sub(1) else { return Ok((files, true)) };
            n_left = left;
            for entry in reader.list_tree(id).map_err(Failure::internal)?.entries {
                let path = joined(&path, &entry.name);
                match entry.kind {
                    EntryKind::Tree => folders.push((entry.id, path)),
                    _ if self.filter.as_ref().is_some_and(|filter| !filter.allows(&path)) => {}
                    _ if files.len() == n_max => return Ok((files, true)),
                    _ => files.push(path),
                }
            }
        }
        files.sort();
        Ok((files, false))
    }

    /// What is said of a commit; `None` for those who may read some paths only.
    pub(crate) fn about(&self, commit: ObjectId) -> Result<Option<Commit>, Failure> {
        match &self.filter {
            None => self.reader().commit(commit).map(Some).map_err(Failure::internal),
            Some(_) => Ok(None),
        }
    }

    /// The identifier of an object, to show.
    pub(crate) fn shown_id(&self, kind: EntryKind, id: ObjectId) -> String {
        if kind == EntryKind::Tree && self.filter.is_some() { String::new() } else { id.to_string() }
    }

    /// The bytes of a file that [`Readable::at`] or a search of the caller's found.
    pub(crate) fn content(&self, id: ObjectId, size_bytes_max: u64) -> Content {
        let mut bytes = Vec::new();
        match self.reader().read_blob(id, size_bytes_max, &mut bytes) {
            Ok(()) => Content::Bytes(bytes),
            Err(ObjectError::TooLarge { size_bytes, .. }) => Content::TooLarge(size_bytes),
            Err(error) => {
                tracing::warn!(%error, "a blob cannot be read");
                Content::Unreadable
            }
        }
    }

    /// The size of a file that was found likewise, where it can be had.
    pub(crate) fn size_of(&self, kind: EntryKind, id: ObjectId) -> Option<u64> {
        if matches!(kind, EntryKind::Tree | EntryKind::Submodule) {
            return None;
        }
        let header = self.reader().header(id).ok()?;
        (header.kind == ObjectKind::Blob).then_some(header.size_bytes)
    }

    /// The commit a revision means; the default branch where none is given.
    pub(crate) fn commit_of(&self, row: &Repository, rev: Option<&str>) -> Result<Option<ObjectId>, Failure> {
        let resolve = |rev: &str| self.repository.resolve(rev).map(|found| found.commit);
        if let Some(rev) = rev {
            return resolve(rev).map(Some).map_err(|_| Failure::NotFound);
        }
        if let Ok(commit) = resolve("HEAD") {
            return Ok(Some(commit));
        }
        let default = row.default_branch.as_ref().map(|name| resolve(name.as_str()));
        Ok(default.and_then(Result::ok))
    }

    fn may_see(
        &self,
        reader: &Reader,
        kind: EntryKind,
        id: ObjectId,
        path: &[u8],
        n_left: &mut usize,
    ) -> bool {
        let Some(filter) = &self.filter else { return true };
        if kind != EntryKind::Tree {
            return filter.allows(path);
        }
        let mut folders = vec![(id, path.to_vec())];
        while let Some((id, path)) = folders.pop() {
            let Some(left) = n_left.checked_sub(1) else { return false };
            *n_left = left;
            let Ok(listing) = reader.list_tree(id) else { continue };
            for entry in listing.entries {
                let path = joined(&path, &entry.name);
                match entry.kind {
                    EntryKind::Tree => folders.push((entry.id, path)),
                    _ if filter.allows(&path) => return true,
                    _ => {}
                }
            }
        }
        false
    }
}
