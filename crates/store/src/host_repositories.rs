//! What code hosts have: pages of lists that are being read, and a whole list taken over in one transaction.
//!
//! A repository is its host's identifier. A list changes nothing until it is whole; what it lacks is retired when a second
//! one lacks it, too, so that a list that shifted while it was read takes nothing away.

use crate::database::{Row, Transaction, int_list, values};
use crate::repositories::{checked_source, insert_under_free_name};
use crate::repository::select_repositories;
use crate::{AddRepositoryError, CodeHost, Fault, NewRepository, Repository, Source, Store, Timestamp};
use crate::{Visibility, access_facts};
use access::HostId;
use access::audit::{Act, Entry};
use model::{RepoId, RepoName};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Longest page that is kept, in bytes.
const PAGE_BYTES_MAX: usize = 64 << 20;
const TEXT_BYTES_MAX: usize = 2000;
/// A list that lacks more than half of what was there, and at least so many, waits for somebody to say that it is right.
const N_WITHHELD_MIN: usize = 4;

/// A repository, as its host's list has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRepository {
    /// The host's immutable identifier.
    pub external_id: String,
    /// What the host calls it now.
    pub name: String,
    /// The names it may have here, the best first.
    pub names: Vec<RepoName>,
    /// Where its objects come from.
    pub source: Source,
    /// `public`, `internal` or `private`.
    pub openness: &'static str,
    /// Whether it is a fork.
    pub fork: bool,
    /// Whether it was set to rest.
    pub archived: bool,
    /// The rule by which it is left out.
    pub excluded_by: Option<String>,
}

/// A repository of a host, as it is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownHostRepository {
    /// The host's immutable identifier.
    pub external_id: String,
    /// The repository here; `None` where it is left out.
    pub repo: Option<RepoId>,
    /// What the host calls it.
    pub name: String,
    /// `public`, `internal` or `private`.
    pub openness: String,
    /// The rule by which it is left out.
    pub excluded_by: Option<String>,
    /// Since when the host's lists lack it.
    pub missing_since: Option<Timestamp>,
    /// When its own list of readers was read last.
    pub read_at: Option<Timestamp>,
}

/// A page of a list that is being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostListPage {
    /// What is on it, as JSON.
    pub items: String,
    /// Where the list goes on.
    pub next: Option<String>,
    /// When it was read.
    pub read_at: Timestamp,
}

/// What taking over a list did.
#[derive(Debug, Default)]
pub struct ListingOutcome {
    /// Repositories that are new here.
    pub added: Vec<Repository>,
    /// How many have another name or another address.
    pub n_moved: u64,
    /// How many are gone.
    pub n_retired: u64,
    /// How many are missing for the first time.
    pub n_missing: u64,
    /// Repositories that could not be added, and why; at most the first hundred.
    pub refused: Vec<(String, AddRepositoryError)>,
    /// How many it lacks, where it lacks so many that nothing was taken over.
    pub n_withheld: u64,
}

/// What is known of a host's repositories while a list is taken over.
struct Comparing<'a> {
    host: &'a HostId,
    now: Timestamp,
    known: HashMap<String, KnownHostRepository>,
    outcome: ListingOutcome,
    is_changed: bool,
}

impl Store {
    /// Keeps a page of a list that is being read.
    pub async fn put_host_page(
        &self,
        host: &HostId,
        list: &str,
        position: u64,
        page: &HostListPage,
    ) -> Result<(), Fault> {
        const PUT: &str = "INSERT INTO host_pages (host_id, list, position, items, next, read_at) \
             VALUES ($1, $2, $3, $4, $5, $6)";
        Fault::check_storable("page of a list", &page.items, PAGE_BYTES_MAX)?;
        let position = crate::database::int(position);
        let columns = values![&host.0, list, position, &page.items, page.next.clone(), page.read_at];
        self.database().execute(PUT, columns).await.map(drop)
    }

