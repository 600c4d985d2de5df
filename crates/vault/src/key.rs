//! One master key.

use access::{Randomness, RandomnessError};
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of a master key.
pub(crate) const KEY_BYTES: usize = 32;
/// Bytes of the name of a key.
pub(crate) const KEY_ID_BYTES: usize = 8;

/// What the bytes derived from a key are for; `blake3::derive_key` wants such texts to be unique and constant.
const FOR_ID: &str = "sourcekeep vault v1 key id";
const FOR_SEALING: &str = "sourcekeep vault v1 sealing";
const FOR_MAC: &str = "sourcekeep vault v1 message authentication";

/// The public name of a master key: derived from it, tells nothing of it, and stands in front of whatever it sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; KEY_ID_BYTES]);

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// A master key: 32 bytes from which the keys for single uses are derived. Cleared from memory when dropped; prints its
/// name only.
#[derive(Clone)]
pub struct MasterKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    id: KeyId,
}

impl MasterKey {
    /// Draws a new one.
    pub fn generate(randomness: &dyn Randomness) -> Result<Self, RandomnessError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        randomness.fill(bytes.as_mut_slice())?;
        Ok(MasterKey::from_bytes(bytes))
    }

    /// Takes the bytes of a key.
    pub fn from_bytes(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let derived = blake3::derive_key(FOR_ID, bytes.as_slice());
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&derived[..KEY_ID_BYTES]);
        MasterKey { bytes, id: KeyId(id) }
    }

    /// Its public name.
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }

    pub(crate) fn sealing_key(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        Zeroizing::new(blake3::derive_key(FOR_SEALING, self.bytes.as_slice()))
    }

    pub(crate) fn mac_key(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        Zeroizing::new(blake3::derive_key(FOR_MAC, self.bytes.as_slice()))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MasterKey({})", self.id)
    }
}
