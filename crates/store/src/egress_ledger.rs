//! The ledger of what leaves the server: appended to before and after each connection, read by administrators.
//!
//! Rows are the leaves of a Merkle tree. The head holds what is needed to append the next one, and the signed checkpoint of
//! the tree as it is; `egress_verify` recomputes all of it.

use crate::database::{Row, Transaction, Value, int, values};
use crate::{Fault, Store, Timestamp};
use access::audit::AuditText;
use egress::{Closing, EntryId, Ledger, LedgerError, Opening, Outcome, Refusal, Saying, Written};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tlog::{Frontier, Signed, leaf_hash};

/// Longest texts of an entry, in bytes.
const HOST_BYTES_MAX: usize = 255;
const TEXT_BYTES_MAX: usize = 300;
/// How often the checkpoint is noted outside the database while entries come.
const NOTE_EVERY: Duration = Duration::from_secs(60);
/// Most rows of one page.
const N_ROWS_MAX: usize = 1000;

/// One leaf: what a row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Leaf {
    Opened { purpose: String, host: String, port: u16, address: String, initiator: String, code: String },
    Closed { about: i64, outcome: String, sent: i64, received: i64, digest: Vec<u8> },
    Refused { purpose: String, host: String, port: u16, initiator: String, code: String, reason: String },
    Said { purpose: String, host: String, port: u16, initiator: String, code: String, body: Vec<u8> },
}

impl Leaf {
    /// The bytes that are hashed: one line for each thing, no line being able to hold a break; what was said comes last.
    pub(crate) fn bytes(&self, seq: i64, at: Timestamp) -> Vec<u8> {
        let head = format!("sourcekeep-egress-v1\n{seq}\n{}\n", at.0);
        let rest = match self {
            Leaf::Opened { purpose, host, port, address, initiator, code } => {
                format!("opened\n{purpose}\n{host}\n{port}\n{address}\n{initiator}\n{code}\n")
            }
            Leaf::Closed { about, outcome, sent, received, digest } => {
                let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("closed\n{about}\n{outcome}\n{sent}\n{received}\n{digest}\n")
            }
            Leaf::Refused { purpose, host, port, initiator, code, reason } => {
                format!("refused\n{purpose}\n{host}\n{port}\n{initiator}\n{code}\n{reason}\n")
            }
            Leaf::Said { purpose, host, port, initiator, code, .. } => {
                format!("said\n{purpose}\n{host}\n{port}\n{initiator}\n{code}\n")
            }
        };
        let mut bytes = (head + &rest).into_bytes();
        if let Leaf::Said { body, .. } = self {
            bytes.extend(body);
        }
        bytes
    }

    /// In the order of [`INSERT`], without what every row has.
    fn columns(self) -> Vec<Value> {
        const NO_TEXT: Option<String> = None;
        const NO_INT: Option<i64> = None;
        const NO_BYTES: Option<Vec<u8>> = None;
        match self {
            Leaf::Opened { purpose, host, port, address, initiator, code } => values![
                0_i64,
                purpose,
                host,
                i64::from(port),
                address,
                initiator,
                code,
                NO_TEXT,
                NO_INT,
                NO_TEXT,
                NO_INT,
                NO_INT,
                NO_BYTES,
                NO_BYTES
            ],
            Leaf::Closed { about, outcome, sent, received, digest } => values![
                1_i64, NO_TEXT, NO_TEXT, NO_INT, NO_TEXT, NO_TEXT, NO_TEXT, NO_TEXT, about, outcome, sent,
                received, digest, NO_BYTES
            ],
            Leaf::Refused { purpose, host, port, initiator, code, reason } => values![
                2_i64,
                purpose,
                host,
                i64::from(port),
                NO_TEXT,
                initiator,
                code,
                reason,
                NO_INT,
                NO_TEXT,
                NO_INT,
                NO_INT,
                NO_BYTES,
                NO_BYTES
            ],
            Leaf::Said { purpose, host, port, initiator, code, body } => values![
                3_i64,
                purpose,
                host,
                i64::from(port),
                NO_TEXT,
                initiator,
                code,
                NO_TEXT,
                NO_INT,
                NO_TEXT,
                NO_INT,
                NO_INT,
                NO_BYTES,
                body
            ],
        }
    }

