//! Code hosts: which there are, their tokens and webhooks, how the last comparing went.

use crate::database::{Row, values};
use crate::host_repositories::delete_repositories;
use crate::sealing::{SealedColumn, sealed_column};
use crate::{Fault, Store, Timestamp, access_facts};
use access::HostId;
use access::audit::{Act, Entry, Object};
use model::RepoId;
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;
use vault::SecretBytes;

pub(crate) const HOST_TOKEN: SealedColumn = sealed_column!("code_hosts", "id", "token");
pub(crate) const HOOK_SECRET: SealedColumn = sealed_column!("code_hosts", "id", "hook_secret");

const NAME_BYTES_MAX: usize = 100;
const URL_BYTES_MAX: usize = 2000;
const SETTINGS_BYTES_MAX: usize = 2 << 20;
const MESSAGE_CHARS_MAX: usize = 1000;

/// A code host to connect.
#[derive(Clone, Debug)]
pub struct NewCodeHost {
    /// The word for its kind.
    pub kind: String,
    /// What it is called here; unique.
    pub name: String,
    /// Its address, or a path on this machine.
    pub url: String,
    /// What else is said of it, as JSON.
    pub settings: String,
    /// How old its statements may be.
    pub bound: Duration,
    /// Its token.
    pub token: Option<SecretString>,
}

/// What is changed of a code host; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct CodeHostChange {
    /// Another name.
    pub name: Option<String>,
    /// Other settings.
    pub settings: Option<String>,
    /// Another bound.
    pub bound: Option<Duration>,
    /// Another token.
    pub token: Option<SecretString>,
}

/// A code host, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeHost {
    /// Its random id.
    pub id: HostId,
    /// The word for its kind.
    pub kind: String,
    /// What it is called here.
    pub name: String,
    /// Its address, or a path on this machine.
    pub url: String,
    /// What else is said of it, as JSON.
    pub settings: String,
    /// How old its statements may be.
    pub bound: Duration,
    /// Whether there is a token.
    pub has_token: bool,
    /// What its webhook's address ends with.
    pub hook_id: String,
    /// Since when it is connected.
    pub added_at: Timestamp,
    /// When the last comparing began.
    pub begun_at: Option<Timestamp>,
    /// When its list of repositories was taken over last.
    pub listed_at: Option<Timestamp>,
    /// When its permissions were taken over last.
    pub permissions_at: Option<Timestamp>,
    /// Why the last comparing failed, in words; `None` if it did not.
    pub error: Option<String>,
    /// When it failed.
    pub error_at: Option<Timestamp>,
    /// What is being done.
    pub phase: Option<String>,
    /// How much of it is done.
    pub n_done: u64,
    /// Of how much; 0 while unknown.
    pub n_total: u64,
    /// How many requests the last comparing took.
    pub n_calls: u64,
    /// Repositories that the last list lacks, when it lacks so many that it was not taken over.
    pub n_withheld: u64,
}

