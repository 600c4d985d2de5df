//! Asking a gitolite server what repositories there are and who may read them: by its own program where it is on this
//! machine, over ssh otherwise.
//!
//! gitolite's rules are a language of their own, compiled to Perl; only gitolite evaluates them. Its command `info -p` lists
//! the repositories that somebody has access to; who that is is a variable here, and its command `sudo` over ssh.
//! <https://gitolite.com/gitolite/user#the-info-command>, `commands/sudo` in its sources.

use crate::command::{
    PROXY_COMMAND, SSH_COMMAND, find_named, lend_relay, lend_way_out, plain_command, program_folders,
};
use crate::run::{FailureKind, printable, supervise};
use crate::sandbox::{Connect, Grants};
use crate::{ChildLimits, GitProgramOptions, RunError, Scheme};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How long gitolite may take to read its rules for some ten thousand repositories.
const TIMEOUT: Duration = Duration::from_secs(120);
const NAME_BYTES_MAX: usize = 255;

/// Where a gitolite server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GitolitePlace {
    /// On this machine, in the home directory of the account that it runs as. We must be able to read there.
    Here {
        /// That directory.
        home: PathBuf,
    },
    /// Over ssh, as somebody who may write to `gitolite-admin`; `sudo` must be among the commands that its `.gitolite.rc`
    /// enables.
    Ssh {
        /// The account that gitolite runs as there, `git` mostly.
        user: String,
        /// The host.
        host: String,
        /// The port, where it is another than ssh's.
        port: Option<u16>,
    },
}

/// A name as gitolite takes them for people: what can be no option, no second word and no other command.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GitoliteUser(String);

/// A repository that somebody has access to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitoliteRepo {
    /// Its name.
    pub name: String,
    /// Whether the access includes reading.
    pub is_readable: bool,
}

/// Why gitolite did not answer.
#[derive(Debug, thiserror::Error)]
pub enum GitoliteError {
    /// The place cannot be one.
    #[error("this is no place of a gitolite server: write an absolute directory, or ssh://git@host")]
    BadPlace,
    /// The program is not installed.
    #[error("the program '{program}' is not installed here")]
    NoProgram {
        /// Which.
        program: &'static str,
    },
    /// It ran and failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It answered something else.
    #[error("gitolite's answer cannot be read: {line:?} is no repository with its rights")]
    BadAnswer {
        /// The first such line.
        line: String,
    },
}

/// A gitolite server that can be asked.
#[derive(Clone)]
pub struct Gitolite {
    options: GitProgramOptions,
    place: GitolitePlace,
    program: PathBuf,
}

impl GitoliteUser {
    /// Checks a name (gitolite's `USERNAME_PATT`, and no dash in front).
    pub fn new(name: &str) -> Option<Self> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '+');
        let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let fits = begins && name.len() <= NAME_BYTES_MAX && name.chars().all(is_word);
        fits.then(|| GitoliteUser(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl GitolitePlace {
    /// Reads an absolute directory, or `ssh://user@host:port`.
    pub fn parse(text: &str) -> Result<Self, GitoliteError> {
        if text.starts_with('/') {
            return Ok(GitolitePlace::Here { home: PathBuf::from(text) });
        }
        let rest = text.strip_prefix("ssh://").ok_or(GitoliteError::BadPlace)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, rest) = rest.split_once('@').unwrap_or(("git", rest));
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().map_err(|_| GitoliteError::BadPlace)?)),
            None => (rest, None),
        };
        // SECURITY: neither may be an option of ssh or hold a second word.
        let is_host = !host.is_empty()
            && !host.starts_with('-')
            && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
        let user = GitoliteUser::new(user).ok_or(GitoliteError::BadPlace)?;
        match is_host {
            true => Ok(GitolitePlace::Ssh { user: user.0, host: host.to_owned(), port }),
            false => Err(GitoliteError::BadPlace),
        }
    }

    /// Where git fetches a repository from: a path on this machine, or an address.
    pub fn clone_from(&self, repository: &str) -> String {
        match self {
            GitolitePlace::Here { home } => {
                home.join("repositories").join(format!("{repository}.git")).to_string_lossy().into_owned()
            }
            GitolitePlace::Ssh { user, host, port: None } => format!("ssh://{user}@{host}/{repository}"),
            GitolitePlace::Ssh { user, host, port: Some(port) } => {
                format!("ssh://{user}@{host}:{port}/{repository}")
            }
        }
    }
}

impl Gitolite {
    /// Finds the program that is needed: gitolite for a server on this machine, ssh for another.
    pub fn new(place: GitolitePlace, options: GitProgramOptions) -> Result<Self, GitoliteError> {
        let program = match &place {
            GitolitePlace::Here { .. } => "gitolite",
            GitolitePlace::Ssh { .. } => "ssh",
        };
        let found = find_named(program.into(), &options).ok_or(GitoliteError::NoProgram { program })?;
        Ok(Gitolite { options, place, program: found })
    }

    /// Where it is.
    pub fn place(&self) -> &GitolitePlace {
        &self.place
    }

