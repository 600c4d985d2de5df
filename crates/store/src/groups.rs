//! Groups of accounts, and what their members were granted together.

use crate::access_facts::raise_epoch;
use crate::audit_objects;
use crate::database::{Row, Transaction, Value, values};
use crate::why_access::like;
use crate::{Fault, Store, Timestamp};
use access::UserName;
use access::audit::{Act, Entry, Object};
use model::{RepoId, RepoName, UserId};
use std::fmt;

/// Longest description.
const DESCRIPTION_BYTES_MAX: usize = 500;
/// Most rows of one page.
const N_PAGE_MAX: usize = 1_000;

/// The name of a group: 1 to 64 of `a-z`, `0-9`, `-`, `_`, `.`, beginning with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupName(String);

/// A text is no name of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a group's name is 1 to 64 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit")]
pub struct GroupNameError;

impl GroupName {
    /// Checks a name.
    pub fn new(text: &str) -> Result<Self, GroupNameError> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let begins_well = text.bytes().next().is_some_and(is_plain);
        let is_name = begins_well
            && text.len() <= 64
            && text.bytes().all(|byte| is_plain(byte) || b"-_.".contains(&byte));
        if is_name { Ok(GroupName(text.to_owned())) } else { Err(GroupNameError) }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn of_stored(text: String) -> Self {
        GroupName(text)
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name, unique.
    pub name: GroupName,
    /// What it is for.
    pub description: String,
    /// How many accounts are in it.
    pub n_members: u64,
    /// How many repositories were granted to it.
    pub n_repos: u64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A group could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// Another group has this name.
    #[error("there is a group named '{name}' already: choose another name")]
    NameTaken {
        /// The name.
        name: GroupName,
    },
    /// There is no such group, account or repository.
    #[error("there is no such group, account or repository")]
    Unknown,
    /// The new name is none.
    #[error(transparent)]
    BadName(#[from] GroupNameError),
    /// One would let oneself in, and there is somebody else to ask.
    #[error(
        "nobody adds themselves, or grants to a group they are in: ask somebody else who looks after permissions"
    )]
    Own,
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A statement that reads groups with their numbers.
macro_rules! select_groups {
    ($rest:literal) => {
        concat!(
            "SELECT name, description, created_at, \
             (SELECT COUNT(*) FROM group_members WHERE group_id = user_groups.id) AS n_members, \
             (SELECT COUNT(*) FROM group_grants WHERE group_id = user_groups.id) AS n_repos \
             FROM user_groups ",
            $rest
        )
    };
}

impl Store {
    /// Makes a group without members.
    pub async fn create_group(&self, name: &GroupName, description: &str) -> Result<(), GroupError> {
        Fault::check_storable("description", description, DESCRIPTION_BYTES_MAX)?;
        const INSERT: &str = "INSERT INTO user_groups (name, description, created_at) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO NOTHING";
        let columns = values![name.as_str(), description, self.now()];
        let mut transaction = self.database().begin().await?;
        if transaction.execute(INSERT, columns).await? == 0 {
            return Err(GroupError::NameTaken { name: name.clone() });
        }
        self.record_in(&mut transaction, entry_of(name, "made")).await?;
        Ok(transaction.commit().await?)
    }

    /// Removes a group, and what its members were granted by it. Raises the epoch. False if there is no such group.
    pub async fn remove_group(&self, name: &GroupName) -> Result<bool, Fault> {
        let sql = "DELETE FROM user_groups WHERE name = $1";
        Ok(self.revoke_with(sql, values![name.as_str()], entry_of(name, "removed")).await? > 0)
    }

