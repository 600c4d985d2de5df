//! GitHub and GitHub Enterprise Server.
//!
//! Repositories and the people who may read each come with one GraphQL query of 100 repositories: a listing of 40,000 takes
//! 400 calls, where the REST interface takes as many and one more per repository for its collaborators.
//! <https://docs.github.com/en/graphql/reference/objects#repository>, <https://docs.github.com/en/rest/users/users>

use crate::api::{Answer, Api};
use crate::connector::{Cursor, Page, Reply, Strategy, Whoami};
use crate::repository::account_ids;
use crate::{Connector, HostError, HostKind, HostRepository, Openness, Readers};
use access::{AccountId, Clock, Timestamp};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// The most that GitHub gives of any list at a time.
const N_PER_PAGE: u32 = 100;

const LIST: &str = "query($n:Int!,$after:String,$m:Int!){viewer{repositories(first:$n,after:$after,\
affiliations:[OWNER,COLLABORATOR,ORGANIZATION_MEMBER],ownerAffiliations:[OWNER,COLLABORATOR,ORGANIZATION_MEMBER],\
orderBy:{field:CREATED_AT,direction:ASC}){totalCount pageInfo{hasNextPage endCursor} nodes{id databaseId nameWithOwner url \
visibility isFork isArchived diskUsage stargazerCount description collaborators(first:$m){pageInfo{hasNextPage endCursor} \
nodes{databaseId}}}}}}";

const LIST_MORE_READERS: &str = "query($id:ID!,$after:String,$m:Int!){node(id:$id){...on Repository{databaseId \
collaborators(first:$m,after:$after){pageInfo{hasNextPage endCursor} nodes{databaseId}}}}}";

pub(crate) struct GitHub {
    api: Api,
    graphql: String,
    clock: Arc<dyn Clock>,
}

impl GitHub {
    /// `api` is the base of the REST interface.
    pub(crate) fn new(api: Api, graphql: String, clock: Arc<dyn Clock>) -> Self {
        GitHub { api, graphql, clock }
    }

    async fn query<T: serde::de::DeserializeOwned>(
        &self,
        what: &'static str,
        query: &str,
        variables: serde_json::Value,
    ) -> Result<(T, Answer), HostError> {
        let body = json!({ "query": query, "variables": variables });
        let answer = self.api.post(what, &self.graphql, &body).await?;
        let reply: Graph<T> = answer.parse()?;
        for error in reply.errors.iter().flatten() {
            match error.kind.as_deref() {
                // The list of collaborators is hidden from who may not push; the rest of the page holds.
                Some("FORBIDDEN") if reply.data.is_some() => {}
                Some("RATE_LIMITED") => {
                    let until = self.clock.now().plus(Duration::from_secs(60));
                    return Err(HostError::RateLimited { until: reset_of(&answer).unwrap_or(until) });
                }
                Some("FORBIDDEN" | "INSUFFICIENT_SCOPES") => return Err(HostError::Forbidden { what }),
                Some("NOT_FOUND") => return Err(HostError::NotFound { what }),
                _ => return Err(answer.shape("the query failed")),
            }
        }
        let data = reply.data.ok_or_else(|| answer.shape("there is no data"))?;
        Ok((data, answer))
    }
}

fn reset_of(answer: &Answer) -> Option<Timestamp> {
    let seconds: i64 = answer.headers.get("x-ratelimit-reset")?.to_str().ok()?.parse().ok()?;
    Some(Timestamp(seconds.checked_mul(1000)?))
}

impl Connector for GitHub {
    fn kind(&self) -> HostKind {
        HostKind::GitHub
    }

