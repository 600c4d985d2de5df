//! Skipping lines that a regular expression cannot match, at a few gigabytes a second.
//!
//! Many expressions have no literal that could be searched for, but a *window*: neighbouring positions that every match
//! has, each from a small set of bytes. `\b[A-Z]{2}[0-9]{3}\b` has `[A-Z][A-Z][0-9][0-9]`. Looking for a window is a loop over
//! arrays that compilers turn into vector instructions; an automaton takes each byte one after another.

use regex_syntax::hir::{Class, Hir, HirKind};

/// How many positions a window has at most: each costs some tenth of a nanosecond a byte.
const POSITIONS_MAX: usize = 4;
/// A window as rare as this is not made longer, and one more frequent than the second is not worth looking for.
const RARE: f64 = 1.0 / 4096.0;
const FREQUENT: f64 = 1.0 / 96.0;
/// How many copies of a repetition are looked at.
const COPIES_MAX: u32 = POSITIONS_MAX as u32;
/// How many bytes are looked at in one step.
const STEP: usize = 64;

/// A window of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    positions: Vec<Position>,
    /// Whether a character outside ASCII can stand at a position: then a text that has any may match anywhere.
    stops_at_non_ascii: bool,
    is_rare: bool,
}

/// The bytes `b` for which `b | mask` lies `span` above `low` at most: a superset of the position's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    mask: u8,
    low: u8,
    span: u8,
}

/// What may stand at one place of a match.
#[derive(Clone, Copy, Debug)]
struct Set {
    bytes: [bool; 256],
    has_non_ascii_chars: bool,
}

impl Window {
    /// The rarest window of an expression, if it has one that is rare enough. Recursion is bounded by the nesting limit of
    /// patterns.
    pub(crate) fn of(hir: &Hir) -> Option<Window> {
        let mut runs = Runs::default();
        runs.gather(hir);
        runs.end();
        let mut best: Option<(f64, &[Set])> = None;
        for run in &runs.done {
            for start in 0..run.len() {
                for end in start + 1..=run.len().min(start + POSITIONS_MAX) {
                    let window = &run[start..end];
                    let share: f64 = window.iter().map(|set| Position::of(set).share()).product();
                    if best.is_none_or(|(least, _)| share < least) {
                        best = Some((share, window));
                    }
                    if share < RARE {
                        break;
                    }
                }
            }
        }
        let (share, sets) = best?;
        (share < FREQUENT).then(|| Window {
            positions: sets.iter().map(Position::of).collect(),
            stops_at_non_ascii: sets.iter().any(|set| set.has_non_ascii_chars),
            is_rare: share < RARE,
        })
    }

    /// Whether it stops at hardly any line that does not match.
    pub(crate) fn is_rare(&self) -> bool {
        self.is_rare
    }

    /// The first place at or after which there may be a match: no match lies wholly before it.
    pub(crate) fn find(&self, text: &[u8]) -> Option<usize> {
        match *self.positions.as_slice() {
            [a] => self.find_n([a], text),
            [a, b] => self.find_n([a, b], text),
            [a, b, c] => self.find_n([a, b, c], text),
            [a, b, c, d, ..] => self.find_n([a, b, c, d], text),
            [] => Some(0),
        }
    }

    fn find_n<const N: usize>(&self, positions: [Position; N], text: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(bytes) = text.get(at..at + STEP + POSITIONS_MAX) {
            if any_in_step(positions, self.stops_at_non_ascii, bytes)
                && let Some(found) = self.find_slowly(positions, &bytes[..STEP + N - 1])
            {
                return Some(at + found);
            }
            at += STEP;
        }
        self.find_slowly(positions, &text[at..]).map(|found| at + found)
    }

    fn find_slowly<const N: usize>(&self, positions: [Position; N], text: &[u8]) -> Option<usize> {
        (0..text.len()).find(|start| {
            let is_window = text.get(*start..start + N).is_some_and(|bytes| {
                bytes.iter().zip(&positions).all(|(byte, position)| position.admits(*byte))
            });
            is_window || (self.stops_at_non_ascii && !text[*start].is_ascii())
        })
    }
}

