//! Bare mirrors of remote repositories, made and refreshed by the git program.

use crate::{
    GitProgram, OpenError, OpenOptions, Progress, RefsError, RemoteUrl, Repository, RunError,
    command::GitCommand,
};
use model::RefName;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Duration,
};

/// What a clone in progress is called: nothing of this name is ever taken for a mirror.
const PARTIAL_PREFIX: &str = ".clone-";
/// Only branches and tags are mirrored: hosts advertise every review's refs too, often a hundred times as many.
const REFSPECS: [&str; 2] = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
/// From this many packs on, a fetch is followed by rolling small packs into larger ones.
const PACKS_MAX: usize = 40;

/// A remote that needs longer to list its refs will not send them either.
const ASK_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Makes and refreshes bare mirrors. Cheap to clone; blocks the calling thread.
#[derive(Clone, Debug)]
pub struct Mirror {
    program: GitProgram,
}

/// What a fetch did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchOutcome {
    /// Whether any branch, tag or the default branch is different from before.
    pub changed: bool,
}

/// Why a mirror could not be made or refreshed.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// git failed, was stopped or was refused.
    #[error("'{url}': {source}")]
    Run {
        /// The remote, without its credential.
        url: String,
        /// What happened.
        source: RunError,
    },
    /// The remote shows no branch and no tag, and the mirror has some. A broken web server looks like this too, so nothing is
    /// dropped.
    #[error(
        "'{url}' shows no branch and no tag any more; if it was really emptied, remove the repository and add it again"
    )]
    RemoteEmpty {
        /// The remote, without its credential.
        url: String,
    },
    /// There is something at the place of the new mirror.
    #[error("'{}' exists already; remove it to clone again", dir.display())]
    Exists {
        /// The place.
        dir: PathBuf,
    },
    /// The mirror's folder cannot be made, renamed or read.
    #[error("the mirror in '{}' cannot be written: {source}", dir.display())]
    NotWritable {
        /// The mirror's folder.
        dir: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The mirror cannot be opened. It can be removed and cloned anew.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The mirror's refs cannot be read. It can be removed and cloned anew.
    #[error(transparent)]
    Refs(#[from] RefsError),
}

impl MirrorError {
    /// Whether it was cancelled by the caller.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, MirrorError::Run { source: RunError::Cancelled, .. })
    }
}

impl Mirror {
    /// Mirrors are made with this program.
    pub fn new(program: GitProgram) -> Self {
        Mirror { program }
    }

