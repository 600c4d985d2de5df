//! Precise indexes on their way: received into bounded files, taken in by a worker, kept by rules.
//!
//! Layer 3. The edge calls [`Uploads`]: bytes go into a [`Part`], which is a file without an owner until it is whole; then a
//! row and a job are noted in the store, and the [`UploadWorker`] takes the index in (`precise::ingest`) and publishes it in
//! one transaction. Rules of retention clear away what no branch or tag needs.
//!
//! Reading order: `uploads` (receive, ask, remove) · `worker` (take in, sweep) · `retention` (which indexes stay).
//!
//! Invariants:
//! - An index answers from the moment its row says `ready`, and its file is whole before that: a process may be killed at any
//!   moment. Files that no row names are deleted.
//! - What is being received, what waits and what one upload may take have limits, and a full disk is an error of that upload.
//! - SECURITY: who may read or upload is decided before anything here is called.

mod retention;
mod uploads;
mod waiting;
mod worker;

pub use retention::{Keeping, Lineage, leaving};
pub use uploads::{OpenRepository, Part, UploadError, UploadLimits, UploadOptions, Uploads};
pub use worker::UploadWorker;