    /// All repositories that exist, or over ssh those that we have access to.
    pub fn repositories(&self, cancel: &AtomicBool) -> Result<Vec<String>, GitoliteError> {
        match &self.place {
            GitolitePlace::Here { home } => {
                let mut command = self.local(home);
                command.arg("list-phy-repos");
                let output = self.run(command, cancel)?;
                Ok(text_of(&output).lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
            }
            GitolitePlace::Ssh { .. } => {
                let output = self.run(self.remote(&["info", "-p"]), cancel)?;
                Ok(parse_info(&text_of(&output))?.into_iter().map(|repo| repo.name).collect())
            }
        }
    }

    /// The repositories that somebody has access to, as gitolite itself decides it.
    pub fn repositories_of(
        &self,
        user: &GitoliteUser,
        cancel: &AtomicBool,
    ) -> Result<Vec<GitoliteRepo>, GitoliteError> {
        let command = match &self.place {
            GitolitePlace::Here { home } => {
                let mut command = self.local(home);
                command.env("GL_USER", user.as_str()).args(["info", "-p"]);
                command
            }
            GitolitePlace::Ssh { .. } => self.remote(&["sudo", user.as_str(), "info", "-p"]),
        };
        parse_info(&text_of(&self.run(command, cancel)?))
    }

    fn local(&self, home: &Path) -> Command {
        let mut command = plain_command(&self.program, &self.options);
        // Its log is its own; questions of ours are not worth a line of it, nor the right to write there.
        command.env("HOME", home).env("USER", "gitolite").env("GL_LOGFILE", "/dev/null").current_dir(home);
        command
    }

    fn remote(&self, words: &[&str]) -> Command {
        let mut command = plain_command(&self.program, &self.options);
        command.args(SSH_COMMAND.split_whitespace().skip(1)).arg("-T");
        if self.options.door.is_some() {
            command.arg(format!("-o{PROXY_COMMAND}"));
        }
        if let GitolitePlace::Ssh { user, host, port } = &self.place {
            if let Some(port) = port {
                command.arg("-p").arg(port.to_string());
            }
            command.arg("-l").arg(user).arg("--").arg(host).args(words);
        }
        if let Some(agent) = &self.options.ssh_agent {
            command.env("SSH_AUTH_SOCK", agent);
        }
        command
    }

    /// SECURITY: in the same sandbox as git. Here it reads gitolite's home and writes nothing; over ssh it reads what git's own
    /// ssh reads.
    fn run(&self, command: Command, cancel: &AtomicBool) -> Result<Vec<u8>, GitoliteError> {
        let mut grants = Grants { read: program_folders(&self.options), ..Grants::default() };
        match &self.place {
            GitolitePlace::Here { home } => grants.read.push(home.clone()),
            GitolitePlace::Ssh { .. } => {
                grants.read.extend(self.options.ssh_dir.clone());
                grants.read.extend(self.options.ssh_agent.clone());
                grants.connect = Connect::Anywhere;
            }
        }
        let mut command = command;
        let pass = match (&self.place, &self.options.door) {
            (GitolitePlace::Ssh { host, port, .. }, Some(door)) => {
                lend_way_out(door, Scheme::Ssh, host, *port, &format!("gitolite at {host}"))?
            }
            _ => None,
        };
        if let Some(pass) = &pass {
            lend_relay(&mut command, pass, &self.options);
            grants.read.extend(self.options.relay.clone());
            grants.connect = Connect::Ports(vec![pass.port()]);
        }
        let limits = ChildLimits { timeout: TIMEOUT, silence: TIMEOUT, ..self.options.limits.clone() };
        let ended = supervise(command, &grants, &limits, cancel, &mut |_| ())?;
        if !ended.status.success() {
            let complaint = printable(&ended.complaint);
            return Err(RunError::Failed { kind: FailureKind::of(&complaint), complaint }.into());
        }
        Ok(ended.output)
    }
}

impl fmt::Debug for Gitolite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Gitolite({:?})", self.place)
    }
}

fn text_of(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

/// Reads ` R W  C<tab>name` lines behind a greeting. SECURITY: a line that is neither makes the whole answer unusable, so that half
/// an answer is never taken for a short one; the greeting must be there for the same reason.
fn parse_info(text: &str) -> Result<Vec<GitoliteRepo>, GitoliteError> {
    let bad = |line: &str| GitoliteError::BadAnswer { line: line.chars().take(100).collect() };
    let mut lines = text.lines();
    let greeting = lines.next().unwrap_or_default();
    if !greeting.starts_with("hello ") {
        return Err(bad(greeting));
    }
    let mut repositories = Vec::new();
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let (rights, name) = line.split_once('\t').ok_or_else(|| bad(line))?;
        if !rights.chars().all(|c| " RWC+DM-".contains(c))
            || name.is_empty()
            || name.contains(char::is_control)
        {
            return Err(bad(line));
        }
        repositories.push(GitoliteRepo { name: name.to_owned(), is_readable: rights.contains('R') });
    }
    Ok(repositories)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_or_not_at_all() {
        let answer = "hello ada, this is git@h running gitolite3\n\n R  \tone\n R W\ttwo/three\n  WC\tfour\n";
        let repos = parse_info(answer).unwrap();
        let names: Vec<_> = repos.iter().map(|repo| (repo.name.as_str(), repo.is_readable)).collect();
        assert_eq!(names, [("one", true), ("two/three", true), ("four", false)]);
        assert!(parse_info("hello ada").unwrap().is_empty());
        for bad in
            ["", " R \tone", "FATAL: no", "hello ada\nsome words", "hello ada\nX\tone", "hello ada\n R\t"]
        {
            assert!(parse_info(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn places_and_names_are_no_options() {
        for good in ["/var/lib/gitolite3", "ssh://git@git.example.org", "ssh://host:2222/"] {
            assert!(GitolitePlace::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "host",
            "ssh://",
            "ssh://-oProxyCommand=x",
            "ssh://git@-x",
            "ssh://-l@h",
            "ssh://h;x",
            "ssh://h h",
            "ssh://h:x",
        ] {
            assert!(GitolitePlace::parse(bad).is_err(), "{bad}");
        }
        assert!(GitoliteUser::new("ada.b_c+d@e-f").is_some());
        for bad in ["", "-x", "a b", "a;b", "a$b", "a\n", "@all", &"a".repeat(256)] {
            assert!(GitoliteUser::new(bad).is_none(), "{bad}");
        }
    }
}
