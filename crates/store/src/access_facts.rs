//! Grants, the epoch, and the caller's access set.

use crate::audit_objects;
use crate::break_glass;
use crate::database::{Row, Transaction, values};
use crate::facts_cache::Known;
use crate::path_rules;
use crate::users::role_from_stored;
use crate::{Fault, Store, Timestamp};
use access::audit::{Act, Entry};
use access::{Actor, Caller, Capability, ReadFacts, RepoReadings, Role, Statement};
use model::{AccessSet, Epoch, RepoId, RepoSet, UserId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A grant could not be made.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The account or the repository does not exist.
    #[error("there is no such account or repository")]
    Unknown,
    /// It is one's own right, and there is somebody else to ask.
    #[error(
        "nobody grants themselves: ask somebody else who looks after permissions, or take emergency access"
    )]
    Own,
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Whom a credential stands for, and the epoch of that same moment.
///
/// SECURITY: both are read by one statement, so by one state of the database. Were the epoch older than the credential's row,
/// rights that ended in between could be remembered as those of now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognized {
    /// Whom it stands for.
    pub actor: Actor,
    /// The epoch when it was looked up.
    pub epoch: Epoch,
}

impl Store {
    /// What the caller may read now.
    pub async fn access_set(&self, actor: &Actor) -> Result<AccessSet, Fault> {
        let epoch = self.epoch().await?;
        self.access_set_at(actor, epoch).await
    }

    /// What a recognized caller may read. It asks nothing of the database where nobody's rights changed since the last time:
    /// the credential was looked up together with the epoch.
    pub async fn access_set_of(&self, recognized: &Recognized) -> Result<AccessSet, Fault> {
        self.access_set_at(&recognized.actor, recognized.epoch).await
    }

    async fn access_set_at(&self, actor: &Actor, epoch: Epoch) -> Result<AccessSet, Fault> {
        let (caller, now) = (actor.user_id(), self.now());
        if model::leaks("administrators-read") || model::leaks("emergency-never-ends") {
            return self.leaking_access_set(actor, now).await;
        }
        if let Some(facts) = self.inner.facts.get(caller, epoch, now) {
            return Ok(access::access_set(actor, &facts, now));
        }
        let facts = Arc::new(match caller {
            Some(user) => self.facts_of_user(user).await?,
            None => self.facts_of_local_operator().await?,
        });
        let access = access::access_set(actor, &facts, now);
        // A narrow scope may leave out what ends first; so does a later moment, for the better.
        let ends_at = facts.ends_at(now);
        self.inner.facts.put(caller, Known { facts, ends_at });
        Ok(access)
    }

    /// What a deliberate leak lets the caller read: nothing is remembered, for it is over in a moment.
    async fn leaking_access_set(&self, actor: &Actor, now: Timestamp) -> Result<AccessSet, Fault> {
        let everything = self.facts_of_local_operator().await?;
        let Caller::User { id, role, .. } = &actor.caller else {
            return Ok(access::access_set(actor, &everything, now));
        };
        let mut facts = self.facts_of_user(*id).await?;
        if model::leaks("administrators-read") && *role == Role::Administrator {
            facts.granted = everything.all_for_local_operator;
        }
        Ok(access::access_set(actor, &facts, now))
    }

    /// The number of the present permission state: what was begun under an older one must stop or begin again.
    pub async fn epoch(&self) -> Result<Epoch, Fault> {
        let row = self.database().row("SELECT value FROM epoch WHERE id = 1", values![]).await?;
        epoch_in(row)
    }

    /// Lets an account read a repository. Raises the epoch if that is news. Returns the epoch in force.
    pub async fn grant(&self, repo: RepoId, user: UserId) -> Result<Epoch, GrantError> {
        let mut transaction = self.database().begin().await?;
        let epoch = raise_epoch(&mut transaction).await?;
        if self.is_own_and_others_could(&mut transaction, user).await? {
            return Err(GrantError::Own);
        }
        let is_new = match insert_grant(&mut transaction, self.now(), repo, user).await {
            Err(fault) if fault.is_dangling_reference() => return Err(GrantError::Unknown),
            is_new => is_new?,
        };
        if is_new {
            self.record_grant(&mut transaction, Act::Grant, repo, user).await?;
            transaction.commit().await?;
            return Ok(epoch);
        }
        drop(transaction);
        Ok(self.epoch().await?)
    }

    /// Takes a grant back. Raises the epoch if there was one. Returns the epoch in force.
    pub async fn revoke(&self, repo: RepoId, user: UserId) -> Result<Epoch, Fault> {
        const REVOKE: &str = "DELETE FROM grants WHERE user_id = $1 AND repo_id = $2";
        let mut transaction = self.database().begin().await?;
        let epoch = raise_epoch(&mut transaction).await?;
        if transaction.execute(REVOKE, values![user, repo]).await? > 0 {
            self.record_grant(&mut transaction, Act::Revoke, repo, user).await?;
            transaction.commit().await?;
            return Ok(epoch);
        }
        drop(transaction);
        self.epoch().await
    }

