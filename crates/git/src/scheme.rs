//! Transports, which of them are allowed, and the credential that some of them carry.

use crate::UrlError;
use std::fmt;
use zeroize::Zeroizing;

/// A transport git may use to reach a remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `https://`
    Https,
    /// `http://`
    Http,
    /// `ssh://` and `user@host:path`
    Ssh,
    /// `git://`
    Git,
    /// `file://` and absolute paths
    File,
}

/// Which transports are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schemes(u8);

/// A user name and a password or token for an http or https remote. It cannot be printed and is wiped
/// when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    user: Zeroizing<String>,
    password: Zeroizing<String>,
}

impl Secret {
    /// A user name and a password or token. Either may be empty. Refused where a control character is in them: they travel
    /// as lines.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Result<Self, UrlError> {
        let (user, password) = (user.into(), password.into());
        if user.chars().chain(password.chars()).any(char::is_control) {
            return Err(UrlError::ForbiddenCharacter);
        }
        Ok(Secret { user: user.into(), password: password.into() })
    }

    /// The user name, for the one place that hands it to git.
    pub(crate) fn reveal_user(&self) -> &str {
        &self.user
    }

    /// The password, for the one place that hands it to git.
    pub(crate) fn reveal_password(&self) -> &str {
        &self.password
    }

    /// The user name and the password, for the one place that stores them encrypted. Never print them.
    pub fn reveal(&self) -> (&str, &str) {
        (&self.user, &self.password)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(hidden)")
    }
}

impl Scheme {
    /// What git calls the transport (`protocol.<name>.allow`).
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Https => "https",
            Scheme::Http => "http",
            Scheme::Ssh => "ssh",
            Scheme::Git => "git",
            Scheme::File => "file",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://", self.as_str())
    }
}

impl Schemes {
    /// No transport.
    pub const NONE: Schemes = Schemes(0);

    /// This one too.
    pub const fn with(self, scheme: Scheme) -> Self {
        Schemes(self.0 | 1 << scheme as u8)
    }

    /// Whether this one is allowed.
    pub fn allows(self, scheme: Scheme) -> bool {
        self.0 & 1 << scheme as u8 != 0
    }
}

impl Default for Schemes {
    /// https, http, ssh and git; never `file`.
    fn default() -> Self {
        Schemes::NONE.with(Scheme::Https).with(Scheme::Http).with(Scheme::Ssh).with(Scheme::Git)
    }
}
