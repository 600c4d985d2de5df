//! What seals and opens.

use crate::key::{KeyId, MasterKey};
use crate::key_file;
use crate::ring::{KeyRing, KeyRingError};
use crate::seal::{self, Place, SECRET_BYTES_MAX};
use crate::secret::SecretBytes;
use access::{Randomness, RandomnessError};
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

/// Fetches the text with the keys; the error says in words what is wrong, without the text.
pub type FetchKeys = Arc<dyn Fn() -> Result<SecretString, String> + Send + Sync>;

/// Where the master keys are.
#[derive(Clone)]
pub enum KeySource {
    /// Nowhere: nothing can be sealed or opened.
    Absent,
    /// In a file of the server's own, which makes it when the first key is needed.
    OwnFile(PathBuf),
    /// Where the configuration says.
    Given {
        /// What the configuration calls it, such as `env:NAME`; no secret.
        name: String,
        /// Fetches it.
        fetch: FetchKeys,
    },
}

/// The keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The file is there and cannot be read.
    #[error("the file of master keys '{}' cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file cannot be made or changed.
    #[error("the file of master keys '{}' cannot be written: {source}", path.display())]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Others than the owner may use the file.
    #[error(
        "others may read the file of master keys '{}' (mode {mode:o}): run `chmod 600` on it, and if somebody may have read it, `sourcekeep admin rotate-key`",
        path.display()
    )]
    LaxMode {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is a folder, a pipe or the like.
    #[error("'{}' is no file: the master keys are a file of text", path.display())]
    NotAFile {
        /// Its path.
        path: PathBuf,
    },
    /// The text holds no keys.
    #[error("the master keys in '{name}' cannot be used: {source}")]
    Unusable {
        /// Where they come from.
        name: String,
        /// What is wrong with them.
        source: KeyRingError,
    },
    /// The place the configuration names gave nothing.
    #[error("the master keys cannot be fetched from '{name}': {reason}")]
    Unfetched {
        /// Where they come from.
        name: String,
        /// Why not.
        reason: String,
    },
    /// No key could be drawn.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
}

/// A secret could not be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// There is no key.
    #[error(
        "there is no master key to seal secrets with: start the server with its data directory, or set `vault.key`"
    )]
    NoKey,
    /// It is longer than secrets are.
    #[error("a secret of more than {n_bytes_max} bytes cannot be kept")]
    TooLong {
        /// The most.
        n_bytes_max: usize,
    },
    /// No nonce could be drawn.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
}

/// A sealed secret could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The key it was sealed with is not among those at hand.
    #[error(
        "a secret is sealed with the master key {key}, which is not at hand ({at_hand}): put the file of master keys back from its backup, or set `vault.key` to where the key is"
    )]
    UnknownKey {
        /// The name of the missing key.
        key: KeyId,
        /// Which keys there are, in words.
        at_hand: String,
    },
    /// It was changed, or stands in another place than it was sealed for.
    #[error("a sealed secret in {table}.{column} was changed or moved since it was sealed: enter it again")]
    Tampered {
        /// The table it is in.
        table: &'static str,
        /// The column it is in.
        column: &'static str,
    },
    /// The keys cannot be read.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// The master keys could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// They are not in the server's own file.
    #[error(
        "the master keys come from '{name}', which is not the server's to change: add a new key as the last line there, then run `sourcekeep admin rotate-key --reseal-only`"
    )]
    NotOurs {
        /// Where they come from.
        name: String,
    },
    /// The file failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Tells that bytes were written by whoever has the master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac {
    /// With which key it was made.
    pub key: KeyId,
    /// BLAKE3 in its keyed mode, 32 bytes.
    pub tag: [u8; 32],
}

/// Seals and opens secrets under the master keys. Cloning shares it.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    source: KeySource,
    randomness: Arc<dyn Randomness>,
    ring: RwLock<KeyRing>,
}

impl Vault {
    /// A vault that can neither seal nor open.
    pub fn absent() -> Self {
        let inner = Inner {
            source: KeySource::Absent,
            randomness: Arc::new(access::SystemRandomness),
            ring: RwLock::default(),
        };
        Vault { inner: Arc::new(inner) }
    }

    /// Reads the keys. An own file that is missing is no error yet: [`Vault::ensure_key`] makes it.
    pub fn open_source(source: KeySource, randomness: Arc<dyn Randomness>) -> Result<Self, VaultError> {
        let ring = read_source(&source)?;
        Ok(Vault { inner: Arc::new(Inner { source, randomness, ring: RwLock::new(ring) }) })
    }

    /// Makes the first key, where the server's own file has none yet. Others at the same moment get the same one.
    pub fn ensure_key(&self) -> Result<(), VaultError> {
        let KeySource::OwnFile(path) = &self.inner.source else { return Ok(()) };
        if self.newest().is_some() {
            return Ok(());
        }
        let mut ring = KeyRing::default();
        ring.push(MasterKey::generate(&*self.inner.randomness)?);
        key_file::create(path, &ring)?;
        self.reload()
    }

    /// Reads the keys again: another process may have added one.
    pub fn reload(&self) -> Result<(), VaultError> {
        let ring = read_source(&self.inner.source)?;
        // Keys at hand are not forgotten because a file vanished under a running server.
        if ring.newest().is_some() {
            *self.inner.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        }
        Ok(())
    }

    /// The name of the key that seals.
    pub fn newest(&self) -> Option<KeyId> {
        self.with_ring(|ring| ring.newest().map(MasterKey::id))
    }

    /// The names of all keys, the oldest first.
    pub fn ids(&self) -> Vec<KeyId> {
        self.with_ring(|ring| ring.ids().collect())
    }

