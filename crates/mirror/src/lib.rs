//! Keeps mirrors fresh and segments in step with them.
//!
//! Layer 3. A repository becomes searchable here: fetch (or open in place) → read the refs → walk the trees of all heads
//! and tags at once → index the blobs no segment of this repository holds yet → write the new ref table → publish the
//! manifest in one transaction → swap the snapshot that searches take. [`add`] makes rows and jobs out of what a person
//! typed; the [`Worker`] does the jobs; [`open_catalog`] opens what was published.
//!
//! Reading order: `layout`, `lock` · `sources`, `naming` · `job`, `worker`, `process`, `tend` · `refs`, `documents`, `plan`,
//! `increment`, `pipeline`, `build` · `history` · `tidy` · `open`, `overlay`, `sweep`, `describe` · `poll` · `board` · `sidecar`.
//!
//! Invariants:
//! - The old index serves until the new one is published; a failure at any point leaves it as it was.
//! - A file that a manifest names is never deleted and never written again. Everything else below `index/` is leftover
//!   and is swept away.
//! - Local repositories are read in place and never written to.
//! - Everything here can be killed at any moment: what is not published did not happen.

mod board;
mod build;
mod definitions;
mod describe;
mod documents;
mod error;
mod gate;
mod history;
mod increment;
mod job;
mod layout;
mod lock;
mod naming;
mod open;
mod overlay;
mod pipeline;
mod plan;
mod poll;
mod process;
mod refs;
mod sidecar;
mod sources;
mod sweep;
mod tend;
mod tidy;
mod why;
mod worker;

pub use board::{Board, Phase, Progress, ProgressTotals, Task};
pub use describe::said_of;
pub use error::IndexError;
pub use history::verify as verify_history;
pub use layout::{DataDir, DataDirError};
pub use lock::{DataLock, LockError};
pub use naming::{NameError, local_names, remote_names};
pub use open::{DamagedIndex, IndexFault, open_catalog, verify_index};
pub use overlay::{OverlayOptions, Overlays};
pub use sidecar::{SidecarOptions, Sidecars, default_sidecar_bytes};
pub use sources::{AddError, AddOptions, AddReport, SourceArgument, add};
pub use sweep::SweepError;
pub use why::why_in_git;
pub use worker::{
    CredentialSource, Failure, StartError, StartReport, Worker, WorkerOptions, queue, queue_rebuild,
    report_damage,
};

use git::{Scheme, Schemes};

/// Every transport the product may be allowed to use: for addresses that were checked against the narrower, configured set
/// when they were added.
pub(crate) const ALL_SCHEMES: Schemes = Schemes::NONE
    .with(Scheme::Https)
    .with(Scheme::Http)
    .with(Scheme::Ssh)
    .with(Scheme::Git)
    .with(Scheme::File);
