//! Who reads a repository and why, what somebody reads and why: the reasons behind access sets, for those who look after
//! permissions.
//!
//! SECURITY: names of accounts and of repositories that whoever asks may not read; the caller makes sure that they may look
//! after permissions.

use crate::access_facts::statements_about;
use crate::database::{Row, values};
use crate::{Fault, GroupName, Store, Timestamp};
use access::{Statement, UserName};
use model::{RepoId, RepoName, UserId};
use std::collections::BTreeMap;

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
    /// A code host states it, of an account that is theirs or of everyone there.
    Stated {
        /// Which host, by its random name.
        host: String,
        /// When the newest statement was read, to ten seconds.
        read_at: Timestamp,
        /// Whether it counts now: the newest that is said, and not too old.
        is_believed: bool,
    },
}

impl AccessReason {
    /// Whether it lets them read now.
    pub fn counts(&self) -> bool {
        !matches!(self, AccessReason::Stated { is_believed: false, .. })
    }
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
    /// All reasons.
    pub reasons: Vec<AccessReason>,
    /// Whether rules leave only some paths readable.
    pub has_path_rules: bool,
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
        const GIVEN: &str = "SELECT repo_id, granted_at, '' AS group_name FROM grants WHERE user_id = $1 \
             UNION ALL SELECT repo_id, granted_at, user_groups.name AS group_name FROM group_members \
             JOIN group_grants ON group_grants.group_id = group_members.group_id \
             JOIN user_groups ON user_groups.id = group_members.group_id WHERE group_members.user_id = $1 \
             UNION ALL SELECT id AS repo_id, CAST(-1 AS BIGINT) AS granted_at, '' AS group_name FROM repositories \
             WHERE unrestricted = 1";
        let mut snapshot = self.database().snapshot().await?;
        let mut reasons: BTreeMap<RepoId, Vec<AccessReason>> = BTreeMap::new();
        for row in snapshot.rows(GIVEN, values![user]).await? {
            reasons.entry(row.repo_id("repo_id")?).or_default().push(given(&row)?);
        }
        let statements = statements_about(&mut snapshot, user, Timestamp(i64::MIN)).await?;
        for (host, statement) in &statements {
            let believed = statement.believed(self.now()).repos;
            for repo in (&statement.listed | &statement.named).iter() {
                let reason = stated(host, statement, repo, believed.contains(repo));
                reasons.entry(repo).or_default().push(reason);
            }
        }
        let rules = crate::path_rules::of_user(&mut snapshot, user).await?;
        let ids = crate::database::int_list(reasons.keys().map(|repo| i64::from(repo.0)));
        let names = "SELECT id, name FROM repositories WHERE id IN {ints:$1} ORDER BY name";
        let mut readable = Vec::new();
        for row in snapshot.rows(names, values![ids]).await? {
            let repo = row.repo_id("id")?;
            let name =
                RepoName::new(row.text("name")?).map_err(|_| Fault::ImpossibleValue { column: "name" })?;
            let mut reasons = reasons.remove(&repo).unwrap_or_default();
            reasons.sort();
            readable.push(ReadableRepo { repo, name, reasons, has_path_rules: rules.contains_key(&repo) });
        }
        Ok(readable)
    }

    /// Who may read a repository and why, by name of the account. Where it is unrestricted everybody may, who is not listed
    /// for that reason alone.
    pub async fn readers_of(&self, repo: RepoId) -> Result<Vec<RepoReader>, Fault> {
        const LIKELY: &str = "SELECT id, name, disabled_at FROM users WHERE id IN (\
             SELECT user_id FROM grants WHERE repo_id = $1 \
             UNION SELECT user_id FROM group_members JOIN group_grants \
             ON group_grants.group_id = group_members.group_id WHERE repo_id = $1 \
             UNION SELECT user_id FROM host_identities) ORDER BY name";
        let mut readers = Vec::new();
        for row in self.database().rows(LIKELY, values![repo]).await? {
            let user = row.user_id("id")?;
            let (reasons, has_path_rules) = self.reasons_of(user, repo).await?;
            if reasons.iter().all(|reason| *reason == AccessReason::Unrestricted) {
                continue;
            }
            readers.push(RepoReader {
                user,
                name: UserName::new(&row.text("name")?)
                    .map_err(|_| Fault::ImpossibleValue { column: "name" })?,
                is_disabled: row.maybe_time("disabled_at")?.is_some(),
                reasons,
                has_path_rules,
            });
        }
        Ok(readers)
    }

    /// Why an account may read one repository, and whether rules leave it some paths only.
    pub async fn reasons_of(&self, user: UserId, repo: RepoId) -> Result<(Vec<AccessReason>, bool), Fault> {
        const GIVEN: &str = "SELECT granted_at, '' AS group_name FROM grants WHERE user_id = $1 AND repo_id = $2 \
             UNION ALL SELECT granted_at, user_groups.name AS group_name FROM group_members \
             JOIN group_grants ON group_grants.group_id = group_members.group_id \
             JOIN user_groups ON user_groups.id = group_members.group_id \
             WHERE group_members.user_id = $1 AND repo_id = $2 \
             UNION ALL SELECT CAST(-1 AS BIGINT) AS granted_at, '' AS group_name FROM repositories \
             WHERE id = $2 AND unrestricted = 1";
        let mut snapshot = self.database().snapshot().await?;
        let rows = snapshot.rows(GIVEN, values![user, repo]).await?;
        let mut reasons = rows.iter().map(given).collect::<Result<Vec<_>, _>>()?;
        for (host, statement) in &statements_about(&mut snapshot, user, Timestamp(i64::MIN)).await? {
            if statement.listed.contains(repo) || statement.named.contains(repo) {
                let is_believed = statement.believed(self.now()).repos.contains(repo);
                reasons.push(stated(host, statement, repo, is_believed));
            }
        }
        reasons.sort();
        let rules = crate::path_rules::of_user(&mut snapshot, user).await?;
        Ok((reasons, rules.contains_key(&repo)))
    }
}

fn given(row: &Row) -> Result<AccessReason, Fault> {
    let (at, group) = (row.time("granted_at")?, row.text("group_name")?);
    Ok(match group.as_str() {
        "" if at.0 < 0 => AccessReason::Unrestricted,
        "" => AccessReason::Granted { at },
        _ => AccessReason::Group { group: GroupName::of_stored(group), at },
    })
}

fn stated(host: &str, statement: &Statement, repo: RepoId, is_believed: bool) -> AccessReason {
    let read = statement.readings.steps.iter().filter(|(_, repos)| repos.contains(repo)).map(|(at, _)| *at);
    let read_at = read.chain(statement.listed_at).max().unwrap_or_default();
    AccessReason::Stated { host: host.to_owned(), read_at, is_believed }
}
