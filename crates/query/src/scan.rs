//! Where things end: quotes, slashes, words, values. Pure functions over a text and an offset.

use crate::lexer::LexemeKind;
use crate::nesting::Nesting;
use crate::{FilterId, FilterInfo, Span, table::ValueKind};

/// The first offset at or after `at` that holds no white space.
pub(crate) fn skip_space(text: &str, at: usize) -> usize {
    text.len() - text[at..].trim_start().len()
}

/// Whether a term may end at `at`: at the end, before white space or before a `)`.
pub(crate) fn is_boundary(text: &str, at: usize) -> bool {
    text[at..].chars().next().is_none_or(|c| c.is_whitespace() || c == ')')
}

/// The next boundary at or after `at`, beyond at least one character.
pub(crate) fn to_boundary(text: &str, at: usize) -> usize {
    let ends = |(offset, c): &(usize, char)| *offset > 0 && (c.is_whitespace() || *c == ')');
    text[at..].char_indices().find(ends).map_or(text.len(), |(offset, _)| at + offset)
}

/// The end of what is quoted from the quote at `at`, the closing quote included. A backslash protects what follows it.
pub(crate) fn quoted(text: &str, at: usize, quote: char) -> Option<usize> {
    let mut chars = text[at..].char_indices().skip(1);
    while let Some((offset, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == quote {
            return Some(at + offset + 1);
        }
    }
    None
}

/// The end of the regular expression that begins with the slash at `at`, or `None` where the slash is text (a path, a
/// comment). It ends with the first slash that is not escaped, if that one ends the term; a word that begins and ends with a slash
/// is one, too, whatever slashes it holds.
pub(crate) fn slashed(text: &str, at: usize) -> Option<usize> {
    if text[at + 1..].starts_with('/') {
        return None;
    }
    let first = closing_slash(text, at, true).or_else(|| closing_slash(text, at, false))?;
    if is_boundary(text, first + 1) {
        return Some(first + 1);
    }
    let word_end = text[at..].find(char::is_whitespace).map_or(text.len(), |offset| at + offset);
    let word = text[at..word_end].trim_end_matches(')');
    let escaped = word.strip_suffix('/').is_some_and(|body| n_trailing_backslashes(body) % 2 == 1);
    (word.len() > 1 && word.ends_with('/') && !escaped).then_some(at + word.len())
}

fn n_trailing_backslashes(text: &str) -> usize {
    text.len() - text.trim_end_matches('\\').len()
}

/// The first slash after `at` that no backslash protects, nor (where asked) a bracketed class.
fn closing_slash(text: &str, at: usize, skip_classes: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut offset = at + 1;
    while let Some(byte) = bytes.get(offset) {
        match byte {
            b'\\' => offset += 2,
            b'/' => return Some(offset),
            b'[' if skip_classes => offset = class_end(bytes, offset).unwrap_or(offset + 1),
            _ => offset += 1,
        }
    }
    None
}

/// Longest bracketed class that is looked through for its end; beyond it the bracket counts as text. It keeps the time
/// linear for texts of nothing but brackets.
const CLASS_BYTES_MAX: usize = 128;

/// The offset after the `]` that ends the class opened at `open`.
pub(crate) fn class_end(bytes: &[u8], open: usize) -> Option<usize> {
    let mut offset = open + 1;
    if bytes.get(offset) == Some(&b'^') {
        offset += 1;
    }
    // A `]` right at the beginning stands for itself.
    if bytes.get(offset) == Some(&b']') {
        offset += 1;
    }
    while offset < open + CLASS_BYTES_MAX {
        match bytes.get(offset)? {
            b'\\' => offset += 2,
            b']' => return Some(offset + 1),
            _ => offset += 1,
        }
    }
    None
}

/// The operator that stands as a word at `at`, and where it ends. Directly before a `(` only the upper-case form
/// counts: `not(x)` is code.
pub(crate) fn operator(text: &str, at: usize) -> Option<(LexemeKind, usize)> {
    let rest = &text[at..];
    let (kind, len, upper) = match rest.as_bytes() {
        [b'A', b'N', b'D', ..] => (LexemeKind::And, 3, true),
        [b'a', b'n', b'd', ..] => (LexemeKind::And, 3, false),
        [b'N', b'O', b'T', ..] => (LexemeKind::Not, 3, true),
        [b'n', b'o', b't', ..] => (LexemeKind::Not, 3, false),
        [b'O', b'R', ..] => (LexemeKind::Or, 2, true),
        [b'o', b'r', ..] => (LexemeKind::Or, 2, false),
        _ => return None,
    };
    let end = at + len;
    let ends = is_boundary(text, end) || (upper && text[end..].starts_with('('));
    ends.then_some((kind, end))
}

/// The known filter whose name stands at `at`, and where its value begins. `path::Path` and `file:///etc` are text.
pub(crate) fn known_filter(text: &str, at: usize) -> Option<(&'static FilterInfo, usize)> {
    let (name, colon) = name_before_colon(text, at)?;
    let info = FilterInfo::find(name)?;
    let after = &text[colon + 1..];
    (!after.starts_with(':') && !after.starts_with("//")).then_some((info, colon + 1))
}

/// The name of what looks like a filter, `name:value`: letters, one colon, and something that does not make it plain
/// text (`std::vector`, `http://x`, `default:`, `x:=1`, `C:\dir`).
pub(crate) fn unknown_filter(text: &str, at: usize) -> Option<Span> {
    let (name, colon) = name_before_colon(text, at)?;
    let next = text[colon + 1..].chars().next()?;
    let plain = next.is_whitespace() || matches!(next, ':' | '/' | '\\' | '=' | ')' | ']' | '}' | ',' | ';');
    (!plain).then(|| Span::new(at, at + name.len()))
}

fn name_before_colon(text: &str, at: usize) -> Option<(&str, usize)> {
    let rest = &text[at..];
    let len = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    (len > 0 && rest[len..].starts_with(':')).then(|| (&rest[..len], at + len))
}

/// How a word ended.
pub(crate) enum Closed {
    /// With all its quotes and parentheses closed.
    Well,
    /// This parenthesis has no counterpart.
    Paren(usize),
    /// This parenthesis encloses an operator or a filter.
    Ambiguous(usize),
    /// This quote has no counterpart.
    Quote(usize),
}

/// The end of a word of keyword search. What is opened inside a word, a parenthesis or a quote, belongs to it up to its
/// counterpart, white space included: `printf("%d", x)` is one word.
pub(crate) fn keyword_word(text: &str, at: usize, in_group: bool, nesting: &Nesting) -> (usize, Closed) {
    let mut closed = Closed::Well;
    let mut offset = at;
    while let Some(c) = text[offset..].chars().next() {
        let well = matches!(closed, Closed::Well);
        match c {
            _ if c.is_whitespace() => break,
            ')' if in_group => break,
            ')' if well => closed = Closed::Paren(offset),
            '(' if well => match nesting.close_of(offset) {
                None => closed = Closed::Paren(offset),
                Some(close) if nesting.splits(offset, close) => closed = Closed::Ambiguous(offset),
                Some(close) => {
                    offset = close + 1;
                    continue;
                }
            },
            // Without this, texts of nothing but `\"` would be looked through again for each of them.
            '\\' if text[offset + 1..].starts_with('"') => offset += 1,
            '"' if well && offset > at => match quoted(text, offset, '"') {
                None => closed = Closed::Quote(offset),
                Some(end) => {
                    offset = end;
                    continue;
                }
            },
            _ => {}
        }
        offset += c.len_utf8();
    }
    (offset, closed)
}

/// The end of a word of regular expression search: a backslash protects what follows it, brackets and balanced
/// parentheses without operators belong to the word, white space included.
pub(crate) fn regexp_word(text: &str, at: usize, in_group: bool, nesting: &Nesting) -> usize {
    let bytes = text.as_bytes();
    let mut offset = at;
    while let Some(c) = text[offset..].chars().next() {
        match c {
            _ if c.is_whitespace() => break,
            ')' if in_group => break,
            '\\' => {
                offset += 1;
                offset += text[offset..].chars().next().map_or(0, char::len_utf8);
                continue;
            }
            '[' => offset = class_end(bytes, offset).unwrap_or(offset + 1),
            '(' => offset = text_paren_end(offset, nesting),
            _ => offset += c.len_utf8(),
        }
    }
    offset
}

/// The end of a word of literal search. Parentheses are text like any other, but in a query with operators or groups they
/// must have counterparts.
pub(crate) fn literal_word(text: &str, at: usize, in_group: bool, nesting: &Nesting) -> (usize, Closed) {
    let mut closed = Closed::Well;
    let mut offset = at;
    while let Some(c) = text[offset..].chars().next() {
        let strict = nesting.is_structured() && matches!(closed, Closed::Well);
        match c {
            _ if c.is_whitespace() => break,
            ')' if in_group => break,
            ')' if strict => closed = Closed::Paren(offset),
            '(' => {
                match nesting.close_of(offset) {
                    None if strict => closed = Closed::Paren(offset),
                    Some(close) if strict && nesting.splits(offset, close) => {
                        closed = Closed::Ambiguous(offset)
                    }
                    _ => {}
                }
                offset = text_paren_end(offset, nesting);
                continue;
            }
            _ => {}
        }
        offset += c.len_utf8();
    }
    (offset, closed)
}

fn text_paren_end(open: usize, nesting: &Nesting) -> usize {
    match nesting.close_of(open) {
        Some(close) if !nesting.splits(open, close) => close + 1,
        _ => open + 1,
    }
}

/// The end of a filter's value that is not quoted; and the parenthesis that is never closed, where a predicate's is
/// not. Inside the parentheses of a predicate white space belongs to the value, elsewhere it ends it.
pub(crate) fn bare_value(text: &str, at: usize, in_group: bool, kind: ValueKind) -> (usize, Option<usize>) {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut offset = at;
    while let Some(c) = text[offset..].chars().next() {
        match c {
            _ if c.is_whitespace() => break,
            '\\' if kind.is_regex() => {
                offset += 1 + text[offset + 1..].chars().next().map_or(0, char::len_utf8);
                continue;
            }
            '[' if kind.is_regex() => {
                let end =
                    class_end(bytes, offset).filter(|end| !text[offset..*end].contains(char::is_whitespace));
                offset = end.unwrap_or(offset + 1);
                continue;
            }
            '(' if opens_predicate(&text[at..offset], kind) => match predicate_end(text, offset) {
                Some(end) => {
                    offset = end;
                    continue;
                }
                None => return (text.len(), Some(offset)),
            },
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            ')' if in_group || !kind.is_regex() => break,
            _ => {}
        }
        offset += c.len_utf8();
    }
    (offset, None)
}

/// Whether what stands before a parenthesis makes it that of a predicate: `has.…(`, `at.time(`.
pub(crate) fn opens_predicate(before: &str, kind: ValueKind) -> bool {
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'.');
    match kind {
        ValueKind::Repository | ValueKind::Path
            if (before.starts_with("has.") || before.starts_with("contains.")) && is_name(before) =>
        {
            true
        }
        ValueKind::Repository | ValueKind::Revision => before.ends_with("at.time"),
        _ => false,
    }
}

