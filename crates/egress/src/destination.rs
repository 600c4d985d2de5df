//! Where a client may go, and what for.

use crate::SendError;
use crate::ledger::{INITIATOR_BYTES_MAX, line_of};
use ipnet::IpNet;
use std::fmt;
use url::{Host, Url};

/// What a connection is for. A closed list: what is not on it is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// The interface of a code host: repositories and permissions.
    CodeHost,
    /// git, which fetches a repository or lists what a remote has.
    GitFetch,
    /// An identity provider: discovery, keys, tokens.
    IdentityProvider,
    /// The owner's own server, asked by a proof that its owner runs.
    OwnServer,
    /// A hub that the server makes itself known to.
    Registration,
    /// A hub's advisories.
    AdvisoryFeed,
    /// A hub's list of releases.
    UpdateCheck,
    /// A hub's packs of rules.
    RuleFeed,
    /// The weekly ping: numbers of the register, to a hub.
    Ping,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Purpose; 9] = [
        Purpose::CodeHost,
        Purpose::GitFetch,
        Purpose::IdentityProvider,
        Purpose::OwnServer,
        Purpose::Registration,
        Purpose::AdvisoryFeed,
        Purpose::UpdateCheck,
        Purpose::RuleFeed,
        Purpose::Ping,
    ];

    /// Its name in logs, in the ledger and on pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Purpose::CodeHost => "code host",
            Purpose::GitFetch => "git fetch",
            Purpose::IdentityProvider => "identity provider",
            Purpose::OwnServer => "own server",
            Purpose::Registration => "registration",
            Purpose::AdvisoryFeed => "advisory feed",
            Purpose::UpdateCheck => "update check",
            Purpose::RuleFeed => "rule feed",
            Purpose::Ping => "ping",
        }
    }
}

impl Purpose {
    /// Its name in settings.
    pub fn key(self) -> &'static str {
        match self {
            Purpose::CodeHost => "code-host",
            Purpose::GitFetch => "git-fetch",
            Purpose::IdentityProvider => "identity-provider",
            Purpose::OwnServer => "own-server",
            Purpose::Registration => "registration",
            Purpose::AdvisoryFeed => "advisory-feed",
            Purpose::UpdateCheck => "update-check",
            Purpose::RuleFeed => "rule-feed",
            Purpose::Ping => "ping",
        }
    }

    /// Whether the bodies of its requests stand in the ledger word by word: numbers that this product itself tells, of nobody. Bodies
    /// of other purposes may hold credentials, or name people (a registration's contact), and the ledger forgets nothing: of
    /// them it holds a digest.
    pub fn is_shown_whole(self) -> bool {
        self == Purpose::Ping
    }

    /// The purpose of that name in settings.
    pub fn from_key(key: &str) -> Option<Purpose> {
        Purpose::ALL.into_iter().find(|purpose| purpose.key() == key)
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// How far requests and redirects may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To the destination's own origin (scheme, host, port) and nowhere else.
    OwnOrigin,
    /// To its own origin, and over https to public addresses that it names: an identity provider may keep its keys on
    /// another host.
    AnyPublic,
    /// Wherever a child's own configuration leads: ssh knows aliases. The networks are allowed for all of it.
    Aliases,
}

/// A place that an administrator configured.
#[derive(Clone, PartialEq, Eq)]
pub struct Destination {
    pub(crate) purpose: Purpose,
    pub(crate) base: Url,
    pub(crate) networks: Vec<IpNet>,
    pub(crate) reach: Reach,
    pub(crate) initiator: String,
}

/// A text is not the address of a destination.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// It is no address at all.
    #[error("the address cannot be read: write it as https://host or https://host/path")]
    Malformed,
    /// It holds something that an address of a destination must not.
    #[error(transparent)]
    Refused(#[from] SendError),
    /// It has a question mark or a hash.
    #[error("the address must end with its path: no '?' and no '#'")]
    NotABase,
}

