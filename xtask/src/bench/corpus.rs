//! What is measured on: a git repository with a work tree, so that every tool reads the same files.

use crate::run;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A git repository with its files checked out.
pub(crate) struct Corpus {
    /// The folder's name.
    pub(crate) name: String,
    /// The checked-out files, where the tools that read files look.
    pub(crate) work_tree: PathBuf,
    /// What `sourcekeep up` is given.
    pub(crate) repository: PathBuf,
}

/// Uses a repository as it is; commits a plain tree to a repository in the scratch folder, leaving the tree untouched.
pub(crate) fn prepare(path: &Path, scratch: &Path) -> Result<Corpus> {
    let path = path.canonicalize().with_context(|| format!("cannot open the corpus {}", path.display()))?;
    let name = path.file_name().map_or("corpus".into(), |name| name.to_string_lossy().into_owned());
    if !path.is_dir() {
        bail!("{} is not a folder; give a git repository or a source tree", path.display());
    }
    if path.join(".git").exists() {
        return Ok(Corpus { name, work_tree: path.clone(), repository: path });
    }
    let repository = scratch.join(format!("{name}.git"));
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("--git-dir").arg(&repository).arg("--work-tree").arg(&path).args(arguments);
        run::output(&mut command).map(drop)
    };
    git(&["init", "--quiet", "--initial-branch=main"])?;
    git(&["config", "core.bare", "false"])?;
    git(&["add", "--all", "--force", "."])?;
    let identity = ["-c", "user.name=bench", "-c", "user.email=bench@example.invalid"];
    git(&[&identity[..], &["commit", "--quiet", "--message", "the corpus"]].concat())?;
    git(&["gc", "--quiet"])?;
    Ok(Corpus { name, work_tree: path, repository })
}
