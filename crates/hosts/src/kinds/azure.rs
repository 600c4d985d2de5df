//! Azure DevOps, services and server.
//!
//! Three kinds of calls tell everything: all repositories (one answer, no pages), all access control lists of the security
//! namespace of git (one answer), and whom the identities in them stand for, groups with all their members, 100 at a time.
//! <https://learn.microsoft.com/rest/api/azure/devops/git/repositories/list>,
//! <https://learn.microsoft.com/rest/api/azure/devops/security/access-control-lists/query>,
//! <https://learn.microsoft.com/rest/api/azure/devops/ims/identities/read-identities>

mod rights;

use crate::api::{Api, encode};
use crate::connector::{Cursor, HostGrant, Page, Reply, Strategy, Whoami};
use crate::{Connector, HostError, HostKind, HostRepository, Openness, Readers};
use rights::{Acl, Identity, Rights};
use serde::Deserialize;

/// "Git Repositories" (the namespace reference of the documentation).
const GIT_NAMESPACE: &str = "2e9eb7ed-3c0a-47d4-87c1-0ffdd275fd87";
/// Descriptors in one request: addresses must stay below 8 KiB or so.
const N_IDENTITIES_PER_CALL: usize = 100;

pub(crate) struct AzureDevOps {
    api: Api,
    /// Where identities are asked for: another host for the services, the same for a server.
    identities: Api,
}

impl AzureDevOps {
    /// `api` and `identities` are bases with the organization or collection.
    pub(crate) fn new(api: Api, identities: Api) -> Self {
        AzureDevOps { api, identities }
    }

    async fn repos(&self) -> Result<Vec<Repo>, HostError> {
        let url = self.api.url("/_apis/git/repositories?api-version=7.1");
        let list: List<Repo> = self.api.get("repositories", &url, None).await?.parse()?;
        match list.count {
            Some(n_expected) if n_expected != list.value.len() as u64 => {
                let n_found = list.value.len() as u64;
                Err(HostError::Incomplete { what: "repositories", n_expected, n_found })
            }
            _ => Ok(list.value),
        }
    }

    /// Asks for identities by `descriptors` or by `identityIds`; those that are unknown are left out.
    async fn identities(&self, by: &str, names: &[String]) -> Result<Vec<Identity>, HostError> {
        let mut identities = Vec::new();
        for some in names.chunks(N_IDENTITIES_PER_CALL) {
            let list = encode(&some.join(","));
            let path = format!("/_apis/identities?{by}={list}&queryMembership=expanded&api-version=7.1");
            let answer = self.identities.get("identities", &self.identities.url(&path), None).await?;
            let list: List<Option<Identity>> = answer.parse()?;
            identities.extend(list.value.into_iter().flatten());
        }
        Ok(identities)
    }
}

impl Connector for AzureDevOps {
    fn kind(&self) -> HostKind {
        HostKind::AzureDevOps
    }

    fn strategy(&self) -> Reply<'_, Strategy> {
        Box::pin(async { Ok(Strategy::Grants) })
    }

    fn whoami(&self) -> Reply<'_, Whoami> {
        Box::pin(async {
            let url = self.api.url("/_apis/connectionData");
            let data: ConnectionData = self.api.get("the token's account", &url, None).await?.parse()?;
            let login = data.authenticated_user.provider_display_name;
            Ok(Whoami { login: login.unwrap_or_else(|| "unnamed".to_owned()), warnings: Vec::new() })
        })
    }

    fn repositories(&self, _after: Option<Cursor>) -> Reply<'_, Page<HostRepository>> {
        Box::pin(async move {
            let repos = self.repos().await?.into_iter().filter(|repo| !repo.is_disabled);
            let items: Option<Vec<_>> = repos.map(Repo::into_repository).collect();
            let what = "repositories";
            let incomplete = || HostError::Shape { what, reason: "a repository is incomplete".to_owned() };
            let items = items.ok_or_else(incomplete)?;
            Ok(Page { items, next: None, total: None })
        })
    }

    fn grants(&self, _after: Option<Cursor>) -> Reply<'_, Page<HostGrant>> {
        Box::pin(async move {
            let path = format!("/_apis/accesscontrollists/{GIT_NAMESPACE}?recurse=true&api-version=7.1");
            let acls: List<Acl> =
                self.api.get("access control lists", &self.api.url(&path), None).await?.parse()?;
            let rights = Rights::new(acls.value);
            let mut identities = self.identities("descriptors", &rights.descriptors()).await?;
            // Groups tell their members by number only: who of them is a person, and whose account is open, is asked as well.
            let members = rights::unknown_members(&identities);
            identities.extend(self.identities("identityIds", &members).await?);
            let places: Vec<(String, String)> =
                self.repos().await?.into_iter().map(|repo| (repo.project.id, repo.id)).collect();
            Ok(Page { items: rights.grants(&places, &identities), next: None, total: None })
        })
    }

    fn n_calls(&self) -> u64 {
        self.api.n_calls() + self.identities.n_calls()
    }
}

#[derive(Deserialize)]
struct List<T> {
    count: Option<u64>,
    value: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConnectionData {
    authenticated_user: AuthenticatedUser,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthenticatedUser {
    provider_display_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repo {
    id: String,
    name: String,
    project: Project,
    remote_url: String,
    size: Option<u64>,
    #[serde(default)]
    is_fork: bool,
    #[serde(default)]
    is_disabled: bool,
}

#[derive(Deserialize)]
struct Project {
    id: String,
    name: String,
    #[serde(default)]
    visibility: String,
}

impl Repo {
    fn into_repository(self) -> Option<HostRepository> {
        HostRepository {
            id: self.id,
            handle: self.project.id,
            name: format!("{}/{}", self.project.name, self.name),
            clone_from: super::bitbucket_cloud::without_user(&self.remote_url)?,
            openness: match self.project.visibility.as_str() {
                "public" => Openness::Public,
                _ => Openness::Private,
            },
            fork: self.is_fork,
            archived: false,
            size_bytes: self.size,
            n_stars: None,
            description: String::new(),
            readers: Readers::Unknown,
        }
        .checked()
    }
}
