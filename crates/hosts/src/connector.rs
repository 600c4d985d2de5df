//! What every kind of code host is asked, and how it answers.

use crate::{HostError, HostKind, HostRepository};
use access::AccountId;
use std::pin::Pin;

/// An answer that will come.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, HostError>> + Send + 'a>>;

/// Where a list goes on: what the host said, or what we made of it. Can be stored; means nothing to another connector.
pub type Cursor = String;

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the list goes on; `None` at its end.
    pub next: Option<Cursor>,
    /// How many there are on all pages, where the host says so.
    pub total: Option<u64>,
}

/// Whose credential it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whoami {
    /// What the host calls the account.
    pub login: String,
    /// What this credential cannot do and should; empty where all is well.
    pub warnings: Vec<String>,
}

/// An account, as its host lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAccount {
    /// The identifier that is never given to another account.
    pub id: AccountId,
    /// What it is called now; to show, and to ask by where the host takes nothing else.
    pub login: String,
    /// Whether it may sign in there.
    pub is_active: bool,
    /// Whether it reads what is open to everybody who has an account there.
    pub reads_internal: bool,
}

/// That an account may read a repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostGrant {
    /// The repository's identifier there.
    pub repository: String,
    /// The account's.
    pub account: AccountId,
}

impl serde::Serialize for HostGrant {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.repository, self.account.as_str()).serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for HostGrant {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (repository, account) = <(String, String)>::deserialize(deserializer)?;
        let account = AccountId::new(account).ok_or_else(|| serde::de::Error::custom("no account"))?;
        Ok(HostGrant { repository, account })
    }
}

/// How a kind tells who may read what in the fewest calls. The arithmetic is in ADR 211.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Not at all: people are granted its repositories here.
    Nothing,
    /// The list of repositories says it ([`HostRepository::readers`]); what did not fit is asked per repository.
    WithListing,
    /// Each account is asked for its repositories.
    ByAccount,
    /// Each repository is asked for its accounts.
    ByRepository,
    /// One list of pairs.
    Grants,
}

/// A client of one code host with one credential. Every list is read page by page; a page that fails says nothing.
pub trait Connector: Send + Sync {
    /// What it is.
    fn kind(&self) -> HostKind;

    /// How it tells who may read what. May ask the host what the credential can do.
    fn strategy(&self) -> Reply<'_, Strategy>;

    /// Asks the host whose credential this is.
    fn whoami(&self) -> Reply<'_, Whoami>;

    /// Lists repositories.
    fn repositories(&self, after: Option<Cursor>) -> Reply<'_, Page<HostRepository>>;

    /// Lists accounts, where each is asked for its repositories.
    fn accounts(&self, after: Option<Cursor>) -> Reply<'_, Page<HostAccount>> {
        drop(after);
        Box::pin(async { Err(HostError::Unsupported { what: "lists of accounts" }) })
    }

    /// Lists the identifiers of the repositories that an account may read, those that everybody may left out or not.
    fn repositories_of<'a>(
        &'a self,
        account: &'a HostAccount,
        after: Option<Cursor>,
    ) -> Reply<'a, Page<String>> {
        drop((account, after));
        Box::pin(async { Err(HostError::Unsupported { what: "lists by account" }) })
    }

    /// Lists the accounts that may read a repository.
    fn accounts_of<'a>(
        &'a self,
        repository: &'a HostRepository,
        after: Option<Cursor>,
    ) -> Reply<'a, Page<AccountId>> {
        drop((repository, after));
        Box::pin(async { Err(HostError::Unsupported { what: "lists by repository" }) })
    }

    /// Lists who may read what, in pairs.
    fn grants(&self, after: Option<Cursor>) -> Reply<'_, Page<HostGrant>> {
        drop(after);
        Box::pin(async { Err(HostError::Unsupported { what: "lists of pairs" }) })
    }

    /// Whether accounts can be asked about by login name alone, which may be somebody else's a moment later.
    fn asks_by_name(&self) -> bool {
        false
    }

    /// How many requests were sent so far.
    fn n_calls(&self) -> u64 {
        0
    }
}

/// Pages of one list; more are no list.
const N_PAGES_MAX: usize = 100_000;

/// Follows a list and finds out when it goes in circles.
#[derive(Debug, Default)]
pub struct Pager {
    seen: std::collections::HashSet<Cursor>,
}

impl Pager {
    /// One that has seen these before: for a list that is resumed.
    pub fn resumed(seen: impl IntoIterator<Item = Cursor>) -> Self {
        Pager { seen: seen.into_iter().collect() }
    }

    /// Takes note of where a page says the list goes on.
    pub fn advance(&mut self, next: Option<Cursor>) -> Result<Option<Cursor>, HostError> {
        let Some(next) = next else { return Ok(None) };
        if self.seen.len() >= N_PAGES_MAX || !self.seen.insert(next.clone()) {
            return Err(HostError::PageLoop);
        }
        Ok(Some(next))
    }
}

/// Reads a list to its end; all of it or nothing.
pub async fn read_all<T, F>(mut page: impl FnMut(Option<Cursor>) -> F) -> Result<Vec<T>, HostError>
where
    F: Future<Output = Result<Page<T>, HostError>>,
{
    let (mut pager, mut items, mut cursor) = (Pager::default(), Vec::new(), None);
    loop {
        let read = page(cursor).await?;
        items.extend(read.items);
        cursor = pager.advance(read.next)?;
        if cursor.is_none() {
            return Ok(items);
        }
    }
}

/// Reads the beginning of a list: whole pages, until there are this many.
pub async fn read_some<T, F>(
    mut page: impl FnMut(Option<Cursor>) -> F,
    n_wanted: usize,
) -> Result<Vec<T>, HostError>
where
    F: Future<Output = Result<Page<T>, HostError>>,
{
    let (mut pager, mut items, mut cursor) = (Pager::default(), Vec::new(), None);
    loop {
        let read = page(cursor).await?;
        items.extend(read.items);
        cursor = pager.advance(read.next)?;
        if cursor.is_none() || items.len() >= n_wanted {
            items.truncate(n_wanted);
            return Ok(items);
        }
    }
}
