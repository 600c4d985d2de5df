//! Signed notes (C2SP signed-note, Ed25519) and the checkpoints in them (C2SP tlog-checkpoint).

use crate::Hash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// The type of signature in the hash of a key: Ed25519.
const ED25519: u8 = 1;
/// Longest note that is read.
const NOTE_BYTES_MAX: usize = 64 << 10;
/// Most signatures that are looked at.
const N_SIGNATURES_MAX: usize = 100;

/// A key that signs, under a name. Prints without its secret.
pub struct SigningKey {
    name: String,
    key: ed25519_dalek::SigningKey,
}

/// A key that signatures are checked with, under the same name.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    name: String,
    key: ed25519_dalek::VerifyingKey,
}

/// A text with the signatures below it, as it is handed around.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed(pub String);

/// How large a tree was, and what its root was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which tree: the name of the key that signs it.
    pub origin: String,
    /// How many leaves it had.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

/// A note cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is no signed note.
    #[error(
        "this is no signed checkpoint: it has a name, a number, a hash, an empty line and a line that begins with '—'"
    )]
    Malformed,
    /// Nobody known signed it.
    #[error(
        "this was not signed by the key that it should be signed by: it is somebody else's, or was changed"
    )]
    NotSigned,
    /// It is signed by the key, and says something else than the key's own log.
    #[error("this is a checkpoint of another log")]
    OtherOrigin,
    /// A name for a key has a space, a plus sign or a line break, or is empty.
    #[error("the name of a key must not be empty and must have no space and no '+'")]
    BadName,
    /// A text is no key.
    #[error("this is no key: it is written as name+8 hexadecimal digits+base64, on one line")]
    BadKey,
}

impl SigningKey {
    /// The key of a seed: 32 random bytes.
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        check_name(name)?;
        let seed = Zeroizing::new(*seed);
        Ok(SigningKey { name: name.to_owned(), key: ed25519_dalek::SigningKey::from_bytes(&seed) })
    }

    /// What its signatures are checked with.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// The public half: 32 bytes.
    pub fn public(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// The same key under another name, so that its signatures say in which role it signed.
    pub fn under(&self, name: &str) -> Result<Self, NoteError> {
        check_name(name)?;
        Ok(SigningKey { name: name.to_owned(), key: self.key.clone() })
    }

    /// Signs a text, which must end with a line break and be printable. SECURITY: the name is no part of what is signed, so
    /// each kind of text begins with a line that no other kind begins with.
    pub fn sign(&self, text: &str) -> Signed {
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        let hash = key_hash(&self.name, &self.public());
        let line = STANDARD.encode([&hash[..], &signature].concat());
        Signed(format!("{text}\n— {} {line}\n", self.name))
    }

    /// Signs how large the tree of this key is.
    pub fn checkpoint(&self, size: u64, root: Hash) -> Signed {
        self.sign(&format!("{}\n{size}\n{}\n", self.name, STANDARD.encode(root.0)))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({})", self.name)
    }
}

impl VerifyingKey {
    /// The key of 32 bytes.
    pub fn new(name: &str, public: &[u8; 32]) -> Result<Self, NoteError> {
        check_name(name)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(public).map_err(|_| NoteError::Malformed)?;
        Ok(VerifyingKey { name: name.to_owned(), key })
    }

