//! The outbox: each week's ping as the bytes that are shown and, once approved, sent; and what became of it.

use crate::database::{Row, Transaction, values};
use crate::dialect::Dialect;
use crate::{Fault, Store, Timestamp};
use access::audit::{Act, Entry, Object};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::time::Duration;
use telemetry::{Counter, Deeds, Instance, SCHEMA, Week, WeekOfUse, compose};

/// Longest reply that is kept, in bytes.
const REPLY_BYTES_MAX: usize = 4096;
const ERROR_BYTES_MAX: usize = 300;
/// Longest address of a destination.
const DESTINATION_BYTES_MAX: usize = 500;
/// Tries after which a ping is given up: with the pauses between them some four days.
const N_TRIES_MAX: i64 = 8;
const FIRST_PAUSE: Duration = Duration::from_secs(30 * 60);
/// A ping that was taken for sending and never heard of again is nobody's after this.
const SENDING_FOR: Duration = Duration::from_secs(10 * 60);
/// Pings on a page.
const N_ROWS_MAX: i64 = 200;

/// The number of a ping in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PingId(pub i64);

/// What becomes of a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PingState {
    /// Made to be looked at; pings were not on.
    Local,
    /// Waits for somebody to look at its bytes and to decide.
    Waiting,
    /// May be sent.
    Approved,
    /// Is being sent.
    Sending,
    /// Was sent, and received.
    Sent,
    /// Will not be sent.
    Denied,
    /// Could not be sent, often enough.
    Failed,
}

impl PingState {
    const ALL: [PingState; 7] = [
        PingState::Local,
        PingState::Waiting,
        PingState::Approved,
        PingState::Sending,
        PingState::Sent,
        PingState::Denied,
        PingState::Failed,
    ];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            PingState::Local => "local",
            PingState::Waiting => "waiting",
            PingState::Approved => "approved",
            PingState::Sending => "sending",
            PingState::Sent => "sent",
            PingState::Denied => "denied",
            PingState::Failed => "failed",
        }
    }
}

/// A ping in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPing {
    /// Its number.
    pub id: PingId,
    /// The week it is of.
    pub week: Week,
    /// The version of the register it was made by.
    pub schema: u32,
    /// What is shown and what is sent.
    pub bytes: Vec<u8>,
    /// What becomes of it.
    pub state: PingState,
    /// When it was made.
    pub made_at: Timestamp,
    /// Who approved or denied it; nobody where the approval of its schema counted.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// Where it was sent.
    pub destination: Option<String>,
    /// When it was received there.
    pub sent_at: Option<Timestamp>,
    /// What was answered, status and text: the receipt.
    pub reply: Option<(u16, Vec<u8>)>,
    /// Why it could not be sent the last time.
    pub error: Option<String>,
}

impl StoredPing {
    /// The SHA-256 of its bytes: what an approval names.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.bytes).into()
    }
}