/// Whether the window begins at any of the first [`STEP`] bytes, or any of them is not ASCII where that counts. Written
/// without branches, over arrays of known length.
#[inline]
fn any_in_step<const N: usize>(positions: [Position; N], stops_at_non_ascii: bool, bytes: &[u8]) -> bool {
    let mut found = [0xFF_u8; STEP];
    for (position, idx) in positions.iter().zip(0..) {
        let Some(bytes) = bytes.get(idx..).and_then(|bytes| bytes.first_chunk::<STEP>()) else { return true };
        for (found, byte) in found.iter_mut().zip(bytes) {
            *found &= if position.admits(*byte) { 0xFF } else { 0 };
        }
    }
    let Some(bytes) = bytes.first_chunk::<STEP>() else { return true };
    let foreign = if stops_at_non_ascii { 0x80 } else { 0 };
    found.iter().zip(bytes).fold(0, |all, (found, byte)| all | found | (byte & foreign)) != 0
}

impl Position {
    /// The tighter of the two forms there are.
    fn of(set: &Set) -> Position {
        let form = |mask: u8| {
            let members =
                || (0..=255_u8).filter(|byte| set.bytes[usize::from(*byte)]).map(|byte| byte | mask);
            let low = members().min().unwrap_or(0);
            Position { mask, low, span: members().max().unwrap_or(0) - low }
        };
        let (plain, folded) = (form(0), form(0x20));
        if folded.share() < plain.share() { folded } else { plain }
    }

    #[inline]
    fn admits(self, byte: u8) -> bool {
        (byte | self.mask).wrapping_sub(self.low) <= self.span
    }

    /// How much of a source text such bytes are.
    fn share(self) -> f64 {
        (0..=255).filter(|byte| self.admits(*byte)).map(share_of).sum::<f64>().min(1.0)
    }
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

/// Runs of neighbouring positions that every match has.
#[derive(Default)]
struct Runs {
    done: Vec<Vec<Set>>,
    open: Vec<Set>,
    n_visits: usize,
}

/// Longest run that is kept, and most of them: more would only cost time to choose from.
const RUN_LEN_MAX: usize = 64;
const RUNS_MAX: usize = 64;
/// How many nodes are looked at: copies of copies of copies would be too many.
const VISITS_MAX: usize = 4096;

impl Runs {
    fn gather(&mut self, hir: &Hir) {
        self.n_visits += 1;
        if self.n_visits > VISITS_MAX {
            return self.end();
        }
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => literal.0.iter().for_each(|byte| self.push(Set::of_byte(*byte))),
            HirKind::Class(class) => self.push(Set::of_class(class)),
            HirKind::Capture(capture) => self.gather(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.gather(part)),
            HirKind::Alternation(_) => self.end(),
            HirKind::Repetition(repetition) => {
                let is_exact = repetition.max == Some(repetition.min) && repetition.min <= COPIES_MAX;
                let copies = repetition.min.min(COPIES_MAX);
                let is_class = matches!(repetition.sub.kind(), HirKind::Class(_));
                if !is_class && copies > 1 {
                    // Copies of something longer: the first and the last are enough, and cost no explosion.
                    self.gather(&repetition.sub);
                    self.end();
                    return self.gather(&repetition.sub);
                }
                (0..copies).for_each(|_| self.gather(&repetition.sub));
                if !is_exact {
                    self.end();
                    (0..copies).for_each(|_| self.gather(&repetition.sub));
                }
            }
        }
    }

    fn push(&mut self, set: Set) {
        if self.open.len() >= RUN_LEN_MAX {
            self.end();
        }
        self.open.push(set);
    }

    fn end(&mut self) {
        let run = std::mem::take(&mut self.open);
        if !run.is_empty() && self.done.len() < RUNS_MAX {
            self.done.push(run);
        }
    }
}

impl Set {
    const EMPTY: Set = Set { bytes: [false; 256], has_non_ascii_chars: false };

    fn of_byte(byte: u8) -> Set {
        let mut set = Set::EMPTY;
        set.bytes[usize::from(byte)] = true;
        set
    }

    fn of_class(class: &Class) -> Set {
        let mut set = Set::EMPTY;
        match class {
            Class::Bytes(class) => {
                for range in class.iter() {
                    (range.start()..=range.end()).for_each(|byte| set.bytes[usize::from(byte)] = true);
                }
            }
            Class::Unicode(class) => {
                for range in class.iter() {
                    let ascii = u32::from(range.start())..=u32::from(range.end()).min(0x7F);
                    ascii.for_each(|byte| set.bytes[byte as usize] = true);
                    set.has_non_ascii_chars |= !range.end().is_ascii();
                }
            }
        }
        set
    }
}
