//! What this instance told a hub: shown to its owner first, then sent, with the hub's receipts.

use crate::database::{Row, values};
use crate::{Fault, Store, Timestamp};
use access::audit::{Act, Entry, Object};

/// How far a statement came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationState {
    /// It was shown; nothing left.
    Shown,
    /// It was sent; no answer was read.
    Sent,
    /// The hub took it.
    Taken,
    /// The hub did not take it.
    Refused,
}

impl RegistrationState {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            RegistrationState::Shown => "shown",
            RegistrationState::Sent => "sent",
            RegistrationState::Taken => "taken",
            RegistrationState::Refused => "refused",
        }
    }

    fn code(self) -> i64 {
        self as i64
    }

    fn of_code(code: i64) -> Result<Self, Fault> {
        use RegistrationState::{Refused, Sent, Shown, Taken};
        let found = [Shown, Sent, Taken, Refused].into_iter().find(|state| state.code() == code);
        found.ok_or(Fault::ImpossibleValue { column: "registration.state" })
    }
}

/// A statement for a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Its number here.
    pub seq: i64,
    /// The hub's key.
    pub hub: String,
    /// What it wants, in a word.
    pub act: String,
    /// The bytes that are sent.
    pub statement: String,
    /// SHA-256 of them.
    pub digest: Vec<u8>,
    /// When it was made.
    pub made_at: Timestamp,
    /// How far it came.
    pub state: RegistrationState,
    /// When the hub's answer came.
    pub answered_at: Option<Timestamp>,
    /// The receipt, or why it was not taken.
    pub answer: Option<String>,
}

impl Store {
    /// Keeps a statement that is about to be shown, in place of others that were shown and not sent.
    pub async fn show_registration(
        &self,
        hub: &str,
        act: &str,
        statement: &str,
        digest: [u8; 32],
    ) -> Result<(), Fault> {
        const NEXT: &str = "SELECT CAST(COALESCE(MAX(seq), 0) + 1 AS BIGINT) AS seq FROM registration";
        const PUT: &str = "INSERT INTO registration (seq, hub, act, statement, digest, made_at, state) \
             VALUES ($1, $2, $3, $4, $5, $6, 0)";
        let mut transaction = self.database().begin().await?;
        transaction.execute("DELETE FROM registration WHERE state = 0", values![]).await?;
        let row = transaction.row(NEXT, values![]).await?;
        let seq = row.ok_or(Fault::ImpossibleValue { column: "registration.seq" })?.int("seq")?;
        let values =
            values![seq, hub.to_owned(), act.to_owned(), statement.to_owned(), digest.to_vec(), self.now()];
        transaction.execute(PUT, values).await?;
        transaction.commit().await
    }

    /// Takes the statement that was shown under this digest, once: it counts as sent from now on. `None` where none was shown.
    pub async fn begin_registration(&self, digest: [u8; 32]) -> Result<Option<Registration>, Fault> {
        const TAKE: &str = "UPDATE registration SET state = 1 WHERE state = 0 AND digest = $1 RETURNING seq, hub, act, \
             statement, digest, made_at, state, answered_at, answer";
        let mut transaction = self.database().begin().await?;
        let row = transaction.row(TAKE, values![digest.to_vec()]).await?;
        let taken = row.map(|row| registration_from(&row)).transpose()?;
        if let Some(taken) = &taken {
            let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            let entry = Entry::new(Act::SendRegistration, Object::named("hub", &taken.hub));
            self.record_in(&mut transaction, entry.detail("act", &taken.act).detail("sha256", sha256))
                .await?;
        }
        transaction.commit().await?;
        Ok(taken)
    }

    /// Notes what the hub answered.
    pub async fn end_registration(
        &self,
        seq: i64,
        state: RegistrationState,
        answer: &str,
    ) -> Result<(), Fault> {
        const PUT: &str = "UPDATE registration SET state = $1, answered_at = $2, answer = $3 WHERE seq = $4";
        let values = values![state.code(), self.now(), answer.to_owned(), seq];
        self.database().execute(PUT, values).await.map(drop)
    }

    /// Every statement that was shown last or sent, the newest first; at most 1,000.
    pub async fn registrations(&self) -> Result<Vec<Registration>, Fault> {
        const READ: &str = "SELECT seq, hub, act, statement, digest, made_at, state, answered_at, answer \
             FROM registration ORDER BY seq DESC LIMIT 1000";
        let rows = self.database().rows(READ, values![]).await?;
        rows.iter().map(registration_from).collect()
    }
}

fn registration_from(row: &Row) -> Result<Registration, Fault> {
    Ok(Registration {
        seq: row.int("seq")?,
        hub: row.text("hub")?,
        act: row.text("act")?,
        statement: row.text("statement")?,
        digest: row.bytes("digest")?,
        made_at: row.time("made_at")?,
        state: RegistrationState::of_code(row.int("state")?)?,
        answered_at: row.maybe_time("answered_at")?,
        answer: row.maybe_text("answer")?,
    })
}
