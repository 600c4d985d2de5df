//! `has.…(…)`: conditions on something else in the repository or the file.

use crate::regex::RegexBudget;
use crate::table::PredicateInfo;
use crate::text::{Source, nearest};
use crate::{Date, ErrorKind, FilePredicate, FilterInfo, ParseError, Regex, RepoPredicate, error::shown};
use crate::{scan, values};

/// A predicate with its arguments still unread.
pub(crate) struct Call {
    filter: &'static str,
    info: &'static PredicateInfo,
    arguments: Source,
}

/// Reads a value as a call of one of the filter's predicates; `None` where it is something else.
pub(crate) fn call(filter: &'static FilterInfo, source: &Source) -> Option<Result<Call, ParseError>> {
    let text = source.text.as_str();
    let open = text.find('(')?;
    if !scan::opens_predicate(&text[..open], filter.kind) || text[..open].ends_with("at.time") {
        return None;
    }
    let name = source.slice(0, open);
    let canonical =
        name.text.strip_prefix("contains.").map_or(name.text.clone(), |rest| format!("has.{rest}"));
    let Some(info) = filter.predicates.iter().find(|predicate| predicate.name == canonical) else {
        let near = nearest(&canonical, filter.predicates.iter().map(|predicate| predicate.name));
        let kind = ErrorKind::UnknownPredicate {
            filter: filter.name,
            name: shown(&name.text).into(),
            nearest: near,
        };
        let known: Vec<&str> = filter.predicates.iter().map(|predicate| predicate.name).collect();
        let hint = format!("{}: knows {}", filter.name, known.join(", "));
        return Some(Err(ParseError::new(name.whole(), kind).with_hint(hint)));
    };
    if scan::predicate_end(text, open) != Some(text.len()) {
        let reason = "must end with its closing parenthesis".to_string();
        return Some(Err(fault(filter.name, info, source, reason)));
    }
    let arguments = source.slice(open + 1, text.len() - 1).trimmed();
    Some(Ok(Call { filter: filter.name, info, arguments }))
}

fn fault(filter: &'static str, info: &'static PredicateInfo, place: &Source, reason: String) -> ParseError {
    let hint = format!("write {filter}:{}({})", info.name, info.arguments);
    ParseError::new(place.whole(), ErrorKind::BadPredicate { filter, name: info.name, reason: reason.into() })
        .with_hint(hint)
}

/// Reads the arguments of a predicate of `repo:`.
pub(crate) fn repo(call: &Call, budget: &mut RegexBudget) -> Result<RepoPredicate, ParseError> {
    match call.info.name {
        "has.path" => call.regex(budget).map(RepoPredicate::Path),
        "has.content" => call.regex(budget).map(RepoPredicate::Content),
        "has.description" => call.regex(budget).map(RepoPredicate::Description),
        "has.file" => call.path_and_content(budget),
        "has.commit.after" => {
            let date = call.single()?;
            let read = Date::new(&date.text).ok_or_else(|| values::bad_date(date.whole(), &date.text));
            read.map(RepoPredicate::CommitAfter)
        }
        "has.meta" => {
            let text = call.single()?.text;
            let (key, value) = text.split_once(':').map_or((text.as_str(), None), |(k, v)| (k, Some(v)));
            if key.is_empty() {
                return Err(call.fault("needs a key"));
            }
            Ok(RepoPredicate::Meta { key: key.to_string(), value: value.map(str::to_string) })
        }
        // The table has no other row; a test holds it.
        _ => Ok(RepoPredicate::Topic(call.single()?.text)),
    }
}

/// Reads the arguments of a predicate of `file:`.
pub(crate) fn file(call: &Call, budget: &mut RegexBudget) -> Result<FilePredicate, ParseError> {
    match call.info.name {
        "has.content" => call.regex(budget).map(FilePredicate::Content),
        "has.contributor" => call.regex(budget).map(FilePredicate::Contributor),
        // The table has no other row; a test holds it.
        _ if call.arguments.text.is_empty() => Ok(FilePredicate::Owner(None)),
        _ => Ok(FilePredicate::Owner(Some(call.single()?.text))),
    }
}

