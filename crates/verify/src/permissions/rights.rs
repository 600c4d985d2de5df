//! Everybody's rights, against the reasons for them.

use super::says::HostSays;
use super::{Setup, VerifyError, age, counted};
use crate::Watch;
use crate::report::{Check, Part};
use access::{Actor, Caller, HostId, Role, Scope, SessionId, Timestamp, Via};
use hosts::SurveyedReaders;
use model::{AccessSet, RepoId, UserId};
use std::collections::{BTreeSet, HashMap, HashSet};
use store::{AccessReason, ReadableRepo, Stated, User};

/// Accounts that are looked at together.
const N_PER_PAGE: u32 = 500;

/// What was worked out of one account.
pub(super) struct Person {
    pub(super) user: User,
    /// What they may read, by the reasons that are not too old.
    pub(super) expected: BTreeSet<RepoId>,
}

/// Everybody who may sign in, and all repositories.
pub(super) struct Everybody {
    pub(super) people: Vec<Person>,
    pub(super) names: HashMap<RepoId, String>,
}

/// Compares the rights that are computed for each account with what its reasons come to one by one.
pub(super) async fn look(
    setup: &Setup<'_>,
    hosts: &[HostSays],
    watch: Watch<'_>,
) -> Result<(Part, Everybody), VerifyError> {
    let mut work = Work::new(setup, hosts).await?;
    let mut after = None;
    loop {
        let users = setup.store.users(after.as_ref(), N_PER_PAGE).await?;
        let Some(last) = users.last() else { break };
        after = Some(last.name.clone());
        for user in users.into_iter().filter(|user| user.disabled_at.is_none()) {
            watch("comparing everybody's rights", work.people.len() as u64, 0);
            work.look_at(user).await?;
        }
    }
    Ok(work.conclude())
}

struct Work<'a> {
    setup: &'a Setup<'a>,
    hosts: HashMap<&'a HostId, &'a HostSays>,
    names: HashMap<RepoId, String>,
    emergencies: HashSet<(UserId, RepoId)>,
    people: Vec<Person>,
    more: Check,
    less: Check,
    roles: Check,
    fresh: Check,
    n_allowed: u64,
    n_withheld: u64,
    n_roles: u64,
    oldest: Option<Timestamp>,
}

