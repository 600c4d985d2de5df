//! The product under measurement: the real binary, its data directory, its HTTP interface on a loopback port.

use super::corpus::Corpus;
use super::load::{self, Load};
use super::queries::Query;
use super::report::{Indexing, Latency, Memory, Row};
use crate::run;
use anyhow::{Context, Result, bail};
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PASSWORD: &str = "a password for a benchmark only";

/// Indexes the corpus with `up --once`, watching the time and the memory of the process.
pub(crate) fn index(binary: &Path, data: &Path, corpus: &Corpus) -> Result<Indexing> {
    let (wall, peak) = index_all(binary, data, &corpus.source)?;
    let (text_bytes, n_documents) = text_of(corpus)?;
    Ok(Indexing {
        wall_ms: wall.as_millis() as u64,
        peak,
        text_bytes,
        n_documents,
        index_bytes: folder_size(&data.join("index"))?,
        definitions_bytes: definitions_bytes(binary, &data.join("index"))?,
    })
}

/// What definitions take of an index, as `segment inspect` tells.
fn definitions_bytes(binary: &Path, index: &Path) -> Result<u64> {
    let mut bytes = 0;
    for folder in std::fs::read_dir(index)? {
        for file in std::fs::read_dir(folder?.path())? {
            let file = file?.path();
            if file.extension().is_some_and(|extension| extension == "segment") {
                let mut command = Command::new(binary);
                command.args(["segment", "inspect", "--json"]).arg(&file);
                let told: serde_json::Value = serde_json::from_slice(&run::output(&mut command)?)?;
                bytes += told["definitions"]["bytes"].as_u64().unwrap_or(0);
            }
        }
    }
    Ok(bytes)
}

