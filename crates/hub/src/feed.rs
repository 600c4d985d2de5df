//! Feeds: a file, and a signed note that says which one it is, how long it holds, and what came before.
//!
//! The checks are those of The Update Framework, for one role and one key: whose it is, which kind, that it is not older than
//! what was seen (rollback), not past its end (freeze), and not longer than it says (endless data).

use crate::identity::digest_of;
use crate::lines::{Reader, Writer, hex};
use access::Timestamp;
use std::fmt;
use std::time::Duration;
use tlog::{Signed, SigningKey, VerifyingKey};

/// Longest file of a feed, in bytes.
pub const FEED_BYTES_MAX: usize = 16 << 20;
/// Longest note of a feed, in bytes.
pub const FEED_NOTE_BYTES_MAX: usize = 2 << 10;
/// The longest time a feed may hold.
pub const VALID_FOR_MAX: Duration = Duration::from_secs(400 * 24 * 3600);
/// How far a hub's clock may be ahead.
const AHEAD_MAX: Duration = Duration::from_secs(24 * 3600);

const FEED: &str = "sourcekeep-feed-v1";

/// What a feed is about. A closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FeedKind {
    /// Faults of packages, in the form of OSV.
    Advisories,
    /// Versions of Sourcekeep.
    Releases,
    /// Packs of rules.
    Rules,
}

impl FeedKind {
    /// All of them, in the order in which bundles hold them.
    pub const ALL: [FeedKind; 3] = [FeedKind::Advisories, FeedKind::Releases, FeedKind::Rules];

    /// Its word in notes and commands.
    pub fn word(self) -> &'static str {
        match self {
            FeedKind::Advisories => "advisories",
            FeedKind::Releases => "releases",
            FeedKind::Rules => "rules",
        }
    }

    /// The kind of that word.
    pub fn of_word(word: &str) -> Option<Self> {
        FeedKind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The name of its file.
    pub fn file(self) -> String {
        format!("{}.json", self.word())
    }

    /// The name of its note.
    pub fn note_file(self) -> String {
        format!("{}.note", self.file())
    }
}

impl fmt::Display for FeedKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// What the note of a feed says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedHead {
    /// What it is about.
    pub kind: FeedKind,
    /// Its number: each is larger than the one before.
    pub sequence: u64,
    /// When it was signed, by the hub's clock.
    pub issued: Timestamp,
    /// Until when it holds.
    pub expires: Timestamp,
    /// How long its file is, in bytes.
    pub n_bytes: u64,
    /// SHA-256 of its file.
    pub digest: [u8; 32],
}

/// What is known of a feed already: the newest that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownFeed {
    /// Its number.
    pub sequence: u64,
    /// When it was signed.
    pub issued: Timestamp,
    /// SHA-256 of its file.
    pub digest: [u8; 32],
}

/// Whether a feed that is taken is another one than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is newer.
    New,
    /// It is the one that is there.
    Same,
}

/// A feed is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedRefusal {
    /// The hub's key did not sign it, or not this.
    #[error("the {0} are not signed by the hub's key: they are somebody else's, or were changed")]
    NotSigned(FeedKind),
    /// The note is not of the form.
    #[error("the note of the {0} is not of the form that is signed")]
    Malformed(FeedKind),
    /// It is about something else.
    #[error("the note of the {wanted} is one of the {found}")]
    OtherKind {
        /// What was wanted.
        wanted: FeedKind,
        /// What it is.
        found: FeedKind,
    },
    /// It is past its end.
    #[error(
        "the {0} are past their end: the hub publishes nothing new, somebody keeps it back, or this machine's clock is ahead"
    )]
    Stale(FeedKind),
    /// It is signed later than now.
    #[error("the {0} are from the future: this machine's clock is behind, or the hub's is ahead")]
    FromTheFuture(FeedKind),
    /// It holds for too long, or ends before it begins.
    #[error("the {0} say that they hold for a time that no feed holds")]
    BadTimes(FeedKind),
    /// Something newer was seen.
    #[error("the {kind} go back: number {found} was offered, and number {known} is here")]
    RolledBack {
        /// Which.
        kind: FeedKind,
        /// What was offered.
        found: u64,
        /// What is here.
        known: u64,
    },
    /// Two different files have one number.
    #[error(
        "the {kind} have two files with number {sequence}: the hub says one thing to some and another to others"
    )]
    TwoFaces {
        /// Which.
        kind: FeedKind,
        /// The number.
        sequence: u64,
    },
    /// Longer than any feed, or than the note says.
    #[error("the {0} are longer than they may be")]
    TooLong(FeedKind),
    /// The file is not what the note says.
    #[error("the file of the {0} is not the one that was signed")]
    OtherFile(FeedKind),
}

impl FeedHead {
    /// The head for a file.
    pub fn of(kind: FeedKind, sequence: u64, issued: Timestamp, valid_for: Duration, body: &[u8]) -> Self {
        let expires = issued.plus(valid_for.min(VALID_FOR_MAX));
        FeedHead { kind, sequence, issued, expires, n_bytes: body.len() as u64, digest: digest_of(body) }
    }

