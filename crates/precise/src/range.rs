//! Positions in a document, and the units that columns are counted in.

/// A stretch of text: lines and columns from 0, the end exclusive. What a column counts is said beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The line it begins in.
    pub start_line: u32,
    /// The column it begins at.
    pub start_column: u32,
    /// The line it ends in.
    pub end_line: u32,
    /// The column behind its end.
    pub end_column: u32,
}

/// What a column counts (`PositionEncoding` of SCIP).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// Bytes of UTF-8.
    Utf8,
    /// Code units of UTF-16.
    Utf16,
    /// Code points.
    Utf32,
}

impl Span {
    /// From the three or four numbers of SCIP; `None` where they are no range.
    pub(crate) fn from_scip(numbers: &[i32]) -> Option<Span> {
        let at = |idx: usize| u32::try_from(*numbers.get(idx)?).ok();
        let span = match numbers.len() {
            3 => Span { start_line: at(0)?, start_column: at(1)?, end_line: at(0)?, end_column: at(2)? },
            4 => Span { start_line: at(0)?, start_column: at(1)?, end_line: at(2)?, end_column: at(3)? },
            _ => return None,
        };
        (span.start() <= span.end()).then_some(span)
    }

    /// Line and column of the beginning.
    pub fn start(&self) -> (u32, u32) {
        (self.start_line, self.start_column)
    }

    /// Line and column behind the end.
    pub fn end(&self) -> (u32, u32) {
        (self.end_line, self.end_column)
    }

    /// Whether a position is in it. The position behind its last character counts as in it: a cursor stands there.
    pub fn touches(&self, line: u32, column: u32) -> bool {
        self.start() <= (line, column) && (line, column) <= self.end()
    }
}

impl Columns {
    pub(crate) fn number(self) -> u8 {
        match self {
            Columns::Utf8 => 1,
            Columns::Utf16 => 2,
            Columns::Utf32 => 3,
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Columns> {
        match number {
            1 => Some(Columns::Utf8),
            2 => Some(Columns::Utf16),
            3 => Some(Columns::Utf32),
            _ => None,
        }
    }

    /// What an indexer that does not say it counts in: those written in Go, Rust or C++ count bytes, those on the JVM,
    /// .NET and JavaScript count UTF-16.
    pub(crate) fn of_indexer(name: &str) -> Columns {
        const BYTES: [&str; 5] = ["scip-go", "lsif-go", "rust-analyzer", "scip-clang", "scip-ruby"];
        if BYTES.iter().any(|known| name.contains(known)) { Columns::Utf8 } else { Columns::Utf16 }
    }

    /// The byte of a line at which a column is; `None` where the line is shorter, or the column is inside of a character.
    pub fn to_bytes(self, line: &str, column: u32) -> Option<u32> {
        if self == Columns::Utf8 {
            return line.is_char_boundary(column as usize).then_some(column);
        }
        let mut units = 0;
        for (at, character) in line.char_indices() {
            if units >= column {
                return (units == column).then_some(at as u32);
            }
            units += self.width(character);
        }
        (units == column).then_some(line.len() as u32)
    }

    /// The column of a byte of a line; `None` where the line is shorter, or the byte is inside of a character.
    pub fn from_bytes(self, line: &str, byte: u32) -> Option<u32> {
        let before = line.get(..byte as usize)?;
        Some(before.chars().map(|character| self.width(character)).sum())
    }

    fn width(self, character: char) -> u32 {
        match self {
            Columns::Utf8 => character.len_utf8() as u32,
            Columns::Utf16 => character.len_utf16() as u32,
            Columns::Utf32 => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_in_their_units() {
        let line = "aé𝄞b";
        for (columns, expected) in [
            (Columns::Utf8, [0, 1, 3, 7, 8]),
            (Columns::Utf16, [0, 1, 2, 4, 5]),
            (Columns::Utf32, [0, 1, 2, 3, 4]),
        ] {
            for (byte, column) in [0, 1, 3, 7, 8].into_iter().zip(expected) {
                assert_eq!(columns.from_bytes(line, byte), Some(column), "{columns:?} {byte}");
                assert_eq!(columns.to_bytes(line, column), Some(byte), "{columns:?} {column}");
            }
            assert_eq!(columns.from_bytes(line, 2), None);
            assert_eq!(columns.to_bytes(line, 9), None);
        }
        assert_eq!(Columns::Utf16.to_bytes(line, 3), None, "half of a pair");
    }

    #[test]
    fn what_is_no_range() {
        assert!(Span::from_scip(&[1, 2, 5]).is_some() && Span::from_scip(&[1, 2, 3, 0]).is_some());
        for numbers in [&[1, 2][..], &[1, 5, 2], &[2, 0, 1, 9], &[-1, 0, 1], &[1, 2, 3, 4, 5], &[]] {
            assert_eq!(Span::from_scip(numbers), None, "{numbers:?}");
        }
    }
}
