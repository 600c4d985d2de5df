//! Keeps mirrors fresh and segments in step with them.
//!
//! Layer 3. A repository becomes searchable here: fetch (or open in place) → read the refs → walk the trees of all heads
//! and tags at once → index the blobs no segment of this repository holds yet → write the new ref table → publish the
//! manifest in one transaction → swap the snapshot that searches take. Reading order of the modules is that order.
//!
//! Invariants:
//! - The old index serves until the new one is published; a failure at any point leaves it as it was.
//! - A file that a manifest names is never deleted and never written again. Everything else below `index/` is leftover
//!   and is swept away.
//! - Local repositories are read in place and never written to.
//! - Everything here can be killed at any moment: what is not published did not happen.

mod board;
mod layout;
mod lock;
mod naming;

pub use board::{Board, Phase, Progress, ProgressTotals, Task};
pub use layout::{DataDir, DataDirError};
pub use lock::{DataLock, LockError};
pub use naming::{NameError, name_local, name_unique};
