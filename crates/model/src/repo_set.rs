//! A set of repositories, small in memory and on disk.

use crate::RepoId;
use roaring::RoaringBitmap;
use std::ops::{BitAnd, BitOr, Sub};

/// A set of repositories: a Roaring bitmap of their numbers (Chambi, Lemire, Kaser, Godin 2016), 2 bytes for each of few
/// and at most 8 KiB for any 65,536.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepoSet(RoaringBitmap);

/// Bytes are no set of repositories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no set of repositories")]
pub struct RepoSetError;

impl RepoSet {
    /// Without any.
    pub fn new() -> Self {
        RepoSet::default()
    }

    /// Whether a repository is one of them.
    pub fn contains(&self, repo: RepoId) -> bool {
        self.0.contains(repo.0)
    }

    /// Adds one. Tells whether it is new.
    pub fn insert(&mut self, repo: RepoId) -> bool {
        self.0.insert(repo.0)
    }

    /// Takes one out. Tells whether it was there.
    pub fn remove(&mut self, repo: RepoId) -> bool {
        self.0.remove(repo.0)
    }

    /// Adds all of another set.
    pub fn extend_with(&mut self, other: &RepoSet) {
        self.0 |= &other.0;
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether each of them is in the other set.
    pub fn is_subset(&self, other: &RepoSet) -> bool {
        self.0.is_subset(&other.0)
    }

    /// All of them, ascending by number.
    pub fn iter(&self) -> impl Iterator<Item = RepoId> + '_ {
        self.0.iter().map(RepoId)
    }

    /// As bytes: the portable format of the Roaring specification.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.serialized_size());
        match self.0.serialize_into(&mut bytes) {
            Ok(()) => bytes,
            Err(never) => unreachable!("writing to memory: {never}"),
        }
    }

    /// Reads what [`RepoSet::to_bytes`] wrote; anything else is refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RepoSetError> {
        let mut rest = bytes;
        let set = RoaringBitmap::deserialize_from(&mut rest).map_err(|_| RepoSetError)?;
        if rest.is_empty() { Ok(RepoSet(set)) } else { Err(RepoSetError) }
    }
}

impl FromIterator<RepoId> for RepoSet {
    fn from_iter<I: IntoIterator<Item = RepoId>>(repos: I) -> Self {
        RepoSet(repos.into_iter().map(|repo| repo.0).collect())
    }
}

impl Extend<RepoId> for RepoSet {
    fn extend<I: IntoIterator<Item = RepoId>>(&mut self, repos: I) {
        self.0.extend(repos.into_iter().map(|repo| repo.0));
    }
}

macro_rules! operator {
    ($operator:ident, $method:ident) => {
        impl $operator for &RepoSet {
            type Output = RepoSet;

            fn $method(self, other: &RepoSet) -> RepoSet {
                RepoSet((&self.0).$method(&other.0))
            }
        }
    };
}
operator!(BitAnd, bitand);
operator!(BitOr, bitor);
operator!(Sub, sub);

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ids: &[u32]) -> RepoSet {
        ids.iter().copied().map(RepoId).collect()
    }

    #[test]
    fn bytes_and_back() {
        for ids in [&[][..], &[1], &[1, 70_000, u32::MAX]] {
            let bytes = set(ids).to_bytes();
            assert_eq!(RepoSet::from_bytes(&bytes), Ok(set(ids)));
            let mut longer = bytes.clone();
            longer.push(0);
            assert_eq!(RepoSet::from_bytes(&longer), Err(RepoSetError));
            assert_eq!(RepoSet::from_bytes(&bytes[..bytes.len() - 1]), Err(RepoSetError));
        }
    }

    #[test]
    fn operators() {
        assert_eq!(&set(&[1, 2]) & &set(&[2, 3]), set(&[2]));
        assert_eq!(&set(&[1, 2]) | &set(&[2, 3]), set(&[1, 2, 3]));
        assert_eq!(&set(&[1, 2]) - &set(&[2, 3]), set(&[1]));
        assert!(set(&[2]).is_subset(&set(&[1, 2])) && !set(&[1, 2]).is_subset(&set(&[2])));
    }
}
