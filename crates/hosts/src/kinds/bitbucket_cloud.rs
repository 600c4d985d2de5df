//! Bitbucket Cloud.
//!
//! One workspace. Who may read what is one list of pairs with the effective rights, groups and projects applied.
//! <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/>,
//! <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-workspaces/> (`permissions/repositories`)

use crate::api::{Api, encode};
use crate::connector::{Cursor, HostGrant, Page, Reply, Strategy, Whoami};
use crate::{Connector, HostKind, HostRepository, Openness, Readers};
use access::AccountId;
use serde::Deserialize;

pub(crate) struct BitbucketCloud {
    api: Api,
    workspace: String,
}

impl BitbucketCloud {
    /// `api` is the base of version 2.0 of the interface.
    pub(crate) fn new(api: Api, workspace: String) -> Self {
        BitbucketCloud { api, workspace }
    }
}

impl Connector for BitbucketCloud {
    fn kind(&self) -> HostKind {
        HostKind::BitbucketCloud
    }

    fn strategy(&self) -> Reply<'_, Strategy> {
        Box::pin(async { Ok(Strategy::Grants) })
    }

    fn whoami(&self) -> Reply<'_, Whoami> {
        Box::pin(async {
            // A token of a workspace has no account to tell of; the workspace is what counts for both kinds.
            let url = self.api.url(&format!("/workspaces/{}", encode(&self.workspace)));
            let workspace: Workspace = self.api.get("the workspace", &url, None).await?.parse()?;
            Ok(Whoami { login: workspace.slug, warnings: Vec::new() })
        })
    }

    fn repositories(&self, after: Option<Cursor>) -> Reply<'_, Page<HostRepository>> {
        Box::pin(async move {
            let path = format!("/repositories/{}?pagelen=100", encode(&self.workspace));
            let answer =
                self.api.get("repositories", &after.unwrap_or_else(|| self.api.url(&path)), None).await?;
            let list: List<Repo> = answer.parse()?;
            let items: Option<Vec<_>> = list.values.into_iter().map(Repo::into_repository).collect();
            let items = items.ok_or_else(|| answer.shape("a repository is incomplete"))?;
            Ok(Page { items, next: list.next, total: list.size })
        })
    }

    fn grants(&self, after: Option<Cursor>) -> Reply<'_, Page<HostGrant>> {
        Box::pin(async move {
            let path =
                format!("/workspaces/{}/permissions/repositories?pagelen=100", encode(&self.workspace));
            let url = after.unwrap_or_else(|| self.api.url(&path));
            let answer = self.api.get("permissions", &url, None).await?;
            let list: List<Permission> = answer.parse()?;
            let reads = |pair: &Permission| matches!(pair.permission.as_str(), "read" | "write" | "admin");
            let grant = |pair: Permission| {
                let account = AccountId::new(pair.user.uuid)?;
                Some(HostGrant { repository: pair.repository.uuid, account })
            };
            let items: Option<Vec<_>> = list.values.into_iter().filter(reads).map(grant).collect();
            let items = items.ok_or_else(|| answer.shape("an account has no identifier"))?;
            Ok(Page { items, next: list.next, total: None })
        })
    }

    fn n_calls(&self) -> u64 {
        self.api.n_calls()
    }
}

#[derive(Deserialize)]
struct Workspace {
    slug: String,
}

#[derive(Deserialize)]
struct List<T> {
    values: Vec<T>,
    next: Option<String>,
    size: Option<u64>,
}

#[derive(Deserialize)]
struct Identified {
    uuid: String,
}

#[derive(Deserialize)]
struct Permission {
    permission: String,
    user: Identified,
    repository: Identified,
}

#[derive(Deserialize)]
struct Repo {
    uuid: String,
    full_name: String,
    is_private: bool,
    size: Option<u64>,
    description: Option<String>,
    parent: Option<serde::de::IgnoredAny>,
    links: Links,
}

#[derive(Deserialize)]
struct Links {
    clone: Vec<Link>,
}

#[derive(Deserialize)]
pub(super) struct Link {
    pub(super) name: String,
    pub(super) href: String,
}

impl Repo {
    fn into_repository(self) -> Option<HostRepository> {
        let clone =
            self.links.clone.into_iter().find(|link| matches!(link.name.as_str(), "https" | "http"))?;
        HostRepository {
            id: self.uuid,
            handle: String::new(),
            name: self.full_name,
            clone_from: without_user(&clone.href)?,
            openness: if self.is_private { Openness::Private } else { Openness::Public },
            fork: self.parent.is_some(),
            archived: false,
            size_bytes: self.size,
            n_stars: None,
            description: self.description.unwrap_or_default(),
            readers: Readers::Unknown,
        }
        .checked()
    }
}

/// Bitbucket puts the name of whoever asks into the address.
pub(super) fn without_user(address: &str) -> Option<String> {
    let mut url = url::Url::parse(address).ok()?;
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(url.into())
}
