//! The head of the audit log, noted outside the database.
//!
//! Whoever can write the database can cut the log's end off and set its head back. So after each transaction that wrote to
//! the log its head is noted in a file of the data directory as well, authenticated with the master key. The file has two
//! lines of a fixed length that are written in turn, each smaller than what a disk writes at once.

use access::audit::ChainHash;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use vault::{KeyId, Mac, Vault};

/// What the key for these lines is derived for.
const CONTEXT: &str = "head of the audit log";
const LINE_BYTES: usize = 237;

/// Where the log ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuditHead {
    /// The first entry that was written with this one, or that the note has known.
    pub(crate) first_seq: i64,
    /// The last entry.
    pub(crate) seq: i64,
    /// Its hash.
    pub(crate) hash: ChainHash,
}

/// Entries that one transaction appended.
#[derive(Clone, Debug)]
pub(crate) struct Appended {
    /// The hash of the entry before the first.
    pub(crate) previous: ChainHash,
    /// Where the log ends now; `first_seq` is the first that was appended.
    pub(crate) head: AuditHead,
}

/// What noting a head needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advance {
    /// Nothing more.
    Over,
    /// The hash that the log has for this entry, to see that it is still the one that was noted.
    Needs(i64),
}

/// What the log has in the place of an entry that was noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// An entry with this hash.
    Entry(i64, ChainHash),
    /// Nothing: retention removed it, and the server's own note says so.
    Removed(i64),
}

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Noted {
    /// There is no file.
    Nothing,
    /// It is not as it was written.
    Damaged(String),
    /// The log reached there.
    Head(AuditHead),
}

/// The file.
pub(crate) struct Anchor {
    path: PathBuf,
    vault: Vault,
    /// One at a time in this process; others are kept out by the file's lock.
    writing: Mutex<()>,
}

impl Anchor {
    pub(crate) fn new(path: PathBuf, vault: Vault) -> Self {
        Anchor { path, vault, writing: Mutex::default() }
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.vault
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Notes the head, unless a later one is there. The entry itself is safe already, so a failure is told to the log only.
    ///
    /// SECURITY: the note moves on from an entry only while the log still has that entry: otherwise whoever cuts the log's
    /// end off would only have to wait until it has grown again. What does not fit is left for `verify audit` to find.
    pub(crate) fn advance(&self, appended: &Appended, known: Option<Known>) -> Advance {
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.try_advance(appended, known).unwrap_or_else(|error| {
            tracing::error!(path = %self.path.display(), %error, "the head of the audit log cannot be noted");
            Advance::Over
        })
    }

    /// Writes both lines anew under the newest key.
    pub(crate) fn authenticate_anew(&self) -> io::Result<()> {
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        match self.read() {
            Noted::Head(head) => {
                let mut file = self.open()?;
                let line = self.line(&head)?;
                file.write_all(format!("{line}{line}").as_bytes())
            }
            Noted::Nothing => Ok(()),
            Noted::Damaged(reason) => Err(io::Error::other(reason)),
        }
    }

    /// What the file says now.
    pub(crate) fn read(&self) -> Noted {
        let mut text = String::new();
        match File::open(&self.path).and_then(|file| file.take(4096).read_to_string(&mut text)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Noted::Nothing,
            Err(error) => Noted::Damaged(error.to_string()),
            Ok(_) => self.parse(&text),
        }
    }

    fn try_advance(&self, appended: &Appended, known: Option<Known>) -> io::Result<Advance> {
        let Appended { previous, head } = appended;
        let mut file = self.open()?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let before = match if text.is_empty() { Noted::Nothing } else { self.parse(&text) } {
            Noted::Damaged(reason) => return Err(io::Error::other(reason)),
            Noted::Head(before) => before,
            Noted::Nothing => {
                let line = self.line(head)?;
                file.write_all(format!("{line}{line}").as_bytes())?;
                return Ok(Advance::Over);
            }
        };
        if before.seq >= head.seq {
            return Ok(Advance::Over);
        }
        let hash_now = match known {
            _ if head.first_seq == before.seq + 1 => *previous,
            Some(Known::Entry(seq, hash)) if seq == before.seq => hash,
            Some(Known::Removed(seq)) if seq == before.seq => before.hash,
            _ => return Ok(Advance::Needs(before.seq)),
        };
        if hash_now != before.hash {
            return Err(io::Error::other(
                "the log does not hold the entry that was noted: run `sourcekeep verify audit`",
            ));
        }
        let line = self.line(&AuditHead { first_seq: before.first_seq, ..head.clone() })?;
        let older = if slot_of(&text, before.seq) == 0 { LINE_BYTES as u64 } else { 0 };
        file.seek(SeekFrom::Start(older))?;
        file.write_all(line.as_bytes())?;
        Ok(Advance::Over)
    }

    /// The file, held against other processes until it is closed.
    fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&self.path)?;
        file.lock()?;
        Ok(file)
    }

    fn line(&self, head: &AuditHead) -> io::Result<String> {
        let content = content(head);
        let mac = self.vault.mac(CONTEXT, content.as_bytes());
        let mac = mac.ok_or_else(|| io::Error::other("there is no master key"))?;
        Ok(format!("{content} key={} mac={}\n", mac.key, ChainHash(mac.tag).to_hex()))
    }

    fn parse(&self, text: &str) -> Noted {
        let damaged = |reason: &str| Noted::Damaged(reason.to_owned());
        if text.len() != 2 * LINE_BYTES || !text.is_ascii() {
            return damaged("it has not the length it is written with");
        }
        let mut latest: Option<AuditHead> = None;
        for line in [&text[..LINE_BYTES], &text[LINE_BYTES..]] {
            let Some((head, mac)) = parse_line(line) else { return damaged("a line of it cannot be read") };
            match self.vault.mac_is_ours(CONTEXT, content(&head).as_bytes(), &mac) {
                Ok(true) => {}
                Ok(false) => return damaged("a line of it was not written with the master key"),
                Err(error) => return Noted::Damaged(error.to_string()),
            }
            if latest.as_ref().is_none_or(|latest| latest.seq <= head.seq) {
                latest = Some(head);
            }
        }
        latest.map_or(damaged("it is empty"), Noted::Head)
    }
}

