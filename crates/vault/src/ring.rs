//! Several master keys: the last one seals, all of them open.

use crate::key::{KEY_BYTES, KeyId, MasterKey};
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// What a line with a key begins with.
const PREFIX: &str = "sourcekeep-key:v1:";
/// Most keys of one ring: old ones can be dropped once nothing is sealed with them.
const N_KEYS_MAX: usize = 64;

/// Master keys, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    keys: Vec<MasterKey>,
}

/// A text holds no keys. Says nothing of the text itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// There is nothing in it.
    #[error("there is no key in it: a key is a line 'sourcekeep-key:v1:' and 64 hexadecimal digits")]
    Empty,
    /// A line is no key.
    #[error("line {line} is no key: write 'sourcekeep-key:v1:' and 64 hexadecimal digits")]
    Line {
        /// Which line, from 1.
        line: usize,
    },
    /// One key stands there twice.
    #[error("line {line} repeats an earlier key: leave it out")]
    Repeated {
        /// Which line, from 1.
        line: usize,
    },
    /// More than a ring holds.
    #[error(
        "there are more than {n_keys_max} keys: drop old ones with `sourcekeep admin rotate-key --drop-old`"
    )]
    TooMany {
        /// The most.
        n_keys_max: usize,
    },
}

impl KeyRing {
    /// Reads keys, one on a line (or parted by commas, for environment variables). Empty lines and those that begin with
    /// `#` are passed over.
    pub fn parse(text: &str) -> Result<Self, KeyRingError> {
        let mut ring = KeyRing::default();
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim_start().starts_with('#') {
                continue;
            }
            for word in line.split([',', ' ', '\t', '\r']).filter(|word| !word.is_empty()) {
                let key = parse_key(word).ok_or(KeyRingError::Line { line: number })?;
                if ring.key(key.id()).is_some() {
                    return Err(KeyRingError::Repeated { line: number });
                }
                if ring.keys.len() == N_KEYS_MAX {
                    return Err(KeyRingError::TooMany { n_keys_max: N_KEYS_MAX });
                }
                ring.keys.push(key);
            }
        }
        if ring.keys.is_empty() { Err(KeyRingError::Empty) } else { Ok(ring) }
    }

    /// The text that [`KeyRing::parse`] reads again, with a note for whoever opens the file.
    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        let line = PREFIX.len() + 2 * KEY_BYTES + 1;
        // Made large enough at once: growing would leave copies behind.
        let mut text = Zeroizing::new(String::with_capacity(NOTE.len() + line * self.keys.len()));
        text.push_str(NOTE);
        for key in &self.keys {
            text.push_str(PREFIX);
            for byte in key.expose() {
                // Writing to a String cannot fail.
                let _ = write!(text, "{byte:02x}");
            }
            text.push('\n');
        }
        text
    }

    /// Adds the key that seals from now on.
    pub fn push(&mut self, key: MasterKey) {
        self.keys.retain(|one| one.id() != key.id());
        self.keys.push(key);
    }

    /// Keeps the newest key alone.
    pub(crate) fn drop_old(&mut self) -> usize {
        let n_old = self.keys.len().saturating_sub(1);
        self.keys.drain(..n_old).count()
    }

    /// The key that seals.
    pub fn newest(&self) -> Option<&MasterKey> {
        self.keys.last()
    }

    /// The key of this name.
    pub fn key(&self, id: KeyId) -> Option<&MasterKey> {
        self.keys.iter().find(|key| key.id() == id)
    }

    /// The names of all keys, the oldest first.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys.iter().map(MasterKey::id)
    }
}

const NOTE: &str = "# Whoever has these keys can open what this server keeps sealed. Back this file up apart from the database.\n";

fn parse_key(word: &str) -> Option<MasterKey> {
    let digits = word.strip_prefix(PREFIX).unwrap_or(word).as_bytes();
    if digits.len() != 2 * KEY_BYTES {
        return None;
    }
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(MasterKey::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use access::SystemRandomness;

    #[test]
    fn keys_survive_their_text_in_order() {
        let mut ring = KeyRing::default();
        for _ in 0..3 {
            ring.push(MasterKey::generate(&SystemRandomness).unwrap());
        }
        let read = KeyRing::parse(&ring.to_text()).unwrap();
        assert_eq!(read.ids().collect::<Vec<_>>(), ring.ids().collect::<Vec<_>>());
        let commas = ring.to_text().lines().skip(1).collect::<Vec<_>>().join(",");
        assert_eq!(KeyRing::parse(&commas).unwrap().ids().count(), 3);
    }

    #[test]
    fn bare_digits_are_a_key() {
        assert_eq!(KeyRing::parse(&"0f".repeat(32)).unwrap().ids().count(), 1);
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        let refusal = |text: &str| KeyRing::parse(text).unwrap_err();
        assert_eq!(refusal("# nothing\n\n"), KeyRingError::Empty);
        assert_eq!(refusal("# note\nhunter2"), KeyRingError::Line { line: 2 });
        assert!(!refusal("hunter2").to_string().contains("hunter2"));
        assert_eq!(refusal(&"zz".repeat(32)), KeyRingError::Line { line: 1 });
        assert_eq!(refusal(&"é".repeat(32)), KeyRingError::Line { line: 1 });
        let key = "0f".repeat(32);
        assert_eq!(refusal(&format!("{key}\n{key}")), KeyRingError::Repeated { line: 2 });
        let many: String = (0..65).map(|n| format!("{n:064x}\n")).collect();
        assert_eq!(refusal(&many), KeyRingError::TooMany { n_keys_max: 64 });
    }

    #[test]
    fn keys_do_not_print() {
        let ring = KeyRing::parse(&"0f".repeat(32)).unwrap();
        assert!(!format!("{ring:?}").contains("0f0f"), "{ring:?}");
    }
}