    /// Signs it with the hub's key.
    pub fn sign(&self, hub: &SigningKey) -> Signed {
        let text = Writer::new(FEED)
            .line("kind", self.kind)
            .line("sequence", self.sequence)
            .line("issued", self.issued.0)
            .line("expires", self.expires.0)
            .line("length", self.n_bytes)
            .line("sha256", hex(&self.digest));
        hub.sign(&text.text())
    }

    /// Reads the note of a feed that this hub signed.
    pub fn open(hub: &VerifyingKey, wanted: FeedKind, note: &Signed) -> Result<Self, FeedRefusal> {
        if note.0.len() > FEED_NOTE_BYTES_MAX {
            return Err(FeedRefusal::TooLong(wanted));
        }
        let text = hub.open_exactly(note).map_err(|_| FeedRefusal::NotSigned(wanted))?;
        let read = || {
            let mut reader = Reader::new(text, FEED)?;
            let head = FeedHead {
                kind: FeedKind::of_word(reader.line("kind")?)?,
                sequence: reader.number("sequence")?,
                issued: Timestamp(reader.moment("issued")?),
                expires: Timestamp(reader.moment("expires")?),
                n_bytes: reader.number("length")?,
                digest: reader.hash("sha256")?,
            };
            reader.end()?;
            Some(head)
        };
        let head = read().ok_or(FeedRefusal::Malformed(wanted))?;
        match head.kind == wanted {
            true => Ok(head),
            false => Err(FeedRefusal::OtherKind { wanted, found: head.kind }),
        }
    }

    /// Whether it may be taken, `known` being what is here of the same kind and hub. `newest` is the latest moment at which
    /// anything that is here was signed: a clock that was set back does not make old feeds new.
    pub fn check(
        &self,
        known: Option<KnownFeed>,
        now: Timestamp,
        newest: Option<Timestamp>,
    ) -> Result<Step, FeedRefusal> {
        let kind = self.kind;
        if self.n_bytes > FEED_BYTES_MAX as u64 {
            return Err(FeedRefusal::TooLong(kind));
        }
        // SECURITY: before the times, so that a rollback is called one whatever the clocks say.
        let step = match known {
            Some(known) if self.sequence < known.sequence => {
                return Err(FeedRefusal::RolledBack { kind, found: self.sequence, known: known.sequence });
            }
            Some(known) if self.sequence == known.sequence && self.digest != known.digest => {
                return Err(FeedRefusal::TwoFaces { kind, sequence: self.sequence });
            }
            Some(known) if self.sequence == known.sequence => Step::Same,
            _ => Step::New,
        };
        let now = newest.map_or(now, |newest| now.max(newest));
        if self.expires <= self.issued || self.expires.since(self.issued) > VALID_FOR_MAX {
            return Err(FeedRefusal::BadTimes(kind));
        }
        if self.issued > now.plus(AHEAD_MAX) {
            return Err(FeedRefusal::FromTheFuture(kind));
        }
        if self.expires <= now {
            return Err(FeedRefusal::Stale(kind));
        }
        Ok(step)
    }

    /// Whether this is its file.
    pub fn check_body(&self, body: &[u8]) -> Result<(), FeedRefusal> {
        match body.len() as u64 == self.n_bytes && digest_of(body) == self.digest {
            true => Ok(()),
            false => Err(FeedRefusal::OtherFile(self.kind)),
        }
    }

    /// What is known once it was taken.
    pub fn known(&self) -> KnownFeed {
        KnownFeed { sequence: self.sequence, issued: self.issued, digest: self.digest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_000_000_000);
    const DAY: Duration = Duration::from_secs(24 * 3600);
    const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);
    const BODY: &[u8] = br#"{"advisories":[]}"#;

    fn key(seed: u8) -> SigningKey {
        SigningKey::new("hub.example/hub", &[seed; 32]).unwrap()
    }

    fn head(sequence: u64) -> FeedHead {
        FeedHead::of(FeedKind::Advisories, sequence, NOW, 30 * DAY, BODY)
    }

    fn open(note: &Signed) -> Result<FeedHead, FeedRefusal> {
        FeedHead::open(&key(1).verifying_key(), FeedKind::Advisories, note)
    }

    #[test]
    fn a_feed_comes_back() {
        let head = head(7);
        let read = open(&head.sign(&key(1))).unwrap();
        assert_eq!(read, head);
        assert_eq!(read.check(None, NOW, None), Ok(Step::New));
        assert_eq!(read.check(Some(head.known()), NOW, Some(NOW)), Ok(Step::Same));
        assert_eq!(read.check_body(BODY), Ok(()));
    }

