//! Secrets at rest: the master keys, sealing, opening.
//!
//! Layer 1. What the server must be able to read again (tokens of code hosts, seeds of second factors, signing keys) is
//! sealed before it reaches a database: XChaCha20-Poly1305 under the newest master key, bound to the table, column and row
//! it stands in ([`Place`]), so that nobody who can write the database can move a value to where another one belongs. `store`
//! keeps the sealed bytes; the keys are in a file of their own, or come from where the configuration says ([`KeySource`]).
//!
//! Reading order: [`MasterKey`], [`KeyId`] · [`KeyRing`] · [`KeySource`] · [`Vault`].
//!
//! Invariants: no key and no opened secret prints; a key file that others may read is refused; several keys may be valid,
//! the last one seals; a value that cannot be opened is an error that says which key is missing, never an empty secret.

mod key;
mod key_file;
mod ring;
mod seal;
mod secret;
mod vault;

pub use key::{KeyId, MasterKey};
pub use ring::{KeyRing, KeyRingError};
pub use seal::{Place, SECRET_BYTES_MAX};
pub use secret::SecretBytes;
pub use vault::{FetchKeys, KeySource, Mac, OpenError, RotateError, SealError, Vault, VaultError};
