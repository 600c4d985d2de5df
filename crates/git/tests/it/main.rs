//! The one integration binary of the `git` crate: ours against the system's git, and hostile input.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod comparing;
mod differential;
mod discovering;
mod forged;
mod gitolite;
mod lines;
mod mirroring;
mod support;
mod threats;
