//! The whole way from git repositories to answers, in one process.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod damage;
mod every_revision;
mod history;
mod history_counts;
mod increments;
mod instance;
mod many_refs;
mod pace;
mod pushes;
mod revisions;
mod sidecar;
mod skipped;
mod sources;
mod sweeping;
