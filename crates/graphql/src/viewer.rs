//! Who is asking, and whom.

use async_graphql::{ID, Object, SimpleObject};
use compat::UserData;
use compat::opaque_id;

/// An account.
pub(crate) struct User {
    pub(crate) data: UserData,
}

#[Object(serial)]
impl User {
    async fn id(&self) -> ID {
        opaque_id("User", &self.data.name).into()
    }

    async fn username(&self) -> &str {
        &self.data.name
    }

    async fn display_name(&self) -> &str {
        &self.data.name
    }

    #[graphql(name = "avatarURL")]
    async fn avatar_url(&self) -> Option<String> {
        None
    }

    async fn url(&self) -> &str {
        "/"
    }

    async fn site_admin(&self) -> bool {
        self.data.is_administrator
    }
}

/// The server.
pub(crate) struct Site;

#[Object(serial)]
impl Site {
    async fn id(&self) -> ID {
        opaque_id("Site", "site").into()
    }

    #[graphql(name = "siteID")]
    async fn site_id(&self) -> &str {
        "sourcekeep"
    }

    /// The release whose interface this is. Clients look up what they may ask by it; some misread two digits.
    async fn product_version(&self) -> &str {
        "6.0.0"
    }

    /// Clients render results in an older way where the date in it lies before 2018-12-10.
    async fn build_version(&self) -> &str {
        "0_2026-01-01_sourcekeep"
    }

    async fn has_code_intelligence(&self) -> bool {
        false
    }
}

/// Who made a commit.
#[derive(SimpleObject)]
#[graphql(serial)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) display_name: String,
    pub(crate) email: String,
}

/// Who made a commit, and when.
#[derive(SimpleObject)]
#[graphql(serial)]
pub(crate) struct Signature {
    pub(crate) person: Person,
    /// RFC 3339.
    pub(crate) date: String,
}
