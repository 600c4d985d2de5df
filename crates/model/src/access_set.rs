//! What one caller may read, as a value that every read takes.

use crate::{PathRules, RepoId, RepoSet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The number of the permission state an [`AccessSet`] was built from. It only grows; it is raised before a revocation is
/// acknowledged, so that work begun under an older epoch can be recognised and stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(pub u64);

/// Path rules by repository. Cheap to clone.
pub type RulesByRepo = Arc<BTreeMap<RepoId, Arc<PathRules>>>;

/// The repositories one caller may read, and where rules say so only some paths of them, at one [`Epoch`].
///
/// SECURITY: this is the one door to data. Every function that reads code, names, counts or statistics takes it by
/// reference, with no `Option` and no default, and applies it before anything else is looked at. It is built by the
/// `access` crate alone: `clippy.toml` refuses [`AccessSet::assemble`] everywhere else. It does not implement `Default`.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessSet {
    repos: RepoSet,
    /// Of repositories in the set only.
    path_rules: RulesByRepo,
    epoch: Epoch,
    /// Milliseconds since 1970 (UTC).
    ends_at_ms: Option<i64>,
}

impl AccessSet {
    /// Builds the set of exactly these repositories. Reserved for the `access` crate. `ends_at_ms` (since 1970, UTC) is the
    /// moment from which on it must be built anew, because a fact in it will be too old.
    pub fn assemble(
        repos: RepoSet,
        path_rules: BTreeMap<RepoId, Arc<PathRules>>,
        epoch: Epoch,
        ends_at_ms: Option<i64>,
    ) -> Self {
        AccessSet { repos, path_rules: Arc::new(path_rules), epoch, ends_at_ms }
    }

    /// Whether the caller may read this repository, or some paths of it.
    pub fn allows(&self, repo: RepoId) -> bool {
        self.repos.contains(repo)
    }

    /// The rules that narrow a repository's paths for this caller; `None` where they read all of it, or nothing.
    pub fn path_rules(&self, repo: RepoId) -> Option<&Arc<PathRules>> {
        if crate::leaks("path-rules") {
            return None;
        }
        self.path_rules.get(&repo)
    }

    /// Whether the caller reads only some paths of some repository.
    pub fn has_path_rules(&self) -> bool {
        !self.path_rules.is_empty()
    }

    /// The repositories the caller may read, ascending by id.
    pub fn repos(&self) -> impl Iterator<Item = RepoId> + '_ {
        self.repos.iter()
    }

    /// The same caller looking at one repository alone: holds it if they may read it, and nothing else.
    pub fn only(&self, repo: RepoId) -> Self {
        let repos: RepoSet = self.allows(repo).then_some(repo).into_iter().collect();
        let path_rules = self.path_rules(repo).map(|rules| (repo, Arc::clone(rules))).into_iter().collect();
        AccessSet { repos, path_rules: Arc::new(path_rules), ..self.clone() }
    }

    /// How many repositories the caller may read.
    pub fn n_repos(&self) -> u64 {
        self.repos.len()
    }

    /// The permission state this set was built from.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// From when on (milliseconds since 1970, UTC) it must be built anew; `None` where only the epoch tells.
    pub fn ends_at_ms(&self) -> Option<i64> {
        self.ends_at_ms
    }

    /// Whether both let their callers read the same, whenever and from whatever facts they were built.
    pub fn has_same_rights(&self, other: &AccessSet) -> bool {
        self.repos == other.repos && self.path_rules == other.path_rules
    }

    /// Whether all that this set lets read may be read under `now`, too: nothing was taken away or narrowed otherwise.
    pub fn is_within(&self, now: &AccessSet) -> bool {
        self.repos.is_subset(&now.repos)
            && (self.path_rules == now.path_rules
                || now.path_rules.iter().all(|(repo, rules)| {
                    !self.allows(*repo) || self.path_rules(*repo).is_some_and(|own| own == rules)
                }))
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "the constructor's own test")]
mod tests {
    use super::*;
    use crate::PathRule;

    fn set(repos: &[u32], ruled: &[(u32, &str)]) -> AccessSet {
        let rules = |glob: &str| Arc::new(PathRules::new([vec![PathRule::allow(glob)]]));
        let ruled = ruled.iter().map(|(repo, glob)| (RepoId(*repo), rules(glob))).collect();
        AccessSet::assemble(repos.iter().copied().map(RepoId).collect(), ruled, Epoch(3), Some(9))
    }

    #[test]
    fn holds_exactly_what_it_was_built_from() {
        let set = set(&[7, 1], &[(7, "a/**")]);
        assert_eq!(set.repos().collect::<Vec<_>>(), [RepoId(1), RepoId(7)]);
        assert!(set.allows(RepoId(7)) && !set.allows(RepoId(2)));
        assert_eq!((set.n_repos(), set.epoch(), set.ends_at_ms()), (2, Epoch(3), Some(9)));
        assert!(set.path_rules(RepoId(7)).is_some() && set.path_rules(RepoId(1)).is_none());
        let only = set.only(RepoId(7));
        assert_eq!(only.repos().collect::<Vec<_>>(), [RepoId(7)]);
        assert!(only.path_rules(RepoId(7)).is_some());
        assert!(!set.only(RepoId(1)).has_path_rules());
        assert_eq!((set.only(RepoId(2)).n_repos(), set.only(RepoId(2)).epoch()), (0, Epoch(3)));
    }

    #[test]
    fn within() {
        let before = set(&[1, 2], &[(2, "a/**")]);
        assert!(before.is_within(&set(&[1, 2, 3], &[(2, "a/**"), (3, "b/**")])));
        assert!(before.is_within(&set(&[1, 2], &[])), "all of it is more than some of it");
        assert!(!before.is_within(&set(&[1], &[])), "one is gone");
        assert!(!before.is_within(&set(&[1, 2], &[(2, "b/**")])), "other paths");
        assert!(!before.is_within(&set(&[1, 2], &[(1, "a/**"), (2, "a/**")])), "only some of it now");
        assert!(before.has_same_rights(&set(&[1, 2], &[(2, "a/**")])));
        assert!(!before.has_same_rights(&set(&[1, 2], &[])));
    }
}
