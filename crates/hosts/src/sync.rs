//! Comparing one host with the store: its list first, then who reads what.
//!
//! Pages are kept as they come, so that a restart goes on where it was. Nothing is taken over of a list that is not whole.
//! What is read about one account or one repository is whole by itself and is taken over at once, the oldest first, so that an
//! interrupted reading goes on with what is left.

mod permissions;

use crate::connector::{Pager, Strategy};
use crate::exclusion::Compiled;
use crate::{
    Connector, ExclusionError, HostError, HostKind, HostRepository, HostSettings, Openness, SettingsError,
};
use access::{Clock, Timestamp};
use model::RepoName;
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;
use store::{CodeHost, Fault, HostListPage, ListedRepository, ListingOutcome, Source, Store};

/// Pages older than this are read again rather than gone on with.
const RESUME_MAX: Duration = Duration::from_secs(60 * 60);
/// How many numbered names are offered where a name is taken.
const N_NUMBERED: u32 = 50;

/// What a comparing did.
#[derive(Debug, Default)]
pub struct SyncReport {
    /// What taking over the list did.
    pub listing: ListingOutcome,
    /// How many repositories the host listed.
    pub n_listed: u64,
    /// How many of them are left out by rules.
    pub n_excluded: u64,
    /// How many accounts or repositories were asked about and answered.
    pub n_read: u64,
    /// How many were asked about without an answer; what is known of them grows old.
    pub n_unread: u64,
    /// How many requests it took.
    pub n_calls: u64,
}

/// A comparing did not come to its end. What was taken over before holds.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The rules of exclusion.
    #[error(transparent)]
    Exclusion(#[from] ExclusionError),
    /// The list lacks too much.
    #[error(
        "the code host lists {n_lacking} repositories less than before, more than half of them, and nothing was taken over: check the token's rights, or accept the loss"
    )]
    Withheld {
        /// How many are missing.
        n_lacking: u64,
    },
    /// Some things could not be asked for.
    #[error("{n_unread} of {n_asked} permissions could not be read; the first failed so: {first}")]
    Unread {
        /// How many failed.
        n_unread: u64,
        /// Of how many.
        n_asked: u64,
        /// Why the first one did.
        first: Box<HostError>,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Fault),
}

impl SyncError {
    /// When it is worth trying again, where the host said so.
    pub fn retry_at(&self) -> Option<Timestamp> {
        match self {
            SyncError::Host(error) => error.retry_at(),
            SyncError::Unread { first, .. } => first.retry_at(),
            _ => None,
        }
    }
}

/// What a comparing may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncManner {
    /// Whether a list that lacks most of what was there is believed.
    pub accepts_loss: bool,
    /// Whether pages are kept as they come, and those of an interrupted reading gone on with. For one reader of a host at a
    /// time: two would put their pages together.
    pub keeps_pages: bool,
}

/// Compares a host with the store.
pub async fn sync(
    store: &Store,
    host: &CodeHost,
    connector: &dyn Connector,
    clock: &dyn Clock,
    manner: SyncManner,
) -> Result<SyncReport, SyncError> {
    let n_calls_before = connector.n_calls();
    let begun_at = clock.now();
    store.note_host_begun(&host.id, begun_at).await?;
    let work = Sync { store, host, connector, clock, manner };
    let (repositories, read_at) = work.repositories().await?;
    let mut report = SyncReport { n_listed: repositories.len() as u64, ..SyncReport::default() };
    let listed = work.listed(&repositories)?;
    report.n_excluded = listed.iter().filter(|one| one.excluded_by.is_some()).count() as u64;
    let outcome = store.apply_host_listing(host, &listed, read_at, manner.accepts_loss).await?;
    work.drop_pages(REPOSITORIES).await?;
    if outcome.n_withheld > 0 {
        return Err(SyncError::Withheld { n_lacking: outcome.n_withheld });
    }
    for (name, error) in &outcome.refused {
        tracing::warn!(host = host.name, repository = name, %error, "a repository cannot be added");
    }
    report.listing = outcome;
    let strategy = connector.strategy().await?;
    if strategy != Strategy::Nothing {
        let read = work.permissions(strategy, &repositories, read_at).await?;
        (report.n_read, report.n_unread) = (read.n_read, read.n_unread);
        if let Some(first) = read.first_error {
            let (n_unread, n_asked) = (read.n_unread, read.n_read + read.n_unread);
            return Err(SyncError::Unread { n_unread, n_asked, first: Box::new(first) });
        }
    }
    report.n_calls = connector.n_calls() - n_calls_before;
    store.note_host_done(&host.id, begun_at, report.n_calls).await?;
    Ok(report)
}

