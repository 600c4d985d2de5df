//! UTF-16 and UTF-32: by byte order mark, or by the shape of the zero bytes.

use super::n_controls;
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};
use std::borrow::Cow;

/// A text and its encoding's name, or `None` for binary.
type Verdict<'a> = Option<(Cow<'a, str>, &'static str)>;

/// Decodes what begins with a UTF-16 or UTF-32 byte order mark. `None`: there is no mark. `Some(None)`: there is one, and
/// what follows is not text.
pub(super) fn decode_marked(bytes: &[u8]) -> Option<Verdict<'_>> {
    if let Some(rest) = bytes.strip_prefix(b"\xFF\xFE\0\0") {
        return Some(decode_utf32(rest, u32::from_le_bytes, "UTF-32LE"));
    }
    if let Some(rest) = bytes.strip_prefix(b"\0\0\xFE\xFF") {
        return Some(decode_utf32(rest, u32::from_be_bytes, "UTF-32BE"));
    }
    let (rest, encoding) = match bytes {
        [0xFF, 0xFE, rest @ ..] => (rest, UTF_16LE),
        [0xFE, 0xFF, rest @ ..] => (rest, UTF_16BE),
        _ => return None,
    };
    Some(decode_utf16(rest, encoding))
}

/// Decodes what has zero bytes in its head and no mark, if it has the shape of UTF-16: zeros in one of each two bytes and
/// nearly none in the other.
pub(super) fn decode_unmarked<'a>(bytes: &'a [u8], head: &[u8]) -> Verdict<'a> {
    let (pairs, _) = head.as_chunks::<2>();
    if pairs.len() < 4 || !bytes.len().is_multiple_of(2) {
        return None;
    }
    let n_first_zero = pairs.iter().filter(|pair| pair[0] == 0).count();
    let n_second_zero = pairs.iter().filter(|pair| pair[1] == 0).count();
    let is_clear = |zeros: usize, others: usize| zeros * 10 >= pairs.len() * 7 && others * 50 <= pairs.len();
    if is_clear(n_second_zero, n_first_zero) {
        decode_utf16(bytes, UTF_16LE)
    } else if is_clear(n_first_zero, n_second_zero) {
        decode_utf16(bytes, UTF_16BE)
    } else {
        None
    }
}

fn decode_utf16<'a>(bytes: &'a [u8], encoding: &'static Encoding) -> Verdict<'a> {
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    accept(text, encoding.name())
}

fn decode_utf32<'a>(bytes: &'a [u8], read: fn([u8; 4]) -> u32, name: &'static str) -> Verdict<'a> {
    let (units, _) = bytes.as_chunks::<4>();
    let decode_unit = |unit: &[u8; 4]| char::from_u32(read(*unit)).unwrap_or(char::REPLACEMENT_CHARACTER);
    accept(Cow::Owned(units.iter().map(decode_unit).collect()), name)
}

/// Data that happens to begin with a mark decodes to noise: unpaired surrogates, zeros and controls. One in fifty is too many.
fn accept<'a>(text: Cow<'a, str>, name: &'static str) -> Verdict<'a> {
    let n_bad = text.matches([char::REPLACEMENT_CHARACTER, '\0']).count();
    let is_text = n_bad * 50 <= text.len() && n_controls(text.as_bytes()) * 50 <= text.len().min(4096);
    is_text.then_some((text, name))
}
