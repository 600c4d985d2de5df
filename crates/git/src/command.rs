//! The one builder of git command lines, and the one place that spawns.
//!
//! Every child gets the same frame: an environment made from nothing, no configuration but what stands here, one allowed
//! transport, no hooks, no prompts, received objects checked, and its operands behind `--end-of-options`.

use crate::{
    ChildLimits, GitProgram, GitProgramOptions, RemoteUrl, RunError, Scheme, Secret,
    sandbox::{Connect, Grants},
};
use egress::{Destination, Door, Pass, Purpose, Reach, Relay};
use std::{
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Configuration of every child. A single value here wins over any file; there is no file but the mirror's own, which only
/// git children of ours have written.
const CONFIG: &[(&str, &str)] = &[
    ("protocol.allow", "never"),
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.askPass", ""),
    ("core.attributesFile", "/dev/null"),
    ("credential.helper", ""),
    ("credential.interactive", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("fetch.writeCommitGraph", "false"),
    // One pack per fetch: loose objects are slow to read by the thousand.
    ("fetch.unpackLimit", "1"),
    ("transfer.fsckObjects", "true"),
    ("http.followRedirects", "initial"),
    // Below 100 bytes a second for two minutes, a transfer is dead.
    ("http.lowSpeedLimit", "100"),
    ("http.lowSpeedTime", "120"),
    ("init.templateDir", ""),
    ("init.defaultRefFormat", "files"),
    ("init.defaultObjectFormat", "sha1"),
];

/// Faults that old public repositories have by the thousand and that harm nobody who reads objects as we do. What a
/// checkout could turn into an attack (`.git`, `..`, absolute or empty names, duplicate entries, a wrong order) stays an
/// error, as `transfer.fsckObjects` makes it.
const TOLERATED_FAULTS: &[&str] = &[
    "badDate",
    "badDateOverflow",
    "badEmail",
    "badFilemode",
    "badName",
    "badTimezone",
    "gitattributesBlob",
    "gitattributesLarge",
    "gitattributesLineLength",
    "gitattributesMissing",
    "gitignoreSymlink",
    "gitmodulesBlob",
    "gitmodulesLarge",
    "gitmodulesMissing",
    "gitmodulesName",
    "gitmodulesParse",
    "gitmodulesPath",
    "gitmodulesSymlink",
    "gitmodulesUpdate",
    "gitmodulesUrl",
    "largePathname",
    "missingEmail",
    "missingNameBeforeEmail",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "missingTaggerEntry",
    "badTagName",
    "multipleAuthors",
    "nulInCommit",
    "nullSha1",
    "zeroPaddedDate",
    "zeroPaddedFilemode",
];

/// The user name and password are in the child's environment, which nobody but its user can read, and this helper (run by
/// git in a shell) tells them, only for the host and transport they belong to: a redirect elsewhere gets nothing.
const CREDENTIAL_HELPER: &str = "!f() { test \"$1\" = get || exit 0; h= p=; while IFS= read -r l && test -n \"$l\"; do \
     case \"$l\" in host=*) h=${l#host=};; protocol=*) p=${l#protocol=};; esac; done; \
     if test \"$h\" = \"$SOURCEKEEP_GIT_HOST\" && test \"$p\" = \"$SOURCEKEEP_GIT_PROTOCOL\"; then \
     printf 'username=%s\\npassword=%s\\n' \"$SOURCEKEEP_GIT_USER\" \"$SOURCEKEEP_GIT_PASSWORD\"; fi; }; f";

/// ssh without questions, without following its configuration into forwarding or local commands.
pub(crate) const SSH_COMMAND: &str = "ssh -oBatchMode=yes -oClearAllForwardings=yes -oPermitLocalCommand=no -oControlMaster=no \
     -oControlPath=none -oForwardAgent=no -oConnectTimeout=60 -oServerAliveInterval=60";

/// A git command line being built. Flags are ours and constant; everything that came from elsewhere is an operand.
pub(crate) struct GitCommand<'a> {
    program: &'a GitProgram,
    subcommand: &'static str,
    flags: Vec<&'static str>,
    operands: Vec<OsString>,
    git_dir: Option<PathBuf>,
    remote: Option<RemoteUrl>,
    grants: Grants,
    without_sync: bool,
    timeout_max: Duration,
}

impl<'a> GitCommand<'a> {
    pub(crate) fn new(program: &'a GitProgram, subcommand: &'static str) -> Self {
        GitCommand {
            program,
            subcommand,
            flags: Vec::new(),
            operands: Vec::new(),
            git_dir: None,
            remote: None,
            grants: Grants::default(),
            without_sync: false,
            timeout_max: Duration::MAX,
        }
    }

    /// Stops it after this time, where the limits of all children allow more.
    pub(crate) fn within(mut self, timeout_max: Duration) -> Self {
        self.timeout_max = timeout_max;
        self
    }

    /// The limits it runs under.
    pub(crate) fn limits(&self) -> ChildLimits {
        let limits = self.program.options().limits.clone();
        ChildLimits { timeout: limits.timeout.min(self.timeout_max), ..limits }
    }

    /// Leaves it to the caller to make what is written durable, all at once.
    pub(crate) fn without_sync(mut self) -> Self {
        self.without_sync = true;
        self
    }

    pub(crate) fn flags(mut self, flags: &[&'static str]) -> Self {
        self.flags.extend(flags);
        self
    }

    /// Anything that did not come from this crate's text; it stands behind `--end-of-options`.
    pub(crate) fn operand(mut self, operand: impl AsRef<OsStr>) -> Self {
        self.operands.push(operand.as_ref().to_owned());
        self
    }

    /// Runs in this repository, which it may write.
    pub(crate) fn in_repository(mut self, git_dir: &Path) -> Self {
        self.git_dir = Some(git_dir.to_owned());
        self.may_write(git_dir)
    }

    pub(crate) fn may_write(mut self, folder: &Path) -> Self {
        self.grants.write.push(folder.to_owned());
        self
    }

    /// Adds the address as an operand, allows its transport and nothing else, and lends git its credential.
    pub(crate) fn remote(mut self, url: &RemoteUrl) -> Self {
        self.grants.read.extend(url.local_path());
        self.remote = Some(url.clone());
        self.operand(url.without_credential())
    }

    pub(crate) fn git_dir(&self) -> Option<&Path> {
        self.git_dir.as_deref()
    }

    pub(crate) fn secret(&self) -> Option<&Secret> {
        self.remote.as_ref()?.credential()
    }

    /// Leave to connect to the remote, where there is one and a door that leads out. It ends when it is dropped.
    pub(crate) fn pass(&self) -> Result<Option<Pass>, RunError> {
        let (Some(door), Some(remote)) = (&self.program.options().door, &self.remote) else {
            return Ok(None);
        };
        let initiator = format!("git {} {}", self.subcommand, remote.without_credential());
        let port = remote.port();
        lend_way_out(door, remote.scheme(), remote.host(), port, &initiator)
    }

    /// The finished command and what its process may touch.
    pub(crate) fn build(&self, pass: Option<&Pass>) -> (Command, Grants) {
        let options = self.program.options();
        let mut command = base_command(options);
        for (key, value) in self.config(pass.is_some()) {
            command.arg("-c").arg(format!("{key}={value}"));
        }
        if let Some(git_dir) = &self.git_dir {
            let mut argument = OsString::from("--git-dir=");
            argument.push(git_dir);
            command.arg(argument);
        }
        command.arg(self.subcommand).args(&self.flags).arg("--end-of-options").args(&self.operands);
        if let Some(folder) = self.grants.write.first() {
            command.current_dir(folder).env("TMPDIR", folder);
        }
        self.lend_access(&mut command, pass);
        (command, self.all_grants(pass))
    }

    fn config(&self, has_pass: bool) -> Vec<(String, String)> {
        let mut config: Vec<(String, String)> =
            CONFIG.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        config
            .extend(TOLERATED_FAULTS.iter().map(|fault| (format!("fetch.fsck.{fault}"), "warn".to_owned())));
        let options = self.program.options();
        if !has_pass {
            config.push(("http.proxy".to_owned(), options.http_proxy.clone().unwrap_or_default()));
        }
        if let Some(ca_file) = &options.ca_file {
            config.push(("http.sslCAInfo".to_owned(), ca_file.to_string_lossy().into_owned()));
        }
        if self.without_sync {
            config.push(("core.fsync".to_owned(), "none".to_owned()));
        }
        if let Some(remote) = &self.remote {
            config.push((format!("protocol.{}.allow", remote.scheme().as_str()), "always".to_owned()));
            if remote.scheme() == Scheme::Http {
                // The one redirect that makes things safer.
                config.push(("protocol.https.allow".to_owned(), "always".to_owned()));
            }
            if remote.credential().is_some() {
                config.push(("credential.helper".to_owned(), CREDENTIAL_HELPER.to_owned()));
            }
        }
        config
    }

    /// What the environment lends: the credential for the helper, the agent for ssh, the pass for the way out. Nobody but the
    /// child's user can read it there, unlike its arguments.
    fn lend_access(&self, command: &mut Command, pass: Option<&Pass>) {
        let Some(remote) = &self.remote else { return };
        if let Some(secret) = remote.credential() {
            command.env("SOURCEKEEP_GIT_USER", secret.reveal_user());
            command.env("SOURCEKEEP_GIT_PASSWORD", secret.reveal_password());
            command.env("SOURCEKEEP_GIT_HOST", remote.host_and_port());
            command.env("SOURCEKEEP_GIT_PROTOCOL", remote.scheme().as_str());
        }
        if let Some(pass) = pass {
            let config = [("http.proxy", pass.proxy_url())];
            command.env("GIT_CONFIG_COUNT", config.len().to_string());
            for (at, (key, value)) in config.into_iter().enumerate() {
                command.env(format!("GIT_CONFIG_KEY_{at}"), key).env(format!("GIT_CONFIG_VALUE_{at}"), value);
            }
            lend_relay(command, pass, self.program.options());
            if let (Scheme::Git, Some(relay)) = (remote.scheme(), &self.program.options().relay) {
                command.env("GIT_PROXY_COMMAND", relay);
            }
        }
        if remote.scheme() == Scheme::Ssh {
            let ssh = match pass {
                Some(_) => format!("{SSH_COMMAND} -o'{PROXY_COMMAND}'"),
                None => SSH_COMMAND.to_owned(),
            };
            command.env("GIT_SSH_COMMAND", ssh).env("GIT_SSH_VARIANT", "ssh");
            if let Some(agent) = &self.program.options().ssh_agent {
                command.env("SSH_AUTH_SOCK", agent);
            }
        }
    }

    fn all_grants(&self, pass: Option<&Pass>) -> Grants {
        let options = self.program.options();
        let mut grants = self.grants.clone();
        grants.read.extend(options.ca_file.clone());
        grants.read.extend(program_folders(options));
        let remote = self.remote.as_ref().map(|remote| (remote.scheme(), remote.port()));
        if let Some((Scheme::Ssh, _)) = remote {
            grants.read.extend(options.ssh_dir.clone());
            grants.read.extend(options.ssh_agent.clone());
        }
        grants.connect = match remote {
            None | Some((Scheme::File, _)) => Connect::Nowhere,
            Some(_) if let Some(pass) = pass => {
                grants.read.extend(options.relay.clone());
                Connect::Ports(vec![pass.port()])
            }
            Some((Scheme::Ssh, _)) => Connect::Anywhere,
            // 53 for names that do not fit a datagram; 80 and 443 for the one redirect.
            Some((_, port)) => {
                let proxy = options.http_proxy.as_deref().and_then(proxy_port);
                Connect::Ports([53, 80, 443].into_iter().chain(port).chain(proxy).collect())
            }
        };
        grants
    }
}

/// What ssh runs to connect, where a way out was lent: the relay, named by the environment so that no path has to be quoted.
pub(crate) const PROXY_COMMAND: &str = "ProxyCommand=\"$SOURCEKEEP_RELAY\" %h %p";

/// Tells the relay what it needs.
pub(crate) fn lend_relay(command: &mut Command, pass: &Pass, options: &GitProgramOptions) {
    if let Some(relay) = &options.relay {
        command.env("SOURCEKEEP_RELAY", relay).env(Relay::VARIABLE, pass.proxy_url());
    }
}

/// Leave to connect to one machine, which the repository's owner named: it may be in any network but a cloud's own.
#[track_caller]
pub(crate) fn lend_way_out(
    door: &Door,
    scheme: Scheme,
    host: &str,
    port: Option<u16>,
    initiator: &str,
) -> Result<Option<Pass>, RunError> {
    let reach = match scheme {
        Scheme::File => return Ok(None),
        // The first answer may redirect.
        Scheme::Https | Scheme::Http => Reach::AnyPublic,
        Scheme::Git => Reach::OwnOrigin,
        Scheme::Ssh => Reach::Aliases,
    };
    let not_let_out = |reason: String| RunError::NotLetOut { reason };
    let anywhere = ["0.0.0.0/0", "::/0"].into_iter().filter_map(|network| network.parse().ok()).collect();
    let (purpose, scheme) = (Purpose::GitFetch, scheme.as_str());
    let destination = Destination::machine(purpose, scheme, host, port, anywhere, reach)
        .map_err(|error| not_let_out(error.to_string()))?
        .asked_by(initiator);
    door.check(&destination).map_err(|refused| not_let_out(refused.to_string()))?;
    door.pass(destination).map(Some).map_err(|error| not_let_out(error.to_string()))
}

/// Asks the program for its version, in the same environment but outside any repository.
pub(crate) fn ask_version(options: &GitProgramOptions) -> io::Result<String> {
    let output = base_command(options).arg("version").stdin(Stdio::null()).output()?;
    Ok(String::from_utf8_lossy(&output.stdout[..output.stdout.len().min(1000)]).into_owned())
}

/// SECURITY: the only place in the product that names a program to run (git, and for [`crate::Gitolite`] gitolite or ssh). The
/// environment is made from nothing, so that no `GIT_*`, `SSH_*`, `LD_*` or proxy variable of the server's reaches it.
#[allow(clippy::disallowed_methods, reason = "the one builder of git processes")]
pub(crate) fn plain_command(program: &Path, options: &GitProgramOptions) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", search_path(options)).env("LC_ALL", "C").env("TZ", "UTC");
    command
}

/// git itself, without any configuration but ours.
fn base_command(options: &GitProgramOptions) -> Command {
    let program = options.program.clone().unwrap_or_else(|| "git".into());
    let mut command = plain_command(&program, options);
    command
        .env("HOME", "/nonexistent")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_ATTR_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "")
        .env("SSH_ASKPASS_REQUIRE", "never")
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_PROTOCOL_FROM_USER", "0")
        .env("GIT_ADVICE", "0");
    command
}

