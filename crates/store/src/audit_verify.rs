//! Proving that the audit log is what was written.

use crate::audit::{hash_of, record_from, select_entries};
use crate::audit_anchor::{AuditHead, Noted};
use crate::audit_retention::{self, AuditFront, Front};
use crate::database::values;
use crate::{Fault, Store};
use access::audit::ChainHash;

/// Entries read at a time.
const N_STEP: i64 = 1000;
/// Most faults that are told one by one.
const N_FAULTS_MAX: usize = 100;

/// What is wrong with the audit log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditFault {
    /// Numbers are missing: entries were deleted.
    #[error("entries {from} to {to} are missing")]
    Missing {
        /// The first.
        from: i64,
        /// The last.
        to: i64,
    },
    /// An entry does not have the hash that belongs to it and to the one before it: it, or what stands before it, was
    /// edited, put in, or moved.
    #[error("entry {seq} is not what was written, or does not follow the one before it")]
    Changed {
        /// Which.
        seq: i64,
    },
    /// The log does not end where it says it ends.
    #[error(
        "the log ends at entry {found}, and its head says {expected}: its end was cut off, or its head was changed"
    )]
    Head {
        /// What the head says.
        expected: i64,
        /// Where it ends.
        found: i64,
    },
    /// The log ends before the entry that the note outside the database knows.
    #[error("the log ends at entry {found}, but it had reached entry {noted}: its end was cut off")]
    CutOff {
        /// The entry that was noted.
        noted: i64,
        /// Where it ends.
        found: i64,
    },
    /// The noted entry is another one.
    #[error("entry {seq} is not the one whose hash was noted outside the database: the log was written anew")]
    Rewritten {
        /// Which.
        seq: i64,
    },
    /// Where the log begins was not noted by the server.
    #[error(
        "the log begins after entry {seq}, and that is not what the server noted: entries were deleted, or the note was changed"
    )]
    Front {
        /// The last entry that is said to have been removed.
        seq: i64,
    },
    /// No entry says that retention removed what is missing.
    #[error("entries up to {seq} are missing, and no entry says that retention removed them")]
    Unsaid {
        /// The last entry that is missing.
        seq: i64,
    },
    /// There is no note.
    #[error(
        "the head of the log is not noted in '{path}': the file was removed, or this is not the server's data directory"
    )]
    NoNote {
        /// Where it was looked for.
        path: String,
    },
    /// The note was meddled with.
    #[error("the noted head in '{path}' cannot be used: {reason}")]
    BadNote {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// What the verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// Entries that were read.
    pub n_entries: u64,
    /// The last entry; 0 in an empty log.
    pub last_seq: i64,
    /// Its hash, in hexadecimal.
    pub last_hash: String,
    /// What retention removed from the front; `None` if it removed nothing.
    pub removed: Option<AuditFront>,
    /// From which entry on the end is held by the note outside the database; `None` if no such note is kept.
    pub noted_since: Option<i64>,
    /// The entry the note knows.
    pub noted_seq: Option<i64>,
    /// What is wrong, at most a hundred.
    pub faults: Vec<AuditFault>,
    /// All faults.
    pub n_faults: u64,
}

impl AuditReport {
    /// Whether the log is what was written.
    pub fn is_intact(&self) -> bool {
        self.n_faults == 0
    }

    fn fault(&mut self, fault: AuditFault) {
        self.n_faults += 1;
        if self.faults.len() < N_FAULTS_MAX {
            self.faults.push(fault);
        }
    }
}

impl Store {
    /// Reads the whole log, as of one moment, and compares every hash, the head, and the note outside the database.
    pub async fn verify_audit(&self) -> Result<AuditReport, Fault> {
        const STEP: &str = select_entries!("WHERE seq > $1 ORDER BY seq LIMIT $2");
        // Read first: the log may have moved on since, never back.
        let noted =
            self.database().anchor().map(|anchor| (anchor.read(), anchor.path().display().to_string()));
        let mut snapshot = self.database().snapshot().await?;
        let head = snapshot.row("SELECT seq, hash FROM audit_head WHERE id = 1", values![]).await?;
        let head = head.map(|row| Ok::<_, Fault>((row.int("seq")?, hash_of(&row)?))).transpose()?;
        let front = Front::read(&mut snapshot).await?;
        let is_ours = front.is_ours(self.vault());
        let mut walk = Walk::after(&front);
        if !is_ours {
            walk.report.fault(AuditFault::Front { seq: front.seq });
        }
        let wanted = match &noted {
            Some((Noted::Head(head), _)) => head.seq,
            _ => 0,
        };
        let mut noted_hash = match &noted {
            _ if wanted == front.seq => Some(front.hash),
            // What retention removed since is proved by its own note.
            Some((Noted::Head(head), _)) if wanted < front.seq && is_ours => Some(head.hash),
            _ => None,
        };
        let mut is_said = front.shown().is_none();
        // No entry has a number below 1, but one that was put in may.
        let mut after = i64::MIN;
        loop {
            let rows = snapshot.rows(STEP, values![after, N_STEP]).await?;
            let Some(last) = rows.last() else { break };
            after = last.int("seq")?;
            for row in &rows {
                let (record, stored) = record_from(row)?;
                walk.entry(record.seq, record.hash_after(walk.previous), stored);
                is_said = is_said || audit_retention::says(&record, &front);
                if record.seq == wanted {
                    noted_hash = Some(stored);
                }
            }
        }
        if !is_said {
            walk.report.fault(AuditFault::Unsaid { seq: front.seq });
        }
        let Walk { mut report, previous, last } = walk;
        (report.last_seq, report.last_hash) = (last, previous.to_hex());
        match head {
            Some((seq, hash)) if seq == last && hash == previous => {}
            head => report.fault(AuditFault::Head { expected: head.map_or(0, |head| head.0), found: last }),
        }
        if let Some((noted, path)) = noted {
            compare_note(&mut report, noted, path, noted_hash);
        }
        Ok(report)
    }
}

struct Walk {
    report: AuditReport,
    previous: ChainHash,
    last: i64,
}

impl Walk {
    fn after(front: &Front) -> Self {
        let report = AuditReport { removed: front.shown(), ..AuditReport::default() };
        Walk { report, previous: front.hash, last: front.seq }
    }

    fn entry(&mut self, seq: i64, expected: ChainHash, stored: ChainHash) {
        self.report.n_entries += 1;
        let next = self.last.saturating_add(1);
        if seq > next {
            self.report.fault(AuditFault::Missing { from: next, to: seq - 1 });
        }
        if seq < 1 || expected != stored {
            self.report.fault(AuditFault::Changed { seq });
        }
        // What follows is judged by what stands there, so that one edit is one fault.
        (self.previous, self.last) = (stored, seq.max(self.last));
    }
}

fn compare_note(report: &mut AuditReport, noted: Noted, path: String, noted_hash: Option<ChainHash>) {
    match noted {
        Noted::Nothing if report.last_seq == 0 => {}
        Noted::Nothing => report.fault(AuditFault::NoNote { path }),
        Noted::Damaged(reason) => report.fault(AuditFault::BadNote { path, reason }),
        Noted::Head(AuditHead { first_seq, seq, hash }) => {
            (report.noted_since, report.noted_seq) = (Some(first_seq), Some(seq));
            if seq > report.last_seq {
                report.fault(AuditFault::CutOff { noted: seq, found: report.last_seq });
            } else if noted_hash != Some(hash) {
                report.fault(AuditFault::Rewritten { seq });
            }
        }
    }
}
