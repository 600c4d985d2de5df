//! Small work on text: unquoting that remembers where each byte came from, names near each other, mending.

use crate::Span;

/// A piece of the query, perhaps taken out of its quotes, with the way back to the query's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The text without its quotes and escapes.
    pub(crate) text: String,
    /// Where it stands in the query.
    whole: Span,
    /// Where each byte of `text` comes from; `None` where they follow each other from the beginning of `whole`.
    origins: Option<Vec<usize>>,
}

impl Source {
    /// A piece of the query as it stands there.
    pub(crate) fn plain(query: &str, span: Span) -> Self {
        Source { text: span.of(query).to_string(), whole: span, origins: None }
    }

    /// Without escapes before `quote` and `\`: the inside of a quoted piece. Before anything else a `\` stays.
    pub(crate) fn unquoted(self, quote: char) -> Self {
        self.unescaped(|next| next == quote || next == '\\')
    }

    /// With `\/` as `/`: the inside of `/…/`. Every other escape belongs to the expression.
    pub(crate) fn unslashed(self) -> Self {
        self.unescaped(|next| next == '/')
    }

    fn unescaped(self, drops: impl Fn(char) -> bool) -> Self {
        if !self.text.contains('\\') {
            return self;
        }
        let mut text = String::with_capacity(self.text.len());
        let mut origins = Vec::with_capacity(self.text.len());
        let mut keep = |offset: usize, c: char| {
            text.push(c);
            origins.extend((offset..offset + c.len_utf8()).map(|at| self.origin(at)));
        };
        let mut chars = self.text.char_indices();
        while let Some((offset, c)) = chars.next() {
            let escaped = if c == '\\' { chars.next() } else { None };
            if !escaped.is_some_and(|(_, next)| drops(next)) {
                keep(offset, c);
            }
            if let Some((offset, next)) = escaped {
                keep(offset, next);
            }
        }
        Source { text, whole: self.whole, origins: Some(origins) }
    }

    /// The part of it between two offsets of its text.
    pub(crate) fn slice(&self, start: usize, end: usize) -> Source {
        let text = self.text.get(start..end).unwrap_or("").to_string();
        let origins = self.origins.as_ref().map(|origins| origins[start..start + text.len()].to_vec());
        Source { whole: self.span(start, start + text.len()), text, origins }
    }

    /// The same without white space around it.
    pub(crate) fn trimmed(&self) -> Source {
        let start = self.text.len() - self.text.trim_start().len();
        self.slice(start, start.max(self.text.trim_end().len()))
    }

    /// The bytes of the query that a range of its text came from.
    pub(crate) fn span(&self, start: usize, end: usize) -> Span {
        let first = self.origin(start);
        if end <= start {
            return Span::empty(first);
        }
        Span::new(first, if end >= self.text.len() { self.whole.end } else { self.origin(end - 1) + 1 })
    }

    /// All of it in the query.
    pub(crate) fn whole(&self) -> Span {
        self.whole
    }

    fn origin(&self, offset: usize) -> usize {
        match &self.origins {
            _ if offset >= self.text.len() => self.whole.end,
            Some(origins) => origins[offset],
            None => self.whole.start + offset,
        }
    }
}

/// Puts a text into double quotes, escaping only where [`Source::unquoted`] would read something else.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let escape = match c {
            '"' => true,
            '\\' => matches!(chars.peek(), None | Some('"' | '\\')),
            _ => false,
        };
        if escape {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// Puts a regular expression between slashes.
pub(crate) fn slashed(regex: &str) -> String {
    let mut out = String::with_capacity(regex.len() + 2);
    out.push('/');
    let mut chars = regex.chars();
    while let Some(c) = chars.next() {
        match c {
            '/' => out.push_str("\\/"),
            '\\' => {
                out.push(c);
                out.extend(chars.next());
            }
            _ => out.push(c),
        }
    }
    out.push('/');
    out
}

/// The query without these bytes and the white space after them.
pub(crate) fn removed(query: &str, span: Span) -> String {
    let rest = query.get(span.end..).unwrap_or("").trim_start();
    let before = Span::new(0, span.start).of(query);
    let before = if rest.is_empty() || rest.starts_with(')') { before.trim_end() } else { before };
    format!("{before}{rest}").trim().to_string()
}

/// The query with some of its bytes replaced. The spans ascend and do not overlap.
pub(crate) fn mended(query: &str, changes: &[(Span, &str)]) -> String {
    let mut out = String::with_capacity(query.len() + 16);
    let mut done = 0;
    for (span, replacement) in changes {
        out.push_str(Span::new(done, span.start).of(query));
        out.push_str(replacement);
        done = span.end;
    }
    out.push_str(Span::new(done, query.len()).of(query));
    out
}

/// The candidate that `word` is probably a misspelling of: at most two letters away (one, for short words), insertions,
/// deletions, changes and swaps of neighbours counted. The first of several equally near ones.
pub(crate) fn nearest(
    word: &str,
    candidates: impl IntoIterator<Item = &'static str>,
) -> Option<&'static str> {
    const WORD_MAX: usize = 40;
    let word: Vec<u8> = word.bytes().map(|byte| byte.to_ascii_lowercase()).collect();
    if word.len() < 2 || word.len() > WORD_MAX {
        return None;
    }
    let far = if word.len() < 4 { 2 } else { 3 };
    let near = candidates
        .into_iter()
        .filter(|candidate| candidate.len() > 1)
        .map(|candidate| (distance(&word, candidate.as_bytes()), candidate))
        .filter(|(distance, candidate)| *distance < far && *distance < candidate.len());
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// Optimal string alignment distance.
fn distance(left: &[u8], right: &[u8]) -> usize {
    let mut rows = vec![(0..=right.len()).collect::<Vec<usize>>()];
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut best = (rows[i][j + 1] + 1).min(row[j] + 1).min(rows[i][j] + usize::from(a != b));
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unquoting_remembers_where_bytes_came_from() {
        let query = r#"x "a\"b\\c\d" y"#;
        let source = Source::plain(query, Span::new(3, 12)).unquoted('"');
        assert_eq!(source.text, r#"a"b\c\d"#);
        let piece = |start, end| source.span(start, end).of(query);
        assert_eq!([piece(0, 1), piece(1, 2), piece(2, 3), piece(4, 5)], ["a", "\"", "b", "c"]);
        assert_eq!(piece(0, 7), r#"a\"b\\c\d"#);
        assert_eq!(source.slice(4, 7).whole().of(query), r"c\d");
        assert_eq!(source.span(7, 7), Span::empty(12));
    }

    #[test]
    fn quoting_is_undone_by_unquoting() {
        for text in ["", "a b", "\"", "\\", "\\\\", "\\\"", "a\\.b", "\\\\.", "C:\\", "\n"] {
            let quoted = quoted(text);
            let source = Source::plain(&quoted, Span::new(1, quoted.len() - 1)).unquoted('"');
            assert_eq!(source.text, text);
        }
        for regex in ["a/b", r"\.\\", "[/]", "/", r"a\\/"] {
            let slashed = slashed(regex);
            let source = Source::plain(&slashed, Span::new(1, slashed.len() - 1)).unslashed();
            assert_eq!(source.text, regex);
        }
    }

    #[test]
    fn near_names() {
        let names = ["repo", "file", "lang", "language", "r"];
        assert_eq!(nearest("langg", names), Some("lang"));
        assert_eq!(nearest("REOP", names), Some("repo"));
        assert_eq!(nearest("lnaguage", names), Some("language"));
        assert_eq!(nearest("xlink", names), None);
        assert_eq!(nearest("q", names), None);
    }
}
