//! The crate from outside.

mod hostile;
mod properties;
