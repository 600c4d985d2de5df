//! Who may read a repository and why, a page of accounts at a time.
//!
//! SECURITY: as for [`crate::why_access`].

use crate::database::{Row, Transaction, int_list, values};
use crate::repo_reads::last_opened;
use crate::users::role_from_stored;
use crate::why_access::{given, host_names, like, stated};
use crate::{AccessReason, Fault, Stated, Store, Timestamp};
use access::{RepoReadings, Role, Statement, UserName};
use model::{RepoId, RepoSet, UserId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Accounts that are looked at together.
const N_LOOK: usize = 200;
/// Accounts that are looked at for one page: of many who have an account at a code host, few may read.
const N_LOOKED_AT_MAX: usize = 2_000;
/// Most accounts of one page.
const N_PAGE_MAX: usize = 1_000;

/// Who may read a repository, in part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// Accounts, by name.
    pub readers: Vec<RepoReader>,
    /// After whom the list goes on, where it does.
    pub next: Option<UserName>,
}

/// Somebody who may read a repository, or whom a host names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoReader {
    /// The account.
    pub user: UserId,
    /// Its name.
    pub name: UserName,
    /// Whether it is shut; then nothing counts.
    pub is_disabled: bool,
    /// Whether it is an auditor's, who reads no code whatever was granted.
    pub is_auditor: bool,
    /// The reasons that are theirs: what holds for everybody is not repeated.
    pub reasons: Vec<AccessReason>,
    /// Whether rules leave only some paths readable.
    pub has_path_rules: bool,
    /// When the account last opened this repository, to the hour.
    pub last_opened_at: Option<Timestamp>,
    /// When the account last asked for code, of this repository or others.
    pub last_read_at: Option<Timestamp>,
}

impl RepoReader {
    /// Whether one of the reasons lets them read now.
    pub fn reads(&self) -> bool {
        !self.is_disabled && !self.is_auditor && self.reasons.iter().any(AccessReason::counts)
    }
}

impl Store {
    /// Who may read a repository and why, by name of the account. Where everybody may, nobody is listed for that alone.
    pub async fn readers_of(&self, repo: RepoId) -> Result<Vec<RepoReader>, Fault> {
        let mut readers = Vec::new();
        let mut after = None;
        loop {
            let page = self.audience(repo, "", after.as_ref(), N_PAGE_MAX).await?;
            readers.extend(page.readers);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(readers),
            }
        }
    }

    /// Likewise, those whose names hold `part`, after `after`: at most `limit` and never more than 1,000. A page may be
    /// shorter and go on all the same.
    pub async fn audience(
        &self,
        repo: RepoId,
        part: &str,
        after: Option<&UserName>,
        limit: usize,
    ) -> Result<Audience, Fault> {
        const LIKELY: &str = "SELECT id, name, role, disabled_at FROM users WHERE name > $2 \
             AND name LIKE $3 ESCAPE '!' AND id IN (SELECT user_id FROM grants WHERE repo_id = $1 \
             UNION SELECT user_id FROM group_members JOIN group_grants \
             ON group_grants.group_id = group_members.group_id WHERE repo_id = $1 \
             UNION SELECT user_id FROM break_glass WHERE repo_id = $1 AND ends_at > $4 \
             UNION SELECT user_id FROM host_identities) ORDER BY name LIMIT $5";
        let limit = limit.clamp(1, N_PAGE_MAX);
        let mut snapshot = self.database().snapshot().await?;
        let looking = Looking::new(&mut snapshot, self.now(), repo).await?;
        let mut audience = Audience::default();
        let mut after = after.cloned();
        for _ in 0..N_LOOKED_AT_MAX / N_LOOK {
            let from = after.as_ref().map_or("", UserName::as_str);
            let likely = values![repo, from, like(part), self.now(), N_LOOK as i64];
            let rows = snapshot.rows(LIKELY, likely).await?;
            let looked_at = rows.iter().map(reader).collect::<Result<Vec<_>, _>>()?;
            let is_last = looked_at.len() < N_LOOK;
            for one in looking.completed(&mut snapshot, looked_at).await? {
                if audience.readers.len() == limit {
                    audience.next = audience.readers.last().map(|last| last.name.clone());
                    return with_last_reads(&mut snapshot, repo, audience).await;
                }
                after = Some(one.name.clone());
                if !one.reasons.is_empty() {
                    audience.readers.push(one);
                }
            }
            if is_last {
                return with_last_reads(&mut snapshot, repo, audience).await;
            }
        }
        audience.next = after;
        with_last_reads(&mut snapshot, repo, audience).await
    }

    /// What code hosts state about everybody and a repository: that it is public there.
    pub async fn stated_for_everyone(&self, repo: RepoId) -> Result<Vec<Stated>, Fault> {
        let mut snapshot = self.database().snapshot().await?;
        let looking = Looking::new(&mut snapshot, self.now(), repo).await?;
        Ok(looking.everyone)
    }
}

