//! The text of a structural pattern: code with holes, read in ast-grep's spelling and in Comby's.
//!
//! ast-grep: `$NAME` one node, `$$NAME` one node even if it is punctuation, `$$$NAME` and `$$$` any number of nodes, a name
//! that begins with `_` is not remembered (<https://ast-grep.github.io/guide/pattern-syntax.html>). Comby, as Sourcegraph's
//! documentation has it: `:[name]`, `:[[name]]`, `:[name:e]`, `:[_]`, `...`
//! (<https://comby.dev/docs/syntax-reference>). What Comby's holes say about characters instead of nodes is refused.

use super::StructuralError;
use model::ByteRange;

/// Most holes of one pattern: each bound name costs a look-up at every step of matching.
pub(super) const HOLES_MAX: usize = 64;

/// What stands in the place of a hole so that a grammar can read the pattern. An identifier in every language; the letter
/// after it says which hole it is.
const MARK: &str = "zqv";
/// Likewise where the grammar tells names of types or constants by their first letter.
const MARK_UPPER: &str = "Zqv";

/// A hole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hole {
    /// One node. Without a name it is not remembered; only with `is_named` may it not be punctuation.
    One { name: Option<String>, is_named: bool },
    /// Any number of nodes.
    Many { name: Option<String> },
}

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Code(ByteRange),
    Hole(Hole, ByteRange),
}

/// How holes are written for a grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Lower,
    Upper,
    /// As a string in double quotes, where a value can be nothing else.
    Quoted,
    /// Likewise, and any number of nodes as a key with a value.
    Pairs,
}

/// What follows a hole that is written as a key.
pub(super) const PAIRED: &str = ": 0";

impl Style {
    /// Whether holes stand in double quotes.
    pub(super) fn is_quoted(self) -> bool {
        matches!(self, Style::Quoted | Style::Pairs)
    }
}

/// A pattern cut into code and holes.
#[derive(Debug)]
pub(super) struct Holes<'a> {
    text: &'a str,
    pieces: Vec<Piece>,
}

/// A pattern as a grammar can read it.
#[derive(Debug)]
pub(super) struct Rendered {
    pub(super) text: String,
    /// Where each piece begins in `text`, and where it stands in the pattern.
    places: Vec<(usize, ByteRange)>,
}

impl<'a> Holes<'a> {
    /// Cuts a pattern, already without white space around it.
    pub(super) fn read(text: &'a str) -> Result<Self, StructuralError> {
        let mut pieces = Vec::new();
        let mut code_start = 0;
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            match hole_at(text, at)? {
                Some((hole, len)) => {
                    if code_start < at {
                        pieces.push(Piece::Code(code_start..at));
                    }
                    pieces.push(Piece::Hole(hole, at..at + len));
                    at += len;
                    code_start = at;
                }
                None => at += c.len_utf8(),
            }
        }
        if code_start < text.len() {
            pieces.push(Piece::Code(code_start..text.len()));
        }
        let n_holes = pieces.iter().filter(|piece| matches!(piece, Piece::Hole(..))).count();
        if n_holes > HOLES_MAX {
            return Err(StructuralError::TooManyHoles { n_holes, n_holes_max: HOLES_MAX });
        }
        let says_something = |piece: &Piece| match piece {
            Piece::Code(range) => !text[range.clone()].trim().is_empty(),
            Piece::Hole(..) => false,
        };
        if !pieces.iter().any(says_something) {
            return Err(StructuralError::Everything);
        }
        Ok(Holes { text, pieces })
    }

    /// Writes the pattern for a grammar. With `ends_statements`, a hole that stands where a statement does gets the
    /// semicolon that the grammar wants there.
    pub(super) fn render(&self, style: Style, ends_statements: bool) -> Rendered {
        let mut rendered = Rendered { text: String::new(), places: Vec::new() };
        for (idx, piece) in self.pieces.iter().enumerate() {
            let (Piece::Code(range) | Piece::Hole(_, range)) = piece;
            rendered.places.push((rendered.text.len(), range.clone()));
            match piece {
                Piece::Code(range) => rendered.text.push_str(&self.text[range.clone()]),
                Piece::Hole(hole, range) => {
                    // Inside quotation marks of the pattern itself no more are wanted.
                    let in_quotes = self.text[..range.start].ends_with('"');
                    let style = if in_quotes && style.is_quoted() { Style::Lower } else { style };
                    rendered.text.push_str(&hole.placeholder(style));
                    if ends_statements && self.is_statement(idx) {
                        rendered.text.push(';');
                    }
                }
            }
        }
        rendered
    }

    fn is_statement(&self, piece: usize) -> bool {
        let Some(Piece::Hole(_, range)) = self.pieces.get(piece) else { return false };
        let before = self.text[..range.start].trim_end().chars().next_back();
        let after = self.text[range.end..].trim_start().chars().next();
        let on_its_own_line = self.text[..range.start].trim_end_matches([' ', '\t']).ends_with('\n');
        let begins = matches!(before, Some('{' | '}' | ';')) || on_its_own_line;
        let ends =
            matches!(after, Some('}')) || self.text[range.end..].trim_start_matches(' ').starts_with('\n');
        begins && ends
    }
}

