//! Exports: the whole answer of a query, written to a file in the background.
//!
//! Layer 3. Whoever asks calls [`Exports::create`], which notes the export and puts a job into the store's durable queue;
//! the [`ExportWorker`] does it, one repository after the other in the order of their names, and records after each
//! stretch what is safely in the file. A restart cuts the file there and goes on: no gap, nothing twice. What a result
//! looks like as a row is the business of a [`RowFormat`], which the edge provides.
//!
//! Reading order: `rows` (one repository's rows) · `skipped` · `exports` (ask, list, fetch, delete) · `worker`.
//!
//! Invariants:
//! - SECURITY: a repository is read with the rights its owner has when its turn comes, asked again before what was
//!   written of it is recorded. What could no longer be read is left out, and the export says that something was,
//!   never what.
//! - SECURITY: a file is handed out only to its owner, and only while they may still read every repository it holds.
//! - Files are readable by the server alone (0600).

mod exports;
mod rows;
mod skipped;
mod worker;

pub use exports::{ExportLimits, ExportOptions, ExportView, Exports, FileError, OpenedFile, RequestError};
pub use rows::{RowFormat, RowLimits, Rows, RowsEnd, write_rows};
pub use skipped::LeftOut;
pub use worker::ExportWorker;
