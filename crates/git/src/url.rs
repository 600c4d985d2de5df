//! Where a remote repository is: parsed, checked against the allowed transports, and safe to print.

use crate::{Scheme, Schemes, Secret};
use model::RepoName;
use std::{
    fmt,
    path::{Component, Path, PathBuf},
};
use url::Url;

/// Longest address, in bytes: browsers and servers stop near 2,000, so no real remote is longer.
const URL_BYTES_MAX: usize = 2048;

/// A checked remote address. `Display` and `Debug` never show a credential.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteUrl {
    scheme: Scheme,
    clean: String,
    host: String,
    /// Decoded, without the slashes around it.
    path: String,
    secret: Option<Secret>,
}

/// Why a text is not a remote address we use. Messages never repeat what may hold a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Nothing was given.
    #[error("the address is empty; give one such as https://host/owner/name.git")]
    Empty,
    /// The address is longer than 2,048 bytes.
    #[error("the address has {n_bytes} bytes, more than the limit of {URL_BYTES_MAX}")]
    TooLong {
        /// Its length.
        n_bytes: usize,
    },
    /// White space, a control character or a backslash.
    #[error("the address holds white space, a control character or a backslash")]
    ForbiddenCharacter,
    /// A transport git knows and we refuse (`ext::`, `fd::`), or one nobody knows.
    #[error(
        "the transport '{transport}' is not supported; use https://, http://, ssh://, git:// or user@host:path"
    )]
    UnsupportedTransport {
        /// The transport, made printable, at most 20 characters.
        transport: String,
    },
    /// A supported transport that is not allowed here.
    #[error("addresses beginning with {scheme} are not allowed here")]
    SchemeNotAllowed {
        /// The transport.
        scheme: Scheme,
    },
    /// It is not of the form of an address at all.
    #[error(
        "this is not the address of a remote repository; use https://host/owner/name.git or user@host:path"
    )]
    NotAnAddress,
    /// The host is missing or not a host name.
    #[error("the host in the address is {fault}")]
    BadHost {
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The user name of an ssh address could be taken for an option or holds odd characters.
    #[error("the user name in the address is {fault}")]
    BadUser {
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The path is missing, or could be taken for an option.
    #[error("the path in the address is {fault}")]
    BadPath {
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A password where the transport has no use for one.
    #[error("addresses beginning with {scheme} cannot hold a password; for ssh use a key or an agent")]
    PasswordNotUsable {
        /// The transport.
        scheme: Scheme,
    },
    /// The address is fine, but no repository name can be made of it.
    #[error("no repository name can be made of the address ({reason}); give the repository a name")]
    NoName {
        /// What is wrong with the name that would have been made.
        reason: String,
    },
}

impl RemoteUrl {
    /// Parses and checks an address: `https://host/path`, `http://…`, `ssh://user@host/path`, `user@host:path`, `git://…`,
    /// and, only where `schemes` holds [`Scheme::File`], `file:///path` or an absolute path.
    pub fn parse(text: &str, schemes: Schemes) -> Result<Self, UrlError> {
        let text = text.trim_matches(' ');
        check_characters(text)?;
        let parsed = if let Some(transport) = helper_transport(text) {
            return Err(UrlError::UnsupportedTransport { transport: printable_start(transport) });
        } else if text.contains("://") {
            parse_url(text)?
        } else if text.starts_with('/') {
            parse_local(text)?
        } else {
            parse_scp_like(text)?
        };
        if schemes.allows(parsed.scheme) {
            Ok(parsed)
        } else {
            Err(UrlError::SchemeNotAllowed { scheme: parsed.scheme })
        }
    }

    /// Whether a text looks like an address rather than a local path: `a://…`, `a::…`, `user@host:path`. For command lines
    /// that take both; what looks like one may still fail to parse.
    pub fn looks_like_url(text: &str) -> bool {
        let before_slash = text.split('/').next().unwrap_or_default();
        let local = text.starts_with(['/', '.', '~']);
        !local && (text.contains("://") || helper_transport(text).is_some() || before_slash.contains(':'))
    }

    /// The transport.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host, lower case; empty for local paths.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The name a repository gets if nobody gives it one: `host/owner/name`, without `.git`; the last component alone for
    /// local paths.
    pub fn default_name(&self) -> Result<RepoName, UrlError> {
        let path = self.path.trim_end_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
        let name = match self.scheme {
            Scheme::File => path.rsplit('/').next().unwrap_or_default().to_owned(),
            _ => format!("{}/{}", self.host.trim_matches(['[', ']']), path.trim_start_matches(['~', '/'])),
        };
        RepoName::new(name).map_err(|source| UrlError::NoName { reason: source.to_string() })
    }

    /// The address without any credential. Parsing it again gives the same remote.
    pub fn without_credential(&self) -> &str {
        &self.clean
    }

    /// The credential that stood in the address or was given later.
    pub fn credential(&self) -> Option<&Secret> {
        self.secret.as_ref()
    }

    /// The same remote, to be reached with this credential. Only http and https have a use for one.
    pub fn with_credential(mut self, secret: Secret) -> Result<Self, UrlError> {
        match self.scheme {
            Scheme::Https | Scheme::Http => {
                self.secret = Some(secret);
                Ok(self)
            }
            scheme => Err(UrlError::PasswordNotUsable { scheme }),
        }
    }

    /// The host as git's credential helpers name it: with the port where it is not the transport's own.
    pub(crate) fn host_and_port(&self) -> String {
        let explicit = Url::parse(&self.clean).ok().and_then(|url| url.port());
        explicit.map_or_else(|| self.host.clone(), |port| format!("{}:{port}", self.host))
    }

    /// The TCP port that the address leads to.
    pub(crate) fn port(&self) -> Option<u16> {
        let explicit = Url::parse(&self.clean).ok().and_then(|url| url.port_or_known_default());
        explicit.or(match self.scheme {
            Scheme::Https => Some(443),
            Scheme::Http => Some(80),
            Scheme::Ssh => Some(22),
            Scheme::Git => Some(9418),
            Scheme::File => None,
        })
    }

    /// The local path of a [`Scheme::File`] address.
    pub(crate) fn local_path(&self) -> Option<PathBuf> {
        (self.scheme == Scheme::File).then(|| Path::new("/").join(&self.path))
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.clean)
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credential = if self.secret.is_some() { ", credential hidden" } else { "" };
        write!(formatter, "RemoteUrl({:?}{credential})", self.clean)
    }
}

fn check_characters(text: &str) -> Result<(), UrlError> {
    if text.is_empty() {
        return Err(UrlError::Empty);
    }
    if text.len() > URL_BYTES_MAX {
        return Err(UrlError::TooLong { n_bytes: text.len() });
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(UrlError::ForbiddenCharacter);
    }
    if text.starts_with('-') {
        return Err(UrlError::NotAnAddress);
    }
    Ok(())
}

/// The `ext` of `ext::…`: git would start `git-remote-ext`.
fn helper_transport(text: &str) -> Option<&str> {
    let (transport, _) = text.split_once("::")?;
    let is_name =
        transport.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.' | b'_'));
    (is_name && !transport.is_empty()).then_some(transport)
}

fn parse_url(text: &str) -> Result<RemoteUrl, UrlError> {
    let (name, _) = text.split_once("://").unwrap_or_default();
    let scheme = match name.to_ascii_lowercase().as_str() {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        "ssh" | "git+ssh" | "ssh+git" => Scheme::Ssh,
        "git" => Scheme::Git,
        "file" => Scheme::File,
        _ => return Err(UrlError::UnsupportedTransport { transport: printable_start(name) }),
    };
    let rest = &text[name.len()..];
    // The parser of the web's addresses would take `https:///host/path` for `https://host/path`.
    if scheme != Scheme::File && rest.starts_with(":///") {
        return Err(UrlError::BadHost { fault: "empty" });
    }
    let mut url = Url::parse(&format!("{}{rest}", scheme.as_str())).map_err(|fault| match fault {
        url::ParseError::EmptyHost => UrlError::BadHost { fault: "empty" },
        url::ParseError::InvalidPort => {
            UrlError::BadHost { fault: "followed by something that is not a port" }
        }
        _ => UrlError::BadHost { fault: "not a host name" },
    })?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(UrlError::BadPath { fault: "followed by a '?' or '#' part, which no repository has" });
    }
    let path =
        decoded(url.path()).ok_or(UrlError::BadPath { fault: "not UTF-8 or holds control characters" })?;
    if scheme == Scheme::File {
        if url.host_str().is_some_and(|host| !host.is_empty()) {
            return Err(UrlError::BadHost { fault: "not empty, as it must be after file://" });
        }
        return parse_local(&path);
    }
    let host = checked_host(url.host_str().unwrap_or_default())?;
    let path = checked_path(&path)?;
    let secret = take_userinfo(&mut url, scheme)?;
    Ok(RemoteUrl { scheme, clean: url.to_string(), host, path, secret })
}

