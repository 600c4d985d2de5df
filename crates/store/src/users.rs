//! Accounts.

use crate::database::{Row, Transaction, values};
use crate::explicit::{Who, claim_pending};
use crate::repositories::N_PAGE_MAX;
use crate::roles::{self, RoleName};
use crate::{Fault, Store, Timestamp};
use crate::{access_facts, second_factors};
use access::audit::{Act, Entry, Object};
use access::{Capability, Password, PasswordHash, PasswordRefusal, Role, SecondFactor, UserName};
use model::UserId;
use std::sync::Arc;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its number; never shown to another person.
    pub id: UserId,
    /// Its name, unique.
    pub name: UserName,
    /// What it may administer.
    pub role: Role,
    /// Since when it cannot be used, if so.
    pub disabled_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An account to make.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Its name.
    pub name: UserName,
    /// Its password; without one nobody can sign in to it, but tokens can be made for it.
    pub password: Option<Password>,
    /// What it may administer.
    pub role: Role,
}

/// An account could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateUserError {
    /// Another account has this name.
    #[error("there is an account named '{name}' already: choose another name")]
    NameTaken {
        /// The name.
        name: UserName,
    },
    /// The password is not good enough.
    #[error(transparent)]
    Password(#[from] PasswordRefusal),
    /// The database or the machine failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Which role to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleChoice {
    /// One of the built-in ones.
    BuiltIn(Role),
    /// A custom one.
    Named(RoleName),
}

impl From<Role> for RoleChoice {
    fn from(role: Role) -> Self {
        RoleChoice::BuiltIn(role)
    }
}

