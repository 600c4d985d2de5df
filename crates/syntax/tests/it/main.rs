//! What users of this crate rely on: samples of every highlighter, hostile input, and properties over arbitrary input.

mod bindings;
mod hostile;
mod properties;
mod samples;
mod structural;
mod symbols;
