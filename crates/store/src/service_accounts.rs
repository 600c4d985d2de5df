//! Accounts that programs use: nobody signs in to them, and somebody answers for each.

use crate::access_facts;
use crate::database::{Row, values};
use crate::{CreateUserError, Fault, Store, Timestamp};
use access::UserName;
use access::audit::{Act, Entry, Object};
use model::UserId;

/// An account that programs use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its number.
    pub id: UserId,
    /// Its name.
    pub name: UserName,
    /// Who answers for it; `None` where that account is gone.
    pub owner: Option<String>,
    /// Since when it cannot be used, if so.
    pub disabled_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A statement that reads service accounts.
macro_rules! select_service_accounts {
    ($rest:literal) => {
        concat!(
            "SELECT users.id AS id, users.name AS name, owners.name AS owner, users.disabled_at AS disabled_at, \
             users.created_at AS created_at FROM users LEFT JOIN users AS owners ON owners.id = users.owner_id \
             WHERE users.is_service = 1 ",
            $rest
        )
    };
}

impl Store {
    /// Makes a service account: a member without a password, to which no session ever belongs. Whoever this store acts for
    /// answers for it.
    pub async fn create_service_account(&self, name: &UserName) -> Result<UserId, CreateUserError> {
        const INSERT: &str = "INSERT INTO users (name, role, created_at, is_service, owner_id) \
             VALUES ($1, 'member', $2, 1, $3) ON CONFLICT (name) DO NOTHING RETURNING id";
        let owner = self.origin().user_id().map(|user| user.0);
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let row = transaction.row(INSERT, values![name.as_str(), self.now(), owner]).await?;
        let row = row.ok_or(CreateUserError::NameTaken { name: name.clone() })?;
        let id = row.user_id("id")?;
        let entry = Entry::new(Act::CreateServiceAccount, Object::user(id, name));
        self.record_in(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// Every service account, by name; at most 1,000.
    pub async fn service_accounts(&self) -> Result<Vec<ServiceAccount>, Fault> {
        const LIST: &str = select_service_accounts!("ORDER BY users.name LIMIT 1000");
        self.database().rows(LIST, values![]).await?.iter().map(ServiceAccount::from_row).collect()
    }

    /// The service account of this name; people's accounts are none.
    pub async fn service_account(&self, name: &UserName) -> Result<Option<ServiceAccount>, Fault> {
        const FIND: &str = select_service_accounts!("AND users.name = $1");
        let row = self.database().row(FIND, values![name.as_str()]).await?;
        row.as_ref().map(ServiceAccount::from_row).transpose()
    }
}

impl ServiceAccount {
    fn from_row(row: &Row) -> Result<Self, Fault> {
        Ok(ServiceAccount {
            id: row.user_id("id")?,
            name: UserName::new(&row.text("name")?).map_err(|_| Fault::ImpossibleValue { column: "name" })?,
            owner: row.maybe_text("owner")?,
            disabled_at: row.maybe_time("disabled_at")?,
            created_at: row.time("created_at")?,
        })
    }
}
