//! Why a text is not a query: where, what, and how to mend it.

use crate::Span;

/// Why a text is not a query. `Display` gives the message alone; a page shows the text with [`span`](Self::span)
/// underlined, the message, the hint, and the suggestion as a link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ParseError {
    /// The bytes at fault; empty where something is missing.
    pub span: Span,
    /// What is wrong.
    pub kind: ErrorKind,
    /// How to mend it, in a sentence.
    pub hint: Option<String>,
    /// The whole query, mended as was probably meant.
    pub suggestion: Option<String>,
}

impl ParseError {
    /// An error without hint and suggestion.
    pub fn new(span: Span, kind: ErrorKind) -> Self {
        ParseError { span, kind, hint: None, suggestion: None }
    }

    /// Adds how to mend it.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the mended query.
    pub fn with_suggestion(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }
}

/// What is wrong with a text that is not a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Longer than [`Limits::bytes_max`](crate::Limits::bytes_max).
    #[error("the query has {bytes} bytes, more than the {bytes_max} allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Groups nested deeper than [`Limits::depth_max`](crate::Limits::depth_max).
    #[error("parentheses and negations are nested more than {depth_max} deep")]
    TooDeep {
        /// The limit.
        depth_max: usize,
    },
    /// More leaves than [`Limits::terms_max`](crate::Limits::terms_max).
    #[error("the query has more than {terms_max} terms and filters")]
    TooManyTerms {
        /// The limit.
        terms_max: usize,
    },
    /// A quote without its other half.
    #[error("the quote {quote} is not closed")]
    UnbalancedQuote {
        /// `"` or `'`.
        quote: char,
    },
    /// Text that follows a closing quote without a space.
    #[error("text follows the closing quote without a space")]
    TextAfterQuote,
    /// A parenthesis without its other half.
    #[error("the parenthesis '{paren}' has no counterpart")]
    UnbalancedParen {
        /// `(` or `)`.
        paren: char,
    },
    /// A parenthesis inside a word with an operator or filter between it and its counterpart: group, or text?
    #[error("the parenthesis inside a word encloses an operator or a filter")]
    AmbiguousParen,
    /// `()`.
    #[error("there is nothing between the parentheses")]
    EmptyGroup,
    /// An operator without something before or after it.
    #[error("{operator} needs a term {side} it")]
    MissingOperand {
        /// As written.
        operator: String,
        /// `before` or `after`.
        side: &'static str,
    },
    /// `""`, `content:""`.
    #[error("the pattern is empty")]
    EmptyPattern,
    /// `name:value` where no filter has this name.
    #[error("there is no filter '{name}:'")]
    UnknownFilter {
        /// As written.
        name: String,
        /// The filter whose name is nearest, if one is near.
        nearest: Option<&'static str>,
    },
    /// A filter with nothing after its colon.
    #[error("{filter}: needs a value")]
    EmptyValue {
        /// The filter's name.
        filter: &'static str,
    },
    /// A `-` or NOT before a filter that cannot be negated.
    #[error("{filter}: cannot be negated")]
    NotNegatable {
        /// The filter's name.
        filter: &'static str,
    },
    /// A value that is none of those the filter knows.
    #[error("'{value}' is no value of {filter}: {expected} is expected")]
    BadValue {
        /// The filter's name.
        filter: &'static str,
        /// The value, cut to 80 characters.
        value: Box<str>,
        /// What would be one.
        expected: Box<str>,
    },
    /// A filter that holds for the whole query, given twice with different values.
    #[error("{filter}: is given twice with different values")]
    Conflict {
        /// The filter's name.
        filter: &'static str,
        /// Where it was given first.
        first: Span,
    },
    /// A filter that holds for the whole query, inside one branch of an OR or under a NOT.
    #[error("{filter}: holds for the whole query and cannot stand inside {inside}")]
    Misplaced {
        /// The filter's name.
        filter: &'static str,
        /// `an OR` or `a NOT`.
        inside: &'static str,
    },
    /// Revisions after the `@` of a `repo:` beside a `rev:`.
    #[error("revisions are given twice: by rev: and after the @ of repo:")]
    RevisionsTwice {
        /// The other place.
        other: Span,
    },
    /// A regular expression that is not one.
    #[error("bad regular expression: {message}")]
    BadRegex {
        /// What is wrong with it.
        message: String,
    },
    /// A construct that linear-time matching cannot offer.
    #[error("{construct} are not supported in regular expressions")]
    UnsupportedRegex {
        /// `back-references` or `look-ahead and look-behind`.
        construct: &'static str,
    },
    /// A regular expression that would compile to something too large.
    #[error("the regular expression is too large: {reason}")]
    RegexTooLarge {
        /// Which limit it passes.
        reason: String,
    },
    /// A date that is not understood.
    #[error("'{text}' is not a date")]
    BadDate {
        /// As written, cut to 80 characters.
        text: String,
    },
    /// A duration that is not understood.
    #[error("'{text}' is not a duration: {reason}")]
    BadDuration {
        /// As written, cut to 80 characters.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A count that is not one.
    #[error("'{text}' is not a count: {reason}")]
    BadCount {
        /// As written, cut to 80 characters.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A revision that cannot be one.
    #[error("'{text}' is not a revision: {reason}")]
    BadRevision {
        /// As written, cut to 80 characters.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// `repo:has.something(…)` that does not exist.
    #[error("{filter}: has no predicate '{name}'")]
    UnknownPredicate {
        /// The filter's name.
        filter: &'static str,
        /// As written, cut to 80 characters.
        name: Box<str>,
        /// The predicate whose name is nearest, if one is near.
        nearest: Option<&'static str>,
    },
    /// A predicate whose arguments are not what it takes.
    #[error("{filter}:{name}(…) {reason}")]
    BadPredicate {
        /// The filter's name.
        filter: &'static str,
        /// The predicate's name.
        name: &'static str,
        /// What is wrong with the arguments.
        reason: Box<str>,
    },
    /// A search context that is not there, or not for the caller.
    #[error("there is no search context '{name}'{}", inside(within))]
    UnknownContext {
        /// As written, cut to 80 characters.
        name: Box<str>,
        /// The context that refers to it, if one does.
        within: Option<Box<str>>,
    },
    /// Contexts inside contexts without end, or too many of them.
    #[error(
        "search contexts stand inside each other more than {depth_max} deep, or more than {n_max} in all"
    )]
    TooManyContexts {
        /// How deep they may stand.
        depth_max: usize,
        /// How many there may be.
        n_max: usize,
    },
    /// A saved context whose text is no longer one.
    #[error("the search context '{name}' cannot be read: {reason}")]
    BrokenContext {
        /// Its name.
        name: Box<str>,
        /// What is wrong with it.
        reason: Box<str>,
    },
    /// Something that a context may not hold.
    #[error("a search context holds conditions on repositories and files, and '{what}' is none")]
    NotInContext {
        /// As written, cut to 80 characters.
        what: Box<str>,
    },
    /// `^rev` where no commits are asked for. Never from [`parse`](crate::parse), only from [`unanswerable`](crate::unanswerable).
    #[error(
        "^{rev} leaves out commits, and this query looks for none: files are searched as they are in one commit"
    )]
    NoCommitsToExclude {
        /// The revision, cut to 80 characters.
        rev: Box<str>,
    },
}

