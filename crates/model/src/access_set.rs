//! What one caller may read, as a value that every read takes.

use crate::RepoId;
use roaring::RoaringBitmap;

/// The number of the permission state an [`AccessSet`] was built from. It only grows; it is raised before a revocation is
/// acknowledged, so that work begun under an older epoch can be recognised and stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(pub u64);

/// The repositories one caller may read, at one [`Epoch`].
///
/// SECURITY: this is the one door to data. Every function that reads code, names, counts or statistics takes it by
/// reference, with no `Option` and no default, and applies it before anything else is looked at. It is built by the
/// `access` crate alone: `clippy.toml` refuses [`AccessSet::assemble`] everywhere else. It does not implement `Default`.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessSet {
    repos: RoaringBitmap,
    epoch: Epoch,
}

impl AccessSet {
    /// Builds the set of exactly these repositories. Reserved for the `access` crate.
    pub fn assemble(repos: impl IntoIterator<Item = RepoId>, epoch: Epoch) -> Self {
        AccessSet { repos: repos.into_iter().map(|repo| repo.0).collect(), epoch }
    }

    /// Whether the caller may read this repository.
    pub fn allows(&self, repo: RepoId) -> bool {
        self.repos.contains(repo.0)
    }

    /// The repositories the caller may read, ascending by id.
    pub fn repos(&self) -> impl Iterator<Item = RepoId> + '_ {
        self.repos.iter().map(RepoId)
    }

    /// The same caller looking at one repository alone: holds it if they may read it, and nothing else.
    pub fn only(&self, repo: RepoId) -> Self {
        let repos = if self.allows(repo) { RoaringBitmap::from_iter([repo.0]) } else { RoaringBitmap::new() };
        AccessSet { repos, epoch: self.epoch }
    }

    /// How many repositories the caller may read.
    pub fn n_repos(&self) -> u64 {
        self.repos.len()
    }

    /// The permission state this set was built from.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "the constructor's own test")]
mod tests {
    use super::*;

    #[test]
    fn holds_exactly_what_it_was_built_from() {
        let set = AccessSet::assemble([RepoId(7), RepoId(1)], Epoch(3));
        assert_eq!(set.repos().collect::<Vec<_>>(), [RepoId(1), RepoId(7)]);
        assert!(set.allows(RepoId(7)) && !set.allows(RepoId(2)));
        assert_eq!((set.n_repos(), set.epoch()), (2, Epoch(3)));
        assert_eq!(set.only(RepoId(7)).repos().collect::<Vec<_>>(), [RepoId(7)]);
        assert_eq!((set.only(RepoId(2)).n_repos(), set.only(RepoId(2)).epoch()), (0, Epoch(3)));
    }
}
