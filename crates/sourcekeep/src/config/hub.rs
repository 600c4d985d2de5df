//! The hub that the server may make itself known to, and takes feeds from.

use super::networks;
use ::hub::HubAddress;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tlog::VerifyingKey;

/// The hub that the server may make itself known to, and takes feeds from. Nothing is fetched by itself, and nothing
/// sent but approved pings (`[pings]`).
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HubConfig {
    /// Its address, such as `https://hub.example.org`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    /// Its key, as `sourcekeep hub key` prints it there: what is not signed with it is not believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// Networks that are not public in which it may be, such as `10.0.0.0/8`.
    pub(crate) networks: Vec<String>,
}

impl HubConfig {
    /// The hub; `None` where none is configured, an error where it is not configured well. Without an address a hub is good for
    /// bundles.
    pub(crate) fn address(&self) -> Result<Option<HubAddress>, &'static str> {
        let Some(key) = &self.key else {
            let is_half = self.url.is_some();
            return if is_half {
                Err("needs hub.key: `sourcekeep hub key` prints it on the hub")
            } else {
                Ok(None)
            };
        };
        let key = VerifyingKey::from_text(key)
            .map_err(|_| "hub.key is no key: copy the line that `sourcekeep hub key` prints on the hub")?;
        let networks = networks(&self.networks)
            .map_err(|_| "hub.networks are none: write them as 10.0.0.0/8 or 127.0.0.1")?;
        Ok(Some(HubAddress { url: self.url.clone().unwrap_or_default(), key, networks }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_has_a_key() {
        let key = tlog::SigningKey::new("hub.example/hub", &[1; 32]).unwrap().verifying_key().to_text();
        let config = |url: Option<&str>, key: Option<&str>| HubConfig {
            url: url.map(str::to_owned),
            key: key.map(str::to_owned),
            networks: Vec::new(),
        };
        assert!(config(None, None).address().unwrap().is_none());
        assert!(config(Some("https://h"), None).address().is_err());
        assert!(config(Some("https://h"), Some("x")).address().is_err());
        assert_eq!(config(Some("https://h"), Some(&key)).address().unwrap().unwrap().url, "https://h");
        assert!(config(None, Some(&key)).address().unwrap().is_some());
    }
}
