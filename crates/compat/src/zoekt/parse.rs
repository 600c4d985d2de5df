//! A zoekt query as a tree: white space is AND, `or` is looser, `-` negates, `case:` and `type:` hold for their group.

use super::case;
use super::token::{self, Field, Kind as TokenKind, Token};
use query::{Limits, Regex};

/// A tree.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    /// `type:` over a group.
    Typed(Type, Box<Node>),
    Atom(Atom),
}

/// What `type:` asks for, in the order in which one wins over the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Type {
    FileMatch,
    FileName,
    Repo,
}

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Atom {
    Pattern {
        regex: Regex,
        literal: Option<String>,
        place: Place,
        case: Case,
    },
    Repo(Regex),
    Branch(String),
    Lang(String),
    Archived(bool),
    Fork(bool),
    Public(bool),
    Meta {
        key: String,
        value: Regex,
    },
    /// It holds for everything.
    Anything,
}

/// Where a pattern is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Anywhere,
    Content,
    File,
    Symbol,
}

/// `case:`. `auto`: upper case in the pattern makes it count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Auto,
    Yes,
    No,
}

/// Why a query is none.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ParseError {
    /// A quote that never closes.
    #[error("query: unterminated quoted string")]
    UnterminatedQuote,
    /// A backslash at the end.
    #[error("query: lone \\ at end")]
    LoneBackslash,
    /// A `)` too many.
    #[error("query: extra tokens found at end of input: {rest:?}")]
    ExtraTokens {
        /// What is left, cut to 80 characters.
        rest: String,
    },
    /// A group that never closes.
    #[error("query: missing close paren")]
    MissingClose,
    /// A `-` before nothing.
    #[error("query: '-' operator needs an argument")]
    NothingNegated,
    /// An `or` without something before or after it.
    #[error("query: OR operator should have operand")]
    NothingJoined,
    /// A value that is none of the field's.
    #[error("query: unknown {field} argument {value:?}, want {expected}")]
    BadArgument {
        /// The field.
        field: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What was given, cut to 80 characters.
        value: String,
    },
    /// Something that is no regular expression, or too large a one.
    #[error("query: {source}")]
    BadRegex {
        /// What is wrong.
        source: Box<query::ParseError>,
    },
    /// Too many groups within groups, or too long.
    #[error("query: longer than {bytes_max} bytes or nested deeper than {depth_max}")]
    TooLarge {
        /// How long it may be.
        bytes_max: usize,
        /// How deep it may be.
        depth_max: usize,
    },
    /// Something zoekt evaluates and this server does not.
    #[error("query: {what} is not served here: {instead}")]
    NotServed {
        /// What.
        what: String,
        /// What to do instead.
        instead: &'static str,
    },
}

/// Reads a query.
pub(super) fn parse(text: &str) -> Result<Node, ParseError> {
    if text.len() > Limits::DEFAULT.bytes_max {
        return Err(too_large());
    }
    let mut parser = Parser { rest: text };
    let items = parser.list(0)?;
    if !parser.rest.is_empty() {
        return Err(ParseError::ExtraTokens { rest: cut(parser.rest) });
    }
    items.node()
}

struct Parser<'t> {
    rest: &'t str,
}

/// The members of a group, `or`s among them.
struct List {
    items: Vec<Item>,
    type_: Option<Type>,
}

enum Item {
    Node(Node),
    Or,
}

enum Read {
    Node(Node),
    Case(Case),
    Type(Type),
}

