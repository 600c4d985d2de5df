//! What code hosts state about who reads what: sources, whose accounts there are whose, and the statements themselves.
//!
//! A connector hands over whole readings, each with the moment at which it began to read: all repositories of one account,
//! or all accounts of some repositories. A reading that failed half way is not handed over.

use crate::access_facts::{keep_epoch, raise_epoch};
use crate::audit_objects;
use crate::database::{Row, Transaction, int_list, text_list, values};
use crate::{Fault, Store, Timestamp};
use access::audit::{Act, Entry, Object};
use access::{AccountId, HostId, Reader, RepoReadings};
use model::{RepoId, RepoSet, UserId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How old a statement of a code host may be where nobody says otherwise.
pub const BOUND_DEFAULT: Duration = Duration::from_secs(15 * 60);
/// Longest login name that is kept.
const LOGIN_BYTES_MAX: usize = 255;

/// An account at a code host that is somebody's here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The host.
    pub host: HostId,
    /// The account there.
    pub account: AccountId,
    /// Whose it is.
    pub user: UserId,
    /// What the host called it when it was linked; to show, never to decide by.
    pub login: String,
    /// Since when.
    pub linked_at: Timestamp,
}

/// An account could not be linked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It is somebody else's already.
    #[error("this account of the code host belongs to another person here: unlink it there first")]
    Taken,
    /// There is no such host or person.
    #[error("there is no such code host or account")]
    Unknown,
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Store {
    /// Lets a code host state who reads what, or changes how old its statements may be. Raises the epoch.
    pub async fn set_permission_source(&self, host: &HostId, bound: Duration) -> Result<(), Fault> {
        const SET: &str = "INSERT INTO permission_sources (host_id, bound_ms) VALUES ($1, $2) \
             ON CONFLICT (host_id) DO UPDATE SET bound_ms = $2";
        let bound_ms = i64::try_from(bound.as_millis()).unwrap_or(i64::MAX);
        let mut transaction = self.database().begin().await?;
        raise_epoch(&mut transaction).await?;
        transaction.execute(SET, values![&host.0, bound_ms]).await?;
        let entry = Entry::new(Act::ChangeHost, host_object(host)).detail("bound_ms", bound_ms);
        self.record_in(&mut transaction, entry).await?;
        transaction.commit().await
    }

    /// Forgets all that a code host stated, and whose accounts there are whose. Raises the epoch.
    pub async fn remove_permission_source(&self, host: &HostId) -> Result<bool, Fault> {
        let sql = "DELETE FROM permission_sources WHERE host_id = $1";
        let entry = Entry::new(Act::RemoveHost, host_object(host)).detail("permissions", "forgotten");
        Ok(self.revoke_with(sql, values![&host.0], entry).await? > 0)
    }

    /// Makes an account of a code host a person's, in place of the one they had there. Whoever calls has made sure that it
    /// is theirs. Raises the epoch.
    pub async fn link_identity(
        &self,
        host: &HostId,
        account: &AccountId,
        user: UserId,
        login: &str,
    ) -> Result<(), LinkError> {
        const OTHER: &str =
            "SELECT user_id FROM host_identities WHERE host_id = $1 AND account_id = $2 AND user_id <> $3";
        const INSERT: &str = "INSERT INTO host_identities (host_id, account_id, user_id, login, linked_at) \
             VALUES ($1, $2, $3, $4, $5)";
        Fault::check_storable("login name", login, LOGIN_BYTES_MAX)?;
        let mut transaction = self.database().begin().await?;
        raise_epoch(&mut transaction).await?;
        if transaction.row(OTHER, values![&host.0, account.as_str(), user]).await?.is_some() {
            return Err(LinkError::Taken);
        }
        let forget = "DELETE FROM host_identities WHERE host_id = $1 AND user_id = $2";
        transaction.execute(forget, values![&host.0, user]).await?;
        let columns = values![&host.0, account.as_str(), user, login, self.now()];
        match transaction.execute(INSERT, columns).await {
            Err(fault) if fault.is_dangling_reference() => return Err(LinkError::Unknown),
            done => done?,
        };
        let object = audit_objects::user(&mut transaction, user).await?;
        let entry = Entry::new(Act::LinkIdentity, object).detail("host", &host.0).detail("login", login);
        self.record_in(&mut transaction, entry.detail("account", account.as_str())).await?;
        Ok(transaction.commit().await?)
    }

    /// Takes a person's account at a code host from them. Raises the epoch. False if they had none.
    pub async fn unlink_identity(&self, host: &HostId, user: UserId) -> Result<bool, Fault> {
        let sql = "DELETE FROM host_identities WHERE host_id = $1 AND user_id = $2";
        let name = self.user(user).await?.map_or(String::new(), |user| user.name.to_string());
        let entry = Entry::new(Act::UnlinkIdentity, Object::new("user", user.0, &name));
        Ok(self.revoke_with(sql, values![&host.0, user], entry.detail("host", &host.0)).await? > 0)
    }

    /// The accounts at code hosts that are a person's.
    pub async fn identities_of(&self, user: UserId) -> Result<Vec<Identity>, Fault> {
        const LIST: &str = "SELECT host_id, account_id, user_id, login, linked_at FROM host_identities \
             WHERE user_id = $1 ORDER BY host_id";
        self.database().rows(LIST, values![user]).await?.iter().map(Identity::from_row).collect()
    }

    /// The accounts of a code host that are somebody's: those worth asking it about.
    pub async fn identities_at(&self, host: &HostId) -> Result<Vec<Identity>, Fault> {
        const LIST: &str = "SELECT host_id, account_id, user_id, login, linked_at FROM host_identities \
             WHERE host_id = $1 ORDER BY account_id";
        self.database().rows(LIST, values![&host.0]).await?.iter().map(Identity::from_row).collect()
    }

    /// Takes over what a host lists for one reader: all repositories that it reads, read from `read_at` on. An older list
    /// than the known one is passed over. Raises the epoch if rights change. Tells whether it did.
    pub async fn apply_account_repositories(
        &self,
        host: &HostId,
        reader: &Reader,
        repos: &RepoSet,
        read_at: Timestamp,
    ) -> Result<bool, Fault> {
        const KNOWN: &str =
            "SELECT listed, listed_at, named FROM host_readers WHERE host_id = $1 AND account_id = $2";
        const PUT: &str = "INSERT INTO host_readers (host_id, account_id, listed, listed_at, named) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (host_id, account_id) DO UPDATE SET listed = $3, listed_at = $4";
        let mut transaction = self.database().begin().await?;
        raise_epoch(&mut transaction).await?;
        let Some(oldest) = self.oldest_believed(&mut transaction, host).await? else { return Ok(false) };
        let known = transaction.row(KNOWN, values![&host.0, account_column(reader)]).await?;
        let mut is_news = true;
        if let Some(row) = known {
            let listed_at = row.maybe_time("listed_at")?;
            if listed_at.is_some_and(|listed_at| listed_at > read_at) {
                return Ok(false);
            }
            let was_believed = listed_at.filter(|listed_at| *listed_at > oldest);
            // Repositories that were read since would be believed over the older list, and maybe not over this one.
            let read_at = newest_reading(&mut transaction, host).await?;
            let was_newest =
                was_believed.is_some_and(|listed_at| read_at.is_none_or(|read_at| read_at < listed_at));
            is_news = !was_newest || row.repo_set("listed")? != *repos;
        }
        let columns = values![&host.0, account_column(reader), repos, read_at, &RepoSet::new()];
        transaction.execute(PUT, columns).await?;
        if is_news {
            let entry = Entry::new(Act::SyncPermissions, host_object(host));
            let entry = entry.detail("account", account_column(reader)).detail("repositories", repos.len());
            self.record_in(&mut transaction, entry).await?;
        } else {
            keep_epoch(&mut transaction).await?;
        }
        transaction.commit().await?;
        Ok(is_news)
    }

    /// Takes over who reads some repositories of a host: for each all its readers, read from `read_at` on. A repository that
    /// was read later already is passed over. Raises the epoch if rights change. Tells whether it did.
    pub async fn apply_repository_accounts(
        &self,
        host: &HostId,
        readings: &[(RepoId, BTreeSet<Reader>)],
        read_at: Timestamp,
    ) -> Result<bool, Fault> {
        let read_at = RepoReadings::step_of(read_at);
        let mut transaction = self.database().begin().await?;
        raise_epoch(&mut transaction).await?;
        let Some(oldest) = self.oldest_believed(&mut transaction, host).await? else { return Ok(false) };
        let known = known_readings(&mut transaction, host, readings).await?;
        let listed_at = newest_list(&mut transaction, host).await?;
        let mut changes = Changes::default();
        for (repo, readers) in readings {
            // An account's list that is as young would be believed over the older reading, and not over this one.
            let oldest = listed_at.map_or(oldest, |listed_at| oldest.max(listed_at));
            changes.compare(*repo, readers, known.get(repo), read_at, oldest);
        }
        changes.write_readers(&mut transaction, host).await?;
        changes.write_times(&mut transaction, host, readings, &known, read_at).await?;
        if changes.is_news {
            let entry = Entry::new(Act::SyncPermissions, host_object(host));
            self.record_in(&mut transaction, entry.detail("repositories", readings.len())).await?;
        } else {
            keep_epoch(&mut transaction).await?;
        }
        transaction.commit().await?;
        Ok(changes.is_news)
    }

    /// What was read then or before is not believed any more; `None` where the host is no source.
    async fn oldest_believed(
        &self,
        transaction: &mut Transaction,
        host: &HostId,
    ) -> Result<Option<Timestamp>, Fault> {
        let sql = "SELECT bound_ms FROM permission_sources WHERE host_id = $1";
        let row = transaction.row(sql, values![&host.0]).await?;
        let bound = row.map(|row| row.unsigned("bound_ms")).transpose()?;
        Ok(bound.map(|bound_ms| self.now().minus(Duration::from_millis(bound_ms))))
    }
}