/// How a try to send a ping went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It was received.
    Received {
        /// The status of the reply.
        status: u16,
        /// Its text.
        reply: Vec<u8>,
    },
    /// It was not, or nobody knows.
    NotReceived {
        /// Why.
        reason: String,
    },
}

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum DecidePingError {
    /// There is no such ping.
    #[error("there is no such ping")]
    Unknown,
    /// It was sent, is being sent, or cannot be sent.
    #[error("this ping is {0}; nothing can be decided about it any more")]
    Over(&'static str),
    /// Other bytes were looked at.
    #[error("these are not the bytes that were shown; look at them again")]
    OtherBytes,
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Store {
    /// Makes the pings of the weeks that are over and were counted by person, and forgets those people. With a destination they
    /// wait for an approval, or have it by that of their schema; without one they are only to be looked at. Returns how many
    /// were made.
    pub async fn make_pings(&self, destination: Option<&str>) -> Result<usize, Fault> {
        const WEEKS: &str = "SELECT DISTINCT week FROM usage_people WHERE week < $1 ORDER BY week LIMIT 100";
        let current = Week::of_ms(self.now().0).begins_ms();
        let rows = self.database().rows(WEEKS, values![current]).await?;
        for row in &rows {
            self.make_ping(Week::of_ms(row.int("week")?), destination).await?;
        }
        Ok(rows.len())
    }

    /// Forgets what was counted by person, where no ping will be made from it. Returns how many rows there were.
    pub async fn forget_counted_people(&self) -> Result<u64, Fault> {
        self.database().execute("DELETE FROM usage_people", values![]).await
    }

    async fn make_ping(&self, week: Week, destination: Option<&str>) -> Result<(), Fault> {
        const PUT: &str = "INSERT INTO pings (week, schema_version, bytes, state, made_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (week) DO NOTHING";
        const FORGET: &str = "DELETE FROM usage_people WHERE week <= $1";
        let mut transaction = self.database().begin().await?;
        let used = people_of(&mut transaction, week).await?;
        let count = "SELECT COUNT(*) AS n FROM repositories";
        let n_repositories = match transaction.row(count, values![]).await? {
            Some(row) => row.unsigned("n")?,
            None => 0,
        };
        let is_postgres = transaction.dialect() == Dialect::Postgres;
        let randomness = &*self.inner.randomness;
        let mut draw = || {
            let mut bits = [0; 8];
            randomness.fill(&mut bits).map(|()| u64::from_le_bytes(bits))
        };
        let ping = compose(week, &used, Instance { is_postgres, n_repositories }, &mut draw)?;
        let state = match destination {
            None => PingState::Local,
            Some(destination) if is_approved(&mut transaction, destination).await? => PingState::Approved,
            Some(_) => PingState::Waiting,
        };
        let row = values![week.begins_ms(), i64::from(SCHEMA), ping.to_bytes(), state.as_str(), self.now()];
        transaction.execute(PUT, row).await?;
        transaction.execute(FORGET, values![week.begins_ms()]).await?;
        transaction.commit().await
    }

    /// The outbox, the newest week first.
    ///
    /// SECURITY: for administrators; whoever calls has checked that.
    pub async fn pings(&self) -> Result<Vec<StoredPing>, Fault> {
        const READ: &str = "SELECT * FROM pings ORDER BY week DESC LIMIT $1";
        let rows = self.database().rows(READ, values![N_ROWS_MAX]).await?;
        rows.iter().map(ping_from).collect()
    }

    /// Who approved pings of this version of the register for a destination, and when.
    pub async fn ping_approval(&self, destination: &str) -> Result<Option<(String, Timestamp)>, Fault> {
        const READ: &str = "SELECT approved_by, approved_at FROM ping_approvals \
             WHERE schema_version = $1 AND destination = $2";
        let row = self.database().row(READ, values![i64::from(SCHEMA), destination]).await?;
        row.map(|row| Ok((row.text("approved_by")?, row.time("approved_at")?))).transpose()
    }

    /// Approves a ping, its exact bytes having been seen, and with it later ones of the same schema for the same destination.
    /// `seen` is the SHA-256 of the bytes that were shown.
    pub async fn approve_ping(
        &self,
        id: PingId,
        seen: [u8; 32],
        destination: &str,
    ) -> Result<(), DecidePingError> {
        const APPROVE: &str = "UPDATE pings SET state = 'approved', decided_by = $2, decided_at = $3, n_tries = 0, next_try_at = NULL \
             WHERE id = $1";
        const NOTE: &str = "INSERT INTO ping_approvals (schema_version, destination, digest, approved_by, approved_at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (schema_version, destination) DO NOTHING";
        Fault::check_storable("destination", destination, DESTINATION_BYTES_MAX)?;
        let mut transaction = self.database().begin().await?;
        let ping = open_ping(&mut transaction, id).await?;
        if ping.digest() != seen {
            return Err(DecidePingError::OtherBytes);
        }
        let (who, now) = (self.origin().name().to_owned(), self.now());
        transaction.execute(APPROVE, values![id.0, who.clone(), now]).await?;
        let row = values![i64::from(ping.schema), destination, seen.to_vec(), who, now];
        transaction.execute(NOTE, row).await?;
        let entry = Entry::new(Act::DecidePing, Object::named("ping", &ping.week.to_string()));
        let entry = entry.detail("decision", "approved").detail("destination", destination);
        self.record_in(&mut transaction, entry).await?;
        Ok(transaction.commit().await?)
    }

    /// Denies a ping: it is kept to be looked at and never sent.
    pub async fn deny_ping(&self, id: PingId) -> Result<(), DecidePingError> {
        const DENY: &str =
            "UPDATE pings SET state = 'denied', decided_by = $2, decided_at = $3 WHERE id = $1";
        let mut transaction = self.database().begin().await?;
        let ping = open_ping(&mut transaction, id).await?;
        transaction.execute(DENY, values![id.0, self.origin().name().to_owned(), self.now()]).await?;
        let entry = Entry::new(Act::DecidePing, Object::named("ping", &ping.week.to_string()));
        self.record_in(&mut transaction, entry.detail("decision", "denied")).await?;
        Ok(transaction.commit().await?)
    }

    /// Takes back the approval of later pings; those that wait to be sent wait for a decision again.
    pub async fn withdraw_ping_approval(&self, destination: &str) -> Result<(), Fault> {
        const FORGET: &str = "DELETE FROM ping_approvals WHERE destination = $1";
        const WAIT: &str = "UPDATE pings SET state = 'waiting' WHERE state = 'approved'";
        let mut transaction = self.database().begin().await?;
        transaction.execute(FORGET, values![destination]).await?;
        transaction.execute(WAIT, values![]).await?;
        let entry = Entry::new(Act::DecidePing, Object::named("pings", destination));
        self.record_in(&mut transaction, entry.detail("decision", "approval withdrawn")).await?;
        transaction.commit().await
    }

    /// Takes the oldest ping that may be sent now to a destination; nobody else gets it meanwhile.
    pub async fn take_ping(&self, destination: &str) -> Result<Option<StoredPing>, Fault> {
        const NEXT: &str = "SELECT * FROM pings WHERE (state = 'approved' AND (next_try_at IS NULL OR next_try_at <= $1)) \
             OR (state = 'sending' AND next_try_at <= $1) ORDER BY week LIMIT 1 {skip_locked}";
        const TAKE: &str =
            "UPDATE pings SET state = 'sending', n_tries = n_tries + 1, next_try_at = $2 WHERE id = $1";
        let now = self.now();
        let mut transaction = self.database().begin().await?;
        // SECURITY: an approval is for one destination; another one in the configuration needs another.
        if !is_approved(&mut transaction, destination).await? {
            return Ok(None);
        }
        let Some(row) = transaction.row(NEXT, values![now]).await? else { return Ok(None) };
        let ping = ping_from(&row)?;
        transaction.execute(TAKE, values![ping.id.0, now.plus(SENDING_FOR)]).await?;
        transaction.commit().await?;
        Ok(Some(ping))
    }

    /// Writes down how it went.
    pub async fn ping_posted(&self, id: PingId, destination: &str, posted: &Posted) -> Result<(), Fault> {
        const SENT: &str = "UPDATE pings SET state = 'sent', destination = $2, sent_at = $3, reply_status = $4, reply = $5, \
             error = NULL WHERE id = $1 AND state = 'sending'";
        const TRIES: &str = "SELECT n_tries FROM pings WHERE id = $1 AND state = 'sending'";
        const FAILED: &str =
            "UPDATE pings SET state = $2, error = $3, next_try_at = $4 WHERE id = $1 AND state = 'sending'";
        let now = self.now();
        let mut transaction = self.database().begin().await?;
        match posted {
            Posted::Received { status, reply } => {
                let reply = reply[..reply.len().min(REPLY_BYTES_MAX)].to_vec();
                let row = values![id.0, destination, now, i64::from(*status), reply];
                transaction.execute(SENT, row).await?;
            }
            Posted::NotReceived { reason } => {
                let tries = transaction.row(TRIES, values![id.0]).await?;
                let Some(n_tries) = tries.map(|row| row.int("n_tries")).transpose()? else { return Ok(()) };
                let state = if n_tries >= N_TRIES_MAX { PingState::Failed } else { PingState::Approved };
                let pause = FIRST_PAUSE * (1 << n_tries.clamp(1, 10));
                let reason = &reason[..reason.floor_char_boundary(ERROR_BYTES_MAX)];
                transaction.execute(FAILED, values![id.0, state.as_str(), reason, now.plus(pause)]).await?;
            }
        }
        transaction.commit().await
    }
}

/// What people did in a week, each limited. Who left the counting is not among them.
async fn people_of(transaction: &mut Transaction, week: Week) -> Result<WeekOfUse, Fault> {
    const READ: &str = "SELECT user_id, counter, n FROM usage_people WHERE week = $1 \
         AND user_id NOT IN (SELECT user_id FROM usage_opted_out)";
    let rows = transaction.rows(READ, values![week.begins_ms()]).await?;
    let mut people: BTreeMap<i64, Deeds> = BTreeMap::new();
    for row in &rows {
        let number = row.int("counter")?;
        let Some(counter) = Counter::ALL.into_iter().find(|counter| i64::from(counter.number()) == number)
        else {
            continue;
        };
        let n = u32::try_from(row.int("n")?).unwrap_or(u32::MAX);
        people.entry(row.int("user_id")?).or_default()[counter as usize] = n;
    }
    let mut used = WeekOfUse::default();
    people.values().for_each(|deeds| used.add(deeds));
    Ok(used)
}

async fn is_approved(transaction: &mut Transaction, destination: &str) -> Result<bool, Fault> {
    const READ: &str = "SELECT 1 AS there FROM ping_approvals WHERE schema_version = $1 AND destination = $2";
    Ok(transaction.row(READ, values![i64::from(SCHEMA), destination]).await?.is_some())
}

/// A ping about which something can still be decided.
async fn open_ping(transaction: &mut Transaction, id: PingId) -> Result<StoredPing, DecidePingError> {
    let row = transaction.row("SELECT * FROM pings WHERE id = $1", values![id.0]).await?;
    let ping = ping_from(&row.ok_or(DecidePingError::Unknown)?)?;
    match ping.state {
        PingState::Local
        | PingState::Waiting
        | PingState::Approved
        | PingState::Failed
        | PingState::Denied
            if ping.schema == SCHEMA =>
        {
            Ok(ping)
        }
        state => Err(DecidePingError::Over(state.as_str())),
    }
}

fn ping_from(row: &Row) -> Result<StoredPing, Fault> {
    let state = row.text("state")?;
    let state = PingState::ALL.into_iter().find(|known| known.as_str() == state);
    let status = row.maybe_int("reply_status")?.map(|status| u16::try_from(status).unwrap_or(0));
    let reply = row.maybe_bytes("reply")?;
    Ok(StoredPing {
        id: PingId(row.int("id")?),
        week: Week::of_ms(row.int("week")?),
        schema: u32::try_from(row.int("schema_version")?).unwrap_or(0),
        bytes: row.bytes("bytes")?,
        state: state.ok_or(Fault::ImpossibleValue { column: "state" })?,
        made_at: row.time("made_at")?,
        decided_by: row.maybe_text("decided_by")?,
        decided_at: row.maybe_time("decided_at")?,
        destination: row.maybe_text("destination")?,
        sent_at: row.maybe_time("sent_at")?,
        reply: status.zip(reply),
        error: row.maybe_text("error")?,
    })
}