impl ErrorKind {
    /// A stable word for programs: the `code` of an error in answers.
    pub fn code(&self) -> &'static str {
        match self {
            ErrorKind::TooLong { .. } => "too-long",
            ErrorKind::TooDeep { .. } => "too-deep",
            ErrorKind::TooManyTerms { .. } => "too-many-terms",
            ErrorKind::UnbalancedQuote { .. } => "unbalanced-quote",
            ErrorKind::TextAfterQuote => "text-after-quote",
            ErrorKind::UnbalancedParen { .. } => "unbalanced-parenthesis",
            ErrorKind::AmbiguousParen => "ambiguous-parenthesis",
            ErrorKind::EmptyGroup => "empty-group",
            ErrorKind::MissingOperand { .. } => "missing-operand",
            ErrorKind::EmptyPattern => "empty-pattern",
            ErrorKind::UnknownFilter { .. } => "unknown-filter",
            ErrorKind::EmptyValue { .. } => "empty-value",
            ErrorKind::NotNegatable { .. } => "not-negatable",
            ErrorKind::BadValue { .. } => "bad-value",
            ErrorKind::Conflict { .. } => "conflict",
            ErrorKind::Misplaced { .. } => "misplaced-filter",
            ErrorKind::RevisionsTwice { .. } => "revisions-twice",
            ErrorKind::BadRegex { .. } => "bad-regex",
            ErrorKind::UnsupportedRegex { .. } => "unsupported-regex",
            ErrorKind::RegexTooLarge { .. } => "regex-too-large",
            ErrorKind::BadDate { .. } => "bad-date",
            ErrorKind::BadDuration { .. } => "bad-duration",
            ErrorKind::BadCount { .. } => "bad-count",
            ErrorKind::BadRevision { .. } => "bad-revision",
            ErrorKind::UnknownPredicate { .. } => "unknown-predicate",
            ErrorKind::BadPredicate { .. } => "bad-predicate",
            ErrorKind::UnknownContext { .. } => "unknown-context",
            ErrorKind::TooManyContexts { .. } => "too-many-contexts",
            ErrorKind::BrokenContext { .. } => "broken-context",
            ErrorKind::NotInContext { .. } => "not-in-context",
            ErrorKind::NoCommitsToExclude { .. } => "no-commits-to-exclude",
        }
    }
}

/// Where an unknown context is named, if not in the query itself.
fn inside(within: &Option<Box<str>>) -> String {
    within.as_ref().map(|within| format!(", which '{within}' refers to")).unwrap_or_default()
}

/// A piece of the caller's text as it may stand in a message: without control characters, cut to 80 characters.
pub(crate) fn shown(text: &str) -> String {
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut shown: String = text.chars().take(80).map(clean).collect();
    if text.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}
