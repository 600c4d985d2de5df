//! The values of filters, from text to meaning.

use crate::lexer::FilterLexeme;
use crate::regex::RegexBudget;
use crate::text::{Source, mended, nearest, quoted, removed};
use crate::{
    ContextFilter, Count, Date, ErrorKind, FilterId, FilterInfo, FilterKind, Inclusion, IndexUse, ParseError,
};
use crate::{PatternType, RepoFilter, ResultType, Rev, Select, Setting, Span, Visibility};
use crate::{duration, error::shown, parser, predicates, revs};
use std::time::Duration;

/// What a filter says: a condition, or a setting.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Filter(FilterKind),
    Revs(Vec<Rev>),
    Type(ResultType),
    Case(bool),
    Fork(Inclusion),
    Archived(Inclusion),
    Visibility(Visibility),
    Count(Count),
    Timeout(Duration),
    Select(Select),
    Index(IndexUse),
    /// Found before anything else was read.
    PatternType,
}

/// Reads a filter whose value, without its quotes, is `source`. (`content:` is a pattern and read with the terms.)
pub(crate) fn read(
    text: &str,
    lexeme: FilterLexeme,
    span: Span,
    source: &Source,
    budget: &mut RegexBudget,
) -> Result<Value, ParseError> {
    let info = lexeme.info;
    if source.text.is_empty() {
        return Err(ParseError::new(span, ErrorKind::EmptyValue { filter: info.name })
            .with_hint(format!("expected: {}", info.value))
            .with_suggestion(removed(text, span)));
    }
    let mut reader = Reader { text, info, span, value: lexeme.value, source, budget };
    reader.read()
}

/// Finds the one `patterntype:` in force among the places where one stands.
pub(crate) fn pattern_type(
    text: &str,
    filters: &[Span],
    default: PatternType,
) -> Result<Setting<PatternType>, ParseError> {
    let info = FilterId::PatternType.info();
    let mut found = Setting::default_of(default);
    for span in filters {
        let colon = span.of(text).find(':').map_or(span.end, |at| span.start + at + 1);
        let value = Span::new(colon, span.end);
        let word = value.of(text).trim_matches(['"', '\'']);
        if word.is_empty() {
            return Err(ParseError::new(*span, ErrorKind::EmptyValue { filter: info.name })
                .with_hint(format!("expected: {}", info.value))
                .with_suggestion(removed(text, *span)));
        }
        let read = PatternType::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(word));
        let Some(read) = read else { return Err(bad_choice(text, info, value, word)) };
        match found.span {
            Some(first) if found.value != read => {
                return Err(parser::conflict(text, FilterId::PatternType, first, *span));
            }
            Some(_) => {}
            None => found = Setting::given(read, *span),
        }
    }
    Ok(found)
}