/// Indexes everything at an address or below a folder.
pub(crate) fn index_all(binary: &Path, data: &Path, what: &Path) -> Result<(Duration, Memory)> {
    let start = Instant::now();
    let mut child = Command::new(binary)
        .args(["up", "--once", "--quiet", "--data"])
        .arg(data)
        .arg(what)
        .stdin(Stdio::null())
        .spawn()
        .context("cannot start sourcekeep")?;
    let mut peak = Memory::default();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if let Ok(now) = memory_of(child.id()) {
            peak = Memory {
                peak_kib: peak.peak_kib.max(now.peak_kib),
                anonymous_kib: peak.anonymous_kib.max(now.anonymous_kib),
                ..now
            };
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let wall = start.elapsed();
    if !status.success() {
        bail!("`sourcekeep up --once` failed: {status}");
    }
    Ok((wall, peak))
}

/// Bytes of text that patterns run over for everything, as `query explain` tells; `None` where it does not.
pub(crate) fn bytes_read(binary: &Path, data: &Path, text: &str) -> Option<u64> {
    let mut command = Command::new(binary);
    command.args(["query", "explain", "--json", "--data"]).arg(data).arg(format!("count:all {text}"));
    let told: serde_json::Value = serde_json::from_slice(&run::output(&mut command).ok()?).ok()?;
    told["bytes_verified"].as_u64()
}

/// A running server, signed in to with a token.
pub(crate) struct Instance {
    child: Child,
    address: String,
    token: String,
    keeps_answers: bool,
    agent: ureq::Agent,
    /// From starting the process to its first complete answer.
    pub(crate) cold_start_ms: f64,
}

impl Instance {
    /// Makes an account and a token, starts the server and waits for its first answer.
    /// `raw_bytes_max` is what raw sidecars may take; the product's own default where it is not given. Without
    /// `keeps_answers` each search runs.
    pub(crate) fn start(
        binary: &Path,
        data: &Path,
        raw_bytes_max: Option<u64>,
        keeps_answers: bool,
    ) -> Result<Instance> {
        let token = credentials(binary, data)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let start = Instant::now();
        let mut command = Command::new(binary);
        if let Some(bytes) = raw_bytes_max {
            command.env("SOURCEKEEP_SEARCH_RAW_TEXT_BYTES_MAX", bytes.to_string());
        }
        let child = command
            .env("SOURCEKEEP_SEARCH_KEEP_ANSWERS", keeps_answers.to_string())
            .args(["serve", "--quiet", "--listen", &address, "--data"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start the server")?;
        let mut instance =
            Instance { child, address, token, keeps_answers, agent: ureq::agent(), cold_start_ms: 0.0 };
        while start.elapsed() < Duration::from_secs(30) {
            if instance.ask("sourcekeep_cold_start_probe", 1).is_ok() {
                instance.cold_start_ms = start.elapsed().as_secs_f64() * 1e3;
                return Ok(instance);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("the server at {} gave no answer within 30 s", instance.address)
    }

    /// Asks a query `rounds` times as a first page and as an exhaustive count.
    pub(crate) fn measure(&mut self, query: &Query, rounds: usize) -> Result<Row> {
        let first = self.series(&query.text, rounds)?;
        let all = self.series(&format!("count:all {}", query.text), rounds.min(15))?;
        Ok(Row {
            class: query.class.clone(),
            text: query.text.clone(),
            lines: all.lines,
            files: all.files,
            first_page: first.server,
            first_page_wall: first.wall,
            first_page_raw: None,
            exhaustive: all.server,
            exhaustive_raw: None,
            bytes_read: None,
            note: None,
            rivals: Vec::new(),
        })
    }

    /// Asks for the first page and for everything again, as the server tells.
    pub(crate) fn again(&self, text: &str, rounds: usize) -> Result<(Latency, Latency)> {
        let first = self.series(text, rounds)?.server;
        Ok((first, self.series(&format!("count:all {text}"), rounds.min(15))?.server))
    }

    /// First pages, as they come over HTTP.
    pub(crate) fn first_page(&self, text: &str, rounds: usize) -> Result<Latency> {
        Ok(self.series(text, rounds)?.wall)
    }

    /// Several clients at once.
    pub(crate) fn load(&self, queries: &[String], n_clients: usize, length: Duration) -> Result<Load> {
        let load = load::run(&self.address, &self.token, self.child.id(), queries, n_clients, length)?;
        Ok(Load { keeps_answers: self.keeps_answers, ..load })
    }

    /// Waits until the raw sidecars are in place, and tells what they take.
    pub(crate) fn wait_for_sidecars(&self, data: &Path) -> Result<u64> {
        let start = Instant::now();
        let mut last = (0, start);
        while start.elapsed() < Duration::from_secs(120) {
            let folder = data.join("raw");
            let bytes = if folder.is_dir() { folder_size(&folder)? } else { 0 };
            if bytes != last.0 {
                last = (bytes, Instant::now());
            } else if bytes > 0 && last.1.elapsed() > Duration::from_secs(4) {
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(last.0)
    }

    /// Waits until the server has done what it does after a start: two seconds in which it uses hardly any processor time.
    pub(crate) fn wait_for_calm(&self) -> Result<()> {
        let start = Instant::now();
        let mut used = load::cpu_ms(self.child.id())?;
        while start.elapsed() < Duration::from_secs(120) {
            std::thread::sleep(Duration::from_secs(2));
            let now = load::cpu_ms(self.child.id())?;
            if now - used < 50.0 {
                return Ok(());
            }
            used = now;
        }
        bail!("the server at {} did not come to rest within two minutes", self.address)
    }

    /// The memory of the server now.
    pub(crate) fn memory(&self) -> Result<Memory> {
        memory_of(self.child.id())
    }

    fn series(&self, query: &str, rounds: usize) -> Result<Series> {
        let mut server = Vec::new();
        let mut wall = Vec::new();
        let mut last = serde_json::Value::Null;
        for _ in 0..rounds.max(1) {
            let start = Instant::now();
            last = self.ask(query, 50)?;
            wall.push(start.elapsed().as_secs_f64() * 1e3);
            let duration_us =
                last["stats"]["duration_us"].as_f64().context("the answer has no stats.duration_us")?;
            server.push(duration_us / 1e3);
        }
        let count = |name: &str| last["stats"][name].as_u64().unwrap_or(0);
        Ok(Series {
            server: Latency::of(server),
            wall: Latency::of(wall),
            lines: count("lines"),
            files: count("files"),
        })
    }

    fn ask(&self, query: &str, limit: u32) -> Result<serde_json::Value> {
        self.get("/api/v1/search", &[("q", query.to_owned()), ("limit", limit.to_string())])
            .with_context(|| format!("asking for '{query}'"))
    }

    pub(crate) fn get(&self, path: &str, parameters: &[(&str, String)]) -> Result<serde_json::Value> {
        Ok(self.call(path, parameters, "identity")?.body_mut().with_config().limit(1 << 30).read_json()?)
    }

    /// An answer as it comes over the wire, compressed where the server compresses it.
    pub(crate) fn bytes(&self, path: &str, parameters: &[(&str, String)]) -> Result<Vec<u8>> {
        let encoding = if path.starts_with("/api/") { "identity" } else { "gzip" };
        Ok(self.call(path, parameters, encoding)?.body_mut().with_config().limit(1 << 30).read_to_vec()?)
    }

    fn call(
        &self,
        path: &str,
        parameters: &[(&str, String)],
        encoding: &str,
    ) -> Result<ureq::http::Response<ureq::Body>> {
        let mut request = self.agent.get(format!("http://{}{path}", self.address));
        for (name, value) in parameters {
            request = request.query(name, value);
        }
        let accepts = if path.starts_with("/api/") { "application/json" } else { "text/html" };
        let authorization = format!("Bearer {}", self.token);
        let request = request.header("Accept", accepts).header("Accept-Encoding", encoding);
        Ok(request.header("Authorization", &authorization).call()?)
    }

    /// Uploads a SCIP index of a commit and waits until it answers.
    pub(crate) fn upload_index(&self, repo: &str, commit: &str, root: &str, index: &Path) -> Result<()> {
        let address = format!("http://{}/api/v1/repos/{repo}/-/precise", self.address);
        let file = std::fs::File::open(index).with_context(|| index.display().to_string())?;
        let authorization = format!("Bearer {}", self.token);
        let request = self
            .agent
            .put(&address)
            .query("commit", commit)
            .query("root", root)
            .header("Authorization", &authorization);
        request.send(file)?;
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(120) {
            let listed = self.get(&format!("/api/v1/repos/{repo}/-/precise"), &[])?;
            let states: Vec<&str> = listed["indexes"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|one| one["state"].as_str())
                .collect();
            if states.contains(&"ready") {
                return Ok(());
            }
            anyhow::ensure!(!states.contains(&"failed"), "the index was not taken in: {listed}");
            std::thread::sleep(Duration::from_millis(100));
        }
        bail!("the index was not taken in within two minutes")
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // The process is ours; a failure means that it has gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Series {
    server: Latency,
    wall: Latency,
    lines: u64,
    files: u64,
}

fn credentials(binary: &Path, data: &Path) -> Result<String> {
    let mut user = Command::new(binary)
        .args(["user", "create", "bench", "--admin", "--password-stdin", "--quiet", "--data"])
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    user.stdin.take().context("no standard input")?.write_all(PASSWORD.as_bytes())?;
    // A data directory that was kept from an earlier run has the account already; the token below tells.
    let _ = user.wait()?;
    let mut token = Command::new(binary);
    token
        .args(["token", "create", "--user", "bench", "--verbs", "read,write", "--expires", "1d", "--data"])
        .arg(data);
    Ok(String::from_utf8(run::output(&mut token)?)?.trim().to_string())
}

/// The bytes of text and the number of files at HEAD, as git sees them: what ratios and rates are told of.
fn text_of(corpus: &Corpus) -> Result<(u64, u64)> {
    let (mut bytes, mut files) = (0, 0);
    for repository in &corpus.repositories {
        let mut command = Command::new("git");
        command.arg("-C").arg(repository).args(["ls-tree", "-r", "-l", "-z", "HEAD"]);
        let listing = run::output(&mut command)?;
        for entry in listing.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            let head = String::from_utf8_lossy(entry.split(|byte| *byte == b'\t').next().unwrap_or_default())
                .into_owned();
            let size = head.split_whitespace().nth(3).and_then(|size| size.parse::<u64>().ok());
            bytes += size.unwrap_or(0);
            files += u64::from(size.is_some());
        }
    }
    Ok((bytes, files))
}

fn folder_size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    let mut pending: Vec<PathBuf> = vec![folder.to_path_buf()];
    while let Some(folder) = pending.pop() {
        for entry in
            std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
        {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                pending.push(entry.path());
            } else {
                bytes += metadata.len();
            }
        }
    }
    Ok(bytes)
}

fn memory_of(process: u32) -> Result<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|value| value.parse().ok()).unwrap_or(0)
    };
    Ok(Memory { peak_kib: field("VmHWM:"), anonymous_kib: field("RssAnon:"), file_kib: field("RssFile:") })
}
