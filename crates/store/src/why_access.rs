//! Why somebody reads a repository: the reasons behind access sets, and what somebody may read, a page at a time.
//!
//! SECURITY: names of accounts and of repositories that whoever asks may not read; the caller makes sure that they may look
//! after permissions, or that the account is their own and keeps to what it reads.

use crate::access_facts::{granted_to, statements_about};
use crate::database::{Row, Transaction, int_list, values};
use crate::{Fault, GroupName, Store, Timestamp};
use access::Statement;
use model::{AccessSet, RepoId, RepoName, RepoSet, UserId};
use std::collections::BTreeMap;
use std::time::Duration;

/// Up to so many candidates, their names are looked up by number; beyond, names are gone through in order, for then many of
/// them are candidates.
const N_BY_NUMBER_MAX: u64 = 5_000;
/// Names of one look.
const N_LOOK: usize = 500;
/// Most repositories of one page.
const N_PAGE_MAX: usize = 1_000;

/// A reason why somebody may read a repository, or could not be believed to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccessReason {
    /// Granted in person.
    Granted {
        /// When.
        at: Timestamp,
    },
    /// Granted to a group they are in.
    Group {
        /// Which.
        group: GroupName,
        /// When it was granted.
        at: Timestamp,
    },
    /// Every account may read it.
    Unrestricted,
    /// Emergency access, which ends by itself.
    Emergency {
        /// Its public name.
        id: String,
        /// When it ends.
        ends_at: Timestamp,
    },
    /// A code host states it.
    Stated(Stated),
}

/// What a code host states about somebody, or about everyone there, and a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stated {
    /// The host, by its random name.
    pub host: String,
    /// What the host is called here; its random name where it is not connected.
    pub name: String,
    /// When the newest statement was read, to ten seconds.
    pub read_at: Timestamp,
    /// How old it may be.
    pub bound: Duration,
    /// Whether it counts now: the newest that is said, and not too old.
    pub is_believed: bool,
}

impl Stated {
    /// Whether it does not count because it is too old, rather than because something newer says otherwise.
    pub fn is_too_old(&self, now: Timestamp) -> bool {
        !self.is_believed && self.read_at.plus(self.bound) <= now
    }
}

impl AccessReason {
    /// Whether it lets them read now.
    pub fn counts(&self) -> bool {
        !matches!(self, AccessReason::Stated(Stated { is_believed: false, .. }))
    }
}

/// A repository that somebody may read, or that a host names for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadableRepo {
    /// The repository.
    pub repo: RepoId,
    /// Its name.
    pub name: RepoName,
    /// All reasons.
    pub reasons: Vec<AccessReason>,
    /// Whether rules leave only some paths readable.
    pub has_path_rules: bool,
}

impl Store {
    /// What an account may read and why, by name of the repository; with what a host states and is too old to count.
    pub async fn readable_by(&self, user: UserId) -> Result<Vec<ReadableRepo>, Fault> {
        let mut readable: Vec<ReadableRepo> = Vec::new();
        loop {
            let after = readable.last().map(|last| last.name.clone());
            let (page, goes_on) = self.readable_page(user, "", after.as_ref(), N_PAGE_MAX).await?;
            readable.extend(page);
            if !goes_on {
                return Ok(readable);
            }
        }
    }

    /// Likewise, those repositories whose names hold `part`, after `after`; at most `limit` and never more than 1,000. Tells
    /// whether it goes on.
    pub async fn readable_page(
        &self,
        user: UserId,
        part: &str,
        after: Option<&RepoName>,
        limit: usize,
    ) -> Result<(Vec<ReadableRepo>, bool), Fault> {
        let limit = limit.clamp(1, N_PAGE_MAX);
        let mut snapshot = self.database().snapshot().await?;
        let candidates = candidates_of(self, &mut snapshot, user).await?;
        let mut names = names_among(&mut snapshot, &candidates, part, after, limit + 1).await?;
        let goes_on = names.len() > limit;
        names.truncate(limit);
        let page = names.iter().map(|(repo, _)| *repo).collect();
        let mut reasons = reasons_in(self, &mut snapshot, user, &page).await?;
        let rules = crate::path_rules::of_user(&mut snapshot, user).await?;
        let readable = names.into_iter().map(|(repo, name)| ReadableRepo {
            repo,
            name,
            reasons: reasons.remove(&repo).unwrap_or_default(),
            has_path_rules: rules.contains_key(&repo),
        });
        Ok((readable.collect(), goes_on))
    }