fn search_path(options: &GitProgramOptions) -> OsString {
    options.path.clone().unwrap_or_else(|| DEFAULT_PATH.into())
}

/// The folders of `PATH`, and those beside a git that is not the system's which hold its helpers and libraries.
pub(crate) fn program_folders(options: &GitProgramOptions) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        std::env::split_paths(&search_path(options)).filter(|folder| folder.is_absolute()).collect();
    let program = options.program.as_ref().and_then(|program| program.canonicalize().ok());
    if let Some(prefix) = program.as_ref().and_then(|program| program.parent()?.parent()) {
        folders.extend(["bin", "lib", "lib64", "libexec", "share"].map(|name| prefix.join(name)));
    }
    folders
}

/// The program as an absolute path, so that it is the same one for the sandbox and for the system.
pub(crate) fn find_program(options: &GitProgramOptions) -> Option<PathBuf> {
    find_named(options.program.clone().unwrap_or_else(|| "git".into()), options)
}

/// A program as an absolute path, from `PATH` where it is a bare name.
pub(crate) fn find_named(wanted: PathBuf, options: &GitProgramOptions) -> Option<PathBuf> {
    if wanted.components().count() > 1 {
        return std::path::absolute(wanted).ok();
    }
    program_folders(options)
        .into_iter()
        .map(|folder| folder.join(&wanted))
        .find(|candidate| candidate.is_file())
}

