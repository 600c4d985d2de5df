//! Secrets that a caller carries: API tokens, session cookies, the one-time setup link.
//!
//! All have one shape: a prefix that says what they are (and lets leaked ones be found), 30 base62 characters of
//! randomness (178 bits), and 6 characters of CRC-32 over what stands before, so that a typo or a cut-off paste is refused
//! without asking the database. Only [`Digest`]s are stored.

use crate::{Randomness, RandomnessError};
use secrecy::zeroize::Zeroizing;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::marker::PhantomData;
use subtle::ConstantTimeEq;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62³⁰ ≈ 2¹⁷⁸.
const N_RANDOM: usize = 30;
/// 62⁶ > 2³²: a CRC-32 fits.
const N_CHECKSUM: usize = 6;

/// An API token: `sk_…`.
pub type Token = Credential<kind::Token>;
/// What a session cookie holds: `sks_…`.
pub type SessionSecret = Credential<kind::Session>;
/// What the one-time setup link holds: `skl_…`.
pub type SetupSecret = Credential<kind::Setup>;

/// What a browser holds between the password and the second factor: `skp_…`. It opens nothing but the second step.
pub type PendingSecret = Credential<kind::Pending>;
/// What an invitation or a reset link holds: `ski_…`.
pub type LinkSecret = Credential<kind::Link>;

/// What a browser holds while its owner is at an identity provider: `skb_…`. It opens nothing but the answer it waits for.
pub type BrowserSecret = Credential<kind::Browser>;

/// The kinds of [`Credential`].
mod kind {
    /// Tells one kind of credential from the others, in the types and in the text.
    pub trait Kind {
        /// What the text begins with.
        const PREFIX: &'static str;
    }
    /// API tokens.
    #[derive(Debug)]
    pub enum Token {}
    /// Session cookies.
    #[derive(Debug)]
    pub enum Session {}
    /// One-time setup links.
    #[derive(Debug)]
    pub enum Setup {}
    /// Sign-ins that are half done.
    #[derive(Debug)]
    pub enum Pending {}
    /// Invitations and reset links.
    #[derive(Debug)]
    pub enum Link {}
    /// Sign-ins at an identity provider.
    #[derive(Debug)]
    pub enum Browser {}
    impl Kind for Browser {
        const PREFIX: &'static str = "skb_";
    }
    impl Kind for Pending {
        const PREFIX: &'static str = "skp_";
    }
    impl Kind for Link {
        const PREFIX: &'static str = "ski_";
    }
    impl Kind for Token {
        const PREFIX: &'static str = "sk_";
    }
    impl Kind for Session {
        const PREFIX: &'static str = "sks_";
    }
    impl Kind for Setup {
        const PREFIX: &'static str = "skl_";
    }
}

/// A text is not a credential of the asked kind. Says nothing of the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Prefix, length or alphabet is wrong.
    #[error("this is not a credential: it must begin with '{prefix}' and be {n_chars} characters long")]
    Shape {
        /// What it must begin with.
        prefix: &'static str,
        /// How long it must be.
        n_chars: usize,
    },
    /// The last characters do not fit the others.
    #[error("this credential is mistyped or cut off: its checksum does not fit")]
    Checksum,
}

/// A secret of one kind. It is cleared from memory when dropped, and prints only its prefix.
pub struct Credential<K> {
    text: Zeroizing<String>,
    kind: PhantomData<fn() -> K>,
}

impl<K: kind::Kind> Credential<K> {
    /// Length of the text.
    pub const N_CHARS: usize = K::PREFIX.len() + N_RANDOM + N_CHECKSUM;

    /// Makes a new one.
    pub fn mint(randomness: &dyn Randomness) -> Result<Self, RandomnessError> {
        let mut text = Zeroizing::new(String::with_capacity(Self::N_CHARS));
        text.push_str(K::PREFIX);
        push_random_base62(&mut text, N_RANDOM, randomness)?;
        let checksum = checksum_of(&text);
        text.push_str(&checksum);
        Ok(Credential { text, kind: PhantomData })
    }

