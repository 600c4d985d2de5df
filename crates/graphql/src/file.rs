//! A file.

use crate::commit::GitCommit;
use crate::repository::Repository;
use crate::root::{backend, budget};
use async_graphql::{Context, Object, Result, SimpleObject};
use compat::FileData;
use model::{ObjectId, RefName, RepoName};

/// A file of a commit.
#[derive(Clone)]
pub(crate) struct GitBlob {
    repo: RepoName,
    commit: ObjectId,
    refs: Vec<RefName>,
    path: Vec<u8>,
}

/// A place in a text.
#[derive(Clone, Copy, SimpleObject)]
#[graphql(serial)]
pub(crate) struct Position {
    /// From 0.
    pub(crate) line: i32,
    /// From 0.
    pub(crate) character: i32,
}

/// A stretch of a text; its end is not part of it.
#[derive(Clone, Copy, SimpleObject)]
#[graphql(serial)]
pub(crate) struct Range {
    pub(crate) start: Position,
    pub(crate) end: Position,
}

/// A place in a file.
#[derive(SimpleObject)]
#[graphql(serial)]
pub(crate) struct Location {
    pub(crate) resource: GitBlob,
    pub(crate) range: Option<Range>,
    pub(crate) url: String,
}

impl GitBlob {
    pub(crate) fn at(repo: &RepoName, commit: ObjectId, path: Vec<u8>) -> Self {
        GitBlob { repo: repo.clone(), commit, refs: Vec::new(), path }
    }

    pub(crate) fn found(repo: &RepoName, refs: &[RefName], commit: ObjectId, path: &[u8]) -> Self {
        GitBlob { repo: repo.clone(), commit, refs: refs.to_vec(), path: path.to_vec() }
    }

    /// Whether it is there and no folder.
    pub(crate) async fn exists(&self, context: &Context<'_>) -> Result<bool> {
        Ok(self.read(context).await?.is_some_and(|file| !file.is_directory))
    }

    async fn read(&self, context: &Context<'_>) -> Result<Option<FileData>> {
        budget(context)?.lookup()?;
        Ok(backend(context)?.file(self.repo.clone(), self.commit, self.path.clone()).await?)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }

    pub(crate) fn page(&self, context: &Context<'_>) -> Result<String> {
        Ok(backend(context)?.links().file(&self.repo, &self.refs, self.commit, &self.path))
    }
}

#[Object(serial)]
impl GitBlob {
    async fn path(&self) -> String {
        self.text()
    }

    async fn name(&self) -> String {
        let text = self.text();
        text.rsplit('/').next().unwrap_or("").to_owned()
    }

    async fn url(&self, context: &Context<'_>) -> Result<String> {
        self.page(context)
    }

    #[graphql(name = "canonicalURL")]
    async fn canonical_url(&self, context: &Context<'_>) -> Result<String> {
        Ok(backend(context)?.links().file(&self.repo, &[], self.commit, &self.path))
    }

    async fn repository(&self) -> Repository {
        Repository::named(&self.repo)
    }

    async fn commit(&self) -> GitCommit {
        GitCommit::with_id(&self.repo, self.commit)
    }

    async fn is_directory(&self, context: &Context<'_>) -> Result<bool> {
        Ok(self.read(context).await?.is_some_and(|file| file.is_directory))
    }

    async fn byte_size(&self, context: &Context<'_>) -> Result<i32> {
        let size = self.read(context).await?.map_or(0, |file| file.size_bytes);
        Ok(i32::try_from(size).unwrap_or(i32::MAX))
    }

    async fn binary(&self, context: &Context<'_>) -> Result<bool> {
        Ok(self.read(context).await?.is_some_and(|file| !file.is_directory && file.text.is_none()))
    }

    /// The text; empty where there is none to show.
    async fn content(&self, context: &Context<'_>) -> Result<String> {
        let text = self.read(context).await?.and_then(|file| file.text).unwrap_or_default();
        budget(context)?.content(text.len())?;
        Ok(text)
    }
}
