//! Places in a found file, in the units that clients count in.
//!
//! Engine results say lines and bytes within them. Clients want offsets in the file, columns in code points, and whole
//! lines around: that takes the text.

use model::{ByteRange, LineIndex};
use search::LineMatch;

/// The text of a found file, and where its lines begin.
#[derive(Clone, Debug)]
pub struct Text {
    text: String,
    lines: LineIndex,
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// Bytes from the beginning of the file.
    pub offset: usize,
    /// Lines before it.
    pub line: usize,
    /// Code points before it in its line.
    pub column: usize,
}

/// A stretch of a file, half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where it begins.
    pub start: Location,
    /// Where it ends; the end is not part of it.
    pub end: Location,
}

/// Neighbouring whole lines with the matches in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The first line, counted from 0, and the line after the last.
    pub lines: std::ops::Range<usize>,
    /// The matches, byte ranges in the file, ascending.
    pub hits: Vec<ByteRange>,
}

impl Text {
    /// Takes a file's text.
    pub fn new(text: String) -> Self {
        let lines = LineIndex::new(text.as_bytes());
        Text { text, lines }
    }

    /// The text of a file of which only found lines are known: they stand where they belong, everything else is empty
    /// lines. Offsets into it are offsets of the file only where nothing was left out.
    pub fn of_lines(found: &[LineMatch]) -> Self {
        let mut text = String::new();
        let mut next = 1;
        for line in found {
            // A hostile line number must not make a text of it.
            let number = line.number.min(next + 10_000_000);
            (next..number).for_each(|_| text.push('\n'));
            text.push_str(&line.text);
            text.push('\n');
            next = number + 1;
        }
        Text::new(text)
    }

    /// All of it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How many lines there are.
    pub fn n_lines(&self) -> usize {
        self.lines.n_lines()
    }

    /// The bytes of a line, counted from 0, its `\n` included; empty at the end where there is no such line.
    pub fn line(&self, line: usize) -> ByteRange {
        self.lines.range(line + 1).unwrap_or(self.text.len()..self.text.len())
    }

    /// The bytes of whole lines, without the last `\n`.
    pub fn without_last_newline(&self, lines: &std::ops::Range<usize>) -> ByteRange {
        let whole = self.with_last_newline(lines);
        let end = if self.text[whole.clone()].ends_with('\n') { whole.end - 1 } else { whole.end };
        whole.start..end
    }

    /// The bytes of whole lines.
    pub fn with_last_newline(&self, lines: &std::ops::Range<usize>) -> ByteRange {
        let start = self.line(lines.start).start;
        let end = if lines.is_empty() { start } else { self.line(lines.end - 1).end };
        start..end.max(start)
    }

    /// Where a byte is. An offset inside a character is told as the character's.
    pub fn location(&self, offset: usize) -> Location {
        let offset = floor(&self.text, offset);
        let line = self.lines.line_of(offset).saturating_sub(1);
        let start = self.line(line).start;
        Location { offset, line, column: self.text[start..offset].chars().count() }
    }

    /// A stretch of bytes as places.
    pub fn span(&self, range: &ByteRange) -> Span {
        Span { start: self.location(range.start), end: self.location(range.end) }
    }

    /// The matches that lines show, as byte ranges in the file; one that covers several lines is one again.
    pub fn hits(&self, lines: &[LineMatch]) -> Vec<ByteRange> {
        let mut hits: Vec<ByteRange> = Vec::new();
        let mut open_at = None;
        for line in lines {
            let goes_on = open_at == Some(line.number);
            open_at = line.goes_on.then_some(line.number + 1);
            let Some(start) = self.place(line) else { continue };
            if goes_on && let Some(open) = hits.last_mut() {
                let end = line.ranges.first().filter(|range| range.start == 0).map_or(0, |range| range.end);
                open.end = start + end;
            }
            let is_new = |range: &&ByteRange| !(goes_on && range.start == 0);
            hits.extend(
                line.ranges.iter().filter(is_new).map(|range| start + range.start..start + range.end),
            );
            if line.goes_on && !line.is_cut {
                let (end, newline) = (start + line.text.len(), self.line(line_idx(line)).end);
                match hits.last_mut().filter(|hit| hit.end == end) {
                    Some(hit) => hit.end = newline,
                    // It begins with the newline itself.
                    None => hits.push(end..newline),
                }
            }
        }
        hits
    }

    /// Groups matches into runs of whole lines, with so many lines around each; runs that touch are one.
    pub fn chunks(&self, hits: &[ByteRange], context_lines: usize) -> Vec<Chunk> {
        let mut chunks: Vec<Chunk> = Vec::new();
        for hit in hits {
            let first = self.location(hit.start).line;
            // A match that ends with a newline does not touch the line after it.
            let last = self.location(hit.end.saturating_sub(1).max(hit.start)).line;
            let start = first.saturating_sub(context_lines);
            let end = (last + 1).saturating_add(context_lines).min(self.n_lines());
            match chunks.last_mut() {
                Some(chunk) if start <= chunk.lines.end => {
                    chunk.lines.end = chunk.lines.end.max(end);
                    chunk.hits.push(hit.clone());
                }
                _ => chunks.push(Chunk { lines: start..end, hits: vec![hit.clone()] }),
            }
        }
        chunks
    }

