//! The program as people run it: real processes on real repositories.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::disallowed_methods, reason = "these tests start the program itself")]

mod access;
mod accounts;
mod configuration;
mod disk_full;
mod egress;
mod failing_sync;
mod git_grep;
mod hub;
mod indexers;
mod inspect;
mod keep;
mod kill;
mod lsp;
mod output;
mod secrets;
mod serving;
mod up;
mod verify;
