//! When nobody shows any more what a revocation took away: each serving process tells up to which epoch everything it had
//! begun under older rights has ended, and whoever revoked waits for all of them.

use crate::database::values;
use crate::{Fault, Store};
use model::Epoch;
use std::time::Duration;

/// How long a process counts as serving after it was last seen. One that was stopped without a word holds a revocation up
/// for so long at most; one that is alive is seen five times in it.
const SEEN_FOR: Duration = Duration::from_secs(10);
/// How often is looked whether all have told.
const PAUSE: Duration = Duration::from_millis(5);

/// A process that serves, by a random name of this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServingProcess(String);

impl ServingProcess {
    /// This one.
    pub fn new() -> Self {
        ServingProcess(uuid::Uuid::new_v4().simple().to_string())
    }
}

impl Default for ServingProcess {
    fn default() -> Self {
        ServingProcess::new()
    }
}

impl Store {
    /// Tells that a process serves, and that all it has under way was begun, or looked at again, under this epoch.
    pub async fn tell_settled(&self, process: &ServingProcess, epoch: Epoch) -> Result<(), Fault> {
        const TELL: &str = "INSERT INTO serving_processes (id, epoch, seen_at) VALUES ($1, $2, $3) \
             ON CONFLICT (id) DO UPDATE SET epoch = $2, seen_at = $3";
        let epoch = i64::try_from(epoch.0).unwrap_or(i64::MAX);
        self.database().execute(TELL, values![&process.0, epoch, self.now()]).await.map(drop)
    }

    /// Tells that a process serves no more. Forgets those, too, that were not seen for a long time.
    pub async fn tell_gone(&self, process: &ServingProcess) -> Result<(), Fault> {
        const GONE: &str = "DELETE FROM serving_processes WHERE id = $1 OR seen_at < $2";
        let long_ago = self.now().minus(60 * SEEN_FOR);
        self.database().execute(GONE, values![&process.0, long_ago]).await.map(drop)
    }

    /// Waits until no process shows anything any more that was begun under rights older than `epoch`, `timeout` at most.
    /// Tells whether that is so. To be called with the epoch that a revocation returned, before it is acknowledged.
    pub async fn settled(&self, epoch: Epoch, timeout: Duration) -> Result<bool, Fault> {
        const BEHIND: &str = "SELECT COUNT(*) AS n FROM serving_processes WHERE epoch < $1 AND seen_at > $2";
        let until = tokio::time::Instant::now() + timeout;
        let epoch = i64::try_from(epoch.0).unwrap_or(i64::MAX);
        loop {
            let seen_since = self.now().minus(SEEN_FOR);
            let row = self.database().row(BEHIND, values![epoch, seen_since]).await?;
            if row.ok_or(Fault::ImpossibleValue { column: "n" })?.int("n")? == 0 {
                return Ok(true);
            }
            if tokio::time::Instant::now() >= until {
                return Ok(false);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
