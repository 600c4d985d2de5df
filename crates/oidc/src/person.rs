//! Who came back from a provider, as far as its token proves it.

use access::Timestamp;

/// Longest subject (OpenID Connect Core 1.0 §2: at most 255 ASCII characters).
const SUBJECT_BYTES_MAX: usize = 255;
/// Longest of what is only shown.
const LABEL_CHARS_MAX: usize = 100;
/// Longest address (RFC 5321 §4.5.3.1).
const ADDRESS_BYTES_MAX: usize = 254;

/// Whether a text can be what a provider calls somebody for ever.
pub fn is_subject(text: &str) -> bool {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    !text.trim().is_empty() && text.len() <= SUBJECT_BYTES_MAX && is_plain
}

/// Who came back. SECURITY: only `subject`, with the issuer, says who somebody is; names and addresses move from one person
/// to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// What the provider calls them, for ever.
    pub subject: String,
    /// What they are called there; to show, and to name a new account after.
    pub name: Option<String>,
    /// Their address, where the provider verified it.
    pub verified_address: Option<String>,
    /// When they proved there who they are, where the provider tells.
    pub proved_at: Option<Timestamp>,
    /// Whether that counts as a sign-in with a second factor.
    pub has_second_factor: bool,
}

impl Person {
    /// What to show of them: the name, else the address.
    pub fn label(&self) -> String {
        let label = self.name.as_deref().or(self.verified_address.as_deref()).unwrap_or_default();
        shown(label)
    }

    /// The domain of the verified address.
    pub fn domain(&self) -> Option<&str> {
        self.verified_address
            .as_deref()
            .and_then(|address| address.rsplit_once('@'))
            .map(|(_, domain)| domain)
    }
}

/// A text without control characters, cut to what is shown.
pub(crate) fn shown(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(LABEL_CHARS_MAX).collect()
}

/// An address that can be one, in lower case.
pub(crate) fn address(text: &str) -> Option<String> {
    let is_odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';' | '"');
    let (local, domain) = text.split_once('@')?;
    let fits = !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !text.contains(is_odd);
    (fits && text.len() <= ADDRESS_BYTES_MAX).then(|| text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_whole_or_none() {
        assert_eq!(address("Ada@Example.org").as_deref(), Some("ada@example.org"));
        for bad in ["", "ada", "@example.org", "ada@", "a@b@c", "ada@example.org, eve@evil", "a b@c", "a@c\n"]
        {
            assert_eq!(address(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_shown_is_short_and_plain() {
        assert_eq!(shown("  Ada\u{1b}[2J\n"), "Ada[2J");
        assert_eq!(shown(&"x".repeat(500)).len(), LABEL_CHARS_MAX);
    }
}
