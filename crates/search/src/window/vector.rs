//! Looking for neighbouring positions, 64 places at a time.

use super::POSITIONS_MAX;
use super::runs::Set;
use fearless_simd::{Level, Simd, SimdBase, SimdMask, dispatch, u8x64};

/// How many places are looked at in one step.
const STEP: usize = 64;

/// The bytes `b` for which `b | mask` lies `span` above `low` at most: a superset of the position's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    mask: u8,
    low: u8,
    span: u8,
}

impl Position {
    /// The tighter of the two forms there are.
    pub(super) fn of(set: &Set) -> Position {
        if let Some(only) = set.only {
            return Position { mask: 0, low: only, span: 0 };
        }
        let form = |mask: u8| {
            let members = || set.bytes().map(|byte| byte | mask);
            let low = members().min().unwrap_or(0);
            Position { mask, low, span: members().max().unwrap_or(0) - low }
        };
        let (plain, folded) = (form(0), form(0x20));
        if folded.share() < plain.share() { folded } else { plain }
    }

    fn admits(self, byte: u8) -> bool {
        (byte | self.mask).wrapping_sub(self.low) <= self.span
    }

    /// How much of a source text such bytes are.
    pub(super) fn share(self) -> f64 {
        (0..=255).filter(|byte| self.admits(*byte)).map(share_of).sum::<f64>().min(1.0)
    }
}

/// The first place at or after `from` where the positions begin, or where a byte is not ASCII if that counts, and which is
/// fit. At most [`POSITIONS_MAX`] positions are looked at.
pub(super) fn find(
    positions: &[Position],
    stops_at_non_ascii: bool,
    text: &[u8],
    from: usize,
    mut is_fit: impl FnMut(usize) -> bool,
) -> Option<usize> {
    let level = Level::new();
    let mut at = from;
    loop {
        let (start, mut places) = match *positions {
            [] => return (at < text.len()).then_some(at),
            [a] => dispatch!(level, simd => step(simd, [a], stops_at_non_ascii, text, at)),
            [a, b] => dispatch!(level, simd => step(simd, [a, b], stops_at_non_ascii, text, at)),
            [a, b, c] => dispatch!(level, simd => step(simd, [a, b, c], stops_at_non_ascii, text, at)),
            [a, b, c, d, ..] => {
                dispatch!(level, simd => step(simd, [a, b, c, d], stops_at_non_ascii, text, at))
            }
        };
        if places == 0 {
            at = start;
            break;
        }
        while places != 0 {
            let place = start + places.trailing_zeros() as usize;
            if is_fit(place) {
                return Some(place);
            }
            places &= places - 1;
        }
        at = start + STEP;
    }
    (at..text.len()).find(|at| {
        let bytes = text.get(*at..at + positions.len());
        let is_window = bytes
            .is_some_and(|bytes| bytes.iter().zip(positions).all(|(byte, position)| position.admits(*byte)));
        (is_window || (stops_at_non_ascii && !text[*at].is_ascii())) && is_fit(*at)
    })
}

/// The first step at or after `at` with places where the window may begin, and a bit for each. Without any, where the text
/// ends before another step does.
#[inline(always)]
fn step<S: Simd, const N: usize>(
    simd: S,
    positions: [Position; N],
    stops_at_non_ascii: bool,
    text: &[u8],
    mut at: usize,
) -> (usize, u64) {
    let masks = positions.map(|position| u8x64::splat(simd, position.mask));
    let lows = positions.map(|position| u8x64::splat(simd, position.low));
    let spans = positions.map(|position| u8x64::splat(simd, position.span));
    let foreign = u8x64::splat(simd, if stops_at_non_ascii { 0x80 } else { 0 });
    let zero = u8x64::splat(simd, 0);
    while let Some(bytes) = text.get(at..at + STEP + POSITIONS_MAX) {
        let first = u8x64::from_slice(simd, &bytes[..STEP]);
        let mut found = ((first | masks[0]) - lows[0]).simd_le(spans[0]);
        for idx in 1..N {
            let next = u8x64::from_slice(simd, &bytes[idx..idx + STEP]);
            found &= ((next | masks[idx]) - lows[idx]).simd_le(spans[idx]);
        }
        found |= (first & foreign).simd_gt(zero);
        let places = found.to_bitmask();
        if places != 0 {
            return (at, places);
        }
        at += STEP;
    }
    (at, 0)
}

/// How frequent a byte is in source texts, roughly: the order counts, not the value.
fn share_of(byte: u8) -> f64 {
    match byte {
        b' ' => 0.15,
        b'\t' => 0.06,
        b'\n' => 0.04,
        b'e' | b't' => 0.06,
        b'a' | b'd' | b'i' | b'n' | b'o' | b'r' | b's' | b'c' | b'l' => 0.035,
        b'_' => 0.03,
        b'a'..=b'z' => 0.015,
        b'0' => 0.02,
        b'(' | b')' | b',' | b';' | b'*' | b'-' | b'=' | b'/' | b'.' | b'>' => 0.012,
        b'1'..=b'9' | b'A'..=b'Z' => 0.006,
        0x21..=0x7E => 0.004,
        _ => 0.001,
    }
}
