//! From what is stored of a code host to its connector.

use crate::api::{Api, Credential};
use crate::kinds::{
    AzureDevOps, BitbucketCloud, BitbucketServer, Directory, Gerrit, GitAddresses, GitHub, GitLab, Gitea,
    Gitolite,
};
use crate::{Connector, HostError, HostKind, HostSettings, SettingsError};
use access::Clock;
use egress::{ClientError, Destination, DestinationError, Egress, Limits, Purpose, Reach};
use git::{GitProgramOptions, GitoliteError, GitolitePlace, Schemes, UrlError};
use http::HeaderName;
use secrecy::{ExposeSecret as _, SecretString};
use std::path::PathBuf;
use std::sync::Arc;
use url::Url;

/// Azure DevOps tells of all repositories in one answer, some KiB each.
const LARGE_BODY_BYTES_MAX: usize = 256 << 20;
const BODY_BYTES_MAX: usize = 16 << 20;

/// What connectors are given rather than take.
#[derive(Clone)]
pub struct Surroundings {
    /// The way out.
    pub egress: Egress,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// How programs are found and let out.
    pub git: GitProgramOptions,
    /// Transports that git may use.
    pub schemes: Schemes,
}

/// A connector cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum OpenHostError {
    /// The address.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// The client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// gitolite.
    #[error(transparent)]
    Gitolite(#[from] GitoliteError),
    /// An address of a repository.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// There is no token.
    #[error("a code host of the kind '{kind}' needs a token")]
    NoToken {
        /// The kind.
        kind: HostKind,
    },
    /// The token cannot be sent.
    #[error("the token holds characters that no token has")]
    BadToken,
}

impl From<HostError> for OpenHostError {
    fn from(_: HostError) -> Self {
        OpenHostError::BadToken
    }
}

/// Checks the address of a code host, as it is written: what names are resolved to is checked when something is sent.
pub fn check_address(kind: HostKind, url: &str, settings: &HostSettings) -> Result<(), OpenHostError> {
    match kind {
        HostKind::Directory | HostKind::Git => {}
        HostKind::Gitolite => drop(GitolitePlace::parse(url)?),
        _ => {
            let networks = settings.parsed_networks()?;
            Destination::new(Purpose::CodeHost, url, networks, Reach::OwnOrigin)?;
        }
    }
    Ok(())
}

/// Makes the connector of a code host. Nothing is sent yet.
pub fn open(
    kind: HostKind,
    url: &str,
    settings: &HostSettings,
    token: Option<&SecretString>,
    around: &Surroundings,
) -> Result<Box<dyn Connector>, OpenHostError> {
    settings.check(kind, url)?;
    match kind {
        HostKind::Directory => return Ok(Box::new(Directory::new(PathBuf::from(url)))),
        HostKind::Git => return Ok(Box::new(GitAddresses::new(&settings.addresses, around.schemes)?)),
        HostKind::Gitolite => {
            let server = git::Gitolite::new(GitolitePlace::parse(url)?, around.git.clone())?;
            return Ok(Box::new(Gitolite::new(server)));
        }
        _ => {}
    }
    let token = token.ok_or(OpenHostError::NoToken { kind })?.expose_secret().to_owned();
    let http = Http { kind, settings, token, around };
    let given = Url::parse(url).map_err(|_| DestinationError::Malformed)?;
    Ok(match kind {
        HostKind::GitHub => {
            let (rest, graphql) = github_bases(&given);
            Box::new(GitHub::new(http.api(&rest)?, graphql, Arc::clone(&around.clock)))
        }
        HostKind::GitLab => Box::new(GitLab::new(http.api(&below(&given, "api/v4"))?)),
        HostKind::Gitea => Box::new(Gitea::new(http.api(&below(&given, "api/v1"))?)),
        HostKind::BitbucketCloud => {
            let workspace = settings.workspace.clone().unwrap_or_default();
            Box::new(BitbucketCloud::new(http.api(&bitbucket_base(&given))?, workspace))
        }
        HostKind::BitbucketServer => {
            Box::new(BitbucketServer::new(http.api(&below(&given, "rest/api/1.0"))?))
        }
        HostKind::Gerrit => Box::new(Gerrit::new(http.api(&below(&given, "a"))?, below(&given, "a"))),
        _ => Box::new(AzureDevOps::new(http.api(&below(&given, ""))?, http.api(&azure_identities(&given))?)),
    })
}

struct Http<'a> {
    kind: HostKind,
    settings: &'a HostSettings,
    token: String,
    around: &'a Surroundings,
}

impl Http<'_> {
    fn api(&self, base: &str) -> Result<Api, OpenHostError> {
        let networks = self.settings.parsed_networks()?;
        let destination = Destination::new(Purpose::CodeHost, base, networks, Reach::OwnOrigin)?
            .asked_by(&format!("{} interface", self.kind));
        let is_large = self.kind == HostKind::AzureDevOps;
        let body_bytes_max = if is_large { LARGE_BODY_BYTES_MAX } else { BODY_BYTES_MAX };
        let base = destination.base().clone();
        let client =
            self.around.egress.client(destination, Limits { body_bytes_max, ..Limits::default() })?;
        Ok(Api::new(client, base, Some(&self.credential()), Arc::clone(&self.around.clock))?)
    }

    fn credential(&self) -> Credential {
        let (token, account) = (self.token.clone(), self.settings.account.clone());
        match (self.kind, account) {
            (HostKind::GitLab, _) => Credential::Header(HeaderName::from_static("private-token"), token),
            (HostKind::Gitea, _) => Credential::Header(http::header::AUTHORIZATION, format!("token {token}")),
            (HostKind::AzureDevOps, _) => Credential::Basic(String::new(), token),
            (HostKind::Gerrit | HostKind::BitbucketCloud, Some(account)) => Credential::Basic(account, token),
            _ => Credential::Bearer(token),
        }
    }
}

fn below(url: &Url, path: &str) -> String {
    let base = url.as_str().trim_end_matches('/');
    if path.is_empty() { base.to_owned() } else { format!("{base}/{path}") }
}

/// GitHub's own interface has a host of its own; an Enterprise server has paths.
fn github_bases(url: &Url) -> (String, String) {
    match url.host_str() {
        Some("github.com" | "www.github.com" | "api.github.com") => {
            ("https://api.github.com".to_owned(), "https://api.github.com/graphql".to_owned())
        }
        _ => (below(url, "api/v3"), below(url, "api/graphql")),
    }
}

fn bitbucket_base(url: &Url) -> String {
    match url.host_str() {
        Some("bitbucket.org" | "api.bitbucket.org") => "https://api.bitbucket.org/2.0".to_owned(),
        _ => below(url, "2.0"),
    }
}

/// The services keep identities on another host; a server keeps them on its own.
fn azure_identities(url: &Url) -> String {
    match url.host_str() {
        Some("dev.azure.com") => format!("https://vssps.dev.azure.com{}", url.path().trim_end_matches('/')),
        _ => below(url, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases() {
        let url = |text: &str| Url::parse(text).unwrap();
        assert_eq!(github_bases(&url("https://github.com/")).1, "https://api.github.com/graphql");
        assert_eq!(github_bases(&url("https://git.corp/")).0, "https://git.corp/api/v3");
        assert_eq!(bitbucket_base(&url("https://bitbucket.org/")), "https://api.bitbucket.org/2.0");
        assert_eq!(azure_identities(&url("https://dev.azure.com/org/")), "https://vssps.dev.azure.com/org");
        assert_eq!(azure_identities(&url("https://tfs.corp/col")), "https://tfs.corp/col");
    }
}
