//! Proving again who one is, within a session, before a sensitive act; and changing the password, which asks for that.

use crate::database::values;
use crate::sign_in::SignInError;
use crate::users::needs_factor;
use crate::{Fault, Store, Timestamp};
use crate::{access_facts, second_factors};
use access::audit::{Act, Entry, Object};
use access::{ClientAddress, Password, PasswordRefusal, SecondFactor, SessionId, SessionSecret, UserName};
use model::UserId;
use std::time::Duration;

/// For how long a proof counts as fresh.
pub const FRESH_FOR: Duration = Duration::from_secs(10 * 60);

/// A password could not be changed by its owner.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The present password is wrong, too many were tried, or the session is over.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// The new password is not good enough.
    #[error(transparent)]
    Password(#[from] PasswordRefusal),
    /// The database or the machine failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Store {
    /// When the owner of a session last proved who they are; `None` for a session that is over.
    pub async fn proved_at(&self, session: &SessionId) -> Result<Option<Timestamp>, Fault> {
        const FIND: &str = "SELECT proved_at FROM sessions WHERE id = $1 AND ends_at > $2 \
             AND last_used_at + idle_ms > $2";
        let row = self.database().row(FIND, values![&session.0, self.now()]).await?;
        row.map(|row| row.time("proved_at")).transpose()
    }

    /// Whether the owner of a session proved who they are within [`FRESH_FOR`].
    pub async fn is_fresh(&self, session: &SessionId) -> Result<bool, Fault> {
        let proved_at = self.proved_at(session).await?;
        Ok(proved_at.is_some_and(|proved_at| self.now().since(proved_at) < FRESH_FOR))
    }

    /// Proves again by password, for an account without a second factor. The session goes on under the returned secret;
    /// the old one is invalid at once.
    pub async fn step_up_by_password(
        &self,
        session: &SessionSecret,
        (user, name): (UserId, &UserName),
        password: &Password,
        address: ClientAddress,
    ) -> Result<SessionSecret, SignInError> {
        let proved = self.authenticate(name.as_str(), password, address).await?;
        let mut transaction = self.database().begin().await?;
        access_facts::lock(&mut transaction).await?;
        // SECURITY: a password alone is not fresher than the factor it stands beside.
        if second_factors::of_user(&mut transaction, user).await? == SecondFactor::Enrolled {
            return Err(SignInError::Refused);
        }
        let secret = self.renew_session(&mut transaction, session, proved.id).await?;
        let secret = secret.ok_or(SignInError::Refused)?;
        let entry = Entry::new(Act::StepUp, Object::user(user, name));
        self.record_in(&mut transaction, entry.detail("by", "password")).await?;
        transaction.commit().await?;
        Ok(secret)
    }

    /// Changes the password of a session's owner, who knows the present one. Every other session of the account ends, this
    /// one goes on under the returned secret. Raises the epoch.
    pub async fn change_password(
        &self,
        session: &SessionSecret,
        name: &UserName,
        (present, new): (&Password, &Password),
        address: ClientAddress,
    ) -> Result<SessionSecret, ChangePasswordError> {
        const SET: &str = "UPDATE users SET password_hash = $2, password_needs_factor = $3 WHERE id = $1";
        const END_OTHERS: &str = "DELETE FROM sessions WHERE user_id = $1 AND digest <> $2";
        let user = self.authenticate(name.as_str(), present, address).await?;
        access::check_password(new, name, self.second_factor(user.id).await?)?;
        let hash = self.hash_password(new).await?;
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        access::check_password(new, name, second_factors::of_user(&mut transaction, user.id).await?)?;
        let columns = values![user.id, hash.as_stored(), needs_factor(new, name)];
        transaction.execute(SET, columns).await?;
        let secret = self.renew_session(&mut transaction, session, user.id).await?;
        let secret = secret.ok_or(SignInError::Refused)?;
        transaction.execute(END_OTHERS, values![user.id, secret.digest()]).await?;
        self.record_in(&mut transaction, Entry::new(Act::SetPassword, Object::user(user.id, name))).await?;
        transaction.commit().await?;
        Ok(secret)
    }
}
