//! Invitations and reset links: one-time ways to set the password of one account.
//!
//! A link belongs to its account, works once, for as long as it says, and replaces the one before it. It sets a password and
//! nothing else: whoever uses it signs in with that afterwards, second factor included.

use crate::database::{Row, Transaction, values};
use crate::users::{ChangeUserError, CreateUserError, create_in, end_sessions, needs_factor, role_as_stored};
use crate::{Fault, Store, Timestamp, User, access_facts, second_factors};
use access::audit::{Act, Entry, Object, Origin};
use access::{LinkSecret, Password, PasswordRefusal, Role, SecondFactor, UserName};
use model::UserId;
use std::time::Duration;

/// Longest time a link may work.
pub const LINK_VALID_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

const FIND: &str = "SELECT users.id AS id, name, role, disabled_at, users.created_at AS created_at, kind, expires_at \
     FROM account_links JOIN users ON users.id = user_id \
     WHERE digest = $1 AND expires_at > $2 AND disabled_at IS NULL";

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// The account is new and has no password.
    Invitation,
    /// Its owner has lost the password.
    Reset,
}

/// A link that works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountLink {
    /// Whose account it is for.
    pub user: User,
    /// What it is for.
    pub kind: LinkKind,
    /// Until when it works.
    pub expires_at: Timestamp,
    /// Whether the account has a second factor, which the link does not replace.
    pub second_factor: SecondFactor,
}

