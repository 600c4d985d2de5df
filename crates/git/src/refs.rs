//! Branches, tags and HEAD.

use crate::{ObjectError, ObjectKind, Reader, Repository, object, tree};
use model::{ObjectId, RefName};
use std::{fs, path::PathBuf};

/// Most refs that are looked at, and most that are told as skipped. The largest public repositories have 100,000.
const REFS_MAX: usize = 500_000;
const SKIPPED_TOLD_MAX: usize = 1000;
/// A loose ref is an id or the name of another ref.
const LOOSE_REF_BYTES_MAX: u64 = 4096;
/// git follows symbolic refs five deep.
const SYMREF_DEPTH_MAX: usize = 5;

/// A branch or tag that leads to a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ref {
    /// Its full name.
    pub name: RefName,
    /// The commit, annotated tags peeled.
    pub commit: ObjectId,
}

/// Where HEAD is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// On a branch: the default branch of a bare mirror.
    Branch {
        /// The branch's full name.
        name: RefName,
        /// Its commit; none while the branch is not born.
        commit: Option<ObjectId>,
    },
    /// On a commit, not on a branch.
    Detached {
        /// The commit.
        commit: ObjectId,
    },
    /// HEAD is damaged, or leads outside `refs/heads/`, or to what is not a commit.
    Unusable,
}

/// A ref that cannot be searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedRef {
    /// Its name, made printable; empty where it could not be told.
    pub name: String,
    /// Why.
    pub reason: RefSkip,
}

/// Why a ref cannot be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefSkip {
    /// Its name is not UTF-8, too long, or forbidden by git.
    BadName,
    /// It leads to a tree.
    Tree,
    /// It leads to a blob.
    Blob,
    /// The object or ref it leads to is missing.
    Missing,
    /// The ref, or the object it leads to, is damaged.
    Damaged,
    /// There are more refs than the limit; the rest was not looked at.
    TooMany,
}

impl RefSkip {
    /// A few words for people.
    pub fn as_str(self) -> &'static str {
        match self {
            RefSkip::BadName => "impossible name",
            RefSkip::Tree => "leads to a folder, not a commit",
            RefSkip::Blob => "leads to a file, not a commit",
            RefSkip::Missing => "leads to nothing",
            RefSkip::Damaged => "damaged",
            RefSkip::TooMany => "too many refs",
        }
    }
}

/// The refs of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refs {
    /// HEAD.
    pub head: Head,
    /// Branches and tags that lead to commits, by full name.
    pub refs: Vec<Ref>,
    /// What was left out, the first 1,000.
    pub skipped: Vec<SkippedRef>,
    /// How many were left out in all.
    pub n_skipped: u64,
}

impl Refs {
    /// The commit HEAD leads to, if any.
    pub fn head_commit(&self) -> Option<ObjectId> {
        match &self.head {
            Head::Branch { commit, .. } => *commit,
            Head::Detached { commit } => Some(*commit),
            Head::Unusable => None,
        }
    }

    fn skip(&mut self, name: &[u8], reason: RefSkip) {
        self.n_skipped += 1;
        if self.skipped.len() < SKIPPED_TOLD_MAX {
            self.skipped.push(SkippedRef { name: tree::printable(name), reason });
        }
    }
}

/// Why the refs cannot be listed at all.
#[derive(Debug, thiserror::Error)]
pub enum RefsError {
    /// The ref folders or `packed-refs` cannot be read.
    #[error("the refs of '{}' cannot be listed: {reason}", git_dir.display())]
    NotReadable {
        /// The repository.
        git_dir: PathBuf,
        /// What the library says.
        reason: String,
    },
}

impl Repository {
    /// The branches and tags with the commits they lead to, by name, and HEAD. What leads to no commit is listed as skipped.
    pub fn refs(&self) -> Result<Refs, RefsError> {
        let reader = self.reader();
        let head = self.head(&reader);
        let mut listed = Refs { head, refs: Vec::new(), skipped: Vec::new(), n_skipped: 0 };
        for folder in ["refs/heads/", "refs/tags/"] {
            let listing = object::shielded(|| self.list_folder(&reader, folder, &mut listed));
            listing
                .unwrap_or_else(|panicked| Err(panicked.to_owned()))
                .map_err(|reason| RefsError::NotReadable { git_dir: self.git_dir().to_owned(), reason })?;
        }
        listed.refs.sort_by(|a, b| a.name.cmp(&b.name));
        listed.refs.dedup_by(|a, b| a.name == b.name);
        Ok(listed)
    }

    /// The refs that are neither branches nor tags, such as the branches of remotes, with the commits they lead to. The others
    /// that cannot be listed are left out.
    pub fn other_refs(&self) -> Vec<Ref> {
        let reader = self.reader();
        let mut listed = Refs { head: Head::Unusable, refs: Vec::new(), skipped: Vec::new(), n_skipped: 0 };
        // What was listed before a fault is still right.
        let _ = object::shielded(|| self.list_folder(&reader, "refs/", &mut listed));
        let is_other = |one: &Ref| {
            let name = one.name.as_str();
            !name.starts_with("refs/heads/") && !name.starts_with("refs/tags/")
        };
        listed.refs.retain(is_other);
        listed.refs.sort_by(|a, b| a.name.cmp(&b.name));
        listed.refs
    }