impl Parser<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches(token::is_space);
    }

    fn peek(&self) -> Result<Option<Token>, ParseError> {
        token::next(self.rest)
    }

    fn take(&mut self, token: &Token) {
        self.rest = &self.rest[token.len..];
    }

    /// Everything up to the end of the group.
    fn list(&mut self, depth: usize) -> Result<List, ParseError> {
        if depth > Limits::DEFAULT.depth_max {
            return Err(too_large());
        }
        let mut list = List { items: Vec::new(), type_: None };
        let mut case = None;
        loop {
            self.skip_space();
            match self.peek()? {
                None => break,
                Some(token) if token.kind == TokenKind::Close => break,
                Some(token) if token.kind == TokenKind::Or => {
                    self.take(&token);
                    list.items.push(Item::Or);
                }
                Some(_) => match self.one(depth)? {
                    None => break,
                    Some(Read::Case(given)) => case = Some(given),
                    Some(Read::Type(given)) => {
                        list.type_ = Some(list.type_.map_or(given, |other| other.min(given)));
                    }
                    Some(Read::Node(node)) => list.items.push(Item::Node(node)),
                },
            }
        }
        if let Some(case) = case {
            for item in &mut list.items {
                if let Item::Node(node) = item {
                    node.set_case(case);
                }
            }
        }
        Ok(list)
    }

    fn one(&mut self, depth: usize) -> Result<Option<Read>, ParseError> {
        self.skip_space();
        let Some(token) = self.peek()? else { return Ok(None) };
        match token.kind {
            TokenKind::Close => Ok(None),
            TokenKind::Minus => {
                self.take(&token);
                if depth >= Limits::DEFAULT.depth_max {
                    return Err(too_large());
                }
                match self.one(depth + 1)? {
                    Some(Read::Node(node)) => Ok(Some(Read::Node(Node::Not(Box::new(node))))),
                    _ => Err(ParseError::NothingNegated),
                }
            }
            TokenKind::Open => {
                self.take(&token);
                let inside = self.list(depth + 1)?;
                self.skip_space();
                match self.peek()? {
                    Some(close) if close.kind == TokenKind::Close => self.take(&close),
                    _ => return Err(ParseError::MissingClose),
                }
                Ok(Some(Read::Node(inside.node()?)))
            }
            TokenKind::Or | TokenKind::Text => {
                self.take(&token);
                pattern(&token.text, Place::Anywhere).map(|atom| Some(Read::Node(atom)))
            }
            TokenKind::Field(field) => {
                self.take(&token);
                self.field(field, &token.text).map(Some)
            }
        }
    }

    fn field(&self, field: Field, text: &str) -> Result<Read, ParseError> {
        let atom = match field {
            Field::Case => return case_of(text).map(Read::Case),
            Field::Type => return type_of(text).map(Read::Type),
            Field::Regex => return pattern(text, Place::Anywhere).map(Read::Node),
            Field::Content => return pattern(text, Place::Content).map(Read::Node),
            Field::File => return pattern(text, Place::File).map(Read::Node),
            Field::Sym if text.is_empty() => {
                return Err(ParseError::BadArgument {
                    field: "sym",
                    expected: "an expression",
                    value: String::new(),
                });
            }
            Field::Sym => return pattern(text, Place::Symbol).map(Read::Node),
            Field::Repo if text.is_empty() => Atom::Anything,
            Field::Repo => Atom::Repo(regex(text)?),
            Field::Branch => Atom::Branch(text.to_owned()),
            Field::Lang => Atom::Lang(text.to_owned()),
            Field::Archived => Atom::Archived(yes_no("archived", text)?),
            Field::Fork => Atom::Fork(yes_no("fork", text)?),
            Field::Public => Atom::Public(yes_no("public", text)?),
            Field::Meta => match text.split_once(':') {
                Some((key, value)) if !key.is_empty() => {
                    Atom::Meta { key: key.to_owned(), value: regex(value)? }
                }
                _ => return Err(bad("meta", "meta.key:expression", text)),
            },
        };
        Ok(Read::Node(Node::Atom(atom)))
    }
}

impl List {
    fn node(self) -> Result<Node, ParseError> {
        let mut branches = vec![Vec::new()];
        let mut has_or = false;
        for item in self.items {
            match (item, branches.last_mut()) {
                (Item::Node(node), Some(branch)) => branch.push(node),
                (Item::Or, Some(branch)) if !branch.is_empty() => {
                    has_or = true;
                    branches.push(Vec::new());
                }
                _ => return Err(ParseError::NothingJoined),
            }
        }
        if has_or && branches.last().is_some_and(Vec::is_empty) {
            return Err(ParseError::NothingJoined);
        }
        let mut branches: Vec<Node> = branches.into_iter().map(Node::And).collect();
        let node = match branches.len() {
            1 => branches.remove(0),
            _ => Node::Or(branches),
        };
        Ok(match self.type_ {
            Some(type_) => Node::Typed(type_, Box::new(node)),
            None => node,
        })
    }
}

impl Node {
    /// Sets the case of every pattern that no inner `case:` has set.
    fn set_case(&mut self, given: Case) {
        match self {
            Node::And(nodes) | Node::Or(nodes) => nodes.iter_mut().for_each(|node| node.set_case(given)),
            Node::Not(node) | Node::Typed(_, node) => node.set_case(given),
            Node::Atom(Atom::Pattern { case, .. }) if *case == Case::Auto => *case = given,
            Node::Atom(_) => {}
        }
    }
}

fn pattern(text: &str, place: Place) -> Result<Node, ParseError> {
    if text.is_empty() {
        return Ok(Node::Atom(Atom::Anything));
    }
    let regex = regex(text)?;
    let literal = case::literal_of(regex.as_str());
    Ok(Node::Atom(Atom::Pattern { regex, literal, place, case: Case::Auto }))
}

fn regex(text: &str) -> Result<Regex, ParseError> {
    Regex::new(text, &Limits::DEFAULT).map_err(|source| ParseError::BadRegex { source: Box::new(source) })
}

fn case_of(text: &str) -> Result<Case, ParseError> {
    match text {
        "yes" => Ok(Case::Yes),
        "no" => Ok(Case::No),
        "auto" => Ok(Case::Auto),
        _ => Err(bad("case", "{yes,no,auto}", text)),
    }
}

fn type_of(text: &str) -> Result<Type, ParseError> {
    match text {
        "filematch" => Ok(Type::FileMatch),
        "filename" | "file" => Ok(Type::FileName),
        "repo" => Ok(Type::Repo),
        _ => Err(bad("type", "{filematch,filename,repo}", text)),
    }
}

fn yes_no(field: &'static str, text: &str) -> Result<bool, ParseError> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(bad(field, "{yes,no}", text)),
    }
}

fn bad(field: &'static str, expected: &'static str, value: &str) -> ParseError {
    ParseError::BadArgument { field, expected, value: cut(value) }
}

pub(super) fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

fn too_large() -> ParseError {
    ParseError::TooLarge { bytes_max: Limits::DEFAULT.bytes_max, depth_max: Limits::DEFAULT.depth_max }
}
