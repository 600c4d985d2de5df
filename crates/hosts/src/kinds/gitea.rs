//! Gitea and Forgejo.
//!
//! With an administrator's token each account is asked for the private repositories that it sees (header `Sudo`); what is
//! public or open to everybody with an account is known from the list of repositories.
//! <https://docs.gitea.com/api/>: `repoSearch`, `adminSearchUsers`; sudo: <https://docs.gitea.com/development/api-usage>

use crate::api::Api;
use crate::connector::{Cursor, HostAccount, Page, Reply, Strategy, Whoami};
use crate::{Connector, HostError, HostKind, HostRepository, Openness, Readers};
use access::AccountId;
use http::HeaderName;
use serde::Deserialize;

/// Gitea's own limit unless its administrator set another (`api.MAX_RESPONSE_ITEMS`).
const N_PER_PAGE: u32 = 50;

pub(crate) struct Gitea {
    api: Api,
}

impl Gitea {
    /// `api` is the base of version 1 of the interface.
    pub(crate) fn new(api: Api) -> Self {
        Gitea { api }
    }

    async fn me(&self) -> Result<User, HostError> {
        self.api.get("the token's account", &self.api.url("/user"), None).await?.parse()
    }
}

impl Connector for Gitea {
    fn kind(&self) -> HostKind {
        HostKind::Gitea
    }

    fn strategy(&self) -> Reply<'_, Strategy> {
        Box::pin(async { Ok(Strategy::ByAccount) })
    }

    fn whoami(&self) -> Reply<'_, Whoami> {
        Box::pin(async {
            let me = self.me().await?;
            let warning = "the token is not an administrator's: permissions cannot be read with it";
            let warnings = if me.is_admin { Vec::new() } else { vec![warning.to_owned()] };
            Ok(Whoami { login: me.login, warnings })
        })
    }

    fn repositories(&self, after: Option<Cursor>) -> Reply<'_, Page<HostRepository>> {
        Box::pin(async move {
            let path = format!("/repos/search?limit={N_PER_PAGE}&sort=id&order=asc&page=1");
            let url = after.unwrap_or_else(|| self.api.url(&path));
            let answer = self.api.get("repositories", &url, None).await?;
            let found: Found = answer.parse()?;
            let items: Option<Vec<_>> = found.data.into_iter().map(Repo::into_repository).collect();
            let items = items.ok_or_else(|| answer.shape("a repository is incomplete"))?;
            Ok(answer.linked(items, Some("x-total-count")))
        })
    }

    fn accounts(&self, after: Option<Cursor>) -> Reply<'_, Page<HostAccount>> {
        Box::pin(async move {
            let first = || self.api.url(&format!("/admin/users?limit={N_PER_PAGE}&page=1"));
            let answer = self.api.get("users", &after.unwrap_or_else(first), None).await?;
            let users: Vec<User> = answer.parse()?;
            let items: Option<Vec<_>> = users.into_iter().map(User::into_account).collect();
            let items = items.ok_or_else(|| answer.shape("a user is incomplete"))?;
            Ok(answer.linked(items, Some("x-total-count")))
        })
    }

    fn repositories_of<'a>(
        &'a self,
        account: &'a HostAccount,
        after: Option<Cursor>,
    ) -> Reply<'a, Page<String>> {
        Box::pin(async move {
            let path = format!("/repos/search?is_private=true&limit={N_PER_PAGE}&sort=id&order=asc&page=1");
            let url = after.unwrap_or_else(|| self.api.url(&path));
            let acting_as = (HeaderName::from_static("sudo"), account.login.clone());
            let answer = self.api.get("a user's repositories", &url, Some(&acting_as)).await?;
            let found: FoundIds = answer.parse()?;
            Ok(answer.linked(found.data.iter().map(|repo| repo.id.to_string()).collect(), None))
        })
    }

    fn asks_by_name(&self) -> bool {
        true
    }

    fn n_calls(&self) -> u64 {
        self.api.n_calls()
    }
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    #[serde(default)]
    is_admin: bool,
    #[serde(default = "yes")]
    active: bool,
    #[serde(default)]
    prohibit_login: bool,
    #[serde(default)]
    restricted: bool,
}

fn yes() -> bool {
    true
}

impl User {
    fn into_account(self) -> Option<HostAccount> {
        Some(HostAccount {
            id: AccountId::new(self.id.to_string())?,
            login: self.login,
            is_active: self.active && !self.prohibit_login,
            reads_internal: !self.restricted,
        })
    }
}

#[derive(Deserialize)]
struct FoundIds {
    data: Vec<Numbered>,
}

#[derive(Deserialize)]
struct Numbered {
    id: u64,
}

#[derive(Deserialize)]
struct Found {
    data: Vec<Repo>,
}

#[derive(Deserialize)]
struct Repo {
    id: u64,
    full_name: String,
    clone_url: String,
    private: bool,
    #[serde(default)]
    internal: bool,
    #[serde(default)]
    fork: bool,
    #[serde(default)]
    archived: bool,
    /// In KiB.
    size: Option<u64>,
    stars_count: Option<u64>,
    description: Option<String>,
}

impl Repo {
    fn into_repository(self) -> Option<HostRepository> {
        HostRepository {
            id: self.id.to_string(),
            handle: String::new(),
            name: self.full_name,
            clone_from: self.clone_url,
            openness: match (self.private, self.internal) {
                (true, _) => Openness::Private,
                (false, true) => Openness::Internal,
                (false, false) => Openness::Public,
            },
            fork: self.fork,
            archived: self.archived,
            size_bytes: self.size.map(|kib| kib.saturating_mul(1024)),
            n_stars: self.stars_count,
            description: self.description.unwrap_or_default(),
            readers: Readers::Unknown,
        }
        .checked()
    }
}
