//! Counting attempts to prove who one is, so that whoever guesses waits longer and longer.
//!
//! Every attempt is counted as a failure before it is looked at, so that a thousand guesses sent at once are a thousand
//! failures; a success takes its own back. What is counted are *subjects*: an account from one address, an address over all
//! accounts, an account over all addresses. The last would let a stranger lock an account's owner out, so it does not count
//! where the owner has signed in from before.

use crate::database::{Transaction, values};
use crate::{Fault, SignInError, Store, Timestamp};
use access::{ClientAddress, Digest};
use model::UserId;
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
/// For one account's password over all addresses it never signed in from: NIST SP 800-63B allows 100 failures. The wait is
/// short, because a stranger can cause it; at one guess a minute nothing is guessed.
const OF_ACCOUNT: Patience = Patience { n_free: 100, wait_max: Duration::from_secs(60) };
/// The same for the second factor: six digits are few, and whoever fails here knows the password.
const OF_SECOND_FACTOR: Patience = Patience { n_free: 10, wait_max: Duration::from_secs(30 * 60) };
/// The first wait; each failure doubles it.
pub(crate) const WAIT_FIRST: Duration = Duration::from_secs(1);
/// Failures are forgotten when so long nothing came after them; longer than any wait.
const MEMORY: Duration = Duration::from_secs(60 * 60);
/// An address stays known for so long after its last sign-in.
const KNOWN: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// What is being guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guessing {
    /// A password.
    Password,
    /// A one-time code, a recovery code, a passkey's answer.
    SecondFactor,
}

/// Something that counts failures, and how patiently.
type Subject = (Digest, Patience);

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
    /// Counts an attempt before it is looked at. One while waiting counts for nothing and prolongs nothing.
    pub(crate) async fn count_attempt(
        &self,
        guessing: Guessing,
        name: &str,
        address: ClientAddress,
    ) -> Result<(), SignInError> {
        const BLOCKED: &str = "SELECT MAX(blocked_until) AS blocked_until FROM sign_in_failures \
             WHERE subject IN ($1, $2, $3) AND blocked_until > $4";
        let now = self.now();
        let subjects = self.subjects(guessing, name, address).await?;
        // Asked first without a lock: whoever hammers must not keep others from writing.
        let subject = |idx: usize| subjects.get(idx).unwrap_or(&subjects[0]).0;
        let row = self.database().row(BLOCKED, values![subject(0), subject(1), subject(2), now]).await?;
        let blocked_until = row.map_or(Ok(None), |row| row.maybe_time("blocked_until"))?;
        if let Some(blocked_until) = blocked_until {
            return Err(SignInError::Wait { retry_after: blocked_until.since(now) });
        }
        self.forget_old_failures(now).await;
        let mut transaction = self.database().begin().await?;
        for (subject, patience) in subjects {
            count(&mut transaction, now, subject, patience).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Takes the attempt back that turned out to be right.
    pub(crate) async fn forget_attempt(
        &self,
        guessing: Guessing,
        name: &str,
        address: ClientAddress,
    ) -> Result<(), Fault> {
        const ONE_LESS: &str = "UPDATE sign_in_failures SET n_failures = n_failures - 1, blocked_until = 0 \
             WHERE subject = $1 AND n_failures > 0";
        const NONE: &str = "DELETE FROM sign_in_failures WHERE subject = $1";
        // In the order in which they are counted: these are locks.
        let mut transaction = self.database().begin().await?;
        transaction.execute(ONE_LESS, values![whole_address(address)]).await?;
        transaction.execute(NONE, values![account_here(guessing, name, address)]).await?;
        transaction.execute(ONE_LESS, values![account_everywhere(guessing, name)]).await?;
        transaction.commit().await
    }

    async fn subjects(
        &self,
        guessing: Guessing,
        name: &str,
        address: ClientAddress,
    ) -> Result<Vec<Subject>, Fault> {
        const IS_KNOWN: &str = "SELECT 1 AS one FROM known_addresses WHERE subject = $1 AND last_at >= $2";
        let mut subjects = vec![(whole_address(address), OF_ADDRESS)];
        let everywhere = match guessing {
            Guessing::Password => OF_ACCOUNT,
            Guessing::SecondFactor => OF_SECOND_FACTOR,
        };
        subjects.push((account_here(guessing, name, address), OF_ACCOUNT_AND_ADDRESS));
        // SECURITY: asked for names that belong to nobody, too.
        let values = values![known(name, address), self.now().minus(KNOWN)];
        if self.database().row(IS_KNOWN, values).await?.is_none() {
            subjects.push((account_everywhere(guessing, name), everywhere));
        }
        Ok(subjects)
    }

    async fn forget_old_failures(&self, now: Timestamp) {
        let sql = "DELETE FROM sign_in_failures WHERE last_at < $1";
        if let Err(fault) = self.database().execute(sql, values![now.minus(MEMORY)]).await {
            tracing::warn!(error = %fault, "old failed sign-ins were not forgotten");
        }
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

/// Remembers that an account signed in, wholly, from an address.
pub(crate) async fn remember_address(
    transaction: &mut Transaction,
    now: Timestamp,
    user: UserId,
    address: ClientAddress,
) -> Result<(), Fault> {
    const REMEMBER: &str = "INSERT INTO known_addresses (subject, last_at) VALUES ($1, $2) \
         ON CONFLICT (subject) DO UPDATE SET last_at = excluded.last_at";
    let row = transaction.row("SELECT name FROM users WHERE id = $1", values![user]).await?;
    let Some(row) = row else { return Ok(()) };
    let old = now.minus(KNOWN);
    transaction.execute("DELETE FROM known_addresses WHERE last_at < $1", values![old]).await?;
    let subject = known(&row.text("name")?, address);
    transaction.execute(REMEMBER, values![subject, now]).await.map(drop)
}

/// Names are folded as they are at look-up, so that another spelling is not another five guesses.
fn account_here(guessing: Guessing, name: &str, address: ClientAddress) -> Digest {
    let what = word(guessing);
    Digest::of(&format!("{what} {address} {}", name.to_ascii_lowercase()))
}

fn account_everywhere(guessing: Guessing, name: &str) -> Digest {
    let what = word(guessing);
    Digest::of(&format!("{what} everywhere {}", name.to_ascii_lowercase()))
}

fn whole_address(address: ClientAddress) -> Digest {
    Digest::of(&format!("address {address}"))
}

fn known(name: &str, address: ClientAddress) -> Digest {
    Digest::of(&format!("known {address} {}", name.to_ascii_lowercase()))
}

fn word(guessing: Guessing) -> &'static str {
    match guessing {
        Guessing::Password => "account",
        Guessing::SecondFactor => "second factor",
    }
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
