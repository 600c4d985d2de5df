//! Passwords: kept as Argon2id hashes, verified in the same time whether the account exists or not.

use crate::{Randomness, RandomnessError};
use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// A password as typed. Cleared from memory when dropped; does not print.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

impl Password {
    /// Wraps what a person typed, unchanged: no trimming, no normalisation.
    pub fn new(text: impl Into<String>) -> Self {
        Password(SecretString::from(text.into()))
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// What is stored of a password: a PHC string (`$argon2id$v=19$m=…`). Does not print.
#[derive(Clone)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Takes back what was stored. It is examined when it is verified against.
    pub fn from_stored(text: impl Into<String>) -> Self {
        PasswordHash(text.into())
    }

    /// The text to store.
    pub fn as_stored(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordHash(…)")
    }
}

/// How much work one guess costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub n_passes: u32,
}

impl PasswordCost {
    /// For people's passwords: 32 MiB and two passes, above OWASP's minimum (19 MiB, two passes); some 40 ms on one core.
    pub const STANDARD: PasswordCost = PasswordCost { memory_kib: 32 * 1024, n_passes: 2 };
    /// For tests: the least Argon2 accepts on one lane. Never for people.
    pub const FOR_TESTS: PasswordCost = PasswordCost { memory_kib: 8, n_passes: 1 };
}

/// A password could not be hashed or a stored hash could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PasswordFault {
    /// The cost is outside what Argon2 allows.
    #[error(
        "the password cost of {memory_kib} KiB and {n_passes} passes is not possible: use at least 8 KiB and 1 pass"
    )]
    Cost {
        /// Asked memory.
        memory_kib: u32,
        /// Asked passes.
        n_passes: u32,
    },
    /// No salt could be drawn.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// Argon2 failed, for want of memory as a rule.
    #[error("the password could not be hashed: {reason}")]
    Hashing {
        /// What it said.
        reason: String,
    },
    /// What the database holds is not a password hash.
    #[error("the stored password hash is damaged: set a new password for this account")]
    Damaged,
}

/// The answer to "is this the password?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Right {
        /// It was hashed at another cost than today's: hash it again and store that.
        outdated: bool,
    },
    /// It is not, or there is no such account.
    Wrong,
}

/// Hashes and verifies passwords at one cost. Both are slow on purpose and block: call them off the asynchronous threads.
#[derive(Clone, Debug)]
pub struct PasswordKeeper {
    cost: PasswordCost,
    argon2: Argon2<'static>,
}

