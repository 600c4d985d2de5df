//! One-time codes by time (RFC 6238): six digits, every 30 seconds, HMAC-SHA-1, as every authenticator app has them.
//!
//! A code is accepted one step before and after its time, and each step once: whoever keeps a [`TotpSeed`] stores the
//! newest [`TotpStep`] that was accepted and takes only later ones.

use crate::{Randomness, RandomnessError, Timestamp, UserName};
use secrecy::zeroize::Zeroizing;
use std::fmt;
use totp_rs::{Builder, Totp};

/// Bytes of a seed: what HMAC-SHA-1 takes as a whole (RFC 4226, section 4, R6).
const N_SEED_BYTES: usize = 20;
/// How long a code is shown.
const STEP_SECONDS: i64 = 30;
/// Steps of tolerance for clocks that differ, to either side.
const N_SKEW_STEPS: i64 = 1;
/// Who the apps say the code is for.
const ISSUER: &str = "Sourcekeep";

/// The secret that an authenticator app and the server share. Cleared from memory when dropped; does not print.
pub struct TotpSeed(Zeroizing<[u8; N_SEED_BYTES]>);

/// The number of a time step: seconds since 1970 divided by 30.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TotpStep(pub i64);

/// Six digits, as typed: spaces are passed over. Does not print.
#[derive(Clone)]
pub struct TotpCode(Zeroizing<String>);

impl TotpCode {
    /// Reads a code; `None` if it is not six digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Zeroizing<String> =
            Zeroizing::new(text.chars().take(20).filter(|c| !c.is_whitespace()).collect());
        let is_code = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_code.then_some(TotpCode(digits))
    }
}

impl fmt::Debug for TotpCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TotpCode(…)")
    }
}

impl TotpSeed {
    /// Draws a new one.
    pub fn draw(randomness: &dyn Randomness) -> Result<Self, RandomnessError> {
        let mut bytes = Zeroizing::new([0; N_SEED_BYTES]);
        randomness.fill(bytes.as_mut_slice())?;
        Ok(TotpSeed(bytes))
    }

    /// Takes back what was stored; `None` if it has another length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        <[u8; N_SEED_BYTES]>::try_from(bytes).ok().map(|bytes| TotpSeed(Zeroizing::new(bytes)))
    }

    /// The bytes, to be sealed and stored.
    pub fn expose(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The seed as text in groups of four (base32), for typing it into an app.
    pub fn key_text(&self) -> Zeroizing<String> {
        let key = Zeroizing::new(self.generator().secret().to_base32());
        let mut text = Zeroizing::new(String::with_capacity(key.len() * 5 / 4));
        for (idx, c) in key.chars().enumerate() {
            if idx > 0 && idx % 4 == 0 {
                text.push(' ');
            }
            text.push(c);
        }
        text
    }

    /// The address that a QR code holds, `otpauth://totp/…`.
    pub fn uri(&self, account: &UserName) -> Zeroizing<String> {
        let key = Zeroizing::new(self.generator().secret().to_base32());
        // Names of accounts need no escaping in an address.
        Zeroizing::new(format!("otpauth://totp/{ISSUER}:{account}?secret={}&issuer={ISSUER}", *key))
    }

    /// The code of a step: what an app shows.
    pub fn code(&self, step: TotpStep) -> Zeroizing<String> {
        let seconds = u64::try_from(step.0.saturating_mul(STEP_SECONDS)).unwrap_or(0);
        Zeroizing::new(self.generator().generate(seconds).to_string())
    }

    /// The step whose code this is, within the tolerance, if it is later than `last`. SECURITY: every step is compared, in
    /// constant time, whatever the outcome of the others.
    pub fn accepts(&self, code: &TotpCode, now: Timestamp, last: TotpStep) -> Option<TotpStep> {
        use subtle::ConstantTimeEq as _;
        let present = TotpStep::of(now).0;
        let mut accepted = None;
        for step in present - N_SKEW_STEPS..=present + N_SKEW_STEPS {
            let is_it = bool::from(self.code(TotpStep(step)).as_bytes().ct_eq(code.0.as_bytes()));
            if is_it && step > last.0 {
                accepted = Some(TotpStep(step));
            }
        }
        accepted
    }

    fn generator(&self) -> Totp {
        // The defaults are RFC 6238's: SHA-1, six digits, 30 seconds.
        Builder::new().with_secret(self.0.to_vec()).with_skew(0).build_noncompliant()
    }
}

impl fmt::Debug for TotpSeed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TotpSeed(…)")
    }
}

impl TotpStep {
    /// Before every step.
    pub const NONE: TotpStep = TotpStep(-1);

    /// The step of a moment.
    pub fn of(now: Timestamp) -> Self {
        TotpStep(now.0.div_euclid(1000 * STEP_SECONDS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRandomness;

    fn seconds(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1000)
    }

    /// RFC 6238, appendix B (the last six of the eight digits there).
    #[test]
    fn codes_are_those_of_the_rfc() {
        let seed = TotpSeed::from_bytes(b"12345678901234567890").unwrap();
        for (time, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            let code = TotpCode::parse(expected).unwrap();
            assert_eq!(*seed.code(TotpStep::of(seconds(time))), expected);
            assert!(seed.accepts(&code, seconds(time), TotpStep::NONE).is_some(), "{time}");
        }
    }

    #[test]
    fn one_step_of_tolerance_and_each_step_once() {
        let seed = TotpSeed::draw(&SystemRandomness).unwrap();
        let step = TotpStep(1000);
        let code = TotpCode::parse(&seed.code(step)).unwrap();
        let at = |step: i64| seconds(step * 30);
        assert_eq!(seed.accepts(&code, at(999), TotpStep::NONE), Some(step));
        assert_eq!(seed.accepts(&code, at(1001), TotpStep::NONE), Some(step));
        assert_eq!(seed.accepts(&code, at(1002), TotpStep::NONE), None);
        assert_eq!(seed.accepts(&code, at(998), TotpStep::NONE), None);
        assert_eq!(seed.accepts(&code, at(1000), TotpStep(999)), Some(step));
        assert_eq!(seed.accepts(&code, at(1000), step), None, "a code counts once");
        assert_eq!(seed.accepts(&code, at(1000), TotpStep(1001)), None, "nor after a later one");
    }

    #[test]
    fn codes_are_six_digits() {
        assert!(TotpCode::parse(" 123 456 ").is_some());
        for bad in ["", "12345", "1234567", "12345a", "１２３４５６", "-12345", "123456\u{0}7"] {
            assert!(TotpCode::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn seeds_are_shown_to_their_owner_only() {
        let seed = TotpSeed::from_bytes(b"12345678901234567890").unwrap();
        assert_eq!(*seed.key_text(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert_eq!(
            *seed.uri(&UserName::new("ada").unwrap()),
            "otpauth://totp/Sourcekeep:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Sourcekeep"
        );
        assert_eq!(format!("{seed:?}"), "TotpSeed(…)");
        assert!(TotpSeed::from_bytes(b"short").is_none());
    }
}
