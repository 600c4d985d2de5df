//! Keeping the audit log for so many days and no longer, without losing the proof of what is left.
//!
//! Whole days are cut off the front. What is cut off is first read and proved; the last entry that went, its hash and the day
//! are noted in one row under a MAC of the master key, and the entry that says so is written in the same transaction. So
//! `verify audit` can tell what retention removed from what somebody else did: the chain goes on from the noted hash, only
//! the server can make the note, and an entry of the chain that is left says the same.

use crate::audit::{append, hash_of, record_from, select_entries};
use crate::audit_anchor::Noted;
use crate::database::{Database, Row, Transaction, values};
use crate::{Fault, Store, Timestamp};
use access::audit::{Act, ChainHash, Entry, Object, Record};
use std::num::NonZeroU32;
use std::time::Duration;
use vault::{KeyId, Mac, Vault};

/// What the key for the note is derived for.
const CONTEXT: &str = "front of the audit log";
/// Most entries that one step removes: some milliseconds, in which nothing else is recorded.
const N_STEP: i64 = 1000;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

const READ: &str = "SELECT seq, hash, before_at, mac_key, mac FROM audit_front WHERE id = 1";

/// Where the log begins, as far as retention shortened it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFront {
    /// The last entry that was removed.
    pub seq: i64,
    /// The beginning of the day before which entries were removed.
    pub before: Timestamp,
}

/// What one step came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shortened {
    /// Entries that were removed.
    pub n_removed: u64,
    /// Whether there may be more to remove now.
    pub goes_on: bool,
}

/// The log is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum ShortenError {
    /// What would be removed is not what was written: it is evidence.
    #[error(
        "entry {seq} of the audit log is not what was written, so nothing is removed: run `sourcekeep verify audit`"
    )]
    NotWhole {
        /// The entry.
        seq: i64,
    },
    /// The note of an earlier removal is not ours.
    #[error(
        "where the audit log begins is not what was noted, so nothing is removed: run `sourcekeep verify audit`"
    )]
    NotNoted,
    /// The head is not noted outside the database: a log that was written anew could not be told.
    #[error(
        "the head of the audit log is not noted in its file, so nothing is removed: run `sourcekeep verify audit`"
    )]
    NoHead,
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// The row.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    pub(crate) seq: i64,
    pub(crate) hash: ChainHash,
    before: Option<Timestamp>,
    mac: Option<Mac>,
}

impl Front {
    /// What stands in the database.
    pub(crate) async fn read(transaction: &mut Transaction) -> Result<Self, Fault> {
        let row = transaction.row(READ, values![]).await?;
        Front::from_row(&row.ok_or(Fault::ImpossibleValue { column: "audit_front" })?)
    }

    fn from_row(row: &Row) -> Result<Self, Fault> {
        // SECURITY: a key or tag of another length is a changed one, and proves nothing.
        let key = row.maybe_bytes("mac_key")?.and_then(|key| key.try_into().ok());
        let tag = row.maybe_bytes("mac")?.and_then(|tag| tag.try_into().ok());
        Ok(Front {
            seq: row.int("seq")?,
            hash: hash_of(row)?,
            before: row.maybe_time("before_at")?,
            mac: key.zip(tag).map(|(key, tag)| Mac { key: KeyId(key), tag }),
        })
    }

    /// Whether the server wrote it. Where there is no master key, it can only be believed.
    pub(crate) fn is_ours(&self, vault: &Vault) -> bool {
        match (&self.mac, self.before) {
            (None, None) => self.seq == 0 && self.hash == ChainHash::BEGINNING,
            (Some(mac), Some(_)) => {
                vault.mac_is_ours(CONTEXT, self.content().as_bytes(), mac).unwrap_or(false)
            }
            (None, Some(_)) => vault.newest().is_none(),
            (Some(_), None) => false,
        }
    }

    /// What retention removed, if it removed anything.
    pub(crate) fn shown(&self) -> Option<AuditFront> {
        self.before.map(|before| AuditFront { seq: self.seq, before })
    }

    fn content(&self) -> String {
        let before = self.before.map_or(0, |before| before.0);
        format!("sourcekeep-audit-front-v1 seq={} hash={} before={before}", self.seq, self.hash.to_hex())
    }

    async fn write(&self, transaction: &mut Transaction, vault: &Vault) -> Result<(), Fault> {
        const WRITE: &str = "UPDATE audit_front SET seq = $1, hash = $2, before_at = $3, mac_key = $4, mac = $5 \
             WHERE id = 1";
        let mac = vault.mac(CONTEXT, self.content().as_bytes());
        let key = mac.as_ref().map(|mac| mac.key.0.to_vec());
        let tag = mac.as_ref().map(|mac| mac.tag.to_vec());
        let columns = values![self.seq, self.hash.0.to_vec(), self.before, key, tag];
        transaction.execute(WRITE, columns).await.map(drop)
    }
}

impl Store {
    /// Where the log begins; `None` as long as nothing was removed.
    pub async fn audit_front(&self) -> Result<Option<AuditFront>, Fault> {
        let row = self.database().row(READ, values![]).await?;
        row.map_or(Ok(None), |row| Ok(Front::from_row(&row)?.shown()))
    }