/// The name of the list of repositories among kept pages.
const REPOSITORIES: &str = "repositories";

struct Sync<'a> {
    store: &'a Store,
    host: &'a CodeHost,
    connector: &'a dyn Connector,
    clock: &'a dyn Clock,
    manner: SyncManner,
}

impl Sync<'_> {
    /// The whole list of repositories, and when reading it began.
    async fn repositories(&self) -> Result<(Vec<HostRepository>, Timestamp), SyncError> {
        let (items, read_at) =
            self.read_list(REPOSITORIES, "repositories", |after| self.connector.repositories(after)).await?;
        let mut by_id: HashMap<String, usize> = HashMap::new();
        let mut repositories: Vec<HostRepository> = Vec::with_capacity(items.len());
        for repository in items {
            // A list that shifted while it was read may hold one twice; the later is the newer.
            match by_id.get(&repository.id) {
                Some(idx) => repositories[*idx] = repository,
                None => {
                    by_id.insert(repository.id.clone(), repositories.len());
                    repositories.push(repository);
                }
            }
        }
        Ok((repositories, read_at))
    }

    /// Reads a list to its end, keeping each page, or goes on with what was kept.
    async fn read_list<'c, T>(
        &self,
        list: &'static str,
        what: &'static str,
        page: impl Fn(Option<String>) -> crate::Reply<'c, crate::Page<T>>,
    ) -> Result<(Vec<T>, Timestamp), SyncError>
    where
        T: serde::Serialize + serde::de::DeserializeOwned,
    {
        let kept = self.kept_pages(list).await?;
        let mut pager = Pager::resumed(kept.iter().filter_map(|page| page.next.clone()));
        let mut items: Vec<T> = Vec::new();
        for page in &kept {
            let read: Result<Vec<T>, _> = serde_json::from_str(&page.items);
            items.extend(read.map_err(|_| Fault::ImpossibleValue { column: "items" })?);
        }
        let begun_at = kept.first().map_or_else(|| self.clock.now(), |page| page.read_at);
        let mut cursor = kept.last().and_then(|page| page.next.clone());
        let mut position = kept.len() as u64;
        let mut total = None;
        while cursor.is_some() || position == 0 {
            let read_at = self.clock.now();
            let read = match page(cursor).await {
                Ok(read) => read,
                Err(error) => return self.give_up(list, error).await,
            };
            total = read.total.or(total);
            let text = serde_json::to_string(&read.items).unwrap_or_default();
            items.extend(read.items);
            let next = match pager.advance(read.next) {
                Ok(next) => next,
                Err(error) => return self.give_up(list, error).await,
            };
            let kept = HostListPage { items: text, next: next.clone(), read_at };
            if self.manner.keeps_pages {
                self.store.put_host_page(&self.host.id, list, position, &kept).await?;
            }
            let n_total = total.unwrap_or(0);
            self.store.note_host_progress(&self.host.id, what, items.len() as u64, n_total).await?;
            (cursor, position) = (next, position + 1);
        }
        match total {
            Some(n_expected) if n_expected > items.len() as u64 => {
                let n_found = items.len() as u64;
                self.give_up(list, HostError::Incomplete { what, n_expected, n_found }).await
            }
            _ => Ok((items, begun_at)),
        }
    }

    /// Ends the reading of a list. What was read is kept only where the host merely asks to wait.
    async fn give_up<T>(&self, list: &'static str, error: HostError) -> Result<T, SyncError> {
        if error.retry_at().is_none() {
            self.drop_pages(list).await?;
        }
        Err(error.into())
    }

    async fn drop_pages(&self, list: &str) -> Result<(), SyncError> {
        if self.manner.keeps_pages {
            self.store.drop_host_pages(&self.host.id, list).await?;
        }
        Ok(())
    }

    async fn kept_pages(&self, list: &'static str) -> Result<Vec<HostListPage>, SyncError> {
        if !self.manner.keeps_pages {
            return Ok(Vec::new());
        }
        let kept = self.store.host_pages(&self.host.id, list).await?;
        let is_young = |page: &HostListPage| self.clock.now().since(page.read_at) < RESUME_MAX;
        let is_open = kept.last().is_some_and(|page| page.next.is_some());
        if is_open && kept.first().is_some_and(is_young) {
            return Ok(kept);
        }
        self.store.drop_host_pages(&self.host.id, list).await?;
        Ok(Vec::new())
    }

    /// What the store is told of each repository.
    fn listed(&self, repositories: &[HostRepository]) -> Result<Vec<ListedRepository>, SyncError> {
        let settings = HostSettings::from_json(&self.host.settings)?;
        let exclusion = settings.exclude.compile()?;
        let prefix = prefix_of(self.connector.kind(), self.host);
        let listed = repositories.iter().filter_map(|one| listed(one, prefix.as_deref(), &exclusion));
        Ok(listed.collect())
    }
}

