//! A passkey in software: an authenticator with one credential, and the browser in front of it.
//!
//! It says and signs what the test wants, so that a server's refusals can be tried: another origin, a counter that went back,
//! nobody verified, an answer sent again.

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// An authenticator that holds one credential.
#[derive(Clone)]
pub struct Authenticator {
    /// The origin of the page that the browser shows.
    pub origin: String,
    /// Counts signatures; the next one carries this.
    pub counter: u32,
    /// Whether its owner showed a finger or typed a PIN.
    pub verifies: bool,
    key: SigningKey,
    credential_id: Vec<u8>,
    handle: Value,
}

impl Authenticator {
    /// A new one, different for every seed, in front of a page of this origin.
    pub fn new(seed: u8, origin: &str) -> Self {
        let key = SigningKey::from_slice(&[seed.max(1); 32]).expect("a key");
        let credential_id = vec![seed; 16];
        Authenticator {
            origin: origin.into(),
            counter: 1,
            verifies: true,
            key,
            credential_id,
            handle: Value::Null,
        }
    }

    /// Makes its credential as a page asks it to (`navigator.credentials.create`). Returns the answer as JSON.
    pub fn create(&mut self, options: &Value) -> String {
        let options = &options["publicKey"];
        self.handle = options["user"]["id"].clone();
        let mut data = self.data(&options["rp"]["id"], 0x40);
        data.extend([0; 16]);
        data.extend((self.credential_id.len() as u16).to_be_bytes());
        data.extend(&self.credential_id);
        let point = self.key.verifying_key().to_sec1_bytes();
        assert_eq!(point.len(), 65, "an uncompressed point");
        // COSE: EC2, ES256, P-256, x, y (RFC 9053).
        data.extend([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[33..]);
        // CBOR: {"fmt": "none", "attStmt": {}, "authData": …}.
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59".to_vec();
        object.extend((data.len() as u16).to_be_bytes());
        object.extend(data);
        let client = self.client_data("webauthn.create", &options["challenge"]);
        let response =
            json!({ "clientDataJSON": base64url(&client), "attestationObject": base64url(&object) });
        self.answer(response)
    }

    /// Proves itself as a page asks it to (`navigator.credentials.get`). Returns the answer as JSON.
    pub fn get(&mut self, options: &Value) -> String {
        let options = &options["publicKey"];
        let data = self.data(&options["rpId"], 0);
        let client = self.client_data("webauthn.get", &options["challenge"]);
        let signed = [data.as_slice(), &Sha256::digest(&client)].concat();
        let signature: DerSignature = self.key.sign(&signed);
        let response = json!({
            "clientDataJSON": base64url(&client),
            "authenticatorData": base64url(&data),
            "signature": base64url(signature.as_bytes()),
            "userHandle": self.handle,
        });
        self.answer(response)
    }

    /// Authenticator data (Web Authentication, section 6.1), up to the attested credential.
    fn data(&mut self, rp_id: &Value, flags: u8) -> Vec<u8> {
        let mut data = Sha256::digest(rp_id.as_str().unwrap_or_default()).to_vec();
        let verified = if self.verifies { 0x04 } else { 0 };
        data.push(0x01 | verified | flags);
        data.extend(self.counter.to_be_bytes());
        self.counter += 1;
        data
    }

    fn client_data(&self, what: &str, challenge: &Value) -> Vec<u8> {
        let data =
            json!({ "type": what, "challenge": challenge, "origin": self.origin, "crossOrigin": false });
        data.to_string().into_bytes()
    }

    fn answer(&self, response: Value) -> String {
        let id = base64url(&self.credential_id);
        json!({ "id": id, "rawId": id, "type": "public-key", "extensions": {}, "response": response })
            .to_string()
    }
}

/// RFC 4648, section 5, without padding.
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for idx in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * idx)) as usize & 63]));
        }
    }
    text
}
