//! Repositories as those who look after permissions see them: names and how they are shared, never what is in them.
//!
//! SECURITY: names that whoever asks may not read the repositories of; the caller makes sure that they may look after
//! permissions.

use crate::database::{Row, values};
use crate::why_access::like;
use crate::{Fault, GroupName, Store, Timestamp};
use model::{RepoId, RepoName};

/// Most repositories of one page.
const N_PAGE_MAX: usize = 1_000;

/// A repository and how it is shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedRepo {
    /// Its number.
    pub repo: RepoId,
    /// Its name.
    pub name: RepoName,
    /// Whether every account may read it.
    pub unrestricted: bool,
}

/// Likewise, with numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoSharing {
    /// Which.
    pub repo: SharedRepo,
    /// Accounts that were granted it in person.
    pub n_accounts: u64,
    /// Groups that were granted it.
    pub n_groups: u64,
    /// Grants that wait for an account.
    pub n_pending: u64,
    /// Lists of path rules.
    pub n_rules: u64,
    /// What the code host is called that it comes from.
    pub host: Option<String>,
}

impl Store {
    /// Repositories whose names hold `part`, by name, those after `after`; at most `limit` and never more than 1,000.
    pub async fn repo_sharing(
        &self,
        part: &str,
        after: Option<&RepoName>,
        limit: usize,
    ) -> Result<Vec<RepoSharing>, Fault> {
        const LIST: &str = "SELECT id, name, unrestricted, \
             (SELECT COUNT(*) FROM grants WHERE repo_id = repositories.id) AS n_accounts, \
             (SELECT COUNT(*) FROM group_grants WHERE repo_id = repositories.id) AS n_groups, \
             (SELECT COUNT(*) FROM pending_grants WHERE repo_id = repositories.id) AS n_pending, \
             (SELECT COUNT(*) FROM path_rules WHERE repo_id = repositories.id) AS n_rules, \
             (SELECT code_hosts.name FROM host_repositories JOIN code_hosts ON code_hosts.id = host_id \
             WHERE host_repositories.repo_id = repositories.id) AS host \
             FROM repositories WHERE name > $1 AND LOWER(name) LIKE $2 ESCAPE '!' ORDER BY name LIMIT $3";
        let after = after.map_or("", RepoName::as_str);
        let limit = limit.clamp(1, N_PAGE_MAX) as i64;
        let rows = self.database().rows(LIST, values![after, like(part), limit]).await?;
        rows.iter().map(RepoSharing::from_row).collect()
    }

    /// The repository of this name, whoever may read it.
    pub async fn shared_repo(&self, name: &RepoName) -> Result<Option<SharedRepo>, Fault> {
        const FIND: &str = "SELECT id, name, unrestricted FROM repositories WHERE name = $1";
        let row = self.database().row(FIND, values![name.as_str()]).await?;
        row.as_ref().map(SharedRepo::from_row).transpose()
    }

    /// The groups that were granted a repository, with the numbers of their members and since when; at most 1,000.
    pub async fn groups_of_repo(&self, repo: RepoId) -> Result<Vec<(GroupName, u64, Timestamp)>, Fault> {
        const LIST: &str = "SELECT user_groups.name AS name, granted_at, \
             (SELECT COUNT(*) FROM group_members WHERE group_members.group_id = user_groups.id) AS n_members \
             FROM group_grants JOIN user_groups ON user_groups.id = group_grants.group_id \
             WHERE repo_id = $1 ORDER BY user_groups.name LIMIT 1000";
        let group = |row: &Row| {
            Ok((GroupName::of_stored(row.text("name")?), row.unsigned("n_members")?, row.time("granted_at")?))
        };
        self.database().rows(LIST, values![repo]).await?.iter().map(group).collect()
    }
}

impl SharedRepo {
    fn from_row(row: &Row) -> Result<Self, Fault> {
        Ok(SharedRepo {
            repo: row.repo_id("id")?,
            name: RepoName::new(row.text("name")?).map_err(|_| Fault::ImpossibleValue { column: "name" })?,
            unrestricted: row.flag("unrestricted")?,
        })
    }
}

impl RepoSharing {
    fn from_row(row: &Row) -> Result<Self, Fault> {
        Ok(RepoSharing {
            repo: SharedRepo::from_row(row)?,
            n_accounts: row.unsigned("n_accounts")?,
            n_groups: row.unsigned("n_groups")?,
            n_pending: row.unsigned("n_pending")?,
            n_rules: row.unsigned("n_rules")?,
            host: row.maybe_text("host")?,
        })
    }
}