/// The offset after the counterpart of the parenthesis at `open`. Quotes and backslashes protect what is inside.
pub(crate) fn predicate_end(text: &str, open: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut offset = open;
    while let Some(byte) = bytes.get(offset) {
        match byte {
            b'\\' => offset += 1,
            // A quote in the middle of a word is a character like any other.
            b'"' if bytes[..offset].last().is_some_and(|b| matches!(b, b'(' | b':' | b' ' | b',')) => {
                offset = quoted(text, offset, '"')? - 1;
            }
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return Some(offset + 1);
                }
            }
            _ => {}
        }
        offset += 1;
    }
    None
}

/// Where the query says `patterntype:`, found before the pattern type is known: at the beginning of a word that stands
/// outside of quotes and slashes.
pub(crate) fn pattern_type_filters(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let Some(c) = text[at..].chars().next() else { break };
        if c.is_whitespace() || c == '(' || c == ')' {
            at += c.len_utf8();
            continue;
        }
        let delimited = match c {
            '"' => quoted(text, at, '"').filter(|end| is_boundary(text, *end)),
            '/' => slashed(text, at),
            _ => None,
        };
        if let Some(end) = delimited {
            at = end;
            continue;
        }
        let filter_at = if c == '-' { at + 1 } else { at };
        at = match known_filter(text, filter_at) {
            Some((info, value)) => {
                let end = value_end(text, info, value);
                if info.id == FilterId::PatternType && filter_at == at {
                    found.push(Span::new(at, end));
                }
                end
            }
            None => word_end(text, at),
        };
    }
    found
}

/// Where a filter's value ends, before the pattern type is known.
fn value_end(text: &str, info: &FilterInfo, value: usize) -> usize {
    let first = text[value..].chars().next();
    let delimited = match first {
        Some(quote @ ('"' | '\'')) => quoted(text, value, quote),
        Some('/') if info.id == FilterId::Content => slashed(text, value),
        _ => None,
    };
    match (delimited, info.kind) {
        (Some(end), _) => end,
        (None, ValueKind::Pattern) => to_boundary(text, value - 1),
        (None, kind) => bare_value(text, value, false, kind).0,
    }
}

fn word_end(text: &str, at: usize) -> usize {
    let ends = |(offset, c): &(usize, char)| *offset > 0 && (c.is_whitespace() || *c == '(' || *c == ')');
    text[at..].char_indices().find(ends).map_or(text.len(), |(offset, _)| at + offset)
}
