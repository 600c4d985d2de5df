//! Identity providers: OpenID Connect Core 1.0 with the authorization code flow, PKCE (RFC 7636), discovery, and the
//! issuer in the answer (RFC 9207).
//!
//! Layer 2. A [`Provider`] says where a browser is sent ([`Provider::begin`]) and who came back ([`Provider::finish`]). It
//! keeps no sign-in: what [`Begun`] holds is for the caller to keep, bound to the browser, and to use once. Whose account
//! that is here, the caller knows; this crate says what the provider proved and nothing else.
//!
//! Reading order: `options` · `provider` · `memory` (discovery and keys) · `person` · `error`.
//!
//! Invariants:
//! - Everything is asked through `egress`, each provider with a client of its own: one that is slow or endless delays nobody
//!   who signs in elsewhere.
//! - Only signatures by the provider's published keys count (RSA, ECDSA, EdDSA): a client secret verifies nothing.
//! - A key that is not known is asked for once a minute at most.
//! - No error and no log holds a code, a token, a secret or what somebody sent us unread.

mod error;
mod memory;
mod options;
mod person;
mod provider;

pub use error::{OptionsError, ProviderError, TokenFault};
pub use options::{NewAccounts, ProviderOptions, SecondFactorTrust, SecretSource};
pub use person::{Person, is_subject};
pub use provider::{Answer, Begun, Kept, Provider};
