//! The parameters of a streaming search.

use query::PatternType;
use url::form_urlencoded;

/// What a client asks of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRequest {
    /// The query.
    pub query: String,
    /// How bare terms are read where the query has no `patterntype:`.
    pub pattern_type: PatternType,
    /// How many results are sent; the search goes on and counts. `None`: all.
    pub display: Option<usize>,
    /// Whether content comes as chunks instead of lines.
    pub wants_chunks: bool,
    /// How many lines around a match a chunk holds.
    pub context_lines: usize,
    /// How many bytes of a line are sent; `None`: as many as the server likes.
    pub line_bytes_max: Option<usize>,
}

/// A version of the search interface: it decides how bare terms are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// Regular expressions.
    V1,
    /// Literal text.
    V2,
    /// Literal text, regular expressions between slashes.
    #[default]
    V3,
}

/// A parameter that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be {expected}, not '{value}'")]
pub struct BadParameter {
    /// The parameter.
    pub name: &'static str,
    /// What it may be.
    pub expected: &'static str,
    /// What was sent, cut to 80 characters.
    pub value: String,
}

/// Most lines of context: more would be the file.
const CONTEXT_LINES_MAX: usize = 50;

impl Version {
    /// The version of this name.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "V1" => Some(Version::V1),
            "V2" => Some(Version::V2),
            "V3" => Some(Version::V3),
            _ => None,
        }
    }

    /// How bare terms are read in it.
    pub fn pattern_type(self) -> PatternType {
        match self {
            Version::V1 => PatternType::Regexp,
            Version::V2 => PatternType::Literal,
            Version::V3 => PatternType::Standard,
        }
    }
}

/// The pattern type of this name: ours, and `lucky`, which tries several readings there and is the standard one here.
pub fn pattern_type_of(word: &str) -> Option<PatternType> {
    match word {
        "lucky" => Some(PatternType::Standard),
        _ => PatternType::ALL.into_iter().find(|known| known.as_str() == word),
    }
}

impl StreamRequest {
    /// Reads a query string. Unknown parameters are ignored; of a repeated one the first counts.
    pub fn parse(query_string: &str) -> Result<Self, BadParameter> {
        let get = |name: &str| -> Option<String> {
            let mut pairs = form_urlencoded::parse(query_string.as_bytes());
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let given = |name: &str| get(name).filter(|value| !value.is_empty());
        let version = match given("v") {
            Some(word) => Version::from_word(&word).ok_or_else(|| bad("v", "V1, V2 or V3", &word))?,
            None => Version::default(),
        };
        let pattern_type = match given("t") {
            Some(word) => pattern_type_of(&word)
                .ok_or_else(|| bad("t", "keyword, standard, literal, regexp, structural or lucky", &word))?,
            None => version.pattern_type(),
        };
        let number = |name: &'static str| match given(name) {
            Some(text) => match text.parse::<i64>() {
                Ok(number) => Ok(usize::try_from(number).ok()),
                Err(_) => Err(bad(name, "a number", &text)),
            },
            None => Ok(None),
        };
        let wants_chunks = match given("cm") {
            Some(text) => boolean(&text).ok_or_else(|| bad("cm", "t or f", &text))?,
            None => false,
        };
        Ok(StreamRequest {
            query: get("q").ok_or_else(|| bad("q", "given", ""))?,
            pattern_type,
            display: number("display")?,
            wants_chunks,
            context_lines: number("cl")?.unwrap_or(1).min(CONTEXT_LINES_MAX),
            line_bytes_max: number("max-line-len")?,
        })
    }
}

/// As Go reads a boolean.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn bad(name: &'static str, expected: &'static str, value: &str) -> BadParameter {
    let value = value.chars().filter(|c| !c.is_control()).take(80).collect();
    BadParameter { name, expected, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_send() {
        let read = |text: &str| StreamRequest::parse(text);
        let src = read("q=foo+bar&display=20&cm=t").unwrap();
        assert_eq!((src.query.as_str(), src.display, src.wants_chunks), ("foo bar", Some(20), true));
        assert_eq!((src.context_lines, src.pattern_type), (1, PatternType::Standard));
        let plugin =
            read("q=a&v=V2&t=keyword&dl=0&dk=html&dc=1&display=-1&max-line-len=-1&cl=3&sm=0").unwrap();
        assert_eq!((plugin.pattern_type, plugin.display), (PatternType::Keyword, None));
        assert_eq!((plugin.context_lines, plugin.line_bytes_max), (3, None));
        assert_eq!(read("q=a&v=V1").unwrap().pattern_type, PatternType::Regexp);
        assert_eq!(read("q=a&cl=99999999").unwrap().context_lines, CONTEXT_LINES_MAX);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (text, name) in [
            ("", "q"),
            ("q=a&v=V9", "v"),
            ("q=a&t=x", "t"),
            ("q=a&display=many", "display"),
            ("q=a&cm=maybe", "cm"),
            ("q=a&cl=99999999999999999999", "cl"),
        ] {
            assert_eq!(StreamRequest::parse(text).map_err(|bad| bad.name), Err(name), "{text}");
        }
    }
}
