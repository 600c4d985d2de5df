//! Adding, listing, finding and removing repositories.

use crate::access_facts;
use crate::audit_objects;
use crate::database::{Transaction, int_list, values};
use crate::repository::select_repositories;
use crate::{Fault, Repository, Source, Store, Timestamp, Visibility};
use access::audit::{Act, Entry, Object};
use model::{AccessSet, RepoId, RepoName, UserId};

/// Most repositories on one page of a list.
pub(crate) const N_PAGE_MAX: u32 = 1000;
/// Longest source that is stored.
const SOURCE_BYTES_MAX: usize = 4096;

/// A repository to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRepository {
    /// Names to give it, the best first: the first that is free is taken.
    pub names: Vec<RepoName>,
    /// Where its objects come from.
    pub source: Source,
    /// What its host says of who may see it.
    pub visibility: Visibility,
    /// Whether every signed-in account may read it.
    pub unrestricted: bool,
    /// Whether it is a fork.
    pub fork: bool,
    /// Whether its owner set it to rest.
    pub archived: bool,
}

/// Who adds a repository, and so is granted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adder {
    /// An account.
    User(UserId),
    /// The person at the data directory: the grant goes to the first administrator, now or when there is one.
    LocalOperator,
}

/// A repository that is there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// Its row.
    pub repository: Repository,
    /// Whether this call made it; otherwise its source was known already.
    pub is_new: bool,
}

/// A repository could not be added.
#[derive(Debug, thiserror::Error)]
pub enum AddRepositoryError {
    /// No name offered is free.
    #[error("the name '{name}' belongs to another repository: give this one another name")]
    NameTaken {
        /// The last name tried.
        name: String,
    },
    /// No name was offered.
    #[error("a repository needs a name")]
    NoName,
    /// An account adds a source that is there already and that it may not read. SECURITY: says nothing of what is there.
    #[error("this repository cannot be added with your rights: ask an administrator for access to it")]
    Refused,
    /// The path cannot be stored.
    #[error("the path '{path}' is not UTF-8 or not absolute: rename the directory or give its full path")]
    BadPath {
        /// The path, as far as it prints.
        path: String,
    },
    /// The source is too long.
    #[error("the source of a repository is longer than {n_bytes_max} bytes")]
    SourceTooLong {
        /// The most that is stored.
        n_bytes_max: usize,
    },
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Where a list goes on. Its text holds the last name the caller saw, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoCursor(pub RepoName);

/// Which part of the list of repositories is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRepositories {
    /// Only those after this one.
    pub after: Option<RepoCursor>,
    /// At most so many, and never more than 1,000.
    pub limit: u32,
}

/// A part of the list of repositories, ordered by name's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoPage {
    /// The rows.
    pub repositories: Vec<Repository>,
    /// Where the list goes on, if it does.
    pub next: Option<RepoCursor>,
}

impl Store {
    /// Adds a repository and grants it to whoever adds it, in one transaction. A source that is known already is not added
    /// again: its row is returned as it is, and the local operator's grant is made if it is missing.
    pub async fn add_repository(
        &self,
        new: NewRepository,
        adder: Adder,
    ) -> Result<Added, AddRepositoryError> {
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let (added, changed) = add_in(&mut transaction, self.now(), new, adder).await?;
        if changed {
            self.record_in(&mut transaction, added_entry(&added)).await?;
            transaction.commit().await?;
        }
        Ok(added)
    }

    /// Adds many in one transaction; a name that is taken or a path that cannot be stored fails that one alone.
    pub async fn add_repositories(
        &self,
        new: Vec<NewRepository>,
        adder: Adder,
    ) -> Result<Vec<Result<Added, AddRepositoryError>>, Fault> {
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let mut outcomes = Vec::with_capacity(new.len());
        let mut entries = Vec::new();
        for new in new {
            outcomes.push(match add_in(&mut transaction, self.now(), new, adder).await {
                Ok((added, changed)) => {
                    entries.extend(changed.then(|| added_entry(&added)));
                    Ok(added)
                }
                Err(AddRepositoryError::Fault(fault)) => return Err(fault),
                Err(refusal) => Err(refusal),
            });
        }
        if !entries.is_empty() {
            self.record_all_in(&mut transaction, entries).await?;
            transaction.commit().await?;
        }
        Ok(outcomes)
    }

