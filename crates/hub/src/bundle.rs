//! The offline bundle: the feeds of a hub and their notes in one file, for servers that reach nobody.
//!
//! A line that says what it is, a line for each feed (`kind`, bytes of its note, bytes of its file), an empty line, and then
//! the notes and files one after another. Nothing in the frame is signed, because each feed in it is.

use crate::{FEED_BYTES_MAX, FEED_NOTE_BYTES_MAX, FeedKind};
use std::fmt::Write as _;
use tlog::Signed;

/// Longest bundle, in bytes.
pub const BUNDLE_BYTES_MAX: usize = FeedKind::ALL.len() * (FEED_BYTES_MAX + FEED_NOTE_BYTES_MAX) + 512;

const BUNDLE: &str = "sourcekeep-bundle-v1\n";

/// One feed with its note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedFeed {
    /// What it is about.
    pub kind: FeedKind,
    /// Its note.
    pub note: Signed,
    /// Its file.
    pub body: Vec<u8>,
}

/// Bytes are no bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no bundle of feeds, or not a whole one; make it with `sourcekeep hub bundle`")]
pub struct NoBundle;

/// Puts feeds together: each kind at most once, in the order of [`FeedKind::ALL`].
pub fn bundle(feeds: &[SignedFeed]) -> Vec<u8> {
    let mut head = BUNDLE.to_owned();
    let mut rest = Vec::new();
    for kind in FeedKind::ALL {
        let Some(feed) = feeds.iter().find(|feed| feed.kind == kind) else { continue };
        let _ = writeln!(head, "{kind} {} {}", feed.note.0.len(), feed.body.len());
        rest.extend_from_slice(feed.note.0.as_bytes());
        rest.extend_from_slice(&feed.body);
    }
    head.push('\n');
    let mut bytes = head.into_bytes();
    bytes.append(&mut rest);
    bytes
}

/// Takes a bundle apart. Nothing in it is believed yet.
pub fn unbundle(bytes: &[u8]) -> Result<Vec<SignedFeed>, NoBundle> {
    read(bytes).ok_or(NoBundle)
}

fn read(bytes: &[u8]) -> Option<Vec<SignedFeed>> {
    if bytes.len() > BUNDLE_BYTES_MAX {
        return None;
    }
    let mut rest = bytes.strip_prefix(BUNDLE.as_bytes())?;
    let mut lengths = Vec::new();
    loop {
        let end = rest.iter().take(64).position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        rest = &rest[end + 1..];
        if line.is_empty() {
            break;
        }
        lengths.push(read_line(line)?);
    }
    // In order, and so each at most once.
    if lengths.is_empty() || !lengths.is_sorted_by(|a, b| a.0 < b.0) {
        return None;
    }
    let mut feeds = Vec::new();
    for (kind, n_note, n_body) in lengths {
        let (note, after) = rest.split_at_checked(n_note)?;
        let (body, after) = after.split_at_checked(n_body)?;
        let note = Signed(String::from_utf8(note.to_vec()).ok()?);
        feeds.push(SignedFeed { kind, note, body: body.to_vec() });
        rest = after;
    }
    rest.is_empty().then_some(feeds)
}

fn read_line(line: &str) -> Option<(FeedKind, usize, usize)> {
    let mut words = line.split(' ');
    let kind = FeedKind::of_word(words.next()?)?;
    let mut number = |n_max: usize| {
        let text = words.next()?;
        text.parse::<usize>().ok().filter(|number| number.to_string() == text && *number <= n_max)
    };
    let lengths = (kind, number(FEED_NOTE_BYTES_MAX)?, number(FEED_BYTES_MAX)?);
    words.next().is_none().then_some(lengths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(kind: FeedKind, body: &[u8]) -> SignedFeed {
        SignedFeed { kind, note: Signed(format!("note of {kind}\n\n— a b\n")), body: body.to_vec() }
    }

    #[test]
    fn a_bundle_comes_back() {
        let feeds = vec![feed(FeedKind::Advisories, b"one\n\ntwo"), feed(FeedKind::Rules, b"")];
        let bytes = bundle(&feeds);
        assert_eq!(unbundle(&bytes), Ok(feeds.clone()));
        let turned: Vec<SignedFeed> = feeds.iter().rev().cloned().collect();
        assert_eq!(bundle(&turned), bytes, "one form");
        for at in 0..bytes.len() {
            assert_eq!(unbundle(&bytes[..at]), Err(NoBundle), "cut at {at}");
        }
        assert_eq!(unbundle(&[&bytes[..], b"x"].concat()), Err(NoBundle));
    }

    #[test]
    fn hostile_frames() {
        for head in [
            "",
            "\n",
            "rules 0 0\nadvisories 0 0\n\n",
            "rules 0 0\nrules 0 0\n\n",
            "rules 00 0\n\n",
            "rules 0\n\n",
            "rules 0 0 0\n\n",
            "other 0 0\n\n",
            "rules 0 99999999999999999999\n\n",
            "rules 0 16777217\n\n",
            "rules 18446744073709551615 1\n\n",
            "rules 1 0\n\n",
        ] {
            assert_eq!(unbundle(format!("{BUNDLE}{head}").as_bytes()), Err(NoBundle), "{head:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(0_u8.., 0..300)) {
            let framed = [BUNDLE.as_bytes(), &bytes].concat();
            for bytes in [&bytes, &framed] {
                if let Ok(feeds) = unbundle(bytes) {
                    proptest::prop_assert_eq!(&bundle(&feeds), bytes, "what is read is written back alike");
                }
            }
        }
    }
}
