//! Sessions: who signed in, from when until when.

use crate::audit_objects;
use crate::database::{Row, Transaction, Value, values};
use crate::{Fault, Recognized, Store, Timestamp, User};
use crate::{access_facts, attempts};
use access::audit::{Act, Entry, Object};
use access::{Actor, Caller, ClientAddress, Scope, SessionId, SessionSecret, Via};
use model::UserId;
use std::time::Duration;

/// How exactly "last used" is kept: a write per request would be one too many.
pub(crate) const USE_RESOLUTION: Duration = Duration::from_secs(60);
/// Longest idle time; sums with it stay far from the end of time.
const IDLE_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
/// Most sessions of one account; beyond them the one begun first ends.
const N_SESSIONS_MAX: i64 = 50;

/// Longest description of a browser that is kept, in characters.
const AGENT_CHARS_MAX: usize = 200;

const INSERT: &str = "INSERT INTO sessions \
     (id, digest, user_id, created_at, last_used_at, idle_ms, ends_at, proved_at, address, agent, proxy_name) \
     SELECT $1, $2, id, $4, $4, $5, $6, $9, $7, $8, $10 FROM users WHERE id = $3 AND disabled_at IS NULL AND is_service = 0";
const KEEP_NEWEST: &str = "DELETE FROM sessions WHERE user_id = $1 AND id NOT IN \
     (SELECT id FROM sessions WHERE user_id = $1 ORDER BY created_at DESC, id LIMIT $2)";

/// How long a session lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// It ends when it was not used for so long.
    pub idle: Duration,
    /// It ends so long after signing in, used or not.
    pub absolute: Duration,
}

impl Default for SessionLimits {
    /// A week, and a month.
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        SessionLimits { idle: 7 * DAY, absolute: 30 * DAY }
    }
}

/// Where a session began: shown to its owner, who may know it for theirs or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionOrigin {
    /// From which address.
    pub address: Option<ClientAddress>,
    /// What the browser called itself; cut to 200 characters.
    pub agent: Option<String>,
    /// By what it began, for the log; `None` for what is proved here.
    pub by: Option<String>,
    /// When its owner proved who they are, where that was earlier and elsewhere.
    pub proved_at: Option<Timestamp>,
    /// The name by which a proxy in front let them in: the session is good for as long as it does.
    pub proxy_name: Option<String>,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its public name.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Timestamp,
    /// When it ends if it is not used.
    pub idle_until: Timestamp,
    /// When it ends in any case.
    pub ends_at: Timestamp,
    /// When its owner last proved who they are: by signing in, or again since.
    pub proved_at: Timestamp,
    /// From which address it began.
    pub address: Option<String>,
    /// What the browser called itself.
    pub agent: Option<String>,
}

impl Store {
    /// Begins a session. The secret is returned this once. For an account that is gone or shut it is never valid.
    pub async fn start_session(
        &self,
        user: UserId,
        limits: SessionLimits,
    ) -> Result<(SessionSecret, Session), Fault> {
        self.start_session_from(user, limits, SessionOrigin::default()).await
    }

    /// The same, remembering where it began.
    pub async fn start_session_from(
        &self,
        user: UserId,
        limits: SessionLimits,
        origin: SessionOrigin,
    ) -> Result<(SessionSecret, Session), Fault> {
        let mut transaction = self.database().begin().await?;
        let started = self.start_session_in(&mut transaction, user, limits, origin).await?;
        transaction.commit().await?;
        Ok(started)
    }

    /// Who is calling with this secret; `None` if it is unknown, over, or its account is shut. Counts as use.
    pub async fn actor_by_session(&self, secret: &SessionSecret) -> Result<Option<Actor>, Fault> {
        Ok(self.recognize_session(secret).await?.map(|recognized| recognized.actor))
    }

    /// The caller a session secret stands for, with the epoch of that moment, and notes that it was used.
    pub async fn recognize_session(&self, secret: &SessionSecret) -> Result<Option<Recognized>, Fault> {
        const FIND: &str = "SELECT sessions.id AS session_id, last_used_at, users.id AS id, name, role, disabled_at, \
             users.created_at AS created_at, (SELECT value FROM epoch WHERE id = 1) AS epoch \
             FROM sessions JOIN users ON users.id = sessions.user_id \
             WHERE digest = $1 AND ends_at > $2 AND last_used_at + idle_ms > $2 AND disabled_at IS NULL";
        let now = self.now();
        let row = self.database().row(FIND, values![secret.digest(), now]).await?;
        let Some(row) = row else { return Ok(None) };
        let user = User::from_row(&row)?;
        let session = SessionId(row.text("session_id")?);
        if now.since(row.time("last_used_at")?) >= USE_RESOLUTION {
            self.touch("UPDATE sessions SET last_used_at = $2 WHERE id = $1", &session.0, now).await;
        }
        let via = Via::Session(session);
        let caller = Caller::User { id: user.id, name: user.name, role: user.role, via };
        access_facts::recognized(&row, Actor { caller, scope: Scope::FULL }).map(Some)
    }

