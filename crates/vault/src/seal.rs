//! One sealed value.
//!
//! Layout: version (1 byte) · name of the key (8) · nonce (24) · ciphertext and tag (length of the secret + 16). Associated
//! data: a constant, then table, column and row, each after its length, so that no two places have the same bytes.

use crate::key::{KEY_ID_BYTES, KeyId, MasterKey};
use crate::secret::SecretBytes;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

/// Longest secret that is sealed, in bytes.
pub const SECRET_BYTES_MAX: usize = 64 * 1024;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
const HEAD_BYTES: usize = 1 + KEY_ID_BYTES + NONCE_BYTES;
const TAG_BYTES: usize = 16;

/// Where a sealed value stands. A value opens in its own place only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The table.
    pub table: &'static str,
    /// The column: what the value is for.
    pub column: &'static str,
}

impl Place {
    fn associated_data(self, row: &str) -> Vec<u8> {
        let mut data = b"sourcekeep sealed value v1".to_vec();
        for part in [self.table, self.column, row] {
            data.extend((part.len() as u64).to_le_bytes());
            data.extend(part.as_bytes());
        }
        data
    }
}

/// Seals under a key and a nonce nobody used before: 192 random bits never meet twice.
pub(crate) fn seal(
    key: &MasterKey,
    nonce: [u8; NONCE_BYTES],
    place: Place,
    row: &str,
    secret: &[u8],
) -> Option<Vec<u8>> {
    let payload = Payload { msg: secret, aad: &place.associated_data(row) };
    let sealed = cipher(key).encrypt(&XNonce::from(nonce), payload).ok()?;
    let mut bytes = Vec::with_capacity(HEAD_BYTES + sealed.len());
    bytes.push(VERSION);
    bytes.extend(key.id().0);
    bytes.extend(nonce);
    bytes.extend(sealed);
    Some(bytes)
}

/// The name of the key a value was sealed with; `None` for bytes that are no sealed value.
pub(crate) fn key_of(sealed: &[u8]) -> Option<KeyId> {
    let long_enough = sealed.len() >= HEAD_BYTES + TAG_BYTES;
    let (version, rest) = sealed.split_first()?;
    let (id, _) = rest.split_first_chunk::<KEY_ID_BYTES>()?;
    (long_enough && *version == VERSION).then_some(KeyId(*id))
}

/// Opens a value; `None` if it was changed, or stood elsewhere.
pub(crate) fn open(key: &MasterKey, place: Place, row: &str, sealed: &[u8]) -> Option<SecretBytes> {
    let (_, rest) = sealed.split_at_checked(1 + KEY_ID_BYTES)?;
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>()?;
    let payload = Payload { msg: ciphertext, aad: &place.associated_data(row) };
    cipher(key).decrypt(&XNonce::from(*nonce), payload).ok().map(SecretBytes::new)
}

fn cipher(key: &MasterKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&Key::from(*key.sealing_key()))
}
