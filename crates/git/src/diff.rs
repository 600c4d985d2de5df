//! The lines in which two versions of a file differ.
//!
//! Computed as `git diff --histogram` does, with its way of sliding hunks to where people expect them. A hunk here is one
//! run of removed and added lines, as under `-U0`; whoever shows it adds the lines around it.

use crate::{ChangedFile, EntryKind, ObjectError, Reader};
use gix::diff::blob::{Algorithm, InternedInput, diff_with_slider_heuristics};
use model::ObjectId;
use std::ops::Range;

/// Lines that are the same at both ends are not compared, but for so many: hunks are slid within them.
const NEAR_LINES: usize = 32;
/// A heading is cut to this, as git cuts it.
const HEADING_BYTES_MAX: usize = 80;

/// Makes text of a file's bytes: UTF-8 whatever they were. `None` for what is not text.
pub type ToText<'a> = dyn Fn(&[u8]) -> Option<Vec<u8>> + 'a;

/// What is to be said of a file's lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileDiff {
    /// The lines that differ.
    Text(TextDiff),
    /// A side of it is not text.
    Binary,
    /// A side of it is larger than the limit.
    TooLarge,
    /// A side of it cannot be had.
    Unreadable,
}

/// Two texts and where they differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextDiff {
    /// The text before.
    pub old: SideText,
    /// The text after.
    pub new: SideText,
    /// Where they differ, ascending.
    pub hunks: Vec<LineHunk>,
}

/// A text cut into lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SideText {
    text: Vec<u8>,
    /// Where each line ends, its newline included.
    ends: Vec<usize>,
}

/// A run of differing lines, counted from 0. Either side may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineHunk {
    /// The removed lines.
    pub old: Range<usize>,
    /// The added lines.
    pub new: Range<usize>,
}

impl Reader {
    /// Compares the two sides of a changed file. A submodule's text is the line that git shows for it.
    pub fn diff(&self, file: &ChangedFile, side_bytes_max: u64, to_text: &ToText<'_>) -> FileDiff {
        let same_content = matches!((file.old, file.new), (Some((_, a)), Some((_, b))) if a == b);
        if same_content {
            return FileDiff::Text(TextDiff::default());
        }
        match (self.side(file.old, side_bytes_max, to_text), self.side(file.new, side_bytes_max, to_text)) {
            (Ok(Some(old)), Ok(Some(new))) => FileDiff::Text(TextDiff::new(old, new)),
            (Err(ObjectError::TooLarge { .. }), _) | (_, Err(ObjectError::TooLarge { .. })) => {
                FileDiff::TooLarge
            }
            (Err(_), _) | (_, Err(_)) => FileDiff::Unreadable,
            _ => FileDiff::Binary,
        }
    }

    fn side(
        &self,
        side: Option<(EntryKind, ObjectId)>,
        size_bytes_max: u64,
        to_text: &ToText<'_>,
    ) -> Result<Option<Vec<u8>>, ObjectError> {
        match side {
            None => Ok(Some(Vec::new())),
            Some((EntryKind::Submodule, id)) => Ok(Some(format!("Subproject commit {id}\n").into_bytes())),
            Some((_, id)) => {
                let mut bytes = Vec::new();
                self.read_blob(id, size_bytes_max, &mut bytes)?;
                Ok(to_text(&bytes))
            }
        }
    }
}

impl TextDiff {
    /// Compares two texts.
    pub fn new(old: Vec<u8>, new: Vec<u8>) -> Self {
        let (old, new) = (SideText::new(old), SideText::new(new));
        let hunks = Self::hunks(&old.text, &new.text, old.len(), new.len());
        TextDiff { old, new, hunks }
    }