    /// H-feed-flipped
    #[test]
    fn every_byte_of_a_feed_counts() {
        let head = head(7);
        let note = head.sign(&key(1));
        for at in 0..note.0.len() {
            for bit in 0..8 {
                let mut changed = note.0.clone().into_bytes();
                changed[at] ^= 1 << bit;
                let Ok(changed) = String::from_utf8(changed) else { continue };
                assert!(open(&Signed(changed)).is_err(), "byte {at} bit {bit}");
            }
            let cut = String::from_utf8_lossy(&note.0.as_bytes()[..at]).into_owned();
            assert!(open(&Signed(cut)).is_err(), "cut at {at}");
        }
        for at in 0..BODY.len() {
            let mut changed = BODY.to_vec();
            changed[at] ^= 1;
            assert_eq!(head.check_body(&changed), Err(FeedRefusal::OtherFile(FeedKind::Advisories)));
            assert!(head.check_body(&BODY[..at]).is_err());
        }
        assert!(head.check_body(&[BODY, b"\n"].concat()).is_err());
    }

    /// H-feed-unsigned
    #[test]
    fn other_keys_and_no_keys() {
        let head = head(1);
        let not_signed = Err(FeedRefusal::NotSigned(FeedKind::Advisories));
        assert_eq!(open(&head.sign(&key(2))), not_signed);
        let other_name = key(1).under("elsewhere.example/hub").unwrap();
        assert_eq!(open(&head.sign(&other_name)), not_signed);
        let text = head.sign(&key(1)).0;
        let bare = text.split_once("\n\n").unwrap().0;
        assert_eq!(open(&Signed(format!("{bare}\n"))), not_signed);
        // What the key signed for something else is no feed.
        let challenge = crate::Challenge { nonce: [0; 16], issued: NOW }.sign(&key(1));
        assert_eq!(open(&challenge), Err(FeedRefusal::Malformed(FeedKind::Advisories)));
        let other_kind = FeedHead { kind: FeedKind::Rules, ..head };
        assert!(matches!(open(&other_kind.sign(&key(1))), Err(FeedRefusal::OtherKind { .. })));
    }

    /// H-feed-rollback
    #[test]
    fn numbers_do_not_go_back() {
        let known = Some(head(7).known());
        for clock in [NOW, NOW.plus(YEAR), NOW.minus(YEAR)] {
            let older = head(6).check(known, clock, Some(NOW));
            assert!(matches!(older, Err(FeedRefusal::RolledBack { found: 6, known: 7, .. })), "{older:?}");
        }
        let other = FeedHead::of(FeedKind::Advisories, 7, NOW, 30 * DAY, b"{}");
        assert!(matches!(other.check(known, NOW, None), Err(FeedRefusal::TwoFaces { sequence: 7, .. })));
        assert_eq!(head(8).check(known, NOW, None), Ok(Step::New));
    }

    /// H-feed-clock
    #[test]
    fn clocks_that_jump() {
        let stale = Err(FeedRefusal::Stale(FeedKind::Advisories));
        let feed = head(7);
        assert_eq!(feed.check(None, NOW.plus(30 * DAY), None), stale);
        assert_eq!(feed.check(None, NOW.plus(30 * DAY).minus(Duration::from_millis(1)), None), Ok(Step::New));
        // A year ahead it is past its end; a year back it is from the future; set right, it is what it was.
        assert_eq!(feed.check(None, NOW.plus(YEAR), None), stale);
        let future = Err(FeedRefusal::FromTheFuture(FeedKind::Advisories));
        assert_eq!(feed.check(None, NOW.minus(YEAR), None), future);
        assert_eq!(feed.check(None, NOW, None), Ok(Step::New));
        // Somebody sets the clock back to make an old feed new: what was seen since says otherwise.
        let seen_later = Some(NOW.plus(40 * DAY));
        assert_eq!(feed.check(None, NOW, seen_later), stale);
        for extreme in [Timestamp(i64::MAX), Timestamp(i64::MIN)] {
            assert!(feed.check(None, extreme, None).is_err());
        }
    }

    #[test]
    fn times_that_no_feed_holds() {
        let bad = Err(FeedRefusal::BadTimes(FeedKind::Advisories));
        let check = |issued: Timestamp, expires: Timestamp| {
            FeedHead { issued, expires, ..head(1) }.check(None, NOW, None)
        };
        assert_eq!(check(NOW, NOW), bad);
        assert_eq!(check(NOW, NOW.minus(DAY)), bad);
        assert_eq!(check(NOW, NOW.plus(VALID_FOR_MAX + DAY)), bad);
        assert_eq!(check(Timestamp(0), Timestamp(i64::MAX)), bad);
    }

    /// H-feed-oversized
    #[test]
    fn what_is_too_long_is_not_fetched() {
        let long = FeedHead { n_bytes: FEED_BYTES_MAX as u64 + 1, ..head(1) };
        assert_eq!(long.check(None, NOW, None), Err(FeedRefusal::TooLong(FeedKind::Advisories)));
        let note = Signed("x".repeat(FEED_NOTE_BYTES_MAX + 1));
        assert_eq!(open(&note), Err(FeedRefusal::TooLong(FeedKind::Advisories)));
    }
}
