//! Running one git child to its end: progress, limits, cancelling, and what it says when it fails.

use crate::{
    Progress,
    command::GitCommand,
    program::ChildLimits,
    sandbox::{self},
};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::{
    fs::DirEntry,
    io::{self, Read},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

/// How often a silent child is looked at for its limits.
const TICK: Duration = Duration::from_millis(100);
/// Most output that is kept: a million refs of 64 bytes.
const OUTPUT_BYTES_MAX: usize = 64 << 20;
/// How much of the end of what a child complained about is kept.
const COMPLAINT_CHARS_MAX: usize = 1000;
/// Longest line of progress or complaint; longer ones are cut into such pieces.
const LINE_BYTES_MAX: usize = 4096;

/// Why a git child did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It could not be started.
    #[error("git cannot be started: {source}")]
    NotStarted {
        /// What the operating system says.
        source: io::Error,
    },
    /// The server lets nothing out to that remote.
    #[error("git was not let out: {reason}")]
    NotLetOut {
        /// Why.
        reason: String,
    },
    /// It was cancelled.
    #[error("git was cancelled")]
    Cancelled,
    /// It ran too long, or was silent too long, or used too much processor time.
    #[error("git was stopped after {seconds} s: {reason}")]
    TimedOut {
        /// How long it ran.
        seconds: u64,
        /// Which limit it ran into.
        reason: &'static str,
    },
    /// It received or wrote too much.
    #[error("git was stopped: the repository is larger than the limit of {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// It failed by itself.
    #[error("git failed: {}{complaint}", kind.as_hint())]
    Failed {
        /// What kind of failure it looks like.
        kind: FailureKind,
        /// The end of what it wrote, without credentials and control characters.
        complaint: String,
    },
}

/// What a failure of git looks like, told from its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The remote does not know the repository, or does not show it to us.
    NotFound,
    /// The remote wants a credential, or another one.
    AccessDenied,
    /// The remote cannot be reached.
    Unreachable,
    /// The remote sent objects that are refused.
    BadObjects,
    /// There is no space left for the mirror.
    DiskFull,
    /// Anything else.
    Other,
}

impl FailureKind {
    fn as_hint(self) -> &'static str {
        match self {
            FailureKind::NotFound => "no such repository, or it needs a credential: ",
            FailureKind::AccessDenied => "access denied, check the credential: ",
            FailureKind::Unreachable => "the remote cannot be reached: ",
            FailureKind::BadObjects => "the remote sent damaged or forbidden objects: ",
            FailureKind::DiskFull => "no space left on the disk: ",
            FailureKind::Other => "",
        }
    }

    pub(crate) fn of(complaint: &str) -> Self {
        let words: &[(&str, FailureKind)] = &[
            ("No space left on device", FailureKind::DiskFull),
            ("fsck error", FailureKind::BadObjects),
            ("Authentication failed", FailureKind::AccessDenied),
            ("Permission denied", FailureKind::AccessDenied),
            ("could not read Username", FailureKind::AccessDenied),
            ("could not read Password", FailureKind::AccessDenied),
            ("Host key verification failed", FailureKind::AccessDenied),
            ("returned error: 403", FailureKind::AccessDenied),
            ("returned error: 401", FailureKind::AccessDenied),
            ("not found", FailureKind::NotFound),
            ("does not exist", FailureKind::NotFound),
            ("does not appear to be a git repository", FailureKind::NotFound),
            ("Could not resolve host", FailureKind::Unreachable),
            ("unable to look up", FailureKind::Unreachable),
            ("Connection refused", FailureKind::Unreachable),
            ("Connection timed out", FailureKind::Unreachable),
            ("Failed to connect", FailureKind::Unreachable),
            ("unable to connect", FailureKind::Unreachable),
            ("Could not connect", FailureKind::Unreachable),
            ("SOCKS5", FailureKind::Unreachable),
            ("not let this out", FailureKind::Unreachable),
            ("transfer rate", FailureKind::Unreachable),
            ("corrupt", FailureKind::BadObjects),
            ("bad object", FailureKind::BadObjects),
            ("invalid index-pack output", FailureKind::BadObjects),
        ];
        words.iter().find(|(word, _)| complaint.contains(word)).map_or(FailureKind::Other, |(_, kind)| *kind)
    }
}