    /// The same texts, with lines that differ in spaces only taken for the same (`git diff --ignore-all-space`).
    pub fn without_spaces(self) -> Self {
        let plain = |side: &SideText| -> Vec<u8> {
            let is_kept = |byte: &u8| *byte == b'\n' || !byte.is_ascii_whitespace();
            let mut plain: Vec<u8> = side.text.iter().copied().filter(is_kept).collect();
            // Whether the last line ends is space, too.
            if plain.last().is_some_and(|byte| *byte != b'\n') || (plain.is_empty() && !side.is_empty()) {
                plain.push(b'\n');
            }
            plain
        };
        let hunks = Self::hunks(&plain(&self.old), &plain(&self.new), self.old.len(), self.new.len());
        TextDiff { hunks, ..self }
    }

    /// Where two texts differ that have most of their lines in common: what is the same at both ends is passed over, which is most of the
    /// work where two versions follow each other.
    pub(crate) fn near_hunks(old: &SideText, new: &SideText) -> Vec<LineHunk> {
        let (before, after) = same_ends(old, new);
        let (old_lines, new_lines) = (before..old.len() - after, before..new.len() - after);
        let mut hunks = Self::hunks(
            old.range(old_lines.clone()),
            new.range(new_lines.clone()),
            old_lines.len(),
            new_lines.len(),
        );
        for hunk in &mut hunks {
            hunk.old = hunk.old.start + before..hunk.old.end + before;
            hunk.new = hunk.new.start + before..hunk.new.end + before;
        }
        hunks
    }

    fn hunks(old: &[u8], new: &[u8], n_old: usize, n_new: usize) -> Vec<LineHunk> {
        let mut hunks = Vec::new();
        if old.is_empty() || new.is_empty() {
            if !(old.is_empty() && new.is_empty()) {
                hunks.push(LineHunk { old: 0..n_old, new: 0..n_new });
            }
        } else {
            let input = InternedInput::new(old, new);
            let diff = diff_with_slider_heuristics(Algorithm::Histogram, &input);
            let range = |range: Range<u32>| range.start as usize..range.end as usize;
            hunks.extend(
                diff.hunks().map(|hunk| LineHunk { old: range(hunk.before), new: range(hunk.after) }),
            );
        }
        hunks
    }

    /// For each hunk the last line before it (in the text before) that looks like the beginning of something, as git writes
    /// it behind `@@`.
    pub fn headings(&self) -> Vec<Option<&[u8]>> {
        let mut last = None;
        let mut next = 0;
        let mut headings = Vec::with_capacity(self.hunks.len());
        for hunk in &self.hunks {
            for line in next..hunk.old.start {
                let begins = self.old.line(line).first();
                if begins.is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$')) {
                    last = Some(line);
                }
            }
            next = next.max(hunk.old.start);
            headings.push(last.map(|line| {
                let line = self.old.line(line);
                cut(line, HEADING_BYTES_MAX).trim_ascii_end()
            }));
        }
        headings
    }

    /// How many bytes the changed lines have.
    pub fn changed_bytes(&self) -> usize {
        let of = |side: &SideText, lines: &Range<usize>| side.range(lines.clone()).len();
        self.hunks.iter().map(|hunk| of(&self.old, &hunk.old) + of(&self.new, &hunk.new)).sum()
    }
}

/// How many lines at the beginning and at the end are the same and need not be compared.
fn same_ends(old: &SideText, new: &SideText) -> (usize, usize) {
    let n_bytes = n_same_bytes(&old.text, &new.text);
    let before =
        old.ends.partition_point(|end| *end <= n_bytes).min(new.ends.partition_point(|end| *end <= n_bytes));
    let before = before.saturating_sub(NEAR_LINES);
    let n_bytes = n_same_bytes_back(&old.text, &new.text);
    let n_lines = |side: &SideText| {
        let from = side.text.len() - n_bytes;
        side.len() - side.ends.partition_point(|end| *end < from).min(side.len())
    };
    let room = old.len().min(new.len()) - before;
    // The first of them may begin before what is the same.
    let after = n_lines(old).min(n_lines(new)).saturating_sub(1 + NEAR_LINES).min(room);
    (before, after)
}

/// Bytes that are compared in one go.
const STRIDE: usize = 64;

