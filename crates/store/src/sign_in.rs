//! Signing in with a password, slowly for whoever guesses.

use crate::database::{Transaction, values};
use crate::{Fault, Store, Timestamp, User};
use access::{ClientAddress, Digest, Password, PasswordHash, Verdict};
use std::time::Duration;

/// How often one may fail before waiting begins, and how long it grows.
#[derive(Clone, Copy)]
struct Patience {
    n_free: i64,
    wait_max: Duration,
}

/// For one account from one address. Somebody else's failures, from elsewhere, do not lock the account's owner out.
const OF_ACCOUNT_AND_ADDRESS: Patience = Patience { n_free: 5, wait_max: Duration::from_secs(15 * 60) };
/// For one address over all accounts: more, because an office may share one.
const OF_ADDRESS: Patience = Patience { n_free: 30, wait_max: Duration::from_secs(5 * 60) };
/// The first wait; each failure doubles it.
const WAIT_FIRST: Duration = Duration::from_secs(1);
/// Failures are forgotten when so long nothing came after them; longer than any wait.
const MEMORY: Duration = Duration::from_secs(60 * 60);

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

impl Patience {
    /// How long to wait after this many failures.
    fn wait_after(self, n_failures: i64) -> Duration {
        let n_over = n_failures.saturating_sub(self.n_free);
        if n_over < 0 {
            return Duration::ZERO;
        }
        // 2²⁰ seconds are beyond every maximum.
        (WAIT_FIRST * (1 << n_over.min(20))).min(self.wait_max)
    }
}

impl Store {
    /// Recognises an account by its password.
    pub async fn authenticate(
        &self,
        name: &str,
        password: &Password,
        address: ClientAddress,
    ) -> Result<User, SignInError> {
        let Ok(_place) = self.inner.sign_ins.try_acquire() else {
            return Err(SignInError::Wait { retry_after: WAIT_FIRST });
        };
        self.count_attempt(name, address).await?;
        let found = self.user_with_hash(name).await?;
        let (user, hash) = found.map_or((None, None), |(user, hash)| (Some(user), hash));
        let (inner, guess, stored) = (self.inner.clone(), password.clone(), hash.clone());
        let verdict = self.off_thread(move || inner.passwords.verify(&guess, stored.as_ref())).await?;
        let verdict = verdict.map_err(Fault::from)?;
        match (user, verdict) {
            (Some(user), Verdict::Right { outdated }) if user.disabled_at.is_none() => {
                self.forget_attempt(name, address).await?;
                if let (true, Some(old)) = (outdated, hash) {
                    self.rehash(&user, password, &old).await?;
                }
                Ok(user)
            }
            _ => Err(SignInError::Refused),
        }
    }
}

impl Store {
    /// Counts the attempt as a failure before the password is looked at, so that a thousand guesses sent at once are a
    /// thousand failures; a success takes it back. An attempt while waiting counts for nothing and prolongs nothing.
    async fn count_attempt(&self, name: &str, address: ClientAddress) -> Result<(), SignInError> {
        const BLOCKED: &str = "SELECT MAX(blocked_until) AS blocked_until FROM sign_in_failures \
             WHERE subject IN ($1, $2) AND blocked_until > $3";
        let now = self.now();
        let (account, whole) = (account_subject(name, address), address_subject(address));
        // Asked first without a lock: whoever hammers must not keep others from writing.
        let row = self.database().row(BLOCKED, values![account, whole, now]).await?;
        let blocked_until = row.map_or(Ok(None), |row| row.maybe_time("blocked_until"))?;
        if let Some(blocked_until) = blocked_until {
            return Err(SignInError::Wait { retry_after: blocked_until.since(now) });
        }
        self.forget_old_failures(now).await;
        let mut transaction = self.database().begin().await?;
        count(&mut transaction, now, account, OF_ACCOUNT_AND_ADDRESS).await?;
        count(&mut transaction, now, whole, OF_ADDRESS).await?;
        Ok(transaction.commit().await?)
    }

    async fn forget_old_failures(&self, now: Timestamp) {
        let sql = "DELETE FROM sign_in_failures WHERE last_at < $1";
        if let Err(fault) = self.database().execute(sql, values![now.minus(MEMORY)]).await {
            tracing::warn!(error = %fault, "old failed sign-ins were not forgotten");
        }
    }

    async fn forget_attempt(&self, name: &str, address: ClientAddress) -> Result<(), Fault> {
        const ONE_LESS: &str = "UPDATE sign_in_failures SET n_failures = n_failures - 1, blocked_until = 0 \
             WHERE subject = $1 AND n_failures > 0";
        let mut transaction = self.database().begin().await?;
        let account = account_subject(name, address);
        transaction.execute("DELETE FROM sign_in_failures WHERE subject = $1", values![account]).await?;
        transaction.execute(ONE_LESS, values![address_subject(address)]).await?;
        transaction.commit().await
    }

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

/// Counts one failure of a subject, or refuses while it has to wait. The first statement is both the question and the lock.
async fn count(
    transaction: &mut Transaction,
    now: Timestamp,
    subject: Digest,
    patience: Patience,
) -> Result<(), SignInError> {
    const COUNT: &str = "INSERT INTO sign_in_failures (subject, n_failures, last_at, blocked_until) \
         VALUES ($1, 1, $2, 0) ON CONFLICT (subject) DO UPDATE \
         SET n_failures = sign_in_failures.n_failures + 1, last_at = excluded.last_at \
         WHERE sign_in_failures.blocked_until <= excluded.last_at RETURNING n_failures";
    const BLOCK: &str = "UPDATE sign_in_failures SET blocked_until = $2 WHERE subject = $1";
    const BLOCKED: &str = "SELECT blocked_until FROM sign_in_failures WHERE subject = $1";
    if let Some(row) = transaction.row(COUNT, values![subject, now]).await? {
        let blocked_until = now.plus(patience.wait_after(row.int("n_failures")?));
        transaction.execute(BLOCK, values![subject, blocked_until]).await?;
        return Ok(());
    }
    let row = transaction.row(BLOCKED, values![subject]).await?;
    let blocked_until = row.map_or(Ok(now), |row| row.time("blocked_until"))?;
    Err(SignInError::Wait { retry_after: blocked_until.since(now) })
}

/// Names are folded as they are at look-up, so that another spelling is not another five guesses.
fn account_subject(name: &str, address: ClientAddress) -> Digest {
    Digest::of(&format!("account {address} {}", name.to_ascii_lowercase()))
}

fn address_subject(address: ClientAddress) -> Digest {
    Digest::of(&format!("address {address}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let waits: Vec<u64> = [1, 4, 5, 6, 7, 14, 15, 100, i64::MAX]
            .map(|n| OF_ACCOUNT_AND_ADDRESS.wait_after(n).as_secs())
            .into();
        assert_eq!(waits, [0, 0, 1, 2, 4, 512, 900, 900, 900]);
    }
}
