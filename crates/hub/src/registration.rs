//! A server makes itself known to a hub: what is asked first, what is signed, and what the hub answers.
//!
//! Each of the three is a signed note (C2SP signed-note) with one signature. The hub's challenge stands inside of what the
//! server signs, so a statement is good once, for some minutes, at one hub; and the time in it is the hub's own, so that a
//! server whose clock is wrong can register, too.

use crate::identity::{Fingerprint, digest_of};
use crate::lines::{Reader, Writer, from_hex, hex};
use access::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::time::Duration;
use tlog::{Signed, SigningKey, VerifyingKey};

/// Longest statement, in bytes; a real one has some 900.
pub const STATEMENT_BYTES_MAX: usize = 4 << 10;
/// Longest challenge and receipt, in bytes.
pub const NOTE_BYTES_MAX: usize = 2 << 10;
/// How long a challenge can be answered: long enough to read what is about to be sent.
pub const CHALLENGE_VALID_FOR: Duration = Duration::from_secs(30 * 60);
/// Longest name of a server, in characters.
const NAME_CHARS_MAX: usize = 64;
/// Longest address of whoever installed it, in bytes (RFC 5321: 254).
const CONTACT_BYTES_MAX: usize = 254;

const CHALLENGE: &str = "sourcekeep-hub-challenge-v1";
const STATEMENT: &str = "sourcekeep-registration-v1";
const RECEIPT: &str = "sourcekeep-hub-receipt-v1";

/// The name under which a server is listed: visible ASCII, so that no two names look the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerName(String);

/// A way to reach whoever installed a server: the only personal datum that can leave. An e-mail address or a short text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact(String);

/// A text is no name or no contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWords {
    /// No name.
    #[error(
        "a server's name has 1 to {NAME_CHARS_MAX} of the characters a-z A-Z 0-9 . _ - & ( ) and single spaces between them"
    )]
    Name,
    /// No contact.
    #[error(
        "a contact address has 3 to {CONTACT_BYTES_MAX} visible ASCII characters and no space, as in ops@example.org"
    )]
    Contact,
}

impl ServerName {
    /// Checks a name.
    pub fn new(text: &str) -> Result<Self, BadWords> {
        let is_good = |c: char| c.is_ascii_alphanumeric() || " ._-&()".contains(c);
        let is_good = (1..=NAME_CHARS_MAX).contains(&text.len())
            && text.chars().all(is_good)
            && text.trim() == text
            && !text.contains("  ");
        if is_good { Ok(ServerName(text.to_owned())) } else { Err(BadWords::Name) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What must differ from every other name.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl Contact {
    /// Checks a contact.
    pub fn new(text: &str) -> Result<Self, BadWords> {
        let is_good =
            (3..=CONTACT_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_good { Ok(Contact(text.to_owned())) } else { Err(BadWords::Contact) }
    }

    /// The contact.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a hub gives before it takes a statement: good once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// 16 random bytes.
    pub nonce: [u8; 16],
    /// When the hub gave it, by the hub's clock.
    pub issued: Timestamp,
}

impl Challenge {
    /// Signs it with the hub's key.
    pub fn sign(&self, hub: &SigningKey) -> Signed {
        let text = Writer::new(CHALLENGE).line("nonce", hex(&self.nonce)).line("issued", self.issued.0);
        hub.sign(&text.text())
    }

    /// Reads what the hub signed.
    pub fn open(hub: &VerifyingKey, note: &Signed) -> Result<Self, Refusal> {
        if note.0.len() > NOTE_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        let text = hub.open_exactly(note).map_err(|_| Refusal::NotTheHub)?;
        let read = || {
            let mut reader = Reader::new(text, CHALLENGE)?;
            let nonce = from_hex(reader.line("nonce")?)?;
            let issued = Timestamp(reader.moment("issued")?);
            reader.end()?;
            Some(Challenge { nonce, issued })
        };
        read().ok_or(Refusal::Malformed)
    }
}

/// What a server wants of a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// To be listed, or listed otherwise than before.
    Register {
        /// Its name.
        name: ServerName,
        /// How to reach whoever installed it, where they want to be reached.
        contact: Option<Contact>,
    },
    /// To be forgotten.
    Withdraw,
}

impl Act {
    /// Its word in statements and receipts.
    pub fn word(&self) -> &'static str {
        match self {
            Act::Register { .. } => "register",
            Act::Withdraw => "withdraw",
        }
    }
}

/// What a server signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it wants.
    pub act: Act,
    /// Its public key: the only one that can change or withdraw what is registered under it.
    pub key: [u8; 32],
    /// The hub's answer to "may I?".
    pub challenge: Challenge,
}

/// A statement, a challenge or a receipt is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Longer than anything true.
    #[error("it is longer than it may be")]
    TooLong,
    /// Not of the form, byte for byte.
    #[error("it is not of the form that is signed")]
    Malformed,
    /// The hub's part is not signed by the hub that is meant.
    #[error("it is not signed by this hub: another one is meant, or it was changed")]
    NotTheHub,
    /// The server's part is not signed by the key it names.
    #[error("it is not signed by the key that it names")]
    NotTheServer,
    /// The challenge is too old, or from the future.
    #[error("the hub's challenge is not of the last {} minutes; ask for another one", CHALLENGE_VALID_FOR.as_secs() / 60)]
    NotFresh,
    /// The challenge was used before.
    #[error("the hub's challenge was used before; ask for another one")]
    Replayed,
    /// Another key has the name.
    #[error("another server has this name; only the key that registered it can change it")]
    NameTaken,
    /// The key is not registered.
    #[error("nothing is registered under this key")]
    Unknown,
    /// There is no room.
    #[error("the hub has no room for more servers")]
    Full,
    /// A receipt is for another server or another statement.
    #[error("the receipt is for something else than what was sent")]
    NotForThis,
}

