//! Words of a zoekt query.
//!
//! A word ends at white space outside of quotes. A parenthesis groups only where the word it begins would be broken by
//! white space; otherwise it belongs to a regular expression.

use super::parse::ParseError;

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Close,
    Minus,
    Or,
    /// A regular expression on content and path.
    Text,
    /// `name:value`.
    Field(Field),
}

/// The name before a colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Archived,
    Branch,
    Case,
    Content,
    File,
    Fork,
    Lang,
    Meta,
    Public,
    Regex,
    Repo,
    Sym,
    Type,
}

/// A word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// The value, quotes undone; for a field what follows its prefix.
    pub(super) text: String,
    /// How many bytes of the query it is.
    pub(super) len: usize,
}

const FIELDS: [(&str, Field); 18] = [
    ("archived:", Field::Archived),
    ("b:", Field::Branch),
    ("branch:", Field::Branch),
    ("c:", Field::Content),
    ("case:", Field::Case),
    ("content:", Field::Content),
    ("f:", Field::File),
    ("file:", Field::File),
    ("fork:", Field::Fork),
    ("lang:", Field::Lang),
    ("meta.", Field::Meta),
    ("public:", Field::Public),
    ("r:", Field::Repo),
    ("regex:", Field::Regex),
    ("repo:", Field::Repo),
    ("sym:", Field::Sym),
    ("t:", Field::Type),
    ("type:", Field::Type),
];

pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// The word at the beginning of `rest`; `None` where there is none.
pub(super) fn next(rest: &str) -> Result<Option<Token>, ParseError> {
    if rest.starts_with('-') {
        return Ok(Some(Token { kind: Kind::Minus, text: "-".into(), len: 1 }));
    }
    let word = Word::scan(rest)?;
    let input = &rest[..word.len];
    let kind_of = |kind, text: &str, len| Ok(Some(Token { kind, text: text.into(), len }));
    if word.text.is_empty() {
        // `""` is a pattern that matches everything; nothing at all is the end.
        return if word.len == 0 { Ok(None) } else { kind_of(Kind::Text, "", word.len) };
    }
    if word.holds_space && word.text.starts_with('(') {
        return kind_of(Kind::Open, "(", 1);
    }
    match input {
        "(" => return kind_of(Kind::Open, "(", 1),
        ")" => return kind_of(Kind::Close, ")", 1),
        "or" => return kind_of(Kind::Or, "or", 2),
        _ => {}
    }
    match FIELDS.iter().find(|(prefix, _)| input.starts_with(prefix)) {
        Some((prefix, field)) => kind_of(Kind::Field(*field), &word.text[prefix.len()..], word.len),
        None => kind_of(Kind::Text, &word.text, word.len),
    }
}

struct Word {
    text: String,
    len: usize,
    /// Whether it ended at white space inside of parentheses.
    holds_space: bool,
}

impl Word {
    fn scan(rest: &str) -> Result<Word, ParseError> {
        let mut text = String::new();
        let mut depth = 0usize;
        let mut chars = rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '(' => {
                    depth += 1;
                    text.push(c);
                }
                ')' if depth == 0 => {
                    let len = if text.is_empty() { 1 } else { at };
                    if text.is_empty() {
                        text.push(c);
                    }
                    return Ok(Word { text, len, holds_space: false });
                }
                ')' => {
                    depth -= 1;
                    text.push(c);
                }
                '"' => quoted(&mut chars, &mut text)?,
                '\\' => {
                    let (_, escaped) = chars.next().ok_or(ParseError::LoneBackslash)?;
                    text.push('\\');
                    text.push(escaped);
                }
                c if is_space(c) => return Ok(Word { text, len: at, holds_space: depth > 0 }),
                c => text.push(c),
            }
        }
        Ok(Word { text, len: rest.len(), holds_space: false })
    }
}

fn quoted(chars: &mut std::str::CharIndices<'_>, text: &mut String) -> Result<(), ParseError> {
    while let Some((_, c)) = chars.next() {
        match c {
            '"' => return Ok(()),
            '\\' => text.push(chars.next().ok_or(ParseError::UnterminatedQuote)?.1),
            c => text.push(c),
        }
    }
    Err(ParseError::UnterminatedQuote)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, kind: Kind, value: &str, len: usize) {
        assert_eq!(next(text), Ok(Some(Token { kind, text: value.into(), len })), "{text}");
    }

    #[test]
    fn words() {
        check("abc def", Kind::Text, "abc", 3);
        check("(abc)", Kind::Text, "(abc)", 5);
        check("(abc def)", Kind::Open, "(", 1);
        check("ab) c", Kind::Text, "ab", 2);
        check(")", Kind::Close, ")", 1);
        check("-x", Kind::Minus, "-", 1);
        check("or x", Kind::Or, "or", 2);
        check("OR", Kind::Text, "OR", 2);
        check("\"or\"", Kind::Text, "or", 4);
        check(r#""a b\"c" d"#, Kind::Text, "a b\"c", 8);
        check(r"a\ b", Kind::Text, r"a\ b", 4);
        check("file:\"a b\"", Kind::Field(Field::File), "a b", 10);
        check("\"file:x\"", Kind::Text, "file:x", 8);
        check("meta.team:x", Kind::Field(Field::Meta), "team:x", 11);
        check("std::vector", Kind::Text, "std::vector", 11);
        check("\"\"", Kind::Text, "", 2);
        assert_eq!(next(""), Ok(None));
        assert_eq!(next("\"a"), Err(ParseError::UnterminatedQuote));
        assert_eq!(next("a\\"), Err(ParseError::LoneBackslash));
    }
}
