//! How leases end: done, failed, given back, or run out.

use crate::database::{Row, Transaction, values};
use crate::jobs::{ClaimedJob, LeaseError, Outcome, WorkerId};
use crate::maintenance::storable_message;
use crate::{Fault, Store, Timestamp};
use access::Randomness;
use std::time::Duration;

/// The wait after the first failure; each further one doubles it.
const BACKOFF_FIRST: Duration = Duration::from_secs(5);
/// The longest wait.
const BACKOFF_MAX: Duration = Duration::from_secs(60 * 60);

/// How a job that was not completed goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Retry { at: Timestamp },
    GiveUp,
}

/// Which leases are to be given back.
#[derive(Clone, Copy)]
pub(crate) enum Held<'a> {
    /// Those that have run out.
    TooLong,
    /// Those of any worker but this one.
    ByOthers(&'a WorkerId),
}

/// What a job that left the queue was.
pub(crate) struct Done {
    pub(crate) dedupe_key: Option<String>,
}

/// How long to wait after one more failure: doubling, up to an hour, and a quarter more or less, so that what failed
/// together does not come back together.
pub(crate) fn backoff(n_failures_before: u32, randomness: &dyn Randomness) -> Result<Duration, Fault> {
    let mut bytes = [0u8; 2];
    randomness.fill(&mut bytes)?;
    let middle = BACKOFF_FIRST.saturating_mul(1 << n_failures_before.min(20)).min(BACKOFF_MAX);
    // From 3/4 to 5/4 in 65,536 steps.
    let factor = 0.75 + 0.5 * f64::from(u16::from_le_bytes(bytes)) / 65_536.0;
    Ok(middle.mul_f64(factor))
}

/// Takes a job out of the queue, if the worker still has it.
pub(crate) async fn take_back(transaction: &mut Transaction, job: &ClaimedJob) -> Result<Done, LeaseError> {
    const TAKE_BACK: &str = "DELETE FROM jobs WHERE id = $1 AND state = 'running' AND worker = $2 AND n_claims = $3 \
         RETURNING dedupe_key";
    let row = transaction.row(TAKE_BACK, values![job.id.0, &job.worker.0, job.n_claims]).await?;
    Ok(Done { dedupe_key: row.ok_or(LeaseError::Lost)?.maybe_text("dedupe_key")? })
}

/// Ends a lease without success. Where another job of the same key waits already, that one goes on for both.
pub(crate) async fn end(
    store: &Store,
    job: &ClaimedJob,
    end: End,
    n_failures: i64,
    message: Option<&str>,
) -> Result<Outcome, LeaseError> {
    const TWIN: &str = "SELECT twin.id AS id, twin.run_after AS run_after FROM jobs AS twin \
         JOIN jobs AS own ON own.dedupe_key = twin.dedupe_key WHERE own.id = $1 AND twin.state = 'queued'";
    let message = message.map(storable_message);
    let mut transaction = store.database().begin().await?;
    let outcome = match end {
        End::GiveUp => {
            set_state(&mut transaction, store.now(), job, "failed", store.now(), n_failures, message).await?;
            Outcome::GaveUp
        }
        End::Retry { at } => match transaction.row(TWIN, values![job.id.0]).await? {
            Some(twin) => {
                take_back(&mut transaction, job).await?;
                hand_over(&mut transaction, &twin, n_failures, message).await?;
                Outcome::Retry { at: twin.time("run_after")? }
            }
            None => {
                set_state(&mut transaction, store.now(), job, "queued", at, n_failures, message).await?;
                Outcome::Retry { at }
            }
        },
    };
    transaction.commit().await?;
    Ok(outcome)
}

async fn hand_over(
    transaction: &mut Transaction,
    twin: &Row,
    n_failures: i64,
    message: Option<String>,
) -> Result<(), Fault> {
    const HAND_OVER: &str = "UPDATE jobs SET n_failures = $2, error = $3 WHERE id = $1";
    transaction.execute(HAND_OVER, values![twin.int("id")?, n_failures, message]).await.map(drop)
}