    /// Whose session this is, and the name by which a proxy let them in, if one did; `None` where it is over or none.
    pub async fn session_owner(
        &self,
        secret: &SessionSecret,
    ) -> Result<Option<(UserId, Option<String>)>, Fault> {
        const FIND: &str = "SELECT user_id, proxy_name FROM sessions WHERE digest = $1 AND ends_at > $2";
        let row = self.database().row(FIND, values![secret.digest(), self.now()]).await?;
        row.map(|row| Ok((row.user_id("user_id")?, row.maybe_text("proxy_name")?))).transpose()
    }

    /// Replaces a session's secret; the old one is invalid at once. `None` if it was already.
    pub async fn rotate_session(&self, secret: &SessionSecret) -> Result<Option<SessionSecret>, Fault> {
        const ROTATE: &str = "UPDATE sessions SET digest = $2 WHERE digest = $1 AND ends_at > $3 \
             AND last_used_at + idle_ms > $3";
        let new = SessionSecret::mint(self.randomness())?;
        let values = values![secret.digest(), new.digest(), self.now()];
        let mut transaction = self.database().begin().await?;
        if transaction.execute(ROTATE, values).await? == 0 {
            return Ok(None);
        }
        let object = session_object(&mut transaction, &new).await?;
        self.record_in(&mut transaction, Entry::new(Act::RotateSession, object)).await?;
        transaction.commit().await?;
        Ok(Some(new))
    }

    /// Ends the session of this secret (signing out). Raises the epoch.
    pub async fn end_session(&self, secret: &SessionSecret) -> Result<bool, Fault> {
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let object = session_object(&mut transaction, secret).await?;
        let sql = "DELETE FROM sessions WHERE digest = $1";
        if transaction.execute(sql, values![secret.digest()]).await? == 0 {
            return Ok(false);
        }
        self.record_in(&mut transaction, Entry::new(Act::SignOut, object)).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// The account's sessions, the last used first.
    pub async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, Fault> {
        const LIST: &str = "SELECT id, user_id, created_at, last_used_at, idle_ms, ends_at, proved_at, address, agent \
             FROM sessions \
             WHERE user_id = $1 AND ends_at > $2 AND last_used_at + idle_ms > $2 ORDER BY last_used_at DESC, id";
        let rows = self.database().rows(LIST, values![user, self.now()]).await?;
        rows.iter().map(Session::from_row).collect()
    }

    /// Ends one session of an account. Raises the epoch. False if the account has no such session.
    pub async fn revoke_session(&self, user: UserId, session: &SessionId) -> Result<bool, Fault> {
        let sql = "DELETE FROM sessions WHERE user_id = $1 AND id = $2";
        let owner = self.user(user).await?.map_or(String::new(), |user| user.name.to_string());
        let entry = Entry::new(Act::RevokeSession, audit_objects::session(&session.0, &owner));
        Ok(self.revoke_with(sql, values![user, &session.0], entry).await? > 0)
    }

    /// Ends every session of an account but `except`. Raises the epoch. Returns how many.
    pub async fn revoke_sessions(&self, user: UserId, except: Option<&SessionId>) -> Result<u64, Fault> {
        let except = except.map_or("", |session| session.0.as_str());
        let sql = "DELETE FROM sessions WHERE user_id = $1 AND id <> $2";
        let owner = self.user(user).await?.map_or(String::new(), |user| user.name.to_string());
        let entry = Entry::new(Act::RevokeSession, Object::new("user", user.0, &owner));
        self.revoke_with(sql, values![user, except], entry.detail("sessions", "all others")).await
    }
}

impl Store {
    /// Begins a session within a transaction, so that what allows it is used up with it.
    pub(crate) async fn start_session_in(
        &self,
        transaction: &mut Transaction,
        user: UserId,
        limits: SessionLimits,
        origin: SessionOrigin,
    ) -> Result<(SessionSecret, Session), Fault> {
        let secret = SessionSecret::mint(self.randomness())?;
        let now = self.now();
        let printable = |text: String| {
            let chars = text.chars().take(AGENT_CHARS_MAX);
            chars.map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect::<String>()
        };
        let session = Session {
            id: SessionId::draw(self.randomness())?,
            user,
            created_at: now,
            last_used_at: now,
            idle_until: now.plus(limits.idle.min(IDLE_MAX)),
            ends_at: now.plus(limits.absolute),
            proved_at: origin.proved_at.unwrap_or(now).min(now),
            address: origin.address.map(|address| address.to_string()),
            agent: origin.agent.map(printable),
        };
        transaction.execute("DELETE FROM sessions WHERE ends_at <= $1", values![now]).await?;
        let idle_ms = session.idle_until.0.saturating_sub(now.0);
        let (address, agent) = (session.address.as_deref(), session.agent.as_deref());
        let columns = values![
            &session.id.0,
            secret.digest(),
            user,
            now,
            idle_ms,
            session.ends_at,
            address,
            agent,
            session.proved_at,
            origin.proxy_name
        ];
        let is_begun = transaction.execute(INSERT, columns).await? > 0;
        transaction.execute(KEEP_NEWEST, values![user, N_SESSIONS_MAX]).await?;
        let entry = Entry::new(Act::SignIn, audit_objects::user(transaction, user).await?);
        let entry = match is_begun {
            true => entry.detail("session", &session.id),
            false => entry.refused("the account is gone, shut, or one that programs use"),
        };
        let entry = match &origin.by {
            Some(by) => entry.detail("by", by),
            None => entry,
        };
        self.record_as(transaction, user, entry).await?;
        if let Some(address) = origin.address {
            attempts::remember_address(transaction, now, user, address).await?;
        }
        Ok((secret, session))
    }