/// An account could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeUserError {
    /// There is no such account.
    #[error("there is no such account")]
    Unknown,
    /// There is no such role.
    #[error("there is no role of this name")]
    UnknownRole,
    /// It is one's own role, or one that allows more than one's own.
    #[error("nobody changes their own role, or gives or takes one that allows more than theirs")]
    NotYours,
    /// Nobody could administer the instance any more.
    #[error("'{name}' is the last administrator: make another one first")]
    LastAdministrator {
        /// Whom it is about.
        name: UserName,
    },
    /// The password is not good enough.
    #[error(transparent)]
    Password(#[from] PasswordRefusal),
    /// The database or the machine failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A statement that reads whole rows of accounts, without the password.
macro_rules! select_users {
    ($rest:literal) => {
        concat!("SELECT id, name, role, disabled_at, created_at FROM users ", $rest)
    };
}

impl Store {
    /// Makes an account. If it is the first administrator's, it takes over the grants that wait for them and the setup
    /// link ends, in the same transaction.
    pub async fn create_user(&self, new: NewUser) -> Result<User, CreateUserError> {
        if let Some(password) = &new.password {
            access::check_password(password, &new.name, SecondFactor::None)?;
        }
        let hash = match &new.password {
            Some(password) => Some(self.hash_password(password).await?),
            None => None,
        };
        let mut transaction = self.database().begin().await?;
        let user = create_in(&mut transaction, self.now(), &new.name, hash, new.role).await?;
        let user = user.ok_or(CreateUserError::NameTaken { name: new.name })?;
        let entry = Entry::new(Act::CreateUser, Object::user(user.id, &user.name));
        self.record_in(&mut transaction, entry.detail("role", role_as_stored(user.role))).await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Whether the instance has an administrator.
    pub async fn has_administrator(&self) -> Result<bool, Fault> {
        const ANY: &str =
            "SELECT 1 AS one FROM users WHERE role = 'administrator' AND disabled_at IS NULL LIMIT 1";
        Ok(self.database().row(ANY, values![]).await?.is_some())
    }

    /// The account of this number.
    pub async fn user(&self, user: UserId) -> Result<Option<User>, Fault> {
        let row = self.database().row(select_users!("WHERE id = $1"), values![user]).await?;
        row.as_ref().map(User::from_row).transpose()
    }

    /// The account of this name.
    pub async fn user_by_name(&self, name: &UserName) -> Result<Option<User>, Fault> {
        let row = self.database().row(select_users!("WHERE name = $1"), values![name.as_str()]).await?;
        row.as_ref().map(User::from_row).transpose()
    }

    /// Accounts by name, those after `after`, at most `limit` and never more than 1,000.
    pub async fn users(&self, after: Option<&UserName>, limit: u32) -> Result<Vec<User>, Fault> {
        let after = after.map_or("", UserName::as_str);
        let limit = i64::from(limit.clamp(1, N_PAGE_MAX));
        let sql = select_users!("WHERE name > $1 ORDER BY name LIMIT $2");
        let rows = self.database().rows(sql, values![after, limit]).await?;
        rows.iter().map(User::from_row).collect()
    }

    /// Sets a password and ends every session of the account. Raises the epoch.
    pub async fn set_password(&self, user: UserId, password: &Password) -> Result<(), ChangeUserError> {
        const SET: &str = "UPDATE users SET password_hash = $2, password_needs_factor = $3 \
             WHERE id = $1 AND is_service = 0";
        let known = self.user(user).await?.ok_or(ChangeUserError::Unknown)?;
        access::check_password(password, &known.name, self.second_factor(user).await?)?;
        let hash = self.hash_password(password).await?;
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let second_factor = second_factors::of_user(&mut transaction, user).await?;
        access::check_password(password, &known.name, second_factor)?;
        let columns = values![user, hash.as_stored(), needs_factor(password, &known.name)];
        if transaction.execute(SET, columns).await? == 0 {
            return Err(ChangeUserError::Unknown);
        }
        end_sessions(&mut transaction, user).await?;
        self.record_in(&mut transaction, Entry::new(Act::SetPassword, Object::user(user, &known.name)))
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Sets the role. If that changes it, the account's sessions end: what was begun under one role does not go on under
    /// another; so does emergency access that the new role does not allow. Raises the epoch.
    ///
    /// SECURITY: nobody sets their own role, gives one that allows more than theirs, or takes one that did.
    pub async fn set_role(&self, user: UserId, role: impl Into<RoleChoice>) -> Result<(), ChangeUserError> {
        const END: &str = "UPDATE break_glass SET ends_at = $2 WHERE user_id = $1 AND ends_at > $2";
        let role = role.into();
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let was_without = access_facts::first_administrator(&mut transaction).await?.is_none();
        let before = read_in(&mut transaction, user).await?;
        let set = "UPDATE users SET role = $2 WHERE id = $1";
        let stored = match &role {
            RoleChoice::BuiltIn(role) => roles::built_in(*role).map(str::to_owned),
            RoleChoice::Named(name) => self.custom_role(&mut transaction, name).await?,
        };
        let stored = stored.ok_or(ChangeUserError::UnknownRole)?;
        let new = role_from_stored(&stored).ok_or(ChangeUserError::UnknownRole)?;
        if let Some((own, _)) = self.own_role(&mut transaction).await? {
            let own = own.capabilities();
            let is_more = !new.capabilities().is_within(own) || !before.role.capabilities().is_within(own);
            if self.origin().user_id() == Some(user) || is_more {
                return Err(ChangeUserError::NotYours);
            }
        }
        transaction.execute(set, values![user, &stored]).await?;
        if !new.capabilities().contains(Capability::BreakGlass) {
            transaction.execute(END, values![user, self.now()]).await?;
        }
        let changed = read_in(&mut transaction, user).await?;
        if changed.role != before.role {
            end_sessions(&mut transaction, user).await?;
        }
        if was_without && changed.is_usable_administrator() {
            take_over(&mut transaction, user).await?;
        }
        let entry = Entry::new(Act::ChangeRole, Object::user(user, &changed.name));
        let entry = entry.detail("from", before.role.as_str()).detail("to", roles::name_of_stored(&stored));
        refuse_without_administrator(&mut transaction, was_without, changed).await?;
        self.record_in(&mut transaction, entry).await?;
        Ok(transaction.commit().await?)
    }

    /// Shuts an account (its sessions end, its tokens stop working) or opens it again. Raises the epoch.
    pub async fn set_disabled(&self, user: UserId, disabled: bool) -> Result<(), ChangeUserError> {
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let was_without = access_facts::first_administrator(&mut transaction).await?.is_none();
        let disabled_at = disabled.then(|| self.now());
        let set = "UPDATE users SET disabled_at = $2 WHERE id = $1";
        transaction.execute(set, values![user, disabled_at]).await?;
        if disabled {
            end_sessions(&mut transaction, user).await?;
        }
        let changed = read_in(&mut transaction, user).await?;
        let act = if disabled { Act::DisableUser } else { Act::EnableUser };
        let entry = Entry::new(act, Object::user(user, &changed.name));
        refuse_without_administrator(&mut transaction, was_without, changed).await?;
        self.record_in(&mut transaction, entry).await?;
        Ok(transaction.commit().await?)
    }
}

impl Store {
    /// Hashes off the asynchronous threads, a few at a time.
    pub(crate) async fn hash_password(&self, password: &Password) -> Result<PasswordHash, Fault> {
        let (inner, password) = (self.inner.clone(), password.clone());
        let hash = self.off_thread(move || inner.passwords.hash(&password, &*inner.randomness)).await?;
        Ok(hash?)
    }

    /// Runs something slow on the blocking pool, as many at a time as there are cores to spare. The permit goes with the
    /// work: a caller who hangs up leaves it running, and it must go on being counted.
    pub(crate) async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let other = |source: Box<dyn std::error::Error + Send + Sync>| Fault::Other { source };
        let hashing = Arc::clone(&self.inner.hashing);
        let permit = hashing.acquire_owned().await.map_err(|error| other(Box::new(error)))?;
        let counted = move || {
            let done = work();
            drop(permit);
            done
        };
        tokio::task::spawn_blocking(counted).await.map_err(|error| other(Box::new(error)))
    }
}

impl User {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Fault> {
        let impossible = |column| Fault::ImpossibleValue { column };
        Ok(User {
            id: row.user_id("id")?,
            name: UserName::new(&row.text("name")?).map_err(|_| impossible("name"))?,
            role: role_from_stored(&row.text("role")?).ok_or(impossible("role"))?,
            disabled_at: row.maybe_time("disabled_at")?,
            created_at: row.time("created_at")?,
        })
    }

    fn is_usable_administrator(&self) -> bool {
        self.role == Role::Administrator && self.disabled_at.is_none()
    }
}

/// Whether a password is accepted only beside a second factor.
pub(crate) fn needs_factor(password: &Password, name: &UserName) -> bool {
    access::check_password(password, name, SecondFactor::None).is_err()
}

/// The word of a built-in role; custom ones are stored with their name and what they allow.
pub(crate) fn role_as_stored(role: Role) -> &'static str {
    role.as_str()
}

pub(crate) fn role_from_stored(word: &str) -> Option<Role> {
    if let Some((_, capabilities)) = word.strip_prefix("custom:").and_then(|rest| rest.split_once(':')) {
        return capabilities.parse().ok().map(Role::Custom);
    }
    [Role::Member, Role::Administrator, Role::Auditor].into_iter().find(|role| role_as_stored(*role) == word)
}

/// Makes an account; `None` if its name is taken. What waits for the name is granted, and the first administrator takes over
/// what waits for them.
pub(crate) async fn create_in(
    transaction: &mut Transaction,
    now: Timestamp,
    name: &UserName,
    hash: Option<PasswordHash>,
    role: Role,
) -> Result<Option<User>, Fault> {
    access_facts::raise_epoch(transaction).await?;
    let Some(user) = insert_in(transaction, now, name, hash, role).await? else { return Ok(None) };
    claim_pending(transaction, now, user.id, &Who::Name(name.clone())).await?;
    Ok(Some(user))
}

/// The same, granting nothing that waits for the name. The epoch's lock, which the transaction holds, keeps two from both
/// being the first administrator.
pub(crate) async fn insert_in(
    transaction: &mut Transaction,
    now: Timestamp,
    name: &UserName,
    hash: Option<PasswordHash>,
    role: Role,
) -> Result<Option<User>, Fault> {
    const INSERT: &str = "INSERT INTO users (name, role, password_hash, created_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (name) DO NOTHING RETURNING id";
    let was_without = access_facts::first_administrator(transaction).await?.is_none();
    let hash = hash.as_ref().map(PasswordHash::as_stored);
    let row = transaction.row(INSERT, values![name.as_str(), role_as_stored(role), hash, now]).await?;
    let Some(row) = row else { return Ok(None) };
    let id = row.user_id("id")?;
    if was_without && role == Role::Administrator {
        take_over(transaction, id).await?;
    }
    Ok(Some(User { id, name: name.clone(), role, disabled_at: None, created_at: now }))
}

/// Gives the first administrator the grants that waited, and ends the setup link.
async fn take_over(transaction: &mut Transaction, administrator: UserId) -> Result<(), Fault> {
    const TAKE: &str = "INSERT INTO grants (user_id, repo_id, granted_at) \
         SELECT $1, repo_id, granted_at FROM waiting_grants WHERE repo_id > 0 \
         ON CONFLICT (user_id, repo_id) DO NOTHING";
    transaction.execute(TAKE, values![administrator]).await?;
    transaction.execute("DELETE FROM waiting_grants", values![]).await?;
    transaction.execute("DELETE FROM setup_link", values![]).await?;
    Ok(())
}

pub(crate) async fn end_sessions(transaction: &mut Transaction, user: UserId) -> Result<u64, Fault> {
    transaction.execute("DELETE FROM sessions WHERE user_id = $1", values![user]).await
}

async fn read_in(transaction: &mut Transaction, user: UserId) -> Result<User, ChangeUserError> {
    let row = transaction.row(select_users!("WHERE id = $1"), values![user]).await?;
    Ok(User::from_row(&row.ok_or(ChangeUserError::Unknown)?)?)
}

/// An instance that had an administrator keeps one.
async fn refuse_without_administrator(
    transaction: &mut Transaction,
    was_without: bool,
    changed: User,
) -> Result<(), ChangeUserError> {
    if !was_without && access_facts::first_administrator(transaction).await?.is_none() {
        return Err(ChangeUserError::LastAdministrator { name: changed.name });
    }
    Ok(())
}
