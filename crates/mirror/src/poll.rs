//! Noticing that a local repository changed, by looking at its files' dates.
//!
//! git replaces refs by renaming, which changes the date of the folder; so the dates of `refs/heads` and `refs/tags` with
//! the folders below them, of `HEAD` and of `packed-refs` tell every change. Looking costs a few system calls.

use model::RepoId;
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

/// Folders looked at in one repository; a repository with more ref folders is looked at in part, and what is missed there
/// is seen with the next other change.
const N_FOLDERS_MAX: usize = 10_000;

/// Remembers what local repositories looked like.
#[derive(Debug, Default)]
pub(crate) struct Poller {
    known: HashMap<RepoId, Look>,
}

#[derive(Debug)]
struct Look {
    folders: Vec<PathBuf>,
    fingerprint: Option<u64>,
}

impl Poller {
    /// Looks at every repository; returns those that look different from the last time or were never looked at.
    /// Blocks.
    pub(crate) fn changed(&mut self, repositories: &[(RepoId, PathBuf)]) -> Vec<RepoId> {
        self.known.retain(|repo, _| repositories.iter().any(|(present, _)| present == repo));
        let mut changed = Vec::new();
        for (repo, path) in repositories {
            let is_new = !self.known.contains_key(repo);
            let look =
                self.known.entry(*repo).or_insert_with(|| Look { folders: Vec::new(), fingerprint: None });
            if look.folders.is_empty() {
                look.folders = git_folders(path);
            }
            let fingerprint = fingerprint(&look.folders);
            if fingerprint.is_none() {
                // It went away: where it lies is found out anew when it is back.
                look.folders.clear();
            }
            if is_new || fingerprint != look.fingerprint {
                changed.push(*repo);
            }
            look.fingerprint = fingerprint;
        }
        changed
    }
}

/// The folder of HEAD and the folder of the refs; most often the same.
fn git_folders(path: &Path) -> Vec<PathBuf> {
    match git::Repository::open(path, &crate::process::open_options()) {
        Ok(repository) => {
            let mut folders = vec![repository.git_dir().to_path_buf(), repository.common_dir().to_path_buf()];
            folders.dedup();
            folders
        }
        Err(_) => Vec::new(),
    }
}

fn fingerprint(folders: &[PathBuf]) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    let mut is_there = false;
    for folder in folders {
        is_there |= look_at(&folder.join("HEAD"), &mut hasher);
        look_at(&folder.join("packed-refs"), &mut hasher);
        // Not a ref, but something that is shown and asked for.
        look_at(&folder.join("description"), &mut hasher);
        let mut below = vec![folder.join("refs/heads"), folder.join("refs/tags")];
        for _ in 0..N_FOLDERS_MAX {
            let Some(next) = below.pop() else { break };
            if look_at(&next, &mut hasher) {
                below.extend(subfolders(&next));
            }
        }
    }
    is_there.then(|| hasher.finish())
}

fn look_at(path: &Path, hasher: &mut DefaultHasher) -> bool {
    let Ok(metadata) = std::fs::symlink_metadata(path) else {
        path.hash(hasher);
        return false;
    };
    (path, metadata.modified().ok(), metadata.len()).hash(hasher);
    #[cfg(unix)]
    std::os::unix::fs::MetadataExt::ino(&metadata).hash(hasher);
    true
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut folders: Vec<PathBuf> = folders.map(|entry| entry.path()).collect();
    folders.sort_unstable();
    folders
}
