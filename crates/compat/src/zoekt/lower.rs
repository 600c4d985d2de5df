//! A zoekt query as one of ours.
//!
//! Ours is case-sensitive or not as a whole, theirs pattern by pattern: the whole takes the side of most patterns, the
//! others carry `(?i:…)` or `(?-i:…)`. What ours sets for a whole query (`b:`, `archived:`, `fork:`, `public:`, `type:`,
//! `sym:`) is served where theirs stands outside of groups.

use super::case::has_upper_case;
use super::parse::{Atom, Case, Node, ParseError, Place, Type, cut};
use query::{
    Count, Expr, Filter, FilterKind, Inclusion, Limits, Pattern, PatternKind, Query, Regex, RepoFilter,
    RepoPredicate, ResultType, Rev, RevKind, Select, Setting, Settings, Span, Spanned, Target, Visibility,
};

/// What a zoekt query asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// In our words.
    pub query: Query,
    /// What kind of results are wanted.
    pub kind: Kind,
    /// Whether it asks for repositories by name and metadata only.
    pub is_about_repos: bool,
    /// Whether it asks nothing: every repository.
    pub is_everything: bool,
}

/// The kind of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What matches in files.
    FileMatch,
    /// The names of files that match.
    FileName,
    /// Repositories that hold matches.
    Repo,
    /// Definitions.
    Symbol,
}

/// Lowers a tree.
pub(super) fn lower(node: Node) -> Result<Asked, ParseError> {
    let mut lowering = Lowering {
        is_sensitive: mostly_sensitive(&node),
        settings: Settings {
            fork: Setting::given(Inclusion::Yes, Span::default()),
            archived: Setting::given(Inclusion::Yes, Span::default()),
            count: Setting::given(Count::All, Span::default()),
            ..Settings::default()
        },
        kind: Kind::FileMatch,
        asks_symbols: false,
        asks_files: false,
        n_patterns: 0,
    };
    let expr = lowering.node(node, true)?;
    let Lowering { is_sensitive, mut settings, mut kind, asks_symbols, asks_files, n_patterns } = lowering;
    if asks_symbols && n_patterns > 1 {
        return Err(not_served("sym: beside other patterns", "ask for the symbol alone"));
    }
    settings.case_sensitive = Setting::given(is_sensitive, Span::default());
    let is_about_repos = n_patterns == 0 && !asks_files;
    if asks_symbols {
        kind = Kind::Symbol;
        settings.types = vec![Spanned::new(ResultType::Symbol, Span::default())];
    } else {
        let types = match (is_about_repos, kind) {
            (true, Kind::Repo) => vec![ResultType::Repo],
            _ => vec![ResultType::File, ResultType::Path],
        };
        settings.types = types.into_iter().map(|kind| Spanned::new(kind, Span::default())).collect();
    }
    let select = match kind {
        Kind::FileName => Some(Select::File),
        Kind::Repo if !is_about_repos => Some(Select::Repo),
        _ => None,
    };
    settings.select = Setting::default_of(select);
    let is_everything = expr.is_everything();
    Ok(Asked { query: Query { expr, settings }, kind, is_about_repos, is_everything })
}

impl Asked {
    /// The same, asking for the repositories that hold matches.
    pub fn as_repos(mut self) -> Self {
        let settings = &mut self.query.settings;
        if self.is_about_repos {
            settings.types = vec![Spanned::new(ResultType::Repo, Span::default())];
            settings.select = Setting::default_of(None);
        } else {
            settings.select = Setting::default_of(Some(Select::Repo));
        }
        self.kind = Kind::Repo;
        self
    }

