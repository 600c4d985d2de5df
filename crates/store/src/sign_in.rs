//! Signing in with a password, slowly for whoever guesses.

use crate::attempts::{Guessing, WAIT_FIRST};
use crate::database::values;
use crate::{Fault, Store, User};
use access::audit::{Act, Entry, Object};
use access::{ClientAddress, Password, PasswordHash, Verdict};
use std::time::Duration;

/// A sign-in was not granted.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Name or password is wrong, or the account is shut; which, is not said.
    #[error("the name or the password is not right")]
    Refused,
    /// Too many failures from this address, or too many sign-ins at this moment: nothing was looked at. The same for accounts that do not exist.
    #[error("too many failed attempts: wait {} seconds", .retry_after.as_secs().max(1))]
    Wait {
        /// For how long.
        retry_after: Duration,
    },
    /// The database or the machine failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Store {
    /// Recognises an account by its password, where it may be signed in to with one.
    pub async fn authenticate(
        &self,
        name: &str,
        password: &Password,
        address: ClientAddress,
    ) -> Result<User, SignInError> {
        let Ok(_place) = self.inner.sign_ins.try_acquire() else {
            return Err(SignInError::Wait { retry_after: WAIT_FIRST });
        };
        self.count_attempt(Guessing::Password, name, address).await?;
        let found = self.user_with_hash(name).await?;
        let (user, hash) = found.map_or((None, None), |(user, hash)| (Some(user), hash));
        let is_shut = self.is_password_shut(user.as_ref().map(|user| user.id)).await?;
        let (inner, guess, stored) = (self.inner.clone(), password.clone(), hash.clone());
        let verdict = self.off_thread(move || inner.passwords.verify(&guess, stored.as_ref())).await?;
        let verdict = verdict.map_err(Fault::from)?;
        match (user, verdict) {
            (Some(user), Verdict::Right { outdated }) if user.disabled_at.is_none() && !is_shut => {
                self.forget_attempt(Guessing::Password, name, address).await?;
                if let (true, Some(old)) = (outdated, hash) {
                    self.rehash(&user, password, &old).await?;
                }
                Ok(user)
            }
            _ => {
                // SECURITY: the same entry, and the same time, whether the account exists or not.
                let entry = Entry::new(Act::SignIn, Object::named("user", name));
                self.record(entry.refused("the name or the password is not right")).await?;
                Err(SignInError::Refused)
            }
        }
    }
}

impl Store {
    async fn user_with_hash(&self, name: &str) -> Result<Option<(User, Option<PasswordHash>)>, Fault> {
        const FIND: &str =
            "SELECT id, name, role, disabled_at, created_at, password_hash FROM users WHERE name = $1";
        // SECURITY: the same look-up for names that cannot exist; NUL is what a database may refuse.
        let name = name.to_ascii_lowercase().replace('\0', "\u{fffd}");
        let Some(row) = self.database().row(FIND, values![name]).await? else { return Ok(None) };
        let hash = row.maybe_text("password_hash")?.map(PasswordHash::from_stored);
        Ok(Some((User::from_row(&row)?, hash)))
    }

    /// Stores the password at today's cost, unless it was changed meanwhile.
    async fn rehash(&self, user: &User, password: &Password, old: &PasswordHash) -> Result<(), Fault> {
        let hash = self.hash_password(password).await?;
        let sql = "UPDATE users SET password_hash = $2 WHERE id = $1 AND password_hash = $3";
        self.database().execute(sql, values![user.id, hash.as_stored(), old.as_stored()]).await.map(drop)
    }
}
