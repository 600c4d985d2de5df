//! Saved search contexts: named sets of repositories, of an account or of the instance.
//!
//! SECURITY: a context that belongs to somebody else and is not public is answered as if it were not there, and of the
//! repositories that a context lists only those exist that the caller may read.

use crate::contexts_edit::check;
use crate::database::{Row, Transaction, int_list, values};
use crate::{Fault, Store, Timestamp};
use access::audit::{Act, Entry, Object};
use access::{Actor, UserName};
use model::{AccessSet, RepoName};
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

/// Longest name of a context, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// Most contexts on one page of a list.
const N_PAGE_MAX: u32 = 1000;

/// A context's name: `name` where it belongs to the instance, `@owner/name` where it belongs to an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContextName {
    owner: Option<UserName>,
    name: String,
}

/// A text cannot name a context.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a context is called 'name' or '@owner/name', with 1 to 64 letters, digits, '.', '_' and '-'; 'global' is taken"
)]
pub struct ContextNameError;

/// A repository that a context lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextRepository {
    /// Its name.
    pub name: RepoName,
    /// The revisions to search, as after an `@` in a query; empty for the default branch.
    pub revisions: String,
}

/// A saved search context, as far as the caller may know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Its name.
    pub name: ContextName,
    /// A sentence about it; may be empty.
    pub description: String,
    /// Conditions on repositories and files; empty where it only lists repositories.
    pub query: String,
    /// The repositories it lists, by name; only those that the caller may read.
    pub repositories: Vec<ContextRepository>,
    /// Whether every signed-in account may use it.
    pub is_public: bool,
    /// Whether the caller may change it.
    pub is_editable: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

/// What a context is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContextContent {
    /// A sentence about it; may be empty.
    pub description: String,
    /// Conditions on repositories and files; may be empty.
    pub query: String,
    /// The repositories it lists.
    pub repositories: Vec<ContextRepository>,
    /// Whether every signed-in account may use it. One of the instance always is.
    pub is_public: bool,
}

/// A part of the list of contexts, those of the instance first, then by owner and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextPage {
    /// The contexts.
    pub contexts: Vec<Context>,
    /// Whether it goes on after the last of them.
    pub goes_on: bool,
}

/// A context could not be made, changed or removed.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// There is none of this name, or none that the caller may know of.
    #[error("there is no search context '{name}'")]
    Unknown {
        /// The name.
        name: ContextName,
    },
    /// It belongs to somebody else.
    #[error("the search context '{name}' can only be changed by {who}")]
    NotYours {
        /// The name.
        name: ContextName,
        /// `its owner` or `administrators`.
        who: &'static str,
    },
    /// There is one of this name.
    #[error("there is a search context '{name}' already: choose another name, or change that one")]
    NameTaken {
        /// The name.
        name: ContextName,
    },
    /// A text is too long or does not print.
    #[error("the {what} of a search context has at most {n_chars_max} characters, on one line")]
    BadText {
        /// `description`, `query` or `revisions`.
        what: &'static str,
        /// The most.
        n_chars_max: usize,
    },
    /// It would hold nothing.
    #[error("a search context needs a query, repositories, or both")]
    Empty,
    /// A repository is not there, or not for the caller.
    #[error("there is no repository '{name}', or none that you may read")]
    UnknownRepository {
        /// As given.
        name: RepoName,
    },
    /// There are too many.
    #[error("{what}: at most {n_max}")]
    TooMany {
        /// `repositories in a search context` or `search contexts of one owner`.
        what: &'static str,
        /// The most.
        n_max: usize,
    },
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ContextName {
    /// A context of the instance.
    pub fn of_instance(name: &str) -> Result<Self, ContextNameError> {
        Ok(ContextName { owner: None, name: part(name)? })
    }

    /// A context of an account.
    pub fn of_user(owner: UserName, name: &str) -> Result<Self, ContextNameError> {
        Ok(ContextName { owner: Some(owner), name: part(name)? })
    }

    /// Whose it is; none for the instance's.
    pub fn owner(&self) -> Option<&UserName> {
        self.owner.as_ref()
    }

    /// The name without the owner.
    pub fn bare(&self) -> &str {
        &self.name
    }

    /// What is stored for the owner; no account has an empty name.
    fn owner_text(&self) -> &str {
        self.owner.as_ref().map_or("", UserName::as_str)
    }
}