    /// The same, within these repositories.
    pub fn within(mut self, repos: &[model::RepoName]) -> Self {
        let names = repos.iter().map(|name| regex_syntax::escape(name.as_str())).collect::<Vec<_>>();
        // No repository at all: a name that none has.
        let names = if names.is_empty() { vec!["@".to_owned()] } else { names };
        let regex = Regex::new(&format!("^(?-i:{})$", names.join("|")), &Limits::DEFAULT);
        let filter = match regex {
            Ok(name) => repo_filter(name),
            // More names than an expression may hold: as many filters.
            Err(_) => Expr::or(names.iter().filter_map(|name| exactly(name)).collect()),
        };
        self.query.expr = Expr::and(vec![filter, self.query.expr]);
        self.is_everything = false;
        self
    }
}

struct Lowering {
    is_sensitive: bool,
    settings: Settings,
    kind: Kind,
    asks_symbols: bool,
    asks_files: bool,
    n_patterns: usize,
}

impl Lowering {
    /// `is_top`: no group and no disjunction stands around it.
    fn node(&mut self, node: Node, is_top: bool) -> Result<Expr, ParseError> {
        match node {
            Node::And(nodes) => self.all(nodes, is_top).map(Expr::and),
            Node::Or(nodes) => self.all(nodes, false).map(Expr::or),
            Node::Not(node) => match *node {
                Node::Atom(Atom::Archived(yes)) => self.atom(Atom::Archived(!yes), is_top),
                Node::Atom(Atom::Fork(yes)) => self.atom(Atom::Fork(!yes), is_top),
                Node::Atom(Atom::Public(yes)) => self.atom(Atom::Public(!yes), is_top),
                node => Ok(Expr::not(self.node(node, false)?, Span::default())),
            },
            Node::Typed(Type::FileMatch, node) => self.node(*node, is_top),
            Node::Typed(_, _) if !is_top => {
                Err(not_served("type: inside a group", "write it outside of parentheses"))
            }
            Node::Typed(type_, node) => {
                self.kind = if type_ == Type::Repo { Kind::Repo } else { Kind::FileName };
                self.node(*node, is_top)
            }
            Node::Atom(atom) => self.atom(atom, is_top),
        }
    }

    fn all(&mut self, nodes: Vec<Node>, is_top: bool) -> Result<Vec<Expr>, ParseError> {
        nodes.into_iter().map(|node| self.node(node, is_top)).collect()
    }

    fn atom(&mut self, atom: Atom, is_top: bool) -> Result<Expr, ParseError> {
        let at_top = |what: &str| match is_top {
            true => Ok(()),
            false => Err(not_served(format!("{what} inside a group"), "write it outside of parentheses")),
        };
        match atom {
            Atom::Pattern { regex, literal, place, case } => {
                self.pattern(regex, literal, place, case, is_top)
            }
            Atom::Repo(name) => {
                let name = if self.is_sensitive { name } else { wrapped("-i", &name)? };
                Ok(repo_filter(name))
            }
            Atom::Branch(part) => {
                at_top("branch:")?;
                self.branch(&part)
            }
            Atom::Lang(name) => {
                self.asks_files = true;
                Ok(match syntax::language_by_name(&name) {
                    Some(_) => filter(FilterKind::Language(name)),
                    None => nothing(),
                })
            }
            Atom::Archived(yes) => {
                at_top("archived:")?;
                self.settings.archived = Setting::given(only(yes), Span::default());
                Ok(Expr::everything())
            }
            Atom::Fork(yes) => {
                at_top("fork:")?;
                self.settings.fork = Setting::given(only(yes), Span::default());
                Ok(Expr::everything())
            }
            Atom::Public(yes) => {
                at_top("public:")?;
                let visibility = if yes { Visibility::Public } else { Visibility::Private };
                self.settings.visibility = Setting::given(visibility, Span::default());
                Ok(Expr::everything())
            }
            Atom::Meta { key, value } => meta(key, &value),
            Atom::Anything => Ok(Expr::everything()),
        }
    }

