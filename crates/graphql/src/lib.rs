//! The part of Sourcegraph's GraphQL interface that its command line client uses, with a real executor: clients vary
//! fragments, aliases and fields, so that nothing but a schema answers all of them.
//!
//! Layer 4. `server` hands in a request's body and a [`compat::Backend`]: the server as one caller may see it. This crate holds
//! the schema ([`query`](self)), its limits, and nothing else; what a field says is asked of the backend, so that a field
//! nobody selects costs nothing.
//!
//! Invariants: no HTTP, no accounts, no access decisions: the backend already is the caller's. Wrong documents are
//! answered with `errors`, as GraphQL does; a document can be no deeper, larger or costlier than [`Limits`] say.

mod commit;
mod execute;
mod file;
mod lists;
mod nesting;
mod ordered;
mod repository;
mod result;
mod root;
mod viewer;

pub use execute::{Limits, RequestError, execute};
