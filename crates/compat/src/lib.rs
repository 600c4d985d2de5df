//! What other code search servers' clients send and expect: shapes, framing, positions, query languages.
//!
//! Layer 3. The way of a request: `server` knows the address and who is asking; this crate reads the parameters
//! ([`sourcegraph::StreamRequest`], [`zoekt::SearchRequest`]) into a [`query::Query`] and limits; the engine searches;
//! [`Text`] says where in a file a result lies; the shapes here are what goes out. [`Backend`] is the server as one caller
//! may see it, for the protocols above this crate (`graphql`, `mcp`). The contract is those servers' public
//! documentation and what their clients send; the words and the code are ours.
//!
//! Invariants: no I/O, no clock, nothing about who is asking: whatever is handed in was found under the caller's
//! `AccessSet`, and nothing here depends on anything else. Numbers that stand for repositories are made from their names,
//! so that they tell nothing about how many there are.

mod backend;
mod credentials;
mod gzip;
mod identity;
mod text;

pub mod sourcegraph;
pub mod zoekt;

pub use backend::{
    Answer, Backend, BackendError, CommitData, EntryData, External, FileData, RepositoryData,
    RepositoryOrder, RepositoryPage, RepositoryQuestion, SearchData, SearchQuestion, UserData,
};
pub use credentials::Credential;
pub use gzip::{GunzipError, gunzip, gzip};
pub use identity::{opaque_id, repository_number, repository_of_id};
pub use text::{Chunk, Location, Span, Text};

use model::{ObjectId, RefName, RepoName};

/// The addresses of pages of the server that answers, as paths.
pub trait Links: Sync {
    /// A found file.
    fn file(&self, repo: &RepoName, refs: &[RefName], commit: ObjectId, path: &[u8]) -> String;
    /// A found folder.
    fn folder(&self, repo: &RepoName, refs: &[RefName], commit: ObjectId, path: &[u8]) -> String;
    /// A commit.
    fn commit(&self, repo: &RepoName, commit: ObjectId) -> String;
    /// A repository.
    fn repo(&self, repo: &RepoName) -> String;
}

/// The revision a result was found in, as a client writes it after an `@`; `None` for the default branch.
pub fn revision_of(refs: &[RefName], commit: ObjectId) -> Option<String> {
    match refs.first() {
        Some(name) if name.as_str() == "HEAD" => None,
        Some(name) => Some(name.short().to_owned()),
        None => Some(commit.to_string()),
    }
}

/// The name of a language; empty where it is not known.
pub fn language_name(language: model::Language) -> &'static str {
    syntax::language_name(language).unwrap_or("")
}