    /// What of a set an account reads and why, likewise: for the account itself. SECURITY: nothing beyond the set is read, and
    /// no reason is told that does not count, for it would tell of what is not theirs any more.
    pub async fn readable_within(
        &self,
        access: &AccessSet,
        user: UserId,
        part: &str,
        after: Option<&RepoName>,
        limit: usize,
    ) -> Result<(Vec<ReadableRepo>, bool), Fault> {
        let limit = limit.clamp(1, N_PAGE_MAX);
        let allowed = access.repos().collect();
        let mut snapshot = self.database().snapshot().await?;
        let mut names = names_among(&mut snapshot, &allowed, part, after, limit + 1).await?;
        let goes_on = names.len() > limit;
        names.truncate(limit);
        let page = names.iter().map(|(repo, _)| *repo).collect();
        let mut reasons = reasons_in(self, &mut snapshot, user, &page).await?;
        let readable = names.into_iter().map(|(repo, name)| {
            let mut reasons = reasons.remove(&repo).unwrap_or_default();
            reasons.retain(AccessReason::counts);
            ReadableRepo { repo, name, reasons, has_path_rules: access.path_rules(repo).is_some() }
        });
        Ok((readable.collect(), goes_on))
    }

    /// Why an account may read one repository, and whether rules leave it some paths only.
    pub async fn reasons_of(&self, user: UserId, repo: RepoId) -> Result<(Vec<AccessReason>, bool), Fault> {
        let mut snapshot = self.database().snapshot().await?;
        let one = [repo].into_iter().collect();
        let reasons = reasons_in(self, &mut snapshot, user, &one).await?.remove(&repo).unwrap_or_default();
        let rules = crate::path_rules::of_user(&mut snapshot, user).await?;
        Ok((reasons, rules.contains_key(&repo)))
    }

    /// Why an account may read each of these repositories.
    pub async fn reasons_for(
        &self,
        user: UserId,
        repos: &RepoSet,
    ) -> Result<BTreeMap<RepoId, Vec<AccessReason>>, Fault> {
        reasons_in(self, &mut self.database().snapshot().await?, user, repos).await
    }
}

/// A part of a name, as `LIKE … ESCAPE '!'` takes it.
pub(crate) fn like(part: &str) -> String {
    let part = part.trim().to_ascii_lowercase().replace('\0', "\u{fffd}");
    format!("%{}%", part.replace('!', "!!").replace('%', "!%").replace('_', "!_"))
}

/// What is given here, in an emergency or to everybody, or stated by a host, however old.
async fn candidates_of(store: &Store, snapshot: &mut Transaction, user: UserId) -> Result<RepoSet, Fault> {
    let mut candidates = granted_to(snapshot, user).await?;
    crate::break_glass::add_to_grants(snapshot, user, store.now(), &mut candidates).await?;
    candidates.extend_with(&*store.unrestricted(snapshot).await?);
    for (_, statement) in statements_about(snapshot, user, Timestamp(i64::MIN)).await? {
        candidates.extend_with(&(&statement.listed | &statement.named));
    }
    Ok(candidates)
}

/// The first `n_max` of these repositories by name.
async fn names_among(
    snapshot: &mut Transaction,
    candidates: &RepoSet,
    part: &str,
    after: Option<&RepoName>,
    n_max: usize,
) -> Result<Vec<(RepoId, RepoName)>, Fault> {
    const BY_NUMBER: &str = "SELECT id, name FROM repositories WHERE id IN {ints:$1} AND name > $2 \
         AND LOWER(name) LIKE $3 ESCAPE '!' ORDER BY name LIMIT $4";
    const IN_ORDER: &str = "SELECT id, name FROM repositories WHERE name > $1 AND LOWER(name) LIKE $2 ESCAPE '!' \
         ORDER BY name LIMIT $3";
    let named = |row: &Row| {
        let name = RepoName::new(row.text("name")?).map_err(|_| Fault::ImpossibleValue { column: "name" })?;
        Ok::<_, Fault>((row.repo_id("id")?, name))
    };
    let mut from = after.map_or(String::new(), |name| name.as_str().to_owned());
    if candidates.len() <= N_BY_NUMBER_MAX {
        let numbers = int_list(candidates.iter().map(|repo| i64::from(repo.0)));
        let rows = snapshot.rows(BY_NUMBER, values![numbers, from, like(part), n_max as i64]).await?;
        return rows.iter().map(named).collect();
    }
    let mut found = Vec::new();
    loop {
        let rows = snapshot.rows(IN_ORDER, values![&from, like(part), N_LOOK as i64]).await?;
        for row in &rows {
            let (repo, name) = named(row)?;
            from = name.as_str().to_owned();
            if candidates.contains(repo) {
                found.push((repo, name));
            }
            if found.len() == n_max {
                return Ok(found);
            }
        }
        if rows.len() < N_LOOK {
            return Ok(found);
        }
    }
}