fn content(head: &AuditHead) -> String {
    let AuditHead { first_seq, seq, hash } = head;
    format!("sourcekeep-audit-head-v1 since={first_seq:020} seq={seq:020} hash={}", hash.to_hex())
}

/// Which of the two lines holds that entry.
fn slot_of(text: &str, seq: i64) -> usize {
    usize::from(!text[..LINE_BYTES].contains(&format!(" seq={seq:020} ")))
}

fn parse_line(line: &str) -> Option<(AuditHead, Mac)> {
    let mut words = line.strip_suffix('\n')?.split(' ');
    let mut value = |key: &str| words.next()?.strip_prefix(key);
    value("sourcekeep-audit-head-v1")?;
    let (first_seq, seq) = (value("since=")?.parse().ok()?, value("seq=")?.parse().ok()?);
    let hash = ChainHash(from_hex(value("hash=")?)?);
    let mac = Mac { key: KeyId(from_hex(value("key=")?)?), tag: from_hex(value("mac=")?)? };
    Some((AuditHead { first_seq, seq, hash }, mac))
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use access::SystemRandomness;
    use std::sync::Arc;
    use vault::KeySource;

    fn anchor(folder: &Path) -> Anchor {
        let source = KeySource::OwnFile(folder.join("master.key"));
        let vault = Vault::open_source(source, Arc::new(SystemRandomness)).unwrap();
        vault.ensure_key().unwrap();
        Anchor::new(folder.join("audit.head"), vault)
    }

    fn hash(seq: i64) -> ChainHash {
        ChainHash([seq as u8; 32])
    }

    fn head(seq: i64) -> AuditHead {
        AuditHead { first_seq: 1, seq, hash: hash(seq) }
    }

    /// As after a transaction that appended this one entry.
    fn one(seq: i64) -> Appended {
        Appended { previous: hash(seq - 1), head: AuditHead { first_seq: seq, seq, hash: hash(seq) } }
    }

    #[test]
    fn it_only_moves_on() {
        let folder = tempfile::tempdir().unwrap();
        let anchor = anchor(folder.path());
        assert_eq!(anchor.read(), Noted::Nothing);
        for seq in [1, 2, 3, 2, 4] {
            assert_eq!(anchor.advance(&one(seq), None), Advance::Over);
        }
        assert_eq!(anchor.read(), Noted::Head(head(4)));
        assert_eq!(std::fs::read(anchor.path()).unwrap().len(), 2 * LINE_BYTES);
        // Another process was faster with the sixth than this one with the fifth.
        assert_eq!(anchor.advance(&one(6), None), Advance::Needs(4));
        assert_eq!(anchor.advance(&one(6), Some(Known::Entry(4, hash(4)))), Advance::Over);
        assert_eq!(anchor.advance(&one(5), None), Advance::Over);
        assert_eq!(anchor.read(), Noted::Head(head(6)));
        anchor.vault.rotate().unwrap();
        anchor.advance(&one(7), None);
        anchor.authenticate_anew().unwrap();
        anchor.vault.drop_old().unwrap();
        assert_eq!(anchor.read(), Noted::Head(head(7)));
    }

    #[test]
    fn it_does_not_move_on_from_an_entry_that_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let anchor = anchor(folder.path());
        anchor.advance(&one(1), None);
        anchor.advance(&Appended { previous: hash(9), ..one(2) }, None);
        anchor.advance(&one(3), Some(Known::Entry(1, hash(9))));
        assert_eq!(anchor.read(), Noted::Head(head(1)));
    }

    #[test]
    fn what_was_meddled_with_is_told_and_left() {
        let folder = tempfile::tempdir().unwrap();
        let anchor = anchor(folder.path());
        anchor.advance(&one(1), None);
        anchor.advance(&one(2), None);
        let whole = std::fs::read(anchor.path()).unwrap();
        for position in 0..whole.len() {
            let mut changed = whole.clone();
            changed[position] ^= 1;
            std::fs::write(anchor.path(), &changed).unwrap();
            assert!(matches!(anchor.read(), Noted::Damaged(_)), "{position}");
        }
        anchor.advance(&one(3), None);
        assert!(matches!(anchor.read(), Noted::Damaged(_)));
        std::fs::write(anchor.path(), &whole[..LINE_BYTES]).unwrap();
        assert!(matches!(anchor.read(), Noted::Damaged(_)));
    }
}
