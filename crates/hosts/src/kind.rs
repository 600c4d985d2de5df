//! The kinds of code hosts.

use std::fmt;
use std::str::FromStr;

/// What a code host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostKind {
    /// GitHub, and GitHub Enterprise Server.
    GitHub,
    /// GitLab, its own or self-managed.
    GitLab,
    /// Gitea and Forgejo.
    Gitea,
    /// Bitbucket Cloud.
    BitbucketCloud,
    /// Bitbucket Data Center.
    BitbucketServer,
    /// Gerrit.
    Gerrit,
    /// Azure DevOps, services or server.
    AzureDevOps,
    /// gitolite, on this machine or over ssh.
    Gitolite,
    /// Addresses of repositories that git can fetch, without anything that would list them or tell who reads them.
    Git,
    /// A directory of repositories on this machine.
    Directory,
}

/// A word names no kind of code host.
#[derive(Debug, thiserror::Error)]
#[error("'{word}' is no kind of code host; write one of {}", known())]
pub struct UnknownKind {
    /// The word.
    pub word: String,
}

impl HostKind {
    /// All of them, the most used first.
    pub const ALL: [HostKind; 10] = [
        HostKind::GitHub,
        HostKind::GitLab,
        HostKind::Gitea,
        HostKind::BitbucketCloud,
        HostKind::BitbucketServer,
        HostKind::Gerrit,
        HostKind::AzureDevOps,
        HostKind::Gitolite,
        HostKind::Git,
        HostKind::Directory,
    ];

    /// The word that is stored and typed.
    pub fn as_str(self) -> &'static str {
        match self {
            HostKind::GitHub => "github",
            HostKind::GitLab => "gitlab",
            HostKind::Gitea => "gitea",
            HostKind::BitbucketCloud => "bitbucket-cloud",
            HostKind::BitbucketServer => "bitbucket-data-center",
            HostKind::Gerrit => "gerrit",
            HostKind::AzureDevOps => "azure-devops",
            HostKind::Gitolite => "gitolite",
            HostKind::Git => "git",
            HostKind::Directory => "directory",
        }
    }

    /// Its name for people.
    pub fn label(self) -> &'static str {
        match self {
            HostKind::GitHub => "GitHub",
            HostKind::GitLab => "GitLab",
            HostKind::Gitea => "Gitea or Forgejo",
            HostKind::BitbucketCloud => "Bitbucket Cloud",
            HostKind::BitbucketServer => "Bitbucket Data Center",
            HostKind::Gerrit => "Gerrit",
            HostKind::AzureDevOps => "Azure DevOps",
            HostKind::Gitolite => "gitolite",
            HostKind::Git => "Any git server",
            HostKind::Directory => "Directory on this machine",
        }
    }

    /// Whether it says who may read what. Where it does not, people are granted its repositories here.
    pub fn has_permissions(self) -> bool {
        !matches!(self, HostKind::Git | HostKind::Directory)
    }

    /// What identifies an account there: what is never given to somebody else.
    pub fn identifier(self) -> &'static str {
        match self {
            HostKind::GitHub => "the account's number, as in https://api.github.com/users/NAME",
            HostKind::GitLab | HostKind::Gitea | HostKind::Gerrit | HostKind::BitbucketServer => {
                "the account's number, not its name"
            }
            HostKind::BitbucketCloud => "the account's UUID with its braces, not its name",
            HostKind::AzureDevOps => "the identity's GUID, not its name or address",
            HostKind::Gitolite => "the user's name in gitolite's rules",
            HostKind::Git | HostKind::Directory => "none: people are granted its repositories here",
        }
    }

    /// Whether it is asked over HTTP with a token.
    pub fn has_token(self) -> bool {
        !matches!(self, HostKind::Gitolite | HostKind::Git | HostKind::Directory)
    }

    /// Whether it signs webhooks in a way that is documented.
    pub fn has_webhooks(self) -> bool {
        matches!(
            self,
            HostKind::GitHub
                | HostKind::GitLab
                | HostKind::Gitea
                | HostKind::BitbucketCloud
                | HostKind::BitbucketServer
        )
    }
}

impl fmt::Display for HostKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for HostKind {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let word = if word == "forgejo" { "gitea" } else { word };
        let found = HostKind::ALL.into_iter().find(|kind| kind.as_str() == word);
        found.ok_or_else(|| UnknownKind { word: word.chars().take(40).collect() })
    }
}

fn known() -> String {
    HostKind::ALL.map(HostKind::as_str).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back() {
        for kind in HostKind::ALL {
            assert_eq!(kind.as_str().parse::<HostKind>().unwrap(), kind);
        }
        assert_eq!("forgejo".parse::<HostKind>().unwrap(), HostKind::Gitea);
        assert!("svn".parse::<HostKind>().unwrap_err().to_string().contains("github, gitlab"));
    }
}
