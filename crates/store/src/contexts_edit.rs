//! Making and changing search contexts.

use crate::contexts::{self, ContextContent, ContextError, ContextName, ContextRepository};
use crate::database::{Transaction, int_list, values};
use crate::{Fault, Store, Timestamp};
use access::audit::{Act, Entry, Object};
use access::{Actor, UserName};
use model::{AccessSet, RepoId};

/// Most repositories that a context lists.
const N_REPOSITORIES_MAX: usize = 1_000;
/// Most contexts of one owner, or of the instance.
const N_CONTEXTS_MAX: i64 = 200;
/// Longest texts.
const DESCRIPTION_CHARS_MAX: usize = 500;
const QUERY_CHARS_MAX: usize = 10_000;
const REVISIONS_CHARS_MAX: usize = 1_000;

impl Store {
    pub(crate) async fn edit_contexts(
        &self,
        actor: &Actor,
        access: &AccessSet,
        name: &ContextName,
        content: &ContextContent,
        exists: bool,
    ) -> Result<(), ContextError> {
        check::content(content)?;
        let mut transaction = self.database().begin().await?;
        let found = contexts::find(&mut transaction, actor, name).await?;
        let known = found.map(|row| row.int("id")).transpose()?;
        let id = match (known, exists) {
            (None, true) => return Err(ContextError::Unknown { name: name.clone() }),
            (Some(id), true) => {
                check::may_edit(actor, name)?;
                id
            }
            (known, false) => {
                check::may_edit(actor, name)?;
                let by_bare_name = "SELECT id FROM contexts WHERE name = $1";
                let is_taken = model::leaks("context-name-taken")
                    && transaction.row(by_bare_name, values![name.bare()]).await?.is_some();
                if known.is_some() || is_taken {
                    return Err(ContextError::NameTaken { name: name.clone() });
                }
                insert(&mut transaction, actor, name, self.now()).await?
            }
        };
        update(&mut transaction, actor, id, name, content, self.now()).await?;
        list(&mut transaction, access, id, &content.repositories).await?;
        let act = if exists { Act::ChangeContext } else { Act::CreateContext };
        let entry = Entry::new(act, Object::new("context", id, &name.to_string()));
        self.record_in(&mut transaction, entry.detail("query", content.query.trim())).await?;
        Ok(transaction.commit().await?)
    }
}

async fn insert(
    transaction: &mut Transaction,
    actor: &Actor,
    name: &ContextName,
    now: Timestamp,
) -> Result<i64, ContextError> {
    const INSERT: &str = "INSERT INTO contexts (owner_id, name, description, query, public, created_at, changed_at) \
         VALUES ($1, $2, '', '', 0, $3, $3) ON CONFLICT DO NOTHING RETURNING id";
    const COUNT: &str = "SELECT COUNT(*) AS n FROM contexts \
         WHERE owner_id = $1 OR ($1 IS NULL AND owner_id IS NULL)";
    let owner = owner_id(transaction, actor, name).await?;
    let counted = transaction.row(COUNT, values![owner]).await?;
    if counted.map_or(Ok(0), |row| row.int("n"))? >= N_CONTEXTS_MAX {
        let what = "search contexts of one owner";
        return Err(ContextError::TooMany { what, n_max: N_CONTEXTS_MAX as usize });
    }
    match transaction.row(INSERT, values![owner, name.bare(), now]).await? {
        Some(row) => Ok(row.int("id")?),
        None => Err(ContextError::NameTaken { name: name.clone() }),
    }
}

/// The number of the account a context belongs to; none for the instance's.
async fn owner_id(
    transaction: &mut Transaction,
    actor: &Actor,
    name: &ContextName,
) -> Result<Option<i64>, ContextError> {
    let Some(owner) = name.owner() else { return Ok(None) };
    if let Some(user) = actor.user_id() {
        // Nobody but the owner comes here.
        return Ok(Some(user.0));
    }
    let row = transaction.row("SELECT id FROM users WHERE name = $1", values![owner.as_str()]).await?;
    let unknown = || ContextError::Unknown { name: name.clone() };
    Ok(Some(row.ok_or_else(unknown)?.int("id")?))
}

