//! The door out against servers that mean no good. The cases are in `testdata/threats/requests.toml`.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod addresses;
mod answers;
mod ledger;
mod redirects;
mod server;
mod world;
