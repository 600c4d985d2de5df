//! Roles: who may look after what. No role reads code.

use crate::access_facts;
use crate::database::{Row, Transaction, values};
use crate::users::{role_as_stored, role_from_stored};
use crate::{Fault, Store, Timestamp};
use access::audit::{Act, Entry, Object};
use access::{Capabilities, Role, UserName};
use model::UserId;

/// Longest name of a role.
const NAME_CHARS_MAX: usize = 40;
/// Longest description of a role.
const DESCRIPTION_CHARS_MAX: usize = 300;
/// Most custom roles.
const N_ROLES_MAX: i64 = 100;

/// The name of a custom role: 1 to 40 of `a`–`z`, `0`–`9` and `-`, beginning with a letter; none of the built-in ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoleName(String);

/// A custom role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomRole {
    /// Its name.
    pub name: RoleName,
    /// What it is for.
    pub description: String,
    /// What it allows.
    pub capabilities: Capabilities,
    /// How many accounts have it.
    pub n_users: u64,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

/// The role of an account, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleOf {
    /// The account.
    pub user: UserId,
    /// Its name.
    pub name: UserName,
    /// Its role.
    pub role: Role,
    /// What the role is called.
    pub role_name: String,
    /// Whether the account is shut.
    pub is_disabled: bool,
}

