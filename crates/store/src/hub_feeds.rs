//! Feeds: those that a hub publishes, and those that an instance took from one.

use crate::database::{Row, int, values};
use crate::{Fault, Store, Timestamp};
use access::audit::{Act, Entry, Object};

/// A feed as it is kept. `store` does not look into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFeed {
    /// What it is about, in a word.
    pub kind: String,
    /// Its number.
    pub sequence: u64,
    /// When it was signed, by the hub's clock.
    pub issued: Timestamp,
    /// Of a published one, until when it holds; of one that was taken, when that was.
    pub until: Timestamp,
    /// SHA-256 of its file.
    pub digest: [u8; 32],
    /// Its note.
    pub note: String,
    /// Its file.
    pub body: Vec<u8>,
}

/// A feed is not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishFeedError {
    /// Another process published one meanwhile.
    #[error("another process published this feed meanwhile")]
    Overtaken,
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Store {
    /// What the hub publishes of a kind, and how long its feeds hold, in milliseconds.
    pub async fn hub_feed(&self, kind: &str) -> Result<Option<(StoredFeed, u64)>, Fault> {
        const READ: &str = "SELECT kind, sequence, issued, expires, valid_ms, digest, note, body FROM hub_feed WHERE kind = $1";
        let Some(row) = self.database().row(READ, values![kind.to_owned()]).await? else { return Ok(None) };
        let feed = StoredFeed {
            kind: row.text("kind")?,
            sequence: row.unsigned("sequence")?,
            issued: row.time("issued")?,
            until: row.time("expires")?,
            digest: digest_from(&row)?,
            note: row.text("note")?,
            body: row.bytes("body")?,
        };
        Ok(Some((feed, row.unsigned("valid_ms")?)))
    }

    /// The kinds that the hub publishes, with their numbers.
    pub async fn hub_feed_numbers(&self) -> Result<Vec<(String, u64)>, Fault> {
        let rows =
            self.database().rows("SELECT kind, sequence FROM hub_feed ORDER BY kind", values![]).await?;
        rows.iter().map(|row| Ok((row.text("kind")?, row.unsigned("sequence")?))).collect()
    }

    /// Publishes a feed in place of the one with number `after` (0 where there is none).
    pub async fn publish_hub_feed(
        &self,
        feed: StoredFeed,
        valid_ms: u64,
        after: u64,
    ) -> Result<(), PublishFeedError> {
        const PUT: &str = "INSERT INTO hub_feed (kind, sequence, issued, expires, valid_ms, digest, note, body) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (kind) DO UPDATE SET sequence = excluded.sequence, \
             issued = excluded.issued, expires = excluded.expires, valid_ms = excluded.valid_ms, \
             digest = excluded.digest, note = excluded.note, body = excluded.body WHERE hub_feed.sequence = $9";
        let entry = Entry::new(Act::PublishFeed, Object::named("feed", &feed.kind));
        let entry = entry.detail("number", feed.sequence);
        let values = values![
            feed.kind,
            int(feed.sequence),
            feed.issued,
            feed.until,
            int(valid_ms),
            feed.digest.to_vec(),
            feed.note,
            feed.body,
            int(after)
        ];
        let mut transaction = self.database().begin().await?;
        if transaction.execute(PUT, values).await? == 0 {
            return Err(PublishFeedError::Overtaken);
        }
        self.record_in(&mut transaction, entry).await?;
        Ok(transaction.commit().await?)
    }

    /// The feeds that were taken from the hub with this key.
    pub async fn feeds_taken(&self, hub: &str) -> Result<Vec<StoredFeed>, Fault> {
        const READ: &str = "SELECT kind, sequence, issued, digest, note, body, taken_at FROM feed_taken \
             WHERE hub = $1 ORDER BY kind";
        let rows = self.database().rows(READ, values![hub.to_owned()]).await?;
        rows.iter().map(taken_from).collect()
    }

    /// Keeps feeds that were taken from a hub, all or none; one that is older than what is there by now changes nothing.
    /// What `until` says of them is not looked at.
    ///
    /// SECURITY: whoever calls has checked them against the hub's key and against what was there.
    pub async fn take_feeds(&self, hub: &str, feeds: Vec<StoredFeed>) -> Result<(), Fault> {
        const PUT: &str = "INSERT INTO feed_taken (hub, kind, sequence, issued, digest, note, body, taken_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (hub, kind) DO UPDATE SET \
             sequence = excluded.sequence, issued = excluded.issued, digest = excluded.digest, note = excluded.note, \
             body = excluded.body, taken_at = excluded.taken_at WHERE feed_taken.sequence < excluded.sequence";
        let mut transaction = self.database().begin().await?;
        for feed in feeds {
            let entry = Entry::new(Act::TakeFeed, Object::named("feed", &feed.kind));
            let entry = entry.detail("number", feed.sequence).detail("hub", hub);
            let values = values![
                hub.to_owned(),
                feed.kind,
                int(feed.sequence),
                feed.issued,
                feed.digest.to_vec(),
                feed.note,
                feed.body,
                self.now()
            ];
            if transaction.execute(PUT, values).await? > 0 {
                self.record_in(&mut transaction, entry).await?;
            }
        }
        transaction.commit().await
    }
}

fn taken_from(row: &Row) -> Result<StoredFeed, Fault> {
    Ok(StoredFeed {
        kind: row.text("kind")?,
        sequence: row.unsigned("sequence")?,
        issued: row.time("issued")?,
        until: row.time("taken_at")?,
        digest: digest_from(row)?,
        note: row.text("note")?,
        body: row.bytes("body")?,
    })
}

fn digest_from(row: &Row) -> Result<[u8; 32], Fault> {
    row.bytes("digest")?.try_into().map_err(|_| Fault::ImpossibleValue { column: "digest" })
}
