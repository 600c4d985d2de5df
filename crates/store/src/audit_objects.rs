//! What entries of the audit log call the things they are about.

use crate::Fault;
use crate::database::{Transaction, values};
use access::UserName;
use access::audit::Object;
use model::{RepoId, UserId};

/// An account, by the name it has now.
pub(crate) async fn user(transaction: &mut Transaction, user: UserId) -> Result<Object, Fault> {
    let name = user_name(transaction, user).await?;
    Ok(Object::new("user", user.0, &name))
}

/// The name of an account; empty where there is none.
pub(crate) async fn user_name(transaction: &mut Transaction, user: UserId) -> Result<String, Fault> {
    let row = transaction.row("SELECT name FROM users WHERE id = $1", values![user]).await?;
    row.map_or(Ok(String::new()), |row| row.text("name"))
}

/// A repository, by the name it has now.
pub(crate) async fn repository(transaction: &mut Transaction, repo: RepoId) -> Result<Object, Fault> {
    let row = transaction.row("SELECT name FROM repositories WHERE id = $1", values![repo]).await?;
    let name = row.map_or(Ok(String::new()), |row| row.text("name"))?;
    Ok(Object::new("repository", repo.0, &name))
}

/// A session, by its public id and the name of whose it is.
pub(crate) fn session(id: &str, owner: &str) -> Object {
    Object::new("session", id, owner)
}

/// An account that has just proved who it is.
pub(crate) async fn proved(
    transaction: &mut Transaction,
    user: UserId,
) -> Result<Option<access::audit::Origin>, Fault> {
    let name = user_name(transaction, user).await?;
    Ok(UserName::new(&name).ok().map(|name| access::audit::Origin::proved(user, &name, "sign-in")))
}
