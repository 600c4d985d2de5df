//! Who reads what: read in the way that takes the fewest calls, handed over in whole readings.

use super::{Sync, SyncError};
use crate::connector::{Strategy, read_all};
use crate::repository::account_ids;
use crate::{HostAccount, HostError, HostGrant, HostRepository, Openness, Readers};
use access::{AccountId, Reader, Timestamp};
use futures_util::stream::{self, StreamExt as _};
use model::{RepoId, RepoSet};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::pin::Pin;

/// Questions at the same time; what the larger hosts ask their clients to keep to.
const N_AT_ONCE: usize = 6;
/// Readings in one transaction.
const N_PER_BATCH: usize = 64;
/// So many failures without a success between them: it is the host, not the question.
const N_FAILURES_MAX: u64 = 8;

/// A question that was not asked yet.
type Question<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What an account said, and from when on it was asked.
type AccountAnswer<'a> = (&'a HostAccount, Timestamp, Result<Vec<String>, HostError>);

/// What a repository said.
type RepositoryAnswer = (RepoId, Result<Vec<AccountId>, HostError>);

/// How reading went.
#[derive(Default)]
pub(super) struct Read {
    pub(super) n_read: u64,
    pub(super) n_unread: u64,
    pub(super) first_error: Option<HostError>,
    n_failures: u64,
}

impl Read {
    fn done(&mut self) {
        (self.n_read, self.n_failures) = (self.n_read + 1, 0);
    }

    /// Notes a failure; gives it back where it is worth no more questions.
    fn failed(&mut self, error: HostError) -> Result<(), HostError> {
        (self.n_unread, self.n_failures) = (self.n_unread + 1, self.n_failures + 1);
        if error.retry_at().is_some() || self.n_failures >= N_FAILURES_MAX {
            return Err(error);
        }
        self.first_error.get_or_insert(error);
        Ok(())
    }
}

/// The host's repositories that are here.
struct Here {
    by_id: HashMap<String, RepoId>,
    public: RepoSet,
    internal: RepoSet,
}

impl Here {
    /// Everyone, of what is public: whoever says who reads a repository says all of it.
    fn everyone(&self, repo: RepoId) -> Option<Reader> {
        self.public.contains(repo).then_some(Reader::Everyone)
    }

    fn set_of(&self, ids: &[String]) -> RepoSet {
        ids.iter().filter_map(|id| self.by_id.get(id).copied()).collect()
    }
}

