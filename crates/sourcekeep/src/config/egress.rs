//! What may leave the server.

use egress::{HostPattern, Mode, Policy, Purpose, Rule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What may leave the server.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EgressConfig {
    /// How far the whole server may reach.
    pub(crate) mode: EgressMode,
    /// Rules by purpose (`code-host`, `git-fetch`, `identity-provider`, `registration`, `advisory-feed`, `update-check`,
    /// `rule-feed`): which hosts may be connected to. A purpose without a
    /// rule goes wherever it is configured to.
    pub(crate) purposes: BTreeMap<String, EgressRule>,
}

/// How far the whole server may reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EgressMode {
    /// Wherever it is configured to.
    #[default]
    Open,
    /// To code hosts and identity providers, and nowhere else.
    CodeHosts,
    /// Nowhere; the kernel sees to it.
    AirGapped,
}

/// Which hosts one purpose may be connected to: names, addresses, or `*.example.org` for all names below one.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EgressRule {
    /// The only hosts; all where it is empty.
    pub(crate) allow: Vec<String>,
    /// Hosts that are refused, even where they are allowed.
    pub(crate) deny: Vec<String>,
}

impl EgressMode {
    /// The same, as the door out knows it.
    pub(crate) fn mode(self) -> Mode {
        match self {
            EgressMode::Open => Mode::Open,
            EgressMode::CodeHosts => Mode::CodeHosts,
            EgressMode::AirGapped => Mode::AirGapped,
        }
    }
}

impl EgressConfig {
    /// Whether nothing leaves, by the kernel's refusal.
    pub(crate) fn is_air_gapped(&self) -> bool {
        self.mode == EgressMode::AirGapped
    }

    /// Mode and rules; an error says which key to mend.
    pub(crate) fn policy(&self) -> Result<Policy, String> {
        let mut rules = BTreeMap::new();
        for (key, rule) in &self.purposes {
            let purpose = Purpose::from_key(key).ok_or_else(|| {
                let known: Vec<&str> = Purpose::ALL.iter().map(|purpose| purpose.key()).collect();
                format!("egress.purposes.{key}: there is no such purpose; there are {}", known.join(", "))
            })?;
            let hosts = |name: &str, texts: &[String]| {
                let parse = |text: &String| text.parse::<HostPattern>();
                let patterns = texts.iter().map(parse).collect::<Result<Vec<_>, _>>();
                patterns.map_err(|error| format!("egress.purposes.{key}.{name}: {error}"))
            };
            rules.insert(
                purpose,
                Rule { allow: hosts("allow", &rule.allow)?, deny: hosts("deny", &rule.deny)? },
            );
        }
        Ok(Policy { mode: self.mode.mode(), rules })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> Result<Policy, String> {
        toml::from_str::<EgressConfig>(text).map_err(|error| error.to_string())?.policy()
    }

    #[test]
    fn modes_and_rules_are_read() {
        assert_eq!(policy("").unwrap(), Policy::default());
        let read =
            policy("mode = \"code-hosts\"\n[purposes.git-fetch]\nallow = [\"*.example.org\"]").unwrap();
        assert_eq!(read.mode, Mode::CodeHosts);
        assert!(read.check(Purpose::GitFetch, "git.example.org").is_ok());
        assert!(read.check(Purpose::GitFetch, "example.com").is_err());
    }

    #[test]
    fn errors_name_the_key() {
        assert!(
            policy("[purposes.mail]").unwrap_err().contains("egress.purposes.mail: there is no such purpose")
        );
        let error = policy("[purposes.code-host]\ndeny = [\"https://a\"]").unwrap_err();
        assert!(error.starts_with("egress.purposes.code-host.deny: 'https://a' names no host"), "{error}");
        assert!(policy("mode = \"closed\"").unwrap_err().contains("air-gapped"));
    }
}