    /// Marks a session as proved just now and replaces its secret. `None` if it is over, or another account's.
    pub(crate) async fn renew_session(
        &self,
        transaction: &mut Transaction,
        secret: &SessionSecret,
        user: UserId,
    ) -> Result<Option<SessionSecret>, Fault> {
        const RENEW: &str = "UPDATE sessions SET digest = $2, proved_at = $3, last_used_at = $3 \
             WHERE digest = $1 AND user_id = $4 AND ends_at > $3 AND last_used_at + idle_ms > $3";
        let new = SessionSecret::mint(self.randomness())?;
        let values = values![secret.digest(), new.digest(), self.now(), user];
        let is_renewed = transaction.execute(RENEW, values).await? > 0;
        Ok(is_renewed.then_some(new))
    }

    /// Deletes or marks what gives rights and raises the epoch, so that what runs under it stops. Returns how many there were.
    pub(crate) async fn revoke_with(
        &self,
        sql: &'static str,
        values: Vec<Value>,
        entry: Entry,
    ) -> Result<u64, Fault> {
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let n_revoked = transaction.execute(sql, values).await?;
        if n_revoked > 0 {
            self.record_in(&mut transaction, entry.detail("n", n_revoked)).await?;
            transaction.commit().await?;
        }
        Ok(n_revoked)
    }

    /// Records a use. That it fails, on a full disk say, is no reason to turn the caller away.
    pub(crate) async fn touch(&self, sql: &'static str, id: &str, now: Timestamp) {
        if let Err(fault) = self.database().execute(sql, values![id, now]).await {
            tracing::warn!(error = %fault, "the last use of a credential was not recorded");
        }
    }
}

/// What the log calls the session of a secret.
async fn session_object(transaction: &mut Transaction, secret: &SessionSecret) -> Result<Object, Fault> {
    const FIND: &str =
        "SELECT sessions.id AS id, name FROM sessions JOIN users ON users.id = user_id WHERE digest = $1";
    match transaction.row(FIND, values![secret.digest()]).await? {
        Some(row) => Ok(audit_objects::session(&row.text("id")?, &row.text("name")?)),
        None => Ok(Object::named("session", "")),
    }
}

impl Session {
    fn from_row(row: &Row) -> Result<Self, Fault> {
        let last_used_at = row.time("last_used_at")?;
        Ok(Session {
            id: SessionId(row.text("id")?),
            user: row.user_id("user_id")?,
            created_at: row.time("created_at")?,
            last_used_at,
            idle_until: Timestamp(last_used_at.0.saturating_add(row.int("idle_ms")?)),
            ends_at: row.time("ends_at")?,
            proved_at: row.time("proved_at")?,
            address: row.maybe_text("address")?,
            agent: row.maybe_text("agent")?,
        })
    }
}
