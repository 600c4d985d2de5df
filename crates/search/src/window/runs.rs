//! The runs of neighbouring positions that every match of an expression has.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// How many copies of a repetition are looked at.
const COPIES_MAX: u32 = 8;

/// Runs of neighbouring positions that every match has.
#[derive(Default)]
pub(super) struct Runs {
    done: Vec<Vec<Set>>,
    open: Vec<Set>,
    n_visits: usize,
    /// Whether a word begins or ends where the next position is.
    is_at_boundary: bool,
}

/// Longest run that is kept, and most of them: more would only cost time to choose from.
const RUN_LEN_MAX: usize = 64;
const RUNS_MAX: usize = 64;
/// How many nodes are looked at: copies of copies of copies would be too many.
const VISITS_MAX: usize = 4096;

impl Runs {
    pub(super) fn of(hir: &Hir) -> Vec<Vec<Set>> {
        let mut runs = Runs::default();
        runs.gather(hir);
        runs.end();
        runs.done
    }

    fn gather(&mut self, hir: &Hir) {
        self.n_visits += 1;
        if self.n_visits > VISITS_MAX {
            return self.end();
        }
        match hir.kind() {
            HirKind::Empty => {}
            HirKind::Look(look) => self.is_at_boundary |= matches!(look, Look::WordUnicode | Look::WordAscii),
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
        let is_at_boundary = std::mem::take(&mut self.is_at_boundary);
        self.open.push(Set { is_at_boundary, ..set });
    }

    fn end(&mut self) {
        self.is_at_boundary = false;
        let run = std::mem::take(&mut self.open);
        if !run.is_empty() && self.done.len() < RUNS_MAX {
            self.done.push(run);
        }
    }
}

/// What may stand at one place of a match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Set {
    bytes: [bool; 256],
    /// The byte, where it is a literal one.
    pub(super) only: Option<u8>,
    pub(super) has_non_ascii_chars: bool,
    /// Whether a word begins or ends before it.
    is_at_boundary: bool,
}

impl Set {
    fn has(&self, byte: u8) -> bool {
        self.bytes[usize::from(byte)]
    }

    /// Whether the byte at `at` may stand there in a match. What is a word outside ASCII is not decided.
    pub(super) fn fits(&self, text: &[u8], at: usize) -> bool {
        self.has(text[at]) && (!self.is_at_boundary || may_be_boundary(text, at))
    }

    /// The bytes of the set, ascending.
    pub(super) fn bytes(&self) -> impl Iterator<Item = u8> + Clone {
        (0..=255_u8).filter(|byte| self.has(*byte))
    }

    const EMPTY: Set =
        Set { bytes: [false; 256], only: None, has_non_ascii_chars: false, is_at_boundary: false };

    fn of_byte(byte: u8) -> Set {
        let mut set = Set { only: Some(byte), ..Set::EMPTY };
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

/// Whether a word may begin or end before `at`.
fn may_be_boundary(text: &[u8], at: usize) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let before = at.checked_sub(1).map_or(b'\n', |before| text[before]);
    !before.is_ascii() || !text[at].is_ascii() || is_word(before) != is_word(text[at])
}