impl Rendered {
    /// The place in the pattern of a place in `text`.
    pub(super) fn origin(&self, at: usize) -> usize {
        let idx = self.places.partition_point(|(start, _)| *start <= at).saturating_sub(1);
        self.places.get(idx).map_or(0, |(start, range)| (range.start + (at - start)).min(range.end))
    }
}

impl Hole {
    fn placeholder(&self, style: Style) -> String {
        let mark = if style == Style::Upper { MARK_UPPER } else { MARK };
        let (kind, name) = match self {
            Hole::One { name, is_named: true } => (if name.is_some() { 's' } else { 'd' }, name),
            Hole::One { name, is_named: false } => (if name.is_some() { 't' } else { 'e' }, name),
            Hole::Many { name } => (if name.is_some() { 'n' } else { 'm' }, name),
        };
        let name = name.as_deref().unwrap_or_default();
        match (style, self) {
            (Style::Pairs, Hole::Many { .. }) => format!("\"{mark}{kind}{name}\"{PAIRED}"),
            (Style::Pairs | Style::Quoted, _) => format!("\"{mark}{kind}{name}\""),
            (Style::Lower | Style::Upper, _) => format!("{mark}{kind}{name}"),
        }
    }

    /// Reads a placeholder back; `None` for any other text.
    pub(super) fn of_placeholder(text: &str) -> Option<Hole> {
        let rest = text.strip_prefix(MARK).or_else(|| text.strip_prefix(MARK_UPPER))?;
        let kind = rest.chars().next()?;
        let name = rest.get(1..).filter(|name| name.chars().all(is_word))?;
        let named = Some(name.to_owned()).filter(|name| !name.is_empty());
        match (kind, &named) {
            ('s', Some(_)) => Some(Hole::One { name: named, is_named: true }),
            ('t', Some(_)) => Some(Hole::One { name: named, is_named: false }),
            ('n', Some(_)) => Some(Hole::Many { name: named }),
            ('d', None) => Some(Hole::One { name: None, is_named: true }),
            ('e', None) => Some(Hole::One { name: None, is_named: false }),
            ('m', None) => Some(Hole::Many { name: None }),
            _ => None,
        }
    }
}

/// Whether a text that should be code still holds a placeholder: the hole was only a part of a word or a string.
pub(super) fn holds_placeholder(text: &str) -> bool {
    text.contains(MARK) || text.contains(MARK_UPPER)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The hole that begins at a place, and its length.
fn hole_at(text: &str, at: usize) -> Result<Option<(Hole, usize)>, StructuralError> {
    let rest = &text[at..];
    let before = text[..at].chars().next_back();
    if rest.starts_with('$') && !before.is_some_and(|c| is_word(c) || c == '$') {
        return dollar_hole(rest, at);
    }
    if rest.starts_with(":[") {
        return comby_hole(text, at);
    }
    if let Some(behind) = rest.strip_prefix("...") {
        // Before or behind a name it is the language's own: spreading or passing on arguments.
        let after = behind.chars().next();
        let joins = |c: char| is_word(c) || matches!(c, '.' | '$' | ':' | ']');
        let opens = |c: char| is_word(c) || matches!(c, '.' | '$' | '[' | '(' | '{' | ':');
        if before.is_some_and(joins) || after.is_some_and(opens) {
            return Ok(None);
        }
        return Ok(Some((placed(text, at, 3, None), 3)));
    }
    Ok(None)
}

fn dollar_hole(rest: &str, at: usize) -> Result<Option<(Hole, usize)>, StructuralError> {
    let n_dollars = rest.chars().take_while(|c| *c == '$').count();
    let name: String = rest[n_dollars..].chars().take_while(|c| is_word(*c)).collect();
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
            && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    let len = n_dollars + name.len();
    let named = Some(name.clone()).filter(|name| !name.starts_with('_'));
    match n_dollars {
        3 if name.is_empty() => Ok(Some((Hole::Many { name: None }, len))),
        3 if is_name(&name) => Ok(Some((Hole::Many { name: named }, len))),
        1 | 2 if is_name(&name) => Ok(Some((Hole::One { name: named, is_named: n_dollars == 1 }, len))),
        3.. => {
            let what =
                if n_dollars > 3 { "has too many dollar signs" } else { "must have a name in capitals" };
            Err(StructuralError::BadHole { what, span: at..at + len })
        }
        _ => Ok(None),
    }
}

/// Where the bracket closes that was open before this text; in an expression (`:[x~[a-z]+]`) others may open and close.
fn end_of_comby_hole(rest: &str) -> Option<usize> {
    let has_expression = rest.chars().take_while(|c| is_word(*c)).count();
    if !rest[has_expression..].starts_with('~') {
        return rest.find(']');
    }
    let mut depth = 0_u32;
    for (at, c) in rest.char_indices() {
        match c {
            '[' => depth += 1,
            ']' if depth == 0 => return Some(at),
            ']' => depth -= 1,
            _ => {}
        }
    }
    rest.find(']')
}

fn comby_hole(text: &str, at: usize) -> Result<Option<(Hole, usize)>, StructuralError> {
    let rest = &text[at + 2..];
    let Some(end) = end_of_comby_hole(rest) else { return Ok(None) };
    let inside = &rest[..end];
    if let Some(name) = inside.strip_prefix('[') {
        if rest[end..].starts_with("]]") && is_comby_name(name) {
            return Ok(Some((one(name), end + 4)));
        }
        return Ok(None);
    }
    let (span, len) = (at..at + end + 3, end + 3);
    let refuse = |what| Err(StructuralError::BadHole { what, span });
    if is_comby_name(inside) {
        return Ok(Some((placed(text, at, len, Some(inside)), len)));
    }
    if let Some(name) = inside.strip_suffix(":e").filter(|name| is_comby_name(name)) {
        return Ok(Some((one(name), len)));
    }
    let name_len = inside.chars().take_while(|c| is_word(*c)).count();
    match inside[name_len..].chars().next() {
        Some('~') => {
            refuse("asks for a regular expression, which holes cannot; search for it in another query")
        }
        Some(' ') if name_len == 0 && is_comby_name(inside.trim()) => {
            refuse("asks for white space, which syntax trees do not have")
        }
        Some('.') if inside.len() == name_len + 1 => {
            refuse("asks for characters, not for syntax; write $NAME for one node")
        }
        Some('\\') if inside.ends_with("\\n") => {
            refuse("asks for the rest of a line, which syntax trees do not have")
        }
        _ => Ok(None),
    }
}

fn is_comby_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_word)
}

