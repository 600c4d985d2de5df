//! The kinds of code hosts, each a thin client of what its documentation says.

mod azure;
mod bitbucket_cloud;
mod bitbucket_server;
mod gerrit;
mod gitea;
mod github;
mod gitlab;
mod gitolite;
mod local;

pub(crate) use azure::AzureDevOps;
pub(crate) use bitbucket_cloud::BitbucketCloud;
pub(crate) use bitbucket_server::BitbucketServer;
pub(crate) use gerrit::Gerrit;
pub(crate) use gitea::Gitea;
pub(crate) use github::GitHub;
pub(crate) use gitlab::GitLab;
pub(crate) use gitolite::Gitolite;
pub(crate) use local::{Directory, GitAddresses};
