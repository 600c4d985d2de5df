//! Proofs that the owner of a server runs against it, and the reports that they can show.
//!
//! Layer 4. `sourcekeep verify permissions` calls [`permissions::run`] with the store of a data directory and the address of the
//! server that serves it. What it finds is a [`Report`]: claims, each held, failed or not proven, with what was counted.
//!
//! Invariants:
//! - The server is asked as anybody asks it, over its own address, with tokens that last for minutes. Nothing it answers is
//!   kept or shown: answers are compared, and what differs is told by route and status.
//! - What is made for a proof (a repository, accounts, tokens, a code host that is none) is taken away at its end, and at the
//!   beginning of the next one where that end did not come. Nobody else can see it.
//! - A claim holds only where its positive control did: whoever may see is shown that they see.

mod live;
pub mod permissions;
mod report;

pub use live::{LiveServer, LiveServerError};
pub use report::{Check, Part, Report, Verdict};

/// Tells how far a proof has come: what is done now, how much of it, of how much (0: not known).
pub type Watch<'a> = &'a (dyn Fn(&str, u64, u64) + Send + Sync);