impl Sync<'_> {
    /// Reads who reads what, and hands it over.
    pub(super) async fn permissions(
        &self,
        strategy: Strategy,
        repositories: &[HostRepository],
        read_at: Timestamp,
    ) -> Result<Read, SyncError> {
        let here = self.here(repositories).await?;
        let id = &self.host.id;
        // What is public is so since the list was read.
        self.store.apply_account_repositories(id, &Reader::Everyone, &here.public, read_at).await?;
        match strategy {
            Strategy::Nothing => Ok(Read::default()),
            Strategy::WithListing => self.with_listing(&here, repositories, read_at).await,
            Strategy::ByAccount => self.by_account(&here).await,
            Strategy::ByRepository => self.by_repository(&here, repositories).await,
            Strategy::Grants => self.by_grants(&here).await,
        }
    }

    async fn here(&self, repositories: &[HostRepository]) -> Result<Here, SyncError> {
        let known = self.store.host_repositories(&self.host.id).await?;
        let by_id: HashMap<String, RepoId> =
            known.into_iter().filter_map(|known| Some((known.external_id, known.repo?))).collect();
        let open = |openness: Openness| {
            let open = repositories.iter().filter(|repository| repository.openness == openness);
            open.filter_map(|repository| by_id.get(&repository.id).copied()).collect()
        };
        let (public, internal) = (open(Openness::Public), open(Openness::Internal));
        Ok(Here { by_id, public, internal })
    }

    async fn with_listing(
        &self,
        here: &Here,
        repositories: &[HostRepository],
        read_at: Timestamp,
    ) -> Result<Read, SyncError> {
        let mut read = Read::default();
        let asked = repositories.iter().filter_map(|one| Some((one, *here.by_id.get(&one.id)?)));
        let asked: Vec<(&HostRepository, RepoId)> = asked.collect();
        for batch in asked.chunks(N_PER_BATCH) {
            let mut readings = Vec::with_capacity(batch.len());
            for (repository, repo) in batch {
                match self.readers_with_listing(repository).await {
                    Ok(accounts) => {
                        let mut readers = readers(accounts);
                        readers.extend(here.everyone(*repo));
                        readings.push((*repo, readers));
                        read.done();
                    }
                    // Public code needs nobody's name.
                    Err(_) if repository.openness == Openness::Public => {}
                    Err(error) => read.failed(error)?,
                }
            }
            self.store.apply_repository_accounts(&self.host.id, &readings, read_at).await?;
            self.note("permissions", &read, asked.len()).await?;
        }
        Ok(read)
    }

    async fn readers_with_listing(&self, repository: &HostRepository) -> Result<Vec<AccountId>, HostError> {
        let what = "the people who read a repository";
        let (known, next) = match &repository.readers {
            Readers::Unknown => return Err(HostError::Forbidden { what }),
            Readers::All(known) => (known, None),
            Readers::Some(known, next) => (known, Some(next.clone())),
        };
        let bad = || HostError::Shape { what, reason: "an account has a bad identifier".to_owned() };
        let mut accounts = account_ids(known).ok_or_else(bad)?;
        if next.is_some() {
            let more =
                read_all(|after| self.connector.accounts_of(repository, after.or_else(|| next.clone())));
            accounts.extend(more.await?);
        }
        Ok(accounts)
    }

    /// Asks for the accounts that are somebody's here, those whose answers are oldest first.
    async fn by_account(&self, here: &Here) -> Result<Read, SyncError> {
        let mut asked = self.linked_accounts().await?;
        let known = self.store.host_accounts_read(&self.host.id).await?;
        asked.sort_by_key(|account| known.get(account.id.as_str()).copied());
        let (mut read, mut held) = (Read::default(), Vec::new());
        let n_asked = asked.len();
        let questions: Vec<Question<'_, AccountAnswer<'_>>> =
            asked.iter().map(|account| self.question_about(account)).collect();
        let mut answers = stream::iter(questions).buffer_unordered(N_AT_ONCE);
        while let Some((account, read_at, answer)) = answers.next().await {
            match answer {
                Ok(ids) => {
                    let mut repos = here.set_of(&ids);
                    if account.is_active && account.reads_internal {
                        repos.extend_with(&here.internal);
                    }
                    read.done();
                    if self.connector.asks_by_name() {
                        held.push((account, repos, read_at));
                    } else {
                        self.hand_over(account, &repos, read_at).await?;
                    }
                }
                Err(error) => read.failed(error)?,
            }
            if read.n_read % N_PER_BATCH as u64 == 0 {
                self.note("permissions", &read, n_asked).await?;
            }
        }
        self.hand_over_unchanged(held).await?;
        Ok(read)
    }

    fn question_about<'a>(&'a self, account: &'a HostAccount) -> Question<'a, AccountAnswer<'a>> {
        Box::pin(async move {
            let read_at = self.clock.now();
            (account, read_at, self.repositories_of(account).await)
        })
    }

    fn question_of<'a>(
        &'a self,
        repository: &'a HostRepository,
        repo: RepoId,
    ) -> Question<'a, RepositoryAnswer> {
        Box::pin(async move { (repo, read_all(|after| self.connector.accounts_of(repository, after)).await) })
    }

    async fn repositories_of(&self, account: &HostAccount) -> Result<Vec<String>, HostError> {
        if !account.is_active {
            return Ok(Vec::new());
        }
        read_all(|after| self.connector.repositories_of(account, after)).await
    }

    async fn hand_over(
        &self,
        account: &HostAccount,
        repos: &RepoSet,
        read_at: Timestamp,
    ) -> Result<(), SyncError> {
        let reader = Reader::Account(account.id.clone());
        self.store.apply_account_repositories(&self.host.id, &reader, repos, read_at).await?;
        Ok(())
    }

    /// SECURITY: what was asked for by name holds only where the name is still the same account's.
    async fn hand_over_unchanged(
        &self,
        held: Vec<(&HostAccount, RepoSet, Timestamp)>,
    ) -> Result<(), SyncError> {
        if held.is_empty() {
            return Ok(());
        }
        let now = read_all(|after| self.connector.accounts(after)).await?;
        let now: HashMap<&AccountId, &HostAccount> =
            now.iter().map(|account| (&account.id, account)).collect();
        for (account, repos, read_at) in held {
            let is_same = now.get(&account.id).is_some_and(|now| now.login == account.login && now.is_active);
            let repos = if is_same { repos } else { RepoSet::new() };
            self.hand_over(account, &repos, read_at).await?;
        }
        Ok(())
    }

    /// The accounts that are somebody's here, as the host lists them now. One that it does not list any more reads nothing.
    async fn linked_accounts(&self) -> Result<Vec<HostAccount>, SyncError> {
        let linked = self.store.identities_at(&self.host.id).await?;
        if linked.is_empty() {
            return Ok(Vec::new());
        }
        let listed = match read_all(|after| self.connector.accounts(after)).await {
            Ok(listed) => Some(listed),
            // Its names are its identifiers.
            Err(HostError::Unsupported { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let listed: Option<HashMap<AccountId, HostAccount>> =
            listed.map(|listed| listed.into_iter().map(|account| (account.id.clone(), account)).collect());
        let account = |identity: store::Identity| {
            let (id, login) = (identity.account, identity.login);
            let is_active = listed.is_none();
            let bare = HostAccount { id: id.clone(), login, is_active, reads_internal: is_active };
            listed.as_ref().and_then(|listed| listed.get(&id).cloned()).unwrap_or(bare)
        };
        Ok(linked.into_iter().map(account).collect())
    }

    /// Asks for the repositories that are not public, those whose answers are oldest first.
    async fn by_repository(&self, here: &Here, repositories: &[HostRepository]) -> Result<Read, SyncError> {
        let known = self.store.host_repositories(&self.host.id).await?;
        let known: HashMap<String, Option<Timestamp>> =
            known.into_iter().map(|known| (known.external_id, known.read_at)).collect();
        let private = repositories.iter().filter(|one| one.openness != Openness::Public);
        let mut asked: Vec<(&HostRepository, RepoId)> =
            private.filter_map(|one| Some((one, *here.by_id.get(&one.id)?))).collect();
        asked.sort_by_key(|(one, _)| known.get(&one.id).copied().flatten());
        let mut read = Read::default();
        for batch in asked.chunks(N_PER_BATCH) {
            let read_at = self.clock.now();
            let questions: Vec<Question<'_, RepositoryAnswer>> =
                batch.iter().map(|(repository, repo)| self.question_of(repository, *repo)).collect();
            let mut answers = stream::iter(questions).buffer_unordered(N_AT_ONCE);
            let (mut readings, mut stop) = (Vec::new(), Ok(()));
            while let Some((repo, answer)) = answers.next().await {
                match answer {
                    Ok(accounts) => {
                        readings.push((repo, readers(accounts)));
                        read.done();
                    }
                    Err(error) => stop = stop.and(read.failed(error)),
                }
            }
            self.store.apply_repository_accounts(&self.host.id, &readings, read_at).await?;
            self.note("permissions", &read, asked.len()).await?;
            stop?;
        }
        Ok(read)
    }

    /// Reads the one list of pairs. A repository that it does not name is read by nobody.
    async fn by_grants(&self, here: &Here) -> Result<Read, SyncError> {
        const GRANTS: &str = "grants";
        let (grants, read_at): (Vec<HostGrant>, _) =
            self.read_list(GRANTS, "permissions", |after| self.connector.grants(after)).await?;
        let mut by_repo: HashMap<RepoId, BTreeSet<Reader>> =
            here.by_id.values().map(|repo| (*repo, here.everyone(*repo).into_iter().collect())).collect();
        let mut seen: HashSet<&AccountId> = HashSet::new();
        for grant in &grants {
            if let Some(readers) = here.by_id.get(&grant.repository).and_then(|repo| by_repo.get_mut(repo)) {
                readers.insert(Reader::Account(grant.account.clone()));
                seen.insert(&grant.account);
            }
        }
        let readings: Vec<(RepoId, BTreeSet<Reader>)> = by_repo.into_iter().collect();
        for batch in readings.chunks(N_PER_BATCH) {
            self.store.apply_repository_accounts(&self.host.id, batch, read_at).await?;
        }
        self.drop_pages(GRANTS).await?;
        Ok(Read { n_read: seen.len() as u64, ..Read::default() })
    }

    async fn note(&self, what: &str, read: &Read, n_asked: usize) -> Result<(), SyncError> {
        let n_done = read.n_read + read.n_unread;
        Ok(self.store.note_host_progress(&self.host.id, what, n_done, n_asked as u64).await?)
    }
}

fn readers(accounts: Vec<AccountId>) -> BTreeSet<Reader> {
    accounts.into_iter().map(Reader::Account).collect()
}
