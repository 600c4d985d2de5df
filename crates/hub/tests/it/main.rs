//! Both ends: a hub over a store of its own, and an instance that speaks to a hub which says anything.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod desk;
mod office;
mod world;