/// Takes the user and password out of an http address; checks the user of an ssh address, which is no secret.
fn take_userinfo(url: &mut Url, scheme: Scheme) -> Result<Option<Secret>, UrlError> {
    let user = decoded(url.username()).ok_or(UrlError::ForbiddenCharacter)?;
    let password = match url.password() {
        Some(password) => Some(decoded(password).ok_or(UrlError::ForbiddenCharacter)?),
        None => None,
    };
    if user.is_empty() && password.is_none() {
        return Ok(None);
    }
    match scheme {
        Scheme::Https | Scheme::Http => {
            let cleared = url.set_username("").is_ok() && url.set_password(None).is_ok();
            if !cleared {
                return Err(UrlError::NotAnAddress);
            }
            Secret::new(user, password.unwrap_or_default()).map(Some)
        }
        _ if password.is_some() => Err(UrlError::PasswordNotUsable { scheme }),
        _ => {
            check_user(&user)?;
            Ok(None)
        }
    }
}

fn parse_local(text: &str) -> Result<RemoteUrl, UrlError> {
    let climbs = Path::new(text).components().any(|part| part == Component::ParentDir);
    if !text.starts_with('/') || climbs || text.trim_matches('/').is_empty() {
        return Err(UrlError::BadPath { fault: "not absolute, empty, or holds '..'" });
    }
    Ok(RemoteUrl {
        scheme: Scheme::File,
        clean: text.to_owned(),
        host: String::new(),
        path: text.trim_matches('/').to_owned(),
        secret: None,
    })
}

