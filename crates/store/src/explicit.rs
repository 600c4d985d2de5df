//! Permissions that are stated here rather than at a code host: for people with and without an account.

use crate::access_facts::{insert_grant, raise_epoch};
use crate::audit_objects;
use crate::database::{Row, Transaction, values};
use crate::{Fault, GrantError, Store, Timestamp};
use access::UserName;
use access::audit::{Act, Entry};
use model::{RepoId, UserId};
use std::collections::BTreeSet;
use std::fmt;

/// An address as it is kept: lower case, one `@`, at most 254 bytes (RFC 5321 §4.5.3.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(String);

/// A text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an address is at most 254 bytes, something, one '@' and a domain, without spaces")]
pub struct AddressError;

impl Address {
    /// Checks an address and folds its case: who has it is asked of the whole of it, not of a part.
    pub fn new(text: &str) -> Result<Self, AddressError> {
        let text = text.to_lowercase();
        let is_odd =
            |c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';' | '"');
        match text.split_once('@') {
            Some((local, domain)) if !local.is_empty() && !domain.is_empty() && !domain.contains('@') => {
                if text.len() <= 254 && !text.contains(is_odd) {
                    Ok(Address(text))
                } else {
                    Err(AddressError)
                }
            }
            _ => Err(AddressError),
        }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Somebody, with an account or without one yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// The account of this name.
    Name(UserName),
    /// The account that has this address confirmed.
    Address(Address),
}

/// What replacing the readers of a repository did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replaced {
    /// Who may read it now in their own name, by number.
    pub users: Vec<UserId>,
    /// Who will, once they have an account.
    pub pending: Vec<Who>,
}

/// What granting did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// The account reads it now.
    Granted,
    /// Nobody has this name or address yet; who will, will read it.
    Waits,
}

