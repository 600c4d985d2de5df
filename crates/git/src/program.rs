//! The git program: found, checked, and held with the limits its children run under.

use crate::command;
use egress::Door;
use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// The oldest git we know to understand every argument we give (Debian 12 has it).
const VERSION_MIN: (u32, u32) = (2, 39);

/// Limits of one git child and of the processes it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildLimits {
    /// Wall-clock limit.
    pub timeout: Duration,
    /// Longest silence of a running transfer.
    pub silence: Duration,
    /// Largest file it may write (a pack, mostly), in bytes.
    pub file_bytes_max: u64,
    /// Most bytes it may receive from the remote, as git tells it.
    pub received_bytes_max: u64,
    /// Processor time of each of its processes, all threads together, in seconds.
    pub cpu_seconds_max: u64,
}

impl Default for ChildLimits {
    /// Room for the largest public repositories (the Linux history: 6 GB, 20 minutes): 32 GiB, 6 hours.
    fn default() -> Self {
        ChildLimits {
            timeout: Duration::from_secs(6 * 3600),
            silence: Duration::from_secs(15 * 60),
            file_bytes_max: 32 << 30,
            received_bytes_max: 32 << 30,
            cpu_seconds_max: 12 * 3600,
        }
    }
}

/// How the git program is found and let out. The environment of the server is not read: what git may know is here.
#[derive(Clone, Debug, Default)]
pub struct GitProgramOptions {
    /// The program; `git` from `path` if not given.
    pub program: Option<PathBuf>,
    /// `PATH` for git and its helpers (ssh, sh); `/usr/local/bin:/usr/bin:/bin` if not given.
    pub path: Option<OsString>,
    /// Proxy (`http://127.0.0.1:port`) that every http and https remote is reached through. The one place for it; without
    /// it none is used, whatever the environment says. With a door, it is the door that uses it.
    pub http_proxy: Option<String>,
    /// The way out that children are lent: their connections are counted and written down. Without it (in tests, and where
    /// nothing is written down) they connect by themselves.
    pub door: Option<Door>,
    /// The program that connects ssh and `git://` with the door: this one, started with [`egress::Relay::VARIABLE`].
    pub relay: Option<PathBuf>,
    /// Certificates to trust for https, in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// Socket of the ssh agent that may sign for ssh remotes.
    pub ssh_agent: Option<PathBuf>,
    /// Folder with the keys, known hosts and configuration that ssh may read (`~/.ssh`); ssh finds its user's by itself.
    pub ssh_dir: Option<PathBuf>,
    /// Limits of each child.
    pub limits: ChildLimits,
}

impl GitProgramOptions {
    /// What a person's own git would know of the surroundings: `PATH`, the ssh agent, `~/.ssh` and the certificates named by
    /// `SSL_CERT_FILE`, looked up by the given function (such as `std::env::var_os`).
    pub fn from_environment(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        GitProgramOptions {
            path: variable("PATH"),
            ca_file: variable("SSL_CERT_FILE").map(PathBuf::from),
            ssh_agent: variable("SSH_AUTH_SOCK").map(PathBuf::from),
            ssh_dir: variable("HOME").map(|home| Path::new(&home).join(".ssh")),
            ..GitProgramOptions::default()
        }
    }
}

/// A git program that was found, is new enough, and is run only through this crate's builder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct GitProgram {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: GitProgramOptions,
    version: String,
}

/// Why there is no usable git program.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It cannot be started.
    #[error("the git program '{}' cannot be started: {source}; install git 2.39 or newer", program.display())]
    NotStarted {
        /// The program.
        program: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It does not say its version as git does.
    #[error("'{}' does not seem to be git: it answers '{answer}' to the question for its version", program.display())]
    NotGit {
        /// The program.
        program: PathBuf,
        /// Its answer, made printable.
        answer: String,
    },
    /// It is too old.
    #[error("git {version} is too old; install git 2.39 or newer")]
    TooOld {
        /// Its version.
        version: String,
    },
}

impl GitProgram {
    /// Finds git and checks its version.
    pub fn find(mut options: GitProgramOptions) -> Result<Self, ProgramError> {
        let wanted = options.program.clone().unwrap_or_else(|| "git".into());
        let not_started = |source| ProgramError::NotStarted { program: wanted, source };
        let Some(program) = command::find_program(&options) else {
            return Err(not_started(io::ErrorKind::NotFound.into()));
        };
        options.program = Some(program.clone());
        let answer = command::ask_version(&options).map_err(not_started)?;
        let version = check_version(&program, &answer)?;
        Ok(GitProgram { inner: Arc::new(Inner { options, version }) })
    }

    /// Its version, such as `2.39.5`.
    pub fn version(&self) -> &str {
        &self.inner.version
    }

    pub(crate) fn options(&self) -> &GitProgramOptions {
        &self.inner.options
    }
}

fn check_version(program: &Path, answer: &str) -> Result<String, ProgramError> {
    let not_git = || {
        let answer = answer.chars().take(80).map(|c| if c.is_control() { ' ' } else { c }).collect();
        ProgramError::NotGit { program: program.to_owned(), answer }
    };
    let version = answer.strip_prefix("git version ").and_then(|rest| rest.split_whitespace().next());
    let version = version.ok_or_else(not_git)?;
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(major), Some(minor)) if (major, minor) >= VERSION_MIN => Ok(version.to_owned()),
        (Some(_), Some(_)) => Err(ProgramError::TooOld { version: version.to_owned() }),
        _ => Err(not_git()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let check = |answer| check_version(Path::new("git"), answer);
        for answer in
            ["git version 2.39.5\n", "git version 2.47.3 (Apple Git-1)", "git version 3.0.rc1.g1234"]
        {
            assert!(check(answer).is_ok(), "{answer}");
        }
        assert!(matches!(check("git version 2.38.1"), Err(ProgramError::TooOld { .. })));
        for answer in ["", "hello\u{1b}", "git version", "git version x.y"] {
            assert!(matches!(check(answer), Err(ProgramError::NotGit { .. })), "{answer}");
        }
    }
}
