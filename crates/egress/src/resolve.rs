//! From names to addresses, each of which is checked before anything connects to it.

use crate::address::{self, AddressKind};
use crate::connection::ConnectError;
use crate::{Destination, Reach};
use std::io;
use std::net::IpAddr;
use std::pin::Pin;

/// More answers than this are no machine's.
const N_ANSWERS_MAX: usize = 64;

/// What a resolver will have found.
pub type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Finds the addresses of a name. The real one is [`SystemResolver`].
pub trait Resolve: Send + Sync {
    /// All addresses of a name, as they are at this moment.
    fn resolve(&self, name: &str) -> Addresses;
}

/// The operating system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: &str) -> Addresses {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// A host leads to an address that is not public and was not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{host}' leads to {address}, {kind}{}", self.hint())]
pub struct AddressRefused {
    /// The name or address that was asked for.
    pub host: String,
    /// Where it leads.
    pub address: IpAddr,
    /// What that is.
    pub kind: AddressKind,
}

impl AddressRefused {
    fn hint(&self) -> String {
        match self.kind {
            AddressKind::Metadata | AddressKind::Special => String::new(),
            _ => format!("; if that is right, allow its network (such as {}) for this host", self.network()),
        }
    }

    /// The smallest network that holds the address.
    fn network(&self) -> ipnet::IpNet {
        self.address.to_canonical().into()
    }
}

/// A name could not be resolved.
#[derive(Debug, thiserror::Error)]
#[error("the name '{host}' cannot be resolved: {reason}")]
pub(crate) struct Unresolved {
    pub(crate) host: String,
    pub(crate) reason: String,
}

/// Judges an address of a host: networks are allowed for the destination's own host only.
pub(crate) fn judge_for(
    destination: &Destination,
    host: &str,
    address: IpAddr,
) -> Result<(), AddressRefused> {
    let own = destination.reach == Reach::Aliases
        || destination.base.host_str().is_some_and(|own| own.eq_ignore_ascii_case(host));
    let allowed: &[ipnet::IpNet] = if own { &destination.networks } else { &[] };
    address::judge(address, allowed).map_err(|kind| AddressRefused { host: host.to_owned(), address, kind })
}

/// SECURITY: one bad answer refuses all: a name that is public and private at once is an attempt, not a choice.
pub(crate) fn check_all(
    destination: &Destination,
    host: &str,
    answers: io::Result<Vec<IpAddr>>,
) -> Result<Vec<IpAddr>, ConnectError> {
    let unresolved = |reason: String| Unresolved { host: host.to_owned(), reason };
    let answers = answers.map_err(|error| unresolved(error.to_string()))?;
    if answers.is_empty() {
        return Err(unresolved("it has no address".to_owned()).into());
    }
    if answers.len() > N_ANSWERS_MAX {
        return Err(unresolved(format!("it has more than {N_ANSWERS_MAX} addresses")).into());
    }
    for address in &answers {
        judge_for(destination, host, *address)?;
    }
    Ok(answers)
}