    /// The key as others are told it: `name+hash+base64`, the form of C2SP signed-note.
    pub fn to_text(&self) -> String {
        let public = self.key.to_bytes();
        let hash: String = key_hash(&self.name, &public).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}+{hash}+{}", self.name, STANDARD.encode([&[ED25519][..], &public].concat()))
    }

    /// The key that [`VerifyingKey::to_text`] tells of; nothing but exactly that is read.
    pub fn from_text(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::BadKey);
        };
        let bytes = STANDARD.decode(encoded).map_err(|_| NoteError::BadKey)?;
        let Some((&[ED25519], public)) = bytes.split_first_chunk::<1>() else {
            return Err(NoteError::BadKey);
        };
        let public = public.try_into().map_err(|_| NoteError::BadKey)?;
        let key = VerifyingKey::new(name, public).map_err(|_| NoteError::BadKey)?;
        if key.to_text() == text { Ok(key) } else { Err(NoteError::BadKey) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its 32 bytes.
    pub fn public(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// The text of a note that this key alone signed, in the one form in which [`SigningKey::sign`] writes it.
    pub fn open_exactly<'n>(&self, note: &'n Signed) -> Result<&'n str, NoteError> {
        let text = self.open(&note.0)?;
        let line = note.0[text.len()..].strip_prefix("\n— ").and_then(|rest| rest.strip_suffix('\n'));
        match line {
            Some(line) if !line.contains('\n') && !line.contains('\r') => Ok(text),
            _ => Err(NoteError::Malformed),
        }
    }

    /// The text of a note that this key signed.
    fn open<'n>(&self, note: &'n str) -> Result<&'n str, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::Malformed);
        }
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
        let text = &note[..=text.len()];
        let ours = key_hash(&self.name, &self.key.to_bytes());
        for line in signatures.lines().take(N_SIGNATURES_MAX) {
            let rest = line.strip_prefix("— ").ok_or(NoteError::Malformed)?;
            let (name, encoded) = rest.split_once(' ').ok_or(NoteError::Malformed)?;
            let bytes = STANDARD.decode(encoded).map_err(|_| NoteError::Malformed)?;
            let Some((hash, signature)) = bytes.split_first_chunk::<4>() else {
                return Err(NoteError::Malformed);
            };
            if name != self.name || *hash != ours {
                continue;
            }
            let signature =
                ed25519_dalek::Signature::from_slice(signature).map_err(|_| NoteError::Malformed)?;
            return match self.key.verify_strict(text.as_bytes(), &signature) {
                Ok(()) => Ok(text),
                Err(_) => Err(NoteError::NotSigned),
            };
        }
        Err(NoteError::NotSigned)
    }

    /// Reads a checkpoint of this key's log.
    pub fn open_checkpoint(&self, note: &Signed) -> Result<Checkpoint, NoteError> {
        let mut lines = self.open(&note.0)?.lines();
        let (origin, size, root) = (lines.next(), lines.next(), lines.next());
        let (Some(origin), Some(size), Some(root)) = (origin, size, root) else {
            return Err(NoteError::Malformed);
        };
        if origin != self.name {
            return Err(NoteError::OtherOrigin);
        }
        let root = STANDARD.decode(root).ok().and_then(|bytes| bytes.try_into().ok());
        let number = size.parse::<u64>().ok().filter(|number| number.to_string() == size);
        let (Some(size), Some(root)) = (number, root) else { return Err(NoteError::Malformed) };
        Ok(Checkpoint { origin: origin.to_owned(), size, root: Hash(root) })
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "VerifyingKey({})", self.to_text())
    }
}

fn check_name(name: &str) -> Result<(), NoteError> {
    let is_good =
        !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+');
    if is_good { Ok(()) } else { Err(NoteError::BadName) }
}

