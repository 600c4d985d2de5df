//! Real git repositories made by script: fixed identities and dates, so that the same script makes the same ids everywhere.
//! A failing step panics with what git said: a fixture that cannot be made is a failed test.

use model::ObjectId;
use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio},
};
use tempfile::TempDir;

/// The first commit's date; each later one of the same [`GitRepo`] is a minute younger.
const FIRST_DATE: u64 = 1_700_000_000;

/// A folder that is removed with all repositories in it when dropped.
#[derive(Debug)]
pub struct GitWorld {
    dir: TempDir,
}

/// A repository under construction.
#[derive(Debug)]
pub struct GitRepo {
    path: PathBuf,
    n_commits: std::cell::Cell<u64>,
}

/// Writes trees through one running git, thousands a second. Their entries are not checked.
#[derive(Debug)]
pub struct TreeWriter {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl GitWorld {
    /// An empty folder.
    #[track_caller]
    pub fn new() -> Self {
        GitWorld { dir: must(tempfile::tempdir(), "make a temporary folder") }
    }

    /// The folder, canonical.
    #[track_caller]
    pub fn path(&self) -> PathBuf {
        must(self.dir.path().canonicalize(), "find the temporary folder")
    }

    /// Makes a repository with a work tree at this path below the folder.
    #[track_caller]
    pub fn repo(&self, path: &str) -> GitRepo {
        GitRepo::init(&self.path().join(path), false)
    }

