//! A real gitolite server in a folder of its own (Debian's package `gitolite3`), which nothing but its files makes one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A gitolite server; gone when dropped.
#[derive(Debug)]
pub struct GitoliteServer {
    dir: TempDir,
}

impl GitoliteServer {
    /// Sets one up whose administrator is `admin`, with these rules beside that one's.
    #[track_caller]
    pub fn new(rules: &str) -> Self {
        let dir = match tempfile::tempdir() {
            Ok(dir) => dir,
            Err(error) => panic!("cannot make a temporary folder: {error}"),
        };
        let server = GitoliteServer { dir };
        server.gitolite(&["setup", "-a", "admin"]);
        let rc = server.home().join(".gitolite.rc");
        let text = std::fs::read_to_string(&rc).unwrap_or_default();
        must(std::fs::write(&rc, text.replace("'help',", "'help',\n            'sudo',")), "enable sudo");
        // The example that the set-up makes.
        must(std::fs::remove_dir_all(server.repository("testing")), "remove the example");
        server.set_rules(rules);
        server
    }

    /// Its home: where `repositories` and `.gitolite` are.
    pub fn home(&self) -> &Path {
        self.dir.path()
    }

    /// Where a repository is.
    pub fn repository(&self, name: &str) -> PathBuf {
        self.home().join("repositories").join(format!("{name}.git"))
    }

    /// Puts other rules into force; repositories that they name are made, none is removed.
    #[track_caller]
    pub fn set_rules(&self, rules: &str) {
        let conf = self.home().join(".gitolite/conf/gitolite.conf");
        let text = format!("repo gitolite-admin\n    RW+ = admin\n{rules}");
        must(std::fs::write(conf, text), "write the rules");
        self.gitolite(&["compile"]);
    }

    #[track_caller]
    #[allow(clippy::disallowed_methods, reason = "the server that is asked is set up with its own program")]
    fn gitolite(&self, arguments: &[&str]) {
        let output = Command::new("gitolite")
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.home())
            .env("USER", "git")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .current_dir(self.home())
            .stdin(Stdio::null())
            .output();
        let output = must(output, "start gitolite (Debian's package gitolite3)");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "gitolite {arguments:?}: {said}");
    }
}

#[track_caller]
fn must<T>(outcome: std::io::Result<T>, what: &str) -> T {
    outcome.unwrap_or_else(|error| panic!("cannot {what}: {error}"))
}