    /// What a row says; a fault where it is none that was ever written.
    pub(crate) fn from_row(row: &Row) -> Result<Leaf, Fault> {
        let port = || u16::try_from(row.int("port")?).map_err(|_| Fault::ImpossibleValue { column: "port" });
        Ok(match row.int("kind")? {
            0 => Leaf::Opened {
                purpose: row.text("purpose")?,
                host: row.text("host")?,
                port: port()?,
                address: row.text("address")?,
                initiator: row.text("initiator")?,
                code: row.text("code")?,
            },
            1 => Leaf::Closed {
                about: row.int("about")?,
                outcome: row.text("outcome")?,
                sent: row.int("sent")?,
                received: row.int("received")?,
                digest: row.bytes("digest")?,
            },
            2 => Leaf::Refused {
                purpose: row.text("purpose")?,
                host: row.text("host")?,
                port: port()?,
                initiator: row.text("initiator")?,
                code: row.text("code")?,
                reason: row.text("reason")?,
            },
            3 => Leaf::Said {
                purpose: row.text("purpose")?,
                host: row.text("host")?,
                port: port()?,
                initiator: row.text("initiator")?,
                code: row.text("code")?,
                body: row.bytes("body")?,
            },
            _ => return Err(Fault::ImpossibleValue { column: "kind" }),
        })
    }

    /// Every column that its kind does not use, so that nothing can stand there unhashed.
    pub(crate) const UNUSED: [&'static [&'static str]; 4] = [
        &["reason", "about", "outcome", "sent", "received", "digest", "body"],
        &["purpose", "host", "port", "address", "initiator", "code", "reason", "body"],
        &["address", "about", "outcome", "sent", "received", "digest", "body"],
        &["address", "reason", "about", "outcome", "sent", "received", "digest"],
    ];
}

/// Something that left, or was refused, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressEntry {
    /// Its number.
    pub seq: i64,
    /// When it was about to be opened, or was refused.
    pub at: Timestamp,
    /// What for.
    pub purpose: String,
    /// Whom it was for: the name or address that was asked for.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The address that was connected to; none for what was refused, and for what was said.
    pub address: Option<IpAddr>,
    /// Who or what wanted it.
    pub initiator: String,
    /// The place in the code that asked, `file:line`.
    pub code: String,
    /// Why it was refused, where it was.
    pub reason: Option<String>,
    /// What was said, word by word, where the entry is that; the connection has an entry of its own.
    pub body: Option<Vec<u8>>,
    /// How it went, once it is over.
    pub end: Option<EgressEnd>,
}

/// How a connection went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressEnd {
    /// When it was over.
    pub at: Timestamp,
    /// `closed`, `failed` or `interrupted`.
    pub outcome: String,
    /// Bytes that left over the wire.
    pub n_sent: u64,
    /// Bytes that came.
    pub n_received: u64,
    /// SHA-256 of the bytes that left.
    pub digest: Vec<u8>,
}

/// All of one kind that went to one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressSum {
    /// What for.
    pub purpose: String,
    /// To whom.
    pub host: String,
    /// On which port.
    pub port: u16,
    /// Connections that were opened, or tried.
    pub n_opened: u64,
    /// Times it was refused (the same refusal counts once an hour).
    pub n_refused: u64,
    /// Bytes that left.
    pub n_sent: u64,
    /// Bytes that came.
    pub n_received: u64,
    /// The last time.
    pub last_at: Timestamp,
}

/// What left on one day (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EgressDay {
    /// Days since 1970-01-01.
    pub day: i64,
    /// Connections that were opened, or tried.
    pub n_opened: u64,
    /// Bytes that left.
    pub n_sent: u64,
    /// Bytes that came.
    pub n_received: u64,
}

/// Which entries to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EgressFilter {
    /// Only of this purpose.
    pub purpose: Option<String>,
    /// Only to this host.
    pub host: Option<String>,
    /// Only before this number, for the next page.
    pub before: Option<i64>,
}

/// The ledger as the door out writes it.
#[derive(Clone)]
pub struct EgressLedger {
    store: Store,
    note: Arc<Note>,
}

/// The file, outside the database, in which the newest checkpoint is noted now and then.
struct Note {
    path: Option<PathBuf>,
    last: Mutex<Option<Instant>>,
}

