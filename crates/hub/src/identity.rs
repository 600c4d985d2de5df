//! Who a server is: the fingerprint of its key.

use crate::lines::{from_hex, hex};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The id of a server: SHA-256 of its Ed25519 public key, written as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Of a public key.
    pub fn of(public: &[u8; 32]) -> Self {
        Fingerprint(Sha256::digest(public).into())
    }

    /// What its `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        from_hex(text).map(Fingerprint)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex(&self.0))
    }
}

/// SHA-256 of bytes.
pub fn digest_of(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
