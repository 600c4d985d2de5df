//! Proving that the egress ledger is what was written.
//!
//! The whole tree is computed anew from the rows and compared with the head, with the head's signature, and with checkpoints
//! that were kept elsewhere. Whoever holds the database and the master key can write another ledger from the beginning; only
//! a checkpoint that was kept outside shows that.

use crate::database::{Row, values};
use crate::egress_ledger::{Leaf, frontier_of};
use crate::{Fault, Store};
use std::collections::{BTreeMap, HashSet};
use tlog::{Frontier, NoteError, Signed, leaf_hash};

/// Rows read at a time.
const N_STEP: i64 = 1000;
/// Most faults that are told one by one.
const N_FAULTS_MAX: usize = 100;

/// What is wrong with the egress ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressFault {
    /// Numbers are missing: rows were deleted.
    #[error("entries {from} to {to} are missing")]
    Missing {
        /// The first.
        from: i64,
        /// The last.
        to: i64,
    },
    /// A row is not what was hashed when it was written.
    #[error("entry {seq} is not what was written")]
    Changed {
        /// Which.
        seq: i64,
    },
    /// The end of a connection that never began, or that ended already.
    #[error("entry {seq} ends a connection that is not open")]
    Unopened {
        /// Which.
        seq: i64,
    },
    /// The ledger does not end where its head says.
    #[error(
        "the ledger has {found} entries, and its head says {expected}: its end was cut off, or its head was changed"
    )]
    Head {
        /// What the head says.
        expected: i64,
        /// What is there.
        found: i64,
    },
    /// The rows are not those the head was computed from.
    #[error("the root of the tree is not the one in the ledger's head: entries or the head were changed")]
    Root,
    /// The head is not signed, though there is a key.
    #[error("the checkpoint in the ledger's head cannot be used: {reason}")]
    Unsigned {
        /// Why.
        reason: NoteError,
    },
    /// A checkpoint that was kept says something else.
    #[error(
        "the ledger is not the one that {whose} was made of, when it had {size} entries: it was written anew or cut off"
    )]
    Against {
        /// Which checkpoint.
        whose: String,
        /// How many entries it knows.
        size: u64,
    },
    /// A checkpoint that was given cannot be used.
    #[error("{whose} cannot be used: {reason}")]
    BadCheckpoint {
        /// Which.
        whose: String,
        /// Why.
        reason: NoteError,
    },
}

/// A checkpoint that was kept outside the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// What it is called in messages, such as its file.
    pub whose: String,
    /// The note.
    pub note: Signed,
}

/// What the verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EgressReport {
    /// Entries that were read.
    pub n_entries: u64,
    /// Connections that were opened.
    pub n_opened: u64,
    /// Connections that are open, or whose end is not written down.
    pub n_open: u64,
    /// Things that were refused.
    pub n_refused: u64,
    /// Things that were said word by word: pings.
    pub n_said: u64,
    /// Checkpoints kept elsewhere that agree.
    pub n_witnesses: u64,
    /// The checkpoint of the ledger as it is, to be kept elsewhere.
    pub checkpoint: Option<String>,
    /// The key it is signed with, as others check it.
    pub key: Option<String>,
    /// What is wrong, at most a hundred.
    pub faults: Vec<EgressFault>,
    /// All faults.
    pub n_faults: u64,
}

impl EgressReport {
    /// Whether the ledger is what was written.
    pub fn is_intact(&self) -> bool {
        self.n_faults == 0
    }

    fn fault(&mut self, fault: EgressFault) {
        self.n_faults += 1;
        if self.faults.len() < N_FAULTS_MAX {
            self.faults.push(fault);
        }
    }
}

/// The state of the reading.
#[derive(Default)]
struct Reading {
    report: EgressReport,
    frontier: Frontier,
    open: HashSet<i64>,
    next: i64,
    /// Roots that are expected at a size, with whose they are.
    expected: BTreeMap<u64, Vec<(String, tlog::Hash)>>,
}

impl Store {
    /// Reads the whole ledger and recomputes its tree; memory does not grow with it. `progress` is told how many entries were
    /// read.
    pub async fn verify_egress(
        &self,
        witnesses: &[Witness],
        mut progress: impl FnMut(u64),
    ) -> Result<EgressReport, Fault> {
        const HEAD: &str = "SELECT size, frontier, checkpoint FROM egress_head WHERE id = 1";
        const READ: &str = "SELECT seq, at, kind, purpose, host, port, address, initiator, code, reason, about, outcome, \
             sent, received, digest, body, leaf FROM egress_ledger WHERE seq >= $1 ORDER BY seq LIMIT $2";
        let mut reading = Reading::default();
        let key = self.egress_verifying_key().await?;
        reading.report.key = key.as_ref().map(|key| key.to_text());
        for witness in witnesses {
            reading.expect(witness, key.as_ref());
        }
        let mut snapshot = self.database().snapshot().await?;
        let head = snapshot.row(HEAD, values![]).await?;
        loop {
            let rows = snapshot.rows(READ, values![reading.next, N_STEP]).await?;
            for row in &rows {
                reading.row(row);
            }
            progress(reading.report.n_entries);
            if rows.len() < N_STEP as usize {
                break;
            }
        }
        reading.head(head.as_ref(), key.as_ref());
        reading.report.n_open = reading.open.len() as u64;
        let mut report = reading.report;
        for (size, roots) in reading.expected {
            for (whose, _) in roots {
                report.fault(EgressFault::Against { whose, size });
            }
        }
        Ok(report)
    }
}