/// A code host could not be connected or changed.
#[derive(Debug, thiserror::Error)]
pub enum CodeHostError {
    /// The name is empty, too long or holds control characters.
    #[error("a code host's name has 1 to {NAME_BYTES_MAX} bytes and no control characters")]
    BadName,
    /// Another has the name.
    #[error("there is a code host called '{name}' already")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// There is none.
    #[error("there is no such code host")]
    Unknown,
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A statement that reads whole rows of code hosts.
macro_rules! select_hosts {
    ($rest:literal) => {
        concat!(
            "SELECT id, kind, name, url, settings, bound_ms, CAST(CASE WHEN token IS NULL THEN 0 ELSE 1 END AS BIGINT) AS has_token, \
             hook_id, added_at, begun_at, listed_at, permissions_at, error, error_at, phase, n_done, n_total, n_calls, \
             n_withheld FROM code_hosts ",
            $rest
        )
    };
}

impl Store {
    /// Connects a code host, and lets it state who reads what. Raises the epoch.
    pub async fn add_code_host(&self, new: NewCodeHost) -> Result<CodeHost, CodeHostError> {
        const INSERT: &str = "INSERT INTO code_hosts \
             (id, kind, name, url, settings, bound_ms, token, hook_id, hook_secret, added_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (name) DO NOTHING";
        const SOURCE: &str = "INSERT INTO permission_sources (host_id, bound_ms) VALUES ($1, $2)";
        check_name(&new.name)?;
        Fault::check_storable("address of a code host", &new.url, URL_BYTES_MAX)?;
        Fault::check_storable("settings of a code host", &new.settings, SETTINGS_BYTES_MAX)?;
        let (id, hook_id, secret) = (self.draw_hex(16)?, self.draw_hex(16)?, self.draw_hex(32)?);
        let token =
            new.token.as_ref().map(|token| self.seal(&HOST_TOKEN, &id, token.expose_secret().as_bytes()));
        let hook_secret = self.seal(&HOOK_SECRET, &id, secret.as_bytes())?;
        let bound_ms = millis(new.bound);
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let columns = values![
            &id,
            &new.kind,
            &new.name,
            &new.url,
            &new.settings,
            bound_ms,
            token.transpose()?,
            &hook_id,
            hook_secret,
            self.now()
        ];
        if transaction.execute(INSERT, columns).await? == 0 {
            return Err(CodeHostError::NameTaken { name: new.name });
        }
        transaction.execute(SOURCE, values![&id, bound_ms]).await?;
        let row = transaction.row(select_hosts!("WHERE id = $1"), values![&id]).await?;
        let host = CodeHost::from_row(&row.ok_or(CodeHostError::Unknown)?)?;
        let entry =
            Entry::new(Act::AddHost, host.object()).detail("kind", &host.kind).detail("url", &host.url);
        self.record_in(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(host)
    }

    /// Changes a code host. Raises the epoch where its bound changes.
    pub async fn change_code_host(
        &self,
        id: &HostId,
        change: CodeHostChange,
    ) -> Result<CodeHost, CodeHostError> {
        const CHANGE: &str = "UPDATE code_hosts SET name = $2, settings = $3, bound_ms = $4 WHERE id = $1";
        const TOKEN: &str = "UPDATE code_hosts SET token = $2, error = NULL, error_at = NULL WHERE id = $1";
        const BOUND: &str =
            "UPDATE permission_sources SET bound_ms = $2 WHERE host_id = $1 AND bound_ms <> $2";
        change.name.as_deref().map_or(Ok(()), check_name)?;
        let settings = change.settings.as_deref().unwrap_or_default();
        Fault::check_storable("settings of a code host", settings, SETTINGS_BYTES_MAX)?;
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let row = transaction.row(select_hosts!("WHERE id = $1"), values![&id.0]).await?;
        let before = CodeHost::from_row(&row.ok_or(CodeHostError::Unknown)?)?;
        let name = change.name.clone().unwrap_or_else(|| before.name.clone());
        let other = "SELECT 1 AS one FROM code_hosts WHERE name = $1 AND id <> $2";
        if transaction.row(other, values![&name, &id.0]).await?.is_some() {
            return Err(CodeHostError::NameTaken { name });
        }
        let settings = change.settings.clone().unwrap_or_else(|| before.settings.clone());
        let bound_ms = millis(change.bound.unwrap_or(before.bound));
        transaction.execute(CHANGE, values![&id.0, &name, &settings, bound_ms]).await?;
        if transaction.execute(BOUND, values![&id.0, bound_ms]).await? == 0 {
            access_facts::keep_epoch(&mut transaction).await?;
        }
        if let Some(token) = &change.token {
            let sealed = self.seal(&HOST_TOKEN, &id.0, token.expose_secret().as_bytes())?;
            transaction.execute(TOKEN, values![&id.0, sealed]).await?;
        }
        let entry = Entry::new(Act::ChangeHost, before.object())
            .detail("name", &name)
            .detail("token", if change.token.is_some() { "changed" } else { "kept" })
            .detail("settings", if change.settings.is_some() { "changed" } else { "kept" });
        self.record_in(&mut transaction, entry).await?;
        let row = transaction.row(select_hosts!("WHERE id = $1"), values![&id.0]).await?;
        let host = CodeHost::from_row(&row.ok_or(CodeHostError::Unknown)?)?;
        transaction.commit().await?;
        Ok(host)
    }

    /// Disconnects a code host: it, its repositories, and all it stated go at once. Raises the epoch.
    pub async fn remove_code_host(&self, id: &HostId) -> Result<bool, Fault> {
        const THEIRS: &str =
            "SELECT repo_id FROM host_repositories WHERE host_id = $1 AND repo_id IS NOT NULL";
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let row = transaction.row(select_hosts!("WHERE id = $1"), values![&id.0]).await?;
        let Some(host) = row.as_ref().map(CodeHost::from_row).transpose()? else { return Ok(false) };
        let rows = transaction.rows(THEIRS, values![&id.0]).await?;
        let repos = rows.iter().map(|row| row.repo_id("repo_id")).collect::<Result<Vec<RepoId>, _>>()?;
        delete_repositories(&mut transaction, self.now(), &repos).await?;
        transaction.execute("DELETE FROM permission_sources WHERE host_id = $1", values![&id.0]).await?;
        transaction.execute("DELETE FROM code_hosts WHERE id = $1", values![&id.0]).await?;
        let entry = Entry::new(Act::RemoveHost, host.object()).detail("repositories", repos.len());
        self.record_in(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// All code hosts, by name.
    pub async fn code_hosts(&self) -> Result<Vec<CodeHost>, Fault> {
        let rows = self.database().rows(select_hosts!("ORDER BY name"), values![]).await?;
        rows.iter().map(CodeHost::from_row).collect()
    }

    /// A code host.
    pub async fn code_host(&self, id: &HostId) -> Result<Option<CodeHost>, Fault> {
        let row = self.database().row(select_hosts!("WHERE id = $1"), values![&id.0]).await?;
        row.as_ref().map(CodeHost::from_row).transpose()
    }

    /// The code host whose webhook has this address.
    pub async fn code_host_by_hook(&self, hook_id: &str) -> Result<Option<CodeHost>, Fault> {
        let row = self.database().row(select_hosts!("WHERE hook_id = $1"), values![hook_id]).await?;
        row.as_ref().map(CodeHost::from_row).transpose()
    }

    /// A code host's token, opened. For the connector alone.
    pub async fn code_host_token(&self, id: &HostId) -> Result<Option<SecretBytes>, Fault> {
        let sql = "SELECT token FROM code_hosts WHERE id = $1";
        let row = self.database().row(sql, values![&id.0]).await?;
        let sealed = row.map(|row| row.maybe_bytes("token")).transpose()?.flatten();
        sealed.map(|sealed| self.open_sealed(&HOST_TOKEN, &id.0, &sealed)).transpose()
    }

    /// What a code host signs its webhooks with, opened: for checking deliveries, and for whoever connects the host.
    pub async fn code_host_hook_secret(&self, id: &HostId) -> Result<Option<SecretBytes>, Fault> {
        let sql = "SELECT hook_secret FROM code_hosts WHERE id = $1";
        let row = self.database().row(sql, values![&id.0]).await?;
        let sealed = row.map(|row| row.bytes("hook_secret")).transpose()?;
        sealed.map(|sealed| self.open_sealed(&HOOK_SECRET, &id.0, &sealed)).transpose()
    }

    /// Notes that somebody tried a code host's connection, and how it went.
    pub async fn note_host_test(&self, host: &CodeHost, error: Option<&str>) -> Result<(), Fault> {
        let entry = Entry::new(Act::TestHost, host.object());
        self.record(match error {
            Some(error) => entry.outcome(access::audit::Outcome::Failed).reason(&cut(error)),
            None => entry,
        })
        .await
    }

    /// Notes how far the comparing has come.
    pub async fn note_host_progress(
        &self,
        id: &HostId,
        phase: &str,
        n_done: u64,
        n_total: u64,
    ) -> Result<(), Fault> {
        const NOTE: &str = "UPDATE code_hosts SET phase = $2, n_done = $3, n_total = $4 WHERE id = $1";
        let (n_done, n_total) = (crate::database::int(n_done), crate::database::int(n_total));
        self.database().execute(NOTE, values![&id.0, phase, n_done, n_total]).await.map(drop)
    }

    /// Notes that a comparing begins.
    pub async fn note_host_begun(&self, id: &HostId, at: Timestamp) -> Result<(), Fault> {
        let sql = "UPDATE code_hosts SET begun_at = $2 WHERE id = $1";
        self.database().execute(sql, values![&id.0, at]).await.map(drop)
    }

    /// Notes that the permissions, read from `at` on, were taken over, and how many requests all of it took.
    pub async fn note_host_done(&self, id: &HostId, at: Timestamp, n_calls: u64) -> Result<(), Fault> {
        const NOTE: &str = "UPDATE code_hosts SET permissions_at = $2, n_calls = $3, phase = NULL, error = NULL, \
             error_at = NULL WHERE id = $1";
        self.database().execute(NOTE, values![&id.0, at, crate::database::int(n_calls)]).await.map(drop)
    }

    /// Notes that a comparing failed, and why.
    pub async fn note_host_error(&self, id: &HostId, message: &str) -> Result<(), Fault> {
        const NOTE: &str = "UPDATE code_hosts SET error = $2, error_at = $3, phase = NULL WHERE id = $1";
        self.database().execute(NOTE, values![&id.0, cut(message), self.now()]).await.map(drop)
    }

    /// Remembers a delivery of a webhook, and forgets those received before `forget_before`. False if it was known.
    pub async fn remember_delivery(
        &self,
        id: &HostId,
        delivery: &str,
        forget_before: Timestamp,
    ) -> Result<bool, Fault> {
        const INSERT: &str = "INSERT INTO host_deliveries (host_id, delivery, received_at) VALUES ($1, $2, $3) \
             ON CONFLICT DO NOTHING";
        const FORGET: &str = "DELETE FROM host_deliveries WHERE received_at < $1";
        let mut transaction = self.database().begin().await?;
        transaction.execute(FORGET, values![forget_before]).await?;
        let n_new = transaction.execute(INSERT, values![&id.0, delivery, self.now()]).await?;
        transaction.commit().await?;
        Ok(n_new > 0)
    }

    fn draw_hex(&self, n_bytes: usize) -> Result<String, Fault> {
        let mut bytes = vec![0u8; n_bytes];
        self.randomness().fill(&mut bytes)?;
        Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl CodeHost {
    /// What the audit log calls it.
    pub fn object(&self) -> Object {
        Object::new("host", &self.id, &self.name)
    }

    fn from_row(row: &Row) -> Result<Self, Fault> {
        Ok(CodeHost {
            id: HostId(row.text("id")?),
            kind: row.text("kind")?,
            name: row.text("name")?,
            url: row.text("url")?,
            settings: row.text("settings")?,
            bound: Duration::from_millis(row.unsigned("bound_ms")?),
            has_token: row.flag("has_token")?,
            hook_id: row.text("hook_id")?,
            added_at: row.time("added_at")?,
            begun_at: row.maybe_time("begun_at")?,
            listed_at: row.maybe_time("listed_at")?,
            permissions_at: row.maybe_time("permissions_at")?,
            error: row.maybe_text("error")?,
            error_at: row.maybe_time("error_at")?,
            phase: row.maybe_text("phase")?,
            n_done: row.unsigned("n_done")?,
            n_total: row.unsigned("n_total")?,
            n_calls: row.unsigned("n_calls")?,
            n_withheld: row.unsigned("n_withheld")?,
        })
    }
}

fn check_name(name: &str) -> Result<(), CodeHostError> {
    let fits = !name.trim().is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(CodeHostError::BadName) }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn cut(message: &str) -> String {
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE_CHARS_MAX).collect()
}