    /// The pages of a list that were kept, in order.
    pub async fn host_pages(&self, host: &HostId, list: &str) -> Result<Vec<HostListPage>, Fault> {
        const READ: &str =
            "SELECT items, next, read_at FROM host_pages WHERE host_id = $1 AND list = $2 ORDER BY position";
        let rows = self.database().rows(READ, values![&host.0, list]).await?;
        let page = |row: &Row| {
            Ok(HostListPage {
                items: row.text("items")?,
                next: row.maybe_text("next")?,
                read_at: row.time("read_at")?,
            })
        };
        rows.iter().map(page).collect()
    }

    /// Forgets the pages of a list.
    pub async fn drop_host_pages(&self, host: &HostId, list: &str) -> Result<(), Fault> {
        let sql = "DELETE FROM host_pages WHERE host_id = $1 AND list = $2";
        self.database().execute(sql, values![&host.0, list]).await.map(drop)
    }

    /// What is known of a host's repositories. For whoever compares, and for administrators.
    pub async fn host_repositories(&self, host: &HostId) -> Result<Vec<KnownHostRepository>, Fault> {
        const READ: &str = "SELECT own.external_id AS external_id, own.repo_id AS repo_id, own.name AS name, \
             own.openness AS openness, own.excluded_by AS excluded_by, own.missing_since AS missing_since, \
             readings.read_at AS read_at FROM host_repositories AS own \
             LEFT JOIN host_repositories_read AS readings \
             ON readings.host_id = own.host_id AND readings.repo_id = own.repo_id \
             WHERE own.host_id = $1 ORDER BY own.name, own.external_id";
        let rows = self.database().rows(READ, values![&host.0]).await?;
        rows.iter().map(KnownHostRepository::from_row).collect()
    }

    /// When each account of a host was last asked for its repositories.
    pub async fn host_accounts_read(&self, host: &HostId) -> Result<HashMap<String, Timestamp>, Fault> {
        const READ: &str = "SELECT account_id, listed_at FROM host_readers \
             WHERE host_id = $1 AND account_id <> '' AND listed_at IS NOT NULL";
        let rows = self.database().rows(READ, values![&host.0]).await?;
        rows.iter().map(|row| Ok((row.text("account_id")?, row.time("listed_at")?))).collect()
    }

    /// The repository here that a host's identifier stands for.
    pub async fn repository_of_host(
        &self,
        host: &HostId,
        external_id: &str,
    ) -> Result<Option<Repository>, Fault> {
        const READ: &str = select_repositories!(
            "WHERE id IN (SELECT repo_id FROM host_repositories WHERE host_id = $1 AND external_id = $2)"
        );
        let row = self.database().row(READ, values![&host.0, external_id]).await?;
        row.as_ref().map(Repository::from_row).transpose()
    }

    /// Takes over a whole list of a host's repositories, read from `read_at` on, in one transaction: new ones are added, those
    /// that moved renamed, those that are left out or gone removed. Raises the epoch if anything changes. `accept_loss`: even
    /// where it lacks most of them.
    pub async fn apply_host_listing(
        &self,
        host: &CodeHost,
        listed: &[ListedRepository],
        read_at: Timestamp,
        accept_loss: bool,
    ) -> Result<ListingOutcome, Fault> {
        const LISTED: &str = "UPDATE code_hosts SET listed_at = $2, n_withheld = 0 WHERE id = $1";
        const WITHHELD: &str = "UPDATE code_hosts SET n_withheld = $2 WHERE id = $1";
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let known = known_repositories(&mut transaction, &host.id).await?;
        let (outcome, is_changed) = (ListingOutcome::default(), false);
        let mut comparing = Comparing { host: &host.id, now: self.now(), known, outcome, is_changed };
        let n_lacking = comparing.n_lacking(listed);
        if n_lacking >= N_WITHHELD_MIN && n_lacking * 2 > comparing.n_present() && !accept_loss {
            access_facts::keep_epoch(&mut transaction).await?;
            let n_withheld = n_lacking as u64;
            transaction.execute(WITHHELD, values![&host.id.0, crate::database::int(n_withheld)]).await?;
            transaction.commit().await?;
            return Ok(ListingOutcome { n_withheld, ..ListingOutcome::default() });
        }
        comparing.retire(&mut transaction, listed, accept_loss).await?;
        comparing.move_known(&mut transaction, listed).await?;
        comparing.add_new(&mut transaction, listed).await?;
        transaction.execute(LISTED, values![&host.id.0, read_at]).await?;
        let outcome = comparing.outcome;
        if comparing.is_changed {
            let entry = Entry::new(Act::SyncPermissions, host.object())
                .detail("added", outcome.added.len())
                .detail("moved", outcome.n_moved)
                .detail("retired", outcome.n_retired);
            self.record_in(&mut transaction, entry).await?;
        } else {
            access_facts::keep_epoch(&mut transaction).await?;
        }
        transaction.commit().await?;
        Ok(outcome)
    }
}

