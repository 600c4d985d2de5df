//! The tree of a query: what is asked, without how it was spelled.

use crate::{ContextFilter, Date, Regex, Rev, Settings, Span};

/// A whole query: a boolean expression over documents, and the settings that hold for all of it.
///
/// `Display` prints a text that parses to the same query again (under the same
/// [`Options`](crate::Options)), spans aside.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// What a document must satisfy. The empty conjunction holds for everything.
    pub expr: Expr,
    /// `case: count: timeout: type: select: fork: archived: visibility: index: rev: patterntype:`.
    pub settings: Settings,
}

impl Query {
    /// The same query without its places in a text: two texts ask the same if these are equal.
    pub fn without_spans(mut self) -> Self {
        self.expr.set_spans(Span::default());
        self.settings.erase_spans();
        self
    }
}

/// A boolean expression. Built by [`Expr::and`], [`Expr::or`] and [`Expr::not`], which keep it normal: no conjunction directly
/// inside a conjunction, no disjunction directly inside a disjunction, no operator over one operand, no double negation.
/// Trees made by [`parse`](crate::parse) are at most [`Limits::depth_max`](crate::Limits::depth_max) levels deep, so
/// that recursion over them is safe.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// Every operand holds. Without operands: everything. Otherwise at least two, none of them an `And`.
    And {
        /// What must hold.
        operands: Vec<Expr>,
        /// From the first operand to the last.
        span: Span,
    },
    /// At least one operand holds. At least two operands, none of them an `Or`.
    Or {
        /// What may hold.
        operands: Vec<Expr>,
        /// From the first operand to the last.
        span: Span,
    },
    /// The operand does not hold. It is never a `Not` itself.
    Not {
        /// What must not hold.
        operand: Box<Expr>,
        /// From the `-` or `NOT` to the end of the operand.
        span: Span,
    },
    /// A condition on the repository, the path, the language or the commit.
    Filter(Filter),
    /// A condition on the content (or the path).
    Pattern(Pattern),
}

impl Expr {
    /// The expression that holds for everything: what an empty query asks.
    pub fn everything() -> Self {
        Expr::And { operands: Vec::new(), span: Span::default() }
    }

    /// Joins by AND, flattening conjunctions among the operands. One operand is returned as it is; none is everything.
    pub fn and(operands: Vec<Expr>) -> Self {
        let mut flat = Vec::with_capacity(operands.len());
        for operand in operands {
            match operand {
                Expr::And { operands, .. } => flat.extend(operands),
                other => flat.push(other),
            }
        }
        if flat.len() == 1
            && let Some(only) = flat.pop()
        {
            return only;
        }
        let span = hull(&flat);
        Expr::And { operands: flat, span }
    }

    /// Joins by OR, flattening disjunctions among the operands. One operand is returned as it is. An operand that holds
    /// for everything makes the whole hold for everything, as does (there is no other meaning for it) no operand at all.
    pub fn or(operands: Vec<Expr>) -> Self {
        let mut flat = Vec::with_capacity(operands.len());
        for operand in operands {
            match operand {
                Expr::Or { operands, .. } => flat.extend(operands),
                other => flat.push(other),
            }
        }
        if flat.is_empty() || flat.iter().any(Expr::is_everything) {
            return Expr::everything();
        }
        if flat.len() == 1
            && let Some(only) = flat.pop()
        {
            return only;
        }
        let span = hull(&flat);
        Expr::Or { operands: flat, span }
    }

    /// Negates; a double negation disappears. `span` covers the negation and its operand.
    #[allow(clippy::should_implement_trait, reason = "it takes a span, which `std::ops::Not` cannot")]
    pub fn not(operand: Expr, span: Span) -> Self {
        match operand {
            Expr::Not { operand, .. } => *operand,
            other => Expr::Not { operand: Box::new(other), span },
        }
    }

    /// Where it stands in the text.
    pub fn span(&self) -> Span {
        match self {
            Expr::And { span, .. } | Expr::Or { span, .. } | Expr::Not { span, .. } => *span,
            Expr::Filter(filter) => filter.span,
            Expr::Pattern(pattern) => pattern.span,
        }
    }

    /// Makes everything stand at one place. It recurses as deep as the tree.
    pub(crate) fn set_spans(&mut self, place: Span) {
        match self {
            Expr::And { operands, span } | Expr::Or { operands, span } => {
                *span = place;
                operands.iter_mut().for_each(|operand| operand.set_spans(place));
            }
            Expr::Not { operand, span } => {
                *span = place;
                operand.set_spans(place);
            }
            Expr::Filter(filter) => {
                (filter.span, filter.value_span) = (place, place);
                if let FilterKind::Repo(repo) = &mut filter.kind {
                    repo.revs.iter_mut().for_each(|rev| rev.span = place);
                }
            }
            Expr::Pattern(pattern) => pattern.span = place,
        }
    }