    fn pattern(
        &mut self,
        regex: Regex,
        literal: Option<String>,
        place: Place,
        case: Case,
        is_top: bool,
    ) -> Result<Expr, ParseError> {
        let is_sensitive = is_sensitive(&regex, case);
        let flags = if is_sensitive { "-i" } else { "i" };
        let fits = is_sensitive == self.is_sensitive;
        self.n_patterns += 1;
        if place == Place::File {
            self.n_patterns -= 1;
            self.asks_files = true;
            return Ok(filter(FilterKind::File(if fits { regex } else { wrapped(flags, &regex)? })));
        }
        if place == Place::Symbol {
            if !is_top {
                return Err(not_served("sym: inside a group", "ask for the symbol alone"));
            }
            self.asks_symbols = true;
        }
        let kind = match (literal, fits) {
            (Some(literal), true) => PatternKind::Literal(literal),
            (_, true) => PatternKind::Regex(regex),
            (_, false) => PatternKind::Regex(wrapped(flags, &regex)?),
        };
        let target = if place == Place::Content { Target::Content } else { Target::Any };
        Ok(Expr::Pattern(Pattern { span: Span::default(), target, kind }))
    }

    /// Branches whose name holds a text; `HEAD` is the default branch.
    fn branch(&mut self, part: &str) -> Result<Expr, ParseError> {
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '+' | '#');
        if !part.chars().all(is_plain) || part.starts_with('-') {
            return Err(ParseError::BadArgument {
                field: "branch",
                expected: "a part of a branch's name",
                value: cut(part),
            });
        }
        if !self.settings.revs.is_empty() {
            return Err(not_served("more than one branch:", "ask for one at a time"));
        }
        let kind = match part {
            "HEAD" => RevKind::Name("HEAD".into()),
            part => RevKind::Glob(format!("refs/heads/*{part}*")),
        };
        self.settings.revs = vec![Rev { span: Span::default(), kind }];
        Ok(Expr::everything())
    }
}

/// Whether more patterns distinguish case than not.
fn mostly_sensitive(node: &Node) -> bool {
    let mut balance = 0i64;
    let mut pending = vec![node];
    while let Some(node) = pending.pop() {
        match node {
            Node::And(nodes) | Node::Or(nodes) => pending.extend(nodes),
            Node::Not(node) | Node::Typed(_, node) => pending.push(node),
            Node::Atom(Atom::Pattern { regex, case, .. }) => {
                balance += if is_sensitive(regex, *case) { 1 } else { -1 };
            }
            Node::Atom(_) => {}
        }
    }
    balance > 0
}

fn is_sensitive(regex: &Regex, case: Case) -> bool {
    match case {
        Case::Yes => true,
        Case::No => false,
        Case::Auto => has_upper_case(regex.as_str()),
    }
}

/// `meta.key:RE`: ours compares whole values, so that an expression must be one, or none.
fn meta(key: String, value: &Regex) -> Result<Expr, ParseError> {
    let text = value.as_str();
    let whole = text.strip_prefix('^').and_then(|text| text.strip_suffix('$'));
    let value = match (text, whole.and_then(super::case::literal_of)) {
        ("" | ".*" | "^.*$", _) => None,
        (_, Some(value)) => Some(value),
        _ => {
            return Err(not_served(
                format!("meta.{}: with an expression", cut(&key)),
                "write meta.key:^value$, or meta.key:.* for any value",
            ));
        }
    };
    Ok(filter(FilterKind::RepoHas(RepoPredicate::Meta { key, value })))
}

fn only(yes: bool) -> Inclusion {
    if yes { Inclusion::Only } else { Inclusion::No }
}

fn wrapped(flags: &str, regex: &Regex) -> Result<Regex, ParseError> {
    Regex::new(&format!("(?{flags}:{})", regex.as_str()), &Limits::DEFAULT)
        .map_err(|source| ParseError::BadRegex { source: Box::new(source) })
}

fn exactly(escaped: &str) -> Option<Expr> {
    Regex::new(&format!("^(?-i:{escaped})$"), &Limits::DEFAULT).ok().map(repo_filter)
}

fn repo_filter(name: Regex) -> Expr {
    filter(FilterKind::Repo(RepoFilter { name, revs: Vec::new() }))
}