impl Statement {
    /// Signs it: `server` under any name, `hub` being who it is for, `challenge` as the hub sent it.
    pub fn sign(
        act: &Act,
        server: &SigningKey,
        hub: &VerifyingKey,
        challenge: &Signed,
    ) -> Result<Signed, Refusal> {
        Challenge::open(hub, challenge)?;
        let server = server.under(&signer_name(&server.public())).map_err(|_| Refusal::Malformed)?;
        let text = statement_text(act, &server.public(), hub, challenge);
        Ok(server.sign(&text))
    }

    /// Reads a statement and checks both signatures, byte for byte. `hub` is the hub that reads, `now` its clock.
    pub fn open(hub: &VerifyingKey, note: &Signed, now: Timestamp) -> Result<Self, Refusal> {
        if note.0.len() > STATEMENT_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        // The key stands in what it signs, so that is read first and believed afterwards.
        let text = note.0.split_once("\n\n").ok_or(Refusal::Malformed)?.0;
        let (act, key, challenge) = read_statement(&format!("{text}\n"), hub)?;
        let name = signer_name(&key);
        let server = VerifyingKey::new(&name, &key).map_err(|_| Refusal::NotTheServer)?;
        let signed = server.open_exactly(note).map_err(|_| Refusal::NotTheServer)?;
        let challenge_note = challenge;
        let challenge = Challenge::open(hub, &challenge_note)?;
        // One form: what is read is written back to the same bytes.
        if statement_text(&act, &key, hub, &challenge_note) != signed {
            return Err(Refusal::Malformed);
        }
        let age = now.0.checked_sub(challenge.issued.0).and_then(|age| u64::try_from(age).ok());
        match age {
            Some(age) if age <= CHALLENGE_VALID_FOR.as_secs() * 1000 => Ok(Statement { act, key, challenge }),
            _ => Err(Refusal::NotFresh),
        }
    }
}

/// The name in the signature's line: it says in which role the key signed.
fn signer_name(public: &[u8; 32]) -> String {
    format!("sourcekeep-{}/registration", hex(&public[..8]))
}

