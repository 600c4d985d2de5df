//! Bitbucket Data Center.
//!
//! Each repository that is not public is asked for the users who may read it: one filtered list, which the server makes
//! from its own rules (repository, project, global, groups, defaults). An administrator's token is needed for that.
//! <https://developer.atlassian.com/server/bitbucket/rest/>: `/repos`, `/users` with `permission.N`

use super::bitbucket_cloud::{Link, without_user};
use crate::api::Api;
use crate::connector::{Cursor, Page, Reply, Strategy, Whoami};
use crate::{Connector, HostKind, HostRepository, Openness, Readers};
use access::AccountId;
use serde::Deserialize;

/// The most that the server gives unless its administrator set less (`page.max.*`).
const N_PER_PAGE: u32 = 1000;

pub(crate) struct BitbucketServer {
    api: Api,
}

impl BitbucketServer {
    /// `api` is the base of version 1.0 of the interface.
    pub(crate) fn new(api: Api) -> Self {
        BitbucketServer { api }
    }
}

impl Connector for BitbucketServer {
    fn kind(&self) -> HostKind {
        HostKind::BitbucketServer
    }

    fn strategy(&self) -> Reply<'_, Strategy> {
        Box::pin(async { Ok(Strategy::ByRepository) })
    }

    fn whoami(&self) -> Reply<'_, Whoami> {
        Box::pin(async {
            // The interface has no "who am I"; every answer names the account in a header.
            let answer = self.api.get("repositories", &self.api.url("/repos?limit=1"), None).await?;
            let name = answer.headers.get("x-ausername").and_then(|value| value.to_str().ok());
            let warning = "the server did not say whose token this is: it may be read as nobody's";
            let warnings = if name.is_some() { Vec::new() } else { vec![warning.to_owned()] };
            Ok(Whoami { login: name.unwrap_or("nobody").to_owned(), warnings })
        })
    }

    fn repositories(&self, after: Option<Cursor>) -> Reply<'_, Page<HostRepository>> {
        Box::pin(async move {
            let start = after.unwrap_or_else(|| "0".to_owned());
            let url = self.api.url(&format!("/repos?limit={N_PER_PAGE}&start={start}"));
            let answer = self.api.get("repositories", &url, None).await?;
            let list: List<Repo> = answer.parse()?;
            let next = list.next();
            let items: Option<Vec<_>> = list.values.into_iter().map(Repo::into_repository).collect();
            let items = items.ok_or_else(|| answer.shape("a repository is incomplete"))?;
            Ok(Page { items, next, total: None })
        })
    }

    fn accounts_of<'a>(
        &'a self,
        repository: &'a HostRepository,
        after: Option<Cursor>,
    ) -> Reply<'a, Page<AccountId>> {
        Box::pin(async move {
            let start = after.unwrap_or_else(|| "0".to_owned());
            let filter = format!("permission.1=REPO_READ&permission.1.repositoryId={}", repository.id);
            let url = self.api.url(&format!("/users?{filter}&limit={N_PER_PAGE}&start={start}"));
            let answer = self.api.get("a repository's users", &url, None).await?;
            let list: List<User> = answer.parse()?;
            let next = list.next();
            let active = list.values.into_iter().filter(|user| user.active);
            let items = active.filter_map(|user| AccountId::new(user.id.to_string())).collect();
            Ok(Page { items, next, total: None })
        })
    }

    fn n_calls(&self) -> u64 {
        self.api.n_calls()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List<T> {
    values: Vec<T>,
    is_last_page: bool,
    next_page_start: Option<u64>,
}

impl<T> List<T> {
    fn next(&self) -> Option<Cursor> {
        self.next_page_start.filter(|_| !self.is_last_page).map(|start| start.to_string())
    }
}

#[derive(Deserialize)]
struct User {
    id: u64,
    active: bool,
}

#[derive(Deserialize)]
struct Repo {
    id: u64,
    slug: String,
    project: Project,
    #[serde(default)]
    public: bool,
    #[serde(default)]
    archived: bool,
    origin: Option<serde::de::IgnoredAny>,
    description: Option<String>,
    links: Links,
}

#[derive(Deserialize)]
struct Project {
    key: String,
    #[serde(default)]
    public: bool,
}

#[derive(Deserialize)]
struct Links {
    clone: Vec<Link>,
}

impl Repo {
    fn into_repository(self) -> Option<HostRepository> {
        let clone =
            self.links.clone.into_iter().find(|link| matches!(link.name.as_str(), "http" | "https"))?;
        let is_public = self.public || self.project.public;
        HostRepository {
            id: self.id.to_string(),
            handle: String::new(),
            name: format!("{}/{}", self.project.key.to_lowercase(), self.slug),
            clone_from: without_user(&clone.href)?,
            openness: if is_public { Openness::Public } else { Openness::Private },
            fork: self.origin.is_some(),
            archived: self.archived,
            size_bytes: None,
            n_stars: None,
            description: self.description.unwrap_or_default(),
            readers: Readers::Unknown,
        }
        .checked()
    }
}
