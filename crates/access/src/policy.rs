//! Which passwords are accepted: long ones that are not on everyone's list. No rules of composition (NIST SP 800-63B).

use crate::{Password, UserName};

/// Fewest characters where the password stands alone.
const N_CHARS_MIN: usize = 15;
/// Fewest characters beside a second factor.
const N_CHARS_MIN_WITH_SECOND_FACTOR: usize = 8;
/// Most characters: room for any passphrase, and no way to feed the hash a megabyte.
const N_CHARS_MAX: usize = 256;
/// Fewest different characters: `aaaaaaaaaaaaaaa` and `abababababababa` are guessed first.
const N_DISTINCT_MIN: usize = 5;
/// What guessing tools try first: whole passwords and the words they repeat, lower case.
const BLOCKED: &[&str] = &[
    "password",
    "passwort",
    "passw0rd",
    "p@ssword",
    "p@ssw0rd",
    "letmein",
    "welcome",
    "changeme",
    "iloveyou",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "trustno1",
    "superman",
    "administrator",
    "admin",
    "root",
    "secret",
    "default",
    "sourcekeep",
    "codesearch",
    "correcthorsebatterystaple",
    "correct horse battery staple",
    "thequickbrownfoxjumpsoverthelazydog",
    "the quick brown fox",
    "thisisapassword",
    "this is a password",
    "thisismypassword",
    "this is my password",
    "mypassword",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "qazwsxedcrfv",
    "qwerty",
    "abc123",
    "test",
    "dragon",
    "monkey",
    "master",
    "login",
    "hello",
];
/// Runs that fingers and alphabets make; any stretch of them, forwards or backwards, is blocked.
const RUNS: &[&str] = &[
    "01234567890123456789012345678901234567890",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnmqwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnmqwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbnazertyuiopqsdfghjklmwxcvbn",
];

/// Whether the account has a second factor beside the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    /// The password stands alone.
    None,
    /// A second factor is asked for too.
    Enrolled,
}

impl SecondFactor {
    /// The fewest characters that a password may have beside this.
    pub fn n_password_chars_min(self) -> usize {
        match self {
            SecondFactor::None => N_CHARS_MIN,
            SecondFactor::Enrolled => N_CHARS_MIN_WITH_SECOND_FACTOR,
        }
    }
}

/// Why a password is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefusal {
    /// Too few characters.
    #[error("the password is too short: use at least {n_chars_min} characters, for example four words")]
    TooShort {
        /// How many are needed.
        n_chars_min: usize,
    },
    /// Too many characters.
    #[error("the password is too long: use at most {n_chars_max} characters")]
    TooLong {
        /// How many are allowed.
        n_chars_max: usize,
    },
    /// One that is guessed early.
    #[error("the password is one that is guessed early: use words that do not belong together")]
    Guessable,
}

/// Asks whether an account may have this password.
pub fn check_password(
    password: &Password,
    user_name: &UserName,
    second_factor: SecondFactor,
) -> Result<(), PasswordRefusal> {
    let n_chars_min = second_factor.n_password_chars_min();
    let text = password.expose();
    let n_chars = text.chars().take(N_CHARS_MAX + 1).count();
    if n_chars > N_CHARS_MAX {
        return Err(PasswordRefusal::TooLong { n_chars_max: N_CHARS_MAX });
    }
    if n_chars < n_chars_min {
        return Err(PasswordRefusal::TooShort { n_chars_min });
    }
    if is_guessable(&text.to_lowercase(), user_name.as_str()) {
        return Err(PasswordRefusal::Guessable);
    }
    Ok(())
}

fn is_guessable(text: &str, user_name: &str) -> bool {
    let mut distinct: Vec<char> = text.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    let backwards: String = text.chars().rev().collect();
    let is_run = |run: &&str| run.contains(text) || run.contains(&*backwards);
    distinct.len() < N_DISTINCT_MIN
        || RUNS.iter().any(is_run)
        || BLOCKED.iter().chain([&user_name]).any(|word| is_word_with_ornament(text, word))
}

/// Whether nothing is left of the text but up to four characters, and digits, when every occurrence of the word is
/// taken out: `Password-Password1`, `adminadminadmin2024`.
fn is_word_with_ornament(text: &str, word: &str) -> bool {
    if !text.contains(word) {
        return false;
    }
    let rest = text.replace(word, "");
    rest.chars().filter(|c| !c.is_ascii_digit()).count() <= 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, second_factor: SecondFactor) -> Result<(), PasswordRefusal> {
        check_password(&Password::new(text), &UserName::new("ada.lovelace").unwrap(), second_factor)
    }

    #[test]
    fn length_decides() {
        assert_eq!(
            check("fourteen chars", SecondFactor::None),
            Err(PasswordRefusal::TooShort { n_chars_min: 15 })
        );
        assert_eq!(check("violet tram hum", SecondFactor::None), Ok(()));
        assert_eq!(check("vtram9hu", SecondFactor::Enrolled), Ok(()));
        assert_eq!(
            check("vtram9h", SecondFactor::Enrolled),
            Err(PasswordRefusal::TooShort { n_chars_min: 8 })
        );
        let longest: String = "abcde fgh ".chars().cycle().take(256).collect();
        assert_eq!(check(&longest, SecondFactor::None), Ok(()));
        assert_eq!(
            check(&format!("{longest}x"), SecondFactor::None),
            Err(PasswordRefusal::TooLong { n_chars_max: 256 })
        );
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        assert!(check("пароль", SecondFactor::None).is_err());
        assert_eq!(check("сирень трамвай гул", SecondFactor::None), Ok(()));
    }

    #[test]
    fn what_is_guessed_first_is_refused() {
        for text in [
            "aaaaaaaaaaaaaaaa",
            "abababababababab",
            "passwordpassword",
            "Password-Password1",
            "adminadminadmin2024",
            "123456789012345",
            "543210987654321",
            "qwertyuiopasdfgh",
            "correcthorsebatterystaple",
            "ada.lovelace1815",
            "Ada.LovelaceAda.Lovelace",
        ] {
            assert_eq!(check(text, SecondFactor::None), Err(PasswordRefusal::Guessable), "{text}");
        }
    }

    #[test]
    fn no_rule_of_composition() {
        assert_eq!(check("lowercase words only here", SecondFactor::None), Ok(()));
    }
}
