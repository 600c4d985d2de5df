//! What an administrator says of a code host beside its address and its token.

use crate::{Exclusion, ExclusionError, HostKind};
use egress::IpNet;
use git::{RemoteUrl, Schemes};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Addresses of one host of the kind that is only addresses.
const N_ADDRESSES_MAX: usize = 10_000;
const N_NETWORKS_MAX: usize = 64;

/// Everything but the address and the secrets; kept as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostSettings {
    /// Networks that are not public and in which the host may be, such as `10.1.0.0/16`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// The workspace (Bitbucket Cloud) whose repositories are meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// The account that the token belongs to, where it is sent as a password (Bitbucket Cloud, Gerrit).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The addresses of repositories, for a host that lists nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Which repositories are left out.
    #[serde(skip_serializing_if = "Exclusion::is_empty")]
    pub exclude: Exclusion,
}

/// Why settings do not fit.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// They cannot be read.
    #[error("the settings of this code host cannot be read: {reason}")]
    Unreadable {
        /// Why.
        reason: String,
    },
    /// A network is none.
    #[error("'{text}' is no network: write it as 10.1.0.0/16 or fd00:1::/32")]
    Network {
        /// What was given.
        text: String,
    },
    /// Something is missing that this kind needs.
    #[error("a code host of the kind '{kind}' needs {what}")]
    Missing {
        /// The kind.
        kind: HostKind,
        /// What.
        what: &'static str,
    },
    /// An address of a repository is none, or holds a credential.
    #[error("'{text}' is no address of a repository without a credential")]
    Address {
        /// What was given, cut short.
        text: String,
    },
    /// Too many.
    #[error("there are more than {n_max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        n_max: usize,
    },
    /// A rule of exclusion.
    #[error(transparent)]
    Exclusion(#[from] ExclusionError),
}

impl HostSettings {
    /// Reads what was stored.
    pub fn from_json(text: &str) -> Result<Self, SettingsError> {
        serde_json::from_str(text).map_err(|error| SettingsError::Unreadable { reason: error.to_string() })
    }

    /// What is stored.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }

    /// Checks that they fit a kind.
    pub fn check(&self, kind: HostKind, url: &str) -> Result<(), SettingsError> {
        self.parsed_networks()?;
        self.exclude.compile()?;
        let missing = |what| Err(SettingsError::Missing { kind, what });
        match kind {
            HostKind::BitbucketCloud if self.workspace.as_deref().unwrap_or_default().is_empty() => {
                missing("the name of a workspace")
            }
            HostKind::Gerrit if self.account.as_deref().unwrap_or_default().is_empty() => {
                missing("the name of the account that the password belongs to")
            }
            HostKind::Git if self.addresses.is_empty() => missing("addresses of repositories"),
            HostKind::Git => self.check_addresses(),
            HostKind::Directory if !Path::new(url).is_absolute() => missing("an absolute directory"),
            _ => Ok(()),
        }
    }

    /// The networks.
    pub(crate) fn parsed_networks(&self) -> Result<Vec<IpNet>, SettingsError> {
        if self.networks.len() > N_NETWORKS_MAX {
            return Err(SettingsError::TooMany { what: "networks", n_max: N_NETWORKS_MAX });
        }
        let parse = |text: &String| {
            let address = || text.trim().parse::<std::net::IpAddr>().map(IpNet::from).ok();
            let network = text.trim().parse().ok().or_else(address);
            network.ok_or_else(|| SettingsError::Network { text: text.chars().take(60).collect() })
        };
        self.networks.iter().map(parse).collect()
    }

    fn check_addresses(&self) -> Result<(), SettingsError> {
        if self.addresses.len() > N_ADDRESSES_MAX {
            return Err(SettingsError::TooMany { what: "addresses", n_max: N_ADDRESSES_MAX });
        }
        let is_good = |text: &str| {
            RemoteUrl::parse(text, Schemes::default()).is_ok_and(|url| url.credential().is_none())
        };
        match self.addresses.iter().find(|text| !is_good(text)) {
            // What stands before an `@` may be a secret.
            Some(bad) => {
                let shown = bad.rsplit('@').next().unwrap_or_default();
                Err(SettingsError::Address { text: shown.chars().take(80).collect() })
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_storage_and_unknown_ones_are_refused() {
        let settings = HostSettings { networks: vec!["10.0.0.0/8".into()], ..HostSettings::default() };
        assert_eq!(HostSettings::from_json(&settings.to_json()).unwrap(), settings);
        assert_eq!(HostSettings::default().to_json(), "{}");
        assert!(HostSettings::from_json("{\"network\":[]}").is_err());
    }

    #[test]
    fn they_are_checked() {
        let check = |settings: HostSettings, kind| settings.check(kind, "https://h");
        assert!(check(HostSettings::default(), HostKind::GitHub).is_ok());
        assert!(check(HostSettings::default(), HostKind::BitbucketCloud).is_err());
        assert!(check(HostSettings::default(), HostKind::Git).is_err());
        let networks = |text: &str| HostSettings { networks: vec![text.into()], ..Default::default() };
        assert!(check(networks("10.1.2.3"), HostKind::GitHub).is_ok());
        assert!(check(networks("10.0.0.0/33"), HostKind::GitHub).is_err());
        let addresses = |text: &str| HostSettings { addresses: vec![text.into()], ..Default::default() };
        assert!(check(addresses("https://h/a.git"), HostKind::Git).is_ok());
        let error = check(addresses("https://ada:hunter2@h/a.git"), HostKind::Git).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
        assert!(check(addresses("ext::sh -c x"), HostKind::Git).is_err());
    }
}