async fn with_last_reads(
    snapshot: &mut Transaction,
    repo: RepoId,
    mut audience: Audience,
) -> Result<Audience, Fault> {
    for one in &mut audience.readers {
        one.last_opened_at = last_opened(snapshot, one.user, repo).await?;
        one.last_read_at = last_read(snapshot, one.name.as_str()).await?;
    }
    Ok(audience)
}

/// When somebody last asked for code, as the audit log tells it.
pub(crate) async fn last_read(snapshot: &mut Transaction, name: &str) -> Result<Option<Timestamp>, Fault> {
    const LAST: &str = "SELECT at FROM audit_log WHERE actor = $1 AND substr(act, 1, 5) = 'code.' \
         ORDER BY seq DESC LIMIT 1";
    snapshot.row(LAST, values![name]).await?.map(|row| row.time("at")).transpose()
}

fn reader(row: &Row) -> Result<RepoReader, Fault> {
    let impossible = |column| Fault::ImpossibleValue { column };
    let role = role_from_stored(&row.text("role")?).ok_or(impossible("role"))?;
    Ok(RepoReader {
        user: row.user_id("id")?,
        name: UserName::new(&row.text("name")?).map_err(|_| impossible("name"))?,
        is_disabled: row.maybe_time("disabled_at")?.is_some(),
        is_auditor: role == Role::Auditor,
        reasons: Vec::new(),
        has_path_rules: false,
        last_opened_at: None,
        last_read_at: None,
    })
}

/// What is the same for all accounts of a page.
struct Looking {
    repo: RepoId,
    one: RepoSet,
    now: Timestamp,
    hosts: BTreeMap<String, String>,
    /// When the repository's own list was read, by host.
    read_at: BTreeMap<String, Timestamp>,
    everyone: Vec<Stated>,
    /// Whether there are rules for whoever has none of their own.
    has_rules_for_everyone: bool,
}

impl Looking {
    async fn new(snapshot: &mut Transaction, now: Timestamp, repo: RepoId) -> Result<Self, Fault> {
        const READ: &str = "SELECT host_id, read_at FROM host_repositories_read WHERE repo_id = $1";
        const EVERYONE: &str = "SELECT r.host_id AS host_id, listed, listed_at, named, bound_ms FROM permission_sources s \
             JOIN host_readers r ON r.host_id = s.host_id AND r.account_id = ''";
        const RULES: &str =
            "SELECT 1 AS one FROM path_rules WHERE repo_id = $1 AND user_id IS NULL AND group_id IS NULL";
        let mut read_at = BTreeMap::new();
        for row in snapshot.rows(READ, values![repo]).await? {
            read_at.insert(row.text("host_id")?, row.time("read_at")?);
        }
        let mut looking = Looking {
            repo,
            one: [repo].into_iter().collect(),
            now,
            hosts: host_names(snapshot).await?,
            read_at,
            everyone: Vec::new(),
            has_rules_for_everyone: snapshot.row(RULES, values![repo]).await?.is_some(),
        };
        for row in snapshot.rows(EVERYONE, values![]).await? {
            looking.everyone.extend(looking.stated(&row)?);
        }
        Ok(looking)
    }