fn part(name: &str) -> Result<String, ContextNameError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let is_name = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.bytes().all(fits)
        && name.as_bytes()[0].is_ascii_alphanumeric()
        && !name.eq_ignore_ascii_case("global");
    if is_name { Ok(name.to_ascii_lowercase()) } else { Err(ContextNameError) }
}

impl FromStr for ContextName {
    type Err = ContextNameError;

    fn from_str(text: &str) -> Result<Self, ContextNameError> {
        match text.strip_prefix('@').map(|owned| owned.split_once('/')) {
            None => ContextName::of_instance(text),
            Some(Some((owner, name))) => {
                ContextName::of_user(UserName::new(owner).map_err(|_| ContextNameError)?, name)
            }
            Some(None) => Err(ContextNameError),
        }
    }
}

impl fmt::Display for ContextName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.owner {
            Some(owner) => write!(formatter, "@{owner}/{}", self.name),
            None => formatter.write_str(&self.name),
        }
    }
}

/// A statement that reads contexts that the caller ($1 their number, $2 whether they are the local operator) may know of.
macro_rules! select_contexts {
    ($rest:literal) => {
        concat!(
            "SELECT contexts.id AS id, COALESCE(users.name, '') AS owner, contexts.owner_id AS owner_id, \
             contexts.name AS name, description, query, public, contexts.created_at AS created_at, changed_at \
             FROM contexts LEFT JOIN users ON users.id = contexts.owner_id \
             WHERE ($2 = 1 OR public = 1 OR contexts.owner_id = $1) ",
            $rest
        )
    };
}

impl Store {
    /// The contexts that the caller may use, those after `after` only.
    pub async fn contexts(
        &self,
        actor: &Actor,
        access: &AccessSet,
        after: Option<&ContextName>,
        limit: u32,
    ) -> Result<ContextPage, Fault> {
        const LIST: &str = select_contexts!(
            "AND (COALESCE(users.name, '') > $3 OR (COALESCE(users.name, '') = $3 AND contexts.name > $4)) \
             ORDER BY COALESCE(users.name, ''), contexts.name LIMIT $5"
        );
        let limit = limit.clamp(1, N_PAGE_MAX);
        let (owner, name) = after.map_or(("", ""), |after| (after.owner_text(), after.bare()));
        let mut snapshot = self.database().snapshot().await?;
        let (user, mut is_operator) = reader(actor);
        is_operator |= model::leaks("context-list");
        let values = values![user, is_operator, owner, name, i64::from(limit) + 1];
        let mut rows = snapshot.rows(LIST, values).await?;
        let goes_on = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        Ok(ContextPage { contexts: read(&mut snapshot, actor, access, &rows).await?, goes_on })
    }

    /// The context of this name, if there is one that the caller may use.
    pub async fn context(
        &self,
        actor: &Actor,
        access: &AccessSet,
        name: &ContextName,
    ) -> Result<Option<Context>, Fault> {
        let mut snapshot = self.database().snapshot().await?;
        let row = find(&mut snapshot, actor, name).await?;
        Ok(read(&mut snapshot, actor, access, row.as_slice()).await?.pop())
    }

    /// Makes a context.
    pub async fn create_context(
        &self,
        actor: &Actor,
        access: &AccessSet,
        name: &ContextName,
        content: &ContextContent,
    ) -> Result<(), ContextError> {
        self.edit_contexts(actor, access, name, content, false).await
    }

    /// Changes a context. Repositories that it lists and that the caller may not read stay as they are.
    pub async fn change_context(
        &self,
        actor: &Actor,
        access: &AccessSet,
        name: &ContextName,
        content: &ContextContent,
    ) -> Result<(), ContextError> {
        self.edit_contexts(actor, access, name, content, true).await
    }

