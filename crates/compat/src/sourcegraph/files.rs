//! Content matches: as lines, and as chunks of whole lines.

use crate::text::{code_points, floor};
use crate::{Chunk, Location, Span, Text};
use search::ContentMatch;
use serde::Serialize;

/// How much text of one file is sent, in bytes: a client refuses events above 10 MB.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// How much of one line is sent where the client says nothing.
const LINE_BYTES_MAX: usize = 64 << 10;

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct LocationShape {
    offset: usize,
    line: usize,
    column: usize,
}

/// A stretch of a file or a path, the end not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct RangeShape {
    start: LocationShape,
    end: LocationShape,
}

/// What was found in a file.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FileText {
    /// Line by line.
    LineMatches(Vec<LineShape>),
    /// In chunks of whole lines.
    ChunkMatches(Vec<ChunkShape>),
}

/// A line with matches in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LineShape {
    /// The line without its end.
    pub line: String,
    /// Counted from 0.
    pub line_number: usize,
    /// Where each match begins and how long it is, in code points.
    pub offset_and_lengths: Vec<[usize; 2]>,
}

/// Whole lines with matches in them.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChunkShape {
    content: String,
    content_start: LocationShape,
    ranges: Vec<RangeShape>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    content_truncated: bool,
}

impl LocationShape {
    fn of(location: Location) -> Self {
        LocationShape { offset: location.offset, line: location.line, column: location.column }
    }
}

impl RangeShape {
    fn of(span: Span) -> Self {
        RangeShape { start: LocationShape::of(span.start), end: LocationShape::of(span.end) }
    }

    /// A range of bytes in a text of one line.
    pub(super) fn in_line(text: &str, range: &model::ByteRange) -> Self {
        let (column, len) = code_points(text, range);
        let at = |offset, column| LocationShape { offset, line: 0, column };
        RangeShape {
            start: at(floor(text, range.start), column),
            end: at(floor(text, range.end), column + len),
        }
    }
}

impl FileText {
    /// What was found in a file of this text, chunk by chunk.
    pub fn chunks(
        found: &ContentMatch,
        text: &Text,
        context_lines: usize,
        line_bytes_max: Option<usize>,
    ) -> Self {
        let line_bytes_max = line_bytes_max.unwrap_or(LINE_BYTES_MAX).min(TEXT_BYTES_MAX);
        let mut bytes_left = TEXT_BYTES_MAX;
        let chunks = text.chunks(&text.hits(&found.lines), context_lines);
        let shapes = chunks.iter().map(|chunk| ChunkShape::of(chunk, text, line_bytes_max, &mut bytes_left));
        FileText::ChunkMatches(shapes.collect())
    }

    /// What was found, line by line.
    pub fn lines(found: &ContentMatch) -> Self {
        FileText::LineMatches(line_matches(found))
    }

    /// How many matches are sent.
    pub fn n_matches(&self) -> usize {
        match self {
            FileText::LineMatches(lines) => {
                lines.iter().map(|line| line.offset_and_lengths.len().max(1)).sum()
            }
            FileText::ChunkMatches(chunks) => chunks.iter().map(|chunk| chunk.ranges.len()).sum(),
        }
    }

    /// Keeps this many matches.
    pub fn truncate(&mut self, n_matches_max: usize) {
        let mut left = n_matches_max;
        match self {
            FileText::LineMatches(lines) => {
                lines.retain_mut(|line| {
                    let keeps = left > 0;
                    line.offset_and_lengths.truncate(left);
                    left = left.saturating_sub(line.offset_and_lengths.len().max(1));
                    keeps
                });
            }
            FileText::ChunkMatches(chunks) => {
                chunks.retain_mut(|chunk| {
                    chunk.ranges.truncate(left);
                    left -= chunk.ranges.len();
                    !chunk.ranges.is_empty()
                });
            }
        }
    }
}

/// What was found in a file, line by line; a match over several lines is one in each. A line that is shown in part is
/// sent in part, and places are counted in what is sent.
pub fn line_matches(found: &ContentMatch) -> Vec<LineShape> {
    let shape = |line: &search::LineMatch| LineShape {
        line: line.text.clone(),
        line_number: usize::try_from(line.number).unwrap_or(usize::MAX).saturating_sub(1),
        offset_and_lengths: line
            .ranges
            .iter()
            .map(|range| {
                let (offset, len) = code_points(&line.text, range);
                [offset, len]
            })
            .collect(),
    };
    found.lines.iter().map(shape).collect()
}

impl ChunkShape {
    fn of(chunk: &Chunk, text: &Text, line_bytes_max: usize, bytes_left: &mut usize) -> Self {
        let whole = text.without_last_newline(&chunk.lines);
        let (content, content_truncated) =
            shortened(&text.as_str()[whole.clone()], line_bytes_max, *bytes_left);
        *bytes_left -= content.len();
        ChunkShape {
            content,
            content_start: LocationShape::of(text.location(whole.start)),
            ranges: chunk.hits.iter().map(|hit| RangeShape::of(text.span(hit))).collect(),
            content_truncated,
        }
    }
}

/// Cuts lines, and the whole, at a length in bytes.
fn shortened(content: &str, line_bytes_max: usize, bytes_max: usize) -> (String, bool) {
    let mut out = String::new();
    let mut is_cut = false;
    for line in content.split_inclusive('\n') {
        let (body, newline) = match line.strip_suffix('\n') {
            Some(body) => (body, "\n"),
            None => (line, ""),
        };
        let end = floor(body, line_bytes_max);
        is_cut |= end < body.len();
        if out.len() + end + newline.len() > bytes_max {
            return (out, true);
        }
        out.push_str(&body[..end]);
        out.push_str(newline);
    }
    (out, is_cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_and_it_is_said() {
        assert_eq!(shortened("abc\ndé\n", 2, 100), ("ab\nd\n".into(), true));
        assert_eq!(shortened("abc\ndé", 3, 100), ("abc\ndé".into(), false));
        assert_eq!(shortened("abc\ndef\n", 9, 5), ("abc\n".into(), true));
    }
}