struct Reader<'a> {
    text: &'a str,
    info: &'static FilterInfo,
    span: Span,
    value: Span,
    source: &'a Source,
    budget: &'a mut RegexBudget,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<Value, ParseError> {
        let word = self.source.text.as_str();
        let value = match self.info.id {
            FilterId::Repo => return self.repo().map(Value::Filter),
            FilterId::File => return self.file().map(Value::Filter),
            FilterId::Rev => return revs::read(self.text, self.source).map(Value::Revs),
            FilterId::Author => return Ok(Value::Filter(FilterKind::Author(self.regex()?))),
            FilterId::Committer => return Ok(Value::Filter(FilterKind::Committer(self.regex()?))),
            FilterId::Message => return Ok(Value::Filter(FilterKind::Message(self.regex()?))),
            FilterId::Before => return Ok(Value::Filter(FilterKind::Before(self.date()?))),
            FilterId::After => return Ok(Value::Filter(FilterKind::After(self.date()?))),
            FilterId::Timeout => return self.timeout(),
            FilterId::Count => return self.count(),
            FilterId::Lang => Some(Value::Filter(FilterKind::Language(word.to_string()))),
            FilterId::Context => context(word).map(Value::Filter),
            // `content:` never comes here.
            FilterId::PatternType | FilterId::Content => Some(Value::PatternType),
            FilterId::Type => {
                ResultType::ALL.into_iter().find(|known| same(known.as_str(), word)).map(Value::Type)
            }
            FilterId::Case => choice(word, [("yes", true), ("no", false)]).map(Value::Case),
            FilterId::Fork => inclusion(word).map(Value::Fork),
            FilterId::Archived => inclusion(word).map(Value::Archived),
            FilterId::Visibility => {
                let all = [Visibility::Any, Visibility::Public, Visibility::Private];
                choice(word, all.map(|value| (value.as_str(), value))).map(Value::Visibility)
            }
            FilterId::Index => {
                let all = [IndexUse::Yes, IndexUse::No, IndexUse::Only];
                choice(word, all.map(|value| (value.as_str(), value))).map(Value::Index)
            }
            FilterId::Select => select(word).map(Value::Select),
        };
        value.ok_or_else(|| bad_choice(self.text, self.info, self.value, word))
    }

    fn regex(&mut self) -> Result<crate::Regex, ParseError> {
        self.regex_of(self.source)
    }

    fn regex_of(&mut self, source: &Source) -> Result<crate::Regex, ParseError> {
        self.budget.check(source).map_err(|mut error| {
            let glob = as_glob(&source.text).filter(|_| self.info.kind.is_regex());
            let (meant, hint) = match glob {
                Some(regex) => (regex, "this is a regular expression, not a glob: write .* for any text"),
                None => (regex_syntax::escape(&source.text), ESCAPE_HINT),
            };
            error.hint.get_or_insert_with(|| hint.to_string());
            let meant = if meant.contains([' ', '"', '(', ')']) { quoted(&meant) } else { meant };
            // Inside quotes the place of a part is not that of its mended form.
            let whole = source.whole() == self.value || source.whole() == self.source.whole();
            let place = if whole { self.value } else { source.whole() };
            if whole || !meant.starts_with('"') {
                error.suggestion = Some(mended(self.text, &[(place, &meant)]));
            }
            error
        })
    }

    fn date(&self) -> Result<Date, ParseError> {
        Date::new(&self.source.text).ok_or_else(|| bad_date(self.value, &self.source.text))
    }

    fn timeout(&self) -> Result<Value, ParseError> {
        let word = self.source.text.as_str();
        duration::parse(word).map(Value::Timeout).map_err(|reason| {
            let kind = ErrorKind::BadDuration { text: shown(word), reason };
            let error = ParseError::new(self.value, kind).with_hint("write it like 10s, 1m30s or 500ms");
            let bare_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
            match duration::parse(&format!("{word}s")) {
                Ok(_) if bare_number => {
                    error.with_suggestion(mended(self.text, &[(Span::empty(self.source.whole().end), "s")]))
                }
                _ => error.with_suggestion(removed(self.text, self.span)),
            }
        })
    }

    fn count(&self) -> Result<Value, ParseError> {
        let word = self.source.text.as_str();
        if same("all", word) {
            return Ok(Value::Count(Count::All));
        }
        let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        let reason = match word.parse::<u64>() {
            Ok(0) => "it is zero",
            Ok(count) if is_number => return Ok(Value::Count(Count::AtMost(count))),
            _ if is_number => "it is too large",
            _ if word.starts_with('-') => "it is negative",
            _ => "a number or `all` is expected",
        };
        Err(ParseError::new(self.value, ErrorKind::BadCount { text: shown(word), reason })
            .with_hint("count:all finds everything")
            .with_suggestion(mended(self.text, &[(self.value, "all")])))
    }

    fn repo(&mut self) -> Result<FilterKind, ParseError> {
        if let Some(call) = predicates::call(self.info, self.source) {
            let call = call.map_err(|error| self.mend_name(error))?;
            return predicates::repo(&call, self.budget).map(FilterKind::RepoHas).map_err(with_escape_hint);
        }
        let text = self.source.text.as_str();
        let Some(at) = unescaped_at(text) else {
            return Ok(FilterKind::Repo(RepoFilter { name: self.regex()?, revs: Vec::new() }));
        };
        let revs_source = self.source.slice(at + 1, text.len());
        if at == 0 {
            let kind = ErrorKind::EmptyValue { filter: self.info.name };
            return Err(ParseError::new(self.span, kind)
                .with_hint("a repository is expected before the @; rev: works without repo:")
                .with_suggestion(mended(self.text, &[(self.span, &format!("rev:{}", revs_source.text))])));
        }
        let name = self.regex_of(&self.source.slice(0, at))?;
        Ok(FilterKind::Repo(RepoFilter { name, revs: revs::read(self.text, &revs_source)? }))
    }

    fn file(&mut self) -> Result<FilterKind, ParseError> {
        if let Some(call) = predicates::call(self.info, self.source) {
            let call = call.map_err(|error| self.mend_name(error))?;
            return predicates::file(&call, self.budget).map(FilterKind::FileHas).map_err(with_escape_hint);
        }
        self.regex().map(FilterKind::File)
    }

    fn mend_name(&self, error: ParseError) -> ParseError {
        match error.kind {
            ErrorKind::UnknownPredicate { nearest: Some(near), .. } => {
                let suggestion = mended(self.text, &[(error.span, near)]);
                error.with_hint(format!("did you mean {near}(…)?")).with_suggestion(suggestion)
            }
            _ => error,
        }
    }
}