    /// Whether whoever this store acts for would give something to themselves although another usable account looks after
    /// permissions. SECURITY: a role reads no code, so it must not be able to let itself in unseen; on a server of one
    /// administrator there is nobody else to ask.
    pub(crate) async fn is_own_and_others_could(
        &self,
        transaction: &mut Transaction,
        user: UserId,
    ) -> Result<bool, Fault> {
        const ROLES: &str = "SELECT role FROM users WHERE id <> $1 AND disabled_at IS NULL AND role <> 'member' AND role <> 'auditor'";
        if self.origin().user_id() != Some(user) {
            return Ok(false);
        }
        for row in transaction.rows(ROLES, values![user]).await? {
            let role = role_from_stored(&row.text("role")?);
            if role.is_some_and(|role| role.capabilities().contains(Capability::ManagePermissions)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(crate) async fn record_grant(
        &self,
        transaction: &mut Transaction,
        act: Act,
        repo: RepoId,
        user: UserId,
    ) -> Result<(), Fault> {
        let object = audit_objects::repository(transaction, repo).await?;
        let name = audit_objects::user_name(transaction, user).await?;
        self.record_in(transaction, Entry::new(act, object).detail("account", name)).await
    }

    /// The accounts that were granted a repository the caller may read, by id.
    pub async fn granted_users(&self, access: &AccessSet, repo: RepoId) -> Result<Vec<UserId>, Fault> {
        // SECURITY: who else reads a repository is known to its readers only.
        if !access.allows(repo) {
            return Ok(Vec::new());
        }
        let sql = "SELECT user_id FROM grants WHERE repo_id = $1 ORDER BY user_id";
        let rows = self.database().rows(sql, values![repo]).await?;
        rows.iter().map(|row| row.user_id("user_id")).collect()
    }
}

impl Store {
    /// Epoch and repositories come from one moment: a set is never newer than the epoch it carries says.
    async fn facts_of_user(&self, user: UserId) -> Result<ReadFacts, Fault> {
        let mut snapshot = self.database().snapshot().await?;
        let epoch = epoch_in(snapshot.row("SELECT value FROM epoch WHERE id = 1", values![]).await?)?;
        let mut granted = granted_to(&mut snapshot, user).await?;
        let granted_until = break_glass::add_to_grants(&mut snapshot, user, self.now(), &mut granted).await?;
        Ok(ReadFacts {
            granted,
            granted_until,
            unrestricted: self.unrestricted(&mut snapshot).await?,
            statements: {
                let stated = statements_about(&mut snapshot, user, self.now()).await?;
                stated.into_iter().map(|(_, statement)| statement).collect()
            },
            path_rules: path_rules::of_user(&mut snapshot, user).await?,
            all_for_local_operator: RepoSet::new(),
            epoch,
        })
    }

    async fn facts_of_local_operator(&self) -> Result<ReadFacts, Fault> {
        const ALL: &str = "SELECT {joined:id} AS repos FROM repositories";
        let mut snapshot = self.database().snapshot().await?;
        let epoch = epoch_in(snapshot.row("SELECT value FROM epoch WHERE id = 1", values![]).await?)?;
        let all_for_local_operator = joined_repos(snapshot.row(ALL, values![]).await?)?;
        Ok(ReadFacts { epoch, all_for_local_operator, ..ReadFacts::default() })
    }

    /// Read again only when it changed: there may be a hundred thousand.
    pub(crate) async fn unrestricted(&self, snapshot: &mut Transaction) -> Result<Arc<RepoSet>, Fault> {
        const VERSION: &str = "SELECT value FROM unrestricted_version WHERE id = 1";
        const ALL: &str = "SELECT {joined:id} AS repos FROM repositories WHERE unrestricted = 1";
        let row = snapshot.row(VERSION, values![]).await?;
        let version = row.ok_or(Fault::ImpossibleValue { column: "value" })?.int("value")?;
        if let Some(known) = self.inner.facts.unrestricted(version) {
            return Ok(known);
        }
        let repos = Arc::new(joined_repos(snapshot.row(ALL, values![]).await?)?);
        self.inner.facts.put_unrestricted(version, Arc::clone(&repos));
        Ok(repos)
    }
}

/// Granted in person or to a group.
pub(crate) async fn granted_to(snapshot: &mut Transaction, user: UserId) -> Result<RepoSet, Fault> {
    const GRANTED: &str = "SELECT {joined:repo_id} AS repos FROM (\
         SELECT repo_id FROM grants WHERE user_id = $1 \
         UNION ALL SELECT repo_id FROM group_members JOIN group_grants ON group_grants.group_id = group_members.group_id \
         WHERE group_members.user_id = $1) AS granted";
    joined_repos(snapshot.row(GRANTED, values![user]).await?)
}

/// What code hosts state about an account and about everyone, by host; readings that were too old at `now` are left out.
pub(crate) async fn statements_about(
    snapshot: &mut Transaction,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<(String, Statement)>, Fault> {
    // CROSS JOIN says where to begin: with the few hosts, not with the readers of all of them.
    const READERS: &str = "SELECT r.host_id AS host_id, listed, listed_at, named, bound_ms FROM host_identities i \
         JOIN host_readers r ON r.host_id = i.host_id AND r.account_id = i.account_id \
         JOIN permission_sources s ON s.host_id = r.host_id WHERE i.user_id = $1 \
         UNION ALL SELECT r.host_id AS host_id, listed, listed_at, named, bound_ms FROM permission_sources s \
         CROSS JOIN host_readers r WHERE r.host_id = s.host_id AND r.account_id = ''";
    const READINGS: &str = "SELECT read_at, repos FROM host_readings WHERE host_id = $1 AND read_at > $2";
    let mut statements = Vec::new();
    let mut readings: BTreeMap<String, Arc<RepoReadings>> = BTreeMap::new();
    for row in snapshot.rows(READERS, values![user]).await? {
        let host = row.text("host_id")?;
        let bound = Duration::from_millis(row.unsigned("bound_ms")?);
        if !readings.contains_key(&host) {
            // What a reading refuses counts until all that its rounded time may stand for is too old.
            let oldest = now.minus(bound + RepoReadings::STEP);
            let rows = snapshot.rows(READINGS, values![&host, oldest]).await?;
            let step = |row: &Row| Ok::<_, Fault>((row.time("read_at")?, row.repo_set("repos")?));
            let steps = rows.iter().map(step).collect::<Result<_, _>>()?;
            readings.insert(host.clone(), Arc::new(RepoReadings { steps }));
        }
        let statement = Statement {
            listed: row.repo_set("listed")?,
            listed_at: row.maybe_time("listed_at")?,
            named: row.repo_set("named")?,
            readings: readings.get(&host).cloned().unwrap_or_default(),
            bound,
        };
        statements.push((host, statement));
    }
    Ok(statements)
}

fn joined_repos(row: Option<Row>) -> Result<RepoSet, Fault> {
    let text = row.map_or(Ok(None), |row| row.maybe_text("repos"))?.unwrap_or_default();
    let numbers = text.split(',').filter(|number| !number.is_empty());
    let repo =
        |number: &str| number.parse().map(RepoId).map_err(|_| Fault::ImpossibleValue { column: "repos" });
    numbers.map(repo).collect()
}

/// Takes back that the epoch was raised at the beginning of this transaction: rights turned out to be what they were.
/// Nobody saw it, for the row is locked until the end.
pub(crate) async fn keep_epoch(transaction: &mut Transaction) -> Result<(), Fault> {
    transaction.execute("UPDATE epoch SET value = value - 1 WHERE id = 1", values![]).await.map(drop)
}

/// Raises the epoch. Every transaction that changes somebody's rights begins with this: its row is the lock that lets
/// them happen one after the other. A transaction that turns out to change nothing is dropped, and the epoch stays.
pub(crate) async fn raise_epoch(transaction: &mut Transaction) -> Result<Epoch, Fault> {
    let raise = "UPDATE epoch SET value = value + 1 WHERE id = 1 RETURNING value";
    epoch_in(transaction.row(raise, values![]).await?)
}

/// Takes the epoch's lock without raising it, for what must not interleave with a change of rights and is none itself.
pub(crate) async fn lock(transaction: &mut Transaction) -> Result<(), Fault> {
    transaction.execute("UPDATE epoch SET value = value WHERE id = 1", values![]).await.map(drop)
}

/// Makes a grant. Tells whether it is new.
pub(crate) async fn insert_grant(
    transaction: &mut Transaction,
    now: Timestamp,
    repo: RepoId,
    user: UserId,
) -> Result<bool, Fault> {
    const INSERT: &str = "INSERT INTO grants (user_id, repo_id, granted_at) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id, repo_id) DO NOTHING";
    Ok(transaction.execute(INSERT, values![user, repo, now]).await? > 0)
}

/// The administrator that has been one for longest, if there is one.
pub(crate) async fn first_administrator(transaction: &mut Transaction) -> Result<Option<UserId>, Fault> {
    const FIRST: &str = "SELECT id FROM users WHERE role = 'administrator' AND disabled_at IS NULL \
         ORDER BY id LIMIT 1";
    transaction.row(FIRST, values![]).await?.map(|row| row.user_id("id")).transpose()
}

/// The epoch that a look-up read with the credential.
pub(crate) fn recognized(row: &Row, actor: Actor) -> Result<Recognized, Fault> {
    Ok(Recognized { actor, epoch: Epoch(row.unsigned("epoch")?) })
}

fn epoch_in(row: Option<Row>) -> Result<Epoch, Fault> {
    row.ok_or(Fault::ImpossibleValue { column: "epoch" })?.unsigned("value").map(Epoch)
}
