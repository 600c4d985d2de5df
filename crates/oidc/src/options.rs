//! What an operator says of a provider.

use crate::OptionsError;
use egress::IpNet;
use secrecy::SecretString;
use std::fmt;
use std::sync::Arc;
use url::{Host, Url};

/// Fetches a client secret when it is needed, so that a rotated one is used; the error is for the log.
pub type SecretSource = Arc<dyn Fn() -> Result<SecretString, String> + Send + Sync>;

/// What an operator says of a provider.
#[derive(Clone)]
pub struct ProviderOptions {
    /// Its word in addresses: 1 to 40 of `a`–`z`, `0`–`9`, `-`.
    pub id: String,
    /// What stands on its button.
    pub name: String,
    /// Its issuer, exactly as it calls itself.
    pub issuer: String,
    /// What it calls this server.
    pub client_id: String,
    /// What proves that; `None` for a client without a secret, whom PKCE alone protects.
    pub client_secret: Option<SecretSource>,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Networks that are not public in which it may be.
    pub networks: Vec<IpNet>,
    /// Whether a sign-in there counts as one with a second factor.
    pub second_factor: SecondFactorTrust,
    /// Who gets an account by signing in there.
    pub new_accounts: NewAccounts,
    /// The code host that it is, by id or name.
    pub code_host: Option<String>,
}

/// Whether a sign-in at a provider counts as one with a second factor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SecondFactorTrust {
    /// Never: the second step here follows where one is needed.
    #[default]
    Never,
    /// Always: the provider sees to it.
    Always,
    /// Where the token's `amr` or `acr` has one of these words (RFC 8176 lists such).
    Stated(Vec<String>),
}

/// Who gets an account by signing in at a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NewAccounts {
    /// Nobody: an account is invited or linked.
    #[default]
    Nobody,
    /// Whoever has a verified address at one of these domains.
    Domains(Vec<String>),
    /// Everybody whom the provider lets in.
    Anybody,
}

impl ProviderOptions {
    pub(crate) fn check(&self) -> Result<(), OptionsError> {
        let id = || self.id.chars().take(60).filter(|c| !c.is_control()).collect();
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=40).contains(&self.id.len()) || !self.id.bytes().all(fits) {
            return Err(OptionsError::BadId { id: id() });
        }
        if self.name.trim().is_empty() || self.name.chars().count() > 60 {
            return Err(OptionsError::BadName { id: id() });
        }
        if self.client_id.is_empty() {
            return Err(OptionsError::NoClientId { id: id() });
        }
        let issuer = Url::parse(&self.issuer).ok();
        match issuer.is_some_and(|url| url.scheme() == "http" && !is_this_machine(&url)) {
            true => Err(OptionsError::Unencrypted { id: id() }),
            false => Ok(()),
        }
    }
}

/// Whether an address leads to this machine, by its text alone.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl fmt::Debug for ProviderOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ProviderOptions({}, {})", self.id, self.issuer)
    }
}