impl PasswordKeeper {
    /// A keeper that hashes at this cost.
    pub fn new(cost: PasswordCost) -> Result<Self, PasswordFault> {
        let PasswordCost { memory_kib, n_passes } = cost;
        let params = Params::new(memory_kib, n_passes, 1, None)
            .map_err(|_| PasswordFault::Cost { memory_kib, n_passes })?;
        Ok(PasswordKeeper { cost, argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params) })
    }

    /// Hashes a password under a fresh salt. The policy ([`crate::check_password`]) is the caller's to ask first.
    pub fn hash(
        &self,
        password: &Password,
        randomness: &dyn Randomness,
    ) -> Result<PasswordHash, PasswordFault> {
        let mut salt = [0u8; 16];
        randomness.fill(&mut salt)?;
        Ok(PasswordHash(self.hash_with_salt(password, &salt)?.to_string()))
    }

    /// Compares a password with an account's hash. SECURITY: for `None`, an account that does not exist or has no
    /// password, the same work is done and the answer is [`Verdict::Wrong`], so that time tells nothing.
    pub fn verify(
        &self,
        password: &Password,
        stored: Option<&PasswordHash>,
    ) -> Result<Verdict, PasswordFault> {
        let Some(stored) = stored else {
            self.hash_with_salt(password, &[0u8; 16])?;
            return Ok(Verdict::Wrong);
        };
        let hash = phc::PasswordHash::new(&stored.0).map_err(|_| PasswordFault::Damaged)?;
        if hash.salt.is_none() || hash.hash.is_none() {
            return Err(PasswordFault::Damaged);
        }
        let params = Params::try_from(&hash).map_err(|_| PasswordFault::Damaged)?;
        #[cfg(test)]
        tests::N_HASHED.with(|n| n.set(n.get() + 1));
        match self.argon2.verify_password(password.expose().as_bytes(), &hash) {
            Ok(()) => Ok(Verdict::Right { outdated: self.is_outdated(&params) }),
            Err(argon2::password_hash::Error::PasswordInvalid) => Ok(Verdict::Wrong),
            Err(error) => Err(PasswordFault::Hashing { reason: error.to_string() }),
        }
    }

    fn is_outdated(&self, params: &Params) -> bool {
        (params.m_cost(), params.t_cost()) != (self.cost.memory_kib, self.cost.n_passes)
    }

    fn hash_with_salt(&self, password: &Password, salt: &[u8]) -> Result<phc::PasswordHash, PasswordFault> {
        #[cfg(test)]
        tests::N_HASHED.with(|n| n.set(n.get() + 1));
        self.argon2
            .hash_password_with_salt(password.expose().as_bytes(), salt)
            .map_err(|error| PasswordFault::Hashing { reason: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRandomness;

    thread_local! {
        /// How often this thread did the expensive work.
        pub(super) static N_HASHED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    }

    fn keeper() -> PasswordKeeper {
        PasswordKeeper::new(PasswordCost::FOR_TESTS).unwrap()
    }

    /// Threats A: enumeration by time. What takes the time is done once, whether there is an account or not.
    #[test]
    fn nobody_is_as_much_work_as_somebody() {
        let keeper = keeper();
        let hash = keeper.hash(&Password::new("a long enough password"), &SystemRandomness).unwrap();
        for (guess, stored) in
            [("a long enough password", Some(&hash)), ("wrong", Some(&hash)), ("wrong", None)]
        {
            let before = N_HASHED.with(std::cell::Cell::get);
            keeper.verify(&Password::new(guess), stored).unwrap();
            assert_eq!(N_HASHED.with(std::cell::Cell::get) - before, 1, "{guess} {}", stored.is_some());
        }
    }

    #[test]
    fn the_right_password_and_no_other() {
        let keeper = keeper();
        let hash = keeper.hash(&Password::new("a long enough password"), &SystemRandomness).unwrap();
        let verify = |text: &str| keeper.verify(&Password::new(text), Some(&hash)).unwrap();
        assert_eq!(verify("a long enough password"), Verdict::Right { outdated: false });
        assert_eq!(verify("a long enough passwore"), Verdict::Wrong);
        assert_eq!(verify(""), Verdict::Wrong);
        assert_eq!(keeper.verify(&Password::new("x"), None).unwrap(), Verdict::Wrong);
    }

    #[test]
    fn hashes_are_salted_argon2id() {
        let (keeper, password) = (keeper(), Password::new("the same password twice"));
        let one = keeper.hash(&password, &SystemRandomness).unwrap();
        let two = keeper.hash(&password, &SystemRandomness).unwrap();
        assert_ne!(one.as_stored(), two.as_stored());
        assert!(one.as_stored().starts_with("$argon2id$v=19$"), "{}", one.as_stored());
    }

    #[test]
    fn another_cost_is_noticed() {
        let stronger = PasswordKeeper::new(PasswordCost { memory_kib: 16, n_passes: 2 }).unwrap();
        let password = Password::new("a long enough password");
        let hash = keeper().hash(&password, &SystemRandomness).unwrap();
        assert_eq!(stronger.verify(&password, Some(&hash)).unwrap(), Verdict::Right { outdated: true });
    }

    #[test]
    fn damage_and_nonsense_are_errors() {
        for stored in
            ["plain", "", "$argon2id$v=19$m=8,t=1,p=1", "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0"]
        {
            let verdict = keeper().verify(&Password::new("x"), Some(&PasswordHash::from_stored(stored)));
            assert!(matches!(verdict, Err(PasswordFault::Damaged)), "{stored}: {verdict:?}");
        }
        assert!(PasswordKeeper::new(PasswordCost { memory_kib: 0, n_passes: 0 }).is_err());
    }

    #[test]
    fn passwords_do_not_print() {
        let printed = format!("{:?}", Password::new("hunter2hunter2hunter2"));
        assert!(!printed.contains("hunter"), "{printed}");
    }
}