impl<'a> Work<'a> {
    async fn new(setup: &'a Setup<'a>, hosts: &'a [HostSays]) -> Result<Work<'a>, VerifyError> {
        let repositories = setup.store.maintenance().repositories().await?;
        let names: HashMap<RepoId, String> =
            repositories.into_iter().map(|row| (row.id, row.name.as_str().to_owned())).collect();
        let by_name: HashMap<&str, RepoId> = names.iter().map(|(id, name)| (name.as_str(), *id)).collect();
        let active = setup.store.active_break_glass().await?;
        let emergency = |one: &store::BreakGlass| Some((one.user, *by_name.get(one.repo.as_str())?));
        let emergencies = active.iter().filter_map(emergency).collect();
        Ok(Work {
            setup,
            hosts: hosts.iter().map(|says| (&says.host.id, says)).collect(),
            names,
            emergencies,
            people: Vec::new(),
            more: Check::new(
                "rights.no-more",
                "Nobody may read more than a grant, a group, a code host or an emergency gives them.",
            ),
            less: Check::new(
                "rights.no-less",
                "Nobody may read less, unless what a host said is too old to be believed.",
            ),
            roles: Check::new(
                "rights.roles",
                "No role reads code: administrators and custom roles read what they were granted, auditors nothing.",
            ),
            fresh: Check::new(
                "rights.fresh",
                "Nothing that a host said longer ago than its bound lets anybody read.",
            ),
            n_allowed: 0,
            n_withheld: 0,
            n_roles: 0,
            oldest: None,
        })
    }

    async fn look_at(&mut self, user: User) -> Result<(), VerifyError> {
        let store = self.setup.store;
        // The reasons before and after: a change in between is no difference.
        for attempt in 0..3 {
            let epoch = store.epoch().await?;
            let readable = store.readable_by(user.id).await?;
            let access = store.access_set(&actor_of(&user)).await?;
            if store.epoch().await? == epoch || attempt == 2 {
                self.judge(user, &readable, &access);
                return Ok(());
            }
        }
        Ok(())
    }

    fn judge(&mut self, user: User, readable: &[ReadableRepo], access: &AccessSet) {
        let now = self.setup.clock.now();
        let (mut expected, mut open, mut withheld) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for one in readable {
            self.judge_age(&user, one, now);
            if one.reasons.iter().any(|reason| !matches!(reason, AccessReason::Stated(_))) {
                expected.insert(one.repo);
            }
            let is_old = |reason: &AccessReason| match reason {
                AccessReason::Stated(stated) => {
                    stated.is_too_old(now) || !stated.is_believed && !self.is_known(stated)
                }
                _ => false,
            };
            if one.reasons.iter().any(is_old) {
                withheld.insert(one.repo);
            }
            if one.has_path_rules != access.path_rules(one.repo).is_some() && access.allows(one.repo) {
                let name = self.name(one.repo);
                self.more.fail(format!("{}: the path rules of '{name}' are not what is applied", user.name));
            }
        }
        for says in self.hosts.values() {
            open.extend(
                says.by_repo
                    .iter()
                    .filter(|(_, readers)| **readers == SurveyedReaders::Untold)
                    .map(|(repo, _)| *repo),
            );
            let own: Vec<_> = says
                .linked
                .iter()
                .filter(|(_, owner)| **owner == user.id)
                .map(|(account, _)| account)
                .collect();
            let reads = |readers: &SurveyedReaders| match readers {
                SurveyedReaders::Everyone => true,
                SurveyedReaders::These(accounts) => own.iter().any(|account| accounts.contains(*account)),
                SurveyedReaders::Untold => false,
            };
            expected.extend(says.by_repo.iter().filter(|(_, readers)| reads(readers)).map(|(repo, _)| *repo));
        }
        // What a host that cannot be asked said last is all there is to go by.
        let unknown = |reason: &AccessReason| match reason {
            AccessReason::Stated(stated) => !self.is_known(stated),
            _ => false,
        };
        for one in readable {
            let is_open = open.contains(&one.repo) || one.reasons.iter().any(unknown);
            if is_open && one.reasons.iter().any(AccessReason::counts) {
                expected.insert(one.repo);
            }
        }
        expected.extend(self.emergencies.iter().filter(|(who, _)| *who == user.id).map(|(_, repo)| *repo));
        expected.retain(|repo| self.names.contains_key(repo));
        if user.role == Role::Auditor {
            expected.clear();
        }
        self.compare(&user, &expected, &withheld, access);
        expected.retain(|repo| access.allows(*repo) || !withheld.contains(repo));
        self.people.push(Person { user, expected });
    }

    fn compare(
        &mut self,
        user: &User,
        expected: &BTreeSet<RepoId>,
        withheld: &BTreeSet<RepoId>,
        access: &AccessSet,
    ) {
        // Numbers of removed repositories are nobody's and are not given again.
        let actual: BTreeSet<RepoId> = access.repos().filter(|repo| self.names.contains_key(repo)).collect();
        self.n_allowed += actual.len() as u64;
        let has_role = user.role != Role::Member;
        self.n_roles += u64::from(has_role);
        for repo in actual.difference(expected) {
            let finding = format!("{} may read '{}' for no reason", user.name, self.name(*repo));
            if has_role {
                self.roles.fail(finding.clone());
            }
            self.more.fail(finding);
        }
        for repo in expected.difference(&actual) {
            match withheld.contains(repo) {
                true => self.n_withheld += 1,
                false => {
                    let name = self.name(*repo);
                    self.less.fail(format!("{} may not read '{name}', and should", user.name));
                }
            }
        }
    }

    /// SECURITY: told by the times in the reasons, not by what was made of them.
    fn judge_age(&mut self, user: &User, one: &ReadableRepo, now: Timestamp) {
        for reason in &one.reasons {
            let AccessReason::Stated(stated) = reason else { continue };
            if !stated.is_believed {
                continue;
            }
            self.oldest = Some(self.oldest.map_or(stated.read_at, |oldest| oldest.min(stated.read_at)));
            if stated.read_at.plus(stated.bound) <= now {
                let (name, ago) = (self.name(one.repo), age(now, stated.read_at));
                self.fresh
                    .fail(format!("{} reads '{name}' by what {} said {ago} ago", user.name, stated.name));
            }
        }
    }

    /// Whether the host that states it could be asked just now.
    fn is_known(&self, stated: &Stated) -> bool {
        self.hosts.get(&HostId(stated.host.clone())).is_some_and(|says| says.is_known)
    }

    fn name(&self, repo: RepoId) -> String {
        self.names.get(&repo).cloned().unwrap_or_else(|| "a repository that is gone".to_owned())
    }

    fn conclude(self) -> (Part, Everybody) {
        let n_people = self.people.len() as u64;
        let n_pairs = n_people * self.names.len() as u64;
        let oldest = self.oldest.map_or("no statement is in use".to_owned(), |oldest| {
            format!("the oldest that is believed was read {} ago", age(self.setup.clock.now(), oldest))
        });
        let checks = vec![
            self.more.measured(format!(
                "{n_people} accounts × {} repositories = {n_pairs} pairs, {} of them allowed",
                self.names.len(),
                self.n_allowed
            )),
            self.less.measured(format!("{} withheld as too old", self.n_withheld)),
            self.roles.measured(counted(self.n_roles, "account with a role", "accounts with a role")),
            self.fresh.measured(oldest),
        ];
        let part = Part {
            title: "Everybody's rights".to_owned(),
            method: "For every account that may sign in, the rights that the server computes are compared with grants, groups, open \
                     repositories, emergencies and what the code hosts just said, one by one."
                .to_owned(),
            checks,
        };
        (part, Everybody { people: self.people, names: self.names })
    }
}

/// The account itself, as if signed in.
pub(super) fn actor_of(user: &User) -> Actor {
    let via = Via::Session(SessionId("verification".to_owned()));
    let caller = Caller::User { id: user.id, name: user.name.clone(), role: user.role, via };
    Actor { caller, scope: Scope::FULL }
}
