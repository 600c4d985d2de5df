//! Identifiers: newtypes, so that no bare integer or string crosses a crate border.

use std::fmt;

/// Identifies a repository inside one data directory. Never shown to a person: responses name repositories by
/// [`RepoName`], so that a gap in the numbering tells nobody that something is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoId(pub u32);

/// Identifies an account inside one data directory. Never shown to another person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub i64);

/// Why a text is not an identifier of the asked kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is not 40 lower- or upper-case hexadecimal digits.
    #[error("'{text}' is not an object id: 40 hexadecimal digits are expected")]
    NotAnObjectId {
        /// The refused text, cut to 80 characters.
        text: String,
    },
    /// The text cannot name a repository.
    #[error("'{name}' cannot name a repository: {reason}")]
    BadRepoName {
        /// The refused name, with control characters replaced, cut to 200 characters.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The text cannot name a ref (git-check-ref-format(1)).
    #[error("'{name}' cannot name a ref: {reason}")]
    BadRefName {
        /// The refused name, with control characters replaced, cut to 200 characters.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// The id of a git object: a SHA-1, 20 bytes. Printed as 40 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(pub [u8; 20]);

impl ObjectId {
    /// The all-zero id that git uses for "no object".
    pub const NULL: ObjectId = ObjectId([0; 20]);

    /// Parses exactly 40 hexadecimal digits of either case.
    pub fn from_hex(text: &str) -> Result<Self, IdError> {
        let refused = || IdError::NotAnObjectId { text: printable(text, 80) };
        let digits = text.as_bytes();
        if digits.len() != 40 {
            return Err(refused());
        }
        let mut bytes = [0u8; 20];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let (high, low) = (hex_value(pair[0]), hex_value(pair[1]));
            *byte = match (high, low) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(refused()),
            };
        }
        Ok(ObjectId(bytes))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(formatter, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The name of a repository, such as `github.com/owner/name` or `group/tool`: 1 to 200 bytes of slash-separated
/// components, none empty, `.` or `..`, no control characters, no `@`, no `:`, no white space, no backslash, not
/// beginning with `-`, and no component that is just `-` (that one separates name and page in URLs).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoName(String);

impl RepoName {
    /// Longest name, in bytes: it must fit a URL beside a path and a revision.
    pub const BYTES_MAX: usize = 200;

    /// Checks and wraps a name.
    pub fn new(name: impl Into<String>) -> Result<Self, IdError> {
        let name = name.into();
        match repo_name_fault(&name) {
            None => Ok(RepoName(name)),
            Some(reason) => Err(IdError::BadRepoName { name: printable(&name, 200), reason }),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepoName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn repo_name_fault(name: &str) -> Option<&'static str> {
    let forbidden =
        |c: char| c.is_control() || c.is_whitespace() || matches!(c, '@' | ':' | '\\' | '?' | '#' | '%');
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.len() > RepoName::BYTES_MAX {
        return Some("it is longer than 200 bytes");
    }
    if name.starts_with('-') {
        return Some("it begins with '-'");
    }
    if name.chars().any(forbidden) {
        return Some("it holds white space, a control character or one of @ : \\ ? # %");
    }
    if name.split('/').any(|part| part.is_empty() || part == "." || part == ".." || part == "-") {
        return Some("a component is empty, '.', '..' or '-'");
    }
    None
}

/// The full name of a ref, such as `refs/heads/main`, or `HEAD`: valid under git-check-ref-format(1), UTF-8, at most
/// 1,024 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RefName(String);

impl RefName {
    /// Checks and wraps a full ref name: it begins with `refs/`, or is `HEAD`.
    pub fn new(name: impl Into<String>) -> Result<Self, IdError> {
        let name = name.into();
        match ref_name_fault(&name) {
            None => Ok(RefName(name)),
            Some(reason) => Err(IdError::BadRefName { name: printable(&name, 200), reason }),
        }
    }

    /// The full name, such as `refs/heads/main`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name people use: without `refs/heads/` or `refs/tags/`.
    pub fn short(&self) -> &str {
        let name = self.0.as_str();
        name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/tags/")).unwrap_or(name)
    }
}

impl fmt::Display for RefName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn ref_name_fault(name: &str) -> Option<&'static str> {
    let forbidden = |c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    if name != "HEAD" && !name.starts_with("refs/") {
        return Some("it does not begin with 'refs/'");
    }
    if name.len() > 1024 {
        return Some("it is longer than 1,024 bytes");
    }
    if name.chars().any(forbidden) || name.contains("@{") || name.contains("..") {
        return Some("it holds a space, a control character, '..', '@{' or one of ~ ^ : ? * [ \\");
    }
    let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
    if name.ends_with('.') || name.split('/').any(bad_part) {
        return Some("a component is empty, begins with '.', or ends with '.' or '.lock'");
    }
    None
}

fn hex_value(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
}

/// Makes hostile text safe to put in a message: control characters become U+FFFD and the rest is cut.
fn printable(text: &str, n_chars_max: usize) -> String {
    text.chars().take(n_chars_max).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_id_prints_what_it_parsed() {
        let hex = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(ObjectId::from_hex(hex).map(|id| id.to_string()), Ok(hex.to_string()));
        assert_eq!(ObjectId::from_hex(&hex.to_uppercase()).map(|id| id.to_string()), Ok(hex.to_string()));
    }

    #[test]
    fn object_id_refuses_what_is_not_one() {
        for text in [
            "",
            "0123",
            "g123456789abcdef0123456789abcdef01234567",
            "é123456789abcdef0123456789abcdef0123456",
        ] {
            assert!(ObjectId::from_hex(text).is_err(), "{text}");
        }
    }

    #[test]
    fn repo_names() {
        for good in ["linux", "github.com/torvalds/linux", "group/.dotfiles", "a-b_c.d", "日本/語"] {
            assert!(RepoName::new(good).is_ok(), "{good}");
        }
        for bad in
            ["", "/a", "a/", "a//b", "..", "a/../b", "-a", "a b", "a\nb", "a@b", "a:b", "a/-/b", "a%2fb"]
        {
            assert!(RepoName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ref_names() {
        for good in ["HEAD", "refs/heads/main", "refs/tags/v1.0", "refs/heads/feature/é", "refs/heads/-x"] {
            assert!(RefName::new(good).is_ok(), "{good}");
        }
        for bad in [
            "main",
            "refs/heads/../../x",
            "refs/heads/a.lock",
            "refs/heads/a@{1}",
            "refs/heads/a b",
            "refs/",
            "refs/heads/a\u{1b}",
        ] {
            assert!(RefName::new(bad).is_err(), "{bad}");
        }
        assert_eq!(
            RefName::new("refs/heads/feature/x").map(|name| name.short().to_string()),
            Ok("feature/x".into())
        );
    }
}