fn filter(kind: FilterKind) -> Expr {
    Expr::Filter(Filter { span: Span::default(), value_span: Span::default(), kind })
}

fn nothing() -> Expr {
    Expr::not(Expr::everything(), Span::default())
}

fn not_served(what: impl Into<String>, instead: &'static str) -> ParseError {
    ParseError::NotServed { what: what.into(), instead }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same in our language, settings left out.
    fn check(text: &str, expected: &str) {
        let asked = super::super::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let ours =
            query::parse(expected, &query::Options::default()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(asked.query.without_spans().expr, ours.without_spans().expr, "{text}");
    }

    fn error(text: &str) -> String {
        super::super::parse(text).map(|asked| asked.query).unwrap_err().to_string()
    }

    #[test]
    fn operators() {
        check("foo bar", "foo bar");
        check("foo or bar baz", "foo OR (bar baz)");
        check("-foo bar", "-foo bar");
        check("(foo or bar) baz", "(foo OR bar) baz");
        check("(foo|bar)", "/(foo|bar)/");
        check("foo and bar", "foo \"and\" bar");
    }

    #[test]
    fn fields() {
        check("r:zoekt f:parse sym", "repo:(?-i:zoekt) file:parse sym");
        check("c:x -file:y", "content:\"x\" -file:y");
        check("lang:go x", "lang:go x");
        let unknown = super::super::parse("lang:nothing-of-this-name x").unwrap().query.expr;
        assert!(
            matches!(&unknown, Expr::And { operands, .. } if operands.contains(&nothing())),
            "{unknown:?}"
        );
        check("\"a b\"", "\"a b\"");
    }

    #[test]
    fn case_is_decided_pattern_by_pattern() {
        let case = |text: &str| super::super::parse(text).unwrap().query.settings.case_sensitive.value;
        assert!(!case("foo"));
        assert!(case("Foo"));
        assert!(case("foo case:yes"));
        assert!(!case("Foo case:no"));
        check("Foo bar baz", "/(?-i:Foo)/ bar baz");
        check("r:Zoekt Foo", "repo:Zoekt Foo");
        check("(foo case:yes) (bar case:no) (baz case:no)", "/(?-i:foo)/ bar baz");
    }

    #[test]
    fn settings_of_the_whole() {
        let asked = super::super::parse("b:main archived:no fork:yes public:no type:file foo").unwrap();
        let settings = &asked.query.settings;
        assert_eq!(settings.revs[0].kind, RevKind::Glob("refs/heads/*main*".into()));
        assert_eq!((settings.archived.value, settings.fork.value), (Inclusion::No, Inclusion::Only));
        assert_eq!(settings.visibility.value, Visibility::Private);
        assert_eq!((asked.kind, settings.select.value.clone()), (Kind::FileName, Some(Select::File)));
        let asked = super::super::parse("r:foo -archived:yes").unwrap();
        assert!(asked.is_about_repos && !asked.is_everything);
        assert!(super::super::parse("").unwrap().is_everything);
        assert_eq!(super::super::parse("sym:foo r:x").unwrap().kind, Kind::Symbol);
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(error("\"a"), "query: unterminated quoted string");
        assert_eq!(error("a)"), "query: extra tokens found at end of input: \")\"");
        assert_eq!(error("(a b"), "query: missing close paren");
        assert_eq!(error("or a"), "query: OR operator should have operand");
        assert_eq!(error("a or"), "query: OR operator should have operand");
        assert_eq!(error("-"), "query: '-' operator needs an argument");
        assert_eq!(error("case:x"), "query: unknown case argument \"x\", want {yes,no,auto}");
        assert!(error("[a").contains("class"), "{}", error("[a"));
        assert!(error("(b:x or a)").contains("branch: inside a group"));
        assert!(error(&"(a ".repeat(100)).contains("nested deeper"));
        assert!(error(&"-".repeat(1000)).contains("nested deeper"));
    }
}