async fn set_state(
    transaction: &mut Transaction,
    now: Timestamp,
    job: &ClaimedJob,
    state: &str,
    run_after: Timestamp,
    n_failures: i64,
    message: Option<String>,
) -> Result<(), LeaseError> {
    const SET: &str = "UPDATE jobs SET state = $4, run_after = $5, n_failures = $6, error = $7, changed_at = $8, \
         worker = NULL, lease_until = NULL, n_interruptions = 0 \
         WHERE id = $1 AND state = 'running' AND worker = $2 AND n_claims = $3";
    let values = values![job.id.0, &job.worker.0, job.n_claims, state, run_after, n_failures, message, now];
    match transaction.execute(SET, values).await? {
        0 => Err(LeaseError::Lost),
        _ => Ok(()),
    }
}

/// Gives back, in a transaction of its own, whatever other workers hold.
pub(crate) async fn give_back_others(store: &Store, worker: &WorkerId) -> Result<u64, Fault> {
    let mut transaction = store.database().begin().await?;
    let n_given_back = give_back(&mut transaction, store.now(), Held::ByOthers(worker)).await?;
    transaction.commit().await?;
    Ok(n_given_back)
}

/// Puts jobs back into the queue whose worker is gone. Being interrupted is no failure, because a machine may be switched
/// off as often as its owner likes; but a job that takes its process down with it must not do so all the time: from the
/// fifth interruption in a row it waits 1, 2, 4 … up to 60 seconds. Returns how many there were.
pub(crate) async fn give_back(
    transaction: &mut Transaction,
    now: Timestamp,
    held: Held<'_>,
) -> Result<u64, Fault> {
    // A job of the same key waits already: that one goes on for both.
    const DROP_TWINS: &str = "DELETE FROM jobs WHERE state = 'running' AND (lease_until <= $1 OR worker <> $2) \
         AND dedupe_key IN (SELECT twin.dedupe_key FROM jobs AS twin WHERE twin.state = 'queued')";
    const GIVE_BACK: &str = "UPDATE jobs SET state = 'queued', worker = NULL, lease_until = NULL, changed_at = $1, \
         n_interruptions = n_interruptions + 1, \
         run_after = CASE WHEN n_interruptions < 4 THEN run_after WHEN n_interruptions = 4 THEN $1 + 1000 \
             WHEN n_interruptions = 5 THEN $1 + 2000 WHEN n_interruptions = 6 THEN $1 + 4000 \
             WHEN n_interruptions = 7 THEN $1 + 8000 WHEN n_interruptions = 8 THEN $1 + 16000 \
             WHEN n_interruptions = 9 THEN $1 + 32000 ELSE $1 + 60000 END \
         WHERE state = 'running' AND (lease_until <= $1 OR worker <> $2)";
    // NULL: no worker's name differs from it, in SQL.
    let others_than = match held {
        Held::TooLong => None,
        Held::ByOthers(worker) => Some(worker.0.as_str()),
    };
    let n_dropped = transaction.execute(DROP_TWINS, values![now, others_than]).await?;
    let n_queued = transaction.execute(GIVE_BACK, values![now, others_than]).await?;
    Ok(n_dropped + n_queued)
}

#[cfg(test)]
mod tests {
    use super::*;
    use access::RandomnessError;

    struct Constant(u8);

    impl Randomness for Constant {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
            bytes.fill(self.0);
            Ok(())
        }
    }

    #[test]
    fn backoff_doubles_within_a_quarter() {
        let seconds = |n_failures, byte| backoff(n_failures, &Constant(byte)).unwrap().as_secs_f64();
        assert_eq!(seconds(0, 0), 3.75);
        assert!((6.24..6.25).contains(&seconds(0, 0xff)));
        assert_eq!(seconds(3, 0x00), 30.0);
        assert_eq!(seconds(u32::MAX, 0x00), 2700.0);
        assert!(seconds(u32::MAX, 0xff) < 4500.0);
    }
}
