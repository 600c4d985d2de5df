//! From matches in a text to lines: counting as ripgrep counts, and cutting out what is shown.

use crate::LineMatch;
use model::ByteRange;

/// A match in a text: a half-open range of bytes.
pub(crate) type Hit = (usize, usize);

/// How many lines and occurrences matches make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// As `rg -c` counts.
    pub(crate) n_lines: u64,
    /// As `rg --count-matches` counts.
    pub(crate) n_matches: u64,
}

/// What is shown of matching lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// How many lines.
    pub(crate) n_lines_max: usize,
    /// How many bytes of each.
    pub(crate) line_bytes: usize,
}

/// Drops a match after the last line: where a text ends in a newline, or is empty, no line begins at its end.
pub(crate) fn is_in_a_line(text: &[u8], start: usize) -> bool {
    start < text.len() || text.last().is_some_and(|byte| *byte != b'\n')
}

/// Merges the matches of several terms: sorted, and joined where they overlap (not where they only touch).
pub(crate) fn merge(hits: &mut Vec<Hit>) {
    hits.sort_unstable();
    hits.dedup_by(|next, kept| {
        let overlaps = next.0 < kept.1;
        if overlaps {
            kept.1 = kept.1.max(next.1);
        }
        overlaps || next == kept
    });
}

/// Counts matches, ascending and not overlapping, and the lines they touch. A match that ends with a newline does not
/// touch the line after it.
pub(crate) fn count(text: &[u8], hits: &[Hit]) -> Counts {
    let mut n_lines = 0;
    let mut line_end = 0;
    for (start, end) in hits {
        if *start >= line_end {
            n_lines += 1;
            line_end = end_of_line(text, *start);
        }
        while *end > line_end {
            n_lines += 1;
            line_end = end_of_line(text, line_end);
        }
    }
    Counts { n_lines, n_matches: hits.len() as u64 }
}

/// The offset after the newline that ends the line around `offset`; for a last line without one, past everything, so
/// that a match at the very end belongs to it.
fn end_of_line(text: &[u8], offset: usize) -> usize {
    memchr::memchr(b'\n', &text[offset..]).map_or(usize::MAX, |idx| offset + idx + 1)
}

/// Cuts out the first matching lines. `number_at` tells the number of the line that begins at an offset; it is asked
/// with ascending offsets.
pub(crate) fn collect(
    text: &[u8],
    hits: &[Hit],
    cut: Cut,
    mut number_at: impl FnMut(usize) -> u64,
) -> Vec<LineMatch> {
    let mut lines = Vec::new();
    let mut hit_idx = 0;
    let mut next_line = 0;
    while hit_idx < hits.len() && lines.len() < cut.n_lines_max {
        let offset = hits[hit_idx].0.max(next_line);
        let line_start = memchr::memrchr(b'\n', &text[..offset]).map_or(0, |idx| idx + 1);
        let line_end = end_of_line(text, offset);
        let line = &text[line_start..line_end.min(text.len())];
        let mut ranges = Vec::new();
        // What is shown of a line ends so far behind its first match at most; a long line may have millions of others.
        let shown_end = offset.saturating_add(cut.line_bytes);
        while let Some((start, end)) = hits.get(hit_idx) {
            if *start >= line_end {
                break;
            }
            if *start <= shown_end {
                ranges.push(start.saturating_sub(line_start)..(*end).min(line_end) - line_start);
            }
            if *end > line_end {
                break;
            }
            hit_idx += 1;
        }
        let goes_on = hits.get(hit_idx).is_some_and(|(start, _)| *start < line_end);
        let shown = line_match(number_at(line_start), without_end(line), ranges, cut.line_bytes);
        lines.push(LineMatch { goes_on, ..shown });
        next_line = line_end;
    }
    lines
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Makes a line for display: cut around its first match where it is too long, ranges on character boundaries.
pub(crate) fn line_match(number: u64, line: &[u8], ranges: Vec<ByteRange>, line_bytes: usize) -> LineMatch {
    let window = window(line, ranges.first().map_or(0, |range| range.start), line_bytes);
    let is_cut = window.len() < line.len();
    let shown = &line[window.clone()];
    let text = String::from_utf8_lossy(shown);
    // Stored text is UTF-8; were it not, offsets into the mended text would lie, so none are given.
    let is_faithful = matches!(text, std::borrow::Cow::Borrowed(_));
    let text = text.into_owned();
    let clip = |offset: usize| floor_boundary(&text, offset.clamp(window.start, window.end) - window.start);
    let mut clipped: Vec<ByteRange> = Vec::new();
    for range in ranges {
        if !is_faithful || range.start > window.end || range.end < window.start {
            continue;
        }
        let range = clip(range.start)..clip(range.end);
        if !range.is_empty() {
            clipped.push(range);
        }
    }
    LineMatch { number, text, ranges: clipped, is_cut, goes_on: false }
}

/// The piece of a line that is shown: at most `line_bytes` around `first`, on character boundaries.
fn window(line: &[u8], first: usize, line_bytes: usize) -> ByteRange {
    if line.len() <= line_bytes {
        return 0..line.len();
    }
    let start = first.saturating_sub(line_bytes / 4).min(line.len() - line_bytes);
    let is_boundary = |offset: &usize| line.get(*offset).is_none_or(|byte| byte & 0xC0 != 0x80);
    let start = (start..line.len()).find(is_boundary).unwrap_or(line.len());
    let end = (start + line_bytes).min(line.len());
    let end = (start..=end).rev().find(is_boundary).unwrap_or(end);
    start..end
}

fn floor_boundary(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|offset| text.is_char_boundary(*offset)).unwrap_or(0)
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "lists of ranges are compared, often of one")]
mod tests {
    use super::*;

