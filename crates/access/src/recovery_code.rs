//! Recovery codes: printed, kept in a drawer, each good for one sign-in where the second factor is lost.

use crate::{Digest, Randomness, RandomnessError};
use model::UserId;
use secrecy::zeroize::Zeroizing;
use std::fmt;

/// Digits and lower-case letters without those that look alike (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Sixteen of 32 characters: 80 bits, which nobody can try, so that a fast digest is right.
const N_CHARS: usize = 16;
/// Written in groups of four.
const N_GROUP: usize = 4;

/// A recovery code. Cleared from memory when dropped; does not print.
pub struct RecoveryCode(Zeroizing<String>);

impl RecoveryCode {
    /// How many an account is given.
    pub const N_PER_ACCOUNT: usize = 10;

    /// Draws a new one.
    pub fn draw(randomness: &dyn Randomness) -> Result<Self, RandomnessError> {
        let mut bytes = Zeroizing::new([0u8; N_CHARS]);
        randomness.fill(bytes.as_mut_slice())?;
        // 256 is a multiple of 32: no character is likelier than another.
        let text = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        Ok(RecoveryCode(Zeroizing::new(text)))
    }

    /// Reads one as typed: upper case, spaces and dashes do not matter, nor letters that look like digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut code = Zeroizing::new(String::with_capacity(N_CHARS));
        for c in text.chars().take(64).filter(|c| !c.is_whitespace() && *c != '-') {
            code.push(match c.to_ascii_lowercase() {
                'o' => '0',
                'i' | 'l' => '1',
                c if u8::try_from(c).is_ok_and(|byte| ALPHABET.contains(&byte)) => c,
                _ => return None,
            });
        }
        (code.len() == N_CHARS).then_some(RecoveryCode(code))
    }

    /// The code in groups of four, to be shown once.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut shown = Zeroizing::new(String::with_capacity(N_CHARS + N_CHARS / N_GROUP));
        for (idx, c) in self.0.chars().enumerate() {
            if idx > 0 && idx % N_GROUP == 0 {
                shown.push('-');
            }
            shown.push(c);
        }
        shown
    }

    /// What is stored in its place; another for every account.
    pub fn digest(&self, user: UserId) -> Digest {
        Digest::of(&Zeroizing::new(format!("recovery code of {}: {}", user.0, *self.0)))
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RecoveryCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRandomness;

    #[test]
    fn what_was_drawn_is_read_again_however_it_is_typed() {
        let code = RecoveryCode::draw(&SystemRandomness).unwrap();
        let shown = code.reveal();
        assert_eq!(shown.len(), 19);
        let digest = code.digest(UserId(1));
        for typed in
            [shown.to_string(), shown.to_uppercase(), shown.replace('-', " "), shown.replace('-', "")]
        {
            assert_eq!(RecoveryCode::parse(&typed).unwrap().digest(UserId(1)), digest, "{typed}");
        }
        assert_ne!(code.digest(UserId(2)), digest, "another account's is another");
        assert_eq!(format!("{code:?}"), "RecoveryCode(…)");
    }

    #[test]
    fn look_alikes_are_read_as_meant() {
        let digest = |text: &str| RecoveryCode::parse(text).unwrap().digest(UserId(1));
        assert_eq!(digest("OIL0-0000-0000-0000"), digest("0110-0000-0000-0000"));
        for bad in ["", "0000", "0000-0000-0000-000u", "0000-0000-0000-00000", "ééééé", &"0".repeat(100)]
        {
            assert!(RecoveryCode::parse(bad).is_none(), "{bad}");
        }
    }
}
