//! What users of this crate rely on: definitions, references and descriptions in small worlds of files.

mod definitions;
mod graph;
mod picture;
mod references;
mod world;
