//! How the server is used: what was counted, written down by the hour, summed for its owner, and let go after a time.

use crate::database::{Row, Transaction, values};
use crate::{Fault, Store, Timestamp};
use access::audit::{Act, Entry, Object};
use model::UserId;
use std::collections::HashSet;
use telemetry::{Batch, Counter, Ending, Route, Week};

const HOUR_MS: i64 = 3_600_000;
/// Days after which the hours of a day become one row.
const DAYS_BY_HOUR: i64 = 14;
/// Days rolled up in one transaction.
const HOURS_A_DAY: i64 = 24;

/// Requests of one kind, within the span that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestsOf {
    /// The kind.
    pub route: Route,
    /// How many ended well.
    pub n_well: u64,
    /// How many were refused.
    pub n_refused: u64,
    /// How many the server failed.
    pub n_failed: u64,
    /// How many took how long, by the bucket of [`telemetry::histogram`], in order.
    pub buckets: Vec<(u16, u64)>,
}

/// Requests of all kinds within a part of the span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestsAt {
    /// When the part began.
    pub at: Timestamp,
    /// How many.
    pub n: u64,
    /// How many of them the server failed.
    pub n_failed: u64,
    /// How many took how long, by bucket, in order.
    pub buckets: Vec<(u16, u64)>,
}

/// A counter within a part of the span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountAt {
    /// When the part began.
    pub at: Timestamp,
    /// What was counted.
    pub counter: Counter,
    /// How many.
    pub n: u64,
}

impl Store {
    /// Adds what was counted to the hour it is now, and to the week of each person.
    pub async fn add_usage(&self, batch: &Batch) -> Result<(), Fault> {
        const REQUEST: &str = "INSERT INTO usage_requests (hour, route, ending, bucket, n) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (hour, route, ending, bucket) DO UPDATE SET n = usage_requests.n + excluded.n";
        const COUNTER: &str = "INSERT INTO usage_counters (hour, counter, n) VALUES ($1, $2, $3) \
             ON CONFLICT (hour, counter) DO UPDATE SET n = usage_counters.n + excluded.n";
        // Accounts may have been removed, and people may have left the counting, since.
        const PERSON: &str = "INSERT INTO usage_people (week, user_id, counter, n) SELECT $1, u.id, $3, $4 FROM users u \
             WHERE u.id = $2 AND NOT EXISTS (SELECT 1 FROM usage_opted_out o WHERE o.user_id = u.id) \
             ON CONFLICT (week, user_id, counter) DO UPDATE SET n = usage_people.n + excluded.n";
        let now = self.now();
        let (hour, week) = (now.0.div_euclid(HOUR_MS), Week::of_ms(now.0).begins_ms());
        let mut transaction = self.database().begin().await?;
        for count in &batch.requests {
            let number = i64::from(count.route.entry().number);
            let row =
                values![hour, number, count.ending.number(), i64::from(count.bucket), i64::from(count.n)];
            transaction.execute(REQUEST, row).await?;
        }
        for (counter, n) in &batch.counters {
            let row = values![hour, i64::from(counter.number()), i64::from(*n)];
            transaction.execute(COUNTER, row).await?;
        }
        for (person, deeds) in &batch.people {
            for counter in Counter::ALL {
                let n = deeds[counter as usize];
                if n > 0 {
                    let row = values![week, *person, i64::from(counter.number()), i64::from(n)];
                    transaction.execute(PERSON, row).await?;
                }
            }
        }
        transaction.commit().await
    }

    /// Requests since a moment, by kind.
    ///
    /// SECURITY: for whoever may see how the server is used; whoever calls has checked that.
    pub async fn usage_by_route(&self, since: Timestamp) -> Result<Vec<RequestsOf>, Fault> {
        const READ: &str = "SELECT route, ending, bucket, CAST(SUM(n) AS BIGINT) AS n FROM usage_requests WHERE hour >= $1 \
             GROUP BY route, ending, bucket ORDER BY route, bucket";
        let rows = self.database().rows(READ, values![since.0.div_euclid(HOUR_MS)]).await?;
        let mut found: Vec<RequestsOf> = Vec::new();
        for row in &rows {
            // What the register has no more is not shown.
            let Some(route) = Route::numbered(row.int("route")?) else { continue };
            let n = row.unsigned("n")?;
            if found.last().is_none_or(|last| last.route != route) {
                found.push(RequestsOf { route, n_well: 0, n_refused: 0, n_failed: 0, buckets: Vec::new() });
            }
            let Some(last) = found.last_mut() else { continue };
            match Ending::numbered(row.int("ending")?) {
                Some(Ending::Failed) => last.n_failed += n,
                Some(Ending::Refused) => last.n_refused += n,
                _ => last.n_well += n,
            }
            add_bucket(&mut last.buckets, row, n)?;
        }
        Ok(found)
    }