    /// Where the shown text of a line begins in the file.
    fn place(&self, line: &LineMatch) -> Option<usize> {
        let whole = self.lines.range(line_idx(line) + 1)?;
        let text = &self.text[whole.clone()];
        if !line.is_cut {
            return text.starts_with(&line.text).then_some(whole.start);
        }
        memchr::memmem::find(text.as_bytes(), line.text.as_bytes()).map(|at| whole.start + at)
    }
}

fn line_idx(line: &LineMatch) -> usize {
    usize::try_from(line.number).unwrap_or(usize::MAX).saturating_sub(1)
}

/// The beginning of the character that holds this byte.
pub(crate) fn floor(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|offset| text.is_char_boundary(*offset)).unwrap_or(0)
}

/// A byte range in a text, in code points: where it begins and how many it covers.
pub(crate) fn code_points(text: &str, range: &ByteRange) -> (usize, usize) {
    let (start, end) = (floor(text, range.start), floor(text, range.end.max(range.start)));
    (text[..start].chars().count(), text[start..end].chars().count())
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "lists of ranges are compared, often of one")]
mod tests {
    use super::*;

    fn line(number: u64, text: &str, ranges: &[(usize, usize)], goes_on: bool) -> LineMatch {
        let ranges = ranges.iter().map(|(start, end)| *start..*end).collect();
        LineMatch { number, text: text.to_owned(), ranges, is_cut: false, goes_on }
    }

    #[test]
    fn matches_over_lines_are_one_again() {
        let text = Text::new("a{\n\né}b é\nlast".to_owned());
        let lines = [
            line(1, "a{", &[(1, 2)], true),
            line(2, "", &[], true),
            line(3, "é}b é", &[(0, 3), (5, 7)], false),
            line(4, "last", &[(0, 4)], false),
        ];
        assert_eq!(text.hits(&lines), [1..7, 9..11, 12..16]);
        let end = Location { offset: 7, line: 2, column: 2 };
        assert_eq!(text.span(&(1..7)).end, end);
    }

    #[test]
    fn a_match_may_begin_with_a_newline() {
        let text = Text::new("ab\ncd\n".to_owned());
        let lines = [line(1, "ab", &[(0, 1)], true), line(2, "cd", &[(0, 1)], false)];
        assert_eq!(text.hits(&lines), [0..1, 2..4]);
    }

    #[test]
    fn matches_that_touch_stay_apart() {
        let text = Text::new("ab\ncd\n".to_owned());
        let lines = [line(1, "ab", &[(1, 2)], false), line(2, "cd", &[(0, 1)], false)];
        assert_eq!(text.hits(&lines), [1..2, 3..4]);
    }

    #[test]
    fn pieces_of_long_lines_are_found_again() {
        let text = Text::new(format!("{}needle{}\nx", "a".repeat(50), "b".repeat(50)));
        let cut = LineMatch { is_cut: true, ..line(1, "aaneedlebb", &[(2, 8)], false) };
        assert_eq!(text.hits(&[cut]), [50..56]);
    }

    #[test]
    fn chunks_hold_whole_lines_and_join_where_they_touch() {
        let text = Text::new("0\n1\n2\n3\n4\n5\n".to_owned());
        let chunk = |lines, hits: &[ByteRange]| Chunk { lines, hits: hits.to_vec() };
        assert_eq!(text.chunks(&[0..1, 4..5], 0), [chunk(0..1, &[0..1]), chunk(2..3, &[4..5])]);
        assert_eq!(text.chunks(&[0..1, 4..5], 1), [chunk(0..4, &[0..1, 4..5])]);
        assert_eq!(text.chunks(&[2..4], 0), [chunk(1..2, &[2..4])]);
        assert_eq!(text.without_last_newline(&(1..3)), 2..5);
        assert_eq!(text.chunks(&[10..11], 9), [chunk(0..6, &[10..11])]);
    }

    #[test]
    fn lines_that_are_not_of_this_text_are_left_out() {
        let text = Text::new("ab\n".to_owned());
        assert!(text.hits(&[line(1, "xy", &[(0, 1)], false), line(9, "ab", &[(0, 1)], false)]).is_empty());
        assert_eq!(Text::new(String::new()).location(7), Location { offset: 0, line: 0, column: 0 });
    }

    #[test]
    fn found_lines_make_a_text_of_their_own() {
        let text = Text::of_lines(&[line(2, "ab", &[(0, 1)], false), line(4, "cd", &[], false)]);
        assert_eq!(text.as_str(), "\nab\n\ncd\n");
        Text::of_lines(&[line(u64::MAX, "x", &[], false)]);
    }
}
