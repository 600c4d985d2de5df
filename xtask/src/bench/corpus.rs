//! What is measured on: git repositories with a work tree, so that every tool reads the same files.

use crate::run;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How deep below a folder its repositories may lie.
const DEPTH_MAX: usize = 3;

/// One git repository, or several, with their files checked out.
pub(crate) struct Corpus {
    /// The folder's name.
    pub(crate) name: String,
    /// The checked-out files, where the tools that read files look.
    pub(crate) work_tree: PathBuf,
    /// What `sourcekeep up` is given: a repository, or a folder that has several.
    pub(crate) source: PathBuf,
    /// The repositories in it.
    pub(crate) repositories: Vec<PathBuf>,
}

impl Corpus {
    /// One repository as it is, which no other tool reads.
    pub(crate) fn alone(repository: &Path) -> Corpus {
        let path = repository.to_path_buf();
        let name = path.file_name().map_or("corpus".into(), |name| name.to_string_lossy().into_owned());
        Corpus { name, work_tree: path.clone(), source: path.clone(), repositories: vec![path] }
    }
}

/// Uses a repository as it is; copies the repositories of a folder and commits a plain tree to a repository, both in the
/// scratch folder, leaving what is given untouched.
pub(crate) fn prepare(path: &Path, scratch: &Path) -> Result<Corpus> {
    let path = path.canonicalize().with_context(|| format!("cannot open the corpus {}", path.display()))?;
    let name = path.file_name().map_or("corpus".into(), |name| name.to_string_lossy().into_owned());
    // Tools pass over folders whose names begin with a dot.
    let name = name.trim_start_matches('.').to_owned();
    if !path.is_dir() {
        bail!("{} is not a folder; give a git repository, a folder of them or a source tree", path.display());
    }
    if path.join(".git").exists() {
        let (work_tree, source) = (path.clone(), path.clone());
        return Ok(Corpus { name, work_tree, source, repositories: vec![path] });
    }
    let mut found = Vec::new();
    find_repositories(&path, DEPTH_MAX, &mut found)?;
    found.sort();
    if found.is_empty() {
        of_tree(name, path, scratch)
    } else {
        of_repositories(name, &path, &found, scratch)
    }
}

fn find_repositories(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    let is_bare = |path: &Path| path.join("HEAD").is_file() && path.join("objects").is_dir();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if is_bare(&path) || path.join(".git").exists() {
            found.push(path);
        } else if depth > 1 && path.is_dir() && !path.is_symlink() {
            find_repositories(&path, depth - 1, found)?;
        }
    }
    Ok(())
}

/// Copies of the repositories with their default branches, and beside them the files of those without `.git`.
fn of_repositories(name: String, folder: &Path, found: &[PathBuf], scratch: &Path) -> Result<Corpus> {
    let (source, work_tree) = (scratch.join(format!("{name}-git")), scratch.join(format!("{name}-files")));
    let mut repositories = Vec::new();
    for repository in found {
        let own = repository.strip_prefix(folder).unwrap_or(repository).to_string_lossy().replace('/', "-");
        let (copy, files) = (source.join(format!("{own}.git")), work_tree.join(&own));
        std::fs::create_dir_all(&files)?;
        let mut clone = Command::new("git");
        clone.args(["clone", "--quiet", "--bare", "--single-branch"]).arg(repository).arg(&copy);
        run::output(&mut clone)?;
        let mut checkout = Command::new("git");
        checkout.arg("--git-dir").arg(&copy).arg("--work-tree").arg(&files);
        run::output(checkout.args(["checkout", "--quiet", "--force", "HEAD", "--", "."]))?;
        repositories.push(copy);
    }
    Ok(Corpus { name, work_tree, source, repositories })
}

fn of_tree(name: String, path: PathBuf, scratch: &Path) -> Result<Corpus> {
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
    Ok(Corpus { name, work_tree: path, source: repository.clone(), repositories: vec![repository] })
}
