//! A small bare repository made from nothing, of one commit: what the owner's checks look for.

use gix::objs::tree::{Entry, EntryKind as GixKind};
use gix::objs::{Commit, Tree};
use std::collections::BTreeMap;
use std::path::Path;

/// What a planted repository holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planting {
    /// Path, with `/` between folders, and text of each file.
    pub files: Vec<(String, String)>,
    /// The message of its one commit.
    pub message: String,
    /// Name and address of who made it.
    pub author: (String, String),
    /// When, in seconds since 1970.
    pub at_seconds: i64,
}

/// A repository could not be planted.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a repository in {}: {reason}", dir.display())]
pub struct PlantError {
    /// Where.
    pub dir: std::path::PathBuf,
    /// What was said.
    pub reason: String,
}

/// Makes a bare repository in a folder that is empty or not there, with one branch, `main`.
pub fn plant(dir: &Path, planting: &Planting) -> Result<(), PlantError> {
    let failed = |error: &dyn std::fmt::Display| PlantError { dir: dir.into(), reason: error.to_string() };
    let options = gix::open::Options::isolated();
    let repository = gix::ThreadSafeRepository::init_opts(
        dir,
        gix::create::Kind::Bare,
        gix::create::Options::default(),
        options,
    );
    let repository = repository.map_err(|error| failed(&error))?.to_thread_local();
    let mut root = Folder::default();
    for (path, text) in &planting.files {
        let blob = repository.write_blob(text).map_err(|error| failed(&error))?;
        root.put(path, blob.detach());
    }
    let tree = root.write(&repository).map_err(|error| failed(&*error))?;
    let signature = gix::actor::Signature {
        name: planting.author.0.as_str().into(),
        email: planting.author.1.as_str().into(),
        time: gix::date::Time::new(planting.at_seconds, 0),
    };
    let commit = Commit {
        tree,
        parents: Default::default(),
        author: signature.clone(),
        committer: signature,
        encoding: None,
        message: planting.message.as_str().into(),
        extra_headers: Vec::new(),
    };
    let commit = repository.write_object(&commit).map_err(|error| failed(&error))?;
    let put = |name: &str, text: String| std::fs::write(dir.join(name), text).map_err(|error| failed(&error));
    std::fs::create_dir_all(dir.join("refs/heads")).map_err(|error| failed(&error))?;
    put("refs/heads/main", format!("{commit}\n"))?;
    put("HEAD", "ref: refs/heads/main\n".to_owned())
}

#[derive(Default)]
struct Folder {
    files: BTreeMap<String, gix::ObjectId>,
    folders: BTreeMap<String, Folder>,
}

impl Folder {
    fn put(&mut self, path: &str, blob: gix::ObjectId) {
        match path.split_once('/') {
            Some((folder, rest)) => self.folders.entry(folder.to_owned()).or_default().put(rest, blob),
            None => drop(self.files.insert(path.to_owned(), blob)),
        }
    }

    fn write(&self, repository: &gix::Repository) -> Result<gix::ObjectId, Box<dyn std::error::Error>> {
        let entry = |name: &str, kind: GixKind, oid| Entry { mode: kind.into(), filename: name.into(), oid };
        let mut entries: Vec<Entry> =
            self.files.iter().map(|(name, oid)| entry(name, GixKind::Blob, *oid)).collect();
        for (name, folder) in &self.folders {
            entries.push(entry(name, GixKind::Tree, folder.write(repository)?));
        }
        // In git's order, in which folders end with a slash.
        entries.sort();
        Ok(repository.write_object(&Tree { entries })?.detach())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OpenOptions, Repository};

    #[test]
    fn what_is_planted_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("planted.git");
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let planting = Planting {
            files: vec![file("a.txt", "one"), file("a/b/c.txt", "two"), file("a-b", "three")],
            message: "Planted".to_owned(),
            author: ("Owner".to_owned(), "owner@example.org".to_owned()),
            at_seconds: 1_750_000_000,
        };
        plant(&dir, &planting).unwrap();
        let git = testkit::git::GitRepo::init(&dir, true);
        git.git(&["fsck", "--strict"]);
        assert_eq!(git.git(&["ls-tree", "-r", "--name-only", "main"]).trim(), "a-b\na.txt\na/b/c.txt");
        assert_eq!(git.git(&["show", "main:a/b/c.txt"]).trim(), "two");
        let repository = Repository::open(&dir, &OpenOptions::default()).unwrap();
        assert!(repository.resolve("main").is_ok());
    }
}