impl EgressLedger {
    /// A ledger in this store. `note` is a file that gets the newest signed checkpoint, at most once a minute.
    pub fn new(store: Store, note: Option<PathBuf>) -> Self {
        EgressLedger { store, note: Arc::new(Note { path: note, last: Mutex::default() }) }
    }

    /// Ends what was open when a process before this one ended. To be called before anything goes out, by the only process
    /// that opens connections for this store.
    pub async fn close_interrupted(&self) -> Result<u64, Fault> {
        const OPEN: &str = "SELECT o.seq FROM egress_ledger o LEFT JOIN egress_ledger c ON c.about = o.seq \
             WHERE o.kind = 0 AND c.seq IS NULL ORDER BY o.seq LIMIT 1000";
        let mut n_closed = 0;
        loop {
            let rows = self.store.database().rows(OPEN, values![]).await?;
            for row in &rows {
                let nothing =
                    Closing { outcome: Outcome::Interrupted, n_sent: 0, n_received: 0, digest: [0; 32] };
                self.store.append_egress(closed(EntryId(row.int("seq")?), nothing)).await?;
                n_closed += 1;
            }
            if rows.is_empty() {
                return Ok(n_closed);
            }
        }
    }

    /// Notes the newest checkpoint outside the database now.
    pub async fn write_note(&self) -> Result<(), Fault> {
        let Some(path) = self.note.path.clone() else { return Ok(()) };
        let Some(Signed(text)) = self.store.egress_checkpoint().await? else { return Ok(()) };
        let written = tokio::task::spawn_blocking(move || write_whole(&path, text.as_bytes())).await;
        match written {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the checkpoint of the egress ledger cannot be noted"),
            Err(error) => tracing::error!(%error, "the checkpoint of the egress ledger cannot be noted"),
        }
        Ok(())
    }

    async fn append(self, leaf: Leaf) -> Result<EntryId, LedgerError> {
        let appended = self.store.append_egress(leaf).await;
        let seq = appended.map_err(|fault| LedgerError { reason: fault.to_string() })?;
        let is_due = {
            let mut last = self.note.last.lock().unwrap_or_else(PoisonError::into_inner);
            let is_due = last.is_none_or(|last| last.elapsed() >= NOTE_EVERY);
            if is_due {
                *last = Some(Instant::now());
            }
            is_due
        };
        if is_due && let Err(error) = self.write_note().await {
            tracing::error!(%error, "the checkpoint of the egress ledger cannot be read");
        }
        Ok(EntryId(seq))
    }
}

impl Ledger for EgressLedger {
    fn open(&self, opening: Opening) -> Written<EntryId> {
        Box::pin(self.clone().append(Leaf::Opened {
            purpose: opening.purpose.as_str().to_owned(),
            host: line(&opening.host, HOST_BYTES_MAX),
            port: opening.port,
            address: opening.address.to_string(),
            initiator: line(&opening.initiator, TEXT_BYTES_MAX),
            code: line(&opening.code, TEXT_BYTES_MAX),
        }))
    }

    fn say(&self, saying: Saying) -> Written<()> {
        let ledger = self.clone();
        Box::pin(async move {
            let leaf = Leaf::Said {
                purpose: saying.purpose.as_str().to_owned(),
                host: line(&saying.host, HOST_BYTES_MAX),
                port: saying.port,
                initiator: line(&saying.initiator, TEXT_BYTES_MAX),
                code: line(&saying.code, TEXT_BYTES_MAX),
                body: saying.body,
            };
            ledger.append(leaf).await.map(drop)
        })
    }

    fn close(&self, opened: EntryId, closing: Closing) -> Written<()> {
        let ledger = self.clone();
        Box::pin(async move { ledger.append(closed(opened, closing)).await.map(drop) })
    }

    fn refuse(&self, refusal: Refusal) -> Written<()> {
        let ledger = self.clone();
        Box::pin(async move {
            let leaf = Leaf::Refused {
                purpose: refusal.purpose.as_str().to_owned(),
                host: line(&refusal.host, HOST_BYTES_MAX),
                port: refusal.port,
                initiator: line(&refusal.initiator, TEXT_BYTES_MAX),
                code: line(&refusal.code, TEXT_BYTES_MAX),
                reason: line(&refusal.reason, TEXT_BYTES_MAX),
            };
            ledger.append(leaf).await.map(drop)
        })
    }
}