    fn check(text: &str, hits: &[Hit], expected: &[(u64, &str, &[ByteRange])]) {
        let cut = Cut { n_lines_max: 100, line_bytes: 12 };
        let number_at = |offset: usize| text[..offset].matches('\n').count() as u64 + 1;
        let lines = collect(text.as_bytes(), hits, cut, number_at);
        let lines: Vec<_> =
            lines.iter().map(|line| (line.number, line.text.as_str(), line.ranges.as_slice())).collect();
        assert_eq!(lines, expected);
        assert_eq!(count(text.as_bytes(), hits).n_lines, expected.len() as u64);
    }

    #[test]
    fn several_matches_on_a_line_are_one_line() {
        check(
            "ab ab\ncd\nab",
            &[(0, 2), (3, 5), (9, 11)],
            &[(1, "ab ab", &[0..2, 3..5]), (3, "ab", &[0..2])],
        );
    }

    #[test]
    fn a_match_over_lines_touches_each_of_them() {
        check("a{\n}b\n", &[(1, 4)], &[(1, "a{", &[1..2]), (2, "}b", &[0..1])]);
        check("x\ny\n", &[(0, 2)], &[(1, "x", &[0..1])]);
        check("a\nb\nc", &[(0, 5)], &[(1, "a", &[0..1]), (2, "b", &[0..1]), (3, "c", &[0..1])]);
        check("ab\ncd", &[(1, 4), (4, 5)], &[(1, "ab", &[1..2]), (2, "cd", &[0..1, 1..2])]);
    }

    #[test]
    fn lines_tell_whether_their_last_match_goes_on() {
        let goes_on = |text: &str, hits: &[Hit]| -> Vec<bool> {
            let cut = Cut { n_lines_max: 100, line_bytes: 12 };
            collect(text.as_bytes(), hits, cut, |_| 1).iter().map(|line| line.goes_on).collect()
        };
        assert_eq!(goes_on("a{\n\n}b\n", &[(1, 5)]), [true, true, false]);
        assert_eq!(goes_on("x\ny\n", &[(0, 2), (2, 3)]), [false, false]);
        assert_eq!(goes_on("ab\ncd", &[(1, 4), (4, 5)]), [true, false]);
    }

    #[test]
    fn empty_matches_count_and_are_not_shown() {
        check("ab\n\ncd", &[(0, 0), (3, 3), (6, 6)], &[(1, "ab", &[]), (2, "", &[]), (3, "cd", &[])]);
    }

    #[test]
    fn line_ends_are_not_shown() {
        check("ab\r\ncd\r\n", &[(0, 3), (4, 6)], &[(1, "ab", &[0..2]), (2, "cd", &[0..2])]);
    }

    #[test]
    fn long_lines_are_cut_around_the_first_match() {
        check("0123456789abcdefghij", &[(10, 13)], &[(1, "789abcdefghi", &[3..6])]);
        check("éééééééééééééééé", &[(16, 18)], &[(1, "éééééé", &[2..4])]);
    }

    #[test]
    fn a_line_of_many_matches_is_cut_like_one_of_few() {
        let text = "ab".repeat(50);
        let hits: Vec<Hit> = (20..50).map(|n| (2 * n, 2 * n + 2)).collect();
        let cut = Cut { n_lines_max: 100, line_bytes: 12 };
        let of_all = collect(text.as_bytes(), &hits, cut, |_| 1);
        let ranges = hits.iter().map(|(start, end)| *start..*end).collect();
        assert_eq!(of_all, [line_match(1, text.as_bytes(), ranges, 12)]);
        assert!(of_all[0].is_cut && of_all[0].ranges.len() > 3);
        assert_eq!(count(text.as_bytes(), &hits), Counts { n_lines: 1, n_matches: 30 });
    }

    #[test]
    fn merging_joins_what_overlaps() {
        let mut hits = vec![(4, 6), (0, 2), (2, 4), (5, 9), (0, 2)];
        merge(&mut hits);
        assert_eq!(hits, [(0, 2), (2, 4), (4, 9)]);
    }
}
