//! The engine against brute force over the same documents, and what it promises about access, limits and bad input.

mod access;
mod aggregate;
mod differential;
mod explain;
mod goto;
mod hostile;
mod kept;
mod oracle;
mod owners;
mod parts;
mod recency;
mod results;
mod revisions;
mod sketches;
mod structural;
mod symbols;
mod why;
mod world;