async fn update(
    transaction: &mut Transaction,
    actor: &Actor,
    id: i64,
    name: &ContextName,
    content: &ContextContent,
    now: Timestamp,
) -> Result<(), Fault> {
    const SET: &str = "UPDATE contexts SET description = $2, query = $3, public = $4, changed_at = $5, \
         changed_by = $6 WHERE id = $1";
    let is_public = content.is_public || name.owner().is_none();
    let (user, _) = contexts::reader(actor);
    let columns = values![id, content.description.trim(), content.query.trim(), is_public, now, user];
    transaction.execute(SET, columns).await.map(drop)
}

/// Puts the list in the place of the old one. SECURITY: what the caller may not read is neither added nor taken away.
async fn list(
    transaction: &mut Transaction,
    access: &AccessSet,
    id: i64,
    repositories: &[ContextRepository],
) -> Result<(), ContextError> {
    const CLEAR: &str = "DELETE FROM context_repositories WHERE context_id = $1 AND repo_id IN {ints:$2}";
    const ADD: &str = "INSERT INTO context_repositories (context_id, repo_id, revisions) VALUES ($1, $2, $3) \
         ON CONFLICT (context_id, repo_id) DO UPDATE SET revisions = EXCLUDED.revisions";
    let allowed = int_list(access.repos().map(|repo| i64::from(repo.0)));
    transaction.execute(CLEAR, values![id, allowed]).await?;
    for repository in repositories {
        let sql = "SELECT id FROM repositories WHERE name = $1";
        let row = transaction.row(sql, values![repository.name.as_str()]).await?;
        let repo: Option<RepoId> = row.map(|row| row.repo_id("id")).transpose()?;
        // SECURITY: forbidden and unknown are the same answer.
        let repo = repo.filter(|repo| access.allows(*repo));
        let unknown = || ContextError::UnknownRepository { name: repository.name.clone() };
        let revisions = repository.revisions.trim();
        transaction.execute(ADD, values![id, repo.ok_or_else(unknown)?, revisions]).await?;
    }
    Ok(())
}

/// What is asked before anything is written.
pub(crate) mod check {
    use super::*;

    /// Whether the caller may change contexts of this owner. SECURITY: asked only of contexts the caller may know of, or
    /// that are to be made.
    pub(crate) fn may_edit(actor: &Actor, name: &ContextName) -> Result<(), ContextError> {
        let is_operator = actor.user_id().is_none();
        let not_yours = |who| Err(ContextError::NotYours { name: name.clone(), who });
        match name.owner().map(UserName::as_str) {
            _ if is_operator => Ok(()),
            Some(owner) if owner == actor.name() => Ok(()),
            Some(_) => not_yours("its owner"),
            None if actor.is_administrator() => Ok(()),
            None => not_yours("administrators"),
        }
    }

    pub(super) fn content(content: &ContextContent) -> Result<(), ContextError> {
        text("description", &content.description, DESCRIPTION_CHARS_MAX)?;
        text("query", &content.query, QUERY_CHARS_MAX)?;
        for repository in &content.repositories {
            text("revisions", &repository.revisions, REVISIONS_CHARS_MAX)?;
        }
        if content.repositories.len() > N_REPOSITORIES_MAX {
            let what = "repositories in a search context";
            return Err(ContextError::TooMany { what, n_max: N_REPOSITORIES_MAX });
        }
        match content.query.trim().is_empty() && content.repositories.is_empty() {
            true => Err(ContextError::Empty),
            false => Ok(()),
        }
    }

    fn text(what: &'static str, text: &str, n_chars_max: usize) -> Result<(), ContextError> {
        match text.chars().take(n_chars_max + 1).count() > n_chars_max || text.chars().any(char::is_control) {
            true => Err(ContextError::BadText { what, n_chars_max }),
            false => Ok(()),
        }
    }
}
