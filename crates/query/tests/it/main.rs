//! What the query language promises, from the outside.

mod arbitrary;
mod docs;
mod golden;
mod hostile;
mod properties;