/// `user@host:path`. Without a user it could be anybody's misspelt path, but git reads it as ssh, so do we.
fn parse_scp_like(text: &str) -> Result<RemoteUrl, UrlError> {
    let colon = if text.contains('[') { text.find("]:").map(|at| at + 1) } else { text.find(':') };
    let Some((authority, path)) = colon.map(|at| (&text[..at], &text[at + 1..])) else {
        return Err(UrlError::NotAnAddress);
    };
    if authority.contains('/') {
        return Err(UrlError::NotAnAddress);
    }
    let first_part = path.split('/').next().unwrap_or_default();
    let host = match authority.rsplit_once('@') {
        // `user:password@host:path`, which ssh would take for the host `user`.
        None if first_part.contains('@') => {
            return Err(UrlError::PasswordNotUsable { scheme: Scheme::Ssh });
        }
        Some((user, host)) => {
            if user.contains(':') {
                return Err(UrlError::PasswordNotUsable { scheme: Scheme::Ssh });
            }
            check_user(user)?;
            host
        }
        None => authority,
    };
    let host = checked_host(host)?;
    let path = checked_path(path)?;
    Ok(RemoteUrl { scheme: Scheme::Ssh, clean: text.to_owned(), host, path, secret: None })
}

/// SECURITY: ssh takes a host or user that begins with '-' for an option (`-oProxyCommand=…` runs a program).
fn check_user(user: &str) -> Result<(), UrlError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'+');
    if user.is_empty() {
        return Err(UrlError::BadUser { fault: "empty" });
    }
    if user.starts_with('-') {
        return Err(UrlError::BadUser { fault: "beginning with '-', like an option" });
    }
    if !user.bytes().all(plain) {
        return Err(UrlError::BadUser { fault: "not made of letters, digits and . _ - +" });
    }
    Ok(())
}

fn checked_host(host: &str) -> Result<String, UrlError> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if host.is_empty() {
        return Err(UrlError::BadHost { fault: "empty" });
    }
    if host.starts_with('-') {
        return Err(UrlError::BadHost { fault: "beginning with '-', like an option" });
    }
    let is_host = match bare {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')),
    };
    if !is_host || host.len() > 253 {
        return Err(UrlError::BadHost { fault: "not a host name" });
    }
    Ok(host.to_ascii_lowercase())
}

fn checked_path(path: &str) -> Result<String, UrlError> {
    let trimmed = path.trim_matches('/');
    if trimmed.is_empty() {
        return Err(UrlError::BadPath { fault: "empty" });
    }
    if trimmed.starts_with('-') {
        return Err(UrlError::BadPath { fault: "beginning with '-', like an option" });
    }
    if trimmed.split('/').any(|part| part == "..") {
        return Err(UrlError::BadPath { fault: "climbing with '..'" });
    }
    Ok(trimmed.to_owned())
}