async fn reasons_in(
    store: &Store,
    snapshot: &mut Transaction,
    user: UserId,
    repos: &RepoSet,
) -> Result<BTreeMap<RepoId, Vec<AccessReason>>, Fault> {
    const GIVEN: &str = "SELECT repo_id, granted_at AS at, 'granted' AS kind, '' AS word FROM grants \
         WHERE user_id = $1 AND repo_id IN {ints:$2} \
         UNION ALL SELECT repo_id, granted_at AS at, 'group' AS kind, user_groups.name AS word FROM group_members \
         JOIN group_grants ON group_grants.group_id = group_members.group_id \
         JOIN user_groups ON user_groups.id = group_members.group_id \
         WHERE group_members.user_id = $1 AND repo_id IN {ints:$2} \
         UNION ALL SELECT repo_id, ends_at AS at, 'emergency' AS kind, id AS word FROM break_glass \
         WHERE user_id = $1 AND ends_at > $3 AND repo_id IN {ints:$2} \
         UNION ALL SELECT id AS repo_id, CAST(0 AS BIGINT) AS at, 'unrestricted' AS kind, '' AS word FROM repositories \
         WHERE unrestricted = 1 AND id IN {ints:$2}";
    let numbers = int_list(repos.iter().map(|repo| i64::from(repo.0)));
    let mut reasons: BTreeMap<RepoId, Vec<AccessReason>> = BTreeMap::new();
    for row in snapshot.rows(GIVEN, values![user, numbers, store.now()]).await? {
        reasons.entry(row.repo_id("repo_id")?).or_default().push(given(&row)?);
    }
    let statements = statements_about(snapshot, user, Timestamp(i64::MIN)).await?;
    let hosts = if statements.is_empty() { BTreeMap::new() } else { host_names(snapshot).await? };
    for (host, statement) in &statements {
        let believed = statement.believed(store.now()).repos;
        for repo in (&(&statement.listed | &statement.named) & repos).iter() {
            let reason = stated(host, hosts.get(host), statement, repo, believed.contains(repo));
            reasons.entry(repo).or_default().push(AccessReason::Stated(reason));
        }
    }
    reasons.values_mut().for_each(|reasons| reasons.sort());
    Ok(reasons)
}

/// What hosts are called here; there are few.
pub(crate) async fn host_names(snapshot: &mut Transaction) -> Result<BTreeMap<String, String>, Fault> {
    let rows = snapshot.rows("SELECT id, name FROM code_hosts", values![]).await?;
    rows.iter().map(|row| Ok((row.text("id")?, row.text("name")?))).collect()
}

/// Why somebody was given something, in a row of kind, word and time.
pub(crate) fn given(row: &Row) -> Result<AccessReason, Fault> {
    let (at, word) = (row.time("at")?, row.text("word")?);
    Ok(match row.text("kind")?.as_str() {
        "granted" => AccessReason::Granted { at },
        "group" => AccessReason::Group { group: GroupName::of_stored(word), at },
        "emergency" => AccessReason::Emergency { id: word, ends_at: at },
        _ => AccessReason::Unrestricted,
    })
}

pub(crate) fn stated(
    host: &str,
    name: Option<&String>,
    statement: &Statement,
    repo: RepoId,
    is_believed: bool,
) -> Stated {
    let read = statement.readings.steps.iter().filter(|(_, repos)| repos.contains(repo)).map(|(at, _)| *at);
    let read_at = read.chain(statement.listed_at).max().unwrap_or_default();
    let name = name.map_or(host, String::as_str).to_owned();
    Stated { host: host.to_owned(), name, read_at, bound: statement.bound, is_believed }
}