    /// Gives a group another name and another description. Who is in it and what it was granted stays.
    pub async fn change_group_name(
        &self,
        group: &GroupName,
        name: &GroupName,
        description: &str,
    ) -> Result<(), GroupError> {
        const CHANGE: &str = "UPDATE user_groups SET name = $2, description = $3 WHERE name = $1";
        const TAKEN: &str = "SELECT id FROM user_groups WHERE name = $1";
        Fault::check_storable("description", description, DESCRIPTION_BYTES_MAX)?;
        let mut transaction = self.database().begin().await?;
        raise_epoch(&mut transaction).await?;
        if group != name && transaction.row(TAKEN, values![name.as_str()]).await?.is_some() {
            return Err(GroupError::NameTaken { name: name.clone() });
        }
        if transaction.execute(CHANGE, values![group.as_str(), name.as_str(), description]).await? == 0 {
            return Err(GroupError::Unknown);
        }
        // Lists of path rules are ordered by names, and what is kept of people's rights with them.
        self.record_in(&mut transaction, entry_of(group, "changed").detail("name", name)).await?;
        Ok(transaction.commit().await?)
    }

    /// Groups whose names or descriptions hold `part`, by name, those after `after`; at most `limit`, up to 1,000.
    pub async fn groups_page(
        &self,
        part: &str,
        after: Option<&GroupName>,
        limit: usize,
    ) -> Result<Vec<Group>, Fault> {
        const LIST: &str = select_groups!(
            "WHERE name > $1 AND (name LIKE $2 ESCAPE '!' OR LOWER(description) LIKE $2 ESCAPE '!') \
             ORDER BY name LIMIT $3"
        );
        let after = after.map_or("", GroupName::as_str);
        let values = values![after, like(part), limit.clamp(1, N_PAGE_MAX) as i64];
        self.database().rows(LIST, values).await?.iter().map(Group::from_row).collect()
    }

    /// The group of this name.
    pub async fn group(&self, name: &GroupName) -> Result<Option<Group>, Fault> {
        const FIND: &str = select_groups!("WHERE name = $1");
        let row = self.database().row(FIND, values![name.as_str()]).await?;
        row.as_ref().map(Group::from_row).transpose()
    }

    /// The members of a group whose names hold `part`, by name, those after `after`, and since when; at most `limit`.
    pub async fn members_page(
        &self,
        group: &GroupName,
        part: &str,
        after: Option<&UserName>,
        limit: usize,
    ) -> Result<Vec<(UserName, Timestamp)>, Fault> {
        const LIST: &str = "SELECT users.name AS name, added_at FROM user_groups \
             JOIN group_members ON group_id = user_groups.id JOIN users ON users.id = user_id \
             WHERE user_groups.name = $1 AND users.name > $2 AND users.name LIKE $3 ESCAPE '!' \
             ORDER BY users.name LIMIT $4";
        let after = after.map_or("", UserName::as_str);
        let values = values![group.as_str(), after, like(part), limit.clamp(1, N_PAGE_MAX) as i64];
        let member = |row: &Row| {
            let name = UserName::new(&row.text("name")?);
            Ok((name.map_err(|_| Fault::ImpossibleValue { column: "name" })?, row.time("added_at")?))
        };
        self.database().rows(LIST, values).await?.iter().map(member).collect()
    }

    /// The repositories that a group was granted, likewise. SECURITY: as for [`Store::repos_of_group`].
    pub async fn repos_of_group_page(
        &self,
        group: &GroupName,
        part: &str,
        after: Option<&RepoName>,
        limit: usize,
    ) -> Result<Vec<(RepoName, Timestamp)>, Fault> {
        const LIST: &str = "SELECT repositories.name AS name, granted_at FROM user_groups \
             JOIN group_grants ON group_id = user_groups.id JOIN repositories ON repositories.id = repo_id \
             WHERE user_groups.name = $1 AND repositories.name > $2 AND LOWER(repositories.name) LIKE $3 ESCAPE '!' \
             ORDER BY repositories.name LIMIT $4";
        let after = after.map_or("", RepoName::as_str);
        let values = values![group.as_str(), after, like(part), limit.clamp(1, N_PAGE_MAX) as i64];
        let repo = |row: &Row| {
            let name = RepoName::new(row.text("name")?);
            Ok((name.map_err(|_| Fault::ImpossibleValue { column: "name" })?, row.time("granted_at")?))
        };
        self.database().rows(LIST, values).await?.iter().map(repo).collect()
    }

