//! The Model Context Protocol (modelcontextprotocol.io): tools by which programs that write code search and read it.
//!
//! Layer 4. `server` puts a [`Caller`] into each request and hands it to the [`service`], which speaks the protocol;
//! the tools ([`tools`](self)) read their arguments, ask the caller's [`compat::Backend`] and [`Names`], and answer with text for the
//! model and the same as JSON for programs.
//!
//! Invariants: without sessions: nothing is kept between requests, so that no request can use another's rights. Every
//! answer is bounded and says what it left out. A tool that fails says why and how to ask better, as a result that the
//! model reads; protocol errors are for programs.

mod answer;
mod arguments;
mod files;
mod names;
mod repositories;
mod search_tool;
mod service;
mod tools;

pub use names::{NameQuestion, Names, NamesAnswer};
pub use service::{BODY_BYTES_MAX, Caller, Service, service};