/// The first four bytes of SHA-256 over the name, a line break, the type and the key.
fn key_hash(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let hash =
        Sha256::new().chain_update(name).chain_update([b'\n', ED25519]).chain_update(public).finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::empty_root;

    fn key() -> SigningKey {
        SigningKey::new("sourcekeep.example/egress", &[7; 32]).unwrap()
    }

    /// A note that another implementation signed: the example of Go's package `sumdb/note`.
    #[test]
    fn notes_of_others_are_read() {
        let encoded = "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let public = STANDARD.decode(encoded).unwrap();
        let key = VerifyingKey::new("PeterNeumann", public[1..].try_into().unwrap()).unwrap();
        assert_eq!(key.to_text(), format!("PeterNeumann+c74f20a3+{encoded}"));
        let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
        let signature =
            "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
        assert_eq!(key.open(&format!("{text}\n— PeterNeumann {signature}\n")), Ok(text));
    }

    #[test]
    fn a_checkpoint_comes_back() {
        let key = key();
        let signed = key.checkpoint(12, empty_root());
        let lines: Vec<&str> = signed.0.lines().collect();
        assert_eq!(lines[..2], ["sourcekeep.example/egress", "12"]);
        assert_eq!((lines.len(), lines[3]), (5, ""));
        let read = key.verifying_key().open_checkpoint(&signed).unwrap();
        assert_eq!((read.size, read.root), (12, empty_root()));
        let text = key.verifying_key().to_text();
        assert!(text.starts_with("sourcekeep.example/egress+") && text.matches('+').count() >= 2);
    }

    #[test]
    fn whatever_is_changed_is_seen() {
        let key = key();
        let signed = key.checkpoint(12, empty_root());
        let bytes = signed.0.as_bytes();
        for at in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1 << (at % 7);
            let Ok(text) = String::from_utf8(changed) else { continue };
            // The break after the last line says nothing.
            if text.lines().eq(signed.0.lines()) {
                continue;
            }
            assert!(key.verifying_key().open_checkpoint(&Signed(text.clone())).is_err(), "{at}: {text}");
        }
        for at in 0..bytes.len() - 1 {
            let cut = String::from_utf8_lossy(&bytes[..at]).into_owned();
            assert!(key.verifying_key().open_checkpoint(&Signed(cut)).is_err(), "{at}");
        }
    }

    #[test]
    fn keys_are_told_and_read() {
        let key = key().under("hub.example/feeds").unwrap().verifying_key();
        let text = key.to_text();
        assert_eq!(VerifyingKey::from_text(&text), Ok(key.clone()));
        assert_eq!((key.name(), key.public()), ("hub.example/feeds", super::tests::key().public()));
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 1;
            let Ok(changed) = String::from_utf8(changed) else { continue };
            assert!(VerifyingKey::from_text(&changed).is_err(), "{at}: {changed}");
        }
        for bad in ["", "a", "a+b", "a+00000000+", "a+00000000+AQ=="] {
            assert_eq!(VerifyingKey::from_text(bad), Err(NoteError::BadKey), "{bad}");
        }
    }

    #[test]
    fn one_signature_in_one_form() {
        let key = key();
        let signed = key.sign("a\nb\n");
        assert_eq!(key.verifying_key().open_exactly(&signed), Ok("a\nb\n"));
        let other = SigningKey::new("other", &[9; 32]).unwrap().sign("a\nb\n");
        let line = other.0.lines().last().unwrap();
        for more in [line, "", "\n"] {
            let note = Signed(format!("{}{more}\n", signed.0));
            assert!(key.verifying_key().open_exactly(&note).is_err(), "{note:?}");
        }
        let cut = Signed(signed.0.trim_end().to_owned());
        assert!(key.verifying_key().open_exactly(&cut).is_err());
        let returned = Signed(signed.0.replace("=\n", "=\r\n"));
        assert!(returned == signed || key.verifying_key().open_exactly(&returned).is_err());
    }

    #[test]
    fn others_keys_and_logs_are_refused() {
        let (ours, other) = (key(), SigningKey::new("sourcekeep.example/egress", &[8; 32]).unwrap());
        let verifying = ours.verifying_key();
        assert_eq!(verifying.open_checkpoint(&other.checkpoint(1, empty_root())), Err(NoteError::NotSigned));
        let feed = ours.sign("sourcekeep.example/other\n1\nAAAA\n");
        assert_eq!(verifying.open_checkpoint(&feed), Err(NoteError::OtherOrigin));
        for bad in ["", "\n\n", "a\n\n— b", "x\n1\ny\n\n— sourcekeep.example/egress AAAA\n"] {
            assert!(verifying.open_checkpoint(&Signed(bad.into())).is_err(), "{bad:?}");
        }
        for size in ["01", "-1", "1 ", "18446744073709551616"] {
            let text = format!("sourcekeep.example/egress\n{size}\n{}\n", STANDARD.encode(empty_root().0));
            assert_eq!(verifying.open_checkpoint(&ours.sign(&text)), Err(NoteError::Malformed), "{size}");
        }
        assert!(SigningKey::new("a b", &[0; 32]).is_err() && SigningKey::new("a+b", &[0; 32]).is_err());
    }
}
