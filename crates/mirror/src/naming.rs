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

/// Names a local repository at `path`, found below `root`, so that `taken` is false for it.
///
/// Both paths are absolute and without `..`. Characters that no name may hold (white space, `:`, `@`, …) become `-`.
pub fn name_local(
    root: &Path,
    path: &Path,
    taken: impl Fn(&RepoName) -> bool,
) -> Result<RepoName, NameError> {
    let parts = components(path);
    if parts.is_empty() {
        return Err(NameError::NoName { subject: path.display().to_string() });
    }
    let n_below = components(root).len();
    let n_wanted = parts.len().saturating_sub(n_below).max(1);
    for n_parts in n_wanted..=parts.len() {
        let name = RepoName::new(parts[parts.len() - n_parts..].join("/"))?;
        if !taken(&name) {
            return Ok(name);
        }
    }
    numbered(&parts.join("/"), taken)
}

/// Makes a name that is not taken out of one that may be (the default name of a remote, or one a person chose).
pub fn name_unique(name: RepoName, taken: impl Fn(&RepoName) -> bool) -> Result<RepoName, NameError> {
    if taken(&name) { numbered(name.as_str(), taken) } else { Ok(name) }
}

fn numbered(base: &str, taken: impl Fn(&RepoName) -> bool) -> Result<RepoName, NameError> {
    for number in 2..=u32::MAX {
        let name = RepoName::new(format!("{base}~{number}"))?;
        if !taken(&name) {
            return Ok(name);
        }
    }
    Err(NameError::NoName { subject: base.to_string() })
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
    fn check(root: &str, path: &str, taken: &[&str], expected: &str) {
        let name =
            name_local(Path::new(root), Path::new(path), |name| taken.contains(&name.as_str())).unwrap();
        assert_eq!(name.as_str(), expected);
    }

    #[test]
    fn local_names() {
        check("/home/a/code", "/home/a/code/x", &[], "x");
        check("/home/a/code", "/home/a/code/group/x", &[], "group/x");
        check("/home/a/code/x", "/home/a/code/x", &[], "x");
        check("/srv/git", "/srv/git/x.git", &[], "x");
        check("/srv/git", "/srv/git/x.git", &["x"], "git/x");
        check("/srv/git", "/srv/git/x.git", &["x", "git/x", "srv/git/x"], "srv/git/x~2");
        check("/srv/x/.git", "/srv/x/.git", &[], "x");
        check("/srv", "/srv/my project", &[], "my-project");
        check("/srv", "/srv/-x", &[], "x");
        check("/srv", "/srv/---", &[], "_");
        check("/srv", "/srv/a\u{1b}[31m", &[], "a-[31m");
    }

    #[test]
    fn a_root_has_no_name() {
        assert!(matches!(
            name_local(Path::new("/"), Path::new("/"), |_| false),
            Err(NameError::NoName { .. })
        ));
    }

    #[test]
    fn remote_names_are_numbered() {
        let base = || RepoName::new("github.com/o/n").unwrap();
        assert_eq!(name_unique(base(), |_| false).unwrap(), base());
        assert_eq!(name_unique(base(), |name| *name == base()).unwrap().as_str(), "github.com/o/n~2");
    }
}
