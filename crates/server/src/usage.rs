//! What is counted of each request: its kind, how it ended, how long it took. The data-collection register
//! (crates/telemetry/register.toml) names every number; this is the code that makes them.

use crate::caller::Caller;
use crate::state::AppState;
use axum::http::HeaderMap;
use model::UserId;
use search::Stats;
use std::sync::Arc;
use std::time::Duration;
use telemetry::{Counter, Ending, Route, Usage};

/// For whom a request was answered; the door leaves it in the answer.
#[derive(Clone, Copy)]
pub(crate) struct AnsweredFor(pub(crate) Option<UserId>);

/// Whether weekly pings are made, and sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PingMode {
    /// None is made, and nothing is counted by person.
    Off,
    /// Made to be looked at.
    #[default]
    Local,
    /// They would be sent, but `DO_NOT_TRACK` is set where the server runs: made to be looked at.
    DoNotTrack,
    /// Made, and sent once an administrator has seen the bytes and said so.
    On {
        /// Where to.
        destination: String,
        /// Whether the mode of the server lets pings out.
        is_let_out: bool,
    },
}

impl PingMode {
    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            PingMode::Off => "off",
            PingMode::Local | PingMode::DoNotTrack => "local",
            PingMode::On { .. } => "on",
        }
    }

    /// Where pings are sent, where they are.
    pub fn destination(&self) -> Option<&str> {
        match self {
            PingMode::On { destination, .. } => Some(destination),
            PingMode::Off | PingMode::Local | PingMode::DoNotTrack => None,
        }
    }

    /// What that means, in a sentence.
    pub(crate) fn meaning(&self) -> &'static str {
        match self {
            PingMode::Off => "No ping is made, and nothing is counted by person.",
            PingMode::Local => {
                "When a week is over its ping is made, so that it can be looked at. None is sent."
            }
            PingMode::DoNotTrack => {
                "When a week is over its ping is made, so that it can be looked at. None is sent: DO_NOT_TRACK is set."
            }
            PingMode::On { is_let_out: false, .. } => {
                "When a week is over its ping is made. None is sent: egress.mode keeps pings in."
            }
            PingMode::On { .. } => {
                "When a week is over its ping is made. It is sent once an administrator has seen its bytes and approved them, \
                 and from then on each week until that is withdrawn."
            }
        }
    }
}

/// Who counts what a search found.
pub(crate) struct SearchCount {
    usage: Arc<Usage>,
    person: Option<i64>,
    is_counted: bool,
}

impl SearchCount {
    /// For a caller who may have asked not to be counted.
    pub(crate) fn of(state: &AppState, caller: &Caller) -> Self {
        let person = caller.actor.user_id().map(|user| user.0);
        SearchCount { usage: Arc::clone(&state.config.usage), person, is_counted: !caller.asks_for_privacy }
    }

    /// Counts a search: that there was one, and whether it found nothing or was cut short. Neither the query nor what was found
    /// is kept.
    pub(crate) fn searched(&self, stats: &Stats) {
        if !self.is_counted {
            return;
        }
        let found_nothing = stats.matches == 0 && stats.files == 0 && stats.repos == 0;
        self.usage.count(self.person, &[Counter::Searches]);
        match (stats.complete, found_nothing) {
            (true, true) => self.usage.count(self.person, &[Counter::SearchesEmpty]),
            (true, false) => {}
            (false, _) => self.usage.count(self.person, &[Counter::SearchesCut]),
        }
    }
}

/// A request as it is counted.
pub(crate) struct Asked {
    route: Route,
    asks_for_privacy: bool,
}

impl Asked {
    /// Of which kind a request is: by the pattern of its route and, behind a wildcard, one of the words of the register.
    pub(crate) fn of(pattern: Option<&str>, path: &str, headers: &HeaderMap) -> Self {
        let page = path.split_once("/-/").map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
        let route = pattern.map_or(Route::NONE, |pattern| Route::of(pattern, page));
        Asked { route, asks_for_privacy: asks_for_privacy(headers) }
    }

    /// Counts a request when its answer begins: its kind, how it ended, how long it took, and what its kind counts for. People
    /// who left the counting, and browsers that ask for it (`DNT`, `Sec-GPC`), are not counted.
    pub(crate) fn answered(&self, usage: &Usage, status: u16, took: Duration, person: Option<UserId>) {
        let person = person.map(|user| user.0);
        if self.asks_for_privacy || !usage.counts_for(person) {
            return;
        }
        let ending = Ending::of_status(status);
        usage.request(self.route, ending, took);
        match ending {
            Ending::Well => usage.count(person, self.route.entry().counts),
            Ending::Refused => {}
            Ending::Failed => usage.count(person, &[Counter::Failures]),
        }
    }
}

/// Whether a browser says that its user does not want to be tracked: Global Privacy Control, or the older Do Not Track.
pub(crate) fn asks_for_privacy(headers: &HeaderMap) -> bool {
    ["dnt", "sec-gpc"].iter().any(|name| headers.get(*name).is_some_and(|value| value == "1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(pattern: &str, path: &str, headers: &HeaderMap, status: u16) -> telemetry::Batch {
        let usage = Usage::new(true, true);
        let asked = Asked::of(Some(pattern), path, headers);
        asked.answered(&usage, status, Duration::from_micros(700), Some(UserId(3)));
        usage.take()
    }

    #[test]
    fn kinds_are_counted_and_addresses_are_not() {
        let none = HeaderMap::new();
        let batch = counted("/r/{*address}", "/r/secret/repo/-/blob/secret/path.c", &none, 200);
        assert_eq!(batch.requests[0].route.name(), "/r/…/-/blob");
        assert_eq!(batch.counters, [(Counter::FilesRead, 1)]);
        assert!(!format!("{batch:?}").contains("secret"));
        let batch = counted("/r/{*address}", "/r/a/-/secret/path", &none, 404);
        assert_eq!((batch.requests[0].route.name().as_str(), batch.counters.len()), ("/r/{*address}", 0));
        let batch = counted("/search", "/search", &none, 500);
        assert_eq!(batch.counters, [(Counter::Failures, 1)]);
    }

    #[test]
    fn who_asks_for_privacy_is_not_counted() {
        for name in ["dnt", "sec-gpc"] {
            let mut headers = HeaderMap::new();
            headers.insert(name, "1".parse().unwrap());
            assert!(counted("/search", "/search", &headers, 200).is_empty(), "{name}");
            headers.insert(name, "0".parse().unwrap());
            assert!(!counted("/search", "/search", &headers, 200).is_empty(), "{name}");
        }
    }
}
