//! The root of the schema.

use crate::execute::Budget;
use crate::lists::{Node, RepositoryConnection};
use crate::ordered::Ordered;
use crate::repository::Repository;
use crate::result::Search;
use crate::viewer::{Site, User};
use async_graphql::{Context, Enum, ID, Object, Result};
use compat::repository_of_id;
use compat::sourcegraph::Version;
use compat::{Backend, RepositoryOrder, RepositoryQuestion, SearchQuestion};
use model::RepoName;
use query::PatternType;
use std::sync::Arc;

/// How many results are found where a query has no `count:`, as this interface has always had it.
const RESULTS: usize = 30;
/// Most repositories in one list.
const REPOSITORIES_MAX: usize = 5_000;

/// The root.
pub(crate) struct Root;

/// The server of this request.
pub(crate) fn backend<'c>(context: &Context<'c>) -> Result<&'c Arc<dyn Backend>> {
    context.data::<Arc<dyn Backend>>()
}

/// What is left of this request's limits.
pub(crate) fn budget<'c>(context: &Context<'c>) -> Result<&'c Budget> {
    context.data::<Budget>()
}

/// A version of the search interface.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "SearchVersion")]
enum SearchVersion {
    V1,
    V2,
    V3,
}

/// How bare terms are read.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "SearchPatternType", rename_items = "lowercase")]
enum SearchPatternType {
    Standard,
    Literal,
    Regexp,
    Structural,
    Lucky,
    Keyword,
}

/// An order of repositories.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "RepositoryOrderBy")]
enum RepositoryOrderBy {
    #[graphql(name = "REPO_CREATED_AT")]
    RepoCreatedAt,
    #[graphql(name = "REPOSITORY_CREATED_AT")]
    RepositoryCreatedAt,
    #[graphql(name = "REPOSITORY_NAME")]
    RepositoryName,
    #[graphql(name = "REPOSITORY_URI")]
    RepositoryUri,
}

impl SearchPatternType {
    fn ours(self) -> PatternType {
        match self {
            SearchPatternType::Standard | SearchPatternType::Lucky => PatternType::Standard,
            SearchPatternType::Literal => PatternType::Literal,
            SearchPatternType::Regexp => PatternType::Regexp,
            SearchPatternType::Structural => PatternType::Structural,
            SearchPatternType::Keyword => PatternType::Keyword,
        }
    }
}

#[Object(name = "Query", serial)]
impl Root {
    /// Who is asking.
    async fn current_user(&self, context: &Context<'_>) -> Result<User> {
        Ok(User { data: backend(context)?.user() })
    }

    /// The server.
    async fn site(&self) -> Site {
        Site
    }

    /// A repository, by its name.
    async fn repository(
        &self,
        context: &Context<'_>,
        name: Option<String>,
        #[graphql(name = "cloneURL")] clone_url: Option<String>,
    ) -> Result<Option<Repository>> {
        budget(context)?.lookup()?;
        // SECURITY: a name that can be none, one that nobody has, and one that the caller may not know are one answer.
        let Some(Ok(name)) = name.or(clone_url.as_deref().map(name_of_url)).map(RepoName::new) else {
            return Ok(None);
        };
        Ok(backend(context)?.repository(name).await?.map(Repository::known))
    }

    /// Repositories.
    #[allow(clippy::too_many_arguments, reason = "it has as many in the interface")]
    async fn repositories(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        query: Option<String>,
        after: Option<String>,
        names: Option<Vec<String>>,
        #[graphql(default = true)] cloned: bool,
        #[graphql(default = true)] not_cloned: bool,
        #[graphql(default = true)] indexed: bool,
        #[graphql(default = true)] not_indexed: bool,
        #[graphql(default_with = "RepositoryOrderBy::RepositoryName")] order_by: RepositoryOrderBy,
        #[graphql(default = false)] descending: bool,
    ) -> Result<RepositoryConnection> {
        budget(context)?.lookup()?;
        let first = first.and_then(|first| usize::try_from(first).ok()).unwrap_or(REPOSITORIES_MAX);
        let order = match order_by {
            RepositoryOrderBy::RepositoryName | RepositoryOrderBy::RepositoryUri => RepositoryOrder::Name,
            _ => RepositoryOrder::Created,
        };
        let question = RepositoryQuestion {
            first: first.min(REPOSITORIES_MAX),
            after,
            query: query.filter(|query| !query.is_empty()),
            names,
            cloned: (cloned, not_cloned),
            indexed: (indexed, not_indexed),
            order,
            is_descending: descending,
        };
        Ok(RepositoryConnection { page: backend(context)?.repositories(question).await? })
    }

    /// Searches.
    async fn search(
        &self,
        context: &Context<'_>,
        #[graphql(default_with = "SearchVersion::V1")] version: SearchVersion,
        pattern_type: Option<SearchPatternType>,
        #[graphql(default)] query: String,
    ) -> Result<Option<Search>> {
        budget(context)?.search()?;
        let version = match version {
            SearchVersion::V1 => Version::V1,
            SearchVersion::V2 => Version::V2,
            SearchVersion::V3 => Version::V3,
        };
        let pattern_type = pattern_type.map_or_else(|| version.pattern_type(), SearchPatternType::ours);
        let question = SearchQuestion { query, pattern_type, display: RESULTS };
        let data = backend(context)?.search(question).await?;
        Ok(Some(Search { data: Arc::new(data) }))
    }

    /// What has this id.
    async fn node(&self, context: &Context<'_>, id: ID) -> Result<Option<Ordered<Node>>> {
        budget(context)?.lookup()?;
        let Some(name) = repository_of_id(&id) else { return Ok(None) };
        let found = backend(context)?.repository(name).await?;
        Ok(found.map(|data| Ordered(Node::Repository(Repository::known(data)))))
    }
}

/// The name a clone address most likely has here: host and path, without scheme, user and `.git`.
fn name_of_url(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    rest.trim_end_matches('/').trim_end_matches(".git").replacen(':', "/", 1)
}