    /// The same accounts with their reasons.
    async fn completed(
        &self,
        snapshot: &mut Transaction,
        mut readers: Vec<RepoReader>,
    ) -> Result<Vec<RepoReader>, Fault> {
        const GIVEN: &str = "SELECT user_id, granted_at AS at, 'granted' AS kind, '' AS word FROM grants \
             WHERE repo_id = $1 AND user_id IN {ints:$2} \
             UNION ALL SELECT group_members.user_id AS user_id, granted_at AS at, 'group' AS kind, user_groups.name AS word \
             FROM group_grants JOIN group_members ON group_members.group_id = group_grants.group_id \
             JOIN user_groups ON user_groups.id = group_grants.group_id \
             WHERE repo_id = $1 AND group_members.user_id IN {ints:$2} \
             UNION ALL SELECT user_id, ends_at AS at, 'emergency' AS kind, id AS word FROM break_glass \
             WHERE repo_id = $1 AND ends_at > $3 AND user_id IN {ints:$2}";
        const STATED: &str = "SELECT i.user_id AS user_id, r.host_id AS host_id, listed, listed_at, named, bound_ms \
             FROM host_identities i JOIN host_readers r ON r.host_id = i.host_id AND r.account_id = i.account_id \
             JOIN permission_sources s ON s.host_id = r.host_id WHERE i.user_id IN {ints:$1}";
        const RULES: &str = "SELECT user_id FROM path_rules WHERE repo_id = $1 AND user_id IN {ints:$2} \
             UNION SELECT group_members.user_id AS user_id FROM path_rules \
             JOIN group_members ON group_members.group_id = path_rules.group_id \
             WHERE repo_id = $1 AND group_members.user_id IN {ints:$2}";
        let numbers = int_list(readers.iter().map(|reader| reader.user.0));
        let mut reasons: BTreeMap<UserId, Vec<AccessReason>> = BTreeMap::new();
        for row in snapshot.rows(GIVEN, values![self.repo, &numbers, self.now]).await? {
            reasons.entry(row.user_id("user_id")?).or_default().push(given(&row)?);
        }
        for row in snapshot.rows(STATED, values![&numbers]).await? {
            let stated = self.stated(&row)?.map(AccessReason::Stated);
            reasons.entry(row.user_id("user_id")?).or_default().extend(stated);
        }
        let rows = snapshot.rows(RULES, values![self.repo, &numbers]).await?;
        let ruled = rows.iter().map(|row| row.user_id("user_id")).collect::<Result<BTreeSet<_>, _>>()?;
        for reader in &mut readers {
            reader.reasons = reasons.remove(&reader.user).unwrap_or_default();
            reader.reasons.sort();
            reader.has_path_rules = self.has_rules_for_everyone || ruled.contains(&reader.user);
        }
        Ok(readers)
    }

    /// What a host's row about one of its accounts says of the repository.
    fn stated(&self, row: &Row) -> Result<Option<Stated>, Fault> {
        let host = row.text("host_id")?;
        let only = |repos: RepoSet| &repos & &self.one;
        let (listed, named) = (only(row.repo_set("listed")?), only(row.repo_set("named")?));
        if listed.is_empty() && named.is_empty() {
            return Ok(None);
        }
        let steps = self.read_at.get(&host).map(|read_at| (*read_at, self.one.clone()));
        let statement = Statement {
            listed,
            listed_at: row.maybe_time("listed_at")?,
            named,
            readings: Arc::new(RepoReadings { steps: steps.into_iter().collect() }),
            bound: Duration::from_millis(row.unsigned("bound_ms")?),
        };
        let is_believed = statement.believed(self.now).repos.contains(self.repo);
        Ok(Some(stated(&host, self.hosts.get(&host), &statement, self.repo, is_believed)))
    }
}