    /// Lists the repositories the caller may read, by name.
    pub async fn repositories(&self, access: &AccessSet, list: &ListRepositories) -> Result<RepoPage, Fault> {
        let limit = list.limit.clamp(1, N_PAGE_MAX) as usize;
        // SECURITY: what lies outside the caller's set is not read at all; order, limit and cursor come from within.
        let mut allowed = int_list(access.repos().map(|repo| i64::from(repo.0)));
        if model::leaks("repository-list") {
            allowed = int_list(1..100_000);
        }
        let after = list.after.as_ref().map_or("", |cursor| cursor.0.as_str());
        let rows = self
            .database()
            .rows(
                select_repositories!("WHERE id IN {ints:$1} AND name > $2 ORDER BY name LIMIT $3"),
                values![allowed, after, limit as i64 + 1],
            )
            .await?;
        let mut repositories = rows.iter().map(Repository::from_row).collect::<Result<Vec<_>, _>>()?;
        if model::leaks("list-limit-before-filter") {
            let sql = select_repositories!("WHERE name > $1 ORDER BY name LIMIT $2");
            let rows = self.database().rows(sql, values![after, limit as i64 + 1]).await?;
            repositories = rows.iter().map(Repository::from_row).collect::<Result<Vec<_>, _>>()?;
            repositories.retain(|repository| access.allows(repository.id));
        }
        let goes_on = repositories.len() > limit;
        repositories.truncate(limit);
        let last = repositories.last().filter(|_| goes_on);
        let next = last.map(|repository| RepoCursor(repository.name.clone()));
        Ok(RepoPage { repositories, next })
    }

    /// The repository of this name, if there is one and the caller may read it.
    pub async fn repository_by_name(
        &self,
        access: &AccessSet,
        name: &RepoName,
    ) -> Result<Option<Repository>, Fault> {
        let found = by_name(self, name).await?;
        // SECURITY: forbidden and unknown are the same answer.
        let shows = |id| access.allows(id) || model::leaks("repository-by-name");
        Ok(found.filter(|repository| shows(repository.id)))
    }

    /// The repository of this number, if there is one and the caller may read it.
    pub async fn repository(&self, access: &AccessSet, repo: RepoId) -> Result<Option<Repository>, Fault> {
        // SECURITY: as in `repository_by_name`.
        if !access.allows(repo) {
            return Ok(None);
        }
        by_id(self, repo).await
    }

    /// Opens a repository to every signed-in account, or closes it again. Raises the epoch. Whether the caller may is for
    /// the caller to know. False if there is no such repository.
    pub async fn set_unrestricted(&self, repo: RepoId, unrestricted: bool) -> Result<bool, Fault> {
        const SET: &str = "UPDATE repositories SET unrestricted = $2 WHERE id = $1 AND unrestricted <> $2";
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        if transaction.execute(SET, values![repo, unrestricted]).await? > 0 {
            let object = audit_objects::repository(&mut transaction, repo).await?;
            let entry = Entry::new(Act::ShareRepository, object).detail("unrestricted", unrestricted);
            self.record_in(&mut transaction, entry).await?;
            transaction.commit().await?;
            return Ok(true);
        }
        Ok(by_id(self, repo).await?.is_some())
    }

