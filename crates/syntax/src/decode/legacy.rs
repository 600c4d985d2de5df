//! Encodings from before UTF-8, guessed from the bytes.

use super::{UTF_8, n_controls};
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP, WINDOWS_1252};
use memchr::{memchr_iter, memmem, memrchr};
use std::borrow::Cow;

/// How much the detector is fed. Its answer hardly changes after a few hundred bytes that are not ASCII.
const GUESS_BYTES: usize = 64 * 1024;

/// Decodes bytes that are not valid UTF-8 from `valid_up_to` on; `None` for binary.
pub(super) fn decode(bytes: &[u8], valid_up_to: usize) -> Option<(Cow<'_, str>, &'static str)> {
    // One byte in thirty. Of random bytes one in nine is such a control character; of text in any encoding hardly any.
    let sampled = bytes.len().min(super::CONTROL_HEAD_BYTES);
    let near_bad = &bytes[valid_up_to.saturating_sub(16)..];
    if n_controls(bytes) * 30 > sampled
        || n_controls(near_bad) * 30 > near_bad.len().min(super::CONTROL_HEAD_BYTES)
    {
        return None;
    }
    if memchr_iter(0, bytes).count() > bytes.len() / 1024 {
        return None;
    }
    if is_mostly_utf8(bytes) {
        return Some((Cow::Owned(String::from_utf8_lossy(bytes).into_owned()), UTF_8));
    }
    let n_high = bytes.iter().filter(|byte| **byte >= 0x80).count();
    let encoding = guess(bytes, valid_up_to);
    // Even Cyrillic has a space or a line end in ten bytes.
    if encoding.is_single_byte() && n_high * 10 > bytes.len() * 9 {
        return None;
    }
    if encoding != WINDOWS_1252 {
        let (text, _) = encoding.decode_without_bom_handling(bytes);
        if is_plausible(&text) {
            return Some((text, encoding.name()));
        }
    }
    // Western text is ASCII with some accents; what is half high bytes and nothing else we know is data.
    let n_undefined = bytes.iter().filter(|byte| matches!(byte, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D)).count();
    if n_high * 10 > bytes.len() * 3 || n_undefined * 20 > n_high {
        return None;
    }
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
    Some((text, WINDOWS_1252.name()))
}

/// Decodes ISO-2022-JP, which is all ASCII and passes for UTF-8: its escape sequences give it away.
pub(super) fn decode_iso_2022_jp(text: &str) -> Option<(Cow<'static, str>, &'static str)> {
    let bytes = text.as_bytes();
    memchr::memchr(0x1B, bytes)?;
    if memmem::find(bytes, b"\x1B$B").is_none() && memmem::find(bytes, b"\x1B$@").is_none() {
        return None;
    }
    let decoded = ISO_2022_JP.decode_without_bom_handling_and_without_replacement(bytes)?;
    Some((Cow::Owned(decoded.into_owned()), ISO_2022_JP.name()))
}

/// Whether the text is UTF-8 with a few bad bytes: at least two valid multi-byte characters for each bad sequence. In
/// the old multi-byte encodings valid UTF-8 sequences are accidents and stay far below that.
fn is_mostly_utf8(bytes: &[u8]) -> bool {
    let (mut n_valid, mut n_bad) = (0usize, 0usize);
    for chunk in bytes.utf8_chunks() {
        n_valid += chunk.valid().as_bytes().iter().filter(|byte| **byte >= 0xC2).count();
        n_bad += usize::from(!chunk.invalid().is_empty());
    }
    n_valid >= n_bad * 2
}

fn guess(bytes: &[u8], valid_up_to: usize) -> &'static Encoding {
    // From the start of the line with the first bad byte; what stands before is ASCII or undecided.
    let start = memrchr(b'\n', &bytes[..valid_up_to]).map_or(0, |newline| newline + 1);
    let start = start.max(valid_up_to.saturating_sub(GUESS_BYTES / 2));
    let window = &bytes[start..bytes.len().min(start + GUESS_BYTES)];
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(window, true);
    detector.guess(None, Utf8Detection::Deny)
}

/// Whether a guess decoded well: at most one replacement for twenty characters that are not ASCII.
fn is_plausible(text: &str) -> bool {
    let n_bad = text.matches(char::REPLACEMENT_CHARACTER).count();
    let n_foreign = text.chars().filter(|char| !char.is_ascii()).count();
    n_bad * 20 <= n_foreign
}