impl GitCommand<'_> {
    /// Runs to the end and returns what it wrote to its output. Kills it, with everything it started, when `cancel` becomes
    /// true or a limit is reached.
    pub(crate) fn run(
        &self,
        cancel: &AtomicBool,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<Vec<u8>, RunError> {
        let limits = &self.limits();
        let pass = self.pass()?;
        let (command, grants) = self.build(pass.as_ref());
        let ended = supervise(command, &grants, limits, cancel, on_progress)?;
        self.check_status(ended.status, &ended.complaint, limits)?;
        Ok(ended.output)
    }

    fn check_status(
        &self,
        status: ExitStatus,
        complaint: &str,
        limits: &ChildLimits,
    ) -> Result<(), RunError> {
        if status.success() {
            return Ok(());
        }
        if status.signal() == Some(Signal::XFSZ.as_raw()) || self.has_written(limits.file_bytes_max) {
            return Err(RunError::TooLarge { limit_bytes: limits.file_bytes_max });
        }
        if status.signal() == Some(Signal::XCPU.as_raw()) {
            let seconds = limits.cpu_seconds_max;
            return Err(RunError::TimedOut { seconds, reason: "it used up its processor time" });
        }
        let complaint = self.redacted(complaint);
        Err(RunError::Failed { kind: FailureKind::of(&complaint), complaint })
    }

    /// Whether an unfinished pack has reached the limit. The signal for it went to a helper of git, and git does not tell.
    fn has_written(&self, limit_bytes: u64) -> bool {
        let packs = self.git_dir().map(|git_dir| git_dir.join("objects/pack"));
        let entries = packs.and_then(|packs| packs.read_dir().ok()).into_iter().flatten().flatten();
        let is_unfinished = |entry: &DirEntry| entry.file_name().as_encoded_bytes().starts_with(b"tmp_");
        let mut sizes = entries.filter(is_unfinished).filter_map(|entry| entry.metadata().ok());
        sizes.any(|metadata| metadata.len() >= limit_bytes)
    }

    /// SECURITY: what git says may repeat an address with a credential in it, and anything the remote sends.
    fn redacted(&self, complaint: &str) -> String {
        let mut text = complaint.to_owned();
        if let Some(secret) = self.secret() {
            for hidden in [secret.reveal_password(), secret.reveal_user()] {
                if !hidden.is_empty() {
                    text = text.replace(hidden, "***");
                }
            }
        }
        printable(&text)
    }
}

/// The end of what a child wrote, in one line, without credentials in addresses and without control characters.
pub(crate) fn printable(complaint: &str) -> String {
    let text: Vec<String> = complaint.split(' ').map(hide_userinfo).collect();
    let mut text = text.join(" ");
    text.retain(|c| !c.is_control() || c == '\n');
    let text = text.trim().replace('\n', "; ");
    let n_surplus = text.chars().count().saturating_sub(COMPLAINT_CHARS_MAX);
    text.chars().skip(n_surplus).collect()
}

/// `https://user:password@host/` without what stands before the `@`.
fn hide_userinfo(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
    let n_authority_bytes = rest.find('/').unwrap_or(rest.len());
    match rest[..n_authority_bytes].rfind('@') {
        Some(at) if scheme.ends_with("ssh") && !rest[..at].contains(':') => word.to_owned(),
        Some(at) => format!("{scheme}://***{}", &rest[at..]),
        None => word.to_owned(),
    }
}

/// What a child that ended by itself left.
pub(crate) struct Ended {
    pub(crate) output: Vec<u8>,
    pub(crate) status: ExitStatus,
    /// What it wrote to its error output, as it is.
    pub(crate) complaint: String,
}

/// Runs a child to its end. Kills it, with everything it started, when `cancel` becomes true or a limit is reached.
pub(crate) fn supervise(
    command: Command,
    grants: &sandbox::Grants,
    limits: &ChildLimits,
    cancel: &AtomicBool,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Ended, RunError> {
    let mut group = start(command, grants, limits)?;
    let (sender, events) = sync_channel(64);
    let (output, end, complaint) = std::thread::scope(|scope| {
        let (stdout, stderr) = (group.child.stdout.take(), group.child.stderr.take());
        let reader = scope.spawn(move || read_output(stdout));
        let listener = scope.spawn(move || read_lines(stderr, &sender));
        let mut supervisor = Supervisor::new(limits, cancel, on_progress);
        let end = supervisor.watch(&group, &events);
        // Nothing of the group may live on and hold the pipes open.
        group.kill();
        drop(events);
        let output = reader.join().unwrap_or_default();
        listener.join().ok();
        (output, end, supervisor.complaint)
    });
    let status = group.reap().map_err(|source| RunError::NotStarted { source })?;
    end?;
    Ok(Ended { output, status, complaint })
}

/// A child that leads a process group of its own.
struct Group {
    child: Child,
    id: Option<Pid>,
}

fn start(mut command: Command, grants: &sandbox::Grants, limits: &ChildLimits) -> Result<Group, RunError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let child = sandbox::spawn(command, grants, limits).map_err(|source| RunError::NotStarted { source })?;
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    Ok(Group { child, id })
}

