//! A repository.

use crate::commit::GitCommit;
use crate::root::{backend, budget};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use compat::RepositoryData;
use compat::opaque_id;
use model::RepoName;
use std::sync::Arc;

/// A repository: its name, and the rest once somebody asks for it.
#[derive(Clone)]
pub(crate) struct Repository {
    pub(crate) name: RepoName,
    pub(crate) data: Option<Arc<RepositoryData>>,
}

#[derive(SimpleObject)]
#[graphql(serial)]
pub(crate) struct Markdown {
    pub(crate) text: String,
    pub(crate) html: String,
}

#[derive(SimpleObject)]
#[graphql(serial)]
struct ExternalRepository {
    id: String,
    service_type: &'static str,
    #[graphql(name = "serviceID")]
    service_id: String,
}

#[derive(SimpleObject)]
#[graphql(serial)]
struct ExternalLink {
    url: String,
    service_type: Option<&'static str>,
    service_kind: Option<&'static str>,
}

#[derive(SimpleObject)]
#[graphql(serial)]
struct GitRef {
    id: ID,
    name: String,
    display_name: String,
    abbrev_name: String,
    url: String,
}

#[derive(SimpleObject)]
#[graphql(serial)]
struct KeyValuePair {
    key: String,
    value: Option<String>,
}

#[derive(SimpleObject)]
#[graphql(serial)]
struct MirrorInfo {
    cloned: bool,
    clone_in_progress: bool,
}

impl Repository {
    pub(crate) fn known(data: RepositoryData) -> Self {
        Repository { name: data.name.clone(), data: Some(Arc::new(data)) }
    }

    pub(crate) fn named(name: &RepoName) -> Self {
        Repository { name: name.clone(), data: None }
    }

    async fn data(&self, context: &Context<'_>) -> Result<Arc<RepositoryData>> {
        if let Some(data) = &self.data {
            return Ok(Arc::clone(data));
        }
        budget(context)?.lookup()?;
        let found = backend(context)?.repository(self.name.clone()).await?;
        // It was there a moment ago: what a result names may have been taken away since.
        found.map(Arc::new).ok_or_else(|| async_graphql::Error::new("repository not found"))
    }
}

/// Text as HTML shows it.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[Object(serial)]
impl Repository {
    async fn id(&self) -> ID {
        opaque_id("Repository", self.name.as_str()).into()
    }

    async fn name(&self) -> &str {
        self.name.as_str()
    }

    async fn url(&self, context: &Context<'_>) -> Result<String> {
        Ok(backend(context)?.links().repo(&self.name))
    }

    async fn label(&self, context: &Context<'_>) -> Result<Markdown> {
        let url = backend(context)?.links().repo(&self.name);
        let (name, href) = (escaped(self.name.as_str()), escaped(&url));
        Ok(Markdown {
            text: format!("[{}]({url})", self.name),
            html: format!("<a href=\"{href}\">{name}</a>"),
        })
    }

    async fn description(&self, context: &Context<'_>) -> Result<String> {
        Ok(self.data(context).await?.description.clone())
    }

    async fn created_at(&self, context: &Context<'_>) -> Result<String> {
        Ok(self.data(context).await?.created_at.clone())
    }

    async fn updated_at(&self, context: &Context<'_>) -> Result<Option<String>> {
        Ok(self.data(context).await?.updated_at.clone())
    }

    async fn is_fork(&self, context: &Context<'_>) -> Result<bool> {
        Ok(self.data(context).await?.is_fork)
    }

    async fn is_archived(&self, context: &Context<'_>) -> Result<bool> {
        Ok(self.data(context).await?.is_archived)
    }

    async fn is_private(&self, context: &Context<'_>) -> Result<bool> {
        Ok(self.data(context).await?.is_private)
    }

    async fn stars(&self) -> i32 {
        0
    }

    async fn viewer_can_administer(&self, context: &Context<'_>) -> Result<bool> {
        Ok(backend(context)?.user().is_administrator)
    }

    async fn topics(&self, context: &Context<'_>) -> Result<Vec<String>> {
        Ok(self.data(context).await?.topics.clone())
    }

    async fn key_value_pairs(&self, context: &Context<'_>) -> Result<Vec<KeyValuePair>> {
        let data = self.data(context).await?;
        let pair = |(key, value): (&String, &Option<String>)| KeyValuePair {
            key: key.clone(),
            value: value.clone(),
        };
        Ok(data.metadata.iter().map(pair).collect())
    }

    async fn external_repository(&self, context: &Context<'_>) -> Result<ExternalRepository> {
        let data = self.data(context).await?;
        Ok(ExternalRepository {
            id: opaque_id("ExternalRepository", self.name.as_str()),
            service_type: data.external.service_type,
            service_id: data.external.service_id.clone(),
        })
    }

    #[graphql(name = "externalURLs")]
    async fn external_urls(&self, context: &Context<'_>) -> Result<Vec<ExternalLink>> {
        let data = self.data(context).await?;
        let external = &data.external;
        let link = |url: &String| ExternalLink {
            url: url.clone(),
            service_type: Some(external.service_type),
            service_kind: None,
        };
        Ok(external.url.iter().map(link).collect())
    }

    async fn mirror_info(&self, context: &Context<'_>) -> Result<MirrorInfo> {
        let data = self.data(context).await?;
        Ok(MirrorInfo { cloned: data.is_cloned, clone_in_progress: !data.is_cloned })
    }

    async fn default_branch(&self, context: &Context<'_>) -> Result<Option<GitRef>> {
        let data = self.data(context).await?;
        let page = backend(context)?.links().repo(&self.name);
        Ok(data.default_branch.as_ref().map(|name| GitRef {
            id: opaque_id("GitRef", &format!("{}@{name}", self.name)).into(),
            name: name.to_string(),
            display_name: name.short().to_owned(),
            abbrev_name: name.short().to_owned(),
            url: format!("{page}@{}", name.short()),
        }))
    }

    /// The commit that a revision means; none where it means none.
    async fn commit(&self, context: &Context<'_>, rev: String) -> Result<Option<GitCommit>> {
        budget(context)?.lookup()?;
        let found = backend(context)?.commit(self.name.clone(), rev).await?;
        Ok(found.map(|data| GitCommit::known(&self.name, data)))
    }
}
