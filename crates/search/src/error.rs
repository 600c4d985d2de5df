//! Why a query cannot be run.

use model::{ByteRange, SymbolKind};

/// Why a query that parses cannot be run. Spans are byte offsets into the text the query was parsed from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// Its parts cannot be asked together.
    #[error("{source}")]
    Unanswerable {
        /// What it is, where it stands, and how to mend it.
        source: Box<query::ParseError>,
    },
    /// The regular expression is not one, or uses what the engine has not.
    #[error("bad regular expression: {reason}")]
    BadPattern {
        /// What is wrong with it.
        reason: String,
        /// Where it stands.
        span: ByteRange,
    },
    /// The structural pattern cannot be read, or not be matched in bounded time.
    #[error("bad structural pattern: {reason}")]
    BadStructuralPattern {
        /// What is wrong with it.
        reason: String,
        /// How to mend it, where that can be said.
        hint: Option<String>,
        /// Where it stands.
        span: ByteRange,
    },
    /// The regular expression would need more memory than the limit.
    #[error(
        "the regular expression is too large once its repetitions are written out; make its {{n,m}} smaller"
    )]
    PatternTooLarge {
        /// Where it stands.
        span: ByteRange,
    },
    /// No language has this name.
    #[error("no language is called '{name}'")]
    UnknownLanguage {
        /// The name that was asked for, cut to 80 characters.
        name: String,
        /// The language that was probably meant.
        suggestion: Option<&'static str>,
        /// Where it stands.
        span: ByteRange,
    },
    /// No kind of definition has this name.
    #[error("there is no kind of definition called '{name}'")]
    UnknownSymbolKind {
        /// The name that was asked for, cut to 80 characters.
        name: String,
        /// Where it stands.
        span: Option<ByteRange>,
    },
    /// The query has too many terms to be run.
    #[error("the query has {n_terms} patterns; at most {n_terms_max} can be run at once")]
    TooManyTerms {
        /// How many there are.
        n_terms: usize,
        /// How many there may be.
        n_terms_max: usize,
    },
    /// There is nothing to look for.
    #[error("the query is empty; type a word, or a filter such as repo: or file:")]
    Empty,
}

impl SearchError {
    /// Where in the query the fault is, if it is at one place.
    pub fn span(&self) -> Option<ByteRange> {
        match self {
            SearchError::Unanswerable { source } => Some(source.span.into()),
            SearchError::BadPattern { span, .. }
            | SearchError::BadStructuralPattern { span, .. }
            | SearchError::PatternTooLarge { span }
            | SearchError::UnknownLanguage { span, .. } => Some(span.clone()),
            SearchError::UnknownSymbolKind { span, .. } => span.clone(),
            SearchError::TooManyTerms { .. } | SearchError::Empty => None,
        }
    }

    /// How to mend it, in a sentence.
    pub fn hint(&self) -> Option<String> {
        match self {
            SearchError::Unanswerable { source } => source.hint.clone(),
            SearchError::BadStructuralPattern { hint, .. } => hint.clone(),
            SearchError::UnknownLanguage { name, suggestion, .. } => Some(match suggestion {
                Some(name) => format!("did you mean lang:{}?", crate::result::quoted(name)),
                None => no_such_language(name),
            }),
            SearchError::UnknownSymbolKind { .. } => {
                let known: Vec<String> = SymbolKind::ALL.iter().map(ToString::to_string).collect();
                Some(format!("the kinds are {}", known.join(", ")))
            }
            _ => None,
        }
    }

    /// The word that stands in answers for this kind of error.
    pub fn kind(&self) -> &'static str {
        match self {
            SearchError::Unanswerable { source } => source.kind.code(),
            SearchError::BadPattern { .. } => "bad-pattern",
            SearchError::BadStructuralPattern { .. } => "bad-structural-pattern",
            SearchError::PatternTooLarge { .. } => "pattern-too-large",
            SearchError::UnknownLanguage { .. } => "unknown-language",
            SearchError::UnknownSymbolKind { .. } => "unknown-symbol-kind",
            SearchError::TooManyTerms { .. } => "too-many-terms",
            SearchError::Empty => "empty-query",
        }
    }
}

/// What to write instead of a language that nobody knows, and that is near none. Often it is meant for the end of a file's name.
fn no_such_language(name: &str) -> String {
    let names = "languages have the names that GitHub gives them, such as lang:python, lang:c++ or lang:\"objective-c\"";
    match name.trim_start_matches('.') {
        ending if !ending.is_empty() && ending.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            format!("{names}; for files that end so, write file:\\.{ending}$")
        }
        _ => names.to_owned(),
    }
}