    /// The groups that an account is in, by name.
    pub async fn groups_of(&self, user: UserId) -> Result<Vec<GroupName>, Fault> {
        const LIST: &str = "SELECT name FROM user_groups JOIN group_members ON group_id = user_groups.id \
             WHERE user_id = $1 ORDER BY name";
        let rows = self.database().rows(LIST, values![user]).await?;
        rows.iter().map(|row| row.text("name").map(GroupName::of_stored)).collect()
    }

    /// All groups, by name.
    pub async fn groups(&self) -> Result<Vec<Group>, Fault> {
        const LIST: &str = select_groups!("ORDER BY name");
        self.database().rows(LIST, values![]).await?.iter().map(Group::from_row).collect()
    }

    /// Puts an account into a group. Raises the epoch if that is news.
    pub async fn add_member(&self, group: &GroupName, user: UserId) -> Result<bool, GroupError> {
        const ADD: &str = "INSERT INTO group_members (group_id, user_id, added_at) VALUES ($1, $2, $3) \
             ON CONFLICT (user_id, group_id) DO NOTHING";
        self.change_group(group, ADD, vec![user.into(), self.now().into()], Part::Member(true, user)).await
    }

    /// Takes an account out of a group. Raises the epoch if it was there.
    pub async fn remove_member(&self, group: &GroupName, user: UserId) -> Result<bool, GroupError> {
        const REMOVE: &str = "DELETE FROM group_members WHERE group_id = $1 AND user_id = $2";
        self.change_group(group, REMOVE, vec![user.into()], Part::Member(false, user)).await
    }

    /// The accounts in a group, by name.
    pub async fn members(&self, group: &GroupName) -> Result<Vec<(UserId, UserName)>, Fault> {
        const MEMBERS: &str = "SELECT users.id AS id, users.name AS name FROM user_groups \
             JOIN group_members ON group_id = user_groups.id JOIN users ON users.id = user_id \
             WHERE user_groups.name = $1 ORDER BY users.name";
        let rows = self.database().rows(MEMBERS, values![group.as_str()]).await?;
        let member = |row: &Row| {
            let name =
                UserName::new(&row.text("name")?).map_err(|_| Fault::ImpossibleValue { column: "name" })?;
            Ok((row.user_id("id")?, name))
        };
        rows.iter().map(member).collect()
    }

    /// Lets the members of a group read a repository. Raises the epoch if that is news.
    pub async fn grant_to_group(&self, group: &GroupName, repo: RepoId) -> Result<bool, GroupError> {
        const GRANT: &str = "INSERT INTO group_grants (group_id, repo_id, granted_at) VALUES ($1, $2, $3) \
             ON CONFLICT (group_id, repo_id) DO NOTHING";
        self.change_group(group, GRANT, vec![repo.into(), self.now().into()], Part::Grant(true, repo)).await
    }

    /// Takes a group's grant back. Raises the epoch if there was one.
    pub async fn revoke_from_group(&self, group: &GroupName, repo: RepoId) -> Result<bool, GroupError> {
        const REVOKE: &str = "DELETE FROM group_grants WHERE group_id = $1 AND repo_id = $2";
        self.change_group(group, REVOKE, vec![repo.into()], Part::Grant(false, repo)).await
    }

