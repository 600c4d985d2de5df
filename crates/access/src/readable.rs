//! The one place where facts about permissions become an access set.

use crate::{Actor, Caller, Role, Statement, Timestamp, Verb};
use model::{AccessSet, Epoch, PathRules, RepoId, RepoSet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the store knows about one caller's permissions, read at one epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadFacts {
    /// The repositories the account was granted here: in person, as a member of a group, for a while in an emergency.
    pub granted: RepoSet,
    /// From when on one of those grants is over.
    pub granted_until: Option<Timestamp>,
    /// The repositories every signed-in account may read.
    pub unrestricted: Arc<RepoSet>,
    /// What code hosts state about the accounts there that are this person's, and about everyone.
    pub statements: Vec<Statement>,
    /// Rules that leave only some paths of a repository readable, however it came to be readable.
    pub path_rules: BTreeMap<RepoId, Arc<PathRules>>,
    /// Every repository there is. Left empty by the store unless the caller is the local operator.
    pub all_for_local_operator: RepoSet,
    /// The permission state these facts belong to: read before them, so that they are never older than it says.
    pub epoch: Epoch,
}

impl ReadFacts {
    /// From when on some of what holds now is over or too old to be believed; `None` where only the epoch tells.
    pub fn ends_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.readable(now).1
    }

    fn readable(&self, now: Timestamp) -> (RepoSet, Option<Timestamp>) {
        let mut repos = &self.granted | &self.unrestricted;
        let mut ends_at = self.granted_until;
        for statement in &self.statements {
            let believed = statement.believed(now);
            repos.extend_with(&believed.repos);
            ends_at = match (ends_at, believed.ends_at) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        (repos, ends_at)
    }
}

/// Builds what the caller may read at this moment: grants, unrestricted repositories and what code hosts state, narrowed by
/// the credential's scope and by path rules.
///
/// SECURITY: the only caller of [`AccessSet::assemble`]. No role adds anything: administrators read what they were
/// granted, like everyone; an auditor reads nothing. The expiry of a credential is checked where the credential is looked up.
pub fn access_set(actor: &Actor, facts: &ReadFacts, now: Timestamp) -> AccessSet {
    let (repos, ends_at) = match actor.caller {
        _ if !actor.may(Verb::Read) => (RepoSet::new(), None),
        // SECURITY: an auditor reads no code, whatever was granted to the account or is open to everyone.
        Caller::User { role: Role::Auditor, .. } if !model::leaks("auditors-read") => (RepoSet::new(), None),
        // What is over at this moment was read before it was: nothing of it counts.
        Caller::User { .. } if facts.granted_until.is_some_and(|until| until <= now) => {
            (RepoSet::new(), Some(now))
        }
        Caller::User { .. } => facts.readable(now),
        Caller::LocalOperator => (facts.all_for_local_operator.clone(), None),
    };
    let repos = match model::leaks("token-for-everything") {
        true => repos,
        false => actor.scope.repos.narrow(repos),
    };
    let is_ruled = |repo: &RepoId| matches!(actor.caller, Caller::User { .. }) && repos.contains(*repo);
    let path_rules = facts.path_rules.iter().filter(|(repo, _)| is_ruled(repo));
    let path_rules = path_rules.map(|(repo, rules)| (*repo, Arc::clone(rules))).collect();
    assemble(repos, path_rules, facts.epoch, ends_at)
}

