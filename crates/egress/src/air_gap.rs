//! The air gap: the kernel refuses connections, to this process and to all it starts, whatever code runs in them.
//!
//! Two walls. Landlock (Linux 6.7) refuses TCP connections; a thread puts itself and what it starts behind it, so it stands
//! before the runtime has threads. seccomp refuses every new socket but those of this machine's own kinds (Unix, netlink), on
//! all threads, once the listeners are bound; what was bound goes on accepting. `io_uring`, which could do the same past the
//! filter, is refused as a whole. Neither can be taken down again, nor left by starting another program.

use landlock::{AccessNet, Ruleset, RulesetAttr as _, RulesetStatus};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

/// Whether the first wall stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landlocked {
    /// It does.
    Yes,
    /// This kernel has no such wall (Linux before 6.7, or Landlock is switched off).
    NotHere,
}

/// The air gap could not be made; nothing must be served then.
#[derive(Debug, thiserror::Error)]
pub enum AirGapError {
    /// The filter was refused.
    #[error(
        "the kernel refuses the filter of the air gap: {0}; it needs Linux with seccomp (CONFIG_SECCOMP_FILTER)"
    )]
    Filter(String),
    /// There is none for this processor.
    #[error("there is no filter of the air gap for this processor")]
    Processor,
    /// Something could be opened all the same.
    #[error("the air gap leaks: {0} was possible; nothing is served")]
    Leaks(&'static str),
}

/// Refuses TCP connections of this thread and of all threads and programs it starts from now on.
pub fn forbid_connections() -> Landlocked {
    let entered = Ruleset::default()
        .handle_access(AccessNet::ConnectTcp)
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self);
    match entered.map(|status| status.ruleset) {
        Ok(RulesetStatus::FullyEnforced) => Landlocked::Yes,
        _ => Landlocked::NotHere,
    }
}

/// Refuses new sockets on all threads, and makes sure of it by trying. To be called when everything is bound.
pub fn shut() -> Result<(), AirGapError> {
    let program = filter()?;
    seccompiler::apply_filter_all_threads(&program)
        .map_err(|error| AirGapError::Filter(error.to_string()))?;
    prove()
}

/// Tries what must not be possible.
#[allow(clippy::disallowed_methods, reason = "it must fail, and nothing is sent where it does not")]
fn prove() -> Result<(), AirGapError> {
    let is_refused =
        |outcome: io::Result<()>| outcome.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    // A port of this machine that nothing listens on: without the wall it would be refused in another way.
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    if !is_refused(std::net::TcpStream::connect(nowhere).map(drop)) {
        return Err(AirGapError::Leaks("a TCP connection"));
    }
    if !is_refused(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).map(drop)) {
        return Err(AirGapError::Leaks("a UDP socket"));
    }
    if !is_refused(UdpSocket::bind("[::]:0").map(drop)) {
        return Err(AirGapError::Leaks("a socket of IPv6"));
    }
    Ok(())
}

/// `socket` of any family but Unix (1) and netlink (16), and `io_uring_setup`, fail with EACCES; all else is allowed.
fn filter() -> Result<BpfProgram, AirGapError> {
    /// The same number on every processor of the newer kind.
    const IO_URING_SETUP: i64 = 425;
    const FAMILIES: [u64; 2] = [1, 16];
    const EACCES: u32 = 13;
    let processor = std::env::consts::ARCH.try_into().map_err(|_| AirGapError::Processor)?;
    let socket = match std::env::consts::ARCH {
        "x86_64" => 41,
        "aarch64" | "riscv64" => 198,
        _ => return Err(AirGapError::Processor),
    };
    let failed = |error: seccompiler::BackendError| AirGapError::Filter(error.to_string());
    let others = FAMILIES
        .into_iter()
        .map(|family| SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    let rules: BTreeMap<i64, Vec<SeccompRule>> =
        [(socket, vec![SeccompRule::new(others).map_err(failed)?]), (IO_URING_SETUP, Vec::new())].into();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(EACCES), processor);
    filter.map_err(failed)?.try_into().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_filter() {
        assert!(filter().is_ok());
    }
}