fn host_object(host: &HostId) -> Object {
    Object::new("host", &host.0, "")
}

/// The end of the step in which a repository of a host was read last.
async fn newest_reading(transaction: &mut Transaction, host: &HostId) -> Result<Option<Timestamp>, Fault> {
    let sql = "SELECT MAX(read_at) AS read_at FROM host_readings WHERE host_id = $1";
    let row = transaction.row(sql, values![&host.0]).await?;
    let read_at = row.map_or(Ok(None), |row| row.maybe_time("read_at"))?;
    Ok(read_at.map(|read_at| read_at.plus(RepoReadings::STEP)))
}

/// When an account of a host was listed last.
async fn newest_list(transaction: &mut Transaction, host: &HostId) -> Result<Option<Timestamp>, Fault> {
    let sql = "SELECT MAX(listed_at) AS listed_at FROM host_readers WHERE host_id = $1";
    let row = transaction.row(sql, values![&host.0]).await?;
    row.map_or(Ok(None), |row| row.maybe_time("listed_at"))
}

/// Whom a repository's list named, and when it was read.
struct Known {
    accounts: BTreeSet<String>,
    read_at: Timestamp,
}

async fn known_readings(
    transaction: &mut Transaction,
    host: &HostId,
    readings: &[(RepoId, BTreeSet<Reader>)],
) -> Result<BTreeMap<RepoId, Known>, Fault> {
    const KNOWN: &str = "SELECT repo_id, accounts, read_at FROM host_repositories_read \
         WHERE host_id = $1 AND repo_id IN {ints:$2}";
    let repos = int_list(readings.iter().map(|(repo, _)| i64::from(repo.0)));
    let rows = transaction.rows(KNOWN, values![&host.0, repos]).await?;
    let known = |row: &Row| {
        let accounts = serde_json::from_str(&row.text("accounts")?);
        let accounts = accounts.map_err(|_| Fault::ImpossibleValue { column: "accounts" })?;
        Ok((row.repo_id("repo_id")?, Known { accounts, read_at: row.time("read_at")? }))
    };
    rows.iter().map(known).collect()
}

