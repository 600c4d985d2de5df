//! Accounts as those who look after the instance see them.

use crate::account_links::{LinkKind, kind_in};
use crate::database::{Row, values};
use crate::repositories::N_PAGE_MAX;
use crate::why_access::like;
use crate::{Fault, Store, Timestamp, User};
use access::{SecondFactor, UserName};

/// An account, and how it can be signed in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserOverview {
    /// The account.
    pub user: User,
    /// Whether it has a password.
    pub has_password: bool,
    /// Whether it has a second factor.
    pub second_factor: SecondFactor,
    /// The link that works for it, and until when.
    pub link: Option<(LinkKind, Timestamp)>,
    /// When a session of it was last used, to the minute; `None` if it has none.
    pub last_used_at: Option<Timestamp>,
}

/// What can be done with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    /// Somebody can sign in to it.
    Active,
    /// Nobody has given it a password yet.
    Invited,
    /// It cannot be used.
    Shut,
}

/// Which accounts to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// What their names hold.
    pub part: String,
    /// Only these.
    pub state: Option<AccountState>,
    /// Only those with this role: a built-in one's word, or a custom one's name.
    pub role: Option<String>,
    /// Only those with a second factor, or only those without.
    pub has_factor: Option<bool>,
}

impl AccountState {
    fn column(self) -> &'static str {
        match self {
            AccountState::Active => "active",
            AccountState::Invited => "invited",
            AccountState::Shut => "shut",
        }
    }
}

/// A statement that reads overviews; $1 is now.
macro_rules! select_overviews {
    ($rest:literal) => {
        concat!(
            "SELECT users.id AS id, name, role, disabled_at, users.created_at AS created_at, \
             CAST(CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END AS BIGINT) AS has_password, \
             CAST(CASE WHEN users.id IN (SELECT user_id FROM totp UNION ALL SELECT user_id FROM passkeys) THEN 1 ELSE 0 END AS BIGINT) AS has_factor, \
             kind, expires_at, (SELECT MAX(last_used_at) FROM sessions WHERE user_id = users.id AND ends_at > $1) \
             AS last_used_at FROM users \
             LEFT JOIN account_links ON account_links.user_id = users.id AND expires_at > $1 ",
            $rest
        )
    };
}

impl Store {
    /// The accounts that a filter lets through, by name, those after `after`; at most `limit` and never more than 1,000.
    pub async fn user_overviews(
        &self,
        filter: &UserFilter,
        after: Option<&UserName>,
        limit: u32,
    ) -> Result<Vec<UserOverview>, Fault> {
        const LIST: &str = select_overviews!(
            "WHERE name > $2 AND name LIKE $3 ESCAPE '!' \
             AND ($5 = '' OR $5 = CASE WHEN disabled_at IS NOT NULL THEN 'shut' \
             WHEN password_hash IS NULL THEN 'invited' ELSE 'active' END) \
             AND ($6 = '' OR role = $6 OR substr(role, 1, length($6) + 8) = 'custom:' || $6 || ':') \
             AND ($7 = '' OR $7 = CASE WHEN users.id IN (SELECT user_id FROM totp UNION ALL SELECT user_id FROM passkeys) \
             THEN 'yes' ELSE 'no' END) ORDER BY name LIMIT $4"
        );
        let limit = i64::from(limit.clamp(1, N_PAGE_MAX));
        let after = after.map_or("", UserName::as_str);
        let state = filter.state.map_or("", AccountState::column);
        let role = filter.role.as_deref().unwrap_or("").replace('\0', "\u{fffd}");
        let factor = filter.has_factor.map_or("", |has| if has { "yes" } else { "no" });
        let values = values![self.now(), after, like(&filter.part), limit, state, role, factor];
        self.database().rows(LIST, values).await?.iter().map(from_row).collect()
    }

    /// The account of this name.
    pub async fn user_overview(&self, name: &UserName) -> Result<Option<UserOverview>, Fault> {
        let sql = select_overviews!("WHERE name = $2");
        let row = self.database().row(sql, values![self.now(), name.as_str()]).await?;
        row.as_ref().map(from_row).transpose()
    }
}

fn from_row(row: &Row) -> Result<UserOverview, Fault> {
    let link = match row.maybe_time("expires_at")? {
        Some(expires_at) => Some((kind_in(row)?, expires_at)),
        None => None,
    };
    Ok(UserOverview {
        user: User::from_row(row)?,
        has_password: row.flag("has_password")?,
        second_factor: if row.flag("has_factor")? { SecondFactor::Enrolled } else { SecondFactor::None },
        link,
        last_used_at: row.maybe_time("last_used_at")?,
    })
}
