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

/// Most commits that are passed on the way to an ancestor: the longest chain of first parents in Linux has about 80,000.
pub const STEPS_MAX: u32 = 200_000;

/// One step from a commit to an ancestor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// `~n`: so many times to the first parent.
    Back(u32),
    /// `^n`: to that parent, from 1; `^0` stays.
    Parent(u32),
}

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
    /// Turns what a person wrote into a commit: `HEAD`, a full ref name, 40 digits, a branch, a tag, a branch of a remote, or
    /// a unique prefix of a commit's id of at least 4 digits, in this order; and then steps (`~`, `~3`, `^`, `^2`) through
    /// its ancestors, at most [`STEPS_MAX`]. No other operators (`@{}`, `:`, `^{}`).
    pub fn resolve(&self, text: &str) -> Result<Resolved, ResolveError> {
        let (stem, steps) = text.split_at(text.find(['~', '^']).unwrap_or(text.len()));
        let found = self.resolve_stem(stem)?;
        if steps.is_empty() {
            return Ok(found);
        }
        let not_found = || ResolveError::NotFound { revision: tree::printable(text.as_bytes()) };
        let steps = parse_steps(steps).ok_or_else(not_found)?;
        let commit = self.follow(found.commit, &steps).ok_or_else(not_found)?;
        Ok(Resolved { commit, ref_name: None })
    }

    /// The last commit of a branch at a time: the first one, on the way from `tip` along first parents, that was committed
    /// at `seconds` or before. `None` where all are younger, and where the way is longer than [`STEPS_MAX`], cannot be read to
    /// its end, or `is_called_off` says to stop.
    pub fn commit_at(
        &self,
        tip: ObjectId,
        seconds: i64,
        is_called_off: &dyn Fn() -> bool,
    ) -> Option<ObjectId> {
        let reader = self.reader();
        let mut next = Some(tip);
        for n_steps in 0..STEPS_MAX {
            if n_steps % 64 == 0 && is_called_off() {
                return None;
            }
            let commit = reader.commit(next?).ok()?;
            if commit.committer.seconds <= seconds {
                return Some(commit.id);
            }
            next = commit.parents.first().copied();
        }
        None
    }

    /// `None` where an ancestor is missing.
    fn follow(&self, from: ObjectId, steps: &[Step]) -> Option<ObjectId> {
        let reader = self.reader();
        let mut at = from;
        let mut n_left = STEPS_MAX;
        for step in steps {
            let (n_times, parent) = match *step {
                Step::Back(n_times) => (n_times, 0),
                Step::Parent(0) => continue,
                Step::Parent(number) => (1, number as usize - 1),
            };
            n_left = n_left.checked_sub(n_times)?;
            for _ in 0..n_times {
                at = *reader.commit(at).ok()?.parents.get(parent)?;
            }
        }
        Some(at)
    }

    fn resolve_stem(&self, text: &str) -> Result<Resolved, ResolveError> {
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
        let full_names = match text.starts_with("refs/") {
            true => vec![text.to_owned()],
            false => ["heads", "tags", "remotes"].map(|folder| format!("refs/{folder}/{text}")).to_vec(),
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

/// Reads `~`, `~3`, `^`, `^2`, in any number.
fn parse_steps(text: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = text;
    while let Some(operator) = rest.chars().next() {
        let after = rest.strip_prefix(['~', '^'])?;
        let digits = &after[..after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len()];
        let number = if digits.is_empty() { 1 } else { digits.parse().ok()? };
        steps.push(if operator == '~' { Step::Back(number) } else { Step::Parent(number) });
        rest = &after[digits.len()..];
    }
    Some(steps)
}
