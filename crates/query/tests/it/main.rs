//! What the query language promises, from the outside.

mod golden;