fn statement_text(act: &Act, key: &[u8; 32], hub: &VerifyingKey, challenge: &Signed) -> String {
    let (name, contact) = match act {
        Act::Register { name, contact } => (name.as_str(), contact.as_ref().map_or("", Contact::as_str)),
        Act::Withdraw => ("", ""),
    };
    Writer::new(STATEMENT)
        .line("act", act.word())
        .line("hub", hub.to_text())
        .line("key", STANDARD.encode(key))
        .line("name", name)
        .line("contact", contact)
        .line("challenge", STANDARD.encode(&challenge.0))
        .text()
}

fn read_statement(text: &str, hub: &VerifyingKey) -> Result<(Act, [u8; 32], Signed), Refusal> {
    let read = || {
        let mut reader = Reader::new(text, STATEMENT)?;
        let act = reader.line("act")?;
        let whom = reader.line("hub")?;
        let key: [u8; 32] = STANDARD.decode(reader.line("key")?).ok()?.try_into().ok()?;
        let (name, contact) = (reader.line("name")?, reader.line("contact")?);
        let challenge = String::from_utf8(STANDARD.decode(reader.line("challenge")?).ok()?).ok()?;
        reader.end()?;
        let act = match act {
            "register" => {
                let contact = match contact {
                    "" => None,
                    contact => Some(Contact::new(contact).ok()?),
                };
                Act::Register { name: ServerName::new(name).ok()?, contact }
            }
            "withdraw" if name.is_empty() && contact.is_empty() => Act::Withdraw,
            _ => return None,
        };
        Some((act, whom, key, Signed(challenge)))
    };
    let (act, whom, key, challenge) = read().ok_or(Refusal::Malformed)?;
    // SECURITY: for this hub and no other; what was signed for another one is worth nothing here.
    if whom != hub.to_text() {
        return Err(Refusal::NotTheHub);
    }
    Ok((act, key, challenge))
}

/// What the hub answers when it did what a statement wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The word of the act.
    pub act: String,
    /// Whose it is.
    pub instance: Fingerprint,
    /// SHA-256 of the statement with its signature, as it was sent.
    pub statement: [u8; 32],
    /// When the hub took it, by the hub's clock.
    pub at: Timestamp,
}

impl Receipt {
    /// Signs it with the hub's key.
    pub fn sign(&self, hub: &SigningKey) -> Signed {
        let text = Writer::new(RECEIPT)
            .line("act", &self.act)
            .line("instance", self.instance)
            .line("statement", hex(&self.statement))
            .line("at", self.at.0);
        hub.sign(&text.text())
    }

    /// Reads a receipt of this hub for exactly what was sent.
    pub fn open(
        hub: &VerifyingKey,
        note: &Signed,
        key: &[u8; 32],
        act: &str,
        sent: &Signed,
    ) -> Result<Self, Refusal> {
        if note.0.len() > NOTE_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        let text = hub.open_exactly(note).map_err(|_| Refusal::NotTheHub)?;
        let read = || {
            let mut reader = Reader::new(text, RECEIPT)?;
            let act = reader.line("act")?.to_owned();
            let instance = Fingerprint::parse(reader.line("instance")?)?;
            let statement = reader.hash("statement")?;
            let at = Timestamp(reader.moment("at")?);
            reader.end()?;
            Some(Receipt { act, instance, statement, at })
        };
        let receipt = read().ok_or(Refusal::Malformed)?;
        let is_for_this = receipt.act == act
            && receipt.instance == Fingerprint::of(key)
            && receipt.statement == digest_of(sent.0.as_bytes());
        if is_for_this { Ok(receipt) } else { Err(Refusal::NotForThis) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_000_000_000);
    const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);

    fn key(seed: u8) -> SigningKey {
        SigningKey::new("hub.example/hub", &[seed; 32]).unwrap()
    }

    fn act() -> Act {
        Act::Register {
            name: ServerName::new("Code of the Example Works").unwrap(),
            contact: Some(Contact::new("ops@example.org").unwrap()),
        }
    }

    fn challenge(hub: &SigningKey) -> Signed {
        Challenge { nonce: [7; 16], issued: NOW }.sign(hub)
    }

    fn statement() -> (SigningKey, SigningKey, Signed) {
        let (hub, server) = (key(1), key(2));
        let signed = Statement::sign(&act(), &server, &hub.verifying_key(), &challenge(&hub)).unwrap();
        (hub, server, signed)
    }