/// Removes repositories with all that belongs to them, as `Store::remove_repository` does. The caller has raised the epoch.
pub(crate) async fn delete_repositories(
    transaction: &mut Transaction,
    now: Timestamp,
    repos: &[RepoId],
) -> Result<(), Fault> {
    const DISCARD: &str =
        "INSERT INTO discarded (repo_id, name, size_bytes, discarded_at) VALUES ($1, NULL, 0, $2)";
    let ids = int_list(repos.iter().map(|repo| i64::from(repo.0)));
    transaction.execute("DELETE FROM repositories WHERE id IN {ints:$1}", values![&ids]).await?;
    transaction.execute("DELETE FROM discarded WHERE repo_id IN {ints:$1}", values![&ids]).await?;
    for repo in repos {
        transaction.execute(DISCARD, values![*repo, now]).await?;
    }
    Ok(())
}

async fn known_repositories(
    transaction: &mut Transaction,
    host: &HostId,
) -> Result<HashMap<String, KnownHostRepository>, Fault> {
    const READ: &str = "SELECT external_id, repo_id, name, openness, excluded_by, missing_since, CAST(NULL AS BIGINT) AS read_at \
         FROM host_repositories WHERE host_id = $1";
    let rows = transaction.rows(READ, values![&host.0]).await?;
    let known = rows.iter().map(KnownHostRepository::from_row);
    known.map(|known| known.map(|known| (known.external_id.clone(), known))).collect()
}

