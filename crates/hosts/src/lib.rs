//! Code hosts: what repositories they have, who may read them, what their webhooks mean.
//!
//! Layer 3. A [`Connector`] is a thin client of one host's documented interface over `egress` (or of a program or folder on
//! this machine, through `git`); [`open`] makes one from what is stored. [`SyncWorker`] does the durable jobs that compare a host with
//! the store: repositories added, renamed and retired by the host's own identifiers, and statements about who reads what handed
//! to the store, which keeps their age. [`webhook`] checks deliveries and finds out what they are about.
//!
//! Reading order: `kind` · `repository`, `connector` · `error`, `api` · `kinds` · `settings`, `exclusion`, `open` ·
//! `sync`, `worker` · `webhook`.
//!
//! Invariants:
//! - It never decides who may see what: it hands over whole readings with the moment at which they began. A list that failed
//!   half way changes nothing.
//! - A repository is its host's immutable identifier, an account likewise. A name says nothing: what is created again under
//!   an old name is another repository, and nobody inherits rights to it.
//! - A webhook carries no facts: it names what is to be asked for.
//! - Tokens are secrets of their own type, are never in addresses, and never leave for another origin.

mod api;
mod connector;
mod error;
mod exclusion;
mod hooks;
mod kind;
mod kinds;
mod open;
mod repository;
mod settings;
mod survey;
mod sync;
pub mod webhook;
mod worker;

pub use connector::{
    Connector, Cursor, HostAccount, HostGrant, Page, Pager, Reply, Strategy, Whoami, read_all, read_some,
};
pub use error::HostError;
pub use exclusion::{Exclusion, ExclusionError, ExclusionRule};
pub use hooks::Received;
pub use kind::{HostKind, UnknownKind};
pub use open::{OpenHostError, Surroundings, check_address, open};
pub use repository::{HostRepository, Openness, Readers};
pub use settings::{HostSettings, SettingsError};
pub use survey::{Survey, Surveyed, SurveyedReaders, survey};
pub use sync::{SyncError, SyncManner, SyncReport, sync};
pub use worker::{CredentialBook, QueueRepositories, SyncHostError, SyncOptions, SyncWorker, request_sync};