/// An address could not be confirmed.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmAddressError {
    /// Another account has it.
    #[error("this address belongs to another account")]
    Taken,
    /// There is no such account.
    #[error("there is no such account")]
    Unknown,
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Store {
    /// Replaces everybody who was granted a repository in their own name by these people. Those who have no account yet will
    /// be granted it when they have. Raises the epoch.
    pub async fn set_repository_users(
        &self,
        repo: RepoId,
        people: &BTreeSet<Who>,
    ) -> Result<Replaced, GrantError> {
        const WAIT: &str =
            "INSERT INTO pending_grants (kind, who, repo_id, granted_at) VALUES ($1, $2, $3, $4)";
        let mut transaction = self.database().begin().await?;
        raise_epoch(&mut transaction).await?;
        if transaction.row("SELECT id FROM repositories WHERE id = $1", values![repo]).await?.is_none() {
            return Err(GrantError::Unknown);
        }
        let mut replaced = Replaced::default();
        let mut users = BTreeSet::new();
        let mut replaced_names = Vec::new();
        transaction.execute("DELETE FROM pending_grants WHERE repo_id = $1", values![repo]).await?;
        for who in people {
            let (kind, text) = who.columns();
            match find(&mut transaction, who).await? {
                Some(user) => drop(users.insert(user)),
                None => {
                    transaction.execute(WAIT, values![kind, text, repo, self.now()]).await?;
                    replaced.pending.push(who.clone());
                }
            }
        }
        let known = "SELECT user_id FROM grants WHERE repo_id = $1";
        for row in transaction.rows(known, values![repo]).await? {
            let user = row.user_id("user_id")?;
            if !users.contains(&user) {
                replaced_names.push(format!("-{}", audit_objects::user_name(&mut transaction, user).await?));
                let revoke = "DELETE FROM grants WHERE repo_id = $1 AND user_id = $2";
                transaction.execute(revoke, values![repo, user]).await?;
            }
        }
        for user in &users {
            if insert_grant(&mut transaction, self.now(), repo, *user).await? {
                replaced_names.push(format!("+{}", audit_objects::user_name(&mut transaction, *user).await?));
            }
        }
        let entry = Entry::new(Act::SetPermissions, audit_objects::repository(&mut transaction, repo).await?);
        let entry =
            entry.detail("accounts", replaced_names.join(" ")).detail("pending", replaced.pending.len());
        self.record_in(&mut transaction, entry).await?;
        transaction.commit().await?;
        replaced.users.extend(users);
        Ok(replaced)
    }

    /// Lets somebody read a repository, now or once they have an account. Raises the epoch.
    pub async fn grant_to(&self, repo: RepoId, who: &Who) -> Result<Given, GrantError> {
        const WAIT: &str = "INSERT INTO pending_grants (kind, who, repo_id, granted_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (kind, who, repo_id) DO NOTHING";
        let mut transaction = self.database().begin().await?;
        raise_epoch(&mut transaction).await?;
        if transaction.row("SELECT id FROM repositories WHERE id = $1", values![repo]).await?.is_none() {
            return Err(GrantError::Unknown);
        }
        let Some(user) = find(&mut transaction, who).await? else {
            let (kind, text) = who.columns();
            if transaction.execute(WAIT, values![kind, text, repo, self.now()]).await? > 0 {
                let object = audit_objects::repository(&mut transaction, repo).await?;
                let entry = Entry::new(Act::Grant, object).detail("waits_for", text);
                self.record_in(&mut transaction, entry).await?;
                transaction.commit().await?;
            }
            return Ok(Given::Waits);
        };
        if self.is_own_and_others_could(&mut transaction, user).await? {
            return Err(GrantError::Own);
        }
        if insert_grant(&mut transaction, self.now(), repo, user).await? {
            self.record_grant(&mut transaction, Act::Grant, repo, user).await?;
            transaction.commit().await?;
        }
        Ok(Given::Granted)
    }

    /// Takes back a grant that waits for an account. False if none does.
    pub async fn forget_pending(&self, repo: RepoId, who: &Who) -> Result<bool, Fault> {
        let sql = "DELETE FROM pending_grants WHERE kind = $1 AND who = $2 AND repo_id = $3";
        let (kind, text) = who.columns();
        let mut transaction = self.database().begin().await?;
        raise_epoch(&mut transaction).await?;
        if transaction.execute(sql, values![kind, text, repo]).await? == 0 {
            return Ok(false);
        }
        let object = audit_objects::repository(&mut transaction, repo).await?;
        let entry = Entry::new(Act::Revoke, object).detail("waits_for", text);
        self.record_in(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Who will be granted a repository once they have an account. SECURITY: for those who look after permissions.
    pub async fn pending_users(&self, repo: RepoId) -> Result<Vec<Who>, Fault> {
        const LIST: &str = "SELECT kind, who FROM pending_grants WHERE repo_id = $1 ORDER BY kind, who";
        let rows = self.database().rows(LIST, values![repo]).await?;
        let who = |row: &Row| {
            let impossible = Fault::ImpossibleValue { column: "who" };
            let text = row.text("who")?;
            match row.text("kind")?.as_str() {
                "name" => UserName::new(&text).map(Who::Name).map_err(|_| impossible),
                _ => Address::new(&text).map(Who::Address).map_err(|_| impossible),
            }
        };
        rows.iter().map(who).collect()
    }

    /// Notes that an address is an account's: its owner proved it, or an administrator vouches for it. What waited for this
    /// address is granted. Raises the epoch.
    pub async fn confirm_address(&self, user: UserId, address: &Address) -> Result<(), ConfirmAddressError> {
        const KNOWN: &str = "SELECT user_id FROM user_addresses WHERE address = $1";
        const INSERT: &str =
            "INSERT INTO user_addresses (address, user_id, confirmed_at) VALUES ($1, $2, $3)";
        let mut transaction = self.database().begin().await?;
        raise_epoch(&mut transaction).await?;
        if let Some(row) = transaction.row(KNOWN, values![address.as_str()]).await? {
            return if row.user_id("user_id")? == user { Ok(()) } else { Err(ConfirmAddressError::Taken) };
        }
        match transaction.execute(INSERT, values![address.as_str(), user, self.now()]).await {
            Err(fault) if fault.is_dangling_reference() => return Err(ConfirmAddressError::Unknown),
            done => done?,
        };
        claim_pending(&mut transaction, self.now(), user, &Who::Address(address.clone())).await?;
        let entry = Entry::new(Act::ChangeUser, audit_objects::user(&mut transaction, user).await?);
        self.record_in(&mut transaction, entry.detail("address", address.as_str())).await?;
        Ok(transaction.commit().await?)
    }

    /// The addresses of an account.
    pub async fn addresses_of(&self, user: UserId) -> Result<Vec<Address>, Fault> {
        let sql = "SELECT address FROM user_addresses WHERE user_id = $1 ORDER BY address";
        let rows = self.database().rows(sql, values![user]).await?;
        rows.iter().map(|row| row.text("address").map(Address)).collect()
    }
}

impl Who {
    /// What people write: an address where it holds an `@`, a name of an account otherwise. The error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.contains('@') {
            true => Address::new(text).map(Who::Address).map_err(|error| error.to_string()),
            false => UserName::new(text).map(Who::Name).map_err(|error| error.to_string()),
        }
    }

    fn columns(&self) -> (&'static str, &str) {
        match self {
            Who::Name(name) => ("name", name.as_str()),
            Who::Address(address) => ("address", address.as_str()),
        }
    }
}

/// Grants an account what waited for its name or its address. SECURITY: a name is only somebody's where an administrator
/// gave it; an address, where it was confirmed.
pub(crate) async fn claim_pending(
    transaction: &mut Transaction,
    now: Timestamp,
    user: UserId,
    who: &Who,
) -> Result<(), Fault> {
    const CLAIM: &str = "INSERT INTO grants (user_id, repo_id, granted_at) \
         SELECT $1, repo_id, $2 FROM pending_grants WHERE kind = $3 AND who = $4 \
         ON CONFLICT (user_id, repo_id) DO NOTHING";
    let (kind, text) = who.columns();
    transaction.execute(CLAIM, values![user, now, kind, text]).await?;
    let done = "DELETE FROM pending_grants WHERE kind = $1 AND who = $2";
    transaction.execute(done, values![kind, text]).await.map(drop)
}

async fn find(transaction: &mut Transaction, who: &Who) -> Result<Option<UserId>, Fault> {
    let row = match who {
        Who::Name(name) => {
            let sql = "SELECT id FROM users WHERE name = $1";
            transaction.row(sql, values![name.as_str()]).await?
        }
        Who::Address(address) => {
            let sql = "SELECT user_id AS id FROM user_addresses WHERE address = $1";
            transaction.row(sql, values![address.as_str()]).await?
        }
    };
    row.map(|row| row.user_id("id")).transpose()
}

impl fmt::Display for Who {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.columns().1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(Address::new("Ada@Example.org").unwrap().as_str(), "ada@example.org");
        for bad in ["", "ada", "@b", "a@", "a@b@c", "a b@c", "a@b\n", "<a@b>", "a@b,c@d"] {
            assert!(Address::new(bad).is_err(), "{bad}");
        }
    }
}
