//! Metadata and the durable job queue, in SQLite or PostgreSQL.
//!
//! Layer 2. Everything the product must not forget, save code, is here: repositories and their manifests, accounts,
//! sessions, tokens, grants, settings, and the jobs that keep mirrors and segments in step. `access` defines what is
//! kept, `mirror` and `server` call, and none of them sees SQL or learns which database answers.
//!
//! Reading order: [`Store`] · [`Source`], [`Repository`] · [`Maintenance`] and [`Manifest`] · accounts: [`User`],
//! sign-in, [`Session`], [`TokenInfo`], the setup link, sealing · the audit log · [`Context`] · grants and the epoch · [`Jobs`] · [`Export`].
//!
//! Invariants:
//! - Every read of repository data takes an `AccessSet`, but those of [`Maintenance`] and [`Jobs`], which the indexing
//!   worker holds and no request handler may.
//! - A change of several rows is one transaction; whoever is killed in between has changed nothing.
//! - Whatever makes somebody's rights smaller or larger raises the epoch in the same transaction.
//! - Secrets are stored as digests or Argon2id hashes; those that must be read again are sealed with the vault.
//! - An act and its entry in the audit log are one transaction; entries are never changed, and removed only by the retention
//!   that was configured, from the front.
//! - Several processes may have the store open at once.

mod about;
mod access_facts;
mod account_links;
mod attempts;
mod audience;
mod audit;
mod audit_anchor;
mod audit_objects;
mod audit_reads;
mod audit_retention;
mod audit_verify;
mod break_glass;
mod code_hosts;
mod contexts;
mod contexts_edit;
mod contexts_expand;
mod database;
mod dialect;
mod egress_ledger;
mod egress_verify;
mod explicit;
mod exports;
mod facts_cache;
mod fault;
mod groups;
mod history;
mod host_repositories;
mod hub_feeds;
mod hub_pings;
mod hub_servers;
mod instance_key;
mod jobs;
mod jobs_claim;
mod jobs_lease;
mod maintenance;
mod manifest;
mod passkeys;
mod path_rules;
mod pending_sign_in;
mod permissions;
mod pings;
mod precise_indexes;
mod precise_keeping;
mod provider_identities;
mod provider_sign_ins;
mod recovery_codes;
mod registrations;
mod repo_reads;
mod repo_sharing;
mod repositories;
mod repository;
mod review_items;
mod reviews;
mod roles;
mod schema;
mod sealing;
mod second_factors;
mod service_accounts;
mod sessions;
mod settings;
mod settling;
mod setup_link;
mod sign_in;
mod step_up;
mod store;
mod tokens;
mod totp;
mod usage;
mod user_overview;
mod users;
mod why_access;

pub use about::{About, AboutChange, ChangeAboutError};
pub use access::Timestamp;
pub use access_facts::{GrantError, Recognized};
pub use account_links::{AccountLink, LINK_VALID_MAX, LinkKind, UseLinkError};
pub use audience::{Audience, RepoReader};
pub use audit::AuditFilter;
pub use audit_reads::RecordedRead;
pub use audit_retention::{AuditFront, ShortenError, Shortened};
pub use audit_verify::{AuditFault, AuditReport};
pub use break_glass::{BREAK_GLASS_MAX, BreakGlass, BreakGlassError, REASON_CHARS_MIN};
pub use code_hosts::{CodeHost, CodeHostChange, CodeHostError, NewCodeHost};
pub use contexts::{
    Context, ContextContent, ContextError, ContextName, ContextNameError, ContextPage, ContextRepository,
};
pub use egress_ledger::{EgressDay, EgressEnd, EgressEntry, EgressFilter, EgressLedger, EgressSum};
pub use egress_verify::{EgressFault, EgressReport, Witness};
pub use explicit::{Address, AddressError, ConfirmAddressError, Given, Replaced, Who};
pub use exports::{
    CreateExportError, Export, ExportId, ExportProgress, ExportRepo, ExportState, ExportUse, NewExport,
};
pub use fault::Fault;
pub use groups::{Group, GroupError, GroupName, GroupNameError};
pub use history::{History, HistoryFileKind, StoredHistory};
pub use host_repositories::{HostListPage, KnownHostRepository, ListedRepository, ListingOutcome};
pub use hub_feeds::{PublishFeedError, StoredFeed};
pub use hub_pings::{CountPingError, PingSum};
pub use hub_servers::{HubServer, NewHubServer, RegisterError, UsedChallenge};
pub use instance_key::SignerRole;
pub use jobs::{
    ClaimRequest, ClaimedJob, Enqueued, JobCounts, JobId, Jobs, LeaseError, NewJob, Outcome, WorkerId,
};
pub use maintenance::{Discarded, DiscardedWhat, Maintenance};
pub use manifest::{FileChecksum, Generation, Manifest, NewManifest, PublishError, Published, StoredFile};
pub use passkeys::{Begun, PasskeyAnswer, PasskeyInfo};
pub use path_rules::{PathRulesError, RulesFor, check_path_rules};
pub use pending_sign_in::{Enrolment, FirstStep, Pending, SecondStepError};
pub use permissions::{BOUND_DEFAULT, Identity, LinkError};
pub use pings::{DecidePingError, PingId, PingState, Posted, StoredPing};
pub use precise_indexes::{
    CreatePreciseError, NewPrecise, PRECISE_JOB_KIND, PreciseCounts, PreciseId, PreciseIndex, PrecisePackage,
    PreciseState,
};
pub use provider_identities::{LinkProviderError, LinkedIdentity, ProviderIdentity, WaysIn};
pub use provider_sign_ins::{PROVIDER_SIGN_IN_VALID_FOR, ProviderPurpose, ProviderSignIn};
pub use registrations::{Registration, RegistrationState};
pub use repo_sharing::{RepoSharing, SharedRepo};
pub use repositories::{
    AddRepositoryError, Added, Adder, ListRepositories, NewRepository, RepoCursor, RepoPage,
};
pub use repository::{Progress, RepoStatus, Repository, Source, Visibility};
pub use reviews::{N_REVIEW_ITEMS_MAX, Review, ReviewError, ReviewItem, ReviewScope};
pub use roles::{CustomRole, RoleError, RoleName, RoleOf};
pub use sealing::{Resealed, RotateKeyError};
pub use second_factors::{ChangeFactorError, FactorProof};
pub use service_accounts::ServiceAccount;
pub use sessions::{Session, SessionLimits, SessionOrigin};
pub use settling::ServingProcess;
pub use setup_link::{ConsumeSetupError, CreateSetupError};
pub use sign_in::SignInError;
pub use step_up::{ChangePasswordError, FRESH_FOR};
pub use store::{OpenError, Options, Store, StoreUrl, StoreUrlError};
pub use tokens::{CreateTokenError, NewToken, TokenInfo};
pub use totp::Enrolling;
pub use usage::{CountAt, RequestsAt, RequestsOf};
pub use user_overview::{AccountState, UserFilter, UserOverview};
pub use users::{ChangeUserError, CreateUserError, NewUser, RoleChoice, User};
pub use why_access::{AccessReason, ReadableRepo, Stated};