    /// Reads one that a caller sent. Refuses by shape and checksum; whether it is a valid one only the store knows.
    pub fn parse(text: &str) -> Result<Self, CredentialError> {
        let body = text.strip_prefix(K::PREFIX).filter(|body| {
            body.len() == N_RANDOM + N_CHECKSUM && body.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        if body.is_none() {
            return Err(CredentialError::Shape { prefix: K::PREFIX, n_chars: Self::N_CHARS });
        }
        let (content, checksum) = text.split_at(text.len() - N_CHECKSUM);
        if checksum_of(content) != checksum {
            return Err(CredentialError::Checksum);
        }
        Ok(Credential { text: Zeroizing::new(text.to_owned()), kind: PhantomData })
    }

    /// The secret itself: to be shown once to the person it belongs to, or set as their cookie.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What is stored in its place. Fast hashing is right here: the secret has 178 bits, nobody can try them all.
    pub fn digest(&self) -> Digest {
        Digest(Sha256::digest(self.text.as_bytes()).into())
    }
}

impl<K: kind::Kind> fmt::Debug for Credential<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}…", K::PREFIX)
    }
}

/// The SHA-256 of a secret. Compared in constant time; not printed either.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of any text that is better not stored as it is.
    pub fn of(text: &str) -> Digest {
        Digest(Sha256::digest(text.as_bytes()).into())
    }

    /// The bytes, for storing and looking up.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Digest {}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Digest(…)")
    }
}

/// Appends uniformly distributed base62 characters: bytes from 248 (the largest multiple of 62 in a byte) up are thrown
/// away, so that no character is likelier than another.
pub(crate) fn push_random_base62(
    text: &mut String,
    n_chars: usize,
    randomness: &dyn Randomness,
) -> Result<(), RandomnessError> {
    let mut n_left = n_chars;
    while n_left > 0 {
        let mut bytes = Zeroizing::new([0u8; 64]);
        randomness.fill(bytes.as_mut_slice())?;
        for byte in bytes.iter().filter(|byte| **byte < 248).take(n_left) {
            text.push(char::from(BASE62[usize::from(byte % 62)]));
            n_left -= 1;
        }
    }
    Ok(())
}

fn checksum_of(text: &str) -> String {
    let mut crc = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; N_CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(crc % 62) as usize];
        crc /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRandomness;
    use proptest::prelude::*;

    #[test]
    fn what_was_minted_is_read_again() {
        let token = Token::mint(&SystemRandomness).unwrap();
        assert_eq!(token.reveal().len(), Token::N_CHARS);
        assert!(token.reveal().starts_with("sk_"));
        let read = Token::parse(token.reveal()).unwrap();
        assert_eq!(read.digest(), token.digest());
        assert_ne!(Token::mint(&SystemRandomness).unwrap().digest(), token.digest());
    }

    #[test]
    fn kinds_are_not_interchangeable() {
        let session = SessionSecret::mint(&SystemRandomness).unwrap();
        assert!(Token::parse(session.reveal()).is_err());
        let token = Token::mint(&SystemRandomness).unwrap();
        assert!(SessionSecret::parse(token.reveal()).is_err());
    }

    #[test]
    fn secrets_do_not_print() {
        let token = Token::mint(&SystemRandomness).unwrap();
        let printed = format!("{token:?} {:?}", token.digest());
        assert_eq!(printed, "sk_… Digest(…)");
    }

    #[test]
    fn a_wrong_character_is_told_from_a_wrong_shape() {
        let token = Token::mint(&SystemRandomness).unwrap();
        let mut typo = token.reveal().to_owned().into_bytes();
        typo[10] = if typo[10] == b'a' { b'b' } else { b'a' };
        assert_eq!(Token::parse(std::str::from_utf8(&typo).unwrap()).unwrap_err(), CredentialError::Checksum);
        assert!(matches!(Token::parse("sk_"), Err(CredentialError::Shape { .. })));
    }

    proptest! {
        #[test]
        fn hostile_texts_are_refused(text in any::<String>()) {
            prop_assert!(Token::parse(&text).is_err());
            let with_prefix = format!("sk_{text}");
            prop_assert!(Token::parse(&with_prefix).is_err());
        }

        #[test]
        fn every_single_typo_is_refused(position in 3usize..39, replacement in 0usize..62) {
            let token = Token::mint(&SystemRandomness).unwrap();
            let mut bytes = token.reveal().as_bytes().to_vec();
            prop_assume!(bytes[position] != BASE62[replacement]);
            bytes[position] = BASE62[replacement];
            prop_assert!(Token::parse(std::str::from_utf8(&bytes).unwrap()).is_err());
        }
    }
}
