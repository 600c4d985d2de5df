//! Which parentheses belong together, and between which of them an operator or a filter stands: looked up while words
//! are read, computed once in linear time.

use crate::{PatternType, scan};

/// The parentheses of a text, quotes aside.
pub(crate) struct Nesting {
    /// (open, close), by open.
    pairs: Vec<(usize, usize)>,
    /// Where operators and filters stand that are words of their own.
    splits: Vec<usize>,
    is_structured: bool,
}

impl Nesting {
    /// Reads a text. Inside parentheses a quoted phrase counts as one character (where quotes are text, only that of a
    /// filter's value); under `regexp`, so do an escaped character and a bracketed class.
    pub(crate) fn of(text: &str, mode: PatternType) -> Self {
        let bytes = text.as_bytes();
        let (mut pairs, mut splits, mut open) = (Vec::new(), Vec::new(), Vec::new());
        let mut has_operator = false;
        let quotes_are_text =
            matches!(mode, PatternType::Literal | PatternType::Standard | PatternType::Structural);
        let (mut at_word, mut in_filter) = (true, false);
        let mut offset = 0;
        let mut quotes_close = true;
        while let Some(c) = text[offset..].chars().next() {
            if at_word {
                let is_operator = scan::operator(text, offset).is_some();
                has_operator |= is_operator;
                in_filter = is_filter(text, offset);
                if is_operator || in_filter {
                    splits.push(offset);
                }
            }
            at_word = c == '(' || c.is_whitespace();
            in_filter &= !c.is_whitespace();
            let next = offset + c.len_utf8();
            offset = match c {
                '\\' if mode == PatternType::Regexp => {
                    next + text[next..].chars().next().map_or(0, char::len_utf8)
                }
                '[' if mode == PatternType::Regexp => scan::class_end(bytes, offset).unwrap_or(next),
                '"' if !open.is_empty() && quotes_close && (in_filter || !quotes_are_text) => {
                    let end = scan::quoted(text, offset, '"');
                    // What is not closed here is closed nowhere later: do not look again.
                    quotes_close = end.is_some();
                    end.unwrap_or(next)
                }
                _ => next,
            };
            match c {
                '(' => open.push(next - 1),
                ')' => pairs.extend(open.pop().map(|open| (open, next - 1))),
                _ => {}
            }
        }
        pairs.sort_unstable();
        let mut nesting = Nesting { pairs, splits, is_structured: has_operator };
        nesting.is_structured |= nesting.pairs.iter().any(|(open, close)| nesting.splits(*open, *close));
        nesting
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

    /// Whether an operator or a group stands anywhere: then parentheses must have counterparts, under every pattern
    /// type.
    pub(crate) fn is_structured(&self) -> bool {
        self.is_structured
    }
}

fn is_filter(text: &str, at: usize) -> bool {
    let filter_at = at + usize::from(text[at..].starts_with('-'));
    scan::known_filter(text, filter_at).is_some()
}
