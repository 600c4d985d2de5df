//! Account names.

use std::fmt;

/// An account's name: 1 to 64 of `a`–`z`, `0`–`9`, `.`, `_`, `-`, beginning with a letter or digit. Upper case is folded,
/// so that no two names look alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(String);

/// A text cannot name an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{text}' cannot name an account: use 1 to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit"
)]
pub struct UserNameError {
    /// The refused text, cut to 80 characters, control characters replaced.
    pub text: String,
}

impl UserName {
    /// Longest name, in bytes.
    pub const BYTES_MAX: usize = 64;

    /// Checks and folds a name.
    pub fn new(text: &str) -> Result<Self, UserNameError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let begins_well = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        if begins_well && text.len() <= Self::BYTES_MAX && text.bytes().all(allowed) {
            return Ok(UserName(text.to_ascii_lowercase()));
        }
        let printable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        Err(UserNameError { text: text.chars().take(80).map(printable).collect() })
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["ada", "a", "0x", "ada.lovelace-2_b"] {
            assert_eq!(UserName::new(good).unwrap().as_str(), good);
        }
        assert_eq!(UserName::new("Ada").unwrap(), UserName::new("ada").unwrap());
        for bad in ["", ".ada", "-ada", "ada lovelace", "ада", "a\0", "a,b", "a:b", "a@b", &"a".repeat(65)]
        {
            assert!(UserName::new(bad).is_err(), "{bad}");
        }
    }
}
