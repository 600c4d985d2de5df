//! Identity providers in the configuration: `[sign_in.providers.<id>]`.

use super::{Environment, SecretRef};
use access::Clock;
use egress::{Egress, IpNet};
use oidc::{NewAccounts, OptionsError, Provider, ProviderOptions, SecondFactorTrust, SecretSource};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// An identity provider that people may sign in at (OpenID Connect).
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderConfig {
    /// What stands on its button; the id where not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// Its address, exactly as it calls itself: `https://login.example.org/realms/main`.
    pub(crate) issuer: String,
    /// What it calls this server.
    pub(crate) client_id: String,
    /// Reference to the secret that proves it (`file:/path` or `env:NAME`); none for a client that has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_secret: Option<SecretRef>,
    /// What is asked for beside `openid`.
    #[serde(default = "default_scopes")]
    pub(crate) scopes: Vec<String>,
    /// Networks that are not public in which it may be, such as `10.0.0.0/8`.
    #[serde(default)]
    pub(crate) networks: Vec<String>,
    /// Whether a sign-in there counts as one with a second factor.
    #[serde(default)]
    pub(crate) second_factor: SecondFactorConfig,
    /// With `second_factor = "stated"`: the words of a token's `amr` or `acr` that state one, such as `mfa`.
    #[serde(default)]
    pub(crate) second_factor_words: Vec<String>,
    /// Domains: whoever has a verified address at one of them gets an account by signing in. `*` is for everybody whom the
    /// provider lets in, address or not. None where accounts are invited or linked.
    #[serde(default)]
    pub(crate) new_accounts: Vec<String>,
    /// The code host that this provider is, by name or id: whoever signs in has their permissions there, too. For GitLab,
    /// Gitea and Forgejo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code_host: Option<String>,
}

/// Whether a sign-in at a provider counts as one with a second factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SecondFactorConfig {
    /// Never: the second step here follows where one is needed.
    #[default]
    Never,
    /// Where the token states one.
    Stated,
    /// Always.
    Always,
}

/// What is wrong with the providers of a configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProvidersError {
    /// One cannot be used.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// A network is none.
    #[error("the provider '{id}' has 'networks' that are none: write them as 10.0.0.0/8 or 127.0.0.1")]
    Network {
        /// Which provider.
        id: String,
    },
    /// Nothing states a second factor.
    #[error(
        "the provider '{id}' needs 'second_factor_words', such as [\"mfa\"], for second_factor = \"stated\""
    )]
    NoWords {
        /// Which provider.
        id: String,
    },
}

/// The providers, ready to be asked. None of them is asked yet.
pub(crate) fn providers(
    configured: &BTreeMap<String, ProviderConfig>,
    environment: &Environment,
    egress: &Egress,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<Arc<Provider>>, ProvidersError> {
    let mut made: Vec<Arc<Provider>> = Vec::new();
    for (id, config) in configured {
        let provider = Provider::new(config.options(id, environment)?, egress, Arc::clone(clock))?;
        let same = made.iter().find(|other| other.options().issuer == provider.options().issuer);
        if let Some(other) = same {
            let other = other.options().id.clone();
            return Err(OptionsError::SameIssuer { id: id.clone(), other }.into());
        }
        made.push(Arc::new(provider));
    }
    Ok(made)
}

impl ProviderConfig {
    fn options(&self, id: &str, environment: &Environment) -> Result<ProviderOptions, ProvidersError> {
        let networks = networks(&self.networks).map_err(|_| ProvidersError::Network { id: id.to_owned() })?;
        let second_factor = match self.second_factor {
            SecondFactorConfig::Never => SecondFactorTrust::Never,
            SecondFactorConfig::Always => SecondFactorTrust::Always,
            SecondFactorConfig::Stated if self.second_factor_words.is_empty() => {
                return Err(ProvidersError::NoWords { id: id.to_owned() });
            }
            SecondFactorConfig::Stated => SecondFactorTrust::Stated(self.second_factor_words.clone()),
        };
        let new_accounts = match self.new_accounts.as_slice() {
            [] => NewAccounts::Nobody,
            domains if domains.iter().any(|domain| domain == "*") => NewAccounts::Anybody,
            domains => NewAccounts::Domains(domains.to_vec()),
        };
        let secret = |reference: &SecretRef| -> SecretSource {
            let (reference, environment) = (reference.clone(), environment.clone());
            Arc::new(move || reference.resolve(&environment).map_err(|error| error.to_string()))
        };
        Ok(ProviderOptions {
            id: id.to_owned(),
            name: self.name.clone().unwrap_or_else(|| id.to_owned()),
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.as_ref().map(secret),
            scopes: self.scopes.clone(),
            networks,
            second_factor,
            new_accounts,
            code_host: self.code_host.clone(),
        })
    }
}

/// Networks as they are written; an address alone is a network of one.
pub(crate) fn networks(texts: &[String]) -> Result<Vec<IpNet>, ipnet::AddrParseError> {
    let net = |text: &String| match text.parse::<IpAddr>() {
        Ok(address) => Ok(IpNet::from(address)),
        Err(_) => text.parse::<IpNet>(),
    };
    texts.iter().map(net).collect()
}

fn default_scopes() -> Vec<String> {
    vec!["profile".to_owned(), "email".to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(toml: &str) -> Result<Vec<Arc<Provider>>, String> {
        let configured: BTreeMap<String, ProviderConfig> =
            toml::from_str(toml).map_err(|error| error.message().to_owned())?;
        let clock: Arc<dyn Clock> = Arc::new(access::SystemClock);
        providers(&configured, &Environment::default(), &Egress::unrecorded(), &clock)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_provider_takes_three_lines() {
        let made = made("[work]\nissuer = \"https://login.example.org\"\nclient_id = \"keep\"").unwrap();
        let options = made[0].options();
        assert_eq!((options.id.as_str(), options.name.as_str()), ("work", "work"));
        assert_eq!(options.scopes, ["profile", "email"]);
        assert_eq!(
            (&options.second_factor, &options.new_accounts),
            (&SecondFactorTrust::Never, &NewAccounts::Nobody)
        );
    }

    #[test]
    fn what_cannot_be_is_refused_in_words() {
        let base = "issuer = \"https://login.example.org\"\nclient_id = \"keep\"\n";
        for (toml, words) in [
            (format!("[work]\n{base}second_factor = \"stated\""), "second_factor_words"),
            (format!("[work]\n{base}networks = [\"intranet\"]"), "networks"),
            (format!("[work]\n{base}client_secret = \"hunter2\""), "by reference"),
            (format!("[work]\n{base}colour = \"red\""), "unknown field"),
            (format!("[a]\n{base}[b]\n{base}"), "same issuer"),
            ("[work]\nissuer = \"http://login.example.org\"\nclient_id = \"keep\"".into(), "https://"),
            ("[Work]\nissuer = \"https://login.example.org\"\nclient_id = \"keep\"".into(), "id"),
        ] {
            let refused = made(&toml).unwrap_err();
            assert!(refused.contains(words) && !refused.contains("hunter2"), "{toml}: {refused}");
        }
    }
}