/// A role could not be changed or given.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// No role can have this name.
    #[error(
        "a role's name is 1 to {n_chars_max} of a-z, 0-9 and '-', begins with a letter, and is not one of the built-in ones"
    )]
    BadName {
        /// The most.
        n_chars_max: usize,
    },
    /// The description is too long or does not print.
    #[error("the description of a role must be at most {n_chars_max} characters, without control characters")]
    BadDescription {
        /// The most.
        n_chars_max: usize,
    },
    /// There is no such role.
    #[error("there is no role of this name")]
    Unknown,
    /// It is somebody's.
    #[error("{n_users} accounts have this role: give them another one first")]
    InUse {
        /// How many.
        n_users: u64,
    },
    /// There are enough.
    #[error("there are {n_roles_max} custom roles already: remove one first")]
    TooMany {
        /// The most.
        n_roles_max: i64,
    },
    /// It allows what whoever gives or makes it may not do themselves, or changes what one may do oneself.
    #[error("nobody gives more than they have, and nobody changes what they may do themselves")]
    NotYours,
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl RoleName {
    /// Checks a name.
    pub fn new(text: &str) -> Result<Self, RoleError> {
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let begins_well = text.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        let is_built_in = matches!(text, "member" | "administrator" | "auditor" | "custom");
        match begins_well && !is_built_in && text.len() <= NAME_CHARS_MAX && text.bytes().all(is_allowed) {
            true => Ok(RoleName(text.to_owned())),
            false => Err(RoleError::BadName { n_chars_max: NAME_CHARS_MAX }),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Store {
    /// The custom roles, by name.
    pub async fn custom_roles(&self) -> Result<Vec<CustomRole>, Fault> {
        const LIST: &str = "SELECT name, description, capabilities, changed_at, (SELECT COUNT(*) FROM users \
             WHERE substr(role, 1, length(roles.name) + 8) = 'custom:' || roles.name || ':') AS n_users \
             FROM roles ORDER BY name";
        self.database().rows(LIST, values![]).await?.iter().map(CustomRole::from_row).collect()
    }

    /// Who has a role other than that of a member, by name.
    pub async fn role_holders(&self) -> Result<Vec<RoleOf>, Fault> {
        const LIST: &str =
            "SELECT id, name, role, disabled_at FROM users WHERE role <> 'member' ORDER BY name LIMIT 1000";
        let rows = self.database().rows(LIST, values![]).await?;
        let holder = |row: &Row| {
            let impossible = |column| Fault::ImpossibleValue { column };
            let stored = row.text("role")?;
            Ok(RoleOf {
                user: row.user_id("id")?,
                name: UserName::new(&row.text("name")?).map_err(|_| impossible("name"))?,
                role: role_from_stored(&stored).ok_or(impossible("role"))?,
                role_name: name_of_stored(&stored).to_owned(),
                is_disabled: row.maybe_time("disabled_at")?.is_some(),
            })
        };
        rows.iter().map(holder).collect()
    }

    /// Makes a custom role or changes it, for all who have it at once. Raises the epoch.
    ///
    /// SECURITY: nobody makes a role that allows more than their own, and nobody changes a role they have.
    pub async fn save_role(
        &self,
        name: &RoleName,
        description: &str,
        capabilities: Capabilities,
    ) -> Result<(), RoleError> {
        const SAVE: &str = "INSERT INTO roles (name, description, capabilities, changed_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (name) DO UPDATE SET description = $2, capabilities = $3, changed_at = $4";
        const FOLLOW: &str = "UPDATE users SET role = $2 WHERE substr(role, 1, length($1)) = $1";
        let description = description.trim();
        if description.chars().count() > DESCRIPTION_CHARS_MAX || description.chars().any(char::is_control) {
            return Err(RoleError::BadDescription { n_chars_max: DESCRIPTION_CHARS_MAX });
        }
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let known = capabilities_in(&mut transaction, name).await?;
        if known.is_none() {
            let row = transaction.row("SELECT COUNT(*) AS n FROM roles", values![]).await?;
            if row.map_or(Ok(0), |row| row.int("n"))? >= N_ROLES_MAX {
                return Err(RoleError::TooMany { n_roles_max: N_ROLES_MAX });
            }
        }
        let own = self.own_role(&mut transaction).await?;
        if let Some((role, own_name)) = own {
            let touches_more = known.is_some_and(|known| !known.is_within(role.capabilities()));
            if !capabilities.is_within(role.capabilities()) || touches_more || own_name == name.as_str() {
                return Err(RoleError::NotYours);
            }
        }
        let words = capabilities.to_string();
        transaction.execute(SAVE, values![name.as_str(), description, &words, self.now()]).await?;
        let prefix = format!("custom:{}:", name.as_str());
        let stored = format!("{prefix}{words}");
        transaction.execute(FOLLOW, values![prefix, stored]).await?;
        let entry = Entry::new(Act::ChangeRoles, Object::named("role", name.as_str()));
        let entry = entry.detail("from", known.map_or(String::new(), |known| known.to_string()));
        self.record_in(&mut transaction, entry.detail("to", words)).await?;
        Ok(transaction.commit().await?)
    }

    /// Removes a custom role that nobody has.
    pub async fn remove_role(&self, name: &RoleName) -> Result<(), RoleError> {
        const USERS: &str = "SELECT COUNT(*) AS n FROM users WHERE substr(role, 1, length($1)) = $1";
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let prefix = format!("custom:{}:", name.as_str());
        let row = transaction.row(USERS, values![prefix]).await?;
        let n_users = row.map_or(Ok(0), |row| row.unsigned("n"))?;
        if n_users > 0 {
            return Err(RoleError::InUse { n_users });
        }
        if transaction.execute("DELETE FROM roles WHERE name = $1", values![name.as_str()]).await? == 0 {
            return Err(RoleError::Unknown);
        }
        let entry = Entry::new(Act::RemoveRole, Object::named("role", name.as_str()));
        self.record_in(&mut transaction, entry).await?;
        Ok(transaction.commit().await?)
    }

    /// The stored form of a custom role.
    pub(crate) async fn custom_role(
        &self,
        transaction: &mut Transaction,
        name: &RoleName,
    ) -> Result<Option<String>, Fault> {
        let capabilities = capabilities_in(transaction, name).await?;
        Ok(capabilities.map(|capabilities| format!("custom:{}:{capabilities}", name.as_str())))
    }

    /// The role of whoever this store acts for, as it is at this moment, with its name; `None` where that is no account.
    pub(crate) async fn own_role(
        &self,
        transaction: &mut Transaction,
    ) -> Result<Option<(Role, String)>, Fault> {
        let Some(user) = self.origin().user_id() else { return Ok(None) };
        let row = transaction.row("SELECT role FROM users WHERE id = $1", values![user]).await?;
        let stored = row.map_or(Ok(String::from("member")), |row| row.text("role"))?;
        let role = role_from_stored(&stored).ok_or(Fault::ImpossibleValue { column: "role" })?;
        Ok(Some((role, name_of_stored(&stored).to_owned())))
    }
}

impl CustomRole {
    fn from_row(row: &Row) -> Result<Self, Fault> {
        let impossible = |column| Fault::ImpossibleValue { column };
        Ok(CustomRole {
            name: RoleName::new(&row.text("name")?).map_err(|_| impossible("name"))?,
            description: row.text("description")?,
            capabilities: row.text("capabilities")?.parse().map_err(|_| impossible("capabilities"))?,
            n_users: row.unsigned("n_users")?,
            changed_at: row.time("changed_at")?,
        })
    }
}

/// What a stored role is called.
pub(crate) fn name_of_stored(stored: &str) -> &str {
    let custom = stored.strip_prefix("custom:").and_then(|rest| rest.split_once(':'));
    custom.map_or(stored, |(name, _)| name)
}

/// The stored form of a built-in role.
pub(crate) fn built_in(role: Role) -> Option<&'static str> {
    match role {
        Role::Custom(_) => None,
        other => Some(role_as_stored(other)),
    }
}

async fn capabilities_in(
    transaction: &mut Transaction,
    name: &RoleName,
) -> Result<Option<Capabilities>, Fault> {
    let sql = "SELECT capabilities FROM roles WHERE name = $1";
    let row = transaction.row(sql, values![name.as_str()]).await?;
    let impossible = |_| Fault::ImpossibleValue { column: "capabilities" };
    row.map(|row| row.text("capabilities")?.parse().map_err(impossible)).transpose()
}