    /// Removes some of the entries from before the day that began `keep_days` days ago. To be called until it does not go on.
    pub async fn shorten_audit(&self, keep_days: NonZeroU32) -> Result<Shortened, ShortenError> {
        const OLDEST: &str = select_entries!("WHERE seq > $1 ORDER BY seq LIMIT $2");
        const REMOVE: &str = "DELETE FROM audit_log WHERE seq <= $1";
        let day = Duration::from_millis(DAY_MS.unsigned_abs());
        let before = self.now().minus(day * keep_days.get());
        let before = Timestamp(before.0.div_euclid(DAY_MS).saturating_mul(DAY_MS));
        let most = self.last_removable()?;
        let mut transaction = self.database().begin().await?;
        lock(&mut transaction).await?;
        let front = Front::read(&mut transaction).await?;
        if !front.is_ours(self.vault()) {
            return Err(ShortenError::NotNoted);
        }
        let rows = transaction.rows(OLDEST, values![front.seq, N_STEP]).await?;
        let mut last = (front.seq, front.hash);
        for row in &rows {
            let (record, stored) = record_from(row)?;
            if record.at >= before || record.seq > most {
                break;
            }
            // SECURITY: what was meddled with is evidence, and stays.
            if record.seq != last.0 + 1 || record.hash_after(last.1) != stored {
                return Err(ShortenError::NotWhole { seq: record.seq });
            }
            last = (record.seq, stored);
        }
        let n_removed = u64::try_from(last.0 - front.seq).unwrap_or(0);
        if n_removed == 0 {
            return Ok(Shortened::default());
        }
        let shorter = Front { seq: last.0, hash: last.1, before: Some(before), mac: None };
        shorter.write(&mut transaction, self.vault()).await?;
        transaction.execute(REMOVE, values![shorter.seq]).await?;
        let entry = entry_of(&front, &shorter, keep_days);
        append(&mut transaction, vec![Record::new(self.now(), self.origin(), &entry)]).await?;
        transaction.commit().await?;
        Ok(Shortened { n_removed, goes_on: n_removed == N_STEP.unsigned_abs() })
    }

    /// The note under the newest key, so that older ones can be dropped.
    pub(crate) async fn authenticate_front_anew(&self) -> Result<(), Fault> {
        let mut transaction = self.database().begin().await?;
        lock(&mut transaction).await?;
        let front = Front::read(&mut transaction).await?;
        if front.before.is_none() || !front.is_ours(self.vault()) {
            return Ok(());
        }
        front.write(&mut transaction, self.vault()).await?;
        transaction.commit().await
    }

    /// Up to which entry may be removed: the one whose hash is noted outside the database stays.
    fn last_removable(&self) -> Result<i64, ShortenError> {
        match self.database().anchor().map(|anchor| anchor.read()) {
            None => Ok(i64::MAX),
            Some(Noted::Head(head)) => Ok(head.seq - 1),
            Some(Noted::Nothing | Noted::Damaged(_)) => Err(ShortenError::NoHead),
        }
    }
}

/// Whether retention removed this entry, by a note that the server wrote.
pub(crate) async fn was_removed(database: &Database, vault: &Vault, seq: i64) -> bool {
    let row = database.row(READ, values![]).await.ok().flatten();
    let front = row.and_then(|row| Front::from_row(&row).ok());
    front.is_some_and(|front| seq <= front.seq && front.is_ours(vault))
}

/// Whether an entry says that the log was shortened to this front, as the policy it names allowed.
pub(crate) fn says(record: &Record, front: &Front) -> bool {
    let detail =
        |name: &str| record.details().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
    let number = |name: &str| detail(name).and_then(|value| value.parse::<i64>().ok());
    let is_it = record.act == Act::ShortenAudit.as_str()
        && record.object_id.as_deref() == Some(&front.seq.to_string())
        && detail("last_hash").as_deref() == Some(&front.hash.to_hex());
    let before = front.before.map(|before| before.0);
    let kept_ms = number("kept_days").map(|days| days.saturating_mul(DAY_MS));
    is_it
        && number("before_ms") == before
        && before
            .zip(kept_ms)
            .is_some_and(|(before, kept)| kept > 0 && before <= record.at.0.saturating_sub(kept))
}

/// SECURITY: one at a time, and always before the log's own lock.
async fn lock(transaction: &mut Transaction) -> Result<(), Fault> {
    transaction.execute("UPDATE audit_front SET seq = seq WHERE id = 1", values![]).await.map(drop)
}

fn entry_of(front: &Front, shorter: &Front, keep_days: NonZeroU32) -> Entry {
    let object =
        Object::new("audit-log", shorter.seq, &format!("entries {} to {}", front.seq + 1, shorter.seq));
    Entry::new(Act::ShortenAudit, object)
        .detail("kept_days", keep_days)
        .detail("before_ms", shorter.before.map_or(0, |before| before.0))
        .detail("last_hash", shorter.hash.to_hex())
}