impl Destination {
    /// A destination at this address, which may be in these networks although they are not public. Addresses of that host in
    /// other networks that are not public are refused.
    pub fn new(
        purpose: Purpose,
        base: &str,
        networks: Vec<IpNet>,
        reach: Reach,
    ) -> Result<Self, DestinationError> {
        let base = Url::parse(base).map_err(|_| DestinationError::Malformed)?;
        if base.query().is_some() || base.fragment().is_some() {
            return Err(DestinationError::NotABase);
        }
        let initiator = purpose.as_str().to_owned();
        let destination = Destination { purpose, base, networks, reach, initiator };
        destination.check(&destination.base)?;
        Ok(destination)
    }

    /// A machine that a child speaks to in a way of its own, such as git over ssh. `scheme` decides the port where none is
    /// given.
    pub fn machine(
        purpose: Purpose,
        scheme: &str,
        host: &str,
        port: Option<u16>,
        networks: Vec<IpNet>,
        reach: Reach,
    ) -> Result<Self, DestinationError> {
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let base =
            Url::parse(&format!("{scheme}://{host}{port}")).map_err(|_| DestinationError::Malformed)?;
        if base.host_str().is_none_or(str::is_empty) || !base.username().is_empty() {
            return Err(DestinationError::Malformed);
        }
        let initiator = purpose.as_str().to_owned();
        Ok(Destination { purpose, base, networks, reach, initiator })
    }

    /// The same, saying in the ledger who wants it, such as `code host 3`; longer texts are cut. No secret may be in it.
    pub fn asked_by(self, initiator: &str) -> Self {
        Destination { initiator: line_of(initiator, INITIATOR_BYTES_MAX), ..self }
    }

    /// Its address.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Its port: the one it names, or that of its scheme.
    pub(crate) fn port(&self) -> Option<u16> {
        let of_scheme = match self.base.scheme() {
            "ssh" => Some(22),
            "git" => Some(9418),
            _ => None,
        };
        self.base.port_or_known_default().or(of_scheme)
    }

    /// What it is for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Refuses an address that this destination does not lead to. Names are checked once more when they are resolved.
    pub(crate) fn check(&self, url: &Url) -> Result<(), SendError> {
        let own = url.origin() == self.base.origin();
        if !matches!(url.scheme(), "https" | "http") {
            return Err(SendError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(SendError::UserInfo);
        }
        if !own && self.reach != Reach::AnyPublic {
            return Err(SendError::OtherOrigin { origin: origin_of(url), own: origin_of(&self.base) });
        }
        if !own && url.scheme() == "http" {
            return Err(SendError::Unencrypted { origin: origin_of(url) });
        }
        match url.host() {
            Some(Host::Ipv4(address)) => self.judge(url, address.into()),
            Some(Host::Ipv6(address)) => self.judge(url, address.into()),
            // One machine has one name here: TLS, allowances and counts go by it.
            Some(Host::Domain(name)) if name.ends_with('.') => Err(SendError::TrailingDot),
            Some(Host::Domain(name)) if !name.is_empty() => Ok(()),
            _ => Err(SendError::NoHost),
        }
    }

    fn judge(&self, url: &Url, address: std::net::IpAddr) -> Result<(), SendError> {
        let host = url.host_str().unwrap_or_default();
        crate::resolve::judge_for(self, host, address).map_err(SendError::Address)
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Destination({}, {})", self.purpose, origin_of(&self.base))
    }
}

/// Scheme, host and port: what may be logged of an address.
pub(crate) fn origin_of(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(base: &str) -> Result<Destination, DestinationError> {
        Destination::new(Purpose::CodeHost, base, Vec::new(), Reach::OwnOrigin)
    }

    #[test]
    fn bases() {
        assert!(new("https://git.example.org/api/v3").is_ok());
        assert!(new("http://git.example.org").is_ok(), "whoever configures it has chosen");
        for bad in [
            "git.example.org",
            "ftp://git.example.org",
            "file:///etc/passwd",
            "https://ada:hunter2@git.example.org",
            "https://ada@git.example.org",
            "https://git.example.org./",
            "https://git.example.org/?a",
            "https://git.example.org/#a",
        ] {
            let message = new(bad).unwrap_err().to_string();
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn debugging_shows_no_path() {
        let shown = format!("{:?}", new("https://h/secret").unwrap());
        assert_eq!(shown, "Destination(code host, https://h)");
    }
}