fn proxy_port(proxy: &str) -> Option<u16> {
    url::Url::parse(proxy).ok()?.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Schemes;

    fn program() -> GitProgram {
        GitProgram::find(GitProgramOptions::default()).unwrap()
    }

    fn arguments(command: &Command) -> Vec<String> {
        command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn what_came_from_elsewhere_stands_behind_the_options() {
        let program = program();
        let url = RemoteUrl::parse("https://me:hunter2@example.org/o/n.git", Schemes::default()).unwrap();
        let built =
            GitCommand::new(&program, "fetch").flags(&["--prune"]).remote(&url).operand("--upload-pack=x");
        let arguments = arguments(&built.build(None).0);
        let end = arguments.iter().position(|argument| argument == "--end-of-options").unwrap();
        assert_eq!(arguments[end + 1..], ["https://example.org/o/n.git", "--upload-pack=x"]);
        assert!(!arguments.iter().any(|argument| argument.contains("hunter2")));
    }

    #[test]
    fn one_transport_is_allowed() {
        let program = program();
        let url = RemoteUrl::parse("git@example.org:o/n.git", Schemes::default()).unwrap();
        let (command, grants) = GitCommand::new(&program, "ls-remote").remote(&url).build(None);
        let allowed: Vec<_> =
            arguments(&command).into_iter().filter(|a| a.ends_with(".allow=always")).collect();
        assert_eq!(
            (allowed.as_slice(), grants.connect),
            (["protocol.ssh.allow=always".to_owned()].as_slice(), Connect::Anywhere)
        );
        let (_, grants) = GitCommand::new(&program, "symbolic-ref").build(None);
        assert_eq!(grants.connect, Connect::Nowhere);
    }

    #[test]
    fn the_environment_is_made_from_nothing() {
        let (command, _) = GitCommand::new(&program(), "fetch").build(None);
        let names: Vec<_> = command.get_envs().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
        assert!(names.iter().all(|name| !name.starts_with("LD_") && !name.contains("PROXY")));
        assert!(names.contains(&"GIT_CONFIG_NOSYSTEM".to_owned()));
    }
}