fn listed(one: &HostRepository, prefix: Option<&str>, exclusion: &Compiled<'_>) -> Option<ListedRepository> {
    let source = match one.clone_from.starts_with('/') {
        true => Source::Local(PathBuf::from(&one.clone_from)),
        false => Source::Remote(one.clone_from.clone()),
    };
    Some(ListedRepository {
        external_id: one.id.clone(),
        name: one.name.clone(),
        names: names_of(prefix, &one.name)?,
        source,
        openness: match one.openness {
            Openness::Public => "public",
            Openness::Internal => "internal",
            Openness::Private => "private",
        },
        fork: one.fork,
        archived: one.archived,
        excluded_by: exclusion.rule_of(one).map(|rule| rule.to_string()),
    })
}

/// What the names of a host's repositories begin with: the name of its machine, or its own where it has none.
fn prefix_of(kind: HostKind, host: &CodeHost) -> Option<String> {
    match kind {
        HostKind::Directory | HostKind::Git => None,
        _ if host.url.starts_with('/') => Some(host.name.clone()),
        _ => url::Url::parse(&host.url).ok()?.host_str().map(str::to_owned),
    }
}

fn names_of(prefix: Option<&str>, name: &str) -> Option<Vec<RepoName>> {
    let refused =
        |c: char| c.is_control() || c.is_whitespace() || matches!(c, '@' | ':' | '\\' | '?' | '#' | '%');
    let clean = |part: &str| {
        let part: String = part.chars().map(|c| if refused(c) { '-' } else { c }).collect();
        let part = part.trim_start_matches('-');
        if part.is_empty() { "_".to_owned() } else { part.to_owned() }
    };
    let parts = prefix.into_iter().chain(name.split('/').filter(|part| !matches!(*part, "" | "." | "..")));
    let best = parts.map(clean).collect::<Vec<_>>().join("/");
    let first = RepoName::new(&best).ok()?;
    let numbered = (2..2 + N_NUMBERED).filter_map(|number| RepoName::new(format!("{best}~{number}")).ok());
    Some(std::iter::once(first).chain(numbered).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_clean() {
        let check = |prefix: Option<&str>, name: &str, expected: &str| {
            assert_eq!(names_of(prefix, name).unwrap()[0].as_str(), expected);
        };
        check(Some("git.example.org"), "org/repo", "git.example.org/org/repo");
        check(None, "a b/-c", "a-b/c");
        check(Some("h"), "../../etc", "h/etc");
    }
}
