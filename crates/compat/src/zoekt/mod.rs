//! zoekt-webserver's JSON: `POST /api/search`, `POST /api/list`, `GET /search?format=json`, `GET /print?format=raw`, and
//! zoekt's own query language.

mod answer;
mod case;
mod files;
mod list;
mod lower;
mod parse;
mod request;
mod token;
mod web;

pub use answer::{Answer, StatsShape};
pub use files::{FileShape, FileShaper};
pub use list::{BranchShape, ListAnswer, RepoEntry, RepoStats};
pub use lower::{Asked, Kind};
pub use parse::ParseError;
pub use request::{ListRequest, RequestError, SearchRequest};
pub use web::{WebAnswer, WebBranch, WebMatch, WebRepo, WebRequest};

/// Reads a query in zoekt's language. The empty text asks for everything.
pub fn parse(text: &str) -> Result<Asked, ParseError> {
    lower::lower(parse::parse(text)?)
}
