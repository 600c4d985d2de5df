//! Where things lie in a data directory.

use model::RepoId;
use std::io;
use std::path::{Path, PathBuf};

/// A data directory: everything one server knows. The layout:
///
/// ```text
/// sourcekeep.db          the database (when it is SQLite)
/// master.key             what secrets in the database are sealed with (unless the configuration names another place)
/// audit.head             where the audit log ends, noted outside the database
/// config.toml            the configuration (optional)
/// lock                   held by the server that runs on this directory
/// mirrors/<id>.git       bare clones of remote repositories
/// index/<id>/            segments and ref tables of one repository
/// exports/               files that people asked for, by export
/// precise/               precise indexes, and below incoming/ uploads that are not taken in yet
/// overlays/<id>/         what was made searchable on demand; may be deleted at any time
/// raw/<id>/              raw sidecars of one repository: a cache, made again where it is missing
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDir {
    root: PathBuf,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// The directory, or one below it, cannot be made.
    #[error("cannot create '{}': {source}; choose another data directory with --data", path.display())]
    Create {
        /// The directory that was to be made.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The directory does not exist, and the command only reads.
    #[error("there is no data directory at '{}'; run `sourcekeep up` first, or name another with --data", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
}

impl DataDir {
    /// Opens a data directory, making it (readable by its owner only) and its parts where they are missing.
    pub fn create(root: impl Into<PathBuf>) -> Result<Self, DataDirError> {
        let dir = DataDir { root: root.into() };
        for path in [dir.root.clone(), dir.mirrors(), dir.index_root()] {
            create_private(&path).map_err(|source| DataDirError::Create { path, source })?;
        }
        Ok(dir)
    }

    /// Opens a data directory that must exist already.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, DataDirError> {
        let dir = DataDir { root: root.into() };
        match dir.root.is_dir() {
            true => Ok(dir),
            false => Err(DataDirError::Missing { path: dir.root }),
        }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The SQLite database.
    pub fn database(&self) -> PathBuf {
        self.root.join("sourcekeep.db")
    }

    /// The server's own master keys.
    pub fn master_key(&self) -> PathBuf {
        self.root.join("master.key")
    }

    /// The note of where the audit log ends.
    pub fn audit_head(&self) -> PathBuf {
        self.root.join("audit.head")
    }

    /// The newest signed checkpoint of the egress ledger.
    pub fn egress_checkpoint(&self) -> PathBuf {
        self.root.join("egress.checkpoint")
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// The lock file.
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// The directory of all mirrors.
    pub fn mirrors(&self) -> PathBuf {
        self.root.join("mirrors")
    }

    /// The mirror of one remote repository.
    pub fn mirror(&self, repo: RepoId) -> PathBuf {
        self.mirrors().join(format!("{}.git", repo.0))
    }

    /// The directory of all indexes.
    pub fn index_root(&self) -> PathBuf {
        self.root.join("index")
    }

    /// The directory of what is made searchable on demand.
    pub fn overlays(&self) -> PathBuf {
        self.root.join("overlays")
    }

    /// The directory of all raw sidecars.
    pub fn raw_root(&self) -> PathBuf {
        self.root.join("raw")
    }

    /// The raw sidecars of one repository.
    pub fn raw(&self, repo: RepoId) -> PathBuf {
        self.raw_root().join(repo.0.to_string())
    }

    /// The segments and ref tables of one repository.
    pub fn index(&self, repo: RepoId) -> PathBuf {
        self.index_root().join(repo.0.to_string())
    }

    /// The files of exports. Made when the first one is written.
    pub fn exports(&self) -> PathBuf {
        self.root.join("exports")
    }

    /// The precise indexes and their uploads. Made when the first one is written.
    pub fn precise(&self) -> PathBuf {
        self.root.join("precise")
    }
}

fn create_private(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
