//! The bodies of `POST /api/search` and `POST /api/list`. Names of fields may be written in any case.

use serde_json::{Map, Value};
use std::time::Duration;

/// `POST /api/search`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchRequest {
    /// The query, never empty.
    pub query: String,
    /// Only these repositories, by their numbers.
    pub repo_ids: Option<Vec<u32>>,
    /// Whether content comes as chunks instead of lines.
    pub wants_chunks: bool,
    /// How many lines around a match come with it.
    pub context_lines: usize,
    /// How many files are sent; `None`: all.
    pub docs_max: Option<usize>,
    /// How many matches are sent; `None`: all.
    pub matches_max: Option<usize>,
    /// How long to search; `None`: as long as the server likes.
    pub wall_time: Option<Duration>,
    /// Whether whole files are sent.
    pub whole: bool,
    /// Whether only the number of documents to look at is wanted.
    pub estimate_only: bool,
}

/// `POST /api/list`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// The query; empty: every repository.
    pub query: String,
    /// Whether repositories come as a map by number instead of a list.
    pub wants_map: bool,
}

/// Why a body is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// It is not JSON, or not an object.
    #[error("the body must be a JSON object: {reason}")]
    NotAnObject {
        /// What is wrong.
        reason: String,
    },
    /// A field is of another type.
    #[error("{field} must be {expected}")]
    WrongType {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// There is no query.
    #[error("missing query")]
    MissingQuery,
}

/// Most lines of context.
const CONTEXT_LINES_MAX: usize = 50;

impl SearchRequest {
    /// Reads a body. Unknown fields are ignored.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let object = object(body)?;
        let none = Map::new();
        let options = match get(&object, "Opts") {
            None => &none,
            Some(Value::Object(options)) => options,
            Some(_) => return Err(wrong("Opts", "an object")),
        };
        let query = text(&object, "Q")?;
        if query.is_empty() {
            return Err(RequestError::MissingQuery);
        }
        let wall_time = number(options, "MaxWallTime")?.filter(|time| *time > 0).map(Duration::from_nanos);
        let count =
            |field| number(options, field).map(|count| count.map(to_usize).filter(|count| *count > 0));
        let total = count("TotalMaxMatchCount")?;
        Ok(SearchRequest {
            query,
            repo_ids: repo_ids(&object)?,
            wants_chunks: flag(options, "ChunkMatches")?,
            context_lines: count("NumContextLines")?.unwrap_or(0).min(CONTEXT_LINES_MAX),
            docs_max: count("MaxDocDisplayCount")?,
            matches_max: match (count("MaxMatchDisplayCount")?, total) {
                (Some(shown), Some(total)) => Some(shown.min(total)),
                (shown, total) => shown.or(total),
            },
            wall_time,
            whole: flag(options, "Whole")?,
            estimate_only: flag(options, "EstimateDocCount")?,
        })
    }
}

impl ListRequest {
    /// Reads a body. Unknown fields are ignored.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let object = object(body)?;
        let field = match get(&object, "Opts") {
            None => None,
            Some(Value::Object(options)) => number(options, "Field")?,
            Some(_) => return Err(wrong("Opts", "an object")),
        };
        Ok(ListRequest { query: text(&object, "Q")?, wants_map: field == Some(2) })
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, RequestError> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(RequestError::NotAnObject { reason: "it is something else".into() }),
        Err(error) => Err(RequestError::NotAnObject { reason: error.to_string() }),
    }
}

/// A field by its name in any case; null is as good as nothing. The last of several wins, as in Go.
fn get<'a>(object: &'a Map<String, Value>, field: &str) -> Option<&'a Value> {
    let exact = object.get(field);
    let any = || {
        let mut last_first = object.iter().rev();
        last_first.find(|(key, _)| key.eq_ignore_ascii_case(field)).map(|(_, value)| value)
    };
    exact.or_else(any).filter(|value| !value.is_null())
}

fn text(object: &Map<String, Value>, field: &'static str) -> Result<String, RequestError> {
    match get(object, field) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(wrong(field, "a string")),
    }
}

fn flag(object: &Map<String, Value>, field: &'static str) -> Result<bool, RequestError> {
    match get(object, field) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(wrong(field, "true or false")),
    }
}

/// A number; a negative one is as good as nothing.
fn number(object: &Map<String, Value>, field: &'static str) -> Result<Option<u64>, RequestError> {
    match get(object, field) {
        None => Ok(None),
        Some(Value::Number(number)) if number.is_u64() || number.is_i64() => Ok(number.as_u64()),
        Some(_) => Err(wrong(field, "a whole number")),
    }
}

fn repo_ids(object: &Map<String, Value>) -> Result<Option<Vec<u32>>, RequestError> {
    let wrong = || wrong("RepoIDs", "a list of numbers below 2³²");
    let Some(ids) = get(object, "RepoIDs") else { return Ok(None) };
    let id = |id: &Value| id.as_u64().and_then(|id| u32::try_from(id).ok()).ok_or_else(wrong);
    ids.as_array().ok_or_else(wrong)?.iter().map(id).collect::<Result<_, _>>().map(Some)
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn wrong(field: &'static str, expected: &'static str) -> RequestError {
    RequestError::WrongType { field, expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_case() {
        let asked = br#"{"q":"foo","opts":{"chunkmatches":true,"NUMCONTEXTLINES":3,"MaxWallTime":1000000000,
            "MaxDocDisplayCount":50,"ShardMaxMatchCount":1,"Unknown":{}},"RepoIDs":null,"x":1}"#;
        let request = SearchRequest::parse(asked).unwrap();
        assert_eq!((request.query.as_str(), request.wants_chunks, request.context_lines), ("foo", true, 3));
        assert_eq!((request.docs_max, request.wall_time), (Some(50), Some(Duration::from_secs(1))));
        assert_eq!(request.repo_ids, None);
        assert!(ListRequest::parse(br#"{"Q":"","Opts":{"Field":2}}"#).unwrap().wants_map);
    }

    #[test]
    fn wrong_bodies() {
        for (body, expected) in [
            (&br#"{"Q":""}"#[..], "missing query"),
            (b"{}", "missing query"),
            (b"[]", "the body must be a JSON object: it is something else"),
            (br#"{"Q":1}"#, "Q must be a string"),
            (br#"{"Q":"a","RepoIDs":[-1]}"#, "RepoIDs must be a list of numbers below 2³²"),
            (br#"{"Q":"a","Opts":{"Whole":1}}"#, "Whole must be true or false"),
            (br#"{"Q":"a","Opts":{"NumContextLines":1.5}}"#, "NumContextLines must be a whole number"),
            (br#"{"Q":"a","Opts":7}"#, "Opts must be an object"),
        ] {
            assert_eq!(SearchRequest::parse(body).unwrap_err().to_string(), expected);
        }
        assert!(SearchRequest::parse(b"{\"Q\":").is_err());
        let huge =
            SearchRequest::parse(br#"{"Q":"a","Opts":{"NumContextLines":18446744073709551615}}"#).unwrap();
        assert_eq!(huge.context_lines, CONTEXT_LINES_MAX);
        let negative = SearchRequest::parse(br#"{"Q":"a","Opts":{"MaxDocDisplayCount":-5}}"#).unwrap();
        assert_eq!(negative.docs_max, None);
    }
}
