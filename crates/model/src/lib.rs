//! The nouns of the product: what a repository, a revision, a blob and a caller's rights *are*.
//!
//! Layer 0: every other crate speaks in these types, and this crate speaks to nobody. Invariants: no I/O, no clock, no
//! asynchronous code, no wire shapes (nothing here is serializable; the edge converts), and no way to make an
//! [`AccessSet`] but the one constructor that `clippy.toml` reserves for the `access` crate.

mod access_set;
mod document;
mod ids;
mod leak;
mod path_rules;
mod repo_set;
mod symbol;
mod text;

pub use access_set::{AccessSet, Epoch, RulesByRepo};
pub use document::{BlobFlags, DocFlags, Language, SkipReason};
pub use ids::{IdError, ObjectId, RefName, RepoId, RepoName, UserId};
#[cfg(feature = "leaks")]
pub use leak::switch_leak;
pub use leak::{LEAKS, leaks};
pub use path_rules::{PathRule, PathRules};
pub use repo_set::{RepoSet, RepoSetError};
pub use symbol::SymbolKind;
pub use text::{ByteRange, LineIndex};
