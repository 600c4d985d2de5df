//! A hub's servers: who made themselves known, each under a key that alone can change it.

use crate::database::{Row, Transaction, values};
use crate::{Fault, Store, Timestamp};
use access::Digest;
use access::audit::{Act, Entry, Object};
use std::time::Duration;

/// Most servers of one hub.
const N_SERVERS_MAX: i64 = 100_000;

/// A server that made itself known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubServer {
    /// Its public key.
    pub public: [u8; 32],
    /// Its name.
    pub name: String,
    /// How to reach whoever installed it, where they said so.
    pub contact: Option<String>,
    /// Since when it is known.
    pub since: Timestamp,
    /// When it was heard of last: it changed what it says.
    pub seen_at: Timestamp,
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHubServer {
    /// Its public key.
    pub public: [u8; 32],
    /// Its name.
    pub name: String,
    /// What must differ from every other name.
    pub folded: String,
    /// How to reach whoever installed it.
    pub contact: Option<String>,
}

/// The challenge that is used up by an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedChallenge {
    /// Its random bytes.
    pub nonce: [u8; 16],
    /// When the hub gave it.
    pub issued: Timestamp,
    /// For how long it could be used.
    pub valid_for: Duration,
}

/// A server is not registered or withdrawn.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The challenge was used, or is older than those that are remembered.
    #[error("the challenge was used before")]
    Used,
    /// Another key has the name.
    #[error("another server has this name")]
    NameTaken,
    /// Nothing is registered under the key.
    #[error("nothing is registered under this key")]
    Unknown,
    /// No room.
    #[error("there is no room for more servers")]
    Full,
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Store {
    /// The hub's time: the clock's, but never before the latest registration. So a clock that is set back makes no challenge
    /// usable that was forgotten.
    pub async fn hub_now(&self) -> Result<Timestamp, Fault> {
        let row = self.database().row("SELECT mark FROM hub_desk WHERE id = 1", values![]).await?;
        let row = row.ok_or(Fault::ImpossibleValue { column: "hub_desk" })?;
        Ok(self.now().max(row.time("mark")?))
    }

    /// Registers a server, or changes what is registered under its key; the challenge is used up in the same transaction.
    /// Returns the hub's time.
    ///
    /// SECURITY: whoever calls has checked that the key signed it.
    pub async fn hub_register(
        &self,
        server: NewHubServer,
        challenge: UsedChallenge,
    ) -> Result<Timestamp, RegisterError> {
        const TAKEN: &str = "SELECT 1 AS one FROM hub_server WHERE folded = $1 AND public <> $2";
        const COUNT: &str = "SELECT COUNT(*) AS n FROM hub_server WHERE public <> $1";
        const PUT: &str = "INSERT INTO hub_server (public, name, folded, contact, since, seen_at) \
             VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (public) DO UPDATE SET \
             name = excluded.name, folded = excluded.folded, contact = excluded.contact, seen_at = excluded.seen_at";
        let mut transaction = self.database().begin().await?;
        let now = use_challenge(&mut transaction, challenge, self.now()).await?;
        let public = server.public.to_vec();
        if transaction.row(TAKEN, values![server.folded.clone(), public.clone()]).await?.is_some() {
            return Err(RegisterError::NameTaken);
        }
        let counted = transaction.row(COUNT, values![public.clone()]).await?;
        if counted.map(|row| row.int("n")).transpose()?.unwrap_or(0) >= N_SERVERS_MAX {
            return Err(RegisterError::Full);
        }
        let values = values![public, server.name, server.folded, server.contact, now];
        transaction.execute(PUT, values).await?;
        transaction.commit().await?;
        Ok(now)
    }

    /// Forgets what is registered under a key; the challenge is used up in the same transaction. Returns the hub's time.
    ///
    /// SECURITY: whoever calls has checked that the key signed it.
    pub async fn hub_withdraw(
        &self,
        public: [u8; 32],
        challenge: UsedChallenge,
    ) -> Result<Timestamp, RegisterError> {
        let mut transaction = self.database().begin().await?;
        let now = use_challenge(&mut transaction, challenge, self.now()).await?;
        let gone =
            transaction.execute("DELETE FROM hub_server WHERE public = $1", values![public.to_vec()]).await?;
        if gone == 0 {
            return Err(RegisterError::Unknown);
        }
        transaction.commit().await?;
        Ok(now)
    }

    /// All servers of the hub, by name.
    ///
    /// SECURITY: for the hub's administrator; whoever calls has checked that.
    pub async fn hub_servers(&self) -> Result<Vec<HubServer>, Fault> {
        const READ: &str = "SELECT public, name, contact, since, seen_at FROM hub_server ORDER BY folded";
        let rows = self.database().rows(READ, values![]).await?;
        rows.iter().map(server_from).collect()
    }

    /// Whether this is the token that opens the list of servers.
    pub async fn is_hub_admin(&self, token: &str) -> Result<bool, Fault> {
        let row = self.database().row("SELECT admin FROM hub_desk WHERE id = 1", values![]).await?;
        let kept = row.map(|row| row.maybe_bytes("admin")).transpose()?.flatten();
        // Digests are compared, so how long it takes says nothing of the token.
        Ok(kept.is_some_and(|kept| kept == Digest::of(token).as_bytes()))
    }

    /// Keeps the digest of a new token. `only_first`: where there is one, nothing is changed. Returns whether it was kept.
    pub async fn set_hub_admin(&self, token: &str, only_first: bool) -> Result<bool, Fault> {
        const FIRST: &str = "UPDATE hub_desk SET admin = $1 WHERE id = 1 AND admin IS NULL";
        const ANY: &str = "UPDATE hub_desk SET admin = $1 WHERE id = 1";
        let digest = Digest::of(token).as_bytes().to_vec();
        let mut transaction = self.database().begin().await?;
        let n = transaction.execute(if only_first { FIRST } else { ANY }, values![digest]).await?;
        if n > 0 {
            self.record_in(&mut transaction, Entry::new(Act::ChangeHubToken, Object::named("hub", "")))
                .await?;
        }
        transaction.commit().await?;
        Ok(n > 0)
    }
}

