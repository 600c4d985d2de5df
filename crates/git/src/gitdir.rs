//! Finding and checking the folders of a repository before the library opens it.
//!
//! A repository is more than one folder: a `.git` file leads to a git folder, `commondir` to a shared one, `alternates` to
//! other object stores, and any of them may be a symbolic link. SECURITY: each of these can be written by whoever made
//! the working tree, so none is followed out of the folders that the operator named, or a folder unpacked from an archive
//! could show us somebody else's repository.

use std::{
    collections::HashSet,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// git itself writes these as one short line; a page is generous.
const SMALL_FILE_BYTES_MAX: u64 = 16 * 1024;
/// The largest `config` we let the library parse. Real ones have a few kilobytes; submodule-rich ones a few hundred.
const CONFIG_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The largest `packed-refs` we let the library map: 4 million refs.
const PACKED_REFS_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// git follows alternates five deep.
const ALTERNATES_MAX: usize = 64;

/// Why a repository cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is nothing at the path.
    #[error("'{}' does not exist", path.display())]
    NotFound {
        /// The path.
        path: PathBuf,
    },
    /// There is something, but not a repository.
    #[error("'{}' is not a git repository (no {lacking} there)", path.display())]
    NotARepository {
        /// The path.
        path: PathBuf,
        /// What a repository would have.
        lacking: &'static str,
    },
    /// The operating system does not let us read it.
    #[error("'{}' cannot be read: {source}; give the user that runs the server read permission", path.display())]
    NotReadable {
        /// The path.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It leads to a place outside the folders that were named.
    #[error("{link} in '{}' leads to '{}', outside the repository, and is not followed; index a whole copy instead (`git clone --dissociate`)", path.display(), target.display())]
    LeadsElsewhere {
        /// The repository.
        path: PathBuf,
        /// What leads there.
        link: &'static str,
        /// Where it leads.
        target: PathBuf,
    },
    /// A file of the repository is far larger than such files are, or is not a plain file.
    #[error("'{}' is not a plain file of at most {limit_bytes} bytes", path.display())]
    OddFile {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit_bytes: u64,
    },
    /// The repository uses a format that is not supported.
    #[error("'{}' uses {what}, which is not supported", path.display())]
    Unsupported {
        /// The repository.
        path: PathBuf,
        /// The format.
        what: String,
    },
    /// The repository is damaged.
    #[error("'{}' is damaged: {reason}; run 'git fsck' there", path.display())]
    Damaged {
        /// The repository.
        path: PathBuf,
        /// What the library says.
        reason: String,
    },
}

/// The checked folders of a repository, canonical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GitDir {
    /// Holds `HEAD`.
    pub(crate) git_dir: PathBuf,
    /// Holds `objects`, `refs` and `config`; the same unless this is a linked work tree.
    pub(crate) common_dir: PathBuf,
    /// How the repository was found at the path.
    pub(crate) layout: Layout,
}

/// How a repository lies at its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// The path is the git folder.
    Bare,
    /// The path holds a `.git` folder.
    WorkTree,
    /// The path holds a `.git` file that leads to the git folder.
    Linked,
}

/// Finds the folders of the repository at `path` and checks that everything it is made of lies below `path` or one of
/// the canonical or not yet canonical folders `within`.
pub(crate) fn locate(path: &Path, within: &[PathBuf]) -> Result<GitDir, OpenError> {
    let root = canonical(path)?;
    let mut allowed = vec![root.clone()];
    allowed.extend(within.iter().filter_map(|folder| folder.canonicalize().ok()));
    let dot_git = root.join(".git");
    let (git_dir, layout) = match fs::symlink_metadata(&dot_git) {
        Ok(metadata) if metadata.is_file() => (follow_git_file(&root, &dot_git, &allowed)?, Layout::Linked),
        Ok(_) => (inside(&root, "the '.git' link", &dot_git, &allowed)?, Layout::WorkTree),
        Err(_) => (root.clone(), Layout::Bare),
    };
    let common_dir = common_dir_of(&root, &git_dir, &allowed)?;
    if common_dir != git_dir {
        allowed.push(common_dir.clone());
    }
    allowed.push(git_dir.clone());
    check_layout(&root, &git_dir, &common_dir, &allowed)?;
    Ok(GitDir { git_dir, common_dir, layout })
}

/// Whether the folder looks like a bare repository: what git itself looks for.
pub(crate) fn looks_bare(folder: &Path) -> bool {
    folder.join("HEAD").symlink_metadata().is_ok()
        && folder.join("objects").is_dir()
        && folder.join("refs").is_dir()
}

fn follow_git_file(root: &Path, git_file: &Path, allowed: &[PathBuf]) -> Result<PathBuf, OpenError> {
    let text = read_small(git_file)?;
    let target =
        text.strip_prefix("gitdir:").map(str::trim).filter(|target| !target.is_empty()).ok_or_else(|| {
            OpenError::NotARepository { path: root.to_owned(), lacking: "'gitdir:' in its .git file" }
        })?;
    let git_dir = canonical(&root.join(target))?;
    // A linked work tree is named back by the repository it belongs to, so that repository's owner made it.
    let named_back = read_small(&git_dir.join("gitdir"))
        .ok()
        .and_then(|back| git_dir.join(back.trim()).canonicalize().ok())
        .is_some_and(|back| back == git_file);
    if named_back || is_within(&git_dir, allowed) {
        Ok(git_dir)
    } else {
        Err(OpenError::LeadsElsewhere { path: root.to_owned(), link: "the '.git' file", target: git_dir })
    }
}