/// Percent-decodes; `None` where the result is not UTF-8 or holds control characters.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control))
}

fn printable_start(text: &str) -> String {
    text.chars().take(20).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, clean: &str, name: &str) {
        let all = Schemes::default().with(Scheme::File);
        let url = RemoteUrl::parse(text, all).unwrap();
        assert_eq!(url.without_credential(), clean);
        assert_eq!(url.default_name().unwrap().as_str(), name);
        let again = RemoteUrl::parse(clean, all).unwrap();
        assert_eq!((again.clean, again.host, again.path), (url.clean, url.host, url.path));
    }

    #[test]
    fn addresses_and_the_names_made_of_them() {
        check("https://example.org/o/n.git", "https://example.org/o/n.git", "example.org/o/n");
        check("https://Example.ORG:443/o/n/", "https://example.org/o/n/", "example.org/o/n");
        check("http://example.org:8080/n", "http://example.org:8080/n", "example.org/n");
        check("https://u:p@example.org/o/n", "https://example.org/o/n", "example.org/o/n");
        check("ssh://git@example.org:2222/o/n.git", "ssh://git@example.org:2222/o/n.git", "example.org/o/n");
        check("git@example.org:o/n.git", "git@example.org:o/n.git", "example.org/o/n");
        check("git@example.org:/srv/n.git", "git@example.org:/srv/n.git", "example.org/srv/n");
        check("ssh://git@example.org/~me/n", "ssh://git@example.org/~me/n", "example.org/me/n");
        check("git://example.org/n.git", "git://example.org/n.git", "example.org/n");
        check("file:///srv/git/n.git", "/srv/git/n.git", "n");
        check("/srv/git/n.git/", "/srv/git/n.git/", "n");
    }

    #[test]
    fn credentials_cannot_be_printed() {
        for text in ["https://me:hunter2@h/o/n", "https://hunter2@h/o/n", "https://me:hunter%32@h/o/n"] {
            let url = RemoteUrl::parse(text, Schemes::default()).unwrap();
            let printed = format!("{url} {url:?} {:?} {}", url.credential(), url.without_credential());
            assert!(!printed.contains("hunter"), "{printed}");
            let (user, password) = url.credential().unwrap().reveal();
            assert!(user == "hunter2" || password == "hunter2");
        }
        for text in
            ["ssh://me:hunter2@h/o/n", "me:hunter2@h:o/n", "https://me:hunter2@/o", "x://me:hunter2@h/"]
        {
            let error = RemoteUrl::parse(text, Schemes::default()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn local_paths_only_where_allowed() {
        for text in ["/srv/n", "file:///srv/n"] {
            let error = RemoteUrl::parse(text, Schemes::default()).unwrap_err();
            assert_eq!(error, UrlError::SchemeNotAllowed { scheme: Scheme::File });
        }
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_is_safe_to_hand_to_git(text in "([a-z]{1,5}(://|::|:))?[-a-z0-9@:/.%\\[\\]~\\PC]{0,40}") {
            let all = Schemes::default().with(Scheme::File);
            if let Ok(url) = RemoteUrl::parse(&text, all) {
                let clean = url.without_credential();
                prop_assert!(!clean.starts_with('-') && !clean.chars().any(|c| c.is_control() || c.is_whitespace()));
                prop_assert!(!url.host().starts_with('-') && url.host().is_ascii());
                prop_assert!(url.scheme() == Scheme::File || !url.host().is_empty());
                let again = RemoteUrl::parse(clean, all);
                prop_assert_eq!(again.as_ref().map(RemoteUrl::without_credential), Ok(clean));
                prop_assert_eq!(again.map(|again| again.host().to_owned()), Ok(url.host().to_owned()));
            }
        }
    }

    #[test]
    fn tells_addresses_from_paths() {
        for text in ["https://h/x", "ext::sh", "git@h:x", "h:x", "foo://"] {
            assert!(RemoteUrl::looks_like_url(text), "{text}");
        }
        for text in ["/a", "./a:b", "../a", "~/a", "code", "code/a:b"] {
            assert!(!RemoteUrl::looks_like_url(text), "{text}");
        }
    }
}
