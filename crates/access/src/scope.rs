//! What a token may be used for: which repositories, which verbs, until when.

use crate::Timestamp;
use ipnet::IpNet;
use model::{RepoId, RepoSet};
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A kind of thing a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// Search and read code.
    Read,
    /// Change what belongs to the user: add repositories, make tokens.
    Write,
    /// Use the administrator's role, where the user has it.
    Admin,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Verb; 3] = [Verb::Read, Verb::Write, Verb::Admin];

    /// The word people write.
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Read => "read",
            Verb::Write => "write",
            Verb::Admin => "admin",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A word that is no verb.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{word}' is not a verb: use read, write or admin")]
pub struct VerbError {
    /// The refused word, cut to 40 characters, control characters replaced.
    pub word: String,
}

impl FromStr for Verb {
    type Err = VerbError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Verb::ALL.into_iter().find(|verb| verb.as_str() == word).ok_or_else(|| VerbError {
            word: word.chars().take(40).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect(),
        })
    }
}

/// A set of verbs. As text: comma-separated words, in the order of [`Verb::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Verbs(u8);

impl Verbs {
    /// Every verb.
    pub const ALL: Verbs = Verbs(0b111);
    /// Reading alone.
    pub const READ: Verbs = Verbs(0b001);

    /// Exactly these.
    pub fn of(verbs: impl IntoIterator<Item = Verb>) -> Self {
        Verbs(verbs.into_iter().fold(0, |bits, verb| bits | 1 << verb as u8))
    }

    /// Whether the verb is among them.
    pub fn contains(self, verb: Verb) -> bool {
        self.0 & (1 << verb as u8) != 0
    }

    /// The verbs, in the order of [`Verb::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Verb> {
        Verb::ALL.into_iter().filter(move |verb| self.contains(*verb))
    }
}

impl fmt::Display for Verbs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.iter().map(Verb::as_str).collect();
        formatter.write_str(&words.join(","))
    }
}

impl FromStr for Verbs {
    type Err = VerbError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        Ok(Verbs::of(words.map(Verb::from_str).collect::<Result<Vec<_>, _>>()?))
    }
}

/// Which of the user's repositories are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepoScope {
    /// All of them, those granted later too.
    All,
    /// These at most. An empty set means none.
    Only(BTreeSet<RepoId>),
}

impl RepoScope {
    /// Whether a repository lies within.
    pub fn contains(&self, repo: RepoId) -> bool {
        match self {
            RepoScope::All => true,
            RepoScope::Only(repos) => repos.contains(&repo),
        }
    }

    /// What of a set lies within.
    pub fn narrow(&self, repos: RepoSet) -> RepoSet {
        match self {
            RepoScope::All => repos,
            RepoScope::Only(only) => only.iter().copied().filter(|repo| repos.contains(*repo)).collect(),
        }
    }
}

/// What a credential may be used for. It only ever narrows what its user may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Which repositories.
    pub repos: RepoScope,
    /// Which verbs.
    pub verbs: Verbs,
    /// From when on for nothing; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// From which networks; anywhere where none is named.
    pub addresses: Vec<IpNet>,
}

impl Scope {
    /// Everything its user may do, for as long as it lasts.
    pub const FULL: Scope =
        Scope { repos: RepoScope::All, verbs: Verbs::ALL, expires_at: None, addresses: Vec::new() };

    /// Whether it may be used from this address. One that is not known is in no network.
    pub fn allows_address(&self, address: Option<IpAddr>) -> bool {
        self.addresses.is_empty()
            || address.is_some_and(|address| {
                let address = address.to_canonical();
                self.addresses.iter().any(|network| network.contains(&address))
            })
    }

    /// Whether it is over at this moment.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_survive_their_words() {
        for text in ["", "read", "read,write", "read,write,admin", "admin"] {
            assert_eq!(text.parse::<Verbs>().unwrap().to_string(), text);
        }
        assert_eq!(" admin , read ".parse::<Verbs>().unwrap(), Verbs::of([Verb::Read, Verb::Admin]));
        assert_eq!("read,\u{1b}x".parse::<Verbs>().unwrap_err().word, "\u{fffd}x");
    }

    #[test]
    fn networks() {
        let scope = |networks: &[&str]| Scope {
            addresses: networks.iter().map(|network| network.parse().unwrap()).collect(),
            ..Scope::FULL
        };
        let allows = |scope: Scope, address: &str| scope.allows_address(address.parse().ok());
        assert!(allows(scope(&[]), "192.0.2.1") && allows(scope(&[]), "nowhere"));
        assert!(allows(scope(&["192.0.2.0/24"]), "192.0.2.7"));
        assert!(allows(scope(&["192.0.2.0/24"]), "::ffff:192.0.2.7"), "one address in two spellings");
        assert!(allows(scope(&["2001:db8::/32", "10.0.0.0/8"]), "10.1.2.3"));
        assert!(!allows(scope(&["192.0.2.0/24"]), "192.0.3.1"));
        assert!(!allows(scope(&["192.0.2.0/24"]), "nowhere"));
    }

    #[test]
    fn the_last_moment_is_outside() {
        let scope = Scope { expires_at: Some(Timestamp(10)), ..Scope::FULL };
        assert!(!scope.is_expired(Timestamp(9)) && scope.is_expired(Timestamp(10)));
        assert!(!Scope::FULL.is_expired(Timestamp(i64::MAX)));
    }
}
