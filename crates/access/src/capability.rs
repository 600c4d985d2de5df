//! What a role allows: named capabilities, none of which reads code.

use std::fmt;
use std::str::FromStr;

macro_rules! capabilities {
    ($($(#[doc = $doc:literal])* $name:ident = $word:literal, $says:literal;)*) => {
        /// Something a role may allow.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Capability {
            $($(#[doc = $doc])* $name,)*
        }

        impl Capability {
            /// Every capability.
            pub const ALL: &'static [Capability] = &[$(Capability::$name,)*];

            /// The word people write. Stored with accounts: never change one.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Capability::$name => $word,)*
                }
            }

            /// What it allows, in a few words.
            pub fn says(self) -> &'static str {
                match self {
                    $(Capability::$name => $says,)*
                }
            }
        }
    };
}

capabilities! {
    /// Accounts, invitations, sessions and service accounts.
    ManageUsers = "manage_users", "make, change and shut accounts, and end their sessions";
    /// Roles, and who has which.
    ManageRoles = "manage_roles", "give roles that allow no more than one's own";
    /// Code hosts.
    ManageHosts = "manage_hosts", "connect code hosts";
    /// Which repositories there are.
    ManageRepositories = "manage_repositories", "add, describe and remove repositories";
    /// Who may read what.
    ManagePermissions = "manage_permissions", "grant, revoke, groups and path rules";
    /// The instance's settings and keys.
    ManageSettings = "manage_settings", "change settings and rotate keys";
    /// The audit log.
    ReadAudit = "read_audit", "read and write out the audit log";
    /// Access reviews.
    RunReviews = "run_reviews", "run access reviews";
    /// Emergency access.
    BreakGlass = "break_glass", "take emergency access to a repository, and end anybody's";
    /// Numbers about the whole server.
    ReadMetrics = "read_metrics", "see numbers about the whole server";
    /// Precise indexes of repositories that one may read.
    UploadPrecise = "upload_precise", "upload and remove precise indexes of repositories one may read";
}

/// A set of capabilities. As text: comma-separated words, in the order of [`Capability::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Capabilities(u32);

/// A word that is no capability.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no capability of this name: use {}", Capabilities::ALL)]
pub struct CapabilityError;

impl Capabilities {
    /// None.
    pub const NONE: Capabilities = Capabilities(0);
    /// Every one.
    pub const ALL: Capabilities = Capabilities((1 << Capability::ALL.len()) - 1);

    /// Exactly these.
    pub fn of(capabilities: impl IntoIterator<Item = Capability>) -> Self {
        Capabilities(capabilities.into_iter().fold(0, |bits, capability| bits | 1 << capability as u32))
    }

    /// Whether the capability is among them.
    pub fn contains(self, capability: Capability) -> bool {
        self.0 & (1 << capability as u32) != 0
    }

    /// Whether the other set holds all of these.
    pub fn is_within(self, other: Capabilities) -> bool {
        self.0 & !other.0 == 0
    }

    /// The capabilities, in the order of [`Capability::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.iter().copied().filter(move |capability| self.contains(*capability))
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.iter().map(Capability::as_str).collect();
        formatter.write_str(&words.join(","))
    }
}

impl FromStr for Capability {
    type Err = CapabilityError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let found = Capability::ALL.iter().copied().find(|capability| capability.as_str() == word);
        found.ok_or(CapabilityError)
    }
}

impl FromStr for Capabilities {
    type Err = CapabilityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        Ok(Capabilities::of(words.map(Capability::from_str).collect::<Result<Vec<_>, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_survive_their_words() {
        for set in [Capabilities::NONE, Capabilities::ALL, Capabilities::of([Capability::ReadAudit])] {
            assert_eq!(set.to_string().parse::<Capabilities>().unwrap(), set);
        }
        assert!("read_audit,root".parse::<Capabilities>().is_err());
        assert_eq!(Capabilities::ALL.iter().count(), Capability::ALL.len());
    }

    #[test]
    fn within() {
        let one = Capabilities::of([Capability::ReadAudit]);
        assert!(one.is_within(Capabilities::ALL) && Capabilities::NONE.is_within(one));
        assert!(!Capabilities::ALL.is_within(one));
    }
}
