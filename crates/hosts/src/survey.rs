//! Asking a host anew who reads what, in plain sets, without the store: what the owner's checks hold the store against.

use crate::connector::{Strategy, read_all};
use crate::repository::account_ids;
use crate::{Connector, HostAccount, HostError, HostRepository, Openness, Readers};
use access::AccountId;
use std::collections::{BTreeMap, BTreeSet};

/// What a host says at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// By the host's identifier of a repository: its name, and who reads it.
    pub repositories: BTreeMap<String, Surveyed>,
    /// Whether the host says at all who reads what; if not, people are granted its repositories here.
    pub says_who_reads: bool,
    /// How many requests it took.
    pub n_calls: u64,
}

/// One repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surveyed {
    /// What the host calls it.
    pub name: String,
    /// Who reads it.
    pub readers: SurveyedReaders,
}

/// Who reads a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SurveyedReaders {
    /// Everybody.
    Everyone,
    /// These of the accounts that were asked about.
    These(BTreeSet<AccountId>),
    /// The host does not tell.
    Untold,
}

/// Asks a host for all its repositories, and which of these accounts (identifier and login name) read them.
pub async fn survey(
    connector: &dyn Connector,
    accounts: &[(AccountId, String)],
) -> Result<Survey, HostError> {
    let n_calls_before = connector.n_calls();
    let listed = read_all(|after| connector.repositories(after)).await?;
    let strategy = connector.strategy().await?;
    let mut repositories: BTreeMap<String, Surveyed> = BTreeMap::new();
    for one in &listed {
        let readers = match one.openness {
            Openness::Public => SurveyedReaders::Everyone,
            _ if strategy == Strategy::Nothing => SurveyedReaders::Untold,
            _ => SurveyedReaders::These(BTreeSet::new()),
        };
        repositories.insert(one.id.clone(), Surveyed { name: one.name.clone(), readers });
    }
    let mut work = Work { connector, listed: &listed, repositories };
    match strategy {
        Strategy::Nothing => {}
        Strategy::WithListing => work.with_listing().await?,
        Strategy::ByAccount => work.by_account(accounts).await?,
        Strategy::ByRepository => work.by_repository().await?,
        Strategy::Grants => {
            for grant in read_all(|after| connector.grants(after)).await? {
                work.note(&grant.repository, grant.account);
            }
        }
    }
    let asked: BTreeSet<&AccountId> = accounts.iter().map(|(id, _)| id).collect();
    for one in work.repositories.values_mut() {
        if let SurveyedReaders::These(readers) = &mut one.readers {
            readers.retain(|id| asked.contains(id));
        }
    }
    Ok(Survey {
        repositories: work.repositories,
        says_who_reads: strategy != Strategy::Nothing,
        n_calls: connector.n_calls() - n_calls_before,
    })
}

struct Work<'a> {
    connector: &'a dyn Connector,
    listed: &'a [HostRepository],
    repositories: BTreeMap<String, Surveyed>,
}

impl Work<'_> {
    fn note(&mut self, repository: &str, account: AccountId) {
        if let Some(Surveyed { readers: SurveyedReaders::These(readers), .. }) =
            self.repositories.get_mut(repository)
        {
            readers.insert(account);
        }
    }

    fn untold(&mut self, repository: &str) {
        if let Some(one) = self.repositories.get_mut(repository) {
            one.readers = SurveyedReaders::Untold;
        }
    }

    async fn with_listing(&mut self) -> Result<(), HostError> {
        for one in self.listed.iter().filter(|one| one.openness != Openness::Public) {
            let (known, next) = match &one.readers {
                Readers::Unknown => {
                    self.untold(&one.id);
                    continue;
                }
                Readers::All(known) => (known, None),
                Readers::Some(known, next) => (known, Some(next.clone())),
            };
            let what = "the people who read a repository";
            let reason = || "an account has a bad identifier".to_owned();
            let mut ids = account_ids(known).ok_or_else(|| HostError::Shape { what, reason: reason() })?;
            if next.is_some() {
                let rest =
                    |after: Option<String>| self.connector.accounts_of(one, after.or_else(|| next.clone()));
                ids.extend(read_all(rest).await?);
            }
            ids.into_iter().for_each(|id| self.note(&one.id, id));
        }
        Ok(())
    }

    async fn by_repository(&mut self) -> Result<(), HostError> {
        for one in self.listed.iter().filter(|one| one.openness != Openness::Public) {
            match read_all(|after| self.connector.accounts_of(one, after)).await {
                Ok(ids) => ids.into_iter().for_each(|id| self.note(&one.id, id)),
                Err(HostError::Forbidden { .. }) => self.untold(&one.id),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn by_account(&mut self, accounts: &[(AccountId, String)]) -> Result<(), HostError> {
        let found = self.found(accounts).await?;
        let mut read = Vec::new();
        for account in found.iter().filter(|account| account.is_active) {
            let ids = read_all(|after| self.connector.repositories_of(account, after)).await?;
            read.push((account, ids));
        }
        // What was asked for by name holds where the name is still the same account's.
        let still = match self.connector.asks_by_name() {
            true => self.found(accounts).await?,
            false => found.clone(),
        };
        for (account, ids) in read {
            let is_same =
                still.iter().any(|now| now.id == account.id && now.login == account.login && now.is_active);
            if !is_same {
                continue;
            }
            ids.iter().for_each(|repository| self.note(repository, account.id.clone()));
            let internal = self.listed.iter().filter(|one| one.openness == Openness::Internal);
            for one in internal.filter(|_| account.reads_internal) {
                self.note(&one.id, account.id.clone());
            }
        }
        Ok(())
    }

    /// The accounts as the host lists them now, those that it has; as they were given where it lists none.
    async fn found(&self, accounts: &[(AccountId, String)]) -> Result<Vec<HostAccount>, HostError> {
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        match read_all(|after| self.connector.accounts(after)).await {
            Ok(listed) => {
                let asked: BTreeSet<&AccountId> = accounts.iter().map(|(id, _)| id).collect();
                Ok(listed.into_iter().filter(|account| asked.contains(&account.id)).collect())
            }
            Err(HostError::Unsupported { .. }) => {
                let bare = |(id, login): &(AccountId, String)| HostAccount {
                    id: id.clone(),
                    login: login.clone(),
                    is_active: true,
                    reads_internal: true,
                };
                Ok(accounts.iter().map(bare).collect())
            }
            Err(error) => Err(error),
        }
    }
}