    /// Clones the branches, tags and default branch of `url` into the bare repository `dir`, which must not exist yet. The clone
    /// is made beside `dir` under another name and renamed when it is complete: a failed, cancelled or killed clone leaves
    /// nothing at `dir`.
    pub fn clone_mirror(
        &self,
        url: &RemoteUrl,
        dir: &Path,
        cancel: &AtomicBool,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<(), MirrorError> {
        if dir.symlink_metadata().is_ok() {
            return Err(MirrorError::Exists { dir: dir.to_owned() });
        }
        let not_writable = |source| MirrorError::NotWritable { dir: dir.to_owned(), source };
        let parent = dir.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(not_writable)?;
        let parent = parent.canonicalize().map_err(not_writable)?;
        // Removed when dropped, so on every way out but the last.
        let partial =
            tempfile::Builder::new().prefix(PARTIAL_PREFIX).tempdir_in(&parent).map_err(not_writable)?;
        let fresh = partial.path().join("mirror.git");
        let init =
            GitCommand::new(&self.program, "init").flags(&["--quiet", "--bare"]).may_write(partial.path());
        self.run(url, init.operand(&fresh), cancel)?;
        let remote = self.ask(url, &fresh, cancel)?;
        let fetch = self.fetch_command(url, &fresh).without_sync();
        fetch.run(cancel, on_progress).map_err(|source| run_error(url, source))?;
        self.follow_default_branch(url, &fresh, &remote, cancel)?;
        // A first fetch writes a file for each ref.
        let pack_refs = GitCommand::new(&self.program, "pack-refs").flags(&["--all"]);
        self.run(url, pack_refs.in_repository(&fresh).without_sync(), cancel)?;
        sync_tree(&fresh).map_err(not_writable)?;
        fs::rename(&fresh, dir).and_then(|()| sync_folder(&parent)).map_err(not_writable)
    }

    /// Refreshes `dir` from `url`, drops branches and tags that are gone there, and follows the default branch.
    pub fn fetch(
        &self,
        url: &RemoteUrl,
        dir: &Path,
        cancel: &AtomicBool,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<FetchOutcome, MirrorError> {
        let dir =
            dir.canonicalize().map_err(|source| MirrorError::NotWritable { dir: dir.to_owned(), source })?;
        let mirror = Repository::open(&dir, &OpenOptions::default())?;
        let before = mirror.refs()?;
        remove_remains(&dir);
        let remote = self.ask(url, &dir, cancel)?;
        if remote.is_empty && !before.refs.is_empty() {
            return Err(MirrorError::RemoteEmpty { url: url.to_string() });
        }
        self.fetch_command(url, &dir).run(cancel, on_progress).map_err(|source| run_error(url, source))?;
        self.follow_default_branch(url, &dir, &remote, cancel)?;
        self.roll_up_packs(url, &dir, cancel)?;
        let after = Repository::open(&dir, &OpenOptions::default())?.refs()?;
        Ok(FetchOutcome { changed: before != after })
    }

    /// Removes what killed clones left in `parent`, and tells how many there were. Call it while nothing clones there, such as
    /// at start.
    pub fn remove_leftovers(parent: &Path) -> io::Result<usize> {
        let mut n_removed = 0;
        let entries = match fs::read_dir(parent) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PARTIAL_PREFIX));
            if is_ours && entry.file_type()?.is_dir() {
                match fs::remove_dir_all(entry.path()) {
                    Ok(()) => n_removed += 1,
                    // A git that outlived its server may still write there; the next start will find it gone.
                    Err(error) => tracing::warn!(%error, path = %entry.path().display(), "a leftover stays"),
                }
            }
        }
        Ok(n_removed)
    }

    fn fetch_command(&self, url: &RemoteUrl, dir: &Path) -> GitCommand<'_> {
        let flags = [
            "--prune",
            "--no-tags",
            "--force",
            "--progress",
            "--no-auto-maintenance",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--update-head-ok",
        ];
        let [heads, tags] = REFSPECS;
        let command = GitCommand::new(&self.program, "fetch").flags(&flags).in_repository(dir);
        command.remote(url).operand(heads).operand(tags)
    }

    /// Asks the remote for its branches and tags and where its HEAD is.
    fn ask(&self, url: &RemoteUrl, dir: &Path, cancel: &AtomicBool) -> Result<RemoteState, MirrorError> {
        let ask = GitCommand::new(&self.program, "ls-remote").flags(&["--symref"]).in_repository(dir);
        let ask = ask.remote(url).operand("HEAD").operand("refs/heads/*").operand("refs/tags/*");
        self.run(url, ask.within(ASK_TIMEOUT), cancel).map(|answer| RemoteState::parse(&answer))
    }

    /// Points HEAD to the branch that the remote's leads to. Where the remote did not say, ours stays.
    fn follow_default_branch(
        &self,
        url: &RemoteUrl,
        dir: &Path,
        remote: &RemoteState,
        cancel: &AtomicBool,
    ) -> Result<(), MirrorError> {
        let Some(branch) = &remote.default_branch else { return Ok(()) };
        let point = GitCommand::new(&self.program, "symbolic-ref").in_repository(dir);
        self.run(url, point.operand("HEAD").operand(branch.as_str()), cancel).map(drop)
    }

    /// Every fetch leaves a pack; reading slows with their number. Objects are only moved between packs, never dropped.
    fn roll_up_packs(&self, url: &RemoteUrl, dir: &Path, cancel: &AtomicBool) -> Result<(), MirrorError> {
        let is_pack =
            |entry: &fs::DirEntry| entry.path().extension().is_some_and(|extension| extension == "pack");
        let n_packs = fs::read_dir(dir.join("objects/pack"))
            .map_or(0, |entries| entries.flatten().filter(is_pack).count());
        if n_packs < PACKS_MAX {
            return Ok(());
        }
        let repack = GitCommand::new(&self.program, "repack").flags(&["--geometric=2", "-d", "-q"]);
        self.run(url, repack.in_repository(dir), cancel)?;
        let pack_refs = GitCommand::new(&self.program, "pack-refs").flags(&["--all"]);
        self.run(url, pack_refs.in_repository(dir), cancel).map(drop)
    }

    /// Runs a command whose progress nobody wants.
    fn run(
        &self,
        url: &RemoteUrl,
        command: GitCommand<'_>,
        cancel: &AtomicBool,
    ) -> Result<Vec<u8>, MirrorError> {
        command.run(cancel, &mut |_| ()).map_err(|source| run_error(url, source))
    }
}

