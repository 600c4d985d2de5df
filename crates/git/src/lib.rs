//! Reads objects with a library; talks to remotes through the hardened git program.
//!
//! Place in the flow: `mirror` asks [`Mirror`] to clone or fetch, opens the result as a [`Repository`], lists its
//! [`Refs`], walks the trees of all revisions at once ([`Repository::walk`]) and reads the blobs it has not seen with one
//! [`Reader`] per thread. `server` resolves a revision and a path for a page with the same types.
//!
//! Invariants:
//! - Nothing is ever checked out, no hook runs, and no configuration of a repository is obeyed beyond what is needed to
//!   understand its format. Repositories read in place are never written.
//! - Only [`GitProgram`] and [`Gitolite`] spawn processes, with one builder, in one sandbox (`command`).
//! - A credential is a [`Secret`]: it is split off its URL while parsing, reaches git over its environment and not its
//!   arguments, and cannot be printed.
//! - Every input is hostile: every loop over it has a limit, a damaged object is an `Err` for that object, and
//!   what was left out is told.
//! - This crate does not know callers: whoever serves what it reads has asked the caller's `AccessSet` first.

mod ancestry;
mod blame;
mod changed;
mod changes;
mod command;
mod commit;
mod diff;
mod discover;
mod gitdir;
mod gitolite;
mod history;
mod log;
mod mailmap;
mod mirror;
mod object;
mod path_at;
mod plant;
mod program;
mod progress;
mod refs;
mod remotes;
mod repository;
mod revision;
mod run;
mod sandbox;
mod scheme;
mod tree;
mod url;
mod walk;

pub use ancestry::{Ancestry, AncestryError};
pub use blame::{Blame, BlameAsked, BlameError, BlameLimits, BlameRun};
pub use changed::{ChangedFile, ChangedFiles, FileChangeKind, IsOver};
pub use changes::{Change, ChangesError};
pub use commit::{Commit, Person};
pub use diff::{FileDiff, LineHunk, SideText, TextDiff, ToText};
pub use discover::{DiscoverError, DiscoverLimits, Discovered, Discovery, FoundKind, discover};
pub use gitdir::OpenError;
pub use gitolite::{Gitolite, GitoliteError, GitolitePlace, GitoliteRepo, GitoliteUser};
pub use history::{HistoryError, ListedCommit, ListedHistory};
pub use log::{Log, LogAsked, LogEntry, LogError, LogFilter};
pub use mailmap::Mailmap;
pub use mirror::{FetchOutcome, Mirror, MirrorError};
pub use object::{ObjectError, ObjectHeader, ObjectKind, Reader};
pub use plant::{PlantError, Planting, plant};
pub use program::{ChildLimits, GitProgram, GitProgramOptions, ProgramError};
pub use progress::{Phase, Progress};
pub use refs::{Head, Ref, RefSkip, Refs, RefsError, SkippedRef};
pub use repository::{OpenOptions, Repository};
pub use revision::{ResolveError, Resolved, STEPS_MAX};
pub use run::{FailureKind, RunError};
pub use sandbox::Confinement;
pub use scheme::{Scheme, Schemes, Secret};
pub use tree::{EntryKind, EntryRefusal, Listing, LookupError, TreeEntry};
pub use url::{RemoteUrl, UrlError};
pub use walk::{Refused, RevisionSet, WalkEntry, WalkError, WalkLimits, WalkSummary};
