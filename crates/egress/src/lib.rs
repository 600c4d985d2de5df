//! The only way out: purposes, address policy, and the HTTP client that keeps to both.
//!
//! Layer 1. Whoever wants something from another machine names a [`Destination`]: what for ([`Purpose`]), where, and which
//! networks that are not public it may be in. [`Egress::client`] gives a [`Client`] for it, and every exchange of that client
//! goes through one function, which is where a ledger will be kept. `hosts` talks to code hosts through it, `server` to
//! identity providers.
//!
//! Reading order: `address` (what an address is) · `destination` · `resolve` · `client` · `body`.
//!
//! Invariants:
//! - A name is resolved once for a connection, every answer is checked, and only a checked address is connected to: a name
//!   that changes its answer afterwards changes nothing.
//! - Redirects are followed here and checked like first addresses. Headers of the caller never go to another origin.
//! - Headers, bytes (as sent and as unpacked), silence and the whole time of an exchange are limited.
//! - No proxy, no credential and no other setting is taken from the environment.
//! - Errors and logs name origins, never paths or queries, which may hold secrets.

mod address;
mod body;
mod client;
mod destination;
mod resolve;
mod send_error;

pub use address::AddressKind;
pub use client::{Client, ClientError, Egress, Limits};
pub use destination::{Destination, DestinationError, Purpose, Reach};
pub use ipnet::IpNet;
pub use resolve::{AddressRefused, Addresses, Resolve, SystemResolver};
pub use send_error::SendError;
