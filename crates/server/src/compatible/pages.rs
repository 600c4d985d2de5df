//! The addresses of our pages, and what is said of repositories.

use crate::links;
use compat::Links;
use compat::sourcegraph::RepoFacts;
use model::{AccessSet, ObjectId, RefName, RepoName};
use search::{Snapshot, Visibility};

/// The addresses of our pages.
pub(crate) struct Pages;

impl Links for Pages {
    fn file(&self, repo: &RepoName, refs: &[RefName], commit: ObjectId, path: &[u8]) -> String {
        links::match_link(repo, refs, commit, path)
    }

    fn folder(&self, repo: &RepoName, refs: &[RefName], commit: ObjectId, path: &[u8]) -> String {
        links::path_link(repo, links::match_rev(refs, commit).as_deref(), "tree", path)
    }

    fn commit(&self, repo: &RepoName, commit: ObjectId) -> String {
        links::commit_link(repo, commit)
    }

    fn repo(&self, repo: &RepoName) -> String {
        links::repo_link(repo, None)
    }
}

/// What is said of a repository that the caller may read.
pub(crate) fn facts_of(snapshot: &Snapshot, access: &AccessSet, name: &RepoName) -> RepoFacts {
    let Some(index) = snapshot.repo(access, name.as_str()) else { return RepoFacts::default() };
    RepoFacts {
        description: index.about.description.clone(),
        fork: index.is_fork,
        archived: index.is_archived,
        private: index.visibility == Visibility::Private,
        metadata: index.about.metadata.clone(),
        topics: index.about.topics.clone(),
    }
}
