//! The one place where facts about permissions become an access set.

use crate::{Actor, Caller, Verb};
use model::{AccessSet, Epoch, RepoId};

/// What the store knows about one caller's permissions, read at one epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadFacts {
    /// The repositories the account was granted.
    pub granted: Vec<RepoId>,
    /// The repositories every signed-in account may read.
    pub unrestricted: Vec<RepoId>,
    /// Every repository there is. Left empty by the store unless the caller is the local operator.
    pub all_for_local_operator: Vec<RepoId>,
    /// The permission state these facts belong to: read before them, so that they are never older than it says.
    pub epoch: Epoch,
}

/// Builds what the caller may read: grants and unrestricted repositories, narrowed by the credential's scope.
///
/// SECURITY: the only caller of [`AccessSet::assemble`]. The role is not looked at: administrators read what they were
/// granted, like everyone. The expiry of a credential is checked where the credential is looked up.
pub fn access_set(actor: &Actor, facts: &ReadFacts) -> AccessSet {
    if !actor.may(Verb::Read) {
        return assemble(&[], &[], actor, facts.epoch);
    }
    match actor.caller {
        Caller::User { .. } => assemble(&facts.granted, &facts.unrestricted, actor, facts.epoch),
        Caller::LocalOperator => assemble(&facts.all_for_local_operator, &[], actor, facts.epoch),
    }
}

#[allow(clippy::disallowed_methods, reason = "this crate is the one that builds access sets")]
fn assemble(one: &[RepoId], other: &[RepoId], actor: &Actor, epoch: Epoch) -> AccessSet {
    let readable = one.iter().chain(other).copied().filter(|repo| actor.scope.repos.contains(*repo));
    AccessSet::assemble(readable, epoch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RepoScope, Role, Scope, SessionId, UserName, Verbs, Via};
    use model::UserId;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn actor(role: Role, scope: Scope) -> Actor {
        let via = Via::Session(SessionId("s".into()));
        let name = UserName::new("ada").unwrap();
        Actor { caller: Caller::User { id: UserId(1), name, role, via }, scope }
    }

    fn facts(granted: &[u32], unrestricted: &[u32]) -> ReadFacts {
        let ids = |ids: &[u32]| ids.iter().copied().map(RepoId).collect();
        ReadFacts {
            granted: ids(granted),
            unrestricted: ids(unrestricted),
            all_for_local_operator: ids(&[1, 2, 3, 4, 5]),
            epoch: Epoch(9),
        }
    }

    fn ids(set: &AccessSet) -> Vec<u32> {
        set.repos().map(|repo| repo.0).collect()
    }

    #[test]
    fn grants_and_unrestricted_and_no_more() {
        for role in [Role::Member, Role::Administrator] {
            let set = access_set(&actor(role, Scope::FULL), &facts(&[1, 3], &[3, 4]));
            assert_eq!(ids(&set), [1, 3, 4]);
            assert_eq!(set.epoch(), Epoch(9));
        }
    }

    #[test]
    fn a_scope_without_reading_reads_nothing() {
        let scope = Scope { verbs: Verbs::of([Verb::Write, Verb::Admin]), ..Scope::FULL };
        assert!(ids(&access_set(&actor(Role::Administrator, scope), &facts(&[1], &[2]))).is_empty());
    }

    #[test]
    fn the_local_operator_reads_everything() {
        assert_eq!(ids(&access_set(&Actor::LOCAL_OPERATOR, &facts(&[], &[]))), [1, 2, 3, 4, 5]);
    }

    proptest! {
        #[test]
        fn a_scope_only_narrows(
            granted in prop::collection::vec(0u32..50, 0..20),
            unrestricted in prop::collection::vec(0u32..50, 0..20),
            only in prop::collection::btree_set(0u32..50, 0..20),
        ) {
            let facts = facts(&granted, &unrestricted);
            let scope = Scope {
                repos: RepoScope::Only(only.iter().copied().map(RepoId).collect()),
                ..Scope::FULL
            };
            let full = access_set(&actor(Role::Member, Scope::FULL), &facts);
            let narrowed: BTreeSet<u32> = ids(&access_set(&actor(Role::Member, scope), &facts)).into_iter().collect();
            let expected: BTreeSet<u32> = ids(&full).into_iter().filter(|id| only.contains(id)).collect();
            prop_assert_eq!(narrowed, expected);
        }
    }
}
