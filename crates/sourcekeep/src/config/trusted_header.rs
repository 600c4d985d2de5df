//! A proxy in front that signs people in: `[sign_in.trusted_header]`.

use super::networks;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use server::{TrustedHeader, TrustedHeaderError};

/// A proxy in front that has signed people in and names them in a header.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TrustedHeaderConfig {
    /// The header, such as `X-Signed-In-User`; none is believed where it is empty.
    pub(crate) name: String,
    /// Networks of the proxies that set it, such as `127.0.0.1/32`. Connections must come from there themselves.
    pub(crate) networks: Vec<String>,
    /// Where the header holds an id rather than the name of an account: what accounts are linked with (`sourcekeep user
    /// link --provider <issuer> --subject <id>`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) issuer: Option<String>,
    /// Whether signing in at the proxy counts as one with a second factor.
    pub(crate) second_factor: bool,
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustedHeaderConfigError {
    /// A network is none.
    #[error("'networks' must be networks such as 127.0.0.1/32")]
    Network,
    /// It cannot be used like that.
    #[error(transparent)]
    Header(#[from] TrustedHeaderError),
}

impl TrustedHeaderConfig {
    /// The header, where one is configured.
    pub(crate) fn header(&self) -> Result<Option<TrustedHeader>, TrustedHeaderConfigError> {
        if self.name.is_empty() && self.networks.is_empty() {
            return Ok(None);
        }
        let networks = networks(&self.networks).map_err(|_| TrustedHeaderConfigError::Network)?;
        Ok(Some(TrustedHeader::new(&self.name, networks, self.issuer.clone(), self.second_factor)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_the_world_is_not_trusted() {
        let header = |networks: &[&str]| {
            let networks = networks.iter().map(|net| (*net).to_owned()).collect();
            TrustedHeaderConfig { name: "X-User".into(), networks, ..TrustedHeaderConfig::default() }.header()
        };
        assert!(header(&["127.0.0.1"]).unwrap().is_some());
        for bad in [&[][..], &["0.0.0.0/0"], &["::/0"], &["everywhere"], &["127.0.0.1", "0.0.0.0/0"]] {
            assert!(header(bad).is_err(), "{bad:?}");
        }
        assert!(TrustedHeaderConfig::default().header().unwrap().is_none());
    }
}
