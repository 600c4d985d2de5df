//! GitLab, its own and self-managed.
//!
//! With an administrator's token each account is asked for its projects (`sudo`, at least Reporter, which is what reading
//! code takes): GitLab itself applies groups, invitations and expiries. Without one, each project is asked for its members.
//! <https://docs.gitlab.com/api/projects/>, <https://docs.gitlab.com/api/rest/#keyset-based-pagination>,
//! <https://docs.gitlab.com/api/project_members/>

use crate::api::Api;
use crate::connector::{Cursor, HostAccount, Page, Reply, Strategy, Whoami};
use crate::{Connector, HostError, HostKind, HostRepository, Openness, Readers};
use access::AccountId;
use serde::Deserialize;
use tokio::sync::OnceCell;

/// Reporter: the least that reads the code of a private project.
const READS_CODE: u32 = 20;

pub(crate) struct GitLab {
    api: Api,
    is_administrator: OnceCell<bool>,
}

impl GitLab {
    /// `api` is the base of version 4 of the interface.
    pub(crate) fn new(api: Api) -> Self {
        GitLab { api, is_administrator: OnceCell::new() }
    }

    async fn me(&self) -> Result<Me, HostError> {
        self.api.get("the token's account", &self.api.url("/user"), None).await?.parse()
    }

    async fn is_administrator(&self) -> Result<bool, HostError> {
        let ask = async || Ok::<_, HostError>(self.me().await?.is_admin.unwrap_or(false));
        self.is_administrator.get_or_try_init(ask).await.copied()
    }
}

impl Connector for GitLab {
    fn kind(&self) -> HostKind {
        HostKind::GitLab
    }

    fn strategy(&self) -> Reply<'_, Strategy> {
        Box::pin(async {
            Ok(if self.is_administrator().await? { Strategy::ByAccount } else { Strategy::ByRepository })
        })
    }

    fn whoami(&self) -> Reply<'_, Whoami> {
        Box::pin(async {
            let me = self.me().await?;
            let warning = "the token is not an administrator's: permissions are read project by project, which takes more calls";
            let is_administrator = me.is_admin.unwrap_or(false);
            let warnings = if is_administrator { Vec::new() } else { vec![warning.to_owned()] };
            Ok(Whoami { login: me.username, warnings })
        })
    }

    fn repositories(&self, after: Option<Cursor>) -> Reply<'_, Page<HostRepository>> {
        Box::pin(async move {
            let url = match after {
                Some(url) => url,
                None => {
                    let membership = if self.is_administrator().await? { "" } else { "&membership=true" };
                    let path = "/projects?pagination=keyset&order_by=id&sort=asc&per_page=100";
                    self.api.url(&format!("{path}{membership}"))
                }
            };
            let answer = self.api.get("projects", &url, None).await?;
            let projects: Vec<Project> = answer.parse()?;
            let items: Option<Vec<_>> = projects.into_iter().map(Project::into_repository).collect();
            let items = items.ok_or_else(|| answer.shape("a project is incomplete"))?;
            Ok(answer.linked(items, Some("x-total")))
        })
    }

    fn accounts(&self, after: Option<Cursor>) -> Reply<'_, Page<HostAccount>> {
        Box::pin(async move {
            let first = || self.api.url("/users?pagination=keyset&order_by=id&sort=asc&per_page=100");
            let answer = self.api.get("users", &after.unwrap_or_else(first), None).await?;
            let users: Vec<User> = answer.parse()?;
            let items: Option<Vec<_>> = users.into_iter().map(User::into_account).collect();
            let items = items.ok_or_else(|| answer.shape("a user is incomplete"))?;
            Ok(answer.linked(items, Some("x-total")))
        })
    }

    fn repositories_of<'a>(
        &'a self,
        account: &'a HostAccount,
        after: Option<Cursor>,
    ) -> Reply<'a, Page<String>> {
        Box::pin(async move {
            let url = after.unwrap_or_else(|| {
                let path = "/projects?simple=true&pagination=keyset&order_by=id&sort=asc&per_page=100";
                // By number: a login name may be another's by now.
                let sudo = account.id.as_str();
                self.api.url(&format!("{path}&min_access_level={READS_CODE}&sudo={sudo}"))
            });
            let answer = self.api.get("a user's projects", &url, None).await?;
            let projects: Vec<Numbered> = answer.parse()?;
            Ok(answer.linked(projects.iter().map(|project| project.id.to_string()).collect(), None))
        })
    }

    fn accounts_of<'a>(
        &'a self,
        repository: &'a HostRepository,
        after: Option<Cursor>,
    ) -> Reply<'a, Page<AccountId>> {
        Box::pin(async move {
            let first = || self.api.url(&format!("/projects/{}/members/all?per_page=100", repository.id));
            let answer = self.api.get("a project's members", &after.unwrap_or_else(first), None).await?;
            let members: Vec<Member> = answer.parse()?;
            let reads = |member: &Member| member.access_level >= READS_CODE && member.state == "active";
            let items = members.into_iter().filter(reads).filter_map(|m| AccountId::new(m.id.to_string()));
            Ok(answer.linked(items.collect(), None))
        })
    }

    fn n_calls(&self) -> u64 {
        self.api.n_calls()
    }
}

#[derive(Deserialize)]
struct Me {
    username: String,
    is_admin: Option<bool>,
}

#[derive(Deserialize)]
struct Numbered {
    id: u64,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    username: String,
    state: String,
    #[serde(default)]
    external: bool,
}

impl User {
    fn into_account(self) -> Option<HostAccount> {
        Some(HostAccount {
            id: AccountId::new(self.id.to_string())?,
            login: self.username,
            is_active: self.state == "active",
            reads_internal: !self.external,
        })
    }
}

#[derive(Deserialize)]
struct Member {
    id: u64,
    access_level: u32,
    state: String,
}

#[derive(Deserialize)]
struct Project {
    id: u64,
    path_with_namespace: String,
    http_url_to_repo: String,
    visibility: String,
    repository_access_level: Option<String>,
    #[serde(default)]
    archived: bool,
    forked_from_project: Option<serde::de::IgnoredAny>,
    star_count: Option<u64>,
    description: Option<String>,
    statistics: Option<Statistics>,
}

#[derive(Deserialize)]
struct Statistics {
    repository_size: Option<u64>,
}

impl Project {
    fn into_repository(self) -> Option<HostRepository> {
        // A public project may show its code to members alone.
        let shows_code = self.repository_access_level.as_deref().is_none_or(|level| level == "enabled");
        HostRepository {
            id: self.id.to_string(),
            handle: String::new(),
            name: self.path_with_namespace,
            clone_from: self.http_url_to_repo,
            openness: match self.visibility.as_str() {
                "public" if shows_code => Openness::Public,
                "internal" if shows_code => Openness::Internal,
                _ => Openness::Private,
            },
            fork: self.forked_from_project.is_some(),
            archived: self.archived,
            size_bytes: self.statistics.and_then(|statistics| statistics.repository_size),
            n_stars: self.star_count,
            description: self.description.unwrap_or_default(),
            readers: Readers::Unknown,
        }
        .checked()
    }
}