fn common_dir_of(root: &Path, git_dir: &Path, allowed: &[PathBuf]) -> Result<PathBuf, OpenError> {
    let file = git_dir.join("commondir");
    if file.symlink_metadata().is_err() {
        return Ok(git_dir.to_owned());
    }
    let common_dir = canonical(&git_dir.join(read_small(&file)?.trim()))?;
    if git_dir.starts_with(common_dir.join("worktrees")) || is_within(&common_dir, allowed) {
        Ok(common_dir)
    } else {
        Err(OpenError::LeadsElsewhere { path: root.to_owned(), link: "'commondir'", target: common_dir })
    }
}

fn check_layout(
    root: &Path,
    git_dir: &Path,
    common_dir: &Path,
    allowed: &[PathBuf],
) -> Result<(), OpenError> {
    let lacks = |lacking| OpenError::NotARepository { path: root.to_owned(), lacking };
    let head = git_dir.join("HEAD");
    // Old git made HEAD a symbolic link to the branch's file, so only its target's type matters.
    if head.symlink_metadata().is_err() {
        return Err(lacks("HEAD"));
    }
    for (name, limit_bytes) in [("config", CONFIG_BYTES_MAX), ("packed-refs", PACKED_REFS_BYTES_MAX)] {
        let file = common_dir.join(name);
        if file.symlink_metadata().is_ok() {
            check_plain(&inside(root, "a file", &file, allowed)?, limit_bytes)?;
        }
    }
    if head.exists() {
        check_plain(&inside(root, "'HEAD'", &head, allowed)?, SMALL_FILE_BYTES_MAX)?;
    }
    for name in ["objects", "refs"] {
        let folder = common_dir.join(name);
        if !folder.is_dir() {
            return Err(lacks(if name == "objects" { "'objects' folder" } else { "'refs' folder" }));
        }
        inside(root, "a link", &folder, allowed)?;
    }
    check_object_store(root, &common_dir.join("objects"), allowed, &mut HashSet::new())
}

/// Checks an object folder and the alternates it leads to.
fn check_object_store(
    root: &Path,
    objects: &Path,
    allowed: &[PathBuf],
    seen: &mut HashSet<PathBuf>,
) -> Result<(), OpenError> {
    let objects = inside(root, "'objects/info/alternates'", objects, allowed)?;
    if !seen.insert(objects.clone()) {
        return Ok(());
    }
    if seen.len() > ALTERNATES_MAX {
        let reason = format!("it has more than {ALTERNATES_MAX} alternates");
        return Err(OpenError::Damaged { path: root.to_owned(), reason });
    }
    if let Ok(entries) = objects.join("pack").read_dir() {
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                inside(root, "a linked pack", &entry.path(), allowed)?;
            }
        }
    }
    let file = objects.join("info/alternates");
    if file.symlink_metadata().is_err() {
        return Ok(());
    }
    let text = read_small(&inside(root, "'objects/info/alternates'", &file, allowed)?)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        check_object_store(root, &objects.join(line), allowed, seen)?;
    }
    Ok(())
}

/// The canonical form of `link`, if it lies in an allowed folder.
fn inside(root: &Path, what: &'static str, link: &Path, allowed: &[PathBuf]) -> Result<PathBuf, OpenError> {
    let target = canonical(link)?;
    if is_within(&target, allowed) {
        Ok(target)
    } else {
        Err(OpenError::LeadsElsewhere { path: root.to_owned(), link: what, target })
    }
}

fn is_within(path: &Path, allowed: &[PathBuf]) -> bool {
    allowed.iter().any(|folder| path.starts_with(folder))
}

fn canonical(path: &Path) -> Result<PathBuf, OpenError> {
    path.canonicalize().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            OpenError::NotFound { path: path.to_owned() }
        }
        _ => OpenError::NotReadable { path: path.to_owned(), source },
    })
}

/// A pipe or device in place of a file would block or never end.
fn check_plain(path: &Path, limit_bytes: u64) -> Result<(), OpenError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() && metadata.len() <= limit_bytes => Ok(()),
        Ok(_) => Err(OpenError::OddFile { path: path.to_owned(), limit_bytes }),
        Err(source) => Err(OpenError::NotReadable { path: path.to_owned(), source }),
    }
}

fn read_small(path: &Path) -> Result<String, OpenError> {
    check_plain(path, SMALL_FILE_BYTES_MAX)?;
    let mut text = String::new();
    let not_readable = |source| OpenError::NotReadable { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(not_readable)?;
    file.take(SMALL_FILE_BYTES_MAX).read_to_string(&mut text).map_err(not_readable)?;
    Ok(text)
}
