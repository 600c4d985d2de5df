//! Which parentheses belong together, and between which of them an operator or a filter stands: looked up while words
//! are read, computed once in linear time.

use crate::{PatternType, scan};

/// The parentheses of a text, quotes aside.
pub(crate) struct Nesting {
    /// (open, close), by open.
    pairs: Vec<(usize, usize)>,
    /// Where operators and filters stand that are words of their own.
    splits: Vec<usize>,
}

impl Nesting {
    /// Reads a text. Inside parentheses a quoted phrase counts as one character; under `regexp`, so do an escaped
    /// character and a bracketed class.
    pub(crate) fn of(text: &str, mode: PatternType) -> Self {
        let bytes = text.as_bytes();
        let (mut pairs, mut splits, mut open) = (Vec::new(), Vec::new(), Vec::new());
        let mut at_word = true;
        let mut offset = 0;
        let mut quotes_close = true;
        while offset < bytes.len() {
            if at_word && text.is_char_boundary(offset) && is_split(text, offset) {
                splits.push(offset);
            }
            let byte = bytes[offset];
            at_word = byte == b'(' || byte.is_ascii_whitespace();
            match byte {
                b'\\' if mode == PatternType::Regexp => offset += 1,
                b'[' if mode == PatternType::Regexp => {
                    offset = scan::class_end(bytes, offset).map_or(offset, |end| end - 1);
                }
                b'"' if !open.is_empty() && quotes_close => match scan::quoted(text, offset, '"') {
                    Some(end) => offset = end - 1,
                    // What is not closed here is closed nowhere later: do not look again.
                    None => quotes_close = false,
                },
                b'(' => open.push(offset),
                b')' => pairs.extend(open.pop().map(|open| (open, offset))),
                _ => {}
            }
            offset += 1;
        }
        pairs.sort_unstable();
        Nesting { pairs, splits }
    }

    /// The counterpart of the parenthesis at `open`.
    pub(crate) fn close_of(&self, open: usize) -> Option<usize> {
        let idx = self.pairs.binary_search_by_key(&open, |pair| pair.0).ok()?;
        Some(self.pairs[idx].1)
    }

    /// Whether an operator or a filter stands between two offsets.
    pub(crate) fn splits(&self, start: usize, end: usize) -> bool {
        let first = self.splits.partition_point(|at| *at <= start);
        self.splits.get(first).is_some_and(|at| *at < end)
    }
}

fn is_split(text: &str, at: usize) -> bool {
    let filter_at = at + usize::from(text[at..].starts_with('-'));
    scan::operator(text, at).is_some() || scan::known_filter(text, filter_at).is_some()
}