    /// Whether it is the empty conjunction.
    pub fn is_everything(&self) -> bool {
        matches!(self, Expr::And { operands, .. } if operands.is_empty())
    }

    /// Calls `visit` for every leaf, in the order of the text, with whether an odd number of negations stands above it.
    pub fn for_each_leaf<'a>(&'a self, visit: &mut dyn FnMut(Leaf<'a>, bool)) {
        let mut pending = vec![(self, false)];
        while let Some((expr, negated)) = pending.pop() {
            match expr {
                Expr::And { operands, .. } | Expr::Or { operands, .. } => {
                    pending.extend(operands.iter().rev().map(|operand| (operand, negated)));
                }
                Expr::Not { operand, .. } => pending.push((operand, !negated)),
                Expr::Filter(filter) => visit(Leaf::Filter(filter), negated),
                Expr::Pattern(pattern) => visit(Leaf::Pattern(pattern), negated),
            }
        }
    }
}

fn hull(operands: &[Expr]) -> Span {
    operands.iter().map(Expr::span).reduce(Span::to).unwrap_or_default()
}

/// One end of the tree, as [`Expr::for_each_leaf`] hands it out.
#[derive(Clone, Copy, Debug)]
pub enum Leaf<'a> {
    /// A condition on the repository, the path, the language or the commit.
    Filter(&'a Filter),
    /// A condition on the content (or the path).
    Pattern(&'a Pattern),
}

/// A pattern to find.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// Where it stands, quotes or slashes (and `content:`) included.
    pub span: Span,
    /// What is looked through.
    pub target: Target,
    /// What is looked for. Never empty.
    pub kind: PatternKind,
}

/// What a pattern is looked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A bare term: a document matches by its content or by its path; under `type:` only by what is named there, and a
    /// repository by its name.
    Any,
    /// `content:`: the content only.
    Content,
}

/// What is looked for. Upper and lower case differ only under `case:yes`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PatternKind {
    /// Exactly this text, line ends included.
    Literal(String),
    /// A regular expression; `^` and `$` stand for the ends of a line.
    Regex(Regex),
    /// A syntax-tree pattern with metavariables.
    Structural(String),
}

/// A condition that is not a pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// The whole of it: name, colon and value, without a `-` before it.
    pub span: Span,
    /// The value alone, quotes included.
    pub value_span: Span,
    /// What is asked.
    pub kind: FilterKind,
}

/// What a [`Filter`] asks.
#[derive(Clone, Debug, PartialEq)]
pub enum FilterKind {
    /// `repo:RE`, `repo:RE@rev:rev`.
    Repo(RepoFilter),
    /// `repo:has.…(…)`.
    RepoHas(RepoPredicate),
    /// `file:RE`: a regular expression on the path.
    File(Regex),
    /// `file:has.…(…)`.
    FileHas(FilePredicate),
    /// `lang:NAME`, as written: the name or an alias of a language, in any case.
    Language(String),
    /// `context:NAME`.
    Context(ContextFilter),
    /// `author:RE` on "name <address>" of a commit.
    Author(Regex),
    /// `committer:RE`, likewise.
    Committer(Regex),
    /// `message:RE` on a commit's message.
    Message(Regex),
    /// `before:DATE`: commits older than that.
    Before(Date),
    /// `after:DATE`: commits younger than that.
    After(Date),
}

/// `repo:RE`, with the revisions after its `@`, if there are any.
#[derive(Clone, Debug, PartialEq)]
pub struct RepoFilter {
    /// Matches somewhere in the repository's name; `^` and `$` stand for the ends of the name.
    pub name: Regex,
    /// What to search in the repositories this filter matches, instead of the default branch; empty where nothing was said.
    /// Never given together with `rev:`.
    pub revs: Vec<Rev>,
}

/// `repo:has.…(…)`: a condition on something else in the repository.
#[derive(Clone, Debug, PartialEq)]
pub enum RepoPredicate {
    /// `has.path(RE)`: some path matches.
    Path(Regex),
    /// `has.file(path:RE content:RE)`: one file matches both; at least one is given.
    File {
        /// On the path.
        path: Option<Regex>,
        /// On the content.
        content: Option<Regex>,
    },
    /// `has.content(RE)`: some file's content matches.
    Content(Regex),
    /// `has.commit.after(DATE)`: something was committed since.
    CommitAfter(Date),
    /// `has.description(RE)`.
    Description(Regex),
    /// `has.meta(key)`, `has.meta(key:value)`.
    Meta {
        /// The key, never empty.
        key: String,
        /// Its value; none means: any.
        value: Option<String>,
    },
    /// `has.topic(T)`.
    Topic(String),
}

/// `file:has.…(…)`: a condition on the file beyond its path.
#[derive(Clone, Debug, PartialEq)]
pub enum FilePredicate {
    /// `has.content(RE)`.
    Content(Regex),
    /// `has.owner(WHO)`; none means: any owner.
    Owner(Option<String>),
    /// `has.contributor(RE)`.
    Contributor(Regex),
}
