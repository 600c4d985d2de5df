//! What a git child may touch: a Landlock domain for files and connections, and resource limits.
//!
//! A thread can put itself into a Landlock domain, and what it starts inherits it. So each child is started by a thread of its
//! own, which enters the domain, starts the child and ends: the rest of the server stays outside, and no code runs
//! between fork and exec, which could not be written safely.

use crate::program::ChildLimits;
use landlock::{
    ABI, Access, AccessFs, AccessNet, NetPort, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, path_beneath_rules,
};
use rlimit::Resource;
use std::{
    io,
    path::PathBuf,
    process::{Child, Command},
    sync::Once,
};

/// The newest kernel interface whose rights we name; older kernels enforce what they know.
const LANDLOCK_ABI: ABI = ABI::V6;

/// Read by git, its helpers and the libraries below them: programs, libraries, certificates, name resolution, users. Not
/// `/home`, `/root`, `/var`, `/srv`, `/tmp`, `/proc`, nor the rest of `/etc`.
const SYSTEM_READ: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/nix/store",
    "/gnu/store",
    "/opt",
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/gai.conf",
    "/etc/gnutls",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/pki",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssh",
    "/etc/ssl",
    "/run/nscd",
    "/run/systemd/resolve",
    "/sys/devices/system/cpu",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
];
const SYSTEM_WRITE: &[&str] = &["/dev/null"];

/// How far this kernel lets us confine git processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confinement {
    /// Files, connections and signals.
    Full,
    /// A part of these: the kernel is older than Linux 6.12.
    Partial,
    /// Not at all: no Landlock. Limits, the made-up environment and the fixed configuration remain.
    None,
}

impl Confinement {
    /// Asks the kernel, by confining a thread that does nothing else.
    pub fn of_this_kernel() -> Self {
        let status = std::thread::spawn(|| enter_domain(&Grants::default()).ok()).join().ok().flatten();
        match status {
            Some(RulesetStatus::FullyEnforced) => Confinement::Full,
            Some(RulesetStatus::PartiallyEnforced) => Confinement::Partial,
            Some(RulesetStatus::NotEnforced) | None => Confinement::None,
        }
    }
}

/// What one child may touch beyond the system's programs and libraries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grants {
    /// Files and folders to read.
    pub(crate) read: Vec<PathBuf>,
    /// Folders to read and write.
    pub(crate) write: Vec<PathBuf>,
    /// TCP ports to connect to.
    pub(crate) connect: Connect,
}

/// Where a child may connect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Connect {
    /// Nowhere.
    #[default]
    Nowhere,
    /// To these ports of any host.
    Ports(Vec<u16>),
    /// Anywhere: ssh, whose configuration may name any port.
    Anywhere,
}

/// Starts the child in its domain and with its limits.
pub(crate) fn spawn(mut command: Command, grants: &Grants, limits: &ChildLimits) -> io::Result<Child> {
    let child = std::thread::scope(|scope| {
        let launcher = scope.spawn(|| {
            confine_thread(grants);
            command.spawn()
        });
        launcher.join().unwrap_or_else(|_| Err(io::Error::other("the thread that starts git died")))
    })?;
    if let Err(error) = limit_resources(child.id(), limits) {
        tracing::warn!(%error, "a git process runs without resource limits");
    }
    Ok(child)
}

/// Puts the calling thread into the domain. A kernel without Landlock is told once and the child runs without it: everything
/// else about it stays as strict.
fn confine_thread(grants: &Grants) {
    static WARN_ONCE: Once = Once::new();
    let warning = match enter_domain(grants) {
        Ok(RulesetStatus::FullyEnforced) => return,
        Ok(RulesetStatus::PartiallyEnforced) => {
            "this kernel knows only a part of Landlock: git processes are confined less than they could be"
        }
        Ok(RulesetStatus::NotEnforced) | Err(_) => {
            "this kernel has no Landlock (Linux 5.13 with CONFIG_SECURITY_LANDLOCK): git processes may read and write \
             whatever the server may"
        }
    };
    WARN_ONCE.call_once(|| tracing::warn!("{warning}"));
}

fn enter_domain(grants: &Grants) -> Result<RulesetStatus, RulesetError> {
    let read = AccessFs::from_read(LANDLOCK_ABI);
    let write = AccessFs::from_all(LANDLOCK_ABI);
    let mut ruleset = Ruleset::default().handle_access(write)?.scope(Scope::from_all(LANDLOCK_ABI))?;
    if grants.connect != Connect::Anywhere {
        ruleset = ruleset.handle_access(AccessNet::from_all(LANDLOCK_ABI))?;
    }
    let mut created = ruleset
        .create()?
        .add_rules(path_beneath_rules(SYSTEM_READ, read))?
        .add_rules(path_beneath_rules(SYSTEM_WRITE, write))?
        .add_rules(path_beneath_rules(&grants.read, read))?
        .add_rules(path_beneath_rules(&grants.write, write))?;
    if let Connect::Ports(ports) = &grants.connect {
        for port in ports {
            created = created.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
        }
    }
    created.restrict_self().map(|status| status.ruleset)
}

/// Limits the child from outside, right after it was started; what it starts itself inherits them. Address space is left
/// alone: git maps packs that are larger than memory.
fn limit_resources(process_id: u32, limits: &ChildLimits) -> io::Result<()> {
    let process_id = i32::try_from(process_id).map_err(io::Error::other)?;
    let limit = |resource, value| match rlimit::prlimit(process_id, resource, Some((value, value)), None) {
        // It may be gone already.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => Ok(()),
        outcome => outcome,
    };
    limit(Resource::FSIZE, limits.file_bytes_max)?;
    limit(Resource::CPU, limits.cpu_seconds_max)?;
    limit(Resource::CORE, 0)
}