fn closed(opened: EntryId, closing: Closing) -> Leaf {
    Leaf::Closed {
        about: opened.0,
        outcome: closing.outcome.as_str().to_owned(),
        sent: int(closing.n_sent),
        received: int(closing.n_received),
        digest: closing.digest.to_vec(),
    }
}

/// Writes a file whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let written = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&written)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&written, path)
}

/// A text as it is hashed and stored: one line in which nothing hides, at most so long.
fn line(text: &str, n_bytes_max: usize) -> String {
    let mut line = AuditText::new(text).as_str().to_owned();
    line.truncate(line.floor_char_boundary(n_bytes_max));
    line
}

impl Store {
    /// Appends a leaf, durably. Returns its number.
    pub(crate) async fn append_egress(&self, leaf: Leaf) -> Result<i64, Fault> {
        const TAKE: &str = "UPDATE egress_head SET size = size + 1 WHERE id = 1 RETURNING size, frontier";
        const LEAVE: &str = "UPDATE egress_head SET frontier = $1, checkpoint = $2 WHERE id = 1";
        const INSERT: &str = "INSERT INTO egress_ledger (seq, at, leaf, kind, purpose, host, port, address, initiator, \
             code, reason, about, outcome, sent, received, digest, body)";
        let signer = self.egress_signer().await?;
        let mut transaction: Transaction = self.database().begin().await?;
        let head = transaction.row(TAKE, values![]).await?;
        let head = head.ok_or(Fault::ImpossibleValue { column: "egress_head" })?;
        let (seq, at) = (head.int("size")? - 1, self.now());
        let mut frontier = frontier_of(seq, &head)?;
        let hash = leaf_hash(&leaf.bytes(seq, at));
        frontier.append(hash);
        let mut columns = values![seq, at, hash.0[..8].to_vec()];
        columns.extend(leaf.columns());
        transaction.insert(INSERT, vec![columns]).await?;
        let checkpoint = signer.map(|key| key.checkpoint(frontier.size(), frontier.root()).0);
        transaction.execute(LEAVE, values![frontier.to_bytes(), checkpoint.unwrap_or_default()]).await?;
        transaction.commit().await?;
        Ok(seq)
    }

    /// The newest signed checkpoint; `None` before the first entry, and where there is no key to sign with.
    pub async fn egress_checkpoint(&self) -> Result<Option<Signed>, Fault> {
        let row = self.database().row("SELECT checkpoint FROM egress_head WHERE id = 1", values![]).await?;
        let text = row.map(|row| row.text("checkpoint")).transpose()?.unwrap_or_default();
        Ok((!text.is_empty()).then_some(Signed(text)))
    }

    /// What left or was refused, the newest first, at most `n_max` entries (and never more than 1,000).
    ///
    /// SECURITY: for administrators; whoever calls has checked that.
    pub async fn egress_entries(
        &self,
        filter: &EgressFilter,
        n_max: usize,
    ) -> Result<Vec<EgressEntry>, Fault> {
        const READ: &str = "SELECT o.seq, o.at, o.purpose, o.host, o.port, o.address, o.initiator, o.code, o.reason, o.body, \
             c.at AS end_at, c.outcome, c.sent, c.received, c.digest \
             FROM egress_ledger o LEFT JOIN egress_ledger c ON c.about = o.seq \
             WHERE o.kind <> 1 AND o.seq < $1 AND ($2 = '' OR o.purpose = $2) AND ($3 = '' OR o.host = $3) \
             ORDER BY o.seq DESC LIMIT $4";
        let values = values![
            filter.before.unwrap_or(i64::MAX),
            filter.purpose.as_deref().unwrap_or(""),
            filter.host.as_deref().unwrap_or(""),
            int(n_max.min(N_ROWS_MAX) as u64)
        ];
        let rows = self.database().rows(READ, values).await?;
        rows.iter().map(entry_from).collect()
    }

