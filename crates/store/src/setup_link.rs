//! The one-time link by which the first administrator is made.

use crate::database::values;
use crate::{Fault, Store, User};
use crate::{access_facts, users};
use access::audit::{Act, Entry, Object};
use access::{Password, PasswordRefusal, Role, SecondFactor, SetupSecret, UserName};
use std::time::Duration;

/// A setup link could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateSetupError {
    /// Setting up is over.
    #[error("there is an administrator already: sign in, or use `user create` on the data directory")]
    AdministratorExists,
    /// The database or the machine failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A setup link could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ConsumeSetupError {
    /// It is unknown, used, over, replaced, or there is an administrator; which, is not said.
    #[error("this setup link is not valid any more: start the server again to get a new one")]
    Invalid,
    /// Another account has this name.
    #[error("there is an account named '{name}' already: choose another name")]
    NameTaken {
        /// The name.
        name: UserName,
    },
    /// The password is not good enough; the link stays valid.
    #[error(transparent)]
    Password(#[from] PasswordRefusal),
    /// The database or the machine failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Store {
    /// Makes the setup link; one made before ends.
    pub async fn create_setup_link(&self, valid_for: Duration) -> Result<SetupSecret, CreateSetupError> {
        const REPLACE: &str = "INSERT INTO setup_link (id, digest, expires_at) VALUES (1, $1, $2) \
             ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, expires_at = excluded.expires_at";
        let secret = SetupSecret::mint(self.randomness()).map_err(Fault::from)?;
        let mut transaction = self.database().begin().await?;
        // The epoch's lock, so that no first administrator is made meanwhile.
        access_facts::raise_epoch(&mut transaction).await?;
        if access_facts::first_administrator(&mut transaction).await?.is_some() {
            return Err(CreateSetupError::AdministratorExists);
        }
        let expires_at = self.now().plus(valid_for);
        transaction.execute(REPLACE, values![secret.digest(), expires_at]).await?;
        self.record_in(&mut transaction, Entry::new(Act::CreateSetupLink, Object::INSTANCE)).await?;
        transaction.commit().await?;
        Ok(secret)
    }

    /// Whether a link would be accepted now.
    pub async fn setup_link_is_valid(&self, secret: &SetupSecret) -> Result<bool, Fault> {
        const VALID: &str = "SELECT 1 AS one FROM setup_link WHERE digest = $1 AND expires_at > $2";
        Ok(self.database().row(VALID, values![secret.digest(), self.now()]).await?.is_some())
    }

    /// Uses the link up and makes the first administrator, in one transaction.
    pub async fn consume_setup_link(
        &self,
        secret: &SetupSecret,
        name: UserName,
        password: &Password,
    ) -> Result<User, ConsumeSetupError> {
        const USE_UP: &str = "DELETE FROM setup_link WHERE digest = $1 AND expires_at > $2";
        // Asked first, so that an invalid link costs no hashing and its answer does not depend on the password.
        if !self.setup_link_is_valid(secret).await? {
            return Err(ConsumeSetupError::Invalid);
        }
        access::check_password(password, &name, SecondFactor::None)?;
        let hash = self.hash_password(password).await?;
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let used_up = transaction.execute(USE_UP, values![secret.digest(), self.now()]).await? > 0;
        if !used_up || access_facts::first_administrator(&mut transaction).await?.is_some() {
            return Err(ConsumeSetupError::Invalid);
        }
        let role = Role::Administrator;
        let user = users::create_in(&mut transaction, self.now(), &name, Some(hash), role).await?;
        let user = user.ok_or(ConsumeSetupError::NameTaken { name })?;
        let entry = Entry::new(Act::UseSetupLink, Object::user(user.id, &user.name));
        self.record_as(&mut transaction, user.id, entry.detail("role", "administrator")).await?;
        transaction.commit().await?;
        Ok(user)
    }
}