#[allow(clippy::disallowed_methods, reason = "this crate is the one that builds access sets")]
fn assemble(
    repos: RepoSet,
    path_rules: BTreeMap<RepoId, Arc<PathRules>>,
    epoch: Epoch,
    ends_at: Option<Timestamp>,
) -> AccessSet {
    AccessSet::assemble(repos, path_rules, epoch, ends_at.map(|at| at.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RepoReadings, RepoScope, Scope, SessionId, UserName, Verbs, Via};
    use model::{PathRule, UserId};
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp(1000);

    fn actor(role: Role, scope: Scope) -> Actor {
        let via = Via::Session(SessionId("s".into()));
        let name = UserName::new("ada").unwrap();
        Actor { caller: Caller::User { id: UserId(1), name, role, via }, scope }
    }

    fn set(ids: &[u32]) -> RepoSet {
        ids.iter().copied().map(RepoId).collect()
    }

    fn facts(granted: &[u32], unrestricted: &[u32]) -> ReadFacts {
        ReadFacts {
            granted: set(granted),
            unrestricted: Arc::new(set(unrestricted)),
            all_for_local_operator: set(&[1, 2, 3, 4, 5]),
            epoch: Epoch(9),
            ..ReadFacts::default()
        }
    }

    fn stated(ids: &[u32], at: i64) -> Statement {
        Statement {
            listed: set(ids),
            listed_at: Some(Timestamp(at)),
            named: RepoSet::new(),
            readings: Arc::new(RepoReadings::default()),
            bound: Duration::from_millis(500),
        }
    }

    fn ids(set: &AccessSet) -> Vec<u32> {
        set.repos().map(|repo| repo.0).collect()
    }

    #[test]
    fn grants_and_unrestricted_and_no_more() {
        for role in [Role::Member, Role::Administrator] {
            let set = access_set(&actor(role, Scope::FULL), &facts(&[1, 3], &[3, 4]), NOW);
            assert_eq!(ids(&set), [1, 3, 4]);
            assert_eq!((set.epoch(), set.ends_at_ms()), (Epoch(9), None));
        }
    }

    #[test]
    fn what_hosts_state_counts_while_it_is_fresh() {
        let statements = vec![stated(&[7], 600), stated(&[8], 900), stated(&[9], 500)];
        let facts = ReadFacts { statements, ..facts(&[1], &[]) };
        let set = access_set(&actor(Role::Member, Scope::FULL), &facts, NOW);
        assert_eq!((ids(&set), set.ends_at_ms()), (vec![1, 7, 8], Some(1100)));
        let set = access_set(&actor(Role::Member, Scope::FULL), &facts, Timestamp(1100));
        assert_eq!((ids(&set), set.ends_at_ms()), (vec![1, 8], Some(1400)));
    }

    #[test]
    fn a_grant_that_is_over_counts_for_nothing() {
        let facts = ReadFacts { granted_until: Some(NOW), ..facts(&[1], &[2]) };
        assert!(ids(&access_set(&actor(Role::Member, Scope::FULL), &facts, NOW)).is_empty());
        let before = access_set(&actor(Role::Member, Scope::FULL), &facts, Timestamp(999));
        assert_eq!((ids(&before), before.ends_at_ms()), (vec![1, 2], Some(1000)));
    }

    #[test]
    fn path_rules_come_with_what_may_be_read() {
        let rules = Arc::new(PathRules::new([vec![PathRule::allow("a/**")]]));
        let path_rules = [(RepoId(1), Arc::clone(&rules)), (RepoId(2), rules)].into();
        let facts = ReadFacts { path_rules, ..facts(&[1], &[]) };
        let set = access_set(&actor(Role::Member, Scope::FULL), &facts, NOW);
        assert!(set.path_rules(RepoId(1)).is_some() && set.path_rules(RepoId(2)).is_none());
        assert!(!access_set(&Actor::LOCAL_OPERATOR, &facts, NOW).has_path_rules());
    }

    #[test]
    fn a_scope_without_reading_reads_nothing() {
        let scope = Scope { verbs: Verbs::of([Verb::Write, Verb::Admin]), ..Scope::FULL };
        assert!(ids(&access_set(&actor(Role::Administrator, scope), &facts(&[1], &[2]), NOW)).is_empty());
    }

    #[test]
    fn the_local_operator_reads_everything() {
        assert_eq!(ids(&access_set(&Actor::LOCAL_OPERATOR, &facts(&[], &[]), NOW)), [1, 2, 3, 4, 5]);
    }

    proptest! {
        #[test]
        fn a_scope_only_narrows(
            granted in prop::collection::vec(0u32..50, 0..20),
            unrestricted in prop::collection::vec(0u32..50, 0..20),
            stated_ids in prop::collection::vec(0u32..50, 0..20),
            only in prop::collection::btree_set(0u32..50, 0..20),
        ) {
            let facts = ReadFacts { statements: vec![stated(&stated_ids, 900)], ..facts(&granted, &unrestricted) };
            let scope = Scope {
                repos: RepoScope::Only(only.iter().copied().map(RepoId).collect()),
                ..Scope::FULL
            };
            let full = access_set(&actor(Role::Member, Scope::FULL), &facts, NOW);
            let narrowed = access_set(&actor(Role::Member, scope), &facts, NOW);
            let narrowed: BTreeSet<u32> = ids(&narrowed).into_iter().collect();
            let expected: BTreeSet<u32> = ids(&full).into_iter().filter(|id| only.contains(id)).collect();
            prop_assert_eq!(narrowed, expected);
        }
    }
}