    #[test]
    fn a_statement_comes_back() {
        let (hub, server, signed) = statement();
        let read = Statement::open(&hub.verifying_key(), &signed, NOW.plus(CHALLENGE_VALID_FOR)).unwrap();
        assert_eq!((read.act, read.key, read.challenge.nonce), (act(), server.public(), [7; 16]));
        let withdrawn =
            Statement::sign(&Act::Withdraw, &server, &hub.verifying_key(), &challenge(&hub)).unwrap();
        assert_eq!(Statement::open(&hub.verifying_key(), &withdrawn, NOW).unwrap().act, Act::Withdraw);
    }

    /// H-registration-flipped
    #[test]
    fn every_byte_of_a_registration_counts() {
        let (hub, _, signed) = statement();
        let bytes = signed.0.as_bytes();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.to_vec();
                changed[at] ^= 1 << bit;
                let Ok(changed) = String::from_utf8(changed) else { continue };
                let read = Statement::open(&hub.verifying_key(), &Signed(changed.clone()), NOW);
                assert!(read.is_err(), "byte {at} bit {bit}: {changed}");
            }
            let cut = String::from_utf8_lossy(&bytes[..at]).into_owned();
            assert!(Statement::open(&hub.verifying_key(), &Signed(cut), NOW).is_err(), "cut at {at}");
        }
        let longer = Signed(format!("{}\n", signed.0));
        assert!(Statement::open(&hub.verifying_key(), &longer, NOW).is_err());
    }

    /// H-registration-other-hub
    #[test]
    fn a_statement_is_for_one_hub() {
        let (hub, server, signed) = statement();
        let other = key(9);
        let check = |note: &Signed| Statement::open(&other.verifying_key(), note, NOW);
        assert_eq!(check(&signed), Err(Refusal::NotTheHub));
        // Not even with a challenge that the other hub gave: the server does not sign that.
        let foreign = Statement::sign(&act(), &server, &hub.verifying_key(), &challenge(&other));
        assert_eq!(foreign, Err(Refusal::NotTheHub));
        // The same key under another name is another hub.
        let renamed = hub.under("elsewhere.example/hub").unwrap();
        assert_eq!(Statement::open(&renamed.verifying_key(), &signed, NOW), Err(Refusal::NotTheHub));
    }

    /// H-registration-stolen
    #[test]
    fn nobody_signs_for_another_key() {
        let (hub, server, _) = statement();
        let thief = key(3).under(&signer_name(&server.public())).unwrap();
        let text = statement_text(&act(), &server.public(), &hub.verifying_key(), &challenge(&hub));
        let read = Statement::open(&hub.verifying_key(), &thief.sign(&text), NOW);
        assert_eq!(read, Err(Refusal::NotTheServer));
        // A key of small order signs anything; it is no key.
        let mut identity = [0; 32];
        identity[0] = 1;
        let text = statement_text(&act(), &identity, &hub.verifying_key(), &challenge(&hub));
        let signature = STANDARD.encode([&[0; 4][..], &identity, &[0; 32]].concat());
        let note = Signed(format!("{text}\n— {} {signature}\n", signer_name(&identity)));
        assert_eq!(Statement::open(&hub.verifying_key(), &note, NOW), Err(Refusal::NotTheServer));
    }

    /// H-registration-unsigned
    #[test]
    fn what_is_not_signed_is_nothing() {
        let (hub, server, signed) = statement();
        let text = signed.0.split_once("\n\n").unwrap().0;
        assert!(Statement::open(&hub.verifying_key(), &Signed(format!("{text}\n")), NOW).is_err());
        assert!(Statement::open(&hub.verifying_key(), &Signed(format!("{text}\n\n")), NOW).is_err());
        // A challenge that the hub did not sign.
        let forged =
            Challenge { nonce: [8; 16], issued: NOW }.sign(&key(5).under("hub.example/hub").unwrap());
        let text = statement_text(&act(), &server.public(), &hub.verifying_key(), &forged);
        let server = server.under(&signer_name(&server.public())).unwrap();
        let read = Statement::open(&hub.verifying_key(), &server.sign(&text), NOW);
        assert_eq!(read, Err(Refusal::NotTheHub));
    }

    /// H-registration-clock
    #[test]
    fn clocks_that_jump_make_no_old_challenge_new() {
        let (hub, _, signed) = statement();
        let check = |now| Statement::open(&hub.verifying_key(), &signed, now);
        for now in [
            NOW.plus(YEAR),
            NOW.minus(YEAR),
            NOW.minus(Duration::from_millis(1)),
            Timestamp(i64::MAX),
            Timestamp(i64::MIN),
        ] {
            assert_eq!(check(now), Err(Refusal::NotFresh), "{now:?}");
        }
        assert_eq!(check(NOW.plus(CHALLENGE_VALID_FOR + Duration::from_millis(1))), Err(Refusal::NotFresh));
        assert!(check(NOW).is_ok());
    }

    /// H-registration-oversized
    #[test]
    fn long_ones_are_not_read() {
        let (hub, _, signed) = statement();
        let long = Signed(signed.0 + &"x".repeat(STATEMENT_BYTES_MAX));
        assert_eq!(Statement::open(&hub.verifying_key(), &long, NOW), Err(Refusal::TooLong));
        let long = Signed("x".repeat(NOTE_BYTES_MAX + 1));
        assert_eq!(Challenge::open(&hub.verifying_key(), &long), Err(Refusal::TooLong));
    }

    /// H-receipt
    #[test]
    fn a_receipt_is_for_what_was_sent() {
        let (hub, server, sent) = statement();
        let receipt = Receipt {
            act: "register".into(),
            instance: Fingerprint::of(&server.public()),
            statement: digest_of(sent.0.as_bytes()),
            at: NOW,
        };
        let (hub_key, note) = (hub.verifying_key(), receipt.sign(&hub));
        let open = |note: &Signed, key: &SigningKey, sent: &Signed| {
            Receipt::open(&hub_key, note, &key.public(), "register", sent)
        };
        assert_eq!(open(&note, &server, &sent), Ok(receipt.clone()));
        assert_eq!(open(&note, &key(4), &sent), Err(Refusal::NotForThis), "of another server");
        let earlier = Signed(sent.0.replace("Example", "Other"));
        assert_eq!(open(&note, &server, &earlier), Err(Refusal::NotForThis), "of another statement");
        assert_eq!(open(&receipt.sign(&key(6)), &server, &sent), Err(Refusal::NotTheHub));
        let withdrawn = Receipt::open(&hub_key, &note, &server.public(), "withdraw", &sent);
        assert_eq!(withdrawn, Err(Refusal::NotForThis));
        for at in 0..note.0.len() {
            let mut changed = note.0.clone().into_bytes();
            changed[at] ^= 1;
            let Ok(changed) = String::from_utf8(changed) else { continue };
            assert!(open(&Signed(changed), &server, &sent).is_err(), "{at}");
        }
    }

    #[test]
    fn names_and_contacts() {
        for good in ["a", "Code (west)", "R&D", "a.b-c_d", &"x".repeat(NAME_CHARS_MAX)] {
            assert!(ServerName::new(good).is_ok(), "{good}");
        }
        for bad in
            ["", " a", "a ", "a  b", "a\nb", "аdmin", "a\u{202e}b", "<b>", &"x".repeat(NAME_CHARS_MAX + 1)]
        {
            assert!(ServerName::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(ServerName::new("Code").unwrap().folded(), ServerName::new("cOdE").unwrap().folded());
        for bad in ["", "a", "a b c", "ops@\nexample.org", "öps@example.org", &"x".repeat(255)] {
            assert!(Contact::new(bad).is_err(), "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_refused_without_a_panic(text in "\\PC{0,200}(\n\n)?\\PC{0,100}\n?") {
            let hub = key(1).verifying_key();
            proptest::prop_assert!(Statement::open(&hub, &Signed(text.clone()), NOW).is_err());
            proptest::prop_assert!(Challenge::open(&hub, &Signed(text)).is_err());
        }
    }
}
