//! What is counted of how the server is used, and the little of it that may leave.
//!
//! Layer 1. `register.toml` is reviewed by hand; `cargo xtask register` makes the types of [`register`] and PRIVACY.md from it.
//! What is not in the register cannot be counted or sent: [`Counter`], [`Field`] and [`Route`] are closed sets, and a value is
//! a bounded integer. No text comes in here and none goes out.
//!
//! Reading order: [`Usage`] counts in memory · [`histogram`] · [`WeekOfUse`] and [`compose`] make the weekly [`Ping`] · [`noise`].

mod entry;
pub mod histogram;
pub mod noise;
mod ping;
pub mod register;
mod usage;
mod week;

pub use entry::{Entry, FieldKind, Route, RouteEntry, Snippet};
pub use ping::{
    Instance, NotAPing, PEOPLE_MIN, PING_BYTES_MAX, POWER_MAX, Ping, WeekOfUse, bits_max, compose,
};
pub use register::{Counter, Field, N_COUNTERS, N_FIELDS, REQUESTS, ROUTES, SCHEMA};
pub use usage::{Batch, Deeds, Ending, RequestCount, Usage};
pub use week::{NotAWeek, Week};