/// Uses a challenge up and forgets those that nobody can use any more. Returns the hub's time, which is noted.
async fn use_challenge(
    transaction: &mut Transaction,
    challenge: UsedChallenge,
    clock: Timestamp,
) -> Result<Timestamp, RegisterError> {
    const TAKE: &str =
        "UPDATE hub_desk SET mark = CASE WHEN mark < $1 THEN $1 ELSE mark END WHERE id = 1 RETURNING mark";
    const USE: &str = "INSERT INTO hub_used (nonce, issued) VALUES ($1, $2) ON CONFLICT (nonce) DO NOTHING";
    let row = transaction.row(TAKE, values![clock]).await?;
    let now = row.ok_or(Fault::ImpossibleValue { column: "hub_desk" })?.time("mark")?;
    // SECURITY: by the hub's own time, which does not go back: what is forgotten below cannot be used again.
    let horizon = now.minus(challenge.valid_for);
    if challenge.issued < horizon {
        return Err(RegisterError::Used);
    }
    if transaction.execute(USE, values![challenge.nonce.to_vec(), challenge.issued]).await? == 0 {
        return Err(RegisterError::Used);
    }
    transaction.execute("DELETE FROM hub_used WHERE issued < $1", values![horizon]).await?;
    Ok(now)
}

fn server_from(row: &Row) -> Result<HubServer, Fault> {
    let public = row.bytes("public")?.try_into();
    Ok(HubServer {
        public: public.map_err(|_| Fault::ImpossibleValue { column: "hub_server.public" })?,
        name: row.text("name")?,
        contact: row.maybe_text("contact")?,
        since: row.time("since")?,
        seen_at: row.time("seen_at")?,
    })
}
