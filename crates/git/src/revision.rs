//! Revisions as people write them.

use crate::{Head, ObjectKind, Repository, object, refs::RefSkip, tree};
use model::{ObjectId, RefName};
use std::collections::HashSet;

/// Longest revision text, in bytes: that of a ref name.
const REVISION_BYTES_MAX: usize = 1024;
/// Shortest prefix of an id, as in git.
const PREFIX_DIGITS_MIN: usize = 4;
/// Most objects that may share a prefix before it is called ambiguous without looking at them.
const CANDIDATES_MAX: usize = 1000;

/// A revision text that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The commit.
    pub commit: ObjectId,
    /// The ref it was found by: the branch for `HEAD`, none for ids and a detached HEAD.
    pub ref_name: Option<RefName>,
}

/// Why a revision text leads to no commit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No branch, tag or commit is called so.
    #[error("there is no branch, tag or commit '{revision}' in this repository")]
    NotFound {
        /// The text, made printable.
        revision: String,
    },
    /// Several commits begin with these digits.
    #[error("'{revision}' is the beginning of several commits' ids; give more digits")]
    Ambiguous {
        /// The text.
        revision: String,
    },
    /// The ref exists and leads to no commit.
    #[error("'{revision}' {}", reason.as_str())]
    NotACommit {
        /// The text.
        revision: String,
        /// What it leads to.
        reason: RefSkip,
    },
}

impl Repository {
    /// Turns what a person wrote into a commit: `HEAD`, a full ref name, 40 digits, a branch, a tag, or a unique prefix of a
    /// commit's id of at least 4 digits, in this order. Only branches and tags count as refs; no operators (`~`, `^`, `@{}`).
    pub fn resolve(&self, text: &str) -> Result<Resolved, ResolveError> {
        let not_found = || ResolveError::NotFound { revision: tree::printable(text.as_bytes()) };
        if text.is_empty() || text.len() > REVISION_BYTES_MAX {
            return Err(not_found());
        }
        let reader = self.reader();
        if text == "HEAD" {
            return match self.head(&reader) {
                Head::Branch { name, commit: Some(commit) } => Ok(Resolved { commit, ref_name: Some(name) }),
                Head::Detached { commit } => Ok(Resolved { commit, ref_name: None }),
                Head::Branch { commit: None, .. } | Head::Unusable => Err(not_found()),
            };
        }
        if let Ok(id) = ObjectId::from_hex(text) {
            return match reader.peel(id) {
                Ok((commit, ObjectKind::Commit)) => Ok(Resolved { commit, ref_name: None }),
                _ => Err(not_found()),
            };
        }
        let full_names = match text.starts_with("refs/heads/") || text.starts_with("refs/tags/") {
            true => vec![text.to_owned()],
            false => vec![format!("refs/heads/{text}"), format!("refs/tags/{text}")],
        };
        for name in full_names.into_iter().filter_map(|name| RefName::new(name).ok()) {
            match self.find_ref(&reader, &name) {
                Ok(commit) => return Ok(Resolved { commit, ref_name: Some(name) }),
                Err(RefSkip::Missing) => (),
                Err(reason) => {
                    return Err(ResolveError::NotACommit { revision: text.to_owned(), reason });
                }
            }
        }
        self.resolve_prefix(text)?.ok_or_else(not_found)
    }

    fn resolve_prefix(&self, text: &str) -> Result<Option<Resolved>, ResolveError> {
        let is_prefix = text.len() >= PREFIX_DIGITS_MIN && text.bytes().all(|b| b.is_ascii_hexdigit());
        let Some(prefix) = gix::hash::Prefix::from_hex(text).ok().filter(|_| is_prefix) else {
            return Ok(None);
        };
        let reader = self.reader();
        let mut candidates = HashSet::new();
        let looked_up = object::shielded(|| {
            reader.library().objects.lookup_prefix(prefix, Some(&mut candidates)).is_ok()
        });
        if looked_up != Ok(true) {
            return Ok(None);
        }
        let ambiguous = || ResolveError::Ambiguous { revision: text.to_owned() };
        if candidates.len() > CANDIDATES_MAX {
            return Err(ambiguous());
        }
        let ids = candidates.iter().filter_map(|id| id.as_slice().try_into().ok().map(ObjectId));
        let is_commit =
            |id: &ObjectId| reader.header(*id).is_ok_and(|header| header.kind == ObjectKind::Commit);
        let mut commits = ids.filter(is_commit);
        match (commits.next(), commits.next()) {
            (None, _) => Ok(None),
            (Some(commit), None) => Ok(Some(Resolved { commit, ref_name: None })),
            (Some(_), Some(_)) => Err(ambiguous()),
        }
    }
}
