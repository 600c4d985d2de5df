//! From spans over a text to spans over its lines.

use crate::highlight::Span;
use model::ByteRange;

/// One line of a highlighted text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HighlightedLine {
    /// Its number, from 1.
    pub number: usize,
    /// Its bytes in the text, without the `\n` or `\r\n` that ends it.
    pub range: ByteRange,
    /// Its spans: ranges are offsets in the **text**, cut at the line's ends, never empty.
    pub spans: Vec<Span>,
}

/// Cuts a text and its spans (as [`crate::highlight()`] gives them; empty for plain text) into lines, the same lines as
/// [`model::LineIndex`] counts. Lazy: a page that shows the first lines pays for no more.
pub fn lines<'a>(text: &'a str, spans: &'a [Span]) -> impl Iterator<Item = HighlightedLine> + 'a {
    Lines { text, spans, start: 0, number: 0 }
}

/// What is left: the text from `start`, and the spans that end after it.
struct Lines<'a> {
    text: &'a str,
    spans: &'a [Span],
    start: usize,
    number: usize,
}

impl Iterator for Lines<'_> {
    type Item = HighlightedLine;

    fn next(&mut self) -> Option<HighlightedLine> {
        let rest = self.text.as_bytes().get(self.start..).filter(|rest| !rest.is_empty())?;
        let newline = memchr::memchr(b'\n', rest);
        let line = &rest[..newline.unwrap_or(rest.len())];
        // A carriage return belongs to the line end only where there is one.
        let line = if newline.is_some() { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
        let range = self.start..self.start + line.len();
        while let Some((_, later)) =
            self.spans.split_first().filter(|(span, _)| span.range.end <= range.start)
        {
            self.spans = later;
        }
        let inside = self.spans.iter().take_while(|span| span.range.start < range.end);
        let cut = |span: &Span| Span {
            range: span.range.start.max(range.start)..span.range.end.min(range.end),
            class: span.class,
        };
        let spans = inside.map(cut).filter(|span| !span.range.is_empty()).collect();
        self.number += 1;
        self.start += newline.map_or(rest.len(), |newline| newline + 1);
        Some(HighlightedLine { number: self.number, range, spans })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::highlight::Class;
    use model::LineIndex;
    use proptest::prelude::*;

    fn span(range: ByteRange) -> Span {
        Span { range, class: Class::Comment }
    }

    #[test]
    fn a_comment_over_three_lines() {
        let text = "a /* b\r\n\nc */ d\n";
        let comment = text.find("/*").expect("it is there")..text.find(" d").expect("it is there");
        let spans = [span(comment)];
        let found: Vec<_> = lines(text, &spans).collect();
        assert_eq!(
            found.iter().map(|line| &text[line.range.clone()]).collect::<Vec<_>>(),
            ["a /* b", "", "c */ d"]
        );
        let coloured =
            |line: &HighlightedLine| line.spans.iter().map(|s| &text[s.range.clone()]).collect::<Vec<_>>();
        assert_eq!(found.iter().map(coloured).collect::<Vec<_>>(), [vec!["/* b"], vec![], vec!["c */"]]);
        assert_eq!(found[2].number, 3);
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_line_index(text in "[ab\r\n]{0,40}", cuts in prop::collection::vec(0usize..40, 0..12)) {
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= text.len()).collect();
            cuts.sort_unstable();
            cuts.dedup();
            let spans: Vec<Span> = cuts.as_chunks::<2>().0.iter().map(|cut| span(cut[0]..cut[1])).collect();
            let index = LineIndex::new(text.as_bytes());
            let found: Vec<_> = lines(&text, &spans).collect();
            prop_assert_eq!(found.len(), index.n_lines());
            for line in &found {
                prop_assert_eq!(index.range(line.number).map(|range| range.start), Some(line.range.start));
                for offset in line.range.clone() {
                    let coloured = spans.iter().any(|span| span.range.contains(&offset));
                    prop_assert_eq!(line.spans.iter().any(|span| span.range.contains(&offset)), coloured);
                }
                prop_assert!(line.spans.iter().all(|span| !span.range.is_empty() && span.range.end <= line.range.end));
            }
        }
    }
}