impl Group {
    /// Whether the child has ended. It is left as a zombie, so that its group id stays ours until it is killed.
    fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.id.is_none_or(|id| !matches!(waitid(WaitId::Pid(id), options), Ok(None)))
    }

    fn kill(&self) {
        if let Some(id) = self.id {
            // Fails only where nothing is left to kill.
            kill_process_group(id, Signal::KILL).ok();
        }
    }

    fn reap(&mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }
}

/// Watches a running child.
struct Supervisor<'a> {
    limits: &'a ChildLimits,
    cancel: &'a AtomicBool,
    on_progress: &'a mut dyn FnMut(Progress),
    progress: Progress,
    complaint: String,
    started: Instant,
    last_heard: Instant,
}

impl<'a> Supervisor<'a> {
    fn new(
        limits: &'a ChildLimits,
        cancel: &'a AtomicBool,
        on_progress: &'a mut dyn FnMut(Progress),
    ) -> Self {
        let now = Instant::now();
        Supervisor {
            limits,
            cancel,
            on_progress,
            progress: Progress::START,
            complaint: String::new(),
            started: now,
            last_heard: now,
        }
    }

    fn watch(&mut self, group: &Group, lines: &Receiver<Vec<u8>>) -> Result<(), RunError> {
        loop {
            self.check_limits()?;
            match lines.recv_timeout(TICK) {
                Ok(line) => {
                    self.last_heard = Instant::now();
                    self.hear(&line);
                }
                Err(RecvTimeoutError::Timeout) if !group.has_ended() => (),
                Err(RecvTimeoutError::Timeout) => return self.hear_the_rest(lines),
                Err(RecvTimeoutError::Disconnected) => {
                    if group.has_ended() {
                        return Ok(());
                    }
                    std::thread::park_timeout(TICK);
                }
            }
        }
    }

    /// The child has ended; what it started may still hold the pipe, so wait no longer than for what is there.
    fn hear_the_rest(&mut self, lines: &Receiver<Vec<u8>>) -> Result<(), RunError> {
        while let Ok(line) = lines.recv_timeout(TICK) {
            self.check_limits()?;
            self.hear(&line);
        }
        Ok(())
    }

    fn hear(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        match self.progress.after_line(&line) {
            Some(progress) if progress != self.progress => {
                self.progress = progress;
                (self.on_progress)(progress);
            }
            Some(_) => (),
            None => {
                self.complaint.push_str(&line);
                self.complaint.push('\n');
                if self.complaint.len() > 8 * LINE_BYTES_MAX {
                    let cut = self.complaint.ceil_char_boundary(self.complaint.len() - 4 * LINE_BYTES_MAX);
                    self.complaint.drain(..cut);
                }
            }
        }
    }

    fn check_limits(&self) -> Result<(), RunError> {
        let seconds = self.started.elapsed().as_secs();
        if self.cancel.load(Ordering::Relaxed) {
            Err(RunError::Cancelled)
        } else if self.started.elapsed() >= self.limits.timeout {
            Err(RunError::TimedOut { seconds, reason: "it ran too long" })
        } else if self.last_heard.elapsed() >= self.limits.silence {
            Err(RunError::TimedOut { seconds, reason: "it was silent too long" })
        } else if self.progress.received_bytes > self.limits.received_bytes_max {
            Err(RunError::TooLarge { limit_bytes: self.limits.received_bytes_max })
        } else {
            Ok(())
        }
    }
}

/// Keeps the first bytes and reads on to the end, or the child would wait for us.
fn read_output(pipe: Option<impl Read>) -> Vec<u8> {
    let Some(mut pipe) = pipe else { return Vec::new() };
    let mut output = Vec::new();
    pipe.by_ref().take(OUTPUT_BYTES_MAX as u64).read_to_end(&mut output).ok();
    io::copy(&mut pipe, &mut io::sink()).ok();
    output
}

/// Cuts what the child writes into lines, at `\n` and at the `\r` of progress.
fn read_lines(pipe: Option<impl Read>, lines: &SyncSender<Vec<u8>>) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = [0u8; LINE_BYTES_MAX];
    let mut line = Vec::new();
    while let Ok(n_read) = pipe.read(&mut buffer) {
        if n_read == 0 {
            break;
        }
        for byte in &buffer[..n_read] {
            let is_end = matches!(byte, b'\r' | b'\n');
            if !is_end {
                line.push(*byte);
            }
            if (is_end && !line.is_empty()) || line.len() >= LINE_BYTES_MAX {
                // Once nobody listens the pipe is still emptied.
                lines.send(std::mem::take(&mut line)).ok();
            }
        }
    }
    if !line.is_empty() {
        lines.send(line).ok();
    }
}
