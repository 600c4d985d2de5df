//! Pings, as a hub keeps them: sums by field. The pings themselves are not kept, nor where they came from.

use crate::database::{Row, int, values};
use crate::{Fault, Store};
use std::collections::BTreeMap;

/// Most names of one week and schema: more than any register has.
const N_FIELDS_MAX: i64 = 1024;

/// What the pings of a week say of one field together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingSum {
    /// Of which version of the register.
    pub schema: u64,
    /// The week.
    pub week: String,
    /// The field.
    pub field: String,
    /// How many pings hold it.
    pub n: u64,
    /// Their sum.
    pub total: i64,
    /// By power of two: how many. Powers that too few hold are left out.
    pub buckets: BTreeMap<i64, u64>,
}

/// A ping is not counted.
#[derive(Debug, thiserror::Error)]
pub enum CountPingError {
    /// The week has no room for more names.
    #[error("there is no room for more names in that week")]
    Full,
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Store {
    /// Counts a ping: for each field its value and that value's place in the histogram. What is shown of a field moves on
    /// once `k` pings more than before hold it.
    pub async fn count_ping(
        &self,
        schema: u32,
        week: &str,
        fields: &[(String, i64, i64)],
        k: u64,
    ) -> Result<(), CountPingError> {
        const ADD: &str = "INSERT INTO hub_ping_field (schema, week, field, n, total, shown_n, shown_total) \
             VALUES ($1, $2, $3, 1, $4, 0, 0) ON CONFLICT (schema, week, field) DO UPDATE SET \
             n = hub_ping_field.n + 1, total = hub_ping_field.total + excluded.total";
        const ADD_BUCKET: &str = "INSERT INTO hub_ping_bucket (schema, week, field, bucket, n, shown_n) \
             VALUES ($1, $2, $3, $4, 1, 0) ON CONFLICT (schema, week, field, bucket) DO UPDATE SET \
             n = hub_ping_bucket.n + 1";
        const COUNT: &str = "SELECT COUNT(*) AS n FROM hub_ping_field WHERE schema = $1 AND week = $2";
        const SHOW_BUCKETS: &str = "UPDATE hub_ping_bucket SET shown_n = n WHERE schema = $1 AND week = $2 \
             AND field IN (SELECT field FROM hub_ping_field WHERE schema = $1 AND week = $2 AND n - shown_n >= $3)";
        const SHOW: &str = "UPDATE hub_ping_field SET shown_n = n, shown_total = total \
             WHERE schema = $1 AND week = $2 AND n - shown_n >= $3";
        // One after another, so that none waits for another in the middle.
        const LOCK: &str = "UPDATE hub_desk SET mark = mark WHERE id = 1";
        let schema = i64::from(schema);
        let mut transaction = self.database().begin().await?;
        transaction.execute(LOCK, values![]).await?;
        for (field, value, bucket) in fields {
            let key = values![schema, week.to_owned(), field.clone()];
            transaction.execute(ADD, [key.clone(), values![*value]].concat()).await?;
            transaction.execute(ADD_BUCKET, [key, values![*bucket]].concat()).await?;
        }
        let counted = transaction.row(COUNT, values![schema, week.to_owned()]).await?;
        if counted.map(|row| row.int("n")).transpose()?.unwrap_or(0) > N_FIELDS_MAX {
            return Err(CountPingError::Full);
        }
        for show in [SHOW_BUCKETS, SHOW] {
            transaction.execute(show, values![schema, week.to_owned(), int(k)]).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// What pings say together, the newest week first: fields that at least `k` pings hold, and of each the places of the
    /// histogram that at least `k` hold. At most 20,000 fields.
    pub async fn ping_sums(&self, k: u64) -> Result<Vec<PingSum>, Fault> {
        const READ: &str = "SELECT schema, week, field, shown_n, shown_total FROM hub_ping_field \
             WHERE shown_n >= $1 ORDER BY week DESC, schema DESC, field LIMIT 20000";
        const BUCKETS: &str =
            "SELECT schema, week, field, bucket, shown_n FROM hub_ping_bucket WHERE shown_n >= $1";
        let mut snapshot = self.database().snapshot().await?;
        let mut buckets: BTreeMap<(u64, String, String), BTreeMap<i64, u64>> = BTreeMap::new();
        for row in snapshot.rows(BUCKETS, values![int(k)]).await? {
            let place = buckets.entry(place_of(&row)?).or_default();
            place.insert(row.int("bucket")?, row.unsigned("shown_n")?);
        }
        let rows = snapshot.rows(READ, values![int(k)]).await?;
        let sum = |row: &Row| {
            let place = place_of(row)?;
            let buckets = buckets.remove(&place).unwrap_or_default();
            let (schema, week, field) = place;
            Ok(PingSum {
                schema,
                week,
                field,
                n: row.unsigned("shown_n")?,
                total: row.int("shown_total")?,
                buckets,
            })
        };
        rows.iter().map(sum).collect()
    }
}

fn place_of(row: &Row) -> Result<(u64, String, String), Fault> {
    Ok((row.unsigned("schema")?, row.text("week")?, row.text("field")?))
}