    /// What left on each day since a moment, the oldest first; days on which nothing did are left out.
    ///
    /// SECURITY: for administrators; whoever calls has checked that.
    pub async fn egress_days(&self, since: Timestamp) -> Result<Vec<EgressDay>, Fault> {
        const READ: &str = "SELECT o.at / 86400000 AS day, COUNT(*) AS n_opened, \
             CAST(COALESCE(SUM(c.sent), 0) AS BIGINT) AS n_sent, \
             CAST(COALESCE(SUM(c.received), 0) AS BIGINT) AS n_received \
             FROM egress_ledger o LEFT JOIN egress_ledger c ON c.about = o.seq \
             WHERE o.kind <> 1 AND o.kind = 0 AND o.at >= $1 GROUP BY o.at / 86400000 ORDER BY day LIMIT 1000";
        let rows = self.database().rows(READ, values![since]).await?;
        let day = |row: &Row| {
            Ok(EgressDay {
                day: row.int("day")?,
                n_opened: row.unsigned("n_opened")?,
                n_sent: row.unsigned("n_sent")?,
                n_received: row.unsigned("n_received")?,
            })
        };
        rows.iter().map(day).collect()
    }

    /// What went where since a moment, the places with most bytes sent first; at most 1,000 places.
    ///
    /// SECURITY: for administrators; whoever calls has checked that.
    pub async fn egress_sums(&self, since: Timestamp) -> Result<Vec<EgressSum>, Fault> {
        const READ: &str = "SELECT o.purpose, o.host, o.port, \
             CAST(SUM(CASE WHEN o.kind = 0 THEN 1 ELSE 0 END) AS BIGINT) AS n_opened, \
             CAST(SUM(CASE WHEN o.kind = 2 THEN 1 ELSE 0 END) AS BIGINT) AS n_refused, \
             CAST(COALESCE(SUM(c.sent), 0) AS BIGINT) AS n_sent, \
             CAST(COALESCE(SUM(c.received), 0) AS BIGINT) AS n_received, MAX(o.at) AS last_at \
             FROM egress_ledger o LEFT JOIN egress_ledger c ON c.about = o.seq \
             WHERE o.kind <> 1 AND o.at >= $1 GROUP BY o.purpose, o.host, o.port \
             ORDER BY n_sent DESC, o.host, o.port, o.purpose LIMIT 1000";
        let rows = self.database().rows(READ, values![since]).await?;
        let sum = |row: &Row| {
            Ok(EgressSum {
                purpose: row.text("purpose")?,
                host: row.text("host")?,
                port: port_of(row)?,
                n_opened: row.unsigned("n_opened")?,
                n_refused: row.unsigned("n_refused")?,
                n_sent: row.unsigned("n_sent")?,
                n_received: row.unsigned("n_received")?,
                last_at: row.time("last_at")?,
            })
        };
        rows.iter().map(sum).collect()
    }
}

/// The frontier of a tree of that size, from the head.
pub(crate) fn frontier_of(size: i64, head: &Row) -> Result<Frontier, Fault> {
    const IMPOSSIBLE: Fault = Fault::ImpossibleValue { column: "egress_head.frontier" };
    let size = u64::try_from(size).map_err(|_| IMPOSSIBLE)?;
    Frontier::from_bytes(size, &head.bytes("frontier")?).map_err(|_| IMPOSSIBLE)
}

fn port_of(row: &Row) -> Result<u16, Fault> {
    u16::try_from(row.int("port")?).map_err(|_| Fault::ImpossibleValue { column: "port" })
}

fn entry_from(row: &Row) -> Result<EgressEntry, Fault> {
    let address = row.maybe_text("address")?.map(|text| text.parse());
    let end = match row.maybe_time("end_at")? {
        None => None,
        Some(at) => Some(EgressEnd {
            at,
            outcome: row.text("outcome")?,
            n_sent: row.unsigned("sent")?,
            n_received: row.unsigned("received")?,
            digest: row.bytes("digest")?,
        }),
    };
    Ok(EgressEntry {
        seq: row.int("seq")?,
        at: row.time("at")?,
        purpose: row.text("purpose")?,
        host: row.text("host")?,
        port: port_of(row)?,
        address: address.transpose().map_err(|_| Fault::ImpossibleValue { column: "address" })?,
        initiator: row.text("initiator")?,
        code: row.text("code")?,
        reason: row.maybe_text("reason")?,
        body: row.maybe_bytes("body")?,
        end,
    })
}