    fn list_folder(&self, reader: &Reader, folder: &str, listed: &mut Refs) -> Result<(), String> {
        let store = &reader.library().refs;
        let platform = store.iter().map_err(|error| object::describe(&error))?;
        let prefix: &gix::path::RelativePath = folder.try_into().map_err(|_| "bad prefix".to_owned())?;
        let found = platform.prefixed(prefix).map_err(|error| object::describe(&error))?;
        for (idx, reference) in found.enumerate() {
            if idx >= REFS_MAX {
                listed.skip(folder.as_bytes(), RefSkip::TooMany);
                break;
            }
            let Ok(reference) = reference else {
                listed.skip(b"", RefSkip::Damaged);
                continue;
            };
            let name_bytes: &[u8] = reference.name.as_bstr();
            let name = std::str::from_utf8(name_bytes).ok().and_then(|name| RefName::new(name).ok());
            let Some(name) = name else {
                listed.skip(name_bytes, RefSkip::BadName);
                continue;
            };
            match self.commit_of(reader, &Target::from(reference.target)) {
                Ok(commit) => listed.refs.push(Ref { name, commit }),
                Err(reason) => listed.skip(name_bytes, reason),
            }
        }
        Ok(())
    }

    /// The commit that a branch or tag leads to.
    pub(crate) fn find_ref(&self, reader: &Reader, name: &RefName) -> Result<ObjectId, RefSkip> {
        let target = self.read_ref(reader, name.as_str())?.ok_or(RefSkip::Missing)?;
        self.commit_of(reader, &target)
    }

    pub(crate) fn head(&self, reader: &Reader) -> Head {
        let Ok(Some(target)) = self.read_ref(reader, "HEAD") else { return Head::Unusable };
        match &target {
            Target::Id(_) => match self.commit_of(reader, &target) {
                Ok(commit) => Head::Detached { commit },
                Err(_) => Head::Unusable,
            },
            Target::Name(name) => match RefName::new(name.as_str()) {
                Ok(name) if name.as_str().starts_with("refs/heads/") => match self.find_ref(reader, &name) {
                    Ok(commit) => Head::Branch { name, commit: Some(commit) },
                    Err(RefSkip::Missing) => Head::Branch { name, commit: None },
                    Err(_) => Head::Unusable,
                },
                _ => Head::Unusable,
            },
        }
    }

    fn commit_of(&self, reader: &Reader, target: &Target) -> Result<ObjectId, RefSkip> {
        let mut target = target.clone();
        for _ in 0..SYMREF_DEPTH_MAX {
            match target {
                Target::Id(id) => {
                    return match reader.peel(id) {
                        Ok((commit, ObjectKind::Commit)) => Ok(commit),
                        Ok((_, ObjectKind::Tree)) => Err(RefSkip::Tree),
                        Ok(_) => Err(RefSkip::Blob),
                        Err(ObjectError::Missing { .. }) => Err(RefSkip::Missing),
                        Err(_) => Err(RefSkip::Damaged),
                    };
                }
                Target::Name(name) => {
                    let name = RefName::new(name).map_err(|_| RefSkip::Damaged)?;
                    target = self.read_ref(reader, name.as_str())?.ok_or(RefSkip::Missing)?;
                }
            }
        }
        Err(RefSkip::Damaged)
    }

    /// What a ref holds, loose before packed. The name has been checked. Loose refs are read here, not by the library, which
    /// would wait for ever on a pipe in a ref's place.
    fn read_ref(&self, reader: &Reader, name: &str) -> Result<Option<Target>, RefSkip> {
        let base = if name == "HEAD" { self.git_dir() } else { self.common_dir() };
        let file = base.join(name);
        match fs::metadata(&file) {
            Ok(metadata) if metadata.is_file() && metadata.len() <= LOOSE_REF_BYTES_MAX => {
                let text = fs::read_to_string(&file).map_err(|_| RefSkip::Damaged)?;
                return parse_loose(&text).map(Some).ok_or(RefSkip::Damaged);
            }
            Ok(metadata) if !metadata.is_dir() => return Err(RefSkip::Damaged),
            _ => (),
        }
        let packed = object::shielded(|| {
            let buffer = reader.library().refs.cached_packed_buffer().ok()??;
            let found = buffer.try_find(name).ok()??;
            Some(Target::Id(ObjectId(found.target().as_slice().try_into().ok()?)))
        });
        packed.map_err(|_| RefSkip::Damaged)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Id(ObjectId),
    Name(String),
}

impl From<gix::refs::Target> for Target {
    fn from(target: gix::refs::Target) -> Self {
        match target {
            gix::refs::Target::Object(id) => {
                Target::Id(id.as_slice().try_into().map_or(ObjectId::NULL, ObjectId))
            }
            gix::refs::Target::Symbolic(name) => Target::Name(name.as_bstr().to_string()),
        }
    }
}

fn parse_loose(text: &str) -> Option<Target> {
    match text.strip_prefix("ref:") {
        Some(name) => Some(Target::Name(name.trim().to_owned())),
        None => ObjectId::from_hex(text.get(..40)?).ok().map(Target::Id),
    }
}
