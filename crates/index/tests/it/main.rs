//! Segments and ref tables as their users see them: against brute force, on damaged files, on an old file.

mod corpus;
mod damage;
mod golden;
mod merging;
mod raw;
mod reftable;
mod segment;
mod symbols;