fn one(name: &str) -> Hole {
    Hole::One { name: remembered(name), is_named: true }
}

fn remembered(name: &str) -> Option<String> {
    Some(name.to_owned()).filter(|name| !name.starts_with('_'))
}

/// Comby's hole takes as much as its surroundings leave: between the marks of a list that is any number of nodes, elsewhere
/// one.
fn placed(text: &str, at: usize, len: usize, name: Option<&str>) -> Hole {
    let before = text[..at].trim_end().chars().next_back();
    let after = text[at + len..].trim_start().chars().next();
    let in_list = matches!(before, Some('(' | '[' | '{' | ',' | ';' | '}'))
        && matches!(after, Some(')' | ']' | '}' | ',' | ';'));
    // A block that is indented has no marks: what ends the pattern behind a colon is its body.
    let is_body = after.is_none() && matches!(before, Some(':'));
    let name = name.and_then(remembered);
    if in_list || is_body { Hole::Many { name } } else { Hole::One { name, is_named: true } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, expected: &str) {
        let holes = Holes::read(pattern).expect(pattern);
        assert_eq!(holes.render(Style::Lower, true).text, expected, "{pattern}");
    }

    #[test]
    fn both_spellings_are_read() {
        check("f($A, $$$REST)", "f(zqvsA, zqvnREST)");
        check("f($_, $$$, $_X)", "f(zqvd, zqvm, zqvd)");
        check("f(:[x], :[[y]], :[z:e])", "f(zqvnx, zqvsy, zqvsz)");
        check("f(...)", "f(zqvm)");
        check(":[x] = f(:[_])", "zqvsx = f(zqvm)");
        check("if (:[c]) { ... }", "if (zqvnc) { zqvm; }");
        check("def f(...): ...", "def f(zqvm): zqvm");
    }

    #[test]
    fn what_only_looks_like_a_hole_is_code() {
        for text in [
            "$foo = $bar;",
            "a$B()",
            "f(...args)",
            "f(args...)",
            "x ? y :[1, 2]",
            "a[:[b, c]]",
            "$Abc()",
            "f($)",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn what_cannot_be_said_of_nodes_is_refused() {
        for (pattern, place) in [
            ("f(:[x~[a-z]+])", 2..13),
            ("f(:[~a])", 2..7),
            ("f(:[ x])", 2..7),
            ("f(:[x.])", 2..7),
            ("f(:[x\\n])", 2..8),
            ("f($$$args)", 2..9),
            ("f($$$$A)", 2..7),
        ] {
            match Holes::read(pattern) {
                Err(StructuralError::BadHole { span, .. }) => assert_eq!(span, place, "{pattern}"),
                other => panic!("{pattern}: {other:?}"),
            }
        }
        assert_eq!(Holes::read("$A $$$").err(), Some(StructuralError::Everything));
    }

    #[test]
    fn places_are_found_again() {
        let rendered = Holes::read("f($ARGUMENT, x)").expect("a pattern").render(Style::Quoted, false);
        assert_eq!(rendered.text, "f(\"zqvsARGUMENT\", x)");
        assert_eq!(rendered.origin(0), 0);
        assert_eq!(rendered.origin(rendered.text.find('x').expect("x")), 13);
        assert_eq!(rendered.origin(rendered.text.len()), 15);
    }
}
