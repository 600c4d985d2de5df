//! Addresses of pages about repositories: built and taken apart in one place.
//!
//! `/r/<repo>[@<rev>]/-/<page>/<path>`: the name of a repository holds slashes but no component that is just `-`, and no
//! `@`, so both separators are unambiguous. The revision and the path are percent-encoded; a revision's component that
//! is just `-` is written `%2D`. Paths are arbitrary bytes. A path that a browser would rewrite (`.` and `..` components)
//! stands in the query string instead (`?path=`).

use model::{ObjectId, RefName, RepoName};
use percent::{decode, encode};

/// Where a repository's page or resource is, taken from an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RepoAddress {
    /// The repository's name.
    pub(crate) repo: RepoName,
    /// The revision as written, if one is.
    pub(crate) rev: Option<String>,
    /// What is asked for: `blob`, `tree`, `raw`, …; empty for the repository itself.
    pub(crate) page: String,
    /// The path in the repository, raw bytes, without slashes at its ends.
    pub(crate) path: Vec<u8>,
}

/// Longest revision text that is looked up, in bytes: a ref name of 1,024 and some room.
const REV_BYTES_MAX: usize = 1100;

impl RepoAddress {
    /// Takes apart what follows `/r/` (still percent-encoded) and the query string. `None` where no repository can be
    /// meant: that is answered like an unknown one.
    pub(crate) fn parse(rest: &str, query: Option<&str>) -> Option<Self> {
        let rest = rest.trim_end_matches('/');
        let (head, tail) = match rest.find("/-/") {
            Some(at) => (&rest[..at], &rest[at + 3..]),
            None => (rest.strip_suffix("/-").unwrap_or(rest), ""),
        };
        let head = String::from_utf8(decode(head)).ok()?;
        let (name, rev) = match head.split_once('@') {
            Some((name, rev)) => (name, Some(rev.to_string())),
            None => (head.as_str(), None),
        };
        if rev.as_ref().is_some_and(|rev| rev.is_empty() || rev.len() > REV_BYTES_MAX) {
            return None;
        }
        let (page, path) = tail.split_once('/').unwrap_or((tail, ""));
        let path = match query_value(query, "path") {
            Some(path) => path,
            None => decode(path),
        };
        Some(RepoAddress {
            repo: RepoName::new(name).ok()?,
            rev,
            page: page.to_string(),
            path: trim_slashes(&path).to_vec(),
        })
    }
}

/// The raw bytes of a parameter of a query string, `+` meaning a space.
pub(crate) fn query_value(query: Option<&str>, key: &str) -> Option<Vec<u8>> {
    let pairs = query?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.into_iter().find(|(name, _)| *name == key).map(|(_, value)| decode(&value.replace('+', " ")))
}

/// A number of a query string; `None` where there is none, or what is there is no number.
pub(crate) fn query_number(query: Option<&str>, key: &str) -> Option<usize> {
    std::str::from_utf8(&query_value(query, key)?).ok()?.parse().ok()
}

/// The address of a repository, at a revision if one is given.
pub(crate) fn repo_link(repo: &RepoName, rev: Option<&str>) -> String {
    match rev {
        Some(rev) => format!("/r/{}@{}", encode(repo.as_str().as_bytes()), encode_rev(rev)),
        None => format!("/r/{}", encode(repo.as_str().as_bytes())),
    }
}

/// The address of one page (`blob`, `tree`, `raw`) about a path in a repository.
pub(crate) fn path_link(repo: &RepoName, rev: Option<&str>, page: &str, path: &[u8]) -> String {
    let base = repo_link(repo, rev);
    let rewritten = path.split(|byte| *byte == b'/').any(|part| matches!(part, b"." | b".."));
    match (path.is_empty(), rewritten) {
        (true, _) if page == "tree" => base,
        (_, true) => format!("{base}/-/{page}?path={}", encode(path)),
        _ => format!("{base}/-/{page}/{}", encode(path)),
    }
}

/// Where programs ask what a name of a file means, and the page about it.
pub(crate) struct NameLinks {
    pub(crate) hover: String,
    pub(crate) references: String,
}

impl NameLinks {
    pub(crate) fn of(repo: &RepoName, rev: Option<&str>, path: &[u8]) -> Self {
        let page = path_link(repo, rev, "hover", path);
        NameLinks {
            hover: format!("/api/v1/repos/{}", page.strip_prefix("/r/").unwrap_or_default()),
            references: path_link(repo, rev, "references", path),
        }
    }
}

/// An address with more in its query string.
pub(crate) fn with_query(url: &str, query: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{query}")
}

/// The address of a line of a file. Lines beyond the first window name their window too, so that it is there without
/// JavaScript.
pub(crate) fn line_link(
    repo: &RepoName,
    rev: Option<&str>,
    path: &[u8],
    line: usize,
    n_lines_window: usize,
) -> String {
    let page = path_link(repo, rev, "blob", path);
    if line <= n_lines_window {
        return format!("{page}#L{line}");
    }
    with_query(&page, &format!("line={line}#L{line}"))
}

/// The address of a commit.
pub(crate) fn commit_link(repo: &RepoName, commit: ObjectId) -> String {
    format!("{}/-/commit/{commit}", repo_link(repo, None))
}

/// The address of a search.
pub(crate) fn search_link(query: &str) -> String {
    format!("/search?q={}", encode(query.as_bytes()).replace('&', "%26").replace('+', "%2B"))
}