    /// Where the keys come from, in words.
    pub fn source_name(&self) -> String {
        match &self.inner.source {
            KeySource::Absent => "nowhere".to_owned(),
            KeySource::OwnFile(path) => path.display().to_string(),
            KeySource::Given { name, .. } => name.clone(),
        }
    }

    /// Adds a new key to the server's own file; it seals from now on.
    pub fn rotate(&self) -> Result<KeyId, RotateError> {
        self.change_file(|ring, randomness| {
            let key = MasterKey::generate(randomness)?;
            let id = key.id();
            ring.push(key);
            Ok(id)
        })
    }

    /// Takes every key but the newest out of the server's own file; to be asked when nothing is sealed with them any more.
    /// Returns how many there were.
    pub fn drop_old(&self) -> Result<usize, RotateError> {
        self.change_file(|ring, _| Ok(ring.drop_old()))
    }

    /// Seals a secret for one row of a place.
    pub fn seal(&self, place: Place, row: &str, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        if secret.len() > SECRET_BYTES_MAX {
            return Err(SealError::TooLong { n_bytes_max: SECRET_BYTES_MAX });
        }
        let mut nonce = [0; 24];
        self.inner.randomness.fill(&mut nonce)?;
        let sealed = self.with_ring(|ring| seal::seal(ring.newest()?, nonce, place, row, secret));
        sealed.ok_or(SealError::NoKey)
    }

    /// Opens what was sealed for this row of this place.
    pub fn open(&self, place: Place, row: &str, sealed: &[u8]) -> Result<SecretBytes, OpenError> {
        let Place { table, column } = place;
        let key = seal::key_of(sealed).ok_or(OpenError::Tampered { table, column })?;
        self.find_key(key)?;
        let opened = self.with_ring(|ring| seal::open(ring.key(key)?, place, row, sealed));
        opened.ok_or(OpenError::Tampered { table, column })
    }

    /// The name of the key that sealed a value; `None` for what is no sealed value.
    pub fn key_of(sealed: &[u8]) -> Option<KeyId> {
        seal::key_of(sealed)
    }

    /// Authenticates bytes under the newest key; `context` keeps the uses apart. `None` without a key.
    pub fn mac(&self, context: &'static str, bytes: &[u8]) -> Option<Mac> {
        self.with_ring(|ring| {
            let key = ring.newest()?;
            Some(Mac { key: key.id(), tag: *tag(key, context, bytes).as_bytes() })
        })
    }

    /// Whether whoever has the key of that name made this tag for these bytes. Compared in constant time.
    pub fn mac_is_ours(&self, context: &'static str, bytes: &[u8], mac: &Mac) -> Result<bool, OpenError> {
        self.find_key(mac.key)?;
        // SECURITY: comparing two `blake3::Hash`es takes the same time for all.
        let ours = self.with_ring(|ring| {
            ring.key(mac.key).map(|key| tag(key, context, bytes) == blake3::Hash::from(mac.tag))
        });
        Ok(ours == Some(true))
    }

    fn find_key(&self, key: KeyId) -> Result<(), OpenError> {
        if self.with_ring(|ring| ring.key(key).is_some()) {
            return Ok(());
        }
        // Another process may have rotated.
        self.reload()?;
        let ids: Vec<String> = self.ids().iter().map(KeyId::to_string).collect();
        match self.with_ring(|ring| ring.key(key).is_some()) {
            true => Ok(()),
            false if ids.is_empty() => Err(OpenError::UnknownKey {
                key,
                at_hand: format!("there is none in {}", self.source_name()),
            }),
            false => Err(OpenError::UnknownKey {
                key,
                at_hand: format!("{} has {}", self.source_name(), ids.join(", ")),
            }),
        }
    }

    fn with_ring<T>(&self, read: impl FnOnce(&KeyRing) -> T) -> T {
        read(&self.inner.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change_file<T>(
        &self,
        change: impl FnOnce(&mut KeyRing, &dyn Randomness) -> Result<T, VaultError>,
    ) -> Result<T, RotateError> {
        let KeySource::OwnFile(path) = &self.inner.source else {
            return Err(RotateError::NotOurs { name: self.source_name() });
        };
        self.ensure_key()?;
        let lock = key_file::lock(path)?;
        let mut ring = key_file::read(path)?.unwrap_or_default();
        let changed = change(&mut ring, &*self.inner.randomness)?;
        key_file::replace(path, &ring)?;
        drop(lock);
        self.reload()?;
        Ok(changed)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Vault({})", self.source_name())
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeySource::Absent => formatter.write_str("Absent"),
            KeySource::OwnFile(path) => write!(formatter, "OwnFile({})", path.display()),
            KeySource::Given { name, .. } => write!(formatter, "Given({name})"),
        }
    }
}

fn read_source(source: &KeySource) -> Result<KeyRing, VaultError> {
    match source {
        KeySource::Absent => Ok(KeyRing::default()),
        KeySource::OwnFile(path) => Ok(key_file::read(path)?.unwrap_or_default()),
        KeySource::Given { name, fetch } => {
            let text = fetch().map_err(|reason| VaultError::Unfetched { name: name.clone(), reason })?;
            KeyRing::parse(text.expose_secret())
                .map_err(|source| VaultError::Unusable { name: name.clone(), source })
        }
    }
}

fn tag(key: &MasterKey, context: &'static str, bytes: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(&key.mac_key());
    hasher.update(&(context.len() as u64).to_le_bytes());
    hasher.update(context.as_bytes());
    hasher.update(bytes);
    hasher.finalize()
}
