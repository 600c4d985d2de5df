//! Sourcegraph's streaming search: `GET /.api/search/stream`, as its documentation describes it and `src` reads it.

mod commits;
mod files;
mod frame;
mod matches;
mod request;
mod told;

pub use commits::{CommitText, commit_text, diff_text};
pub use files::{FileText, LineShape, TEXT_BYTES_MAX, line_matches};
pub use frame::{EVENT_BYTES_AIM, Encoder, event, matches_events};
pub use matches::{Counted, MatchEvent, RepoFacts, Shaper, symbol_kind};
pub use request::{BadParameter, StreamRequest, Version, pattern_type_of};
pub use told::{Alert, FilterEvent, ProgressEvent, ProposedQuery, RESULTS_MAX, filters};
