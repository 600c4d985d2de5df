//! Passkeys (Web Authentication Level 3): registering them, and proofs by them.
//!
//! Every ceremony asks for user verification (a finger, a face, a PIN), so that a passkey is two factors in one. The state of
//! a ceremony is kept by the caller, on the server, and given back once: that makes its challenge count once. What the
//! library checks is the origin, the challenge, the signature, the flags, and that the counter has not gone back.

use crate::UserName;
use std::fmt;
use std::sync::Arc;
use url::{Host, Url};
use uuid::Uuid;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, DiscoverableKey, Passkey as Inner, PasskeyAuthentication,
    PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Webauthn, WebauthnBuilder,
};

/// Longest answer of a browser that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 32 * 1024;

/// The server as authenticators know it: its host name, and the origin its pages have. Cloning shares it.
#[derive(Clone)]
pub struct RelyingParty(Arc<Webauthn>);

/// A registered passkey: what is known of it, no secret.
#[derive(Clone)]
pub struct Passkey(Inner);

/// A ceremony that has begun.
pub struct Ceremony {
    /// For the browser: JSON, binary fields in base64url.
    pub options: String,
    /// For finishing it: to be kept on the server, and used once.
    pub state: String,
}

/// A ceremony did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    /// The browser's answer does not belong to this challenge, origin or passkey, or its counter has gone back.
    #[error("this passkey was not accepted: {reason}")]
    Refused {
        /// What the library said; for the log.
        reason: String,
    },
    /// What was stored cannot be read.
    #[error("a stored passkey cannot be read")]
    Damaged,
}

#[derive(serde::Serialize, serde::Deserialize)]
enum State {
    Registration(PasskeyRegistration),
    Named(PasskeyAuthentication),
    Discoverable(DiscoverableAuthentication),
}

impl RelyingParty {
    /// The party of an origin. `None` where browsers have no passkeys: for addresses that are numbers, and without TLS
    /// anywhere but on `localhost`.
    pub fn new(origin: &Url) -> Option<Self> {
        let Some(Host::Domain(domain)) = origin.host() else { return None };
        let is_safe = origin.scheme() == "https" || domain == "localhost";
        let webauthn = WebauthnBuilder::new(domain, origin).ok()?.rp_name("Sourcekeep").build().ok()?;
        is_safe.then(|| RelyingParty(Arc::new(webauthn)))
    }

    /// Begins to register a passkey for an account, on an authenticator that has none of the present ones.
    pub fn begin_registration(
        &self,
        handle: [u8; 16],
        name: &UserName,
        present: &[Passkey],
    ) -> Result<Ceremony, PasskeyError> {
        let exclude = present.iter().map(|passkey| passkey.0.cred_id().clone()).collect();
        let handle = Uuid::from_bytes(handle);
        let (options, state) =
            self.0.start_passkey_registration(handle, name.as_str(), name.as_str(), Some(exclude))?;
        let mut options = serde_json::to_value(options)?;
        // Where the authenticator can, it remembers the account, so that its name need not be typed.
        if let Some(selection) = options.pointer_mut("/publicKey/authenticatorSelection") {
            selection["residentKey"] = "preferred".into();
        }
        Ok(Ceremony {
            options: options.to_string(),
            state: serde_json::to_string(&State::Registration(state))?,
        })
    }

    /// Finishes it with the browser's answer.
    pub fn finish_registration(&self, answer: &str, state: &str) -> Result<Passkey, PasskeyError> {
        let State::Registration(state) = serde_json::from_str(state)? else {
            return Err(PasskeyError::Damaged);
        };
        let answer: RegisterPublicKeyCredential = read(answer)?;
        Ok(Passkey(self.0.finish_passkey_registration(&answer, &state)?))
    }

    /// Asks for a proof by one of these passkeys; by any that the authenticator remembers, where none is named.
    pub fn begin_proof(&self, passkeys: &[Passkey]) -> Result<Ceremony, PasskeyError> {
        let (options, state) = if passkeys.is_empty() {
            let (mut options, state) = self.0.start_discoverable_authentication()?;
            // A button asks, not a field.
            options.mediation = None;
            (options, State::Discoverable(state))
        } else {
            let passkeys: Vec<Inner> = passkeys.iter().map(|passkey| passkey.0.clone()).collect();
            let (options, state) = self.0.start_passkey_authentication(&passkeys)?;
            (options, State::Named(state))
        };
        Ok(Ceremony { options: serde_json::to_string(&options)?, state: serde_json::to_string(&state)? })
    }

