//! What a hub and the servers around it say to each other, and both ends of it.
//!
//! Layer 3. A *hub* is a Sourcekeep that others can make themselves known to: it lists servers, publishes feeds (advisories,
//! releases, rule packs), and counts pings. An *instance* is any other one. `server::hub` answers HTTP with [`Desk`];
//! `sourcekeep registration` and `sourcekeep feed` are [`Office`] on a command line.
//!
//! Reading order: `lines` (the form of what is signed) · `identity` · `registration` · `feed` · `content` · `bundle` · `ping` ·
//! [`Desk`], the hub's end · [`Office`], the instance's, and
//! [`PingSender`], which sends pings and nothing else.
//!
//! Invariants:
//! - Everything that a hub says is a signed note (C2SP signed-note) of the one key that the instance's owner pinned, and begins
//!   with a line that says what it is: no signature can be used for anything else.
//! - What is read is of one form, byte for byte. Whatever is changed in it is refused.
//! - An instance's requests are the same bytes as any other's, but for a registration, which its owner saw before.
//! - Nothing ties a ping to a server: it has no id, and where it came from is not kept.

mod bundle;
mod content;
mod desk;
mod feed;
mod identity;
mod lines;
mod office;
mod ping;
mod registration;
mod sender;

pub use bundle::{BUNDLE_BYTES_MAX, NoBundle, SignedFeed, bundle, unbundle};
pub use content::{Advisory, Affected, BadContent, Content, Package, Release, RulePack, Severity};
pub use desk::{CountError, Desk, DeskError, PublishError, TakeError};
pub use feed::{
    FEED_BYTES_MAX, FEED_NOTE_BYTES_MAX, FeedHead, FeedKind, FeedRefusal, KnownFeed, Step, VALID_FOR_MAX,
};
pub use identity::{Fingerprint, digest_of};
pub use office::{HubAddress, Office, OfficeError, Preview, Received};
pub use ping::{AnyPing, CheckPing, K, N_FIELDS_MAX, Ping, PingCheck, PingRefusal, Registered, VALUE_MAX};
pub use registration::{
    Act, BadWords, CHALLENGE_VALID_FOR, Challenge, Contact, NOTE_BYTES_MAX, Receipt, Refusal,
    STATEMENT_BYTES_MAX, ServerName, Statement,
};
pub use sender::PingSender;
