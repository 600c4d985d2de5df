//! The names repositories get.
//!
//! A remote is named `host/owner/name` by the `git` crate; a local repository by its path below the directory that was given, or by its own
//! directory where it was given itself. Names that are taken get more leading components of the path.

use model::{IdError, RepoName};
use std::path::{Component, Path};

/// Why no name could be made.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// The path holds nothing that could name a repository.
    #[error("'{subject}' has no part that could name a repository; give it a name with --name")]
    NoName {
        /// The path.
        subject: String,
    },
    /// What was made is no valid name.
    #[error(transparent)]
    Invalid(#[from] IdError),
}

/// How many numbered names are offered after the plain ones.
const N_NUMBERED: u32 = 50;

/// Names for a local repository at `path`, found below `root`; the best first, for the store to take the first free one.
///
/// Both paths are absolute and without `..`. Characters that no name may hold (white space, `:`, `@`, …) become `-`.
pub fn local_names(root: &Path, path: &Path) -> Result<Vec<RepoName>, NameError> {
    let parts = components(path);
    if parts.is_empty() {
        return Err(NameError::NoName { subject: path.display().to_string() });
    }
    let n_below = components(root).len();
    let n_wanted = parts.len().saturating_sub(n_below).max(1);
    let best = RepoName::new(parts[parts.len() - n_wanted..].join("/"))?;
    // Longer ones may pass the limit of a name: then the numbers have to do.
    let longer =
        (n_wanted + 1..=parts.len()).map(|n_parts| RepoName::new(parts[parts.len() - n_parts..].join("/")));
    let mut names = vec![best.clone()];
    names.extend(longer.map_while(Result::ok));
    names.extend(numbered(&best));
    Ok(names)
}

/// Names for a repository whose best name is known (the default one of a remote); the best first.
pub fn remote_names(best: RepoName) -> Vec<RepoName> {
    let more = numbered(&best);
    std::iter::once(best).chain(more).collect()
}

fn numbered(best: &RepoName) -> Vec<RepoName> {
    (2..2 + N_NUMBERED).filter_map(|number| RepoName::new(format!("{best}~{number}")).ok()).collect()
}

fn components(path: &Path) -> Vec<String> {
    let mut parts: Vec<String> = path
        .components()
        .filter_map(|component| match component {
            Component::Normal(part) => Some(clean(&part.to_string_lossy())),
            _ => None,
        })
        .collect();
    strip_git(&mut parts);
    parts
}

/// Drops the `.git` of a bare repository's name, and a last component that is just `.git`.
fn strip_git(parts: &mut Vec<String>) {
    let Some(stem) = parts.last().and_then(|last| last.strip_suffix(".git")).map(str::to_string) else {
        return;
    };
    match stem.is_empty() {
        false => {
            parts.pop();
            parts.push(stem);
        }
        true if parts.len() > 1 => {
            parts.pop();
        }
        true => {}
    }
}

/// Makes one component of a name out of hostile text.
fn clean(part: &str) -> String {
    let refused = |c: char| {
        c.is_control() || c.is_whitespace() || matches!(c, '@' | ':' | '\\' | '?' | '#' | '%' | '/')
    };
    let cleaned: String = part.chars().map(|c| if refused(c) { '-' } else { c }).collect();
    match cleaned.trim_start_matches('-') {
        "" => "_".to_string(),
        rest => rest.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(root: &str, path: &str, expected: &[&str]) {
        let names = local_names(Path::new(root), Path::new(path)).unwrap();
        let names: Vec<&str> = names.iter().take(expected.len()).map(RepoName::as_str).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn local_repositories() {
        check("/home/a/code", "/home/a/code/x", &["x", "code/x", "a/code/x", "home/a/code/x", "x~2", "x~3"]);
        check("/home/a/code", "/home/a/code/group/x", &["group/x", "code/group/x"]);
        check("/home/a/code/x", "/home/a/code/x", &["x", "code/x"]);
        check("/srv/git", "/srv/git/x.git", &["x", "git/x", "srv/git/x", "x~2"]);
        check("/srv/x/.git", "/srv/x/.git", &["x", "srv/x"]);
        check("/srv", "/srv/my project", &["my-project"]);
        check("/srv", "/srv/-x", &["x"]);
        check("/srv", "/srv/---", &["_"]);
        check("/srv", "/srv/a\u{1b}[31m", &["a-[31m"]);
    }

    #[test]
    fn a_root_has_no_name() {
        assert!(matches!(local_names(Path::new("/"), Path::new("/")), Err(NameError::NoName { .. })));
    }

    #[test]
    fn remotes_are_numbered() {
        let names = remote_names(RepoName::new("github.com/o/n").unwrap());
        assert_eq!((names[0].as_str(), names[1].as_str()), ("github.com/o/n", "github.com/o/n~2"));
    }
}
