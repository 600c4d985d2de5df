//! Fixtures, oracles and stubs for the tests of every crate.

pub mod authenticator;
pub mod code_host;
pub mod git;
pub mod gitolite;
pub mod identity_provider;
pub mod postgres;