impl Comparing<'_> {
    fn n_present(&self) -> usize {
        self.known.values().filter(|known| known.repo.is_some()).count()
    }

    fn n_lacking(&self, listed: &[ListedRepository]) -> usize {
        let listed: HashSet<&str> = listed.iter().map(|one| one.external_id.as_str()).collect();
        let is_lacking = |known: &&KnownHostRepository| {
            known.repo.is_some() && !listed.contains(known.external_id.as_str())
        };
        self.known.values().filter(is_lacking).count()
    }

    /// Removes what a second list lacks, what is left out by a rule, and at once what another repository has taken the place of.
    ///
    /// SECURITY: a new identifier under an old address is another repository. The old one goes before the new one comes, so that
    /// nothing of it (index, grants, statements) is handed on.
    async fn retire(
        &mut self,
        transaction: &mut Transaction,
        listed: &[ListedRepository],
        accept_loss: bool,
    ) -> Result<(), Fault> {
        const MISSING: &str =
            "UPDATE host_repositories SET missing_since = $3 WHERE host_id = $1 AND external_id = $2";
        const FORGET: &str = "DELETE FROM host_repositories WHERE host_id = $1 AND external_id = $2";
        let by_id: HashMap<&str, &ListedRepository> =
            listed.iter().map(|one| (one.external_id.as_str(), one)).collect();
        let new_names: HashSet<&str> = listed
            .iter()
            .filter(|one| !self.known.contains_key(&one.external_id))
            .map(|one| one.name.as_str())
            .collect();
        let (mut removed, mut forgotten, mut missing) = (Vec::new(), Vec::new(), Vec::new());
        for known in self.known.values() {
            match by_id.get(known.external_id.as_str()) {
                Some(one) if one.excluded_by.is_some() => removed.extend(known.repo),
                Some(_) => {}
                None => {
                    let is_replaced = new_names.contains(known.name.as_str());
                    if accept_loss || is_replaced || known.missing_since.is_some() || known.repo.is_none() {
                        removed.extend(known.repo);
                        forgotten.push(known.external_id.clone());
                    } else {
                        missing.push(known.external_id.clone());
                    }
                }
            }
        }
        self.outcome.n_retired = removed.len() as u64;
        self.outcome.n_missing = missing.len() as u64;
        self.is_changed |= !removed.is_empty();
        delete_repositories(transaction, self.now, &removed).await?;
        for id in &missing {
            transaction.execute(MISSING, values![&self.host.0, id, self.now]).await?;
        }
        for id in forgotten {
            transaction.execute(FORGET, values![&self.host.0, &id]).await?;
            self.known.remove(&id);
        }
        let removed: HashSet<RepoId> = removed.into_iter().collect();
        for known in self.known.values_mut() {
            known.repo = known.repo.filter(|repo| !removed.contains(repo));
        }
        Ok(())
    }

    /// Brings names, addresses and flags of known repositories up to date. Names may go round in a circle, so those that change
    /// get one of their own first.
    async fn move_known(
        &mut self,
        transaction: &mut Transaction,
        listed: &[ListedRepository],
    ) -> Result<(), Fault> {
        const READ: &str = select_repositories!(
            "WHERE id IN (SELECT repo_id FROM host_repositories WHERE host_id = $1 AND repo_id IS NOT NULL)"
        );
        const ASIDE: &str = "UPDATE repositories SET name = $2, source = $3 WHERE id = $1";
        const MOVE: &str = "UPDATE repositories SET name = $2, source_kind = $3, source = $4 WHERE id = $1";
        const FLAGS: &str = "UPDATE repositories SET visibility = $2, fork = $3, archived = $4 WHERE id = $1";
        let rows = transaction.rows(READ, values![&self.host.0]).await?;
        let rows = rows.iter().map(Repository::from_row).collect::<Result<Vec<_>, _>>()?;
        let rows: HashMap<RepoId, Repository> = rows.into_iter().map(|row| (row.id, row)).collect();
        let mut moves = Vec::new();
        for one in listed {
            let Some(known) = self.known.get(&one.external_id) else { continue };
            self.note_known(transaction, one, known).await?;
            let Some(row) = known.repo.and_then(|repo| rows.get(&repo)) else { continue };
            if (row.visibility, row.fork, row.archived) != (one.visibility(), one.fork, one.archived) {
                let columns = values![row.id, one.visibility().as_stored(), one.fork, one.archived];
                transaction.execute(FLAGS, columns).await?;
            }
            // A name that was taken when it came may have a number; it keeps that until the host renames it.
            if one.source != row.source || one.name != known.name {
                let aside = format!("moving/{}", row.id.0);
                transaction.execute(ASIDE, values![row.id, &aside, &aside]).await?;
                moves.push((row.id, one));
            }
        }
        self.outcome.n_moved = moves.len() as u64;
        self.is_changed |= !moves.is_empty();
        for (repo, one) in moves {
            let Ok((kind, source)) = checked_source(&one.source) else { continue };
            let taken = "SELECT 1 AS one FROM repositories WHERE source_kind = $1 AND source = $2";
            if transaction.row(taken, values![kind, source]).await?.is_some() {
                // Somebody added the new address by hand: that one stays theirs.
                continue;
            }
            for name in &one.names {
                let sql = "SELECT 1 AS one FROM repositories WHERE name = $1";
                if transaction.row(sql, values![name.as_str()]).await?.is_none() {
                    transaction.execute(MOVE, values![repo, name.as_str(), kind, source]).await?;
                    break;
                }
            }
        }
        Ok(())
    }

    async fn note_known(
        &self,
        transaction: &mut Transaction,
        one: &ListedRepository,
        known: &KnownHostRepository,
    ) -> Result<(), Fault> {
        const NOTE: &str = "UPDATE host_repositories SET name = $3, openness = $4, excluded_by = $5, \
             missing_since = NULL WHERE host_id = $1 AND external_id = $2";
        let is_same = one.name == known.name
            && one.openness == known.openness
            && one.excluded_by == known.excluded_by
            && known.missing_since.is_none();
        if !is_same {
            let columns =
                values![&self.host.0, &one.external_id, &one.name, one.openness, one.excluded_by.clone()];
            transaction.execute(NOTE, columns).await?;
        }
        Ok(())
    }

    /// Adds what is not here yet. An address that somebody added by hand becomes the host's, too: it is the same repository,
    /// and who reads it there may read it here.
    async fn add_new(
        &mut self,
        transaction: &mut Transaction,
        listed: &[ListedRepository],
    ) -> Result<(), Fault> {
        const PUT: &str = "INSERT INTO host_repositories (host_id, external_id, repo_id, name, openness, excluded_by) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (host_id, external_id) DO UPDATE SET repo_id = $3";
        const N_REFUSED_MAX: usize = 100;
        let mut seen: BTreeMap<&str, ()> = BTreeMap::new();
        for one in listed {
            // A list that shifted while it was read may hold one twice.
            if seen.insert(&one.external_id, ()).is_some()
                || self.known.get(&one.external_id).is_some_and(|known| known.repo.is_some())
            {
                continue;
            }
            let repo = match &one.excluded_by {
                Some(_) => None,
                None => match self.insert(transaction, one).await {
                    Ok(repo) => Some(repo),
                    Err(AddRepositoryError::Fault(fault)) => return Err(fault),
                    Err(refusal) => {
                        if self.outcome.refused.len() < N_REFUSED_MAX {
                            self.outcome.refused.push((one.name.clone(), refusal));
                        }
                        continue;
                    }
                },
            };
            if repo.is_none() && self.known.contains_key(&one.external_id) {
                continue;
            }
            self.is_changed |= repo.is_some();
            Fault::check_storable("identifier of a host's repository", &one.external_id, TEXT_BYTES_MAX)?;
            let columns = values![
                &self.host.0,
                &one.external_id,
                repo,
                &one.name,
                one.openness,
                one.excluded_by.clone()
            ];
            transaction.execute(PUT, columns).await?;
        }
        Ok(())
    }

    async fn insert(
        &mut self,
        transaction: &mut Transaction,
        one: &ListedRepository,
    ) -> Result<RepoId, AddRepositoryError> {
        const OTHERS: &str = "SELECT 1 AS one FROM host_repositories WHERE repo_id = $1";
        let (kind, source) = checked_source(&one.source)?;
        let by_source = select_repositories!("WHERE source_kind = $1 AND source = $2");
        if let Some(row) = transaction.row(by_source, values![kind, source]).await? {
            let repo = Repository::from_row(&row)?.id;
            return match transaction.row(OTHERS, values![repo]).await? {
                Some(_) => Err(AddRepositoryError::Refused),
                None => Ok(repo),
            };
        }
        let new = NewRepository {
            names: one.names.clone(),
            source: one.source.clone(),
            visibility: one.visibility(),
            unrestricted: false,
            fork: one.fork,
            archived: one.archived,
        };
        let id = insert_under_free_name(transaction, self.now, &new, kind, source).await?;
        let row = transaction.row(select_repositories!("WHERE id = $1"), values![id]).await?;
        let row = row.ok_or(Fault::ImpossibleValue { column: "id" })?;
        self.outcome.added.push(Repository::from_row(&row)?);
        Ok(id)
    }
}

impl ListedRepository {
    fn visibility(&self) -> Visibility {
        if self.openness == "public" { Visibility::Public } else { Visibility::Private }
    }
}

impl KnownHostRepository {
    fn from_row(row: &Row) -> Result<Self, Fault> {
        let repo = row.maybe_int("repo_id")?.map(u32::try_from).transpose();
        Ok(KnownHostRepository {
            external_id: row.text("external_id")?,
            repo: repo.map_err(|_| Fault::ImpossibleValue { column: "repo_id" })?.map(RepoId),
            name: row.text("name")?,
            openness: row.text("openness")?,
            excluded_by: row.maybe_text("excluded_by")?,
            missing_since: row.maybe_time("missing_since")?,
            read_at: row.maybe_time("read_at")?,
        })
    }
}
