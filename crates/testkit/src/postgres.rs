//! A PostgreSQL server for tests: started once per test binary, reached through a private socket, gone with the process.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Where Debian keeps the servers, one folder per major version.
const DEBIAN_VERSIONS: &str = "/usr/lib/postgresql";

/// Makes a cluster in a temporary folder, serves it on a socket in that folder, prints the folder, and waits for the end
/// of its input. Its input is a pipe held by the test process: however that ends, the server ends with it.
const SERVE: &str = r#"
set -eu
bin=$1
cd /
dir=$(mktemp -d /tmp/keep-pg.XXXXXX)
pid=
finish() {
    trap - EXIT
    if [ -n "$pid" ]; then kill -INT "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi
    rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM
"$bin/initdb" -D "$dir/data" -U keep -A trust -E UTF8 --locale=C --no-sync >"$dir/log" 2>&1 ||
    { cat "$dir/log" >&2; exit 1; }
"$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= -c fsync=off -c max_connections=300 \
    -c shared_buffers=16MB </dev/null >>"$dir/log" 2>&1 &
pid=$!
until "$bin/pg_isready" -q -h "$dir"; do
    kill -0 "$pid" 2>/dev/null || { cat "$dir/log" >&2; exit 1; }
    sleep 0.05
done
echo "$dir"
read -r _ || true
"#;

/// No server for tests.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// It is not installed.
    #[error(
        "PostgreSQL is not installed: run `apt-get install postgresql` (no {DEBIAN_VERSIONS}/*/bin/postgres here)"
    )]
    NotInstalled,
    /// It could not be started.
    #[error("PostgreSQL could not be started from {}: {message}", .bin.display())]
    NotStarted {
        /// The folder of its programs.
        bin: PathBuf,
        /// What it said.
        message: String,
    },
    /// A database could not be made.
    #[error("a database for a test could not be made: {message}")]
    NoDatabase {
        /// What was said.
        message: String,
    },
}

/// A running server. It ends when this is dropped, and at the latest when the process does.
#[derive(Debug)]
pub struct Postgres {
    bin: PathBuf,
    socket_dir: PathBuf,
    n_databases: AtomicU32,
    server: Mutex<Child>,
    /// Closing it ends the server.
    leash: Option<ChildStdin>,
}

impl Postgres {
    /// The server of this process, started when it is first asked for.
    ///
    /// # Panics
    /// If there is none to be had; the message says what to install.
    pub fn shared() -> &'static Postgres {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| match Postgres::start() {
            Ok(postgres) => postgres,
            Err(error) => panic!("{error}"),
        })
    }

    /// Starts a server of one's own.
    pub fn start() -> Result<Self, PostgresError> {
        let bin = newest_bin()?;
        let not_started = |message: String| PostgresError::NotStarted { bin: bin.clone(), message };
        let mut server = as_other_than_root(&["sh", "-c", SERVE, "postgres-for-tests"])
            .arg(&bin)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| not_started(error.to_string()))?;
        let leash = server.stdin.take();
        let mut line = String::new();
        if let Some(output) = server.stdout.take() {
            BufReader::new(output).read_line(&mut line).map_err(|error| not_started(error.to_string()))?;
        }
        if line.trim().is_empty() {
            let mut message = String::new();
            if let Some(mut errors) = server.stderr.take() {
                // What cannot be read is no part of the message; the error is one all the same.
                let _ = errors.read_to_string(&mut message);
            }
            let _ = server.wait();
            return Err(not_started(message));
        }
        let socket_dir = PathBuf::from(line.trim());
        Ok(Postgres { bin, socket_dir, n_databases: AtomicU32::new(0), server: Mutex::new(server), leash })
    }

    /// Makes an empty database and returns its address, `postgres://…`.
    pub fn create_database(&self) -> Result<String, PostgresError> {
        let name = format!("keep_{}", self.n_databases.fetch_add(1, Ordering::Relaxed));
        let no_database = |message: String| PostgresError::NoDatabase { message };
        #[allow(
            clippy::disallowed_methods,
            reason = "a test's helper makes databases with the server's own program"
        )]
        let made = Command::new(self.bin.join("createdb"))
            .args(["-U", "keep", "-h"])
            .arg(&self.socket_dir)
            .args(["-T", "template0", &name])
            .output()
            .map_err(|error| no_database(error.to_string()))?;
        if !made.status.success() {
            return Err(no_database(String::from_utf8_lossy(&made.stderr).into_owned()));
        }
        Ok(format!("postgres://keep@localhost/{name}?host={}", self.socket_dir.display()))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.leash.take());
        // The script stops the server, removes its folder and ends.
        let _ = self.server.get_mut().unwrap_or_else(PoisonError::into_inner).wait();
    }
}

fn newest_bin() -> Result<PathBuf, PostgresError> {
    let versions = std::fs::read_dir(DEBIAN_VERSIONS).map_err(|_| PostgresError::NotInstalled)?;
    let bins = versions.filter_map(Result::ok).filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        let bin = entry.path().join("bin");
        bin.join("postgres").exists().then_some((version, bin))
    });
    bins.max().map(|(_, bin)| bin).ok_or(PostgresError::NotInstalled)
}

/// The server refuses to run as root; then it is the package's own user that runs it.
fn as_other_than_root(command: &[&str]) -> Command {
    let words: &[&str] = match is_root() {
        true => &["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"],
        false => &[],
    };
    let mut words = words.iter().chain(command);
    #[allow(clippy::disallowed_methods, reason = "a test's helper starts the server it tests against")]
    let mut whole = Command::new(words.next().unwrap_or(&"false"));
    whole.args(words);
    whole
}

/// Whoever owns this process's entry in /proc is who runs it.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    Path::new("/proc/self").metadata().is_ok_and(|metadata| metadata.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_serves_and_leaves_nothing_behind() {
        let postgres = Postgres::start().unwrap();
        let (one, two) = (postgres.create_database().unwrap(), postgres.create_database().unwrap());
        assert_ne!(one, two);
        let folder = postgres.socket_dir.clone();
        assert!(folder.exists());
        drop(postgres);
        assert!(!folder.exists());
    }
}