/// A link could not be used.
#[derive(Debug, thiserror::Error)]
pub enum UseLinkError {
    /// It is unknown, used, over, replaced, or its account is shut; which, is not said.
    #[error("this link is not valid any more: ask for a new one")]
    Invalid,
    /// The password is not good enough; the link stays valid.
    #[error(transparent)]
    Password(#[from] PasswordRefusal),
    /// The database or the machine failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Store {
    /// Makes an account without a password, and the link by which its owner sets one.
    pub async fn invite(
        &self,
        name: UserName,
        role: Role,
        valid_for: Duration,
    ) -> Result<(User, LinkSecret), CreateUserError> {
        let mut transaction = self.database().begin().await?;
        let user = create_in(&mut transaction, self.now(), &name, None, role).await?;
        let user = user.ok_or(CreateUserError::NameTaken { name })?;
        let secret = self.put_link(&mut transaction, user.id, LinkKind::Invitation, valid_for).await?;
        let entry = Entry::new(Act::Invite, Object::user(user.id, &user.name));
        self.record_in(&mut transaction, entry.detail("role", role_as_stored(role))).await?;
        transaction.commit().await?;
        Ok((user, secret))
    }

    /// Makes a link by which an account's owner sets another password; for one who never used their invitation, a new
    /// invitation. A link made before ends. What the account has now goes on working until the link is used.
    pub async fn create_account_link(
        &self,
        user: UserId,
        valid_for: Duration,
    ) -> Result<LinkSecret, ChangeUserError> {
        const STATE: &str = "SELECT name, password_hash, disabled_at FROM users WHERE id = $1";
        let mut transaction = self.database().begin().await?;
        access_facts::lock(&mut transaction).await?;
        let row = transaction.row(STATE, values![user]).await?.ok_or(ChangeUserError::Unknown)?;
        let kind = match row.maybe_text("password_hash")? {
            None => LinkKind::Invitation,
            Some(_) => LinkKind::Reset,
        };
        let secret = self.put_link(&mut transaction, user, kind, valid_for).await?;
        let act = if kind == LinkKind::Reset { Act::CreateResetLink } else { Act::Invite };
        let entry = Entry::new(act, Object::new("user", user.0, &row.text("name")?));
        self.record_in(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(secret)
    }

    /// Takes an account's link back. False if it had none.
    pub async fn revoke_account_link(&self, user: UserId) -> Result<bool, ChangeUserError> {
        let known = self.user(user).await?.ok_or(ChangeUserError::Unknown)?;
        let mut transaction = self.database().begin().await?;
        let sql = "DELETE FROM account_links WHERE user_id = $1";
        let was_there = transaction.execute(sql, values![user]).await? > 0;
        if was_there {
            let entry = Entry::new(Act::RevokeInvitation, Object::user(user, &known.name));
            self.record_in(&mut transaction, entry).await?;
            transaction.commit().await?;
        }
        Ok(was_there)
    }

    /// What a link is for, if it would work now.
    pub async fn account_link(&self, secret: &LinkSecret) -> Result<Option<AccountLink>, Fault> {
        let row = self.database().row(FIND, values![secret.digest(), self.now()]).await?;
        let Some(row) = row else { return Ok(None) };
        let user = User::from_row(&row)?;
        let second_factor = self.second_factor(user.id).await?;
        let kind = kind_in(&row)?;
        Ok(Some(AccountLink { user, kind, expires_at: row.time("expires_at")?, second_factor }))
    }

    /// Uses a link up and sets the password of its account, whose sessions and half-done sign-ins end, in one transaction.
    /// Raises the epoch. SECURITY: signs nobody in, and takes no second factor away.
    pub async fn use_account_link(
        &self,
        secret: &LinkSecret,
        password: &Password,
    ) -> Result<User, UseLinkError> {
        const USE_UP: &str = "DELETE FROM account_links WHERE digest = $1";
        const SET: &str = "UPDATE users SET password_hash = $2, password_needs_factor = $3 WHERE id = $1";
        const END_PENDING: &str = "DELETE FROM pending_sign_ins WHERE user_id = $1";
        // Asked first, so that an invalid link costs no hashing and its answer does not depend on the password.
        let known = self.account_link(secret).await?.ok_or(UseLinkError::Invalid)?;
        access::check_password(password, &known.user.name, known.second_factor)?;
        let hash = self.hash_password(password).await?;
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let row = transaction.row(FIND, values![secret.digest(), self.now()]).await?;
        let row = row.ok_or(UseLinkError::Invalid)?;
        if transaction.execute(USE_UP, values![secret.digest()]).await? == 0 {
            return Err(UseLinkError::Invalid);
        }
        let user = User::from_row(&row)?;
        let second_factor = second_factors::of_user(&mut transaction, user.id).await?;
        access::check_password(password, &user.name, second_factor)?;
        let columns = values![user.id, hash.as_stored(), needs_factor(password, &user.name)];
        transaction.execute(SET, columns).await?;
        transaction.execute(END_PENDING, values![user.id]).await?;
        end_sessions(&mut transaction, user.id).await?;
        let act = match kind_in(&row)? {
            LinkKind::Invitation => Act::AcceptInvitation,
            LinkKind::Reset => Act::UseResetLink,
        };
        let store = self.by(self.origin().as_who(Origin::proved(user.id, &user.name, "link")));
        store.record_in(&mut transaction, Entry::new(act, Object::user(user.id, &user.name))).await?;
        transaction.commit().await?;
        Ok(user)
    }
}

impl Store {
    async fn put_link(
        &self,
        transaction: &mut Transaction,
        user: UserId,
        kind: LinkKind,
        valid_for: Duration,
    ) -> Result<LinkSecret, Fault> {
        const PUT: &str = "INSERT INTO account_links (user_id, digest, kind, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id) DO UPDATE SET digest = excluded.digest, \
             kind = excluded.kind, created_at = excluded.created_at, expires_at = excluded.expires_at";
        let (secret, now) = (LinkSecret::mint(self.randomness())?, self.now());
        let expires_at = now.plus(valid_for.min(LINK_VALID_MAX));
        let word = match kind {
            LinkKind::Invitation => "invitation",
            LinkKind::Reset => "reset",
        };
        transaction.execute(PUT, values![user, secret.digest(), word, now, expires_at]).await?;
        Ok(secret)
    }
}

pub(crate) fn kind_in(row: &Row) -> Result<LinkKind, Fault> {
    match row.text("kind")?.as_str() {
        "invitation" => Ok(LinkKind::Invitation),
        "reset" => Ok(LinkKind::Reset),
        _ => Err(Fault::ImpossibleValue { column: "kind" }),
    }
}
