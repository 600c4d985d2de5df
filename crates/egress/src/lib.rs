//! The only way out: purposes, address policy, and the HTTP client that keeps to both.
//!
//! Layer 1. Whoever wants something from another machine names a [`Destination`]: what for ([`Purpose`]), where, and which
//! networks that are not public it may be in. [`Egress::client`] gives a [`Client`] for it, whose exchanges are limited; a
//! [`Door`] lends a way out to children that speak for themselves, such as git. `hosts` talks to code hosts through it, `server`
//! to identity providers, `git` to remotes.
//!
//! Every connection goes through one function, `connection::Way::connect`: policy, addresses, ledger, wire.
//!
//! Reading order: `address` (what an address is) · `destination` · `policy` · `resolve` · `ledger` · `connection` · `client` · `body` · `door` · `air_gap`.
//!
//! Invariants:
//! - What the mode and the rules do not let out is not even resolved.
//! - A connection is written down before it opens; where it cannot be written down, it does not open.
//! - What this product tells of use (pings) stands in the ledger word by word, before it is sent.
//! - A name is resolved once for a connection, every answer is checked, and only a checked address is connected to: a name
//!   that changes its answer afterwards changes nothing.
//! - Redirects are followed here and checked like first addresses. Headers of the caller never go to another origin.
//! - Headers, bytes (as sent and as unpacked), silence and the whole time of an exchange are limited.
//! - No proxy, no credential and no other setting is taken from the environment.
//! - Errors and logs name origins, never paths or queries, which may hold secrets.

mod address;
mod air_gap;
mod body;
mod client;
mod connection;
mod destination;
mod door;
mod ledger;
mod policy;
mod resolve;
mod send_error;

pub use address::AddressKind;
pub use air_gap::{AirGapError, Landlocked, forbid_connections, shut as shut_air_gap};
pub use client::{Client, ClientError, Egress, Limits};
pub use connection::Outcome;
pub use destination::{Destination, DestinationError, Purpose, Reach};
pub use door::{Door, DoorError, Pass, Relay, RelayError};
pub use ipnet::IpNet;
pub use ledger::{
    Closing, EntryId, INITIATOR_BYTES_MAX, Ledger, LedgerError, Opening, Refusal, SAYING_BYTES_MAX, Saying,
    Written,
};
pub use policy::{BadHostPattern, HostPattern, Mode, Policy, PolicyRefused, Rule, UnknownMode};
pub use resolve::{AddressRefused, Addresses, Resolve, SystemResolver};
pub use send_error::SendError;