    /// Removes a repository: row, grants, manifest and jobs go at once, its files become discarded ones. Raises the epoch.
    /// False if there is no such repository.
    pub async fn remove_repository(&self, repo: RepoId) -> Result<bool, Fault> {
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let object = audit_objects::repository(&mut transaction, repo).await?;
        if transaction.execute("DELETE FROM repositories WHERE id = $1", values![repo]).await? == 0 {
            return Ok(false);
        }
        // One record for all of it takes the place of those for single files.
        transaction.execute("DELETE FROM discarded WHERE repo_id = $1", values![repo]).await?;
        transaction
            .execute(
                "INSERT INTO discarded (repo_id, name, size_bytes, discarded_at) VALUES ($1, NULL, 0, $2)",
                values![repo, self.now()],
            )
            .await?;
        self.record_in(&mut transaction, Entry::new(Act::RemoveRepository, object)).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

fn added_entry(added: &Added) -> Entry {
    let Repository { id, name, source, .. } = &added.repository;
    let entry = Entry::new(Act::AddRepository, Object::new("repository", id.0, name.as_str()));
    match source.to_columns() {
        Some((_, source)) => entry.detail("source", source),
        None => entry,
    }
}

pub(crate) async fn by_id(store: &Store, repo: RepoId) -> Result<Option<Repository>, Fault> {
    let row = store.database().row(select_repositories!("WHERE id = $1"), values![repo]).await?;
    row.as_ref().map(Repository::from_row).transpose()
}

pub(crate) async fn by_name(store: &Store, name: &RepoName) -> Result<Option<Repository>, Fault> {
    let row = store.database().row(select_repositories!("WHERE name = $1"), values![name.as_str()]).await?;
    row.as_ref().map(Repository::from_row).transpose()
}

/// Adds one repository in a transaction that holds the epoch's lock, so that no other can add the same source or make the
/// first administrator meanwhile. Tells whether anything was written.
async fn add_in(
    transaction: &mut Transaction,
    now: Timestamp,
    new: NewRepository,
    adder: Adder,
) -> Result<(Added, bool), AddRepositoryError> {
    let (kind, source) = checked_source(&new.source)?;
    let by_source = select_repositories!("WHERE source_kind = $1 AND source = $2");
    if let Some(row) = transaction.row(by_source, values![kind, source]).await? {
        let repository = Repository::from_row(&row)?;
        let granted = grant_known(transaction, now, &repository, adder).await?;
        return Ok((Added { repository, is_new: false }, granted));
    }
    let id = insert_under_free_name(transaction, now, &new, kind, source).await?;
    grant_to_adder(transaction, now, id, adder).await?;
    let row = transaction.row(select_repositories!("WHERE id = $1"), values![id]).await?;
    let row = row.ok_or(Fault::ImpossibleValue { column: "id" })?;
    Ok((Added { repository: Repository::from_row(&row)?, is_new: true }, true))
}

pub(crate) fn checked_source(source: &Source) -> Result<(&'static str, &str), AddRepositoryError> {
    let columns =
        source.to_columns().ok_or_else(|| AddRepositoryError::BadPath { path: source.to_string() })?;
    if columns.1.len() > SOURCE_BYTES_MAX || columns.1.contains('\0') {
        return Err(AddRepositoryError::SourceTooLong { n_bytes_max: SOURCE_BYTES_MAX });
    }
    Ok(columns)
}

pub(crate) async fn insert_under_free_name(
    transaction: &mut Transaction,
    now: Timestamp,
    new: &NewRepository,
    kind: &str,
    source: &str,
) -> Result<RepoId, AddRepositoryError> {
    const INSERT: &str = "INSERT INTO repositories \
         (name, source_kind, source, visibility, unrestricted, fork, archived, added_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name) DO NOTHING RETURNING id";
    for name in &new.names {
        let visibility = new.visibility.as_stored();
        let columns =
            values![name.as_str(), kind, source, visibility, new.unrestricted, new.fork, new.archived, now];
        if let Some(row) = transaction.row(INSERT, columns).await? {
            return Ok(row.repo_id("id")?);
        }
    }
    Err(match new.names.last() {
        Some(name) => AddRepositoryError::NameTaken { name: name.to_string() },
        None => AddRepositoryError::NoName,
    })
}

/// A source that is known already: the local operator may have it again, an account only what it may read anyway.
/// SECURITY: otherwise naming a source would be a way to somebody else's mirror of it.
async fn grant_known(
    transaction: &mut Transaction,
    now: Timestamp,
    repository: &Repository,
    adder: Adder,
) -> Result<bool, AddRepositoryError> {
    match adder {
        Adder::LocalOperator => Ok(grant_to_adder(transaction, now, repository.id, adder).await?),
        Adder::User(_) if repository.unrestricted => Ok(false),
        Adder::User(user) => {
            let sql = "SELECT 1 AS one FROM grants WHERE user_id = $1 AND repo_id = $2";
            let grant = transaction.row(sql, values![user, repository.id]).await?;
            grant.map(|_| false).ok_or(AddRepositoryError::Refused)
        }
    }
}

/// Makes the adder's grant, or lets it wait for the first administrator. Tells whether it is new.
async fn grant_to_adder(
    transaction: &mut Transaction,
    now: Timestamp,
    repo: RepoId,
    adder: Adder,
) -> Result<bool, Fault> {
    const WAIT: &str =
        "INSERT INTO waiting_grants (repo_id, granted_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    let user = match adder {
        Adder::User(user) => Some(user),
        Adder::LocalOperator => access_facts::first_administrator(transaction).await?,
    };
    match user {
        Some(user) => access_facts::insert_grant(transaction, now, repo, user).await,
        None => Ok(transaction.execute(WAIT, values![repo, now]).await? > 0),
    }
}