/// The address of the page of a found file: at the default branch's name where it stands there, otherwise at a ref that
/// holds it, otherwise at the commit.
pub(crate) fn match_link(repo: &RepoName, refs: &[RefName], commit: ObjectId, path: &[u8]) -> String {
    path_link(repo, match_rev(refs, commit).as_deref(), "blob", path)
}

/// The revision that a link to a found file names.
pub(crate) fn match_rev(refs: &[RefName], commit: ObjectId) -> Option<String> {
    match refs.first() {
        Some(name) if name.as_str() == "HEAD" => None,
        Some(name) => Some(short_unless_odd(name)),
        None => Some(commit.to_string()),
    }
}

/// A ref's short name, unless that would be read as something else.
pub(crate) fn short_unless_odd(name: &RefName) -> String {
    let short = name.short();
    let is_branch = name.as_str().starts_with("refs/heads/");
    // A branch wins over a tag of the same name, and a name of hexadecimal digits may be taken for a commit.
    match is_branch && ObjectId::from_hex(short).is_err() {
        true => short.to_owned(),
        false => name.as_str().to_owned(),
    }
}

/// Whether a text is an address on this server that a redirect may lead to: a path that no browser reads as another host.
pub(crate) fn is_local_path(target: &str) -> bool {
    let bytes = target.as_bytes();
    bytes.first() == Some(&b'/')
        && !matches!(bytes.get(1), Some(b'/' | b'\\'))
        && bytes.len() <= 4096
        && bytes.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'\\')
}

fn encode_rev(rev: &str) -> String {
    let parts = rev.split('/').map(|part| match part {
        "-" => "%2D".to_string(),
        _ => encode(part.as_bytes()),
    });
    parts.collect::<Vec<_>>().join("/")
}

fn trim_slashes(path: &[u8]) -> &[u8] {
    let start = path.iter().position(|byte| *byte != b'/').unwrap_or(path.len());
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(start, |last| last + 1);
    &path[start..end]
}

/// Percent-encoding (RFC 3986, section 2) of bytes within a path.
pub(crate) mod percent {
    /// Encodes everything but unreserved characters and the slash.
    pub(crate) fn encode(bytes: &[u8]) -> String {
        let mut out = String::with_capacity(bytes.len() + 8);
        for byte in bytes {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                    out.push(*byte as char);
                }
                _ => out.push_str(&format!("%{byte:02X}")),
            }
        }
        out
    }

    /// Decodes; a `%` that no two hexadecimal digits follow stands for itself.
    pub(crate) fn decode(text: &str) -> Vec<u8> {
        let bytes = text.as_bytes();
        let mut out = Vec::with_capacity(bytes.len());
        let mut idx = 0;
        while idx < bytes.len() {
            let pair = (bytes[idx] == b'%').then(|| bytes.get(idx + 1..idx + 3)).flatten();
            match pair.and_then(|pair| Some(hex(pair[0])? << 4 | hex(pair[1])?)) {
                Some(byte) => {
                    out.push(byte);
                    idx += 3;
                }
                None => {
                    out.push(bytes[idx]);
                    idx += 1;
                }
            }
        }
        out
    }

    fn hex(digit: u8) -> Option<u8> {
        (digit as char).to_digit(16).map(|value| value as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> RepoName {
        RepoName::new(text).unwrap()
    }

    #[test]
    fn addresses_are_taken_apart_as_they_were_built() {
        let paths: [&[u8]; 6] =
            [b"a/b c.rs", b"x?#%&+.c", b"\xff\n<script>", b"../../etc", b"a/./b", b"-/-/-"];
        for path in paths {
            for rev in [None, Some("main"), Some("feature/-/x#1"), Some("a@b")] {
                let link = path_link(&name("github.com/o/n"), rev, "blob", path);
                let rest = link.strip_prefix("/r/").unwrap();
                let (rest, query) =
                    rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
                let address = RepoAddress::parse(rest, query).unwrap();
                assert_eq!(address.path, path, "{link}");
                assert_eq!((address.rev.as_deref(), address.page.as_str()), (rev, "blob"), "{link}");
                assert_eq!(address.repo, name("github.com/o/n"));
            }
        }
    }

    #[test]
    fn what_names_no_repository_is_refused() {
        for rest in ["", "-/blob/x", "a//b", "../x", "a@", "%00", "%ff", "a/%2e%2e/b"] {
            assert_eq!(RepoAddress::parse(rest, None), None, "{rest}");
        }
    }

    #[test]
    fn lines_beyond_the_window_name_it() {
        assert_eq!(line_link(&name("n"), None, b"a.c", 12, 2000), "/r/n/-/blob/a.c#L12");
        assert_eq!(line_link(&name("n"), None, b"a.c", 2001, 2000), "/r/n/-/blob/a.c?line=2001#L2001");
    }

    #[test]
    fn only_local_paths_are_returned_to() {
        for good in ["/", "/search?q=a%20b", "/r/a@b/-/blob/x"] {
            assert!(is_local_path(good), "{good}");
        }
        for bad in
            ["", "//evil", "/\\evil", "\\/evil", "http://evil", "/a\nb", "/\t/evil", "javascript:x", "/a b"]
        {
            assert!(!is_local_path(bad), "{bad}");
        }
    }
}
