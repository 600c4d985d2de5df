//! That nobody sees what they may not: what code hosts say against what is stored, what is stored against everybody's rights,
//! everybody's rights against what the server shows them, and what it shows of a repository that is planted for this.

mod doors;
mod garden;
mod planted;
mod rights;
mod says;
mod shown;
mod sweep;

pub use doors::{Coverage, coverage};

use crate::report::{Check, Part, Report, Verdict};
use crate::{LiveServer, LiveServerError, Watch};
use access::audit::{Act, Entry, Object, Outcome};
use access::{Clock, Randomness, RandomnessError, Timestamp};
use egress::SendError;
use hosts::SyncWorker;
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use store::{Fault, Store};

/// What the proof is made with.
pub struct Setup<'a> {
    /// The database of the server, acting for the owner of the data directory.
    pub store: &'a Store,
    /// Compares code hosts and asks them.
    pub hosts: &'a SyncWorker,
    /// The server.
    pub server: &'a LiveServer,
    /// A folder on the server's machine for what is planted; it need not exist, and is empty afterwards.
    pub scratch: PathBuf,
    /// How many people's own views are asked for, chosen at random.
    pub n_people: usize,
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Draws names nobody can foretell.
    pub randomness: &'a dyn Randomness,
    /// The version of this program.
    pub version: String,
}

/// The proof could not be made. What was planted is taken away all the same.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The server.
    #[error(transparent)]
    Server(#[from] LiveServerError),
    /// The database.
    #[error(transparent)]
    Store(#[from] Fault),
    /// The machine.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The server went away.
    #[error("the server stopped answering: {0}")]
    Gone(#[from] SendError),
    /// Something cannot be planted.
    #[error("cannot make what the proof looks for: {reason}")]
    Plant {
        /// Why.
        reason: String,
    },
}

/// A moment between two readings may change who reads what: what is found is looked for once more.
const N_ATTEMPTS: usize = 2;

/// Makes the proof and records that it was made. Takes away what it planted, whatever happens.
pub async fn run(setup: &Setup<'_>, watch: Watch<'_>) -> Result<Report, VerifyError> {
    setup.server.check().await?;
    sweep::sweep(setup).await?;
    let began_at = setup.clock.now();
    let looked = look(setup, watch).await;
    let swept = sweep::sweep(setup).await;
    let parts = looked?;
    swept?;
    let mut report = Report {
        title: "Permissions".to_owned(),
        promise:
            "Nobody sees what they may not: not a name, not a count, not a suggestion, not an error message."
                .to_owned(),
        server: setup.server.address().to_owned(),
        version: setup.version.clone(),
        began_at_ms: began_at.0,
        ended_at_ms: began_at.0,
        verdict: Verdict::NotProven,
        parts,
    };
    report.conclude(setup.clock.now());
    setup.store.record(entry_of(&report)).await?;
    Ok(report)
}

async fn look(setup: &Setup<'_>, watch: Watch<'_>) -> Result<Vec<Part>, VerifyError> {
    let mut attempt = 1;
    let (said, rights, everybody) = loop {
        let (said, hosts) = says::look(setup, watch).await?;
        let (rights, everybody) = rights::look(setup, &hosts, watch).await?;
        let found = said.checks.iter().chain(&rights.checks).any(|check| check.verdict == Verdict::Failed);
        if !found || attempt == N_ATTEMPTS {
            break (said, rights, everybody);
        }
        attempt += 1;
    };
    let shown = shown::look(setup, &everybody, watch).await?;
    let planted = planted::look(setup, watch).await?;
    watch("reading the audit log", 0, 0);
    let log = audit_log(setup, &planted).await?;
    Ok(vec![said, rights, shown, planted.part, log])
}

/// That the log holds the questions that were asked.
async fn audit_log(setup: &Setup<'_>, planted: &planted::Planted) -> Result<Part, VerifyError> {
    let mut intact = Check::new(
        "log.intact",
        "The audit log is what was written: nothing edited, deleted, put in or cut off.",
    );
    let report = setup.store.verify_audit().await?;
    report.faults.iter().for_each(|fault| intact.fail(fault.to_string()));
    let intact = intact.measured(format!("{} entries, the last hash {}", report.n_entries, report.last_hash));
    let mut told = Check::new(
        "log.reads",
        "Every reading of the planted repository stands in it, under the name of who read it.",
    );
    let n_found = planted::readings_in_log(setup, planted).await?;
    if n_found < planted.n_readings {
        told.fail(format!("{n_found} of {} readings are in the log", planted.n_readings));
    }
    let told = told.measured(format!("{} readings", planted.n_readings));
    Ok(Part {
        title: "What the log tells of it".to_owned(),
        method: "The chain of the log is computed anew, and the questions of this proof are looked up in it."
            .to_owned(),
        checks: vec![intact, told],
    })
}

fn entry_of(report: &Report) -> Entry {
    let data = serde_json::to_vec(report).unwrap_or_default();
    let hex: String = Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect();
    let outcome = match report.verdict {
        Verdict::Held => Outcome::Done,
        Verdict::Failed | Verdict::NotProven => Outcome::Failed,
    };
    let entry = Entry::new(Act::Verify, Object::named("proof", "permissions")).outcome(outcome);
    let entry = entry.detail("verdict", report.verdict.as_str()).detail("held", report.count(Verdict::Held));
    let entry = entry.detail("failed", report.count(Verdict::Failed));
    entry.detail("not_proven", report.count(Verdict::NotProven)).detail("report_sha256", hex)
}

/// Random letters.
fn letters(setup: &Setup<'_>, n: usize) -> Result<String, RandomnessError> {
    let mut bytes = vec![0u8; n];
    setup.randomness.fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| char::from(b'a' + byte % 26)).collect())
}

/// Indices into a list of this length, all different, in random order, `n` at most.
fn draw(setup: &Setup<'_>, len: usize, n: usize) -> Result<Vec<usize>, RandomnessError> {
    let mut order: Vec<usize> = (0..len).collect();
    let n = n.min(len);
    for at in 0..n {
        let mut bytes = [0u8; 8];
        setup.randomness.fill(&mut bytes)?;
        let left = (len - at) as u64;
        let other = at + usize::try_from(u64::from_le_bytes(bytes) % left).unwrap_or(0);
        order.swap(at, other);
    }
    order.truncate(n);
    Ok(order)
}

/// A count with its noun.
fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// How long ago, for people.
fn age(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.since(then).as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}