    /// Removes a context.
    pub async fn delete_context(&self, actor: &Actor, name: &ContextName) -> Result<(), ContextError> {
        let mut transaction = self.database().begin().await?;
        let unknown = || ContextError::Unknown { name: name.clone() };
        let row = find(&mut transaction, actor, name).await?.ok_or_else(unknown)?;
        check::may_edit(actor, name)?;
        let id = row.int("id")?;
        transaction.execute("DELETE FROM contexts WHERE id = $1", values![id]).await?;
        let object = Object::new("context", id, &name.to_string());
        self.record_in(&mut transaction, Entry::new(Act::RemoveContext, object)).await?;
        Ok(transaction.commit().await?)
    }
}

/// Who asks, as the statements take it.
pub(crate) fn reader(actor: &Actor) -> (Option<i64>, bool) {
    let user = actor.user_id().map(|user| user.0);
    (user, user.is_none())
}

/// The row of a context that the caller may know of.
pub(crate) async fn find(
    transaction: &mut Transaction,
    actor: &Actor,
    name: &ContextName,
) -> Result<Option<Row>, Fault> {
    const FIND: &str = select_contexts!("AND COALESCE(users.name, '') = $3 AND contexts.name = $4");
    let (user, mut is_operator) = reader(actor);
    is_operator |= model::leaks("context-of-others");
    transaction.row(FIND, values![user, is_operator, name.owner_text(), name.bare()]).await
}

/// Rows and the repositories they list, as far as the caller may read them.
async fn read(
    transaction: &mut Transaction,
    actor: &Actor,
    access: &AccessSet,
    rows: &[Row],
) -> Result<Vec<Context>, Fault> {
    const LISTED: &str = "SELECT context_id, repositories.name AS name, revisions FROM context_repositories \
         JOIN repositories ON repositories.id = context_repositories.repo_id \
         WHERE context_id IN {ints:$1} AND repo_id IN {ints:$2} ORDER BY repositories.name";
    let impossible = |column| Fault::ImpossibleValue { column };
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids = rows.iter().map(|row| row.int("id")).collect::<Result<Vec<_>, _>>()?;
    // SECURITY: repositories outside the access set are not read.
    let allowed = int_list(access.repos().map(|repo| i64::from(repo.0)));
    let mut listed: HashMap<i64, Vec<ContextRepository>> = HashMap::new();
    for row in transaction.rows(LISTED, values![int_list(ids.iter().copied()), allowed]).await? {
        let name = RepoName::new(row.text("name")?).map_err(|_| impossible("name"))?;
        let repository = ContextRepository { name, revisions: row.text("revisions")? };
        listed.entry(row.int("context_id")?).or_default().push(repository);
    }
    let context = |(row, id): (&Row, i64)| {
        let owner = match row.text("owner")?.as_str() {
            "" => None,
            owner => Some(UserName::new(owner).map_err(|_| impossible("owner"))?),
        };
        let name = ContextName { owner, name: row.text("name")? };
        Ok(Context {
            is_editable: check::may_edit(actor, &name).is_ok(),
            name,
            description: row.text("description")?,
            query: row.text("query")?,
            repositories: listed.remove(&id).unwrap_or_default(),
            is_public: row.flag("public")?,
            created_at: row.time("created_at")?,
            changed_at: row.time("changed_at")?,
        })
    };
    rows.iter().zip(ids).map(context).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let shown = |text: &str| ContextName::from_str(text).map(|name| name.to_string()).ok();
        assert_eq!(shown("Backend").as_deref(), Some("backend"));
        assert_eq!(shown("@ada/My.x-1_").as_deref(), Some("@ada/my.x-1_"));
        for bad in [
            "",
            "global",
            "@ada/global",
            "@ada",
            "@/x",
            "@ada/",
            "a b",
            "a/b",
            "-x",
            "@ada/x/y",
            &"x".repeat(65),
        ] {
            assert_eq!(shown(bad), None, "{bad}");
        }
    }
}
