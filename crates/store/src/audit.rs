//! The audit log: written in the transaction of the act, read by those who look after the instance.

use crate::audit_anchor::{Appended, AuditHead};
use crate::audit_objects;
use crate::database::{Row, Transaction, Value, values};
use crate::{Fault, Store, Timestamp};
use access::audit::{ChainHash, Entry, Origin, Record, Who};
use model::UserId;
use std::sync::Arc;

/// Most entries of one page.
const N_PAGE_MAX: u32 = 1000;

/// A statement that reads whole entries.
macro_rules! select_entries {
    ($rest:literal) => {
        concat!(
            "SELECT seq, at, actor_kind, actor_id, actor, via, via_id, act, object_kind, object_id, object, outcome, \
             reason, address, request_id, details, hash FROM audit_log ",
            $rest
        )
    };
}
pub(crate) use select_entries;

/// Which entries to show. What is `None` or empty is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// The actor's name, exactly.
    pub actor: String,
    /// What the act begins with: `grant`, `code.search`.
    pub act: String,
    /// A part of what the object was called, or its number.
    pub object: String,
    /// How it ended, in the log's word.
    pub outcome: String,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
}

impl Store {
    /// The same store, acting for somebody: what is changed through it stands in the audit log as theirs.
    pub fn by(&self, origin: Origin) -> Store {
        Store { inner: Arc::clone(&self.inner), origin: Arc::new(origin) }
    }

    /// For whom this store acts.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Puts an entry into the log by itself: for what changes nothing else, such as a failed sign-in.
    pub async fn record(&self, entry: Entry) -> Result<(), Fault> {
        let mut transaction = self.database().begin().await?;
        self.record_in(&mut transaction, entry).await?;
        transaction.commit().await
    }

    /// Puts an entry into the log in the transaction of the act: both happen or neither. To be called last, so that the
    /// log's lock is held shortly and always taken after the others.
    pub(crate) async fn record_in(&self, transaction: &mut Transaction, entry: Entry) -> Result<(), Fault> {
        let record = Record::new(self.now(), &self.origin, &entry);
        append(transaction, vec![record]).await
    }

    /// The same for many at once.
    pub(crate) async fn record_all_in(
        &self,
        transaction: &mut Transaction,
        entries: Vec<Entry>,
    ) -> Result<(), Fault> {
        let now = self.now();
        append(transaction, entries.iter().map(|entry| Record::new(now, &self.origin, entry)).collect()).await
    }

    /// The same, as the act of somebody who proves with it who they are.
    pub(crate) async fn record_as(
        &self,
        transaction: &mut Transaction,
        user: UserId,
        entry: Entry,
    ) -> Result<(), Fault> {
        let origin = match (self.origin.who(), audit_objects::proved(transaction, user).await?) {
            (Who::Nobody, Some(proved)) => self.origin.as_who(proved),
            _ => (*self.origin).clone(),
        };
        append(transaction, vec![Record::new(self.now(), &origin, &entry)]).await
    }

    /// Entries, the newest first, those before `before`.
    pub async fn audit_entries(
        &self,
        filter: &AuditFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Record>, Fault> {
        const LIST: &str = select_entries!(
            "WHERE seq < $1 AND at >= $2 AND at < $3 AND ($4 = '' OR actor = $4) \
             AND ($5 = '' OR act = $5 OR substr(act, 1, length($5) + 1) = $5 || '.') \
             AND ($6 = '' OR object_id = $6 OR object LIKE $7 ESCAPE '!') AND ($8 = '' OR outcome = $8) \
             ORDER BY seq DESC LIMIT $9"
        );
        let pattern = format!("%{}%", filter.object.replace('!', "!!").replace('%', "!%").replace('_', "!_"));
        let clean = |text: &str| text.replace('\0', "\u{fffd}");
        let values = values![
            before.unwrap_or(i64::MAX),
            filter.from.unwrap_or(Timestamp(i64::MIN)),
            filter.to.unwrap_or(Timestamp(i64::MAX)),
            clean(&filter.actor),
            clean(&filter.act),
            clean(&filter.object),
            clean(&pattern),
            clean(&filter.outcome),
            i64::from(limit.clamp(1, N_PAGE_MAX)),
        ];
        let rows = self.database().rows(LIST, values).await?;
        rows.iter().map(|row| record_from(row).map(|(record, _)| record)).collect()
    }
}

/// Appends entries, in order. The head's row is the lock: whoever comes meanwhile waits for this transaction's end.
pub(crate) async fn append(transaction: &mut Transaction, records: Vec<Record>) -> Result<(), Fault> {
    const TAKE: &str = "UPDATE audit_head SET seq = seq + $1 WHERE id = 1 RETURNING seq, hash";
    const LEAVE: &str = "UPDATE audit_head SET hash = $1 WHERE id = 1";
    const INSERT: &str = "INSERT INTO audit_log (seq, at, actor_kind, actor_id, actor, via, via_id, act, object_kind, \
         object_id, object, outcome, reason, address, request_id, details, hash)";
    let n_records = i64::try_from(records.len()).unwrap_or(i64::MAX);
    let row = transaction.row(TAKE, values![n_records]).await?;
    let row = row.ok_or(Fault::ImpossibleValue { column: "audit_head" })?;
    let last = row.int("seq")?;
    let previous = hash_of(&row)?;
    let (mut hash, mut rows) = (previous, Vec::with_capacity(records.len()));
    for (seq, record) in (last - n_records + 1..).zip(records) {
        let record = Record { seq, ..record };
        hash = record.hash_after(hash);
        rows.push(columns(&record, hash));
    }
    transaction.insert(INSERT, rows).await?;
    transaction.execute(LEAVE, values![hash.0.to_vec()]).await?;
    let head = AuditHead { first_seq: last - n_records + 1, seq: last, hash };
    transaction.has_audited(Appended { previous, head });
    Ok(())
}

/// An entry and the hash that stands beside it.
pub(crate) fn record_from(row: &Row) -> Result<(Record, ChainHash), Fault> {
    let record = Record {
        seq: row.int("seq")?,
        at: row.time("at")?,
        actor_kind: row.text("actor_kind")?,
        actor_id: row.maybe_int("actor_id")?,
        actor: row.text("actor")?,
        via: row.text("via")?,
        via_id: row.maybe_text("via_id")?,
        act: row.text("act")?,
        object_kind: row.text("object_kind")?,
        object_id: row.maybe_text("object_id")?,
        object: row.text("object")?,
        outcome: row.text("outcome")?,
        reason: row.maybe_text("reason")?,
        address: row.maybe_text("address")?,
        request_id: row.maybe_text("request_id")?,
        details: row.text("details")?,
    };
    Ok((record, hash_of(row)?))
}

/// SECURITY: a hash of another length is a changed one; it becomes one that nothing has.
pub(crate) fn hash_of(row: &Row) -> Result<ChainHash, Fault> {
    Ok(ChainHash(row.bytes("hash")?.try_into().unwrap_or([0xff; 32])))
}

fn columns(record: &Record, hash: ChainHash) -> Vec<Value> {
    values![
        record.seq,
        record.at,
        &record.actor_kind,
        record.actor_id,
        &record.actor,
        &record.via,
        record.via_id.as_deref(),
        &record.act,
        &record.object_kind,
        record.object_id.as_deref(),
        &record.object,
        &record.outcome,
        record.reason.as_deref(),
        record.address.as_deref(),
        record.request_id.as_deref(),
        &record.details,
        hash.0.to_vec(),
    ]
}