    /// Checks a proof by this passkey. Returns it as it is to be stored now: its counter has moved on.
    pub fn finish_proof(
        &self,
        answer: &str,
        state: &str,
        passkey: &Passkey,
    ) -> Result<Passkey, PasskeyError> {
        let answer: PublicKeyCredential = read(answer)?;
        let result = match serde_json::from_str(state)? {
            State::Registration(_) => return Err(PasskeyError::Damaged),
            State::Named(state) => self.0.finish_passkey_authentication(&answer, &state)?,
            State::Discoverable(state) => {
                let key = DiscoverableKey::from(&passkey.0);
                self.0.finish_discoverable_authentication_v2(&answer, state, &key)?
            }
        };
        let mut proved = passkey.clone();
        if !result.user_verified() || proved.0.update_credential(&result).is_none() {
            return Err(PasskeyError::Refused {
                reason: "another passkey, or nobody was verified".to_owned(),
            });
        }
        Ok(proved)
    }
}

impl Passkey {
    /// Takes back what was stored.
    pub fn from_stored(text: &str) -> Result<Self, PasskeyError> {
        serde_json::from_str(text).map(Passkey).map_err(|_| PasskeyError::Damaged)
    }

    /// The text to store.
    pub fn to_stored(&self) -> Result<String, PasskeyError> {
        serde_json::to_string(&self.0).map_err(|_| PasskeyError::Damaged)
    }

    /// What the authenticator calls it.
    pub fn credential_id(&self) -> &[u8] {
        self.0.cred_id()
    }

    /// Which passkey an answer speaks of; not proved yet.
    pub fn credential_id_in(answer: &str) -> Option<Vec<u8>> {
        let answer: PublicKeyCredential = read(answer).ok()?;
        Some(answer.get_credential_id().to_vec())
    }
}

impl fmt::Debug for Passkey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Passkey(…)")
    }
}

impl fmt::Debug for RelyingParty {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RelyingParty(…)")
    }
}

impl From<webauthn_rs::prelude::WebauthnError> for PasskeyError {
    fn from(error: webauthn_rs::prelude::WebauthnError) -> Self {
        PasskeyError::Refused { reason: error.to_string() }
    }
}

impl From<serde_json::Error> for PasskeyError {
    fn from(_: serde_json::Error) -> Self {
        PasskeyError::Damaged
    }
}

fn read<T: serde::de::DeserializeOwned>(answer: &str) -> Result<T, PasskeyError> {
    let refused = |reason: &str| PasskeyError::Refused { reason: reason.to_owned() };
    if answer.len() > ANSWER_BYTES_MAX {
        return Err(refused("the answer is too long"));
    }
    serde_json::from_str(answer).map_err(|_| refused("the answer cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_belong_to_safe_origins_with_a_name() {
        let party = |origin: &str| RelyingParty::new(&origin.parse().unwrap());
        assert!(party("https://code.example.org/").is_some());
        assert!(party("http://localhost:7080/").is_some());
        for origin in ["http://code.example.org/", "http://127.0.0.1:7080/", "https://[::1]/", "file:///x"] {
            assert!(party(origin).is_none(), "{origin}");
        }
    }

    #[test]
    fn every_ceremony_asks_for_verification_and_is_another() {
        let party = RelyingParty::new(&"https://code.example.org/".parse().unwrap()).unwrap();
        let one = party.begin_registration([1; 16], &UserName::new("ada").unwrap(), &[]).unwrap();
        let options: serde_json::Value = serde_json::from_str(&one.options).unwrap();
        assert_eq!(options["publicKey"]["authenticatorSelection"]["userVerification"], "required");
        assert_eq!(options["publicKey"]["authenticatorSelection"]["residentKey"], "preferred");
        assert_eq!(options["publicKey"]["rp"]["id"], "code.example.org");
        let (two, three) = (party.begin_proof(&[]).unwrap(), party.begin_proof(&[]).unwrap());
        assert_ne!(two.options, three.options);
        assert!(two.options.contains("\"userVerification\":\"required\""), "{}", two.options);
    }

    #[test]
    fn nonsense_is_refused() {
        let party = RelyingParty::new(&"https://code.example.org/".parse().unwrap()).unwrap();
        let one = party.begin_registration([1; 16], &UserName::new("ada").unwrap(), &[]).unwrap();
        for answer in ["", "{}", "null", "[1]", &"x".repeat(100_000), "{\"id\":\"\",\"rawId\":\"\"}"] {
            assert!(party.finish_registration(answer, &one.state).is_err());
            assert!(Passkey::credential_id_in(answer).is_none());
        }
        assert!(party.finish_registration("{}", "nonsense").is_err());
        assert!(Passkey::from_stored("{}").is_err());
    }
}
