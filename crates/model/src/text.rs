//! Positions in text.

use std::ops::Range;

/// A half-open range of byte offsets.
pub type ByteRange = Range<usize>;

/// The starts of a text's lines, so that an offset can be told as a line. Lines are counted from 1, as people and
/// compilers do; a line ends after its `\n`, and a text that does not end in `\n` has a last line without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineIndex {
    starts: Vec<usize>,
    len: usize,
}

impl LineIndex {
    /// Finds the lines of a text. An empty text has no line.
    pub fn new(text: &[u8]) -> Self {
        let mut starts = Vec::new();
        if !text.is_empty() {
            starts.push(0);
        }
        let after_newline =
            text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(idx, _)| idx + 1);
        starts.extend(after_newline.filter(|start| *start < text.len()));
        LineIndex { starts, len: text.len() }
    }

    /// How many lines there are.
    pub fn n_lines(&self) -> usize {
        self.starts.len()
    }

    /// The 1-based number of the line that holds the byte at `offset`; the last line for an offset at or past the end.
    /// 0 only where there is no line at all.
    pub fn line_of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// The bytes of a line, its `\n` included; `None` where there is no such line.
    pub fn range(&self, line: usize) -> Option<ByteRange> {
        let start = *self.starts.get(line.checked_sub(1)?)?;
        let end = self.starts.get(line).copied().unwrap_or(self.len);
        Some(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_text() {
        let index = LineIndex::new(b"ab\n\ncd");
        assert_eq!(index.n_lines(), 3);
        assert_eq!(
            (1..=4).map(|line| index.range(line)).collect::<Vec<_>>(),
            [Some(0..3), Some(3..4), Some(4..6), None]
        );
        assert_eq!([0, 2, 3, 4, 99].map(|offset| index.line_of(offset)), [1, 1, 2, 3, 3]);
        assert_eq!(index.range(0), None);
    }

    #[test]
    fn ends_of_texts() {
        assert_eq!(LineIndex::new(b"").n_lines(), 0);
        assert_eq!(LineIndex::new(b"a\n").n_lines(), 1);
        assert_eq!(LineIndex::new(b"\n\n").n_lines(), 2);
    }
}
