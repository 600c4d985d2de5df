//! Logs that cannot be changed unseen: Merkle trees (RFC 6962, section 2), and signed notes that say how large a tree was
//! and what its root was (C2SP signed-note and tlog-checkpoint).
//!
//! Layer 0. Nothing here reads or writes anything. `store` keeps the ledger of what leaves the server with it.
//!
//! Reading order: `tree` (hashes, [`Frontier`]) · `note` ([`SigningKey`], [`VerifyingKey`], [`Checkpoint`]).

mod note;
mod tree;

pub use note::{Checkpoint, NoteError, Signed, SigningKey, VerifyingKey};
pub use tree::{Frontier, FrontierError, Hash, empty_root, leaf_hash};