    /// Makes a bare repository at this path below the folder.
    #[track_caller]
    pub fn bare(&self, path: &str) -> GitRepo {
        GitRepo::init(&self.path().join(path), true)
    }
}

impl Default for GitWorld {
    fn default() -> Self {
        GitWorld::new()
    }
}

impl GitRepo {
    /// Makes a repository whose first branch is `main`.
    #[track_caller]
    pub fn init(path: &Path, bare: bool) -> Self {
        must(std::fs::create_dir_all(path), "make the repository's folder");
        let repo = GitRepo { path: path.to_owned(), n_commits: std::cell::Cell::new(0) };
        let kind: &[&str] = if bare { &["--bare"] } else { &[] };
        repo.git(&[&["init", "--quiet", "--template=", "--initial-branch=main"], kind].concat());
        repo
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder that holds `objects` and `refs`.
    pub fn git_dir(&self) -> PathBuf {
        let dot_git = self.path.join(".git");
        if dot_git.is_dir() { dot_git } else { self.path.clone() }
    }

    /// Runs git here and returns what it wrote, without the last newline.
    #[track_caller]
    pub fn git(&self, arguments: &[&str]) -> String {
        let output = self.git_bytes(arguments, b"");
        String::from_utf8_lossy(&output).trim_end_matches('\n').to_owned()
    }

    /// Runs git here with this input and returns the raw output.
    #[track_caller]
    pub fn git_bytes(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let output = self.try_git(arguments, input);
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Runs git here with this input, whether it succeeds or not.
    #[track_caller]
    pub fn try_git(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = must(self.command(arguments).spawn(), "start git");
        let mut stdin = child.stdin.take();
        let output = std::thread::scope(|scope| {
            // git may end without reading its input; that is no failure of ours.
            scope.spawn(move || stdin.take().map(|mut stdin| stdin.write_all(input)));
            child.wait_with_output()
        });
        must(output, "run git")
    }

    /// Writes a blob.
    #[track_caller]
    pub fn blob(&self, content: &[u8]) -> ObjectId {
        self.object("blob", content)
    }

    /// Writes an object of any type name and any bytes, unchecked (`hash-object --literally`).
    #[track_caller]
    pub fn object(&self, kind: &str, content: &[u8]) -> ObjectId {
        let id = self.git_bytes(&["hash-object", "--literally", "-w", "--stdin", "-t", kind], content);
        parse_id(&id)
    }

    /// Writes a tree of exactly these entries (mode as octal digits, raw name, id), in this order, unchecked.
    #[track_caller]
    pub fn tree(&self, entries: &[(&str, &[u8], ObjectId)]) -> ObjectId {
        self.object("tree", &tree_bytes(entries))
    }

    /// A writer of many trees.
    #[track_caller]
    pub fn tree_writer(&self) -> TreeWriter {
        let mut child = must(self.command(&["mktree", "--batch", "--missing"]).spawn(), "start git mktree");
        let input = child.stdin.take();
        match child.stdout.take() {
            Some(output) => TreeWriter { child, input, output: BufReader::new(output) },
            None => panic!("git mktree has no output"),
        }
    }

    /// Writes a commit of a tree, dated a minute after the last one.
    #[track_caller]
    pub fn commit_tree(&self, tree: ObjectId, parents: &[ObjectId], message: &str) -> ObjectId {
        let seconds = FIRST_DATE + 60 * self.n_commits.replace(self.n_commits.get() + 1);
        let mut text = format!("tree {tree}\n");
        for parent in parents {
            text.push_str(&format!("parent {parent}\n"));
        }
        for role in ["author", "committer"] {
            text.push_str(&format!("{role} Ada Example <ada@example.org> {seconds} +0100\n"));
        }
        self.object("commit", format!("{text}\n{message}\n").as_bytes())
    }

    /// Commits exactly these files (path, content) to a branch, on top of what it holds, and returns the commit.
    #[track_caller]
    pub fn commit_files(&self, branch: &str, files: &[(&str, &[u8])]) -> ObjectId {
        let entries: Vec<(&str, &str, ObjectId)> =
            files.iter().map(|(path, content)| ("100644", *path, self.blob(content))).collect();
        self.commit_entries(branch, &entries)
    }

    /// Commits exactly these entries (mode, path, id) to a branch, on top of what it holds, and returns the commit.
    #[track_caller]
    pub fn commit_entries(&self, branch: &str, entries: &[(&str, &str, ObjectId)]) -> ObjectId {
        let name = format!("refs/heads/{branch}");
        let parent = self.try_git(&["rev-parse", "--verify", "--quiet", &name], b"");
        let parents = if parent.status.success() { vec![parse_id(&parent.stdout)] } else { Vec::new() };
        let index = self.git_dir().join("fixture-index");
        let lines: String = entries.iter().map(|(mode, path, id)| format!("{mode} {id}\t{path}\0")).collect();
        let with_index = |arguments: &[&str], input: &[u8]| {
            let mut command = self.command(arguments);
            command.env("GIT_INDEX_FILE", &index);
            let mut child = must(command.spawn(), "start git");
            if let Some(mut stdin) = child.stdin.take() {
                must(stdin.write_all(input), "write to git");
            }
            let output = must(child.wait_with_output(), "run git");
            assert!(
                output.status.success(),
                "git {arguments:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            output.stdout
        };
        with_index(&["read-tree", "--empty"], b"");
        with_index(&["update-index", "--add", "-z", "--index-info"], lines.as_bytes());
        let tree = parse_id(&with_index(&["write-tree", "--missing-ok"], b""));
        must(std::fs::remove_file(&index), "remove the fixture's index");
        let commit = self.commit_tree(tree, &parents, &format!("Change {branch}"));
        self.set_ref(&name, commit);
        commit
    }

    /// Points a ref at an object.
    #[track_caller]
    pub fn set_ref(&self, name: &str, id: ObjectId) {
        self.git(&["update-ref", "--", name, &id.to_string()]);
    }

    /// Writes a file below the git folder: refs, packs and other things that git itself would not write like this.
    #[track_caller]
    pub fn write_raw(&self, path: &str, content: &[u8]) {
        let file = self.git_dir().join(path);
        if let Some(folder) = file.parent() {
            must(std::fs::create_dir_all(folder), "make a folder");
        }
        must(std::fs::write(&file, content), "write a raw file");
    }

    /// SECURITY of the tests themselves: no configuration or environment of whoever runs them.
    #[allow(clippy::disallowed_methods, reason = "fixtures are made with the real git")]
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .current_dir(&self.path)
            .args(arguments)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", "/nonexistent")
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_COUNT", "3")
            .env("GIT_CONFIG_KEY_0", "core.fsync")
            .env("GIT_CONFIG_VALUE_0", "none")
            .env("GIT_CONFIG_KEY_1", "safe.directory")
            .env("GIT_CONFIG_VALUE_1", "*")
            .env("GIT_CONFIG_KEY_2", "gc.auto")
            .env("GIT_CONFIG_VALUE_2", "0");
        for role in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{role}_NAME"), "Ada Example")
                .env(format!("GIT_{role}_EMAIL"), "ada@example.org")
                .env(format!("GIT_{role}_DATE"), format!("{FIRST_DATE} +0100"));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

impl TreeWriter {
    /// Writes one tree of these entries (mode, type, name, id).
    #[track_caller]
    pub fn write(&mut self, entries: &[(&str, &str, &str, ObjectId)]) -> ObjectId {
        let lines: String =
            entries.iter().map(|(mode, kind, name, id)| format!("{mode} {kind} {id}\t{name}\n")).collect();
        let Some(input) = &mut self.input else { panic!("git mktree has no input") };
        must(input.write_all(format!("{lines}\n").as_bytes()), "write to git mktree");
        must(input.flush(), "write to git mktree");
        let mut answer = String::new();
        must(self.output.read_line(&mut answer), "read from git mktree");
        parse_id(answer.as_bytes())
    }
}

impl Drop for TreeWriter {
    fn drop(&mut self) {
        self.input = None;
        self.child.wait().ok();
    }
}

/// The bytes of a tree of exactly these entries.
pub fn tree_bytes(entries: &[(&str, &[u8], ObjectId)]) -> Vec<u8> {
    let entry =
        |(mode, name, id): &(&str, &[u8], ObjectId)| [mode.as_bytes(), b" ", name, b"\0", &id.0].concat();
    entries.iter().flat_map(entry).collect()
}

#[track_caller]
fn parse_id(output: &[u8]) -> ObjectId {
    let text = String::from_utf8_lossy(output);
    match ObjectId::from_hex(text.trim()) {
        Ok(id) => id,
        Err(error) => panic!("git printed no id: {error}"),
    }
}

#[track_caller]
fn must<T, E: std::fmt::Display>(outcome: Result<T, E>, what: &str) -> T {
    outcome.unwrap_or_else(|error| panic!("cannot {what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_script_makes_the_same_ids() {
        let make = || {
            let world = GitWorld::new();
            let repo = world.repo("a");
            repo.commit_files("main", &[("a", b"1\n")]);
            repo.commit_files("main", &[("a", b"2\n"), ("b/c", b"3\n")])
        };
        assert_eq!(make(), make());
    }
}