/// What some readings change.
#[derive(Default)]
struct Changes {
    /// By account: the repositories whose lists name it now, and those whose lists do not any more.
    accounts: BTreeMap<String, (RepoSet, RepoSet)>,
    /// The repositories whose readings count.
    taken: RepoSet,
    is_news: bool,
}

impl Changes {
    fn compare(
        &mut self,
        repo: RepoId,
        readers: &BTreeSet<Reader>,
        known: Option<&Known>,
        read_at: Timestamp,
        oldest: Timestamp,
    ) {
        if known.is_some_and(|known| known.read_at > read_at) {
            return;
        }
        self.taken.insert(repo);
        self.is_news |= known.is_none_or(|known| known.read_at <= oldest);
        let named: BTreeSet<&str> = readers.iter().map(account_column).collect();
        for account in &named {
            if !known.is_some_and(|known| known.accounts.contains(*account)) {
                self.accounts.entry((*account).to_owned()).or_default().0.insert(repo);
            }
        }
        for account in known.iter().flat_map(|known| &known.accounts) {
            if !named.contains(account.as_str()) {
                self.accounts.entry(account.clone()).or_default().1.insert(repo);
            }
        }
        self.is_news |= !self.accounts.is_empty();
    }

    async fn write_readers(&self, transaction: &mut Transaction, host: &HostId) -> Result<(), Fault> {
        const KNOWN: &str =
            "SELECT account_id, named FROM host_readers WHERE host_id = $1 AND account_id IN {texts:$2}";
        const PUT: &str = "INSERT INTO host_readers (host_id, account_id, listed, listed_at, named) \
             VALUES ($1, $2, $3, NULL, $4) ON CONFLICT (host_id, account_id) DO UPDATE SET named = $4";
        let accounts = text_list(self.accounts.keys().map(String::as_str));
        let mut known = BTreeMap::new();
        for row in transaction.rows(KNOWN, values![&host.0, accounts]).await? {
            known.insert(row.text("account_id")?, row.repo_set("named")?);
        }
        for (account, (added, removed)) in &self.accounts {
            let named = known.remove(account).unwrap_or_default();
            let named = &(&named | added) - removed;
            transaction.execute(PUT, values![&host.0, account, &RepoSet::new(), &named]).await?;
        }
        Ok(())
    }