const ESCAPE_HINT: &str = "escape characters with a meaning of their own by a backslash";

/// The regular expression for what looks like a glob, such as `*.rs`.
fn as_glob(text: &str) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || "*._-/".contains(c);
    if !text.starts_with('*') || !text.chars().all(plain) {
        return None;
    }
    let regex = text.split('*').map(regex_syntax::escape).collect::<Vec<_>>().join(".*");
    Some(format!("^{regex}$"))
}

fn with_escape_hint(mut error: ParseError) -> ParseError {
    error.hint.get_or_insert_with(|| ESCAPE_HINT.to_string());
    error
}

/// Where the revisions begin: the first `@` that no backslash protects.
pub(crate) fn unescaped_at(text: &str) -> Option<usize> {
    let mut chars = text.char_indices();
    while let Some((offset, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '@' => return Some(offset),
            _ => {}
        }
    }
    None
}

pub(crate) fn bad_date(span: Span, text: &str) -> ParseError {
    ParseError::new(span, ErrorKind::BadDate { text: shown(text) }).with_hint(
        "write it like 2024-05-31, 2024-05-31T10:30Z, \"2 weeks ago\", yesterday or \"last friday\"",
    )
}

fn bad_choice(text: &str, info: &'static FilterInfo, value: Span, word: &str) -> ParseError {
    let known: Vec<&str> = info.values.iter().map(|value| value.value).collect();
    let (expected, known_kind) = match known.as_slice() {
        [] => (info.value.replace('`', ""), false),
        known => (format!("one of {}", known.join(", ")), true),
    };
    let synonym = match word.to_ascii_lowercase().as_str() {
        "true" | "y" | "t" | "1" | "on" => known.iter().copied().find(|known| *known == "yes"),
        "false" | "n" | "f" | "0" | "off" | "none" => known.iter().copied().find(|known| *known == "no"),
        "regex" => known.iter().copied().find(|known| *known == "regexp"),
        word => nearest(word, info.values.iter().map(|value| value.value)),
    };
    let kind =
        ErrorKind::BadValue { filter: info.name, value: shown(word).into(), expected: expected.into() };
    let error = ParseError::new(value, kind);
    match synonym {
        Some(near) => {
            let suggestion = mended(text, &[(value, near)]);
            error.with_hint(format!("did you mean {}:{near}?", info.name)).with_suggestion(suggestion)
        }
        None if known_kind => error.with_hint(info.doc),
        None => error.with_hint(format!("expected: {}", info.value)),
    }
}

fn same(known: &str, word: &str) -> bool {
    known.eq_ignore_ascii_case(word)
}

fn choice<T, const N: usize>(word: &str, known: [(&str, T); N]) -> Option<T> {
    known.into_iter().find(|(name, _)| same(name, word)).map(|(_, value)| value)
}

fn inclusion(word: &str) -> Option<Inclusion> {
    let all = [Inclusion::Yes, Inclusion::No, Inclusion::Only];
    choice(word, all.map(|value| (value.as_str(), value)))
}

fn context(word: &str) -> Option<FilterKind> {
    let is_part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    let fits = match word.strip_prefix('@') {
        Some(owned) => owned.split('/').count() <= 2 && owned.split('/').all(is_part),
        None => is_part(word),
    };
    fits.then(|| FilterKind::Context(ContextFilter { name: word.to_string(), scope: None }))
}

fn select(word: &str) -> Option<Select> {
    let word = word.to_ascii_lowercase();
    let known = match word.as_str() {
        "repo" => Select::Repo,
        "file" => Select::File,
        "file.path" => Select::FilePath,
        "file.directory" => Select::FileDirectory,
        "file.owners" => Select::FileOwners,
        "content" => Select::Content,
        "symbol" => Select::Symbol(None),
        "commit" => Select::Commit,
        "commit.diff.added" => Select::CommitDiffAdded,
        "commit.diff.removed" => Select::CommitDiffRemoved,
        word => {
            let kind = word.strip_prefix("symbol.")?;
            let is_word =
                !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            return is_word.then(|| Select::Symbol(Some(kind.to_string())));
        }
    };
    Some(known)
}
