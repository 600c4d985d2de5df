//! What is written down of each connection, and where.
//!
//! The ledger itself lives where there is a database (`store`); here is what it must do. An entry is written *before* a
//! connection opens; where that fails, nothing is sent.

use crate::{Outcome, Purpose};
use std::net::IpAddr;
use std::panic::Location;
use std::pin::Pin;

/// Most bytes of an initiator that are kept.
pub const INITIATOR_BYTES_MAX: usize = 120;

/// Most bytes of a body that stands in the ledger; longer ones are not sent.
pub const SAYING_BYTES_MAX: usize = 64 << 10;

/// A connection that is about to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// What for.
    pub purpose: Purpose,
    /// The host as it was asked for: a name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The address that is connected to, checked.
    pub address: IpAddr,
    /// Who or what wants it, such as `code host 3`; at most [`INITIATOR_BYTES_MAX`] bytes, without secrets.
    pub initiator: String,
    /// The place in the code that asked for the way out, `file:line`.
    pub code: String,
}

/// A connection that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// How it went.
    pub outcome: Outcome,
    /// Bytes handed to the connection, as they went over the wire (TLS included, TCP and below not).
    pub n_sent: u64,
    /// Bytes that came, likewise.
    pub n_received: u64,
    /// SHA-256 of the bytes that were sent, likewise.
    pub digest: [u8; 32],
}

/// Something that was wanted and did not leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What for.
    pub purpose: Purpose,
    /// The host that was wanted.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who or what wanted it.
    pub initiator: String,
    /// The place in the code that asked, `file:line`.
    pub code: String,
    /// Why not, in a sentence.
    pub reason: String,
}

/// The body of a request that is about to be sent, for purposes that are shown whole ([`Purpose::is_shown_whole`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saying {
    /// What for.
    pub purpose: Purpose,
    /// The host it is for.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who or what says it.
    pub initiator: String,
    /// The place in the code that asked for the way out, `file:line`.
    pub code: String,
    /// What is said, at most [`SAYING_BYTES_MAX`] bytes.
    pub body: Vec<u8>,
}

/// The number of an entry, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub i64);

/// An entry cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the egress ledger cannot be written: {reason}")]
pub struct LedgerError {
    /// What was said.
    pub reason: String,
}

/// What writing an entry will come to.
pub type Written<T> = Pin<Box<dyn Future<Output = Result<T, LedgerError>> + Send>>;

/// Where entries go. They are appended and never changed.
pub trait Ledger: Send + Sync {
    /// Writes that a connection is about to be opened. When this returns, the entry is durable.
    fn open(&self, opening: Opening) -> Written<EntryId>;

    /// Writes what is about to be said. When this returns, the entry is durable.
    fn say(&self, saying: Saying) -> Written<()>;

    /// Writes how a connection went.
    fn close(&self, opened: EntryId, closing: Closing) -> Written<()>;

    /// Writes that something was wanted and refused.
    fn refuse(&self, refusal: Refusal) -> Written<()>;
}

/// `file:line` of a place in the code.
pub(crate) fn place(location: &Location<'_>) -> String {
    let file = location.file();
    let file = file.find("crates/").map_or(file, |at| &file[at..]);
    format!("{file}:{}", location.line())
}

/// A text as it stands in the ledger: one line, printable, at most `n_max` bytes.
pub(crate) fn line_of(text: &str, n_max: usize) -> String {
    let mut line = String::new();
    for c in text.chars() {
        let c = if c.is_control() { ' ' } else { c };
        if line.len() + c.len_utf8() > n_max {
            break;
        }
        line.push(c);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_short_and_one() {
        assert_eq!(line_of("git\nfetch", 120), "git fetch");
        assert_eq!(line_of("ääää", 5), "ää");
        let here = place(Location::caller());
        assert!(here.starts_with("crates/egress/src/ledger.rs:"), "{here}");
    }
}
