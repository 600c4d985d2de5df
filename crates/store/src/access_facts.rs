//! Grants, the epoch, and the caller's access set.

use crate::database::{Row, Transaction, values};
use crate::{Fault, Store, Timestamp};
use access::{Actor, ReadFacts};
use model::{AccessSet, Epoch, RepoId, UserId};
use std::sync::Arc;

/// A grant could not be made.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The account or the repository does not exist.
    #[error("there is no such account or repository")]
    Unknown,
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Store {
    /// What the caller may read now.
    pub async fn access_set(&self, actor: &Actor) -> Result<AccessSet, Fault> {
        let epoch = self.epoch().await?;
        let caller = actor.user_id();
        if let Some(facts) = self.inner.facts.get(caller, epoch) {
            return Ok(access::access_set(actor, &facts));
        }
        let facts = Arc::new(match caller {
            Some(user) => self.facts_of_user(user).await?,
            None => self.facts_of_local_operator().await?,
        });
        self.inner.facts.put(caller, facts.clone());
        Ok(access::access_set(actor, &facts))
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
        let is_new = match insert_grant(&mut transaction, self.now(), repo, user).await {
            Err(fault) if fault.is_dangling_reference() => return Err(GrantError::Unknown),
            is_new => is_new?,
        };
        if is_new {
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
            transaction.commit().await?;
            return Ok(epoch);
        }
        drop(transaction);
        self.epoch().await
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
        const READABLE: &str = "SELECT repo_id, CAST(1 AS BIGINT) AS granted FROM grants WHERE user_id = $1 \
             UNION ALL SELECT id AS repo_id, CAST(0 AS BIGINT) AS granted FROM repositories WHERE unrestricted = 1";
        let mut snapshot = self.database().snapshot().await?;
        let epoch = epoch_in(snapshot.row("SELECT value FROM epoch WHERE id = 1", values![]).await?)?;
        let mut facts = ReadFacts { epoch, ..ReadFacts::default() };
        for row in snapshot.rows(READABLE, values![user]).await? {
            let repos = if row.flag("granted")? { &mut facts.granted } else { &mut facts.unrestricted };
            repos.push(row.repo_id("repo_id")?);
        }
        Ok(facts)
    }

    async fn facts_of_local_operator(&self) -> Result<ReadFacts, Fault> {
        let mut snapshot = self.database().snapshot().await?;
        let epoch = epoch_in(snapshot.row("SELECT value FROM epoch WHERE id = 1", values![]).await?)?;
        let rows = snapshot.rows("SELECT id FROM repositories", values![]).await?;
        let all_for_local_operator = rows.iter().map(|row| row.repo_id("id")).collect::<Result<_, _>>()?;
        Ok(ReadFacts { epoch, all_for_local_operator, ..ReadFacts::default() })
    }
}

/// Raises the epoch. Every transaction that changes somebody's rights begins with this: its row is the lock that lets
/// them happen one after the other. A transaction that turns out to change nothing is dropped, and the epoch stays.
pub(crate) async fn raise_epoch(transaction: &mut Transaction) -> Result<Epoch, Fault> {
    let raise = "UPDATE epoch SET value = value + 1 WHERE id = 1 RETURNING value";
    epoch_in(transaction.row(raise, values![]).await?)
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

fn epoch_in(row: Option<Row>) -> Result<Epoch, Fault> {
    row.ok_or(Fault::ImpossibleValue { column: "epoch" })?.unsigned("value").map(Epoch)
}