impl Reading {
    fn expect(&mut self, witness: &Witness, key: Option<&tlog::VerifyingKey>) {
        let whose = witness.whose.clone();
        let opened = match key {
            Some(key) => key.open_checkpoint(&witness.note),
            None => Err(NoteError::NotSigned),
        };
        match opened {
            Ok(checkpoint) => {
                self.expected.entry(checkpoint.size).or_default().push((whose, checkpoint.root));
            }
            Err(reason) => self.report.fault(EgressFault::BadCheckpoint { whose, reason }),
        }
        self.meet();
    }

    /// Compares with what is expected of the tree at this size.
    fn meet(&mut self) {
        let Some(roots) = self.expected.remove(&self.frontier.size()) else { return };
        let (root, size) = (self.frontier.root(), self.frontier.size());
        for (whose, expected) in roots {
            match expected == root {
                true => self.report.n_witnesses += 1,
                false => self.report.fault(EgressFault::Against { whose, size }),
            }
        }
    }

    fn row(&mut self, row: &Row) {
        let Ok(seq) = row.int("seq") else {
            self.report.fault(EgressFault::Changed { seq: self.next });
            self.next += 1;
            return;
        };
        if seq > self.next {
            self.report.fault(EgressFault::Missing { from: self.next, to: seq - 1 });
        }
        self.next = seq.saturating_add(1);
        self.report.n_entries += 1;
        let Some(hash) = self.leaf(seq, row) else {
            self.report.fault(EgressFault::Changed { seq });
            self.frontier.append(leaf_hash(b""));
            return;
        };
        self.frontier.append(hash);
        self.meet();
    }

    /// The hash of a row; `None` where it is not what was written.
    fn leaf(&mut self, seq: i64, row: &Row) -> Option<tlog::Hash> {
        let (leaf, at) = (Leaf::from_row(row).ok()?, row.time("at").ok()?);
        let unused = Leaf::UNUSED[match leaf {
            Leaf::Opened { .. } => 0,
            Leaf::Closed { .. } => 1,
            Leaf::Refused { .. } => 2,
            Leaf::Said { .. } => 3,
        }];
        if unused.iter().any(|column| !is_null(row, column)) {
            return None;
        }
        let hash = leaf_hash(&leaf.bytes(seq, at));
        if row.bytes("leaf").ok()? != hash.0[..8] {
            return None;
        }
        match leaf {
            Leaf::Opened { .. } => {
                self.report.n_opened += 1;
                self.open.insert(seq);
            }
            Leaf::Refused { .. } => self.report.n_refused += 1,
            Leaf::Said { .. } => self.report.n_said += 1,
            Leaf::Closed { about, .. } => {
                if !self.open.remove(&about) {
                    self.report.fault(EgressFault::Unopened { seq });
                }
            }
        }
        Some(hash)
    }

    fn head(&mut self, head: Option<&Row>, key: Option<&tlog::VerifyingKey>) {
        let found = i64::try_from(self.report.n_entries).unwrap_or(i64::MAX);
        let (Some(head), size) = (head, head.and_then(|head| head.int("size").ok())) else {
            return self.report.fault(EgressFault::Head { expected: 0, found });
        };
        let expected = size.unwrap_or(-1);
        if expected != found || self.next != found {
            self.report.fault(EgressFault::Head { expected, found });
        }
        if frontier_of(expected, head).ok().as_ref() != Some(&self.frontier) {
            self.report.fault(EgressFault::Root);
        }
        let Ok(text) = head.text("checkpoint") else {
            return self.report.fault(EgressFault::Unsigned { reason: NoteError::Malformed });
        };
        let Some(key) = key else { return };
        if text.is_empty() && expected == 0 {
            return;
        }
        match key.open_checkpoint(&Signed(text.clone())) {
            Err(reason) => self.report.fault(EgressFault::Unsigned { reason }),
            Ok(checkpoint)
                if checkpoint.size != self.frontier.size() || checkpoint.root != self.frontier.root() =>
            {
                self.report.fault(EgressFault::Root);
            }
            Ok(_) => self.report.checkpoint = Some(text),
        }
    }
}

fn is_null(row: &Row, column: &'static str) -> bool {
    match column {
        "digest" | "body" => matches!(row.maybe_bytes(column), Ok(None)),
        "port" | "about" | "sent" | "received" => matches!(row.maybe_int(column), Ok(None)),
        _ => matches!(row.maybe_text(column), Ok(None)),
    }
}