    /// The repositories that a group was granted, by name. SECURITY: names that its reader may not know; for those who look
    /// after permissions alone.
    pub async fn repos_of_group(&self, group: &GroupName) -> Result<Vec<(RepoId, RepoName)>, Fault> {
        const REPOS: &str = "SELECT repositories.id AS id, repositories.name AS name FROM user_groups \
             JOIN group_grants ON group_id = user_groups.id JOIN repositories ON repositories.id = repo_id \
             WHERE user_groups.name = $1 ORDER BY repositories.name";
        let rows = self.database().rows(REPOS, values![group.as_str()]).await?;
        let repo = |row: &Row| {
            let name =
                RepoName::new(&row.text("name")?).map_err(|_| Fault::ImpossibleValue { column: "name" })?;
            Ok((row.repo_id("id")?, name))
        };
        rows.iter().map(repo).collect()
    }

    /// Whether a change of a group lets whoever makes it read more, although they could ask somebody else.
    async fn lets_oneself_in(
        &self,
        transaction: &mut Transaction,
        group: i64,
        part: &Part,
    ) -> Result<bool, Fault> {
        const IN_IT: &str = "SELECT 1 AS one FROM group_members WHERE group_id = $1 AND user_id = $2";
        let own = self.origin().user_id();
        let user = match (part, own) {
            (Part::Member(true, user), _) => *user,
            (Part::Grant(true, _), Some(own)) => {
                if transaction.row(IN_IT, values![group, own]).await?.is_none() {
                    return Ok(false);
                }
                own
            }
            _ => return Ok(false),
        };
        self.is_own_and_others_could(transaction, user).await
    }

    /// One statement about a group whose number is its first value. Raises the epoch if a row was touched.
    async fn change_group(
        &self,
        group: &GroupName,
        sql: &'static str,
        mut rest: Vec<Value>,
        part: Part,
    ) -> Result<bool, GroupError> {
        let mut transaction = self.database().begin().await?;
        raise_epoch(&mut transaction).await?;
        let id = group_id(&mut transaction, group).await?.ok_or(GroupError::Unknown)?;
        if self.lets_oneself_in(&mut transaction, id, &part).await? {
            return Err(GroupError::Own);
        }
        rest.insert(0, id.into());
        match transaction.execute(sql, rest).await {
            Ok(0) => return Ok(false),
            Err(fault) if fault.is_dangling_reference() => return Err(GroupError::Unknown),
            done => done?,
        };
        let entry = part.entry(&mut transaction, group).await?;
        self.record_in(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// What of a group is changed: whether it comes (or goes), and what it is.
enum Part {
    Member(bool, UserId),
    Grant(bool, RepoId),
}

impl Part {
    async fn entry(&self, transaction: &mut Transaction, group: &GroupName) -> Result<Entry, Fault> {
        Ok(match *self {
            Part::Member(comes, user) => {
                let name = audit_objects::user_name(transaction, user).await?;
                entry_of(group, if comes { "member added" } else { "member removed" }).detail("account", name)
            }
            Part::Grant(comes, repo) => {
                let act = if comes { Act::Grant } else { Act::Revoke };
                let object = audit_objects::repository(transaction, repo).await?;
                Entry::new(act, object).detail("group", group.as_str())
            }
        })
    }
}

fn entry_of(group: &GroupName, change: &str) -> Entry {
    Entry::new(Act::ChangeGroup, Object::named("group", group.as_str())).detail("change", change)
}

impl Group {
    fn from_row(row: &Row) -> Result<Self, Fault> {
        Ok(Group {
            name: GroupName::of_stored(row.text("name")?),
            description: row.text("description")?,
            n_members: row.unsigned("n_members")?,
            n_repos: row.unsigned("n_repos")?,
            created_at: row.time("created_at")?,
        })
    }
}

pub(crate) async fn group_id(transaction: &mut Transaction, name: &GroupName) -> Result<Option<i64>, Fault> {
    let row = transaction.row("SELECT id FROM user_groups WHERE name = $1", values![name.as_str()]).await?;
    row.map(|row| row.int("id")).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["kernel", "a", "web-2.x_y", "0"] {
            assert_eq!(GroupName::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "-a", ".a", "A", "a b", "é", "a/b", &"a".repeat(65)] {
            assert!(GroupName::new(bad).is_err(), "{bad}");
        }
    }
}
