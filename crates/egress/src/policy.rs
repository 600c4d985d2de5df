//! What may leave at all: the mode, and rules by purpose.

use crate::Purpose;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// How far the whole server may reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Whatever is configured.
    #[default]
    Open,
    /// Code hosts (their interfaces and git) and identity providers, whose hosts an administrator named, and nothing else.
    CodeHosts,
    /// Nothing.
    AirGapped,
}

impl Mode {
    /// All of them, the widest first.
    pub const ALL: [Mode; 3] = [Mode::Open, Mode::CodeHosts, Mode::AirGapped];

    /// Its name in settings and on pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Open => "open",
            Mode::CodeHosts => "code-hosts",
            Mode::AirGapped => "air-gapped",
        }
    }

    /// Whether connections of this purpose can be opened in this mode.
    pub fn allows(self, purpose: Purpose) -> bool {
        match self {
            Mode::Open => true,
            Mode::CodeHosts => {
                matches!(purpose, Purpose::CodeHost | Purpose::GitFetch | Purpose::IdentityProvider)
            }
            Mode::AirGapped => false,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A word is no mode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no egress mode: write 'open', 'code-hosts' or 'air-gapped'")]
pub struct UnknownMode(String);

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        let found = Mode::ALL.into_iter().find(|mode| mode.as_str() == text);
        found.ok_or_else(|| UnknownMode(text.chars().take(80).collect()))
    }
}

/// Hosts that are meant: one name or address, or all names below one (`*.example.org`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    name: String,
    with_those_below: bool,
}

/// A text names no hosts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' names no host: write a name or an address, or '*.example.org' for all names below one")]
pub struct BadHostPattern(String);

impl FromStr for HostPattern {
    type Err = BadHostPattern;

    fn from_str(text: &str) -> Result<Self, BadHostPattern> {
        let (name, with_those_below) = match text.strip_prefix("*.") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let is_host = url::Host::parse(name).is_ok() || name.parse::<std::net::Ipv6Addr>().is_ok();
        if !is_host || name.contains('*') || (with_those_below && name.parse::<std::net::IpAddr>().is_ok()) {
            return Err(BadHostPattern(text.chars().take(80).collect()));
        }
        let name = name.trim_matches(['[', ']']).to_ascii_lowercase();
        Ok(HostPattern { name, with_those_below })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.with_those_below { "*." } else { "" };
        write!(formatter, "{star}{}", self.name)
    }
}

impl HostPattern {
    fn matches(&self, host: &str) -> bool {
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        match self.with_those_below {
            true => host.strip_suffix(&self.name).is_some_and(|rest| rest.ends_with('.')),
            false => host == self.name,
        }
    }
}

/// What is said of one purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// The only hosts, where there are any.
    pub allow: Vec<HostPattern>,
    /// Hosts that are refused, even where they are allowed.
    pub deny: Vec<HostPattern>,
}

/// Mode and rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The mode.
    pub mode: Mode,
    /// Rules; a purpose without one goes wherever it is configured to.
    pub rules: BTreeMap<Purpose, Rule>,
}

/// The policy does not let something out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyRefused {
    /// The mode.
    #[error(
        "'{host}' is not connected to: with egress.mode = \"{mode}\" nothing leaves for the purpose '{purpose}'"
    )]
    Mode {
        /// Who was wanted.
        host: String,
        /// What for.
        purpose: Purpose,
        /// The mode.
        mode: Mode,
    },
    /// A rule names it.
    #[error("'{host}' is not connected to: the rule of egress for the purpose '{purpose}' denies it")]
    Denied {
        /// Who was wanted.
        host: String,
        /// What for.
        purpose: Purpose,
    },
    /// A rule does not name it.
    #[error("'{host}' is not connected to: the rule of egress for the purpose '{purpose}' does not name it")]
    NotAllowed {
        /// Who was wanted.
        host: String,
        /// What for.
        purpose: Purpose,
    },
}

impl Policy {
    /// Whether a connection of this purpose to this host may be opened.
    pub fn check(&self, purpose: Purpose, host: &str) -> Result<(), PolicyRefused> {
        let host_named = || host.to_owned();
        if !self.mode.allows(purpose) {
            return Err(PolicyRefused::Mode { host: host_named(), purpose, mode: self.mode });
        }
        let Some(rule) = self.rules.get(&purpose) else { return Ok(()) };
        if rule.deny.iter().any(|pattern| pattern.matches(host)) {
            return Err(PolicyRefused::Denied { host: host_named(), purpose });
        }
        if !rule.allow.is_empty() && !rule.allow.iter().any(|pattern| pattern.matches(host)) {
            return Err(PolicyRefused::NotAllowed { host: host_named(), purpose });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Vec<HostPattern> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn modes_narrow() {
        for purpose in Purpose::ALL {
            assert!(Mode::Open.allows(purpose));
            assert!(!Mode::AirGapped.allows(purpose));
        }
        assert!(Mode::CodeHosts.allows(Purpose::GitFetch) && !Mode::CodeHosts.allows(Purpose::OwnServer));
        for mode in Mode::ALL {
            assert_eq!(mode.as_str().parse(), Ok(mode));
        }
        assert!("airgapped".parse::<Mode>().unwrap_err().to_string().contains("air-gapped"));
    }

    #[test]
    fn rules_name_hosts() {
        let rule = Rule {
            allow: patterns(&["git.example.org", "*.corp.example"]),
            deny: patterns(&["x.corp.example"]),
        };
        let policy = Policy { mode: Mode::Open, rules: [(Purpose::GitFetch, rule)].into() };
        let check = |host| policy.check(Purpose::GitFetch, host);
        assert_eq!(check("git.example.org"), Ok(()));
        assert_eq!(check("GIT.example.org"), Ok(()));
        assert_eq!(check("a.b.corp.example"), Ok(()));
        assert!(matches!(check("corp.example"), Err(PolicyRefused::NotAllowed { .. })));
        assert!(matches!(check("evilcorp.example"), Err(PolicyRefused::NotAllowed { .. })));
        assert!(matches!(check("x.corp.example"), Err(PolicyRefused::Denied { .. })));
        assert!(matches!(check("git.example.org.evil.example"), Err(PolicyRefused::NotAllowed { .. })));
        assert_eq!(policy.check(Purpose::CodeHost, "anything.example"), Ok(()), "no rule, no limit");
    }

    #[test]
    fn patterns_are_hosts() {
        for good in ["a", "a.b", "10.0.0.1", "::1", "[::1]", "*.a.b"] {
            assert!(good.parse::<HostPattern>().is_ok(), "{good}");
        }
        for bad in ["", "*", "*.", "a.*", "https://a", "a/b", "*.10.0.0.1", "a b"] {
            assert!(bad.parse::<HostPattern>().is_err(), "{bad}");
        }
        let address: HostPattern = "::1".parse().unwrap();
        assert!(address.matches("[::1]"));
    }
}
