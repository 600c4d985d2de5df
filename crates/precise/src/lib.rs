//! SCIP indexes: taken in, looked up, carried to other commits.
//!
//! Layer 2: synchronous, without HTTP and SQL. Whoever receives an upload calls [`ingest`], which reads it as a stream and
//! writes one immutable file (`docs/format/precise-v1.md`). [`Index`] asks that file. [`Precise`] answers for a repository at
//! any commit: from the uploads that the store knows ([`Upload`]) it takes those of the nearest commit ([`nearest`]), and
//! carries places through the differences between the two commits ([`LineMap`]); texts, parents and differences come from the
//! caller's [`Sources`].
//!
//! Invariants:
//! - The memory of an ingest is bounded by [`IngestLimits`], whatever is sent; it runs on a thread of its own, and a panic
//!   there is an error. Nothing is left behind when it fails.
//! - A file of ours is not trusted either: a damaged one is a [`LookupError`].
//! - A line that was changed since the index was made has no precise answer: nothing is guessed.
//! - SECURITY: every answer of [`Precise`] takes the caller's `AccessSet` and a filter of paths, and leaves out what lies
//!   outside: places, counts and documentation alike.

mod adjust;
mod document;
mod error;
mod information;
mod ingest;
mod limits;
mod lookup;
mod nearest;
mod package;
mod range;
mod reader;
mod side;
mod sorting;
mod symbols;
mod wire;

pub use adjust::{Hunk, LineMap};
pub use error::{IngestError, LookupError};
pub use information::{Relationship, SymbolInfo, Ways};
pub use ingest::{Summary, ingest};
pub use limits::{IngestLimits, Stop};
pub use lookup::{Hit, HitSymbol, Hover, Place, Places, Precise, Sources, Spot, Upload};
pub use nearest::{DISTANCE_MAX, Nearest, nearest};
pub use package::{Package, SymbolParts};
pub use range::{Columns, Span};
pub use reader::{Counts, Document, DocumentNo, Index, Occurrence, SymbolNo, UseNo};
pub use symbols::PackageUse;