    /// Requests of one kind, or of all, since a moment, in parts of so many hours. Parts in which nothing happened are left out.
    ///
    /// SECURITY: for whoever may see how the server is used; whoever calls has checked that.
    pub async fn usage_over_time(
        &self,
        since: Timestamp,
        hours_a_part: u32,
        route: Option<Route>,
    ) -> Result<Vec<RequestsAt>, Fault> {
        const READ: &str = "SELECT hour - hour % $2 AS part, ending, bucket, CAST(SUM(n) AS BIGINT) AS n FROM usage_requests \
             WHERE hour >= $1 AND ($3 < 0 OR route = $3) GROUP BY hour - hour % $2, ending, bucket ORDER BY part, bucket";
        let number = route.map_or(-1, |route| i64::from(route.entry().number));
        let values = values![since.0.div_euclid(HOUR_MS), i64::from(hours_a_part.max(1)), number];
        let rows = self.database().rows(READ, values).await?;
        let mut found: Vec<RequestsAt> = Vec::new();
        for row in &rows {
            let (at, n) = (Timestamp(row.int("part")?.saturating_mul(HOUR_MS)), row.unsigned("n")?);
            if found.last().is_none_or(|last| last.at != at) {
                found.push(RequestsAt { at, n: 0, n_failed: 0, buckets: Vec::new() });
            }
            let Some(last) = found.last_mut() else { continue };
            last.n += n;
            if Ending::numbered(row.int("ending")?) == Some(Ending::Failed) {
                last.n_failed += n;
            }
            add_bucket(&mut last.buckets, row, n)?;
        }
        Ok(found)
    }

    /// Counters since a moment, in parts of so many hours.
    ///
    /// SECURITY: for whoever may see how the server is used; whoever calls has checked that.
    pub async fn usage_counters(&self, since: Timestamp, hours_a_part: u32) -> Result<Vec<CountAt>, Fault> {
        const READ: &str = "SELECT hour - hour % $2 AS part, counter, CAST(SUM(n) AS BIGINT) AS n FROM usage_counters \
             WHERE hour >= $1 GROUP BY hour - hour % $2, counter ORDER BY part, counter";
        let values = values![since.0.div_euclid(HOUR_MS), i64::from(hours_a_part.max(1))];
        let rows = self.database().rows(READ, values).await?;
        let mut found = Vec::new();
        for row in &rows {
            let number = row.int("counter")?;
            let known = Counter::ALL.into_iter().find(|counter| i64::from(counter.number()) == number);
            let Some(counter) = known else { continue };
            let at = Timestamp(row.int("part")?.saturating_mul(HOUR_MS));
            found.push(CountAt { at, counter, n: row.unsigned("n")? });
        }
        Ok(found)
    }