/// How many bytes at the beginning are the same.
fn n_same_bytes(a: &[u8], b: &[u8]) -> usize {
    let strides = std::iter::zip(a.chunks_exact(STRIDE), b.chunks_exact(STRIDE));
    let n = strides.take_while(|(a, b)| a == b).count() * STRIDE;
    n + std::iter::zip(&a[n..], &b[n..]).take_while(|(a, b)| a == b).count()
}

/// How many bytes at the end are.
fn n_same_bytes_back(a: &[u8], b: &[u8]) -> usize {
    let strides = std::iter::zip(a.rchunks_exact(STRIDE), b.rchunks_exact(STRIDE));
    let n = strides.take_while(|(a, b)| a == b).count() * STRIDE;
    let (a, b) = (&a[..a.len() - n], &b[..b.len() - n]);
    n + std::iter::zip(a.iter().rev(), b.iter().rev()).take_while(|(a, b)| a == b).count()
}

/// The beginning of a text, cut at the beginning of a character.
fn cut(text: &[u8], n_bytes_max: usize) -> &[u8] {
    let mut end = text.len().min(n_bytes_max);
    while end < text.len() && end > 0 && text[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    &text[..end]
}

impl SideText {
    pub(crate) fn new(text: Vec<u8>) -> Self {
        let mut ends: Vec<usize> = memchr::memchr_iter(b'\n', &text).map(|at| at + 1).collect();
        if ends.last().copied().unwrap_or(0) < text.len() {
            ends.push(text.len());
        }
        SideText { text, ends }
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.text.len() + self.ends.len() * size_of::<usize>()
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A line, without its newline; empty where there is none of this number.
    pub fn line(&self, line: usize) -> &[u8] {
        let text = self.range(line..line + 1);
        text.strip_suffix(b"\n").unwrap_or(text)
    }

    /// Lines in one piece, with their newlines; the last line of a text may have none.
    pub fn range(&self, lines: Range<usize>) -> &[u8] {
        let end_of = |n_lines: usize| match n_lines.checked_sub(1) {
            Some(line) => self.ends.get(line).copied().unwrap_or(self.text.len()),
            None => 0,
        };
        self.text.get(end_of(lines.start)..end_of(lines.end)).unwrap_or_default()
    }

    /// Whether the last line ends in a newline.
    pub fn ends_in_newline(&self) -> bool {
        self.text.last().is_none_or(|byte| *byte == b'\n')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: &str, new: &str, expected: &[(Range<usize>, Range<usize>)]) {
        let diff = TextDiff::new(old.into(), new.into());
        let hunks: Vec<_> = diff.hunks.iter().map(|hunk| (hunk.old.clone(), hunk.new.clone())).collect();
        assert_eq!(hunks, expected, "{old:?} {new:?}");
    }

    #[test]
    fn hunks_are_runs_of_changed_lines() {
        check("", "", &[]);
        check("", "a\nb", &[(0..0, 0..2)]);
        check("a\n", "", &[(0..1, 0..0)]);
        check("a\nb\nc\nd\n", "a\nB\nc\nd\ne\n", &[(1..2, 1..2), (4..4, 4..5)]);
        check("a", "a\n", &[(0..1, 0..1)]);
    }

    #[test]
    fn spaces_can_be_ignored() {
        let hunks = |old: &str, new: &str| TextDiff::new(old.into(), new.into()).without_spaces().hunks;
        assert_eq!(hunks("a b\n\tc\n", "ab \n  c"), []);
        assert_eq!(hunks(" ", "  "), []);
        assert_eq!(hunks("a\nb\n", "  a\nx\n"), [LineHunk { old: 1..2, new: 1..2 }]);
        assert_eq!(hunks("", "  \n"), [LineHunk { old: 0..0, new: 0..1 }]);
    }

    #[test]
    fn headings_are_the_last_line_that_begins_something() {
        let diff = TextDiff::new(
            b"fn a() {\n  1\n}\nfn b() {\n  2\n}\n".to_vec(),
            b"fn a() {\n  x\n}\nfn b() {\n  y\n}\n".to_vec(),
        );
        assert_eq!(diff.headings(), [Some(&b"fn a() {"[..]), Some(b"fn b() {")]);
    }
}
