//! Runs the program on a data directory of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A data directory, and the program to run on it.
pub(crate) struct Keep {
    _dir: TempDir,
    home: PathBuf,
}

/// What a run printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Keep {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().canonicalize().unwrap();
        Keep { _dir: dir, home }
    }

    /// Another one that holds the same.
    pub(crate) fn copy(&self) -> Self {
        let other = Keep::new();
        let copied = Command::new("cp").arg("-a").args([self.data(), other.data()]).status().unwrap();
        assert!(copied.success());
        other
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// The program with an environment of its own: nothing of the machine's configuration reaches it.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sourcekeep"));
        self.isolate(&mut command);
        command
    }

    /// The same through a shell line; `"$@"` in it is the program with its arguments.
    pub(crate) fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line, "sh", env!("CARGO_BIN_EXE_sourcekeep")]);
        self.isolate(&mut command);
        command
    }

    fn isolate(&self, command: &mut Command) {
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", &self.home).env("SOURCEKEEP_DATA", self.data());
        command.current_dir(&self.home);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    }

    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        finish(self.command().args(arguments))
    }

    /// Runs what must succeed; returns standard output.
    #[track_caller]
    pub(crate) fn must(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran.stdout
    }

    /// Indexes a directory.
    #[track_caller]
    pub(crate) fn index(&self, path: &Path) -> Ran {
        let ran = self.run(&["up", "--once", path.to_str().unwrap()]);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran
    }
}

#[track_caller]
pub(crate) fn finish(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().unwrap();
    Ran {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}