fn run_error(url: &RemoteUrl, source: RunError) -> MirrorError {
    MirrorError::Run { url: url.to_string(), source }
}

/// What a remote says of its refs.
#[derive(Debug, PartialEq, Eq)]
struct RemoteState {
    default_branch: Option<RefName>,
    /// It shows no ref whatever.
    is_empty: bool,
}

impl RemoteState {
    /// Parses `ref: refs/heads/main\tHEAD` and lines of ids and names.
    fn parse(answer: &[u8]) -> Self {
        let answer = String::from_utf8_lossy(answer);
        let branch = answer.lines().find_map(|line| line.strip_prefix("ref: ")?.strip_suffix("\tHEAD"));
        let default_branch = branch
            .and_then(|name| RefName::new(name).ok())
            .filter(|name| name.as_str().starts_with("refs/heads/"));
        let is_empty = answer.lines().all(|line| line.starts_with("ref: "));
        RemoteState { default_branch, is_empty }
    }
}

/// A killed fetch leaves lock files that would stop every later one, and unfinished packs. One process owns the data directory
/// and runs one fetch per mirror, so whatever is there is dead.
fn remove_remains(dir: &Path) {
    let unfinished = |entry: &fs::DirEntry| entry.file_name().as_encoded_bytes().starts_with(b"tmp_");
    for entry in fs::read_dir(dir.join("objects/pack")).into_iter().flatten().flatten().filter(unfinished) {
        fs::remove_file(entry.path()).ok();
    }
    let mut pending = vec![(dir.to_owned(), 0)];
    while let Some((folder, depth)) = pending.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && depth < 32 && (depth > 0 || entry.file_name() == "refs") {
                pending.push((path, depth + 1));
            } else if !is_folder && path.extension().is_some_and(|extension| extension == "lock") {
                fs::remove_file(path).ok();
            }
        }
    }
}

/// Makes everything below the folder durable before its rename makes it visible.
fn sync_tree(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sync_tree(&entry.path())?;
        } else if kind.is_file() {
            fs::File::open(entry.path())?.sync_all()?;
        }
    }
    sync_folder(folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_remotes() {
        let check = |answer: &str| {
            let state = RemoteState::parse(answer.as_bytes());
            (state.default_branch.map(|name| name.to_string()), state.is_empty)
        };
        let main = Some("refs/heads/main".to_owned());
        assert_eq!(check("ref: refs/heads/main\tHEAD\n0123\tHEAD\n"), (main.clone(), false));
        assert_eq!(check("ref: refs/heads/main\tHEAD\n"), (main, true), "not born yet");
        assert_eq!(check(""), (None, true));
        for answer in [
            "0123\tHEAD\n",
            "ref: refs/heads/../../x\tHEAD\n0\tx",
            "ref: refs/tags/v1\tHEAD\n0\tx",
            "ref: -x\tHEAD\n0\tx",
        ] {
            assert_eq!(check(answer), (None, false), "{answer}");
        }
    }
}