    fn strategy(&self) -> Reply<'_, Strategy> {
        Box::pin(async { Ok(Strategy::WithListing) })
    }

    fn whoami(&self) -> Reply<'_, Whoami> {
        Box::pin(async {
            let answer = self.api.get("the token's account", &self.api.url("/user"), None).await?;
            let user: User = answer.parse()?;
            // Tokens of the fine-grained kind have no such header, and tell by refusing.
            let scopes = answer.headers.get("x-oauth-scopes").and_then(|value| value.to_str().ok());
            let missing = |scope: &str| {
                scopes.is_some_and(|scopes| !scopes.split(',').any(|known| known.trim() == scope))
            };
            let warn = |scope: &&str| format!("the token lacks the scope '{scope}'");
            let warnings = ["repo", "read:org"].iter().filter(|scope| missing(scope)).map(warn).collect();
            Ok(Whoami { login: user.login, warnings })
        })
    }

    fn repositories(&self, after: Option<Cursor>) -> Reply<'_, Page<HostRepository>> {
        Box::pin(async move {
            let variables = json!({ "n": N_PER_PAGE, "m": N_PER_PAGE, "after": after });
            let (data, answer): (Listing, _) = self.query("repositories", LIST, variables).await?;
            let list = data.viewer.repositories;
            let nodes = list.nodes.ok_or_else(|| answer.shape("the list is empty where it should not be"))?;
            let items: Option<Vec<_>> = nodes.into_iter().map(|node| node?.into_repository()).collect();
            let items = items.ok_or_else(|| answer.shape("a repository is incomplete"))?;
            Ok(Page { items, next: list.page_info.next(), total: list.total_count })
        })
    }

    fn accounts_of<'a>(
        &'a self,
        repository: &'a HostRepository,
        after: Option<Cursor>,
    ) -> Reply<'a, Page<AccountId>> {
        Box::pin(async move {
            let variables = json!({ "id": repository.handle, "m": N_PER_PAGE, "after": after });
            let (data, answer): (More, _) =
                self.query("a repository's collaborators", LIST_MORE_READERS, variables).await?;
            let node = data.node.filter(|node| node.database_id.to_string() == repository.id);
            let collaborators = node.and_then(|node| node.collaborators);
            let collaborators = collaborators.ok_or_else(|| answer.shape("the repository is not shown"))?;
            let next = collaborators.page_info.next();
            let items = collaborators.ids().and_then(|ids| account_ids(&ids));
            let items = items.ok_or_else(|| answer.shape("an account has no number"))?;
            Ok(Page { items, next, total: None })
        })
    }

    fn n_calls(&self) -> u64 {
        self.api.n_calls()
    }
}

#[derive(Deserialize)]
struct User {
    login: String,
}

#[derive(Deserialize)]
struct Graph<T> {
    data: Option<T>,
    errors: Option<Vec<GraphError>>,
}

#[derive(Deserialize)]
struct GraphError {
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Listing {
    viewer: Viewer,
}

#[derive(Deserialize)]
struct Viewer {
    repositories: Connection<Node>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Connection<T> {
    total_count: Option<u64>,
    page_info: PageInfo,
    nodes: Option<Vec<Option<T>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

impl PageInfo {
    fn next(&self) -> Option<Cursor> {
        self.end_cursor.clone().filter(|_| self.has_next_page)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    id: String,
    database_id: u64,
    name_with_owner: String,
    url: String,
    visibility: String,
    is_fork: bool,
    is_archived: bool,
    disk_usage: Option<u64>,
    stargazer_count: Option<u64>,
    description: Option<String>,
    collaborators: Option<Connection<Collaborator>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Collaborator {
    database_id: Option<u64>,
}

#[derive(Deserialize)]
struct More {
    node: Option<MoreNode>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MoreNode {
    database_id: u64,
    collaborators: Option<Connection<Collaborator>>,
}

impl Connection<Collaborator> {
    fn ids(self) -> Option<Vec<String>> {
        self.nodes?.into_iter().map(|node| Some(node?.database_id?.to_string())).collect()
    }
}

impl Node {
    fn into_repository(self) -> Option<HostRepository> {
        let readers = match self.collaborators {
            None => Readers::Unknown,
            Some(list) => match (list.page_info.next(), list.ids()?) {
                (None, ids) => Readers::All(ids),
                (Some(next), ids) => Readers::Some(ids, next),
            },
        };
        HostRepository {
            id: self.database_id.to_string(),
            handle: self.id,
            name: self.name_with_owner,
            clone_from: format!("{}.git", self.url),
            openness: match self.visibility.as_str() {
                "PUBLIC" => Openness::Public,
                // Whoever may read it is listed; who else is in the enterprise is not told.
                _ => Openness::Private,
            },
            fork: self.is_fork,
            archived: self.is_archived,
            size_bytes: self.disk_usage.map(|kib| kib.saturating_mul(1024)),
            n_stars: self.stargazer_count,
            description: self.description.unwrap_or_default(),
            readers,
        }
        .checked()
    }
}
