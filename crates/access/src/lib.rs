//! Identities, sessions, tokens, grants, and the only builder of access sets.
//!
//! Layer 1: `store` keeps what this crate defines, `server` and the command line ask it who is calling and what that
//! person may read. The flow of every request: secret in the request ([`Token`], [`SessionSecret`]) → row found by its
//! [`Digest`] → [`Actor`] → [`ReadFacts`] → [`model::AccessSet`].
//!
//! Invariants: no SQL, no HTTP, no clock and no randomness but through [`Clock`] and [`Randomness`]; a secret can neither
//! be printed nor compared but in constant time; an administrator's role reads no code; nothing outside this crate can
//! assemble an `AccessSet`.

mod actor;
mod address;
pub mod audit;
mod capability;
mod credential;
mod environment;
mod passkey;
mod password;
mod policy;
mod readable;
mod recovery_code;
mod scope;
mod statement;
mod totp;
mod user_name;

pub use actor::{Actor, Caller, Role, SessionId, TokenId, Via};
pub use address::ClientAddress;
pub use capability::{Capabilities, Capability, CapabilityError};
pub use credential::{
    BrowserSecret, Credential, CredentialError, Digest, LinkSecret, PendingSecret, SessionSecret,
    SetupSecret, Token,
};
pub use environment::{
    Clock, ManualClock, Randomness, RandomnessError, SystemClock, SystemRandomness, Timestamp,
};
pub use ipnet::IpNet as Network;
pub use passkey::{Ceremony, Passkey, PasskeyError, RelyingParty};
pub use password::{Password, PasswordCost, PasswordFault, PasswordHash, PasswordKeeper, Verdict};
pub use policy::{PasswordRefusal, SecondFactor, check_password};
pub use readable::{ReadFacts, access_set};
pub use recovery_code::RecoveryCode;
pub use scope::{RepoScope, Scope, Verb, VerbError, Verbs};
pub use statement::{AccountId, Believed, HostId, Reader, RepoReadings, Statement};
pub use totp::{TotpCode, TotpSeed, TotpStep};
pub use user_name::{UserName, UserNameError};
