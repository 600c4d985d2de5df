//! How clients of other code search servers say who they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

/// What a request says of its sender. It holds a secret: it does not print.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    None,
    /// An access token.
    Token(String),
    /// Something that is never accepted.
    Refused,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Credential::None => "None",
            Credential::Token(_) => "Token(…)",
            Credential::Refused => "Refused",
        })
    }
}

impl Credential {
    /// Reads the one `Authorization` header, or else `?token=`: `token T`, `Bearer T`, or `Basic` with the token as the
    /// name or as the password.
    ///
    /// SECURITY: `token-sudo`, by which an administrator's token speaks for somebody else, is always refused: no token
    /// of ours may do that. Where a header is sent it alone counts.
    pub fn read(authorization: Option<&str>, query_string: &str) -> Self {
        let Some(header) = authorization else {
            let mut pairs = form_urlencoded::parse(query_string.as_bytes());
            let token = pairs.find(|(key, _)| key == "token").map(|(_, value)| value.into_owned());
            return token.map_or(Credential::None, Credential::Token);
        };
        let Some((scheme, rest)) = header.trim().split_once(' ') else { return Credential::Refused };
        match scheme.to_ascii_lowercase().as_str() {
            "token" | "bearer" => Credential::Token(rest.trim().to_owned()),
            "basic" => basic(rest.trim()),
            _ => Credential::Refused,
        }
    }
}

fn basic(encoded: &str) -> Credential {
    let text = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let Some(text) = text else { return Credential::Refused };
    let (name, password) = text.split_once(':').unwrap_or((&text, ""));
    let looks_like_one = |part: &str| part.starts_with("sk_");
    let token = if looks_like_one(password) && !looks_like_one(name) { password } else { name };
    Credential::Token(token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_clients_send() {
        let token = |text: &str| Credential::Token(text.into());
        for header in ["token sk_1", "Bearer sk_1", "bearer  sk_1", "TOKEN sk_1"] {
            assert_eq!(Credential::read(Some(header), ""), token("sk_1"), "{header}");
        }
        for pair in ["sk_1:", "sk_1", "sk_1:x", "anyone:sk_1"] {
            let header = format!("Basic {}", STANDARD.encode(pair));
            assert_eq!(Credential::read(Some(&header), ""), token("sk_1"), "{pair}");
        }
        assert_eq!(Credential::read(None, "q=a&token=sk_1"), token("sk_1"));
        assert_eq!(Credential::read(None, "q=a"), Credential::None);
        assert_eq!(Credential::read(Some("token sk_2"), "token=sk_1"), token("sk_2"));
    }

    #[test]
    fn what_is_refused() {
        let sudo = "token-sudo user=\"ada\",token=\"sk_1\"";
        for header in [sudo, "", "token", "Basic ?", "Basic /w==", "Digest x", "Negotiate x"] {
            assert_eq!(Credential::read(Some(header), "token=sk_1"), Credential::Refused, "{header}");
        }
        assert_eq!(format!("{:?}", Credential::Token("sk_1".into())), "Token(…)");
    }
}
