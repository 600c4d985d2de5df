//! Code hosts against stubs that speak each documented interface, on good and on bad days.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bad_days;
mod contract;
mod gitolite;
mod sync;
mod webhooks;
mod world;
