//! Finding the repositories below a folder.

use crate::{
    OpenError,
    gitdir::{self, Layout},
};
use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

/// How many folders pass between two reports of progress.
const FOLDERS_PER_REPORT: u64 = 256;
/// How many unusable folders are told by name.
const UNUSABLE_TOLD_MAX: usize = 1000;

/// How a repository lies in its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FoundKind {
    /// A work tree with its `.git` folder.
    WorkTree,
    /// A bare repository.
    Bare,
    /// A work tree whose `.git` file leads to its repository: a submodule, or a linked work tree whose main work tree is
    /// not below the folder.
    Linked,
}

/// One repository below a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovered {
    /// The folder to open, canonical: the work tree, or the bare repository.
    pub path: PathBuf,
    /// How it lies there.
    pub kind: FoundKind,
}

/// Limits of a search for repositories.
#[derive(Clone, Debug)]
pub struct DiscoverLimits {
    /// Most folders looked at.
    pub n_folders_max: u64,
    /// Deepest folder looked at.
    pub depth_max: usize,
}

impl Default for DiscoverLimits {
    fn default() -> Self {
        DiscoverLimits { n_folders_max: 5_000_000, depth_max: 64 }
    }
}

/// What a search for repositories found.
#[derive(Debug, Default)]
pub struct Discovery {
    /// The repositories, by path.
    pub repositories: Vec<Discovered>,
    /// Folders that cannot be read or hold something like a repository that cannot be opened, and why; the first 1,000.
    pub unusable: Vec<(PathBuf, OpenError)>,
    /// How many folders were looked at.
    pub n_folders: u64,
    /// Whether a limit ended the search early.
    pub truncated: bool,
}

/// Why a folder cannot be searched.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// The folder itself is not there, not a folder, or not readable.
    #[error("'{}' cannot be searched for repositories: {source}", path.display())]
    NotReadable {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The search was cancelled.
    #[error("the search for repositories was cancelled")]
    Cancelled,
}

/// Finds every repository at or below `root`. Work trees of one repository are told once. Symbolic links are not followed (but
/// `root` may be one), and `.git` folders, insides of bare repositories and, within work trees, `node_modules` are not
/// looked into. `on_progress` gets the numbers of folders looked at and of repositories found, now and then.
pub fn discover(
    root: &Path,
    limits: &DiscoverLimits,
    cancel: &AtomicBool,
    on_progress: &mut dyn FnMut(u64, u64),
) -> Result<Discovery, DiscoverError> {
    let not_readable = |source| DiscoverError::NotReadable { path: root.to_owned(), source };
    let root = root.canonicalize().map_err(not_readable)?;
    root.read_dir().map_err(not_readable)?;
    let mut search = Search { root: root.clone(), found: Vec::new(), discovery: Discovery::default() };
    let mut pending = vec![Pending { folder: root, depth: 0, in_work_tree: false }];
    while let Some(next) = pending.pop() {
        if cancel.load(Ordering::Relaxed) {
            return Err(DiscoverError::Cancelled);
        }
        if search.discovery.n_folders >= limits.n_folders_max {
            search.discovery.truncated = true;
            break;
        }
        search.discovery.n_folders += 1;
        if search.discovery.n_folders % FOLDERS_PER_REPORT == 1 {
            on_progress(search.discovery.n_folders, search.found.len() as u64);
        }
        let looked = search.look_at(&next);
        if !looked.descend {
            continue;
        }
        if next.depth >= limits.depth_max {
            search.discovery.truncated = true;
            continue;
        }
        let in_work_tree = next.in_work_tree || looked.is_work_tree;
        search.push_children(&next, in_work_tree, &mut pending);
    }
    let discovery = search.finish();
    on_progress(discovery.n_folders, discovery.repositories.len() as u64);
    Ok(discovery)
}

struct Pending {
    folder: PathBuf,
    depth: usize,
    in_work_tree: bool,
}

struct Looked {
    descend: bool,
    is_work_tree: bool,
}

struct Search {
    root: PathBuf,
    /// What was found, with the folder that all work trees of one repository share.
    found: Vec<(Discovered, PathBuf)>,
    discovery: Discovery,
}

impl Search {
    fn look_at(&mut self, pending: &Pending) -> Looked {
        let folder = &pending.folder;
        let is_work_tree = folder.join(".git").symlink_metadata().is_ok();
        let is_bare = !is_work_tree && gitdir::looks_bare(folder);
        if is_work_tree || is_bare {
            match gitdir::locate(folder, std::slice::from_ref(&self.root)) {
                Ok(located) => {
                    let kind = match located.layout {
                        Layout::WorkTree => FoundKind::WorkTree,
                        Layout::Bare => FoundKind::Bare,
                        Layout::Linked => FoundKind::Linked,
                    };
                    self.found.push((Discovered { path: folder.clone(), kind }, located.common_dir));
                }
                Err(error) => self.tell_unusable(folder, error),
            }
        }
        Looked { descend: !is_bare, is_work_tree }
    }

    fn push_children(&mut self, parent: &Pending, in_work_tree: bool, pending: &mut Vec<Pending>) {
        let entries = match fs::read_dir(&parent.folder) {
            Ok(entries) => entries,
            Err(source) => {
                let error = OpenError::NotReadable { path: parent.folder.clone(), source };
                return self.tell_unusable(&parent.folder, error);
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let is_skipped = name == ".git" || in_work_tree && name == "node_modules";
            // `file_type` does not follow links: a link is not a folder here, so there are no loops.
            if !is_skipped && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                pending.push(Pending { folder: entry.path(), depth: parent.depth + 1, in_work_tree });
            }
        }
    }

    fn tell_unusable(&mut self, folder: &Path, error: OpenError) {
        if self.discovery.unusable.len() < UNUSABLE_TOLD_MAX {
            self.discovery.unusable.push((folder.to_owned(), error));
        }
    }

    fn finish(mut self) -> Discovery {
        // A repository's own work tree comes before those linked to it, whatever their paths.
        self.found.sort_by(|a, b| (a.0.kind, &a.0.path).cmp(&(b.0.kind, &b.0.path)));
        let mut seen = HashSet::new();
        self.found.retain(|(_, common_dir)| seen.insert(common_dir.clone()));
        self.discovery.repositories = self.found.into_iter().map(|(discovered, _)| discovered).collect();
        self.discovery.repositories.sort_by(|a, b| a.path.cmp(&b.path));
        self.discovery.unusable.sort_by(|a, b| a.0.cmp(&b.0));
        self.discovery
    }
}
