//! Taking the next job.

use crate::database::{Row, Transaction, values};
use crate::jobs::{ClaimRequest, ClaimedJob, JobId};
use crate::jobs_lease::{self, Held};
use crate::{Fault, Store, Timestamp};

/// What came of one try.
pub(crate) enum Claim {
    Job(Box<ClaimedJob>),
    Nothing,
    /// Another worker took the host's last place meanwhile: look again.
    LostRace,
}

/// One try, one transaction. Two workers cannot get the same job: SQLite lets one in at a time, PostgreSQL's row lock is
/// passed over. Two jobs of one key or one repository cannot run together: unique indexes refuse the second.
pub(crate) async fn claim(store: &Store, request: &ClaimRequest) -> Result<Claim, Fault> {
    let now = store.now();
    if !anything_to_do(store, now).await? {
        return Ok(Claim::Nothing);
    }
    let mut transaction = store.database().begin().await?;
    jobs_lease::give_back(&mut transaction, now, Held::TooLong).await?;
    let Some(candidate) = choose(&mut transaction, now, request).await? else {
        transaction.commit().await?;
        return Ok(Claim::Nothing);
    };
    if let Some(host) = candidate.maybe_text("host")?
        && !has_place(&mut transaction, now, &host, request.n_per_host_max).await?
    {
        return Ok(Claim::LostRace);
    }
    let job = take(&mut transaction, now, request, candidate.int("id")?).await?;
    transaction.commit().await?;
    Ok(Claim::Job(Box::new(job)))
}

/// Asked first, and without a lock, because it is asked all the time.
async fn anything_to_do(store: &Store, now: Timestamp) -> Result<bool, Fault> {
    const ANY: &str = "SELECT 1 AS one FROM jobs WHERE (state = 'queued' AND run_after <= $1) \
         OR (state = 'running' AND lease_until <= $1) LIMIT 1";
    Ok(store.database().row(ANY, values![now]).await?.is_some())
}

async fn choose(
    transaction: &mut Transaction,
    now: Timestamp,
    request: &ClaimRequest,
) -> Result<Option<Row>, Fault> {
    const CHOOSE: &str = "SELECT id, host FROM jobs AS candidate WHERE state = 'queued' AND run_after <= $1 \
         AND kind IN {texts:$2} \
         AND NOT EXISTS (SELECT 1 FROM jobs AS other WHERE other.state = 'running' \
             AND other.repo_id = candidate.repo_id) \
         AND NOT EXISTS (SELECT 1 FROM jobs AS other WHERE other.state = 'running' \
             AND other.dedupe_key = candidate.dedupe_key) \
         AND (host IS NULL OR (SELECT COUNT(*) FROM jobs AS other WHERE other.state = 'running' \
             AND other.host = candidate.host) < $3) \
         ORDER BY priority DESC, run_after, id LIMIT 1 {skip_locked}";
    let kinds = serde_json::json!(request.kinds).to_string();
    transaction.row(CHOOSE, values![now, kinds, i64::from(request.n_per_host_max)]).await
}

/// Counts the host's running jobs again under its lock: whoever had the lock before has ended by now, and is counted.
async fn has_place(
    transaction: &mut Transaction,
    now: Timestamp,
    host: &str,
    n_per_host_max: u32,
) -> Result<bool, Fault> {
    const LOCK: &str = "INSERT INTO job_hosts (host, claimed_at) VALUES ($1, $2) \
         ON CONFLICT (host) DO UPDATE SET claimed_at = excluded.claimed_at";
    const COUNT: &str = "SELECT COUNT(*) AS n FROM jobs WHERE state = 'running' AND host = $1";
    transaction.execute(LOCK, values![host, now]).await?;
    let row = transaction.row(COUNT, values![host]).await?;
    let n_running = row.map_or(Ok(0), |row| row.int("n"))?;
    Ok(n_running < i64::from(n_per_host_max))
}

async fn take(
    transaction: &mut Transaction,
    now: Timestamp,
    request: &ClaimRequest,
    id: i64,
) -> Result<ClaimedJob, Fault> {
    const TAKE: &str = "UPDATE jobs SET state = 'running', worker = $2, lease_until = $3, changed_at = $4, \
         n_claims = n_claims + 1 WHERE id = $1 RETURNING kind, repo_id, payload, n_failures, n_claims";
    let lease_until = now.plus(request.lease);
    let row = transaction.row(TAKE, values![id, &request.worker.0, lease_until, now]).await?;
    let row = row.ok_or(Fault::ImpossibleValue { column: "id" })?;
    let impossible = |column| Fault::ImpossibleValue { column };
    Ok(ClaimedJob {
        id: JobId(id),
        kind: row.text("kind")?,
        repo: row.maybe_int("repo_id")?.map(|_| row.repo_id("repo_id")).transpose()?,
        payload: serde_json::from_str(&row.text("payload")?).map_err(|_| impossible("payload"))?,
        n_failures: u32::try_from(row.int("n_failures")?).map_err(|_| impossible("n_failures"))?,
        lease_until,
        worker: request.worker.clone(),
        n_claims: row.int("n_claims")?,
    })
}