    async fn write_times(
        &self,
        transaction: &mut Transaction,
        host: &HostId,
        readings: &[(RepoId, BTreeSet<Reader>)],
        known: &BTreeMap<RepoId, Known>,
        read_at: Timestamp,
    ) -> Result<(), Fault> {
        const PUT: &str = "INSERT INTO host_repositories_read (host_id, repo_id, accounts, read_at) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (host_id, repo_id) DO UPDATE SET accounts = $3, read_at = $4";
        let mut steps: BTreeSet<Timestamp> = BTreeSet::from([read_at]);
        for (repo, readers) in readings.iter().filter(|(repo, _)| self.taken.contains(*repo)) {
            let accounts = text_list(readers.iter().map(account_column));
            transaction.execute(PUT, values![&host.0, *repo, accounts, read_at]).await?;
            steps.extend(known.get(repo).map(|known| known.read_at));
        }
        for step in steps {
            self.write_step(transaction, host, step, step == read_at).await?;
        }
        Ok(())
    }

    /// Moves the repositories that were read into, or out of, what was read at one time.
    async fn write_step(
        &self,
        transaction: &mut Transaction,
        host: &HostId,
        step: Timestamp,
        is_theirs: bool,
    ) -> Result<(), Fault> {
        const KNOWN: &str = "SELECT repos FROM host_readings WHERE host_id = $1 AND read_at = $2";
        const PUT: &str = "INSERT INTO host_readings (host_id, read_at, repos) VALUES ($1, $2, $3) \
             ON CONFLICT (host_id, read_at) DO UPDATE SET repos = $3";
        let known = transaction.row(KNOWN, values![&host.0, step]).await?;
        let known = known.map(|row| row.repo_set("repos")).transpose()?.unwrap_or_default();
        let repos = if is_theirs { &known | &self.taken } else { &known - &self.taken };
        if repos.is_empty() {
            let delete = "DELETE FROM host_readings WHERE host_id = $1 AND read_at = $2";
            return transaction.execute(delete, values![&host.0, step]).await.map(drop);
        }
        transaction.execute(PUT, values![&host.0, step, &repos]).await.map(drop)
    }
}

impl Identity {
    fn from_row(row: &Row) -> Result<Self, Fault> {
        let account = AccountId::new(row.text("account_id")?);
        Ok(Identity {
            host: HostId(row.text("host_id")?),
            account: account.ok_or(Fault::ImpossibleValue { column: "account_id" })?,
            user: row.user_id("user_id")?,
            login: row.text("login")?,
            linked_at: row.time("linked_at")?,
        })
    }
}

/// An account's own identifier is never empty.
fn account_column(reader: &Reader) -> &str {
    match reader {
        Reader::Everyone => "",
        Reader::Account(account) => account.as_str(),
    }
}
