//! Fixtures, oracles and stubs for the tests of every crate.

pub mod git;
pub mod postgres;