    /// Lets go of what is older than so many days, and makes one row of the hours of days that are over for two weeks. Returns
    /// how many rows there are fewer.
    pub async fn shorten_usage(&self, keep_days: u32) -> Result<u64, Fault> {
        const OLD_REQUESTS: &str = "DELETE FROM usage_requests WHERE hour < $1";
        const OLD_COUNTERS: &str = "DELETE FROM usage_counters WHERE hour < $1";
        const BY_HOUR: &str = "SELECT MIN(hour) AS hour FROM (SELECT hour FROM usage_requests WHERE hour < $1 AND hour % 24 <> 0 \
             UNION ALL SELECT hour FROM usage_counters WHERE hour < $1 AND hour % 24 <> 0) AS left_over";
        let today = self.now().0.div_euclid(HOUR_MS).div_euclid(HOURS_A_DAY);
        let first_kept = (today - i64::from(keep_days)) * HOURS_A_DAY;
        let mut transaction = self.database().begin().await?;
        let mut n_fewer = transaction.execute(OLD_REQUESTS, values![first_kept]).await?;
        n_fewer += transaction.execute(OLD_COUNTERS, values![first_kept]).await?;
        let first_by_hour = (today - DAYS_BY_HOUR) * HOURS_A_DAY;
        let left_over = transaction.row(BY_HOUR, values![first_by_hour]).await?;
        if let Some(hour) = left_over.map(|row| row.maybe_int("hour")).transpose()?.flatten() {
            n_fewer += roll_up(&mut transaction, hour.div_euclid(HOURS_A_DAY) * HOURS_A_DAY).await?;
        }
        transaction.commit().await?;
        Ok(n_fewer)
    }

    /// Who does not want to be counted.
    pub async fn opted_out_of_usage(&self) -> Result<HashSet<i64>, Fault> {
        let rows = self.database().rows("SELECT user_id FROM usage_opted_out", values![]).await?;
        rows.iter().map(|row| row.int("user_id")).collect()
    }

    /// Whether somebody is counted from now on. What was counted of them for the next ping is deleted when they leave.
    pub async fn set_counted(&self, user: UserId, is_counted: bool) -> Result<(), Fault> {
        const OUT: &str =
            "INSERT INTO usage_opted_out (user_id) VALUES ($1) ON CONFLICT (user_id) DO NOTHING";
        const IN: &str = "DELETE FROM usage_opted_out WHERE user_id = $1";
        const FORGET: &str = "DELETE FROM usage_people WHERE user_id = $1";
        let mut transaction = self.database().begin().await?;
        if is_counted {
            transaction.execute(IN, values![user.0]).await?;
        } else {
            transaction.execute(OUT, values![user.0]).await?;
            transaction.execute(FORGET, values![user.0]).await?;
        }
        let word = if is_counted { "counted" } else { "not counted" };
        let entry = Entry::new(Act::ChangeCounting, Object::new("user", user.0, ""));
        self.record_in(&mut transaction, entry.detail("to", word)).await?;
        transaction.commit().await
    }
}

fn add_bucket(buckets: &mut Vec<(u16, u64)>, row: &Row, n: u64) -> Result<(), Fault> {
    let bucket =
        u16::try_from(row.int("bucket")?).map_err(|_| Fault::ImpossibleValue { column: "bucket" })?;
    match buckets.last_mut() {
        Some((last, sum)) if *last == bucket => *sum += n,
        _ => buckets.push((bucket, n)),
    }
    Ok(())
}

/// Makes one row of the hours of a day, each kept under the first of them.
async fn roll_up(transaction: &mut Transaction, first: i64) -> Result<u64, Fault> {
    const REQUESTS: &str = "INSERT INTO usage_requests (hour, route, ending, bucket, n) \
         SELECT $1, route, ending, bucket, CAST(SUM(n) AS BIGINT) FROM usage_requests WHERE hour > $1 AND hour < $2 \
         GROUP BY route, ending, bucket \
         ON CONFLICT (hour, route, ending, bucket) DO UPDATE SET n = usage_requests.n + excluded.n";
    const COUNTERS: &str = "INSERT INTO usage_counters (hour, counter, n) \
         SELECT $1, counter, CAST(SUM(n) AS BIGINT) FROM usage_counters WHERE hour > $1 AND hour < $2 GROUP BY counter \
         ON CONFLICT (hour, counter) DO UPDATE SET n = usage_counters.n + excluded.n";
    const REMOVE_REQUESTS: &str = "DELETE FROM usage_requests WHERE hour > $1 AND hour < $2";
    const REMOVE_COUNTERS: &str = "DELETE FROM usage_counters WHERE hour > $1 AND hour < $2";
    let day = values![first, first + HOURS_A_DAY];
    transaction.execute(REQUESTS, day.clone()).await?;
    transaction.execute(COUNTERS, day.clone()).await?;
    let n_requests = transaction.execute(REMOVE_REQUESTS, day.clone()).await?;
    Ok(n_requests + transaction.execute(REMOVE_COUNTERS, day).await?)
}