impl Call {
    fn fault(&self, reason: &str) -> ParseError {
        fault(self.filter, self.info, &self.arguments, reason.to_string())
    }

    /// The one argument, without its quotes.
    fn single(&self) -> Result<Source, ParseError> {
        let argument =
            without_quotes(&self.arguments).ok_or_else(|| self.fault("has text after the closing quote"))?;
        if argument.text.is_empty() {
            return Err(self.fault(&format!("needs an argument: {}", self.info.arguments)));
        }
        Ok(argument)
    }

    fn regex(&self, budget: &mut RegexBudget) -> Result<Regex, ParseError> {
        budget.check(&self.single()?)
    }

    fn path_and_content(&self, budget: &mut RegexBudget) -> Result<RepoPredicate, ParseError> {
        let (mut path, mut content) = (None, None);
        for argument in words(&self.arguments) {
            let prefixed =
                |name: &str| argument.text.strip_prefix(name).map(|rest| argument.text.len() - rest.len());
            let (place, at) = match (prefixed("content:"), prefixed("path:").or_else(|| prefixed("file:"))) {
                (Some(at), _) => (&mut content, at),
                (None, Some(at)) => (&mut path, at),
                (None, None) => (&mut path, 0),
            };
            let value = without_quotes(&argument.slice(at, argument.text.len()))
                .ok_or_else(|| self.fault("has text after a closing quote"))?;
            if value.text.is_empty() {
                return Err(self.fault("has an empty argument"));
            }
            if place.replace(budget.check(&value)?).is_some() {
                return Err(self.fault("takes one path: and one content: (quote what holds spaces)"));
            }
        }
        if path.is_none() && content.is_none() {
            return Err(self.fault("needs path:, content:, or both"));
        }
        Ok(RepoPredicate::File { path, content })
    }
}

/// Takes the quotes off, if there are any; `None` where something follows the closing quote.
fn without_quotes(source: &Source) -> Option<Source> {
    if !source.text.starts_with('"') {
        return Some(source.clone());
    }
    let end = scan::quoted(&source.text, 0, '"')?;
    (end == source.text.len()).then(|| source.slice(1, end - 1).unquoted('"'))
}

/// The arguments between white space that stands neither in quotes nor in parentheses nor after a backslash.
fn words(source: &Source) -> Vec<Source> {
    let text = source.text.as_str();
    let mut found = Vec::new();
    let (mut start, mut offset, mut depth) = (0, 0, 0_usize);
    while let Some(c) = text[offset..].chars().next() {
        let mut next = offset + c.len_utf8();
        match c {
            '\\' => next += text[next..].chars().next().map_or(0, char::len_utf8),
            '"' if offset == start || text[..offset].ends_with(':') => {
                next = scan::quoted(text, offset, '"').unwrap_or(text.len());
            }
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if c.is_whitespace() && depth == 0 => {
                found.push((start, offset));
                start = next;
            }
            _ => {}
        }
        offset = next;
    }
    found.push((start, text.len()));
    found.retain(|(start, end)| start < end);
    found.into_iter().map(|(start, end)| source.slice(start, end)).collect()
}

/// Whether text may stand as the only argument of a predicate as it is, without quotes.
pub(crate) fn is_plain_argument(text: &str) -> bool {
    let call = format!("({text})");
    !text.is_empty()
        && text.trim() == text
        && !text.contains('"')
        && scan::predicate_end(&call, 0) == Some(call.len())
}

/// Whether text may stand as one of several arguments as it is, without quotes.
pub(crate) fn is_plain_word(text: &str) -> bool {
    is_plain_argument(text) && !text.contains(char::is_whitespace) && !text.ends_with('\\')
}
